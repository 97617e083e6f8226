use tickring_event::{Bar, MarketEvent, Payload};

use super::params::{Given, Param, ParamError};
use crate::context::Context;
use crate::float;
use crate::signal::TARGET;
use crate::strategy::{Strategy, StrategyError};
use crate::table::Table;
use crate::toolkit::{CompleteBars, RollingSum};

/// A cross of two moving averages of closes: long while the mean of the last
/// [`MaCrossConfig::fast`] closes is above that of the last [`MaCrossConfig::slow`], else flat, or
/// short where that is allowed and it is below.
///
/// Closes are those of `Bar` events, of complete bars alone: [`CompleteBars`] tells when a bar is
/// one. Windows count bars, not time: a bar that is missing is not made up. Means are compared as
/// exact sums of integers, so equal means are equal, and equal means are flat.
///
/// Signals [`TARGET`] when the decision changes, from the first complete bar that fills the slow
/// window; before that it is flat.
///
/// Figures over all instruments: `bars` (complete ones), `targets` (decisions that changed),
/// `instruments_warm` (with a full window), `late` and `other_interval` (bars that were left out).
#[derive(Debug, Default)]
pub struct MaCross {
    config: MaCrossConfig,
    states: Table<Option<State>>,
    bars: u64,
    targets: u64,
}

/// How long the two windows are, and whether below means short.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct MaCrossConfig {
    /// Bars of the fast mean.
    pub fast: usize,
    /// Bars of the slow mean.
    pub slow: usize,
    /// Whether it goes short while the fast mean is below the slow one.
    pub short: bool,
}

impl Default for MaCrossConfig {
    /// Ten and thirty bars, never short.
    fn default() -> Self {
        Self { fast: 10, slow: 30, short: false }
    }
}

/// Most bars of a window. With it, the sums that are compared fit 128 bits many times over.
pub const MA_CROSS_BARS_MAX: usize = 100_000;

#[derive(Debug)]
struct State {
    bars: CompleteBars,
    fast: RollingSum,
    slow: RollingSum,
    target: f64,
}

impl MaCross {
    /// With windows of your own.
    ///
    /// # Panics
    /// Unless `fast` is at least 1, `slow` above it and at most [`MA_CROSS_BARS_MAX`].
    #[must_use]
    pub fn new(config: MaCrossConfig) -> Self {
        assert!(config.fast >= 1, "the fast window needs a bar");
        assert!(config.fast < config.slow, "the fast window must be the shorter one");
        assert!(config.slow <= MA_CROSS_BARS_MAX, "a window of too many bars");
        Self { config, ..Self::default() }
    }
}

impl MaCrossConfig {
    pub(super) const PARAMS: &[Param] = &[
        Param { name: "fast", default: "10", doc: "bars of the fast mean" },
        Param { name: "slow", default: "30", doc: "bars of the slow mean, more than `fast`" },
        Param { name: "short", default: "false", doc: "go short while the fast mean is below" },
    ];

    pub(super) fn from_params(given: &Given<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        let bars_max = MA_CROSS_BARS_MAX;
        let config = Self {
            fast: given.count("fast", bars_max)?.unwrap_or(default.fast),
            slow: given.count("slow", bars_max)?.unwrap_or(default.slow),
            short: given.switch("short")?.unwrap_or(default.short),
        };
        let Self { fast, slow, .. } = config;
        if fast >= slow {
            return Err(
                given.conflict(format!("`fast` is {fast} and must be below `slow`, {slow}"))
            );
        }
        Ok(config)
    }
}

impl State {
    fn new(config: &MaCrossConfig) -> Self {
        Self {
            bars: CompleteBars::new(),
            fast: RollingSum::new(config.fast),
            slow: RollingSum::new(config.slow),
            target: 0.0,
        }
    }

    /// The decision after a complete bar.
    fn decide(&mut self, bar: &Bar, config: &MaCrossConfig) -> f64 {
        self.fast.push(bar.close.mantissa());
        self.slow.push(bar.close.mantissa());
        if !self.slow.is_full() {
            return 0.0;
        }
        // sum / bars > sum / bars, without the divisions.
        let fast = self.fast.sum() * length(config.slow);
        let slow = self.slow.sum() * length(config.fast);
        if fast > slow {
            1.0
        } else if fast < slow && config.short {
            -1.0
        } else {
            0.0
        }
    }
}

/// Bounded by [`MA_CROSS_BARS_MAX`].
fn length(bars: usize) -> i128 {
    i128::try_from(bars).unwrap_or(i128::MAX)
}

impl Strategy for MaCross {
    fn name(&self) -> &str {
        "ma-cross"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        let Payload::Bar(bar) = event.payload() else { return Ok(()) };
        let Some(state) = self.states.entry(event.instrument) else { return Ok(()) };
        let state = state.get_or_insert_with(|| State::new(&self.config));
        let before = state.target;
        for bar in state.bars.take(&bar, event.venue_time_ns).into_iter().flatten() {
            self.bars += 1;
            state.target = state.decide(&bar, &self.config);
        }
        #[expect(clippy::float_cmp, reason = "a decision is one of three constants")]
        if state.target != before {
            self.targets += 1;
            context.signal(event.instrument, TARGET, state.target);
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        let (mut warm, mut late, mut other_interval) = (0, 0, 0);
        for state in self.states.iter().flatten() {
            warm += u64::from(state.slow.is_full());
            late += state.bars.late();
            other_interval += state.bars.other_interval();
        }
        visit("bars", float::from_u64(self.bars));
        visit("targets", float::from_u64(self.targets));
        visit("instruments_warm", float::from_u64(warm));
        visit("late", float::from_u64(late));
        visit("other_interval", float::from_u64(other_interval));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::{Bench, SECOND_NS};

    fn bench(short: bool) -> Bench<MaCross> {
        Bench::new(MaCross::new(MaCrossConfig { fast: 2, slow: 4, short }))
    }

    /// Complete bars of one second with these closes, the first of which starts at `first` seconds.
    fn bars(bench: &mut Bench<MaCross>, first: u64, closes: &[i64]) {
        for (second, &close) in (first..).zip(closes) {
            bench.at_ns((second + 1) * SECOND_NS);
            bench.bar(0, second, close);
        }
    }

    #[test]
    fn nothing_is_decided_before_the_slow_window_is_full() {
        let mut bench = bench(false);
        bars(&mut bench, 1, &[10, 20, 30]);
        bench.check_signals(&[]);
        bars(&mut bench, 4, &[40]);
        bench.check_signals(&[(0, TARGET, 1.0)]);
        bench.check_figures(&[("bars", 4.0), ("targets", 1.0), ("instruments_warm", 1.0)]);
    }

    #[test]
    fn only_a_change_of_the_decision_is_said() {
        let mut bench = bench(false);
        bars(&mut bench, 1, &[10, 20, 30, 40, 50, 60]);
        bench.check_signals(&[(0, TARGET, 1.0)]);
        bars(&mut bench, 7, &[10, 9, 8, 7]);
        bench.check_signals(&[(0, TARGET, 0.0)]);
    }

    #[test]
    fn below_is_short_where_that_is_allowed() {
        let mut bench = bench(true);
        bars(&mut bench, 1, &[40, 30, 20, 10]);
        bench.check_signals(&[(0, TARGET, -1.0)]);
        bars(&mut bench, 5, &[50]);
        bench.check_signals(&[(0, TARGET, 1.0)]);
    }

    #[test]
    fn equal_means_are_flat_to_the_last_digit() {
        let mut bench = bench(true);
        bars(&mut bench, 1, &[3, 3, 3, 3, 4, 2, 3, 3]);
        // After 4: (3 + 4) / 2 > 13 / 4; after 2: 3 = 12 / 4.
        bench.check_signals(&[
            (0, TARGET, 1.0),
            (0, TARGET, 0.0),
            (0, TARGET, -1.0),
            (0, TARGET, 0.0),
        ]);
    }

    #[test]
    fn a_bar_that_forms_decides_nothing() {
        let mut bench = bench(false);
        bars(&mut bench, 1, &[10, 10, 10, 10]);
        bench.at_ns(5 * SECOND_NS + 1);
        bench.bar(0, 5, 90);
        bench.check_signals(&[]);
        bench.bar(0, 5, 10);
        bench.at_ns(6 * SECOND_NS);
        bench.bar(0, 6, 90);
        bench.check_signals(&[]);
        bench.check_figures(&[("bars", 5.0), ("targets", 0.0)]);
    }

    #[test]
    fn instruments_have_windows_of_their_own() {
        let mut bench = bench(false);
        bars(&mut bench, 1, &[10, 20, 30]);
        bench.at_ns(9 * SECOND_NS);
        bench.bar(1, 8, 90);
        bench.check_signals(&[]);
        bench.check_figures(&[("bars", 4.0), ("instruments_warm", 0.0)]);
    }

    #[test]
    fn other_events_and_other_instruments_are_nothing() {
        let mut bench = bench(false);
        bench.trade(0, 5, 1);
        bench.top(0, Some(1), Some(2));
        bench.bar(u32::MAX, 1, 5);
        bench.check_figures(&[("bars", 0.0)]);
    }

    #[test]
    #[should_panic(expected = "the fast window must be the shorter one")]
    fn equal_windows_are_refused() {
        drop(MaCross::new(MaCrossConfig { fast: 5, slow: 5, short: false }));
    }
}
