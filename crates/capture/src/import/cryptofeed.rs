//! Raw messages of cryptofeed (`AsyncFileCallback`), one connection a file.
//!
//! ```text
//! configuration: {...}
//! wss://fstream.binance.com/stream <-> 1626992740.179554
//! wss://fstream.binance.com/stream <- 1626992740.2: {"method":"SUBSCRIBE",...}
//! https://api.binance.com/depth?symbol=BTCUSDT -> 1626992740.3: {"lastUpdateId":...}
//! 1626992741.06217: {"stream":"btcusdt@bookTicker",...}
//! ```
//!
//! The first connects, before the handshake; the second was sent; the third is an answer over HTTP,
//! which counts as received, and a time with nothing before it is a message. That a connection was
//! lost is not written: it closes when the next one connects. The configuration is left out.

use std::ops::Range;

use super::lines::{Lines, Told};
use super::time::seconds_ns;
use crate::input::Input;
use crate::{CaptureError, Entry, Session};

const CONFIGURATION: &[u8] = b"configuration: ";
const SCHEMES: [&[u8]; 4] = [b"wss://", b"ws://", b"https://", b"http://"];
/// What follows an answer over HTTP whose header was kept as well.
const HEADER: &[u8] = b" header: {";

/// Whether a text that starts with `first` is of this format.
pub(super) fn is_format(first: &[u8]) -> bool {
    let line = first.trim_ascii_start();
    if line.starts_with(CONFIGURATION) || SCHEMES.iter().any(|it| line.starts_with(it)) {
        return true;
    }
    let time = line.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
    line[..time].contains(&b'.') && line[time..].starts_with(b": ")
}

/// A session of it.
pub(super) struct Cryptofeed {
    lines: Lines,
    buffer: Vec<u8>,
    told: Told,
    /// What is told after a change of the connection, which the same line brought.
    held: Option<Told>,
    is_open: bool,
    /// How often the connection has opened.
    attempt: u32,
}

/// What a line is.
#[derive(Debug)]
enum Line {
    Nothing,
    Connect(u64),
    Sent(u64, Range<usize>),
    Received(u64, Range<usize>),
}

impl Cryptofeed {
    pub(super) const fn new(name: String, input: Input) -> Self {
        Self {
            lines: Lines::new(name, input),
            buffer: Vec::new(),
            told: Told::NOTHING,
            held: None,
            is_open: false,
            attempt: 0,
        }
    }

    /// The connection opens, after it has closed where it was open.
    fn connect(&mut self, time_ns: u64) {
        let closed = Told::disconnected(time_ns, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        let opened = Told::connected(time_ns, self.attempt);
        if self.is_open {
            self.told = closed;
            self.held = Some(opened);
        } else {
            self.told = opened;
        }
        self.is_open = true;
    }

    /// Something came or went over the connection, which a file that goes on from another one does
    /// not say to be open.
    fn tell(&mut self, time_ns: u64, told: Told) {
        if self.is_open {
            self.told = told;
        } else {
            self.connect(time_ns);
            self.held = Some(told);
        }
    }
}

impl Session for Cryptofeed {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        if let Some(held) = self.held.take() {
            self.told = held;
            return Ok(true);
        }
        while self.lines.read(&mut self.buffer)? {
            match read(&self.buffer) {
                Some(Line::Nothing) => continue,
                Some(Line::Connect(time_ns)) => self.connect(time_ns),
                Some(Line::Sent(time_ns, text)) => self.tell(time_ns, Told::Sent { time_ns, text }),
                Some(Line::Received(time_ns, text)) => {
                    let received = self.lines.received(time_ns, text)?;
                    self.tell(time_ns, received);
                }
                None => return Err(self.lines.fault("is not one of cryptofeed's")),
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

    fn tells_connections(&self) -> bool {
        true
    }
}

fn read(line: &[u8]) -> Option<Line> {
    if line.is_empty() || line.starts_with(CONFIGURATION) {
        return Some(Line::Nothing);
    }
    if !SCHEMES.iter().any(|it| line.starts_with(it)) {
        let (time_ns, text) = timed(line, 0)?;
        return Some(Line::Received(time_ns, text));
    }
    // No address has a space.
    let space = line.iter().position(|&byte| byte == b' ')?;
    let rest = &line[space..];
    let after = |arrow: &[u8]| rest.starts_with(arrow).then_some(space + arrow.len());
    if let Some(start) = after(b" <-> ") {
        return Some(Line::Connect(seconds_ns(&line[start..])?));
    }
    if let Some(start) = after(b" <- ") {
        let (time_ns, text) = timed(line, start)?;
        return Some(Line::Sent(time_ns, text));
    }
    let (time_ns, text) = timed(line, after(b" -> ")?)?;
    let answer = &line[text.clone()];
    let header = answer.windows(HEADER.len()).rposition(|it| it == HEADER);
    let end = header.map_or(text.end, |at| text.start + at);
    Some(Line::Received(time_ns, text.start..end))
}

/// `<seconds>: <text>` from `start` on.
fn timed(line: &[u8], start: usize) -> Option<(u64, Range<usize>)> {
    let colon = line[start..].iter().position(|&byte| byte == b':')?;
    let time_ns = seconds_ns(&line[start..start + colon])?;
    let text = start + colon + 2;
    (line.get(text - 1) == Some(&b' ')).then_some((time_ns, text..line.len()))
}

#[cfg(test)]
mod tests {
    use super::super::lines::{input, words};
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(&mut Cryptofeed::new("feed".into(), input(text))), expected);
    }

    #[test]
    fn every_kind_of_line_is_read() {
        check(
            "configuration: {'BINANCE': 1}\n\
             wss://a/stream?streams=x@trade <-> 1626992740.179554\n\
             wss://a/stream?streams=x@trade <- 1626992740.2: {\"id\": 1}\n\
             1626992741.06217: {\"a\": \"b: c\"}\n\
             \n\
             https://a/depth?limit=5 -> 1626992741.5: {\"lastUpdateId\":1}\n\
             https://a/depth -> 1626992742.0: [1] header: {\"Date\": \"x\"}\n\
             1626992742.2894342: \n",
            &[
                "1626992740179554000 state 1 attempt 1",
                "1626992740200000000 > {\\\"id\\\": 1}",
                "1626992741062170000 < {\\\"a\\\": \\\"b: c\\\"}",
                "1626992741500000000 < {\\\"lastUpdateId\\\":1}",
                "1626992742000000000 < [1]",
                "1626992742289434200 < ",
            ],
        );
    }

    #[test]
    fn a_connection_closes_when_the_next_one_connects() {
        check(
            "wss://a <-> 1.0\n2.0: x\nwss://a <-> 3.5\n4.0: y\n",
            &[
                "1000000000 state 1 attempt 1",
                "2000000000 < x",
                "3500000000 state 4 attempt 1",
                "3500000000 state 1 attempt 2",
                "4000000000 < y",
            ],
        );
    }

    #[test]
    fn a_file_that_goes_on_from_another_one_starts_connected() {
        check(
            "2.5: x\n3.0: y\n",
            &["2500000000 state 1 attempt 1", "2500000000 < x", "3000000000 < y"],
        );
    }

    #[test]
    fn a_line_that_is_none_ends_the_session() {
        let fault = "feed: line 2: is not one of cryptofeed's";
        for line in [
            "}",
            "2.0:x",
            "2.0",
            "1e9: x",
            "-2.0: x",
            "wss://a",
            "wss://a <-> x",
            "wss://a <- x: y",
            "wss://a -- 2.0: y",
            "https://a -> 2.0",
        ] {
            let text = format!("wss://a <-> 1.0\n{line}\n3.0: y\n");
            check(&text, &["1000000000 state 1 attempt 1", fault]);
        }
    }

    #[test]
    fn the_first_bytes_tell_the_format() {
        for first in ["configuration: {}", "wss://a <-> 1.0", "https://a -> 1.0: x", "1.5: x"] {
            assert!(is_format(first.as_bytes()), "{first}");
        }
        for other in ["1700000000000000000 {}", "", "1.5", "15: x", "34200.1,1,2,3,4,1", "{}"] {
            assert!(!is_format(other.as_bytes()), "{other}");
        }
    }
}
