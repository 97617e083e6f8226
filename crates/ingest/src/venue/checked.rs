//! The book of one instrument beside its events, where the venue sends checksums to compare it with.

use tickring_book::{ChecksumForm, LevelText, WrittenBook};
use tickring_event::{DecimalError, Flags, Gap, GapReason, Instrument, Level, NumberText, Origin};

use super::Checks;
use super::chain::{Chain, Resync, gap, mark_stale};
use super::listing::{Numbers, number};
use crate::batch::EventBatch;
use crate::json::{Scanner, Value, level};
use crate::venue::DecodeError;

/// How far the book of one instrument has come, and what stands in it, as it was written.
#[derive(Debug)]
pub(super) struct CheckedBook {
    pub(super) chain: Chain,
    pub(super) written: WrittenBook,
    pub(super) checks: Checks,
}

/// What a depth message is, beside its levels.
#[derive(Clone, Copy)]
pub(super) struct DepthMessage {
    pub(super) origin: Origin,
    pub(super) is_snapshot: bool,
    /// Levels of a side that stay.
    pub(super) depth: usize,
}

/// The levels of the depth message in hand: read to its end before a book takes any of them. Reused
/// from message to message.
#[derive(Debug, Default)]
pub(super) struct Sides {
    bids: Vec<ReadLevel>,
    asks: Vec<ReadLevel>,
    form: Option<ChecksumForm>,
}

#[derive(Clone, Copy, Debug)]
struct ReadLevel {
    level: Level,
    /// Empty where no book is kept as it was written.
    text: LevelText,
}

impl Sides {
    /// Forgets the levels of the message before. Those to come are kept as they were written if `form`
    /// says for which checksum.
    pub(super) fn start(&mut self, form: Option<ChecksumForm>) {
        self.bids.clear();
        self.asks.clear();
        self.form = form;
    }

    /// Reads both lists of levels, after [`Sides::start`]; a side may be left out.
    ///
    /// # Errors
    /// A number in another writing than the venue's would make another checksum than the venue's.
    pub(super) fn read(
        &mut self,
        bids: Option<Value<'_, '_>>,
        asks: Option<Value<'_, '_>>,
        instrument: &Instrument,
    ) -> Result<(), DecodeError> {
        let Self { bids: own_bids, asks: own_asks, form } = self;
        read_side(own_bids, (bids, "bids"), *form, instrument)?;
        read_side(own_asks, (asks, "asks"), *form, instrument)
    }

    /// As [`Sides::read`], of a list of bids straight from its text; `next` reads a level's numbers.
    pub(super) fn scan_bids<'text>(
        &mut self,
        text: &mut Scanner<'text>,
        instrument: &Instrument,
        next: impl Fn(&mut Scanner<'text>) -> Option<[NumberText<'text>; 2]>,
    ) -> Option<()> {
        scan_side(&mut self.bids, self.form, text, instrument, next)
    }

    /// As [`Sides::scan_bids`], of asks.
    pub(super) fn scan_asks<'text>(
        &mut self,
        text: &mut Scanner<'text>,
        instrument: &Instrument,
        next: impl Fn(&mut Scanner<'text>) -> Option<[NumberText<'text>; 2]>,
    ) -> Option<()> {
        scan_side(&mut self.asks, self.form, text, instrument, next)
    }

    /// The first bid and the first ask.
    pub(super) fn first(&self) -> (Option<Level>, Option<Level>) {
        (self.bids.first().map(|it| it.level), self.asks.first().map(|it| it.level))
    }

    /// Turns the levels into events, where no book is kept.
    pub(super) fn push(&self, origin: Origin, flags: Flags, batch: &mut EventBatch) {
        let mut run = batch.depth(origin, flags);
        self.bids.iter().for_each(|it| run.bid(it.level));
        self.asks.iter().for_each(|it| run.ask(it.level));
        run.finish();
    }
}

impl CheckedBook {
    pub(super) fn new(form: ChecksumForm) -> Self {
        let (chain, checks) = (Chain::default(), Checks::default());
        Self { chain, written: WrittenBook::new(form), checks }
    }

    /// Takes the levels into events and into the book, and cuts the book: what the cut pushes out
    /// are levels of quantity zero at the end of its side, so that a book which knows only events
    /// equals this one.
    pub(super) fn take(&mut self, message: &DepthMessage, sides: &Sides, batch: &mut EventBatch) {
        let Self { chain, written, .. } = self;
        let flags = if message.is_snapshot { Flags::SNAPSHOT } else { Flags::NONE };
        // What has no book to change is told in events alone.
        if sides.form.is_none() || !(message.is_snapshot || chain.last().is_some()) {
            return sides.push(message.origin, flags, batch);
        }
        if message.is_snapshot {
            written.start_load();
        }
        let mut run = batch.depth(message.origin, flags);
        for ReadLevel { level, text } in &sides.bids {
            run.bid(*level);
            written.set_bid(*level, text);
        }
        written.cut_bids(message.depth, |price| run.bid(Level { price, ..Level::default() }));
        for ReadLevel { level, text } in &sides.asks {
            run.ask(*level);
            written.set_ask(*level, text);
        }
        written.cut_asks(message.depth, |price| run.ask(Level { price, ..Level::default() }));
        run.finish();
    }

    /// Compares the checksum of a message whose events begin at `from`, after
    /// [`CheckedBook::take`]. Where they differ the gap comes before the message, which is stale
    /// then: nobody sees a book that holds it.
    pub(super) fn compare(
        &mut self,
        venue: u32,
        from: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Resync {
        self.checks.checked += 1;
        let ours = self.written.checksum();
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
fn read_side(
    levels: &mut Vec<ReadLevel>,
    (side, field): (Option<Value<'_, '_>>, &'static str),
    form: Option<ChecksumForm>,
    instrument: &Instrument,
) -> Result<(), DecodeError> {
    let Some(side) = side else { return Ok(()) };
    for level in side.items().ok_or(DecodeError::WrongType { field })? {
        let (price, quantity) = level_texts(level, field)?;
        let level = Level {
            price: instrument.price(price).map_err(number(field))?,
            quantity: instrument.quantity(quantity).map_err(number(field))?,
        };
        let read = push_level(levels, level, form, [price.into(), quantity.into()]);
        read.ok_or(DecodeError::Number { field, error: DecimalError::Malformed })?;
    }
    Ok(())
}

fn scan_side<'text>(
    levels: &mut Vec<ReadLevel>,
    form: Option<ChecksumForm>,
    text: &mut Scanner<'text>,
    instrument: &Instrument,
    next: impl Fn(&mut Scanner<'text>) -> Option<[NumberText<'text>; 2]>,
) -> Option<()> {
    text.items(|text| {
        let [price, quantity] = next(text)?;
        let level = level(instrument, price, quantity)?;
        push_level(levels, level, form, [price, quantity])
    })
}

#[inline(always)]
fn push_level(
    levels: &mut Vec<ReadLevel>,
    level: Level,
    form: Option<ChecksumForm>,
    [price, quantity]: [NumberText<'_>; 2],
) -> Option<()> {
    levels.push(ReadLevel { level, text: LevelText::EMPTY });
    match form {
        Some(form) => levels.last_mut()?.text.set(form, price, quantity),
        None => Some(()),
    }
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
    let Some(checksum) = integer(data, field)? else { return Ok(None) };
    unsigned_checksum(checksum).ok_or(DecodeError::WrongType { field })
}

/// A checksum that was sent as a signed number; 0 is none.
pub(super) fn unsigned_checksum(checksum: i64) -> Option<Option<u32>> {
    let checksum = i32::try_from(checksum).ok()?.cast_unsigned();
    Some(Some(checksum).filter(|it| *it != 0))
}
