//! A client of TickDB for commands that fetch.
use std::time::{SystemTime, UNIX_EPOCH};

use tickring_ingest::ApiKey;
use tickring_ingest::rest::{RestClient, RestConfig, RestError, RestErrorKind};

use crate::args::RestArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Talk;

pub(crate) fn client(
    source: &RestArgs,
    _interrupt: &Interrupt,
    _talk: Talk,
) -> Result<RestClient, Failure> {
    let key =
        std::env::var("TICKDB_API_KEY").map_err(|_| Failure::usage("TICKDB_API_KEY is not set"))?;
    let url = std::env::var("TICKDB_REST_URL").unwrap_or_default();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now_ms = u64::try_from(now.as_millis()).unwrap_or_default();
    let mut config = RestConfig::new(url, ApiKey::new(key), now_ms);
    config.cache = source.cache.clone();
    RestClient::new(config).map_err(|error| failure(&error))
}

pub(crate) fn failure(error: &RestError) -> Failure {
    let exit = match error.kind() {
        RestErrorKind::Usage => Exit::Usage,
        RestErrorKind::Refused => Exit::Refused,
        RestErrorKind::Interrupted => Exit::Interrupted,
        _ => Exit::InputOutput,
    };
    Failure::new(exit, error.to_string())
}
