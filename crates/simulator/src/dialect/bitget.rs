//! Bitget v2, spot, from the server's side, as its public documentation tells it; no recorded session
//! was at hand to compare with.
//!
//! A topic is a channel and an instrument: `books/BTCUSDT`. A subscription to what was not recorded is
//! acknowledged and stays silent. One to a book that was recorded so far begins with a snapshot of now,
//! whose number and checksum are those of the last recorded message; one to trades or candles with the
//! last of them, one to what is whole each time with the last message.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

use super::text_book::{BookSide, TextBook, TextLevel};
use super::{Dialect, Subscriber};

const PRODUCT: &str = "SPOT";

const BOOKS: &str = "books";

/// Channels whose messages are whole each time.
const PICTURES: [&str; 4] = ["books1", "books5", "books15", "ticker"];

const TRADE: &str = "trade";

/// Trades and candles with which a subscription begins. How many the venue sends is not documented.
const PAST_MAX: usize = 100;

/// The protocol, and what was recorded so far, by topic.
#[derive(Debug, Default)]
pub(super) struct Bitget {
    books: BTreeMap<String, Kept>,
    /// The last message of [`PICTURES`].
    pictures: BTreeMap<String, String>,
    /// The last trades, the newest first.
    trades: BTreeMap<String, VecDeque<Value>>,
    /// The last candles, the oldest first, each as it was last told.
    candles: BTreeMap<String, VecDeque<Value>>,
}

/// One book.
#[derive(Debug, Default)]
struct Kept {
    book: TextBook,
    /// Of the last message: what a snapshot of now repeats.
    tail: BTreeMap<&'static str, Value>,
}

impl Dialect for Bitget {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        let message: Value = serde_json::from_slice(text).ok()?;
        if message.get("event").is_some() {
            return None;
        }
        let argument = &message["arg"];
        let channel = argument["channel"].as_str()?;
        let topic = topic(channel, argument["instId"].as_str()?);
        if argument["instType"] != PRODUCT {
            // Nobody can subscribe to it here.
            return Some(format!("{}/{topic}", argument["instType"]));
        }
        let data = message["data"].as_array().map_or(&[][..], Vec::as_slice);
        if channel == BOOKS {
            let kept = self.books.entry(topic.clone()).or_default();
            data.iter().for_each(|data| kept.take(message["action"] == "snapshot", data));
        } else if PICTURES.contains(&channel) {
            self.pictures.insert(topic.clone(), String::from_utf8(text.to_vec()).ok()?);
        } else if channel == TRADE {
            let past = self.trades.entry(topic.clone()).or_default();
            if message["action"] == "snapshot" {
                past.clear();
            }
            data.iter().rev().for_each(|trade| past.push_front(trade.clone()));
            past.truncate(PAST_MAX);
        } else if channel.starts_with("candle") {
            let past = self.candles.entry(topic.clone()).or_default();
            data.iter().for_each(|candle| keep_candle(past, candle));
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
        let Ok(command) = serde_json::from_str::<Value>(text) else {
            return vec![error(30_002, "Illegal request", json!({}))];
        };
        let Some(op @ ("subscribe" | "unsubscribe")) = command["op"].as_str() else {
            return vec![error(30_003, "Invalid op", json!({ "op": command["op"] }))];
        };
        let Some(arguments) = command["args"].as_array().filter(|it| !it.is_empty()) else {
            return vec![error(30_016, "Param error", json!({ "op": op }))];
        };
        arguments.iter().flat_map(|it| self.obey(client, op, it)).collect()
    }

    fn render<'a>(&mut self, _client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(text)
    }
}

impl Bitget {
    /// Answers one argument of a command.
    fn obey(&self, client: &mut Subscriber, op: &str, argument: &Value) -> Vec<String> {
        let text = |key: &str| argument[key].as_str().unwrap_or_default();
        let (product, channel, symbol) = (text("instType"), text("channel"), text("instId"));
        let is_channel =
            [BOOKS, TRADE].contains(&channel) || PICTURES.contains(&channel) || is_candle(channel);
        if product != PRODUCT || !is_channel || symbol.is_empty() {
            let words =
                format!("instType:{product},channel:{channel},instId:{symbol} doesn't exist");
            return vec![error(30_001, &words, json!({ "arg": argument, "op": op }))];
        }
        let mut answers = vec![json!({ "event": op, "arg": argument }).to_string()];
        let topic = topic(channel, symbol);
        if op == "unsubscribe" {
            client.topics.remove(&topic);
        } else {
            answers.extend(self.now(&topic, argument));
            client.topics.insert(topic);
        }
        answers
    }

    /// What a subscription begins with.
    fn now(&self, topic: &str, argument: &Value) -> Option<String> {
        if let Some(picture) = self.pictures.get(topic) {
            return Some(picture.clone());
        }
        if let Some(kept) = self.books.get(topic) {
            return kept.book.is_seeded.then(|| kept.snapshot(argument));
        }
        let past = self.trades.get(topic).or_else(|| self.candles.get(topic))?;
        Some(pushed(argument, &json!(past), &Value::Null))
    }
}

impl Kept {
    fn take(&mut self, is_snapshot: bool, data: &Value) {
        if is_snapshot {
            self.book.start_over();
        }
        for (side, name) in [(BookSide::Bid, "bids"), (BookSide::Ask, "asks")] {
            for level in data[name].as_array().into_iter().flatten() {
                if let (Some(price), Some(size)) = (level[0].as_str(), level[1].as_str()) {
                    self.book.set(side, price, size);
                }
            }
        }
        let members = ["checksum", "seq", "ts"].into_iter();
        self.tail = members.filter_map(|it| Some((it, data.get(it)?.clone()))).collect();
    }

    /// The book as it is now.
    fn snapshot(&self, argument: &Value) -> String {
        let level = |it: &TextLevel| json!([it.price, it.quantity]);
        let asks: Vec<_> = self.book.asks().map(level).collect();
        let bids: Vec<_> = self.book.bids().map(level).collect();
        let mut data = json!({ "asks": asks, "bids": bids });
        for (&member, value) in &self.tail {
            data[member] = value.clone();
        }
        pushed(argument, &json!([data]), self.tail.get("ts").unwrap_or(&Value::Null))
    }
}

/// Keeps a candle: another telling of one that is kept takes its place.
fn keep_candle(past: &mut VecDeque<Value>, candle: &Value) {
    match past.iter_mut().find(|it| it[0] == candle[0]) {
        Some(kept) => *kept = candle.clone(),
        None => past.push_back(candle.clone()),
    }
    if past.len() > PAST_MAX {
        past.pop_front();
    }
}

fn is_candle(channel: &str) -> bool {
    channel.strip_prefix("candle").is_some_and(|it| !it.is_empty())
}

fn topic(channel: &str, symbol: &str) -> String {
    format!("{channel}/{symbol}")
}

/// A snapshot as it is pushed, at the time of its newest element where that is told as a text.
fn pushed(argument: &Value, data: &Value, time: &Value) -> String {
    let mut message = json!({ "action": "snapshot", "arg": argument, "data": data });
    if let Some(time_ms) = time.as_str().and_then(|it| it.parse::<u64>().ok()) {
        message["ts"] = json!(time_ms);
    }
    message.to_string()
}

/// A refusal, with what it is about.
fn error(code: u32, words: &str, mut about: Value) -> String {
    about["event"] = json!("error");
    about["code"] = json!(code.to_string());
    about["msg"] = json!(words);
    about.to_string()
}

#[cfg(test)]
mod tests;
