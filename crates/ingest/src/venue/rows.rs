//! Market data as rows of text: what importers write for formats that hold no messages of a venue.
//!
//! ```text
//! AAPL,1340271000004241176,0;trade,buy,585.3300,18,;book,b,585.3000,150,a,585.9400,200
//! ESM4,1715000000000000000,7;top,5180.250000000,12,,0
//! ESM4,1715000000000000000,0;bar,1715000000000000000,1000000000,5180.25,5181,5180,5180.5,77
//! ```
//!
//! A frame is an instrument, the venue's time in ns, the venue's number, and after each semicolon one
//! event: a trade (taker, price, quantity, number), the top of the book (bid price and quantity, ask
//! price and quantity; a side without price is absent), a whole book (bids, then asks), or a bar
//! (start and interval in ns, open, high, low, close, volume). `other` is a record of which nothing
//! is used. A frame counts as what comes first in it.

use std::sync::Arc;

use tickring_event::{Bar, Flags, Instruments, MarketEvent, Origin, Side, TopOfBook, Trade};

use super::listing::{Depth, Listing, Numbers, Spelling, need, number, whole};
use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::venue::{DecodeError, Inbound, OTHER_SYMBOL, Venue};

/// What an index counts.
const MESSAGE_KINDS: [&str; 4] = ["trade", "top", "book", "bar"];
const TRADE: usize = 0;
const TOP: usize = 1;
const BOOK: usize = 2;
const BAR: usize = 3;

/// Numbers of an instrument whose first message has none: from them it gets nine decimals.
const NO_NUMBERS: Numbers<'static> = Numbers { price: b"0.000000000", quantity: b"0" };

/// Which format the rows are of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RowFormat {
    /// LOBSTER: order books of NASDAQ for research.
    Lobster,
    /// Databento's DBN.
    Databento,
    /// Files of bars, and bars that were fetched.
    Bars,
}

/// One file's worth of rows.
#[derive(Debug)]
pub struct Rows {
    format: RowFormat,
    listing: Listing,
}

impl Rows {
    /// A decoder for one file. Instruments other than `symbols` are ignored; an empty list takes
    /// them all.
    #[must_use]
    pub fn new(format: RowFormat, symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self { format, listing: Listing::new(symbols, instruments) }
    }

    fn read(&mut self, frame: &Frame<'_>, batch: &mut EventBatch) -> Result<Inbound, DecodeError> {
        let mut parts = frame.text.split(|&byte| byte == b';');
        let mut head = values(parts.next().unwrap_or_default());
        let symbol = need(&mut head, "symbol")?;
        let venue_time_ns = whole(need(&mut head, "venue_time_ns")?, "venue_time_ns")?;
        let venue_sequence = whole(need(&mut head, "venue_sequence")?, "venue_sequence")?;
        let first = parts.clone().next().ok_or(DecodeError::MissingField { field: "event" })?;
        if first == b"other" {
            return Ok(Inbound::Ignored("other_rows"));
        }
        let position = self.listing.position_by(symbol, spell, || first_numbers(first))?;
        let Some(position) = position else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let mut origin = frame.stamp.origin(self.listing.id(position));
        (origin.venue_time_ns, origin.venue_sequence) = (venue_time_ns, venue_sequence);
        let mut kind = None;
        for part in parts {
            let read = self.part(part, position, &origin, batch)?;
            kind = kind.or(Some(read));
        }
        Ok(kind.map_or(Inbound::Ignored("other_rows"), Inbound::Data))
    }

    /// Turns one part into events; its kind.
    fn part(
        &mut self,
        part: &[u8],
        position: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Result<usize, DecodeError> {
        let mut values = values(part);
        match need(&mut values, "event")? {
            b"trade" => self.trade(&mut values, position, origin, batch).map(|()| TRADE),
            b"top" => self.top(&mut values, position, origin, batch).map(|()| TOP),
            b"book" => self.book(&mut values, position, origin, batch).map(|()| BOOK),
            b"bar" => self.bar(&mut values, position, origin, batch).map(|()| BAR),
            _ => Err(DecodeError::WrongType { field: "event" }),
        }
    }

    fn trade<'a>(
        &self,
        values: &mut impl Iterator<Item = &'a [u8]>,
        position: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let taker = match need(values, "taker")? {
            b"buy" => Some(Side::Buy),
            b"sell" => Some(Side::Sell),
            b"unknown" => None,
            _ => return Err(DecodeError::WrongType { field: "taker" }),
        };
        let numbers = numbers(values)?;
        let level = numbers.level(self.listing.instrument(position), "quantity")?;
        let trade_id = match need(values, "trade_id")? {
            b"" => None,
            id => Some(whole(id, "trade_id")?),
        };
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(origin, trade));
        Ok(())
    }

    fn top<'a>(
        &self,
        values: &mut impl Iterator<Item = &'a [u8]>,
        position: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let instrument = self.listing.instrument(position);
        let mut best = || {
            let numbers = numbers(values)?;
            (!numbers.price.is_empty()).then(|| numbers.level(instrument, "quantity")).transpose()
        };
        let (bid, ask) = (best()?, best()?);
        let top = TopOfBook::of(bid, ask);
        batch.push(MarketEvent::top_of_book(origin, &top));
        Ok(())
    }

    fn book<'a>(
        &mut self,
        values: &mut impl Iterator<Item = &'a [u8]>,
        position: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        self.listing.reads(position);
        let instrument = self.listing.instrument(position);
        let mut run = batch.depth(*origin, Flags::SNAPSHOT);
        while let Some(side) = values.next() {
            let level = numbers(values)?.level(instrument, "quantity")?;
            match side {
                b"b" => run.bid(level),
                b"a" => run.ask(level),
                _ => return Err(DecodeError::WrongType { field: "side" }),
            }
        }
        run.finish();
        self.listing.set_depth(position, Depth::Snapshot);
        Ok(())
    }

    fn bar<'a>(
        &self,
        values: &mut impl Iterator<Item = &'a [u8]>,
        position: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let instrument = self.listing.instrument(position);
        let mut time_ns = |field| {
            let time_ns = whole(need(values, field)?, field)?;
            i64::try_from(time_ns).map_err(|_| DecodeError::WrongType { field })
        };
        let (start_ns, interval_ns) = (time_ns("start_ns")?, time_ns("interval_ns")?);
        let mut price = |field| instrument.price(need(values, field)?).map_err(number(field));
        let (open, high) = (price("open")?, price("high")?);
        let (low, close) = (price("low")?, price("close")?);
        let volume = need(values, "volume")?;
        let volume = instrument.quantity(volume).map_err(number("volume"))?;
        let bar = Bar { start_ns, interval_ns, open, high, low, close, volume, trades: 0 };
        batch.push(MarketEvent::bar(origin, &bar));
        Ok(())
    }
}

impl Venue for Rows {
    fn name(&self) -> &'static str {
        match self.format {
            RowFormat::Lobster => "lobster",
            RowFormat::Databento => "databento",
            RowFormat::Bars => "bars",
        }
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &MESSAGE_KINDS
    }

    /// Sends nothing: there is nobody to send to.
    fn open(&mut self, _batch: &mut EventBatch) {}

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let from = batch.len();
        let read = self.read(frame, batch);
        if read.is_err() {
            batch.truncate(from);
            self.listing.give_up(frame.stamp, batch);
        }
        self.listing.read();
        read
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.listing.disconnected(stamp, batch);
    }

    /// Nothing is ever held back.
    fn finish(&mut self, _batch: &mut EventBatch) {}
}

fn spell(key: &str) -> Spelling<'_> {
    Spelling { symbol: key.to_owned(), short: key }
}

fn values(part: &[u8]) -> impl Iterator<Item = &[u8]> {
    part.split(|&byte| byte == b',')
}

fn numbers<'a>(values: &mut impl Iterator<Item = &'a [u8]>) -> Result<Numbers<'a>, DecodeError> {
    Ok(Numbers { price: need(values, "price")?, quantity: need(values, "quantity")? })
}

/// The first price and quantity of a part, for the scales of its instrument.
fn first_numbers(part: &[u8]) -> Numbers<'_> {
    let mut all = values(part);
    let kind = all.next().unwrap_or_default();
    let found = match kind {
        b"trade" | b"book" => all.nth(1).zip(all.next()),
        b"bar" => all.nth(2).zip(all.nth(3)),
        b"top" => {
            let (bid, ask) = (all.next().zip(all.next()), all.next().zip(all.next()));
            bid.filter(|(price, _)| !price.is_empty()).or(ask)
        }
        _ => None,
    };
    match found {
        Some((price, quantity)) if !price.is_empty() => Numbers { price, quantity },
        _ => NO_NUMBERS,
    }
}
