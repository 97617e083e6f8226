//! Keeps within what a venue allows: so many in any window of time. Pure: time comes as ticks.

use std::collections::VecDeque;

use tickring_metrics::Clock;

use crate::live::profile::Limit;

/// Remembers when something was done, and says when it may be done again.
///
/// The window slides: no window of the limit's length, wherever it begins, holds more than its count.
/// A bucket that fills steadily would let through twice as many around a moment of rest.
#[derive(Clone, Debug)]
pub(crate) struct Governor {
    count_max: usize,
    window_ticks: u64,
    /// When the last `count_max` were done, the oldest first.
    done_ticks: VecDeque<u64>,
}

impl Governor {
    /// Within `limit`; without one nothing is held back.
    pub(crate) fn new(limit: Option<Limit>, clock: &Clock) -> Self {
        let Limit { count, window_ms } = limit.unwrap_or(Limit { count: 0, window_ms: 0 });
        let count_max = usize::try_from(count).unwrap_or(usize::MAX);
        Self {
            count_max,
            window_ticks: clock.ns_to_ticks(window_ms.saturating_mul(1_000_000)),
            done_ticks: VecDeque::new(),
        }
    }

    /// The earliest time at which it may be done again; not after `now` where that is at once.
    pub(crate) fn ready_ticks(&self) -> u64 {
        if self.done_ticks.len() < self.count_max || self.count_max == 0 {
            return 0;
        }
        // Both ends of a window count, so the oldest one has left it one tick later.
        let oldest = self.done_ticks.front().copied().unwrap_or_default();
        oldest.saturating_add(self.window_ticks).saturating_add(1)
    }

    /// It was done now.
    pub(crate) fn note(&mut self, now: u64) {
        if self.count_max == 0 {
            return;
        }
        if self.done_ticks.len() >= self.count_max {
            self.done_ticks.pop_front();
        }
        self.done_ticks.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Ticks of the mock clock are nanoseconds.
    const MS: u64 = 1_000_000;

    fn governor(count: u32, window_ms: u64) -> Governor {
        Governor::new(Some(Limit { count, window_ms }), &Clock::mock().0)
    }

    #[test]
    fn nothing_is_held_back_without_a_limit() {
        let mut governor = Governor::new(None, &Clock::mock().0);
        (0..1_000).for_each(|_| governor.note(5));
        assert_eq!(governor.ready_ticks(), 0);
    }

    #[test]
    fn one_more_has_to_wait_until_the_oldest_leaves_the_window() {
        let mut governor = governor(2, 10);
        governor.note(3 * MS);
        assert_eq!(governor.ready_ticks(), 0);
        governor.note(4 * MS);
        assert_eq!(governor.ready_ticks(), 13 * MS + 1);
        governor.note(13 * MS + 1);
        assert_eq!(governor.ready_ticks(), 14 * MS + 1);
    }

    proptest! {
        #[test]
        fn no_window_holds_more_than_allowed(
            count in 1..20_u32, window_ms in 1..50_u64,
            wishes in prop::collection::vec(0..20_u64, 1..200),
        ) {
            let mut governor = governor(count, window_ms);
            let (mut now, mut done) = (0, Vec::new());
            for wait_ms in wishes {
                now = (now + wait_ms * MS).max(governor.ready_ticks());
                governor.note(now);
                done.push(now);
            }
            for (index, start) in done.iter().enumerate() {
                let within = |it: &&u64| **it <= start + window_ms * MS;
                prop_assert!(done[index..].iter().take_while(within).count() <= count as usize);
            }
        }
    }
}
