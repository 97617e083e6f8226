//! What becomes of Coinbase Exchange's books and trades when something is missing.

use tickring_ingest::{Channel, CoinbaseExchange};
use tickring_metrics::Counter;

use crate::words::{Feed, recording, subscription};

fn feed() -> Feed<CoinbaseExchange> {
    Feed::new(|instruments| CoinbaseExchange::new(recording(), instruments))
}

/// `snapshot A`, `delta A`, `bad A` (a quantity that is none), `trade A 8`, `last A 8` or
/// `beat A 9`.
fn text(step: &str) -> String {
    let mut words = step.split(' ');
    let (word, product) = (words.next().unwrap(), words.next().unwrap());
    let id = words.next().unwrap_or("0");
    let head = format!(r#""product_id":"{product}","time":"2021-04-17T16:43:37Z""#);
    match word {
        "snapshot" => format!(r#"{{"type":"snapshot",{head},"bids":[["2.5","1"]],"asks":[]}}"#),
        "bad-snapshot" => format!(r#"{{"type":"snapshot",{head},"bids":[["2.5","x"]],"asks":[]}}"#),
        "delta" => format!(r#"{{"type":"l2update",{head},"changes":[["buy","2.5","1"]]}}"#),
        "bad" => format!(r#"{{"type":"l2update",{head},"changes":[["up","2.5","1"]]}}"#),
        "beat" => format!(r#"{{"type":"heartbeat",{head},"last_trade_id":{id},"sequence":9}}"#),
        "trade" | "last" => {
            let kind = if word == "last" { "last_match" } else { "match" };
            format!(
                r#"{{"type":"{kind}",{head},"trade_id":{id},"side":"buy","size":"1","price":"2.5","sequence":9}}"#
            )
        }
        _ => panic!("{step}"),
    }
}

fn texts(steps: &str) -> Vec<String> {
    steps.split(", ").map(text).collect()
}

#[track_caller]
fn check(steps: &str, events: &str) {
    feed().check_run(&texts(steps), events);
}

#[test]
fn a_book_begins_with_its_snapshot() {
    check(
        "delta A, snapshot A, delta A, snapshot A, delta A",
        "A stale 0, A snapshot 0, A delta 0, A snapshot 0, A delta 0",
    );
}

#[test]
fn missing_trades_are_counted_and_leave_the_book_alone() {
    let mut it = feed();
    it.check_run(
        &texts("snapshot A, last A 5, trade A 6, trade A 9, delta A, trade B 1, trade A 10"),
        "A snapshot 0, A trade 5, A trade 6, A hole sequence 7 9 2, A trade 9, A delta 0, \
         B trade 1, A trade 10",
    );
    assert_eq!(it.count(Counter::Missing), 2);
}

#[test]
fn a_late_trade_is_told_and_a_second_one_dropped() {
    let mut it = feed();
    it.check_run(
        &texts("trade A 5, trade A 7, trade A 6, trade A 6, trade A 5, trade A 8"),
        "A trade 5, A hole sequence 6 7 1, A trade 7, A trade 6, A trade 8",
    );
    assert_eq!(it.count(Counter::Reordered), 1);
    assert_eq!(it.count(Counter::Duplicated), 2);
}

#[test]
fn a_heartbeat_shows_trades_that_never_came() {
    let mut it = feed();
    it.check_run(
        &texts("beat A 3, trade A 5, beat A 5, beat A 4, beat A 8, trade A 8, trade A 9, beat A 9"),
        "A trade 5, A hole sequence 6 8 3, A trade 8, A trade 9",
    );
    it.check_run(&texts("beat A 10"), "A hole sequence 10 10 1");
    assert_eq!(it.count(Counter::Missing), 4);
    assert_eq!(it.count(Counter::Reordered), 1);
}

#[test]
fn what_was_traded_during_a_reconnect_is_counted() {
    let mut it = feed();
    it.check_run(&texts("snapshot A, trade A 5"), "A snapshot 0, A trade 5");
    assert_eq!(it.disconnect(), ["A gap disconnected 0 0 0"]);
    assert!(it.disconnect().is_empty());
    it.check_run(
        &texts("delta A, last A 9, snapshot A, trade A 10"),
        "A stale 0, A hole sequence 6 9 3, A trade 9, A snapshot 0, A trade 10",
    );
    assert_eq!(it.disconnect(), ["A gap disconnected 0 0 0"]);
    it.check_run(&texts("last A 10, trade A 11"), "A trade 11");
}

#[test]
fn depth_that_cannot_be_read_breaks_its_book_alone() {
    check(
        "snapshot A, snapshot B, bad A, delta A, delta B, bad-snapshot B, delta B",
        "A snapshot 0, B snapshot 0, A gap undecoded 0 0 0, error, A stale 0, B delta 0, \
         B gap undecoded 0 0 0, error, B stale 0",
    );
    let mut frames = texts("snapshot A, trade A 5, delta A, delta A");
    frames[1] = frames[1].replace("2.5", "?");
    frames[2].truncate(30);
    feed().check_run(&frames, "A snapshot 0, error, error, A delta 0");
}

#[test]
fn a_book_is_subscribed_to_anew_once_for_each_break() {
    let subscription = subscription(&["A"], &[Channel::Depth]);
    let mut it = Feed::new(|them| CoinbaseExchange::new(subscription, them));
    it.open();
    let mut ask = |step: &str| {
        drop(it.frame(text(step)));
        it.commands()
    };
    let again = [
        "resync",
        r#"{"type":"unsubscribe","product_ids":["A"],"channels":["level2_batch"]}"#,
        r#"{"type":"subscribe","product_ids":["A"],"channels":["level2_batch"]}"#,
    ];
    let none: [&str; 0] = [];
    assert_eq!(ask("delta A"), again);
    assert_eq!(ask("delta A"), none);
    assert_eq!(ask("snapshot A"), none);
    assert_eq!(ask("bad A"), again);
    assert_eq!(ask("bad A"), none);
    assert_eq!(ask("delta A"), none);
    assert_eq!(ask("snapshot A"), none);
    assert_eq!(ask("trade A 5"), none);
    assert_eq!(ask("trade A 9"), none);
}
