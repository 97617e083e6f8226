//! Plain short decimals, eight digits at a time: what nearly every number of a venue is.

use std::num::NonZeroU8;

use super::{Decimal, POWERS_OF_TEN};
use crate::price::Scale;

/// Longest text, in bytes: two words.
#[cfg(test)]
const LEN_MAX: usize = 16;

/// Reads `digits[.digits]` of at most sixteen bytes with no more decimals than `scale`. `None` for
/// any other text, and for a number that does not fit: the general reader says what is wrong with it.
///
/// No branch depends on a digit.
#[inline(always)]
pub(super) fn parse(text: &[u8], scale: Scale) -> Option<Decimal> {
    let (digits, decimals) = plain_digits(text)?;
    let places = usize::from(scale.decimals()).checked_sub(decimals)?;
    let mantissa = digits.cast_signed().checked_mul(*POWERS_OF_TEN.get(places)?)?;
    Some(Decimal { mantissa, decimals: u8::try_from(decimals).ok()? })
}

/// The number that the digits in front of eight bytes make, and how many they are.
#[inline(always)]
#[must_use]
pub fn leading_eight(text: [u8; 8]) -> (u64, usize) {
    let (values, len) = leading_values(text);
    (if len == 0 { 0 } else { eight_values(values) }, len)
}

/// As [`leading_eight`], of sixteen bytes.
#[inline(always)]
#[must_use]
pub fn leading_sixteen(text: [u8; 16]) -> (u64, usize) {
    let [low, high] = eights(text);
    let (first, len) = leading_values(low);
    if len < 8 {
        return (if len == 0 { 0 } else { eight_values(first) }, len);
    }
    let (second, more) = leading_values(high);
    if more == 0 {
        return (eight_values(first), len);
    }
    let (first, second) = two_numbers(first, second);
    (first * POWERS_OF_TEN[more & 15].cast_unsigned() + second, len + more)
}

#[inline(always)]
fn eights(text: [u8; 16]) -> [[u8; 8]; 2] {
    let (low, high) = text.split_at(8);
    [low, high].map(|it| it.try_into().expect("half of sixteen bytes is eight"))
}

/// The values of the digits in front of eight bytes, moved up to the highest, with zeros below, and how
/// many they are. Without a digit the values are anything.
#[inline(always)]
fn leading_values(text: [u8; 8]) -> (u64, usize) {
    let digits = u64::from_le_bytes(text) ^ each(b'0');
    // The lowest mark is right; those above it may be false.
    let others = (digits.wrapping_add(each(0x7f - 9)) | digits) & each(0x80);
    let bits = others.trailing_zeros() & !7;
    // By 64, which is by none, where there is no digit.
    (digits.wrapping_shl(64 - bits), (bits / 8) as usize)
}

/// A number of few digits: all of them as one number, and how many of them stand after the point.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ShortNumber {
    digits: u64,
    decimals: u8,
    size: NonZeroU8,
}

impl ShortNumber {
    /// Bytes in which one is looked for: eight digits, a point, eight digits.
    pub const BYTES: usize = 17;

    /// The `digits[.digits]` that `text` begins with, with up to eight digits on either side of the point;
    /// `None` for anything else. A further digit behind it is not looked at.
    #[inline(always)]
    #[must_use]
    pub fn leading(text: &[u8; Self::BYTES]) -> Option<Self> {
        let (whole, len) = leading_values(*text.first_chunk()?);
        if text[len] != b'.' {
            return Self::new(eight_values(whole), 0, len);
        }
        let (fraction, decimals) = leading_values(*text.get(len + 1..)?.first_chunk()?);
        if len == 0 || decimals == 0 {
            return None;
        }
        let (whole, fraction) = two_numbers(whole, fraction);
        let digits = whole.wrapping_mul(POWERS_OF_TEN[decimals & 15].cast_unsigned());
        Self::new(digits.wrapping_add(fraction), decimals, len + 1 + decimals)
    }

    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "17 bytes at most")]
    fn new(digits: u64, decimals: usize, size: usize) -> Option<Self> {
        Some(Self { digits, decimals: decimals as u8, size: NonZeroU8::new(size as u8)? })
    }

    /// All its digits as one number.
    #[inline(always)]
    #[must_use]
    pub const fn digits(self) -> u64 {
        self.digits
    }

    /// How many of its digits stand after the point.
    #[inline(always)]
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.decimals
    }

    /// How many bytes it takes.
    #[inline(always)]
    #[must_use]
    pub const fn size(self) -> usize {
        self.size.get() as usize
    }
}

/// A price or quantity as a message has it: its text, and what the number is where it is a short one.
#[derive(Clone, Copy, Debug)]
pub struct NumberText<'text> {
    text: &'text [u8],
    short: Option<ShortNumber>,
}

impl<'text> NumberText<'text> {
    /// A text that is all of a short number.
    #[inline(always)]
    #[must_use]
    pub fn of_short(text: &'text [u8], short: ShortNumber) -> Self {
        debug_assert_eq!(text.len(), short.size(), "the text is the number's");
        Self { text, short: Some(short) }
    }

    /// As it is written.
    #[inline(always)]
    #[must_use]
    pub const fn text(self) -> &'text [u8] {
        self.text
    }

    /// What the number is, where it is a short one.
    #[inline(always)]
    #[must_use]
    pub const fn short(self) -> Option<ShortNumber> {
        self.short
    }
}

impl<'text> From<&'text [u8]> for NumberText<'text> {
    #[inline(always)]
    fn from(text: &'text [u8]) -> Self {
        Self { text, short: None }
    }
}

impl<'text, const N: usize> From<&'text [u8; N]> for NumberText<'text> {
    #[inline(always)]
    fn from(text: &'text [u8; N]) -> Self {
        Self::from(&text[..])
    }
}

/// The digits of `digits[.digits]` of at most sixteen bytes as one number, and how many of them stand
/// after the point. `None` for any other text.
#[inline(always)]
#[must_use]
pub fn plain_digits(text: &[u8]) -> Option<(u64, usize)> {
    if text.len() <= 8 { short(text) } else { long(text) }
}

/// Up to eight bytes: their digits and how many of them are decimals.
#[inline(always)]
fn short(text: &[u8]) -> Option<(u64, usize)> {
    let digits = aligned(load(text)?, text.len());
    let Some(point) = point_in(digits) else { return Some((eight_digits(digits)?, 0)) };
    if point == 8 - text.len() || point == 7 {
        return None;
    }
    Some((eight_digits(closed_up(digits, point))?, 7 - point))
}

/// Nine to sixteen bytes, as a first word of eight and a second of the rest.
#[inline(never)]
fn long(text: &[u8]) -> Option<(u64, usize)> {
    let rest_len = text.len().checked_sub(8).filter(|len| *len <= 8)?;
    let first = aligned(u64::from_le_bytes(*text.first_chunk()?), 8);
    // The last eight bytes, without those that the first word has.
    let rest = u64::from_le_bytes(*text.last_chunk()?) >> (8 * (8 - rest_len));
    if let Some(point) = point_in(first).filter(|point| *point > 0) {
        let first = closed_up(first, point);
        return joined(first, aligned(rest, rest_len), rest_len, 7 - point + rest_len);
    }
    let rest = aligned(rest, rest_len);
    let Some(point) = point_in(rest) else { return joined(first, rest, rest_len, 0) };
    let decimals = 7 - point;
    if decimals == 0 {
        return None;
    }
    joined(first, closed_up(rest, point), rest_len - 1, decimals)
}

/// The number of two words of digits, `rest_len` of them in the second.
#[inline]
fn joined(first: u64, rest: u64, rest_len: usize, decimals: usize) -> Option<(u64, usize)> {
    let shift = POWERS_OF_TEN[rest_len & 15].cast_unsigned();
    Some((eight_digits(first)?.wrapping_mul(shift).wrapping_add(eight_digits(rest)?), decimals))
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

/// In which byte the point is, counted from the lowest.
#[inline]
const fn point_in(digits: u64) -> Option<usize> {
    let point = digits ^ each(b'.' ^ b'0');
    // The lowest mark is right; those above it may be false.
    let marks = point.wrapping_sub(each(1)) & !point & each(0x80);
    if marks == 0 { None } else { Some(marks.trailing_zeros() as usize / 8) }
}

/// The digits before the point moved up by one byte, over it.
#[inline]
const fn closed_up(digits: u64, point: usize) -> u64 {
    let at = 8 * point;
    let whole = digits & ((1 << at) - 1);
    let fraction = digits >> at >> 8 << 8 << at;
    (whole << 8) | fraction
}

/// The number that eight values of 0 to 9 make, the first in the lowest byte; `None` where one is none.
#[inline]
const fn eight_digits(digits: u64) -> Option<u64> {
    if (digits.wrapping_add(each(0x7f - 9)) | digits) & each(0x80) != 0 {
        return None;
    }
    Some(eight_values(digits))
}

/// The number that eight values of 0 to 9 make, the first in the lowest byte: pairs, then fours, then
/// all.
///
/// Source: Johnny Lee's and Daniel Lemire's "Quickly parsing eight digits" (2018).
#[inline]
const fn eight_values(digits: u64) -> u64 {
    const MASK: u64 = 0x0000_00FF_0000_00FF;
    const UPPER: u64 = 100 + (1_000_000 << 32);
    const LOWER: u64 = 1 + (10_000 << 32);
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let upper = (pairs & MASK).wrapping_mul(UPPER);
    let lower = ((pairs >> 16) & MASK).wrapping_mul(LOWER);
    upper.wrapping_add(lower) >> 32
}

/// As [`eight_values`], of two numbers at once.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(unsafe_code, reason = "both in the time of one")]
fn two_numbers(first: u64, second: u64) -> (u64, u64) {
    // SAFETY: every x86-64 processor has SSE2.
    unsafe { two_by_sse2(first, second) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "sse2")]
#[inline]
fn two_by_sse2(first: u64, second: u64) -> (u64, u64) {
    use std::arch::x86_64::{
        _mm_add_epi16, _mm_and_si128, _mm_cvtsi128_si64, _mm_madd_epi16, _mm_mullo_epi16,
        _mm_packs_epi32, _mm_set_epi64x, _mm_set1_epi16, _mm_set1_epi32, _mm_srli_epi16,
    };
    let digits = _mm_set_epi64x(second.cast_signed(), first.cast_signed());
    let tens = _mm_mullo_epi16(_mm_and_si128(digits, _mm_set1_epi16(0xff)), _mm_set1_epi16(10));
    let pairs = _mm_add_epi16(tens, _mm_srli_epi16::<8>(digits));
    let fours = _mm_madd_epi16(pairs, _mm_set1_epi32(100 | 1 << 16));
    let fours = _mm_packs_epi32(fours, fours);
    let eights = _mm_madd_epi16(fours, _mm_set1_epi32(10_000 | 1 << 16));
    let both = _mm_cvtsi128_si64(eights).cast_unsigned();
    (both & 0xffff_ffff, both >> 32)
}

#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
const fn two_numbers(first: u64, second: u64) -> (u64, u64) {
    (eight_values(first), eight_values(second))
}

/// The digits of a number below a hundred million, each in a byte, the first in the lowest: fours, then
/// pairs, then single ones, each divided by multiplying.
///
/// Source: Paul Khuong's "How to print integers really fast" (2017).
#[inline]
#[must_use]
pub const fn eight_bytes(number: u32) -> u64 {
    debug_assert!(number < 100_000_000, "eight digits");
    let number = number as u64;
    let fours = (number / 10_000) | ((number % 10_000) << 32);
    let hundreds = ((fours * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((fours - 100 * hundreds) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - 10 * tens) << 8)
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
    fn eight_digits_are_written_as_they_are_read() {
        for number in (0..100_000_000).step_by(7_919).chain([99_999_999, 10_000, 9_999]) {
            let values = eight_bytes(number);
            assert_eq!(eight_digits(values), Some(u64::from(number)));
        }
    }

    #[test]
    fn two_numbers_are_each_the_one_that_is_read_alone() {
        for number in (0..100_000_000).step_by(104_729).chain([99_999_999, 10_000, 9_999]) {
            let (first, second) = (eight_bytes(number), eight_bytes(99_999_999 - number));
            let both = (u64::from(number), u64::from(99_999_999 - number));
            assert_eq!(two_numbers(first, second), both);
        }
    }

    #[test]
    fn a_whole_number_in_front_of_sixteen_bytes_ends_where_its_digits_end() {
        for len in 0..=16 {
            for behind in ['"', '.', '/', ':', '\u{0}', '\u{7f}'] {
                let digits = &"9182736455463728"[..len];
                let text = format!("{digits}{}", behind.to_string().repeat(16 - len));
                let bytes = *text.as_bytes().first_chunk().unwrap();
                assert_eq!(leading_sixteen(bytes), (digits.parse().unwrap_or(0), len), "{text}");
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

    #[track_caller]
    fn check_leading(text: &str, expected: Option<&str>) {
        let mut bytes = [b'7'; ShortNumber::BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        let number = ShortNumber::leading(&bytes);
        let read = number.map(|it| {
            let (digits, decimals, size) = (it.digits, usize::from(it.decimals), it.size());
            let without_point = text[..size].replace('.', "");
            assert_eq!(without_point.parse(), Ok(digits), "{text}");
            assert_eq!(decimals, text[..size].find('.').map_or(0, |at| size - at - 1), "{text}");
            &text[..size]
        });
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_number_in_front_of_a_text_ends_where_its_digits_end() {
        check_leading("61837.63\",\"0.02\"]", Some("61837.63"));
        check_leading("0.00000000\"", Some("0.00000000"));
        check_leading("12345678.12345678", Some("12345678.12345678"));
        check_leading("7\"", Some("7"));
        check_leading("12345678\"", Some("12345678"));
        check_leading("1.2.3\"", Some("1.2"));
        check_leading("1-2\"", Some("1"));
        check_leading("5.\"", None);
        check_leading(".5\"", None);
        check_leading("-5\"", None);
        check_leading("\"", None);
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
