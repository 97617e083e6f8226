//! `tickring bench`: how fast it is on this machine.

use crate::args::{BenchArgs, Format, LogLevel};
use crate::bench::{self, Outcome};
use crate::exit::{Exit, Failure};
use crate::output::{self, Talk};

/// Runs the command.
pub(crate) fn run(args: &BenchArgs) -> Exit {
    let talk = Talk::new(args.talk.log);
    let (text, exit) = match result(args) {
        Ok(done) => done,
        Err(Failure { exit, message }) => {
            talk.say(LogLevel::Error, message);
            return exit;
        }
    };
    match output::print(&text) {
        Ok(()) => exit,
        Err(error) => {
            talk.say(LogLevel::Error, format!("standard output: {error}"));
            if exit == Exit::Done { Exit::InputOutput } else { exit }
        }
    }
}

fn result(args: &BenchArgs) -> Result<(String, Exit), Failure> {
    if args.compare.self_test {
        let tested = bench::self_test(args)?;
        let text = match args.talk.format {
            Format::Text => bench::self_test_to_text(&tested),
            Format::Json => serde_json::to_string(&tested).expect("it has only string keys"),
        };
        return Ok((text, if tested.is_passed() { Exit::Done } else { Exit::Fault }));
    }
    let Outcome { report, exit } = bench::run(args)?;
    let text = match args.talk.format {
        Format::Text => bench::to_text(&report),
        Format::Json => serde_json::to_string(&report).expect("a result has only string keys"),
    };
    Ok((text, exit))
}
