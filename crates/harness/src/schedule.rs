//! When messages should be sent, whether or not the sender gets round to it.

use std::fmt;

use thiserror::Error;
use tickring_metrics::Clock;

/// An open load: due times that do not depend on how fast anyone is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Schedule {
    /// So many a second, evenly.
    Steady {
        /// Messages a second; invariant: from 1 to [`Schedule::RATE_MAX`].
        rate: u64,
    },
    /// So many at once, then nothing until the next burst is due.
    Bursts {
        /// Messages of a burst; invariant: at least 1.
        size: u64,
        /// From the start of one burst to the start of the next, in ns; invariant: at least 1.
        period_ns: u64,
    },
}

/// Why there is no such schedule.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ScheduleError {
    /// A rate is a number above 0, with `k` or `m` behind it where it is large.
    #[error("`{0}` is no rate: write messages a second as 500, 10k or 1m, at most 1000m")]
    Rate(String),
}

impl Schedule {
    /// Most messages a second: one a nanosecond.
    pub const RATE_MAX: u64 = 1_000_000_000;

    /// Reads a rate: `500`, `10k`, `1.5m`.
    ///
    /// # Errors
    /// It is no number, 0, or above [`Schedule::RATE_MAX`].
    pub fn parse_rate(text: &str) -> Result<u64, ScheduleError> {
        let wrong = || ScheduleError::Rate(text.to_owned());
        let lower = text.trim().to_ascii_lowercase();
        let (digits, unit) = match lower.strip_suffix(['k', 'm']) {
            Some(digits) if lower.ends_with('k') => (digits, 1_000.0),
            Some(digits) => (digits, 1_000_000.0),
            None => (lower.as_str(), 1.0),
        };
        let is_plain = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        let rate = crate::float::to_u64(number * unit);
        if is_plain && (1..=Self::RATE_MAX).contains(&rate) { Ok(rate) } else { Err(wrong()) }
    }

    /// When message `index` is due, in ns after the first.
    #[must_use]
    pub fn due_ns(&self, index: u64) -> u64 {
        let ns = match *self {
            Self::Steady { rate } => u128::from(index) * u128::from(NS_PER_S) / u128::from(rate),
            Self::Bursts { size, period_ns } => u128::from(index / size) * u128::from(period_ns),
        };
        u64::try_from(ns).unwrap_or(u64::MAX)
    }

    /// The due times in ticks of `clock`, one after the other, from `start_ticks`.
    #[must_use]
    pub fn due(&self, clock: &Clock, start_ticks: u64) -> Due {
        let (size, span_ticks, divisor) = match *self {
            // Over a second, so that nothing is lost to rounding.
            Self::Steady { rate } => (1, clock.ns_to_ticks(NS_PER_S), rate),
            Self::Bursts { size, period_ns } => (size, clock.ns_to_ticks(period_ns), 1),
        };
        Due {
            next: start_ticks,
            size,
            left: size,
            step: span_ticks / divisor,
            rest: span_ticks % divisor,
            divisor,
            carried: 0,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Steady { rate } => write!(out, "rate {}", Short(*rate)),
            Self::Bursts { size, .. } => write!(out, "burst {size}"),
        }
    }
}

/// A number as it is typed: 10k, 1.5m.
struct Short(u64);

impl fmt::Display for Short {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value % 1_000_000 == 0 => write!(out, "{}m", value / 1_000_000),
            value if value % 1_000 == 0 => write!(out, "{}k", value / 1_000),
            value => write!(out, "{value}"),
        }
    }
}

/// Due times in ticks: additions alone, so that the sender's loop can afford it. Exact over any
/// number of messages.
#[derive(Clone, Copy, Debug)]
pub struct Due {
    next: u64,
    size: u64,
    /// Of the burst at hand.
    left: u64,
    step: u64,
    /// What `step` leaves out, in `1 / divisor` of a tick.
    rest: u64,
    divisor: u64,
    carried: u64,
}

impl Iterator for Due {
    type Item = u64;

    #[inline]
    fn next(&mut self) -> Option<u64> {
        let due = self.next;
        self.left -= 1;
        if self.left == 0 {
            self.left = self.size;
            self.next = self.next.saturating_add(self.step);
            self.carried += self.rest;
            if self.carried >= self.divisor {
                self.carried -= self.divisor;
                self.next = self.next.saturating_add(1);
            }
        }
        Some(due)
    }
}

const NS_PER_S: u64 = 1_000_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<u64>) {
        assert_eq!(Schedule::parse_rate(text).ok(), expected, "{text}");
    }

    #[test]
    fn a_rate_is_a_number_with_a_unit() {
        check("500", Some(500));
        check("10k", Some(10_000));
        check("1m", Some(1_000_000));
        check("1.5M", Some(1_500_000));
        check("1000m", Some(Schedule::RATE_MAX));
        for wrong in ["", "0", "k", "-5", "1001m", "10 k k", "inf", "nan", "1e3", "0.2"] {
            check(wrong, None);
        }
        let error = Schedule::parse_rate("fast").unwrap_err().to_string();
        assert!(error.contains("`fast`") && error.contains("10k"), "{error}");
    }

    #[test]
    fn a_burst_is_due_at_once_and_the_next_after_a_period() {
        let (clock, _) = Clock::mock();
        let schedule = Schedule::Bursts { size: 3, period_ns: 1_000 };
        let due: Vec<u64> = schedule.due(&clock, 50).take(7).collect();
        assert_eq!(due, [50, 50, 50, 1_050, 1_050, 1_050, 2_050]);
    }

    #[test]
    fn schedules_are_named_as_they_are_typed() {
        assert_eq!(Schedule::Steady { rate: 10_000 }.to_string(), "rate 10k");
        assert_eq!(Schedule::Steady { rate: 2_000_000 }.to_string(), "rate 2m");
        assert_eq!(Schedule::Steady { rate: 1_234 }.to_string(), "rate 1234");
        assert_eq!(Schedule::Bursts { size: 10, period_ns: 1 }.to_string(), "burst 10");
    }

    proptest! {
        #[test]
        fn a_steady_rate_does_not_drift(rate in 1..=Schedule::RATE_MAX, count in 1_usize..5_000) {
            // A mock clock has one tick a nanosecond.
            let (clock, _) = Clock::mock();
            let schedule = Schedule::Steady { rate };
            let last = schedule.due(&clock, 0).take(count).last().unwrap();
            prop_assert_eq!(last, schedule.due_ns(count as u64 - 1));
        }

        #[test]
        fn due_times_never_go_back(
            rate in 1..=Schedule::RATE_MAX, size in 1_u64..100, period_ns in 1_u64..1_000_000,
        ) {
            let (clock, _) = Clock::mock();
            for schedule in [Schedule::Steady { rate }, Schedule::Bursts { size, period_ns }] {
                let due: Vec<u64> = schedule.due(&clock, 9).take(500).collect();
                prop_assert!(due.is_sorted());
                for (index, due) in (0..).zip(due) {
                    prop_assert_eq!(due, 9 + schedule.due_ns(index));
                }
            }
        }
    }
}
