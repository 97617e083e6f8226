//! The one place where integers become floating-point numbers.

use tickring_event::Scale;

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

/// What a mantissa of this scale is divided by; exact.
pub(crate) fn power_of_ten(scale: Scale) -> f64 {
    from_u64(10_u64.pow(u32::from(scale.decimals())))
}

/// `value` as a float; exact below 2^53.
#[expect(clippy::cast_precision_loss, reason = "lengths of windows are far below 2^53")]
pub(crate) const fn from_usize(value: usize) -> f64 {
    value as f64
}
