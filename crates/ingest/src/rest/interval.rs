//! The intervals that the venue has bars of.

use std::fmt;
use std::str::FromStr;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// The interval of a bar, by the venue's name: `1m` to `1M`.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Interval(usize);

/// A text that is no interval.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "`{0}` is no interval: use 1m, 3m (latest bars alone), 5m, 15m, 30m, 1h, 2h, 4h, 1d, 1w, 1M"
)]
pub struct IntervalError(String);

impl Interval {
    /// Every one of them, the shortest first.
    pub const ALL: [Self; 11] = {
        let mut all = [Self(0); 11];
        let mut index = 0;
        while index < all.len() {
            all[index] = Self(index);
            index += 1;
        }
        all
    };

    /// The interval of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        TABLE.iter().position(|row| row.name == name).map(Self)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        TABLE[self.0].name
    }

    /// Shortest time from a bar's start to its end: months differ.
    #[must_use]
    pub const fn length_ms_min(self) -> u64 {
        TABLE[self.0].length_ms_min
    }

    /// Longest time from a bar's start to its end.
    #[must_use]
    pub const fn length_ms_max(self) -> u64 {
        TABLE[self.0].length_ms_max
    }

    /// Whether the venue has completed bars of it: of 3 minutes it has the latest alone.
    #[must_use]
    pub fn has_history(self) -> bool {
        self.name() != "3m"
    }
}

impl FromStr for Interval {
    type Err = IntervalError;

    fn from_str(text: &str) -> Result<Self, IntervalError> {
        Self::parse(text).ok_or_else(|| IntervalError(text.to_owned()))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

struct Row {
    name: &'static str,
    length_ms_min: u64,
    length_ms_max: u64,
}

const fn row(name: &'static str, length_ms: u64) -> Row {
    Row { name, length_ms_min: length_ms, length_ms_max: length_ms }
}

const TABLE: [Row; 11] = [
    row("1m", MINUTE_MS),
    row("3m", 3 * MINUTE_MS),
    row("5m", 5 * MINUTE_MS),
    row("15m", 15 * MINUTE_MS),
    row("30m", 30 * MINUTE_MS),
    row("1h", HOUR_MS),
    row("2h", 2 * HOUR_MS),
    row("4h", 4 * HOUR_MS),
    row("1d", DAY_MS),
    row("1w", 7 * DAY_MS),
    Row { name: "1M", length_ms_min: 28 * DAY_MS, length_ms_max: 31 * DAY_MS },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_its_name() {
        for interval in Interval::ALL {
            assert_eq!(interval.to_string().parse(), Ok(interval));
        }
        assert_eq!(Interval::parse("1h").map(Interval::length_ms_min), Some(HOUR_MS));
        assert_ne!(Interval::parse("1m"), Interval::parse("1M"));
        assert!("60".parse::<Interval>().unwrap_err().to_string().contains("`60`"));
    }
}
