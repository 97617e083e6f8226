//! `tickring replay`: recorded sessions through the same engine as live.

use tickring_capture::OnDamage;
use tickring_ingest::{RecordedSource, ThreadWait, notices};
use tickring_ring::WaitStrategy;

use super::finish;
use crate::args::{LogLevel, ReplayArgs};
use crate::engine::{self, Feed, Outcome};
use crate::exit::{Exit, Failure};
use crate::options::{self, prepare};
use crate::sessions::{Request, Sessions};
use crate::strategies::Strategies;

/// Runs the command.
pub(crate) fn run(args: &ReplayArgs, strategies: &Strategies) -> Exit {
    finish(args.talk, replay(args, strategies))
}

fn replay(args: &ReplayArgs, strategies: &Strategies) -> Result<Outcome, Failure> {
    let prepared = prepare(&args.engine, args.talk, options::Venue::Outside, strategies)?;
    let request = Request {
        files: args.files.clone(),
        venue: args.venue,
        symbols: prepared.symbols.clone(),
        on_damage: OnDamage::Stop,
        from_ns: 0,
        threads: 1,
    };
    let Sessions { sessions, venues, instruments, .. } = request.open()?;
    let wait = match prepared.plan.wait {
        WaitStrategy::Spin | WaitStrategy::SpinPause => ThreadWait::Spin,
        WaitStrategy::Yield | WaitStrategy::Backoff => ThreadWait::Yield,
    };
    let source = RecordedSource::new(sessions, args.speed, prepared.clock.clone(), wait)
        .map_err(|error| Failure::usage(error.to_string()))?;
    prepared.talk.say(LogLevel::Debug, format!("replaying {} files", args.files.len()));
    let feed = Feed { command: "replay", source, venues, instruments, notices: notices() };
    let outcome = engine::run(prepared, feed)?;
    Ok(match &args.verify_hash {
        Some(hash) => verified(outcome, hash),
        None => outcome,
    })
}

/// Ends a run that went well but differs from the one whose hash is `wanted` with an error.
fn verified(mut outcome: Outcome, wanted: &str) -> Outcome {
    let found = outcome.report.run_hash.as_deref();
    if outcome.exit == Exit::Done && found != Some(wanted) {
        let found = found.unwrap_or("not known");
        let words = format!(
            "--verify-hash: the run hash is {found}, not {wanted}: the strategies were given \
             something else"
        );
        (outcome.exit, outcome.error) = (Exit::Fault, Some(words));
    }
    outcome
}
