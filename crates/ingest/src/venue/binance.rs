//! Binance spot and USD-M futures: public market streams, live or as recorded.
//!
//! Follows `binance/binance-spot-api-docs`, `web-socket-streams.md`, and the USD-M pages. Understood
//! are trade, aggTrade, bookTicker, kline, diff depth, partial depth, answers to commands, the notice
//! of a shutdown, and depth snapshots: the REST answer as a line among the messages, or in the frame
//! that answers [`Command::Fetch`](crate::Command::Fetch). Messages may be raw or combined streams. Every other one is
//! ignored and counted.
//!
//! The first diff of an instrument asks for its snapshot, and so does each break, once until an answer
//! comes. Diffs are held back until then. A snapshot that ends before the oldest held diff begins is
//! stale, and the next is asked for; one that cannot be had or read is asked for again by the source.
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
//! - An aggTrade is one trade whose id is that of the last it is made of. Once single trades of its
//!   instrument have come it is ignored and counted: it would tell the same a second time.
//! - Each kline message is a bar as far as it has come; the last one with its start is final.
//! - A side of a bookTicker with price and quantity zero has no orders: it is absent.
//! - `missing` of a spot gap counts update ids: the venue does not number messages. On USD-M it is
//!   unknown.
//! - Times above 100,000,000,000,000 are microseconds (`timeUnit=MICROSECOND`), others milliseconds.
//! - An error without an id answers the first command that waits.
//! - A stream that does not exist is acknowledged and stays silent; so does a quiet one. At the end it
//!   is told which acknowledged streams brought something, which is all that is known.

mod decode;
mod fields;
mod scan;
mod sequence;
mod subscribe;
mod symbols;
mod told;

use std::sync::Arc;

use tickring_event::Instruments;

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;
use crate::live::{Limit, Profile};
use crate::venue::subscription::{Channel, Offer, Subscription, SubscriptionError};
use crate::venue::{Acknowledged, DecodeError, Inbound, Venue};
use decode::Decoder;
use subscribe::{STREAMS_MAX, Subscriptions};

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
    /// What spot offers.
    pub const OFFER_SPOT: Offer = offer("binance-spot");
    /// What USD-M offers.
    pub const OFFER_USDM: Offer = offer("binance-usdm");

    /// What spot asks of whoever connects.
    pub const PROFILE_SPOT: Profile = Profile {
        url: "wss://stream.binance.com:9443/stream",
        rest_url: Some("https://api.binance.com"),
        // The venue pings; an unsolicited pong counts for nothing.
        keep_alive: None,
        // It pings every 20 seconds: three of them are missing.
        silence_ms_max: 65_000,
        // 300 in five minutes from one address.
        attempts: Limit { count: 300, window_ms: 300_000 },
        // Five messages a second, pongs among them: one is left for those.
        messages: Limit { count: 4, window_ms: 1_000 },
        // Books start over by a snapshot alone, over HTTP.
        resyncs: Limit { count: 20, window_ms: 60_000 },
        // A snapshot of 5,000 levels weighs 250 of the 6,000 that one address has a minute.
        fetches: Some(Limit { count: 20, window_ms: 60_000 }),
        age_ms_max: Some(DAY_MS),
    };

    /// What USD-M asks of whoever connects.
    pub const PROFILE_USDM: Profile = Profile {
        url: "wss://fstream.binance.com/stream",
        rest_url: Some("https://fapi.binance.com"),
        // It pings every three minutes: two of them are missing.
        silence_ms_max: 400_000,
        // Ten messages a second are allowed; there is no need of more than at spot.
        // A snapshot of 1,000 levels weighs 20 of 2,400 a minute. Attempts are not limited by word.
        fetches: Some(Limit { count: 60, window_ms: 60_000 }),
        ..Self::PROFILE_SPOT
    };

    /// A decoder for one recorded connection, whose subscriptions are not known. Messages about other
    /// symbols than `symbols` (in either case) are ignored; an empty list takes them all. Instruments
    /// are registered when first seen.
    #[must_use]
    pub fn new(market: Market, symbols: &[String], instruments: Arc<Instruments>) -> Self {
        Self { market, json: Json::new(), decoder: Decoder::new(market, symbols, instruments) }
    }

    /// A decoder for one connection that subscribes, or did when it was recorded. Symbols are taken in
    /// either case.
    ///
    /// # Errors
    /// [`SubscriptionError`] names what cannot work.
    pub fn subscribing(
        market: Market,
        subscription: Subscription,
        instruments: Arc<Instruments>,
    ) -> Result<Self, SubscriptionError> {
        let (subscriptions, symbols) = Subscriptions::new(subscription, &market.offer())?;
        let mut binance = Self::new(market, &symbols, instruments);
        binance.decoder.subscriptions = subscriptions;
        Ok(binance)
    }
}

impl Market {
    /// What it offers.
    #[must_use]
    pub const fn offer(self) -> Offer {
        match self {
            Self::Spot => Binance::OFFER_SPOT,
            Self::UsdM => Binance::OFFER_USDM,
        }
    }

    /// What it asks of whoever connects.
    #[must_use]
    pub const fn profile(self) -> Profile {
        match self {
            Self::Spot => Binance::PROFILE_SPOT,
            Self::UsdM => Binance::PROFILE_USDM,
        }
    }
}

const fn offer(venue: &'static str) -> Offer {
    Offer {
        venue,
        channels: &Channel::ALL,
        // The diff stream has no choice of depth, and partial books are no whole ones.
        depths: &[],
        symbols_max: STREAMS_MAX,
        // Futures that expire are written `BTCUSDT_250328`.
        symbol_marks: "_",
        symbol_like: "BTCUSDT",
    }
}

/// Age at which both markets cut a connection.
const DAY_MS: u64 = 86_400_000;

impl Venue for Binance {
    fn name(&self) -> &'static str {
        self.market.offer().venue
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &decode::MESSAGE_KINDS
    }

    /// Sends nothing where subscriptions are not known: whoever recorded the frames had subscribed.
    fn open(&mut self, batch: &mut EventBatch) {
        self.decoder.subscriptions.open(batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, decoder, .. } = self;
        let from = batch.len();
        let scanned =
            json.scan(frame.text, batch, |text, batch| decoder.scan(text, frame.stamp, batch));
        if let Some(inbound) = scanned {
            return Ok(inbound);
        }
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

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.decoder.disconnected(stamp, batch);
    }

    fn next_part(&mut self) {
        self.decoder.symbols.next_part();
    }

    fn finish(&mut self, batch: &mut EventBatch) {
        self.decoder.finish(batch);
    }

    fn acknowledged(&self) -> Vec<Acknowledged> {
        self.decoder.subscriptions.acknowledged(&self.decoder.symbols)
    }
}
