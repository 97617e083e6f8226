//! Which instrument a pushed symbol means: the venue may leave out the market or add zeros.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use tickring_event::{INSTRUMENTS_MAX, InstrumentId};

use super::config::{ProductKind, TickDbConfig};
use crate::venue::DecodeError;

/// Suffixes of the markets whose symbols are pushed without them; all of them list stocks.
const STOCK_MARKETS: [&str; 5] = ["US", "HK", "SH", "SZ", "BJ"];

/// Spellings remembered; one beyond it is resolved anew each time.
const SPELLINGS_MAX: usize = 2 * INSTRUMENTS_MAX;

/// A spelling has one place for each kind, and one for messages that name none.
const PLACES: usize = ProductKind::COUNT + 1;

/// The subscribed symbols and every spelling seen so far.
#[derive(Debug)]
pub(super) struct Symbols {
    subscribed: Box<[Subscribed]>,
    spellings: HashMap<Box<str>, [Meant; PLACES], RandomState>,
}

/// A symbol as it was subscribed.
#[derive(Debug)]
struct Subscribed {
    symbol: Box<str>,
    /// As configured, else as its market says.
    kind: Option<ProductKind>,
    /// The venue refused it.
    dropped: bool,
}

/// What a spelling was found to mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Meant {
    Unseen,
    Instrument(InstrumentId),
    Ambiguous,
}

/// The subscription that a spelling belongs to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Resolved {
    /// The subscribed symbol at this index.
    Subscribed(usize),
    /// It was never subscribed.
    Unsubscribed,
    /// More than one subscription is spelled like this.
    Ambiguous,
    /// The message names no symbol, and not just one is subscribed.
    Unnamed,
}

impl Symbols {
    pub(super) fn new(config: &TickDbConfig) -> Self {
        let subscribed = |symbol: &String| Subscribed {
            symbol: symbol.as_str().into(),
            kind: config.kinds.get(symbol).copied().or_else(|| implied_kind(symbol)),
            dropped: false,
        };
        Self {
            subscribed: config.symbols.iter().map(subscribed).collect(),
            spellings: HashMap::with_capacity_and_hasher(
                2 * config.symbols.len(),
                RandomState::default(),
            ),
        }
    }

    /// The instrument of a spelling that was seen before: one hash lookup.
    pub(super) fn known(
        &self,
        spelling: &str,
        kind: Option<ProductKind>,
    ) -> Result<Option<InstrumentId>, DecodeError> {
        match self.spellings.get(spelling).map(|places| places[place(kind)]) {
            None | Some(Meant::Unseen) => Ok(None),
            Some(Meant::Instrument(id)) => Ok(Some(id)),
            Some(Meant::Ambiguous) => Err(DecodeError::AmbiguousSymbol),
        }
    }

    /// Which subscription a spelling belongs to: the very same text, else the same but for leading
    /// zeros, else the same but for the market. Where several markets fit, `kind` decides. The empty
    /// spelling means the only subscription. Looks at every subscription.
    pub(super) fn resolve(&self, spelling: &str, kind: Option<ProductKind>) -> Resolved {
        if spelling.is_empty() {
            return if self.subscribed.len() == 1 {
                Resolved::Subscribed(0)
            } else {
                Resolved::Unnamed
            };
        }
        let same_but_zeros = |it: &Subscribed| without_zeros(&it.symbol) == without_zeros(spelling);
        let found =
            self.index(spelling).or_else(|| self.subscribed.iter().position(same_but_zeros));
        if let Some(index) = found {
            return Resolved::Subscribed(index);
        }
        let alike = || {
            let listed = self.subscribed.iter().enumerate();
            listed.filter(|(_, it)| !it.dropped && same_but_market(&it.symbol, spelling))
        };
        let of_kind = || alike().filter(|(_, it)| kind.is_some() && it.kind == kind);
        if alike().next().is_none() {
            return Resolved::Unsubscribed;
        }
        let only = only(alike()).or_else(|| only(of_kind()));
        only.map_or(Resolved::Ambiguous, |(index, _)| Resolved::Subscribed(index))
    }

    /// Remembers what a spelling means.
    pub(super) fn remember(&mut self, spelling: &str, kind: Option<ProductKind>, meant: Meant) {
        if let Some(places) = self.spellings.get_mut(spelling) {
            places[place(kind)] = meant;
        } else if self.spellings.len() < SPELLINGS_MAX {
            let mut places = [Meant::Unseen; PLACES];
            places[place(kind)] = meant;
            self.spellings.insert(spelling.into(), places);
        }
    }

    /// The index of a symbol in its subscribed spelling.
    pub(super) fn index(&self, symbol: &str) -> Option<usize> {
        self.subscribed.iter().position(|it| &*it.symbol == symbol)
    }

    /// The subscribed spelling at `index`.
    pub(super) fn symbol(&self, index: usize) -> &str {
        &self.subscribed[index].symbol
    }

    /// The venue refused the symbol at `index`: other spellings no longer mean it.
    pub(super) fn drop_symbol(&mut self, index: usize) {
        self.subscribed[index].dropped = true;
        // What was ambiguous may have become clear.
        for meant in self.spellings.values_mut().flatten() {
            if *meant == Meant::Ambiguous {
                *meant = Meant::Unseen;
            }
        }
    }
}

/// The symbol without its leading zeros: `00700.HK` and `700.HK` are one instrument.
pub(super) fn without_zeros(symbol: &str) -> &str {
    symbol.trim_start_matches('0')
}

/// What kind of product the symbol's market lists, if the symbol names its market.
pub(super) fn implied_kind(symbol: &str) -> Option<ProductKind> {
    let (_, market) = symbol.rsplit_once('.')?;
    STOCK_MARKETS.contains(&market).then_some(ProductKind::Stock)
}

/// Whether one of the two is the other without its market. The last dot is the market's:
/// `BRK.B.US` is `BRK.B` of the US.
fn same_but_market(subscribed: &str, pushed: &str) -> bool {
    let bare =
        |symbol| without_zeros(str::rsplit_once(symbol, '.').map_or(symbol, |(code, _)| code));
    let pushed_less = bare(subscribed) == without_zeros(pushed);
    let pushed_more = implied_kind(pushed).is_some() && bare(pushed) == without_zeros(subscribed);
    pushed_less || pushed_more
}

const fn place(kind: Option<ProductKind>) -> usize {
    match kind {
        None => 0,
        Some(kind) => kind as usize + 1,
    }
}

fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The subscribed symbol that a pushed one means, or `?` if ambiguous, or `-` if none.
    #[track_caller]
    fn check(subscribed: &[&str], pushed: &str, kind: Option<ProductKind>, expected: &str) {
        let config = TickDbConfig::parse(subscribed, &["ticker"]).unwrap();
        let symbols = Symbols::new(&config);
        let meant = match symbols.resolve(pushed, kind) {
            Resolved::Subscribed(index) => symbols.symbol(index),
            Resolved::Unsubscribed => "-",
            Resolved::Ambiguous => "?",
            Resolved::Unnamed => "",
        };
        assert_eq!(meant, expected, "{pushed} {kind:?} of {subscribed:?}");
    }

    #[test]
    fn a_pushed_symbol_is_matched_exactly_then_by_zeros_then_by_market() {
        let stock = Some(ProductKind::Stock);
        let listed = ["NVDA.US", "700.HK", "600519.SH", "000001.SZ", "BTCUSDT", "BRK.B.US"];
        for symbol in listed {
            check(&listed, symbol, None, symbol);
            check(&listed, symbol, stock, symbol);
        }
        check(&listed, "NVDA", None, "NVDA.US");
        check(&listed, "700", stock, "700.HK");
        check(&listed, "00700", None, "700.HK");
        check(&listed, "00700.HK", None, "700.HK");
        check(&listed, "600519", None, "600519.SH");
        check(&listed, "1", None, "000001.SZ");
        check(&listed, "BRK.B", None, "BRK.B.US");
        check(&listed, "BRK", None, "-");
        check(&listed, "700.US", None, "-");
        check(&listed, "ETHUSDT", None, "-");
        check(&listed, "nvda", None, "-");
        check(&["0700.HK"], "700", None, "0700.HK");
    }

    #[test]
    fn a_symbol_pushed_with_a_market_means_the_one_subscribed_without() {
        check(&["NVDA", "SPX"], "NVDA.US", None, "NVDA");
        check(&["NVDA", "NVDA.US"], "NVDA.US", None, "NVDA.US");
        check(&["NVDA", "NVDA.US"], "NVDA", None, "NVDA");
        check(&["BRK"], "BRK.B", None, "-");
    }

    #[test]
    fn several_markets_are_told_apart_by_kind_or_not_at_all() {
        let (stock, indices) = (Some(ProductKind::Stock), Some(ProductKind::Indices));
        let listed = ["000001.SH=indices", "000001.SZ"];
        check(&listed, "000001", None, "?");
        check(&listed, "000001", stock, "000001.SZ");
        check(&listed, "000001", indices, "000001.SH");
        check(&listed, "000001", Some(ProductKind::Crypto), "?");
        check(&["700.HK", "700.US"], "700", stock, "?");
    }

    #[test]
    fn no_symbol_means_the_only_one() {
        check(&["NVDA.US"], "", None, "NVDA.US");
        check(&["NVDA.US", "SPX"], "", None, "");
    }

    #[test]
    fn a_dropped_symbol_makes_nothing_ambiguous() {
        let config = TickDbConfig::parse(&["700.HK", "700.US"], &["ticker"]).unwrap();
        let mut symbols = Symbols::new(&config);
        symbols.remember("700", None, Meant::Ambiguous);
        assert_eq!(symbols.known("700", None), Err(DecodeError::AmbiguousSymbol));
        symbols.drop_symbol(1);
        assert_eq!(symbols.known("700", None), Ok(None));
        assert_eq!(symbols.resolve("700", None), Resolved::Subscribed(0));
    }

    #[test]
    fn what_a_spelling_means_is_kept_by_kind() {
        let config = TickDbConfig::parse(&["A"], &["ticker"]).unwrap();
        let mut symbols = Symbols::new(&config);
        let (first, second) = (InstrumentId::new(1), InstrumentId::new(2));
        symbols.remember("A", None, Meant::Instrument(first));
        symbols.remember("A", Some(ProductKind::Futures), Meant::Instrument(second));
        assert_eq!(symbols.known("A", None), Ok(Some(first)));
        assert_eq!(symbols.known("A", Some(ProductKind::Futures)), Ok(Some(second)));
        assert_eq!(symbols.known("A", Some(ProductKind::Stock)), Ok(None));
    }
}
