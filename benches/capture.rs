//! What a capture costs, beside what it could not cost less than: a plain copy for the ingest thread,
//! zstd alone for the writer, a walk in memory for the reader. All ratios are of one run.
//!
//! `cargo bench -p tickring-benches --bench capture [-- FILE]`
//!
//! `FILE` holds recorded lines (plain, gzip, zstd); without it the frames are made up.

#![expect(clippy::unwrap_used, reason = "a bench that cannot go on has nothing to say")]
#![expect(clippy::cast_precision_loss, reason = "ratios are printed to two digits")]

mod capture {
    pub(crate) mod files;
    pub(crate) mod frames;
    pub(crate) mod reader;
    pub(crate) mod tap;
    pub(crate) mod writer;
}

use std::io::Write as _;

use capture::{frames::Frames, reader, tap, writer};
use tickring_harness::median;
use tickring_metrics::Clock;

/// Rounds of each comparison; medians are printed.
const ROUNDS: usize = 7;

fn main() {
    let file = std::env::args().skip(1).find(|it| !it.starts_with("--"));
    let frames = file.as_deref().map_or_else(Frames::made_up, Frames::of_file);
    let clock = Clock::new();
    say(&format!("{} frames of {} bytes", frames.len(), frames.bytes()));
    tap::compare(&frames, &clock);
    writer::compare(&frames, &clock);
    reader::compare(&frames, &clock);
}

/// Prints a line; whoever closed standard output wants none.
fn say(line: &str) {
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// The time of `work` in seconds.
fn timed<T>(clock: &Clock, work: impl FnOnce() -> T) -> (f64, T) {
    let start = clock.ticks();
    let result = work();
    (clock.elapsed_ns(start, clock.ticks()) as f64 / 1e9, result)
}

/// Prints the median of the ratios of each round, with its spread.
fn print_ratio(name: &str, ratios: &[f64]) {
    let (least, most) =
        ratios.iter().fold((f64::MAX, 0.0_f64), |(low, high), &it| (low.min(it), high.max(it)));
    say(&format!("  {name}: {:.2} (of {ROUNDS}: {least:.2} to {most:.2})", median(ratios)));
}
