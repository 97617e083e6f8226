//! The strategy threads of a run: made, pinned and joined here, run by the library.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tickring_event::{Instruments, MarketEvent};
use tickring_metrics::{BookReport, Clock, StageRecorders, StrategyReport};
use tickring_ring::{Poller, WaitStrategy};
use tickring_strategy::builtin::{Books, TopRule};
use tickring_strategy::{
    ClockPause, OnFault, Shard, SignalSender, Strategy, WorkerConfig, WorkerGauges, WorkerParts,
    WorkerReport, run_worker,
};

use crate::machine;
use crate::output::Talk;
use crate::plan::BusyThread;
use crate::strategies::Strategies;

/// One worker before it has a thread.
pub(crate) struct WorkerSpec {
    pub(crate) thread: BusyThread,
    pub(crate) core: Option<usize>,
    pub(crate) config: WorkerConfig,
    pub(crate) role: Role,
}

/// What a worker runs.
pub(crate) enum Role {
    Strategy(Box<dyn Strategy>),
    /// Keeps the books of `--books`; not one of the user's strategies.
    Books(Books),
}

/// What all workers of a run share.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) clock: Clock,
    pub(crate) signals: SignalSender,
    /// Set by whoever wants the run to end.
    pub(crate) stop: Arc<AtomicBool>,
    /// Set when the deadline for draining is over: what is left is skipped and counted.
    pub(crate) abandon: Arc<AtomicBool>,
    pub(crate) talk: Talk,
}

/// A worker's thread.
pub(crate) struct WorkerThread {
    pub(crate) thread: BusyThread,
    core: Option<usize>,
    wait: WaitStrategy,
    is_service: bool,
    pub(crate) gauges: Arc<WorkerGauges>,
    handle: JoinHandle<Finished>,
}

/// What a worker leaves behind.
pub(crate) struct Finished {
    report: WorkerReport,
    books: Option<BTreeMap<String, BookReport>>,
}

/// Reports of all workers.
#[derive(Default)]
pub(crate) struct WorkerReports {
    pub(crate) strategies: Vec<StrategyReport>,
    pub(crate) services: Vec<StrategyReport>,
    pub(crate) books: Option<BTreeMap<String, BookReport>>,
    /// Whether every worker returned.
    pub(crate) complete: bool,
}

/// The workers that the command line asks for, in the order of their pollers.
///
/// # Errors
/// A strategy is not known; the message lists those that are.
pub(crate) fn specs(
    strategies: &Strategies,
    named: &[String],
    workers: u32,
    books: bool,
    on_fault: OnFault,
) -> Result<Vec<WorkerSpec>, String> {
    let mut specs = Vec::new();
    for (index, name) in (0_u16..).zip(named) {
        for worker in 0..workers {
            let Some(strategy) = strategies.make(name) else {
                let known = strategies.names().join(", ");
                return Err(format!("--strategy: `{name}` is not one of {known}"));
            };
            let thread = BusyThread {
                name: name.clone(),
                worker: (workers > 1).then_some(worker),
                is_strategy: true,
            };
            let mut config = WorkerConfig::new(name.clone());
            config.strategy = index;
            config.shard = Shard::new(worker, workers).expect("worker is below workers");
            config.on_fault = on_fault;
            let role = Role::Strategy(strategy);
            specs.push(WorkerSpec { thread, core: None, config, role });
        }
    }
    if books {
        let thread = BusyThread { name: "books".to_owned(), worker: None, is_strategy: false };
        let mut config = WorkerConfig::new("books");
        config.strategy = u16::MAX;
        specs.push(WorkerSpec { thread, core: None, config, role: Role::Books(Books::new()) });
    }
    Ok(specs)
}

/// Lets the books be compared with their venue's own tops.
pub(crate) fn check_tops(specs: &mut [WorkerSpec], rule: TopRule) {
    for spec in specs {
        if let Role::Books(keeper) = &mut spec.role {
            *keeper = Books::with_top_check(rule);
        }
    }
}

/// Starts a worker's thread.
///
/// # Errors
/// The system cannot make a thread.
pub(crate) fn start(
    spec: WorkerSpec,
    poller: Poller<MarketEvent>,
    recorders: StageRecorders,
    shared: Shared,
) -> io::Result<WorkerThread> {
    let WorkerSpec { thread, core, config, role } = spec;
    let gauges = Arc::new(WorkerGauges::new());
    let of_thread = Arc::clone(&gauges);
    let (wait, is_service) = (config.wait, matches!(role, Role::Books(_)));
    let name = thread.to_string();
    let work = move || {
        pin_here(core, &config.name, shared.talk);
        let instruments = Arc::clone(&shared.instruments);
        let parts = WorkerParts {
            poller,
            instruments: &shared.instruments,
            clock: shared.clock.clone(),
            signals: shared.signals,
            recorders,
            pause: &mut ClockPause::new(shared.clock),
            gauges: &of_thread,
            stop: &shared.stop,
            abandon: &shared.abandon,
        };
        match role {
            Role::Strategy(mut strategy) => {
                Finished { report: run_worker(&mut *strategy, &config, parts), books: None }
            }
            Role::Books(mut keeper) => {
                let report = run_worker(&mut keeper, &config, parts);
                Finished { report, books: Some(keeper.reports(&instruments)) }
            }
        }
    };
    let handle = thread::Builder::new().name(name).spawn(work)?;
    Ok(WorkerThread { thread, core, wait, is_service, gauges, handle })
}

/// Pins the calling thread and says so when the kernel refuses.
pub(crate) fn pin_here(core: Option<usize>, name: &str, talk: Talk) {
    if let Some(core) = core
        && !machine::pin(core)
    {
        talk.say(
            crate::args::LogLevel::Warn,
            format!("the kernel refused to pin {name} to core {core}; it runs unpinned"),
        );
    }
}

/// Time between two looks at a worker that is about to return: it counts as a part of the run.
const JOIN_REST: Duration = Duration::from_micros(50);

/// Waits for all workers, `patience` at most for those that do not return: a strategy that never
/// comes back must not keep the report from being written.
pub(crate) fn join(threads: Vec<WorkerThread>, clock: &Clock, patience: Duration) -> WorkerReports {
    let start = clock.ticks();
    let is_over = || u128::from(clock.elapsed_ns(start, clock.ticks())) >= patience.as_nanos();
    let mut reports = WorkerReports { complete: true, ..WorkerReports::default() };
    for worker in threads {
        while !worker.handle.is_finished() && !is_over() {
            thread::park_timeout(JOIN_REST);
        }
        let core = worker.core.map(|core| core as u64);
        let wait = worker.wait.to_string();
        let entry = if worker.handle.is_finished() {
            match worker.handle.join() {
                Ok(Finished { report, books }) => {
                    reports.books = reports.books.or(books);
                    report.entry(clock, core, &wait)
                }
                Err(_) => lost(&worker.thread, &worker.gauges, core, wait, "its thread panicked"),
            }
        } else {
            reports.complete = false;
            let words = "it did not return before the deadline";
            lost(&worker.thread, &worker.gauges, core, wait, words)
        };
        if worker.is_service {
            reports.services.push(entry);
        } else {
            reports.strategies.push(entry);
        }
    }
    reports
}

/// The entry of a worker that cannot be asked any more: what its gauges showed last.
fn lost(
    thread: &BusyThread,
    gauges: &WorkerGauges,
    core: Option<u64>,
    wait: String,
    culprit: &str,
) -> StrategyReport {
    StrategyReport {
        name: thread.name.clone(),
        worker: u64::from(thread.worker.unwrap_or_default()),
        core,
        wait,
        handled: gauges.handled(),
        conflated: gauges.conflated(),
        skipped: gauges.skipped(),
        errors: gauges.errors(),
        quarantined: true,
        culprit: Some(culprit.to_owned()),
        ..StrategyReport::default()
    }
}
