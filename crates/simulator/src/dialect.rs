//! How a venue's server speaks: one dialect a venue, in a file of its own here.
//!
//! A dialect gives a recorded session to live clients the way the venue would: it answers what they
//! subscribe to, sends each of them what they subscribed to, numbers it for their connection, and
//! makes a present snapshot for whoever comes late or starts over.

mod binance;
mod kraken;
mod okx;
#[cfg(test)]
#[path = "dialect/tests/recorded.rs"]
mod recorded;
pub(crate) mod bybit;
pub(crate) mod coinbase_advanced;
pub(crate) mod coinbase_exchange;
pub(crate) mod text_book;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Debug};
use std::str::FromStr;

use self::binance::Binance;

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
}

/// Every venue.
const ROWS: &[Row] = &[
    Row {
        name: "binance-spot",
        dialect: || Box::new(Binance::new(binance::Market::Spot)),
        ping_interval_ms: Some(20_000),
    },
    Row {
        name: "binance-usdm",
        dialect: || Box::new(Binance::new(binance::Market::UsdM)),
        // Every three minutes at the venue; more often does no harm.
        ping_interval_ms: Some(20_000),
    },
];

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
mod tests {
    use super::*;

    #[test]
    fn a_protocol_is_found_by_its_name() {
        for name in Protocol::names() {
            let protocol: Protocol = name.parse().unwrap();
            assert_eq!(protocol.to_string(), name);
        }
        let error = "nowhere".parse::<Protocol>().unwrap_err().to_string();
        assert!(error.starts_with("`nowhere` is no venue that can be played: "), "{error}");
        assert!(error.contains("binance-spot, binance-usdm"), "{error}");
    }
}
mod tests;
