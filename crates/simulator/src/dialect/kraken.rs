//! Kraken, WebSocket v2, from the server's side.
//!
//! A topic is a channel and a symbol: `book/BTC/USD`. Heartbeats are a topic of their own, which
//! everybody has from the first subscription on. What was not recorded is acknowledged and stays
//! silent.
//!
//! A book has the depth it was recorded at: a client that names none gets that one, and one that names
//! another is refused, as soon as the depth is known from the recording's own ack or snapshot. A
//! snapshot of now has the checksum of the last recorded message, whose book it shows.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::text_book::{BookSide, TextBook, TextLevel};
use super::{Dialect, Subscriber};

/// Depths that the venue offers.
const DEPTHS: [u64; 5] = [10, 25, 100, 500, 1_000];

const CHANNELS: [&str; 5] = ["book", "trade", "ticker", "ohlc", "instrument"];

/// What everybody gets who subscribed to something.
const HEARTBEAT: &str = "heartbeat";

/// The time that answers tell before a recorded message told one.
const TIME: &str = "2026-01-01T00:00:00.000000Z";

/// The protocol, and the books of what was recorded.
#[derive(Debug, Default)]
pub(super) struct Kraken {
    /// By symbol.
    books: BTreeMap<String, Kept>,
    /// The last ticker, by topic.
    tickers: BTreeMap<String, Value>,
    /// The last time that a message told.
    time: Option<String>,
}

/// The book of one symbol.
#[derive(Debug, Default)]
struct Kept {
    book: TextBook,
    depth: Option<u64>,
    /// Of the last message, in digits.
    checksum: Option<String>,
    time: String,
}

impl Dialect for Kraken {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        // The digits of its numbers count, so they are read as strings.
        let message: Value = serde_json::from_slice(&quoted(text)).ok()?;
        if message.get("method").is_some() {
            self.take_ack(&message);
            return None;
        }
        let channel = message["channel"].as_str()?;
        let is_snapshot = message["type"] == "snapshot";
        if channel == HEARTBEAT {
            return Some(HEARTBEAT.to_owned());
        }
        let first = message["data"].get(0)?;
        let topic = topic(channel, first["symbol"].as_str()?);
        match channel {
            "book" => {
                for element in message["data"].as_array()? {
                    self.take_book(is_snapshot, element);
                }
            }
            // The trades before the recording client's subscription are nobody else's.
            "trade" if is_snapshot => return None,
            "trade" | "ohlc" => {}
            "ticker" => {
                let bare = serde_json::from_slice(text).ok()?;
                self.tickers.insert(topic.clone(), bare);
            }
            _ => return None,
        }
        Some(topic)
    }

    fn greet(&mut self, _client: &mut Subscriber) -> Vec<String> {
        let status = r#"{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2","connection_id":3007355780899554854}]}"#;
        vec![status.to_owned()]
    }

    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String> {
        let Ok(command) = serde_json::from_str::<Value>(text) else {
            return vec![self.refusal(&Value::Null, "Malformed request", None)];
        };
        match command["method"].as_str() {
            Some("ping") => vec![self.reply(&command, json!({ "method": "pong" }))],
            Some("subscribe" | "unsubscribe") => self.subscriptions(client, &command),
            _ => vec![self.refusal(&command, "Unsupported method", None)],
        }
    }

    fn render<'a>(&mut self, _client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(text)
    }
}

impl Kraken {
    /// The recording client's ack tells the depth of what follows.
    fn take_ack(&mut self, message: &Value) {
        let result = &message["result"];
        if message["method"] != "subscribe" || result["channel"] != "book" {
            return;
        }
        let depth = result["depth"].as_str().and_then(|it| it.parse().ok());
        if let (Some(symbol), Some(depth)) = (result["symbol"].as_str(), depth) {
            self.books.entry(symbol.to_owned()).or_default().depth = Some(depth);
        }
    }

    fn take_book(&mut self, is_snapshot: bool, data: &Value) {
        let Some(symbol) = data["symbol"].as_str() else { return };
        let kept = self.books.entry(symbol.to_owned()).or_default();
        if is_snapshot {
            kept.book.start_over();
        }
        let mut levels_max = 0;
        for (side, name) in [(BookSide::Bid, "bids"), (BookSide::Ask, "asks")] {
            let levels = data[name].as_array().map_or(&[][..], Vec::as_slice);
            levels_max = levels_max.max(levels.len() as u64);
            for level in levels {
                if let (Some(price), Some(quantity)) =
                    (level["price"].as_str(), level["qty"].as_str())
                {
                    kept.book.set(side, price, quantity);
                }
            }
        }
        if is_snapshot && kept.depth.is_none() {
            kept.depth = DEPTHS.into_iter().find(|depth| *depth >= levels_max);
        }
        if let Some(depth) = kept.depth.and_then(|it| usize::try_from(it).ok()) {
            kept.book.cut(depth);
        }
        kept.checksum = data["checksum"].as_str().map(str::to_owned);
        if let Some(time) = data["timestamp"].as_str() {
            kept.time = time.to_owned();
            self.time = Some(time.to_owned());
        }
    }

    /// One answer for each symbol, and then what it begins with.
    fn subscriptions(&mut self, client: &mut Subscriber, command: &Value) -> Vec<String> {
        let params = &command["params"];
        let channel = params["channel"].as_str().unwrap_or_default();
        if !CHANNELS.contains(&channel) {
            return vec![self.refusal(command, "Unsupported channel", None)];
        }
        let Some(symbols) = params["symbol"].as_array().filter(|it| !it.is_empty()) else {
            return vec![self.refusal(command, "Symbol(s) missing", None)];
        };
        let mut answers = Vec::new();
        for symbol in symbols {
            let symbol = symbol.as_str().unwrap_or_default();
            if !symbol.contains('/') {
                let words = format!("Currency pair not supported {symbol}");
                answers.push(self.refusal(command, &words, Some(symbol)));
            } else if command["method"] == "subscribe" {
                answers.extend(self.subscribe(client, command, symbol));
            } else if client.topics.remove(&topic(channel, symbol)) {
                answers.push(self.ack(command, symbol, None));
            } else {
                answers.push(self.refusal(command, "Subscription Not Found", Some(symbol)));
            }
        }
        answers
    }

    fn subscribe(&self, client: &mut Subscriber, command: &Value, symbol: &str) -> Vec<String> {
        let params = &command["params"];
        let channel = params["channel"].as_str().unwrap_or_default();
        let asked = params["depth"].as_u64();
        let kept = self.books.get(symbol);
        let recorded = kept.and_then(|kept| kept.depth);
        let is_offered = asked.is_none_or(|it| DEPTHS.contains(&it));
        let differs = asked.is_some() && recorded.is_some() && asked != recorded;
        if channel == "book" && (params["depth"].is_string() || !is_offered || differs) {
            return vec![self.refusal(command, "Subscription depth not supported", None)];
        }
        let topic = topic(channel, symbol);
        if !client.topics.insert(topic.clone()) {
            return vec![self.refusal(command, "Already subscribed", Some(symbol))];
        }
        client.topics.insert(HEARTBEAT.to_owned());
        let mut answers = vec![self.ack(command, symbol, asked.or(recorded))];
        if params["snapshot"] == false {
            return answers;
        }
        match channel {
            "book" => answers.extend(kept.and_then(|kept| kept.snapshot(symbol))),
            "ticker" => answers.extend(self.tickers.get(&topic).map(|ticker| {
                let mut ticker = ticker.clone();
                ticker["type"] = json!("snapshot");
                ticker.to_string()
            })),
            _ => {}
        }
        answers
    }

    fn ack(&self, command: &Value, symbol: &str, depth: Option<u64>) -> String {
        let channel = &command["params"]["channel"];
        let mut result = json!({ "channel": channel, "symbol": symbol });
        if let Some(depth) = depth.filter(|_| channel == "book") {
            result["depth"] = json!(depth);
        }
        if command["method"] == "subscribe" {
            result["snapshot"] = json!(command["params"]["snapshot"] != false);
        }
        let method = &command["method"];
        self.reply(command, json!({ "method": method, "result": result, "success": true }))
    }

    fn refusal(&self, command: &Value, words: &str, symbol: Option<&str>) -> String {
        let mut refusal = json!({ "error": words, "success": false });
        if let Some(method) = command.get("method") {
            refusal["method"] = method.clone();
        }
        if let Some(symbol) = symbol {
            refusal["symbol"] = json!(symbol);
        }
        self.reply(command, refusal)
    }

    /// An answer with what every answer has.
    fn reply(&self, command: &Value, mut reply: Value) -> String {
        if let Some(id) = command.get("req_id") {
            reply["req_id"] = id.clone();
        }
        let time = self.time.as_deref().unwrap_or(TIME);
        reply["time_in"] = json!(time);
        reply["time_out"] = json!(time);
        reply.to_string()
    }
}

impl Kept {
    /// The book as it is now; `None` where no snapshot was recorded yet.
    fn snapshot(&self, symbol: &str) -> Option<String> {
        if !self.book.is_seeded {
            return None;
        }
        let level = |it: &TextLevel| format!(r#"{{"price":{},"qty":{}}}"#, it.price, it.quantity);
        let bids = self.book.bids().map(level).collect::<Vec<_>>().join(",");
        let asks = self.book.asks().map(level).collect::<Vec<_>>().join(",");
        let checksum = self.checksum.as_ref();
        let checksum = checksum.map_or_else(String::new, |it| format!(r#","checksum":{it}"#));
        let (symbol, time) = (json!(symbol), json!(self.time));
        Some(format!(
            r#"{{"channel":"book","type":"snapshot","data":[{{"symbol":{symbol},"bids":[{bids}],"asks":[{asks}]{checksum},"timestamp":{time}}}]}}"#
        ))
    }
}

fn topic(channel: &str, symbol: &str) -> String {
    format!("{channel}/{symbol}")
}

/// The text with every bare number between quotes.
fn quoted(text: &[u8]) -> Vec<u8> {
    let mut target = Vec::with_capacity(text.len() * 2);
    let (mut in_string, mut in_number, mut is_escaped) = (false, false, false);
    for &byte in text {
        let is_numeric = matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        if in_number && !is_numeric {
            target.push(b'"');
            in_number = false;
        } else if !in_string && !in_number && matches!(byte, b'0'..=b'9' | b'-') {
            target.push(b'"');
            in_number = true;
        }
        if byte == b'"' && !is_escaped {
            in_string = !in_string;
        }
        is_escaped = in_string && byte == b'\\' && !is_escaped;
        target.push(byte);
    }
    target
}

#[cfg(test)]
mod tests;
