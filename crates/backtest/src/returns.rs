//! Figures over the equity, step by step: nothing is kept but sums.

use crate::float::from_u64;

/// A year: 365.25 days.
pub const YEAR_NS: f64 = 31_557_600e9;

/// What is known of the equity so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Returns {
    start: f64,
    start_ns: u64,
    pub(crate) last: f64,
    last_ns: u64,
    steps: u64,
    /// Of simple returns: how many, their mean, and the squares of what they differ from it
    /// (Welford 1962).
    count: u64,
    mean: f64,
    squares: f64,
    /// Squares of the returns below zero.
    squares_below: f64,
    /// Of the equity over the steps.
    sum: f64,
    exposed: u64,
    drawdown: Drawdown,
}

/// How far the equity is below what it was.
#[derive(Clone, Copy, Debug)]
struct Drawdown {
    peak: f64,
    peak_ns: u64,
    /// Steps below the peak in a row.
    steps: u64,
    depth_max: f64,
    steps_max: u64,
    ns_max: u64,
}

/// Figures of a backtest over its equity; `None` where one is not defined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EquityFigures {
    /// Steps: moments at which a bar ended and the equity was taken.
    pub steps: u64,
    /// From the first bar's start to the last one's end.
    pub span_ns: u64,
    /// Steps a year, given or `steps / (span / 365.25 days)`.
    pub bars_a_year: Option<f64>,
    /// At the end.
    pub equity: f64,
    /// `equity / cash - 1`.
    pub total_return: f64,
    /// `(equity / cash) ^ (bars_a_year / steps) - 1`.
    pub annual_return: Option<f64>,
    /// Standard deviation of the steps' returns (n - 1) times the root of `bars_a_year`.
    pub annual_volatility: Option<f64>,
    /// Mean of the returns over their standard deviation (n - 1), times the root of `bars_a_year`.
    pub sharpe: Option<f64>,
    /// Mean of the returns over the root of the mean square of those below zero, times the root of
    /// `bars_a_year`.
    pub sortino: Option<f64>,
    /// Greatest `1 - equity / peak`.
    pub drawdown_max: f64,
    /// Most steps in a row below a peak.
    pub drawdown_steps_max: u64,
    /// Longest time from a peak until the equity was back there, or the end.
    pub drawdown_ns_max: u64,
    /// Share of steps at whose end a position was open.
    pub exposure: Option<f64>,
    /// Mean of the equity over the steps.
    pub equity_mean: Option<f64>,
}

impl Returns {
    pub(crate) const fn new(cash: f64, start_ns: u64) -> Self {
        let drawdown = Drawdown {
            peak: cash,
            peak_ns: start_ns,
            steps: 0,
            depth_max: 0.0,
            steps_max: 0,
            ns_max: 0,
        };
        Self {
            start: cash,
            start_ns,
            last: cash,
            last_ns: start_ns,
            steps: 0,
            count: 0,
            mean: 0.0,
            squares: 0.0,
            squares_below: 0.0,
            sum: 0.0,
            exposed: 0,
            drawdown,
        }
    }

    /// The equity at the end of a step; how far it is below its peak.
    pub(crate) fn add(&mut self, time_ns: u64, equity: f64, is_exposed: bool) -> f64 {
        // From nothing, or less, there are no returns any more.
        if self.last > 0.0 {
            let simple = equity / self.last - 1.0;
            self.count += 1;
            let from_mean = simple - self.mean;
            self.mean += from_mean / from_u64(self.count);
            self.squares += from_mean * (simple - self.mean);
            let below = simple.min(0.0);
            self.squares_below += below * below;
        }
        self.steps += 1;
        self.sum += equity;
        self.exposed += u64::from(is_exposed);
        (self.last, self.last_ns) = (equity, time_ns);
        self.drawdown.add(time_ns, equity)
    }

    pub(crate) fn figures(&self, bars_a_year: Option<f64>) -> EquityFigures {
        let span_ns = self.last_ns.saturating_sub(self.start_ns);
        let of_bars = || from_u64(self.steps) / (from_u64(span_ns) / YEAR_NS);
        let bars_a_year = bars_a_year.or_else(|| (span_ns > 0 && self.steps > 0).then(of_bars));
        let growth = self.last / self.start;
        let steps = from_u64(self.steps);
        let annual = |it: f64| {
            if growth > 0.0 { growth.powf(it / steps) - 1.0 } else { -1.0 }
        };
        let root = bars_a_year.map(f64::sqrt);
        let deviation = (self.count > 1).then(|| (self.squares / from_u64(self.count - 1)).sqrt());
        let below = (self.count > 0).then(|| (self.squares_below / from_u64(self.count)).sqrt());
        let ratio = |by: Option<f64>| {
            by.filter(|it| *it > 0.0).zip(root).map(|(by, root)| self.mean / by * root)
        };
        let a_step = |sum: f64| (self.steps > 0).then(|| sum / steps);
        EquityFigures {
            steps: self.steps,
            span_ns,
            bars_a_year,
            equity: self.last,
            total_return: growth - 1.0,
            annual_return: bars_a_year.filter(|_| self.steps > 0).map(annual),
            annual_volatility: deviation.zip(root).map(|(deviation, root)| deviation * root),
            sharpe: ratio(deviation),
            sortino: ratio(below),
            drawdown_max: self.drawdown.depth_max,
            drawdown_steps_max: self.drawdown.steps_max,
            drawdown_ns_max: self.drawdown.ns_max,
            exposure: a_step(from_u64(self.exposed)),
            equity_mean: a_step(self.sum),
        }
    }
}

impl Drawdown {
    fn add(&mut self, time_ns: u64, equity: f64) -> f64 {
        let is_below = equity < self.peak;
        if is_below || self.steps > 0 {
            self.ns_max = self.ns_max.max(time_ns.saturating_sub(self.peak_ns));
        }
        if !is_below {
            (self.peak, self.peak_ns, self.steps) = (equity, time_ns, 0);
            return 0.0;
        }
        self.steps += 1;
        self.steps_max = self.steps_max.max(self.steps);
        let depth = 1.0 - equity / self.peak;
        self.depth_max = self.depth_max.max(depth);
        depth
    }
}
