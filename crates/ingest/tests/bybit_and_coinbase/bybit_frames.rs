//! Every documented message shape of Bybit and what it becomes.

use tickring_ingest::{Bybit, BybitProduct, Channel, Subscription, SubscriptionError, Venue};

use crate::words::{Feed, recording, subscription};

const DELTA: &str = r#"{"topic":"orderbook.200.BTCUSDT","ts":1786310816618,"type":"delta","data":{"s":"BTCUSDT","b":[["65140.4","0.875077"]],"a":[["65154.6","0.09948"],["65239.1","0"]],"u":62505425,"seq":112488545865},"cts":1786310816585}"#;
const DEPTH_1: &str = r#"{"topic":"orderbook.1.BANDUSDT","type":"snapshot","ts":1749833474773,"data":{"s":"BANDUSDT","b":[["0.6131","17.9"]],"a":[["0.6134","35.4"]],"u":24042997,"seq":209972815373},"cts":1749833474768}"#;
const LINEAR_TRADE: &str = r#"{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":1786310819681,"data":[{"T":1786310819680,"s":"BTCUSDT","S":"Sell","v":"0.004","p":"65114.20","L":"MinusTick","i":"a9188a0a-82bc-50de-be60-03eedbe3cdd7","BT":false,"RPI":false,"seq":753843954913}]}"#;
const SPOT_TRADE: &str = r#"{"topic":"publicTrade.ETHUSDT","ts":1786310821917,"type":"snapshot","data":[{"i":"2280000001739247417","T":1786310821917,"p":"1923.28","v":"0.04537","S":"Buy","seq":178477362706,"s":"ETHUSDT","BT":false,"RPI":false}]}"#;
const SPOT_TICKER: &str = r#"{"topic":"tickers.BTCUSDT","ts":1786310819126,"type":"snapshot","cs":112488546160,"data":{"symbol":"BTCUSDT","lastPrice":"65140.5","highPrice24h":"65305.6","lowPrice24h":"64727.9","prevPrice24h":"65045.3","volume24h":"2953.835931","turnover24h":"191907024.69597728","price24hPcnt":"0.0015","usdIndexPrice":"65091.459221"}}"#;
const KLINE: &str = r#"{"type":"snapshot","topic":"kline.1.BTCUSDT","data":[{"start":1786310760000,"end":1786310819999,"interval":"1","open":"65140.4","close":"65140.5","high":"65140.7","low":"65140.3","volume":"0.15318","turnover":"9978.2084389","confirm":false,"timestamp":1786310816562}],"ts":1786310816563}"#;

pub(crate) const FRAMES: [&str; 6] = [DELTA, DEPTH_1, LINEAR_TRADE, SPOT_TRADE, SPOT_TICKER, KLINE];

fn feed(product: BybitProduct) -> Feed<Bybit> {
    Feed::new(|instruments| Bybit::new(product, recording(), instruments))
}

fn live(symbols: &[&str], channels: &[Channel]) -> Feed<Bybit> {
    let subscription = subscription(symbols, channels);
    Feed::new(|instruments| Bybit::new(BybitProduct::Spot, subscription, instruments))
}

#[test]
fn each_product_has_its_name_and_its_socket() {
    for (product, name) in [
        (BybitProduct::Spot, "spot"),
        (BybitProduct::Linear, "linear"),
        (BybitProduct::Inverse, "inverse"),
    ] {
        let feed = feed(product);
        assert_eq!(feed.venue.name(), format!("bybit-{name}"));
        assert_eq!(Bybit::offer(product).venue, feed.venue.name());
        assert!(Bybit::profile(product).url.ends_with(&format!("/v5/public/{name}")));
    }
    assert_eq!(
        feed(BybitProduct::Spot).venue.message_kinds(),
        ["orderbook", "publicTrade", "tickers", "kline"]
    );
}

#[test]
fn a_book_of_any_key_order_has_the_engines_time_and_its_own_number() {
    let mut it = feed(BybitProduct::Spot);
    it.check(
        DEPTH_1,
        "orderbook",
        &["BANDUSDT 1749833474768000000 24042997 levels snapshot first last: 0.6131x17.9 | 0.6134x35.4"],
    );
    let delta = "65140.4x0.875077 | 65154.6x0.09948 65239.1x0";
    let delta = format!("BTCUSDT 1786310816585000000 62505425 levels stale first last: {delta}");
    it.check(DELTA, "orderbook", &[&delta]);
    let snapshot = DELTA.replace("delta", "snapshot").replace(",\"cts\":1786310816585", "");
    let seeded = delta.replace("stale", "snapshot").replace("16585", "16618");
    it.check(snapshot, "orderbook", &[&seeded]);
}

#[test]
fn a_large_depth_message_is_a_run_of_events() {
    let level = |at: usize| format!(r#"["1.{at}","2"]"#);
    let levels = (0..8).map(level).collect::<Vec<_>>().join(",");
    let text = format!(
        r#"{{"topic":"orderbook.50.A","type":"snapshot","data":{{"u":7,"b":[{levels}],"a":[{levels}]}}}}"#
    );
    let mut it = feed(BybitProduct::Linear);
    it.frame(text).unwrap();
    let shapes: Vec<_> =
        it.words().iter().map(|it| it.split(':').next().unwrap().to_owned()).collect();
    assert_eq!(
        shapes,
        [
            "A 0 7 levels snapshot first",
            "A 0 7 levels snapshot",
            "A 0 7 levels snapshot",
            "A 0 7 levels snapshot last"
        ]
    );
}

#[test]
fn a_trade_has_the_takers_side_and_a_number_where_its_id_is_one() {
    let mut it = feed(BybitProduct::Linear);
    let sell = "BTCUSDT 1786310819680000000 753843954913 sell 65114.20x0.004 #-";
    it.check(LINEAR_TRADE, "publicTrade", &[sell]);
    let buy = "ETHUSDT 1786310821917000000 178477362706 buy 1923.28x0.04537 #2280000001739247417";
    it.check(SPOT_TRADE, "publicTrade", &[buy]);
}

#[test]
fn a_message_may_hold_more_than_a_thousand_trades() {
    let trade = |at: u32| format!(r#"{{"T":{at},"S":"Buy","p":"1.5","v":"2","i":"{at}"}}"#);
    let trades = (0..1_024).map(trade).collect::<Vec<_>>().join(",");
    let text = format!(r#"{{"topic":"publicTrade.A","type":"snapshot","data":[{trades}]}}"#);
    let mut it = feed(BybitProduct::Spot);
    it.frame(text).unwrap();
    assert_eq!(it.batch.len(), 1_024);
    assert_eq!(it.words()[1_023], "A 1023000000 0 buy 1.5x2 #1023");
}

#[test]
fn a_ticker_of_contracts_keeps_the_last_of_every_field() {
    let mut it = feed(BybitProduct::Linear);
    let text = |form: &str, fields: &str| {
        format!(
            r#"{{"topic":"tickers.BTCUSDT","type":"{form}","data":{{"symbol":"BTCUSDT",{fields}}},"cs":75,"ts":5}}"#
        )
    };
    let mut check = |text: String, expected: &str| {
        let expected = format!("BTCUSDT 5000000 75 top {expected}");
        it.check(text, "tickers", &[&expected]);
    };
    let first = r#""lastPrice":"65114.30","bid1Price":"65114.20","bid1Size":"6.054","ask1Price":"65114.30","ask1Size":"10.486""#;
    check(text("snapshot", first), "65114.20x6.054 65114.30x10.486 last 65114.30");
    check(
        text("delta", r#""bid1Price":"65114.10","markPrice":"1""#),
        "65114.10x6.054 65114.30x10.486 last 65114.30",
    );
    check(text("delta", r#""markPrice":"2""#), "65114.10x6.054 65114.30x10.486 last 65114.30");
    check(text("delta", r#""ask1Price":"","ask1Size":"""#), "65114.10x6.054 -x- last 65114.30");
    check(text("delta", r#""bid1Price":"0","bid1Size":"0""#), "-x- -x- last 65114.30");
    check(text("delta", r#""lastPrice":65115"#), "-x- -x- last 65115.00");
    check(text("snapshot", r#""lastPrice":"3""#), "-x- -x- last 3.00");
    // One that cannot be read: nothing older is told as if it were the last.
    assert!(it.frame(text("delta", r#""bid1Size":"x""#)).is_err());
    assert!(it.batch.is_empty());
    it.check(text("delta", r#""markPrice":"4""#), "ignored ticker_without_price", &[]);
    it.frame(text("delta", r#""bid1Size":"9""#)).unwrap();
    assert!(it.words()[0].ends_with("top -x9 -x- last -"), "{:?}", it.words());
    it.disconnect();
    it.check(text("delta", r#""markPrice":"5""#), "ignored ticker_without_price", &[]);
}

#[test]
fn a_spot_ticker_is_the_last_price() {
    let top = "BTCUSDT 1786310819126000000 112488546160 top -x- -x- last 65140.5";
    feed(BybitProduct::Spot).check(SPOT_TICKER, "tickers", &[top]);
}

#[test]
fn each_push_of_a_kline_is_a_bar() {
    let mut it = feed(BybitProduct::Spot);
    let bar = "BTCUSDT 1786310816562000000 0 bar 1786310760000000000 60000000000 65140.4 65140.7 65140.3 65140.5 0.15318";
    it.check(KLINE, "kline", &[bar]);
    it.check(KLINE.replace("false", "true"), "kline", &[bar]);
}

#[test]
fn what_is_not_documented_is_read_or_counted() {
    let mut it = feed(BybitProduct::Spot);
    let numbers =
        DEPTH_1.replace(r#""0.6131","17.9""#, "0.6131,17.9").replace("24042997", "\"24042997\"");
    let snapshot = "BANDUSDT 1749833474768000000 24042997 levels snapshot first last: 0.6131x17.9 | 0.6134x35.4";
    it.check(numbers, "orderbook", &[snapshot]);
    it.check(DEPTH_1.replace("\"s\":", "\"new\":[{}],\"s\":"), "orderbook", &[snapshot]);
    it.check(
        DEPTH_1.replace("1749833474768", "\"?\""),
        "orderbook",
        &[&snapshot.replace("1749833474768000000", "0")],
    );
    assert_eq!(it.remarks(), ["unreadable_time"]);
    let trade =
        "ETHUSDT 1786310821917000000 178477362706 unknown 1923.28x0.04537 #2280000001739247417";
    it.check(SPOT_TRADE.replace("Buy", "Neither"), "publicTrade", &[trade]);
    assert_eq!(it.remarks(), ["unknown_side"]);
    for topic in ["orderbook.full.A", "orderbook.rpi.A", "liquidation.A", "news", ""] {
        it.check(format!(r#"{{"topic":"{topic}"}}"#), "ignored unknown_topic", &[]);
    }
    it.check(r#"{"op":"auth","success":true}"#, "ignored unknown_op", &[]);
    it.check(r#"{"type":"COMMAND_RESP"}"#, "ignored unknown_message", &[]);
    it.check(r#"{"topic":"publicTrade.A","data":[]}"#, "publicTrade", &[]);
    it.check(r#"{"topic":5}"#, "field `topic` has the wrong type", &[]);
    it.check("[]", "field `topic` is missing", &[]);
    it.check("nonsense", "frame is not valid JSON", &[]);
    it.check(
        SPOT_TRADE.replace("1923.28", "1923..28"),
        "field `price`: text is not a decimal number",
        &[],
    );
    it.check(SPOT_TICKER.replace("snapshot", "picture"), "field `type` has the wrong type", &[]);
    it.check(KLINE.replace("1786310819999", "\"x\""), "field `end` has the wrong type", &[]);
}

#[test]
fn the_deepest_book_is_followed_unless_one_was_named() {
    let text = |depth: u32, form: &str, number: u32| {
        format!(
            r#"{{"topic":"orderbook.{depth}.A","type":"{form}","data":{{"u":{number},"b":[["1","2"]],"a":[]}}}}"#
        )
    };
    let mut it = feed(BybitProduct::Linear);
    it.check_run(
        &[
            text(1, "snapshot", 900),
            text(50, "delta", 6),
            text(50, "snapshot", 7),
            text(1, "snapshot", 901),
            text(50, "delta", 8),
            text(1, "snapshot", 901),
        ],
        "A snapshot 900, A snapshot 7, A delta 8",
    );
    it.check(text(1, "snapshot", 902), "ignored other_depth", &[]);
    let subscription = Subscription { depth: Some(1), ..subscription(&["A"], &[Channel::Depth]) };
    let mut it = Feed::new(|them| Bybit::new(BybitProduct::Linear, subscription, them));
    it.check_run(
        &[text(50, "snapshot", 7), text(1, "snapshot", 900), text(50, "delta", 8)],
        "A snapshot 900",
    );
}

#[test]
fn only_the_symbols_asked_for_are_decoded() {
    let mut it = live(&["ethusdt"], &[Channel::Trade]);
    it.check(LINEAR_TRADE, "ignored other_symbol", &[]);
    it.check(DELTA, "ignored other_symbol", &[]);
    it.check(KLINE, "ignored other_symbol", &[]);
    it.check(SPOT_TICKER, "ignored other_symbol", &[]);
    assert!(it.frame(SPOT_TRADE).is_ok());
    assert_eq!(it.batch.len(), 1);
}

#[test]
fn requests_hold_at_most_ten_topics() {
    let mut it = live(&["BTCUSDT", "ethusdt", "A"], &Channel::ALL);
    assert_eq!(
        it.open(),
        [
            r#"{"op":"subscribe","args":["publicTrade.BTCUSDT","tickers.BTCUSDT","orderbook.200.BTCUSDT","kline.1.BTCUSDT","publicTrade.ETHUSDT","tickers.ETHUSDT","orderbook.200.ETHUSDT","kline.1.ETHUSDT","publicTrade.A","tickers.A"],"req_id":"1"}"#,
            r#"{"op":"subscribe","args":["orderbook.200.A","kline.1.A"],"req_id":"2"}"#,
        ]
    );
    assert!(feed(BybitProduct::Spot).open().is_empty(), "nothing is asked of a recording");
}

#[test]
fn more_topics_than_a_connection_takes_are_refused_beforehand() {
    let symbols: Vec<_> = (0..240).map(|at| format!("SOMETHINGVERYLONG{at}USDT")).collect();
    let channels = Channel::ALL.to_vec();
    let subscription = Subscription { symbols, channels, depth: Some(1_000) };
    let instruments = std::sync::Arc::new(tickring_event::Instruments::new());
    let refused = Bybit::new(BybitProduct::Linear, subscription, instruments).unwrap_err();
    let SubscriptionError::TooManySymbols { count: 240, limit } = refused else {
        panic!("{refused:?}")
    };
    assert!((100..180).contains(&limit), "{limit}");
}

#[test]
fn acks_of_either_form_complete_when_all_requests_are_answered() {
    let mut it = live(&["BTCUSDT", "ETHUSDT", "SOLUSDT"], &Channel::ALL);
    it.open();
    // Data may come before its ack.
    it.check(
        SPOT_TICKER,
        "tickers",
        &["BTCUSDT 1786310819126000000 112488546160 top -x- -x- last 65140.5"],
    );
    let linear =
        r#"{"success":true,"ret_msg":"","conn_id":"d8-j6akw","req_id":"2","op":"subscribe"}"#;
    it.check(linear, "ack false", &[]);
    let spot = r#"{"success":true,"ret_msg":"subscribe","conn_id":"d9-4zd1x","op":"subscribe"}"#;
    it.check(spot, "ack true", &[]);
    let mut it = feed(BybitProduct::Spot);
    it.open();
    it.check(linear, "ack true", &[]);
}

#[test]
fn pongs_of_either_form_are_life_signs() {
    let mut it = feed(BybitProduct::Spot);
    it.check(
        r#"{"success":true,"ret_msg":"pong","conn_id":"x","req_id":"100001","op":"ping"}"#,
        "pong",
        &[],
    );
    it.check(r#"{"req_id":"t","op":"pong","args":["1675418560633"],"conn_id":"x"}"#, "pong", &[]);
    assert_eq!(Bybit::profile(BybitProduct::Spot).keep_alive, Some((r#"{"op":"ping"}"#, 20_000)));
}

fn refusal(words: &str, id: u32) -> String {
    format!(
        r#"{{"success":false,"ret_msg":"{words}","conn_id":"x","req_id":"{id}","op":"subscribe"}}"#
    )
}

fn accepted(id: u32) -> String {
    format!(r#"{{"success":true,"ret_msg":"","conn_id":"x","req_id":"{id}","op":"subscribe"}}"#)
}

#[test]
fn one_bad_topic_is_given_up_and_the_others_are_asked_for_one_by_one() {
    let mut it = live(&["A", "B", "AB"], &[Channel::Trade]);
    assert_eq!(it.open().len(), 1);
    it.check(
        refusal("Invalid topic: [publicTrade.A]", 1),
        "refused 0 continue false: Invalid topic: [publicTrade.A]",
        &[],
    );
    assert_eq!(
        it.commands(),
        [
            r#"{"op":"subscribe","args":["publicTrade.B"],"req_id":"2"}"#,
            r#"{"op":"subscribe","args":["publicTrade.AB"],"req_id":"3"}"#,
        ]
    );
    it.check(accepted(3), "ack false", &[]);
    it.check(refusal("no", 2), "refused 0 continue true: no [publicTrade.B]", &[]);
    assert!(it.commands().is_empty(), "a topic that was refused alone is not asked for again");
    it.disconnect();
    assert_eq!(it.open(), [r#"{"op":"subscribe","args":["publicTrade.AB"],"req_id":"4"}"#]);
}

#[test]
fn a_topic_is_not_named_by_a_longer_one() {
    let mut it = live(&["A", "AB"], &[Channel::Trade]);
    it.open();
    it.frame(refusal("bad topic:publicTrade.AB", 1)).unwrap();
    assert_eq!(it.commands(), [r#"{"op":"subscribe","args":["publicTrade.A"],"req_id":"2"}"#]);
}

#[test]
fn a_refusal_that_names_nothing_is_tried_topic_by_topic_and_the_last_one_ends_the_run() {
    let mut it = live(&["A", "B"], &[Channel::Trade]);
    it.open();
    it.check(
        refusal("error", 1),
        "refused 0 continue false: error [publicTrade.A, publicTrade.B]",
        &[],
    );
    assert_eq!(it.commands().len(), 2);
    it.check(refusal("error", 2), "refused 0 continue false: error [publicTrade.A]", &[]);
    it.check(refusal("error", 3), "refused 0 stop false: error [publicTrade.B]", &[]);
    let mut it = live(&["A", "B"], &[Channel::Trade]);
    it.open();
    it.frame(refusal("error", 1)).unwrap();
    it.check(refusal("error:already subscribed,topic:publicTrade.A", 2), "ack false", &[]);
    it.check(accepted(3), "ack true", &[]);
}

#[test]
fn a_refusal_of_something_else_harms_nothing() {
    let mut it = live(&["A"], &[Channel::Trade]);
    it.open();
    let text = r#"{"success":false,"ret_msg":"error:request args is null\n","op":""}"#;
    it.check(text, "refused 0 continue false: error:request args is null", &[]);
    it.check(refusal("x", 77), "refused 0 continue false: x", &[]);
    it.check(accepted(1), "ack true", &[]);
    let mut it = feed(BybitProduct::Spot);
    it.check(refusal("x", 1), "refused 0 continue true: x", &[]);
}
