//! The busiest stretch of a stream: most frames in any window of fixed length.

use std::collections::VecDeque;

/// Length of the window that a replay watches, in time of the recording.
pub const PEAK_WINDOW_NS: u64 = 100_000_000;

/// Times the window has room for before it grows: four times the busiest recording at hand.
const TIMES_CAPACITY: usize = 8_192;

/// Counts frames in a sliding window and keeps the greatest count.
///
/// The window slides over time and begins at any frame: nothing is lost at the edges of buckets.
/// Holds 16 bytes for each moment of the window at which frames came, so memory is bounded by the
/// busiest window and not by the length of the stream.
#[derive(Debug)]
pub struct Peak {
    window_ns: u64,
    /// Moments in the window, rising, each with how many frames came then.
    times: VecDeque<(u64, u64)>,
    /// Frames in the window: the sum of the counts in `times`.
    frames: u64,
    frames_max: u64,
    busiest_ns: u64,
}

impl Peak {
    /// Watches windows of this length.
    ///
    /// # Panics
    /// When the length is 0.
    #[must_use]
    pub fn new(window_ns: u64) -> Self {
        assert!(window_ns > 0, "a window has a length");
        Self {
            window_ns,
            times: VecDeque::with_capacity(TIMES_CAPACITY),
            frames: 0,
            frames_max: 0,
            busiest_ns: 0,
        }
    }

    /// Adds a frame. A time before the last one counts as the last one, unless the clock stepped
    /// back by the window or more: then the window starts over.
    pub fn add(&mut self, time_ns: u64) {
        let last_ns = self.times.back().map_or(time_ns, |&(last_ns, _)| last_ns);
        if last_ns.saturating_sub(time_ns) >= self.window_ns {
            self.times.clear();
            self.frames = 0;
        }
        match self.times.back_mut() {
            Some((last_ns, count)) if time_ns <= *last_ns => *count += 1,
            _ => self.slide_to(time_ns),
        }
        self.frames += 1;
        if self.frames > self.frames_max {
            self.frames_max = self.frames;
            self.busiest_ns = self.times.front().map_or(0, |&(first_ns, _)| first_ns);
        }
    }

    /// Lets the window end at a later moment.
    fn slide_to(&mut self, time_ns: u64) {
        while let Some(&(first_ns, count)) = self.times.front()
            && time_ns - first_ns >= self.window_ns
        {
            self.frames -= count;
            self.times.pop_front();
        }
        self.times.push_back((time_ns, 1));
    }

    /// Length of the window.
    #[must_use]
    pub const fn window_ns(&self) -> u64 {
        self.window_ns
    }

    /// Most frames in any window so far.
    #[must_use]
    pub const fn frames_max(&self) -> u64 {
        self.frames_max
    }

    /// When the first frame of the busiest window came, the earliest of equals; 0 before the first.
    #[must_use]
    pub const fn busiest_ns(&self) -> u64 {
        self.busiest_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peak(window_ms: u64, times_ms: &[u64]) -> Peak {
        let mut peak = Peak::new(window_ms * 1_000_000);
        times_ms.iter().for_each(|time_ms| peak.add(time_ms * 1_000_000));
        peak
    }

    #[track_caller]
    fn check(times_ms: &[u64], expected: u64) {
        assert_eq!(peak(100, times_ms).frames_max(), expected);
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

    #[test]
    fn windows_of_another_length_hold_other_frames() {
        let times_ms = [0, 1, 2, 10, 11, 500];
        for (window_ms, expected) in [(1, 1), (2, 2), (3, 3), (11, 4), (500, 5), (501, 6)] {
            assert_eq!(peak(window_ms, &times_ms).frames_max(), expected, "{window_ms} ms");
        }
    }

    #[test]
    fn the_earliest_of_equally_busy_windows_is_told() {
        assert_eq!(peak(100, &[7, 300, 350, 600, 650]).busiest_ns(), 300_000_000);
        assert_eq!(peak(100, &[]).busiest_ns(), 0);
    }

    #[test]
    fn a_clock_that_steps_back_far_starts_the_window_over() {
        check(&[1_000, 901, 902], 3);
        check(&[1_000, 900, 901], 2);
        check(&[1_000, 0, 50, 99, 100], 3);
    }

    #[test]
    fn frames_of_one_moment_take_no_more_room() {
        let peak = peak(100, &[3; 1_000]);
        assert_eq!((peak.frames_max(), peak.times.len()), (1_000, 1));
    }
}
