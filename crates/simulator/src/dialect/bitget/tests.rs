use tickring_event::{Decimal, Scale};

use super::*;

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn argument(channel: &str) -> Value {
    json!({ "instType": "SPOT", "channel": channel, "instId": "BTCUSDT" })
}

fn ask(op: &str, channel: &str) -> String {
    json!({ "op": op, "args": [argument(channel)] }).to_string()
}

fn push(action: &str, channel: &str, data: &Value) -> String {
    json!({ "action": action, "arg": argument(channel), "data": data, "ts": 1_695_716_059_516_u64 })
        .to_string()
}

#[test]
fn each_argument_is_acknowledged_and_kept() {
    let (mut bitget, mut client) = (Bitget::default(), Subscriber::default());
    let text =
        json!({ "op": "subscribe", "args": [argument("books"), argument("candle1m")] }).to_string();
    let ack = |event: &str, channel: &str| json!({ "event": event, "arg": argument(channel) });
    let found: Vec<_> = bitget.answer(&mut client, &text).iter().map(|it| value(it)).collect();
    assert_eq!(found, [ack("subscribe", "books"), ack("subscribe", "candle1m")]);
    let topics: Vec<_> = client.topics.iter().map(String::as_str).collect();
    assert_eq!(topics, ["books/BTCUSDT", "candle1m/BTCUSDT"]);
    let answers = bitget.answer(&mut client, &ask("unsubscribe", "books"));
    assert_eq!(value(&answers[0]), ack("unsubscribe", "books"));
    assert!(!client.topics.contains("books/BTCUSDT"));
    assert_eq!(bitget.answer(&mut client, "ping"), ["pong"]);
    assert!(bitget.greet(&mut client).is_empty());
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut bitget, mut client) = (Bitget::default(), Subscriber::default());
    let mut check = |text: &str, code: &str, words: &str| {
        let answers = bitget.answer(&mut client, text);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        let answer = value(answer);
        assert_eq!((&answer["event"], &answer["code"]), (&json!("error"), &json!(code)), "{text}");
        assert_eq!(answer["msg"], words, "{text}");
    };
    check("hello", "30002", "Illegal request");
    check(r#"{"op":"login","args":[{}]}"#, "30003", "Invalid op");
    check(r#"{"op":"subscribe","args":[]}"#, "30016", "Param error");
    let words = "instType:SPOT,channel:orders,instId:BTCUSDT doesn't exist";
    check(&ask("subscribe", "orders"), "30001", words);
    let words = "instType:MCX,channel:books,instId:BTCUSDT doesn't exist";
    check(&ask("subscribe", "books").replace("SPOT", "MCX"), "30001", words);
    let words = "instType:,channel:,instId: doesn't exist";
    check(r#"{"op":"subscribe","args":[7]}"#, "30001", words);
    assert!(client.topics.is_empty());
}

#[test]
fn recorded_frames_have_topics_and_the_recording_clients_own_have_none() {
    let mut bitget = Bitget::default();
    let mut check = |text: &str, topic: Option<&str>| {
        assert_eq!(bitget.take(text.as_bytes()).as_deref(), topic, "{text}");
    };
    check(&json!({ "event": "subscribe", "arg": argument("books") }).to_string(), None);
    check(r#"{"event":"error","code":"30001","msg":"?"}"#, None);
    check("pong", None);
    check("{}", None);
    for channel in ["books", "books5", "trade", "ticker", "candle1H", "auction"] {
        let text = push("update", channel, &json!([]));
        check(&text, Some(&format!("{channel}/BTCUSDT")));
        let futures = text.replace("\"SPOT\"", "\"USDT-FUTURES\"");
        check(&futures, Some(&format!("\"USDT-FUTURES\"/{channel}/BTCUSDT")));
    }
}

#[test]
fn what_is_whole_each_time_begins_with_the_last_one() {
    for channel in PICTURES {
        let (mut bitget, mut client) = (Bitget::default(), Subscriber::default());
        for at in ["1.50", "1.60"] {
            bitget.take(push("snapshot", channel, &json!([{ "lastPr": at }])).as_bytes());
        }
        let last = push("snapshot", channel, &json!([{ "lastPr": "1.60" }]));
        assert_eq!(bitget.answer(&mut client, &ask("subscribe", channel))[1], last);
    }
}

/// The answers to a subscription after its ack.
#[track_caller]
fn begun(bitget: &mut Bitget, channel: &str) -> Option<Value> {
    let answers = bitget.answer(&mut Subscriber::default(), &ask("subscribe", channel));
    assert!(answers.len() <= 2, "{answers:?}");
    answers.get(1).map(|it| value(it))
}

#[test]
fn trades_begin_with_the_last_of_them_the_newest_first() {
    let mut bitget = Bitget::default();
    assert_eq!(begun(&mut bitget, "trade"), None);
    let trade = |id: usize| json!({ "tradeId": id.to_string(), "price": "1.50" });
    bitget.take(push("snapshot", "trade", &json!([trade(2), trade(1)])).as_bytes());
    bitget.take(push("update", "trade", &json!([trade(4), trade(3)])).as_bytes());
    let expected: Vec<_> = [4, 3, 2, 1].map(trade).into();
    let found = begun(&mut bitget, "trade").unwrap();
    assert_eq!((&found["action"], &found["arg"]), (&json!("snapshot"), &argument("trade")));
    assert_eq!(found["data"], json!(expected));
    for id in 5..300 {
        bitget.take(push("update", "trade", &json!([trade(id)])).as_bytes());
    }
    let found = begun(&mut bitget, "trade").unwrap();
    assert_eq!(found["data"].as_array().unwrap().len(), PAST_MAX);
    assert_eq!((&found["data"][0], &found["data"][99]), (&trade(299), &trade(200)));
}

#[test]
fn candles_begin_with_the_last_of_them_as_they_were_last_told() {
    let mut bitget = Bitget::default();
    let candle = |start: usize, close: &str| json!([start.to_string(), "1", "1", "1", close]);
    bitget.take(push("snapshot", "candle1m", &json!([candle(1, "a"), candle(2, "b")])).as_bytes());
    bitget.take(push("update", "candle1m", &json!([candle(2, "c")])).as_bytes());
    let found = begun(&mut bitget, "candle1m").unwrap();
    assert_eq!(found["data"], json!([candle(1, "a"), candle(2, "c")]));
    (3..300).for_each(|start| {
        bitget.take(push("update", "candle1m", &json!([candle(start, "d")])).as_bytes());
    });
    let found = begun(&mut bitget, "candle1m").unwrap();
    assert_eq!(found["data"].as_array().unwrap().len(), PAST_MAX);
    assert_eq!(found["data"][0], candle(200, "d"));
}

/// A client of its own: levels by price with their texts, and the number of what stands.
#[derive(Debug, Default, PartialEq)]
struct Client {
    bids: BTreeMap<i64, [String; 2]>,
    asks: BTreeMap<i64, [String; 2]>,
    last: i64,
}

impl Client {
    /// Takes a message; whether its number grows and its checksum is that of the book.
    fn take(&mut self, text: &str) -> bool {
        let message = value(text);
        let data = &message["data"][0];
        let is_snapshot = message["action"] == "snapshot";
        if is_snapshot {
            *self = Self::default();
        }
        let number = data["seq"].as_i64().unwrap();
        let grows = is_snapshot || number > self.last;
        self.last = number;
        for (side, name) in [(&mut self.bids, "bids"), (&mut self.asks, "asks")] {
            for level in data[name].as_array().unwrap() {
                let [price, size] = [0, 1].map(|at| level[at].as_str().unwrap());
                let scale = Scale::new(10).unwrap();
                let key = Decimal::parse(price.as_bytes(), scale).unwrap().mantissa;
                side.remove(&key);
                if !size.bytes().all(|it| matches!(it, b'0' | b'.')) {
                    side.insert(key, [price.to_owned(), size.to_owned()]);
                }
            }
        }
        grows && data["checksum"] == self.checksum()
    }

    fn checksum(&self) -> i32 {
        let bids: Vec<_> = self.bids.values().rev().take(25).collect();
        let asks: Vec<_> = self.asks.values().take(25).collect();
        let mut texts = Vec::new();
        for at in 0..25 {
            texts.extend(bids.get(at).map(|it| it.join(":")));
            texts.extend(asks.get(at).map(|it| it.join(":")));
        }
        let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        let bytes = texts.join(":").into_bytes();
        (!bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step)))
            .cast_signed()
    }
}

/// A recording in which levels come and go, above and below the 25th.
fn recorded() -> Vec<String> {
    let mut writer = Client::default();
    let mut frames = Vec::new();
    for at in 0..150_u32 {
        let side = |base: u32| -> Vec<Value> {
            let count = if at == 0 { 40 } else { 4 };
            let level = |it: u32| {
                let price = base + (at * 7 + it) % 60;
                let size = if at == 0 { 1 } else { (at + it) % 3 };
                json!([format!("{}.{:02}", price / 10, price % 10 * 10), format!("{size}.0")])
            };
            (0..count).map(level).collect()
        };
        let action = if at == 0 { "snapshot" } else { "update" };
        let text = |checksum: i32| {
            let data = json!({ "bids": side(1_000), "asks": side(1_100), "checksum": checksum,
                "seq": i64::from(at * 10 + 1), "ts": "1695716059516" });
            push(action, BOOKS, &json!([data]))
        };
        writer.take(&text(0));
        frames.push(text(writer.checksum()));
    }
    frames
}

#[test]
fn a_snapshot_of_now_and_the_rest_are_the_whole_and_numbers_and_checksums_hold() {
    let frames = recorded();
    for late_at in [1, 2, 75, 149, 150] {
        let mut bitget = Bitget::default();
        let (mut whole, mut late) = (Client::default(), Client::default());
        for frame in &frames[..late_at] {
            assert_eq!(bitget.take(frame.as_bytes()).as_deref(), Some("books/BTCUSDT"));
            assert!(whole.take(frame));
        }
        let mut client = Subscriber::default();
        let answers = bitget.answer(&mut client, &ask("subscribe", BOOKS));
        let [_, snapshot] = answers.as_slice() else { panic!("{answers:?}") };
        assert!(late.take(snapshot), "the snapshot's own checksum: {snapshot}");
        for frame in &frames[late_at..] {
            bitget.take(frame.as_bytes());
            let text = bitget.render(&mut client, frame.as_bytes());
            assert!(whole.take(frame));
            assert!(late.take(std::str::from_utf8(&text).unwrap()), "{frame}");
        }
        assert_eq!(late, whole);
        assert!(late.bids.len() > 25 && late.asks.len() > 25, "more than the checksum tells");
    }
}

#[test]
fn a_snapshot_of_now_has_only_what_was_recorded() {
    let mut bitget = Bitget::default();
    let data = json!([{ "asks": [], "bids": [["9.50", "1"]], "ts": "1695716059516" }]);
    bitget.take(push("update", BOOKS, &data).as_bytes());
    assert_eq!(begun(&mut bitget, BOOKS), None, "there is no book before its snapshot");
    let snapshot = push("snapshot", BOOKS, &data);
    bitget.take(snapshot.as_bytes());
    assert_eq!(begun(&mut bitget, BOOKS), Some(value(&snapshot)));
}
