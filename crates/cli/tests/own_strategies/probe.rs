//! In steady state no thread of the engine allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use libtest_mimic::{Failed, Trial};
use tickring_cli::Strategies;
use tickring_event::MarketEvent;
use tickring_strategy::{Context, Strategy, StrategyError};

use crate::{Ran, entry, recorded, replay, test, tickring};

/// Events after which everything was seen once: instruments, message sizes, buffers.
const STEADY_FROM: u64 = 20_000;

/// Events in which nothing may allocate.
const STEADY_EVENTS: u64 = 60_000;

static IS_STEADY: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU32 = AtomicU32::new(0);

/// The system's allocator; counts what any thread asks for in steady state.
struct Counting;

#[expect(unsafe_code, reason = "the trait has no safe way to count allocations")]
// SAFETY: every call is handed on to the system's allocator unchanged; counting touches two statics.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_STEADY.load(Ordering::Relaxed) {
            ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        }
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

/// Marks the steady state by counting events, and has the allocations for its figure.
#[derive(Default)]
struct Probe {
    events: u64,
    /// Allocates on each event: shows that the count counts.
    is_wasteful: bool,
    allocations: u32,
}

impl Strategy for Probe {
    fn name(&self) -> &str {
        if self.is_wasteful { "wasteful-probe" } else { "probe" }
    }

    fn on_event(&mut self, event: &MarketEvent, _: &mut Context<'_>) -> Result<(), StrategyError> {
        self.events += 1;
        if self.events == STEADY_FROM {
            IS_STEADY.store(true, Ordering::Relaxed);
        } else if self.events == STEADY_FROM + STEADY_EVENTS {
            IS_STEADY.store(false, Ordering::Relaxed);
            self.allocations = ALLOCATIONS.load(Ordering::Relaxed);
        }
        if self.is_wasteful {
            drop(std::hint::black_box(Box::new(event.sequence)));
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("events", f64::from(u32::try_from(self.events).unwrap_or(u32::MAX)));
        visit("allocations", f64::from(self.allocations));
    }
}

pub(crate) fn register(strategies: Strategies) -> Strategies {
    let wasteful = || Probe { is_wasteful: true, ..Probe::default() };
    strategies.with("probe", Probe::default).with("wasteful-probe", wasteful)
}

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        test("a_steady_simulated_session_allocates_nothing", simulated),
        test("a_steady_recorded_session_allocates_nothing", recorded_session),
        test("allocations_in_steady_state_are_counted", wasteful),
    ]
}

/// Allocations of all threads in steady state: those of the engine, and its idle main thread.
fn allocations(ran: Ran, probe: &str) -> Result<u64, Failed> {
    let Ran { code, report, err } = ran;
    assert_eq!(code, Some(0), "{err}");
    let figures = &entry(&report, probe)["figures"];
    let events = figures["events"].as_f64().ok_or("no figure")?;
    assert!(events > 1.2 * f64::from(u32::try_from(STEADY_FROM + STEADY_EVENTS)?), "{events}");
    Ok(figures["allocations"].as_f64().ok_or("no figure")?.to_string().parse()?)
}

fn simulated() -> Result<(), Failed> {
    let ran = replay("spread,pressure,bars,volatility,probe", &["--interval", "0s"])?;
    assert_eq!(allocations(ran, "probe")?, 0);
    Ok(())
}

fn recorded_session() -> Result<(), Failed> {
    let Some(path) = recorded("binance-usdm/btcusdt_20240808.gz")? else { return Ok(()) };
    let mut arguments = vec!["replay", "--venue", "binance-usdm", "--speed", "max"];
    arguments.extend(["--strategy", "spread,pressure,probe", "--interval", "0s"]);
    assert_eq!(allocations(tickring(&arguments, &path)?, "probe")?, 0);
    Ok(())
}

fn wasteful() -> Result<(), Failed> {
    let ran = replay("wasteful-probe", &["--interval", "0s"])?;
    assert!(allocations(ran, "wasteful-probe")? >= STEADY_EVENTS);
    Ok(())
}
