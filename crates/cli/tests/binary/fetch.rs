//! `fetch` against `simulate --rest`, both as processes over loopback.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::{KEY, Process, Ran, count, tickring};

const HOUR_MS: u64 = 3_600_000;

/// `simulate --rest`, which takes [`KEY`] alone.
struct Venue {
    process: Process,
    url: String,
}

impl Venue {
    fn start(arguments: &[&str]) -> Self {
        let mut command = tickring(&["simulate", "--rest", "--format", "json", "--key", KEY]);
        let mut process = Process::start(command.args(arguments));
        let line = process.wait_for("TICKDB_REST_URL=");
        let url = line.split_once('=').unwrap().1.trim().to_owned();
        Self { process, url }
    }

    fn fetch(&self, arguments: &[&str]) -> Command {
        let mut command = tickring(&["fetch", "--report", "json"]);
        command.args(arguments).env("TICKDB_REST_URL", &self.url).env("TICKDB_API_KEY", KEY);
        // Jitter of a ms, so that waits are what the venue says.
        command.env("RECONNECT_BASE_DELAY", "0.001").env("RECONNECT_MAX_DELAY", "0.001");
        command
    }

    /// What it did.
    fn end(self) -> Value {
        self.process.signal("INT");
        serde_json::from_str(&self.process.finish().exits(130).out).unwrap()
    }
}

fn report(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap()
}

/// The file holds so many bars an hour apart of each symbol, in order.
#[track_caller]
fn check_hours(text: &str, symbols: &[&str], bars: usize) {
    let mut lines = text.lines();
    let names = "symbol,interval,time_ms,open,high,low,close,volume,quote_volume";
    assert_eq!(lines.next(), Some(names));
    for symbol in symbols {
        let mut before_ms = None;
        for line in lines.by_ref().take(bars) {
            let cells: Vec<_> = line.split(',').collect();
            assert_eq!((cells[0], cells[1], cells.len()), (*symbol, "1h", 9), "{line}");
            let time_ms: u64 = cells[2].parse().unwrap();
            assert!(before_ms.is_none_or(|it| it + HOUR_MS == time_ms), "{line}");
            before_ms = Some(time_ms);
        }
        // 2026-01-04 23:00 UTC: the last one that is complete.
        assert_eq!(before_ms, Some(1_767_567_600_000), "{symbol}");
    }
    assert_eq!(lines.next(), None);
}

#[test]
fn five_thousand_bars_over_pages_of_a_thousand_are_each_there_once() {
    let folder = tempfile::tempdir().unwrap();
    for (name, arguments) in [
        ("documented", &[][..]),
        ("article", &["--shape", "article", "--newest-first"]),
        ("bare", &["--shape", "bare", "--last-of-range"]),
    ] {
        let venue =
            Venue::start(&[&["--bars", "5000", "--page-limit", "1000"], arguments].concat());
        for from in [&[][..], &["--start", "2025-01-01"]] {
            let path = folder.path().join(format!("{name}-{}", from.len()));
            let fetch = ["--symbols", "AAPL.US,700.HK", "--limit", "5000", "--out"];
            let ran = Ran::of(venue.fetch(&fetch).arg(&path).args(from)).exits(0);
            check_hours(&fs::read_to_string(&path).unwrap(), &["AAPL.US", "700.HK"], 5_000);
            assert_eq!(count(&report(&ran)["rows"]), 10_000);
        }
        let pages = count(&venue.end()["answered"]);
        assert!((20..=40).contains(&pages), "{pages} pages");
    }
    let text = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    for name in ["documented-2", "article-0", "bare-0", "article-2", "bare-2"] {
        assert_eq!(text(name), text("documented-0"), "{name}");
    }
}

#[test]
fn a_429_in_the_middle_is_waited_for_as_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let venue = Venue::start(&["--bars", "3000", "--fault", "429:1@2,slow:20@3,5001@4,garbage@5"]);
    let fetch = ["--symbols", "AAPL.US", "--limit", "3000", "--out"];
    let ran = Ran::of(venue.fetch(&fetch).arg(&path)).exits(0);
    let line = ran.err.lines().find(|it| it.contains("rate limited")).unwrap();
    let is_told = line.ends_with(" in 1000 ms") || line.ends_with(" in 1001 ms");
    assert!(is_told, "{line}");
    assert_eq!(report(&ran)["retries"], 3);
    check_hours(&fs::read_to_string(&path).unwrap(), &["AAPL.US"], 3_000);
    assert_eq!(venue.end()["faults"], 3);
}

#[test]
fn a_wrong_key_ends_with_3_and_names_the_variable_alone() {
    let venue = Venue::start(&[]);
    for wrong in ["wr0ng-s3cret", "s3cr3t/k+y=%41&zy"] {
        let mut command = venue.fetch(&["--symbols", "AAPL.US", "--log", "trace"]);
        let ran = Ran::of(command.env("TICKDB_API_KEY", wrong)).exits(3);
        assert!(ran.err.contains("TICKDB_API_KEY"), "{}", ran.err);
        assert!(!ran.err.contains(wrong) && !ran.err.contains(KEY), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
    let mut command = venue.fetch(&["--symbols", "AAPL.US"]);
    let ran = Ran::of(command.env_remove("TICKDB_API_KEY")).exits(2);
    assert!(ran.err.contains("TICKDB_API_KEY is not set"), "{}", ran.err);
    assert_eq!(venue.end()["refused"], 2);
}

#[test]
fn an_interrupted_fetch_goes_on_and_asks_for_no_page_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, whole) = (folder.path().join("bars.csv"), folder.path().join("whole.csv"));
    // The key is refused in the middle, as when a quota ends.
    let venue = Venue::start(&["--bars", "5000", "--page-limit", "500", "--fault", "3002@6"]);
    let fetch = ["--symbols", "AAPL.US", "--start", "2025-01-01", "--out"];
    let ran = Ran::of(venue.fetch(&fetch).arg(&path)).exits(3);
    assert!(ran.err.contains("the quota of TICKDB_API_KEY is used up"), "{}", ran.err);
    assert!(!path.exists());
    let pages = folder.path().join("bars.csv.pages");
    assert_eq!(fs::read_dir(&pages).unwrap().count(), 6, "five pages, and when it began");
    let resumed = Ran::of(venue.fetch(&fetch).arg(&path)).exits(0);
    assert!(resumed.err.contains("goes on from the pages in "), "{}", resumed.err);
    assert_eq!(report(&resumed)["pages_cached"], 5);
    assert!(!pages.exists(), "it is no longer needed");
    assert!(resumed.err.contains(", as of 20"), "{}", resumed.err);
    let straight = report(&Ran::of(venue.fetch(&fetch).arg(&whole)).exits(0));
    check_hours(&fs::read_to_string(&path).unwrap(), &["AAPL.US"], 5_000);
    assert_eq!(fs::read(&path).unwrap(), fs::read(&whole).unwrap());
    // Those of one fetch, twice, and the one that was refused.
    let of_one = count(&straight["pages"]);
    assert_eq!(count(&venue.end()["paths"]["/v1/market/kline"]), 2 * of_one + 1);
}

#[test]
fn another_fetch_into_the_same_file_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let venue = Venue::start(&["--bars", "900", "--page-limit", "300", "--fault", "3002@3"]);
    let fetch = ["--symbols", "AAPL.US", "--start", "2025-01-01", "--out"];
    Ran::of(venue.fetch(&fetch).arg(&path)).exits(3);
    let ran = Ran::of(venue.fetch(&fetch).arg(&path).args(["--limit", "900"])).exits(0);
    assert!(!ran.err.contains("goes on"), "{}", ran.err);
    check_hours(&fs::read_to_string(&path).unwrap(), &["AAPL.US"], 900);
    assert!(!folder.path().join("bars.csv.pages").exists());
}

#[test]
fn a_cache_saves_requests_and_holds_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().join("cache");
    let venue = Venue::start(&["--bars", "1000", "--page-limit", "300"]);
    let fetch = ["--symbols", "AAPL.US", "--start", "2025-01-01", "--end", "2026-01-05", "--cache"];
    let fetched = || {
        let mut command = venue.fetch(&fetch);
        Ran::of(command.arg(&cache)).exits(0)
    };
    let first = fetched();
    check_hours(&first.out, &["AAPL.US"], 1_000);
    let mut files: Vec<_> = fs::read_dir(&cache).unwrap().map(|it| it.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 4, "{files:?}");
    for file in &files {
        assert!(!fs::read_to_string(file).unwrap().contains(KEY));
        assert!(file.file_name().unwrap().to_str().unwrap().starts_with("AAPL.US-1h-"));
    }
    assert_eq!(fetched().out, first.out);
    fs::write(&files[0], "damaged").unwrap();
    let again = fetched();
    assert_eq!(again.out, first.out);
    assert!(again.err.contains("fetched anew"), "{}", again.err);
    assert_eq!(count(&venue.end()["answered"]), files.len() as u64 + 1);
}

#[test]
fn what_was_fetched_is_served_again_and_comes_out_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let fetch = ["--symbols", "AAPL.US,MSFT.US", "--limit", "500"];
    let first = Venue::start(&["--seed", "7"]);
    Ran::of(first.fetch(&fetch).arg("--out").arg(&path)).exits(0);
    let second = Venue::start(&[path.to_str().unwrap()]);
    let ran = Ran::of(&mut second.fetch(&fetch)).exits(0);
    assert_eq!(ran.out, fs::read_to_string(&path).unwrap());
}

#[test]
fn each_kind_has_its_columns() {
    let venue = Venue::start(&["--symbols", "AAPL.US,BTCUSDT"]);
    let text = |arguments: &[&str]| Ran::of(&mut venue.fetch(arguments)).exits(0).out;
    let depth = text(&["depth", "--symbols", "BTCUSDT", "--limit", "3"]);
    assert_eq!(depth.lines().next(), Some("symbol,time_ms,side,level,price,quantity"));
    assert_eq!(depth.lines().count(), 7);
    let trades = text(&["trades", "--symbols", "AAPL.US", "--limit", "5", "--format", "ndjson"]);
    let rows: Vec<Value> = trades.lines().map(|it| serde_json::from_str(it).unwrap()).collect();
    assert_eq!(rows.len(), 5);
    assert!(rows[0]["price"].is_string() && rows[0]["time_ms"].is_u64(), "{}", rows[0]);
    let symbols = text(&["symbols", "--market", "US"]);
    let expected =
        "symbol,name,market,type,currency,is_active\nAAPL.US,AAPL.US,US,stock,USD,true\n";
    assert_eq!(symbols, expected);
    assert_eq!(text(&["intervals"]).lines().nth(2), Some("3m"));
    let latest = text(&["latest", "--symbols", "AAPL.US", "--interval", "3m"]);
    assert!(latest.lines().nth(1).unwrap().starts_with("AAPL.US,3m,1767571200000,"), "{latest}");
}

#[test]
fn recorded_trades_become_bars() {
    let folder = tempfile::tempdir().unwrap();
    let session = folder.path().join("session");
    let line = |time_ms: u64, id: u64, price: &str, quantity: &str| {
        format!(
            "{time_ms}000000 {{\"e\":\"trade\",\"E\":{time_ms},\"T\":{time_ms},\"s\":\"BTCUSDT\",\
             \"t\":{id},\"p\":\"{price}\",\"q\":\"{quantity}\",\"m\":false}}\n"
        )
    };
    let trades = [
        line(1_700_000_000_000, 1, "100.5", "0.1"),
        line(1_700_000_010_000, 2, "99", "0.2"),
        line(1_700_000_045_000, 3, "101", "1"),
    ];
    fs::write(&session, trades.concat()).unwrap();
    let venue = Venue::start(&[session.to_str().unwrap()]);
    let bars = ["--symbols", "BTCUSDT", "--interval", "1m"];
    let ran = Ran::of(&mut venue.fetch(&bars)).exits(0);
    let rows: Vec<_> = ran.out.lines().skip(1).collect();
    let expected = [
        "BTCUSDT,1m,1699999980000,100.5,100.5,99,99,0.3,",
        "BTCUSDT,1m,1700000040000,101,101,101,101,1,",
    ];
    assert_eq!(rows, expected);
}

#[track_caller]
fn refuses(command: &mut Command, code: i32, words: &str) {
    let ran = Ran::of(command).exits(code);
    assert!(ran.err.contains(words), "`{words}` is not in:\n{}", ran.err);
    assert_eq!(ran.out, "");
}

#[test]
fn what_cannot_work_is_found_before_a_request() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there.csv");
    fs::write(&there, "").unwrap();
    let venue = Venue::start(&[]);
    let refused = |arguments: &[&str], code, words: &str| {
        refuses(&mut venue.fetch(arguments), code, words);
    };
    refused(&[], 2, "give --symbols or SUBSCRIBED_SYMBOLS");
    refused(&["--symbols", "A,A"], 2, "`A` is given twice");
    refused(&["--symbols", "A B"], 2, "`A B` is no symbol");
    refused(&["--symbols", "A", "--interval", "60"], 2, "`60` is no interval");
    refused(&["--symbols", "A", "--interval", "3m"], 2, "no completed bars of 3m");
    refused(&["--symbols", "A", "--start", "soon"], 2, "'soon'");
    refused(&["--symbols", "A", "--start", "2", "--end", "1"], 2, "--start: is after --end");
    refused(&["trades", "--symbols", "A", "--start", "2"], 2, "of bars alone");
    refused(&["depth", "--symbols", "A", "--limit", "51"], 2, "gives at most 50");
    refused(&["--symbols", "A", "--url", "ftp://x"], 2, "the REST URL must be");
    refused(&["--symbols", "A", "--format", "parquet"], 2, "parquet: ");
    refused(&["--symbols", "A", "--out", there.to_str().unwrap()], 5, "--force replaces it");
    let cache = there.to_str().unwrap();
    refused(&["--symbols", "A", "--cache", cache], 5, cache);
    assert_eq!(venue.end()["answered"], 0);
    refuses(&mut tickring(&["simulate", "--fault", "429@1"]), 2, "--rest");
    refuses(&mut tickring(&["simulate", "--rest", "--fault", "429"]), 2, "`429` is no fault");
    let nosuch = Path::new("nosuch.csv");
    refuses(tickring(&["simulate", "--rest"]).arg(nosuch), 5, "nosuch.csv: cannot be opened");
}

#[test]
fn a_closed_port_ends_with_3() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut command = tickring(&["fetch", "--symbols", "AAPL.US", "--url", &url]);
    command.env("TICKDB_API_KEY", KEY).env("RECONNECT_BASE_DELAY", "0.001");
    let ran = Ran::of(command.env("RECONNECT_MAX_DELAY", "0.001")).exits(3);
    assert!(ran.err.contains("no 1h bars of AAPL.US after 5 attempts"), "{}", ran.err);
    assert!(!ran.err.contains(KEY), "{}", ran.err);
}

#[test]
fn an_interrupt_ends_a_wait() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.csv");
    let venue = Venue::start(&["--fault", "429:3000@2"]);
    let fetch = ["--symbols", "AAPL.US", "--limit", "3000", "--out"];
    let mut process = Process::start(venue.fetch(&fetch).arg(&path));
    process.wait_for("rate limited");
    process.signal("INT");
    process.finish().exits(130);
    assert!(!path.exists());
}
