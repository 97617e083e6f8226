use tickring_event::{InstrumentId, Kind, MarketEvent};

/// Holds back the newest `TopOfBook` of each instrument until the batch ends or another event of
/// that instrument comes.
///
/// Allocates when it is made and never again.
#[derive(Debug)]
pub(super) struct Conflater {
    lag_events: u64,
    is_active: bool,
    /// In the order of the stream. An entry that was taken or replaced is `None`.
    held: Vec<Option<Held>>,
    /// The first entry of `held` that was not flushed yet.
    next: usize,
    /// By instrument: one more than the index of its entry in `held`; 0 when it has none.
    places: Box<[u32]>,
}

/// An event that waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    pub(super) event: MarketEvent,
    pub(super) sequence: u64,
}

/// What became of an event that was offered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Offer {
    /// Not held: handle it now.
    Refused,
    /// It waits.
    Held,
    /// It waits in place of an older one, which nobody will see.
    Replaced,
}

impl Conflater {
    /// For batches of at most `batch_events_max` events and ids below `instruments`.
    pub(super) fn new(lag_events: u64, batch_events_max: usize, instruments: usize) -> Self {
        Self {
            lag_events,
            is_active: false,
            held: Vec::with_capacity(batch_events_max),
            next: 0,
            places: vec![0; instruments].into(),
        }
    }

    /// Conflates in the next batch if `lag` is above the limit.
    pub(super) const fn start_batch(&mut self, lag: u64) {
        self.is_active = lag > self.lag_events;
    }

    pub(super) fn offer(&mut self, event: &MarketEvent, sequence: u64) -> Offer {
        if !self.is_active || event.kind() != Kind::TopOfBook {
            return Offer::Refused;
        }
        let Some(place) = self.places.get_mut(event.instrument.index()) else {
            return Offer::Refused;
        };
        let older = usize::try_from(*place).ok().and_then(|place| place.checked_sub(1));
        // A new place at the end, not the older one's: what is flushed stays in stream order.
        self.held.push(Some(Held { event: *event, sequence }));
        *place = u32::try_from(self.held.len()).expect("a batch is shorter than 2^32 events");
        match older {
            None => Offer::Held,
            Some(index) => {
                self.held[index] = None;
                Offer::Replaced
            }
        }
    }

    /// What waits for this instrument.
    pub(super) fn release(&mut self, instrument: InstrumentId) -> Option<Held> {
        let place = self.places.get_mut(instrument.index())?;
        let index = usize::try_from(*place).ok()?.checked_sub(1)?;
        *place = 0;
        self.held[index].take()
    }

    /// The next one of all that wait, in stream order. `None` empties the conflater: until then
    /// nothing may be offered.
    pub(super) fn release_next(&mut self) -> Option<Held> {
        while let Some(entry) = self.held.get_mut(self.next) {
            self.next += 1;
            if let Some(held) = entry.take() {
                self.places[held.event.instrument.index()] = 0;
                return Some(held);
            }
        }
        self.held.clear();
        self.next = 0;
        None
    }
}

#[cfg(test)]
mod tests {
    use tickring_event::{Origin, TopOfBook};

    use super::*;

    fn top(instrument: u32) -> MarketEvent {
        let origin = Origin { instrument: InstrumentId::new(instrument), ..Origin::default() };
        MarketEvent::top_of_book(&origin, &TopOfBook::default())
    }

    fn active() -> Conflater {
        let mut conflater = Conflater::new(4, 8, 3);
        conflater.start_batch(5);
        conflater
    }

    fn flush(conflater: &mut Conflater) -> Vec<u64> {
        std::iter::from_fn(|| conflater.release_next()).map(|held| held.sequence).collect()
    }

    #[test]
    fn the_newest_of_each_instrument_is_left_in_stream_order() {
        let mut conflater = active();
        for round in 0..2 {
            assert_eq!(conflater.offer(&top(0), round), Offer::Held);
            assert_eq!(conflater.offer(&top(1), round + 10), Offer::Held);
            assert_eq!(conflater.offer(&top(0), round + 20), Offer::Replaced);
            assert_eq!(flush(&mut conflater), [round + 10, round + 20]);
        }
    }

    #[test]
    fn what_waits_for_an_instrument_is_released_once() {
        let mut conflater = active();
        conflater.offer(&top(0), 1);
        conflater.offer(&top(1), 2);
        assert_eq!(conflater.release(InstrumentId::new(0)).map(|held| held.sequence), Some(1));
        assert!(conflater.release(InstrumentId::new(0)).is_none());
        assert!(conflater.release(InstrumentId::NONE).is_none());
        assert_eq!(conflater.offer(&top(0), 3), Offer::Held);
        assert_eq!(flush(&mut conflater), [2, 3]);
    }

    #[test]
    fn nothing_is_held_without_a_lag_nor_of_another_kind_or_table() {
        let mut conflater = active();
        assert_eq!(conflater.offer(&MarketEvent::default(), 0), Offer::Refused);
        assert_eq!(conflater.offer(&top(3), 0), Offer::Refused);
        conflater.start_batch(4);
        assert_eq!(conflater.offer(&top(0), 0), Offer::Refused);
    }
}
