//! One file for each subcommand, and what they share.

pub(crate) mod backtest;
pub(crate) mod bench;
pub(crate) mod demo;
pub(crate) mod doctor;
#[cfg(feature = "export")]
pub(crate) mod export;
pub(crate) mod fetch;
pub(crate) mod inspect;
pub(crate) mod record;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod simulate;
pub(crate) mod verify;

use crate::args::{Format, LogLevel, TalkArgs};
use crate::engine::Outcome;
use crate::exit::{Exit, Failure};
use crate::output::{self, Talk};

/// Says how to get a command that this build lacks, and gives the exit code.
#[cfg(not(feature = "export"))]
pub(crate) fn absent(feature: &str) -> Exit {
    let words = format!("this build has no `{feature}`: build with `--features {feature}`");
    Talk::new(LogLevel::Error).say(LogLevel::Error, words);
    Exit::Usage
}

/// Prints the report of a run, or why there is none, and gives the exit code.
fn finish(args: TalkArgs, ended: Result<Outcome, Failure>) -> Exit {
    let talk = Talk::new(args.log);
    let Outcome { report, exit, error } = match ended {
        Ok(outcome) => outcome,
        Err(Failure { exit, message }) => {
            talk.say(LogLevel::Error, message);
            return exit;
        }
    };
    let text = match args.format {
        Format::Text => report.to_text(),
        Format::Json => serde_json::to_string(&report).expect("a report has only string keys"),
    };
    if let Some(error) = error {
        talk.say(LogLevel::Error, error);
    }
    match output::print(&text) {
        Ok(()) => exit,
        Err(error) => {
            talk.say(LogLevel::Error, format!("standard output: {error}"));
            if exit == Exit::Done { Exit::InputOutput } else { exit }
        }
    }
}
