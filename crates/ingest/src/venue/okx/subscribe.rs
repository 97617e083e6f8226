//! Commands of OKX, and what its answers mean.

use tickring_event::InstrumentId;

use super::super::answers::{Answers, Outlook, RESYNC_REFUSED_MS, kept_words};
use super::super::subscription::{Channel, Subscription};
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::{Action, Command, DecodeError, Fetch, Inbound, Refusal};

/// Levels of a side that a fetched book has: the most the venue gives.
const FETCHED_LEVELS: u32 = 400;

/// "Requests too frequent".
const TOO_FREQUENT: i64 = 60_014;

/// "The connection will soon be closed for a service upgrade."
const SERVICE_UPGRADE: &str = "64008";

/// What is subscribed over a connection.
#[derive(Debug)]
pub(super) struct Subscriptions {
    subscription: Subscription,
    answers: Answers,
}

/// What an answer said.
#[derive(Debug)]
pub(super) enum Answer<'text> {
    Inbound(Inbound),
    /// The same, and this instrument's book starts over.
    Resubscribed(Inbound, &'text str),
}

impl Subscriptions {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, answers: Answers::default() }
    }

    /// A new connection: subscribes to every channel of a symbol in one request, so that a symbol
    /// which the venue does not know harms no other.
    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        let Self { subscription, answers } = self;
        answers.start_over();
        for symbol in &subscription.symbols {
            let id = answers.next_id();
            let mut arguments = Vec::new();
            for &channel in &subscription.channels {
                let Some(word) = word(channel, subscription.depth) else { continue };
                answers.ask(id, word, symbol);
                arguments.push(argument(word, symbol));
            }
            batch.command(Command::Send(request("subscribe", id, &arguments.join(","))));
        }
    }

    /// What starts a symbol's book over.
    pub(super) fn resync(&mut self, instrument: InstrumentId, symbol: &str) -> Command {
        let argument = argument("books", symbol);
        let ids = [self.answers.next_resync_id(), self.answers.next_resync_id()];
        let texts = [("unsubscribe", ids[0]), ("subscribe", ids[1])];
        let texts = texts.map(|(op, id)| request(op, id, &argument)).to_vec();
        Command::Resync { instrument, texts }
    }

    /// Reads a message about the connection or a subscription.
    pub(super) fn answer<'text>(
        &mut self,
        event: &str,
        root: Value<'_, 'text>,
        batch: &mut EventBatch,
    ) -> Result<Answer<'text>, DecodeError> {
        let id = root.get("id").and_then(Value::whole);
        let text = |key| root.get(key).and_then(Value::text).unwrap_or_default();
        let argument = root.get("arg");
        let of_argument =
            |key| argument.and_then(|it| it.get(key)).and_then(Value::text).unwrap_or_default();
        Ok(Answer::Inbound(match event {
            "subscribe" => {
                let (channel, symbol) = (of_argument("channel"), of_argument("instId"));
                let accepted = self.answers.accept(id, channel, symbol);
                if self.answers.is_resync(id) {
                    return Ok(Answer::Resubscribed(accepted, symbol));
                }
                accepted
            }
            "unsubscribe" => self.answers.note(id),
            "error" => Inbound::from(self.refused(id, root)?),
            "notice" if text("code") == SERVICE_UPGRADE => {
                batch.command(Command::Renew);
                Inbound::Ignored("service_upgrade")
            }
            "notice" => Inbound::Ignored("notice"),
            "channel-conn-count" => Inbound::Ignored("connection_count"),
            "channel-conn-count-error" => {
                let (channel, words) = (text("channel"), "too many connections for a channel");
                let refused = (0, words);
                Inbound::from(
                    self.answers.refuse_all(refused, Outlook::Later, |it| it.channel == channel),
                )
            }
            _ => Inbound::Ignored("unknown_event"),
        }))
    }

    fn refused(&mut self, id: Option<u64>, root: Value<'_, '_>) -> Result<Refusal, DecodeError> {
        let code = root.need("code")?.integer().ok_or(DecodeError::WrongType { field: "code" })?;
        let words = root.get("msg").and_then(Value::text).unwrap_or("refused without a word");
        if self.answers.is_resync(id) {
            let message = format!("{}; a book that was to start over", kept_words(words));
            // The book is unsubscribed from by now, and nothing of it would come any more.
            let action = Action::Reconnect { delay_ms_min: RESYNC_REFUSED_MS };
            return Ok(Refusal { code, message, action, complete: false });
        }
        let outlook = if code == TOO_FREQUENT { Outlook::Later } else { Outlook::Hopeless };
        Ok(self.answers.refuse((code, words), outlook, id, None))
    }
}

/// Where a symbol's book is over HTTP.
pub(super) fn fetch(instrument: InstrumentId, symbol: &str) -> Command {
    let path = format!("/api/v5/market/books?instId={symbol}&sz={FETCHED_LEVELS}");
    Command::Fetch(Fetch { instrument, symbol: symbol.to_owned(), path })
}

const fn word(channel: Channel, depth: Option<u32>) -> Option<&'static str> {
    match (channel, depth) {
        (Channel::Trade, _) => Some("trades"),
        (Channel::Ticker, _) => Some("tickers"),
        (Channel::Depth, Some(5)) => Some("books5"),
        (Channel::Depth, _) => Some("books"),
        // Over another address, and so not on offer.
        (Channel::Bar, _) => None,
    }
}

fn argument(channel: &str, symbol: &str) -> String {
    format!(r#"{{"channel":"{channel}","instId":"{symbol}"}}"#)
}

fn request(op: &str, id: u64, arguments: &str) -> String {
    format!(r#"{{"id":"{id}","op":"{op}","args":[{arguments}]}}"#)
}
