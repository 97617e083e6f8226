//! `tickring export`: recorded sessions as tables for other tools.

mod progress;
mod report;

use std::path::Path;
use std::sync::Arc;

use tickring_capture::{Ending, Entry, Merged, OnDamage};
use tickring_event::Instruments;
use tickring_export::{Export, ExportConfig, ExportError, Format, OnExisting, Table, Target};
use tickring_ingest::Walk;
use tickring_metrics::Clock;

use self::progress::Progress;
use self::report::{Decoded, ExportReport};
use crate::args::{self, ExportArgs, LogLevel, TableFormat};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::{self, Talk};
use crate::sessions::{Request, Sessions, unreadable};
use crate::settings;

/// Runs the command.
pub(crate) fn run(args: &ExportArgs) -> Exit {
    match export(args) {
        Ok(()) => Exit::Done,
        Err(Failure { exit, message }) => {
            Talk::new(args.log).say(LogLevel::Error, message);
            exit
        }
    }
}

fn export(args: &ExportArgs) -> Result<(), Failure> {
    let talk = Talk::new(args.log);
    let to_stdout = args.output.as_os_str() == "-";
    if to_stdout && args.report == args::Format::Json {
        let words =
            "-o -: standard output belongs to the report under `--report json`; name a folder";
        return Err(Failure::usage(words));
    }
    let interrupt = Interrupt::listen()?;
    talk.say(LogLevel::Debug, format!("exporting {} files", args.files.len()));
    let run = Run { clock: Clock::new(), interrupt, progress: Progress::new(args.log) };
    let report = if args.raw { raw(args, talk, run)? } else { decoded(args, talk, run)? };
    if to_stdout {
        talk.say(LogLevel::Info, report.to_text().trim_end());
        return Ok(());
    }
    let text = match args.report {
        args::Format::Text => report.to_text(),
        args::Format::Json => report.to_json(),
    };
    output::report(&text)
}

/// What goes along with reading.
struct Run {
    clock: Clock,
    interrupt: Interrupt,
    progress: Progress,
}

/// Exports the events of the sessions.
fn decoded(args: &ExportArgs, talk: Talk, run: Run) -> Result<ExportReport, Failure> {
    let start_ticks = run.clock.ticks();
    let Sessions { sessions, venues, pairs, chains, instruments, .. } = request(args)?.open()?;
    let mut export = create(args, instruments)?;
    let mut walk = Walk::new(sessions, venues).map_err(input)?.with_pairs(&pairs).chained(&chains);
    let mut entries = 0;
    while let Some(walked) = walk.next().map_err(input)? {
        entries += u64::from(walked.entry.is_some());
        for event in walked.events {
            export.add_event(event).map_err(failure)?;
        }
        run.step(entries)?;
    }
    let Run { clock, progress, .. } = run;
    drop(progress);
    warn_of_cuts(talk, walk.merged());
    let tally = walk.tally();
    let tables = export.finish().map_err(failure)?;
    let wall_ns = clock.elapsed_ns(start_ticks, clock.ticks());
    let (frames, bytes, decoded) = Decoded::of(tally);
    let format = format(args).name();
    Ok(ExportReport { format, wall_ns, entries, frames, bytes, decoded: Some(decoded), tables })
}

/// Exports the entries of the sessions as they are.
fn raw(args: &ExportArgs, talk: Talk, run: Run) -> Result<ExportReport, Failure> {
    let start_ticks = run.clock.ticks();
    let sessions = request(args)?.reopen().map_err(|error| unreadable(&error))?;
    let mut export = create(args, Arc::default())?;
    let mut merged = Merged::new(sessions).map_err(input)?;
    let (mut entries, mut frames, mut bytes) = (0, 0, 0);
    while let Some(entry) = merged.next().map_err(input)? {
        entries += 1;
        if let Entry::Received { text, .. } = entry {
            frames += 1;
            bytes += text.len() as u64;
        }
        export.add_entry(&entry).map_err(failure)?;
        run.step(entries)?;
    }
    let Run { clock, progress, .. } = run;
    drop(progress);
    warn_of_cuts(talk, &merged);
    let tables = export.finish().map_err(failure)?;
    let wall_ns = clock.elapsed_ns(start_ticks, clock.ticks());
    let format = format(args).name();
    Ok(ExportReport { format, wall_ns, entries, frames, bytes, decoded: None, tables })
}

impl Run {
    fn step(&self, entries: u64) -> Result<(), Failure> {
        if self.interrupt.is_asked() {
            return Err(Failure::new(Exit::Interrupted, "interrupted: no file was written"));
        }
        self.progress.at(entries);
        Ok(())
    }
}

fn request(args: &ExportArgs) -> Result<Request, Failure> {
    Ok(Request {
        files: args.files.clone(),
        venue: args.venue,
        symbols: settings::symbols(&args.symbols)?,
        on_damage: OnDamage::Stop,
        from_ns: 0,
        threads: 1,
    })
}

fn create(args: &ExportArgs, instruments: Arc<Instruments>) -> Result<Export, Failure> {
    let tables = match args.kind.as_slice() {
        _ if args.raw => vec![Table::Frames],
        [] => Table::EVENTS.to_vec(),
        kinds => kinds.iter().map(|kind| kind.0).collect(),
    };
    let config = ExportConfig { format: format(args), tables, decimals: args.decimals };
    let on_existing = if args.force { OnExisting::Replace } else { OnExisting::Refuse };
    Export::create(&config, target(&args.output, on_existing), instruments).map_err(failure)
}

fn target(output: &Path, on_existing: OnExisting) -> Target {
    if output.as_os_str() == "-" {
        Target::Stream(Box::new(output::stdout()))
    } else {
        Target::Folder { path: output.to_owned(), on_existing }
    }
}

const fn format(args: &ExportArgs) -> Format {
    match args.format {
        TableFormat::Parquet => Format::Parquet,
        TableFormat::Arrow => Format::Arrow,
        TableFormat::Csv => Format::Csv,
        TableFormat::Ndjson => Format::Ndjson,
    }
}

fn warn_of_cuts(talk: Talk, merged: &Merged) {
    for (name, ending) in merged.endings() {
        if let Ending::Cut { offset, .. } = ending {
            let words = format!("{name}: was cut off after byte {offset}; exported up to there");
            talk.say(LogLevel::Warn, words);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is the argument of `map_err`")]
fn input(error: tickring_capture::CaptureError) -> Failure {
    Failure::new(Exit::InputOutput, error.to_string())
}

/// What went wrong, with the flag that helps.
#[expect(clippy::needless_pass_by_value, reason = "it is the argument of `map_err`")]
fn failure(error: ExportError) -> Failure {
    match &error {
        ExportError::Decimals { needed, .. } => {
            Failure::usage(format!("{error}: give --decimals {needed} or more"))
        }
        ExportError::OneTable { .. } => {
            Failure::usage(format!("-o -: {error}: choose it with --kind"))
        }
        ExportError::Exists { .. } => {
            Failure::new(Exit::InputOutput, format!("{error}: --force replaces it"))
        }
        _ => Failure::new(Exit::InputOutput, error.to_string()),
    }
}
