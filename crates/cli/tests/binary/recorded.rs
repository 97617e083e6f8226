//! Recorded sessions: counts and books as an independent rebuild found them.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use serde_json::{Value, json};
use tickring_capture::{LineReader, LineWriter};

use crate::support::{
    DAMAGED_SESSION, Ran, count, figure, list, messages, recorded_data, session, simulated_session,
    tickring,
};

/// A recorded session.
struct Session {
    venue: &'static str,
    file: &'static str,
    symbol: &'static str,
}

const USDM_BTC: Session =
    Session { venue: "binance-usdm", file: "btcusdt_20240808", symbol: "BTCUSDT" };
const SPOT_BTC: Session =
    Session { venue: "binance-spot", file: "btcusdt_20240808", symbol: "BTCUSDT" };
const SPOT_ETH: Session =
    Session { venue: "binance-spot", file: "ethusdt_20240808", symbol: "ETHUSDT" };

const MESSAGES: [(&str, &str); 4] = [
    ("bookTicker", "bookTicker"),
    ("trade", "trade"),
    ("depthUpdate", "depth_events"),
    ("snapshot", "snapshots"),
];

impl Session {
    fn path(&self, folder: &Path) -> String {
        format!("{}/{}/{}.gz", folder.display(), self.venue, self.file)
    }

    fn expected(&self, folder: &Path) -> Value {
        let name = format!("{}__{}.json", self.venue, self.file);
        serde_json::from_str(&fs::read_to_string(folder.join("expected").join(name)).unwrap())
            .unwrap()
    }

    #[track_caller]
    fn check_book(&self, report: &Value, folder: &Path) {
        let expected = &self.expected(folder)["books"][self.symbol];
        let book = json!({
            "levels": expected["levels"],
            "top5": expected["top5"],
            "last_sequence": expected["last_sequence"],
            "seeded": true,
            "snapshots": expected["counts"]["snapshots"],
            "applied": expected["counts"]["applied"],
            "stale": expected["counts"]["older_than_snapshot"],
            "gaps": 0,
            "valid": true,
        });
        assert_eq!(report["books"][self.symbol], book);
    }
}

fn replay(sessions: &[&str], venue: &str, arguments: &[&str]) -> Value {
    let mut command = tickring(&["replay", "--venue", venue, "--books", "--format", "json"]);
    let is_paced = arguments.contains(&"--speed");
    let pace: &[_] = if is_paced { &[] } else { &["--speed", "max"] };
    let command = command.args(pace).args(arguments).args(sessions);
    Ran::of(command).exits(0).report()
}

/// Replays sessions of one venue as one stream and compares all that is known about them.
#[track_caller]
fn check(sessions: &[&Session], arguments: &[&str]) {
    let Some(folder) = recorded_data() else { return };
    let paths: Vec<_> = sessions.iter().map(|session| session.path(&folder)).collect();
    let paths: Vec<_> = paths.iter().map(String::as_str).collect();
    let report = replay(&paths, sessions[0].venue, arguments);
    let sum = |count_of: &dyn Fn(&Value) -> u64| {
        sessions.iter().map(|session| count_of(&session.expected(&folder))).sum::<u64>()
    };
    assert_eq!(count(&report["frames"]), sum(&|it| count(&it["stats"]["messages"])));
    assert_eq!(messages(&report), count(&report["frames"]));
    for (kind, name) in MESSAGES {
        let expected = sum(&|it| count(&it["totals"][name]));
        assert_eq!(count(&report["messages"][kind]), expected, "{kind}");
    }
    let bytes = sum(&|it| count(&it["stats"]["bytes"]["total"]));
    assert_eq!(count(&report["bytes"]), bytes);
    if let [session] = sessions {
        let peak = &session.expected(&folder)["stats"]["peak_msgs_in_100ms"];
        assert_eq!(&report["recorded"]["busiest_100ms_recorded"], peak);
    }
    assert_eq!(report["decode_errors"], json!({ "total": 0, "by_reason": {} }));
    assert_eq!((&report["loss"]["gaps"], &report["gaps"]), (&0.into(), &json!([])));
    assert_eq!(report["drained"], true);
    assert_eq!(report["books"].as_object().unwrap().len(), sessions.len());
    sessions.iter().for_each(|session| session.check_book(&report, &folder));
}

#[test]
fn usdm_btcusdt_is_replayed_whole() {
    check(&[&USDM_BTC], &["--strategy", "spread", "--strategy", "pressure"]);
}

#[test]
fn spot_btcusdt_is_replayed_whole() {
    check(&[&SPOT_BTC], &[]);
}

#[test]
fn spot_ethusdt_is_replayed_whole() {
    check(&[&SPOT_ETH], &[]);
}

#[test]
fn two_sessions_are_replayed_as_one_stream() {
    check(&[&SPOT_BTC, &SPOT_ETH], &[]);
}

#[test]
fn every_strategy_divided_among_workers_handles_each_event_once() {
    check(&[&SPOT_BTC, &SPOT_ETH], &["--workers", "3", "--strategy", "spread,bars"]);
}

#[test]
fn a_small_ring_changes_nothing_but_the_time_taken() {
    check(&[&SPOT_ETH], &["--ring", "64"]);
}

#[test]
fn the_run_hash_does_not_depend_on_pace_ring_or_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    simulated_session(&path, 5_000);
    let path = path.to_str().unwrap();
    let hash = |arguments: &[&str]| replay(&[path], "tickdb", arguments)["run_hash"].take();
    let hash_of_all = hash(&[]);
    assert!(hash_of_all.is_string());
    for wait in ["yield", "backoff"] {
        assert_eq!(hash(&["--ring", "64", "--wait", wait, "--cores", "none"]), hash_of_all);
    }
    assert_eq!(hash(&["--speed", "2"]), hash_of_all);
    assert_ne!(hash(&["--strategy", "spread"]), hash_of_all, "it names its strategies");

    let words = hash_of_all.as_str().unwrap();
    assert_eq!(hash(&["--verify-hash", words]), hash_of_all);
    let mut command = tickring(&["replay", path, "--venue", "tickdb", "--speed", "max"]);
    let ran = Ran::of(command.args(["--strategy", "spread", "--verify-hash", words])).exits(1);
    assert!(ran.err.contains(&format!("not {words}")), "{}", ran.err);
}

#[test]
fn another_message_gives_another_run_hash() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    let hash = |lines: &str| {
        session(&path, lines);
        replay(&[path.to_str().unwrap()], "binance-usdm", &[])["run_hash"].take()
    };
    let whole = hash(DAMAGED_SESSION);
    assert_eq!(hash(DAMAGED_SESSION), whole);
    assert_ne!(hash(&DAMAGED_SESSION.replacen("100.3", "100.4", 1)), whole);
}

/// A report without the figures that differ from run to run: times, and how full the ring was.
fn untimed(mut report: Value) -> Value {
    for key in ["start_time_ns", "wall_ns", "timeline", "stages", "ring", "bottleneck"] {
        report[key].take();
    }
    for entries in ["strategies", "services"] {
        for entry in report[entries].as_array_mut().unwrap() {
            entry["latency_ns"].take();
        }
    }
    report
}

#[test]
fn standard_input_and_other_compressions_give_the_same_report() {
    let Some(folder) = recorded_data() else { return };
    let path = SPOT_ETH.path(&folder);
    let expected = untimed(replay(&[&path], SPOT_ETH.venue, &[]));

    let mut command = tickring(&["replay", "-", "--venue", SPOT_ETH.venue, "--speed", "max"]);
    command.args(["--books", "--format", "json"]).stdin(Stdio::from(File::open(&path).unwrap()));
    assert_eq!(untimed(Ran::of(&mut command).exits(0).report()), expected);

    let copies = tempfile::tempdir().unwrap();
    let (plain, zstd) = (copies.path().join("plain"), copies.path().join("zstd"));
    let mut reader = LineReader::open(Path::new(&path)).unwrap();
    let mut writer = LineWriter::new("copy", File::create(&plain).unwrap());
    while let Some(frame) = reader.next_frame().unwrap() {
        writer.write_frame(frame.arrival_ns, frame.text).unwrap();
    }
    writer.finish().unwrap();
    zstd::stream::copy_encode(File::open(&plain).unwrap(), File::create(&zstd).unwrap(), 1)
        .unwrap();
    for copy in [plain, zstd] {
        let report = replay(&[copy.to_str().unwrap()], SPOT_ETH.venue, &[]);
        assert_eq!(untimed(report), expected, "{}", copy.display());
    }
}

#[test]
fn a_tickdb_session_is_replayed_through_the_live_decoder() {
    const FRAMES: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    simulated_session(&path, FRAMES);
    let report = replay(&[path.to_str().unwrap()], "tickdb", &["--strategy", "audit,spread"]);
    assert_eq!((count(&report["frames"]), messages(&report)), (FRAMES, FRAMES));
    assert_eq!(figure(&report, "audit", "checked"), FRAMES);
    for kind in ["lost", "duplicated", "reordered"] {
        assert_eq!(figure(&report, "audit", kind), 0, "{kind}");
    }
    assert_eq!(report["books"].as_object().unwrap().len(), 4);
}

#[test]
fn a_replay_at_a_pace_keeps_the_bursts_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    simulated_session(&path, 5_000);
    let report = replay(&[path.to_str().unwrap()], "tickdb", &["--speed", "2"]);
    let recorded = &report["recorded"];
    assert_eq!(
        (&recorded["speed"], &recorded["busiest_100ms_recorded"]),
        (&2.0.into(), &1_000.into())
    );
    assert!(count(&report["wall_ns"]) >= count(&recorded["span_ns"]) / 2, "never early");
    assert!(count(&recorded["busiest_100ms_delivered"]) > 0);
    assert_eq!(list(&report["strategies"]).len(), 2);
}

#[test]
fn an_empty_recording_is_a_run_without_frames() {
    let mut command = tickring(&["replay", "-", "--venue", "binance-spot", "--format", "json"]);
    let report = Ran::of(&mut command).exits(0).report();
    assert_eq!((&report["frames"], &report["drained"]), (&0.into(), &true.into()));
}
