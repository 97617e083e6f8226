//! How a venue's server speaks: one dialect a venue, in a file of its own here.
//!
//! A dialect gives a recorded session to live clients the way the venue would: it answers what they
//! subscribe to, sends each of them what they subscribed to, numbers it for their connection, and
//! makes a present snapshot for whoever comes late or starts over.

mod binance;
mod bitget;
mod bybit;
mod coinbase_advanced;
mod coinbase_exchange;
mod kraken;
mod okx;
pub(crate) mod text_book;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::str::FromStr;

use self::binance::Binance;
use self::bitget::Bitget;
use self::bybit::{Bybit, BybitProduct};
use self::coinbase_advanced::CoinbaseAdvanced;
use self::coinbase_exchange::CoinbaseExchange;
use self::kraken::Kraken;
use self::okx::Okx;

/// How one venue speaks, by the name that it has everywhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Protocol(
    /// Invariant: an index into [`ROWS`].
    usize,
);

/// A text that names no protocol.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{name}` is no venue that can be played: expected one of {known}")]
pub struct ProtocolError {
    name: String,
    known: String,
}

/// One venue's entry in the table.
struct Row {
    name: &'static str,
    dialect: fn() -> Box<dyn Dialect>,
    /// How often the venue sends protocol pings, where it does.
    ping_interval_ms: Option<u64>,
    /// Whether snapshots can be fetched from it over HTTP.
    has_rest: bool,
}

/// Every venue.
const ROWS: &[Row] = &[
    Row {
        ping_interval_ms: Some(20_000),
        has_rest: true,
        ..row("binance-spot", || Box::new(Binance::new(binance::Market::Spot)))
    },
    // It pings every three minutes; more often does no harm.
    Row {
        ping_interval_ms: Some(20_000),
        has_rest: true,
        ..row("binance-usdm", || Box::new(Binance::new(binance::Market::UsdM)))
    },
    row("bitget-spot", || Box::new(Bitget::default())),
    row("bybit-spot", || Box::new(Bybit::new(BybitProduct::Spot))),
    row("bybit-linear", || Box::new(Bybit::new(BybitProduct::Linear))),
    row("coinbase-advanced", || Box::new(CoinbaseAdvanced::new())),
    row("coinbase-exchange", || Box::new(CoinbaseExchange::new())),
    row("kraken", || Box::new(Kraken::default())),
    Row { has_rest: true, ..row("okx", || Box::new(Okx::default())) },
];

/// A venue that sends no protocol pings and has no REST interface here.
const fn row(name: &'static str, dialect: fn() -> Box<dyn Dialect>) -> Row {
    Row { name, dialect, ping_interval_ms: None, has_rest: false }
}

impl Protocol {
    /// The names of all of them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.name)
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        ROWS[self.0].name
    }

    /// Whether it answers HTTP requests for snapshots as well, on the same port.
    #[must_use]
    pub const fn has_rest(self) -> bool {
        ROWS[self.0].has_rest
    }

    pub(crate) const fn ping_interval_ms(self) -> Option<u64> {
        ROWS[self.0].ping_interval_ms
    }

    pub(crate) fn dialect(self) -> Box<dyn Dialect> {
        (ROWS[self.0].dialect)()
    }
}

impl FromStr for Protocol {
    type Err = ProtocolError;

    fn from_str(name: &str) -> Result<Self, ProtocolError> {
        let index = Self::names().position(|it| it == name);
        index.map(Self).ok_or_else(|| {
            let known = Self::names().collect::<Vec<_>>().join(", ");
            ProtocolError { name: name.to_owned(), known }
        })
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A venue's protocol, from the server's side. Pure: no socket, clock or thread inside.
pub(crate) trait Dialect: Debug {
    /// Takes the next recorded frame, before any client gets it: keeps the books that it changes.
    /// Returns the topic it belongs to, such as `book/BTC/USD`, for those who subscribed to that;
    /// `None` for what was the recording client's own business (acks, pongs, greetings): this server
    /// says such things itself.
    fn take(&mut self, text: &[u8]) -> Option<String>;

    /// What a client gets when its handshake is done.
    fn greet(&mut self, client: &mut Subscriber) -> Vec<String>;

    /// Answers a client's text: acks, refusals, pongs, and the present snapshot of what it subscribed
    /// to, where frames of that topic were taken already. Keeps [`Subscriber::topics`].
    fn answer(&mut self, client: &mut Subscriber, text: &str) -> Vec<String>;

    /// A recorded frame as this client gets it: as it is, or with the numbers of its own connection.
    fn render<'a>(&mut self, client: &mut Subscriber, text: &'a [u8]) -> Cow<'a, [u8]>;

    /// Answers an HTTP GET of a path with its query.
    fn get(&mut self, _path: &str) -> Got {
        Got::Nothing
    }

    /// Whether the recording must not go on before somebody has asked for a path: where what was
    /// recorded next is the answer to such a request.
    fn awaits_get(&self, _text: &[u8]) -> bool {
        false
    }

    /// What a client is told shortly before its connection is closed as planned.
    fn farewell(&mut self, _client: &mut Subscriber) -> Vec<String> {
        Vec::new()
    }
}

/// What a server knows of one client.
#[derive(Debug, Default)]
pub(crate) struct Subscriber {
    /// Path and query of its handshake.
    pub(crate) path: String,
    /// What it subscribed to, in the words of [`Dialect::take`].
    pub(crate) topics: BTreeSet<String>,
    /// What it called a topic, where that is another word.
    pub(crate) names: BTreeMap<String, String>,
    /// The next number of its connection, where the venue counts messages.
    pub(crate) next_number: u64,
}

/// What a venue says to an HTTP GET.
#[derive(Debug)]
pub(crate) enum Got {
    /// This.
    Answer(HttpAnswer),
    /// It depends on what was recorded further on: asked again after each frame, for a while.
    Later,
    /// It has no such path.
    Nothing,
}

/// An answer to an HTTP GET.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

#[cfg(test)]
mod tests;
