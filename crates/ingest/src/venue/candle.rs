//! Candles as lists of texts, `[start in ms, open, high, low, close, volume, ...]`, and the lengths in
//! the names of their channels.

use tickring_event::{Bar, Instrument};

use super::listing::{Numbers, number};
use crate::json::Value;
use crate::venue::DecodeError;

const NS_PER_MS: i64 = 1_000_000;

const SECOND_NS: i64 = 1_000_000_000;

/// A candle that was read, before it is known whose it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candle<'text> {
    start_ns: i64,
    /// Open, high, low and close.
    prices: [&'text [u8]; 4],
    volume: &'text [u8],
}

impl<'text> Candle<'text> {
    pub(super) fn read(data: Value<'_, 'text>) -> Result<Self, DecodeError> {
        let field = "candle";
        let mut values = data.items().ok_or(DecodeError::WrongType { field })?;
        let mut next = || values.next().ok_or(DecodeError::MissingField { field })?.decimal(field);
        let start = next()?;
        let prices = [next()?, next()?, next()?, next()?];
        let volume = next()?;
        let start_ms = std::str::from_utf8(start).ok().and_then(|it| it.parse::<i64>().ok());
        let start_ns = start_ms.and_then(|it| it.checked_mul(NS_PER_MS));
        let start_ns = start_ns.ok_or(DecodeError::WrongType { field })?;
        Ok(Self { start_ns, prices, volume })
    }

    /// The numbers from which its instrument gets its scales.
    pub(super) const fn first(&self) -> Numbers<'text> {
        Numbers { price: self.prices[0], quantity: self.volume }
    }

    pub(super) fn bar(
        &self,
        instrument: &Instrument,
        interval_ns: i64,
    ) -> Result<Bar, DecodeError> {
        let price = |at: usize| instrument.price(self.prices[at]).map_err(number("candle"));
        Ok(Bar {
            start_ns: self.start_ns,
            interval_ns,
            open: price(0)?,
            high: price(1)?,
            low: price(2)?,
            close: price(3)?,
            volume: instrument.quantity(self.volume).map_err(number("candle"))?,
            trades: 0,
        })
    }
}

/// The length of `1m`, `4H`, `1Dutc`; `None` of what has none, such as a month.
pub(super) fn interval_ns(interval: &str) -> Option<i64> {
    let interval = interval.strip_suffix("utc").unwrap_or(interval);
    let unit_at = interval.find(|it: char| !it.is_ascii_digit())?;
    let (count, unit) = interval.split_at(unit_at);
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "H" => 3_600,
        "D" => 86_400,
        "W" => 7 * 86_400,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(seconds)?.checked_mul(SECOND_NS)
}
