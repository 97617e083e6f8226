//! Medians and spreads of few values.

use crate::float;

/// The middle of `values`; the mean of the middle two where their number is even. 0 of nothing.
#[must_use]
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which the share `at` of `values` lies, interpolated between neighbours
/// (definition 7 of Hyndman and Fan, 1996). 0 of nothing.
///
/// # Panics
/// When `at` is not from 0 to 1.
#[must_use]
pub fn quantile(values: &[f64], at: f64) -> f64 {
    assert!((0.0..=1.0).contains(&at), "a share is from 0 to 1");
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = at * float::from_u64(last as u64);
    let below = usize::try_from(float::to_u64(place.floor())).unwrap_or(last).min(last);
    let above = (below + 1).min(last);
    let share = place - place.floor();
    sorted[below] + (sorted[above] - sorted[below]) * share
}

/// How far the middle half of `values` lies apart, relative to the median: 0.1 is 10 %. 0 where the
/// median is 0.
#[must_use]
pub fn spread(values: &[f64]) -> f64 {
    let middle = median(values);
    if middle == 0.0 {
        return 0.0;
    }
    (quantile(values, 0.75) - quantile(values, 0.25)) / middle
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(values: &[f64], at: f64, expected: f64) {
        let found = quantile(values, at);
        assert!((found - expected).abs() < 1e-9, "{found} is not {expected}");
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        check(&[], 0.5, 0.0);
        check(&[7.0], 0.0, 7.0);
        check(&[7.0], 1.0, 7.0);
        check(&[3.0, 1.0, 2.0], 0.5, 2.0);
        check(&[4.0, 1.0, 2.0, 3.0], 0.5, 2.5);
        check(&[4.0, 1.0, 2.0, 3.0], 0.25, 1.75);
        check(&[4.0, 1.0, 2.0, 3.0], 1.0, 4.0);
    }

    #[test]
    fn one_wild_value_moves_neither_median_nor_spread_far() {
        let calm = [10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0];
        let wild = [10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 9_000.0];
        assert!(spread(&calm) < 1e-9 && spread(&wild) < 1e-9);
        assert!((median(&wild) - 10.0).abs() < 1e-9);
        assert!(spread(&[0.0, 0.0]) < 1e-9);
    }
}
