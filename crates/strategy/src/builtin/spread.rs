use tickring_book::Books;
use tickring_event::{InstrumentId, Kind, MarketEvent, Payload};

use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};
use crate::table::Table;
use crate::toolkit::{BestLevels, BestPrices, Summary};

/// Best bid, best ask and the difference between them.
///
/// They come from the venue's top of book; for an instrument whose venue sends none with both
/// sides, from a book of its own. Signals `bid`, `ask` and `spread`, each when it changes. While a
/// side is absent, or the book is invalid, there is no spread and nothing is said.
///
/// Figures over all instruments: `updates` (times both sides were known), `spread_mean`,
/// `spread_min` and `spread_max`, in units of price.
#[derive(Debug, Default)]
pub struct Spread {
    books: Books,
    states: Table<State>,
    spreads: Summary,
}

/// What is known of one instrument.
#[derive(Debug, Default)]
struct State {
    /// Its venue sends top of book with both sides, so its depth is not looked at.
    has_top: bool,
    /// What was signalled last.
    said: Option<BestPrices>,
}

impl Spread {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The best prices of the event's instrument, if this event can have changed them. The outer
    /// `None` means it cannot, the inner that a side is absent.
    fn best(&mut self, event: &MarketEvent) -> Option<Option<BestPrices>> {
        match event.payload() {
            Payload::TopOfBook(top) => {
                let best = BestPrices::of_top(&top);
                let state = self.states.entry(event.instrument)?;
                state.has_top |= best.is_some();
                // A venue that only ever sends last prices leaves the spread to the book.
                state.has_top.then_some(best)
            }
            Payload::Levels(_) if self.states.entry(event.instrument)?.has_top => None,
            Payload::Levels(_) => {
                if !self.books.apply(event).is_change() {
                    return None;
                }
                let book = self.books.book(event.instrument)?;
                Some(BestLevels::of_book(book).map(BestLevels::prices))
            }
            Payload::Gap(_) => {
                self.books.apply(event);
                None
            }
            Payload::Trade(_) | Payload::Bar(_) | Payload::Status(_) => None,
        }
    }

    fn say(
        &mut self,
        instrument: InstrumentId,
        now: Option<BestPrices>,
        context: &mut Context<'_>,
    ) {
        let Some(state) = self.states.entry(instrument) else { return };
        let before = std::mem::replace(&mut state.said, now);
        let Some(now) = now else { return };
        let Some(registered) = context.instruments().instrument(instrument) else { return };
        let scale = registered.price_scale();
        let (bid, ask) = (now.bid.to_f64(scale), now.ask.to_f64(scale));
        let spread = now.spread().to_f64(scale);
        self.spreads.push(spread);
        if before.is_none_or(|before| before.bid != now.bid) {
            context.signal(instrument, "bid", bid);
        }
        if before.is_none_or(|before| before.ask != now.ask) {
            context.signal(instrument, "ask", ask);
        }
        if before.is_none_or(|before| before.spread() != now.spread()) {
            context.signal(instrument, "spread", spread);
        }
    }
}

impl Strategy for Spread {
    fn name(&self) -> &str {
        "spread"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if matches!(event.kind(), Kind::TopOfBook | Kind::Levels | Kind::Gap)
            && let Some(now) = self.best(event)
        {
            self.say(event.instrument, now, context);
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("updates", float::from_u64(self.spreads.count()));
        if let Some(mean) = self.spreads.mean() {
            visit("spread_mean", mean);
        }
        if let Some((min, max)) = self.spreads.min().zip(self.spreads.max()) {
            visit("spread_min", min);
            visit("spread_max", max);
        }
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::{Flags, Gap, GapReason};

    use super::*;
    use crate::builtin::bench::Bench;

    const SNAPSHOT: Flags = Flags::WHOLE.with(Flags::SNAPSHOT);

    #[test]
    fn only_what_changes_is_said() {
        let mut bench = Bench::new(Spread::new());
        bench.top(0, Some(100), Some(103));
        bench.check_signals(&[(0, "bid", 100.0), (0, "ask", 103.0), (0, "spread", 3.0)]);
        bench.top(0, Some(100), Some(103));
        bench.check_signals(&[]);
        bench.top(0, Some(101), Some(103));
        bench.check_signals(&[(0, "bid", 101.0), (0, "spread", 2.0)]);
        bench.top(0, Some(102), Some(104));
        bench.check_signals(&[(0, "bid", 102.0), (0, "ask", 104.0)]);
        bench.check_figures(&[
            ("updates", 4.0),
            ("spread_mean", 2.5),
            ("spread_min", 2.0),
            ("spread_max", 3.0),
        ]);
    }

    #[test]
    fn an_absent_side_gives_no_figure_and_starts_over() {
        let mut bench = Bench::new(Spread::new());
        bench.top(0, Some(100), None);
        bench.top(1, Some(100), Some(101));
        bench.top(1, None, Some(101));
        bench.signals();
        bench.check_figures(&[("updates", 1.0), ("spread_mean", 1.0)]);
        bench.top(1, Some(100), Some(101));
        bench.check_signals(&[(1, "bid", 100.0), (1, "ask", 101.0), (1, "spread", 1.0)]);
    }

    #[test]
    fn where_only_depth_comes_the_book_tells() {
        let mut bench = Bench::new(Spread::new());
        bench.top(0, None, None);
        bench.depth(0, SNAPSHOT, &[(99, 1), (98, 1)], &[(101, 1)]);
        bench.check_signals(&[(0, "bid", 99.0), (0, "ask", 101.0), (0, "spread", 2.0)]);
        bench.depth(0, Flags::WHOLE, &[(99, 0)], &[]);
        bench.check_signals(&[(0, "bid", 98.0), (0, "spread", 3.0)]);
        let reason = GapReason::Sequence;
        bench.gap(0, Gap { reason, expected: 1, received: 2, missing: 1, breaks_book: true });
        bench.depth(0, Flags::WHOLE, &[(100, 1)], &[]);
        bench.check_signals(&[]);
    }

    #[test]
    fn the_venues_own_top_of_book_goes_before_depth() {
        let mut bench = Bench::new(Spread::new());
        bench.top(0, Some(100), Some(101));
        bench.signals();
        bench.depth(0, SNAPSHOT, &[(50, 1)], &[(60, 1)]);
        bench.check_signals(&[]);
        bench.check_figures(&[("updates", 1.0)]);
    }
}
