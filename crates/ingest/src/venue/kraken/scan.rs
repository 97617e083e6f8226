//! Changes of books, trades and tickers straight from their text.

use tickring_event::{MarketEvent, NumberText, TopOfBook, Trade};

use super::decode::{BOOK_UPDATE, Decoder, TICKER, TRADE};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::{Scanner, level};
use crate::venue::checked::DepthMessage;
use crate::venue::time_text::leading_rfc3339;
use crate::venue::{Inbound, taker};

/// A change of a book that was read to its end. Its levels are in [`Decoder::sides`].
struct Change {
    position: usize,
    message: DepthMessage,
    checksum: u32,
}

impl Decoder {
    /// Turns a message into events, as [`Decoder::read`]; `None` leaves everything as it was, for that one
    /// to read it. [`Decoder::ask_resyncs`] must follow.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let (kind, change) = self.message(&mut text, stamp, batch)?;
        text.is_at_end().then_some(())?;
        if let Some(Change { position, message, checksum }) = change {
            self.take_book(position, message, Some(checksum), batch);
        }
        Some(Inbound::Data(kind))
    }

    /// What a message is, if its members come in the usual order.
    fn message(
        &mut self,
        text: &mut Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<(usize, Option<Change>)> {
        text.enter()?;
        text.is_called(b"channel").then_some(())?;
        let channel = text.string()?;
        text.separator()?;
        text.is_called(b"type").then_some(())?;
        let form = text.string()?;
        text.separator()?;
        text.is_called(b"data").then_some(())?;
        let mut change = None;
        let kind = match (channel, form) {
            (b"book", b"update") => {
                change = Some(text.only_item(|data| self.change_of(data, stamp))?);
                BOOK_UPDATE
            }
            (b"trade", b"update") => {
                let from = batch.len();
                text.items(|data| self.trade_of(data, stamp, batch))?;
                (batch.len() > from).then_some(())?;
                TRADE
            }
            (b"ticker", _) => {
                text.only_item(|data| self.ticker_of(data, stamp, batch))?;
                TICKER
            }
            _ => return None,
        };
        text.separator()?;
        (!text.is_inside()?).then_some((kind, change))
    }

    fn change_of(&mut self, data: &mut Scanner<'_>, stamp: Stamp) -> Option<Change> {
        let Self { listing, books, sides, .. } = self;
        data.enter()?;
        data.is_called(b"symbol").then_some(())?;
        let position = listing.known(data.text()?)?;
        data.separator()?;
        let book = &books[position];
        sides.start(Some(book.checked.written.form()));
        let instrument = listing.instrument(position);
        let ([mut bids, mut asks], mut checksum) = ([None; 2], None::<u64>);
        let mut time_ns = None;
        while data.is_inside()? {
            let place = data.place();
            data.member_by(b"bids", &mut bids, |list| sides.scan_bids(list, instrument, numbers))?;
            data.member_by(b"asks", &mut asks, |list| sides.scan_asks(list, instrument, numbers))?;
            data.member(b"checksum", &mut checksum)?;
            data.member_by(b"timestamp", &mut time_ns, |data| data.quoted(leading_rfc3339))?;
            data.lacks(b"symbol")?;
            data.pass_over(place)?;
        }
        bids.or(asks)?;
        let mut origin = stamp.origin(listing.id(position));
        origin.venue_time_ns = time_ns?;
        let message = DepthMessage { origin, is_snapshot: false, depth: book.depth };
        Some(Change { position, message, checksum: u32::try_from(checksum?).ok()? })
    }

    fn trade_of(&self, data: &mut Scanner<'_>, stamp: Stamp, batch: &mut EventBatch) -> Option<()> {
        let [mut price, mut quantity] = [None; 2];
        let (mut symbol, mut taker, mut time_ns) = (None, None, None);
        let mut trade_id = None;
        data.enter()?;
        while data.is_inside()? {
            let place = data.place();
            data.member(b"symbol", &mut symbol)?;
            data.member_by(b"side", &mut taker, |data| taker::of_word(data.string()?))?;
            data.member(b"price", &mut price)?;
            data.member(b"qty", &mut quantity)?;
            data.skip(b"ord_type")?;
            data.member(b"trade_id", &mut trade_id)?;
            data.member_by(b"timestamp", &mut time_ns, |data| data.quoted(leading_rfc3339))?;
            data.pass_over(place)?;
        }
        let position = self.listing.known(symbol?)?;
        let level = level(self.listing.instrument(position), price?, quantity?)?;
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = time_ns?;
        origin.venue_sequence = trade_id.unwrap_or(0);
        let taker = Some(taker?);
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(&origin, trade));
        Some(())
    }

    fn ticker_of(
        &self,
        data: &mut Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<()> {
        let [mut last, mut bid, mut bid_size, mut ask, mut ask_size] = [None::<NumberText<'_>>; 5];
        let (mut symbol, mut time_ns) = (None, None);
        data.enter()?;
        while data.is_inside()? {
            let place = data.place();
            data.member(b"symbol", &mut symbol)?;
            data.member(b"bid", &mut bid)?;
            data.member(b"bid_qty", &mut bid_size)?;
            data.member(b"ask", &mut ask)?;
            data.member(b"ask_qty", &mut ask_size)?;
            data.member(b"last", &mut last)?;
            data.member_by(b"timestamp", &mut time_ns, |data| data.quoted(leading_rfc3339))?;
            data.pass_over(place)?;
        }
        // Of the rest the general reader knows what is missing.
        let position = self.listing.known(symbol?)?;
        let instrument = self.listing.instrument(position);
        let (bid, ask) = (level(instrument, bid?, bid_size?)?, level(instrument, ask?, ask_size?)?);
        let last_price = Some(instrument.price(last?).ok()?);
        let top = TopOfBook { last_price, ..TopOfBook::of(Some(bid), Some(ask)) };
        let mut origin = stamp.origin(self.listing.id(position));
        origin.venue_time_ns = time_ns?;
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Some(())
    }
}

/// The price and the quantity of a level.
#[inline(always)]
fn numbers<'text>(level: &mut Scanner<'text>) -> Option<[NumberText<'text>; 2]> {
    let [mut price, mut quantity] = [None; 2];
    level.enter()?;
    while level.is_inside()? {
        let place = level.place();
        level.member(b"price", &mut price)?;
        level.member(b"qty", &mut quantity)?;
        level.pass_over(place)?;
    }
    Some([price?, quantity?])
}
