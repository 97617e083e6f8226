use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A worker's counts while it runs, for a monitor to read. Written by the worker once a batch.
///
/// Aligned to 128 bytes (two lines: processors fetch lines in pairs), so that it shares no line
/// with its neighbours.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerGauges {
    handled: AtomicU64,
    conflated: AtomicU64,
    skipped: AtomicU64,
    errors: AtomicU64,
    quarantined: AtomicBool,
}

/// What a worker shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) handled: u64,
    pub(super) conflated: u64,
    pub(super) skipped: u64,
    pub(super) errors: u64,
    pub(super) retries: u64,
}

impl WorkerGauges {
    /// All zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Events the strategy handled.
    #[must_use]
    pub fn handled(&self) -> u64 {
        load(&self.handled)
    }

    /// Events replaced by a later one of the same instrument.
    #[must_use]
    pub fn conflated(&self) -> u64 {
        load(&self.conflated)
    }

    /// Events the strategy gave up or was not given after a fault.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        load(&self.skipped)
    }

    /// Events that ended in an error, and panics.
    #[must_use]
    pub fn errors(&self) -> u64 {
        load(&self.errors)
    }

    /// Whether the strategy was taken out of the run.
    #[must_use]
    pub fn quarantined(&self) -> bool {
        // Relaxed: see `load`.
        self.quarantined.load(Ordering::Relaxed)
    }

    pub(super) fn store(&self, counts: &Counts, quarantined: bool) {
        // Relaxed, all of them: figures for people, whole each by itself. No memory is read on the
        // strength of one, and two of different batches are only a moment apart.
        self.handled.store(counts.handled, Ordering::Relaxed);
        self.conflated.store(counts.conflated, Ordering::Relaxed);
        self.skipped.store(counts.skipped, Ordering::Relaxed);
        self.errors.store(counts.errors, Ordering::Relaxed);
        self.quarantined.store(quarantined, Ordering::Relaxed);
    }
}

fn load(gauge: &AtomicU64) -> u64 {
    // Relaxed: a figure for people; see `WorkerGauges::store`.
    gauge.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gauges_share_no_line_with_their_neighbours() {
        assert_eq!(align_of::<WorkerGauges>(), 128);
        assert_eq!(size_of::<WorkerGauges>(), 128);
    }
}
