//! Coinbase Advanced Trade: the market data feed.
//!
//! Follows the "Advanced Trade WebSocket" pages of docs.cdp.coinbase.com and a recording of 9 August
//! 2026. Understood are the channels `level2` (which arrives as `l2_data`), `market_trades`, `ticker`,
//! `ticker_batch`, `candles`, `heartbeats` and `subscriptions`. Every other one is ignored and
//! counted.
//!
//! `sequence_num` counts all messages of a connection, of every channel and product and the answers
//! too, from 0 in steps of 1. It is the number of every event.
//!
//! What the venue leaves open is decided so:
//! - A jump of `sequence_num` is one gap of the connection: all its books are broken, whatever channel
//!   the lost message was of, and `level2` is subscribed anew for all of them at once. Trades and the
//!   rest go on. A jump while those snapshots are on their way asks again: they may be among the lost.
//!   Numbers before the first message that came are missing too, as in an excerpt of a recording.
//! - A message with the last number again or a lower one is dropped and counted as a duplicate or as
//!   reordered. Number 0 starts over instead: a new connection.
//! - A message without a number is not decoded: the next one then shows a jump.
//! - `side` of a trade is the maker's: the taker's is the other one.
//! - Trades of one message come with the newest first and are told oldest first. The snapshot of past
//!   trades that follows a subscription is told too, without those that came before a reconnect: it
//!   fills what the reconnect missed.
//! - Candles are bars of five minutes; each push is one, and the last one of its start stands.
//! - The time of a book is that of its first change (`event_time`), where it is told, otherwise the
//!   message's.
//! - A refusal that names a product or a channel gives that up, and the rest is asked for again.

mod decode;
mod fields;
mod scan;
mod sequence;
mod subscribe;

use std::sync::Arc;

use tickring_event::Instruments;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;
use crate::live::{Limit, Profile};
use crate::venue::coinbase::Asked;
use crate::venue::subscription::{Channel, Offer, Subscription, SubscriptionError};
use crate::venue::{DecodeError, Inbound, Venue};
use decode::Decoder;

/// One connection's worth of Coinbase Advanced Trade market data.
#[derive(Debug)]
pub struct CoinbaseAdvanced {
    json: Json,
    decoder: Decoder,
    asked: Asked,
}

impl CoinbaseAdvanced {
    /// What there is to subscribe to.
    pub const OFFER: Offer = Offer {
        venue: NAME,
        channels: &Channel::ALL,
        depths: &[],
        // Not documented; a careful choice: the snapshot of one product may have 5 MB.
        symbols_max: 100,
        symbol_marks: "-",
        symbol_like: "BTC-USD",
    };

    /// What it asks of whoever connects.
    pub const PROFILE: Profile = Profile {
        url: "wss://advanced-trade-ws.coinbase.com",
        rest_url: None,
        // Heartbeats are subscribed to; the client sends nothing.
        keep_alive: None,
        // Ten heartbeats: "one message a second" (channels page).
        silence_ms_max: 10_000,
        // Documented as 8 a second on one page, 750 on another, one in 4 s on older ones; half of the
        // first.
        attempts: Limit { count: 4, window_ms: 1_000 },
        // "8 unauthenticated messages a second" for an address (rate limits page).
        messages: Limit { count: 8, window_ms: 1_000 },
        // Not documented; a careful choice: it brings whole books, of all products after a gap.
        resyncs: Limit { count: 1, window_ms: 5_000 },
        fetches: None,
        age_ms_max: None,
    };

    /// A decoder for one connection. Instruments are registered when first seen.
    ///
    /// # Errors
    /// [`SubscriptionError`] names what cannot work.
    pub fn new(
        subscription: Subscription,
        instruments: Arc<Instruments>,
    ) -> Result<Self, SubscriptionError> {
        let subscription = subscription.check(&Self::OFFER)?;
        let asked = subscribe::asked(&subscription);
        let decoder = Decoder::new(&subscription.symbols, instruments);
        Ok(Self { json: Json::new(), decoder, asked })
    }
}

const NAME: &str = "coinbase-advanced";

impl Venue for CoinbaseAdvanced {
    fn name(&self) -> &'static str {
        NAME
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &decode::MESSAGE_KINDS
    }

    fn open(&mut self, batch: &mut EventBatch) {
        self.decoder.open();
        self.asked.open();
        subscribe::unlisted(&self.asked, batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, decoder, asked } = self;
        let mut from = batch.len();
        let scanned =
            json.scan(frame.text, batch, |text, batch| decoder.scan(text, frame.stamp, batch));
        if let Some(inbound) = scanned {
            decoder.take_resyncs(|products| subscribe::resync(products, batch));
            return Ok(inbound);
        }
        let mut standing = None;
        let read = json.read(frame.text, |root| {
            // What a first reading left before it met a bare number. The number of the message was
            // taken then, and what follows of it stays.
            batch.truncate(from);
            if standing.is_none() {
                standing = Some(decoder.place(root, frame.stamp, batch)?);
                from = batch.len();
            }
            match standing {
                Some(sequence::Place::Dropped) => Ok(Inbound::Ignored("late_message")),
                _ if subscribe::is_answer(root) => subscribe::answer(root, asked, batch),
                _ => decoder.read(root, frame.stamp, batch),
            }
        });
        if read.is_err() {
            batch.truncate(from);
            decoder.give_up(frame.stamp, batch);
        }
        decoder.take_resyncs(|products| subscribe::resync(products, batch));
        read
    }

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.decoder.disconnected(stamp, batch);
    }

    /// Nothing is held back.
    fn finish(&mut self, _batch: &mut EventBatch) {}
}
