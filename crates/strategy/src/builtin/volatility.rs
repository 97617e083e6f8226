use tickring_event::{MarketEvent, Payload};

use super::params::{Given, Param, ParamError};
use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};
use crate::table::Table;
use crate::toolkit::{BestPrices, EwVolatility, HalfLife};

/// Exponentially weighted realised volatility of the mid or last price.
///
/// An observation is a change of price; its return is `r = ln(price / price before)`. How returns
/// become a volatility is said at [`EwVolatility`]: a standard deviation of the log price, as a
/// fraction, per observation or per square root of a second.
///
/// An instrument is warm when it was seen for [`WARM_UP_HALF_LIVES`] half-lives, so that three
/// quarters of the weight stand on data. Before that nothing is signalled; then `volatility` is,
/// whenever it changed by more than [`VolatilityConfig::change_min`].
///
/// Figures: `observations`, `instruments` (with a price), `instruments_warm`, `warm` (1 when all
/// of them are), `volatility_mean` (over the warm ones), `untimed` (events without the venue time
/// that a half-life in seconds needs) and `unusable` (prices that are not positive).
#[derive(Debug)]
pub struct Volatility {
    config: VolatilityConfig,
    states: Table<State>,
    counts: Counts,
}

/// How volatility is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VolatilityConfig {
    /// How fast the past is forgotten.
    pub half_life: HalfLife,
    /// Whose changes are measured.
    pub source: PriceSource,
    /// Least relative change since the last signal that is signalled.
    pub change_min: f64,
}

/// Whose changes are measured.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PriceSource {
    /// The mid price of an instrument that has one; until one is seen, the last price.
    #[default]
    Auto,
    /// The mean of best bid and best ask, from top of book.
    Mid,
    /// The price of the last trade, from trades and from top of book.
    Last,
}

impl Default for VolatilityConfig {
    /// Half-life of 250 observations, mid or last price, signalled at changes of one percent.
    fn default() -> Self {
        Self {
            half_life: HalfLife::Observations(250.0),
            source: PriceSource::default(),
            change_min: 0.01,
        }
    }
}

impl VolatilityConfig {
    pub(super) const PARAMS: &[Param] = &[
        Param { name: "half_life", default: "250", doc: "how fast the past is forgotten" },
        Param {
            name: "half_life_unit",
            default: "observations",
            doc: "what the half-life is counted in: observations or seconds",
        },
        Param { name: "source", default: "auto", doc: "whose changes: auto, mid or last price" },
        Param { name: "change_min", default: "0.01", doc: "least relative change that is said" },
    ];

    pub(super) fn from_params(given: &Given<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        let (HalfLife::Observations(length) | HalfLife::Seconds(length)) = default.half_life;
        let length = given.positive("half_life")?.unwrap_or(length);
        let observations = HalfLife::Observations(length);
        let units = [("observations", observations), ("seconds", HalfLife::Seconds(length))];
        let sources =
            [("auto", PriceSource::Auto), ("mid", PriceSource::Mid), ("last", PriceSource::Last)];
        Ok(Self {
            half_life: given.word("half_life_unit", &units)?.unwrap_or(observations),
            source: given.word("source", &sources)?.unwrap_or(default.source),
            change_min: given.not_negative("change_min")?.unwrap_or(default.change_min),
        })
    }
}

/// Half-lives after which an instrument is warm.
pub const WARM_UP_HALF_LIVES: f64 = 2.0;

#[derive(Clone, Copy, Debug, Default)]
struct State {
    has_mid: bool,
    /// Twice the last price that was seen, as an integer: a mid price need not be halved.
    before: Option<i128>,
    /// `None` before the first price.
    weighted: Option<EwVolatility>,
    /// What was signalled last; 0 before the first.
    said: f64,
}

#[derive(Debug, Default)]
struct Counts {
    observations: u64,
    untimed: u64,
    unusable: u64,
}

impl Volatility {
    /// With settings of your own.
    ///
    /// # Panics
    /// When the half-life is not a positive number.
    #[must_use]
    pub fn new(config: VolatilityConfig) -> Self {
        let (HalfLife::Observations(length) | HalfLife::Seconds(length)) = config.half_life;
        assert!(length.is_finite() && length > 0.0, "a half-life must be positive");
        Self { config, states: Table::new(), counts: Counts::default() }
    }

    /// The volatility of the event's instrument after this event, if the event changed it and the
    /// change is worth a signal.
    fn observe(&mut self, event: &MarketEvent) -> Option<f64> {
        let state = self.states.entry(event.instrument)?;
        let price = state.price(self.config.source, &event.payload())?;
        if price <= 0 {
            self.counts.unusable += 1;
            return None;
        }
        if matches!(self.config.half_life, HalfLife::Seconds(_)) && event.venue_time_ns == 0 {
            self.counts.untimed += 1;
            return None;
        }
        let half_life = self.config.half_life;
        let weighted = state.weighted.get_or_insert_with(|| EwVolatility::new(half_life));
        let Some(before) = state.before.replace(price) else {
            weighted.start(event.venue_time_ns);
            return None;
        };
        if price == before {
            return None;
        }
        self.counts.observations += 1;
        let log_return = (float::from_i128(price) / float::from_i128(before)).ln();
        weighted.push(log_return, event.venue_time_ns);
        let volatility = state.volatility()?;
        if (volatility - state.said).abs() <= self.config.change_min * state.said {
            return None;
        }
        state.said = volatility;
        Some(volatility)
    }
}

impl Default for Volatility {
    fn default() -> Self {
        Self::new(VolatilityConfig::default())
    }
}

impl State {
    /// Twice the price that this event tells, of the kind that is asked for.
    fn price(&mut self, source: PriceSource, payload: &Payload) -> Option<i128> {
        let (mid, last) = match payload {
            Payload::TopOfBook(top) => (BestPrices::of_top(top), top.last_price),
            Payload::Trade(trade) => (None, Some(trade.price)),
            Payload::Levels(_) | Payload::Bar(_) | Payload::Gap(_) | Payload::Status(_) => {
                return None;
            }
        };
        let mid = mid.map(BestPrices::twice_mid);
        let last = last.map(|price| 2 * i128::from(price.mantissa()));
        match source {
            PriceSource::Mid => mid,
            PriceSource::Last => last,
            PriceSource::Auto if mid.is_some() => {
                if !self.has_mid {
                    self.has_mid = true;
                    // From a last price to a mid price is no return.
                    self.before = None;
                }
                mid
            }
            PriceSource::Auto if self.has_mid => None,
            PriceSource::Auto => last,
        }
    }

    /// `None` until it is warm.
    fn volatility(&self) -> Option<f64> {
        let is_warm = |it: &EwVolatility| it.age_half_lives() >= WARM_UP_HALF_LIVES;
        self.weighted.filter(is_warm).and_then(|it| it.volatility())
    }
}

impl Strategy for Volatility {
    fn name(&self) -> &str {
        "volatility"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if let Some(volatility) = self.observe(event) {
            context.signal(event.instrument, "volatility", volatility);
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        let (mut instruments, mut warm, mut sum) = (0_u64, 0_u64, 0.0);
        for state in self.states.iter().filter(|state| state.before.is_some()) {
            instruments += 1;
            if let Some(volatility) = state.volatility() {
                warm += 1;
                sum += volatility;
            }
        }
        visit("observations", float::from_u64(self.counts.observations));
        visit("instruments", float::from_u64(instruments));
        visit("instruments_warm", float::from_u64(warm));
        visit("warm", f64::from(u8::from(warm > 0 && warm == instruments)));
        if warm > 0 {
            visit("volatility_mean", sum / float::from_u64(warm));
        }
        visit("untimed", float::from_u64(self.counts.untimed));
        visit("unusable", float::from_u64(self.counts.unusable));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::{Bench, SECOND_NS};

    fn config(half_life: HalfLife) -> VolatilityConfig {
        VolatilityConfig { half_life, change_min: 0.0, ..VolatilityConfig::default() }
    }

    /// Prices that go up and down by one percent: every squared return is the same.
    fn zigzag(bench: &mut Bench<Volatility>, count: u64, interval_ns: u64) {
        for index in 0..count {
            bench.at_ns(SECOND_NS + index * interval_ns);
            let price = if index % 2 == 0 { 10_000 } else { 10_100 };
            bench.top(0, Some(price), Some(price));
        }
    }

    #[test]
    fn nothing_is_said_before_it_is_warm() {
        let mut bench = Bench::new(Volatility::new(config(HalfLife::Observations(10.0))));
        zigzag(&mut bench, 20, 1);
        bench.check_signals(&[]);
        bench.check_figures(&[("observations", 19.0), ("warm", 0.0), ("instruments", 1.0)]);
        bench.top(0, Some(10_000), Some(10_000));
        bench.check_signals(&[(0, "volatility", 1.01_f64.ln())]);
        bench.check_figures(&[("warm", 1.0), ("instruments_warm", 1.0)]);
    }

    #[test]
    fn equal_returns_have_their_own_size_as_volatility_from_the_start() {
        let mut bench = Bench::new(Volatility::new(config(HalfLife::Observations(10.0))));
        zigzag(&mut bench, 500, 1);
        bench.check_figures(&[("volatility_mean", 1.01_f64.ln())]);
    }

    #[test]
    fn in_seconds_volatility_grows_with_the_root_of_the_rate() {
        for (per_second, count) in [(1, 200), (100, 20_000)] {
            let mut bench = Bench::new(Volatility::new(config(HalfLife::Seconds(20.0))));
            zigzag(&mut bench, count, SECOND_NS / per_second);
            let mut found = 0.0;
            bench.strategy.figures(&mut |name, value| {
                if name == "volatility_mean" {
                    found = value;
                }
            });
            let expected = 1.01_f64.ln() * float::from_u64(per_second).sqrt();
            assert!((found / expected - 1.0).abs() < 0.02, "{found} is far from {expected}");
        }
    }

    #[test]
    fn an_unchanged_price_is_no_observation() {
        let mut bench = Bench::new(Volatility::default());
        (0..5).for_each(|_| bench.top(0, Some(100), Some(102)));
        bench.check_figures(&[("observations", 0.0), ("instruments", 1.0)]);
    }

    #[test]
    fn the_step_from_last_to_mid_price_is_no_return() {
        let mut bench = Bench::new(Volatility::default());
        bench.trade(0, 100, 1);
        bench.trade(0, 101, 1);
        bench.top(0, Some(200), Some(202));
        bench.trade(0, 500, 1);
        bench.top(0, Some(202), Some(204));
        bench.check_figures(&[("observations", 2.0)]);
    }

    #[test]
    fn what_cannot_be_measured_is_counted() {
        let mut bench = Bench::new(Volatility::new(config(HalfLife::Seconds(1.0))));
        bench.trade(0, -5, 1);
        bench.at_ns(0);
        bench.trade(0, 5, 1);
        bench.check_figures(&[("unusable", 1.0), ("untimed", 1.0), ("instruments", 0.0)]);
    }

    #[test]
    #[should_panic(expected = "a half-life must be positive")]
    fn a_half_life_of_nothing_is_refused() {
        drop(Volatility::new(config(HalfLife::Seconds(0.0))));
    }
}
