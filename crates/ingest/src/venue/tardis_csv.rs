//! Rows of Tardis' downloadable CSV files: `trades`, `quotes`, `book_snapshot_N`,
//! `incremental_book_L2`.
//!
//! Follows `docs.tardis.dev/downloadable-csv-files`. What a frame is its first row tells by its
//! sixth value: a side of the book, a side of a trade, or a number. Rows of `incremental_book_L2`
//! that came with one message are one frame, with semicolons between. Files of `liquidations` look
//! like `trades` to the last byte: they are read as such.
//!
//! What the format leaves open is decided so:
//! - An instrument is `exchange:symbol`; it may be asked for by its symbol alone.
//! - Snapshot rows start the book over where the message before was none; further ones in a row
//!   continue the same snapshot, as the venue sent it in parts.
//! - Changes before the first snapshot are stale, as Tardis says to skip them.
//! - A trade's id that is no number is left out.

use std::sync::Arc;

use tickring_event::{
    DecimalError, Flags, Instruments, MarketEvent, Origin, Side, TopOfBook, Trade,
};
use tickring_metrics::Counter;

use super::listing::{Depth, Listing, Numbers, Spelling, need, number, whole};
use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::venue::{DecodeError, Inbound, OTHER_SYMBOL, Venue};

/// What the indexes below count.
const MESSAGE_KINDS: [&str; 4] = ["trade", "quote", "book_snapshot", "incremental_book_L2"];
const TRADE: usize = 0;
const QUOTE: usize = 1;
const SNAPSHOT: usize = 2;
const INCREMENTAL: usize = 3;

/// `exchange`, `symbol`, `timestamp` and `local_timestamp`, which every row begins with.
const COMMON_COLUMNS: usize = 4;
const QUOTE_COLUMNS: usize = COMMON_COLUMNS + 4;
/// Ask price, ask amount, bid price, bid amount.
const LEVEL_COLUMNS: usize = 4;
/// Those of a level's bid, from its first.
const BID_OFFSET: usize = 2;
const ROW_END: u8 = b';';
const MICROSECOND_NS: u64 = 1_000;

/// One file's worth of rows.
#[derive(Debug)]
pub struct TardisCsv {
    listing: Listing,
}

/// A frame whose first row has been looked at.
struct Message<'a> {
    stamp: Stamp,
    text: &'a [u8],
    row: &'a [u8],
    venue_time_ns: u64,
    /// The row up to its symbol.
    key: &'a [u8],
    /// The fifth value.
    fifth: &'a [u8],
    sixth: &'a [u8],
}

impl TardisCsv {
    /// A decoder for one file. Instruments other than `symbols` (`exchange:symbol`, or the symbol
    /// alone) are ignored; an empty list takes them all.
    #[must_use]
    pub fn new(symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self { listing: Listing::new(symbols, instruments) }
    }

    fn read(&mut self, frame: &Frame<'_>, batch: &mut EventBatch) -> Result<Inbound, DecodeError> {
        let message = Message::of(frame)?;
        match message.sixth {
            b"bid" | b"ask" => self.incremental(&message, batch),
            b"buy" | b"sell" | b"unknown" => self.trade(&message, batch),
            _ if columns(message.row) == QUOTE_COLUMNS => self.quote(&message, batch),
            _ => self.snapshot(&message, batch),
        }
    }

    fn position(
        &mut self,
        message: &Message<'_>,
        first: Numbers<'_>,
    ) -> Result<Option<usize>, DecodeError> {
        self.listing.position(message.key, spell, first)
    }

    fn trade(
        &mut self,
        message: &Message<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let mut values = values(message.row).skip(COMMON_COLUMNS + 2);
        let numbers =
            Numbers { price: need(&mut values, "price")?, quantity: need(&mut values, "amount")? };
        let Some(position) = self.position(message, numbers)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let level = numbers.level(self.listing.instrument(position), "amount")?;
        let taker = match message.sixth {
            b"buy" => Some(Side::Buy),
            b"sell" => Some(Side::Sell),
            _ => None,
        };
        let trade_id = whole(message.fifth, "id").ok();
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(&self.origin(message, position), trade));
        Ok(Inbound::Data(TRADE))
    }

    fn quote(
        &mut self,
        message: &Message<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let mut values = values(message.row).skip(COMMON_COLUMNS);
        let ask_quantity = need(&mut values, "ask_amount")?;
        let ask = Numbers { price: need(&mut values, "ask_price")?, quantity: ask_quantity };
        let bid_price = need(&mut values, "bid_price")?;
        let bid = Numbers { price: bid_price, quantity: need(&mut values, "bid_amount")? };
        let first = if bid.price.is_empty() { ask } else { bid };
        let Some(position) = self.position(message, first.or_zero())? else {
            return Ok(Inbound::Ignored("other_rows"));
        };
        let instrument = self.listing.instrument(position);
        let best = |numbers: Numbers<'_>| {
            (!numbers.price.is_empty()).then(|| numbers.level(instrument, "amount")).transpose()
        };
        let (bid, ask) = (best(bid)?, best(ask)?);
        let top = TopOfBook::of(bid, ask);
        batch.push(MarketEvent::top_of_book(&self.origin(message, position), &top));
        Ok(Inbound::Data(QUOTE))
    }

    fn snapshot(
        &mut self,
        message: &Message<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let columns = columns(message.row) - COMMON_COLUMNS;
        if !columns.is_multiple_of(LEVEL_COLUMNS) {
            return Err(DecodeError::MissingField { field: "bids[].amount" });
        }
        let first = levels(message.row, BID_OFFSET).chain(levels(message.row, 0)).next();
        let first = first.unwrap_or(Numbers { price: b"0", quantity: b"0" });
        let Some(position) = self.position(message, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.listing.reads(position);
        let instrument = self.listing.instrument(position);
        let mut run = batch.depth(self.origin(message, position), Flags::SNAPSHOT);
        for numbers in levels(message.row, BID_OFFSET) {
            run.bid(numbers.level(instrument, "amount")?);
        }
        for numbers in levels(message.row, 0) {
            run.ask(numbers.level(instrument, "amount")?);
        }
        run.finish();
        self.listing.set_depth(position, Depth::Continued);
        Ok(Inbound::Data(SNAPSHOT))
    }

    fn incremental(
        &mut self,
        message: &Message<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let (_, first) = change(message.row)?;
        let Some(position) = self.position(message, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.listing.reads(position);
        let before = self.listing.depth(position);
        let is_snapshot = match message.fifth {
            b"true" => true,
            b"false" => false,
            _ => return Err(DecodeError::WrongType { field: "is_snapshot" }),
        };
        let (flags, depth) = match (is_snapshot, before) {
            (true, Depth::Snapshot) => (Flags::NONE, Depth::Snapshot),
            (true, Depth::Waiting | Depth::Continued) => (Flags::SNAPSHOT, Depth::Snapshot),
            (false, Depth::Waiting) => (Flags::STALE, Depth::Waiting),
            (false, Depth::Snapshot | Depth::Continued) => (Flags::NONE, Depth::Continued),
        };
        let instrument = self.listing.instrument(position);
        let mut run = batch.depth(self.origin(message, position), flags);
        let rows = || message.text.split(|&byte| byte == ROW_END);
        for row in rows() {
            let (side, numbers) = change(row)?;
            if side == b"bid" {
                run.bid(numbers.level(instrument, "amount")?);
            }
        }
        for row in rows() {
            let (side, numbers) = change(row)?;
            if side == b"ask" {
                run.ask(numbers.level(instrument, "amount")?);
            }
        }
        run.finish();
        if flags == Flags::STALE {
            batch.count(Counter::StaleDepth, 1);
        }
        self.listing.set_depth(position, depth);
        Ok(Inbound::Data(INCREMENTAL))
    }

    fn origin(&self, message: &Message<'_>, position: usize) -> Origin {
        let mut origin = message.stamp.origin(self.listing.id(position));
        origin.venue_time_ns = message.venue_time_ns;
        origin
    }
}

impl Venue for TardisCsv {
    fn name(&self) -> &'static str {
        "tardis-csv"
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

impl<'a> Message<'a> {
    fn of(frame: &Frame<'a>) -> Result<Self, DecodeError> {
        let row = frame.text.split(|&byte| byte == ROW_END).next().unwrap_or_default();
        let mut values = values(row);
        let exchange = need(&mut values, "exchange")?;
        let symbol = need(&mut values, "symbol")?;
        let venue_time = whole(need(&mut values, "timestamp")?, "timestamp")?;
        let venue_time_ns = venue_time
            .checked_mul(MICROSECOND_NS)
            .ok_or_else(|| number("timestamp")(DecimalError::Overflow))?;
        need(&mut values, "local_timestamp")?;
        let (fifth, sixth) = (need(&mut values, "side")?, need(&mut values, "price")?);
        let key = &row[..exchange.len() + 1 + symbol.len()];
        Ok(Self { stamp: frame.stamp, text: frame.text, row, venue_time_ns, key, fifth, sixth })
    }
}

impl Numbers<'static> {
    const ZERO: Self = Self { price: b"0", quantity: b"0" };
}

impl Numbers<'_> {
    /// These, or zeros where there are none: from them an instrument gets eight decimals.
    fn or_zero(self) -> Self {
        if self.price.is_empty() { Numbers::ZERO } else { self }
    }
}

/// `exchange,symbol` as it stands in a row.
fn spell(key: &str) -> Spelling<'_> {
    let (exchange, symbol) = key.split_once(',').unwrap_or_default();
    Spelling { symbol: format!("{exchange}:{symbol}"), short: symbol }
}

fn values(row: &[u8]) -> impl Iterator<Item = &[u8]> {
    row.split(|&byte| byte == b',')
}

fn columns(row: &[u8]) -> usize {
    values(row).count()
}

/// One side of a `book_snapshot_N`; places without a level are left out.
fn levels(row: &[u8], offset: usize) -> impl Iterator<Item = Numbers<'_>> {
    let prices = values(row).skip(COMMON_COLUMNS + offset).step_by(LEVEL_COLUMNS);
    let amounts = values(row).skip(COMMON_COLUMNS + offset + 1).step_by(LEVEL_COLUMNS);
    let levels = prices.zip(amounts).map(|(price, quantity)| Numbers { price, quantity });
    levels.filter(|it| !it.price.is_empty())
}

/// Side, price and amount of a row of `incremental_book_L2`.
fn change(row: &[u8]) -> Result<(&[u8], Numbers<'_>), DecodeError> {
    let mut values = values(row).skip(COMMON_COLUMNS + 1);
    let side = need(&mut values, "side")?;
    if !matches!(side, b"bid" | b"ask") {
        return Err(DecodeError::WrongType { field: "side" });
    }
    let price = need(&mut values, "price")?;
    Ok((side, Numbers { price, quantity: need(&mut values, "amount")? }))
}
