use std::num::NonZeroUsize;

use tickring_event::MarketEvent;
use tickring_strategy::{Delivery, WorkerConfig};

use crate::support::{Act, Ran, Scripted, run, status, top, trade};

fn conflating(lag_events: u64) -> Scripted {
    Scripted { delivery: Delivery::Conflate { lag_events }, ..Scripted::default() }
}

fn config(batch: usize) -> WorkerConfig {
    let batch_events_max = NonZeroUsize::new(batch).expect("tests ask for some");
    WorkerConfig { batch_events_max, ..WorkerConfig::new("scripted") }
}

#[track_caller]
fn check(events: &[MarketEvent], lag_events: u64, sequences: &[u64]) {
    let mut strategy = conflating(lag_events);
    let Ran { report, .. } = run(&mut strategy, &config(8), events);
    assert_eq!(strategy.sequences(), sequences);
    let handled = sequences.len() as u64;
    assert_eq!((report.handled, report.skipped), (handled, 0));
    assert_eq!(report.conflated, events.len() as u64 - handled);
}

#[test]
fn only_the_newest_top_of_book_of_an_instrument_is_handled() {
    check(&[top(0), top(1), top(0), top(1), top(0)], 0, &[3, 4]);
}

#[test]
fn another_event_of_the_instrument_comes_after_what_waited() {
    check(&[top(0), top(0), trade(0), top(0), top(1)], 0, &[1, 2, 3, 4]);
    check(&[top(0), trade(1), top(0)], 0, &[1, 2]);
}

#[test]
fn an_event_of_no_instrument_comes_after_all_that_waited() {
    check(&[top(0), top(1), top(0), status(), top(1)], 0, &[1, 2, 3, 4]);
}

#[test]
fn trades_are_never_conflated() {
    check(&[trade(0), trade(0), trade(0)], 0, &[0, 1, 2]);
}

#[test]
fn a_batch_ends_what_waits() {
    let events: Vec<_> = (0..20).map(|_| top(0)).collect();
    check(&events, 0, &[7, 15, 19]);
}

#[test]
fn nothing_is_conflated_while_the_lag_is_within_its_limit() {
    let events: Vec<_> = (0..20).map(|_| top(0)).collect();
    check(&events, 20, &(0..20).collect::<Vec<_>>());
    // Lags of 20, 12 and 4 when the three batches begin.
    check(&events, 12, &[7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
}

#[test]
fn what_waits_when_the_strategy_is_taken_out_counts_as_skipped() {
    let mut strategy = conflating(0);
    strategy.acts = vec![Act::Handle, Act::Panic];
    let events = [top(0), trade(1), top(0), top(2), trade(1)];
    let Ran { report, .. } = run(&mut strategy, &config(8), &events);
    assert_eq!((report.handled, report.conflated, report.skipped), (0, 1, 4));
}
