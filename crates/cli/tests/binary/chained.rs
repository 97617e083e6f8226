//! Recordings in parts: files one after the other are one stream, and a part without its beginning is
//! no book.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tickring_capture::{LineReader, LineWriter};

use crate::support::{Ran, count, recorded_data, tickring};

/// One file of each venue.
const SESSIONS: [(&str, &str); 9] = [
    ("binance-spot", "binance-spot/btcusdt_20240808.gz"),
    ("binance-usdm", "binance-usdm/btcusdt_20240808.gz"),
    ("bybit-linear", "bybit-v5/linear_20260809.gz"),
    ("bybit-spot", "bybit-v5/spot_20260809.gz"),
    ("coinbase-advanced", "coinbase-advanced/btcusd_ethusd_20260809.gz"),
    ("coinbase-exchange", "coinbase-exchange/products10_20210417.gz"),
    ("kraken-v1", "kraken-v1/book1000_20210417.gz"),
    ("kraken", "kraken-v2/minagbp_d25_20260816.gz"),
    ("okx", "okx-v5/books_20220513.gz"),
];

/// Writes `path` in two files, the first of as many messages as half of `messages`.
fn split(path: &Path, messages: u64, folder: &Path) -> [PathBuf; 2] {
    let mut reader = LineReader::open(path).unwrap();
    let parts = ["first", "second"].map(|name| folder.join(name));
    let mut writers = parts.each_ref().map(|it| LineWriter::new("part", File::create(it).unwrap()));
    let mut written = 0;
    while let Some(frame) = reader.next_frame().unwrap() {
        let part = usize::from(written >= messages / 2);
        writers[part].write_frame(frame.arrival_ns, frame.text).unwrap();
        written += 1;
    }
    for writer in writers {
        writer.finish().unwrap();
    }
    parts
}

fn replay(venue: &str, paths: &[&Path]) -> Value {
    let mut command = tickring(&["replay", "--venue", venue, "--speed", "max", "--books"]);
    Ran::of(command.args(["--format", "json"]).args(paths)).exits(0).report()
}

#[test]
fn files_one_after_the_other_continue_each_others_books() {
    let Some(data) = recorded_data() else { return };
    for (venue, file) in SESSIONS {
        check_parts(venue, &data.join(file));
    }
}

/// Both halves of a recording are the whole.
#[track_caller]
pub(crate) fn check_parts(venue: &str, path: &Path) {
    let whole = replay(venue, &[path]);
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = split(path, count(&whole["frames"]), folder.path());
    // In whichever order they are named.
    for parts in [[&*first, &second], [&*second, &first]] {
        let chained = replay(venue, &parts);
        assert_eq!(chained["books"], whole["books"], "{venue}");
        assert_eq!(chained["messages"], whole["messages"], "{venue}");
        assert_eq!(chained["loss"], whole["loss"], "{venue}");
    }
}

#[test]
fn a_part_without_its_beginning_is_unseeded_and_never_a_valid_book() {
    let Some(data) = recorded_data() else { return };
    for (venue, file) in SESSIONS {
        check_second_part(venue, &data.join(file));
    }
}

/// The second half of a recording alone is no book.
#[track_caller]
pub(crate) fn check_second_part(venue: &str, path: &Path) {
    let whole = replay(venue, &[path]);
    let folder = tempfile::tempdir().unwrap();
    let [_, second] = split(path, count(&whole["frames"]), folder.path());
    let report = replay(venue, &[&second]);
    let books = report["books"].as_object().unwrap();
    assert!(!books.is_empty(), "{venue}");
    for (symbol, book) in books {
        assert_eq!((&book["seeded"], &book["valid"]), (&false.into(), &false.into()), "{symbol}");
        assert_eq!((&book["snapshots"], &book["applied"]), (&0.into(), &0.into()), "{symbol}");
        assert!(count(&book["stale"]) > 0, "{venue} {symbol}");
    }
}

#[test]
fn files_of_several_instruments_that_follow_each_other_stay_apart() {
    let Some(data) = recorded_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let later = folder.path().join("later");
    let eth = data.join("binance-spot/ethusdt_20240808.gz");
    let mut reader = LineReader::open(&eth).unwrap();
    let mut writer = LineWriter::new("later", File::create(&later).unwrap());
    while let Some(frame) = reader.next_frame().unwrap() {
        // A day later: the files do not overlap.
        writer.write_frame(frame.arrival_ns + 86_400_000_000_000, frame.text).unwrap();
    }
    writer.finish().unwrap();
    let btc = data.join("binance-spot/btcusdt_20240808.gz");
    let both = replay("binance-spot", &[&btc, &later]);
    assert_eq!(both["books"]["BTCUSDT"], replay("binance-spot", &[&btc])["books"]["BTCUSDT"]);
    assert_eq!(both["books"]["ETHUSDT"], replay("binance-spot", &[&eth])["books"]["ETHUSDT"]);
}
