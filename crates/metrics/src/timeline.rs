//! A run over time: what happened in each of its spans, in a bounded number of them.

use serde::{Deserialize, Serialize};

/// What happened in one span of a run. What is missing where it is read counts as 0.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct TimelineEntry {
    /// When the span began, in nanoseconds since the run did.
    pub at_ns: u64,
    /// How long it lasted.
    pub length_ns: u64,
    /// Frames read.
    pub frames: u64,
    /// Events put on the ring.
    pub events: u64,
    /// Frames that could not be decoded.
    pub decode_errors: u64,
    /// Gaps found.
    pub gaps: u64,
    /// Events dropped on a full ring.
    pub dropped: u64,
    /// How often the publisher waited for a free slot.
    pub stalls: u64,
    /// The most slots in use, of all looks at the ring and of all records that it set.
    pub depth_max: u64,
    /// The most events that any reader was behind, of all looks.
    pub lag_max: u64,
}

/// What a run shows at one look. Counts are those since its beginning.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Look {
    /// Frames read.
    pub frames: u64,
    /// Events put on the ring.
    pub events: u64,
    /// Frames that could not be decoded.
    pub decode_errors: u64,
    /// Gaps found.
    pub gaps: u64,
    /// Events dropped on a full ring.
    pub dropped: u64,
    /// How often the publisher waited for a free slot.
    pub stalls: u64,
    /// Slots in use now.
    pub depth: u64,
    /// The most slots that were ever in use.
    pub depth_max: u64,
    /// How many events the slowest reader is behind now.
    pub lag: u64,
}

/// Puts looks at a run together into at most [`TIMELINE_ENTRIES_MAX`] spans.
///
/// Spans are of [`TIMELINE_PERIOD_NS`] at first. When there are too many, each two become one, and
/// those to come are twice as long.
#[derive(Clone, Debug)]
pub struct Timeline {
    entries: Vec<TimelineEntry>,
    period_ns: u64,
    start_ns: u64,
    depth_max: u64,
    lag_max: u64,
    /// The look that ended the last span.
    before: Look,
}

impl Timeline {
    /// A timeline that begins at 0. Allocates all it will ever need.
    #[must_use]
    pub fn new() -> Self {
        Self {
            entries: Vec::with_capacity(TIMELINE_ENTRIES_MAX),
            period_ns: TIMELINE_PERIOD_NS,
            start_ns: 0,
            depth_max: 0,
            lag_max: 0,
            before: Look::default(),
        }
    }

    /// Adds a look, `at_ns` after the beginning. Times must not fall; one that does ends no span.
    pub fn look(&mut self, at_ns: u64, look: &Look) {
        self.depth_max = self.depth_max.max(look.depth);
        self.lag_max = self.lag_max.max(look.lag);
        if at_ns >= self.start_ns.saturating_add(self.period_ns) {
            self.end_span(at_ns, look);
        }
    }

    /// The spans, the last of which ends with this look.
    #[must_use]
    pub fn finish(mut self, at_ns: u64, look: &Look) -> Vec<TimelineEntry> {
        self.look(at_ns, look);
        if at_ns > self.start_ns || *look != self.before {
            self.end_span(at_ns.max(self.start_ns), look);
        }
        self.entries
    }

    fn end_span(&mut self, at_ns: u64, look: &Look) {
        let before = self.before;
        // A record of the whole run that is new was set in this span, between two looks maybe.
        let record = if look.depth_max > before.depth_max { look.depth_max } else { 0 };
        self.entries.push(TimelineEntry {
            at_ns: self.start_ns,
            length_ns: at_ns - self.start_ns,
            frames: look.frames.saturating_sub(before.frames),
            events: look.events.saturating_sub(before.events),
            decode_errors: look.decode_errors.saturating_sub(before.decode_errors),
            gaps: look.gaps.saturating_sub(before.gaps),
            dropped: look.dropped.saturating_sub(before.dropped),
            stalls: look.stalls.saturating_sub(before.stalls),
            depth_max: self.depth_max.max(record),
            lag_max: self.lag_max,
        });
        (self.start_ns, self.before) = (at_ns, *look);
        (self.depth_max, self.lag_max) = (0, 0);
        if self.entries.len() == TIMELINE_ENTRIES_MAX {
            let count = self.entries.len().div_ceil(2);
            for index in 0..count {
                let pair = 2 * index..(2 * index + 2).min(self.entries.len());
                self.entries[index] = merged(&self.entries[pair]);
            }
            self.entries.truncate(count);
            self.period_ns = self.period_ns.saturating_mul(2);
        }
    }
}

impl Default for Timeline {
    fn default() -> Self {
        Self::new()
    }
}

/// Spans that follow each other as one.
fn merged(entries: &[TimelineEntry]) -> TimelineEntry {
    let add = |sum: TimelineEntry, next: &TimelineEntry| TimelineEntry {
        at_ns: sum.at_ns,
        length_ns: sum.length_ns + next.length_ns,
        frames: sum.frames + next.frames,
        events: sum.events + next.events,
        decode_errors: sum.decode_errors + next.decode_errors,
        gaps: sum.gaps + next.gaps,
        dropped: sum.dropped + next.dropped,
        stalls: sum.stalls + next.stalls,
        depth_max: sum.depth_max.max(next.depth_max),
        lag_max: sum.lag_max.max(next.lag_max),
    };
    let first = entries.first().copied().unwrap_or_default();
    entries.iter().skip(1).fold(first, add)
}

/// The most spans of a timeline: about one for each pixel of a picture.
pub const TIMELINE_ENTRIES_MAX: usize = 1_200;

/// How long spans are while all of the run fits.
pub const TIMELINE_PERIOD_NS: u64 = 100_000_000;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::*;

    const MS: u64 = 1_000_000;

    #[test]
    fn a_span_holds_what_came_since_the_one_before_it() {
        let mut timeline = Timeline::new();
        timeline.look(50 * MS, &Look { frames: 3, depth: 9, lag: 4, ..Look::default() });
        timeline.look(100 * MS, &Look { frames: 5, depth: 2, depth_max: 11, ..Look::default() });
        let last = Look { frames: 6, gaps: 1, depth_max: 11, ..Look::default() };
        let entries = timeline.finish(130 * MS, &last);
        let [first, second] = entries[..] else { panic!("{entries:?}") };
        assert_eq!((first.at_ns, first.length_ns, first.frames), (0, 100 * MS, 5));
        assert_eq!((first.depth_max, first.lag_max, first.gaps), (11, 4, 0));
        assert_eq!((second.at_ns, second.length_ns, second.frames), (100 * MS, 30 * MS, 1));
        assert_eq!((second.depth_max, second.lag_max, second.gaps), (0, 0, 1));
    }

    #[test]
    fn a_run_of_no_time_has_no_spans() {
        assert!(Timeline::new().finish(0, &Look::default()).is_empty());
    }

    #[test]
    fn what_came_at_once_is_a_span_of_no_length() {
        let look = Look { events: 2, ..Look::default() };
        let entries = Timeline::new().finish(0, &look);
        assert_eq!(
            entries.iter().map(|it| (it.length_ns, it.events)).collect::<Vec<_>>(),
            [(0, 2)]
        );
    }

    #[test]
    fn a_long_run_has_longer_spans_and_not_more() {
        let mut timeline = Timeline::new();
        let looks = 10 * TIMELINE_ENTRIES_MAX as u64;
        for look in 1..=looks {
            timeline.look(look * TIMELINE_PERIOD_NS, &Look { frames: look, ..Look::default() });
        }
        let end = Look { frames: looks, ..Look::default() };
        let entries = timeline.finish(looks * TIMELINE_PERIOD_NS, &end);
        assert!(entries.len() < TIMELINE_ENTRIES_MAX && entries.len() >= TIMELINE_ENTRIES_MAX / 2);
        assert_eq!(entries[0].length_ns, 16 * TIMELINE_PERIOD_NS);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn spans_follow_each_other_and_lose_nothing(
            steps in vec((0..200 * MS, 0..5_u64, 0..100_u64), 1..3_000)
        ) {
            let (mut timeline, mut at_ns, mut look) = (Timeline::new(), 0, Look::default());
            for (step_ns, frames, depth) in steps {
                at_ns += step_ns;
                look.frames += frames;
                look.depth = depth;
                look.depth_max = look.depth_max.max(depth);
                timeline.look(at_ns, &look);
            }
            let entries = timeline.finish(at_ns, &look);
            prop_assert!(entries.len() <= TIMELINE_ENTRIES_MAX);
            prop_assert_eq!(entries.iter().map(|it| it.frames).sum::<u64>(), look.frames);
            let deepest = entries.iter().map(|it| it.depth_max).max();
            prop_assert_eq!(deepest.unwrap_or(0), look.depth_max);
            let mut end_ns = 0;
            for entry in entries {
                prop_assert_eq!(entry.at_ns, end_ns);
                end_ns += entry.length_ns;
            }
            prop_assert_eq!(end_ns, at_ns);
        }
    }
}
