//! How fast a recording is played.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Pace {
    /// As fast as it was recorded.
    #[default]
    Real,
    /// This many times as fast; a number above zero.
    Times(f64),
    /// As fast as it can be read and taken.
    Max,
}

/// Words that are no pace.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{0}` is no speed: expected a number above 0, or `max`")]
pub struct PaceError(String);

impl Pace {
    /// How long a time of the recording takes. Saturates.
    pub(super) fn scaled_ns(self, recorded_ns: u64) -> u64 {
        match self {
            Self::Real => recorded_ns,
            Self::Times(times) => scale(recorded_ns, times),
            Self::Max => 0,
        }
    }

    /// The time of the recording that has passed after `elapsed_ns` of ours. Saturates.
    pub(super) fn recorded_ns(self, elapsed_ns: u64) -> u64 {
        match self {
            Self::Real | Self::Max => elapsed_ns,
            Self::Times(times) => scale(elapsed_ns, 1.0 / times),
        }
    }

    /// Times as fast as recorded; `None` without a pace.
    #[must_use]
    pub const fn times(self) -> Option<f64> {
        match self {
            Self::Real => Some(1.0),
            Self::Times(times) => Some(times),
            Self::Max => None,
        }
    }

    pub(super) fn assert_moves(self) {
        if let Self::Times(times) = self {
            assert!(moves(times), "a recording cannot be played {times} times as fast");
        }
    }
}

impl FromStr for Pace {
    type Err = PaceError;

    fn from_str(word: &str) -> Result<Self, PaceError> {
        if word == "max" {
            return Ok(Self::Max);
        }
        match word.parse() {
            Ok(times) if moves(times) => {
                Ok(if (times - 1.0).abs() < f64::EPSILON { Self::Real } else { Self::Times(times) })
            }
            Ok(_) | Err(_) => Err(PaceError(word.to_owned())),
        }
    }
}

impl fmt::Display for Pace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Real => out.pad("1"),
            Self::Times(times) => times.fmt(out),
            Self::Max => out.pad("max"),
        }
    }
}

fn moves(times: f64) -> bool {
    times.is_finite() && times > 0.0
}

#[expect(clippy::cast_precision_loss, reason = "exact to the ns for recordings of 104 days")]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "never negative; the cast saturates and cuts below the ns"
)]
fn scale(recorded_ns: u64, times: f64) -> u64 {
    (recorded_ns as f64 / times) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(word: &str, expected: Pace) {
        let pace: Pace = word.parse().unwrap();
        assert_eq!(pace, expected);
        assert_eq!(pace.to_string().parse(), Ok(expected));
    }

    #[test]
    fn a_pace_is_a_number_above_zero_or_max() {
        check("1", Pace::Real);
        check("1.0", Pace::Real);
        check("10", Pace::Times(10.0));
        check("0.5", Pace::Times(0.5));
        check("max", Pace::Max);
        for word in ["", "0", "-1", "nan", "inf", "1e999", "MAX", "10x", " 1"] {
            assert_eq!(word.parse::<Pace>(), Err(PaceError(word.to_owned())));
        }
    }

    #[test]
    fn time_is_divided_by_the_multiple_and_saturates() {
        assert_eq!(Pace::Real.scaled_ns(u64::MAX), u64::MAX);
        assert_eq!(Pace::Times(10.0).scaled_ns(344_803_177_917), 34_480_317_791);
        assert_eq!(Pace::Times(0.5).scaled_ns(3), 6);
        assert_eq!(Pace::Times(f64::MIN_POSITIVE).scaled_ns(1), u64::MAX);
        assert_eq!(Pace::Times(f64::MIN_POSITIVE).scaled_ns(0), 0);
        assert_eq!(Pace::Max.scaled_ns(u64::MAX), 0);
    }
}
