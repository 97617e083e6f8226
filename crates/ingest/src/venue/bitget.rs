//! Bitget spot, WebSocket API v2: public channels, live and recorded.
//!
//! Written after the public documentation (`www.bitget.com/api-doc`: "Websocket API" and the spot
//! pages of the depth, trading, tickers and candlestick channels); **no recorded session was at hand**,
//! and nothing here was tried with the venue itself. Understood are `books`, `books1`, `books5`,
//! `books15`, `trade`, `ticker` and `candle*` of `instType` `SPOT`. Every other message is ignored and
//! counted.
//!
//! What the venue leaves open is decided so:
//! - A book of `books` is checked in two ways. Its `seq` must grow ("it increases when the order book
//!   is updated"): one that does not is a gap, whose `expected` is the least that would do. An update
//!   that changes nothing may repeat it. Numbers jump, so a lost message shows only in the checksum.
//! - The checksum is that of OKX until 2026: the 25 best levels as they were written. One of 0 is none,
//!   as in the documentation's own examples. Where a snapshot has a checksum its book is kept as it was
//!   written and compared after every message that has one; such a number in another writing than plain
//!   decimals makes the book unreadable. A checksum of a book that is not kept so is remarked. In a gap
//!   the checksums stand as unsigned numbers.
//! - An update with neither a `seq` nor a checksum is believed, and remarked.
//! - `books` is told to be of all levels: nothing is cut.
//! - A snapshot of `books` is the book at any time, whatever its `seq`. It comes with each
//!   subscription, so a book is started over by unsubscribing and subscribing again.
//! - `books1`, `books5` and `books15` are whole pictures each time: they are the book of their
//!   instrument until `books` brings one. Their checksums are not looked at: it is not said of which
//!   levels they are. One whose `seq` falls is taken, and remarked.
//! - A snapshot of `trade` holds trades of the past. Those numbered above every trade that came before
//!   are told, such as what was traded while a connection was down; the others, and all of the first
//!   snapshot, are ignored and counted.
//! - Trades of one message come with the newest first (client libraries turn them round; it is not
//!   documented): they are told by time and number. `side` is taken to be the taker's.
//! - Candles of a snapshot are bars like any other. A month has no length in time: its bars are ignored.
//! - Of an instrument's futures of the same name nothing is known here: another `instType` is ignored.
//! - Requests have no numbers. An answer names its channel and symbol; one that does not is that of
//!   the first request that waits. A book that cannot be subscribed to anew ends the connection.
//! - From memory of the documentation, and not looked up: that each argument of a request is answered
//!   by itself, the codes of refusals (30006 and 30007 are too many requests), that an error may name
//!   its argument.

mod decode;
mod market;
mod sequence;
mod subscribe;

use std::sync::Arc;

use tickring_event::{InstrumentId, Instruments};

use super::subscription::{Channel, Offer, Subscription, SubscriptionError};
use super::{Checks, DecodeError, Inbound, Venue};
use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;
use crate::live::{Limit, Profile};
use decode::Decoder;

/// One connection's worth of Bitget messages.
#[derive(Debug)]
pub struct Bitget {
    json: Json,
    decoder: Decoder,
}

impl Bitget {
    /// What can be subscribed to.
    pub const OFFER: Offer = Offer {
        venue: "bitget-spot",
        channels: &Channel::ALL,
        // Without one: all levels, as a snapshot and changes.
        depths: &[1, 5, 15],
        // 1,000 channels are the limit, and fewer than 50 advised. With four channels each, these are
        // 200 of the 240 subscriptions of an hour, should the venue count channels and not requests.
        symbols_max: 50,
        symbol_marks: "",
        symbol_like: "BTCUSDT",
    };

    /// What the venue asks of its clients; all of it from "Websocket API", "Connection instructions".
    pub const PROFILE: Profile = Profile {
        url: "wss://ws.bitget.com/v2/ws/public",
        rest_url: None,
        // A text, not JSON, every 30 s; without one for two minutes the venue closes the connection.
        keep_alive: Some(("ping", 30_000)),
        // Two pongs that did not come.
        silence_ms_max: 70_000,
        // "300 connection requests/IP/5min".
        attempts: Limit { count: 300, window_ms: 300_000 },
        // "Up to 10 messages per second", pings too. Two fewer: on the way they may draw together.
        messages: Limit { count: 8, window_ms: 1_000 },
        // "240 subscription requests/Hour/connection", of which opening takes 200 at most.
        resyncs: Limit { count: 20, window_ms: 3_600_000 },
        fetches: None,
        // "Websocket will be forcibly disconnected every 24 hours".
        age_ms_max: Some(24 * 3_600_000),
    };

    /// A decoder for one connection. Messages about other symbols than the subscription's are
    /// ignored; one without symbols takes them all. Instruments are registered when first seen.
    ///
    /// # Errors
    /// The venue does not offer what is to be subscribed to.
    pub fn new(
        subscription: Subscription,
        instruments: Arc<Instruments>,
    ) -> Result<Self, SubscriptionError> {
        let subscription = subscription.check(&Self::OFFER)?;
        Ok(Self { json: Json::new(), decoder: Decoder::new(subscription, instruments) })
    }
}

impl Venue for Bitget {
    fn name(&self) -> &'static str {
        Self::OFFER.venue
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &decode::MESSAGE_KINDS
    }

    fn open(&mut self, batch: &mut EventBatch) {
        self.decoder.open(batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        if frame.text == b"pong" {
            return Ok(Inbound::Pong);
        }
        let Self { json, decoder } = self;
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
        decoder.ask(batch);
        read
    }

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.decoder.disconnected(stamp, batch);
    }

    /// Nothing is ever held back.
    fn finish(&mut self, _batch: &mut EventBatch) {}

    fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        self.decoder.checks()
    }
}
