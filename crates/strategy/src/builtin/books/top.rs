//! A book compared with the venue's own top-of-book stream: two ways to the same two prices.

use std::collections::VecDeque;

use tickring_book::Book;
use tickring_event::{Instrument, Level, TopOfBook};
use tickring_metrics::TopCheckReport;

/// Tops and books that wait for each other, at most; beyond it the oldest goes uncompared.
const WAITING_MAX: usize = 1_024;

/// How a venue's top of book and its depth tell which of them belong together.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TopRule {
    /// Both carry the same numbers: the book after message `n` must equal the last top numbered up to
    /// `n`, prices and quantities. Every difference is a fault.
    Number,
    /// They are two streams that are not in step: each top is compared with the book of its moment,
    /// prices alone. A difference may be the time between them.
    Moment,
}

/// Best bid and ask.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Best {
    bid: Option<Level>,
    ask: Option<Level>,
}

/// The comparison for one instrument. Allocates nothing once it is made.
#[derive(Debug)]
pub(super) struct TopCheck {
    rule: TopRule,
    /// The venue's tops by number, the newest last; the first may be older than every book that waits.
    tops: VecDeque<(u64, Best)>,
    /// Books for which a later top has not come yet.
    books: VecDeque<(u64, Best)>,
    compared: u64,
    agreed: u64,
    first_difference: Option<Difference>,
}

#[derive(Clone, Copy, Debug)]
struct Difference {
    number: u64,
    book: Best,
    venue: Best,
}

impl TopCheck {
    pub(super) fn new(rule: TopRule) -> Self {
        Self {
            rule,
            tops: VecDeque::with_capacity(WAITING_MAX),
            books: VecDeque::with_capacity(WAITING_MAX),
            compared: 0,
            agreed: 0,
            first_difference: None,
        }
    }

    /// The venue's top came; `book` is the book of this moment, where it is valid.
    pub(super) fn top(&mut self, number: u64, top: &TopOfBook, book: Option<&Book>) {
        let venue = Best::of_top(top);
        match self.rule {
            TopRule::Moment => {
                if let Some(book) = book
                    && venue != Best::default()
                {
                    self.compare(number, Best::of_book(book).prices(), venue.prices());
                }
            }
            TopRule::Number => {
                while let Some(&(waiting, book)) = self.books.front()
                    && waiting < number
                {
                    self.books.pop_front();
                    self.compare_numbered(waiting, book);
                }
                push(&mut self.tops, (number, venue));
            }
        }
    }

    /// A message changed the book.
    pub(super) fn changed(&mut self, book: &Book) {
        if self.rule == TopRule::Moment {
            return;
        }
        let (number, best) = (book.last_sequence(), Best::of_book(book));
        if self.tops.back().is_some_and(|&(top, _)| top > number) {
            self.compare_numbered(number, best);
        } else {
            push(&mut self.books, (number, best));
        }
    }

    /// The book is no longer valid: what waits cannot be compared.
    pub(super) fn broken(&mut self) {
        self.books.clear();
        // Some of them may be missing as well.
        self.tops.clear();
    }

    pub(super) fn report(&self, instrument: &Instrument) -> TopCheckReport {
        TopCheckReport {
            compared: self.compared,
            agreed: self.agreed,
            by: match self.rule {
                TopRule::Number => "number",
                TopRule::Moment => "moment",
            }
            .to_owned(),
            first_difference: self.first_difference.as_ref().map(|it| it.words(instrument)),
        }
    }

    /// Compares with the last top numbered up to `number`; with none, there is nothing to compare.
    fn compare_numbered(&mut self, number: u64, book: Best) {
        while self.tops.get(1).is_some_and(|&(next, _)| next <= number) {
            self.tops.pop_front();
        }
        if let Some(&(top, venue)) = self.tops.front()
            && top <= number
        {
            self.compare(number, book, venue);
        }
    }

    fn compare(&mut self, number: u64, book: Best, venue: Best) {
        self.compared += 1;
        if book == venue {
            self.agreed += 1;
        } else {
            self.first_difference.get_or_insert(Difference { number, book, venue });
        }
    }
}

fn push(queue: &mut VecDeque<(u64, Best)>, entry: (u64, Best)) {
    if queue.len() == WAITING_MAX {
        queue.pop_front();
    }
    queue.push_back(entry);
}

impl Best {
    fn of_book(book: &Book) -> Self {
        Self { bid: book.best_bid(), ask: book.best_ask() }
    }

    fn of_top(top: &TopOfBook) -> Self {
        let level = |price: Option<_>, quantity: Option<_>| {
            price.map(|price| Level { price, quantity: quantity.unwrap_or_default() })
        };
        Self {
            bid: level(top.bid_price, top.bid_quantity),
            ask: level(top.ask_price, top.ask_quantity),
        }
    }

    /// The same without quantities.
    fn prices(self) -> Self {
        let price = |it: Level| Level { price: it.price, ..Level::default() };
        Self { bid: self.bid.map(price), ask: self.ask.map(price) }
    }
}

impl Difference {
    fn words(&self, instrument: &Instrument) -> String {
        let side = |level: Option<Level>| {
            level.map_or_else(
                || "none".to_owned(),
                |Level { price, quantity }| {
                    let price = instrument.price_text(price);
                    if quantity.is_zero() {
                        return price.to_string();
                    }
                    format!("{price} x {}", instrument.quantity_text(quantity))
                },
            )
        };
        format!(
            "at {}: book {} / {}, venue {} / {}",
            self.number,
            side(self.book.bid),
            side(self.book.ask),
            side(self.venue.bid),
            side(self.venue.ask)
        )
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::{Flags, Gap, GapReason, Instruments, MarketEvent};

    use super::*;
    use crate::builtin::Books;
    use crate::builtin::bench::{Bench, level};

    fn bench(rule: TopRule) -> Bench<Books> {
        let mut bench = Bench::new(Books::with_top_check(rule));
        bench.number(10);
        bench.depth(0, Flags::WHOLE.with(Flags::SNAPSHOT), &[(99, 3)], &[(101, 7)]);
        bench
    }

    fn top(bench: &mut Bench<Books>, number: u64, bid: (i64, i64), ask: (i64, i64)) {
        bench.number(number);
        let (bid, ask) = (level(bid), level(ask));
        let top = TopOfBook {
            bid_price: Some(bid.price),
            bid_quantity: Some(bid.quantity),
            ask_price: Some(ask.price),
            ask_quantity: Some(ask.quantity),
            last_price: None,
        };
        bench.event(&MarketEvent::top_of_book(&bench.origin(0), &top));
    }

    fn bid(bench: &mut Bench<Books>, number: u64, bid: (i64, i64)) {
        bench.number(number);
        bench.depth(0, Flags::WHOLE, &[bid], &[]);
    }

    #[track_caller]
    fn check(bench: &Bench<Books>, compared: u64, agreed: u64, difference: Option<&str>) {
        let report = bench.strategy.reports(bench.instruments())["A"].top_check.clone().unwrap();
        assert_eq!((report.compared, report.agreed), (compared, agreed));
        assert_eq!(report.first_difference.as_deref(), difference);
    }

    #[test]
    fn a_book_is_compared_with_the_last_top_numbered_up_to_its_own_number() {
        let mut bench = bench(TopRule::Number);
        // Tops come before or after the depth message that includes them.
        top(&mut bench, 11, (99, 4), (101, 7));
        top(&mut bench, 13, (99, 5), (101, 7));
        bid(&mut bench, 12, (99, 4));
        check(&bench, 1, 1, None);
        bid(&mut bench, 15, (99, 6));
        check(&bench, 1, 1, None);
        top(&mut bench, 15, (99, 6), (101, 7));
        check(&bench, 1, 1, None);
        top(&mut bench, 16, (99, 9), (101, 7));
        check(&bench, 2, 2, None);
        bid(&mut bench, 17, (99, 8));
        top(&mut bench, 18, (99, 1), (101, 7));
        let words = "at 17: book 99.00 x 8.0 / 101.00 x 7.0, venue 99.00 x 9.0 / 101.00 x 7.0";
        check(&bench, 3, 2, Some(words));
    }

    #[test]
    fn a_book_that_broke_meanwhile_is_not_compared() {
        let mut bench = bench(TopRule::Number);
        top(&mut bench, 11, (99, 4), (101, 7));
        bid(&mut bench, 12, (99, 1));
        let gap = Gap {
            reason: GapReason::Sequence,
            expected: 13,
            received: 15,
            missing: 2,
            breaks_book: true,
        };
        bench.event(&MarketEvent::gap(&bench.origin(0), gap));
        top(&mut bench, 16, (99, 4), (101, 7));
        check(&bench, 0, 0, None);
        // Nor is the next one with a top of before.
        bench.number(15);
        bench.depth(0, Flags::WHOLE.with(Flags::SNAPSHOT), &[(98, 3)], &[(101, 7)]);
        bid(&mut bench, 15, (98, 2));
        check(&bench, 0, 0, None);
    }

    #[test]
    fn streams_that_are_not_in_step_are_compared_by_price_at_the_moment() {
        let mut bench = bench(TopRule::Moment);
        top(&mut bench, 900, (99, 1), (101, 1));
        top(&mut bench, 901, (98, 1), (101, 1));
        let words = "at 901: book 99.00 / 101.00, venue 98.00 / 101.00";
        check(&bench, 2, 1, Some(words));
    }

    #[test]
    fn what_never_comes_is_let_go_of() {
        let instruments = Instruments::with_capacity(1);
        instruments.register("A", b"1", b"1").unwrap();
        let mut check = TopCheck::new(TopRule::Number);
        let book = Book::new();
        (0..3 * WAITING_MAX as u64).for_each(|at| check.top(at, &TopOfBook::default(), None));
        check.changed(&book);
        assert!(check.tops.len() <= WAITING_MAX);
    }
}
