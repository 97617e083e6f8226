//! Where frames come from: a live connection or recorded files. All that follows is the same code.

use thiserror::Error;
use tickring_capture::CaptureError;
use tickring_event::{ConnectionId, InstrumentId, Status};

use crate::frame::{Frame, Stamp};
use crate::recorded::RecordedTally;
use crate::venue::{Command, Inbound};

/// Where frames come from.
pub trait Source {
    /// The next thing that happened. Waits a little by the source's own rules, then gives
    /// [`Incoming::Idle`].
    ///
    /// # Errors
    /// The source cannot go on; the run ends with what was published so far.
    fn next(&mut self) -> Result<Incoming<'_>, SourceError>;

    /// Does what a venue wants done. Recorded sources have nobody to do it.
    fn command(&mut self, _connection: ConnectionId, _command: Command) {}

    /// A snapshot of this book came over the connection: it need not be asked for again.
    fn snapshot_came(&mut self, _connection: ConnectionId, _instrument: InstrumentId) {}

    /// Tells the source what the last frame turned out to be.
    ///
    /// # Errors
    /// The venue refused in a way that trying again cannot help.
    fn answer(&mut self, _connection: ConnectionId, _inbound: &Inbound) -> Result<(), SourceError> {
        Ok(())
    }

    /// One turn of keep-alive work while the publisher waits for a free slot; reads nothing.
    fn keep_alive(&mut self) {}

    /// A `Gap` was published: what is recorded should be safe.
    fn note_gap(&mut self) {}

    /// How long what `stamp` tells of had waited in the kernel before the read that brought it, in
    /// ticks; `None` where that is not known.
    fn kernel_wait_ticks(&self, _stamp: Stamp) -> Option<u64> {
        None
    }

    /// Blanks in a text from outside what must not be kept, such as an API key. Its length stays.
    fn hide_secrets(&self, _text: &mut [u8]) {}

    /// How the connections fared.
    fn tally(&self) -> ConnectionTally {
        ConnectionTally::default()
    }

    /// How the kernel's receive times were taken; `None` where they were not asked for.
    fn kernel_time(&self) -> Option<KernelTimeTally> {
        None
    }

    /// What was read from recordings; `None` where frames come from a live connection.
    fn recorded(&self) -> Option<RecordedTally> {
        None
    }
}

/// A lent source, for a caller that asks it something after the run.
impl<S: Source + ?Sized> Source for &mut S {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        (**self).next()
    }

    fn command(&mut self, connection: ConnectionId, command: Command) {
        (**self).command(connection, command);
    }

    fn snapshot_came(&mut self, connection: ConnectionId, instrument: InstrumentId) {
        (**self).snapshot_came(connection, instrument);
    }

    fn answer(&mut self, connection: ConnectionId, inbound: &Inbound) -> Result<(), SourceError> {
        (**self).answer(connection, inbound)
    }

    fn keep_alive(&mut self) {
        (**self).keep_alive();
    }

    fn note_gap(&mut self) {
        (**self).note_gap();
    }

    fn kernel_wait_ticks(&self, stamp: Stamp) -> Option<u64> {
        (**self).kernel_wait_ticks(stamp)
    }

    fn hide_secrets(&self, text: &mut [u8]) {
        (**self).hide_secrets(text);
    }

    fn tally(&self) -> ConnectionTally {
        (**self).tally()
    }

    fn kernel_time(&self) -> Option<KernelTimeTally> {
        (**self).kernel_time()
    }

    fn recorded(&self) -> Option<RecordedTally> {
        (**self).recorded()
    }
}

/// What happened at a source.
#[derive(Debug)]
pub enum Incoming<'a> {
    /// A frame arrived.
    Frame(Frame<'a>),
    /// A connection changed its state.
    Status(Stamp, Status),
    /// On this connection another recording goes on where one has ended.
    Part(Stamp),
    /// Frames are missing here: how many, or 0 where that is not known.
    Hole(Stamp, u64),
    /// Nothing now.
    Idle,
    /// There will be no more frames.
    Ended,
}

/// How the connections of a run fared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ConnectionTally {
    /// Sockets tried.
    pub attempts: u64,
    /// Handshakes done after the first.
    pub reconnects: u64,
}

/// How the kernel's receive times were taken.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct KernelTimeTally {
    /// Reads that brought bytes.
    pub reads: u64,
    /// Those that came without a time of the kernel's.
    pub reads_without: u64,
    /// Those whose time lay after the read: it was taken for the read's.
    pub clamped: u64,
    /// How far the two clocks may have been misread against each other, at most.
    pub error_ns_max: u64,
}

impl KernelTimeTally {
    /// Adds another connection's.
    pub(crate) fn merge(&mut self, other: Self) {
        self.reads += other.reads;
        self.reads_without += other.reads_without;
        self.clamped += other.clamped;
        self.error_ns_max = self.error_ns_max.max(other.error_ns_max);
    }
}

/// Why a source cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The configuration cannot work; found before the first socket.
    #[error("{0}")]
    Configuration(String),
    /// The venue refuses us for good, or cannot be reached within the limits.
    #[error("{0}")]
    Refused(String),
    /// A recorded file cannot be read.
    #[error(transparent)]
    Recorded(#[from] CaptureError),
}
