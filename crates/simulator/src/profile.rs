use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// When generated messages are due.
///
/// Written as `open`, `steady:RATE` (messages a second) or `burst:N@PERIOD` (`100ms`, `1s`); reads
/// back from what it prints.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Profile {
    /// A market's opening: 847 messages in the first 2.3 s, then 3,200, 1,800, 900 and 4,100 in
    /// four windows of five seconds, each window in clusters rather than evenly. After 22.3 s it
    /// starts over.
    Open,
    /// Evenly spaced.
    Steady {
        /// Messages a second, at least 1.
        rate_per_s: u64,
    },
    /// Many at once, then silence until the next period.
    Burst {
        /// Messages a burst, at least 1. All are due at the same moment.
        frames: u64,
        /// From one burst to the next, at least 1.
        period_ms: u64,
    },
}

/// Why a text is no profile.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ProfileError {
    /// The word before the colon is not known.
    #[error("`{0}` is no profile: expected `open`, `steady:RATE` or `burst:N@PERIOD`")]
    Unknown(String),
    /// The rate is not a whole number from 1.
    #[error("`{0}` is no rate: expected whole messages a second, at least 1")]
    Rate(String),
    /// There is no `@` between count and period.
    #[error("`{0}` is no burst: expected `N@PERIOD`, such as `500@100ms`")]
    Burst(String),
    /// The count of a burst is not a whole number from 1.
    #[error("`{0}` is no burst size: expected a whole number, at least 1")]
    Frames(String),
    /// The period is not a whole number from 1 with a unit.
    #[error("`{0}` is no period: expected `100ms` or `1s`, at least 1ms")]
    Period(String),
}

impl Profile {
    /// Whether the numbers are in range, which those of a parsed profile are.
    pub(crate) const fn is_valid(self) -> bool {
        match self {
            Self::Open => true,
            Self::Steady { rate_per_s } => rate_per_s > 0,
            Self::Burst { frames, period_ms } => frames > 0 && period_ms > 0,
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => formatter.write_str("open"),
            Self::Steady { rate_per_s } => write!(formatter, "steady:{rate_per_s}"),
            Self::Burst { frames, period_ms } if period_ms.is_multiple_of(1_000) => {
                write!(formatter, "burst:{frames}@{}s", period_ms / 1_000)
            }
            Self::Burst { frames, period_ms } => write!(formatter, "burst:{frames}@{period_ms}ms"),
        }
    }
}

impl FromStr for Profile {
    type Err = ProfileError;

    fn from_str(text: &str) -> Result<Self, ProfileError> {
        match text.split_once(':') {
            None if text == "open" => Ok(Self::Open),
            Some(("steady", rate)) => {
                let rate_per_s = whole(rate).ok_or_else(|| ProfileError::Rate(rate.to_owned()))?;
                Ok(Self::Steady { rate_per_s })
            }
            Some(("burst", burst)) => {
                let (frames, period) =
                    burst.split_once('@').ok_or_else(|| ProfileError::Burst(burst.to_owned()))?;
                let frames =
                    whole(frames).ok_or_else(|| ProfileError::Frames(frames.to_owned()))?;
                let period_ms =
                    millis(period).ok_or_else(|| ProfileError::Period(period.to_owned()))?;
                Ok(Self::Burst { frames, period_ms })
            }
            _ => Err(ProfileError::Unknown(text.to_owned())),
        }
    }
}

/// A whole number of digits only, at least 1.
fn whole(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits { text.parse().ok().filter(|&number| number > 0) } else { None }
}

fn millis(text: &str) -> Option<u64> {
    match text.strip_suffix("ms") {
        Some(number) => whole(number),
        None => whole(text.strip_suffix('s')?)?.checked_mul(1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Profile) {
        assert_eq!(text.parse(), Ok(expected), "{text}");
        assert_eq!(expected.to_string().parse(), Ok(expected), "{expected}");
    }

    #[track_caller]
    fn check_refused(text: &str, message: &str) {
        assert_eq!(text.parse::<Profile>().unwrap_err().to_string(), message, "{text}");
    }

    #[test]
    fn profiles_read_as_they_are_written() {
        check("open", Profile::Open);
        check("steady:1", Profile::Steady { rate_per_s: 1 });
        check("steady:2000000", Profile::Steady { rate_per_s: 2_000_000 });
        check("burst:500@100ms", Profile::Burst { frames: 500, period_ms: 100 });
        check("burst:1@1s", Profile::Burst { frames: 1, period_ms: 1_000 });
        assert_eq!(Profile::Burst { frames: 3, period_ms: 2_000 }.to_string(), "burst:3@2s");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let unknown = "expected `open`, `steady:RATE` or `burst:N@PERIOD`";
        check_refused("close", &format!("`close` is no profile: {unknown}"));
        check_refused("open:1", &format!("`open:1` is no profile: {unknown}"));
        let rate = "expected whole messages a second, at least 1";
        check_refused("steady:0", &format!("`0` is no rate: {rate}"));
        check_refused("steady:+5", &format!("`+5` is no rate: {rate}"));
        check_refused("steady:1.5", &format!("`1.5` is no rate: {rate}"));
        check_refused(
            "steady:99999999999999999999",
            &format!("`99999999999999999999` is no rate: {rate}"),
        );
        check_refused("burst:5", "`5` is no burst: expected `N@PERIOD`, such as `500@100ms`");
        check_refused("burst:0@1s", "`0` is no burst size: expected a whole number, at least 1");
        let period = "expected `100ms` or `1s`, at least 1ms";
        check_refused("burst:5@1", &format!("`1` is no period: {period}"));
        check_refused("burst:5@0ms", &format!("`0ms` is no period: {period}"));
        check_refused("burst:5@1m", &format!("`1m` is no period: {period}"));
    }
}
