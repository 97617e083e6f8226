//! The machine's floor: how long two threads need to hand one cache line over.

use std::hint;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tickring_metrics::Clock;

use crate::stats::median;

/// One cache line that two threads write in turns.
///
/// Neither a ring nor a channel can be faster one way than this, because at least one line has to
/// change hands. The caller makes the two threads: one calls [`Floor::lead`], the other
/// [`Floor::follow`].
#[derive(Debug, Default)]
pub struct Floor {
    line: Alone<AtomicU64>,
    /// Set by whoever wants both sides to end; apart from the line, so that looking at it is free.
    ended: Alone<AtomicBool>,
}

/// Aligned to 128 bytes: processors fetch lines in pairs, and the neighbour must not be someone's.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Alone<T>(T);

/// How the floor is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FloorPlan {
    /// Values taken; the figure is their median.
    pub samples: u32,
    /// Trips there and back of one value. With a pause, 1: nothing must hide in an average.
    pub trips: u32,
    /// How long the leader does something else before each value, in ns: long enough, and the
    /// follower's core waits as it does between two messages of a market.
    pub pause_ns: u64,
}

impl FloorPlan {
    /// Trip after trip, sixteen to a value, so that the clock's step does not show.
    pub const TIGHT: Self = Self { samples: 2_000, trips: 16, pause_ns: 0 };
    /// Single trips with 2 us between them.
    pub const PAUSED: Self = Self { samples: 2_000, trips: 1, pause_ns: 2_000 };
}

impl Floor {
    /// A line that nobody has written.
    #[must_use]
    pub const fn new() -> Self {
        Self { line: Alone(AtomicU64::new(0)), ended: Alone(AtomicBool::new(false)) }
    }

    /// Sends, waits for the answer, and gives the median of one way in ns; `None` where all of it
    /// took longer than `limit_ns`, or somebody has ended it. Ends the follower in any case.
    ///
    /// One reading of the clock is in each value. Spins: with fewer cores than two it measures the
    /// system's time slices.
    pub fn lead(&self, plan: FloorPlan, clock: &Clock, limit_ns: u64) -> Option<f64> {
        let until = clock.ticks().saturating_add(clock.ns_to_ticks(limit_ns));
        let median_ns = self.measure(plan, clock, until);
        self.end();
        median_ns
    }

    fn measure(&self, plan: FloorPlan, clock: &Clock, until: u64) -> Option<f64> {
        let pause_ticks = clock.ns_to_ticks(plan.pause_ns);
        let ways = 2.0 * f64::from(plan.trips);
        let mut values = Vec::with_capacity(plan.samples as usize);
        let mut turn = 0;
        for _ in 0..plan.samples {
            let mut sent = clock.ticks();
            let send_at = sent.saturating_add(pause_ticks);
            while sent < send_at {
                hint::spin_loop();
                sent = clock.ticks();
            }
            for _ in 0..plan.trips {
                // Release and Acquire: a hand-over that could carry data, as a ring's does. Each
                // pairs with the other side's.
                self.line.0.store(turn + 1, Ordering::Release);
                turn += 2;
                self.wait_for(turn, || clock.ticks() > until)?;
            }
            let back = clock.ticks();
            values.push(scaled_ns(clock, back.saturating_sub(sent)) / ways);
        }
        Some(median(&values))
    }

    /// Answers until the leader ends.
    pub fn follow(&self) {
        let mut turn = 1;
        while self.wait_for(turn, || false).is_some() {
            self.line.0.store(turn + 1, Ordering::Release);
            turn += 2;
        }
    }

    /// Ends both sides, whatever they are doing. A floor that has ended cannot be used again.
    pub fn end(&self) {
        // Relaxed: the flag carries no data.
        self.ended.0.store(true, Ordering::Relaxed);
    }

    /// Spins until the line holds `turn`; `None` where somebody has ended it or `is_late` says so.
    fn wait_for(&self, turn: u64, is_late: impl Fn() -> bool) -> Option<()> {
        loop {
            for _ in 0..SPINS_BETWEEN_LOOKS {
                if self.line.0.load(Ordering::Acquire) == turn {
                    return Some(());
                }
                hint::spin_loop();
            }
            // Relaxed: see `end`.
            if self.ended.0.load(Ordering::Relaxed) || is_late() {
                return None;
            }
        }
    }
}

/// The first turn whose floor lies outside of the band around the median of all, by its number. Such
/// a run says more about its neighbours than about what was measured.
#[must_use]
pub fn steps(floors: &[f64]) -> Option<usize> {
    let middle = median(floors);
    let is_outside = |&floor: &f64| {
        floor > middle * (1.0 + FLOOR_STEP_MAX) || floor * (1.0 + FLOOR_STEP_MAX) < middle
    };
    floors.iter().position(is_outside)
}

/// How far a turn's floor may lie from the median of all turns.
pub const FLOOR_STEP_MAX: f64 = 0.25;

/// Looks at the line between two looks at everything else.
const SPINS_BETWEEN_LOOKS: u32 = 1_024;

/// Ticks in ns with what is behind the point.
fn scaled_ns(clock: &Clock, ticks: u64) -> f64 {
    crate::float::from_u64(clock.elapsed_ns(0, ticks.saturating_mul(1_024))) / 1_024.0
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn two_threads_find_a_floor() {
        let (floor, clock) = (Floor::new(), Clock::new());
        let plan = FloorPlan { samples: 20, trips: 4, pause_ns: 100 };
        let found = thread::scope(|scope| {
            scope.spawn(|| floor.follow());
            floor.lead(plan, &clock, 60_000_000_000)
        });
        assert!(found.is_some_and(|ns| ns > 0.0), "{found:?}");
    }

    #[test]
    fn a_floor_that_was_ended_gives_nothing_and_holds_nobody_up() {
        let (floor, clock) = (Floor::new(), Clock::new());
        floor.end();
        floor.follow();
        assert_eq!(floor.lead(FloorPlan::TIGHT, &clock, 60_000_000_000), None);
    }

    #[test]
    fn a_leader_without_a_follower_gives_up_at_its_limit() {
        let (floor, clock) = (Floor::new(), Clock::new());
        assert_eq!(floor.lead(FloorPlan::PAUSED, &clock, 1), None);
        floor.follow();
    }

    #[test]
    fn a_floor_that_leaves_its_band_is_named() {
        assert_eq!(steps(&[100.0, 110.0, 95.0, 104.0]), None);
        assert_eq!(steps(&[100.0, 101.0, 180.0, 99.0, 100.0]), Some(2));
        assert_eq!(steps(&[100.0, 101.0, 99.0, 100.0, 60.0]), Some(4));
        assert_eq!(steps(&[]), None);
    }

    #[test]
    fn a_floor_has_its_lines_to_itself() {
        assert_eq!(align_of::<Floor>(), 128);
        assert_eq!(size_of::<Floor>(), 256);
    }
}
