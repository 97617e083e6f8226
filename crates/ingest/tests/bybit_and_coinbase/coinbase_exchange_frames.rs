//! Every documented message shape of Coinbase Exchange and what it becomes.

use tickring_ingest::{Channel, CoinbaseExchange, Venue};

use crate::words::{Feed, recording, subscription};

const SNAPSHOT: &str = r#"{"type":"snapshot","product_id":"SKL-BTC","asks":[["0.00001306","660.5"],["0.00001307","1.0"]],"bids":[["0.00001305","985.1"]]}"#;
const UPDATE: &str = r#"{"type":"l2update","product_id":"SKL-BTC","changes":[["sell","0.00001306","0.00000000"],["buy","0.00001304","7"]],"time":"2021-04-17T16:43:37.075687Z"}"#;
const MATCH: &str = r#"{"type":"match","trade_id":280232,"maker_order_id":"2a0da34e-61f7-4c36-88e5-c9dd15927b16","taker_order_id":"3c82abaa-c01e-4608-be59-6a1e69742891","side":"sell","size":"985","price":"0.00001305","product_id":"SKL-BTC","sequence":177100030,"time":"2021-04-17T16:43:37.089723Z"}"#;
const TICKER: &str = r#"{"type":"ticker","sequence":333938798,"product_id":"BAND-GBP","price":"14.7775","open_24h":"14.6647","volume_24h":"94381.28000000","low_24h":"14.3691","high_24h":"16.55","volume_30d":"2295579.57000000","best_bid":"14.7550","best_ask":"14.8060","side":"buy","time":"2021-04-17T16:43:30.244075Z","trade_id":881613,"last_size":"0.04"}"#;
const HEARTBEAT: &str = r#"{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}"#;
const LISTED: &str = r#"{"type":"subscriptions","channels":[{"name":"level2_batch","product_ids":["SKL-BTC","BAND-GBP"],"account_ids":null},{"name":"ticker","product_ids":["BAND-GBP","SKL-BTC"]},{"name":"matches","product_ids":["BAND-GBP","SKL-BTC"]},{"name":"heartbeat","product_ids":["BAND-GBP","SKL-BTC"]}]}"#;

pub(crate) const FRAMES: [&str; 6] = [SNAPSHOT, UPDATE, MATCH, TICKER, HEARTBEAT, LISTED];

fn feed() -> Feed<CoinbaseExchange> {
    Feed::new(|instruments| CoinbaseExchange::new(recording(), instruments))
}

fn live(symbols: &[&str], channels: &[Channel]) -> Feed<CoinbaseExchange> {
    let subscription = subscription(symbols, channels);
    Feed::new(|instruments| CoinbaseExchange::new(subscription, instruments))
}

const ALL: [Channel; 3] = [Channel::Trade, Channel::Ticker, Channel::Depth];

#[test]
fn the_venue_names_itself_and_its_kinds() {
    let venue = feed().venue;
    assert_eq!(venue.name(), "coinbase-exchange");
    assert_eq!(venue.message_kinds(), ["snapshot", "l2update", "match", "last_match", "ticker"]);
}

#[test]
fn a_snapshot_and_its_changes_are_a_book_without_numbers() {
    let mut it = feed();
    it.check(
        SNAPSHOT,
        "snapshot",
        &["SKL-BTC 0 0 levels snapshot first last: 0.00001305x985.1 | 0.00001306x660.5 0.00001307x1.0"],
    );
    it.check(
        UPDATE,
        "l2update",
        &["SKL-BTC 1618677817075687000 0 levels first last: 0.00001304x7.00000000 | 0.00001306x0.00000000"],
    );
    for zero in ["0", "0.0", "0.000"] {
        it.frame(UPDATE.replace("0.00000000", zero)).unwrap();
        assert!(it.words()[0].ends_with("0.00001306x0.00000000"), "{:?}", it.words());
    }
}

#[test]
fn a_match_has_the_takers_side() {
    let mut it = feed();
    let sold = "SKL-BTC 1618677817089723000 177100030 buy 0.00001305x985 #280232";
    it.check(MATCH, "match", &[sold]);
    let bought = MATCH.replace("sell", "buy").replace("280232", "\"280233\"");
    let bought_words = sold.replace("buy", "sell").replace("280232", "280233");
    it.check(bought.replace("match\"", "last_match\""), "last_match", &[&bought_words]);
    it.check(
        MATCH.replace("sell", "both").replace("280232", "280234"),
        "match",
        &[&sold.replace("buy", "unknown").replace("280232", "280234")],
    );
    assert_eq!(it.remarks(), ["unknown_side"]);
}

#[test]
fn a_ticker_is_a_top_of_book_with_quantities_where_they_are_told() {
    let mut it = feed();
    let head = "BAND-GBP 1618677810244075000 333938798 top";
    it.check(TICKER, "ticker", &[&format!("{head} 14.7550x- 14.8060x- last 14.7775")]);
    let newer =
        TICKER.replace("\"side\"", "\"best_bid_size\":\"1.25\",\"best_ask_size\":\"2\",\"side\"");
    it.check(newer, "ticker", &[&format!("{head} 14.7550x1.25 14.8060x2 last 14.7775")]);
}

#[test]
fn what_is_not_documented_is_read_or_counted() {
    let mut it = feed();
    it.check(SNAPSHOT.replace("\"0.00001305\",\"985.1\"", "0.00001305,985.1"), "snapshot", &["SKL-BTC 0 0 levels snapshot first last: 0.00001305x985.1 | 0.00001306x660.5 0.00001307x1.0"]);
    it.check(HEARTBEAT, "pong", &[]);
    it.check(r#"{"type":"status","products":[]}"#, "ignored status", &[]);
    it.check(r#"{"type":"received"}"#, "ignored unknown_type", &[]);
    it.check(r#"{"type":"heartbeat"}"#, "field `last_trade_id` is missing", &[]);
    it.check(
        TICKER.replace("14.7550", "14,7"),
        "field `best_bid`: text is not a decimal number",
        &[],
    );
    it.check(r#"{"type":"ticker","product_id":"A"}"#, "ignored ticker_without_price", &[]);
    it.check("{}", "field `type` is missing", &[]);
    it.check("nonsense", "frame is not valid JSON", &[]);
    it.check(
        MATCH.replace("\"280232\"", "\"x\"").replace("280232", "[]"),
        "field `trade_id` has the wrong type",
        &[],
    );
    it.frame(MATCH.replace("2021-04", "in April")).unwrap();
    assert_eq!(it.remarks(), ["unreadable_time"]);
}

#[test]
fn only_the_products_asked_for_are_decoded() {
    let mut it = live(&["band-gbp"], &ALL);
    for text in [SNAPSHOT, UPDATE, MATCH] {
        it.check(text, "ignored other_symbol", &[]);
    }
    it.check(HEARTBEAT, "pong", &[]);
    it.frame(TICKER).unwrap();
    assert_eq!(it.batch.len(), 1);
}

#[test]
fn one_message_subscribes_to_everything() {
    let mut it = live(&["skl-btc", "BAND-GBP"], &ALL);
    let expected = [
        r#"{"type":"subscribe","product_ids":["SKL-BTC","BAND-GBP"],"channels":["matches","ticker","level2_batch","heartbeat"]}"#,
    ];
    assert_eq!(it.open(), expected);
    it.disconnect();
    assert_eq!(it.open(), expected);
    assert!(feed().open().is_empty(), "nothing is asked of a recording");
    let subscription = subscription(&["A"], &[Channel::Bar]);
    let instruments = std::sync::Arc::new(tickring_event::Instruments::new());
    assert!(CoinbaseExchange::new(subscription, instruments).is_err(), "there are no bars");
}

#[test]
fn the_answer_is_complete_when_all_that_was_asked_for_is_listed() {
    let mut it = live(&["SKL-BTC", "BAND-GBP"], &ALL);
    it.open();
    it.check(LISTED.replace("matches", "full"), "ack false", &[]);
    it.check(LISTED.replace("SKL-BTC", "SKL-EUR"), "ack false", &[]);
    it.check(LISTED, "ack true", &[]);
    it.check(LISTED.replace("level2_batch", "level2"), "ack true", &[]);
    feed().check(LISTED, "ack true", &[]);
    feed().check(r#"{"type":"subscriptions"}"#, "field `channels` is missing", &[]);
}

#[test]
fn what_is_refused_is_given_up_and_the_rest_is_asked_for_again() {
    let error = |reason: &str| {
        format!(r#"{{"type":"error","message":"Failed to subscribe","reason":"{reason}"}}"#)
    };
    let mut it = live(&["SKL-BTC", "XXX-BTC"], &ALL);
    it.open();
    it.check(
        error("XXX-BTC is not a valid product"),
        "refused 0 continue false: Failed to subscribe: XXX-BTC is not a valid product",
        &[],
    );
    assert_eq!(
        it.commands(),
        [
            r#"{"type":"subscribe","product_ids":["SKL-BTC"],"channels":["matches","ticker","level2_batch","heartbeat"]}"#
        ]
    );
    it.check(
        error("level2_batch requires authentication"),
        "refused 0 continue false: Failed to subscribe: level2_batch requires authentication",
        &[],
    );
    assert_eq!(
        it.commands(),
        [
            r#"{"type":"subscribe","product_ids":["SKL-BTC"],"channels":["matches","ticker","heartbeat"]}"#
        ]
    );
    it.check(LISTED, "ack true", &[]);
    it.check(error("?"), "refused 0 continue true: Failed to subscribe: ?", &[]);
    it.check(error("SKL-BTC"), "refused 0 stop true: Failed to subscribe: SKL-BTC", &[]);
    feed().check(error("?"), "refused 0 continue true: Failed to subscribe: ?", &[]);
}
