use std::num::NonZeroUsize;

use proptest::collection::vec;
use proptest::prelude::*;
use tickring_event::MarketEvent;
use tickring_strategy::{Delivery, Shard, WorkerConfig};

use crate::support::{Act, Ran, Scripted, run, status, top, trade};

fn event() -> impl Strategy<Value = MarketEvent> {
    prop_oneof![
        4 => (0..12_u32).prop_map(top),
        4 => (0..12_u32).prop_map(trade),
        1 => Just(status()),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        200 => Just(Act::Handle),
        10 => (1..6_u32).prop_map(Act::FailTimes),
        1 => Just(Act::Die),
        1 => Just(Act::Panic),
    ]
}

fn delivery() -> impl Strategy<Value = Delivery> {
    prop_oneof![
        Just(Delivery::Every),
        (0..80_u64).prop_map(|lag_events| Delivery::Conflate { lag_events }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn every_event_is_handled_conflated_or_skipped_once(
        events in vec(event(), 0..120), acts in vec(act(), 0..120), delivery in delivery(),
        batch in 1..40_usize, workers in 1..5_u32,
    ) {
        let mut sum = 0;
        for index in 0..workers {
            let acts = acts.clone();
            let mut strategy = Scripted { acts, delivery, ..Scripted::default() };
            let config = WorkerConfig {
                shard: Shard::new(index, workers).unwrap(),
                batch_events_max: NonZeroUsize::new(batch).unwrap(),
                ..WorkerConfig::new("scripted")
            };
            let Ran { report, clock, pauses_ms, gauges, .. } =
                run(&mut strategy, &config, &events);
            sum += report.handled + report.conflated + report.skipped;
            prop_assert_eq!(report.latency.summary(&clock).total.count, report.handled);
            prop_assert_eq!(report.retries, pauses_ms.len() as u64);
            prop_assert_eq!(report.quarantined, report.culprit.is_some());
            let shown = (gauges.handled(), gauges.conflated(), gauges.skipped(), gauges.errors());
            prop_assert_eq!(shown, (report.handled, report.conflated, report.skipped, report.errors));
            for id in 0..12 {
                let own = strategy.calls.iter().filter(|(_, of)| of.index() == id);
                prop_assert!(own.is_sorted_by_key(|(sequence, _)| sequence), "order per instrument");
            }
        }
        prop_assert_eq!(sum, events.len() as u64);
    }
}
