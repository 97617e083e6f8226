//! Numbered messages that come late, twice or not at all; reconnects; frames of any bytes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::sync::Arc;

use proptest::prelude::*;
use tickring_book::{Applied, Books};
use tickring_event::{Flags, Gap, GapReason, InstrumentId, Instruments, MarketEvent, Payload};
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{EventBatch, Frame, Inbound, Stamp, Venue};
use tickring_metrics::Counter;

struct Feed {
    venue: TickDb,
    instruments: Arc<Instruments>,
    batch: EventBatch,
}

impl Feed {
    fn new() -> Self {
        let symbols = ["A.US", "B.US"];
        let config = TickDbConfig::parse(&symbols, &["ticker", "depth", "trade"]).unwrap();
        let instruments = Arc::new(Instruments::new());
        let mut venue = TickDb::new(&config, Arc::clone(&instruments)).unwrap();
        venue.open(&mut EventBatch::new());
        Self { venue, instruments, batch: EventBatch::new() }
    }

    /// One step, in words: `trade A 7`, `depth A 7`, `ticker A 7`, `bad A 7` (depth), `lost`, `open`.
    /// Gives back the events in words.
    fn step(&mut self, step: &str) -> String {
        self.batch.clear();
        let mut words = step.split(' ');
        let (verb, symbol) = (words.next().unwrap(), words.next().unwrap_or(""));
        let number = words.next().unwrap_or("null");
        let fields = match verb {
            "trade" => r#""price":"1","quantity":"1""#,
            "depth" => r#""bids":[["1","1"]],"asks":[]"#,
            "ticker" => r#""last_price":"1""#,
            "bad" => r#""bids":[["1","-1"]],"asks":[]"#,
            "lost" => {
                self.venue.disconnected(Stamp::default(), &mut self.batch);
                return self.words();
            }
            "open" => {
                self.venue.open(&mut EventBatch::new());
                return self.words();
            }
            other => panic!("{other}"),
        };
        let cmd = if verb == "bad" { "depth" } else { verb };
        let data = format!(r#"{{"symbol":"{symbol}.US","seq":{number},{fields}}}"#);
        let text = format!(r#"{{"cmd":"{cmd}","data":{data}}}"#);
        let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
        let decoded = self.venue.decode(&frame, &mut self.batch);
        assert_eq!(decoded.is_err(), verb == "bad");
        assert!(!matches!(decoded, Ok(Inbound::Ignored(_))));
        self.words()
    }

    fn words(&self) -> String {
        let words: Vec<_> = self.batch.events().iter().map(|it| self.event(it)).collect();
        words.join(", ")
    }

    fn event(&self, event: &MarketEvent) -> String {
        let symbol = self.instruments.instrument(event.instrument).unwrap().symbol();
        let number = event.venue_sequence;
        let name = match event.payload() {
            Payload::Trade(_) => "trade",
            Payload::TopOfBook(_) => "ticker",
            Payload::Levels(_) if event.flags.contains(Flags::STALE) => "stale",
            Payload::Levels(_) => "depth",
            Payload::Gap(Gap { reason, expected, received, missing, breaks_book }) => {
                assert_eq!(breaks_book, reason != GapReason::Sequence);
                let name = reason.name();
                return format!("{symbol} {name} {expected} {received} {missing}");
            }
            other => panic!("{other:?}"),
        };
        format!("{symbol} {name} {number}")
    }

    fn counts(&self) -> [u64; 3] {
        let counters = self.batch.counters();
        [Counter::Missing, Counter::Duplicated, Counter::Reordered].map(|it| counters.get(it))
    }
}

#[track_caller]
fn check(steps: &[(&str, &str)], missing: u64, duplicated: u64, reordered: u64) {
    let mut feed = Feed::new();
    for &(step, expected) in steps {
        assert_eq!(feed.step(step), expected, "{step} of {steps:?}");
    }
    assert_eq!(feed.counts(), [missing, duplicated, reordered], "{steps:?}");
    feed.batch.clear();
    feed.venue.finish(&mut feed.batch);
    assert!(feed.batch.is_empty(), "nothing is held back");
}

#[test]
fn a_feed_without_numbers_has_no_continuity() {
    check(&[("trade A", "A.US trade 0"), ("trade A", "A.US trade 0")], 0, 0, 0);
    check(&[("trade A 1", "A.US trade 1"), ("trade A", "A.US trade 0")], 0, 0, 0);
    check(&[("trade A \"x\"", "A.US trade 0"), ("trade A -3", "A.US trade 0")], 0, 0, 0);
}

#[test]
fn numbers_are_counted_for_each_symbol_and_channel() {
    let steps = [
        ("trade A 1", "A.US trade 1"),
        ("trade B 1", "B.US trade 1"),
        ("depth A 1", "A.US depth 1"),
        ("ticker A 1", "A.US ticker 1"),
        ("trade A \"2\"", "A.US trade 2"),
        ("depth A 2", "A.US depth 2"),
    ];
    check(&steps, 0, 0, 0);
}

#[test]
fn a_skipped_number_is_one_gap_before_its_event() {
    for channel in ["trade", "depth", "ticker"] {
        let event = |number: u64| format!("A.US {channel} {number}");
        let step = |number: u64| format!("{channel} A {number}");
        let gap = format!("A.US sequence 2 5 3, {}", event(5));
        let steps = [(&*step(1), &*event(1)), (&*step(5), &*gap), (&*step(6), &*event(6))];
        check(&steps, 3, 0, 0);
    }
}

#[test]
fn a_message_that_comes_twice_is_handled_once() {
    for channel in ["trade", "depth", "ticker"] {
        let event = |number: u64| format!("A.US {channel} {number}");
        let step = |number: u64| format!("{channel} A {number}");
        let steps = [
            (&*step(1), &*event(1)),
            (&*step(1), ""),
            (&*step(2), &*event(2)),
            (&*step(1), ""),
            (&*step(3), &*event(3)),
        ];
        check(&steps, 0, 2, 0);
    }
}

#[test]
fn a_late_message_is_published_only_where_it_replaces_nothing_newer() {
    let of = |channel: &'static str, late: &'static str| {
        let first = format!("{channel} A 1");
        let (third, second) = (format!("{channel} A 3"), format!("{channel} A 2"));
        let gap = format!("A.US sequence 2 3 1, A.US {channel} 3");
        let steps = [
            (&*first, &*format!("A.US {channel} 1")),
            (&*third, &*gap),
            (&*second, late),
            (&*second, ""),
        ];
        check(&steps, 1, 1, 1);
    };
    of("trade", "A.US trade 2");
    of("depth", "A.US stale 2");
    of("ticker", "");
}

#[test]
fn a_late_picture_leaves_the_newer_book() {
    let mut feed = Feed::new();
    let mut books = Books::new();
    for (step, applied) in [
        ("depth A 1", Applied::Snapshot),
        ("depth A 3", Applied::Snapshot),
        ("depth A 2", Applied::Skipped),
    ] {
        feed.step(step);
        let last = *feed.batch.events().last().unwrap();
        for event in feed.batch.events() {
            let result = books.apply(event);
            assert!(*event != last || result == applied, "{step}: {result:?}");
        }
    }
}

#[test]
fn a_frame_that_cannot_be_decoded_is_missing_from_the_numbering() {
    let steps = [
        ("depth A 1", "A.US depth 1"),
        ("bad A 2", "A.US undecoded 0 0 0"),
        ("depth A 3", "A.US sequence 2 3 1, A.US depth 3"),
        ("bad A 5", "A.US undecoded 0 0 0"),
        ("depth A 6", "A.US sequence 4 6 2, A.US depth 6"),
    ];
    check(&steps, 3, 0, 0);
}

#[test]
fn a_lost_connection_breaks_every_book_once() {
    let steps = [
        ("lost", ""),
        ("depth A 1", "A.US depth 1"),
        ("trade B 1", "B.US trade 1"),
        ("lost", "A.US disconnected 0 0 0, B.US disconnected 0 0 0"),
        ("lost", ""),
        ("open", ""),
        ("lost", ""),
        ("open", ""),
        ("depth B 1", "B.US depth 1"),
        ("lost", "A.US disconnected 0 0 0, B.US disconnected 0 0 0"),
    ];
    check(&steps, 0, 0, 0);
}

#[test]
fn after_a_reconnect_the_numbering_goes_on_or_starts_over() {
    let goes_on = [
        ("trade A 5", "A.US trade 5"),
        ("lost", "A.US disconnected 0 0 0"),
        ("open", ""),
        ("trade A 9", "A.US sequence 6 9 3, A.US trade 9"),
    ];
    check(&goes_on, 3, 0, 0);
    let starts_over = [
        ("trade A 5", "A.US trade 5"),
        ("lost", "A.US disconnected 0 0 0"),
        ("open", ""),
        ("trade A 1", "A.US trade 1"),
        ("trade A 2", "A.US trade 2"),
        ("trade A 2", ""),
        ("trade A 4", "A.US sequence 3 4 1, A.US trade 4"),
    ];
    check(&starts_over, 1, 1, 0);
}

/// Frames that are almost right: documented ones with some bytes exchanged.
fn nearly_documented() -> impl Strategy<Value = Vec<u8>> {
    let frames: Vec<&str> = [
        include_str!("data/tickdb/documented.txt"),
        include_str!("data/tickdb/variations.txt"),
        include_str!("data/tickdb/older.txt"),
    ]
    .into_iter()
    .flat_map(str::lines)
    .filter_map(|line| line.strip_prefix("< "))
    .collect();
    let swaps = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4);
    (proptest::sample::select(frames), swaps).prop_map(|(frame, swaps)| {
        let mut bytes = frame.as_bytes().to_vec();
        for (at, byte) in swaps {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes
    })
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => nearly_documented(),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

fn is_broken_book(event: &MarketEvent) -> bool {
    matches!(event.payload(), Payload::Gap(gap) if gap.reason == GapReason::Undecoded)
}

proptest! {
    #[test]
    fn no_frame_panics_and_what_cannot_be_decoded_leaves_at_most_a_broken_book(
        frames in proptest::collection::vec(any_bytes(), 1..12),
    ) {
        let Feed { mut venue, instruments, mut batch } = Feed::new();
        batch.push(MarketEvent::default());
        for text in frames {
            let len = batch.len();
            let frame = Frame { stamp: Stamp::default(), text: &text };
            let decoded = venue.decode(&frame, &mut batch);
            let added = &batch.events()[len..];
            match decoded {
                Ok(Inbound::Data(kind)) => prop_assert!(kind < venue.message_kinds().len()),
                Ok(_) => prop_assert!(added.is_empty()),
                Err(_) => {
                    prop_assert!(added.len() <= 1 && added.iter().all(is_broken_book));
                }
            }
            for event in added {
                prop_assert!(instruments.instrument(event.instrument).is_some());
            }
        }
        prop_assert_eq!(batch.events()[0].instrument, InstrumentId::NONE);
    }

    #[test]
    fn every_number_is_published_missing_or_a_second_one(
        numbers in proptest::collection::vec(1_u64..40, 1..60),
    ) {
        let mut feed = Feed::new();
        let mut published = Vec::new();
        for number in &numbers {
            feed.step(&format!("trade A {number}"));
            let events = feed.batch.events().iter();
            let trades = events.filter(|it| matches!(it.payload(), Payload::Trade(_)));
            published.extend(trades.map(|event| event.venue_sequence));
        }
        let mut distinct = numbers.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let [missing, duplicated, reordered] = feed.counts();
        prop_assert_eq!(duplicated, (numbers.len() - distinct.len()) as u64);
        // Late ones from before the first number were never missing.
        let early = distinct.iter().filter(|&&number| number < numbers[0]).count() as u64;
        let span = distinct.last().unwrap() - numbers[0] + 1;
        let came = distinct.len() as u64 - early;
        prop_assert_eq!(missing - (reordered - early), span - came);
        published.sort_unstable();
        prop_assert_eq!(published, distinct);
    }
}
