use std::f64::consts::LN_2;

use crate::float;
use crate::toolkit::blocks::{Aggregate, Blocks};
use crate::toolkit::half_life::HalfLife;
use crate::toolkit::{VALUE_MAX, is_usable};

/// Realised volatility of the last `capacity` returns.
///
/// ```text
/// r = ln(price / price before)        variance = sum(r^2)        volatility = sqrt(variance)
/// ```
///
/// Andersen, Bollerslev, Diebold and Labys, "Modeling and forecasting realized volatility",
/// Econometrica 71 (2003): no mean is taken off. A standard deviation of the log price over the time
/// that the window spans, as a fraction; [`RealisedVolatility::per_returns`] scales it to another
/// number of returns. Which prices make returns is the caller's choice: all trades, or one a minute.
/// Nothing drifts: squares are only ever added, as in [`Rolling`](crate::toolkit::Rolling).
#[derive(Clone, Debug)]
pub struct RealisedVolatility {
    returns: Blocks<Squares>,
    before: Option<f64>,
}

impl RealisedVolatility {
    /// A window of `capacity` returns, none of which was seen yet. Allocates; nothing else does.
    ///
    /// # Panics
    /// When `capacity` is 0.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self { returns: Blocks::new(capacity), before: None }
    }

    /// Takes the next price; `false` where it is not positive, beyond
    /// [`VALUE_MAX`](crate::toolkit::VALUE_MAX) or below its inverse, which changes nothing. The first
    /// price makes no return.
    #[inline]
    pub fn push(&mut self, price: f64) -> bool {
        // With both ends bounded, so is every ratio.
        if !(VALUE_MAX.recip()..=VALUE_MAX).contains(&price) {
            return false;
        }
        if let Some(before) = self.before.replace(price) {
            self.returns.push((price / before).ln());
        }
        true
    }

    /// Sum of the squared returns in the window; `None` before the first.
    #[must_use]
    pub fn variance(&self) -> Option<f64> {
        (self.returns.len() > 0).then(|| self.returns.aggregate().0)
    }

    /// The root of the variance; `None` before the first return.
    #[must_use]
    pub fn volatility(&self) -> Option<f64> {
        self.variance().map(f64::sqrt)
    }

    /// The volatility of `returns` returns like those in the window: `sqrt(variance returns / n)`.
    /// With one return a day, 252 is a year's. `None` before the first return.
    #[must_use]
    pub fn per_returns(&self, returns: f64) -> Option<f64> {
        let mean = |variance: f64| variance / float::from_usize(self.returns.len());
        self.variance().map(|variance| (mean(variance) * returns).sqrt())
    }

    /// How many returns are in the window.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.returns.len()
    }

    /// Whether no return was seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the window has all the returns it can hold.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len() == self.returns.capacity()
    }

    /// The next price follows none: after a break. The returns stay.
    pub const fn interrupt(&mut self) {
        self.before = None;
    }
}

/// Sum of squares.
#[derive(Clone, Copy, Debug)]
struct Squares(f64);

impl Aggregate for Squares {
    const EMPTY: Self = Self(0.0);

    fn of(value: f64) -> Self {
        Self(value * value)
    }

    fn merge(self, newer: Self) -> Self {
        Self(self.0 + newer.0)
    }
}

/// Exponentially weighted realised volatility.
///
/// The variance is the exponentially weighted mean of squared returns (`RiskMetrics` Technical
/// Document, 4th edition, 1996, section 5.2), with `w = 2^(-d)` for `d` half-lives since the last
/// observation:
///
/// - half-life in observations: `v = w v + (1 - w) r^2`, the variance of one observation;
/// - half-life in seconds: `v = w v + (ln 2 / half-life) r^2`, the same with an exponential kernel
///   over time, the variance of one second.
///
/// Both start at 0 and are divided by `1 - 2^(-age)`, the weight of all that was seen so far, which
/// removes the bias of the start. A standard deviation of the log price, as a fraction, per observation
/// or per square root of a second. Time that goes back is time that stands still.
#[derive(Clone, Copy, Debug)]
pub struct EwVolatility {
    half_life: HalfLife,
    /// Not yet divided by the weight of what was seen.
    variance: f64,
    /// Half-lives since the start.
    age: f64,
    time_ns: u64,
}

impl EwVolatility {
    /// No return yet.
    ///
    /// # Panics
    /// When the half-life is not a positive number.
    #[must_use]
    pub fn new(half_life: HalfLife) -> Self {
        half_life.check();
        Self { half_life, variance: 0.0, age: 0.0, time_ns: 0 }
    }

    /// The first price, or the first after a break, was seen at this time: from here on time counts.
    /// Matters to a half-life in seconds alone.
    pub fn start(&mut self, time_ns: u64) {
        self.time_ns = self.time_ns.max(time_ns);
    }

    /// Takes the log return that was complete at this time; `false` where it is not finite or beyond
    /// [`VALUE_MAX`](crate::toolkit::VALUE_MAX), which changes nothing.
    #[inline]
    pub fn push(&mut self, log_return: f64, time_ns: u64) -> bool {
        if !is_usable(log_return) {
            return false;
        }
        let elapsed = self.half_life.elapsed(time_ns.saturating_sub(self.time_ns));
        let new_weight = match self.half_life {
            HalfLife::Observations(length) => 1.0 - (-1.0 / length).exp2(),
            HalfLife::Seconds(length) => LN_2 / length,
        };
        self.variance = self.variance * (-elapsed).exp2() + new_weight * log_return * log_return;
        self.age += elapsed;
        self.time_ns = self.time_ns.max(time_ns);
        true
    }

    /// Half-lives since the start: how much of the weight stands on data is `1 - 2^(-age)`.
    #[must_use]
    pub const fn age_half_lives(&self) -> f64 {
        self.age
    }

    /// The volatility; `None` while no time has passed.
    #[must_use]
    pub fn volatility(&self) -> Option<f64> {
        (self.age > 0.0).then(|| (self.variance / (1.0 - (-self.age).exp2())).sqrt())
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
        assert!((found - expected).abs() <= 1e-12 * expected.abs(), "{found} {expected}");
    }

    #[test]
    fn a_half_life_halves_the_weight() {
        let mut by_count = EwVolatility::new(HalfLife::Observations(1.0));
        assert!(by_count.push(1.0, 0) && by_count.push(0.0, 0));
        assert!((by_count.variance - 0.25).abs() < 1e-12);
        let mut by_time = EwVolatility::new(HalfLife::Seconds(3.0));
        by_time.start(SECOND_NS);
        assert!(by_time.push(1.0, SECOND_NS));
        let start = by_time.variance;
        assert_eq!(by_time.volatility(), None);
        assert!(by_time.push(0.0, 4 * SECOND_NS));
        assert!((by_time.variance - start / 2.0).abs() < 1e-12);
        assert!((by_time.age_half_lives() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn time_that_goes_back_stands_still() {
        let mut weighted = EwVolatility::new(HalfLife::Seconds(3.0));
        weighted.start(9 * SECOND_NS);
        weighted.start(2 * SECOND_NS);
        for second in [9, 5, 9] {
            assert!(weighted.push(1.0, second * SECOND_NS));
        }
        assert_eq!(weighted.volatility(), None);
        assert!(weighted.push(1.0, 12 * SECOND_NS));
        assert!((weighted.age_half_lives() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn squared_returns_of_the_window_add_up() {
        let mut realised = RealisedVolatility::new(2);
        assert!(realised.push(100.0) && realised.is_empty() && realised.variance().is_none());
        for price in [110.0, 99.0, 99.0] {
            assert!(realised.push(price));
        }
        assert!(realised.is_full());
        check_near(realised.variance(), 0.9_f64.ln().powi(2));
        check_near(realised.volatility(), -0.9_f64.ln());
        check_near(realised.per_returns(8.0), -0.9_f64.ln() * 2.0);
    }

    #[test]
    fn over_a_break_there_is_no_return() {
        let mut realised = RealisedVolatility::new(5);
        assert!(realised.push(100.0) && realised.push(100.0));
        realised.interrupt();
        assert!(realised.push(500.0) && realised.push(500.0));
        assert_eq!((realised.len(), realised.variance()), (2, Some(0.0)));
    }

    #[test]
    fn what_has_no_logarithm_changes_nothing() {
        let mut realised = RealisedVolatility::new(5);
        assert!(realised.push(100.0));
        for price in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, 1e141, 1e-141] {
            assert!(!realised.push(price));
        }
        assert!(realised.push(VALUE_MAX) && realised.push(VALUE_MAX.recip()));
        assert!(realised.volatility().is_some_and(f64::is_finite));
        let mut weighted = EwVolatility::new(HalfLife::Observations(5.0));
        assert!(!weighted.push(f64::NAN, 0) && !weighted.push(f64::NEG_INFINITY, 0));
        assert_eq!(weighted.volatility(), None);
    }

    #[test]
    #[should_panic(expected = "a half-life must be positive")]
    fn a_half_life_of_nothing_is_refused() {
        assert!(EwVolatility::new(HalfLife::Observations(-1.0)).volatility().is_none());
    }

    proptest! {
        #[test]
        fn the_window_is_the_sum_over_its_returns(
            prices in proptest::collection::vec(1.0..1e6_f64, 2..150),
            capacity in 1_usize..20,
        ) {
            let mut realised = RealisedVolatility::new(capacity);
            prop_assert!(realised.push(prices[0]));
            let returns: Vec<f64> =
                prices.windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
            for (index, &price) in prices[1..].iter().enumerate() {
                prop_assert!(realised.push(price));
                let last = &returns[(index + 1).saturating_sub(capacity)..=index];
                let sum: f64 = last.iter().map(|it| it * it).sum();
                prop_assert!((realised.variance().unwrap() - sum).abs() <= 1e-12 * sum);
            }
        }
    }
}
