//! The taker's side, as `buy` or `sell`.

use tickring_event::Side;

use crate::batch::EventBatch;
use crate::json::Value;

pub(super) fn of_word(word: &[u8]) -> Option<Side> {
    match word {
        b"buy" => Some(Side::Buy),
        b"sell" => Some(Side::Sell),
        _ => None,
    }
}

/// What a trade's `side` says. Another word is remarked and tells no side.
pub(super) fn of_trade(trade: Value<'_, '_>, batch: &mut EventBatch) -> Option<Side> {
    let taker = trade.get("side").and_then(Value::text).and_then(|word| of_word(word.as_bytes()));
    if taker.is_none() {
        batch.remark("unknown_side");
    }
    taker
}
