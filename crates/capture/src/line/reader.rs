use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use super::block::Block;
use super::{FRAME_BYTES_MAX, Fault, RecordedFrame, split};
use crate::CaptureError;
use crate::input::{self, Input};

/// Reads one session in large pieces and lends its lines where they lie.
///
/// The last line need not end in a line feed. A plain session that was cut inside its last line
/// therefore gives a shortened message: only the message's own format can tell.
///
/// An error ends the session: after it [`next_frame`](Self::next_frame) returns `Ok(None)`.
pub struct LineReader {
    name: String,
    /// `None` once the session has ended, well or not.
    input: Option<Input>,
    block: Block,
    /// The current message in `block`.
    text: Range<usize>,
    arrival_ns: u64,
    line: u64,
    steps_back: u64,
}

impl LineReader {
    /// Opens the session in a file: plain, gzip or zstd by its first bytes, whatever its name.
    ///
    /// # Errors
    /// [`CaptureError::Open`] when the file cannot be opened or its first bytes not be read.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let opened = File::open(path).and_then(|file| input::open(Box::new(file)));
        match opened {
            Ok(input) => Ok(Self::new(name, input)),
            Err(source) => Err(CaptureError::Open { path: path.to_owned(), source }),
        }
    }

    /// Reads a session from anything that gives bytes, such as standard input; `name` stands for
    /// the file in errors. Waits for the first four bytes, which tell the compression.
    ///
    /// # Errors
    /// [`CaptureError::Read`] when the first bytes cannot be read.
    pub fn from_reader(name: String, reader: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        match input::open(reader) {
            Ok(input) => Ok(Self::new(name, input)),
            Err(source) => Err(CaptureError::Read { name, line: 0, source }),
        }
    }

    pub(crate) fn new(name: String, input: Input) -> Self {
        Self {
            name,
            input: Some(input),
            block: Block::new(),
            text: 0..0,
            arrival_ns: 0,
            line: 0,
            steps_back: 0,
        }
    }

    /// The next frame, or `None` at the end of the session.
    ///
    /// Copies nothing but the start of a line whose end is read next. Allocates only while its buffer
    /// grows to the longest line so far.
    ///
    /// # Errors
    /// [`CaptureError::Read`] when reading or decompressing fails,
    /// [`Empty`](CaptureError::Empty), [`NoSpace`](CaptureError::NoSpace),
    /// [`Time`](CaptureError::Time) or [`TooLong`](CaptureError::TooLong) for a line that is not
    /// of the format. Each ends the session.
    pub fn next_frame(&mut self) -> Result<Option<RecordedFrame<'_>>, CaptureError> {
        Ok(if self.advance()? { Some(self.frame()) } else { None })
    }

    /// What the session is called in errors: the path as it was given, or the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many frames have been read so far; in the end, how many the session has.
    pub const fn frames_read(&self) -> u64 {
        self.line
    }

    /// How often a frame so far carried an earlier time than the frame before it.
    pub const fn steps_back(&self) -> u64 {
        self.steps_back
    }

    /// Reads the next line; false at the end of the session.
    pub(crate) fn advance(&mut self) -> Result<bool, CaptureError> {
        let Some(mut input) = self.input.take() else { return Ok(false) };
        let Some(found) = self.next_line(&mut input)? else { return Ok(false) };
        let line = self.line + 1;
        let text = self.block.text(&found);
        let (arrival_ns, text_start) = split(text).map_err(|fault| self.faulty(fault))?;
        let text = found.start + text_start..found.end;
        if text.len() > FRAME_BYTES_MAX {
            return Err(CaptureError::TooLong { name: self.name.clone(), line });
        }
        if line > 1 && arrival_ns < self.arrival_ns {
            self.steps_back += 1;
        }
        (self.arrival_ns, self.text, self.line) = (arrival_ns, text, line);
        // Only a good line gives the input back: whatever else happened, the session has ended.
        self.input = Some(input);
        Ok(true)
    }

    /// The line that [`advance`](Self::advance) has read. Empty before the first.
    pub(crate) fn frame(&self) -> RecordedFrame<'_> {
        RecordedFrame {
            arrival_ns: self.arrival_ns,
            line: self.line,
            text: self.block.text(&self.text),
        }
    }

    /// Where the next line lies, without its line feed; `None` when there is none.
    #[inline]
    fn next_line(&mut self, input: &mut Input) -> Result<Option<Range<usize>>, CaptureError> {
        match self.block.next_line(input, LINE_BYTES_MAX) {
            Ok(Some(found)) if found.len() >= LINE_BYTES_MAX => {
                Err(CaptureError::TooLong { name: self.name.clone(), line: self.line + 1 })
            }
            Ok(found) => Ok(found),
            Err(source) => {
                Err(CaptureError::Read { name: self.name.clone(), line: self.line, source })
            }
        }
    }

    /// What is wrong with the line behind the last good one.
    #[cold]
    fn faulty(&self, fault: Fault) -> CaptureError {
        let (name, line) = (self.name.clone(), self.line + 1);
        match fault {
            Fault::Empty => CaptureError::Empty { name, line },
            Fault::NoSpace => CaptureError::NoSpace { name, line },
            Fault::Time => CaptureError::Time { name, line },
        }
    }
}

impl fmt::Debug for LineReader {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LineReader")
            .field("name", &self.name)
            .field("line", &self.line)
            .field("steps_back", &self.steps_back)
            .finish_non_exhaustive()
    }
}

/// Longest line: the digits of [`u64::MAX`], a space, a message and the line feed.
const LINE_BYTES_MAX: usize = 20 + 1 + FRAME_BYTES_MAX + 1;

#[cfg(test)]
mod tests;
