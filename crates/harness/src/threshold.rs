//! What may get worse by how much, as it is written on a command line: `p99:+10%`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::compare::Quantile;

/// The most by which a quantile may be worse than its baseline.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Threshold {
    /// Which quantile.
    pub quantile: Quantile,
    /// By how much, as a share of the baseline: 0.1 is 10 %.
    pub worse_max: f64,
}

/// Why a text is no threshold.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error(
    "`{text}` is no threshold: write QUANTILE:+PERCENT%, such as p99:+10%, with p50, p90, p99, \
    p99.9, max or mean"
)]
pub struct ThresholdError {
    /// What was written.
    pub text: String,
}

impl FromStr for Threshold {
    type Err = ThresholdError;

    fn from_str(text: &str) -> Result<Self, ThresholdError> {
        parse(text).ok_or_else(|| ThresholdError { text: text.to_owned() })
    }
}

fn parse(text: &str) -> Option<Threshold> {
    let (quantile, rest) = text.trim().split_once(':')?;
    let percent = rest.strip_prefix('+')?.strip_suffix('%')?;
    let is_plain = percent.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let percent: f64 = percent.parse().ok()?;
    let is_possible = is_plain && percent <= PERCENT_MAX;
    let quantile = Quantile::ALL.into_iter().find(|it| it.name() == quantile)?;
    is_possible.then_some(Threshold { quantile, worse_max: percent / 100.0 })
}

impl fmt::Display for Threshold {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:+{}%", self.quantile.name(), (self.worse_max * 1_000.0).round() / 10.0)
    }
}

/// A threshold above this is a mistake.
const PERCENT_MAX: f64 = 1_000_000.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, quantile: Quantile, worse_max: f64) {
        let threshold: Threshold = text.parse().unwrap();
        assert_eq!(threshold.quantile, quantile);
        assert!((threshold.worse_max - worse_max).abs() < 1e-12);
        assert_eq!(threshold.to_string(), text);
    }

    #[test]
    fn a_threshold_is_a_quantile_and_a_percentage() {
        check("p50:+5%", Quantile::P50, 0.05);
        check("p90:+0%", Quantile::P90, 0.0);
        check("p99:+10%", Quantile::P99, 0.1);
        check("p99.9:+12.5%", Quantile::P99_9, 0.125);
        check("max:+100%", Quantile::Max, 1.0);
        check("mean:+1%", Quantile::Mean, 0.01);
    }

    #[test]
    fn anything_else_is_refused_with_an_example() {
        for wrong in [
            "",
            "p99",
            "p99:10%",
            "p99:+10",
            "p98:+10%",
            "p99:+-1%",
            "p99:+x%",
            "p99:+inf%",
            "p99:-10%",
            "p99:+%",
            "+10%",
            "p99:+9999999%",
        ] {
            let error = wrong.parse::<Threshold>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{wrong}`")) && error.contains("p99:+10%"), "{error}");
        }
    }
}
