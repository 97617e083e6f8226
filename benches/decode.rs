//! Frame to events, beside what others would parse it with. All ratios are of one run.
//!
//! `cargo bench -p tickring-benches --bench decode -- DATA [--record FILE] [--only TEXT]`
//!
//! `DATA` is a folder of recorded sessions; `decode/corpus.rs` names the files. `--only` leaves out kinds
//! whose name lacks that text. What each contender does
//! is in `decode/contenders.rs`.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![expect(clippy::cast_precision_loss, reason = "ratios are printed to two digits")]

mod decode {
    pub(crate) mod contenders;
    pub(crate) mod corpus;
    pub(crate) mod shapes;
}

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;

use decode::contenders::{Contender, Table};
use decode::corpus::{self, Corpus};
use tickring_harness::median;
use tickring_metrics::Clock;

/// Rounds of each comparison, each in a shuffled order; medians are printed.
const ROUNDS: usize = 9;

/// Nanoseconds a frame by contender, and by round.
type Times = Vec<Vec<Option<f64>>>;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|it| it != "--bench").collect();
    let Some(data) = arguments.first() else {
        say("nothing to decode: name the folder of recorded sessions");
        return;
    };
    let option = |name: &str| {
        arguments.iter().position(|it| it == name).and_then(|at| arguments.get(at + 1))
    };
    let only = option("--only").map_or("", String::as_str);
    let clock = Clock::new();
    let mut random = fastrand::Rng::with_seed(1);
    let mut text = heading();
    let mut ratios: Vec<Vec<f64>> = vec![Vec::new(); Contender::ALL.len()];
    let all = corpus::all(&PathBuf::from(data));
    for corpus in all.into_iter().filter(|it| it.name().contains(only)) {
        let times = time(&corpus, &clock, &mut random);
        let row: Vec<_> = times.iter().map(|of| ratio(of, &times[0])).collect();
        for (all, ratio) in ratios.iter_mut().zip(&row) {
            all.extend(ratio);
        }
        line(&mut text, &corpus, &times, &row);
    }
    footer(&mut text, &ratios);
    say(&text);
    if let Some(path) = option("--record") {
        std::fs::write(path, text).unwrap();
    }
}

fn time(corpus: &Corpus, clock: &Clock, random: &mut fastrand::Rng) -> Times {
    let table = Table::of(corpus);
    let mut times = vec![Vec::new(); Contender::ALL.len()];
    let mut order: Vec<_> = (0..times.len()).collect();
    for _ in 0..ROUNDS {
        random.shuffle(&mut order);
        for &at in &order {
            times[at].push(Contender::ALL[at].time_ns(corpus, &table, clock));
        }
    }
    times
}

/// The median of the ratios of each round.
fn ratio(times: &[Option<f64>], base: &[Option<f64>]) -> Option<f64> {
    let ratios: Option<Vec<_>> =
        times.iter().zip(base).map(|(time, base)| Some((*time)? / (*base)?)).collect();
    ratios.map(|ratios| median(&ratios))
}

fn heading() -> String {
    let mut text = String::from("| recording, kind | frames | bytes | serde_json ns |");
    for contender in &Contender::ALL[1..] {
        write!(text, " {} |", contender.name()).unwrap();
    }
    text.push_str("\n|---|---|---|---|");
    for _ in &Contender::ALL[1..] {
        text.push_str("---|");
    }
    text
}

fn line(text: &mut String, corpus: &Corpus, times: &Times, row: &[Option<f64>]) {
    let base: Vec<f64> = times[0].iter().flatten().copied().collect();
    write!(
        text,
        "\n| {} | {} | {} | {:.0} |",
        corpus.name(),
        corpus.frames.len(),
        corpus.bytes() / corpus.frames.len(),
        median(&base)
    )
    .unwrap();
    for ratio in &row[1..] {
        match ratio {
            Some(ratio) => write!(text, " {ratio:.2} |").unwrap(),
            None => text.push_str(" - |"),
        }
    }
}

/// The geometric mean of each contender, and its largest ratio.
fn footer(text: &mut String, ratios: &[Vec<f64>]) {
    type Fold = fn(&[f64]) -> f64;
    let mean: Fold =
        |all| (all.iter().map(|ratio| ratio.ln()).sum::<f64>() / all.len() as f64).exp();
    let most: Fold = |all| all.iter().copied().fold(0.0, f64::max);
    for (name, fold) in [("geometric mean", mean), ("largest", most)] {
        write!(text, "\n| {name} | | | |").unwrap();
        for ratios in &ratios[1..] {
            write!(text, " {:.3} |", fold(ratios)).unwrap();
        }
    }
}

/// Prints; whoever closed standard output wants nothing.
fn say(text: &str) {
    drop(writeln!(std::io::stdout().lock(), "{text}"));
}
