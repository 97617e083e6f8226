use fastrand::Rng;

use crate::Profile;

/// The moments at which a profile's messages are due, in ns from the start: a pure iterator.
///
/// Never falls and never ends, unless the moments pass [`u64::MAX`]. The same profile and seed
/// give the same moments.
#[derive(Clone, Debug)]
pub struct Schedule {
    profile: Profile,
    rng: Rng,
    /// Messages so far.
    index: u64,
    /// Of `Open`: when the current window starts, which one it is, and what is left of it, the
    /// next moment last.
    window_start_ns: u64,
    window: usize,
    window_due_ns: Vec<u64>,
}

impl Schedule {
    /// The schedule of `profile`. `seed` matters for [`Profile::Open`] only.
    ///
    /// # Panics
    /// When a number of the profile is 0, which no parsed profile has.
    pub fn new(profile: Profile, seed: u64) -> Self {
        assert!(profile.is_valid(), "a profile's numbers start at 1");
        Self {
            profile,
            // Its own stream of randomness, so that what is sent and when are independent.
            rng: Rng::with_seed(seed ^ SCHEDULE_STREAM),
            index: 0,
            window_start_ns: 0,
            window: 0,
            window_due_ns: Vec::new(),
        }
    }

    fn next_of_open(&mut self) -> Option<u64> {
        loop {
            if let Some(due_ns) = self.window_due_ns.pop() {
                return Some(due_ns);
            }
            let (frames, length_ms) = OPEN_WINDOWS[self.window];
            let length_ns = length_ms * 1_000_000;
            let start_ns = self.window_start_ns;
            self.window_start_ns = start_ns.checked_add(length_ns)?;
            self.window = (self.window + 1) % OPEN_WINDOWS.len();
            self.fill_window(frames, start_ns, length_ns);
        }
    }

    /// Puts `frames` clustered moments in `start_ns..start_ns + length_ns`, in falling order.
    ///
    /// Clusters have exponentially many messages, on average `CLUSTER_FRAMES_MEAN`, with short
    /// exponential gaps inside and long ones between, whatever the window's length; the whole is
    /// then stretched to the window.
    fn fill_window(&mut self, frames: usize, start_ns: u64, length_ns: u64) {
        let mut elapsed: u64 = 0;
        let mut left_in_cluster = 0;
        for _ in 0..frames {
            let gap = if left_in_cluster == 0 {
                left_in_cluster = 1 + exponential(&mut self.rng, CLUSTER_FRAMES_MEAN - 1);
                exponential(&mut self.rng, CLUSTER_GAP_MEAN)
            } else {
                exponential(&mut self.rng, FRAME_GAP_MEAN)
            };
            left_in_cluster -= 1;
            elapsed += gap;
            self.window_due_ns.push(elapsed);
        }
        // The silence before the next window, at least 1, keeps the last message inside its own.
        let whole = elapsed + 1 + exponential(&mut self.rng, CLUSTER_GAP_MEAN);
        for due in &mut self.window_due_ns {
            let scaled = u128::from(*due) * u128::from(length_ns) / u128::from(whole);
            *due = start_ns + u64::try_from(scaled).expect("due < whole, so below the length");
        }
        self.window_due_ns.reverse();
    }
}

impl Iterator for Schedule {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        let due_ns = match self.profile {
            Profile::Open => self.next_of_open()?,
            Profile::Steady { rate_per_s } => {
                let due_ns = u128::from(self.index) * 1_000_000_000 / u128::from(rate_per_s);
                u64::try_from(due_ns).ok()?
            }
            Profile::Burst { frames, period_ms } => {
                (self.index / frames).checked_mul(period_ms)?.checked_mul(1_000_000)?
            }
        };
        self.index += 1;
        Some(due_ns)
    }
}

/// Messages and length in ms of the windows of `Profile::Open`.
const OPEN_WINDOWS: [(usize, u64); 5] =
    [(847, 2_300), (3_200, 5_000), (1_800, 5_000), (900, 5_000), (4_100, 5_000)];
const CLUSTER_FRAMES_MEAN: u64 = 12;
/// In units that the stretching makes ns of: only the ratio of the two counts. 400 to 1 puts more
/// than nine of ten messages within microseconds of the one before, as in recorded markets.
const CLUSTER_GAP_MEAN: u64 = 40_000_000;
const FRAME_GAP_MEAN: u64 = 100_000;
/// Sets the schedule's random numbers apart from the content's.
const SCHEDULE_STREAM: u64 = 0x9e37_79b9_7f4a_7c15;

/// An exponentially distributed whole number.
fn exponential(rng: &mut Rng, mean: u64) -> u64 {
    // In 0..1, so the argument of `ln` is above 0 and the result at most 37 means.
    let uniform = rng.f64();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "a random draw: positive, far below 2^53, and rounding it is harmless"
    )]
    let drawn = (-(1.0 - uniform).ln() * mean as f64) as u64;
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn open(seed: u64) -> Schedule {
        Schedule::new(Profile::Open, seed)
    }

    fn count(due_ns: &[u64], from_ms: u64, to_ms: u64) -> usize {
        due_ns.iter().filter(|&&ns| (from_ms..to_ms).contains(&(ns / 1_000_000))).count()
    }

    #[test]
    fn the_opening_has_the_stated_counts_in_its_windows_and_starts_over() {
        for seed in 0..50 {
            let due_ns: Vec<u64> = open(seed).take(2 * 10_847).collect();
            assert!(due_ns.is_sorted(), "seed {seed}");
            for cycle_ms in [0_u64, 22_300] {
                let window = |from_ms, to_ms| count(&due_ns, cycle_ms + from_ms, cycle_ms + to_ms);
                assert_eq!(window(0, 2_300), 847, "seed {seed}");
                assert_eq!(window(2_300, 7_300), 3_200, "seed {seed}");
                assert_eq!(window(7_300, 12_300), 1_800, "seed {seed}");
                assert_eq!(window(12_300, 17_300), 900, "seed {seed}");
                assert_eq!(window(17_300, 22_300), 4_100, "seed {seed}");
            }
        }
    }

    #[test]
    fn the_opening_comes_in_clusters() {
        let due_ns: Vec<u64> = open(1).take(847).collect();
        let mut gaps_ns: Vec<u64> = due_ns.windows(2).map(|pair| pair[1] - pair[0]).collect();
        gaps_ns.sort_unstable();
        let mean_ns = 2_300_000_000 / 847;
        assert!(gaps_ns[gaps_ns.len() / 2] < mean_ns / 20, "median {}", gaps_ns[gaps_ns.len() / 2]);
        assert!(gaps_ns[gaps_ns.len() - 1] > 10 * mean_ns);
    }

    #[test]
    fn the_seed_decides_the_opening() {
        let first: Vec<u64> = open(7).take(3_000).collect();
        assert_eq!(first, open(7).take(3_000).collect::<Vec<_>>());
        assert_ne!(first, open(8).take(3_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_steady_rate_is_even_and_does_not_drift() {
        let mut schedule = Schedule::new(Profile::Steady { rate_per_s: 3 }, 0);
        assert_eq!(
            schedule.by_ref().take(4).collect::<Vec<_>>(),
            [0, 333_333_333, 666_666_666, SECOND_NS]
        );
        let millions = Schedule::new(Profile::Steady { rate_per_s: 7_000_000 }, 0);
        assert_eq!(millions.take_while(|&ns| ns < SECOND_NS).count(), 7_000_000);
    }

    #[test]
    fn a_burst_is_due_at_once_each_period() {
        let schedule = Schedule::new(Profile::Burst { frames: 2, period_ms: 5 }, 0);
        assert_eq!(schedule.take(5).collect::<Vec<_>>(), [0, 0, 5_000_000, 5_000_000, 10_000_000]);
    }

    #[test]
    fn a_schedule_ends_where_its_times_do() {
        let mut schedule = Schedule::new(Profile::Burst { frames: 1, period_ms: u64::MAX }, 0);
        assert_eq!(schedule.next(), Some(0));
        assert_eq!(schedule.next(), None);
    }

    #[test]
    #[should_panic(expected = "a profile's numbers start at 1")]
    fn a_rate_of_nothing_is_refused() {
        let _ = Schedule::new(Profile::Steady { rate_per_s: 0 }, 0);
    }
}
