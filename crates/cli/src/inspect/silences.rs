//! The longest stretches without a frame.

/// Silences that are kept.
const SILENCES_KEPT: usize = 5;

/// Finds the longest silences between frames.
#[derive(Debug, Default)]
pub(crate) struct Silences {
    before_ns: Option<u64>,
    /// The longest first; of equals the earlier first.
    longest: Vec<Silence>,
}

/// A stretch without a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Silence {
    /// Time of the frame before it.
    pub(crate) start_ns: u64,
    /// Until the next frame.
    pub(crate) length_ns: u64,
}

impl Silences {
    /// Adds a frame. Where the clock steps back there is no silence.
    pub(crate) fn add(&mut self, time_ns: u64) {
        let Some(start_ns) = self.before_ns.replace(time_ns) else { return };
        let length_ns = time_ns.saturating_sub(start_ns);
        let at = self.longest.partition_point(|it| it.length_ns >= length_ns);
        if length_ns > 0 && at < SILENCES_KEPT {
            self.longest.truncate(SILENCES_KEPT - 1);
            self.longest.insert(at, Silence { start_ns, length_ns });
        }
    }

    /// The longest ones, the longest first.
    pub(crate) fn longest(&self) -> &[Silence] {
        &self.longest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(times_ns: &[u64], expected: &[(u64, u64)]) {
        let mut silences = Silences::default();
        times_ns.iter().for_each(|&time_ns| silences.add(time_ns));
        let found: Vec<_> =
            silences.longest().iter().map(|it| (it.start_ns, it.length_ns)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn the_longest_silences_are_kept_the_longest_first() {
        check(&[], &[]);
        check(&[7], &[]);
        check(&[1, 2, 10, 13], &[(2, 8), (10, 3), (1, 1)]);
        check(&[0, 1, 3, 6, 10, 15, 21, 22], &[(15, 6), (10, 5), (6, 4), (3, 3), (1, 2)]);
    }

    #[test]
    fn of_equal_silences_the_earlier_ones_are_kept() {
        check(&[0, 2, 4, 6, 8, 10, 12, 14], &[(0, 2), (2, 2), (4, 2), (6, 2), (8, 2)]);
    }

    #[test]
    fn frames_of_one_moment_and_steps_back_are_no_silence() {
        check(&[5, 5, 3, 4], &[(3, 1)]);
    }
}
