//! Venues with public channels live: no key, and two connections that relieve each other.

use std::sync::Arc;
use std::thread;

use tickring_event::Instruments;
use tickring_ingest::{
    FetchConfig, FetchPort, LiveConfig, NoticeSender, RelaySource, Subscription, fetching, notices,
};

use super::{live_config, metadata, no_thread, seed};
use crate::args::LiveArgs;
use crate::engine::Feed;
use crate::exit::Failure;
use crate::options::Prepared;
use crate::sessions::RELAY;
use crate::settings;
use crate::venues::{Public, Wanted};

/// What the engine needs for the public venue that `args` name. No socket is opened yet.
///
/// # Errors
/// A setting cannot work, or the system cannot make the thread that fetches snapshots.
pub(super) fn asked(
    command: &'static str,
    args: &LiveArgs,
    public: &Public,
    prepared: &Prepared,
) -> Result<Feed<RelaySource>, Failure> {
    let subscription = subscription(args, public, prepared)?;
    let instruments = Arc::new(Instruments::new());
    let mut venues = Vec::new();
    for _ in 0..2 {
        let wanted = Wanted::Subscribed(subscription.clone());
        venues.push(args.venue.decoder(wanted, Arc::clone(&instruments))?);
    }
    let config = LiveConfig::of_profile(&public.profile, args.url.clone());
    let mut config = live_config(config, prepared, settings::backoff()?, args.roots.into());
    config.message_bytes_max = usize::from(args.message_mib) << 20;
    config.frame_bytes_max = config.message_bytes_max;
    config.kernel_time = args.kernel_time;
    let url = config.url.clone();
    let notices = notices();
    let (clock, sender) = (prepared.clock.clone(), notices.0.clone());
    let wrong = |error: tickring_ingest::SourceError| Failure::usage(error.to_string());
    let mut source =
        RelaySource::new(config, clock, sender.clone(), seed(prepared)).map_err(wrong)?;
    if let Some(ports) = fetchers(args, public, &sender)? {
        source = source.with_fetch(ports);
    }
    let name = public.offer.venue;
    let mut metadata = metadata(prepared, name, &url, &args.channels);
    metadata.insert(RELAY.to_owned(), "2".to_owned());
    if let Some(depth) = subscription.depth {
        metadata.insert("depth".to_owned(), depth.to_string());
    }
    let pairs = vec![source.connections()];
    Ok(Feed { command, source, venues, pairs, instruments, notices, metadata })
}

fn subscription(
    args: &LiveArgs,
    public: &Public,
    prepared: &Prepared,
) -> Result<Subscription, Failure> {
    let Public { offer, profile } = public;
    if args.rest_url.is_some() && profile.rest_url.is_none() {
        let words = format!("--rest-url: {} sends its snapshots over its socket", offer.venue);
        return Err(Failure::usage(words));
    }
    let symbols = prepared.symbols.clone();
    let channels = offer.channels_of(&args.channels);
    channels
        .and_then(|channels| Subscription { symbols, channels, depth: args.depth }.check(offer))
        .map_err(|error| Failure::usage(error.to_string()))
}

/// Starts the thread that fetches snapshots, where the venue's come over HTTP. It ends with the
/// connections, or with the process.
fn fetchers(
    args: &LiveArgs,
    public: &Public,
    notices: &NoticeSender,
) -> Result<Option<[FetchPort; 2]>, Failure> {
    let Some(rest_url) = public.profile.rest_url else { return Ok(None) };
    let config = FetchConfig {
        base_url: args.rest_url.clone().unwrap_or_else(|| rest_url.to_owned()),
        roots: args.roots.into(),
        body_bytes_max: usize::from(args.message_mib) << 20,
    };
    let (ports, fetcher) =
        fetching(&config, notices.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    let thread = thread::Builder::new().name("fetch".to_owned()).spawn(|| fetcher.run());
    thread.map_err(|error| no_thread(&error))?;
    Ok(Some(ports))
}
