//! A Bitget session made up from its documentation, since none was recorded: what the decoder makes of
//! all of it.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use tickring_ingest::Inbound;

use crate::oracle::{Side, key, okx};
use crate::support::Replay;

const SEED: u64 = 20_261_127;

/// Messages of the books.
const BOOK_MESSAGES: usize = 400;

/// A session, and what a reader of it must find.
pub(crate) struct Made {
    pub(crate) frames: Vec<String>,
    /// By symbol.
    writers: BTreeMap<&'static str, Writer>,
    counts: BTreeMap<&'static str, u64>,
}

/// One book as its venue keeps it: levels with both texts.
#[derive(Default)]
struct Writer {
    bids: BTreeMap<i128, [String; 2]>,
    asks: BTreeMap<i128, [String; 2]>,
    number: u64,
    snapshots: u64,
    updates: u64,
}

impl Writer {
    /// A message of a book: its levels as they change, their texts in several writings.
    fn message(&mut self, symbol: &str, rng: &mut Rng) -> String {
        let is_snapshot = self.number == 0 || rng.u8(..120) == 0;
        if is_snapshot {
            (self.bids, self.asks) = (BTreeMap::new(), BTreeMap::new());
            self.snapshots += 1;
        } else {
            self.updates += 1;
        }
        self.number += rng.u64(1..30);
        let texts = [("bids", 9_600), ("asks", 10_000)].map(|(name, base)| {
            let count = if is_snapshot { 60 } else { rng.usize(..5) };
            let side = if name == "bids" { &mut self.bids } else { &mut self.asks };
            let levels: Vec<_> = (0..count).map(|_| change(side, base, rng)).collect();
            format!(r#""{name}":[{}]"#, levels.join(","))
        });
        let action = if is_snapshot { "snapshot" } else { "update" };
        let more = format!(r#","checksum":{},"seq":{}"#, self.checksum(), self.number);
        pushed(action, "books", symbol, &format!("{{{}{more},{TIME}}}", texts.join(",")))
    }

    fn checksum(&self) -> i64 {
        okx(&texts(&self.bids), &texts(&self.asks))
    }
}

const TIME: &str = r#""ts":"1695716059516""#;

fn texts(side: &BTreeMap<i128, [String; 2]>) -> Side<'_> {
    side.iter().map(|(key, level)| (*key, level.each_ref().map(String::as_str))).collect()
}

/// Changes a level of a side near `base` cents: `["96.50","0.0300"]`.
fn change(side: &mut BTreeMap<i128, [String; 2]>, base: u32, rng: &mut Rng) -> String {
    let cents = base + 5 * rng.u32(..80);
    let mut price = format!("{}.{:02}", cents / 100, cents % 100);
    if cents.is_multiple_of(100) && rng.bool() {
        price.truncate(price.len() - 3);
    }
    let size = match rng.u32(..4) {
        0 => "0".to_owned(),
        1 => format!("{}", rng.u32(1..9)),
        _ => format!("0.{:04}", rng.u32(1..9_999)),
    };
    let at = key(&price);
    side.remove(&at);
    let text = format!(r#"["{price}","{size}"]"#);
    if size != "0" {
        side.insert(at, [price, size]);
    }
    text
}

fn pushed(action: &str, channel: &str, symbol: &str, data: &str) -> String {
    format!(
        r#"{{"action":"{action}","arg":{{"instType":"SPOT","channel":"{channel}","instId":"{symbol}"}},"data":[{data}],"ts":1695716059516}}"#
    )
}

/// Two instruments on every channel. Always the same.
pub(crate) fn made() -> Made {
    let mut rng = Rng::with_seed(SEED);
    let (mut frames, mut counts) = (VecDeque::new(), BTreeMap::new());
    let mut writers: BTreeMap<&str, Writer> =
        ["BTCUSDT", "ETHUSDT"].map(|symbol| (symbol, Writer::default())).into();
    let mut trade_id = 1_000;
    let mut trade = || {
        trade_id += 1;
        format!(r#"{{{TIME},"price":"98.12","size":"0.5","side":"buy","tradeId":"{trade_id}"}}"#)
    };
    for symbol in writers.keys() {
        let (newer, older) = (trade(), trade());
        frames.push_back(pushed("snapshot", "trade", symbol, &format!("{newer},{older}")));
    }
    for _ in 0..BOOK_MESSAGES {
        let (symbol, writer) = writers.iter_mut().nth(rng.usize(..2)).unwrap();
        frames.push_back(writer.message(symbol, &mut rng));
        let (kind, frame) = match rng.u8(..8) {
            0 => ("trade", pushed("update", "trade", symbol, &trade())),
            1 => {
                let data = format!(
                    r#"{{"lastPr":"98.1","bidPr":"97","bidSz":"1","askPr":"99","askSz":"2",{TIME}}}"#
                );
                ("ticker", pushed("snapshot", "ticker", symbol, &data))
            }
            2 => {
                let data = r#"["1695672780000","98","99","97","98.5","1.5","3300.2","3300.2"]"#;
                ("candle", pushed("update", "candle1m", symbol, data))
            }
            _ => continue,
        };
        frames.push_back(frame);
        *counts.entry(kind).or_default() += 1;
    }
    counts.insert("book_snapshot", writers.values().map(|it| it.snapshots).sum());
    counts.insert("book_update", writers.values().map(|it| it.updates).sum());
    Made { frames: frames.into(), writers, counts }
}

#[test]
fn a_made_up_session_gives_the_counts_and_books_of_its_writer_and_every_checksum_is_right() {
    let made = made();
    let mut replay = Replay::bitget(&[], &[], None);
    replay.open();
    let mut ignored = 0;
    for frame in &made.frames {
        match replay.frame(frame) {
            Ok(Inbound::Data(_)) => {}
            Ok(Inbound::Ignored("trade_snapshot")) => ignored += 1,
            other => panic!("{other:?}: {frame}"),
        }
    }
    assert_eq!((&replay.messages, ignored), (&made.counts, 2));
    assert!(made.counts["book_snapshot"] > 2, "books start over in between");
    assert!(replay.gaps.is_empty() && replay.commands.is_empty() && replay.remarks.is_empty());
    let mut checked = 0;
    for (symbol, writer) in &made.writers {
        let (instrument, book) = (replay.instrument(symbol), replay.book(symbol));
        assert_eq!(book.levels(), (writer.bids.len(), writer.asks.len()), "{symbol}");
        assert!(book.is_valid() && writer.bids.len() > 25 && writer.asks.len() > 25);
        let same = |found: Vec<tickring_event::Level>, levels: Vec<&[String; 2]>| {
            let read = |[price, size]: &[String; 2]| {
                let price = instrument.price(price.as_bytes()).unwrap();
                tickring_event::Level {
                    price,
                    quantity: instrument.quantity(size.as_bytes()).unwrap(),
                }
            };
            assert_eq!(found, levels.into_iter().map(read).collect::<Vec<_>>(), "{symbol}");
        };
        same(book.bids(1_000).collect(), writer.bids.values().rev().collect());
        same(book.asks(1_000).collect(), writer.asks.values().collect());
        assert_eq!(book.last_sequence(), writer.number);
        assert_eq!((book.snapshots(), book.applied()), (writer.snapshots, writer.updates));
        let id = replay.instruments.id(symbol).unwrap();
        let (_, checks) = replay.venue.checks().into_iter().find(|it| it.0 == id).unwrap();
        assert_eq!((checks.checked, checks.failed), (writer.snapshots + writer.updates, 0));
        checked += checks.checked;
    }
    assert_eq!(usize::try_from(checked), Ok(BOOK_MESSAGES));
}
