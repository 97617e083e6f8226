//! The only source of time. Whoever needs the time is given a [`Clock`].

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A monotonic tick counter with a fixed scale to nanoseconds and one wall-clock anchor.
///
/// Ticks come from the processor's time stamp counter where it is invariant and from the system's
/// monotonic clock elsewhere. Clones share calibration and anchor, so ticks of one clone may be
/// compared with ticks of another, on any thread.
#[derive(Clone, Debug)]
pub struct Clock {
    source: quanta::Clock,
    ticks_at_start: u64,
    wall_ns_at_start: u64,
    /// How long [`SCALE_TICKS`] ticks take; the inverse of `source`'s own scale.
    ns_per_scale: u64,
    wall: Wall,
}

/// Where wall time comes from once the clock is made.
#[derive(Clone, Copy, Debug)]
enum Wall {
    /// The system's clock.
    System,
    /// The ticks of a mock clock.
    Ticks,
}

/// The system's wall time at one moment, for comparing with times that the system took by itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WallReading {
    /// The tick of that moment.
    pub ticks: u64,
    /// Wall time, in nanoseconds since 1970-01-01 UTC, steps of the system's clock included.
    pub wall_ns: u64,
    /// How far the two may be apart, either way.
    pub error_ns: u64,
}

/// Drives the [`Clock`] it was made with: one tick is one nanosecond. Clones drive the same clock.
#[derive(Clone, Debug)]
pub struct MockClock(Arc<quanta::Mock>);

impl Clock {
    /// A clock on real time.
    ///
    /// The first call in a process calibrates for up to 200 ms: make it once, before the hot threads
    /// start, and clone it. Wall time is anchored here, for good; a system clock set before 1970 reads
    /// as 0.
    #[must_use]
    pub fn new() -> Self {
        let source = quanta::Clock::new();
        let ticks_at_start = source.raw();
        Self::anchored(source, ticks_at_start, system_wall_ns(), Wall::System)
    }

    /// A clock that stands still until its [`MockClock`] moves it.
    ///
    /// It starts at [`MOCK_TICKS_AT_START`] ticks and [`MOCK_WALL_NS_AT_START`] wall time.
    #[must_use]
    pub fn mock() -> (Self, MockClock) {
        let (source, mock) = quanta::Clock::mock();
        mock.increment(MOCK_TICKS_AT_START);
        let (ticks, wall_ns) = (MOCK_TICKS_AT_START, MOCK_WALL_NS_AT_START);
        (Self::anchored(source, ticks, wall_ns, Wall::Ticks), MockClock(mock))
    }

    fn anchored(
        source: quanta::Clock,
        ticks_at_start: u64,
        wall_ns_at_start: u64,
        wall: Wall,
    ) -> Self {
        let ns_per_scale = source.delta_as_nanos(0, SCALE_TICKS);
        assert!(ns_per_scale > 0, "a clock must advance");
        Self { source, ticks_at_start, wall_ns_at_start, ns_per_scale, wall }
    }

    /// The current tick. Costs one read of the counter and no system call where the counter is
    /// invariant; it is not a serialising instruction.
    #[inline]
    #[must_use]
    pub fn ticks(&self) -> u64 {
        self.source.raw()
    }

    /// Nanoseconds from `start_ticks` to `end_ticks`, rounded down; 0 when the end is before the
    /// start. One multiplication and one shift.
    #[inline]
    #[must_use]
    pub fn elapsed_ns(&self, start_ticks: u64, end_ticks: u64) -> u64 {
        self.source.delta_as_nanos(start_ticks, end_ticks)
    }

    /// How many ticks `ns` nanoseconds take, rounded up, so that a deadline made with it is never
    /// early by more than one tick. Saturates. Divides: for set-up, not for the hot loop.
    #[must_use]
    pub fn ns_to_ticks(&self, ns: u64) -> u64 {
        let ticks =
            (u128::from(ns) * u128::from(SCALE_TICKS)).div_ceil(u128::from(self.ns_per_scale));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// Wall time when the clock was made, in nanoseconds since 1970-01-01 UTC.
    #[must_use]
    pub fn wall_ns_at_start(&self) -> u64 {
        self.wall_ns_at_start
    }

    /// The tick at which that wall time was read.
    #[must_use]
    pub fn ticks_at_start(&self) -> u64 {
        self.ticks_at_start
    }

    /// Wall time of `ticks`, in nanoseconds since 1970-01-01 UTC: the anchor plus what has elapsed.
    ///
    /// Ticks from before the clock was made count as its start. Later steps of the system's clock
    /// are not followed, so that the result is as monotonic as the ticks.
    #[must_use]
    pub fn wall_ns(&self, ticks: u64) -> u64 {
        self.wall_ns_at_start.saturating_add(self.elapsed_ns(self.ticks_at_start, ticks))
    }

    /// The system's wall time now, between two readings of the ticks.
    ///
    /// Unlike [`Clock::wall_ns`] it follows the system's clock, so that what the kernel stamped can be
    /// compared with it. Costs a few tens of nanoseconds; read again, at most twice, where the thread
    /// was interrupted within.
    #[must_use]
    pub fn wall_reading(&self) -> WallReading {
        let mut best = self.wall_reading_once();
        for _ in 1..WALL_READINGS_MAX {
            if best.error_ns <= WALL_ERROR_NS_GOOD {
                break;
            }
            let next = self.wall_reading_once();
            if next.error_ns < best.error_ns {
                best = next;
            }
        }
        best
    }

    fn wall_reading_once(&self) -> WallReading {
        let before = self.ticks();
        let wall_ns = match self.wall {
            Wall::System => system_wall_ns(),
            Wall::Ticks => self.wall_ns(before),
        };
        let after = self.ticks();
        let ticks = before.midpoint(after);
        WallReading { ticks, wall_ns, error_ns: self.elapsed_ns(before, after).div_ceil(2) }
    }
}

impl Default for Clock {
    /// [`Clock::new`], calibration included.
    fn default() -> Self {
        Self::new()
    }
}

impl MockClock {
    /// Moves the clock forward by `ns` nanoseconds, which are as many ticks.
    ///
    /// # Panics
    /// In builds with overflow checks, when the tick would pass `u64::MAX`.
    pub fn advance_ns(&self, ns: u64) {
        self.0.increment(ns);
    }
}

/// Nanoseconds since 1970-01-01 UTC; a system clock set before reads as 0.
#[expect(clippy::disallowed_methods, reason = "the one reading of wall time")]
fn system_wall_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Readings of wall time of which the closest is taken.
const WALL_READINGS_MAX: u32 = 3;

/// An error that needs no second reading.
const WALL_ERROR_NS_GOOD: u64 = 500;

/// The first tick of a mock clock: not zero, so that a tick that was never set shows, and a second in
/// so that tests can look back.
pub const MOCK_TICKS_AT_START: u64 = 1_000_000_000;

/// The wall time at which every mock clock starts: 2023-11-14 22:13:20 UTC.
pub const MOCK_WALL_NS_AT_START: u64 = 1_700_000_000_000_000_000;

/// Span over which the scale is read back. Large enough for 14 digits, small enough that a counter
/// of 16 kHz still fits 64 bits of nanoseconds.
const SCALE_TICKS: u64 = 1 << 48;

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use super::*;

    #[test]
    fn a_mock_clock_moves_only_when_told() {
        let (clock, time) = Clock::mock();
        let other = clock.clone();
        assert_eq!(clock.ticks(), MOCK_TICKS_AT_START);
        assert_eq!(clock.ticks(), MOCK_TICKS_AT_START);
        time.advance_ns(250);
        assert_eq!(other.elapsed_ns(MOCK_TICKS_AT_START, clock.ticks()), 250);
    }

    #[test]
    fn a_mock_clock_has_one_tick_per_nanosecond() {
        let (clock, _) = Clock::mock();
        for ns in [0, 1, 999, 1 << 48, u64::MAX] {
            assert_eq!(clock.ns_to_ticks(ns), ns);
        }
    }

    #[test]
    fn wall_time_is_the_anchor_plus_what_elapsed() {
        let (clock, time) = Clock::mock();
        let start = clock.ticks();
        time.advance_ns(5_000);
        assert_eq!(clock.wall_ns_at_start(), MOCK_WALL_NS_AT_START);
        assert_eq!(clock.wall_ns(clock.ticks()), MOCK_WALL_NS_AT_START + 5_000);
        assert_eq!(clock.wall_ns(start), MOCK_WALL_NS_AT_START);
        assert_eq!(clock.wall_ns(start - 1), MOCK_WALL_NS_AT_START);
    }

    #[test]
    fn a_reading_of_wall_time_lies_between_two_ticks_within_its_error() {
        let clock = Clock::new();
        let before = clock.ticks();
        let reading = clock.wall_reading();
        let after = clock.ticks();
        assert!((before..=after).contains(&reading.ticks));
        assert!(reading.error_ns <= clock.elapsed_ns(before, after));
        assert!(reading.wall_ns > MOCK_WALL_NS_AT_START);
    }

    #[test]
    fn a_mock_clock_reads_its_own_wall_time() {
        let (clock, time) = Clock::mock();
        time.advance_ns(9);
        let expected =
            WallReading { ticks: clock.ticks(), wall_ns: MOCK_WALL_NS_AT_START + 9, error_ns: 0 };
        assert_eq!(clock.wall_reading(), expected);
    }

    #[test]
    fn an_end_before_its_start_took_no_time() {
        let (clock, _) = Clock::mock();
        assert_eq!(clock.elapsed_ns(100, 99), 0);
        assert_eq!(clock.elapsed_ns(100, 100), 0);
        assert_eq!(clock.elapsed_ns(100, 101), 1);
    }

    #[test]
    fn a_real_clock_advances_and_knows_this_century() {
        let clock = Clock::new();
        let start = clock.ticks();
        while clock.elapsed_ns(start, clock.ticks()) < 1_000 {}
        assert!(clock.wall_ns(clock.ticks()) > MOCK_WALL_NS_AT_START);
    }

    #[test]
    fn a_day_on_a_real_clock_converts_back_to_a_day() {
        let clock = Clock::new();
        let day_ns = 86_400_000_000_000;
        let back_ns = clock.elapsed_ns(0, clock.ns_to_ticks(day_ns));
        assert!(back_ns.abs_diff(day_ns) <= clock.elapsed_ns(0, 1) + 1);
    }

    proptest! {
        #[test]
        fn ticks_and_nanoseconds_are_inverse_within_rounding(ns in 0_u64..(1 << 52)) {
            let clock = Clock::new();
            let back_ns = clock.elapsed_ns(0, clock.ns_to_ticks(ns));
            prop_assert!(back_ns.abs_diff(ns) <= clock.elapsed_ns(0, 1) + 1 + (ns >> 44));
        }
    }
}
