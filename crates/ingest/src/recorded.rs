//! Recorded sessions as a source: several files as one stream, at their own pace or another.
//!
//! Connections are numbered through over all files. Frames come in order of arrival time over all
//! files, which must therefore have been recorded by one clock. What follows the source cannot tell a replay
//! from a live connection.

mod pace;
mod peak;
mod wait;
mod window;

use tickring_capture::{CaptureError, Ending, Entry, Hole, Merged, Session};
use tickring_event::{ConnectionId, ConnectionState, Status};
use tickring_metrics::{Clock, LatencyRecorder, LatencySummary};

use crate::frame::{Frame, Stamp};
use crate::source::{Incoming, Source, SourceError};
use crate::tap::status_of;
pub use pace::{Pace, PaceError};
pub use peak::{PEAK_WINDOW_NS, Peak};
pub use wait::{FrameWait, NEAR_NS_MAX, PARK_NS_MAX, ThreadWait};
pub use window::{Moment, Window};

/// Most connections of one replay: each has a number of its own.
pub const RECORDED_FILES_MAX: usize = 256;

/// Opens the sessions of a replay once more.
pub type Reopen = Box<dyn FnMut() -> Result<Vec<Box<dyn Session>>, CaptureError> + Send>;

/// Frames from recorded sessions.
///
/// A session that does not say itself when its connections open has them open from the start. At
/// [`Pace::Max`] a frame arrives when it is read. At every other pace it arrives when it is **due**,
/// however late it is handed out: whoever cannot keep up sees that in the latencies, as with a live
/// feed.
///
/// Allocates only while a buffer grows to the longest frame so far.
pub struct RecordedSource<W = ThreadWait> {
    merged: Merged,
    /// Connections that still have to be said to be open, the next one last.
    opening: Vec<u8>,
    pace: Pace,
    /// See [`Merged::chained`].
    chains: Vec<Option<usize>>,
    /// Of the entry at hand it was said that another recording goes on with it.
    is_part_told: bool,
    window: Window,
    /// The window's ends, once the first entry is known.
    bounds: Option<(u64, u64)>,
    repeat: Option<Repeat>,
    clock: Clock,
    wait: W,
    /// Made with the first entry.
    schedule: Option<Schedule>,
    /// When the entry that `merged` holds is due; `None` when it was handed out.
    due: Option<u64>,
    tally: RecordedTally,
    /// How late frames were handed out, in ticks.
    lateness: LatencyRecorder,
    /// Arrivals in the recording, and the moments at which frames were really handed out.
    recorded_peak: Peak,
    delivered_peak: Peak,
}

/// What is played again.
struct Repeat {
    /// How many times more; `None` until somebody stops.
    left: Option<u64>,
    reopen: Reopen,
    /// Frames handed out when it was played before: where there are none, it ends.
    frames_before: u64,
    /// Connections that still have to be said to be closed, the next one last.
    closing: Vec<u8>,
}

/// What was read from the recordings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedTally {
    /// Frames handed out.
    pub frames: u64,
    /// Earliest arrival time in the recordings' own clock; 0 before the first frame.
    pub first_ns: u64,
    /// Latest arrival time in the recordings' own clock; 0 before the first frame.
    pub last_ns: u64,
    /// Times as fast as recorded; `None` at [`Pace::Max`].
    pub speed: Option<f64>,
    /// How often the recordings were played to their end and again.
    pub repeats: u64,
    /// How late frames were handed out, in ns; nothing at [`Pace::Max`].
    pub lateness_ns: LatencySummary,
    /// Most frames in any [`PEAK_WINDOW_NS`] of the recording.
    pub peak_recorded: u64,
    /// The same by when frames were handed out, in time of the recording: what is left of the
    /// bursts at this pace. 0 at [`Pace::Max`], which has no time of the recording.
    pub peak_delivered: u64,
    /// How often a session's clock stepped back.
    pub steps_back: u64,
    /// Places at which the recordings miss something.
    pub holes: u64,
    /// Entries known to be missing there.
    pub entries_missing: u64,
    /// Sessions that just stop: name, offset of the last whole record's end, bytes behind it.
    pub cut: Vec<(String, u64, u64)>,
}

impl<W: FrameWait> RecordedSource<W> {
    /// A source of `sessions`, whose connections are numbered through. Reads nothing yet.
    ///
    /// # Errors
    /// There are more connections than [`RECORDED_FILES_MAX`].
    ///
    /// # Panics
    /// When `pace` is a multiple that is not a number above zero.
    pub fn new(
        sessions: Vec<Box<dyn Session>>,
        pace: Pace,
        clock: Clock,
        wait: W,
    ) -> Result<Self, SourceError> {
        pace.assert_moves();
        let merged =
            Merged::new(sessions).map_err(|error| SourceError::Configuration(error.to_string()))?;
        let mut source = Self {
            merged,
            opening: Vec::new(),
            pace,
            chains: Vec::new(),
            is_part_told: false,
            window: Window::default(),
            bounds: None,
            repeat: None,
            clock,
            wait,
            schedule: None,
            due: None,
            tally: RecordedTally::default(),
            lateness: LatencyRecorder::new(),
            recorded_peak: Peak::new(PEAK_WINDOW_NS),
            delivered_peak: Peak::new(PEAK_WINDOW_NS),
        };
        source.open_connections();
        Ok(source)
    }

    /// Leaves out what lies outside of `window`. Where that has a start, every connection is open from
    /// there.
    #[must_use]
    pub fn within(mut self, window: Window) -> Self {
        self.window = window;
        self.open_connections();
        self
    }

    /// Lets sessions continue each other; see [`Merged::chained`].
    #[must_use]
    pub fn chained(mut self, chains: Vec<Option<usize>>) -> Self {
        self.merged = self.merged.chained(&chains);
        self.chains = chains;
        self
    }

    /// Plays everything again, `times` times or until somebody stops. In between, each connection
    /// closes and opens.
    #[must_use]
    pub fn repeated(mut self, times: Option<u64>, reopen: Reopen) -> Self {
        self.repeat = Some(Repeat { left: times, reopen, frames_before: 0, closing: Vec::new() });
        self
    }

    /// How many connections there are.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.merged.connections()
    }

    /// What was read so far.
    #[must_use]
    pub fn recorded_tally(&self) -> RecordedTally {
        let cut = |(name, ending): (&str, Ending)| match ending {
            Ending::Cut { offset, bytes } => Some((name.to_owned(), offset, bytes)),
            Ending::Clean => None,
        };
        RecordedTally {
            speed: self.pace.times(),
            lateness_ns: self.lateness.summary(&self.clock),
            peak_recorded: self.recorded_peak.frames_max(),
            peak_delivered: self.delivered_peak.frames_max(),
            steps_back: self.tally.steps_back + self.merged.steps_back(),
            cut: self.merged.endings().filter_map(cut).collect(),
            ..self.tally.clone()
        }
    }

    fn open_connections(&mut self) {
        let is_cut = self.window.from.is_some();
        self.opening = if is_cut {
            (0..=u8::MAX).take(self.merged.connections()).collect()
        } else {
            self.merged.untold_connections().collect()
        };
        self.opening.reverse();
    }

    /// Reads up to the next entry that is handed out and finds out when it is due; false at the end.
    fn read_ahead(&mut self) -> Result<bool, SourceError> {
        let time_ns = loop {
            if !self.merged.advance()? {
                return Ok(false);
            }
            let entry = self.merged.entry();
            let time_ns = entry.time_ns();
            let window = self.window;
            let (from_ns, to_ns) = *self.bounds.get_or_insert_with(|| window.bounds(time_ns));
            if time_ns > to_ns {
                return Ok(false);
            }
            if time_ns < from_ns {
                continue;
            }
            match entry {
                Entry::Received { .. } => {
                    self.tally.add(time_ns);
                    self.recorded_peak.add(time_ns);
                }
                Entry::Hole(Hole { entries, .. }) => {
                    self.tally.holes += 1;
                    // As the file says, which may be anything.
                    self.tally.entries_missing = self.tally.entries_missing.saturating_add(entries);
                }
                Entry::Changed { .. } => {}
                // What was asked of the venue then is not asked again.
                Entry::Sent { .. } => continue,
            }
            break time_ns;
        };
        let schedule = self.schedule.get_or_insert_with(|| {
            let now = self.clock.ticks();
            Schedule { start_ticks: now, start_ns: time_ns, latest_ticks: now }
        });
        self.due = Some(match self.pace {
            Pace::Max => schedule.start_ticks,
            Pace::Real | Pace::Times(_) => schedule.due_ticks(time_ns, self.pace, &self.clock),
        });
        Ok(true)
    }

    /// Waits until the entry is due; when it was handed out, or `None` while it is far.
    fn wait_until(&mut self, due_ticks: u64) -> Option<u64> {
        loop {
            let now = self.clock.ticks();
            if now >= due_ticks {
                return Some(now);
            }
            let left_ns = self.clock.elapsed_ns(now, due_ticks);
            self.wait.wait(left_ns);
            if left_ns > NEAR_NS_MAX {
                return None;
            }
        }
    }

    /// Notes when the entry that was due at `due_ticks` really came.
    fn note_handed_out(&mut self, due_ticks: u64, now: u64) {
        self.lateness.record_ticks(now.saturating_sub(due_ticks));
        if let Some(schedule) = &self.schedule {
            let elapsed_ns = self.clock.elapsed_ns(schedule.start_ticks, now);
            self.delivered_peak.add(self.pace.recorded_ns(elapsed_ns));
        }
    }

    /// The end of the recordings: of the run, or of one time that they are played.
    fn over(&mut self) -> Result<Incoming<'static>, SourceError> {
        let frames = self.tally.frames;
        let goes_on = |it: &&mut Repeat| it.left != Some(0) && frames > it.frames_before;
        let Some(repeat) = self.repeat.as_mut().filter(goes_on) else {
            return Ok(Incoming::Ended);
        };
        repeat.frames_before = frames;
        let sessions = (repeat.reopen)()?;
        let connections = self.merged.connections();
        self.tally.steps_back += self.merged.steps_back();
        self.tally.repeats += 1;
        self.merged = Merged::new(sessions)?.chained(&self.chains);
        repeat.left = repeat.left.map(|left| left - 1);
        repeat.closing = (0..=u8::MAX).take(connections).collect();
        repeat.closing.reverse();
        (self.schedule, self.bounds) = (None, None);
        self.open_connections();
        Ok(Incoming::Idle)
    }

    fn status(&self, connection: u8, state: ConnectionState) -> Incoming<'static> {
        let stamp = self.stamp(connection, self.clock.ticks());
        let attempt = u32::try_from(self.tally.repeats).unwrap_or(u32::MAX).saturating_add(1);
        Incoming::Status(stamp, Status { state, attempt, code: 0 })
    }

    const fn stamp(&self, connection: u8, arrival_ticks: u64) -> Stamp {
        Stamp { connection: ConnectionId(connection), arrival_ticks }
    }
}

impl<W: FrameWait> Source for RecordedSource<W> {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        if let Some(connection) = self.repeat.as_mut().and_then(|it| it.closing.pop()) {
            return Ok(self.status(connection, ConnectionState::Disconnected));
        }
        if let Some(connection) = self.opening.pop() {
            return Ok(self.status(connection, ConnectionState::Connected));
        }
        if self.due.is_none() && !self.read_ahead()? {
            return self.over();
        }
        let arrival_ticks = match self.pace {
            Pace::Max => self.clock.ticks(),
            Pace::Real | Pace::Times(_) => {
                let due_ticks = self.due.unwrap_or_default();
                let Some(now) = self.wait_until(due_ticks) else { return Ok(Incoming::Idle) };
                if matches!(self.merged.entry(), Entry::Received { .. }) {
                    self.note_handed_out(due_ticks, now);
                }
                due_ticks
            }
        };
        if self.merged.is_continuation()
            && let Entry::Received { connection, .. } = self.merged.entry()
            && !std::mem::replace(&mut self.is_part_told, true)
        {
            return Ok(Incoming::Part(self.stamp(connection, arrival_ticks)));
        }
        self.is_part_told = false;
        self.due = None;
        Ok(match self.merged.entry() {
            Entry::Received { connection, text, .. } => {
                Incoming::Frame(Frame { stamp: self.stamp(connection, arrival_ticks), text })
            }
            Entry::Changed { connection, change, .. } => {
                let status = status_of(change, self.tally.frames)?;
                Incoming::Status(self.stamp(connection, arrival_ticks), status)
            }
            Entry::Hole(Hole { entries, .. }) => {
                Incoming::Hole(self.stamp(0, arrival_ticks), entries)
            }
            Entry::Sent { .. } => Incoming::Idle,
        })
    }

    fn recorded(&self) -> Option<RecordedTally> {
        Some(self.recorded_tally())
    }
}

impl<W> std::fmt::Debug for RecordedSource<W> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("RecordedSource")
            .field("merged", &self.merged)
            .field("pace", &self.pace)
            .field("window", &self.window)
            .finish_non_exhaustive()
    }
}

impl RecordedTally {
    /// From the earliest to the latest arrival.
    #[must_use]
    pub const fn span_ns(&self) -> u64 {
        self.last_ns - self.first_ns
    }

    const fn add(&mut self, arrival_ns: u64) {
        if self.frames == 0 || arrival_ns < self.first_ns {
            self.first_ns = arrival_ns;
        }
        if arrival_ns > self.last_ns {
            self.last_ns = arrival_ns;
        }
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
