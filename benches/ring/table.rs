//! What came of it, as a table and for a record.

use std::collections::BTreeMap;

use serde::Serialize;
use tickring_harness::{Turns, steps};
use tickring_metrics::LatencySummary;

use super::run::{BATCH, Bench};

/// A run's figures.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    rounds: usize,
    capacity: usize,
    batch: usize,
    event_bytes: usize,
    is_pinned: bool,
    scenarios: Vec<Measured>,
}

/// One scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Measured {
    scenario: String,
    /// The first turn, from 0, whose floor lies far from the others': the figures are to be doubted.
    floor_steps_at_turn: Option<usize>,
    contenders: Vec<Contender>,
}

/// One contender of a scenario.
#[derive(Debug, Serialize)]
pub(crate) struct Contender {
    name: &'static str,
    /// Median over the turns, in the unit of the scenario's name.
    median: f64,
    /// Lowest and highest turn.
    range: [f64; 2],
    /// Medians over the turns of its ratios to some others, each of one turn.
    ratios: BTreeMap<&'static str, f64>,
    /// Of every event, where events were timed one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ns: Option<Latency>,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: u64,
    p99: u64,
    p99_9: u64,
    max: u64,
    count: u64,
}

impl Figures {
    pub(crate) fn new(bench: &Bench, rounds: usize, scenarios: Vec<Measured>) -> Self {
        Self {
            rounds,
            capacity: bench.capacity,
            batch: BATCH,
            event_bytes: size_of::<super::peer::Event>(),
            is_pinned: !bench.cores.is_empty(),
            scenarios,
        }
    }
}

impl Measured {
    pub(crate) fn new(scenario: String, contenders: Vec<Contender>, floors: &[f64]) -> Self {
        Self { scenario, floor_steps_at_turn: steps(floors), contenders }
    }
}

impl Contender {
    /// The contender at `index`, held against `bases`.
    pub(crate) fn new(
        name: &'static str,
        turns: &Turns,
        index: usize,
        bases: &[(&'static str, usize)],
        latency: Option<&LatencySummary>,
    ) -> Self {
        let values = turns.of(index);
        let low = values.iter().copied().fold(f64::MAX, f64::min);
        let high = values.iter().copied().fold(0.0, f64::max);
        Self {
            name,
            median: rounded(turns.median(index)),
            range: [rounded(low), rounded(high)],
            ratios: bases
                .iter()
                .map(|&(base, to)| (base, rounded(turns.ratio(index, to))))
                .collect(),
            latency_ns: latency.map(|&LatencySummary { p50, p99, p99_9, max, count, .. }| {
                Latency { p50, p99, p99_9, max, count }
            }),
        }
    }
}

/// A scenario's table.
pub(crate) fn text(measured: &Measured) -> String {
    let Measured { scenario, floor_steps_at_turn, contenders } = measured;
    let bases: Vec<&str> =
        contenders.first().map_or_else(Vec::new, |it| it.ratios.keys().copied().collect());
    let heads: String = bases.iter().map(|base| format!(" to {base} |")).collect();
    let mut out = format!(
        "{scenario}\n\n| contender | median | lowest - highest turn |{heads}\n|---|---|---|{}\n",
        "---|".repeat(bases.len())
    );
    for Contender { name, median, range: [low, high], ratios, .. } in contenders {
        let ratios: String = ratios.values().map(|ratio| format!(" {ratio} |")).collect();
        out.push_str(&format!("| {name} | {median} | {low} - {high} |{ratios}\n"));
    }
    if contenders.iter().any(|it| it.latency_ns.is_some()) {
        out.push_str("\nEvery event of all turns, ns from when it was due:\n\n");
        out.push_str(
            "| contender | p50 | p99 | p99.9 | max | count |\n|---|---|---|---|---|---|\n",
        );
    }
    for Contender { name, latency_ns, .. } in contenders {
        if let Some(Latency { p50, p99, p99_9, max, count }) = latency_ns {
            out.push_str(&format!("| {name} | {p50} | {p99} | {p99_9} | {max} | {count} |\n"));
        }
    }
    if let Some(turn) = floor_steps_at_turn {
        out.push_str(&format!(
            "\nThe floor of turn {turn} lies far from the others': doubt the medians.\n"
        ));
    }
    out
}

/// To three digits or so: no turn repeats better.
fn rounded(value: f64) -> f64 {
    let digits = if value >= 100.0 {
        1.0
    } else if value >= 10.0 {
        10.0
    } else {
        100.0
    };
    (value * digits).round() / digits
}
