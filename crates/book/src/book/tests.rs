use tickring_event::{GapReason, InstrumentId, Origin, Price, Quantity, Trade};

use super::*;

const SNAPSHOT: Flags = Flags::SNAPSHOT;
const FIRST: Flags = Flags::FIRST;
const LAST: Flags = Flags::LAST;
const WHOLE: Flags = Flags::WHOLE;
const STALE: Flags = Flags::STALE;

fn level((price, quantity): (i64, i64)) -> Level {
    Level { price: Price::from_mantissa(price), quantity: Quantity::from_mantissa(quantity) }
}

fn origin(sequence: u64) -> Origin {
    Origin { venue_sequence: sequence, instrument: InstrumentId::new(0), ..Origin::default() }
}

fn depth(sequence: u64, flags: Flags, bids: &[(i64, i64)], asks: &[(i64, i64)]) -> MarketEvent {
    let mut levels = Levels::default();
    assert!(bids.iter().all(|&bid| levels.push_bid(level(bid))));
    assert!(asks.iter().all(|&ask| levels.push_ask(level(ask))));
    MarketEvent::levels(&origin(sequence), &levels, flags)
}

fn gap(breaks_book: bool) -> MarketEvent {
    let reason = GapReason::Sequence;
    MarketEvent::gap(&origin(0), Gap { reason, expected: 5, received: 7, missing: 2, breaks_book })
}

/// A valid book: bids 100 and 99, asks 101 and 102, sequence 10.
fn seeded() -> Book {
    let mut book = Book::new();
    let event = depth(10, WHOLE.with(SNAPSHOT), &[(100, 1), (99, 2)], &[(101, 3), (102, 4)]);
    assert_eq!(book.apply(&event), Applied::Snapshot);
    assert!(book.is_valid());
    book
}

#[track_caller]
fn check_bids(book: &Book, expected: &[(i64, i64)]) {
    assert_eq!(
        book.bids(9).collect::<Vec<_>>(),
        expected.iter().map(|&it| level(it)).collect::<Vec<_>>()
    );
}

#[test]
fn a_delta_changes_the_levels_it_names() {
    let mut book = seeded();
    let event = depth(11, WHOLE, &[(100, 0), (98, 5), (50, 0)], &[(101, 9)]);
    assert_eq!(book.apply(&event), Applied::Changed);
    check_bids(&book, &[(99, 2), (98, 5)]);
    assert_eq!(book.best_ask(), Some(level((101, 9))));
    assert_eq!(book.asks(1).len(), 1);
    assert_eq!(book.levels(), (2, 2));
    assert_eq!((book.applied(), book.snapshots(), book.last_sequence()), (1, 1, 11));
}

#[test]
fn a_book_without_a_snapshot_is_invalid_and_takes_no_deltas() {
    let mut book = Book::new();
    assert!(!book.is_valid());
    assert_eq!(book.apply(&depth(1, WHOLE, &[(100, 1)], &[])), Applied::Skipped);
    assert_eq!((book.levels(), book.stale(), book.applied()), ((0, 0), 1, 0));
    assert!(!book.is_valid());
}

#[test]
fn a_snapshot_run_starts_the_book_over_and_is_valid_at_its_last_event() {
    let mut book = seeded();
    assert_eq!(book.apply(&depth(20, FIRST.with(SNAPSHOT), &[(90, 1)], &[])), Applied::Partial);
    assert!(!book.is_valid());
    assert_eq!((book.best_bid(), book.levels()), (None, (0, 0)), "half a snapshot is no book");
    assert_eq!(book.apply(&depth(20, SNAPSHOT, &[(89, 2)], &[])), Applied::Partial);
    assert_eq!(book.apply(&depth(20, LAST.with(SNAPSHOT), &[], &[(95, 1)])), Applied::Snapshot);
    assert!(book.is_valid());
    check_bids(&book, &[(90, 1), (89, 2)]);
    assert_eq!((book.last_sequence(), book.snapshots(), book.applied()), (20, 2, 0));
}

#[test]
fn stale_messages_change_nothing() {
    let mut book = seeded();
    assert_eq!(book.apply(&depth(9, FIRST.with(STALE), &[(100, 0)], &[])), Applied::Partial);
    assert_eq!(book.apply(&depth(9, LAST.with(STALE), &[(99, 0)], &[])), Applied::Skipped);
    let event = depth(8, WHOLE.with(SNAPSHOT).with(STALE), &[], &[]);
    assert_eq!(book.apply(&event), Applied::Skipped);
    check_bids(&book, &[(100, 1), (99, 2)]);
    assert!(book.is_valid());
    assert_eq!((book.stale(), book.applied(), book.last_sequence()), (2, 0, 10));
}

#[test]
fn a_change_over_another_connection_does_not_continue_a_book() {
    let other = |mut event: MarketEvent| {
        event.connection = ConnectionId(1);
        event
    };
    let mut book = seeded();
    assert_eq!(book.apply(&other(depth(9, WHOLE.with(STALE), &[(100, 0)], &[]))), Applied::Skipped);
    assert_eq!(book.apply(&depth(11, WHOLE, &[(100, 2)], &[])), Applied::Changed);
    assert_eq!(book.apply(&other(depth(12, WHOLE, &[(100, 3)], &[]))), Applied::Skipped);
    assert!(!book.is_valid());
    let snapshot = other(depth(13, WHOLE.with(SNAPSHOT), &[(90, 1)], &[(95, 1)]));
    assert_eq!(book.apply(&snapshot), Applied::Snapshot);
    assert_eq!(book.apply(&other(depth(14, WHOLE, &[(91, 1)], &[]))), Applied::Changed);
    check_bids(&book, &[(91, 1), (90, 1)]);
}

#[test]
fn a_gap_that_breaks_the_book_holds_until_the_next_snapshot() {
    let mut book = seeded();
    assert_eq!(book.apply(&gap(false)), Applied::Ignored);
    assert!(book.is_valid());
    assert_eq!(book.apply(&gap(true)), Applied::Broken);
    assert!(!book.is_valid());
    assert_eq!(book.apply(&depth(12, WHOLE, &[(100, 0)], &[])), Applied::Skipped);
    check_bids(&book, &[(100, 1), (99, 2)]);
    book.apply(&depth(13, WHOLE.with(SNAPSHOT), &[(7, 7)], &[]));
    assert!(book.is_valid());
    check_bids(&book, &[(7, 7)]);
    assert_eq!((book.gaps(), book.stale(), book.snapshots()), (1, 1, 2));
}

#[test]
fn a_run_that_is_cut_off_makes_the_book_invalid() {
    let mut book = seeded();
    book.apply(&depth(11, FIRST, &[(100, 5)], &[]));
    assert_eq!(book.apply(&depth(12, WHOLE, &[(100, 6)], &[])), Applied::Skipped);
    assert!(!book.is_valid());
    assert_eq!((book.interrupted(), book.stale(), book.applied()), (1, 1, 0));
}

#[test]
fn a_run_without_a_start_makes_the_book_invalid() {
    let mut book = seeded();
    assert_eq!(book.apply(&depth(11, Flags::NONE, &[(100, 5)], &[])), Applied::Partial);
    assert_eq!(book.apply(&depth(11, LAST, &[(100, 5)], &[])), Applied::Skipped);
    check_bids(&book, &[(100, 1), (99, 2)]);
    assert!(!book.is_valid());
    assert_eq!((book.interrupted(), book.stale()), (1, 0));
}

#[test]
fn the_tail_of_another_message_does_not_end_a_run() {
    let mut book = seeded();
    book.apply(&depth(11, FIRST, &[(100, 5)], &[]));
    assert_eq!(book.apply(&depth(12, LAST, &[(100, 6)], &[])), Applied::Skipped);
    assert!(!book.is_valid());
    assert_eq!((book.interrupted(), book.applied()), (2, 0));
}

#[test]
fn a_snapshot_that_is_cut_off_leaves_nothing() {
    let mut book = seeded();
    book.apply(&depth(20, FIRST.with(SNAPSHOT), &[(90, 1)], &[]));
    assert_eq!(book.apply(&gap(true)), Applied::Broken);
    assert_eq!(book.apply(&depth(20, LAST.with(SNAPSHOT), &[(89, 1)], &[])), Applied::Skipped);
    assert_eq!((book.levels(), book.is_valid()), ((0, 0), false));
    assert_eq!((book.snapshots(), book.stale(), book.interrupted()), (1, 1, 0));
}

#[test]
fn a_snapshot_that_cuts_off_a_run_heals_the_book() {
    let mut book = seeded();
    book.apply(&depth(11, FIRST, &[(100, 5)], &[]));
    let event = depth(20, WHOLE.with(SNAPSHOT), &[(90, 1)], &[]);
    assert_eq!(book.apply(&event), Applied::Snapshot);
    assert!(book.is_valid());
    check_bids(&book, &[(90, 1)]);
}

#[test]
fn a_crossed_book_is_counted_at_the_end_of_each_message() {
    let mut book = seeded();
    book.apply(&depth(11, FIRST, &[(105, 1)], &[]));
    assert_eq!((book.is_crossed(), book.crossed()), (true, 0));
    book.apply(&depth(11, LAST, &[], &[(101, 0), (102, 0), (106, 1)]));
    assert_eq!((book.is_crossed(), book.crossed()), (false, 0));
    book.apply(&depth(12, WHOLE, &[(106, 1)], &[]));
    book.apply(&depth(13, WHOLE, &[(107, 1)], &[]));
    assert_eq!((book.is_crossed(), book.crossed()), (true, 2));
}

#[test]
fn other_kinds_are_no_business_of_a_book() {
    let mut book = seeded();
    let trade = Trade { price: Price::ZERO, quantity: Quantity::ZERO, taker: None, trade_id: None };
    assert_eq!(book.apply(&MarketEvent::trade(&origin(1), trade)), Applied::Ignored);
    assert!(book.is_valid());
}
