use std::fmt;
use std::mem::ManuallyDrop;
use std::num::NonZeroUsize;
use std::sync::Arc;

use disruptor::Polling;
use thiserror::Error;

use crate::abandoned::Abandoned;
use crate::gauges::{Gauges, PollerGauges};
use crate::ring::Place;

/// One reader of a ring, which sees every event in order.
///
/// A poller gates the publisher: what it has not read keeps its slots. Dropping it takes it out of
/// the ring; what it had yet to read is discarded by the publisher and counted as
/// [`abandoned`](Gauges::abandoned). (A poller that is leaked instead of dropped gates for ever.)
///
/// Reading is only possible inside [`poll`](Self::poll), so no event can be kept by reference
/// after its slot came free:
///
/// ```compile_fail,E0521
/// # use std::num::NonZeroUsize;
/// # let capacity = tickring_ring::Capacity::new(2).unwrap();
/// # let (publisher, mut pollers) = tickring_ring::ring::<u64>(capacity, 1);
/// let mut kept: Vec<&u64> = Vec::new();
/// let _ = pollers[0].poll(NonZeroUsize::MIN, |event, _, _| kept.push(event));
/// ```
pub struct Poller<E> {
    index: usize,
    /// The next event to read.
    sequence: u64,
    /// `None` only while the poller is dropped.
    place: Option<Place<E>>,
    gauges: Arc<Gauges>,
    abandoned: Arc<Abandoned<E>>,
}

impl<E> Poller<E> {
    pub(crate) fn new(
        index: usize,
        place: Place<E>,
        gauges: Arc<Gauges>,
        abandoned: Arc<Abandoned<E>>,
    ) -> Self {
        Self { index, sequence: 0, place: Some(place), gauges, abandoned }
    }

    /// Which of the ring's pollers this is, from 0.
    #[must_use]
    pub const fn index(&self) -> usize {
        self.index
    }

    /// The sequence of the next event that this poller reads.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// How many published events this poller has yet to read.
    #[must_use]
    pub fn lag(&self) -> u64 {
        self.gauges.published().saturating_sub(self.sequence)
    }

    /// Hands the next events, at most `limit`, to `handle(event, sequence, end_of_batch)` and
    /// returns how many there were, at least one. Never waits.
    ///
    /// The slots come free together when the batch ends, so a smaller `limit` frees them sooner.
    /// When `handle` panics, the events up to and including that one count as read and the next
    /// poll goes on with the one after it.
    ///
    /// # Errors
    /// [`PollError::Empty`] when there is nothing to read yet, [`PollError::Shutdown`] when the
    /// publisher has ended and everything was read. Neither calls `handle`.
    #[inline]
    pub fn poll(
        &mut self,
        limit: NonZeroUsize,
        handle: impl FnMut(&E, u64, bool),
    ) -> Result<usize, PollError> {
        let Some(place) = &mut self.place else { return Err(PollError::Shutdown) };
        let gauges = self.gauges.poller(self.index);
        Batch { place, gauges, sequence: &mut self.sequence, count: 0 }.read(limit, handle)
    }
}

impl<E> Drop for Poller<E> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.abandoned.leave(self.index, place);
        }
    }
}

impl<E> fmt::Debug for Poller<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Poller")
            .field("index", &self.index)
            .field("sequence", &self.sequence)
            .finish_non_exhaustive()
    }
}

/// Why a poll handed out no event.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PollError {
    /// Nothing to read yet: wait a little and poll again.
    #[error("no events yet")]
    Empty,
    /// The publisher has ended and everything was read: stop polling.
    #[error("the publisher has ended and every event was read")]
    Shutdown,
}

impl From<Polling> for PollError {
    fn from(polling: Polling) -> Self {
        match polling {
            Polling::NoEvents => Self::Empty,
            Polling::Shutdown => Self::Shutdown,
        }
    }
}

/// A batch while it is read.
///
/// The crate's own guard marks the whole batch as read when it is dropped, and a panic in the
/// reader drops it too. So that guard is dropped by hand, after the last event, and an unwinding
/// reader ends in the `drop` of this one, which frees what was read and no more.
struct Batch<'p, E> {
    place: &'p mut Place<E>,
    gauges: &'p PollerGauges,
    /// The poller's: the first event of the batch until the batch ends, then the one after it.
    sequence: &'p mut u64,
    /// How many events were handed out, the present one included; 0 when the batch has ended.
    count: u64,
}

impl<E> Batch<'_, E> {
    #[inline]
    fn read(
        mut self,
        limit: NonZeroUsize,
        mut handle: impl FnMut(&E, u64, bool),
    ) -> Result<usize, PollError> {
        let mut events = ManuallyDrop::new(self.place.take(u64::MAX)?);
        let all = &mut *events;
        let lag = all.len();
        self.gauges.note_lag(lag as u64);
        if lag > limit.get() {
            // The guard of all of them marks nothing as read, as it is never dropped.
            events = ManuallyDrop::new(self.place.take(limit.get() as u64)?);
        }
        let first = *self.sequence;
        let unread = &mut *events;
        let size = unread.len();
        let count = size as u64;
        for event in unread {
            let sequence = first + self.count;
            self.count += 1;
            handle(event, sequence, self.count == count);
        }
        self.count = 0;
        *self.sequence = first + count;
        // Before the slots come free: a publisher that sees them free sees this too, so its
        // depth never passes the capacity.
        self.gauges.position.set(first + count);
        drop(ManuallyDrop::into_inner(events));
        Ok(size)
    }
}

impl<E> Drop for Batch<'_, E> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.end_early();
        }
    }
}

impl<E> Batch<'_, E> {
    #[cold]
    fn end_early(&mut self) {
        *self.sequence += self.count;
        self.gauges.position.set(*self.sequence);
        // Takes the events that were read once more, and frees their slots by dropping them.
        drop(self.place.take(self.count));
    }
}

#[cfg(test)]
mod tests;
