//! What a strategy may use while it handles an event.

use tickring_event::{InstrumentId, Instruments};

use crate::signal::{Signal, SignalPort};

/// A strategy's view of the run, made anew for each event.
#[derive(Debug)]
pub struct Context<'a> {
    instruments: &'a Instruments,
    port: &'a mut SignalPort,
    sequence: u64,
    venue_time_ns: u64,
}

impl<'a> Context<'a> {
    /// A context for the event with this sequence and venue time. Public so that strategies can be
    /// tested without a ring.
    #[must_use]
    pub const fn new(
        instruments: &'a Instruments,
        port: &'a mut SignalPort,
        sequence: u64,
        venue_time_ns: u64,
    ) -> Self {
        Self { instruments, port, sequence, venue_time_ns }
    }

    /// The instruments of the run: symbols, scales and how prices are written.
    #[must_use]
    pub const fn instruments(&self) -> &'a Instruments {
        self.instruments
    }

    /// Position of the event in the stream; of the last event when the stream has ended.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Index of the worker this strategy runs in, from 0.
    #[must_use]
    pub const fn worker(&self) -> u32 {
        self.port.worker()
    }

    /// Says something about an instrument, stamped with the sequence and venue time of the event.
    ///
    /// Never waits, locks or allocates: when the sink lags and the queue is full, the signal is
    /// dropped and counted.
    pub fn signal(&mut self, instrument: InstrumentId, name: &'static str, value: f64) {
        self.port.give(Signal {
            strategy: self.port.strategy(),
            worker: self.port.worker(),
            instrument,
            sequence: self.sequence,
            venue_time_ns: self.venue_time_ns,
            name,
            value,
        });
    }
}
