//! How a figure is taken so that a stranger gets the same one: what the machine can do at best, blocks
//! in shuffled order, times that were intended, and a comparison that knows its noise.
//!
//! [`Floor`] is the least time that two threads need to tell each other something. [`run_blocks`]
//! measures several things in turns, each turn in another order, so that [`Turns::ratio`] compares
//! what the machine did at the same moment. [`Schedule`] says when messages should have been sent:
//! latency counts from then, not from when the sender got round to it. [`compare`] holds one set of
//! blocks against another and says whether a [`Threshold`] is crossed by more than the noise.
//!
//! Left out on purpose: threads, printing, and what is measured. Whoever measures makes the threads
//! and hands over a [`Clock`](tickring_metrics::Clock).
//!
//! ```
//! use tickring_harness::run_blocks;
//!
//! let turns = run_blocks(2, 5, 7, |turn, contender| {
//!     // A machine that gets slower and slower: the ratio does not care.
//!     let slowness = [1.0, 1.1, 1.3, 1.8, 2.5][turn];
//!     Ok::<f64, ()>(slowness * [100.0, 150.0][contender])
//! })?;
//! assert_eq!(turns.ratio(1, 0), 1.5);
//! # Ok::<(), ()>(())
//! ```

mod floor;

mod blocks;
mod schedule;

mod compare;
mod threshold;

mod host;
mod step;

mod float;
mod stats;

pub use blocks::{Turns, order, run_blocks};
pub use compare::{BLOCKS_MIN, Comparison, Figures, Quantile, Verdict, compare};
pub use floor::{FLOOR_STEP_MAX, Floor, FloorPlan, steps};
pub use host::{BUILD, Build, HostFingerprint};
pub use schedule::{Due, Schedule, ScheduleError};
pub use stats::{median, quantile, spread};
pub use step::{ClockFacts, to_step};
pub use threshold::{Threshold, ThresholdError};
