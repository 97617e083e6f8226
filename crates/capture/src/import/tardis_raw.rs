//! Raw messages of Tardis: as its client keeps them, and as tardis-machine's `/replay` sends them.
//!
//! ```text
//! 2019-06-01T00:03:03.1238784Z {"table":"trade",...}
//! {"localTimestamp":"2019-06-01T00:03:03.1238784Z","message":{"table":"trade",...}}
//! ```
//!
//! An empty line says that the connection was lost. It has no time: the connection closes with the
//! message before it and opens with the message after it.

use std::ops::Range;

use super::lines::{Lines, Told};
use super::time::iso_ns;
use crate::input::Input;
use crate::{CaptureError, Entry, Session};

/// What starts a line of tardis-machine.
const MACHINE_START: &[u8] = br#"{"localTimestamp":""#;
/// What stands between its time and its message.
const MACHINE_MIDDLE: &[u8] = br#"","message":"#;

/// Whether a text that starts with `first` is of this format.
pub(super) fn is_format(first: &[u8]) -> bool {
    let line = first.trim_ascii_start();
    line.starts_with(MACHINE_START)
        || matches!(line, [a, b, c, d, b'-', _, _, b'-', _, _, b'T', ..]
            if [a, b, c, d].iter().all(|byte| byte.is_ascii_digit()))
}

/// A session of it.
pub(super) struct TardisRaw {
    lines: Lines,
    buffer: Vec<u8>,
    told: Told,
    /// The message that is told after the connection has opened.
    held: Option<Told>,
    /// Time of the message before; `None` until there is one.
    before_ns: Option<u64>,
    is_open: bool,
    /// How often the connection has opened.
    attempt: u32,
}

impl TardisRaw {
    pub(super) const fn new(name: String, input: Input) -> Self {
        Self {
            lines: Lines::new(name, input),
            buffer: Vec::new(),
            told: Told::NOTHING,
            held: None,
            before_ns: None,
            is_open: true,
            attempt: 1,
        }
    }
}

impl Session for TardisRaw {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        if let Some(held) = self.held.take() {
            self.told = held;
            return Ok(true);
        }
        while self.lines.read(&mut self.buffer)? {
            if self.buffer.is_empty() {
                // Before the first message, and after another one, it says nothing new.
                if let Some(before_ns) = self.before_ns.filter(|_| self.is_open) {
                    self.is_open = false;
                    self.told = Told::disconnected(before_ns, self.attempt);
                    return Ok(true);
                }
                continue;
            }
            let Some((time_ns, text)) = split(&self.buffer) else {
                return Err(self.lines.fault("is not `<ISO 8601 time in UTC> <message>`"));
            };
            self.before_ns = Some(time_ns);
            self.told = self.lines.received(time_ns, text)?;
            if !self.is_open {
                self.is_open = true;
                self.attempt = self.attempt.saturating_add(1);
                let opened = Told::connected(time_ns, self.attempt);
                self.held = Some(std::mem::replace(&mut self.told, opened));
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn entry(&self) -> Entry<'_> {
        self.told.entry(&self.buffer)
    }

    fn name(&self) -> &str {
        self.lines.name()
    }
}

/// Time and position of the message of a line.
fn split(line: &[u8]) -> Option<(u64, Range<usize>)> {
    let Some(rest) = line.strip_prefix(MACHINE_START) else {
        let space = line.iter().position(|&byte| byte == b' ')?;
        return Some((iso_ns(&line[..space])?, space + 1..line.len()));
    };
    let quote = rest.iter().position(|&byte| byte == b'"')?;
    let message = rest[quote..].strip_prefix(MACHINE_MIDDLE)?.strip_suffix(b"}")?;
    let end = line.len() - 1;
    Some((iso_ns(&rest[..quote])?, end - message.len()..end))
}

#[cfg(test)]
mod tests {
    use super::super::lines::{input, words};
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(&mut TardisRaw::new("raw".into(), input(text))), expected);
    }

    #[test]
    fn a_line_is_a_time_and_a_message() {
        check(
            "1970-01-01T00:00:01.0000001Z {\"a\": 1}\n1970-01-01T00:00:02Z \n",
            &["1000000100 < {\\\"a\\\": 1}", "2000000000 < "],
        );
    }

    #[test]
    fn tardis_machine_wraps_the_same_in_an_object() {
        check(
            "{\"localTimestamp\":\"1970-01-01T00:00:01.5Z\",\"message\":{\"a\":{}}}\r\n",
            &["1500000000 < {\\\"a\\\":{}}"],
        );
    }

    #[test]
    fn empty_lines_close_the_connection_and_the_next_message_opens_it() {
        check(
            "\n1970-01-01T00:00:01Z a\n\n\n1970-01-01T00:00:03Z b\n1970-01-01T00:00:04Z c\n\n",
            &[
                "1000000000 < a",
                "1000000000 state 4 attempt 1",
                "3000000000 state 1 attempt 2",
                "3000000000 < b",
                "4000000000 < c",
                "4000000000 state 4 attempt 2",
            ],
        );
    }

    #[test]
    fn a_line_that_is_none_ends_the_session() {
        let fault = "raw: line 2: is not `<ISO 8601 time in UTC> <message>`";
        for line in [
            "1970-01-01T00:00:01.5",
            "1970-01-01 00:00:01Z b",
            "1000000000 b",
            "{\"localTimestamp\":\"1970-01-01T00:00:01.5Z\",\"message\":1",
            "{\"localTimestamp\":\"x\",\"message\":1}",
            "{\"localTimestamp\":\"1970",
        ] {
            let text = format!("1970-01-01T00:00:01Z a\n{line}\n1970-01-01T00:00:01Z c\n");
            check(&text, &["1000000000 < a", fault]);
        }
    }

    #[test]
    fn the_first_bytes_tell_the_format() {
        assert!(is_format(b"2019-06-01T00:03:03.1238784Z {}"));
        assert!(is_format(b"\n\n2019-06-01T"));
        assert!(is_format(br#"{"localTimestamp":"2019"#));
        for other in [&b"1700000000000000000 {}"[..], b"", b"2019-06-01", b"wss://x", b"{\"a\":1}"]
        {
            assert!(!is_format(other), "{}", other.escape_ascii());
        }
    }
}
