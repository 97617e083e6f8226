//! A strategy of one's own, with every command and flag of `tickring`: says which trades are large.
//!
//! `cargo run --release --example own_strategy -- demo --strategy large-trades --signals -`

use std::collections::HashMap;
use std::process::ExitCode;

use tickring_cli::Strategies;
use tickring_event::{InstrumentId, MarketEvent, Payload};
use tickring_strategy::toolkit::{EwStats, HalfLife};
use tickring_strategy::{Context, Strategy, StrategyError};

/// A trade is large from this many standard deviations above the mean.
const LARGE: f64 = 1.5;

/// Trades after which one has half its weight in both.
const HALF_LIFE: HalfLife = HalfLife::Observations(70.0);

/// Signals the quantity of each trade that is [`LARGE`] by the exponentially weighted mean and variance
/// of its instrument's trades before.
#[derive(Default)]
struct LargeTrades {
    quantities: HashMap<InstrumentId, EwStats>,
    found: f64,
}

impl Strategy for LargeTrades {
    fn name(&self) -> &str {
        "large-trades"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        let Payload::Trade(trade) = event.payload() else { return Ok(()) };
        let Some(instrument) = context.instruments().instrument(event.instrument) else {
            return Err(StrategyError::Fatal("a trade of an unknown instrument"));
        };
        let quantity = trade.quantity.to_f64(instrument.quantity_scale());
        let stats = self.quantities.entry(event.instrument);
        let stats = stats.or_insert_with(|| EwStats::new(HALF_LIFE));
        let limit = |(mean, variance): (f64, f64)| mean + LARGE * variance.sqrt();
        if stats.mean().zip(stats.variance()).map(limit).is_some_and(|limit| quantity > limit) {
            self.found += 1.0;
            context.signal(event.instrument, "large-trade", quantity);
        }
        stats.push(quantity, event.venue_time_ns);
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("found", self.found);
    }
}

pub(crate) fn main() -> ExitCode {
    tickring_cli::main(&Strategies::builtin().with("large-trades", LargeTrades::default))
}
