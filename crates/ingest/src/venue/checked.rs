//! The book of one instrument beside its events, where the venue sends checksums to compare it with.

use tickring_book::{WrittenBook, WrittenLevel};
use tickring_event::{DecimalError, Flags, Gap, GapReason, Instrument, Level, Origin};

use super::Checks;
use super::chain::{Chain, Resync, gap, mark_stale};
use super::listing::{Numbers, number};
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
    /// Whether its numbers are kept as they were written, for a checksum.
    pub(super) is_written: bool,
}

/// A level with the texts it was read from.
#[derive(Clone, Copy, Debug)]
pub(super) struct LevelText<'text> {
    pub(super) level: Level,
    price: &'text [u8],
    quantity: &'text [u8],
}

/// A checksum as the venue sent it and that of our book, both as unsigned 32 bits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Checksums {
    pub(super) venue: u32,
    pub(super) ours: u32,
}

impl DepthMessage<'_, '_> {
    /// Turns the levels into events, where no book is kept as it was written.
    pub(super) fn push(
        &self,
        instrument: &Instrument,
        batch: &mut EventBatch,
    ) -> Result<(), DecodeError> {
        let mut run = batch.depth(self.origin, self.flags());
        for_each_level(self.bids, "bids", instrument, |text| {
            run.bid(text.level);
            Ok(())
        })?;
        for_each_level(self.asks, "asks", instrument, |text| {
            run.ask(text.level);
            Ok(())
        })?;
        run.finish();
        Ok(())
    }

    const fn flags(&self) -> Flags {
        if self.is_snapshot { Flags::SNAPSHOT } else { Flags::NONE }
    }
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
        if !message.is_written {
            return message.push(instrument, batch);
        }
        // What has no book to change is told in events alone.
        let is_kept = message.is_snapshot || chain.last().is_some();
        if message.is_snapshot {
            written.start_load();
        }
        let mut run = batch.depth(message.origin, message.flags());
        for_each_level(message.bids, "bids", instrument, |text| {
            run.bid(text.level);
            let level = text.written("bids")?;
            if is_kept {
                written.set_bid(level);
            }
            Ok(())
        })?;
        if is_kept {
            written.cut_bids(message.depth, |price| run.bid(Level { price, ..Level::default() }));
        }
        for_each_level(message.asks, "asks", instrument, |text| {
            run.ask(text.level);
            let level = text.written("asks")?;
            if is_kept {
                written.set_ask(level);
            }
            Ok(())
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

impl LevelText<'_> {
    /// The level as it was written.
    ///
    /// # Errors
    /// A number in another writing than the venue's would make another checksum than the venue's.
    fn written(self, field: &'static str) -> Result<WrittenLevel, DecodeError> {
        let level = WrittenLevel::read(self.level.price, self.price, self.quantity);
        level.ok_or(DecodeError::Number { field, error: DecimalError::Malformed })
    }
}

/// Reads a list of levels, each a list or an object.
pub(super) fn for_each_level<'text>(
    side: Option<Value<'_, 'text>>,
    field: &'static str,
    instrument: &Instrument,
    mut take: impl FnMut(LevelText<'text>) -> Result<(), DecodeError>,
) -> Result<(), DecodeError> {
    let Some(side) = side else { return Ok(()) };
    for level in side.items().ok_or(DecodeError::WrongType { field })? {
        let (price, quantity) = level_texts(level, field)?;
        let level = Level {
            price: instrument.price(price).map_err(number(field))?,
            quantity: instrument.quantity(quantity).map_err(number(field))?,
        };
        take(LevelText { level, price, quantity })?;
    }
    Ok(())
}

/// The numbers of the first level. A message without one gives zeros, from which an instrument gets
/// eight decimals.
pub(super) fn first_numbers<'text>(
    bids: Option<Value<'_, 'text>>,
    asks: Option<Value<'_, 'text>>,
) -> Result<Numbers<'text>, DecodeError> {
    for (side, field) in [(bids, "bids"), (asks, "asks")] {
        if let Some(level) = side.and_then(Value::items).and_then(|mut it| it.next()) {
            let (price, quantity) = level_texts(level, field)?;
            return Ok(Numbers { price, quantity });
        }
    }
    Ok(Numbers { price: b"0", quantity: b"0" })
}

/// The texts of `[price, quantity, ...]` or of `{"price", "qty"}`.
pub(super) fn level_texts<'text>(
    level: Value<'_, 'text>,
    field: &'static str,
) -> Result<(&'text [u8], &'text [u8]), DecodeError> {
    if let Some(texts) = level.two_texts() {
        return Ok(texts);
    }
    if level.is_object() {
        return Ok((level.need("price")?.decimal(field)?, level.need("qty")?.decimal(field)?));
    }
    let mut items = level.items().ok_or(DecodeError::WrongType { field })?;
    let mut next = || items.next().ok_or(DecodeError::MissingField { field })?.decimal(field);
    Ok((next()?, next()?))
}

/// Both sides of a depth message, one of which may be left out.
pub(super) fn sides<'tape, 'text>(
    data: Value<'tape, 'text>,
) -> Result<(Option<Value<'tape, 'text>>, Option<Value<'tape, 'text>>), DecodeError> {
    match (data.get("bids"), data.get("asks")) {
        (None, None) => Err(DecodeError::MissingField { field: "bids" }),
        sides => Ok(sides),
    }
}

/// Asks for a second reading of a depth message with bare numbers before any of it is taken: the
/// first reading must leave books as they were. To be called before anything of a frame is taken.
pub(super) fn expect_texts(root: Value<'_, '_>) -> Result<(), DecodeError> {
    for data in root.get("data").and_then(Value::items).into_iter().flatten() {
        for side in [data.get("bids"), data.get("asks")].into_iter().flatten() {
            for level in side.items().into_iter().flatten() {
                if level_texts(level, "bids") == Err(DecodeError::BareNumber) {
                    return Err(DecodeError::BareNumber);
                }
            }
        }
    }
    Ok(())
}

/// A whole number that may be left out.
pub(super) fn integer(
    data: Value<'_, '_>,
    field: &'static str,
) -> Result<Option<i64>, DecodeError> {
    let Some(value) = data.get(field) else { return Ok(None) };
    value.integer().map(Some).ok_or(DecodeError::WrongType { field })
}

/// The checksum of a message, sent as a signed number, if it has one: 0 is none.
pub(super) fn signed_checksum(data: Value<'_, '_>) -> Result<Option<u32>, DecodeError> {
    let field = "checksum";
    let Some(checksum) = integer(data, field)?.filter(|it| *it != 0) else { return Ok(None) };
    let signed = i32::try_from(checksum).map_err(|_| DecodeError::WrongType { field })?;
    Ok(Some(signed.cast_unsigned()))
}
