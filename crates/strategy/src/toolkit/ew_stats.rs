use crate::toolkit::half_life::HalfLife;
use crate::toolkit::is_usable;

/// Exponentially weighted mean and variance.
///
/// With weights `w = 2^(-age)`, the age of an observation in half-lives:
///
/// ```text
/// mean = sum(w x) / sum(w)        variance = sum(w (x - mean)^2) / sum(w)
/// ```
///
/// of everything since the start, the first observation as good as any: there is no bias to warm up
/// from. These are pandas' `ewm(halflife=…, adjust=True)` with `mean()` and `var(bias=True)`. Updated
/// as in West, "Updating mean and variance estimates: an improved method", Communications of the ACM
/// 22 (1979), with weights that fade: `W = d W + 1`, `mean = mean + (x - mean) / W`,
/// `S = d S + (x - old mean) (x - mean)` and `variance = S / W` for a decay of `d` since the last
/// observation. Sums that fade cannot drift. Units: those of the values, squared for a variance.
///
/// With a half-life in seconds an observation counts the same whenever it came, and a busy time more
/// than a quiet one. Time that goes back is time that stands still.
///
/// A value that is not finite or beyond [`VALUE_MAX`](crate::toolkit::VALUE_MAX) is refused.
#[derive(Clone, Copy, Debug)]
pub struct EwStats {
    half_life: HalfLife,
    /// Sum of the weights; 0 before the first value.
    weight: f64,
    /// Sum of the squared weights.
    weight_squares: f64,
    mean: f64,
    squares: f64,
    time_ns: u64,
}

impl EwStats {
    /// No value yet.
    ///
    /// # Panics
    /// When the half-life is not a positive number.
    #[must_use]
    pub fn new(half_life: HalfLife) -> Self {
        half_life.check();
        Self { half_life, weight: 0.0, weight_squares: 0.0, mean: 0.0, squares: 0.0, time_ns: 0 }
    }

    /// Takes a value that was observed at this time, which matters to a half-life in seconds alone;
    /// `false` where the value is refused, which changes nothing.
    #[inline]
    pub fn push(&mut self, value: f64, time_ns: u64) -> bool {
        if !is_usable(value) {
            return false;
        }
        let elapsed = self.half_life.elapsed(time_ns.saturating_sub(self.time_ns));
        let decay = (-elapsed).exp2();
        let distance = value - self.mean;
        self.weight = decay * self.weight + 1.0;
        self.weight_squares = decay * decay * self.weight_squares + 1.0;
        self.mean += distance / self.weight;
        self.squares = decay * self.squares + distance * (value - self.mean);
        self.time_ns = self.time_ns.max(time_ns);
        true
    }

    /// The weighted mean; `None` before the first value.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.weight > 0.0).then_some(self.mean)
    }

    /// The weighted mean squared distance from the mean; `None` before the first value, then 0.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.weight > 0.0).then(|| self.squares / self.weight)
    }

    /// The variance without the bias of the mean that is estimated with it: times
    /// `sum(w)^2 / (sum(w)^2 - sum(w^2))`, pandas' `var()`. `None` while one value has all the
    /// weight.
    #[must_use]
    pub fn sample_variance(&self) -> Option<f64> {
        let all = self.weight * self.weight;
        let others = all - self.weight_squares;
        (others > 0.0).then(|| self.squares / self.weight * (all / others))
    }

    /// Sum of the weights: of how many observations of now this is worth.
    #[must_use]
    pub const fn weight(&self) -> f64 {
        self.weight
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        *self = Self::new(self.half_life);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    #[track_caller]
    fn check_near(found: Option<f64>, expected: f64) {
        let found = found.unwrap();
        assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1e-9), "{found} {expected}");
    }

    #[test]
    fn a_half_life_halves_the_weight_by_count_and_by_time() {
        let mut by_count = EwStats::new(HalfLife::Observations(1.0));
        assert!(by_count.push(0.0, 0) && by_count.push(3.0, 0));
        check_near(by_count.mean(), 2.0);
        let mut by_time = EwStats::new(HalfLife::Seconds(2.0));
        assert!(by_time.push(0.0, 5 * SECOND_NS) && by_time.push(3.0, 7 * SECOND_NS));
        check_near(by_time.mean(), 2.0);
        check_near(by_time.variance(), 2.0);
        check_near(Some(by_time.weight()), 1.5);
    }

    #[test]
    fn before_anything_there_is_nothing_and_one_value_does_not_vary() {
        let mut stats = EwStats::new(HalfLife::Observations(5.0));
        assert_eq!((stats.mean(), stats.variance(), stats.sample_variance()), (None, None, None));
        assert!(stats.push(7.0, 0));
        assert_eq!((stats.mean(), stats.variance()), (Some(7.0), Some(0.0)));
        assert_eq!(stats.sample_variance(), None);
        stats.clear();
        assert_eq!(stats.mean(), None);
    }

    #[test]
    fn what_is_no_number_changes_nothing() {
        let mut stats = EwStats::new(HalfLife::Observations(5.0));
        assert!(stats.push(7.0, 0));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e141] {
            assert!(!stats.push(value, 0));
        }
        assert_eq!((stats.mean(), stats.variance()), (Some(7.0), Some(0.0)));
        assert!(stats.push(1e140, 0) && stats.push(-1e140, 0));
        assert!(stats.variance().is_some_and(f64::is_finite));
    }

    #[test]
    fn time_that_goes_back_stands_still_and_a_long_silence_forgets_all() {
        let mut stats = EwStats::new(HalfLife::Seconds(1.0));
        assert!(stats.push(1.0, 9 * SECOND_NS) && stats.push(2.0, 3 * SECOND_NS));
        check_near(stats.mean(), 1.5);
        assert!(stats.push(6.0, 9 * SECOND_NS));
        check_near(stats.mean(), 3.0);
        assert!(stats.push(8.0, u64::MAX));
        check_near(stats.mean(), 8.0);
        assert!(stats.variance().is_some_and(|it| it < 1e-9));
    }

    #[test]
    #[should_panic(expected = "a half-life must be positive")]
    fn a_half_life_of_nothing_is_refused() {
        assert!(EwStats::new(HalfLife::Seconds(f64::NAN)).mean().is_none());
    }

    #[test]
    fn a_million_values_and_a_giant_leave_no_trace() {
        let wave = |index: u32| 1e3 + f64::from(index % 1_000 * 7_919 % 1_000) / 1e3;
        let mut long = EwStats::new(HalfLife::Observations(10.0));
        assert!((0..1_000_000).all(|index| long.push(wave(index), 0)) && long.push(1e15, 0));
        let mut short = EwStats::new(HalfLife::Observations(10.0));
        for index in 0..3_000 {
            assert!(long.push(wave(index), 0) && short.push(wave(index), 0));
        }
        check_near(long.mean(), short.mean().unwrap());
        check_near(long.variance(), short.variance().unwrap());
        check_near(long.sample_variance(), short.sample_variance().unwrap());
    }

    proptest! {
        #[test]
        fn the_update_is_the_sum_over_everything(
            values in proptest::collection::vec((-1e6..1e6_f64, 0_u64..3 * SECOND_NS), 1..300),
            length in 0.1..50.0_f64,
            by_time in any::<bool>(),
        ) {
            let half_life =
                if by_time { HalfLife::Seconds(length) } else { HalfLife::Observations(length) };
            let mut stats = EwStats::new(half_life);
            let (mut ages, mut time_ns) = (Vec::new(), SECOND_NS);
            for &(value, elapsed_ns) in &values {
                time_ns += elapsed_ns;
                prop_assert!(stats.push(value, time_ns));
                ages.iter_mut().for_each(|age| *age += half_life.elapsed(elapsed_ns));
                ages.push(0.0_f64);
            }
            let weights: Vec<f64> = ages.iter().map(|age| (-age).exp2()).collect();
            let weighted = |of: &dyn Fn(f64) -> f64| {
                let sum: f64 = values.iter().zip(&weights).map(|(it, w)| of(it.0) * w).sum();
                sum / weights.iter().sum::<f64>()
            };
            let mean = weighted(&|value| value);
            let variance = weighted(&|value| (value - mean).powi(2));
            prop_assert!((stats.mean().unwrap() - mean).abs() <= 1e-6);
            prop_assert!((stats.variance().unwrap() - variance).abs() <= 1e-9 * variance + 1e-3);
        }
    }
}
