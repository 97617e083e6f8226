//! Continuity of one instrument's depth: what continues the book, what is older, what is missing.

use tickring_event::{Gap, GapReason, MarketEvent, Origin};
use tickring_metrics::Counter;

use super::super::chain::mark_stale;
use super::super::held::Held;
use super::Market;
use crate::batch::EventBatch;

/// The numbers of a diff.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct UpdateIds {
    /// `U`: first update id inside.
    pub(super) first: u64,
    /// `u`: last update id inside.
    pub(super) last: u64,
    /// `pu`: last update id of the diff before; 0 on spot, which has none.
    pub(super) previous: u64,
}

/// Depth of one instrument.
///
/// Every diff is published exactly once: as the next one of the book, or flagged `STALE`. In
/// between it may be held back for a snapshot. In every method the message in question is the
/// batch's events from `from` on.
#[derive(Debug)]
pub(super) struct Depth {
    market: Market,
    state: State,
    /// Some depth came since the connection was made.
    seen: bool,
    /// A full snapshot came since the connection was made.
    snapshot_seen: bool,
    /// A snapshot was asked for and has not come.
    asked: bool,
    held: Held<UpdateIds>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// No book: diffs are held.
    Waiting,
    /// The book is the last partial depth: diffs are held.
    Partial,
    /// The book is a snapshot that no diff has continued yet.
    Seeded { last: u64 },
    /// Diffs continue the book.
    Continued { last: u64 },
}

/// What a diff is to the book.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Hold,
    Next,
    Stale,
    Broken(Gap),
}

impl Depth {
    pub(super) fn new(market: Market) -> Self {
        Self {
            market,
            state: State::Waiting,
            seen: false,
            snapshot_seen: false,
            asked: false,
            held: Held::default(),
        }
    }

    /// A diff came.
    pub(super) fn diff(&mut self, ids: UpdateIds, from: usize, batch: &mut EventBatch) {
        self.seen = true;
        match self.judge(ids) {
            Verdict::Next => self.state = State::Continued { last: ids.last },
            Verdict::Stale => mark_stale(from, batch),
            Verdict::Hold => {
                self.held.push(ids, from, batch);
                self.held.trim(batch);
            }
            Verdict::Broken(gap) => {
                let origin = batch.events()[from].origin();
                self.held.push(ids, from, batch);
                self.state = State::Waiting;
                push_gap(&origin, gap, batch);
                self.held.trim(batch);
            }
        }
    }

    /// A full snapshot came that includes everything up to `last`.
    ///
    /// One that is older than a book without fault would only turn it back, so it is stale.
    pub(super) fn snapshot(&mut self, last: u64, from: usize, batch: &mut EventBatch) {
        self.seen = true;
        self.snapshot_seen = true;
        self.asked = false;
        if let State::Seeded { last: own } | State::Continued { last: own } = self.state
            && last < own
        {
            mark_stale(from, batch);
            return;
        }
        self.state = State::Seeded { last };
        while let Some(ids) = self.held.first() {
            match self.judge(ids) {
                Verdict::Next => {
                    self.state = State::Continued { last: ids.last };
                    self.held.release(batch);
                }
                Verdict::Stale => self.held.release_stale(batch),
                Verdict::Broken(gap) => {
                    let origin = self.held.origin();
                    push_gap(&origin.unwrap_or_default(), gap, batch);
                    self.state = State::Waiting;
                }
                Verdict::Hold => return,
            }
        }
    }

    /// The snapshot that was asked for came. Returns whether it reaches the oldest diff that waits for
    /// it: one that does not is stale.
    pub(super) fn fetched(&mut self, last: u64, from: usize, batch: &mut EventBatch) -> bool {
        self.asked = false;
        if self.state == State::Waiting
            && let Some(oldest) = self.held.first()
            && let Verdict::Broken(_) = bridge(self.market, last, oldest)
        {
            mark_stale(from, batch);
            return false;
        }
        self.snapshot(last, from, batch);
        true
    }

    /// Whether a snapshot has to be asked for now. It is then taken as asked for.
    pub(super) fn asks(&mut self) -> bool {
        let asks = self.state == State::Waiting && !self.asked;
        self.asked |= asks;
        asks
    }

    /// Partial depth came. Returns whether it became the book: not once a full snapshot came.
    pub(super) const fn take_partial(&mut self) -> bool {
        if self.snapshot_seen {
            return false;
        }
        self.seen = true;
        self.state = State::Partial;
        true
    }

    /// A diff could not be decoded.
    ///
    /// Where diffs are held the numbering of those around it will show the hole.
    pub(super) fn diff_undecoded(&mut self, origin: &Origin, batch: &mut EventBatch) {
        let (State::Seeded { last } | State::Continued { last }) = self.state else { return };
        let expected = match self.market {
            Market::Spot => last.saturating_add(1),
            Market::UsdM => last,
        };
        self.break_undecoded(expected, origin, batch);
    }

    /// Partial depth could not be decoded.
    pub(super) fn partial_undecoded(&mut self, origin: &Origin, batch: &mut EventBatch) {
        if self.state == State::Partial {
            self.break_undecoded(0, origin, batch);
        }
    }

    /// The connection ended: what was held cannot be continued, and the book starts over.
    pub(super) fn disconnected(&mut self, origin: &Origin, batch: &mut EventBatch) {
        self.finish(batch);
        if self.seen {
            batch.push(MarketEvent::gap(
                origin,
                Gap {
                    reason: GapReason::Disconnected,
                    expected: 0,
                    received: 0,
                    missing: 0,
                    breaks_book: true,
                },
            ));
        }
        self.state = State::Waiting;
        self.seen = false;
        self.snapshot_seen = false;
        self.asked = false;
    }

    /// No snapshot will come for what is held.
    pub(super) fn finish(&mut self, batch: &mut EventBatch) {
        self.held.give_up(batch);
    }

    fn break_undecoded(&mut self, expected: u64, origin: &Origin, batch: &mut EventBatch) {
        self.state = State::Waiting;
        let reason = GapReason::Undecoded;
        let gap = Gap { reason, expected, received: 0, missing: 0, breaks_book: true };
        batch.push(MarketEvent::gap(origin, gap));
    }

    fn judge(&self, ids: UpdateIds) -> Verdict {
        match (self.state, self.market) {
            (State::Waiting | State::Partial, _) => Verdict::Hold,
            (State::Seeded { last }, market) => bridge(market, last, ids),
            (State::Continued { last }, Market::Spot) => continue_spot(last, ids),
            (State::Continued { last }, Market::UsdM) => continue_usdm(last, ids),
        }
    }
}

/// The first diff after a snapshot.
fn bridge(market: Market, last: u64, ids: UpdateIds) -> Verdict {
    match market {
        Market::Spot => bridge_spot(last, ids),
        Market::UsdM => bridge_usdm(last, ids),
    }
}

/// The first diff after a snapshot must have `U <= lastUpdateId + 1 <= u`.
fn bridge_spot(last: u64, ids: UpdateIds) -> Verdict {
    let expected = last.saturating_add(1);
    if ids.last <= last {
        Verdict::Stale
    } else if ids.first <= expected {
        Verdict::Next
    } else {
        Verdict::Broken(sequence_gap(expected, ids.first, ids.first - expected))
    }
}

/// Every later one must have `U` equal to the previous `u + 1`.
fn continue_spot(last: u64, ids: UpdateIds) -> Verdict {
    let expected = last.saturating_add(1);
    if ids.last <= last {
        Verdict::Stale
    } else if ids.first == expected {
        Verdict::Next
    } else {
        let missing = ids.first.saturating_sub(expected);
        Verdict::Broken(sequence_gap(expected, ids.first, missing))
    }
}

/// The first diff after a snapshot must have `U <= lastUpdateId <= u`. One with `pu <=
/// lastUpdateId < U` misses nothing either: the ids between belong to no diff of this stream.
fn bridge_usdm(last: u64, ids: UpdateIds) -> Verdict {
    if ids.last < last {
        Verdict::Stale
    } else if ids.first <= last || ids.previous <= last {
        Verdict::Next
    } else {
        Verdict::Broken(sequence_gap(last, ids.previous, 0))
    }
}

/// Every later one must have `pu` equal to the previous `u`.
fn continue_usdm(last: u64, ids: UpdateIds) -> Verdict {
    if ids.last <= last {
        Verdict::Stale
    } else if ids.previous == last {
        Verdict::Next
    } else {
        Verdict::Broken(sequence_gap(last, ids.previous, 0))
    }
}

const fn sequence_gap(expected: u64, received: u64, missing: u64) -> Gap {
    Gap { reason: GapReason::Sequence, expected, received, missing, breaks_book: true }
}

fn push_gap(origin: &Origin, gap: Gap, batch: &mut EventBatch) {
    batch.push(MarketEvent::gap(origin, gap));
    batch.count(Counter::Missing, gap.missing);
}
