use tickring_event::InstrumentId;
use tickring_strategy::{Shard, WorkerConfig, shard_of};

use crate::support::{Act, Ran, Scripted, run, status, trade};

fn config(index: u32, count: u32) -> WorkerConfig {
    let shard = Shard::new(index, count).expect("tests ask for shards that exist");
    WorkerConfig { shard, ..WorkerConfig::new("scripted") }
}

#[test]
fn workers_share_the_instruments_and_their_sums_are_the_stream() {
    let events: Vec<_> =
        (0..300).map(|at| if at % 10 == 0 { status() } else { trade(at % 16) }).collect();
    let mut sum = 0;
    for index in 0..3 {
        let mut strategy = Scripted::default();
        let Ran { report, clock, .. } = run(&mut strategy, &config(index, 3), &events);
        let all = strategy.calls.iter();
        let (own, shared): (Vec<_>, Vec<_>) = all.partition(|(_, id)| !id.is_none());
        assert_eq!(shared.len(), 30, "events of no instrument reach every worker");
        assert!(own.iter().all(|(_, instrument)| shard_of(*instrument, 3) == index));
        assert!(strategy.calls.is_sorted_by(|before, after| before.0 < after.0));
        let counted = own.len() as u64 + if index == 0 { 30 } else { 0 };
        assert_eq!((report.worker, report.handled, report.skipped), (index, counted, 0));
        assert_eq!(report.latency.summary(&clock).queue.count, counted);
        sum += report.handled;
    }
    assert_eq!(sum, 300);
}

#[test]
fn a_worker_that_is_taken_out_skips_its_own_share_alone() {
    let events: Vec<_> = (0..160).map(|at| trade(at % 16)).collect();
    let index = shard_of(InstrumentId::new(0), 4);
    let mut strategy = Scripted::at(0, Act::Panic);
    let Ran { report, .. } = run(&mut strategy, &config(index, 4), &events);
    let own = (0..16).filter(|&id| shard_of(InstrumentId::new(id), 4) == index).count() as u64;
    assert_eq!((report.handled, report.skipped), (0, own * 10));
}
