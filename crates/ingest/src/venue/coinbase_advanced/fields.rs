//! Reads the fields of messages, and notes whose they are.

use tickring_event::{Bar, DecimalError, Instrument};

use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::coinbase::{NO_NUMBERS, items, numbers};
use crate::venue::listing::{Numbers, number};
use crate::venue::{DecodeError, Inbound, OTHER_SYMBOL};

/// Length of a candle.
const CANDLE_NS: i64 = 300_000_000_000;

const NS_PER_S: i64 = 1_000_000_000;

/// Whose the parts of a message were.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Whose {
    wanted: bool,
    other: bool,
}

/// Whose books a message may change.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Books that a message names.
    pub(super) positions: Vec<usize>,
    /// A message that could not be read as far as to know which.
    pub(super) is_any: bool,
}

impl Whose {
    pub(super) const fn note(&mut self, position: Option<usize>) -> Option<usize> {
        match position {
            Some(_) => self.wanted = true,
            None => self.other = true,
        }
        position
    }

    /// What the message is: ignored if all of it was about products that nobody wants.
    pub(super) const fn inbound(self, kind: usize) -> Inbound {
        if self.wanted || !self.other {
            Inbound::Data(kind)
        } else {
            Inbound::Ignored(OTHER_SYMBOL)
        }
    }
}

impl Reading {
    pub(super) fn clear(&mut self) {
        self.positions.clear();
        self.is_any = false;
    }
}

/// A heartbeat's counter is a number or a text of digits. What is neither is remarked.
pub(super) fn note_heartbeat(root: Value<'_, '_>, batch: &mut EventBatch) {
    let counter = |event: Value<'_, '_>| event.get("heartbeat_counter").and_then(Value::whole);
    let mut events = root.get("events").and_then(Value::items);
    let is_readable =
        events.as_mut().is_some_and(|it| it.next().is_some_and(|it| counter(it).is_some()));
    if !is_readable {
        batch.remark("unreadable_heartbeat");
    }
}

pub(super) fn first_level<'text>(event: Value<'_, 'text>) -> Result<Numbers<'text>, DecodeError> {
    let first = items(event.need("updates")?, "updates")?.next();
    first.map_or(Ok(NO_NUMBERS), level_of)
}

pub(super) fn level_of<'text>(update: Value<'_, 'text>) -> Result<Numbers<'text>, DecodeError> {
    numbers(update, "price_level", "new_quantity")
}

pub(super) fn read_bar(candle: Value<'_, '_>, instrument: &Instrument) -> Result<Bar, DecodeError> {
    let price = |key| instrument.price(candle.need(key)?.decimal(key)?).map_err(number(key));
    let start_s = candle.need("start")?.integer().filter(|it| *it >= 0);
    let start_s = start_s.ok_or(DecodeError::WrongType { field: "start" })?;
    let start_ns = start_s.checked_mul(NS_PER_S);
    let volume = candle.need("volume")?.decimal("volume")?;
    Ok(Bar {
        start_ns: start_ns.ok_or_else(|| number("start")(DecimalError::Overflow))?,
        interval_ns: CANDLE_NS,
        open: price("open")?,
        high: price("high")?,
        low: price("low")?,
        close: price("close")?,
        volume: instrument.quantity(volume).map_err(number("volume"))?,
        trades: 0,
    })
}
