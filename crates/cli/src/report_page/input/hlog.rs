//! What an interval log tells of a run.

use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

use tickring_metrics::{Distribution, HlogReadError, HlogReader, LogInterval};

use super::super::figures::{Figures, curve};
use super::super::{IntervalPoint, Run, Series, harmless};
use super::unreadable;
use crate::exit::{Exit, Failure};

/// The most tags that are read from one log, each of which takes half a megabyte.
const TAGS_MAX: usize = 256;

/// The most intervals that are read from one log: eleven days of seconds.
const INTERVALS_MAX: usize = 1_000_000;

/// What entries without a tag are called.
const UNTAGGED: &str = "untagged";

/// What was read of one tag.
struct Recorded {
    tag: String,
    distribution: Distribution,
    intervals: Vec<IntervalPoint>,
}

/// Reads a log to its end.
///
/// # Errors
/// It is damaged, holds nothing, or more than the limits.
pub(super) fn read(path: &Path, reader: impl BufRead, unit_ns: u64) -> Result<Run, Failure> {
    let mut reader = HlogReader::new(reader);
    let mut recorded: Vec<Recorded> = Vec::new();
    let mut places: HashMap<Option<String>, usize> = HashMap::new();
    let (mut count, mut first_ns) = (0_usize, u64::MAX);
    for interval in reader.by_ref() {
        let interval = interval.map_err(|error| damaged(path, &error))?;
        count += 1;
        first_ns = first_ns.min(interval.start_ns);
        let place = *places.entry(interval.tag.clone()).or_insert(recorded.len());
        if place == recorded.len() {
            let tag = harmless(interval.tag.as_deref().unwrap_or(UNTAGGED));
            let distribution = Distribution::new();
            recorded.push(Recorded { tag, distribution, intervals: Vec::new() });
        }
        if count > INTERVALS_MAX || recorded.len() > TAGS_MAX {
            return Err(too_much(path, interval.line));
        }
        recorded[place].add(&interval, unit_ns);
    }
    if count == 0 {
        let words = format!("{}: no intervals are in it", path.display());
        return Err(Failure::new(Exit::InputOutput, words));
    }
    let start_ns = reader.start_time_ns().unwrap_or(first_ns).min(first_ns);
    let series = recorded.into_iter().map(|it| it.series(start_ns, unit_ns)).collect();
    // Stamps that do not count from 1970 tell no time.
    let start_time_ns = (start_ns >= EPOCH_NS_MIN).then_some(start_ns);
    Ok(Run { start_time_ns, series, ..Run::default() })
}

impl Recorded {
    fn add(&mut self, interval: &LogInterval, unit_ns: u64) {
        for bucket in &interval.buckets {
            self.distribution.record_n(bucket.value, bucket.count);
        }
        self.intervals.push(IntervalPoint {
            at_ns: interval.start_ns,
            length_ns: interval.length_ns,
            figures: Figures::of(&interval.summary()).scaled(unit_ns),
        });
    }

    fn series(self, start_ns: u64, unit_ns: u64) -> Series {
        let Self { tag, distribution, mut intervals } = self;
        for point in &mut intervals {
            point.at_ns = point.at_ns.saturating_sub(start_ns);
        }
        intervals.sort_by_key(|it| it.at_ns);
        let figures = Figures::of(&distribution.summary()).scaled(unit_ns);
        Series { tag, figures, curve: curve(&distribution, unit_ns), intervals }
    }
}

fn damaged(path: &Path, error: &HlogReadError) -> Failure {
    let HlogReadError::Line { line, reason } = error else { return unreadable(path, error) };
    let name = path.display();
    let advice = match line {
        1 => String::new(),
        _ => format!("; the lines before it are whole: `head -n {} {name}`", line - 1),
    };
    Failure::new(Exit::InputOutput, format!("{name}: line {line}: {reason}{advice}"))
}

fn too_much(path: &Path, line: u64) -> Failure {
    let words = format!(
        "{}: line {line}: more than {TAGS_MAX} tags or {INTERVALS_MAX} intervals",
        path.display()
    );
    Failure::new(Exit::InputOutput, words)
}

/// One day after 1970 began.
const EPOCH_NS_MIN: u64 = 86_400_000_000_000;
