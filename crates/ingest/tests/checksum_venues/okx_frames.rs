//! Every message shape of OKX and what it becomes.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::{Bar, Flags, Instruments, Level, Payload, Side, TopOfBook, Trade};
use tickring_ingest::{
    Action, Channel, Command, DecodeError, Inbound, Okx, Refusal, SubscriptionError,
};

use crate::okx_recorded::OKX_BOOKS;
use crate::support::{Replay, frames, recorded_data, subscription};

const TRADE: &str = r#"{"arg":{"channel":"trades","instId":"BTC-USD-220527"},"data":[{"instId":"BTC-USD-220527","tradeId":"7849","px":"30218.8","sz":"1","side":"buy","ts":"1652459199958"}]}"#;
const TICKER: &str = r#"{"arg":{"channel":"tickers","instId":"UNI-USD-SWAP"},"data":[{"instType":"SWAP","instId":"UNI-USD-SWAP","last":"5.123","lastSz":"100","askPx":"5.142","askSz":"25","bidPx":"5.134","bidSz":"96","open24h":"4.799","high24h":"5.458","low24h":"4.537","sodUtc0":"4.654","sodUtc8":"5.204","volCcy24h":"577730.7823","vol24h":"289425","ts":"1652459223143"}]}"#;
const BBO: &str = r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","seqId":123456}]}"#;
const BOOKS5: &str = r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["8476.98","415","0","13"],["8477","7","0","2"]],"bids":[["8476.97","256","0","12"],["8475.55","101","0","1"]],"instId":"BTC-USDT","ts":"1597026383085","seqId":123456}]}"#;
const CANDLE: &str = r#"{"arg":{"channel":"candle1D","instId":"BTC-USDT"},"data":[["1597026383085","8533.02","8553.74","8527.17","8548.26","45247","529.5858061","5529.5858061","1"]]}"#;
const SNAPSHOT: &str = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["41006.8","0.60038921","0","1"]],"bids":[["41006.3","0.30178218","0","2"]],"ts":"1790394877200","checksum":0,"seqId":32032594283,"prevSeqId":-1}]}"#;
const ACK: &str = r#"{"event":"subscribe","arg":{"channel":"books","instId":"BTC-USDT"}}"#;
const ERROR: &str = r#"{"event":"error","code":"60018","msg":"Wrong URL or channel:books,instId:X-Y doesn't exist. Please use the correct URL, channel and parameters referring to API document.","connId":"a4d3ae55"}"#;

fn recording() -> Replay {
    Replay::okx(&[], &[], None)
}

fn level(replay: &Replay, symbol: &str, price: &str, quantity: &str) -> Level {
    let instrument = replay.instrument(symbol);
    Level {
        price: instrument.price(price.as_bytes()).unwrap(),
        quantity: instrument.quantity(quantity.as_bytes()).unwrap(),
    }
}

fn top(bid: Level, ask: Level) -> TopOfBook {
    TopOfBook {
        bid_price: Some(bid.price),
        bid_quantity: Some(bid.quantity),
        ask_price: Some(ask.price),
        ask_quantity: Some(ask.quantity),
        last_price: None,
    }
}

#[test]
fn a_trade_has_its_taker_and_is_numbered_by_its_sequence_or_itself() {
    let mut replay = recording();
    let symbol = "BTC-USD-220527";
    assert_eq!(replay.frame(TRADE), Ok(Inbound::Data(4)));
    let event = replay.only_event();
    let Level { price, quantity } = level(&replay, symbol, "30218.8", "1");
    let trade = Trade { price, quantity, taker: Some(Side::Buy), trade_id: Some(7849) };
    assert_eq!(event.payload(), Payload::Trade(trade));
    assert_eq!((event.venue_time_ns, event.venue_sequence), (1_652_459_199_958_000_000, 7849));
    let newer = TRADE.replace(r#""side":"buy""#, r#""side":"sell","count":"3","seqId":1234"#);
    for text in [newer.clone(), newer.replace("\"trades\"", "\"trades-all\"")] {
        assert_eq!(replay.frame(&text), Ok(Inbound::Data(4)));
        let event = replay.only_event();
        assert_eq!(event.venue_sequence, 1234);
        let trade = Trade { taker: Some(Side::Sell), ..trade };
        assert_eq!(event.payload(), Payload::Trade(trade));
    }
    let text = TRADE.replace("buy", "both").replace("7849", "A1").replace("\"ts\"", "\"time\"");
    assert_eq!(replay.frame(&text), Ok(Inbound::Data(4)));
    let event = replay.only_event();
    let trade = Trade { taker: None, trade_id: None, ..trade };
    assert_eq!(event.payload(), Payload::Trade(trade));
    assert_eq!(replay.remarks, ["unknown_side", "no_timestamp"]);
}

#[test]
fn tickers_and_best_bids_and_offers_are_tops_of_book() {
    let mut replay = recording();
    assert_eq!(replay.frame(TICKER), Ok(Inbound::Data(5)));
    let symbol = "UNI-USD-SWAP";
    let bid = level(&replay, symbol, "5.134", "96");
    let ask = level(&replay, symbol, "5.142", "25");
    let last_price = Some(level(&replay, symbol, "5.123", "0").price);
    let expected = TopOfBook { last_price, ..top(bid, ask) };
    assert_eq!(replay.only_event().payload(), Payload::TopOfBook(expected));
    assert_eq!(replay.only_event().venue_time_ns, 1_652_459_223_143_000_000);
    let empty = TICKER.replace("5.142", "").replace("\"25\"", "\"\"");
    assert_eq!(replay.frame(&empty), Ok(Inbound::Data(5)));
    let expected = TopOfBook { ask_price: None, ask_quantity: None, ..expected };
    assert_eq!(replay.only_event().payload(), Payload::TopOfBook(expected));

    assert_eq!(replay.frame(BBO), Ok(Inbound::Data(3)));
    let event = replay.only_event();
    let bid = level(&replay, "BTC-USDT", "8476.97", "256");
    let ask = level(&replay, "BTC-USDT", "8476.98", "415");
    assert_eq!(event.payload(), Payload::TopOfBook(top(bid, ask)));
    assert_eq!((event.venue_time_ns, event.venue_sequence), (1_597_026_383_085_000_000, 123_456));
    assert_eq!(
        replay.frame(&BBO.replace(r#"["8476.97","256","0","12"]"#, "")),
        Ok(Inbound::Data(3))
    );
    let Payload::TopOfBook(found) = replay.only_event().payload() else { panic!("no top") };
    assert_eq!((found.bid_price, found.ask_price), (None, Some(ask.price)));
}

#[test]
fn a_candle_is_a_bar_of_the_length_in_its_channels_name() {
    #[track_caller]
    fn check(channel: &str, interval_s: i64) {
        let mut replay = recording();
        assert_eq!(replay.frame(&CANDLE.replace("candle1D", channel)), Ok(Inbound::Data(6)));
        let price = |text| level(&replay, "BTC-USDT", text, "0").price;
        let bar = Bar {
            start_ns: 1_597_026_383_085_000_000,
            interval_ns: interval_s * 1_000_000_000,
            open: price("8533.02"),
            high: price("8553.74"),
            low: price("8527.17"),
            close: price("8548.26"),
            volume: level(&replay, "BTC-USDT", "0", "45247").quantity,
            trades: 0,
        };
        assert_eq!(replay.only_event().payload(), Payload::Bar(bar));
    }
    check("candle1s", 1);
    check("candle5m", 300);
    check("candle4H", 14_400);
    check("candle1Dutc", 86_400);
    check("candle1W", 604_800);
    for channel in ["candle1M", "candle", "candleXm", "candle99999999999999999999m"] {
        let found = recording().frame(&CANDLE.replace("candle1D", channel));
        assert_eq!(found, Ok(Inbound::Ignored("unknown_interval")), "{channel}");
    }
}

#[test]
fn five_levels_are_a_book_until_the_whole_one_comes() {
    let mut replay = recording();
    for _ in 0..2 {
        assert_eq!(replay.frame(BOOKS5), Ok(Inbound::Data(2)));
        let event = replay.only_event();
        assert_eq!(event.flags, Flags::WHOLE.with(Flags::SNAPSHOT));
        assert_eq!(event.venue_sequence, 123_456);
        assert_eq!(replay.book("BTC-USDT").levels(), (2, 2));
    }
    replay.frame(&BOOKS5.replace("256", "?")).unwrap_err();
    assert!(!replay.book("BTC-USDT").is_valid() && replay.gaps.len() == 1);
    replay.frame(BOOKS5).unwrap();
    assert!(replay.book("BTC-USDT").is_valid());
    assert_eq!(replay.frame(SNAPSHOT), Ok(Inbound::Data(0)));
    assert_eq!(replay.frame(BOOKS5), Ok(Inbound::Data(2)));
    assert!(replay.batch.is_empty(), "counted, and no event");
    replay.frame(&BOOKS5.replace("256", "?")).unwrap_err();
    assert!(replay.book("BTC-USDT").is_valid() && replay.commands.is_empty());
}

#[test]
fn answers_notices_and_life_signs_of_a_recording() {
    let mut replay = recording();
    for (text, expected) in [
        ("pong", Inbound::Pong),
        (ACK, Inbound::Ack { complete: true }),
        (&ACK.replace("subscribe", "unsubscribe"), Inbound::Ack { complete: true }),
        (
            &ACK.replace("\"arg\"", r#""id":"1512","connId":"a4d3ae55","arg""#),
            Inbound::Ack { complete: true },
        ),
        (r#"{"event":"notice","code":"64001","msg":"?"}"#, Inbound::Ignored("notice")),
        (
            r#"{"event":"channel-conn-count","channel":"books","connCount":"2","connId":"x"}"#,
            Inbound::Ignored("connection_count"),
        ),
        (r#"{"event":"news"}"#, Inbound::Ignored("unknown_event")),
        (
            r#"{"arg":{"channel":"mark-price","instId":"X"},"data":[{}]}"#,
            Inbound::Ignored("unknown_channel"),
        ),
        (r#"{"arg":{"channel":"trades","instId":"X"},"data":[]}"#, Inbound::Ignored("no_data")),
    ] {
        assert_eq!(replay.frame(text), Ok(expected), "{text}");
        assert!(replay.batch.is_empty() && replay.commands.is_empty());
    }
    let Ok(Inbound::Refused(refusal)) = replay.frame(ERROR) else { panic!("a refusal") };
    assert_eq!((refusal.code, refusal.action, refusal.complete), (60_018, Action::Continue, true));
    let notice = r#"{"event":"notice","code":"64008","msg":"The connection will soon be closed for a service upgrade. Please reconnect.","connId":"a4d3ae55"}"#;
    assert_eq!(replay.frame(notice), Ok(Inbound::Ignored("service_upgrade")));
    assert_eq!(replay.commands, [Command::Renew]);
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
    check(r#"{"arg":{"channel":"trades"}}"#, MissingField { field: "instId" });
    check(r#"{"arg":{"channel":"trades","instId":"X"}}"#, MissingField { field: "data" });
    check(&TRADE.replace("px", "price"), MissingField { field: "px" });
    check(&TRADE.replace("\"1\"", "true"), WrongType { field: "sz" });
    check(
        &CANDLE.replace(r#","45247","529.5858061","5529.5858061","1""#, ""),
        MissingField { field: "candle" },
    );
    check(&SNAPSHOT.replace("-1", "\"x\""), WrongType { field: "prevSeqId" });
    check(
        &SNAPSHOT.replace("\"checksum\":0", "\"checksum\":2147483648"),
        WrongType { field: "checksum" },
    );
    check(&SNAPSHOT.replace("\"snapshot\"", "\"other\""), WrongType { field: "action" });
    check(r#"{"snapshot":"X"}"#, MissingField { field: "body" });
}

#[test]
fn numbers_may_be_bare_and_members_may_come_in_any_order() {
    let mut quoted = recording();
    quoted.frame(SNAPSHOT).unwrap();
    let bare = SNAPSHOT
        .replace("\"0.60038921\"", "0.60038921")
        .replace("\"1790394877200\"", "1790394877200");
    let turned = bare
        .replace(
            r#""arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data""#,
            r#""data""#,
        )
        .replace(
            "]}",
            r#"],"action":"snapshot","new":{},"arg":{"instId":"BTC-USDT","channel":"books"}}"#,
        );
    for text in [&bare, &turned, &bare.replace("32032594283", "\"32032594283\"")] {
        let mut replay = recording();
        assert_eq!(replay.frame(text), Ok(Inbound::Data(0)), "{text}");
        assert_eq!(replay.only_event(), quoted.only_event());
    }
    assert_eq!(quoted.book("BTC-USDT").last_sequence(), 32_032_594_283);
    let without_action = SNAPSHOT.replace(r#""action":"snapshot","#, "");
    assert_eq!(recording().frame(&without_action), Ok(Inbound::Data(0)), "-1 tells it");
}

#[test]
fn what_the_venue_does_not_offer_cannot_be_subscribed_to() {
    let new = |symbols: &[&str], channels: &[Channel], depth| {
        let subscription = subscription(symbols, channels, depth);
        Okx::new(subscription, Arc::new(Instruments::new())).map(drop)
    };
    assert_eq!(new(&["BTC-USDT"], &[Channel::Depth], Some(400)), Ok(()));
    let bar = new(&["BTC-USDT"], &[Channel::Bar], None);
    assert!(matches!(bar, Err(SubscriptionError::Channel { .. })), "it is at another address");
    let symbol = new(&["BTC/USDT"], &[Channel::Depth], None);
    assert!(matches!(symbol, Err(SubscriptionError::Symbol { .. })));
}

#[test]
fn an_open_connection_subscribes_every_channel_of_a_symbol_at_once() {
    let channels = [Channel::Trade, Channel::Ticker, Channel::Depth];
    let mut replay = Replay::okx(&["BTC-USDT", "X-Y"], &channels, None);
    replay.open();
    let request = |id: u32, symbol: &str, depth: &str| {
        let argument = |channel: &str| format!(r#"{{"channel":"{channel}","instId":"{symbol}"}}"#);
        let all = ["trades", "tickers", depth].map(argument).join(",");
        Command::Send(format!(r#"{{"id":"{id}","op":"subscribe","args":[{all}]}}"#))
    };
    assert_eq!(replay.commands, [request(1, "BTC-USDT", "books"), request(2, "X-Y", "books")]);
    let mut replay = Replay::okx(&["BTC-USDT"], &channels, Some(5));
    replay.open();
    assert_eq!(replay.commands, [request(1, "BTC-USDT", "books5")]);
    assert_eq!(
        replay.frame(&TRADE.replace("BTC-USD-220527", "ETH-USDT")),
        Ok(Inbound::Ignored("other_symbol"))
    );
}

#[test]
fn a_refusal_names_its_symbol_and_channel_and_the_rest_goes_on() {
    let refusal = |code, message: &str, action, complete| {
        Ok(Inbound::from(Refusal { code, message: message.to_owned(), action, complete }))
    };
    let open = || {
        let mut replay = Replay::okx(&["BTC-USDT", "X-Y"], &[Channel::Trade, Channel::Depth], None);
        replay.open();
        replay
    };
    let ack = |channel: &str, symbol: &str, id: &str| {
        ACK.replace("books", channel)
            .replace("BTC-USDT", symbol)
            .replace("\"arg\"", &format!(r#""id":"{id}","arg""#))
    };
    let complete = |complete| Ok(Inbound::Ack { complete });
    let error = ERROR.replace("\"event\"", r#""id":"2","event""#);
    let Ok(Inbound::Refused(told)) = recording().frame(ERROR) else { panic!("a refusal") };
    let mut replay = open();
    assert_eq!(replay.frame(&ack("trades", "BTC-USDT", "1")), complete(false));
    assert_eq!(replay.frame(&ack("books", "BTC-USDT", "1")), complete(false));
    let words = format!("{}; books X-Y", told.message);
    assert_eq!(replay.frame(&error), refusal(60_018, &words, Action::Continue, false));
    assert_eq!(replay.frame(&ack("trades", "X-Y", "2")), complete(true));

    // Without a word on which one it is: all of the request; nothing is left after the second.
    let mut replay = open();
    let bare = r#"{"event":"error","id":"1","code":"60012","msg":"Invalid request"}"#;
    let words = "Invalid request; trades BTC-USDT; books BTC-USDT";
    assert_eq!(replay.frame(bare), refusal(60_012, words, Action::Continue, false));
    let words = "Invalid request; trades X-Y; books X-Y";
    assert_eq!(
        replay.frame(&bare.replace("\"1\"", "\"2\"")),
        refusal(60_012, words, Action::Stop, false)
    );

    let mut replay = open();
    replay.frame(&bare.replace("60012", "60014")).unwrap();
    let Ok(Inbound::Refused(last)) =
        replay.frame(&bare.replace("60012", "60014").replace("\"1\"", "\"2\""))
    else {
        panic!("a refusal")
    };
    assert_eq!(last.action, Action::Reconnect { delay_ms_min: 60_000 }, "later it may go");
    let mut replay = open();
    let text =
        r#"{"event":"channel-conn-count-error","channel":"books","connCount":"31","connId":"x"}"#;
    let words = "too many connections for a channel; books BTC-USDT; books X-Y";
    assert_eq!(
        replay.frame(text),
        refusal(0, words, Action::Reconnect { delay_ms_min: 60_000 }, false)
    );
}

#[test]
fn cut_frames_never_panic() {
    let Some(folder) = recorded_data() else { return };
    let mut replay = recording();
    for frame in frames(&folder.join(OKX_BOOKS)).iter().filter(|it| it.len() < 600).take(60) {
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
    fn changed_bytes_of_real_frames_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        which in 0..9_usize,
    ) {
        let update = SNAPSHOT.replace("snapshot", "update").replace("-1", "32032594283");
        let fetched = r#"{"snapshot":"BTC-USDT","body":{"code":"0","msg":"","data":[{"asks":[["41006.8","0.60038921","0","1"]],"bids":[["41006.3","0.30178218","0","2"]],"ts":"1629966436396","seqId":32032594283}]}}"#;
        let texts = [TRADE, TICKER, BBO, BOOKS5, CANDLE, SNAPSHOT, ERROR, &update, fetched];
        let mut text = texts[which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        for first in [SNAPSHOT, &update, fetched] {
            let mut replay = Replay::okx(&["BTC-USDT"], &[Channel::Depth], None);
            replay.open();
            let _inbound = replay.frame(first);
            let _inbound = replay.bytes(&text);
            let _inbound = replay.frame(&update);
            replay.disconnect();
        }
    }
}
