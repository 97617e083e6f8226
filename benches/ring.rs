//! Rings and channels side by side: from one thread to another, events of the engine's size, in blocks
//! of shuffled order with the machine's floor in every turn. Ratios are medians over turns, each of
//! one turn.
//!
//! `cargo bench -p tickring-benches --bench ring [-- --quick --record --rounds N --only NAME ...]`
//!
//! `--record` writes `benches/record/ring-DATE.json` and `.md`. With fewer than three cores, two
//! receivers are left out; `--oversubscribe` takes them in, waiting by yielding.

#![expect(clippy::cast_precision_loss, reason = "figures are printed to three digits")]

mod ring {
    pub(crate) mod java;
    pub(crate) mod peer;
    pub(crate) mod queues;
    pub(crate) mod rings;
    pub(crate) mod run;
    pub(crate) mod table;
}

use std::convert::Infallible;
use std::io::Write as _;

use ring::java::Java;
use ring::peer::Peer;
use ring::queues::{CrossbeamChannel, CrossbeamQueue, Flume, Kanal, Rtrb, StdMpsc, TokioBroadcast};
use ring::rings::{Bare, Bus, Disruptor, OneLine, Stamped, Tickring};
use ring::run::{Bench, Scenario, Size};
use ring::table::{Contender, Figures, Measured, text};
use tickring_benches::record::Record;
use tickring_harness::run_blocks;
use tickring_metrics::{Clock, LatencyRecorder};

/// Slots of every ring and room of every channel: the engine's own.
const CAPACITY: usize = 16_384;

/// Turns of each scenario.
const ROUNDS: usize = 15;
const ROUNDS_QUICK: usize = 5;

/// Of the order in each turn.
const SEED: u64 = 5;

type Run = Box<dyn FnMut(&Bench, Scenario, &mut LatencyRecorder) -> f64>;

/// Who takes part, and how.
struct Entry {
    name: &'static str,
    is_broadcast: bool,
    run: Run,
}

/// What was asked for.
struct Asked {
    rounds: usize,
    size: Size,
    capacity: usize,
    is_recorded: bool,
    is_oversubscribed: bool,
    only: Vec<String>,
}

fn main() {
    let asked = asked(std::env::args().skip(1));
    let cores = core_affinity::get_core_ids().unwrap_or_default();
    let count = cores.len();
    let cores = if count < 2 { Vec::new() } else { cores };
    let bench = Bench { clock: Clock::new(), capacity: asked.capacity, size: asked.size, cores };
    if count < 2 {
        say("one core: two threads take turns on it, and the figures are the scheduler's");
    }
    let mut entries = entries(&asked, &bench);
    let mut scenarios = vec![
        Scenario::HandOver,
        Scenario::Paced,
        Scenario::Burst(100),
        Scenario::Burst(1_000),
        Scenario::FlatOut { receivers: 1 },
    ];
    if count > 2 || asked.is_oversubscribed {
        scenarios.push(Scenario::FlatOut { receivers: 2 });
    } else {
        say(&format!(
            "two receivers left out: three spinning threads need more than {count} cores"
        ));
    }
    let measured: Vec<Measured> = scenarios
        .into_iter()
        .map(|scenario| {
            let measured = measure(&bench, scenario, &mut entries, asked.rounds);
            say(&text(&measured));
            measured
        })
        .collect();
    if asked.is_recorded {
        let table: Vec<String> = measured.iter().map(text).collect();
        let figures = Figures::new(&bench, asked.rounds, measured);
        match Record::new("ring", &bench.clock, figures).write(&table.join("\n")) {
            Ok(paths) => paths.iter().for_each(|path| say(&format!("written: {}", path.display()))),
            Err(error) => fail(&format!("the record cannot be written: {error}")),
        }
    }
}

/// The floor, then everybody else.
fn entries(asked: &Asked, bench: &Bench) -> Vec<Entry> {
    let floor: Run = Box::new(|bench, _, _| bench.floor());
    let mut entries = vec![
        Entry { name: FLOOR, is_broadcast: true, run: floor },
        entry::<Bare>(),
        entry::<Tickring>(),
        entry::<Stamped>(),
        entry::<Disruptor>(),
        entry::<OneLine>(),
        entry::<Bus>(),
        entry::<TokioBroadcast>(),
        entry::<Rtrb>(),
        entry::<CrossbeamChannel>(),
        entry::<CrossbeamQueue>(),
        entry::<Kanal>(),
        entry::<Flume>(),
        entry::<StdMpsc>(),
    ];
    let is_asked = |name: &str| asked.only.is_empty() || asked.only.iter().any(|it| it == name);
    // What the others are held against stays.
    entries.retain(|entry| [FLOOR, Bare::NAME].contains(&entry.name) || is_asked(entry.name));
    if is_asked(Java::NAME) || is_asked("java") {
        match Java::start(bench) {
            Ok(mut java) => entries.push(Entry {
                name: Java::NAME,
                is_broadcast: true,
                run: Box::new(move |bench, scenario, _| java.run(bench, scenario)),
            }),
            Err(missing) => say(&format!("{} left out: {missing}", Java::NAME)),
        }
    }
    entries
}

fn entry<P: Peer>() -> Entry {
    Entry {
        name: P::NAME,
        is_broadcast: P::IS_BROADCAST,
        run: Box::new(|bench, scenario, paced| bench.run::<P>(scenario, paced)),
    }
}

fn measure(bench: &Bench, scenario: Scenario, entries: &mut [Entry], rounds: usize) -> Measured {
    let mut entries: Vec<&mut Entry> = entries
        .iter_mut()
        .filter(|entry| entry.is_broadcast || scenario.receivers() == 1)
        .collect();
    let mut paced: Vec<LatencyRecorder> = entries.iter().map(|_| LatencyRecorder::new()).collect();
    let turns = run_blocks(entries.len(), rounds, SEED, |_, contender| {
        let run = &mut entries[contender].run;
        Ok::<f64, Infallible>(run(bench, scenario, &mut paced[contender]))
    });
    let Ok(turns) = turns;
    let base = |name| Some((name, entries.iter().position(|entry| entry.name == name)?));
    let bases: Vec<_> = BASES.into_iter().filter_map(base).collect();
    let contender = |(index, entry): (usize, &&mut Entry)| {
        let paced = &paced[index];
        let summary = (!paced.is_empty()).then(|| paced.summary(&bench.clock));
        Contender::new(entry.name, &turns, index, &bases, summary.as_ref())
    };
    let contenders = entries.iter().enumerate().map(contender).collect();
    Measured::new(scenario.name(), contenders, turns.of(0))
}

fn asked(mut words: impl Iterator<Item = String>) -> Asked {
    let mut asked = Asked {
        rounds: ROUNDS,
        size: Size::FULL,
        capacity: CAPACITY,
        is_recorded: false,
        is_oversubscribed: false,
        only: Vec::new(),
    };
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| fail(&format!("{word} needs a value")));
        match word.as_str() {
            // Cargo says it to every bench.
            "--bench" => {}
            "--quick" => (asked.rounds, asked.size) = (ROUNDS_QUICK, Size::QUICK),
            "--record" => asked.is_recorded = true,
            "--oversubscribe" => asked.is_oversubscribed = true,
            "--rounds" => asked.rounds = number(&word, &value()),
            "--capacity" => asked.capacity = number(&word, &value()),
            "--only" => asked.only.push(value()),
            _ => fail(&format!(
                "`{word}` is not one of --quick, --record, --oversubscribe, --rounds N, --capacity \
                 SLOTS, --only NAME"
            )),
        }
    }
    if !asked.capacity.is_power_of_two() || asked.capacity < 1_024 {
        fail("--capacity: a power of two from 1024");
    }
    asked
}

fn number(word: &str, text: &str) -> usize {
    match text.parse() {
        Ok(number) if number > 0 => number,
        _ => fail(&format!("{word}: `{text}` is not a number above 0")),
    }
}

/// Prints a line; whoever closed standard output wants none.
fn say(line: &str) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

#[expect(clippy::exit, reason = "a bench has no caller to give an error to")]
fn fail(message: &str) -> ! {
    drop(writeln!(std::io::stderr().lock(), "ring: {message}"));
    std::process::exit(2)
}

/// Whom the others are held against, where they take part.
const BASES: [&str; 4] = [FLOOR, Bare::NAME, Disruptor::NAME, Tickring::NAME];

/// What no hand-over can be faster than.
const FLOOR: &str = "floor";
