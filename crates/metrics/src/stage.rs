//! The stages an event passes, and the recorders of one strategy worker.

use serde::Serialize;

use crate::clock::Clock;
use crate::hlog::{HlogError, IntervalDrain, IntervalRecorder};
use crate::latency::{LatencyRecorder, LatencySummary};

/// A timed part of an event's way from the socket to the end of a strategy's handler.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Stage {
    /// The kernel's receive time to the read that brought the frame, where the kernel is asked.
    Kernel,
    /// That read to the first attempt to publish the frame's event.
    Decode,
    /// First attempt to publish to the moment the strategy is given the event.
    Queue,
    /// The strategy's own work on the event.
    Handle,
    /// Arrival of the frame to the end of the strategy's work.
    Total,
    /// The publisher's wait for a free slot.
    Stall,
}

impl Stage {
    /// Every stage, in the order of an event's life.
    pub const ALL: [Self; 6] =
        [Self::Kernel, Self::Decode, Self::Queue, Self::Handle, Self::Total, Self::Stall];

    /// The stage's key in the report and in the interval log's tags.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Decode => "decode",
            Self::Queue => "queue",
            Self::Handle => "handle",
            Self::Total => "total",
            Self::Stall => "stall",
        }
    }

    /// What the stage measures, in one line.
    #[must_use]
    pub const fn doc(self) -> &'static str {
        match self {
            Self::Kernel => "from the kernel's receive time to the read that brought the frame",
            Self::Decode => "from that read to the first attempt to publish the event",
            Self::Queue => "from the first attempt to publish to the start of the handler",
            Self::Handle => "from the start to the end of the handler",
            Self::Total => "from the frame's arrival to the end of the handler",
            Self::Stall => "the publisher's wait for a free slot",
        }
    }
}

/// The four times of one event, in ticks of one clock.
#[derive(Clone, Copy, Debug)]
pub struct EventTimes {
    /// The read that completed the frame returned; the kernel's receive time, where it was asked.
    pub arrival: u64,
    /// Before the first attempt to publish.
    pub enqueue: u64,
    /// The poller hands the event to the strategy.
    pub process: u64,
    /// The strategy is done with it.
    pub done: u64,
}

/// Recorders of one strategy worker: queue, handle and total of each event it handled.
#[derive(Debug, Default)]
pub struct StageRecorders {
    queue: LatencyRecorder,
    handle: LatencyRecorder,
    total: LatencyRecorder,
    intervals: Option<StageIntervals>,
}

/// Interval recorders of the same three stages, for a run that writes an interval log.
#[derive(Debug)]
pub struct StageIntervals {
    queue: IntervalRecorder,
    handle: IntervalRecorder,
    total: IntervalRecorder,
}

/// Figures of one strategy worker, each in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StageLatencies {
    /// [`Stage::Queue`].
    pub queue: LatencySummary,
    /// [`Stage::Handle`].
    pub handle: LatencySummary,
    /// [`Stage::Total`].
    pub total: LatencySummary,
}

impl StageRecorders {
    /// Empty recorders without an interval log. Allocates about 0.9 MiB.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Empty recorders that also fill `intervals`, at the cost of a second record per stage.
    #[must_use]
    pub fn with_intervals(intervals: StageIntervals) -> Self {
        Self { intervals: Some(intervals), ..Self::default() }
    }

    /// Records one event. Times out of order (counters of two cores that disagree) count as 0.
    #[inline]
    pub fn record(&mut self, times: EventTimes) {
        let EventTimes { arrival, enqueue, process, done } = times;
        let queue = process.saturating_sub(enqueue);
        let handle = done.saturating_sub(process);
        let total = done.saturating_sub(arrival);
        self.queue.record_ticks(queue);
        self.handle.record_ticks(handle);
        self.total.record_ticks(total);
        if let Some(intervals) = &mut self.intervals {
            intervals.queue.record_ticks(queue);
            intervals.handle.record_ticks(handle);
            intervals.total.record_ticks(total);
        }
    }

    /// Ends the interval if it is over; see [`IntervalRecorder::roll`]. Call once a batch and on
    /// idle turns. Three comparisons at most when there is nothing to do.
    #[inline]
    pub fn roll(&mut self, now_ticks: u64) {
        if let Some(intervals) = &mut self.intervals {
            intervals.queue.roll(now_ticks);
            intervals.handle.roll(now_ticks);
            intervals.total.roll(now_ticks);
        }
    }

    /// Adds all that `other` holds, such as a second worker of the same strategy. Intervals stay
    /// where they are: each recorder hands its own to the drain.
    pub fn merge(&mut self, other: &Self) {
        self.queue.merge(&other.queue);
        self.handle.merge(&other.handle);
        self.total.merge(&other.total);
    }

    /// The figures in nanoseconds of `clock`, which must be the clock the ticks came from.
    #[must_use]
    pub fn summary(&self, clock: &Clock) -> StageLatencies {
        StageLatencies {
            queue: self.queue.summary(clock),
            handle: self.handle.summary(clock),
            total: self.total.summary(clock),
        }
    }
}

impl StageIntervals {
    /// Registers the three stages of `name` with `drain`. Allocates about 2.6 MiB.
    ///
    /// # Errors
    /// [`HlogError::Name`] when `name` cannot be part of a tag.
    pub fn new<W: std::io::Write>(
        drain: &mut IntervalDrain<W>,
        name: &str,
    ) -> Result<Self, HlogError> {
        Ok(Self {
            queue: drain.recorder(Stage::Queue, name)?,
            handle: drain.recorder(Stage::Handle, name)?,
            total: drain.recorder(Stage::Total, name)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stage_names_are_unique_and_documented() {
        for (index, stage) in Stage::ALL.into_iter().enumerate() {
            assert!(!stage.doc().is_empty());
            assert!(Stage::ALL[..index].iter().all(|other| other.name() != stage.name()));
        }
    }

    #[test]
    fn queue_handle_and_total_come_from_the_four_times() {
        let (clock, _) = Clock::mock();
        let mut recorders = StageRecorders::new();
        recorders.record(EventTimes { arrival: 10, enqueue: 30, process: 70, done: 150 });
        let figures = recorders.summary(&clock);
        assert_eq!((figures.queue.max, figures.handle.max, figures.total.max), (40, 80, 140));
    }

    #[test]
    fn times_out_of_order_count_as_zero() {
        let (clock, _) = Clock::mock();
        let mut recorders = StageRecorders::new();
        recorders.record(EventTimes { arrival: 9, enqueue: 9, process: 8, done: 7 });
        let figures = recorders.summary(&clock);
        assert_eq!((figures.queue.count, figures.queue.max), (1, 0));
        assert_eq!((figures.handle.max, figures.total.max), (0, 0));
    }

    #[test]
    fn two_workers_merge_stage_by_stage() {
        let (clock, _) = Clock::mock();
        let mut first = StageRecorders::new();
        let mut second = StageRecorders::new();
        first.record(EventTimes { arrival: 0, enqueue: 0, process: 5, done: 6 });
        second.record(EventTimes { arrival: 0, enqueue: 0, process: 7, done: 9 });
        first.merge(&second);
        let figures = first.summary(&clock);
        assert_eq!((figures.queue.count, figures.queue.min, figures.queue.max), (2, 5, 7));
        assert_eq!((figures.handle.min, figures.handle.max), (1, 2));
    }

    #[test]
    fn intervals_see_what_the_recorders_see() {
        let (clock, time) = Clock::mock();
        let mut drain = IntervalDrain::new(Vec::new(), clock.clone(), 1_000).unwrap();
        let intervals = StageIntervals::new(&mut drain, "spread").unwrap();
        let mut recorders = StageRecorders::with_intervals(intervals);
        recorders.record(EventTimes { arrival: 0, enqueue: 1, process: 2, done: 3 });
        time.advance_ns(1_000);
        recorders.roll(clock.ticks());
        assert_eq!(drain.collect().unwrap(), 3);
        assert_eq!(recorders.summary(&clock).total.count, 1);
    }
}
