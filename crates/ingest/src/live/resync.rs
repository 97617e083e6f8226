//! Books that have to start over on one connection: each is asked for when the venue's limits allow it,
//! and again when it does not come.

use std::sync::{Arc, Mutex, PoisonError};

use tickring_event::InstrumentId;
use tickring_metrics::Clock;

use crate::live::governor::Governor;
use crate::venue::Fetch;

/// Time after which what was asked for and did not come is asked for again.
const PATIENCE_NS: u64 = 30_000_000_000;

/// What makes a book start over.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    /// Texts to send.
    Texts(Vec<String>),
    /// A snapshot to fetch.
    Fetch(Fetch),
}

/// Books that have to start over, at most one request for each.
#[derive(Clone, Debug)]
pub(crate) struct Resyncs {
    wanted: Vec<Wanted>,
    texts: Governor,
    /// Shared by all connections to the venue: HTTP is limited by address.
    fetches: Arc<Mutex<Governor>>,
    patience_ticks: u64,
}

#[derive(Clone, Debug)]
struct Wanted {
    /// [`InstrumentId::NONE`] for every book of the connection.
    instrument: InstrumentId,
    request: Request,
    /// When it is to be made: at once, or again.
    due_ticks: u64,
}

impl Resyncs {
    pub(crate) fn new(texts: Governor, fetches: Arc<Mutex<Governor>>, clock: &Clock) -> Self {
        let patience_ticks = clock.ns_to_ticks(PATIENCE_NS);
        Self { wanted: Vec::new(), texts, fetches, patience_ticks }
    }

    /// Nothing has to start over.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// A book has to start over. A request for it that was made, or waits, gives way to this one.
    pub(crate) fn want(&mut self, instrument: InstrumentId, request: Request) {
        self.wanted.retain(|it| it.instrument != instrument);
        self.wanted.push(Wanted { instrument, request, due_ticks: 0 });
    }

    /// A snapshot of this book came.
    pub(crate) fn came(&mut self, instrument: InstrumentId) {
        self.wanted.retain(|it| it.instrument != instrument && !it.instrument.is_none());
    }

    /// The next request whose turn has come.
    pub(crate) fn next(&mut self, now: u64) -> Option<Request> {
        for wanted in self.wanted.iter_mut().filter(|it| it.due_ticks <= now) {
            let is_ready = match &wanted.request {
                Request::Texts(_) => note_if_ready(&mut self.texts, now),
                Request::Fetch(_) => {
                    let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
                    note_if_ready(&mut fetches, now)
                }
            };
            if is_ready {
                wanted.due_ticks = now.saturating_add(self.patience_ticks);
                return Some(wanted.request.clone());
            }
        }
        None
    }
}

fn note_if_ready(governor: &mut Governor, now: u64) -> bool {
    let is_ready = governor.ready_ticks() <= now;
    if is_ready {
        governor.note(now);
    }
    is_ready
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::profile::Limit;

    const SECOND: u64 = 1_000_000_000;
    const A: InstrumentId = InstrumentId::new(0);
    const B: InstrumentId = InstrumentId::new(1);

    fn resyncs(count: u32) -> Resyncs {
        let clock = Clock::mock().0;
        let governor = Governor::new(Some(Limit { count, window_ms: 10_000 }), &clock);
        Resyncs::new(governor.clone(), Arc::new(Mutex::new(governor)), &clock)
    }

    fn texts(text: &str) -> Request {
        Request::Texts(vec![text.to_owned()])
    }

    fn said(resyncs: &mut Resyncs, now: u64) -> Option<String> {
        match resyncs.next(now)? {
            Request::Texts(texts) => texts.first().cloned(),
            Request::Fetch(fetch) => Some(fetch.symbol),
        }
    }

    #[test]
    fn the_newest_request_for_a_book_is_the_only_one() {
        let mut resyncs = resyncs(1);
        resyncs.want(A, texts("a1"));
        resyncs.want(A, texts("a2"));
        resyncs.want(B, texts("b"));
        assert_eq!(said(&mut resyncs, 1).as_deref(), Some("a2"));
        assert_eq!(said(&mut resyncs, 2), None, "the limit is reached");
        resyncs.want(B, texts("b2"));
        assert_eq!(said(&mut resyncs, 11 * SECOND).as_deref(), Some("b2"));
    }

    #[test]
    fn what_does_not_come_is_asked_for_again_and_what_came_is_not() {
        let mut resyncs = resyncs(9);
        resyncs.want(A, texts("a"));
        resyncs.want(B, texts("b"));
        assert_eq!(said(&mut resyncs, 1).as_deref(), Some("a"));
        assert_eq!(said(&mut resyncs, 1).as_deref(), Some("b"));
        assert_eq!(said(&mut resyncs, 29 * SECOND), None);
        resyncs.came(B);
        assert_eq!(said(&mut resyncs, 31 * SECOND).as_deref(), Some("a"));
        assert_eq!(said(&mut resyncs, 31 * SECOND), None);
        resyncs.came(A);
        assert!(resyncs.is_empty());
    }

    #[test]
    fn any_snapshot_answers_a_request_for_every_book() {
        let mut resyncs = resyncs(9);
        resyncs.want(InstrumentId::NONE, texts("all"));
        resyncs.came(B);
        assert!(resyncs.is_empty());
    }

    #[test]
    fn fetches_of_two_connections_share_one_limit() {
        let mut first = resyncs(1);
        let mut second = Resyncs { texts: first.texts.clone(), ..first.clone() };
        let fetch =
            || Request::Fetch(Fetch { instrument: A, symbol: "A".to_owned(), path: String::new() });
        first.want(A, fetch());
        second.want(A, fetch());
        assert_eq!(said(&mut first, 1).as_deref(), Some("A"));
        assert_eq!(said(&mut second, 1), None);
        assert_eq!(said(&mut second, 11 * SECOND).as_deref(), Some("A"));
    }
}
