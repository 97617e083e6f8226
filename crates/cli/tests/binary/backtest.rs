//! `tickring backtest`: strategies on bars of the past.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{KEY, Process, Ran, count, figure, list, simulated_session, tickring};

/// Bars of two symbols, one after the other, and what pandas makes of them under [`RULE`]:
/// `tools/checks/backtest_statistics.py --fixture` wrote both.
const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/backtest");

/// The rule of the fixture.
const RULE: &[&str] = &[
    "--symbols=AAA.US,BBB.HK",
    "--param=fast=5,slow=20,short=true",
    "--cash=10000",
    "--size=50%",
    "--cost-bps=5",
    "--cost-fill=0.25",
    "--slippage-bps=2",
    "--allow-short",
];

fn bars() -> String {
    format!("{DATA}/bars.csv")
}

fn backtest(arguments: &[&str]) -> Ran {
    let mut command = tickring(&["backtest", "--log", "warn"]);
    Ran::of(command.args(arguments))
}

fn json(arguments: &[&str]) -> Value {
    let ran = backtest(&[arguments, &["--format", "json"]].concat()).exits(0);
    serde_json::from_str(&ran.out).unwrap()
}

fn fixture(arguments: &[&str]) -> Value {
    json(&[&[bars().as_str()], RULE, arguments].concat())
}

/// A file with the rows that `keep` keeps of the fixture.
fn part(folder: &Path, name: &str, keep: impl Fn(&str) -> bool) -> PathBuf {
    let text = fs::read_to_string(bars()).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    let kept = rows.lines().filter(|it| keep(it)).map(|it| format!("{it}\n"));
    let path = folder.join(name);
    fs::write(&path, format!("{header}\n{}", kept.collect::<String>())).unwrap();
    path
}

#[test]
fn every_figure_is_what_pandas_computes_from_the_same_bars() {
    let found = &fixture(&[])["strategies"][0]["statistics"];
    let expected: Value =
        serde_json::from_str(&fs::read_to_string(format!("{DATA}/expected.json")).unwrap())
            .unwrap();
    let expected = expected.as_object().unwrap();
    assert_eq!(expected.len(), 26);
    for (name, expected) in expected {
        let (found, expected) = (found[name].as_f64(), expected.as_f64().unwrap());
        let found = found.unwrap_or_else(|| panic!("{name} is missing"));
        let most = expected.abs().max(found.abs()) * 1e-9;
        assert!((found - expected).abs() <= most, "{name}: {found} is not {expected}");
    }
}

#[test]
fn the_same_bars_are_the_same_run_however_they_are_divided_into_files() {
    let whole = fixture(&[]);
    for _ in 0..2 {
        let again = fixture(&["--ring", "64"]);
        for part in ["run_hash", "strategies", "source", "warnings"] {
            assert_eq!(again[part], whole[part], "{part}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let is_early = |row: &str| row.split(',').nth(2).unwrap() < "1704700000000";
    let early = part(folder.path(), "early.csv", is_early);
    let late = part(folder.path(), "late.csv", |row| !is_early(row));
    let paths = [early, late].map(|it| it.to_str().unwrap().to_owned());
    let divided = json(&[&[&*paths[1], &*paths[0]], RULE].concat());
    assert_eq!(divided["run_hash"], whole["run_hash"]);
    assert_eq!(divided["strategies"], whole["strategies"]);
    let first = part(folder.path(), "a.csv", |row| row.starts_with("AAA"));
    let second = part(folder.path(), "b.csv", |row| row.starts_with("BBB"));
    let paths = [first, second].map(|it| it.to_str().unwrap().to_owned());
    let apart = json(&[&[&*paths[0], &*paths[1]], &RULE[1..]].concat());
    assert_eq!(apart["run_hash"], whole["run_hash"]);
    assert_eq!(apart["strategies"][0]["equity"], whole["strategies"][0]["equity"]);
}

#[test]
fn the_order_of_the_symbols_changes_the_events_and_not_the_money() {
    let whole = fixture(&[]);
    let other = json(&[&[&*bars(), "--symbols=BBB.HK,AAA.US"], &RULE[1..]].concat());
    assert_ne!(other["run_hash"], whole["run_hash"]);
    let equity = |it: &Value| it["strategies"][0]["statistics"]["steps"].clone();
    assert_eq!(equity(&other), equity(&whole));
}

#[test]
fn a_part_of_the_bars_is_chosen_by_time() {
    let statistics = |arguments: &[&str]| fixture(arguments)["strategies"][0].clone();
    let day = statistics(&["--start", "2024-01-02T00:00:00Z", "--end", "2024-01-03T00:00:00Z"]);
    assert_eq!(count(&day["statistics"]["steps"]), 24);
    assert_eq!(count(&day["start_time_ns"]), 1_704_153_600_000_000_000);
    assert_eq!(count(&day["end_time_ns"]), 1_704_240_000_000_000_000);
}

#[test]
fn strategies_are_tried_side_by_side_each_with_its_own_money() {
    let alone = fixture(&[]);
    let bars = bars();
    let own = [&*bars, "--strategy=null,ma-cross", "--param=ma-cross.fast=5,ma-cross.slow=20"];
    let ran = json(&[&own[..], &["--param=ma-cross.short=true"], &RULE[..1], &RULE[2..]].concat());
    let tried = list(&ran["strategies"]);
    assert_eq!(tried[0]["name"], "null");
    assert_eq!(tried[0]["statistics"]["equity_end"].as_f64(), Some(10_000.0));
    assert_eq!(tried[1]["statistics"], alone["strategies"][0]["statistics"]);
    assert!(ran["warnings"][0].as_str().unwrap().starts_with("null gave no `target`"));
}

#[test]
fn the_text_has_every_figure_and_says_what_is_not_modelled() {
    let ran = backtest(&[&[bars().as_str()], RULE].concat()).exits(0);
    let parts = [
        "ma-cross fast=5 slow=20 short=true",
        "604 bars of 1 h, 2024-01-01T00:00:00Z to 2024-01-17T16:00:00Z",
        "target times 50 % of the equity at the fill",
        "5 bps and 0.25 a fill",
        "2 bps against you",
        "Sharpe ratio                         -5.165",
        "greatest drawdown                  10.307 %",
        "longest drawdown           259 bars, 10.7 d",
        "AAA.US",
        "not modelled:",
        "borrow costs",
    ];
    for part in parts {
        assert!(ran.out.contains(part), "`{part}` is not in {}", ran.out);
    }
    assert!(ran.out.contains("warning: ma-cross: 19 fills were made smaller"), "{}", ran.out);
}

#[test]
fn the_page_is_complete_and_has_nothing_that_runs_or_loads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let html = path.to_str().unwrap();
    backtest(&[&[bars().as_str(), "--html", html], RULE].concat()).exits(0);
    let page = fs::read_to_string(&path).unwrap();
    for part in ["Equity", "Drawdown from the peak", "long entry", "exit", "not modelled", "2 bps"]
    {
        assert!(page.contains(part), "{part}");
    }
    assert!(page.contains("AAA.US: price") && page.contains("BBB.HK: price"));
    for part in ["<script", "http://www.w3.org/1999/xlink", "src=", "url(", "NaN", "inf"] {
        assert!(!page.contains(part), "{part}");
    }
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
}

#[test]
fn what_cannot_work_is_said_before_anything_runs() {
    let bars = bars();
    for (arguments, words) in [
        (&["--strategy=none-such"][..], "`none-such` is not one of"),
        (&["--symbols=A,B,A"], "`A` is given twice"),
        (&["--param=fast"], "`fast` is not NAME=VALUE"),
        (&["--param=fats=3"], "has no parameter `fats`"),
        (&["--param=fast=x"], "it takes"),
        (&["--param=null.x=3"], "which is not tried"),
        (&["--size=200%"], "at most 100%"),
        (&["--cash=0"], "not a number above 0"),
        (&["--interval=1y"], "write it as 1m"),
    ] {
        let ran = backtest(&[&[bars.as_str()], arguments].concat()).exits(2);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        assert!(ran.out.is_empty());
    }
}

#[test]
fn bars_that_cannot_be_read_end_it_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(bars()).unwrap();
    let wrong = |from: &str, to: &str| {
        let path = folder.path().join("wrong.csv");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let place = "wrong.csv: line 3: ";
    for (from, to, words) in [
        ("1704070800000", "soon", format!("{place}`time_ms` is not")),
        ("259.66", "", format!("{place}a price or the volume")),
        ("259.66", "0.0", "AAA.US: the bar of 2024-01-01T01:00:00".to_owned()),
        ("1704070800000", "1704067200000", "starts no later than the one before".to_owned()),
        ("AAA.US,1h,1704070800000", "AAA.US,2h,1704070800000", "another interval".to_owned()),
        ("259.66", "259.6612345678901", "1 frames could not be read".to_owned()),
    ] {
        let path = wrong(from, to);
        let ran = backtest(&[&path, "--symbols=AAA.US"]).exits(5);
        assert!(ran.err.contains(&words), "{words}: {}", ran.err);
    }
    let ran = backtest(&[&bars()]).exits(5);
    assert!(ran.err.contains("name the symbols with --symbols"), "{}", ran.err);
    let ran = backtest(&[&bars(), "--symbols=NONE"]).exits(5);
    assert!(ran.err.contains("no bar is there"), "{}", ran.err);
    let missing = folder.path().join("none.csv");
    let ran = backtest(&[missing.to_str().unwrap()]).exits(5);
    assert!(ran.err.contains("none.csv"), "{}", ran.err);
}

#[test]
fn bars_are_made_from_the_trades_of_a_recorded_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.txt");
    simulated_session(&path, 40_000);
    let path = path.to_str().unwrap();
    let ran = backtest(&[path, "--venue=tickdb"]).exits(2);
    assert!(ran.err.contains("--interval"), "{}", ran.err);
    let arguments = [path, "--venue=tickdb", "--interval=1s", "--param=fast=1,slow=2"];
    let made = json(&arguments);
    let tried = &made["strategies"][0];
    assert_eq!(count(&tried["interval_ns"]), 1_000_000_000);
    assert_eq!(json(&arguments)["run_hash"], made["run_hash"]);
    // The strategy `bars` closes the one that is open at the end as well; here it is no bar.
    let replay = ["replay", path, "--venue=tickdb", "--speed=max", "--strategy=bars"];
    let replayed = Ran::of(tickring(&replay).args(["--format=json"])).exits(0).report();
    let instruments = list(&tried["instruments"]).len() as u64;
    let bars = count(&tried["bars"]);
    assert!(bars > instruments && instruments > 1, "{tried}");
    assert_eq!(figure(&replayed, "bars", "bars"), bars + instruments);
}

/// TickDB's REST interface on loopback, with the fixture's bars.
struct Served {
    _process: Process,
    url: String,
}

impl Served {
    fn new(arguments: &[&str]) -> Self {
        let mut command = tickring(&["simulate", "--rest", "--key", KEY, &bars()]);
        let mut process = Process::start(command.args(arguments));
        let line = process.wait_for("TICKDB_REST_URL=");
        let url = line.split_once('=').unwrap().1.trim().to_owned();
        Self { _process: process, url }
    }

    fn backtest(&self, key: &str, arguments: &[&str]) -> Ran {
        let mut command = tickring(&["backtest", "--log", "info", "--interval", "1h"]);
        command.env("TICKDB_REST_URL", &self.url).env("TICKDB_API_KEY", key);
        Ran::of(command.args(RULE).args(["--format", "json"]).args(arguments))
    }
}

#[test]
fn bars_that_are_fetched_are_those_of_the_file() {
    let file = fixture(&[]);
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().to_str().unwrap().to_owned();
    let served = Served::new(&["--fault", "429:0@3"]);
    for arguments in [&[][..], &["--limit=400", "--page-rows=50"], &["--cache", &cache]] {
        let ran = served.backtest(KEY, arguments).exits(0);
        let fetched: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(fetched["run_hash"], file["run_hash"], "{}", ran.err);
        assert_eq!(fetched["strategies"], file["strategies"]);
        assert_eq!(fetched["source"], "1h bars of AAA.US, BBB.HK from TickDB");
        assert!(!ran.err.contains(KEY) && !ran.out.contains(KEY));
    }
    let times = ["--start", "2024-01-02T00:00:00Z", "--end", "2024-01-03T00:00:00Z"];
    let day: Value = serde_json::from_str(&served.backtest(KEY, &times).exits(0).out).unwrap();
    assert_eq!(day["run_hash"], fixture(&times)["run_hash"]);
}

#[test]
fn what_tickdb_does_not_give_ends_it() {
    let served = Served::new(&[]);
    let ran = served.backtest("wr0ng", &[]).exits(3);
    assert!(ran.err.contains("check TICKDB_API_KEY") && !ran.err.contains("wr0ng"), "{}", ran.err);
    let ran = served.backtest(KEY, &["--start", "+1h"]).exits(2);
    assert!(ran.err.contains("--start: of what is fetched"), "{}", ran.err);
    let ran = served.backtest(KEY, &["--start", "2030-01-01T00:00:00Z"]).exits(5);
    assert!(ran.err.contains("no 1h bars of AAA.US in that time"), "{}", ran.err);
    for (arguments, words) in [
        (&["--interval=1h"][..], "--symbols: name the instruments"),
        (&["--symbols=A"], "--interval: say which bars"),
        (&["--symbols=A", "--interval=3m"], "TickDB has no bars of 3m"),
        (&["--symbols=A", "--interval=1h"], "TICKDB_API_KEY is not set"),
    ] {
        let ran = backtest(arguments).exits(2);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}
