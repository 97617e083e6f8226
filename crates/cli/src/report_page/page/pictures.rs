//! Which pictures a page has, and what is in them.

use tickring_metrics::TimelineEntry;

use super::super::axis::{Axis, TimeUnit};
use super::super::figures::{CurvePoint, Rank, float};
use super::super::ladder::{Group, GroupMember, groups};
use super::super::plot::{COLOURS, DASHES, Height, Line, Pen, Plot};
use super::super::timeline::{self, Step};
use super::super::{Run, Series};
use crate::args::UnitName;
use crate::inspect::chart::whole;

/// The ranks that are drawn by the steps of a ladder.
const RANKS: [Rank; 4] = [Rank::P50, Rank::P99, Rank::P99_9, Rank::Max];

/// Latency by percentile: one line for each member and run.
pub(super) fn percentiles(group: &Group<'_>, runs: &[Run], unit: UnitName) -> Plot {
    let (drawn, note) = lines_of(group, runs);
    let curves: Vec<_> = drawn.iter().map(|it| curve(it.series)).collect();
    let points = || curves.iter().flat_map(|(points, _)| points);
    let lines = drawn.iter().zip(&curves).map(|(it, (points, has_dots))| Line {
        label: it.label.clone(),
        pen: it.pen,
        points: points.iter().map(|it| (it.nines, log_ns(it.ns))).collect(),
        has_dots: *has_dots,
    });
    Plot {
        title: format!("Latency by percentile{note}"),
        x: Axis::percentile(points().map(|it| it.nines).fold(0.0, f64::max)),
        y: Axis::latency(points().map(|it| it.ns), unit),
        lines: lines.collect(),
        marks: Vec::new(),
        markers: Vec::new(),
        height: Height::Full,
    }
}

/// The points of a series; its figures with dots where its curve is not known.
fn curve(series: &Series) -> (Vec<CurvePoint>, bool) {
    if series.curve.is_empty() {
        (series.figures.points(), true)
    } else {
        (series.curve.clone(), false)
    }
}

/// Latency by the steps of a ladder: one line for each rank and run.
pub(super) fn by_step(group: &Group<'_>, runs: &[Run], unit: UnitName) -> Option<Plot> {
    let ladder = group.ladder.filter(|_| group.members.len() > 1)?;
    let point = |member: &GroupMember<'_>, run: usize, rank| {
        Some((member.step?, member.series[run]?.figures.get(rank)?))
    };
    let mut lines = Vec::new();
    for run in 0..runs.len().min(DASHES.len()) {
        for (colour, rank) in RANKS.into_iter().enumerate() {
            let points = group.members.iter().filter_map(|it| point(it, run, rank));
            let points: Vec<_> = points.map(|(step, ns)| (step.log10(), log_ns(ns))).collect();
            if points.is_empty() {
                continue;
            }
            let (label, pen) = (label(rank.label(), run, runs), Pen { colour, dash: run });
            lines.push(Line { label, pen, points, has_dots: true });
        }
    }
    let all_ns = group.members.iter().flat_map(|it| it.series.iter().flatten());
    let all_ns = all_ns.flat_map(|it| RANKS.into_iter().filter_map(|rank| it.figures.get(rank)));
    Some(Plot {
        title: format!("Latency by {}", ladder.name()),
        x: Axis::steps(ladder, group.members.iter().filter_map(|it| it.step)),
        y: Axis::latency(all_ns, unit),
        lines,
        marks: Vec::new(),
        markers: Vec::new(),
        height: Height::Full,
    })
}

/// Pictures below each other, all over one time: rate, depth, lag, and latencies by group.
pub(super) fn over_time(runs: &[Run], unit: UnitName) -> Vec<Plot> {
    let end_ns = runs.iter().map(end_ns).max().unwrap_or(0);
    if end_ns == 0 {
        return Vec::new();
    }
    let (x, time) = Axis::time(end_ns);
    let over = Over { runs, x, time, marks: marks(runs, time) };
    let mut plots = vec![over.rate()];
    if runs.iter().any(|it| !it.timeline.is_empty()) {
        plots.push(over.count("Slots of the ring in use, at most", "slots", |it| it.depth_max));
        plots.push(
            over.count("Events the slowest reader is behind, at most", "events", |it| it.lag_max),
        );
    }
    plots.extend(groups(runs).iter().filter_map(|group| over.latency(group, unit)));
    plots
}

/// When a run's last span or interval ends.
fn end_ns(run: &Run) -> u64 {
    let spans = run.timeline.iter().map(|it| it.at_ns.saturating_add(it.length_ns));
    let intervals = run.series.iter().flat_map(|it| &it.intervals);
    spans.chain(intervals.map(|it| it.at_ns.saturating_add(it.length_ns))).max().unwrap_or(0)
}

/// The middles of spans with gaps; of many only so many that each can be seen.
fn marks(runs: &[Run], time: TimeUnit) -> Vec<f64> {
    let spans = runs.iter().flat_map(|it| &it.timeline).filter(|it| it.gaps > 0);
    let at: Vec<_> =
        spans.map(|it| time.count(it.at_ns.saturating_add(it.length_ns / 2))).collect();
    let step = at.len().div_ceil(timeline::STEPS_MAX).max(1);
    at.into_iter().step_by(step).collect()
}

/// What pictures over one time share.
struct Over<'a> {
    runs: &'a [Run],
    x: Axis,
    time: TimeUnit,
    marks: Vec<f64>,
}

impl Over<'_> {
    /// Events a second; of a run without a timeline what was recorded under its busiest tag.
    fn rate(&self) -> Plot {
        let mut lines = Vec::new();
        for (index, run) in self.runs.iter().enumerate() {
            let busiest = run.series.iter().filter(|it| !it.intervals.is_empty());
            let busiest = busiest.max_by_key(|it| it.figures.count);
            let (steps, of) = match busiest {
                Some(series) if run.timeline.is_empty() => {
                    (timeline::rates(&series.intervals), format!(" (values of {})", series.tag))
                }
                _ => (
                    timeline::steps(&run.timeline, |it| timeline::rate(it.events, it.length_ns)),
                    String::new(),
                ),
            };
            lines.push((index, steps, of));
        }
        self.linear("Events", "events/s", lines)
    }

    fn count(&self, title: &str, unit: &str, value: fn(&TimelineEntry) -> u64) -> Plot {
        let steps = |run: &Run| timeline::steps(&run.timeline, |it| Some(float(value(it))));
        let lines = self.runs.iter().enumerate();
        self.linear(title, unit, lines.map(|(at, it)| (at, steps(it), String::new())).collect())
    }

    /// A picture with one line for each run, from zero.
    fn linear(&self, title: &str, unit: &str, lines: Vec<(usize, Vec<Step>, String)>) -> Plot {
        let values = lines.iter().flat_map(|(_, steps, _)| steps).map(|it| it.value);
        let y = Axis::count(unit, values.fold(0.0, f64::max), short);
        let lines = lines.into_iter().filter(|(_, steps, _)| !steps.is_empty());
        let lines = lines.map(|(run, steps, of)| Line {
            label: format!("{}{of}", self.runs[run].name),
            pen: Pen { colour: run % COLOURS.len(), dash: run / COLOURS.len() },
            points: self.outline(&steps, |it| it),
            has_dots: false,
        });
        self.plot(title.to_owned(), y, lines.collect())
    }

    /// The p99 of each interval; nothing where there are no intervals.
    fn latency(&self, group: &Group<'_>, unit: UnitName) -> Option<Plot> {
        let (drawn, note) = lines_of(group, self.runs);
        let steps: Vec<_> =
            drawn.iter().map(|it| timeline::ranks(&it.series.intervals, Rank::P99)).collect();
        if steps.iter().all(Vec::is_empty) {
            return None;
        }
        let ns = drawn.iter().flat_map(|it| &it.series.intervals);
        let y = Axis::latency(ns.filter_map(|it| it.figures.get(Rank::P99)), unit);
        let lines = drawn.into_iter().zip(steps).filter(|(_, steps)| !steps.is_empty());
        let lines = lines.map(|(it, steps)| Line {
            label: it.label,
            pen: it.pen,
            points: self.outline(&steps, |ns| ns.max(1.0).log10()),
            has_dots: false,
        });
        let title = format!("{}: p99 of each interval{note}", group.heading());
        Some(self.plot(title, y, lines.collect()))
    }

    fn plot(&self, title: String, y: Axis, lines: Vec<Line>) -> Plot {
        let (x, marks) = (self.x.clone(), self.marks.clone());
        Plot { title, x, y, lines, marks, markers: Vec::new(), height: Height::Low }
    }

    /// The left and the right end of each step.
    fn outline(&self, steps: &[Step], value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
        let ends = |it: &Step| {
            let value = value(it.value);
            [it.start_ns, it.end_ns].map(|ns| (self.time.count(ns), value))
        };
        steps.iter().flat_map(ends).collect()
    }
}

/// A series that gets a line.
struct Drawn<'a> {
    label: String,
    pen: Pen,
    series: &'a Series,
}

/// The series that get lines: as many as can be told apart, and a note where that is not all.
fn lines_of<'a>(group: &Group<'a>, runs: &[Run]) -> (Vec<Drawn<'a>>, String) {
    let is_one = group.members.len() == 1;
    let (members_max, runs_max) =
        if is_one { (1, COLOURS.len()) } else { (COLOURS.len(), DASHES.len()) };
    let mut drawn = Vec::new();
    for (index, member) in group.members.iter().take(members_max).enumerate() {
        for (run, series) in member.series.iter().take(runs_max).enumerate() {
            let Some(series) = series else { continue };
            // Where there is only one member, colours are free for the runs.
            let pen = if is_one {
                Pen { colour: run, dash: 0 }
            } else {
                Pen { colour: index, dash: run }
            };
            drawn.push(Drawn { label: label(&member.label, run, runs), pen, series });
        }
    }
    let all = group.members.iter().flat_map(|it| it.series.iter().flatten()).count();
    let note = if drawn.len() < all {
        format!(" ({} of {all} lines; choose others with --tag)", drawn.len())
    } else {
        String::new()
    };
    (drawn, note)
}

fn label(name: &str, run: usize, runs: &[Run]) -> String {
    if runs.len() > 1 { format!("{name}, {}", runs[run].name) } else { name.to_owned() }
}

fn log_ns(ns: u64) -> f64 {
    float(ns.max(1)).log10()
}

/// A count that fits before an axis.
fn short(value: f64) -> String {
    match value {
        1e6.. => format!("{}M", plain(value / 1e6)),
        1e4.. => format!("{}k", plain(value / 1e3)),
        _ => whole(value).trim_end_matches(".0").to_owned(),
    }
}

fn plain(value: f64) -> String {
    format!("{value:.1}").trim_end_matches(".0").to_owned()
}
