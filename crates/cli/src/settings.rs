//! Settings that have a name in the environment besides their flag: those of the Python pipeline
//! that many users come from keep their meaning and their defaults.

use std::env;
use std::str::FromStr;

use thiserror::Error;
use tickring_ingest::rest::TICKDB_REST_URL;
use tickring_ingest::{ApiKey, Backoff};
use tickring_ring::Capacity;

/// A setting that cannot work; found before the first thread or socket.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("{0}")]
pub(crate) struct SettingError(pub(crate) String);

/// Where TickDB's socket is, unless `TICKDB_WS_URL` says otherwise.
pub(crate) const TICKDB_WS_URL: &str = "wss://api.tickdb.ai/v1/realtime";

/// Settings from the environment that a live connection needs.
#[derive(Clone, Debug)]
pub(crate) struct LiveSettings {
    pub(crate) url: String,
    pub(crate) key: ApiKey,
    pub(crate) backoff: Backoff,
    pub(crate) heartbeat_ms: u64,
}

/// Reads what a TickDB connection needs.
///
/// # Errors
/// The key is absent or a number cannot be read; the message names the variable and never shows
/// the key.
pub(crate) fn live() -> Result<LiveSettings, SettingError> {
    let key = tickdb_key()?;
    Ok(LiveSettings {
        url: text("TICKDB_WS_URL")?.unwrap_or_else(|| TICKDB_WS_URL.to_owned()),
        key,
        backoff: backoff()?,
        heartbeat_ms: seconds_ms("HEARTBEAT_INTERVAL")?.unwrap_or(30_000),
    })
}

/// The key of TickDB.
///
/// # Errors
/// It is absent; the message names the variable.
pub(crate) fn tickdb_key() -> Result<ApiKey, SettingError> {
    let key = env::var("TICKDB_API_KEY").ok().filter(|key| !key.trim().is_empty());
    key.map(ApiKey::new).ok_or_else(|| {
        let words = "TICKDB_API_KEY is not set: export it with your TickDB key, or try `tickring \
                     demo`, which needs none";
        SettingError(words.to_owned())
    })
}

/// Where TickDB's REST interface is: the flag, else `TICKDB_REST_URL`, else the vendor's own.
///
/// # Errors
/// The variable is not text.
pub(crate) fn tickdb_rest_url(flag: Option<&str>) -> Result<String, SettingError> {
    let url = match flag {
        Some(url) => Some(url.to_owned()),
        None => text("TICKDB_REST_URL")?,
    };
    Ok(url.unwrap_or_else(|| TICKDB_REST_URL.to_owned()))
}

/// Waits between attempts to connect, to any venue.
///
/// # Errors
/// A number cannot be read.
pub(crate) fn backoff() -> Result<Backoff, SettingError> {
    Ok(Backoff {
        delay_ms_min: seconds_ms("RECONNECT_BASE_DELAY")?.unwrap_or(1_000),
        delay_ms_max: seconds_ms("RECONNECT_MAX_DELAY")?.unwrap_or(60_000),
    })
}

/// Slots of the ring: the flag, else `MAX_QUEUE_DEPTH`, else 10,000; rounded up to a power of two.
///
/// # Errors
/// The number cannot be read, is below 2 or beyond what a ring can have.
pub(crate) fn ring_capacity(flag: Option<usize>) -> Result<Capacity, SettingError> {
    let slots = match flag {
        Some(slots) => slots,
        None => number("MAX_QUEUE_DEPTH")?.unwrap_or(RING_SLOTS),
    };
    Capacity::round_up(slots).filter(|_| slots >= 2).ok_or_else(|| {
        SettingError(format!("a ring of {slots} slots is not possible: use 2 to {RING_SLOTS_MAX}"))
    })
}

/// Workers of each strategy: the flag, else `WORKER_COUNT`, else 1.
///
/// # Errors
/// The number cannot be read or is 0 or too many.
pub(crate) fn workers(flag: Option<u32>) -> Result<u32, SettingError> {
    let workers = match flag {
        Some(workers) => workers,
        None => number("WORKER_COUNT")?.unwrap_or(1),
    };
    if (1..=WORKERS_MAX).contains(&workers) {
        Ok(workers)
    } else {
        Err(SettingError(format!("{workers} workers are not possible: use 1 to {WORKERS_MAX}")))
    }
}

/// Instruments: the flag, else `SUBSCRIBED_SYMBOLS`.
///
/// # Errors
/// The variable is not text.
pub(crate) fn symbols(flag: &[String]) -> Result<Vec<String>, SettingError> {
    let from_environment = if flag.is_empty() { text("SUBSCRIBED_SYMBOLS")? } else { None };
    let listed = from_environment
        .as_deref()
        .map_or_else(|| flag.to_vec(), |symbols| symbols.split(',').map(str::to_owned).collect());
    Ok(listed
        .iter()
        .map(|symbol| symbol.trim().to_owned())
        .filter(|symbol| !symbol.is_empty())
        .collect())
}

/// The Python pipeline's queue depth.
const RING_SLOTS: usize = 10_000;
const RING_SLOTS_MAX: usize = tickring_ring::CAPACITY_MAX;
/// As many pollers as a ring serves.
const WORKERS_MAX: u32 = 64;

fn text(name: &str) -> Result<Option<String>, SettingError> {
    match env::var(name) {
        Ok(text) if text.trim().is_empty() => Ok(None),
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(SettingError(format!("{name} is not text"))),
    }
}

fn number<T: FromStr>(name: &str) -> Result<Option<T>, SettingError> {
    text(name)?
        .map(|value| {
            let wrong = || SettingError(format!("{name}: `{value}` is not a whole number"));
            value.parse().map_err(|_| wrong())
        })
        .transpose()
}

/// Seconds, with or without a fraction, as milliseconds.
fn seconds_ms(name: &str) -> Result<Option<u64>, SettingError> {
    let Some(value) = text(name)? else { return Ok(None) };
    parse_seconds_ms(&value).map(Some).ok_or_else(|| {
        SettingError(format!("{name}: `{value}` is not a number of seconds above 0"))
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be positive and far below the range's end"
)]
fn parse_seconds_ms(value: &str) -> Option<u64> {
    let seconds: f64 = value.parse().ok()?;
    (0.001..=1e6).contains(&seconds).then(|| (seconds * 1_000.0).round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_milliseconds() {
        assert_eq!(parse_seconds_ms("1"), Some(1_000));
        assert_eq!(parse_seconds_ms("0.5"), Some(500));
        for wrong in ["0", "-1", "nan", "inf", "soon", ""] {
            assert_eq!(parse_seconds_ms(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_ring_is_rounded_up_to_a_power_of_two() {
        assert_eq!(ring_capacity(Some(10_000)).unwrap().slots(), 16_384);
        assert_eq!(ring_capacity(Some(64)).unwrap().slots(), 64);
        assert!(ring_capacity(Some(0)).unwrap_err().0.contains("0 slots"));
        assert!(ring_capacity(Some(1)).is_err());
        assert!(ring_capacity(Some(usize::MAX)).is_err());
    }

    #[test]
    fn workers_have_a_limit() {
        assert_eq!(workers(Some(2)), Ok(2));
        assert!(workers(Some(0)).is_err());
        assert!(workers(Some(65)).is_err());
    }

    #[test]
    fn blank_symbols_are_left_out() {
        let flag = ["A".to_owned(), " ".to_owned(), "B ".to_owned()];
        assert_eq!(symbols(&flag), Ok(vec!["A".to_owned(), "B".to_owned()]));
    }
}
