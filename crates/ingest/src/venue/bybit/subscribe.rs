//! Requests and what the venue answers to them.

use tickring_event::InstrumentId;

use std::collections::VecDeque;

use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::subscription::{Channel, Subscription, SubscriptionError};
use crate::venue::{Action, Command, DecodeError, Inbound, Refusal};

/// What keeps a connection alive.
pub(super) const PING: &str = r#"{"op":"ping"}"#;

/// Depth where none is named: the deepest that is pushed each 100 ms.
const DEPTH: u32 = 200;

/// Topics of one request: the venue's limit on spot, where one bad topic can fail them all, and so
/// ours everywhere.
const ARGS_MAX: usize = 10;

/// Characters of all topics of a connection ("args" on the connect page).
const ARGS_CHARS_MAX: usize = 21_000;

/// Longest words of a refusal that are kept.
const REFUSAL_CHARS_MAX: usize = 200;

/// Shortest wait before the next connection where a book could not be subscribed to anew.
const RECONNECT_MS_MIN: u64 = 1_000;

/// What was subscribed to, and which requests wait for an answer.
#[derive(Debug)]
pub(super) struct Requests {
    /// Everything to subscribe to, without what was refused; empty for a recording.
    topics: Vec<String>,
    /// Whether anything is subscribed to at all.
    is_live: bool,
    /// Sent and not answered, in order.
    unanswered: VecDeque<Request>,
    next_id: u64,
}

#[derive(Debug)]
struct Request {
    id: u64,
    op: Op,
    topics: Vec<String>,
    reason: Reason,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Op {
    Subscribe,
    Unsubscribe,
}

/// Why something was requested.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reason {
    Opening,
    Resync,
}

impl Requests {
    /// # Errors
    /// More symbols than the venue takes on one connection.
    pub(super) fn new(subscription: &Subscription) -> Result<Self, SubscriptionError> {
        let mut topics = Vec::new();
        let mut chars = 0;
        for (index, symbol) in subscription.symbols.iter().enumerate() {
            let depth = subscription.depth.unwrap_or(DEPTH);
            let own = subscription.channels.iter().map(|it| topic(*it, depth, symbol));
            topics.extend(own);
            // As they are written: `"topic",`.
            let of_symbol = topics.iter().rev().take(subscription.channels.len());
            chars += of_symbol.map(|it| it.len() + 3).sum::<usize>();
            if chars > ARGS_CHARS_MAX {
                let count = subscription.symbols.len();
                return Err(SubscriptionError::TooManySymbols { count, limit: index });
            }
        }
        let is_live = !topics.is_empty();
        Ok(Self { topics, is_live, unanswered: VecDeque::new(), next_id: 1 })
    }

    /// Subscribes to everything, after a handshake.
    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        self.unanswered.clear();
        let topics = std::mem::take(&mut self.topics);
        for topics in topics.chunks(ARGS_MAX) {
            let text = self.request(Op::Subscribe, topics.to_vec(), Reason::Opening);
            batch.command(Command::Send(text));
        }
        self.topics = topics;
    }

    pub(super) fn disconnected(&mut self) {
        self.unanswered.clear();
    }

    /// Unsubscribes from a book and subscribes again: that brings a snapshot.
    pub(super) fn resync(
        &mut self,
        depth: u32,
        (instrument, symbol): (InstrumentId, &str),
        batch: &mut EventBatch,
    ) {
        // In a recording symbols are what somebody wrote.
        if !symbol.bytes().all(|it| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_')) {
            return;
        }
        let topic = format!("orderbook.{depth}.{symbol}");
        // An earlier one that was never answered is answered by this one's answer.
        let is_same = |it: &Request| it.reason == Reason::Resync && it.topics == [topic.as_str()];
        self.unanswered.retain(|it| !is_same(it));
        let texts = [Op::Unsubscribe, Op::Subscribe]
            .map(|op| self.request(op, vec![topic.clone()], Reason::Resync));
        batch.command(Command::Resync { instrument, texts: texts.into() });
    }

    /// What a message that is not of a topic says.
    pub(super) fn answer(
        &mut self,
        root: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        if !root.is_object() {
            return Err(DecodeError::MissingField { field: "topic" });
        }
        let is_refused = root.get("success").and_then(Value::truth) == Some(false);
        let op = match root.get("op").and_then(Value::text) {
            Some("ping" | "pong") => return Ok(Inbound::Pong),
            Some("subscribe") => Some(Op::Subscribe),
            Some("unsubscribe") => Some(Op::Unsubscribe),
            _ if is_refused => None,
            Some(_) => return Ok(Inbound::Ignored("unknown_op")),
            None => return Ok(Inbound::Ignored("unknown_message")),
        };
        let request = self.take(root.get("req_id").and_then(Value::text), op);
        let words = root.get("ret_msg").and_then(Value::text).unwrap_or_default();
        // Topics that the venue took before it refused their request stay subscribed.
        if is_refused && !words.contains("already subscribed") {
            return Ok(Inbound::from(self.refused(request, words, batch)));
        }
        Ok(Inbound::Ack { complete: self.unanswered.is_empty() })
    }

    /// The request that is answered: the one named, or the first of its kind where none is.
    fn take(&mut self, id: Option<&str>, op: Option<Op>) -> Option<Request> {
        let index = match id.filter(|it| !it.is_empty()) {
            Some(id) => {
                let id: u64 = id.parse().ok()?;
                self.unanswered.iter().position(|it| it.id == id)
            }
            None => self.unanswered.iter().position(|it| Some(it.op) == op),
        };
        self.unanswered.remove(index?)
    }

    fn refused(
        &mut self,
        request: Option<Request>,
        words: &str,
        batch: &mut EventBatch,
    ) -> Refusal {
        let mut action = Action::Continue;
        let mut message = words.to_owned();
        match request {
            Some(Request { op: Op::Subscribe, topics, reason: Reason::Resync, .. }) => {
                message = told(words, &topics);
                action = Action::Reconnect { delay_ms_min: RECONNECT_MS_MIN };
            }
            Some(Request { op: Op::Subscribe, topics, reason: Reason::Opening, .. }) => {
                message = self.refused_opening(topics, words, batch);
                if self.topics.is_empty() {
                    action = Action::Stop;
                }
            }
            Some(Request { op: Op::Unsubscribe, topics, .. }) => message = told(words, &topics),
            None => {}
        }
        let message = message.chars().filter(|it| !it.is_control());
        let message = message.take(REFUSAL_CHARS_MAX).collect();
        let complete = action == Action::Continue && self.unanswered.is_empty();
        Refusal { code: 0, message, action, complete }
    }

    /// Gives up the topics that were refused for sure and asks for the others of their request, one
    /// by one: a request of one topic is never sent again.
    fn refused_opening(
        &mut self,
        topics: Vec<String>,
        words: &str,
        batch: &mut EventBatch,
    ) -> String {
        let is_alone = topics.len() == 1;
        let (refused, others): (Vec<_>, Vec<_>) =
            topics.into_iter().partition(|it| is_alone || names(words, it));
        self.topics.retain(|it| !refused.contains(it));
        let message = if refused.is_empty() { told(words, &others) } else { told(words, &refused) };
        for topic in others {
            let text = self.request(Op::Subscribe, vec![topic], Reason::Opening);
            batch.command(Command::Send(text));
        }
        message
    }

    /// The text of a request, which then waits for its answer. Nobody answers a recording.
    fn request(&mut self, op: Op, topics: Vec<String>, reason: Reason) -> String {
        let id = self.next_id;
        self.next_id += 1;
        let text = format!(
            r#"{{"op":"{}","args":["{}"],"req_id":"{id}"}}"#,
            op.name(),
            topics.join("\",\"")
        );
        if self.is_live {
            self.unanswered.push_back(Request { id, op, topics, reason });
        }
        text
    }
}

impl Op {
    const fn name(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
        }
    }
}

fn topic(channel: Channel, depth: u32, symbol: &str) -> String {
    let symbol = symbol.to_ascii_uppercase();
    match channel {
        Channel::Trade => format!("publicTrade.{symbol}"),
        Channel::Ticker => format!("tickers.{symbol}"),
        Channel::Depth => format!("orderbook.{depth}.{symbol}"),
        Channel::Bar => format!("kline.1.{symbol}"),
    }
}

/// The venue's words with the topics they are about, where they do not say so themselves.
fn told(words: &str, topics: &[String]) -> String {
    let missing: Vec<_> =
        topics.iter().filter(|it| !names(words, it)).map(String::as_str).collect();
    if missing.is_empty() { words.to_owned() } else { format!("{words} [{}]", missing.join(", ")) }
}

/// Whether `words` name this topic, not one that begins or ends with it.
fn names(words: &str, topic: &str) -> bool {
    let is_part = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_');
    words.match_indices(topic).any(|(at, _)| {
        let (before, after) = (&words[..at], &words[at + topic.len()..]);
        !before.ends_with(|it| is_part(it) || it == '.') && !after.starts_with(is_part)
    })
}
