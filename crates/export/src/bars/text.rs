//! Columns of any type that stands for a text or a number, and numbers as decimal text.

use std::fmt::Write as _;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Float64Type, Int32Type, Int64Type, TimestampMillisecondType, UInt64Type,
};
use arrow_array::{
    Array, ArrayRef, Decimal128Array, DictionaryArray, Float64Array, Int64Array, LargeStringArray,
    StringArray, StringViewArray, TimestampMillisecondArray, UInt64Array,
};
use arrow_schema::{DataType, TimeUnit};

/// A column of texts.
pub(super) enum Texts {
    Short(StringArray),
    Long(LargeStringArray),
    View(StringViewArray),
    Named(DictionaryArray<Int32Type>, StringArray),
}

/// A column of numbers, and the text of the one that was written last.
pub(super) struct Numbers {
    values: Values,
    /// Decimals that the float before had.
    places: u32,
    text: String,
}

enum Values {
    Decimal(Decimal128Array, u32),
    Float(Float64Array),
    Whole(Int64Array),
    Unsigned(UInt64Array),
    Time(TimestampMillisecondArray),
    Text(Texts),
}

impl Texts {
    pub(super) fn of(column: &ArrayRef) -> Option<Self> {
        Some(match column.data_type() {
            DataType::Utf8 => Self::Short(column.as_string::<i32>().clone()),
            DataType::LargeUtf8 => Self::Long(column.as_string::<i64>().clone()),
            DataType::Utf8View => Self::View(column.as_string_view().clone()),
            DataType::Dictionary(key, value)
                if **key == DataType::Int32 && **value == DataType::Utf8 =>
            {
                let named = column.as_dictionary::<Int32Type>();
                Self::Named(named.clone(), named.values().as_string::<i32>().clone())
            }
            _ => return None,
        })
    }

    pub(super) fn at(&self, row: usize) -> Option<&str> {
        match self {
            Self::Short(it) => it.is_valid(row).then(|| it.value(row)),
            Self::Long(it) => it.is_valid(row).then(|| it.value(row)),
            Self::View(it) => it.is_valid(row).then(|| it.value(row)),
            Self::Named(it, names) => it.key(row).map(|key| names.value(key)),
        }
    }
}

impl Numbers {
    pub(super) fn of(column: &ArrayRef) -> Option<Self> {
        let values = match column.data_type() {
            DataType::Decimal128(_, scale) => {
                let scale = u32::try_from(*scale).ok()?;
                Values::Decimal(column.as_primitive::<Decimal128Type>().clone(), scale)
            }
            DataType::Float64 => Values::Float(column.as_primitive::<Float64Type>().clone()),
            DataType::Int64 => Values::Whole(column.as_primitive::<Int64Type>().clone()),
            DataType::UInt64 => Values::Unsigned(column.as_primitive::<UInt64Type>().clone()),
            DataType::Timestamp(TimeUnit::Millisecond, _) => {
                Values::Time(column.as_primitive::<TimestampMillisecondType>().clone())
            }
            _ => Values::Text(Texts::of(column)?),
        };
        Some(Self { values, places: 0, text: String::new() })
    }

    /// The number as a whole one; `None` for null, and for what is none.
    pub(super) fn whole(&self, row: usize) -> Option<u64> {
        match &self.values {
            Values::Whole(it) if it.is_valid(row) => u64::try_from(it.value(row)).ok(),
            Values::Unsigned(it) if it.is_valid(row) => Some(it.value(row)),
            Values::Time(it) if it.is_valid(row) => u64::try_from(it.value(row)).ok(),
            _ => None,
        }
    }

    /// Writes the number of a row as decimal text; false for null, and for what is no finite number.
    pub(super) fn write(&mut self, row: usize) -> bool {
        let Self { values, places, text } = self;
        text.clear();
        match values {
            Values::Decimal(it, scale) if it.is_valid(row) => decimal(text, it.value(row), *scale),
            Values::Float(it) if it.is_valid(row) && it.value(row).is_finite() => {
                float(text, it.value(row), places);
            }
            Values::Whole(it) if it.is_valid(row) => decimal(text, it.value(row).into(), 0),
            Values::Unsigned(it) if it.is_valid(row) => decimal(text, it.value(row).into(), 0),
            Values::Text(it) => match it.at(row) {
                Some(number) => text.push_str(number),
                None => return false,
            },
            _ => return false,
        }
        true
    }

    /// What [`Numbers::write`] has written.
    pub(super) const fn text(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// A mantissa with its decimals, without zeros at the end of the fraction.
fn decimal(text: &mut String, mantissa: i128, scale: u32) {
    let unit = 10_u128.pow(scale.min(DECIMALS_MAX));
    if mantissa < 0 {
        text.push('-');
    }
    let magnitude = mantissa.unsigned_abs();
    let (whole, mut fraction) = (magnitude / unit, magnitude % unit);
    match u64::try_from(whole) {
        Ok(whole) => digits(text, whole, 1),
        Err(_) => write!(text, "{whole}").expect("a string takes any text"),
    }
    if fraction == 0 {
        return;
    }
    text.push('.');
    let mut places = scale;
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        places -= 1;
    }
    match u64::try_from(fraction) {
        Ok(fraction) => digits(text, fraction, places as usize),
        Err(_) => {
            let places = places as usize;
            write!(text, "{fraction:0places$}").expect("a string takes any text");
        }
    }
}

/// The shortest decimal that stands for `value`.
///
/// Prices have few decimals, and up to fifteen digits of a decimal come back from the float nearest to
/// it: where such a decimal is found, it is the one. The library's way is some ten times as long.
///
/// `likely` are the decimals that it is tried with first, and those that it had: zeros at the end are
/// left out in any case.
fn float(text: &mut String, value: f64, likely: &mut u32) {
    let mut tried = FLOAT_UNITS.get(*likely as usize).map(|unit| (*likely, *unit));
    let mut others = (0_u32..).zip(FLOAT_UNITS);
    while let Some((places, unit)) = tried.take().or_else(|| others.next()) {
        let scaled = value * unit;
        if !(0.0..FLOAT_DIGITS_MAX).contains(&scaled) {
            continue;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is not below 0 and below 1e15"
        )]
        let mantissa = (scaled + 0.5) as u64;
        #[expect(clippy::cast_precision_loss, reason = "it is below 2^53")]
        let nearest = mantissa as f64;
        if (nearest / unit - value).abs() == 0.0 {
            *likely = places;
            return short(text, mantissa, places);
        }
    }
    write!(text, "{value}").expect("a string takes any text");
}

/// As [`decimal`], of what fits 64 bits.
fn short(text: &mut String, mantissa: u64, scale: u32) {
    let unit = 10_u64.pow(scale);
    digits(text, mantissa / unit, 1);
    let (mut fraction, mut places) = (mantissa % unit, scale as usize);
    if fraction == 0 {
        return;
    }
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        places -= 1;
    }
    text.push('.');
    digits(text, fraction, places);
}

/// Digits with zeros in front, so that they are `places` at least.
fn digits(text: &mut String, mut value: u64, places: usize) {
    let mut made = [b'0'; 40];
    let mut at = made.len();
    while value > 0 {
        at -= 1;
        made[at] = b'0' + u8::try_from(value % 10).unwrap_or_default();
        value /= 10;
    }
    let from = at.min(made.len().saturating_sub(places));
    text.push_str(std::str::from_utf8(&made[from..]).unwrap_or_default());
}

/// As many as an `i128` can have.
const DECIMALS_MAX: u32 = 38;
/// Decimals that prices have.
const FLOAT_UNITS: [f64; 10] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const FLOAT_DIGITS_MAX: f64 = 1e15;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(mantissa: i128, scale: u32, expected: &str) {
        let mut text = String::new();
        decimal(&mut text, mantissa, scale);
        assert_eq!(text, expected);
    }

    #[test]
    fn a_decimal_is_written_without_zeros_at_its_end() {
        check(0, 18, "0");
        check(100_500_000_000_000_000_000, 18, "100.5");
        check(1, 18, "0.000000000000000001");
        check(10_050, 2, "100.5");
        check(10_000, 2, "100");
        check(-5, 1, "-0.5");
        check(7, 0, "7");
        check(i128::MAX, 38, "1.70141183460469231731687303715884105727");
        check(i128::MAX, 0, "170141183460469231731687303715884105727");
    }

    #[test]
    fn a_float_is_written_as_the_library_writes_it() {
        let of_cents = |cents: u64| f64::from(u32::try_from(cents).unwrap());
        let mut likely = 0;
        let mut state = 7_u64;
        for round in 0..200_000 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695);
            let value = match round % 3 {
                0 => of_cents(state >> 40) / 100.0,
                1 => of_cents(state >> 32) / 1e7,
                _ => f64::from_bits(state >> 2),
            };
            if !value.is_finite() {
                continue;
            }
            let mut text = String::new();
            float(&mut text, value, &mut likely);
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), value.to_bits());
            assert_eq!(text, format!("{value}"));
        }
    }
}
