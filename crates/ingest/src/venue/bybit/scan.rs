//! Messages of topics straight from their text.

use tickring_event::{MarketEvent, Trade};

use super::decode::{Decoder, KLINE, PUBLIC_TRADE};
use super::fields::{BarTexts, Form, Told, side};
use super::sequence::Update;
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::{Scanner, level};
use crate::venue::{Inbound, time_text};

/// The members of a message beside its topic and what is in its `data`.
#[derive(Default)]
struct Envelope {
    form: Option<Form>,
    time_ms: Option<u64>,
    /// Of the matching engine.
    matched_ms: Option<u64>,
    number: Option<u64>,
}

impl Envelope {
    /// Reads the rest of a message; `read` its data, by what came before it.
    #[inline(always)]
    fn scan<'text, T>(
        mut text: Scanner<'text>,
        mut read: impl FnMut(&Self, &mut Scanner<'text>) -> Option<T>,
    ) -> Option<(Self, T)> {
        let (mut told, mut data) = (Self::default(), None);
        while text.is_inside()? {
            let place = text.place();
            // Some topics have `ts` in front of their data, some behind.
            text.member_by(b"type", &mut told.form, |text| Form::of_word(text.string()?))?;
            text.member(b"ts", &mut told.time_ms)?;
            text.member_by(b"data", &mut data, |text| read(&told, text))?;
            text.member(b"cs", &mut told.number)?;
            text.member(b"ts", &mut told.time_ms)?;
            text.member(b"cts", &mut told.matched_ms)?;
            text.lacks(b"topic")?;
            text.pass_over(place)?;
        }
        text.is_at_end().then_some((told, data?))
    }
}

impl Decoder {
    /// Turns a message of a topic into events, as [`Decoder::read`]; `None` leaves everything as it was,
    /// for that one to read it.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        text.enter()?;
        let mut form = None;
        // Bars of spot have it in front, and do not need it.
        text.member_by(b"type", &mut form, |text| Form::of_word(text.string()?))?;
        text.is_called(b"topic").then_some(())?;
        let topic = text.text()?;
        text.separator()?;
        if let Some(rest) = topic.strip_prefix("kline.") {
            let (_, position) = self.named(rest)?;
            return self.bars_of(text, position, stamp, batch);
        }
        form.is_none().then_some(())?;
        if let Some(rest) = topic.strip_prefix("tickers.") {
            let (_, position) = self.named(rest)?;
            self.ticker_of(text, position, stamp, batch)
        } else if let Some(rest) = topic.strip_prefix("publicTrade.") {
            let (_, position) = self.named(rest)?;
            self.trades_of(text, position, stamp, batch)
        } else {
            let (depth, position) = self.named(topic.strip_prefix("orderbook.")?)?;
            self.book_of(text, (position, depth.parse().ok()?), stamp, batch)
        }
    }

    /// What is between a topic's kind and its symbol, if anything, and whose it is.
    fn named<'text>(&self, rest: &'text str) -> Option<(&'text str, usize)> {
        let (variant, symbol) = rest.split_once('.').unwrap_or(("", rest));
        Some((variant, self.listing.known(symbol)?))
    }

    fn book_of(
        &mut self,
        text: Scanner<'_>,
        (position, depth): (usize, u32),
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let (instrument, from) = (self.listing.instrument(position), batch.len());
        let mut origin = stamp.origin(self.listing.id(position));
        let (told, (form, number)) = Envelope::scan(text, |told, data| {
            let form = told.form.filter(|form| self.is_book(position, depth, Some(*form)))?;
            let mut run = batch.depth(origin, form.flags());
            let (mut bids, mut asks, mut number) = (None, None, None);
            data.enter()?;
            while data.is_inside()? {
                let place = data.place();
                data.skip(b"s")?;
                data.member_by(b"b", &mut bids, |side| {
                    side.levels(instrument, |level| run.bid(level))
                })?;
                data.member_by(b"a", &mut asks, |side| {
                    side.levels(instrument, |level| run.ask(level))
                })?;
                // Bids come first.
                (asks.is_none() || bids.is_some()).then_some(())?;
                data.member(b"u", &mut number)?;
                data.pass_over(place)?;
            }
            asks?;
            run.finish();
            Some((form, number?))
        })?;
        origin.venue_time_ns = time_text::ms_to_ns(told.matched_ms.or(told.time_ms))?;
        origin.venue_sequence = number;
        batch.date(from, &origin);
        let state = self.listing.state_mut(position);
        if state.follows(depth) {
            state.follow(depth);
        }
        Some(self.take_depth((position, form, Update { depth, number }), &origin, from, batch))
    }

    fn trades_of(
        &self,
        text: Scanner<'_>,
        position: usize,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let instrument = self.listing.instrument(position);
        let origin = stamp.origin(self.listing.id(position));
        Envelope::scan(text, |_, data| {
            data.items(|data| {
                let (mut time_ms, mut taker, mut number) = (None, None, None);
                let mut id = None::<&str>;
                let [mut price, mut quantity] = [None; 2];
                data.enter()?;
                while data.is_inside()? {
                    let place = data.place();
                    data.member(b"T", &mut time_ms)?;
                    data.skip(b"s")?;
                    data.member_by(b"S", &mut taker, |data| side(data.string()?))?;
                    data.member(b"v", &mut quantity)?;
                    data.member(b"p", &mut price)?;
                    data.skip(b"L")?;
                    data.member(b"i", &mut id)?;
                    data.member(b"BT", &mut None::<bool>)?;
                    data.member(b"RPI", &mut None::<bool>)?;
                    data.member(b"seq", &mut number)?;
                    data.pass_over(place)?;
                }
                let level = level(instrument, price?, quantity?)?;
                let mut origin = origin;
                origin.venue_time_ns = time_text::ms_to_ns(time_ms)?;
                origin.venue_sequence = number.unwrap_or(0);
                let trade = Trade {
                    price: level.price,
                    quantity: level.quantity,
                    taker: Some(taker?),
                    trade_id: id.and_then(|id| id.parse().ok()),
                };
                batch.push(MarketEvent::trade(&origin, trade));
                Some(())
            })
        })?;
        Some(Inbound::Data(PUBLIC_TRADE))
    }

    fn ticker_of(
        &mut self,
        text: Scanner<'_>,
        position: usize,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let mut told = Told::default();
        let Told { bid: [bid, bid_size], ask: [ask, ask_size], last_price } = &mut told;
        let (envelope, ()) = Envelope::scan(text, |_, data| {
            data.enter()?;
            while data.is_inside()? {
                let place = data.place();
                data.skip(b"symbol")?;
                data.member(b"lastPrice", last_price)?;
                data.member(b"bid1Price", bid)?;
                data.member(b"bid1Size", bid_size)?;
                data.member(b"ask1Price", ask)?;
                data.member(b"ask1Size", ask_size)?;
                data.pass_over(place)?;
            }
            Some(())
        })?;
        let top = self.changed_top(position, envelope.form?, &told).ok()?;
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = time_text::ms_to_ns(envelope.time_ms)?;
        origin.venue_sequence = envelope.number.unwrap_or(0);
        Some(self.take_ticker(position, &top, &origin, batch))
    }

    fn bars_of(
        &self,
        text: Scanner<'_>,
        position: usize,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let instrument = self.listing.instrument(position);
        let origin = stamp.origin(self.listing.id(position));
        Envelope::scan(text, |_, data| {
            data.items(|data| {
                let [mut start, mut end, mut time_ms] = [None; 3];
                let [mut open, mut high, mut low, mut close, mut volume] = [None; 5];
                data.enter()?;
                while data.is_inside()? {
                    let place = data.place();
                    data.member(b"start", &mut start)?;
                    data.member(b"end", &mut end)?;
                    data.skip(b"interval")?;
                    data.member(b"open", &mut open)?;
                    data.member(b"close", &mut close)?;
                    data.member(b"high", &mut high)?;
                    data.member(b"low", &mut low)?;
                    data.member(b"volume", &mut volume)?;
                    data.skip(b"turnover")?;
                    data.member(b"confirm", &mut None::<bool>)?;
                    data.member(b"timestamp", &mut time_ms)?;
                    data.pass_over(place)?;
                }
                let texts = BarTexts {
                    start_ms: i64::try_from(start?).ok()?,
                    end_ms: i64::try_from(end?).ok()?,
                    prices: [open?, high?, low?, close?],
                    volume: volume?,
                };
                let mut origin = origin;
                origin.venue_time_ns = time_text::ms_to_ns(Some(time_ms?))?;
                batch.push(MarketEvent::bar(&origin, &texts.bar(instrument).ok()?));
                Some(())
            })
        })?;
        Some(Inbound::Data(KLINE))
    }
}
