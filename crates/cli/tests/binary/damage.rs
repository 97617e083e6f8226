//! Recordings with something missing or broken: each loss is told, once and exactly.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tickring_capture::{LineReader, LineWriter};

use crate::support::{DAMAGED_SESSION, Ran, count, recorded_data, session, tickring};

/// Arguments of a replay at full speed with books.
fn replay(venue: &str, path: &Path, arguments: &[&str]) -> Ran {
    let mut command = tickring(&["replay", "--venue", venue, "--speed", "max", "--books"]);
    Ran::of(command.args(["--format", "json"]).arg(path).args(arguments))
}

/// `[U, u, pu]` of a diff; `None` for another message. A diff of the spot market has no `pu`.
fn diff(text: &[u8]) -> Option<[u64; 3]> {
    let message: Value = serde_json::from_slice(text).unwrap();
    let data = &message["data"];
    (data["e"] == "depthUpdate")
        .then(|| ["U", "u", "pu"].map(|key| data[key].as_u64().unwrap_or_default()))
}

/// A copy of a session without its diff number `nth`; the numbers of the diffs before and after.
fn without_diff(path: &Path, copy: &Path, nth: usize) -> [[u64; 3]; 2] {
    let mut reader = LineReader::open(path).unwrap();
    let mut writer = LineWriter::new("copy", fs::File::create(copy).unwrap());
    let mut diffs = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        if diffs.len() < nth + 2
            && let Some(numbers) = diff(frame.text)
        {
            diffs.push(numbers);
            if diffs.len() == nth + 1 {
                continue;
            }
        }
        writer.write_frame(frame.arrival_ns, frame.text).unwrap();
    }
    writer.finish().unwrap();
    [diffs[nth - 1], diffs[nth + 1]]
}

/// `numbers` gives what the gap should tell from the diffs on both sides: expected, received,
/// missing.
#[track_caller]
fn check_deleted_diff(venue: &str, nth: usize, numbers: impl Fn([u64; 3], [u64; 3]) -> [u64; 3]) {
    let Some(folder) = recorded_data() else { return };
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("session");
    let path = folder.join(venue).join("btcusdt_20240808.gz");
    let [before, after] = without_diff(&path, &copy, nth);
    let [expected, received, missing] = numbers(before, after);

    let report = replay(venue, &copy, &[]).exits(0).report();
    let gap = json!({
        "connection": 0,
        "instrument": "BTCUSDT",
        "reason": "sequence",
        "expected": expected,
        "received": received,
        "missing": missing,
    });
    assert_eq!(report["gaps"], json!([gap]));
    assert_eq!((&report["loss"]["gaps"], &report["events"]["gap"]), (&1.into(), &1.into()));
    assert_eq!(count(&report["loss"]["missing"]), missing);
    let book = &report["books"]["BTCUSDT"];
    assert_eq!((&book["gaps"], &book["valid"]), (&1.into(), &false.into()));
    assert_eq!(report["decode_errors"]["total"], 0);

    let strict = replay(venue, &copy, &["--strict"]).exits(4);
    assert!(strict.err.contains("data was lost and --strict is on"), "{}", strict.err);
    assert_eq!(strict.report()["gaps"], json!([gap]));
}

#[test]
fn a_deleted_usdm_diff_is_one_gap_with_the_numbers_of_its_neighbours() {
    check_deleted_diff("binance-usdm", 3_000, |before, after| [before[1], after[2], 0]);
}

#[test]
fn a_deleted_spot_diff_is_one_gap_with_the_numbers_of_its_neighbours() {
    check_deleted_diff("binance-spot", 2_000, |before, after| {
        [before[1] + 1, after[0], after[0] - (before[1] + 1)]
    });
}

fn damaged() -> (TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    session(&path, DAMAGED_SESSION);
    (folder, path)
}

#[test]
fn frames_that_cannot_be_decoded_are_counted_by_reason() {
    let (_folder, path) = damaged();
    let report = replay("binance-usdm", &path, &[]).exits(0).report();
    assert_eq!(report["frames"], 8);
    assert_eq!(report["decode_errors"]["total"], 2);
    assert_eq!(report["decode_errors"]["by_reason"], json!({ "malformed": 1, "missing_field": 1 }));
    let messages = json!({
        "aggTrade": 0, "bookTicker": 1, "depthUpdate": 3, "kline": 0, "partialDepth": 0, "snapshot": 1,
        "trade": 1,
    });
    assert_eq!(report["messages"], messages);
    assert_eq!(report["gaps"][0]["expected"], 12);
    assert_eq!(report["gaps"][0]["received"], 15);
}

#[test]
fn strict_makes_an_undecoded_frame_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    session(&path, "1000 {\"e\":\n");
    assert_eq!(replay("binance-spot", &path, &[]).exits(0).report()["decode_errors"]["total"], 1);
    replay("binance-spot", &path, &["--strict"]).exits(4);
}

#[test]
fn strict_accepts_a_whole_recording() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    let whole: Vec<_> = DAMAGED_SESSION.trim_start().lines().take(5).collect();
    session(&path, &format!("{}\n", whole.join("\n")));
    let report = replay("binance-usdm", &path, &["--strict"]).exits(0).report();
    assert_eq!(report["books"]["BTCUSDT"]["valid"], true);
}

#[test]
fn a_line_without_a_time_ends_the_run_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    session(&path, &format!("{}no time\n", DAMAGED_SESSION.trim_start()));
    let ran = replay("binance-usdm", &path, &[]).exits(5);
    assert!(ran.err.contains(&format!("error: {}: line 9: ", path.display())), "{}", ran.err);
    assert_eq!(ran.report()["frames"], 8, "what came before is handled and reported");
}

#[test]
fn a_recording_that_was_cut_off_ends_the_run_and_is_named() {
    let Some(folder) = recorded_data() else { return };
    let whole = fs::read(folder.join("binance-spot/btcusdt_20240808.gz")).unwrap();
    let copies = tempfile::tempdir().unwrap();
    let path = copies.path().join("cut.gz");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let ran = replay("binance-spot", &path, &[]).exits(5);
    let report = ran.report();
    let words =
        format!("error: {}: cannot be read after line {}: ", path.display(), report["frames"]);
    assert!(ran.err.contains(&words), "{}", ran.err);
    assert!(count(&report["frames"]) > 10_000, "the whole lines before are handled");
    assert_eq!((&report["drained"], &report["decode_errors"]["total"]), (&true.into(), &0.into()));
}
