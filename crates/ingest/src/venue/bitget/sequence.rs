//! Continuity of one instrument's book: numbers that grow, and a checksum.

use tickring_book::ChecksumForm;
use tickring_event::{GapReason, Origin};

use crate::batch::EventBatch;
use crate::venue::chain::{Chain, Resync, gap, mark_stale};
use crate::venue::checked::CheckedBook;

/// What a message of a book is to it, beside its events, which begin at `from` of the batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) origin: Origin,
    /// The venue's number, where it sends one.
    pub(super) number: Option<u64>,
    /// It has levels.
    pub(super) has_levels: bool,
    /// The venue's checksum, where it sends one.
    pub(super) checksum: Option<u32>,
    pub(super) from: usize,
}

/// The book of one instrument.
#[derive(Debug)]
pub(super) struct Depth {
    pub(super) checked: CheckedBook,
    /// The book is kept as it was written: its snapshot had a checksum.
    pub(super) is_written: bool,
    /// A snapshot of the whole book came over this connection.
    is_whole: bool,
    /// The subscription was asked to start over.
    is_asked: bool,
}

impl Depth {
    pub(super) fn new() -> Self {
        let checked = CheckedBook::new(ChecksumForm::Okx);
        Self { checked, is_written: false, is_whole: false, is_asked: false }
    }

    /// For which checksum its levels are kept as they were written, if they are.
    pub(super) fn form(&self) -> Option<ChecksumForm> {
        self.is_written.then_some(self.checked.written.form())
    }

    pub(super) const fn is_live(&self) -> bool {
        self.checked.chain.last().is_some()
    }

    /// A snapshot of the whole book came.
    pub(super) fn snapshot(&mut self, update: &Update, batch: &mut EventBatch) -> Resync {
        (self.is_whole, self.is_asked) = (true, false);
        self.checked.chain.seed(update.number.unwrap_or_default());
        self.compare(update, batch)
    }

    /// A change of the whole book came.
    pub(super) fn update(&mut self, update: &Update, batch: &mut EventBatch) -> Resync {
        let &Update { origin, number, checksum, from, .. } = update;
        let last = self.checked.chain.last().filter(|_| self.is_whole);
        let Some(last) = last else {
            // A change cannot continue the best levels alone, where those stand.
            mark_stale(from, batch);
            return self.once(Resync::Ask);
        };
        match number {
            Some(number) if follows(number, last, update) => self.checked.chain.advance(number),
            Some(number) => {
                let gap = gap(GapReason::Sequence, last.saturating_add(1), number);
                let resync = self.checked.break_before(gap, from, &origin, batch);
                return self.once(resync);
            }
            None if checksum.is_none() => batch.remark("no_sequence"),
            None => {}
        }
        self.compare(update, batch)
    }

    /// A picture of the best levels came: it is the book while there is no other.
    pub(super) fn picture(&mut self, number: u64, from: usize, batch: &mut EventBatch) {
        if self.is_whole {
            return batch.truncate(from);
        }
        if self.checked.chain.last().is_some_and(|last| number < last) {
            batch.remark("sequence_fell");
        }
        self.checked.chain.seed(number);
    }

    /// A message of the whole book could not be read. `was_live` tells of the book before it: what the
    /// message said since was taken back, a gap as well.
    pub(super) fn undecoded(
        &mut self,
        was_live: bool,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Resync {
        if !self.is_whole {
            return self.once(Resync::Ask);
        }
        if was_live {
            self.checked.chain.seed(0);
        }
        let resync = self.checked.chain.break_off(UNDECODED, origin, batch);
        self.once(resync)
    }

    /// A picture of the best levels that could not be read: the next one comes by itself.
    pub(super) fn picture_undecoded(&mut self, origin: &Origin, batch: &mut EventBatch) {
        if self.is_whole || !self.is_live() {
            return;
        }
        if self.checked.chain.break_off(UNDECODED, origin, batch) == Resync::Ask {
            self.checked.chain = Chain::default();
        }
    }

    /// The connection ended: the book starts over.
    pub(super) fn disconnected(&mut self, origin: &Origin, batch: &mut EventBatch) {
        self.checked.chain.disconnected(origin, batch);
        (self.is_whole, self.is_written, self.is_asked) = (false, false, false);
    }

    fn compare(&mut self, update: &Update, batch: &mut EventBatch) -> Resync {
        let &Update { origin, checksum: Some(venue), from, .. } = update else { return Resync::No };
        if !self.is_written {
            batch.remark("unchecked");
            return Resync::No;
        }
        let resync = self.checked.compare(venue, from, &origin, batch);
        self.once(resync)
    }

    /// Whether to ask that the subscription starts over: once until a snapshot comes.
    const fn once(&mut self, resync: Resync) -> Resync {
        match resync {
            Resync::Ask if !self.is_asked => {
                self.is_asked = true;
                Resync::Ask
            }
            Resync::Ask | Resync::No => Resync::No,
        }
    }
}

const UNDECODED: tickring_event::Gap = gap(GapReason::Undecoded, 0, 0);

/// Whether a number continues a book up to `last`, which is 0 where its snapshot had none.
const fn follows(number: u64, last: u64, update: &Update) -> bool {
    number > last || (number == last && !update.has_levels) || last == 0
}
