//! `bench`: scenarios measured in turns, each turn in another order and beside the machine's floor.

mod against;
mod decode;
mod e2e;
mod floor;
mod hlog;
mod input;
mod place;
mod report;
mod ring;
mod scenario;
mod self_test;
mod stages;
mod text;
mod verdict;

use std::path::Path;

use tickring_harness::{ClockFacts, HostFingerprint, order};
use tickring_metrics::Clock;

use self::floor::Floors;
use self::hlog::Log;
use self::input::Input;
pub(crate) use self::report::BenchReport;
use self::scenario::{Bench, Measured, Scenario};
use crate::args::{BenchArgs, LogLevel, StageName};
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::machine;
use crate::output::{Progress, Talk};

pub(crate) use self::self_test::SelfTest;
pub(crate) use self::text::{report as to_text, self_test as self_test_to_text};

/// What a bench came to.
pub(crate) struct Outcome {
    pub(crate) report: BenchReport,
    pub(crate) exit: Exit,
}

/// Measures what `args` ask for.
///
/// # Errors
/// A setting cannot work, the input cannot be read, or a consumer was given something else than was
/// sent.
pub(crate) fn run(args: &BenchArgs) -> Result<Outcome, Failure> {
    let baseline = against::load(&args.compare)?;
    check(args)?;
    let bench = bench(args)?;
    let input = Input::load(args)?;
    if let Some(baseline) = &baseline {
        baseline.check_input(&input.facts)?;
    }
    let mut log = Log::open(args, &bench.clock)?;
    let mut scenarios = scenarios(args, &bench, &input, &mut log)?;
    let floors = Floors::new(args, &bench);
    let measured = measure(args, &bench, &floors, &mut scenarios, &mut log)?;
    log.finish(scenarios)?;
    let mut report = report::build(args, &bench, input.facts, measured);
    let mut exit = Exit::Done;
    if let Some(baseline) = &baseline {
        let comparison = baseline.compare(&report, args)?;
        if comparison.has_failed {
            exit = Exit::Fault;
        }
        report.comparison = Some(comparison);
    }
    if let Some(path) = &args.compare.save {
        against::save(path, &report)?;
    }
    Ok(Outcome { report, exit })
}

/// Tries out the comparison itself.
///
/// # Errors
/// As [`run`].
pub(crate) fn self_test(args: &BenchArgs) -> Result<SelfTest, Failure> {
    let bench = bench(args)?;
    let input = Input::load(args)?;
    self_test::run(args, &bench, &input)
}

fn bench(args: &BenchArgs) -> Result<Bench, Failure> {
    let interrupt = Interrupt::listen()?;
    let clock = Clock::new();
    let talk = Talk::new(args.talk.log);
    let facts = ClockFacts::measure(&clock);
    let host = HostFingerprint::read(Path::new("/"), env!("CARGO_PKG_VERSION"));
    if cfg!(debug_assertions) {
        talk.say(LogLevel::Warn, "this is a debug build: its figures say nothing about speed");
    }
    Ok(Bench { clock, facts, host, talk, interrupt, machine: machine::machine() })
}

/// What can be told to be wrong before anything is read.
fn check(args: &BenchArgs) -> Result<(), Failure> {
    let is_compared = args.compare.save.is_some() || args.compare.against.is_some();
    if is_compared && usize::from(args.rounds.rounds) < tickring_harness::BLOCKS_MIN {
        let words = "--rounds: results that are compared need 3 rounds or more: the noise between \
                     rounds is what a change is held against";
        return Err(Failure::usage(words));
    }
    if args.rounds.block.is_zero() || args.load.pause.is_zero() {
        return Err(Failure::usage("--block and --pause: must be longer than nothing"));
    }
    Ok(())
}

fn scenarios(
    args: &BenchArgs,
    bench: &Bench,
    input: &Input,
    log: &mut Log,
) -> Result<Vec<Box<dyn Scenario>>, Failure> {
    let mut all: Vec<Box<dyn Scenario>> = Vec::new();
    for stage in [StageName::Decode, StageName::Ring, StageName::E2e] {
        if !args.stages.contains(&stage) {
            continue;
        }
        match stage {
            StageName::Decode => {
                all.extend(decode::scenarios(args, bench, input, log)?);
                all.extend(stages::scenarios(args, bench, input)?);
            }
            StageName::Ring => all.extend(ring::scenarios(args, bench, log)?),
            StageName::E2e => all.extend(e2e::scenarios(args, bench, input, log)?),
        }
    }
    Ok(all)
}

/// Turn after turn: the floor, then every scenario once.
fn measure(
    args: &BenchArgs,
    bench: &Bench,
    floors: &Floors,
    scenarios: &mut [Box<dyn Scenario>],
    log: &mut Log,
) -> Result<Measured, Failure> {
    let (rounds, count) = (usize::from(args.rounds.rounds), scenarios.len());
    let mut measured = Measured::new(scenarios.iter().map(|it| it.facts().clone()).collect());
    let progress = Progress::new(args.talk.log);
    for turn in 0..rounds {
        progress.at(&format!("round {} of {rounds}: the floor", turn + 1));
        measured.floors.push(floors.measure(bench)?);
        for index in order(count, turn, args.rounds.seed) {
            let scenario = &mut scenarios[index];
            progress.at(&format!("round {} of {rounds}: {}", turn + 1, scenario.facts().name));
            let block = scenario.run(bench)?;
            measured.add(index, block);
            log.collect()?;
            if bench.interrupt.is_asked() {
                return Err(Failure::new(Exit::Interrupted, "interrupted; nothing is reported"));
            }
        }
    }
    Ok(measured)
}
