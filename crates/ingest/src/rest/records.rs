//! What is asked for, and what comes back.

use std::fmt;
use std::path::PathBuf;

use super::{Exact, Interval};

/// Which bars of a symbol; times are those at which bars start, both ends inclusive.
///
/// A `limit` without a start asks for the newest bars up to the end; with a start it asks for the
/// first ones from there. Without either, the newest [`BARS_DEFAULT`] come.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct BarsRequest {
    /// The venue's spelling.
    pub symbol: String,
    /// Of the bars.
    pub interval: Interval,
    /// Most bars in all, over any number of pages.
    pub limit: Option<u64>,
    /// Since 1970, UTC.
    pub start_ms: Option<u64>,
    /// Since 1970, UTC.
    pub end_ms: Option<u64>,
}

/// Bars that come where neither a start nor a limit is given: the venue's own default.
pub const BARS_DEFAULT: u64 = 100;

/// A bar.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestBar {
    /// Its start, since 1970, UTC.
    pub time_ms: u64,
    /// First price.
    pub open: Exact,
    /// Highest price.
    pub high: Exact,
    /// Lowest price.
    pub low: Exact,
    /// Last price.
    pub close: Exact,
    /// Quantity.
    pub volume: Exact,
    /// Quantity times price; futures have none.
    pub quote_volume: Option<Exact>,
    /// Of futures.
    pub open_interest: Option<Exact>,
}

/// The bar of a symbol that is still forming.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LatestBar {
    /// As the venue spells it.
    pub symbol: String,
    /// What it holds so far.
    pub bar: RestBar,
}

/// A price and how much there is at it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestLevel {
    /// The price.
    pub price: Exact,
    /// How much.
    pub quantity: Exact,
}

/// Both sides of a book.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestDepth {
    /// As the venue spells it; as it was asked for where the venue does not say.
    pub symbol: String,
    /// Since 1970, UTC, where the venue gives it.
    pub time_ms: Option<u64>,
    /// The best one first.
    pub bids: Vec<RestLevel>,
    /// The best one first.
    pub asks: Vec<RestLevel>,
}

/// An execution.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RestTrade {
    /// The venue's own; a text.
    pub id: Option<String>,
    /// The price.
    pub price: Exact,
    /// How much.
    pub quantity: Exact,
    /// `buy`, `sell` or `neutral`.
    pub side: Option<String>,
    /// Since 1970, UTC.
    pub time_ms: u64,
}

/// A symbol that the venue has.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct RestSymbol {
    /// The venue's spelling.
    pub symbol: String,
    /// For people.
    pub name: Option<String>,
    /// Where it trades: `US`, `HK`, `CN`, `GLOBAL`.
    pub market: Option<String>,
    /// What it is: `stock`, `crypto`, ….
    pub kind: Option<String>,
    /// What it is priced in.
    pub currency: Option<String>,
    /// Whether it trades.
    pub is_active: Option<bool>,
}

/// Something that people should hear of.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RestNotice {
    /// A request failed and is made again.
    Retrying {
        /// Why.
        reason: String,
        /// After this wait.
        delay_ms: u64,
    },
    /// A file of the cache is not as it was written; what it held is fetched anew.
    CacheDamaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A page of bars came.
    Page {
        /// Of which symbol.
        symbol: String,
        /// Bars in it.
        bars: usize,
        /// Whether it came from the cache.
        is_cached: bool,
    },
}

impl fmt::Display for RestNotice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retrying { reason, delay_ms } => {
                write!(out, "{reason}: asked again in {delay_ms} ms")
            }
            Self::CacheDamaged { path, reason } => {
                write!(out, "{}: {reason}: fetched anew", path.display())
            }
            Self::Page { symbol, bars, is_cached } => {
                let place = if *is_cached { "the cache" } else { "the venue" };
                write!(out, "{symbol}: {bars} bars from {place}")
            }
        }
    }
}
