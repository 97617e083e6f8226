use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tickring_event::MarketEvent;
use tickring_metrics::{Clock, StageRecorders};
use tickring_ring::{Capacity, OnFull, Poller, Stall, ring};
use tickring_strategy::{
    ClockPause, Context, OnFault, SignalSender, Strategy, StrategyError, WorkerConfig,
    WorkerGauges, WorkerParts, WorkerReport, run_worker,
};

use crate::support::{Act, Ran, Scripted, ended, instruments, run, trade};

fn config() -> WorkerConfig {
    WorkerConfig::new("scripted")
}

fn trades(count: usize) -> Vec<MarketEvent> {
    (0..count).map(|_| trade(3)).collect()
}

#[test]
fn a_transient_error_is_retried_after_10_20_and_40_ms() {
    let mut strategy = Scripted::at(1, Act::FailTimes(3));
    let Ran { report, pauses_ms, is_stop_set, .. } = run(&mut strategy, &config(), &trades(3));
    assert_eq!(pauses_ms, [10, 20, 40]);
    assert_eq!((report.handled, report.skipped), (3, 0));
    assert_eq!((report.retries, report.errors), (3, 0));
    assert_eq!(strategy.sequences(), [0, 1, 1, 1, 1, 2]);
    assert!(!report.quarantined && !is_stop_set);
}

#[test]
fn an_event_that_fails_four_times_is_given_up_and_the_next_one_comes() {
    let mut strategy = Scripted::at(1, Act::FailTimes(4));
    let Ran { report, pauses_ms, gauges, .. } = run(&mut strategy, &config(), &trades(3));
    assert_eq!(pauses_ms, [10, 20, 40]);
    assert_eq!((report.handled, report.skipped), (2, 1));
    assert_eq!((report.retries, report.errors), (3, 1));
    assert!(!report.quarantined);
    assert_eq!((gauges.handled(), gauges.skipped(), gauges.errors()), (2, 1, 1));
}

#[track_caller]
fn check_quarantine(act: Act, culprit: &str) {
    let mut strategy = Scripted::at(2, act);
    let Ran { report, is_stop_set, gauges, .. } = run(&mut strategy, &config(), &trades(10));
    assert_eq!(report.culprit.as_deref(), Some(culprit));
    assert_eq!((report.handled, report.skipped, report.errors), (2, 8, 1));
    assert_eq!(strategy.sequences(), [0, 1, 2], "it is never called again");
    assert_eq!((strategy.ends, report.figures.len()), (0, 0), "not at the end either");
    assert_eq!((report.signals, report.latency.summary(&Clock::mock().0).total.count), (2, 2));
    assert!(report.quarantined && gauges.quarantined() && !is_stop_set);
}

#[test]
fn a_fatal_error_takes_the_strategy_out_and_names_event_and_symbol() {
    check_quarantine(Act::Die, "failed at event 2 of I3: fatal: out of ideas");
}

#[test]
fn a_panic_takes_the_strategy_out_and_names_event_and_symbol() {
    check_quarantine(Act::Panic, "panicked at event 2 of I3: wrong by 3");
}

#[test]
fn on_fault_stop_asks_the_run_to_stop_and_still_drains() {
    let config = WorkerConfig { on_fault: OnFault::Stop, ..config() };
    let mut strategy = Scripted::at(2, Act::Panic);
    let Ran { report, is_stop_set, .. } = run(&mut strategy, &config, &trades(10));
    assert!(is_stop_set);
    assert_eq!((report.handled, report.skipped), (2, 8));
}

#[test]
fn a_panic_at_the_end_is_contained() {
    let mut strategy = Scripted { panics_at_end: true, ..Scripted::default() };
    let Ran { report, .. } = run(&mut strategy, &config(), &trades(2));
    assert_eq!((report.handled, report.errors), (2, 1));
    assert_eq!(report.culprit.as_deref(), Some("panicked at the end: no good end"));
    assert!(report.figures.is_empty());
}

#[test]
fn a_stream_without_faults_ends_with_figures() {
    let mut strategy = Scripted::default();
    let Ran { report, .. } = run(&mut strategy, &config(), &trades(2));
    assert_eq!(report.figures, [("ends".to_owned(), 1.0)]);
    assert_eq!((report.signals, report.signals_dropped), (2, 0));
}

/// Sets a flag at the third event.
struct Impatient<'a> {
    flag: &'a AtomicBool,
    calls: u32,
    ends: u32,
}

impl Strategy for Impatient<'_> {
    fn name(&self) -> &str {
        "impatient"
    }

    fn on_event(&mut self, _: &MarketEvent, _: &mut Context<'_>) -> Result<(), StrategyError> {
        self.calls += 1;
        // Relaxed: one thread.
        self.flag.store(self.calls == 3, Ordering::Relaxed);
        Ok(())
    }

    fn on_end(&mut self, _: &mut Context<'_>) {
        self.ends += 1;
    }
}

#[test]
fn an_abandoned_strategy_skips_what_is_left_and_ends_well() {
    let abandon = AtomicBool::new(false);
    let mut strategy = Impatient { flag: &abandon, calls: 0, ends: 0 };
    let (clock, _) = Clock::mock();
    let parts = WorkerParts {
        poller: ended(&trades(10), 1).remove(0),
        instruments: &instruments(8),
        clock: clock.clone(),
        signals: SignalSender::discarding(),
        recorders: StageRecorders::new(),
        pause: &mut ClockPause::new(clock),
        gauges: &WorkerGauges::new(),
        stop: &AtomicBool::new(false),
        abandon: &abandon,
    };
    let report = run_worker(&mut strategy, &config(), parts);
    assert_eq!((report.handled, report.skipped, report.errors), (3, 7, 0));
    assert_eq!((strategy.calls, strategy.ends, report.quarantined), (3, 1, false));
}

struct Yield;

impl Stall for Yield {
    fn ticks(&mut self) -> u64 {
        0
    }

    fn wait(&mut self) -> ControlFlow<()> {
        thread::yield_now();
        ControlFlow::Continue(())
    }
}

fn work(poller: Poller<MarketEvent>, strategy: &mut dyn Strategy, clock: &Clock) -> WorkerReport {
    let parts = WorkerParts {
        poller,
        instruments: &instruments(8),
        clock: clock.clone(),
        signals: SignalSender::discarding(),
        recorders: StageRecorders::new(),
        pause: &mut ClockPause::new(clock.clone()),
        gauges: &WorkerGauges::new(),
        stop: &AtomicBool::new(false),
        abandon: &AtomicBool::new(false),
    };
    run_worker(strategy, &config(), parts)
}

#[test]
fn a_panic_in_one_strategy_leaves_the_other_at_full_count() {
    const EVENTS: usize = 20_000;
    let (mut publisher, mut pollers) = ring(Capacity::new(64).unwrap(), 2);
    let (second, first) = (pollers.remove(1), pollers.remove(0));
    let (clock, _) = Clock::mock();
    let mut sick = Scripted::at(500, Act::Panic);
    let mut well = Scripted::default();
    let (sick_report, well_report) = thread::scope(|scope| {
        let sick = thread::Builder::new().spawn_scoped(scope, || work(first, &mut sick, &clock));
        let well = thread::Builder::new().spawn_scoped(scope, || work(second, &mut well, &clock));
        for chunk in trades(EVENTS).chunks(7) {
            publisher.publish(chunk, OnFull::Block, &mut Yield).unwrap();
        }
        drop(publisher);
        (sick.unwrap().join().unwrap(), well.unwrap().join().unwrap())
    });
    assert_eq!((well_report.handled, well_report.skipped), (EVENTS as u64, 0));
    assert!(!well_report.quarantined);
    assert_eq!((sick_report.handled, sick_report.skipped), (500, EVENTS as u64 - 500));
    let culprit = sick_report.culprit.unwrap();
    assert_eq!(culprit, "panicked at event 500 of I3: wrong by 3");
    assert_eq!(well.calls.len(), EVENTS);
}
