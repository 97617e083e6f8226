//! TickDB: ticker, depth and trades of many markets over one socket.
//!
//! What the vendor leaves open is met both ways: acks per command, per symbol, late or never; trades
//! in two shapes; symbols with or without their market; numbers as strings or bare.
//!
//! Left out on purpose: bars (TickDB serves them by REST alone) and 24-hour statistics.

mod codes;
mod config;
mod decode;
mod fields;
mod scan;
mod sequence;
mod subscribe;
mod symbols;

use std::sync::Arc;

use tickring_event::Instruments;

pub(crate) use self::codes::{Code, Meaning};
pub use self::config::{Channel, ConfigError, ProductKind, TickDbConfig};
use self::decode::{Feed, Message};
use self::subscribe::{Reply, Subscriptions};
use super::{DecodeError, Inbound, Venue};
use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;

/// The venue's keep-alive, sent as a text frame; the vendor's example sends it every second.
pub const KEEP_ALIVE: &str = r#"{"cmd":"ping"}"#;

/// Most symbols one `subscribe` names. The socket's own limit is not documented; REST allows 50.
pub const SYMBOLS_PER_COMMAND: usize = 50;

/// One TickDB connection: decodes its frames and keeps its subscriptions.
///
/// An instrument is registered when its first priced message arrives, under the symbol as it was
/// subscribed, whatever spelling the venue pushes. A message about a symbol that was never
/// subscribed is published under the venue's own spelling.
///
/// Where `data` holds a whole number `seq`, counted from 1 for each symbol and channel, the numbering
/// is checked (the documented feed has none, and then nothing is). A skipped number gives a `Gap`
/// before the event. A number that comes twice is counted and dropped. One that comes late is
/// counted, and then a trade is published, a depth picture is published as `STALE`, and a ticker is
/// dropped: a newer one was published already. A frame that cannot be decoded leaves its number
/// open, so the next `Gap` includes what strategies did not get.
#[derive(Debug)]
pub struct TickDb {
    json: Json,
    feed: Feed,
    subscriptions: Subscriptions,
}

impl TickDb {
    /// A venue that subscribes to every symbol of `config` on every channel of it.
    ///
    /// # Errors
    /// [`ConfigError`] names what in `config` cannot work.
    pub fn new(config: &TickDbConfig, instruments: Arc<Instruments>) -> Result<Self, ConfigError> {
        config.check()?;
        Ok(Self {
            json: Json::new(),
            subscriptions: Subscriptions::new(config),
            feed: Feed::new(config, instruments),
        })
    }

    /// A venue for a recording whose subscriptions are not known: it takes every symbol as it is
    /// spelled, and has nothing to subscribe to.
    #[must_use]
    pub fn recorded(instruments: Arc<Instruments>) -> Self {
        let config = TickDbConfig::default();
        Self {
            json: Json::new(),
            subscriptions: Subscriptions::new(&config),
            feed: Feed::new(&config, instruments),
        }
    }
}

impl Venue for TickDb {
    fn name(&self) -> &'static str {
        "tickdb"
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &Channel::NAMES
    }

    fn open(&mut self, batch: &mut EventBatch) {
        self.feed.sequences.reopen();
        self.subscriptions.open(&self.feed.symbols);
        self.subscriptions.take_commands(batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let Self { json, feed, subscriptions } = self;
        let scanned =
            json.scan(frame.text, batch, |text, batch| feed.scan(text, frame.stamp, batch));
        if let Some(inbound) = scanned {
            subscriptions.note_data();
            return Ok(inbound);
        }
        json.read(frame.text, |root| match Message::read(root) {
            Message::Data(channel, data) => {
                let inbound = feed.decode(channel, data, frame.stamp, batch)?;
                subscriptions.note_data();
                Ok(inbound)
            }
            Message::Pong => Ok(Inbound::Pong),
            Message::Reply(code) => {
                let reply = Reply::read(root, code, &feed.symbols);
                let answer = answer(&reply, subscriptions, feed);
                subscriptions.take_commands(batch);
                Ok(answer)
            }
            Message::Other => Ok(Inbound::Ignored("unknown_message")),
        })
    }

    fn json(&mut self) -> Option<&mut Json> {
        Some(&mut self.json)
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.feed.disconnected(stamp, batch);
    }

    /// Nothing is ever held back.
    fn finish(&mut self, _batch: &mut EventBatch) {}
}

fn answer(reply: &Reply<'_>, subscriptions: &mut Subscriptions, feed: &mut Feed) -> Inbound {
    match (reply.command, reply.code) {
        (Some("ping" | "pong"), Code::Number(0)) => Inbound::Pong,
        (Some("subscribe"), Code::Number(0)) => subscriptions.accepted(reply),
        (_, Code::Number(0)) => Inbound::Ignored("other_answer"),
        _ => Inbound::from(subscriptions.refused(reply, &mut feed.symbols)),
    }
}
