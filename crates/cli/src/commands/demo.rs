//! `tickring demo`: a simulated venue and the engine in one process, over a real WebSocket.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tickring_ingest::tickdb::TickDbConfig;
use tickring_ingest::{ApiKey, Backoff, Roots};
use tickring_metrics::Clock;
use tickring_simulator::{Feed, Profile, Simulator, SimulatorConfig};

use super::finish;
use super::run::metadata;
use super::simulate::{SYMBOLS, simulator_failure};
use crate::args::{DemoArgs, LogLevel};
use crate::engine::{self, Outcome};
use crate::exit::{Exit, Failure};
use crate::options::{Prepared, Venue, prepare, record_request};
use crate::settings::LiveSettings;
use crate::strategies::Strategies;
use crate::workers::pin_here;

/// The simulated venue lets any key in; this one is nobody's.
const KEY: &str = "demo";

/// All that the venue has.
const CHANNELS: [&str; 3] = ["ticker", "depth", "trade"];

/// Length of the `open` profile: the first 2.3 s and four windows of five seconds.
const OPEN_DURATION: Duration = Duration::from_millis(22_300);

/// Length of a demo with another profile, where none is given.
const DURATION: Duration = Duration::from_secs(10);

/// Runs the command.
pub(crate) fn run(args: &DemoArgs, strategies: &Strategies) -> Exit {
    finish(args.talk, demo(args, strategies))
}

fn demo(args: &DemoArgs, strategies: &Strategies) -> Result<Outcome, Failure> {
    let mut prepared = prepare(&args.engine, args.talk, Venue::InProcess, strategies)?;
    if prepared.symbols.is_empty() {
        prepared.symbols = SYMBOLS.map(str::to_owned).to_vec();
    }
    prepared.duration.get_or_insert(match args.profile {
        Profile::Open => OPEN_DURATION,
        _ => DURATION,
    });
    let simulator = bind(args, &prepared)?;
    let url = format!("ws://{}/v1/realtime", simulator.local_addr());
    let words = format!("simulated venue at {url}, profile {}, seed {}", args.profile, args.seed);
    prepared.talk.say(LogLevel::Info, words);
    let settings = LiveSettings {
        url,
        key: ApiKey::new(KEY),
        backoff: Backoff { delay_ms_min: 100, delay_ms_max: 1_000 },
        heartbeat_ms: 1_000,
    };
    let tickdb = TickDbConfig::parse(&prepared.symbols, &CHANNELS.map(str::to_owned))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let record = args.record.as_deref().map(|path| record_request(path, &args.capture));
    prepared.record = record.transpose()?;
    let url = settings.url.clone();
    let mut feed = super::run::tickdb::feed("demo", &prepared, settings, &tickdb, Roots::Bundled)?;
    feed.metadata = metadata(&prepared, "tickdb", &url, &CHANNELS.map(str::to_owned));
    let stop = Arc::new(AtomicBool::new(false));
    let thread = start(simulator, &prepared, Arc::clone(&stop))?;
    let outcome = engine::run(prepared, feed);
    // Relaxed: the flag carries no data.
    stop.store(true, Ordering::Relaxed);
    match thread.join() {
        Ok(Ok(_)) => outcome,
        Ok(Err(error)) => outcome.and_then(|_| Err(simulator_failure(&error))),
        Err(_) => Err(Failure::new(Exit::Fault, "the simulated venue panicked")),
    }
}

fn bind(args: &DemoArgs, prepared: &Prepared) -> Result<Simulator, Failure> {
    let symbols = prepared.symbols.clone();
    let pairs = symbols.len() * CHANNELS.len();
    let feed = Feed::Generated { symbols, profile: args.profile, seed: args.seed };
    let mut config = SimulatorConfig::new(feed);
    // Not before all is subscribed, so that no number is missed.
    config.start_after_subscriptions = u32::try_from(pairs).unwrap_or(u32::MAX);
    Simulator::bind(config).map_err(|error| simulator_failure(&error))
}

type SimulatorThread =
    JoinHandle<Result<tickring_simulator::SimulatorReport, tickring_simulator::SimulatorError>>;

fn start(
    mut simulator: Simulator,
    prepared: &Prepared,
    stop: Arc<AtomicBool>,
) -> Result<SimulatorThread, Failure> {
    let core = prepared.plan.cores.last().copied().flatten();
    let (clock, talk): (Clock, _) = (prepared.clock.clone(), prepared.talk);
    let work = move || {
        pin_here(core, "simulator", talk);
        let start = clock.ticks();
        simulator.run(&|| clock.elapsed_ns(start, clock.ticks()), &stop)
    };
    let thread = thread::Builder::new().name("simulator".to_owned()).spawn(work);
    thread.map_err(|error| Failure::new(Exit::InputOutput, error.to_string()))
}
