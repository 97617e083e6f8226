use tickring_event::{Price, Quantity, Scale};

use crate::float;

/// Volume-weighted average price of all trades since the start.
///
/// ```text
/// sum(price quantity) / sum(quantity)
/// ```
///
/// Berkowitz, Logue and Noser, "The total cost of transactions on the NYSE", Journal of Finance 43
/// (1988). Both sums are exact integers: nothing drifts, and the one rounding is the division at the
/// end. In units of price.
#[derive(Clone, Copy, Debug, Default)]
pub struct Vwap {
    sums: Sums,
}

impl Vwap {
    /// No trade yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a trade; `false` where it cannot be: its quantity is negative, or the sum would no longer
    /// fit 128 bits. Then nothing changes. A trade of nothing is taken and weighs nothing.
    #[inline]
    pub fn push(&mut self, price: Price, quantity: Quantity) -> bool {
        let sums = Trade::new(price, quantity).and_then(|trade| self.sums.with(trade));
        self.sums = sums.unwrap_or(self.sums);
        sums.is_some()
    }

    /// The average price; `None` before anything was traded.
    #[must_use]
    pub fn price(&self, scale: Scale) -> Option<f64> {
        self.sums.price(scale)
    }

    /// What was traded, as a mantissa of quantity.
    #[must_use]
    pub const fn volume(&self) -> i128 {
        self.sums.volume
    }

    /// Forgets every trade: a new day.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Volume-weighted average price of the last `capacity` trades; see [`Vwap`].
#[derive(Clone, Debug)]
pub struct RollingVwap {
    trades: Box<[Trade]>,
    /// Where the next trade goes: on the oldest one once every slot is taken.
    next: usize,
    sums: Sums,
    /// Greatest magnitude of price times quantity of which `capacity` fit 128 bits.
    notional_max: i128,
}

impl RollingVwap {
    /// A window of `capacity` trades, none of which was seen yet. Allocates; nothing else does.
    ///
    /// # Panics
    /// When `capacity` is 0.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a window needs room");
        let trades = vec![Trade::default(); capacity].into_boxed_slice();
        let notional_max = i128::MAX / i128::try_from(capacity).unwrap_or(i128::MAX);
        Self { trades, next: 0, sums: Sums::default(), notional_max }
    }

    /// Takes a trade in, and the oldest one out when the window is full; `false` where it cannot be:
    /// its quantity is negative, or `capacity` times its price and quantity do not fit 128 bits. Then
    /// nothing changes. A trade of nothing is taken and weighs nothing.
    pub fn push(&mut self, price: Price, quantity: Quantity) -> bool {
        let trade =
            Trade::new(price, quantity).filter(|it| it.notional().abs() <= self.notional_max);
        let Some(trade) = trade else { return false };
        let oldest = std::mem::replace(&mut self.trades[self.next], trade);
        self.sums = self.sums.without(oldest).plus(trade);
        self.next = if self.next + 1 == self.trades.len() { 0 } else { self.next + 1 };
        true
    }

    /// The average price; `None` where nothing was traded in the window.
    #[must_use]
    pub fn price(&self, scale: Scale) -> Option<f64> {
        self.sums.price(scale)
    }

    /// What was traded in the window, as a mantissa of quantity.
    #[must_use]
    pub const fn volume(&self) -> i128 {
        self.sums.volume
    }
}

/// A trade whose quantity is not negative; an empty slot is a trade of nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Trade {
    price: i64,
    quantity: i64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    notional: i128,
    volume: i128,
}

impl Trade {
    fn new(price: Price, quantity: Quantity) -> Option<Self> {
        let (price, quantity) = (price.mantissa(), quantity.mantissa());
        (quantity >= 0).then_some(Self { price, quantity })
    }

    fn notional(self) -> i128 {
        i128::from(self.price) * i128::from(self.quantity)
    }
}

impl Sums {
    /// With one trade more, where it fits.
    fn with(self, trade: Trade) -> Option<Self> {
        self.notional.checked_add(trade.notional()).map(|_| self.plus(trade))
    }

    /// With one trade more, which is known to fit.
    fn plus(self, trade: Trade) -> Self {
        Self {
            notional: self.notional + trade.notional(),
            volume: self.volume + i128::from(trade.quantity),
        }
    }

    /// Without a trade that is in it.
    fn without(self, trade: Trade) -> Self {
        Self {
            notional: self.notional - trade.notional(),
            volume: self.volume - i128::from(trade.quantity),
        }
    }

    fn price(self, scale: Scale) -> Option<f64> {
        (self.volume > 0).then(|| {
            let mean = float::from_i128(self.notional) / float::from_i128(self.volume);
            mean / float::power_of_ten(scale)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trade((price, quantity): (i64, i64)) -> (Price, Quantity) {
        (Price::from_mantissa(price), Quantity::from_mantissa(quantity))
    }

    fn cents() -> Scale {
        Scale::new(2).unwrap()
    }

    #[test]
    fn the_average_is_weighted_by_quantity() {
        let mut vwap = Vwap::new();
        assert_eq!(vwap.price(cents()), None);
        for (price, quantity) in [(100, 1), (200, 3), (900, 0)].map(trade) {
            assert!(vwap.push(price, quantity));
        }
        assert_eq!((vwap.price(cents()), vwap.volume()), (Some(1.75), 4));
        vwap.clear();
        assert_eq!(vwap.price(cents()), None);
    }

    #[test]
    fn a_negative_price_is_a_price_and_a_negative_quantity_is_none() {
        let mut vwap = Vwap::new();
        let (price, quantity) = trade((-300, 2));
        assert!(vwap.push(price, quantity));
        assert!(!vwap.push(price, Quantity::from_mantissa(-1)));
        assert_eq!((vwap.price(cents()), vwap.volume()), (Some(-3.0), 2));
    }

    #[test]
    fn what_no_longer_fits_changes_nothing() {
        let (price, quantity) = trade((i64::MAX, i64::MAX));
        let mut vwap = Vwap::new();
        assert!(vwap.push(price, quantity) && vwap.push(price, quantity));
        let before = vwap.price(cents());
        assert!(!vwap.push(price, quantity));
        assert_eq!((vwap.price(cents()), vwap.volume()), (before, 2 * i128::from(i64::MAX)));

        let mut window = RollingVwap::new(3);
        assert!(!window.push(price, quantity));
        assert!(window.push(Price::from_mantissa(200), Quantity::from_mantissa(1)));
        assert_eq!(window.price(cents()), Some(2.0));
        let mut window = RollingVwap::new(2);
        assert!((0..9).all(|_| window.push(price, quantity)));
    }

    #[test]
    fn ten_million_trades_leave_no_trace_in_a_window() {
        let mut window = RollingVwap::new(3);
        for seed in 0..10_000_000_i64 {
            let mixed = seed.wrapping_mul(0x5851_f42d_4c95_7f2d) >> 20;
            assert!(
                window.push(Price::from_mantissa(mixed), Quantity::from_mantissa(mixed & 0xffff))
            );
        }
        for (price, quantity) in [(100, 1), (200, 1), (300, 2)].map(trade) {
            assert!(window.push(price, quantity));
        }
        assert_eq!((window.price(cents()), window.volume()), (Some(2.25), 4));
    }

    proptest! {
        #[test]
        fn the_window_is_the_average_of_its_trades(
            trades in proptest::collection::vec((any::<i32>(), 0_i64..1_000_000), 1..100),
            capacity in 1_usize..12,
        ) {
            let trades: Vec<_> = trades.iter().map(|&(it, n)| trade((i64::from(it), n))).collect();
            let mut window = RollingVwap::new(capacity);
            for (index, &(price, quantity)) in trades.iter().enumerate() {
                prop_assert!(window.push(price, quantity));
                let mut all = Vwap::new();
                let last = &trades[(index + 1).saturating_sub(capacity)..=index];
                prop_assert!(last.iter().all(|&(price, quantity)| all.push(price, quantity)));
                prop_assert_eq!(window.price(cents()), all.price(cents()));
                prop_assert_eq!(window.volume(), all.volume());
            }
        }
    }
}
