//! Lines of a text with their numbers, and what an importer makes of one.

use std::io::{BufRead, Read};
use std::ops::Range;

use crate::input::Input;
use crate::{CaptureError, ConnectionChange, Entry, FRAME_BYTES_MAX};

/// Reads a text line by line. An error ends it.
pub(crate) struct Lines {
    name: String,
    /// `None` once it has ended, well or not.
    input: Option<Input>,
    /// The current line, from 1; 0 before the first.
    line: u64,
}

impl Lines {
    pub(crate) const fn new(name: String, input: Input) -> Self {
        Self { name, input: Some(input), line: 0 }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Puts the next line in `buffer`, without its end, which may have a carriage return: a tool that
    /// wrote it, never the message. False when there is none.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> Result<bool, CaptureError> {
        buffer.clear();
        let Some(mut input) = self.input.take() else { return Ok(false) };
        let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', buffer);
        let size = read.map_err(|source| {
            let name = self.name.clone();
            CaptureError::Read { name, line: self.line, source }
        })?;
        if size == 0 {
            return Ok(false);
        }
        self.line += 1;
        if buffer.last() == Some(&b'\n') {
            buffer.pop();
        } else if size as u64 == LINE_BYTES_MAX {
            return Err(self.too_long());
        }
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        self.input = Some(input);
        Ok(true)
    }

    /// A message that the current line holds, or ends. One that is too long ends the session.
    pub(crate) fn received(
        &mut self,
        time_ns: u64,
        text: Range<usize>,
    ) -> Result<Told, CaptureError> {
        if text.len() > FRAME_BYTES_MAX {
            return Err(self.too_long());
        }
        Ok(Told::Received { time_ns, text })
    }

    /// Ends the session.
    pub(crate) fn end(&mut self) {
        self.input = None;
    }

    /// Ends the session: the current line is not of its format.
    pub(crate) fn fault(&mut self, what: &'static str) -> CaptureError {
        self.input = None;
        CaptureError::Line { name: self.name.clone(), line: self.line, what }
    }

    /// Ends the session: the message that the current line ends is too long.
    pub(crate) fn too_long(&mut self) -> CaptureError {
        self.input = None;
        CaptureError::TooLong { name: self.name.clone(), line: self.line }
    }
}

/// What a line says; the position of its text is that in the importer's own buffer.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Received { time_ns: u64, text: Range<usize> },
    Sent { time_ns: u64, text: Range<usize> },
    Changed { time_ns: u64, change: ConnectionChange },
}

impl Told {
    /// What an importer holds before its first line.
    pub(crate) const NOTHING: Self = Self::Received { time_ns: 0, text: 0..0 };

    /// The connection opened for the `attempt`th time.
    pub(crate) const fn connected(time_ns: u64, attempt: u32) -> Self {
        Self::Changed { time_ns, change: ConnectionChange { state: CONNECTED, attempt, code: 0 } }
    }

    /// The connection that had opened for the `attempt`th time closed.
    pub(crate) const fn disconnected(time_ns: u64, attempt: u32) -> Self {
        let change = ConnectionChange { state: DISCONNECTED, attempt, code: 0 };
        Self::Changed { time_ns, change }
    }

    /// The same as an entry of the only connection.
    pub(crate) fn entry<'a>(&self, buffer: &'a [u8]) -> Entry<'a> {
        let connection = 0;
        match self {
            Self::Received { time_ns, text } => {
                Entry::Received { connection, arrival_ns: *time_ns, text: &buffer[text.clone()] }
            }
            Self::Sent { time_ns, text } => {
                Entry::Sent { connection, time_ns: *time_ns, text: &buffer[text.clone()] }
            }
            Self::Changed { time_ns, change } => {
                Entry::Changed { connection, time_ns: *time_ns, change: *change }
            }
        }
    }
}

/// Numbers of a connection's states, as captures of ours keep them.
const CONNECTED: u8 = 1;
const DISCONNECTED: u8 = 4;

/// Room for a time, an address and the like beside the longest message.
const LINE_BYTES_MAX: u64 = FRAME_BYTES_MAX as u64 + 64 * 1024;

/// A session's text for tests.
#[cfg(test)]
pub(crate) fn input(text: &str) -> Input {
    Box::new(std::io::Cursor::new(text.to_owned()))
}

/// All entries of a session as words, one a line, and the error that ends it.
#[cfg(test)]
pub(crate) fn words(session: &mut dyn crate::Session) -> Vec<String> {
    let mut words = Vec::new();
    loop {
        match session.advance() {
            Ok(true) => words.push(match session.entry() {
                Entry::Received { arrival_ns, text, .. } => {
                    format!("{arrival_ns} < {}", text.escape_ascii())
                }
                Entry::Sent { time_ns, text, .. } => {
                    format!("{time_ns} > {}", text.escape_ascii())
                }
                Entry::Changed { time_ns, change, .. } => {
                    format!("{time_ns} state {} attempt {}", change.state, change.attempt)
                }
                Entry::Hole(hole) => format!("{hole:?}"),
            }),
            Ok(false) => return words,
            Err(error) => words.push(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_be_as_long_as_any_and_no_longer() {
        let text = "x".repeat(FRAME_BYTES_MAX + 1);
        let mut lines = Lines::new("long".into(), input(&text));
        let mut buffer = Vec::new();
        assert!(lines.read(&mut buffer).unwrap());
        assert!(lines.received(1, 1..buffer.len()).is_ok());
        let error = lines.received(1, 0..buffer.len()).unwrap_err();
        assert!(matches!(error, CaptureError::TooLong { line: 1, .. }), "{error}");
        assert!(!lines.read(&mut buffer).unwrap(), "it has ended");
    }

    #[test]
    fn a_line_that_does_not_end_is_given_up() {
        let endless = std::io::BufReader::new(std::io::repeat(b'x'));
        let mut lines = Lines::new("endless".into(), Box::new(endless));
        let mut buffer = Vec::new();
        let error = lines.read(&mut buffer).unwrap_err();
        assert!(matches!(error, CaptureError::TooLong { line: 1, .. }), "{error}");
    }

    #[test]
    fn lines_end_in_any_way_and_are_counted() {
        let mut lines = Lines::new("lines".into(), input("a\r\n\nb"));
        let mut buffer = Vec::new();
        for expected in ["a", "", "b"] {
            assert!(lines.read(&mut buffer).unwrap());
            assert_eq!(buffer, expected.as_bytes());
        }
        assert_eq!(lines.fault("is wrong").to_string(), "lines: line 3: is wrong");
        assert!(!lines.read(&mut buffer).unwrap());
    }
}
