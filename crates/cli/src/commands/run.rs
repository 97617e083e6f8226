//! `tickring run`: live, from a venue's socket.

use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::tickdb::{KEEP_ALIVE, TickDb, TickDbConfig};
use tickring_ingest::{
    Backoff, KeepAlive, LiveConfig, LiveSource, NoticeReceiver, NoticeSender, Polling, Roots,
    Venue, notices,
};
use tickring_ring::WaitStrategy;

use super::finish;
use crate::args::{RootsName, RunArgs, VenueName};
use crate::engine::{self, Feed, Outcome};
use crate::exit::{Exit, Failure};
use crate::options::{self, Prepared, prepare};
use crate::settings::{self, LiveSettings};
use crate::strategies::Strategies;

/// Runs the command.
pub(crate) fn run(args: &RunArgs, strategies: &Strategies) -> Exit {
    finish(args.talk, live(args, strategies))
}

fn live(args: &RunArgs, strategies: &Strategies) -> Result<Outcome, Failure> {
    if args.venue != VenueName::Tickdb {
        return Err(Failure::usage(
            "--venue: `run` connects to tickdb; Binance is decoded from recordings by `replay`",
        ));
    }
    let prepared = prepare(&args.engine, args.talk, options::Venue::Outside, strategies)?;
    if prepared.symbols.is_empty() {
        return Err(Failure::usage(
            "no instruments: give --symbols AAPL.US,BTCUSDT or set SUBSCRIBED_SYMBOLS",
        ));
    }
    let settings = settings::live()?;
    let tickdb = TickDbConfig::parse(&prepared.symbols, &args.channels)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let roots = match args.roots {
        RootsName::System => Roots::System,
        RootsName::Bundled => Roots::Bundled,
    };
    let feed = feed("run", &prepared, settings, &tickdb, roots)?;
    engine::run(prepared, feed)
}

/// What the engine needs for one TickDB connection. Nothing is opened yet.
///
/// # Errors
/// A setting cannot work.
pub(super) fn feed(
    command: &'static str,
    prepared: &Prepared,
    settings: LiveSettings,
    tickdb: &TickDbConfig,
    roots: Roots,
) -> Result<Feed<LiveSource>, Failure> {
    let instruments = Arc::new(Instruments::new());
    let venue = TickDb::new(tickdb, Arc::clone(&instruments))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let notices: (NoticeSender, NoticeReceiver) = notices();
    let keep_alive = KeepAlive { text: KEEP_ALIVE.to_owned(), interval_ms: settings.heartbeat_ms };
    let mut config = LiveConfig::new(settings.url, Some(keep_alive));
    config.key = Some(settings.key);
    config.backoff = Backoff {
        delay_ms_min: settings.reconnect_delay_ms_min,
        delay_ms_max: settings.reconnect_delay_ms_max,
    };
    config.roots = roots;
    config.polling = polling(prepared);
    // Not for secrets: only so that many clients of one venue do not come back at one moment.
    let seed = prepared.clock.wall_ns_at_start() ^ u64::from(std::process::id());
    let source = LiveSource::new(config, prepared.clock.clone(), notices.0.clone(), seed)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let venues: Vec<Box<dyn Venue>> = vec![Box::new(venue)];
    Ok(Feed { command, source, venues, instruments, notices })
}

/// Busy-polling only for an ingest thread that has a core of its own.
fn polling(prepared: &Prepared) -> Polling {
    let spins = matches!(prepared.plan.wait, WaitStrategy::Spin | WaitStrategy::SpinPause);
    if spins && prepared.plan.cores[0].is_some() { Polling::Busy } else { Polling::Block }
}
