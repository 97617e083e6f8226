//! Bars that are made up.

use super::market::{Bar, interval};

/// A random walk in steps of a cent for each symbol and interval.
#[derive(Debug)]
pub(super) struct Walk {
    pub(super) seed: u64,
    /// Completed bars.
    pub(super) bars: u32,
}

/// 2026-01-05 00:00:00 UTC, when the last completed bar ends.
const END_MS: u64 = 1_767_571_200_000;

/// Prices in cents: where a walk begins, and how low it goes.
const START_CENTS: u64 = 20_000;
const CENTS_MIN: u64 = 1_000;

/// Most cents from one price to the next.
const STEP_CENTS_MAX: u64 = 60;

impl Walk {
    /// The bars of a symbol, and one more that is forming.
    pub(super) fn bars(&self, symbol: &str, name: &str) -> Vec<Bar> {
        let step_ms = interval(name).map_or(60_000, |row| row.1);
        let mut random = fastrand::Rng::with_seed(self.seed ^ hash(symbol) ^ hash(name));
        let count = u64::from(self.bars).min(END_MS / step_ms - 1);
        let first_ms = END_MS / step_ms * step_ms - count * step_ms;
        let mut close = START_CENTS + random.u64(0..START_CENTS);
        let bar = |index| {
            let open = close;
            let mut next = |from: u64| {
                (from + random.u64(0..=2 * STEP_CENTS_MAX))
                    .saturating_sub(STEP_CENTS_MAX)
                    .max(CENTS_MIN)
            };
            let (one, two) = (next(open), next(open));
            close = next(open);
            let prices = [open, one, two, close];
            let high = prices.into_iter().max().unwrap_or(open);
            let low = prices.into_iter().min().unwrap_or(open);
            let volume = random.u64(100..100_000);
            Bar {
                time_ms: first_ms + index * step_ms,
                open: cents(open),
                high: cents(high),
                low: cents(low),
                close: cents(close),
                volume: volume.to_string(),
                quote_volume: Some(cents(volume * (open + close) / 2)),
            }
        };
        (0..=count).map(bar).collect()
    }
}

pub(super) fn cents(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// FNV-1a: <http://www.isthe.com/chongo/tech/comp/fnv/>.
fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_has_its_bars_and_one_that_forms() {
        let walk = Walk { seed: 1, bars: 1_000 };
        let bars = walk.bars("AAPL.US", "1h");
        assert_eq!(bars.len(), 1_001);
        assert_eq!(bars[1_000].time_ms, END_MS);
        assert!(bars.windows(2).all(|it| it[0].time_ms + 3_600_000 == it[1].time_ms));
        assert!(bars.windows(2).all(|it| it[0].close == it[1].open));
        assert_eq!(bars, walk.bars("AAPL.US", "1h"));
        assert_ne!(bars, walk.bars("MSFT.US", "1h"));
        assert_ne!(bars, Walk { seed: 2, bars: 1_000 }.bars("AAPL.US", "1h"));
    }
}
