//! Measures that strategies are made of.
//!
//! Each is a plain value for one instrument: it is given numbers and gives numbers, knows no event
//! loop, clock or instrument table, and allocates nothing after it was made. What has a memory gets
//! its room at the start. The same numbers in the same order give the same result to the last bit.
//!
//! | measure | of what | arithmetic |
//! |---|---|---|
//! | [`BestPrices`], [`BestLevels`] | spread, mid, microprice, imbalance of the best bid and ask | exact to the last division |
//! | [`SideVolumes`] | ratio and imbalance of the two sides of a book | exact to the last division |
//! | [`OrderFlowImbalance`] | changes of the best bid and ask | exact |
//! | [`Vwap`], [`RollingVwap`] | trades: all, or the last ones | exact to the last division |
//! | [`TimeBars`], [`CompleteBars`] | bars from trades; which pushed bars are complete | exact |
//! | [`RollingSum`] | sum and mean of the last integers | exact |
//! | [`Rolling`] | mean, variance, least and greatest of the last values | floats, without drift |
//! | [`EwStats`] | exponentially weighted mean and variance, by count or by time | floats |
//! | [`RealisedVolatility`], [`EwVolatility`] | squared log returns: of the last ones, or weighted | floats |
//! | [`Summary`] | count, mean, least and greatest of everything | floats, compensated |
//!
//! What takes floats refuses those that are not finite or beyond [`VALUE_MAX`]: its `push` gives
//! `false`, and nothing changes. What is asked before there is an answer says `None`, never zero and
//! never NaN.
//!
//! ```
//! use tickring_strategy::toolkit::{HalfLife, EwStats, Rolling};
//!
//! let mut window = Rolling::new(3);
//! let mut weighted = EwStats::new(HalfLife::Observations(1.0));
//! for value in [5.0, 1.0, 2.0, 3.0] {
//!     assert!(window.push(value) && weighted.push(value, 0));
//! }
//! assert_eq!(window.mean(), Some(2.0));
//! assert_eq!((window.min(), window.max()), (Some(1.0), Some(3.0)));
//! // (3 + 2/2 + 1/4 + 5/8) / (1 + 1/2 + 1/4 + 1/8)
//! assert_eq!(weighted.mean(), Some(2.6));
//! assert!(!window.push(f64::NAN));
//! ```

mod best;
mod order_flow;
mod vwap;

mod complete_bars;
mod time_bars;

mod ew_stats;
mod half_life;
mod rolling;
mod rolling_sum;
mod summary;
mod volatility;

mod blocks;

pub use best::{BestLevels, BestPrices, SideVolumes};
pub use complete_bars::CompleteBars;
pub use ew_stats::EwStats;
pub use half_life::HalfLife;
pub use order_flow::OrderFlowImbalance;
pub use rolling::Rolling;
pub use rolling_sum::RollingSum;
pub use summary::Summary;
pub use time_bars::{Added, TimeBar, TimeBars};
pub use volatility::{EwVolatility, RealisedVolatility};
pub use vwap::{RollingVwap, Vwap};

/// Greatest magnitude of a float that a measure takes: sums of squares of any number of such values
/// stay finite.
pub const VALUE_MAX: f64 = 1e140;

/// Whether a measure can take this value.
fn is_usable(value: f64) -> bool {
    // False for NaN.
    value.abs() <= VALUE_MAX
}
