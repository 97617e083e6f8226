//! Recorded sessions decoded in place, without a ring: for looking at them and turning them into
//! something else.

use tickring_capture::{CaptureError, Entry, Hole, Merged, Session};
use tickring_event::{ConnectionId, ConnectionState, MarketEvent, Status};
use tickring_metrics::{Counter, Counters};

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::lanes::Lanes;
use crate::remark::{Remark, Remarks};
use crate::run::{
    DecodeFailure, SUBSCRIBED, change_state, finish_venues, hole_event, note_remarks, status_event,
};
use crate::tap::status_of;
use crate::venue::{Inbound, Venue};

/// Recorded sessions decoded entry by entry, as the ingest loop would decode them.
///
/// Events are numbered through from 0, as on a ring. Their arrival time is the entry's.
pub struct Walk {
    merged: Merged,
    venues: Vec<Box<dyn Venue>>,
    lanes: Lanes,
    batch: EventBatch,
    /// Connections that still have to be said to be open, the next one last.
    opening: Vec<u8>,
    sequence: u64,
    tally: WalkTally,
    remarks: Remarks,
    is_over: bool,
}

/// One entry and what became of it.
#[derive(Debug)]
pub struct Walked<'a> {
    /// The entry; `None` for events that belong to none: a connection that is open from the start,
    /// or what a venue held back to the end.
    pub entry: Option<Entry<'a>>,
    /// What a frame turned out to be, by the venue's word for it: a message kind, `pong`, `ack`,
    /// `refused`, `ignored`, or a decode error's reason. Empty for what is no frame.
    pub kind: &'static str,
    /// Its events.
    pub events: &'a [MarketEvent],
}

/// What a walk counted.
#[derive(Clone, Debug, Default)]
pub struct WalkTally {
    /// As the ingest loop counts: frames, bytes, decode errors, what other frames turned out to be,
    /// and what decoders count, such as repeats.
    pub counters: Counters,
    /// Frames that could not be decoded, by reason, with the first one's error.
    pub decode_errors: Vec<DecodeFailure>,
    /// As of [`crate::IngestReport`].
    pub remarks: Vec<Remark>,
}

impl Walk {
    /// A walk over `sessions` with one venue for each connection, numbered through.
    ///
    /// # Errors
    /// There are more connections than can be numbered, or not as many venues.
    pub fn new(
        sessions: Vec<Box<dyn Session>>,
        venues: Vec<Box<dyn Venue>>,
    ) -> Result<Self, CaptureError> {
        let merged = Merged::new(sessions)?;
        if merged.connections() != venues.len() {
            return Err(CaptureError::TooManyConnections);
        }
        let mut opening: Vec<u8> = merged.untold_connections().collect();
        opening.reverse();
        Ok(Self {
            merged,
            venues,
            lanes: Lanes::default(),
            batch: EventBatch::new(),
            opening,
            sequence: 0,
            tally: WalkTally::default(),
            remarks: Remarks::default(),
            is_over: false,
        })
    }

    /// With sessions that may continue each other; see [`Merged::chained`].
    #[must_use]
    pub fn chained(mut self, chains: &[Option<usize>]) -> Self {
        self.merged = self.merged.chained(chains);
        self
    }

    /// With these connections relieving each other, as they did when they were recorded.
    #[must_use]
    pub fn with_pairs(mut self, pairs: &[[ConnectionId; 2]]) -> Self {
        self.lanes = Lanes::new(pairs);
        self
    }

    /// The next entry with its events; `None` at the end.
    ///
    /// # Errors
    /// A session cannot be read on.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its item")]
    pub fn next(&mut self) -> Result<Option<Walked<'_>>, CaptureError> {
        self.batch.clear();
        if let Some(connection) = self.opening.pop() {
            let stamp = stamp(connection, 0);
            let state = ConnectionState::Connected;
            self.change(stamp, Status { state, attempt: 1, code: 0 });
            return Ok(Some(self.walked(false, "")));
        }
        if !self.merged.advance()? {
            if self.is_over {
                return Ok(None);
            }
            self.is_over = true;
            finish_venues(&mut self.venues, &mut self.lanes, &mut self.batch);
            return Ok(Some(self.walked(false, "")));
        }
        if self.merged.is_continuation()
            && let Entry::Received { connection, .. } = self.merged.entry()
        {
            self.venues[usize::from(connection)].next_part();
        }
        let kind = self.take()?;
        if let Entry::Received { connection, arrival_ns, .. } = self.merged.entry() {
            self.lanes.pass(stamp(connection, arrival_ns), &mut self.batch);
        }
        Ok(Some(self.walked(true, kind)))
    }

    /// What was counted so far.
    #[must_use]
    pub fn tally(&self) -> WalkTally {
        let mut tally = self.tally.clone();
        tally.counters.merge(self.batch.counters());
        tally.remarks = self.remarks.as_slice().to_vec();
        tally
    }

    /// The sessions, for how they ended.
    #[must_use]
    pub const fn merged(&self) -> &Merged {
        &self.merged
    }

    /// Decodes the entry that was read.
    fn take(&mut self) -> Result<&'static str, CaptureError> {
        match self.merged.entry() {
            Entry::Received { connection, arrival_ns, text } => {
                let stamp = stamp(connection, arrival_ns);
                self.tally.counters.add(Counter::Frames, 1);
                self.tally.counters.add(Counter::Bytes, text.len() as u64);
                let venue = &mut self.venues[usize::from(connection)];
                let frame = Frame { stamp, text };
                let decoded = venue.decode(&frame, &mut self.batch);
                note_remarks(&mut self.remarks, &frame, &decoded, &mut self.batch);
                // Nobody has secrets here, and there is nobody to send to.
                self.remarks.vet(|_| ());
                self.batch.take_commands().for_each(drop);
                self.batch.take_snapshots().for_each(drop);
                match decoded {
                    Ok(Inbound::Data(kind)) => return Ok(venue.message_kinds()[kind]),
                    Ok(Inbound::Pong) => {
                        self.tally.counters.add(Counter::Pongs, 1);
                        return Ok("pong");
                    }
                    Ok(Inbound::Ignored(_)) => {
                        self.tally.counters.add(Counter::Ignored, 1);
                        return Ok("ignored");
                    }
                    Ok(Inbound::Ack { complete }) => {
                        self.tally.counters.add(Counter::Acks, 1);
                        self.note_complete(stamp, complete);
                    }
                    Ok(Inbound::Refused(refusal)) => {
                        self.tally.counters.add(Counter::Refusals, 1);
                        self.note_complete(stamp, refusal.complete);
                        return Ok("refused");
                    }
                    Err(error) => {
                        self.tally.counters.add(Counter::DecodeErrors, 1);
                        DecodeFailure::add(&mut self.tally.decode_errors, error);
                        return Ok(error.reason());
                    }
                }
                Ok("ack")
            }
            Entry::Changed { connection, time_ns, change } => {
                let status = status_of(change, self.tally.counters.get(Counter::Frames))?;
                self.change(stamp(connection, time_ns), status);
                Ok("")
            }
            Entry::Hole(Hole { first_ns, entries, .. }) => {
                let hole = hole_event(stamp(0, first_ns), entries);
                self.lanes.hole(&hole);
                self.batch.push(hole);
                Ok("")
            }
            Entry::Sent { .. } => Ok(""),
        }
    }

    fn note_complete(&mut self, stamp: Stamp, complete: bool) {
        if complete {
            self.batch.push(status_event(stamp, SUBSCRIBED));
        }
    }

    fn change(&mut self, stamp: Stamp, status: Status) {
        let venue = &mut *self.venues[usize::from(stamp.connection.0)];
        let mut relieved = EventBatch::new();
        self.lanes.foresee(stamp, status, &mut relieved);
        change_state(venue, (stamp, status), &mut self.batch);
        self.batch.take_commands().for_each(drop);
        self.lanes.pass(stamp, &mut self.batch);
        self.batch.put_before(&relieved);
    }

    fn walked(&mut self, has_entry: bool, kind: &'static str) -> Walked<'_> {
        for event in self.batch.events_mut() {
            event.sequence = self.sequence;
            self.sequence += 1;
        }
        let entry = has_entry.then(|| self.merged.entry());
        Walked { entry, kind, events: self.batch.events() }
    }
}

impl std::fmt::Debug for Walk {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Walk").field("merged", &self.merged).finish_non_exhaustive()
    }
}

/// Recorded times stand in for ticks: nothing here measures.
const fn stamp(connection: u8, time_ns: u64) -> Stamp {
    Stamp { connection: ConnectionId(connection), arrival_ticks: time_ns }
}
