use std::sync::Arc;

use disruptor::{BusySpin, EventPoller, SingleProducerBarrier, build_single_producer};

use crate::abandoned::Abandoned;
use crate::capacity::Capacity;
use crate::gauges::Gauges;
use crate::poller::Poller;
use crate::publisher::Publisher;

/// Makes a ring of `capacity` slots with `pollers` pollers, each of which sees every event.
///
/// All memory of the ring is allocated and touched here, each slot holding `E::default()`;
/// publishing and polling allocate nothing. Starts no thread and pins none. The pollers come in the order of
/// their [`index`](Poller::index). Every poller gates the publisher until it is dropped: poll
/// each of them, or drop it.
///
/// # Panics
/// When `pollers` is 0 or above [`POLLERS_MAX`]: a ring without a poller would have no reader
/// to gate it.
#[must_use]
pub fn ring<E: Copy + Default + Send + Sync + 'static>(
    capacity: Capacity,
    pollers: usize,
) -> (Publisher<E>, Vec<Poller<E>>) {
    assert!(pollers >= 1, "a ring needs a poller");
    assert!(pollers <= POLLERS_MAX, "a ring has at most {POLLERS_MAX} pollers");
    let gauges = Arc::new(Gauges::new(capacity, pollers));
    let abandoned = Arc::new(Abandoned::new(pollers));

    // The wait strategy is for the crate's own threads, of which this ring has none.
    let mut builder =
        build_single_producer(capacity.slots(), E::default, BusySpin).with_multi_consumer();
    let mut sides = Vec::with_capacity(pollers);
    for index in 0..pollers {
        let (events, next) = builder.new_event_poller();
        builder = next;
        sides.push(Poller::new(index, events, Arc::clone(&gauges), Arc::clone(&abandoned)));
    }
    (Publisher::new(builder.build(), gauges, abandoned), sides)
}

/// The most pollers of one ring. The publisher looks at each when it runs out of known free
/// slots, so each costs.
pub const POLLERS_MAX: usize = 64;

/// One poller's place in the ring of the crate below.
pub(crate) type Place<E> = EventPoller<E, SingleProducerBarrier>;

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: Capacity = Capacity::new(2).expect("a power of two");

    #[test]
    fn pollers_are_numbered_from_zero_up_to_the_limit() {
        let (_publisher, pollers) = ring::<u8>(TWO, POLLERS_MAX);
        assert!(pollers.iter().map(Poller::index).eq(0..POLLERS_MAX));
    }

    #[test]
    #[should_panic(expected = "a ring needs a poller")]
    fn a_ring_without_pollers_is_refused() {
        drop(ring::<u8>(TWO, 0));
    }

    #[test]
    #[should_panic(expected = "at most 64 pollers")]
    fn a_ring_with_too_many_pollers_is_refused() {
        drop(ring::<u8>(TWO, POLLERS_MAX + 1));
    }
}
