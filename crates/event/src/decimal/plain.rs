//! Plain short decimals, eight digits at a time: what nearly every number of a venue is.

use super::{Decimal, POWERS};
use crate::price::Scale;

/// Longest text, in bytes: two words.
const LEN_MAX: usize = 16;

/// Reads `digits[.digits]` of at most [`LEN_MAX`] bytes with no more decimals than `scale`. `None` for
/// any other text, and for a number that does not fit: the general reader says what is wrong with it.
///
/// Costs the same whatever the digits are, with no branch on any of them.
#[inline]
pub(super) fn parse(text: &[u8], scale: Scale) -> Option<Decimal> {
    // The last digit in the highest byte, zeros below the first.
    let free = 8 * (LEN_MAX.checked_sub(text.len())?);
    let digits = load(text)?.checked_shl(u32::try_from(free).ok()?)? ^ (each(b'0') << free);
    let (digits, decimals) = without_point(digits, free)?;
    if ((digits.wrapping_add(each(0x7f - 9))) | digits) & each(0x80) != 0 {
        return None;
    }
    let [high, low] = halves(digits);
    let mantissa = eight_digits(high).wrapping_mul(100_000_000).wrapping_add(eight_digits(low));
    let places = usize::from(scale.decimals()).checked_sub(decimals)?;
    let mantissa = mantissa.cast_signed().checked_mul(*POWERS.get(places)?)?;
    Some(Decimal { mantissa, decimals: u8::try_from(decimals).ok()? })
}

/// The bytes of 1 to 16, the first one lowest.
#[inline]
fn load(text: &[u8]) -> Option<u128> {
    let len = text.len();
    if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        // The two overlap: they agree where they do.
        let tail = u128::from(u64::from_le_bytes(*tail)) << (8 * (len - 8));
        return Some(u128::from(u64::from_le_bytes(*head)) | tail);
    }
    if let (Some(head), Some(tail)) = (text.first_chunk(), text.last_chunk()) {
        let tail = u64::from(u32::from_le_bytes(*tail)) << (8 * (len - 4));
        return Some(u128::from(u64::from(u32::from_le_bytes(*head)) | tail));
    }
    match *text {
        [a] => Some(u128::from(a)),
        [a, b] => Some(u128::from(u16::from_le_bytes([a, b]))),
        [a, b, c] => Some(u128::from(u32::from_le_bytes([a, b, c, 0]))),
        _ => None,
    }
}

/// The digits closed up over the point, and how many followed it. The lowest `free` bits hold none.
#[inline]
fn without_point(digits: u128, free: usize) -> Option<(u128, usize)> {
    let point = digits ^ each(b'.' ^ b'0');
    // The lowest mark is right; those above it may be false.
    let marks = point.wrapping_sub(each(1)) & !point & each(0x80);
    if marks == 0 {
        return Some((digits, 0));
    }
    let at = marks.trailing_zeros() as usize / 8;
    if 8 * at == free || at == LEN_MAX - 1 {
        return None;
    }
    let whole = digits & ((1 << (8 * at)) - 1);
    let fraction = digits >> (8 * at) >> 8 << 8 << (8 * at);
    Some(((whole << 8) | fraction, LEN_MAX - 1 - at))
}

/// The number that eight digits make, the first in the lowest byte: pairs, then fours, then all.
///
/// Source: Johnny Lee's and Daniel Lemire's "Quickly parsing eight digits" (2018).
#[inline]
const fn eight_digits(digits: u64) -> u64 {
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    const UPPER: u64 = 100 + (1_000_000 << 32);
    const LOWER: u64 = 1 + (10_000 << 32);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let upper = (pairs & MASK).wrapping_mul(UPPER);
    let lower = ((pairs >> 16) & MASK).wrapping_mul(LOWER);
    upper.wrapping_add(lower) >> 32
}

/// The words with the first and with the last eight digits.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart")]
const fn halves(digits: u128) -> [u64; 2] {
    [digits as u64, (digits >> 64) as u64]
}

#[inline]
const fn each(byte: u8) -> u128 {
    u128::from_le_bytes([byte; 16])
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
