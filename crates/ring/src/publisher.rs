use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use disruptor::{MissingFreeSlots, MultiConsumerBarrier, Producer as _, SingleProducer};
use thiserror::Error;

use crate::abandoned::{Abandoned, Discarder};
use crate::capacity::Capacity;
use crate::gauges::Gauges;
use crate::on_full::OnFull;

/// The one writer of a ring.
///
/// Events are copied in from slices, so no reference to a slot ever leaves the ring. Dropping the
/// publisher ends the stream like [`close`](Self::close), without waiting: the pollers read what
/// is left and then get [`PollError::Shutdown`](crate::PollError::Shutdown).
pub struct Publisher<E> {
    producer: SingleProducer<E, MultiConsumerBarrier>,
    capacity: Capacity,
    published: u64,
    /// The slowest poller's position when last looked at. Positions only grow, so
    /// `published - slowest_position` is never below the true depth.
    slowest_position: u64,
    depth_max: u64,
    /// By how much the depth may pass `depth_max` unseen: 0 in small rings.
    depth_step: u64,
    discarder: Discarder<E>,
    gauges: Arc<Gauges>,
}

impl<E: Copy> Publisher<E> {
    pub(crate) fn new(
        producer: SingleProducer<E, MultiConsumerBarrier>,
        gauges: Arc<Gauges>,
        abandoned: Arc<Abandoned<E>>,
    ) -> Self {
        Self {
            producer,
            capacity: gauges.capacity(),
            published: 0,
            slowest_position: 0,
            depth_max: 0,
            depth_step: (gauges.capacity().slots() / Gauges::DEPTH_PARTS) as u64,
            discarder: Discarder::new(abandoned, Arc::clone(&gauges)),
            gauges,
        }
    }

    /// How many slots the ring has.
    #[must_use]
    pub const fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// The sequence that the next event will get, from 0.
    #[must_use]
    pub const fn next_sequence(&self) -> u64 {
        self.published
    }

    /// The ring's figures, for any thread to read.
    #[must_use]
    pub fn gauges(&self) -> Arc<Gauges> {
        Arc::clone(&self.gauges)
    }

    /// Publishes all of `events`, in order and at once, or none of them. Never waits.
    ///
    /// # Errors
    /// [`Full`] when there are fewer free slots than events, so always when the slice is longer
    /// than the ring. Nothing was published then.
    #[inline]
    pub fn try_publish(&mut self, events: &[E]) -> Result<(), Full> {
        match self.offer(events) {
            Ok(()) => {
                // Keeps dropped pollers out of the depth.
                self.discarder.discard();
                self.note_depth();
                Ok(())
            }
            Err(full) => self.offer_again(events, full),
        }
    }

    /// Publishes `events` in order; `on_full` says what happens when the ring is full.
    ///
    /// A slice that fits the ring goes in whole: the pollers see all of it or none of it. A slice
    /// longer than the ring goes in parts, each as long as there are free slots, until the rest
    /// fits. With [`OnFull::Block`] this waits for slots by calling `stall`, and the wait is
    /// counted in the gauges as one stall; the other policies do not wait. The clock is read only
    /// once the ring was found full.
    ///
    /// # Errors
    /// The error counts the events at the end of the slice that were not published:
    /// [`PublishError::Dropped`] under [`OnFull::Drop`], [`PublishError::Full`] under
    /// [`OnFull::Fail`], [`PublishError::Interrupted`] when `stall` gave up under
    /// [`OnFull::Block`].
    #[inline]
    pub fn publish(
        &mut self,
        events: &[E],
        on_full: OnFull,
        stall: &mut (impl Stall + ?Sized),
    ) -> Result<(), PublishError> {
        match self.try_publish(events) {
            Ok(()) => Ok(()),
            Err(Full { .. }) => self.publish_to_full(events, on_full, stall),
        }
    }

    /// Ends the stream, then waits, by calling `stall`, until every poller has read everything or
    /// `stall` gives up. Says what each poller had left; the pollers may go on reading it.
    pub fn close(self, stall: &mut (impl Stall + ?Sized)) -> Drained {
        let Self { producer, published, mut discarder, gauges, .. } = self;
        drop(producer);
        loop {
            discarder.discard();
            let drained = gauges.slowest_position() == published;
            if drained || stall.wait().is_break() {
                break;
            }
        }
        let pollers = 0..gauges.pollers();
        Drained {
            left: pollers.clone().map(|poller| gauges.lag(poller)).collect(),
            abandoned: pollers.map(|poller| gauges.abandoned(poller)).collect(),
        }
    }

    /// One attempt. The closure given to the crate below cannot panic and touches each slot once.
    #[inline]
    fn offer(&mut self, events: &[E]) -> Result<(), Full> {
        let asked = events.len();
        if asked == 0 {
            return Ok(());
        }
        // The crate takes any number: one above the capacity it would never satisfy, and one
        // above `i64::MAX` would move its cursor back.
        if asked > self.capacity.slots() {
            return Err(Full { free: self.free_slots() });
        }
        let copied = self.producer.try_batch_publish(asked, |slots| {
            for (slot, event) in slots.zip(events) {
                *slot = *event;
            }
        });
        match copied {
            Ok(_) => {
                self.published += asked as u64;
                self.gauges.publisher().published.set(self.published);
                Ok(())
            }
            Err(missing) => Err(Full { free: free_slots(asked, &missing) }),
        }
    }

    /// After an attempt that found the ring full: it may have been so for dropped pollers only.
    #[cold]
    fn offer_again(&mut self, events: &[E], mut full: Full) -> Result<(), Full> {
        if self.discarder.discard() {
            match self.offer(events) {
                Ok(()) => {
                    self.note_depth();
                    return Ok(());
                }
                Err(again) => full = again,
            }
        }
        self.raise_depth_max((self.capacity.slots() - full.free) as u64);
        Err(full)
    }

    #[cold]
    fn publish_to_full(
        &mut self,
        events: &[E],
        on_full: OnFull,
        stall: &mut (impl Stall + ?Sized),
    ) -> Result<(), PublishError> {
        let start_ticks = stall.ticks();
        let rest = self.publish_part(events);
        let left = rest.len();
        if left == 0 {
            return Ok(());
        }
        match on_full {
            OnFull::Block => self.publish_stalled(rest, start_ticks, stall),
            OnFull::Drop => {
                self.gauges.publisher().dropped.add(left as u64);
                Err(PublishError::Dropped { count: left })
            }
            OnFull::Fail => Err(PublishError::Full { left }),
        }
    }

    /// Waits for free slots until all of `rest` is published or `stall` gives up.
    fn publish_stalled(
        &mut self,
        mut rest: &[E],
        start_ticks: u64,
        stall: &mut (impl Stall + ?Sized),
    ) -> Result<(), PublishError> {
        let gauges = Arc::clone(&self.gauges);
        let gauges = gauges.publisher();
        let ticks_before = gauges.stall_ticks.value();
        gauges.stalls.add(1);
        // 0 says that there is no wait.
        gauges.stalled_since.set(start_ticks.max(1));
        let outcome = loop {
            if stall.wait().is_break() {
                break Err(PublishError::Interrupted { left: rest.len() });
            }
            rest = self.publish_part(rest);
            // Also while the wait lasts, so that a monitor sees it grow.
            gauges.stall_ticks.set(ticks_before + stall.ticks().saturating_sub(start_ticks));
            if rest.is_empty() {
                break Ok(());
            }
        };
        gauges.stall_ticks.set(ticks_before + stall.ticks().saturating_sub(start_ticks));
        gauges.stalled_since.set(0);
        outcome
    }

    /// Publishes what there is room for now and returns the rest: a slice that fits the ring
    /// goes whole or not at all.
    fn publish_part<'e>(&mut self, events: &'e [E]) -> &'e [E] {
        match self.try_publish(events) {
            Ok(()) => &[],
            Err(Full { free }) if events.len() > self.capacity.slots() => {
                let (part, rest) = events.split_at(free);
                self.try_publish(part).expect("free slots stay free: no one else takes them");
                rest
            }
            Err(Full { .. }) => events,
        }
    }

    /// How many slots are free, from the crate's own cursors.
    #[cold]
    fn free_slots(&mut self) -> usize {
        // More than there are: never granted, and the refusal says how many are missing.
        let asked = self.capacity.slots() + 1;
        match self.producer.try_batch_publish(asked, |_| {}) {
            Ok(_) => unreachable!("a ring has no more free slots than slots"),
            Err(missing) => free_slots(asked, &missing),
        }
    }

    /// Looks at the pollers only when the depth may have passed its maximum by a step, which leaves
    /// their cache lines alone for a step's worth of events, and for good once the ring was full.
    /// What happens within a step the pollers note themselves.
    #[inline]
    fn note_depth(&mut self) {
        if self.published - self.slowest_position > self.depth_max + self.depth_step {
            self.slowest_position = self.gauges.slowest_position();
            self.raise_depth_max(self.published - self.slowest_position);
        }
    }

    fn raise_depth_max(&mut self, depth: u64) {
        if depth > self.depth_max {
            self.depth_max = depth;
            self.gauges.publisher().depth_max.set(depth);
        }
    }
}

impl<E> fmt::Debug for Publisher<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Publisher")
            .field("capacity", &self.capacity)
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}

/// The caller's side of the publisher's waiting: its clock, and what it does meanwhile.
///
/// The ring reads no clock, and knows neither the keep-alives that are due nor the signals that
/// end a run.
pub trait Stall {
    /// The time now, in ticks that do not go back.
    fn ticks(&mut self) -> u64;

    /// Called over and over while the publisher waits: does what cannot be left undone, waits a
    /// little, by its own wait strategy, and returns. `Break` gives up.
    fn wait(&mut self) -> ControlFlow<()>;
}

/// The ring has fewer free slots than the slice has events; nothing was published.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("ring is full: {free} slots are free")]
pub struct Full {
    /// How many slots are free. At least as many stay so until the next publish.
    pub free: usize,
}

/// How a publish ended that left events unpublished. The numbers count events at the end of the
/// slice.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum PublishError {
    /// The ring was full and the policy drops: tell the pollers of the gap and go on.
    #[error("ring is full: {count} events dropped")]
    Dropped {
        /// How many events were dropped; the gauges count them too.
        count: usize,
    },
    /// The ring was full and the policy fails: end the run.
    #[error("ring is full: {left} events have no room")]
    Full {
        /// How many events were not published.
        left: usize,
    },
    /// The wait for free slots was given up: end the run, or publish the rest again.
    #[error("wait for a full ring was given up: {left} events have no room")]
    Interrupted {
        /// How many events were not published.
        left: usize,
    },
}

/// What a closed ring had left.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Drained {
    /// Published events that each poller had yet to read.
    pub left: Vec<u64>,
    /// Published events that each poller will never read because it was dropped.
    pub abandoned: Vec<u64>,
}

impl Drained {
    /// Every poller has read everything, or was dropped.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.left.iter().all(|left| *left == 0)
    }
}

/// How many slots are free when `missing` more are needed for `asked`.
fn free_slots(asked: usize, missing: &MissingFreeSlots) -> usize {
    let missing = usize::try_from(missing.0).expect("less than was asked for");
    asked - missing
}

#[cfg(test)]
mod tests;
