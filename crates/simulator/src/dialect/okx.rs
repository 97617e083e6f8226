//! OKX v5, from the server's side.
//!
//! A topic is a channel and an instrument: `books/BTC-USDT`. A subscription to what was not recorded
//! is acknowledged and stays silent. Books over HTTP are not there: every subscription to a book that
//! was recorded so far begins with a snapshot of now, whose number and checksum are those of the last
//! recorded message. Orders of a level are not kept: each has one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::text_book::{BookSide, TextBook, TextLevel};
use super::{Dialect, Subscriber};

/// Channels whose messages change a book.
const BOOKS: [&str; 3] = ["books", "books-l2-tbt", "books50-l2-tbt"];

/// Channels whose messages are whole each time.
const PICTURES: [&str; 3] = ["books5", "bbo-tbt", "tickers"];

const TRADES: [&str; 2] = ["trades", "trades-all"];

const CONNECTION_ID: &str = "a4d3ae55";

/// The protocol, and the books of what was recorded.
#[derive(Debug, Default)]
pub(super) struct Okx {
    /// By topic.
    books: BTreeMap<String, Kept>,
    /// The last message of [`PICTURES`], by topic.
    pictures: BTreeMap<String, String>,
}

/// One book.
#[derive(Debug, Default)]
struct Kept {
    book: TextBook,
    /// Of the last message: what a snapshot of now repeats.
    time: Value,
    checksum: Option<Value>,
    number: Option<Value>,
}

impl Dialect for Okx {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        let message: Value = serde_json::from_slice(text).ok()?;
        if message.get("event").is_some() {
            return None;
        }
        let argument = &message["arg"];
        let channel = argument["channel"].as_str()?;
        let topic = topic(channel, argument["instId"].as_str()?);
        if BOOKS.contains(&channel) {
            let kept = self.books.entry(topic.clone()).or_default();
            for data in message["data"].as_array()? {
                kept.take(message["action"] == "snapshot", data);
            }
        } else if PICTURES.contains(&channel) {
            self.pictures.insert(topic.clone(), String::from_utf8(text.to_vec()).ok()?);
        }
        Some(topic)
    }

    fn greet(&mut self, _client: &mut Subscriber) -> Vec<String> {
        Vec::new()
    }

    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String> {
        if text == "ping" {
            return vec!["pong".to_owned()];
        }
        let command = serde_json::from_str(text).unwrap_or(Value::Null);
        let arguments = command["args"].as_array().filter(|it| !it.is_empty());
        let (Some(op @ ("subscribe" | "unsubscribe")), Some(arguments)) =
            (command["op"].as_str(), arguments)
        else {
            return vec![error(&command, 60_012, &format!("Invalid request: {text}"))];
        };
        arguments.iter().flat_map(|it| self.obey(client, &command, op, it)).collect()
    }

    fn render<'a>(&mut self, _client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(text)
    }
}

impl Okx {
    /// Answers one argument of a command.
    fn obey(
        &self,
        client: &mut Subscriber,
        command: &Value,
        op: &str,
        argument: &Value,
    ) -> Vec<String> {
        let (channel, symbol) = (argument["channel"].as_str(), argument["instId"].as_str());
        let is_channel = |it: &str| {
            [&BOOKS[..], &PICTURES, &TRADES].concat().contains(&it) || it.starts_with("candle")
        };
        let (Some(channel), Some(symbol)) = (channel.filter(|it| is_channel(it)), symbol) else {
            let (channel, symbol) = (channel.unwrap_or_default(), symbol.unwrap_or_default());
            let words = format!(
                "Wrong URL or channel:{channel},instId:{symbol} doesn't exist. Please use the correct URL, channel and parameters referring to API document."
            );
            return vec![error(command, 60_018, &words)];
        };
        let mut ack = json!({ "event": op, "arg": argument, "connId": CONNECTION_ID });
        if let Some(id) = command.get("id") {
            ack["id"] = id.clone();
        }
        let mut answers = vec![ack.to_string()];
        let topic = topic(channel, symbol);
        if op == "unsubscribe" {
            client.topics.remove(&topic);
        } else {
            answers.extend(self.books.get(&topic).and_then(|kept| kept.snapshot(argument)));
            answers.extend(self.pictures.get(&topic).cloned());
            client.topics.insert(topic);
        }
        answers
    }
}

impl Kept {
    fn take(&mut self, is_snapshot: bool, data: &Value) {
        // The first message of a book has none before it.
        if is_snapshot || data["prevSeqId"] == -1 {
            self.book.start_over();
        }
        for (side, name) in [(BookSide::Bid, "bids"), (BookSide::Ask, "asks")] {
            for level in data[name].as_array().into_iter().flatten() {
                if let (Some(price), Some(size)) = (level[0].as_str(), level[1].as_str()) {
                    self.book.set(side, price, size);
                }
            }
        }
        self.time = data["ts"].clone();
        self.checksum = data.get("checksum").cloned();
        self.number = data.get("seqId").cloned();
    }

    /// The book as it is now; `None` where no snapshot was recorded yet.
    fn snapshot(&self, argument: &Value) -> Option<String> {
        if !self.book.is_seeded {
            return None;
        }
        let level = |it: &TextLevel| json!([it.price, it.quantity, "0", "1"]);
        let bids: Vec<_> = self.book.bids().map(level).collect();
        let asks: Vec<_> = self.book.asks().map(level).collect();
        let mut data = json!({ "asks": asks, "bids": bids, "ts": self.time });
        if let Some(checksum) = &self.checksum {
            data["checksum"] = checksum.clone();
        }
        if let Some(number) = &self.number {
            data["seqId"] = number.clone();
            data["prevSeqId"] = json!(-1);
        }
        Some(json!({ "arg": argument, "action": "snapshot", "data": [data] }).to_string())
    }
}

fn topic(channel: &str, symbol: &str) -> String {
    format!("{channel}/{symbol}")
}

fn error(command: &Value, code: u32, words: &str) -> String {
    let code = code.to_string();
    let mut error =
        json!({ "event": "error", "code": code, "msg": words, "connId": CONNECTION_ID });
    if let Some(id) = command.get("id") {
        error["id"] = id.clone();
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
