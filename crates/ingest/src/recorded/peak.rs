//! The busiest stretch of a stream: most frames in any window of fixed length.

use std::collections::VecDeque;

/// Length of the window, in time of the recording.
pub const PEAK_WINDOW_NS: u64 = 100_000_000;

/// Frames the window has room for before it grows: four times the busiest recording at hand.
const FRAMES_CAPACITY: usize = 8_192;

/// Counts frames in a sliding window and keeps the greatest count.
#[derive(Debug)]
pub(super) struct Peak {
    times_ns: VecDeque<u64>,
    frames_max: u64,
}

impl Peak {
    pub(super) fn new() -> Self {
        Self { times_ns: VecDeque::with_capacity(FRAMES_CAPACITY), frames_max: 0 }
    }

    /// Adds a frame. A time before the last one counts as the last one.
    pub(super) fn add(&mut self, time_ns: u64) {
        let time_ns = self.times_ns.back().map_or(time_ns, |&last| time_ns.max(last));
        while self.times_ns.front().is_some_and(|&first| time_ns - first >= PEAK_WINDOW_NS) {
            self.times_ns.pop_front();
        }
        self.times_ns.push_back(time_ns);
        self.frames_max = self.frames_max.max(self.times_ns.len() as u64);
    }

    pub(super) const fn frames_max(&self) -> u64 {
        self.frames_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(times_ms: &[u64], expected: u64) {
        let mut peak = Peak::new();
        times_ms.iter().for_each(|time_ms| peak.add(time_ms * 1_000_000));
        assert_eq!(peak.frames_max(), expected);
    }

    #[test]
    fn the_peak_is_the_fullest_window_wherever_it_begins() {
        check(&[], 0);
        check(&[5], 1);
        check(&[0, 99], 2);
        check(&[0, 100], 1);
        check(&[0, 60, 120, 150, 159, 300], 4);
        check(&[50, 40, 149], 3);
        check(&[50, 40, 150], 1 + 1);
    }
}
