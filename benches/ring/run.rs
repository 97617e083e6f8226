//! One block: two threads, one way or two, and what it took.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, scope, yield_now};

use core_affinity::CoreId;
use crossbeam_utils::CachePadded;
use tickring_harness::{Floor, FloorPlan, median};
use tickring_metrics::{Clock, LatencyRecorder};

use super::peer::{Count, Event, Peer, blank, send};

/// Events that are published together, and the most that one poll takes.
pub(crate) const BATCH: usize = 32;

/// Hand-overs that a value of [`Scenario::HandOver`] is the mean of, so that the clock's step does not
/// show.
pub(crate) const TRIPS: usize = 16;

/// Events of which one value of [`Scenario::FlatOut`] is the mean; of the values, the median counts, so
/// that a neighbour's time slice does not.
pub(crate) const CHUNK: usize = 8_192;

/// What is done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scenario {
    /// There and back, one event at a time; half of it, in ns.
    HandOver,
    /// One event each period; from when it was due until the receiver has it, p50 in ns.
    Paced,
    /// So many events at once, then silence; from the first attempt until the last has come, in ns.
    Burst(usize),
    /// As fast as it goes, in batches; ns an event, of the slowest receiver.
    FlatOut { receivers: usize },
}

impl Scenario {
    /// How tables and records call it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::HandOver => "hand_over_ns".to_owned(),
            Self::Paced => "paced_p50_ns".to_owned(),
            Self::Burst(events) => format!("burst_{events}_ns"),
            Self::FlatOut { receivers: 1 } => "flat_out_ns_per_event".to_owned(),
            Self::FlatOut { receivers } => format!("flat_out_{receivers}_receivers_ns_per_event"),
        }
    }

    /// How many receivers it has.
    pub(crate) const fn receivers(self) -> usize {
        match self {
            Self::FlatOut { receivers } => receivers,
            _ => 1,
        }
    }
}

/// How much is done in one block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Values of which a hand-over's block is the median.
    pub(crate) samples: usize,
    /// Events of a paced block.
    pub(crate) paced: usize,
    /// Events of all bursts of a block.
    pub(crate) burst_events: usize,
    /// Events of a block that goes flat out.
    pub(crate) flat_out: usize,
}

impl Size {
    pub(crate) const FULL: Self =
        Self { samples: 600, paced: 2_000, burst_events: 60_000, flat_out: 400_000 };
    pub(crate) const QUICK: Self =
        Self { samples: 200, paced: 500, burst_events: 15_000, flat_out: 100_000 };
}

/// One event each 5 us: 200,000 a second.
pub(crate) const PERIOD_NS: u64 = 5_000;

/// Where and how blocks run.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) clock: Clock,
    pub(crate) capacity: usize,
    pub(crate) size: Size,
    /// The sender's core first, then the receivers'; empty where there are too few.
    pub(crate) cores: Vec<CoreId>,
}

impl Bench {
    /// Runs one block of `P`. What a paced event took goes into `paced` too.
    pub(crate) fn run<P: Peer>(&self, scenario: Scenario, paced: &mut LatencyRecorder) -> f64 {
        match scenario {
            Scenario::HandOver => self.hand_over::<P>(),
            Scenario::Paced => self.paced::<P>(paced),
            Scenario::Burst(events) => self.burst::<P>(events),
            Scenario::FlatOut { receivers } => self.flat_out::<P>(receivers),
        }
    }

    /// The floor: one line there and back, one way in ns.
    pub(crate) fn floor(&self) -> f64 {
        let floor = Floor::new();
        let lead = || floor.lead(FloorPlan::TIGHT, &self.clock, LIMIT_NS);
        self.pair(lead, || floor.follow()).expect("two threads can hand a line over")
    }

    fn hand_over<P: Peer>(&self) -> f64 {
        let (mut there, mut there_out) = P::link(self.capacity, 1);
        let (mut back, mut back_out) = P::link(self.capacity, 1);
        // The first fifth warms up.
        let samples = self.size.samples + self.size.samples / 4;
        let lead = || {
            let (mut sent, mut seen) = (Count::default(), Count::default());
            let mut event = blank(1);
            let mut values = Vec::with_capacity(samples);
            for _ in 0..samples {
                let start = self.clock.ticks();
                for _ in 0..TRIPS {
                    sent.number(&mut event);
                    send::<P>(&mut there, &mut event);
                    self.receive::<P>(&mut back_out[0], 1, &mut seen);
                }
                values.push(self.ns_since(start) / ratio(2 * TRIPS));
            }
            seen.finish();
            median(&values[samples - self.size.samples..])
        };
        let follow = || {
            let (mut sent, mut seen) = (Count::default(), Count::default());
            let mut event = blank(1);
            for _ in 0..samples * TRIPS {
                self.receive::<P>(&mut there_out[0], 1, &mut seen);
                sent.number(&mut event);
                send::<P>(&mut back, &mut event);
            }
            seen.finish();
        };
        self.pair(lead, follow)
    }

    fn paced<P: Peer>(&self, all: &mut LatencyRecorder) -> f64 {
        let (mut sender, mut receivers) = P::link(self.capacity, 1);
        let events = self.size.paced;
        let period_ticks = self.clock.ns_to_ticks(PERIOD_NS);
        let lead = || {
            let mut sent = Count::default();
            let mut event = blank(1);
            let mut due = self.clock.ticks() + 10 * period_ticks;
            for _ in 0..events {
                sent.number(&mut event);
                // From when it should go out: a sender that was held up is late, not excused.
                event[0].body[0] = due;
                while self.clock.ticks() < due {
                    hint::spin_loop();
                }
                send::<P>(&mut sender, &mut event);
                due += period_ticks;
            }
        };
        let mut took = LatencyRecorder::new();
        let follow = || {
            let mut seen = Count::default();
            while seen.count() < events as u64 {
                let count = P::take(&mut receivers[0], BATCH, &mut |sequence, body| {
                    took.record_ticks(self.clock.ticks().saturating_sub(body[0]));
                    seen.check(sequence, body);
                });
                if count == 0 {
                    hint::spin_loop();
                }
            }
            seen.finish();
        };
        self.pair(lead, follow);
        all.merge(&took);
        ratio(usize::try_from(took.summary(&self.clock).p50).unwrap_or(usize::MAX))
    }

    fn burst<P: Peer>(&self, events: usize) -> f64 {
        let (mut sender, mut receivers) = P::link(self.capacity, 1);
        let bursts = (self.size.burst_events / events).max(5);
        let started = CachePadded::new(AtomicU64::new(0));
        let done = CachePadded::new(AtomicU64::new(0));
        let lead = || {
            let mut sent = Count::default();
            let mut batch = blank(BATCH);
            for burst in 1..=bursts as u64 {
                let pause = self.clock.ticks() + self.clock.ns_to_ticks(PERIOD_NS);
                // Acquire: pairs with the receiver's Release; the ring is empty again.
                while done.load(Ordering::Acquire) + 1 < burst || self.clock.ticks() < pause {
                    hint::spin_loop();
                }
                // Relaxed: the events order it.
                started.store(self.clock.ticks(), Ordering::Relaxed);
                let mut left = events;
                while left > 0 {
                    let count = left.min(BATCH);
                    sent.number(&mut batch[..count]);
                    send::<P>(&mut sender, &mut batch[..count]);
                    left -= count;
                }
            }
        };
        let follow = || {
            let mut seen = Count::default();
            let mut values = Vec::with_capacity(bursts);
            for burst in 1..=bursts as u64 {
                self.receive::<P>(&mut receivers[0], events, &mut seen);
                // Relaxed: the events order it.
                values.push(self.ns_since(started.load(Ordering::Relaxed)));
                // Release: pairs with the sender's Acquire.
                done.store(burst, Ordering::Release);
            }
            seen.finish();
            median(&values)
        };
        self.pair_of(lead, follow).1
    }

    fn flat_out<P: Peer>(&self, receivers: usize) -> f64 {
        let (mut sender, outs) = P::link(self.capacity, receivers);
        let events = self.size.flat_out;
        let has_cores = !self.cores.is_empty() && self.cores.len() > receivers;
        scope(|scope| {
            let mut followers = Vec::new();
            for (index, mut out) in outs.into_iter().enumerate() {
                let follow = move || {
                    self.pin(index + 1);
                    let mut seen = Count::default();
                    let mut values = Vec::with_capacity(events / CHUNK);
                    let mut start = self.clock.ticks();
                    while seen.count() < events as u64 {
                        let check = &mut |sequence, body: &_| seen.check(sequence, body);
                        if P::take(&mut out, BATCH, check) == 0 {
                            if has_cores { hint::spin_loop() } else { yield_now() }
                        }
                        if seen.count() >= ((values.len() + 1) * CHUNK) as u64 {
                            values.push(self.ns_since(start) / ratio(CHUNK));
                            start = self.clock.ticks();
                        }
                    }
                    seen.finish();
                    median(&values)
                };
                followers
                    .push(Builder::new().spawn_scoped(scope, follow).expect("a thread starts"));
            }
            let lead = move || {
                self.pin(0);
                let mut sent = Count::default();
                let mut batch = blank(BATCH);
                while sent.count() < events as u64 {
                    sent.number(&mut batch);
                    let mut left = batch.as_mut_slice();
                    while !left.is_empty() {
                        let count = P::offer(&mut sender, left);
                        left = &mut left[count..];
                        if count == 0 {
                            if has_cores { hint::spin_loop() } else { yield_now() }
                        }
                    }
                }
            };
            Builder::new().spawn_scoped(scope, lead).expect("a thread starts");
            let ended = followers.into_iter().map(|it| it.join().expect("a receiver ends well"));
            ended.fold(0.0, f64::max)
        })
    }

    /// Spins until `count` events have come.
    #[inline]
    fn receive<P: Peer>(&self, receiver: &mut P::Receiver, count: usize, seen: &mut Count) {
        let until = seen.count() + count as u64;
        while seen.count() < until {
            if P::take(receiver, BATCH, &mut |sequence, body| seen.check(sequence, body)) == 0 {
                hint::spin_loop();
            }
        }
    }

    /// Runs both sides on threads of their own and gives what the first came to.
    fn pair<T: Send, U: Send>(
        &self,
        lead: impl FnOnce() -> T + Send,
        follow: impl FnOnce() -> U + Send,
    ) -> T {
        self.pair_of(lead, follow).0
    }

    fn pair_of<T: Send, U: Send>(
        &self,
        lead: impl FnOnce() -> T + Send,
        follow: impl FnOnce() -> U + Send,
    ) -> (T, U) {
        scope(|scope| {
            let follow = move || {
                self.pin(1);
                follow()
            };
            let lead = move || {
                self.pin(0);
                lead()
            };
            let follow = Builder::new().spawn_scoped(scope, follow).expect("a thread starts");
            let lead = Builder::new().spawn_scoped(scope, lead).expect("a thread starts");
            let led = lead.join().expect("the side that leads ends well");
            (led, follow.join().expect("the side that follows ends well"))
        })
    }

    fn pin(&self, side: usize) {
        if let Some(core) = self.cores.get(side) {
            core_affinity::set_for_current(*core);
        }
    }

    fn ns_since(&self, start_ticks: u64) -> f64 {
        self.ns(self.clock.ticks().saturating_sub(start_ticks))
    }

    /// With what is behind the point.
    fn ns(&self, ticks: u64) -> f64 {
        self.clock.elapsed_ns(0, ticks.saturating_mul(1_024)) as f64 / 1_024.0
    }
}

fn ratio(count: usize) -> f64 {
    count as f64
}

/// An event that never comes back ends a floor's block after this long.
const LIMIT_NS: u64 = 60_000_000_000;

const _: () = assert!(BATCH <= 64 && size_of::<Event>() == 128, "a batch is a few pages at most");
