use tickring_event::{Decimal, Scale};

use super::super::tests::recorded as recorded_session;
use super::*;

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn subscribe(op: &str, channel: &str) -> String {
    format!(r#"{{"id":"1512","op":"{op}","args":[{{"channel":"{channel}","instId":"BTC-USDT"}}]}}"#)
}

#[track_caller]
fn check(okx: &mut Okx, client: &mut Subscriber, text: &str, expected: &[&str]) {
    let found: Vec<_> = okx.answer(client, text).iter().map(|it| value(it)).collect();
    let expected: Vec<_> = expected.iter().map(|it| value(it)).collect();
    assert_eq!(found, expected, "{text}");
}

#[test]
fn each_argument_is_acknowledged_and_kept() {
    let (mut okx, mut client) = (Okx::default(), Subscriber::default());
    let text = r#"{"op":"subscribe","args":[{"channel":"books","instId":"A"},{"channel":"candle1m","instId":"B"}]}"#;
    let ack = |event: &str, argument: &str| {
        format!(r#"{{"event":"{event}","arg":{argument},"connId":"a4d3ae55"}}"#)
    };
    let books = ack("subscribe", r#"{"channel":"books","instId":"A"}"#);
    let candles = ack("subscribe", r#"{"channel":"candle1m","instId":"B"}"#);
    check(&mut okx, &mut client, text, &[&books, &candles]);
    let topics: Vec<_> = client.topics.iter().map(String::as_str).collect();
    assert_eq!(topics, ["books/A", "candle1m/B"]);
    let text = r#"{"id":"7","op":"unsubscribe","args":[{"channel":"books","instId":"A"}]}"#;
    let ack = ack("unsubscribe", r#"{"channel":"books","instId":"A"}"#)
        .replace("\"arg\"", r#""id":"7","arg""#);
    check(&mut okx, &mut client, text, &[&ack]);
    assert!(!client.topics.contains("books/A"));
    assert_eq!(okx.answer(&mut client, "ping"), ["pong"]);
    assert!(okx.greet(&mut client).is_empty());
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut okx, mut client) = (Okx::default(), Subscriber::default());
    let mut check = |text: &str, code: &str, words: &str| {
        let answers = okx.answer(&mut client, text);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        let answer = value(answer);
        assert_eq!((&answer["event"], &answer["code"]), (&json!("error"), &json!(code)), "{text}");
        assert!(answer["msg"].as_str().unwrap().starts_with(words), "{answer}");
    };
    check("hello", "60012", "Invalid request: hello");
    check(r#"{"op":"login","args":[{}]}"#, "60012", "Invalid request: ");
    check(r#"{"op":"subscribe","args":[]}"#, "60012", "Invalid request: ");
    let words = "Wrong URL or channel:orders,instId:BTC-USDT doesn't exist.";
    check(&subscribe("subscribe", "orders"), "60018", words);
    check(r#"{"op":"subscribe","args":[{"channel":"books"}]}"#, "60018", "Wrong URL");
    assert!(client.topics.is_empty());
}

#[test]
fn recorded_frames_have_topics_and_the_recording_clients_own_have_none() {
    let mut okx = Okx::default();
    let mut check = |text: &str, topic: Option<&str>| {
        assert_eq!(okx.take(text.as_bytes()).as_deref(), topic, "{text}");
    };
    check(r#"{"event":"subscribe","arg":{"channel":"books","instId":"A"}}"#, None);
    check("pong", None);
    check(r#"{"snapshot":"A","body":{"code":"0","data":[]}}"#, None);
    for channel in ["books", "books5", "bbo-tbt", "trades", "tickers", "candle1D", "mark-price"] {
        let text = format!(r#"{{"arg":{{"channel":"{channel}","instId":"A"}},"data":[]}}"#);
        check(&text, Some(&format!("{channel}/A")));
    }
}

#[test]
fn what_is_whole_each_time_begins_with_the_last_one() {
    let (mut okx, mut client) = (Okx::default(), Subscriber::default());
    let text = r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"last":"1.50"}]}"#;
    okx.take(text.as_bytes());
    assert_eq!(okx.answer(&mut client, &subscribe("subscribe", "tickers"))[1], text);
    assert_eq!(okx.answer(&mut client, &subscribe("subscribe", "trades")).len(), 1);
}

/// A client of its own: levels by price, and the numbers and checksum of what stands.
#[derive(Debug, Default, PartialEq)]
struct Client {
    bids: BTreeMap<i64, [String; 2]>,
    asks: BTreeMap<i64, [String; 2]>,
    last: i64,
}

impl Client {
    /// Takes a message; whether it continues the book and its checksum is that of it.
    fn take(&mut self, text: &str) -> bool {
        let message = value(text);
        let data = &message["data"][0];
        let is_linked = match message["action"].as_str().unwrap() {
            "snapshot" => {
                *self = Self::default();
                data["prevSeqId"] == -1
            }
            _ => data["prevSeqId"] == self.last,
        };
        // Sessions of 2022 have no numbers.
        let is_linked = is_linked || data.get("seqId").is_none();
        self.last = data["seqId"].as_i64().unwrap_or_default();
        for (side, name) in [(&mut self.bids, "bids"), (&mut self.asks, "asks")] {
            for level in data[name].as_array().unwrap() {
                let [price, size] = [0, 1].map(|at| level[at].as_str().unwrap());
                let scale = Scale::new(10).unwrap();
                let key = Decimal::parse(price.as_bytes(), scale).unwrap().mantissa;
                side.remove(&key);
                if size != "0" {
                    side.insert(key, [price.to_owned(), size.to_owned()]);
                }
            }
        }
        is_linked && data["checksum"] == self.checksum()
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

/// A recording with numbers and checksums in which levels come and go.
fn recorded() -> Vec<String> {
    let mut writer = Client::default();
    let mut frames = Vec::new();
    for at in 0..150_u32 {
        let side = |base: u32| -> Vec<Value> {
            let count = if at == 0 { 40 } else { 4 };
            let level = |it: u32| {
                let price = base + (at * 7 + it) % 60;
                let size = if at == 0 { 1 } else { (at + it) % 3 };
                json!([format!("{}.{}", price / 10, price % 10), size.to_string(), "0", "3"])
            };
            (0..count).map(level).collect()
        };
        let (action, previous) = match at {
            0 => ("snapshot", -1),
            _ => ("update", i64::from(at) * 10),
        };
        let text = |checksum: i32| {
            let data = json!({ "bids": side(1_000), "asks": side(1_100), "ts": "1652459225464",
                "checksum": checksum, "seqId": i64::from(at + 1) * 10, "prevSeqId": previous });
            let arg = json!({ "channel": "books", "instId": "BTC-USDT" });
            json!({ "arg": arg, "action": action, "data": [data] }).to_string()
        };
        writer.take(&text(0));
        frames.push(text(writer.checksum()));
    }
    frames
}

/// A client that comes after so many of the frames has the same book as one that was there from the
/// start, and numbers and checksums hold for both.
#[track_caller]
fn check_late(frames: &[String], late_at: usize, symbol: &str) {
    let topic = format!("books/{symbol}");
    let mut okx = Okx::default();
    let (mut whole, mut late) = (Client::default(), Client::default());
    for frame in &frames[..late_at] {
        if okx.take(frame.as_bytes()).as_deref() == Some(&topic) {
            assert!(whole.take(frame));
        }
    }
    let mut client = Subscriber::default();
    let ask = subscribe("subscribe", "books").replace("BTC-USDT", symbol);
    let answers = okx.answer(&mut client, &ask);
    let [_, snapshot] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(late.take(snapshot), "the snapshot's own checksum: {snapshot}");
    for frame in &frames[late_at..] {
        if okx.take(frame.as_bytes()).as_deref() == Some(&topic) {
            let text = okx.render(&mut client, frame.as_bytes());
            assert!(whole.take(frame));
            assert!(late.take(std::str::from_utf8(&text).unwrap()), "{frame}");
        }
    }
    assert_eq!(late, whole);
}

#[test]
fn a_snapshot_of_now_and_the_rest_are_the_whole_and_numbers_and_checksums_hold() {
    let frames = recorded();
    for late_at in [1, 2, 75, 149, 150] {
        check_late(&frames, late_at, "BTC-USDT");
    }
}

#[test]
fn a_snapshot_half_way_in_a_real_session_continues_with_its_rest() {
    let Some(frames) = recorded_session("okx-v5/books_20220513.gz") else { return };
    let frames: Vec<_> = frames.into_iter().map(|it| String::from_utf8(it).unwrap()).collect();
    for symbol in ["BTC-USD-220527", "UNI-USD-SWAP", "BTC-USDT"] {
        for late_at in [60, 200, 330, frames.len()] {
            check_late(&frames, late_at, symbol);
        }
    }
}

#[test]
fn a_snapshot_of_now_has_only_what_was_recorded() {
    let mut okx = Okx::default();
    let text = r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[],"bids":[["9.50","1","0","4"]],"ts":"7"}]}"#;
    okx.take(text.as_bytes());
    let answers = okx.answer(&mut Subscriber::default(), &subscribe("subscribe", "books"));
    assert_eq!(value(&answers[1]), value(&text.replace("\"4\"", "\"1\"")));
    let mut okx = Okx::default();
    okx.take(text.replace("snapshot", "update").as_bytes());
    assert_eq!(okx.answer(&mut Subscriber::default(), &subscribe("subscribe", "books")).len(), 1);
}
