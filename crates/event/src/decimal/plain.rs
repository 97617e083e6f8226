//! Plain short decimals, eight digits at a time: what nearly every number of a venue is.

use super::{Decimal, POWERS};
use crate::price::Scale;

/// Longest text, in bytes: two words.
#[cfg(test)]
const LEN_MAX: usize = 16;

/// Reads `digits[.digits]` of at most sixteen bytes with no more decimals than `scale`. `None` for
/// any other text, and for a number that does not fit: the general reader says what is wrong with it.
///
/// No branch depends on a digit.
#[inline]
pub(super) fn parse(text: &[u8], scale: Scale) -> Option<Decimal> {
    let (digits, decimals) = if text.len() <= 8 { short(text)? } else { long(text)? };
    let places = usize::from(scale.decimals()).checked_sub(decimals)?;
    let mantissa = digits.cast_signed().checked_mul(*POWERS.get(places)?)?;
    Some(Decimal { mantissa, decimals: u8::try_from(decimals).ok()? })
}

/// Up to eight bytes: their digits and how many of them are decimals.
#[inline]
fn short(text: &[u8]) -> Option<(u64, usize)> {
    let word = load(text)?;
    let (digits, decimals) = without_point(word, text.len())?;
    (decimals != Some(0)).then_some((eight_digits(digits)?, decimals.unwrap_or(0)))
}

/// Nine to sixteen bytes, as a first word of eight and a second of the rest.
#[inline]
fn long(text: &[u8]) -> Option<(u64, usize)> {
    let rest_len = text.len().checked_sub(8).filter(|len| *len <= 8)?;
    let first = u64::from_le_bytes(*text.first_chunk()?);
    // The last eight bytes, without those that the first word has.
    let rest = u64::from_le_bytes(*text.last_chunk()?) >> (8 * (8 - rest_len));
    let (first, first_decimals) = without_point(first, 8)?;
    if let Some(decimals) = first_decimals {
        let rest = eight_digits(aligned(rest, rest_len))?;
        let shift = POWERS[rest_len].cast_unsigned();
        return Some((eight_digits(first)? * shift + rest, decimals + rest_len));
    }
    if rest.to_le_bytes()[0] == b'.' {
        // The point is between the two words.
        let rest_len = rest_len.checked_sub(1).filter(|len| *len > 0)?;
        let rest = eight_digits(aligned(rest >> 8, rest_len))?;
        let shift = POWERS[rest_len].cast_unsigned();
        return Some((eight_digits(first)? * shift + rest, rest_len));
    }
    let (rest, decimals) = without_point(rest, rest_len)?;
    if decimals == Some(0) {
        return None;
    }
    let rest_digits = rest_len - usize::from(decimals.is_some());
    let shift = POWERS[rest_digits].cast_unsigned();
    Some((eight_digits(first)? * shift + eight_digits(rest)?, decimals.unwrap_or(0)))
}

/// The bytes of 1 to 8, the first one lowest.
#[inline]
fn load(text: &[u8]) -> Option<u64> {
    if let Some(all) = text.first_chunk() {
        return Some(u64::from_le_bytes(*all));
    }
    if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        // The two overlap: they agree where they do.
        let tail = u64::from(u32::from_le_bytes(*tail)) << (8 * (text.len() - 4));
        return Some(u64::from(u32::from_le_bytes(*head)) | tail);
    }
    match *text {
        [a] => Some(u64::from(a)),
        [a, b] => Some(u64::from(u16::from_le_bytes([a, b]))),
        [a, b, c] => Some(u64::from(u32::from_le_bytes([a, b, c, 0]))),
        _ => None,
    }
}

/// The values of the `len` lowest bytes, 1 to 8, moved up to the highest, with zeros below.
#[inline]
const fn aligned(word: u64, len: usize) -> u64 {
    let free = 8 * (8 - len);
    (word << free) ^ (each(b'0') << free)
}

/// As [`aligned`], closed up over the point, and how many digits followed it. None where it
/// has nothing before it.
#[inline]
fn without_point(word: u64, len: usize) -> Option<(u64, Option<usize>)> {
    let digits = aligned(word, len);
    let point = digits ^ each(b'.' ^ b'0');
    // The lowest mark is right; those above it may be false.
    let marks = point.wrapping_sub(each(1)) & !point & each(0x80);
    if marks == 0 {
        return Some((digits, None));
    }
    let at = marks.trailing_zeros() & !7;
    if at as usize == 8 * (8 - len) {
        return None;
    }
    let whole = digits & ((1 << at) - 1);
    let fraction = digits >> at >> 8 << 8 << at;
    Some(((whole << 8) | fraction, Some((56 - at as usize) / 8)))
}

/// The number that eight values of 0 to 9 make, the first in the lowest byte: pairs, then fours, then
/// all.
///
/// Source: Johnny Lee's and Daniel Lemire's "Quickly parsing eight digits" (2018).
#[inline]
const fn eight_digits(digits: u64) -> Option<u64> {
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    const UPPER: u64 = 100 + (1_000_000 << 32);
    const LOWER: u64 = 1 + (10_000 << 32);
    if (digits.wrapping_add(each(0x7f - 9)) | digits) & each(0x80) != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let upper = (pairs & MASK).wrapping_mul(UPPER);
    let lower = ((pairs >> 16) & MASK).wrapping_mul(LOWER);
    Some(upper.wrapping_add(lower) >> 32)
}

#[inline]
const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decimal::parse_any;

    #[track_caller]
    fn check(text: &str, decimals: u8) {
        let scale = Scale::new(decimals).unwrap();
        let general = parse_any(text.as_bytes(), scale);
        match parse(text.as_bytes(), scale) {
            Some(decimal) => assert_eq!(Ok(decimal), general, "{text} at {decimals}"),
            None => assert!(
                general.is_err() || !is_plain(text, decimals),
                "{text} at {decimals} is plain and was not taken"
            ),
        }
    }

    /// Whether it ought to be taken.
    fn is_plain(text: &str, decimals: u8) -> bool {
        let fraction = text.split_once('.').map_or(0, |(_, fraction)| fraction.len());
        let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        plain && text.len() <= LEN_MAX && fraction <= usize::from(decimals)
    }

    #[test]
    fn texts_of_every_length_with_the_point_anywhere_are_read_as_in_general() {
        let digits = "9081726354453627";
        for len in 0..=digits.len() {
            for decimals in 0..=18 {
                check(&digits[..len], decimals);
                for at in 0..=len {
                    check(&format!("{}.{}", &digits[..at], &digits[at..len]), decimals);
                }
            }
        }
    }

    #[test]
    fn bytes_beside_the_digits_are_never_taken() {
        for byte in 0..=u8::MAX {
            for at in 0..8 {
                let mut text = *b"61837.63";
                text[at] = byte;
                let is_number = std::str::from_utf8(&text).is_ok_and(|it| is_plain(it, 8));
                let taken = parse(&text, Scale::new(8).unwrap()).is_some();
                assert!(!taken || is_number, "{text:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        #[test]
        fn what_is_taken_is_read_as_in_general(text in "[0-9.]{0,18}", decimals in 0..=18_u8) {
            check(&text, decimals);
        }

        #[test]
        fn any_bytes_are_read_as_in_general(text in proptest::collection::vec(any::<u8>(), 0..20), decimals in 0..=18_u8) {
            let scale = Scale::new(decimals).unwrap();
            if let Some(decimal) = parse(&text, scale) {
                prop_assert_eq!(Ok(decimal), parse_any(&text, scale));
            }
        }
    }
}
