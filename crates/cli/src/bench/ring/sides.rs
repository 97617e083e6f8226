//! The two sides: a publisher that keeps to its schedule, consumers that check what they get.

use std::hint;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tickring_event::{MarketEvent, Origin, Payload, Price, Quantity, Trade};
use tickring_metrics::{Clock, IntervalRecorder, LatencyRecorder};
use tickring_ring::{
    Gauges, OnFull, PollError, Poller, Publisher, Stall, WaitStrategy, Waiter, ring,
};

use super::{Load, Setup};
use crate::bench::place::Place;
use crate::bench::scenario::Bench;
use crate::exit::{Exit, Failure};

pub(super) struct Wanted<'a> {
    pub(super) setup: Setup,
    pub(super) place: &'a Place,
    pub(super) intervals: Option<IntervalRecorder>,
}

pub(super) struct Measured {
    /// Of all consumers.
    pub(super) latency: LatencyRecorder,
    /// From the first message to the last consumer's last.
    pub(super) elapsed_ns: u64,
    pub(super) intervals: Option<IntervalRecorder>,
    pub(super) gauges: Arc<Gauges>,
}

/// What a consumer ended with.
struct Consumed {
    latency: LatencyRecorder,
    intervals: Option<IntervalRecorder>,
    check: Check,
    ended: u64,
}

/// Runs one block and checks what every consumer got.
///
/// # Errors
/// A thread cannot be made, or a consumer was given something else than was published.
pub(super) fn measure(wanted: Wanted<'_>, bench: &Bench) -> Result<Measured, Failure> {
    let Wanted { setup, place, mut intervals } = wanted;
    let (publisher, pollers) = ring::<MarketEvent>(setup.capacity, setup.consumers);
    let gauges = publisher.gauges();
    let clock = &bench.clock;
    let ready = AtomicUsize::new(0);
    let (sent, consumed) = thread::scope(|scope| {
        let mut threads = Vec::new();
        for (index, poller) in pollers.into_iter().enumerate() {
            let consumer = Consumer {
                poller,
                latency: LatencyRecorder::new(),
                intervals: intervals.take(),
                wait: place.wait,
                slow_ticks: clock.ns_to_ticks(setup.slow_ns),
            };
            let ready = &ready;
            let work = move || {
                // Relaxed: only says that the thread runs.
                ready.fetch_add(1, Ordering::Relaxed);
                consumer.run(clock)
            };
            // Where this fails, the publisher is dropped and the consumers there are end.
            threads.push(place.spawn(scope, (index + 1, "consumer", bench.talk), work)?);
        }
        let spins = place.spins();
        let (ready, wait) = (&ready, place.wait);
        let work = move || {
            // Relaxed: as above.
            while ready.load(Ordering::Relaxed) < setup.consumers {
                thread::yield_now();
            }
            Sender { publisher, clock, wait, spins }.run(&setup)
        };
        let sender = place.spawn(scope, (0, "publisher", bench.talk), work)?;
        let sent = sender.join().map_err(|_| panicked("publisher"))?;
        let mut consumed = Vec::new();
        for thread in threads {
            consumed.push(thread.join().map_err(|_| panicked("consumer"))?);
        }
        Ok::<_, Failure>((sent, consumed))
    })?;
    let mut latency = LatencyRecorder::new();
    let mut ended = sent.begun;
    for (index, mut consumer) in consumed.into_iter().enumerate() {
        consumer.check.compare(&sent.check, index)?;
        latency.merge(&consumer.latency);
        ended = ended.max(consumer.ended);
        intervals = intervals.or_else(|| consumer.intervals.take());
    }
    let elapsed_ns = clock.elapsed_ns(sent.begun, ended);
    Ok(Measured { latency, elapsed_ns, intervals, gauges })
}

fn panicked(who: &str) -> Failure {
    Failure::new(Exit::Fault, format!("the {who} of a bench panicked"))
}

/// Count, order and checksum of a stream, as one side saw it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Check {
    count: u64,
    /// Events that were not the next one.
    out_of_order: u64,
    sum: u64,
}

impl Check {
    #[inline]
    fn add(&mut self, event: &MarketEvent, sequence: u64) {
        self.out_of_order += u64::from(sequence != self.count || event.sequence != self.count);
        self.count += 1;
        let content = match event.payload() {
            Payload::Trade(trade) => trade.price.mantissa().cast_unsigned(),
            _ => 0,
        };
        // Depends on the order too.
        self.sum = self.sum.rotate_left(7) ^ content ^ event.venue_sequence;
    }

    fn compare(&self, sent: &Self, consumer: usize) -> Result<(), Failure> {
        if self == sent {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Fault,
            format!(
                "consumer {consumer} was given something else than was published: {} of {} events, \
                 {} out of order, checksum {:016x} instead of {:016x}",
                self.count, sent.count, self.out_of_order, self.sum, sent.sum
            ),
        ))
    }
}

/// What the publisher did.
struct Sent {
    begun: u64,
    check: Check,
}

struct Sender<'a> {
    publisher: Publisher<MarketEvent>,
    clock: &'a Clock,
    wait: WaitStrategy,
    spins: bool,
}

impl Sender<'_> {
    fn run(mut self, setup: &Setup) -> Sent {
        let begun = self.clock.ticks();
        let mut check = Check::default();
        match setup.load {
            Load::Scheduled(schedule) => {
                // A moment for the consumers to reach their loops.
                let start = begun.saturating_add(self.clock.ns_to_ticks(LEAD_NS));
                let due = schedule.due(self.clock, start);
                for (index, due) in (0..setup.messages).zip(due) {
                    self.wait_until(due);
                    let event = message(index, due);
                    check.add(&event, index);
                    self.publish(&[event]);
                }
            }
            Load::FlatOut { batch } => {
                let mut events = vec![MarketEvent::default(); batch];
                let mut next = 0;
                while next < setup.messages {
                    let count = usize::try_from(setup.messages - next).unwrap_or(batch).min(batch);
                    for event in &mut events[..count] {
                        *event = message(next, begun);
                        check.add(event, next);
                        next += 1;
                    }
                    self.publish(&events[..count]);
                }
            }
        }
        let mut stall = RingStall { clock: self.clock, waiter: Waiter::new(self.wait) };
        self.publisher.close(&mut stall);
        Sent { begun, check }
    }

    #[inline]
    fn publish(&mut self, events: &[MarketEvent]) {
        let mut stall = RingStall { clock: self.clock, waiter: Waiter::new(self.wait) };
        let published = self.publisher.publish(events, OnFull::Block, &mut stall);
        debug_assert!(published.is_ok(), "a stall that never gives up publishes all");
    }

    /// Waits until a message is due, at once where it is late.
    #[inline]
    fn wait_until(&self, due: u64) {
        loop {
            let now = self.clock.ticks();
            if now >= due {
                return;
            }
            if self.spins {
                hint::spin_loop();
                continue;
            }
            let left_ns = self.clock.elapsed_ns(now, due);
            if left_ns > 2 * PARK_MARGIN_NS {
                thread::park_timeout(Duration::from_nanos(left_ns - PARK_MARGIN_NS));
            } else {
                thread::yield_now();
            }
        }
    }
}

/// Message `index`, due at `due`: a trade whose content can be told from its number.
#[inline]
fn message(index: u64, due: u64) -> MarketEvent {
    let origin = Origin { arrival_ticks: due, venue_sequence: index, ..Origin::default() };
    let mantissa = index.wrapping_mul(0x9e37_79b9_7f4a_7c15).cast_signed();
    let price = Price::from_mantissa(mantissa);
    let quantity = Quantity::from_mantissa(1);
    let mut event =
        MarketEvent::trade(&origin, Trade { price, quantity, taker: None, trade_id: Some(index) });
    event.sequence = index;
    event
}

/// The publisher at a full ring: waits as long as it takes. Consumers read to the end or are dropped.
struct RingStall<'a> {
    clock: &'a Clock,
    waiter: Waiter,
}

impl Stall for RingStall<'_> {
    fn ticks(&mut self) -> u64 {
        self.clock.ticks()
    }

    fn wait(&mut self) -> ControlFlow<()> {
        self.waiter.idle();
        ControlFlow::Continue(())
    }
}

struct Consumer {
    poller: Poller<MarketEvent>,
    latency: LatencyRecorder,
    intervals: Option<IntervalRecorder>,
    wait: WaitStrategy,
    slow_ticks: u64,
}

impl Consumer {
    fn run(self, clock: &Clock) -> Consumed {
        let Self { mut poller, mut latency, mut intervals, wait, slow_ticks } = self;
        let mut waiter = Waiter::new(wait);
        let mut check = Check::default();
        let mut ended = clock.ticks();
        if let Some(intervals) = &mut intervals {
            intervals.roll(ended);
        }
        loop {
            let polled = poller.poll(BATCH_EVENTS_MAX, |event, sequence, _| {
                let now = clock.ticks();
                let ticks = now.saturating_sub(event.arrival_ticks);
                latency.record_ticks(ticks);
                if let Some(intervals) = &mut intervals {
                    intervals.record_ticks(ticks);
                }
                check.add(event, sequence);
                ended = now;
                while slow_ticks > 0 && clock.ticks().saturating_sub(now) < slow_ticks {}
            });
            match polled {
                Ok(_) => waiter.reset(),
                Err(PollError::Empty) => waiter.idle(),
                Err(PollError::Shutdown) => break,
            }
        }
        if let Some(intervals) = &mut intervals {
            intervals.roll(clock.ticks());
        }
        Consumed { latency, intervals, check, ended }
    }
}

/// As the workers'.
const BATCH_EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");

/// From the start to the first message that is due.
const LEAD_NS: u64 = 200_000;

/// A park may last this much longer than asked for.
const PARK_MARGIN_NS: u64 = 100_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(indices: &[u64]) -> Check {
        let mut check = Check::default();
        for (sequence, &index) in (0..).zip(indices) {
            check.add(&message(index, 0), sequence);
        }
        check
    }

    #[test]
    fn a_consumer_that_was_given_the_same_agrees() {
        seen(&[0, 1, 2]).compare(&seen(&[0, 1, 2]), 0).unwrap();
    }

    #[test]
    fn what_is_lost_doubled_swapped_or_changed_is_found() {
        for wrong in [&[0, 1][..], &[0, 1, 2, 3], &[0, 1, 1], &[0, 2, 1], &[0, 1, 7]] {
            let failure = seen(wrong).compare(&seen(&[0, 1, 2]), 4).unwrap_err();
            assert_eq!(failure.exit, Exit::Fault);
            assert!(failure.message.contains("consumer 4"), "{}", failure.message);
        }
        let mut changed = seen(&[0, 1, 2]);
        changed.sum ^= 1;
        changed.compare(&seen(&[0, 1, 2]), 0).unwrap_err();
    }
}
