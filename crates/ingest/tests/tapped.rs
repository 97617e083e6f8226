//! A tapped source: what passes is recorded, the key is not.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;

use tickring_capture::{
    CaptureReader, CaptureWriter, Entry, OnCaptureFull, SegmentFiles, WriterConfig, WriterPorts,
    capture_channel,
};
use tickring_event::{ConnectionId, ConnectionState, Status};
use tickring_ingest::{
    Action, Command, Frame, Inbound, Incoming, Refusal, Source, SourceError, Stamp, Tapped,
};
use tickring_metrics::{Clock, MOCK_WALL_NS_AT_START, MockClock};

const KEY: &[u8] = b"s3cret";

/// Gives what it was told to; its secret is [`KEY`].
struct Script {
    steps: VecDeque<Step>,
    text: Vec<u8>,
    ticks: u64,
    sent: Vec<String>,
}

enum Step {
    Frame(&'static str),
    Status(ConnectionState),
    Idle,
}

impl Source for Script {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        let stamp = Stamp { connection: ConnectionId(0), arrival_ticks: self.ticks };
        Ok(match self.steps.pop_front() {
            None => Incoming::Ended,
            Some(Step::Idle) => Incoming::Idle,
            Some(Step::Status(state)) => {
                Incoming::Status(stamp, Status { state, attempt: 3, code: -1 })
            }
            Some(Step::Frame(text)) => {
                self.text = text.as_bytes().to_vec();
                Incoming::Frame(Frame { stamp, text: &self.text })
            }
        })
    }

    fn command(&mut self, _: ConnectionId, command: Command) {
        let Command::Send(text) = command else { panic!("{command:?}") };
        self.sent.push(text);
    }

    fn hide_secrets(&self, text: &mut [u8]) {
        for at in 0..text.len().saturating_sub(KEY.len() - 1) {
            if text[at..].starts_with(KEY) {
                text[at..at + KEY.len()].fill(b'*');
            }
        }
    }
}

/// Records what `work` does with a source of `steps`: every entry as a line.
fn recorded(steps: Vec<Step>, work: impl FnOnce(&mut Tapped<Script>, &MockClock)) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let (clock, time) = Clock::mock();
    let (tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let files = SegmentFiles::create(&path, false).unwrap();
    let config = WriterConfig::new(BTreeMap::new());
    let writer = CaptureWriter::new(files, config, &receiver, 0).unwrap();
    let source =
        Script { steps: steps.into(), text: Vec::new(), ticks: clock.ticks(), sent: vec![] };
    let mut tapped = Tapped::new(source, tap, clock);
    work(&mut tapped, &time);
    drop(tapped);
    let mut ports = WriterPorts {
        now_ns: &|| 0,
        instruments: &BTreeMap::new,
        say: &mut |notice| panic!("{notice:?}"),
    };
    writer.run(receiver, &mut ports);
    lines(&path)
}

fn lines(path: &Path) -> Vec<String> {
    let mut reader = CaptureReader::open(path).unwrap();
    let mut lines = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
        lines.push(match entry {
            Entry::Received { arrival_ns, text: it, .. } => {
                format!("{} < {}", arrival_ns - MOCK_WALL_NS_AT_START, text(it))
            }
            Entry::Sent { time_ns, text: it, .. } => {
                format!("{} > {}", time_ns - MOCK_WALL_NS_AT_START, text(it))
            }
            Entry::Changed { change, .. } => {
                format!("{} {} {}", change.state, change.attempt, change.code)
            }
            Entry::Hole(hole) => format!("{hole:?}"),
        });
    }
    lines
}

fn refused() -> Inbound {
    let message = "no".to_owned();
    Inbound::from(Refusal { code: 1, message, action: Action::Continue, complete: false })
}

#[test]
fn frames_commands_and_changes_are_recorded_in_order() {
    let steps = vec![
        Step::Status(ConnectionState::Connected),
        Step::Frame("one"),
        Step::Idle,
        Step::Status(ConnectionState::Disconnected),
    ];
    let lines = recorded(steps, |tapped, time| {
        tapped.next().unwrap();
        time.advance_ns(70);
        tapped.command(ConnectionId(0), Command::Send("subscribe".to_owned()));
        while !matches!(tapped.next().unwrap(), Incoming::Ended) {}
    });
    assert_eq!(lines, ["1 3 -1", "70 > subscribe", "0 < one", "4 3 -1"]);
}

#[test]
fn a_frame_that_is_no_data_is_recorded_without_the_key() {
    let steps =
        ["ack s3cret", "bad s3cret", "data s3cret", "undecoded s3cret s3cret", "last s3cret"];
    let steps = steps.map(Step::Frame).into_iter().collect();
    let lines = recorded(steps, |tapped, _| {
        tapped.next().unwrap();
        tapped.answer(ConnectionId(0), &Inbound::Ack { complete: true }).unwrap();
        tapped.next().unwrap();
        tapped.answer(ConnectionId(0), &refused()).unwrap();
        tapped.next().unwrap();
        // Market data is not looked at: it was decoded, and holds no key.
        tapped.answer(ConnectionId(0), &Inbound::Data(0)).unwrap();
        // This one cannot be decoded, and the last is followed by nothing.
        tapped.next().unwrap();
        tapped.next().unwrap();
    });
    let expected = [
        "0 < ack ******",
        "0 < bad ******",
        "0 < data s3cret",
        "0 < undecoded ****** ******",
        "0 < last ******",
    ];
    assert_eq!(lines, expected);
}

#[test]
fn a_command_sent_after_an_answer_finds_the_key_gone() {
    let lines = recorded(vec![Step::Frame("s3cret")], |tapped, _| {
        tapped.next().unwrap();
        tapped.command(ConnectionId(0), Command::Send("again".to_owned()));
        tapped.keep_alive();
        tapped.note_gap();
    });
    assert_eq!(lines, ["0 < ******", "0 > again"]);
}
