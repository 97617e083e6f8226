//! A strategy of one's own, with every command and flag of `tickring`: says which trades are large.
//!
//! `cargo run --release --example own_strategy -- demo --strategy large-trades --signals -`

use std::collections::HashMap;
use std::process::ExitCode;

use tickring_cli::Strategies;
use tickring_event::{InstrumentId, MarketEvent, Payload};
use tickring_strategy::{Context, Strategy, StrategyError};

/// A trade is large from this many times the mean.
const LARGE: f64 = 3.0;

/// Weight of the newest trade in the mean.
const WEIGHT: f64 = 0.01;

/// Signals the quantity of each trade of at least [`LARGE`] times the exponentially weighted mean
/// quantity of its instrument.
#[derive(Default)]
struct LargeTrades {
    means: HashMap<InstrumentId, f64>,
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
        let mean = self.means.entry(event.instrument).or_insert(quantity);
        if quantity >= LARGE * *mean {
            self.found += 1.0;
            context.signal(event.instrument, "large-trade", quantity);
        }
        *mean += WEIGHT * (quantity - *mean);
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("found", self.found);
    }
}

fn main() -> ExitCode {
    tickring_cli::main(&Strategies::builtin().with("large-trades", LargeTrades::default))
}
