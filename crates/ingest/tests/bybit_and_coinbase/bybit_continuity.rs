//! What becomes of Bybit's books when numbers repeat, jump or start over.

use tickring_ingest::{Bybit, BybitProduct, Channel};
use tickring_metrics::Counter;

use crate::words::{Feed, recording, subscription};

fn feed() -> Feed<Bybit> {
    Feed::new(|instruments| Bybit::new(BybitProduct::Linear, recording(), instruments))
}

fn live() -> Feed<Bybit> {
    let subscription = subscription(&["A", "B"], &[Channel::Depth, Channel::Trade]);
    Feed::new(|instruments| Bybit::new(BybitProduct::Linear, subscription, instruments))
}

/// `snapshot A 5`, `delta A 6`, `bad A 7` (a quantity that is none) or `once A 8` (depth 1).
fn text(step: &str) -> String {
    let words: Vec<_> = step.split(' ').collect();
    let [word, symbol, number] = words[..] else { panic!("{step}") };
    let form =
        if matches!(word, "snapshot" | "once" | "bad-snapshot") { "snapshot" } else { "delta" };
    let depth = if word == "once" { 1 } else { 200 };
    let quantity = if word.starts_with("bad") { "x" } else { "1.5" };
    format!(
        r#"{{"topic":"orderbook.{depth}.{symbol}","type":"{form}","ts":5,"data":{{"s":"{symbol}","b":[["2.5","{quantity}"]],"a":[],"u":{number},"seq":9}}}}"#
    )
}

#[track_caller]
fn check(steps: &str, events: &str) {
    let frames: Vec<_> = steps.split(", ").map(text).collect();
    feed().check_run(&frames, events);
}

#[test]
fn a_book_goes_on_while_its_number_grows_by_one() {
    check("snapshot A 5, delta A 6, delta A 7", "A snapshot 5, A delta 6, A delta 7");
    check(
        "delta A 6, delta A 7, snapshot A 7, delta A 8",
        "A stale 6, A stale 7, A snapshot 7, A delta 8",
    );
}

#[test]
fn a_jump_is_one_gap_with_exact_numbers_and_ends_with_the_next_snapshot() {
    check(
        "snapshot A 5, delta A 9, delta A 10, snapshot A 10, delta A 11",
        "A snapshot 5, A gap sequence 6 9 3, A stale 9, A stale 10, A snapshot 10, A delta 11",
    );
    check("snapshot A 5, delta A 3", "A snapshot 5, A gap sequence 6 3 0, A stale 3");
    let end = u64::MAX;
    check(
        &format!("snapshot A {end}, delta A {end}, delta A 1"),
        &format!("A snapshot {end}, A stale {end}, A gap sequence {end} 1 0, A stale 1"),
    );
}

#[test]
fn what_is_lost_and_repeated_is_counted() {
    let mut it = feed();
    let steps = ["snapshot A 5", "delta A 5", "delta A 6", "delta A 6", "delta A 9"].map(text);
    it.check_run(
        &steps,
        "A snapshot 5, A stale 5, A delta 6, A stale 6, A gap sequence 7 9 2, A stale 9",
    );
    assert_eq!(it.count(Counter::Duplicated), 2);
    assert_eq!(it.count(Counter::Missing), 2);
    assert_eq!(it.count(Counter::StaleDepth), 3);
}

#[test]
fn a_snapshot_replaces_the_book_at_any_time() {
    check(
        "snapshot A 5, delta A 6, snapshot A 1, delta A 2, snapshot A 99, delta A 100",
        "A snapshot 5, A delta 6, A snapshot 1, A delta 2, A snapshot 99, A delta 100",
    );
    check(
        "once A 5, once A 9, once A 9, once A 8",
        "A snapshot 5, A snapshot 9, A snapshot 9, A snapshot 8",
    );
}

#[test]
fn two_deltas_in_the_wrong_order_are_one_gap() {
    check(
        "snapshot A 5, delta A 7, delta A 6, delta A 8",
        "A snapshot 5, A gap sequence 6 7 1, A stale 7, A stale 6, A stale 8",
    );
}

#[test]
fn depth_that_cannot_be_read_breaks_its_book_alone() {
    check(
        "snapshot A 5, snapshot B 50, bad A 6, delta A 7, delta B 51",
        "A snapshot 5, B snapshot 50, A gap undecoded 6 0 0, error, A stale 7, B delta 51",
    );
    check(
        "snapshot A 5, bad-snapshot A 6, delta A 7",
        "A snapshot 5, A gap undecoded 6 0 0, error, A stale 7",
    );
    // A snapshot that would not have become the book harms nothing.
    let mut it = feed();
    let deeper = text("bad-snapshot A 90").replace(".200.", ".500.");
    it.check_run(
        &[text("snapshot A 5"), deeper, text("delta A 6")],
        "A snapshot 5, error, A delta 6",
    );
}

#[test]
fn what_is_no_depth_or_no_message_leaves_books_alone() {
    let mut it = feed();
    let trade = r#"{"topic":"publicTrade.A","data":[{"p":"x","v":"1","T":1}]}"#.to_owned();
    let cut = text("delta A 6")[..40].to_owned();
    it.check_run(
        &[text("snapshot A 5"), trade, cut, text("delta A 6")],
        "A snapshot 5, error, error, A delta 6",
    );
}

#[test]
fn a_book_is_subscribed_to_anew_once_for_each_break() {
    let mut it = live();
    it.open();
    let mut ask = |step: &str| {
        drop(it.frame(text(step)));
        it.commands()
    };
    let none: [&str; 0] = [];
    assert_eq!(ask("snapshot A 5"), none);
    assert_eq!(ask("snapshot B 5"), none);
    let again = |id: u32| {
        [
            "resync".to_owned(),
            format!(r#"{{"op":"unsubscribe","args":["orderbook.200.A"],"req_id":"{id}"}}"#),
            format!(r#"{{"op":"subscribe","args":["orderbook.200.A"],"req_id":"{}"}}"#, id + 1),
        ]
    };
    assert_eq!(ask("delta A 7"), again(2));
    assert_eq!(ask("delta A 9"), none);
    assert_eq!(ask("bad A 11"), none);
    assert_eq!(ask("delta B 6"), none);
    assert_eq!(ask("snapshot A 20"), none);
    assert_eq!(ask("bad A 21"), again(4));
    assert_eq!(ask("snapshot A 30"), none);
    assert_eq!(ask("delta A 31"), none);
}

#[test]
fn deltas_without_a_snapshot_ask_for_one_once() {
    let mut it = live();
    it.open();
    it.frame(text("delta A 7")).unwrap();
    assert_eq!(it.commands().len(), 3);
    it.frame(text("delta A 8")).unwrap();
    assert!(it.commands().is_empty());
}

#[test]
fn the_acks_of_a_resync_are_told_from_those_of_the_opening() {
    let ack = |op: &str, id: u32| {
        format!(r#"{{"success":true,"ret_msg":"","req_id":"{id}","op":"{op}"}}"#)
    };
    let mut it = live();
    it.open();
    it.frame(text("snapshot A 5")).unwrap();
    it.frame(text("delta A 7")).unwrap();
    it.check(ack("unsubscribe", 2), "ack false", &[]);
    it.check(ack("subscribe", 3), "ack false", &[]);
    it.check(ack("subscribe", 1), "ack true", &[]);
    it.frame(text("snapshot A 8")).unwrap();
    it.frame(text("delta A 10")).unwrap();
    it.check(ack("unsubscribe", 4), "ack false", &[]);
    let refused = r#"{"success":false,"ret_msg":"busy","req_id":"5","op":"subscribe"}"#;
    it.check(refused, "refused 0 reconnect 1000 false: busy [orderbook.200.A]", &[]);
}

#[test]
fn a_resync_that_nobody_answered_is_answered_by_the_next_one() {
    let mut it = live();
    it.open();
    let ack = |id: u32| format!(r#"{{"success":true,"req_id":"{id}","op":"subscribe"}}"#);
    it.check(ack(1), "ack true", &[]);
    for step in ["snapshot A 5", "delta A 7", "snapshot A 8", "delta A 10"] {
        it.frame(text(step)).unwrap();
    }
    it.check(ack(4), "ack false", &[]);
    it.check(ack(5), "ack true", &[]);
}

#[test]
fn a_lost_connection_is_a_gap_of_every_book_and_starts_it_over() {
    let mut it = live();
    assert!(it.disconnect().is_empty());
    it.check_run(
        &["snapshot A 5", "delta A 6", "snapshot B 3"].map(text),
        "A snapshot 5, A delta 6, B snapshot 3",
    );
    assert_eq!(it.disconnect(), ["A gap disconnected 0 0 0", "B gap disconnected 0 0 0"]);
    assert!(it.disconnect().is_empty());
    assert_eq!(it.open().len(), 1);
    it.check_run(
        &["delta A 7", "snapshot A 7", "delta A 8"].map(text),
        "A stale 7, A snapshot 7, A delta 8",
    );
}
