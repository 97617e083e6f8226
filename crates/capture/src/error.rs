use std::io;
use std::path::PathBuf;

use thiserror::Error;

use crate::FRAME_BYTES_MAX;

/// Why a session could not be read or written.
///
/// Each message is complete by itself: it names the file, the line (from 1) and what is wrong, the
/// operating system's words included. Printing [`source`](std::error::Error::source) as well would
/// say those twice.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The file cannot be opened, or not even its first bytes can be read.
    #[error("{}: cannot be opened: {source}", path.display())]
    Open {
        /// The file as it was asked for.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Reading or decompressing stopped, as in a file that was cut off while compressed. The lines
    /// up to `line` are whole and were handed out.
    #[error("{name}: cannot be read after line {line}: {source}")]
    Read {
        /// Name of the session.
        name: String,
        /// The last whole line, 0 when there is none.
        line: u64,
        /// What the operating system or the decompressor said.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("{} cannot be written: {source}", path.display())]
    WriteFile {
        /// The path as it was given.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A capture cannot be read on. What stands before `offset` was handed out.
    #[error("{name}: cannot be read after byte {offset}: {source}")]
    ReadAt {
        /// Name of the capture.
        name: String,
        /// Where the record starts that could not be read.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// A capture's bytes are not what was written. What stands before `offset` was handed out.
    #[error("{name}: damaged at byte {offset}: {what}")]
    Damaged {
        /// Name of the capture.
        name: String,
        /// Where the damaged record starts.
        offset: u64,
        /// What is wrong with it.
        what: String,
    },
    /// What a capture says is not what any recorder of ours writes, though its checksum is right; or
    /// another tool's file of records cannot be read on.
    #[error("{name}: after {entries} entries: {what}")]
    Malformed {
        /// Name of the capture.
        name: String,
        /// Entries before it.
        entries: u64,
        /// What is wrong.
        what: String,
    },
    /// A thread that unpacks ahead is gone, and not because it was done.
    #[error("{name}: the thread that unpacks it is gone")]
    Ahead {
        /// Name of the session.
        name: String,
    },
    /// The sessions have more connections together than can be numbered.
    #[error("the sessions have more than {} connections together", crate::CAPTURE_CONNECTIONS_MAX)]
    TooManyConnections,
    /// A line holds nothing, not even a time.
    #[error("{name}: line {line}: is empty, expected `<receive time in ns> <message>`")]
    Empty {
        /// Name of the session.
        name: String,
        /// The line, from 1.
        line: u64,
    },
    /// A line ends before the space that separates time and message.
    #[error("{name}: line {line}: has no space after the receive time")]
    NoSpace {
        /// Name of the session.
        name: String,
        /// The line, from 1.
        line: u64,
    },
    /// A line does not start with a time: digits only, at most [`u64::MAX`].
    #[error("{name}: line {line}: receive time is not a whole number of ns below 2^64")]
    Time {
        /// Name of the session.
        name: String,
        /// The line, from 1.
        line: u64,
    },
    /// A line of another tool's recording is not of that tool's format.
    #[error("{name}: line {line}: {what}")]
    Line {
        /// Name of the session.
        name: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A message is longer than [`FRAME_BYTES_MAX`].
    #[error("{name}: line {line}: message is longer than {FRAME_BYTES_MAX} bytes")]
    TooLong {
        /// Name of the session.
        name: String,
        /// The line, from 1.
        line: u64,
    },
    /// A message to be written holds a line feed, which would end its line early. Nothing of it
    /// was written.
    #[error("{name}: line {line}: message holds a line feed")]
    LineFeed {
        /// Name of the session.
        name: String,
        /// The line the message would have become, from 1.
        line: u64,
    },
    /// A line could not be written; the session may end in a part of it.
    #[error("{name}: line {line}: cannot be written: {source}")]
    Write {
        /// Name of the session.
        name: String,
        /// The line at which writing failed, from 1. Lines shortly before it may be missing too,
        /// since lines are written in blocks.
        line: u64,
        /// What the operating system said.
        source: io::Error,
    },
}
