//! The books of all instruments of a stream.

use tickring_event::{GapReason, INSTRUMENTS_MAX, InstrumentId, Kind, MarketEvent, Payload};

use crate::book::{Applied, Book};

/// One [`Book`] for each instrument that has depth, found by id.
///
/// A book is made when the first `Levels` event of its instrument comes, which allocates; nothing
/// after that does, within the books' own capacity.
#[derive(Debug, Default)]
pub struct Books {
    slots: Vec<Option<Box<Book>>>,
}

impl Books {
    /// No book yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one event of any kind and instrument.
    ///
    /// A gap that concerns no single instrument reaches every book it can have harmed: those of its
    /// connection where that was lost or its numbering skipped, otherwise all of them.
    pub fn apply(&mut self, event: &MarketEvent) -> Applied {
        match event.kind() {
            Kind::Levels => self
                .slot(event.instrument)
                .map_or(Applied::Ignored, |slot| slot.get_or_insert_default().apply(event)),
            Kind::Gap if event.instrument.is_none() => self.apply_to_all(event),
            Kind::Gap => self
                .slots
                .get_mut(event.instrument.index())
                .and_then(Option::as_mut)
                .map_or(Applied::Ignored, |book| book.apply(event)),
            Kind::Trade | Kind::TopOfBook | Kind::Bar | Kind::Status => Applied::Ignored,
        }
    }

    /// The book of an instrument, once it had depth.
    #[must_use]
    pub fn book(&self, instrument: InstrumentId) -> Option<&Book> {
        self.slots.get(instrument.index())?.as_deref()
    }

    /// Every book with its instrument, by id.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Book)> {
        (0_u32..)
            .map(InstrumentId::new)
            .zip(&self.slots)
            .filter_map(|(id, slot)| Some((id, slot.as_deref()?)))
    }

    /// The slot of an instrument; `None` for an id past every instrument table.
    fn slot(&mut self, instrument: InstrumentId) -> Option<&mut Option<Box<Book>>> {
        let index = instrument.index();
        if index >= INSTRUMENTS_MAX {
            return None;
        }
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        self.slots.get_mut(index)
    }

    fn apply_to_all(&mut self, event: &MarketEvent) -> Applied {
        let Payload::Gap(gap) = event.payload() else { return Applied::Ignored };
        let of_connection = matches!(gap.reason, GapReason::Disconnected | GapReason::Sequence);
        let mut applied = Applied::Ignored;
        for book in self.slots.iter_mut().flatten() {
            if !of_connection || book.connection() == Some(event.connection) {
                applied = book.apply(event);
            }
        }
        applied
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::{ConnectionId, Flags, Gap, Levels, Origin};

    use super::*;

    fn snapshot(instrument: u32, connection: u8) -> MarketEvent {
        let origin = Origin {
            instrument: InstrumentId::new(instrument),
            connection: ConnectionId(connection),
            ..Origin::default()
        };
        MarketEvent::levels(&origin, &Levels::default(), Flags::WHOLE.with(Flags::SNAPSHOT))
    }

    fn gap(instrument: InstrumentId, connection: u8, reason: GapReason) -> MarketEvent {
        let origin =
            Origin { instrument, connection: ConnectionId(connection), ..Origin::default() };
        let gap = Gap { reason, expected: 0, received: 0, missing: 0, breaks_book: true };
        MarketEvent::gap(&origin, gap)
    }

    #[track_caller]
    fn check(breaks: &MarketEvent, valid: [bool; 3]) {
        let mut books = Books::new();
        for (instrument, connection) in [(0, 1), (2, 1), (5, 2)] {
            assert_eq!(books.apply(&snapshot(instrument, connection)), Applied::Snapshot);
        }
        books.apply(breaks);
        let found: Vec<_> = books.iter().map(|(id, book)| (id.index(), book.is_valid())).collect();
        assert_eq!(found, [(0, valid[0]), (2, valid[1]), (5, valid[2])]);
    }

    #[test]
    fn a_gap_breaks_the_books_it_concerns() {
        check(&gap(InstrumentId::new(2), 1, GapReason::Sequence), [true, false, true]);
        check(&gap(InstrumentId::new(3), 1, GapReason::Sequence), [true, true, true]);
        check(&gap(InstrumentId::NONE, 1, GapReason::Disconnected), [false, false, true]);
        check(&gap(InstrumentId::NONE, 1, GapReason::Sequence), [false, false, true]);
        check(&gap(InstrumentId::NONE, 0, GapReason::Dropped), [false, false, false]);
    }

    #[test]
    fn an_id_past_every_table_has_no_book() {
        let mut books = Books::new();
        assert_eq!(books.apply(&snapshot(u32::MAX, 0)), Applied::Ignored);
        assert_eq!(books.apply(&snapshot(u32::MAX - 1, 0)), Applied::Ignored);
        assert_eq!(books.iter().count(), 0);
        assert!(books.book(InstrumentId::new(7)).is_none());
    }
}
