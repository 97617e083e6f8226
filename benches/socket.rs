//! What the socket path costs, beside what it could not cost less than: a bare frame loop, which reads,
//! takes the header apart and slices the message out, and a bare `recv`. All ratios are of one run.
//!
//! `cargo bench -p tickring-benches --bench socket [-- --record FILE]`
//!
//! Our side is a whole [`LiveSource`](tickring_ingest::LiveSource), timers and watchdog included. Each
//! turn writes a piece of 32 KiB into the socket of one contender and times how long that takes to read
//! it; contenders take turns.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![expect(clippy::cast_precision_loss, reason = "ratios are printed to two digits")]

mod socket {
    pub(crate) mod contenders;
    pub(crate) mod frames;
}

use std::io::Write as _;

use socket::contenders::{Bare, Contender, Live, Place, Tungstenite};
use socket::frames::{PIECE_BYTES, piece};
use tickring_harness::median;
use tickring_metrics::Clock;

/// Rounds of each comparison; medians are printed.
const ROUNDS: usize = 9;

/// Pieces each contender reads in a round.
const PIECES: u32 = 150;

/// Empty polls of each contender in a round, in groups of [`EMPTY_GROUP`].
const EMPTY_GROUPS: u32 = 50;

/// See [`EMPTY_GROUPS`].
const EMPTY_GROUP: u32 = 100;

/// Lengths of messages in bytes.
const LENGTHS: [usize; 4] = [150, 215, 600, 4_096];

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|it| it != "--bench");
    let record = arguments.next().filter(|it| it == "--record").and_then(|_| arguments.next());
    let clock = Clock::new();
    let mut contenders: Vec<Box<dyn Contender>> = vec![
        Box::new(Bare::connect(Place::Line, false)),
        Box::new(Bare::connect(Place::Line, true)),
        Box::new(Bare::connect(Place::AsAllocated, false)),
        Box::new(Live::connect(clock.clone())),
        Box::new(Tungstenite::connect()),
    ];
    let mut text =
        String::from("| what | contender | ns | of bare | range |\n|---|---|---|---|---|\n");
    for len in LENGTHS {
        let times = rounds(&mut contenders, |contender| read_pieces(contender, &clock, len));
        table(&mut text, &format!("a frame of {len} bytes"), &contenders, &times);
    }
    let times = rounds(&mut contenders, |contender| poll_empty(contender, &clock));
    table(&mut text, "an empty poll", &contenders, &times);
    drop(write!(std::io::stdout().lock(), "{text}"));
    if let Some(path) = record {
        std::fs::write(path, text).unwrap();
    }
}

/// Nanoseconds by contender and round.
type Times = Vec<Vec<f64>>;

/// Takes turns between the contenders until each has had its parts of every round.
fn rounds(
    contenders: &mut [Box<dyn Contender>],
    mut part: impl FnMut(&mut dyn Contender) -> (f64, u32),
) -> Times {
    let mut times = vec![Vec::with_capacity(ROUNDS); contenders.len()];
    for round in 0..ROUNDS {
        // Who begins changes, so that nobody always follows the same neighbour.
        let parts = part(&mut *contenders[0]).1;
        let mut samples = vec![Vec::with_capacity(parts as usize); contenders.len()];
        for turn in 0..parts as usize {
            for place in 0..contenders.len() {
                let index = (place + turn + round) % contenders.len();
                samples[index].push(part(&mut *contenders[index]).0);
            }
        }
        // The median of the turns: a turn in which the thread was taken off its core says nothing.
        times.iter_mut().zip(samples).for_each(|(of, samples)| of.push(median(&samples)));
    }
    times
}

/// One piece: nanoseconds a frame, and how many pieces make a round.
fn read_pieces(contender: &mut dyn Contender, clock: &Clock, len: usize) -> (f64, u32) {
    let piece = piece(len);
    let frames = PIECE_BYTES / len;
    contender.server().write_all(&piece).unwrap();
    let start = clock.ticks();
    let bytes = contender.read(frames);
    let ns = clock.elapsed_ns(start, clock.ticks());
    assert_eq!(bytes, frames * len, "every byte of every message");
    (ns as f64 / frames as f64, PIECES)
}

/// A group of empty polls: nanoseconds each, and how many groups make a round.
fn poll_empty(contender: &mut dyn Contender, clock: &Clock) -> (f64, u32) {
    let start = clock.ticks();
    for _ in 0..EMPTY_GROUP {
        contender.poll_empty();
    }
    let ns = clock.elapsed_ns(start, clock.ticks());
    (ns as f64 / f64::from(EMPTY_GROUP), EMPTY_GROUPS)
}

fn table(text: &mut String, what: &str, contenders: &[Box<dyn Contender>], times: &Times) {
    use std::fmt::Write as _;
    for (contender, own) in contenders.iter().zip(times) {
        let ratios: Vec<f64> = own.iter().zip(&times[0]).map(|(own, bare)| own / bare).collect();
        let least = ratios.iter().copied().fold(f64::MAX, f64::min);
        let most = ratios.iter().copied().fold(0.0, f64::max);
        let (name, ns, ratio) = (contender.name(), median(own), median(&ratios));
        writeln!(text, "| {what} | {name} | {ns:.0} | {ratio:.2} | {least:.2} - {most:.2} |")
            .unwrap();
    }
}
