//! The ring: one publisher, some consumers, and loads that do not wait for them.

mod sides;

use std::sync::Arc;

use tickring_harness::Schedule;
use tickring_metrics::IntervalRecorder;
use tickring_ring::Capacity;

use self::sides::{Measured, Wanted, measure};
use super::hlog::Log;
use super::place::Place;
use super::scenario::{Bench, Block, Facts, Scenario, Since, float};
use crate::args::BenchArgs;
use crate::exit::Failure;
use crate::settings;

/// What the publisher does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Load {
    /// Each message when it is due.
    Scheduled(Schedule),
    /// As fast as the ring takes them, so many at once.
    FlatOut { batch: usize },
}

/// One load on one ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setup {
    pub(super) load: Load,
    pub(super) messages: u64,
    pub(super) consumers: usize,
    pub(super) capacity: Capacity,
    /// How long a consumer works on each event.
    pub(super) slow_ns: u64,
}

/// The ladder of rates, that of bursts, flat out, a slow consumer and a ring that is too small; each
/// with every number of consumers.
///
/// # Errors
/// A ring of that size is not possible, or more threads would spin than there are cores.
pub(crate) fn scenarios(
    args: &BenchArgs,
    bench: &Bench,
    log: &mut Log,
) -> Result<Vec<Box<dyn Scenario>>, Failure> {
    let capacity = settings::ring_capacity(args.load.ring)?;
    let mut all: Vec<Box<dyn Scenario>> = Vec::new();
    for &consumers in &args.load.consumers {
        let consumers = usize::from(consumers);
        let place = Place::new(&args.machine, &bench.machine, consumers + 1)?;
        for (name, load, slow_ns) in loads(args) {
            let name = match consumers {
                1 => format!("ring.{name}"),
                _ => format!("ring.{name}.consumers-{consumers}"),
            };
            let is_full = name.starts_with("ring.full");
            let capacity = if is_full { FULL_CAPACITY } else { capacity };
            let since = match load {
                Load::Scheduled(_) => Since::Intended,
                Load::FlatOut { .. } => Since::Block,
            };
            let messages = messages(args, load, slow_ns);
            let setup = Setup { load, messages, consumers, capacity, slow_ns };
            let intervals = if since == Since::Intended { log.recorder(&name)? } else { None };
            let place = place.clone();
            let facts = Facts { name, stage: "ring", item: "event", since, place };
            all.push(Box::new(Ring { facts, setup, intervals }));
        }
    }
    Ok(all)
}

fn loads(args: &BenchArgs) -> Vec<(String, Load, u64)> {
    let period_ns = u64::try_from(args.load.pause.as_nanos()).unwrap_or(u64::MAX);
    let scheduled = |schedule: Schedule| {
        let name = schedule.to_string().replace(' ', "-");
        (name, Load::Scheduled(schedule), 0)
    };
    let burst = |size| Schedule::Bursts { size, period_ns };
    let batch = usize::from(args.load.batch);
    let mut all: Vec<_> =
        args.load.rates.iter().map(|&rate| scheduled(Schedule::Steady { rate })).collect();
    all.extend(args.load.bursts.iter().map(|&size| scheduled(burst(size))));
    let flat_out = Load::FlatOut { batch };
    all.push(("flat-out".to_owned(), flat_out, 0));
    all.push((format!("slow-{}ns", args.load.slow), flat_out, args.load.slow));
    all.push(("full".to_owned(), Load::Scheduled(burst(FULL_BURST)), 0));
    all
}

/// How many messages fill a block.
fn messages(args: &BenchArgs, load: Load, slow_ns: u64) -> u64 {
    let block_ns = u64::try_from(args.rounds.block.as_nanos()).unwrap_or(u64::MAX);
    let messages = match load {
        Load::Scheduled(Schedule::Steady { rate }) => {
            u128::from(block_ns) * u128::from(rate) / 1_000_000_000
        }
        Load::Scheduled(Schedule::Bursts { size, period_ns }) => {
            u128::from((block_ns / period_ns).max(1)) * u128::from(size)
        }
        Load::FlatOut { .. } => u128::from(block_ns / (FLAT_OUT_NS + slow_ns)),
    };
    u64::try_from(messages).unwrap_or(u64::MAX).clamp(MESSAGES_MIN, MESSAGES_MAX)
}

struct Ring {
    facts: Facts,
    setup: Setup,
    /// The first consumer's.
    intervals: Option<IntervalRecorder>,
}

impl Scenario for Ring {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let place = &self.facts.place;
        let wanted = Wanted { setup: self.setup, place, intervals: self.intervals.take() };
        let Measured { latency, elapsed_ns, intervals, gauges } = measure(wanted, bench)?;
        self.intervals = intervals;
        let mut block = match self.setup.load {
            Load::Scheduled(_) => Block::of(&latency, elapsed_ns, &bench.clock),
            Load::FlatOut { .. } => Block::whole(self.setup.messages, elapsed_ns),
        };
        // Of the publisher: each consumer gets as many.
        block.items = self.setup.messages;
        let gauges = Arc::clone(&gauges);
        block.extras = vec![
            ("depth_max_slots", float(gauges.depth_max())),
            ("stalls_count", float(gauges.stalls())),
            ("stall_ns", float(bench.clock.elapsed_ns(0, gauges.stall_ticks()))),
        ];
        Ok(block)
    }
}

/// A ring that bursts do not fit.
const FULL_CAPACITY: Capacity = Capacity::new(64).expect("a power of two");
const FULL_BURST: u64 = 1_000;

/// What one event is taken to cost flat out, for the length of a block.
const FLAT_OUT_NS: u64 = 200;

/// Fewer say nothing; more take all day where one core does all the work.
const MESSAGES_MIN: u64 = 100;
const MESSAGES_MAX: u64 = 20_000_000;
