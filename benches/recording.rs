//! What measuring costs: the parts of timing one event on a strategy's thread.
//!
//! `cargo bench -p tickring-benches --bench recording`

use std::hint::black_box;
use std::io;

use criterion::Criterion;
use tickring_event::{Digest, MarketEvent};
use tickring_metrics::{
    Clock, EventTimes, IntervalDrain, LatencyRecorder, Stage, StageIntervals, StageRecorders,
};

fn main() {
    let clock = Clock::new();
    let mut criterion = Criterion::default().configure_from_args();
    bench_clock(&mut criterion, &clock);
    bench_recorder(&mut criterion);
    bench_event(&mut criterion, &clock);
    bench_roll(&mut criterion, &clock);
    bench_digest(&mut criterion);
    criterion.final_summary();
}

fn bench_clock(criterion: &mut Criterion, clock: &Clock) {
    let mut group = criterion.benchmark_group("clock");
    group.bench_function("ticks", |bencher| bencher.iter(|| black_box(clock).ticks()));
    group.bench_function("elapsed_ns", |bencher| {
        bencher.iter(|| black_box(clock).elapsed_ns(black_box(1_000), black_box(9_000)));
    });
    group.finish();
}

fn bench_recorder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("recorder");
    group.bench_function("record_ticks", |bencher| {
        let mut recorder = LatencyRecorder::new();
        let mut latencies = Latencies::new();
        bencher.iter(|| recorder.record_ticks(latencies.next_ticks()));
    });
    group.bench_function("input_alone", |bencher| {
        let mut latencies = Latencies::new();
        bencher.iter(|| latencies.next_ticks());
    });
    group.finish();
}

/// The run hash: one event.
fn bench_digest(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("digest");
    group.bench_function("add", |bencher| {
        let (mut digest, event) = (Digest::new(), MarketEvent::default());
        bencher.iter(|| digest.add(black_box(&event)));
    });
    group.finish();
}

/// All that one event costs on a strategy's thread: two reads of the clock, three records.
fn bench_event(criterion: &mut Criterion, clock: &Clock) {
    let mut group = criterion.benchmark_group("event");
    group.bench_function("three_stages", |bencher| {
        let mut recorders = StageRecorders::new();
        bencher.iter(|| record_event(clock, &mut recorders));
    });
    group.bench_function("three_stages_and_intervals", |bencher| {
        let mut drain = log(clock);
        let intervals = StageIntervals::new(&mut drain, "bench").expect("the name is a word");
        let mut recorders = StageRecorders::with_intervals(intervals);
        bencher.iter(|| record_event(clock, &mut recorders));
    });
    group.finish();
}

fn record_event(clock: &Clock, recorders: &mut StageRecorders) {
    let process = clock.ticks();
    let done = clock.ticks();
    let times =
        EventTimes { arrival: process - black_box(4_000), enqueue: process - 900, process, done };
    recorders.record(times);
}

fn bench_roll(criterion: &mut Criterion, clock: &Clock) {
    let mut drain = log(clock);
    let mut recorder = drain.recorder(Stage::Queue, "bench").expect("the name is a word");
    let now_ticks = clock.ticks();
    let mut group = criterion.benchmark_group("roll");
    group.bench_function("nothing_to_do", |bencher| {
        bencher.iter(|| recorder.roll(black_box(now_ticks)));
    });
    group.finish();
}

/// A log whose intervals do not end while a bench runs.
fn log(clock: &Clock) -> IntervalDrain<io::Sink> {
    IntervalDrain::new(io::sink(), clock.clone(), HOUR_NS).expect("a sink takes all")
}

/// Pseudo-random durations from 64 ticks to 64 Ki ticks, so that records do not all meet one bucket.
struct Latencies(u64);

impl Latencies {
    fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn next_ticks(&mut self) -> u64 {
        // Xorshift: three shifts, whose cost the bench of the input alone shows.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        64 + (self.0 >> 48)
    }
}

const HOUR_NS: u64 = 3_600_000_000_000;
