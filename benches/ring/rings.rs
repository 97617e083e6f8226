//! Rings whose receivers see every event.

use std::num::NonZeroUsize;

use disruptor::{
    BusySpin, EventPoller, MultiConsumerBarrier, Producer as _, SingleProducer,
    SingleProducerBarrier, build_single_producer,
};
use tickring_benches::handover::{bare, one_line};
use tickring_metrics::Clock;
use tickring_ring::{Capacity, Poller, Publisher, ring};

use super::peer::{Body, Event, Peer};

/// The least that a cursor and a slot can cost.
pub(crate) struct Bare;

impl Peer for Bare {
    const NAME: &'static str = "bare";
    const IS_BROADCAST: bool = true;
    type Sender = bare::Publisher<Event>;
    type Receiver = bare::Reader<Event>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        bare::bare(capacity, receivers)
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        let count = events.len();
        if sender.try_publish(count, |index, event| *event = events[index]) { count } else { 0 }
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        receiver.poll(limit, |_, event| handle(event.sequence, &event.body))
    }
}

/// The sequence in the slot.
pub(crate) struct OneLine;

impl Peer for OneLine {
    const NAME: &'static str = "sequence in the slot";
    const IS_BROADCAST: bool = true;
    type Sender = one_line::Publisher<Body>;
    type Receiver = one_line::Reader<Body>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        one_line::one_line(capacity, receivers)
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        let count = events.len();
        if sender.try_publish(count, |index, body| *body = events[index].body) { count } else { 0 }
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        receiver.poll(limit, handle)
    }
}

/// The engine's ring.
pub(crate) struct Tickring;

impl Peer for Tickring {
    const NAME: &'static str = "tickring";
    const IS_BROADCAST: bool = true;
    type Sender = Publisher<Event>;
    type Receiver = Poller<Event>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        ring(Capacity::new(capacity).expect("a power of two"), receivers)
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        if sender.try_publish(events).is_ok() { events.len() } else { 0 }
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        let limit = NonZeroUsize::new(limit).expect("receivers ask for something");
        receiver.poll(limit, |event, _, _| handle(event.sequence, &event.body)).unwrap_or(0)
    }
}

/// The engine's ring with a clock read before each publish, as ingest does.
pub(crate) struct Stamped;

impl Peer for Stamped {
    const NAME: &'static str = "tickring, stamped";
    const IS_BROADCAST: bool = true;
    type Sender = (Publisher<Event>, Clock);
    type Receiver = Poller<Event>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let (publisher, pollers) = Tickring::link(capacity, receivers);
        ((publisher, Clock::new()), pollers)
    }

    #[inline]
    fn offer((sender, clock): &mut Self::Sender, events: &mut [Event]) -> usize {
        let now = clock.ticks();
        for event in &mut *events {
            event.body[0] = now;
        }
        Tickring::offer(sender, events)
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        Tickring::take(receiver, limit, handle)
    }
}

/// The library below the engine's ring, polled.
pub(crate) struct Disruptor;

impl Peer for Disruptor {
    const NAME: &'static str = "disruptor";
    const IS_BROADCAST: bool = true;
    type Sender = SingleProducer<Event, MultiConsumerBarrier>;
    type Receiver = EventPoller<Event, SingleProducerBarrier>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let mut builder =
            build_single_producer(capacity, Event::default, BusySpin).with_multi_consumer();
        let mut pollers = Vec::new();
        for _ in 0..receivers {
            let (poller, next) = builder.new_event_poller();
            builder = next;
            pollers.push(poller);
        }
        (builder.build(), pollers)
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        let count = events.len();
        let copied = sender.try_batch_publish(count, |slots| {
            for (slot, event) in slots.zip(events) {
                *slot = *event;
            }
        });
        if copied.is_ok() { count } else { 0 }
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        let Ok(mut events) = receiver.take(limit as u64) else { return 0 };
        let mut count = 0;
        for event in &mut events {
            handle(event.sequence, &event.body);
            count += 1;
        }
        count
    }
}

/// `bus`: one sender, each receiver reads every event.
pub(crate) struct Bus;

impl Peer for Bus {
    const NAME: &'static str = "bus";
    const IS_BROADCAST: bool = true;
    type Sender = bus::Bus<Event>;
    type Receiver = bus::BusReader<Event>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let mut bus = bus::Bus::new(capacity);
        let readers = (0..receivers).map(|_| bus.add_rx()).collect();
        (bus, readers)
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        events.iter().take_while(|event| sender.try_broadcast(**event).is_ok()).count()
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        super::queues::take_each(limit, || receiver.try_recv().ok(), handle)
    }
}
