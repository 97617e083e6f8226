//! The book of one instrument beside its events, where the venue sends checksums to compare it with.

use tickring_book::{WrittenBook, WrittenLevel};
use tickring_event::{DecimalError, Flags, Gap, GapReason, Instrument, Level, Origin};

use super::Checks;
use super::chain::{Chain, Resync, gap, mark_stale};
use super::listing::number;
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::DecodeError;

/// How far the book of one instrument has come, and what stands in it, as it was written.
#[derive(Debug, Default)]
pub(super) struct CheckedBook {
    pub(super) chain: Chain,
    pub(super) written: WrittenBook,
    pub(super) checks: Checks,
}

/// A depth message.
#[derive(Clone, Copy)]
pub(super) struct DepthMessage<'tape, 'text> {
    pub(super) origin: Origin,
    pub(super) is_snapshot: bool,
    /// Lists of levels; a side may be left out.
    pub(super) bids: Option<Value<'tape, 'text>>,
    pub(super) asks: Option<Value<'tape, 'text>>,
    /// Levels of a side that stay.
    pub(super) depth: usize,
}

/// A checksum as the venue sent it and that of our book, both as unsigned 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksums {
    pub(super) venue: u32,
    pub(super) ours: u32,
}

impl CheckedBook {
    /// Reads the levels into events and into the book, and cuts the book: what the cut pushes out
    /// are levels of quantity zero at the end of its side, so that a book which knows only events
    /// equals this one.
    ///
    /// After an error the book is not what the venue's is, and must be broken off.
    pub(super) fn read(
        &mut self,
        message: &DepthMessage<'_, '_>,
        instrument: &Instrument,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let Self { chain, written, .. } = self;
        let flags = if message.is_snapshot { Flags::SNAPSHOT } else { Flags::NONE };
        // What has no book to change is told in events alone.
        let is_kept = message.is_snapshot || chain.last().is_some();
        if message.is_snapshot {
            written.start_load();
        }
        let mut run = batch.depth(message.origin, flags);
        for_each_level(message.bids, "bids", instrument, |level, as_written| {
            run.bid(level);
            if is_kept {
                written.set_bid(as_written);
            }
        })?;
        if is_kept {
            written.cut_bids(message.depth, |price| run.bid(Level { price, ..Level::default() }));
        }
        for_each_level(message.asks, "asks", instrument, |level, as_written| {
            run.ask(level);
            if is_kept {
                written.set_ask(as_written);
            }
        })?;
        if is_kept {
            written.cut_asks(message.depth, |price| run.ask(Level { price, ..Level::default() }));
        }
        run.finish();
        Ok(())
    }

    /// Compares the checksums of a message whose events begin at `from`, after
    /// [`CheckedBook::read`]. Where they differ the gap comes before the message, which is stale
    /// then: nobody sees a book that holds it.
    pub(super) fn compare(
        &mut self,
        Checksums { venue, ours }: Checksums,
        from: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Resync {
        self.checks.checked += 1;
        if venue == ours {
            return Resync::No;
        }
        self.checks.failed += 1;
        let told = gap(GapReason::Checksum, u64::from(venue), u64::from(ours));
        self.break_before(told, from, origin, batch)
    }

    /// The book ends with a gap before the message whose events begin at `from`.
    pub(super) fn break_before(
        &mut self,
        gap: Gap,
        from: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Resync {
        mark_stale(from, batch);
        let count = batch.len();
        let resync = self.chain.break_off(gap, origin, batch);
        if batch.len() > count {
            batch.events_mut()[from..].rotate_right(1);
        }
        resync
    }
}

/// Reads a list of levels, each a list or an object.
pub(super) fn for_each_level(
    side: Option<Value<'_, '_>>,
    field: &'static str,
    instrument: &Instrument,
    mut take: impl FnMut(Level, WrittenLevel),
) -> Result<(), DecodeError> {
    let Some(side) = side else { return Ok(()) };
    for level in side.items().ok_or(DecodeError::WrongType { field })? {
        let (price_text, quantity_text) = level_texts(level, field)?;
        let price = instrument.price(price_text).map_err(number(field))?;
        let quantity = instrument.quantity(quantity_text).map_err(number(field))?;
        // A number in another writing than the venue's would make another checksum than the venue's.
        let as_written = WrittenLevel::read(price, price_text, quantity_text)
            .ok_or(DecodeError::Number { field, error: DecimalError::Malformed })?;
        take(Level { price, quantity }, as_written);
    }
    Ok(())
}

/// The texts of `[price, quantity, ...]` or of `{"price", "qty"}`.
pub(super) fn level_texts<'text>(
    level: Value<'_, 'text>,
    field: &'static str,
) -> Result<(&'text [u8], &'text [u8]), DecodeError> {
    if level.is_object() {
        return Ok((level.need("price")?.decimal(field)?, level.need("qty")?.decimal(field)?));
    }
    let mut items = level.items().ok_or(DecodeError::WrongType { field })?;
    let mut next = || items.next().ok_or(DecodeError::MissingField { field })?.decimal(field);
    Ok((next()?, next()?))
}
