//! The kinds of message that come most, straight from their text.

use tickring_event::Flags;

use super::Market;
use super::decode::Decoder;
use super::fields::{in_ns, is_partial};
use super::sequence::UpdateIds;
use super::told::{BookTicker, Dealt};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Scanner;
use crate::venue::{DecodeError, Inbound};

/// A message that was read to its end.
enum Scanned<'text> {
    BookTicker(BookTicker<'text>),
    Trade(Dealt<'text>),
    AggTrade(Dealt<'text>),
    /// Its levels are in the batch.
    Diff(usize, UpdateIds),
}

impl Decoder {
    /// Turns a frame into events, as [`Decoder::read`]; `None` leaves the decoder as it was, for that one
    /// to read it.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Result<Inbound, DecodeError>> {
        let from = batch.len();
        let scanned = self.whole(&mut text, stamp, batch).filter(|_| text.is_at_end())?;
        self.reading = None;
        Some(match scanned {
            Scanned::BookTicker(told) => self.book_ticker(stamp, &told, batch),
            Scanned::Trade(told) => self.trade(stamp, &told, batch),
            Scanned::AggTrade(told) => self.agg_trade(stamp, &told, batch),
            Scanned::Diff(position, ids) => {
                self.symbols.see(position);
                Ok(self.take_diff(position, ids, from, batch))
            }
        })
    }

    /// A frame, wrapped by its stream or not.
    #[inline(always)]
    fn whole<'text>(
        &self,
        text: &mut Scanner<'text>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Scanned<'text>> {
        text.enter()?;
        if !text.is_called(b"stream") {
            return self.message(text, stamp, batch);
        }
        let stream = text.string()?;
        text.separator()?;
        let mut message = None;
        while text.is_inside()? {
            let place = text.place();
            text.member_by(b"data", &mut message, |data| {
                data.enter()?;
                self.message(data, stamp, batch)
            })?;
            text.lacks(b"stream")?;
            text.pass_over(place)?;
        }
        message.filter(|message| !(matches!(message, Scanned::Diff(..)) && is_partial(stream)))
    }

    /// A message whose kind comes first, or of the one kind whose number does.
    #[inline(always)]
    fn message<'text>(
        &self,
        data: &mut Scanner<'text>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Scanned<'text>> {
        if !data.is_called(b"e") {
            return BookTicker::scan(data).map(Scanned::BookTicker);
        }
        let kind = data.string()?;
        data.separator()?;
        match kind {
            b"bookTicker" => BookTicker::scan(data).map(Scanned::BookTicker),
            b"trade" => Dealt::scan(data, b"t").map(Scanned::Trade),
            b"aggTrade" => Dealt::scan(data, b"l").map(Scanned::AggTrade),
            b"depthUpdate" => self.diff_levels(data, stamp, batch),
            _ => None,
        }
    }

    /// The rest of a diff whose levels come last, bids first.
    fn diff_levels<'text>(
        &self,
        data: &mut Scanner<'text>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Scanned<'text>> {
        let (mut symbol, [mut first, mut last, mut previous]) = (None, [None; 3]);
        let [mut event_time, mut time] = [None; 2];
        while !data.is_called(b"b") {
            let place = data.place();
            data.member(b"E", &mut event_time)?;
            data.member(b"T", &mut time)?;
            data.member(b"s", &mut symbol)?;
            data.member(b"U", &mut first)?;
            data.member(b"u", &mut last)?;
            data.member(b"pu", &mut previous)?;
            (data.place() != place).then_some(())?;
        }
        let position = self.symbols.listed(symbol?)?;
        let previous = match self.market {
            Market::Spot => 0,
            Market::UsdM => previous?,
        };
        let ids = UpdateIds { first: first?, last: last?, previous };
        let mut origin = stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = in_ns(event_time?)?.0;
        origin.venue_sequence = ids.last;
        let instrument = self.symbols.instrument(position);
        let mut run = batch.depth(origin, Flags::NONE);
        data.items(|data| data.level(instrument).map(|level| run.bid(level)))?;
        data.separator()?;
        data.is_called(b"a").then_some(())?;
        data.items(|data| data.level(instrument).map(|level| run.ask(level)))?;
        data.separator()?;
        run.finish();
        (!data.is_inside()?).then_some(Scanned::Diff(position, ids))
    }
}
