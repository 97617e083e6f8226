//! A source whose frames, commands and connection changes are recorded as they pass.

use std::fmt;
use std::thread;
use std::time::Duration;

use tickring_capture::{CaptureError, ConnectionChange, Tap};
use tickring_event::{ConnectionId, ConnectionState, InstrumentId, Status};
use tickring_metrics::Clock;

use crate::frame::Stamp;
use crate::recorded::RecordedTally;
use crate::source::{ConnectionTally, Incoming, KernelTimeTally, Source, SourceError};
use crate::venue::{Command, Inbound};

/// How long a source rests while the disk is behind.
const REST: Duration = Duration::from_micros(50);

/// Records all that passes between a source and the ingest loop.
///
/// A frame is copied once, before it is decoded, so that what cannot be decoded is kept too. A frame
/// that turns out to be no market data is searched for the API key before it leaves this thread: a
/// venue that repeats what it was asked must not put the key into a file. Keep-alives that a
/// connection sends by itself are not recorded; their answers are.
pub struct Tapped<S: Source> {
    source: S,
    tap: Tap,
    clock: Clock,
    /// The frame recorded last may hold the key.
    is_unvetted: bool,
}

impl<S: Source> Tapped<S> {
    /// Records what passes into `tap`, with wall times of `clock`.
    pub const fn new(source: S, tap: Tap, clock: Clock) -> Self {
        Self { source, tap, clock, is_unvetted: false }
    }

    /// Blanks the key in the frame recorded last, if it has to be looked at.
    #[inline]
    fn vet(&mut self) {
        if self.is_unvetted {
            self.is_unvetted = false;
            if let Some(text) = self.tap.last_mut() {
                self.source.hide_secrets(text);
            }
        }
    }
}

impl<S: Source> Source for Tapped<S> {
    #[inline]
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        self.vet();
        if !self.tap.is_ready() {
            // The disk is behind. The socket holds what comes; the connection stays alive.
            self.source.keep_alive();
            thread::park_timeout(REST);
            return Ok(Incoming::Idle);
        }
        let incoming = self.source.next()?;
        match &incoming {
            Incoming::Frame(frame) => {
                let arrival_ns = self.clock.wall_ns(frame.stamp.arrival_ticks);
                self.tap.received(frame.stamp.connection.0, arrival_ns, frame.text);
                self.is_unvetted = true;
            }
            Incoming::Status(stamp, status) => {
                let time_ns = self.clock.wall_ns(stamp.arrival_ticks);
                let is_urgent = status.state == ConnectionState::Disconnected;
                self.tap.changed(stamp.connection.0, time_ns, change_of(*status), is_urgent);
            }
            Incoming::Hole(..) | Incoming::Part(_) => {}
            Incoming::Idle | Incoming::Ended => {
                self.tap.idle(self.clock.wall_ns(self.clock.ticks()));
            }
        }
        Ok(incoming)
    }

    /// Texts are recorded when they are asked for; a source that spaces them out sends them later.
    fn command(&mut self, connection: ConnectionId, command: Command) {
        self.vet();
        let time_ns = self.clock.wall_ns(self.clock.ticks());
        let texts = match &command {
            Command::Send(text) => std::slice::from_ref(text),
            Command::Resync { texts, .. } => texts,
            Command::Fetch(_) | Command::Renew | Command::Leave => &[],
        };
        for text in texts {
            self.tap.sent(connection.0, time_ns, text.as_bytes());
        }
        self.source.command(connection, command);
    }

    fn snapshot_came(&mut self, connection: ConnectionId, instrument: InstrumentId) {
        self.source.snapshot_came(connection, instrument);
    }

    #[inline]
    fn answer(&mut self, connection: ConnectionId, inbound: &Inbound) -> Result<(), SourceError> {
        if matches!(inbound, Inbound::Data(_)) {
            self.is_unvetted = false;
        }
        self.source.answer(connection, inbound)
    }

    fn keep_alive(&mut self) {
        self.vet();
        self.tap.idle(self.clock.wall_ns(self.clock.ticks()));
        self.source.keep_alive();
    }

    fn note_gap(&mut self) {
        self.vet();
        self.tap.make_urgent();
        self.source.note_gap();
    }

    fn tally(&self) -> ConnectionTally {
        self.source.tally()
    }

    fn recorded(&self) -> Option<RecordedTally> {
        self.source.recorded()
    }

    #[inline]
    fn kernel_wait_ticks(&self, stamp: Stamp) -> Option<u64> {
        self.source.kernel_wait_ticks(stamp)
    }

    fn kernel_time(&self) -> Option<KernelTimeTally> {
        self.source.kernel_time()
    }

    fn hide_secrets(&self, text: &mut [u8]) {
        self.source.hide_secrets(text);
    }
}

/// Also when the thread panics: what it holds is handed over, without the key.
impl<S: Source> Drop for Tapped<S> {
    fn drop(&mut self) {
        self.vet();
    }
}

impl<S: Source> fmt::Debug for Tapped<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tapped").field("tap", &self.tap).finish_non_exhaustive()
    }
}

/// A status as a capture keeps it.
const fn change_of(status: Status) -> ConnectionChange {
    let Status { state, attempt, code } = status;
    let state = match state {
        ConnectionState::Connecting => 0,
        ConnectionState::Connected => 1,
        ConnectionState::Subscribed => 2,
        ConnectionState::Stale => 3,
        ConnectionState::Disconnected => 4,
        ConnectionState::Settled => 5,
    };
    ConnectionChange { state, attempt, code }
}

/// The status that a recording keeps, after so many frames of it.
pub(crate) fn status_of(change: ConnectionChange, frames: u64) -> Result<Status, CaptureError> {
    let ConnectionChange { state, attempt, code } = change;
    let state = match state {
        0 => ConnectionState::Connecting,
        1 => ConnectionState::Connected,
        2 => ConnectionState::Subscribed,
        3 => ConnectionState::Stale,
        4 => ConnectionState::Disconnected,
        5 => ConnectionState::Settled,
        _ => {
            return Err(CaptureError::Malformed {
                name: "the recording".to_owned(),
                entries: frames,
                what: format!("a connection has no state {state}"),
            });
        }
    };
    Ok(Status { state, attempt, code })
}
