use tickring_event::{Kind, MarketEvent};

use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};

/// Counts events by kind and does nothing else: what the engine costs without a strategy.
#[derive(Debug, Default)]
pub struct Null {
    /// In the order of [`Kind::ALL`].
    counts: [u64; Kind::ALL.len()],
}

impl Null {
    /// Nothing counted yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Strategy for Null {
    fn name(&self) -> &str {
        "null"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        _context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        self.counts[event.kind() as usize] += 1;
        Ok(())
    }

    /// Events by kind, under the kinds' own names.
    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        for (kind, count) in Kind::ALL.into_iter().zip(self.counts) {
            visit(kind.name(), float::from_u64(count));
        }
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::Status;

    use super::*;
    use crate::builtin::bench::Bench;

    #[test]
    fn events_are_counted_by_kind() {
        let mut bench = Bench::new(Null::new());
        bench.trade(0, 100, 1);
        bench.trade(0, 101, 1);
        bench.event(&MarketEvent::status(
            &bench.origin(0),
            Status { state: tickring_event::ConnectionState::Connected, attempt: 1, code: 0 },
        ));
        bench.check_figures(&[("trade", 2.0), ("status", 1.0), ("gap", 0.0)]);
        assert!(bench.signals().is_empty());
    }
}
