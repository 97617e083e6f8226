//! `cargo xtask bench-record`: runs every bench that has peers and lets each write its dated record.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The benches that write a record when they are told `--record`, by their names in
/// `benches/Cargo.toml`. The recorded sessions that some of them need lie where `check` finds them too.
const BENCHES: &[&str] = &["ring", "decode", "socket"];

/// Runs them one after the other, so that none measures another; those that `names` names, or all. One
/// that fails does not keep the others from running.
pub(crate) fn run(root: &Path, names: &[&str], is_quick: bool) -> Result<(), String> {
    let chosen = chosen(names, &manifest(root)?)?;
    let mut failed = Vec::new();
    for name in chosen {
        println!("xtask: bench {name}");
        let done =
            Command::new(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
                .current_dir(root)
                .args(arguments(name, is_quick))
                .status()
                .map_err(|error| format!("cargo did not start: {error}"))?;
        if !done.success() {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// Names of the benches in the package's manifest.
fn manifest(root: &Path) -> Result<Vec<String>, String> {
    let path = root.join("benches/Cargo.toml");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{error}"))?;
    let manifest: toml::Table =
        text.parse().map_err(|error| format!("benches/Cargo.toml: {error}"))?;
    let benches = manifest.get("bench").and_then(toml::Value::as_array);
    let name = |bench: &toml::Value| bench.get("name")?.as_str().map(str::to_owned);
    Ok(benches.into_iter().flatten().filter_map(name).collect())
}

/// Which to run: those that are named, or all of the list that this checkout has.
fn chosen(names: &[&str], have: &[String]) -> Result<Vec<&'static str>, String> {
    let is_there = |name: &str| have.iter().any(|it| it == name);
    if let Some(unknown) = names.iter().find(|name| !BENCHES.contains(name) || !is_there(name)) {
        return Err(format!("`{unknown}` is not one of {}", BENCHES.join(", ")));
    }
    let is_asked = |name: &&str| is_there(name) && (names.is_empty() || names.contains(name));
    Ok(BENCHES.iter().copied().filter(is_asked).collect())
}

fn arguments(name: &str, is_quick: bool) -> Vec<&str> {
    let mut arguments = vec!["bench", "-p", "tickring-benches", "--bench", name, "--", "--record"];
    if is_quick {
        arguments.push("--quick");
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn have(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn all_that_are_there_run_unless_some_are_named() {
        let both = have(&["capture", "socket", "ring"]);
        assert_eq!(chosen(&[], &both).unwrap(), ["ring", "socket"]);
        assert_eq!(chosen(&["socket"], &both).unwrap(), ["socket"]);
    }

    #[test]
    fn a_bench_that_keeps_no_record_is_refused_with_those_that_do() {
        let both = have(&["capture", "ring"]);
        for name in ["capture", "decode"] {
            let refused = chosen(&[name], &both).unwrap_err();
            assert_eq!(refused, format!("`{name}` is not one of ring, decode, socket"));
        }
    }

    #[test]
    fn a_quick_run_says_so_to_the_bench() {
        assert_eq!(arguments("ring", true)[3..], ["--bench", "ring", "--", "--record", "--quick"]);
        assert_eq!(arguments("ring", false).last(), Some(&"--record"));
    }
}
