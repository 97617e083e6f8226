//! Books that have to start over on one connection: each is asked for when the venue's limits allow it,
//! and again when it does not come.

use std::sync::{Arc, Mutex, PoisonError};

use tickring_event::InstrumentId;
use tickring_metrics::Clock;

use crate::live::governor::Governor;
use crate::venue::Fetch;

/// Time after which what was sent and brought no snapshot is sent again; doubled each time.
const TEXTS_PATIENCE_NS: u64 = 30_000_000_000;

/// Time after which a fetch that failed is made again; doubled each time.
const FETCH_PATIENCE_NS: u64 = 2_000_000_000;

/// Longest of these times.
const PATIENCE_NS_MAX: u64 = 1_800_000_000_000;

/// When a request is made again whose answer is awaited: not before that came.
const NEVER: u64 = u64::MAX;

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
    patience: Patience,
}

/// Times to wait before a request is made again, in ticks.
#[derive(Clone, Copy, Debug)]
struct Patience {
    texts: u64,
    fetch: u64,
    max: u64,
}

#[derive(Clone, Debug)]
struct Wanted {
    /// [`InstrumentId::NONE`] for every book of the connection.
    instrument: InstrumentId,
    request: Request,
    /// When it is to be made: at once, or again.
    due_ticks: u64,
    /// What to wait after the next time.
    patience_ticks: u64,
}

impl Resyncs {
    pub(crate) fn new(texts: Governor, fetches: Arc<Mutex<Governor>>, clock: &Clock) -> Self {
        let patience = Patience {
            texts: clock.ns_to_ticks(TEXTS_PATIENCE_NS),
            fetch: clock.ns_to_ticks(FETCH_PATIENCE_NS),
            max: clock.ns_to_ticks(PATIENCE_NS_MAX),
        };
        Self { wanted: Vec::new(), texts, fetches, patience }
    }

    /// Nothing has to start over.
    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// A book has to start over. A request for it that was made, or waits, gives way to this one.
    pub(crate) fn want(&mut self, instrument: InstrumentId, request: Request) {
        self.wanted.retain(|it| it.instrument != instrument);
        let patience_ticks = match request {
            Request::Texts(_) => self.patience.texts,
            Request::Fetch(_) => self.patience.fetch,
        };
        self.wanted.push(Wanted { instrument, request, due_ticks: 0, patience_ticks });
    }

    /// A snapshot of this book came.
    pub(crate) fn came(&mut self, instrument: InstrumentId) {
        self.wanted.retain(|it| it.instrument != instrument && !it.instrument.is_none());
    }

    /// A fetch was answered, well or not. Where no snapshot comes of it, it is made again.
    pub(crate) fn answered(&mut self, instrument: InstrumentId, now: u64) {
        let is_it = |it: &&mut Wanted| it.instrument == instrument && it.due_ticks == NEVER;
        for wanted in self.wanted.iter_mut().filter(is_it) {
            wanted.wait(now, self.patience.max);
        }
    }

    /// The next request whose turn has come: of those that may be made, the one that is due longest.
    pub(crate) fn next(&mut self, now: u64) -> Option<Request> {
        let texts_ready = self.texts.ready_ticks() <= now;
        let mut fetches = self.fetches.lock().unwrap_or_else(PoisonError::into_inner);
        let fetches_ready = fetches.ready_ticks() <= now;
        let may = |it: &&mut Wanted| {
            it.due_ticks <= now
                && match it.request {
                    Request::Texts(_) => texts_ready,
                    Request::Fetch(_) => fetches_ready,
                }
        };
        let wanted = self.wanted.iter_mut().filter(may).min_by_key(|it| it.due_ticks)?;
        match wanted.request {
            Request::Texts(_) => {
                self.texts.note(now);
                wanted.wait(now, self.patience.max);
            }
            Request::Fetch(_) => {
                fetches.note(now);
                wanted.due_ticks = NEVER;
            }
        }
        Some(wanted.request.clone())
    }
}

impl Wanted {
    fn wait(&mut self, now: u64, patience_ticks_max: u64) {
        self.due_ticks = now.saturating_add(self.patience_ticks);
        self.patience_ticks = self.patience_ticks.saturating_mul(2).min(patience_ticks_max);
    }
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
        assert_eq!(said(&mut resyncs, 90 * SECOND), None, "twice as long");
        assert_eq!(said(&mut resyncs, 92 * SECOND).as_deref(), Some("a"));
        resyncs.came(A);
        assert!(resyncs.is_empty());
    }

    #[test]
    fn a_fetch_is_made_again_some_time_after_its_answer_and_not_before() {
        let mut resyncs = resyncs(9);
        resyncs.want(A, fetch(A));
        assert_eq!(said(&mut resyncs, 1).as_deref(), Some("A"));
        assert_eq!(said(&mut resyncs, 9_000 * SECOND), None);
        resyncs.answered(A, 9_000 * SECOND);
        assert_eq!(said(&mut resyncs, 9_001 * SECOND), None);
        assert_eq!(said(&mut resyncs, 9_002 * SECOND).as_deref(), Some("A"));
    }

    #[test]
    fn a_book_that_never_comes_does_not_starve_the_others() {
        let mut resyncs = resyncs(1);
        resyncs.want(A, texts("a"));
        assert_eq!(said(&mut resyncs, 1).as_deref(), Some("a"));
        resyncs.want(B, texts("b"));
        assert_eq!(said(&mut resyncs, 40 * SECOND).as_deref(), Some("b"), "it is due longer");
    }

    fn fetch(instrument: InstrumentId) -> Request {
        Request::Fetch(Fetch { instrument, symbol: "A".to_owned(), path: String::new() })
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
        first.want(A, fetch(A));
        second.want(A, fetch(A));
        assert_eq!(said(&mut first, 1).as_deref(), Some("A"));
        assert_eq!(said(&mut second, 1), None);
        assert_eq!(said(&mut second, 11 * SECOND).as_deref(), Some("A"));
    }
}
