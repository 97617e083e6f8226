//! `cargo xtask check`: every check in order, the cheap ones first.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tidy;

/// Sessions recorded from live venues, beside the checkout and never part of it.
pub(crate) const RECORDED_DATA: &str = "../shared/data";

/// All features, which are off by default for their build time.
const FEATURES: &str = "tickring-cli/export,tickring-cli/dbn";

/// One thing to run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Tidy,
    Cargo { name: &'static str, arguments: &'static [&'static str] },
}

impl Step {
    const fn name(self) -> &'static str {
        match self {
            Self::Tidy => "tidy",
            Self::Cargo { name, .. } => name,
        }
    }
}

/// Runs every step; the error names the first that failed.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    if !root.join(RECORDED_DATA).is_dir() {
        // Test runners hide what a passing test says, so it is said here.
        println!(
            "xtask: {RECORDED_DATA} is missing: tests of recorded sessions skip, or fail in CI"
        );
    }
    let steps = steps(nextest_is_installed(root), std::env::var_os("CI").is_some());
    let count = steps.len();
    for (step, number) in steps.into_iter().zip(1..) {
        println!("xtask: step {number} of {count}: {}", step.name());
        let done = match step {
            Step::Tidy => tidy::run(root),
            Step::Cargo { arguments, .. } => cargo(root, arguments),
        };
        done.map_err(|reason| format!("check failed at {}: {reason}", step.name()))?;
    }
    println!("xtask: check passed, {count} steps");
    Ok(())
}

/// The steps of a check. `nextest` chooses the test runner; `ci` makes it report every failed test
/// instead of stopping at the first.
fn steps(nextest: bool, ci: bool) -> Vec<Step> {
    let cargo = |name, arguments| Step::Cargo { name, arguments };
    let mut steps = vec![
        cargo("format", &["fmt", "--all", "--check"]),
        Step::Tidy,
        cargo("clippy", &["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]),
        cargo(
            "clippy of the features",
            &[
                "clippy",
                "--workspace",
                "--all-targets",
                "--features",
                FEATURES,
                "--",
                "-D",
                "warnings",
            ],
        ),
    ];
    match (nextest, ci) {
        (true, false) => steps.push(cargo("tests", &["nextest", "run", "--workspace"])),
        (true, true) => {
            steps.push(cargo("tests", &["nextest", "run", "--workspace", "--profile", "ci"]));
        }
        // One call for each kind, so that neither runner runs the doc tests twice.
        (false, false) => {
            steps.push(cargo("tests", &["test", "--workspace", "--lib", "--bins", "--tests"]));
        }
        (false, true) => steps.push(cargo(
            "tests",
            &["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"],
        )),
    }
    // What is built only when it is asked for. All members again, so that what they use is built as it
    // was for the tests before.
    steps.push(cargo(
        "export tests",
        &["test", "--workspace", "--features", FEATURES, "--test", "export"],
    ));
    steps.push(cargo(
        "Databento tests",
        &["test", "--workspace", "--features", FEATURES, "--lib", "--test", "binary", "databento"],
    ));
    steps.push(cargo("doc tests", &["test", "--doc", "--workspace"]));
    // Quiet, so that the last lines of a good run are those of the tests.
    steps.push(cargo("documentation", &["doc", "--quiet", "--workspace", "--no-deps"]));
    steps
}

fn nextest_is_installed(root: &Path) -> bool {
    cargo_command(root)
        .args(["nextest", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), String> {
    let line = format!("cargo {}", arguments.join(" "));
    let mut command = cargo_command(root);
    if arguments.first() == Some(&"doc") {
        command.env("RUSTDOCFLAGS", "-Dwarnings");
    }
    let status = command
        .args(arguments)
        .status()
        .map_err(|error| format!("`{line}` did not start: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{line}` ended with {status}")) }
}

fn cargo_command(root: &Path) -> Command {
    // Cargo names itself to what it runs; without it, whichever is found first.
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command.current_dir(root);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(nextest: bool, ci: bool) -> Vec<String> {
        let line = |step| match step {
            Step::Tidy => "tidy".to_owned(),
            Step::Cargo { arguments, .. } => arguments.join(" "),
        };
        steps(nextest, ci).into_iter().map(line).collect()
    }

    #[test]
    fn the_steps_come_in_order_of_their_cost() {
        let expected = [
            "fmt --all --check",
            "tidy",
            "clippy --workspace --all-targets -- -D warnings",
            "clippy --workspace --all-targets --features tickring-cli/export,tickring-cli/dbn -- -D warnings",
            "nextest run --workspace",
            "test --workspace --features tickring-cli/export,tickring-cli/dbn --test export",
            "test --workspace --features tickring-cli/export,tickring-cli/dbn --lib --test binary databento",
            "test --doc --workspace",
            "doc --quiet --workspace --no-deps",
        ];
        assert_eq!(lines(true, false), expected);
    }

    #[test]
    fn without_nextest_cargo_runs_the_tests() {
        assert_eq!(lines(false, false)[4], "test --workspace --lib --bins --tests");
    }

    #[test]
    fn ci_learns_of_every_failed_test() {
        assert_eq!(lines(true, true)[4], "nextest run --workspace --profile ci");
        assert!(lines(false, true)[4].ends_with("--no-fail-fast"));
    }
}
