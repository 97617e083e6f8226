//! Times as venues write them, in ns since the epoch.

use tickring_event::{POWERS_OF_TEN, leading_digits, leading_eight};

use crate::batch::EventBatch;
use crate::json::Value;

/// Why a time is kept as "not told".
const UNREADABLE_TIME: &str = "unreadable_time";

const NS_PER_S: u64 = 1_000_000_000;
const NS_PER_MS: u64 = 1_000_000;

/// A member in milliseconds since the epoch. One that is absent or cannot be read gives 0, which
/// means "not told"; the second is remarked: no event is given up for its time.
pub(super) fn from_ms(value: Option<Value<'_, '_>>, batch: &mut EventBatch) -> u64 {
    let Some(value) = value else { return 0 };
    let ns = value.whole().and_then(|ms| ms.checked_mul(NS_PER_MS));
    ns.unwrap_or_else(|| unreadable(batch))
}

/// A time in milliseconds, or 0 where there is none; `None` for one out of reach.
#[inline]
pub(super) fn ms_to_ns(time_ms: Option<u64>) -> Option<u64> {
    time_ms.map_or(Some(0), |ms| ms.checked_mul(NS_PER_MS))
}

/// As [`from_ms`], of a member in RFC 3339.
pub(super) fn from_rfc3339(value: Option<Value<'_, '_>>, batch: &mut EventBatch) -> u64 {
    let Some(value) = value else { return 0 };
    value.text().and_then(rfc3339_ns).unwrap_or_else(|| unreadable(batch))
}

fn unreadable(batch: &mut EventBatch) -> u64 {
    batch.remark(UNREADABLE_TIME);
    0
}

/// Reads `2026-08-09T21:05:48.507547362Z`: up to nine decimals count, and an offset of `Z` or
/// `±hh:mm`. `None` for any other text and for years outside 1970 to 2554.
pub(super) fn rfc3339_ns(text: &str) -> Option<u64> {
    let (ns, len) = leading_rfc3339(text.as_bytes())?;
    (len == text.len()).then_some(ns)
}

/// As [`rfc3339_ns`], of what a text begins with, and how long that is.
#[inline]
pub(super) fn leading_rfc3339(text: &[u8]) -> Option<(u64, usize)> {
    let (date, rest) = text.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (seconds, rest) = rest.split_first_chunk::<3>()?;
    let [_, _, _, _, b'-', _, _, b'-'] = *date else { return None };
    let [_, _, b'T' | b't' | b' ', _, _, b':', _, _] = *time else { return None };
    let [b':', se, cond] = *seconds else { return None };
    let [century, _, year, _, _, month, ..] = pairs(*date, 0x00ff_ff00_ffff_ffff)?;
    let [day, _, _, hour, _, _, minute, _] = pairs(*time, 0xffff_00ff_ff00_ffff)?;
    let [year, month, day] = [century * 100 + year, month, day];
    let second = number([se, cond])?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // A leap second is the last second of its day twice.
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction_ns, offset) = fraction_ns(rest)?;
    let seconds = days(year, month, day)? * 86_400 + hour * 3_600 + minute * 60 + second.min(59);
    let (seconds, rest) = match offset {
        [b'Z' | b'z', rest @ ..] => (seconds, rest),
        [b'+', h, o, u, r, s, rest @ ..] => {
            (seconds.checked_sub(offset_s([*h, *o, *u, *r, *s])?)?, rest)
        }
        [b'-', h, o, u, r, s, rest @ ..] => {
            (seconds.checked_add(offset_s([*h, *o, *u, *r, *s])?)?, rest)
        }
        _ => return None,
    };
    let ns = seconds.checked_mul(NS_PER_S)?.checked_add(fraction_ns)?;
    Some((ns, text.len() - rest.len()))
}

/// The decimals of a second, and what follows them.
#[inline(always)]
fn fraction_ns(rest: &[u8]) -> Option<(u64, &[u8])> {
    let [b'.', decimals @ ..] = rest else { return Some((0, rest)) };
    let (fraction, len) = short_fraction(rest).unwrap_or_else(|| leading_digits(decimals));
    let offset = &decimals[len..];
    match len {
        0 => None,
        1..=9 => Some((fraction * POWERS_OF_TEN[9 - len].cast_unsigned(), offset)),
        _ => Some((leading_digits(&decimals[..9]).0, offset)),
    }
}

/// Up to six decimals behind a point, read as one word with it.
#[inline(always)]
fn short_fraction(rest: &[u8]) -> Option<(u64, usize)> {
    let word = u64::from_le_bytes(*rest.first_chunk()?) >> 8;
    Some(leading_eight(word.to_le_bytes())).filter(|(_, len)| *len < 7)
}

/// At each place of a text the number that the digits there and behind it make. Those that `digits` marks
/// must be digits, the others count as zero.
#[inline(always)]
fn pairs(text: [u8; 8], digits: u64) -> Option<[u64; 8]> {
    const ZEROS: u64 = u64::from_le_bytes([b'0'; 8]);
    const ABOVE_NINE: u64 = u64::from_le_bytes([0x7f - 9; 8]);
    const HIGHEST_BITS: u64 = u64::from_le_bytes([0x80; 8]);
    let values = (u64::from_le_bytes(text) ^ ZEROS) & digits;
    if (values.wrapping_add(ABOVE_NINE) | values) & HIGHEST_BITS != 0 {
        return None;
    }
    let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
    Some(pairs.to_le_bytes().map(u64::from))
}

/// Seconds of `hh:mm`.
fn offset_s(text: [u8; 5]) -> Option<u64> {
    let [ho, ur, b':', mi, nute] = text else { return None };
    let (hour, minute) = (number([ho, ur])?, number([mi, nute])?);
    (hour < 24 && minute < 60).then_some(hour * 3_600 + minute * 60)
}

/// The number that these digits make.
fn number<const N: usize>(digits: [u8; N]) -> Option<u64> {
    let digits = digits.map(|digit| u64::from(digit.wrapping_sub(b'0')));
    let is_number = digits.iter().fold(true, |is_number, digit| is_number & (*digit < 10));
    is_number.then(|| digits.iter().fold(0, |value, digit| value * 10 + digit))
}

/// Days from 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
#[inline(always)]
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    // The year begins in March, so that a leap day is its last.
    let year = if month <= 2 { year.checked_sub(1)? } else { year };
    let month = (month + 9) % 12;
    let (era, year) = (year / 400, year % 400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let day_of_era = year * 365 + year / 4 - year / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(rfc3339_ns(text), expected, "{text}");
    }

    #[test]
    fn a_time_is_read_to_the_nanosecond() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-08-09T21:05:48.507547362Z", Some(1_786_309_548_507_547_362));
        check("2021-04-17T16:43:37.075687Z", Some(1_618_677_817_075_687_000));
        check("2024-02-29T23:59:59.5Z", Some(1_709_251_199_500_000_000));
        check("2024-03-01T00:00:00.9999999999Z", Some(1_709_251_200_999_999_999));
        check("2000-12-31T23:59:60Z", Some(978_307_199_000_000_000));
        check("2021-04-17T18:43:37+02:00", Some(1_618_677_817_000_000_000));
        check("2021-04-17T11:13:37-05:30", Some(1_618_677_817_000_000_000));
        check("2026-08-09 21:05:48z", Some(1_786_309_548_000_000_000));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "2026",
            "2026-08-09",
            "2026-08-09T21:05:48",
            "2026-08-09T21:05:48.Z",
            "2026-08-09T21:05:48.5",
            "2026-13-09T21:05:48Z",
            "2026-00-09T21:05:48Z",
            "2026-08-32T21:05:48Z",
            "2026-08-09T24:05:48Z",
            "2026-08-09T21:05:48+1",
            "2026-08-09T21:05:48+24:00",
            "2026/08/09T21:05:48Z",
            "1969-12-31T23:59:59Z",
            "0000-01-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
            "2026-08-09T21:05:4\u{e9}Z",
        ] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn every_digit_of_a_time_counts(
            (year, month, day) in (1970..2554_u64, 1..=12_u64, 1..=28_u64),
            (hour, minute, second) in (0..24_u64, 0..60_u64, 0..60_u64),
            (ns, decimals) in (0..1_000_000_000_u64, 0..=9_usize),
        ) {
            let head = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}");
            let fraction = &format!("{ns:09}")[..decimals];
            let point = if fraction.is_empty() { "" } else { "." };
            let ns = fraction.parse().unwrap_or(0) * 10_u64.pow(9 - u32::try_from(decimals).unwrap());
            let seconds = days(year, month, day).unwrap() * 86_400 + hour * 3_600 + minute * 60 + second;
            check(&format!("{head}{point}{fraction}Z"), Some(seconds * NS_PER_S + ns));
        }

        #[test]
        fn one_wrong_character_makes_it_none(at in 0..19_usize, wrong in "[^0-9TtZz: .-]") {
            let mut text = "2026-08-09T21:05:48.5Z".to_owned();
            text.replace_range(at..=at, &wrong);
            check(&text, None);
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", date in "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.+Z-]{0,20}") {
            let _ = (rfc3339_ns(&text), rfc3339_ns(&date));
        }
    }
}
