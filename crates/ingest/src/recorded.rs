//! Recorded sessions as a source: several files as one stream, at their own pace or another.
//!
//! Each file is a connection of its own. Frames come in order of arrival time over all files, which
//! must therefore have been recorded by one clock. What follows the source cannot tell a replay
//! from a live connection.

mod pace;
mod peak;
mod wait;

use tickring_capture::{LineReader, Merged};
use tickring_event::{ConnectionId, ConnectionState, Status};
use tickring_metrics::Clock;

use crate::frame::{Frame, Stamp};
use crate::source::{Incoming, Source, SourceError};
pub use pace::{Pace, PaceError};
pub use peak::PEAK_WINDOW_NS;
use peak::Peak;
pub use wait::{FrameWait, NEAR_NS_MAX, PARK_NS_MAX, ThreadWait};

/// Most files of one replay: each has a connection number of its own.
pub const RECORDED_FILES_MAX: usize = 256;

/// Frames from recorded sessions.
///
/// First every connection says that it is connected; then come the frames; then the end. At
/// [`Pace::Max`] a frame arrives when it is read. At every other pace it arrives when it is **due**,
/// however late it is handed out: whoever cannot keep up sees that in the latencies, as with a live
/// feed.
///
/// Allocates only while a buffer grows to the longest frame so far.
#[derive(Debug)]
pub struct RecordedSource<W = ThreadWait> {
    merged: Merged,
    /// Connections that have said that they are connected.
    connected: usize,
    pace: Pace,
    clock: Clock,
    wait: W,
    /// Made with the first frame.
    schedule: Option<Schedule>,
    /// A frame that is not due yet; its text is in `text`.
    ahead: Option<Stamp>,
    text: Vec<u8>,
    tally: RecordedTally,
    /// Arrivals in the recording, and the moments at which frames were really handed out.
    recorded_peak: Peak,
    delivered_peak: Peak,
}

/// What was read from the recordings.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RecordedTally {
    /// Frames handed out.
    pub frames: u64,
    /// Earliest arrival time in the recordings' own clock; 0 before the first frame.
    pub first_ns: u64,
    /// Latest arrival time in the recordings' own clock; 0 before the first frame.
    pub last_ns: u64,
    /// Times as fast as recorded; `None` at [`Pace::Max`].
    pub speed: Option<f64>,
    /// Most frames in any [`PEAK_WINDOW_NS`] of the recording.
    pub peak_recorded: u64,
    /// The same by when frames were handed out, in time of the recording: what is left of the
    /// bursts at this pace. 0 at [`Pace::Max`], which has no time of the recording.
    pub peak_delivered: u64,
    /// How often a file's clock stepped back.
    pub steps_back: u64,
}

impl<W: FrameWait> RecordedSource<W> {
    /// A source of `readers`, of which the first becomes connection 0. Reads nothing yet.
    ///
    /// # Errors
    /// There are more readers than [`RECORDED_FILES_MAX`].
    ///
    /// # Panics
    /// When `pace` is a multiple that is not a number above zero.
    pub fn new(
        readers: Vec<LineReader>,
        pace: Pace,
        clock: Clock,
        wait: W,
    ) -> Result<Self, SourceError> {
        pace.assert_moves();
        if readers.len() > RECORDED_FILES_MAX {
            return Err(SourceError::Configuration(format!(
                "{} recorded files in one run, at most {RECORDED_FILES_MAX} are possible",
                readers.len()
            )));
        }
        Ok(Self {
            merged: Merged::new(readers),
            connected: 0,
            pace,
            clock,
            wait,
            schedule: None,
            ahead: None,
            text: Vec::new(),
            tally: RecordedTally::default(),
            recorded_peak: Peak::new(),
            delivered_peak: Peak::new(),
        })
    }

    /// What was read so far.
    #[must_use]
    pub fn recorded_tally(&self) -> RecordedTally {
        RecordedTally {
            speed: self.pace.times(),
            peak_recorded: self.recorded_peak.frames_max(),
            peak_delivered: self.delivered_peak.frames_max(),
            steps_back: self.merged.steps_back(),
            ..self.tally
        }
    }

    fn next_at_once(&mut self) -> Result<Incoming<'_>, SourceError> {
        let Some((index, frame)) = self.merged.next()? else { return Ok(Incoming::Ended) };
        self.tally.add(frame.arrival_ns);
        self.recorded_peak.add(frame.arrival_ns);
        let stamp = Stamp { connection: connection(index), arrival_ticks: self.clock.ticks() };
        Ok(Incoming::Frame(Frame { stamp, text: frame.text }))
    }

    fn next_when_due(&mut self) -> Result<Incoming<'_>, SourceError> {
        let stamp = match self.ahead {
            Some(stamp) => stamp,
            None => match self.read_ahead()? {
                Some(stamp) => stamp,
                None => return Ok(Incoming::Ended),
            },
        };
        let handed_out_ticks = loop {
            let now = self.clock.ticks();
            if now >= stamp.arrival_ticks {
                break now;
            }
            let left_ns = self.clock.elapsed_ns(now, stamp.arrival_ticks);
            self.wait.wait(left_ns);
            if left_ns > NEAR_NS_MAX {
                return Ok(Incoming::Idle);
            }
        };
        if let Some(schedule) = &self.schedule {
            let elapsed_ns = self.clock.elapsed_ns(schedule.start_ticks, handed_out_ticks);
            self.delivered_peak.add(self.pace.recorded_ns(elapsed_ns));
        }
        self.ahead = None;
        Ok(Incoming::Frame(Frame { stamp, text: &self.text }))
    }

    /// Reads the next frame and finds out when it is due.
    fn read_ahead(&mut self) -> Result<Option<Stamp>, SourceError> {
        let Some((index, frame)) = self.merged.next()? else { return Ok(None) };
        self.text.clear();
        self.text.extend_from_slice(frame.text);
        self.tally.add(frame.arrival_ns);
        self.recorded_peak.add(frame.arrival_ns);
        let schedule = self.schedule.get_or_insert_with(|| {
            let now = self.clock.ticks();
            Schedule { start_ticks: now, start_ns: frame.arrival_ns, latest_ticks: now }
        });
        let arrival_ticks = schedule.due_ticks(frame.arrival_ns, self.pace, &self.clock);
        let stamp = Stamp { connection: connection(index), arrival_ticks };
        self.ahead = Some(stamp);
        Ok(Some(stamp))
    }
}

impl<W: FrameWait> Source for RecordedSource<W> {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        if self.connected < self.merged.readers().len() {
            let stamp =
                Stamp { connection: connection(self.connected), arrival_ticks: self.clock.ticks() };
            self.connected += 1;
            let status = Status { state: ConnectionState::Connected, attempt: 1, code: 0 };
            return Ok(Incoming::Status(stamp, status));
        }
        match self.pace {
            Pace::Max => self.next_at_once(),
            Pace::Real | Pace::Times(_) => self.next_when_due(),
        }
    }

    fn recorded(&self) -> Option<RecordedTally> {
        Some(self.recorded_tally())
    }
}

impl RecordedTally {
    /// From the earliest to the latest arrival.
    #[must_use]
    pub const fn span_ns(&self) -> u64 {
        self.last_ns - self.first_ns
    }

    fn add(&mut self, arrival_ns: u64) {
        self.first_ns = if self.frames == 0 { arrival_ns } else { self.first_ns.min(arrival_ns) };
        self.last_ns = self.last_ns.max(arrival_ns);
        self.frames += 1;
    }
}

/// When frames are due on our own clock.
#[derive(Clone, Copy, Debug)]
struct Schedule {
    /// The first frame, on our clock and on the recording's.
    start_ticks: u64,
    start_ns: u64,
    latest_ticks: u64,
}

impl Schedule {
    /// When a frame is due. Never before an earlier frame: where the recording's clock steps back,
    /// frames are due at once until it has caught up.
    fn due_ticks(&mut self, arrival_ns: u64, pace: Pace, clock: &Clock) -> u64 {
        let since_ns = pace.scaled_ns(arrival_ns.saturating_sub(self.start_ns));
        let due_ticks = self.start_ticks.saturating_add(clock.ns_to_ticks(since_ns));
        self.latest_ticks = self.latest_ticks.max(due_ticks);
        self.latest_ticks
    }
}

fn connection(index: usize) -> ConnectionId {
    ConnectionId(u8::try_from(index).expect("the number of files is checked in `new`"))
}
