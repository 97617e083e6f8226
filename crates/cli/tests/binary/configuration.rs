//! Settings that cannot work are found before the first thread or socket.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::process::Command;

use crate::support::{KEY, Ran, tickring};

/// A core that this process may use.
fn core() -> usize {
    core_affinity::get_core_ids().unwrap()[0].id
}

#[track_caller]
fn refuses(command: &mut Command, code: i32, words: &str) {
    let ran = Ran::of(command).exits(code);
    assert!(ran.err.contains(words), "`{words}` is not in:\n{}", ran.err);
    assert!(!ran.err.contains("panicked"), "{}", ran.err);
    assert_eq!(ran.out, "");
}

/// `tickring run` that could work but for `arguments` and `variables`: it must not even connect.
#[track_caller]
fn run_refuses(arguments: &[&str], variables: &[(&str, &str)], words: &str) {
    let venue = TcpListener::bind("127.0.0.1:0").unwrap();
    venue.set_nonblocking(true).unwrap();
    let url = format!("ws://{}/v1/realtime", venue.local_addr().unwrap());
    let mut command = tickring(&["run"]);
    if !arguments.contains(&"--duration") {
        command.args(["--duration", "1s"]);
    }
    command.env("TICKDB_API_KEY", KEY).env("TICKDB_WS_URL", url).env("SUBSCRIBED_SYMBOLS", "A.US");
    refuses(command.args(arguments).envs(variables.iter().copied()), 2, words);
    let error = venue.accept().unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "it must not connect");
}

#[test]
fn a_strategy_must_be_known_and_named_once() {
    run_refuses(&["--strategy", "nosuch"], &[], "`nosuch` is not one of spread, ");
    run_refuses(&["--strategy", "spread,spread"], &[], "`spread` is given twice");
}

#[test]
fn a_venue_must_be_one_that_can_be_connected_to() {
    run_refuses(&["--venue", "nosuch"], &[], "invalid value 'nosuch'");
    run_refuses(&["--venue", "kraken-v1"], &[], "--venue: ");
}

#[test]
fn what_a_public_venue_does_not_offer_is_named_with_what_it_does() {
    let refuses = |venue: &str, arguments: &[&str], words: &str| {
        run_refuses(&[&["--venue", venue][..], arguments].concat(), &[], words);
    };
    refuses("kraken", &["--symbols", "BTC-USD"], "`BTC-USD` is no symbol of kraken");
    let depth = ["--symbols", "BTC/USD", "--depth", "11"];
    refuses("kraken", &depth, "kraken has no book of 11 levels: use 10, 25, 100, 500, 1000");
    let bars = ["--symbols", "BTC-USDT", "--channels", "bar"];
    refuses("okx", &bars, "okx has no channel `bar`: use trade, ticker, depth");
    let rest = ["--symbols", "BTC/USD", "--rest-url", "http://127.0.0.1:1"];
    refuses("kraken", &rest, "--rest-url: kraken sends its snapshots over its socket");
    let url = ["--symbols", "BTCUSDT", "--rest-url", "ws://127.0.0.1:1"];
    refuses("binance-spot", &url, "the REST URL must be http://");
    refuses("binance-spot", &["--symbols", "BTCUSDT", "--url", "http://x"], "ws://");
    refuses("bybit-spot", &["--symbols", "BTCUSDT,BTCUSDT"], "`BTCUSDT` is listed twice");
    refuses("tickdb", &["--symbols", "A", "--depth", "5"], "TickDB sends whole books");
    refuses("coinbase-advanced", &["--message-mib", "0"], "invalid value '0'");
}

#[test]
fn a_ring_and_its_readers_have_limits() {
    run_refuses(&["--ring", "1"], &[], "a ring of 1 slots is not possible");
    run_refuses(&["--ring", "99999999999"], &[], "is not possible");
    run_refuses(&["--ring", "many"], &[], "invalid value 'many'");
    run_refuses(&[], &[("MAX_QUEUE_DEPTH", "many")], "MAX_QUEUE_DEPTH: `many`");
    run_refuses(&["--workers", "0"], &[], "0 workers are not possible");
    run_refuses(&["--workers", "64"], &[], "workers in all");
    run_refuses(&[], &[("WORKER_COUNT", "65")], "65 workers are not possible");
}

#[test]
fn a_core_must_be_there_and_given_once() {
    let core = core();
    let words = format!("core {core} is given to both `ingest` and `spread`");
    run_refuses(&["--cores", &format!("ingest={core},spread={core}")], &[], &words);
    run_refuses(&["--cores", "ingest=999999"], &[], "core 999999 of `ingest` is not there");
    run_refuses(&["--cores", "nosuch=0"], &[], "there is no thread called `nosuch`");
    run_refuses(&["--cores", "ingest"], &[], "`ingest` is not ROLE=CORES");
}

#[test]
fn instruments_and_channels_must_be_named() {
    run_refuses(&[], &[("SUBSCRIBED_SYMBOLS", " , ")], "give --symbols");
    run_refuses(&["--channels", "nosuch"], &[], "nosuch");
}

#[test]
fn a_key_must_be_set_and_not_blank() {
    run_refuses(&[], &[("TICKDB_API_KEY", "")], "TICKDB_API_KEY is not set");
    run_refuses(&[], &[("TICKDB_API_KEY", " ")], "TICKDB_API_KEY is not set");
    refuses(&mut tickring(&["run", "--symbols", "A.US"]), 2, "TICKDB_API_KEY is not set");
}

#[test]
fn times_must_be_times() {
    run_refuses(&["--duration", "soon"], &[], "'soon'");
    run_refuses(&[], &[("RECONNECT_BASE_DELAY", "0")], "RECONNECT_BASE_DELAY: `0`");
    run_refuses(&[], &[("RECONNECT_MAX_DELAY", "x")], "RECONNECT_MAX_DELAY: `x`");
    run_refuses(&[], &[("HEARTBEAT_INTERVAL", "-1")], "HEARTBEAT_INTERVAL: `-1`");
}

#[test]
fn standard_output_belongs_to_the_json_report() {
    run_refuses(&["--signals", "-", "--format", "json"], &[], "--signals -: ");
}

#[test]
fn a_pace_must_move() {
    for speed in ["0", "-1", "nan", "inf", "fast"] {
        let speed = format!("--speed={speed}");
        let arguments = ["replay", "-", "--venue", "binance-spot", &speed];
        refuses(&mut tickring(&arguments), 2, "--speed");
    }
}

#[test]
fn a_hash_has_sixteen_digits() {
    for hash in ["", "12", "0123456789abcdeg"] {
        let arguments = ["replay", "-", "--venue", "binance-spot", "--verify-hash", hash];
        refuses(&mut tickring(&arguments), 2, "not sixteen hexadecimal digits");
    }
}

#[test]
fn a_replay_needs_a_file_and_its_venue() {
    refuses(&mut tickring(&["replay", "--venue", "binance-spot"]), 2, "<FILE>");
    refuses(&mut tickring(&["replay", "-"]), 2, "--venue");
}

#[test]
fn a_simulated_feed_must_be_possible() {
    refuses(&mut tickring(&["demo", "--profile", "steady:0"]), 2, "`0` is no rate");
    refuses(&mut tickring(&["simulate", "--restarts", "1"]), 2, "restarts need");
    refuses(&mut tickring(&["simulate", "--speed", "0"]), 2, "`0` is no speed");
}

#[test]
fn a_played_recording_has_no_market_of_its_own() {
    let session = ["simulate", "--session", "nosuch"];
    for arguments in [
        ["--profile", "open"],
        ["--symbols", "AAPL.US"],
        ["--seed", "1"],
        ["--restarts", "1"],
        ["--down", "1s"],
    ] {
        let words = format!("cannot be used with '{} ", arguments[0]);
        refuses(tickring(&session).args(arguments), 2, &words);
    }
    let arguments = ["simulate", "other", "--session", "nosuch"];
    refuses(&mut tickring(&arguments), 2, "cannot be used with");
}

#[test]
fn a_recording_without_a_frame_is_not_played() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("empty");
    File::create(&path).unwrap();
    let words = format!("error: {}: no frame is recorded in it", path.display());
    refuses(tickring(&["simulate", "--session"]).arg(path), 5, &words);
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nosuch.gz");
    let path = path.to_str().unwrap();
    let words = format!("error: {path}: cannot be opened: ");
    refuses(&mut tickring(&["replay", path, "--venue", "binance-spot"]), 5, &words);
    refuses(&mut tickring(&["simulate", path]), 5, path);
    refuses(&mut tickring(&["simulate", "--session", path]), 5, &words);
}

#[test]
fn a_file_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("nosuch/file");
    for flag in ["--signals", "--hlog"] {
        let mut command = tickring(&["replay", "-", "--venue", "binance-spot", flag]);
        refuses(command.arg(&path), 5, &format!("error: {flag} {}: ", path.display()));
    }
}
