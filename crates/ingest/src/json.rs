//! The seam to JSON, in three steps. Venues read the messages that come most straight from their text
//! ([`Scanner`]). What they decline a scanner writes onto a reused tape, if it is the plain JSON that venues
//! write; what that one declines a general parser writes onto the same tape. Nothing is allocated once
//! the memory has grown.
//!
//! Nothing but this module names `simd_json`.

mod plain;
mod quotes;
mod scanner;
mod tape;
mod value;

use simd_json::{Buffers, INPUT_PADDING, Tape};

pub(crate) use self::scanner::{Scanner, level};
pub(crate) use self::value::{Items, Value};
use crate::batch::EventBatch;
use crate::venue::DecodeError;

/// Frame bytes the buffers have room for before they grow.
const SCRATCH_BYTES: usize = 64 * 1024;

/// Nodes the tape has room for before it grows: a depth message of some thousand levels.
const NODES_CAPACITY: usize = 4096;

/// A venue's JSON reader with its reused memory.
pub struct Json {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
    parsers: Parsers,
    tally: Tally,
}

/// What reads a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Parsers {
    /// The fastest that takes the text: straight readers, the scanner, the general parser.
    #[default]
    ScanFirst,
    /// The general parser alone: slower, to check or to time the other against.
    General,
}

/// How often which parser read a frame.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tally {
    /// Readings straight from the text.
    pub direct: u64,
    /// Readings of a tape that the scanner wrote.
    pub scanned: u64,
    /// Readings of the general parser: what the other two had declined.
    pub general: u64,
}

/// What becomes of bare numbers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Numbers {
    /// They are numbers; the digits of fractions are lost.
    Typed,
    /// They are read as if they stood in quotes: every digit stays.
    Quoted,
}

impl Json {
    pub(crate) fn new() -> Self {
        Self {
            scratch: Vec::with_capacity(SCRATCH_BYTES),
            buffers: Buffers::new(SCRATCH_BYTES),
            tape: Tape(Vec::with_capacity(NODES_CAPACITY)),
            parsers: Parsers::default(),
            tally: Tally::default(),
        }
    }

    /// Chooses what reads from now on. What is read is the same either way.
    pub const fn set_parsers(&mut self, parsers: Parsers) {
        self.parsers = parsers;
    }

    /// How often which parser read.
    #[must_use]
    pub const fn tally(&self) -> Tally {
        self.tally
    }

    /// Hands `text` to `scan`, which reads what it knows of the messages that come most, or gives `None`
    /// and leaves everything as it was, but for events in `batch`, which are taken back: [`Json::read`] must
    /// follow.
    #[inline]
    pub(crate) fn scan<T>(
        &mut self,
        text: &[u8],
        batch: &mut EventBatch,
        scan: impl FnOnce(Scanner<'_>, &mut EventBatch) -> Option<T>,
    ) -> Option<T> {
        if self.parsers == Parsers::General {
            return None;
        }
        let from = batch.len();
        let scanned = scan(Scanner::new(text), batch);
        match scanned {
            Some(_) => self.tally.direct += 1,
            None => batch.truncate(from),
        }
        scanned
    }

    /// Parses `text` and hands its root to `read`; `read` runs a second time, over strings only,
    /// when it meets a bare number where exact text is needed ([`DecodeError::BareNumber`]).
    pub(crate) fn read<T>(
        &mut self,
        text: &[u8],
        mut read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        match self.parse(text, Numbers::Typed, &mut read) {
            Err(DecodeError::BareNumber) => self.parse(text, Numbers::Quoted, &mut read),
            other => other,
        }
    }

    /// As [`Json::read`] for venues that write bare numbers whose digits matter: `read` runs once,
    /// over strings only, and no number is parsed before its text is asked for.
    pub(crate) fn read_quoted<T>(
        &mut self,
        text: &[u8],
        mut read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.parse(text, Numbers::Quoted, &mut read)
    }

    fn parse<T>(
        &mut self,
        text: &[u8],
        numbers: Numbers,
        read: &mut impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        if self.parsers == Parsers::ScanFirst {
            let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
            let scanned = tape::scan(text, numbers, &mut tape.0);
            let result = scanned.map(|()| read(Value::root(&tape.0)));
            self.tape = tape.reset();
            if let Some(result) = result {
                self.tally.scanned += 1;
                return result;
            }
        }
        self.tally.general += 1;
        self.parse_general(text, numbers, read)
    }

    #[cold]
    fn parse_general<T>(
        &mut self,
        text: &[u8],
        numbers: Numbers,
        read: &mut impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, DecodeError> {
        self.scratch.clear();
        match numbers {
            Numbers::Typed => self.scratch.extend_from_slice(text),
            Numbers::Quoted => quote_numbers(text, &mut self.scratch),
        }
        let len = self.scratch.len();
        self.scratch.resize(len + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let parsed =
            simd_json::fill_tape_padded(&mut self.scratch, len, &mut self.buffers, &mut tape);
        let result = match parsed {
            Ok(()) => read(Value::root(&tape.0)),
            Err(_) => Err(DecodeError::Malformed),
        };
        self.tape = tape.reset();
        result
    }
}

impl std::fmt::Debug for Json {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Json").field("scratch_bytes", &self.scratch.capacity()).finish()
    }
}

/// Copies `text` and puts every bare number between quotes, so that its digits survive parsing.
fn quote_numbers(text: &[u8], target: &mut Vec<u8>) {
    let mut in_string = false;
    let mut in_number = false;
    let mut escaped = false;
    for &byte in text {
        let numeric = matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        if in_number && !numeric {
            target.push(b'"');
            in_number = false;
        } else if !in_string && !in_number && matches!(byte, b'0'..=b'9' | b'-') {
            target.push(b'"');
            in_number = true;
        }
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && byte == b'\\' && !escaped;
        target.push(byte);
    }
    if in_number {
        target.push(b'"');
    }
}

#[cfg(test)]
mod tests;
