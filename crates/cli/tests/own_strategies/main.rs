//! A program with strategies of its own: what fails is contained, and nothing allocates on the way.
//!
//! The tests start this very program again as `tickring` with the strategies of [`faulty`] and
//! [`probe`].

#![expect(clippy::panic_in_result_fn, reason = "tests fail by panicking")]

mod faulty;
mod probe;

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Output};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use tickring_cli::Strategies;
use tickring_simulator::{Feed, SimulatorConfig, record_session};

/// Set where this program is to be the command and not its tests.
const AS_COMMAND: &str = "TICKRING_TEST_AS_COMMAND";

/// Messages of the simulated session.
const FRAMES: u64 = 120_000;

fn main() -> ExitCode {
    if std::env::var_os(AS_COMMAND).is_some() {
        return tickring_cli::main(&faulty::register(probe::register(Strategies::builtin())));
    }
    let tests = faulty::tests().into_iter().chain(probe::tests()).collect();
    libtest_mimic::run(&Arguments::from_args(), tests).exit_code()
}

fn test(name: &str, run: fn() -> Result<(), Failed>) -> Trial {
    Trial::test(name, run)
}

/// What a program that has ended said.
struct Ran {
    code: Option<i32>,
    report: Value,
    err: String,
}

/// Runs this program as `tickring` with these arguments.
fn tickring(arguments: &[&str], path: &Path) -> Result<Ran, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    command.env_clear().env(AS_COMMAND, "1").args(arguments).arg(path);
    let Output { status, stdout, stderr } = command.args(["--format", "json"]).output()?;
    let err = String::from_utf8(stderr)?;
    let report = serde_json::from_slice(&stdout).map_err(|it| format!("{it}:\n{err}"))?;
    Ok(Ran { code: status.code(), report, err })
}

/// Replays simulated messages at full speed through these strategies.
fn replay(strategies: &str, arguments: &[&str]) -> Result<Ran, Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("session");
    let symbols = ["AAPL.US", "700.HK", "BTCUSDT"].map(str::to_owned).to_vec();
    let feed = Feed::Generated { symbols, profile: "steady:10000".parse()?, seed: 1 };
    let config = SimulatorConfig { frames_max: Some(FRAMES), ..SimulatorConfig::new(feed) };
    record_session(&config, std::fs::File::create(&path)?)?;
    let mut all = vec!["replay", "--venue", "tickdb", "--speed", "max", "--strategy", strategies];
    all.extend(arguments);
    tickring(&all, &path)
}

/// A recorded session, or `None` with a word on why the test does nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn recorded(name: &str) -> Result<Option<PathBuf>, Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.is_file() {
        return Ok(Some(path));
    }
    let words = format!("a recorded session is missing: {}", path.display());
    if std::env::var_os("CI").is_some_and(|ci| ci == "true") {
        return Err(words.into());
    }
    eprintln!("SKIPPED: {words}");
    Ok(None)
}

/// The entry of a strategy in the report.
fn entry<'a>(report: &'a Value, strategy: &str) -> &'a Value {
    let mut entries = report["strategies"].as_array().into_iter().flatten();
    entries.find(|it| it["name"] == strategy).unwrap_or(&Value::Null)
}
