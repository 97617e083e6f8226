//! What a backtest came to: as text, as JSON, as a page.

mod axis;
pub(crate) mod fetched;
pub(crate) mod input;
pub(crate) mod json;
pub(crate) mod page;
mod pictures;
pub(crate) mod rule;
pub(crate) mod text;

use tickring_backtest::Tested;

/// A backtest that is over.
pub(crate) struct Done {
    /// Where its bars came from, in words.
    pub(crate) source: String,
    /// The hash of what the strategies were given.
    pub(crate) run_hash: String,
    /// Events that were published.
    pub(crate) events: u64,
    pub(crate) wall_ns: u64,
    /// Most memory that the process held; `None` where the system does not tell.
    pub(crate) memory_bytes_max: Option<u64>,
    /// By strategy.
    pub(crate) strategies: Vec<StrategyDone>,
}

/// What one strategy came to.
pub(crate) struct StrategyDone {
    /// Its parameters that were set.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) tested: Tested,
}

impl Done {
    /// What a reader should know before believing any of it.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for StrategyDone { tested, .. } in &self.strategies {
            let name = &tested.strategy;
            if tested.fills == 0 {
                warnings.push(format!("{name} gave no `target` that led to a position"));
            }
            if tested.fills_cut > 0 {
                let times = tested.fills_cut;
                warnings.push(format!(
                    "{name}: {times} fills were made smaller: positions are worth no more than the \
                     equity"
                ));
            }
            if tested.trades_left_out > 0 {
                let count = tested.trades_left_out;
                warnings.push(format!(
                    "{count} recorded trades are in no bar: they came late or without a time"
                ));
            }
            if tested.ruined_ns.is_some() {
                warnings.push(format!("{name} lost all its money"));
            }
            if tested.rule.fill == tickring_backtest::Fill::Close {
                warnings.push(format!(
                    "{name} is filled at closes that it has seen: nobody could have traded so"
                ));
            }
        }
        warnings
    }
}

/// What this does not know of. A result is an upper bound in most of these.
pub(crate) const NOT_MODELLED: [&str; 9] = [
    "depth of the order book and your own effect on prices (slippage is a flat rate)",
    "partial fills and orders that are refused",
    "latency: a signal is filled at the very next open",
    "limit and stop orders, and what happens within a bar",
    "lot sizes, ticks and least order sizes (any quantity can be held)",
    "borrow costs of short positions, margin calls, interest on cash, leverage",
    "dividends, splits, funding and expiry of contracts: prices are taken as they are",
    "several currencies: all prices are in one",
    "instruments that are no longer listed, unless they are in the bars",
];
