//! Whether a capture is whole, and a whole copy of one that is not.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::chunk::Chunk;
use super::chunks::{Damage, DirectChunks, OnDamage, records};
use super::ending::Ending;
use super::entry::{Entry, Hole, ROLES, Role};
use super::reader::{CaptureReader, connections};
use super::segment::{Effort, Segment};
use super::segments::SegmentTally;
use super::summary;
use crate::{CaptureError, Session};

/// Whether a file is whole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Condition {
    /// Every checksum is right and the footer is there.
    Clean,
    /// It just stops: what is there is an exact prefix of what was recorded.
    Unclean,
    /// Bytes are not what was written.
    Damaged,
}

/// What one file of a capture holds, and what it does not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Verdict {
    /// Whether it is whole.
    pub condition: Condition,
    /// Size of the file.
    pub file_bytes: u64,
    /// Where the first byte lies that is not whole; `None` when all are.
    pub offset: Option<u64>,
    /// Bytes of the file that cannot be read as what they were: damaged, or after its last whole
    /// record.
    pub bytes_cut: u64,
    /// Entries that can be read.
    pub entries: u64,
    /// Frames among them.
    pub frames: u64,
    /// Bytes of those frames.
    pub frame_bytes: u64,
    /// Entries that were written and cannot be read; `None` where the file does not say any more how
    /// many were written.
    pub entries_cut: Option<u64>,
    /// Time of the first and of the last entry, ns since the epoch; 0 without any.
    pub first_ns: u64,
    /// See `first_ns`.
    pub last_ns: u64,
    /// Holes that were recorded: the recorder could not keep up, or the disk failed.
    pub holes: u64,
    /// Entries that are missing there.
    pub entries_missing: u64,
    /// Every damaged place.
    pub damages: Vec<Damage>,
}

/// Reads one file of a capture to its end and checks everything there is to check.
///
/// # Errors
/// It cannot be read, or is no capture at all.
pub fn verify(path: &Path) -> Result<Verdict, CaptureError> {
    let (mut reader, written) = open(path)?;
    let mut verdict = Verdict::empty(path)?;
    let mut damages = 0;
    while reader.advance()? {
        // A hole that stands for damage was not written.
        if reader.damages().len() > damages && matches!(reader.entry(), Entry::Hole(_)) {
            damages = reader.damages().len();
            continue;
        }
        damages = reader.damages().len();
        verdict.add(&reader.entry());
    }
    verdict.judge(&reader, written);
    Ok(verdict)
}

impl Verdict {
    /// Of a file of which nothing was read yet.
    ///
    /// # Errors
    /// There is no such file.
    pub fn empty(path: &Path) -> Result<Self, CaptureError> {
        Ok(Self {
            condition: Condition::Clean,
            file_bytes: file_bytes(path)?,
            offset: None,
            bytes_cut: 0,
            entries: 0,
            frames: 0,
            frame_bytes: 0,
            entries_cut: None,
            first_ns: 0,
            last_ns: 0,
            holes: 0,
            entries_missing: 0,
            damages: Vec::new(),
        })
    }

    /// Adds an entry that can be read.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let time_ns = entry.time_ns();
        self.first_ns = if self.entries == 0 { time_ns } else { self.first_ns.min(time_ns) };
        self.last_ns = self.last_ns.max(time_ns);
        self.entries += 1;
        match entry {
            Entry::Received { text, .. } => {
                self.frames += 1;
                self.frame_bytes += text.len() as u64;
            }
            Entry::Hole(Hole { entries, .. }) => {
                self.holes += 1;
                self.entries_missing = self.entries_missing.saturating_add(*entries);
            }
            Entry::Sent { .. } | Entry::Changed { .. } => {}
        }
    }

    fn judge(&mut self, reader: &CaptureReader, written: Option<u64>) {
        self.damages = reader.damages().to_vec();
        self.bytes_cut = self.damages.iter().map(|it| it.bytes).sum();
        self.entries_cut = written.map(|it| it.saturating_sub(self.entries));
        if let Some(Damage { offset, .. }) = self.damages.first() {
            self.condition = Condition::Damaged;
            self.offset = Some(*offset);
        } else if let Some(Ending::Cut { offset, bytes }) = reader.ending() {
            self.condition = Condition::Unclean;
            self.offset = Some(offset);
            self.bytes_cut = bytes;
        }
    }
}

/// Whether a file ends with a summary and a footer that are whole. Reads the file's end alone.
///
/// # Errors
/// It cannot be read.
pub fn is_finished(path: &Path) -> Result<bool, CaptureError> {
    Ok(summary::read(&mut records(path, false)?).is_some())
}

/// Writes what can be read of `path` to `target`, as a whole file. Damaged places become holes.
/// `target` appears when it is whole; it is overwritten only with `force`.
///
/// # Errors
/// `path` cannot be read, or `target` not be written.
pub fn repair(path: &Path, target: &Path, force: bool) -> Result<SegmentTally, CaptureError> {
    let failed = |source| CaptureError::WriteFile { path: target.to_owned(), source };
    if !force && target.exists() {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let (mut reader, _) = open(path)?;
    let part = part_of(target);
    let store = create(&part).map_err(failed)?;
    let tally = copy(&mut reader, store).map_err(|error| match error {
        Copy::Read(error) => error,
        Copy::Write(source) => failed(source),
    });
    let tally = match tally {
        Ok(tally) => tally,
        Err(error) => {
            // Half of a copy helps nobody.
            drop(fs::remove_file(&part));
            return Err(error);
        }
    };
    fs::rename(&part, target).map_err(failed)?;
    Ok(tally)
}

enum Copy {
    Read(CaptureError),
    Write(io::Error),
}

fn copy(reader: &mut CaptureReader, store: File) -> Result<SegmentTally, Copy> {
    let connections = u16::try_from(reader.connections()).unwrap_or(u16::MAX);
    let mut metadata = reader.metadata().clone();
    metadata.insert("repaired".to_owned(), "true".to_owned());
    let mut segment = Segment::start(store, &metadata, connections, 0, 0).map_err(Copy::Write)?;
    let mut chunk = Chunk::new(connections);
    while reader.advance().map_err(Copy::Read)? {
        let entry = reader.entry();
        let time_ns = entry.time_ns();
        let (change, hole);
        let (channel, data): (u16, &[u8]) = match entry {
            Entry::Received { connection, text, .. } => (Role::Received.channel(connection), text),
            Entry::Sent { connection, text, .. } => (Role::Sent.channel(connection), text),
            Entry::Changed { connection, change: it, .. } => {
                change = it.to_bytes();
                (Role::Changed.channel(connection), &change)
            }
            Entry::Hole(it) => {
                hole = it.to_bytes();
                (ROLES * connections, &hole)
            }
        };
        if !chunk.takes(data.len(), chunk.first_ns) {
            segment.write_chunk(&chunk, Effort::Usual).map_err(Copy::Write)?;
            chunk.clear();
        }
        chunk.push(channel, time_ns, data);
    }
    if !chunk.is_empty() {
        segment.write_chunk(&chunk, Effort::Usual).map_err(Copy::Write)?;
    }
    segment.finish(reader.instruments()).and_then(|()| segment.sync()).map_err(Copy::Write)?;
    Ok(segment.tally())
}

/// A reader that skips damage and checks everything; with how many entries the file says were
/// written.
fn open(path: &Path) -> Result<(CaptureReader, Option<u64>), CaptureError> {
    let name = path.display().to_string();
    let mut chunks = DirectChunks::new(name.clone(), records(path, true)?, OnDamage::Skip)?;
    let written = summary::read(chunks.records()).map(|it| it.entries);
    let is_whole = chunks.read_head()?;
    let told = chunks.told.clone();
    let connections = if is_whole { connections(&name, &told)? } else { 1 };
    Ok((CaptureReader::new(name, told, connections, Box::new(chunks)), written))
}

fn file_bytes(path: &Path) -> Result<u64, CaptureError> {
    let size = fs::metadata(path).map(|it| it.len());
    size.map_err(|source| CaptureError::Open { path: path.to_owned(), source })
}

fn part_of(target: &Path) -> PathBuf {
    let mut name = target.as_os_str().to_owned();
    name.push(".part");
    name.into()
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
