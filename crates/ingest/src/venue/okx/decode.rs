//! Message shapes of OKX v5, and the events they become.

use std::sync::Arc;

use tickring_event::{Flags, InstrumentId, Instruments, Origin};

use super::sequence::{Depth, Link, Update, Wish};
use super::subscribe::{Answer, Subscriptions, fetch};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::answers::kept_words;
use crate::venue::candle::interval_ns;
use crate::venue::chain::Chain;
use crate::venue::checked::{
    DepthMessage, Sides, expect_texts, first_numbers, integer, sides, signed_checksum,
};
use crate::venue::listing::{Listing, Numbers};
use crate::venue::subscription::Subscription;
use crate::venue::{Action, Checks, DecodeError, Inbound, OTHER_SYMBOL, Refusal};

/// What the indexes below count.
pub(super) const MESSAGE_KINDS: [&str; 8] = [
    "book_snapshot",
    "book_update",
    "books5",
    "bbo",
    "trade",
    "ticker",
    "candle",
    "fetched_snapshot",
];

const BOOK_SNAPSHOT: usize = 0;
const BOOK_UPDATE: usize = 1;
pub(super) const BOOKS5: usize = 2;
pub(super) const BBO: usize = 3;
pub(super) const TRADE: usize = 4;
pub(super) const TICKER: usize = 5;
pub(super) const CANDLE: usize = 6;
const FETCHED_SNAPSHOT: usize = 7;

const NS_PER_MS: u64 = 1_000_000;

/// From parsed frames to events.
#[derive(Debug)]
pub(super) struct Decoder {
    pub(super) listing: Listing<()>,
    subscriptions: Subscriptions,
    /// By position in the listing.
    pub(super) depths: Vec<Depth>,
    /// Whose books the frame in hand is about.
    touched: Vec<(usize, Reading, Chain)>,
    /// What the frame in hand made wanted.
    wishes: Vec<(usize, Wish)>,
    pub(super) sides: Sides,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reading {
    /// The whole book, or a change of it.
    Book,
    /// The best levels.
    Picture,
    /// What was asked for over HTTP.
    Fetched,
}

/// Whose messages these are, and when the frame came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'text> {
    pub(super) stamp: Stamp,
    symbol: &'text str,
}

/// A message of the book, beside its levels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    pub(super) origin: Origin,
    pub(super) is_snapshot: bool,
    /// `prevSeqId` and `seqId`.
    pub(super) numbers: (Option<i64>, Option<i64>),
    pub(super) checksum: Option<u32>,
}

impl Decoder {
    pub(super) fn new(subscription: Subscription, instruments: Arc<Instruments>) -> Self {
        Self {
            listing: Listing::new(&subscription.symbols, instruments),
            subscriptions: Subscriptions::new(subscription),
            depths: Vec::new(),
            touched: Vec::new(),
            wishes: Vec::new(),
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
        self.touched.clear();
        if let Some(event) = root.get("event") {
            let event = event.text().ok_or(DecodeError::WrongType { field: "event" })?;
            return self.answer(event, root, batch);
        }
        if root.get("snapshot").is_some() {
            let symbol = root.need_text("snapshot")?;
            return self.fetched(Message { stamp, symbol }, root, batch);
        }
        let argument = root.need("arg")?;
        let channel = argument.need_text("channel")?;
        let interval_ns = match (channel, channel.strip_prefix("candle")) {
            ("books" | "books-l2-tbt" | "books50-l2-tbt" | "books5" | "bbo-tbt", _)
            | ("trades" | "trades-all" | "tickers", _) => 0,
            (_, Some(interval)) => match interval_ns(interval) {
                Some(interval_ns) => interval_ns,
                None => return Ok(Inbound::Ignored("unknown_interval")),
            },
            _ => return Ok(Inbound::Ignored("unknown_channel")),
        };
        let message = Message { stamp, symbol: argument.need_text("instId")? };
        let action = root.get("action");
        if channel.starts_with("books") {
            expect_texts(root)?;
        }
        self.each(root, |it, data| match channel {
            "books5" => it.picture(message, data, batch),
            "bbo-tbt" => it.bbo(message, data, batch),
            "trades" | "trades-all" => it.trade(message, data, batch),
            "tickers" => it.ticker(message, data, batch),
            _ if interval_ns > 0 => it.candle(message, interval_ns, data, batch),
            _ => it.book(message, action, data, batch),
        })
    }

    /// The frame in hand is about this book.
    fn touch(&mut self, position: usize, reading: Reading) {
        if !self.touched.iter().any(|it| it.0 == position) {
            self.touched.push((position, reading, self.depths[position].checked.chain));
        }
    }

    /// The frame in hand could not be read: the books it was about are broken.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for &(position, reading, before) in &self.touched {
            let origin = stamp.origin(self.listing.id(position));
            let depth = &mut self.depths[position];
            // What the frame said of it before was taken back, a gap as well.
            depth.checked.chain = before;
            match reading {
                Reading::Book => self.wishes.push((position, depth.undecoded(&origin, batch))),
                Reading::Picture => depth.picture_undecoded(&origin, batch),
                // The source asks again.
                Reading::Fetched => {}
            }
        }
        self.touched.clear();
    }

    /// Asks for what the frame in hand made wanted, once each.
    pub(super) fn ask(&mut self, batch: &mut EventBatch) {
        for at in 0..self.wishes.len() {
            let (position, wish) = self.wishes[at];
            if self.wishes[..at].contains(&(position, wish)) {
                continue;
            }
            let (id, symbol) =
                (self.listing.id(position), self.listing.instrument(position).symbol());
            match wish {
                Wish::Nothing => {}
                Wish::Resync => batch.command(self.subscriptions.resync(id, symbol)),
                Wish::Fetch => batch.command(fetch(id, symbol)),
            }
        }
        self.wishes.clear();
        // The next frame may not be read as far as to forget it.
        self.touched.clear();
    }

    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for (depth, listed) in self.depths.iter_mut().zip(self.listing.listed()) {
            depth.disconnected(&stamp.origin(listed.id), batch);
        }
    }

    pub(super) fn finish(&mut self, batch: &mut EventBatch) {
        self.depths.iter_mut().for_each(|depth| depth.finish(batch));
    }

    pub(super) fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        let depths = self.depths.iter().zip(self.listing.listed());
        let all = depths.map(|(depth, listed)| (listed.id, depth.checked.checks));
        all.filter(|(_, checks)| checks.checked > 0).collect()
    }

    fn answer(
        &mut self,
        event: &str,
        root: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        Ok(match self.subscriptions.answer(event, root, batch)? {
            Answer::Inbound(inbound) => inbound,
            Answer::Resubscribed(inbound, symbol) => {
                // One that was never seen has no book to start over.
                let known = self.listing.position_of(symbol, || Err(DecodeError::UnknownSymbol));
                if let Ok(Some(position)) = known {
                    self.depths[position].resubscribed();
                }
                inbound
            }
        })
    }

    /// Each of a message's elements, of which `take` says what it is; `None` where nobody wants it.
    fn each(
        &mut self,
        root: Value<'_, '_>,
        mut take: impl FnMut(&mut Self, Value<'_, '_>) -> Result<Option<usize>, DecodeError>,
    ) -> Result<Inbound, DecodeError> {
        let field = "data";
        let mut inbound = Inbound::Ignored("no_data");
        for element in root.need(field)?.items().ok_or(DecodeError::WrongType { field })? {
            match take(self, element)? {
                Some(kind) => inbound = Inbound::Data(kind),
                None if matches!(inbound, Inbound::Data(_)) => {}
                None => inbound = Inbound::Ignored(OTHER_SYMBOL),
            }
        }
        Ok(inbound)
    }

    fn book(
        &mut self,
        message: Message<'_>,
        action: Option<Value<'_, '_>>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Option<usize>, DecodeError> {
        let (bids, asks) = sides(data)?;
        let Some(position) = self.position(message, || first_numbers(bids, asks))? else {
            return Ok(None);
        };
        self.touch(position, Reading::Book);
        let previous = integer(data, "prevSeqId")?;
        let is_snapshot = match action.map(|it| it.text()) {
            Some(Some("snapshot")) => true,
            Some(Some("update")) => false,
            // Its first message has no message before it.
            None => previous == Some(-1),
            Some(_) => return Err(DecodeError::WrongType { field: "action" }),
        };
        let numbers = (previous, integer(data, "seqId")?);
        let checksum = signed_checksum(data)?;
        let origin = self.origin(message, position, data, batch);
        if is_snapshot {
            self.depths[position].is_written = checksum.is_some();
        }
        self.sides.start(self.depths[position].form());
        self.sides.read(bids, asks, self.listing.instrument(position))?;
        let told = Told { origin, is_snapshot, numbers, checksum };
        Ok(Some(self.take_book(position, &told, batch)))
    }

    /// A message of the book was read to its end, its levels into [`Decoder::sides`]. Tells its kind.
    pub(super) fn take_book(
        &mut self,
        position: usize,
        told: &Told,
        batch: &mut EventBatch,
    ) -> usize {
        let &Told { origin, is_snapshot, numbers: (previous, last), checksum } = told;
        let last = last.and_then(|it| u64::try_from(it).ok());
        // An update that says it is the first is linked to nothing.
        let previous = previous.map(|it| u64::try_from(it).unwrap_or_default());
        let link = previous.zip(last).map(|(previous, last)| Link { previous, last });
        let update = Update { origin, link, checksum, from: batch.len() };
        let depth = &mut self.depths[position];
        let message = DepthMessage { origin, is_snapshot, depth: usize::MAX };
        depth.checked.take(&message, &self.sides, batch);
        let wish = if is_snapshot {
            depth.snapshot(last.unwrap_or_default(), &update, batch)
        } else {
            depth.update(&update, batch)
        };
        self.wishes.push((position, wish));
        if is_snapshot { BOOK_SNAPSHOT } else { BOOK_UPDATE }
    }

    /// `books5`: the best levels, whole each time.
    fn picture(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Option<usize>, DecodeError> {
        let (bids, asks) = sides(data)?;
        let Some(position) = self.position(message, || first_numbers(bids, asks))? else {
            return Ok(None);
        };
        self.touch(position, Reading::Picture);
        let origin = self.origin(message, position, data, batch);
        let from = batch.len();
        self.push_snapshot(position, origin, (bids, asks), batch)?;
        self.depths[position].picture(origin.venue_sequence, from, batch);
        Ok(Some(BOOKS5))
    }

    /// A book that was asked for over HTTP.
    fn fetched(
        &mut self,
        message: Message<'_>,
        root: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let known = self.listing.position_of(message.symbol, || Err(DecodeError::UnknownSymbol));
        if let Ok(Some(position)) = known {
            self.touch(position, Reading::Fetched);
        }
        let body = root.need("body")?;
        let code = body.get("code").and_then(Value::integer).unwrap_or_default();
        if code != 0 {
            // The source asks again.
            let words = body.get("msg").and_then(Value::text).unwrap_or_default();
            let text = format!("{words}; the book of {}", message.symbol);
            let message = kept_words(&text);
            let action = Action::Continue;
            return Ok(Inbound::from(Refusal { code, message, action, complete: false }));
        }
        let field = "data";
        let mut list = body.need(field)?.items().ok_or(DecodeError::WrongType { field })?;
        let data = list.next().ok_or(DecodeError::MissingField { field })?;
        let (bids, asks) = sides(data)?;
        let Some(position) = self.position(message, || first_numbers(bids, asks))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let last = data.need_whole("seqId")?;
        let origin = self.origin(message, position, data, batch);
        let from = batch.len();
        self.push_snapshot(position, origin, (bids, asks), batch)?;
        let wish = self.depths[position].fetched(last, from, batch);
        self.wishes.push((position, wish));
        Ok(Inbound::Data(FETCHED_SNAPSHOT))
    }

    fn push_snapshot(
        &mut self,
        position: usize,
        origin: Origin,
        (bids, asks): (Option<Value<'_, '_>>, Option<Value<'_, '_>>),
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        self.sides.start(None);
        self.sides.read(bids, asks, self.listing.instrument(position))?;
        self.sides.push(origin, Flags::SNAPSHOT, batch);
        Ok(())
    }

    /// Whose message it is, when the venue made it, and its number. A time that cannot be read is
    /// remarked: nothing depends on it.
    pub(super) fn origin(
        &self,
        message: Message<'_>,
        position: usize,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Origin {
        let mut origin = message.stamp.origin(self.listing.id(position));
        let time = data.get("ts").and_then(Value::whole);
        let time_ns = time.and_then(|it| it.checked_mul(NS_PER_MS));
        if time_ns.is_none() {
            batch.remark("no_timestamp");
        }
        origin.venue_time_ns = time_ns.unwrap_or_default();
        origin.venue_sequence = data.get("seqId").and_then(Value::whole).unwrap_or_default();
        origin
    }

    pub(super) fn position<'a>(
        &mut self,
        message: Message<'_>,
        first: impl FnOnce() -> Result<Numbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        let position = self.listing.position_of(message.symbol, first)?;
        let count = self.listing.listed().len();
        if self.depths.len() < count {
            self.depths.resize_with(count, Depth::new);
        }
        Ok(position)
    }
}
