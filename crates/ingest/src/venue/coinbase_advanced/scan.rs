//! Books, trades and tickers straight from their text.

use tickring_event::{Flags, MarketEvent, Origin, TopOfBook, Trade};

use super::decode::{Decoder, Execution, L2_DATA, MARKET_TRADES, Run, TICKER, TICKER_KEYS};
use super::sequence::Standing;
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::{Scanner, level};
use crate::venue::Inbound;
use crate::venue::coinbase::{TickerTexts, taker_of};
use crate::venue::time_text::{leading_rfc3339, rfc3339_ns};

/// A message on its way: what stands before its `events`.
struct Message<'text> {
    stamp: Stamp,
    timestamp: &'text str,
    number: u64,
}

impl Message<'_> {
    /// What the origin of an event is, whose time is that of the message where it has none.
    fn origin(&self, decoder: &Decoder, position: usize, time_ns: Option<u64>) -> Option<Origin> {
        let mut origin = self.stamp.origin(decoder.listing.id(position));
        origin.venue_time_ns = match time_ns {
            Some(time_ns) => time_ns,
            None => rfc3339_ns(self.timestamp)?,
        };
        origin.venue_sequence = self.number;
        Some(origin)
    }
}

impl Decoder {
    /// Turns a message with the expected number into events, as [`Decoder::place`] and
    /// [`Decoder::read`]; `None` leaves everything as it was, for those to read it.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let scanned = self.message(&mut text, stamp, batch);
        let (kind, number) = scanned.filter(|_| text.is_at_end())?;
        let standing = self.numbering.take(number);
        debug_assert_eq!(standing, Standing::Next, "it was looked at before");
        match kind {
            L2_DATA => self.commit_all(number, batch),
            MARKET_TRADES => self.push_trades(batch),
            _ => {}
        }
        Some(Inbound::Data(kind))
    }

    /// The kind and number of a message whose members come in the usual order.
    fn message(
        &mut self,
        text: &mut Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<(usize, u64)> {
        text.enter()?;
        text.is_called(b"channel").then_some(())?;
        let kind = match text.string()? {
            b"l2_data" => L2_DATA,
            b"market_trades" => MARKET_TRADES,
            b"ticker" => TICKER,
            _ => return None,
        };
        text.separator()?;
        let mut timestamp = None;
        text.skip(b"client_id")?;
        text.member(b"timestamp", &mut timestamp)?;
        text.is_called(b"sequence_num").then_some(())?;
        let number = text.whole().filter(|number| self.numbering.is_next(*number))?;
        text.separator()?;
        text.is_called(b"events").then_some(())?;
        let message = Message { stamp, timestamp: timestamp?, number };
        self.runs.clear();
        self.executions.clear();
        text.items(|event| match kind {
            L2_DATA => self.book(event, &message, batch),
            MARKET_TRADES => self.trades_of(event, &message),
            _ => self.tickers_of(event, &message, batch),
        })?;
        text.separator()?;
        (!text.is_inside()?).then_some((kind, number))
    }

    fn book(
        &mut self,
        event: &mut Scanner<'_>,
        message: &Message<'_>,
        batch: &mut EventBatch,
    ) -> Option<()> {
        event.enter()?;
        event.is_called(b"type").then_some(())?;
        let is_snapshot = match event.string()? {
            b"snapshot" => true,
            b"update" => false,
            _ => return None,
        };
        event.separator()?;
        event.is_called(b"product_id").then_some(())?;
        let position = self.listing.known(event.text()?)?;
        event.separator()?;
        event.is_called(b"updates").then_some(())?;
        let flags = if is_snapshot { Flags::SNAPSHOT } else { Flags::NONE };
        let (from, mut first) = (batch.len(), None);
        let mut asks = std::mem::take(&mut self.asks);
        let levels = asks.start();
        let instrument = self.listing.instrument(position);
        let mut run = batch.depth(message.stamp.origin(self.listing.id(position)), flags);
        let read = event.items(|update| {
            let ([mut price, mut quantity], mut time) = ([None; 2], None);
            let mut side = None::<&[u8]>;
            update.enter()?;
            while update.is_inside()? {
                let place = update.place();
                update.member(b"side", &mut side)?;
                update.member(b"event_time", &mut time)?;
                update.member(b"price_level", &mut price)?;
                update.member(b"new_quantity", &mut quantity)?;
                update.pass_over(place)?;
            }
            first.get_or_insert(time);
            let level = level(instrument, price?, quantity?)?;
            match side? {
                b"bid" => run.bid(level),
                b"offer" | b"ask" => levels.push(level),
                _ => return None,
            }
            Some(())
        });
        levels.iter().for_each(|&level| run.ask(level));
        run.finish();
        self.asks = asks;
        read?;
        event.separator()?;
        (!event.is_inside()?).then_some(())?;
        let time_ns = match first.flatten() {
            Some(time) => Some(rfc3339_ns(time)?),
            None => None,
        };
        let origin = message.origin(self, position, time_ns)?;
        batch.date(from, &origin);
        self.runs.push(Run { position, is_snapshot, from, to: batch.len() });
        Some(())
    }

    fn trades_of(&mut self, event: &mut Scanner<'_>, message: &Message<'_>) -> Option<()> {
        let mut executions = std::mem::take(&mut self.executions);
        let read = list(event, b"trades", |trade| {
            let (mut position, mut id, mut taker, mut time_ns) = (None, None, None, None);
            let [mut price, mut size] = [None; 2];
            trade.enter()?;
            while trade.is_inside()? {
                let place = trade.place();
                trade
                    .member_by(b"product_id", &mut position, |it| self.listing.known(it.text()?))?;
                trade.member(b"trade_id", &mut id)?;
                trade.member(b"price", &mut price)?;
                trade.member(b"size", &mut size)?;
                trade.member_by(b"time", &mut time_ns, |it| it.quoted(leading_rfc3339))?;
                trade.member_by(b"side", &mut taker, |it| taker_of(it.string()?))?;
                trade.pass_over(place)?;
            }
            let position = position?;
            let level = level(self.listing.instrument(position), price?, size?)?;
            let origin = message.origin(self, position, time_ns)?;
            let trade = Trade {
                price: level.price,
                quantity: level.quantity,
                taker: Some(taker?),
                trade_id: id,
            };
            executions.push(Execution { position, origin, trade });
            Some(())
        });
        self.executions = executions;
        read
    }

    fn tickers_of(
        &self,
        event: &mut Scanner<'_>,
        message: &Message<'_>,
        batch: &mut EventBatch,
    ) -> Option<()> {
        list(event, b"tickers", |ticker| {
            let mut position = None;
            let mut told = TickerTexts::default();
            let TickerTexts { bid: [bid, bid_size], ask: [ask, ask_size], price } = &mut told;
            ticker.enter()?;
            while ticker.is_inside()? {
                let place = ticker.place();
                ticker.skip(b"type")?;
                ticker
                    .member_by(b"product_id", &mut position, |it| self.listing.known(it.text()?))?;
                ticker.member(b"price", price)?;
                ticker.skip(b"volume_24_h")?;
                ticker.skip(b"low_24_h")?;
                ticker.skip(b"high_24_h")?;
                ticker.skip(b"low_52_w")?;
                ticker.skip(b"high_52_w")?;
                ticker.skip(b"price_percent_chg_24_h")?;
                ticker.member(b"best_bid", bid)?;
                ticker.member(b"best_ask", ask)?;
                ticker.member(b"best_bid_quantity", bid_size)?;
                ticker.member(b"best_ask_quantity", ask_size)?;
                ticker.pass_over(place)?;
            }
            let position = position?;
            let top = told.top(TICKER_KEYS, self.listing.instrument(position)).ok()?;
            // One without a price is told otherwise.
            (top != TopOfBook::default()).then_some(())?;
            let origin = message.origin(self, position, None)?;
            batch.push(MarketEvent::top_of_book(&origin, &top));
            Some(())
        })
    }
}

/// An event that is its type and the list called `name`, whose items `read` reads.
#[inline(always)]
fn list<'text, const N: usize>(
    event: &mut Scanner<'text>,
    name: &[u8; N],
    read: impl FnMut(&mut Scanner<'text>) -> Option<()>,
) -> Option<()> {
    event.enter()?;
    event.skip(b"type")?;
    event.is_called(name).then_some(())?;
    event.items(read)?;
    event.separator()?;
    (!event.is_inside()?).then_some(())
}
