//! Continuity of the number that all messages of a connection share.

/// The numbering of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbering {
    /// The number that has to come; 0 before the first.
    next: u64,
}

/// Where a message stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The one that had to come.
    Next,
    /// Numbers from `expected` on are missing before it.
    Jump { expected: u64, missing: u64 },
    /// The last one again.
    Repeated,
    /// An earlier one.
    Late,
    /// The first of a new connection.
    Restart,
}

/// What is to become of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    Taken,
    Dropped,
}

impl Numbering {
    /// Whether this is the expected number.
    pub(super) const fn is_next(self, number: u64) -> bool {
        number == self.next
    }

    /// Takes the number of a message.
    pub(super) fn take(&mut self, number: u64) -> Standing {
        let expected = self.next;
        if number == 0 && expected > 0 {
            self.next = 1;
            return Standing::Restart;
        }
        if number < expected {
            let is_last = number + 1 == expected;
            return if is_last { Standing::Repeated } else { Standing::Late };
        }
        self.next = number.saturating_add(1);
        match number - expected {
            0 => Standing::Next,
            missing => Standing::Jump { expected, missing },
        }
    }

    /// The highest number that came; 0 before the first.
    pub(super) const fn last(self) -> u64 {
        self.next.saturating_sub(1)
    }

    /// A new connection counts from 0.
    pub(super) const fn restart(&mut self) {
        self.next = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_but_the_next_is_told_apart() {
        let mut numbering = Numbering::default();
        for (number, expected) in [
            (0, Standing::Next),
            (1, Standing::Next),
            (1, Standing::Repeated),
            (4, Standing::Jump { expected: 2, missing: 2 }),
            (3, Standing::Late),
            (5, Standing::Next),
            (0, Standing::Restart),
            (1, Standing::Next),
            (u64::MAX, Standing::Jump { expected: 2, missing: u64::MAX - 2 }),
        ] {
            assert_eq!(numbering.take(number), expected, "{number}");
        }
        numbering.restart();
        assert_eq!(numbering.take(1), Standing::Jump { expected: 0, missing: 1 });
    }
}
