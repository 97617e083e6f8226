//! A recording played as a live venue in one process, and the engine in another.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;
use tickring_capture::{
    CaptureWriter, ConnectionChange, LineReader, LineWriter, OnCaptureFull, SegmentFiles,
    WriterConfig, WriterPorts, capture_channel,
};
use tickring_event::ConnectionState;

use crate::live;
use crate::support::{Ran, Venue, count, messages, simulated_session, tickring};

const FRAMES: u64 = 5_000;

/// `run` subscribes each channel with a command of its own.
const COMMANDS: u64 = 3;
const ACK: &[u8] = br#"{"cmd":"subscribe","code":0,"message":"success","data":{}}"#;

/// A simulated session with the answers to `run`'s commands before its data, as lines.
fn lines(folder: &Path) -> PathBuf {
    let [data, path] = ["data", "lines"].map(|name| folder.join(name));
    simulated_session(&data, FRAMES);
    let mut writer = LineWriter::new("lines", File::create(&path).unwrap());
    let mut reader = LineReader::open(&data).unwrap();
    while let Some(frame) = reader.next_frame().unwrap() {
        if writer.frames_written() == 0 {
            (0..COMMANDS).for_each(|_| writer.write_frame(frame.arrival_ns, ACK).unwrap());
        }
        writer.write_frame(frame.arrival_ns, frame.text).unwrap();
    }
    writer.finish().unwrap();
    path
}

/// The same session as a capture, which also says when the connection was open and what was sent.
fn capture(folder: &Path) -> PathBuf {
    let path = folder.join("capture.mcap");
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let mut reader = LineReader::open(&lines(folder)).unwrap();
    let mut commands = 0;
    while let Some(frame) = reader.next_frame().unwrap() {
        let time_ns = frame.arrival_ns;
        if commands == 0 {
            for state in [ConnectionState::Connecting, ConnectionState::Connected] {
                let change = ConnectionChange { state: state as u8, attempt: 1, code: 0 };
                tap.changed(0, time_ns, change, false);
            }
        }
        if commands < COMMANDS {
            commands += 1;
            tap.sent(0, time_ns, format!(r#"{{"cmd":"subscribe","data":{commands}}}"#).as_bytes());
        }
        tap.received(0, time_ns, frame.text);
    }
    let files = SegmentFiles::create(&path, false).unwrap();
    let config = WriterConfig::new(BTreeMap::new());
    let writer = CaptureWriter::new(files, config, &receiver, 0).unwrap();
    let ending = thread::Builder::new().spawn(move || drop(tap)).unwrap();
    let mut ports = WriterPorts {
        now_ns: &|| 0,
        instruments: &BTreeMap::new,
        say: &mut |notice| panic!("{notice:?}"),
    };
    assert_eq!(writer.run(receiver, &mut ports).frames, FRAMES + COMMANDS);
    ending.join().unwrap();
    path
}

/// What a report counts of the venue's frames. A recording of lines has no connection to tell of.
fn counts(report: &Value) -> [Value; 4] {
    let mut events = report["events"].clone();
    let events_of_connections = events["status"].take();
    let published = count(&events["published"].take()) - count(&events_of_connections);
    [events, published.into(), report["messages"].clone(), report["frames"].clone()]
}

#[track_caller]
fn check(path: &Path, speed: &str) {
    let path = path.to_str().unwrap();
    let mut command = tickring(&["replay", path, "--venue", "tickdb", "--speed", "max"]);
    let replayed = Ran::of(command.args(["--format", "json"])).exits(0).report();
    let venue = Venue::play(&["--session", path, "--speed", speed]);
    let [report, sent] = live::run(venue, 1, &["--strategy", "audit"]);
    assert_eq!(counts(&report), counts(&replayed));
    assert_eq!((messages(&report), &report["loss"]), (FRAMES, &replayed["loss"]));
    assert_eq!(sent["frames_sent"], FRAMES + COMMANDS);
    let recorded = &sent["recorded"];
    assert_eq!((&recorded["commands"], &recorded["is_complete"]), (&COMMANDS.into(), &true.into()));
    assert_eq!((&recorded["commands_missing"], &sent["connections"]), (&0.into(), &1.into()));
}

#[test]
fn a_session_of_lines_that_is_played_gives_the_events_of_its_replay() {
    let folder = tempfile::tempdir().unwrap();
    check(&lines(folder.path()), "max");
}

#[test]
fn a_capture_that_is_played_gives_the_events_of_its_replay() {
    let folder = tempfile::tempdir().unwrap();
    let path = capture(folder.path());
    check(&path, "max");
    check(&path, "10");
}

#[test]
fn a_run_of_a_part_of_a_recording_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = lines(folder.path());
    let arguments = ["simulate", "--session", path.to_str().unwrap(), "--duration", "100ms"];
    let ran = Ran::of(&mut tickring(&arguments)).exits(0);
    assert!(ran.out.starts_with("a part of the recording: 0 frames sent (0 bytes)"), "{}", ran.out);
}
