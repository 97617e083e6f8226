//! Message shapes of the public feed, and the events they become.

use std::sync::Arc;

use tickring_event::{
    Flags, Gap, GapReason, Instrument, InstrumentId, Instruments, MarketEvent, Origin, TopOfBook,
    Trade,
};
use tickring_metrics::Counter;

use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::chain::{Chain, Resync, gap};
use crate::venue::coinbase::{
    Asks, NO_NUMBERS, TickerKeys, TickerTexts, TradeIds, TradeStanding, WITHOUT_PRICE,
    first_of_ticker, items, numbers, taker,
};
use crate::venue::listing::{Listing, Numbers};
use crate::venue::{DecodeError, Inbound, OTHER_SYMBOL, time_text};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 5] =
    ["snapshot", "l2update", "match", "last_match", "ticker"];

const SNAPSHOT: usize = 0;
const L2UPDATE: usize = 1;
pub(super) const MATCH: usize = 2;
const LAST_MATCH: usize = 3;
pub(super) const TICKER: usize = 4;

pub(super) const TICKER_KEYS: TickerKeys =
    TickerKeys { bid_quantity: "best_bid_size", ask_quantity: "best_ask_size" };

/// The book has no number.
pub(super) const NO_NUMBER: u64 = 0;

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) listing: Listing<State>,
    /// Whose book has to be subscribed to anew.
    resync: Option<usize>,
    /// Reused from message to message.
    pub(super) asks: Asks,
}

/// What is known of one product.
#[derive(Debug, Default)]
pub(super) struct State {
    chain: Chain,
    trades: TradeIds,
}

/// A message on its way.
#[derive(Clone, Copy)]
struct Message<'tape, 'text> {
    stamp: Stamp,
    root: Value<'tape, 'text>,
}

impl Decoder {
    pub(super) fn new(symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self { listing: Listing::new(symbols, instruments), resync: None, asks: Asks::default() }
    }

    /// Turns a message of this type into events. After an error what it pushed must be taken back,
    /// and [`Decoder::give_up`] must follow.
    pub(super) fn read(
        &mut self,
        kind: &str,
        (root, stamp): (Value<'_, '_>, Stamp),
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.listing.read();
        let message = Message { stamp, root };
        match kind {
            "snapshot" => self.snapshot(message, batch),
            "l2update" => self.update(message, batch),
            "match" => self.trade(message, MATCH, batch),
            "last_match" => self.trade(message, LAST_MATCH, batch),
            "ticker" => self.ticker(message, batch),
            "heartbeat" => self.heartbeat(message, batch),
            "status" => Ok(Inbound::Ignored("status")),
            _ => Ok(Inbound::Ignored("unknown_type")),
        }
    }

    /// The message in hand could not be read: a book that it was for is broken.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        let Some(position) = self.listing.take_unread() else { return };
        let origin = stamp.origin(self.listing.id(position));
        let chain = &mut self.listing.state_mut(position).chain;
        let gap = gap(GapReason::Undecoded, NO_NUMBER, NO_NUMBER);
        if chain.break_off(gap, &origin, batch) == Resync::Ask {
            self.resync = Some(position);
        }
    }

    /// The product whose book has to be subscribed to anew.
    pub(super) fn take_resync(&mut self) -> Option<(InstrumentId, &str)> {
        let position = self.resync.take()?;
        Some((self.listing.id(position), self.listing.instrument(position).symbol()))
    }

    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.listing.read();
        for listed in self.listing.listed_mut() {
            listed.state.chain.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    fn snapshot(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let root = message.root;
        let Some(position) = self.position(root, || first_of_snapshot(root))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.listing.reads(position);
        let origin = self.origin(message, position, NO_NUMBER, batch);
        let [bids, asks] = [items(root.need("bids")?, "bids")?, items(root.need("asks")?, "asks")?];
        batch.reserve_levels(bids.count_left() + asks.count_left());
        let instrument = self.listing.instrument(position);
        let mut run = batch.depth(origin, Flags::SNAPSHOT);
        for level in bids {
            run.bid(pair(level, "bids")?.level(instrument, "bids")?);
        }
        for level in asks {
            run.ask(pair(level, "asks")?.level(instrument, "asks")?);
        }
        run.finish();
        self.listing.state_mut(position).chain.seed(NO_NUMBER);
        self.listing.read();
        Ok(Inbound::Data(SNAPSHOT))
    }

    fn update(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let root = message.root;
        let Some(position) = self.position(root, || first_change(root))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.listing.reads(position);
        let origin = self.origin(message, position, NO_NUMBER, batch);
        let from = batch.len();
        push_changes(root, (origin, self.listing.instrument(position)), &mut self.asks, batch)?;
        self.listing.read();
        Ok(self.take_update(position, from, batch))
    }

    /// Changes of a book were read, into the batch's events from `from` on.
    pub(super) fn take_update(
        &mut self,
        position: usize,
        from: usize,
        batch: &mut EventBatch,
    ) -> Inbound {
        let chain = &mut self.listing.state_mut(position).chain;
        if chain.last().is_none() && chain.skip(from, batch) == Resync::Ask {
            self.resync = Some(position);
        }
        Inbound::Data(L2UPDATE)
    }

    fn trade(
        &mut self,
        message: Message<'_, '_>,
        kind: usize,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let root = message.root;
        let numbers = || numbers(root, "price", "size");
        let Some(position) = self.position(root, numbers)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let level = numbers()?.level(self.listing.instrument(position), "size")?;
        let sequence = root.get("sequence").and_then(Value::whole).unwrap_or(NO_NUMBER);
        let id = root.need_whole("trade_id")?;
        let origin = self.origin(message, position, sequence, batch);
        let trade = Trade {
            price: level.price,
            quantity: level.quantity,
            taker: taker(root.get("side").and_then(Value::text), batch),
            trade_id: Some(id),
        };
        Ok(self.take_trade((position, kind), (id, trade), &origin, batch))
    }

    /// A trade was read.
    pub(super) fn take_trade(
        &mut self,
        (position, kind): (usize, usize),
        (id, trade): (u64, Trade),
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Inbound {
        let trades = &mut self.listing.state_mut(position).trades;
        let standing = trades.standing(id);
        trades.accept(id);
        match standing {
            TradeStanding::Next => {}
            TradeStanding::Jump { expected, missing } => {
                push_missing(Missing { expected, received: id, count: missing }, origin, batch);
            }
            TradeStanding::Late => batch.count(Counter::Reordered, 1),
            TradeStanding::Repeated => {
                batch.count(Counter::Duplicated, 1);
                return Inbound::Data(kind);
            }
        }
        batch.push(MarketEvent::trade(origin, trade));
        Inbound::Data(kind)
    }

    fn ticker(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let root = message.root;
        let first = || first_of_ticker(root, TICKER_KEYS);
        let Some(position) = self.position(root, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let told = TickerTexts::read(root, TICKER_KEYS)?;
        let top = told.top(TICKER_KEYS, self.listing.instrument(position))?;
        if top == TopOfBook::default() {
            return Ok(Inbound::Ignored(WITHOUT_PRICE));
        }
        let sequence = root.get("sequence").and_then(Value::whole).unwrap_or(NO_NUMBER);
        let origin = self.origin(message, position, sequence, batch);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(Inbound::Data(TICKER))
    }

    /// A life sign that also tells the last trade of its product.
    fn heartbeat(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let root = message.root;
        let told = root.need_whole("last_trade_id")?;
        let Some(position) = self.listing.known(root.need_text("product_id")?) else {
            return Ok(Inbound::Pong);
        };
        let trades = &mut self.listing.state_mut(position).trades;
        // Without a match there is nothing to compare with: nobody may have subscribed to them.
        if let Some(last) = trades.last()
            && told > last
        {
            trades.told(told);
            let sequence = root.get("sequence").and_then(Value::whole).unwrap_or(NO_NUMBER);
            let origin = self.origin(message, position, sequence, batch);
            let missing = Missing { expected: last + 1, received: told, count: told - last };
            push_missing(missing, &origin, batch);
        }
        Ok(Inbound::Pong)
    }

    /// Whose a message is; `None` for a product that nobody wants.
    fn position<'text>(
        &mut self,
        root: Value<'_, '_>,
        first: impl FnOnce() -> Result<Numbers<'text>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        self.listing.position_of(root.need_text("product_id")?, first)
    }

    fn origin(
        &self,
        message: Message<'_, '_>,
        position: usize,
        sequence: u64,
        batch: &mut EventBatch,
    ) -> Origin {
        let id: InstrumentId = self.listing.id(position);
        let mut origin = message.stamp.origin(id);
        origin.venue_time_ns = time_text::from_rfc3339(message.root.get("time"), batch);
        origin.venue_sequence = sequence;
        origin
    }
}

/// Trades that did not come.
#[derive(Clone, Copy, Debug)]
struct Missing {
    expected: u64,
    received: u64,
    count: u64,
}

/// Says that trades are missing; the book is none the worse for it.
fn push_missing(missing: Missing, origin: &Origin, batch: &mut EventBatch) {
    let Missing { expected, received, count } = missing;
    let reason = GapReason::Sequence;
    let gap = Gap { reason, expected, received, missing: count, breaks_book: false };
    batch.push(MarketEvent::gap(origin, gap));
    batch.count(Counter::Missing, count);
}

/// `["price","size"]`.
fn pair<'text>(
    value: Value<'_, 'text>,
    field: &'static str,
) -> Result<Numbers<'text>, DecodeError> {
    let (price, quantity) = value.pair(field)?;
    Ok(Numbers { price, quantity })
}

/// `["buy","price","size"]`.
fn change<'text>(value: Value<'_, 'text>) -> Result<(&'text str, Numbers<'text>), DecodeError> {
    let wrong = DecodeError::WrongType { field: "changes" };
    let mut texts = value.items().ok_or(wrong)?;
    let side = texts.next().and_then(Value::text).ok_or(wrong)?;
    let (Some(price), Some(quantity)) = (texts.next(), texts.next()) else { return Err(wrong) };
    let [price, quantity] = [price.decimal("changes")?, quantity.decimal("changes")?];
    Ok((side, Numbers { price, quantity }))
}

fn first_of_snapshot<'text>(root: Value<'_, 'text>) -> Result<Numbers<'text>, DecodeError> {
    for field in ["bids", "asks"] {
        if let Some(level) = items(root.need(field)?, field)?.next() {
            return pair(level, field);
        }
    }
    Ok(NO_NUMBERS)
}

fn first_change<'text>(root: Value<'_, 'text>) -> Result<Numbers<'text>, DecodeError> {
    let first = items(root.need("changes")?, "changes")?.next();
    first.map_or(Ok(NO_NUMBERS), |it| Ok(change(it)?.1))
}

fn push_changes(
    root: Value<'_, '_>,
    (origin, instrument): (Origin, &Instrument),
    asks: &mut Asks,
    batch: &mut EventBatch,
) -> Result<(), DecodeError> {
    let asks = asks.start();
    let mut run = batch.depth(origin, Flags::NONE);
    for value in items(root.need("changes")?, "changes")? {
        let (side, numbers) = change(value)?;
        let level = numbers.level(instrument, "changes")?;
        match side {
            "buy" => run.bid(level),
            "sell" => asks.push(level),
            _ => return Err(DecodeError::WrongType { field: "changes" }),
        }
    }
    asks.iter().for_each(|&level| run.ask(level));
    run.finish();
    Ok(())
}
