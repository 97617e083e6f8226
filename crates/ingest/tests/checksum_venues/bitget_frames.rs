//! Every message shape of Bitget and what it becomes. The frames are the documentation's examples.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::{Bar, Flags, Instruments, Level, Payload, Side, TopOfBook, Trade};
use tickring_ingest::{
    Action, Bitget, Channel, Command, DecodeError, Inbound, Refusal, SubscriptionError,
};

use crate::bitget_made::made;
use crate::support::{Replay, subscription};

const SYMBOL: &str = "BTCUSDT";

const TRADE: &str = r#"{"action":"update","arg":{"instType":"SPOT","channel":"trade","instId":"BTCUSDT"},"data":[{"ts":"1695709835822","price":"26293.4","size":"0.0013","side":"buy","tradeId":"1000000000"}],"ts":1695711090682}"#;
const TICKER: &str = r#"{"action":"snapshot","arg":{"instType":"SPOT","channel":"ticker","instId":"BTCUSDT"},"data":[{"instId":"BTCUSDT","lastPr":"43528.7","open24h":"43180.6","high24h":"43788.6","low24h":"43076.3","change24h":"0.00807","bidPr":"43528","askPr":"43528.01","bidSz":"0.002559","askSz":"5.353509","baseVolume":"11151.6","quoteVolume":"484466434","openUtc":"43180","changeUtc24h":"0.0081","ts":"1701842994338"}],"ts":1701842994341}"#;
const BOOKS5: &str = r#"{"action":"snapshot","arg":{"instType":"SPOT","channel":"books5","instId":"BTCUSDT"},"data":[{"asks":[["26274.9","0.0009"],["26275.0","0.0500"]],"bids":[["26274.8","0.0009"],["26274.7","0.0027"]],"checksum":0,"seq":123,"ts":"1695710946294"}],"ts":1695710946294}"#;
const CANDLE: &str = r#"{"action":"snapshot","arg":{"instType":"SPOT","channel":"candle1m","instId":"BTCUSDT"},"data":[["1695672780000","2200.1","2200.4","2199.8","2200.2","1.5","3300.2","3300.2"]],"ts":1695702747821}"#;
const SNAPSHOT: &str = r#"{"action":"snapshot","arg":{"instType":"SPOT","channel":"books","instId":"BTCUSDT"},"data":[{"asks":[["26274.90","0.0009"]],"bids":[["26274.80","0.0027"]],"checksum":0,"seq":123,"ts":"1695716059516"}],"ts":1695716059520}"#;
const ACK: &str =
    r#"{"event":"subscribe","arg":{"instType":"SPOT","channel":"books","instId":"BTCUSDT"}}"#;
const ERROR: &str = r#"{"event":"error","arg":{"instType":"SPOT","channel":"books","instId":"XYUSDT"},"code":30001,"msg":"instType:SPOT,channel:books,instId:XYUSDT doesn't exist","op":"subscribe"}"#;

fn recording() -> Replay {
    Replay::bitget(&[], &[], None)
}

fn level(replay: &Replay, price: &str, quantity: &str) -> Level {
    let instrument = replay.instrument(SYMBOL);
    Level {
        price: instrument.price(price.as_bytes()).unwrap(),
        quantity: instrument.quantity(quantity.as_bytes()).unwrap(),
    }
}

/// A message of trades with these numbers, all made at once.
fn trades(action: &str, ids: &[u64]) -> String {
    let trade = |id: &u64| {
        format!(
            r#"{{"ts":"1695709835822","price":"26293.4","size":"0.0013","side":"sell","tradeId":"{id}"}}"#
        )
    };
    let all = ids.iter().map(trade).collect::<Vec<_>>().join(",");
    let (head, _) = TRADE.split_once("\"data\"").unwrap();
    format!(r#"{}"data":[{all}]}}"#, head.replace("update", action))
}

/// The numbers of the trades that a message became.
#[track_caller]
fn told(replay: &mut Replay, action: &str, ids: &[u64], inbound: &Inbound) -> Vec<u64> {
    assert_eq!(replay.frame(&trades(action, ids)).as_ref(), Ok(inbound), "{action} {ids:?}");
    replay.batch.events().iter().map(|event| event.venue_sequence).collect()
}

#[test]
fn a_trade_has_its_taker_and_is_numbered_by_itself() {
    let mut replay = recording();
    assert_eq!(replay.frame(TRADE), Ok(Inbound::Data(3)));
    let event = replay.only_event();
    let Level { price, quantity } = level(&replay, "26293.4", "0.0013");
    let trade = Trade { price, quantity, taker: Some(Side::Buy), trade_id: Some(1_000_000_000) };
    assert_eq!(event.payload(), Payload::Trade(trade));
    assert_eq!(
        (event.venue_time_ns, event.venue_sequence),
        (1_695_709_835_822_000_000, 1_000_000_000)
    );
    replay.frame(&TRADE.replace("\"buy\"", "\"sell\"")).unwrap();
    let expected = Trade { taker: Some(Side::Sell), ..trade };
    assert_eq!(replay.only_event().payload(), Payload::Trade(expected));
    let text = TRADE.replace("buy", "both").replace("1000000000", "A1");
    replay.frame(&text.replace("\"ts\":\"1695709835822\",", "")).unwrap();
    let expected = Trade { taker: None, trade_id: None, ..trade };
    assert_eq!(replay.only_event().payload(), Payload::Trade(expected));
    assert_eq!(replay.only_event().venue_time_ns, 1_695_711_090_682_000_000, "of the message");
    replay.frame(&TRADE.replace("\"ts\"", "\"time\"")).unwrap();
    assert_eq!(replay.remarks, ["unknown_side", "no_timestamp"]);
}

#[test]
fn trades_of_one_message_are_told_the_oldest_first() {
    let mut replay = recording();
    assert_eq!(told(&mut replay, "update", &[9, 8, 7], &Inbound::Data(3)), [7, 8, 9]);
    assert_eq!(told(&mut replay, "update", &[10, 11], &Inbound::Data(3)), [10, 11]);
}

#[test]
fn past_trades_are_told_only_where_they_came_after_all_that_were_told() {
    let mut replay = recording();
    let ignored = Inbound::Ignored("trade_snapshot");
    let nothing: [u64; 0] = [];
    assert_eq!(told(&mut replay, "snapshot", &[5, 4, 3], &ignored), nothing, "of before");
    assert_eq!(told(&mut replay, "update", &[6], &Inbound::Data(3)), [6]);
    assert_eq!(told(&mut replay, "snapshot", &[6, 5, 4], &ignored), nothing, "a second time");
    replay.disconnect();
    assert_eq!(told(&mut replay, "snapshot", &[8, 7, 6, 5], &Inbound::Data(3)), [7, 8], "missed");
    assert_eq!(told(&mut replay, "update", &[8], &Inbound::Data(3)), [8], "as the venue says");
    assert_eq!(told(&mut replay, "snapshot", &[8, 7, 6, 5], &ignored), nothing);
    let unnumbered = trades("snapshot", &[9]).replace("\"9\"", "\"A9\"");
    assert_eq!(replay.frame(&unnumbered), Ok(ignored), "nothing tells that it is new");
}

#[test]
fn numbers_of_trades_are_noted_once_their_frame_was_read_to_its_end() {
    let mut replay = recording();
    let ignored = Inbound::Ignored("trade_snapshot");
    assert!(told(&mut replay, "snapshot", &[1], &ignored).is_empty());
    let broken = trades("snapshot", &[3, 2]).replacen("0.0013", "?", 2).replacen('?', "0.0013", 1);
    replay.frame(&broken).unwrap_err();
    assert!(replay.batch.is_empty());
    let bare = trades("snapshot", &[3, 2]).replace("\"0.0013\"", "0.0013");
    assert_eq!(replay.frame(&bare), Ok(Inbound::Data(3)));
    assert_eq!(replay.batch.len(), 2);
}

#[test]
fn a_ticker_is_a_top_of_book() {
    let mut replay = recording();
    assert_eq!(replay.frame(TICKER), Ok(Inbound::Data(4)));
    let bid = level(&replay, "43528", "0.002559");
    let ask = level(&replay, "43528.01", "5.353509");
    let expected = TopOfBook {
        bid_price: Some(bid.price),
        bid_quantity: Some(bid.quantity),
        ask_price: Some(ask.price),
        ask_quantity: Some(ask.quantity),
        last_price: Some(level(&replay, "43528.7", "0").price),
    };
    assert_eq!(replay.only_event().payload(), Payload::TopOfBook(expected));
    assert_eq!(replay.only_event().venue_time_ns, 1_701_842_994_338_000_000);
    replay.frame(&TICKER.replace("\"43528\"", "\"\"").replace("\"0.002559\"", "null")).unwrap();
    let expected = TopOfBook { bid_price: None, bid_quantity: None, ..expected };
    assert_eq!(replay.only_event().payload(), Payload::TopOfBook(expected));
}

#[test]
fn a_candle_is_a_bar_of_the_length_in_its_channels_name() {
    #[track_caller]
    fn check(channel: &str, interval_s: i64) {
        let mut replay = recording();
        assert_eq!(replay.frame(&CANDLE.replace("candle1m", channel)), Ok(Inbound::Data(5)));
        let price = |text| level(&replay, text, "0").price;
        let bar = Bar {
            start_ns: 1_695_672_780_000_000_000,
            interval_ns: interval_s * 1_000_000_000,
            open: price("2200.1"),
            high: price("2200.4"),
            low: price("2199.8"),
            close: price("2200.2"),
            volume: level(&replay, "0", "1.5").quantity,
            trades: 0,
        };
        assert_eq!(replay.only_event().payload(), Payload::Bar(bar));
        assert_eq!(replay.only_event().venue_time_ns, 1_695_702_747_821_000_000);
    }
    check("candle1m", 60);
    check("candle30m", 1_800);
    check("candle12Hutc", 43_200);
    check("candle3D", 259_200);
    check("candle1W", 604_800);
    for channel in ["candle1M", "candle1Mutc", "candle", "candle15", "candle0m", "candle-1m"] {
        let found = recording().frame(&CANDLE.replace("candle1m", channel));
        assert_eq!(found, Ok(Inbound::Ignored("unknown_interval")), "{channel}");
    }
    let (one, mut replay) = (r#"["1695672780000","2200.1""#, recording());
    let two = CANDLE.replace(one, &format!(r#"["1695672720000","1","1","1","1","1"],{one}"#));
    assert_eq!(replay.frame(&two), Ok(Inbound::Data(5)));
    assert_eq!(replay.batch.len(), 2, "a snapshot holds many");
}

#[test]
fn the_best_levels_are_a_book_until_the_whole_one_comes() {
    for channel in ["books1", "books5", "books15"] {
        let picture = BOOKS5.replace("books5", channel);
        let mut replay = recording();
        for _ in 0..2 {
            assert_eq!(replay.frame(&picture), Ok(Inbound::Data(2)));
            let event = replay.only_event();
            assert_eq!(event.flags, Flags::WHOLE.with(Flags::SNAPSHOT));
            assert_eq!(event.venue_sequence, 123);
            assert_eq!(replay.book(SYMBOL).levels(), (2, 2));
        }
        assert!(replay.remarks.is_empty());
        replay.frame(&picture.replace("123", "122")).unwrap();
        assert_eq!(replay.remarks, ["sequence_fell"]);
        replay.frame(&picture.replace("0.0027", "?")).unwrap_err();
        assert!(!replay.book(SYMBOL).is_valid() && replay.gaps.len() == 1);
        replay.frame(&picture).unwrap();
        assert!(replay.book(SYMBOL).is_valid());
        assert_eq!(replay.frame(SNAPSHOT), Ok(Inbound::Data(0)));
        assert_eq!(replay.frame(&picture), Ok(Inbound::Data(2)));
        assert!(replay.batch.is_empty(), "counted, and no event");
        replay.frame(&picture.replace("0.0027", "?")).unwrap_err();
        assert!(replay.book(SYMBOL).is_valid() && replay.commands.is_empty());
    }
}

#[test]
fn a_snapshot_and_a_change_are_levels_and_zero_takes_one_away() {
    let mut replay = recording();
    assert_eq!(replay.frame(SNAPSHOT), Ok(Inbound::Data(0)));
    let event = replay.only_event();
    assert_eq!((event.venue_time_ns, event.venue_sequence), (1_695_716_059_516_000_000, 123));
    assert_eq!(event.flags, Flags::WHOLE.with(Flags::SNAPSHOT));
    let update = SNAPSHOT
        .replace("snapshot", "update")
        .replace("123", "130")
        .replace("\"asks\":[[\"26274.90\",\"0.0009\"]],", "")
        .replace("0.0027", "0.0000");
    assert_eq!(replay.frame(&update), Ok(Inbound::Data(1)));
    assert_eq!(replay.only_event().flags, Flags::WHOLE);
    assert_eq!(replay.book(SYMBOL).levels(), (0, 1));
    assert_eq!(replay.book(SYMBOL).last_sequence(), 130);
}

#[test]
fn answers_life_signs_and_what_is_of_no_use() {
    let mut replay = recording();
    for (text, expected) in [
        ("pong", Inbound::Pong),
        (ACK, Inbound::Ack { complete: true }),
        (&ACK.replace("subscribe", "unsubscribe"), Inbound::Ack { complete: true }),
        (r#"{"event":"login","code":0}"#, Inbound::Ignored("unknown_event")),
        (&TRADE.replace("\"trade\"", "\"auction\""), Inbound::Ignored("unknown_channel")),
        (&SNAPSHOT.replace("SPOT", "USDT-FUTURES"), Inbound::Ignored("other_product")),
        (&SNAPSHOT.replace("\"SPOT\"", "7"), Inbound::Ignored("other_product")),
        (r#"{"arg":{"channel":"trade","instId":"X"},"data":[]}"#, Inbound::Ignored("no_data")),
    ] {
        assert_eq!(replay.frame(text), Ok(expected), "{text}");
        assert!(replay.batch.is_empty() && replay.commands.is_empty());
    }
    let Ok(Inbound::Refused(refusal)) = replay.frame(ERROR) else { panic!("a refusal") };
    assert_eq!((refusal.code, refusal.action, refusal.complete), (30_001, Action::Continue, true));
    let mut replay = Replay::bitget(&["ETHUSDT"], &[Channel::Depth], None);
    for text in [SNAPSHOT, BOOKS5, TRADE, TICKER, CANDLE] {
        assert_eq!(replay.frame(text), Ok(Inbound::Ignored("other_symbol")), "{text}");
    }
}

#[test]
fn a_frame_that_is_not_as_documented_leaves_no_event() {
    use DecodeError::{Malformed, MissingField, WrongType};
    #[track_caller]
    fn check(text: &str, expected: DecodeError) {
        let mut replay = recording();
        assert_eq!(replay.frame(text), Err(expected), "{text}");
        assert!(replay.batch.is_empty());
    }
    check("", Malformed);
    check("ping", Malformed);
    check("{}", MissingField { field: "arg" });
    check("[]", MissingField { field: "arg" });
    check(r#"{"event":7}"#, WrongType { field: "event" });
    check(r#"{"event":"error"}"#, MissingField { field: "code" });
    check(r#"{"event":"error","code":"x"}"#, WrongType { field: "code" });
    check(r#"{"arg":{}}"#, MissingField { field: "channel" });
    check(r#"{"arg":{"channel":"trade"}}"#, MissingField { field: "instId" });
    check(r#"{"arg":{"channel":"trade","instId":"X"}}"#, MissingField { field: "data" });
    check(&TRADE.replace("price", "px"), MissingField { field: "price" });
    check(&TRADE.replace("\"0.0013\"", "true"), WrongType { field: "size" });
    check(&CANDLE.replace(r#","1.5","3300.2","3300.2""#, ""), MissingField { field: "candle" });
    check(&CANDLE.replace("1695672780000", "x"), WrongType { field: "candle" });
    let no_price = TICKER.replace("lastPr", "l").replace("bidPr", "b").replace("askPr", "a");
    check(&no_price, MissingField { field: "lastPr" });
    check(&SNAPSHOT.replace("asks", "a").replace("bids", "b"), MissingField { field: "bids" });
    check(&SNAPSHOT.replace("\"snapshot\"", "\"other\""), WrongType { field: "action" });
    check(&SNAPSHOT.replace("\"action\"", "\"act\""), WrongType { field: "action" });
    check(&SNAPSHOT.replace("123", "-1"), WrongType { field: "seq" });
    check(
        &SNAPSHOT.replace("\"checksum\":0", "\"checksum\":2147483648"),
        WrongType { field: "checksum" },
    );
}

#[test]
fn numbers_may_be_bare_and_members_may_come_in_any_order() {
    let mut quoted = recording();
    quoted.frame(SNAPSHOT).unwrap();
    let bare = SNAPSHOT.replace("\"26274.90\"", "26274.90").replace("\"0.0027\"", "0.0027");
    let bare = bare.replace("\"1695716059516\"", "1695716059516").replace("123", "\"123\"");
    let (head, tail) = (r#""action":"snapshot","#, "\"ts\":1695716059520}");
    let turned = bare
        .replace(head, "")
        .replace(tail, &format!(r#""new":{{"a":[1]}},{head}"ts":"1695716059520"}}"#));
    for text in [&bare, &turned, &bare.replace(r#""instType":"SPOT","#, "")] {
        let mut replay = recording();
        assert_eq!(replay.frame(text), Ok(Inbound::Data(0)), "{text}");
        assert_eq!(replay.only_event(), quoted.only_event());
    }
    // What a first reading met before the bare number changes nothing: the number grows once.
    let element = r#"{"bids":[["26274.80","1"]],"asks":[],"seq":130,"ts":"1"}"#;
    let later = element.replace("130", "131").replace("\"1\"]", "2]");
    let (head, _) = SNAPSHOT.split_once("\"data\"").unwrap();
    let two = format!(r#"{}"data":[{element},{later}]}}"#, head.replace("snapshot", "update"));
    assert_eq!(quoted.frame(&two), Ok(Inbound::Data(1)));
    assert!(quoted.book(SYMBOL).is_valid() && quoted.gaps.is_empty());
    assert_eq!(quoted.book(SYMBOL).last_sequence(), 131);
}

#[test]
fn what_the_venue_does_not_offer_cannot_be_subscribed_to() {
    let new = |symbols: &[&str], depth| {
        let subscription = subscription(symbols, &Channel::ALL, depth);
        Bitget::new(subscription, Arc::new(Instruments::new())).map(drop)
    };
    assert_eq!(new(&[SYMBOL], Some(15)), Ok(()));
    assert!(matches!(new(&[SYMBOL], Some(50)), Err(SubscriptionError::Depth { .. })));
    assert!(matches!(new(&["BTC-USDT"], None), Err(SubscriptionError::Symbol { .. })));
    let many: Vec<_> = (0..51).map(|it| format!("A{it}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert!(matches!(new(&many, None), Err(SubscriptionError::TooManySymbols { limit: 50, .. })));
}

#[test]
fn an_open_connection_subscribes_every_channel_of_a_symbol_at_once() {
    let request = |symbol: &str, depth: &str| {
        let argument = |channel: &str| {
            format!(r#"{{"instType":"SPOT","channel":"{channel}","instId":"{symbol}"}}"#)
        };
        let all = ["trade", "ticker", depth, "candle1m"].map(argument).join(",");
        Command::Send(format!(r#"{{"op":"subscribe","args":[{all}]}}"#))
    };
    for (depth, word) in
        [(None, "books"), (Some(1), "books1"), (Some(5), "books5"), (Some(15), "books15")]
    {
        let mut replay = Replay::bitget(&[SYMBOL, "ETHUSDT"], &Channel::ALL, depth);
        replay.open();
        assert_eq!(replay.commands, [request(SYMBOL, word), request("ETHUSDT", word)]);
    }
    let mut replay = recording();
    replay.open();
    assert!(replay.commands.is_empty(), "nobody knows what was asked for");
}

fn opened() -> Replay {
    let mut replay = Replay::bitget(&[SYMBOL, "XYUSDT"], &[Channel::Trade, Channel::Depth], None);
    replay.open();
    replay
}

fn ack(channel: &str, symbol: &str) -> String {
    ACK.replace("books", channel).replace(SYMBOL, symbol)
}

fn refusal(
    code: i64,
    message: &str,
    action: Action,
    complete: bool,
) -> Result<Inbound, DecodeError> {
    Ok(Inbound::from(Refusal { code, message: message.to_owned(), action, complete }))
}

#[test]
fn a_refusal_names_its_symbol_and_channel_and_the_rest_goes_on() {
    let complete = |complete| Ok(Inbound::Ack { complete });
    let words = "instType:SPOT,channel:books,instId:XYUSDT doesn't exist; books XYUSDT";
    let unnamed = ERROR.replace("\"arg\"", "\"about\"").replace("30001", "\"30001\"");
    for error in [ERROR, &unnamed] {
        let mut replay = opened();
        // Data may come before its ack, and acks in any order.
        assert_eq!(replay.frame(SNAPSHOT), Ok(Inbound::Data(0)));
        assert_eq!(replay.frame(&ack("trade", "XYUSDT")), complete(false));
        assert_eq!(replay.frame(&ack("books", SYMBOL)), complete(false));
        assert_eq!(replay.frame(error), refusal(30_001, words, Action::Continue, false));
        assert_eq!(replay.frame(&ack("trade", SYMBOL)), complete(true));
    }
}

#[test]
fn a_refusal_without_a_word_on_what_is_that_of_the_first_request_that_waits() {
    let bare = r#"{"event":"error","code":"30016","msg":"Param error"}"#;
    let mut replay = opened();
    let words = "Param error; trade BTCUSDT; books BTCUSDT";
    assert_eq!(replay.frame(bare), refusal(30_016, words, Action::Continue, false));
    let words = "Param error; trade XYUSDT; books XYUSDT";
    assert_eq!(replay.frame(bare), refusal(30_016, words, Action::Stop, false), "nothing is left");

    let mut replay = opened();
    replay.frame(&bare.replace("30016", "30006")).unwrap();
    let Ok(Inbound::Refused(last)) = replay.frame(&bare.replace("30016", "30007")) else {
        panic!("a refusal")
    };
    assert_eq!(last.action, Action::Reconnect { delay_ms_min: 60_000 }, "later it may go");
}

#[test]
fn a_refusal_of_what_nobody_asked_for_changes_nothing() {
    let mut replay = opened();
    let strange = ERROR.replace("XYUSDT", "ZUSDT");
    let words = "instType:SPOT,channel:books,instId:ZUSDT doesn't exist";
    assert_eq!(replay.frame(&strange), refusal(30_001, words, Action::Continue, false));
    for (channel, symbol) in [("trade", SYMBOL), ("books", SYMBOL), ("trade", "XYUSDT")] {
        assert_eq!(replay.frame(&ack(channel, symbol)), Ok(Inbound::Ack { complete: false }));
    }
    let last = replay.frame(&ack("books", "XYUSDT"));
    assert_eq!(last, Ok(Inbound::Ack { complete: true }));
}

#[test]
fn cut_frames_never_panic() {
    let mut replay = recording();
    for frame in made().frames.iter().filter(|it| it.len() < 600).take(60) {
        for end in 0..frame.len() {
            let _inbound = replay.frame(&frame[..end]);
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(recording().bytes(&text).is_err());
    }

    #[test]
    fn changed_bytes_of_documented_frames_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        which in 0..8_usize,
    ) {
        let update = SNAPSHOT.replace("snapshot", "update").replace("123", "124");
        let texts = [TRADE, TICKER, BOOKS5, CANDLE, SNAPSHOT, ERROR, ACK, &update];
        let mut text = texts[which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        for first in [SNAPSHOT, &update, BOOKS5] {
            let mut replay = Replay::bitget(&[SYMBOL], &[Channel::Depth], None);
            replay.open();
            let _inbound = replay.frame(first);
            let _inbound = replay.bytes(&text);
            let _inbound = replay.frame(&update);
            replay.disconnect();
        }
    }
}
