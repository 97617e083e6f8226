//! What a strategy's word becomes: how much, at which price, at what cost.

/// The position rule of a backtest. `docs/BACKTEST.md` says it in full.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule {
    /// Money at the start.
    pub cash: f64,
    /// How large a full position is.
    pub size: Size,
    /// At which price a wish is filled.
    pub fill: Fill,
    /// What a fill costs.
    pub costs: Costs,
    /// Whether a target below zero is a short position; otherwise it is none.
    pub shorts: Shorts,
    /// Bars a year, by which figures are annualised; `None` takes it from the bars themselves.
    pub bars_a_year: Option<f64>,
}

/// How large the position of a target of 1.0 is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Size {
    /// This share of the equity at the fill, costs of the entry included.
    Equity(f64),
    /// So much money.
    Notional(f64),
    /// So many units.
    Quantity(f64),
}

/// At which price a wish is filled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fill {
    /// The next bar's open: what could have been traded by whoever saw this bar whole.
    NextOpen,
    /// This bar's close, which the strategy has seen already: an upper bound, not a forecast.
    Close,
}

/// Whether there are short positions.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Shorts {
    /// A target below zero is flat.
    Flat,
    /// A target below zero is a short position.
    Allowed,
}

/// What a fill costs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Costs {
    /// Fees, in basis points of what changes hands.
    pub notional_bps: f64,
    /// Fee of each fill, in money.
    pub per_fill: f64,
    /// How much worse than the bar's price a fill is, in basis points of the price.
    pub slippage_bps: f64,
}

impl Costs {
    /// The price of a fill: above the bar's for a buyer, below it for a seller.
    pub(crate) fn slipped(&self, price: f64, direction: f64) -> f64 {
        price * (1.0 + direction * self.slippage_bps / BPS)
    }

    /// The fees of a fill.
    pub(crate) fn fees(&self, notional: f64) -> f64 {
        notional * self.notional_bps / BPS + self.per_fill
    }

    /// What a unit of money's worth costs with its fees, without those of the fill.
    pub(crate) fn rate(&self) -> f64 {
        1.0 + self.notional_bps / BPS
    }
}

impl Rule {
    /// A target as this rule takes it: within -1 and 1, not below 0 without shorts.
    pub(crate) fn target(&self, value: f64) -> f64 {
        let lowest = match self.shorts {
            Shorts::Flat => 0.0,
            Shorts::Allowed => -1.0,
        };
        if value.is_nan() { 0.0 } else { value.clamp(lowest, 1.0) }
    }
}

/// The whole of a price in basis points.
const BPS: f64 = 10_000.0;
