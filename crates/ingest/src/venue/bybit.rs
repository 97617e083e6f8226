//! Bybit v5: public streams of spot, linear and inverse contracts.
//!
//! Follows `bybit-exchange/docs` (commit 072c197, 2026-07-24) and recordings of 9 August 2026.
//! Understood are `orderbook.{depth}` of any depth that starts with a snapshot, `publicTrade`,
//! `tickers` and `kline`. Every other topic is ignored and counted; nothing is read by its position,
//! since the order of keys differs by product and depth.
//!
//! What the venue leaves open is decided so:
//! - `u` is a book's number: it grows by exactly 1 from delta to delta. A repeat of the last one
//!   changes nothing and counts as a duplicate; any other number that is not the next is a gap and
//!   the topic is subscribed anew. A snapshot replaces the book at any time, whatever its `u`: depth 1
//!   consists of nothing else, repeats included. `seq` orders books of different depths and is not
//!   used; trades and tickers have it (there `cs`) as their number.
//! - Where one instrument has books of several depths, its book follows the one that was subscribed
//!   to, otherwise the deepest that gave a snapshot. Others are ignored and counted.
//! - `orderbook.full` has no snapshot of its own and is ignored.
//! - A ticker of contracts tells what has changed; each event holds the last of every field since the
//!   snapshot. An empty text, or a price and a size of zero, is a side without orders. After a ticker
//!   that could not be read, what was known of that instrument is forgotten rather than outdated.
//!   Spot tickers tell the last price alone.
//! - Each push of a kline is a bar, closed (`confirm`) or not: the last one of its `start` stands.
//! - Block trades (`BT`) are trades.
//! - The time of a book is the matching engine's (`cts`) where it is told, otherwise `ts`.
//! - A refused request is sent again topic by topic, without the one that the refusal names: one bad
//!   topic can fail them all. A topic that is refused alone is given up; a book that cannot be
//!   subscribed to anew ends the connection, since nothing else would bring it back.

mod decode;
mod fields;
mod scan;
mod sequence;
mod subscribe;

use std::sync::Arc;

use tickring_event::Instruments;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::{Json, Scanner};
use crate::live::{Limit, Profile};
use crate::venue::subscription::{Channel, Offer, Subscription, SubscriptionError};
use crate::venue::{DecodeError, Inbound, Venue};
use decode::Decoder;
use subscribe::Requests;

/// Which of the venue's products: each has a socket of its own.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BybitProduct {
    /// Spot.
    Spot,
    /// Perpetuals and futures settled in USDT or USDC.
    Linear,
    /// Perpetuals and futures settled in their coin.
    Inverse,
}

/// One connection's worth of Bybit's public streams.
#[derive(Debug)]
pub struct Bybit {
    product: BybitProduct,
    json: Json,
    decoder: Decoder,
    requests: Requests,
}

impl Bybit {
    /// What there is to subscribe to.
    #[must_use]
    pub const fn offer(product: BybitProduct) -> Offer {
        Offer {
            venue: product.name(),
            channels: &Channel::ALL,
            depths: &[1, 50, 200, 1_000],
            // Not documented: 21,000 characters of topics are the limit, which this reaches with
            // four channels of common symbols. Checked exactly in `new`.
            symbols_max: 250,
            symbol_marks: "-",
            symbol_like: "BTCUSDT",
        }
    }

    /// What it asks of whoever connects.
    #[must_use]
    pub const fn profile(product: BybitProduct) -> Profile {
        Profile {
            url: match product {
                BybitProduct::Spot => "wss://stream.bybit.com/v5/public/spot",
                BybitProduct::Linear => "wss://stream.bybit.com/v5/public/linear",
                BybitProduct::Inverse => "wss://stream.bybit.com/v5/public/inverse",
            },
            rest_url: None,
            // "send the ping heartbeat packet every 20 seconds" (connect page).
            keep_alive: Some((subscribe::PING, 20_000)),
            // Three pings without a pong.
            silence_ms_max: 60_000,
            // "500 connections within 5 minutes" (connect page).
            attempts: Limit { count: 500, window_ms: 300_000 },
            // Not documented; a careful choice.
            messages: Limit { count: 10, window_ms: 1_000 },
            // Not documented; a careful choice: each is two messages.
            resyncs: Limit { count: 5, window_ms: 1_000 },
            fetches: None,
            age_ms_max: None,
        }
    }

    /// A decoder for one connection. Instruments are registered when first seen.
    ///
    /// # Errors
    /// [`SubscriptionError`] names what cannot work.
    pub fn new(
        product: BybitProduct,
        subscription: Subscription,
        instruments: Arc<Instruments>,
    ) -> Result<Self, SubscriptionError> {
        let subscription = subscription.check(&Self::offer(product))?;
        let requests = Requests::new(&subscription)?;
        let decoder = Decoder::new(&subscription, instruments);
        Ok(Self { product, json: Json::new(), decoder, requests })
    }
}

impl BybitProduct {
    /// The venue's name with this product.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Spot => "bybit-spot",
            Self::Linear => "bybit-linear",
            Self::Inverse => "bybit-inverse",
        }
    }
}

impl Venue for Bybit {
    fn name(&self) -> &'static str {
        self.product.name()
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &decode::MESSAGE_KINDS
    }

    fn open(&mut self, batch: &mut EventBatch) {
        self.requests.open(batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, decoder, requests, .. } = self;
        let from = batch.len();
        let scan =
            |text: Scanner<'_>, batch: &mut EventBatch| decoder.scan(text, frame.stamp, batch);
        let read = match json.scan(frame.text, batch, scan) {
            Some(inbound) => Ok(inbound),
            None => json.read(frame.text, |root| {
                // What a first reading left before it met a bare number.
                batch.truncate(from);
                match root.get("topic") {
                    Some(_) => decoder.read(root, frame.stamp, batch),
                    None => requests.answer(root, batch),
                }
            }),
        };
        if read.is_err() {
            batch.truncate(from);
            decoder.give_up(frame.stamp, batch);
        }
        if let Some((depth, instrument, symbol)) = decoder.take_resync() {
            requests.resync(depth, (instrument, symbol), batch);
        }
        read
    }

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.decoder.disconnected(stamp, batch);
        self.requests.disconnected();
    }

    /// Nothing is held back.
    fn finish(&mut self, _batch: &mut EventBatch) {}
}
