//! Coinbase Exchange: the public feed.
//!
//! Follows the "Exchange WebSocket" pages of docs.cdp.coinbase.com and a recording of 17 April 2021.
//! Understood are the channels `level2` and `level2_batch` (`snapshot`, `l2update`), `matches`
//! (`match`, `last_match`), `ticker`, `ticker_batch`, `heartbeat` and the answers to commands. Every
//! other type is ignored and counted.
//!
//! **The book has neither a number nor a checksum here**: the venue promises delivery on the
//! connection, and nothing in a message can prove that one before it is missing. Only a message that
//! cannot be read and a lost connection break a book. Trades are numbered by product.
//!
//! What the venue leaves open is decided so:
//! - `trade_id` grows by 1 from match to match of a product. A jump is a gap that leaves the book
//!   alone. It goes on over a reconnect, so that what was missed meanwhile is counted. A trade that
//!   comes late is told, a second one is dropped; both are counted.
//! - The `last_trade_id` of a heartbeat is compared too, from the first match of its product on: what
//!   was traded after the last match seen is missing.
//! - `last_match` is a trade; after a reconnect it is dropped if it came before.
//! - `side` of a match is the maker's: the taker's is the other one. That of a ticker is not used.
//! - `sequence` is the number of trades and tickers. Only the `full` channel shows all of them, so that
//!   jumps in it say nothing.
//! - `level2_batch` is subscribed to for depth: since 2023 `level2` needs a key. Both may be listed
//!   under either name.
//! - A refusal that names a product or a channel gives that up, and the rest is asked for again.

mod decode;
mod scan;
mod subscribe;

use std::sync::Arc;

use tickring_event::Instruments;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::{Json, Scanner};
use crate::live::{Limit, Profile};
use crate::venue::coinbase::Asked;
use crate::venue::subscription::{Channel, Offer, Subscription, SubscriptionError};
use crate::venue::{DecodeError, Inbound, Venue};
use decode::Decoder;

/// One connection's worth of Coinbase Exchange's public feed.
#[derive(Debug)]
pub struct CoinbaseExchange {
    json: Json,
    decoder: Decoder,
    asked: Asked,
}

impl CoinbaseExchange {
    /// What there is to subscribe to.
    pub const OFFER: Offer = Offer {
        venue: NAME,
        channels: &[Channel::Trade, Channel::Ticker, Channel::Depth],
        depths: &[],
        // Not documented; a careful choice: the snapshot of one product may have megabytes.
        symbols_max: 100,
        symbol_marks: "-",
        symbol_like: "BTC-USD",
    };

    /// What it asks of whoever connects.
    pub const PROFILE: Profile = Profile {
        url: "wss://ws-feed.exchange.coinbase.com",
        rest_url: None,
        // Heartbeats are subscribed to; the client sends nothing.
        keep_alive: None,
        // Ten heartbeats: one a second for each product.
        silence_ms_max: 10_000,
        // "8 requests a second" for an address (rate limits page); half of it.
        attempts: Limit { count: 4, window_ms: 1_000 },
        // Documented as 100 messages a second for an address; requests are 8.
        messages: Limit { count: 8, window_ms: 1_000 },
        // Not documented; a careful choice: each brings a whole book.
        resyncs: Limit { count: 1, window_ms: 1_000 },
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

const NAME: &str = "coinbase-exchange";

impl Venue for CoinbaseExchange {
    fn name(&self) -> &'static str {
        NAME
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &decode::MESSAGE_KINDS
    }

    fn open(&mut self, batch: &mut EventBatch) {
        self.asked.open();
        subscribe::unlisted(&self.asked, batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, decoder, asked } = self;
        let from = batch.len();
        let scan =
            |text: Scanner<'_>, batch: &mut EventBatch| decoder.scan(text, frame.stamp, batch);
        let read = match json.scan(frame.text, batch, scan) {
            Some(inbound) => Ok(inbound),
            None => json.read(frame.text, |root| {
                // What a first reading left before it met a bare number.
                batch.truncate(from);
                match root.need_text("type")? {
                    "subscriptions" => subscribe::listed(root, asked),
                    "error" => Ok(Inbound::from(subscribe::refused(root, asked, batch))),
                    kind => decoder.read(kind, (root, frame.stamp), batch),
                }
            }),
        };
        if read.is_err() {
            batch.truncate(from);
            decoder.give_up(frame.stamp, batch);
        }
        if let Some(product) = decoder.take_resync() {
            subscribe::resync(product, batch);
        }
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
