//! `tickring report`: what runs and benches left behind, side by side.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{DAMAGED_SESSION, Ran, count, list, session, tickring};

/// Histograms as any HdrHistogram tool writes them: 1,000 once, 2,000 five times, 1,000,000 twice.
const FAST: &str = "HISTFAAAACt4nJNpmSzMwMDAxQABzFCaEch0M9ixgMH+A0TgPD/TWX6u+f2MLACN2AdO";

/// 131,072 three times and 2,769,000 once.
const SLOW: &str = "HISTFAAAACh4nJNpmSzMwMDAxgABTFCakYGB2c1gxwIG+w8Qgf+ibOc5mABxwAZD";

const HEADER: &str = "#[Histogram log format version 1.3]\n\
    #[StartTime: 1441812279.474 (seconds since epoch), Wed Sep 09 08:24:39 PDT 2015]\n\
    \"StartTimestamp\",\"Interval_Length\",\"Interval_Max\",\"Interval_Compressed_Histogram\"\n";

/// A log with one entry a second, under these tags in turn.
fn log(path: &Path, entries: &[(&str, &str)]) -> String {
    let mut text = HEADER.to_owned();
    for (second, (tag, histogram)) in entries.iter().enumerate() {
        text.push_str(&format!("Tag={tag},{second}.000,1.000,0.001,{histogram}\n"));
    }
    fs::write(path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

fn report(arguments: &[&str]) -> Ran {
    let mut command = tickring(&["report"]);
    Ran::of(command.args(arguments))
}

#[test]
fn a_ladder_by_rate_is_made_of_a_bench_s_log() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [
        ("ring.rate=100000.consumers=1", SLOW),
        ("ring.rate=10000.consumers=1", FAST),
        ("ring.rate=10000.consumers=1", FAST),
    ];
    let path = log(&folder.path().join("base.hlog"), &entries);
    let out = report(&[&path]).exits(0).out;
    let expected = "
ring.consumers=1 by rate
           10k/s   100k/s
p50      2.00 us   132 us
p90      1.00 ms  2.79 ms
p99      1.00 ms  2.79 ms
p99.9    1.00 ms  2.79 ms
p99.99   1.00 ms  2.79 ms
max      1.00 ms  2.79 ms
count         16        4
";
    assert!(out.ends_with(expected), "{out}");
    assert!(out.starts_with(&format!("base: {path}, began 2015-09-09T15:24:39.474")), "{out}");
    let out = report(&[&path, "--unit", "us"]).exits(0).out;
    assert!(out.contains(" by rate (us)\n") && out.contains("  2.000  "), "{out}");
    let out = report(&[&path, "--hlog-unit", "us"]).exits(0).out;
    assert!(out.contains("p50      2.00 ms  132 ms\n"), "{out}");
}

#[test]
fn json_tells_the_same_of_several_runs() {
    let folder = tempfile::tempdir().unwrap();
    let old = log(&folder.path().join("old.hlog"), &[("q.a", FAST), ("q.b", FAST)]);
    let new = log(&folder.path().join("new.hlog"), &[("q.a", SLOW)]);
    let out = report(&[&old, &new, "--format", "json"]).exits(0).out;
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told["schema_version"], &told["command"]), (&json!(1), &json!("report")));
    let [first, second] = list(&told["runs"]) else { panic!("{out}") };
    assert_eq!((&first["name"], &second["name"]), (&json!("old"), &json!("new")));
    assert_eq!(first["start_time_ns"], 1_441_812_279_474_000_000_u64);
    assert_eq!(list(&first["series"]).len(), 2);
    let series = &list(&second["series"])[0];
    assert_eq!(
        (&series["tag"], &series["group"], count(&series["count"])),
        (&json!("q.a"), &json!("q"), 4)
    );
    assert_eq!(count(&series["latency_ns"]["p50"]), 132_095);
    assert_eq!(count(&series["intervals"][0]["length_ns"]), 1_000_000_000);
    let ratio = series["ratio_to_first"]["p50"].as_f64().unwrap();
    assert!((ratio - 66.0).abs() < 0.1, "{ratio}");
    assert!(list(&first["series"])[0]["ratio_to_first"].is_null());
}

#[test]
fn a_run_s_report_and_its_log_are_one_run_with_a_timeline() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    session(&folder.path().join("session"), DAMAGED_SESSION);
    let mut replay = tickring(&["replay", "--venue", "binance-usdm", "--speed", "max"]);
    replay.args(["--strategy", "spread", "--format", "json", "--hlog", &at("run.hlog")]);
    let ran = Ran::of(replay.arg(at("session"))).exits(0);
    fs::write(at("run.json"), &ran.out).unwrap();
    let replayed = ran.report();

    let out = report(&[&at("run.json"), &at("run.hlog"), "--format", "json"]).exits(0).out;
    let told: Value = serde_json::from_str(&out).unwrap();
    let [run] = list(&told["runs"]) else { panic!("{out}") };
    assert_eq!(list(&run["files"]).len(), 2);
    assert_eq!(run["start_time_ns"], replayed["start_time_ns"]);
    assert_eq!(run["timeline"], replayed["timeline"]);
    assert_eq!(run["timeline_summary"]["gaps"], replayed["loss"]["gaps"]);
    let queue = list(&run["series"]).iter().find(|it| it["tag"] == "queue.spread").unwrap();
    assert_eq!(queue["count"], replayed["strategies"][0]["handled"]);
    assert_eq!(list(&queue["intervals"]).len(), 1);

    let text = report(&[&at("run.json")]).exits(0).out;
    assert!(text.contains("; 1 gap from 0 ns on"), "{text}");
    assert!(text.contains("\ndecode\n") && text.contains(" spread\n"), "{text}");
}

#[test]
fn results_of_a_bench_are_read_with_what_is_not_known_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bench.json");
    let latency = json!({"count": 10, "p50_ns": 60.4, "p99_ns": 90.0, "max_ns": 100.0});
    let rate = |rate: u64| json!({"name": "ring", "rate": rate, "latency": latency, "new": [{}]});
    let bench =
        json!({"schema_version": 9, "host": {"x": 1}, "scenarios": [rate(1_000), rate(500)]});
    fs::write(&path, bench.to_string()).unwrap();
    let out = report(&[path.to_str().unwrap()]).exits(0).out;
    assert!(
        out.contains("\nring by rate\n          500/s    1k/s\np50       60 ns   60 ns\n"),
        "{out}"
    );
    assert!(out.contains("\np99.9         -       -\n"), "{out}");
}

#[test]
fn tags_are_chosen_by_globs_and_none_that_fits_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let entries = [("queue.a", FAST), ("queue.b", FAST), ("total.a", FAST)];
    let path = log(&folder.path().join("x.hlog"), &entries);
    let out = report(&[&path, "--tag", "*.b", "--tag", "total.?"]).exits(0).out;
    assert!(out.contains("\nqueue\n") && out.contains("\ntotal\n"), "{out}");
    assert!(out.contains("\n               b\n"), "{out}");
    let ran = report(&[&path, "--tag", "decode.*"]).exits(2);
    let words = "--tag: nothing is like decode.*; there are queue.a, queue.b, total.a\n";
    assert!(ran.err.contains(words) && ran.out.is_empty(), "{}", ran.err);
}

#[test]
fn a_file_that_is_no_log_or_no_whole_one_is_an_error_that_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let whole = log(&folder.path().join("whole.hlog"), &[("q.a", FAST), ("q.a", SLOW)]);
    let text = fs::read_to_string(&whole).unwrap();
    for (name, content, words) in [
        ("cut.hlog", &text[..text.len() - 9], "line 5: the histogram is "),
        ("cut.hlog", &text[..text.len() - 9], "the lines before it are whole: `head -n 4 "),
        ("words.hlog", "once upon a time\n", "line 1: not `[Tag=NAME,]START,LENGTH,MAX,"),
        ("empty.hlog", "", ": no intervals are in it"),
        ("header.hlog", HEADER, ": no intervals are in it"),
        ("cut.json", "{\"strategies\": [", ": no whole JSON: EOF while parsing"),
        ("other.json", "{\"p50\": 3}", "neither the report of a run nor the result of a bench"),
    ] {
        fs::write(at(name), content).unwrap();
        let ran = report(&[&whole, &at(name)]).exits(5);
        assert!(ran.err.contains(&at(name)) && ran.err.contains(words), "{name}: {}", ran.err);
        assert!(ran.out.is_empty());
    }
    let ran = report(&[&at("missing.hlog")]).exits(5);
    assert!(ran.err.contains("missing.hlog: No such file"), "{}", ran.err);
    let ran = report(&[&whole, &whole]).exits(2);
    assert!(ran.err.contains("whole.hlog is given twice"), "{}", ran.err);
    let ran = report(&[&whole, "--html", &whole]).exits(2);
    assert!(ran.err.contains("--html: ") && ran.err.contains("one of the files to read"));
    assert_eq!(fs::read_to_string(&whole).unwrap(), text, "it is as it was");
    report(&[&whole, "--html", "/dev/full"]).exits(5);
    report(&[]).exits(2);
}

/// Walks through markup and gives the names of its elements; each must end, in order.
#[track_caller]
fn elements(html: &str) -> Vec<String> {
    let (mut open, mut all): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>') || open.last().is_some_and(|it| it == "style"), "{text}");
        let (tag, after) = after.split_once('>').unwrap();
        rest = after;
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "in {tag}");
            continue;
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        let name = tag.split([' ', '/', '\n']).next().unwrap().to_owned();
        all.push(name.clone());
        if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} do not end");
    all
}

/// The page of these files.
fn page(folder: &Path, files: &[&str]) -> String {
    let path = folder.join("page.html");
    let mut arguments = files.to_vec();
    arguments.extend(["--html", path.to_str().unwrap()]);
    report(&arguments).exits(0);
    fs::read_to_string(path).unwrap()
}

#[test]
fn the_page_is_well_formed_and_asks_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let old = log(&folder.path().join("old.hlog"), &[("q.a", FAST), ("q.b", SLOW)]);
    let new = log(
        &folder.path().join("new.hlog"),
        &[("q.a", SLOW), ("r.rate=10", FAST), ("r.rate=20", SLOW)],
    );
    let html = page(folder.path(), &[&old, &new]);
    let elements = elements(&html);
    let number = |name: &str| elements.iter().filter(|it| *it == name).count();
    // By percentile for each group, by rate for one; over time the rate and the p99 of each group.
    assert_eq!(number("figure"), 2 + 1 + 3);
    assert_eq!(number("table"), 2);
    assert!(
        html.contains("> p50, new</li>") && !html.contains("> p50, old</li>"),
        "no rates there"
    );
    assert_eq!(number("script") + number("img") + number("link") + number("iframe"), 0);
    let links = html.replace("http://www.w3.org/2000/svg", "");
    for word in ["http:", "https:", "//", "url(", "@import", "src=", "href="] {
        let found = links.replace("default-src '", "").contains(word);
        assert!(!found, "{word}");
    }
    for words in [
        ">latency<",
        ">percentile<",
        ">90<",
        "messages sent a second",
        "events/s",
        " since the run began",
    ] {
        let lines = html.replace('\n', "");
        assert!(lines.contains(words), "{words}");
    }
}

#[test]
fn names_of_files_and_tags_cannot_become_markup_or_commands() {
    let folder = tempfile::tempdir().unwrap();
    let name = "<script>alert('1')<\u{1b}[2J&\".hlog";
    let tag = "q.</text><script>x\u{1b}]0;y\u{7}";
    let path = log(&folder.path().join(name), &[(tag, FAST)]);
    let html = page(folder.path(), &[&path]);
    assert!(!elements(&html).iter().any(|it| it == "script"));
    assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;"));
    let out = report(&[&path]).exits(0).out;
    for text in [html, out] {
        assert!(!text.contains(['\u{1b}', '\u{7}']));
    }
}

#[test]
fn gaps_are_marked_in_the_pictures_over_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.json");
    let latency = json!({"count": 10, "p50": 60, "p99": 90, "max": 100});
    let span = |at_ns: u64, gaps: u64| json!({"at_ns": at_ns, "length_ns": 1_000_000_000, "gaps": gaps, "events": 5});
    let spans = [span(0, 0), span(1_000_000_000, 2), span(2_000_000_000, 0)];
    let run = json!({
        "strategies": [], "stages": {"decode": latency}, "timeline": spans,
    });
    fs::write(&path, run.to_string()).unwrap();
    let html = page(folder.path(), &[path.to_str().unwrap()]);
    // Rate, depth and lag, for either screen, and the legend of each.
    assert_eq!(html.matches("stroke=\"#C8102E\" stroke-width").count(), 3 * 2 + 3, "{html}");
    assert_eq!(html.matches("</svg> gap</li>").count(), 3);
}
