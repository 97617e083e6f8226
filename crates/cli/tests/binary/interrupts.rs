//! SIGINT and SIGTERM under load.

use serde_json::Value;

use crate::support::{Process, Venue, count, list, live};

/// Events that the slow strategy must be behind before the signal comes.
const LAG_MIN: u64 = 4_000;

/// A run that `slow` holds up, told to stop when it is well behind: its report.
fn stopped(signal: &str, arguments: &[&str], code: i32) -> Value {
    let venue = Venue::start(&["--profile", "steady:1000000"]);
    let mut command = live(&venue.url, &["--strategy", "null", "--strategy", "slow"]);
    let mut engine = Process::start(command.args(arguments));
    let lag = |line: &str| -> u64 {
        let words = line.split_once(" slow ").map_or("", |it| it.1);
        words.split(',').next().and_then(|lag| lag.parse().ok()).unwrap_or(0)
    };
    while lag(engine.line()) < LAG_MIN {}
    engine.signal(signal);
    let report = engine.finish().exits(code).report();
    venue.report();
    report
}

#[track_caller]
fn check_drains(signal: &str) {
    let report = stopped(signal, &["--drain", "60s"], 130);
    assert_eq!(report["drained"], true);
    // The publisher looks once in a 64th of the ring.
    let depth_max = count(&report["ring"]["depth_max"]);
    assert!(depth_max + count(&report["ring"]["capacity"]) / 64 >= LAG_MIN, "{depth_max}");
    for strategy in list(&report["strategies"]) {
        assert_eq!(strategy["handled"], report["events"]["published"], "{}", strategy["name"]);
    }
    assert_eq!((&report["loss"]["gaps"], &report["loss"]["dropped"]), (&0.into(), &0.into()));
}

#[test]
fn an_interrupt_under_load_drains_and_reports() {
    check_drains("INT");
}

#[test]
fn a_request_to_terminate_under_load_drains_and_reports() {
    check_drains("TERM");
}

#[test]
fn what_is_left_at_the_deadline_is_skipped_and_counted() {
    let report = stopped("INT", &["--drain", "1ms"], 124);
    assert_eq!(report["drained"], false);
    let slow = &list(&report["strategies"])[1];
    assert_eq!((&slow["name"], &slow["errors"]), (&"slow".into(), &0.into()));
    assert!(count(&slow["skipped"]) > 0);
}
