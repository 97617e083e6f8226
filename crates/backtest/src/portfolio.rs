//! Money and positions: what is wished for, filled, marked and counted.
//!
//! Time goes in steps. All bars that end at one moment are one step: first they open, which fills what
//! was wished for before; then they close, which is what the strategy sees. A step's closes become the
//! marks of its positions when it is over, so no fill knows a price that came after it.

use tickring_event::InstrumentId;

use crate::curve::{Curve, Point};
use crate::returns::Returns;
use crate::rule::{Fill, Rule, Size};
use crate::trade::{OpenTrade, TRADES_LISTED_MAX, Trade, TradeTally};

/// Instruments whose price is kept as a curve: the first ones.
pub const PICTURED_MAX: usize = 8;

/// Money, positions and what became of them.
#[derive(Debug)]
pub(crate) struct Portfolio {
    pub(crate) rule: Rule,
    cash: f64,
    pub(crate) holdings: Vec<Holding>,
    /// The instruments that closed in this step.
    closed: Vec<usize>,
    /// The instruments that are wanted otherwise; filled at this close where the rule says so.
    wanted: Vec<usize>,
    /// Instruments with a price curve.
    pictured: usize,
    /// `None` before the first bar.
    steps: Option<Steps>,
    pub(crate) bars: u64,
    pub(crate) trades: TradeTally,
    pub(crate) listed: Vec<Trade>,
    pub(crate) fills: u64,
    pub(crate) fills_cut: u64,
    pub(crate) fees: f64,
    pub(crate) slippage: f64,
    pub(crate) turnover: f64,
    pub(crate) ruined_ns: Option<u64>,
    pub(crate) equity_curve: Curve,
    pub(crate) drawdown_curve: Curve,
}

/// The equity over the steps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Steps {
    pub(crate) returns: Returns,
    pub(crate) start_ns: u64,
    /// End of the step that is going on.
    pub(crate) time_ns: u64,
}

/// A bar's prices.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prices {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
}

/// One instrument.
#[derive(Debug, Default)]
pub(crate) struct Holding {
    /// Below zero where it is short.
    quantity: f64,
    /// The target that the quantity came from.
    target: f64,
    /// Close of the last step that is over.
    mark: f64,
    /// Close of this step.
    close: f64,
    /// The target to fill next.
    wanted: Option<f64>,
    open: Option<OpenTrade>,
    pub(crate) bars: u64,
    pub(crate) first_open: f64,
    pub(crate) trades: TradeTally,
    pub(crate) fees: f64,
    pub(crate) curve: Option<Curve>,
}

impl Portfolio {
    pub(crate) fn new(rule: &Rule) -> Self {
        Self {
            rule: *rule,
            cash: rule.cash,
            holdings: Vec::new(),
            closed: Vec::new(),
            wanted: Vec::new(),
            pictured: 0,
            steps: None,
            bars: 0,
            trades: TradeTally::default(),
            listed: Vec::new(),
            fills: 0,
            fills_cut: 0,
            fees: 0.0,
            slippage: 0.0,
            turnover: 0.0,
            ruined_ns: None,
            equity_curve: Curve::new(),
            drawdown_curve: Curve::new(),
        }
    }

    /// Time has come to the step that ends at `time_ns`, of bars that began at `start_ns`. A step
    /// before it is over; a time that lies before it is taken as the same step.
    pub(crate) fn reach(&mut self, start_ns: u64, time_ns: u64) {
        match &self.steps {
            Some(steps) if time_ns <= steps.time_ns => return,
            Some(_) => self.end_step(),
            None => {
                let returns = Returns::new(self.rule.cash, start_ns);
                self.steps = Some(Steps { returns, start_ns, time_ns });
                self.equity_curve.add(Point::of(start_ns, self.rule.cash));
                self.drawdown_curve.add(Point::of(start_ns, 0.0));
            }
        }
        if let Some(steps) = &mut self.steps {
            steps.time_ns = time_ns;
        }
    }

    /// The instrument trades at `price`, the first of its bar: what is wished for is filled.
    pub(crate) fn open(&mut self, at: usize, price: f64, time_ns: u64) {
        self.meet(at);
        if let Some(target) = self.holdings[at].wanted.take() {
            self.fill(at, target, price, time_ns);
        }
    }

    /// A bar is complete.
    pub(crate) fn close(&mut self, at: usize, prices: &Prices, time_ns: u64) {
        self.bars += 1;
        let holding = &mut self.holdings[at];
        if holding.bars == 0 {
            holding.first_open = prices.open;
            holding.mark = prices.open;
            holding.curve = (self.pictured < PICTURED_MAX).then(Curve::new);
            self.pictured += usize::from(holding.curve.is_some());
        }
        holding.bars += 1;
        holding.close = prices.close;
        if let Some(open) = &mut holding.open {
            open.bars += 1;
        }
        if let Some(curve) = &mut holding.curve {
            let Prices { high: max, low: min, close: last, .. } = *prices;
            curve.add(Point { time_ns, min, max, last });
        }
        self.closed.push(at);
    }

    /// The strategy wants another position.
    pub(crate) fn want(&mut self, instrument: InstrumentId, value: f64) {
        if instrument.is_none() {
            return;
        }
        let at = instrument.index();
        self.meet(at);
        let target = self.rule.target(value);
        let holding = &mut self.holdings[at];
        let is_kept = (target - holding.target).abs() == 0.0;
        holding.wanted = (!is_kept).then_some(target);
        if self.rule.fill == Fill::Close {
            self.wanted.push(at);
        }
    }

    /// The strategy has seen what there is: under [`Fill::Close`] its wishes are filled.
    pub(crate) fn seen(&mut self, time_ns: u64) {
        while let Some(at) = self.wanted.pop() {
            // Before its first bar an instrument has no price.
            if self.holdings[at].bars > 0
                && let Some(target) = self.holdings[at].wanted.take()
            {
                self.fill(at, target, self.holdings[at].close, time_ns);
            }
        }
    }

    /// No bar comes any more.
    pub(crate) fn end(&mut self) -> Option<Steps> {
        self.end_step();
        self.steps
    }

    /// The open trades, at the last closes.
    pub(crate) fn open_trades(&self) -> impl Iterator<Item = Trade> {
        let ids = (0_u32..).map(InstrumentId::new);
        ids.zip(&self.holdings)
            .filter_map(|(id, it)| Some(it.open.as_ref()?.ended(id, None, it.mark)))
    }

    /// Trades that are over and not listed.
    pub(crate) const fn unlisted(&self) -> u64 {
        self.trades.count.saturating_sub(TRADES_LISTED_MAX as u64)
    }

    /// The step's closes become marks, and the equity is taken.
    fn end_step(&mut self) {
        for at in self.closed.drain(..) {
            self.holdings[at].mark = self.holdings[at].close;
        }
        let equity = self.cash + self.worth(|it| it.quantity);
        let is_exposed = self.holdings.iter().any(|it| it.quantity != 0.0);
        let Some(Steps { returns, time_ns, .. }) = &mut self.steps else { return };
        let depth = returns.add(*time_ns, equity, is_exposed);
        self.equity_curve.add(Point::of(*time_ns, equity));
        self.drawdown_curve.add(Point::of(*time_ns, depth));
        if equity <= 0.0 {
            self.ruined_ns = self.ruined_ns.or(Some(*time_ns));
        }
    }

    /// Brings the position to `target` at `price`. A reversal is two fills.
    fn fill(&mut self, at: usize, target: f64, price: f64, time_ns: u64) {
        let held = self.holdings[at].quantity;
        self.holdings[at].target = target;
        if held != 0.0 && target * held <= 0.0 {
            self.trade(at, -held, price, time_ns);
        }
        if target == 0.0 {
            return;
        }
        let held = self.holdings[at].quantity;
        let delta = target.signum() * self.quantity(at, target, price) - held;
        if delta != 0.0 {
            self.trade(at, delta, price, time_ns);
        }
    }

    /// Units of a position of `target`: as the rule's size says, and not worth more than the equity
    /// is with what else is held.
    fn quantity(&mut self, at: usize, target: f64, price: f64) -> f64 {
        let Rule { size, costs, .. } = self.rule;
        let Holding { quantity: held, mark, .. } = self.holdings[at];
        let share = target.abs();
        let equity = self.cash + self.worth(|it| it.quantity) + held * (price - mark);
        let others = self.worth(|it| it.quantity.abs()) - (held * mark).abs();
        let price = costs.slipped(price, target.signum());
        let rate = price * costs.rate();
        let wanted = match size {
            Size::Equity(part) => (part * share * equity - costs.per_fill) / rate,
            Size::Notional(money) => share * money / price,
            Size::Quantity(units) => share * units,
        };
        let room = (equity - others - costs.per_fill) / rate;
        if wanted > room * (1.0 + ROUNDING) {
            self.fills_cut += 1;
        }
        wanted.min(room).max(0.0)
    }

    /// Buys `delta` units, or sells them where it is below zero.
    fn trade(&mut self, at: usize, delta: f64, price: f64, time_ns: u64) {
        let Rule { costs, .. } = self.rule;
        let slipped = costs.slipped(price, delta.signum());
        let notional = delta.abs() * slipped;
        let fees = costs.fees(notional);
        self.cash -= delta * slipped + fees;
        self.fills += 1;
        self.fees += fees;
        self.slippage += (slipped - price).abs() * delta.abs();
        self.turnover += notional;
        let holding = &mut self.holdings[at];
        holding.fees += fees;
        let is_over = holding.quantity + delta == 0.0;
        holding.quantity += delta;
        let open = holding.open.get_or_insert_with(|| OpenTrade::new(delta.signum(), time_ns));
        open.add(delta, slipped, fees);
        if is_over {
            let id = InstrumentId::new(u32::try_from(at).unwrap_or(u32::MAX));
            let trade = open.ended(id, Some(time_ns), slipped);
            holding.open = None;
            holding.trades.add(&trade);
            self.trades.add(&trade);
            if self.listed.len() < TRADES_LISTED_MAX {
                self.listed.push(trade);
            }
        }
    }

    /// Marks times a figure of each instrument.
    fn worth(&self, of: fn(&Holding) -> f64) -> f64 {
        self.holdings.iter().map(|it| it.mark * of(it)).sum()
    }

    /// Makes room for an instrument.
    pub(crate) fn meet(&mut self, at: usize) {
        if at >= self.holdings.len() {
            self.holdings.resize_with(at + 1, Holding::default);
        }
    }
}

impl Holding {
    /// What holding it from its first open to its last close came to.
    pub(crate) fn price_return(&self) -> f64 {
        self.mark / self.first_open - 1.0
    }
}

/// Share by which a rounded number may differ.
const ROUNDING: f64 = 1e-9;
