//! Everything on loopback in one process.

use crate::support::{Ran, count, list, messages, tickring};

#[test]
fn a_demo_loses_nothing_and_every_strategy_handles_all() {
    let mut command = tickring(&["demo", "--duration", "2s", "--format", "json"]);
    let report = Ran::of(&mut command).exits(0).report();
    assert_eq!((&report["schema_version"], &report["command"]), (&1.into(), &"demo".into()));
    for kind in ["gaps", "dropped", "missing", "duplicated", "reordered"] {
        assert_eq!(report["loss"][kind], 0, "{kind}");
    }
    assert_eq!(report["decode_errors"]["total"], 0);
    assert_eq!(report["connections"]["attempts"], 1);
    assert_eq!(report["drained"], true);
    assert!(count(&report["wall_ns"]) >= 2_000_000_000, "it lasts as long as it was told");
    assert!(messages(&report) > 0);
    let strategies = list(&report["strategies"]);
    assert_eq!(strategies.len(), 2);
    for strategy in strategies {
        assert_eq!(strategy["handled"], report["events"]["published"]);
        assert!(count(&strategy["latency_ns"]["queue"]["count"]) > 0);
        assert!(count(&strategy["latency_ns"]["queue"]["max"]) > 0);
    }
}

#[test]
fn a_strategy_that_is_slow_is_named_as_the_bottleneck() {
    let mut command = tickring(&["demo", "--profile", "steady:1000000", "--ring", "64"]);
    command.args(["--strategy", "null,slow", "--duration", "1s", "--format", "json"]);
    let report = Ran::of(command.args(["--drain", "60s"])).exits(0).report();
    assert_eq!(report["bottleneck"], "strategy slow");
    assert_eq!(report["loss"]["gaps"], 0);
}
