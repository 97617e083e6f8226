//! Times as other tools write them, to ns. From the digits, never through a float.

/// Digits after the point that a time may have.
const FRACTION_DIGITS_MAX: usize = 9;

const SECOND_NS: u64 = 1_000_000_000;

/// The time of `2024-08-08T10:00:00.0000001Z`: UTC, up to nine fraction digits; in ns since 1970.
///
/// `None` for anything else. Allocates nothing.
#[must_use]
pub fn iso_ns(text: &[u8]) -> Option<u64> {
    let (date, time) = text.strip_suffix(b"Z")?.split_at_checked(10)?;
    let (hour, minute, rest) = match time {
        [b'T', h1, h2, b':', m1, m2, b':', rest @ ..] => {
            (number(&[*h1, *h2])?, number(&[*m1, *m2])?, rest)
        }
        _ => return None,
    };
    let whole_digits = rest.iter().position(|&byte| byte == b'.').unwrap_or(rest.len());
    let second_ns = seconds_ns(rest)?;
    // A leap second is one that follows :59; nothing else has more than 60 of a kind.
    if whole_digits != 2 || hour > 23 || minute > 59 || second_ns >= 61 * SECOND_NS {
        return None;
    }
    let minutes = date_minutes(date)?.checked_add(hour * 60 + minute)?;
    minutes.checked_mul(60 * SECOND_NS)?.checked_add(second_ns)
}

/// ns of the midnight, UTC, that starts the day `2024-08-08`.
pub(super) fn date_ns(date: &[u8]) -> Option<u64> {
    date_minutes(date)?.checked_mul(60 * SECOND_NS)
}

/// The time of `1626992740.179554`: seconds with up to nine fraction digits, or none.
pub(super) fn seconds_ns(text: &[u8]) -> Option<u64> {
    let (whole, fraction) = match text.iter().position(|&byte| byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => return number(text)?.checked_mul(SECOND_NS),
    };
    if fraction.len() > FRACTION_DIGITS_MAX {
        return None;
    }
    let mut fraction_ns = number(fraction)?;
    for _ in fraction.len()..FRACTION_DIGITS_MAX {
        fraction_ns *= 10;
    }
    number(whole)?.checked_mul(SECOND_NS)?.checked_add(fraction_ns)
}

/// One digit at least, and nothing but digits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut value: u64 = 0;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value.checked_mul(10)?.checked_add(u64::from(byte - b'0'))?;
    }
    Some(value)
}

fn date_minutes(date: &[u8]) -> Option<u64> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *date else { return None };
    let (year, month) = (number(&[y1, y2, y3, y4])?, number(&[m1, m2])?);
    let day = number(&[d1, d2])?;
    if year < 1970 || day == 0 || day > month_days(year, month)? {
        return None;
    }
    let leap_years = |before: u64| before / 4 - before / 100 + before / 400;
    let years_days = (year - 1970) * 365 + leap_years(year - 1) - leap_years(1969);
    let months_days: u64 = (1..month).filter_map(|it| month_days(year, it)).sum();
    Some((years_days + months_days + day - 1) * 24 * 60)
}

const fn month_days(year: u64, month: u64) -> Option<u64> {
    let is_leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => Some(31),
        4 | 6 | 9 | 11 => Some(30),
        2 => Some(if is_leap { 29 } else { 28 }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check_iso(text: &str, expected: Option<u64>) {
        assert_eq!(iso_ns(text.as_bytes()), expected, "{text}");
    }

    #[track_caller]
    fn check_seconds(text: &str, expected: Option<u64>) {
        assert_eq!(seconds_ns(text.as_bytes()), expected, "{text}");
    }

    #[test]
    fn a_date_and_time_is_ns_since_the_epoch() {
        check_iso("1970-01-01T00:00:00Z", Some(0));
        check_iso("2019-06-01T00:03:03.1238784Z", Some(1_559_347_383_123_878_400));
        check_iso("2024-02-29T23:59:59.999999999Z", Some(1_709_251_199_999_999_999));
        check_iso("2000-03-01T00:00:00.5Z", Some(951_868_800_500_000_000));
        check_iso("2016-12-31T23:59:60Z", Some(1_483_228_800_000_000_000));
    }

    #[test]
    fn what_is_no_date_and_time_is_none() {
        for text in [
            "",
            "Z",
            "2024-08-08T10:00:00",
            "2024-08-08 10:00:00Z",
            "2023-02-29T00:00:00Z",
            "2100-02-29T00:00:00Z",
            "2024-13-01T00:00:00Z",
            "2024-00-01T00:00:00Z",
            "2024-08-00T00:00:00Z",
            "2024-08-08T24:00:00Z",
            "2024-08-08T10:60:00Z",
            "2024-08-08T10:00:61Z",
            "2024-08-08T10:00:1Z",
            "2024-08-08T10:00:00.Z",
            "2024-08-08T10:00:00.0000000001Z",
            "1969-12-31T23:59:59Z",
            "9999-01-01T00:00:00Z",
        ] {
            check_iso(text, None);
        }
    }

    #[test]
    fn seconds_keep_every_digit() {
        check_seconds("1626992740.179554", Some(1_626_992_740_179_554_000));
        check_seconds("1626992742.2894342", Some(1_626_992_742_289_434_200));
        check_seconds("1626992741.0", Some(1_626_992_741_000_000_000));
        check_seconds("34200.004241176", Some(34_200_004_241_176));
        check_seconds("7", Some(7_000_000_000));
    }

    #[test]
    fn what_is_no_seconds_is_none() {
        for text in ["", ".", "1.", ".5", "-1.0", "1e9", "1.0000000001", "18446744074.0", "1.5 "] {
            check_seconds(text, None);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn ns_to_seconds_and_back_is_the_identity(time_ns: u64) {
            let text = format!("{}.{:09}", time_ns / SECOND_NS, time_ns % SECOND_NS);
            prop_assert_eq!(seconds_ns(text.as_bytes()), Some(time_ns));
            let shorter = text.trim_end_matches('0');
            if !shorter.ends_with('.') {
                prop_assert_eq!(seconds_ns(shorter.as_bytes()), Some(time_ns));
            }
        }

        #[test]
        fn a_day_is_a_day_after_the_day_before(days in 1..200_000_u64) {
            let text = |days: u64| {
                // The date of a day number, counted on from 1970 year by year and month by month.
                let (mut year, mut month, mut left) = (1970, 1, days);
                while left >= month_days(year, month).unwrap() {
                    left -= month_days(year, month).unwrap();
                    (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
                }
                format!("{year:04}-{month:02}-{:02}", left + 1)
            };
            let day_ns = 24 * 60 * 60 * SECOND_NS;
            prop_assert_eq!(date_ns(text(days).as_bytes()), days.checked_mul(day_ns));
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            prop_assert!(iso_ns(&text).is_none() || text.ends_with(b"Z"));
            prop_assert!(seconds_ns(&text).is_none() || text[0].is_ascii_digit());
        }
    }
}
