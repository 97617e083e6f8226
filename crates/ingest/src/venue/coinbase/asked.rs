//! What a connection asked for, and what of it the venue has listed.

/// Everything asked for: every channel for every symbol.
#[derive(Debug)]
pub(in crate::venue) struct Asked {
    /// As the venue spells them; empty for a recording, which asks for nothing.
    symbols: Vec<String>,
    channels: Vec<AskedChannel>,
    /// Whether there ever was anything to ask for.
    is_live: bool,
}

/// A channel that was asked for.
#[derive(Clone, Copy, Debug)]
pub(in crate::venue) struct AskedChannel {
    /// Its name in requests.
    pub(in crate::venue) name: &'static str,
    /// Another name under which it may be listed.
    pub(in crate::venue) alias: &'static str,
    /// Whether it is asked for without symbols.
    pub(in crate::venue) is_general: bool,
    /// Whether it is worth nothing without another one.
    is_beside: bool,
    is_listed: bool,
}

/// What a refusal took away.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::venue) enum Refused {
    /// It names nothing that was asked for.
    Nothing,
    /// A part; the rest has to be asked for again.
    Part,
    /// All that was left.
    All,
}

impl AskedChannel {
    pub(in crate::venue) const fn of_symbols(name: &'static str, alias: &'static str) -> Self {
        Self { name, alias, is_general: false, is_beside: false, is_listed: false }
    }

    /// The same, worth nothing without another one.
    pub(in crate::venue) const fn beside(self) -> Self {
        Self { is_beside: true, ..self }
    }

    pub(in crate::venue) const fn general(name: &'static str) -> Self {
        Self { name, alias: name, is_general: true, is_beside: true, is_listed: false }
    }
}

impl Asked {
    pub(in crate::venue) fn new(symbols: &[String], channels: Vec<AskedChannel>) -> Self {
        let symbols: Vec<_> = symbols.iter().map(|it| it.to_ascii_uppercase()).collect();
        let is_live = !symbols.is_empty();
        Self { symbols, channels, is_live }
    }

    /// A new connection: nothing is listed.
    pub(in crate::venue) fn open(&mut self) {
        self.channels.iter_mut().for_each(|it| it.is_listed = false);
    }

    pub(in crate::venue) fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Channels that are not listed for every symbol; none where there is nothing to ask for.
    pub(in crate::venue) fn unlisted(&self) -> impl Iterator<Item = &AskedChannel> {
        let is_over = self.symbols.is_empty();
        self.channels.iter().filter(move |it| !is_over && !it.is_listed)
    }

    /// Takes the venue's whole list of what is subscribed to, as a question of it: is this channel
    /// listed for this symbol (for any, where there is none)? Gives whether all that was asked for is.
    pub(in crate::venue) fn is_complete(
        &mut self,
        is_listed: impl Fn(&AskedChannel, Option<&str>) -> bool,
    ) -> bool {
        for channel in &mut self.channels {
            channel.is_listed = if channel.is_general {
                is_listed(channel, None)
            } else {
                self.symbols.iter().all(|symbol| is_listed(channel, Some(symbol)))
            };
        }
        self.is_answered()
    }

    /// Whether all that was asked for and not refused is listed.
    pub(in crate::venue) fn is_answered(&self) -> bool {
        self.unlisted().next().is_none()
    }

    /// Gives up what a refusal names: symbols, otherwise channels. Each can be refused once, so that
    /// asking for the rest comes to an end.
    pub(in crate::venue) fn refuse(&mut self, words: &str) -> Refused {
        let symbols = self.symbols.len();
        self.symbols.retain(|it| !names(words, it));
        let channels = self.channels.len();
        if symbols == self.symbols.len() {
            self.channels.retain(|it| it.is_listed || it.is_beside || !names(words, it.name));
        }
        let is_less = symbols != self.symbols.len() || channels != self.channels.len();
        if !is_less {
            return Refused::Nothing;
        }
        let is_left = !self.symbols.is_empty() && self.channels.iter().any(|it| !it.is_beside);
        if is_left { Refused::Part } else { Refused::All }
    }

    /// Whether anything is asked for at all.
    pub(in crate::venue) const fn is_live(&self) -> bool {
        self.is_live
    }
}

/// Whether `words` hold this name, in either case and not as a part of a longer one.
fn names(words: &str, name: &str) -> bool {
    let is_part = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_');
    let (words, name) = (words.as_bytes(), name.as_bytes());
    words.windows(name.len()).enumerate().any(|(at, found)| {
        let before = at.checked_sub(1).and_then(|it| words.get(it));
        let after = words.get(at + name.len());
        let is_whole = ![before, after].into_iter().flatten().any(|it| is_part(*it));
        is_whole && found.eq_ignore_ascii_case(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked() -> Asked {
        let channels = vec![
            AskedChannel::general("heartbeats"),
            AskedChannel::of_symbols("level2", "level2"),
            AskedChannel::of_symbols("ticker", "ticker"),
        ];
        Asked::new(&["btc-usd".to_owned(), "ETH-USD".to_owned()], channels)
    }

    #[test]
    fn all_is_listed_when_every_channel_lists_every_symbol() {
        let mut asked = asked();
        assert!(!asked.is_complete(|channel, symbol| {
            channel.name != "ticker" || symbol == Some("BTC-USD")
        }));
        assert_eq!(asked.unlisted().map(|it| it.name).collect::<Vec<_>>(), ["ticker"]);
        assert!(asked.is_complete(|_, _| true));
        asked.open();
        assert!(!asked.is_answered());
    }

    #[test]
    fn a_refusal_takes_what_it_names_and_leaves_the_rest() {
        let mut it = asked();
        assert_eq!(it.refuse("ETH-USDC is not a product, BTC-USD.X neither"), Refused::Part);
        assert_eq!(it.symbols(), ["ETH-USD"]);
        assert_eq!(it.refuse("no level2_batch for you"), Refused::Nothing);
        assert_eq!(it.refuse("no level2 for you"), Refused::Part);
        assert_eq!(it.refuse("eth-usd: bad"), Refused::All);
        assert!(it.is_answered());
        let mut it = asked();
        assert_eq!(it.refuse("level2, ticker"), Refused::All);
    }
}
