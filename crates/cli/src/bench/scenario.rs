//! What is measured, and what one block of it gives.

use std::collections::BTreeMap;

use tickring_harness::{ClockFacts, Figures, HostFingerprint};
use tickring_metrics::{Clock, LatencyRecorder};

use super::floor::FloorFigures;
use super::place::Place;
use crate::interrupt::Interrupt;
use crate::output::Talk;
use crate::plan::Machine;

/// What every scenario works with.
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) facts: ClockFacts,
    pub(crate) host: HostFingerprint,
    pub(crate) talk: Talk,
    pub(crate) interrupt: Interrupt,
    pub(crate) machine: Machine,
}

/// Something that can be measured block by block.
pub(crate) trait Scenario {
    fn facts(&self) -> &Facts;

    /// Measures one block.
    ///
    /// # Errors
    /// A thread cannot be made, or a consumer was given something else than was sent.
    fn run(&mut self, bench: &Bench) -> Result<Block, crate::exit::Failure>;
}

/// What a scenario is.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// Unique; a tag of the interval log.
    pub(crate) name: String,
    /// `decode`, `ring`, `e2e`.
    pub(crate) stage: &'static str,
    /// What is counted: `frame` or `event`.
    pub(crate) item: &'static str,
    /// From when on.
    pub(crate) since: Since,
    pub(crate) place: Place,
}

/// From when on latency counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Since {
    /// The time at which it should have been sent.
    Intended,
    /// The call that did the work.
    Call,
    /// The whole block, divided by its items: one value a block.
    Block,
}

impl Since {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Intended => "intended",
            Self::Call => "call",
            Self::Block => "block",
        }
    }
}

/// What one block gave.
#[derive(Debug, Default)]
pub(crate) struct Block {
    pub(crate) figures: Figures,
    pub(crate) items: u64,
    pub(crate) elapsed_ns: u64,
    /// Further figures; the unit is at the end of each name.
    pub(crate) extras: Vec<(&'static str, f64)>,
    /// Latency by kind, where kinds were told apart.
    pub(crate) kinds: Vec<(String, LatencyRecorder)>,
}

impl Block {
    /// A block of which only the whole is known: `items` in `elapsed_ns`.
    pub(crate) fn whole(items: u64, elapsed_ns: u64) -> Self {
        let ns = ratio(elapsed_ns, items);
        let figures = Figures {
            count: items,
            mean_ns: ns,
            p50_ns: ns,
            p90_ns: ns,
            p99_ns: ns,
            p99_9_ns: ns,
            max_ns: ns,
        };
        Self { figures, items, elapsed_ns, ..Self::default() }
    }

    /// A block with the latency of each item.
    pub(crate) fn of(latency: &LatencyRecorder, elapsed_ns: u64, clock: &Clock) -> Self {
        let figures = Figures::of(&latency.summary(clock));
        Self { figures, items: figures.count, elapsed_ns, ..Self::default() }
    }

    /// Items a second.
    pub(crate) fn per_s(&self) -> f64 {
        ratio(self.items, self.elapsed_ns) * 1e9
    }
}

/// All blocks of all scenarios.
pub(crate) struct Measured {
    pub(crate) floors: Vec<FloorFigures>,
    pub(crate) scenarios: Vec<Turns>,
}

/// The blocks of one scenario.
pub(crate) struct Turns {
    pub(crate) facts: Facts,
    pub(crate) figures: Vec<Figures>,
    pub(crate) per_s: Vec<f64>,
    pub(crate) extras: BTreeMap<&'static str, Vec<f64>>,
    pub(crate) kinds: BTreeMap<String, LatencyRecorder>,
}

impl Measured {
    pub(crate) fn new(facts: Vec<Facts>) -> Self {
        let turns = |facts| Turns {
            facts,
            figures: Vec::new(),
            per_s: Vec::new(),
            extras: BTreeMap::new(),
            kinds: BTreeMap::new(),
        };
        Self { floors: Vec::new(), scenarios: facts.into_iter().map(turns).collect() }
    }

    pub(crate) fn add(&mut self, index: usize, block: Block) {
        let turns = &mut self.scenarios[index];
        turns.per_s.push(block.per_s());
        turns.figures.push(block.figures);
        for (name, value) in block.extras {
            turns.extras.entry(name).or_default().push(value);
        }
        for (kind, latency) in block.kinds {
            turns.kinds.entry(kind).or_default().merge(&latency);
        }
    }
}

/// `part / whole`, and 0 when there is no whole.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { float(part) / float(whole) }
}

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "figures are for reading")]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}
