//! Coinbase Exchange: no numbers of a connection, one list of subscriptions, whole books.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::text_book::{BookSide, TextBook, TextLevel};
use super::{Dialect, Subscriber};

/// The book as it is public: the same messages as `level2` in batches.
const LEVEL2: &str = "level2_batch";

/// Channels by product that need no key.
const CHANNELS: [&str; 5] = [LEVEL2, "ticker", "ticker_batch", "matches", "heartbeat"];

/// Channels that need one.
const KEY_CHANNELS: [&str; 3] = ["level2", "level3", "full"];

/// The server's side of the public feed.
#[derive(Debug, Default)]
pub(crate) struct CoinbaseExchange {
    books: BTreeMap<String, TextBook>,
    /// The last message of each topic of matches and tickers.
    last: BTreeMap<String, Value>,
}

impl CoinbaseExchange {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    fn keep_book(&mut self, product: &str, message: &Value) {
        let book = self.books.entry(product.to_owned()).or_default();
        if message["type"] == "snapshot" {
            book.start_over();
        }
        for (side, key) in [(BookSide::Bid, "bids"), (BookSide::Ask, "asks")] {
            for level in message[key].as_array().into_iter().flatten() {
                if let (Some(price), Some(size)) = (level[0].as_str(), level[1].as_str()) {
                    book.set(side, price, size);
                }
            }
        }
        for change in message["changes"].as_array().into_iter().flatten() {
            let side = if change[0] == "buy" { BookSide::Bid } else { BookSide::Ask };
            if let (Some(price), Some(size)) = (change[1].as_str(), change[2].as_str()) {
                book.set(side, price, size);
            }
        }
    }

    /// What a new subscriber of a topic gets at once, where there is anything.
    fn snapshot(&self, topic: &str) -> Option<String> {
        if let Some((LEVEL2, product)) = topic.split_once('/') {
            let book = self.books.get(product).filter(|it| it.is_seeded)?;
            let side = |levels: &mut dyn Iterator<Item = &TextLevel>| {
                Value::Array(levels.map(|it| json!([it.price, it.quantity])).collect())
            };
            let message = json!({
                "type": "snapshot",
                "product_id": product,
                "asks": side(&mut book.asks()),
                "bids": side(&mut book.bids()),
            });
            return Some(message.to_string());
        }
        let mut message = self.last.get(topic)?.clone();
        if message["type"] == "match" {
            message["type"] = json!("last_match");
        }
        Some(message.to_string())
    }

    fn change(&self, client: &mut Subscriber, request: &Value) -> Result<Vec<String>, String> {
        let is_new = match request["type"].as_str() {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => return Err("Type has to be either subscribe or unsubscribe".to_owned()),
        };
        let topics = topics(request)?;
        let mut snapshots = Vec::new();
        for topic in topics {
            if !is_new {
                client.topics.remove(&topic);
            } else if !client.topics.contains(&topic) {
                snapshots.extend(self.snapshot(&topic));
                client.topics.insert(topic);
            }
        }
        Ok(std::iter::once(listed(client)).chain(snapshots).collect())
    }
}

impl Dialect for CoinbaseExchange {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        let message: Value = serde_json::from_slice(text).ok()?;
        let product = message["product_id"].as_str()?;
        let channel = match message["type"].as_str()? {
            "snapshot" | "l2update" => LEVEL2,
            "match" | "last_match" => "matches",
            "ticker" => "ticker",
            "heartbeat" => "heartbeat",
            _ => return None,
        };
        let topic = format!("{channel}/{product}");
        match channel {
            LEVEL2 => self.keep_book(product, &message),
            "heartbeat" => {}
            _ => {
                self.last.insert(topic.clone(), message);
            }
        }
        Some(topic)
    }

    fn greet(&mut self, _client: &mut Subscriber) -> Vec<String> {
        Vec::new()
    }

    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String> {
        let answered = match serde_json::from_str::<Value>(text) {
            Ok(request) => self.change(client, &request),
            Err(_) => Err("Malformed JSON".to_owned()),
        };
        answered.unwrap_or_else(|reason| {
            let error =
                json!({ "type": "error", "message": "Failed to subscribe", "reason": reason });
            vec![error.to_string()]
        })
    }

    fn render<'a>(&mut self, _client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(text)
    }
}

/// The topics of a request: channels are names, or objects with products of their own.
fn topics(request: &Value) -> Result<Vec<String>, String> {
    let channels = request["channels"].as_array().filter(|it| !it.is_empty());
    let mut topics = Vec::new();
    for channel in channels.ok_or("No channels provided")? {
        let (name, products) = match channel {
            Value::String(name) => (name.as_str(), &request["product_ids"]),
            _ => (channel["name"].as_str().unwrap_or_default(), &channel["product_ids"]),
        };
        if KEY_CHANNELS.contains(&name) {
            return Err(format!("{name} requires authentication"));
        }
        if !CHANNELS.contains(&name) {
            return Err(format!("{name} is not a valid channel"));
        }
        let products = products.as_array().filter(|it| !it.is_empty());
        for product in products.ok_or("No product_ids provided")? {
            let product = product.as_str().ok_or("product_ids are no texts")?;
            topics.push(format!("{name}/{product}"));
        }
    }
    Ok(topics)
}

/// Everything subscribed to so far.
fn listed(client: &Subscriber) -> String {
    let mut listed: Map<String, Value> = Map::new();
    for topic in &client.topics {
        let Some((channel, product)) = topic.split_once('/') else { continue };
        let products = listed.entry(channel).or_insert_with(|| json!([]));
        if let Some(products) = products.as_array_mut() {
            products.push(json!(product));
        }
    }
    let channel = |(name, products)| json!({ "name": name, "product_ids": products });
    let channels: Vec<_> = listed.into_iter().map(channel).collect();
    json!({ "type": "subscriptions", "channels": channels }).to_string()
}

#[cfg(test)]
mod tests {
    use super::super::tests::recorded;
    use super::*;

    fn value(text: impl AsRef<[u8]>) -> Value {
        serde_json::from_slice(text.as_ref()).unwrap()
    }

    fn values(answers: &[String]) -> Vec<Value> {
        answers.iter().map(value).collect()
    }

    #[test]
    fn an_answer_lists_everything_and_what_is_known_follows() {
        let (mut dialect, mut client) = (CoinbaseExchange::new(), Subscriber::default());
        for (text, topic) in [
            (
                r#"{"type":"snapshot","product_id":"A","asks":[["10","1.0"]],"bids":[["9.5","2"],["9.4","1"]]}"#,
                "level2_batch/A",
            ),
            (
                r#"{"type":"l2update","product_id":"A","changes":[["buy","9.50","0.00"],["sell","10.1","3"]],"time":"T"}"#,
                "level2_batch/A",
            ),
            (r#"{"type":"match","product_id":"A","trade_id":5}"#, "matches/A"),
        ] {
            assert_eq!(dialect.take(text.as_bytes()).as_deref(), Some(topic));
        }
        let text = r#"{"type":"subscribe","product_ids":["A","B"],"channels":["level2_batch","matches",{"name":"ticker","product_ids":["B"]}]}"#;
        let answers = values(&dialect.answer(&mut client, text));
        let listed = |names: &[(&str, &[&str])]| {
            let channels: Vec<_> = names
                .iter()
                .map(|(name, products)| json!({"name": name, "product_ids": products}))
                .collect();
            json!({"type": "subscriptions", "channels": channels})
        };
        let both: &[&str] = &["A", "B"];
        assert_eq!(
            answers,
            [
                listed(&[("level2_batch", both), ("matches", both), ("ticker", &["B"])]),
                json!({"type": "snapshot", "product_id": "A", "asks": [["10", "1.0"], ["10.1", "3"]], "bids": [["9.4", "1"]]}),
                json!({"type": "last_match", "product_id": "A", "trade_id": 5}),
            ]
        );
        let text = text.replace("subscribe", "unsubscribe").replace("\"B\"]}", "\"A\"]}");
        assert_eq!(values(&dialect.answer(&mut client, &text)), [listed(&[("ticker", &["B"])])]);
    }

    #[test]
    fn what_cannot_be_subscribed_to_is_refused_and_changes_nothing() {
        let (mut dialect, mut client) = (CoinbaseExchange::new(), Subscriber::default());
        let subscribe = |channel: &str| {
            format!(
                r#"{{"type":"subscribe","product_ids":["A"],"channels":["ticker","{channel}"]}}"#
            )
        };
        for (text, reason) in [
            ("{".to_owned(), "Malformed JSON"),
            ("{}".to_owned(), "Type has to be either subscribe or unsubscribe"),
            (r#"{"type":"subscribe"}"#.to_owned(), "No channels provided"),
            (subscribe("level2"), "level2 requires authentication"),
            (subscribe("news"), "news is not a valid channel"),
            (subscribe("ticker").replace("\"A\"", ""), "No product_ids provided"),
        ] {
            let expected =
                json!({"type": "error", "message": "Failed to subscribe", "reason": reason});
            assert_eq!(values(&dialect.answer(&mut client, &text)), [expected]);
        }
        assert!(client.topics.is_empty());
        assert_eq!(dialect.take(br#"{"type":"subscriptions","channels":[]}"#), None);
        assert_eq!(dialect.take(br#"{"type":"error","message":"?"}"#), None);
        let text = br#"{"type":"heartbeat","product_id":"A"}"#;
        assert_eq!(dialect.take(text).as_deref(), Some("heartbeat/A"));
        assert_eq!(dialect.render(&mut client, text), text.as_slice());
    }

    #[test]
    fn who_comes_half_way_continues_with_the_recorded_updates() {
        let session = "coinbase-exchange/products10_20210417.gz";
        let Some(messages) = recorded(session) else { return };
        let (mut whole, mut late) = (CoinbaseExchange::new(), CoinbaseExchange::new());
        let mut client = Subscriber::default();
        let half = messages.len() / 2;
        for (at, text) in messages.iter().enumerate() {
            if at == half {
                let products: Vec<_> = whole.books.keys().cloned().collect();
                let channels = ["level2_batch", "matches", "ticker"];
                let request =
                    json!({"type": "subscribe", "product_ids": products, "channels": channels});
                let answers = whole.answer(&mut client, &request.to_string());
                assert_eq!(answers.len(), 31, "the list, and three of each of ten products");
                for answer in &answers[1..] {
                    let topic = late.take(answer.as_bytes()).unwrap();
                    assert!(client.topics.contains(&topic), "{topic}");
                }
            }
            let topic = whole.take(text);
            if at >= half && topic.is_some_and(|it| client.topics.contains(&it)) {
                late.take(text);
            }
        }
        assert_eq!(whole.books.len(), 10);
        for (product, book) in &whole.books {
            assert!(book.bids().eq(late.books[product].bids()), "{product}");
            assert!(book.asks().eq(late.books[product].asks()), "{product}");
        }
    }
}
