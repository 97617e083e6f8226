//! What must add up whatever the publisher and the pollers do, on one thread so that a failure
//! can be repeated from its seed.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests")]

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use proptest::prelude::*;
use tickring_ring::{Capacity, OnFull, Poller, PublishError, Publisher, Stall, ring};

/// One step of either side. Indices are taken modulo the number of pollers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Publish { size: usize, on_full: OnFull },
    TryPublish { size: usize },
    Poll { poller: usize, limit: usize },
    PollWithPanic { poller: usize, limit: usize, panics_at: usize },
    Drop { poller: usize },
}

fn step() -> impl Strategy<Value = Step> {
    let on_full = prop_oneof![Just(OnFull::Block), Just(OnFull::Drop), Just(OnFull::Fail)];
    prop_oneof![
        6 => (0..40_usize, on_full).prop_map(|(size, on_full)| Step::Publish { size, on_full }),
        2 => (0..40_usize).prop_map(|size| Step::TryPublish { size }),
        8 => (0..4_usize, 1..40_usize).prop_map(|(poller, limit)| Step::Poll { poller, limit }),
        2 => (0..4_usize, 1..40_usize, 0..10_usize).prop_map(|(poller, limit, panics_at)| {
            Step::PollWithPanic { poller, limit, panics_at }
        }),
        1 => (0..4_usize).prop_map(|poller| Step::Drop { poller }),
    ]
}

/// A poller, until it is dropped, and what it has read.
struct Reader {
    poller: Option<Poller<u64>>,
    seen: Vec<u64>,
}

impl Reader {
    fn poll(&mut self, limit: usize, panics_at: Option<usize>) {
        let Some(poller) = &mut self.poller else { return };
        let seen = &mut self.seen;
        let limit = NonZeroUsize::new(limit).unwrap();
        let mut count = 0;
        let polled = catch_unwind(AssertUnwindSafe(|| {
            poller.poll(limit, |event, sequence, end_of_batch| {
                assert_eq!(sequence, seen.len() as u64);
                seen.push(*event);
                count += 1;
                assert!(!end_of_batch || count <= limit.get());
                if panics_at == Some(count - 1) {
                    // Without the panic hook's message.
                    resume_unwind(Box::new("reader"));
                }
            })
        }));
        match polled {
            Ok(Ok(size)) => assert_eq!(size, count),
            Ok(Err(_)) => assert_eq!(count, 0),
            Err(panic) if panic.is::<&str>() => {}
            Err(panic) => resume_unwind(panic),
        }
        assert_eq!(poller.sequence(), seen.len() as u64);
    }
}

/// Lets one poller read a little in each wait, and gives up after `waits_max`.
struct Turns<'r> {
    readers: &'r mut [Reader],
    waits: usize,
    waits_max: usize,
}

impl Stall for Turns<'_> {
    fn ticks(&mut self) -> u64 {
        self.waits as u64
    }

    fn wait(&mut self) -> ControlFlow<()> {
        if self.waits == self.waits_max {
            return ControlFlow::Break(());
        }
        let turn = self.waits % self.readers.len();
        self.readers[turn].poll(self.waits % 3 + 1, None);
        self.waits += 1;
        ControlFlow::Continue(())
    }
}

struct Model {
    publisher: Publisher<u64>,
    readers: Vec<Reader>,
    waits_max: usize,
    offered: u64,
    accepted: Vec<u64>,
    dropped: u64,
}

impl Model {
    fn offer(&mut self, size: usize, on_full: Option<OnFull>) {
        let events: Vec<u64> = (self.offered..).take(size).collect();
        self.offered += size as u64;
        let left = match on_full {
            None => self.publisher.try_publish(&events).map_or(size, |()| 0),
            Some(on_full) => {
                let readers = &mut self.readers;
                let mut turns = Turns { readers, waits: 0, waits_max: self.waits_max };
                match self.publisher.publish(&events, on_full, &mut turns) {
                    Ok(()) => 0,
                    Err(PublishError::Dropped { count }) => {
                        assert_eq!(on_full, OnFull::Drop);
                        self.dropped += count as u64;
                        count
                    }
                    Err(PublishError::Full { left }) => {
                        assert_eq!(on_full, OnFull::Fail);
                        left
                    }
                    Err(PublishError::Interrupted { left }) => {
                        assert_eq!(on_full, OnFull::Block);
                        left
                    }
                }
            }
        };
        self.accepted.extend(&events[..size - left]);
    }

    fn take(&mut self, step: Step) {
        let pollers = self.readers.len();
        match step {
            Step::Publish { size, on_full } => self.offer(size, Some(on_full)),
            Step::TryPublish { size } => self.offer(size, None),
            Step::Poll { poller, limit } => self.readers[poller % pollers].poll(limit, None),
            Step::PollWithPanic { poller, limit, panics_at } => {
                self.readers[poller % pollers].poll(limit, Some(panics_at));
            }
            Step::Drop { poller } => self.readers[poller % pollers].poller = None,
        }
    }

    fn check(&self) {
        let gauges = self.publisher.gauges();
        let published = self.accepted.len() as u64;
        assert_eq!((self.publisher.next_sequence(), gauges.published()), (published, published));
        assert_eq!(gauges.dropped(), self.dropped);
        assert!(gauges.depth() <= gauges.depth_max());
        assert!(gauges.depth_max() <= gauges.capacity().slots() as u64);
        for (poller, reader) in self.readers.iter().enumerate() {
            assert!(self.accepted.starts_with(&reader.seen), "lost, twice or out of order");
            let read = reader.seen.len() as u64;
            assert_eq!(gauges.read(poller), read);
            assert_eq!(published, read + gauges.abandoned(poller) + gauges.lag(poller));
            assert!(reader.poller.is_none() || gauges.abandoned(poller) == 0);
        }
    }

    /// Closes the ring and drains it to the end.
    fn end(self) {
        let Self { publisher, mut readers, accepted, .. } = self;
        let gauges = publisher.gauges();
        let waits_max = 2 * accepted.len() * readers.len() + 1;
        let drained = publisher.close(&mut Turns { readers: &mut readers, waits: 0, waits_max });
        assert!(drained.is_clean(), "{drained:?}");
        for (poller, reader) in readers.iter().enumerate() {
            assert_eq!(drained.abandoned[poller], gauges.abandoned(poller));
            let read = accepted.len() as u64 - gauges.abandoned(poller);
            assert_eq!((reader.seen.len() as u64, gauges.read(poller)), (read, read));
            assert!(accepted.starts_with(&reader.seen), "lost, twice or out of order");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn published_equals_read_plus_abandoned_plus_lag_and_order_holds(
        capacity_log2 in 1..6_u32,
        pollers in 1..=4_usize,
        waits_max in prop_oneof![Just(0), Just(3), Just(1_000)],
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let capacity = Capacity::new(1 << capacity_log2).unwrap();
        let (publisher, sides) = ring::<u64>(capacity, pollers);
        let readers =
            sides.into_iter().map(|side| Reader { poller: Some(side), seen: Vec::new() }).collect();
        let mut model =
            Model { publisher, readers, waits_max, offered: 0, accepted: Vec::new(), dropped: 0 };
        for step in steps {
            model.take(step);
            model.check();
        }
        model.end();
    }
}
