//! Recordings of other tools, replayed as they are.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;

use serde_json::{Value, json};
use tickring_capture::LineReader;

use crate::support::{Ran, count, messages, recorded_data, tickring};

/// Frames of the recorded session that are converted.
const FRAMES: u64 = 20_000;
const SECOND_NS: u64 = 1_000_000_000;

fn replay(files: &[&Path], arguments: &[&str]) -> Ran {
    let mut command = tickring(&["replay", "--speed", "max", "--books", "--format", "json"]);
    Ran::of(command.args(arguments).args(files))
}

#[track_caller]
fn report(files: &[&Path], arguments: &[&str]) -> Value {
    replay(files, arguments).exits(0).report()
}

/// The start of the recorded session, each frame as `line` writes it.
fn converted(folder: &Path, line: impl Fn(u64, &str) -> String) -> String {
    let session = folder.join("binance-usdm/btcusdt_20240808.gz");
    let mut reader = LineReader::open(&session).unwrap();
    let mut text = String::new();
    for _ in 0..FRAMES {
        let frame = reader.next_frame().unwrap().unwrap();
        text += &line(frame.arrival_ns, std::str::from_utf8(frame.text).unwrap());
    }
    text
}

/// Replays the start of the recorded session in a format of another tool, plain and compressed: the
/// strategies are given what they are given from the lines of the recording.
#[track_caller]
fn check_messages(start: &str, line: impl Fn(u64, &str) -> String) {
    let Some(recorded) = recorded_data() else { return };
    let folder = tempfile::tempdir().unwrap();
    let [lines, other, zstd] = ["lines", "other", "zstd"].map(|it| folder.path().join(it));
    fs::write(&lines, converted(&recorded, |ns, text| format!("{ns} {text}\n"))).unwrap();
    fs::write(&other, start.to_owned() + &converted(&recorded, line)).unwrap();
    zstd::stream::copy_encode(File::open(&other).unwrap(), File::create(&zstd).unwrap(), 1)
        .unwrap();
    let venue = ["--venue", "binance-usdm"];
    let expected = report(&[&lines], &venue);
    assert_eq!(count(&expected["frames"]), FRAMES);
    assert_eq!((count(&expected["loss"]["gaps"]), messages(&expected)), (0, FRAMES));
    for file in [&other, &zstd] {
        let report = report(&[file], &venue);
        for key in ["run_hash", "frames", "bytes", "messages", "events", "books"] {
            assert_eq!(report[key], expected[key], "{key}");
        }
    }
    let ran = replay(&[&other], &[]).exits(2);
    assert!(ran.err.contains("does not say which venue it is of: give --venue"), "{}", ran.err);
}

/// `1723114000.123456`: a float's digits, of which the last ones are gone.
fn seconds(time_ns: u64) -> String {
    let digits = 6 + time_ns % 2;
    let fraction = format!("{:09}", time_ns % SECOND_NS);
    format!("{}.{}", time_ns / SECOND_NS, &fraction[..usize::try_from(digits).unwrap()])
}

/// `2024-08-08T10:46:40.1234567Z`; the recording is of one day.
fn iso(time_ns: u64) -> String {
    const DAY: u64 = 1_723_075_200;
    let seconds = time_ns / SECOND_NS - DAY;
    let (hour, minute) = (seconds / 3_600, seconds / 60 % 60);
    let fraction = time_ns % SECOND_NS / 100;
    format!("2024-08-08T{hour:02}:{minute:02}:{:02}.{fraction:07}Z", seconds % 60)
}

#[test]
fn a_session_of_hftbacktest_s_collector_is_read_as_it_is() {
    let Some(recorded) = recorded_data() else { return };
    let file = recorded.join("binance-usdm/btcusdt_20240808.gz");
    let report = report(&[&file], &["--venue", "binance-usdm"]);
    assert_eq!(count(&report["frames"]), 93_954);
    assert_eq!(report["books"]["BTCUSDT"]["applied"], 6_547);
}

#[test]
fn raw_messages_of_tardis_give_the_same_run() {
    check_messages("", |ns, text| format!("{} {text}\n", iso(ns)));
}

#[test]
fn messages_of_tardis_machine_give_the_same_run() {
    check_messages("", |ns, text| {
        format!("{{\"localTimestamp\":\"{}\",\"message\":{text}}}\n", iso(ns))
    });
}

#[test]
fn raw_messages_of_cryptofeed_give_the_same_run() {
    let start = "configuration: {}\nwss://fstream.binance.com/stream <-> 1723114000.25\n\
                 wss://fstream.binance.com/stream <- 1723114000.5: {\"method\":\"SUBSCRIBE\"}\n";
    check_messages(start, |ns, text| format!("{}: {text}\n", seconds(ns)));
}

/// A made-up session: a book, a diff, a trade.
const MESSAGES: [&str; 3] = [
    r#"{"lastUpdateId":7,"E":1,"T":1,"bids":[["100.1","2"]],"asks":[["100.2","1.5"]]}"#,
    r#"{"e":"depthUpdate","E":2,"T":2,"s":"BTCUSDT","U":6,"u":9,"pu":5,"b":[["100.1","3"]],"a":[]}"#,
    r#"{"e":"trade","E":3,"T":3,"s":"BTCUSDT","t":1,"p":"100.2","q":"0.5","X":"MARKET","m":false}"#,
];

/// A connection that is lost between two books: the report of it.
#[track_caller]
fn check_lost_connection(text: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session");
    fs::write(&file, text).unwrap();
    let report = report(&[&file], &["--venue", "binance-usdm", "--symbols", "BTCUSDT"]);
    assert_eq!((count(&report["frames"]), messages(&report)), (6, 6));
    assert_eq!((count(&report["events"]["gap"]), count(&report["events"]["status"])), (1, 3));
    assert_eq!(report["gaps"][0]["reason"], "disconnected");
    let book = &report["books"]["BTCUSDT"];
    assert_eq!((&book["applied"], &book["valid"]), (&2.into(), &true.into()), "{book}");
}

#[test]
fn a_lost_connection_starts_the_books_over() {
    let [book, diff, trade] = MESSAGES;
    let day = "2024-08-08T00:00";
    let half = |second: u32| {
        [book, diff, trade].map(|text| format!("{day}:{second:02}.5Z {text}\n")).concat()
    };
    check_lost_connection(&format!("{}\n\n{}", half(1), half(9)));
    let half = [book, diff, trade].map(|text| format!("1.5: {text}\n")).concat();
    check_lost_connection(&format!("wss://a <-> 1.0\n{half}wss://a <-> 1.5\n{half}"));
}

const TARDIS_START: &str = "exchange,symbol,timestamp,local_timestamp";

/// Writes a file of rows, each of which starts with exchange, symbol and two times.
fn tardis(folder: &Path, name: &str, columns: &str, rows: &[&str]) -> std::path::PathBuf {
    let mut text = format!("{TARDIS_START},{columns}\n");
    for row in rows {
        writeln!(text, "binance-futures,BTCUSDT,{row}").unwrap();
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn csv_files_of_tardis_are_merged_into_trades_quotes_and_a_book() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let trades = ["1000000,1000100,7,buy,100.20,0.5", "2000000,2000200,8,sell,100.1,1"];
    let trades = tardis(folder, "trades", "id,side,price,amount", &trades);
    let rows = ["1000000,1000050,1.5,100.2,100.1,3", "1500000,1500050,,,100.1,3"];
    let quotes = tardis(folder, "quotes", "ask_amount,ask_price,bid_price,bid_amount", &rows);
    let rows = [
        "900000,900000,false,bid,99,1",
        "1000000,1000000,true,bid,100.1,3",
        "1000000,1000000,true,bid,100.0,2",
        "1000000,1000000,true,ask,100.2,1.5",
        "1000000,1000001,true,ask,100.3,4",
        "1100000,1100000,false,ask,100.2,0",
        "1100000,1100000,false,bid,100.1,4",
        "1200000,1200000,false,ask,100.4,1",
    ];
    let book = tardis(folder, "book", "is_snapshot,side,price,amount", &rows);
    let report = report(&[&trades, &quotes, &book], &[]);
    assert_eq!(count(&report["frames"]), 9);
    let messages = json!({ "trade": 2, "quote": 2, "book_snapshot": 0, "incremental_book_L2": 5 });
    assert_eq!(report["messages"], messages);
    assert_eq!(report["decode_errors"]["total"], 0);
    assert_eq!(count(&report["loss"]["gaps"]), 0);
    let book = json!({
        "levels": [2, 2],
        "top5": {
            "bids": [["100.10", "4"], ["100.00", "2"]],
            "asks": [["100.30", "4"], ["100.40", "1"]],
        },
        "last_sequence": 0,
        "seeded": true,
        "snapshots": 1,
        "applied": 3,
        "stale": 1,
        "gaps": 0,
        "valid": true,
    });
    assert_eq!(report["books"]["binance-futures:BTCUSDT"], book);
}

#[test]
fn snapshots_of_tardis_are_a_book_each() {
    let folder = tempfile::tempdir().unwrap();
    let columns = "asks[0].price,asks[0].amount,bids[0].price,bids[0].amount,\
                   asks[1].price,asks[1].amount,bids[1].price,bids[1].amount";
    let rows = ["1000000,1000100,101,1,100,2,102,3,99,4", "1000000,1000200,101,1,100,2,,,98.5,4"];
    let file = tardis(folder.path(), "snapshots", columns, &rows);
    let report = report(&[&file], &["--symbols", "btcusdt"]);
    assert_eq!((count(&report["frames"]), &report["messages"]["book_snapshot"]), (2, &2.into()));
    let book = &report["books"]["binance-futures:BTCUSDT"];
    let top = json!({
        "bids": [["100", "2"], ["98.5", "4"]],
        "asks": [["101", "1"]],
    });
    assert_eq!((&book["top5"], &book["valid"]), (&top, &true.into()));
    assert_eq!(count(&report["loss"]["gaps"]), 0);
}

#[test]
fn other_instruments_of_a_csv_file_are_ignored_and_a_row_that_cannot_be_read_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let rows = ["1,1,7,buy,100,1", "2,2,8,buy,x,1", "3,3,9,buy", "4,4,,unknown,101,1"];
    let file = tardis(folder.path(), "trades", "id,side,price,amount", &rows);
    let all = report(&[&file], &[]);
    assert_eq!(all["messages"]["trade"], 2);
    let reasons = json!({ "number_malformed": 1, "missing_field": 1 });
    assert_eq!(all["decode_errors"]["by_reason"], reasons);
    let none = report(&[&file], &["--symbols", "bybit:BTCUSDT"]);
    assert_eq!((&none["messages"]["trade"], count(&none["frames"])), (&0.into(), 4));
}

#[test]
fn a_day_of_lobster_is_trades_and_a_book_after_each_message() {
    let folder = tempfile::tempdir().unwrap();
    let name =
        |kind: &str| folder.path().join(format!("AAPL_2012-06-21_34200000_57600000_{kind}_2.csv"));
    let messages = "34200.004241176,1,16113575,18,5853300,1\n\
                    34200.025551909,4,16113575,10,5853300,1\n\
                    34200.201743336,5,0,100,5855000,-1\n\
                    34200.3,7,0,0,-1,-1\n";
    let books = "5859400,200,5853300,18,5859800,200,5853000,150\n\
                 5859400,200,5853300,8,5859800,200,5853000,150\n\
                 5859400,200,5853300,8,5859800,200,5853000,150\n\
                 5859400,200,5853300,8,9999999999,0,-9999999999,0\n";
    fs::write(name("message"), messages).unwrap();
    fs::write(name("orderbook"), books).unwrap();
    let report = report(&[&name("message")], &["--strategy", "spread,pressure"]);
    assert_eq!(count(&report["frames"]), 4);
    assert_eq!(report["messages"], json!({ "trade": 2, "top": 0, "book": 2, "bar": 0 }));
    assert_eq!((count(&report["events"]["trade"]), count(&report["events"]["levels"])), (2, 4));
    assert_eq!((count(&report["loss"]["gaps"]), &report["decode_errors"]["total"]), (0, &0.into()));
    let top = json!({ "bids": [["585.3300", "8"]], "asks": [["585.9400", "200"]] });
    assert_eq!(report["books"]["AAPL"]["top5"], top);
    assert_eq!(report["recorded"]["span_ns"], 295_758_824);

    let ran = replay(&[&name("orderbook")], &[]).exits(5);
    assert!(
        ran.err.contains("is an order book of LOBSTER: give the `_message_` file"),
        "{}",
        ran.err
    );
    fs::remove_file(name("orderbook")).unwrap();
    let ran = replay(&[&name("message")], &[]).exits(5);
    assert!(ran.err.contains("_orderbook_2.csv: cannot be opened"), "{}", ran.err);
}

/// A file of Databento, version 3: one trade and one bar of instrument 5.
fn databento() -> Vec<u8> {
    const DAY: u64 = 1_715_299_200_000_000_000;
    let mut metadata = b"GLBX.MDP3\0\0\0\0\0\0\0".to_vec();
    metadata.extend(4_u16.to_le_bytes()); // trades
    metadata.extend(DAY.to_le_bytes());
    metadata.extend(u64::MAX.to_le_bytes());
    metadata.extend(0_u64.to_le_bytes());
    metadata.extend([1, 0, 0]); // raw symbols to instrument ids, no time of sending
    metadata.extend(71_u16.to_le_bytes());
    metadata.extend([0; 53]);
    metadata.extend([0; 4]); // no schema
    metadata.extend([0; 4 * 4]); // symbols, partial, not found, mappings: none
    let mut file = b"DBN\x03".to_vec();
    file.extend(u32::try_from(metadata.len()).unwrap().to_le_bytes());
    file.extend(metadata);
    // Each record: its length in words of four bytes, its kind, publisher, instrument and time.
    file.extend([12, 0x00, 1, 0, 5, 0, 0, 0]);
    file.extend(DAY.to_le_bytes());
    file.extend(5_180_250_000_001_i64.to_le_bytes());
    file.extend(7_u32.to_le_bytes());
    file.extend(b"TB\0\0");
    file.extend((DAY + 9).to_le_bytes());
    file.extend([0; 4]);
    file.extend(11_u32.to_le_bytes());
    file.extend([14, 0x20, 1, 0, 5, 0, 0, 0]);
    file.extend(DAY.to_le_bytes());
    for price in [1_i64, 4, 1, 2] {
        file.extend(price.to_le_bytes());
    }
    file.extend(99_u64.to_le_bytes());
    file
}

#[test]
fn a_file_of_databento_is_read_where_the_program_was_built_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trades.dbn");
    fs::write(&file, databento()).unwrap();
    if !cfg!(feature = "dbn") {
        let ran = replay(&[&file], &[]).exits(5);
        assert!(ran.err.contains("was built without its feature `dbn`"), "{}", ran.err);
        return;
    }
    let zstd = folder.path().join("trades.dbn.zst");
    zstd::stream::copy_encode(databento().as_slice(), File::create(&zstd).unwrap(), 1).unwrap();
    for file in [&file, &zstd] {
        let report = report(&[file], &["--strategy", "audit,bars"]);
        assert_eq!(count(&report["frames"]), 2);
        assert_eq!(report["messages"], json!({ "trade": 1, "top": 0, "book": 0, "bar": 1 }));
        assert_eq!(report["decode_errors"]["total"], 0);
        assert_eq!(report["recorded"]["span_ns"], SECOND_NS - 9);
    }
}

#[test]
fn a_line_that_is_not_of_its_format_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("raw");
    fs::write(&file, "2024-08-08T00:00:00Z {}\n2024-08-08 {}\n").unwrap();
    let ran = replay(&[&file], &["--venue", "binance-spot"]).exits(5);
    let fault = format!("{}: line 2: is not `<ISO 8601 time in UTC>", file.display());
    assert!(ran.err.contains(&fault), "{}", ran.err);
}
