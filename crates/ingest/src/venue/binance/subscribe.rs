//! Commands, and what the answers to them leave subscribed.

use tickring_event::INSTRUMENTS_MAX;

use super::symbols::Symbols;
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::subscription::{Channel, Offer, Subscription, SubscriptionError};
use crate::venue::{Acknowledged, Action, Command, DecodeError, Inbound, Refusal};

/// Streams of one connection (`web-socket-streams.md`, "General WSS information"; 200 of them on
/// USD-M's older connections, 1,024 since).
pub(super) const STREAMS_MAX: usize = 1_024;

/// Streams named by one command. The venue tells no limit but that of five messages a second, so that
/// few long commands are better than many short ones; this many are about 4 KiB.
const STREAMS_PER_COMMAND: usize = 200;

/// Longest words of a refusal that are kept.
const REFUSAL_CHARS_MAX: usize = 200;

/// Streams that a refusal names.
const REFUSED_NAMED_MAX: usize = 3;

/// What is to be subscribed, and what was asked for on this connection.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    streams: Vec<Stream>,
    /// Of this connection.
    commands: Vec<Sent>,
}

/// One stream.
#[derive(Debug)]
struct Stream {
    /// As it is written in messages.
    symbol: String,
    channel: Channel,
    name: String,
    /// It was acknowledged at some time.
    was_acked: bool,
}

/// One `SUBSCRIBE`. Its id is its place, counted from 1.
#[derive(Debug)]
struct Sent {
    first: usize,
    count: usize,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Waiting,
    Accepted,
    Refused,
}

impl Subscriptions {
    /// Checks a subscription, whose symbols may be in either case.
    pub(super) fn new(
        subscription: Subscription,
        offer: &Offer,
    ) -> Result<(Self, Vec<String>), SubscriptionError> {
        let upper = subscription.symbols.iter().map(|it| it.to_ascii_uppercase()).collect();
        let subscription = Subscription { symbols: upper, ..subscription }.check(offer)?;
        let Subscription { symbols, channels, .. } = subscription;
        let limit = (STREAMS_MAX / channels.len().max(1)).min(INSTRUMENTS_MAX);
        if symbols.len() > limit {
            return Err(SubscriptionError::TooManySymbols { count: symbols.len(), limit });
        }
        let stream = |symbol: &String, channel| Stream {
            symbol: symbol.clone(),
            channel,
            name: format!("{}@{}", symbol.to_ascii_lowercase(), word(channel)),
            was_acked: false,
        };
        let of_symbol = |symbol| channels.iter().map(move |&channel| stream(symbol, channel));
        let streams = symbols.iter().flat_map(of_symbol).collect();
        Ok((Self { streams, commands: Vec::new() }, symbols))
    }

    /// Starts over: everything is subscribed anew.
    pub(super) fn open(&mut self, batch: &mut EventBatch) {
        self.commands.clear();
        for (index, streams) in self.streams.chunks(STREAMS_PER_COMMAND).enumerate() {
            let names: Vec<_> = streams.iter().map(|it| format!("\"{}\"", it.name)).collect();
            let (names, id) = (names.join(","), index + 1);
            let text = format!(r#"{{"method":"SUBSCRIBE","params":[{names}],"id":{id}}}"#);
            batch.command(Command::Send(text));
            let (first, count) = (index * STREAMS_PER_COMMAND, streams.len());
            self.commands.push(Sent { first, count, state: State::Waiting });
        }
    }

    /// Reads an answer to a command. Allocates: answers are rare.
    pub(super) fn answer(&mut self, data: Value<'_, '_>) -> Result<Inbound, DecodeError> {
        let id = data.get("id").and_then(Value::whole);
        let refusal = match data.get("error") {
            Some(error) => error,
            None => data,
        };
        if let Some(code) = refusal.get("code") {
            let code = code.integer().ok_or(DecodeError::WrongType { field: "code" })?;
            let words = refusal.get("msg").and_then(Value::text).unwrap_or_default();
            return Ok(Inbound::from(self.refused(id, code, words)));
        }
        // The result of a command is mostly `null`, which `get` takes for absent.
        let is_result = data.members().is_some_and(|mut all| all.any(|(name, _)| name == "result"));
        if !is_result {
            return Err(DecodeError::MissingField { field: "e" });
        }
        if let Some(index) = id.and_then(|it| self.waiting(it)) {
            let Sent { first, count, .. } = self.commands[index];
            self.streams[first..first + count].iter_mut().for_each(|it| it.was_acked = true);
            self.commands[index].state = State::Accepted;
        }
        Ok(Inbound::Ack { complete: self.is_complete() })
    }

    /// An error without an id is taken for the answer to the first command that waits.
    fn refused(&mut self, id: Option<u64>, code: i64, words: &str) -> Refusal {
        let words = words.chars().filter(|it| !it.is_control()).take(REFUSAL_CHARS_MAX);
        let mut message: String = words.collect();
        let waits = |it: &Sent| it.state == State::Waiting;
        let index = match id {
            Some(id) => self.waiting(id),
            None => self.commands.iter().position(waits),
        };
        if let Some(index) = index {
            self.commands[index].state = State::Refused;
            let Sent { first, count, .. } = self.commands[index];
            let named = self.streams[first..first + count].iter().take(REFUSED_NAMED_MAX);
            let named: Vec<_> = named.map(|it| it.name.as_str()).collect();
            message = format!("{message}: {}", named.join(", "));
            let more = count.saturating_sub(REFUSED_NAMED_MAX);
            if more > 0 {
                message = format!("{message} and {more} more");
            }
        }
        let is_nothing_left =
            !self.commands.is_empty() && self.commands.iter().all(|it| it.state == State::Refused);
        let action = match (is_nothing_left, code) {
            (false, _) => Action::Continue,
            // "Error messages": 0 to 3 are what is wrong with the command itself.
            (true, 0..=3) => Action::Stop,
            (true, _) => Action::Reconnect { delay_ms_min: REFUSED_DELAY_MS },
        };
        let complete = action == Action::Continue && self.is_complete();
        Refusal { code, message, action, complete }
    }

    /// The place of the command with this id, while it waits for its answer.
    fn waiting(&self, id: u64) -> Option<usize> {
        let index = usize::try_from(id).ok()?.checked_sub(1)?;
        let command = self.commands.get(index)?;
        (command.state == State::Waiting).then_some(index)
    }

    fn is_complete(&self) -> bool {
        self.commands.iter().all(|it| it.state != State::Waiting)
    }

    /// Streams that were acknowledged at some time, those that do not exist among them.
    pub(super) fn acknowledged(&self, symbols: &Symbols) -> Vec<Acknowledged> {
        let acknowledged = |it: &Stream| Acknowledged {
            stream: it.name.clone(),
            has_come: symbols.came(&it.symbol, it.channel),
        };
        self.streams.iter().filter(|it| it.was_acked).map(acknowledged).collect()
    }
}

/// Wait before the next connection where everything was refused for another reason than the command.
const REFUSED_DELAY_MS: u64 = 60_000;

/// The venue's word for a channel.
const fn word(channel: Channel) -> &'static str {
    match channel {
        Channel::Trade => "trade",
        Channel::Ticker => "bookTicker",
        Channel::Depth => "depth@100ms",
        Channel::Bar => "kline_1m",
    }
}
