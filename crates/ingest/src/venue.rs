//! What a venue must give: pure decoding, the commands to send, and what its answers mean.
//!
//! A venue is a folder here: `subscribe` (commands and acks), `decode` (frame to events) and
//! `sequence` (continuity). No socket, clock, thread or log inside.

pub(crate) mod binance;
mod listing;
pub(crate) mod rows;
pub(crate) mod tardis_csv;
pub mod tickdb;

use thiserror::Error;
use tickring_event::DecimalError;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};

/// One connection's worth of a venue: decodes its frames and says what to send.
pub trait Venue: Send {
    /// The venue's name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// The venue's own message kinds; [`Inbound::Data`] holds an index into them.
    fn message_kinds(&self) -> &'static [&'static str];

    /// Starts over after a handshake and appends the commands to send.
    fn open(&mut self, commands: &mut Vec<String>);

    /// Turns a frame into events, appended to `batch`.
    ///
    /// # Errors
    /// The frame is not what the venue documents. Nothing of it is left in `batch`; a depth message
    /// that could not be read has made its book invalid with a `Gap`.
    fn decode(&mut self, frame: &Frame<'_>, batch: &mut EventBatch)
    -> Result<Inbound, DecodeError>;

    /// Appends commands that an answer made necessary, such as a subscription asked for in another
    /// way. Called after each answer to a command.
    fn commands(&mut self, _commands: &mut Vec<String>) {}

    /// The connection ended: books start over. Appends the `Gap`s that say so.
    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch);

    /// The stream ended for good: appends events that were held back.
    fn finish(&mut self, batch: &mut EventBatch);
}

/// What a frame turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Inbound {
    /// Market data of the kind at this index of [`Venue::message_kinds`].
    Data(usize),
    /// Life sign without content.
    Pong,
    /// A command was accepted.
    Ack {
        /// Every command sent since the handshake has been answered.
        complete: bool,
    },
    /// The venue refused something.
    Refused(Refusal),
    /// Well-formed, but nothing this program uses; counted.
    Ignored,
}

/// The venue refused a command or the connection.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The venue's code.
    pub code: i64,
    /// The venue's words, already cut to a printable length.
    pub message: String,
    /// What follows.
    pub action: Action,
    /// Every command sent since the handshake has been answered.
    pub complete: bool,
}

/// What a refusal means for the connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Action {
    /// Go on with what is left; the venue has dropped the refused part from its subscriptions.
    Continue,
    /// Close, wait at least this long, connect again.
    Reconnect {
        /// Shortest wait before the next attempt.
        delay_ms_min: u64,
    },
    /// End the run: trying again cannot help.
    Stop,
}

/// Why a frame could not be decoded. Small and `Copy`: the hot path formats nothing.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not JSON at all.
    #[error("frame is not valid JSON")]
    Malformed,
    /// A field the message needs is absent.
    #[error("field `{field}` is missing")]
    MissingField {
        /// The field's name on the wire.
        field: &'static str,
    },
    /// A field holds another type than documented.
    #[error("field `{field}` has the wrong type")]
    WrongType {
        /// The field's name on the wire.
        field: &'static str,
    },
    /// A price or quantity cannot be kept exactly.
    #[error("field `{field}`: {error}")]
    Number {
        /// The field's name on the wire.
        field: &'static str,
        /// What is wrong with the number.
        error: DecimalError,
    },
    /// A price or quantity is a bare JSON number; decoded again with its text kept.
    #[error("number is not written as a string")]
    BareNumber,
    /// A message without a symbol on a connection that carries several.
    #[error("message names no symbol and the connection carries several")]
    UnknownSymbol,
    /// Two subscribed symbols match what the message says.
    #[error("symbol matches more than one subscription")]
    AmbiguousSymbol,
    /// The instrument table is full.
    #[error("more instruments than one run can hold")]
    TooManyInstruments,
}

impl DecodeError {
    /// The word under which the report counts it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::MissingField { .. } => "missing_field",
            Self::WrongType { .. } => "wrong_type",
            Self::Number { error: DecimalError::Overflow, .. } => "number_overflow",
            Self::Number { error: DecimalError::TooPrecise, .. } => "number_too_precise",
            Self::Number { .. } => "number_malformed",
            Self::BareNumber => "bare_number",
            Self::UnknownSymbol => "unknown_symbol",
            Self::AmbiguousSymbol => "ambiguous_symbol",
            Self::TooManyInstruments => "too_many_instruments",
        }
    }
}
