//! Recorded sessions as a source: order, pace, and when a frame counts as arrived.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::cell::RefCell;
use std::io::Cursor;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use tickring_capture::{LineReader, Session};
use tickring_event::{ConnectionId, ConnectionState, Status};
use tickring_ingest::{
    FrameWait, Incoming, NEAR_NS_MAX, PARK_NS_MAX, Pace, RECORDED_FILES_MAX, RecordedSource,
    Source, SourceError, Stamp,
};
use tickring_metrics::{Clock, MockClock};

const MS: u64 = 1_000_000;

/// Moves the mock clock on as [`tickring_ingest::ThreadWait`] would let real time pass.
#[derive(Debug)]
struct MockWait {
    time: MockClock,
    waits_ns: Rc<RefCell<Vec<u64>>>,
}

impl FrameWait for MockWait {
    fn wait(&mut self, left_ns: u64) {
        self.waits_ns.borrow_mut().push(left_ns);
        let park_ns = left_ns.saturating_sub(NEAR_NS_MAX).min(PARK_NS_MAX);
        self.time.advance_ns(if park_ns > 0 { park_ns } else { 1_000 });
    }
}

struct Replay {
    source: RecordedSource<MockWait>,
    clock: Clock,
    time: MockClock,
    waits_ns: Rc<RefCell<Vec<u64>>>,
    start_ticks: u64,
    idles: u64,
}

/// A frame as it was handed out; times in ns since the start, one tick being one ns.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Handed {
    connection: u8,
    text: String,
    arrival_ns: u64,
    now_ns: u64,
}

impl Replay {
    fn new(pace: Pace, sessions: Vec<Box<dyn Session>>) -> Self {
        let (clock, time) = Clock::mock();
        let waits_ns = Rc::default();
        let wait = MockWait { time: time.clone(), waits_ns: Rc::clone(&waits_ns) };
        let source = RecordedSource::new(sessions, pace, clock.clone(), wait).unwrap();
        let start_ticks = clock.ticks();
        Self { source, clock, time, waits_ns, start_ticks, idles: 0 }
    }

    /// The next frame; status changes are passed over.
    fn frame(&mut self) -> Option<Handed> {
        loop {
            match self.source.next().unwrap() {
                Incoming::Frame(frame) => {
                    return Some(Handed {
                        connection: frame.stamp.connection.0,
                        text: String::from_utf8(frame.text.to_vec()).unwrap(),
                        arrival_ns: frame.stamp.arrival_ticks - self.start_ticks,
                        now_ns: self.clock.ticks() - self.start_ticks,
                    });
                }
                Incoming::Idle => self.idles += 1,
                Incoming::Status(..) | Incoming::Part(_) | Incoming::Hole(..) => {}
                Incoming::Ended => return None,
            }
        }
    }

    /// Arrival of every frame, in ns since the start.
    fn arrivals_ns(&mut self) -> Vec<u64> {
        std::iter::from_fn(|| self.frame()).map(|frame| frame.arrival_ns).collect()
    }
}

fn session(text: &str) -> Box<dyn Session> {
    let text = text.as_bytes().to_vec();
    let reader = LineReader::from_reader("session".to_owned(), Box::new(Cursor::new(text)));
    Box::new(reader.unwrap())
}

/// A session with a frame at each of the times.
fn session_at(times_ns: &[u64]) -> Box<dyn Session> {
    session(&times_ns.iter().map(|time_ns| format!("{time_ns} x\n")).collect::<String>())
}

#[test]
fn every_connection_is_connected_before_the_first_frame() {
    let mut replay = Replay::new(Pace::Real, vec![session("5 a\n"), session("")]);
    let status = Status { state: ConnectionState::Connected, attempt: 1, code: 0 };
    for connection in [0, 1] {
        let Incoming::Status(stamp, found) = replay.source.next().unwrap() else {
            panic!("not a status");
        };
        let connection = ConnectionId(connection);
        assert_eq!(stamp, Stamp { connection, arrival_ticks: replay.start_ticks });
        assert_eq!(found, status);
    }
    assert_eq!(replay.frame().unwrap().text, "a");
    assert_eq!(replay.frame(), None);
    assert_eq!(replay.frame(), None, "the end stays");
}

#[test]
fn no_file_at_all_ends_at_once() {
    assert_eq!(Replay::new(Pace::Real, Vec::new()).frame(), None);
    assert_eq!(Replay::new(Pace::Max, Vec::new()).frame(), None);
}

#[test]
fn files_are_merged_by_arrival_each_with_its_own_connection() {
    for pace in [Pace::Real, Pace::Max] {
        let mut replay =
            Replay::new(pace, vec![session("10 a\n30 c\n"), session("20 b\n30 d\n40 e\n")]);
        let frames: Vec<_> = std::iter::from_fn(|| replay.frame())
            .map(|frame| (frame.connection, frame.text))
            .collect();
        let expected = [(0, "a"), (1, "b"), (0, "c"), (1, "d"), (1, "e")];
        assert_eq!(frames, expected.map(|(connection, text)| (connection, text.to_owned())));
        let tally = replay.source.recorded_tally();
        assert_eq!((tally.frames, tally.first_ns, tally.last_ns, tally.span_ns()), (5, 10, 40, 30));
    }
}

#[test]
fn a_frame_arrives_when_it_is_due() {
    let times_ns = [7 * MS, 7 * MS, 7 * MS + 50, 10 * MS, 40 * MS];
    let since_ns = [0, 0, 50, 3 * MS, 33 * MS];
    for (pace, factor) in [(Pace::Real, 1.0), (Pace::Times(10.0), 0.1), (Pace::Times(0.5), 2.0)] {
        let mut replay = Replay::new(pace, vec![session_at(&times_ns)]);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let expected = since_ns.map(|since| (since as f64 * factor) as u64);
        assert_eq!(replay.arrivals_ns(), expected, "{pace}");
    }
}

#[test]
fn the_wait_for_a_far_frame_comes_in_short_turns_and_ends_awake() {
    let mut replay = Replay::new(Pace::Real, vec![session_at(&[0, 10 * MS])]);
    replay.frame().unwrap();
    let Handed { arrival_ns, now_ns, .. } = replay.frame().unwrap();
    assert_eq!(arrival_ns, 10 * MS);
    assert!((arrival_ns..arrival_ns + 1_000).contains(&now_ns), "handed out at {now_ns}");
    let waits_ns = replay.waits_ns.borrow();
    let far: Vec<_> = waits_ns.iter().filter(|&&left_ns| left_ns > NEAR_NS_MAX).collect();
    assert_eq!(far.len() as u64, replay.idles, "after each the caller has its turn");
    assert_eq!(far.len(), 10);
    assert_eq!(waits_ns.len() - far.len(), 100, "awake for the last {NEAR_NS_MAX} ns");
}

#[test]
fn a_caller_that_falls_behind_sees_when_frames_were_due() {
    let times_ns = [0, MS, 2 * MS, 20 * MS];
    let mut replay = Replay::new(Pace::Real, vec![session_at(&times_ns)]);
    replay.frame().unwrap();
    replay.time.advance_ns(10 * MS);
    let late: Vec<_> = [replay.frame(), replay.frame()]
        .map(|frame| frame.map(|it| (it.arrival_ns, it.now_ns)).unwrap())
        .into();
    assert_eq!(late, [(MS, 10 * MS), (2 * MS, 10 * MS)]);
    let waits_before = replay.waits_ns.borrow().len();
    assert_eq!(waits_before, 0, "no time is lost waiting");
    assert_eq!(
        replay.frame().unwrap().arrival_ns,
        20 * MS,
        "the pace is the start's, not the last's"
    );
}

#[test]
fn at_most_speed_a_frame_arrives_when_it_is_read() {
    let mut replay = Replay::new(Pace::Max, vec![session_at(&[0, 60_000 * MS, 3])]);
    assert_eq!(replay.frame().unwrap().arrival_ns, 0);
    replay.time.advance_ns(5);
    assert_eq!(replay.frame().unwrap().arrival_ns, 5);
    assert_eq!(replay.frame().unwrap().arrival_ns, 5);
    assert_eq!(replay.frame(), None);
    assert!(replay.waits_ns.borrow().is_empty());
    assert_eq!(replay.source.recorded_tally().steps_back, 1);
}

#[test]
fn where_the_recordings_clock_steps_back_frames_are_due_at_once() {
    let times_ns = [100 * MS, 105 * MS, 99 * MS, 103 * MS, 106 * MS];
    let mut replay = Replay::new(Pace::Real, vec![session_at(&times_ns)]);
    assert_eq!(replay.arrivals_ns(), [0, 5 * MS, 5 * MS, 5 * MS, 6 * MS]);
    assert_eq!(replay.source.recorded_tally().steps_back, 1);
    assert_eq!(replay.source.recorded_tally().span_ns(), 7 * MS);
}

#[test]
fn a_bad_line_ends_the_source_after_the_good_ones() {
    for pace in [Pace::Real, Pace::Max] {
        let mut replay = Replay::new(pace, vec![session("5 a\nb\n")]);
        assert_eq!(replay.frame().unwrap().text, "a");
        let error = replay.source.next().unwrap_err();
        assert!(matches!(error, SourceError::Recorded(_)), "{error}");
        assert!(error.to_string().contains("line 2"), "{error}");
    }
}

#[test]
fn there_are_no_more_files_than_connection_numbers() {
    let source = |count: usize| {
        let (clock, time) = Clock::mock();
        let wait = MockWait { time, waits_ns: Rc::default() };
        let sessions = (0..count).map(|_| session("1 a\n")).collect();
        RecordedSource::new(sessions, Pace::Max, clock, wait)
    };
    let mut most = source(RECORDED_FILES_MAX).unwrap();
    let mut last = ConnectionId::default();
    loop {
        match most.next().unwrap() {
            Incoming::Frame(frame) => last = frame.stamp.connection,
            Incoming::Ended => break,
            Incoming::Status(..) | Incoming::Part(_) | Incoming::Hole(..) | Incoming::Idle => {}
        }
    }
    assert_eq!(last, ConnectionId(u8::MAX));
    let error = source(RECORDED_FILES_MAX + 1).unwrap_err();
    assert!(matches!(error, SourceError::Configuration(_)), "{error}");
}

#[test]
#[should_panic(expected = "0 times as fast")]
fn a_pace_that_does_not_move_is_refused() {
    Replay::new(Pace::Times(0.0), Vec::new());
}

/// Folder of the recorded sessions, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the folder is missing and `CI` is `true`: there it must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn recorded_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

/// Most frames within any `window_ns`.
fn busiest(times_ns: &[u64], window_ns: u64) -> usize {
    let mut start = 0;
    let mut most = 0;
    for (end, time_ns) in times_ns.iter().enumerate() {
        while time_ns - times_ns[start] >= window_ns {
            start += 1;
        }
        most = most.max(end + 1 - start);
    }
    most
}

#[test]
fn ten_times_as_fast_takes_a_tenth_of_the_span_and_keeps_the_bursts() {
    let Some(folder) = recorded_data() else { return };
    let path = folder.join("binance-usdm/btcusdt_20240808.gz");
    let mut replay =
        Replay::new(Pace::Times(10.0), vec![Box::new(LineReader::open(&path).unwrap())]);
    let mut arrivals_ns = Vec::new();
    let mut handed_ns = Vec::new();
    while let Some(frame) = replay.frame() {
        assert!(frame.now_ns >= frame.arrival_ns, "never early");
        assert!(frame.now_ns - frame.arrival_ns <= 1_000, "nor late by more than a wait");
        arrivals_ns.push(frame.arrival_ns);
        handed_ns.push(frame.now_ns);
    }
    assert_eq!(arrivals_ns.len(), 93_954);
    let span_ns = replay.source.recorded_tally().span_ns();
    assert_eq!(span_ns, 1_723_161_599_833_492_584 - 1_723_161_255_030_314_667);
    assert_eq!(*arrivals_ns.last().unwrap(), span_ns / 10);
    // In the recording 1,457 frames came in the busiest 100 ms.
    assert!((1_455..=1_459).contains(&busiest(&arrivals_ns, 10 * MS)));
    assert!((1_450..=1_464).contains(&busiest(&handed_ns, 10 * MS)));
}
