//! What becomes of Coinbase Advanced Trade's books when the number of its connection jumps.

use tickring_ingest::{Channel, CoinbaseAdvanced};
use tickring_metrics::Counter;

use crate::words::{Feed, recording, subscription};

fn feed() -> Feed<CoinbaseAdvanced> {
    Feed::new(|instruments| CoinbaseAdvanced::new(recording(), instruments))
}

fn live() -> Feed<CoinbaseAdvanced> {
    let subscription = subscription(&["A", "B"], &[Channel::Depth, Channel::Trade]);
    Feed::new(|instruments| CoinbaseAdvanced::new(subscription, instruments))
}

/// `snapshot A 5`, `delta A 6`, `bad A 7` (a quantity that is none), `nameless A 7` (without a
/// product), `trade A 8`, `beat A 9`.
fn text(step: &str) -> String {
    let words: Vec<_> = step.split(' ').collect();
    let [word, product, number] = words[..] else { panic!("{step}") };
    let quantity = if word == "bad" { "x" } else { "1.5" };
    let form = if word == "snapshot" { "snapshot" } else { "update" };
    let name = if word == "nameless" { "product" } else { "product_id" };
    let (channel, event) = match word {
        "trade" => (
            "market_trades",
            format!(
                r#"{{"type":"update","trades":[{{"product_id":"{product}","trade_id":"{number}","price":"2.5","size":"1","side":"BUY"}}]}}"#
            ),
        ),
        "beat" => ("heartbeats", r#"{"heartbeat_counter":1}"#.to_owned()),
        _ => (
            "l2_data",
            format!(
                r#"{{"type":"{form}","{name}":"{product}","updates":[{{"side":"bid","price_level":"2.5","new_quantity":"{quantity}"}}]}}"#
            ),
        ),
    };
    format!(r#"{{"channel":"{channel}","sequence_num":{number},"events":[{event}]}}"#)
}

fn texts(steps: &str) -> Vec<String> {
    steps.split(", ").map(text).collect()
}

#[track_caller]
fn check(steps: &str, events: &str) {
    feed().check_run(&texts(steps), events);
}

#[test]
fn all_channels_and_products_share_one_numbering() {
    check(
        "snapshot A 0, trade A 1, snapshot B 2, beat A 3, delta A 4, delta B 5, delta A 6",
        "A snapshot 0, A trade 1, B snapshot 2, A delta 4, B delta 5, A delta 6",
    );
}

#[test]
fn a_jump_is_one_gap_of_all_books_whatever_was_lost() {
    check(
        "snapshot A 0, snapshot B 1, beat A 4, delta A 5, trade A 6, delta B 7, snapshot A 8, delta A 9, delta B 10",
        "A snapshot 0, B snapshot 1, - gap sequence 2 4 2, A stale 5, A trade 6, B stale 7, \
         A snapshot 8, A delta 9, B stale 10",
    );
    check("snapshot A 0, delta A 2", "A snapshot 0, - gap sequence 1 2 1, A stale 2");
    check("trade A 0, trade A 3", "A trade 0, - gap sequence 1 3 2, A trade 3");
    check("beat A 2, snapshot A 3", "- gap sequence 0 2 2, A snapshot 3");
}

#[test]
fn what_is_lost_and_repeated_is_counted() {
    let mut it = feed();
    it.check_run(
        &texts("snapshot A 0, delta A 1, delta A 1, delta A 5, delta A 3, delta A 6"),
        "A snapshot 0, A delta 1, - gap sequence 2 5 3, A stale 5, A stale 6",
    );
    assert_eq!(it.count(Counter::Duplicated), 1);
    assert_eq!(it.count(Counter::Reordered), 1);
    assert_eq!(it.count(Counter::Missing), 3);
    it.check(text("delta A 6"), "ignored late_message", &[]);
}

#[test]
fn number_0_starts_over() {
    check(
        "snapshot A 0, delta A 1, beat A 0, delta A 1, snapshot A 2, delta A 3",
        "A snapshot 0, A delta 1, A gap disconnected 0 0 0, A stale 1, A snapshot 2, A delta 3",
    );
}

#[test]
fn a_lost_connection_is_a_gap_of_every_book_and_starts_it_over() {
    let mut it = live();
    it.open();
    it.check_run(&texts("snapshot A 0, snapshot B 1"), "A snapshot 0, B snapshot 1");
    assert_eq!(it.disconnect(), ["A gap disconnected 0 0 0", "B gap disconnected 0 0 0"]);
    assert!(it.disconnect().is_empty());
    assert_eq!(it.open().len(), 3);
    it.check_run(&texts("snapshot A 0, delta A 1"), "A snapshot 0, A delta 1");
}

#[test]
fn depth_that_cannot_be_read_breaks_its_book_and_the_numbering_goes_on() {
    check(
        "snapshot A 0, snapshot B 1, bad A 2, delta B 3, delta A 4",
        "A snapshot 0, B snapshot 1, A gap undecoded 2 0 0, error, B delta 3, A stale 4",
    );
    check(
        "snapshot A 0, snapshot B 1, nameless A 2, delta B 3",
        "A snapshot 0, B snapshot 1, A gap undecoded 2 0 0, B gap undecoded 2 0 0, error, B stale 3",
    );
}

#[test]
fn a_message_that_may_be_anyones_asks_for_no_book_that_there_never_was() {
    let mut it = live();
    it.open();
    let frames = texts("snapshot A 0, trade B 1, nameless A 2");
    it.check_run(&frames, "A snapshot 0, B trade 1, A gap undecoded 2 0 0, error");
    let asked = it.commands();
    assert!(asked[1].contains(r#""product_ids":["A"]"#), "{asked:?}");
}

#[test]
fn a_connection_that_ended_counts_anew_even_if_nobody_opens_the_next() {
    let mut it = feed();
    it.check_run(
        &texts("snapshot A 0, delta A 1, delta A 2"),
        "A snapshot 0, A delta 1, A delta 2",
    );
    it.disconnect();
    it.check_run(&texts("snapshot A 1"), "- gap sequence 0 1 1, A snapshot 1");
}

#[test]
fn a_message_that_is_not_even_numbered_shows_as_a_jump() {
    let mut frames = texts("snapshot A 0, delta A 1, delta A 2");
    frames[1] = frames[1].replace("sequence_num", "number");
    feed().check_run(&frames, "A snapshot 0, error, - gap sequence 1 2 1, A stale 2");
    frames[1] = frames[1][..50].to_owned();
    feed().check_run(&frames, "A snapshot 0, error, - gap sequence 1 2 1, A stale 2");
}

#[test]
fn other_messages_that_cannot_be_read_leave_books_alone() {
    let mut frames = texts("snapshot A 0, trade A 1, delta A 2");
    frames[1] = frames[1].replace("2.5", "?");
    feed().check_run(&frames, "A snapshot 0, error, A delta 2");
}

#[test]
fn bare_numbers_do_not_count_a_message_twice() {
    let mut frames = texts("snapshot A 0, delta A 3, delta A 4, snapshot A 5, delta A 6");
    for text in &mut frames {
        *text = text.replace("\"2.5\"", "2.5");
    }
    let mut it = feed();
    it.check_run(
        &frames,
        "A snapshot 0, - gap sequence 1 3 2, A stale 3, A stale 4, A snapshot 5, A delta 6",
    );
    assert_eq!(it.count(Counter::Missing), 2);
    assert_eq!(it.count(Counter::StaleDepth), 2);
    assert_eq!(it.commands().len(), 3);
}

#[test]
fn all_books_are_subscribed_to_anew_once_for_each_break() {
    let mut it = live();
    it.open();
    let mut ask = |step: &str| {
        drop(it.frame(text(step)));
        it.commands()
    };
    let again = |products: &str| {
        [
            "resync".to_owned(),
            format!(r#"{{"type":"unsubscribe","product_ids":[{products}],"channel":"level2"}}"#),
            format!(r#"{{"type":"subscribe","product_ids":[{products}],"channel":"level2"}}"#),
        ]
    };
    let none: [&str; 0] = [];
    assert_eq!(ask("snapshot A 0"), none);
    assert_eq!(ask("trade B 1"), none);
    assert_eq!(ask("delta B 2"), again(r#""B""#));
    assert_eq!(ask("delta B 3"), none);
    assert_eq!(ask("snapshot B 4"), none);
    assert_eq!(ask("beat A 6"), again(r#""A","B""#));
    assert_eq!(ask("delta A 7"), none);
    assert_eq!(ask("delta B 8"), none);
    assert_eq!(ask("bad B 9"), none);
    // The snapshots may have been among what was lost.
    assert_eq!(ask("beat A 12"), again(r#""A","B""#));
    assert_eq!(ask("snapshot A 13"), none);
    assert_eq!(ask("snapshot B 14"), none);
    assert_eq!(ask("bad B 15"), again(r#""B""#));
}

#[test]
fn without_a_book_nothing_is_subscribed_to_anew() {
    let mut it = live();
    it.open();
    it.check_run(&texts("trade A 0, trade A 4"), "A trade 0, - gap sequence 1 4 3, A trade 4");
    assert!(it.commands().is_empty());
}
