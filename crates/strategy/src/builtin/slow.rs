//! Does needless work on every event, to see what back-pressure looks like.

use std::hint::black_box;

use tickring_event::MarketEvent;

use crate::context::Context;
use crate::strategy::{Strategy, StrategyError};

/// Rounds of needless work per event: a few microseconds on a processor of 2020.
pub const SLOW_ROUNDS: u32 = 4_000;

/// A strategy slower than most feeds, for trying out a ring, a policy or a monitor.
///
/// Works by counted rounds instead of a clock, so it costs the same in a replay and in a test.
#[derive(Clone, Debug, Default)]
pub struct Slow {
    state: u64,
}

impl Slow {
    /// A strategy that has done nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { state: 0 }
    }
}

impl Strategy for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        _context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        self.state ^= event.sequence | 1;
        for _ in 0..SLOW_ROUNDS {
            // Marsaglia's xorshift64 (2003): each round needs the one before.
            let mut state = black_box(self.state);
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            self.state = state;
        }
        Ok(())
    }
}
