//! Takes in what was recorded, entry by entry, and puts the facts together.

use std::collections::BTreeMap;
use std::sync::Arc;

use tickring_capture::{Ending, Entry, Hole, Session};
use tickring_event::Instruments;
use tickring_ingest::{Walk, Walked};

use super::json::{
    ConnectionFacts, EndingFacts, HoleFact, HoleFacts, Inspection, RateFacts, SCHEMA_VERSION,
    SessionFacts, SilenceFacts,
};
use super::market::Market;
use super::timeline::Timeline;
use super::traffic::Traffic;
use super::{FIRST_KEPT, Looked, per_second};

/// Stretches of [`RateFacts`].
const STRETCHES_TOLD: usize = 100;

/// What is collected of all sessions.
#[derive(Debug)]
pub(super) struct Collector {
    instruments: Arc<Instruments>,
    connections: Vec<ConnectionFacts>,
    /// Whether the venue of each connection is known.
    is_decoded: Vec<bool>,
    traffic: Traffic,
    holes: HoleFacts,
    market: Market,
}

impl Collector {
    pub(super) fn new(instruments: Arc<Instruments>) -> Self {
        Self {
            instruments,
            connections: Vec::new(),
            is_decoded: Vec::new(),
            traffic: Traffic::default(),
            holes: HoleFacts::default(),
            market: Market::default(),
        }
    }

    /// Takes in the connections of the next session.
    pub(super) fn add_session(&mut self, connections: usize, tells_states: bool, decoded: bool) {
        let session = self.connections.last().map_or(0, |it| it.session + 1);
        for _ in 0..connections {
            self.connections.push(ConnectionFacts::of(session, tells_states));
            self.is_decoded.push(decoded);
        }
    }

    /// Connections of all sessions so far.
    pub(super) const fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Takes in an entry.
    pub(super) fn add(&mut self, walked: &Walked<'_>) {
        let connection = match &walked.entry {
            Some(Entry::Received { connection, arrival_ns, text }) => {
                self.traffic.add(*arrival_ns, text.len());
                Some(*connection)
            }
            Some(Entry::Sent { connection, .. } | Entry::Changed { connection, .. }) => {
                Some(*connection)
            }
            Some(Entry::Hole(hole)) => {
                self.add_hole(*hole);
                None
            }
            None => None,
        };
        if let (Some(connection), Some(entry)) = (connection, &walked.entry) {
            self.connections[usize::from(connection)].add(entry, walked);
        }
        // A hole, and what belongs to no entry, concerns the connection that its events name.
        let connection = connection.or_else(|| walked.events.first().map(|it| it.connection.0));
        if connection.is_some_and(|it| self.is_decoded[usize::from(it)]) {
            self.market.add(walked, &self.instruments);
        }
    }

    fn add_hole(&mut self, hole: Hole) {
        let Hole { first_ns, last_ns, entries, bytes } = hole;
        self.holes.count += 1;
        // A capture may claim anything.
        let missing = &mut self.holes;
        missing.entries_missing = missing.entries_missing.saturating_add(entries);
        missing.bytes_missing = missing.bytes_missing.saturating_add(bytes);
        if self.holes.first.len() < FIRST_KEPT {
            self.holes.first.push(HoleFact { first_ns, last_ns, entries, bytes });
        }
    }

    /// All that was collected.
    pub(super) fn finish(
        self,
        walk: &Walk,
        sessions: Vec<SessionFacts>,
        errors: Vec<String>,
    ) -> Looked {
        let Self { instruments, connections, is_decoded, traffic, holes, market } = self;
        let span_ns = traffic.last_ns - traffic.first_ns;
        let decoded = is_decoded.contains(&true);
        let silences = traffic.silences.longest().iter();
        let silences = silences
            .map(|it| SilenceFacts { start_ns: it.start_ns, length_ns: it.length_ns })
            .collect();
        let inspection = Inspection {
            schema_version: SCHEMA_VERSION,
            command: "inspect",
            sessions,
            commands: connections.iter().map(|it| it.commands).sum(),
            connections,
            frames: traffic.frames,
            bytes: traffic.bytes,
            first_ns: traffic.first_ns,
            last_ns: traffic.last_ns,
            span_ns,
            frames_per_s_mean: per_second(traffic.frames, span_ns),
            busiest: traffic.busiest(),
            frame_bytes: traffic.frame_bytes(),
            silences,
            steps_back: walk.merged().steps_back(),
            holes,
            rate: RateFacts::of(&traffic.timeline),
            decoded: decoded.then(|| market.finish(&walk.tally(), &instruments)),
            errors,
        };
        Looked { inspection, timeline: traffic.timeline }
    }
}

impl RateFacts {
    fn of(timeline: &Timeline) -> Self {
        let columns = timeline.columns(STRETCHES_TOLD);
        Self { start_ns: columns.start_ns, stretch_ns: columns.column_ns, frames: columns.frames }
    }
}

impl SessionFacts {
    /// What is known of a session before it is read.
    pub(super) fn of(
        session: &dyn Session,
        format: &'static str,
        venue: Option<&'static str>,
        metadata: BTreeMap<String, String>,
    ) -> Self {
        Self {
            name: session.name().to_owned(),
            format,
            venue,
            ending: EndingFacts::Untold,
            connections: session.connections() as u64,
            metadata,
        }
    }

    /// Notes how it ended: `endings` of those that know, and `errors`, which start with names.
    pub(super) fn end<'a>(
        &mut self,
        mut endings: impl Iterator<Item = (&'a str, Ending)>,
        errors: &[String],
    ) {
        let named = |error: &String| {
            error.strip_prefix(&self.name).is_some_and(|rest| rest.starts_with(": "))
        };
        if errors.iter().any(named) {
            self.ending = EndingFacts::Unreadable;
        } else if let Some((_, ending)) = endings.find(|(name, _)| *name == self.name) {
            self.ending = match ending {
                Ending::Clean => EndingFacts::Clean,
                Ending::Cut { offset, bytes } => {
                    EndingFacts::Cut { offset_bytes: offset, behind_bytes: bytes }
                }
            };
        }
    }
}
