//! `tickring inspect`: a first look at recordings.

use std::fs;
use std::io;
use std::path::Path;

use tickring_capture::OnDamage;
use tickring_ingest::Walk;

use crate::args::{Format, InspectArgs, LogLevel};
use crate::exit::{Exit, Failure};
use crate::inspect::chart::{self, Canvas};
use crate::inspect::dump::{DumpError, Form, dump};
use crate::inspect::{Looked, look, svg, text};
use crate::output::{self, Talk, width};
use crate::sessions::{Request, Sessions};

/// Runs the command.
pub(crate) fn run(args: &InspectArgs) -> Exit {
    let done = if is_dump(args) { dump_entries(args) } else { inspect(args) };
    done.unwrap_or_else(|Failure { exit, message }| {
        Talk::new(args.talk.log).say(LogLevel::Error, message);
        exit
    })
}

const fn is_dump(args: &InspectArgs) -> bool {
    args.dump || args.raw || args.full || args.entries.is_some()
}

fn request(args: &InspectArgs) -> Request {
    Request {
        files: args.files.clone(),
        venue: args.venue,
        symbols: args.symbols.clone(),
        on_damage: OnDamage::Skip,
        from_ns: 0,
        threads: 1,
    }
}

/// Tells what is in the recordings.
fn inspect(args: &InspectArgs) -> Result<Exit, Failure> {
    let Looked { inspection, timeline } = look(request(args).open_decoded_if_known()?)?;
    let talk = Talk::new(args.talk.log);
    if let Some(path) = &args.svg {
        let picture = svg::draw(&inspection, &timeline)
            .map_err(|error| Failure::usage(format!("--svg: {error}")));
        picture.and_then(|it| write(path, &it)).inspect(|()| {
            talk.say(LogLevel::Info, format!("picture of the rate: {}", path.display()));
        })?;
    }
    let canvas = Canvas { width: width(), is_unicode: is_unicode() };
    let text = match args.talk.format {
        Format::Json => serde_json::to_string(&inspection).expect("facts have only string keys"),
        Format::Text => {
            let picture = chart::draw(&timeline, canvas);
            let between = if picture.is_empty() { "" } else { "\n" };
            format!("{}{between}{picture}", text::text(&inspection, canvas.width))
        }
    };
    output::report(&text)?;
    for error in &inspection.errors {
        talk.say(LogLevel::Error, error);
    }
    Ok(if inspection.errors.is_empty() { Exit::Done } else { Exit::InputOutput })
}

/// Writes the first entries, one a line.
fn dump_entries(args: &InspectArgs) -> Result<Exit, Failure> {
    if args.talk.format == Format::Json {
        let words = "--format json: entries are written as text; leave out --dump, -n, --full and \
                     --raw for the inspection as JSON";
        return Err(Failure::usage(words));
    }
    let Sessions { sessions, venues, .. } = request(args).open_undecoded()?;
    let mut walk =
        Walk::new(sessions, venues).map_err(|error| Failure::usage(error.to_string()))?;
    let form = match (args.raw, args.full) {
        (true, _) => Form::Raw,
        (false, true) => Form::Whole,
        (false, false) => Form::Cut(width()),
    };
    let count = args.entries.unwrap_or(u64::MAX);
    let mut dumped = Ok(());
    let written = output::stream(|out| match dump(&mut walk, form, count, out) {
        Err(DumpError::Write(error)) => Err(error),
        Err(DumpError::Read(error)) => {
            dumped = Err(Failure::new(Exit::InputOutput, error.to_string()));
            Ok(())
        }
        Ok(()) => Ok(()),
    });
    match written {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        Err(error) => Err(output::no_output(&error)),
        Ok(()) => dumped.map(|()| Exit::Done),
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| {
        Failure::new(Exit::InputOutput, format!("--svg: {}: {error}", path.display()))
    })
}

/// Whether the locale's characters are Unicode's, by the first variable that is set.
fn is_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|it| !it.is_empty());
    locale.is_some_and(|it| {
        let name = it.to_ascii_lowercase();
        name.contains("utf-8") || name.contains("utf8")
    })
}
