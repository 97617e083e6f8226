//! Decoding books with checksums allocates nothing once every symbol and message size was seen.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;

use tickring_capture::LineReader;
use tickring_event::Instruments;
use tickring_ingest::{
    Bitget, EventBatch, Frame, Inbound, Kraken, KrakenV1, Okx, Stamp, Subscription, Venue,
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

/// The frames of a session; none, with a word on why, where the recordings are missing.
///
/// # Panics
/// When they are missing and `CI` is `true`: there they must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn frames(session: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "recorded sessions are missing: {}", folder.display());
        eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
        return Vec::new();
    }
    let mut reader = LineReader::open(&folder.join(session)).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push(frame.text.to_vec());
    }
    frames
}

/// Decodes a session's market data and life signs three times. Answers to commands are rare, and may
/// allocate.
#[track_caller]
fn check(session: &str, venue: impl Venue) {
    check_frames(session, frames(session), venue);
}

/// As [`check`].
#[track_caller]
fn check_frames(session: &str, mut frames: Vec<Vec<u8>>, mut venue: impl Venue) {
    let mut batch = EventBatch::new();
    let mut decode = |venue: &mut dyn Venue, text: &[u8]| {
        batch.clear();
        venue.decode(&Frame { stamp: Stamp::default(), text }, &mut batch)
    };
    frames.retain(|text| matches!(decode(&mut venue, text), Ok(Inbound::Data(_) | Inbound::Pong)));
    for round in 0..2 {
        let before = ALLOCATIONS.get();
        for text in &frames {
            assert!(decode(&mut venue, text).is_ok());
        }
        assert_eq!(ALLOCATIONS.get(), before, "{session}: round {round} allocated");
    }
    assert!(venue.checks().iter().all(|(_, checks)| checks.failed == 0));
}

#[test]
fn kraken_allocates_nothing_in_steady_state() {
    let instruments = Arc::new(Instruments::new());
    let kraken = Kraken::new(Subscription::default(), Arc::clone(&instruments)).unwrap();
    check("kraken-v2/minagbp_d25_20260816.gz", kraken);
    check("kraken-v1/book1000_20210417.gz", KrakenV1::new(&[], instruments));
}

#[test]
fn okx_allocates_nothing_in_steady_state() {
    let okx = Okx::new(Subscription::default(), Arc::new(Instruments::new())).unwrap();
    check("okx-v5/books_20220513.gz", okx);
}

/// CRC-32 of IEEE 802.3, as a signed number.
fn checksum(text: &str) -> i32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    let take = |crc: u32, byte: u8| (0..8).fold(crc ^ u32::from(byte), step);
    (!text.bytes().fold(!0, take)).cast_signed()
}

/// Every kind of Bitget's messages; none was recorded.
fn bitget_frames() -> Vec<Vec<u8>> {
    let push = |action: &str, channel: &str, data: &str| {
        let argument = format!(r#"{{"instType":"SPOT","channel":"{channel}","instId":"BTCUSDT"}}"#);
        format!(r#"{{"action":"{action}","arg":{argument},"data":[{data}],"ts":1695716059516}}"#)
    };
    let book = |number: usize, size: &str| {
        let sum = checksum(&format!("9.50:{size}:9.60:0.3"));
        let asks = if number == 1 { r#"["9.60","0.3"]"# } else { "" };
        let action = if number == 1 { "snapshot" } else { "update" };
        let data = format!(
            r#"{{"asks":[{asks}],"bids":[["9.50","{size}"]],"checksum":{sum},"seq":{number},"ts":"1"}}"#
        );
        push(action, "books", &data)
    };
    let trade = r#"{"ts":"1","price":"9.5","size":"0.1","side":"buy","tradeId":"7"}"#;
    let ticker = r#"{"lastPr":"9.5","bidPr":"9.5","bidSz":"1","askPr":"9.6","askSz":"2","ts":"1"}"#;
    let candle = r#"["1695672780000","9.5","9.6","9.4","9.5","1.5","15","15"]"#;
    let picture = r#"{"asks":[["9.6","1"]],"bids":[["9.5","1"]],"checksum":0,"seq":1,"ts":"1"}"#;
    let mut texts = vec!["pong".to_owned()];
    for number in 1..50 {
        texts.push(book(number, ["0.10", "2", "0.5000"][number % 3]));
        texts.push(push("update", "trade", trade));
        texts.push(push("snapshot", "ticker", ticker));
        texts.push(push("update", "candle1m", candle));
        texts.push(push("snapshot", "books5", picture));
    }
    // Once more with numbers that are no texts.
    texts.extend(texts.clone().iter().map(|it| it.replace("\"9.5\"", "9.5")));
    texts.into_iter().map(String::into_bytes).collect()
}

#[test]
fn bitget_allocates_nothing_in_steady_state() {
    let bitget = Bitget::new(Subscription::default(), Arc::new(Instruments::new())).unwrap();
    check_frames("bitget", bitget_frames(), bitget);
}
