//! The kinds of message that come most, straight from their text.

use tickring_event::Flags;

use super::Market;
use super::decode::{AGG_TRADE, BOOK_TICKER, Decoder, TRADE};
use super::fields::{in_ns, is_partial};
use super::sequence::UpdateIds;
use super::told::{BookTicker, Dealt};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Scanner;
use crate::venue::Inbound;
use crate::venue::subscription::Channel;

/// Whose message was read to its end, and what it is. Its events are in the batch. Small enough for two
/// registers.
#[derive(Clone, Copy)]
enum Scanned {
    BookTicker(usize),
    Trade(usize),
    AggTrade(usize),
    Diff(usize),
}

/// Where what a message tells goes.
struct Target<'a> {
    stamp: Stamp,
    batch: &'a mut EventBatch,
    /// Those of a diff.
    ids: UpdateIds,
}

impl Decoder {
    /// Turns a frame into events, as [`Decoder::read`]; `None` leaves the decoder as it was, for that one
    /// to read it.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let from = batch.len();
        let mut target = Target { stamp, batch, ids: UpdateIds::default() };
        let scanned = self.whole(&mut text, &mut target).filter(|_| text.is_at_end())?;
        self.reading = None;
        let (Scanned::BookTicker(position)
        | Scanned::Trade(position)
        | Scanned::AggTrade(position)
        | Scanned::Diff(position)) = scanned;
        self.symbols.see(position);
        Some(match scanned {
            Scanned::BookTicker(_) => {
                self.symbols.note(position, Channel::Ticker);
                Inbound::Data(BOOK_TICKER)
            }
            Scanned::Trade(_) => {
                self.symbols.note(position, Channel::Trade);
                Inbound::Data(TRADE)
            }
            Scanned::AggTrade(_) => Inbound::Data(AGG_TRADE),
            Scanned::Diff(_) => self.take_diff(position, target.ids, from, target.batch),
        })
    }

    /// A frame, wrapped by its stream or not.
    #[inline(always)]
    fn whole(&self, text: &mut Scanner<'_>, target: &mut Target<'_>) -> Option<Scanned> {
        text.enter()?;
        if !text.is_called(b"stream") {
            return self.message(text, target);
        }
        let stream = text.string()?;
        text.separator()?;
        let mut message = None;
        while text.is_inside()? {
            let place = text.place();
            text.member_by(b"data", &mut message, |data| {
                data.enter()?;
                self.message(data, target)
            })?;
            text.lacks(b"stream")?;
            text.pass_over(place)?;
        }
        message.filter(|message| !(matches!(message, Scanned::Diff(_)) && is_partial(stream)))
    }

    /// A message whose kind comes first, or of the one kind whose number does.
    fn message(&self, data: &mut Scanner<'_>, target: &mut Target<'_>) -> Option<Scanned> {
        if !data.is_called(b"e") {
            return self.top(data, target);
        }
        let kind = data.string()?;
        data.separator()?;
        match kind {
            b"bookTicker" => self.top(data, target),
            b"trade" => self.dealt(data, b"t", target).map(Scanned::Trade),
            b"aggTrade" => {
                let position = self.dealt(data, b"l", target)?;
                let is_told = self.symbols.has_come(position, Channel::Trade);
                (!is_told).then_some(Scanned::AggTrade(position))
            }
            b"depthUpdate" => self.diff_levels(data, target),
            _ => None,
        }
    }

    fn top(&self, data: &mut Scanner<'_>, target: &mut Target<'_>) -> Option<Scanned> {
        let told = BookTicker::scan(data)?;
        let position = self.symbols.listed(told.symbol)?;
        self.push_top((target.stamp, position), &told, target.batch).ok()?;
        Some(Scanned::BookTicker(position))
    }

    /// A trade whose id is called `id_key`: whose it is.
    fn dealt(
        &self,
        data: &mut Scanner<'_>,
        id_key: &[u8; 1],
        target: &mut Target<'_>,
    ) -> Option<usize> {
        let told = Dealt::scan(data, id_key).filter(|told| !told.is_outside_book)?;
        let position = self.symbols.listed(told.symbol)?;
        self.push_trade((target.stamp, position), &told, target.batch).ok()?;
        Some(position)
    }

    /// The rest of a diff whose levels come last, bids first.
    fn diff_levels(&self, data: &mut Scanner<'_>, target: &mut Target<'_>) -> Option<Scanned> {
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
        let last = last?;
        target.ids = UpdateIds { first: first?, last, previous };
        let mut origin = target.stamp.origin(self.symbols.id(position));
        origin.venue_time_ns = in_ns(event_time?)?.0;
        origin.venue_sequence = last;
        let instrument = self.symbols.instrument(position);
        let mut run = target.batch.depth(origin, Flags::NONE);
        data.levels(instrument, |level| run.bid(level))?;
        data.separator()?;
        data.is_called(b"a").then_some(())?;
        data.levels(instrument, |level| run.ask(level))?;
        data.separator()?;
        run.finish();
        (!data.is_inside()?).then_some(Scanned::Diff(position))
    }
}
