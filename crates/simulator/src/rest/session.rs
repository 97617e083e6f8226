//! Bars and trades of recorded sessions.

use std::path::PathBuf;

use tickring_capture::{Entry, Merged, OpenOptions, open_session};
use tickring_event::{Decimal, DecimalText, Scale};

use super::market::{Bar, INTERVALS, Market, Trade};
use crate::SimulatorError;
use crate::feed::line::{self, Line};

/// Trades that are kept of a session; what came before is in its bars.
const TRADES_MAX: usize = 1_000;

/// Decimals of what is added up.
const DECIMALS: u8 = 8;

/// Reads the trades of sessions: the latest ones, and their bars in every interval.
pub(super) fn read(paths: &[PathBuf]) -> Result<Market, SimulatorError> {
    let mut sessions = Vec::new();
    for path in paths {
        sessions.push(open_session(path, OpenOptions::default())?.session);
    }
    let mut merged = Merged::new(sessions)?;
    let mut forming = std::collections::BTreeMap::new();
    let mut market = Market::default();
    while let Some(entry) = merged.next()? {
        let Entry::Received { text, .. } = entry else { continue };
        let Some(Line::Trade { symbol, trade }) = line::parse(text) else { continue };
        let (Some(price), Some(quantity)) = (units(&trade.price), units(&trade.quantity)) else {
            continue;
        };
        for (name, step_ms, _) in INTERVALS {
            let time_ms = trade.time_ms / step_ms * step_ms;
            let key = (symbol.clone(), name);
            let bar = forming.entry(key).or_insert_with(|| Forming::new(time_ms, price));
            if bar.time_ms != time_ms {
                let done = std::mem::replace(bar, Forming::new(time_ms, price));
                market.push(&symbol, name, done.bar());
            }
            bar.add(price, quantity);
        }
        let kept = market.trades.entry(symbol).or_default();
        if kept.len() == 2 * TRADES_MAX {
            kept.drain(..TRADES_MAX);
        }
        kept.push(Trade {
            id: trade.id.to_string(),
            price: trade.price,
            quantity: trade.quantity,
            side: if trade.buyer_was_maker { "sell" } else { "buy" },
            time_ms: trade.time_ms,
        });
    }
    for ((symbol, name), bar) in forming {
        market.push(&symbol, name, bar.bar());
    }
    market.sort();
    Ok(market)
}

/// A bar whose trades still come.
struct Forming {
    time_ms: u64,
    open: i64,
    high: i64,
    low: i64,
    close: i64,
    volume: i64,
}

impl Forming {
    const fn new(time_ms: u64, price: i64) -> Self {
        Self { time_ms, open: price, high: price, low: price, close: price, volume: 0 }
    }

    fn add(&mut self, price: i64, quantity: i64) {
        self.high = self.high.max(price);
        self.low = self.low.min(price);
        self.close = price;
        self.volume = self.volume.saturating_add(quantity);
    }

    fn bar(&self) -> Bar {
        let text = |units| DecimalText::new(units, scale(), 0).to_string();
        Bar {
            time_ms: self.time_ms,
            open: text(self.open),
            high: text(self.high),
            low: text(self.low),
            close: text(self.close),
            volume: text(self.volume),
            quote_volume: None,
        }
    }
}

fn scale() -> Scale {
    Scale::new(DECIMALS).expect("the constant is below the scale's bound")
}

fn units(text: &str) -> Option<i64> {
    Decimal::parse(text.as_bytes(), scale()).ok().map(|it| it.mantissa)
}
