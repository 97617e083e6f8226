//! Downloadable CSV files of Tardis: `trades`, `quotes`, `book_snapshot_N`, `incremental_book_L2`.
//!
//! A frame is a row as it stands, and its arrival is `local_timestamp`. Rows of
//! `incremental_book_L2` that came with one message (all alike up to `is_snapshot`) are one frame,
//! with semicolons between them. The header tells that the text is one of these files; what a frame
//! is its rows tell themselves.

use super::lines::{Lines, Told};
use super::time::number;
use crate::input::Input;
use crate::{CaptureError, Entry, FRAME_BYTES_MAX, Session};

/// Columns that every one of these files begins with.
const COLUMNS: &[u8] = b"exchange,symbol,timestamp,local_timestamp,";
/// The columns that follow.
const TRADES: &[u8] = b"id,side,price,amount";
const QUOTES: &[u8] = b"ask_amount,ask_price,bid_price,bid_amount";
const INCREMENTAL: &[u8] = b"is_snapshot,side,price,amount";
/// Two levels at least: one alone would look like a quote.
const SNAPSHOT: &[u8] = b"asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,asks[1].price,";

/// Position of `local_timestamp`, from 0.
const ARRIVAL_INDEX: usize = 3;
/// Columns up to `is_snapshot`.
const MESSAGE_COLUMNS: usize = 5;
const MICROSECOND_NS: u64 = 1_000;
/// What stands between the rows of a frame. No value has it.
const ROW_END: u8 = b';';

/// Whether a text that starts with `first` is of this format.
pub(super) fn is_format(first: &[u8]) -> bool {
    first.starts_with(COLUMNS)
}

/// Whether a row is a frame by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Single,
    Grouped,
}

/// A session of it.
pub(super) struct TardisCsv {
    lines: Lines,
    /// `None` until the header was read.
    kind: Option<Kind>,
    /// The rows of the frame that was read.
    text: Vec<u8>,
    told: Told,
    /// The row after it, where it had to be read to find the end of the frame.
    next: Vec<u8>,
    has_next: bool,
}

impl TardisCsv {
    pub(super) const fn new(name: String, input: Input) -> Self {
        Self {
            lines: Lines::new(name, input),
            kind: None,
            text: Vec::new(),
            told: Told::NOTHING,
            next: Vec::new(),
            has_next: false,
        }
    }

    fn kind(&mut self) -> Result<Kind, CaptureError> {
        if let Some(kind) = self.kind {
            return Ok(kind);
        }
        // An empty file has no rows either.
        let has_header = self.lines.read(&mut self.text)?;
        let kind = match self.text.strip_prefix(COLUMNS) {
            Some(INCREMENTAL) => Kind::Grouped,
            Some(TRADES | QUOTES) => Kind::Single,
            Some(rest) if rest.starts_with(SNAPSHOT) => Kind::Single,
            _ if !has_header => Kind::Single,
            _ => return Err(self.lines.fault(UNKNOWN_KIND)),
        };
        self.kind = Some(kind);
        Ok(kind)
    }

    /// Puts the next row in `next`; false when there is none.
    fn read_next(&mut self) -> Result<bool, CaptureError> {
        self.has_next = false;
        let has_next = self.lines.read(&mut self.next)?;
        if self.next.contains(&ROW_END) {
            return Err(self.lines.fault("has a semicolon, which no value of Tardis has"));
        }
        self.has_next = has_next;
        Ok(has_next)
    }

    /// Adds the rows that came with the message of the first one.
    fn gather(&mut self) -> Result<(), CaptureError> {
        let Some(message) = columns(&self.text, MESSAGE_COLUMNS).map(<[u8]>::len) else {
            return Err(self.lines.fault("has not as many values as columns"));
        };
        while self.read_next()? && self.next.get(..message) == Some(&self.text[..message]) {
            if self.text.len() + self.next.len() >= FRAME_BYTES_MAX {
                self.has_next = false;
                return Err(self.lines.too_long());
            }
            self.text.push(ROW_END);
            self.text.extend_from_slice(&self.next);
        }
        Ok(())
    }
}

impl Session for TardisCsv {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        let kind = self.kind()?;
        if !self.has_next && !self.read_next()? {
            return Ok(false);
        }
        std::mem::swap(&mut self.text, &mut self.next);
        self.has_next = false;
        let arrival = self.text.split(|&byte| byte == b',').nth(ARRIVAL_INDEX).and_then(number);
        let Some(time_ns) = arrival.and_then(|it| it.checked_mul(MICROSECOND_NS)) else {
            return Err(self
                .lines
                .fault("`local_timestamp` is not a whole number of microseconds"));
        };
        if kind == Kind::Grouped {
            self.gather()?;
        }
        self.told = self.lines.received(time_ns, 0..self.text.len())?;
        Ok(true)
    }

    fn entry(&self) -> Entry<'_> {
        self.told.entry(&self.text)
    }

    fn name(&self) -> &str {
        self.lines.name()
    }
}

const UNKNOWN_KIND: &str = "is the header of a Tardis file that is not read here: only trades, \
                            quotes, incremental_book_L2 and book_snapshot_N from two levels on are";

/// The first `count` values of a row, with the comma after them.
fn columns(row: &[u8], count: usize) -> Option<&[u8]> {
    let commas = row.iter().enumerate().filter(|(_, byte)| **byte == b',');
    commas.map(|(at, _)| &row[..=at]).nth(count - 1)
}

#[cfg(test)]
mod tests {
    use super::super::lines::{input, words};
    use super::*;

    const START: &str = "exchange,symbol,timestamp,local_timestamp";

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(words(&mut TardisCsv::new("csv".into(), input(text))), expected);
    }

    #[test]
    fn a_trade_is_a_frame() {
        check(
            &format!("{START},id,side,price,amount\nx,A,1,2,7,buy,1.50,3\nx,A,1,2,8,sell,1,3\n"),
            &["2000 < x,A,1,2,7,buy,1.50,3", "2000 < x,A,1,2,8,sell,1,3"],
        );
    }

    #[test]
    fn a_quote_and_a_snapshot_are_a_frame_each() {
        check(
            &format!("{START},ask_amount,ask_price,bid_price,bid_amount\nx,A,1,2,3,4,5,6"),
            &["2000 < x,A,1,2,3,4,5,6"],
        );
        let levels = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,\
                      asks[1].price,asks[1].amount,bids[1].price,bids[1].amount";
        check(&format!("{START},{levels}\nx,A,1,2,4,5,3,1,,,,\n"), &["2000 < x,A,1,2,4,5,3,1,,,,"]);
    }

    #[test]
    fn rows_of_one_message_are_one_frame() {
        check(
            &format!(
                "{START},is_snapshot,side,price,amount\n\
                 x,A,1,2,true,bid,10,1\nx,A,1,2,true,ask,11,2\nx,A,1,2,false,ask,11,0\n\
                 x,A,1,3,false,ask,12,1\nx,A,2,3,false,ask,12,2\nx,B,2,3,false,ask,5,5\n"
            ),
            &[
                "2000 < x,A,1,2,true,bid,10,1;x,A,1,2,true,ask,11,2",
                "2000 < x,A,1,2,false,ask,11,0",
                "3000 < x,A,1,3,false,ask,12,1",
                "3000 < x,A,2,3,false,ask,12,2",
                "3000 < x,B,2,3,false,ask,5,5",
            ],
        );
    }

    #[test]
    fn files_without_rows_are_sessions_without_frames() {
        check("", &[]);
        check(&format!("{START},id,side,price,amount\n"), &[]);
        check(&format!("{START},is_snapshot,side,price,amount"), &[]);
    }

    #[test]
    fn what_is_not_of_the_format_ends_the_session() {
        let unknown = format!("csv: line 1: {UNKNOWN_KIND}");
        check(&format!("{START},open_interest\nx,A,1,2,3\n"), &[&unknown]);
        let one = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount";
        check(&format!("{START},{one}\nx,A,1,2,3,4,5,6\n"), &[&unknown]);
        let time = "csv: line 2: `local_timestamp` is not a whole number of microseconds";
        for row in ["", "x,A,1", "x,A,1,,2", "x,A,1,1.5,2", "x,A,1,18446744073709552,2"] {
            check(&format!("{START},id,side,price,amount\n{row}\n"), &[time]);
        }
        let short = "csv: line 2: has not as many values as columns";
        check(&format!("{START},is_snapshot,side,price,amount\nx,A,1,2,true\n"), &[short]);
        let semicolon = "csv: line 2: has a semicolon, which no value of Tardis has";
        check(&format!("{START},id,side,price,amount\nx,A;B,1,2,7,buy,1,3\n"), &[semicolon]);
    }
}
