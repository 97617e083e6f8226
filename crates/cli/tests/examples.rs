//! The examples do what they say: each runs to its end, without a network, as a program of its own.
//!
//! The tests start this very program again as one of them, which is why each `main` is `pub(crate)`.

#[path = "../examples/own_sink.rs"]
mod own_sink;
#[path = "../examples/own_strategy.rs"]
mod own_strategy;
#[path = "../examples/own_venue.rs"]
mod own_venue;

use std::error::Error;
use std::fs::File;
use std::process::{Command, ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::Value;
use tickring_simulator::{Feed, SimulatorConfig, record_session};

/// Names the example that this program is to be.
const AS_EXAMPLE: &str = "TICKRING_TEST_AS_EXAMPLE";

fn main() -> ExitCode {
    match std::env::var(AS_EXAMPLE).as_deref() {
        Ok("own_strategy") => own_strategy::main(),
        Ok("own_venue") => ended(&own_venue::main()),
        Ok("own_sink") => ended(&own_sink::main()),
        _ => libtest_mimic::run(&Arguments::from_args(), tests()).exit_code(),
    }
}

fn ended(result: &Result<(), Box<dyn Error>>) -> ExitCode {
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn tests() -> Vec<Trial> {
    vec![
        Trial::test("own_sink_hands_the_targets_of_a_cross_over_tcp", own_sink),
        Trial::test("own_strategy_is_a_strategy_of_every_command", own_strategy),
        Trial::test("own_venue_decodes_its_recording_and_counts_what_it_cannot", own_venue),
    ]
}

/// Runs an example with these arguments; what it printed, when it ended well.
fn run(example: &str, arguments: &[&str]) -> Result<String, Failed> {
    let mut command = Command::new(std::env::current_exe()?);
    let output = command.env_clear().env(AS_EXAMPLE, example).args(arguments).output()?;
    if !output.status.success() {
        return Err(format!("{}\n{}", output.status, String::from_utf8(output.stderr)?).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn check(example: &str, expected: &str) -> Result<(), Failed> {
    let said = run(example, &[])?;
    if said == expected { Ok(()) } else { Err(format!("it printed:\n{said}").into()) }
}

fn own_sink() -> Result<(), Failed> {
    check("own_sink", "8000000000,GOLD,target,1\n12000000000,GOLD,target,0\n")
}

fn own_venue() -> Result<(), Failed> {
    let failure = "1 not decoded: field `price`: text is not a decimal number";
    check("own_venue", &format!("GOLD 2400.50\nGOLD 2401.25\nGOLD 2399.00\n{failure}\n"))
}

fn own_strategy() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("session");
    let feed = Feed::Generated {
        symbols: vec!["AAPL.US".to_owned(), "BTCUSDT".to_owned()],
        profile: "steady:10000".parse()?,
        seed: 1,
    };
    let config = SimulatorConfig { frames_max: Some(20_000), ..SimulatorConfig::new(feed) };
    record_session(&config, File::create(&path)?)?;
    let path = path.to_str().ok_or("a temporary folder with a name that is no text")?;
    let arguments = ["replay", path, "--venue", "tickdb", "--speed", "max"];
    let own = ["--strategy", "large-trades", "--format", "json"];
    let report: Value =
        serde_json::from_str(&run("own_strategy", &[&arguments[..], &own].concat())?)?;
    let strategy = &report["strategies"][0];
    if strategy["name"] == "large-trades" && strategy["figures"]["found"].as_f64() > Some(0.0) {
        return Ok(());
    }
    Err(format!("{strategy:#}").into())
}
