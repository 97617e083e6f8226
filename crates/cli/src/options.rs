//! The engine's flags, checked and resolved before the first thread or socket.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tickring_metrics::Clock;
use tickring_ring::{Capacity, OnFull, POLLERS_MAX};
use tickring_strategy::OnFault;

use crate::args::{CaptureArgs, EngineArgs, FaultPolicy, Format, LogLevel, TalkArgs};
use crate::engine::RecordRequest;
use crate::exit::Failure;
use crate::interrupt::Interrupt;
use crate::machine;
use crate::memory;
use crate::output::Talk;
use crate::plan::{BusyThread, CorePlan, plan};
use crate::progress::Progress;
use crate::settings;
use crate::strategies::Strategies;
use crate::workers::{self, WorkerSpec};

/// Those that run when none is named.
const STRATEGIES: [&str; 2] = ["spread", "pressure"];

/// Where signals go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum SignalTarget {
    None,
    Stdout,
    File(PathBuf),
}

/// A run that can start: every setting checked, every thread planned.
pub(crate) struct Prepared {
    pub(crate) symbols: Vec<String>,
    pub(crate) capacity: Capacity,
    pub(crate) on_full: OnFull,
    pub(crate) strict: bool,
    pub(crate) verify_top: bool,
    pub(crate) duration: Option<Duration>,
    pub(crate) drain: Duration,
    pub(crate) signals: SignalTarget,
    pub(crate) hlog: Option<PathBuf>,
    /// The capture to write.
    pub(crate) record: Option<RecordRequest>,
    pub(crate) interval: Duration,
    pub(crate) specs: Vec<WorkerSpec>,
    /// The ingest thread first, then the workers, then the simulator where there is one.
    pub(crate) plan: CorePlan,
    pub(crate) cores_count: usize,
    pub(crate) huge_pages: bool,
    pub(crate) clock: Clock,
    pub(crate) talk: Talk,
    pub(crate) interrupt: Interrupt,
    /// Shows how many events have been published.
    pub(crate) progress: Option<Progress>,
}

/// Whether a simulated venue runs in the same process and wants a core too.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Venue {
    Outside,
    InProcess,
}

/// Checks the flags and plans the threads.
///
/// # Errors
/// A setting cannot work; the message names it.
pub(crate) fn prepare(
    args: &EngineArgs,
    talk_args: TalkArgs,
    venue: Venue,
    strategies: &Strategies,
) -> Result<Prepared, Failure> {
    let talk = Talk::new(talk_args.log);
    let signals = signal_target(&args.signals, talk_args.format)?;
    let capacity = settings::ring_capacity(args.ring)?;
    let worker_count = settings::workers(args.workers)?;
    let mut specs = workers::specs(
        strategies,
        &named(&args.strategies)?,
        worker_count,
        args.books || args.verify_top,
        match args.on_fault {
            FaultPolicy::Quarantine => OnFault::Quarantine,
            FaultPolicy::Stop => OnFault::Stop,
        },
    )
    .map_err(Failure::usage)?;
    if specs.len() > POLLERS_MAX {
        return Err(Failure::usage(format!(
            "{} workers in all, but a ring serves {POLLERS_MAX} readers: use fewer strategies or \
             --workers",
            specs.len()
        )));
    }
    let machine = machine::machine();
    let plan = plan(&args.cores, args.wait, &busy_threads(&specs, venue), &machine)
        .map_err(|error| Failure::usage(error.to_string()))?;
    for (spec, core) in specs.iter_mut().zip(&plan.cores[1..]) {
        spec.core = *core;
        spec.config.wait = plan.wait;
    }
    for note in &plan.notes {
        talk.say(LogLevel::Info, note);
    }
    talk.say(LogLevel::Info, format!("ring of {capacity} slots, waiting with {}", plan.wait));
    if args.huge_pages {
        memory::check_huge_pages()?;
    }
    if args.lock_memory {
        memory::lock(talk)?;
    }
    let interrupt = Interrupt::listen()?;
    Ok(Prepared {
        symbols: settings::symbols(&args.symbols)?,
        capacity,
        on_full: args.on_full,
        strict: args.strict,
        verify_top: args.verify_top,
        duration: args.duration,
        drain: args.drain,
        signals,
        hlog: args.hlog.clone(),
        record: None,
        interval: args.interval,
        specs,
        plan,
        cores_count: machine.cores.len(),
        huge_pages: args.huge_pages,
        clock: Clock::new(),
        talk,
        interrupt,
        progress: None,
    })
}

/// What `--record` or `record -o` asks for.
///
/// # Errors
/// The core is not there.
pub(crate) fn record_request(path: &Path, args: &CaptureArgs) -> Result<RecordRequest, Failure> {
    let cores = machine::machine().cores;
    if let Some(core) = args.capture_core.filter(|core| !cores.contains(core)) {
        return Err(Failure::usage(format!(
            "--capture-core {core}: this process may use {cores:?}"
        )));
    }
    Ok(RecordRequest {
        path: path.to_owned(),
        force: args.force,
        sync: args.sync,
        is_compressed: !args.uncompressed,
        on_full: args.on_capture_full,
        segment_bytes_max: args.segment_mib << 20,
        segment_ns_max: u64::try_from(args.segment_time.as_nanos()).unwrap_or(u64::MAX),
        core: args.capture_core,
    })
}

fn named(named: &[String]) -> Result<Vec<String>, Failure> {
    if named.is_empty() {
        return Ok(STRATEGIES.map(str::to_owned).to_vec());
    }
    for (index, name) in named.iter().enumerate() {
        if named[..index].contains(name) {
            return Err(Failure::usage(format!("--strategy: `{name}` is given twice")));
        }
    }
    Ok(named.to_vec())
}

fn busy_threads(specs: &[WorkerSpec], venue: Venue) -> Vec<BusyThread> {
    let thread =
        |name: &str| BusyThread { name: name.to_owned(), worker: None, is_strategy: false };
    let mut threads = vec![thread("ingest")];
    threads.extend(specs.iter().map(|spec| spec.thread.clone()));
    if venue == Venue::InProcess {
        threads.push(thread("simulator"));
    }
    threads
}

fn signal_target(text: &str, format: Format) -> Result<SignalTarget, Failure> {
    match text {
        "none" => Ok(SignalTarget::None),
        "-" if format == Format::Json => Err(Failure::usage(
            "--signals -: standard output belongs to the report under `--format json`; name a file",
        )),
        "-" => Ok(SignalTarget::Stdout),
        path => Ok(SignalTarget::File(path.into())),
    }
}
