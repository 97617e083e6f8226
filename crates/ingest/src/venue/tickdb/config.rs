//! What to subscribe to, and what of it cannot work.

use std::collections::{HashMap, HashSet};

use thiserror::Error;
use tickring_event::INSTRUMENTS_MAX;

use super::symbols::without_zeros;

/// Longest symbol in bytes; the longest documented one has nine.
pub(super) const SYMBOL_BYTES_MAX: usize = 64;

/// What to subscribe to.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct TickDbConfig {
    /// The venue's spelling, such as `AAPL.US`, `700.HK`, `BTCUSDT`.
    pub symbols: Vec<String>,
    /// Every symbol is subscribed on each of these.
    pub channels: Vec<Channel>,
    /// Kinds of symbols that would be ambiguous without. Sent with their subscriptions; tells such
    /// symbols apart when they are pushed.
    pub kinds: HashMap<String, ProductKind>,
}

/// One of the venue's channels.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Channel {
    /// Last price, and best bid and ask in some markets.
    Ticker,
    /// Both sides of the book, whole in every message.
    Depth,
    /// Executions.
    Trade,
}

/// What kind of product a symbol is: the venue's `type` member.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum ProductKind {
    /// Shares of the US, Hong Kong and mainland China.
    Stock,
    /// Indices.
    Indices,
    /// Crypto pairs.
    Crypto,
    /// Currencies and metals.
    Forex,
    /// China futures.
    Futures,
}

/// Why a configuration cannot work.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is nothing to subscribe to.
    #[error("no symbol to subscribe to")]
    NoSymbols,
    /// There is no channel to subscribe on.
    #[error("no channel to subscribe on: name at least one of ticker, depth, trade")]
    NoChannels,
    /// More symbols than a run can hold.
    #[error("{count} symbols, more than the {INSTRUMENTS_MAX} instruments of one run")]
    TooManySymbols {
        /// How many there are.
        count: usize,
    },
    /// Not a symbol of any market.
    #[error(
        "`{symbol}` is no symbol: 1 to {SYMBOL_BYTES_MAX} letters, digits or any of . - _ / : ^"
    )]
    Symbol {
        /// The text as given.
        symbol: String,
    },
    /// One instrument is listed twice; leading zeros make no difference.
    #[error("symbol `{symbol}` is listed twice (leading zeros make no difference)")]
    DuplicateSymbol {
        /// The second one.
        symbol: String,
    },
    /// One channel is listed twice.
    #[error("channel `{channel}` is listed twice")]
    DuplicateChannel {
        /// The second one.
        channel: &'static str,
    },
    /// Bars do not come over the socket.
    #[error(
        "channel `{channel}`: TickDB serves bars by REST only, its socket has ticker, depth, trade"
    )]
    BarsByRestOnly {
        /// The word as given.
        channel: String,
    },
    /// Not a channel.
    #[error("`{channel}` is no channel: use ticker, depth or trade")]
    UnknownChannel {
        /// The word as given.
        channel: String,
    },
    /// Not a kind of product.
    #[error("`{kind}` is no kind of product: use stock, indices, crypto, forex or futures")]
    UnknownKind {
        /// The word as given.
        kind: String,
    },
    /// A kind is given for a symbol that is not in the list.
    #[error("a kind is set for `{symbol}`, which is not among the symbols")]
    KindWithoutSymbol {
        /// The symbol.
        symbol: String,
    },
}

impl TickDbConfig {
    /// Reads symbols as `SYMBOL` or `SYMBOL=KIND` (`BTCUSDT=crypto`), and names of channels.
    ///
    /// # Errors
    /// [`ConfigError`] names the word that cannot work.
    pub fn parse<S: AsRef<str>>(symbols: &[S], channels: &[S]) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        for text in symbols {
            let text = text.as_ref().trim();
            let (symbol, kind) = match text.split_once('=') {
                Some((symbol, kind)) => (symbol.trim(), Some(ProductKind::parse(kind)?)),
                None => (text, None),
            };
            config.symbols.push(symbol.to_owned());
            if let Some(kind) = kind {
                config.kinds.insert(symbol.to_owned(), kind);
            }
        }
        for channel in channels {
            config.channels.push(Channel::parse(channel.as_ref())?);
        }
        config.check()?;
        Ok(config)
    }

    /// Whether a connection can be made of this.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let Self { symbols, channels, kinds } = self;
        if symbols.is_empty() {
            return Err(ConfigError::NoSymbols);
        }
        if symbols.len() > INSTRUMENTS_MAX {
            return Err(ConfigError::TooManySymbols { count: symbols.len() });
        }
        let mut seen = HashSet::new();
        for symbol in symbols {
            if !is_symbol(symbol) {
                return Err(ConfigError::Symbol { symbol: symbol.clone() });
            }
            if !seen.insert(without_zeros(symbol)) {
                return Err(ConfigError::DuplicateSymbol { symbol: symbol.clone() });
            }
        }
        if channels.is_empty() {
            return Err(ConfigError::NoChannels);
        }
        for (at, channel) in channels.iter().enumerate() {
            if channels[..at].contains(channel) {
                return Err(ConfigError::DuplicateChannel { channel: channel.name() });
            }
        }
        match kinds.keys().filter(|symbol| !symbols.contains(symbol)).min() {
            Some(symbol) => Err(ConfigError::KindWithoutSymbol { symbol: symbol.clone() }),
            None => Ok(()),
        }
    }
}

/// Whether the text may stand in a command as it is: nothing in it needs an escape.
fn is_symbol(text: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/:^".contains(&byte);
    (1..=SYMBOL_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_part)
}

impl Channel {
    /// How many there are.
    pub(super) const COUNT: usize = 3;

    /// The venue's words, in the order of the variants.
    pub(super) const NAMES: [&'static str; Self::COUNT] = ["ticker", "depth", "trade"];

    /// The channel a user names; `trades` is another word for `trade`.
    ///
    /// # Errors
    /// The word names no channel, or bars, which do not come over the socket.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let word = text.trim().to_ascii_lowercase();
        match word.as_str() {
            "trades" => Ok(Self::Trade),
            "kline" | "klines" => Err(ConfigError::BarsByRestOnly { channel: word }),
            _ => Self::of_word(&word).ok_or(ConfigError::UnknownChannel { channel: word }),
        }
    }

    /// The venue's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        Self::NAMES[self.index()]
    }

    /// Position in [`super::Venue::message_kinds`].
    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// The channel of the venue's word.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "ticker" => Some(Self::Ticker),
            "depth" => Some(Self::Depth),
            "trade" => Some(Self::Trade),
            _ => None,
        }
    }
}

impl ProductKind {
    /// How many there are.
    pub(super) const COUNT: usize = 5;

    /// The kind a user names; `index` is another word for `indices`.
    ///
    /// # Errors
    /// The word names no kind.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let word = text.trim().to_ascii_lowercase();
        Self::of_word(&word).ok_or(ConfigError::UnknownKind { kind: word })
    }

    /// The venue's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stock => "stock",
            Self::Indices => "indices",
            Self::Crypto => "crypto",
            Self::Forex => "forex",
            Self::Futures => "futures",
        }
    }

    /// The kind of the venue's word, older versions of the feed included.
    pub(super) fn of_word(word: &str) -> Option<Self> {
        match word {
            "stock" => Some(Self::Stock),
            "indices" | "index" => Some(Self::Indices),
            "crypto" => Some(Self::Crypto),
            "forex" => Some(Self::Forex),
            "futures" => Some(Self::Futures),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(symbols: &[&str], channels: &[&str], expected: Result<&[&str], &str>) {
        let parsed = TickDbConfig::parse(symbols, channels);
        match (parsed, expected) {
            (Ok(config), Ok(symbols)) => assert_eq!(config.symbols, symbols),
            (Err(error), Err(text)) => assert_eq!(error.to_string(), text),
            (parsed, expected) => panic!("{parsed:?} is not {expected:?}"),
        }
    }

    #[test]
    fn symbols_and_channels_are_read_as_users_write_them() {
        check(
            &["AAPL.US", " 700.HK", "BTCUSDT=crypto"],
            &["trades", "Depth", "ticker"],
            Ok(&["AAPL.US", "700.HK", "BTCUSDT"]),
        );
        let config = TickDbConfig::parse(&["A = index"], &["trades"]).unwrap();
        assert_eq!(config.kinds["A"], ProductKind::Indices);
        assert_eq!(config.channels, [Channel::Trade]);
    }

    #[test]
    fn what_cannot_work_is_named() {
        check(&[], &["depth"], Err("no symbol to subscribe to"));
        check(
            &["A"],
            &[],
            Err("no channel to subscribe on: name at least one of ticker, depth, trade"),
        );
        let twice = "symbol `00700.HK` is listed twice (leading zeros make no difference)";
        check(&["700.HK", "00700.HK"], &["depth"], Err(twice));
        check(&["A"], &["trade", "trades"], Err("channel `trade` is listed twice"));
        for kline in ["kline", "klines"] {
            let bars = format!(
                "channel `{kline}`: TickDB serves bars by REST only, its socket has ticker, depth, trade"
            );
            check(&["A"], &[kline], Err(&bars));
        }
        check(&["A"], &["book"], Err("`book` is no channel: use ticker, depth or trade"));
        check(
            &["A=shares"],
            &["depth"],
            Err("`shares` is no kind of product: use stock, indices, crypto, forex or futures"),
        );
        for symbol in ["", "A B", "A\"", "A\\", "é"] {
            let text =
                format!("`{symbol}` is no symbol: 1 to 64 letters, digits or any of . - _ / : ^");
            check(&[symbol], &["depth"], Err(&text));
        }
    }

    #[test]
    fn more_symbols_than_instruments_are_refused() {
        let symbols = vec!["A".to_owned(); INSTRUMENTS_MAX + 1];
        let config = TickDbConfig { symbols, channels: vec![Channel::Depth], ..Default::default() };
        assert_eq!(config.check(), Err(ConfigError::TooManySymbols { count: INSTRUMENTS_MAX + 1 }));
    }

    #[test]
    fn a_kind_needs_its_symbol() {
        let kinds = HashMap::from([("B".to_owned(), ProductKind::Stock)]);
        let config =
            TickDbConfig { symbols: vec!["A".into()], channels: vec![Channel::Depth], kinds };
        assert_eq!(config.check(), Err(ConfigError::KindWithoutSymbol { symbol: "B".into() }));
    }
}
