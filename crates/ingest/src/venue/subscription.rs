//! What to subscribe to at a venue with public channels, and what of it cannot work.

use std::collections::HashSet;

use thiserror::Error;
use tickring_event::INSTRUMENTS_MAX;

/// Longest symbol in bytes.
const SYMBOL_BYTES_MAX: usize = 64;

/// What to subscribe to: every symbol on every channel.
///
/// Without symbols it describes a recording whose subscriptions are not known: everything in it is
/// decoded, and nothing is subscribed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Subscription {
    /// The venue's own spelling.
    pub symbols: Vec<String>,
    /// What to subscribe to, in the order of [`Channel::ALL`].
    pub channels: Vec<Channel>,
    /// Levels of a side, where the venue lets one choose; the venue's default without it.
    pub depth: Option<u32>,
}

/// A kind of market data, as it is asked for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Channel {
    /// Executions.
    Trade,
    /// Best bid and ask, or the last price.
    Ticker,
    /// The level-2 book.
    Depth,
    /// One-minute bars, or the venue's shortest.
    Bar,
}

/// Why a subscription cannot work.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum SubscriptionError {
    /// There is nothing to subscribe on.
    #[error("no channel to subscribe on: name at least one of {offered}")]
    NoChannels {
        /// The venue's channels.
        offered: String,
    },
    /// More symbols than a run, or a connection of this venue, can hold.
    #[error("{count} symbols, more than the {limit} that one connection can hold")]
    TooManySymbols {
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Not a symbol of this venue.
    #[error("`{symbol}` is no symbol of {venue}: write it like {like}")]
    Symbol {
        /// The text as given.
        symbol: String,
        /// The venue.
        venue: &'static str,
        /// A symbol of it.
        like: &'static str,
    },
    /// One symbol is listed twice.
    #[error("symbol `{symbol}` is listed twice")]
    DuplicateSymbol {
        /// The symbol.
        symbol: String,
    },
    /// The venue has no such channel.
    #[error("{venue} has no channel `{channel}`: use {offered}")]
    Channel {
        /// The venue.
        venue: &'static str,
        /// The word as given.
        channel: String,
        /// The venue's channels.
        offered: String,
    },
    /// The venue does not offer this depth.
    #[error("{venue} has no book of {depth} levels: use {offered}")]
    Depth {
        /// The venue.
        venue: &'static str,
        /// Levels asked for.
        depth: u32,
        /// What there is.
        offered: String,
    },
}

/// What a venue offers, to check subscriptions against.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// The venue's name.
    pub venue: &'static str,
    /// Its channels.
    pub channels: &'static [Channel],
    /// Depths of book one can choose from; empty where there is no choice.
    pub depths: &'static [u32],
    /// Most symbols of one connection.
    pub symbols_max: usize,
    /// What letters a symbol may have beside ASCII letters and digits.
    pub symbol_marks: &'static str,
    /// A symbol as an example.
    pub symbol_like: &'static str,
}

impl Channel {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Trade, Self::Ticker, Self::Depth, Self::Bar];

    /// The word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::Ticker => "ticker",
            Self::Depth => "depth",
            Self::Bar => "bar",
        }
    }
}

impl Subscription {
    /// Checks that `offer` has all of this; channels are put in order.
    ///
    /// # Errors
    /// [`SubscriptionError`] names what cannot work.
    pub fn check(mut self, offer: &Offer) -> Result<Self, SubscriptionError> {
        self.channels.sort_unstable();
        self.channels.dedup();
        if let Some(channel) = self.channels.iter().find(|it| !offer.channels.contains(it)) {
            return Err(offer.no_channel(channel.name()));
        }
        if self.channels.is_empty() && !self.symbols.is_empty() {
            return Err(SubscriptionError::NoChannels { offered: offer.channel_names() });
        }
        if let Some(depth) = self.depth.filter(|it| !offer.depths.contains(it)) {
            let depths: Vec<_> = offer.depths.iter().map(u32::to_string).collect();
            let offered = if depths.is_empty() { "none".to_owned() } else { depths.join(", ") };
            return Err(SubscriptionError::Depth { venue: offer.venue, depth, offered });
        }
        let (count, limit) = (self.symbols.len(), offer.symbols_max.min(INSTRUMENTS_MAX));
        if count > limit {
            return Err(SubscriptionError::TooManySymbols { count, limit });
        }
        let mut seen = HashSet::new();
        for symbol in &self.symbols {
            offer.check_symbol(symbol)?;
            if !seen.insert(symbol.as_str()) {
                return Err(SubscriptionError::DuplicateSymbol { symbol: symbol.clone() });
            }
        }
        Ok(self)
    }
}

impl Offer {
    /// Reads names of channels.
    ///
    /// # Errors
    /// [`SubscriptionError::Channel`] names the word that is none of this venue's.
    pub fn channels_of<S: AsRef<str>>(
        &self,
        words: &[S],
    ) -> Result<Vec<Channel>, SubscriptionError> {
        let channel_of = |word: &S| {
            let word = word.as_ref().trim();
            let channel = self.channels.iter().find(|it| it.name() == word).copied();
            channel.ok_or_else(|| self.no_channel(word))
        };
        words.iter().map(channel_of).collect()
    }

    fn channel_names(&self) -> String {
        self.channels.iter().map(|it| it.name()).collect::<Vec<_>>().join(", ")
    }

    fn no_channel(&self, word: &str) -> SubscriptionError {
        SubscriptionError::Channel {
            venue: self.venue,
            channel: word.to_owned(),
            offered: self.channel_names(),
        }
    }

    fn check_symbol(&self, symbol: &str) -> Result<(), SubscriptionError> {
        let is_part = |it: char| it.is_ascii_alphanumeric() || self.symbol_marks.contains(it);
        let is_one = (1..=SYMBOL_BYTES_MAX).contains(&symbol.len()) && symbol.chars().all(is_part);
        if is_one {
            return Ok(());
        }
        let (symbol, venue, like) = (symbol.to_owned(), self.venue, self.symbol_like);
        Err(SubscriptionError::Symbol { symbol, venue, like })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFFER: Offer = Offer {
        venue: "kraken",
        channels: &[Channel::Trade, Channel::Depth],
        depths: &[10, 25],
        symbols_max: 2,
        symbol_marks: "/",
        symbol_like: "BTC/USD",
    };

    #[track_caller]
    fn check(symbols: &[&str], channels: &[Channel], depth: Option<u32>, expected: &str) {
        let symbols = symbols.iter().map(|&it| it.to_owned()).collect();
        let subscription = Subscription { symbols, channels: channels.to_vec(), depth };
        let told = subscription.check(&OFFER).map_or_else(|it| it.to_string(), |_| String::new());
        assert_eq!(told, expected);
    }

    #[test]
    fn what_cannot_work_is_named_with_what_could() {
        let depth = &[Channel::Depth];
        check(&["BTC/USD"], depth, Some(25), "");
        check(&[], &[], None, "");
        check(&["A"], &[], None, "no channel to subscribe on: name at least one of trade, depth");
        check(&["A"], depth, Some(11), "kraken has no book of 11 levels: use 10, 25");
        check(&["A"], &[Channel::Bar], None, "kraken has no channel `bar`: use trade, depth");
        check(&["A", "A"], depth, None, "symbol `A` is listed twice");
        check(
            &["A", "B", "C"],
            depth,
            None,
            "3 symbols, more than the 2 that one connection can hold",
        );
        for symbol in ["", "A-B", "\"", &"x".repeat(65)] {
            let words = format!("`{symbol}` is no symbol of kraken: write it like BTC/USD");
            check(&[symbol], depth, None, &words);
        }
    }

    #[test]
    fn channels_are_read_by_name() {
        assert_eq!(
            OFFER.channels_of(&["depth", " trade"]),
            Ok(vec![Channel::Depth, Channel::Trade])
        );
        assert!(OFFER.channels_of(&["book"]).unwrap_err().to_string().contains("`book`"));
    }
}
