//! Latency of one thread: ticks in, nanoseconds out.

use std::fmt;

use serde::Serialize;

use crate::buckets::Buckets;
use crate::clock::Clock;
use crate::float;

/// A histogram of durations in ticks, owned by one thread.
///
/// The range is fixed ([`RANGE_TICKS_MIN`] to [`RANGE_TICKS_MAX`], [`SIGNIFICANT_DIGITS`] digits):
/// it takes about 290 KiB, all of it touched in [`LatencyRecorder::new`], and recording neither
/// allocates nor faults. Count, sum, least and greatest are kept exactly beside the buckets.
pub struct LatencyRecorder {
    buckets: Buckets,
    count: u64,
    clamped: u64,
    sum_ticks: u128,
    min_ticks: u64,
    max_ticks: u64,
}

/// What a [`LatencyRecorder`] holds, in nanoseconds. All zeros when nothing was recorded.
///
/// `min`, `mean` and `max` are exact up to the clock's scale. A percentile is the upper end of its
/// bucket (0.1 % wide), never above `max`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencySummary {
    /// How many durations were recorded.
    pub count: u64,
    /// The least, in nanoseconds.
    pub min: u64,
    /// The arithmetic mean, in nanoseconds.
    pub mean: f64,
    /// The median, in nanoseconds.
    pub p50: u64,
    /// 90 % took at most this many nanoseconds.
    pub p90: u64,
    /// 99 % took at most this many nanoseconds.
    pub p99: u64,
    /// 99.9 % took at most this many nanoseconds.
    pub p99_9: u64,
    /// 99.99 % took at most this many nanoseconds.
    pub p99_99: u64,
    /// The greatest, in nanoseconds, even if it is past the histogram's range.
    pub max: u64,
    /// How many were past the range: percentiles place them at its end. Left out of the report
    /// when it is 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub clamped: u64,
}

impl LatencyRecorder {
    /// An empty recorder. Allocates, and writes every page once so that recording never faults.
    #[must_use]
    pub fn new() -> Self {
        let buckets = Buckets::new();
        Self { buckets, count: 0, clamped: 0, sum_ticks: 0, min_ticks: u64::MAX, max_ticks: 0 }
    }

    /// Records one duration. A few nanoseconds: no allocation, no branch on the size of the range
    /// but the clamp.
    ///
    /// A value past [`RANGE_TICKS_MAX`] is counted in [`LatencyRecorder::clamped`] and placed at the
    /// end of the range; `max` and `mean` keep the true value.
    #[inline(always)]
    pub fn record_ticks(&mut self, ticks: u64) {
        self.clamped += u64::from(ticks > RANGE_TICKS_MAX);
        self.count += 1;
        // At most two to the 64 values of less than that each.
        self.sum_ticks += u128::from(ticks);
        self.min_ticks = self.min_ticks.min(ticks);
        self.max_ticks = self.max_ticks.max(ticks);
        self.buckets.add(ticks);
    }

    /// How many durations were recorded.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// How many of them were past the range.
    #[must_use]
    pub fn clamped(&self) -> u64 {
        self.clamped
    }

    /// Whether nothing was recorded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds all that `other` holds. Walks every bucket (tens of microseconds): for the end of a run.
    pub fn merge(&mut self, other: &Self) {
        self.buckets.merge(&other.buckets);
        self.count += other.count;
        self.clamped += other.clamped;
        self.sum_ticks = self.sum_ticks.saturating_add(other.sum_ticks);
        self.min_ticks = self.min_ticks.min(other.min_ticks);
        self.max_ticks = self.max_ticks.max(other.max_ticks);
    }

    /// The figures in nanoseconds of `clock`, which must be the clock the ticks came from.
    #[must_use]
    pub fn summary(&self, clock: &Clock) -> LatencySummary {
        if self.is_empty() {
            return LatencySummary::default();
        }
        let ns = |ticks| clock.elapsed_ns(0, ticks);
        let histogram = self.buckets.histogram();
        // The upper end of the bucket, kept within what was really recorded.
        let quantile =
            |of| ns(histogram.value_at_quantile(of).clamp(self.min_ticks, self.max_ticks));
        LatencySummary {
            count: self.count,
            min: ns(self.min_ticks),
            mean: self.mean_ns(clock),
            p50: quantile(0.5),
            p90: quantile(0.9),
            p99: quantile(0.99),
            p99_9: quantile(0.999),
            p99_99: quantile(0.9999),
            max: ns(self.max_ticks),
            clamped: self.clamped,
        }
    }

    fn mean_ns(&self, clock: &Clock) -> f64 {
        // Scaled by a long span instead of a single tick: a tick is less than a nanosecond.
        let ns_per_tick = float::from_u64(clock.elapsed_ns(0, RANGE_TICKS_MAX))
            / float::from_u64(RANGE_TICKS_MAX);
        float::from_u128(self.sum_ticks) / float::from_u64(self.count) * ns_per_tick
    }

    /// Empties the recorder and keeps its memory. Writes every bucket.
    pub(crate) fn reset(&mut self) {
        self.buckets.reset();
        self.count = 0;
        self.clamped = 0;
        self.sum_ticks = 0;
        self.min_ticks = u64::MAX;
        self.max_ticks = 0;
    }

    /// Calls `each` with the nanoseconds and the count of each bucket in use, in rising order. The
    /// last bucket gives the greatest value recorded, if that is in range.
    pub(crate) fn for_each_bucket_ns(&self, clock: &Clock, mut each: impl FnMut(u64, u64)) {
        for (ticks, count) in self.buckets.iter() {
            each(clock.elapsed_ns(0, ticks.min(self.max_ticks)), count);
        }
    }
}

impl Default for LatencyRecorder {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LatencyRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatencyRecorder")
            .field("count", &self.count)
            .field("clamped", &self.clamped)
            .field("min_ticks", &self.min_ticks)
            .field("max_ticks", &self.max_ticks)
            .finish_non_exhaustive()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde calls")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

/// The shortest duration told apart from the next one. Zero is recorded as zero.
pub const RANGE_TICKS_MIN: u64 = 1;

/// The longest duration in range: 9.7 hours of a 1 GHz counter, 1.9 hours of a 5 GHz one.
pub const RANGE_TICKS_MAX: u64 = (1 << 45) - 1;

/// Decimal digits that a bucket keeps: 0.1 % of the value.
pub const SIGNIFICANT_DIGITS: u8 = 3;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::*;

    fn recorded(ticks: impl IntoIterator<Item = u64>) -> LatencyRecorder {
        let mut recorder = LatencyRecorder::new();
        ticks.into_iter().for_each(|ticks| recorder.record_ticks(ticks));
        recorder
    }

    fn summary(recorder: &LatencyRecorder) -> LatencySummary {
        recorder.summary(&Clock::mock().0)
    }

    #[track_caller]
    fn check_within_a_bucket(actual: u64, expected: u64) {
        let error = actual.abs_diff(expected);
        assert!(error * 1_000 <= expected, "{actual} is not within 0.1 % of {expected}");
    }

    #[test]
    fn an_empty_recorder_is_all_zeros() {
        let recorder = LatencyRecorder::new();
        assert!(recorder.is_empty());
        assert_eq!(summary(&recorder), LatencySummary::default());
    }

    #[test]
    fn percentiles_of_a_known_distribution_are_within_a_bucket() {
        let figures = summary(&recorded(1..=100_000));
        assert_eq!((figures.count, figures.min, figures.max), (100_000, 1, 100_000));
        assert!((figures.mean - 50_000.5).abs() < 1e-6);
        check_within_a_bucket(figures.p50, 50_000);
        check_within_a_bucket(figures.p90, 90_000);
        check_within_a_bucket(figures.p99, 99_000);
        check_within_a_bucket(figures.p99_9, 99_900);
        check_within_a_bucket(figures.p99_99, 99_990);
    }

    #[test]
    fn the_least_and_the_greatest_are_exact() {
        let figures = summary(&recorded([1_234_567, 987_654_321]));
        assert_eq!((figures.min, figures.max), (1_234_567, 987_654_321));
        assert_eq!(figures.p99_99, 987_654_321);
    }

    #[test]
    fn one_outlier_in_ten_thousand_shows_only_past_p99_99() {
        let mut recorder = LatencyRecorder::new();
        (0..9_999).for_each(|_| recorder.record_ticks(100));
        recorder.record_ticks(5_000_000);
        let figures = summary(&recorder);
        assert_eq!((figures.p99_9, figures.p99_99, figures.max), (100, 100, 5_000_000));
    }

    #[test]
    fn zero_is_a_duration_like_any_other() {
        let figures = summary(&recorded([0, 0, 7]));
        assert_eq!((figures.count, figures.min, figures.p50, figures.max), (3, 0, 0, 7));
    }

    #[test]
    fn a_value_past_the_range_is_clamped_and_counted() {
        let mut recorder = recorded([RANGE_TICKS_MAX]);
        assert_eq!(recorder.clamped(), 0);
        recorder.record_ticks(RANGE_TICKS_MAX + 1);
        (0..2).for_each(|_| recorder.record_ticks(u64::MAX));
        assert_eq!((recorder.count(), recorder.clamped()), (4, 3));
        let figures = summary(&recorder);
        assert_eq!(figures.clamped, 3);
        assert_eq!(figures.max, u64::MAX, "the greatest is kept as it was");
        check_within_a_bucket(figures.p99_99, RANGE_TICKS_MAX);
    }

    #[test]
    fn the_range_holds_an_hour_of_a_five_gigahertz_counter() {
        const { assert!(RANGE_TICKS_MAX > 5_000_000_000 * 3_600) };
    }

    #[test]
    fn merging_an_empty_recorder_changes_nothing() {
        let mut recorder = recorded([3, 5]);
        let before = summary(&recorder);
        recorder.merge(&LatencyRecorder::new());
        assert_eq!(summary(&recorder), before);
    }

    #[test]
    fn a_reset_recorder_is_as_new() {
        let mut recorder = recorded([3, u64::MAX]);
        recorder.reset();
        assert!(recorder.is_empty());
        recorder.record_ticks(9);
        assert_eq!(summary(&recorder), summary(&recorded([9])));
    }

    #[test]
    fn buckets_in_nanoseconds_hold_every_count_and_the_greatest_value() {
        let (clock, _) = Clock::mock();
        let (mut count, mut last_ns) = (0, 0);
        recorded(1..=10_007).for_each_bucket_ns(&clock, |ns, bucket_count| {
            assert!(ns > last_ns);
            (count, last_ns) = (count + bucket_count, ns);
        });
        assert_eq!((count, last_ns), (10_007, 10_007));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn merging_equals_recording_into_one(
            left in vec(0_u64..(1 << 46), 0..200),
            right in vec(0_u64..(1 << 46), 0..200),
        ) {
            let mut merged = recorded(left.iter().copied());
            merged.merge(&recorded(right.iter().copied()));
            let one = recorded(left.into_iter().chain(right));
            prop_assert_eq!(summary(&merged), summary(&one));
        }

        #[test]
        fn percentiles_never_fall(ticks in vec(0_u64..u64::MAX, 1..300)) {
            let figures = summary(&recorded(ticks));
            let rising = [
                figures.min, figures.p50, figures.p90, figures.p99,
                figures.p99_9, figures.p99_99, figures.max,
            ];
            prop_assert!(rising.is_sorted(), "{rising:?}");
        }
    }
}
