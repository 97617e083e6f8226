//! Commands, and what the answers to them leave subscribed.
//!
//! There is no request id. An answer is matched by the channel and symbols it names, else to the
//! first command that waits. Nothing depends on an answer ever coming: data is decoded before, after
//! and without it.

use super::SYMBOLS_PER_COMMAND;
use super::codes::{Code, Meaning};
use super::config::{Channel, ProductKind, TickDbConfig};
use super::symbols::{Resolved, Symbols, implied_kind};
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::{self, Action, Inbound, Refusal};

/// Wait before the next connection when the venue asks for less: its sample code's own figure.
const RATE_LIMITED_DELAY_MS: u64 = 60_000;

/// Wait when too many connections are open: longer than the venue may take to see that one is dead.
const CONNECTIONS_DELAY_MS: u64 = 90_000;

/// Wait when everything was refused, but only for now.
const UNAVAILABLE_DELAY_MS: u64 = 60_000;

/// Shortest wait after a fault at the venue; the connection's own backoff makes it longer.
const FAULT_DELAY_MS: u64 = 1_000;

/// Characters kept of the venue's own words.
const WORDS_CHARS_MAX: usize = 200;

/// An answer as it came.
#[derive(Debug)]
pub(super) struct Reply<'text> {
    /// The command it answers, as the venue names it.
    pub(super) command: Option<&'text str>,
    pub(super) code: Code<'text>,
    message: &'text str,
    channel: Option<Channel>,
    /// Subscribed symbols that `data` lists.
    listed: Vec<usize>,
    /// Subscribed symbols that the message names.
    named: Vec<usize>,
}

impl<'text> Reply<'text> {
    /// Reads an answer. Allocates: answers are rare.
    pub(super) fn read(root: Value<'_, 'text>, code: Code<'text>, symbols: &Symbols) -> Self {
        let message = root.get("message").and_then(Value::text).unwrap_or("");
        let data = root.get("data");
        let channel = data.and_then(|data| data.get("channel")).and_then(Value::text);
        let mut listed = Vec::new();
        if let Some(data) = data {
            let list = data.get("symbols").and_then(Value::items).into_iter().flatten();
            for text in data.get("symbol").into_iter().chain(list).filter_map(Value::text) {
                if !text.is_empty()
                    && let Resolved::Subscribed(index) = symbols.resolve(text, None)
                {
                    listed.push(index);
                }
            }
        }
        Self {
            command: root.get("cmd").and_then(Value::text),
            code,
            message,
            channel: channel.and_then(Channel::of_word),
            listed,
            named: words(message).filter_map(|word| symbols.index(word)).collect(),
        }
    }

    fn concerns(&self, symbol: usize) -> bool {
        self.listed.contains(&symbol) || self.named.contains(&symbol)
    }

    fn concerns_some(&self) -> bool {
        !self.listed.is_empty() || !self.named.is_empty()
    }
}

/// The words of a message that could be symbols.
fn words(message: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "._-/:^".contains(letter);
    let words = message.split(move |letter| !is_part(letter));
    words.map(|word| word.trim_matches(['.', ':'])).filter(|word| !word.is_empty())
}

/// What is to be subscribed, and what was asked for on this connection.
#[derive(Debug)]
pub(super) struct Subscriptions {
    topics: Vec<Topic>,
    /// By symbol: what the commands say of it.
    kinds: Vec<Option<ProductKind>>,
    commands: Vec<Command>,
    unsent: Vec<String>,
    /// Market data came over this connection.
    data_came: bool,
}

/// One channel of the configuration.
#[derive(Debug)]
struct Topic {
    channel: Channel,
    /// By symbol: not refused for good.
    wanted: Vec<bool>,
}

/// A `subscribe` that was sent.
#[derive(Debug)]
struct Command {
    channel: Channel,
    kind: Option<ProductKind>,
    symbols: Vec<usize>,
    /// Those not answered yet, where answers come by symbol.
    waiting: Vec<usize>,
    state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Waiting,
    Accepted,
    /// What is still wanted of it was asked for in another way, or comes with the next connection.
    Refused,
}

impl Subscriptions {
    pub(super) fn new(config: &TickDbConfig) -> Self {
        let TickDbConfig { symbols, channels, kinds } = config;
        let topic = |&channel: &Channel| {
            let wanted = vec![true; symbols.len()];
            Topic { channel, wanted }
        };
        Self {
            topics: channels.iter().map(topic).collect(),
            kinds: symbols.iter().map(|symbol| kinds.get(symbol).copied()).collect(),
            commands: Vec::new(),
            unsent: Vec::new(),
            data_came: false,
        }
    }

    /// A new connection: asks for everything that was not refused for good.
    pub(super) fn open(&mut self, symbols: &Symbols) {
        self.commands.clear();
        self.unsent.clear();
        self.data_came = false;
        for at in 0..self.topics.len() {
            let topic = &self.topics[at];
            let channel = topic.channel;
            let wanted: Vec<_> = (0..topic.wanted.len()).filter(|&it| topic.wanted[it]).collect();
            self.subscribe(channel, &wanted, symbols);
        }
    }

    /// Hands over what is to be sent.
    pub(super) fn take_commands(&mut self, batch: &mut EventBatch) {
        self.unsent.drain(..).for_each(|text| batch.command(venue::Command::Send(text)));
    }

    /// Market data came.
    pub(super) const fn note_data(&mut self) {
        self.data_came = true;
    }

    /// A subscription was accepted: for the symbols it names, else as a whole.
    pub(super) fn accepted(&mut self, reply: &Reply<'_>) -> Inbound {
        // One more than there are commands, where each symbol is acknowledged namelessly.
        let Some(at) = self.target(reply) else { return Inbound::Ignored("surplus_ack") };
        let command = &mut self.commands[at];
        command.waiting.retain(|&symbol| !reply.concerns(symbol));
        if command.waiting.is_empty() || !reply.concerns_some() {
            command.state = State::Accepted;
        }
        Inbound::Ack { complete: self.is_complete() }
    }

    /// A refusal: what it means by its code's row, and what is left.
    pub(super) fn refused(&mut self, reply: &Reply<'_>, symbols: &mut Symbols) -> Refusal {
        let meaning = Meaning::of(reply.code, reply.message);
        let target = self.target(reply);
        let mut dropped = Vec::new();
        let action = match meaning {
            Meaning::KeyRefused | Meaning::AddressRefused | Meaning::QuotaUsed => Action::Stop,
            Meaning::TooManyConnections => Action::Reconnect { delay_ms_min: CONNECTIONS_DELAY_MS },
            Meaning::ServerFault => Action::Reconnect { delay_ms_min: FAULT_DELAY_MS },
            Meaning::RateLimited => self.rate_limited(target),
            Meaning::Forbidden | Meaning::PlanLacks => match self.channel(reply, target) {
                Some(channel) => self.drop_channel(channel),
                None if meaning == Meaning::Forbidden => Action::Stop,
                None => Action::Continue,
            },
            Meaning::Unavailable(channel) => self.pause_channel(channel),
            Meaning::BadParameter | Meaning::UnknownCommand | Meaning::MalformedCommand => {
                self.drop_command(target)
            }
            Meaning::UnknownSymbol | Meaning::AmbiguousSymbol => {
                dropped = self.refuse_symbols(reply, target, meaning, symbols);
                self.outlook()
            }
            Meaning::TooManySubscriptions => {
                self.set_state(target, State::Refused);
                self.outlook()
            }
            Meaning::Unknown => {
                self.set_state(target, State::Accepted);
                Action::Continue
            }
        };
        Refusal {
            code: reply.code.number(),
            message: describe(reply, meaning, &dropped, symbols),
            action,
            complete: action == Action::Continue && self.is_complete(),
        }
    }

    /// The command that an answer is about: by what it names, else the first that waits.
    fn target(&self, reply: &Reply<'_>) -> Option<usize> {
        if !matches!(reply.command, None | Some("subscribe")) {
            return None;
        }
        self.commands.iter().position(|command| {
            command.state == State::Waiting
                && reply.channel.is_none_or(|channel| channel == command.channel)
                && (!reply.concerns_some() || command.waiting.iter().any(|&it| reply.concerns(it)))
        })
    }

    fn channel(&self, reply: &Reply<'_>, target: Option<usize>) -> Option<Channel> {
        reply.channel.or_else(|| target.map(|at| self.commands[at].channel))
    }

    fn set_state(&mut self, target: Option<usize>, state: State) {
        if let Some(at) = target {
            self.commands[at].state = state;
        }
    }

    /// The venue has no timer here: a connection that carries data stays as it is and the rest is
    /// asked for with the next one; one that carries none ends, and the next one waits.
    fn rate_limited(&mut self, target: Option<usize>) -> Action {
        self.set_state(target, State::Refused);
        let is_used = self.commands.iter().any(|command| command.state == State::Accepted);
        if self.data_came || is_used {
            Action::Continue
        } else {
            Action::Reconnect { delay_ms_min: RATE_LIMITED_DELAY_MS }
        }
    }

    /// The channel is refused for good.
    fn drop_channel(&mut self, channel: Channel) -> Action {
        for topic in self.topics.iter_mut().filter(|topic| topic.channel == channel) {
            topic.wanted.fill(false);
        }
        self.pause_channel(channel)
    }

    /// The channel is refused on this connection.
    fn pause_channel(&mut self, channel: Channel) -> Action {
        for command in self.commands.iter_mut().filter(|command| command.channel == channel) {
            command.state = State::Refused;
        }
        self.outlook()
    }

    /// What one command asked for is refused for good.
    fn drop_command(&mut self, target: Option<usize>) -> Action {
        let Some(at) = target else { return Action::Continue };
        let command = &mut self.commands[at];
        command.state = State::Refused;
        let topic = self.topics.iter_mut().find(|topic| topic.channel == command.channel);
        let topic = topic.expect("commands are made from topics");
        command.symbols.iter().for_each(|&symbol| topic.wanted[symbol] = false);
        self.outlook()
    }

    /// Drops the symbols at fault and asks for the others again, in case the whole command was
    /// refused; asking twice does no harm. Without a name, halves of the command find the one at
    /// fault. Gives back the dropped symbols.
    fn refuse_symbols(
        &mut self,
        reply: &Reply<'_>,
        target: Option<usize>,
        meaning: Meaning,
        symbols: &mut Symbols,
    ) -> Vec<usize> {
        let at_fault = self.at_fault(reply, target);
        if let Some(at) = target
            && at_fault.is_empty()
        {
            self.split(at, symbols);
            return Vec::new();
        }
        let sent_kind = target.and_then(|at| self.commands[at].kind);
        let (mut retried, mut dropped) = (Vec::new(), Vec::new());
        for &symbol in &at_fault {
            let implied = implied_kind(symbols.symbol(symbol));
            let kind = self.kinds[symbol].or(implied).filter(|_| sent_kind.is_none());
            if meaning == Meaning::AmbiguousSymbol && target.is_some() && kind.is_some() {
                self.kinds[symbol] = kind;
                retried.push(symbol);
            } else {
                self.topics.iter_mut().for_each(|topic| topic.wanted[symbol] = false);
                symbols.drop_symbol(symbol);
                dropped.push(symbol);
            }
        }
        if let Some(at) = target {
            self.repeat(at, symbols);
        }
        dropped
    }

    /// The symbols that a refusal is about; none if that cannot be known.
    fn at_fault(&self, reply: &Reply<'_>, target: Option<usize>) -> Vec<usize> {
        if !reply.named.is_empty() {
            return reply.named.clone();
        }
        let asked = target.map_or(&[][..], |at| &self.commands[at].symbols);
        match asked {
            [only] => vec![*only],
            // All that was asked for: a copy of the command, which accuses nobody.
            _ if asked.iter().all(|it| reply.listed.contains(it)) && !asked.is_empty() => {
                Vec::new()
            }
            _ => reply.listed.clone(),
        }
    }

    /// Asks again for what is still wanted of a refused command.
    fn repeat(&mut self, at: usize, symbols: &Symbols) {
        let (channel, rest) = self.refuse_command(at);
        self.subscribe(channel, &rest, symbols);
    }

    /// As `repeat`, in halves when nothing of the command has been dropped meanwhile.
    fn split(&mut self, at: usize, symbols: &Symbols) {
        let asked_count = self.commands[at].symbols.len();
        let (channel, rest) = self.refuse_command(at);
        let middle = if rest.len() < asked_count { 0 } else { rest.len() / 2 };
        let (first, second) = rest.split_at(middle);
        self.subscribe(channel, first, symbols);
        self.subscribe(channel, second, symbols);
    }

    /// The channel of a command that was refused, and what of it is still wanted.
    fn refuse_command(&mut self, at: usize) -> (Channel, Vec<usize>) {
        let command = &mut self.commands[at];
        command.state = State::Refused;
        let channel = command.channel;
        let topic = self.topics.iter().find(|topic| topic.channel == channel);
        let topic = topic.expect("commands are made from topics");
        let wanted = command.symbols.iter().copied().filter(|&symbol| topic.wanted[symbol]);
        (channel, wanted.collect())
    }

    /// Writes the commands that subscribe to these: symbols of one kind together.
    fn subscribe(&mut self, channel: Channel, asked: &[usize], symbols: &Symbols) {
        let mut left = asked.to_vec();
        while let Some(&first) = left.first() {
            let kind = self.kinds[first];
            let of_kind: Vec<_> = left.extract_if(.., |it| self.kinds[*it] == kind).collect();
            for list in of_kind.chunks(SYMBOLS_PER_COMMAND) {
                self.unsent.push(command_text(channel, kind, list, symbols));
                let (symbols, waiting) = (list.to_vec(), list.to_vec());
                self.commands.push(Command {
                    channel,
                    kind,
                    symbols,
                    waiting,
                    state: State::Waiting,
                });
            }
        }
    }

    /// What follows from what is left.
    fn outlook(&self) -> Action {
        if !self.topics.iter().any(|topic| topic.wanted.contains(&true)) {
            Action::Stop
        } else if self.commands.iter().all(|command| command.state == State::Refused) {
            Action::Reconnect { delay_ms_min: UNAVAILABLE_DELAY_MS }
        } else {
            Action::Continue
        }
    }

    fn is_complete(&self) -> bool {
        self.commands.iter().all(|command| command.state != State::Waiting)
    }
}

/// The schema forbids members that it does not know. Symbols need no escape: the configuration was
/// checked.
fn command_text(
    channel: Channel,
    kind: Option<ProductKind>,
    list: &[usize],
    symbols: &Symbols,
) -> String {
    let names: Vec<_> = list.iter().map(|&it| format!("\"{}\"", symbols.symbol(it))).collect();
    let (channel, names) = (channel.name(), names.join(","));
    let kind = kind.map_or_else(String::new, |kind| format!(r#","type":"{}""#, kind.name()));
    format!(r#"{{"cmd":"subscribe","data":{{"channel":"{channel}","symbols":[{names}]{kind}}}}}"#)
}

/// The venue's words, cut and without control characters, then what to do about them.
fn describe(reply: &Reply<'_>, meaning: Meaning, dropped: &[usize], symbols: &Symbols) -> String {
    let code = match reply.code {
        Code::Word(word) => word,
        Code::Number(_) => "",
    };
    let parts = [code, reply.message].into_iter().filter(|part| !part.is_empty());
    let words = parts.collect::<Vec<_>>().join(": ");
    let mut text: String =
        words.chars().filter(|letter| !letter.is_control()).take(WORDS_CHARS_MAX).collect();
    text.push_str("; ");
    text.push_str(meaning.hint());
    for &symbol in dropped {
        let symbol = symbols.symbol(symbol);
        text.push_str(&match meaning {
            Meaning::AmbiguousSymbol => {
                format!("; {symbol} dropped: say which kind it is, as in {symbol}=stock")
            }
            _ => format!("; {symbol} dropped"),
        });
    }
    text
}
