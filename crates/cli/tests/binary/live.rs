//! A venue in one process and the engine in another.

use serde_json::Value;

use crate::support::{Process, SYMBOLS, Venue, count, figure, list, live, messages};

/// Runs until the venue has sent all it will: the reports of the engine and of the venue.
pub(crate) fn run(venue: Venue, subscriptions: u32, arguments: &[&str]) -> [Value; 2] {
    let mut command = live(&venue.url, arguments);
    // Back before the venue has sent all: only a later message shows what is missing.
    command.env("RECONNECT_BASE_DELAY", "0.05").env("RECONNECT_MAX_DELAY", "0.1");
    let mut engine = Process::start(&mut command);
    for _ in 0..subscriptions {
        engine.wait_for("every subscription was answered");
    }
    engine.wait_for_silence();
    engine.signal("INT");
    let report = engine.finish().exits(130).report();
    assert_eq!(report["drained"], true);
    [report, venue.report()]
}

#[track_caller]
fn check_audit(report: &Value, checked: u64) {
    assert_eq!(figure(report, "audit", "checked"), checked);
    assert_eq!(messages(report), checked);
    for kind in ["lost", "duplicated", "reordered"] {
        assert_eq!(figure(report, "audit", kind), 0, "{kind}");
    }
}

#[test]
fn numbered_messages_arrive_once_and_in_order() {
    let venue = Venue::start(&["--profile", "steady:100000", "--count", "100000"]);
    let [report, sent] = run(venue, 1, &["--strategy", "audit"]);
    assert_eq!(sent["frames_sent"], 100_000);
    check_audit(&report, 100_000);
    assert_eq!((&report["loss"]["gaps"], &report["loss"]["dropped"]), (&0.into(), &0.into()));
    assert_eq!(report["connections"]["reconnects"], 0);
}

#[test]
#[cfg(target_os = "linux")]
fn latencies_start_in_the_kernel_where_it_is_asked() {
    let venue = Venue::start(&["--profile", "steady:100000", "--count", "20000"]);
    let [report, _] = run(venue, 1, &["--strategy", "audit", "--kernel-time"]);
    check_audit(&report, 20_000);
    let kernel_time = &report["connections"]["kernel_time"];
    let [reads, without] = ["reads", "reads_without"].map(|it| count(&kernel_time[it]));
    assert!(reads > without, "loopback stamps: {kernel_time}");
    let waited = &report["stages"]["kernel"];
    assert!(count(&waited["count"]) > 0 && count(&waited["max"]) > 0, "{waited}");
    let total = &list(&report["strategies"])[0]["latency_ns"]["total"];
    assert!(count(&total["max"]) >= count(&waited["max"]), "{waited} within {total}");
}

#[test]
fn a_small_ring_and_a_slow_strategy_delay_but_lose_nothing() {
    let venue = Venue::start(&["--profile", "steady:1000000", "--count", "20000"]);
    let arguments = ["--ring", "64", "--strategy", "audit", "--strategy", "slow"];
    let [report, sent] = run(venue, 1, &arguments);
    assert_eq!(sent["frames_sent"], 20_000);
    check_audit(&report, 20_000);
    let (ring, stall) = (&report["ring"], &report["stages"]["stall"]);
    assert_eq!((&ring["capacity"], &ring["depth_max"]), (&64.into(), &64.into()));
    assert!(count(&ring["stalls"]) > 0 && count(&ring["stall_ns"]) > 0);
    assert!(count(&stall["count"]) > 0 && count(&stall["max"]) > 0);
    let slow = &list(&report["strategies"])[1];
    let latency = &slow["latency_ns"];
    assert_eq!(slow["name"], "slow");
    assert!(count(&latency["queue"]["p50"]) > count(&latency["handle"]["p50"]), "{latency}");
}

#[test]
fn what_is_sent_during_three_restarts_is_reported_as_missing() {
    let mut arguments = vec!["--profile", "steady:10000", "--count", "60000"];
    arguments.extend(["--restarts", "3", "--down", "50ms"]);
    let venue = Venue::start(&arguments);
    let [report, sent] = run(venue, 4, &["--strategy", "audit"]);
    assert_eq!((&sent["frames_numbered"], &sent["restarts"]), (&60_000.into(), &3.into()));
    assert_eq!(report["connections"]["reconnects"], 3);
    check_audit(&report, count(&sent["frames_sent"]));
    let missing = count(&report["loss"]["missing"]);
    assert!(missing > 0, "something was sent while nobody was there");
    assert_eq!(missing, count(&sent["frames_while_away"]));
    assert_eq!(figure(&report, "audit", "gap_missing"), missing);
    assert_eq!(messages(&report) + missing, 60_000, "each message came or is known to be missing");
    assert!(count(&report["loss"]["gaps"]) > 0);
    assert_eq!(report["events"]["gap"], report["loss"]["gaps"]);
}

#[test]
fn a_run_ends_with_its_duration() {
    let venue = Venue::start(&["--profile", "steady:1000"]);
    let engine = Process::start(&mut live(&venue.url, &["--duration", "1s"]));
    let report = engine.finish().exits(0).report();
    assert!(count(&report["wall_ns"]) >= 1_000_000_000);
    assert!(messages(&report) > 0);
    let sent = venue.report();
    assert_eq!(sent["connections"], 1);
    assert_eq!(count(&sent["subscriptions"]), SYMBOLS.split(',').count() as u64 * 3);
}
