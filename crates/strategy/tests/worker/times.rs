use tickring_event::MarketEvent;
use tickring_metrics::{Clock, IntervalDrain, MockClock, StageIntervals, StageRecorders};
use tickring_strategy::{Context, Strategy, StrategyError, WorkerConfig};

use crate::support::{Act, Ran, Scripted, run, run_with, trade};

/// Takes 250 ns for each event.
struct Slow(MockClock);

impl Strategy for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn on_event(&mut self, _: &MarketEvent, _: &mut Context<'_>) -> Result<(), StrategyError> {
        self.0.advance_ns(250);
        Ok(())
    }
}

#[test]
fn queue_handle_and_total_are_taken_around_the_strategy() {
    let (clock, time) = Clock::mock();
    let recorders = StageRecorders::new();
    let config = WorkerConfig::new("slow");
    let mut strategy = Slow(time.clone());
    let Ran { report, clock, .. } =
        run_with(&mut strategy, &config, &[trade(0), trade(0)], (clock, time, recorders));
    let latency_ns = report.latency.summary(&clock);
    assert_eq!((latency_ns.queue.min, latency_ns.queue.max), (600, 850));
    assert_eq!((latency_ns.handle.min, latency_ns.handle.max), (250, 250));
    assert_eq!((latency_ns.total.min, latency_ns.total.max), (1_250, 1_500));
    let entry = report.entry(&clock, Some(3), "backoff");
    assert_eq!((entry.name.as_str(), entry.handled, entry.core), ("slow", 2, Some(3)));
    assert_eq!((entry.latency_ns, entry.wait.as_str()), (latency_ns, "backoff"));
}

#[test]
fn retries_are_part_of_the_time_it_took() {
    let mut strategy = Scripted::at(0, Act::FailTimes(2));
    let Ran { report, clock, .. } = run(&mut strategy, &WorkerConfig::new("x"), &[trade(0)]);
    let latency_ns = report.latency.summary(&clock);
    assert_eq!((latency_ns.queue.max, latency_ns.handle.max), (600, 30_000_000));
}

#[test]
fn an_event_that_was_given_up_is_not_timed() {
    let mut strategy = Scripted::at(0, Act::FailTimes(9));
    let Ran { report, clock, .. } =
        run(&mut strategy, &WorkerConfig::new("x"), &[trade(0), trade(0)]);
    assert_eq!(report.latency.summary(&clock).handle.count, 1);
}

#[test]
fn the_interval_log_is_complete_when_the_worker_has_ended() {
    let (clock, time) = Clock::mock();
    let mut drain = IntervalDrain::new(Vec::new(), clock.clone(), 1_000).unwrap();
    let intervals = StageIntervals::new(&mut drain, "slow").unwrap();
    let recorders = StageRecorders::with_intervals(intervals);
    let mut strategy = Slow(time.clone());
    let config = WorkerConfig::new("slow");
    let Ran { report, .. } =
        run_with(&mut strategy, &config, &[trade(0)], (clock, time, recorders));
    assert_eq!(drain.collect().unwrap(), 3, "queue, handle and total");
    assert_eq!(report.handled, 1);
}
