//! CSV, JSON lines, and frames as they were recorded.

use std::sync::Arc;

use serde_json::{Value, json};
use tickring_capture::{ConnectionChange, Entry, Hole};
use tickring_export::{Export, ExportConfig, ExportError, Format, Table, Target};

use crate::support::{ARRIVAL_NS, Market, Memory};

/// A frame with all that a text form must escape.
const TEXT: &str = "{\"e\":\"trade\",\n\"s\":\"\u{4e0a}\"}";

fn entries() -> [Entry<'static>; 4] {
    let change = ConnectionChange { state: 4, attempt: 2, code: -1_006 };
    let hole = Hole { first_ns: 5, last_ns: 9, entries: 3, bytes: 400 };
    [
        Entry::Received { connection: 1, arrival_ns: ARRIVAL_NS, text: TEXT.as_bytes() },
        Entry::Sent { connection: 0, time_ns: ARRIVAL_NS, text: b"" },
        Entry::Changed { connection: 255, time_ns: 1, change },
        Entry::Hole(hole),
    ]
}

/// Exports entries as frames.
fn frames(format: Format, entries: &[Entry<'_>]) -> Result<String, ExportError> {
    let memory = Memory::default();
    let target = Target::Stream(Box::new(memory.clone()));
    let config = ExportConfig::new(format, vec![Table::Frames]);
    let mut export = Export::create(&config, target, Arc::default())?;
    for entry in entries {
        export.add_entry(entry)?;
    }
    export.finish()?;
    Ok(String::from_utf8(memory.bytes()).unwrap())
}

fn text(market: &Market, format: Format, table: Table) -> String {
    let events = if table == Table::Trades { market.trades() } else { market.depth() };
    String::from_utf8(market.export(format, table, &events)).unwrap()
}

#[test]
fn csv_is_exact_with_absent_values_empty() {
    let market = Market::new();
    let expected = "\
        sequence,arrival_time,venue_time,venue_sequence,connection,symbol,price,quantity,taker,trade_id\n\
        0,2024-08-08T23:54:15.030314667Z,2024-08-08T23:54:16.030314667Z,77,3,SHIBBTC,0.0000000001,10000000000,sell,18446744073709551615\n\
        1,2024-08-08T23:54:15.030314667Z,2024-08-08T23:54:16.030314667Z,77,3,BTCUSDT,61837.63,0.02,sell,18446744073709551615\n\
        2,,,,0,BTCUSDT,0.01,92233720368.54775807,,\n";
    assert_eq!(text(&market, Format::Csv, Table::Trades), expected);
}

#[test]
fn json_lines_keep_numbers_that_a_float_would_round_as_strings() {
    let market = Market::new();
    let trades = text(&market, Format::Ndjson, Table::Trades);
    let rows: Vec<Value> = trades.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    let expected = json!({
        "sequence": 0,
        "arrival_time": "2024-08-08T23:54:15.030314667Z",
        "venue_time": "2024-08-08T23:54:16.030314667Z",
        "venue_sequence": 77,
        "connection": 3,
        "symbol": "SHIBBTC",
        "price": "0.0000000001",
        "quantity": "10000000000",
        "taker": "sell",
        "trade_id": u64::MAX,
    });
    assert_eq!(rows[0], expected);
    assert_eq!(rows[2]["taker"], Value::Null);
    let levels = text(&market, Format::Ndjson, Table::Levels);
    let first: Value = serde_json::from_str(levels.lines().next().unwrap()).unwrap();
    assert_eq!([&first["is_first"], &first["is_stale"]], [&json!(true), &json!(false)]);
}

#[test]
fn frames_are_exported_as_they_were_recorded() {
    let lines = frames(Format::Ndjson, &entries()).unwrap();
    let rows: Vec<Value> = lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    let kinds: Vec<&Value> = rows.iter().map(|row| &row["kind"]).collect();
    assert_eq!(kinds, ["received", "sent", "changed", "hole"]);
    assert_eq!((&rows[0]["text"], &rows[0]["connection"]), (&json!(TEXT), &json!(1)));
    assert_eq!((&rows[1]["entry"], &rows[1]["text"]), (&json!(1), &json!("")));
    let changed = ["connection", "state", "attempt", "code"].map(|name| &rows[2][name]);
    assert_eq!(changed, [&json!(255), &json!(4), &json!(2), &json!(-1_006)]);
    let hole = ["connection", "until_time", "missing", "missing_bytes"].map(|name| &rows[3][name]);
    let until = json!("1970-01-01T00:00:00.000000009Z");
    assert_eq!(hole, [&Value::Null, &until, &json!(3), &json!(400)]);
}

#[test]
fn csv_quotes_a_frame() {
    let lines = frames(Format::Csv, &entries()[..1]).unwrap();
    let row = lines.split_once('\n').unwrap().1;
    let quoted = TEXT.replace('"', "\"\"");
    let expected = format!("0,2024-08-08T23:54:15.030314667Z,1,received,\"{quoted}\",,,,,,\n");
    assert_eq!(row, expected);
}

#[test]
fn a_frame_that_is_no_text_is_refused_by_json_and_named() {
    let frame = |text| Entry::Received { connection: 0, arrival_ns: 1, text };
    let error = frames(Format::Ndjson, &[frame(b"{}"), frame(b"\xff")]).unwrap_err();
    assert!(matches!(error, ExportError::NotText { entry: 1 }), "{error}");
}
