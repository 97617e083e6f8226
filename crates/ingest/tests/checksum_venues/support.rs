//! One connection decoded into books, and the recorded sessions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tickring_book::{Book, Books};
use tickring_capture::LineReader;
use tickring_event::{ConnectionId, Flags, Gap, Instrument, Instruments, MarketEvent, Payload};
use tickring_ingest::{
    Bitget, Channel, Command, DecodeError, EventBatch, Frame, Inbound, Kraken, KrakenV1, Okx,
    Stamp, Subscription, Venue,
};

pub(crate) const STAMP: Stamp = Stamp { connection: ConnectionId(3), arrival_ticks: 77 };

/// Folder of the recorded sessions, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the folder is missing and `CI` is `true`: there it must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
pub(crate) fn recorded_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

pub(crate) fn expected(folder: &Path, session: &str) -> Value {
    let name = session.replace('/', "__").replace(".gz", ".json");
    let text = std::fs::read_to_string(folder.join("expected").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

pub(crate) fn frames(path: &Path) -> Vec<String> {
    let mut reader = LineReader::open(path).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        frames.push(String::from_utf8(frame.text.to_vec()).unwrap());
    }
    frames
}

/// One connection decoded into books.
pub(crate) struct Replay {
    pub(crate) venue: Box<dyn Venue>,
    pub(crate) instruments: Arc<Instruments>,
    /// The events of the last frame.
    pub(crate) batch: EventBatch,
    pub(crate) books: Books,
    pub(crate) messages: BTreeMap<&'static str, u64>,
    pub(crate) gaps: Vec<Gap>,
    /// Since the start.
    pub(crate) commands: Vec<Command>,
    pub(crate) remarks: Vec<&'static str>,
}

impl Replay {
    fn new(venue: Box<dyn Venue>, instruments: Arc<Instruments>) -> Self {
        Self {
            venue,
            instruments,
            batch: EventBatch::new(),
            books: Books::new(),
            messages: BTreeMap::new(),
            gaps: Vec::new(),
            commands: Vec::new(),
            remarks: Vec::new(),
        }
    }

    pub(crate) fn kraken(symbols: &[&str], channels: &[Channel], depth: Option<u32>) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(16));
        let subscription = subscription(symbols, channels, depth);
        let venue = Kraken::new(subscription, Arc::clone(&instruments)).unwrap();
        Self::new(Box::new(venue), instruments)
    }

    pub(crate) fn kraken_v1() -> Self {
        let instruments = Arc::new(Instruments::with_capacity(16));
        let venue = KrakenV1::new(&[], Arc::clone(&instruments));
        Self::new(Box::new(venue), instruments)
    }

    pub(crate) fn bitget(symbols: &[&str], channels: &[Channel], depth: Option<u32>) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(16));
        let subscription = subscription(symbols, channels, depth);
        let venue = Bitget::new(subscription, Arc::clone(&instruments)).unwrap();
        Self::new(Box::new(venue), instruments)
    }

    pub(crate) fn okx(symbols: &[&str], channels: &[Channel], depth: Option<u32>) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(16));
        let subscription = subscription(symbols, channels, depth);
        let venue = Okx::new(subscription, Arc::clone(&instruments)).unwrap();
        Self::new(Box::new(venue), instruments)
    }

    /// The outcome of one frame; the events of the last frame only are kept.
    pub(crate) fn frame(&mut self, text: &str) -> Result<Inbound, DecodeError> {
        self.bytes(text.as_bytes())
    }

    pub(crate) fn bytes(&mut self, text: &[u8]) -> Result<Inbound, DecodeError> {
        self.batch.clear();
        let inbound = self.venue.decode(&Frame { stamp: STAMP, text }, &mut self.batch);
        if let Ok(Inbound::Data(kind)) = inbound {
            *self.messages.entry(self.venue.message_kinds()[kind]).or_default() += 1;
        }
        self.apply();
        inbound
    }

    pub(crate) fn open(&mut self) {
        self.batch.clear();
        self.venue.open(&mut self.batch);
        self.apply();
    }

    pub(crate) fn disconnect(&mut self) {
        self.batch.clear();
        self.venue.disconnected(STAMP, &mut self.batch);
        self.apply();
    }

    pub(crate) fn finish(&mut self) {
        self.batch.clear();
        self.venue.finish(&mut self.batch);
        self.apply();
    }

    fn apply(&mut self) {
        for event in self.batch.events() {
            self.books.apply(event);
            if let Payload::Gap(gap) = event.payload() {
                self.gaps.push(gap);
            }
        }
        self.commands.extend(self.batch.take_commands());
        self.remarks.extend(self.batch.take_remarks());
    }

    /// Whether the last frame said that a book is not right, or asked for one.
    pub(crate) fn says_broken(&mut self) -> bool {
        let breaks = |event: &MarketEvent| match event.payload() {
            Payload::Gap(gap) => gap.breaks_book,
            Payload::Levels(_) => event.flags.contains(Flags::STALE),
            _ => false,
        };
        self.batch.events().iter().any(breaks) || self.commands.drain(..).count() > 0
    }

    pub(crate) fn only_event(&self) -> MarketEvent {
        let [event] = self.batch.events() else { panic!("{:?}", self.batch.events()) };
        *event
    }

    pub(crate) fn book(&self, symbol: &str) -> &Book {
        self.books.book(self.instruments.id(symbol).unwrap()).unwrap()
    }

    pub(crate) fn instrument(&self, symbol: &str) -> &Instrument {
        self.instruments.instrument(self.instruments.id(symbol).unwrap()).unwrap()
    }

    /// Every book of the expected results, whose numbers are as they were last received.
    #[track_caller]
    pub(crate) fn assert_books(&self, expected: &Value, checks: &str) {
        let mut checked = 0;
        for (symbol, expected) in expected["books"].as_object().unwrap() {
            let (instrument, book) = (self.instrument(symbol), self.book(symbol));
            assert!(book.is_valid(), "{symbol}");
            assert_eq!(book.is_crossed(), expected["crossed_at_end"]);
            assert_eq!(book.last_sequence(), expected["last_sequence"].as_u64().unwrap_or(0));
            let levels = book.levels();
            assert_eq!(Value::from(vec![levels.0, levels.1]), expected["levels"], "{symbol}");
            let counts = &expected["counts"];
            assert_eq!(book.snapshots(), counts["snapshots"]);
            assert_eq!(book.applied(), counts["updates"], "{symbol}");
            assert_eq!((book.gaps(), book.stale(), book.interrupted()), (0, 0, 0));
            let is_same = |found: Vec<tickring_event::Level>, side: &str| {
                let texts = expected["top5"][side].as_array().unwrap();
                assert_eq!(found.len(), texts.len());
                for (level, text) in found.iter().zip(texts) {
                    let [price, quantity] = [0, 1].map(|at| text[at].as_str().unwrap());
                    assert_eq!(instrument.price(price.as_bytes()), Ok(level.price), "{symbol}");
                    assert_eq!(instrument.quantity(quantity.as_bytes()), Ok(level.quantity));
                }
            };
            is_same(book.bids(5).collect(), "bids");
            is_same(book.asks(5).collect(), "asks");

            let id = self.instruments.id(symbol).unwrap();
            let (_, of_book) = self.venue.checks().into_iter().find(|it| it.0 == id).unwrap();
            assert_eq!((of_book.checked, of_book.failed), (counts[checks].as_u64().unwrap(), 0));
            checked += of_book.checked;
        }
        assert_eq!(Value::from(checked), expected["totals"][checks]);
        assert!(self.gaps.is_empty(), "{:?}", self.gaps);
    }
}

pub(crate) fn subscription(
    symbols: &[&str],
    channels: &[Channel],
    depth: Option<u32>,
) -> Subscription {
    let symbols = symbols.iter().map(|&it| it.to_owned()).collect();
    Subscription { symbols, channels: channels.to_vec(), depth }
}
