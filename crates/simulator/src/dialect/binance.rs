//! Binance spot and USD-M, from the server's side.
//!
//! A topic is a stream without its speed: `btcusdt@depth` for `btcusdt@depth`, `btcusdt@depth@100ms`
//! and `btcusdt@depth@0ms`. What was recorded at one speed is sent at that speed under the name that a
//! client subscribed to. A stream that was not recorded is acknowledged and stays silent, as unknown
//! streams do at the venue. Clients of `/ws` get bare payloads, all others combined streams; the
//! properties that switch between the two, and full books over the socket, are not there.
//!
//! A snapshot over HTTP is the recorded one while that is the newest, and after that the book that the
//! recorded diffs made of it. The recorded one names no symbol: it is of the symbol whose last update
//! id is nearest.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};

use super::text_book::{BookSide, TextBook, TextLevel};
use super::{Dialect, Got, HttpAnswer, Subscriber};

/// Which of the two markets.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Market {
    Spot,
    UsdM,
}

/// One market's protocol, and the books of what was recorded.
#[derive(Debug)]
pub(super) struct Binance {
    market: Market,
    /// By symbol, as it is written in messages.
    books: BTreeMap<String, Kept>,
    /// Symbols whose depth was subscribed to and whose snapshot was not asked for since: whether a
    /// diff was taken since, after which clients ask.
    pending: BTreeMap<String, bool>,
    /// The last time that a message told, in ms.
    time_ms: u64,
}

/// The depth of one symbol.
#[derive(Debug, Default)]
struct Kept {
    book: TextBook,
    /// The last update id, also while there is no book.
    last: u64,
    /// Diffs that came before the snapshot, oldest first.
    held: VecDeque<Map<String, Value>>,
    /// The snapshot as it was recorded, until the next diff.
    recorded: Option<Value>,
}

impl Dialect for Binance {
    fn take(&mut self, text: &[u8]) -> Option<String> {
        if let Some(stream) = stream_of(text)
            && !stream.contains("@depth")
        {
            return Some(topic_of(stream).to_owned());
        }
        let Ok(Value::Object(mut message)) = serde_json::from_slice(text) else { return None };
        if let Some(body) = message.remove("body") {
            let symbol = message.get("snapshot")?.as_str()?.to_owned();
            self.take_snapshot(symbol, body);
            return None;
        }
        let stream = message.get("stream").and_then(Value::as_str).map(str::to_owned);
        let data = match message.remove("data") {
            Some(Value::Object(data)) if stream.is_some() => data,
            _ => message,
        };
        if stream.is_none() && data.contains_key("lastUpdateId") {
            let symbol = self.nearest(number(&data, "lastUpdateId")?)?.to_owned();
            self.take_snapshot(symbol, Value::Object(data));
            return None;
        }
        let topic = match &stream {
            Some(stream) => topic_of(stream).to_owned(),
            None => topic_of_payload(&data)?,
        };
        self.time_ms = number(&data, "E").unwrap_or(self.time_ms);
        if topic.ends_with("@depth") {
            self.take_diff(data);
        }
        Some(topic)
    }

    /// Those who name streams in the path have subscribed to them.
    fn greet(&mut self, client: &mut Subscriber) -> Vec<String> {
        let path = client.path.clone();
        let streams = match path.split_once("streams=") {
            Some((_, streams)) => streams.split('&').next().unwrap_or_default(),
            None => path.strip_prefix("/ws/").unwrap_or_default(),
        };
        for stream in streams.split('/').filter(|it| !it.is_empty()) {
            self.subscribe(client, stream);
        }
        Vec::new()
    }

    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String> {
        let answer = match serde_json::from_str(text) {
            Ok(Value::Object(command)) => {
                let id = command.get("id").cloned().unwrap_or(Value::Null);
                match self.obey(client, &command) {
                    Ok(result) => json!({ "result": result, "id": id }),
                    Err(words) if id.is_null() => json!({ "code": 2, "msg": words }),
                    Err(words) => json!({ "code": 2, "msg": words, "id": id }),
                }
            }
            Ok(_) => json!({ "code": 2, "msg": "Invalid request: expected an object" }),
            Err(error) => json!({ "code": 3, "msg": format!("Invalid JSON: {error}") }),
        };
        vec![answer.to_string()]
    }

    fn render<'a>(&mut self, client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]> {
        let is_raw = is_raw(client);
        let Some(stream) = stream_of(text) else {
            return if is_raw { Cow::Borrowed(text) } else { wrapped(client, text) };
        };
        let head_size = HEAD.len() + stream.len();
        if is_raw {
            let data = text[head_size..].strip_prefix(MIDDLE).and_then(|it| it.strip_suffix(b"}"));
            return Cow::Borrowed(data.unwrap_or(text));
        }
        match client.names.get(topic_of(stream)) {
            Some(name) if name != stream => {
                Cow::Owned([HEAD, name.as_bytes(), &text[head_size..]].concat())
            }
            _ => Cow::Borrowed(text),
        }
    }

    fn get(&mut self, path: &str) -> Got {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let expected = match self.market {
            Market::Spot => "/api/v3/depth",
            Market::UsdM => "/fapi/v1/depth",
        };
        if path != expected {
            return Got::Nothing;
        }
        let value = |name| {
            let mut members = query.split('&').filter_map(|it| it.split_once('='));
            members.find(|(it, _)| *it == name).map(|(_, value)| value)
        };
        let Some(symbol) = value("symbol").filter(|it| !it.is_empty()) else {
            return refused(-1102, "Mandatory parameter 'symbol' was not sent.");
        };
        let limit = match value("limit").map(str::parse) {
            None => LEVELS_DEFAULT,
            Some(Ok(limit @ 1..=LEVELS_MAX)) => limit,
            Some(_) => return refused(-1130, "Data sent for parameter 'limit' is not valid."),
        };
        self.pending.remove(symbol);
        match self.books.get(symbol) {
            Some(kept) if kept.book.is_seeded => {
                let body = match kept.recorded.as_ref().filter(|it| has_at_most(it, limit)) {
                    Some(recorded) => recorded.to_string(),
                    None => kept.snapshot(limit, self.time_ms, self.market).to_string(),
                };
                Got::Answer(HttpAnswer { status: 200, body })
            }
            _ => Got::Later,
        }
    }

    /// A recorded snapshot waits for whoever subscribed to that symbol; so does the second diff that a
    /// subscriber gets, since the first makes it ask.
    fn awaits_get(&self, text: &[u8]) -> bool {
        if self.pending.is_empty() {
            return false;
        }
        if let Some(stream) = stream_of(text) {
            let symbol = topic_of(stream).strip_suffix("@depth").map(str::to_ascii_uppercase);
            return symbol.is_some_and(|it| self.has_had_one(&it));
        }
        let message: Value = serde_json::from_slice(text).unwrap_or_default();
        let data = message.get("data").unwrap_or(&message);
        if data["e"] == "depthUpdate" {
            return data["s"].as_str().is_some_and(|it| self.has_had_one(it));
        }
        let symbol = match message["lastUpdateId"].as_u64() {
            Some(id) => self.nearest(id),
            None => message["snapshot"].as_str(),
        };
        symbol.is_some_and(|it| self.pending.contains_key(it))
    }

    fn farewell(&mut self, client: &mut Subscriber) -> Vec<String> {
        let notice = json!({ "e": "serverShutdown", "E": self.time_ms });
        let notice = if is_raw(client) {
            notice
        } else {
            json!({ "stream": "!serverShutdown", "data": notice })
        };
        vec![notice.to_string()]
    }
}

impl Binance {
    pub(super) const fn new(market: Market) -> Self {
        Self { market, books: BTreeMap::new(), pending: BTreeMap::new(), time_ms: 0 }
    }

    /// Does what a command says; the result, or what is wrong with it.
    fn obey(
        &mut self,
        client: &mut Subscriber,
        command: &Map<String, Value>,
    ) -> Result<Value, String> {
        let method = command.get("method").ok_or("Invalid request: missing field `method`")?;
        let method = method.as_str().ok_or("Invalid request: method must be a string")?;
        if method == "LIST_SUBSCRIPTIONS" {
            return Ok(client.names.values().map(String::as_str).collect());
        }
        if !matches!(method, "SUBSCRIBE" | "UNSUBSCRIBE") {
            let words = "expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`";
            return Err(format!("Invalid request: unknown variant `{method}`, {words}"));
        }
        let streams = command.get("params").and_then(Value::as_array);
        let streams = streams.ok_or("Invalid request: params must be an array")?;
        let streams: Option<Vec<&str>> = streams.iter().map(Value::as_str).collect();
        let streams = streams.ok_or("Invalid request: stream names must be strings")?;
        if method == "SUBSCRIBE" && client.names.len() + streams.len() > STREAMS_MAX {
            return Err("Invalid request: too many subscriptions".to_owned());
        }
        for stream in streams {
            if method == "SUBSCRIBE" {
                self.subscribe(client, stream);
            } else {
                client.topics.remove(topic_of(stream));
                client.names.remove(topic_of(stream));
            }
        }
        Ok(Value::Null)
    }

    fn subscribe(&mut self, client: &mut Subscriber, stream: &str) {
        let topic = topic_of(stream).to_owned();
        if let Some(symbol) = topic.strip_suffix("@depth") {
            self.pending.insert(symbol.to_ascii_uppercase(), false);
        }
        client.names.insert(topic.clone(), stream.to_owned());
        client.topics.insert(topic);
    }

    fn take_snapshot(&mut self, symbol: String, body: Value) {
        // Nobody asked for it in time.
        self.pending.remove(&symbol);
        let Some(last) = body["lastUpdateId"].as_u64() else { return };
        let kept = self.books.entry(symbol).or_default();
        if kept.book.is_seeded && last < kept.last {
            return;
        }
        kept.book.start_over();
        kept.last = last;
        kept.set_levels(&body["bids"], &body["asks"]);
        for diff in std::mem::take(&mut kept.held) {
            kept.take_diff(&diff);
        }
        kept.recorded = Some(body);
    }

    fn take_diff(&mut self, diff: Map<String, Value>) {
        let Some(symbol) = diff.get("s").and_then(Value::as_str) else { return };
        match self.pending.get_mut(symbol) {
            Some(is_taken @ false) => *is_taken = true,
            // It was not asked for in time.
            Some(true) => drop(self.pending.remove(symbol)),
            None => {}
        }
        let kept = match self.books.get_mut(symbol) {
            Some(kept) => kept,
            None => self.books.entry(symbol.to_owned()).or_default(),
        };
        if kept.book.is_seeded {
            kept.take_diff(&diff);
        } else if let Some(last) = number(&diff, "u") {
            kept.last = last;
            if kept.held.len() >= HELD_MAX {
                kept.held.pop_front();
            }
            kept.held.push_back(diff);
        }
    }

    /// Whether a subscriber of this symbol's depth has had a diff and has not asked for a snapshot.
    fn has_had_one(&self, symbol: &str) -> bool {
        self.pending.get(symbol) == Some(&true)
    }

    /// The symbol whose last update id is nearest to this one.
    fn nearest(&self, id: u64) -> Option<&str> {
        let nearest = self.books.iter().min_by_key(|(_, kept)| kept.last.abs_diff(id));
        nearest.map(|(symbol, _)| symbol.as_str())
    }
}

impl Kept {
    fn take_diff(&mut self, diff: &Map<String, Value>) {
        let Some(last) = number(diff, "u").filter(|&it| it > self.last) else { return };
        self.last = last;
        self.recorded = None;
        let null = Value::Null;
        self.set_levels(diff.get("b").unwrap_or(&null), diff.get("a").unwrap_or(&null));
    }

    fn set_levels(&mut self, bids: &Value, asks: &Value) {
        for (side, levels) in [(BookSide::Bid, bids), (BookSide::Ask, asks)] {
            for level in levels.as_array().into_iter().flatten() {
                if let (Some(price), Some(quantity)) = (level[0].as_str(), level[1].as_str()) {
                    self.book.set(side, price, quantity);
                }
            }
        }
    }

    fn snapshot(&self, limit: usize, time_ms: u64, market: Market) -> Value {
        let pair = |level: &TextLevel| json!([level.price, level.quantity]);
        let bids: Vec<_> = self.book.bids().take(limit).map(pair).collect();
        let asks: Vec<_> = self.book.asks().take(limit).map(pair).collect();
        let last = self.last;
        match market {
            Market::Spot => json!({ "lastUpdateId": last, "bids": bids, "asks": asks }),
            Market::UsdM => json!({
                "lastUpdateId": last, "E": time_ms, "T": time_ms, "bids": bids, "asks": asks,
            }),
        }
    }
}

/// Whether a snapshot has no more levels a side.
fn has_at_most(body: &Value, limit: usize) -> bool {
    ["bids", "asks"].iter().all(|&side| body[side].as_array().is_some_and(|it| it.len() <= limit))
}

/// Whether a client gets bare payloads.
fn is_raw(client: &Subscriber) -> bool {
    client.path == "/ws" || client.path.starts_with("/ws/")
}

/// The stream that a combined message names first.
fn stream_of(text: &[u8]) -> Option<&str> {
    let name = text.strip_prefix(HEAD)?;
    let size = name.iter().position(|&it| it == b'"')?;
    std::str::from_utf8(&name[..size]).ok()
}

/// A stream without its speed.
fn topic_of(stream: &str) -> &str {
    match stream.match_indices('@').nth(1) {
        Some((at, _)) if stream.contains("@depth") => &stream[..at],
        _ => stream,
    }
}

/// The topic of a bare payload.
fn topic_of_payload(data: &Map<String, Value>) -> Option<String> {
    let symbol = data.get("s")?.as_str()?.to_ascii_lowercase();
    let kind = match data.get("e").and_then(Value::as_str) {
        Some("depthUpdate") => "depth".to_owned(),
        Some("kline") => format!("kline_{}", data.get("k")?.get("i")?.as_str()?),
        Some(event) => event.to_owned(),
        None => "bookTicker".to_owned(),
    };
    Some(format!("{symbol}@{kind}"))
}

/// A bare payload as a message of the stream that a client subscribed to.
fn wrapped<'a>(client: &Subscriber, text: &[u8]) -> Cow<'a, [u8]> {
    let topic = match serde_json::from_slice(text) {
        Ok(Value::Object(data)) => topic_of_payload(&data).unwrap_or_default(),
        _ => String::new(),
    };
    let name = client.names.get(&topic).unwrap_or(&topic);
    Cow::Owned([HEAD, name.as_bytes(), MIDDLE, text, b"}"].concat())
}

fn number(data: &Map<String, Value>, name: &str) -> Option<u64> {
    data.get(name).and_then(Value::as_u64)
}

fn refused(code: i64, words: &str) -> Got {
    let body = json!({ "code": code, "msg": words }).to_string();
    Got::Answer(HttpAnswer { status: 400, body })
}

/// How a combined message begins, and what follows the stream's name.
const HEAD: &[u8] = br#"{"stream":""#;
const MIDDLE: &[u8] = br#"","data":"#;
/// Of one connection, `web-socket-streams.md`.
const STREAMS_MAX: usize = 1_024;
/// Levels of a side in a snapshot: as documented for `/api/v3/depth`.
const LEVELS_DEFAULT: usize = 100;
const LEVELS_MAX: usize = 5_000;
/// Diffs of a symbol that wait for its snapshot; past that the oldest are forgotten.
const HELD_MAX: usize = 16_384;

#[cfg(test)]
mod tests;
