//! Whether the comparison can tell a slow-down from noise on this machine.

use std::thread;

use serde::Serialize;
use tickring_harness::{Comparison, Figures, Threshold, Verdict, compare, order};

use super::decode::Decoder;
use super::input::Input;
use super::place::Place;
use super::report::SCHEMA_VERSION;
use super::scenario::Bench;
use crate::args::BenchArgs;
use crate::exit::{Exit, Failure};
use crate::output::Progress;

/// How often the comparison was right.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SelfTest {
    pub(crate) schema_version: u32,
    pub(crate) command: &'static str,
    pub(crate) threshold: String,
    pub(crate) rounds_of_a_side: usize,
    pub(crate) delay_percent: u32,
    pub(crate) tries: u32,
    /// The program against itself did not fail.
    pub(crate) same_passed: u32,
    /// Of these, were above the threshold and within the noise.
    pub(crate) same_within_noise: u32,
    /// The slowed program failed.
    pub(crate) slow_failed: u32,
    /// Median of what was found, as shares of the baseline.
    pub(crate) same_change: f64,
    pub(crate) slow_change: f64,
    pub(crate) same: Vec<Comparison>,
    pub(crate) slow: Vec<Comparison>,
}

impl SelfTest {
    /// Whether the comparison can be relied on here.
    pub(crate) const fn is_passed(&self) -> bool {
        self.same_passed >= SAME_PASSED_MIN && self.slow_failed >= self.tries
    }
}

/// Runs it: the base, the base again, and a decoder that is kept busy a quarter longer on each frame,
/// block by block in shuffled order.
pub(super) fn run(args: &BenchArgs, bench: &Bench, input: &Input) -> Result<SelfTest, Failure> {
    let place = Place::new(&args.machine, &bench.machine, 1)?;
    let mut contenders = Vec::new();
    for delay_percent in [0, 0, DELAY_PERCENT] {
        contenders.push(Decoder::new(input, delay_percent)?.of_first(FRAMES));
    }
    let threshold: Threshold = THRESHOLD.parse().expect("a threshold");
    let progress = Progress::new(args.talk.log);
    let (mut same, mut slow) = (Vec::new(), Vec::new());
    for one in 0..TRIES {
        progress.at(&format!("self-test: {} of {TRIES}", one + 1));
        let seed = args.rounds.seed.wrapping_add(u64::from(one));
        let [base, again, slowed] = blocks(bench, &place, &mut contenders, seed)?;
        same.push(compare(&base, &again, threshold, bench.facts.step_ns));
        slow.push(compare(&base, &slowed, threshold, bench.facts.step_ns));
        if bench.interrupt.is_asked() {
            return Err(Failure::new(Exit::Interrupted, "interrupted; nothing is reported"));
        }
    }
    let count = |all: &[Comparison], verdict| {
        let those = all.iter().filter(|it| it.verdict == verdict).count();
        u32::try_from(those).unwrap_or(u32::MAX)
    };
    let change = |all: &[Comparison]| {
        let changes: Vec<f64> = all.iter().map(|it| it.change).collect();
        (tickring_harness::median(&changes) * 1_000.0).round() / 1_000.0
    };
    Ok(SelfTest {
        schema_version: SCHEMA_VERSION,
        command: "bench --self-test",
        threshold: threshold.to_string(),
        rounds_of_a_side: ROUNDS,
        delay_percent: DELAY_PERCENT,
        tries: TRIES,
        same_passed: TRIES - count(&same, Verdict::Fail),
        same_within_noise: count(&same, Verdict::WithinNoise),
        slow_failed: count(&slow, Verdict::Fail),
        same_change: change(&same),
        slow_change: change(&slow),
        same,
        slow,
    })
}

/// The blocks of base, base again and slowed, each as a saved result holds them.
fn blocks(
    bench: &Bench,
    place: &Place,
    contenders: &mut [Decoder],
    seed: u64,
) -> Result<[Vec<Figures>; 3], Failure> {
    let mut all = [const { Vec::new() }; 3];
    for turn in 0..ROUNDS {
        for index in order(contenders.len(), turn, seed) {
            let decoder = &mut contenders[index];
            let work = || decoder.timed(&bench.clock, None).figures;
            let figures = thread::scope(|scope| {
                let thread = place.spawn(scope, (0, "decoder", bench.talk), work)?;
                thread.join().map_err(|_| Failure::new(Exit::Fault, "the decoder panicked"))
            })?;
            all[index].push(saved(&figures));
        }
    }
    Ok(all)
}

/// What `--against` would read of it.
fn saved(figures: &Figures) -> Figures {
    let text = serde_json::to_string(figures).expect("figures have only string keys");
    serde_json::from_str(&text).expect("it was written a moment ago")
}

const TRIES: u32 = 20;
/// Many short rounds: neighbours come and go between them.
const ROUNDS: usize = 25;
const FRAMES: usize = 5_000;
const DELAY_PERCENT: u32 = 25;
const THRESHOLD: &str = "p50:+10%";

/// Of twenty: one false alarm is what a threshold may cost.
const SAME_PASSED_MIN: u32 = 19;
