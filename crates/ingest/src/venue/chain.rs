//! How far the book of one instrument has come where the venue pushes snapshots itself: a snapshot
//! seeds it, each message after that must continue the one before, a break waits for the next
//! snapshot.

use tickring_event::{Flags, Gap, GapReason, MarketEvent, Origin};
use tickring_metrics::Counter;

use crate::batch::EventBatch;

/// How far the book of one instrument has come.
///
/// What a message must be to continue the book is its venue's rule; what follows is the same for all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Chain {
    state: State,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// No snapshot came over this connection.
    #[default]
    Unseeded,
    /// There is no book; a snapshot was asked for.
    Asked,
    /// The book is continuous up to this number of the venue (0 where it has none).
    Live { last: u64 },
}

/// Whether a new snapshot has to be asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[must_use]
pub(super) enum Resync {
    /// Once: this is the first that is known of it. The source asks again where none comes.
    Ask,
    /// It is on its way, or nothing is wrong.
    No,
}

impl Chain {
    /// A snapshot came, up to `last`.
    pub(super) const fn seed(&mut self, last: u64) {
        self.state = State::Live { last };
    }

    /// The number up to which the book is continuous; `None` while there is none.
    pub(super) const fn last(&self) -> Option<u64> {
        match self.state {
            State::Live { last } => Some(last),
            State::Unseeded | State::Asked => None,
        }
    }

    /// A message continued the book, up to `last`.
    pub(super) fn advance(&mut self, last: u64) {
        debug_assert!(self.last().is_some(), "only a book can be continued");
        self.state = State::Live { last };
    }

    /// A change came while there is no book: the events from `from` on are stale.
    pub(super) fn skip(&mut self, from: usize, batch: &mut EventBatch) -> Resync {
        debug_assert!(self.last().is_none(), "a book takes changes");
        mark_stale(from, batch);
        self.ask()
    }

    /// The book does not go on: says so, and waits for a snapshot. Without a book nothing breaks.
    pub(super) fn break_off(
        &mut self,
        gap: Gap,
        origin: &Origin,
        batch: &mut EventBatch,
    ) -> Resync {
        if self.last().is_some() {
            batch.push(MarketEvent::gap(origin, gap));
            batch.count(Counter::Missing, gap.missing);
        }
        self.ask()
    }

    /// Messages of the whole connection were lost, as a gap of all its books has said. Where a
    /// snapshot was on its way, it may be among them and is asked for again.
    pub(super) const fn lose(&mut self) -> Resync {
        match self.state {
            State::Unseeded => Resync::No,
            State::Asked | State::Live { .. } => {
                self.state = State::Asked;
                Resync::Ask
            }
        }
    }

    /// The connection ended: whatever there was of a book starts over.
    pub(super) fn disconnected(&mut self, origin: &Origin, batch: &mut EventBatch) {
        if self.last().is_some() {
            batch.push(MarketEvent::gap(origin, gap(GapReason::Disconnected, 0, 0)));
        }
        self.state = State::Unseeded;
    }

    const fn ask(&mut self) -> Resync {
        let resync = match self.state {
            State::Asked => Resync::No,
            State::Unseeded | State::Live { .. } => Resync::Ask,
        };
        self.state = State::Asked;
        resync
    }
}

/// A gap that breaks the book, of unknown size.
pub(super) const fn gap(reason: GapReason, expected: u64, received: u64) -> Gap {
    Gap { reason, expected, received, missing: 0, breaks_book: true }
}

/// The events from `from` on must not change a book.
pub(super) fn mark_stale(from: usize, batch: &mut EventBatch) {
    for event in &mut batch.events_mut()[from..] {
        event.flags = event.flags.with(Flags::STALE);
    }
    batch.count(Counter::StaleDepth, 1);
}
