use tickring_book::{Book, Books};
use tickring_event::MarketEvent;

use super::params::{Given, Param, ParamError};
use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};
use crate::table::Table;
use crate::toolkit::SideVolumes;

/// Which side of the book is heavier near the top: bid volume over ask volume.
///
/// Read from a book of its own after every change, while the book is valid. Above
/// [`PressureConfig::buy_above`] buyers press, below [`PressureConfig::sell_below`] sellers do.
/// Without any ask volume the ratio is 0, which is no reading of either side: neutral. Signals
/// `buy`, `sell` or `neutral` with the ratio, when the state changes; it starts neutral.
///
/// Figures over all instruments: `readings`, and how often the state became `buy`, `sell` and
/// `neutral`.
#[derive(Debug, Default)]
pub struct Pressure {
    config: PressureConfig,
    books: Books,
    states: Table<State>,
    readings: u64,
    changes: Changes,
}

/// Where the thresholds lie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PressureConfig {
    /// Best levels of each side whose volume counts.
    pub levels: usize,
    /// A ratio above this is pressure to buy.
    pub buy_above: f64,
    /// A ratio below this is pressure to sell.
    pub sell_below: f64,
}

impl Default for PressureConfig {
    /// Five levels; more than twice is buy, less than half is sell.
    fn default() -> Self {
        Self { levels: 5, buy_above: 2.0, sell_below: 0.5 }
    }
}

impl PressureConfig {
    pub(super) const PARAMS: &[Param] = &[
        Param { name: "levels", default: "5", doc: "best levels of each side that count" },
        Param { name: "buy_above", default: "2", doc: "a ratio above this is pressure to buy" },
        Param { name: "sell_below", default: "0.5", doc: "a ratio below this is pressure to sell" },
    ];

    pub(super) fn from_params(given: &Given<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        let config = Self {
            levels: given.count("levels", LEVELS_MAX)?.unwrap_or(default.levels),
            buy_above: given.not_negative("buy_above")?.unwrap_or(default.buy_above),
            sell_below: given.not_negative("sell_below")?.unwrap_or(default.sell_below),
        };
        let Self { buy_above, sell_below, .. } = config;
        if sell_below > buy_above {
            let why = format!(
                "`sell_below` is {sell_below} and must not be above `buy_above`, {buy_above}"
            );
            return Err(given.conflict(why));
        }
        Ok(config)
    }
}

/// Most levels of a side that can be asked for.
const LEVELS_MAX: usize = 10_000;

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    #[default]
    Neutral,
    Buy,
    Sell,
}

/// How often each state was entered.
#[derive(Debug, Default)]
struct Changes {
    buy: u64,
    sell: u64,
    neutral: u64,
}

/// The two volumes as a ratio; `state` is what it means.
struct Reading {
    ratio: f64,
    state: State,
}

impl Pressure {
    /// With thresholds of your own.
    #[must_use]
    pub fn new(config: PressureConfig) -> Self {
        Self { config, ..Self::default() }
    }
}

impl PressureConfig {
    fn read(&self, book: &Book) -> Reading {
        let volumes = SideVolumes::of(book.bids(self.levels), book.asks(self.levels));
        let Some(ratio) = volumes.ratio() else {
            return Reading { ratio: 0.0, state: State::Neutral };
        };
        let state = if ratio > self.buy_above {
            State::Buy
        } else if ratio < self.sell_below {
            State::Sell
        } else {
            State::Neutral
        };
        Reading { ratio, state }
    }
}

impl Strategy for Pressure {
    fn name(&self) -> &str {
        "pressure"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if !self.books.apply(event).is_change() {
            return Ok(());
        }
        let Some(book) = self.books.book(event.instrument) else { return Ok(()) };
        let Some(state) = self.states.entry(event.instrument) else { return Ok(()) };
        let reading = self.config.read(book);
        self.readings += 1;
        if reading.state != *state {
            *state = reading.state;
            context.signal(event.instrument, self.changes.count(reading.state), reading.ratio);
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("readings", float::from_u64(self.readings));
        visit("buy", float::from_u64(self.changes.buy));
        visit("sell", float::from_u64(self.changes.sell));
        visit("neutral", float::from_u64(self.changes.neutral));
    }
}

impl Changes {
    /// Counts a change to `state` and gives its name.
    fn count(&mut self, state: State) -> &'static str {
        let (count, name) = match state {
            State::Buy => (&mut self.buy, "buy"),
            State::Sell => (&mut self.sell, "sell"),
            State::Neutral => (&mut self.neutral, "neutral"),
        };
        *count += 1;
        name
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::{Flags, Gap, GapReason};

    use super::*;
    use crate::builtin::bench::Bench;

    const SNAPSHOT: Flags = Flags::WHOLE.with(Flags::SNAPSHOT);

    #[test]
    fn a_change_of_state_is_said_once() {
        let mut bench = Bench::new(Pressure::default());
        bench.depth(0, SNAPSHOT, &[(99, 4)], &[(101, 2)]);
        bench.check_signals(&[]);
        bench.depth(0, Flags::WHOLE, &[(98, 1)], &[]);
        bench.check_signals(&[(0, "buy", 2.5)]);
        bench.depth(0, Flags::WHOLE, &[(98, 5)], &[]);
        bench.check_signals(&[]);
        bench.depth(0, Flags::WHOLE, &[(98, 0)], &[(102, 7)]);
        bench.check_signals(&[(0, "sell", 4.0 / 9.0)]);
        bench.depth(0, Flags::WHOLE, &[], &[(102, 6)]);
        bench.check_signals(&[(0, "neutral", 0.5)]);
        bench.check_figures(&[("readings", 5.0), ("buy", 1.0), ("sell", 1.0), ("neutral", 1.0)]);
    }

    #[test]
    fn only_the_five_best_levels_count() {
        let mut bench = Bench::new(Pressure::default());
        let first = Flags::FIRST.with(Flags::SNAPSHOT);
        bench.depth(0, first, &[(99, 1), (98, 1), (97, 1), (96, 1), (95, 1)], &[]);
        let last = Flags::LAST.with(Flags::SNAPSHOT);
        bench.depth(0, last, &[(94, 1_000)], &[(101, 2)]);
        bench.check_signals(&[(0, "buy", 2.5)]);
    }

    #[test]
    fn without_ask_volume_the_ratio_is_zero_and_neutral() {
        let mut bench = Bench::new(Pressure::default());
        bench.depth(0, SNAPSHOT, &[(99, 9)], &[(101, 1)]);
        bench.check_signals(&[(0, "buy", 9.0)]);
        bench.depth(0, Flags::WHOLE, &[], &[(101, 0)]);
        bench.check_signals(&[(0, "neutral", 0.0)]);
    }

    #[test]
    fn an_invalid_book_says_nothing() {
        let mut bench = Bench::new(Pressure::default());
        bench.depth(0, Flags::WHOLE, &[(99, 9)], &[(101, 1)]);
        bench.depth(0, SNAPSHOT, &[(99, 1)], &[(101, 1)]);
        let reason = GapReason::Disconnected;
        bench.gap(0, Gap { reason, expected: 0, received: 0, missing: 0, breaks_book: true });
        bench.depth(0, Flags::WHOLE, &[(99, 9)], &[]);
        bench.check_signals(&[]);
        bench.check_figures(&[("readings", 1.0)]);
    }
}
