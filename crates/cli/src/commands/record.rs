//! `tickring record`: live, into a capture, without strategies unless some are named.

use super::{finish, run};
use crate::args::{LiveArgs, RecordArgs};
use crate::exit::Exit;
use crate::options::record_request;
use crate::strategies::Strategies;

/// Runs where no strategy is named: frames are decoded so that acks, gaps and refusals are seen.
const STRATEGY: &str = "null";

/// Runs the command.
pub(crate) fn run(args: &RecordArgs, strategies: &Strategies) -> Exit {
    let mut live: LiveArgs = args.live.clone();
    if live.engine.strategies.is_empty() {
        live.engine.strategies = vec![STRATEGY.to_owned()];
    }
    let outcome = record_request(&args.output, &args.capture)
        .and_then(|request| run::live("record", &live, Some(request), strategies));
    finish(live.talk, outcome)
}
