use super::super::tests::recorded as recorded_session;
use super::*;

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// An answer without its times.
#[track_caller]
fn check(kraken: &mut Kraken, client: &mut Subscriber, text: &str, expected: &[&str]) {
    let answers = kraken.answer(client, text);
    let found: Vec<_> = answers
        .iter()
        .map(|answer| {
            let mut answer = value(answer);
            let members = answer.as_object_mut().unwrap();
            members.remove("time_in");
            members.remove("time_out");
            answer
        })
        .collect();
    let expected: Vec<_> = expected.iter().map(|it| value(it)).collect();
    assert_eq!(found, expected, "{text}");
}

fn subscribe(channel: &str, more: &str) -> String {
    format!(
        r#"{{"method":"subscribe","params":{{"channel":"{channel}","symbol":["A/B"]{more}}},"req_id":7}}"#
    )
}

/// A recorded book message; `levels` as JSON.
fn book(kind: &str, bids: &str, asks: &str, checksum: u32) -> String {
    format!(
        r#"{{"channel":"book","type":"{kind}","data":[{{"symbol":"A/B","bids":[{bids}],"asks":[{asks}],"checksum":{checksum},"timestamp":"2026-08-16T23:37:05.723653Z"}}]}}"#
    )
}

const RECORDED_ACK: &str = r#"{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,"symbol":"A/B"},"success":true,"time_in":"x","time_out":"y"}"#;

#[test]
fn subscriptions_are_acknowledged_by_symbol_and_kept() {
    let (mut kraken, mut client) = (Kraken::default(), Subscriber::default());
    let text = r#"{"method":"subscribe","params":{"channel":"trade","symbol":["A/B","C/D"],"snapshot":false},"req_id":1}"#;
    let ack = |symbol: &str| {
        format!(
            r#"{{"method":"subscribe","result":{{"channel":"trade","symbol":"{symbol}","snapshot":false}},"success":true,"req_id":1}}"#
        )
    };
    check(&mut kraken, &mut client, text, &[&ack("A/B"), &ack("C/D")]);
    let topics: Vec<_> = client.topics.iter().map(String::as_str).collect();
    assert_eq!(topics, ["heartbeat", "trade/A/B", "trade/C/D"]);
    let text = r#"{"method":"unsubscribe","params":{"channel":"trade","symbol":["A/B"]}}"#;
    let ack =
        r#"{"method":"unsubscribe","result":{"channel":"trade","symbol":"A/B"},"success":true}"#;
    check(&mut kraken, &mut client, text, &[ack]);
    let refusal = r#"{"error":"Subscription Not Found","method":"unsubscribe","symbol":"A/B","success":false}"#;
    check(&mut kraken, &mut client, text, &[refusal]);
    assert!(!client.topics.contains("trade/A/B"));
    let pong = r#"{"method":"pong","req_id":101}"#;
    check(&mut kraken, &mut client, r#"{"method":"ping","req_id":101}"#, &[pong]);
    assert!(kraken.greet(&mut client)[0].starts_with(r#"{"channel":"status""#));
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut kraken, mut client) = (Kraken::default(), Subscriber::default());
    let mut check = |text: &str, words: &str| {
        let answers = kraken.answer(&mut client, text);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        let answer = value(answer);
        assert_eq!(
            (&answer["error"], &answer["success"]),
            (&json!(words), &json!(false)),
            "{text}"
        );
    };
    check("ping", "Malformed request");
    check("{}", "Unsupported method");
    check(&subscribe("level4", ""), "Unsupported channel");
    check(&subscribe("book", r#","depth":50"#), "Subscription depth not supported");
    check(&subscribe("book", "").replace("A/B", "AB"), "Currency pair not supported AB");
    check(r#"{"method":"subscribe","params":{"channel":"book"}}"#, "Symbol(s) missing");
    check(r#"{"method":"subscribe","params":{"channel":"book","symbol":[]}}"#, "Symbol(s) missing");
    assert!(client.topics.is_empty());
    kraken.answer(&mut client, &subscribe("book", ""));
    let again = kraken.answer(&mut client, &subscribe("book", ""));
    assert!(again[0].contains("Already subscribed"));
}

#[test]
fn a_book_has_the_depth_it_was_recorded_at() {
    let (mut kraken, mut client) = (Kraken::default(), Subscriber::default());
    let ack = |depth: &str| {
        format!(
            r#"{{"method":"subscribe","result":{{"channel":"book",{depth}"snapshot":true,"symbol":"A/B"}},"success":true,"req_id":7}}"#
        )
    };
    check(&mut kraken, &mut client, &subscribe("book", ""), &[&ack("")]);
    let mut other = Subscriber::default();
    let ten = subscribe("book", r#","depth":10"#);
    check(&mut kraken, &mut other, &ten, &[&ack(r#""depth":10,"#)]);
    assert_eq!(kraken.take(RECORDED_ACK.as_bytes()), None);
    let mut other = Subscriber::default();
    check(&mut kraken, &mut other, &subscribe("book", ""), &[&ack(r#""depth":25,"#)]);
    let mut other = Subscriber::default();
    let answer = kraken.answer(&mut other, &ten);
    assert!(answer[0].contains("Subscription depth not supported") && other.topics.is_empty());
}

#[test]
fn recorded_frames_have_topics_and_the_recording_clients_own_have_none() {
    let mut kraken = Kraken::default();
    let mut check = |text: &str, topic: Option<&str>| {
        assert_eq!(kraken.take(text.as_bytes()).as_deref(), topic, "{text}");
    };
    check(&book("snapshot", "", "", 0), Some("book/A/B"));
    check(r#"{"channel":"heartbeat"}"#, Some("heartbeat"));
    let trade = |kind: &str| {
        format!(r#"{{"channel":"trade","type":"{kind}","data":[{{"symbol":"A/B","price":1.50}}]}}"#)
    };
    check(&trade("update"), Some("trade/A/B"));
    check(&trade("snapshot"), None);
    check(&trade("update").replace("trade", "ohlc"), Some("ohlc/A/B"));
    check(RECORDED_ACK, None);
    check(r#"{"channel":"status","type":"update","data":[{"system":"online"}]}"#, None);
    check(r#"{"method":"pong"}"#, None);
    check("", None);
    check("7", None);
}

#[test]
fn a_late_ticker_begins_with_the_last_one() {
    let (mut kraken, mut client) = (Kraken::default(), Subscriber::default());
    kraken.take(br#"{"channel":"ticker","type":"update","data":[{"symbol":"A/B","bid":1.5}]}"#);
    let answers = kraken.answer(&mut client, &subscribe("ticker", ""));
    let expected = json!({ "channel": "ticker", "type": "snapshot", "data": [{ "symbol": "A/B", "bid": 1.5 }] });
    assert_eq!(value(&answers[1]), expected);
}

/// A client of its own: levels by price, cut, and the checksum of what stands.
#[derive(Debug, PartialEq)]
struct Client {
    depth: usize,
    bids: BTreeMap<i64, [String; 2]>,
    asks: BTreeMap<i64, [String; 2]>,
}

impl Client {
    const fn new(depth: usize) -> Self {
        Self { depth, bids: BTreeMap::new(), asks: BTreeMap::new() }
    }

    /// Takes a message; whether its checksum is that of the book.
    fn take(&mut self, text: &str) -> bool {
        let message: Value = serde_json::from_slice(&quoted(text.as_bytes())).unwrap();
        if message["type"] == "snapshot" {
            *self = Self::new(self.depth);
        }
        let data = &message["data"][0];
        for (side, name) in [(&mut self.bids, "bids"), (&mut self.asks, "asks")] {
            for level in data[name].as_array().unwrap() {
                let [price, quantity] = ["price", "qty"].map(|it| level[it].as_str().unwrap());
                let key = price.replace('.', "").parse().unwrap();
                side.remove(&key);
                if !quantity.bytes().all(|it| matches!(it, b'0' | b'.')) {
                    side.insert(key, [price.to_owned(), quantity.to_owned()]);
                }
            }
        }
        while self.bids.len() > self.depth {
            self.bids.pop_first();
        }
        while self.asks.len() > self.depth {
            self.asks.pop_last();
        }
        data["checksum"].as_str().unwrap() == self.checksum().to_string()
    }

    fn checksum(&self) -> u32 {
        let bids = self.bids.values().rev().take(10);
        let levels = self.asks.values().take(10).chain(bids).flatten();
        let digits = levels.map(|it| it.replace('.', "").trim_start_matches('0').to_owned());
        let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        let bytes = digits.collect::<String>().into_bytes();
        !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
    }
}

/// A recording at depth 10 in which levels come, go and are pushed out.
fn recorded() -> Vec<String> {
    let level = |price: u32, quantity: u32| {
        format!(r#"{{"price":{}.{:02},"qty":{quantity}.00000000}}"#, price / 100, price % 100)
    };
    let mut writer = Client::new(10);
    let mut frames = Vec::new();
    for at in 0..200_u32 {
        let changes = |base: u32| {
            let count = if at == 0 { 10 } else { 3 };
            let prices = (0..count).map(|it| base + (at * 7 + it * 11) % 23);
            let levels =
                prices.map(|price| level(price, if at == 0 { 1 } else { (at + price) % 4 }));
            levels.collect::<Vec<_>>().join(",")
        };
        let kind = if at == 0 { "snapshot" } else { "update" };
        let text = |checksum| book(kind, &changes(1_000), &changes(1_100), checksum);
        writer.take(&text(0));
        frames.push(text(writer.checksum()));
    }
    frames
}

/// Clients that come after so many of the frames have the same book as one that was there from the
/// start, and every checksum holds for both.
#[track_caller]
fn check_late(frames: &[String], late_at: usize, depth: usize, ask: &str) {
    let mut kraken = Kraken::default();
    let (mut whole, mut late) = (Client::new(depth), Client::new(depth));
    for frame in &frames[..late_at] {
        if kraken.take(frame.as_bytes()).is_some_and(|it| it.starts_with("book/")) {
            assert!(whole.take(frame));
        }
    }
    let mut client = Subscriber::default();
    let answers = kraken.answer(&mut client, ask);
    let [_, snapshot] = answers.as_slice() else { panic!("{answers:?}") };
    assert!(late.take(snapshot), "the snapshot's own checksum: {snapshot}");
    for frame in &frames[late_at..] {
        if kraken.take(frame.as_bytes()).is_some_and(|it| it.starts_with("book/")) {
            let text = kraken.render(&mut client, frame.as_bytes());
            assert!(whole.take(frame));
            assert!(late.take(std::str::from_utf8(&text).unwrap()), "{frame}");
        }
    }
    assert_eq!(late, whole);
    assert!(whole.bids.len() == depth || whole.asks.len() == depth);
}

#[test]
fn a_snapshot_of_now_and_the_rest_are_the_whole_and_every_checksum_holds() {
    let frames = recorded();
    for late_at in [1, 2, 50, 199, 200] {
        check_late(&frames, late_at, 10, &subscribe("book", r#","depth":10"#));
    }
}

#[test]
fn a_snapshot_anywhere_in_a_real_session_continues_with_its_rest() {
    let Some(frames) = recorded_session("kraken-v2/minagbp_d25_20260816.gz") else { return };
    let frames: Vec<_> = frames.into_iter().map(|it| String::from_utf8(it).unwrap()).collect();
    let first = frames.iter().position(|it| it.contains("\"snapshot\",\"data\""));
    let Some(first) = first else { return };
    for late_at in first + 1..=frames.len() {
        check_late(&frames, late_at, 25, &subscribe("book", "").replace("A/B", "MINA/GBP"));
    }
}

#[test]
fn a_book_that_starts_over_begins_with_a_snapshot_of_now() {
    let frames = recorded();
    let (mut kraken, mut client) = (Kraken::default(), Subscriber::default());
    assert_eq!(kraken.answer(&mut client, &subscribe("book", "")).len(), 1, "nothing came yet");
    for frame in &frames[..30] {
        kraken.take(frame.as_bytes());
    }
    let unsubscribe = subscribe("book", "").replace("\"subscribe", "\"unsubscribe");
    assert_eq!(kraken.answer(&mut client, &unsubscribe).len(), 1);
    assert_eq!(kraken.answer(&mut client, &subscribe("book", r#","snapshot":false"#)).len(), 1);
    kraken.answer(&mut client, &unsubscribe);
    let answers = kraken.answer(&mut client, &subscribe("book", ""));
    assert!(Client::new(10).take(&answers[1]));
}
