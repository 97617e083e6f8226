//! A strategy tried on bars: what its signals would have come to under a stated rule.
//!
//! A [`Backtest`] is a strategy around another one. It runs on the same worker, takes the same events
//! and hands each of them on; what the inner strategy says as `target` becomes a position. Nothing is
//! sampled off the ring or read from a queue that may drop: the inner strategy's signals are taken
//! where they are given.
//!
//! Left out on purpose: depth of the book, partial fills, latency, borrow costs, funding, dividends
//! and splits. `docs/BACKTEST.md` has the rule and every formula.
//!
//! ```
//! use tickring_backtest::{Bars, Backtest, Costs, Fill, Rule, Shorts, Size, outbox};
//! use tickring_strategy::builtin::Null;
//!
//! let rule = Rule {
//!     cash: 10_000.0,
//!     size: Size::Equity(1.0),
//!     fill: Fill::NextOpen,
//!     costs: Costs { notional_bps: 1.0, ..Costs::default() },
//!     shorts: Shorts::Flat,
//!     bars_a_year: None,
//! };
//! let (results, taken) = outbox();
//! let strategy = Backtest::new(Box::new(Null::new()), &rule, Bars::AsTheyCome, results);
//! // … a worker runs `strategy`; at its end it leaves what it found:
//! drop(strategy);
//! assert!(taken.take().is_none(), "no worker ran it");
//! ```

mod backtest;
mod result;
mod rule;

mod curve;
mod portfolio;
mod returns;
mod trade;

mod float;

pub use backtest::{Backtest, Bars};
pub use curve::{Curve, POINTS_MAX, Point};
pub use portfolio::PICTURED_MAX;
pub use result::{BadBar, InstrumentResult, Outbox, Results, Tested, outbox};
pub use returns::{EquityFigures, YEAR_NS};
pub use rule::{Costs, Fill, Rule, Shorts, Size};
pub use trade::{TRADES_LISTED_MAX, Trade, TradeTally};
