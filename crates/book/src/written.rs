//! A book that keeps its numbers as the venue wrote them, so that the venue's checksum can be
//! compared with it.

use tickring_event::{Price, plain_digits};

use crate::checksum;
use crate::ladder::{Order, search};

/// Most decimals of a number that is kept as it was written.
const WRITTEN_DECIMALS_MAX: usize = 18;

/// A number as it was written: its digits, and how many of them stand after the point.
///
/// Only numbers written in the one plain way are kept: digits with at most one point, neither a sign
/// nor an exponent nor an idle zero in front. So the text can be given back exactly.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Written {
    digits: u64,
    decimals: u8,
}

/// One level as it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct WrittenLevel {
    /// Where it stands in the book: the same number at the instrument's scale.
    pub price: Price,
    /// The price as it was written.
    pub price_written: Written,
    /// The quantity as it was written; zero removes the level.
    pub quantity_written: Written,
}

/// Levels of both sides as they were written.
///
/// It knows neither messages nor gaps: its owner says when it starts over, sets each level in the
/// venue's order, and cuts it to the depth that was subscribed. Allocates only while it grows.
#[derive(Clone, Debug)]
pub struct WrittenBook {
    bids: WrittenSide,
    asks: WrittenSide,
}

/// One side. Invariant: unless `loading`, `rungs` are strictly ascending by rank, the best one last. Each
/// has a place of its own in `texts`, and `free` holds the other places.
///
/// Rungs are moved whenever one comes or goes; what was written stays where it is.
#[derive(Clone, Debug)]
struct WrittenSide {
    rungs: Vec<Rung>,
    texts: Vec<Texts>,
    free: Vec<u32>,
    loading: bool,
    order: Order,
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    rank: i64,
    place: u32,
}

#[derive(Clone, Copy, Debug)]
struct Texts {
    price: Written,
    quantity: Written,
}

impl Written {
    /// Reads a number; `None` where it is not written in the one plain way, or has more than 18
    /// decimals or more digits than 64 bits hold.
    #[must_use]
    #[inline]
    pub fn read(text: &[u8]) -> Option<Self> {
        match plain_digits(text) {
            // A zero in front is idle unless it is the only digit there.
            Some((digits, decimals))
                if text[0] != b'0' || text.len() == 1 || (decimals > 0 && text[1] == b'.') =>
            {
                Some(Self { digits, decimals: u8::try_from(decimals).ok()? })
            }
            _ => Self::read_any(text),
        }
    }

    fn read_any(text: &[u8]) -> Option<Self> {
        let mut digits: u64 = 0;
        let mut point = None;
        for (index, &byte) in text.iter().enumerate() {
            if byte == b'.' && point.is_none() {
                point = Some(index);
                continue;
            }
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            digits = digits.checked_mul(10)?.checked_add(u64::from(digit))?;
        }
        let whole = point.unwrap_or(text.len());
        let decimals = point.map_or(0, |point| text.len() - point - 1);
        let has_idle_zero = whole > 1 && text[0] == b'0';
        let has_idle_point = point.is_some() && decimals == 0;
        if whole == 0 || has_idle_zero || has_idle_point || decimals > WRITTEN_DECIMALS_MAX {
            return None;
        }
        Some(Self { digits, decimals: u8::try_from(decimals).ok()? })
    }

    /// Its digits without the point and without zeros in front.
    pub(crate) const fn digits(self) -> u64 {
        self.digits
    }

    /// How many digits stand after the point.
    pub(crate) const fn decimals(self) -> u8 {
        self.decimals
    }

    const fn is_zero(self) -> bool {
        self.digits == 0
    }
}

impl WrittenLevel {
    /// Reads the texts of a level whose price is known; `None` where one of them is not written in
    /// the one plain way.
    #[must_use]
    pub fn read(price: Price, price_text: &[u8], quantity_text: &[u8]) -> Option<Self> {
        let price_written = Written::read(price_text)?;
        Some(Self { price, price_written, quantity_written: Written::read(quantity_text)? })
    }
}

impl WrittenBook {
    /// A book without a level. Allocates nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            bids: WrittenSide::new(Order::HighestBest),
            asks: WrittenSide::new(Order::LowestBest),
        }
    }

    /// Forgets every level. Those of a snapshot follow, in any order, until
    /// [`WrittenBook::finish_load`].
    pub fn start_load(&mut self) {
        for side in [&mut self.bids, &mut self.asks] {
            side.rungs.clear();
            side.texts.clear();
            side.free.clear();
            side.loading = true;
        }
    }

    /// Puts the levels of a snapshot in order; where a price came twice, the last one stands. A cut
    /// does the same to its side.
    pub fn finish_load(&mut self) {
        self.bids.finish_load();
        self.asks.finish_load();
    }

    /// Sets what stands at a bid; zero removes it.
    pub fn set_bid(&mut self, level: WrittenLevel) {
        self.bids.set(level);
    }

    /// Sets what stands at an ask; zero removes it.
    pub fn set_ask(&mut self, level: WrittenLevel) {
        self.asks.set(level);
    }

    /// Keeps the `depth` highest bids; tells each price that goes, the lowest first.
    pub fn cut_bids(&mut self, depth: usize, gone: impl FnMut(Price)) {
        self.bids.cut(depth, gone);
    }

    /// Keeps the `depth` lowest asks; tells each price that goes, the highest first.
    pub fn cut_asks(&mut self, depth: usize, gone: impl FnMut(Price)) {
        self.asks.cut(depth, gone);
    }

    /// How many levels the bids and the asks have.
    #[must_use]
    pub const fn levels(&self) -> (usize, usize) {
        (self.bids.rungs.len(), self.asks.rungs.len())
    }

    /// The bids, the highest first.
    pub fn bids(&self) -> impl Iterator<Item = WrittenLevel> {
        self.bids.iter()
    }

    /// The asks, the lowest first.
    pub fn asks(&self) -> impl Iterator<Item = WrittenLevel> {
        self.asks.iter()
    }

    /// Kraken's checksum: CRC-32 over the ten best asks, then the ten best bids, price then quantity
    /// of each, without the point and without zeros in front.
    #[must_use]
    pub fn kraken_checksum(&self) -> u32 {
        checksum::kraken(self)
    }

    /// OKX's checksum: CRC-32, read with a sign, over the 25 best levels, a bid and an ask in turn,
    /// price and size of each as written, all joined by colons.
    #[must_use]
    pub fn okx_checksum(&self) -> i32 {
        checksum::okx(self)
    }
}

impl Default for WrittenBook {
    fn default() -> Self {
        Self::new()
    }
}

impl WrittenSide {
    const fn new(order: Order) -> Self {
        Self { rungs: Vec::new(), texts: Vec::new(), free: Vec::new(), loading: false, order }
    }

    fn set(&mut self, level: WrittenLevel) {
        let rank = self.order.rank(level.price);
        let texts = Texts { price: level.price_written, quantity: level.quantity_written };
        if self.loading {
            let place = self.keep(texts);
            self.rungs.push(Rung { rank, place });
            return;
        }
        match search(&self.rungs, rank, |rung| rung.rank) {
            Ok(index) if texts.quantity.is_zero() => {
                let gone = self.rungs.remove(index);
                self.free.push(gone.place);
            }
            Ok(index) => self.texts[self.rungs[index].place as usize] = texts,
            Err(_) if texts.quantity.is_zero() => {}
            Err(index) => {
                let place = self.keep(texts);
                self.rungs.insert(index, Rung { rank, place });
            }
        }
    }

    /// Puts texts in a free place.
    ///
    /// # Panics
    /// With four billion levels, which no memory holds.
    fn keep(&mut self, texts: Texts) -> u32 {
        if let Some(place) = self.free.pop() {
            self.texts[place as usize] = texts;
            return place;
        }
        self.texts.push(texts);
        u32::try_from(self.texts.len() - 1).expect("fewer levels than 32 bits count")
    }

    fn finish_load(&mut self) {
        if !self.loading {
            return;
        }
        self.loading = false;
        let Self { rungs, texts, free, .. } = self;
        if rungs.is_sorted_by(|better, worse| better.rank > worse.rank) {
            rungs.reverse();
        } else {
            rungs.sort_by_key(|rung| rung.rank);
            rungs.dedup_by(|later, kept| {
                let same = later.rank == kept.rank;
                if same {
                    free.push(kept.place);
                    *kept = *later;
                }
                same
            });
        }
        rungs.retain(|rung| {
            let is_zero = texts[rung.place as usize].quantity.is_zero();
            free.extend(is_zero.then_some(rung.place));
            !is_zero
        });
    }

    fn cut(&mut self, depth: usize, mut gone: impl FnMut(Price)) {
        self.finish_load();
        let surplus = self.rungs.len().saturating_sub(depth);
        if surplus > 0 {
            let Self { rungs, free, order, .. } = self;
            for rung in rungs.drain(..surplus) {
                free.push(rung.place);
                gone(order.price(rung.rank));
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = WrittenLevel> {
        self.rungs.iter().rev().map(|rung| {
            let texts = self.texts[rung.place as usize];
            WrittenLevel {
                price: self.order.price(rung.rank),
                price_written: texts.price,
                quantity_written: texts.quantity,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(u64, u8)>) {
        let read = Written::read(text.as_bytes()).map(|it| (it.digits, it.decimals));
        assert_eq!(read, expected, "{text}");
    }

    #[test]
    fn a_number_keeps_its_digits_and_its_decimals() {
        check("0.50930100", Some((50_930_100, 8)));
        check("62807.0", Some((628_070, 1)));
        check("10", Some((10, 0)));
        check("0", Some((0, 0)));
        check("0.00000000", Some((0, 8)));
        check("9.999999999999999999", Some((9_999_999_999_999_999_999, 18)));
    }

    #[test]
    fn what_could_not_be_given_back_exactly_is_refused() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e-8", "01", "00.1", "1.2.3", " 1", "1,0"] {
            check(text, None);
        }
        check("18446744073709551615", Some((u64::MAX, 0)));
        check("18446744073709551616", None);
        check("0.000000000000000000", Some((0, 18)));
        check("0.0000000000000000000", None);
    }

    fn level(price: i64, quantity: u64) -> WrittenLevel {
        let price_written = Written { digits: price.unsigned_abs(), decimals: 0 };
        let quantity_written = Written { digits: quantity, decimals: 0 };
        WrittenLevel { price: Price::from_mantissa(price), price_written, quantity_written }
    }

    #[test]
    fn what_the_cut_pushes_out_is_told_from_the_worst_on() {
        let mut book = WrittenBook::new();
        for price in 1..=5 {
            book.set_bid(level(price, 1));
            book.set_ask(level(10 + price, 1));
        }
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        book.cut_bids(3, |price| bids.push(price.mantissa()));
        book.cut_asks(3, |price| asks.push(price.mantissa()));
        assert_eq!((bids, asks), (vec![1, 2], vec![15, 14]));
        assert_eq!(book.levels(), (3, 3));
        book.cut_bids(3, |price| panic!("{price:?}"));
    }

    proptest! {
        #[test]
        fn a_written_book_is_a_sorted_map(
            loaded in proptest::collection::vec((1..40_i64, 0..4_u64), 0..40),
            set in proptest::collection::vec((1..40_i64, 0..4_u64), 0..80),
            depth in 1..30_usize,
        ) {
            let mut book = WrittenBook::new();
            let mut model = BTreeMap::new();
            book.start_load();
            for &(price, quantity) in &loaded {
                book.set_bid(level(price, quantity));
                book.set_ask(level(price, quantity));
                model.insert(price, quantity);
            }
            if set.len() % 2 == 0 {
                book.finish_load();
            } else {
                book.cut_bids(usize::MAX, |_| ());
                book.cut_asks(usize::MAX, |_| ());
            }
            for &(price, quantity) in &set {
                book.set_bid(level(price, quantity));
                book.set_ask(level(price, quantity));
                model.insert(price, quantity);
            }
            model.retain(|_, quantity| *quantity > 0);
            book.cut_bids(depth, |_| ());
            book.cut_asks(depth, |_| ());
            let all: Vec<_> = model.iter().map(|(&price, &quantity)| level(price, quantity)).collect();
            let asks: Vec<_> = book.asks().collect();
            prop_assert_eq!(&asks[..], &all[..all.len().min(depth)]);
            let bids: Vec<_> = book.bids().collect();
            let best: Vec<_> = all.iter().rev().take(depth).copied().collect();
            prop_assert_eq!(bids, best);
        }

        #[test]
        fn no_text_panics(text in proptest::collection::vec(any::<u8>(), 0..30)) {
            let read = Written::read(&text);
            prop_assert!(read.is_none_or(|it| usize::from(it.decimals) < text.len()));
        }
    }
}
