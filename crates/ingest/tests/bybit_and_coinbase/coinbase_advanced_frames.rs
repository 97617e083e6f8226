//! Every documented message shape of Coinbase Advanced Trade and what it becomes.

use tickring_ingest::{Channel, CoinbaseAdvanced, Venue};
use tickring_metrics::Counter;

use crate::words::{Feed, recording, subscription};

const L2_UPDATE: &str = r#"{"channel":"l2_data","timestamp":"2026-08-09T21:05:48.507547362Z","sequence_num":0,"events":[{"type":"update","product_id":"BTC-USD","updates":[{"side":"bid","event_time":"2026-08-09T21:05:48.407682Z","price_level":"56948.21","new_quantity":"0.01321935"},{"side":"offer","event_time":"2026-08-09T21:05:48.407682Z","price_level":"65106.54","new_quantity":"0"}]}]}"#;
const TRADES: &str = r#"{"channel":"market_trades","timestamp":"2026-08-09T21:05:48.251397169Z","sequence_num":0,"events":[{"type":"update","trades":[{"product_id":"BTC-USD","trade_id":"1068572091","price":"65083.67","size":"0.01034361","time":"2026-08-09T21:05:48.167634Z","side":"SELL"},{"product_id":"BTC-USD","trade_id":"1068572090","price":"65083.66","size":"0.5","time":"2026-08-09T21:05:48.1Z","side":"BUY"}]}]}"#;
const TICKER: &str = r#"{"channel":"ticker","timestamp":"2026-08-09T21:05:48.298032046Z","sequence_num":0,"events":[{"type":"update","tickers":[{"type":"ticker","product_id":"ETH-USD","price":"1919.41","volume_24_h":"19975.95927439","low_24_h":"1911.04","high_24_h":"1925","low_52_w":"1505","high_52_w":"4955.9","price_percent_chg_24_h":"0.02501394006035","best_bid":"1919.44","best_ask":"1919.49","best_bid_quantity":"0.02858092","best_ask_quantity":"0.07814824"}]}]}"#;
const CANDLES: &str = r#"{"channel":"candles","timestamp":"2026-08-09T21:05:55.698460338Z","sequence_num":0,"events":[{"type":"update","candles":[{"start":"1786309500","high":"65091","low":"65083.56","open":"65090","close":"65083.67","volume":"1.0555351","product_id":"BTC-USD"}]}]}"#;
const HEARTBEAT: &str = r#"{"channel":"heartbeats","timestamp":"2026-08-09T21:05:48.856364007Z","sequence_num":0,"events":[{"current_time":"2026-08-09 21:05:48.854840045 +0000 UTC m=+41691.260485341","heartbeat_counter":41691}]}"#;
const LISTED: &str = r#"{"channel":"subscriptions","timestamp":"2026-08-09T21:05:48.629706932Z","sequence_num":0,"events":[{"subscriptions":{"candles":["ETH-USD","BTC-USD"],"heartbeats":["heartbeats"],"level2":["BTC-USD","ETH-USD"],"market_trades":["BTC-USD","ETH-USD"],"ticker":["BTC-USD","ETH-USD"]}}]}"#;

pub(crate) const FRAMES: [&str; 6] = [L2_UPDATE, TRADES, TICKER, CANDLES, HEARTBEAT, LISTED];

fn feed() -> Feed<CoinbaseAdvanced> {
    Feed::new(|instruments| CoinbaseAdvanced::new(recording(), instruments))
}

fn live(symbols: &[&str], channels: &[Channel]) -> Feed<CoinbaseAdvanced> {
    let subscription = subscription(symbols, channels);
    Feed::new(|instruments| CoinbaseAdvanced::new(subscription, instruments))
}

/// The frame as message `number` of its connection.
fn at(number: u64, text: &str) -> String {
    text.replace("\"sequence_num\":0", &format!("\"sequence_num\":{number}"))
}

#[test]
fn the_venue_names_itself_and_its_kinds() {
    let venue = feed().venue;
    assert_eq!(venue.name(), "coinbase-advanced");
    let kinds = ["l2_data", "market_trades", "ticker", "ticker_batch", "candles"];
    assert_eq!(venue.message_kinds(), kinds);
}

#[test]
fn a_book_has_the_time_of_its_first_change_and_the_connections_number() {
    let mut it = feed();
    let levels = "56948.21x0.01321935 | 65106.54x0";
    let time = "BTC-USD 1786309548407682000";
    let snapshot = L2_UPDATE.replace("update\"", "snapshot\"");
    it.check(snapshot, "l2_data", &[&format!("{time} 0 levels snapshot first last: {levels}")]);
    it.check(at(1, L2_UPDATE), "l2_data", &[&format!("{time} 1 levels first last: {levels}")]);
    let untimed = at(2, L2_UPDATE).replace("event_time", "other");
    it.check(
        untimed,
        "l2_data",
        &[&format!("BTC-USD 1786309548507547362 2 levels first last: {levels}")],
    );
}

#[test]
fn sides_may_come_mixed_and_bids_are_told_first() {
    let change = |side: &str, price: u32| {
        format!(r#"{{"side":"{side}","price_level":"{price}","new_quantity":"1"}}"#)
    };
    let changes =
        [change("offer", 9), change("bid", 5), change("ask", 8), change("bid", 6)].join(",");
    let text = format!(
        r#"{{"channel":"l2_data","sequence_num":0,"events":[{{"type":"snapshot","product_id":"A","updates":[{changes}]}}]}}"#
    );
    feed().check(text, "l2_data", &["A 0 0 levels snapshot first last: 5x1 6x1 | 9x1 8x1"]);
}

#[test]
fn one_message_may_change_several_books() {
    let event = |form: &str, product: &str, quantity: &str| {
        format!(
            r#"{{"type":"{form}","product_id":"{product}","updates":[{{"side":"bid","price_level":"1","new_quantity":"{quantity}"}}]}}"#
        )
    };
    let text = |number: u64, events: &[String]| {
        format!(
            r#"{{"channel":"l2_data","sequence_num":{number},"events":[{}]}}"#,
            events.join(",")
        )
    };
    let mut it = feed();
    it.check_run(
        &[
            text(0, &[event("snapshot", "A", "1"), event("snapshot", "B", "1")]),
            text(
                1,
                &[event("update", "A", "2"), event("update", "C", "2"), event("update", "B", "1")],
            ),
            // One that cannot be read takes all of its message along.
            text(2, &[event("update", "A", "2"), event("update", "B", "x")]),
            text(3, &[event("update", "A", "1")]),
        ],
        "A snapshot 0, B snapshot 0, A delta 1, C stale 1, B delta 1, A gap undecoded 2 0 0, \
         B gap undecoded 2 0 0, error, A stale 3",
    );
    let asked = it.commands();
    assert_eq!(asked[1], r#"{"type":"unsubscribe","product_ids":["C"],"channel":"level2"}"#);
    assert_eq!(asked[4], r#"{"type":"unsubscribe","product_ids":["A","B"],"channel":"level2"}"#);
    assert_eq!(asked.len(), 6);
}

#[test]
fn trades_are_told_oldest_first_with_the_takers_side() {
    feed().check(
        TRADES,
        "market_trades",
        &[
            "BTC-USD 1786309548100000000 0 sell 65083.66x0.5 #1068572090",
            "BTC-USD 1786309548167634000 0 buy 65083.67x0.01034361 #1068572091",
        ],
    );
}

#[test]
fn trades_that_came_before_are_dropped_and_counted() {
    let mut it = feed();
    it.frame(TRADES).unwrap();
    let again = at(1, TRADES).replace("\"1068572090\"", "1068572092");
    it.check(
        again,
        "market_trades",
        &["BTC-USD 1786309548100000000 1 sell 65083.66x0.5 #1068572092"],
    );
    assert_eq!(it.count(Counter::Duplicated), 1);
    it.disconnect();
    it.open();
    it.check(TRADES, "market_trades", &[]);
    assert_eq!(it.count(Counter::Duplicated), 3);
    // A number that is none is no reason to lose a trade.
    it.frame(at(1, TRADES).replace("106857209", "x")).unwrap();
    assert_eq!(it.batch.len(), 2);
}

#[test]
fn a_ticker_is_a_top_of_book_and_a_batched_one_the_last_price() {
    let mut it = feed();
    let time = "ETH-USD 1786309548298032046";
    it.check(
        TICKER,
        "ticker",
        &[&format!("{time} 0 top 1919.44x0.02858092 1919.49x0.07814824 last 1919.41")],
    );
    let batched = at(1, TICKER).replace("\"ticker\",\"time", "\"ticker_batch\",\"time");
    let (head, _) = batched.split_once(",\"best_bid\"").unwrap();
    it.check(
        format!("{head}}}]}}]}}"),
        "ticker_batch",
        &[&format!("{time} 1 top -x- -x- last 1919.41")],
    );
    let empty = at(2, TICKER)
        .replace("\"1919.44\"", "\"0\"")
        .replace("\"0.02858092\"", "\"0\"")
        .replace("\"1919.49\"", "\"\"")
        .replace("\"0.07814824\"", "\"\"");
    it.check(empty, "ticker", &[&format!("{time} 2 top -x- -x- last 1919.41")]);
}

#[test]
fn candles_are_bars_of_five_minutes() {
    feed().check(
        CANDLES,
        "candles",
        &["BTC-USD 1786309555698460338 0 bar 1786309500000000000 300000000000 65090 65091 65083.56 65083.67 1.0555351"],
    );
}

#[test]
fn heartbeats_are_life_signs_whatever_their_counter_is() {
    let mut it = feed();
    it.check(HEARTBEAT, "pong", &[]);
    it.check(at(1, HEARTBEAT).replace("41691}", "\"41692\"}"), "pong", &[]);
    assert!(it.remarks().is_empty());
    it.check(at(2, HEARTBEAT).replace("41691}", "[]}"), "pong", &[]);
    assert_eq!(it.remarks(), ["unreadable_heartbeat"]);
}

#[test]
fn what_is_not_documented_is_read_or_counted() {
    let mut it = feed();
    let bare = L2_UPDATE
        .replace("update\"", "snapshot\"")
        .replace(
            "\"56948.21\",\"new_quantity\":\"0.01321935\"",
            "56948.21,\"new_quantity\":0.01321935,\"new\":{}",
        )
        .replace(":0,\"events", ":\"0\",\"events");
    it.check(
        bare,
        "l2_data",
        &["BTC-USD 1786309548407682000 0 levels snapshot first last: 56948.21x0.01321935 | 65106.54x0"],
    );
    it.check(at(1, L2_UPDATE).replace("l2_data", "status"), "ignored unknown_channel", &[]);
    let trades = at(2, TRADES).replace("SELL", "NEITHER").replace("48.167634Z", "?");
    it.frame(trades).unwrap();
    assert!(it.words()[1].starts_with("BTC-USD 0 2 unknown 65083.67"), "{:?}", it.words());
    assert_eq!(it.remarks(), ["unreadable_time", "unknown_side"]);
    it.check(
        at(3, CANDLES).replace("\"1786309500\"", "true"),
        "field `start` has the wrong type",
        &[],
    );
    it.check(
        at(4, TICKER).replace("1919.44", "?"),
        "field `best_bid`: text is not a decimal number",
        &[],
    );
    let empty =
        r#"{"channel":"ticker","sequence_num":5,"events":[{"tickers":[{"product_id":"A"}]}]}"#;
    it.check(empty, "ticker", &[]);
    assert_eq!(it.remarks(), ["ticker_without_price"]);
    it.check(r#"{"channel":"ticker","sequence_num":6,"events":[]}"#, "ticker", &[]);
    it.check(r#"{"channel":"ticker","events":[]}"#, "field `sequence_num` is missing", &[]);
    it.check(r#"{"sequence_num":7}"#, "field `channel` is missing", &[]);
    it.check("]", "frame is not valid JSON", &[]);
    it.check(at(8, HEARTBEAT), "pong", &[]);
}

#[test]
fn one_message_subscribes_each_channel_and_heartbeats_come_with_them() {
    let mut it = live(&["btc-usd", "ETH-USD"], &Channel::ALL);
    let products = r#""product_ids":["BTC-USD","ETH-USD"]"#;
    let subscribe = |channel| format!(r#"{{"type":"subscribe",{products},"channel":"{channel}"}}"#);
    let expected = [
        r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned(),
        subscribe("market_trades"),
        subscribe("ticker"),
        subscribe("level2"),
        subscribe("candles"),
    ];
    assert_eq!(it.open(), expected);
    it.disconnect();
    assert_eq!(it.open(), expected);
    assert!(feed().open().is_empty(), "nothing is asked of a recording");
}

#[test]
fn the_answers_are_complete_when_all_that_was_asked_for_is_listed() {
    let mut it = live(&["BTC-USD", "ETH-USD"], &[Channel::Trade, Channel::Ticker]);
    it.open();
    // Data comes before its answer.
    it.frame(TICKER).unwrap();
    let without = at(1, LISTED).replace("\"ticker\"", "\"other\"");
    it.check(without, "ack false", &[]);
    let without = at(2, LISTED).replace("\"ticker\":[\"BTC-USD\",", "\"ticker\":[");
    it.check(without, "ack false", &[]);
    let without = at(3, LISTED).replace("\"heartbeats\":", "\"other\":");
    it.check(without, "ack false", &[]);
    it.check(at(4, LISTED), "ack true", &[]);
    it.check(
        at(5, LISTED).replace("events\":[", "events\":[[]],\"old\":["),
        "field `subscriptions` is missing",
        &[],
    );
    feed().check(LISTED.replace("level2", "other"), "ack true", &[]);
}

#[test]
fn only_the_products_asked_for_are_decoded() {
    let mut it = live(&["ETH-USD"], &[Channel::Trade]);
    it.open();
    it.check(TRADES, "ignored other_symbol", &[]);
    it.check(at(1, L2_UPDATE), "ignored other_symbol", &[]);
    it.check(at(2, CANDLES), "ignored other_symbol", &[]);
    it.frame(at(3, TICKER)).unwrap();
    assert_eq!(it.batch.len(), 1);
    it.check(at(5, HEARTBEAT), "pong", &["- gap sequence 4 5 1"]);
}

fn error(words: &str) -> String {
    format!(r#"{{"type":"error","message":"{words}"}}"#)
}

#[test]
fn a_refused_product_is_given_up_and_the_rest_is_asked_for_again() {
    let mut it = live(&["BTC-USD", "XXX-USD"], &[Channel::Trade, Channel::Depth]);
    it.open();
    let listed = LISTED.replace("\"market_trades\"", "\"other\"");
    it.check(listed, "ack false", &[]);
    it.check(error("busy"), "refused 0 continue false: busy", &[]);
    assert!(it.commands().is_empty());
    it.check(error("XXX-USD: no product"), "refused 0 continue false: XXX-USD: no product", &[]);
    assert_eq!(
        it.commands(),
        [
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"market_trades"}"#,
            r#"{"type":"subscribe","product_ids":["BTC-USD"],"channel":"level2"}"#,
        ]
    );
    it.check(error("XXX-USD: no product"), "refused 0 continue false: XXX-USD: no product", &[]);
    assert!(it.commands().is_empty());
    it.check(at(1, LISTED), "ack true", &[]);
    it.check(error("btc-usd delisted"), "refused 0 stop true: btc-usd delisted", &[]);
    feed().check(error("BTC-USD"), "refused 0 continue true: BTC-USD", &[]);
}

#[test]
fn a_refusal_may_be_numbered_like_any_message() {
    let mut it = feed();
    it.frame(HEARTBEAT).unwrap();
    let text = r#"{"type":"error","message":"no","sequence_num":2}"#;
    it.check(text, "refused 0 continue true: no", &["- gap sequence 1 2 1"]);
}
