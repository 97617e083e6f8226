//! `tickring report`: what runs and benches left behind, side by side.

use std::fs;
use std::io;
use std::path::Path;

use terminal_size::Width;

use crate::args::{Format, LogLevel, ReportArgs};
use crate::exit::{Exit, Failure};
use crate::output::{self, Talk};
use crate::report_page::input::{Request, load};
use crate::report_page::{json, page, text};

/// Characters of a line where standard output is no terminal.
const WIDTH: usize = 100;

/// Runs the command.
pub(crate) fn run(args: &ReportArgs) -> Exit {
    let done = report(args).map(|()| Exit::Done);
    done.unwrap_or_else(|Failure { exit, message }| {
        Talk::new(args.talk.log).say(LogLevel::Error, message);
        exit
    })
}

fn report(args: &ReportArgs) -> Result<(), Failure> {
    if let Some(path) = args.html.as_ref().filter(|it| args.files.contains(it)) {
        let words = format!("--html: {} is one of the files to read", path.display());
        return Err(Failure::usage(words));
    }
    let (files, tags) = (args.files.as_slice(), args.tags.as_slice());
    let runs = load(&Request { files, tags, hlog_unit_ns: args.hlog_unit.ns() })?;
    if let Some(path) = &args.html {
        let page = page::page(&runs, args.unit).map_err(|error| failed("--html", &error))?;
        write(path, &page)?;
        Talk::new(args.talk.log).say(LogLevel::Info, format!("page: {}", path.display()));
    }
    let text = match args.talk.format {
        Format::Text => text::text(&runs, args.unit, width()),
        Format::Json => {
            serde_json::to_string(&json::comparison(&runs)).expect("figures have only string keys")
        }
    };
    output::report(&text)
}

fn write(path: &Path, page: &str) -> Result<(), Failure> {
    fs::write(path, page).map_err(|error| failed(&format!("--html: {}", path.display()), &error))
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::InputOutput, format!("{what}: {error}"))
}

/// Characters of a line: the terminal's.
fn width() -> usize {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(WIDTH, |(Width(width), _)| usize::from(width))
}
