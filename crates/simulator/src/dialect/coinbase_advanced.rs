//! Coinbase Advanced Trade: every message of a connection has the next number of that connection.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::text_book::{BookSide, TextBook};
use super::{Dialect, Subscriber};

const HEARTBEATS: &str = "heartbeats";

/// Trades of a snapshot, as the venue sends them.
const TRADES_MAX: usize = 100;

/// The time of what was sent before the recording began.
const NO_TIME: &str = "1970-01-01T00:00:00Z";

/// The server's side of the market data feed.
#[derive(Debug)]
pub(crate) struct CoinbaseAdvanced {
    books: BTreeMap<String, TextBook>,
    /// The last trades of each product, the newest first.
    trades: BTreeMap<String, VecDeque<Value>>,
    /// The last item of each topic of tickers and candles.
    last: BTreeMap<String, Value>,
    /// The time of the last recorded message.
    timestamp: String,
}

/// A channel that is subscribed to by product.
#[derive(Clone, Copy, Debug)]
struct Channel {
    /// In requests and in lists of subscriptions.
    name: &'static str,
    /// In the messages.
    sent_as: &'static str,
    /// The list in an event.
    items: &'static str,
}

const CHANNELS: [Channel; 5] = [
    Channel { name: "level2", sent_as: "l2_data", items: "updates" },
    Channel { name: "market_trades", sent_as: "market_trades", items: "trades" },
    Channel { name: "ticker", sent_as: "ticker", items: "tickers" },
    Channel { name: "ticker_batch", sent_as: "ticker_batch", items: "tickers" },
    Channel { name: "candles", sent_as: "candles", items: "candles" },
];

impl CoinbaseAdvanced {
    pub(crate) fn new() -> Self {
        Self {
            books: BTreeMap::new(),
            trades: BTreeMap::new(),
            last: BTreeMap::new(),
            timestamp: NO_TIME.to_owned(),
        }
    }

    /// Keeps what a message changes; the product it is about.
    fn keep(&mut self, channel: Channel, message: &Value) -> Option<String> {
        let mut first = None;
        for event in message["events"].as_array()? {
            let items = event[channel.items].as_array()?;
            let product =
                event["product_id"].as_str().or_else(|| items.first()?["product_id"].as_str())?;
            match channel.name {
                "level2" => self.keep_levels(product, event),
                "market_trades" => self.keep_trades(items),
                _ => self.keep_last(channel, items),
            }
            first.get_or_insert_with(|| product.to_owned());
        }
        first
    }

    fn keep_levels(&mut self, product: &str, event: &Value) {
        let book = self.books.entry(product.to_owned()).or_default();
        if event["type"] == "snapshot" {
            book.start_over();
        }
        for update in event["updates"].as_array().into_iter().flatten() {
            let side = if update["side"] == "bid" { BookSide::Bid } else { BookSide::Ask };
            let texts = (update["price_level"].as_str(), update["new_quantity"].as_str());
            if let (Some(price), Some(quantity)) = texts {
                book.set(side, price, quantity);
            }
        }
    }

    /// Trades come with the newest first.
    fn keep_trades(&mut self, items: &[Value]) {
        for trade in items.iter().rev() {
            let Some(product) = trade["product_id"].as_str() else { continue };
            let trades = self.trades.entry(product.to_owned()).or_default();
            trades.push_front(trade.clone());
            trades.truncate(TRADES_MAX);
        }
    }

    fn keep_last(&mut self, channel: Channel, items: &[Value]) {
        for item in items {
            if let Some(product) = item["product_id"].as_str() {
                self.last.insert(topic(channel.name, product), item.clone());
            }
        }
    }

    /// The present snapshot of a channel for one product, where there is anything.
    fn snapshot(&self, client: &mut Subscriber, channel: Channel, product: &str) -> Option<String> {
        let event = match channel.name {
            "level2" => {
                let book = self.books.get(product).filter(|it| it.is_seeded)?;
                json!({ "type": "snapshot", "product_id": product, "updates": self.updates(book) })
            }
            "market_trades" => json!({ "type": "snapshot", "trades": self.trades.get(product)? }),
            name => {
                let mut event = json!({ "type": "snapshot" });
                event[channel.items] = json!([self.last.get(&topic(name, product))?]);
                event
            }
        };
        Some(self.message(client, channel.sent_as, &event))
    }

    fn updates(&self, book: &TextBook) -> Vec<Value> {
        let update = |side: &str, price: &str, quantity: &str| {
            json!({
                "side": side,
                "event_time": self.timestamp,
                "price_level": price,
                "new_quantity": quantity,
            })
        };
        let bids = book.bids().map(|it| update("bid", &it.price, &it.quantity));
        let asks = book.asks().map(|it| update("offer", &it.price, &it.quantity));
        bids.chain(asks).collect()
    }

    /// A message of this server's own, with the next number of its connection.
    fn message(&self, client: &mut Subscriber, channel: &str, event: &Value) -> String {
        let number = client.next_number;
        client.next_number += 1;
        json!({
            "channel": channel,
            "timestamp": self.timestamp,
            "sequence_num": number,
            "events": [event],
        })
        .to_string()
    }

    /// Everything subscribed to so far.
    fn listed(&self, client: &mut Subscriber) -> String {
        let mut listed: Map<String, Value> = Map::new();
        for topic in &client.topics {
            let (channel, product) = topic.split_once('/').unwrap_or((topic, HEARTBEATS));
            let products = listed.entry(channel).or_insert_with(|| json!([]));
            if let Some(products) = products.as_array_mut() {
                products.push(json!(product));
            }
        }
        self.message(client, "subscriptions", &json!({ "subscriptions": listed }))
    }

    fn change(&self, client: &mut Subscriber, request: &Value) -> Result<Vec<String>, String> {
        let name = request["channel"].as_str().ok_or("no channel")?;
        let is_new = match request["type"].as_str() {
            Some("subscribe") => true,
            Some("unsubscribe") => false,
            _ => return Err("invalid type".to_owned()),
        };
        if name == HEARTBEATS {
            if is_new {
                client.topics.insert(HEARTBEATS.to_owned());
            } else {
                client.topics.remove(HEARTBEATS);
            }
            return Ok(vec![self.listed(client)]);
        }
        let channel = CHANNELS.into_iter().find(|it| it.name == name);
        let channel = channel.ok_or_else(|| format!("channel {name} is not found"))?;
        let products: Option<Vec<_>> = request["product_ids"]
            .as_array()
            .and_then(|ids| ids.iter().map(Value::as_str).collect());
        let products = products.filter(|it| !it.is_empty()).ok_or("no product_ids")?;
        let mut answers = Vec::new();
        for product in products {
            let topic = topic(name, product);
            if !is_new {
                client.topics.remove(&topic);
            } else if client.topics.insert(topic) {
                // Data comes before the answer that lists it.
                answers.extend(self.snapshot(client, channel, product));
            }
        }
        answers.push(self.listed(client));
        Ok(answers)
    }
}

impl Dialect for CoinbaseAdvanced {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        let message: Value = serde_json::from_slice(text).ok()?;
        if let Some(timestamp) = message["timestamp"].as_str() {
            timestamp.clone_into(&mut self.timestamp);
        }
        let sent_as = message["channel"].as_str()?;
        if sent_as == HEARTBEATS {
            return Some(HEARTBEATS.to_owned());
        }
        let channel = CHANNELS.into_iter().find(|it| it.sent_as == sent_as)?;
        let product = self.keep(channel, &message)?;
        Some(topic(channel.name, &product))
    }

    fn greet(&mut self, _client: &mut Subscriber) -> Vec<String> {
        Vec::new()
    }

    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String> {
        let answered = match serde_json::from_str::<Value>(text) {
            Ok(request) => self.change(client, &request),
            Err(_) => Err("failed to parse message".to_owned()),
        };
        answered
            .unwrap_or_else(|words| vec![json!({ "type": "error", "message": words }).to_string()])
    }

    fn render<'a>(&mut self, client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        let Some((start, end)) = number_place(text) else { return Cow::Borrowed(text) };
        let number = client.next_number.to_string();
        client.next_number += 1;
        if text[start..end] == *number.as_bytes() {
            return Cow::Borrowed(text);
        }
        Cow::Owned([&text[..start], number.as_bytes(), &text[end..]].concat())
    }
}

fn topic(channel: &str, product: &str) -> String {
    format!("{channel}/{product}")
}

/// Where the digits of `sequence_num` are. The name cannot be a part of a text before it: the venue
/// writes it before the events.
fn number_place(text: &[u8]) -> Option<(usize, usize)> {
    const NAME: &[u8] = b"\"sequence_num\":";
    let start = text.windows(NAME.len()).position(|it| it == NAME)? + NAME.len();
    let digits = text[start..].iter().take_while(|it| it.is_ascii_digit()).count();
    (digits > 0).then_some((start, start + digits))
}

#[cfg(test)]
mod tests {
    use super::super::tests::recorded;
    use super::*;

    fn value(text: impl AsRef<[u8]>) -> Value {
        serde_json::from_slice(text.as_ref()).unwrap()
    }

    fn subscribe(channel: &str, products: &[&str]) -> String {
        json!({"type": "subscribe", "product_ids": products, "channel": channel}).to_string()
    }

    /// Answers as `channel number`, and what the last one says.
    fn brief(answers: &[String]) -> (Vec<String>, Value) {
        let words = |it: &String| {
            let message = value(it);
            format!("{} {}", message["channel"].as_str().unwrap_or("-"), message["sequence_num"])
        };
        let last = value(answers.last().unwrap());
        (answers.iter().map(words).collect(), last)
    }

    const BOOK: &str = r#"{"channel":"l2_data","timestamp":"T1","sequence_num":7,"events":[{"type":"snapshot","product_id":"A","updates":[{"side":"bid","event_time":"T0","price_level":"9.50","new_quantity":"1"},{"side":"offer","event_time":"T0","price_level":"10","new_quantity":"2.0"}]}]}"#;
    const CHANGE: &str = r#"{"channel":"l2_data","timestamp":"T2","sequence_num":8,"events":[{"type":"update","product_id":"A","updates":[{"side":"bid","event_time":"T1","price_level":"9.5","new_quantity":"0"},{"side":"bid","event_time":"T1","price_level":"9.4","new_quantity":"3"}]}]}"#;

    #[test]
    fn data_comes_before_the_answer_that_lists_everything() {
        let (mut dialect, mut client) = (CoinbaseAdvanced::new(), Subscriber::default());
        for text in [BOOK, CHANGE] {
            assert_eq!(dialect.take(text.as_bytes()).as_deref(), Some("level2/A"));
        }
        let answers = dialect.answer(&mut client, r#"{"type":"subscribe","channel":"heartbeats"}"#);
        let (words, last) = brief(&answers);
        assert_eq!(words, ["subscriptions 0"]);
        assert_eq!(last["events"], json!([{"subscriptions": {"heartbeats": ["heartbeats"]}}]));
        let answers = dialect.answer(&mut client, &subscribe("level2", &["B", "A"]));
        let (words, last) = brief(&answers);
        assert_eq!(words, ["l2_data 1", "subscriptions 2"]);
        let listed = json!({"heartbeats": ["heartbeats"], "level2": ["A", "B"]});
        assert_eq!(last["events"][0]["subscriptions"], listed);
        let update = |side: &str, price: &str, quantity: &str| json!({"side": side, "event_time": "T2", "price_level": price, "new_quantity": quantity});
        let updates = [update("bid", "9.4", "3"), update("offer", "10", "2.0")];
        let expected = json!({"type": "snapshot", "product_id": "A", "updates": updates});
        assert_eq!(value(&answers[0])["events"], json!([expected]));
        let text = r#"{"type":"unsubscribe","product_ids":["A","B"],"channel":"level2"}"#;
        let (words, last) = brief(&dialect.answer(&mut client, text));
        assert_eq!(words, ["subscriptions 3"]);
        assert_eq!(last["events"][0]["subscriptions"], json!({"heartbeats": ["heartbeats"]}));
    }

    #[test]
    fn recorded_messages_get_the_numbers_of_each_connection() {
        let mut dialect = CoinbaseAdvanced::new();
        let mut client = Subscriber { next_number: 11, ..Subscriber::default() };
        let rendered = dialect.render(&mut client, BOOK.as_bytes()).into_owned();
        assert_eq!(rendered, BOOK.replace(":7,", ":11,").as_bytes());
        assert_eq!(client.next_number, 12);
        let mut other = Subscriber { next_number: 7, ..Subscriber::default() };
        assert_eq!(dialect.render(&mut other, BOOK.as_bytes()), BOOK.as_bytes());
        assert_eq!(dialect.render(&mut other, b"{}"), b"{}".as_slice());
        assert_eq!(other.next_number, 8);
    }

    #[test]
    fn what_cannot_be_understood_is_refused_and_changes_nothing() {
        let (mut dialect, mut client) = (CoinbaseAdvanced::new(), Subscriber::default());
        for (text, words) in [
            ("{", "failed to parse message"),
            ("{}", "no channel"),
            (r#"{"type":"subscribe","channel":"level2"}"#, "no product_ids"),
            (r#"{"type":"watch","channel":"level2"}"#, "invalid type"),
            (&subscribe("level3", &["A"]), "channel level3 is not found"),
        ] {
            let expected = json!({"type": "error", "message": words});
            assert_eq!(
                dialect.answer(&mut client, text).iter().map(value).collect::<Vec<_>>(),
                [expected]
            );
        }
        assert!(client.topics.is_empty());
        assert_eq!(client.next_number, 0);
        let text = br#"{"channel":"subscriptions","sequence_num":1,"events":[]}"#;
        assert_eq!(dialect.take(text), None);
    }

    #[test]
    fn who_comes_half_way_continues_with_the_recorded_updates() {
        let session = "coinbase-advanced/btcusd_ethusd_20260809.gz";
        let Some(messages) = recorded(session) else { return };
        let (mut whole, mut late) = (CoinbaseAdvanced::new(), CoinbaseAdvanced::new());
        let mut client = Subscriber::default();
        let mut numbers = Vec::new();
        let half = messages.len() / 2;
        for (at, text) in messages.iter().enumerate() {
            if at == half {
                let requests = ["level2", "market_trades", "ticker", "candles"]
                    .map(|it| subscribe(it, &["BTC-USD", "ETH-USD"]));
                let heartbeats = r#"{"type":"subscribe","channel":"heartbeats"}"#.to_owned();
                for request in requests.iter().chain([&heartbeats]) {
                    for answer in whole.answer(&mut client, request) {
                        late.take(answer.as_bytes());
                        numbers.push(value(answer)["sequence_num"].as_u64().unwrap());
                    }
                }
                assert_eq!(numbers.len(), 4 * 3 + 1, "a snapshot each and an answer each");
            }
            let topic = whole.take(text);
            if at >= half && topic.is_some_and(|it| client.topics.contains(&it)) {
                let rendered = whole.render(&mut client, text);
                numbers.push(value(&rendered)["sequence_num"].as_u64().unwrap());
                late.take(&rendered);
            }
        }
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64));
        assert_eq!(
            numbers.len(),
            13 + messages.len() - half,
            "the recording's answers were before"
        );
        assert_eq!(whole.books.len(), 2);
        for (product, book) in &whole.books {
            assert!(book.bids().eq(late.books[product].bids()), "{product}");
            assert!(book.asks().eq(late.books[product].asks()), "{product}");
        }
        assert_eq!(late.trades, whole.trades);
        assert_eq!(late.last, whole.last);
    }
}
