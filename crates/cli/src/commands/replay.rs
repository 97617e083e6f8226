//! `tickring replay`: recorded sessions through the same engine as live.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tickring_capture::LineReader;
use tickring_event::Instruments;
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{Binance, Market, RecordedSource, ThreadWait, Venue, notices};
use tickring_ring::WaitStrategy;

use super::finish;
use crate::args::{LogLevel, ReplayArgs, VenueName};
use crate::engine::{self, Feed, Outcome};
use crate::exit::{Exit, Failure};
use crate::options::{self, prepare};
use crate::strategies::Strategies;

/// Channels that a recorded TickDB session may hold.
const CHANNELS: [&str; 3] = ["ticker", "depth", "trade"];

/// Runs the command.
pub(crate) fn run(args: &ReplayArgs, strategies: &Strategies) -> Exit {
    finish(args.talk, replay(args, strategies))
}

fn replay(args: &ReplayArgs, strategies: &Strategies) -> Result<Outcome, Failure> {
    let prepared = prepare(&args.engine, args.talk, options::Venue::Outside, strategies)?;
    let readers = args.files.iter().map(|path| open(path)).collect::<Result<Vec<_>, _>>()?;
    let instruments = Arc::new(Instruments::new());
    let venues = readers
        .iter()
        .map(|_| venue(args.venue, &prepared.symbols, &instruments))
        .collect::<Result<Vec<_>, _>>()?;
    let wait = match prepared.plan.wait {
        WaitStrategy::Spin | WaitStrategy::SpinPause => ThreadWait::Spin,
        WaitStrategy::Yield | WaitStrategy::Backoff => ThreadWait::Yield,
    };
    let source = RecordedSource::new(readers, args.speed, prepared.clock.clone(), wait)
        .map_err(|error| Failure::usage(error.to_string()))?;
    prepared.talk.say(LogLevel::Debug, format!("replaying {} files", args.files.len()));
    let feed = Feed { command: "replay", source, venues, instruments, notices: notices() };
    let outcome = engine::run(prepared, feed)?;
    Ok(match &args.verify_hash {
        Some(hash) => verified(outcome, hash),
        None => outcome,
    })
}

/// Ends a run that went well but differs from the one whose hash is `wanted` with an error.
fn verified(mut outcome: Outcome, wanted: &str) -> Outcome {
    let found = outcome.report.run_hash.as_deref();
    if outcome.exit == Exit::Done && found != Some(wanted) {
        let found = found.unwrap_or("not known");
        let words = format!(
            "--verify-hash: the run hash is {found}, not {wanted}: the strategies were given \
             something else"
        );
        (outcome.exit, outcome.error) = (Exit::Fault, Some(words));
    }
    outcome
}

fn open(path: &Path) -> Result<LineReader, Failure> {
    let reader = if path.as_os_str() == "-" {
        LineReader::from_reader("standard input".to_owned(), Box::new(io::stdin()))
    } else {
        LineReader::open(path)
    };
    reader.map_err(|error| Failure::new(Exit::InputOutput, error.to_string()))
}

fn venue(
    name: VenueName,
    symbols: &[String],
    instruments: &Arc<Instruments>,
) -> Result<Box<dyn Venue>, Failure> {
    let instruments = Arc::clone(instruments);
    Ok(match name {
        VenueName::BinanceSpot => Box::new(Binance::new(Market::Spot, symbols, instruments)),
        VenueName::BinanceUsdm => Box::new(Binance::new(Market::UsdM, symbols, instruments)),
        VenueName::Tickdb if symbols.is_empty() => Box::new(TickDb::recorded(instruments)),
        VenueName::Tickdb => {
            let venue = TickDbConfig::parse(symbols, &CHANNELS.map(str::to_owned))
                .and_then(|config| TickDb::new(&config, instruments));
            Box::new(venue.map_err(|error| Failure::usage(error.to_string()))?)
        }
    })
}
