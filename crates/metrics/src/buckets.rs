//! How often which duration was seen, in the buckets of an HdrHistogram of three significant digits.
//!
//! The histogram's own recording keeps its total, least and greatest value beside the buckets, as
//! [`LatencyRecorder`](crate::LatencyRecorder) does in its way; here a value is one count and no more. Figures
//! come from a histogram that is made of the buckets when they are asked for.

use hdrhistogram::Histogram;

use crate::latency::{RANGE_TICKS_MAX, RANGE_TICKS_MIN, SIGNIFICANT_DIGITS};

/// Values below this have a bucket each; above, half as many buckets span each power of two.
const SINGLES: u64 = 1 << SINGLE_BITS;

const SINGLE_BITS: u32 = 11;

const _: () = assert!(SINGLES >= 2 * 10_u64.pow(SIGNIFICANT_DIGITS as u32), "no digit is lost");

/// Buckets of the whole range.
const COUNT: usize = index(RANGE_TICKS_MAX) + 1;

/// Counts by bucket. All memory was written once, so that counting never faults.
pub(crate) struct Buckets(Box<[u64]>);

impl Buckets {
    pub(crate) fn new() -> Self {
        let mut counts = vec![u64::MAX; COUNT];
        counts.fill(0);
        Self(counts.into_boxed_slice())
    }

    /// Counts a value; one past the range at its end.
    #[inline(always)]
    pub(crate) fn add(&mut self, ticks: u64) {
        self.0[index(ticks.min(RANGE_TICKS_MAX))] += 1;
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(count, more)| *count += more);
    }

    /// Empties all. Writes every bucket.
    pub(crate) fn reset(&mut self) {
        self.0.fill(0);
    }

    /// The greatest value and the count of each bucket in use, in rising order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let used = self.0.iter().enumerate().filter(|(_, count)| **count > 0);
        used.map(|(index, count)| (greatest(index), *count))
    }

    /// The same as a histogram. Allocates.
    pub(crate) fn histogram(&self) -> Histogram<u64> {
        let mut histogram =
            Histogram::new_with_bounds(RANGE_TICKS_MIN, RANGE_TICKS_MAX, SIGNIFICANT_DIGITS)
                .expect("the range is a constant that the histogram accepts");
        for (ticks, count) in self.iter() {
            histogram.saturating_record_n(ticks, count);
        }
        histogram
    }
}

/// The bucket of a value.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "a bucket's place is less than two to the 16")]
const fn index(ticks: u64) -> usize {
    let shift = u64::BITS - SINGLE_BITS - (ticks | (SINGLES - 1)).leading_zeros();
    ((shift as usize) << (SINGLE_BITS - 1)) + (ticks >> shift) as usize
}

/// The greatest value of a bucket.
const fn greatest(index: usize) -> u64 {
    let shift = (index >> (SINGLE_BITS - 1)).saturating_sub(1);
    let within = (index - (shift << (SINGLE_BITS - 1))) as u64;
    ((within + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

    use super::*;

    #[test]
    fn buckets_follow_on_each_other_to_the_end_of_the_range() {
        for at in 0..COUNT {
            assert_eq!(index(greatest(at)), at);
            assert_eq!(index(greatest(at) + 1), at + 1);
        }
        assert_eq!(greatest(COUNT - 1), RANGE_TICKS_MAX);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn buckets_are_those_of_the_histogram(
            ticks in proptest::collection::vec(0_u64..(1 << 47), 0..300),
            shift in 0..47_u32,
        ) {
            let ticks: Vec<_> = ticks.into_iter().map(|ticks| ticks >> shift).collect();
            let mut buckets = Buckets::new();
            let mut histogram = Buckets::new().histogram();
            for &ticks in &ticks {
                buckets.add(ticks);
                histogram.saturating_record(ticks);
            }
            prop_assert_eq!(&buckets.histogram(), &histogram);
            let recorded = histogram.iter_recorded();
            let recorded: Vec<_> =
                recorded.map(|it| (it.value_iterated_to(), it.count_at_value())).collect();
            prop_assert_eq!(buckets.iter().collect::<Vec<_>>(), recorded);
        }
    }
}
