//! Recorded frames, byte for byte, of sessions that do not say what their client did.

use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tickring_capture::{LineReader, LineWriter};
use tickring_simulator::{
    Feed, KeyCheck, RecordedReport, Simulator, SimulatorConfig, SimulatorError, Speed, Time,
    record_session,
};
use tungstenite::{Error, Message};

use crate::harness::{Client, WaitingTime, serve, serve_on};
use crate::session::recorded;

/// Any command.
pub(crate) const COMMAND: &str = r#"{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}"#;

pub(crate) fn playing(paths: &[&Path], speed: Speed) -> SimulatorConfig {
    let paths = paths.iter().copied().map(PathBuf::from).collect();
    SimulatorConfig::new(Feed::Recorded { paths, speed, start_after_commands: None })
}

fn starting_after(commands: u32, mut config: SimulatorConfig) -> SimulatorConfig {
    if let Feed::Recorded { start_after_commands, .. } = &mut config.feed {
        *start_after_commands = Some(commands);
    }
    config
}

pub(crate) fn connect(address: std::net::SocketAddr) -> Client {
    Client::try_connect(address, "/stream?streams=btcusdt@trade").unwrap()
}

/// A session of these frames, a microsecond apart.
fn written<T: AsRef<[u8]>>(frames: &[T]) -> NamedTempFile {
    let timed: Vec<_> = (1..).map(|index| 1_000 * index).zip(frames).collect();
    written_at(&timed)
}

/// A session of these frames at these times.
fn written_at<T: AsRef<[u8]>>(frames: &[(u64, T)]) -> NamedTempFile {
    let mut writer = LineWriter::new("session", NamedTempFile::new().unwrap());
    for (arrival_ns, frame) in frames {
        writer.write_frame(*arrival_ns, frame.as_ref()).unwrap();
    }
    writer.finish().unwrap()
}

/// Reads these frames and nothing before or between.
#[track_caller]
pub(crate) fn expect_frames<T: AsRef<[u8]>>(client: &mut Client, frames: &[T]) {
    for (index, frame) in frames.iter().enumerate() {
        let frame = frame.as_ref();
        let message = client.read().unwrap();
        assert_eq!(message.is_text(), std::str::from_utf8(frame).is_ok(), "frame {index}");
        // Not `assert_eq`, which would print megabytes.
        assert!(message.into_data() == frame, "frame {index} differs");
    }
}

#[test]
fn lines_arrive_byte_for_byte_as_text_or_binary() {
    let frames: [&[u8]; 6] = [
        br#"{"e":"trade","p":"1.10"}"#,
        b"",
        b" spaces and a return \r",
        "na\u{ef}ve \u{1f980}".as_bytes(),
        b"\xff\xfe\x00 no text",
        b"[1,2]",
    ];
    let file = written(&frames);
    let report = serve(playing(&[file.path()], Speed::Max), |address| {
        let mut client = connect(address);
        client.send(COMMAND);
        expect_frames(&mut client, &frames);
        client.expect_silence();
    });
    let report = report.unwrap();
    let bytes: usize = frames.iter().map(|frame| frame.len()).sum();
    assert_eq!((report.frames_sent, report.bytes_sent), (6, bytes as u64));
    let recorded = RecordedReport { commands: 1, is_complete: true, ..RecordedReport::default() };
    assert_eq!(report.recorded, Some(recorded));
}

#[test]
fn a_recorded_session_of_another_venue_arrives_byte_for_byte() {
    for (name, frames_count) in [
        ("coinbase-advanced/btcusd_ethusd_20260809.gz", 1_030),
        ("kraken-v1/book1000_20210417.gz", 4_321),
        ("bybit-v5/linear_20260809.gz", 2_546),
    ] {
        let Some(path) = recorded(name) else { return };
        let report = serve(playing(&[&path], Speed::Max), |address| {
            let mut client = connect(address);
            client.send(COMMAND);
            let mut reader = LineReader::open(&path).unwrap();
            while let Some(frame) = reader.next_frame().unwrap() {
                expect_frames(&mut client, &[frame.text]);
            }
            assert_eq!(reader.frames_read(), frames_count);
            client.expect_silence();
        });
        assert_eq!(report.unwrap().frames_sent, frames_count, "{name}");
    }
}

#[test]
fn frames_are_never_early() {
    let file = written_at(&[(5, "0"), (45_000_000, "40"), (200_000_005, "200")]);
    for (speed, span_ns) in [(1.0, 200_000_000), (2.0, 100_000_000)] {
        let time = WaitingTime::new(1);
        let config = starting_after(0, playing(&[file.path()], Speed::Times(speed)));
        let report = serve_on(&time, config, |address| {
            let mut client = connect(address);
            expect_frames(&mut client, &["0", "40", "200"]);
            assert!(time.now_ns() >= span_ns, "{}", time.now_ns());
        });
        assert!(report.unwrap().behind_ns_max < 2_000_000);
    }
}

#[test]
fn a_session_starts_after_as_many_commands_as_are_asked_for() {
    let file = written(&["first"]);
    let config = starting_after(2, playing(&[file.path()], Speed::Max));
    serve(config, |address| {
        let mut client = connect(address);
        client.send(COMMAND);
        client.send(r#"{"cmd":"ping"}"#);
        client.expect_silence();
        client.send(COMMAND);
        expect_frames(&mut client, &["first"]);
    })
    .unwrap();
}

#[test]
fn a_session_starts_when_the_client_seems_to_have_said_all() {
    let file = written(&["first"]);
    for (commands, silence_ns) in [(0, 1_000_000_000), (3, 100_000_000)] {
        let time = WaitingTime::new(1);
        let report = serve_on(&time, playing(&[file.path()], Speed::Max), |address| {
            let mut client = connect(address);
            (0..commands).for_each(|_| client.send(COMMAND));
            expect_frames(&mut client, &["first"]);
            assert!(time.now_ns() >= silence_ns, "{}", time.now_ns());
        });
        assert_eq!(report.unwrap().recorded.unwrap().commands, commands);
    }
}

#[test]
fn every_recorded_connection_waits_for_a_client_of_its_own() {
    let late = written(&["1", "2"]);
    let early = written_at(&[(10, "a"), (5_000, "b")]);
    let config = starting_after(0, playing(&[late.path(), early.path()], Speed::Max));
    let report = serve(config, |address| {
        let mut first = connect(address);
        // The second connection's frame is first, so all wait for its client.
        first.expect_silence();
        let mut second = connect(address);
        expect_frames(&mut first, &["1", "2"]);
        expect_frames(&mut second, &["a", "b"]);
    });
    let report = report.unwrap();
    assert_eq!((report.connections, report.frames_sent), (2, 4));
}

#[test]
fn who_comes_after_the_end_is_answered_and_gets_nothing() {
    let file = written(&["only"]);
    let config = starting_after(0, playing(&[file.path()], Speed::Max));
    let report = serve(config, |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &["only"]);
        let mut late = connect(address);
        late.send(COMMAND);
        late.expect_silence();
        client.expect_silence();
    });
    assert_eq!(report.unwrap().frames_sent, 1);
}

#[test]
fn frames_wait_when_a_client_leaves_and_go_on_with_the_next() {
    const FRAMES: usize = 30_000;
    let frames: Vec<String> = (0..FRAMES).map(|index| format!("{index:01000}")).collect();
    let file = written(&frames);
    let config = starting_after(0, playing(&[file.path()], Speed::Max));
    let report = serve(config, |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &frames[..3]);
        drop(client);
        let mut client = connect(address);
        let Message::Text(text) = client.read().unwrap() else { panic!("no text") };
        let next: usize = text.parse().unwrap();
        assert!((3..FRAMES).contains(&next), "{next}");
        expect_frames(&mut client, &frames[next + 1..]);
    });
    assert_eq!(report.unwrap().frames_sent, FRAMES as u64);
}

#[test]
fn sending_stops_after_as_many_frames_as_are_asked_for() {
    let file = written(&["a", "b", "c"]);
    let mut config = starting_after(0, playing(&[file.path()], Speed::Max));
    config.frames_max = Some(2);
    let report = serve(config, |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &["a", "b"]);
        client.expect_silence();
    });
    let report = report.unwrap();
    assert_eq!((report.frames_sent, report.recorded.unwrap().is_complete), (2, false));
}

#[test]
fn a_key_is_looked_at_only_where_one_is_expected() {
    let file = written(&["only"]);
    let mut config = starting_after(0, playing(&[file.path()], Speed::Max));
    config.api_key = KeyCheck::Exactly("right".to_owned());
    let report = serve(config, |address| {
        for path in ["/ws", "/ws?api_key=wrong"] {
            let Err(Error::Http(response)) = Client::try_connect(address, path) else {
                panic!("let in by {path}")
            };
            assert_eq!(response.status(), 401);
        }
        let mut client = Client::try_connect(address, "/ws?api_key=right").unwrap();
        expect_frames(&mut client, &["only"]);
    });
    assert_eq!(report.unwrap().connections_refused, 2);
}

#[track_caller]
fn check_refused(config: SimulatorConfig, words: &str) {
    let error = Simulator::bind(config).unwrap_err().to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn what_cannot_be_played_is_known_before_anybody_comes() {
    let empty = written::<&str>(&[]);
    let good = written(&["only"]);
    let name = empty.path().display().to_string();
    let words = format!("{name}: no frame is recorded in it");
    check_refused(playing(&[good.path(), empty.path()], Speed::Max), &words);
    check_refused(playing(&[Path::new("/nonexistent/x.mcap")], Speed::Max), "/nonexistent/x.mcap");
    check_refused(playing(&[], Speed::Max), "at least one recorded session");
    check_refused(playing(&[good.path()], Speed::Times(0.0)), "speed must be");
    let mut config = playing(&[good.path()], Speed::Max);
    config.restarts.count = 1;
    check_refused(config, "no restarts");
    let bad = NamedTempFile::new().unwrap();
    std::fs::write(bad.path(), "no time\n").unwrap();
    check_refused(playing(&[bad.path()], Speed::Max), "line 1");
}

#[test]
fn a_session_that_is_damaged_further_on_ends_the_run_with_its_line() {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "1 good\nno time\n").unwrap();
    let config = starting_after(0, playing(&[file.path()], Speed::Max));
    let result = serve(config, |address| {
        let mut client = connect(address);
        while client.read().is_ok() {}
    });
    let error = result.unwrap_err();
    assert!(matches!(error, SimulatorError::Capture(_)), "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
}

#[test]
fn recorded_frames_are_not_recorded_again() {
    let file = written(&["only"]);
    let error = record_session(&playing(&[file.path()], Speed::Max), std::io::sink()).unwrap_err();
    assert!(matches!(error, SimulatorError::Config(_)), "{error}");
}
