//! `tickring export` from end to end: as a process, on recorded sessions, read by other programs.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

/// Two frames of a session: a trade and a frame that is none.
const SESSION: &str = concat!(
    "1723161255088176367 {\"e\":\"trade\",\"E\":1723161256322,\"T\":1723161256322,",
    "\"s\":\"BTCUSDT\",\"t\":7,\"p\":\"61800.30\",\"q\":\"0.006\",\"m\":false}\n",
    "1723161255088176368 {\"e\":\"trade\"\n",
);

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
    assert!(!is_ci(), "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

/// A Python that has DuckDB, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When there is none and `CI` is `true`.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn python() -> Option<OsString> {
    let python = std::env::var_os("TICKRING_PYTHON").unwrap_or_else(|| "python3".into());
    let found = Command::new(&python).args(["-c", "import duckdb"]).output();
    if found.is_ok_and(|it| it.status.success()) {
        return Some(python);
    }
    let words = format!("{} cannot import duckdb; TICKRING_PYTHON names another", python.display());
    assert!(!is_ci(), "{words}");
    eprintln!("SKIPPED: {words}");
    None
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// The binary with nothing in its environment.
fn export(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickring"));
    command.env_clear().arg("export").args(arguments).output().unwrap()
}

#[track_caller]
fn exits(output: Output, code: i32) -> [String; 2] {
    let [out, err] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    assert_eq!(output.status.code(), Some(code), "{err}");
    [out, err]
}

/// A folder with [`SESSION`] in it, the session's path, and the path of a folder for tables.
fn session() -> (TempDir, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let (session, tables) = (path("session"), path("tables"));
    fs::write(&session, SESSION).unwrap();
    (folder, session, tables)
}

/// Exports a recorded session and lets DuckDB count it.
#[track_caller]
fn check(venue: &str, file: &str) {
    let (Some(folder), Some(python)) = (recorded_data(), python()) else { return };
    let recording = folder.join(venue).join(file).with_extension("gz");
    let tables = tempfile::tempdir().unwrap();
    let (recording, path) = (recording.to_str().unwrap(), tables.path().to_str().unwrap());
    let [out, _] = exits(export(&[recording, "--venue", venue, "-o", path, "--report", "json"]), 0);
    let report: Value = serde_json::from_str(&out).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/checks/export_counts.py");
    let counted = Command::new(python).arg(script).args([path, recording]).output().unwrap();
    let figures: Value = serde_json::from_str(&exits(counted, 0)[0]).unwrap();
    assert_eq!(figures["exported"], figures["recorded"]);

    let name = format!("expected/{venue}__{file}.json");
    let expected = fs::read_to_string(folder.join(name)).unwrap();
    let expected: Value = serde_json::from_str(&expected).unwrap();
    for (name, count) in figures["counts"].as_object().unwrap() {
        assert_eq!(count.as_str().unwrap(), expected["totals"][name].to_string(), "{name}");
    }
    assert_eq!(report["frames"], expected["stats"]["messages"]);
    assert_eq!(report["bytes"], expected["stats"]["bytes"]["total"]);
    assert_eq!(report["decode_errors"]["total"], 0);
    assert_eq!(report["loss"], json!({ "gaps": 0, "missing": 0 }));
    assert_eq!(report["tables"][0]["rows"], expected["totals"]["trade"]);
}

#[test]
fn duckdb_finds_every_number_of_a_usdm_recording() {
    check("binance-usdm", "btcusdt_20240808");
}

#[test]
fn duckdb_finds_every_number_of_a_spot_recording() {
    check("binance-spot", "btcusdt_20240808");
}

#[test]
fn duckdb_finds_every_number_of_another_spot_recording() {
    check("binance-spot", "ethusdt_20240808");
}

#[test]
fn a_recording_of_a_venue_that_is_not_known_is_exported_raw() {
    let Some(folder) = recorded_data() else { return };
    let expected = fs::read_to_string(folder.join("expected/kraken-v1__book1000_20210417.json"));
    let expected: Value = serde_json::from_str(&expected.unwrap()).unwrap();
    let recording = folder.join("kraken-v1/book1000_20210417.gz");
    let recording = recording.to_str().unwrap();
    let [out, err] = exits(export(&[recording, "--raw", "-o", "-", "--format", "ndjson"]), 0);
    let rows: Vec<Value> = out.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(rows.len(), expected["stats"]["messages"]);
    let bytes: usize = rows.iter().map(|row| row["text"].as_str().unwrap().len()).sum();
    assert_eq!(bytes, expected["stats"]["bytes"]["total"]);
    assert!(err.contains("frames"), "the report: {err}");
}

#[test]
fn a_frame_that_cannot_be_decoded_is_reported_and_the_rest_exported() {
    let (folder, session, tables) = session();
    let arguments = [session.as_str(), "--venue", "binance-usdm", "-o", &tables];
    let [out, _] = exits(export(&[&arguments[..], &["--report", "json"]].concat()), 0);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["schema_version"], 1);
    assert_eq!((&report["entries"], &report["frames"]), (&json!(2), &json!(2)));
    assert_eq!(report["decode_errors"]["by_reason"], json!({ "malformed": 1 }));
    let rows = |name: &str| {
        let table = report["tables"].as_array().unwrap().iter().find(|it| it["table"] == name);
        table.unwrap()["rows"].clone()
    };
    assert_eq!((rows("trades"), rows("status"), rows("bars")), (json!(1), json!(1), json!(0)));
    drop(folder);
}

#[test]
fn one_table_goes_to_standard_output() {
    let (_folder, session, _) = session();
    let arguments = [session.as_str(), "--venue", "binance-usdm", "-o", "-", "--format", "csv"];
    let [out, err] = exits(export(&[&arguments[..], &["--kind", "trades"]].concat()), 0);
    let row = "1,2024-08-08T23:54:15.088176367Z,2024-08-08T23:54:16.322000000Z,7,0,BTCUSDT,61800.3,0.006,buy,7";
    assert_eq!(out.lines().nth(1), Some(row));
    assert!(err.contains("malformed 1"), "{err}");

    let [_, err] = exits(export(&arguments), 2);
    assert!(err.contains("choose it with --kind"), "{err}");
    let json = ["--kind", "trades", "--report", "json"];
    let [out, err] = exits(export(&[&arguments[..], &json].concat()), 2);
    assert!(out.is_empty() && err.contains("standard output belongs to the report"), "{err}");
}

#[test]
fn files_that_are_there_are_replaced_by_force_alone() {
    let (_folder, session, tables) = session();
    let arguments = [session.as_str(), "--venue", "binance-usdm", "-o", &tables];
    exits(export(&arguments), 0);
    let [_, err] = exits(export(&arguments), 5);
    assert!(err.contains("trades.parquet: is there already: --force"), "{err}");
    exits(export(&[&arguments[..], &["--force"]].concat()), 0);
}

#[test]
fn a_session_that_is_cut_off_leaves_no_file() {
    let (folder, session, tables) = session();
    fs::write(&session, format!("{SESSION}no time")).unwrap();
    let arguments = [session.as_str(), "--venue", "binance-usdm", "-o", &tables];
    let [_, err] = exits(export(&arguments), 5);
    assert!(err.contains("session: line 3"), "{err}");
    assert_eq!(fs::read_dir(folder.path().join("tables")).unwrap().count(), 0);
}

#[test]
fn an_interrupt_ends_the_export_and_leaves_no_file() {
    const LINES_MAX: usize = 200_000;
    let (folder, _, tables) = session();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickring"));
    command.env_clear().args(["export", "-", "--raw", "-o", &tables, "--log", "debug"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    err.read_line(&mut said).unwrap();
    assert_eq!(said, "debug: exporting 1 files\n", "it listens for signals by now");
    let script = format!("kill -INT {}", child.id());
    assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success());
    let mut input = child.stdin.take().unwrap();
    let is_read_to_the_end = (0..LINES_MAX).all(|_| input.write_all(b"1 {}\n").is_ok());
    drop(input);
    err.read_to_string(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{said}");
    assert!(!is_read_to_the_end && said.contains("no file was written"), "{said}");
    assert_eq!(fs::read_dir(folder.path().join("tables")).unwrap().count(), 0);
}

#[test]
fn settings_that_cannot_work_are_named() {
    let (_folder, session, tables) = session();
    let arguments = [session.as_str(), "-o", &tables];
    let [_, err] = exits(export(&arguments), 2);
    assert!(err.contains("give --venue"), "{err}");
    let refused = |more: &[&str], words: &str| {
        let [_, err] = exits(export(&[&arguments[..], more].concat()), 2);
        assert!(err.contains(words), "{err}");
    };
    let venue = ["--venue", "binance-usdm"];
    refused(&[&venue[..], &["--decimals", "1"]].concat(), "give --decimals 3 or more");
    refused(&["--decimals", "19"], "not a whole number up to 18");
    refused(&["--raw", "--kind", "trades"], "cannot be used with");
    refused(&["--kind", "books"], "possible values: trades, top_of_book, levels");
}

/// `tickring backtest` of the fixture's bars in one of its two files.
fn backtest(file: &str) -> Value {
    let path = format!("{}/tests/data/backtest/{file}", env!("CARGO_MANIFEST_DIR"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickring"));
    command.env_clear().args(["backtest", &path, "--symbols=AAA.US,BBB.HK"]);
    let output = command.args(["--log=error", "--format=json"]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn bars_as_pandas_writes_them_are_the_bars_of_the_text() {
    let (floats, text) = (backtest("bars.parquet"), backtest("bars.csv"));
    assert_eq!(floats["run_hash"], text["run_hash"]);
    assert_eq!(floats["strategies"], text["strategies"]);
    assert_eq!(floats["strategies"][0]["bars"], 604);
}

#[test]
fn bars_are_fetched_into_parquet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.parquet");
    let mut venue = Command::new(env!("CARGO_BIN_EXE_tickring"))
        .env_clear()
        .args(["simulate", "--rest", "--bars", "2000"])
        .stderr(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(venue.stderr.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().split_once("TICKDB_REST_URL=").unwrap().1;
    let mut command = Command::new(env!("CARGO_BIN_EXE_tickring"));
    command.env_clear().env("TICKDB_REST_URL", url).env("TICKDB_API_KEY", "any");
    command.args(["fetch", "--symbols", "AAPL.US,700.HK", "--limit", "1500", "--report", "json"]);
    let [out, _] = exits(command.arg("--out").arg(&path).output().unwrap(), 0);
    venue.kill().unwrap();
    venue.wait().unwrap();
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&report["rows"], &report["symbols"][1]["rows"]), (&json!(3_000), &json!(1_500)));
    let bytes = fs::read(&path).unwrap();
    assert_eq!((&bytes[..4], &bytes[bytes.len() - 4..]), (&b"PAR1"[..], &b"PAR1"[..]));
    assert_eq!(report["bytes"], bytes.len());
}
