//! `tickring run`: live, from a venue's socket.

mod public;
pub(super) mod tickdb;

use std::collections::BTreeMap;
use std::fs;

use tickring_ingest::{Backoff, LiveConfig, Polling, Roots};
use tickring_ring::WaitStrategy;

use super::finish;
use crate::args::{LiveArgs, RootsName, RunArgs, VenueName};
use crate::engine::{self, Outcome, RecordRequest};
use crate::exit::{Exit, Failure};
use crate::options::{self, Prepared, prepare, record_request};
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
    let public = args.venue.public();
    if public.is_none() && args.venue != VenueName::Tickdb {
        let words = "--venue: this one is for recordings, which `replay` takes; it has no socket";
        return Err(Failure::usage(words));
    }
    let mut prepared = prepare(&args.engine, args.talk, options::Venue::Outside, strategies)?;
    if prepared.symbols.is_empty() {
        let like = public.map_or("AAPL.US,BTCUSDT", |public| public.offer.symbol_like);
        let words = format!("no instruments: give --symbols {like} or set SUBSCRIBED_SYMBOLS");
        return Err(Failure::usage(words));
    }
    prepared.record = record;
    match public {
        Some(public) => {
            let feed = public::asked(command, args, &public, &prepared)?;
            engine::run(prepared, feed)
        }
        None => {
            let feed = tickdb::asked(command, args, &prepared)?;
            engine::run(prepared, feed)
        }
    }
}

/// What a capture says about its session. The URL goes without its query, which may hold a key.
pub(super) fn metadata(
    prepared: &Prepared,
    venue: &str,
    url: &str,
    channels: &[String],
) -> BTreeMap<String, String> {
    let clock = &prepared.clock;
    let (wall_ns, ticks) = (clock.wall_ns_at_start(), clock.ticks_at_start());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let pairs = [
        ("session", format!("{wall_ns:x}-{}", std::process::id())),
        ("venue", venue.to_owned()),
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

/// The settings that every live connection takes from the command line.
fn live_config(
    config: LiveConfig,
    prepared: &Prepared,
    backoff: Backoff,
    roots: Roots,
) -> LiveConfig {
    LiveConfig { backoff, roots, polling: polling(prepared), ..config }
}

/// Not for secrets: only so that many clients of one venue do not come back at one moment.
fn seed(prepared: &Prepared) -> u64 {
    prepared.clock.wall_ns_at_start() ^ u64::from(std::process::id())
}

/// Busy-polling only for an ingest thread that has a core of its own.
fn polling(prepared: &Prepared) -> Polling {
    let spins = matches!(prepared.plan.wait, WaitStrategy::Spin | WaitStrategy::SpinPause);
    if spins && prepared.plan.cores[0].is_some() { Polling::Busy } else { Polling::Block }
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(Exit::InputOutput, format!("the system cannot make a thread: {error}"))
}

impl From<RootsName> for Roots {
    fn from(name: RootsName) -> Self {
        match name {
            RootsName::System => Self::System,
            RootsName::Bundled => Self::Bundled,
        }
    }
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
