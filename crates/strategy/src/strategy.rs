//! What a strategy is.

use thiserror::Error;
use tickring_event::MarketEvent;

use crate::context::Context;

/// Decides what events mean. One instance runs on one thread and owns its state.
///
/// Each method may panic: the worker contains it and never calls the strategy again.
pub trait Strategy: Send {
    /// The name in reports.
    fn name(&self) -> &str;

    /// Takes the next event of the stream. It should not wait, print, lock, or allocate once every
    /// instrument was seen: while it runs, the ring fills.
    ///
    /// # Errors
    /// [`StrategyError::Transient`] asks to be given the same event again, up to a limit.
    /// [`StrategyError::Fatal`] takes the strategy out of the run. A strategy that signals before
    /// it fails signals again when it is retried.
    fn on_event(
        &mut self,
        event: &MarketEvent,
        context: &mut Context<'_>,
    ) -> Result<(), StrategyError>;

    /// Called once, after the last event, if the strategy is still in the run.
    fn on_end(&mut self, _context: &mut Context<'_>) {}

    /// Whether it wants every event or the latest state when it lags. Asked once, at the start.
    fn delivery(&self) -> Delivery {
        Delivery::Every
    }

    /// Hands its final figures to `visit`, for the report: named numbers, each with its unit at the
    /// end of its name. Asked once, after [`Strategy::on_end`].
    fn figures(&self, _visit: &mut dyn FnMut(&'static str, f64)) {}
}

/// What a strategy is given when it lags behind the publisher.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Delivery {
    /// Every event, however late.
    #[default]
    Every,
    /// While more than `lag_events` published events wait for it, only the newest `TopOfBook` of
    /// each instrument in a batch; the older ones count as conflated. All other kinds come as ever:
    /// a `TopOfBook` is a full state, the others are changes.
    Conflate {
        /// The lag, in events, above which conflation starts.
        lag_events: u64,
    },
}

/// Why a strategy could not handle an event.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum StrategyError {
    /// It may work a moment later: try the same event again.
    #[error("transient: {0}")]
    Transient(&'static str),
    /// It will not work again: take the strategy out of the run.
    #[error("fatal: {0}")]
    Fatal(&'static str),
}
