//! `tickring run`: live, from a venue's socket.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::tickdb::{KEEP_ALIVE, TickDb, TickDbConfig};
use tickring_ingest::{
    Backoff, KeepAlive, LiveConfig, LiveSource, NoticeReceiver, NoticeSender, Polling, Roots,
    Venue, notices,
};
use tickring_ring::WaitStrategy;

use super::finish;
use crate::args::{LiveArgs, RootsName, RunArgs, VenueName};
use crate::engine::{self, Feed, Outcome, RecordRequest};
use crate::exit::{Exit, Failure};
use crate::options::{self, Prepared, prepare, record_request};
use crate::settings::{self, LiveSettings};
use crate::strategies::Strategies;

/// Runs the command.
pub(crate) fn run(args: &RunArgs, strategies: &Strategies) -> Exit {
    let RunArgs { live: args, record, capture } = args;
    let request = record.as_deref().map(|path| record_request(path, capture)).transpose();
    finish(args.talk, request.and_then(|request| live("run", args, request, strategies)))
}

/// Connects, runs strategies, and records where `record` asks for it.
///
/// # Errors
/// The run could not start.
pub(super) fn live(
    command: &'static str,
    args: &LiveArgs,
    record: Option<RecordRequest>,
    strategies: &Strategies,
) -> Result<Outcome, Failure> {
    if args.venue != VenueName::Tickdb {
        return Err(Failure::usage(format!(
            "--venue: `{command}` connects to tickdb; Binance is decoded from recordings by \
             `replay`"
        )));
    }
    let mut prepared = prepare(&args.engine, args.talk, options::Venue::Outside, strategies)?;
    if prepared.symbols.is_empty() {
        return Err(Failure::usage(
            "no instruments: give --symbols AAPL.US,BTCUSDT or set SUBSCRIBED_SYMBOLS",
        ));
    }
    prepared.record = record;
    let settings = settings::live()?;
    let tickdb = TickDbConfig::parse(&prepared.symbols, &args.channels)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let roots = match args.roots {
        RootsName::System => Roots::System,
        RootsName::Bundled => Roots::Bundled,
    };
    let metadata = metadata(&prepared, &settings.url, &args.channels);
    let feed = feed(command, &prepared, settings, &tickdb, roots)?;
    engine::run(prepared, Feed { metadata, ..feed })
}

/// What a capture says about its session. The URL goes without its query, which may hold a key.
pub(super) fn metadata(
    prepared: &Prepared,
    url: &str,
    channels: &[String],
) -> BTreeMap<String, String> {
    let clock = &prepared.clock;
    let (wall_ns, ticks) = (clock.wall_ns_at_start(), clock.ticks_at_start());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let pairs = [
        ("session", format!("{wall_ns:x}-{}", std::process::id())),
        ("venue", "tickdb".to_owned()),
        ("url", without_secrets(url)),
        ("symbols", prepared.symbols.join(",")),
        ("channels", channels.join(",")),
        ("host", host.trim().to_owned()),
        ("engine_version", env!("CARGO_PKG_VERSION").to_owned()),
        ("clock_wall_ns", wall_ns.to_string()),
        ("clock_ticks", ticks.to_string()),
    ];
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Scheme, host and path of a URL: no user, no query, no fragment.
fn without_secrets(url: &str) -> String {
    let end = url.find(['?', '#']).unwrap_or(url.len());
    let (scheme, rest) = url[..end].split_once("://").unwrap_or(("", &url[..end]));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
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
    Ok(Feed { command, source, venues, instruments, notices, metadata: BTreeMap::new() })
}

/// Busy-polling only for an ingest thread that has a core of its own.
fn polling(prepared: &Prepared) -> Polling {
    let spins = matches!(prepared.plan.wait, WaitStrategy::Spin | WaitStrategy::SpinPause);
    if spins && prepared.plan.cores[0].is_some() { Polling::Busy } else { Polling::Block }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_without_what_may_be_a_key() {
        for (url, kept) in [
            ("wss://api.tickdb.ai/v1/realtime?api_key=s3cret", "wss://api.tickdb.ai/v1/realtime"),
            ("ws://me:s3cret@127.0.0.1:9000/v1#s3cret", "ws://127.0.0.1:9000/v1"),
            ("ws://host?s3cret@x", "ws://host"),
        ] {
            assert_eq!(without_secrets(url), kept);
        }
    }
}
