//! `tickring backtest`: strategies on bars of the past, through the same engine as live.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use tickring_backtest::{Backtest, BadBar, Bars, Outbox, outbox};
use tickring_ingest::{Moment, Pace, RecordedSource, ThreadWait, Window, notices};
use tickring_metrics::Report;
use tickring_ring::{OnFull, WaitStrategy};

use crate::args::{BacktestArgs, EngineArgs, FaultPolicy, Format, LogLevel, MomentArg};
use crate::backtest::fetched::{self, Wanted};
use crate::backtest::input::{self, Input, Kind};
use crate::backtest::{Done, StrategyDone, json, page, rule, text};
use crate::engine::{self, Feed, Outcome};
use crate::exit::{Exit, Failure};
use crate::inspect::dump::rfc3339;
use crate::memory;
use crate::options::{self, Prepared, prepare};
use crate::output::{self, Talk};
use crate::progress::Progress;
use crate::rest;
use crate::settings;
use crate::strategies::Strategies;
use crate::workers::Role;

/// Runs the command.
pub(crate) fn run(args: &BacktestArgs, strategies: &Strategies) -> Exit {
    let done = backtest(args, strategies).map(|()| Exit::Done);
    done.unwrap_or_else(|Failure { exit, message }| {
        Talk::new(args.talk.log).say(LogLevel::Error, message);
        exit
    })
}

/// A strategy that is being tried.
struct Tried {
    name: String,
    params: Vec<(String, String)>,
    outbox: Outbox,
}

fn backtest(args: &BacktestArgs, strategies: &Strategies) -> Result<(), Failure> {
    if let Some(path) = args.html.as_ref().filter(|it| args.files.contains(it)) {
        let words = format!("--html: {} is one of the files to read", path.display());
        return Err(Failure::usage(words));
    }
    let symbols = settings::symbols(&args.symbols)?;
    if let Some(twice) = symbols.iter().enumerate().find(|(at, it)| symbols[..*at].contains(it)) {
        return Err(Failure::usage(format!("--symbols: `{}` is given twice", twice.1)));
    }
    let mut prepared = prepare(&engine_args(args), args.talk, options::Venue::Outside, strategies)?;
    let window = window(args);
    let input = if args.files.is_empty() {
        fetched(args, &symbols, &prepared)?
    } else {
        input::files(args, &symbols)?
    };
    let bars = match (input.kind, &args.interval) {
        (Kind::Bars, _) => Bars::AsTheyCome,
        (Kind::Trades, Some(interval)) => Bars::FromTrades { interval_ns: interval.length.ns() },
        (Kind::Trades, None) => {
            let words = "--interval: say how long the bars are that trades make, such as 1m";
            return Err(Failure::usage(words));
        }
    };
    let tried = wrap(args, &mut prepared, symbols.len(), bars)?;
    let unit = if input.kind == Kind::Bars { "bars" } else { "events" };
    prepared.progress = Some(Progress::new(args.talk.log, input.bars, unit));
    let (source, kind) = (input.source.clone(), input.kind);
    let outcome = play(prepared, input, window)?;
    let done = judge(args, source, kind, outcome, tried)?;
    if args.talk.format == Format::Json {
        // As text they stand in it.
        for warning in done.warnings() {
            Talk::new(args.talk.log).say(LogLevel::Warn, warning);
        }
    }
    write(args, &done)
}

/// What the engine is asked for. A strategy that fails ends the backtest, and nothing is ever left
/// out.
fn engine_args(args: &BacktestArgs) -> EngineArgs {
    EngineArgs {
        symbols: args.symbols.clone(),
        strategies: args.rule.strategies.clone(),
        workers: Some(1),
        ring: args.ring,
        wait: args.wait,
        on_full: OnFull::Block,
        on_fault: FaultPolicy::Stop,
        cores: args.cores.clone(),
        lock_memory: false,
        huge_pages: false,
        books: false,
        verify_top: false,
        strict: false,
        duration: None,
        drain: Duration::from_secs(5),
        signals: "none".to_owned(),
        hlog: None,
        interval: Duration::ZERO,
    }
}

/// The bars from a start to an end. Their moment is their end: one that begins at the start ends after
/// it.
fn window(args: &BacktestArgs) -> Window {
    let from = args.start.map(|MomentArg(moment)| match moment {
        Moment::At(at_ns) => Moment::At(at_ns.saturating_add(1)),
        Moment::After(since_ns) => Moment::After(since_ns),
    });
    Window { from, to: args.end.map(|it| it.0) }
}

/// Puts a backtest around every strategy.
fn wrap(
    args: &BacktestArgs,
    prepared: &mut Prepared,
    symbols: usize,
    bars: Bars,
) -> Result<Vec<Tried>, Failure> {
    let mut tried = Vec::new();
    let rule = rule::rule(&args.rule, symbols);
    let mut specs = Vec::new();
    for mut spec in std::mem::take(&mut prepared.specs) {
        let name = spec.config.name.clone();
        let params = rule::params(&args.rule, &name)?;
        let given = if params.is_empty() { None } else { Some(rule::with_params(&name, &params)?) };
        let (results, outbox) = outbox();
        if let Role::Strategy(strategy) = spec.role {
            let strategy = given.unwrap_or(strategy);
            spec.role = Role::Strategy(Box::new(Backtest::new(strategy, &rule, bars, results)));
        }
        specs.push(spec);
        tried.push(Tried { name, params, outbox });
    }
    prepared.specs = specs;
    Ok(tried)
}

/// Bars from TickDB.
fn fetched(args: &BacktestArgs, symbols: &[String], prepared: &Prepared) -> Result<Input, Failure> {
    let wanted = Wanted::of(args, symbols)?;
    let (clock, talk) = (prepared.clock.clone(), prepared.talk);
    let config = rest::config(&args.rest, &clock)?;
    let client = rest::client(config, clock, prepared.interrupt.clone())?;
    let mut client = client.telling(move |notice| talk.say(LogLevel::Info, notice.to_string()));
    let progress = Progress::new(args.talk.log, None, "bars fetched");
    fetched::fetch(&mut client, wanted, symbols, &progress)
}

fn play(prepared: Prepared, input: Input, window: Window) -> Result<Outcome, Failure> {
    let Input { sessions, venues, pairs, chains, instruments, .. } = input;
    let wait = match prepared.plan.wait {
        WaitStrategy::Spin | WaitStrategy::SpinPause => ThreadWait::Spin,
        WaitStrategy::Yield | WaitStrategy::Backoff => ThreadWait::Yield,
    };
    let source = RecordedSource::new(sessions, Pace::Max, prepared.clock.clone(), wait)
        .map_err(|error| Failure::usage(error.to_string()))?
        .within(window)
        .chained(chains);
    let (notices, metadata) = (notices(), BTreeMap::new());
    let feed = Feed { command: "backtest", source, venues, pairs, instruments, notices, metadata };
    engine::run(prepared, feed)
}

/// What was found, where nothing went wrong that would make it mean nothing.
fn judge(
    args: &BacktestArgs,
    source: String,
    kind: Kind,
    outcome: Outcome,
    tried: Vec<Tried>,
) -> Result<Done, Failure> {
    let Outcome { report, exit, error } = outcome;
    let mut strategies = Vec::new();
    let mut silent = None;
    for Tried { name, params, outbox } in tried {
        match outbox.take() {
            Some(Ok(tested)) => strategies.push(StrategyDone { params, tested }),
            Some(Err(bad)) => return Err(refused(&bad)),
            None => silent = Some(name),
        }
    }
    unreadable(args, kind, &report)?;
    if exit != Exit::Done {
        return Err(Failure::new(exit, error.unwrap_or_else(|| "interrupted".to_owned())));
    }
    if let Some(name) = silent {
        return Err(Failure::new(Exit::Fault, format!("`{name}` did not come to its end")));
    }
    if strategies.iter().all(|it| it.tested.bars == 0) {
        return Err(Failure::new(Exit::InputOutput, format!("{source}: no bar {}", hint(kind))));
    }
    Ok(Done {
        source,
        run_hash: report.run_hash.clone().unwrap_or_default(),
        events: report.events.published,
        wall_ns: report.wall_ns,
        memory_bytes_max: memory::resident_bytes_max(),
        strategies,
    })
}

fn refused(bad: &BadBar) -> Failure {
    let BadBar { symbol, start_ns, what } = bad;
    let at = rfc3339(u64::try_from(*start_ns).unwrap_or_default());
    Failure::new(Exit::InputOutput, format!("{symbol}: the bar of {at} {what}"))
}

/// Bars that could not be decoded leave a hole that nothing can be said about. Of recorded sessions
/// that is said and no more, as in a replay.
fn unreadable(args: &BacktestArgs, kind: Kind, report: &Report) -> Result<(), Failure> {
    let errors = &report.decode_errors;
    if errors.total == 0 {
        return Ok(());
    }
    let first = errors.examples.values().next().map_or("", String::as_str);
    let words = format!("{} frames could not be read, the first: {first}", errors.total);
    if kind == Kind::Bars {
        return Err(Failure::new(Exit::InputOutput, words));
    }
    Talk::new(args.talk.log).say(LogLevel::Warn, words);
    Ok(())
}

const fn hint(kind: Kind) -> &'static str {
    match kind {
        Kind::Bars => "is there, or none of the --symbols between --start and --end",
        Kind::Trades => "could be made: there are no trades of two intervals",
    }
}

fn write(args: &BacktestArgs, done: &Done) -> Result<(), Failure> {
    if let Some(path) = &args.html {
        let page = page::page(done).map_err(|error| failed("--html", &error))?;
        let place = format!("--html: {}", path.display());
        fs::write(path, page).map_err(|error| failed(&place, &error))?;
        Talk::new(args.talk.log).say(LogLevel::Info, format!("page: {}", path.display()));
    }
    let text = match args.talk.format {
        Format::Text => text::text(done),
        Format::Json => json::json(done),
    };
    output::report(&text)
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::InputOutput, format!("{what}: {error}"))
}
