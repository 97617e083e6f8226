//! Decoding recorded sessions of Bybit and Coinbase allocates nothing once every message was seen.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use tickring_capture::LineReader;
use tickring_event::Instruments;
use tickring_ingest::{
    Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, EventBatch, Frame, Stamp,
    Subscription, Venue,
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

/// The messages of a recorded session, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the recorded sessions are missing and `CI` is `true`: there they must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn recorded(session: &str) -> Option<Vec<Vec<u8>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(session);
    if !path.is_file() {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "a recorded session is missing: {}", path.display());
        eprintln!("SKIPPED: a recorded session is missing: {}", path.display());
        return None;
    }
    let mut reader = LineReader::open(&path).unwrap();
    let mut messages = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        messages.push(frame.text.to_vec());
    }
    Some(messages)
}

/// Decodes a session three times over one connection: snapshots start its books over.
#[track_caller]
fn check(mut venue: impl Venue, session: &str) {
    let Some(messages) = recorded(session) else { return };
    let mut batch = EventBatch::new();
    for round in 0..3 {
        let before = ALLOCATIONS.get();
        for text in &messages {
            batch.clear();
            venue.decode(&Frame { stamp: Stamp::default(), text }, &mut batch).unwrap();
            batch.take_commands().for_each(drop);
        }
        let allocations = ALLOCATIONS.get() - before;
        assert!(round == 0 || allocations == 0, "round {round} of {session}: {allocations}");
    }
}

fn instruments() -> Arc<Instruments> {
    Arc::new(Instruments::with_capacity(64))
}

#[test]
fn bybit_allocates_nothing_in_steady_state() {
    for (product, session) in [
        (BybitProduct::Linear, "bybit-v5/linear_20260809.gz"),
        (BybitProduct::Spot, "bybit-v5/spot_20260809.gz"),
    ] {
        check(Bybit::new(product, Subscription::default(), instruments()).unwrap(), session);
    }
}

#[test]
fn coinbase_advanced_allocates_nothing_in_steady_state_not_even_for_whole_books() {
    let venue = CoinbaseAdvanced::new(Subscription::default(), instruments()).unwrap();
    check(venue, "coinbase-advanced/btcusd_ethusd_20260809.gz");
}

#[test]
fn coinbase_exchange_allocates_nothing_in_steady_state() {
    let venue = CoinbaseExchange::new(Subscription::default(), instruments()).unwrap();
    check(venue, "coinbase-exchange/products10_20210417.gz");
}
