//! What a run leaves behind: the report, signals, the interval log.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;
use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};
use serde_json::Value;

use crate::support::{DAMAGED_SESSION, Ran, count, list, session, simulated_session, tickring};

/// The contract with scripts: each path with the type of its value.
const SHAPE: &str = "
books.BTCUSDT.applied: number
books.BTCUSDT.gaps: number
books.BTCUSDT.last_sequence: number
books.BTCUSDT.levels[]: number
books.BTCUSDT.seeded: boolean
books.BTCUSDT.snapshots: number
books.BTCUSDT.stale: number
books.BTCUSDT.top5.asks[][]: string
books.BTCUSDT.top5.bids[][]: string
books.BTCUSDT.valid: boolean
bottleneck: string
bytes: number
command: string
connections.attempts: number
connections.reconnects: number
control.acks: number
control.ignored: number
control.pongs: number
control.refusals: number
control.scan_declined: number
decode_errors.by_reason.malformed: number
decode_errors.by_reason.missing_field: number
decode_errors.examples.malformed: string
decode_errors.examples.missing_field: string
decode_errors.total: number
drained: boolean
events.bar: number
events.gap: number
events.levels: number
events.published: number
events.status: number
events.top_of_book: number
events.trade: number
frames: number
gaps[].connection: number
gaps[].expected: number
gaps[].instrument: string
gaps[].missing: number
gaps[].reason: string
gaps[].received: number
host.cpus: number
host.model: string
host.pinned: boolean
host.virtualised: boolean
loss.dropped: number
loss.duplicated: number
loss.gaps: number
loss.missing: number
loss.reordered: number
messages.aggTrade: number
messages.bookTicker: number
messages.depthUpdate: number
messages.kline: number
messages.partialDepth: number
messages.snapshot: number
messages.trade: number
recorded.busiest_100ms_delivered: null
recorded.busiest_100ms_recorded: number
recorded.entries_missing: number
recorded.holes: number
recorded.not_reproducible[]: string
recorded.pacing_error_ns: null
recorded.repeats: number
recorded.span_ns: number
recorded.speed: null
recorded.steps_back: number
ring.capacity: number
ring.depth_max: number
ring.stall_ns: number
ring.stalls: number
ring.utilisation_max: number
run_hash: string
schema_version: number
services[].conflated: number
services[].core: null
services[].culprit: null
services[].errors: number
services[].figures.applied: number
services[].figures.books: number
services[].figures.crossed: number
services[].figures.gaps: number
services[].figures.interrupted: number
services[].figures.snapshots: number
services[].figures.stale: number
services[].handled: number
services[].latency_ns.handle.count: number
services[].latency_ns.handle.max: number
services[].latency_ns.handle.mean: number
services[].latency_ns.handle.min: number
services[].latency_ns.handle.p50: number
services[].latency_ns.handle.p90: number
services[].latency_ns.handle.p99: number
services[].latency_ns.handle.p99_99: number
services[].latency_ns.handle.p99_9: number
services[].latency_ns.queue.count: number
services[].latency_ns.queue.max: number
services[].latency_ns.queue.mean: number
services[].latency_ns.queue.min: number
services[].latency_ns.queue.p50: number
services[].latency_ns.queue.p90: number
services[].latency_ns.queue.p99: number
services[].latency_ns.queue.p99_99: number
services[].latency_ns.queue.p99_9: number
services[].latency_ns.total.count: number
services[].latency_ns.total.max: number
services[].latency_ns.total.mean: number
services[].latency_ns.total.min: number
services[].latency_ns.total.p50: number
services[].latency_ns.total.p90: number
services[].latency_ns.total.p99: number
services[].latency_ns.total.p99_99: number
services[].latency_ns.total.p99_9: number
services[].name: string
services[].quarantined: boolean
services[].received_hash: string
services[].retries: number
services[].signals: number
services[].signals_dropped: number
services[].skipped: number
services[].wait: string
services[].worker: number
stages.decode.count: number
stages.decode.max: number
stages.decode.mean: number
stages.decode.min: number
stages.decode.p50: number
stages.decode.p90: number
stages.decode.p99: number
stages.decode.p99_99: number
stages.decode.p99_9: number
stages.stall.count: number
stages.stall.max: number
stages.stall.mean: number
stages.stall.min: number
stages.stall.p50: number
stages.stall.p90: number
stages.stall.p99: number
stages.stall.p99_99: number
stages.stall.p99_9: number
start_time_ns: number
strategies[].conflated: number
strategies[].core: null
strategies[].culprit: null
strategies[].errors: number
strategies[].figures.buy: number
strategies[].figures.neutral: number
strategies[].figures.readings: number
strategies[].figures.sell: number
strategies[].figures.spread_max: number
strategies[].figures.spread_mean: number
strategies[].figures.spread_min: number
strategies[].figures.updates: number
strategies[].handled: number
strategies[].latency_ns.handle.count: number
strategies[].latency_ns.handle.max: number
strategies[].latency_ns.handle.mean: number
strategies[].latency_ns.handle.min: number
strategies[].latency_ns.handle.p50: number
strategies[].latency_ns.handle.p90: number
strategies[].latency_ns.handle.p99: number
strategies[].latency_ns.handle.p99_99: number
strategies[].latency_ns.handle.p99_9: number
strategies[].latency_ns.queue.count: number
strategies[].latency_ns.queue.max: number
strategies[].latency_ns.queue.mean: number
strategies[].latency_ns.queue.min: number
strategies[].latency_ns.queue.p50: number
strategies[].latency_ns.queue.p90: number
strategies[].latency_ns.queue.p99: number
strategies[].latency_ns.queue.p99_99: number
strategies[].latency_ns.queue.p99_9: number
strategies[].latency_ns.total.count: number
strategies[].latency_ns.total.max: number
strategies[].latency_ns.total.mean: number
strategies[].latency_ns.total.min: number
strategies[].latency_ns.total.p50: number
strategies[].latency_ns.total.p90: number
strategies[].latency_ns.total.p99: number
strategies[].latency_ns.total.p99_99: number
strategies[].latency_ns.total.p99_9: number
strategies[].name: string
strategies[].quarantined: boolean
strategies[].received_hash: string
strategies[].retries: number
strategies[].signals: number
strategies[].signals_dropped: number
strategies[].skipped: number
strategies[].wait: string
strategies[].worker: number
timeline[].at_ns: number
timeline[].decode_errors: number
timeline[].depth_max: number
timeline[].dropped: number
timeline[].events: number
timeline[].frames: number
timeline[].gaps: number
timeline[].lag_max: number
timeline[].length_ns: number
timeline[].stalls: number
wall_ns: number
";

/// Every path of `value` with the type of what stands there; entries of a list share one.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    let kind = match value {
        Value::Object(members) => {
            for (name, member) in members {
                let separator = if path.is_empty() { "" } else { "." };
                paths(member, &format!("{path}{separator}{name}"), found);
            }
            return;
        }
        Value::Array(entries) => {
            entries.iter().for_each(|entry| paths(entry, &format!("{path}[]"), found));
            return;
        }
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
    };
    found.insert(format!("{path}: {kind}"));
}

fn damaged(path: &Path, arguments: &[&str]) -> Ran {
    session(path, DAMAGED_SESSION);
    let mut command = tickring(&["replay", "--venue", "binance-usdm", "--speed", "max"]);
    Ran::of(command.args(["--books", "--cores", "none"]).arg(path).args(arguments)).exits(0)
}

#[test]
fn the_report_has_every_key_that_scripts_rely_on() {
    let folder = tempfile::tempdir().unwrap();
    let report = damaged(&folder.path().join("session"), &["--format", "json"]).report();
    let mut found = BTreeSet::new();
    paths(&report, "", &mut found);
    let found: Vec<_> = found.iter().map(String::as_str).collect();
    let expected: Vec<_> = SHAPE.trim().lines().collect();
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

#[test]
fn the_timeline_holds_all_that_the_report_counts() {
    let folder = tempfile::tempdir().unwrap();
    let report = damaged(&folder.path().join("session"), &["--format", "json"]).report();
    let spans = list(&report["timeline"]);
    let sum = |name: &str| spans.iter().map(|it| count(&it[name])).sum::<u64>();
    assert_eq!(sum("frames"), count(&report["frames"]));
    assert_eq!(sum("events"), count(&report["events"]["published"]));
    assert_eq!(sum("gaps"), count(&report["loss"]["gaps"]));
    assert_eq!(sum("decode_errors"), count(&report["decode_errors"]["total"]));
    assert_eq!(sum("length_ns"), count(&report["wall_ns"]));
    let deepest = spans.iter().map(|it| count(&it["depth_max"])).max();
    assert_eq!(deepest, Some(count(&report["ring"]["depth_max"])));
}

#[test]
fn the_text_report_tells_the_same_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let out = damaged(&folder.path().join("session"), &[]).out;
    for words in [
        "replay: 8 frames, ",
        "loss: 1 gap, 2 frames not decoded\n  1: malformed\n  1: missing_field\n",
        "ring: 16,384 slots, ",
        "decode: p50 ",
        "strategy               handled  stage       p50      p99    p99.9      max\n",
        "\nspread ",
        "\npressure ",
        "\nservice ",
        "\nbooks: 1, 1 not valid\n  BTCUSDT: ",
        "\nbottleneck: ",
    ] {
        assert!(out.contains(words), "`{words}` is not in:\n{out}");
    }
}

#[test]
fn signals_are_lines_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let (path, signals) = (folder.path().join("session"), folder.path().join("signals"));
    simulated_session(&path, 5_000);
    let mut command = tickring(&["replay", "--venue", "tickdb", "--speed", "max"]);
    command.args(["--strategy", "spread,pressure", "--format", "json"]);
    let report = Ran::of(command.arg("--signals").arg(&signals).arg(&path)).exits(0).report();
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in fs::read_to_string(&signals).unwrap().lines() {
        let signal: Value = serde_json::from_str(line).unwrap();
        let keys: Vec<_> = signal.as_object().unwrap().keys().map(String::as_str).collect();
        let expected =
            ["name", "sequence", "strategy", "symbol", "value", "venue_time_ns", "worker"];
        assert_eq!(keys, expected, "{line}");
        *counts.entry(signal["strategy"].as_str().unwrap().to_owned()).or_default() += 1;
    }
    for strategy in list(&report["strategies"]) {
        let given = count(&strategy["signals"]);
        assert!(given > 0);
        let written = given - count(&strategy["signals_dropped"]);
        assert_eq!(counts[strategy["name"].as_str().unwrap()], written, "{strategy}");
    }
}

#[test]
fn signals_on_standard_output_come_before_the_text_report() {
    let folder = tempfile::tempdir().unwrap();
    let out = damaged(&folder.path().join("session"), &["--signals", "-"]).out;
    let (signals, report) = out.split_once("replay: 8 frames").unwrap();
    assert!(signals.lines().count() > 0 && signals.lines().all(|it| it.contains(" BTCUSDT ")));
    assert!(report.ends_with('\n'));
}

/// How many values an interval log holds by tag.
fn logged(path: &Path) -> BTreeMap<String, u64> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for entry in IntervalLogIterator::new(&fs::read(path).unwrap()) {
        if let LogEntry::Interval(interval) = entry.unwrap() {
            let bytes = decode_base64(interval.encoded_histogram());
            let histogram: Histogram<u64> =
                Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
            let tag = interval.tag().unwrap().as_str().to_owned();
            *counts.entry(tag).or_default() += histogram.len();
        }
    }
    counts
}

fn decode_base64(text: &str) -> Vec<u8> {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut bits, mut count, mut bytes) = (0_u32, 0, Vec::new());
    for digit in text.bytes().filter(|byte| *byte != b'=') {
        let value = alphabet.iter().position(|letter| *letter == digit).unwrap();
        bits = (bits << 6) | u32::try_from(value).unwrap();
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
        }
    }
    bytes
}

#[test]
fn the_interval_log_holds_as_many_values_as_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log.hlog");
    let mut command = tickring(&["demo", "--duration", "3s", "--profile", "steady:2000"]);
    command.args(["--workers", "2", "--strategy", "spread", "--format", "json"]);
    let report = Ran::of(command.arg("--hlog").arg(&path)).exits(0).report();
    let mut expected = BTreeMap::new();
    for stage in ["decode", "stall"] {
        expected.insert(format!("{stage}.ingest"), count(&report["stages"][stage]["count"]));
    }
    for strategy in list(&report["strategies"]) {
        for stage in ["queue", "handle", "total"] {
            let tag = format!("{stage}.spread/{}", strategy["worker"]);
            expected.insert(tag, count(&strategy["latency_ns"][stage]["count"]));
        }
    }
    expected.retain(|_, count| *count > 0);
    assert!(expected.len() >= 7, "{expected:?}");
    assert_eq!(logged(&path), expected);
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    simulated_session(&path, 5_000);
    let replay = || {
        let mut command = tickring(&["replay", "--venue", "tickdb", "--speed", "max"]);
        command.arg(&path);
        command
    };
    let output = replay().stdout(Stdio::from(full())).output().unwrap();
    assert_eq!(output.status.code(), Some(5));
    for flag in ["--signals", "--hlog"] {
        let ran = Ran::of(replay().args([flag, "/dev/full"])).exits(5);
        assert!(ran.err.contains(&format!("error: {flag}: ")), "{}", ran.err);
        assert!(ran.out.starts_with("replay: 5,000 frames"), "the report is whole all the same");
    }
}
