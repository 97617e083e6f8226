//! What a backtest found, and the way it leaves the worker's thread.

use std::sync::{Arc, Mutex, PoisonError};

use crate::curve::Curve;
use crate::returns::EquityFigures;
use crate::rule::Rule;
use crate::trade::{Trade, TradeTally};

/// What a backtest found.
#[derive(Clone, Debug, PartialEq)]
pub struct Tested {
    /// Name of the strategy.
    pub strategy: String,
    /// The rule its signals were taken by.
    pub rule: Rule,
    /// Length of a bar in ns, where there was one; of months that of the first.
    pub interval_ns: Option<u64>,
    /// When the first bar began and the last one ended, ns since the epoch.
    pub start_ns: u64,
    /// See [`Tested::start_ns`].
    pub end_ns: u64,
    /// Bars of all instruments.
    pub bars: u64,
    /// Figures over the equity.
    pub equity: EquityFigures,
    /// Figures over the trades that are over.
    pub trades: TradeTally,
    /// How often something was bought or sold.
    pub fills: u64,
    /// Fills that were made smaller, or left out, so that positions are not worth more than the
    /// equity.
    pub fills_cut: u64,
    /// Fees paid.
    pub fees: f64,
    /// What slippage cost.
    pub slippage: f64,
    /// Sum of what changed hands.
    pub turnover: f64,
    /// When the equity was gone.
    pub ruined_ns: Option<u64>,
    /// Trades of the venue that no bar has: they came too late, or without a time.
    pub trades_left_out: u64,
    /// Each instrument that had a bar, in order of its first.
    pub instruments: Vec<InstrumentResult>,
    /// The first [`crate::TRADES_LISTED_MAX`] trades in order of their end, and then those that are
    /// open.
    pub listed: Vec<Trade>,
    /// Trades that are over and not listed.
    pub unlisted: u64,
    /// The equity over time.
    pub equity_curve: Curve,
    /// How far it is below its peak over time, as a share of that.
    pub drawdown_curve: Curve,
}

/// What a backtest found in one instrument.
#[derive(Clone, Debug, PartialEq)]
pub struct InstrumentResult {
    /// The venue's spelling.
    pub symbol: String,
    /// Its position in the table of instruments, as trades name it.
    pub index: usize,
    /// Its bars.
    pub bars: u64,
    /// The last close over the first open, less 1: what holding it came to, without costs.
    pub price_return: f64,
    /// Its trades that are over.
    pub trades: TradeTally,
    /// What its open trade is worth.
    pub open_profit: f64,
    /// Fees paid.
    pub fees: f64,
    /// Its price: lows, highs and closes; of the first [`crate::PICTURED_MAX`] instruments alone.
    pub price_curve: Curve,
}

impl Tested {
    /// What changed hands as a multiple of the mean equity.
    #[must_use]
    pub fn turnover_share(&self) -> Option<f64> {
        self.equity.equity_mean.filter(|it| *it > 0.0).map(|mean| self.turnover / mean)
    }

    /// Share of the trades that won.
    #[must_use]
    pub fn win_rate(&self) -> Option<f64> {
        let TradeTally { count, won, .. } = self.trades;
        (count > 0).then(|| crate::float::from_u64(won) / crate::float::from_u64(count))
    }

    /// What was won over what was lost.
    #[must_use]
    pub fn profit_factor(&self) -> Option<f64> {
        let TradeTally { profit_gross, loss_gross, .. } = self.trades;
        (loss_gross > 0.0).then(|| profit_gross / loss_gross)
    }
}

/// A bar that ends a backtest: what comes after it would mean nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BadBar {
    /// Its instrument.
    pub symbol: String,
    /// When it starts, ns since the epoch.
    pub start_ns: i64,
    /// What is wrong with it, in words that follow its name.
    pub what: &'static str,
}

/// Where a [`crate::Backtest`] leaves what it found: at its end, once.
#[derive(Clone, Debug)]
pub struct Results(Arc<Mutex<Option<Result<Tested, BadBar>>>>);

/// The other side of [`Results`].
#[derive(Debug)]
pub struct Outbox(Arc<Mutex<Option<Result<Tested, BadBar>>>>);

/// A place for one result, and the end to take it from.
#[must_use]
pub fn outbox() -> (Results, Outbox) {
    let place = Arc::new(Mutex::new(None));
    (Results(Arc::clone(&place)), Outbox(place))
}

impl Results {
    pub(crate) fn leave(&self, tested: Result<Tested, BadBar>) {
        // Once, when no event is left to be late for.
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(tested);
    }
}

impl Outbox {
    /// What was found, or the bar that ended it; `None` when the strategy did not come to its end.
    #[must_use]
    pub fn take(&self) -> Option<Result<Tested, BadBar>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
