//! Order books of LOBSTER: a message file and, beside it, the order book after each message.
//!
//! ```text
//! AAPL_2012-06-21_34200000_57600000_message_10.csv    34200.004241176,1,16113575,18,5853300,1
//! AAPL_2012-06-21_34200000_57600000_orderbook_10.csv  5859400,200,5853300,18,...
//! ```
//!
//! The message file is the one that is opened; instrument and day stand in its name. Each row is a
//! frame with the whole book; executions (types 4 and 5) are trades as well. Prices have four
//! decimals. Times are those of the exchange's own clock, in New York: they are told as if that were
//! UTC.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::lines::{Lines, Told};
use super::rows::Rows;
use super::time::{date_ns, number, seconds_ns};
use crate::input::{self, Input};
use crate::{CaptureError, Entry, Session};

const MESSAGE_COLUMNS: usize = 6;
/// Ask price, ask size, bid price, bid size.
const LEVEL_COLUMNS: usize = 4;
const DAY_NS: u64 = 24 * 60 * 60 * 1_000_000_000;
const PRICE_UNIT: u64 = 10_000;

/// Whether a text that starts with `first` is a message file.
pub(super) fn is_messages(first: &[u8]) -> bool {
    let row: Vec<&[u8]> = first_row(first).split(|&byte| byte == b',').collect();
    let [time, kind, order, size, price, direction] = row[..] else { return false };
    seconds_ns(time).is_some_and(|it| it < DAY_NS)
        && matches!(kind, [b'1'..=b'7'])
        && [order, size].iter().all(|it| number(it).is_some())
        && is_whole(price)
        && matches!(direction, b"1" | b"-1")
}

/// Whether a text that starts with `first` is an order book file.
pub(super) fn is_books(first: &[u8]) -> bool {
    let row: Vec<&[u8]> = first_row(first).split(|&byte| byte == b',').collect();
    row.len().is_multiple_of(LEVEL_COLUMNS) && row.iter().all(|it| is_whole(it))
}

fn first_row(first: &[u8]) -> &[u8] {
    let row = first.split(|&byte| byte == b'\n').next().unwrap_or_default();
    row.strip_suffix(b"\r").unwrap_or(row)
}

fn is_whole(value: &[u8]) -> bool {
    number(value.strip_prefix(b"-").unwrap_or(value)).is_some()
}

/// A session of it.
pub(super) struct Lobster {
    messages: Lines,
    books: Lines,
    symbol: String,
    day_ns: u64,
    message: Vec<u8>,
    book: Vec<u8>,
    rows: Rows,
    told: Told,
}

impl Lobster {
    /// Reads the message file at `path`, which `input` is, with the order book beside it.
    pub(super) fn open(name: String, path: &Path, input: Input) -> Result<Self, CaptureError> {
        let Some((symbol, day_ns, books)) = told_by_name(path) else {
            let what = "is a message of LOBSTER, whose file must be called \
                        INSTRUMENT_YYYY-MM-DD_..._message_N.csv: nothing else tells the \
                        instrument, the day and the order book";
            return Err(CaptureError::Line { name, line: 1, what });
        };
        let opened = File::open(&books).and_then(|file| input::open(Box::new(file)));
        let book_input =
            opened.map_err(|source| CaptureError::Open { path: books.clone(), source })?;
        Ok(Self {
            messages: Lines::new(name, input),
            books: Lines::new(books.display().to_string(), book_input),
            symbol,
            day_ns,
            message: Vec::new(),
            book: Vec::new(),
            rows: Rows::default(),
            told: Told::NOTHING,
        })
    }

    /// Reads the next message with its book.
    fn read(&mut self) -> Result<bool, CaptureError> {
        let has_message = self.messages.read(&mut self.message)?;
        match (has_message, self.books.read(&mut self.book)?) {
            (true, true) => {}
            (false, false) => return Ok(false),
            (true, false) => {
                return Err(self.messages.fault("the order book file ends before this message"));
            }
            (false, true) => {
                return Err(self.books.fault("the message file ends before this order book"));
            }
        }
        let time_ns = self.translate()?;
        self.told = self.messages.received(time_ns, 0..self.rows.text().len())?;
        Ok(true)
    }

    /// Writes the message and its book as one frame; the time of it.
    fn translate(&mut self) -> Result<u64, CaptureError> {
        let message = read_message(&self.message);
        let Some((message, time_ns)) =
            message.and_then(|it| Some((it, self.day_ns.checked_add(it.time_ns)?)))
        else {
            return Err(self.messages.fault("is not `time,type,order,size,price,direction`"));
        };
        let Message { size, price, taker, .. } = message;
        if !self.rows.start(self.symbol.as_bytes(), time_ns, 0) {
            return Err(self.messages.fault("its file's name has a comma or semicolon"));
        }
        if let Some(taker) = taker {
            let (whole, fraction) = (price / PRICE_UNIT, price % PRICE_UNIT);
            self.rows.write(format_args!(";trade,{taker},{whole}.{fraction:04},{size},"));
        }
        if write_book(&self.book, &mut self.rows).is_none() {
            return Err(self.books.fault("is not `ask price,ask size,bid price,bid size,...`"));
        }
        Ok(time_ns)
    }
}

impl Session for Lobster {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        let read = self.read();
        if read.is_err() {
            // An error in one of the files ends both.
            self.messages.end();
            self.books.end();
        }
        read
    }

    fn entry(&self) -> Entry<'_> {
        self.told.entry(self.rows.text())
    }

    fn name(&self) -> &str {
        self.messages.name()
    }
}

/// Instrument, ns of the day's start, and the order book file, as the message file's name tells.
fn told_by_name(path: &Path) -> Option<(String, u64, PathBuf)> {
    let name = path.file_name()?.to_str()?;
    let mut parts = name.split('_');
    let symbol = parts.next().filter(|it| !it.is_empty())?;
    let day_ns = date_ns(parts.next()?.as_bytes())?;
    let (start, end) = name.rsplit_once("_message_")?;
    let books = path.with_file_name(format!("{start}_orderbook_{end}"));
    Some((symbol.to_owned(), day_ns, books))
}

#[derive(Clone, Copy, Debug)]
struct Message {
    time_ns: u64,
    size: u64,
    /// Times [`PRICE_UNIT`].
    price: u64,
    /// Who took, of an execution.
    taker: Option<&'static str>,
}

fn read_message(row: &[u8]) -> Option<Message> {
    if row.iter().filter(|&&byte| byte == b',').count() != MESSAGE_COLUMNS - 1 {
        return None;
    }
    let mut values = row.split(|&byte| byte == b',');
    let time_ns = seconds_ns(values.next()?).filter(|&it| it < DAY_NS)?;
    let kind = values.next()?;
    let (_order, size) = (number(values.next()?)?, number(values.next()?)?);
    let (price, direction) = (values.next()?, values.next()?);
    // The direction is that of the order that was resting.
    let taker = match (kind, direction) {
        (b"4" | b"5", b"-1") => Some("buy"),
        (b"4" | b"5", b"1") => Some("sell"),
        ([b'1'..=b'3' | b'6' | b'7'], _) => None,
        _ => return None,
    };
    // Only an execution's price is used; that of a halt is a code, with a sign.
    let price = if taker.is_some() { number(price)? } else { 0 };
    Some(Message { time_ns, size, price, taker })
}

/// Adds the book as a part: bids first. A level without size is a place that no order fills.
fn write_book(row: &[u8], rows: &mut Rows) -> Option<()> {
    let columns = row.iter().filter(|&&byte| byte == b',').count() + 1;
    if !columns.is_multiple_of(LEVEL_COLUMNS) {
        return None;
    }
    rows.write(format_args!(";book"));
    for (side, first) in [("b", 2), ("a", 0)] {
        let mut values = row.split(|&byte| byte == b',').skip(first);
        while let (Some(price), Some(size)) = (values.next(), values.next()) {
            let size = number(size)?;
            if size > 0 {
                let price = number(price)?;
                let (whole, fraction) = (price / PRICE_UNIT, price % PRICE_UNIT);
                rows.write(format_args!(",{side},{whole}.{fraction:04},{size}"));
            }
            values.nth(LEVEL_COLUMNS - 3);
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::lines::{input, words};
    use super::*;

    const NAME: &str = "AAPL_1970-01-02_34200000_57600000_message_2.csv";
    const BOOK: &str = "AAPL_1970-01-02_34200000_57600000_orderbook_2.csv";

    #[track_caller]
    fn check(messages: &str, books: &str, expected: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(BOOK), books).unwrap();
        let path = folder.path().join(NAME);
        let mut session = Lobster::open("messages".into(), &path, input(messages)).unwrap();
        let start = format!("{}: ", folder.path().join(BOOK).display());
        let words: Vec<String> =
            words(&mut session).iter().map(|it| it.replace(&start, "books: ")).collect();
        assert_eq!(words, expected);
    }

    #[test]
    fn every_row_is_a_book_and_executions_are_trades_too() {
        check(
            "34200.004241176,1,16113575,18,5853300,1\n\
             34201.5,4,16113575,18,5853300,1\n\
             34202,5,0,100,5855000,-1\n\
             34203.25,7,0,0,-1,-1\n",
            "5859400,200,5853300,18,5859800,200,5853000,150\n\
             5859400,200,5853000,150,5859800,200,-9999999999,0\n\
             5859400,200,5853000,150,9999999999,0,-9999999999,0\n\
             9999999999,0,-9999999999,0,9999999999,0,-9999999999,0\n",
            &[
                "120600004241176 < AAPL,120600004241176,0;book,b,585.3300,18,b,585.3000,150,\
                 a,585.9400,200,a,585.9800,200",
                "120601500000000 < AAPL,120601500000000,0;trade,sell,585.3300,18,;\
                 book,b,585.3000,150,a,585.9400,200,a,585.9800,200",
                "120602000000000 < AAPL,120602000000000,0;trade,buy,585.5000,100,;\
                 book,b,585.3000,150,a,585.9400,200",
                "120603250000000 < AAPL,120603250000000,0;book",
            ],
        );
    }

    #[test]
    fn rows_that_do_not_match_end_the_session() {
        let (good, book) = ("34200.5,1,1,1,10000,1\n", "20000,1,10000,1\n");
        let first = "120600500000000 < AAPL,120600500000000,0;book,b,1.0000,1,a,2.0000,1";
        let fault = "messages: line 2: is not `time,type,order,size,price,direction`";
        for row in ["34200.5,1,1,1,10000", "86400,1,1,1,10000,1", "1,8,1,1,1,1", "1,4,1,1,-1,1", ""]
        {
            let messages = format!("{good}{row}\n{good}");
            check(&messages, &format!("{book}{book}{book}"), &[first, fault]);
        }
        let fault = "books: line 2: is not `ask price,ask size,bid price,bid size,...`";
        for row in ["1,1,1", "", "1,1,-1,1", "a,1,1,1", "1,1,1,x"] {
            check(&good.repeat(3), &format!("{book}{row}\n{book}"), &[first, fault]);
        }
        let fault = "messages: line 2: the order book file ends before this message";
        check(&format!("{good}{good}"), book, &[first, fault]);
        let fault = "books: line 2: the message file ends before this order book";
        check(good, &format!("{book}{book}"), &[first, fault]);
    }

    #[test]
    fn a_file_of_another_name_or_without_its_book_is_refused() {
        let open = |name| Lobster::open("m".into(), Path::new(name), input("")).err().unwrap();
        for name in ["aapl.csv", "AAPL_2012-06-31_1_2_message_1.csv", "_2012-06-21_message_1.csv"] {
            assert!(open(name).to_string().starts_with("m: line 1: is a message of LOBSTER"));
        }
        let error = open("/nowhere/AAPL_2012-06-21_1_2_message_10.csv").to_string();
        assert!(error.starts_with("/nowhere/AAPL_2012-06-21_1_2_orderbook_10.csv: "), "{error}");
    }

    #[test]
    fn the_first_row_tells_the_format() {
        assert!(is_messages(b"34200.004241176,1,16113575,18,5853300,1\n34200"));
        assert!(is_messages(b"34200.1,7,0,0,-1,-1\r\n"));
        for other in [&b"1,1,1,1,1"[..], b"99999,1,1,1,1,1", b"1,8,1,1,1,1", b"1,1,1,1,1,2", b""] {
            assert!(!is_messages(other), "{}", other.escape_ascii());
        }
        assert!(is_books(b"5859400,200,5853300,18\n"));
        assert!(is_books(b"9999999999,0,-9999999999,0,1,1,1,1"));
        for other in [&b"1700000000 {}"[..], b"1,2,3", b"1,2,3,", b"", b"34200.5,1,1,1"] {
            assert!(!is_books(other), "{}", other.escape_ascii());
        }
    }
}
