//! Message shapes of the market data channels, and the events they become.

use std::sync::Arc;

use tickring_event::{
    Flags, Gap, GapReason, InstrumentId, Instruments, Level, MarketEvent, Origin, TopOfBook, Trade,
};
use tickring_metrics::Counter;

use super::fields::{Reading, Whose, first_level, level_of, note_heartbeat, read_bar};
use super::sequence::{Numbering, Place, Standing};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::chain::{Chain, Resync, gap};
use crate::venue::coinbase::{
    Asks, TickerKeys, TickerTexts, TradeIds, TradeStanding, WITHOUT_PRICE, first_of_ticker, items,
    numbers, taker,
};
use crate::venue::listing::{Listing, Numbers};
use crate::venue::{DecodeError, Inbound, time_text};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 5] =
    ["l2_data", "market_trades", "ticker", "ticker_batch", "candles"];

pub(super) const L2_DATA: usize = 0;
pub(super) const MARKET_TRADES: usize = 1;
pub(super) const TICKER: usize = 2;
const TICKER_BATCH: usize = 3;
const CANDLES: usize = 4;

pub(super) const TICKER_KEYS: TickerKeys =
    TickerKeys { bid_quantity: "best_bid_quantity", ask_quantity: "best_ask_quantity" };

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) listing: Listing<State>,
    pub(super) numbering: Numbering,
    /// Whose books the message in hand may change, until it was read.
    reading: Reading,
    /// Books that have to be subscribed to anew.
    resyncs: Vec<usize>,
    /// Reused from message to message.
    pub(super) asks: Asks,
    pub(super) runs: Vec<Run>,
    pub(super) executions: Vec<Execution>,
}

/// What is known of one product.
#[derive(Debug, Default)]
pub(super) struct State {
    chain: Chain,
    trades: TradeIds,
}

/// The events of one product in a depth message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) position: usize,
    pub(super) is_snapshot: bool,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A trade on its way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Execution {
    pub(super) position: usize,
    pub(super) origin: Origin,
    pub(super) trade: Trade,
}

/// A message on its way.
#[derive(Clone, Copy)]
struct Message<'tape, 'text> {
    stamp: Stamp,
    root: Value<'tape, 'text>,
    number: u64,
}

impl Decoder {
    pub(super) fn new(symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self {
            listing: Listing::new(symbols, instruments),
            numbering: Numbering::default(),
            reading: Reading::default(),
            resyncs: Vec::new(),
            asks: Asks::default(),
            runs: Vec::new(),
            executions: Vec::new(),
        }
    }

    /// A new connection counts from 0.
    pub(super) const fn open(&mut self) {
        self.numbering.restart();
    }

    /// Takes the number of a message, before anything else of it and once. Only an error may come
    /// without one.
    pub(super) fn place(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Place, DecodeError> {
        self.reading.clear();
        let is_error = root.get("type").and_then(Value::text) == Some("error");
        if is_error && root.get("sequence_num").is_none() {
            return Ok(Place::Taken);
        }
        let number = root.need_whole("sequence_num")?;
        match self.numbering.take(number) {
            Standing::Next => {}
            Standing::Jump { expected, missing } => {
                let breaks_book = true;
                let reason = GapReason::Sequence;
                let gap = Gap { reason, expected, received: number, missing, breaks_book };
                batch.push(MarketEvent::gap(&stamp.origin(InstrumentId::NONE), gap));
                batch.count(Counter::Missing, missing);
                self.lose_books();
            }
            Standing::Restart => self.break_off(stamp, batch),
            Standing::Repeated => {
                batch.count(Counter::Duplicated, 1);
                return Ok(Place::Dropped);
            }
            Standing::Late => {
                batch.count(Counter::Reordered, 1);
                return Ok(Place::Dropped);
            }
        }
        Ok(Place::Taken)
    }

    /// Turns a message into events. After an error what it pushed must be taken back, and
    /// [`Decoder::give_up`] must follow.
    pub(super) fn read(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.reading.clear();
        let number = root.need_whole("sequence_num")?;
        let message = Message { stamp, root, number };
        match root.need_text("channel")? {
            "l2_data" => self.depth(message, batch),
            "market_trades" => self.trades(message, batch),
            "ticker" => self.tickers(message, TICKER, batch),
            "ticker_batch" => self.tickers(message, TICKER_BATCH, batch),
            "candles" => self.bars(message, batch),
            "heartbeats" => {
                note_heartbeat(root, batch);
                Ok(Inbound::Pong)
            }
            _ => Ok(Inbound::Ignored("unknown_channel")),
        }
    }

    /// The message in hand could not be read: books that it was for are broken.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        let all = if self.reading.is_any { 0..self.listing.listed().len() } else { 0..0 };
        let reading = std::mem::take(&mut self.reading);
        for position in reading.positions.iter().copied().chain(all) {
            let origin = stamp.origin(self.listing.id(position));
            let chain = &mut self.listing.state_mut(position).chain;
            // A message that may be anyone's harms the books that there are.
            if reading.is_any && chain.last().is_none() {
                continue;
            }
            let gap = gap(GapReason::Undecoded, self.numbering.last(), 0);
            let resync = chain.break_off(gap, &origin, batch);
            if resync == Resync::Ask {
                self.resyncs.push(position);
            }
        }
        self.reading = reading;
        self.reading.clear();
    }

    /// Hands out the products of all books that have to be subscribed to anew, if there are any.
    pub(super) fn take_resyncs(&mut self, ask: impl FnOnce(&[String])) {
        if self.resyncs.is_empty() {
            return;
        }
        let symbols = self.resyncs.iter().map(|&it| self.listing.instrument(it).symbol());
        // In a recording symbols are what somebody wrote.
        let is_plain = |it: &&str| it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
        let symbols: Vec<_> = symbols.filter(is_plain).map(str::to_owned).collect();
        self.resyncs.clear();
        if !symbols.is_empty() {
            ask(&symbols);
        }
    }

    /// The connection ended.
    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.break_off(stamp, batch);
        self.numbering.restart();
    }

    fn break_off(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for listed in self.listing.listed_mut() {
            listed.state.chain.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    /// Messages were lost, of whatever channel.
    fn lose_books(&mut self) {
        for position in 0..self.listing.listed().len() {
            if self.listing.state_mut(position).chain.lose() == Resync::Ask {
                self.resyncs.push(position);
            }
        }
    }

    fn depth(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.reading.is_any = true;
        self.find_books(message)?;
        self.reading.is_any = false;
        self.runs.clear();
        let mut whose = Whose::default();
        for event in items(message.root.need("events")?, "events")? {
            let position = self.position(event, || first_level(event))?;
            let Some(position) = whose.note(position) else { continue };
            // A product that was not listed before now is.
            if !self.reading.positions.contains(&position) {
                self.reading.positions.push(position);
            }
            let run = self.push_depth((message, event), position, batch)?;
            self.runs.push(run);
        }
        self.commit_all(message.number, batch);
        self.reading.clear();
        Ok(whose.inbound(L2_DATA))
    }

    /// Every book of the message was read.
    pub(super) fn commit_all(&mut self, number: u64, batch: &mut EventBatch) {
        for index in 0..self.runs.len() {
            self.commit(self.runs[index], number, batch);
        }
    }

    /// Notes the books that a message names, so that all of them break when one cannot be read.
    fn find_books(&mut self, message: Message<'_, '_>) -> Result<(), DecodeError> {
        for event in items(message.root.need("events")?, "events")? {
            let symbol = event.need_text("product_id")?;
            if let Some(position) = self.listing.known(symbol) {
                self.reading.positions.push(position);
            }
        }
        Ok(())
    }

    fn push_depth(
        &mut self,
        (message, event): (Message<'_, '_>, Value<'_, '_>),
        position: usize,
        batch: &mut EventBatch,
    ) -> Result<Run, DecodeError> {
        let is_snapshot = match event.need_text("type")? {
            "snapshot" => true,
            "update" => false,
            _ => return Err(DecodeError::WrongType { field: "type" }),
        };
        let updates = items(event.need("updates")?, "updates")?;
        let mut first = items(event.need("updates")?, "updates")?;
        let time = first.next().and_then(|it| it.get("event_time"));
        let origin = self.origin(message, position, time, batch);
        let flags = if is_snapshot { Flags::SNAPSHOT } else { Flags::NONE };
        let instrument = self.listing.instrument(position);
        let asks = self.asks.start();
        let from = batch.len();
        batch.reserve_levels(updates.count_left());
        let mut run = batch.depth(origin, flags);
        for update in updates {
            let level = level_of(update)?.level(instrument, "new_quantity")?;
            match update.need_text("side")? {
                "bid" => run.bid(level),
                "offer" | "ask" => asks.push(level),
                _ => return Err(DecodeError::WrongType { field: "side" }),
            }
        }
        asks.iter().for_each(|&level: &Level| run.ask(level));
        run.finish();
        Ok(Run { position, is_snapshot, from, to: batch.len() })
    }

    /// What a depth message does to the book, once all of it was read.
    fn commit(&mut self, run: Run, number: u64, batch: &mut EventBatch) {
        let Run { position, is_snapshot, from, to } = run;
        let chain = &mut self.listing.state_mut(position).chain;
        if is_snapshot {
            chain.seed(number);
        } else if chain.last().is_some() {
            chain.advance(number);
        } else {
            for event in &mut batch.events_mut()[from..to] {
                event.flags = event.flags.with(Flags::STALE);
            }
            if chain.skip(batch.len(), batch) == Resync::Ask {
                self.resyncs.push(position);
            }
        }
    }

    fn trades(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.executions.clear();
        let mut whose = Whose::default();
        for event in items(message.root.need("events")?, "events")? {
            for trade in items(event.need("trades")?, "trades")? {
                let numbers = || numbers(trade, "price", "size");
                let position = self.position(trade, numbers)?;
                let Some(position) = whose.note(position) else { continue };
                let level = numbers()?.level(self.listing.instrument(position), "size")?;
                let origin = self.origin(message, position, trade.get("time"), batch);
                let trade = Trade {
                    price: level.price,
                    quantity: level.quantity,
                    taker: taker(trade.get("side").and_then(Value::text), batch),
                    trade_id: trade.get("trade_id").and_then(Value::whole),
                };
                self.executions.push(Execution { position, origin, trade });
            }
        }
        self.push_trades(batch);
        Ok(whose.inbound(MARKET_TRADES))
    }

    /// Tells the trades of a message, the oldest first, without those that came before.
    pub(super) fn push_trades(&mut self, batch: &mut EventBatch) {
        let Self { executions, listing, .. } = self;
        if let (Some(first), Some(last)) = (executions.first(), executions.last())
            && first.trade.trade_id > last.trade.trade_id
        {
            executions.reverse();
        }
        for &Execution { position, origin, trade } in &*executions {
            if let Some(id) = trade.trade_id {
                let ids = &mut listing.state_mut(position).trades;
                let standing = ids.standing(id);
                if standing == TradeStanding::Repeated {
                    batch.count(Counter::Duplicated, 1);
                    continue;
                }
                ids.accept(id);
            }
            batch.push(MarketEvent::trade(&origin, trade));
        }
    }

    fn tickers(
        &mut self,
        message: Message<'_, '_>,
        kind: usize,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let mut whose = Whose::default();
        for event in items(message.root.need("events")?, "events")? {
            for ticker in items(event.need("tickers")?, "tickers")? {
                let first = || first_of_ticker(ticker, TICKER_KEYS);
                let position = self.position(ticker, first)?;
                let Some(position) = whose.note(position) else { continue };
                let told = TickerTexts::read(ticker, TICKER_KEYS)?;
                let top = told.top(TICKER_KEYS, self.listing.instrument(position))?;
                if top == TopOfBook::default() {
                    batch.remark(WITHOUT_PRICE);
                    continue;
                }
                let origin = self.origin(message, position, None, batch);
                batch.push(MarketEvent::top_of_book(&origin, &top));
            }
        }
        Ok(whose.inbound(kind))
    }

    fn bars(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let mut whose = Whose::default();
        for event in items(message.root.need("events")?, "events")? {
            for candle in items(event.need("candles")?, "candles")? {
                let first = || numbers(candle, "open", "volume");
                let position = self.position(candle, first)?;
                let Some(position) = whose.note(position) else { continue };
                let bar = read_bar(candle, self.listing.instrument(position))?;
                let origin = self.origin(message, position, None, batch);
                batch.push(MarketEvent::bar(&origin, &bar));
            }
        }
        Ok(whose.inbound(CANDLES))
    }

    /// Whose a part of a message is; `None` for a product that nobody wants.
    fn position<'text>(
        &mut self,
        part: Value<'_, '_>,
        first: impl FnOnce() -> Result<Numbers<'text>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        self.listing.position_of(part.need_text("product_id")?, first)
    }

    /// The header of an event at `time`, or at the message's own.
    fn origin(
        &self,
        message: Message<'_, '_>,
        position: usize,
        time: Option<Value<'_, '_>>,
        batch: &mut EventBatch,
    ) -> Origin {
        let mut origin = message.stamp.origin(self.listing.id(position));
        let time = time.or_else(|| message.root.get("timestamp"));
        origin.venue_time_ns = time_text::from_rfc3339(time, batch);
        origin.venue_sequence = message.number;
        origin
    }
}
