use std::fmt;

/// How many slots a ring has.
///
/// Invariant: a power of two from [`CAPACITY_MIN`] to [`CAPACITY_MAX`].
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Capacity(usize);

impl Capacity {
    /// A ring of exactly `slots` slots, or `None` where the invariant does not hold.
    #[must_use]
    pub const fn new(slots: usize) -> Option<Self> {
        if slots >= CAPACITY_MIN && slots <= CAPACITY_MAX && slots.is_power_of_two() {
            Some(Self(slots))
        } else {
            None
        }
    }

    /// The smallest ring with at least `slots` slots, or `None` above [`CAPACITY_MAX`].
    #[must_use]
    pub const fn round_up(slots: usize) -> Option<Self> {
        if slots <= CAPACITY_MIN {
            return Some(Self(CAPACITY_MIN));
        }
        match slots.checked_next_power_of_two() {
            Some(rounded) => Self::new(rounded),
            None => None,
        }
    }

    /// The number of slots.
    #[must_use]
    pub const fn slots(self) -> usize {
        self.0
    }
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The fewest slots a ring may have: with one, publisher and poller could only take turns.
pub const CAPACITY_MIN: usize = 2;

/// The most slots a ring may have: 2 GiB of 128-byte events.
pub const CAPACITY_MAX: usize = 1 << 24;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(slots: usize, exact: Option<usize>, rounded: Option<usize>) {
        assert_eq!(Capacity::new(slots).map(Capacity::slots), exact, "new({slots})");
        assert_eq!(Capacity::round_up(slots).map(Capacity::slots), rounded, "round_up({slots})");
    }

    #[test]
    fn only_powers_of_two_within_the_limits_are_capacities() {
        check(0, None, Some(2));
        check(1, None, Some(2));
        check(2, Some(2), Some(2));
        check(3, None, Some(4));
        check(64, Some(64), Some(64));
        check(10_000, None, Some(16_384));
    }

    #[test]
    fn the_largest_capacity_is_a_limit() {
        check(CAPACITY_MAX, Some(CAPACITY_MAX), Some(CAPACITY_MAX));
        check(CAPACITY_MAX + 1, None, None);
        check(CAPACITY_MAX * 2, None, None);
        check(usize::MAX, None, None);
    }
}
