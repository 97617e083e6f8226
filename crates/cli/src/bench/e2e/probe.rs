//! The strategy of an end-to-end run: counts, and looks at what its thread allocates.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tickring_event::{Kind, MarketEvent};
use tickring_metrics::{Clock, IntervalRecorder};
use tickring_strategy::{Context, Strategy, StrategyError};

use crate::allocations;

/// The strategy's name in its report.
pub(super) const NAME: &str = "bench";

/// What the probe leaves behind.
#[derive(Debug, Default)]
pub(super) struct Probed {
    ended_ticks: AtomicU64,
    allocations: AtomicU64,
    events: AtomicU64,
    intervals: Mutex<Option<IntervalRecorder>>,
}

impl Probed {
    /// When everything was handled.
    pub(super) fn ended(&self) -> u64 {
        // Relaxed, here and below: read after the thread that wrote was joined.
        self.ended_ticks.load(Ordering::Relaxed)
    }

    /// Allocations of the worker's thread after its warm-up, and the events of that time.
    pub(super) fn allocations(&self) -> (u64, u64) {
        (self.allocations.load(Ordering::Relaxed), self.events.load(Ordering::Relaxed))
    }

    /// The recorder that was lent.
    pub(super) fn take_intervals(&self) -> Option<IntervalRecorder> {
        self.intervals.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

pub(super) struct Probe {
    probed: Arc<Probed>,
    clock: Clock,
    intervals: Option<IntervalRecorder>,
    counts: [u64; Kind::ALL.len()],
    seen: u64,
    /// Events of the warm-up, and the allocations at its end.
    warm_up: u64,
    allocations: u64,
}

impl Probe {
    /// A probe of a run of so many frames. The first half of them warms up.
    pub(super) fn new(
        probed: &Arc<Probed>,
        clock: &Clock,
        frames: u64,
        intervals: Option<IntervalRecorder>,
    ) -> Self {
        Self {
            probed: Arc::clone(probed),
            clock: clock.clone(),
            intervals,
            counts: [0; Kind::ALL.len()],
            seen: 0,
            warm_up: frames / 2,
            allocations: 0,
        }
    }
}

impl Strategy for Probe {
    fn name(&self) -> &str {
        NAME
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        _context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        self.counts[event.kind() as usize] += 1;
        self.seen += 1;
        if self.seen == self.warm_up {
            self.allocations = allocations::of_this_thread();
        }
        if let Some(intervals) = &mut self.intervals {
            let now = self.clock.ticks();
            intervals.record_ticks(now.saturating_sub(event.arrival_ticks));
            intervals.roll(now);
        }
        Ok(())
    }

    fn on_end(&mut self, _context: &mut Context<'_>) {
        let allocations = allocations::of_this_thread() - self.allocations;
        self.probed.ended_ticks.store(self.clock.ticks(), Ordering::Relaxed);
        self.probed.allocations.store(allocations, Ordering::Relaxed);
        let events = self.seen.saturating_sub(self.warm_up);
        self.probed.events.store(events, Ordering::Relaxed);
        *self.probed.intervals.lock().unwrap_or_else(PoisonError::into_inner) =
            self.intervals.take();
    }
}
