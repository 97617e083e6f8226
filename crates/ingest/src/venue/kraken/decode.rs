//! Message shapes of Kraken v2, and the events they become.

use std::sync::Arc;

use tickring_book::ChecksumForm;
use tickring_event::{
    Bar, GapReason, Instrument, InstrumentId, Instruments, MarketEvent, Price, TopOfBook, Trade,
};

use super::book::{self, checksum};
use super::subscribe::Subscriptions;
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::chain::{Chain, Resync, gap};
use crate::venue::checked::{CheckedBook, DepthMessage, Sides, first_numbers};
use crate::venue::listing::{Listing, Numbers, number};
use crate::venue::subscription::Subscription;
use crate::venue::time_text::rfc3339_ns;
use crate::venue::{Checks, DecodeError, Inbound, OTHER_SYMBOL, taker};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 5] =
    ["book_snapshot", "book_update", "trade", "ticker", "ohlc"];

const BOOK_SNAPSHOT: usize = 0;
pub(super) const BOOK_UPDATE: usize = 1;
pub(super) const TRADE: usize = 2;
pub(super) const TICKER: usize = 3;
const OHLC: usize = 4;

const MINUTE_NS: i64 = 60_000_000_000;

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) listing: Listing<()>,
    subscriptions: Subscriptions,
    /// By position in the listing.
    pub(super) books: Vec<Book>,
    /// Whose books the frame in hand is about.
    touched: Vec<(usize, Chain)>,
    /// Whose books have to start over.
    resyncs: Vec<usize>,
    pub(super) sides: Sides,
}

#[derive(Debug)]
pub(super) struct Book {
    pub(super) checked: CheckedBook,
    /// Levels of a side that stay.
    pub(super) depth: usize,
}

impl Book {
    fn new() -> Self {
        Self { checked: CheckedBook::new(ChecksumForm::Kraken), depth: 0 }
    }
}

impl Decoder {
    pub(super) fn new(subscription: Subscription, instruments: Arc<Instruments>) -> Self {
        Self {
            listing: Listing::new(&subscription.symbols, instruments),
            subscriptions: Subscriptions::new(subscription),
            books: Vec::new(),
            touched: Vec::new(),
            resyncs: Vec::new(),
            sides: Sides::default(),
        }
    }

    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        self.subscriptions.open(batch);
    }

    /// Turns a frame into events. After an error what it pushed must be taken back, and
    /// [`Decoder::give_up`] must follow; [`Decoder::ask_resyncs`] in any case.
    pub(super) fn read(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.touched.clear();
        if let Some(channel) = root.get("channel") {
            return match channel.text().ok_or(DecodeError::WrongType { field: "channel" })? {
                "book" => self.books(root, stamp, batch),
                "heartbeat" => Ok(Inbound::Pong),
                "trade" if root.get("type").and_then(Value::text) == Some("snapshot") => {
                    Ok(Inbound::Ignored("trade_snapshot"))
                }
                "trade" => self.each(root, TRADE, |it, data| it.trade(data, stamp, batch)),
                "ticker" => self.each(root, TICKER, |it, data| it.ticker(data, stamp, batch)),
                "ohlc" => self.each(root, OHLC, |it, data| it.ohlc(data, stamp, batch)),
                "status" => Ok(Inbound::Ignored(status(root))),
                "instrument" => Ok(Inbound::Ignored("instrument")),
                _ => Ok(Inbound::Ignored("unknown_channel")),
            };
        }
        if root.get("method").is_some() {
            let answer = self.subscriptions.answer(root.need_text("method")?, root, batch);
            self.take_depths();
            return answer;
        }
        if root.get("error").is_some() {
            return Ok(Inbound::from(self.subscriptions.refused(root)));
        }
        Err(DecodeError::MissingField { field: "channel" })
    }

    /// The frame in hand could not be read: the books it was about are broken.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for &(position, before) in &self.touched {
            let origin = stamp.origin(self.listing.id(position));
            let chain = &mut self.books[position].checked.chain;
            // What the frame said of it before was taken back, a gap as well.
            *chain = before;
            let gap = gap(GapReason::Undecoded, 0, 0);
            if chain.break_off(gap, &origin, batch) == Resync::Ask {
                self.resyncs.push(position);
            }
        }
        self.touched.clear();
    }

    /// Asks for the books that have to start over, once each.
    pub(super) fn ask_resyncs(&mut self, batch: &mut EventBatch) {
        self.resyncs.sort_unstable();
        self.resyncs.dedup();
        // The next frame may not be read as far as to forget it.
        self.touched.clear();
        for position in self.resyncs.drain(..) {
            let symbol = self.listing.instrument(position).symbol();
            batch.command(self.subscriptions.resync(self.listing.id(position), symbol));
        }
    }

    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for (book, listed) in self.books.iter_mut().zip(self.listing.listed()) {
            book.checked.chain.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    pub(super) fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        let books = self.books.iter().zip(self.listing.listed());
        let all = books.map(|(book, listed)| (listed.id, book.checked.checks));
        all.filter(|(_, checks)| checks.checked > 0).collect()
    }

    /// What an ack may have said of books whose snapshots came before it.
    fn take_depths(&mut self) {
        for (position, book) in self.books.iter_mut().enumerate() {
            let symbol = self.listing.instrument(position).symbol();
            book.depth = self.subscriptions.depth(symbol).unwrap_or(book.depth);
        }
    }

    /// Each of a message's elements, of which `take` says whether anybody wants it.
    fn each(
        &mut self,
        root: Value<'_, '_>,
        kind: usize,
        mut take: impl FnMut(&mut Self, Value<'_, '_>) -> Result<bool, DecodeError>,
    ) -> Result<Inbound, DecodeError> {
        let data = root.need("data")?;
        if data.is_object() {
            let is_wanted = take(self, data)?;
            return Ok(if is_wanted {
                Inbound::Data(kind)
            } else {
                Inbound::Ignored(OTHER_SYMBOL)
            });
        }
        let mut inbound = Inbound::Ignored("no_data");
        for element in data.items().ok_or(DecodeError::WrongType { field: "data" })? {
            if take(self, element)? {
                inbound = Inbound::Data(kind);
            } else if inbound != Inbound::Data(kind) {
                inbound = Inbound::Ignored(OTHER_SYMBOL);
            }
        }
        Ok(inbound)
    }

    fn books(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        // An unknown type is the business of the book that the element names.
        let is_snapshot = match root.get("type").and_then(Value::text) {
            Some("snapshot") => Some(true),
            Some("update") => Some(false),
            _ => None,
        };
        let kind = if is_snapshot == Some(true) { BOOK_SNAPSHOT } else { BOOK_UPDATE };
        self.each(root, kind, |it, data| it.book(data, is_snapshot, stamp, batch))
    }

    fn book(
        &mut self,
        data: Value<'_, '_>,
        is_snapshot: Option<bool>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<bool, DecodeError> {
        let (bids, asks) = (data.get("bids"), data.get("asks"));
        let symbol = data.need_text("symbol")?;
        let first = || first_numbers(bids, asks);
        let Some(position) = self.position(symbol, first)? else { return Ok(false) };
        if !self.touched.iter().any(|it| it.0 == position) {
            self.touched.push((position, self.books[position].checked.chain));
        }
        let is_snapshot = is_snapshot.ok_or(DecodeError::WrongType { field: "type" })?;
        if bids.is_none() && asks.is_none() {
            return Err(DecodeError::MissingField { field: "bids" });
        }
        let venue = checksum(data, "checksum")?;
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = timestamp_ns(data, "timestamp", batch);
        let depth = &mut self.books[position].depth;
        if is_snapshot {
            *depth = self.subscriptions.depth(symbol).unwrap_or_else(|| book::depth_of(bids, asks));
        }
        let depth = *depth;
        self.sides.start(Some(self.books[position].checked.written.form()));
        self.sides.read(bids, asks, self.listing.instrument(position))?;
        if venue.is_none() {
            batch.remark("no_checksum");
        }
        self.take_book(position, DepthMessage { origin, is_snapshot, depth }, venue, batch);
        Ok(true)
    }

    /// A message of the book was read to its end, its levels into [`Decoder::sides`].
    pub(super) fn take_book(
        &mut self,
        position: usize,
        message: DepthMessage,
        venue: Option<u32>,
        batch: &mut EventBatch,
    ) {
        let checked = &mut self.books[position].checked;
        if book::take(checked, &message, &self.sides, venue, batch) == Resync::Ask {
            self.resyncs.push(position);
        }
    }

    fn trade(
        &mut self,
        data: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<bool, DecodeError> {
        let price = data.need("price")?.decimal("price")?;
        let quantity = data.need("qty")?.decimal("qty")?;
        let numbers = Numbers { price, quantity };
        let Some(position) = self.position(data.need_text("symbol")?, || Ok(numbers))? else {
            return Ok(false);
        };
        let level = numbers.level(self.listing.instrument(position), "qty")?;
        let taker = taker::of_trade(data, batch);
        let trade_id = data.get("trade_id").and_then(Value::whole);
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = timestamp_ns(data, "timestamp", batch);
        origin.venue_sequence = trade_id.unwrap_or_default();
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(&origin, trade));
        Ok(true)
    }

    fn ticker(
        &mut self,
        data: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<bool, DecodeError> {
        let text = |key| data.get(key).map(|it| it.decimal(key)).transpose();
        let (bid, bid_quantity) = (text("bid")?, text("bid_qty")?);
        let (ask, ask_quantity) = (text("ask")?, text("ask_qty")?);
        let last = text("last")?;
        let price = bid.or(ask).or(last).ok_or(DecodeError::MissingField { field: "bid" })?;
        let first = Numbers { price, quantity: bid_quantity.or(ask_quantity).unwrap_or(b"0") };
        let Some(position) = self.position(data.need_text("symbol")?, || Ok(first))? else {
            return Ok(false);
        };
        let instrument = self.listing.instrument(position);
        let price = |text: Option<&[u8]>, field| {
            text.map(|it| instrument.price(it).map_err(number(field))).transpose()
        };
        let quantity = |text: Option<&[u8]>, field| {
            text.map(|it| instrument.quantity(it).map_err(number(field))).transpose()
        };
        let top = TopOfBook {
            bid_price: price(bid, "bid")?,
            bid_quantity: quantity(bid_quantity, "bid_qty")?,
            ask_price: price(ask, "ask")?,
            ask_quantity: quantity(ask_quantity, "ask_qty")?,
            last_price: price(last, "last")?,
        };
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = timestamp_ns(data, "timestamp", batch);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(true)
    }

    fn ohlc(
        &mut self,
        data: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<bool, DecodeError> {
        let price = data.need("open")?.decimal("open")?;
        let volume = data.need("volume")?.decimal("volume")?;
        let first = Numbers { price, quantity: volume };
        let Some(position) = self.position(data.need_text("symbol")?, || Ok(first))? else {
            return Ok(false);
        };
        let instrument = self.listing.instrument(position);
        let minutes = data.need("interval")?.integer();
        let interval_ns = minutes
            .and_then(|it| it.checked_mul(MINUTE_NS))
            .ok_or(DecodeError::WrongType { field: "interval" })?;
        let start_ns = rfc3339_ns(data.need_text("interval_begin")?)
            .and_then(|it| i64::try_from(it).ok())
            .ok_or(DecodeError::WrongType { field: "interval_begin" })?;
        let bar = Bar {
            start_ns,
            interval_ns,
            open: read_price(instrument, data, "open")?,
            high: read_price(instrument, data, "high")?,
            low: read_price(instrument, data, "low")?,
            close: read_price(instrument, data, "close")?,
            volume: instrument.quantity(volume).map_err(number("volume"))?,
            trades: data.get("trades").and_then(Value::whole).unwrap_or_default(),
        };
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns =
            data.get("timestamp").map_or(0, |_| timestamp_ns(data, "timestamp", batch));
        batch.push(MarketEvent::bar(&origin, &bar));
        Ok(true)
    }

    fn position<'a>(
        &mut self,
        symbol: &str,
        first: impl FnOnce() -> Result<Numbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        let position = self.listing.position_of(symbol, first)?;
        let count = self.listing.listed().len();
        if self.books.len() < count {
            self.books.resize_with(count, Book::new);
        }
        Ok(position)
    }
}

/// Why a message about the venue's own state is ignored.
fn status(root: Value<'_, '_>) -> &'static str {
    let first = root.get("data").and_then(Value::items).and_then(|mut it| it.next());
    match first.and_then(|it| it.get("system")).and_then(Value::text) {
        Some("online") => "status_online",
        Some("maintenance") => "status_maintenance",
        Some("cancel_only") => "status_cancel_only",
        Some("post_only") => "status_post_only",
        _ => "status_unknown",
    }
}

fn read_price(
    instrument: &Instrument,
    data: Value<'_, '_>,
    field: &'static str,
) -> Result<Price, DecodeError> {
    instrument.price(data.need(field)?.decimal(field)?).map_err(number(field))
}

/// A message's time; 0, with a remark, where it has none that can be read: nothing depends on it.
fn timestamp_ns(data: Value<'_, '_>, field: &'static str, batch: &mut EventBatch) -> u64 {
    let time = data.get(field).and_then(Value::text).and_then(rfc3339_ns);
    if time.is_none() {
        batch.remark("no_timestamp");
    }
    time.unwrap_or_default()
}
