//! What a bench tells: a contract for scripts, and the baseline of later ones.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use tickring_harness::{ClockFacts, Figures, HostFingerprint, median, spread, steps, to_step};

use super::against::ComparisonReport;
use super::floor::FloorFigures;
use super::input::InputFacts;
use super::scenario::{Bench, Measured, Since, Turns};
use super::stages::{RECORDING_NS, STAMPING_NS};
use super::verdict::host_verdict;
use crate::args::BenchArgs;

/// Changes with the JSON.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// Result of a bench. Field names and nesting are the JSON.
#[derive(Debug, Serialize)]
pub(crate) struct BenchReport {
    pub(crate) schema_version: u32,
    pub(crate) command: &'static str,
    pub(crate) host: HostFingerprint,
    /// What `doctor` says of the host; null where nobody can tell.
    pub(crate) host_verdict: Option<Value>,
    pub(crate) clock: ClockFacts,
    pub(crate) input: InputFacts,
    pub(crate) settings: Settings,
    pub(crate) floor: FloorReport,
    /// What to bear in mind when reading the figures, in words.
    pub(crate) flags: Vec<String>,
    /// What recording every stage adds to an event: two looks at the clock, and the values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) recording_ns_per_event: Option<f64>,
    /// What the arrival and enqueue times add to it, which it carries in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stamping_ns_per_event: Option<f64>,
    /// The most of any round, after half of the frames; left out where nothing was counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) allocations_per_message: Option<Allocations>,
    pub(crate) scenarios: Vec<ScenarioReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) comparison: Option<ComparisonReport>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    pub(crate) rounds: u16,
    pub(crate) block_ns: u64,
    pub(crate) seed: u64,
    pub(crate) inject_delay_percent: u32,
}

/// The least that two threads need to hand one cache line over, one way.
#[derive(Debug, Serialize)]
pub(crate) struct FloorReport {
    pub(crate) tight_ns: Option<f64>,
    pub(crate) paused_ns: Option<f64>,
    /// The first round, from 1, whose floor lies more than a quarter from the median.
    pub(crate) stepped_in_round: Option<usize>,
    pub(crate) rounds: Vec<FloorFigures>,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Allocations {
    pub(crate) ingest: f64,
    pub(crate) worker: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct ScenarioReport {
    pub(crate) name: String,
    pub(crate) stage: &'static str,
    pub(crate) item: &'static str,
    /// From when latency counts: `intended`, `call`, or `block` for one value a block.
    pub(crate) since: &'static str,
    pub(crate) threads: usize,
    pub(crate) wait: String,
    pub(crate) shares_cores: bool,
    pub(crate) is_oversubscribed: bool,
    /// Every consumer got what was sent: count, order, checksum.
    pub(crate) is_verified: bool,
    /// Medians over the rounds.
    pub(crate) latency_ns: Figures,
    /// Width of the middle half of the rounds' medians, as a share.
    pub(crate) p50_spread: f64,
    pub(crate) per_s: f64,
    /// Median of p50 over the tight floor of the same round.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) p50_to_floor: Option<f64>,
    /// Medians over the rounds of what else was found; the unit is at the end of each name.
    pub(crate) figures: BTreeMap<&'static str, f64>,
    /// By the venue's kind of message.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) kinds: BTreeMap<String, Figures>,
    pub(crate) rounds: Vec<Figures>,
}

/// Puts the report together.
pub(crate) fn build(
    args: &BenchArgs,
    bench: &Bench,
    input: InputFacts,
    measured: Measured,
) -> BenchReport {
    let floor = floor(&measured.floors);
    let recording_ns_per_event = last(&measured, RECORDING_NS);
    let stamping_ns_per_event = last(&measured, STAMPING_NS);
    let allocations_per_message = allocations(&measured);
    let floors: Vec<Option<f64>> = measured.floors.iter().map(|it| it.tight_ns).collect();
    let scenarios: Vec<ScenarioReport> =
        measured.scenarios.into_iter().map(|turns| scenario(turns, &floors, bench)).collect();
    let flags = flags(args, bench, &floor, &scenarios);
    BenchReport {
        schema_version: SCHEMA_VERSION,
        command: "bench",
        host: bench.host.clone(),
        host_verdict: host_verdict(&bench.clock),
        clock: ClockFacts {
            step_ns: (bench.facts.step_ns * 1e6).round() / 1e6,
            read_ns: tenth(bench.facts.read_ns),
        },
        input,
        settings: Settings {
            rounds: args.rounds.rounds,
            block_ns: u64::try_from(args.rounds.block.as_nanos()).unwrap_or(u64::MAX),
            seed: args.rounds.seed,
            inject_delay_percent: args.compare.inject_delay,
        },
        floor,
        flags,
        recording_ns_per_event,
        stamping_ns_per_event,
        allocations_per_message,
        scenarios,
        comparison: None,
    }
}

fn floor(floors: &[FloorFigures]) -> FloorReport {
    let all = |of: fn(&FloorFigures) -> Option<f64>| -> Vec<f64> {
        floors.iter().filter_map(of).collect()
    };
    let (tight, paused) = (all(|it| it.tight_ns), all(|it| it.paused_ns));
    let middle = |values: &[f64]| (!values.is_empty()).then(|| tenth(median(values)));
    let rounded = |it: &FloorFigures| FloorFigures {
        tight_ns: it.tight_ns.map(tenth),
        paused_ns: it.paused_ns.map(tenth),
    };
    FloorReport {
        tight_ns: middle(&tight),
        paused_ns: middle(&paused),
        stepped_in_round: steps(&tight).into_iter().chain(steps(&paused)).min().map(|it| it + 1),
        rounds: floors.iter().map(rounded).collect(),
    }
}

/// A figure of all rounds together, as of the last one.
fn last(measured: &Measured, name: &str) -> Option<f64> {
    let rounds = measured.scenarios.iter().find_map(|it| it.extras.get(name))?;
    rounds.last().copied().map(tenth)
}

fn allocations(measured: &Measured) -> Option<Allocations> {
    let most = |name: &str| {
        let rounds = measured.scenarios.iter().filter_map(|it| it.extras.get(name)).flatten();
        rounds.copied().reduce(f64::max)
    };
    Some(Allocations {
        ingest: most("ingest_allocations_per_message")?,
        worker: most("worker_allocations_per_message")?,
    })
}

fn scenario(turns: Turns, floors: &[Option<f64>], bench: &Bench) -> ScenarioReport {
    let Turns { facts, figures, per_s, extras, kinds } = turns;
    // A value of a whole block is finer than the clock's step.
    let step_ns = if facts.since == Since::Block { 0.0 } else { bench.facts.step_ns };
    let rounds: Vec<Figures> = figures.iter().map(|it| rounded(it, step_ns)).collect();
    let to_floor = |(figures, floor): (&Figures, &Option<f64>)| Some(figures.p50_ns / (*floor)?);
    let to_floors: Vec<f64> = figures.iter().zip(floors).filter_map(to_floor).collect();
    let is_hand_over = facts.stage == "ring" && facts.since == Since::Intended;
    let p50s: Vec<f64> = figures.iter().map(|it| it.p50_ns).collect();
    let of_kind = |latency| {
        let figures =
            Figures::of(&tickring_metrics::LatencyRecorder::summary(latency, &bench.clock));
        rounded(&figures, step_ns)
    };
    ScenarioReport {
        name: facts.name,
        stage: facts.stage,
        item: facts.item,
        since: facts.since.name(),
        threads: facts.place.cores.len(),
        wait: facts.place.wait.to_string(),
        shares_cores: facts.place.shares_cores,
        is_oversubscribed: facts.place.is_oversubscribed,
        // One that finds a difference ends the bench.
        is_verified: facts.stage != "decode",
        latency_ns: rounded(&Figures::median(&figures), step_ns),
        p50_spread: thousandth(spread(&p50s)),
        per_s: median(&per_s).round(),
        p50_to_floor: (is_hand_over && !to_floors.is_empty())
            .then(|| thousandth(median(&to_floors))),
        figures: extras.iter().map(|(name, all)| (*name, thousandth(median(all)))).collect(),
        kinds: kinds.iter().map(|(kind, latency)| (kind.clone(), of_kind(latency))).collect(),
        rounds,
    }
}

/// Figures without a digit that the clock cannot tell. Of a whole block, to a hundredth.
fn rounded(figures: &Figures, step_ns: f64) -> Figures {
    let single = |ns: f64| {
        if step_ns > 0.0 { to_step(ns, step_ns) } else { (ns * 100.0).round() / 100.0 }
    };
    Figures {
        count: figures.count,
        mean_ns: tenth(figures.mean_ns),
        p50_ns: single(figures.p50_ns),
        p90_ns: single(figures.p90_ns),
        p99_ns: single(figures.p99_ns),
        p99_9_ns: single(figures.p99_9_ns),
        max_ns: single(figures.max_ns),
    }
}

fn flags(
    args: &BenchArgs,
    bench: &Bench,
    floor: &FloorReport,
    scenarios: &[ScenarioReport],
) -> Vec<String> {
    let mut flags = Vec::new();
    if bench.host.profile.starts_with("debug") {
        flags.push("a debug build: its figures say nothing about speed".to_owned());
    }
    if args.compare.inject_delay > 0 {
        let percent = args.compare.inject_delay;
        flags.push(format!("{percent} % more work was put into decoding: --inject-delay"));
    }
    if let Some(round) = floor.stepped_in_round {
        flags.push(format!(
            "the floor steps: in round {round} it lies more than a quarter from its median; the \
             machine was not the same throughout"
        ));
    }
    if floor.tight_ns.is_none() {
        flags.push("there is no floor: the process has no two cores that answered".to_owned());
    }
    let named = |is_meant: fn(&ScenarioReport) -> bool| {
        let names: Vec<&str> =
            scenarios.iter().filter(|it| is_meant(it)).map(|it| it.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(names) = named(|it| it.is_oversubscribed) {
        flags.push(format!("OVERSUBSCRIBED, more spinning threads than cores: {names}"));
    }
    if let Some(names) = named(|it| it.shares_cores && !it.is_oversubscribed) {
        flags.push(format!("more busy threads than cores, tails are the scheduler's: {names}"));
    }
    if bench.host.is_virtual {
        flags.push("a virtual machine: its neighbours are in the figures".to_owned());
    }
    flags
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn thousandth(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}
