//! Wires a run: source, venues, ring, workers, sink, monitor; then waits and reports.

mod bell;
mod judge;
mod outputs;
mod recorder;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tickring_event::{ConnectionId, Instruments, MarketEvent};
use tickring_ingest::{
    EventPublisher, Ingest, IngestReport, NoticeReceiver, NoticeSender, PublishConfig, Source,
    Tapped, Venue,
};
use tickring_metrics::{Report, SharedCounters};
use tickring_ring::{Gauges, Poller, Publisher, ring};
use tickring_strategy::builtin::TopRule;

use self::bell::Bell;
use self::judge::{Asked, judge};
use self::outputs::{Hlog, Sink};
pub(crate) use self::recorder::RecordRequest;
use self::recorder::{Recorded, Recorder};
use crate::exit::{Exit, Failure};
use crate::machine;
use crate::memory;
use crate::monitor::Monitor;
use crate::options::Prepared;
use crate::report;
use crate::workers::{self, Shared, WorkerSpec, WorkerThread, pin_here};

/// How long workers get to return once nothing is left for them to read.
const JOIN_PATIENCE: Duration = Duration::from_millis(500);

/// What a command adds to what is prepared.
pub(crate) struct Feed<S> {
    pub(crate) command: &'static str,
    pub(crate) source: S,
    pub(crate) venues: Vec<Box<dyn Venue>>,
    /// Connections that relieve each other.
    pub(crate) pairs: Vec<[ConnectionId; 2]>,
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) notices: (NoticeSender, NoticeReceiver),
    /// What a capture of this run says about it; must not hold a key.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// A run that is over.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) exit: Exit,
    /// What went wrong, in words, where something did.
    pub(crate) error: Option<String>,
}

/// A run whose threads are at work.
struct Running {
    command: &'static str,
    start_ticks: u64,
    instruments: Arc<Instruments>,
    gauges: Arc<Gauges>,
    monitor: Monitor,
    workers: Vec<WorkerThread>,
    ingest: JoinHandle<IngestReport>,
    /// Set when that thread has nothing more to do.
    is_over: Arc<AtomicBool>,
    /// Set by whoever wants the run to end.
    stop: Arc<AtomicBool>,
    /// Set when the deadline for draining is over.
    abandon: Arc<AtomicBool>,
    sink: Sink,
    hlog: Hlog,
    recorder: Option<Recorder>,
}

/// Runs until the source ends, the duration is over, somebody interrupts, or something fails.
///
/// # Errors
/// The run could not start.
pub(crate) fn run<S: Source + Send + 'static>(
    prepared: Prepared,
    feed: Feed<S>,
) -> Result<Outcome, Failure> {
    let Some(request) = &prepared.record else { return run_feed(prepared, feed, None) };
    let clock = prepared.clock.clone();
    let connections = feed.venues.len();
    let recorded = Recorded { metadata: feed.metadata.clone(), connections };
    let (tap, recorder) =
        Recorder::start(request, recorded, &feed.instruments, &clock, prepared.talk)?;
    let Feed { command, source, venues, pairs, instruments, notices, metadata } = feed;
    let source = Tapped::new(source, tap, clock);
    let feed = Feed { command, source, venues, pairs, instruments, notices, metadata };
    run_feed(prepared, feed, Some(recorder))
}

fn run_feed<S: Source + Send + 'static>(
    mut prepared: Prepared,
    feed: Feed<S>,
    recorder: Option<Recorder>,
) -> Result<Outcome, Failure> {
    let mut specs = std::mem::take(&mut prepared.specs);
    if prepared.verify_top {
        let by_number = feed.venues.iter().all(|venue| venue.numbers_tops());
        workers::check_tops(&mut specs, if by_number { TopRule::Number } else { TopRule::Moment });
    }
    let mut running = start(&prepared, specs, feed)?;
    running.recorder = recorder;
    let asked = watch(&prepared, &mut running);
    finish(&prepared, running, asked)
}

fn start<S: Source + Send + 'static>(
    prepared: &Prepared,
    specs: Vec<WorkerSpec>,
    feed: Feed<S>,
) -> Result<Running, Failure> {
    let Feed { command, source, venues, pairs, instruments, notices, .. } = feed;
    let (notices, notices_out) = notices;
    let clock = &prepared.clock;
    let mut hlog = Hlog::open(prepared.hlog.as_deref(), clock)?;
    let (signals, sink) = Sink::start(&prepared.signals, names(&specs), &instruments)?;
    let make = || ring::<MarketEvent>(prepared.capacity, specs.len());
    let (publisher, pollers) =
        if prepared.huge_pages { memory::in_huge_pages(prepared.talk, make) } else { make() };
    let gauges = publisher.gauges();
    let shared = Shared {
        instruments: Arc::clone(&instruments),
        clock: clock.clone(),
        signals,
        stop: Arc::new(AtomicBool::new(false)),
        abandon: Arc::new(AtomicBool::new(false)),
        talk: prepared.talk,
    };
    let counters = Arc::new(SharedCounters::new());
    let start_ticks = clock.ticks();
    let workers = start_workers(specs, pollers, &shared, &mut hlog)?;
    let ingest = Ingest {
        source,
        venues,
        pairs,
        publisher: event_publisher(prepared, publisher, &mut hlog)?,
        stop: Arc::clone(&shared.stop),
        drain_ns_max: u64::try_from(prepared.drain.as_nanos()).unwrap_or(u64::MAX),
        shared: Arc::clone(&counters),
        notices,
    };
    let is_over = Arc::default();
    let ingest = start_ingest(ingest, prepared, Arc::clone(&is_over))?;
    let mut monitor =
        Monitor::new(prepared.talk, clock.clone(), Arc::clone(&gauges), counters, notices_out);
    monitor.watch(&workers, start_ticks, prepared.interval);
    let Shared { stop, abandon, .. } = shared;
    Ok(Running {
        command,
        start_ticks,
        instruments,
        gauges,
        monitor,
        workers,
        ingest,
        is_over,
        stop,
        abandon,
        sink,
        hlog,
        recorder: None,
    })
}

/// Names of the strategies, by the index that their signals carry.
fn names(specs: &[WorkerSpec]) -> Vec<String> {
    let mut names: Vec<String> = specs.iter().map(|spec| spec.config.name.clone()).collect();
    names.dedup();
    names
}

fn start_workers(
    specs: Vec<WorkerSpec>,
    pollers: Vec<Poller<MarketEvent>>,
    shared: &Shared,
    hlog: &mut Hlog,
) -> Result<Vec<WorkerThread>, Failure> {
    let start = |(spec, poller): (WorkerSpec, Poller<MarketEvent>)| {
        let recorders = hlog.worker(&spec.thread.to_string())?;
        workers::start(spec, poller, recorders, shared.clone()).map_err(|error| no_thread(&error))
    };
    specs.into_iter().zip(pollers).map(start).collect()
}

fn event_publisher(
    prepared: &Prepared,
    publisher: Publisher<MarketEvent>,
    hlog: &mut Hlog,
) -> Result<EventPublisher, Failure> {
    let config = PublishConfig { on_full: prepared.on_full, wait: prepared.plan.wait };
    let mut publisher = EventPublisher::new(publisher, config, prepared.clock.clone());
    if let Some(intervals) = hlog.ingest()? {
        publisher.set_intervals(intervals);
    }
    Ok(publisher)
}

fn start_ingest<S: Source + Send + 'static>(
    ingest: Ingest<S>,
    prepared: &Prepared,
    is_over: Arc<AtomicBool>,
) -> Result<JoinHandle<IngestReport>, Failure> {
    let (core, talk) = (prepared.plan.cores[0], prepared.talk);
    let bell = Bell::to_here(is_over);
    let work = move || {
        let _bell = bell;
        pin_here(core, "ingest", talk);
        ingest.run()
    };
    thread::Builder::new().name("ingest".to_owned()).spawn(work).map_err(|error| no_thread(&error))
}

/// Looks at the run until its ingest thread returns; asks it to stop when it is time.
fn watch(prepared: &Prepared, running: &mut Running) -> Asked {
    let limit_ns = prepared.duration.map(|limit| limit.as_nanos());
    let mut asked = Asked::No;
    // Relaxed: as where it is set.
    while !running.is_over.load(Ordering::Relaxed) {
        if running.monitor.turn(&running.workers) {
            running.hlog.collect();
        }
        if let Some(progress) = &prepared.progress {
            progress.at(running.gauges.published());
        }
        let elapsed_ns = prepared.clock.elapsed_ns(running.start_ticks, prepared.clock.ticks());
        if prepared.interrupt.is_asked() {
            asked = Asked::Interrupt;
        } else if limit_ns.is_some_and(|limit| u128::from(elapsed_ns) >= limit) {
            asked = Asked::Duration;
        }
        if asked != Asked::No {
            // Relaxed: the flag carries no data.
            running.stop.store(true, Ordering::Relaxed);
        }
    }
    asked
}

/// Joins every thread, puts the report together and judges it.
fn finish(prepared: &Prepared, running: Running, asked: Asked) -> Result<Outcome, Failure> {
    let Running { command, start_ticks, instruments, gauges, monitor, sink, hlog, .. } = running;
    let clock = &prepared.clock;
    let ingest = running.ingest.join();
    // The tap went with the ingest thread, also where that panicked.
    let capture = running.recorder.map(|recorder| recorder.finish(clock));
    let ingest = ingest.map_err(|_| {
        Failure::new(Exit::Fault, "the ingest thread panicked; the message above says where")
    })?;
    if !ingest.drained.is_clean() {
        // Relaxed: the flag carries no data; workers look at it before each event.
        running.abandon.store(true, Ordering::Relaxed);
    }
    let workers = workers::join(running.workers, clock, JOIN_PATIENCE);
    let wall_ns = clock.elapsed_ns(start_ticks, clock.ticks());
    monitor.print_notices();
    let is_complete = workers.complete;
    let sink_error = sink.finish(is_complete);
    let output_error = sink_error.or_else(|| hlog.finish(is_complete)).or_else(|| {
        let failure = capture.as_ref()?.first_failure.as_ref()?;
        Some(format!("the capture is not whole: {failure}"))
    });
    let stall_ns = clock.elapsed_ns(0, gauges.stall_ticks());
    let is_pinned = prepared.plan.cores.iter().any(Option::is_some);
    let report = report::build(report::Parts {
        command,
        host: machine::host(prepared.cores_count, is_pinned),
        start_ticks,
        wall_ns,
        timeline: monitor.timeline(wall_ns),
        clock,
        instruments: &instruments,
        ingest: &ingest,
        gauges: &gauges,
        workers,
        bottleneck: monitor.bottleneck(stall_ns, wall_ns).to_string(),
        capture,
    });
    let (exit, error) = judge(&report, &ingest.end, asked, prepared.strict, output_error);
    Ok(Outcome { report, exit, error })
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(Exit::InputOutput, format!("the system cannot make a thread: {error}"))
}
