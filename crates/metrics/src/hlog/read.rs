//! Reads an interval log line by line: ours, and those of HdrHistogram's other tools.

use std::io::{self, BufRead, Read as _};

use thiserror::Error;

use super::payload::{self, Bucket, PayloadError};
use crate::latency::LatencySummary;

/// Why an interval log could not be read to its end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HlogReadError {
    /// The reader failed.
    #[error("interval log cannot be read")]
    Io(#[from] io::Error),
    /// A line is no line of a log, or not a whole one; those before it were.
    #[error("line {line}: {reason}")]
    Line {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        reason: LineError,
    },
}

/// What is wrong with a line of an interval log.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum LineError {
    /// Longer than [`LINE_BYTES_MAX`].
    #[error("longer than {LINE_BYTES_MAX} bytes")]
    TooLong,
    /// Not UTF-8.
    #[error("not text")]
    NotText,
    /// Fewer than four parts, or a part more.
    #[error("not `[Tag=NAME,]START,LENGTH,MAX,HISTOGRAM`: no interval log, or cut")]
    Parts,
    /// A number that is none, or negative.
    #[error("the {part} is no number of seconds")]
    Number {
        /// Which part.
        part: &'static str,
    },
    /// A tag without a name, or one longer than [`TAG_BYTES_MAX`].
    #[error("the tag is empty or longer than {TAG_BYTES_MAX} bytes")]
    Tag,
    /// The histogram.
    #[error("{0}")]
    Payload(#[from] PayloadError),
}

/// One entry of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct LogInterval {
    /// Number of its line, from 1.
    pub line: u64,
    /// Its tag, where it has one.
    pub tag: Option<String>,
    /// When it began: nanoseconds since 1970, or since an unknown moment where the log does not say
    /// when it began.
    pub start_ns: u64,
    /// How long it lasted.
    pub length_ns: u64,
    /// What was recorded, in the log's own unit, in rising order.
    pub buckets: Vec<Bucket>,
}

impl LogInterval {
    /// The figures of this interval alone, in the log's own unit.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        crate::distribution::summary(&self.buckets)
    }
}

/// Reads the entries of a log, one after the other.
///
/// Holds one line and one histogram at a time, whatever the file claims. Strict: what is cut or
/// damaged is an error that names its line, and ends the reading.
#[derive(Debug)]
pub struct HlogReader<R> {
    reader: R,
    line: Vec<u8>,
    line_number: u64,
    start_time_ns: Option<u64>,
    /// What stamps count from, once that is known.
    base_time_ns: Option<u64>,
    is_over: bool,
}

impl<R: BufRead> HlogReader<R> {
    /// Reads from `reader`, which should be buffered.
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            line: Vec::new(),
            line_number: 0,
            start_time_ns: None,
            base_time_ns: None,
            is_over: false,
        }
    }

    /// When the log says it began, in nanoseconds since 1970, as far as it was read.
    #[must_use]
    pub const fn start_time_ns(&self) -> Option<u64> {
        self.start_time_ns
    }

    /// The next entry; `None` at the end.
    fn read(&mut self) -> Result<Option<LogInterval>, HlogReadError> {
        loop {
            self.line.clear();
            let limit = LINE_BYTES_MAX as u64 + 1;
            let size = self.reader.by_ref().take(limit).read_until(b'\n', &mut self.line)?;
            if size == 0 {
                return Ok(None);
            }
            self.line_number += 1;
            let line = std::mem::take(&mut self.line);
            let read = self.read_line(&line);
            self.line = line;
            let number = self.line_number;
            match read {
                Ok(None) => {}
                Ok(entry) => return Ok(entry),
                Err(reason) => return Err(HlogReadError::Line { line: number, reason }),
            }
        }
    }

    /// A comment, a legend and an empty line give nothing.
    fn read_line(&mut self, line: &[u8]) -> Result<Option<LogInterval>, LineError> {
        if line.len() > LINE_BYTES_MAX {
            return Err(LineError::TooLong);
        }
        let text = std::str::from_utf8(line).map_err(|_| LineError::NotText)?;
        let text = text.trim_end_matches(['\n', '\r']);
        if let Some(comment) = text.strip_prefix('#') {
            self.read_comment(comment)?;
            return Ok(None);
        }
        if text.is_empty() || text.starts_with('"') {
            return Ok(None);
        }
        self.read_entry(text).map(Some)
    }

    fn read_comment(&mut self, comment: &str) -> Result<(), LineError> {
        let seconds = |prefix| {
            let rest = comment.strip_prefix(prefix)?;
            rest.split([' ', ']']).find(|it| !it.is_empty())
        };
        if let Some(text) = seconds("[StartTime:") {
            self.start_time_ns = Some(parse_seconds_ns(text, "start time")?);
        } else if let Some(text) = seconds("[BaseTime:") {
            self.base_time_ns = Some(parse_seconds_ns(text, "base time")?);
        }
        Ok(())
    }

    fn read_entry(&mut self, text: &str) -> Result<LogInterval, LineError> {
        let (tag, rest) = match text.strip_prefix("Tag=") {
            Some(rest) => {
                let (tag, rest) = rest.split_once(',').ok_or(LineError::Parts)?;
                if tag.is_empty() || tag.len() > TAG_BYTES_MAX {
                    return Err(LineError::Tag);
                }
                (Some(tag.to_owned()), rest)
            }
            None => (None, text),
        };
        let mut parts = rest.split(',').map(str::trim);
        let mut next = || parts.next().ok_or(LineError::Parts);
        let [stamp, length, max, base64] = [next()?, next()?, next()?, next()?];
        if parts.next().is_some() {
            return Err(LineError::Parts);
        }
        let stamp_ns = parse_seconds_ns(stamp, "start")?;
        let length_ns = parse_seconds_ns(length, "length")?;
        // The maximum is in the histogram too, and there without a divisor that may be unknown.
        max.parse::<f64>().map_err(|_| LineError::Number { part: "maximum" })?;
        let buckets = payload::decode(base64)?;
        let start_ns = self.base_ns(stamp_ns).saturating_add(stamp_ns);
        Ok(LogInterval { line: self.line_number, tag, start_ns, length_ns, buckets })
    }

    /// What stamps count from. A log that does not say counts from its start if its first stamp is
    /// more than a year older than that, and from 1970 otherwise: the rule of Java's reader.
    fn base_ns(&mut self, stamp_ns: u64) -> u64 {
        let start_ns = self.start_time_ns.unwrap_or(stamp_ns);
        let is_relative = stamp_ns < start_ns.saturating_sub(YEAR_NS);
        *self.base_time_ns.get_or_insert(if is_relative { start_ns } else { 0 })
    }
}

impl<R: BufRead> Iterator for HlogReader<R> {
    type Item = Result<LogInterval, HlogReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let read = self.read().transpose();
        self.is_over = !matches!(read, Some(Ok(_)));
        read
    }
}

/// Nanoseconds of a decimal number of seconds; digits past the ninth are cut.
fn parse_seconds_ns(text: &str, part: &'static str) -> Result<u64, LineError> {
    let wrong = LineError::Number { part };
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    if !are_digits(whole) || !are_digits(fraction) {
        return Err(wrong);
    }
    let whole_ns =
        whole.parse::<u64>().ok().and_then(|it| it.checked_mul(NS_PER_S)).ok_or(wrong)?;
    let digits = fraction.bytes().chain(std::iter::repeat(b'0')).take(9);
    let fraction_ns = digits.fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'));
    whole_ns.checked_add(fraction_ns).ok_or(wrong)
}

/// The longest line that is read: base64 of the largest histogram, not compressed at all.
pub const LINE_BYTES_MAX: usize = 6 * 1024 * 1024;

/// The longest tag that is read.
pub const TAG_BYTES_MAX: usize = 256;

const NS_PER_S: u64 = 1_000_000_000;
const YEAR_NS: u64 = 365 * 24 * 3_600 * NS_PER_S;

#[cfg(test)]
mod tests;
