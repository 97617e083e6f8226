//! What the clock can tell apart, and what a look at it costs.

use serde::{Deserialize, Serialize};
use tickring_metrics::Clock;

use crate::float;
use crate::stats::median;

/// The clock as it was found.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub struct ClockFacts {
    /// The least difference of two readings that is not 0: single values are no finer.
    pub step_ns: f64,
    /// What one reading costs, the median of groups.
    pub read_ns: f64,
}

impl ClockFacts {
    /// Measures `clock`; some 100,000 readings. A clock that stands still has a step of 0.
    #[must_use]
    pub fn measure(clock: &Clock) -> Self {
        let mut step_ticks = u64::MAX;
        let mut before = clock.ticks();
        for _ in 0..READINGS {
            let now = clock.ticks();
            let step = now.saturating_sub(before);
            if step > 0 {
                step_ticks = step_ticks.min(step);
            }
            before = now;
        }
        let read = |_| {
            let start = clock.ticks();
            for _ in 0..GROUP {
                std::hint::black_box(clock.ticks());
            }
            ns(clock, clock.ticks().saturating_sub(start)) / f64::from(GROUP + 1)
        };
        let reads: Vec<f64> = (0..GROUPS).map(read).collect();
        let step_ns = if step_ticks == u64::MAX { 0.0 } else { ns(clock, step_ticks) };
        Self { step_ns, read_ns: median(&reads) }
    }
}

/// `ns` rounded to the clock's step: no digit that the clock cannot tell. Means of many values may
/// be finer; this is for single ones.
#[must_use]
pub fn to_step(ns: f64, step_ns: f64) -> f64 {
    if step_ns <= 1.0 { ns.round() } else { ((ns / step_ns).round() * step_ns).round() }
}

/// Ticks in ns with what is behind the point.
fn ns(clock: &Clock, ticks: u64) -> f64 {
    float::from_u64(clock.elapsed_ns(0, ticks.saturating_mul(SCALE))) / float::from_u64(SCALE)
}

const SCALE: u64 = 1 << 10;
const READINGS: u32 = 50_000;
const GROUPS: u32 = 200;
const GROUP: u32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_real_clock_has_a_step_and_a_cost() {
        let facts = ClockFacts::measure(&Clock::new());
        assert!(facts.step_ns > 0.0 && facts.read_ns > 0.0, "{facts:?}");
    }

    #[test]
    fn a_clock_that_stands_still_has_none() {
        assert_eq!(
            ClockFacts::measure(&Clock::mock().0),
            ClockFacts { step_ns: 0.0, read_ns: 0.0 }
        );
    }

    #[test]
    fn a_value_has_no_digit_below_the_step() {
        for (ns, step_ns, expected) in
            [(314.0, 10.0, 310.0), (315.1, 10.0, 320.0), (3.0, 10.0, 0.0), (3.4, 0.3, 3.0)]
        {
            let found = to_step(ns, step_ns);
            assert!((found - expected).abs() < 1e-9, "{ns} at {step_ns}: {found}");
        }
    }
}
