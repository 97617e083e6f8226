//! What the machine is worth for figures, as `doctor` sees it.

use serde_json::Value;
use tickring_metrics::Clock;

use crate::doctor::{Scope, examine};

/// The host's verdict, without its measurement of jitter, to go with each result; `None` where it
/// cannot be written.
pub(super) fn host_verdict(clock: &Clock) -> Option<Value> {
    serde_json::to_value(examine(Scope::here(clock, None)).verdict).ok()
}
