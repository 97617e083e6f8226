//! Gives a strategy events one at a time and keeps what it says.

use tickring_event::{
    Bar, Flags, Gap, InstrumentId, Instruments, Level, Levels, MarketEvent, Origin, Price,
    Quantity, TopOfBook, Trade,
};

use crate::context::Context;
use crate::signal::{SignalPort, SignalReceiver, signal_channel};
use crate::strategy::Strategy;

pub(crate) const SECOND_NS: u64 = 1_000_000_000;

/// Two instruments whose prices have two decimals at scale 8: numbers given here are whole units.
pub(crate) struct Bench<S> {
    pub(crate) strategy: S,
    instruments: Instruments,
    port: SignalPort,
    receiver: SignalReceiver,
    time_ns: u64,
    venue_sequence: u64,
}

const UNIT: i64 = 100_000_000;

pub(crate) fn level((price, quantity): (i64, i64)) -> Level {
    Level {
        price: Price::from_mantissa(price * UNIT),
        quantity: Quantity::from_mantissa(quantity * UNIT),
    }
}

impl<S: Strategy> Bench<S> {
    pub(crate) fn new(strategy: S) -> Self {
        let instruments = Instruments::with_capacity(2);
        for symbol in ["A", "B"] {
            instruments.register(symbol, b"1.00", b"1.0").expect("two fit");
        }
        let (sender, receiver) = signal_channel(1_000);
        let port = SignalPort::new(sender, 0, 0);
        Self { strategy, instruments, port, receiver, time_ns: SECOND_NS, venue_sequence: 0 }
    }

    pub(crate) fn instruments(&self) -> &Instruments {
        &self.instruments
    }

    pub(crate) fn at_ns(&mut self, time_ns: u64) {
        self.time_ns = time_ns;
    }

    pub(crate) fn origin(&self, instrument: u32) -> Origin {
        Origin {
            instrument: InstrumentId::new(instrument),
            venue_time_ns: self.time_ns,
            venue_sequence: self.venue_sequence,
            ..Origin::default()
        }
    }

    pub(crate) fn event(&mut self, event: &MarketEvent) {
        let mut context = Context::new(&self.instruments, &mut self.port, 0, event.venue_time_ns);
        self.strategy.on_event(event, &mut context).expect("built-in strategies do not fail");
    }

    pub(crate) fn end(&mut self) {
        self.strategy.on_end(&mut Context::new(&self.instruments, &mut self.port, 0, 0));
    }

    pub(crate) fn trade(&mut self, instrument: u32, price: i64, quantity: i64) {
        let Level { price, quantity } = level((price, quantity));
        let trade = Trade { price, quantity, taker: None, trade_id: None };
        self.event(&MarketEvent::trade(&self.origin(instrument), trade));
    }

    /// A bar of one second that starts `second` seconds after the epoch, all of it at one price.
    pub(crate) fn bar(&mut self, instrument: u32, second: u64, close: i64) {
        let Level { price: close, quantity: volume } = level((close, 1));
        let (open, high, low) = (close, close, close);
        let start_ns = i64::try_from(second * SECOND_NS).expect("a time of our own");
        let interval_ns = i64::try_from(SECOND_NS).expect("it fits");
        let bar = Bar { start_ns, interval_ns, open, high, low, close, volume, trades: 1 };
        self.event(&MarketEvent::bar(&self.origin(instrument), &bar));
    }

    /// The venue's number of what follows.
    pub(crate) fn number(&mut self, venue_sequence: u64) {
        self.venue_sequence = venue_sequence;
    }

    /// A trade with this number of the venue.
    pub(crate) fn numbered(&mut self, instrument: u32, venue_sequence: u64) {
        self.venue_sequence = venue_sequence;
        self.trade(instrument, 1, 1);
    }

    pub(crate) fn gap(&mut self, instrument: u32, gap: Gap) {
        self.event(&MarketEvent::gap(&self.origin(instrument), gap));
    }

    pub(crate) fn top(&mut self, instrument: u32, bid: Option<i64>, ask: Option<i64>) {
        let price = |price: i64| level((price, 0)).price;
        let top = TopOfBook {
            bid_price: bid.map(price),
            ask_price: ask.map(price),
            ..TopOfBook::default()
        };
        self.event(&MarketEvent::top_of_book(&self.origin(instrument), &top));
    }

    pub(crate) fn depth(
        &mut self,
        instrument: u32,
        flags: Flags,
        bids: &[(i64, i64)],
        asks: &[(i64, i64)],
    ) {
        let mut levels = Levels::default();
        assert!(bids.iter().all(|&bid| levels.push_bid(level(bid))), "five levels fit");
        assert!(asks.iter().all(|&ask| levels.push_ask(level(ask))), "five levels fit");
        self.event(&MarketEvent::levels(&self.origin(instrument), &levels, flags));
    }

    /// What was said since the last call: instrument, name and value.
    pub(crate) fn signals(&mut self) -> Vec<(usize, &'static str, f64)> {
        std::iter::from_fn(|| self.receiver.try_receive().ok().flatten())
            .map(|signal| (signal.instrument.index(), signal.name, signal.value))
            .collect()
    }

    /// Each of these figures has this value; others are not looked at.
    #[track_caller]
    pub(crate) fn check_figures(&self, expected: &[(&str, f64)]) {
        let mut figures = Vec::new();
        self.strategy.figures(&mut |name, value| figures.push((name, value)));
        for (name, value) in expected {
            let found = figures.iter().find(|(figure, _)| figure == name);
            let found = found.unwrap_or_else(|| panic!("no figure `{name}` in {figures:?}"));
            assert!((found.1 - value).abs() < 1e-9, "{name}: {} is not {value}", found.1);
        }
    }

    #[track_caller]
    pub(crate) fn check_signals(&mut self, expected: &[(usize, &str, f64)]) {
        let signals = self.signals();
        assert_eq!(signals.len(), expected.len(), "{signals:?}");
        for (signal, wanted) in signals.iter().zip(expected) {
            assert_eq!((signal.0, signal.1), (wanted.0, wanted.1), "{signals:?}");
            assert!((signal.2 - wanted.2).abs() < 1e-9, "{signals:?}");
        }
    }
}
