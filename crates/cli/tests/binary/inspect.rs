//! `tickring inspect`: what it tells about recordings equals what is known of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tickring_capture::{
    CaptureWriter, ConnectionChange, OnCaptureFull, SegmentFiles, WriterConfig, WriterPorts,
    capture_channel,
};

use crate::support::{DAMAGED_SESSION, Ran, count, list, recorded_data, session, tickring};

/// The inspection of a file as JSON.
fn inspect(path: &Path, arguments: &[&str]) -> Value {
    let mut command = tickring(&["inspect", "--format", "json"]);
    let ran = Ran::of(command.args(arguments).arg(path)).exits(0);
    serde_json::from_str(&ran.out).unwrap()
}

/// The `stats` that an independent count found of a recorded session.
fn expected_stats(folder: &Path, path: &Path) -> Value {
    let venue = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap();
    let text = fs::read(folder.join("expected").join(format!("{venue}__{name}.json"))).unwrap();
    serde_json::from_slice::<Value>(&text).unwrap()["stats"].take()
}

/// Frames of the busiest window of this length.
fn busiest(inspection: &Value, window_ns: u64) -> u64 {
    let all = list(&inspection["busiest"]);
    count(&all.iter().find(|it| it["window_ns"] == window_ns).unwrap()["frames"])
}

fn tenths(value: f64) -> String {
    format!("{value:.1}")
}

/// Compares all that was counted without decoding.
#[track_caller]
fn check_traffic(inspection: &Value, stats: &Value) {
    assert_eq!(inspection["frames"], stats["messages"]);
    assert_eq!(inspection["bytes"], stats["bytes"]["total"]);
    for name in ["first_ns", "last_ns"] {
        assert_eq!(inspection[name], stats[name], "{name}");
    }
    for percentile in ["p50", "p90", "p99", "max"] {
        let found = &inspection["frame_bytes"][percentile];
        assert_eq!(found, &stats["bytes"][percentile], "{percentile}");
    }
    assert_eq!(busiest(inspection, 100_000_000), count(&stats["peak_msgs_in_100ms"]));
    assert_eq!(busiest(inspection, 1_000_000_000), count(&stats["peak_msgs_in_1s"]));
    assert_eq!(inspection["steps_back"], stats["receive_time_steps_back"]);
    let rate = inspection["frames_per_s_mean"].as_f64().unwrap();
    assert_eq!(tenths(rate), tenths(stats["msgs_per_s_avg"].as_f64().unwrap()));
    let silence_ns = count(&inspection["silences"][0]["length_ns"]);
    let tenths_of_ms = (silence_ns + 50_000) / 100_000;
    let silence_ms = format!("{}.{}", tenths_of_ms / 10, tenths_of_ms % 10);
    assert_eq!(silence_ms, tenths(stats["max_gap_ms"].as_f64().unwrap()));
    let stretches = list(&inspection["rate"]["frames"]);
    assert!(stretches.len() <= 100);
    assert_eq!(stretches.iter().map(count).sum::<u64>(), count(&stats["messages"]));
}

#[test]
fn every_recorded_session_is_counted_without_a_venue_as_an_independent_count_did() {
    let Some(folder) = recorded_data() else { return };
    let mut sessions = 0;
    for venue in fs::read_dir(&folder).unwrap().map(|it| it.unwrap().path()) {
        let files = if venue.is_dir() { venue.read_dir().unwrap() } else { continue };
        for path in files.map(|it| it.unwrap().path()) {
            if path.extension().is_some_and(|it| it == "gz") {
                let inspection = inspect(&path, &[]);
                check_traffic(&inspection, &expected_stats(&folder, &path));
                assert_eq!(inspection["decoded"], Value::Null, "{}", path.display());
                sessions += 1;
            }
        }
    }
    assert_eq!(sessions, 12);
}

/// Inspects a Binance session with its venue and compares what decoding told.
#[track_caller]
fn check_decoded(venue: &str, file: &str, symbol: &str) {
    let Some(folder) = recorded_data() else { return };
    let path = folder.join(venue).join(file);
    let inspection = inspect(&path, &["--venue", venue]);
    let stats = expected_stats(&folder, &path);
    check_traffic(&inspection, &stats);
    let decoded = &inspection["decoded"];
    for (kind, name) in [("bookTicker", "bookTicker"), ("trade", "trade")] {
        assert_eq!(decoded["messages"][kind], stats["kinds"][name]["n"], "{kind}");
    }
    assert_eq!(decoded["messages"]["snapshot"], 1);
    assert_eq!((&decoded["gaps"]["count"], &decoded["decode_errors"]), (&0.into(), &json!({})));
    assert_eq!(decoded["instruments"][0]["symbol"], symbol);
    let clock = &decoded["venue_clock"];
    assert_eq!(clock["recorder_is_behind"], true);
    let behind_ms = count(&clock["venue_minus_arrival_ns_p50"]) / 1_000_000;
    assert!((1_250..1_290).contains(&behind_ms), "{behind_ms} ms");
}

#[test]
fn spot_btcusdt_is_decoded_and_its_recorders_clock_found_behind() {
    check_decoded("binance-spot", "btcusdt_20240808.gz", "BTCUSDT");
}

#[test]
fn spot_ethusdt_is_decoded_and_its_recorders_clock_found_behind() {
    check_decoded("binance-spot", "ethusdt_20240808.gz", "ETHUSDT");
}

#[test]
fn usdm_btcusdt_is_decoded_and_its_recorders_clock_found_behind() {
    check_decoded("binance-usdm", "btcusdt_20240808.gz", "BTCUSDT");
}

#[test]
fn sessions_together_have_the_peaks_of_their_merged_stream() {
    let Some(folder) = recorded_data() else { return };
    let mut command = tickring(&["inspect", "--format", "json"]);
    for file in ["spot/btcusdt", "spot/ethusdt", "usdm/btcusdt"] {
        command.arg(folder.join(format!("binance-{file}_20240808.gz")));
    }
    let inspection: Value = serde_json::from_str(&Ran::of(&mut command).exits(0).out).unwrap();
    assert_eq!(inspection["frames"], 168_821);
    for (window_ns, frames) in [(10_000_000, 672), (100_000_000, 1_863), (1_000_000_000, 4_240)] {
        assert_eq!(busiest(&inspection, window_ns), frames, "{window_ns} ns");
    }
    let connections = list(&inspection["connections"]);
    let of: Vec<_> = connections.iter().map(|it| count(&it["session"])).collect();
    assert_eq!(of, [0, 1, 2]);
    assert_eq!(connections[2]["frames"], 93_954);
}

/// A folder with [`DAMAGED_SESSION`] in it.
fn damaged() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session");
    session(&path, DAMAGED_SESSION);
    (folder, path)
}

/// When [`DAMAGED_SESSION`] begins.
const START_NS: u64 = 1_000_000_000;

/// What decoding tells of [`DAMAGED_SESSION`].
fn decoded_damage() -> Value {
    json!({
        "frames": 8,
        "messages": { "bookTicker": 1, "depthUpdate": 3, "snapshot": 1, "trade": 1 },
        "decode_errors": { "malformed": 1, "missing_field": 1 },
        "decode_error_examples": {
            "malformed": "frame is not valid JSON",
            "missing_field": "field `p` is missing",
        },
        "events": { "gap": 1, "levels": 4, "status": 1, "top_of_book": 1, "trade": 1 },
        "instruments": [{
            "symbol": "BTCUSDT",
            "events": 7,
            "first_price": "100.1",
            "last_price": "100.2",
            "price_scale": 8,
            "quantity_scale": 8,
        }],
        "gaps": {
            "count": 1,
            "by_reason": { "sequence": 1 },
            "messages_missing": 0,
            "first": [{
                "time_ns": START_NS + 500,
                "connection": 0,
                "instrument": "BTCUSDT",
                "reason": "sequence",
                "expected": 12,
                "received": 15,
                "missing": 0,
            }],
        },
        "duplicated": 0,
        "reordered": 0,
        "stale_depth": 1,
        // The venue's times are 1 to 5 ms: exact at both ends, and to 0.003 % between.
        "venue_clock": {
            "messages": 6,
            "venue_minus_arrival_ns_min": 1_000_000 - 1_000_000_100_i64,
            "venue_minus_arrival_ns_p50": -997_015_552,
            "venue_minus_arrival_ns_max": 5_000_000 - 1_000_000_500_i64,
            "recorder_is_behind": false,
        },
    })
}

#[test]
fn the_json_has_every_key_that_scripts_rely_on() {
    let (_folder, path) = damaged();
    let mut found = inspect(&path, &["--venue", "binance-usdm"]);
    assert_eq!(found["sessions"][0]["name"].take(), path.to_str().unwrap());
    let window =
        |window_ns: u64| json!({ "window_ns": window_ns, "frames": 8, "start_ns": START_NS });
    let busiest = [1_000_000, 10_000_000, 100_000_000, 1_000_000_000].map(window);
    let silence = |nth: u64| json!({ "start_ns": START_NS + 100 * nth, "length_ns": 100 });
    let silences = [0, 1, 2, 3, 4].map(silence);
    let expected = json!({
        "schema_version": 1,
        "command": "inspect",
        "sessions": [{
            "name": null,
            "format": "lines",
            "venue": "binance-usdm",
            "ending": { "how": "untold" },
            "connections": 1,
            "metadata": {},
        }],
        "connections": [{
            "session": 0,
            "frames": 8,
            "bytes": 858,
            "commands": 0,
            "first_ns": START_NS,
            "last_ns": START_NS + 700,
            "tells_states": false,
            "last_state": null,
            "states": {},
            "closes_by_code": {},
            "attempts": 0,
        }],
        "frames": 8,
        "bytes": 858,
        "commands": 0,
        "first_ns": START_NS,
        "last_ns": START_NS + 700,
        "span_ns": 700,
        "frames_per_s_mean": 8.0 / 700.0 * 1e9,
        "busiest": busiest,
        "frame_bytes": { "p50": 121, "p90": 132, "p99": 132, "max": 132 },
        "silences": silences,
        "steps_back": 0,
        "holes": { "count": 0, "entries_missing": 0, "bytes_missing": 0, "first": [] },
        "rate": { "start_ns": START_NS, "stretch_ns": 1_000_000, "frames": [8] },
        "decoded": decoded_damage(),
        "errors": [],
    });
    assert_eq!(found, expected, "\n{found:#}");
}

#[test]
fn the_text_tells_the_same_in_words() {
    let (_folder, path) = damaged();
    let mut command = tickring(&["inspect", "--venue", "binance-usdm"]);
    let out = Ran::of(command.arg(&path)).exits(0).out;
    for words in [
        "inspect: 8 frames, 858 bytes in 700 ns (11,428,571 frames/s)\n",
        "\n  lines of binance-usdm, 1 connection, read to its end\n",
        "\nconnection 0: 8 frames, ",
        "\n    1 ms           8  1970-01-01T00:00:01.000000000Z\n",
        "\nholes: none known\ngaps: 1 sequence; 1 older than their book\n  \
         1970-01-01T00:00:01.000000500Z BTCUSDT, connection 0: sequence, expected 12, received 15\n",
        "\nmalformed                 1  12.5 %\n",
        "\n  not decoded, missing_field: field `p` is missing\n",
        "\nBTCUSDT             7             100.1             100.2  8, 8\n",
    ] {
        assert!(out.contains(words), "`{words}` is not in:\n{out}");
    }
    assert!(!out.contains("frames/s over time"), "there is no time to draw:\n{out}");
}

#[test]
fn without_a_venue_one_line_says_what_is_left_out() {
    let (_folder, path) = damaged();
    let out = Ran::of(tickring(&["inspect"]).arg(&path)).exits(0).out;
    assert!(out.contains("\nnot decoded: neither the file nor --venue names a venue"), "{out}");
    assert!(!out.contains("message kind "), "{out}");
}

/// The wire's words for connected and disconnected.
const CONNECTED: u8 = 1;
const DISCONNECTED: u8 = 4;

/// A capture of one TickDB connection: opens, asks, gets an answer that is none, closes with 1006,
/// opens again.
fn capture(folder: &Path) -> PathBuf {
    capture_with(folder, b"\x1b[2J no JSON")
}

/// The same with another first frame.
fn capture_with(folder: &Path, frame: &[u8]) -> PathBuf {
    let path = folder.join("session.mcap");
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let change = |state, attempt, code| ConnectionChange { state, attempt, code };
    tap.changed(0, 1_000, change(CONNECTED, 1, 0), false);
    tap.sent(0, 2_000, br#"{"cmd":"subscribe"}"#);
    tap.received(0, 3_000, frame);
    tap.changed(0, 4_000, change(DISCONNECTED, 1, 1006), true);
    tap.changed(0, 5_000, change(CONNECTED, 2, 0), false);
    tap.received(0, 6_000, br#"{"cmd":"pong"}"#);
    drop(tap);
    let metadata = [("venue", "tickdb"), ("host", "desk\x1b1")];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let files = SegmentFiles::create(&path, false).unwrap();
    let writer = CaptureWriter::new(files, WriterConfig::new(metadata), &receiver, 0).unwrap();
    let mut ports = WriterPorts { now_ns: &|| 0, instruments: &Default::default, say: &mut |_| {} };
    assert_eq!(writer.run(receiver, &mut ports).entries, 6);
    path
}

#[test]
fn a_capture_tells_its_venue_its_states_and_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let inspection = inspect(&path, &[]);
    let told = &inspection["sessions"][0];
    assert_eq!((&told["format"], &told["venue"]), (&"mcap".into(), &"tickdb".into()));
    assert_eq!(told["ending"], json!({ "how": "clean" }));
    assert_eq!(told["metadata"]["host"], "desk\x1b1");
    let connection = json!({
        "session": 0,
        "frames": 2,
        "bytes": 26,
        "commands": 1,
        "first_ns": 1_000,
        "last_ns": 6_000,
        "tells_states": true,
        "last_state": "connected",
        "states": { "connected": 2, "disconnected": 1 },
        "closes_by_code": { "1006": 1 },
        "attempts": 2,
    });
    assert_eq!(inspection["connections"], json!([connection]));
    assert_eq!((&inspection["first_ns"], &inspection["commands"]), (&3_000.into(), &1.into()));
    assert_eq!(inspection["decoded"]["messages"], json!({ "pong": 1 }));
    assert_eq!(inspection["decoded"]["decode_errors"], json!({ "malformed": 1 }));

    let out = Ran::of(tickring(&["inspect"]).arg(&path)).exits(0).out;
    assert!(out.contains("\n  mcap of tickdb, 1 connection, ended clean\n"), "{out}");
    assert!(out.contains("\n  host         desk\\u{1b}1\n"), "{out}");
}

#[test]
fn a_folder_of_segments_is_one_session() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let segments = folder.path().join("segments");
    fs::create_dir(&segments).unwrap();
    for name in ["0000.mcap", "0001.mcap"] {
        fs::copy(&path, segments.join(name)).unwrap();
    }
    let inspection = inspect(&segments, &[]);
    assert_eq!(inspection["sessions"][0]["name"], segments.to_str().unwrap());
    assert_eq!((&inspection["frames"], &inspection["commands"]), (&4.into(), &2.into()));
    assert_eq!(inspection["connections"][0]["closes_by_code"], json!({ "1006": 2 }));
    assert_eq!(inspection["steps_back"], 1, "the second segment begins where the first began");
}

#[test]
fn lines_under_zstd_are_told_by_their_first_bytes() {
    let (folder, path) = damaged();
    let packed = folder.path().join("packed");
    let text = fs::read(&path).unwrap();
    fs::write(&packed, zstd::encode_all(text.as_slice(), 1).unwrap()).unwrap();
    let inspections = [&path, &packed].map(|it| {
        let mut inspection = inspect(it, &["--venue", "binance-usdm"]);
        inspection["sessions"][0]["name"].take();
        inspection
    });
    assert_eq!(inspections[0], inspections[1]);
}

#[test]
fn of_two_sessions_the_one_whose_venue_is_known_is_decoded() {
    let (folder, path) = damaged();
    let capture = capture(folder.path());
    let mut command = tickring(&["inspect", "--format", "json"]);
    let out = Ran::of(command.arg(&path).arg(&capture)).exits(0).out;
    let inspection: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&inspection["frames"], &inspection["decoded"]["frames"]), (&10.into(), &2.into()));
    assert_eq!(inspection["decoded"]["messages"], json!({ "pong": 1 }));
    let out = Ran::of(tickring(&["inspect"]).arg(&path).arg(&capture)).exits(0).out;
    for words in [
        "\n  lines of no known venue, not decoded, 1 connection, read to its end\n",
        "\nconnection 1 of session.mcap: 2 frames, ",
    ] {
        assert!(out.contains(words), "`{words}` is not in:\n{out}");
    }
}

#[test]
fn a_capture_that_was_cut_says_where() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let whole = fs::read(&path).unwrap();
    // Into the record behind the chunks: what they hold is all there.
    let size = whole.len() / 2;
    fs::write(&path, &whole[..size]).unwrap();
    let inspection = inspect(&path, &[]);
    let ending = &inspection["sessions"][0]["ending"];
    assert_eq!(ending["how"], "cut");
    let [offset, behind] = ["offset_bytes", "behind_bytes"].map(|it| count(&ending[it]));
    assert_eq!(offset + behind, size as u64);
}

#[test]
fn a_damaged_chunk_is_a_hole() {
    let folder = tempfile::tempdir().unwrap();
    // So long that its chunk stays alone.
    let path = capture_with(folder.path(), &[b'x'; 100_000]);
    let mut bytes = fs::read(&path).unwrap();
    // zstd's magic number, in the first chunk.
    let at = bytes.windows(4).position(|it| it == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    bytes[at + 12] ^= 0xff;
    fs::write(&path, bytes).unwrap();
    let inspection = inspect(&path, &[]);
    assert_eq!((&inspection["frames"], &inspection["holes"]["count"]), (&1.into(), &1.into()));
    assert_eq!(inspection["decoded"]["gaps"]["by_reason"], json!({ "unrecorded": 1 }));
}

#[test]
fn a_session_that_cannot_be_read_on_is_told_and_the_others_go_on() {
    let (folder, path) = damaged();
    let broken = folder.path().join("broken");
    session(&broken, "1 {}\nno time\n");
    let mut command = tickring(&["inspect", "--format", "json"]);
    let ran = Ran::of(command.arg(&broken).arg(&path)).exits(5);
    let words = format!("{}: line 2: ", broken.display());
    assert!(ran.err.contains(&format!("error: {words}")), "{}", ran.err);
    let inspection: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(inspection["frames"], 9);
    assert!(inspection["errors"][0].as_str().unwrap().starts_with(&words));
    let endings: Vec<_> =
        list(&inspection["sessions"]).iter().map(|it| &it["ending"]["how"]).collect();
    assert_eq!(endings, ["unreadable", "untold"]);
}

#[test]
fn entries_are_dumped_one_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let out = Ran::of(tickring(&["inspect", "--dump"]).arg(&path)).exits(0).out;
    let expected = r#"
1970-01-01T00:00:00.000001000Z   0 *        - connected, attempt 1, code 0
1970-01-01T00:00:00.000002000Z   0 >       19 {"cmd":"subscribe"}
1970-01-01T00:00:00.000003000Z   0 <       12 \u{1b}[2J no JSON
1970-01-01T00:00:00.000004000Z   0 *        - disconnected, attempt 1, code 1006
1970-01-01T00:00:00.000005000Z   0 *        - connected, attempt 2, code 0
1970-01-01T00:00:00.000006000Z   0 <       14 {"cmd":"pong"}
"#;
    assert_eq!(out, expected.trim_start());
}

#[test]
fn the_first_entries_are_cut_to_the_width_or_whole() {
    let (_folder, path) = damaged();
    let out = |arguments: &[&str]| {
        Ran::of(tickring(&["inspect", "-n", "1"]).args(arguments).arg(&path)).exits(0).out
    };
    let text = DAMAGED_SESSION.trim_start().lines().next().unwrap().split_once(' ').unwrap().1;
    let head = format!("1970-01-01T00:00:01.000000000Z   0 < {:>8} ", text.len());
    assert_eq!(out(&[]), format!("{head}{}...\n", &text[..80 - head.len() - 3]));
    assert_eq!(out(&["--full"]), format!("{head}{text}\n"));
    assert_eq!(out(&["--raw"]), format!("{text}\n"));
}

#[test]
fn raw_messages_are_the_recordings_own_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    let out = Ran::of(tickring(&["inspect", "--raw"]).arg(&path)).exits(0).out;
    assert_eq!(
        out, "\x1b[2J no JSON\n{\"cmd\":\"pong\"}\n",
        "what was sent is no message received"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let Some(folder) = recorded_data() else { return };
    let path = folder.join("binance-spot/btcusdt_20240808.gz");
    let mut command = tickring(&["inspect", "--raw"]);
    let mut child =
        command.arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn the_picture_is_an_svg_with_axes_and_units() {
    let Some(folder) = recorded_data() else { return };
    let pictures = tempfile::tempdir().unwrap();
    // A name that markup would take for its own.
    let path = pictures.path().join("a&b<c>.gz");
    fs::copy(folder.join("kraken-v1/ticker_20210417.gz"), &path).unwrap();
    let svg = pictures.path().join("rate.svg");
    let mut command = tickring(&["inspect", "--svg", svg.to_str().unwrap()]);
    let ran = Ran::of(command.arg(&path)).exits(0);
    assert!(ran.out.contains("\nframes/s over time, each column "), "{}", ran.out);
    let picture = fs::read_to_string(svg).unwrap();
    for words in ["<svg ", ">\nframes/s\n<", "seconds since 2021-04-17T16:48:52", "</svg>"] {
        assert!(picture.contains(words), "`{words}` is not in:\n{picture}");
    }
    assert!(picture.contains("a&amp;b&lt;c&gt;.gz: 60 frames in 30.3 s"), "{picture}");
}

#[test]
fn what_cannot_work_is_said() {
    let (folder, path) = damaged();
    let path = path.to_str().unwrap();
    let svg = folder.path().join("x.svg");
    let svg = svg.to_str().unwrap();
    for (code, arguments, words) in [
        (5, &["/none"][..], "/none: cannot be opened: "),
        (2, &[path, "--svg", svg], "too short for a picture"),
        (2, &[path, "--dump", "--format", "json"], "--format json: entries are written as text"),
        (2, &[path, "--dump", "--raw"], "cannot be used with"),
        (2, &[path, "--svg", svg, "-n", "3"], "cannot be used with"),
        (2, &[], "FILE"),
    ] {
        let ran = Ran::of(tickring(&["inspect"]).args(arguments)).exits(code);
        assert!(ran.err.contains(words), "{arguments:?}: {}", ran.err);
    }
    assert!(!Path::new(svg).exists());
}
