use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::capacity::Capacity;

/// The state of a ring as figures that any thread may read at any time.
///
/// Each figure has one writer, which stores it once a batch, and the writers share no cache line.
/// The figures are for people and policies: two read one after the other may belong to different
/// moments, and no event may be touched on the strength of one. At rest, when neither side moves,
/// they are exact, and `published = read + abandoned + lag` holds for every poller.
///
/// Methods that take a `poller` index panic when there is no such poller.
#[derive(Debug)]
pub struct Gauges {
    capacity: Capacity,
    publisher: CachePadded<PublisherGauges>,
    /// Written by each poller, or by the publisher once that poller is dropped.
    pollers: Box<[CachePadded<PollerGauges>]>,
    /// Written by the publisher.
    abandoned: Box<[Gauge]>,
}

impl Gauges {
    /// Into how many parts the capacity is divided for [`depth_max`](Self::depth_max). Rings with
    /// fewer slots show it exactly.
    pub const DEPTH_PARTS: usize = 64;

    pub(crate) fn new(capacity: Capacity, pollers: usize) -> Self {
        Self {
            capacity,
            publisher: CachePadded::default(),
            pollers: (0..pollers).map(|_| CachePadded::default()).collect(),
            abandoned: (0..pollers).map(|_| Gauge::default()).collect(),
        }
    }

    /// How many slots the ring has.
    #[must_use]
    pub const fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// How many pollers the ring was made with, dropped ones included.
    #[must_use]
    pub const fn pollers(&self) -> usize {
        self.pollers.len()
    }

    /// How many events were published, which is also the sequence of the next one.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.publisher.published.value()
    }

    /// How many slots are taken: published less what the slowest poller has read. Never above the
    /// capacity.
    #[must_use]
    pub fn depth(&self) -> u64 {
        // The writers' stores may become visible here in any order, so bound what they guarantee.
        self.published().saturating_sub(self.slowest_position()).min(self.capacity.slots() as u64)
    }

    /// The highest depth that either side has seen: the publisher after a publish or when it met a
    /// full ring, a poller when it began a batch. Never above the true one, and short of it by at most
    /// one part of the capacity in [`DEPTH_PARTS`](Self::DEPTH_PARTS). Equals the capacity when every slot
    /// was taken; a slice that needs more slots than are free makes the ring full for it before
    /// that.
    #[must_use]
    pub fn depth_max(&self) -> u64 {
        let lag_max = self.pollers.iter().map(|poller| poller.lag_max.value()).max().unwrap_or(0);
        self.publisher.depth_max.value().max(lag_max)
    }

    /// How many published events `poller` has yet to read.
    #[must_use]
    pub fn lag(&self, poller: usize) -> u64 {
        self.published().saturating_sub(self.pollers[poller].position.value())
    }

    /// How many events `poller` has read, as of its last finished batch.
    #[must_use]
    pub fn read(&self, poller: usize) -> u64 {
        self.pollers[poller].position.value().saturating_sub(self.abandoned(poller))
    }

    /// How many events were discarded unread because `poller` was dropped.
    #[must_use]
    pub fn abandoned(&self, poller: usize) -> u64 {
        self.abandoned[poller].value()
    }

    /// How many events were dropped because the ring was full ([`OnFull::Drop`](crate::OnFull)).
    /// They have no sequence and are not in [`published`](Self::published).
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.publisher.dropped.value()
    }

    /// How many times the publisher waited for a free slot, the present wait included.
    #[must_use]
    pub fn stalls(&self) -> u64 {
        self.publisher.stalls.value()
    }

    /// How long the publisher has waited for free slots in all, in ticks of its
    /// [`Stall`](crate::Stall). Grows while it waits.
    #[must_use]
    pub fn stall_ticks(&self) -> u64 {
        self.publisher.stall_ticks.value()
    }

    /// Since when the publisher has been waiting, in ticks, or 0 when it is not waiting. A wait
    /// that began at tick 0 reads 1.
    #[must_use]
    pub fn stalled_since(&self) -> u64 {
        self.publisher.stalled_since.value()
    }

    #[inline]
    pub(crate) fn slowest_position(&self) -> u64 {
        self.pollers.iter().map(|poller| poller.position.value()).min().unwrap_or(0)
    }

    #[inline]
    pub(crate) fn publisher(&self) -> &PublisherGauges {
        &self.publisher
    }

    /// To be called by the poller, or by the publisher for a poller that was dropped.
    #[inline]
    pub(crate) fn poller(&self, poller: usize) -> &PollerGauges {
        &self.pollers[poller]
    }

    /// To be called by the publisher, for a poller that was dropped.
    pub(crate) fn abandon(&self, poller: usize, count: u64) {
        self.pollers[poller].position.add(count);
        self.abandoned[poller].add(count);
    }
}

/// What only the publisher writes.
#[derive(Debug, Default)]
pub(crate) struct PublisherGauges {
    pub(crate) published: Gauge,
    pub(crate) depth_max: Gauge,
    pub(crate) dropped: Gauge,
    pub(crate) stalls: Gauge,
    pub(crate) stall_ticks: Gauge,
    pub(crate) stalled_since: Gauge,
}

/// What only one poller writes.
#[derive(Debug, Default)]
pub(crate) struct PollerGauges {
    pub(crate) position: Gauge,
    pub(crate) lag_max: Gauge,
}

impl PollerGauges {
    /// To be called by the poller for each batch it begins: so the publisher need not look, whose
    /// look would take this line away from the poller at every publish.
    #[inline]
    pub(crate) fn note_lag(&self, lag: u64) {
        if lag > self.lag_max.value() {
            self.lag_max.set(lag);
        }
    }
}

/// A number with one writer and any number of readers.
#[derive(Debug, Default)]
pub(crate) struct Gauge(AtomicU64);

impl Gauge {
    #[inline]
    pub(crate) fn value(&self) -> u64 {
        // Relaxed: a figure for people. Nobody reads event memory on the strength of it; the
        // ring's own cursors order that.
        self.0.load(Ordering::Relaxed)
    }

    /// To be called by the one writer.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        // Relaxed: see `value`.
        self.0.store(value, Ordering::Relaxed);
    }

    /// To be called by the one writer, which is why a load and a store do.
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.set(self.value() + count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gauges() -> Gauges {
        Gauges::new(Capacity::new(8).unwrap(), 2)
    }

    #[test]
    fn depth_is_what_the_slowest_poller_has_not_read() {
        let gauges = gauges();
        gauges.publisher().published.set(10);
        gauges.poller(0).position.set(9);
        gauges.poller(1).position.set(4);
        assert_eq!((gauges.depth(), gauges.lag(0), gauges.lag(1)), (6, 1, 6));
    }

    #[test]
    fn depth_stays_within_the_ring_when_figures_are_of_different_moments() {
        let gauges = gauges();
        gauges.publisher().published.set(100);
        assert_eq!(gauges.depth(), 8);
        gauges.poller(0).position.set(101);
        gauges.poller(1).position.set(101);
        assert_eq!((gauges.depth(), gauges.lag(0)), (0, 0));
    }

    #[test]
    fn abandoned_events_do_not_count_as_read() {
        let gauges = gauges();
        gauges.publisher().published.set(7);
        gauges.poller(1).position.set(3);
        gauges.abandon(1, 4);
        assert_eq!((gauges.read(1), gauges.abandoned(1), gauges.lag(1)), (3, 4, 0));
    }

    #[test]
    fn writers_do_not_share_a_cache_line() {
        let gauges = gauges();
        let line = |at: *const Gauge| at.addr() / 64;
        assert_ne!(
            line(&raw const gauges.poller(0).position),
            line(&raw const gauges.poller(1).position)
        );
        assert_ne!(
            line(&raw const gauges.poller(0).position),
            line(&raw const gauges.publisher().published)
        );
    }
}
