#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

//! Bars by hand, and a strategy that says what it was told to.

use tickring_backtest::{
    Backtest, BadBar, Bars, Costs, Fill, Outbox, Rule, Shorts, Size, Tested, outbox,
};
use tickring_event::{Bar, InstrumentId, Instruments, MarketEvent, Origin, Price, Quantity, Trade};
use tickring_strategy::{Context, SignalPort, SignalSender, Strategy, StrategyError, TARGET};

pub(crate) const MINUTE_NS: u64 = 60_000_000_000;

/// All the money, no costs.
pub(crate) const PLAIN: Rule = Rule {
    cash: 1_000.0,
    size: Size::Equity(1.0),
    fill: Fill::NextOpen,
    costs: Costs { notional_bps: 0.0, per_fill: 0.0, slippage_bps: 0.0 },
    shorts: Shorts::Allowed,
    bars_a_year: None,
};

/// Says the next of its targets at each bar; NaN says nothing.
pub(crate) struct Script {
    pub(crate) targets: Vec<f64>,
    /// The bar at which it fails once, for the moment.
    pub(crate) stumbles_at: Option<usize>,
    bars: usize,
}

impl Script {
    pub(crate) fn new(targets: &[f64]) -> Self {
        Self { targets: targets.to_vec(), stumbles_at: None, bars: 0 }
    }
}

impl Strategy for Script {
    fn name(&self) -> &str {
        "script"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if event.kind() != tickring_event::Kind::Bar {
            return Ok(());
        }
        if let Some(target) = self.targets.get(self.bars).filter(|it| !it.is_nan()) {
            context.signal(event.instrument, TARGET, *target);
        }
        if self.stumbles_at == Some(self.bars) {
            self.stumbles_at = None;
            return Err(StrategyError::Transient("not now"));
        }
        self.bars += 1;
        Ok(())
    }
}

/// A backtest without a ring.
pub(crate) struct Run {
    backtest: Backtest,
    outbox: Outbox,
    instruments: Instruments,
    port: SignalPort,
    sequence: u64,
}

impl Run {
    pub(crate) fn new(script: Script, rule: &Rule, bars: Bars) -> Self {
        let (results, outbox) = outbox();
        let instruments = Instruments::new();
        for symbol in ["A", "B"] {
            instruments.register(symbol, b"1.00", b"1").unwrap();
        }
        Self {
            backtest: Backtest::new(Box::new(script), rule, bars, results),
            outbox,
            instruments,
            port: SignalPort::new(SignalSender::discarding(), 0, 0),
            sequence: 0,
        }
    }

    /// Gives an event, once more where that is asked for.
    pub(crate) fn give(&mut self, event: &MarketEvent) -> Result<(), StrategyError> {
        loop {
            let time_ns = event.venue_time_ns;
            let mut context =
                Context::new(&self.instruments, &mut self.port, self.sequence, time_ns);
            match self.backtest.on_event(event, &mut context) {
                Err(StrategyError::Transient(_)) => {}
                handled => {
                    self.sequence += 1;
                    return handled;
                }
            }
        }
    }

    /// The minute `index` of an instrument, from its open to its close.
    pub(crate) fn bar(
        &mut self,
        instrument: u32,
        index: u64,
        open: f64,
        close: f64,
    ) -> Result<(), StrategyError> {
        let id = InstrumentId::new(instrument);
        let start_ns = index * MINUTE_NS;
        let origin =
            Origin { instrument: id, venue_time_ns: start_ns + MINUTE_NS, ..Origin::default() };
        let bar = Bar {
            start_ns: i64::try_from(start_ns).unwrap(),
            interval_ns: i64::try_from(MINUTE_NS).unwrap(),
            open: price(open),
            high: price(open.max(close)),
            low: price(open.min(close)),
            close: price(close),
            volume: Quantity::from_mantissa(1),
            trades: 0,
        };
        self.give(&MarketEvent::bar(&origin, &bar))
    }

    /// A trade of the first instrument.
    pub(crate) fn trade(&mut self, time_ns: u64, at: f64) {
        let origin = Origin {
            instrument: InstrumentId::new(0),
            venue_time_ns: time_ns,
            ..Origin::default()
        };
        let quantity = Quantity::from_mantissa(1);
        let trade = Trade { price: price(at), quantity, taker: None, trade_id: None };
        self.give(&MarketEvent::trade(&origin, trade)).unwrap();
    }

    pub(crate) fn end(mut self) -> Result<Tested, BadBar> {
        let mut context = Context::new(&self.instruments, &mut self.port, self.sequence, 0);
        if let Some(refused) = self.outbox.take() {
            return refused;
        }
        self.backtest.on_end(&mut context);
        self.outbox.take().unwrap()
    }
}

/// Runs a script over one instrument: opens and closes of its minutes.
pub(crate) fn run(rule: &Rule, targets: &[f64], bars: &[(f64, f64)]) -> Tested {
    let mut run = Run::new(Script::new(targets), rule, Bars::AsTheyCome);
    for (index, &(open, close)) in (0..).zip(bars) {
        run.bar(0, index, open, close).unwrap();
    }
    run.end().unwrap()
}

/// The price as the instruments of a [`Run`] keep it.
fn price(value: f64) -> Price {
    #[expect(clippy::cast_possible_truncation, reason = "prices of tests are small")]
    let mantissa = (value * 1e8).round() as i64;
    Price::from_mantissa(mantissa)
}

#[track_caller]
pub(crate) fn assert_near(found: f64, expected: f64) {
    let scale = expected.abs().max(1.0);
    assert!((found - expected).abs() <= 1e-12 * scale, "{found} is not {expected}");
}
