//! From the read of a socket to the published event nothing is allocated in steady state.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::TcpListener;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;

use tickring_event::{ConnectionId, InstrumentId, Instruments, MarketEvent};
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{
    Command, End, EventPublisher, Inbound, Incoming, Ingest, LiveConfig, LiveSource, Polling,
    PublishConfig, Source, SourceError, Stamp, notices,
};
use tickring_metrics::{Clock, Counter, SharedCounters};
use tickring_ring::{Capacity, OnFull, PollError, WaitStrategy, ring};
use tungstenite::Message;

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

/// Frames before the counting begins: every symbol, size and buffer has been seen by then.
const WARM_UP_FRAMES: u64 = 5_000;

/// Frames among which nothing may be allocated.
const COUNTED_FRAMES: u64 = 50_000;

/// Length of the first frame: tungstenite's buffer grows when what it holds has no room behind itself, and
/// never again once it is four times as long as one read.
const LONGEST_FRAME_BYTES: usize = 64 * 1024;

/// A live source that notes the allocations of its thread, and ends after the last frame.
struct Watched {
    source: LiveSource,
    frames: u64,
    /// Allocations when the counting began, and up to the last frame.
    seen: [u64; 2],
}

impl Source for Watched {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        if self.frames <= WARM_UP_FRAMES {
            self.seen[0] = ALLOCATIONS.get();
        }
        if self.frames == WARM_UP_FRAMES + COUNTED_FRAMES {
            self.seen[1] = ALLOCATIONS.get();
            return Ok(Incoming::Ended);
        }
        let incoming = self.source.next()?;
        self.frames += u64::from(matches!(incoming, Incoming::Frame(_)));
        Ok(incoming)
    }

    fn command(&mut self, connection: ConnectionId, command: Command) {
        self.source.command(connection, command);
    }

    fn snapshot_came(&mut self, connection: ConnectionId, instrument: InstrumentId) {
        self.source.snapshot_came(connection, instrument);
    }

    fn answer(&mut self, connection: ConnectionId, inbound: &Inbound) -> Result<(), SourceError> {
        self.source.answer(connection, inbound)
    }

    fn keep_alive(&mut self) {
        self.source.keep_alive();
    }

    fn kernel_wait_ticks(&self, stamp: Stamp) -> Option<u64> {
        self.source.kernel_wait_ticks(stamp)
    }
}

/// Market data of every kind and length that the venue documents.
fn data() -> Vec<&'static str> {
    let file = include_str!("data/tickdb/documented.txt");
    let frames = file.lines().filter_map(|line| line.strip_prefix("< "));
    frames.filter(|it| it.contains("\"data\"") && !it.contains("\"code\":")).collect()
}

/// Sends the frames again and again, with a ping now and then, until the other side has had enough.
fn send_frames(listener: &TcpListener) {
    let (stream, _) = listener.accept().unwrap();
    let mut socket = tungstenite::accept(stream).unwrap();
    let long = format!(r#"{{"cmd":"long","data":"{}"}}"#, "-".repeat(LONGEST_FRAME_BYTES));
    if socket.send(Message::text(long)).is_err() {
        return;
    }
    for (index, text) in data().into_iter().cycle().enumerate() {
        let ping = index % 1_000 == 0;
        let message = if ping { Message::Ping(b"here"[..].into()) } else { Message::text(text) };
        if socket.send(message).is_err() {
            return;
        }
    }
}

fn named(name: &str) -> thread::Builder {
    thread::Builder::new().name(name.to_owned())
}

#[track_caller]
fn check(polling: Polling, kernel_time: bool) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut config = LiveConfig::new(format!("ws://{}/", listener.local_addr().unwrap()), None);
    (config.polling, config.kernel_time) = (polling, kernel_time);
    let server = named("server").spawn(move || send_frames(&listener)).unwrap();
    let clock = Clock::new();
    let (notices, _receiver) = notices();
    let source = LiveSource::new(config, clock.clone(), notices.clone(), 7).unwrap();
    let mut source = Watched { source, frames: 0, seen: [0; 2] };
    let symbols = ["SPX", "XAUUSD", "NVDA.US", "700.HK", "600519.SH", "BTCUSDT", "AAPL.US"];
    let tickdb = TickDbConfig::parse(&symbols, &["ticker", "depth", "trade"]).unwrap();
    let venue = TickDb::new(&tickdb, Arc::new(Instruments::new())).unwrap();
    let (publisher, mut pollers) = ring::<MarketEvent>(Capacity::new(4_096).unwrap(), 1);
    let mut poller = pollers.remove(0);
    let reader = named("reader")
        .spawn(move || {
            let limit = NonZeroUsize::new(256).unwrap();
            let mut events = 0_u64;
            loop {
                match poller.poll(limit, |_, _, _| events += 1) {
                    Err(PollError::Shutdown) => return events,
                    Ok(_) => {}
                    Err(_) => thread::yield_now(),
                }
            }
        })
        .unwrap();
    let config = PublishConfig { on_full: OnFull::Block, wait: WaitStrategy::Yield };
    let report = Ingest {
        source: &mut source,
        venues: vec![Box::new(venue)],
        pairs: Vec::new(),
        publisher: EventPublisher::new(publisher, config, clock),
        stop: Arc::new(AtomicBool::new(false)),
        drain_ns_max: 30_000_000_000,
        shared: Arc::new(SharedCounters::new()),
        notices,
    }
    .run();
    let events = reader.join().unwrap();
    let [before, after] = source.seen;
    drop(source);
    server.join().unwrap();
    assert!(matches!(report.end, End::Ended), "{:?}", report.end);
    assert_eq!(report.counters.get(Counter::EventsPublished), events);
    assert!(events >= WARM_UP_FRAMES + COUNTED_FRAMES, "{events} events");
    assert_eq!(after - before, 0, "allocations in {COUNTED_FRAMES} frames");
}

#[test]
fn nothing_is_allocated_from_the_socket_to_the_ring() {
    check(Polling::Busy, false);
    check(Polling::Block, false);
}

#[test]
fn the_kernels_times_allocate_nothing_either() {
    check(Polling::Busy, true);
}
