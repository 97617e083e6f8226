//! What a live run records is what it was, also after a crash.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tickring_capture::{CaptureReader, Entry};

use crate::support::{
    KEY, Process, Ran, Venue, count, figure, list, live, messages, session, simulated_session,
    tickring,
};

const STRATEGIES: [&str; 4] = ["--strategy", "audit", "--strategy", "spread"];

/// Records a live run up to the end of what the venue sends: its report.
fn record(venue: &Venue, subscriptions: u32, path: &Path, arguments: &[&str]) -> Value {
    let mut command = live(&venue.url, &STRATEGIES);
    command.env("RECONNECT_BASE_DELAY", "0.05").env("RECONNECT_MAX_DELAY", "0.1");
    command.arg("--record").arg(path).args(arguments);
    let mut engine = Process::start(&mut command);
    for _ in 0..subscriptions {
        engine.wait_for("every subscription was answered");
    }
    engine.wait_for_silence();
    engine.signal("INT");
    engine.finish().exits(130).report()
}

fn replay(path: &Path, arguments: &[&str]) -> Ran {
    let mut command = tickring(&["replay", "--format", "json"]);
    if !arguments.contains(&"--speed") {
        command.args(["--speed", "max"]);
    }
    Ran::of(command.args(STRATEGIES).args(arguments).arg(path))
}

fn verify(path: &Path, code: i32) -> Value {
    let ran = Ran::of(tickring(&["verify", "--format", "json"]).arg(path)).exits(code);
    serde_json::from_str(&ran.out).unwrap()
}

fn folder() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.mcap");
    (folder, path)
}

#[test]
fn a_replay_is_the_live_run_again_reconnects_and_gaps_included() {
    let mut arguments = vec!["--profile", "steady:10000", "--count", "60000"];
    arguments.extend(["--restarts", "2", "--down", "50ms"]);
    let venue = Venue::start(&arguments);
    let (_folder, path) = folder();
    let recorded = record(&venue, 3, &path, &[]);
    let capture = &recorded["capture"];
    assert_eq!(capture["frames"], recorded["frames"]);
    assert_eq!((&capture["holes"], &capture["failures"]), (&0.into(), &0.into()));
    assert_eq!(recorded["connections"]["reconnects"], 2);
    let verdict = verify(&path, 0);
    assert_eq!(verdict["files"][0]["kept"]["frames"], recorded["frames"]);
    let hash = recorded["run_hash"].as_str().unwrap();
    for arguments in [
        &["--verify-hash", hash][..],
        &["--verify-hash", hash, "--ring", "64", "--wait", "yield", "--read-ahead", "2"],
        &["--verify-hash", hash, "--ring", "1024", "--wait", "backoff", "--read-ahead", "0"],
        &["--verify-hash", hash, "--speed", "10"],
    ] {
        let replayed = replay(&path, arguments).exits(0).report();
        for field in ["run_hash", "frames", "bytes", "events", "loss", "gaps", "messages"] {
            assert_eq!(replayed[field], recorded[field], "{field} with {arguments:?}");
        }
    }
}

#[test]
fn a_run_that_is_killed_leaves_an_exact_prefix_that_says_so() {
    let venue = Venue::start(&["--profile", "steady:30000"]);
    let (_folder, path) = folder();
    let mut command = live(&venue.url, &STRATEGIES);
    let mut engine = Process::start(command.arg("--record").arg(&path));
    engine.wait_for("every subscription was answered");
    for _ in 0..4 {
        engine.wait_for(" frames/s, ");
    }
    engine.kill();
    let verdict = &verify(&path, 1)["files"][0];
    assert_eq!(verdict["condition"], "unclean");
    assert!(verdict["damages"].as_array().unwrap().is_empty());
    let kept = count(&verdict["kept"]["frames"]);
    assert!(kept > 0);
    let replayed = replay(&path, &[]).exits(0).report();
    assert_eq!(replayed["frames"], kept);
    assert_eq!(figure(&replayed, "audit", "lost"), 0, "nothing is missing up to the end");
    let cut = &list(&replayed["recorded"]["cut"])[0];
    assert_eq!((&cut["offset"], &cut["bytes"]), (&verdict["offset"], &verdict["cut"]["bytes"]));

    let ran = Ran::of(tickring(&["verify", "--repair"]).arg(&path)).exits(1);
    assert!(ran.out.contains("x.repaired.mcap"), "{}", ran.out);
    let repaired = path.with_extension("repaired.mcap");
    assert_eq!(verify(&repaired, 0)["files"][0]["kept"]["frames"], kept);
    let again = replay(&repaired, &[]).exits(0).report();
    assert_eq!(again["run_hash"], replayed["run_hash"]);
}

#[test]
fn a_recorder_that_is_started_again_goes_on_in_its_folder() {
    let venue = Venue::start(&["--profile", "steady:20000"]);
    let (folder, _) = folder();
    let path = folder.path().join("session");
    let mut command = live(&venue.url, &STRATEGIES);
    let mut engine = Process::start(command.arg("--record").arg(&path));
    engine.wait_for("every subscription was answered");
    engine.wait_for(" frames/s, ");
    engine.wait_for(" frames/s, ");
    engine.kill();
    let mut command = live(&venue.url, &["--duration", "1s"]);
    let ran = Ran::of(command.arg("--record").arg(&path)).exits(0);
    assert!(ran.err.contains("0000.mcap was not ended; made whole"), "{}", ran.err);
    let files = verify(&path, 0);
    let files = list(&files["files"]);
    assert_eq!(files.len(), 2);
    let frames: u64 = files.iter().map(|file| count(&file["kept"]["frames"])).sum();
    let replayed = replay(&path, &[]).exits(0).report();
    assert_eq!(replayed["frames"], frames);
    assert_eq!(replayed["recorded"]["holes"], 1, "what lies between the two is a hole");
    let gaps = list(&replayed["gaps"]);
    assert!(gaps.iter().any(|gap| gap["reason"] == "unrecorded"), "{gaps:?}");
}

/// A Python that has the `mcap` package, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When there is none and `CI` is `true`.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn python() -> Option<OsString> {
    let python = std::env::var_os("TICKRING_PYTHON").unwrap_or_else(|| "python3".into());
    let found = Command::new(&python).args(["-c", "import mcap, zstandard"]).output();
    if found.is_ok_and(|it| it.status.success()) {
        return Some(python);
    }
    let words = format!("{} cannot import mcap; TICKRING_PYTHON names another", python.display());
    let is_ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!is_ci, "{words}");
    eprintln!("SKIPPED: {words}");
    None
}

#[test]
fn another_reader_of_the_format_finds_the_same_frames() {
    let Some(python) = python() else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tools/checks/capture_counts.py");
    let venue = Venue::start(&["--profile", "steady:10000", "--count", "20000"]);
    let (folder, path) = folder();
    record(&venue, 1, &path, &[]);
    let (cut, repaired) = (folder.path().join("cut.mcap"), folder.path().join("whole.mcap"));
    let bytes = fs::read(&path).unwrap();
    fs::write(&cut, &bytes[..bytes.len() / 3]).unwrap();
    tickring_capture::repair(&cut, &repaired, false).unwrap();
    for file in [path, repaired] {
        let output = Command::new(&python).arg(&script).arg(&file).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let found: Value = serde_json::from_slice(&output.stdout).unwrap();
        let kept = &verify(&file, 0)["files"][0]["kept"];
        assert!(count(&kept["frames"]) > 1_000, "{kept}");
        for field in ["frames", "frame_bytes"] {
            assert_eq!(found[field], kept[field], "{field} of {}", file.display());
        }
        assert_eq!(found["crc32"], crc_of(&file));
    }
}

/// CRC-32 of all frames, by its definition (IEEE 802.3, bits reversed).
fn crc_of(path: &Path) -> String {
    let mut reader = CaptureReader::open(path).unwrap();
    let mut crc = u32::MAX;
    while let Some(entry) = reader.next().unwrap() {
        let Entry::Received { text, .. } = entry else { continue };
        for &byte in text {
            crc ^= u32::from(byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            }
        }
    }
    format!("{:08x}", !crc)
}

#[test]
fn record_needs_no_strategy_and_knows_what_was_subscribed() {
    let venue = Venue::start(&["--profile", "steady:5000", "--key", KEY]);
    let (_folder, path) = folder();
    let mut command = tickring(&["record", "--symbols", crate::support::SYMBOLS]);
    command.args(["--format", "json", "--duration", "1s", "-o"]).arg(&path);
    command.env("TICKDB_API_KEY", KEY);
    command.env("TICKDB_WS_URL", format!("{}?note=s3cr3t", venue.url));
    let report = Ran::of(&mut command).exits(0).report();
    assert_eq!(report["command"], "record");
    assert_eq!(list(&report["strategies"]).len(), 1);
    let mut reader = CaptureReader::open(&path).unwrap();
    let told = reader.metadata();
    assert_eq!((told["venue"].as_str(), told["url"].as_str()), ("tickdb", venue.url.as_str()));
    assert_eq!(told["symbols"], crate::support::SYMBOLS);
    let mut sent = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        let text = match entry {
            Entry::Received { text, .. } => text,
            Entry::Sent { text, .. } => {
                sent.push(String::from_utf8(text.to_vec()).unwrap());
                text
            }
            Entry::Changed { .. } | Entry::Hole(_) => continue,
        };
        let text = String::from_utf8_lossy(text);
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    assert!(!sent.is_empty() && sent.iter().all(|it| it.contains("subscribe")), "{sent:?}");
    for (symbol, scales) in reader_instruments(&path) {
        assert!(crate::support::SYMBOLS.contains(&symbol) && scales.contains(','), "{scales}");
    }
}

fn reader_instruments(path: &Path) -> Vec<(String, String)> {
    let mut reader = CaptureReader::open(path).unwrap();
    while reader.next().unwrap().is_some() {}
    let all: Vec<_> =
        reader.instruments().iter().map(|(key, value)| (key.clone(), value.clone())).collect();
    assert!(!all.is_empty());
    all
}

#[test]
fn the_demo_records_itself_and_is_found_again() {
    let (_folder, path) = folder();
    let mut command = tickring(&["demo", "--duration", "1s", "--format", "json", "--record"]);
    let recorded = Ran::of(command.arg(&path)).exits(0).report();
    let mut command = tickring(&["replay", "--speed", "max", "--format", "json"]);
    let replayed = Ran::of(command.arg(&path)).exits(0).report();
    assert_eq!(replayed["run_hash"], recorded["run_hash"]);
    assert!(messages(&replayed) > 0);
}

#[test]
fn a_capture_is_never_overwritten_unless_forced() {
    let (_folder, path) = folder();
    fs::write(&path, "mine").unwrap();
    let demo = |arguments: &[&str]| {
        let mut command = tickring(&["demo", "--duration", "100ms", "--record"]);
        Ran::of(command.arg(&path).args(arguments))
    };
    let ran = demo(&[]).exits(5);
    assert!(ran.err.contains("x.mcap") && ran.err.contains("--force"), "{}", ran.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    demo(&["--force"]).exits(0);
    verify(&path, 0);
}

#[test]
fn verify_tells_whole_from_cut_from_unreadable() {
    let (folder, _) = folder();
    let lines = folder.path().join("lines");
    session(&lines, "1 {}\n2 {}\n");
    assert_eq!(verify(&lines, 0)["files"][0]["kept"]["frames"], 2);
    session(&lines, "1 {}\nnonsense\n");
    let verdict = verify(&lines, 1);
    assert!(verdict["files"][0]["damages"][0]["what"].as_str().unwrap().contains("line 2"));
    let ran = Ran::of(&mut tickring(&["verify", "nowhere.mcap"])).exits(2);
    assert!(ran.err.contains("nowhere.mcap"), "{}", ran.err);
}

#[test]
fn a_replay_can_be_cut_filtered_and_repeated() {
    let (folder, _) = folder();
    let path = folder.path().join("lines");
    // 10,000 frames a second.
    simulated_session(&path, 5_000);
    let run = |arguments: &[&str]| {
        let mut command = tickring(&["replay", "--venue", "tickdb", "--format", "json"]);
        if !arguments.contains(&"--speed") {
            command.args(["--speed", "max"]);
        }
        command.args(["--strategy", "null"]);
        Ran::of(command.args(arguments).arg(&path)).exits(0).report()
    };
    let whole = run(&[]);
    assert_eq!(whole["frames"], 5_000);
    let part = run(&["--from", "+100ms", "--to", "+200ms"]);
    assert!((999..=1_001).contains(&count(&part["frames"])), "{}", part["frames"]);
    let trades = run(&["--channels", "trade"]);
    assert_eq!(trades["frames"], 5_000);
    assert_eq!(trades["events"]["trade"], whole["events"]["trade"]);
    assert_eq!(
        (&trades["events"]["levels"], &trades["events"]["top_of_book"]),
        (&0.into(), &0.into())
    );
    let thrice = run(&["--loop=2"]);
    assert_eq!((&thrice["frames"], &thrice["recorded"]["repeats"]), (&15_000.into(), &2.into()));
    assert_eq!(count(&thrice["events"]["trade"]), 3 * count(&whole["events"]["trade"]));
    let endless = run(&["--loop", "--duration", "2s"]);
    assert!(count(&endless["recorded"]["repeats"]) > 0);
}

#[test]
fn what_cannot_be_repeated_is_not() {
    let (folder, _) = folder();
    let path = folder.path().join("lines");
    session(&path, "");
    let mut command = tickring(&["replay", "--venue", "tickdb", "--loop"]);
    Ran::of(command.arg(&path)).exits(0);
    let ran = Ran::of(&mut tickring(&["replay", "--venue", "tickdb", "--loop", "-"])).exits(2);
    assert!(ran.err.contains("--loop: standard input"), "{}", ran.err);
}

#[test]
fn pace_has_its_error_measured() {
    let (folder, _) = folder();
    let path = folder.path().join("lines");
    simulated_session(&path, 5_000);
    let mut command = tickring(&["replay", "--venue", "tickdb", "--format", "json"]);
    let report = Ran::of(command.arg(&path)).exits(0).report();
    let error = &report["recorded"]["pacing_error_ns"];
    assert_eq!(error["count"], 5_000);
    assert!(count(&error["p50"]) > 0);
    assert_eq!(replay_max(&path)["recorded"]["pacing_error_ns"], Value::Null);
}

fn replay_max(path: &Path) -> Value {
    let mut command = tickring(&["replay", "--venue", "tickdb", "--format", "json"]);
    Ran::of(command.args(["--speed", "max"]).arg(path)).exits(0).report()
}
