//! How values are spread, in memory that does not grow with their number.

use std::collections::BTreeMap;

/// Bits of a value that are kept: below 2^16 values are exact, above they are exact to 0.003 %.
const BITS_KEPT: u32 = 16;

/// Counts values by size, negative ones too.
///
/// Holds one count for each value that differs in its first [`BITS_KEPT`] bits: sizes of frames
/// below 64 KiB and offsets below 65 us are exact. The least and the greatest always are.
#[derive(Debug, Default)]
pub(crate) struct Distribution {
    counts: BTreeMap<i64, u64>,
    count: u64,
    least: i64,
    greatest: i64,
}

impl Distribution {
    /// Adds a value.
    pub(crate) fn add(&mut self, value: i64) {
        if self.count == 0 {
            (self.least, self.greatest) = (value, value);
        }
        self.least = self.least.min(value);
        self.greatest = self.greatest.max(value);
        self.count += 1;
        *self.counts.entry(rounded(value)).or_default() += 1;
    }

    /// How many values there are.
    pub(crate) const fn count(&self) -> u64 {
        self.count
    }

    /// The least; 0 without values.
    pub(crate) const fn least(&self) -> i64 {
        self.least
    }

    /// The greatest; 0 without values.
    pub(crate) const fn greatest(&self) -> i64 {
        self.greatest
    }

    /// The smallest value that more than `percent` of all values do not exceed; 0 without values.
    /// Of 100 that are the numbers from 1 on, the 90th percentile is 91.
    pub(crate) fn percentile(&self, percent: u64) -> i64 {
        let mut below: u128 = 0;
        for (&value, &count) in &self.counts {
            below += u128::from(count);
            if below * 100 > u128::from(percent) * u128::from(self.count) {
                return value.clamp(self.least, self.greatest);
            }
        }
        self.greatest
    }
}

/// The value without the bits that are not kept: rounded down.
const fn rounded(value: i64) -> i64 {
    let size = value.unsigned_abs();
    let dropped = (u64::BITS - size.leading_zeros()).saturating_sub(BITS_KEPT);
    value >> dropped << dropped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(values: impl IntoIterator<Item = i64>) -> Distribution {
        let mut distribution = Distribution::default();
        values.into_iter().for_each(|value| distribution.add(value));
        distribution
    }

    #[track_caller]
    fn check(values: &[i64], percent: u64, expected: i64) {
        assert_eq!(distribution(values.iter().copied()).percentile(percent), expected);
    }

    #[test]
    fn a_percentile_is_a_value_that_more_than_that_share_do_not_exceed() {
        check(&[], 50, 0);
        check(&[7], 50, 7);
        check(&[7], 99, 7);
        check(&[1, 2], 50, 2);
        check(&[3, 1, 2], 50, 2);
        assert_eq!(distribution(1..=100).percentile(90), 91);
        assert_eq!(distribution(1..=100).percentile(99), 100);
    }

    #[test]
    fn negative_values_come_before_positive_ones() {
        check(&[5, -70_000_000, -3], 0, -70_000_000);
        check(&[5, -7, -3], 50, -3);
    }

    #[test]
    fn values_of_sixteen_bits_are_exact_and_larger_ones_to_a_few_parts_in_a_hundred_thousand() {
        check(&[0, 65_535, 100_000], 50, 65_535);
        let large = 1_234_567_891;
        let median = distribution([0, large, i64::MAX]).percentile(50);
        assert_ne!(median, large);
        assert!((large - median) * 32_768 <= large, "{median}");
    }

    #[test]
    fn the_least_and_the_greatest_are_exact() {
        let ends = distribution([i64::MIN, 1_234_567_891, i64::MAX]);
        assert_eq!((ends.least(), ends.greatest(), ends.count()), (i64::MIN, i64::MAX, 3));
        assert_eq!(ends.percentile(99), i64::MAX & !((1 << 47) - 1));
    }

    #[test]
    fn memory_does_not_grow_with_the_number_of_values() {
        let many = distribution((0..100_000).map(|it| 1_000_000_000_000 + it));
        assert!(many.counts.len() <= 2, "{}", many.counts.len());
        assert_eq!(many.count(), 100_000);
    }
}
