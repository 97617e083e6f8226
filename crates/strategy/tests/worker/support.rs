//! Runs workers over a stream that has already ended, on the test's own thread.

use std::sync::atomic::{AtomicBool, Ordering};

use tickring_event::{
    ConnectionState, InstrumentId, Instruments, MarketEvent, Origin, Price, Quantity, Status,
    TopOfBook, Trade,
};
use tickring_metrics::{Clock, MOCK_TICKS_AT_START, MockClock, StageRecorders};
use tickring_ring::{Capacity, Poller, ring};
use tickring_strategy::{
    Context, Delivery, Pause, SignalSender, Strategy, StrategyError, WorkerConfig, WorkerGauges,
    WorkerParts, WorkerReport, run_worker,
};

/// Ticks at which every event of these tests arrived and was queued: before a mock clock starts.
pub(crate) const ARRIVAL_TICKS: u64 = MOCK_TICKS_AT_START - 1_000;
pub(crate) const ENQUEUE_TICKS: u64 = MOCK_TICKS_AT_START - 600;

/// What came of one worker.
pub(crate) struct Ran {
    pub(crate) report: WorkerReport,
    pub(crate) pauses_ms: Vec<u64>,
    pub(crate) is_stop_set: bool,
    pub(crate) gauges: WorkerGauges,
    pub(crate) clock: Clock,
}

/// A pause that takes no time but the mock clock's.
struct RecordedPause {
    time: MockClock,
    pauses_ms: Vec<u64>,
}

impl Pause for RecordedPause {
    fn pause_ms(&mut self, delay_ms: u64) {
        self.pauses_ms.push(delay_ms);
        self.time.advance_ns(delay_ms * 1_000_000);
    }
}

/// `count` instruments called `I0`, `I1`, and so on.
pub(crate) fn instruments(count: u32) -> Instruments {
    let instruments = Instruments::with_capacity(64);
    for index in 0..count {
        instruments.register(&format!("I{index}"), b"1", b"1").expect("64 fit");
    }
    instruments
}

pub(crate) fn origin(instrument: InstrumentId) -> Origin {
    Origin { arrival_ticks: ARRIVAL_TICKS, instrument, ..Origin::default() }
}

pub(crate) fn trade(instrument: u32) -> MarketEvent {
    let trade = Trade {
        price: Price::from_mantissa(1),
        quantity: Quantity::from_mantissa(1),
        taker: None,
        trade_id: None,
    };
    queued(&MarketEvent::trade(&origin(InstrumentId::new(instrument)), trade))
}

pub(crate) fn top(instrument: u32) -> MarketEvent {
    let origin = origin(InstrumentId::new(instrument));
    queued(&MarketEvent::top_of_book(&origin, &TopOfBook::default()))
}

/// An event of no instrument.
pub(crate) fn status() -> MarketEvent {
    let status = Status { state: ConnectionState::Connected, attempt: 1, code: 0 };
    queued(&MarketEvent::status(&origin(InstrumentId::NONE), status))
}

fn queued(event: &MarketEvent) -> MarketEvent {
    let mut event = *event;
    event.enqueue_ticks = ENQUEUE_TICKS;
    event
}

/// Pollers of a ring that holds `events` and whose publisher has ended.
pub(crate) fn ended(events: &[MarketEvent], pollers: usize) -> Vec<Poller<MarketEvent>> {
    let capacity = Capacity::round_up(events.len().max(2)).expect("tests are small");
    let (mut publisher, pollers) = ring(capacity, pollers);
    publisher.try_publish(events).expect("the ring is as long as the slice");
    pollers
}

pub(crate) fn run(
    strategy: &mut dyn Strategy,
    config: &WorkerConfig,
    events: &[MarketEvent],
) -> Ran {
    let (clock, time) = Clock::mock();
    run_with(strategy, config, events, (clock, time, StageRecorders::new()))
}

pub(crate) fn run_with(
    strategy: &mut dyn Strategy,
    config: &WorkerConfig,
    events: &[MarketEvent],
    (clock, time, recorders): (Clock, MockClock, StageRecorders),
) -> Ran {
    let poller = ended(events, 1).remove(0);
    let instruments = instruments(16);
    let (gauges, stop) = (WorkerGauges::new(), AtomicBool::new(false));
    let mut pause = RecordedPause { time, pauses_ms: Vec::new() };
    let report = run_worker(
        strategy,
        config,
        WorkerParts {
            poller,
            instruments: &instruments,
            clock: clock.clone(),
            signals: SignalSender::discarding(),
            recorders,
            pause: &mut pause,
            gauges: &gauges,
            stop: &stop,
            abandon: &AtomicBool::new(false),
        },
    );
    // Relaxed: one thread.
    let is_stop_set = stop.load(Ordering::Relaxed);
    Ran { report, pauses_ms: pause.pauses_ms, is_stop_set, gauges, clock }
}

/// What a strategy of these tests does with an event.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Act {
    #[default]
    Handle,
    /// Fails so many times, then handles.
    FailTimes(u32),
    Die,
    Panic,
}

/// Does as it is told at each sequence and remembers what it was given.
#[derive(Default)]
pub(crate) struct Scripted {
    /// By sequence; past the end it handles.
    pub(crate) acts: Vec<Act>,
    pub(crate) delivery: Delivery,
    pub(crate) panics_at_end: bool,
    /// Sequences and instruments of all calls, retries included.
    pub(crate) calls: Vec<(u64, InstrumentId)>,
    pub(crate) ends: u32,
    /// Failures so far of an [`Act::FailTimes`].
    pub(crate) fails: u32,
}

impl Scripted {
    /// Acts at one sequence only.
    pub(crate) fn at(sequence: usize, act: Act) -> Self {
        let mut acts = vec![Act::Handle; sequence];
        acts.push(act);
        Self { acts, ..Self::default() }
    }

    pub(crate) fn sequences(&self) -> Vec<u64> {
        self.calls.iter().map(|&(sequence, _)| sequence).collect()
    }
}

impl Strategy for Scripted {
    fn name(&self) -> &str {
        "scripted"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        self.calls.push((context.sequence(), event.instrument));
        let index = usize::try_from(context.sequence()).expect("tests are small");
        match self.acts.get(index).copied().unwrap_or_default() {
            Act::FailTimes(times) if self.fails < times => {
                self.fails += 1;
                Err(StrategyError::Transient("not yet"))
            }
            Act::Handle | Act::FailTimes(_) => {
                self.fails = 0;
                context.signal(event.instrument, "handled", 1.0);
                Ok(())
            }
            Act::Die => Err(StrategyError::Fatal("out of ideas")),
            Act::Panic => go_wrong(),
        }
    }

    fn on_end(&mut self, _context: &mut Context<'_>) {
        self.ends += 1;
        assert!(!self.panics_at_end, "no good end");
    }

    fn delivery(&self) -> Delivery {
        self.delivery
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("ends", f64::from(self.ends));
    }
}

fn go_wrong() -> ! {
    panic!("wrong by {}", 3)
}
