//! Strategies and what runs them: every event in order, each strategy on a thread of its own.
//!
//! A [`Strategy`] is a type with one method, [`Strategy::on_event`]. [`run_worker`] polls the ring
//! for it, times every event, retries what failed for the moment, and takes a strategy that panics
//! out of the run without disturbing the others. What a strategy has to say leaves as [`Signal`]s
//! through a bounded queue to [`run_signal_sink`] on another thread.
//!
//! Left out on purpose: threads and pinning (the caller makes them), orders and positions, and
//! figures over several workers (the caller merges reports).
//!
//! ```
//! use tickring_event::{Instruments, Kind, MarketEvent};
//! use tickring_strategy::{Context, SignalPort, SignalSender, Strategy, StrategyError};
//!
//! /// Says the number of each hundredth trade.
//! #[derive(Default)]
//! struct Hundreds {
//!     trades: u32,
//! }
//!
//! impl Strategy for Hundreds {
//!     fn name(&self) -> &str {
//!         "hundreds"
//!     }
//!
//!     fn on_event(
//!         &mut self,
//!         event: &MarketEvent,
//!         context: &mut Context<'_>,
//!     ) -> Result<(), StrategyError> {
//!         if event.kind() == Kind::Trade {
//!             self.trades += 1;
//!             if self.trades.is_multiple_of(100) {
//!                 context.signal(event.instrument, "trades", f64::from(self.trades));
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let instruments = Instruments::new();
//! let mut port = SignalPort::new(SignalSender::discarding(), 0, 0);
//! let mut context = Context::new(&instruments, &mut port, 0, 0);
//! let mut strategy = Hundreds::default();
//! assert_eq!(strategy.on_event(&MarketEvent::default(), &mut context), Ok(()));
//! assert_eq!(port.given(), 0);
//! ```

mod strategy;

mod context;
mod signal;
mod sink;

mod fault;
mod shard;
mod worker;

pub mod builtin;
pub mod toolkit;

mod float;
mod table;

pub use context::Context;
pub use fault::{ClockPause, OnFault, Pause, RetryConfig};
pub use shard::{Shard, shard_of};
pub use signal::{
    Signal, SignalPort, SignalReceiver, SignalSender, SignalsEnded, TARGET, signal_channel,
};
pub use sink::{SignalFormat, SinkConfig, run_signal_sink};
pub use strategy::{Delivery, Strategy, StrategyError};
pub use worker::{WorkerConfig, WorkerGauges, WorkerParts, WorkerReport, run_worker};
