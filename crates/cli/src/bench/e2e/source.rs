//! The live source with the times at which frames should have been sent.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tickring_event::{ConnectionId, ConnectionState, InstrumentId, Status};
use tickring_harness::Due;
use tickring_ingest::{Command, ConnectionTally, Inbound, Incoming, Source, SourceError, Stamp};
use tickring_metrics::Clock;

use super::Sending;
use super::sender::{Encoded, Shared};
use crate::allocations;

/// A live source that stamps each frame with the time at which it was due, so that every stage
/// that counts from the arrival counts from there; and that ends after the last one.
pub(super) struct Intended<S> {
    live: S,
    sending: Sending,
    clock: Clock,
    shared: Arc<Shared>,
    encoded: Arc<Encoded>,
    frames: u64,
    /// Frames handed out.
    taken: u64,
    due: Option<Due>,
    /// Connections that still have to be said to be open, the next one last.
    opening: Vec<u8>,
    connections: usize,
    /// After the warm-up.
    allocations: u64,
    /// Whether frames wait in the socket until all are there.
    hold: Hold,
}

impl<S: Source> Intended<S> {
    pub(super) fn new(
        live: S,
        sending: Sending,
        frames: u64,
        shared: &Arc<Shared>,
        clock: Clock,
    ) -> Self {
        Self {
            live,
            sending,
            clock,
            shared: Arc::clone(shared),
            encoded: Arc::default(),
            frames,
            taken: 0,
            due: None,
            opening: Vec::new(),
            connections: 1,
            allocations: 0,
            hold: if sending == Sending::Waiting { Hold::Connecting } else { Hold::Over },
        }
    }

    /// With the frames that are sent and the connections they came over when they were recorded.
    pub(super) fn over(mut self, encoded: &Arc<Encoded>, connections: usize) -> Self {
        self.encoded = Arc::clone(encoded);
        self.connections = connections;
        self
    }

    /// Whether frames are to stay in the socket a while longer.
    fn holds(&mut self) -> bool {
        if self.hold != Hold::Holding {
            return false;
        }
        if self.shared.is_settled(&self.clock) {
            self.hold = Hold::Over;
            self.shared.start(self.clock.ticks());
            return false;
        }
        thread::park_timeout(HOLD_TURN);
        true
    }

    fn ended(&mut self) -> Incoming<'static> {
        let allocations = allocations::of_this_thread() - self.allocations;
        self.shared.note_allocations(allocations, self.frames - warm_up(self.frames));
        Incoming::Ended
    }
}

/// When the engine begins to read what waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Hold {
    /// It waits from the handshake on.
    Connecting,
    Holding,
    Over,
}

/// Time between two looks at how much waits.
const HOLD_TURN: Duration = Duration::from_millis(1);

/// Frames after which buffers have grown.
const fn warm_up(frames: u64) -> u64 {
    frames / 2
}

impl<S: Source> Source for Intended<S> {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        if let Some(connection) = self.opening.pop() {
            let connection = ConnectionId(connection);
            let stamp = Stamp { connection, arrival_ticks: self.clock.ticks() };
            let status = Status { state: ConnectionState::Connected, attempt: 1, code: 0 };
            return Ok(Incoming::Status(stamp, status));
        }
        if self.holds() {
            return Ok(Incoming::Idle);
        }
        if self.taken == self.frames {
            return Ok(self.ended());
        }
        match self.live.next()? {
            Incoming::Frame(mut frame) => {
                if self.taken == warm_up(self.frames) {
                    self.allocations = allocations::of_this_thread();
                }
                if let Some(connection) = self.encoded.connection(self.taken) {
                    frame.stamp.connection = connection;
                }
                self.taken += 1;
                if let Sending::Scheduled(schedule) = self.sending {
                    let (shared, clock) = (&self.shared, &self.clock);
                    let due = self.due.get_or_insert_with(|| {
                        schedule.due(clock, shared.start_ticks().unwrap_or_default())
                    });
                    frame.stamp.arrival_ticks = due.next().unwrap_or_default();
                }
                Ok(Incoming::Frame(frame))
            }
            Incoming::Status(stamp, status) => match status.state {
                ConnectionState::Disconnected => {
                    let words = "the bench's own connection ended before its last frame";
                    Err(SourceError::Refused(words.to_owned()))
                }
                ConnectionState::Connected => {
                    if self.hold == Hold::Connecting {
                        self.hold = Hold::Holding;
                    }
                    self.opening = (1..=u8::MAX).take(self.connections - 1).collect();
                    self.opening.reverse();
                    Ok(Incoming::Status(stamp, status))
                }
                _ => Ok(Incoming::Status(stamp, status)),
            },
            other => Ok(other),
        }
    }

    // What venues ask for is not done: the frames are those of a recording.
    fn command(&mut self, _connection: ConnectionId, _command: Command) {}

    fn snapshot_came(&mut self, connection: ConnectionId, instrument: InstrumentId) {
        self.live.snapshot_came(connection, instrument);
    }

    fn answer(&mut self, _connection: ConnectionId, _inbound: &Inbound) -> Result<(), SourceError> {
        Ok(())
    }

    fn keep_alive(&mut self) {
        self.live.keep_alive();
    }

    fn tally(&self) -> ConnectionTally {
        self.live.tally()
    }
}
