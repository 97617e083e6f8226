//! Depth messages held back until a snapshot comes, where the venue does not push one.

use std::collections::VecDeque;

use tickring_event::{Flags, MarketEvent, Origin};
use tickring_metrics::Counter;

use crate::batch::EventBatch;

/// Depth events one instrument may hold back until a snapshot comes: 2 MiB. Past that the oldest
/// message leaves unapplied.
pub const HELD_EVENTS_MAX: usize = 16_384;

/// Messages of one instrument held back, oldest first, each with its numbers.
#[derive(Debug)]
pub(super) struct Held<I> {
    messages: VecDeque<HeldMessage<I>>,
    events: VecDeque<MarketEvent>,
}

#[derive(Clone, Copy, Debug)]
struct HeldMessage<I> {
    ids: I,
    /// How many of the held events are this message's.
    events: usize,
}

impl<I: Copy> Held<I> {
    /// Takes the events from `from` on out of the batch. [`Held::trim`] must follow.
    pub(super) fn push(&mut self, ids: I, from: usize, batch: &mut EventBatch) {
        let events = &batch.events()[from..];
        self.messages.push_back(HeldMessage { ids, events: events.len() });
        self.events.extend(events);
        batch.truncate(from);
        batch.count(Counter::HeldDepth, 1);
    }

    /// Lets the oldest messages go, unapplied, until the rest is within its limit.
    pub(super) fn trim(&mut self, batch: &mut EventBatch) {
        while self.events.len() > HELD_EVENTS_MAX {
            self.release_stale(batch);
        }
    }

    /// The numbers of the oldest message.
    pub(super) fn first(&self) -> Option<I> {
        self.messages.front().map(|message| message.ids)
    }

    /// Where the oldest message comes from.
    pub(super) fn origin(&self) -> Option<Origin> {
        self.events.front().map(MarketEvent::origin)
    }

    /// The numbers of every message.
    pub(super) fn ids(&self) -> impl Iterator<Item = I> + '_ {
        self.messages.iter().map(|message| message.ids)
    }

    /// Moves the oldest message to the batch.
    pub(super) fn release(&mut self, batch: &mut EventBatch) {
        self.release_with(Flags::NONE, batch);
    }

    /// As [`Held::release`], as one that must not change a book.
    pub(super) fn release_stale(&mut self, batch: &mut EventBatch) {
        self.release_with(Flags::STALE, batch);
        batch.count(Counter::StaleDepth, 1);
    }

    /// No snapshot will come for what is held.
    pub(super) fn give_up(&mut self, batch: &mut EventBatch) {
        while !self.messages.is_empty() {
            self.release_stale(batch);
        }
    }

    fn release_with(&mut self, flags: Flags, batch: &mut EventBatch) {
        let Some(message) = self.messages.pop_front() else { return };
        for mut event in self.events.drain(..message.events) {
            event.flags = event.flags.with(flags);
            batch.push(event);
        }
    }
}

impl<I> Default for Held<I> {
    fn default() -> Self {
        Self { messages: VecDeque::new(), events: VecDeque::new() }
    }
}
