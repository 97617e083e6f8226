//! A worker and the built-in strategies do not allocate once every instrument was seen, and the toolkit's
//! measures never after they were made.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::AtomicBool;

use tickring_event::{
    Bar, Flags, InstrumentId, Instruments, Level, Levels, MarketEvent, Origin, Price, Quantity,
    TopOfBook, Trade,
};
use tickring_metrics::{Clock, StageRecorders};
use tickring_ring::{Capacity, ring};
use tickring_strategy::builtin::{self, NAMES};
use tickring_strategy::toolkit::{
    Added, BestLevels, CompleteBars, EwStats, EwVolatility, HalfLife, OrderFlowImbalance,
    RealisedVolatility, Rolling, RollingSum, RollingVwap, Summary, TimeBars, Vwap,
};
use tickring_strategy::{
    ClockPause, Context, Delivery, Strategy, StrategyError, WorkerConfig, WorkerGauges,
    WorkerParts, run_worker, signal_channel,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting per thread.
struct Counting;

#[expect(unsafe_code, reason = "the trait has no safe way to count allocations")]
// SAFETY: every call is handed on to the system's allocator unchanged; counting touches a
// thread-local cell that needs neither memory nor a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// All built-in strategies as one, and what was allocated between two events.
struct All {
    parts: Vec<Box<dyn Strategy>>,
    delivery: Delivery,
    from: u64,
    to: u64,
    allocations: u64,
}

impl Strategy for All {
    fn name(&self) -> &str {
        "all"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if context.sequence() <= self.from {
            self.allocations = ALLOCATIONS.get();
        }
        for part in &mut self.parts {
            part.on_event(event, context)?;
        }
        if context.sequence() == self.to {
            self.allocations = ALLOCATIONS.get() - self.allocations;
        }
        Ok(())
    }

    fn delivery(&self) -> Delivery {
        self.delivery
    }
}

const INSTRUMENTS: u32 = 4;
const EVENTS: u64 = 8_000;
const WARM_UP: u64 = 1_000;

/// A day at the market: snapshots first, then deltas, trades, bars and tops of book.
fn event(index: u64) -> MarketEvent {
    let instrument = InstrumentId::new(u32::try_from(index % u64::from(INSTRUMENTS)).unwrap_or(0));
    let origin = Origin {
        instrument,
        venue_time_ns: index * 10_000_000 + 1,
        venue_sequence: index + 1,
        ..Origin::default()
    };
    let wave = i64::try_from(index * 7_919 % 50).unwrap_or(0);
    let price = Price::from_mantissa(1_000 + wave);
    let quantity = Quantity::from_mantissa(wave % 5);
    match (index / u64::from(INSTRUMENTS)) % 4 {
        0 => {
            let mut levels = Levels::default();
            let ask = Level { price: Price::from_mantissa(2_000 + wave), quantity };
            assert!(levels.push_bid(Level { price, quantity }) && levels.push_ask(ask));
            let is_start = index < u64::from(INSTRUMENTS);
            let flags = if is_start { Flags::SNAPSHOT } else { Flags::NONE };
            MarketEvent::levels(&origin, &levels, flags.with(Flags::WHOLE))
        }
        1 => {
            let trade = Trade { price, quantity, taker: None, trade_id: None };
            MarketEvent::trade(&origin, trade)
        }
        2 => {
            let start_ns = i64::try_from(index).unwrap_or(0) * 10_000_000;
            let (open, high, low, close) = (price, price, price, price);
            let (interval_ns, volume, trades) = (10_000_000, quantity, 1);
            let bar = Bar { start_ns, interval_ns, open, high, low, close, volume, trades };
            MarketEvent::bar(&origin, &bar)
        }
        _ => {
            let ask_price = Some(Price::from_mantissa(1_100 + wave / 2));
            let top = TopOfBook { bid_price: Some(price), ask_price, ..TopOfBook::default() };
            MarketEvent::top_of_book(&origin, &top)
        }
    }
}

#[track_caller]
fn check(delivery: Delivery) {
    let (mut publisher, mut pollers) =
        ring(Capacity::round_up(8_192).expect("within the limit"), 1);
    let events: Vec<_> = (0..EVENTS).map(event).collect();
    publisher.try_publish(&events).expect("all fit");
    drop(publisher);
    let instruments = Instruments::new();
    for index in 0..INSTRUMENTS {
        instruments.register(&format!("I{index}"), b"1.0", b"1.0").expect("four fit");
    }
    let (clock, _) = Clock::mock();
    // Small: full queues must not allocate either.
    let (signals, receiver) = signal_channel(100);
    let mut all = All {
        parts: NAMES
            .iter()
            .map(|(name, _)| builtin::by_name(name).expect("it is listed"))
            .collect(),
        delivery,
        from: WARM_UP,
        to: EVENTS - 1,
        allocations: 0,
    };
    let parts = WorkerParts {
        poller: pollers.remove(0),
        instruments: &instruments,
        clock: clock.clone(),
        signals,
        recorders: StageRecorders::new(),
        pause: &mut ClockPause::new(clock),
        gauges: &WorkerGauges::new(),
        stop: &AtomicBool::new(false),
        abandon: &AtomicBool::new(false),
    };
    let report = run_worker(&mut all, &WorkerConfig::new("all"), parts);
    drop(receiver);
    assert_eq!(report.handled + report.conflated, EVENTS);
    assert!(report.signals > 1_000 && report.signals_dropped > 0);
    assert_eq!(all.allocations, 0);
}

#[test]
fn nothing_is_allocated_per_event() {
    check(Delivery::Every);
}

#[test]
fn nothing_is_allocated_to_conflate() {
    check(Delivery::Conflate { lag_events: 0 });
}

/// One of every measure that has a memory.
struct Measures {
    flow: OrderFlowImbalance,
    vwap: (Vwap, RollingVwap),
    bars: (TimeBars, CompleteBars),
    windows: (RollingSum, Rolling),
    weighted: (EwStats, EwStats),
    volatility: (RealisedVolatility, EwVolatility),
    summary: Summary,
}

impl Measures {
    fn push(&mut self, index: u64) {
        let number = i64::try_from(index * 7_919 % 50).unwrap_or(0) + 1;
        let price = Price::from_mantissa(number);
        let quantity = Quantity::from_mantissa(number);
        let value = f64::from(u32::try_from(number).unwrap_or(1));
        let level = Level { price, quantity };
        let trade = Trade { price, quantity, taker: None, trade_id: None };
        self.flow.push(Some(BestLevels { bid: level, ask: level }));
        assert!(self.vwap.0.push(price, quantity) && self.vwap.1.push(price, quantity));
        if let Added::Closed(bar) = self.bars.0.add(trade, index + 1) {
            let bar = bar.bar().expect("a small one");
            assert!(self.bars.1.take(&bar, index + 1)[1].is_some());
        }
        self.windows.0.push(number);
        assert!(self.windows.1.push(value) && self.summary.push(value));
        assert!(self.weighted.0.push(value, index) && self.weighted.1.push(value, index));
        assert!(self.volatility.0.push(value) && self.volatility.1.push(value, index));
    }
}

#[test]
fn measures_allocate_nothing_after_they_were_made() {
    let (by_count, by_time) = (HalfLife::Observations(5.0), HalfLife::Seconds(5.0));
    let mut measures = Measures {
        flow: OrderFlowImbalance::new(),
        vwap: (Vwap::new(), RollingVwap::new(7)),
        bars: (TimeBars::new(10), CompleteBars::new()),
        windows: (RollingSum::new(7), Rolling::new(7)),
        weighted: (EwStats::new(by_count), EwStats::new(by_time)),
        volatility: (RealisedVolatility::new(7), EwVolatility::new(by_count)),
        summary: Summary::new(),
    };
    let before = ALLOCATIONS.get();
    (0..10_000).for_each(|index| measures.push(index));
    let found = measures.windows.1.mean().zip(measures.volatility.0.volatility());
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert!(found.is_some());
}
