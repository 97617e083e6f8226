//! The strategy around a strategy.

use tickring_event::{
    Bar, Instrument, InstrumentId, Instruments, Kind, MarketEvent, Origin, Payload, Trade,
};
use tickring_strategy::toolkit::{Added, CompleteBars, TimeBars};
use tickring_strategy::{
    Context, Delivery, SignalPort, SignalReceiver, Strategy, StrategyError, TARGET, signal_channel,
};

use crate::portfolio::{Portfolio, Prices, Steps};
use crate::result::{BadBar, InstrumentResult, Results, Tested};
use crate::rule::Rule;

/// Signals of one event that are taken; more end the backtest, for one that is lost is a position that
/// is wrong from then on.
const SIGNALS_MAX: usize = 16_384;

/// Where bars come from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bars {
    /// Events are bars.
    AsTheyCome,
    /// They are made from trades. The venue's own bars are left out: they are of another interval, or
    /// the same ones once more.
    FromTrades {
        /// Length of a bar in ns.
        interval_ns: u64,
    },
}

/// Hands every event on to another strategy, takes its targets, and keeps the account they lead to.
///
/// Wants every event, whatever the inner strategy wants: a bar that is left out is money that is
/// wrong. What it found leaves at [`Strategy::on_end`].
///
/// Allocates when an instrument is new, while curves and the list of trades grow to their limits, and
/// not otherwise.
pub struct Backtest {
    inner: Box<dyn Strategy>,
    bars: Bars,
    portfolio: Portfolio,
    /// What the inner strategy says; `None` until its worker's index is known.
    said: Option<(SignalPort, SignalReceiver)>,
    results: Results,
    /// By instrument: bars as they come, and bars from trades.
    complete: Vec<CompleteBars>,
    made: Vec<TimeBars>,
    /// Trades that no bar has: they came too late, or without a time.
    trades_left_out: u64,
    /// Instruments by their first bar.
    order: Vec<InstrumentId>,
    interval_ns: Option<i64>,
    /// The event that was taken last: one that is tried again is not taken again.
    taken: Option<u64>,
}

impl Backtest {
    /// `strategy` under `rule`; what is found goes to `results`.
    #[must_use]
    pub fn new(strategy: Box<dyn Strategy>, rule: &Rule, bars: Bars, results: Results) -> Self {
        Self {
            inner: strategy,
            bars,
            portfolio: Portfolio::new(rule),
            said: None,
            results,
            complete: Vec::new(),
            made: Vec::new(),
            trades_left_out: 0,
            order: Vec::new(),
            interval_ns: None,
            taken: None,
        }
    }

    /// What an event means to the account.
    fn take(
        &mut self,
        event: &MarketEvent,
        instruments: &Instruments,
    ) -> Result<(), StrategyError> {
        let Payload::Bar(bar) = event.payload() else { return Ok(()) };
        let at = event.instrument.index();
        let Some(instrument) = instruments.instrument(event.instrument) else { return Ok(()) };
        if at >= self.complete.len() {
            self.complete.resize_with(at + 1, CompleteBars::new);
        }
        let complete = self.complete[at].take(&bar, event.venue_time_ns);
        for bar in complete.into_iter().flatten() {
            self.bar(event.instrument, instrument, &bar)?;
        }
        if self.complete[at].late() > 0 {
            return Err(self.refuse(instrument, &bar, LATE));
        }
        if self.complete[at].other_interval() > 0 {
            return Err(self.refuse(instrument, &bar, MIXED));
        }
        Ok(())
    }

    /// What a trade means to the account: with the first of an interval, the bar before is complete,
    /// the strategy is told of it, and what it wishes for is filled at this trade, the next bar's open.
    fn trade(
        &mut self,
        trade: Trade,
        interval_ns: u64,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        let at = event.instrument.index();
        let Some(instrument) = context.instruments().instrument(event.instrument) else {
            return Ok(());
        };
        if at >= self.made.len() {
            self.made.resize_with(at + 1, || TimeBars::new(interval_ns));
        }
        let closed = match self.made[at].add(trade, event.venue_time_ns) {
            Added::Taken => return Ok(()),
            Added::Late | Added::Untimed => {
                self.trades_left_out += 1;
                return Ok(());
            }
            Added::Closed(closed) => closed,
        };
        let Some(bar) = closed.bar() else {
            return Err(StrategyError::Fatal("a bar's volume does not fit 64 bits"));
        };
        self.bar(event.instrument, instrument, &bar)?;
        let venue_time_ns = closed.start_ns + closed.interval_ns;
        let origin = Origin { venue_time_ns, ..event.origin() };
        self.pass_on(&MarketEvent::bar(&origin, &bar), context).map_err(|error| match error {
            // The trade cannot be given again without its bar.
            StrategyError::Transient(words) => StrategyError::Fatal(words),
            fatal @ StrategyError::Fatal(_) => fatal,
        })?;
        let price = trade.price.to_f64(instrument.price_scale());
        self.portfolio.open(at, price, event.venue_time_ns);
        Ok(())
    }

    /// A complete bar.
    fn bar(
        &mut self,
        id: InstrumentId,
        instrument: &Instrument,
        bar: &Bar,
    ) -> Result<(), StrategyError> {
        if *self.interval_ns.get_or_insert(bar.interval_ns) != bar.interval_ns {
            return Err(self.refuse(instrument, bar, MIXED));
        }
        let scale = instrument.price_scale();
        let [open, high, low, close] =
            [bar.open, bar.high, bar.low, bar.close].map(|it| it.to_f64(scale));
        if bar.open.mantissa().min(bar.close.mantissa()) <= 0 {
            return Err(self.refuse(instrument, bar, "has a price that is not above zero"));
        }
        let start_ns = u64::try_from(bar.start_ns).unwrap_or_default();
        let end_ns = start_ns.saturating_add(u64::try_from(bar.interval_ns).unwrap_or_default());
        let at = id.index();
        self.portfolio.reach(start_ns, end_ns);
        // Of bars from trades the first trade was the open.
        if self.bars == Bars::AsTheyCome {
            self.portfolio.open(at, open, start_ns);
        }
        self.portfolio.meet(at);
        if self.portfolio.holdings[at].bars == 0 {
            self.order.push(id);
        }
        self.portfolio.close(at, &Prices { open, high, low, close }, end_ns);
        Ok(())
    }

    /// Ends the backtest.
    #[cold]
    fn refuse(&self, instrument: &Instrument, bar: &Bar, what: &'static str) -> StrategyError {
        let symbol = instrument.symbol().to_owned();
        self.results.leave(Err(BadBar { symbol, start_ns: bar.start_ns, what }));
        StrategyError::Fatal(what)
    }

    /// Gives the inner strategy an event and takes what it says.
    fn pass_on(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        let (sequence, time_ns) = (context.sequence(), event.venue_time_ns);
        let (port, said) = self.said.get_or_insert_with(|| {
            let (sender, receiver) = signal_channel(SIGNALS_MAX);
            (SignalPort::new(sender, 0, context.worker()), receiver)
        });
        let given = port.given();
        let mut own = Context::new(context.instruments(), port, sequence, time_ns);
        let handled = self.inner.on_event(event, &mut own);
        if port.given() == given {
            return handled;
        }
        if port.dropped() > 0 {
            return Err(StrategyError::Fatal("it gave more than 16384 signals at one event"));
        }
        while let Ok(Some(signal)) = said.try_receive() {
            context.signal(signal.instrument, signal.name, signal.value);
            // One that failed says it again when it is tried again.
            if handled.is_ok() && signal.name == TARGET {
                self.portfolio.want(signal.instrument, signal.value);
            }
        }
        self.portfolio.seen(time_ns);
        handled
    }

    fn tested(&mut self, instruments: &Instruments) -> Tested {
        let steps = self.portfolio.end();
        let open: Vec<_> = self.portfolio.open_trades().collect();
        let order = std::mem::take(&mut self.order);
        let results = order.into_iter().map(|id| {
            let holding = &mut self.portfolio.holdings[id.index()];
            let symbol = instruments.instrument(id).map_or("", Instrument::symbol);
            let of_it = open.iter().filter(|it| it.instrument == id);
            InstrumentResult {
                symbol: symbol.to_owned(),
                index: id.index(),
                bars: holding.bars,
                price_return: holding.price_return(),
                trades: holding.trades,
                open_profit: of_it.map(|it| it.profit).sum(),
                fees: holding.fees,
                price_curve: holding.curve.take().unwrap_or_default(),
            }
        });
        let instruments = results.collect();
        let Portfolio { rule, bars, trades, fills, fills_cut, fees, .. } = self.portfolio;
        let (start_ns, end_ns) = steps.map_or((0, 0), |it| (it.start_ns, it.time_ns));
        let equity = |it: Steps| it.returns.figures(rule.bars_a_year);
        let mut listed = std::mem::take(&mut self.portfolio.listed);
        listed.extend(open);
        Tested {
            strategy: self.inner.name().to_owned(),
            rule,
            interval_ns: self.interval_ns.and_then(|it| u64::try_from(it).ok()),
            start_ns,
            end_ns,
            bars,
            equity: steps.map(equity).unwrap_or_default(),
            trades,
            fills,
            fills_cut,
            fees,
            slippage: self.portfolio.slippage,
            turnover: self.portfolio.turnover,
            ruined_ns: self.portfolio.ruined_ns,
            trades_left_out: self.trades_left_out,
            instruments,
            listed,
            unlisted: self.portfolio.unlisted(),
            equity_curve: std::mem::take(&mut self.portfolio.equity_curve),
            drawdown_curve: std::mem::take(&mut self.portfolio.drawdown_curve),
        }
    }
}

impl Strategy for Backtest {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        let is_new = self.taken.replace(context.sequence()) != Some(context.sequence());
        match self.bars {
            Bars::AsTheyCome if is_new => self.take(event, context.instruments())?,
            Bars::FromTrades { interval_ns } if is_new => match event.payload() {
                Payload::Bar(_) => return Ok(()),
                Payload::Trade(trade) => self.trade(trade, interval_ns, event, context)?,
                _ => {}
            },
            Bars::FromTrades { .. } if event.kind() == Kind::Bar => return Ok(()),
            Bars::AsTheyCome | Bars::FromTrades { .. } => {}
        }
        self.pass_on(event, context)
    }

    /// What the inner strategy says now comes too late: there is no bar to fill it in.
    fn on_end(&mut self, context: &mut Context<'_>) {
        self.inner.on_end(context);
        let tested = self.tested(context.instruments());
        self.results.leave(Ok(tested));
    }

    fn delivery(&self) -> Delivery {
        Delivery::Every
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        self.inner.figures(visit);
    }
}

impl std::fmt::Debug for Backtest {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Backtest")
            .field("strategy", &self.inner.name())
            .field("bars", &self.bars)
            .finish_non_exhaustive()
    }
}

const MIXED: &str = "is of another interval than the bars before it: give those of one interval";
const LATE: &str = "starts no later than the one before it: sort the bars of each symbol by time, \
                    and give each of them once";
