//! A run over time, in few words and as lines of a picture.

use serde::Serialize;
use tickring_metrics::TimelineEntry;

use super::IntervalPoint;
use super::figures::{Rank, float};

/// The most steps of a line in a picture.
pub(crate) const STEPS_MAX: usize = 400;

/// What a run's timeline comes to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Facts {
    /// From the run's beginning to the end of its last span.
    pub(crate) span_ns: u64,
    /// Events put on the ring, of the whole run and of its busiest span.
    pub(crate) events_per_s_mean: f64,
    pub(crate) events_per_s_max: f64,
    pub(crate) depth_max: u64,
    pub(crate) lag_max: u64,
    pub(crate) gaps: u64,
    pub(crate) dropped: u64,
    /// When the first gap was found.
    pub(crate) first_gap_at_ns: Option<u64>,
}

/// Sums a timeline up; `None` where there is none.
pub(crate) fn facts(timeline: &[TimelineEntry]) -> Option<Facts> {
    let last = timeline.last()?;
    let span_ns = last.at_ns.saturating_add(last.length_ns);
    let sum = |of: fn(&TimelineEntry) -> u64| timeline.iter().map(of).fold(0, u64::saturating_add);
    let most = |of: fn(&TimelineEntry) -> u64| timeline.iter().map(of).max().unwrap_or(0);
    let rates = timeline.iter().filter_map(|it| rate(it.events, it.length_ns));
    Some(Facts {
        span_ns,
        events_per_s_mean: rate(sum(|it| it.events), span_ns).unwrap_or(0.0),
        events_per_s_max: rates.fold(0.0, f64::max),
        depth_max: most(|it| it.depth_max),
        lag_max: most(|it| it.lag_max),
        gaps: sum(|it| it.gaps),
        dropped: sum(|it| it.dropped),
        first_gap_at_ns: timeline.iter().find(|it| it.gaps > 0).map(|it| it.at_ns),
    })
}

/// So many a second; `None` where there was no time.
pub(crate) fn rate(count: u64, length_ns: u64) -> Option<f64> {
    (length_ns > 0).then(|| float(count) * 1e9 / float(length_ns))
}

/// A value that holds from one moment to another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) value: f64,
}

/// One value of each span.
pub(crate) fn steps(
    timeline: &[TimelineEntry],
    value: impl Fn(&TimelineEntry) -> Option<f64>,
) -> Vec<Step> {
    let step = |it: &TimelineEntry| {
        let end_ns = it.at_ns.saturating_add(it.length_ns);
        Some(Step { start_ns: it.at_ns, end_ns, value: value(it)? })
    };
    fewer(&timeline.iter().filter_map(step).collect::<Vec<_>>())
}

/// A figure of each interval.
pub(crate) fn ranks(intervals: &[IntervalPoint], rank: Rank) -> Vec<Step> {
    interval_steps(intervals, |it| it.figures.get(rank).map(float))
}

/// How many values a second each interval has.
pub(crate) fn rates(intervals: &[IntervalPoint]) -> Vec<Step> {
    interval_steps(intervals, |it| rate(it.figures.count, it.length_ns))
}

fn interval_steps(
    intervals: &[IntervalPoint],
    value: impl Fn(&IntervalPoint) -> Option<f64>,
) -> Vec<Step> {
    let step = |it: &IntervalPoint| {
        let end_ns = it.at_ns.saturating_add(it.length_ns);
        Some(Step { start_ns: it.at_ns, end_ns, value: value(it)? })
    };
    fewer(&intervals.iter().filter_map(step).collect::<Vec<_>>())
}

/// At most [`STEPS_MAX`] steps: neighbours become one with the greatest value, so that no peak is
/// lost.
fn fewer(steps: &[Step]) -> Vec<Step> {
    let size = steps.len().div_ceil(STEPS_MAX).max(1);
    let one = |steps: &[Step]| Step {
        start_ns: steps.iter().map(|it| it.start_ns).min().unwrap_or(0),
        end_ns: steps.iter().map(|it| it.end_ns).max().unwrap_or(0),
        value: steps.iter().map(|it| it.value).fold(0.0, f64::max),
    };
    steps.chunks(size).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(at_ms: u64, length_ms: u64, events: u64, gaps: u64) -> TimelineEntry {
        let [at_ns, length_ns] = [at_ms, length_ms].map(|ms| 1_000_000 * ms);
        TimelineEntry { at_ns, length_ns, events, gaps, ..TimelineEntry::default() }
    }

    #[test]
    fn a_timeline_is_summed_up() {
        let facts = facts(&[entry(0, 500, 100, 0), entry(500, 500, 300, 2)]).unwrap();
        assert_eq!((facts.span_ns, facts.gaps), (1_000_000_000, 2));
        assert!((facts.events_per_s_mean - 400.0).abs() < 1e-9);
        assert!((facts.events_per_s_max - 600.0).abs() < 1e-9);
        assert_eq!(facts.first_gap_at_ns, Some(500_000_000));
        assert!(super::facts(&[]).is_none());
    }

    #[test]
    fn a_long_timeline_has_few_steps_and_all_its_peaks() {
        let mut entries: Vec<_> = (0..5_000).map(|ms| entry(ms, 1, 1, 0)).collect();
        entries[3_333].events = 70;
        let steps = steps(&entries, |it| rate(it.events, it.length_ns));
        assert!(steps.len() <= STEPS_MAX);
        let peaks: Vec<_> = steps.iter().filter(|it| it.value > 60_000.0).collect();
        assert_eq!(peaks.len(), 1);
        assert!(peaks[0].start_ns <= 3_333_000_000 && peaks[0].end_ns > 3_333_000_000);
        assert_eq!(steps.last().unwrap().end_ns, 5_000_000_000);
    }
}
