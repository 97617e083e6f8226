//! How long to wait before the next attempt. Pure: the random numbers come from outside.

/// Longest `Retry-After` that is honoured: beyond it we ask again.
const RETRY_AFTER_S_MAX: u64 = 3_600;

/// Wait after HTTP 429, 418 (Binance's word for an address that went on regardless) or 403 (its wall
/// against too many requests) without a `Retry-After`.
const RATE_LIMITED_S: u64 = 60;

/// How long an HTTP answer asks us to stay away.
pub(crate) fn demanded_s(status: u16, retry_after_s: Option<u64>) -> u64 {
    let default_s = if matches!(status, 403 | 418 | 429) { RATE_LIMITED_S } else { 0 };
    retry_after_s.unwrap_or(default_s).min(RETRY_AFTER_S_MAX)
}

/// Full-jitter exponential backoff: after `n` failures in a row the wait is random between zero and
/// `delay_ms_min` times two to the power of `n` - 1, at most `delay_ms_max`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// Upper end of the first wait.
    pub delay_ms_min: u64,
    /// Upper end of every wait.
    pub delay_ms_max: u64,
}

impl Backoff {
    /// The longest wait after `failures` failures in a row; a connection that was healthy until it
    /// ended counts none and waits like the first failure.
    #[must_use]
    pub fn ceiling_ms(&self, failures: u32) -> u64 {
        let doublings = failures.saturating_sub(1);
        let factor = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        self.delay_ms_min.saturating_mul(factor).min(self.delay_ms_max)
    }

    /// A wait after `failures` failures in a row, on top of `floor_ms`, which somebody demanded.
    pub(crate) fn delay_ms(&self, failures: u32, floor_ms: u64, random: &mut fastrand::Rng) -> u64 {
        floor_ms.saturating_add(random.u64(0..=self.ceiling_ms(failures)))
    }
}

impl Default for Backoff {
    /// From one second to one minute.
    fn default() -> Self {
        Self { delay_ms_min: 1_000, delay_ms_max: 60_000 }
    }
}

/// How many failures in a row there were: what the backoff grows by.
///
/// A handshake alone proves nothing, since a venue may accept and close at once: only a connection
/// that carried data and lasted is a reason to start over.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Failures {
    pub(crate) in_a_row: u32,
}

impl Failures {
    /// Counts the end of an attempt or of a connection.
    pub(crate) const fn note(&mut self, health: Health) {
        self.in_a_row = match health {
            Health::Healthy => 0,
            Health::Failed => self.in_a_row.saturating_add(1),
        };
    }
}

/// How a connection was until it ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Health {
    /// It carried data and lasted.
    Healthy,
    /// It never opened, carried no data, or ended soon.
    Failed,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(failures: u32, ceiling_ms: u64) {
        assert_eq!(Backoff::default().ceiling_ms(failures), ceiling_ms);
    }

    #[test]
    fn the_ceiling_doubles_from_the_minimum_to_the_maximum() {
        check(0, 1_000);
        check(1, 1_000);
        check(2, 2_000);
        check(6, 32_000);
        check(7, 60_000);
        check(64, 60_000);
        check(65, 60_000);
        check(u32::MAX, 60_000);
    }

    #[test]
    fn every_part_of_the_range_is_used() {
        let mut random = fastrand::Rng::with_seed(1);
        let backoff = Backoff::default();
        let delays: Vec<_> = (0..1_000).map(|_| backoff.delay_ms(3, 0, &mut random)).collect();
        for quarter in 0..4 {
            let count = delays.iter().filter(|&&delay| delay / 1_001 == quarter).count();
            assert!((150..350).contains(&count), "{count} of 1000 in quarter {quarter}");
        }
    }

    proptest! {
        #[test]
        fn a_delay_lies_between_the_floor_and_the_ceiling_above_it(
            failures in any::<u32>(), floor_ms in 0..1_u64 << 40, seed in any::<u64>(),
            delay_ms_min in 1..100_000_u64, more in 0..1_000_000_u64,
        ) {
            let backoff = Backoff { delay_ms_min, delay_ms_max: delay_ms_min + more };
            let ceiling_ms = backoff.ceiling_ms(failures);
            prop_assert!((delay_ms_min..=delay_ms_min + more).contains(&ceiling_ms));
            let mut random = fastrand::Rng::with_seed(seed);
            let delay_ms = backoff.delay_ms(failures, floor_ms, &mut random);
            prop_assert!((floor_ms..=floor_ms + ceiling_ms).contains(&delay_ms));
        }

        #[test]
        fn only_health_makes_the_backoff_start_over(ends in prop::collection::vec(any::<bool>(), 0..40)) {
            let mut failures = Failures::default();
            let mut expected = 0;
            for healthy in ends {
                failures.note(if healthy { Health::Healthy } else { Health::Failed });
                expected = if healthy { 0 } else { expected + 1 };
                prop_assert_eq!(failures.in_a_row, expected);
            }
        }
    }
}
