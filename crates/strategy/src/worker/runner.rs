use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use tickring_event::{Digest, InstrumentId, Instruments, MarketEvent};
use tickring_metrics::{Clock, EventTimes, StageRecorders};
use tickring_ring::Poller;

use super::conflater::{Conflater, Offer};
use super::gauges::{Counts, WorkerGauges};
use super::report::WorkerReport;
use super::{WorkerConfig, WorkerParts};
use crate::context::Context;
use crate::fault::{OnFault, Pause};
use crate::signal::SignalPort;
use crate::strategy::{Delivery, Strategy, StrategyError};

/// A strategy at work: delivers, times, retries, contains, counts.
pub(super) struct Runner<'s, 'a, S: ?Sized> {
    strategy: &'s mut S,
    config: &'s WorkerConfig,
    instruments: &'a Instruments,
    clock: Clock,
    port: SignalPort,
    recorders: StageRecorders,
    pause: &'a mut dyn Pause,
    gauges: &'a WorkerGauges,
    stop: &'a AtomicBool,
    abandon: &'a AtomicBool,
    conflater: Option<Conflater>,
    counts: Counts,
    /// Of every event the strategy was given.
    received: Digest,
    /// Why the strategy is not called any more.
    culprit: Option<String>,
    last_ticks: u64,
    last_sequence: u64,
    last_venue_time_ns: u64,
}

/// What a call of the strategy came to.
type Called = Result<Result<(), StrategyError>, Box<dyn Any + Send>>;

impl<'s, 'a, S: Strategy + ?Sized> Runner<'s, 'a, S> {
    pub(super) fn new(
        strategy: &'s mut S,
        config: &'s WorkerConfig,
        parts: WorkerParts<'a>,
    ) -> (Poller<MarketEvent>, Self) {
        let WorkerParts {
            poller,
            instruments,
            clock,
            signals,
            recorders,
            pause,
            gauges,
            stop,
            abandon,
        } = parts;
        let mut runner = Self {
            strategy,
            config,
            instruments,
            clock,
            port: SignalPort::new(signals, config.strategy, config.shard.index()),
            recorders,
            pause,
            gauges,
            stop,
            abandon,
            conflater: None,
            counts: Counts::default(),
            received: Digest::new(),
            culprit: None,
            last_ticks: 0,
            last_sequence: 0,
            last_venue_time_ns: 0,
        };
        runner.start();
        (poller, runner)
    }

    fn start(&mut self) {
        let delivery = match contain(|| self.strategy.delivery()) {
            Ok(delivery) => delivery,
            Err(panic) => {
                self.quarantine(format!("panicked at the start: {}", words(&*panic)));
                Delivery::Every
            }
        };
        if let Delivery::Conflate { lag_events } = delivery {
            let batch = self.config.batch_events_max.get();
            self.conflater = Some(Conflater::new(lag_events, batch, self.instruments.capacity()));
        }
    }

    #[inline]
    pub(super) fn start_batch(&mut self, poller: &Poller<MarketEvent>) {
        // Only a strategy that conflates looks at its lag: the figure lies in the publisher's line.
        if let Some(conflater) = &mut self.conflater {
            conflater.start_batch(poller.lag());
        }
    }

    #[inline]
    pub(super) fn take(&mut self, event: &MarketEvent, sequence: u64) {
        if !self.config.shard.takes(event.instrument) {
            return;
        }
        if self.conflater.is_some() && self.hold(event, sequence) {
            return;
        }
        self.deliver(event, sequence);
    }

    /// Delivers what must come before `event`; whether `event` itself has to wait.
    fn hold(&mut self, event: &MarketEvent, sequence: u64) -> bool {
        let Some(conflater) = &mut self.conflater else { return false };
        match conflater.offer(event, sequence) {
            Offer::Held => true,
            Offer::Replaced => {
                self.counts.conflated += 1;
                true
            }
            Offer::Refused if event.instrument.is_none() => {
                // It concerns every instrument.
                self.flush();
                false
            }
            Offer::Refused => {
                if let Some(held) = conflater.release(event.instrument) {
                    self.deliver(&held.event, held.sequence);
                }
                false
            }
        }
    }

    fn flush(&mut self) {
        while let Some(held) = self.conflater.as_mut().and_then(Conflater::release_next) {
            self.deliver(&held.event, held.sequence);
        }
    }

    #[inline]
    pub(super) fn end_batch(&mut self) {
        self.flush();
        self.gauges.store(&self.counts, self.culprit.is_some());
        self.recorders.roll(self.last_ticks);
    }

    pub(super) fn idle(&mut self) {
        self.recorders.roll(self.clock.ticks());
    }

    #[inline]
    fn deliver(&mut self, event: &MarketEvent, sequence: u64) {
        let is_counted = self.config.shard.counts(event.instrument);
        // Relaxed: a wish that nothing else is read on the strength of; an event more or less is
        // no matter.
        if self.culprit.is_some() || self.abandon.load(Ordering::Relaxed) {
            self.counts.skipped += u64::from(is_counted);
            return;
        }
        self.last_sequence = sequence;
        self.last_venue_time_ns = event.venue_time_ns;
        let process = self.clock.ticks();
        let is_handled = match self.call(event, sequence) {
            Ok(Ok(())) => true,
            failed => self.recover(event, sequence, failed),
        };
        let done = self.clock.ticks();
        self.last_ticks = done;
        self.received.add(event);
        if !is_counted {
            return;
        }
        if is_handled {
            self.counts.handled += 1;
            let (arrival, enqueue) = (event.arrival_ticks, event.enqueue_ticks);
            self.recorders.record(EventTimes { arrival, enqueue, process, done });
        } else {
            self.counts.skipped += 1;
        }
    }

    #[inline]
    fn call(&mut self, event: &MarketEvent, sequence: u64) -> Called {
        let mut context =
            Context::new(self.instruments, &mut self.port, sequence, event.venue_time_ns);
        contain(|| self.strategy.on_event(event, &mut context))
    }

    /// Deals with a call that failed: retries, gives the event up, or takes the strategy out of the
    /// run. Whether the event was handled in the end.
    #[cold]
    fn recover(&mut self, event: &MarketEvent, sequence: u64, mut called: Called) -> bool {
        let retry_config = self.config.retry;
        let mut retries = 0;
        loop {
            match called {
                Ok(Ok(())) => return true,
                Ok(Err(StrategyError::Transient(_))) if retries < retry_config.retries_max => {
                    self.counts.retries += 1;
                    self.pause.pause_ms(retry_config.delay_ms(retries));
                    retries += 1;
                    called = self.call(event, sequence);
                }
                Ok(Err(StrategyError::Transient(_))) => {
                    self.counts.errors += 1;
                    return false;
                }
                Ok(Err(fatal @ StrategyError::Fatal(_))) => {
                    let place = self.place(event.instrument, sequence);
                    self.quarantine(format!("failed at {place}: {fatal}"));
                    return false;
                }
                Err(panic) => {
                    let place = self.place(event.instrument, sequence);
                    self.quarantine(format!("panicked at {place}: {}", words(&*panic)));
                    return false;
                }
            }
        }
    }

    fn place(&self, instrument: InstrumentId, sequence: u64) -> String {
        match self.instruments.instrument(instrument) {
            Some(instrument) => format!("event {sequence} of {}", instrument.symbol()),
            None => format!("event {sequence} of no instrument"),
        }
    }

    #[cold]
    fn quarantine(&mut self, culprit: String) {
        self.counts.errors += 1;
        self.culprit = Some(culprit);
        if self.config.on_fault == OnFault::Stop {
            // Relaxed: a request that nothing else is read on the strength of. Who stops the run
            // learns the rest from the report, after joining this thread.
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn finish(mut self) -> WorkerReport {
        let mut figures = Vec::new();
        if self.culprit.is_none() {
            let (sequence, time_ns) = (self.last_sequence, self.last_venue_time_ns);
            let mut context = Context::new(self.instruments, &mut self.port, sequence, time_ns);
            let ended = contain(|| {
                self.strategy.on_end(&mut context);
                self.strategy.figures(&mut |name, value| figures.push((name.to_owned(), value)));
            });
            if let Err(panic) = ended {
                figures.clear();
                self.quarantine(format!("panicked at the end: {}", words(&*panic)));
            }
        }
        self.gauges.store(&self.counts, self.culprit.is_some());
        // The last interval ends with the worker; its log is not kept waiting for the report.
        self.recorders.roll(self.clock.ticks());
        let mut latency = StageRecorders::new();
        latency.merge(&self.recorders);
        WorkerReport {
            name: self.config.name.clone(),
            worker: self.config.shard.index(),
            handled: self.counts.handled,
            conflated: self.counts.conflated,
            skipped: self.counts.skipped,
            errors: self.counts.errors,
            retries: self.counts.retries,
            received: self.received,
            quarantined: self.culprit.is_some(),
            culprit: self.culprit,
            signals: self.port.given(),
            signals_dropped: self.port.dropped(),
            figures,
            latency,
        }
    }
}

/// Calls into a strategy. What it leaves half done when it panics is seen by nobody: it is not
/// called again.
#[inline]
fn contain<T>(call: impl FnOnce() -> T) -> Result<T, Box<dyn Any + Send>> {
    catch_unwind(AssertUnwindSafe(call))
}

/// The message of a panic.
fn words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&'static str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without words")
}
