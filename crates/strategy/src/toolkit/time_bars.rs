use tickring_event::{Bar, Price, Quantity, Trade};

/// Time bars of one instrument from its trades: open, high, low, close and volume of each interval
/// that had any.
///
/// Intervals are those of the venue's time, counted from the epoch. A bar closes when a trade of a
/// later interval comes, or with [`TimeBars::finish`]; intervals without a trade have none. A trade
/// belongs to the interval of its own time, and comes late when that interval's bar is closed.
#[derive(Clone, Copy, Debug)]
pub struct TimeBars {
    interval_ns: u64,
    open: Option<TimeBar>,
}

/// One interval's prices and volume, exact.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TimeBar {
    /// Start of the interval, ns since the epoch.
    pub start_ns: u64,
    /// Length of the interval in ns.
    pub interval_ns: u64,
    /// Price of the first trade.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Price of the last trade.
    pub close: Price,
    /// Quantity traded, as a mantissa. Wider than a quantity: a sum of them.
    pub volume: i128,
    /// Number of trades.
    pub trades: u64,
}

/// What became of a trade.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Added {
    /// It is in the bar that is open.
    Taken,
    /// It opened a bar, and this one closed.
    Closed(TimeBar),
    /// Its bar is closed: it was left out.
    Late,
    /// It has no venue time: it was left out.
    Untimed,
}

impl TimeBars {
    /// No trade yet; an interval of 0 counts as 1.
    #[must_use]
    pub const fn new(interval_ns: u64) -> Self {
        let interval_ns = if interval_ns == 0 { 1 } else { interval_ns };
        Self { interval_ns, open: None }
    }

    /// Takes the next trade with its venue time, 0 where there is none.
    #[inline]
    pub fn add(&mut self, trade: Trade, venue_time_ns: u64) -> Added {
        if venue_time_ns == 0 {
            return Added::Untimed;
        }
        let start_ns = venue_time_ns - venue_time_ns % self.interval_ns;
        match &mut self.open {
            Some(bar) if bar.start_ns == start_ns => bar.add(trade),
            Some(bar) if bar.start_ns > start_ns => return Added::Late,
            Some(_) | None => {
                let bar = TimeBar::new(start_ns, self.interval_ns, trade);
                if let Some(closed) = self.open.replace(bar) {
                    return Added::Closed(closed);
                }
            }
        }
        Added::Taken
    }

    /// The bar that is open, as far as it has come.
    #[must_use]
    pub const fn open(&self) -> Option<&TimeBar> {
        self.open.as_ref()
    }

    /// Closes the bar that is open: the stream has ended.
    pub const fn finish(&mut self) -> Option<TimeBar> {
        self.open.take()
    }
}

impl TimeBar {
    fn new(start_ns: u64, interval_ns: u64, trade: Trade) -> Self {
        let Trade { price, quantity, .. } = trade;
        let (open, high, low, close) = (price, price, price, price);
        let volume = i128::from(quantity.mantissa());
        Self { start_ns, interval_ns, open, high, low, close, volume, trades: 1 }
    }

    fn add(&mut self, trade: Trade) {
        self.high = self.high.max(trade.price);
        self.low = self.low.min(trade.price);
        self.close = trade.price;
        self.volume += i128::from(trade.quantity.mantissa());
        self.trades += 1;
    }

    /// The bar as an event says it; `None` where a time or the volume does not fit 64 bits.
    #[must_use]
    pub fn bar(&self) -> Option<Bar> {
        let Self { open, high, low, close, trades, .. } = *self;
        Some(Bar {
            start_ns: i64::try_from(self.start_ns).ok()?,
            interval_ns: i64::try_from(self.interval_ns).ok()?,
            open,
            high,
            low,
            close,
            volume: i64::try_from(self.volume).ok().map(Quantity::from_mantissa)?,
            trades,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trade(price: i64, quantity: i64) -> Trade {
        let (price, quantity) = (Price::from_mantissa(price), Quantity::from_mantissa(quantity));
        Trade { price, quantity, taker: None, trade_id: None }
    }

    /// Start, open, high, low, close, volume and number of trades.
    fn numbers(bar: &TimeBar) -> (u64, [i64; 4], i128, u64) {
        let prices = [bar.open, bar.high, bar.low, bar.close].map(Price::mantissa);
        (bar.start_ns, prices, bar.volume, bar.trades)
    }

    #[test]
    fn a_bar_closes_with_the_first_trade_of_a_later_interval() {
        let mut bars = TimeBars::new(10);
        for (time_ns, price) in [(20, 5), (29, 9), (25, 3)] {
            assert_eq!(bars.add(trade(price, 2), time_ns), Added::Taken);
        }
        let Added::Closed(closed) = bars.add(trade(7, 1), 50) else { panic!("it should close") };
        assert_eq!(numbers(&closed), (20, [5, 9, 3, 3], 6, 3));
        assert_eq!(bars.open().map(numbers), Some((50, [7; 4], 1, 1)));
        assert_eq!(bars.finish().map(|bar| numbers(&bar)), Some((50, [7; 4], 1, 1)));
        assert_eq!(bars.finish(), None);
    }

    #[test]
    fn late_and_untimed_trades_are_left_out() {
        let mut bars = TimeBars::new(10);
        assert_eq!(bars.add(trade(5, 1), 20), Added::Taken);
        assert_eq!(bars.add(trade(50, 1), 19), Added::Late);
        assert_eq!(bars.add(trade(60, 1), 0), Added::Untimed);
        assert_eq!(bars.open().map(numbers), Some((20, [5; 4], 1, 1)));
    }

    #[test]
    fn an_interval_of_nothing_is_a_nanosecond() {
        let mut bars = TimeBars::new(0);
        assert_eq!(bars.add(trade(5, 1), u64::MAX - 1), Added::Taken);
        assert!(matches!(bars.add(trade(6, 1), u64::MAX), Added::Closed(_)));
    }

    #[test]
    fn a_volume_beyond_64_bits_is_exact_and_no_event() {
        let mut bars = TimeBars::new(10);
        assert!((0..3).all(|_| bars.add(trade(5, i64::MAX), 20) == Added::Taken));
        let bar = bars.finish().unwrap();
        assert_eq!((bar.volume, bar.bar()), (3 * i128::from(i64::MAX), None));
        assert!(bars.add(trade(5, i64::MAX), 20) == Added::Taken);
        let bar = bars.finish().and_then(|bar| bar.bar()).unwrap();
        assert_eq!((bar.start_ns, bar.interval_ns, bar.trades), (20, 10, 1));
        assert_eq!((bar.close, bar.volume.mantissa()), (Price::from_mantissa(5), i64::MAX));
    }

    proptest! {
        #[test]
        fn every_timed_trade_in_order_is_in_exactly_one_bar(
            trades in proptest::collection::vec((0_u64..40, 1_i64..100, 1_i64..9), 1..100),
            interval_ns in 1_u64..60,
        ) {
            let mut bars = TimeBars::new(interval_ns);
            let (mut time_ns, mut closed) = (1, Vec::new());
            for &(elapsed_ns, price, quantity) in &trades {
                time_ns += elapsed_ns;
                if let Added::Closed(bar) = bars.add(trade(price, quantity), time_ns) {
                    closed.push(bar);
                }
            }
            closed.extend(bars.finish());
            let all: i64 = trades.iter().map(|it| it.2).sum();
            prop_assert_eq!(closed.iter().map(|it| it.volume).sum::<i128>(), i128::from(all));
            prop_assert_eq!(closed.iter().map(|it| it.trades).sum::<u64>(), trades.len() as u64);
            prop_assert!(closed.is_sorted_by(|a, b| a.start_ns + interval_ns <= b.start_ns));
            prop_assert!(closed.iter().all(|bar| bar.low <= bar.open.min(bar.close)
                && bar.high >= bar.open.max(bar.close) && bar.start_ns % interval_ns == 0));
        }
    }
}
