//! Every message shape of Kraken and what it becomes.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::{Bar, Flags, Instruments, Level, Payload, Side, TopOfBook, Trade};
use tickring_ingest::{
    Action, Channel, Command, DecodeError, Inbound, Kraken, Refusal, SubscriptionError,
};

use crate::kraken_recorded::{V1, V2};
use crate::support::{Replay, STAMP, frames, recorded_data, subscription};

const TRADE: &str = r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#;
const TICKER: &str = r#"{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD","bid":105944.20,"bid_qty":2.5,"ask":105944.30,"ask_qty":3.2,"last":105899.40,"volume":163.28908096,"vwap":105904.39279,"low":104711.00,"high":106613.10,"change":250.00,"change_pct":0.24,"timestamp":"2022-12-25T09:30:59.123456Z"}]}"#;
const OHLC: &str = r#"{"channel":"ohlc","type":"update","timestamp":"2023-10-04T16:26:30.524394914Z","data":[{"symbol":"MATIC/USD","open":0.5624,"high":0.5628,"low":0.5622,"close":0.5627,"trades":12,"volume":30927.68066226,"vwap":0.5626,"interval_begin":"2023-10-04T16:25:00.000000000Z","interval":5,"timestamp":"2023-10-04T16:30:00.000000Z"}]}"#;
const ACK: &str = r#"{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,"symbol":"MINA/GBP"},"success":true,"time_in":"2026-08-16T23:37:04.849274Z","time_out":"2026-08-16T23:37:04.849309Z"}"#;
const REFUSED: &str = r#"{"error":"Subscription depth not supported","method":"subscribe","success":false,"time_in":"2026-08-16T23:54:19.629313Z","time_out":"2026-08-16T23:54:19.629343Z"}"#;
const STATUS: &str = r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":3007355780899554854}]}"#;

fn recording() -> Replay {
    Replay::kraken(&[], &[], None)
}

fn level(replay: &Replay, symbol: &str, price: &str, quantity: &str) -> Level {
    let instrument = replay.instrument(symbol);
    Level {
        price: instrument.price(price.as_bytes()).unwrap(),
        quantity: instrument.quantity(quantity.as_bytes()).unwrap(),
    }
}

#[test]
fn a_trade_has_its_taker_its_number_and_its_exact_digits() {
    let mut replay = recording();
    assert_eq!(replay.frame(TRADE), Ok(Inbound::Data(2)));
    let event = replay.only_event();
    let Level { price, quantity } = level(&replay, "BTC/USD", "105944.20", "0.00027625");
    let (taker, trade_id) = (Some(Side::Buy), Some(10_218_208));
    assert_eq!(event.payload(), Payload::Trade(Trade { price, quantity, taker, trade_id }));
    assert_eq!(event.venue_time_ns, 1_696_613_755_440_295_000);
    assert_eq!(event.venue_sequence, 10_218_208);
    assert_eq!((event.connection, event.arrival_ticks), (STAMP.connection, STAMP.arrival_ticks));
}

#[test]
fn several_trades_of_one_message_are_all_told() {
    let mut replay = recording();
    let one = &TRADE[TRADE.find("[{").unwrap() + 1..TRADE.len() - 2];
    let two = format!("{one},{}", one.replace("buy", "sell").replace("BTC", "ETH"));
    assert_eq!(replay.frame(&TRADE.replace(one, &two)), Ok(Inbound::Data(2)));
    let takers: Vec<_> = replay
        .batch
        .events()
        .iter()
        .map(|event| match event.payload() {
            Payload::Trade(trade) => trade.taker,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(takers, [Some(Side::Buy), Some(Side::Sell)]);
    assert_eq!(replay.instruments.iter().count(), 2);
}

#[test]
fn a_ticker_is_the_top_of_book_and_may_lack_parts() {
    let mut replay = recording();
    assert_eq!(replay.frame(TICKER), Ok(Inbound::Data(3)));
    let event = replay.only_event();
    let bid = level(&replay, "BTC/USD", "105944.20", "2.5");
    let ask = level(&replay, "BTC/USD", "105944.30", "3.2");
    let top = TopOfBook {
        bid_price: Some(bid.price),
        bid_quantity: Some(bid.quantity),
        ask_price: Some(ask.price),
        ask_quantity: Some(ask.quantity),
        last_price: Some(level(&replay, "BTC/USD", "105899.40", "0").price),
    };
    assert_eq!(event.payload(), Payload::TopOfBook(top));
    assert_eq!(event.venue_time_ns, 1_671_960_659_123_456_000);

    let text = TICKER.replace(r#""ask":105944.30,"ask_qty":3.2,"#, r#""ask":null,"#);
    assert_eq!(replay.frame(&text), Ok(Inbound::Data(3)));
    let top = TopOfBook { ask_price: None, ask_quantity: None, ..top };
    assert_eq!(replay.only_event().payload(), Payload::TopOfBook(top));
}

#[test]
fn a_bar_starts_where_its_interval_begins() {
    let mut replay = recording();
    assert_eq!(replay.frame(OHLC), Ok(Inbound::Data(4)));
    let price = |text| level(&replay, "MATIC/USD", text, "0").price;
    let bar = Bar {
        start_ns: 1_696_436_700_000_000_000,
        interval_ns: 300_000_000_000,
        open: price("0.5624"),
        high: price("0.5628"),
        low: price("0.5622"),
        close: price("0.5627"),
        volume: level(&replay, "MATIC/USD", "0", "30927.68066226").quantity,
        trades: 12,
    };
    assert_eq!(replay.only_event().payload(), Payload::Bar(bar));
}

#[test]
fn answers_greetings_and_life_signs_of_a_recording() {
    let mut replay = recording();
    let status = |system: &str| STATUS.replace("online", system);
    for (text, expected) in [
        (STATUS, Inbound::Ignored("status_online")),
        (&status("maintenance"), Inbound::Ignored("status_maintenance")),
        (&status("cancel_only"), Inbound::Ignored("status_cancel_only")),
        (&status("post_only"), Inbound::Ignored("status_post_only")),
        (&status("asleep"), Inbound::Ignored("status_unknown")),
        (r#"{"channel":"heartbeat"}"#, Inbound::Pong),
        (r#"{"method":"pong","req_id":101,"time_in":"x","time_out":"y"}"#, Inbound::Pong),
        (ACK, Inbound::Ack { complete: true }),
        (&ACK.replace("subscribe", "unsubscribe"), Inbound::Ack { complete: true }),
        (
            r#"{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[]}}"#,
            Inbound::Ignored("instrument"),
        ),
        (
            r#"{"channel":"level3","type":"update","data":[{}]}"#,
            Inbound::Ignored("unknown_channel"),
        ),
        (r#"{"method":"add_order","success":true}"#, Inbound::Ignored("unknown_method")),
        (r#"{"channel":"trade","type":"update","data":[]}"#, Inbound::Ignored("no_data")),
        (&TRADE.replace("update", "snapshot"), Inbound::Ignored("trade_snapshot")),
    ] {
        assert_eq!(replay.frame(text), Ok(expected), "{text}");
        assert!(replay.batch.is_empty());
    }
    for text in [REFUSED, r#"{"error":"Exceeded msg rate","success":false}"#] {
        let Ok(Inbound::Refused(refusal)) = replay.frame(text) else { panic!("{text}") };
        assert_eq!((refusal.action, refusal.complete), (Action::Continue, true));
    }
    assert!(replay.commands.is_empty() && replay.remarks.is_empty());
    replay.frame(&ACK.replace(r#""depth""#, r#""warnings":["old"],"depth""#)).unwrap();
    assert_eq!(replay.remarks, ["warnings"]);
}

#[test]
fn what_is_new_in_a_message_is_no_error() {
    let mut replay = recording();
    let text = TRADE.replace(
        r#""symbol":"BTC/USD","side":"buy""#,
        r#""new":[{}],"side":"neither","symbol":"BTC/USD""#,
    );
    assert_eq!(replay.frame(&text), Ok(Inbound::Data(2)));
    let Payload::Trade(trade) = replay.only_event().payload() else { panic!("no trade") };
    assert_eq!(trade.taker, None);
    assert_eq!(replay.remarks, ["unknown_side"]);
    // Numbers where texts were, and the reverse.
    let text = TRADE.replace("105944.20", "\"105944.20\"").replace("10218208", "\"10218208\"");
    let mut expected = recording();
    expected.frame(TRADE).unwrap();
    let mut replay = recording();
    assert_eq!(replay.frame(&text), Ok(Inbound::Data(2)));
    assert_eq!(replay.only_event(), expected.only_event());
    // A time that cannot be read is remarked, and nothing else.
    for time in ["17", "\"yesterday\"", "null"] {
        let text = TRADE.replace(r#""2023-10-06T17:35:55.440295Z""#, time);
        assert_eq!(replay.frame(&text), Ok(Inbound::Data(2)));
        assert_eq!(replay.only_event().venue_time_ns, 0);
    }
    assert_eq!(replay.remarks, ["no_timestamp"; 3]);
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
    check("pong", Malformed);
    check("7", MissingField { field: "channel" });
    check("[]", MissingField { field: "channel" });
    check("{}", MissingField { field: "channel" });
    check(r#"{"channel":true}"#, WrongType { field: "channel" });
    check(r#"{"channel":"trade"}"#, MissingField { field: "data" });
    check(r#"{"channel":"trade","data":7}"#, WrongType { field: "data" });
    check(&TRADE.replace("price", "cost"), MissingField { field: "price" });
    check(&TRADE.replace("0.00027625", "true"), WrongType { field: "qty" });
    check(
        r#"{"channel":"book","type":"update","data":[{"bids":[]}]}"#,
        MissingField { field: "symbol" },
    );
    check(&OHLC.replace("interval_begin", "begin"), MissingField { field: "interval_begin" });
    check(&ACK.replace("true,\"time_in", "7,\"time_in"), WrongType { field: "success" });
}

#[test]
fn symbols_that_were_not_asked_for_are_ignored() {
    let mut replay = Replay::kraken(&["eth/usd"], &[Channel::Trade], None);
    let other = Ok(Inbound::Ignored("other_symbol"));
    assert_eq!(replay.frame(TRADE), other);
    assert_eq!(replay.frame(TICKER), other);
    assert_eq!(replay.frame(OHLC), other);
    assert_eq!(replay.frame(&TRADE.replace("BTC", "ETH")), Ok(Inbound::Data(2)));
}

#[test]
fn what_the_venue_does_not_offer_cannot_be_subscribed_to() {
    let new = |symbols: &[&str], channels: &[Channel], depth| {
        let subscription = subscription(symbols, channels, depth);
        Kraken::new(subscription, Arc::new(Instruments::new())).map(drop)
    };
    assert_eq!(new(&["BTC/USD"], &Channel::ALL, Some(1_000)), Ok(()));
    let depth = new(&["BTC/USD"], &[Channel::Depth], Some(50));
    assert!(matches!(depth, Err(SubscriptionError::Depth { depth: 50, .. })));
    let symbol = new(&["BTC-USD"], &[Channel::Depth], None);
    assert!(matches!(symbol, Err(SubscriptionError::Symbol { .. })));
}

fn sent(replay: &mut Replay) -> Vec<String> {
    replay
        .commands
        .drain(..)
        .map(|command| match command {
            Command::Send(text) => text,
            other => panic!("{other:?}"),
        })
        .collect()
}

#[test]
fn an_open_connection_subscribes_every_symbol_of_a_channel_at_once() {
    let mut replay = Replay::kraken(&["BTC/USD", "MINA/GBP"], &Channel::ALL, Some(25));
    replay.open();
    let symbols = r#""symbol":["BTC/USD","MINA/GBP"]"#;
    let expected = [
        format!(
            r#"{{"method":"subscribe","params":{{"channel":"trade",{symbols},"snapshot":false}},"req_id":1}}"#
        ),
        format!(
            r#"{{"method":"subscribe","params":{{"channel":"ticker",{symbols},"event_trigger":"bbo","snapshot":true}},"req_id":2}}"#
        ),
        format!(
            r#"{{"method":"subscribe","params":{{"channel":"book",{symbols},"depth":25,"snapshot":true}},"req_id":3}}"#
        ),
        format!(
            r#"{{"method":"subscribe","params":{{"channel":"ohlc",{symbols},"interval":1,"snapshot":false}},"req_id":4}}"#
        ),
    ];
    assert_eq!(sent(&mut replay), expected);
    replay.disconnect();
    replay.open();
    assert_eq!(sent(&mut replay), expected, "a new connection starts its numbers over");
    let mut replay = recording();
    replay.open();
    assert_eq!(replay.commands, []);
}

#[test]
fn subscribing_is_complete_when_every_symbol_of_every_channel_is_answered() {
    let mut replay = Replay::kraken(&["BTC/USD", "MINA/GBP"], &[Channel::Depth], Some(25));
    replay.open();
    let ack = |complete| Ok(Inbound::Ack { complete });
    let other =
        ACK.replace("MINA/GBP", "BTC/USD").replace(r#""success""#, r#""req_id":1,"success""#);
    assert_eq!(replay.frame(&ACK.replace("book", "trade")), ack(false), "nobody asked for it");
    assert_eq!(replay.frame(ACK), ack(false));
    assert_eq!(replay.frame(ACK), ack(false), "a second one answers nothing else");
    assert_eq!(replay.frame(&other), ack(true));
}

#[test]
fn a_refusal_names_its_symbol_and_the_rest_goes_on() {
    let refusal = |message: &str, action, complete| {
        Ok(Inbound::from(Refusal { code: 0, message: message.to_owned(), action, complete }))
    };
    let open = || {
        let mut replay = Replay::kraken(&["BTC/USD", "X/Y"], &[Channel::Depth], None);
        replay.open();
        replay
    };
    // In a member, in its words, or not at all.
    let words = "Currency pair not supported X/Y; book X/Y";
    let mut replay = open();
    let text = r#"{"error":"Currency pair not supported X/Y","method":"subscribe","req_id":1,"success":false}"#;
    assert_eq!(replay.frame(text), refusal(words, Action::Continue, false));
    assert_eq!(
        replay.frame(&ACK.replace("MINA/GBP", "BTC/USD")),
        Ok(Inbound::Ack { complete: true })
    );
    let mut replay = open();
    let text = r#"{"error":"no","method":"subscribe","symbol":"X/Y","success":false}"#;
    assert_eq!(replay.frame(text), refusal("no; book X/Y", Action::Continue, false));
    let mut replay = open();
    let all = "Subscription depth not supported; book BTC/USD; book X/Y";
    assert_eq!(replay.frame(REFUSED), refusal(all, Action::Stop, false), "nothing is left");
    let mut replay = open();
    replay.frame(&ACK.replace("MINA/GBP", "BTC/USD")).unwrap();
    let rest = "Subscription depth not supported; book X/Y";
    assert_eq!(replay.frame(REFUSED), refusal(rest, Action::Continue, true));
    let mut replay = open();
    let text = r#"{"error":"Exceeded msg rate","method":"subscribe","req_id":1,"success":false}"#;
    let later = Action::Reconnect { delay_ms_min: 60_000 };
    assert_eq!(
        replay.frame(text),
        refusal("Exceeded msg rate; book BTC/USD; book X/Y", later, false)
    );
}

#[test]
fn the_book_messages_of_v1_are_lists() {
    let mut replay = Replay::kraken_v1();
    assert_eq!(replay.venue.name(), "kraken-v1");
    replay.open();
    let snapshot = r#"[0,{"as":[["2.5","1.0","1.000000001"]],"bs":[["2.4","1.0","3.5"],["2.3","7.0","2.5"]]},"book-10","XMR/USD"]"#;
    assert_eq!(replay.frame(snapshot), Ok(Inbound::Data(0)));
    let event = replay.only_event();
    assert_eq!(event.flags, Flags::WHOLE.with(Flags::SNAPSHOT));
    assert_eq!(event.venue_time_ns, 3_500_000_000);
    // Both sides at once are two payloads.
    let update = r#"[0,{"a":[["2.5","2.0","4"]]},{"b":[["2.3","0.0","4.5","r"]],"c":"CRC"},"book-10","XMR/USD"]"#;
    let crc = checksum_of("25202410");
    assert_eq!(replay.frame(&update.replace("CRC", &crc)), Ok(Inbound::Data(1)));
    assert_eq!(replay.only_event().venue_time_ns, 4_500_000_000);
    assert_eq!(replay.book("XMR/USD").levels(), (1, 1));
    assert!(replay.gaps.is_empty() && replay.remarks.is_empty());
}

#[test]
fn the_trades_and_tickers_of_v1_are_lists() {
    let mut replay = Replay::kraken_v1();
    let trade = r#"[993,[["354.11000000","0.89594024","1618678142.557535","s","l",""],["354.2","1","1618678142.6","b","m",""]],"trade","XMR/USD"]"#;
    assert_eq!(replay.frame(trade), Ok(Inbound::Data(2)));
    let [sell, buy] = replay.batch.events() else { panic!("two trades") };
    assert_eq!(sell.venue_time_ns, 1_618_678_142_557_535_000);
    let Level { price, quantity } = level(&replay, "XMR/USD", "354.11", "0.89594024");
    let taker = Some(Side::Sell);
    assert_eq!(sell.payload(), Payload::Trade(Trade { price, quantity, taker, trade_id: None }));
    assert!(matches!(buy.payload(), Payload::Trade(Trade { taker: Some(Side::Buy), .. })));

    let ticker = r#"[1668,{"a":["13.253900",35,"35.72892241"],"b":["13.232900",185,"185.18432037"],"c":["13.253900","3.71672000"],"v":["1","2"]},"ticker","WAVES/EUR"]"#;
    assert_eq!(replay.frame(ticker), Ok(Inbound::Data(3)));
    let Payload::TopOfBook(top) = replay.only_event().payload() else { panic!("no top") };
    let bid = level(&replay, "WAVES/EUR", "13.2329", "185.18432037");
    assert_eq!((top.bid_price, top.bid_quantity), (Some(bid.price), Some(bid.quantity)));
    assert_eq!(top.last_price, Some(level(&replay, "WAVES/EUR", "13.2539", "0").price));
    assert!(replay.gaps.is_empty() && replay.remarks.is_empty());
}

/// The checksum of a text, as the frames of v1 write it.
fn checksum_of(text: &str) -> String {
    crate::oracle::crc32(text.as_bytes()).to_string()
}

#[test]
fn control_messages_of_v1_are_objects() {
    let mut replay = Replay::kraken_v1();
    for (text, expected) in [
        (r#"{"event":"heartbeat"}"#, Inbound::Pong),
        (r#"{"event":"pong","reqid":42}"#, Inbound::Pong),
        (
            r#"{"connectionID":17843232920108168701,"event":"systemStatus","status":"online","version":"1.8.3"}"#,
            Inbound::Ignored("status"),
        ),
        (
            r#"{"channelID":992,"channelName":"book-1000","event":"subscriptionStatus","pair":"XMR/USD","status":"subscribed","subscription":{"depth":1000,"name":"book"}}"#,
            Inbound::Ack { complete: true },
        ),
        (r#"{"event":"news"}"#, Inbound::Ignored("unknown_event")),
        (r#"[1,["1","2"],"spread","XMR/USD"]"#, Inbound::Ignored("unknown_channel")),
        (r#"[1,["1","2"],"ohlc-5","XMR/USD"]"#, Inbound::Ignored("unknown_channel")),
    ] {
        assert_eq!(replay.frame(text), Ok(expected), "{text}");
    }
    let text =
        r#"{"event":"subscriptionStatus","status":"error","errorMessage":"no","pair":"A/B"}"#;
    let Ok(Inbound::Refused(refusal)) = replay.frame(text) else { panic!("a refusal") };
    assert_eq!(refusal.message, "no; A/B");
    for text in ["[]", "[1,{}]", "[1,{},{},{},\"book-10\",\"A/B\"]", "[1,{},\"book-10\",7]", "{}"] {
        assert!(replay.frame(text).is_err(), "{text}");
        assert!(replay.batch.is_empty());
    }
}

#[test]
fn cut_frames_never_panic() {
    let Some(folder) = recorded_data() else { return };
    for (session, new) in [(V2, recording as fn() -> Replay), (V1, Replay::kraken_v1)] {
        let mut replay = new();
        for frame in frames(&folder.join(session)).iter().filter(|it| it.len() < 300).take(60) {
            for end in 0..frame.len() {
                let _inbound = replay.frame(&frame[..end]);
            }
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        for mut replay in [recording(), Replay::kraken_v1()] {
            prop_assert!(replay.bytes(&text).is_err());
        }
    }

    #[test]
    fn changed_bytes_of_real_frames_never_panic(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        which in 0..7_usize,
    ) {
        let book = r#"{"channel":"book","type":"snapshot","data":[{"symbol":"MINA/GBP","bids":[{"price":0.0279,"qty":0.00000000},{"price":0.0020,"qty":5220.00000000}],"asks":[{"price":0.0277,"qty":1486.59884909}],"checksum":222201382,"timestamp":"2026-08-16T23:37:05.723653Z"}]}"#;
        let update = book.replace("snapshot", "update");
        let mut text = [TRADE, TICKER, OHLC, ACK, REFUSED, book, &update][which].as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(text.len());
            text[at] = byte;
        }
        for depth in [None, Some(10)] {
            let mut replay = Replay::kraken(&["MINA/GBP", "BTC/USD"], &Channel::ALL, depth);
            replay.open();
            let _inbound = replay.frame(book);
            let _inbound = replay.bytes(&text);
            let _inbound = replay.frame(&update);
        }
    }
}
