//! Values of any source added up, such as the intervals of a log.

use std::fmt;

use hdrhistogram::Histogram;

use crate::float;
use crate::hlog::Bucket;
use crate::latency::{LatencySummary, SIGNIFICANT_DIGITS};

/// A histogram of whole numbers over the whole range, in about 430 KiB.
///
/// Count, sum, least and greatest are kept beside the buckets as they were given. A percentile is
/// the upper end of its bucket (0.1 % wide), never above the greatest.
pub struct Distribution {
    histogram: Histogram<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Distribution {
    /// An empty one. Allocates.
    #[must_use]
    pub fn new() -> Self {
        let histogram = Histogram::new_with_bounds(1, i64::MAX.unsigned_abs(), SIGNIFICANT_DIGITS)
            .expect("the range is a constant that the histogram accepts");
        Self { histogram, count: 0, sum: 0, min: u64::MAX, max: 0 }
    }

    /// Adds the same value `count` times. A `count` of 0 does nothing.
    pub fn record_n(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        self.histogram.saturating_record_n(value, count);
        self.count = self.count.saturating_add(count);
        self.sum = self.sum.saturating_add(u128::from(value) * u128::from(count));
        self.min = self.min.min(value);
        self.max = self.max.max(value);
    }

    /// How many values were added.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The least value of which `quantile` of all are not above; 0 when there is none.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> u64 {
        if self.count == 0 {
            return 0;
        }
        self.histogram.value_at_quantile(quantile).clamp(self.min, self.max)
    }

    /// The figures, in the unit of what was added. All zeros when that is nothing.
    #[must_use]
    pub fn summary(&self) -> LatencySummary {
        if self.count == 0 {
            return LatencySummary::default();
        }
        LatencySummary {
            count: self.count,
            min: self.min,
            mean: float::from_u128(self.sum) / float::from_u64(self.count),
            p50: self.quantile(0.5),
            p90: self.quantile(0.9),
            p99: self.quantile(0.99),
            p99_9: self.quantile(0.999),
            p99_99: self.quantile(0.9999),
            max: self.max,
            clamped: 0,
        }
    }
}

impl Default for Distribution {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Distribution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Distribution")
            .field("count", &self.count)
            .field("min", &self.min)
            .field("max", &self.max)
            .finish_non_exhaustive()
    }
}

/// The figures of buckets in rising order, without a histogram between.
pub(crate) fn summary(buckets: &[Bucket]) -> LatencySummary {
    let (Some(first), Some(last)) = (buckets.first(), buckets.last()) else {
        return LatencySummary::default();
    };
    let (mut count, mut sum) = (0_u64, 0_u128);
    for bucket in buckets {
        count = count.saturating_add(bucket.count);
        sum = sum.saturating_add(u128::from(bucket.value) * u128::from(bucket.count));
    }
    let at = |per_10_000: u64| {
        // Rounded up, so that the share is reached; in whole numbers, so that it is exact.
        let rank = (u128::from(count) * u128::from(per_10_000)).div_ceil(10_000);
        let mut seen = 0_u128;
        let reached = buckets.iter().find(|bucket| {
            seen += u128::from(bucket.count);
            seen >= rank
        });
        reached.unwrap_or(last).value
    };
    LatencySummary {
        count,
        min: first.value,
        mean: float::from_u128(sum) / float::from_u64(count),
        p50: at(5_000),
        p90: at(9_000),
        p99: at(9_900),
        p99_9: at(9_990),
        p99_99: at(9_999),
        max: last.value,
        clamped: 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, prop_assert, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn an_empty_one_is_all_zeros() {
        assert_eq!(Distribution::new().summary(), LatencySummary::default());
        assert_eq!(Distribution::new().quantile(0.5), 0);
        assert_eq!(summary(&[]), LatencySummary::default());
    }

    #[test]
    fn a_count_of_nothing_changes_nothing() {
        let mut distribution = Distribution::new();
        distribution.record_n(7, 0);
        assert_eq!(distribution.count(), 0);
    }

    #[test]
    fn the_greatest_value_of_all_is_kept() {
        let mut distribution = Distribution::new();
        distribution.record_n(u64::MAX, 1);
        assert_eq!(distribution.summary().max, u64::MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn both_ways_to_sum_up_agree(values in vec((0..1_u64 << 40, 1..1_000_u64), 1..50)) {
            let mut values = values;
            values.sort_unstable();
            values.dedup_by_key(|it| it.0);
            let mut distribution = Distribution::new();
            values.iter().for_each(|&(value, count)| distribution.record_n(value, count));
            let buckets: Vec<_> =
                values.iter().map(|&(value, count)| Bucket { value, count }).collect();
            let (one, other) = (distribution.summary(), summary(&buckets));
            prop_assert_eq!((one.count, one.min, one.max), (other.count, other.min, other.max));
            for (one, other) in [
                (one.p50, other.p50),
                (one.p90, other.p90),
                (one.p99, other.p99),
                (one.p99_9, other.p99_9),
                (one.p99_99, other.p99_99),
            ] {
                prop_assert!(one.abs_diff(other) * 1_000 <= one.max(other), "{one} {other}");
            }
        }
    }
}
