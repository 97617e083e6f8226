//! The ingest loop: source to venue to ring. A plain loop on a thread that the caller made.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tickring_event::{
    ConnectionId, ConnectionState, Gap, GapReason, InstrumentId, MarketEvent, Status,
};
use tickring_metrics::{Counter, Counters, LatencyRecorder, SharedCounters};
use tickring_ring::Drained;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::lanes::Lanes;
use crate::notice::{Notice, NoticeSender};
use crate::publish::{
    Arrival, Closed, DrainLimit, EventPublisher, GapRecord, PublishEnd, SlotWait,
};
use crate::recorded::RecordedTally;
use crate::remark::{Remark, Remarks};
use crate::source::{ConnectionTally, Incoming, KernelTimeTally, Source, SourceError};
use crate::venue::{Checks, Command, DecodeError, Inbound, Refusal, Venue};

/// Frames between two writes of the shared counters while the source is never idle.
const FRAMES_PER_SHARE: u32 = 256;

/// All that the ingest loop works with.
pub struct Ingest<S> {
    /// Where frames come from.
    pub source: S,
    /// One venue for each connection of the source, by its number.
    pub venues: Vec<Box<dyn Venue>>,
    /// Connections that relieve each other: each pair is one stream.
    pub pairs: Vec<[ConnectionId; 2]>,
    /// Where events go.
    pub publisher: EventPublisher,
    /// Set by anyone who wants the run to end.
    pub stop: Arc<AtomicBool>,
    /// How long the ring may drain after that, in ns.
    pub drain_ns_max: u64,
    /// Counters for a monitor to read.
    pub shared: Arc<SharedCounters>,
    /// Words for people.
    pub notices: NoticeSender,
}

/// How an ingest loop ended.
#[derive(Debug)]
pub enum End {
    /// The source had no more frames.
    Ended,
    /// The run was asked to stop.
    Stopped,
    /// The ring was full and the policy is to fail.
    RingFull,
    /// The source could not go on.
    Failed(SourceError),
}

/// What an ingest loop did.
#[derive(Debug)]
pub struct IngestReport {
    /// How it ended.
    pub end: End,
    /// Everything counted on this thread.
    pub counters: Counters,
    /// Decoded messages by the venue's own kind.
    pub messages: Vec<(&'static str, u64)>,
    /// Frames that could not be decoded, by reason, with the first one's error.
    pub decode_errors: Vec<DecodeFailure>,
    /// The start of the first frame of each such reason; frames that were skipped, by reason; and what
    /// frames held that their venue does not document.
    pub remarks: Vec<Remark>,
    /// How venues' checksums compared with our books, by instrument.
    pub checks: Vec<(InstrumentId, Checks)>,
    /// From the kernel's receive time of a frame to the read that brought it, where that is known.
    pub kernel: LatencyRecorder,
    /// From that read to the first attempt to publish the frame.
    pub decode: LatencyRecorder,
    /// Waits for a free slot.
    pub stall: LatencyRecorder,
    /// The first gaps, word for word.
    pub gaps: Vec<GapRecord>,
    /// How the connections fared.
    pub connections: ConnectionTally,
    /// How the kernel's receive times were taken, where they were asked for.
    pub kernel_time: Option<KernelTimeTally>,
    /// What was read, where frames came from recordings.
    pub recorded: Option<RecordedTally>,
    /// What the pollers had not read at the deadline.
    pub drained: Drained,
}

/// Frames that could not be decoded for one reason.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct DecodeFailure {
    /// [`DecodeError::reason`].
    pub reason: &'static str,
    /// How many frames.
    pub count: u64,
    /// The first error of this reason.
    pub first: DecodeError,
}

impl DecodeFailure {
    /// Adds a frame to those of its reason; true when it is the first.
    pub(crate) fn add(failures: &mut Vec<Self>, error: DecodeError) -> bool {
        let reason = error.reason();
        if let Some(known) = failures.iter_mut().find(|it| it.reason == reason) {
            known.count += 1;
            return false;
        }
        failures.push(Self { reason, count: 1, first: error });
        true
    }
}

impl<S: Source> Ingest<S> {
    /// Runs until the source ends, fails, or the stop flag is set; then ends the stream and waits
    /// for the pollers. Returns when all have read everything or the deadline is over.
    ///
    /// Allocates nothing per frame once its buffers have grown; connection changes may allocate.
    ///
    /// # Panics
    /// When a source names a connection for which there is no venue.
    #[must_use]
    pub fn run(self) -> IngestReport {
        let mut turns = Turns::new(self);
        let end = match turns.turn_until_end() {
            Err(end) => end,
            Ok(never) => match never {},
        };
        turns.finish(end)
    }
}

impl<S> fmt::Debug for Ingest<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Ingest").field("venues", &self.venues.len()).finish_non_exhaustive()
    }
}

/// The loop's state from frame to frame.
struct Turns<S> {
    source: S,
    venues: Vec<Box<dyn Venue>>,
    lanes: Lanes,
    publisher: EventPublisher,
    limit: DrainLimit,
    shared: Arc<SharedCounters>,
    notices: NoticeSender,
    batch: EventBatch,
    counters: Counters,
    /// Messages of each venue by the index of its kinds.
    messages: Vec<Vec<u64>>,
    decode_errors: Vec<DecodeFailure>,
    remarks: Remarks,
    frames_unshared: u32,
}

impl<S: Source> Turns<S> {
    fn new(ingest: Ingest<S>) -> Self {
        let Ingest { source, venues, pairs, publisher, stop, drain_ns_max, shared, notices } =
            ingest;
        let clock = publisher.clock().clone();
        Self {
            source,
            messages: venues.iter().map(|venue| vec![0; venue.message_kinds().len()]).collect(),
            venues,
            lanes: Lanes::new(&pairs),
            publisher,
            limit: DrainLimit { stop, clock, drain_ns_max, since_ticks: None },
            shared,
            notices,
            batch: EventBatch::new(),
            counters: Counters::new(),
            decode_errors: Vec::new(),
            remarks: Remarks::default(),
            frames_unshared: 0,
        }
    }

    /// One duty cycle after the other; the reason to stop comes as the error.
    fn turn_until_end(&mut self) -> Result<Infallible, End> {
        loop {
            if self.limit.stop_asked() {
                return Err(End::Stopped);
            }
            // Matched where it is: a large value that is mapped is copied each time.
            match self.source.next() {
                Ok(Incoming::Frame(frame)) => {
                    let stamp = frame.stamp;
                    self.counters.add(Counter::Frames, 1);
                    self.counters.add(Counter::Bytes, frame.text.len() as u64);
                    let venue = &mut self.venues[usize::from(stamp.connection.0)];
                    let decoded = venue.decode(&frame, &mut self.batch);
                    note_remarks(&mut self.remarks, &frame, &decoded, &mut self.batch);
                    match &decoded {
                        Ok(inbound) => self.answer(stamp, inbound)?,
                        Err(error) => self.note_error(*error),
                    }
                    self.follow_up(stamp);
                    self.pass(stamp);
                    self.publish(stamp)?;
                }
                Ok(Incoming::Status(stamp, status)) => self.change(stamp, status)?,
                Ok(Incoming::Part(stamp)) => {
                    self.venues[usize::from(stamp.connection.0)].next_part();
                }
                Ok(Incoming::Hole(stamp, missing)) => {
                    let hole = hole_event(stamp, missing);
                    self.lanes.hole(&hole);
                    self.batch.push(hole);
                    self.publish(stamp)?;
                }
                Ok(Incoming::Idle) => self.share(),
                Ok(Incoming::Ended) => return Err(End::Ended),
                Err(error) => return Err(End::Failed(error)),
            }
            self.frames_unshared += 1;
            if self.frames_unshared >= FRAMES_PER_SHARE {
                self.share();
            }
        }
    }

    /// Counts what a frame turned out to be, and tells the source.
    fn answer(&mut self, stamp: Stamp, inbound: &Inbound) -> Result<(), End> {
        let connection = usize::from(stamp.connection.0);
        match inbound {
            Inbound::Data(kind) => self.messages[connection][*kind] += 1,
            Inbound::Pong => self.counters.add(Counter::Pongs, 1),
            Inbound::Ignored(_) => self.counters.add(Counter::Ignored, 1),
            Inbound::Ack { complete } => {
                self.counters.add(Counter::Acks, 1);
                self.note_complete(stamp, *complete);
            }
            Inbound::Refused(refusal) => {
                self.counters.add(Counter::Refusals, 1);
                let Refusal { code, message, action, complete } = (**refusal).clone();
                self.notices.send(Notice::Refused { code, message, action });
                self.note_complete(stamp, complete);
            }
        }
        self.source.answer(stamp.connection, inbound).map_err(End::Failed)
    }

    /// Says that all is answered, where it is.
    fn note_complete(&mut self, stamp: Stamp, complete: bool) {
        if complete {
            self.batch.push(status_event(stamp, SUBSCRIBED));
        }
    }

    /// A connection changed its state: the stream says so, and the venue starts over.
    fn change(&mut self, stamp: Stamp, status: Status) -> Result<(), End> {
        if let Some(relieved) = self.lanes.foresee(stamp, status, &mut self.batch) {
            self.source.command(relieved, Command::Leave);
            self.publish(stamp)?;
        }
        let venue = &mut *self.venues[usize::from(stamp.connection.0)];
        change_state(venue, (stamp, status), &mut self.batch);
        self.follow_up(stamp);
        self.pass(stamp);
        self.publish(stamp)
    }

    /// Leaves in the batch what is published of it, where its connection is one of a pair.
    #[inline]
    fn pass(&mut self, stamp: Stamp) {
        if let Some(relieved) = self.lanes.pass(stamp, &mut self.batch) {
            self.source.command(relieved, Command::Leave);
        }
    }

    /// Has done what the venue wants done, and vets what was kept of the frame.
    fn follow_up(&mut self, stamp: Stamp) {
        for instrument in self.batch.take_snapshots() {
            self.source.snapshot_came(stamp.connection, instrument);
        }
        for command in self.batch.take_commands() {
            self.source.command(stamp.connection, command);
        }
        self.remarks.vet(|text| self.source.hide_secrets(text));
    }

    fn note_error(&mut self, error: DecodeError) {
        self.counters.add(Counter::DecodeErrors, 1);
        if DecodeFailure::add(&mut self.decode_errors, error) {
            self.notices.send(Notice::Undecoded { error: error.to_string() });
        }
    }

    fn publish(&mut self, stamp: Stamp) -> Result<(), End> {
        let kernel_wait_ticks = self.source.kernel_wait_ticks(stamp);
        let arrival = Arrival { ticks: stamp.arrival_ticks, kernel_wait_ticks };
        let wait_strategy = self.publisher.config().wait;
        let mut wait = SlotWait::new(&mut self.source, &mut self.limit, wait_strategy);
        let gaps_before = self.publisher.counters.get(Counter::Gaps);
        let published = self.publisher.publish(self.batch.events_mut(), arrival, &mut wait);
        self.batch.clear();
        if self.publisher.counters.get(Counter::Gaps) != gaps_before {
            self.source.note_gap();
        }
        published.map_err(|end| match end {
            PublishEnd::RingFull => End::RingFull,
            PublishEnd::Deadline => End::Stopped,
        })
    }

    /// Lets a monitor see the counters.
    fn share(&mut self) {
        self.frames_unshared = 0;
        let mut counters = self.counters.clone();
        counters.merge(self.batch.counters());
        counters.merge(&self.publisher.counters);
        self.shared.store_from(&counters);
    }

    /// Publishes what the venues held back, ends the stream, waits for the pollers.
    fn finish(mut self, mut end: End) -> IngestReport {
        finish_venues(&mut self.venues, &mut self.lanes, &mut self.batch);
        let arrival_ticks = self.batch.events().last().map_or(0, |event| event.arrival_ticks);
        let stamp = Stamp { arrival_ticks, ..Stamp::default() };
        if !matches!(end, End::RingFull)
            && let Err(later) = self.publish(stamp)
        {
            end = later;
        }
        self.share();
        let Self { mut source, mut venues, publisher, mut limit, .. } = self;
        let wait = publisher.config().wait;
        let closed = publisher.close(&mut SlotWait::new(&mut source, &mut limit, wait));
        let Closed { drained, counters, kernel, decode, stall, gaps } = closed;
        let mut all = self.counters;
        all.merge(self.batch.counters());
        all.merge(&counters);
        let tallies = venues.iter_mut().filter_map(|it| it.json().map(|json| json.tally()));
        all.add(Counter::ScanDeclined, tallies.map(|it| it.general).sum());
        self.shared.store_from(&all);
        note_silent(&venues, &source, &mut self.remarks);
        IngestReport {
            end,
            counters: all,
            messages: messages_by_kind(&venues, &self.messages),
            decode_errors: self.decode_errors,
            remarks: self.remarks.as_slice().to_vec(),
            checks: venues.iter().flat_map(|venue| venue.checks()).collect(),
            kernel,
            decode,
            stall,
            gaps,
            connections: source.tally(),
            kernel_time: source.kernel_time(),
            recorded: source.recorded(),
            drained,
        }
    }
}

/// Keeps what a frame held that is not documented, why it was skipped, or that it could not be read.
#[inline]
pub(crate) fn note_remarks(
    remarks: &mut Remarks,
    frame: &Frame<'_>,
    decoded: &Result<Inbound, DecodeError>,
    batch: &mut EventBatch,
) {
    match decoded {
        Ok(Inbound::Ignored(reason)) => remarks.add(reason, frame.text),
        Ok(_) => {}
        Err(error) => remarks.add(error.reason(), frame.text),
    }
    for reason in batch.take_remarks() {
        remarks.add(reason, frame.text);
    }
}

/// Keeps what was subscribed to in vain, on every connection that did.
fn note_silent(venues: &[Box<dyn Venue>], source: &impl Source, remarks: &mut Remarks) {
    let mut streams = BTreeMap::new();
    for told in venues.iter().flat_map(|venue| venue.acknowledged()) {
        *streams.entry(told.stream).or_insert(false) |= told.has_come;
    }
    for stream in streams.iter().filter(|(_, has_come)| !**has_come).map(|(stream, _)| stream) {
        remarks.add("silent_stream", stream.as_bytes());
        remarks.vet(|text| source.hide_secrets(text));
    }
}

/// Every command since the handshake was answered.
pub(crate) const SUBSCRIBED: Status =
    Status { state: ConnectionState::Subscribed, attempt: 0, code: 0 };

/// What a connection's new state does: the venue starts over, and the stream says so.
pub(crate) fn change_state(
    venue: &mut dyn Venue,
    (stamp, status): (Stamp, Status),
    batch: &mut EventBatch,
) {
    match status.state {
        ConnectionState::Connected => venue.open(batch),
        ConnectionState::Disconnected => venue.disconnected(stamp, batch),
        ConnectionState::Connecting
        | ConnectionState::Subscribed
        | ConnectionState::Stale
        | ConnectionState::Settled => {}
    }
    batch.push(status_event(stamp, status));
}

/// What the venues held back to the end; of a pair, what the leading connection did.
pub(crate) fn finish_venues(
    venues: &mut [Box<dyn Venue>],
    lanes: &mut Lanes,
    batch: &mut EventBatch,
) {
    let mut one = EventBatch::new();
    for (connection, venue) in (0_u8..).map(ConnectionId).zip(venues) {
        venue.finish(&mut one);
        lanes.pass(Stamp { connection, ..Stamp::default() }, &mut one);
        one.events().iter().for_each(|event| batch.push(*event));
        batch.merge_counters(&one);
        one = EventBatch::new();
    }
}

pub(crate) fn status_event(stamp: Stamp, status: Status) -> MarketEvent {
    MarketEvent::status(&stamp.origin(InstrumentId::NONE), status)
}

/// What strategies are told of frames that a recording misses: of every connection and instrument.
pub(crate) fn hole_event(stamp: Stamp, missing: u64) -> MarketEvent {
    let reason = GapReason::Unrecorded;
    let gap = Gap { reason, expected: 0, received: 0, missing, breaks_book: true };
    MarketEvent::gap(&stamp.origin(InstrumentId::NONE), gap)
}

/// Messages of all connections, by kind, in the order in which the venues list them.
fn messages_by_kind(venues: &[Box<dyn Venue>], messages: &[Vec<u64>]) -> Vec<(&'static str, u64)> {
    let mut sums: Vec<(&'static str, u64)> = Vec::new();
    for (venue, counts) in venues.iter().zip(messages) {
        for (&kind, &count) in venue.message_kinds().iter().zip(counts) {
            match sums.iter_mut().find(|(name, _)| *name == kind) {
                Some((_, sum)) => *sum += count,
                None => sums.push((kind, count)),
            }
        }
    }
    sums
}
