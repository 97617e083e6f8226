//! Where the bars of a backtest come from: files of bars, recorded sessions, TickDB.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tickring_capture::{BARS, Joined, OnDamage, OpenOptions, Session, open_bars, open_session};
use tickring_event::{ConnectionId, Instruments};
use tickring_ingest::{RowFormat, Rows, Venue};

use crate::args::BacktestArgs;
use crate::exit::{Exit, Failure};
use crate::sessions::{Request, Sessions, unreadable};

/// Bars, or what they are made from, ready to be played.
pub(crate) struct Input {
    /// Where they come from, in words.
    pub(crate) source: String,
    pub(crate) sessions: Vec<Box<dyn Session>>,
    pub(crate) venues: Vec<Box<dyn Venue>>,
    pub(crate) pairs: Vec<[ConnectionId; 2]>,
    pub(crate) chains: Vec<Option<usize>>,
    pub(crate) instruments: Arc<Instruments>,
    /// How many bars there are, where that is known.
    pub(crate) bars: Option<u64>,
    pub(crate) kind: Kind,
}

/// What the frames are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// Each is a bar.
    Bars,
    /// They have trades in them, of which bars are made.
    Trades,
}

/// What a file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Parquet,
    Csv,
    Recorded,
}

/// Opens the files that were named.
///
/// # Errors
/// One cannot be opened, or they are of both kinds.
pub(crate) fn files(args: &BacktestArgs, symbols: &[String]) -> Result<Input, Failure> {
    let mut forms = Vec::new();
    for path in &args.files {
        forms.push(form(path)?);
    }
    let recorded = forms.iter().filter(|it| **it == Form::Recorded).count();
    if recorded == 0 {
        return bars(&args.files, &forms, symbols);
    }
    if recorded < forms.len() {
        let words = "bars and recorded sessions do not go together: give files of one kind";
        return Err(Failure::usage(words));
    }
    let request = Request {
        files: args.files.clone(),
        venue: args.venue,
        symbols: symbols.to_vec(),
        on_damage: OnDamage::Stop,
        from_ns: 0,
        threads: 1,
    };
    let Sessions { sessions, venues, pairs, chains, instruments, .. } = request.open()?;
    let source = format!("trades of {}", names(&args.files));
    let (bars, kind) = (None, Kind::Trades);
    Ok(Input { source, sessions, venues, pairs, chains, instruments, bars, kind })
}

/// Bars that are in memory, one session for each symbol, in the order of the symbols.
///
/// # Errors
/// They are too many symbols.
pub(crate) fn made(
    source: String,
    sessions: Vec<Box<dyn Session>>,
    bars: u64,
) -> Result<Input, Failure> {
    joined(source, sessions, Some(bars), &[])
}

/// Files of bars: each is read once, or once for each symbol that was named.
fn bars(files: &[PathBuf], forms: &[Form], symbols: &[String]) -> Result<Input, Failure> {
    let mut sessions: Vec<Box<dyn Session>> = Vec::new();
    let mut total = Some(0);
    let wanted: Vec<Option<&str>> = if symbols.is_empty() {
        vec![None]
    } else {
        symbols.iter().map(|it| Some(&**it)).collect()
    };
    for (index, symbol) in wanted.into_iter().enumerate() {
        for (path, form) in files.iter().zip(forms) {
            let (session, rows) = open(path, *form, symbol)?;
            if index == 0 {
                total = total.zip(rows).map(|(sum, rows)| sum + rows);
            }
            sessions.push(session);
        }
    }
    joined(format!("bars of {}", names(files)), sessions, total, symbols)
}

fn joined(
    source: String,
    sessions: Vec<Box<dyn Session>>,
    bars: Option<u64>,
    symbols: &[String],
) -> Result<Input, Failure> {
    let instruments = Arc::new(Instruments::new());
    let session = Joined::new(source.clone(), sessions).map_err(|error| unreadable(&error))?;
    let venue = Rows::new(RowFormat::Bars, symbols, Arc::clone(&instruments));
    Ok(Input {
        source,
        sessions: vec![Box::new(session)],
        venues: vec![Box::new(venue)],
        pairs: Vec::new(),
        chains: Vec::new(),
        instruments,
        bars,
        kind: Kind::Bars,
    })
}

/// A file's bars, and how many they are where the file says so.
fn open(
    path: &Path,
    form: Form,
    symbol: Option<&str>,
) -> Result<(Box<dyn Session>, Option<u64>), Failure> {
    match form {
        Form::Parquet => parquet(path, symbol),
        Form::Csv | Form::Recorded => {
            let session = open_bars(path, symbol).map_err(|error| unreadable(&error))?;
            Ok((session, None))
        }
    }
}

#[cfg(feature = "export")]
fn parquet(path: &Path, symbol: Option<&str>) -> Result<(Box<dyn Session>, Option<u64>), Failure> {
    let file = tickring_export::BarFile::open(path, symbol).map_err(|error| unreadable(&error))?;
    let rows = file.rows();
    Ok((Box::new(file), Some(rows)))
}

#[cfg(not(feature = "export"))]
fn parquet(path: &Path, _symbol: Option<&str>) -> Result<(Box<dyn Session>, Option<u64>), Failure> {
    let words = format!(
        "{} is a Parquet file, and this build has no `export`: build with `--features export`",
        path.display()
    );
    Err(Failure::usage(words))
}

/// What a file is, by its first bytes.
fn form(path: &Path) -> Result<Form, Failure> {
    if path.is_file() && has_magic(path)? {
        return Ok(Form::Parquet);
    }
    let opened = open_session(path, OpenOptions::default()).map_err(|error| unreadable(&error))?;
    Ok(if opened.format == BARS { Form::Csv } else { Form::Recorded })
}

fn has_magic(path: &Path) -> Result<bool, Failure> {
    let mut magic = Vec::new();
    let read = File::open(path)
        .and_then(|file| file.take(PARQUET_MAGIC.len() as u64).read_to_end(&mut magic));
    read.map_err(|error| {
        Failure::new(Exit::InputOutput, format!("{}: cannot be opened: {error}", path.display()))
    })?;
    Ok(magic == PARQUET_MAGIC)
}

fn names(files: &[PathBuf]) -> String {
    let shown: Vec<_> =
        files.iter().take(FILES_SHOWN_MAX).map(|it| it.display().to_string()).collect();
    let more = files.len().saturating_sub(FILES_SHOWN_MAX);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", shown.join(", "))
}

const FILES_SHOWN_MAX: usize = 4;

/// What a Parquet file begins with.
const PARQUET_MAGIC: &[u8] = b"PAR1";
