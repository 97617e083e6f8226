//! Recorded Binance sessions: every count and every book as an independent rebuild found them.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tickring_book::{Applied, Book, Books};
use tickring_capture::{LineReader, Session};
use tickring_event::{
    ConnectionId, Gap, GapReason, Instrument, Instruments, Kind, Level, MarketEvent, Payload,
    TopOfBook,
};
use tickring_ingest::{
    Binance, Command, EventBatch, Frame, Inbound, Incoming, Market, Pace, RecordedSource, Source,
    Stamp, ThreadWait, Venue,
};
use tickring_metrics::Clock;

const SPOT_BTC: &str = "binance-spot/btcusdt_20240808.gz";
const SPOT_ETH: &str = "binance-spot/ethusdt_20240808.gz";
const USDM_BTC: &str = "binance-usdm/btcusdt_20240808.gz";

/// Folder of the recorded sessions, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the folder is missing and `CI` is `true`: there it must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn recorded_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

fn expected(folder: &Path, session: &str) -> Value {
    let name = session.replace('/', "__").replace(".gz", ".json");
    let text = std::fs::read_to_string(folder.join("expected").join(name)).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// One connection decoded into books.
struct Replay {
    venue: Binance,
    instruments: Arc<Instruments>,
    batch: EventBatch,
    books: Books,
    messages: BTreeMap<&'static str, u64>,
    gaps: Vec<Gap>,
    /// Highest and lowest price with their quantities after each applied diff, by its `u`.
    tops: Vec<(u64, [Option<Level>; 2])>,
    /// Each bookTicker by its `u`.
    tickers: Vec<(u64, TopOfBook)>,
}

impl Replay {
    fn new(market: Market) -> Self {
        let instruments = Arc::new(Instruments::new());
        Self {
            venue: Binance::new(market, &["BTCUSDT".into(), "ETHUSDT".into()], instruments.clone()),
            instruments,
            batch: EventBatch::new(),
            books: Books::new(),
            messages: BTreeMap::new(),
            gaps: Vec::new(),
            tops: Vec::new(),
            tickers: Vec::new(),
        }
    }

    /// Decodes a frame and applies its events.
    fn frame(&mut self, text: &[u8]) {
        let inbound = self.venue.decode(&Frame { stamp: Stamp::default(), text }, &mut self.batch);
        let Ok(Inbound::Data(kind)) = inbound else { panic!("{inbound:?}") };
        *self.messages.entry(self.venue.message_kinds()[kind]).or_default() += 1;
        self.apply();
    }

    fn finish(&mut self) {
        self.venue.finish(&mut self.batch);
        self.apply();
    }

    fn apply(&mut self) {
        for event in self.batch.events() {
            let applied = self.books.apply(event);
            match event.payload() {
                Payload::Gap(gap) => self.gaps.push(gap),
                Payload::TopOfBook(top) => self.tickers.push((event.venue_sequence, top)),
                _ => {}
            }
            if applied == Applied::Changed {
                let book = self.books.book(event.instrument).unwrap();
                self.tops.push((event.venue_sequence, [book.best_bid(), book.best_ask()]));
            }
        }
        self.batch.clear();
    }

    fn book(&self, symbol: &str) -> &Book {
        self.books.book(self.instruments.id(symbol).unwrap()).unwrap()
    }

    fn instrument(&self, symbol: &str) -> &Instrument {
        self.instruments.instrument(self.instruments.id(symbol).unwrap()).unwrap()
    }

    /// The book of `symbol` in the words of the expected results.
    #[track_caller]
    fn assert_book(&self, symbol: &str, expected: &Value) {
        let (instrument, book) = (self.instrument(symbol), self.book(symbol));
        let expected = &expected["books"][symbol];
        assert!(book.is_valid());
        assert_eq!(book.is_crossed(), expected["crossed_at_end"]);
        assert_eq!(book.last_sequence(), expected["last_sequence"]);
        let (bids, asks) = book.levels();
        assert_eq!(
            [bids, asks].map(Value::from).as_slice(),
            expected["levels"].as_array().unwrap()
        );
        let texts = |levels: Vec<Level>| {
            let texts = levels.iter().map(|level| {
                let price = instrument.price_text(level.price).to_string();
                Value::from(vec![price, instrument.quantity_text(level.quantity).to_string()])
            });
            Value::Array(texts.collect())
        };
        assert_eq!(texts(book.bids(5).collect()), expected["top5"]["bids"]);
        assert_eq!(texts(book.asks(5).collect()), expected["top5"]["asks"]);
    }

    /// How often the book's top after a diff was the last bookTicker at or below its `u`, of those
    /// diffs that a later bookTicker follows: behind the others there may be one that never came.
    fn tops_that_agree(&self) -> usize {
        let latest = self.tickers.last().unwrap().0;
        let comparable = self.tops.iter().filter(|(last, _)| *last < latest);
        let agrees = |(last, [bid, ask]): &&(u64, [Option<Level>; 2])| {
            let index = self.tickers.partition_point(|(id, _)| id <= last) - 1;
            let top = self.tickers[index].1;
            let bid_agrees = bid.map(|it| it.price) == top.bid_price
                && bid.map(|it| it.quantity) == top.bid_quantity;
            bid_agrees
                && ask.map(|it| it.price) == top.ask_price
                && ask.map(|it| it.quantity) == top.ask_quantity
        };
        let (agreeing, all) = (comparable.clone().filter(agrees).count(), comparable.count());
        assert_eq!(agreeing, all, "every comparable top agrees");
        all
    }
}

fn for_each_frame(path: &Path, mut take: impl FnMut(&[u8])) {
    let mut reader = LineReader::open(path).unwrap();
    while let Some(frame) = reader.next_frame().unwrap() {
        take(frame.text);
    }
}

#[track_caller]
fn check_session(market: Market, session: &str, symbol: &str) {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, session);
    let mut replay = Replay::new(market);
    for_each_frame(&folder.join(session), |text| replay.frame(text));
    assert!(replay.gaps.is_empty(), "{:?}", replay.gaps);
    let before = replay.book(symbol).stale();
    replay.finish();
    replay.assert_book(symbol, &expected);

    let counts = &expected["books"][symbol]["counts"];
    let book = replay.book(symbol);
    assert_eq!(book.stale(), before, "nothing was held to the end");
    assert_eq!(book.applied(), counts["applied"]);
    assert_eq!(book.stale(), counts["older_than_snapshot"]);
    assert_eq!(book.snapshots(), counts["snapshots"]);
    assert_eq!((book.gaps(), book.interrupted(), book.crossed()), (0, 0, 0));
    for (kind, name) in [
        ("bookTicker", "bookTicker"),
        ("trade", "trade"),
        ("depthUpdate", "depth_events"),
        ("snapshot", "snapshots"),
    ] {
        assert_eq!(replay.messages[kind], counts[name], "{kind}");
    }
    assert_eq!(replay.messages.values().sum::<u64>(), expected["stats"]["messages"]);
    assert_eq!(replay.tops_that_agree(), counts["top_agrees_with_bookTicker"]);
}

#[test]
fn spot_btcusdt_is_the_expected_book_and_its_top_is_always_the_book_tickers() {
    check_session(Market::Spot, SPOT_BTC, "BTCUSDT");
}

#[test]
fn spot_ethusdt_is_the_expected_book_and_its_top_is_always_the_book_tickers() {
    check_session(Market::Spot, SPOT_ETH, "ETHUSDT");
}

#[test]
fn usdm_btcusdt_is_the_expected_book_and_its_top_is_always_the_book_tickers() {
    check_session(Market::UsdM, USDM_BTC, "BTCUSDT");
}

#[test]
fn two_sessions_in_one_replay_keep_their_books_and_counts_apart() {
    let Some(folder) = recorded_data() else { return };
    let sessions = [(SPOT_BTC, "BTCUSDT"), (SPOT_ETH, "ETHUSDT")];
    let open = |(session, _)| -> Box<dyn Session> {
        Box::new(LineReader::open(&folder.join(session)).unwrap())
    };
    let readers = sessions.into_iter().map(open).collect();
    let (clock, _) = Clock::mock();
    let mut source = RecordedSource::new(readers, Pace::Max, clock, ThreadWait::Yield).unwrap();
    let instruments = Arc::new(Instruments::new());
    let mut replays = [Replay::new(Market::Spot), Replay::new(Market::Spot)];
    for replay in &mut replays {
        replay.venue = Binance::new(Market::Spot, &[], Arc::clone(&instruments));
        replay.instruments = Arc::clone(&instruments);
    }
    loop {
        match source.next().unwrap() {
            Incoming::Frame(frame) => {
                replays[usize::from(frame.stamp.connection.0)].frame(frame.text);
            }
            Incoming::Ended => break,
            Incoming::Status(..) | Incoming::Part(_) | Incoming::Hole(..) | Incoming::Idle => {}
        }
    }
    assert_eq!(source.recorded_tally().frames, 41_249 + 33_618);
    assert_eq!(
        source.recorded_tally().span_ns(),
        1_723_161_599_999_231_384 - 1_723_161_253_937_085_768
    );
    for (replay, (session, symbol)) in replays.iter().zip(sessions) {
        replay.assert_book(symbol, &expected(&folder, session));
    }
    assert_eq!(instruments.iter().count(), 2);
}

/// One depth line of a session: text, and for diffs `[U, u, pu]`.
type DepthLine = (Vec<u8>, Option<[u64; 3]>);

fn depth_lines(path: &Path) -> Vec<DepthLine> {
    let mut lines = Vec::new();
    for_each_frame(path, |text| {
        let head = String::from_utf8_lossy(&text[..text.len().min(200)]);
        if head.contains("\"depthUpdate\"") {
            let number = |key: &str| {
                let digits = head.split_once(&format!("\"{key}\":")).map_or("0", |it| it.1);
                let end = digits.find(|it: char| !it.is_ascii_digit()).unwrap_or(digits.len());
                digits[..end].parse().unwrap()
            };
            lines.push((text.to_vec(), Some([number("U"), number("u"), number("pu")])));
        } else if head.contains("\"lastUpdateId\"") {
            lines.push((text.to_vec(), None));
        }
    });
    lines
}

/// Positions of diffs among the depth lines, of which the first continues the snapshot.
fn applied_positions(lines: &[DepthLine], last: u64) -> Vec<usize> {
    let applied = |line: &DepthLine| line.1.is_some_and(|[_, u, _]| u > last);
    (0..lines.len()).filter(|&index| applied(&lines[index])).collect()
}

fn snapshot_id(lines: &[DepthLine]) -> u64 {
    let (text, _) = lines.iter().find(|line| line.1.is_none()).unwrap();
    serde_json::from_slice::<Value>(text).unwrap()["lastUpdateId"].as_u64().unwrap()
}

/// Replays `order` of `lines`; the gaps with the index of the line each was found at.
fn gaps_of<'a>(market: Market, lines: impl Iterator<Item = &'a [u8]>) -> (Replay, Vec<usize>) {
    let mut replay = Replay::new(market);
    // A snapshot may be the first line left, so that only the configuration names its symbol.
    replay.venue = Binance::new(market, &["BTCUSDT".to_owned()], Arc::clone(&replay.instruments));
    let mut found_at = Vec::new();
    for (index, text) in lines.enumerate() {
        replay.frame(text);
        found_at.resize(replay.gaps.len(), index);
    }
    replay.finish();
    (replay, found_at)
}

#[track_caller]
fn check_deleted_diffs(market: Market, session: &str) {
    let Some(folder) = recorded_data() else { return };
    let lines = depth_lines(&folder.join(session));
    let last = snapshot_id(&lines);
    let applied = applied_positions(&lines, last);
    let snapshot_at = lines.iter().position(|line| line.1.is_none()).unwrap();
    let count = applied.len();
    for nth in [0, 1, 2, count / 3, count / 2, count - 2] {
        let deleted = applied[nth];
        let kept = |index: &usize| *index != deleted;
        let texts = (0..lines.len()).filter(kept).map(|index| lines[index].0.as_slice());
        let (replay, found_at) = gaps_of(market, texts);

        let before = if nth == 0 { last } else { lines[applied[nth - 1]].1.unwrap()[1] };
        let [first, _, previous] = lines[applied[nth + 1]].1.unwrap();
        let (expected, received, missing) = match market {
            Market::Spot => (before + 1, first, first - (before + 1)),
            Market::UsdM => (before, previous, 0),
        };
        let reason = GapReason::Sequence;
        let gap = Gap { reason, expected, received, missing, breaks_book: true };
        assert_eq!(replay.gaps, [gap], "diff {nth} deleted");
        // The next diff shows it, or the snapshot where that comes later. One line is gone before.
        let earliest = (applied[nth + 1] - 1).max(snapshot_at - usize::from(deleted < snapshot_at));
        assert_eq!(found_at, [earliest], "diff {nth} deleted");
        let book = replay.book("BTCUSDT");
        assert!(!book.is_valid());
        assert_eq!((book.gaps(), book.applied()), (1, nth as u64), "diff {nth} deleted");
        let diffs = lines.len() as u64 - 2;
        assert_eq!(book.applied() + book.stale(), diffs, "each diff is published once");
    }
}

#[test]
fn a_deleted_spot_diff_is_one_gap_at_the_next_one() {
    check_deleted_diffs(Market::Spot, SPOT_BTC);
}

#[test]
fn a_deleted_usdm_diff_is_one_gap_at_the_next_one() {
    check_deleted_diffs(Market::UsdM, USDM_BTC);
}

#[test]
fn a_deleted_diff_that_the_snapshot_holds_is_no_gap() {
    let Some(folder) = recorded_data() else { return };
    for (market, session) in [(Market::Spot, SPOT_BTC), (Market::UsdM, USDM_BTC)] {
        let lines = depth_lines(&folder.join(session));
        let (replay, _) = gaps_of(market, lines[1..].iter().map(|line| line.0.as_slice()));
        assert!(replay.gaps.is_empty());
        replay.assert_book("BTCUSDT", &expected(&folder, session));
    }
}

#[test]
fn two_swapped_diffs_are_one_gap() {
    let Some(folder) = recorded_data() else { return };
    for (market, session) in [(Market::Spot, SPOT_BTC), (Market::UsdM, USDM_BTC)] {
        let mut lines = depth_lines(&folder.join(session));
        let applied = applied_positions(&lines, snapshot_id(&lines));
        let (earlier, later) = (applied[1_000], applied[1_001]);
        let before = lines[applied[999]].1.unwrap()[1];
        let [first, _, previous] = lines[later].1.unwrap();
        lines.swap(earlier, later);
        let (replay, found_at) = gaps_of(market, lines.iter().map(|line| line.0.as_slice()));
        let numbers = |gap: &Gap| (gap.expected, gap.received, gap.missing);
        let expected = match market {
            Market::Spot => (before + 1, first, first - (before + 1)),
            Market::UsdM => (before, previous, 0),
        };
        assert_eq!(replay.gaps.iter().map(numbers).collect::<Vec<_>>(), [expected]);
        assert_eq!(found_at, [earlier]);
    }
}

/// The book as the venue's REST answer would show it.
fn snapshot_text(replay: &Replay) -> Vec<u8> {
    let (instrument, book) = (replay.instrument("BTCUSDT"), replay.book("BTCUSDT"));
    let side = |levels: Vec<Level>| -> Vec<[String; 2]> {
        let text = |level: &Level| {
            let price = instrument.price_text(level.price).to_string();
            [price, instrument.quantity_text(level.quantity).to_string()]
        };
        levels.iter().map(text).collect()
    };
    let (bids, asks) =
        (side(book.bids(usize::MAX).collect()), side(book.asks(usize::MAX).collect()));
    let last = book.last_sequence();
    serde_json::json!({ "lastUpdateId": last, "bids": bids, "asks": asks }).to_string().into_bytes()
}

#[test]
fn a_snapshot_in_the_middle_takes_a_broken_book_up_again() {
    let Some(folder) = recorded_data() else { return };
    for (market, session) in [(Market::Spot, SPOT_BTC), (Market::UsdM, USDM_BTC)] {
        let lines = depth_lines(&folder.join(session));
        let applied = applied_positions(&lines, snapshot_id(&lines));
        // The snapshot shows the book after line `shown`, and comes a little later.
        let (deleted, shown, comes) = (applied[1_000], applied[1_200], applied[1_205]);
        let mut whole = Replay::new(market);
        lines[..=shown].iter().for_each(|line| whole.frame(&line.0));
        let snapshot = snapshot_text(&whole);

        let mut texts: Vec<_> = lines.iter().map(|line| line.0.as_slice()).collect();
        texts.insert(comes, &snapshot);
        texts.remove(deleted);
        let (replay, found_at) = gaps_of(market, texts.into_iter());
        assert_eq!(found_at, [deleted]);
        replay.assert_book("BTCUSDT", &expected(&folder, session));
        let book = replay.book("BTCUSDT");
        assert_eq!((book.snapshots(), book.gaps()), (2, 1));
        // All but: the deleted one, those between it and the snapshot's state, the older ones. The
        // diff that ends exactly at the snapshot's id is old on spot and applied again on USD-M.
        let unapplied = 200 - u64::from(market == Market::UsdM);
        assert_eq!(book.applied(), applied.len() as u64 - 1 - unapplied);
    }
}

#[test]
fn a_snapshot_that_was_asked_for_gives_the_same_book() {
    let Some(folder) = recorded_data() else { return };
    let sessions = [
        (Market::Spot, SPOT_BTC, "BTCUSDT"),
        (Market::Spot, SPOT_ETH, "ETHUSDT"),
        (Market::UsdM, USDM_BTC, "BTCUSDT"),
    ];
    for (market, session, symbol) in sessions {
        let expected = expected(&folder, session);
        let mut replay = Replay::new(market);
        for (text, ids) in depth_lines(&folder.join(session)) {
            if ids.is_some() {
                replay.frame(&text);
                continue;
            }
            let asked: Vec<_> = replay.batch.take_commands().collect();
            assert!(matches!(&asked[..], [Command::Fetch(it)] if it.symbol == symbol), "{asked:?}");
            let head = format!(r#"{{"snapshot":"{symbol}","body":"#);
            replay.frame(&[head.as_bytes(), &text, b"}"].concat());
        }
        assert_eq!(replay.batch.take_commands().count(), 0);
        replay.finish();
        assert!(replay.gaps.is_empty(), "{:?}", replay.gaps);
        replay.assert_book(symbol, &expected);
        let (book, counts) = (replay.book(symbol), &expected["books"][symbol]["counts"]);
        assert_eq!((book.applied(), book.stale()), {
            let count = |name: &str| counts[name].as_u64().unwrap();
            (count("applied"), count("older_than_snapshot"))
        });
    }
}

#[test]
fn events_carry_their_connection_and_kind() {
    let Some(folder) = recorded_data() else { return };
    let mut replay = Replay::new(Market::Spot);
    let stamp = Stamp { connection: ConnectionId(5), arrival_ticks: 9 };
    let mut events: Vec<MarketEvent> = Vec::new();
    for_each_frame(&folder.join(SPOT_ETH), |text| {
        replay.venue.decode(&Frame { stamp, text }, &mut replay.batch).unwrap();
        events.extend(replay.batch.events());
        replay.batch.clear();
    });
    assert!(events.iter().all(|it| it.connection == stamp.connection && it.arrival_ticks == 9));
    let count = |kind| events.iter().filter(|it| it.kind() == kind).count();
    assert_eq!(count(Kind::Trade) as u64, expected(&folder, SPOT_ETH)["totals"]["trade"]);
    assert_eq!(count(Kind::TopOfBook) as u64, expected(&folder, SPOT_ETH)["totals"]["bookTicker"]);
    assert_eq!(count(Kind::Gap) + count(Kind::Bar) + count(Kind::Status), 0);
}
