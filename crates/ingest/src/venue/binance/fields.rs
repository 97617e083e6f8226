//! Fields of Binance's messages: levels, times, names of streams.

use tickring_event::{DecimalError, Instrument, Level, NumberText};

use super::symbols::FirstNumbers;
use crate::json::Value;
use crate::venue::DecodeError;

/// Times above this are microseconds: as milliseconds it is the year 5138, as microseconds 1973.
const TIME_MS_MAX: u64 = 100_000_000_000_000;

/// The keys of a depth message's two sides.
#[derive(Clone, Copy, Debug)]
pub(super) struct SideKeys {
    pub(super) bids: &'static str,
    pub(super) asks: &'static str,
}

pub(super) const DIFF_KEYS: SideKeys = SideKeys { bids: "b", asks: "a" };
pub(super) const PICTURE_KEYS: SideKeys = SideKeys { bids: "bids", asks: "asks" };

pub(super) fn read_side(
    data: Value<'_, '_>,
    key: &'static str,
    instrument: &Instrument,
    mut push: impl FnMut(Level),
) -> Result<(), DecodeError> {
    let levels = data.need(key)?.items().ok_or(DecodeError::WrongType { field: key })?;
    for level in levels {
        let (price, quantity) = level.pair(key)?;
        push(Level {
            price: instrument.price(price).map_err(number(key))?,
            quantity: instrument.quantity(quantity).map_err(number(key))?,
        });
    }
    Ok(())
}

/// One side of a bookTicker, by the texts of its numbers and their keys; a side without orders is
/// written as zeros.
#[inline(always)]
pub(super) fn best_level(
    (price, quantity): (NumberText<'_>, NumberText<'_>),
    (price_key, quantity_key): (&'static str, &'static str),
    instrument: &Instrument,
) -> Result<Option<Level>, DecodeError> {
    let level = Level {
        price: instrument.price(price).map_err(number(price_key))?,
        quantity: instrument.quantity(quantity).map_err(number(quantity_key))?,
    };
    let is_empty = level.price.is_zero() && level.quantity.is_zero();
    Ok(if is_empty { None } else { Some(level) })
}

/// The numbers of the first level. A message without one gives zeros, from which an instrument gets
/// the eight decimals that are the finest this venue uses.
pub(super) fn first_numbers<'text>(
    data: Value<'_, 'text>,
    keys: SideKeys,
) -> Result<FirstNumbers<'text>, DecodeError> {
    for key in [keys.bids, keys.asks] {
        if let Some(level) = data.get(key).and_then(Value::items).and_then(|mut it| it.next()) {
            let (price, quantity) = level.pair(key)?;
            return Ok(FirstNumbers { price, quantity, field: key });
        }
    }
    Ok(FirstNumbers { price: b"0", quantity: b"0", field: keys.bids })
}

/// The time of the event, or of the transaction where the event has none; 0 where neither is told.
pub(super) fn venue_time_ns(data: Value<'_, '_>) -> Result<u64, DecodeError> {
    let time = |field: &'static str| data.get(field).map(|time| time_ns(time, field));
    time("E").or_else(|| time("T")).map_or(Ok(0), |time| Ok(time?.0))
}

/// A time, and the length of the unit it is written in.
pub(super) fn time_ns(time: Value<'_, '_>, field: &'static str) -> Result<(u64, u64), DecodeError> {
    let time = time.whole().ok_or(DecodeError::WrongType { field })?;
    in_ns(time).ok_or_else(|| number(field)(DecimalError::Overflow))
}

/// As [`time_ns`]; `None` for a time out of reach.
#[inline(always)]
pub(super) const fn in_ns(time: u64) -> Option<(u64, u64)> {
    let unit_ns = if time > TIME_MS_MAX { 1_000 } else { 1_000_000 };
    match time.checked_mul(unit_ns) {
        Some(time_ns) => Some((time_ns, unit_ns)),
        None => None,
    }
}

/// Whether a stream's name is that of a partial book (`btcusdt@depth20@100ms`); on futures its
/// messages look like diffs.
pub(super) fn is_partial(stream: &[u8]) -> bool {
    let kind = stream.split(|byte| *byte == b'@').nth(1);
    let levels = kind.and_then(|kind| kind.strip_prefix(b"depth"));
    levels.and_then(|levels| levels.first()).is_some_and(u8::is_ascii_digit)
}

pub(super) const fn number(field: &'static str) -> impl Fn(DecimalError) -> DecodeError {
    move |error| DecodeError::Number { field, error }
}

/// A symbol as it may stand in a query: some are not ASCII.
pub(super) fn encoded(symbol: &str) -> String {
    let mut encoded = String::with_capacity(symbol.len());
    for byte in symbol.bytes() {
        if byte.is_ascii_alphanumeric() || byte == b'_' {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
