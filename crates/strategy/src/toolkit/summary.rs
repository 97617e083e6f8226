use crate::float;
use crate::toolkit::is_usable;

/// Count, mean, least and greatest of everything that was seen.
///
/// The sum carries the rounding errors of its additions along (Neumaier, "Rundungsfehleranalyse
/// einiger Verfahren zur Summation endlicher Summen", ZAMM 54, 1974): its own error does not grow with
/// the count. Units: those of the values. A value that is not finite or beyond
/// [`VALUE_MAX`](crate::toolkit::VALUE_MAX) is refused.
#[derive(Clone, Copy, Debug, Default)]
pub struct Summary {
    count: u64,
    sum: f64,
    /// What the additions to `sum` lost.
    lost: f64,
    min: f64,
    max: f64,
}

impl Summary {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a value; `false` where it is refused, which changes nothing.
    #[inline]
    pub fn push(&mut self, value: f64) -> bool {
        if !is_usable(value) {
            return false;
        }
        let is_first = self.count == 0;
        self.count += 1;
        let sum = self.sum + value;
        let (large, small) =
            if self.sum.abs() >= value.abs() { (self.sum, value) } else { (value, self.sum) };
        self.lost += (large - sum) + small;
        self.sum = sum;
        self.min = if is_first { value } else { self.min.min(value) };
        self.max = if is_first { value } else { self.max.max(value) };
        true
    }

    /// How many values were taken.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Their sum; 0 of none.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum + self.lost
    }

    /// Their mean; `None` of none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.sum() / float::from_u64(self.count))
    }

    /// The least; `None` of none.
    #[must_use]
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest; `None` of none.
    #[must_use]
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_keeps_what_each_addition_loses() {
        let mut summary = Summary::new();
        assert_eq!((summary.mean(), summary.min(), summary.max()), (None, None, None));
        for value in [1.0, 1e100, 1.0, -1e100] {
            assert!(summary.push(value));
        }
        assert_eq!((summary.sum(), summary.count()), (2.0, 4));
        assert_eq!((summary.min(), summary.max()), (Some(-1e100), Some(1e100)));
    }

    #[test]
    fn ten_million_tenths_are_a_million() {
        let mut summary = Summary::new();
        assert!((0..10_000_000).all(|_| summary.push(0.1)));
        assert_eq!((Some(summary.sum()), summary.mean()), (Some(1_000_000.0), Some(0.1)));
    }

    #[test]
    fn what_is_no_number_changes_nothing() {
        let mut summary = Summary::new();
        assert!(summary.push(-3.0));
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e141] {
            assert!(!summary.push(value));
        }
        assert_eq!((summary.count(), summary.min(), summary.max()), (1, Some(-3.0), Some(-3.0)));
    }
}
