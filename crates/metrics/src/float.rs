//! The one place where integers become floating-point numbers.

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "shares, rates and means are for reading")]
pub(crate) fn from_u64(value: u64) -> f64 {
    value as f64
}

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "shares, rates and means are for reading")]
pub(crate) fn from_u128(value: u128) -> f64 {
    value as f64
}

/// `part / whole`, and 0 when there is no whole.
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { from_u64(part) / from_u64(whole) }
}
