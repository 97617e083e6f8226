use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use crossbeam_utils::CachePadded;

use crate::gauges::Gauges;
use crate::ring::Place;

/// Where dropped pollers leave their places in the ring.
///
/// A place gates the publisher whether or not anyone polls it, and the crate below has no way to
/// take one out. So a dropped poller leaves it here, and the publisher reads it to the end itself.
pub(crate) struct Abandoned<E> {
    /// How many pollers were dropped. Never goes down. Read at every publish, so alone on its line.
    count: CachePadded<AtomicUsize>,
    places: Mutex<Vec<AbandonedPlace<E>>>,
}

struct AbandonedPlace<E> {
    poller: usize,
    place: Place<E>,
}

impl<E> Abandoned<E> {
    pub(crate) fn new(pollers: usize) -> Self {
        // Room for all, so that dropping a poller does not allocate.
        Self { count: CachePadded::default(), places: Mutex::new(Vec::with_capacity(pollers)) }
    }

    /// Leaves the place of a dropped poller to the publisher.
    pub(crate) fn leave(&self, poller: usize, place: Place<E>) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.push(AbandonedPlace { poller, place });
        // Relaxed: only says that the list is worth a look; the mutex orders what is in it.
        self.count.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> usize {
        // Relaxed: see `leave`. Seen late, it is seen at a later publish.
        self.count.load(Ordering::Relaxed)
    }
}

/// The publisher's end of [`Abandoned`]: reads the places of dropped pollers to the end.
pub(crate) struct Discarder<E> {
    abandoned: Arc<Abandoned<E>>,
    adopted: Vec<AbandonedPlace<E>>,
    gauges: Arc<Gauges>,
}

impl<E> Discarder<E> {
    pub(crate) fn new(abandoned: Arc<Abandoned<E>>, gauges: Arc<Gauges>) -> Self {
        Self { abandoned, adopted: Vec::with_capacity(gauges.pollers()), gauges }
    }

    /// Frees every slot that only dropped pollers hold, and says whether there was one.
    ///
    /// Costs one load of a line that is written only when a poller is dropped. Never waits: while
    /// a poller is leaving, it is left to the next call.
    #[inline]
    pub(crate) fn discard(&mut self) -> bool {
        let dropped = self.abandoned.count();
        dropped > 0 && self.discard_all(dropped)
    }

    #[cold]
    fn discard_all(&mut self, dropped: usize) -> bool {
        if self.adopted.len() < dropped {
            match self.abandoned.places.try_lock() {
                Ok(mut places) => self.adopted.append(&mut places),
                Err(TryLockError::Poisoned(places)) => {
                    self.adopted.append(&mut places.into_inner());
                }
                Err(TryLockError::WouldBlock) => {}
            }
        }
        let mut freed = false;
        for AbandonedPlace { poller, place } in &mut self.adopted {
            if let Ok(mut events) = place.poll() {
                let unread = &mut events;
                self.gauges.abandon(*poller, unread.len() as u64);
                // Dropping the unread batch frees its slots.
                drop(events);
                freed = true;
            }
        }
        freed
    }
}
