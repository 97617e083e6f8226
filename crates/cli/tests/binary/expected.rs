//! Every recorded session replayed: the counts and books that an independent rebuild found.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Ran, count, recorded_data, tickring};

/// How the files of a folder are replayed, and what of the report is what of the expected counts.
struct Row {
    folder: &'static str,
    /// What the file's name begins with.
    file: &'static str,
    venue: &'static str,
    /// Ours, and those of the expected file that it stands for.
    kinds: &'static [(&'static str, &'static [&'static str])],
}

const ROWS: &[Row] = &[
    Row { folder: "binance-spot", file: "", venue: "binance-spot", kinds: BINANCE },
    Row { folder: "binance-usdm", file: "", venue: "binance-usdm", kinds: BINANCE },
    Row { folder: "bybit-v5", file: "linear", venue: "bybit-linear", kinds: BYBIT },
    Row { folder: "bybit-v5", file: "spot", venue: "bybit-spot", kinds: BYBIT },
    Row {
        folder: "coinbase-advanced",
        file: "",
        venue: "coinbase-advanced",
        kinds: &[
            ("l2_data", &["l2_data:snapshot", "l2_data:update"]),
            ("ticker", &["ticker:snapshot", "ticker:update"]),
            ("market_trades", &["market_trades:snapshot", "market_trades:update"]),
            ("candles", &["candles:snapshot", "candles:update"]),
            ("pongs", &["heartbeats:"]),
            ("acks", &["subscriptions:"]),
        ],
    },
    Row {
        folder: "coinbase-exchange",
        file: "",
        venue: "coinbase-exchange",
        kinds: &[
            ("l2update", &["type=l2update"]),
            ("snapshot", &["type=snapshot"]),
            ("match", &["type=match"]),
            ("last_match", &["type=last_match"]),
            ("ticker", &["type=ticker"]),
            ("acks", &["type=subscriptions"]),
        ],
    },
    Row {
        folder: "kraken-v1",
        file: "",
        venue: "kraken-v1",
        kinds: &[
            ("book_snapshot+book_update", &["array:book-1000"]),
            ("trade", &["array:trade"]),
            ("ticker", &["array:ticker"]),
            ("pongs", &["event=heartbeat"]),
            ("acks", &["event=subscriptionStatus"]),
            ("ignored", &["event=systemStatus"]),
        ],
    },
    Row {
        folder: "kraken-v2",
        file: "",
        venue: "kraken",
        kinds: &[
            ("book_snapshot", &["book:snapshot"]),
            ("book_update", &["book:update"]),
            ("pongs", &["channel=heartbeat"]),
            ("acks", &["method=subscribe"]),
            ("ignored", &["status:update"]),
        ],
    },
    Row {
        folder: "okx-v5",
        file: "",
        venue: "okx",
        kinds: &[
            ("book_snapshot", &["books:snapshot"]),
            ("book_update", &["books:update"]),
            ("trade", &["trades:data"]),
            ("ticker", &["tickers:data"]),
            ("acks", &["books:subscribe", "trades:subscribe", "tickers:subscribe"]),
        ],
    },
];

const BINANCE: &[(&str, &[&str])] = &[
    ("bookTicker", &["bookTicker"]),
    ("trade", &["trade"]),
    ("depthUpdate", &["depth@100ms", "depth@0ms"]),
    ("snapshot", &["rest-depth-snapshot"]),
];

const BYBIT: &[(&str, &[&str])] = &[
    ("orderbook", &["orderbook.200:snapshot", "orderbook.200:delta"]),
    ("publicTrade", &["publicTrade:snapshot"]),
    ("tickers", &["tickers:snapshot", "tickers:delta"]),
    ("kline", &["kline.1:snapshot"]),
    ("acks", &["op=subscribe"]),
];

#[test]
fn every_recorded_session_gives_the_counts_and_books_that_an_independent_rebuild_found() {
    let Some(folder) = recorded_data() else { return };
    let mut sessions = 0;
    for entry in fs::read_dir(folder.join("expected")).unwrap() {
        let expected = fs::read_to_string(entry.unwrap().path()).unwrap();
        let expected: Value = serde_json::from_str(&expected).unwrap();
        let file = expected["file"].as_str().unwrap();
        let (parent, name) = file.split_once('/').unwrap();
        let row = ROWS.iter().find(|row| row.folder == parent && name.starts_with(row.file));
        let row = row.unwrap_or_else(|| panic!("no venue is known for {file}"));
        check(row, &folder.join(file), &expected);
        sessions += 1;
    }
    assert!(sessions >= 12, "{sessions} sessions");
}

#[track_caller]
fn check(row: &Row, path: &Path, expected: &Value) {
    let mut command = tickring(&["replay", "--venue", row.venue, "--speed", "max", "--books"]);
    let report = Ran::of(command.args(["--format", "json"]).arg(path)).exits(0).report();
    let stats = &expected["stats"];
    assert_eq!(report["frames"], stats["messages"], "{path:?}");
    assert_eq!(report["bytes"], stats["bytes"]["total"], "{path:?}");
    assert_eq!(report["decode_errors"], json!({ "total": 0, "by_reason": {} }), "{path:?}");
    assert_eq!((&report["loss"]["gaps"], &report["gaps"]), (&0.into(), &json!([])), "{path:?}");
    let mut kinds_count = 0;
    for (ours, theirs) in row.kinds {
        let of_kind = |it: &&str| stats["kinds"].get(*it).map_or(0, |it| count(&it["n"]));
        let expected: u64 = theirs.iter().map(of_kind).sum();
        assert_eq!(ours.split('+').map(|it| counted(&report, it)).sum::<u64>(), expected, "{ours}");
        kinds_count += expected;
    }
    assert_eq!(kinds_count, count(&stats["messages"]), "{path:?}: every message is of a kind");
    check_books(&report, expected, path);
}

/// What the report counted of a kind of message or of control frames.
fn counted(report: &Value, kind: &str) -> u64 {
    let control = report["control"].get(kind);
    control.or_else(|| report["messages"].get(kind)).map_or(0, count)
}

fn check_books(report: &Value, expected: &Value, path: &Path) {
    let mut books = 0;
    for (symbol, expected) in expected["books"].as_object().unwrap() {
        if expected["levels"] == json!([0, 0]) {
            continue;
        }
        // Bybit's books are told apart by their depth there.
        let symbol = symbol.split('@').next().unwrap();
        let (book, counts) = (&report["books"][symbol], &expected["counts"]);
        let either = |names: &[&str]| {
            names.iter().find_map(|it| counts.get(*it)).map_or_else(|| json!(0), Value::clone)
        };
        let mut wanted = json!({
            "levels": expected["levels"],
            "top5": expected["top5"],
            "last_sequence": &book["last_sequence"],
            "seeded": true,
            "snapshots": either(&["snapshots", "snapshot"]),
            "applied": either(&["applied", "deltas", "updates", "l2update"]),
            "stale": either(&["older_than_snapshot"]),
            "gaps": 0,
            "valid": true,
        });
        if !expected["last_sequence"].is_null() {
            wanted["last_sequence"] = expected["last_sequence"].clone();
        }
        if let Some(checked) = counts.get("checksum_ok") {
            wanted["checksums"] = json!({ "checked": checked, "failed": 0 });
        }
        assert_eq!(*book, wanted, "{symbol} of {path:?}");
        books += 1;
    }
    let found = report["books"].as_object().unwrap().len();
    assert_eq!(found, books, "{path:?} has no other books");
}
