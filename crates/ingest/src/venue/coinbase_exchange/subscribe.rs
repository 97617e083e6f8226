//! Commands and what the venue answers to them.

use tickring_event::InstrumentId;

use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::coinbase::{Asked, AskedChannel, Refused, items, printable};
use crate::venue::subscription::{Channel, Subscription};
use crate::venue::{Action, Command, DecodeError, Inbound, Refusal};

/// The book, in batches of 50 ms: without them it needs a key.
const LEVEL2_BATCH: &str = "level2_batch";

const LEVEL2: &str = "level2";

/// A life sign a second, which also tells the number of the last trade.
const HEARTBEAT: &str = "heartbeat";

pub(super) fn asked(subscription: &Subscription) -> Asked {
    let channels = subscription.channels.iter().filter_map(|channel| match channel {
        Channel::Trade => Some(AskedChannel::of_symbols("matches", "matches")),
        Channel::Ticker => Some(AskedChannel::of_symbols("ticker", "ticker")),
        Channel::Depth => Some(AskedChannel::of_symbols(LEVEL2_BATCH, LEVEL2)),
        Channel::Bar => None,
    });
    let heartbeat = AskedChannel::of_symbols(HEARTBEAT, HEARTBEAT).beside();
    Asked::new(&subscription.symbols, channels.chain([heartbeat]).collect())
}

/// Subscribes to every channel that is not listed yet, in one message.
pub(super) fn unlisted(asked: &Asked, batch: &mut EventBatch) {
    let channels: Vec<_> = asked.unlisted().map(|it| it.name).collect();
    if !channels.is_empty() {
        let products = asked.symbols().join("\",\"");
        batch.command(Command::Send(text("subscribe", &products, &channels.join("\",\""))));
    }
}

/// Unsubscribes from a book and subscribes again: that brings a snapshot.
pub(super) fn resync((instrument, product): (InstrumentId, &str), batch: &mut EventBatch) {
    // In a recording symbols are what somebody wrote.
    if !product.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-') {
        return;
    }
    let texts = ["unsubscribe", "subscribe"].map(|it| text(it, product, LEVEL2_BATCH));
    batch.command(Command::Resync { instrument, texts: texts.into() });
}

/// An answer lists all that is subscribed to.
pub(super) fn listed(root: Value<'_, '_>, asked: &mut Asked) -> Result<Inbound, DecodeError> {
    let channels = root.need("channels")?;
    items(channels, "channels")?;
    let complete = asked.is_complete(|channel, symbol| {
        let mut all = channels.items().into_iter().flatten();
        all.any(|it| {
            let name = it.get("name").and_then(Value::text);
            name.is_some_and(|it| it == channel.name || it == channel.alias) && lists(it, symbol)
        })
    });
    Ok(Inbound::Ack { complete })
}

fn lists(channel: Value<'_, '_>, symbol: Option<&str>) -> bool {
    let Some(symbol) = symbol else { return true };
    let mut products = channel.get("product_ids").and_then(Value::items).into_iter().flatten();
    products.any(|it| it.text().is_some_and(|it| it.eq_ignore_ascii_case(symbol)))
}

pub(super) fn refused(root: Value<'_, '_>, asked: &mut Asked, batch: &mut EventBatch) -> Refusal {
    let text = |key| root.get(key).and_then(Value::text).unwrap_or_default();
    let (message, reason) = (text("message"), text("reason"));
    let words = if reason.is_empty() { message.to_owned() } else { format!("{message}: {reason}") };
    let refused = if asked.is_live() { asked.refuse(&words) } else { Refused::Nothing };
    if refused == Refused::Part {
        unlisted(asked, batch);
    }
    let action = if refused == Refused::All { Action::Stop } else { Action::Continue };
    let complete = asked.is_answered();
    Refusal { code: 0, message: printable(&words), action, complete }
}

fn text(kind: &str, products: &str, channels: &str) -> String {
    format!(r#"{{"type":"{kind}","product_ids":["{products}"],"channels":["{channels}"]}}"#)
}
