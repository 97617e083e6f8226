//! Commands and what the venue answers to them.

use tickring_event::InstrumentId;

use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::coinbase::{Asked, AskedChannel, Refused, printable};
use crate::venue::subscription::{Channel, Subscription};
use crate::venue::{Action, Command, DecodeError, Inbound, Refusal};

const LEVEL2: &str = "level2";

/// The channel that keeps the others open: the venue closes one without updates after 60 to 90 s.
const HEARTBEATS: &str = "heartbeats";

pub(super) fn asked(subscription: &Subscription) -> Asked {
    let names = subscription.channels.iter().map(|channel| match channel {
        Channel::Trade => "market_trades",
        Channel::Ticker => "ticker",
        Channel::Depth => LEVEL2,
        Channel::Bar => "candles",
    });
    let channels = names.map(|it| AskedChannel::of_symbols(it, it));
    let channels = std::iter::once(AskedChannel::general(HEARTBEATS)).chain(channels).collect();
    Asked::new(&subscription.symbols, channels)
}

/// Subscribes to every channel that is not listed yet: one message each.
pub(super) fn unlisted(asked: &Asked, batch: &mut EventBatch) {
    for channel in asked.unlisted() {
        let text = if channel.is_general {
            format!(r#"{{"type":"subscribe","channel":"{}"}}"#, channel.name)
        } else {
            text("subscribe", channel.name, asked.symbols())
        };
        batch.command(Command::Send(text));
    }
}

/// Unsubscribes from books and subscribes again: that brings snapshots.
pub(super) fn resync(products: &[String], batch: &mut EventBatch) {
    let texts = ["unsubscribe", "subscribe"].map(|it| text(it, LEVEL2, products));
    batch.command(Command::Resync { instrument: InstrumentId::NONE, texts: texts.into() });
}

/// Whether a message answers a command.
pub(super) fn is_answer(root: Value<'_, '_>) -> bool {
    let is = |key, word| root.get(key).and_then(Value::text) == Some(word);
    is("type", "error") || is("channel", "subscriptions")
}

pub(super) fn answer(
    root: Value<'_, '_>,
    asked: &mut Asked,
    batch: &mut EventBatch,
) -> Result<Inbound, DecodeError> {
    if root.get("type").and_then(Value::text) == Some("error") {
        return Ok(Inbound::from(refused(root, asked, batch)));
    }
    let events = root.need("events")?.items().ok_or(DecodeError::WrongType { field: "events" })?;
    let mut complete = asked.is_answered();
    for event in events {
        let listed = event.need("subscriptions")?;
        complete = asked.is_complete(|channel, symbol| lists(listed, channel.name, symbol));
    }
    Ok(Inbound::Ack { complete })
}

/// Whether a list of subscriptions holds a channel for a product, or at all.
fn lists(listed: Value<'_, '_>, channel: &str, symbol: Option<&str>) -> bool {
    let Some(mut products) = listed.get(channel).and_then(Value::items) else { return false };
    let Some(symbol) = symbol else { return true };
    products.any(|it| it.text().is_some_and(|it| it.eq_ignore_ascii_case(symbol)))
}

fn refused(root: Value<'_, '_>, asked: &mut Asked, batch: &mut EventBatch) -> Refusal {
    let words = root.get("message").and_then(Value::text).unwrap_or_default();
    let refused = if asked.is_live() { asked.refuse(words) } else { Refused::Nothing };
    if refused == Refused::Part {
        unlisted(asked, batch);
    }
    let action = if refused == Refused::All { Action::Stop } else { Action::Continue };
    let complete = asked.is_answered();
    Refusal { code: 0, message: printable(words), action, complete }
}

fn text(kind: &str, channel: &str, products: &[String]) -> String {
    let products = products.join("\",\"");
    format!(r#"{{"type":"{kind}","product_ids":["{products}"],"channel":"{channel}"}}"#)
}
