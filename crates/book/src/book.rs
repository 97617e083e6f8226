//! One instrument's book and the rules by which events change it.

use tickring_event::{ConnectionId, Flags, Gap, Level, Levels, MarketEvent, Payload};

use crate::ladder::Ladder;

/// The level-2 book of one instrument.
///
/// A depth message is a run of `Levels` events from `FIRST` to `LAST`. Between two messages the book
/// is what the venue says it is, if [`Book::is_valid`] says so; inside a message it is not valid.
///
/// - A run that starts with `SNAPSHOT` clears the book; at its end the book is valid.
/// - Any other run changes the levels it names, if the book was valid; otherwise it counts as stale.
/// - A run flagged `STALE` changes nothing and counts as stale.
/// - A run that comes over another connection than the one before, and is no snapshot, makes the book
///   invalid: two recordings of one instrument that nobody joined.
/// - A `Gap` that breaks the book makes it invalid until the next snapshot. So does a run that is
///   cut off, or one whose start is missing; no event makes it panic. (An event missing from the
///   middle of a run cannot be seen here: the ring publishes runs together, whole or not at all.)
///
/// Every message ends in exactly one of [`Book::applied`], [`Book::snapshots`], [`Book::stale`] and
/// [`Book::interrupted`]. Nothing allocates while a side has at most
/// [`LEVELS_CAPACITY`](crate::LEVELS_CAPACITY) levels.
#[derive(Debug)]
pub struct Book {
    bids: Ladder,
    asks: Ladder,
    /// The message being read, after its first event and before its last.
    run: Option<Run>,
    /// Whether a snapshot came and nothing has broken the book since.
    seeded: bool,
    connection: Option<ConnectionId>,
    last_sequence: u64,
    counts: Counts,
}

/// What one event did to a book.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Applied {
    /// Nothing: no event for a book.
    Ignored,
    /// More events of the same message must follow.
    Partial,
    /// The last event of a snapshot: the book is valid.
    Snapshot,
    /// The last event of a message that changed the book.
    Changed,
    /// The last event of a message that could not change the book.
    Skipped,
    /// A gap: the book is invalid.
    Broken,
}

impl Applied {
    /// Whether the book is valid and may differ from what it was.
    #[must_use]
    pub const fn is_change(self) -> bool {
        matches!(self, Self::Snapshot | Self::Changed)
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    applied: u64,
    snapshots: u64,
    stale: u64,
    interrupted: u64,
    gaps: u64,
    crossed: u64,
}

/// A message of which not every event was seen yet.
#[derive(Clone, Copy, Debug)]
struct Run {
    message: Message,
    mode: Mode,
}

/// What the events of one message have in common.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Message {
    sequence: u64,
    snapshot: bool,
    stale: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mode {
    /// Replaces the book.
    Snapshot,
    /// Changes the book.
    Delta,
    /// Must not change the book, or has none to change.
    Stale,
    /// Its first event never came; already counted as interrupted.
    Headless,
}

impl Book {
    /// An empty book that waits for its first snapshot. Allocates both sides.
    #[must_use]
    pub fn new() -> Self {
        Self {
            bids: Ladder::bids(),
            asks: Ladder::asks(),
            run: None,
            seeded: false,
            connection: None,
            last_sequence: 0,
            counts: Counts::default(),
        }
    }

    /// Takes one event of this instrument. Kinds other than `Levels` and `Gap` change nothing.
    ///
    /// The caller routes: the book does not look at [`MarketEvent::instrument`].
    pub fn apply(&mut self, event: &MarketEvent) -> Applied {
        match event.payload() {
            Payload::Levels(levels) => self.apply_levels(event, &levels),
            Payload::Gap(gap) => self.apply_gap(gap),
            Payload::Trade(_) | Payload::TopOfBook(_) | Payload::Bar(_) | Payload::Status(_) => {
                Applied::Ignored
            }
        }
    }

    /// Whether a snapshot seeded the book, nothing broke it since, and no message is half read.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        self.seeded && self.run.is_none()
    }

    /// The highest bid. Like the other readers it answers for an invalid book too, with what
    /// stood when it broke; while a snapshot is being read there are no levels.
    #[must_use]
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.best()
    }

    /// The lowest ask.
    #[must_use]
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.best()
    }

    /// The `count` highest bids, best first.
    pub fn bids(&self, count: usize) -> impl ExactSizeIterator<Item = Level> {
        self.bids.iter().take(count)
    }

    /// The `count` lowest asks, best first.
    pub fn asks(&self, count: usize) -> impl ExactSizeIterator<Item = Level> {
        self.asks.iter().take(count)
    }

    /// How many levels the bids and the asks have.
    #[must_use]
    pub fn levels(&self) -> (usize, usize) {
        (self.bids.len(), self.asks.len())
    }

    /// Whether the highest bid is at or above the lowest ask, which no matching venue leaves
    /// standing.
    #[must_use]
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            (None, _) | (_, None) => false,
        }
    }

    /// Messages that changed the book, snapshots not counted.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.counts.applied
    }

    /// Snapshots read to their end.
    #[must_use]
    pub const fn snapshots(&self) -> u64 {
        self.counts.snapshots
    }

    /// Messages that did not change the book: flagged `STALE`, or come while it was invalid.
    #[must_use]
    pub const fn stale(&self) -> u64 {
        self.counts.stale
    }

    /// Messages cut off before their last event or seen without their first.
    #[must_use]
    pub const fn interrupted(&self) -> u64 {
        self.counts.interrupted
    }

    /// Gaps that broke the book. Others, such as a missing trade, are no business of a book.
    #[must_use]
    pub const fn gaps(&self) -> u64 {
        self.counts.gaps
    }

    /// How often the book was crossed at the end of a message.
    #[must_use]
    pub const fn crossed(&self) -> u64 {
        self.counts.crossed
    }

    /// The venue's number of the last snapshot or applied message; 0 before the first.
    #[must_use]
    pub const fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// The connection its last depth event came over; stale ones of another do not count.
    #[must_use]
    pub const fn connection(&self) -> Option<ConnectionId> {
        self.connection
    }

    fn apply_levels(&mut self, event: &MarketEvent, levels: &Levels) -> Applied {
        self.follow(event);
        let run = self.enter(event);
        match run.mode {
            Mode::Snapshot => {
                levels.bids().iter().for_each(|&level| self.bids.load(level));
                levels.asks().iter().for_each(|&level| self.asks.load(level));
            }
            Mode::Delta => {
                levels.bids().iter().for_each(|&level| self.bids.set(level));
                levels.asks().iter().for_each(|&level| self.asks.set(level));
            }
            Mode::Stale | Mode::Headless => {}
        }
        if event.flags.contains(Flags::LAST) {
            self.finish(run)
        } else {
            self.run = Some(run);
            Applied::Partial
        }
    }

    /// A book follows one connection: a change that comes over another cannot continue it.
    fn follow(&mut self, event: &MarketEvent) {
        let is_other = self.connection.is_some_and(|own| own != event.connection);
        if is_other && event.flags.contains(Flags::STALE) {
            return;
        }
        if is_other && !event.flags.contains(Flags::SNAPSHOT) {
            self.invalidate();
        }
        self.connection = Some(event.connection);
    }

    /// The run this event belongs to: the open one, or one that it starts. Leaves none open.
    fn enter(&mut self, event: &MarketEvent) -> Run {
        let message = Message {
            sequence: event.venue_sequence,
            snapshot: event.flags.contains(Flags::SNAPSHOT),
            stale: event.flags.contains(Flags::STALE),
        };
        let is_first = event.flags.contains(Flags::FIRST);
        match self.run.take() {
            Some(run) if !is_first && run.message == message => return run,
            Some(run) => self.cut(run),
            None => {}
        }
        Run { message, mode: if is_first { self.start(message) } else { self.start_headless() } }
    }

    fn start(&mut self, message: Message) -> Mode {
        if message.stale {
            Mode::Stale
        } else if message.snapshot {
            self.seeded = false;
            self.bids.start_load();
            self.asks.start_load();
            Mode::Snapshot
        } else if self.seeded {
            Mode::Delta
        } else {
            Mode::Stale
        }
    }

    fn start_headless(&mut self) -> Mode {
        self.counts.interrupted += 1;
        self.seeded = false;
        Mode::Headless
    }

    /// Gives up a run whose last event did not come. What it changed so far cannot be trusted.
    fn cut(&mut self, run: Run) {
        self.counts.interrupted += u64::from(run.mode != Mode::Headless);
        self.invalidate();
    }

    fn finish(&mut self, run: Run) -> Applied {
        let applied = match run.mode {
            Mode::Snapshot => {
                self.bids.finish_load();
                self.asks.finish_load();
                self.seeded = true;
                self.counts.snapshots += 1;
                Applied::Snapshot
            }
            Mode::Delta => {
                self.counts.applied += 1;
                Applied::Changed
            }
            Mode::Stale => {
                self.counts.stale += 1;
                return Applied::Skipped;
            }
            Mode::Headless => return Applied::Skipped,
        };
        self.last_sequence = run.message.sequence;
        self.counts.crossed += u64::from(self.is_crossed());
        applied
    }

    fn apply_gap(&mut self, gap: Gap) -> Applied {
        if !gap.breaks_book {
            return Applied::Ignored;
        }
        self.counts.gaps += 1;
        self.invalidate();
        // What remains of a half-read message has no book to change.
        if let Some(run) = &mut self.run
            && run.mode != Mode::Headless
        {
            run.mode = Mode::Stale;
        }
        Applied::Broken
    }

    fn invalidate(&mut self) {
        self.seeded = false;
        self.bids.abandon_load();
        self.asks.abandon_load();
    }
}

impl Default for Book {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
