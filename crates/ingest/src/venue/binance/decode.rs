//! Message shapes of Binance's public streams, and the events they become.

use std::sync::Arc;

use tickring_event::{
    Bar, DecimalError, Flags, Instruments, MarketEvent, Price, Side, TopOfBook, Trade,
};

use super::Market;
use super::fields::{
    DIFF_KEYS, PICTURE_KEYS, SideKeys, best_level, encoded, first_numbers, is_partial, number,
    read_side, time_ns, venue_time_ns,
};
use super::sequence::UpdateIds;
use super::subscribe::Subscriptions;
use super::symbols::{FirstNumbers, Implied, Symbols};
use super::told::{BookTicker, Dealt};
use crate::batch::{DepthRun, EventBatch};
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::subscription::Channel;
use crate::venue::{Command, DecodeError, Fetch, Inbound, OTHER_SYMBOL};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 7] =
    ["bookTicker", "trade", "depthUpdate", "snapshot", "partialDepth", "aggTrade", "kline"];

pub(super) const BOOK_TICKER: usize = 0;
pub(super) const TRADE: usize = 1;
const DEPTH_UPDATE: usize = 2;
const SNAPSHOT: usize = 3;
const PARTIAL_DEPTH: usize = 4;
pub(super) const AGG_TRADE: usize = 5;
const KLINE: usize = 6;

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) market: Market,
    pub(super) symbols: Symbols,
    pub(super) subscriptions: Subscriptions,
    /// Reused for the symbol in a stream's name, in upper case.
    stream_symbol: String,
    /// Depth that is being read, until it was read well: whose book breaks when it cannot be.
    pub(super) reading: Option<(usize, Reading)>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    Diff,
    Partial,
}

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
            subscriptions: Subscriptions::default(),
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
                "bookTicker" => self.book_ticker(stamp, &BookTicker::read(data)?, batch),
                "trade" => self.trade(stamp, &Dealt::read(data, "t")?, batch),
                "depthUpdate" if message.stream.is_some_and(|it| is_partial(it.as_bytes())) => {
                    self.partial(message, "u", DIFF_KEYS, batch)
                }
                "depthUpdate" => self.diff(message, batch),
                "aggTrade" => self.agg_trade(stamp, &Dealt::read(data, "l")?, batch),
                "kline" => self.kline(message, batch),
                "serverShutdown" => {
                    batch.command(Command::Renew);
                    Ok(Inbound::Ignored("server_shutdown"))
                }
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
            return self.book_ticker(stamp, &BookTicker::read(data)?, batch);
        }
        // The streams of all symbols at once (`!ticker@arr`).
        if data.items().is_some() {
            return Ok(Inbound::Ignored("unknown_event"));
        }
        if data.get("snapshot").is_some() {
            return self.fetched(message, batch);
        }
        self.subscriptions.answer(data)
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
        if !matches!(reading, Reading::Partial) {
            self.ask(position, batch);
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

    pub(super) fn book_ticker(
        &mut self,
        stamp: Stamp,
        told: &BookTicker<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Some(position) = self.symbols.position(told.symbol, || Ok(told.first_numbers()))?
        else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.push_top((stamp, position), told, batch)?;
        self.symbols.note(position, Channel::Ticker);
        Ok(Inbound::Data(BOOK_TICKER))
    }

    #[inline(always)]
    pub(super) fn push_top(
        &self,
        (stamp, position): (Stamp, usize),
        told: &BookTicker<'_>,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let instrument = self.symbols.instrument(position);
        let bid = best_level(told.bid, ("b", "B"), instrument)?;
        let ask = best_level(told.ask, ("a", "A"), instrument)?;
        let top = TopOfBook::of(bid, ask);
        let mut origin = stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = told.venue_time_ns;
        origin.venue_sequence = told.update_id;
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(())
    }

    pub(super) fn trade(
        &mut self,
        stamp: Stamp,
        told: &Dealt<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        if told.is_outside_book {
            return Ok(Inbound::Ignored("trade_outside_book"));
        }
        let Some(position) = self.symbols.position(told.symbol, || Ok(told.first_numbers()))?
        else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.push_trade((stamp, position), told, batch)?;
        self.symbols.note(position, Channel::Trade);
        Ok(Inbound::Data(TRADE))
    }

    /// Trades of one taker at one price, as one. Beside single trades they would count twice.
    pub(super) fn agg_trade(
        &mut self,
        stamp: Stamp,
        told: &Dealt<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Some(position) = self.symbols.position(told.symbol, || Ok(told.first_numbers()))?
        else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        if self.symbols.has_come(position, Channel::Trade) {
            return Ok(Inbound::Ignored("trades_told_singly"));
        }
        self.push_trade((stamp, position), told, batch)?;
        Ok(Inbound::Data(AGG_TRADE))
    }

    #[inline(always)]
    pub(super) fn push_trade(
        &self,
        (stamp, position): (Stamp, usize),
        told: &Dealt<'_>,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let instrument = self.symbols.instrument(position);
        let trade = Trade {
            price: instrument.price(told.price).map_err(number("p"))?,
            quantity: instrument.quantity(told.quantity).map_err(number("q"))?,
            taker: Some(if told.buyer_is_maker { Side::Sell } else { Side::Buy }),
            trade_id: Some(told.trade_id),
        };
        let mut origin = stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = told.venue_time_ns;
        origin.venue_sequence = told.trade_id;
        batch.push(MarketEvent::trade(&origin, trade));
        Ok(())
    }

    /// A bar as far as it has come: the next with the same start replaces it.
    fn kline(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let bar = message.data.need("k")?;
        let (price, quantity) = (bar.need("o")?.decimal("o")?, bar.need("v")?.decimal("v")?);
        let first = FirstNumbers { price, quantity, field: "o" };
        let symbol = message.data.need_text("s")?;
        let Some(position) = self.symbols.position(symbol, || Ok(first))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let mut origin = message.stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = venue_time_ns(message.data)?;
        // The last trade; -1 where there was none.
        origin.venue_sequence = bar.get("L").and_then(Value::whole).unwrap_or(0);
        let bar = self.bar(position, bar)?;
        batch.push(MarketEvent::bar(&origin, &bar));
        self.symbols.note(position, Channel::Bar);
        Ok(Inbound::Data(KLINE))
    }

    fn bar(&self, position: usize, bar: Value<'_, '_>) -> Result<Bar, DecodeError> {
        let instrument = self.symbols.instrument(position);
        let (start_ns, unit_ns) = time_ns(bar.need("t")?, "t")?;
        // The last unit of the interval.
        let (last_ns, _) = time_ns(bar.need("T")?, "T")?;
        let interval_ns = last_ns.saturating_sub(start_ns).saturating_add(unit_ns);
        let signed =
            |ns: u64, field| i64::try_from(ns).map_err(|_| number(field)(DecimalError::Overflow));
        let price = |field: &'static str| -> Result<Price, DecodeError> {
            instrument.price(bar.need(field)?.decimal(field)?).map_err(number(field))
        };
        Ok(Bar {
            start_ns: signed(start_ns, "t")?,
            interval_ns: signed(interval_ns, "T")?,
            open: price("o")?,
            high: price("h")?,
            low: price("l")?,
            close: price("c")?,
            volume: instrument.quantity(bar.need("v")?.decimal("v")?).map_err(number("v"))?,
            trades: bar.need_whole("n")?,
        })
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
        self.reading = None;
        Ok(self.take_diff(position, ids, from, batch))
    }

    /// A diff was read, into the batch's events from `from` on.
    pub(super) fn take_diff(
        &mut self,
        position: usize,
        ids: UpdateIds,
        from: usize,
        batch: &mut EventBatch,
    ) -> Inbound {
        self.symbols.depth_mut(position).diff(ids, from, batch);
        self.symbols.note(position, Channel::Depth);
        self.ask(position, batch);
        Inbound::Data(DEPTH_UPDATE)
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

    /// A snapshot that was asked for: `{"snapshot":"BTCUSDT",..}` with the venue's text as `body`. One
    /// that cannot be read changes nothing: the source asks again.
    fn fetched(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let symbol = message.data.need_text("snapshot")?;
        let body = message.data.need("body")?;
        let first = || first_numbers(body, PICTURE_KEYS);
        let Some(position) = self.symbols.position(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let last = body.need_whole("lastUpdateId")?;
        let from = batch.len();
        let read = DepthRead { position, last, keys: PICTURE_KEYS, flags: Flags::SNAPSHOT };
        self.push_depth(Message { data: body, ..message }, read, batch)?;
        if !self.symbols.depth_mut(position).fetched(last, from, batch) {
            batch.remark("snapshot_too_old");
        }
        self.ask(position, batch);
        Ok(Inbound::Data(SNAPSHOT))
    }

    /// Asks for a snapshot where diffs wait for one, once until it is answered.
    fn ask(&mut self, position: usize, batch: &mut EventBatch) {
        if !self.symbols.depth_mut(position).asks() {
            return;
        }
        let symbol = self.symbols.instrument(position).symbol().to_owned();
        let (path, limit) = match self.market {
            Market::Spot => ("/api/v3/depth", 5_000),
            Market::UsdM => ("/fapi/v1/depth", 1_000),
        };
        let path = format!("{path}?symbol={}&limit={limit}", encoded(&symbol));
        let instrument = self.symbols.id(position);
        batch.command(Command::Fetch(Fetch { instrument, symbol, path }));
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
