//! Files of bars as comma-separated text: a line of names, then a bar a line.
//!
//! Columns are found by their names, in any order; further ones are not looked at. Rows are in order of
//! time; a file that has one symbol after the other is read once for each of them.

use std::fs::File;
use std::path::Path;

use super::{BAR_COLUMNS, BarFrame, BarRow, Interval, whole};
use crate::import::lines::Lines;
use crate::input::{self, Input};
use crate::{CaptureError, Entry, Session};

/// Opens a file of bars, plain, gzip or zstd; of one symbol, or of all.
///
/// # Errors
/// It cannot be opened.
pub fn open_bars(path: &Path, symbol: Option<&str>) -> Result<Box<dyn Session>, CaptureError> {
    let failed = |source| CaptureError::Open { path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let input = input::open(Box::new(file)).map_err(failed)?;
    let session = BarsCsv::new(path.display().to_string(), input);
    Ok(Box::new(BarsCsv { symbol: symbol.map(|it| it.as_bytes().into()), ..session }))
}

/// Whether a text that starts with `first` is of this format.
pub(crate) fn is_format(first: &[u8]) -> bool {
    columns(first.trim_ascii()).is_some()
}

/// A session of it.
pub(crate) struct BarsCsv {
    lines: Lines,
    /// The only symbol that is wanted.
    symbol: Option<Box<[u8]>>,
    /// Position of each of [`BAR_COLUMNS`] in a row; `None` until the header was read.
    columns: Option<[usize; 8]>,
    row: Vec<u8>,
    frame: BarFrame,
}

impl BarsCsv {
    pub(crate) fn new(name: String, input: Input) -> Self {
        let lines = Lines::new(name, input);
        Self { lines, symbol: None, columns: None, row: Vec::new(), frame: BarFrame::default() }
    }

    fn columns(&mut self) -> Result<Option<[usize; 8]>, CaptureError> {
        if self.columns.is_none() && self.lines.read(&mut self.row)? {
            let found = columns(self.row.trim_ascii());
            self.columns = Some(found.ok_or_else(|| self.lines.fault(NO_HEADER))?);
        }
        Ok(self.columns)
    }

    /// Turns the row into a frame; false when it is of another symbol.
    fn take(&mut self, columns: &[usize; 8]) -> Result<bool, &'static str> {
        let mut values: [&[u8]; 8] = [b""; 8];
        for (at, value) in self.row.split(|&byte| byte == b',').enumerate() {
            if let Some(column) = columns.iter().position(|it| *it == at) {
                values[column] = value.trim_ascii();
            }
        }
        let [symbol, interval, time_ms, open, high, low, close, volume] = values;
        if self.symbol.as_deref().is_some_and(|it| it != symbol) {
            return Ok(false);
        }
        let time_ms = whole(time_ms).ok_or("`time_ms` is not a whole number of milliseconds")?;
        let interval = Interval::parse(interval).ok_or("`interval` is not like 1m, 1h or 1d")?;
        let before_ns = self.frame.end_ns();
        let numbers = [open, high, low, close, volume];
        self.frame.write(&BarRow { symbol, time_ms, interval, numbers })?;
        if self.frame.end_ns() < before_ns { Err(NOT_IN_ORDER) } else { Ok(true) }
    }
}

impl Session for BarsCsv {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        let Some(columns) = self.columns()? else { return Ok(false) };
        while self.lines.read(&mut self.row)? {
            if self.row.is_empty() {
                continue;
            }
            if self.take(&columns).map_err(|what| self.lines.fault(what))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn entry(&self) -> Entry<'_> {
        let (arrival_ns, text) = (self.frame.end_ns(), self.frame.text());
        Entry::Received { connection: 0, arrival_ns, text }
    }

    fn name(&self) -> &str {
        self.lines.name()
    }
}

/// Where each column is; `None` when one is missing.
fn columns(header: &[u8]) -> Option<[usize; 8]> {
    let mut found = [0; 8];
    for (column, name) in found.iter_mut().zip(BAR_COLUMNS) {
        let mut names = header.split(|&byte| byte == b',');
        *column = names.position(|it| it.trim_ascii() == name.as_bytes())?;
    }
    Some(found)
}

const NO_HEADER: &str = "is not the header of a file of bars, which names symbol, interval, \
                         time_ms, open, high, low, close and volume";

/// What is wrong with a row that lies before the one above it.
pub(super) const NOT_IN_ORDER: &str = "lies before the bar above it: sort the bars by time, or name the symbols \
                                with --symbols, and each is read by itself";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::import::lines::{input, words};

    const HEADER: &str = "symbol,interval,time_ms,open,high,low,close,volume,quote_volume";

    #[track_caller]
    fn check(text: &str, symbol: Option<&str>, expected: &[&str]) {
        let session = BarsCsv::new("bars".into(), input(text));
        let symbol = symbol.map(|it| it.as_bytes().into());
        assert_eq!(words(&mut BarsCsv { symbol, ..session }), expected);
    }

    #[test]
    fn a_row_is_a_frame() {
        let bar = "60000000000 < A,60000000000,0;bar,0,60000000000,1.5,2,1,2,7";
        check(&format!("{HEADER}\nA,1m,0,1.50,2.0,1,2,7,\n\n"), None, &[bar]);
        let mixed = "volume,x,close,low,high,open,time_ms,interval,symbol";
        check(&format!("{mixed}\r\n7,,2,1,2,1.5,0,1m,A\r\n"), None, &[bar]);
        check(HEADER, None, &[]);
        check("", None, &[]);
        assert!(is_format(HEADER.as_bytes()) && is_format(mixed.as_bytes()));
        assert!(!is_format(b"symbol,interval,time_ms,open,high,low,close"));
    }

    #[test]
    fn one_symbol_after_the_other_is_read_by_its_symbol() {
        let rows = "A,1m,0,1,1,1,1,1\nA,1m,60000,2,2,2,2,2\nB,1m,0,3,3,3,3,3\n";
        let text = format!("{HEADER}\n{rows}");
        let first = "60000000000 < A,60000000000,0;bar,0,60000000000,1,1,1,1,1";
        let second = "120000000000 < A,120000000000,0;bar,60000000000,60000000000,2,2,2,2,2";
        let other = "60000000000 < B,60000000000,0;bar,0,60000000000,3,3,3,3,3";
        check(&text, Some("B"), &[other]);
        check(&text, Some("A"), &[first, second]);
        check(&text, None, &[first, second, &format!("bars: line 4: {NOT_IN_ORDER}")]);
    }

    #[test]
    fn what_is_no_bar_ends_the_session() {
        check("a,b\n", None, &[&format!("bars: line 1: {NO_HEADER}")]);
        for (row, what) in [
            ("A,1m,x,1,1,1,1,1", "`time_ms` is not a whole number of milliseconds"),
            ("A,1x,0,1,1,1,1,1", "`interval` is not like 1m, 1h or 1d"),
            ("A,1m,0,1,,1,1,1", super::super::NO_NUMBER),
            ("A,1m", "`time_ms` is not a whole number of milliseconds"),
        ] {
            check(&format!("{HEADER}\n{row}\n"), None, &[&format!("bars: line 2: {what}")]);
        }
    }
}
