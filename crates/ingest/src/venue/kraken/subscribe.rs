//! Commands of Kraken v2, and what its answers mean.

use tickring_event::{INSTRUMENTS_MAX, InstrumentId};

use std::collections::HashMap;

use super::super::answers::{Answers, Outlook, RESYNC_REFUSED_MS, kept_words};
use super::super::subscription::{Channel, Subscription};
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::{Action, Command, DecodeError, Inbound, Refusal};

/// What is subscribed over a connection.
#[derive(Debug)]
pub(super) struct Subscriptions {
    subscription: Subscription,
    answers: Answers,
    /// The depth of a symbol's book as the venue said it when it accepted the subscription.
    depths: HashMap<Box<str>, usize>,
}

impl Subscriptions {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, answers: Answers::default(), depths: HashMap::new() }
    }

    /// A new connection: subscribes to every symbol of a channel in one request.
    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        let Self { subscription, answers, depths } = self;
        answers.start_over();
        depths.clear();
        if subscription.symbols.is_empty() {
            return;
        }
        let symbols: Vec<_> = subscription.symbols.iter().map(|it| format!("\"{it}\"")).collect();
        let symbols = symbols.join(",");
        for &channel in &subscription.channels {
            let (id, word) = (answers.next_id(), word(channel));
            subscription.symbols.iter().for_each(|symbol| answers.ask(id, word, symbol));
            let more = options(channel, subscription.depth);
            batch.command(Command::Send(format!(
                r#"{{"method":"subscribe","params":{{"channel":"{word}","symbol":[{symbols}]{more}}},"req_id":{id}}}"#
            )));
        }
    }

    /// What starts a symbol's book over.
    pub(super) fn resync(&mut self, instrument: InstrumentId, symbol: &str) -> Command {
        let Self { subscription, answers, .. } = self;
        let depth = subscription.depth.map_or_else(String::new, |it| format!(r#","depth":{it}"#));
        let mut text = |method: &str, more: &str| {
            let id = answers.next_resync_id();
            format!(
                r#"{{"method":"{method}","params":{{"channel":"book","symbol":["{symbol}"]{more}}},"req_id":{id}}}"#
            )
        };
        let subscribe = options(Channel::Depth, subscription.depth);
        let texts = vec![text("unsubscribe", &depth), text("subscribe", &subscribe)];
        Command::Resync { instrument, texts }
    }

    /// The depth to which a symbol's book is cut; `None` where nobody said.
    pub(super) fn depth(&self, symbol: &str) -> Option<usize> {
        let configured = self.subscription.depth.and_then(|it| usize::try_from(it).ok());
        configured.or_else(|| self.depths.get(symbol).copied())
    }

    /// Reads the answer to a command.
    pub(super) fn answer(
        &mut self,
        method: &str,
        root: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        if method == "pong" {
            return Ok(Inbound::Pong);
        }
        if !matches!(method, "subscribe" | "unsubscribe") {
            return Ok(Inbound::Ignored("unknown_method"));
        }
        let is_accepted = match root.get("success") {
            Some(success) => success.truth().ok_or(DecodeError::WrongType { field: "success" })?,
            None => root.get("error").is_none(),
        };
        if !is_accepted {
            return Ok(Inbound::from(self.refused(root)));
        }
        let result = root.get("result");
        let member = |key: &str| result.and_then(|it| it.get(key));
        if member("warnings").is_some() {
            batch.remark("warnings");
        }
        let text = |key: &str| member(key).and_then(Value::text).unwrap_or_default();
        let (channel, symbol) = (text("channel"), text("symbol"));
        if method == "subscribe"
            && channel == "book"
            && let Some(depth) = member("depth").and_then(Value::whole)
            && let Ok(depth) = usize::try_from(depth)
        {
            // Of symbols that nobody asked for, a recording may tell so many and no more.
            if self.depths.len() < INSTRUMENTS_MAX {
                self.depths.insert(symbol.into(), depth);
            }
        }
        Ok(match method {
            "subscribe" => self.answers.accept(request_id(root), channel, symbol),
            _ => self.answers.note(request_id(root)),
        })
    }

    /// Reads a refusal.
    pub(super) fn refused(&mut self, root: Value<'_, '_>) -> Refusal {
        let words = root.get("error").and_then(Value::text).unwrap_or("refused without a word");
        let result = root.get("result");
        let named = root.get("symbol").or_else(|| result.and_then(|it| it.get("symbol")));
        let named = named.and_then(Value::text);
        let id = request_id(root);
        if self.answers.is_resync(id) {
            let words = kept_words(words);
            let message =
                format!("{words}; a book that was to start over: {}", named.unwrap_or("?"));
            // The book is unsubscribed from by now, and nothing of it would come any more.
            let is_subscribe = root.get("method").and_then(Value::text) == Some("subscribe");
            let action = if is_subscribe {
                Action::Reconnect { delay_ms_min: RESYNC_REFUSED_MS }
            } else {
                Action::Continue
            };
            return Refusal { code: 0, message, action, complete: false };
        }
        let is_slow = ["msg rate", "rate limit"].iter().any(|it| words.contains(it));
        let outlook = if is_slow { Outlook::Later } else { Outlook::Hopeless };
        self.answers.refuse((0, words), outlook, id, named)
    }
}

fn request_id(root: Value<'_, '_>) -> Option<u64> {
    root.get("req_id").and_then(Value::whole)
}

const fn word(channel: Channel) -> &'static str {
    match channel {
        Channel::Trade => "trade",
        Channel::Ticker => "ticker",
        Channel::Depth => "book",
        Channel::Bar => "ohlc",
    }
}

/// More members of a subscription. Without a depth the venue takes its default.
fn options(channel: Channel, depth: Option<u32>) -> String {
    match (channel, depth) {
        (Channel::Trade, _) => r#","snapshot":false"#.to_owned(),
        (Channel::Ticker, _) => r#","event_trigger":"bbo","snapshot":true"#.to_owned(),
        (Channel::Depth, Some(depth)) => format!(r#","depth":{depth},"snapshot":true"#),
        (Channel::Depth, None) => r#","snapshot":true"#.to_owned(),
        (Channel::Bar, _) => r#","interval":1,"snapshot":false"#.to_owned(),
    }
}
