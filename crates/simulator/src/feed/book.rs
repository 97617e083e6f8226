use std::collections::{BTreeMap, VecDeque};

use super::line::{Diff, LevelText, Snapshot};

/// A recorded book, kept from snapshot and diffs by the venue's continuity rules, with prices and
/// quantities as the text last received.
#[derive(Debug, Default)]
pub(super) struct Book {
    bids: Side,
    asks: Side,
    state: State,
}

type Side = BTreeMap<PriceKey, LevelText>;
/// A price in units of 1e-18: exact, and ordered as prices are.
type PriceKey = u128;

#[derive(Debug)]
enum State {
    /// No snapshot yet, or one that later diffs do not connect to. The diffs since then.
    Unknown { kept: VecDeque<Diff> },
    /// As of update `last`.
    Known { last: u64, fresh: bool },
}

impl Default for State {
    fn default() -> Self {
        Self::Unknown { kept: VecDeque::new() }
    }
}

/// What a diff or a snapshot did.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// The book is another now.
    Changed,
    /// Kept for later, or older than the book.
    Nothing,
    /// Updates are missing: the book is unknown until the next snapshot.
    Gap,
}

/// How a diff stands to the book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Position {
    Older,
    Next,
    Apart,
}

impl Book {
    /// Whether there is a book to show.
    pub(super) const fn is_known(&self) -> bool {
        matches!(self.state, State::Known { .. })
    }

    pub(super) fn bids(&self) -> impl Iterator<Item = &LevelText> {
        self.bids.values().rev()
    }

    pub(super) fn asks(&self) -> impl Iterator<Item = &LevelText> {
        self.asks.values()
    }

    /// Starts over from a snapshot and the diffs that came before it. One that is older than the
    /// book is ignored.
    pub(super) fn seed(&mut self, snapshot: Snapshot) -> Outcome {
        let kept = match &mut self.state {
            State::Known { last, .. } if snapshot.last <= *last => return Outcome::Nothing,
            State::Known { .. } => VecDeque::new(),
            State::Unknown { kept } => std::mem::take(kept),
        };
        self.bids.clear();
        self.asks.clear();
        set(&mut self.bids, snapshot.bids);
        set(&mut self.asks, snapshot.asks);
        self.state = State::Known { last: snapshot.last, fresh: true };
        for diff in kept {
            if self.apply(diff) == Outcome::Gap {
                return Outcome::Gap;
            }
        }
        Outcome::Changed
    }

    pub(super) fn apply(&mut self, diff: Diff) -> Outcome {
        let (last, fresh) = match &mut self.state {
            State::Known { last, fresh } => (*last, *fresh),
            State::Unknown { kept } => {
                if kept.len() == KEPT_MAX {
                    kept.pop_front();
                }
                kept.push_back(diff);
                return Outcome::Nothing;
            }
        };
        match position(&diff, last, fresh) {
            Position::Older => Outcome::Nothing,
            Position::Next => {
                self.state = State::Known { last: diff.last, fresh: false };
                set(&mut self.bids, diff.bids);
                set(&mut self.asks, diff.asks);
                Outcome::Changed
            }
            Position::Apart => {
                self.bids.clear();
                self.asks.clear();
                self.state = State::Unknown { kept: VecDeque::from([diff]) };
                Outcome::Gap
            }
        }
    }
}

/// Diffs kept for a snapshot to come: some minutes of a busy market. Then the oldest go, and the
/// snapshot will show whether they were needed.
const KEPT_MAX: usize = 10_000;

/// Spot counts every update, so diffs join end to end. USD-M leaves numbers out and says instead
/// which diff came before.
fn position(diff: &Diff, last: u64, fresh: bool) -> Position {
    let (older, next) = match diff.previous {
        None if fresh => (diff.last <= last, diff.first <= last + 1),
        None => (diff.last <= last, diff.first == last + 1),
        Some(_) if fresh => (diff.last < last, diff.first <= last),
        Some(previous) => (diff.last <= last, previous == last),
    };
    match (older, next) {
        (true, _) => Position::Older,
        (false, true) => Position::Next,
        (false, false) => Position::Apart,
    }
}

/// Quantities are absolute and 0 removes. A price too long to be one is left out, which no venue
/// sends.
fn set(side: &mut Side, levels: Vec<LevelText>) {
    for (price, quantity) in levels {
        let Some(key) = key(&price) else { continue };
        if quantity.bytes().all(|byte| matches!(byte, b'0' | b'.')) {
            side.remove(&key);
        } else {
            side.insert(key, (price, quantity));
        }
    }
}

/// The key of a decimal number of at most 18 decimals.
fn key(price: &str) -> Option<PriceKey> {
    let (whole, fraction) = price.split_once('.').unwrap_or((price, ""));
    let missing = 18_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?;
    let digits = whole.bytes().chain(fraction.bytes());
    let units = digits.into_iter().try_fold(0_u128, |units, byte| {
        units.checked_mul(10)?.checked_add(u128::from(byte.checked_sub(b'0')?))
    });
    units?.checked_mul(10_u128.pow(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(pairs: &[(&str, &str)]) -> Vec<LevelText> {
        pairs.iter().map(|&(price, quantity)| (price.to_owned(), quantity.to_owned())).collect()
    }

    fn diff(first: u64, last: u64, previous: Option<u64>, bids: &[(&str, &str)]) -> Diff {
        Diff { first, last, previous, bids: levels(bids), asks: Vec::new(), time_ms: 0 }
    }

    fn snapshot(last: u64) -> Snapshot {
        Snapshot {
            last,
            bids: levels(&[("9.5", "1"), ("10.00", "2")]),
            asks: levels(&[("11", "3")]),
        }
    }

    fn bids(book: &Book) -> Vec<&str> {
        book.bids().map(|(price, _)| price.as_str()).collect()
    }

    #[test]
    fn keys_are_ordered_as_prices_whatever_their_length() {
        assert!(key("9.5") < key("10"));
        assert!(key("0.00000001") < key("0.0000001"));
        assert_eq!(key("10"), key("10.000"));
        assert_eq!(key("0.0000000000000000001"), None);
        assert_eq!(key("999999999999999999999999"), None);
    }

    #[test]
    fn a_spot_book_joins_end_to_end() {
        let mut book = Book::default();
        assert_eq!(book.apply(diff(1, 4, None, &[("1", "1")])), Outcome::Nothing);
        assert_eq!(book.apply(diff(5, 7, None, &[("9.5", "0.000")])), Outcome::Nothing);
        assert!(!book.is_known());
        assert_eq!(book.seed(snapshot(5)), Outcome::Changed);
        assert_eq!(bids(&book), ["10.00"]);
        assert_eq!(book.apply(diff(8, 8, None, &[("10", "5"), ("9", "1")])), Outcome::Changed);
        assert_eq!(bids(&book), ["10", "9"]);
        assert_eq!(book.apply(diff(8, 8, None, &[("7", "1")])), Outcome::Nothing);
        assert_eq!(book.apply(diff(10, 12, None, &[])), Outcome::Gap);
        assert!(!book.is_known());
    }

    #[test]
    fn a_futures_book_joins_by_the_previous_number() {
        let mut book = Book::default();
        assert_eq!(book.seed(snapshot(50)), Outcome::Changed);
        assert_eq!(book.apply(diff(30, 49, Some(29), &[])), Outcome::Nothing);
        assert_eq!(book.apply(diff(45, 55, Some(40), &[("8", "1")])), Outcome::Changed);
        assert_eq!(book.apply(diff(60, 66, Some(55), &[("7", "1")])), Outcome::Changed);
        assert_eq!(bids(&book), ["10.00", "9.5", "8", "7"]);
        assert_eq!(book.apply(diff(67, 70, Some(65), &[])), Outcome::Gap);
    }

    #[test]
    fn after_a_gap_the_next_snapshot_and_what_came_since_make_the_book() {
        let mut book = Book::default();
        book.seed(snapshot(5));
        assert_eq!(book.apply(diff(8, 9, None, &[("8", "1")])), Outcome::Gap);
        assert_eq!(book.apply(diff(10, 11, None, &[("7", "1")])), Outcome::Nothing);
        assert_eq!(book.seed(snapshot(7)), Outcome::Changed);
        assert_eq!(bids(&book), ["10.00", "9.5", "8", "7"]);
    }

    #[test]
    fn a_snapshot_older_than_the_kept_diffs_leaves_a_gap() {
        let mut book = Book::default();
        book.apply(diff(8, 9, None, &[]));
        assert_eq!(book.seed(snapshot(5)), Outcome::Gap);
        assert_eq!(book.seed(snapshot(8)), Outcome::Changed);
        assert_eq!(book.seed(snapshot(3)), Outcome::Nothing);
    }
}
