//! A book that keeps each level's text for the venue's checksum, so that this can be compared.

use tickring_event::{Level, Price, Quantity};

use crate::checksum::{ChecksumForm, Joined, LevelText};
use crate::ladder::{Order, search};

/// Levels of both sides with what they add to the book's checksum.
///
/// It knows neither messages nor gaps: its owner says when it starts over, sets each level in the
/// venue's order, and cuts it to the depth that was subscribed. Allocates only while it grows.
#[derive(Clone, Debug)]
pub struct WrittenBook {
    form: ChecksumForm,
    bids: WrittenSide,
    asks: WrittenSide,
    joined: Joined,
}

/// One side. Invariant: unless `loading`, `rungs` are strictly ascending by rank, the best one last. Each
/// has a place of its own in `texts`, and `free` holds the other places.
///
/// Rungs are moved whenever one comes or goes; texts stay where they are.
#[derive(Clone, Debug)]
struct WrittenSide {
    rungs: Vec<Rung>,
    texts: Vec<LevelText>,
    free: Vec<u32>,
    loading: bool,
    order: Order,
    /// Where the last change was: the next one is rarely far from it.
    near: usize,
}

#[derive(Clone, Copy, Debug)]
struct Rung {
    rank: i64,
    place: u32,
}

impl WrittenBook {
    /// A book without a level. Allocates nothing yet.
    #[must_use]
    pub const fn new(form: ChecksumForm) -> Self {
        Self {
            form,
            bids: WrittenSide::new(Order::HighestBest),
            asks: WrittenSide::new(Order::LowestBest),
            joined: Joined::new(),
        }
    }

    /// Of which checksum the levels' texts have to be.
    #[must_use]
    pub const fn form(&self) -> ChecksumForm {
        self.form
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

    /// Sets what stands at a bid, with its text of the book's form; a quantity of zero removes it.
    pub fn set_bid(&mut self, level: Level, text: &LevelText) {
        self.bids.set(level, text);
    }

    /// Sets what stands at an ask, with its text of the book's form; a quantity of zero removes it.
    pub fn set_ask(&mut self, level: Level, text: &LevelText) {
        self.asks.set(level, text);
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

    /// The checksum of the best levels. Costs a copy of their texts and the hash.
    pub fn checksum(&mut self) -> u32 {
        let Self { form, bids, asks, joined } = self;
        let (bids, asks) = (bids.iter(), asks.iter());
        joined.checksum(*form, bids.map(|(_, text)| text), asks.map(|(_, text)| text))
    }
}

impl WrittenSide {
    const fn new(order: Order) -> Self {
        Self {
            rungs: Vec::new(),
            texts: Vec::new(),
            free: Vec::new(),
            loading: false,
            order,
            near: 0,
        }
    }

    fn set(&mut self, level: Level, text: &LevelText) {
        let rank = self.order.rank(level.price);
        let is_gone = level.quantity == Quantity::from_mantissa(0);
        if self.loading {
            let place = self.keep(if is_gone { &LevelText::EMPTY } else { text });
            self.rungs.push(Rung { rank, place });
            return;
        }
        match search(&self.rungs, &mut self.near, rank, |rung| rung.rank) {
            Ok(index) if is_gone => {
                let gone = self.rungs.remove(index);
                self.free.push(gone.place);
            }
            Ok(index) => self.texts[self.rungs[index].place as usize] = *text,
            Err(_) if is_gone => {}
            Err(index) => {
                let place = self.keep(text);
                self.rungs.insert(index, Rung { rank, place });
            }
        }
    }

    /// Puts a text in a free place.
    ///
    /// # Panics
    /// With four billion levels, which no memory holds.
    fn keep(&mut self, text: &LevelText) -> u32 {
        if let Some(place) = self.free.pop() {
            self.texts[place as usize] = *text;
            return place;
        }
        self.texts.push(*text);
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
        // A level that was set to nothing has no text.
        rungs.retain(|rung| {
            let is_gone = texts[rung.place as usize].is_empty();
            free.extend(is_gone.then_some(rung.place));
            !is_gone
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

    /// Prices with their texts, the best one first.
    fn iter(&self) -> impl Iterator<Item = (Price, &LevelText)> {
        self.rungs
            .iter()
            .rev()
            .map(|rung| (self.order.price(rung.rank), &self.texts[rung.place as usize]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn set(book: &mut WrittenBook, price: i64, quantity: i64, sides: [bool; 2]) {
        let (level, text) = level(price, quantity);
        if sides[0] {
            book.set_bid(level, &text);
        }
        if sides[1] {
            book.set_ask(level, &text);
        }
    }

    fn level(price: i64, quantity: i64) -> (Level, LevelText) {
        let texts = (price.to_string(), quantity.to_string());
        let mut text = LevelText::EMPTY;
        text.set(ChecksumForm::Okx, texts.0.as_bytes(), texts.1.as_bytes()).unwrap();
        let (price, quantity) = (Price::from_mantissa(price), Quantity::from_mantissa(quantity));
        (Level { price, quantity }, text)
    }

    #[test]
    fn what_the_cut_pushes_out_is_told_from_the_worst_on() {
        let mut book = WrittenBook::new(ChecksumForm::Okx);
        for price in 1..=5 {
            set(&mut book, price, 1, [true, false]);
            set(&mut book, 10 + price, 1, [false, true]);
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
            loaded in proptest::collection::vec((1..40_i64, 0..4_i64), 0..40),
            later in proptest::collection::vec((1..40_i64, 0..4_i64), 0..80),
            depth in 1..30_usize,
        ) {
            let mut book = WrittenBook::new(ChecksumForm::Okx);
            let mut model = BTreeMap::new();
            book.start_load();
            for &(price, quantity) in &loaded {
                set(&mut book, price, quantity, [true; 2]);
                model.insert(price, quantity);
            }
            if later.len() % 2 == 0 {
                book.finish_load();
            } else {
                book.cut_bids(usize::MAX, |_| ());
                book.cut_asks(usize::MAX, |_| ());
            }
            for &(price, quantity) in &later {
                set(&mut book, price, quantity, [true; 2]);
                model.insert(price, quantity);
            }
            model.retain(|_, quantity| *quantity > 0);
            book.cut_bids(depth, |_| ());
            book.cut_asks(depth, |_| ());
            let all: Vec<_> = model
                .iter()
                .map(|(&price, &quantity)| level(price, quantity))
                .map(|(level, text)| (level.price, text))
                .collect();
            let side = |side: &WrittenSide| -> Vec<_> {
                side.iter().map(|(price, text)| (price, *text)).collect()
            };
            prop_assert_eq!(&side(&book.asks)[..], &all[..all.len().min(depth)]);
            let best: Vec<_> = all.iter().rev().take(depth).copied().collect();
            prop_assert_eq!(side(&book.bids), best);
        }
    }
}
