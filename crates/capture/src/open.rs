//! Opens a recorded session of any format: what it is is told by its first bytes, never by its name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use crate::container::{CaptureReader, is_capture};
use crate::import::{Format, Import};
use crate::input::{self, Input};
use crate::{Ahead, CaptureError, CaptureOptions, LineReader, OnDamage, Session};

/// How a session is opened.
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenOptions {
    /// What happens at a damaged place of a capture. Other formats have no checksums: they stop.
    pub on_damage: OnDamage,
    /// Nothing before this time is wanted: a capture with its index is entered there.
    pub from_ns: u64,
    /// Threads that unpack ahead, 0 to read in place. Formats other than captures use one at most, where
    /// they are compressed.
    pub threads: usize,
}

/// A session that can be read.
pub struct Opened {
    /// Its entries.
    pub session: Box<dyn Session>,
    /// What a capture says about its session, or another tool's format about itself.
    pub metadata: BTreeMap<String, String>,
    /// What was found, in a word.
    pub format: &'static str,
    /// Each wants a thread of its own to run on; until then the session waits for it.
    pub ahead: Vec<Ahead>,
}

/// Opens a session: a capture, a folder of captures, or lines that are plain, gzip or zstd; ours or
/// those of another tool.
///
/// # Errors
/// [`CaptureError::Open`] when the file cannot be opened or its first bytes not be read; for a
/// capture also as [`CaptureReader::open`].
pub fn open_session(path: &Path, options: OpenOptions) -> Result<Opened, CaptureError> {
    if is_capture_path(path)? {
        let OpenOptions { on_damage, from_ns, threads } = options;
        let capture = CaptureOptions { on_damage, from_ns, threads };
        let (reader, ahead) = CaptureReader::open_with(path, capture)?;
        return Ok(Opened { ahead, ..of_capture(reader) });
    }
    let file =
        File::open(path).map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
    of_stream(path.display().to_string(), Some(path), Box::new(file), options)
}

/// Whether a path is a capture or a folder of them: by its first bytes, or by its name `.mcap` where
/// those were cut or damaged. What cannot be sought, such as a pipe, is not looked at.
///
/// # Errors
/// It cannot be opened or its first bytes not be read.
pub fn is_capture_path(path: &Path) -> Result<bool, CaptureError> {
    if path.is_dir() || path.extension().is_some_and(|it| it == "mcap") {
        return Ok(true);
    }
    let mut magic = Vec::new();
    let read = File::open(path).and_then(|file| {
        if file.metadata()?.is_file() {
            file.take(MAGIC_BYTES).read_to_end(&mut magic)?;
        }
        Ok(())
    });
    read.map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
    Ok(is_capture(&magic))
}

/// Opens a session that comes once, such as standard input; `name` stands for the file in errors.
///
/// # Errors
/// As [`open_session`].
pub fn open_stream(
    name: String,
    stream: Box<dyn Read + Send>,
    options: OpenOptions,
) -> Result<Opened, CaptureError> {
    of_stream(name, None, stream, options)
}

/// As many bytes as tell a capture.
const MAGIC_BYTES: u64 = 8;

fn of_capture(reader: CaptureReader) -> Opened {
    let metadata = reader.metadata().clone();
    Opened { session: Box::new(reader), metadata, format: "mcap", ahead: Vec::new() }
}

fn of_stream(
    name: String,
    path: Option<&Path>,
    mut stream: Box<dyn Read + Send>,
    options: OpenOptions,
) -> Result<Opened, CaptureError> {
    let read = |source| CaptureError::Read { name: name.clone(), line: 0, source };
    let mut magic = Vec::new();
    stream.by_ref().take(MAGIC_BYTES).read_to_end(&mut magic).map_err(read)?;
    let (is_capture, is_compressed) = (is_capture(&magic), input::is_compressed(&magic));
    let whole: Box<dyn Read + Send> = Box::new(Cursor::new(magic).chain(stream));
    if is_capture {
        return CaptureReader::from_stream(name, whole).map(of_capture);
    }
    let (first, input) = input::open(whole).and_then(input::first_line).map_err(read)?;
    // The kernel reads plain files ahead by itself, and a thread would only carry them from core to core.
    let threads = if is_compressed { options.threads } else { 0 };
    of_text(name, path, (&first, input), OpenOptions { threads, ..options })
}

/// Chooses the reader of an uncompressed text that starts with `first`.
fn of_text(
    name: String,
    path: Option<&Path>,
    (first, mut input): (&[u8], Input),
    options: OpenOptions,
) -> Result<Opened, CaptureError> {
    let mut ahead = Vec::new();
    if options.threads > 0 {
        let (reader, work) = input::ahead(input);
        input = reader;
        ahead.push(Ahead::bytes(work));
    }
    if let Some(format) = Format::of(first) {
        let Import { session, metadata } = format.open(name, path, input)?;
        return Ok(Opened { session, metadata, format: format.name(), ahead });
    }
    let session = Box::new(LineReader::new(name, input));
    Ok(Opened { session, metadata: BTreeMap::new(), format: "lines", ahead })
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Opened")
            .field("name", &self.session.name())
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}
