//! The same as `venues_live` and `chained` for a venue of which no session was recorded: one
//! is made up from its documentation.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use fastrand::Rng;
use serde_json::{Value, json};
use tickring_capture::LineWriter;

use crate::chained::{check_parts, check_second_part};
use crate::support::{Ran, count, tickring};
use crate::venues_live::{Session, session};

const BITGET: Session = Session {
    speed: "14",
    repeated: &["top_of_book", "bar"],
    ..session("bitget-spot", "BTCUSDT,ETHUSDT", "ticker,depth,trade,bar")
};

const SEED: u64 = 7;

/// Messages of books.
const BOOK_MESSAGES: u64 = 600;

/// A message each so often: 40 s in all.
const STEP_NS: u64 = 66_000_000;

/// One book as its venue keeps it: price in cents to both texts.
#[derive(Default)]
struct Writer {
    sides: [BTreeMap<u32, [String; 2]>; 2],
    number: u64,
}

impl Writer {
    fn message(&mut self, symbol: &str, rng: &mut Rng) -> String {
        let is_snapshot = self.number == 0;
        self.number += rng.u64(1..30);
        let count = if is_snapshot { 50 } else { rng.usize(..5) };
        let [bids, asks] = [0, 1].map(|side| {
            let levels = (0..count).map(|_| self.change(side, rng));
            levels.collect::<Vec<_>>()
        });
        let data = json!({ "bids": bids, "asks": asks, "checksum": self.checksum(),
            "seq": self.number, "ts": "1695716059516" });
        push(if is_snapshot { "snapshot" } else { "update" }, "books", symbol, &data)
    }

    fn change(&mut self, side: usize, rng: &mut Rng) -> [String; 2] {
        let cents = [9_600, 10_000][side] + 5 * rng.u32(..80);
        let price = format!("{}.{:02}", cents / 100, cents % 100);
        let size =
            if rng.u8(..4) == 0 { "0".to_owned() } else { format!("0.{:03}0", rng.u32(1..999)) };
        self.sides[side].remove(&cents);
        if size != "0" {
            self.sides[side].insert(cents, [price.clone(), size.clone()]);
        }
        [price, size]
    }

    fn checksum(&self) -> i32 {
        let bids: Vec<_> = self.sides[0].values().rev().take(25).collect();
        let asks: Vec<_> = self.sides[1].values().take(25).collect();
        let best = (0..25).flat_map(|at| [bids.get(at), asks.get(at)]).flatten();
        let text = best.map(|level| level.join(":")).collect::<Vec<_>>().join(":");
        let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        let take = |crc: u32, byte: u8| (0..8).fold(crc ^ u32::from(byte), step);
        (!text.bytes().fold(!0, take)).cast_signed()
    }
}

fn push(action: &str, channel: &str, symbol: &str, data: &Value) -> String {
    let argument = json!({ "instType": "SPOT", "channel": channel, "instId": symbol });
    json!({ "action": action, "arg": argument, "data": [data], "ts": 1_695_716_059_516_u64 })
        .to_string()
}

/// Writes a session of two instruments on every channel; how many frames it has.
fn write_bitget(path: &Path) -> u64 {
    let mut rng = Rng::with_seed(SEED);
    let mut writers = ["BTCUSDT", "ETHUSDT"].map(|symbol| (symbol, Writer::default()));
    let mut file = LineWriter::new("made", File::create(path).unwrap());
    let mut frames = 0;
    let mut write = |text: &str| {
        file.write_frame(1_700_000_000_000_000_000 + frames * STEP_NS, text.as_bytes()).unwrap();
        frames += 1;
    };
    for at in 0..BOOK_MESSAGES {
        let (symbol, writer) = &mut writers[usize::from(rng.bool())];
        write(&writer.message(symbol, &mut rng));
        let time = "1695716059516";
        match rng.u8(..6) {
            0 => {
                let id = (1_000 + at).to_string();
                let trade = json!({ "ts": time, "price": "98.10", "size": "0.5", "side": "sell",
                    "tradeId": id });
                write(&push("update", "trade", symbol, &trade));
            }
            1 => {
                let ticker = json!({ "lastPr": "98.10", "bidPr": "98", "bidSz": "1",
                    "askPr": "98.15", "askSz": "2", "ts": time });
                write(&push("snapshot", "ticker", symbol, &ticker));
            }
            2 => {
                let start = (1_695_672_780_000 + at / 100 * 60_000).to_string();
                let candle = json!([start, "98", "99", "97", "98.5", "1.5", "147", "147"]);
                write(&push("update", "candle1m", symbol, &candle));
            }
            _ => {}
        }
    }
    file.finish().unwrap();
    frames
}

#[test]
fn bitget_live_gives_the_books_and_counts_of_its_replay_also_across_three_cut_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitget");
    write_bitget(&path);
    for cuts in [0, 3] {
        BITGET.check_file(path.to_str().unwrap(), cuts);
    }
}

#[test]
fn every_checksum_of_a_replayed_bitget_session_is_right() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitget");
    let frames = write_bitget(&path);
    let mut command = tickring(&["replay", "--venue", "bitget-spot", "--speed", "max", "--books"]);
    let report = Ran::of(command.args(["--format", "json"]).arg(&path)).exits(0).report();
    assert_eq!(report["frames"], frames);
    assert_eq!(report["decode_errors"]["total"], 0);
    assert_eq!(report["loss"]["gaps"], 0);
    let books = report["books"].as_object().unwrap();
    let checked = books.values().map(|book| {
        assert_eq!((&book["valid"], &book["checksums"]["failed"]), (&true.into(), &0.into()));
        count(&book["checksums"]["checked"])
    });
    assert_eq!(checked.sum::<u64>(), BOOK_MESSAGES);
}

#[test]
fn parts_of_a_bitget_session_continue_each_other_and_the_second_alone_is_no_book() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bitget");
    write_bitget(&path);
    check_parts(BITGET.venue, &path);
    check_second_part(BITGET.venue, &path);
}
