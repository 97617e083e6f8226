//! Puts events on the ring: stamps them, counts them, and says in-band what had to be dropped.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tickring_event::{
    ConnectionId, Gap, GapReason, InstrumentId, Kind, MarketEvent, Origin, Payload,
};
use tickring_metrics::{
    Clock, Counter, Counters, HlogError, IntervalDrain, IntervalRecorder, LatencyRecorder, Stage,
};
use tickring_ring::{Drained, OnFull, PublishError, Publisher, Stall, WaitStrategy, Waiter};

use crate::source::Source;

/// Gaps kept word for word for the report; the counters count them all.
pub const GAPS_KEPT_MAX: usize = 1_024;

/// How the publisher behaves.
#[derive(Clone, Copy, Debug)]
pub struct PublishConfig {
    /// What happens when the ring is full.
    pub on_full: OnFull,
    /// How the ingest thread waits for a free slot.
    pub wait: WaitStrategy,
}

/// The ingest thread's stages for an interval log.
#[derive(Debug)]
pub struct PublishIntervals {
    kernel: IntervalRecorder,
    decode: IntervalRecorder,
    stall: IntervalRecorder,
}

impl PublishIntervals {
    /// Recorders whose intervals `drain` writes, tagged `kernel.ingest`, `decode.ingest` and
    /// `stall.ingest`.
    ///
    /// # Errors
    /// As [`IntervalDrain::recorder`].
    pub fn new<W: io::Write>(drain: &mut IntervalDrain<W>) -> Result<Self, HlogError> {
        Ok(Self {
            kernel: drain.recorder(Stage::Kernel, "ingest")?,
            decode: drain.recorder(Stage::Decode, "ingest")?,
            stall: drain.recorder(Stage::Stall, "ingest")?,
        })
    }

    fn record(&mut self, arrival: Arrival, stall_ticks: Option<u64>, now_ticks: u64) {
        if let Some(wait_ticks) = arrival.kernel_wait_ticks {
            self.kernel.record_ticks(wait_ticks);
            self.kernel.roll(now_ticks);
        }
        let decode_ticks = now_ticks.saturating_sub(arrival.ticks);
        self.decode.record_ticks(decode_ticks);
        self.decode.roll(now_ticks);
        if let Some(stall_ticks) = stall_ticks {
            self.stall.record_ticks(stall_ticks);
        }
        self.stall.roll(now_ticks);
    }
}

/// When a frame arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    /// The read that completed it returned.
    pub(crate) ticks: u64,
    /// How long it had waited in the kernel by then, where that is known.
    pub(crate) kernel_wait_ticks: Option<u64>,
}

/// One gap as it was published.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GapRecord {
    /// The connection it was found on.
    pub connection: ConnectionId,
    /// The instrument it concerns.
    pub instrument: InstrumentId,
    /// What is missing.
    pub gap: Gap,
}

/// Why publishing ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PublishEnd {
    /// The ring was full and the policy is to fail.
    RingFull,
    /// The run was asked to stop and the deadline for draining is over.
    Deadline,
}

/// Puts events on the ring, one frame's worth at a time.
#[derive(Debug)]
pub struct EventPublisher {
    ring: Publisher<MarketEvent>,
    config: PublishConfig,
    clock: Clock,
    pub(crate) counters: Counters,
    pub(crate) kernel: LatencyRecorder,
    pub(crate) decode: LatencyRecorder,
    pub(crate) stall: LatencyRecorder,
    pub(crate) gaps: Vec<GapRecord>,
    intervals: Option<PublishIntervals>,
    dropped: DroppedEvents,
}

impl EventPublisher {
    /// A publisher for `ring`. Allocates all it will ever need, save for instruments past the first
    /// thousand that lose events.
    #[must_use]
    pub fn new(ring: Publisher<MarketEvent>, config: PublishConfig, clock: Clock) -> Self {
        Self {
            ring,
            config,
            clock,
            counters: Counters::new(),
            kernel: LatencyRecorder::new(),
            decode: LatencyRecorder::new(),
            stall: LatencyRecorder::new(),
            gaps: Vec::with_capacity(GAPS_KEPT_MAX),
            intervals: None,
            dropped: DroppedEvents(Vec::with_capacity(GAPS_KEPT_MAX)),
        }
    }

    /// Records the ingest thread's stages for an interval log too.
    pub fn set_intervals(&mut self, intervals: PublishIntervals) {
        self.intervals = Some(intervals);
    }

    /// The configuration it was made with.
    #[must_use]
    pub const fn config(&self) -> &PublishConfig {
        &self.config
    }

    /// The clock of the run.
    #[must_use]
    pub const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Publishes the events of one frame together, after word of what was dropped before them.
    pub(crate) fn publish<S: Source>(
        &mut self,
        events: &mut [MarketEvent],
        arrival: Arrival,
        wait: &mut SlotWait<'_, S>,
    ) -> Result<(), PublishEnd> {
        if events.is_empty() {
            return Ok(());
        }
        if !self.dropped.0.is_empty() && !self.publish_dropped_gaps() {
            self.dropped.note(events, &mut self.counters);
            return Ok(());
        }
        // Before the first attempt: taken later, the wait for a free slot would vanish.
        let enqueue_ticks = self.stamp(events);
        self.decode.record_ticks(enqueue_ticks.saturating_sub(arrival.ticks));
        if let Some(wait_ticks) = arrival.kernel_wait_ticks {
            self.kernel.record_ticks(wait_ticks);
            arrive_earlier(events, arrival.ticks, wait_ticks);
        }
        let outcome = self.ring.publish(events, self.config.on_full, wait);
        let stall_ticks = wait.start_ticks().map(|start| self.clock.ticks().saturating_sub(start));
        if let Some(stall_ticks) = stall_ticks {
            self.stall.record_ticks(stall_ticks);
        }
        if let Some(intervals) = &mut self.intervals {
            intervals.record(arrival, stall_ticks, enqueue_ticks);
        }
        let left = match outcome {
            Ok(()) => 0,
            Err(
                PublishError::Dropped { count: left }
                | PublishError::Full { left }
                | PublishError::Interrupted { left },
            ) => left,
        };
        let (published, lost) = events.split_at(events.len() - left);
        self.count(published);
        match outcome {
            Ok(()) => Ok(()),
            Err(error) => {
                self.dropped.note(lost, &mut self.counters);
                match error {
                    PublishError::Dropped { .. } => Ok(()),
                    PublishError::Full { .. } => Err(PublishEnd::RingFull),
                    PublishError::Interrupted { .. } => Err(PublishEnd::Deadline),
                }
            }
        }
    }

    /// Ends the stream and waits until every poller has read it or `wait` gives up.
    ///
    /// What was dropped last has no later event to precede: its `Gap`s come here.
    pub(crate) fn close<S: Source>(mut self, wait: &mut SlotWait<'_, S>) -> Closed {
        while !self.dropped.0.is_empty()
            && !self.publish_dropped_gaps()
            && wait.wait().is_continue()
        {}
        let Self { ring, counters, kernel, decode, stall, gaps, .. } = self;
        Closed { drained: ring.close(wait), counters, kernel, decode, stall, gaps }
    }

    fn stamp(&self, events: &mut [MarketEvent]) -> u64 {
        let enqueue_ticks = self.clock.ticks();
        for (sequence, event) in (self.ring.next_sequence()..).zip(events) {
            event.sequence = sequence;
            event.enqueue_ticks = enqueue_ticks;
        }
        enqueue_ticks
    }

    /// One `Gap` for each instrument that lost events, if the ring has room for one more each.
    fn publish_dropped_gaps(&mut self) -> bool {
        while let Some(lost) = self.dropped.0.last() {
            let mut gap = [lost.gap_event(self.clock.ticks())];
            self.stamp(&mut gap);
            if self.ring.try_publish(&gap).is_err() {
                return false;
            }
            self.count(&gap);
            self.dropped.0.pop();
        }
        true
    }

    fn count(&mut self, events: &[MarketEvent]) {
        self.counters.add(Counter::EventsPublished, events.len() as u64);
        for event in events {
            let kind = event.kind();
            self.counters.add(counter_of(kind), 1);
            // Asked first: the whole payload of every event is not wanted.
            if kind == Kind::Gap
                && let Payload::Gap(gap) = event.payload()
            {
                self.counters.add(Counter::Gaps, 1);
                if self.gaps.len() < GAPS_KEPT_MAX {
                    let MarketEvent { connection, instrument, .. } = *event;
                    self.gaps.push(GapRecord { connection, instrument, gap });
                }
            }
        }
    }
}

/// What a closed publisher leaves behind.
#[derive(Debug)]
pub(crate) struct Closed {
    pub(crate) drained: Drained,
    pub(crate) counters: Counters,
    pub(crate) kernel: LatencyRecorder,
    pub(crate) decode: LatencyRecorder,
    pub(crate) stall: LatencyRecorder,
    pub(crate) gaps: Vec<GapRecord>,
}

/// Has the events that one read brought arrive when the kernel received them. Events of earlier reads,
/// which a venue or a takeover held back, keep the arrival they have.
fn arrive_earlier(events: &mut [MarketEvent], read_ticks: u64, wait_ticks: u64) {
    for event in events.iter_mut().filter(|event| event.arrival_ticks == read_ticks) {
        event.arrival_ticks = read_ticks.saturating_sub(wait_ticks);
    }
}

/// How long the ring may still drain once the run was asked to stop.
#[derive(Debug)]
pub(crate) struct DrainLimit {
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) clock: Clock,
    pub(crate) drain_ns_max: u64,
    pub(crate) since_ticks: Option<u64>,
}

impl DrainLimit {
    /// Whether somebody asked the run to stop.
    pub(crate) fn stop_asked(&self) -> bool {
        // Relaxed: the flag carries no data; seeing it one turn later is as good.
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether the run was asked to stop longer ago than draining may take.
    fn is_over(&mut self) -> bool {
        if !self.stop_asked() {
            return false;
        }
        let now = self.clock.ticks();
        let since = *self.since_ticks.get_or_insert(now);
        self.clock.elapsed_ns(since, now) >= self.drain_ns_max
    }
}

/// The ingest thread while it waits for a slot: keep-alives go on, deadlines are kept.
pub(crate) struct SlotWait<'a, S> {
    source: &'a mut S,
    limit: &'a mut DrainLimit,
    waiter: Waiter,
    /// When the ring was first found full.
    first_ticks: Option<u64>,
    has_waited: bool,
}

impl<'a, S> SlotWait<'a, S> {
    pub(crate) const fn new(
        source: &'a mut S,
        limit: &'a mut DrainLimit,
        strategy: WaitStrategy,
    ) -> Self {
        Self { source, limit, waiter: Waiter::new(strategy), first_ticks: None, has_waited: false }
    }

    /// When the ring was first found full, if that led to a wait.
    fn start_ticks(&self) -> Option<u64> {
        self.first_ticks.filter(|_| self.has_waited)
    }
}

impl<S: Source> Stall for SlotWait<'_, S> {
    fn ticks(&mut self) -> u64 {
        let now = self.limit.clock.ticks();
        self.first_ticks.get_or_insert(now);
        now
    }

    fn wait(&mut self) -> ControlFlow<()> {
        self.source.keep_alive();
        if self.limit.is_over() {
            return ControlFlow::Break(());
        }
        self.has_waited = true;
        self.waiter.idle();
        ControlFlow::Continue(())
    }
}

/// Events that found no room, by instrument, until a `Gap` can say so in order.
#[derive(Debug)]
struct DroppedEvents(Vec<Dropped>);

#[derive(Clone, Copy, Debug)]
struct Dropped {
    instrument: InstrumentId,
    connection: ConnectionId,
    count: u64,
    breaks_book: bool,
}

impl DroppedEvents {
    fn note(&mut self, events: &[MarketEvent], counters: &mut Counters) {
        counters.add(Counter::Dropped, events.len() as u64);
        for event in events {
            let breaks_book = match event.payload() {
                Payload::Gap(gap) => gap.breaks_book,
                Payload::Levels(_) => true,
                _ => false,
            };
            let known = self.0.iter_mut().find(|lost| {
                lost.instrument == event.instrument && lost.connection == event.connection
            });
            if let Some(lost) = known {
                lost.count += 1;
                lost.breaks_book |= breaks_book;
            } else {
                let MarketEvent { instrument, connection, .. } = *event;
                self.0.push(Dropped { instrument, connection, count: 1, breaks_book });
            }
        }
    }
}

impl Dropped {
    fn gap_event(&self, arrival_ticks: u64) -> MarketEvent {
        let Self { instrument, connection, count, breaks_book } = *self;
        let origin = Origin { arrival_ticks, instrument, connection, ..Origin::default() };
        let gap = Gap {
            reason: GapReason::Dropped,
            expected: 0,
            received: 0,
            missing: count,
            breaks_book,
        };
        MarketEvent::gap(&origin, gap)
    }
}

const fn counter_of(kind: Kind) -> Counter {
    match kind {
        Kind::Trade => Counter::EventsTrade,
        Kind::TopOfBook => Counter::EventsTopOfBook,
        Kind::Levels => Counter::EventsLevels,
        Kind::Bar => Counter::EventsBar,
        Kind::Gap => Counter::EventsGap,
        Kind::Status => Counter::EventsStatus,
    }
}
