//! Wires a run: source, venues, ring, workers, sink, monitor; then waits and reports.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tickring_event::Instruments;
use tickring_ingest::{
    End, EventPublisher, Ingest, IngestReport, NoticeReceiver, NoticeSender, PublishConfig,
    PublishIntervals, Source, SourceError, Venue,
};
use tickring_metrics::{IntervalDrain, Report, SharedCounters, StageIntervals, StageRecorders};
use tickring_ring::{WaitStrategy, ring};
use tickring_strategy::{
    SignalFormat, SignalReceiver, SignalSender, SinkConfig, run_signal_sink, signal_channel,
};

use crate::exit::{Exit, Failure};
use crate::machine;
use crate::monitor::Monitor;
use crate::options::{Prepared, SignalTarget};
use crate::report;
use crate::workers::{self, Shared, WorkerThread, pin_here};

/// Signals that wait for the sink; more are dropped and counted.
const SIGNALS_CAPACITY: usize = 65_536;

/// How long workers get to return once nothing is left for them to read.
const JOIN_PATIENCE: Duration = Duration::from_millis(500);

/// Time covered by one entry of the interval log.
const HLOG_INTERVAL_NS: u64 = 1_000_000_000;

/// What a command adds to what is prepared.
pub(crate) struct Feed<S> {
    pub(crate) command: &'static str,
    pub(crate) source: S,
    pub(crate) venues: Vec<Box<dyn Venue>>,
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) notices: (NoticeSender, NoticeReceiver),
}

/// A run that is over.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    pub(crate) exit: Exit,
    /// What went wrong, in words, where something did.
    pub(crate) error: Option<String>,
}

type Hlog = IntervalDrain<BufWriter<File>>;

/// Runs until the source ends, the duration is over, somebody interrupts, or something fails.
///
/// # Errors
/// The run could not start.
pub(crate) fn run<S: Source + Send + 'static>(
    mut prepared: Prepared,
    feed: Feed<S>,
) -> Result<Outcome, Failure> {
    let Feed { command, source, venues, instruments, notices: (notices, notices_out) } = feed;
    let clock = prepared.clock.clone();
    let mut hlog = open_hlog(&prepared)?;
    let (signals, sink) = start_sink(&prepared, &instruments)?;
    let specs = std::mem::take(&mut prepared.specs);
    let (publisher, pollers) = ring(prepared.capacity, specs.len());
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
    let mut monitor = Monitor::new(
        prepared.talk,
        clock.clone(),
        Arc::clone(&gauges),
        Arc::clone(&counters),
        notices_out,
    );
    let start_ticks = clock.ticks();
    let mut threads = Vec::with_capacity(specs.len());
    for (spec, poller) in specs.into_iter().zip(pollers) {
        let recorders = recorders(hlog.as_mut(), &spec.thread.to_string())?;
        let thread = workers::start(spec, poller, recorders, shared.clone());
        threads.push(thread.map_err(|error| no_thread(&error))?);
    }
    let config = PublishConfig { on_full: prepared.on_full, wait: prepared.plan.wait };
    let mut publisher = EventPublisher::new(publisher, config, clock.clone());
    if let Some(hlog) = hlog.as_mut() {
        publisher.set_intervals(PublishIntervals::new(hlog).map_err(hlog_failure)?);
    }
    let ingest = Ingest {
        source,
        venues,
        publisher,
        stop: Arc::clone(&shared.stop),
        drain_ns_max: u64::try_from(prepared.drain.as_nanos()).unwrap_or(u64::MAX),
        shared: counters,
        notices,
    };
    let ingest = start_ingest(ingest, &prepared)?;
    monitor.watch(&threads, prepared.interval);
    watch(&prepared, &mut monitor, &threads, &shared, &ingest, hlog.as_mut());
    let ingest = ingest.join().map_err(|_| {
        Failure::new(Exit::Fault, "the ingest thread panicked; the message above says where")
    })?;
    let is_abandoned = !ingest.drained.is_clean();
    if is_abandoned {
        // Relaxed: the flag carries no data; workers look at it before each event.
        shared.abandon.store(true, Ordering::Relaxed);
    }
    drop(shared);
    let workers = workers::join(threads, &clock, JOIN_PATIENCE);
    let wall_ns = clock.elapsed_ns(start_ticks, clock.ticks());
    monitor.print_notices();
    let sink_error = finish_sink(sink, workers.complete);
    let hlog_error = hlog.and_then(|hlog| finish_hlog(hlog, workers.complete).err());
    let stall_ns = clock.elapsed_ns(0, gauges.stall_ticks());
    let report = report::build(report::Parts {
        command,
        host: machine::host(prepared.cores_count, prepared.plan.cores.iter().any(Option::is_some)),
        wall_ns,
        clock: &clock,
        instruments: &instruments,
        ingest: &ingest,
        gauges: &gauges,
        workers,
        bottleneck: monitor.bottleneck(stall_ns, wall_ns).to_string(),
    });
    Ok(judge(&prepared, report, ingest.end, sink_error.or(hlog_error)))
}

/// Looks at the run until its ingest thread returns; asks it to stop when it is time.
fn watch(
    prepared: &Prepared,
    monitor: &mut Monitor,
    threads: &[WorkerThread],
    shared: &Shared,
    ingest: &JoinHandle<IngestReport>,
    mut hlog: Option<&mut Hlog>,
) {
    let start = prepared.clock.ticks();
    let limit_ns = prepared.duration.map(|limit| limit.as_nanos());
    while !ingest.is_finished() {
        if monitor.turn(threads)
            && let Some(hlog) = hlog.as_deref_mut()
        {
            // An error shows again, and is told, when the log is finished.
            drop(hlog.collect());
        }
        let elapsed_ns = u128::from(prepared.clock.elapsed_ns(start, prepared.clock.ticks()));
        if prepared.interrupt.is_asked() || limit_ns.is_some_and(|limit| elapsed_ns >= limit) {
            // Relaxed: the flag carries no data.
            shared.stop.store(true, Ordering::Relaxed);
        }
    }
}

/// What the end of a run means for the exit code. The worst thing that happened decides.
fn judge(prepared: &Prepared, report: Report, end: End, io_error: Option<String>) -> Outcome {
    let loss = &report.loss;
    let lost = loss.gaps + loss.dropped + loss.missing + report.decode_errors.total > 0;
    let faulty = report.strategies.iter().chain(&report.services).any(|it| it.quarantined);
    let stopped_by_fault = faulty
        && matches!(end, End::Stopped)
        && prepared.duration.is_none_or(|limit| u128::from(report.wall_ns) < limit.as_nanos())
        && !prepared.interrupt.is_asked();
    let (exit, error) = match end {
        End::Failed(error) => (
            match error {
                SourceError::Configuration(_) => Exit::Usage,
                SourceError::Recorded(_) => Exit::InputOutput,
                _ => Exit::Refused,
            },
            Some(error.to_string()),
        ),
        End::RingFull => (Exit::Lost, Some("the ring was full and --on-full is `fail`".to_owned())),
        End::Ended | End::Stopped if !report.drained => {
            (Exit::Undrained, Some("not everything was handled at the deadline".to_owned()))
        }
        End::Ended | End::Stopped if prepared.strict && lost => {
            (Exit::Lost, Some("data was lost and --strict is on".to_owned()))
        }
        End::Ended | End::Stopped if stopped_by_fault => {
            (Exit::Fault, Some("a strategy failed and --on-fault is `stop`".to_owned()))
        }
        End::Ended | End::Stopped => match io_error {
            Some(error) => (Exit::InputOutput, Some(error)),
            None if prepared.interrupt.is_asked() => (Exit::Interrupted, None),
            None => (Exit::Done, None),
        },
    };
    Outcome { report, exit, error }
}

fn start_ingest<S: Source + Send + 'static>(
    ingest: Ingest<S>,
    prepared: &Prepared,
) -> Result<JoinHandle<IngestReport>, Failure> {
    let (core, talk) = (prepared.plan.cores[0], prepared.talk);
    let work = move || {
        pin_here(core, "ingest", talk);
        ingest.run()
    };
    thread::Builder::new().name("ingest".to_owned()).spawn(work).map_err(|error| no_thread(&error))
}

type Sink = Option<JoinHandle<io::Result<u64>>>;

fn start_sink(
    prepared: &Prepared,
    instruments: &Arc<Instruments>,
) -> Result<(SignalSender, Sink), Failure> {
    let (mut writer, format): (Box<dyn Write + Send>, _) = match &prepared.signals {
        SignalTarget::None => return Ok((SignalSender::discarding(), None)),
        SignalTarget::Stdout => (Box::new(BufWriter::new(io::stdout())), SignalFormat::Text),
        SignalTarget::File(path) => {
            let file = File::create(path).map_err(|error| {
                let message = format!("--signals {}: {error}", path.display());
                Failure::new(Exit::InputOutput, message)
            })?;
            (Box::new(BufWriter::new(file)), SignalFormat::JsonLines)
        }
    };
    let mut strategies: Vec<String> = Vec::new();
    for spec in &prepared.specs {
        if strategies.last() != Some(&spec.config.name) {
            strategies.push(spec.config.name.clone());
        }
    }
    let config = SinkConfig { format, wait: WaitStrategy::Backoff, strategies };
    let (sender, receiver): (SignalSender, SignalReceiver) = signal_channel(SIGNALS_CAPACITY);
    let instruments = Arc::clone(instruments);
    let work = move || run_signal_sink(receiver, &mut writer, &config, &instruments);
    let handle = thread::Builder::new().name("signals".to_owned()).spawn(work);
    Ok((sender, Some(handle.map_err(|error| no_thread(&error))?)))
}

/// Waits for the sink, unless a worker that never returned still holds its queue open.
fn finish_sink(sink: Sink, workers_complete: bool) -> Option<String> {
    let sink = sink.filter(|_| workers_complete)?;
    match sink.join() {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(format!("signals could not be written: {error}")),
        Err(_) => Some("the signal sink panicked".to_owned()),
    }
}

fn open_hlog(prepared: &Prepared) -> Result<Option<Hlog>, Failure> {
    let Some(path) = &prepared.hlog else { return Ok(None) };
    let failed = |error: String| {
        Failure::new(Exit::InputOutput, format!("--hlog {}: {error}", path.display()))
    };
    let file = File::create(path).map_err(|error| failed(error.to_string()))?;
    let drain = IntervalDrain::new(BufWriter::new(file), prepared.clock.clone(), HLOG_INTERVAL_NS);
    drain.map(Some).map_err(|error| failed(error.to_string()))
}

fn recorders(hlog: Option<&mut Hlog>, name: &str) -> Result<StageRecorders, Failure> {
    match hlog {
        None => Ok(StageRecorders::new()),
        Some(hlog) => StageIntervals::new(hlog, name)
            .map(StageRecorders::with_intervals)
            .map_err(hlog_failure),
    }
}

fn finish_hlog(hlog: Hlog, workers_complete: bool) -> Result<(), String> {
    match hlog.finish() {
        Ok(mut writer) => writer.flush().map_err(|error| format!("--hlog: {error}")),
        // A worker that never returned still records: that is told elsewhere.
        Err(_) if !workers_complete => Ok(()),
        Err(error) => Err(format!("--hlog: {error}")),
    }
}

fn hlog_failure(error: tickring_metrics::HlogError) -> Failure {
    Failure::new(Exit::InputOutput, format!("--hlog: {error}"))
}

fn no_thread(error: &io::Error) -> Failure {
    Failure::new(Exit::InputOutput, format!("the system cannot make a thread: {error}"))
}
