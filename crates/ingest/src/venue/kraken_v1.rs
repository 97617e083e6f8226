//! Kraken spot, WebSocket v1: recorded only. Nothing is ever sent.
//!
//! Follows docs.kraken.com, "WebSockets v1". Understood are `book`, `trade` and `ticker`, whose
//! messages are lists: channel number, one or two payloads, channel name, pair. Every other message
//! is ignored and counted.
//!
//! Books follow the rule of v2 (see [`Kraken`](super::kraken::Kraken)), with these differences:
//! - The depth is the one in the channel's name (`book-1000`).
//! - A snapshot has no checksum, and is believed.
//! - Each level has a time of its own: a message's time is its latest.
//! - A level that is told again because it came up into the depth (`r`) is set like any other.

use std::sync::Arc;

use tickring_book::ChecksumForm;
use tickring_event::{
    Decimal, GapReason, InstrumentId, Instruments, Level, MarketEvent, Scale, Side, TopOfBook,
    Trade,
};

use super::chain::{Resync, gap};
use super::checked::{CheckedBook, DepthMessage, Sides, first_numbers};
use super::kraken::book::{self, checksum};
use super::listing::{Listing, Numbers};
use super::{Action, Checks, DecodeError, Inbound, OTHER_SYMBOL, Refusal, Venue};
use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::{Json, Value};

/// What an index counts.
const MESSAGE_KINDS: [&str; 4] = ["book_snapshot", "book_update", "trade", "ticker"];
const BOOK_SNAPSHOT: usize = 0;
const BOOK_UPDATE: usize = 1;
const TRADE: usize = 2;
const TICKER: usize = 3;

/// Channel number, two payloads, channel name, pair.
const VALUES_MAX: usize = 5;

/// Decimals of a time in seconds at which it is one in ns.
const NS_DECIMALS: u8 = 9;

/// Longest words of a refusal that are kept.
const WORDS_CHARS_MAX: usize = 200;

/// One recorded connection's worth of Kraken messages.
#[derive(Debug)]
pub struct KrakenV1 {
    json: Json,
    decoder: Decoder,
}

#[derive(Debug)]
struct Decoder {
    listing: Listing<()>,
    /// By position in the listing.
    books: Vec<CheckedBook>,
    sides: Sides,
}

/// A message without its frame.
#[derive(Clone, Copy)]
struct Message<'tape, 'text> {
    stamp: Stamp,
    pair: &'text str,
    payload: Value<'tape, 'text>,
    /// Of a book's update that changes both sides.
    second: Option<Value<'tape, 'text>>,
}

impl KrakenV1 {
    /// A decoder for one recorded connection. Messages about other pairs than `symbols` (in either
    /// case) are ignored; an empty list takes them all. Instruments are registered when first seen.
    #[must_use]
    pub fn new(symbols: &[String], instruments: Arc<Instruments>) -> Self {
        let listing = Listing::new(symbols, instruments);
        let decoder = Decoder { listing, books: Vec::new(), sides: Sides::default() };
        Self { json: Json::new(), decoder }
    }
}

impl Venue for KrakenV1 {
    fn name(&self) -> &'static str {
        "kraken-v1"
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &MESSAGE_KINDS
    }

    /// Sends nothing: whoever recorded the frames had subscribed.
    fn open(&mut self, _batch: &mut EventBatch) {}

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, decoder } = self;
        let from = batch.len();
        let read = json.read_quoted(frame.text, |root| decoder.read(root, frame.stamp, batch));
        if read.is_err() {
            batch.truncate(from);
            decoder.give_up(frame.stamp, batch);
        }
        read
    }

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        let Decoder { listing, books, .. } = &mut self.decoder;
        for (book, listed) in books.iter_mut().zip(listing.listed()) {
            book.chain.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    fn finish(&mut self, _batch: &mut EventBatch) {}

    fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        let Decoder { listing, books, .. } = &self.decoder;
        let all = books.iter().zip(listing.listed()).map(|(book, it)| (it.id, book.checks));
        all.filter(|(_, checks)| checks.checked > 0).collect()
    }
}

impl Decoder {
    fn read(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.listing.read();
        let Some(items) = root.items() else { return control(root) };
        let mut values = [None; VALUES_MAX];
        for (index, value) in items.enumerate() {
            let slot = values.get_mut(index).ok_or(DecodeError::WrongType { field: "message" })?;
            *slot = Some(value);
        }
        let (channel, pair, second) = match values {
            [_, Some(_), Some(channel), Some(pair), None] => (channel, pair, None),
            [_, Some(_), second, Some(channel), Some(pair)] => (channel, pair, second),
            _ => return Err(DecodeError::MissingField { field: "pair" }),
        };
        let payload = values[1].ok_or(DecodeError::MissingField { field: "payload" })?;
        let channel = channel.text().ok_or(DecodeError::WrongType { field: "channel" })?;
        let pair = pair.text().ok_or(DecodeError::WrongType { field: "pair" })?;
        let message = Message { stamp, pair, payload, second };
        match channel.split_once('-') {
            Some(("book", depth)) => self.book(message, depth, batch),
            None if channel == "book" => self.book(message, "10", batch),
            None if channel == "trade" => self.trades(message, batch),
            None if channel == "ticker" => self.ticker(message, batch),
            _ => Ok(Inbound::Ignored("unknown_channel")),
        }
    }

    /// The message in hand could not be read: a book that it was for is broken.
    fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        if let Some(position) = self.listing.take_unread() {
            let origin = stamp.origin(self.listing.id(position));
            let gap = gap(GapReason::Undecoded, 0, 0);
            nobody_to_ask(self.books[position].chain.break_off(gap, &origin, batch));
        }
    }

    fn book(
        &mut self,
        message: Message<'_, '_>,
        depth: &str,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Message { stamp, pair, payload, second } = message;
        let is_snapshot = payload.get("as").is_some() || payload.get("bs").is_some();
        let (bids_key, asks_key) = if is_snapshot { ("bs", "as") } else { ("b", "a") };
        let member = |key| payload.get(key).or_else(|| second.and_then(|second| second.get(key)));
        let (bids, asks) = (member(bids_key), member(asks_key));
        let Some(position) = self.position(pair, || first_numbers(bids, asks))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.listing.reads(position);
        if bids.is_none() && asks.is_none() {
            return Err(DecodeError::MissingField { field: "b" });
        }
        let depth = depth.parse().map_err(|_| DecodeError::WrongType { field: "channel" })?;
        // It is in the last of the payloads.
        let told = checksum(second.unwrap_or(payload), "c")?;
        if told.is_none() && !is_snapshot {
            batch.remark("no_checksum");
        }
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = latest_ns(bids).max(latest_ns(asks));
        self.sides.start(Some(self.books[position].written.form()));
        self.sides.read(bids, asks, self.listing.instrument(position))?;
        let message = DepthMessage { origin, is_snapshot, depth };
        let book = &mut self.books[position];
        nobody_to_ask(book::take(book, &message, &self.sides, told, batch));
        self.listing.read();
        Ok(Inbound::Data(if is_snapshot { BOOK_SNAPSHOT } else { BOOK_UPDATE }))
    }

    fn trades(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let rows = message.payload.items().ok_or(DecodeError::WrongType { field: "trade" })?;
        for row in rows {
            let mut values = row.items().ok_or(DecodeError::WrongType { field: "trade" })?;
            let mut next = |field| values.next().ok_or(DecodeError::MissingField { field });
            let price = next("price")?.decimal("price")?;
            let numbers = Numbers { price, quantity: next("volume")?.decimal("volume")? };
            let Some(position) = self.position(message.pair, || Ok(numbers))? else {
                return Ok(Inbound::Ignored(OTHER_SYMBOL));
            };
            let Level { price, quantity } =
                numbers.level(self.listing.instrument(position), "volume")?;
            let mut origin = message.stamp.origin(self.listing.id(position));
            origin.venue_time_ns = time_ns(next("time")?).unwrap_or_default();
            let taker = match next("side")?.text() {
                Some("b") => Some(Side::Buy),
                Some("s") => Some(Side::Sell),
                _ => {
                    batch.remark("unknown_side");
                    None
                }
            };
            let trade = Trade { price, quantity, taker, trade_id: None };
            batch.push(MarketEvent::trade(&origin, trade));
        }
        Ok(Inbound::Data(TRADE))
    }

    fn ticker(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let row = |key| Row::of(message.payload.get(key), key);
        // Price, whole lots, lots; of the last trade price and lots.
        let (bid, ask, last) = (row("b")?, row("a")?, row("c")?);
        let quantity = bid.quantity;
        let first = Numbers { price: bid.price, quantity };
        let Some(position) = self.position(message.pair, || Ok(first))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let instrument = self.listing.instrument(position);
        let level = |row: Row<'_>, field| {
            Numbers { price: row.price, quantity: row.quantity }.level(instrument, field)
        };
        let (bid, ask) = (level(bid, "b")?, level(ask, "a")?);
        let last = level(last, "c")?;
        let top = TopOfBook {
            bid_price: Some(bid.price),
            bid_quantity: Some(bid.quantity),
            ask_price: Some(ask.price),
            ask_quantity: Some(ask.quantity),
            last_price: Some(last.price),
        };
        let origin = message.stamp.origin(self.listing.id(position));
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(Inbound::Data(TICKER))
    }

    fn position<'a>(
        &mut self,
        pair: &str,
        first: impl FnOnce() -> Result<Numbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        let position = self.listing.position_of(pair, first)?;
        let count = self.listing.listed().len();
        if self.books.len() < count {
            self.books.resize_with(count, || CheckedBook::new(ChecksumForm::Kraken));
        }
        Ok(position)
    }
}

/// A ticker's price and quantity: the first and the last value of a list.
#[derive(Clone, Copy, Debug)]
struct Row<'text> {
    price: &'text [u8],
    quantity: &'text [u8],
}

impl<'text> Row<'text> {
    fn of(row: Option<Value<'_, 'text>>, field: &'static str) -> Result<Self, DecodeError> {
        let row = row.ok_or(DecodeError::MissingField { field })?;
        let mut values = row.items().ok_or(DecodeError::WrongType { field })?;
        let missing = DecodeError::MissingField { field };
        let price = values.next().ok_or(missing)?.decimal(field)?;
        Ok(Self { price, quantity: values.last().ok_or(missing)?.decimal(field)? })
    }
}

/// In a recording there is nobody to ask for a new snapshot.
const fn nobody_to_ask(_resync: Resync) {}

/// A message about the connection or a subscription.
fn control(root: Value<'_, '_>) -> Result<Inbound, DecodeError> {
    match root.need_text("event")? {
        "heartbeat" | "pong" => Ok(Inbound::Pong),
        "systemStatus" => Ok(Inbound::Ignored("status")),
        "subscriptionStatus" => {
            if root.get("status").and_then(Value::text) != Some("error") {
                return Ok(Inbound::Ack { complete: true });
            }
            let text = |key| root.get(key).and_then(Value::text).unwrap_or_default();
            let words = format!("{}; {}", text("errorMessage"), text("pair"));
            let message = words.chars().filter(|it| !it.is_control()).take(WORDS_CHARS_MAX);
            let (message, action) = (message.collect(), Action::Continue);
            Ok(Inbound::from(Refusal { code: 0, message, action, complete: true }))
        }
        _ => Ok(Inbound::Ignored("unknown_event")),
    }
}

/// The latest time of a list of levels; 0 where none is told.
fn latest_ns(side: Option<Value<'_, '_>>) -> u64 {
    let levels = side.and_then(Value::items).into_iter().flatten();
    let times = levels.filter_map(|level| level.items()?.nth(2).and_then(time_ns));
    times.max().unwrap_or_default()
}

/// The time of `1618678133.365913`.
fn time_ns(value: Value<'_, '_>) -> Option<u64> {
    let scale = Scale::new(NS_DECIMALS)?;
    let time = Decimal::parse(value.decimal("time").ok()?, scale).ok()?;
    u64::try_from(time.mantissa).ok()
}
