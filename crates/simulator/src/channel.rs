use std::fmt;
use std::str::FromStr;

/// What a client subscribes to, by the protocol's own names.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Channel {
    /// Last price, best bid and ask, the day's figures.
    Ticker,
    /// Both sides of the book, the whole picture in each message.
    Depth,
    /// Executions.
    Trade,
}

impl Channel {
    /// Every channel, in the order of the variants.
    pub const ALL: [Self; 3] = [Self::Ticker, Self::Depth, Self::Trade];

    /// As it is written in `cmd` and `channel`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ticker => "ticker",
            Self::Depth => "depth",
            Self::Trade => "trade",
        }
    }

    /// Position in [`Channel::ALL`].
    pub(crate) const fn index(self) -> usize {
        match self {
            Self::Ticker => 0,
            Self::Depth => 1,
            Self::Trade => 2,
        }
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A text that names no channel.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("`{0}` is no channel: expected ticker, depth or trade")]
pub struct ChannelError(String);

impl FromStr for Channel {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let named = Self::ALL.into_iter().find(|channel| channel.name() == text);
        named.ok_or_else(|| ChannelError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_reads_back_from_its_name_and_stands_at_its_index() {
        for (index, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel.to_string().parse(), Ok(channel));
            assert_eq!(channel.index(), index);
        }
    }

    #[test]
    fn klines_are_no_channel() {
        let error = "kline".parse::<Channel>().unwrap_err();
        assert_eq!(error.to_string(), "`kline` is no channel: expected ticker, depth or trade");
    }
}
