//! Runs side by side as JSON: a contract for scripts.
//!
//! Field names and nesting change only together with [`SCHEMA_VERSION`]. Times are in ns; `at_ns`
//! counts from the run's beginning.

use std::collections::BTreeMap;

use serde::Serialize;
use tickring_metrics::TimelineEntry;

use super::figures::{Figures, Rank};
use super::tag::{Ladder, Member, Parts};
use super::timeline::{Facts, facts};
use super::{IntervalPoint, Run, Series};

/// Version of the names and meanings below.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// All that is told.
#[derive(Debug, Serialize)]
pub(crate) struct Comparison {
    /// [`SCHEMA_VERSION`].
    schema_version: u32,
    /// `report`.
    command: &'static str,
    /// The runs, in the order given.
    runs: Vec<RunFacts>,
}

#[derive(Debug, Serialize)]
struct RunFacts {
    name: String,
    files: Vec<String>,
    /// Since 1970; null where no file says so.
    start_time_ns: Option<u64>,
    series: Vec<SeriesFacts>,
    /// The timeline as a whole; null where there is none.
    timeline_summary: Option<Facts>,
    timeline: Vec<TimelineEntry>,
}

#[derive(Debug, Serialize)]
struct SeriesFacts {
    tag: String,
    group: String,
    /// Messages a second, where the tag says so.
    rate_per_s: Option<f64>,
    /// Messages at once, where the tag says so.
    burst_messages: Option<f64>,
    count: u64,
    latency_ns: Ranks<Option<u64>>,
    /// Figures of the first run under this tag are 1; null for the first run itself.
    ratio_to_first: Option<Ranks<Option<f64>>>,
    intervals: Vec<IntervalFacts>,
}

#[derive(Debug, Serialize)]
struct IntervalFacts {
    at_ns: u64,
    length_ns: u64,
    count: u64,
    latency_ns: Ranks<Option<u64>>,
}

/// By [`Rank::key`].
type Ranks<T> = BTreeMap<&'static str, T>;

/// What is told of runs.
pub(crate) fn comparison(runs: &[Run]) -> Comparison {
    let runs = runs.iter().enumerate().map(|(index, run)| RunFacts {
        name: run.name.clone(),
        files: run.files.clone(),
        start_time_ns: run.start_time_ns,
        series: run.series.iter().map(|it| series(it, first(runs, index, &it.tag))).collect(),
        timeline_summary: facts(&run.timeline),
        timeline: run.timeline.clone(),
    });
    Comparison { schema_version: SCHEMA_VERSION, command: "report", runs: runs.collect() }
}

/// What a series is compared with.
fn first<'a>(runs: &'a [Run], index: usize, tag: &str) -> Option<&'a Figures> {
    let first = runs.first().filter(|_| index > 0)?;
    Some(&first.series(tag)?.figures)
}

fn series(series: &Series, first: Option<&Figures>) -> SeriesFacts {
    let Parts { group, member } = Parts::of(&series.tag);
    let step = |wanted| match member {
        Member::Step(ladder, step) if ladder == wanted => Some(step),
        _ => None,
    };
    let ratios = |first: &Figures| {
        Rank::ALL.into_iter().map(|it| (it.key(), series.figures.ratio(first, it))).collect()
    };
    SeriesFacts {
        tag: series.tag.clone(),
        group,
        rate_per_s: step(Ladder::Rate),
        burst_messages: step(Ladder::Burst),
        count: series.figures.count,
        latency_ns: ranks(&series.figures),
        ratio_to_first: first.map(ratios),
        intervals: series.intervals.iter().map(interval).collect(),
    }
}

fn interval(point: &IntervalPoint) -> IntervalFacts {
    IntervalFacts {
        at_ns: point.at_ns,
        length_ns: point.length_ns,
        count: point.figures.count,
        latency_ns: ranks(&point.figures),
    }
}

fn ranks(figures: &Figures) -> Ranks<Option<u64>> {
    Rank::ALL.into_iter().map(|it| (it.key(), figures.get(it))).collect()
}
