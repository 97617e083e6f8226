//! Latency over time: HdrHistogram V2 interval logs (`.hlog`) that its standard tools read.
//!
//! The hot thread records into the histogram it holds; once per interval it swaps that for an empty
//! one and hands the full one over. The reporting thread writes it, empties it and hands it back. The
//! [`INTERVALS_PER_RECORDER`] histograms of a recorder go round for ever, so the hot thread neither
//! allocates nor waits. If no empty one is there in time, the interval grows longer and nothing is
//! lost.

mod log;
mod payload;
mod read;

use std::io;
use std::mem;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};

use thiserror::Error;

use crate::clock::Clock;
use crate::latency::LatencyRecorder;
use crate::stage::Stage;
use log::LogWriter;
pub use payload::{Bucket, PAYLOAD_BYTES_MAX, PayloadError};
pub use read::{HlogReadError, HlogReader, LINE_BYTES_MAX, LineError, LogInterval, TAG_BYTES_MAX};

/// Why an interval log could not be written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HlogError {
    /// The name cannot be part of a tag; choose another.
    #[error("`{name}` is empty or holds a comma, a space or a control character")]
    Name {
        /// The name that was refused.
        name: String,
    },
    /// The writer failed; the log is cut off at some line.
    #[error("interval log cannot be written")]
    Io(#[from] io::Error),
    /// A histogram could not be encoded; the log lacks that line.
    #[error("histogram cannot be encoded: {reason}")]
    Encode {
        /// The encoder's own words.
        reason: String,
    },
    /// The log is complete but for the last interval of this recorder, which was not dropped before
    /// the drain finished.
    #[error("recorder `{tag}` was still recording")]
    StillRecording {
        /// The recorder's tag.
        tag: String,
    },
}

/// The hot thread's end: records one stage of one owner.
///
/// When it is dropped, by a panic too, it hands over what it holds, as of its last
/// [`IntervalRecorder::roll`].
#[derive(Debug)]
pub struct IntervalRecorder {
    /// Some until dropped.
    active: Option<Box<Interval>>,
    /// An empty histogram that could not be used yet.
    spare: Option<Box<Interval>>,
    full: SyncSender<Box<Interval>>,
    recycled: Receiver<Box<Interval>>,
    interval_ticks: u64,
    roll_at_ticks: u64,
    last_ticks: u64,
}

/// What was recorded between two ticks.
#[derive(Debug)]
struct Interval {
    latency: LatencyRecorder,
    start_ticks: u64,
    end_ticks: u64,
}

impl IntervalRecorder {
    /// Records one duration into the present interval; see [`LatencyRecorder::record_ticks`].
    #[inline]
    pub fn record_ticks(&mut self, ticks: u64) {
        if let Some(active) = &mut self.active {
            active.latency.record_ticks(ticks);
        }
    }

    /// Ends the present interval if it has lasted long enough, and says whether it was handed over.
    ///
    /// Call it once a batch and on idle turns with the tick at hand. One comparison when it is too
    /// early; a swap of two pointers and a bounded, lock-free send when it is not. An interval
    /// without a record is not handed over: the next one starts now.
    #[inline]
    pub fn roll(&mut self, now_ticks: u64) -> bool {
        self.last_ticks = now_ticks;
        now_ticks >= self.roll_at_ticks && self.hand_over(now_ticks)
    }

    #[cold]
    fn hand_over(&mut self, now_ticks: u64) -> bool {
        let Some(active) = &mut self.active else { return false };
        if active.latency.is_empty() {
            active.start_ticks = now_ticks;
            self.roll_at_ticks = now_ticks.saturating_add(self.interval_ticks);
            return false;
        }
        let Some(mut next) = self.spare.take().or_else(|| self.recycled.try_recv().ok()) else {
            return false;
        };
        next.start_ticks = now_ticks;
        active.end_ticks = now_ticks;
        let ended = mem::replace(active, next);
        // The queue holds every histogram there is, so it is never full; but the drain may be gone.
        if let Err(refused) = self.full.try_send(ended) {
            let (TrySendError::Full(ended) | TrySendError::Disconnected(ended)) = refused;
            self.spare = Some(mem::replace(active, ended));
            return false;
        }
        self.roll_at_ticks = now_ticks.saturating_add(self.interval_ticks);
        true
    }
}

impl Drop for IntervalRecorder {
    fn drop(&mut self) {
        let Some(mut active) = self.active.take() else { return };
        if !active.latency.is_empty() {
            active.end_ticks = self.last_ticks.max(active.start_ticks);
            // Refused only when the drain is gone, and then nobody is left to read it.
            drop(self.full.try_send(active));
        }
    }
}

/// The reporting thread's end: writes what the recorders hand over.
///
/// An entry's tag is `<stage>.<name>`, its values are nanoseconds, its maximum is in milliseconds
/// (the format's custom) and its start is in seconds since the log's base time.
#[derive(Debug)]
pub struct IntervalDrain<W: io::Write> {
    log: LogWriter<W>,
    clock: Clock,
    interval_ticks: u64,
    sources: Vec<Source>,
    /// Handed over and not yet written: index of the source and the interval. Empty between calls.
    pending: Vec<(usize, Box<Interval>)>,
}

#[derive(Debug)]
struct Source {
    tag: String,
    full: Receiver<Box<Interval>>,
    recycled: SyncSender<Box<Interval>>,
}

impl<W: io::Write> IntervalDrain<W> {
    /// Starts a log of intervals of at least `interval_ns` in `writer`, which should be buffered.
    ///
    /// The log's base time is the clock's wall time at its start; the recorders' ticks must come from
    /// the same clock.
    ///
    /// # Errors
    /// [`HlogError::Io`] when the header cannot be written.
    pub fn new(writer: W, clock: Clock, interval_ns: u64) -> Result<Self, HlogError> {
        let log = LogWriter::new(writer, &clock)?;
        let interval_ticks = clock.ns_to_ticks(interval_ns).max(1);
        Ok(Self { log, clock, interval_ticks, sources: Vec::new(), pending: Vec::new() })
    }

    /// A recorder of `stage` for `name`, usually a strategy. Its first interval starts now.
    ///
    /// Allocates [`INTERVALS_PER_RECORDER`] histograms: call it before the hot threads start.
    ///
    /// # Errors
    /// [`HlogError::Name`] when `name` cannot be part of a tag.
    pub fn recorder(&mut self, stage: Stage, name: &str) -> Result<IntervalRecorder, HlogError> {
        if name.is_empty() || name.contains([',', ' ']) || name.contains(char::is_control) {
            return Err(HlogError::Name { name: name.to_owned() });
        }
        let now_ticks = self.clock.ticks();
        let (full_sender, full) = sync_channel(INTERVALS_PER_RECORDER);
        let (recycled, recycled_receiver) = sync_channel(INTERVALS_PER_RECORDER);
        for _ in 1..INTERVALS_PER_RECORDER {
            let interval = Box::new(Interval::new(now_ticks));
            recycled.try_send(interval).expect("the queue holds every histogram there is");
        }
        self.sources.push(Source { tag: format!("{}.{name}", stage.name()), full, recycled });
        self.pending.reserve(INTERVALS_PER_RECORDER * self.sources.len());
        Ok(IntervalRecorder {
            active: Some(Box::new(Interval::new(now_ticks))),
            spare: None,
            full: full_sender,
            recycled: recycled_receiver,
            interval_ticks: self.interval_ticks,
            roll_at_ticks: now_ticks.saturating_add(self.interval_ticks),
            last_ticks: now_ticks,
        })
    }

    /// Writes what has been handed over, in order of start, and returns how many entries that was.
    ///
    /// Call it a few times per interval. Compresses each histogram: not for a hot thread.
    ///
    /// # Errors
    /// The first failure of the log. The intervals at hand are then lost to the log, but not to the
    /// [`LatencyRecorder`]s beside it, and their histograms go back into use.
    pub fn collect(&mut self) -> Result<usize, HlogError> {
        self.gather();
        self.write_pending()
    }

    /// Writes the rest, flushes and returns the writer. Every recorder should have been dropped.
    ///
    /// # Errors
    /// The first failure of the log, or [`HlogError::StillRecording`] when a recorder is alive: all it
    /// handed over has been written and flushed, what it holds has not.
    pub fn finish(mut self) -> Result<W, HlogError> {
        let alive = self.gather();
        self.write_pending()?;
        let writer = self.log.finish()?;
        match alive {
            Some(index) => Err(HlogError::StillRecording { tag: self.sources[index].tag.clone() }),
            None => Ok(writer),
        }
    }

    /// Receives all that waits, and returns a source whose recorder is alive, if there is one.
    ///
    /// Ends: a recorder has at most [`INTERVALS_PER_RECORDER`] histograms to send until some of them
    /// are handed back.
    fn gather(&mut self) -> Option<usize> {
        let mut alive = None;
        for (index, source) in self.sources.iter().enumerate() {
            let ended = loop {
                match source.full.try_recv() {
                    Ok(interval) => self.pending.push((index, interval)),
                    Err(reason) => break reason,
                }
            };
            // Disconnected is reported only once the queue is empty, so nothing is left behind.
            if ended == TryRecvError::Empty {
                alive = alive.or(Some(index));
            }
        }
        alive
    }

    fn write_pending(&mut self) -> Result<usize, HlogError> {
        let Self { log, clock, sources, pending, .. } = self;
        pending.sort_by_key(|(index, interval)| (interval.start_ticks, *index));
        let count = pending.len();
        let mut result = Ok(count);
        for (index, mut interval) in pending.drain(..) {
            let source = &sources[index];
            if result.is_ok() {
                result = log.write(&source.tag, &interval, clock).map(|()| count);
            }
            interval.latency.reset();
            // Refused only when the recorder is gone: the histogram is freed here.
            drop(source.recycled.try_send(interval));
        }
        result
    }
}

impl Interval {
    fn new(start_ticks: u64) -> Self {
        Self { latency: LatencyRecorder::new(), start_ticks, end_ticks: start_ticks }
    }
}

/// How many histograms go round per recorder: one in use, one on its way, one waiting.
pub const INTERVALS_PER_RECORDER: usize = 3;

#[cfg(test)]
mod tests;
