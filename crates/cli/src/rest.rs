//! A client of TickDB's REST interface, as flags and environment say.

use std::thread;
use std::time::Duration;

use tickring_ingest::rest::{RestClient, RestConfig, RestError, RestErrorKind};
use tickring_metrics::Clock;

use crate::args::RestArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings;

/// How long a wait goes on before it looks whether it is interrupted.
const TURN: Duration = Duration::from_millis(20);

/// What a client is made of.
///
/// # Errors
/// The key is not set, or a setting cannot be read.
pub(crate) fn config(args: &RestArgs, clock: &Clock) -> Result<RestConfig, Failure> {
    let RestArgs { url, cache, page_rows, roots } = args;
    let url = settings::tickdb_rest_url(url.as_deref())?;
    let now_ms = clock.wall_ns_at_start() / 1_000_000;
    let mut config = RestConfig::new(url, settings::tickdb_key()?, now_ms);
    config.roots = (*roots).into();
    config.backoff = settings::backoff()?;
    config.page_rows_max = *page_rows;
    config.cache.clone_from(cache);
    // Not for secrets: only so that many clients of one venue do not come back at one moment.
    config.seed = clock.wall_ns_at_start() ^ u64::from(std::process::id());
    Ok(config)
}

/// A client that stops waiting when it is interrupted.
///
/// # Errors
/// A setting cannot work, or the cache's folder cannot be made.
pub(crate) fn client(
    config: RestConfig,
    clock: Clock,
    interrupt: Interrupt,
) -> Result<RestClient, Failure> {
    let client = RestClient::new(config).map_err(|error| failure(&error))?;
    let asked = interrupt.clone();
    let client = client.until(move || asked.is_asked());
    Ok(client.waiting(move |wait| {
        let (start, wait_ns) = (clock.ticks(), wait.as_nanos());
        while u128::from(clock.elapsed_ns(start, clock.ticks())) < wait_ns {
            if interrupt.is_asked() {
                return false;
            }
            thread::park_timeout(TURN.min(wait));
        }
        !interrupt.is_asked()
    }))
}

/// What went wrong, with the exit code for it.
pub(crate) fn failure(error: &RestError) -> Failure {
    let exit = match error.kind() {
        RestErrorKind::Usage => Exit::Usage,
        RestErrorKind::InputOutput => Exit::InputOutput,
        RestErrorKind::Interrupted => Exit::Interrupted,
        _ => Exit::Refused,
    };
    Failure::new(exit, error.to_string())
}
