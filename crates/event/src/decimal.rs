//! Decimal text to exact integers and back.
//!
//! A number such as `61837.63` is kept as a mantissa and a decimal scale: at scale 8 it is
//! `6_183_763_000_000`. Nothing passes through a float.

mod plain;

use std::fmt;

use thiserror::Error;

use crate::price::Scale;

pub use plain::{
    NumberText, ShortNumber, eight_bytes, leading_eight, leading_sixteen, plain_digits,
};

/// Most decimal places a [`Scale`] can have.
pub const DECIMALS_MAX: u8 = 18;

/// A number read from text: its value at some scale, and how many decimals the text had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Decimal {
    /// The number times ten to the power of the scale it was read at.
    pub mantissa: i64,
    /// Decimal places in the text, trailing zeros included.
    pub decimals: u8,
}

/// Why a text is not a number at the asked scale. Small and `Copy`: the hot path returns it.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum DecimalError {
    /// The text is empty or has a byte that no decimal number has there.
    #[error("text is not a decimal number")]
    Malformed,
    /// The number is too large for 64 bits at this scale.
    #[error("number does not fit 64 bits at the instrument's scale")]
    Overflow,
    /// The number has non-zero digits below the scale's last decimal.
    #[error("number has more decimals than the instrument's scale")]
    TooPrecise,
}

impl Decimal {
    /// Reads `[-]digits[.digits][e[+-]digits]` exactly.
    ///
    /// # Errors
    /// [`DecimalError`] names what is wrong; a value is never wrapped nor rounded. Digits past the
    /// scale are accepted when they are zeros.
    #[inline(always)]
    pub fn parse(text: &[u8], scale: Scale) -> Result<Self, DecimalError> {
        match plain::parse(text, scale) {
            Some(decimal) => Ok(decimal),
            None => parse_any(text, scale),
        }
    }
}

/// Prints a mantissa at its scale with a fixed number of decimals; the text is exact.
#[derive(Clone, Copy, Debug)]
pub struct DecimalText {
    mantissa: i64,
    scale: Scale,
    decimals_min: u8,
}

impl DecimalText {
    /// Text of `mantissa` at `scale`: at least `decimals_min` decimals, more only where they are
    /// not zero.
    #[must_use]
    pub const fn new(mantissa: i64, scale: Scale, decimals_min: u8) -> Self {
        Self { mantissa, scale, decimals_min }
    }
}

impl fmt::Display for DecimalText {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = self.scale.decimals();
        let unit = power_of_ten(places);
        let magnitude = self.mantissa.unsigned_abs();
        let sign = if self.mantissa < 0 { "-" } else { "" };
        let (whole, mut fraction) = (magnitude / unit, magnitude % unit);
        let mut shown = places;
        while shown > self.decimals_min && fraction.is_multiple_of(10) {
            fraction /= 10;
            shown -= 1;
        }
        write!(out, "{sign}{whole}")?;
        if shown > 0 {
            write!(out, ".{fraction:0width$}", width = usize::from(shown))?;
        }
        for _ in places..self.decimals_min {
            out.write_str(if shown == 0 { ".0" } else { "0" })?;
            shown += 1;
        }
        Ok(())
    }
}

/// The number that the digits in front of `text` make, modulo two to the 64, and how many they are.
#[inline]
#[must_use]
pub fn leading_digits(text: &[u8]) -> (u64, usize) {
    let (mut value, mut len) = (0_u64, 0);
    while let Some(word) = text[len..].first_chunk() {
        let (eight, count) = leading_eight(*word);
        value = value.wrapping_mul(POWERS_OF_TEN[count & 15].cast_unsigned()).wrapping_add(eight);
        len += count;
        if count < 8 {
            return (value, len);
        }
    }
    for byte in &text[len..] {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        len += 1;
    }
    (value, len)
}

pub(crate) const fn power_of_ten(exponent: u8) -> u64 {
    10_u64.pow(exponent as u32)
}

/// Reads any text, a digit at a time.
#[cold]
fn parse_any(text: &[u8], scale: Scale) -> Result<Decimal, DecimalError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, text),
    };
    let (number, exponent) = split_exponent(digits)?;
    let (whole, fraction) = split_point(number)?;
    if exponent != 0 {
        return parse_scaled(negative, whole, fraction, exponent, scale);
    }
    let places = usize::from(scale.decimals());
    let kept = fraction.len().min(places);
    let (fraction_kept, fraction_rest) = fraction.split_at(kept);
    let mantissa = accumulate(accumulate(0, whole)?, fraction_kept)?;
    expect_zeros(fraction_rest)?;
    let mantissa = shift(mantissa, places - kept)?;
    let decimals = u8::try_from(fraction.len()).unwrap_or(u8::MAX);
    Ok(Decimal { mantissa: if negative { -mantissa } else { mantissa }, decimals })
}

fn split_point(number: &[u8]) -> Result<(&[u8], &[u8]), DecimalError> {
    match number.iter().position(|&byte| byte == b'.') {
        None if number.is_empty() => Err(DecimalError::Malformed),
        None => Ok((number, &[])),
        Some(point) if point == 0 || point + 1 == number.len() => Err(DecimalError::Malformed),
        Some(point) => Ok((&number[..point], &number[point + 1..])),
    }
}

/// The exponent is for numbers that some program printed from a float (`1e-07`).
fn split_exponent(digits: &[u8]) -> Result<(&[u8], i32), DecimalError> {
    // No venue writes an exponent; the last byte but three is where a short one would begin.
    let Some(at) = digits.iter().position(|&byte| byte | 0x20 == b'e') else {
        return Ok((digits, 0));
    };
    let (negative, exponent) = match &digits[at + 1..] {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        rest => (false, rest),
    };
    if exponent.is_empty() || exponent.len() > 3 {
        return Err(DecimalError::Malformed);
    }
    let value = i32::try_from(accumulate(0, exponent)?).map_err(|_| DecimalError::Overflow)?;
    Ok((&digits[..at], if negative { -value } else { value }))
}

/// `whole.fraction` times ten to the power of `exponent`, at `scale`.
fn parse_scaled(
    negative: bool,
    whole: &[u8],
    fraction: &[u8],
    exponent: i32,
    scale: Scale,
) -> Result<Decimal, DecimalError> {
    let digits = accumulate(accumulate(0, whole)?, fraction)?;
    let fraction_len = i32::try_from(fraction.len()).map_err(|_| DecimalError::Overflow)?;
    let decimals = fraction_len - exponent;
    let places = i32::from(scale.decimals()) - decimals;
    let places_count = usize::try_from(places.unsigned_abs()).unwrap_or(usize::MAX);
    let mantissa = if digits == 0 {
        0
    } else if places >= 0 {
        shift(digits, places_count)?
    } else {
        unshift(digits, places_count)?
    };
    let decimals = u8::try_from(decimals.clamp(0, i32::from(u8::MAX))).unwrap_or(u8::MAX);
    Ok(Decimal { mantissa: if negative { -mantissa } else { mantissa }, decimals })
}

fn accumulate(start: i64, digits: &[u8]) -> Result<i64, DecimalError> {
    let mut value = start;
    for &byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return Err(DecimalError::Malformed);
        }
        value = value
            .checked_mul(10)
            .and_then(|tens| tens.checked_add(i64::from(digit)))
            .ok_or(DecimalError::Overflow)?;
    }
    Ok(value)
}

fn expect_zeros(digits: &[u8]) -> Result<(), DecimalError> {
    for &byte in digits {
        match byte {
            b'0' => {}
            b'1'..=b'9' => return Err(DecimalError::TooPrecise),
            _ => return Err(DecimalError::Malformed),
        }
    }
    Ok(())
}

fn shift(value: i64, places: usize) -> Result<i64, DecimalError> {
    if value == 0 {
        return Ok(0);
    }
    let factor = POWERS_OF_TEN.get(places).ok_or(DecimalError::Overflow)?;
    value.checked_mul(*factor).ok_or(DecimalError::Overflow)
}

fn unshift(value: i64, places: usize) -> Result<i64, DecimalError> {
    let divisor = POWERS_OF_TEN.get(places).ok_or(DecimalError::TooPrecise)?;
    if value % divisor == 0 { Ok(value / divisor) } else { Err(DecimalError::TooPrecise) }
}

/// Ten to the power of the index, as far as 64 bits go.
pub const POWERS_OF_TEN: [i64; 19] = {
    let mut powers = [1_i64; 19];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scale(decimals: u8) -> Scale {
        Scale::new(decimals).unwrap()
    }

    #[track_caller]
    fn check(text: &str, decimals: u8, expected: Result<i64, DecimalError>) {
        let parsed = Decimal::parse(text.as_bytes(), scale(decimals));
        assert_eq!(parsed.map(|decimal| decimal.mantissa), expected, "{text} at {decimals}");
    }

    #[test]
    fn a_number_is_its_digits_at_the_scale() {
        check("61837.63000000", 8, Ok(6_183_763_000_000));
        check("61837.63", 8, Ok(6_183_763_000_000));
        check("0", 8, Ok(0));
        check("0.00000000", 2, Ok(0));
        check("-12.5", 1, Ok(-125));
        check("0.0000000001", 10, Ok(1));
        check("10000000000", 8, Ok(1_000_000_000_000_000_000));
    }

    #[test]
    fn eighteen_significant_digits_fit_every_scale() {
        check("999999999999999999", 0, Ok(999_999_999_999_999_999));
        check("9999999999.99999999", 8, Ok(999_999_999_999_999_999));
        check("0.999999999999999999", 18, Ok(999_999_999_999_999_999));
    }

    #[test]
    fn the_largest_integer_fits_and_the_next_does_not() {
        check("9223372036854775807", 0, Ok(i64::MAX));
        check("9223372036854775808", 0, Err(DecimalError::Overflow));
        check("92233720368.54775807", 8, Ok(i64::MAX));
        check("92233720368.54775808", 8, Err(DecimalError::Overflow));
        check("100000000000", 8, Err(DecimalError::Overflow));
    }

    #[test]
    fn digits_below_the_scale_must_be_zeros() {
        check("1.2500", 2, Ok(125));
        check("1.2501", 2, Err(DecimalError::TooPrecise));
    }

    #[test]
    fn leading_digits_end_at_the_first_other_byte() {
        for (text, expected) in [
            ("", (0, 0)),
            ("x1", (0, 0)),
            ("7", (7, 1)),
            ("1723161256313,", (1_723_161_256_313, 13)),
            ("12345678", (12_345_678, 8)),
            ("0000000012345678.5", (12_345_678, 16)),
            ("1234567/12345678", (1_234_567, 7)),
            ("1234567:12345678", (1_234_567, 7)),
            ("18446744073709551616", (0, 20)),
        ] {
            assert_eq!(leading_digits(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn text_that_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.", ".5", "1.2.3", "1,5", "abc", "+1", " 1", "1 ", "0x1", "1e"]
        {
            check(text, 8, Err(DecimalError::Malformed));
        }
        check("1.0000000000x", 8, Err(DecimalError::Malformed));
        check("NaN", 8, Err(DecimalError::Malformed));
    }

    #[test]
    fn exponents_are_read_exactly() {
        check("1e-07", 8, Ok(10));
        check("1.5E+3", 2, Ok(150_000));
        check("12500e-2", 0, Ok(125));
        check("0e-30", 8, Ok(0));
        check("1e-9", 8, Err(DecimalError::TooPrecise));
        check("1e300", 8, Err(DecimalError::Overflow));
    }

    #[test]
    fn text_shows_the_asked_decimals_and_never_hides_a_digit() {
        let text =
            |mantissa, places, least| DecimalText::new(mantissa, scale(places), least).to_string();
        assert_eq!(text(6_183_763_000_000, 8, 2), "61837.63");
        assert_eq!(text(6_183_763_000_000, 8, 8), "61837.63000000");
        assert_eq!(text(6_183_763_000_001, 8, 2), "61837.63000001");
        assert_eq!(text(-5, 2, 0), "-0.05");
        assert_eq!(text(500, 2, 0), "5");
        assert_eq!(text(5, 0, 2), "5.00");
        assert_eq!(text(55, 1, 3), "5.500");
        assert_eq!(text(i64::MIN, 18, 0), "-9.223372036854775808");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn text_to_integer_to_text_is_the_identity(
            mantissa in -999_999_999_999_999_999_i64..=999_999_999_999_999_999,
            places in 0..=DECIMALS_MAX,
        ) {
            let text = DecimalText::new(mantissa, scale(places), places).to_string();
            let parsed = Decimal::parse(text.as_bytes(), scale(places)).unwrap();
            prop_assert_eq!(parsed.mantissa, mantissa);
            let again = DecimalText::new(parsed.mantissa, scale(places), parsed.decimals);
            prop_assert_eq!(again.to_string(), text);
        }

        #[test]
        fn trailing_zeros_change_nothing(
            mantissa in 0..=9_999_999_999_i64, places in 0..=9_u8, zeros in 0..9_usize,
        ) {
            let text = DecimalText::new(mantissa, scale(places), places).to_string();
            let point = if places == 0 && zeros > 0 { "." } else { "" };
            let longer = format!("{text}{point}{}", "0".repeat(zeros));
            let wide = scale(9);
            prop_assert_eq!(
                Decimal::parse(text.as_bytes(), wide).map(|decimal| decimal.mantissa),
                Decimal::parse(longer.as_bytes(), wide).map(|decimal| decimal.mantissa)
            );
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..40), places in 0..=18_u8) {
            let parsed = Decimal::parse(&text, scale(places));
            prop_assert!(parsed.is_ok() || parsed.is_err());
        }
    }
}
