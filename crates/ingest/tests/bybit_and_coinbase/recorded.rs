//! Recorded sessions: read, replayed into books, and damaged.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tickring_book::{Book, Books};
use tickring_capture::LineReader;
use tickring_event::{DecimalText, Gap, Instrument, Instruments, Level, MarketEvent, Payload};
use tickring_ingest::{EventBatch, Frame, Inbound, Stamp, Venue};

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

pub(crate) fn messages(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = LineReader::open(path).unwrap();
    let mut messages = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        messages.push(frame.text.to_vec());
    }
    messages
}

/// One connection decoded into books.
pub(crate) struct Replay<V> {
    pub(crate) venue: V,
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) batch: EventBatch,
    pub(crate) books: Books,
    /// What frames turned out to be.
    pub(crate) outcomes: BTreeMap<String, u64>,
    /// Events by symbol and kind.
    pub(crate) events: BTreeMap<(String, &'static str), u64>,
    pub(crate) gaps: Vec<Gap>,
    /// Tickers that came while there was a book, and those of them whose prices are its top.
    pub(crate) tops: BTreeMap<String, (u64, u64)>,
}

impl<V: Venue> Replay<V> {
    pub(crate) fn new<E: std::fmt::Debug>(
        make: impl FnOnce(Arc<Instruments>) -> Result<V, E>,
    ) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(64));
        let mut venue = make(Arc::clone(&instruments)).unwrap();
        let mut batch = EventBatch::new();
        venue.open(&mut batch);
        Self {
            venue,
            instruments,
            batch,
            books: Books::new(),
            outcomes: BTreeMap::new(),
            events: BTreeMap::new(),
            gaps: Vec::new(),
            tops: BTreeMap::new(),
        }
    }

    /// Decodes a frame and applies its events.
    pub(crate) fn frame(&mut self, text: &[u8]) {
        let frame = Frame { stamp: Stamp::default(), text };
        let outcome = match self.venue.decode(&frame, &mut self.batch).unwrap() {
            Inbound::Data(kind) => self.venue.message_kinds()[kind].to_owned(),
            Inbound::Ack { complete } => format!("ack {complete}"),
            Inbound::Pong => "pong".to_owned(),
            other => panic!("{other:?}"),
        };
        *self.outcomes.entry(outcome).or_default() += 1;
        assert_eq!(self.batch.take_commands().count(), 0, "nothing is wrong with a recording");
        assert_eq!(self.batch.take_remarks().count(), 0, "nothing is new in a recording");
        let batch = std::mem::take(&mut self.batch);
        batch.events().iter().for_each(|event| self.apply(event));
        self.batch = batch;
        self.batch.clear();
    }

    fn apply(&mut self, event: &MarketEvent) {
        let applied = self.books.apply(event);
        let symbol = self.instruments.instrument(event.instrument).unwrap().symbol().to_owned();
        let kind = match event.payload() {
            Payload::Gap(gap) => {
                self.gaps.push(gap);
                "gap"
            }
            Payload::TopOfBook(top) => {
                if let Some(book) = self.books.book(event.instrument).filter(|it| it.is_valid()) {
                    let best = [book.best_bid(), book.best_ask()].map(|it| it.map(|it| it.price));
                    let (seen, equal) = self.tops.entry(symbol.clone()).or_default();
                    *seen += 1;
                    *equal += u64::from(best == [top.bid_price, top.ask_price]);
                }
                "top"
            }
            Payload::Trade(_) => "trade",
            Payload::Bar(_) => "bar",
            Payload::Levels(_) if applied.is_change() => "depth",
            Payload::Levels(_) => "part",
            Payload::Status(_) => "status",
        };
        *self.events.entry((symbol, kind)).or_default() += 1;
    }

    pub(crate) fn count(&self, symbol: &str, kind: &'static str) -> u64 {
        self.events.get(&(symbol.to_owned(), kind)).copied().unwrap_or(0)
    }

    pub(crate) fn book(&self, symbol: &str) -> &Book {
        self.books.book(self.instruments.id(symbol).unwrap()).unwrap()
    }

    fn instrument(&self, symbol: &str) -> &Instrument {
        self.instruments.instrument(self.instruments.id(symbol).unwrap()).unwrap()
    }

    /// The book of `symbol` in the words of the expected results. Texts are compared without the
    /// zeros at their end: of those a venue writes more or less from number to number.
    #[track_caller]
    pub(crate) fn assert_book(&self, symbol: &str, expected: &Value) {
        let (instrument, book) = (self.instrument(symbol), self.book(symbol));
        assert!(book.is_valid());
        assert_eq!((book.gaps(), book.interrupted(), book.stale()), (0, 0, 0));
        assert_eq!(book.is_crossed(), expected["crossed_at_end"]);
        let (bids, asks) = book.levels();
        assert_eq!(Value::from(vec![bids, asks]), expected["levels"], "{symbol}");
        let check = |levels: Vec<Level>, expected: &Value| {
            let expected = expected.as_array().unwrap();
            assert_eq!(levels.len(), expected.len());
            for (level, texts) in levels.iter().zip(expected) {
                let text = |it: &Value| plain(it.as_str().unwrap());
                let own = |it: DecimalText| plain(&it.to_string());
                assert_eq!(own(instrument.price_text(level.price)), text(&texts[0]));
                assert_eq!(own(instrument.quantity_text(level.quantity)), text(&texts[1]));
            }
        };
        check(book.bids(5).collect(), &expected["top5"]["bids"]);
        check(book.asks(5).collect(), &expected["top5"]["asks"]);
    }
}

/// A number without the zeros at the end of its decimals.
fn plain(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// How a recording is damaged: a message is lost, or comes in the place of a later one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Damage {
    Deleted,
    SwappedWith(usize),
}

/// `count` positions below `len`, chosen by a printed seed.
#[expect(clippy::print_stderr, reason = "a failure is found again by its seed")]
pub(crate) fn chosen(len: usize, count: usize) -> Vec<usize> {
    const SEED: u64 = 20_260_809;
    eprintln!("seed {SEED}");
    let mut random = fastrand::Rng::with_seed(SEED);
    (0..count).map(|_| random.usize(0..len)).collect()
}

/// `messages` with the one at `at` damaged; `None` where there is none to swap it with.
pub(crate) fn damaged<'a>(
    messages: &[&'a [u8]],
    at: usize,
    damage: Damage,
) -> Option<Vec<&'a [u8]>> {
    let mut messages = messages.to_vec();
    match damage {
        Damage::Deleted => {
            messages.remove(at);
        }
        Damage::SwappedWith(other) if other < messages.len() => messages.swap(at, other),
        Damage::SwappedWith(_) => return None,
    }
    Some(messages)
}

/// The whole number after `"key":` in a message, with or without quotes.
pub(crate) fn number(text: &[u8], key: &str) -> Option<u64> {
    let text = std::str::from_utf8(text).unwrap();
    let (_, rest) = text.split_once(&format!("\"{key}\":"))?;
    let rest = rest.trim_start_matches('"');
    let end = rest.find(|it: char| !it.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// Whether a message holds this text.
pub(crate) fn holds(text: &[u8], part: &str) -> bool {
    text.windows(part.len()).any(|it| it == part.as_bytes())
}
