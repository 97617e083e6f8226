//! Percentiles and what they are compared by.

use tickring_metrics::{Distribution, LatencySummary};

/// A figure of a distribution, and a row of a table.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Rank {
    P50,
    P90,
    P99,
    P99_9,
    P99_99,
    Max,
}

impl Rank {
    pub(crate) const ALL: [Self; 6] =
        [Self::P50, Self::P90, Self::P99, Self::P99_9, Self::P99_99, Self::Max];

    /// For people.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P99 => "p99",
            Self::P99_9 => "p99.9",
            Self::P99_99 => "p99.99",
            Self::Max => "max",
        }
    }

    /// In JSON.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::P99_9 => "p99_9",
            Self::P99_99 => "p99_99",
            other => other.label(),
        }
    }

    /// Its place on the axis of percentiles: how many nines it has. The maximum's depends on how
    /// many values there are.
    fn nines(self, count: u64) -> f64 {
        match self {
            Self::P50 => std::f64::consts::LOG10_2,
            Self::P90 => 1.0,
            Self::P99 => 2.0,
            Self::P99_9 => 3.0,
            Self::P99_99 => 4.0,
            Self::Max => nines_max(count),
        }
    }
}

/// Figures of one distribution, in ns; those that its file does not tell are `None`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Figures {
    pub(crate) count: u64,
    /// In the order of [`Rank::ALL`].
    pub(crate) values_ns: [Option<u64>; Rank::ALL.len()],
}

/// A point of a distribution's curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CurvePoint {
    /// log10 of 1 / (1 - share): 1 for 90 %, 2 for 99 %.
    pub(crate) nines: f64,
    /// Values up to this make up the share.
    pub(crate) ns: u64,
}

impl Figures {
    pub(crate) fn of(summary: &LatencySummary) -> Self {
        let LatencySummary { count, p50, p90, p99, p99_9, p99_99, max, .. } = *summary;
        Self { count, values_ns: [p50, p90, p99, p99_9, p99_99, max].map(Some) }
    }

    /// The same with values in another unit, as nanoseconds.
    pub(crate) fn scaled(self, unit_ns: u64) -> Self {
        let scaled = |it: Option<u64>| it.map(|value| value.saturating_mul(unit_ns));
        Self { values_ns: self.values_ns.map(scaled), ..self }
    }

    pub(crate) const fn get(&self, rank: Rank) -> Option<u64> {
        self.values_ns[rank as usize]
    }

    /// How many times as large a figure is as that of `first`.
    pub(crate) fn ratio(&self, first: &Self, rank: Rank) -> Option<f64> {
        let (ns, first_ns) = (self.get(rank)?, first.get(rank)?);
        (first_ns > 0).then(|| float(ns) / float(first_ns))
    }

    /// The few points that the figures are of the curve.
    pub(crate) fn points(&self) -> Vec<CurvePoint> {
        let point = |rank: Rank| {
            let nines = rank.nines(self.count);
            self.get(rank).map(|ns| CurvePoint { nines, ns })
        };
        // Shares that so few values cannot tell apart from the maximum are left to it.
        let end = nines_max(self.count);
        let inner = Rank::ALL.into_iter().filter_map(point);
        inner.filter(|it| it.nines <= end).collect()
    }
}

/// Points of the curve of a distribution, close enough to see every step of a picture.
pub(crate) fn curve(distribution: &Distribution, unit_ns: u64) -> Vec<CurvePoint> {
    let end = nines_max(distribution.count());
    let ns_at = |nines: f64| distribution.quantile(1.0 - 10_f64.powf(-nines));
    let steps = (0..).map(|step| f64::from(step) / STEPS_PER_NINE).take_while(|it| *it < end);
    let mut points: Vec<_> =
        steps.map(|nines| CurvePoint { nines, ns: ns_at(nines).saturating_mul(unit_ns) }).collect();
    let ns = distribution.quantile(1.0).saturating_mul(unit_ns);
    points.push(CurvePoint { nines: end, ns });
    points
}

/// Where the greatest of `count` values is on the axis of percentiles.
fn nines_max(count: u64) -> f64 {
    float(count.max(1)).log10()
}

#[expect(clippy::cast_precision_loss, reason = "ratios and places in a picture")]
pub(crate) fn float(value: u64) -> f64 {
    value as f64
}

const STEPS_PER_NINE: f64 = 20.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn thousand() -> Distribution {
        let mut distribution = Distribution::new();
        (1..=1_000).for_each(|value| distribution.record_n(value, 1));
        distribution
    }

    #[test]
    fn a_curve_rises_from_the_least_to_the_greatest_value() {
        let points = curve(&thousand(), 1_000);
        assert_eq!(points.first().map(|it| it.ns), Some(1_000));
        let last = points.last().unwrap();
        assert_eq!(last.ns, 1_000_000);
        assert!((last.nines - 3.0).abs() < 1e-9);
        assert!(points.is_sorted_by(|a, b| a.nines < b.nines && a.ns <= b.ns));
        let median = points.iter().find(|it| it.nines > 0.3).unwrap();
        assert!(median.ns.abs_diff(550_000) < 60_000, "{median:?}");
    }

    #[test]
    fn figures_are_points_up_to_what_their_count_can_tell() {
        let figures = Figures::of(&thousand().summary());
        let ns: Vec<_> = figures.points().iter().map(|it| it.ns).collect();
        assert_eq!(ns, [500, 900, 990, 999, 1_000]);
        let one = Figures { count: 1, values_ns: [Some(7); 6] };
        assert_eq!(one.points(), [CurvePoint { nines: 0.0, ns: 7 }]);
    }

    #[test]
    fn a_ratio_to_nothing_is_none() {
        let figures = Figures::of(&thousand().summary());
        let zero = Figures { count: 1, values_ns: [Some(0), None, None, None, None, None] };
        assert_eq!(figures.ratio(&zero, Rank::P50), None);
        assert_eq!(figures.ratio(&zero, Rank::P90), None);
        assert_eq!(zero.ratio(&figures, Rank::P50), Some(0.0));
    }
}
