//! Bars as a session: complete bars from files, one frame each, in order of time.
//!
//! A frame is the row that `tickring-ingest` reads (see its `Rows`):
//!
//! ```text
//! AAPL.US,1773295200000000000,0;bar,1773291600000000000,3600000000000,260.86,261.05,260.7,260.81,963419
//! ```
//!
//! Its time, and its frame's, is the bar's end: the moment from which it was known. Numbers are
//! written in one way, without zeros at the end of a fraction, so that the same bars are the same
//! frames, whichever file they come from.

mod csv;
mod joined;
mod made;

pub use csv::open_bars;
pub use joined::Joined;
pub use made::MadeBars;

pub(crate) use csv::{BarsCsv, is_format};

/// Columns of a file of bars, in the order in which ours are written.
pub const BAR_COLUMNS: [&str; 8] =
    ["symbol", "interval", "time_ms", "open", "high", "low", "close", "volume"];

/// The word for the format, and the venue that reads its frames.
pub const BARS: &str = "bars";

/// A bar as it stands in a file.
#[derive(Clone, Copy, Debug)]
pub struct BarRow<'a> {
    /// The instrument.
    pub symbol: &'a [u8],
    /// Start of the bar, ms since the epoch.
    pub time_ms: u64,
    /// Length of the bar.
    pub interval: Interval,
    /// Open, high, low, close and volume.
    pub numbers: [&'a [u8]; 5],
}

/// Length of a bar.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Interval(u64);

impl Interval {
    /// Reads `1s`, `5m`, `1h`, `1d`, `1w`, `1M`.
    ///
    /// A month counts as its 31 days at most, so that no bar is known before it is over.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (unit, count) = text.split_last()?;
        let unit_ns = match unit {
            b's' => SECOND_NS,
            b'm' => 60 * SECOND_NS,
            b'h' => 3_600 * SECOND_NS,
            b'd' => 86_400 * SECOND_NS,
            b'w' => 7 * 86_400 * SECOND_NS,
            b'M' => 31 * 86_400 * SECOND_NS,
            _ => return None,
        };
        let count: u64 = whole(count)?;
        let length_ns = count.checked_mul(unit_ns).filter(|it| *it > 0)?;
        (length_ns <= LENGTH_NS_MAX).then_some(Self(length_ns))
    }

    /// The length in ns.
    #[must_use]
    pub const fn ns(self) -> u64 {
        self.0
    }
}

/// A frame that is being written. Its text is used again for the next one.
#[derive(Debug, Default)]
pub struct BarFrame {
    text: Vec<u8>,
    end_ns: u64,
}

impl BarFrame {
    /// Writes a bar.
    ///
    /// # Errors
    /// What is wrong with it, in words that follow the name of its place.
    pub fn write(&mut self, row: &BarRow<'_>) -> Result<(), &'static str> {
        let BarRow { symbol, time_ms, interval, numbers } = *row;
        if symbol.is_empty() || symbol.iter().any(|byte| matches!(byte, b',' | b';')) {
            return Err("`symbol` is empty, or has a comma or a semicolon");
        }
        let start_ns = time_ms.checked_mul(MILLISECOND_NS).filter(|it| *it <= TIME_NS_MAX);
        let start_ns = start_ns.ok_or("`time_ms` is past the year 2200; it is ms since 1970")?;
        self.end_ns = start_ns + interval.ns();
        self.text.clear();
        self.text.extend_from_slice(symbol);
        self.text.push(b',');
        push_whole(&mut self.text, self.end_ns);
        self.text.extend_from_slice(b",0;bar,");
        push_whole(&mut self.text, start_ns);
        self.text.push(b',');
        push_whole(&mut self.text, interval.ns());
        for number in numbers {
            self.text.push(b',');
            self.text.extend_from_slice(plain(number).ok_or(NO_NUMBER)?);
        }
        Ok(())
    }

    /// The end of the bar, ns since the epoch.
    #[must_use]
    pub const fn end_ns(&self) -> u64 {
        self.end_ns
    }

    /// The frame.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// A number without zeros at the end of its fraction; `None` for what is no number.
fn plain(text: &[u8]) -> Option<&[u8]> {
    let is_number = text.first().is_some_and(u8::is_ascii_digit)
        && text.iter().all(|it| matches!(it, b'0'..=b'9' | b'.' | b'e' | b'E' | b'-' | b'+'));
    if !is_number {
        return None;
    }
    if !text.contains(&b'.') || text.iter().any(|it| matches!(it, b'e' | b'E')) {
        return Some(text);
    }
    let kept = text.iter().rposition(|it| *it != b'0')?;
    let end = if text[kept] == b'.' { kept } else { kept + 1 };
    Some(&text[..end])
}

/// A whole number: digits only.
fn whole(text: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(text).ok().filter(|it| !it.starts_with('+'))?;
    digits.parse().ok()
}

/// Writes a number. Formatting by the standard library would take most of the time of a bar.
fn push_whole(text: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    while value >= 100 {
        at -= 2;
        digits[at..at + 2].copy_from_slice(&pair(value % 100));
        value /= 100;
    }
    at -= 2;
    digits[at..at + 2].copy_from_slice(&pair(value));
    text.extend_from_slice(&digits[at + usize::from(value < 10)..]);
}

/// A number below a hundred.
fn pair(value: u64) -> [u8; 2] {
    PAIRS[usize::try_from(value).unwrap_or_default()]
}

/// Every number of two digits.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[b'0'; 2]; 100];
    let mut at = 0_u8;
    while at < 100 {
        pairs[at as usize] = [b'0' + at / 10, b'0' + at % 10];
        at += 1;
    }
    pairs
};

const NO_NUMBER: &str = "a price or the volume is not a decimal number above or at zero";
const SECOND_NS: u64 = 1_000_000_000;
const MILLISECOND_NS: u64 = 1_000_000;
/// The year 2200. Beyond it a time is a mistake of its unit.
const TIME_NS_MAX: u64 = 7_258_118_400 * SECOND_NS;
/// Ten years.
const LENGTH_NS_MAX: u64 = 3_660 * 86_400 * SECOND_NS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_in_one_way() {
        for (text, expected) in [
            ("100.50", Some("100.5")),
            ("100.000", Some("100")),
            ("100", Some("100")),
            ("0.0", Some("0")),
            ("1.5e-7", Some("1.5e-7")),
            ("", None),
            ("-1", None),
            ("NaN", None),
            ("1;2", None),
        ] {
            assert_eq!(plain(text.as_bytes()), expected.map(str::as_bytes), "{text}");
        }
    }

    #[test]
    fn whole_numbers_are_written_as_the_library_writes_them() {
        let powers = (0..20).map(|it| 10_u64.pow(it));
        for value in powers.flat_map(|it| [it - 1, it, it + 9]).chain([u64::MAX]) {
            let mut text = Vec::new();
            push_whole(&mut text, value);
            assert_eq!(text, value.to_string().as_bytes());
        }
    }

    #[test]
    fn lengths_have_a_unit() {
        let hour = 3_600_000_000_000;
        for (text, expected) in [
            ("1h", Some(hour)),
            ("4h", Some(4 * hour)),
            ("1d", Some(24 * hour)),
            ("1w", Some(168 * hour)),
            ("1M", Some(744 * hour)),
            ("0h", None),
            ("h", None),
            ("1", None),
            ("+1h", None),
            ("11y", None),
            ("999999999M", None),
            ("", None),
        ] {
            assert_eq!(Interval::parse(text.as_bytes()).map(Interval::ns), expected, "{text}");
        }
    }

    #[test]
    fn a_bar_is_known_at_its_end() {
        let numbers: [&[u8]; 5] = [b"1.50", b"2", b"1", b"2.0", b"7"];
        let interval = Interval::parse(b"1m").unwrap();
        let mut frame = BarFrame::default();
        frame.write(&BarRow { symbol: b"A", time_ms: 60_000, interval, numbers }).unwrap();
        assert_eq!(frame.end_ns(), 120_000_000_000);
        let expected = b"A,120000000000,0;bar,60000000000,60000000000,1.5,2,1,2,7";
        assert_eq!(frame.text(), expected);
        for (symbol, time_ms) in [(&b"A,B"[..], 0), (b"", 0), (b"A", u64::MAX)] {
            assert!(frame.write(&BarRow { symbol, time_ms, interval, numbers }).is_err());
        }
    }
}
