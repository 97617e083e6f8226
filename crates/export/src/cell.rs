//! The values of a batch, one by one, for the forms that are text.

use std::io::{self, Write};

use arrow_array::cast::AsArray;
use arrow_array::temporal_conversions::date32_to_datetime;
use arrow_array::types::{
    Decimal128Type, Int32Type, Int64Type, TimestampNanosecondType, UInt8Type, UInt32Type,
    UInt64Type,
};
use arrow_array::{Array, BinaryArray, BooleanArray, DictionaryArray, PrimitiveArray, StringArray};
use arrow_schema::DataType;

use crate::number::power_of_ten;

/// A column whose type is known.
pub(crate) enum Cells<'a> {
    Byte(&'a PrimitiveArray<UInt8Type>),
    Word(&'a PrimitiveArray<UInt32Type>),
    Count(&'a PrimitiveArray<UInt64Type>),
    Code(&'a PrimitiveArray<Int32Type>),
    Length(&'a PrimitiveArray<Int64Type>),
    Decimal(&'a PrimitiveArray<Decimal128Type>, u8),
    Time(&'a PrimitiveArray<TimestampNanosecondType>),
    Mark(&'a BooleanArray),
    Text(&'a StringArray),
    Symbol(&'a DictionaryArray<Int32Type>, &'a StringArray),
    Bytes(&'a BinaryArray),
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cell<'a> {
    Absent,
    Unsigned(u64),
    Signed(i64),
    Decimal { mantissa: i128, scale: u8 },
    Time { ns: i64 },
    Mark(bool),
    Text(&'a [u8]),
}

impl<'a> Cells<'a> {
    pub(crate) fn of(array: &'a dyn Array) -> Self {
        match array.data_type() {
            DataType::UInt8 => Self::Byte(array.as_primitive()),
            DataType::UInt32 => Self::Word(array.as_primitive()),
            DataType::UInt64 => Self::Count(array.as_primitive()),
            DataType::Int32 => Self::Code(array.as_primitive()),
            DataType::Int64 => Self::Length(array.as_primitive()),
            DataType::Decimal128(_, scale) => {
                Self::Decimal(array.as_primitive(), scale.unsigned_abs())
            }
            DataType::Timestamp(..) => Self::Time(array.as_primitive()),
            DataType::Boolean => Self::Mark(array.as_boolean()),
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Dictionary(..) => {
                let symbols = array.as_dictionary();
                Self::Symbol(symbols, symbols.values().as_string())
            }
            DataType::Binary => Self::Bytes(array.as_binary()),
            other => unreachable!("no column of ours is {other}"),
        }
    }

    pub(crate) fn cell(&self, row: usize) -> Cell<'a> {
        let array: &dyn Array = match self {
            Self::Byte(it) => it,
            Self::Word(it) => it,
            Self::Count(it) => it,
            Self::Code(it) => it,
            Self::Length(it) => it,
            Self::Decimal(it, _) => it,
            Self::Time(it) => it,
            Self::Mark(it) => it,
            Self::Text(it) => it,
            Self::Symbol(it, _) => it,
            Self::Bytes(it) => it,
        };
        if array.is_null(row) {
            return Cell::Absent;
        }
        match *self {
            Self::Byte(it) => Cell::Unsigned(it.value(row).into()),
            Self::Word(it) => Cell::Unsigned(it.value(row).into()),
            Self::Count(it) => Cell::Unsigned(it.value(row)),
            Self::Code(it) => Cell::Signed(it.value(row).into()),
            Self::Length(it) => Cell::Signed(it.value(row)),
            Self::Decimal(it, scale) => Cell::Decimal { mantissa: it.value(row), scale },
            Self::Time(it) => Cell::Time { ns: it.value(row) },
            Self::Mark(it) => Cell::Mark(it.value(row)),
            Self::Text(it) => Cell::Text(it.value(row).as_bytes()),
            Self::Symbol(it, words) => {
                let key = it.key(row).expect("it is not null");
                Cell::Text(words.value(key).as_bytes())
            }
            Self::Bytes(it) => Cell::Text(it.value(row)),
        }
    }
}

impl Cell<'_> {
    /// Writes its plain text; nothing where it is absent.
    pub(crate) fn write(&self, out: &mut impl Write) -> io::Result<()> {
        match *self {
            Self::Absent => Ok(()),
            Self::Unsigned(value) => write!(out, "{value}"),
            Self::Signed(value) => write!(out, "{value}"),
            Self::Decimal { mantissa, scale } => write_decimal(out, mantissa, scale),
            Self::Time { ns } => write_time(out, ns),
            Self::Mark(mark) => write!(out, "{mark}"),
            Self::Text(text) => out.write_all(text),
        }
    }
}

/// Exact, without zeros at the end.
fn write_decimal(out: &mut impl Write, mantissa: i128, scale: u8) -> io::Result<()> {
    let unit = power_of_ten(scale).unsigned_abs();
    let magnitude = mantissa.unsigned_abs();
    let sign = if mantissa < 0 { "-" } else { "" };
    let (whole, mut fraction) = (magnitude / unit, magnitude % unit);
    write!(out, "{sign}{whole}")?;
    if fraction == 0 {
        return Ok(());
    }
    let mut places = usize::from(scale);
    while fraction.is_multiple_of(10) {
        fraction /= 10;
        places -= 1;
    }
    write!(out, ".{fraction:0places$}")
}

/// RFC 3339, always with nine decimals.
fn write_time(out: &mut impl Write, ns: i64) -> io::Result<()> {
    let days = i32::try_from(ns.div_euclid(DAY_NS)).expect("64 bits of ns are 106,751 days");
    let date = date32_to_datetime(days).expect("64 bits of ns are within years 1677 to 2262");
    let ns_of_day = ns.rem_euclid(DAY_NS);
    let (seconds, ns) = (ns_of_day / SECOND_NS, ns_of_day % SECOND_NS);
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    write!(out, "{:?}T{hours:02}:{minutes:02}:{seconds:02}.{ns:09}Z", date.date())
}

const SECOND_NS: i64 = 1_000_000_000;
const DAY_NS: i64 = 86_400 * SECOND_NS;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(cell: Cell<'_>, expected: &str) {
        let mut text = Vec::new();
        cell.write(&mut text).unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }

    #[test]
    fn a_decimal_is_exact_and_as_short_as_can_be() {
        let decimal = |mantissa, scale| Cell::Decimal { mantissa, scale };
        check(decimal(61_837_630_000_000_000_000_000, 18), "61837.63");
        check(decimal(100_000_000, 18), "0.0000000001");
        check(decimal(10_000_000_000_000_000_000_000_000_000, 18), "10000000000");
        check(decimal(-5, 2), "-0.05");
        check(decimal(0, 18), "0");
        check(decimal(7, 0), "7");
    }

    #[test]
    fn a_time_has_nine_decimals() {
        check(Cell::Time { ns: 1_723_161_255_030_314_667 }, "2024-08-08T23:54:15.030314667Z");
        check(Cell::Time { ns: 1_723_161_600_000_000_000 }, "2024-08-09T00:00:00.000000000Z");
        check(Cell::Time { ns: i64::MAX }, "2262-04-11T23:47:16.854775807Z");
        check(Cell::Time { ns: i64::MIN }, "1677-09-21T00:12:43.145224192Z");
    }
}
