//! Decoding TickDB's market data allocates nothing once every symbol and message size was seen.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{EventBatch, Frame, Inbound, Stamp, Venue};

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

/// Every data frame and life sign of a file, errors included.
fn frames(file: &'static str) -> Vec<&'static str> {
    let frames = file.lines().filter_map(|line| line.strip_prefix("< "));
    frames.filter(|frame| !frame.contains("\"code\":")).collect()
}

#[test]
fn decoding_allocates_nothing_in_steady_state() {
    let symbols = ["SPX", "XAUUSD", "NVDA.US", "700.HK", "600519.SH", "BTCUSDT", "AAPL.US"];
    let config = TickDbConfig::parse(&symbols, &["ticker", "depth", "trade"]).unwrap();
    let mut venue = TickDb::new(&config, Arc::new(Instruments::new())).unwrap();
    let mut batch = EventBatch::new();
    venue.open(&mut batch);
    let numbered = [
        r#"{"cmd":"trade","data":{"symbol":"BTCUSDT","seq":1,"price":"1","quantity":"1"}}"#,
        r#"{"cmd":"trade","data":{"symbol":"BTCUSDT","seq":9,"price":"1","quantity":"1"}}"#,
    ];
    let mut all = frames(include_str!("data/tickdb/documented.txt"));
    all.extend(frames(include_str!("data/tickdb/variations.txt")));
    all.extend(frames(include_str!("data/tickdb/older.txt")));
    all.extend(frames(include_str!("data/tickdb/refused.txt")));
    all.extend(numbered);
    let mut decoded = 0;
    for round in 0..3 {
        let before = ALLOCATIONS.get();
        for text in &all {
            batch.clear();
            let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
            let inbound = venue.decode(&frame, &mut batch);
            decoded += u64::from(matches!(inbound, Ok(Inbound::Data(_))));
        }
        assert!(round == 0 || ALLOCATIONS.get() == before, "round {round} allocated");
    }
    assert!(decoded > 100, "only {decoded} frames were market data");
}
