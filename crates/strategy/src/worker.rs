//! Runs one strategy on the calling thread until the stream ends.

mod conflater;
mod gauges;
mod report;
mod runner;

use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;

use tickring_event::{Instruments, MarketEvent};
use tickring_metrics::{Clock, StageRecorders};
use tickring_ring::{PollError, Poller, WaitStrategy, Waiter};

use crate::fault::{OnFault, Pause, RetryConfig};
use crate::shard::Shard;
use crate::signal::SignalSender;
use crate::strategy::Strategy;
use runner::Runner;

pub use gauges::WorkerGauges;
pub use report::WorkerReport;

/// How a worker works.
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// Name of the strategy in the report.
    pub name: String,
    /// Index of the strategy in the run, for its signals.
    pub strategy: u16,
    /// Which instruments this worker handles; [`Shard::WHOLE`] for all of them.
    pub shard: Shard,
    /// Most events of one batch: slots come free, and gauges are written, once a batch.
    pub batch_events_max: NonZeroUsize,
    /// What a fatal error or a panic means.
    pub on_fault: OnFault,
    /// How events that failed for the moment are tried again.
    pub retry: RetryConfig,
    /// What the worker does while there are no events.
    pub wait: WaitStrategy,
}

impl WorkerConfig {
    /// A worker that handles every instrument, with default limits and waiting.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            strategy: 0,
            shard: Shard::WHOLE,
            batch_events_max: BATCH_EVENTS_MAX,
            on_fault: OnFault::default(),
            retry: RetryConfig::default(),
            wait: WaitStrategy::Backoff,
        }
    }
}

/// What a worker is given by its thread: its place in the run.
pub struct WorkerParts<'a> {
    /// Its end of the ring.
    pub poller: Poller<MarketEvent>,
    /// The instruments of the run.
    pub instruments: &'a Instruments,
    /// The clock that the events' ticks come from.
    pub clock: Clock,
    /// Where its signals go.
    pub signals: SignalSender,
    /// Its latency recorders, with or without an interval log.
    pub recorders: StageRecorders,
    /// How it waits before a retry.
    pub pause: &'a mut dyn Pause,
    /// Where it shows its counts while it runs.
    pub gauges: &'a WorkerGauges,
    /// Set by the worker when it asks the run to stop ([`OnFault::Stop`]). The worker itself goes
    /// on until the publisher ends.
    pub stop: &'a AtomicBool,
    /// Set by the caller when there is no time left: from then on the strategy is given nothing,
    /// and what is still read counts as skipped.
    pub abandon: &'a AtomicBool,
}

/// Gives `strategy` its events until the publisher has ended and all were read, then tells how it
/// went. The caller keeps the strategy.
///
/// For each event the time is taken just before and just after [`Strategy::on_event`], retries
/// included. Every event of the stream ends in exactly one of handled, conflated and skipped; an
/// event of another shard in none. For a sharded strategy the sums over its workers are the
/// stream's, because events of no single instrument reach every worker and are counted by the
/// first one alone.
///
/// Whatever the strategy does, the poller is read to the end, so that nobody waits for it. A
/// strategy that fails for good or panics is not called again; what is left is counted as skipped.
/// A strategy that never returns keeps this function from returning.
///
/// Allocates at the start, at the end and when something fails; not per event.
pub fn run_worker<S: Strategy + ?Sized>(
    strategy: &mut S,
    config: &WorkerConfig,
    parts: WorkerParts<'_>,
) -> WorkerReport {
    let (mut poller, mut runner) = Runner::new(strategy, config, parts);
    let mut waiter = Waiter::new(config.wait);
    loop {
        runner.start_batch(&poller);
        let polled = poller.poll(config.batch_events_max, |event, sequence, end_of_batch| {
            runner.take(event, sequence);
            if end_of_batch {
                runner.end_batch();
            }
        });
        match polled {
            Ok(_) => waiter.reset(),
            Err(PollError::Empty) => {
                runner.idle();
                waiter.idle();
            }
            Err(PollError::Shutdown) => return runner.finish(),
        }
    }
}

/// Default of [`WorkerConfig::batch_events_max`]: 32 KiB of slots, which stay in a first-level cache.
const BATCH_EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

impl std::fmt::Debug for WorkerParts<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("WorkerParts").field("poller", &self.poller).finish_non_exhaustive()
    }
}
