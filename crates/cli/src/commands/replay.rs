//! `tickring replay`: recorded sessions through the same engine as live.

use std::collections::BTreeMap;

use tickring_capture::OnDamage;
use tickring_event::Kind;
use tickring_ingest::{Filtered, Moment, RecordedSource, ThreadWait, Venue, Window, notices};
use tickring_ring::WaitStrategy;

use super::finish;
use crate::args::{ChannelName, DamagePolicy, LogLevel, MomentArg, Repeats, ReplayArgs};
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
    if args.repeat.is_some() && args.files.iter().any(|it| it.as_os_str() == "-") {
        return Err(Failure::usage("--loop: standard input comes only once; name a file"));
    }
    let prepared = prepare(&args.engine, args.talk, options::Venue::Outside, strategies)?;
    let request = request(args, &prepared.symbols);
    let Sessions { sessions, mut venues, pairs, chains, instruments, .. } = request.open()?;
    if !args.channels.is_empty() {
        let wanted: Vec<Kind> = args.channels.iter().map(|it| kind(*it)).collect();
        let filtered = |venue| -> Box<dyn Venue> { Box::new(Filtered::new(venue, wanted.clone())) };
        venues = venues.into_iter().map(filtered).collect();
    }
    let wait = match prepared.plan.wait {
        WaitStrategy::Spin | WaitStrategy::SpinPause => ThreadWait::Spin,
        WaitStrategy::Yield | WaitStrategy::Backoff => ThreadWait::Yield,
    };
    let window = Window { from: args.from.map(|it| it.0), to: args.to.map(|it| it.0) };
    let mut source = RecordedSource::new(sessions, args.speed, prepared.clock.clone(), wait)
        .map_err(|error| Failure::usage(error.to_string()))?
        .within(window)
        .chained(chains);
    if let Some(Repeats(times)) = args.repeat {
        source = source.repeated(times, Box::new(move || request.reopen()));
    }
    prepared.talk.say(LogLevel::Debug, format!("replaying {} files", args.files.len()));
    let notices = notices();
    let metadata = BTreeMap::new();
    let feed = Feed { command: "replay", source, venues, pairs, instruments, notices, metadata };
    let outcome = engine::run(prepared, feed)?;
    Ok(match &args.verify_hash {
        Some(hash) => verified(outcome, hash),
        None => outcome,
    })
}

fn request(args: &ReplayArgs, symbols: &[String]) -> Request {
    Request {
        files: args.files.clone(),
        venue: args.venue,
        symbols: symbols.to_vec(),
        on_damage: match args.on_damage {
            DamagePolicy::Stop => OnDamage::Stop,
            DamagePolicy::Skip => OnDamage::Skip,
        },
        from_ns: match args.from {
            Some(MomentArg(Moment::At(from_ns))) => from_ns,
            Some(MomentArg(Moment::After(_))) | None => 0,
        },
        threads: usize::from(args.read_ahead),
    }
}

const fn kind(channel: ChannelName) -> Kind {
    match channel {
        ChannelName::Trade => Kind::Trade,
        ChannelName::Ticker => Kind::TopOfBook,
        ChannelName::Depth => Kind::Levels,
        ChannelName::Bar => Kind::Bar,
    }
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
