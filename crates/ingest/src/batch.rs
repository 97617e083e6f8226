//! The events of one frame, collected before they are published together.

use tickring_event::{Flags, InstrumentId, Kind, LEVELS_MAX, Level, Levels, MarketEvent, Origin};
use tickring_metrics::{Counter, Counters};

use crate::venue::Command;

/// Events the batch has room for before it grows: a 1,000-level snapshot of both sides.
const EVENTS_CAPACITY: usize = 512;

/// The events of one frame, what its decoder counted, and what its venue wants done.
///
/// Reused from frame to frame; it allocates only for a frame larger than any before.
#[derive(Debug)]
pub struct EventBatch {
    events: Vec<MarketEvent>,
    counters: Counters,
    commands: Vec<Command>,
    remarks: Vec<&'static str>,
    /// Whose snapshots were read, with the number of events after each.
    snapshots: Vec<(usize, InstrumentId)>,
}

impl EventBatch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self {
            events: Vec::with_capacity(EVENTS_CAPACITY),
            counters: Counters::default(),
            commands: Vec::new(),
            remarks: Vec::new(),
            snapshots: Vec::new(),
        }
    }

    /// Adds an event.
    pub fn push(&mut self, event: MarketEvent) {
        self.events.push(event);
    }

    /// Makes room for a depth message of so many levels, so that a large one grows the batch once.
    pub fn reserve_levels(&mut self, levels: usize) {
        self.events.reserve(levels / LEVELS_MAX + 2);
    }

    /// Starts a depth message; [`DepthRun::finish`] ends it.
    ///
    /// `flags` are those of the whole message (`SNAPSHOT`, `STALE`); `FIRST` and `LAST` are set here.
    pub const fn depth(&mut self, origin: Origin, flags: Flags) -> DepthRun<'_> {
        DepthRun { batch: self, origin, flags, position: Flags::FIRST, open: Levels::EMPTY }
    }

    /// Counts something the decoder saw.
    pub fn count(&mut self, counter: Counter, amount: u64) {
        self.counters.add(counter, amount);
    }

    /// Asks for something to be done over the connection.
    pub fn command(&mut self, command: Command) {
        self.commands.push(command);
    }

    /// What was asked for since the last call, in order.
    pub fn take_commands(&mut self) -> impl Iterator<Item = Command> + '_ {
        self.commands.drain(..)
    }

    /// Counts something in the frame that its venue does not document, such as a new value of an
    /// enumeration, by a reason of one or two words. The first frame of each reason is kept as an
    /// example.
    pub fn remark(&mut self, reason: &'static str) {
        self.remarks.push(reason);
    }

    /// What was remarked since the last call.
    pub fn take_remarks(&mut self) -> impl Iterator<Item = &'static str> + '_ {
        self.remarks.drain(..)
    }

    /// Whose snapshots were read since the last call.
    pub(crate) fn take_snapshots(&mut self) -> impl Iterator<Item = InstrumentId> + '_ {
        self.snapshots.drain(..).map(|(_, instrument)| instrument)
    }

    /// What was counted since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The events so far.
    #[must_use]
    pub fn events(&self) -> &[MarketEvent] {
        &self.events
    }

    /// The events so far, for the publisher's stamps.
    pub fn events_mut(&mut self) -> &mut [MarketEvent] {
        &mut self.events
    }

    /// Tells the events from index `from` on the venue's time and number, which stand behind what they were
    /// read of.
    pub(crate) fn date(&mut self, from: usize, origin: &Origin) {
        for event in &mut self.events[from..] {
            event.venue_time_ns = origin.venue_time_ns;
            event.venue_sequence = origin.venue_sequence;
        }
    }

    /// Forgets the events from index `len` on: what a frame pushed before its decoder refused it.
    pub fn truncate(&mut self, len: usize) {
        self.events.truncate(len);
        self.snapshots.retain(|(end, _)| *end <= len);
    }

    /// Adds what another batch counted.
    pub(crate) fn merge_counters(&mut self, other: &Self) {
        self.counters.merge(&other.counters);
    }

    /// Puts the events of another batch before its own.
    pub(crate) fn put_before(&mut self, other: &Self) {
        self.events.splice(0..0, other.events.iter().copied());
    }

    /// Forgets the events that are not to stay.
    pub(crate) fn retain_events(&mut self, stays: impl FnMut(&MarketEvent) -> bool) {
        self.events.retain(stays);
    }

    /// Forgets the events whose kind is not to stay.
    pub fn retain(&mut self, stays: impl Fn(Kind) -> bool) {
        self.events.retain(|event| stays(event.kind()));
    }

    /// Forgets every event; counters stay.
    pub fn clear(&mut self) {
        self.events.clear();
        self.snapshots.clear();
    }

    /// How many events there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there is no event.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

impl Default for EventBatch {
    fn default() -> Self {
        Self::new()
    }
}

/// A depth message on its way into events of up to five levels.
///
/// A run that is dropped without [`DepthRun::finish`] leaves events without a `LAST`: its decoder
/// must then [`EventBatch::truncate`].
#[derive(Debug)]
pub struct DepthRun<'a> {
    batch: &'a mut EventBatch,
    origin: Origin,
    flags: Flags,
    position: Flags,
    open: Levels,
}

impl DepthRun<'_> {
    /// Adds a bid. All bids come before the first ask.
    #[inline(always)]
    pub fn bid(&mut self, level: Level) {
        if !self.open.push_bid(level) {
            self.flush();
            let fits = self.open.push_bid(level);
            debug_assert!(fits, "an empty event takes a level");
        }
    }

    /// Adds an ask.
    #[inline(always)]
    pub fn ask(&mut self, level: Level) {
        if !self.open.push_ask(level) {
            self.flush();
            let fits = self.open.push_ask(level);
            debug_assert!(fits, "an empty event takes a level");
        }
    }

    /// Ends the message. One without a level is one empty event, so that it is seen and counted.
    pub fn finish(mut self) {
        self.position = self.position.with(Flags::LAST);
        self.flush();
        if self.flags.contains(Flags::SNAPSHOT) {
            self.batch.snapshots.push((self.batch.events.len(), self.origin.instrument));
        }
    }

    #[inline(never)]
    fn flush(&mut self) {
        let flags = self.flags.with(self.position);
        self.batch.push(MarketEvent::levels(&self.origin, &self.open, flags));
        self.open = Levels::EMPTY;
        self.position = Flags::NONE;
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::{Payload, Price, Quantity};

    use super::*;

    fn level(at: i64) -> Level {
        Level { price: Price::from_mantissa(at), quantity: Quantity::from_mantissa(1) }
    }

    #[track_caller]
    fn check(bids: i64, asks: i64, expected: &[(usize, usize, Flags)]) {
        let mut batch = EventBatch::new();
        let mut run = batch.depth(Origin::default(), Flags::SNAPSHOT);
        (0..bids).for_each(|at| run.bid(level(-at)));
        (0..asks).for_each(|at| run.ask(level(at)));
        run.finish();
        let shapes: Vec<_> = batch
            .events()
            .iter()
            .map(|event| {
                let Payload::Levels(levels) = event.payload() else { panic!("{event:?}") };
                (levels.bids().len(), levels.asks().len(), event.flags)
            })
            .collect();
        let with_snapshot: Vec<_> = expected
            .iter()
            .map(|&(bids, asks, flags)| (bids, asks, flags.with(Flags::SNAPSHOT)))
            .collect();
        assert_eq!(shapes, with_snapshot);
    }

    #[test]
    fn a_message_is_a_run_of_full_events_from_first_to_last() {
        check(0, 0, &[(0, 0, Flags::WHOLE)]);
        check(2, 3, &[(2, 3, Flags::WHOLE)]);
        check(3, 3, &[(3, 2, Flags::FIRST), (0, 1, Flags::LAST)]);
        check(7, 0, &[(5, 0, Flags::FIRST), (2, 0, Flags::LAST)]);
        check(5, 6, &[(5, 0, Flags::FIRST), (0, 5, Flags::NONE), (0, 1, Flags::LAST)]);
    }
}
