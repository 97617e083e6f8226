//! Message shapes of the public streams, and the events they become.

use std::sync::Arc;

use tickring_event::{InstrumentId, Instruments, MarketEvent, Origin, TopOfBook, Trade};

use super::fields::{
    BarTexts, Form, NO_NUMBERS, Told, first_level, first_of_ticker, form, items, numbers,
    push_depth, taker,
};
use super::sequence::{State, Update};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::chain::Resync;
use crate::venue::listing::Listing;
use crate::venue::subscription::Subscription;
use crate::venue::{DecodeError, Inbound, OTHER_SYMBOL, time_text};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 4] = ["orderbook", "publicTrade", "tickers", "kline"];

const ORDERBOOK: usize = 0;
pub(super) const PUBLIC_TRADE: usize = 1;
const TICKERS: usize = 2;
pub(super) const KLINE: usize = 3;

const UNKNOWN_TOPIC: &str = "unknown_topic";

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) listing: Listing<State>,
    /// The depth that was subscribed to, where one was named.
    depth: Option<u32>,
    /// Whose ticker the message in hand is, until it was read.
    reading_ticker: Option<usize>,
    /// Whose book has to be subscribed to anew.
    resync: Option<usize>,
}

/// A message on its way.
#[derive(Clone, Copy)]
struct Message<'tape, 'text> {
    stamp: Stamp,
    root: Value<'tape, 'text>,
    symbol: &'text str,
}

impl Decoder {
    pub(super) fn new(subscription: &Subscription, instruments: Arc<Instruments>) -> Self {
        Self {
            listing: Listing::new(&subscription.symbols, instruments),
            depth: subscription.depth,
            reading_ticker: None,
            resync: None,
        }
    }

    /// Turns a message of a topic into events. After an error what it pushed must be taken back, and
    /// [`Decoder::give_up`] must follow.
    pub(super) fn read(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        self.listing.read();
        self.reading_ticker = None;
        let topic = root.need_text("topic")?;
        let Some((kind, rest)) = topic.split_once('.') else {
            return Ok(Inbound::Ignored(UNKNOWN_TOPIC));
        };
        let (variant, symbol) = rest.split_once('.').unwrap_or(("", rest));
        let message = Message { stamp, root, symbol };
        match kind {
            "orderbook" => match variant.parse() {
                Ok(depth) => self.depth(message, depth, batch),
                // `full` and `rpi`.
                Err(_) => Ok(Inbound::Ignored(UNKNOWN_TOPIC)),
            },
            "publicTrade" => self.trades(message, batch),
            "tickers" => self.ticker(message, batch),
            "kline" => self.bars(message, batch),
            _ => Ok(Inbound::Ignored(UNKNOWN_TOPIC)),
        }
    }

    /// The message in hand could not be read: its book is broken, its ticker forgotten.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        if let Some(position) = self.listing.take_unread() {
            let origin = stamp.origin(self.listing.id(position));
            let resync = self.listing.state_mut(position).give_up(&origin, batch);
            self.note(position, resync);
        }
        if let Some(position) = self.reading_ticker.take() {
            self.listing.state_mut(position).top = TopOfBook::default();
        }
    }

    /// The depth and symbol of the book that has to be subscribed to anew.
    pub(super) fn take_resync(&mut self) -> Option<(u32, InstrumentId, &str)> {
        let position = self.resync.take()?;
        let depth = self.listing.state_mut(position).followed()?;
        Some((depth, self.listing.id(position), self.listing.instrument(position).symbol()))
    }

    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for listed in self.listing.listed_mut() {
            listed.state.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    /// Whether a message of this depth is of the book, or becomes it.
    pub(super) fn is_book(&self, position: usize, depth: u32, form: Option<Form>) -> bool {
        let state = &self.listing.listed()[position].state;
        match self.depth {
            Some(own) => own == depth,
            None => {
                state.follows(depth) || (form == Some(Form::Snapshot) && state.yields_to(depth))
            }
        }
    }

    fn note(&mut self, position: usize, resync: Resync) {
        if resync == Resync::Ask {
            self.resync = Some(position);
        }
    }

    fn depth(
        &mut self,
        message: Message<'_, '_>,
        depth: u32,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Message { stamp, root, symbol } = message;
        let first = || first_level(root);
        let Some(position) = self.listing.position_of(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let form = form(root);
        if !self.is_book(position, depth, form.ok()) {
            return Ok(Inbound::Ignored("other_depth"));
        }
        let state = self.listing.state_mut(position);
        // A snapshot that cannot be read harms a book that it would have replaced only where that
        // is of its own depth.
        if state.follows(depth) {
            state.follow(depth);
            self.listing.reads(position);
        }
        let form = form?;
        let data = root.need("data")?;
        let update = Update { depth, number: data.need_whole("u")? };
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns =
            time_text::from_ms(root.get("cts").or_else(|| root.get("ts")), batch);
        origin.venue_sequence = update.number;
        let from = batch.len();
        push_depth(data, origin, form, self.listing.instrument(position), batch)?;
        self.listing.read();
        Ok(self.take_depth((position, form, update), &origin, from, batch))
    }

    /// A message of the book was read, into the batch's events from `from` on.
    pub(super) fn take_depth(
        &mut self,
        (position, form, update): (usize, Form, Update),
        origin: &Origin,
        from: usize,
        batch: &mut EventBatch,
    ) -> Inbound {
        let state = self.listing.state_mut(position);
        let resync = match form {
            Form::Snapshot => {
                state.seed(update);
                Resync::No
            }
            Form::Delta => state.delta(update, from, origin, batch),
        };
        self.note(position, resync);
        Inbound::Data(ORDERBOOK)
    }

    fn trades(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Message { stamp, root, symbol } = message;
        let trades = items(root.need("data")?, "data")?;
        let mut first = items(root.need("data")?, "data")?;
        let first = || first.next().map_or(Ok(NO_NUMBERS), |it| numbers(it, "p", "v"));
        let Some(position) = self.listing.position_of(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let instrument = self.listing.instrument(position);
        for trade in trades {
            let level = numbers(trade, "p", "v")?.level(instrument, "v")?;
            let mut origin = stamp.origin(self.listing.id(position));
            origin.venue_time_ns = time_text::from_ms(trade.get("T"), batch);
            origin.venue_sequence = trade.get("seq").and_then(Value::whole).unwrap_or(0);
            let trade = Trade {
                price: level.price,
                quantity: level.quantity,
                taker: taker(trade, batch),
                trade_id: trade.get("i").and_then(Value::whole),
            };
            batch.push(MarketEvent::trade(&origin, trade));
        }
        Ok(Inbound::Data(PUBLIC_TRADE))
    }

    fn ticker(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Message { stamp, root, symbol } = message;
        let first = || first_of_ticker(root);
        let Some(position) = self.listing.position_of(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.reading_ticker = Some(position);
        let top = self.changed_top(position, form(root)?, &Told::read(root.need("data")?)?)?;
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = time_text::from_ms(root.get("ts"), batch);
        origin.venue_sequence = root.get("cs").and_then(Value::whole).unwrap_or(0);
        self.reading_ticker = None;
        Ok(self.take_ticker(position, &top, &origin, batch))
    }

    /// The top of the book after a ticker.
    pub(super) fn changed_top(
        &self,
        position: usize,
        form: Form,
        told: &Told<'_>,
    ) -> Result<TopOfBook, DecodeError> {
        let known = match form {
            Form::Snapshot => TopOfBook::default(),
            Form::Delta => self.listing.listed()[position].state.top,
        };
        told.changed(&known, self.listing.instrument(position))
    }

    pub(super) fn take_ticker(
        &mut self,
        position: usize,
        top: &TopOfBook,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Inbound {
        self.listing.state_mut(position).top = *top;
        if *top == TopOfBook::default() {
            return Inbound::Ignored("ticker_without_price");
        }
        batch.push(MarketEvent::top_of_book(origin, top));
        Inbound::Data(TICKERS)
    }

    fn bars(
        &mut self,
        message: Message<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Message { stamp, root, symbol } = message;
        let bars = items(root.need("data")?, "data")?;
        let mut first = items(root.need("data")?, "data")?;
        let first = || first.next().map_or(Ok(NO_NUMBERS), |it| numbers(it, "open", "volume"));
        let Some(position) = self.listing.position_of(symbol, first)? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let instrument = self.listing.instrument(position);
        for bar in bars {
            let mut origin = stamp.origin(self.listing.id(position));
            let time = bar.get("timestamp").or_else(|| root.get("ts"));
            origin.venue_time_ns = time_text::from_ms(time, batch);
            batch.push(MarketEvent::bar(&origin, &BarTexts::read(bar)?.bar(instrument)?));
        }
        Ok(Inbound::Data(KLINE))
    }
}
