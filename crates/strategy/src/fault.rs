//! What happens when a strategy fails.

use std::thread;
use std::time::Duration;

use tickring_metrics::Clock;

/// What a fatal error or a panic in a strategy means for the run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnFault {
    /// That strategy is not called again; its worker goes on draining and the run goes on.
    #[default]
    Quarantine,
    /// The same, and the run is asked to stop.
    Stop,
}

/// How often, and after which delays, an event that failed for the moment is tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RetryConfig {
    /// Tries after the first one; then the event is given up, counted, and the next one comes.
    pub retries_max: u32,
    /// Delay before the first retry, in milliseconds; each further one waits twice as long.
    pub delay_ms_min: u64,
}

impl RetryConfig {
    /// Delay before retry number `retry`, from 0. Saturates.
    #[must_use]
    pub const fn delay_ms(&self, retry: u32) -> u64 {
        self.delay_ms_min.saturating_mul(2_u64.saturating_pow(retry))
    }
}

impl Default for RetryConfig {
    /// Three retries, after 10, 20 and 40 ms.
    fn default() -> Self {
        Self { retries_max: 3, delay_ms_min: 10 }
    }
}

/// How a worker waits between two tries. Injected, so that tests need not wait.
pub trait Pause {
    /// Returns after `delay_ms` milliseconds.
    fn pause_ms(&mut self, delay_ms: u64);
}

/// Parks the thread until the clock says that the delay is over. The ring goes on filling.
#[derive(Clone, Debug)]
pub struct ClockPause {
    clock: Clock,
}

impl ClockPause {
    /// A pause on this clock, which must be a real one: a mock clock that nobody moves never ends
    /// a pause.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self { clock }
    }
}

impl Pause for ClockPause {
    fn pause_ms(&mut self, delay_ms: u64) {
        let start = self.clock.ticks();
        let delay_ns = delay_ms.saturating_mul(1_000_000);
        loop {
            // A park may end early, by itself or by an unpark that was meant for something else.
            let left_ns = delay_ns.saturating_sub(self.clock.elapsed_ns(start, self.clock.ticks()));
            if left_ns == 0 {
                return;
            }
            thread::park_timeout(Duration::from_nanos(left_ns));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_from_ten_milliseconds() {
        let retry = RetryConfig::default();
        assert_eq!([0, 1, 2].map(|index| retry.delay_ms(index)), [10, 20, 40]);
        assert_eq!(retry.retries_max, 3);
        assert_eq!(retry.delay_ms(200), u64::MAX);
    }

    #[test]
    fn a_pause_lasts_its_time_even_when_the_thread_is_woken() {
        let clock = Clock::new();
        thread::current().unpark();
        let start = clock.ticks();
        ClockPause::new(clock.clone()).pause_ms(2);
        assert!(clock.elapsed_ns(start, clock.ticks()) >= 2_000_000);
    }
}
