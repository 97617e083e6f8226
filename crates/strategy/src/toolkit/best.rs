use tickring_book::Book;
use tickring_event::{Level, Price, Scale, TopOfBook};

use crate::float;

/// Best bid and best ask, prices alone.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BestPrices {
    /// Highest bid.
    pub bid: Price,
    /// Lowest ask.
    pub ask: Price,
}

impl BestPrices {
    /// Those of a top of book that has both.
    #[must_use]
    pub fn of_top(top: &TopOfBook) -> Option<Self> {
        top.bid_price.zip(top.ask_price).map(|(bid, ask)| Self { bid, ask })
    }

    /// `ask - bid`, exact; negative where the book is crossed. Saturates: two prices at the ends of
    /// 64 bits are no spread that anybody trades.
    #[must_use]
    pub const fn spread(self) -> Price {
        Price::from_mantissa(self.ask.mantissa().saturating_sub(self.bid.mantissa()))
    }

    /// `bid + ask` as a mantissa, exact: a mid price that need not be halved.
    #[must_use]
    pub fn twice_mid(self) -> i128 {
        i128::from(self.bid.mantissa()) + i128::from(self.ask.mantissa())
    }

    /// `(bid + ask) / 2`, in units of price.
    #[must_use]
    pub fn mid(self, scale: Scale) -> f64 {
        float::from_i128(self.twice_mid()) / 2.0 / float::power_of_ten(scale)
    }
}

/// Best bid and best ask with the quantities that stand there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct BestLevels {
    /// Highest bid.
    pub bid: Level,
    /// Lowest ask.
    pub ask: Level,
}

impl BestLevels {
    /// Those of a top of book that has both prices and both quantities.
    #[must_use]
    pub fn of_top(top: &TopOfBook) -> Option<Self> {
        let level = |(price, quantity)| Level { price, quantity };
        let bid = top.bid_price.zip(top.bid_quantity).map(level)?;
        let ask = top.ask_price.zip(top.ask_quantity).map(level)?;
        Some(Self { bid, ask })
    }

    /// Those of a book that has both sides.
    #[must_use]
    pub fn of_book(book: &Book) -> Option<Self> {
        book.best_bid().zip(book.best_ask()).map(|(bid, ask)| Self { bid, ask })
    }

    /// The prices alone.
    #[must_use]
    pub const fn prices(self) -> BestPrices {
        BestPrices { bid: self.bid.price, ask: self.ask.price }
    }

    /// The quantities alone.
    #[must_use]
    pub fn volumes(self) -> SideVolumes {
        SideVolumes::of([self.bid], [self.ask])
    }

    /// The mid price weighted by the quantities of the **other** side, in units of price:
    ///
    /// ```text
    /// (bid ask_quantity + ask bid_quantity) / (bid_quantity + ask_quantity)
    /// ```
    ///
    /// Between bid and ask, nearer to the side where less stands. This is the micro-price of Gatheral
    /// and Oomen ("Zero-intelligence realized variance estimation", Finance and Stochastics 14, 2010),
    /// also called the weighted mid-price; **not** the estimator of Stoikov ("The micro-price: a
    /// high-frequency estimator of future prices", Quantitative Finance 18, 2018), which has to be
    /// fitted to an instrument's past. `None` where a quantity is negative or both are zero.
    #[must_use]
    pub fn microprice(self, scale: Scale) -> Option<f64> {
        let SideVolumes { bids, asks } = self.volumes();
        if bids < 0 || asks < 0 || bids + asks == 0 {
            return None;
        }
        let BestPrices { bid, ask } = self.prices();
        // Weights on the distance from the bid: products of two mantissas and a sum of two such would
        // not fit 128 bits at the ends.
        let distance = i128::from(ask.mantissa()) - i128::from(bid.mantissa());
        let share = float::from_i128(bids) / float::from_i128(bids + asks);
        let price = float::from_i128(i128::from(bid.mantissa()));
        Some((price + float::from_i128(distance) * share) / float::power_of_ten(scale))
    }
}

/// What stands on the two sides of a book, in mantissas of quantity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct SideVolumes {
    /// Sum of the bids' quantities.
    pub bids: i128,
    /// Sum of the asks' quantities.
    pub asks: i128,
}

impl SideVolumes {
    /// Sums of these levels' quantities, exact.
    #[must_use]
    pub fn of(
        bids: impl IntoIterator<Item = Level>,
        asks: impl IntoIterator<Item = Level>,
    ) -> Self {
        Self { bids: volume(bids), asks: volume(asks) }
    }

    /// `bids / asks`, a number without unit; `None` where there are no asks. Both sides have the
    /// instrument's quantity scale, so the integers' ratio is the ratio.
    #[must_use]
    pub fn ratio(self) -> Option<f64> {
        (self.asks != 0).then(|| float::from_i128(self.bids) / float::from_i128(self.asks))
    }

    /// `(bids - asks) / (bids + asks)`, a number without unit: 1 where there are bids alone, -1 where
    /// there are asks alone (queue imbalance: Gould and Bonart, "Queue imbalance as a one-tick-ahead
    /// price predictor in a limit order book", Market Microstructure and Liquidity 2, 2016). `None`
    /// where there is nothing.
    #[must_use]
    pub fn imbalance(self) -> Option<f64> {
        let (difference, sum) = (self.bids - self.asks, self.bids + self.asks);
        (sum != 0).then(|| float::from_i128(difference) / float::from_i128(sum))
    }
}

fn volume(levels: impl IntoIterator<Item = Level>) -> i128 {
    levels.into_iter().map(|level| i128::from(level.quantity.mantissa())).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tickring_event::Quantity;

    use super::*;

    const CENTS: u8 = 2;

    fn level(price: i64, quantity: i64) -> Level {
        let (price, quantity) = (Price::from_mantissa(price), Quantity::from_mantissa(quantity));
        Level { price, quantity }
    }

    fn microprice(bid: Level, ask: Level) -> Option<f64> {
        BestLevels { bid, ask }.microprice(Scale::new(CENTS).unwrap())
    }

    #[test]
    fn spread_and_mid_are_exact_before_they_are_divided() {
        let best = BestPrices { bid: Price::from_mantissa(101), ask: Price::from_mantissa(104) };
        assert_eq!(best.spread(), Price::from_mantissa(3));
        assert_eq!(best.twice_mid(), 205);
        assert_eq!(Some(best.mid(Scale::new(CENTS).unwrap())), Some(1.025));
        let widest = BestPrices { bid: Price::from_mantissa(i64::MIN), ask: best.ask };
        assert_eq!(widest.spread(), Price::from_mantissa(i64::MAX));
    }

    #[test]
    fn the_microprice_leans_to_the_side_where_less_stands() {
        assert_eq!(microprice(level(100, 1), level(104, 3)), Some(1.01));
        assert_eq!(microprice(level(100, 3), level(104, 1)), Some(1.03));
        assert_eq!(microprice(level(100, 5), level(104, 5)), Some(1.02));
        assert_eq!(microprice(level(100, 0), level(104, 5)), Some(1.0));
    }

    #[test]
    fn without_quantities_there_is_no_microprice_and_no_imbalance() {
        assert_eq!(microprice(level(100, 0), level(104, 0)), None);
        assert_eq!(microprice(level(100, -1), level(104, 5)), None);
        let nothing = SideVolumes { bids: 0, asks: 0 };
        assert_eq!((nothing.ratio(), nothing.imbalance()), (None, None));
    }

    #[test]
    fn one_side_alone_is_all_of_the_imbalance() {
        let bids = SideVolumes::of([level(1, 2), level(2, 3)], []);
        assert_eq!((bids.bids, bids.ratio(), bids.imbalance()), (5, None, Some(1.0)));
        let asks = SideVolumes::of([], [level(1, 2)]);
        assert_eq!((asks.ratio(), asks.imbalance()), (Some(0.0), Some(-1.0)));
    }

    #[test]
    fn a_top_without_all_of_it_is_none() {
        let (price, quantity) = (Some(Price::from_mantissa(1)), Some(Quantity::from_mantissa(1)));
        let top = TopOfBook { bid_price: price, ask_price: price, ..TopOfBook::default() };
        assert!(BestPrices::of_top(&top).is_some() && BestLevels::of_top(&top).is_none());
        let top = TopOfBook { bid_quantity: quantity, ask_quantity: quantity, ..top };
        assert!(BestLevels::of_top(&top).is_some());
        assert!(BestPrices::of_top(&TopOfBook { ask_price: None, ..top }).is_none());
    }

    proptest! {
        #[test]
        fn the_microprice_lies_between_bid_and_ask(
            bid in any::<i64>(),
            spread in 0_i64..1_000_000,
            quantities in (0_i64..=i64::MAX, 0_i64..=i64::MAX),
        ) {
            let ask = bid.saturating_add(spread);
            let found = microprice(level(bid, quantities.0), level(ask, quantities.1));
            let Some(found) = found else {
                prop_assert_eq!(quantities, (0, 0));
                return Ok(());
            };
            let scale = Scale::new(CENTS).unwrap();
            let (low, high) = (Price::from_mantissa(bid), Price::from_mantissa(ask));
            let (low, high) = (low.to_f64(scale), high.to_f64(scale));
            // One rounding of either end.
            let slack = low.abs().max(high.abs()) * 4.0 * f64::EPSILON;
            prop_assert!(low - slack <= found && found <= high + slack, "{low} {found} {high}");
        }
    }
}
