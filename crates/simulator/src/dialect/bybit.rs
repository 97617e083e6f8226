//! Bybit v5: a topic is what the venue calls so, and snapshots continue the recorded `u`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::text_book::{BookSide, TextBook, TextLevel};
use super::{Dialect, Subscriber};

/// Topics of one request on spot.
const SPOT_ARGS_MAX: usize = 10;

/// What every answer names.
const CONN_ID: &str = "simulator";

/// The server's side of one product's socket.
#[derive(Debug)]
pub(crate) struct Bybit {
    product: BybitProduct,
    books: BTreeMap<String, Book>,
    /// The last of every field of each ticker, as one snapshot.
    tickers: BTreeMap<String, Map<String, Value>>,
}

/// Which product: acks look different, and spot takes fewer topics a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum BybitProduct {
    Spot,
    Linear,
}

/// One topic's book with the numbers of its last message.
#[derive(Debug, Default)]
struct Book {
    levels: TextBook,
    symbol: Value,
    u: Value,
    seq: Value,
    ts: Value,
    cts: Value,
}

impl Bybit {
    pub(crate) const fn new(product: BybitProduct) -> Self {
        Self { product, books: BTreeMap::new(), tickers: BTreeMap::new() }
    }

    fn take_book(&mut self, topic: &str, message: &Value) {
        let data = &message["data"];
        let book = self.books.entry(topic.to_owned()).or_default();
        if message["type"] == "snapshot" {
            book.levels.start_over();
        }
        for (side, key) in [(BookSide::Bid, "b"), (BookSide::Ask, "a")] {
            for level in data[key].as_array().into_iter().flatten() {
                if let (Some(price), Some(quantity)) = (level[0].as_str(), level[1].as_str()) {
                    book.levels.set(side, price, quantity);
                }
            }
        }
        book.symbol = data["s"].clone();
        book.u = data["u"].clone();
        book.seq = data["seq"].clone();
        book.ts = message["ts"].clone();
        book.cts = message["cts"].clone();
    }

    fn take_ticker(&mut self, topic: &str, message: &Value) {
        let Some(message) = message.as_object() else { return };
        let is_snapshot = message.get("type").is_some_and(|it| it == "snapshot");
        if is_snapshot {
            self.tickers.insert(topic.to_owned(), message.clone());
        } else if let Some(known) = self.tickers.get_mut(topic) {
            let mut data = known.get("data").cloned().unwrap_or_default();
            let changes = message.get("data").and_then(Value::as_object);
            if let (Some(data), Some(changes)) = (data.as_object_mut(), changes) {
                data.extend(changes.clone());
            }
            known.extend(message.clone());
            known.insert("type".to_owned(), json!("snapshot"));
            known.insert("data".to_owned(), data);
        }
    }

    /// The present snapshot of a topic that has one.
    fn snapshot(&self, topic: &str) -> Option<String> {
        if let Some(ticker) = self.tickers.get(topic) {
            return Some(Value::Object(ticker.clone()).to_string());
        }
        let book = self.books.get(topic).filter(|it| it.levels.is_seeded)?;
        let side = |levels: &mut dyn Iterator<Item = &TextLevel>| {
            Value::Array(levels.map(|it| json!([it.price, it.quantity])).collect())
        };
        let data = json!({
            "s": book.symbol,
            "b": side(&mut book.levels.bids()),
            "a": side(&mut book.levels.asks()),
            "u": book.u,
            "seq": book.seq,
        });
        let mut message =
            json!({ "topic": topic, "type": "snapshot", "ts": book.ts, "data": data });
        if !book.cts.is_null() {
            message["cts"] = book.cts.clone();
        }
        Some(message.to_string())
    }

    fn subscribe(&self, client: &mut Subscriber, request: &Value) -> Vec<String> {
        let topics = match topics(request) {
            Ok(topics) => topics,
            Err(words) => return vec![refusal(request, words)],
        };
        if self.product == BybitProduct::Spot && topics.len() > SPOT_ARGS_MAX {
            return vec![refusal(request, "args size >10")];
        }
        // One bad topic fails them all.
        if let Some(topic) = topics.iter().find(|it| !is_topic(it)) {
            return vec![refusal(request, &format!("error:handler not found,topic:{topic}"))];
        }
        if let Some(topic) = topics.iter().find(|it| client.topics.contains(**it)) {
            return vec![refusal(request, &format!("error:already subscribed,topic:{topic}"))];
        }
        client.topics.extend(topics.iter().map(|&it| it.to_owned()));
        let snapshots = topics.iter().filter_map(|topic| self.snapshot(topic));
        std::iter::once(self.ack(request)).chain(snapshots).collect()
    }

    fn unsubscribe(&self, client: &mut Subscriber, request: &Value) -> String {
        match topics(request) {
            Ok(topics) => {
                client.topics.retain(|it| !topics.contains(&it.as_str()));
                self.ack(request)
            }
            Err(words) => refusal(request, words),
        }
    }

    fn ack(&self, request: &Value) -> String {
        let op = &request["op"];
        let mut answer = match self.product {
            BybitProduct::Linear => {
                json!({ "success": true, "ret_msg": "", "conn_id": CONN_ID, "req_id": "", "op": op })
            }
            BybitProduct::Spot => {
                json!({ "success": true, "ret_msg": op, "conn_id": CONN_ID, "op": op })
            }
        };
        echo_id(request, &mut answer);
        answer.to_string()
    }
}

impl Dialect for Bybit {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        let message: Value = serde_json::from_slice(text).ok()?;
        let topic = message["topic"].as_str()?;
        if topic.starts_with("orderbook.") {
            self.take_book(topic, &message);
        } else if topic.starts_with("tickers.") {
            self.take_ticker(topic, &message);
        }
        Some(topic.to_owned())
    }

    fn greet(&mut self, _client: &mut Subscriber) -> Vec<String> {
        Vec::new()
    }

    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String> {
        let Ok(request) = serde_json::from_str::<Value>(text) else {
            return vec![refusal(&Value::Null, "error:invalid json")];
        };
        match request["op"].as_str() {
            Some("ping") => vec![pong(&request)],
            Some("subscribe") => self.subscribe(client, &request),
            Some("unsubscribe") => vec![self.unsubscribe(client, &request)],
            _ => vec![refusal(&request, "error:invalid op")],
        }
    }

    fn render<'a>(&mut self, _client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(text)
    }
}

/// The topics of a request.
fn topics(request: &Value) -> Result<Vec<&str>, &'static str> {
    let topics: Option<Vec<_>> =
        request["args"].as_array().and_then(|args| args.iter().map(Value::as_str).collect());
    topics.filter(|it| !it.is_empty()).ok_or("error:request args is null")
}

/// Whether the venue has such a topic, of whatever symbol.
fn is_topic(topic: &str) -> bool {
    let parts: Vec<_> = topic.split('.').collect();
    let is_symbol =
        |it: &str| !it.is_empty() && it.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-');
    let intervals = ["1", "3", "5", "15", "30", "60", "120", "240", "360", "720", "D", "W", "M"];
    match parts[..] {
        ["publicTrade" | "tickers", symbol] => is_symbol(symbol),
        ["orderbook", "1" | "50" | "200" | "1000", symbol] => is_symbol(symbol),
        ["kline", interval, symbol] => intervals.contains(&interval) && is_symbol(symbol),
        _ => false,
    }
}

fn refusal(request: &Value, words: &str) -> String {
    let op = request["op"].as_str().unwrap_or_default();
    let mut answer = json!({ "success": false, "ret_msg": words, "conn_id": CONN_ID, "op": op });
    echo_id(request, &mut answer);
    answer.to_string()
}

fn pong(request: &Value) -> String {
    let mut answer =
        json!({ "success": true, "ret_msg": "pong", "conn_id": CONN_ID, "op": "ping" });
    echo_id(request, &mut answer);
    answer.to_string()
}

fn echo_id(request: &Value, answer: &mut Value) {
    if let Some(id) = request["req_id"].as_str() {
        answer["req_id"] = json!(id);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::recorded;
    use super::*;

    fn linear() -> Bybit {
        Bybit::new(BybitProduct::Linear)
    }

    fn value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[track_caller]
    fn check(dialect: &mut Bybit, client: &mut Subscriber, text: &str, expected: &Value) {
        let answers = dialect.answer(client, text);
        let [answer] = answers.as_slice() else { panic!("{answers:?}") };
        assert_eq!(value(answer), *expected);
    }

    #[test]
    fn requests_are_answered_in_the_products_form() {
        let mut client = Subscriber::default();
        let request = r#"{"op":"subscribe","args":["publicTrade.A"]}"#;
        let ack = json!({"success": true, "ret_msg": "", "conn_id": CONN_ID, "req_id": "", "op": "subscribe"});
        check(&mut linear(), &mut client, request, &ack);
        let mut client = Subscriber::default();
        let ack = json!({"success": true, "ret_msg": "subscribe", "conn_id": CONN_ID, "req_id": "7", "op": "subscribe"});
        let request = request.replace("]}", r#"],"req_id":"7"}"#);
        let mut spot = Bybit::new(BybitProduct::Spot);
        check(&mut spot, &mut client, &request, &ack);
        assert!(client.topics.contains("publicTrade.A"));
        let pong = json!({"success": true, "ret_msg": "pong", "conn_id": CONN_ID, "op": "ping"});
        check(&mut spot, &mut client, r#"{"op":"ping"}"#, &pong);
        let ack = json!({"success": true, "ret_msg": "unsubscribe", "conn_id": CONN_ID, "op": "unsubscribe"});
        check(&mut spot, &mut client, r#"{"op":"unsubscribe","args":["publicTrade.A"]}"#, &ack);
        assert!(client.topics.is_empty());
    }

    #[test]
    fn one_bad_topic_fails_the_whole_request() {
        let mut client = Subscriber::default();
        let mut spot = Bybit::new(BybitProduct::Spot);
        let mut check = |text: &str, op: &str, words: &str| {
            let expected =
                json!({"success": false, "ret_msg": words, "conn_id": CONN_ID, "op": op});
            check(&mut spot, &mut client, text, &expected);
            assert!(client.topics.is_empty());
        };
        let words = "error:handler not found,topic:orderbook.7.A";
        let text = r#"{"op":"subscribe","args":["publicTrade.A","orderbook.7.A"]}"#;
        check(text, "subscribe", words);
        check(r#"{"op":"subscribe"}"#, "subscribe", "error:request args is null");
        check(r#"{"op":"unsubscribe","args":[7]}"#, "unsubscribe", "error:request args is null");
        check("{", "", "error:invalid json");
        check(r#"{"op":"auth"}"#, "auth", "error:invalid op");
        let many = (0..11).map(|at| format!("\"tickers.A{at}\"")).collect::<Vec<_>>().join(",");
        check(&format!(r#"{{"op":"subscribe","args":[{many}]}}"#), "subscribe", "args size >10");
    }

    #[test]
    fn what_is_subscribed_to_already_is_refused() {
        let (mut dialect, mut client) = (linear(), Subscriber::default());
        let request = r#"{"op":"subscribe","args":["tickers.A"]}"#;
        dialect.answer(&mut client, request);
        let words = "error:already subscribed,topic:tickers.A";
        let expected =
            json!({"success": false, "ret_msg": words, "conn_id": CONN_ID, "op": "subscribe"});
        check(&mut dialect, &mut client, request, &expected);
    }

    #[test]
    fn a_late_ticker_is_whole() {
        let (mut dialect, mut client) = (linear(), Subscriber::default());
        for text in [
            r#"{"topic":"tickers.A","type":"snapshot","data":{"symbol":"A","x":"1","y":"2"},"cs":1,"ts":2}"#,
            r#"{"topic":"tickers.A","type":"delta","data":{"symbol":"A","y":"3"},"cs":4,"ts":5}"#,
        ] {
            assert_eq!(dialect.take(text.as_bytes()).as_deref(), Some("tickers.A"));
        }
        let answers = dialect.answer(&mut client, r#"{"op":"subscribe","args":["tickers.A"]}"#);
        let expected = json!({"topic": "tickers.A", "type": "snapshot", "data": {"symbol": "A", "x": "1", "y": "3"}, "cs": 4, "ts": 5});
        assert_eq!(value(&answers[1]), expected);
    }

    #[test]
    fn acks_and_pongs_of_the_recording_are_nobodys() {
        let mut dialect = linear();
        assert_eq!(dialect.take(br#"{"success":true,"op":"subscribe"}"#), None);
        assert_eq!(dialect.take(b"?"), None);
        let text = br#"{"topic":"kline.1.A","data":[]}"#;
        assert_eq!(dialect.take(text).as_deref(), Some("kline.1.A"));
        assert_eq!(dialect.render(&mut Subscriber::default(), text), text.as_slice());
    }

    /// Whoever comes half way has, at the end, the books and numbers of who was there from the start.
    #[track_caller]
    fn check_late(product: BybitProduct, session: &str, books: usize) {
        let Some(messages) = recorded(session) else { return };
        let mut whole = Bybit::new(product);
        let mut late = Bybit::new(product);
        let mut client = Subscriber::default();
        let half = messages.len() / 2;
        for (at, text) in messages.iter().enumerate() {
            if at == half {
                let topics: Vec<_> = whole.books.keys().chain(whole.tickers.keys()).collect();
                let request = json!({"op": "subscribe", "args": topics}).to_string();
                let answers = whole.answer(&mut client, &request);
                assert_eq!(answers.len(), 1 + 2 * books, "an ack, and a book and ticker each");
                for answer in &answers[1..] {
                    let topic = late.take(answer.as_bytes());
                    assert!(topic.is_some_and(|it| client.topics.contains(&it)), "{answer:.80}");
                }
            }
            let topic = whole.take(text);
            if at < half || !topic.is_some_and(|it| client.topics.contains(&it)) {
                continue;
            }
            let message = value(std::str::from_utf8(text).unwrap());
            let topic = message["topic"].as_str().unwrap();
            if let Some(book) = late.books.get(topic) {
                let next = book.u.as_u64().unwrap() + 1;
                assert_eq!(message["data"]["u"], next, "{topic} goes on after the snapshot");
            }
            late.take(text);
        }
        assert_eq!(whole.books.len(), books);
        for (topic, book) in &whole.books {
            let own = &late.books[topic];
            assert!(own.levels.bids().eq(book.levels.bids()), "{topic}");
            assert!(own.levels.asks().eq(book.levels.asks()), "{topic}");
            assert_eq!(own.u, book.u);
        }
        assert_eq!(late.tickers, whole.tickers);
    }

    #[test]
    fn who_comes_half_way_continues_with_the_recorded_deltas() {
        check_late(BybitProduct::Linear, "bybit-v5/linear_20260809.gz", 4);
        check_late(BybitProduct::Spot, "bybit-v5/spot_20260809.gz", 2);
    }
}
