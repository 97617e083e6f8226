//! Continuity of the numbers of one product's trades.

/// How far back numbers are remembered one by one, to tell a late trade from a second one.
const WINDOW: u64 = u64::BITS as u64;

/// The numbers of one product's trades. They go on over reconnects: what was traded meanwhile is
/// missed and can be counted.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::venue) struct TradeIds {
    /// The highest number that came; `None` before the first.
    last: Option<u64>,
    /// Bit `n` set: the number `last - n` came.
    seen: u64,
}

/// Where a trade stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::venue) enum TradeStanding {
    /// The first, or the one after the last.
    Next,
    /// Numbers from `expected` on are missing before it.
    Jump {
        /// The number that should have come.
        expected: u64,
        /// How many are missing.
        missing: u64,
    },
    /// A later one came before it.
    Late,
    /// It came before, or is too old to tell.
    Repeated,
}

impl TradeIds {
    /// Where a trade stands; changes nothing.
    pub(in crate::venue) const fn standing(&self, id: u64) -> TradeStanding {
        let Some(last) = self.last else { return TradeStanding::Next };
        if id > last {
            let missing = id - last - 1;
            if missing == 0 {
                return TradeStanding::Next;
            }
            return TradeStanding::Jump { expected: last + 1, missing };
        }
        let behind = last - id;
        if behind < WINDOW && self.seen & (1 << behind) == 0 {
            TradeStanding::Late
        } else {
            TradeStanding::Repeated
        }
    }

    /// Notes that a trade came, or (a number that was only told) that it did not.
    pub(in crate::venue) const fn accept(&mut self, id: u64) {
        match self.last {
            Some(last) if id <= last => {
                let behind = last - id;
                if behind < WINDOW {
                    self.seen |= 1 << behind;
                }
            }
            Some(last) => {
                let ahead = id - last;
                self.seen = if ahead < WINDOW { (self.seen << ahead) | 1 } else { 1 };
                self.last = Some(id);
            }
            None => {
                self.last = Some(id);
                // What was traded before the first trade that came is no business of ours.
                self.seen = u64::MAX;
            }
        }
    }

    /// Notes that trades up to `id` were made, none of which came since the last.
    pub(in crate::venue) const fn told(&mut self, id: u64) {
        self.accept(id);
        self.seen &= !1;
    }

    /// The highest number that came or was told.
    pub(in crate::venue) const fn last(&self) -> Option<u64> {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::TradeStanding::{Late, Next, Repeated};
    use super::*;

    const fn jump(expected: u64, missing: u64) -> TradeStanding {
        TradeStanding::Jump { expected, missing }
    }

    #[track_caller]
    fn check(steps: &[(u64, TradeStanding)]) {
        let mut ids = TradeIds::default();
        for &(id, expected) in steps {
            assert_eq!(ids.standing(id), expected, "{id} of {steps:?}");
            ids.accept(id);
        }
    }

    #[test]
    fn a_jump_is_counted_and_a_late_one_told_from_a_second_one() {
        check(&[(7, Next), (8, Next), (8, Repeated), (11, jump(9, 2)), (9, Late), (9, Repeated)]);
        check(&[(7, Next), (6, Repeated), (8, Next), (7, Repeated)]);
        check(&[(1, Next), (200, jump(2, 198)), (150, Late), (100, Repeated), (201, Next)]);
        check(&[(0, Next), (u64::MAX, jump(1, u64::MAX - 1)), (u64::MAX, Repeated), (0, Repeated)]);
    }

    #[test]
    fn a_trade_that_was_only_told_is_late_when_it_comes() {
        let mut ids = TradeIds::default();
        ids.accept(7);
        ids.told(9);
        assert_eq!([7, 8, 9, 10].map(|id| ids.standing(id)), [Repeated, Late, Late, Next]);
    }
}
