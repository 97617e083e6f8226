//! One side of a book: levels in order of price, the best one last.

use tickring_event::{Level, Price, Quantity};

/// Levels of one side that a new book has room for; a deeper book grows past it.
pub const LEVELS_CAPACITY: usize = 8_192;

/// One side of a book.
///
/// Invariant: unless `loading`, `rungs` are strictly ascending by rank and none has quantity zero.
///
/// Changes cluster at the best price, so the best level is kept at the end: inserting or removing
/// there moves few rungs, and nothing is allocated while there is room.
#[derive(Debug)]
pub(crate) struct Ladder {
    rungs: Vec<Rung>,
    /// A snapshot is being read: `rungs` are in the venue's order.
    loading: bool,
    order: Order,
    /// Where the last change was: the next one is rarely far from it.
    near: usize,
}

/// Which price is the better one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Order {
    HighestBest,
    LowestBest,
}

/// One level; a higher rank is a better price.
#[derive(Clone, Copy, Debug)]
struct Rung {
    rank: i64,
    quantity: Quantity,
}

impl Ladder {
    pub(crate) fn bids() -> Self {
        Self::new(Order::HighestBest)
    }

    pub(crate) fn asks() -> Self {
        Self::new(Order::LowestBest)
    }

    fn new(order: Order) -> Self {
        Self { rungs: Vec::with_capacity(LEVELS_CAPACITY), loading: false, order, near: 0 }
    }

    /// Sets what stands at a price; zero removes it, and removing an unknown price changes nothing.
    ///
    /// Costs the logarithm of the distance from the change before, and moves the levels better than
    /// this one where it comes or goes.
    pub(crate) fn set(&mut self, level: Level) {
        debug_assert!(!self.loading);
        let rank = self.order.rank(level.price);
        match search(&self.rungs, &mut self.near, rank, |rung| rung.rank) {
            Ok(index) if level.quantity.is_zero() => {
                self.rungs.remove(index);
            }
            Ok(index) => self.rungs[index].quantity = level.quantity,
            Err(_) if level.quantity.is_zero() => {}
            Err(index) => self.rungs.insert(index, Rung { rank, quantity: level.quantity }),
        }
    }

    /// Forgets every level and reads a snapshot until [`Ladder::finish_load`].
    pub(crate) fn start_load(&mut self) {
        self.rungs.clear();
        self.loading = true;
    }

    /// Adds a level of the snapshot, in any order.
    pub(crate) fn load(&mut self, level: Level) {
        debug_assert!(self.loading);
        self.rungs.push(Rung { rank: self.order.rank(level.price), quantity: level.quantity });
    }

    /// Puts the levels of the snapshot in order.
    ///
    /// One pass where the venue sends the best price first, as all known ones do. Any other order
    /// is sorted, which may allocate; where a price came twice, the last one stands.
    pub(crate) fn finish_load(&mut self) {
        self.loading = false;
        if self.rungs.is_sorted_by(|better, worse| better.rank > worse.rank) {
            self.rungs.reverse();
        } else {
            self.rungs.sort_by_key(|rung| rung.rank);
            self.rungs.dedup_by(|later, kept| {
                let same = later.rank == kept.rank;
                if same {
                    kept.quantity = later.quantity;
                }
                same
            });
        }
        self.rungs.retain(|rung| !rung.quantity.is_zero());
    }

    /// Gives up a snapshot that was cut off: nothing of it stands.
    pub(crate) fn abandon_load(&mut self) {
        if self.loading {
            self.rungs.clear();
            self.loading = false;
        }
    }

    /// The levels, best first; none while a snapshot is being read.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Level> {
        self.readable().iter().rev().map(|&rung| self.level(rung))
    }

    pub(crate) fn best(&self) -> Option<Level> {
        self.readable().last().map(|&rung| self.level(rung))
    }

    pub(crate) fn len(&self) -> usize {
        self.readable().len()
    }

    fn readable(&self) -> &[Rung] {
        if self.loading { &[] } else { &self.rungs }
    }

    fn level(&self, rung: Rung) -> Level {
        Level { price: self.order.price(rung.rank), quantity: rung.quantity }
    }
}

/// Where `rank` is among ascending ranks, or where it belongs, which `near` is from then on: doubling
/// steps from `near` until it is enclosed, then a binary search between the last two steps.
pub(crate) fn search<T>(
    rungs: &[T],
    near: &mut usize,
    rank: i64,
    rank_of: impl Fn(&T) -> i64,
) -> Result<usize, usize> {
    let from = rungs.len().min(*near);
    let is_above = rungs.get(from).is_some_and(|rung| rank_of(rung) < rank);
    let (low, high) = if is_above {
        enclose_above(rungs, from, |rung| rank_of(rung) < rank)
    } else {
        enclose_below(rungs, from, |rung| rank_of(rung) > rank)
    };
    let found = rungs[low..high].binary_search_by_key(&rank, rank_of);
    let (Ok(index) | Err(index)) = found;
    *near = low + index;
    found.map(|_| *near).map_err(|_| *near)
}

/// Bounds of what is sought, which is above the rung at `near`.
fn enclose_above<T>(rungs: &[T], near: usize, is_below: impl Fn(&T) -> bool) -> (usize, usize) {
    let (mut low, mut step) = (near + 1, 1);
    let mut high = low;
    while rungs.get(high).is_some_and(&is_below) {
        low = high + 1;
        high = low + step;
        step *= 2;
    }
    (low, rungs.len().min(high + 1))
}

/// Bounds of what is sought, which is at `near` or below.
fn enclose_below<T>(rungs: &[T], near: usize, is_above: impl Fn(&T) -> bool) -> (usize, usize) {
    let (mut low, mut step) = (near, 1);
    let mut high = rungs.len().min(near + 1);
    while low > 0 {
        low = low.saturating_sub(step);
        step *= 2;
        if !is_above(&rungs[low]) {
            break;
        }
        high = low;
    }
    (low, high)
}

impl Order {
    /// `!x` turns the order of all 64-bit integers around, where `-x` would overflow at one end.
    pub(crate) fn rank(self, price: Price) -> i64 {
        match self {
            Self::HighestBest => price.mantissa(),
            Self::LowestBest => !price.mantissa(),
        }
    }

    pub(crate) fn price(self, rank: i64) -> Price {
        Price::from_mantissa(match self {
            Self::HighestBest => rank,
            Self::LowestBest => !rank,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(price: i64, quantity: i64) -> Level {
        Level { price: Price::from_mantissa(price), quantity: Quantity::from_mantissa(quantity) }
    }

    #[track_caller]
    fn check(ladder: &Ladder, expected: &[(i64, i64)]) {
        let found: Vec<_> =
            ladder.iter().map(|it| (it.price.mantissa(), it.quantity.mantissa())).collect();
        assert_eq!(found, expected);
        assert_eq!(ladder.len(), expected.len());
    }

    #[test]
    fn the_best_price_comes_first_on_both_sides() {
        let (mut bids, mut asks) = (Ladder::bids(), Ladder::asks());
        for price in [5, 1, 9, 3, 7, i64::MIN, i64::MAX] {
            bids.set(level(price, 1));
            asks.set(level(price, 1));
        }
        let ascending = [i64::MIN, 1, 3, 5, 7, 9, i64::MAX].map(|price| (price, 1));
        check(&asks, &ascending);
        check(&bids, &ascending.iter().rev().copied().collect::<Vec<_>>());
    }

    #[test]
    fn every_rank_is_found_at_every_length_from_everywhere() {
        for len in 0..40_i64 {
            let ranks: Vec<i64> = (0..len).map(|at| at * 2).collect();
            for (near, at) in
                (0..=ranks.len() + 1).flat_map(|near| (0..=len).map(move |at| (near, at)))
            {
                let index = usize::try_from(at).unwrap();
                let found = |rank| search(&ranks, &mut near.clone(), rank, |rank| *rank);
                assert_eq!(found(at * 2 - 1), Err(index), "from {near}");
                let expected = if at < len { Ok(index) } else { Err(index) };
                assert_eq!(found(at * 2), expected, "from {near}");
            }
        }
    }

    #[test]
    fn zero_removes_and_an_unknown_price_is_no_error() {
        let mut asks = Ladder::asks();
        asks.set(level(3, 1));
        asks.set(level(2, 4));
        asks.set(level(9, 0));
        asks.set(level(2, 0));
        check(&asks, &[(3, 1)]);
        asks.set(level(3, 8));
        check(&asks, &[(3, 8)]);
        asks.set(level(3, 0));
        check(&asks, &[]);
        assert_eq!(asks.best(), None);
    }

    #[test]
    fn a_snapshot_may_come_in_any_order_and_the_last_of_a_price_stands() {
        let orders: [&[(i64, i64)]; 3] = [
            &[(3, 1), (2, 0), (1, 5)],
            &[(1, 5), (3, 1)],
            &[(3, 9), (1, 5), (7, 2), (3, 1), (7, 0)],
        ];
        for order in orders {
            let mut bids = Ladder::bids();
            bids.set(level(50, 1));
            bids.start_load();
            order.iter().for_each(|&(price, quantity)| bids.load(level(price, quantity)));
            check(&bids, &[]);
            bids.finish_load();
            check(&bids, &[(3, 1), (1, 5)]);
        }
    }
}
