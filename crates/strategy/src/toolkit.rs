//! Measures that strategies are made of.
//!
//! Each is a plain value for one instrument: it is given numbers and gives numbers, knows no event
//! loop, clock or instrument table, and allocates nothing after it was made. What has a memory gets
//! its room at the start.

mod complete_bars;
mod rolling_sum;

pub use complete_bars::CompleteBars;
pub use rolling_sum::RollingSum;
