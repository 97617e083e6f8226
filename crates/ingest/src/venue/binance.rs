//! Binance spot and USD-M futures: public market streams as recorded.
//!
//! Follows `binance/binance-spot-api-docs`, `web-socket-streams.md`. Understood are trade,
//! bookTicker, diff depth, partial depth and the REST depth snapshot as a line among them, raw or
//! as combined streams. Every other message is ignored and counted. No command is ever sent: this
//! venue decodes, it does not connect.
//!
//! What the venue leaves open is decided so:
//! - A message without a symbol belongs to the symbol in its stream's name, or else to the only
//!   instrument the connection has shown, or else to the only configured symbol.
//! - An unwrapped message with `lastUpdateId` is a full snapshot: on a connection with one raw
//!   partial stream it looks the same, and each such picture is whole in itself.
//! - Partial depth is the book of its instrument until a full snapshot comes. From then on the
//!   diffs keep the book, and partial depth is counted without becoming an event.
//! - A USD-M trade with `X` other than `MARKET` (insurance fund, auto-deleveraging) did not happen
//!   in the book; it is ignored and counted.
//! - A side of a bookTicker with price and quantity zero has no orders: it is absent.
//! - `missing` of a spot gap counts update ids: the venue does not number messages. On USD-M it is
//!   unknown.
//! - Times above 100,000,000,000,000 are microseconds (`timeUnit=MICROSECOND`), others milliseconds.

mod decode;
mod sequence;
mod symbols;

use std::sync::Arc;

use tickring_event::Instruments;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;
use crate::venue::{DecodeError, Inbound, Venue};
use decode::Decoder;
pub use sequence::HELD_EVENTS_MAX;

/// Which of the two markets: they differ in how depth messages are numbered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Market {
    /// Spot: update ids without holes, `U` is the previous `u` plus one.
    Spot,
    /// USD-M futures: update ids with holes, `pu` is the previous `u`.
    UsdM,
}

/// One connection's worth of Binance messages.
#[derive(Debug)]
pub struct Binance {
    market: Market,
    json: Json,
    decoder: Decoder,
}

impl Binance {
    /// A decoder for one connection. Messages about other symbols than `symbols` (in either case)
    /// are ignored; an empty list takes them all. Instruments are registered when first seen.
    #[must_use]
    pub fn new(market: Market, symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self { market, json: Json::new(), decoder: Decoder::new(market, symbols, instruments) }
    }
}

impl Venue for Binance {
    fn name(&self) -> &'static str {
        match self.market {
            Market::Spot => "binance-spot",
            Market::UsdM => "binance-usdm",
        }
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &decode::MESSAGE_KINDS
    }

    /// Sends nothing: whoever recorded the frames had subscribed.
    fn open(&mut self, _batch: &mut EventBatch) {}

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, decoder, .. } = self;
        let from = batch.len();
        let read = json.read(frame.text, |root| {
            // What a first reading left before it met a bare number.
            batch.truncate(from);
            decoder.read(root, frame.stamp, batch)
        });
        if read.is_err() {
            batch.truncate(from);
            decoder.give_up(frame.stamp, batch);
        }
        read
    }

    fn numbers_tops(&self) -> bool {
        true
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.decoder.disconnected(stamp, batch);
    }

    fn finish(&mut self, batch: &mut EventBatch) {
        self.decoder.finish(batch);
    }
}
