//! What a venue must give: pure decoding, the commands to send, and what its answers mean.
//!
//! A venue is a folder here: `subscribe` (commands and acks), `decode` (frame to events) and
//! `sequence` (continuity). No socket, clock, thread or log inside.

mod answers;
pub(crate) mod binance;
pub(crate) mod bitget;
pub(crate) mod bybit;
mod candle;
mod chain;
mod checked;
mod coinbase;
pub(crate) mod coinbase_advanced;
pub(crate) mod coinbase_exchange;
pub(crate) mod held;
pub(crate) mod kraken;
pub(crate) mod kraken_v1;
mod listing;
pub(crate) mod okx;
pub(crate) mod rows;
pub(crate) mod subscription;
mod taker;
pub(crate) mod tardis_csv;
pub mod tickdb;
mod time_text;

use thiserror::Error;
use tickring_event::{DecimalError, InstrumentId};

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;

/// One connection's worth of a venue: decodes its frames and says what to send.
pub trait Venue: Send {
    /// The venue's name on the command line and in reports.
    fn name(&self) -> &'static str;

    /// The venue's own message kinds; [`Inbound::Data`] holds an index into them.
    fn message_kinds(&self) -> &'static [&'static str];

    /// Starts over after a handshake; what is to be subscribed goes into `batch` as commands.
    fn open(&mut self, batch: &mut EventBatch);

    /// Turns a frame into events, appended to `batch`.
    ///
    /// # Errors
    /// The frame is not what the venue documents. Nothing of it is left in `batch`; a depth message
    /// that could not be read has made its book invalid with a `Gap`. Commands in `batch` stay.
    fn decode(&mut self, frame: &Frame<'_>, batch: &mut EventBatch)
    -> Result<Inbound, DecodeError>;

    /// The connection ended: books start over. Appends the `Gap`s that say so.
    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch);

    /// Another recording goes on here where one has ended: books are continued, but what the frames
    /// of the one implied about the next holds no more.
    fn next_part(&mut self) {}

    /// The stream ended for good: appends events that were held back.
    fn finish(&mut self, batch: &mut EventBatch);

    /// Whether its top of book and its depth carry the same numbers, so that the one tells exactly what
    /// the other must show.
    fn numbers_tops(&self) -> bool {
        false
    }

    /// Its JSON reader; `None` where it reads another form.
    fn json(&mut self) -> Option<&mut Json> {
        None
    }

    /// How the venue's checksums compared with our books, by instrument; empty where it has none.
    fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        Vec::new()
    }

    /// What the venue acknowledged, and whether it ever brought anything; for venues that acknowledge
    /// what does not exist.
    fn acknowledged(&self) -> Vec<Acknowledged> {
        Vec::new()
    }
}

/// A subscription that the venue acknowledged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Acknowledged {
    /// In the venue's words.
    pub stream: String,
    /// It brought something.
    pub has_come: bool,
}

/// How often a venue's checksum was compared with that of our book.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Checks {
    /// Comparisons.
    pub checked: u64,
    /// Those that found a difference.
    pub failed: u64,
}

/// What a venue wants done over its connection. A recorded connection has nobody to do it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Command {
    /// Send this text.
    Send(String),
    /// Send these texts, in order, so that a book starts over. The source keeps the venue's limits,
    /// and asks again until a snapshot of that book came.
    Resync {
        /// Whose book; [`InstrumentId::NONE`] for every book of the connection.
        instrument: InstrumentId,
        /// What is sent.
        texts: Vec<String>,
    },
    /// Fetch an instrument's snapshot over HTTP, as of `Resync`. The answer comes as a
    /// frame of its own, `{"snapshot":"BTCUSDT","body":{...}}`, with the venue's text as its body.
    Fetch(Fetch),
    /// The venue is about to close the connection: open the next one before it does.
    Renew,
    /// Close this connection for good: another has taken over.
    Leave,
}

/// A snapshot to be fetched over HTTP.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fetch {
    /// Whose snapshot.
    pub instrument: InstrumentId,
    /// The venue's spelling of the instrument.
    pub symbol: String,
    /// Path and query on the venue's REST host, such as `/api/v3/depth?symbol=BTCUSDT&limit=5000`.
    pub path: String,
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
    /// The venue refused something. Boxed: what every frame turns out to be is small.
    Refused(Box<Refusal>),
    /// Well-formed, but nothing this program uses: counted by this reason.
    Ignored(&'static str),
}

impl From<Refusal> for Inbound {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(Box::new(refusal))
    }
}

/// Why a message about an instrument that nobody wants is ignored.
pub(crate) const OTHER_SYMBOL: &str = "other_symbol";

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
