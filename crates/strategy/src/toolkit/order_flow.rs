use crate::toolkit::best::BestLevels;

/// Order-flow imbalance: what was added to the best bid and taken from the best ask, less the reverse.
///
/// Of two states of the best levels that follow one another, with bid price `B`, ask price `A` and
/// the quantities `b` and `a` there, the contribution is
///
/// ```text
/// e(n) =   [B(n) >= B(n-1)] b(n) - [B(n) <= B(n-1)] b(n-1)
///        - [A(n) <= A(n-1)] a(n) + [A(n) >= A(n-1)] a(n-1)
/// ```
///
/// and the imbalance of a time is the sum of its contributions: Cont, Kukanov and Stoikov, "The price
/// impact of order book events", Journal of Financial Econometrics 12 (2014), section 2. Units:
/// mantissas of quantity. Exact; 128 bits hold the sum of 2^62 contributions of any size.
///
/// A time without best levels (a side is absent, the book is invalid) is a break: what came before it
/// is no state that the next one follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct OrderFlowImbalance {
    before: Option<BestLevels>,
    sum: i128,
}

impl OrderFlowImbalance {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { before: None, sum: 0 }
    }

    /// Takes the best levels after a change, `None` where there are none, and gives what they
    /// contribute: `None` where they follow nothing.
    #[inline]
    pub fn push(&mut self, now: Option<BestLevels>) -> Option<i128> {
        let before = std::mem::replace(&mut self.before, now)?;
        let contribution = contribution(before, now?);
        self.sum += contribution;
        Some(contribution)
    }

    /// Sum of the contributions since the start, or since the last [`OrderFlowImbalance::take`].
    #[must_use]
    pub const fn sum(&self) -> i128 {
        self.sum
    }

    /// The sum, which starts over: an interval has ended. The next state follows the last one.
    pub const fn take(&mut self) -> i128 {
        std::mem::replace(&mut self.sum, 0)
    }
}

fn contribution(before: BestLevels, now: BestLevels) -> i128 {
    let bid = (i128::from(now.bid.quantity.mantissa()), i128::from(before.bid.quantity.mantissa()));
    let ask = (i128::from(now.ask.quantity.mantissa()), i128::from(before.ask.quantity.mantissa()));
    let if_so = |is_so: bool, quantity: i128| if is_so { quantity } else { 0 };
    if_so(now.bid.price >= before.bid.price, bid.0)
        - if_so(now.bid.price <= before.bid.price, bid.1)
        - if_so(now.ask.price <= before.ask.price, ask.0)
        + if_so(now.ask.price >= before.ask.price, ask.1)
}

#[cfg(test)]
mod tests {
    use tickring_event::{Level, Price, Quantity};

    use super::*;

    fn best(bid: (i64, i64), ask: (i64, i64)) -> Option<BestLevels> {
        let level = |(price, quantity)| Level {
            price: Price::from_mantissa(price),
            quantity: Quantity::from_mantissa(quantity),
        };
        Some(BestLevels { bid: level(bid), ask: level(ask) })
    }

    /// What the second state contributes after bids 10 at 99 and asks 20 at 101.
    #[track_caller]
    fn check(bid: (i64, i64), ask: (i64, i64), expected: i128) {
        let mut imbalance = OrderFlowImbalance::new();
        assert_eq!(imbalance.push(best((99, 10), (101, 20))), None);
        assert_eq!(imbalance.push(best(bid, ask)), Some(expected));
        assert_eq!(imbalance.sum(), expected);
    }

    #[test]
    fn at_the_same_price_the_change_of_quantity_counts() {
        check((99, 10), (101, 20), 0);
        check((99, 14), (101, 20), 4);
        check((99, 7), (101, 20), -3);
        check((99, 10), (101, 25), -5);
        check((99, 10), (101, 12), 8);
    }

    #[test]
    fn at_another_price_the_whole_quantity_counts() {
        // A better bid, a worse bid, a better ask, a worse ask.
        check((100, 3), (101, 20), 3);
        check((98, 3), (101, 20), -10);
        check((99, 10), (100, 5), -5);
        check((99, 10), (102, 5), 20);
    }

    #[test]
    fn a_break_is_no_change() {
        let mut imbalance = OrderFlowImbalance::new();
        assert_eq!(imbalance.push(best((99, 10), (101, 20))), None);
        assert_eq!(imbalance.push(None), None);
        assert_eq!(imbalance.push(best((50, 1), (51, 1))), None);
        assert_eq!(imbalance.push(best((50, 2), (51, 1))), Some(1));
        assert_eq!((imbalance.take(), imbalance.sum()), (1, 0));
        assert_eq!(imbalance.push(best((50, 4), (51, 1))), Some(2));
    }

    #[test]
    fn the_ends_of_64_bits_do_not_overflow() {
        let mut imbalance = OrderFlowImbalance::new();
        let (none, all) = (best((1, 0), (2, i64::MAX)), best((1, i64::MAX), (2, 0)));
        assert_eq!(imbalance.push(none), None);
        assert_eq!(imbalance.push(all), Some(2 * i128::from(i64::MAX)));
    }
}
