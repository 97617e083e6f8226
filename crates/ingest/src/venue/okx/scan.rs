//! Books, tops, trades and tickers straight from their text.

use tickring_event::{Flags, MarketEvent, NumberText, Origin, TopOfBook, Trade};

use super::decode::{BBO, BOOKS5, Decoder, TICKER, TRADE, Told};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::{Scanner, level};
use crate::venue::checked::unsigned_checksum;
use crate::venue::time_text::ms_to_ns;
use crate::venue::{Inbound, taker};

/// A message that was read to its end.
enum Scanned {
    /// Its levels are in [`Decoder::sides`].
    Book(Told),
    /// The same, of the best levels.
    Picture(Origin),
    /// Its events are in the batch.
    Pushed(usize),
}

/// The numbers of a depth message.
#[derive(Default)]
struct Numbers {
    time_ms: Option<u64>,
    checksum: Option<i64>,
    previous: Option<i64>,
    last: Option<i64>,
}

impl Decoder {
    /// Turns a message into events, as [`Decoder::read`]; `None` leaves everything as it was, for that one
    /// to read it. [`Decoder::ask`] must follow.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let from = batch.len();
        let (position, scanned) = self.message(&mut text, stamp, batch)?;
        text.is_at_end().then_some(())?;
        let kind = match scanned {
            Scanned::Book(told) => self.take_book(position, &told, batch),
            Scanned::Picture(origin) => {
                self.sides.push(origin, Flags::SNAPSHOT, batch);
                self.depths[position].picture(origin.venue_sequence, from, batch);
                BOOKS5
            }
            Scanned::Pushed(kind) => kind,
        };
        Some(Inbound::Data(kind))
    }

    /// Whose message it is, and what it says, if its members come in the usual order.
    fn message(
        &mut self,
        text: &mut Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<(usize, Scanned)> {
        text.enter()?;
        text.is_called(b"arg").then_some(())?;
        let (channel, symbol) = argument(text)?;
        text.separator()?;
        let mut action = None::<&[u8]>;
        text.member(b"action", &mut action)?;
        text.is_called(b"data").then_some(())?;
        let position = self.listing.known(symbol)?;
        let origin = stamp.origin(self.listing.id(position));
        let scanned = match (channel, action) {
            (b"books" | b"books-l2-tbt" | b"books50-l2-tbt", Some(b"update")) => {
                Scanned::Book(self.update_of(text, position, origin)?)
            }
            (b"books5", _) => {
                self.sides.start(None);
                Scanned::Picture(self.depth_of(text, position, origin)?.0)
            }
            (b"bbo-tbt", _) => {
                self.best_of(text, position, origin, batch)?;
                Scanned::Pushed(BBO)
            }
            (b"trades" | b"trades-all", _) => {
                let from = batch.len();
                text.items(|data| self.trade_of(data, position, origin, batch))?;
                (batch.len() > from).then_some(())?;
                Scanned::Pushed(TRADE)
            }
            (b"tickers", _) => {
                text.only_item(|data| self.ticker_of(data, position, origin, batch))?;
                Scanned::Pushed(TICKER)
            }
            _ => return None,
        };
        text.separator()?;
        (!text.is_inside()?).then_some((position, scanned))
    }

    fn update_of(
        &mut self,
        text: &mut Scanner<'_>,
        position: usize,
        origin: Origin,
    ) -> Option<Told> {
        self.sides.start(self.depths[position].form());
        let (origin, numbers) = self.depth_of(text, position, origin)?;
        let checksum = numbers.checksum.map_or(Some(None), unsigned_checksum)?;
        let numbers = (numbers.previous, numbers.last);
        Some(Told { origin, is_snapshot: false, numbers, checksum })
    }

    /// Reads levels into [`Decoder::sides`], and when and as which number they were sent.
    fn depth_of(
        &mut self,
        text: &mut Scanner<'_>,
        position: usize,
        mut origin: Origin,
    ) -> Option<(Origin, Numbers)> {
        let Self { listing, sides, .. } = self;
        let instrument = listing.instrument(position);
        let (mut numbers, [mut bids, mut asks]) = (Numbers::default(), [None; 2]);
        text.only_item(|data| {
            data.enter()?;
            while data.is_inside()? {
                let place = data.place();
                data.member_by(b"asks", &mut asks, |list| {
                    sides.scan_asks(list, instrument, |it| it.pair().map(Into::into))
                })?;
                data.member_by(b"bids", &mut bids, |list| {
                    sides.scan_bids(list, instrument, |it| it.pair().map(Into::into))
                })?;
                data.member(b"ts", &mut numbers.time_ms)?;
                data.member(b"checksum", &mut numbers.checksum)?;
                data.member(b"prevSeqId", &mut numbers.previous)?;
                data.member(b"seqId", &mut numbers.last)?;
                data.pass_over(place)?;
            }
            bids.or(asks)
        })?;
        origin.venue_time_ns = ms_to_ns(Some(numbers.time_ms?))?;
        origin.venue_sequence = numbers.last.and_then(|it| u64::try_from(it).ok()).unwrap_or(0);
        Some((origin, numbers))
    }

    fn best_of(
        &mut self,
        text: &mut Scanner<'_>,
        position: usize,
        origin: Origin,
        batch: &mut EventBatch,
    ) -> Option<()> {
        self.sides.start(None);
        let (origin, _) = self.depth_of(text, position, origin)?;
        let (bid, ask) = self.sides.first();
        let top = TopOfBook::of(bid, ask);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Some(())
    }

    fn trade_of(
        &self,
        data: &mut Scanner<'_>,
        position: usize,
        mut origin: Origin,
        batch: &mut EventBatch,
    ) -> Option<()> {
        let [mut price, mut quantity] = [None; 2];
        let [mut trade_id, mut time_ms, mut number] = [None::<u64>; 3];
        let mut taker = None;
        data.enter()?;
        while data.is_inside()? {
            let place = data.place();
            data.skip(b"instId")?;
            data.member(b"tradeId", &mut trade_id)?;
            data.member(b"px", &mut price)?;
            data.member(b"sz", &mut quantity)?;
            data.member_by(b"side", &mut taker, |data| taker::of_word(data.string()?))?;
            data.member(b"ts", &mut time_ms)?;
            data.member(b"seqId", &mut number)?;
            data.pass_over(place)?;
        }
        let level = level(self.listing.instrument(position), price?, quantity?)?;
        origin.venue_time_ns = ms_to_ns(Some(time_ms?))?;
        origin.venue_sequence = number.filter(|it| *it > 0).or(trade_id).unwrap_or(0);
        let taker = Some(taker?);
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(&origin, trade));
        Some(())
    }

    fn ticker_of(
        &self,
        data: &mut Scanner<'_>,
        position: usize,
        mut origin: Origin,
        batch: &mut EventBatch,
    ) -> Option<()> {
        let [mut last, mut bid, mut bid_size, mut ask, mut ask_size] = [None::<NumberText<'_>>; 5];
        let [mut time_ms, mut number] = [None::<u64>; 2];
        data.enter()?;
        while data.is_inside()? {
            let place = data.place();
            data.skip(b"instType")?;
            data.skip(b"instId")?;
            data.member(b"last", &mut last)?;
            data.skip(b"lastSz")?;
            data.member(b"askPx", &mut ask)?;
            data.member(b"askSz", &mut ask_size)?;
            data.member(b"bidPx", &mut bid)?;
            data.member(b"bidSz", &mut bid_size)?;
            data.member(b"ts", &mut time_ms)?;
            data.member(b"seqId", &mut number)?;
            data.pass_over(place)?;
        }
        // Of the rest the general reader knows what is missing.
        let instrument = self.listing.instrument(position);
        let (bid, ask) = (level(instrument, bid?, bid_size?)?, level(instrument, ask?, ask_size?)?);
        let last_price = Some(instrument.price(last?).ok()?);
        let top = TopOfBook { last_price, ..TopOfBook::of(Some(bid), Some(ask)) };
        origin.venue_time_ns = ms_to_ns(Some(time_ms?))?;
        origin.venue_sequence = number.unwrap_or(0);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Some(())
    }
}

/// The channel and the instrument of a message.
#[inline(always)]
fn argument<'text>(text: &mut Scanner<'text>) -> Option<(&'text [u8], &'text str)> {
    let (mut channel, mut symbol) = (None, None);
    text.enter()?;
    while text.is_inside()? {
        let place = text.place();
        text.member(b"channel", &mut channel)?;
        text.member(b"instId", &mut symbol)?;
        text.pass_over(place)?;
    }
    Some((channel?, symbol?))
}
