//! One publisher, many gated pollers: the ring between ingest and the strategies.
//!
//! [`ring`] makes the two sides. The [`Publisher`] copies slices of events into the ring; each
//! [`Poller`] sees every one of them, in order, on whatever thread it was moved to. A slot is
//! written again only when every poller has read it, so a slow poller makes the ring full, and
//! [`OnFull`] says what a full ring means. [`Gauges`] shows both sides to any third thread.
//!
//! Left out on purpose: threads, clocks and pinning (the caller owns them; [`Stall`] is how the
//! publisher's wait reaches the caller's clock), several publishers, and pollers that wait for
//! other pollers. The ring underneath is the `disruptor` crate, which nothing else here names;
//! `tests/traps.rs` lists what that crate lets through and this one does not.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use std::ops::ControlFlow;
//! use tickring_ring::{Capacity, OnFull, PollError, Stall, ring};
//!
//! /// Gives up at once instead of waiting; a real one reads a clock and waits a little.
//! struct GiveUp;
//! impl Stall for GiveUp {
//!     fn ticks(&mut self) -> u64 {
//!         0
//!     }
//!     fn wait(&mut self) -> ControlFlow<()> {
//!         ControlFlow::Break(())
//!     }
//! }
//!
//! let capacity = Capacity::round_up(1_000).expect("within the limit");
//! let (mut publisher, mut pollers) = ring::<u64>(capacity, 1);
//! publisher.publish(&[10, 20, 30], OnFull::Block, &mut GiveUp)?;
//!
//! let limit = NonZeroUsize::new(64).expect("not zero");
//! let mut seen = Vec::new();
//! pollers[0].poll(limit, |event, sequence, end_of_batch| {
//!     seen.push((*event, sequence, end_of_batch));
//! })?;
//! assert_eq!(seen, [(10, 0, false), (20, 1, false), (30, 2, true)]);
//!
//! assert!(publisher.close(&mut GiveUp).is_clean());
//! assert_eq!(pollers[0].poll(limit, |_, _, _| {}), Err(PollError::Shutdown));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod ring;

mod abandoned;
mod capacity;
mod gauges;
mod on_full;
mod poller;
mod publisher;
mod wait;
mod word;

pub use capacity::{CAPACITY_MAX, CAPACITY_MIN, Capacity};
pub use gauges::Gauges;
pub use on_full::OnFull;
pub use poller::{PollError, Poller};
pub use publisher::{Drained, Full, PublishError, Publisher, Stall};
pub use ring::{POLLERS_MAX, ring};
pub use wait::{Wait, WaitStrategy, Waiter};
pub use word::UnknownWord;
