//! Commands of Bitget, and what its answers mean.

use tickring_event::InstrumentId;

use super::super::answers::{Answers, Asked, Outlook, kept_words, says};
use super::super::subscription::{Channel, Subscription};
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::{Action, Command, DecodeError, Inbound, Refusal};

/// The product whose channels are subscribed to.
pub(super) const PRODUCT: &str = "SPOT";

/// The channel of whole books.
const BOOKS: &str = "books";

/// "Request too many" and "request over limit, connection close".
const TOO_MANY: [i64; 2] = [30_006, 30_007];

/// Shortest wait before the next connection where a book could not be subscribed to anew.
const DELAY_MS: u64 = 1_000;

/// What is subscribed over a connection.
#[derive(Debug)]
pub(super) struct Subscriptions {
    subscription: Subscription,
    answers: Answers,
    /// Symbols whose book was asked to start over, until the venue has answered.
    restarts: Vec<Box<str>>,
}

impl Subscriptions {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, answers: Answers::default(), restarts: Vec::new() }
    }

    /// A new connection: subscribes to every channel of a symbol in one request, so that a symbol
    /// which the venue does not know harms no other.
    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        let Self { subscription, answers, restarts } = self;
        answers.start_over();
        restarts.clear();
        for symbol in &subscription.symbols {
            let id = answers.next_id();
            let mut arguments = Vec::new();
            for &channel in &subscription.channels {
                let word = word(channel, subscription.depth);
                answers.ask(id, word, symbol);
                arguments.push(argument(word, symbol));
            }
            batch.command(Command::Send(request("subscribe", &arguments.join(","))));
        }
    }

    /// What starts a symbol's book over.
    pub(super) fn resync(&mut self, instrument: InstrumentId, symbol: &str) -> Command {
        if !self.is_restart(symbol) {
            self.restarts.push(symbol.into());
        }
        let argument = argument(BOOKS, symbol);
        let texts = ["unsubscribe", "subscribe"].map(|op| request(op, &argument)).to_vec();
        Command::Resync { instrument, texts }
    }

    /// Reads a message about a subscription.
    pub(super) fn answer(
        &mut self,
        event: &str,
        root: Value<'_, '_>,
    ) -> Result<Inbound, DecodeError> {
        let named = Named::of(root);
        Ok(match event {
            "subscribe" => self.accepted(named),
            "unsubscribe" if self.is_restart_of(named) => Inbound::Ack { complete: false },
            "unsubscribe" => self.answers.note(None),
            "error" => Inbound::from(self.refused(root, named)?),
            _ => Inbound::Ignored("unknown_event"),
        })
    }

    /// The answers come in order, so one that a first subscription waits for is that one's.
    fn accepted(&mut self, named: Named<'_>) -> Inbound {
        if !self.answers.waits(|it| named.is(it)) && self.is_restart_of(named) {
            self.end_restart(named.symbol);
            return Inbound::Ack { complete: false };
        }
        self.answers.accept(None, named.channel, named.symbol)
    }

    fn refused(&mut self, root: Value<'_, '_>, named: Named<'_>) -> Result<Refusal, DecodeError> {
        let code = root.need("code")?.integer().ok_or(DecodeError::WrongType { field: "code" })?;
        let words = root.get("msg").and_then(Value::text).unwrap_or("refused without a word");
        let is_named = |it: &Asked| {
            let is_said = says(words, it.channel) && says(words, &it.symbol);
            if named.is_empty() { is_said } else { named.is(it) }
        };
        let outlook = if TOO_MANY.contains(&code) { Outlook::Later } else { Outlook::Hopeless };
        if self.answers.waits(is_named) {
            return Ok(self.answers.refuse_all((code, words), outlook, is_named));
        }
        let is_restart = |it: &str| {
            let is_said = says(words, BOOKS) && says(words, it);
            if named.is_empty() { is_said } else { named.channel == BOOKS && named.symbol == it }
        };
        if let Some(at) = self.restarts.iter().position(|it| is_restart(it)) {
            let symbol = self.restarts.remove(at);
            let message = format!("{}; a book that was to start over: {symbol}", kept_words(words));
            let action = Action::Reconnect { delay_ms_min: DELAY_MS };
            return Ok(Refusal { code, message, action, complete: false });
        }
        if named.is_empty() {
            return Ok(self.answers.refuse((code, words), outlook, None, None));
        }
        Ok(self.answers.refuse_all((code, words), outlook, |_| false))
    }

    fn is_restart_of(&self, named: Named<'_>) -> bool {
        named.channel == BOOKS && self.is_restart(named.symbol)
    }

    fn is_restart(&self, symbol: &str) -> bool {
        self.restarts.iter().any(|it| **it == *symbol)
    }

    fn end_restart(&mut self, symbol: &str) {
        self.restarts.retain(|it| **it != *symbol);
    }
}

/// What an answer says it is about; empty texts where it does not.
#[derive(Clone, Copy, Debug)]
struct Named<'text> {
    channel: &'text str,
    symbol: &'text str,
}

impl<'text> Named<'text> {
    fn of(root: Value<'_, 'text>) -> Self {
        let argument = root.get("arg");
        let text = |key| argument.and_then(|it| it.get(key)).and_then(Value::text);
        let (channel, symbol) = (text("channel"), text("instId"));
        Self { channel: channel.unwrap_or_default(), symbol: symbol.unwrap_or_default() }
    }

    const fn is_empty(self) -> bool {
        self.channel.is_empty() && self.symbol.is_empty()
    }

    fn is(self, asked: &Asked) -> bool {
        asked.channel == self.channel && *asked.symbol == *self.symbol
    }
}

const fn word(channel: Channel, depth: Option<u32>) -> &'static str {
    match (channel, depth) {
        (Channel::Trade, _) => "trade",
        (Channel::Ticker, _) => "ticker",
        (Channel::Depth, Some(1)) => "books1",
        (Channel::Depth, Some(5)) => "books5",
        (Channel::Depth, Some(15)) => "books15",
        (Channel::Depth, _) => BOOKS,
        (Channel::Bar, _) => "candle1m",
    }
}

fn argument(channel: &str, symbol: &str) -> String {
    format!(r#"{{"instType":"{PRODUCT}","channel":"{channel}","instId":"{symbol}"}}"#)
}

fn request(op: &str, arguments: &str) -> String {
    format!(r#"{{"op":"{op}","args":[{arguments}]}}"#)
}
