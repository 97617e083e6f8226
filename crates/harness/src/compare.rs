//! Baseline against new: by how much a quantile changed, and whether that is more than noise.

use serde::{Deserialize, Serialize};
use tickring_metrics::LatencySummary;

use crate::float;
use crate::stats::{median, quantile};
use crate::threshold::Threshold;

/// One block's latency, in ns.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Figures {
    /// How many values.
    pub count: u64,
    /// Their mean.
    pub mean_ns: f64,
    /// Half took at most this.
    pub p50_ns: f64,
    /// 90 % took at most this.
    pub p90_ns: f64,
    /// 99 % took at most this.
    pub p99_ns: f64,
    /// 99.9 % took at most this.
    pub p99_9_ns: f64,
    /// The longest.
    pub max_ns: f64,
}

/// A figure that can be compared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Quantile {
    /// The mean.
    Mean,
    /// The median.
    P50,
    /// 90 %.
    P90,
    /// 99 %.
    P99,
    /// 99.9 %.
    P99_9,
    /// The longest.
    Max,
}

/// What a comparison of one quantile came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Lower quartile of the baseline's blocks.
    pub base_ns: f64,
    /// Lower quartile of the new blocks.
    pub new_ns: f64,
    /// By how much the new one is worse, as a share of the baseline; below 0 it is better.
    pub change: f64,
    /// Changes up to this share are noise.
    pub noise: f64,
    /// What follows.
    pub verdict: Verdict,
}

/// What follows from a comparison.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Not worse than allowed.
    Pass,
    /// Worse than allowed, and by more than the noise.
    Fail,
    /// Worse than allowed, but by no more than blocks of one program differ.
    WithinNoise,
}

impl Figures {
    /// The figures of a summary.
    #[must_use]
    pub fn of(summary: &LatencySummary) -> Self {
        let LatencySummary { count, mean, p50, p90, p99, p99_9, max, .. } = *summary;
        let [p50_ns, p90_ns, p99_ns, p99_9_ns, max_ns] =
            [p50, p90, p99, p99_9, max].map(float::from_u64);
        Self { count, mean_ns: mean, p50_ns, p90_ns, p99_ns, p99_9_ns, max_ns }
    }

    /// One of them.
    #[must_use]
    pub const fn value(&self, quantile: Quantile) -> f64 {
        match quantile {
            Quantile::Mean => self.mean_ns,
            Quantile::P50 => self.p50_ns,
            Quantile::P90 => self.p90_ns,
            Quantile::P99 => self.p99_ns,
            Quantile::P99_9 => self.p99_9_ns,
            Quantile::Max => self.max_ns,
        }
    }

    /// The median of each figure over blocks, and all their counts.
    #[must_use]
    pub fn median(blocks: &[Self]) -> Self {
        let of = |quantile| {
            median(&blocks.iter().map(|block| block.value(quantile)).collect::<Vec<f64>>())
        };
        Self {
            count: blocks.iter().map(|block| block.count).sum(),
            mean_ns: of(Quantile::Mean),
            p50_ns: of(Quantile::P50),
            p90_ns: of(Quantile::P90),
            p99_ns: of(Quantile::P99),
            p99_9_ns: of(Quantile::P99_9),
            max_ns: of(Quantile::Max),
        }
    }
}

impl Quantile {
    /// Every quantile, from the least.
    pub const ALL: [Self; 6] =
        [Self::Mean, Self::P50, Self::P90, Self::P99, Self::P99_9, Self::Max];

    /// Its name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P99_9 => "p99.9",
            Self::Max => "max",
        }
    }
}

/// Holds the blocks of a new run against those of its baseline.
///
/// What is compared is the lower quartile of the blocks. Neighbours on a machine only ever make a
/// block slower, often half of them, and a median then falls now among the disturbed and now among
/// the others; the least would be decided by one lucky block.
///
/// The noise is what two such quartiles may differ by without meaning anything: as the notches of a
/// box plot (McGill, Tukey and Larsen, 1978), but around the lower quartile, 2.9 times the width of
/// the quarter of the blocks about it over the root of their number, of both sides together; and
/// never less than the clock's step. A change fails where it is above the threshold *and* above the
/// noise.
///
/// # Panics
/// When a side has fewer than [`BLOCKS_MIN`] blocks: nobody could tell their noise.
#[must_use]
pub fn compare(
    base: &[Figures],
    new: &[Figures],
    threshold: Threshold,
    step_ns: f64,
) -> Comparison {
    assert!(base.len().min(new.len()) >= BLOCKS_MIN, "a side needs {BLOCKS_MIN} blocks or more");
    let of = |blocks: &[Figures]| {
        let values: Vec<f64> = blocks.iter().map(|it| it.value(threshold.quantile)).collect();
        (quantile(&values, COMPARED), notch(&values))
    };
    let ((base_ns, base_notch), (new_ns, new_notch)) = (of(base), of(new));
    let noise_ns = base_notch.hypot(new_notch).max(step_ns);
    let share = |ns: f64| if base_ns > 0.0 { ns / base_ns } else { 0.0 };
    let (change, noise) = (share(new_ns - base_ns), share(noise_ns));
    let verdict = match change {
        change if change <= threshold.worse_max => Verdict::Pass,
        change if change <= noise => Verdict::WithinNoise,
        _ => Verdict::Fail,
    };
    Comparison { base_ns, new_ns, change, noise, verdict }
}

/// Half the height of a notch: quartiles that differ by more are different.
fn notch(values: &[f64]) -> f64 {
    let width = quantile(values, COMPARED + 0.125) - quantile(values, COMPARED - 0.125);
    NOTCH * width / float::from_u64(values.len() as u64).sqrt()
}

/// Fewest blocks of a side.
pub const BLOCKS_MIN: usize = 3;

/// The share of blocks below what is compared.
const COMPARED: f64 = 0.25;

/// The quartile's error is sqrt(0.25 * 0.75 / n) over the density there, which is a quarter over the
/// width of the quarter of the blocks about it; 1.7 of it, as in a box plot, is this times width / sqrt(n).
const NOTCH: f64 = 2.9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn blocks(values: &[f64]) -> Vec<Figures> {
        values.iter().map(|&p99_ns| Figures { p99_ns, ..Figures::default() }).collect()
    }

    fn threshold() -> Threshold {
        "p99:+10%".parse().unwrap()
    }

    #[track_caller]
    fn check(base: &[f64], new: &[f64], expected: Verdict) {
        let found = compare(&blocks(base), &blocks(new), threshold(), 10.0);
        assert_eq!(found.verdict, expected, "{found:?}");
    }

    #[test]
    fn what_is_worse_by_more_than_both_limits_fails() {
        let base = [1_000.0, 1_010.0, 990.0, 1_000.0, 1_005.0];
        check(&base, &base, Verdict::Pass);
        check(&base, &[500.0, 510.0, 490.0], Verdict::Pass);
        check(&base, &[1_090.0, 1_095.0, 1_085.0], Verdict::Pass);
        check(&base, &[1_250.0, 1_260.0, 1_240.0], Verdict::Fail);
        check(&base, &[1_300.0, 2_600.0, 1_000.0], Verdict::WithinNoise);
    }

    #[test]
    fn a_step_of_the_clock_is_no_change() {
        check(&[40.0; 5], &[50.0; 5], Verdict::WithinNoise);
        check(&[40.0; 5], &[60.0; 5], Verdict::Fail);
    }

    #[test]
    fn one_wild_block_decides_nothing() {
        let base = [1_000.0, 1_010.0, 990.0, 1_000.0, 1_005.0];
        check(&base, &[1_000.0, 1_010.0, 990.0, 1_000.0, 90_000.0], Verdict::Pass);
    }

    #[test]
    fn neighbours_that_disturb_half_of_the_blocks_hide_no_slow_down() {
        let disturbed = |ns: f64| -> Vec<f64> {
            (0..24).map(|index| if index % 2 == 0 { ns } else { ns * 1.6 }).collect()
        };
        check(&disturbed(1_000.0), &disturbed(1_000.0), Verdict::Pass);
        check(&disturbed(1_000.0), &disturbed(1_250.0), Verdict::Fail);
    }

    #[test]
    fn a_baseline_of_nothing_is_no_reason_to_fail() {
        check(&[0.0; 3], &[0.0; 3], Verdict::Pass);
    }

    #[test]
    #[should_panic(expected = "a side needs 3 blocks")]
    fn two_blocks_are_too_few() {
        check(&[1.0, 1.0], &[1.0, 1.0, 1.0], Verdict::Pass);
    }

    proptest! {
        #[test]
        fn the_same_blocks_pass_and_a_uniform_slow_down_of_a_quarter_fails(
            values in proptest::collection::vec(1_000.0..1_060.0_f64, 3..20),
        ) {
            let base = blocks(&values);
            let slow: Vec<f64> = values.iter().map(|value| value * 1.25).collect();
            let verdict = |new: &[Figures]| compare(&base, new, threshold(), 10.0).verdict;
            prop_assert_eq!(verdict(&base), Verdict::Pass);
            prop_assert_eq!(verdict(&blocks(&slow)), Verdict::Fail);
        }

        #[test]
        fn a_quarter_more_work_in_noise_of_a_few_percent_fails_every_time(seed in any::<u64>()) {
            let mut rng = fastrand::Rng::with_seed(seed);
            let mut run = |factor: f64| -> Vec<Figures> {
                let values: Vec<f64> =
                    (0..9).map(|_| factor * 1_000.0 * (1.0 + 0.06 * rng.f64())).collect();
                blocks(&values)
            };
            let (base, same, slow) = (run(1.0), run(1.0), run(1.25));
            prop_assert_ne!(compare(&base, &same, threshold(), 10.0).verdict, Verdict::Fail);
            prop_assert_eq!(compare(&base, &slow, threshold(), 10.0).verdict, Verdict::Fail);
        }
    }
}
