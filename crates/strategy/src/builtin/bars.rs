use tickring_event::{Instrument, InstrumentId, MarketEvent, Payload, Price, Trade};

use super::params::{Given, Param, ParamError};
use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};
use crate::table::Table;
use crate::toolkit::{Added, TimeBar, TimeBars};

/// Time bars from trades: open, high, low, close and volume of each interval that had any.
///
/// Intervals are those of the venue's time, counted from the epoch. A bar closes when a trade of a
/// later interval comes, or when the stream ends, and is then signalled as `bar_open`, `bar_high`,
/// `bar_low`, `bar_close` and `bar_volume`. A trade of an earlier interval than the open bar's is
/// counted as late and left out; one without a venue time as untimed.
///
/// Figures over all instruments: `bars`, `late`, `untimed`.
#[derive(Debug)]
pub struct Bars {
    config: BarsConfig,
    open: Table<Option<TimeBars>>,
    bars: u64,
    late: u64,
    untimed: u64,
}

/// How long a bar is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BarsConfig {
    /// Length of an interval in milliseconds; 0 counts as 1.
    pub interval_ms: u64,
}

impl Default for BarsConfig {
    /// One second.
    fn default() -> Self {
        Self { interval_ms: 1_000 }
    }
}

impl BarsConfig {
    pub(super) const PARAMS: &[Param] =
        &[Param { name: "interval_ms", default: "1000", doc: "length of a bar" }];

    pub(super) fn from_params(given: &Given<'_>) -> Result<Self, ParamError> {
        let default = Self::default();
        Ok(Self { interval_ms: given.whole("interval_ms")?.unwrap_or(default.interval_ms) })
    }
}

impl Bars {
    /// With an interval of your own.
    #[must_use]
    pub const fn new(config: BarsConfig) -> Self {
        Self { config, open: Table::new(), bars: 0, late: 0, untimed: 0 }
    }

    fn add(&mut self, trade: Trade, event: &MarketEvent, context: &mut Context<'_>) {
        let Some(open) = self.open.entry(event.instrument) else { return };
        let interval_ns = self.config.interval_ms.max(1).saturating_mul(NS_PER_MS);
        let open = open.get_or_insert(TimeBars::new(interval_ns));
        match open.add(trade, event.venue_time_ns) {
            Added::Taken => {}
            Added::Late => self.late += 1,
            Added::Untimed => self.untimed += 1,
            Added::Closed(closed) => {
                self.bars += 1;
                say(&closed, event.instrument, context);
            }
        }
    }
}

impl Default for Bars {
    fn default() -> Self {
        Self::new(BarsConfig::default())
    }
}

impl Strategy for Bars {
    fn name(&self) -> &str {
        "bars"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if let Payload::Trade(trade) = event.payload() {
            self.add(trade, event, context);
        }
        Ok(())
    }

    fn on_end(&mut self, context: &mut Context<'_>) {
        for (instrument, open) in self.open.iter_mut() {
            if let Some(closed) = open.as_mut().and_then(TimeBars::finish) {
                self.bars += 1;
                say(&closed, instrument, context);
            }
        }
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("bars", float::from_u64(self.bars));
        visit("late", float::from_u64(self.late));
        visit("untimed", float::from_u64(self.untimed));
    }
}

fn say(bar: &TimeBar, instrument: InstrumentId, context: &mut Context<'_>) {
    let Some(registered) = context.instruments().instrument(instrument) else { return };
    let price = |price: Price| price.to_f64(Instrument::price_scale(registered));
    context.signal(instrument, "bar_open", price(bar.open));
    context.signal(instrument, "bar_high", price(bar.high));
    context.signal(instrument, "bar_low", price(bar.low));
    context.signal(instrument, "bar_close", price(bar.close));
    let volume = float::from_i128(bar.volume) * registered.quantity_scale().unit();
    context.signal(instrument, "bar_volume", volume);
}

const NS_PER_MS: u64 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::{Bench, SECOND_NS};

    fn bar(instrument: usize, values: [f64; 5]) -> Vec<(usize, &'static str, f64)> {
        let names = ["bar_open", "bar_high", "bar_low", "bar_close", "bar_volume"];
        names.into_iter().zip(values).map(|(name, value)| (instrument, name, value)).collect()
    }

    #[test]
    fn a_bar_closes_with_the_first_trade_of_a_later_interval() {
        let mut bench = Bench::new(Bars::default());
        for (time_ns, price) in [(SECOND_NS, 10), (SECOND_NS + 1, 14), (2 * SECOND_NS - 1, 9)] {
            bench.at_ns(time_ns);
            bench.trade(0, price, 2);
        }
        bench.check_signals(&[]);
        bench.at_ns(5 * SECOND_NS);
        bench.trade(0, 20, 1);
        bench.check_signals(&bar(0, [10.0, 14.0, 9.0, 9.0, 6.0]));
        bench.check_figures(&[("bars", 1.0), ("late", 0.0)]);
    }

    #[test]
    fn the_end_of_the_stream_closes_every_open_bar() {
        let mut bench = Bench::new(Bars::default());
        bench.trade(0, 5, 1);
        bench.trade(1, 7, 3);
        bench.end();
        let both = [bar(0, [5.0, 5.0, 5.0, 5.0, 1.0]), bar(1, [7.0, 7.0, 7.0, 7.0, 3.0])].concat();
        bench.check_signals(&both);
        bench.check_figures(&[("bars", 2.0)]);
    }

    #[test]
    fn late_and_untimed_trades_are_counted_and_left_out() {
        let mut bench = Bench::new(Bars::new(BarsConfig { interval_ms: 500 }));
        bench.at_ns(SECOND_NS);
        bench.trade(0, 5, 1);
        bench.at_ns(SECOND_NS - 1);
        bench.trade(0, 50, 1);
        bench.at_ns(0);
        bench.trade(0, 60, 1);
        bench.end();
        bench.check_signals(&bar(0, [5.0, 5.0, 5.0, 5.0, 1.0]));
        bench.check_figures(&[("bars", 1.0), ("late", 1.0), ("untimed", 1.0)]);
    }
}
