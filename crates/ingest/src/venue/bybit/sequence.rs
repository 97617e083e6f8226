//! Continuity of a book, and what else is known of an instrument.

use tickring_event::{Gap, GapReason, Origin, TopOfBook};
use tickring_metrics::Counter;

use crate::batch::EventBatch;
use crate::venue::chain::{Chain, Resync, gap, mark_stale};

/// What is known of one instrument.
#[derive(Debug, Default)]
pub(super) struct State {
    chain: Chain,
    /// The depth whose messages make up the book; `None` before the first one.
    followed: Option<u32>,
    /// The last of every field of its ticker.
    pub(super) top: TopOfBook,
}

/// Where a depth message stands: which topic it came from, and its `u`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Update {
    pub(super) depth: u32,
    pub(super) number: u64,
}

impl State {
    /// The depth that the book follows.
    pub(super) const fn followed(&self) -> Option<u32> {
        self.followed
    }

    /// Whether the book is made of messages of this depth.
    pub(super) fn follows(&self, depth: u32) -> bool {
        self.followed.is_none_or(|it| it == depth)
    }

    /// Whether a snapshot of this depth becomes the book: where there is none, or a shallower one.
    pub(super) fn yields_to(&self, depth: u32) -> bool {
        self.chain.last().is_none() || self.followed.is_none_or(|it| it <= depth)
    }

    /// A message of this depth came, which the book follows from now on.
    pub(super) const fn follow(&mut self, depth: u32) {
        self.followed = Some(depth);
    }

    /// A snapshot was read.
    pub(super) const fn seed(&mut self, update: Update) {
        self.followed = Some(update.depth);
        self.chain.seed(update.number);
    }

    /// A delta was read; its events are those from `from` on.
    pub(super) fn delta(
        &mut self,
        update: Update,
        from: usize,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Resync {
        let Some(last) = self.chain.last() else { return self.chain.skip(from, batch) };
        let number = update.number;
        if number == last {
            mark_stale(from, batch);
            batch.count(Counter::Duplicated, 1);
            return Resync::No;
        }
        let expected = last.saturating_add(1);
        if number == expected {
            self.chain.advance(number);
            return Resync::No;
        }
        let missing = number.saturating_sub(expected);
        let gap = Gap { missing, ..gap(GapReason::Sequence, expected, number) };
        let resync = self.chain.break_off(gap, origin, batch);
        // The gap is told before what came in spite of it.
        batch.events_mut()[from..].rotate_right(1);
        mark_stale(from + 1, batch);
        resync
    }

    /// A message of the book could not be read.
    pub(super) fn give_up(&mut self, origin: &Origin, batch: &mut EventBatch) -> Resync {
        let expected = self.chain.last().map_or(0, |last| last.saturating_add(1));
        self.chain.break_off(gap(GapReason::Undecoded, expected, 0), origin, batch)
    }

    /// The connection ended.
    pub(super) fn disconnected(&mut self, origin: &Origin, batch: &mut EventBatch) {
        self.chain.disconnected(origin, batch);
        self.followed = None;
        self.top = TopOfBook::default();
    }
}
