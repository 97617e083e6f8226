use std::fmt;
use std::hint;
use std::str::FromStr;
use std::thread;
use std::time::Duration;

use crate::word::UnknownWord;

/// What a thread does between two empty polls.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum WaitStrategy {
    /// Polls again at once. Lowest latency; needs a core of its own.
    Spin,
    /// Polls again after the processor's pause hint, which is kinder to a sibling hyper-thread.
    SpinPause,
    /// Gives the core to another runnable thread first.
    Yield,
    /// Spins, then yields, then parks for growing times, at most [`Waiter::PARK_US_MAX`].
    /// The only strategy that leaves an idle core idle.
    Backoff,
}

impl FromStr for WaitStrategy {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        match word {
            "spin" => Ok(Self::Spin),
            "spin-pause" => Ok(Self::SpinPause),
            "yield" => Ok(Self::Yield),
            "backoff" => Ok(Self::Backoff),
            _ => Err(UnknownWord::new(word, "spin, spin-pause, yield, backoff")),
        }
    }
}

impl fmt::Display for WaitStrategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Spin => "spin",
            Self::SpinPause => "spin-pause",
            Self::Yield => "yield",
            Self::Backoff => "backoff",
        })
    }
}

/// The wait strategy as a setting: one by name, or the one that suits the cores.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub enum Wait {
    /// Chosen by [`Wait::resolve`].
    #[default]
    Auto,
    /// This one, whatever the cores.
    Fixed(WaitStrategy),
}

impl Wait {
    /// The strategy to use. `cores_are_exclusive` says that every busy thread of the run has a
    /// core of its own; without that a spinning thread takes the core from the thread it waits
    /// for, so `Auto` backs off.
    #[must_use]
    pub const fn resolve(self, cores_are_exclusive: bool) -> WaitStrategy {
        match self {
            Self::Fixed(strategy) => strategy,
            Self::Auto if cores_are_exclusive => WaitStrategy::SpinPause,
            Self::Auto => WaitStrategy::Backoff,
        }
    }
}

impl FromStr for Wait {
    type Err = UnknownWord;

    fn from_str(word: &str) -> Result<Self, UnknownWord> {
        if word == "auto" {
            return Ok(Self::Auto);
        }
        word.parse()
            .map(Self::Fixed)
            .map_err(|_| UnknownWord::new(word, "auto, spin, spin-pause, yield, backoff"))
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Fixed(strategy) => strategy.fmt(f),
        }
    }
}

/// A wait strategy at work on one thread.
///
/// Call [`idle`](Self::idle) after an empty poll and [`reset`](Self::reset) after a full one.
/// Allocates nothing and reads no clock of ours.
#[derive(Clone, Debug)]
pub struct Waiter {
    strategy: WaitStrategy,
    /// How often `idle` was called since the last `reset`; stops at `IDLES_MAX`.
    idles: u32,
}

impl Waiter {
    /// Empty polls for which `Backoff` spins before it yields.
    pub const SPINS_MAX: u32 = 128;
    /// Empty polls for which `Backoff` yields before it parks.
    pub const YIELDS_MAX: u32 = 64;
    /// First and shortest time that `Backoff` parks, in microseconds.
    pub const PARK_US_MIN: u64 = 50;
    /// Longest time that `Backoff` parks, in microseconds. Nothing wakes it earlier, so this
    /// bounds what an event waits for a parked thread, save for the system's own timer slack.
    pub const PARK_US_MAX: u64 = 200;

    /// A waiter that has not waited yet.
    #[must_use]
    pub const fn new(strategy: WaitStrategy) -> Self {
        Self { strategy, idles: 0 }
    }

    /// Waits once: from nothing at all (`Spin`) to at most [`PARK_US_MAX`](Self::PARK_US_MAX).
    #[inline]
    pub fn idle(&mut self) {
        match self.step() {
            Step::Nothing => {}
            Step::Pause => hint::spin_loop(),
            Step::Yield => thread::yield_now(),
            Step::Park { us } => thread::park_timeout(Duration::from_micros(us)),
        }
        self.idles = (self.idles + 1).min(IDLES_MAX);
    }

    /// Starts over: the next wait is the shortest.
    pub const fn reset(&mut self) {
        self.idles = 0;
    }

    fn step(&self) -> Step {
        match self.strategy {
            WaitStrategy::Spin => Step::Nothing,
            WaitStrategy::SpinPause => Step::Pause,
            WaitStrategy::Yield => Step::Yield,
            WaitStrategy::Backoff if self.idles < Self::SPINS_MAX => Step::Pause,
            WaitStrategy::Backoff if self.idles < PARKS_FROM => Step::Yield,
            WaitStrategy::Backoff => {
                let us = Self::PARK_US_MIN << (self.idles - PARKS_FROM);
                Step::Park { us: us.min(Self::PARK_US_MAX) }
            }
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Nothing,
    Pause,
    Yield,
    Park { us: u64 },
}

/// The first empty poll after which `Backoff` parks.
const PARKS_FROM: u32 = Waiter::SPINS_MAX + Waiter::YIELDS_MAX;

/// Doublings after which a park has its longest time for certain.
const DOUBLINGS_MAX: u32 = 2;

/// Where the count stops, so that it neither wraps nor shifts too far.
const IDLES_MAX: u32 = PARKS_FROM + DOUBLINGS_MAX;

const _: () = assert!(
    Waiter::PARK_US_MIN << DOUBLINGS_MAX >= Waiter::PARK_US_MAX,
    "the count must not stop before the longest park"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(strategy: WaitStrategy, idles: u32, expected: Step) {
        assert_eq!(Waiter { strategy, idles }.step(), expected, "{strategy} after {idles}");
    }

    #[test]
    fn backoff_spins_then_yields_then_parks_up_to_the_limit() {
        let backoff = WaitStrategy::Backoff;
        check(backoff, 0, Step::Pause);
        check(backoff, Waiter::SPINS_MAX - 1, Step::Pause);
        check(backoff, Waiter::SPINS_MAX, Step::Yield);
        check(backoff, PARKS_FROM - 1, Step::Yield);
        check(backoff, PARKS_FROM, Step::Park { us: 50 });
        check(backoff, PARKS_FROM + 1, Step::Park { us: 100 });
        check(backoff, PARKS_FROM + 2, Step::Park { us: 200 });
        check(backoff, IDLES_MAX, Step::Park { us: 200 });
    }

    #[test]
    fn the_other_strategies_never_change() {
        for idles in [0, PARKS_FROM, IDLES_MAX] {
            check(WaitStrategy::Spin, idles, Step::Nothing);
            check(WaitStrategy::SpinPause, idles, Step::Pause);
            check(WaitStrategy::Yield, idles, Step::Yield);
        }
    }

    #[test]
    fn a_reset_waiter_spins_again() {
        let mut waiter = Waiter::new(WaitStrategy::Backoff);
        for _ in 0..IDLES_MAX + 2 {
            waiter.idle();
        }
        assert_eq!(waiter.step(), Step::Park { us: Waiter::PARK_US_MAX });
        waiter.reset();
        assert_eq!(waiter.step(), Step::Pause);
    }

    #[test]
    fn auto_spins_only_on_exclusive_cores() {
        assert_eq!(Wait::Auto.resolve(true), WaitStrategy::SpinPause);
        assert_eq!(Wait::Auto.resolve(false), WaitStrategy::Backoff);
        assert_eq!(Wait::Fixed(WaitStrategy::Spin).resolve(false), WaitStrategy::Spin);
    }

    #[test]
    fn a_wait_reads_back_as_it_prints() {
        for word in ["auto", "spin", "spin-pause", "yield", "backoff"] {
            assert_eq!(word.parse::<Wait>().unwrap().to_string(), word);
        }
        assert_eq!(
            "park".parse::<Wait>().unwrap_err().to_string(),
            "`park` is not one of auto, spin, spin-pause, yield, backoff"
        );
        assert_eq!(
            "auto".parse::<WaitStrategy>().unwrap_err().to_string(),
            "`auto` is not one of spin, spin-pause, yield, backoff"
        );
    }
}
