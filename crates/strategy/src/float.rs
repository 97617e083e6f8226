//! The one place where integers become floating-point numbers.

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "figures are for reading")]
pub(crate) fn from_u64(value: u64) -> f64 {
    value as f64
}

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "volumes are compared, not added up, as floats")]
pub(crate) fn from_i128(value: i128) -> f64 {
    value as f64
}

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "lengths of windows are far below 2^53")]
pub(crate) const fn from_usize(value: usize) -> f64 {
    value as f64
}
