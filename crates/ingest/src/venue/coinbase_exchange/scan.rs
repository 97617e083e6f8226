//! Changes, matches and tickers straight from their text.

use tickring_event::{Flags, MarketEvent, TopOfBook, Trade};

use super::decode::{Decoder, MATCH, NO_NUMBER, TICKER, TICKER_KEYS};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::{Scanner, level};
use crate::venue::Inbound;
use crate::venue::coinbase::{TickerTexts, taker_of};
use crate::venue::time_text::leading_rfc3339;

impl Decoder {
    /// Turns a message into events, as [`Decoder::read`]; `None` leaves everything as it was, for that
    /// one to read it.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        text.enter()?;
        text.is_called(b"type").then_some(())?;
        let kind = text.string()?;
        text.separator()?;
        match kind {
            b"l2update" => self.changes(text, stamp, batch),
            b"match" => self.a_match(text, stamp, batch),
            b"ticker" => self.ticker_of(text, stamp, batch),
            _ => None,
        }
    }

    fn changes(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let Self { listing, asks, .. } = self;
        let from = batch.len();
        let (mut position, mut changes, mut time_ns) = (None, None, None);
        while text.is_inside()? {
            let place = text.place();
            text.member_by(b"product_id", &mut position, |text| listing.known(text.text()?))?;
            text.member_by(b"changes", &mut changes, |text| {
                let position = position?;
                let instrument = listing.instrument(position);
                let asks = asks.start();
                let mut run = batch.depth(stamp.origin(listing.id(position)), Flags::NONE);
                text.items(|text| {
                    let (side, level) = text.tagged_level(instrument)?;
                    match side {
                        b"buy" => run.bid(level),
                        b"sell" => asks.push(level),
                        _ => return None,
                    }
                    Some(())
                })?;
                asks.iter().for_each(|&level| run.ask(level));
                run.finish();
                Some(())
            })?;
            text.member_by(b"time", &mut time_ns, |text| text.quoted(leading_rfc3339))?;
            text.pass_over(place)?;
        }
        (text.is_at_end() && changes.is_some()).then_some(())?;
        let position = position?;
        let mut origin = stamp.origin(listing.id(position));
        origin.venue_time_ns = time_ns.unwrap_or(0);
        origin.venue_sequence = NO_NUMBER;
        batch.date(from, &origin);
        Some(self.take_update(position, from, batch))
    }

    fn a_match(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let (mut position, mut time_ns, mut taker) = (None, None, None);
        let ([mut id, mut sequence], [mut price, mut size]) = ([None; 2], [None; 2]);
        while text.is_inside()? {
            let place = text.place();
            text.member(b"trade_id", &mut id)?;
            text.skip(b"maker_order_id")?;
            text.skip(b"taker_order_id")?;
            text.member_by(b"side", &mut taker, |text| taker_of(text.string()?))?;
            text.member(b"size", &mut size)?;
            text.member(b"price", &mut price)?;
            text.member_by(b"product_id", &mut position, |text| self.listing.known(text.text()?))?;
            text.member(b"sequence", &mut sequence)?;
            text.member_by(b"time", &mut time_ns, |text| text.quoted(leading_rfc3339))?;
            text.pass_over(place)?;
        }
        let (position, id) = (position.filter(|_| text.is_at_end())?, id?);
        let level = level(self.listing.instrument(position), price?, size?)?;
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = time_ns.unwrap_or(0);
        origin.venue_sequence = sequence.unwrap_or(NO_NUMBER);
        let trade = Trade {
            price: level.price,
            quantity: level.quantity,
            taker: Some(taker?),
            trade_id: Some(id),
        };
        Some(self.take_trade((position, MATCH), (id, trade), &origin, batch))
    }

    fn ticker_of(
        &self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let (mut position, mut sequence, mut time_ns) = (None, None, None);
        let mut told = TickerTexts::default();
        let TickerTexts { bid: [bid, bid_size], ask: [ask, ask_size], price } = &mut told;
        while text.is_inside()? {
            let place = text.place();
            text.member(b"sequence", &mut sequence)?;
            text.member_by(b"product_id", &mut position, |text| self.listing.known(text.text()?))?;
            text.member(b"price", price)?;
            text.skip(b"open_24h")?;
            text.skip(b"volume_24h")?;
            text.skip(b"low_24h")?;
            text.skip(b"high_24h")?;
            text.skip(b"volume_30d")?;
            text.member(b"best_bid", bid)?;
            text.member(b"best_bid_size", bid_size)?;
            text.member(b"best_ask", ask)?;
            text.member(b"best_ask_size", ask_size)?;
            text.skip(b"side")?;
            text.member_by(b"time", &mut time_ns, |text| text.quoted(leading_rfc3339))?;
            text.member(b"trade_id", &mut None::<u64>)?;
            text.skip(b"last_size")?;
            text.pass_over(place)?;
        }
        let position = position.filter(|_| text.is_at_end())?;
        let top = told.top(TICKER_KEYS, self.listing.instrument(position)).ok()?;
        // One without a price is told otherwise.
        (top != TopOfBook::default()).then_some(())?;
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = time_ns.unwrap_or(0);
        origin.venue_sequence = sequence.unwrap_or(NO_NUMBER);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Some(Inbound::Data(TICKER))
    }
}
