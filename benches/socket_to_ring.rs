//! From a socket, or a recording, to a strategy: how many messages a second, as far as one says.
//!
//! `cargo run --release -p tickring-benches --example socket_to_ring -- HOW FROM MESSAGES`
//!
//! `FROM` is the address that the example `sender` says, or a recorded Binance USD-M session. `HOW` is
//! how far each message goes, all on one thread: `read`, `decode` (to events), `ring` (published, and
//! read off the ring in batches) or `handle` (given to the strategy `null` with every stage timed);
//! `burst` is `handle` on a thread of its own, begun when everything waits in the socket.
//! Says one line of JSON.

#![expect(clippy::unwrap_used, reason = "a tool of benches that cannot go on has nothing to say")]
#![expect(clippy::cast_precision_loss, reason = "rates are read to three digits")]

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use tickring_capture::{OnDamage, OpenOptions, Opened, open_session};
use tickring_event::{ConnectionId, ConnectionState, Instruments, MarketEvent, Status};
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{
    Binance, Command, EventBatch, EventPublisher, Inbound, Incoming, Ingest, LiveConfig,
    LiveSource, Market, Pace, Polling, PublishConfig, RecordedSource, Source, SourceError, Stamp,
    ThreadWait, Venue, notices,
};
use tickring_metrics::{Clock, EventTimes, SharedCounters, StageRecorders};
use tickring_ring::{Capacity, OnFull, PollError, Poller, Publisher, WaitStrategy, ring};

/// Slots of the ring, as a run has by default.
const SLOTS: usize = 16_384;

/// Frames after which the reader on the same thread takes what is on the ring.
const FRAMES_PER_BATCH: u64 = 64;

/// Events of one poll.
const BATCH: NonZeroUsize = NonZeroUsize::new(1_024).expect("not zero");

/// How long a burst gets to fill the socket before it is read.
const FILL_WAIT: Duration = Duration::from_millis(1_500);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let (how, from) = (arguments.next().unwrap(), arguments.next().unwrap());
    let messages = arguments.next().map_or(u64::MAX, |it| it.parse().unwrap());
    let clock = Clock::new();
    let instruments = Arc::new(Instruments::new());
    let told = if from.starts_with("ws://") {
        let tickdb = TickDbConfig::parse(&["BTCUSDT"], &["ticker"]).unwrap();
        let venue = Box::new(TickDb::new(&tickdb, instruments).unwrap());
        measure(&how, live(from, &clock), venue, messages, &clock)
    } else {
        let venue = Box::new(Binance::new(Market::UsdM, &[], instruments));
        measure(&how, recorded(from, &clock), venue, messages, &clock)
    };
    let Told { messages, events, ns } = told;
    let seconds = ns as f64 / 1e9;
    let rate = messages as f64 / seconds;
    let line = format!(
        r#"{{"name":"tickring {how}","version":"{}","messages":{messages},"seconds":{seconds:.6},"messages_per_s":{rate:.0},"events":{events}}}"#,
        env!("CARGO_PKG_VERSION")
    );
    drop(writeln!(std::io::stdout().lock(), "{line}"));
}

/// What was measured.
struct Told {
    messages: u64,
    events: u64,
    ns: u64,
}

/// A connection that is open, with the status that says so.
fn live(url: String, clock: &Clock) -> Counted<LiveSource> {
    let config = LiveConfig { polling: Polling::Busy, ..LiveConfig::new(url, None) };
    // Nobody listens: what is said is dropped.
    let mut source = LiveSource::new(config, clock.clone(), notices().0, 7).unwrap();
    let connected = loop {
        match source.next().unwrap() {
            Incoming::Status(stamp, it) if it.state == ConnectionState::Connected => {
                break (stamp, it);
            }
            _ => {}
        }
    };
    Counted::new(source, Some(connected))
}

fn recorded(path: String, clock: &Clock) -> Counted<RecordedSource> {
    let options = OpenOptions { on_damage: OnDamage::Stop, from_ns: 0, threads: 0 };
    let Opened { session, .. } = open_session(&PathBuf::from(path), options).unwrap();
    let source = RecordedSource::new(vec![session], Pace::Max, clock.clone(), ThreadWait::Yield);
    Counted::new(source.unwrap(), None)
}

fn measure<S: Source + Send>(
    how: &str,
    mut source: Counted<S>,
    mut venue: Box<dyn Venue>,
    messages: u64,
    clock: &Clock,
) -> Told {
    source.messages_max = messages;
    let start = clock.ticks();
    let events = match how {
        "read" => walk(&mut source, None),
        "decode" => walk(&mut source, Some(&mut *venue)),
        "ring" => publish(&mut source, venue, clock, Handling::Count),
        "handle" => publish(&mut source, venue, clock, Handling::Time(Box::default())),
        "burst" => return burst(source, venue, clock),
        other => panic!("`{other}` is none of read, decode, ring, handle, burst"),
    };
    let end = clock.ticks();
    Told { messages: source.messages, events, ns: clock.elapsed_ns(start, end) }
}

/// A source that ends after so many messages, or with its connection.
struct Counted<S> {
    source: S,
    first: Option<(Stamp, Status)>,
    messages: u64,
    messages_max: u64,
    /// Reads the ring on this thread, where nobody else does.
    reader: Option<Reader>,
}

impl<S> Counted<S> {
    const fn new(source: S, first: Option<(Stamp, Status)>) -> Self {
        Self { source, first, messages: 0, messages_max: u64::MAX, reader: None }
    }
}

impl<S: Source> Source for Counted<S> {
    #[inline]
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        if let Some((stamp, status)) = self.first.take() {
            return Ok(Incoming::Status(stamp, status));
        }
        if self.messages.is_multiple_of(FRAMES_PER_BATCH)
            && let Some(reader) = &mut self.reader
        {
            reader.read();
        }
        if self.messages == self.messages_max {
            return Ok(Incoming::Ended);
        }
        let incoming = self.source.next()?;
        match &incoming {
            Incoming::Frame(_) => self.messages += 1,
            Incoming::Status(_, it) if it.state == ConnectionState::Disconnected => {
                return Ok(Incoming::Ended);
            }
            _ => {}
        }
        Ok(incoming)
    }

    fn command(&mut self, connection: ConnectionId, command: Command) {
        self.source.command(connection, command);
    }

    fn answer(&mut self, connection: ConnectionId, inbound: &Inbound) -> Result<(), SourceError> {
        self.source.answer(connection, inbound)
    }

    fn keep_alive(&mut self) {
        self.source.keep_alive();
        if let Some(reader) = &mut self.reader {
            reader.read();
        }
    }
}

/// Reads, and decodes where there is a venue; gives the number of events.
fn walk<S: Source>(source: &mut Counted<S>, mut venue: Option<&mut dyn Venue>) -> u64 {
    let mut batch = EventBatch::new();
    let mut events = 0;
    loop {
        match (source.next().unwrap(), &mut venue) {
            (Incoming::Frame(frame), Some(venue)) => {
                drop(venue.decode(&frame, &mut batch));
                events += batch.events().len() as u64;
                batch.clear();
            }
            (Incoming::Frame(frame), None) => drop(std::hint::black_box(frame.text)),
            (Incoming::Status(_, it), Some(venue)) if it.state == ConnectionState::Connected => {
                venue.open(&mut batch);
                batch.clear();
            }
            (Incoming::Ended, _) => return events,
            _ => {}
        }
    }
}

/// What is done with an event that was read off the ring.
enum Handling {
    Count,
    /// As a run does it: two readings of the clock and three records.
    Time(Box<StageRecorders>),
}

struct Reader {
    poller: Poller<MarketEvent>,
    handling: Handling,
    clock: Clock,
    events: u64,
    /// When the last event was done with.
    last_ticks: u64,
}

impl Reader {
    /// Everything on the ring; false when no more will come.
    fn read(&mut self) -> bool {
        let Self { poller, handling, clock, events, last_ticks } = self;
        loop {
            let polled = poller.poll(BATCH, |event, _, _| {
                *events += 1;
                if let Handling::Time(recorders) = handling {
                    let process = clock.ticks();
                    std::hint::black_box(event.kind());
                    let done = clock.ticks();
                    let (arrival, enqueue) = (event.arrival_ticks, event.enqueue_ticks);
                    recorders.record(EventTimes { arrival, enqueue, process, done });
                    *last_ticks = done;
                }
            });
            match polled {
                Ok(_) => {}
                Err(PollError::Empty) => return true,
                Err(PollError::Shutdown) => return false,
            }
        }
    }
}

fn reader(poller: Poller<MarketEvent>, clock: &Clock, handling: Handling) -> Reader {
    Reader { poller, handling, clock: clock.clone(), events: 0, last_ticks: 0 }
}

/// Publishes, and reads the ring on the same thread; gives the number of events.
fn publish<S: Source>(
    source: &mut Counted<S>,
    venue: Box<dyn Venue>,
    clock: &Clock,
    handling: Handling,
) -> u64 {
    let (publisher, mut pollers) = ring::<MarketEvent>(Capacity::new(SLOTS).unwrap(), 1);
    source.reader = Some(reader(pollers.remove(0), clock, handling));
    ingest(source, venue, publisher, clock);
    source.reader.as_ref().map_or(0, |reader| reader.events)
}

/// Waits until the socket is full, then times everything to the last event that a strategy on a
/// thread of its own has handled.
fn burst<S: Source + Send>(mut source: Counted<S>, venue: Box<dyn Venue>, clock: &Clock) -> Told {
    let (publisher, mut pollers) = ring::<MarketEvent>(Capacity::new(SLOTS).unwrap(), 1);
    let mut reader = reader(pollers.remove(0), clock, Handling::Time(Box::default()));
    thread::scope(|scope| {
        let reading = scope.spawn(move || {
            while reader.read() {
                thread::yield_now();
            }
            reader
        });
        thread::park_timeout(FILL_WAIT);
        let start = clock.ticks();
        ingest(&mut source, venue, publisher, clock);
        let reader = reading.join().unwrap();
        let ns = clock.elapsed_ns(start, reader.last_ticks);
        Told { messages: source.messages, events: reader.events, ns }
    })
}

fn ingest<S: Source>(
    source: &mut Counted<S>,
    venue: Box<dyn Venue>,
    publisher: Publisher<MarketEvent>,
    clock: &Clock,
) {
    let config = PublishConfig { on_full: OnFull::Block, wait: WaitStrategy::Yield };
    let ingest = Ingest {
        source,
        venues: vec![venue],
        pairs: Vec::new(),
        publisher: EventPublisher::new(publisher, config, clock.clone()),
        stop: Arc::new(AtomicBool::new(false)),
        drain_ns_max: 10_000_000_000,
        shared: Arc::new(SharedCounters::new()),
        notices: notices().0,
    };
    let report = ingest.run();
    assert!(report.drained.is_clean(), "{:?}", report.end);
    assert_eq!(report.decode_errors, []);
}
