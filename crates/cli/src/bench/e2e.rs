//! From a loopback socket to a strategy, through the engine as `run` has it: a sender that has its
//! frames ready, the live source, the ingest loop, the ring, one strategy on a thread of its own.

mod probe;
mod sender;
mod source;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tickring_harness::{Figures, Schedule};
use tickring_ingest::{Backoff, LiveConfig, LiveSource, Polling, notices};
use tickring_metrics::{IntervalRecorder, Report};
use tickring_ring::{Capacity, OnFull};
use tickring_strategy::WorkerConfig;

use self::probe::{Probe, Probed};
use self::sender::{Encoded, Sender, Shared};
use self::source::Intended;
use super::hlog::Log;
use super::input::Input;
use super::place::Place;
use super::scenario::{Bench, Block, Facts, Scenario, Since, float, ratio};
use crate::allocations;
use crate::args::{BenchArgs, LogLevel};
use crate::engine::{self, Feed};
use crate::exit::{Exit, Failure};
use crate::options::{Prepared, SignalTarget};
use crate::output::Talk;
use crate::plan::{BusyThread, CorePlan};
use crate::settings;
use crate::workers::{Role, WorkerSpec};

/// How frames are sent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sending {
    /// Each when it is due.
    Scheduled(Schedule),
    /// As fast as the socket takes them.
    FlatOut,
    /// All before the engine begins to read, or as many as the socket holds.
    Waiting,
}

/// The ladder of rates, flat out, and a burst that waits in the socket.
///
/// # Errors
/// A ring of that size is not possible, or more threads would spin than there are cores.
pub(crate) fn scenarios(
    args: &BenchArgs,
    bench: &Bench,
    input: &Input,
    log: &mut Log,
) -> Result<Vec<Box<dyn Scenario>>, Failure> {
    let place = Place::new(&args.machine, &bench.machine, THREADS)?;
    let capacity = settings::ring_capacity(args.load.ring)?;
    let input = Arc::new(Parts::new(input)?);
    let available = input.encoded.len() as u64;
    let block_ns = u64::try_from(args.rounds.block.as_nanos()).unwrap_or(u64::MAX);
    let mut kinds = Vec::new();
    for &rate in &args.load.rates {
        let schedule = Schedule::Steady { rate };
        let frames = u128::from(rate) * u128::from(block_ns) / 1_000_000_000;
        let frames = u64::try_from(frames).unwrap_or(u64::MAX).clamp(FRAMES_MIN, available);
        let name = format!("e2e.{}", schedule.to_string().replace(' ', "-"));
        kinds.push((name, Sending::Scheduled(schedule), frames, Since::Intended));
    }
    kinds.push(("e2e.flat-out".to_owned(), Sending::FlatOut, available, Since::Block));
    let waiting = u64::from(args.load.waiting).clamp(FRAMES_MIN, available);
    kinds.push((format!("e2e.waiting-{waiting}"), Sending::Waiting, waiting, Since::Block));
    let mut all: Vec<Box<dyn Scenario>> = Vec::new();
    for (name, sending, frames, since) in kinds {
        let intervals = if since == Since::Intended { log.recorder(&name)? } else { None };
        let place = place.clone();
        let facts = Facts { name, stage: "e2e", item: "frame", since, place };
        let input = Arc::clone(&input);
        all.push(Box::new(E2e { facts, sending, frames, capacity, input, intervals, hash: None }));
    }
    Ok(all)
}

/// What every scenario sends and decodes.
struct Parts {
    input: super::input::Remade,
    encoded: Arc<Encoded>,
}

impl Parts {
    fn new(input: &Input) -> Result<Self, Failure> {
        let encoded = Encoded::new(&input.frames);
        if (encoded.len() as u64) < FRAMES_MIN {
            let words = format!(
                "{}: an end-to-end bench needs {FRAMES_MIN} frames or more; leave it out with \
                 --stage decode,ring",
                input.facts.name
            );
            return Err(Failure::usage(words));
        }
        Ok(Self { input: input.remade(), encoded: Arc::new(encoded) })
    }
}

struct E2e {
    facts: Facts,
    sending: Sending,
    frames: u64,
    capacity: Capacity,
    input: Arc<Parts>,
    intervals: Option<IntervalRecorder>,
    /// The run hash of the first block: every later one must be given the same events.
    hash: Option<String>,
}

impl Scenario for E2e {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let shared = Arc::new(Shared::default());
        let sender = Sender::bind(Arc::clone(&self.input.encoded), Arc::clone(&shared))?;
        let probed = Arc::new(Probed::default());
        let probe = Probe::new(&probed, &bench.clock, self.frames, self.intervals.take());
        let prepared = self.prepared(bench, probe);
        let feed = self.feed(bench, &shared, sender.url())?;
        let (sending, frames) = (self.sending, self.frames);
        let outcome = thread::scope(|scope| {
            let clock = &bench.clock;
            let work = move || sender.run(sending, frames, clock);
            let thread = self.facts.place.spawn(scope, (0, "sender", bench.talk), work)?;
            let outcome = engine::run(prepared, feed);
            shared.end();
            let sent = thread.join();
            let sent = sent.map_err(|_| Failure::new(Exit::Fault, "the sender panicked"))?;
            let outcome = outcome?;
            sent.map_err(|error| Failure::new(Exit::Fault, format!("the sender: {error}")))?;
            Ok::<_, Failure>(outcome)
        })?;
        if bench.interrupt.is_asked() {
            return Err(Failure::new(Exit::Interrupted, "interrupted; nothing is reported"));
        }
        if let Some(error) = outcome.error {
            return Err(Failure::new(Exit::Fault, format!("{}: {error}", self.facts.name)));
        }
        self.check(&outcome.report)?;
        self.intervals = probed.take_intervals();
        Ok(self.block(&outcome.report, &shared, &probed, bench))
    }
}

impl E2e {
    /// A run of one strategy, whose threads have the places that were planned.
    fn prepared(&self, bench: &Bench, probe: Probe) -> Prepared {
        let Place { cores, wait, .. } = &self.facts.place;
        let [_, ingest, worker] = [0, 1, 2].map(|index| cores.get(index).copied().flatten());
        let thread = BusyThread { name: probe::NAME.to_owned(), worker: None, is_strategy: true };
        let mut config = WorkerConfig::new(probe::NAME);
        config.wait = *wait;
        let role = Role::Strategy(Box::new(probe));
        let spec = WorkerSpec { thread, core: worker, config, role };
        Prepared {
            symbols: Vec::new(),
            capacity: self.capacity,
            on_full: OnFull::Block,
            strict: false,
            verify_top: false,
            duration: None,
            drain: Duration::from_secs(5),
            signals: SignalTarget::None,
            hlog: None,
            record: None,
            interval: Duration::ZERO,
            specs: vec![spec],
            plan: CorePlan { cores: vec![ingest, worker], wait: *wait, notes: Vec::new() },
            cores_count: bench.machine.cores.len(),
            clock: bench.clock.clone(),
            talk: Talk::new(LogLevel::Error),
            interrupt: bench.interrupt.clone(),
            huge_pages: false,
            progress: None,
        }
    }

    fn feed(
        &self,
        bench: &Bench,
        shared: &Arc<Shared>,
        url: String,
    ) -> Result<Feed<Intended<LiveSource>>, Failure> {
        let decoders = self.input.input.decoders()?;
        let notices = notices();
        let mut config = LiveConfig::new(url, None);
        config.backoff = Backoff { delay_ms_min: 10, delay_ms_max: 100 };
        config.attempts_max = Some(ATTEMPTS_MAX);
        let spins = self.facts.place.spins() && !self.facts.place.shares_cores;
        config.polling = if spins { Polling::Busy } else { Polling::Block };
        let live = LiveSource::new(config, bench.clock.clone(), notices.0.clone(), 1)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let source = Intended::new(live, self.sending, self.frames, shared, bench.clock.clone());
        let source = source.over(&self.input.encoded, decoders.venues.len());
        Ok(Feed {
            command: "bench",
            source,
            venues: decoders.venues,
            pairs: decoders.pairs,
            instruments: decoders.instruments,
            notices,
            metadata: BTreeMap::new(),
        })
    }

    /// Every frame arrived, every event was handled, and they are those of the blocks before.
    fn check(&mut self, report: &Report) -> Result<(), Failure> {
        let fault =
            |words: String| Err(Failure::new(Exit::Fault, format!("{}: {words}", self.facts.name)));
        if report.frames != self.frames {
            return fault(format!("{} of {} frames arrived", report.frames, self.frames));
        }
        let handled = report.strategies.first().map_or(0, |it| it.handled);
        if handled != report.events.published {
            let published = report.events.published;
            return fault(format!("{handled} of {published} events were handled"));
        }
        let found = report.run_hash.clone().unwrap_or_default();
        match &self.hash {
            Some(first) if *first != found => fault(format!(
                "the strategy was given something else than before: run hash {found}, not {first}"
            )),
            _ => {
                self.hash = Some(found);
                Ok(())
            }
        }
    }

    fn block(&self, report: &Report, shared: &Shared, probed: &Probed, bench: &Bench) -> Block {
        let begun = shared.start_ticks().unwrap_or_default();
        let elapsed_ns = bench.clock.elapsed_ns(begun, probed.ended());
        let latency = report.strategies.first().map(|it| it.latency_ns).unwrap_or_default();
        let mut block = match self.sending {
            Sending::Scheduled(_) => Block {
                figures: Figures::of(&latency.total),
                items: self.frames,
                elapsed_ns,
                ..Block::default()
            },
            Sending::FlatOut | Sending::Waiting => Block::whole(self.frames, elapsed_ns),
        };
        let stages = [
            ("queue_p50_ns", latency.queue.p50),
            ("queue_p99_ns", latency.queue.p99),
            ("handle_p50_ns", latency.handle.p50),
            ("depth_max_slots", report.ring.depth_max),
        ];
        block.extras.extend(stages.map(|(name, value)| (name, float(value))));
        if self.sending == Sending::Waiting {
            block.extras.push(("all_handled_ns", float(elapsed_ns)));
            block.extras.push(("waiting_bytes", float(shared.waiting_bytes())));
        }
        let counts = [
            ("ingest_allocations_per_message", shared.allocations()),
            ("worker_allocations_per_message", probed.allocations()),
        ];
        for (name, (allocations, items)) in counts {
            if allocations::are_counted() && items > 0 {
                block.extras.push((name, ratio(allocations, items)));
            }
        }
        block
    }
}

/// Sender, ingest, strategy.
const THREADS: usize = 3;

/// Fewer say nothing.
const FRAMES_MIN: u64 = 50;

/// Over loopback the first attempt succeeds.
const ATTEMPTS_MAX: u32 = 3;
