//! Mantissas at an instrument's scale as decimals at the scale of a table.

use arrow_array::types::Decimal128Type;
use arrow_schema::{DECIMAL128_MAX_PRECISION, DataType};
use tickring_event::{DECIMALS_MAX, DecimalText, Instrument, Price, Quantity, Scale};

use crate::ExportError;
use crate::column::Values;

/// Decimals of prices and quantities.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimals(Scale);

// 64 bits at scale 0 are 19 digits, and no scale has more than 18 decimals: at scale 18 every
// mantissa of every instrument fits.
const _: () = assert!(19 + DECIMALS_MAX <= DECIMAL128_MAX_PRECISION);

/// The numbers of one event's instrument, brought to a table's scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exact<'a> {
    pub(crate) sequence: u64,
    pub(crate) instrument: &'a Instrument,
    pub(crate) decimals: Decimals,
}

impl Decimals {
    pub(crate) const fn new(scale: Scale) -> Self {
        Self(scale)
    }

    /// An empty column of such decimals.
    pub(crate) fn column(self, name: &'static str) -> Values<Decimal128Type> {
        let scale = self.0.decimals().cast_signed();
        Values::of(name, DataType::Decimal128(DECIMAL128_MAX_PRECISION, scale))
    }

    /// `mantissa` at `scale`; `None` where digits below the last decimal would be lost.
    fn exact(self, mantissa: i64, scale: Scale) -> Option<i128> {
        let (kept, has) = (self.0.decimals(), scale.decimals());
        let mantissa = i128::from(mantissa);
        match kept.checked_sub(has) {
            Some(more) => Some(mantissa * power_of_ten(more)),
            None => {
                let unit = power_of_ten(has - kept);
                (mantissa % unit == 0).then(|| mantissa / unit)
            }
        }
    }
}

impl Exact<'_> {
    pub(crate) fn price(&self, price: Price) -> Result<i128, ExportError> {
        let (mantissa, scale) = (price.mantissa(), self.instrument.price_scale());
        self.decimals.exact(mantissa, scale).ok_or_else(|| self.refuse("price", mantissa, scale))
    }

    pub(crate) fn quantity(&self, quantity: Quantity) -> Result<i128, ExportError> {
        let (mantissa, scale) = (quantity.mantissa(), self.instrument.quantity_scale());
        self.decimals.exact(mantissa, scale).ok_or_else(|| self.refuse("quantity", mantissa, scale))
    }

    fn refuse(&self, what: &str, mantissa: i64, scale: Scale) -> ExportError {
        let text = DecimalText::new(mantissa, scale, 0).to_string();
        let needed = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        ExportError::Decimals {
            sequence: self.sequence,
            symbol: self.instrument.symbol().to_owned(),
            number: format!("{what} {text}"),
            needed: u8::try_from(needed).unwrap_or(DECIMALS_MAX),
            kept: self.decimals.0.decimals(),
        }
    }
}

/// A time as timestamps hold it; 0 is none.
pub(crate) fn timestamp(
    time_ns: u64,
    what: impl FnOnce() -> String,
) -> Result<Option<i64>, ExportError> {
    match i64::try_from(time_ns) {
        Ok(0) => Ok(None),
        Ok(time_ns) => Ok(Some(time_ns)),
        Err(_) => Err(ExportError::Time { what: what(), time_ns }),
    }
}

/// Ten to the power of `exponent`, which is at most that of a scale.
pub(crate) const fn power_of_ten(exponent: u8) -> i128 {
    10_i128.pow(exponent as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(kept: u8, mantissa: i64, scale: u8, expected: Option<i128>) {
        let decimals = Decimals::new(Scale::new(kept).unwrap());
        assert_eq!(decimals.exact(mantissa, Scale::new(scale).unwrap()), expected);
    }

    #[test]
    fn eighteen_decimals_hold_every_mantissa_at_every_scale() {
        for scale in 0..=DECIMALS_MAX {
            for mantissa in [i64::MIN, -1, 0, 1, i64::MAX] {
                let value = i128::from(mantissa) * power_of_ten(18 - scale);
                check(18, mantissa, scale, Some(value));
                assert!(value.abs() < 10_i128.pow(u32::from(DECIMAL128_MAX_PRECISION)));
            }
        }
    }

    #[test]
    fn fewer_decimals_hold_a_number_or_refuse_it() {
        check(8, 1, 10, None);
        check(8, 100, 10, Some(1));
        check(8, 101, 10, None);
        check(8, -5, 8, Some(-5));
        check(0, 7, 0, Some(7));
    }

    #[test]
    fn times_end_where_sixty_four_bits_of_ns_end() {
        let time = |ns| timestamp(ns, || "event 3".to_owned());
        assert_eq!(time(0).unwrap(), None);
        assert_eq!(time(i64::MAX as u64).unwrap(), Some(i64::MAX));
        let error = time(1 << 63).unwrap_err().to_string();
        assert!(error.starts_with("event 3: 9223372036854775808 ns is past"), "{error}");
    }
}
