use proptest::prelude::*;
use tickring_event::{Level, Origin, Price, Quantity, Trade};

use super::*;

const A: ConnectionId = ConnectionId(0);
const B: ConnectionId = ConnectionId(1);
const INSTRUMENT: InstrumentId = InstrumentId::new(0);

fn stamp(connection: ConnectionId) -> Stamp {
    Stamp { connection, arrival_ticks: 7 }
}

fn origin(connection: ConnectionId, number: u64) -> Origin {
    Origin { venue_sequence: number, ..stamp(connection).origin(INSTRUMENT) }
}

fn trade(connection: ConnectionId, number: u64) -> MarketEvent {
    let trade = Trade {
        price: Price::from_mantissa(1),
        quantity: Quantity::from_mantissa(1),
        taker: None,
        trade_id: Some(number),
    };
    MarketEvent::trade(&origin(connection, number), trade)
}

/// Level `number` of the book gets quantity `number`.
fn depth(connection: ConnectionId, numbers: &[u64], flags: Flags) -> Vec<MarketEvent> {
    let mut batch = EventBatch::new();
    let last = numbers.iter().copied().max().unwrap_or_default();
    let mut run = batch.depth(origin(connection, last), flags);
    for &number in numbers {
        let number = i64::try_from(number).unwrap();
        let (price, quantity) =
            (Price::from_mantissa(number % 50), Quantity::from_mantissa(number));
        run.bid(Level { price, quantity });
    }
    run.finish();
    batch.events().to_vec()
}

/// Both connections, and what is published.
struct Bench {
    lanes: Lanes,
    published: Vec<MarketEvent>,
    relieved: Vec<ConnectionId>,
}

impl Bench {
    fn new() -> Self {
        Self { lanes: Lanes::new(&[[A, B]]), published: Vec::new(), relieved: Vec::new() }
    }

    fn pass(&mut self, connection: ConnectionId, events: &[MarketEvent]) {
        let mut batch = EventBatch::new();
        events.iter().for_each(|&event| batch.push(event));
        self.relieved.extend(self.lanes.pass(stamp(connection), &mut batch));
        self.published.extend(batch.events());
    }

    fn change(&mut self, connection: ConnectionId, state: ConnectionState) {
        let status = Status { state, attempt: 1, code: 0 };
        let mut batch = EventBatch::new();
        self.relieved.extend(self.lanes.foresee(stamp(connection), status, &mut batch));
        self.published.extend(batch.events());
        self.pass(connection, &[status_event(stamp(connection), status)]);
    }

    /// The message of this number: a trade and a change of one level.
    fn message(&mut self, connection: ConnectionId, number: u64) {
        self.pass(connection, &[trade(connection, number)]);
        self.pass(connection, &depth(connection, &[number], Flags::NONE));
    }

    /// A snapshot up to this number.
    fn snapshot(&mut self, connection: ConnectionId, last: u64) {
        let numbers: Vec<_> = (last.saturating_sub(49)..=last).collect();
        self.pass(connection, &depth(connection, &numbers, Flags::SNAPSHOT));
    }

    fn trades(&self) -> Vec<u64> {
        let trades = self.published.iter().filter(|it| it.kind() == Kind::Trade);
        trades.map(|it| it.venue_sequence).collect()
    }

    fn book(&self) -> (bool, Vec<(i64, i64)>, u64) {
        let mut books = Books::new();
        for event in &self.published {
            books.apply(event);
        }
        let book = books.book(INSTRUMENT).unwrap();
        let levels = book.bids(100).map(|it| (it.price.mantissa(), it.quantity.mantissa()));
        (book.is_valid(), levels.collect(), book.last_sequence())
    }

    fn gaps(&self) -> usize {
        self.published.iter().filter(|it| it.kind() == Kind::Gap).count()
    }
}

/// What one connection alone would have given.
fn alone(last: u64) -> (bool, Vec<(i64, i64)>, u64) {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    (101..=last).for_each(|number| bench.message(A, number));
    bench.book()
}

proptest! {
    /// A leads from 101 on. B is subscribed from `start` on, and either may be ahead at any time.
    #[test]
    fn every_event_comes_once_and_in_order_however_the_two_are_interleaved(
        start in 102..140_u64, seed_lead in 0..10_u64, turns in prop::collection::vec(any::<bool>(), 400),
        settle_at in 0..60_u64,
    ) {
        let mut bench = Bench::new();
        bench.change(A, ConnectionState::Connected);
        bench.snapshot(A, 100);
        let (mut next_a, mut next_b, mut is_settled) = (101, start, false);
        let last = 200;
        bench.change(B, ConnectionState::Connecting);
        bench.snapshot(B, start - 1);
        for b_is_next in turns {
            // What is older than B's subscription comes over A, sooner or later; so does the time
            // at which both have carried the same for long enough.
            if b_is_next && next_b <= last {
                bench.message(B, next_b);
                next_b += 1;
            } else if bench.relieved.is_empty() && next_a <= last {
                bench.message(A, next_a);
                next_a += 1;
            }
            if !is_settled && next_a > start + seed_lead && next_b > start + settle_at {
                is_settled = true;
                bench.change(B, ConnectionState::Settled);
            }
        }
        while next_a <= last && bench.relieved.is_empty() {
            bench.message(A, next_a);
            next_a += 1;
        }
        while next_b <= last {
            bench.message(B, next_b);
            next_b += 1;
        }
        prop_assert_eq!(bench.gaps(), 0);
        prop_assert!(bench.trades().into_iter().eq(101..=last), "{:?}", bench.trades());
        prop_assert_eq!(bench.book(), alone(last));
        let snapshots = bench.published.iter().filter(|it| it.flags.contains(Flags::SNAPSHOT.with(Flags::LAST)));
        prop_assert_eq!(snapshots.count(), 1, "the book goes on; it is not replaced");
        prop_assert!(bench.published.iter().all(|it| it.connection == A), "one stream to strategies");
        prop_assert_eq!(bench.relieved.len(), usize::from(is_settled));
    }
}

#[test]
fn nothing_is_handed_over_before_the_books_of_the_other_are_whole() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.change(B, ConnectionState::Connecting);
    bench.message(B, 101);
    bench.change(B, ConnectionState::Settled);
    bench.message(A, 101);
    assert!(bench.relieved.is_empty(), "B has no snapshot yet");
    bench.snapshot(B, 103);
    assert!(bench.relieved.is_empty(), "A has not come to where B's book begins");
    bench.message(A, 102);
    bench.message(A, 103);
    assert_eq!(bench.relieved, [A]);
    bench.message(B, 104);
    assert_eq!(bench.book(), alone(104));
}

#[test]
fn a_settled_connection_takes_over_without_a_gap_when_the_leading_one_ends() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.change(B, ConnectionState::Connecting);
    bench.snapshot(B, 100);
    (101..=105).for_each(|number| bench.message(B, number));
    bench.message(A, 101);
    // Not settled yet, so that A still leads; and A's last messages are under way when it dies.
    bench.lanes.pairs[0].relief.as_mut().unwrap().is_settled = true;
    bench.change(A, ConnectionState::Disconnected);
    assert_eq!(bench.relieved, [A]);
    assert_eq!(bench.trades(), [101, 102, 103, 104, 105]);
    assert_eq!(bench.book(), alone(105));
}

#[test]
fn a_connection_that_is_not_settled_does_not_hide_the_end_of_the_leading_one() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.change(B, ConnectionState::Connecting);
    bench.snapshot(B, 100);
    bench.change(A, ConnectionState::Disconnected);
    assert!(bench.relieved.is_empty());
    let ends = bench.published.iter().filter(|it| is_state(it, ConnectionState::Disconnected));
    assert_eq!(ends.count(), 1);
}

#[test]
fn one_that_is_subscribed_takes_over_after_the_gap_of_one_that_ended_too_soon() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.message(A, 101);
    bench.change(B, ConnectionState::Connecting);
    bench.change(B, ConnectionState::Subscribed);
    bench.snapshot(B, 105);
    bench.message(B, 106);
    let gap = Gap {
        reason: GapReason::Disconnected,
        expected: 0,
        received: 0,
        missing: 0,
        breaks_book: true,
    };
    let ended = Status { state: ConnectionState::Disconnected, attempt: 1, code: 0 };
    bench.pass(A, &[MarketEvent::gap(&origin(A, 0), gap), status_event(stamp(A), ended)]);
    assert_eq!(bench.relieved, [A]);
    assert_eq!((bench.gaps(), bench.trades()), (1, vec![101, 106]));
    assert_eq!(bench.book(), alone(106));
}

#[test]
fn a_book_that_is_broken_on_the_leading_connection_starts_over_with_the_others() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    let gap = Gap {
        reason: GapReason::Sequence,
        expected: 101,
        received: 103,
        missing: 2,
        breaks_book: true,
    };
    bench.pass(A, &[MarketEvent::gap(&origin(A, 0), gap)]);
    bench.change(B, ConnectionState::Connecting);
    bench.snapshot(B, 100);
    (101..=110).for_each(|number| bench.message(B, number));
    bench.change(B, ConnectionState::Settled);
    assert_eq!(bench.relieved, [A]);
    assert_eq!(bench.book(), alone(110));
    assert_eq!(bench.trades(), (101..=110).collect::<Vec<_>>());
}

#[test]
fn another_connection_that_fails_leaves_no_trace() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.change(B, ConnectionState::Connecting);
    bench.snapshot(B, 100);
    bench.message(B, 101);
    bench.change(B, ConnectionState::Disconnected);
    bench.message(A, 101);
    assert_eq!(bench.trades(), [101]);
    assert_eq!(bench.published.iter().filter(|it| it.kind() == Kind::Status).count(), 0);
}

#[test]
fn other_connections_pass_untouched() {
    let mut bench = Bench::new();
    let other = ConnectionId(5);
    bench.message(other, 1);
    assert!(bench.published.iter().all(|it| it.connection == other));
}

/// Depth with the venue's time.
fn timed(
    connection: ConnectionId,
    numbers: &[u64],
    flags: Flags,
    time_ns: u64,
) -> Vec<MarketEvent> {
    let mut events = depth(connection, numbers, flags);
    events.iter_mut().for_each(|event| event.venue_time_ns = time_ns);
    events
}

#[test]
fn numbers_that_begin_anew_make_a_new_book_and_drop_nothing() {
    let mut bench = Bench::new();
    bench.pass(A, &timed(A, &[999, 1_000], Flags::SNAPSHOT, 10));
    bench.change(B, ConnectionState::Connecting);
    bench.pass(B, &timed(B, &[4, 5], Flags::SNAPSHOT, 20));
    bench.pass(B, &timed(B, &[6], Flags::NONE, 21));
    bench.change(B, ConnectionState::Settled);
    assert_eq!(bench.relieved, [A]);
    bench.pass(B, &timed(B, &[7], Flags::NONE, 22));
    let (is_valid, levels, last) = bench.book();
    assert_eq!((is_valid, last), (true, 7));
    assert_eq!(levels, [(7, 7), (6, 6), (5, 5), (4, 4)]);
}

#[test]
fn numbers_that_begin_anew_after_the_takeover_are_not_taken_for_old_ones() {
    let mut bench = Bench::new();
    bench.pass(A, &timed(A, &[999, 1_000], Flags::SNAPSHOT, 10));
    bench.change(B, ConnectionState::Connecting);
    bench.pass(B, &timed(B, &[999, 1_000], Flags::SNAPSHOT, 10));
    bench.change(B, ConnectionState::Settled);
    assert_eq!(bench.relieved, [A]);
    bench.pass(B, &timed(B, &[5], Flags::NONE, 11));
    assert_eq!(bench.book().2, 5);
}

#[test]
fn a_book_in_which_nothing_happens_holds_nobody_up() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.change(B, ConnectionState::Connecting);
    bench.pass(B, &[trade(B, 7)]);
    bench.change(B, ConnectionState::Settled);
    assert_eq!(bench.relieved, [A]);
    assert_eq!((bench.trades(), bench.gaps()), (vec![7], 0));
    // Its next change comes with a snapshot of B's own.
    bench.snapshot(B, 101);
    assert!(bench.book().0);
}

#[test]
fn bars_are_told_apart_by_time_whatever_their_numbers() {
    let bar = |connection, number, time_ns| {
        let price = Price::from_mantissa(1);
        let bar = tickring_event::Bar {
            start_ns: 0,
            interval_ns: 60,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Quantity::from_mantissa(1),
            trades: 1,
        };
        let origin = Origin { venue_time_ns: time_ns, ..origin(connection, number) };
        MarketEvent::bar(&origin, &bar)
    };
    let mut bench = Bench::new();
    bench.pass(A, &[bar(A, 0, 1_000), bar(A, 55, 1_001)]);
    bench.change(B, ConnectionState::Connecting);
    bench.pass(B, &[bar(B, 55, 1_001), bar(B, 56, 1_002)]);
    bench.change(B, ConnectionState::Settled);
    bench.pass(B, &[bar(B, 57, 1_003)]);
    let bars = bench.published.iter().filter(|it| it.kind() == Kind::Bar);
    assert!(bars.map(|it| it.venue_time_ns).eq(1_000..=1_003));
}

#[test]
fn a_book_without_numbers_is_taken_over_whole() {
    let mut bench = Bench::new();
    let snapshot = |connection, level: u64| {
        let mut events = depth(connection, &[level], Flags::SNAPSHOT);
        events.iter_mut().for_each(|event| event.venue_sequence = 0);
        events
    };
    bench.pass(A, &snapshot(A, 7));
    bench.change(B, ConnectionState::Connecting);
    bench.pass(B, &snapshot(B, 8));
    bench.change(B, ConnectionState::Settled);
    assert_eq!(bench.relieved, [A]);
    assert_eq!(bench.book(), (true, vec![(8, 8)], 0));
}

#[test]
fn more_than_can_be_withheld_is_a_gap_of_its_instrument_at_the_takeover() {
    let mut bench = Bench::new();
    let other = InstrumentId::new(1);
    let of_other = |mut events: Vec<MarketEvent>| {
        events.iter_mut().for_each(|event| event.instrument = other);
        events
    };
    bench.snapshot(A, 100);
    bench.pass(A, &of_other(depth(A, &[5], Flags::SNAPSHOT)));
    bench.change(B, ConnectionState::Connecting);
    bench.snapshot(B, 100);
    bench.pass(B, &of_other(depth(B, &[5], Flags::SNAPSHOT)));
    let held = u64::try_from(WITHHELD_MAX).unwrap();
    let trades: Vec<_> = (101..=102 + held).map(|number| trade(B, number)).collect();
    bench.pass(B, &trades);
    bench.change(B, ConnectionState::Settled);
    assert_eq!((bench.relieved.len(), bench.gaps()), (1, 1));
    let gap = bench.published.iter().find(|it| it.kind() == Kind::Gap).unwrap();
    assert_eq!(gap.instrument, INSTRUMENT);
    assert!(matches!(gap.payload(), Payload::Gap(Gap { missing: 2, breaks_book: true, .. })));
    let (is_valid, ..) = bench.book();
    assert!(is_valid, "a book that is whole on the other follows the gap");
    let snapshots = bench.published.iter().filter(|it| it.flags.contains(Flags::SNAPSHOT));
    assert_eq!(snapshots.filter(|it| it.instrument == other).count(), 1, "it was not concerned");
}

#[test]
fn a_recording_that_is_played_from_after_the_takeover_shows_the_one_that_leads_then() {
    let mut bench = Bench::new();
    bench.change(A, ConnectionState::Connected);
    bench.change(B, ConnectionState::Connected);
    bench.message(B, 101);
    bench.snapshot(B, 101);
    bench.message(B, 102);
    assert_eq!((bench.trades(), bench.book()), (vec![101, 102], alone(102)));
}

#[test]
fn a_recording_that_is_played_from_within_an_overlap_still_hands_over() {
    let mut bench = Bench::new();
    bench.change(A, ConnectionState::Connected);
    bench.change(B, ConnectionState::Connected);
    bench.message(A, 101);
    bench.message(B, 101);
    bench.message(B, 102);
    bench.change(B, ConnectionState::Settled);
    assert_eq!((bench.relieved.clone(), bench.trades()), (vec![A], vec![101, 102]));
    bench.change(A, ConnectionState::Disconnected);
    bench.message(B, 103);
    assert_eq!(bench.trades(), [101, 102, 103]);
}

#[test]
fn a_recording_that_is_played_over_again_is_shown_again() {
    let mut bench = Bench::new();
    for time in 1..=3 {
        bench.change(A, ConnectionState::Connecting);
        bench.change(A, ConnectionState::Connected);
        bench.change(A, ConnectionState::Subscribed);
        bench.snapshot(A, 100);
        bench.message(A, 101);
        bench.change(B, ConnectionState::Connecting);
        bench.change(B, ConnectionState::Connected);
        bench.change(B, ConnectionState::Subscribed);
        bench.snapshot(B, 101);
        bench.change(B, ConnectionState::Settled);
        bench.change(A, ConnectionState::Disconnected);
        bench.message(B, 102);
        assert_eq!(bench.trades(), [101, 102].repeat(time));
        assert_eq!(bench.book(), alone(102));
        bench.change(B, ConnectionState::Disconnected);
    }
}

#[test]
fn one_that_is_subscribed_only_after_the_leading_one_ended_takes_over_then() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.message(A, 101);
    bench.change(B, ConnectionState::Connecting);
    bench.change(B, ConnectionState::Connected);
    bench.message(B, 101);
    bench.change(A, ConnectionState::Disconnected);
    bench.snapshot(B, 102);
    assert!(bench.relieved.is_empty());
    bench.change(B, ConnectionState::Subscribed);
    bench.message(B, 103);
    assert_eq!((bench.relieved.clone(), bench.trades()), (vec![A], vec![101, 103]));
    assert_eq!(bench.book(), alone(103));
}

#[test]
fn a_hole_in_a_recording_breaks_the_books_of_both() {
    let mut bench = Bench::new();
    bench.snapshot(A, 100);
    bench.change(B, ConnectionState::Connecting);
    bench.snapshot(B, 100);
    let hole = crate::run::hole_event(stamp(A), 7);
    bench.lanes.hole(&hole);
    bench.published.push(hole);
    bench.message(B, 120);
    bench.change(B, ConnectionState::Settled);
    assert_eq!(bench.relieved, [A]);
    assert!(!bench.book().0, "nobody knows what the hole hid");
    bench.snapshot(B, 121);
    assert!(bench.book().0);
}

#[test]
fn what_nothing_tells_from_another_is_never_taken_for_shown() {
    let mut bench = Bench::new();
    bench.pass(A, &[trade(A, 0), trade(A, 9)]);
    bench.change(B, ConnectionState::Connecting);
    bench.pass(B, &[trade(B, 0)]);
    bench.change(B, ConnectionState::Settled);
    bench.pass(B, &[trade(B, 9), trade(B, 0), trade(B, 10)]);
    assert_eq!((bench.relieved.clone(), bench.trades()), (vec![A], vec![0, 9, 0, 0, 10]));
}
