//! Exact prices and quantities, and the decimal scale that gives them meaning.

use crate::decimal::{DECIMALS_MAX, power_of_ten};

/// How many decimal places an integer price or quantity has.
///
/// Invariant: at most [`DECIMALS_MAX`].
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Scale(u8);

impl Scale {
    /// A scale of `decimals` places; `None` above [`DECIMALS_MAX`].
    #[must_use]
    pub const fn new(decimals: u8) -> Option<Self> {
        if decimals <= DECIMALS_MAX { Some(Self(decimals)) } else { None }
    }

    /// The decimal places.
    #[must_use]
    pub const fn decimals(self) -> u8 {
        self.0
    }

    /// What a mantissa is multiplied by to get the number it stands for.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "powers of ten up to 1e18 are exact or nearest")]
    pub fn unit(self) -> f64 {
        1.0 / power_of_ten(self.0) as f64
    }
}

/// A price: an exact integer at its instrument's price scale.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Price(i64);

/// A quantity: an exact integer at its instrument's quantity scale.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct Quantity(i64);

macro_rules! scaled_integer {
    ($name:ident) => {
        impl $name {
            /// Zero at every scale.
            pub const ZERO: Self = Self(0);

            /// Wraps an integer that is already at the instrument's scale.
            #[must_use]
            pub const fn from_mantissa(mantissa: i64) -> Self {
                Self(mantissa)
            }

            /// The integer.
            #[must_use]
            pub const fn mantissa(self) -> i64 {
                self.0
            }

            /// Whether this is exactly zero.
            #[must_use]
            pub const fn is_zero(self) -> bool {
                self.0 == 0
            }

            /// The nearest float, for statistics; books and comparisons stay with the integer.
            #[must_use]
            #[expect(clippy::cast_precision_loss, reason = "statistics accept the nearest float")]
            pub fn to_f64(self, scale: Scale) -> f64 {
                self.0 as f64 / power_of_ten(scale.decimals()) as f64
            }
        }
    };
}

scaled_integer!(Price);
scaled_integer!(Quantity);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_has_at_most_eighteen_decimals() {
        assert_eq!(Scale::new(18).map(Scale::decimals), Some(18));
        assert_eq!(Scale::new(19), None);
    }

    #[test]
    fn a_price_as_a_float_is_the_nearest_one() {
        let scale = Scale::new(8).unwrap();
        assert!((Price::from_mantissa(6_183_763_000_000).to_f64(scale) - 61837.63).abs() < 1e-9);
        assert!((scale.unit() - 1e-8).abs() < 1e-20);
    }
}
