//! The one place where integers become floating-point numbers.

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of bars and spans of time are far below")]
pub(crate) const fn from_u64(value: u64) -> f64 {
    value as f64
}
