//! Round trips: from flat to flat, and what they came to.

use tickring_event::InstrumentId;

/// Most trades that are kept one by one; all of them count in the figures.
pub const TRADES_LISTED_MAX: usize = 10_000;

/// One round trip in one instrument, from flat to flat.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trade {
    /// What was traded.
    pub instrument: InstrumentId,
    /// 1.0 for a long trade, -1.0 for a short one.
    pub direction: f64,
    /// When it was entered, ns since the epoch.
    pub entry_time_ns: u64,
    /// When it was flat again; `None` while it is open, whose price is the last close.
    pub exit_time_ns: Option<u64>,
    /// How much was entered, over all fills.
    pub quantity: f64,
    /// Mean price of the entries, slippage included.
    pub entry_price: f64,
    /// Mean price of the exits, slippage included.
    pub exit_price: f64,
    /// What was won, fees and slippage taken off.
    pub profit: f64,
    /// Fees of all its fills.
    pub fees: f64,
    /// Bars of its instrument that closed while it was open.
    pub bars: u64,
}

impl Trade {
    /// What was won as a share of what was entered.
    #[must_use]
    pub fn profit_share(&self) -> f64 {
        self.profit / (self.quantity * self.entry_price)
    }
}

/// A round trip that is not over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OpenTrade {
    direction: f64,
    entry_time_ns: u64,
    entered: Sum,
    left: Sum,
    fees: f64,
    pub(crate) bars: u64,
}

/// How much for how much money.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    quantity: f64,
    value: f64,
}

impl OpenTrade {
    pub(crate) fn new(direction: f64, entry_time_ns: u64) -> Self {
        let (entered, left) = (Sum::default(), Sum::default());
        Self { direction, entry_time_ns, entered, left, fees: 0.0, bars: 0 }
    }

    /// A fill of `delta` units, below zero where they were sold.
    pub(crate) fn add(&mut self, delta: f64, price: f64, fees: f64) {
        let sum = if delta * self.direction > 0.0 { &mut self.entered } else { &mut self.left };
        sum.quantity += delta.abs();
        sum.value += delta.abs() * price;
        self.fees += fees;
    }

    /// The trade as it stands when it ends at `exit_time_ns`, or while it is open with what is left
    /// of it worth `price`.
    pub(crate) fn ended(
        &self,
        instrument: InstrumentId,
        exit_time_ns: Option<u64>,
        price: f64,
    ) -> Trade {
        let Self { direction, entry_time_ns, entered, left, fees, bars } = *self;
        let open = entered.quantity - left.quantity;
        let still = if exit_time_ns.is_some() { 0.0 } else { open * price };
        let exit_quantity = if exit_time_ns.is_some() { left.quantity } else { entered.quantity };
        Trade {
            instrument,
            direction,
            entry_time_ns,
            exit_time_ns,
            quantity: entered.quantity,
            entry_price: entered.value / entered.quantity,
            exit_price: (left.value + still) / exit_quantity,
            profit: direction * (left.value + still - entered.value) - fees,
            fees,
            bars,
        }
    }
}

/// Figures over trades that are over.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TradeTally {
    /// How many.
    pub count: u64,
    /// Those with a profit above zero.
    pub won: u64,
    /// Sum of the profits above zero.
    pub profit_gross: f64,
    /// Sum of the others, as a number not below zero.
    pub loss_gross: f64,
    /// Sum of their bars.
    pub bars: u64,
}

impl TradeTally {
    pub(crate) fn add(&mut self, trade: &Trade) {
        self.count += 1;
        self.bars += trade.bars;
        if trade.profit > 0.0 {
            self.won += 1;
            self.profit_gross += trade.profit;
        } else {
            self.loss_gross -= trade.profit;
        }
    }
}
