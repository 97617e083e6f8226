//! Two connections to one venue as one stream: when one relieves the other, no event is lost and none
//! comes twice.
//!
//! One connection leads and is published. What comes over the other is decoded, its books are kept,
//! and what the leading one has not shown yet is withheld. When the other is settled and its books are
//! whole, the withheld events follow those of the leading one by the venue's own numbers, and it
//! leads. All of it follows from frames and connection changes in their order, so a replay of both
//! connections does the same.

use std::collections::VecDeque;

use tickring_book::{Book, Books};
use tickring_event::{
    ConnectionId, ConnectionState, Flags, Gap, GapReason, InstrumentId, Kind, MarketEvent, Payload,
    Status,
};

use crate::batch::{DepthRun, EventBatch};
use crate::frame::Stamp;
use crate::run::status_event;

/// Events withheld at most: far more than a second of the busiest venue. Beyond it the oldest goes, and
/// a takeover says so with a gap.
const WITHHELD_MAX: usize = 65_536;

/// Kinds that have numbers of their own: trades, tops, levels, bars.
const NUMBERED_KINDS: usize = 4;

/// The pairs of a run's connections.
#[derive(Debug, Default)]
pub(crate) struct Lanes {
    pairs: Vec<Pair>,
}

/// Two connections that relieve each other.
#[derive(Debug)]
struct Pair {
    connections: [ConnectionId; 2],
    /// Which one is published.
    lead: usize,
    /// It is open.
    is_open: bool,
    /// It has brought something of the market since.
    has_shown: bool,
    shown: Vec<Shown>,
    /// What was shown when the leading connection took over, until it has come so far itself.
    behind: Vec<Behind>,
    relief: Option<Relief>,
}

/// The numbers by instrument that a connection which took over while it was behind has to reach.
/// Each is let go of once it is reached: venues may start their numbers over.
type Behind = [Option<u64>; NUMBERED_KINDS];

/// How far the leading connection has shown an instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Shown {
    /// The highest number of each kind.
    numbers: [u64; NUMBERED_KINDS],
    /// The number up to which its book is whole; `None` while it is not.
    book: Option<u64>,
    /// The venue's time of that, in ns.
    book_time_ns: u64,
}

/// The connection that is to take over.
#[derive(Debug, Default)]
struct Relief {
    books: Books,
    /// By instrument: what its book began with, and how far it has come.
    books_seen: Vec<Seen>,
    /// How far each book was shown when this connection was opened.
    shown_before: Vec<Option<u64>>,
    withheld: VecDeque<MarketEvent>,
    /// By instrument: events that were let go of without the leading connection having shown them.
    lost: Vec<u64>,
    is_subscribed: bool,
    is_settled: bool,
    attempt: u32,
}

/// The book of one instrument on the connection that is to take over.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The number of the snapshot that it began with.
    seed: Option<u64>,
    /// The venue's time of its last message, in ns.
    time_ns: u64,
}

impl Lanes {
    pub(crate) fn new(pairs: &[[ConnectionId; 2]]) -> Self {
        let pair = |&connections: &[ConnectionId; 2]| Pair {
            connections,
            lead: 0,
            is_open: false,
            has_shown: false,
            shown: Vec::new(),
            behind: Vec::new(),
            relief: None,
        };
        Self { pairs: pairs.iter().map(pair).collect() }
    }

    /// Turns what a frame or a change of `stamp.connection` brought into what is published. Returns
    /// the connection that has been relieved, if one was.
    #[inline]
    pub(crate) fn pass(&mut self, stamp: Stamp, batch: &mut EventBatch) -> Option<ConnectionId> {
        if self.pairs.is_empty() {
            return None;
        }
        let of = |pair: &&mut Pair| pair.connections.contains(&stamp.connection);
        self.pairs.iter_mut().find(of)?.pass(stamp, batch)
    }

    /// A recording misses frames, and nobody knows of which connection: `event` says so.
    pub(crate) fn hole(&mut self, event: &MarketEvent) {
        for pair in &mut self.pairs {
            note_shown(&mut pair.shown, event);
            if let Some(relief) = &mut pair.relief {
                relief.books.apply(event);
            }
        }
    }

    /// Before a change of `stamp.connection` reaches its venue: where that was the leading connection's
    /// end and the other can take over at once, it does, and nothing was lost.
    pub(crate) fn foresee(
        &mut self,
        stamp: Stamp,
        status: Status,
        batch: &mut EventBatch,
    ) -> Option<ConnectionId> {
        let of = |pair: &&mut Pair| pair.connections.contains(&stamp.connection);
        let pair = self.pairs.iter_mut().find(of)?;
        let is_end = status.state == ConnectionState::Disconnected;
        let is_lead = pair.connections[pair.lead] == stamp.connection;
        if is_end && is_lead && pair.is_ready() { pair.hand_over(stamp, batch) } else { None }
    }
}

impl Pair {
    fn pass(&mut self, stamp: Stamp, batch: &mut EventBatch) -> Option<ConnectionId> {
        if self.connections[self.lead] != stamp.connection {
            self.meet(batch);
        }
        if self.connections[self.lead] == stamp.connection {
            self.show(batch);
        } else {
            self.withhold(batch);
        }
        if !self.is_open && self.relief.is_none() {
            // Nothing is left to be told apart: what comes next may be older, in a replay over again.
            self.shown.clear();
            self.behind.clear();
        }
        // What cannot be handed over whole is handed over as it is, after the gaps that say so.
        let must = !self.is_open && self.relief.as_ref().is_some_and(|it| it.is_subscribed);
        if must || self.is_ready() { self.hand_over(stamp, batch) } else { None }
    }

    /// Where the other connection brings something and nobody saw it open, as in a recording that is
    /// not played from its start: it leads if the first one has brought nothing, and relieves it if not.
    fn meet(&mut self, batch: &EventBatch) {
        let is_met = batch.events().iter().any(|it| number_of(it).is_some());
        if !is_met || self.relief.is_some() {
            return;
        }
        if self.has_shown {
            let shown_before = self.shown.iter().map(|it| it.book).collect();
            let (is_subscribed, attempt) = (true, 1);
            let relief = Relief { attempt, is_subscribed, shown_before, ..Relief::default() };
            self.relief = Some(relief);
        } else {
            self.lead = 1 - self.lead;
        }
    }

    /// Notes what the leading connection shows. Both connections are one to strategies.
    fn show(&mut self, batch: &mut EventBatch) {
        if !self.behind.is_empty() {
            self.catch_up(batch);
        }
        for event in batch.events_mut() {
            event.connection = self.connections[0];
            match event.payload() {
                Payload::Status(Status { state: ConnectionState::Connected, .. }) => {
                    self.is_open = true;
                }
                Payload::Status(Status { state: ConnectionState::Disconnected, .. }) => {
                    (self.is_open, self.has_shown) = (false, false);
                }
                Payload::Status(_) | Payload::Gap(_) => {}
                _ => (self.is_open, self.has_shown) = (true, true),
            }
            note_shown(&mut self.shown, event);
        }
    }

    /// Takes out of the batch what was shown before the leading connection took over.
    #[cold]
    fn catch_up(&mut self, batch: &mut EventBatch) {
        let behind = &mut self.behind;
        batch.retain_events(|event| {
            let limits = behind.get_mut(event.instrument.index());
            let Some((limits, (kind, number))) = limits.zip(number_of(event)) else { return true };
            let starts_over = event.flags.contains(Flags::SNAPSHOT);
            let is_new = limits[kind].is_none_or(|limit| number > limit) || starts_over;
            if is_new {
                limits[kind] = None;
            }
            is_new || number == 0
        });
        let is_over = batch.events().iter().any(|it| is_state(it, ConnectionState::Disconnected));
        if is_over || self.behind.iter().all(|limits| limits.iter().all(Option::is_none)) {
            self.behind.clear();
        }
    }

    /// Takes everything out of the batch: it is the other connection's.
    fn withhold(&mut self, batch: &mut EventBatch) {
        for event in batch.events() {
            if let Payload::Status(Status { state, attempt, .. }) = event.payload() {
                self.change(state, attempt);
            } else if let Some(relief) = &mut self.relief {
                relief.take(event);
                relief.forget(&self.shown);
            }
        }
        batch.clear();
    }

    fn change(&mut self, state: ConnectionState, attempt: u32) {
        match state {
            ConnectionState::Connecting => {
                let shown_before = self.shown.iter().map(|it| it.book).collect();
                self.relief = Some(Relief { attempt, shown_before, ..Relief::default() });
            }
            ConnectionState::Disconnected => self.relief = None,
            ConnectionState::Settled => {
                if let Some(relief) = &mut self.relief {
                    relief.is_settled = true;
                }
            }
            ConnectionState::Subscribed => {
                if let Some(relief) = &mut self.relief {
                    relief.is_subscribed = true;
                }
            }
            ConnectionState::Connected | ConnectionState::Stale => {}
        }
    }

    /// Whether the other connection is settled, and every book that is whole on the leading one is
    /// whole on it too, from before where the leading one stands.
    fn is_ready(&self) -> bool {
        let Some(relief) = self.relief.as_ref().filter(|it| it.is_settled) else { return false };
        (0_u32..).map(InstrumentId::new).zip(&self.shown).all(|(id, shown)| {
            shown.book.is_none_or(|last| {
                let is_whole = relief.books.book(id).is_some_and(Book::is_valid);
                is_whole && relief.relation(id, shown) != Relation::Ahead
                    || relief.is_quiet(id, last)
            })
        })
    }

    /// The other connection leads from here on: what it has more than the first one follows.
    fn hand_over(&mut self, stamp: Stamp, batch: &mut EventBatch) -> Option<ConnectionId> {
        let relief = self.relief.take()?;
        let relieved = self.connections[self.lead];
        self.lead = 1 - self.lead;
        (self.is_open, self.has_shown) = (true, true);
        let stamp = Stamp { connection: self.connections[0], ..stamp };
        for (id, &missing) in (0_u32..).map(InstrumentId::new).zip(&relief.lost) {
            if missing == 0 {
                continue;
            }
            let reason = GapReason::Dropped;
            let gap = Gap { reason, expected: 0, received: 0, missing, breaks_book: true };
            let event = MarketEvent::gap(&stamp.origin(id), gap);
            note_shown(&mut self.shown, &event);
            batch.push(event);
        }
        for (id, book) in relief.books.iter().filter(|(_, book)| book.is_valid()) {
            let shown = at(&mut self.shown, id);
            if relief.relation(id, shown) != Relation::Continues {
                push_book(book, stamp, id, batch);
                shown.book = Some(book.last_sequence());
            }
        }
        let shown_before = self.shown.clone();
        let Relief { books, withheld, attempt, .. } = relief;
        for mut event in withheld {
            let before = shown_before.get(event.instrument.index());
            let is_shown = before.is_some_and(|it| it.has(&event));
            if !is_shown {
                event.connection = self.connections[0];
                event.arrival_ticks = stamp.arrival_ticks;
                note_shown(&mut self.shown, &event);
                batch.push(event);
            }
        }
        self.behind = self.shown.iter().map(Shown::limits).collect();
        for (id, book) in books.iter() {
            // A book that has come as far has nothing to catch up with.
            let shown = self.shown.get(id.index()).and_then(|it| it.book);
            if let Some(limits) = self.behind.get_mut(id.index())
                && shown.is_none_or(|last| book.last_sequence() >= last)
            {
                limits[Kind::Levels as usize] = None;
            }
        }
        let state = ConnectionState::Subscribed;
        batch.push(status_event(stamp, Status { state, attempt, code: 0 }));
        Some(relieved)
    }
}

impl Shown {
    /// The numbers after which everything is new.
    fn limits(&self) -> Behind {
        let mut numbers = self.numbers.map(|number| (number != 0).then_some(number));
        numbers[Kind::Levels as usize] = self.book;
        numbers
    }

    /// Whether the leading connection has shown this event, or a book that includes it.
    fn has(&self, event: &MarketEvent) -> bool {
        match number_of(event) {
            Some((kind, number)) if kind == Kind::Levels as usize => {
                self.book.is_some_and(|last| number <= last || last == 0)
            }
            // Nothing tells it from another.
            Some((_, 0)) => false,
            Some((kind, number)) => number <= self.numbers[kind],
            None => true,
        }
    }
}

impl Relief {
    fn take(&mut self, event: &MarketEvent) {
        self.books.apply(event);
        if event.kind() == Kind::Levels && event.flags.contains(Flags::LAST) {
            self.note_book(event);
        }
        // Snapshots tell nothing new, but of books; those are kept.
        if number_of(event).is_some() && !is_any(event, &[Flags::SNAPSHOT, Flags::STALE]) {
            self.withheld.push_back(*event);
        }
        if self.withheld.len() > WITHHELD_MAX
            && let Some(event) = self.withheld.pop_front()
        {
            *at(&mut self.lost, event.instrument) += 1;
        }
    }

    /// Lets go of what the leading connection has shown meanwhile.
    fn forget(&mut self, shown: &[Shown]) {
        while let Some(event) = self.withheld.front() {
            let shown = shown.get(event.instrument.index());
            if !shown.is_some_and(|it| it.has(event)) {
                return;
            }
            self.withheld.pop_front();
        }
    }

    fn note_book(&mut self, event: &MarketEvent) {
        let seen = at(&mut self.books_seen, event.instrument);
        if is_any(event, &[Flags::STALE]) {
            return;
        }
        if event.flags.contains(Flags::SNAPSHOT) {
            seen.seed = Some(event.venue_sequence);
        }
        seen.time_ns = event.venue_time_ns;
    }

    /// How its book of an instrument stands to what the leading connection has shown.
    fn relation(&self, id: InstrumentId, shown: &Shown) -> Relation {
        let seen = self.books_seen.get(id.index()).copied().unwrap_or_default();
        let last = self.books.book(id).map_or(0, Book::last_sequence);
        match (shown.book, seen.seed) {
            // Books without numbers cannot be told apart.
            (_, _) if last == 0 => Relation::Anew,
            (Some(shown_last), Some(_))
                if last < shown_last && seen.time_ns > shown.book_time_ns =>
            {
                Relation::Anew
            }
            (Some(shown_last), Some(seed)) if seed <= shown_last => Relation::Continues,
            (Some(_), Some(_)) => Relation::Ahead,
            _ => Relation::Anew,
        }
    }

    /// Whether neither connection has brought anything of a book since this one was opened: then what
    /// was shown stands.
    fn is_quiet(&self, id: InstrumentId, last: u64) -> bool {
        let before = self.shown_before.get(id.index()).copied().flatten();
        self.books.book(id).is_none() && before == Some(last)
    }
}

/// How one connection's book stands to the other's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Relation {
    /// It holds everything after what was shown.
    Continues,
    /// It began after what was shown: what lies between has to come over the other first.
    Ahead,
    /// It has nothing to do with it: the numbering began anew, or nothing was shown.
    Anew,
}

/// The number by which the same event is known on both connections: the venue's, or its time.
fn number_of(event: &MarketEvent) -> Option<(usize, u64)> {
    let kind = match event.kind() {
        kind @ (Kind::Trade | Kind::TopOfBook | Kind::Levels | Kind::Bar) => kind as usize,
        Kind::Gap | Kind::Status => return None,
    };
    // Bars come many times with one number of the venue, or with none.
    let has_number = event.venue_sequence != 0 && event.kind() != Kind::Bar;
    Some((kind, if has_number { event.venue_sequence } else { event.venue_time_ns }))
}

fn note_shown(shown: &mut Vec<Shown>, event: &MarketEvent) {
    if event.instrument.is_none() {
        if let Payload::Gap(gap) = event.payload()
            && gap.breaks_book
        {
            shown.iter_mut().for_each(|it| it.book = None);
        }
        return;
    }
    let shown = at(shown, event.instrument);
    if let Some((kind, number)) = number_of(event) {
        shown.numbers[kind] = shown.numbers[kind].max(number);
    }
    match event.payload() {
        Payload::Gap(gap) if gap.breaks_book => shown.book = None,
        Payload::Levels(_)
            if event.flags.contains(Flags::LAST) && !is_any(event, &[Flags::STALE]) =>
        {
            let is_book = shown.book.is_some() || event.flags.contains(Flags::SNAPSHOT);
            shown.book = is_book.then_some(event.venue_sequence);
            shown.book_time_ns = event.venue_time_ns;
        }
        _ => {}
    }
}

/// The entry of an instrument.
fn at<T: Clone + Default>(entries: &mut Vec<T>, id: InstrumentId) -> &mut T {
    let index = id.index();
    if index >= entries.len() {
        entries.resize(index + 1, T::default());
    }
    &mut entries[index]
}

/// The whole book as a snapshot.
fn push_book(book: &Book, stamp: Stamp, id: InstrumentId, batch: &mut EventBatch) {
    let mut origin = stamp.origin(id);
    origin.venue_sequence = book.last_sequence();
    let (bids, asks) = book.levels();
    let mut run = batch.depth(origin, Flags::SNAPSHOT);
    book.bids(bids).for_each(|level| DepthRun::bid(&mut run, level));
    book.asks(asks).for_each(|level| DepthRun::ask(&mut run, level));
    run.finish();
}

fn is_any(event: &MarketEvent, flags: &[Flags]) -> bool {
    flags.iter().any(|&flag| event.flags.contains(flag))
}

fn is_state(event: &MarketEvent, state: ConnectionState) -> bool {
    matches!(event.payload(), Payload::Status(status) if status.state == state)
}

#[cfg(test)]
mod tests;
