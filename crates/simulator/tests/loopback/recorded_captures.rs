//! Recorded frames of captures, which say what their client did.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread;

use tickring_capture::{
    CaptureWriter, ConnectionChange, OnCaptureFull, SegmentFiles, Tap, WriterConfig, WriterPorts,
    capture_channel,
};
use tickring_event::ConnectionState;
use tickring_simulator::{RecordedReport, Speed, Time};

use crate::harness::{End, WaitingTime, serve, serve_on};
use crate::recorded::{COMMAND, connect, expect_frames, playing};

/// Writes a capture of one connection.
fn capture(folder: &Path, record: impl FnOnce(&mut Tap)) -> PathBuf {
    let path = folder.join("session.mcap");
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Mark);
    let files = SegmentFiles::create(&path, false).unwrap();
    let config = WriterConfig::new(BTreeMap::new());
    let writer = CaptureWriter::new(files, config, &receiver, 0).unwrap();
    // Nobody takes the chunks until all is recorded: what they have no room for becomes a hole.
    record(&mut tap);
    let ending = thread::Builder::new().spawn(move || drop(tap)).unwrap();
    let mut ports = WriterPorts {
        now_ns: &|| 0,
        instruments: &BTreeMap::new,
        say: &mut |notice| panic!("{notice:?}"),
    };
    writer.run(receiver, &mut ports);
    ending.join().unwrap();
    path
}

fn change(state: ConnectionState, code: i32) -> ConnectionChange {
    ConnectionChange { state: state as u8, attempt: 1, code }
}

fn connected(tap: &mut Tap, time_ns: u64) {
    tap.changed(0, time_ns, change(ConnectionState::Connecting, 0), false);
    tap.changed(0, time_ns, change(ConnectionState::Connected, 0), false);
}

fn disconnected(tap: &mut Tap, time_ns: u64, code: i32) {
    tap.changed(0, time_ns, change(ConnectionState::Disconnected, code), false);
}

const PING: &str = r#"{"cmd":"ping"}"#;

fn with_commands(tap: &mut Tap) {
    connected(tap, 1_000);
    tap.received(0, 2_000, b"greeting");
    tap.sent(0, 3_000, b"command 1");
    tap.received(0, 4_000, b"ack 1");
    tap.sent(0, 5_000, PING.as_bytes());
    tap.received(0, 6_000, b"pong");
    tap.sent(0, 7_000, b"command 2");
    tap.received(0, 8_000, b"ack 2");
    tap.received(0, 9_000, b"data");
}

#[test]
fn recorded_acks_answer_the_commands_of_the_live_client() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), with_commands);
    for speed in [Speed::Max, Speed::Times(1.0)] {
        let report = serve(playing(&[&path], speed), |address| {
            let mut client = connect(address);
            expect_frames(&mut client, &["greeting"]);
            client.send(PING);
            client.expect_silence();
            client.send(COMMAND);
            expect_frames(&mut client, &["ack 1", "pong"]);
            client.expect_silence();
            client.send(COMMAND);
            expect_frames(&mut client, &["ack 2", "data"]);
            client.expect_silence();
        });
        let report = report.unwrap();
        assert_eq!((report.frames_sent, report.pings), (5, 1));
        let recorded =
            RecordedReport { commands: 2, is_complete: true, ..RecordedReport::default() };
        assert_eq!(report.recorded, Some(recorded));
        assert!(report.behind_ns_max < 2_000_000, "waiting for a client is no delay");
    }
}

#[test]
fn a_command_that_does_not_come_is_counted_and_waited_for_no_longer() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), with_commands);
    let time = WaitingTime::new(100);
    let report = serve_on(&time, playing(&[&path], Speed::Max), |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &["greeting", "ack 1", "pong", "ack 2", "data"]);
        assert!(time.now_ns() >= 2 * 5_000_000_000, "{}", time.now_ns());
    });
    let recorded = report.unwrap().recorded.unwrap();
    assert_eq!((recorded.commands, recorded.commands_missing), (0, 2));
}

#[test]
fn a_recorded_disconnect_closes_and_the_recording_waits_for_the_client_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), |tap| {
        connected(tap, 1_000);
        tap.sent(0, 1_500, b"command");
        tap.received(0, 2_000, b"a");
        disconnected(tap, 3_000, 1012);
        // An attempt that failed: nobody is there whose connection could be closed.
        tap.changed(0, 4_000, change(ConnectionState::Connecting, 0), false);
        disconnected(tap, 4_500, 503);
        connected(tap, 5_000);
        tap.sent(0, 5_500, b"command");
        tap.received(0, 6_000, b"b");
        disconnected(tap, 7_000, 0);
        connected(tap, 8_000);
        tap.received(0, 9_000, b"c");
    });
    let report = serve(playing(&[&path], Speed::Times(1.0)), |address| {
        for (frame, code) in [("a", 1012), ("b", 1001)] {
            let mut client = connect(address);
            client.expect_silence();
            client.send(COMMAND);
            expect_frames(&mut client, &[frame]);
            let end = client.drain().1;
            assert_eq!(end, End::Frame(code, "as recorded".to_owned()));
        }
        expect_frames(&mut connect(address), &["c"]);
    });
    let report = report.unwrap();
    assert_eq!((report.connections, report.frames_sent), (3, 3));
    let recorded = RecordedReport {
        commands: 2,
        disconnects: 2,
        is_complete: true,
        ..RecordedReport::default()
    };
    assert_eq!(report.recorded, Some(recorded));
}

#[test]
fn a_connection_that_is_recorded_anew_wants_a_new_client() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), |tap| {
        // Two sessions in one capture: the first was stopped while it was connected.
        for (time_ns, frame) in [(1_000, "first"), (2_000, "second")] {
            connected(tap, time_ns);
            tap.sent(0, time_ns, b"command");
            tap.received(0, time_ns, frame.as_bytes());
        }
    });
    let report = serve(playing(&[&path], Speed::Max), |address| {
        let mut client = connect(address);
        client.send(COMMAND);
        expect_frames(&mut client, &["first"]);
        assert_eq!(client.drain().1, End::Frame(1001, "as recorded".to_owned()));
        let mut client = connect(address);
        client.expect_silence();
        client.send(COMMAND);
        expect_frames(&mut client, &["second"]);
    });
    let recorded = report.unwrap().recorded.unwrap();
    assert_eq!((recorded.disconnects, recorded.commands, recorded.commands_missing), (1, 2, 0));
}

#[test]
fn a_recorded_disconnect_cuts_nothing_off() {
    const FRAMES: usize = 10_000;
    let frames: Vec<String> = (0..FRAMES).map(|index| format!("{index:01000}")).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), |tap| {
        connected(tap, 0);
        frames.iter().for_each(|frame| tap.received(0, 1, frame.as_bytes()));
        disconnected(tap, 2, 1000);
    });
    let mut config = playing(&[&path], Speed::Max);
    // What waits when the connection is closed is lost.
    config.drain_ms_max = 0;
    let report = serve(config, |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &frames);
        assert!(client.drain().0.is_empty());
    });
    let report = report.unwrap();
    assert_eq!(report.frames_sent, FRAMES as u64);
    // The close itself may not have found room.
    assert!(report.bytes_undelivered < 20, "{}", report.bytes_undelivered);
}

#[test]
fn at_full_speed_fifty_thousand_frames_arrive_in_order() {
    let frames: Vec<String> =
        (0..50_000).map(|index| format!(r#"{{"u":{index},"p":"0.{index}"}}"#)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), |tap| {
        connected(tap, 0);
        for (index, frame) in (1..).zip(&frames) {
            tap.received(0, 1_000 * index, frame.as_bytes());
        }
    });
    let report = serve(playing(&[&path], Speed::Max), |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &frames);
        client.expect_silence();
    });
    let report = report.unwrap();
    assert_eq!((report.frames_sent, report.behind_ns_max), (50_000, 0));
}

#[test]
fn a_frame_of_megabytes_arrives_whole() {
    let text: String = (0..600_000).map(|index| format!("{index:09},")).collect();
    assert_eq!(text.len(), 6_000_000);
    let binary: Vec<u8> = text.bytes().map(|byte| byte ^ 0xff).collect();
    let frames = [text.as_bytes(), b"small", &binary, b"last"];
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path(), |tap| {
        connected(tap, 0);
        for (index, frame) in (1..).zip(frames) {
            tap.received(0, index, frame);
        }
    });
    let report = serve(playing(&[&path], Speed::Max), |address| {
        let mut client = connect(address);
        expect_frames(&mut client, &frames);
    });
    assert_eq!(report.unwrap().bytes_sent, 2 * 6_000_000 + 9);
}

#[test]
fn what_the_recording_misses_is_passed_over_and_counted() {
    let frame = vec![b'x'; 200_000];
    let folder = tempfile::tempdir().unwrap();
    // Each chunk has room for one of these, and there are 64.
    let path = capture(folder.path(), |tap| {
        for time_ns in 1..=100 {
            tap.received(0, time_ns, &frame);
        }
    });
    let report = serve(playing(&[&path], Speed::Max), |address| {
        let mut client = connect(address);
        client.send(COMMAND);
        expect_frames(&mut client, &vec![&frame; 64]);
        client.expect_silence();
    });
    let report = report.unwrap();
    let recorded = report.recorded.unwrap();
    assert_eq!((report.frames_sent, recorded.holes, recorded.is_complete), (64, 1, true));
}
