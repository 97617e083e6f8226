mod top;

use std::collections::BTreeMap;

use tickring_book::{Applied, Book};
use tickring_event::{Instrument, Instruments, Level, MarketEvent, Payload};
use tickring_metrics::{BookReport, TopLevels};

use self::top::TopCheck;
pub use self::top::TopRule;
use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};

/// Keeps a level-2 book of each instrument for whoever asks when the stream has ended.
///
/// The worker borrows the strategy, so the caller still has it after the run:
/// [`Books::reports`] tells how the books stood.
///
/// Figures over all books: `books`, `applied`, `snapshots`, `stale`, `interrupted`, `gaps` and
/// `crossed`, with the meanings that [`Book`] gives them.
#[derive(Debug, Default)]
pub struct Books {
    books: tickring_book::Books,
    /// How books are compared with the venue's own tops, where they are.
    rule: Option<TopRule>,
    /// By instrument.
    checks: Vec<Option<TopCheck>>,
}

impl Books {
    /// No book yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No book yet; each will be compared with the top of book that its venue pushes.
    #[must_use]
    pub fn with_top_check(rule: TopRule) -> Self {
        Self { rule: Some(rule), ..Self::default() }
    }

    /// The books.
    #[must_use]
    pub const fn books(&self) -> &tickring_book::Books {
        &self.books
    }

    /// Every book by symbol, its numbers written as its venue writes them.
    #[must_use]
    pub fn reports(&self, instruments: &Instruments) -> BTreeMap<String, BookReport> {
        self.books
            .iter()
            .filter_map(|(id, book)| {
                let instrument = instruments.instrument(id)?;
                let check = self.checks.get(id.index()).and_then(Option::as_ref);
                let top_check = check.map(|check| check.report(instrument));
                let report = BookReport { top_check, ..entry(book, instrument) };
                Some((instrument.symbol().to_owned(), report))
            })
            .collect()
    }
}

impl Books {
    fn check_top(&mut self, rule: TopRule, event: &MarketEvent, applied: Applied) {
        if event.instrument.is_none() {
            if applied == Applied::Broken {
                self.checks.iter_mut().flatten().for_each(TopCheck::broken);
            }
            return;
        }
        let index = event.instrument.index();
        if index >= self.checks.len() {
            self.checks.resize_with(index + 1, || None);
        }
        let check = self.checks[index].get_or_insert_with(|| TopCheck::new(rule));
        let book = self.books.book(event.instrument).filter(|book| book.is_valid());
        match (event.payload(), applied) {
            (Payload::TopOfBook(top), _) => check.top(event.venue_sequence, &top, book),
            (_, Applied::Changed) => book.into_iter().for_each(|book| check.changed(book)),
            (_, Applied::Broken) => check.broken(),
            _ => {}
        }
    }
}

fn entry(book: &Book, instrument: &Instrument) -> BookReport {
    let (bids, asks) = book.levels();
    BookReport {
        levels: [bids as u64, asks as u64],
        top5: TopLevels {
            bids: top(book.bids(TOP_LEVELS), instrument),
            asks: top(book.asks(TOP_LEVELS), instrument),
        },
        last_sequence: book.last_sequence(),
        seeded: book.snapshots() > 0,
        snapshots: book.snapshots(),
        applied: book.applied(),
        stale: book.stale(),
        gaps: book.gaps(),
        // The decoder's to tell.
        checksums: None,
        top_check: None,
        valid: book.is_valid(),
    }
}

fn top(levels: impl Iterator<Item = Level>, instrument: &Instrument) -> Vec<[String; 2]> {
    levels
        .map(|level| {
            let price = instrument.price_text(level.price).to_string();
            [price, instrument.quantity_text(level.quantity).to_string()]
        })
        .collect()
}

impl Strategy for Books {
    fn name(&self) -> &str {
        "books"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        _context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        let applied = self.books.apply(event);
        if let Some(rule) = self.rule {
            self.check_top(rule, event, applied);
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        let sum = |count: fn(&Book) -> u64| {
            float::from_u64(self.books.iter().map(|(_, book)| count(book)).sum())
        };
        visit("books", sum(|_| 1));
        visit("applied", sum(Book::applied));
        visit("snapshots", sum(Book::snapshots));
        visit("stale", sum(Book::stale));
        visit("interrupted", sum(Book::interrupted));
        visit("gaps", sum(Book::gaps));
        visit("crossed", sum(Book::crossed));
    }
}

/// Levels of each side in the report.
const TOP_LEVELS: usize = 5;

#[cfg(test)]
mod tests {
    use tickring_event::Flags;

    use super::*;
    use crate::builtin::bench::Bench;

    #[test]
    fn books_are_reported_in_the_venues_own_writing() {
        let mut bench = Bench::new(Books::new());
        let snapshot = Flags::WHOLE.with(Flags::SNAPSHOT);
        bench.depth(1, snapshot, &[(99, 3), (98, 1)], &[(101, 7)]);
        bench.depth(1, Flags::WHOLE, &[(98, 0)], &[]);
        bench.depth(0, Flags::WHOLE, &[(1, 1)], &[]);
        let reports = bench.strategy.reports(bench.instruments());
        let pair = |price: &str, quantity: &str| [price.to_owned(), quantity.to_owned()];
        let expected = BookReport {
            levels: [1, 1],
            top5: TopLevels { bids: vec![pair("99.00", "3.0")], asks: vec![pair("101.00", "7.0")] },
            last_sequence: reports["B"].last_sequence,
            seeded: true,
            snapshots: 1,
            applied: 1,
            stale: 0,
            gaps: 0,
            checksums: None,
            top_check: None,
            valid: true,
        };
        assert_eq!(reports["B"], expected);
        assert_eq!(
            (reports["A"].valid, reports["A"].seeded, reports["A"].stale),
            (false, false, 1)
        );
        bench.check_figures(&[("books", 2.0), ("applied", 1.0), ("snapshots", 1.0)]);
    }
}
