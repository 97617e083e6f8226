use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tickring_simulator::{Channel, Feed, SimulatorConfig, SimulatorError, Speed, record_session};

use crate::harness::{Client, numbered, serve};

/// A recorded session, or `None` with a word where there are none.
pub(crate) fn recorded(name: &str) -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if data.is_dir() {
        return Some(data.join(name));
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", data.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", data.display());
    None
}

fn session(path: &Path, speed: Speed) -> SimulatorConfig {
    SimulatorConfig::new(Feed::Session { paths: vec![path.to_owned()], speed })
}

/// The whole session as TickDB messages.
fn redressed(path: &Path) -> Vec<Value> {
    let mut out = Vec::new();
    record_session(&session(path, Speed::Max), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    let messages = text.lines().map(|line| line.split_once(' ').unwrap().1);
    messages.map(|message| serde_json::from_str(message).unwrap()).collect()
}

fn number(value: &Value) -> f64 {
    value.as_str().unwrap().parse().unwrap()
}

/// Re-dresses a whole recording and compares its books with the expected result.
fn check_recorded(folder: &str, name: &str, symbol: &str) {
    let Some(path) = recorded(&format!("{folder}/{name}.gz")) else { return };
    let expected = recorded(&format!("expected/{folder}__{name}.json")).unwrap();
    let expected: Value = serde_json::from_slice(&std::fs::read(expected).unwrap()).unwrap();
    let expected = &expected["books"][symbol];
    let mut counts: HashMap<String, u64> = HashMap::new();
    let mut last_depth = Value::Null;
    for message in redressed(&path) {
        let channel = message["cmd"].as_str().unwrap().to_owned();
        if channel == "depth" {
            let data = &message["data"];
            assert!(number(&data["bids"][0][0]) < number(&data["asks"][0][0]), "{message}");
            last_depth = data.clone();
        }
        *counts.entry(channel).or_default() += 1;
    }
    for side in ["bids", "asks"] {
        let levels = last_depth[side].as_array().unwrap();
        assert_eq!(levels.len(), 20);
        assert_eq!(levels[..5], expected["top5"][side].as_array().unwrap()[..], "{side}");
    }
    let count = |name: &str| expected["counts"][name].as_u64().unwrap();
    assert_eq!(counts["trade"], count("trade"));
    // The snapshot makes one message, with the diffs that were kept for it.
    let kept = count("buffered") - count("older_than_snapshot").min(count("buffered"));
    assert_eq!(counts["depth"], count("applied") - kept + 1);
    assert!(counts["ticker"] <= count("bookTicker") && counts["ticker"] > count("bookTicker") / 2);
}

#[test]
fn a_recorded_spot_book_arrives_whole_and_never_crossed() {
    check_recorded("binance-spot", "btcusdt_20240808", "BTCUSDT");
    check_recorded("binance-spot", "ethusdt_20240808", "ETHUSDT");
}

#[test]
fn a_recorded_futures_book_arrives_whole_and_never_crossed() {
    check_recorded("binance-usdm", "btcusdt_20240808", "BTCUSDT");
}

const LINES: [&str; 9] = [
    r#"1000 {"stream":"x@depth","data":{"e":"depthUpdate","E":70,"s":"X","U":1,"u":3,"b":[["1","1"]],"a":[]}}"#,
    r#"1000 {"stream":"x@bookTicker","data":{"u":4,"s":"X","b":"9.5","B":"1","a":"11","A":"1"}}"#,
    r#"2000 {"lastUpdateId":3,"bids":[["9.50","1.0"],["9.00","2"]],"asks":[["11","3"]]}"#,
    r#"2000 {"stream":"x@trade","data":{"e":"trade","E":81,"s":"X","t":7,"p":"9.50","q":"0.2","T":80,"m":true,"M":true}}"#,
    r#"3000 {"stream":"x@bookTicker","data":{"u":5,"s":"X","b":"9.50","B":"1","a":"11","A":"1"}}"#,
    r#"4000 {"stream":"x@depth","data":{"e":"depthUpdate","E":90,"s":"X","U":4,"u":5,"b":[["9.50","0.00"]],"a":[["10.5","4"]]}}"#,
    r#"4500 {"e":"serverShutdown","E":1770123456789}"#,
    r#"5000 {"stream":"x@depth","data":{"e":"depthUpdate","E":95,"s":"X","U":8,"u":9,"b":[],"a":[]}}"#,
    r#"6000 {"stream":"x@trade","data":{"e":"trade","E":99,"s":"X","t":8,"p":"10.5","q":"1","T":99,"m":false,"M":true}}"#,
];

const MESSAGES: [&str; 5] = [
    r#"{"cmd":"depth","data":{"symbol":"X","seq":1,"bids":[["9.50","1.0"],["9.00","2"]],"asks":[["11","3"]],"timestamp":70}}"#,
    r#"{"cmd":"trade","data":{"symbol":"X","seq":1,"trades":[{"id":"7","price":"9.50","quantity":"0.2","side":"sell","timestamp":80}]}}"#,
    r#"{"cmd":"ticker","data":{"symbol":"X","seq":1,"last_price":"9.50","bid_price":"9.50","ask_price":"11","timestamp":80}}"#,
    r#"{"cmd":"depth","data":{"symbol":"X","seq":2,"bids":[["9.00","2"]],"asks":[["10.5","4"],["11","3"]],"timestamp":90}}"#,
    r#"{"cmd":"trade","data":{"symbol":"X","seq":2,"trades":[{"id":"8","price":"10.5","quantity":"1","side":"buy","timestamp":99}]}}"#,
];

fn written(lines: &[&str]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for line in lines {
        writeln!(file, "{line}").unwrap();
    }
    file.flush().unwrap();
    file
}

#[test]
fn recorded_lines_become_messages_with_their_numbers_as_text() {
    let file = written(&LINES);
    let mut out = Vec::new();
    let config = session(file.path(), Speed::Times(0.5));
    assert_eq!(record_session(&config, &mut out).unwrap(), 5);
    let text = String::from_utf8(out).unwrap();
    let due_ns =
        |index: usize| config.epoch_ms * 1_000_000 + [2_000, 2_000, 4_000, 6_000, 10_000][index];
    for (index, line) in text.lines().enumerate() {
        assert_eq!(line, format!("{} {}", due_ns(index), MESSAGES[index]));
    }
}

#[test]
fn a_snapshot_that_comes_first_waits_for_its_symbol() {
    let file = written(&[LINES[2], LINES[3], LINES[5]]);
    let messages = redressed(file.path());
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[1]["data"]["bids"][0][0], "9.00");
}

#[test]
fn a_session_is_served_over_the_socket() {
    let file = written(&LINES);
    let config =
        SimulatorConfig { start_after_subscriptions: 3, ..session(file.path(), Speed::Max) };
    let report = serve(config, |address| {
        let mut client = Client::connect(address);
        for channel in Channel::ALL {
            client.subscribe(channel, &["X"]);
            client.expect_ack();
        }
        for expected in MESSAGES {
            assert_eq!(client.text(), expected);
        }
    });
    let report = report.unwrap();
    assert_eq!((report.frames_sent, report.session_gaps, report.lines_without_message), (5, 1, 4));
}

#[test]
fn at_full_speed_a_session_waits_while_nobody_is_there() {
    let lines: Vec<String> = (0..2_000)
        .map(|id| {
            format!(r#"{id} {{"e":"trade","E":1,"s":"X","t":{id},"p":"1","q":"1","T":1,"m":true}}"#)
        })
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let file = written(&lines);
    let mut config = session(file.path(), Speed::Max);
    config.restarts.count = 1;
    config.restarts.every_frames = Some(100);
    config.restarts.down_ms = 5;
    let report = serve(config, |address| {
        let mut last = 0;
        let mut client = Client::connect(address);
        client.subscribe(Channel::Trade, &["X"]);
        let (texts, _) = client.drain();
        drop(client);
        for text in texts.iter().filter(|text| text.get("code").is_none()) {
            last += 1;
            assert_eq!(numbered(text).1, last);
        }
        while std::net::TcpStream::connect(address).is_err() {
            std::thread::yield_now();
        }
        let mut client = Client::connect(address);
        client.subscribe(Channel::Trade, &["X"]);
        while last < 2_000 {
            last += 1;
            assert_eq!(numbered(&client.data()).1, last);
        }
    });
    let report = report.unwrap();
    assert_eq!((report.frames_sent, report.frames_while_away, report.restarts), (2_000, 0, 1));
}

#[test]
fn a_session_that_is_none_ends_the_run_with_its_line() {
    let config = |lines: &[&str]| {
        let file = written(lines);
        (session(file.path(), Speed::Max), file)
    };
    let (bad, _file) = config(&["5 {}", "no time"]);
    let error = record_session(&bad, std::io::sink()).unwrap_err();
    assert!(matches!(error, SimulatorError::Capture(_)), "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
    let missing = session(Path::new("/nonexistent/session.gz"), Speed::Max);
    assert!(matches!(record_session(&missing, std::io::sink()), Err(SimulatorError::Capture(_))));
}
