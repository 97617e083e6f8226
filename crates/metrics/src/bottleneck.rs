//! Which part of the pipeline holds the others up, and how full the ring is.

use std::fmt;

use crate::float;

/// The part that limits the run. Printed as `source`, `strategy NAME` or `balanced`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Bottleneck {
    /// The ring is nearly empty: strategies wait for data.
    Source,
    /// The ring is nearly full, or the publisher waited: this strategy gates.
    Strategy(String),
    /// Neither.
    Balanced,
}

impl fmt::Display for Bottleneck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => f.write_str("source"),
            Self::Strategy(name) => write!(f, "strategy {name}"),
            Self::Balanced => f.write_str("balanced"),
        }
    }
}

/// What the verdict is made from.
#[derive(Clone, Copy, Debug)]
pub struct Load<'a> {
    /// Mean share of the ring in use over the run, 0 to 1.
    pub utilisation_mean: f64,
    /// Share of the wall time that the publisher waited for a free slot, 0 to 1.
    pub stall_share: f64,
    /// Each strategy's name and lag in events, in one measure for all: mean, sum or last.
    pub lags: &'a [(&'a str, u64)],
}

/// The verdict on `load`.
///
/// The strategy with the greatest lag is named when the publisher waited for [`STALL_SHARE_MIN`] of
/// the time or the ring was at [`UTILISATION_WARN`] on average; of equal lags the first. Otherwise the
/// source is, when the ring was at most at [`UTILISATION_SOURCE_MAX`]. Without strategies nobody can
/// gate, so it is the source.
#[must_use]
pub fn bottleneck(load: &Load<'_>) -> Bottleneck {
    let Load { utilisation_mean, stall_share, lags } = *load;
    let gating = lags.iter().rev().max_by_key(|(_, lag)| *lag);
    let Some((name, _)) = gating else { return Bottleneck::Source };
    if stall_share >= STALL_SHARE_MIN || utilisation_mean >= UTILISATION_WARN {
        Bottleneck::Strategy((*name).to_owned())
    } else if utilisation_mean <= UTILISATION_SOURCE_MAX {
        Bottleneck::Source
    } else {
        Bottleneck::Balanced
    }
}

/// Collects gauge readings of a run and gives the verdict at its end.
#[derive(Clone, Debug)]
pub struct LoadSamples {
    count: u64,
    utilisation_sum: f64,
    /// Name and sum of lags, in events.
    lags: Vec<(String, u64)>,
}

impl LoadSamples {
    /// No samples yet, of strategies with these names.
    pub fn new(names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let lags = names.into_iter().map(|name| (name.into(), 0)).collect();
        Self { count: 0, utilisation_sum: 0.0, lags }
    }

    /// Adds one reading: the share of the ring in use and each strategy's lag in events, in the order
    /// of the names.
    ///
    /// # Panics
    /// When there are not as many lags as names.
    pub fn add(&mut self, utilisation: f64, lags: &[u64]) {
        assert_eq!(lags.len(), self.lags.len(), "one lag per strategy");
        self.count += 1;
        self.utilisation_sum += utilisation;
        for ((_, sum), lag) in self.lags.iter_mut().zip(lags) {
            *sum = sum.saturating_add(*lag);
        }
    }

    /// Mean share of the ring in use; 0 without samples.
    #[must_use]
    pub fn utilisation_mean(&self) -> f64 {
        if self.count == 0 { 0.0 } else { self.utilisation_sum / float::from_u64(self.count) }
    }

    /// The verdict, given how long the publisher waited out of how long the run took.
    #[must_use]
    pub fn bottleneck(&self, stall_ns: u64, wall_ns: u64) -> Bottleneck {
        let lags: Vec<_> = self.lags.iter().map(|(name, lag)| (name.as_str(), *lag)).collect();
        bottleneck(&Load {
            utilisation_mean: self.utilisation_mean(),
            stall_share: float::ratio(stall_ns, wall_ns),
            lags: &lags,
        })
    }
}

/// How full the ring is, as a state for people.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub enum UtilisationState {
    /// Below [`UTILISATION_WARN`].
    #[default]
    Normal,
    /// From [`UTILISATION_WARN`] until below [`UTILISATION_WARN_END`].
    Warn,
    /// From [`UTILISATION_CRITICAL`] until below [`UTILISATION_CRITICAL_END`].
    Critical,
}

impl fmt::Display for UtilisationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Warn => "warn",
            Self::Critical => "critical",
        })
    }
}

/// Follows the share of the ring in use and tells of changes only.
///
/// A state begins at its threshold and ends a little below it, so that a ring that hovers at a
/// threshold gives one line, not one line per sample.
#[derive(Clone, Copy, Debug, Default)]
pub struct Utilisation {
    state: UtilisationState,
}

impl Utilisation {
    /// Starts at [`UtilisationState::Normal`].
    #[must_use]
    pub const fn new() -> Self {
        Self { state: UtilisationState::Normal }
    }

    /// Takes one reading (share of the ring in use, 0 to 1) and returns the new state if it changed.
    pub fn observe(&mut self, utilisation: f64) -> Option<UtilisationState> {
        let next = self.next(utilisation);
        let changed = next != self.state;
        self.state = next;
        changed.then_some(next)
    }

    /// The state after the last reading.
    #[must_use]
    pub const fn state(&self) -> UtilisationState {
        self.state
    }

    fn next(self, utilisation: f64) -> UtilisationState {
        let held = |state, from, until| {
            utilisation >= from || (self.state >= state && utilisation >= until)
        };
        if held(UtilisationState::Critical, UTILISATION_CRITICAL, UTILISATION_CRITICAL_END) {
            UtilisationState::Critical
        } else if held(UtilisationState::Warn, UTILISATION_WARN, UTILISATION_WARN_END) {
            UtilisationState::Warn
        } else {
            UtilisationState::Normal
        }
    }
}

/// Share of the ring in use at which [`UtilisationState::Warn`] begins.
pub const UTILISATION_WARN: f64 = 0.80;

/// Share below which it ends.
pub const UTILISATION_WARN_END: f64 = 0.75;

/// Share of the ring in use at which [`UtilisationState::Critical`] begins.
pub const UTILISATION_CRITICAL: f64 = 0.95;

/// Share below which it ends.
pub const UTILISATION_CRITICAL_END: f64 = 0.90;

/// Mean utilisation up to which the strategies are said to wait for the source.
pub const UTILISATION_SOURCE_MAX: f64 = 0.10;

/// Share of the wall time that the publisher may wait before a strategy is named.
pub const STALL_SHARE_MIN: f64 = 0.01;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(utilisation_mean: f64, stall_share: f64, expected: &str) {
        let lags = [("spread", 10), ("pressure", 90), ("bars", 90)];
        let verdict = bottleneck(&Load { utilisation_mean, stall_share, lags: &lags });
        assert_eq!(verdict.to_string(), expected);
    }

    #[test]
    fn a_nearly_empty_ring_waits_for_the_source() {
        check(0.0, 0.0, "source");
        check(0.10, 0.0, "source");
        check(0.1001, 0.0, "balanced");
    }

    #[test]
    fn a_nearly_full_ring_names_the_strategy_that_lags_most() {
        check(0.7999, 0.0, "balanced");
        check(0.80, 0.0, "strategy pressure");
        check(1.0, 0.0, "strategy pressure");
    }

    #[test]
    fn a_publisher_that_waited_names_the_strategy_even_if_the_ring_was_empty_on_average() {
        check(0.05, 0.0099, "source");
        check(0.05, 0.01, "strategy pressure");
    }

    #[test]
    fn without_strategies_nobody_gates() {
        let load = Load { utilisation_mean: 1.0, stall_share: 1.0, lags: &[] };
        assert_eq!(bottleneck(&load), Bottleneck::Source);
    }

    #[test]
    fn samples_are_averaged_and_lags_summed() {
        let mut samples = LoadSamples::new(["spread", "pressure"]);
        samples.add(0.7, &[5, 1]);
        samples.add(0.9, &[5, 100]);
        assert!((samples.utilisation_mean() - 0.8).abs() < 1e-9);
        assert_eq!(samples.bottleneck(1, 100).to_string(), "strategy pressure");
        assert_eq!(LoadSamples::new(["spread"]).bottleneck(0, 0), Bottleneck::Source);
    }

    #[test]
    #[should_panic(expected = "one lag per strategy")]
    fn a_sample_without_all_lags_is_refused() {
        LoadSamples::new(["spread"]).add(0.5, &[]);
    }

    #[track_caller]
    fn check_states(readings: &[(f64, Option<UtilisationState>)]) {
        let mut utilisation = Utilisation::new();
        for (index, (share, expected)) in readings.iter().enumerate() {
            assert_eq!(utilisation.observe(*share), *expected, "reading {index}");
        }
    }

    #[test]
    fn warn_begins_at_80_and_ends_below_75() {
        check_states(&[
            (0.7999, None),
            (0.80, Some(UtilisationState::Warn)),
            (0.79, None),
            (0.75, None),
            (0.7499, Some(UtilisationState::Normal)),
            (0.7999, None),
        ]);
    }

    #[test]
    fn critical_begins_at_95_and_ends_below_90() {
        check_states(&[
            (0.9499, Some(UtilisationState::Warn)),
            (0.95, Some(UtilisationState::Critical)),
            (0.90, None),
            (0.8999, Some(UtilisationState::Warn)),
            (0.9499, None),
        ]);
    }

    #[test]
    fn a_state_may_be_skipped_both_ways() {
        check_states(&[
            (1.0, Some(UtilisationState::Critical)),
            (0.0, Some(UtilisationState::Normal)),
        ]);
    }

    #[test]
    fn leaving_critical_keeps_the_warning_until_its_own_end() {
        check_states(&[
            (0.96, Some(UtilisationState::Critical)),
            (0.76, Some(UtilisationState::Warn)),
            (0.74, Some(UtilisationState::Normal)),
        ]);
    }

    #[test]
    fn whole_slots_meet_the_thresholds_exactly() {
        check_states(&[
            (float::ratio(8, 10), Some(UtilisationState::Warn)),
            (float::ratio(95, 100), Some(UtilisationState::Critical)),
        ]);
    }
}
