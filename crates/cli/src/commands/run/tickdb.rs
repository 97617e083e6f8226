//! TickDB live: a key, and one connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::tickdb::{KEEP_ALIVE, TickDb, TickDbConfig};
use tickring_ingest::{KeepAlive, LiveConfig, LiveSource, Roots, notices};

use super::{live_config, seed};
use crate::args::LiveArgs;
use crate::engine::Feed;
use crate::exit::Failure;
use crate::options::Prepared;
use crate::settings::{self, LiveSettings};

/// What the engine needs for the TickDB connection that `args` ask for. Nothing is opened yet.
///
/// # Errors
/// The key is not set, or a setting cannot work.
pub(super) fn asked(
    command: &'static str,
    args: &LiveArgs,
    prepared: &Prepared,
) -> Result<Feed<LiveSource>, Failure> {
    if args.depth.is_some() || args.rest_url.is_some() {
        let words = "--depth and --rest-url: TickDB sends whole books over its socket";
        return Err(Failure::usage(words));
    }
    let mut settings = settings::live()?;
    if let Some(url) = &args.url {
        settings.url.clone_from(url);
    }
    let tickdb = TickDbConfig::parse(&prepared.symbols, &args.channels)
        .map_err(|error| Failure::usage(error.to_string()))?;
    let metadata = super::metadata(prepared, "tickdb", &settings.url, &args.channels);
    let mut config = config(prepared, settings, args.roots.into());
    config.message_bytes_max = usize::from(args.message_mib) << 20;
    config.kernel_time = args.kernel_time;
    let feed = feed_of(command, prepared, config, &tickdb)?;
    Ok(Feed { metadata, ..feed })
}

/// As [`asked`], for settings that are at hand.
///
/// # Errors
/// A setting cannot work.
pub(in crate::commands) fn feed(
    command: &'static str,
    prepared: &Prepared,
    settings: LiveSettings,
    tickdb: &TickDbConfig,
    roots: Roots,
) -> Result<Feed<LiveSource>, Failure> {
    feed_of(command, prepared, config(prepared, settings, roots), tickdb)
}

fn config(prepared: &Prepared, settings: LiveSettings, roots: Roots) -> LiveConfig {
    let keep_alive = KeepAlive { text: KEEP_ALIVE.to_owned(), interval_ms: settings.heartbeat_ms };
    let config = LiveConfig::new(settings.url, Some(keep_alive));
    LiveConfig { key: Some(settings.key), ..live_config(config, prepared, settings.backoff, roots) }
}

fn feed_of(
    command: &'static str,
    prepared: &Prepared,
    config: LiveConfig,
    tickdb: &TickDbConfig,
) -> Result<Feed<LiveSource>, Failure> {
    let instruments = Arc::new(Instruments::new());
    let venue = TickDb::new(tickdb, Arc::clone(&instruments))
        .map_err(|error| Failure::usage(error.to_string()))?;
    let notices = notices();
    let (clock, sender) = (prepared.clock.clone(), notices.0.clone());
    let source = LiveSource::new(config, clock, sender, seed(prepared))
        .map_err(|error| Failure::usage(error.to_string()))?;
    Ok(Feed {
        command,
        source,
        venues: vec![Box::new(venue)],
        pairs: Vec::new(),
        instruments,
        notices,
        metadata: BTreeMap::new(),
    })
}
