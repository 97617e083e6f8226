//! A book that keeps every number as it was written.

use std::collections::BTreeMap;

use tickring_event::{Decimal, Scale};

/// Decimals at which prices are compared: more than any venue writes.
const PRICE_DECIMALS: u8 = 10;

/// Levels by price, each with both texts as they last came.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextBook {
    bids: BTreeMap<i64, TextLevel>,
    asks: BTreeMap<i64, TextLevel>,
    /// A snapshot came.
    pub(crate) is_seeded: bool,
}

/// One level as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct TextLevel {
    pub(crate) price: String,
    pub(crate) quantity: String,
}

/// A side of a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BookSide {
    Bid,
    Ask,
}

impl TextBook {
    /// Forgets every level: a snapshot follows.
    pub(crate) fn start_over(&mut self) {
        *self = Self { is_seeded: true, ..Self::default() };
    }

    /// Sets what stands at a price; a quantity of zero, in any writing, removes it. Texts that are no
    /// numbers are passed over: recordings hold what venues sent.
    pub(crate) fn set(&mut self, side: BookSide, price: &str, quantity: &str) {
        let scale = Scale::new(PRICE_DECIMALS).expect("within the scale's bound");
        let Ok(Decimal { mantissa, .. }) = Decimal::parse(price.as_bytes(), scale) else { return };
        let levels = match side {
            BookSide::Bid => &mut self.bids,
            BookSide::Ask => &mut self.asks,
        };
        if quantity.bytes().all(|it| matches!(it, b'0' | b'.')) {
            levels.remove(&mantissa);
        } else {
            let level = TextLevel { price: price.to_owned(), quantity: quantity.to_owned() };
            levels.insert(mantissa, level);
        }
    }

    /// Keeps the `depth` best levels of each side.
    pub(crate) fn cut(&mut self, depth: usize) {
        while self.bids.len() > depth {
            self.bids.pop_first();
        }
        while self.asks.len() > depth {
            self.asks.pop_last();
        }
    }

    /// Bids, the highest first.
    pub(crate) fn bids(&self) -> impl Iterator<Item = &TextLevel> {
        self.bids.values().rev()
    }

    /// Asks, the lowest first.
    pub(crate) fn asks(&self) -> impl Iterator<Item = &TextLevel> {
        self.asks.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(levels: impl Iterator<Item = &'a TextLevel>) -> Vec<(&'a str, &'a str)> {
        levels.map(|it| (it.price.as_str(), it.quantity.as_str())).collect()
    }

    #[test]
    fn numbers_stay_as_they_were_written_and_the_best_come_first() {
        let mut book = TextBook::default();
        book.start_over();
        for (side, price, quantity) in [
            (BookSide::Bid, "9.90", "1.000"),
            (BookSide::Bid, "10.0", "2"),
            (BookSide::Bid, "9.9", "3.0"),
            (BookSide::Ask, "11", "1"),
            (BookSide::Ask, "12", "1"),
            (BookSide::Ask, "11.00", "0.000"),
            (BookSide::Ask, "?", "1"),
        ] {
            book.set(side, price, quantity);
        }
        assert_eq!(texts(book.bids()), [("10.0", "2"), ("9.9", "3.0")]);
        assert_eq!(texts(book.asks()), [("12", "1")]);
        book.cut(1);
        assert_eq!(texts(book.bids()), [("10.0", "2")]);
    }
}
