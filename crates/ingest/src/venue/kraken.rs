//! Kraken spot, WebSocket v2: public channels, live and recorded.
//!
//! Follows docs.kraken.com (book, trade, ticker, ohlc, status, ping). Understood are `book`, `trade`,
//! `ticker` and `ohlc`; a heartbeat is a life sign. Every other message is ignored and counted.
//!
//! What the venue leaves open is decided so:
//! - Books have no numbers. The checksum, sent with every message, is what shows that one was lost:
//!   where it is not ours, a gap comes before the message, the message is stale, and the book is
//!   subscribed anew, once. A message without a checksum is believed, and remarked.
//! - The checksum is of the ten best levels whatever the depth. The venue's default depth is ten,
//!   and so is ours: then it vouches for the whole book, and a message costs least. In a deeper book
//!   a lost change of a lower level shows when the level comes up to the tenth place.
//! - A book is cut to the configured depth, else to what the ack says, else to the depth offered that
//!   has room for the snapshot. Levels that the cut pushes out end their side as removals.
//! - Numbers are bare, and their trailing zeros count: they are read from their text. One that no
//!   plain decimal would be written as (an exponent, a zero in front) makes a book unreadable.
//! - A snapshot of `trade` holds trades from before the subscription: it is ignored and counted, and
//!   not asked for. One of `ohlc` holds bars like any other.
//! - A ticker is asked for with every change of the best bid and ask, not only with trades.

pub(super) mod book;
mod decode;
mod scan;
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

/// One connection's worth of Kraken messages.
#[derive(Debug)]
pub struct Kraken {
    json: Json,
    decoder: Decoder,
}

impl Kraken {
    /// What can be subscribed to.
    pub const OFFER: Offer = Offer {
        venue: "kraken",
        channels: &Channel::ALL,
        depths: &[10, 25, 100, 500, 1_000],
        // None is documented. One request carries every symbol of a channel: this many are 3 KB.
        symbols_max: 200,
        symbol_marks: "/.",
        symbol_like: "BTC/USD",
    };

    /// What the venue asks of its clients.
    pub const PROFILE: Profile = Profile {
        // "Spot WebSockets v2", endpoints.
        url: "wss://ws.kraken.com/v2",
        rest_url: None,
        // "Ping": a connection without a request is closed after about a minute. Often enough that two
        // answers are missed before silence is taken for death.
        keep_alive: Some((r#"{"method":"ping"}"#, 4_000)),
        // "Heartbeat": about one a second. The documentation takes 5 s without a frame for a dead
        // connection; twice that, so that a slow network costs no gap.
        silence_ms_max: 10_000,
        // "Rate limits": about 150 attempts in any 10 minutes, then a ban of 10 minutes.
        attempts: Limit { count: 100, window_ms: 600_000 },
        // None is documented, but there is one ("Exceeded msg rate"): a careful figure.
        messages: Limit { count: 60, window_ms: 60_000 },
        // Two messages each: a third of those above.
        resyncs: Limit { count: 10, window_ms: 60_000 },
        fetches: None,
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

impl Venue for Kraken {
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
        let Self { json, decoder } = self;
        let scanned =
            json.scan(frame.text, batch, |text, batch| decoder.scan(text, frame.stamp, batch));
        if let Some(inbound) = scanned {
            decoder.ask_resyncs(batch);
            return Ok(inbound);
        }
        let from = batch.len();
        let read = json.read_quoted(frame.text, |root| decoder.read(root, frame.stamp, batch));
        if read.is_err() {
            batch.truncate(from);
            decoder.give_up(frame.stamp, batch);
        }
        decoder.ask_resyncs(batch);
        read
    }

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.decoder.disconnected(stamp, batch);
    }

    fn finish(&mut self, _batch: &mut EventBatch) {}

    fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        self.decoder.checks()
    }
}
