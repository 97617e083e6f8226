//! One WebSocket message as bytes, with where and when it arrived.

use tickring_event::{ConnectionId, InstrumentId, Origin};

/// Where and when a frame arrived.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stamp {
    /// The connection (or recorded file) it came over.
    pub connection: ConnectionId,
    /// Clock ticks when the read that completed the frame returned.
    pub arrival_ticks: u64,
}

/// One WebSocket message as bytes, with where and when it arrived.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Where and when it arrived.
    pub stamp: Stamp,
    /// The message exactly as received.
    pub text: &'a [u8],
}

impl Stamp {
    /// The header of an event about `instrument` that arrived here.
    #[must_use]
    pub const fn origin(&self, instrument: InstrumentId) -> Origin {
        Origin {
            arrival_ticks: self.arrival_ticks,
            venue_time_ns: 0,
            venue_sequence: 0,
            instrument,
            connection: self.connection,
        }
    }
}
