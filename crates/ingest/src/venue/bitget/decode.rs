//! Message shapes of Bitget v2, and the events they become.

use std::sync::Arc;

use tickring_event::{Flags, InstrumentId, Instruments, Origin};

use super::sequence::{Depth, Update};
use super::subscribe::{PRODUCT, Subscriptions};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::candle::interval_ns;
use crate::venue::chain::Resync;
use crate::venue::checked::{
    DepthMessage, Sides, expect_texts, first_numbers, sides, signed_checksum,
};
use crate::venue::listing::{Listing, Numbers};
use crate::venue::subscription::Subscription;
use crate::venue::{Checks, DecodeError, Inbound, OTHER_SYMBOL};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 6] =
    ["book_snapshot", "book_update", "best_levels", "trade", "ticker", "candle"];

const BOOK_SNAPSHOT: usize = 0;
const BOOK_UPDATE: usize = 1;
const BEST_LEVELS: usize = 2;
pub(super) const TRADE: usize = 3;
pub(super) const TICKER: usize = 4;
pub(super) const CANDLE: usize = 5;

const NS_PER_MS: u64 = 1_000_000;

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) listing: Listing<()>,
    subscriptions: Subscriptions,
    /// By position in the listing.
    pub(super) markets: Vec<Market>,
    /// Whose book the frame in hand is about.
    touched: Option<Touched>,
    /// Whose book the frame in hand made wanted.
    wish: Option<usize>,
    /// The highest number of the trades in the frame in hand, and whose they are.
    pub(super) newest_trade: Option<(usize, u64)>,
    sides: Sides,
}

/// One instrument.
#[derive(Debug)]
pub(super) struct Market {
    depth: Depth,
    /// The highest number of its trades. It goes on over reconnects.
    pub(super) last_trade: Option<u64>,
}

/// Which channel a message is of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stream {
    /// The whole book, or a change of it.
    Book,
    /// The best levels.
    Picture,
    Trade,
    Ticker,
    Candle {
        interval_ns: i64,
    },
}

#[derive(Clone, Copy, Debug)]
struct Touched {
    position: usize,
    is_picture: bool,
    /// There was a book before the frame in hand.
    was_live: bool,
}

/// Whose message it is, when the frame came, and when the venue sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'text> {
    pub(super) stamp: Stamp,
    symbol: &'text str,
    is_snapshot: Option<bool>,
    sent_ms: Option<u64>,
}

impl Market {
    fn new() -> Self {
        Self { depth: Depth::new(), last_trade: None }
    }
}

impl Decoder {
    pub(super) fn new(subscription: Subscription, instruments: Arc<Instruments>) -> Self {
        Self {
            listing: Listing::new(&subscription.symbols, instruments),
            subscriptions: Subscriptions::new(subscription),
            markets: Vec::new(),
            touched: None,
            wish: None,
            newest_trade: None,
            sides: Sides::default(),
        }
    }

    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        self.subscriptions.open(batch);
    }

    /// Turns a frame into events. After an error what it pushed must be taken back, and
    /// [`Decoder::give_up`] must follow; [`Decoder::ask`] in any case.
    pub(super) fn read(
        &mut self,
        root: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        (self.touched, self.newest_trade) = (None, None);
        if let Some(event) = root.get("event") {
            let event = event.text().ok_or(DecodeError::WrongType { field: "event" })?;
            return self.subscriptions.answer(event, root);
        }
        let argument = root.need("arg")?;
        let stream = match Stream::of(argument.need_text("channel")?) {
            Ok(stream) => stream,
            Err(reason) => return Ok(Inbound::Ignored(reason)),
        };
        if argument.get("instType").is_some_and(|it| it.text() != Some(PRODUCT)) {
            return Ok(Inbound::Ignored("other_product"));
        }
        let message = Message {
            stamp,
            symbol: argument.need_text("instId")?,
            is_snapshot: is_snapshot(root),
            sent_ms: root.get("ts").and_then(Value::whole),
        };
        if matches!(stream, Stream::Book | Stream::Picture) {
            if let Some(position) = self.listing.known(message.symbol) {
                self.touch(position, stream);
            }
            expect_texts(root)?;
        }
        let from = batch.len();
        let inbound = self.each(root, |it, data| match stream {
            Stream::Book => it.book(message, data, batch),
            Stream::Picture => it.picture(message, data, batch),
            Stream::Trade => it.trade(message, data, batch),
            Stream::Ticker => it.ticker(message, data, batch),
            Stream::Candle { interval_ns } => it.candle(message, interval_ns, data, batch),
        })?;
        if stream == Stream::Trade {
            self.finish_trades(&mut batch.events_mut()[from..]);
        }
        Ok(inbound)
    }

    /// The frame in hand could not be read: a book that it was about is broken.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        let Some(Touched { position, is_picture, was_live }) = self.touched.take() else { return };
        let origin = stamp.origin(self.listing.id(position));
        let depth = &mut self.markets[position].depth;
        if is_picture {
            depth.picture_undecoded(&origin, batch);
        } else {
            let resync = depth.undecoded(was_live, &origin, batch);
            self.want(position, resync);
        }
    }

    /// Asks for what the frame in hand made wanted.
    pub(super) fn ask(&mut self, batch: &mut EventBatch) {
        // The next frame may not be read as far as to forget it.
        self.touched = None;
        if let Some(position) = self.wish.take() {
            let (id, symbol) =
                (self.listing.id(position), self.listing.instrument(position).symbol());
            batch.command(self.subscriptions.resync(id, symbol));
        }
    }

    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for (market, listed) in self.markets.iter_mut().zip(self.listing.listed()) {
            market.depth.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    pub(super) fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        let markets = self.markets.iter().zip(self.listing.listed());
        let all = markets.map(|(market, listed)| (listed.id, market.depth.checked.checks));
        all.filter(|(_, checks)| checks.checked > 0).collect()
    }

    /// Each of a message's elements, of which `take` says what it is.
    fn each(
        &mut self,
        root: Value<'_, '_>,
        mut take: impl FnMut(&mut Self, Value<'_, '_>) -> Result<Inbound, DecodeError>,
    ) -> Result<Inbound, DecodeError> {
        let field = "data";
        let mut inbound = Inbound::Ignored("no_data");
        for element in root.need(field)?.items().ok_or(DecodeError::WrongType { field })? {
            let taken = take(self, element)?;
            if !matches!(inbound, Inbound::Data(_)) {
                inbound = taken;
            }
        }
        Ok(inbound)
    }

    fn book(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let (bids, asks) = sides(data)?;
        let Some(position) = self.position(message, || first_numbers(bids, asks))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.touch(position, Stream::Book);
        let is_snapshot = message.is_snapshot.ok_or(DecodeError::WrongType { field: "action" })?;
        let checksum = signed_checksum(data)?;
        let number = whole(data, "seq")?;
        let has_levels = [bids, asks]
            .into_iter()
            .flatten()
            .any(|side| side.items().is_some_and(|levels| levels.count_left() > 0));
        let mut origin = self.origin(message, position, data, batch);
        origin.venue_sequence = number.unwrap_or_default();
        let depth = &mut self.markets[position].depth;
        if is_snapshot {
            depth.is_written = checksum.is_some();
        }
        let from = batch.len();
        self.sides.start(depth.form());
        self.sides.read(bids, asks, self.listing.instrument(position))?;
        let read = DepthMessage { origin, is_snapshot, depth: usize::MAX };
        depth.checked.take(&read, &self.sides, batch);
        let update = Update { origin, number, has_levels, checksum, from };
        let (resync, kind) = if is_snapshot {
            (depth.snapshot(&update, batch), BOOK_SNAPSHOT)
        } else {
            (depth.update(&update, batch), BOOK_UPDATE)
        };
        self.want(position, resync);
        Ok(Inbound::Data(kind))
    }

    /// The best levels, whole each time, whatever the action is called.
    fn picture(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let (bids, asks) = sides(data)?;
        let Some(position) = self.position(message, || first_numbers(bids, asks))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        self.touch(position, Stream::Picture);
        let mut origin = self.origin(message, position, data, batch);
        origin.venue_sequence = data.get("seq").and_then(Value::whole).unwrap_or_default();
        self.sides.start(None);
        self.sides.read(bids, asks, self.listing.instrument(position))?;
        let from = batch.len();
        self.sides.push(origin, Flags::SNAPSHOT, batch);
        self.markets[position].depth.picture(origin.venue_sequence, from, batch);
        Ok(Inbound::Data(BEST_LEVELS))
    }

    fn touch(&mut self, position: usize, stream: Stream) {
        let was_live = self.markets[position].depth.is_live();
        let is_picture = stream == Stream::Picture;
        self.touched.get_or_insert(Touched { position, is_picture, was_live });
    }

    fn want(&mut self, position: usize, resync: Resync) {
        if resync == Resync::Ask {
            self.wish = Some(position);
        }
    }

    /// Whose message it is, and when the venue made it. A time that cannot be read is remarked:
    /// nothing depends on it.
    pub(super) fn origin(
        &self,
        message: Message<'_>,
        position: usize,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Origin {
        let mut origin = message.stamp.origin(self.listing.id(position));
        let time_ms = data.get("ts").and_then(Value::whole).or(message.sent_ms);
        let time_ns = time_ms.and_then(|it| it.checked_mul(NS_PER_MS));
        if time_ns.is_none() {
            batch.remark("no_timestamp");
        }
        origin.venue_time_ns = time_ns.unwrap_or_default();
        origin
    }

    pub(super) fn position<'a>(
        &mut self,
        message: Message<'_>,
        first: impl FnOnce() -> Result<Numbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        let position = self.listing.position_of(message.symbol, first)?;
        let count = self.listing.listed().len();
        if self.markets.len() < count {
            self.markets.resize_with(count, Market::new);
        }
        Ok(position)
    }
}

impl Message<'_> {
    /// What it holds was there before the subscription.
    pub(super) fn is_past(&self) -> bool {
        self.is_snapshot == Some(true)
    }
}

impl Stream {
    /// # Errors
    /// Why nothing of the channel is used.
    fn of(channel: &str) -> Result<Self, &'static str> {
        match channel {
            "books" => Ok(Self::Book),
            "books1" | "books5" | "books15" => Ok(Self::Picture),
            "trade" => Ok(Self::Trade),
            "ticker" => Ok(Self::Ticker),
            _ => {
                let interval = channel.strip_prefix("candle").ok_or("unknown_channel")?;
                let interval_ns = interval_ns(interval).filter(|it| *it > 0);
                interval_ns
                    .map(|interval_ns| Self::Candle { interval_ns })
                    .ok_or("unknown_interval")
            }
        }
    }
}

/// What the action of a message says; `None` where it says neither.
fn is_snapshot(root: Value<'_, '_>) -> Option<bool> {
    match root.get("action").and_then(Value::text) {
        Some("snapshot") => Some(true),
        Some("update") => Some(false),
        _ => None,
    }
}

/// A whole number that may be left out.
fn whole(data: Value<'_, '_>, field: &'static str) -> Result<Option<u64>, DecodeError> {
    let Some(value) = data.get(field) else { return Ok(None) };
    value.whole().map(Some).ok_or(DecodeError::WrongType { field })
}
