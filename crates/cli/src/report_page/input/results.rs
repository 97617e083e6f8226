//! What JSON tells of a run: the report of one, or results of a bench.
//!
//! Of results that are not ours only so much is assumed: somewhere there are objects with percentiles
//! (`p50`, `p99` and `max`, or the same with `_ns`), and what they are of is told by a `tag` or a
//! `name` around them. Anything else is left alone.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};
use tickring_metrics::TimelineEntry;

use super::super::figures::{Figures, Rank};
use super::super::{Run, Series, harmless};
use super::unreadable;
use crate::exit::{Exit, Failure};

/// The largest file that is read.
const BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most series that are taken from one file.
const SERIES_MAX: usize = 4_096;

/// Reads a JSON object.
///
/// # Errors
/// It is too large, no JSON, or holds nothing that was timed.
pub(super) fn read(path: &Path, reader: impl Read) -> Result<Run, Failure> {
    let fail =
        |words: String| Failure::new(Exit::InputOutput, format!("{}: {words}", path.display()));
    let mut text = String::new();
    reader
        .take(BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(path, &error))?;
    if text.len() as u64 > BYTES_MAX {
        return Err(fail(format!("larger than {BYTES_MAX} bytes")));
    }
    let value: Value =
        serde_json::from_str(&text).map_err(|error| fail(format!("no whole JSON: {error}")))?;
    let run = run(&value);
    if run.series.is_empty() {
        let words = "neither the report of a run nor the result of a bench: nothing in it has \
                     p50, p99 and max";
        return Err(fail(words.to_owned()));
    }
    Ok(run)
}

fn run(value: &Value) -> Run {
    let mut found = Found(Vec::new());
    if value["strategies"].is_array() && value["stages"].is_object() {
        found.add_report(value);
    } else if value["command"] == "bench" && value["scenarios"].is_array() {
        found.add_bench(value);
    } else {
        found.add(value, "");
    }
    let timeline = value["timeline"].as_array().into_iter().flatten();
    let timeline =
        timeline.filter_map(|it| serde_json::from_value::<TimelineEntry>(it.clone()).ok());
    Run {
        start_time_ns: value["start_time_ns"].as_u64(),
        timeline: timeline.collect(),
        series: found.0,
        ..Run::default()
    }
}

/// Series as they are found.
struct Found(Vec<Series>);

impl Found {
    /// The stages of a run, by the tags that they have in its interval log.
    fn add_report(&mut self, report: &Value) {
        for stage in ["decode", "stall"] {
            self.push(&format!("{stage}.ingest"), figures(&report["stages"][stage]).as_ref());
        }
        for list in ["strategies", "services"] {
            let rows = report[list].as_array().map_or(&[][..], Vec::as_slice);
            for row in rows {
                let name = row["name"].as_str().unwrap_or(list);
                let is_one = rows.iter().filter(|it| it["name"] == row["name"]).count() == 1;
                let worker = if is_one { String::new() } else { format!("/{}", row["worker"]) };
                for stage in ["queue", "handle", "total"] {
                    let figures = figures(&row["latency_ns"][stage]);
                    self.push(&format!("{stage}.{name}{worker}"), figures.as_ref());
                }
            }
        }
        self.push("pacing_error", figures(&report["recorded"]["pacing_error_ns"]).as_ref());
    }

    /// The scenarios of a bench, by the tags that they have in its interval log, and what each kind
    /// of message took.
    fn add_bench(&mut self, bench: &Value) {
        for scenario in bench["scenarios"].as_array().into_iter().flatten() {
            let name = scenario["name"].as_str().unwrap_or("unnamed");
            self.push(&format!("total.{name}"), figures(&scenario["latency_ns"]).as_ref());
            for (kind, value) in scenario["kinds"].as_object().into_iter().flatten() {
                self.push(&format!("{name}.{kind}"), figures(value).as_ref());
            }
        }
    }

    /// Whatever has percentiles in `value`, which is at `path`.
    fn add(&mut self, value: &Value, path: &str) {
        match value {
            Value::Object(members) => match figures(value) {
                Some(figures) => self.push(&named(members, path), Some(&figures)),
                None => self.add_members(members, path),
            },
            Value::Array(entries) => {
                // Nameless figures in one list are blocks of one measurement.
                let is_blocks = entries.iter().all(|it| it.as_object().is_some_and(is_nameless));
                let blocks: Vec<_> = entries.iter().filter_map(figures).collect();
                if is_blocks && blocks.len() == entries.len() {
                    self.push(path, middle(&blocks).as_ref());
                } else {
                    entries.iter().for_each(|entry| self.add(entry, path));
                }
            }
            _ => {}
        }
    }

    fn add_members(&mut self, members: &Map<String, Value>, path: &str) {
        let path = named(members, path);
        for (name, member) in members {
            let is_plain = PLAIN.contains(&name.as_str());
            let dot = if path.is_empty() || is_plain { "" } else { "." };
            let name = if is_plain { "" } else { name.as_str() };
            self.add(member, &format!("{path}{dot}{name}"));
        }
    }

    /// Adds a series that has values; the first of a tag stays.
    fn push(&mut self, tag: &str, figures: Option<&Figures>) {
        let Some(figures) = figures.copied().filter(|it| it.count > 0) else { return };
        let tag = harmless(if tag.is_empty() { "all" } else { tag });
        if self.0.len() < SERIES_MAX && !self.0.iter().any(|it| it.tag == tag) {
            self.0.push(Series { tag, figures, ..Series::default() });
        }
    }
}

/// Names that say nothing about what was timed.
const PLAIN: [&str; 9] = [
    "blocks",
    "figures",
    "latency",
    "latency_ns",
    "results",
    "rows",
    "runs",
    "scenarios",
    "summary",
];

/// What an object is about: its own tag or name where it has one, and the rate that is not in it.
fn named(members: &Map<String, Value>, path: &str) -> String {
    let own = NAMES.iter().find_map(|name| members.get(*name)?.as_str());
    let name = own.unwrap_or(path);
    let rates = ["rate", "rate_per_s"].into_iter().find_map(|it| members.get(it)?.as_f64());
    match rates {
        Some(rate) if !name.contains("rate=") && name.is_empty() => format!("rate={rate}"),
        Some(rate) if !name.contains("rate=") => format!("{name}.rate={rate}"),
        _ => name.to_owned(),
    }
}

fn is_nameless(members: &Map<String, Value>) -> bool {
    !NAMES.iter().chain(&["rate", "rate_per_s"]).any(|it| members.contains_key(*it))
}

const NAMES: [&str; 4] = ["tag", "name", "scenario", "label"];

/// The figures of an object that is made of them.
fn figures(value: &Value) -> Option<Figures> {
    let number = |key: &str| value.get(key).or_else(|| value.get(format!("{key}_ns")))?.as_f64();
    let values_ns = Rank::ALL.map(|rank| number(rank.key()).map(whole));
    let figures = Figures { count: value["count"].as_u64().unwrap_or(1), values_ns };
    let is_whole = [Rank::P50, Rank::P99, Rank::Max].iter().all(|it| figures.get(*it).is_some());
    is_whole.then_some(figures)
}

/// The middle of each figure, and all that was counted.
fn middle(blocks: &[Figures]) -> Option<Figures> {
    let mut figures = *blocks.first()?;
    figures.count = blocks.iter().fold(0, |sum: u64, it| sum.saturating_add(it.count));
    for (rank, value) in Rank::ALL.into_iter().zip(&mut figures.values_ns) {
        let mut all: Vec<u64> = blocks.iter().filter_map(|it| it.get(rank)).collect();
        all.sort_unstable();
        *value = if rank == Rank::Max { all.last() } else { all.get(all.len() / 2) }.copied();
    }
    Some(figures)
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it saturates")]
const fn whole(ns: f64) -> u64 {
    ns.round() as u64
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(value: &Value, expected: &[(&str, u64, u64)]) {
        let run = run(value);
        let found: Vec<_> = run
            .series
            .iter()
            .map(|it| (it.tag.as_str(), it.figures.count, it.figures.get(Rank::P50).unwrap()))
            .collect();
        assert_eq!(found, expected);
    }

    fn latency(count: u64, p50: u64) -> Value {
        json!({"count": count, "p50": p50, "p99": 9, "max": 10, "other": []})
    }

    #[test]
    fn a_run_s_stages_have_the_tags_of_its_log() {
        let stages =
            json!({"queue": latency(3, 1), "handle": latency(3, 2), "total": latency(0, 0)});
        let row =
            |name: &str, worker| json!({"name": name, "worker": worker, "latency_ns": stages});
        let report = json!({
            "stages": {"decode": latency(4, 5), "stall": latency(0, 0)},
            "strategies": [row("a", 0), row("b", 0), row("b", 1)],
            "recorded": {"pacing_error_ns": null},
        });
        let expected = [
            ("decode.ingest", 4, 5),
            ("queue.a", 3, 1),
            ("handle.a", 3, 2),
            ("queue.b/0", 3, 1),
            ("handle.b/0", 3, 2),
            ("queue.b/1", 3, 1),
            ("handle.b/1", 3, 2),
        ];
        check(&report, &expected);
    }

    #[test]
    fn a_bench_s_scenarios_have_the_tags_of_its_log() {
        let rounds = [latency(1, 8), latency(1, 9)];
        let scenarios = json!([
            {"name": "ring.rate=10000", "latency_ns": latency(2, 5), "rounds": rounds, "per_s": 1.5},
            {"name": "decode", "latency_ns": latency(2, 6), "kinds": {"trade": latency(1, 7)}},
        ]);
        let bench = json!({"command": "bench", "scenarios": scenarios, "floor": {"tight_ns": 60}});
        let expected =
            [("total.ring.rate=10000", 2, 5), ("total.decode", 2, 6), ("decode.trade", 1, 7)];
        check(&bench, &expected);
    }

    #[test]
    fn scenarios_are_found_by_tag_name_and_rate() {
        check(
            &json!({"schema_version": 7, "scenarios": [
                {"tag": "ring.rate=100.consumers=1", "rate": 100, "latency_ns": latency(1, 1)},
                {"name": "ring", "rate_per_s": 5000, "figures": latency(1, 2), "unknown": {}},
                {"name": "decode", "count": 1, "p50_ns": 2.6, "p99_ns": 3.0, "max_ns": 3.0},
            ]}),
            &[("ring.rate=100.consumers=1", 1, 1), ("ring.rate=5000", 1, 2), ("decode", 1, 3)],
        );
    }

    #[test]
    fn blocks_of_one_measurement_are_one_series() {
        let blocks = [latency(2, 7), latency(2, 5), latency(2, 90)];
        check(&json!({"results": [{"name": "decode", "blocks": blocks}]}), &[("decode", 6, 7)]);
    }

    #[test]
    fn places_without_a_name_are_named_by_their_path() {
        check(&json!({"ring": {"floor": latency(1, 4)}}), &[("ring.floor", 1, 4)]);
        check(&latency(1, 4), &[("all", 1, 4)]);
        check(&json!({"a": 1, "b": [[], {}, null, "p50"]}), &[]);
    }
}
