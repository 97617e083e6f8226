//! What there is to serve.

use std::collections::BTreeMap;

use super::walk::Walk;
use super::{RestFeed, file, session};
use crate::SimulatorError;
use crate::feed::is_symbol;

/// The venue's intervals in ms, and whether it has completed bars of them.
pub(super) const INTERVALS: [(&str, u64, bool); 11] = [
    ("1m", 60_000, true),
    ("3m", 180_000, false),
    ("5m", 300_000, true),
    ("15m", 900_000, true),
    ("30m", 1_800_000, true),
    ("1h", 3_600_000, true),
    ("2h", 7_200_000, true),
    ("4h", 14_400_000, true),
    ("1d", 86_400_000, true),
    ("1w", 604_800_000, true),
    ("1M", 2_592_000_000, true),
];

/// A bar; its numbers are texts of decimal numbers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Bar {
    pub(super) time_ms: u64,
    pub(super) open: String,
    pub(super) high: String,
    pub(super) low: String,
    pub(super) close: String,
    pub(super) volume: String,
    pub(super) quote_volume: Option<String>,
}

/// An execution.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Trade {
    pub(super) id: String,
    pub(super) price: String,
    pub(super) quantity: String,
    pub(super) side: &'static str,
    pub(super) time_ms: u64,
}

/// Bars by symbol and interval, by rising time; the last one is still forming.
#[derive(Debug, Default)]
pub(super) struct Market {
    bars: BTreeMap<String, BTreeMap<&'static str, Vec<Bar>>>,
    pub(super) trades: BTreeMap<String, Vec<Trade>>,
    walk: Option<Walk>,
}

impl Market {
    pub(super) fn open(feed: &RestFeed) -> Result<Self, SimulatorError> {
        match feed {
            RestFeed::Walk { symbols, seed, bars } => {
                if let Some(symbol) = symbols.iter().find(|it| !is_symbol(it)) {
                    return Err(SimulatorError::Symbol { symbol: symbol.clone() });
                }
                let walk = Walk { seed: *seed, bars: *bars };
                let bars = symbols.iter().map(|it| (it.clone(), BTreeMap::new())).collect();
                Ok(Self { bars, trades: BTreeMap::new(), walk: Some(walk) })
            }
            RestFeed::File(path) => file::read(path),
            RestFeed::Session(paths) => session::read(paths),
        }
    }

    /// Adds a bar behind those that there are.
    pub(super) fn push(&mut self, symbol: &str, interval: &'static str, bar: Bar) {
        let of_symbol = match self.bars.get_mut(symbol) {
            Some(of_symbol) => of_symbol,
            None => self.bars.entry(symbol.to_owned()).or_default(),
        };
        of_symbol.entry(interval).or_default().push(bar);
    }

    /// Puts bars in order; of several with one time the last one stays.
    pub(super) fn sort(&mut self) {
        for bars in self.bars.values_mut().flat_map(BTreeMap::values_mut) {
            bars.reverse();
            bars.sort_by_key(|bar| bar.time_ms);
            bars.dedup_by_key(|bar| bar.time_ms);
        }
    }

    pub(super) fn symbols(&self) -> impl Iterator<Item = &str> {
        self.bars.keys().map(String::as_str)
    }

    /// Completed bars, and the one that is forming; `None` for a symbol that is not known.
    pub(super) fn bars(
        &mut self,
        symbol: &str,
        interval: &'static str,
    ) -> Option<(&[Bar], Option<&Bar>)> {
        let of_symbol = self.bars.get_mut(symbol)?;
        let bars = match &self.walk {
            Some(walk) => of_symbol.entry(interval).or_insert_with(|| walk.bars(symbol, interval)),
            None => of_symbol.entry(interval).or_default(),
        };
        // A file's bars are all completed: it does not say that one is not.
        match bars.split_last() {
            Some((forming, completed)) if self.walk.is_some() => Some((completed, Some(forming))),
            _ => Some((bars, None)),
        }
    }

    /// The last price of a symbol.
    pub(super) fn last_price(&mut self, symbol: &str) -> Option<String> {
        if self.walk.is_some() {
            let (completed, forming) = self.bars(symbol, "1m")?;
            return forming.or_else(|| completed.last()).map(|bar| bar.close.clone());
        }
        let of_symbol = self.bars.get(symbol)?;
        let last = of_symbol.values().filter_map(|bars| bars.last()).max_by_key(|it| it.time_ms);
        last.map(|bar| bar.close.clone())
    }
}

/// The interval of that name, as the table spells it.
pub(super) fn interval(name: &str) -> Option<(&'static str, u64, bool)> {
    INTERVALS.into_iter().find(|row| row.0 == name)
}
