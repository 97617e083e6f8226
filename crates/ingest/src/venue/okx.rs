//! OKX v5: public channels, live and recorded.
//!
//! Follows OKX's API documentation and its notice of 21 May 2026 on checksums. Understood are `books`
//! (and its faster forms), `books5`, `bbo-tbt`, `trades` (and `trades-all`), `tickers` and `candle*`.
//! Every other message is ignored and counted.
//!
//! What the venue leaves open is decided so:
//! - A book is continuous while each update's `prevSeqId` is the `seqId` before. Ids jump, so what is
//!   missing cannot be counted. An update that changes nothing repeats its id; after maintenance one
//!   may fall: both are linked, and accepted.
//! - A checksum of 0, or none, is none: production has sent 0 since June 2026. Where a snapshot has a
//!   checksum its book is kept as it was written and compared after every message that has one; such
//!   a number in another writing than plain decimals makes the book unreadable. A checksum of a book
//!   that is not kept so is remarked. In a gap the checksums stand as unsigned numbers.
//! - An update with neither a `seqId` nor a checksum is believed, and remarked.
//! - An update that comes first, without a snapshot, is held back, with those that follow, until the
//!   book comes over HTTP. The book begins with the first one whose `prevSeqId` is not above the
//!   snapshot's `seqId`, and whose `seqId` is. A snapshot older than that is asked for again.
//! - `books5` is a whole picture each time: it is the book of its instrument until `books` brings one.
//!   `bbo-tbt` is a top of book, and never a book.
//! - Bars come over another address of the venue (`/ws/v5/business`): they cannot be subscribed to,
//!   and are decoded where they were recorded. A month has no length in time: its bars are ignored.
//! - A trade's sequence is its `seqId`, or else its number. One may stand for several fills.
//! - Sizes of derivatives are contracts.

mod decode;
mod market;
mod scan;
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

/// One connection's worth of OKX messages.
#[derive(Debug)]
pub struct Okx {
    json: Json,
    decoder: Decoder,
}

impl Okx {
    /// What can be subscribed to.
    pub const OFFER: Offer = Offer {
        venue: "okx",
        channels: &[Channel::Trade, Channel::Ticker, Channel::Depth],
        depths: &[5, 400],
        // One request each, of the 480 that a connection may send in an hour.
        symbols_max: 100,
        symbol_marks: "-_",
        symbol_like: "BTC-USDT",
    };

    /// What the venue asks of its clients.
    pub const PROFILE: Profile = Profile {
        // "Production Trading", public channels.
        url: "wss://ws.okx.com:8443/ws/v5/public",
        rest_url: Some("https://www.okx.com"),
        // "Connect": a text, not JSON, sent after less than 30 s without a message.
        keep_alive: Some(("ping", 15_000)),
        // The answer must come within the same 30 s.
        silence_ms_max: 30_000,
        // "Connection limit": three a second for each IP.
        attempts: Limit { count: 3, window_ms: 1_000 },
        // "Connect": 480 subscribe, unsubscribe and login requests an hour over one connection.
        messages: Limit { count: 480, window_ms: 3_600_000 },
        // Two requests each; with 100 subscriptions that leaves half of the 480.
        resyncs: Limit { count: 60, window_ms: 3_600_000 },
        // "GET / Order book": 40 in two seconds from one address; a careful part of it.
        fetches: Some(Limit { count: 10, window_ms: 2_000 }),
        age_ms_max: None,
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

impl Venue for Okx {
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
        let scanned =
            json.scan(frame.text, batch, |text, batch| decoder.scan(text, frame.stamp, batch));
        if let Some(inbound) = scanned {
            decoder.ask(batch);
            return Ok(inbound);
        }
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

    fn finish(&mut self, batch: &mut EventBatch) {
        self.decoder.finish(batch);
    }

    fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        self.decoder.checks()
    }
}
