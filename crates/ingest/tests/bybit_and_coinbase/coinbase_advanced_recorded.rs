//! A recorded Coinbase Advanced Trade session: every count and both books as an independent rebuild
//! found them, through rings large and small, and every lost or swapped message found at once.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tickring_book::Books;
use tickring_capture::{LineReader, Session};
use tickring_event::{Instruments, MarketEvent, Payload};
use tickring_ingest::{
    CoinbaseAdvanced, End, EventBatch, EventPublisher, Frame, Ingest, IngestReport, Pace,
    PublishConfig, RecordedSource, Stamp, ThreadWait, Venue, notices,
};
use tickring_metrics::{Clock, Counter, SharedCounters};
use tickring_ring::{Capacity, OnFull, PollError, WaitStrategy, ring};

use crate::recorded::{Damage, Replay, chosen, damaged, expected, messages, number, recorded_data};
use crate::words::recording;

const SESSION: &str = "coinbase-advanced/btcusd_ethusd_20260809.gz";
const PRODUCTS: [&str; 2] = ["BTC-USD", "ETH-USD"];

#[test]
fn both_products_are_the_expected_books_and_tickers_agree_as_often() {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, SESSION);
    let mut replay = Replay::new(|them| CoinbaseAdvanced::new(recording(), them));
    for text in messages(&folder.join(SESSION)) {
        replay.frame(&text);
    }
    assert!(replay.gaps.is_empty(), "{:?}", replay.gaps);
    for (kind, count) in [
        ("l2_data", 775),
        ("ticker", 160),
        ("market_trades", 59),
        ("candles", 6),
        ("pong", 25),
        ("ack true", 5),
    ] {
        assert_eq!(replay.outcomes[kind], count, "{kind}");
    }
    assert_eq!(replay.outcomes.values().sum::<u64>(), expected["stats"]["messages"]);
    PRODUCTS.iter().for_each(|product| check_product(&replay, product, &expected));
    let last = PRODUCTS.iter().map(|it| replay.book(it).last_sequence()).max().unwrap();
    assert!(last <= expected["books"]["_connection"]["last_sequence"].as_u64().unwrap());
    for counter in [Counter::Missing, Counter::Duplicated, Counter::Reordered] {
        assert_eq!(replay.batch.counters().get(counter), 0, "{counter:?}");
    }
}

#[track_caller]
fn check_product(replay: &Replay<CoinbaseAdvanced>, product: &str, expected: &serde_json::Value) {
    let own = &expected["books"][product];
    replay.assert_book(product, own);
    let (book, counts) = (replay.book(product), &own["counts"]);
    assert_eq!(book.snapshots(), counts["snapshots"]);
    assert_eq!(book.applied(), counts["updates"]);
    assert_eq!(replay.count(product, "top"), counts["tickers"]);
    let trades = ["trades_snapshot", "trades_update"].map(|it| counts[it].as_u64().unwrap());
    assert_eq!(replay.count(product, "trade"), trades.iter().sum::<u64>());
    let (seen, equal) = replay.tops[product];
    assert_eq!(seen, counts["ticker_seen_with_book"], "{product}");
    assert_eq!(equal, counts["ticker_prices_equal_book"], "{product}");
}

/// The session through the ingest loop and a ring of so many slots, with one poller.
fn ingest(path: &std::path::Path, slots: usize) -> (IngestReport, Vec<MarketEvent>, Books) {
    let clock = Clock::new();
    let (publisher, mut pollers) = ring::<MarketEvent>(Capacity::new(slots).unwrap(), 1);
    let mut poller = pollers.remove(0);
    let session: Box<dyn Session> = Box::new(LineReader::open(path).unwrap());
    let source =
        RecordedSource::new(vec![session], Pace::Max, clock.clone(), ThreadWait::Yield).unwrap();
    let venue = CoinbaseAdvanced::new(recording(), Arc::new(Instruments::new())).unwrap();
    let config = PublishConfig { on_full: OnFull::Block, wait: WaitStrategy::Yield };
    let (sender, _receiver) = notices();
    let ingest = Ingest {
        source,
        venues: vec![Box::new(venue)],
        pairs: Vec::new(),
        publisher: EventPublisher::new(publisher, config, clock),
        stop: Arc::new(AtomicBool::new(false)),
        drain_ns_max: 10_000_000_000,
        shared: Arc::new(SharedCounters::new()),
        notices: sender,
    };
    std::thread::scope(|scope| {
        let consumer = scope.spawn(move || {
            let limit = NonZeroUsize::new(256).unwrap();
            let (mut events, mut books) = (Vec::new(), Books::new());
            loop {
                let polled = poller.poll(limit, |event, _, _| {
                    books.apply(event);
                    events.push(*event);
                });
                match polled {
                    Ok(_) => {}
                    Err(PollError::Empty) => std::thread::yield_now(),
                    Err(PollError::Shutdown) => return (events, books),
                }
            }
        });
        let report = ingest.run();
        let (events, books) = consumer.join().unwrap();
        (report, events, books)
    })
}

#[test]
fn frames_larger_than_the_ring_arrive_whole_and_in_order() {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, SESSION);
    let [large, small] = [16_384, 64].map(|slots| {
        let (report, events, books) = ingest(&folder.join(SESSION), slots);
        assert!(matches!(report.end, End::Ended), "{:?}", report.end);
        assert!(report.drained.is_clean());
        assert_eq!(report.counters.get(Counter::Frames), 1_030);
        assert_eq!(report.counters.get(Counter::DecodeErrors), 0);
        assert_eq!(report.counters.get(Counter::Dropped), 0);
        assert_eq!(report.counters.get(Counter::EventsPublished), events.len() as u64);
        assert!(events.iter().map(|it| it.sequence).eq(0..events.len() as u64));
        for ((_, book), product) in books.iter().zip(PRODUCTS) {
            let own = &expected["books"][product];
            assert!(book.is_valid());
            assert_eq!((book.interrupted(), book.gaps(), book.stale()), (0, 0, 0));
            assert_eq!(book.applied(), own["counts"]["updates"]);
            let (bids, asks) = book.levels();
            assert_eq!(serde_json::Value::from(vec![bids, asks]), own["levels"]);
        }
        events
    });
    // The first snapshot alone is far more events than the small ring has slots.
    let levels = large.iter().filter(|it| matches!(it.payload(), Payload::Levels(_))).count();
    assert!(levels > 9_000, "{levels}");
    let content = |events: &[MarketEvent]| -> Vec<_> {
        events.iter().map(|it| (it.venue_sequence, it.instrument, it.flags, it.payload())).collect()
    };
    assert!(content(&large) == content(&small), "the ring's size changes nothing");
}

/// Messages with the two large snapshots cut to their first changes: numbers are what counts here.
fn short(messages: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let shorten = |text: Vec<u8>| {
        if text.len() < 100_000 {
            return text;
        }
        let text = String::from_utf8(text).unwrap();
        let end = text.match_indices("},{\"side\"").nth(10).unwrap().0;
        format!("{}}}]}}]}}", &text[..end]).into_bytes()
    };
    messages.into_iter().map(shorten).collect()
}

/// Where the venue says that its books are not whole.
fn first_said(messages: &[&[u8]]) -> Option<usize> {
    let mut venue =
        CoinbaseAdvanced::new(recording(), Arc::new(Instruments::with_capacity(4))).unwrap();
    let mut batch = EventBatch::new();
    messages.iter().position(|text| {
        batch.clear();
        venue.decode(&Frame { stamp: Stamp::default(), text }, &mut batch).unwrap();
        batch.events().iter().any(|event| match event.payload() {
            Payload::Gap(gap) => gap.breaks_book,
            Payload::Levels(_) => event.flags.contains(tickring_event::Flags::STALE),
            _ => false,
        })
    })
}

/// Where the rule alone shows it: numbers go up by one from 0.
fn first_shown(messages: &[&[u8]]) -> Option<usize> {
    (0_u64..).zip(messages).position(|(at, text)| number(text, "sequence_num") != Some(at))
}

#[test]
fn a_lost_or_swapped_message_of_any_channel_is_found_at_once() {
    let Some(folder) = recorded_data() else { return };
    let all = short(messages(&folder.join(SESSION)));
    let all: Vec<&[u8]> = all.iter().map(Vec::as_slice).collect();
    let mut chosen = chosen(all.len(), 200);
    chosen.extend([0, 1, all.len() - 2, all.len() - 1]);
    let (mut found, mut hidden) = (0, 0);
    for at in chosen {
        for damage in [Damage::Deleted, Damage::SwappedWith(partner(&all, at))] {
            let Some(messages) = damaged(&all, at, damage) else { continue };
            let shown = first_shown(&messages);
            // What comes after the place is not needed to find it; before it nothing may be said.
            let end = messages.len().min(shown.map_or(usize::MAX, |it| it + 2));
            assert_eq!(first_said(&messages[..end]), shown, "{at} {damage:?}");
            if shown.is_some() {
                found += 1;
            } else {
                assert_eq!(at, all.len() - 1, "only the last message can be lost unseen");
                hidden += 1;
            }
        }
    }
    assert!(found > 390 && hidden >= 1, "{found} found, {hidden} cannot be");
}

/// The next message of the same book, or the next of all where there is none.
fn partner(messages: &[&[u8]], at: usize) -> usize {
    let book = |text: &[u8]| {
        let text = String::from_utf8_lossy(text);
        let product = text.split_once("\"product_id\":\"")?.1.split('"').next()?.to_owned();
        text.contains("\"l2_data\"").then_some(product)
    };
    let own = book(messages[at]);
    let mut later = at + 1..messages.len();
    later.find(|&it| own.is_some() && book(messages[it]) == own).unwrap_or(at + 1)
}
