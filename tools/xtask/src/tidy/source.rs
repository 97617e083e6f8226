//! What source files may hold.

use super::Finding;
use super::mask::{is_name, mask};
use super::rules::{FORBIDDEN, LINES_MAX, PRINT, PRINTERS};

/// Findings for one source file.
pub(super) fn check(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if file.ends_with("/mod.rs") {
        let remedy = "call it after its folder: name.rs beside name/";
        findings.push(Finding::new(file, "is a mod.rs", remedy));
    }
    let code = mask(text);
    let lines: Vec<&str> = code.lines().collect();
    let tests_start = if is_test(file) { 0 } else { tests_start(&lines) };
    if tests_start > LINES_MAX {
        let what = format!("has {tests_start} lines before its tests, more than {LINES_MAX}");
        findings.push(Finding::new(file, what, "split it by what its parts are for"));
    }
    let may_print = PRINTERS
        .iter()
        .any(|&printer| file == printer || (printer.ends_with('/') && file.starts_with(printer)));
    for (&line, number) in lines.iter().zip(1..) {
        let place = || format!("{file}:{number}");
        for (pattern, remedy) in FORBIDDEN {
            if has(line, pattern) {
                findings.push(Finding::new(place(), format!("has `{pattern}`"), *remedy));
            }
        }
        if may_print || number > tests_start {
            continue;
        }
        if let Some(pattern) = PRINT.iter().find(|pattern| has(line, pattern)) {
            let remedy = "return it, or print it in crates/cli/src/output.rs";
            findings.push(Finding::new(place(), format!("has `{pattern}`"), remedy));
        }
    }
    findings
}

/// Whether all of a file is tests, by its path.
fn is_test(file: &str) -> bool {
    file.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// How many lines come before the tests. They are the last item of a file; clippy sees to that
/// (`items_after_test_module`).
fn tests_start(lines: &[&str]) -> usize {
    let is_start = |index: usize| {
        lines[index].starts_with("#[cfg(test)]")
            && lines[index + 1..]
                .iter()
                .find(|line| !line.starts_with("#["))
                .is_some_and(|line| line.starts_with("mod "))
    };
    (0..lines.len()).find(|&index| is_start(index)).unwrap_or(lines.len())
}

/// Whether `pattern` stands in a line of code, and not as the end of a longer name.
fn has(line: &str, pattern: &str) -> bool {
    line.match_indices(pattern).any(|(index, _)| {
        let before = line.as_bytes()[..index].last();
        !before.is_some_and(|&byte| is_name(byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn accepts(file: &str, text: &str) {
        assert_eq!(check(file, text), []);
    }

    #[track_caller]
    fn rejects(file: &str, text: &str, place: &str, what: &str) {
        let findings = check(file, text);
        let found: Vec<_> = findings.iter().map(|f| (f.place.as_str(), f.what.as_str())).collect();
        assert_eq!(found, [(place, what)]);
    }

    const FILE: &str = "crates/event/src/event.rs";

    #[test]
    fn leftovers_are_found_with_their_line() {
        rejects(FILE, "fn f() {\n    todo!()\n}\n", "crates/event/src/event.rs:2", "has `todo!`");
        for text in ["unimplemented!", "dbg!", "#[allow(", "#![allow("] {
            let what = format!("has `{text}`");
            rejects(FILE, &format!("{text}x)"), "crates/event/src/event.rs:1", &what);
        }
    }

    #[test]
    fn leftovers_in_tests_are_found_too() {
        rejects("crates/event/tests/a.rs", "dbg!(1);", "crates/event/tests/a.rs:1", "has `dbg!`");
    }

    #[test]
    fn words_in_comments_strings_and_longer_names_are_not_code() {
        accepts(FILE, "/// Not `todo!()`.\nconst A: &str = \"dbg!(\"; my_todo!(); // #[allow(\n");
    }

    #[test]
    fn a_library_does_not_print() {
        for print in ["print!", "println!", "eprint!", "eprintln!"] {
            let what = format!("has `{print}`");
            rejects(FILE, &format!("{print}(\"\");"), "crates/event/src/event.rs:1", &what);
        }
    }

    #[test]
    fn the_output_of_the_command_and_this_tool_print() {
        accepts("crates/cli/src/output.rs", "println!();");
        accepts("tools/xtask/src/tidy.rs", "println!();");
        let file = "crates/cli/src/output/other.rs";
        rejects(file, "println!();", &format!("{file}:1"), "has `println!`");
    }

    #[test]
    fn tests_print() {
        accepts("crates/event/tests/recorded.rs", "eprintln!();");
        accepts("crates/event/src/event/tests.rs", "eprintln!();");
        accepts(FILE, "fn f() {}\n\n#[cfg(test)]\nmod tests {\n    eprintln!();\n}\n");
    }

    #[test]
    fn a_file_is_as_long_as_its_part_before_the_tests() {
        let tests = "#[cfg(test)]\n#[expect(a)]\nmod tests {\n}\n";
        let long = "// line\n".repeat(600);
        accepts(FILE, &format!("{long}{tests}"));
        accepts("crates/event/tests/long.rs", &format!("{long}{long}"));
        let what = "has 601 lines before its tests, more than 600";
        rejects(FILE, &format!("{long}// one more\n{tests}"), FILE, what);
        rejects(FILE, &format!("{long}// one more\n"), FILE, what);
    }

    #[test]
    fn a_test_helper_does_not_end_the_code() {
        let what = "has 603 lines before its tests, more than 600";
        let text = format!("#[cfg(test)]\nuse a::b;\n{}\n", "// line\n".repeat(600));
        rejects(FILE, &text, FILE, what);
    }

    #[test]
    fn a_mod_rs_is_found() {
        rejects("crates/event/src/a/mod.rs", "", "crates/event/src/a/mod.rs", "is a mod.rs");
        accepts("crates/event/src/a/remod.rs", "");
    }
}
