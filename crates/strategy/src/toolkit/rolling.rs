use crate::toolkit::blocks::{Aggregate, Blocks};
use crate::toolkit::is_usable;

/// Mean, variance, least and greatest of the last `capacity` values.
///
/// ```text
/// mean = sum(x) / n        variance = sum((x - mean)^2) / n        n = values in the window
/// ```
///
/// Units: those of the values, squared for a variance. [`Rolling::push`] costs two merges of
/// aggregates on average, whatever the capacity, and `capacity` merges once in `capacity` values; asking
/// costs one. Nothing drifts: no value is ever taken out of a sum (blocks of van Herk, 1992, and Gil
/// and Werman, 1993), and moments of two parts are merged by the formula of Chan, Golub and LeVeque,
/// "Algorithms for computing the sample variance", The American Statistician 37 (1983). After ten
/// million values the result is as exact as after one window.
///
/// A value that is not finite or beyond [`VALUE_MAX`](crate::toolkit::VALUE_MAX) is refused.
#[derive(Clone, Debug)]
pub struct Rolling {
    blocks: Blocks<Moments>,
}

impl Rolling {
    /// A window of `capacity` values, none of which was seen yet. Allocates; nothing else does.
    ///
    /// # Panics
    /// When `capacity` is 0.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { blocks: Blocks::new(capacity) }
    }

    /// Takes a value in, and the oldest one out when the window is full; `false` where the value is
    /// refused, which changes nothing.
    #[inline]
    pub fn push(&mut self, value: f64) -> bool {
        let is_usable = is_usable(value);
        if is_usable {
            self.blocks.push(value);
        }
        is_usable
    }

    /// Mean of the values in the window; `None` of none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.moments().map(|it| it.mean)
    }

    /// Mean squared distance from the mean (of a population); `None` of none, 0 of one.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        self.moments().map(|it| it.squares / it.count)
    }

    /// The unbiased estimate of the variance of what the values were drawn from: divided by `n - 1`
    /// instead of `n`; `None` of fewer than two.
    #[must_use]
    pub fn sample_variance(&self) -> Option<f64> {
        self.moments().filter(|it| it.count > 1.0).map(|it| it.squares / (it.count - 1.0))
    }

    /// The least value in the window; `None` of none.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        self.moments().map(|it| it.min)
    }

    /// The greatest value in the window; `None` of none.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        self.moments().map(|it| it.max)
    }

    /// How many values are in the window.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether no value was seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the window has all the values it can hold.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() == self.blocks.capacity()
    }

    /// Forgets every value.
    pub const fn clear(&mut self) {
        self.blocks.clear();
    }

    fn moments(&self) -> Option<Moments> {
        (!self.is_empty()).then(|| self.blocks.aggregate())
    }
}

/// Of some values: how many, their mean, the sum of their squared distances from it, and the ends.
#[derive(Clone, Copy, Debug)]
struct Moments {
    count: f64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Aggregate for Moments {
    const EMPTY: Self =
        Self { count: 0.0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn of(value: f64) -> Self {
        Self { count: 1.0, mean: value, squares: 0.0, min: value, max: value }
    }

    fn merge(self, newer: Self) -> Self {
        let count = self.count + newer.count;
        if count == 0.0 {
            return Self::EMPTY;
        }
        let distance = newer.mean - self.mean;
        let share = newer.count / count;
        Self {
            count,
            mean: self.mean + distance * share,
            squares: self.squares + newer.squares + distance * distance * self.count * share,
            min: self.min.min(newer.min),
            max: self.max.max(newer.max),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::float;

    /// Mean and variance in two passes.
    fn naive(values: &[f64]) -> (f64, f64) {
        let count = float::from_usize(values.len());
        let mean = values.iter().sum::<f64>() / count;
        (mean, values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count)
    }

    /// Values from -0.5 to 0.5 without a pattern, the same ones every time.
    fn noise(count: u64) -> impl Iterator<Item = f64> {
        (0..count).map(|index| {
            let mixed = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 11;
            float::from_u64(mixed) / 9_007_199_254_740_992.0 - 0.5
        })
    }

    #[track_caller]
    fn check_near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() <= 1e-9 * expected.abs(), "{found} {expected}");
    }

    proptest! {
        #[test]
        fn the_window_is_what_its_values_are(
            values in proptest::collection::vec(-1e3..1e3_f64, 1..200),
            capacity in 1_usize..30,
        ) {
            let mut window = Rolling::new(capacity);
            for (index, &value) in values.iter().enumerate() {
                prop_assert!(window.push(value));
                let last = &values[(index + 1).saturating_sub(capacity)..=index];
                let (mean, variance) = naive(last);
                prop_assert!((window.mean().unwrap() - mean).abs() <= 1e-10);
                prop_assert!((window.variance().unwrap() - variance).abs() <= 1e-9 * variance + 1e-9);
                prop_assert_eq!(window.min(), last.iter().copied().reduce(f64::min));
                prop_assert_eq!(window.max(), last.iter().copied().reduce(f64::max));
                prop_assert_eq!(window.len(), last.len());
                prop_assert_eq!(window.is_full(), last.len() == capacity);
            }
        }
    }

    #[test]
    fn two_million_values_and_a_giant_leave_no_trace() {
        let mut window = Rolling::new(100);
        assert!(noise(1_000_000).all(|value| window.push(1e6 + value)));
        assert!(window.push(1e15));
        let last: Vec<f64> = noise(1_000_000).collect();
        for &value in &last {
            assert!(window.push(value));
        }
        let (mean, variance) = naive(&last[last.len() - 100..]);
        check_near(window.mean(), mean);
        check_near(window.variance(), variance);
        check_near(window.sample_variance(), variance * 100.0 / 99.0);
    }

    #[test]
    fn after_a_stream_the_window_is_as_after_its_own_values_alone() {
        let mut long = Rolling::new(64);
        assert!(noise(64 * 10_000).all(|value| long.push(value)));
        let mut short = Rolling::new(64);
        assert!(noise(64 * 10_000).skip(64 * 9_999).all(|value| short.push(value)));
        assert_eq!((long.mean(), long.variance()), (short.mean(), short.variance()));
        assert_eq!((long.min(), long.max()), (short.min(), short.max()));
    }

    #[test]
    fn before_anything_there_is_nothing_and_one_value_does_not_vary() {
        let mut window = Rolling::new(3);
        assert!(window.is_empty() && window.mean().is_none() && window.min().is_none());
        assert!(window.push(5.0));
        assert_eq!((window.mean(), window.variance()), (Some(5.0), Some(0.0)));
        assert_eq!((window.sample_variance(), window.max()), (None, Some(5.0)));
        window.clear();
        assert!(window.is_empty() && window.variance().is_none());
        assert!(window.push(1.0) && window.push(3.0));
        assert_eq!((window.mean(), window.sample_variance()), (Some(2.0), Some(2.0)));
    }

    #[test]
    fn a_window_of_one_is_its_value() {
        let mut window = Rolling::new(1);
        for value in [1.0, -2.0, 3.0] {
            assert!(window.push(value) && window.is_full());
            assert_eq!((window.mean(), window.variance()), (Some(value), Some(0.0)));
        }
    }

    #[test]
    fn what_is_no_number_changes_nothing_and_the_greatest_do_not_overflow() {
        let mut window = Rolling::new(4);
        assert!(window.push(-1e140) && window.push(1e140));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e141] {
            assert!(!window.push(value));
        }
        assert_eq!((window.len(), window.mean()), (2, Some(0.0)));
        check_near(window.variance(), 1e280);
    }

    #[test]
    fn zeros_of_either_sign_and_the_least_numbers_are_values() {
        let mut window = Rolling::new(3);
        for value in [0.0, -0.0, f64::MIN_POSITIVE] {
            assert!(window.push(value));
        }
        assert_eq!((window.min(), window.max()), (Some(0.0), Some(f64::MIN_POSITIVE)));
        assert_eq!(window.variance(), Some(0.0));
    }

    #[test]
    #[should_panic(expected = "a window needs room")]
    fn a_window_without_room_is_refused() {
        drop(Rolling::new(0));
    }
}
