//! The one place where integers become floating-point numbers, and back.

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "figures are for reading")]
pub(crate) fn from_u64(value: u64) -> f64 {
    value as f64
}

/// `value` rounded to the nearest whole number; 0 for what is below it or no number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "saturates, which is what a figure out of range should do"
)]
pub(crate) fn to_u64(value: f64) -> u64 {
    value.round() as u64
}
