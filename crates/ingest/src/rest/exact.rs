//! Numbers as the venue wrote them.

use std::fmt;

/// Longest number that is taken, in bytes; the longest documented one has a third of that.
const BYTES_MAX: usize = 64;

/// Largest exponent that is written out.
const EXPONENT_MAX: i32 = 30;

/// A decimal number, to the last digit and as its text: `543.5`.
///
/// Invariant: `[-]digits[.digits]`, at most 64 bytes.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Exact(Box<str>);

impl Exact {
    /// The number that `text` is; a short exponent (`1e-07`) is written out. `None` for anything else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > BYTES_MAX {
            return None;
        }
        if is_plain(text) {
            return Some(Self(text.into()));
        }
        let at = text.find(['e', 'E'])?;
        let exponent: i32 = text[at + 1..].parse().ok()?;
        let number = &text[..at];
        if !is_plain(number) || exponent.abs() > EXPONENT_MAX {
            return None;
        }
        Some(Self(written_out(number, exponent).into()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl AsRef<str> for Exact {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

fn is_plain(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let is_digits = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit());
    is_digits(whole) && is_digits(fraction)
}

/// A plain number times ten to the power of `exponent`.
fn written_out(number: &str, exponent: i32) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |rest| ("-", rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = format!("{whole}{fraction}");
    let places = usize::try_from(exponent.unsigned_abs()).unwrap_or(0);
    let (digits, point) = if exponent < 0 {
        let padded = format!("{}{digits}", "0".repeat(places));
        (padded, whole.len())
    } else {
        (format!("{digits}{}", "0".repeat(places)), whole.len() + places)
    };
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(Exact::parse(text).as_ref().map(Exact::as_str), expected, "{text}");
    }

    #[test]
    fn a_number_keeps_every_digit() {
        check("543.500", Some("543.500"));
        check("-0.1", Some("-0.1"));
        check("123456789012345678901234567890.12", Some("123456789012345678901234567890.12"));
    }

    #[test]
    fn an_exponent_is_written_out() {
        check("1e-07", Some("0.0000001"));
        check("1.25E+1", Some("12.5"));
        check("-12.5e1", Some("-125"));
        check("12e3", Some("12000"));
        check("0e5", Some("0"));
        check("125e-2", Some("1.25"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".5", "1.", "1,5", "abc", "+1", " 1", "1e", "e1", "1e99", "1.2.3"] {
            check(text, None);
        }
        check(&"1".repeat(65), None);
    }
}
