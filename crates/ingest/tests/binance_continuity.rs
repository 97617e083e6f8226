//! What becomes of diffs and snapshots that come late, twice, in the wrong order or not at all.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::{Flags, GapReason, Instruments, MarketEvent, Payload};
use tickring_ingest::{Binance, EventBatch, Frame, HELD_EVENTS_MAX, Market, Stamp, Venue};
use tickring_metrics::Counter;

struct Feed {
    venue: Binance,
    batch: EventBatch,
    arrival_ticks: u64,
}

impl Feed {
    fn new(market: Market) -> Self {
        let instruments = Arc::new(Instruments::new());
        let venue = Binance::new(market, &["ABC".to_owned()], instruments);
        Self { venue, batch: EventBatch::new(), arrival_ticks: 0 }
    }

    /// One step, in words: `snapshot LAST`, `partial LAST`, `diff U u [pu]`, `bad U u [pu]`,
    /// `bad-snapshot`, `bad-partial`, `noise`, `disconnect` or `finish`.
    fn step(&mut self, step: &str) {
        self.arrival_ticks += 1;
        let stamp = Stamp { arrival_ticks: self.arrival_ticks, ..Stamp::default() };
        let (word, numbers) = step.split_once(' ').unwrap_or((step, ""));
        match word {
            "disconnect" => return self.venue.disconnected(stamp, &mut self.batch),
            "finish" => return self.venue.finish(&mut self.batch),
            _ => {}
        }
        let text = text(word, numbers);
        let decoded = self.venue.decode(&Frame { stamp, text: text.as_bytes() }, &mut self.batch);
        assert_eq!(decoded.is_err(), word.starts_with("bad") || word == "noise", "{step}");
    }
}

fn text(word: &str, numbers: &str) -> String {
    let number = |index| numbers.split(' ').nth(index).unwrap_or("0");
    let quantity = if word.starts_with("bad") { "x" } else { "1.5" };
    let levels = format!(r#"[["2.5","{quantity}"]]"#);
    match word {
        "snapshot" | "bad-snapshot" => {
            format!(r#"{{"lastUpdateId":{},"bids":{levels},"asks":[]}}"#, number(0))
        }
        "partial" | "bad-partial" => format!(
            r#"{{"stream":"abc@depth5","data":{{"lastUpdateId":{},"bids":[],"asks":{levels}}}}}"#,
            number(0)
        ),
        "diff" | "bad" => format!(
            r#"{{"e":"depthUpdate","E":5,"s":"ABC","U":{},"u":{},"pu":{},"b":{levels},"a":[]}}"#,
            number(0),
            number(1),
            number(2)
        ),
        _ => word.to_owned(),
    }
}

/// An event in words: `snapshot LAST`, `diff LAST`, `stale LAST`, `gap REASON EXPECTED RECEIVED
/// MISSING`.
fn words(event: &MarketEvent) -> String {
    let last = event.venue_sequence;
    match event.payload() {
        Payload::Levels(_) => {
            let snapshot = if event.flags.contains(Flags::SNAPSHOT) { "snapshot" } else { "diff" };
            let stale = if event.flags.contains(Flags::STALE) { "stale " } else { "" };
            format!("{stale}{snapshot} {last}")
        }
        Payload::Gap(gap) => {
            assert!(gap.breaks_book);
            let reason = gap.reason.name();
            format!("gap {reason} {} {} {}", gap.expected, gap.received, gap.missing)
        }
        other => panic!("{other:?}"),
    }
}

/// `steps` and `events` are separated by commas.
#[track_caller]
fn check(market: Market, steps: &str, events: &str) {
    let mut feed = Feed::new(market);
    steps.split(", ").for_each(|step| feed.step(step));
    let found: Vec<_> = feed.batch.events().iter().map(words).collect();
    assert_eq!(found.join(", "), events, "{market:?}: {steps}");
}

fn spot(steps: &str, events: &str) {
    check(Market::Spot, steps, events);
}

fn usdm(steps: &str, events: &str) {
    check(Market::UsdM, steps, events);
}

#[test]
fn diffs_wait_for_the_snapshot_and_follow_it_in_order() {
    spot("diff 1 4, diff 5 9", "");
    spot(
        "diff 1 4, diff 5 9, diff 10 12, snapshot 9",
        "snapshot 9, stale diff 4, stale diff 9, diff 12",
    );
    spot("diff 1 4, diff 5 9, snapshot 7, diff 10 12", "snapshot 7, stale diff 4, diff 9, diff 12");
    spot("snapshot 7, diff 5 9, diff 10 12", "snapshot 7, diff 9, diff 12");
}

#[test]
fn the_first_diff_after_a_spot_snapshot_may_touch_it_from_either_side() {
    spot("snapshot 7, diff 5 7", "snapshot 7, stale diff 7");
    spot("snapshot 7, diff 5 8", "snapshot 7, diff 8");
    spot("snapshot 7, diff 8 8", "snapshot 7, diff 8");
    spot("snapshot 7, diff 9 9", "snapshot 7, gap sequence 8 9 1");
}

#[test]
fn the_first_diff_after_a_usdm_snapshot_may_touch_it_from_either_side() {
    usdm("snapshot 7, diff 5 6 3", "snapshot 7, stale diff 6");
    usdm("snapshot 7, diff 5 7 3", "snapshot 7, diff 7");
    usdm("snapshot 7, diff 7 9 3", "snapshot 7, diff 9");
    usdm("snapshot 7, diff 8 9 7", "snapshot 7, diff 9");
    usdm("snapshot 7, diff 9 9 5", "snapshot 7, diff 9");
    usdm("snapshot 7, diff 9 9 8", "snapshot 7, gap sequence 7 8 0");
}

#[test]
fn a_missing_spot_diff_is_one_gap_with_exact_numbers() {
    spot(
        "snapshot 7, diff 8 9, diff 12 14, diff 15 15, diff 19 20, finish",
        "snapshot 7, diff 9, gap sequence 10 12 2, \
         stale diff 14, stale diff 15, stale diff 20",
    );
}

#[test]
fn the_update_ids_of_spot_gaps_are_counted_as_missing() {
    let mut feed = Feed::new(Market::Spot);
    for step in ["snapshot 7", "diff 10 12", "snapshot 12", "diff 14 14", "snapshot 9"] {
        feed.step(step);
    }
    assert_eq!(feed.batch.counters().get(Counter::Missing), 2 + 1 + 4);
}

#[test]
fn a_missing_usdm_diff_is_one_gap_of_unknown_length() {
    usdm(
        "snapshot 7, diff 5 9 4, diff 15 18 9, diff 22 25 21, diff 31 33 30, finish",
        "snapshot 7, diff 9, diff 18, gap sequence 18 21 0, stale diff 25, stale diff 33",
    );
}

#[test]
fn a_snapshot_after_a_gap_takes_the_book_up_again() {
    spot(
        "snapshot 7, diff 8 9, diff 12 14, diff 15 15, snapshot 14, diff 16 17",
        "snapshot 7, diff 9, gap sequence 10 12 2, \
         snapshot 14, stale diff 14, diff 15, diff 17",
    );
    usdm(
        "snapshot 7, diff 5 9 4, diff 12 14 11, diff 15 18 14, snapshot 14, diff 20 22 18",
        "snapshot 7, diff 9, gap sequence 9 11 0, \
         snapshot 14, diff 14, diff 18, diff 22",
    );
}

#[test]
fn a_snapshot_older_than_what_is_held_is_a_gap_and_the_next_one_gets_its_chance() {
    spot(
        "diff 12 14, diff 15 15, snapshot 9, snapshot 14",
        "snapshot 9, gap sequence 10 12 2, snapshot 14, stale diff 14, diff 15",
    );
    spot(
        "diff 2 3, diff 12 14, snapshot 9, finish",
        "snapshot 9, stale diff 3, gap sequence 10 12 2, stale diff 14",
    );
    usdm("diff 12 14 11, snapshot 9, finish", "snapshot 9, gap sequence 9 11 0, stale diff 14");
}

#[test]
fn a_hole_among_held_diffs_is_found_when_the_snapshot_comes() {
    spot(
        "diff 5 9, diff 13 14, diff 15 16, snapshot 7, finish",
        "snapshot 7, diff 9, gap sequence 10 13 3, stale diff 14, stale diff 16",
    );
}

#[test]
fn a_snapshot_of_a_book_without_fault_seeds_it_anew_unless_it_is_older() {
    spot(
        "snapshot 7, diff 8 9, snapshot 12, diff 10 14",
        "snapshot 7, diff 9, snapshot 12, diff 14",
    );
    spot("snapshot 7, diff 8 9, snapshot 9, diff 10 14", "snapshot 7, diff 9, snapshot 9, diff 14");
    spot(
        "snapshot 7, diff 8 9, snapshot 8, diff 10 14",
        "snapshot 7, diff 9, stale snapshot 8, diff 14",
    );
    usdm(
        "snapshot 7, diff 5 9 4, snapshot 9, diff 12 14 9",
        "snapshot 7, diff 9, snapshot 9, diff 14",
    );
}

#[test]
fn diffs_that_come_twice_or_late_are_stale_and_no_gap() {
    spot(
        "snapshot 7, diff 8 9, diff 8 9, diff 10 11, diff 8 9, diff 12 12",
        "snapshot 7, diff 9, stale diff 9, diff 11, stale diff 9, diff 12",
    );
    usdm(
        "snapshot 7, diff 5 9 4, diff 5 9 4, diff 10 11 9",
        "snapshot 7, diff 9, stale diff 9, diff 11",
    );
}

#[test]
fn two_diffs_in_the_wrong_order_are_one_gap() {
    spot(
        "snapshot 7, diff 8 9, diff 12 14, diff 10 11, diff 15 16, finish",
        "snapshot 7, diff 9, gap sequence 10 12 2, stale diff 14, stale diff 11, stale diff 16",
    );
}

#[test]
fn numbering_that_overlaps_breaks_the_book_too() {
    spot("snapshot 7, diff 8 9, diff 9 12", "snapshot 7, diff 9, gap sequence 10 9 0");
    usdm("snapshot 7, diff 5 9 4, diff 9 12 8", "snapshot 7, diff 9, gap sequence 9 8 0");
}

#[test]
fn a_diff_that_cannot_be_read_breaks_the_book_at_once() {
    spot(
        "snapshot 7, diff 8 9, bad 10 11, diff 12 13, snapshot 12, diff 14 14",
        "snapshot 7, diff 9, gap undecoded 10 0 0, snapshot 12, diff 13, diff 14",
    );
    usdm("snapshot 7, bad 5 9 4, bad 10 12 9", "snapshot 7, gap undecoded 7 0 0");
    // The numbering shows the hole when the snapshot comes.
    spot("diff 5 9, bad 10 11, diff 12 13, snapshot 7", "snapshot 7, diff 9, gap sequence 10 12 2");
}

#[test]
fn a_frame_that_is_no_message_or_a_bad_snapshot_leaves_the_book_alone() {
    spot(
        "snapshot 7, diff 8 9, noise, bad-snapshot 9, bad-partial 9, diff 10 11",
        "snapshot 7, diff 9, diff 11",
    );
    // What failed before does not stick to a later frame.
    spot("snapshot 7, bad 8 9, snapshot 8, noise", "snapshot 7, gap undecoded 8 0 0, snapshot 8");
}

#[test]
fn partial_depth_is_the_book_until_a_full_snapshot_comes() {
    spot("partial 5, partial 6", "snapshot 5, snapshot 6");
    spot(
        "partial 5, diff 6 7, partial 7, snapshot 6, partial 8, diff 8 9, partial 9",
        "snapshot 5, snapshot 7, snapshot 6, diff 7, diff 9",
    );
    spot(
        "partial 5, bad-partial 6, bad-partial 7, partial 8",
        "snapshot 5, gap undecoded 0 0 0, snapshot 8",
    );
}

#[test]
fn a_lost_connection_is_a_gap_of_every_book_and_starts_it_over() {
    spot("disconnect", "");
    spot(
        "diff 1 2, disconnect, disconnect, snapshot 4, diff 5 6",
        "stale diff 2, gap disconnected 0 0 0, snapshot 4, diff 6",
    );
    spot(
        "snapshot 7, diff 8 9, disconnect, diff 20 21, partial 21, snapshot 20",
        "snapshot 7, diff 9, gap disconnected 0 0 0, snapshot 21, snapshot 20, diff 21",
    );
}

#[test]
fn update_ids_at_the_end_of_their_range_do_not_overflow() {
    let end = u64::MAX;
    spot(
        &format!("snapshot {end}, diff 1 {end}, diff {end} {end}"),
        &format!("snapshot {end}, stale diff {end}, stale diff {end}"),
    );
    spot(
        &format!("snapshot 1, diff 2 {end}, diff 3 {end}"),
        &format!("snapshot 1, diff {end}, stale diff {end}"),
    );
    usdm(
        &format!("snapshot 0, diff 1 {end} 0, diff {end} {end} {end}"),
        &format!("snapshot 0, diff {end}, stale diff {end}"),
    );
}

#[test]
fn held_diffs_keep_their_arrival() {
    let mut feed = Feed::new(Market::Spot);
    ["diff 1 4", "diff 5 9", "snapshot 3"].into_iter().for_each(|step| feed.step(step));
    let arrivals: Vec<_> = feed.batch.events().iter().map(|event| event.arrival_ticks).collect();
    assert_eq!(arrivals, [3, 1, 2]);
    assert_eq!(feed.batch.counters().get(Counter::HeldDepth), 2);
    assert_eq!(feed.batch.counters().get(Counter::StaleDepth), 0);
}

#[test]
fn past_the_limit_the_oldest_held_diff_leaves_unapplied() {
    let mut feed = Feed::new(Market::Spot);
    for id in 1..=HELD_EVENTS_MAX {
        feed.step(&format!("diff {id} {id}"));
    }
    assert!(feed.batch.is_empty());
    for id in HELD_EVENTS_MAX + 1..HELD_EVENTS_MAX + 3 {
        feed.step(&format!("diff {id} {id}"));
    }
    let left: Vec<_> = feed.batch.events().iter().map(words).collect();
    assert_eq!(left, ["stale diff 1", "stale diff 2"]);
    assert_eq!(feed.batch.counters().get(Counter::StaleDepth), 2);
    feed.batch.clear();
    feed.step("finish");
    assert_eq!(feed.batch.len(), HELD_EVENTS_MAX);
}

#[test]
fn a_diff_larger_than_the_limit_is_not_held_at_all() {
    let mut feed = Feed::new(Market::Spot);
    let level = r#"["1.0","2.0"],"#.repeat(5 * HELD_EVENTS_MAX);
    let text = format!(
        r#"{{"e":"depthUpdate","E":5,"s":"ABC","U":1,"u":2,"b":[{level}["1.0","2.0"]],"a":[]}}"#
    );
    let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
    feed.venue.decode(&frame, &mut feed.batch).unwrap();
    assert_eq!(feed.batch.len(), HELD_EVENTS_MAX + 1);
    assert!(feed.batch.events().iter().all(|event| event.flags.contains(Flags::STALE)));
}

#[test]
fn each_instrument_of_a_connection_has_its_own_numbering() {
    let mut venue = Binance::new(Market::Spot, &[], Arc::new(Instruments::new()));
    let mut batch = EventBatch::new();
    let mut decode = |symbol: &str, first: u64, last: u64| {
        let text = text("diff", &format!("{first} {last}")).replace("ABC", symbol);
        let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
        venue.decode(&frame, &mut batch).unwrap();
    };
    decode("A", 1, 2);
    decode("B", 7, 9);
    decode("A", 3, 4);
    venue.disconnected(Stamp::default(), &mut batch);
    let found: Vec<_> =
        batch.events().iter().map(|it| (it.instrument.index(), words(it))).collect();
    let expected = [
        (0, "stale diff 2"),
        (0, "stale diff 4"),
        (0, "gap disconnected 0 0 0"),
        (1, "stale diff 9"),
        (1, "gap disconnected 0 0 0"),
    ];
    assert_eq!(found, expected.map(|(index, words)| (index, words.to_owned())));
}

/// What may happen to the next diff of a stream, or a snapshot between.
fn mishap() -> impl Strategy<Value = u8> {
    prop_oneof![12 => Just(0_u8), 1 => Just(1), 1 => Just(2), 1 => Just(3), 2 => Just(4)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Diffs are lost, doubled or swapped; snapshots come at any time, early and late.
    #[test]
    fn every_diff_is_published_once_and_in_order_and_only_a_whole_book_is_continued(
        is_spot in any::<bool>(),
        mishaps in proptest::collection::vec((mishap(), 1_u64..4, 0_u64..8), 1..60),
    ) {
        let market = if is_spot { Market::Spot } else { Market::UsdM };
        let mut steps = Vec::new();
        let mut last = 100;
        for (mishap, length, back) in mishaps {
            let diff = format!("diff {} {} {last}", last + 1, last + length);
            last += length;
            match mishap {
                1 => {}
                2 => steps.extend([diff.clone(), diff]),
                3 => steps.insert(steps.len().saturating_sub(1), diff),
                4 => steps.extend([diff, format!("snapshot {}", last.saturating_sub(back))]),
                _ => steps.push(diff),
            }
        }
        let sent: Vec<[u64; 2]> = steps.iter().filter_map(|step| {
            let mut ids = step.strip_prefix("diff ")?.split(' ').map_while(|id| id.parse().ok());
            Some([ids.next()?, ids.next()?])
        }).collect();
        let mut feed = Feed::new(market);
        steps.iter().for_each(|step| feed.step(step));
        feed.step("finish");

        let mut diffs = sent.iter();
        // The last id that a valid book holds.
        let mut book: Option<u64> = None;
        for event in feed.batch.events() {
            let snapshot = event.flags.contains(Flags::SNAPSHOT);
            let stale = event.flags.contains(Flags::STALE);
            match event.payload() {
                Payload::Gap(gap) => {
                    prop_assert_eq!(gap.reason, GapReason::Sequence);
                    prop_assert!(book.take().is_some(), "one gap until the next snapshot");
                }
                _ if snapshot && stale => prop_assert!(Some(event.venue_sequence) < book),
                _ if snapshot => book = Some(event.venue_sequence),
                _ => {
                    let [first, last] = *diffs.next().expect("no diff comes twice");
                    prop_assert_eq!(event.venue_sequence, last);
                    match book {
                        Some(own) if stale => prop_assert!(last <= own, "it held news"),
                        Some(own) => {
                            prop_assert!(first <= own + 1 && last >= own, "ids are missing");
                            book = Some(last);
                        }
                        None => prop_assert!(stale, "there is no book to continue"),
                    }
                }
            }
        }
        prop_assert!(diffs.next().is_none(), "every diff is published");
    }
}
