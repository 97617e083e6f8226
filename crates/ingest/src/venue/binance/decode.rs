//! Message shapes of Binance's public streams, and the events they become.

use std::sync::Arc;

use tickring_event::{
    DecimalError, Flags, Instrument, Instruments, Level, MarketEvent, Side, TopOfBook, Trade,
};

use super::Market;
use super::sequence::UpdateIds;
use super::symbols::{FirstNumbers, Implied, Symbols};
use crate::batch::{DepthRun, EventBatch};
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::{Action, DecodeError, Inbound, OTHER_SYMBOL, Refusal};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 5] =
    ["bookTicker", "trade", "depthUpdate", "snapshot", "partialDepth"];

const BOOK_TICKER: usize = 0;
const TRADE: usize = 1;
const DEPTH_UPDATE: usize = 2;
const SNAPSHOT: usize = 3;
const PARTIAL_DEPTH: usize = 4;

/// Times above this are microseconds: as milliseconds it is the year 5138, as microseconds 1973.
const TIME_MS_MAX: u64 = 100_000_000_000_000;

/// Longest words of a refusal that are kept.
const REFUSAL_CHARS_MAX: usize = 200;

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    market: Market,
    symbols: Symbols,
    /// Reused for the symbol in a stream's name, in upper case.
    stream_symbol: String,
    /// Depth that is being read, until it was read well: whose book breaks when it cannot be.
    reading: Option<(usize, Reading)>,
}

#[derive(Clone, Copy, Debug)]
enum Reading {
    Diff,
    Partial,
}

/// The keys of a depth message's two sides.
#[derive(Clone, Copy, Debug)]
struct SideKeys {
    bids: &'static str,
    asks: &'static str,
}

const DIFF_KEYS: SideKeys = SideKeys { bids: "b", asks: "a" };
const PICTURE_KEYS: SideKeys = SideKeys { bids: "bids", asks: "asks" };

/// One message without its wrapping.
#[derive(Clone, Copy)]
struct Message<'tape, 'text> {
    stamp: Stamp,
    /// The name of its stream, on a combined connection.
    stream: Option<&'text str>,
    data: Value<'tape, 'text>,
}

impl Decoder {
    pub(super) fn new(market: Market, symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self {
            market,
            symbols: Symbols::new(market, symbols, instruments),
            stream_symbol: String::new(),
            reading: None,
        }
    }

    /// Turns a frame into events. After an error what it pushed must be taken back, and
    /// [`Decoder::give_up`] must follow.
    pub(super) fn read(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.reading = None;
        let message = match root.get("stream") {
            Some(name) => Message {
                stamp,
                stream: Some(name.text().ok_or(DecodeError::WrongType { field: "stream" })?),
                data: root.need("data")?,
            },
            None => Message { stamp, stream: None, data: root },
        };
        let data = message.data;
        if let Some(event) = data.get("e") {
            return match event.text().ok_or(DecodeError::WrongType { field: "e" })? {
                "bookTicker" => self.book_ticker(message, batch),
                "trade" => self.trade(message, batch),
                "depthUpdate" if is_partial(message.stream) => {
                    self.partial(message, "u", DIFF_KEYS, batch)
                }
                "depthUpdate" => self.diff(message, batch),
                _ => Ok(Inbound::Ignored("unknown_event")),
            };
        }
        if data.get("lastUpdateId").is_some() {
            return match message.stream {
                Some(_) => self.partial(message, "lastUpdateId", PICTURE_KEYS, batch),
                None => self.snapshot(message, batch),
            };
        }
        if data.get("u").is_some() && data.get("s").is_some() {
            return self.book_ticker(message, batch);
        }
        // The streams of all symbols at once (`!ticker@arr`).
        if data.items().is_some() {
            return Ok(Inbound::Ignored("unknown_event"));
        }
        answer(data)
    }

    /// A frame that could be read in part only: the book it would have changed is invalid.
    ///
    /// A snapshot that cannot be read leaves the book as it was: diffs go on continuing it.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        let Some((position, reading)) = self.reading.take() else { return };
        let origin = stamp.origin(self.symbols.id(position));
        let depth = self.symbols.depth_mut(position);
        match reading {
            Reading::Diff => depth.diff_undecoded(&origin, batch),
            Reading::Partial => depth.partial_undecoded(&origin, batch),
        }
    }

    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for listed in self.symbols.listed_mut() {
            listed.depth.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    pub(super) fn finish(&mut self, batch: &mut EventBatch) {
        for listed in self.symbols.listed_mut() {
            listed.depth.finish(batch);
        }
    }

    fn book_ticker(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let data = message.data;
        let symbol = data.need_text("s")?;
        let first = || {
            let price = data.need("b")?.decimal("b")?;
            Ok(FirstNumbers { price, quantity: data.need("B")?.decimal("B")?, field: "b" })
        };
        let Some(position) = self.symbols.position(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let instrument = self.symbols.instrument(position);
        let bid = best_level(data, "b", "B", instrument)?;
        let ask = best_level(data, "a", "A", instrument)?;
        let top = TopOfBook {
            bid_price: bid.map(|level| level.price),
            bid_quantity: bid.map(|level| level.quantity),
            ask_price: ask.map(|level| level.price),
            ask_quantity: ask.map(|level| level.quantity),
            last_price: None,
        };
        let mut origin = message.stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = venue_time_ns(data)?;
        origin.venue_sequence = data.need_whole("u")?;
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(Inbound::Data(BOOK_TICKER))
    }

    fn trade(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let data = message.data;
        if let Some(kind) = data.get("X")
            && kind.text().ok_or(DecodeError::WrongType { field: "X" })? != "MARKET"
        {
            return Ok(Inbound::Ignored("trade_outside_book"));
        }
        let price = data.need("p")?.decimal("p")?;
        let quantity = data.need("q")?.decimal("q")?;
        let first = FirstNumbers { price, quantity, field: "p" };
        let symbol = data.need_text("s")?;
        let Some(position) = self.symbols.position(symbol, || Ok(first))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let instrument = self.symbols.instrument(position);
        let buyer_is_maker =
            data.need("m")?.truth().ok_or(DecodeError::WrongType { field: "m" })?;
        let trade_id = data.need_whole("t")?;
        let trade = Trade {
            price: instrument.price(price).map_err(number("p"))?,
            quantity: instrument.quantity(quantity).map_err(number("q"))?,
            taker: Some(if buyer_is_maker { Side::Sell } else { Side::Buy }),
            trade_id: Some(trade_id),
        };
        let mut origin = message.stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = venue_time_ns(data)?;
        origin.venue_sequence = trade_id;
        batch.push(MarketEvent::trade(&origin, trade));
        Ok(Inbound::Data(TRADE))
    }

    fn diff(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let data = message.data;
        let symbol = data.need_text("s")?;
        let first = || first_numbers(data, DIFF_KEYS);
        let Some(position) = self.symbols.position(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.reading = Some((position, Reading::Diff));
        let ids = UpdateIds {
            first: data.need_whole("U")?,
            last: data.need_whole("u")?,
            previous: match self.market {
                Market::Spot => 0,
                Market::UsdM => data.need_whole("pu")?,
            },
        };
        let from = batch.len();
        let read = DepthRead { position, last: ids.last, keys: DIFF_KEYS, flags: Flags::NONE };
        self.push_depth(message, read, batch)?;
        self.symbols.depth_mut(position).diff(ids, from, batch);
        self.reading = None;
        Ok(Inbound::Data(DEPTH_UPDATE))
    }

    fn partial(
        &mut self,
        message: Message<'_, '_>,
        last_key: &'static str,
        keys: SideKeys,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Some(position) = self.position_of_partial(message, keys)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.reading = Some((position, Reading::Partial));
        let last = message.data.need_whole(last_key)?;
        let from = batch.len();
        let read = DepthRead { position, last, keys, flags: Flags::SNAPSHOT };
        self.push_depth(message, read, batch)?;
        if !self.symbols.depth_mut(position).take_partial() {
            batch.truncate(from);
        }
        self.reading = None;
        Ok(Inbound::Data(PARTIAL_DEPTH))
    }

    fn snapshot(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Some(position) = self.position_implied(message.data)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let last = message.data.need_whole("lastUpdateId")?;
        let from = batch.len();
        let read = DepthRead { position, last, keys: PICTURE_KEYS, flags: Flags::SNAPSHOT };
        self.push_depth(message, read, batch)?;
        self.symbols.depth_mut(position).snapshot(last, from, batch);
        Ok(Inbound::Data(SNAPSHOT))
    }

    /// Whose partial depth this is: futures name the symbol, spot's stream does.
    fn position_of_partial(
        &mut self,
        message: Message<'_, '_>,
        keys: SideKeys,
    ) -> Result<Option<usize>, DecodeError> {
        let Message { data, stream, .. } = message;
        let first = || first_numbers(data, keys);
        if data.get("s").is_some() {
            return self.symbols.position(data.need_text("s")?, first);
        }
        match stream.and_then(|name| name.split_once('@')) {
            Some((symbol, _)) => {
                self.stream_symbol.clear();
                self.stream_symbol.push_str(symbol);
                self.stream_symbol.make_ascii_uppercase();
                self.symbols.position(&self.stream_symbol, first)
            }
            None => self.position_implied(data),
        }
    }

    fn position_implied(&mut self, data: Value<'_, '_>) -> Result<Option<usize>, DecodeError> {
        match self.symbols.implied()? {
            Implied::Listed(position) => Ok(Some(position)),
            Implied::Wanted => self.symbols.wanted_position(|| first_numbers(data, PICTURE_KEYS)),
            Implied::Other => Ok(None),
        }
    }

    fn push_depth(
        &self,
        message: Message<'_, '_>,
        read: DepthRead,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let DepthRead { position, last, keys, flags } = read;
        let mut origin = message.stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = venue_time_ns(message.data)?;
        origin.venue_sequence = last;
        let instrument = self.symbols.instrument(position);
        let mut run = batch.depth(origin, flags);
        read_side(message.data, keys.bids, instrument, |level| DepthRun::bid(&mut run, level))?;
        read_side(message.data, keys.asks, instrument, |level| DepthRun::ask(&mut run, level))?;
        run.finish();
        Ok(())
    }
}

/// How a depth message is to be read.
#[derive(Clone, Copy, Debug)]
struct DepthRead {
    position: usize,
    last: u64,
    keys: SideKeys,
    flags: Flags,
}

fn read_side(
    data: Value<'_, '_>,
    key: &'static str,
    instrument: &Instrument,
    mut push: impl FnMut(Level),
) -> Result<(), DecodeError> {
    let levels = data.need(key)?.items().ok_or(DecodeError::WrongType { field: key })?;
    for pair in levels {
        let (price, quantity) = level_texts(pair, key)?;
        push(Level {
            price: instrument.price(price).map_err(number(key))?,
            quantity: instrument.quantity(quantity).map_err(number(key))?,
        });
    }
    Ok(())
}

/// One side of a bookTicker; a side without orders is written as zeros.
fn best_level(
    data: Value<'_, '_>,
    price_key: &'static str,
    quantity_key: &'static str,
    instrument: &Instrument,
) -> Result<Option<Level>, DecodeError> {
    let price = data.need(price_key)?.decimal(price_key)?;
    let quantity = data.need(quantity_key)?.decimal(quantity_key)?;
    let level = Level {
        price: instrument.price(price).map_err(number(price_key))?,
        quantity: instrument.quantity(quantity).map_err(number(quantity_key))?,
    };
    let is_empty = level.price.is_zero() && level.quantity.is_zero();
    Ok(if is_empty { None } else { Some(level) })
}

/// The texts of `["price","quantity"]`.
fn level_texts<'text>(
    pair: Value<'_, 'text>,
    key: &'static str,
) -> Result<(&'text [u8], &'text [u8]), DecodeError> {
    let wrong = DecodeError::WrongType { field: key };
    let mut items = pair.items().ok_or(wrong)?;
    let (Some(price), Some(quantity)) = (items.next(), items.next()) else { return Err(wrong) };
    Ok((price.decimal(key)?, quantity.decimal(key)?))
}

/// The numbers of the first level. A message without one gives zeros, from which an instrument gets
/// the eight decimals that are the finest this venue uses.
fn first_numbers<'text>(
    data: Value<'_, 'text>,
    keys: SideKeys,
) -> Result<FirstNumbers<'text>, DecodeError> {
    for key in [keys.bids, keys.asks] {
        if let Some(level) = data.get(key).and_then(Value::items).and_then(|mut it| it.next()) {
            let (price, quantity) = level_texts(level, key)?;
            return Ok(FirstNumbers { price, quantity, field: key });
        }
    }
    Ok(FirstNumbers { price: b"0", quantity: b"0", field: keys.bids })
}

/// The time of the event, or of the transaction where the event has none; 0 where neither is told.
fn venue_time_ns(data: Value<'_, '_>) -> Result<u64, DecodeError> {
    let (time, field) = match (data.get("E"), data.get("T")) {
        (Some(time), _) => (time, "E"),
        (None, Some(time)) => (time, "T"),
        (None, None) => return Ok(0),
    };
    let time = time.whole().ok_or(DecodeError::WrongType { field })?;
    let unit_ns = if time > TIME_MS_MAX { 1_000 } else { 1_000_000 };
    time.checked_mul(unit_ns).ok_or_else(|| number(field)(DecimalError::Overflow))
}

/// Whether a stream's name is that of a partial book (`btcusdt@depth20@100ms`); on futures its
/// messages look like diffs.
fn is_partial(stream: Option<&str>) -> bool {
    stream
        .and_then(|name| name.split('@').nth(1))
        .and_then(|kind| kind.strip_prefix("depth"))
        .is_some_and(|levels| levels.starts_with(|first: char| first.is_ascii_digit()))
}

/// An answer to a command. None was sent from here, so none is ever outstanding.
fn answer(data: Value<'_, '_>) -> Result<Inbound, DecodeError> {
    let refusal = match data.get("error") {
        Some(error) => error,
        None => data,
    };
    if let Some(code) = refusal.get("code") {
        let code = code.integer().ok_or(DecodeError::WrongType { field: "code" })?;
        let words = refusal.get("msg").and_then(Value::text).unwrap_or_default();
        let message = words.chars().filter(|it| !it.is_control()).take(REFUSAL_CHARS_MAX).collect();
        let action = Action::Continue;
        return Ok(Inbound::Refused(Refusal { code, message, action, complete: true }));
    }
    // The result of a command is mostly `null`, which `get` takes for absent.
    let is_result = data.members().is_some_and(|mut all| all.any(|(name, _)| name == "result"));
    if is_result {
        Ok(Inbound::Ack { complete: true })
    } else {
        Err(DecodeError::MissingField { field: "e" })
    }
}

const fn number(field: &'static str) -> impl Fn(DecimalError) -> DecodeError {
    move |error| DecodeError::Number { field, error }
}
