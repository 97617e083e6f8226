//! Order, back-pressure and shutdown with each side on a thread of its own.
//!
//! Each check has a short form, which always runs, and a long form on demand:
//! `cargo test --release --package tickring-ring --test threads -- --ignored`.

#![expect(clippy::unwrap_used, reason = "the helpers are part of the tests")]

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, Scope, ScopedJoinHandle, scope, yield_now};

use tickring_ring::{
    Capacity, Gauges, OnFull, PollError, Poller, PublishError, Publisher, Stall, WaitStrategy,
    Waiter, ring,
};

/// As large as a market event. All words are equal, so a torn copy shows.
type Event = [u64; 16];

const BATCH: NonZeroUsize = NonZeroUsize::new(32).unwrap();

/// How often a publisher waits for the same slot before the test fails instead of hanging:
/// about half a minute, as nearly all waits are the longest.
const WAITS_MAX: u32 = 30_000;

/// Waits as a publisher does, and counts its waits as ticks.
struct Patience {
    waiter: Waiter,
    ticks: u64,
    waits: u32,
}

impl Patience {
    fn new() -> Self {
        Self { waiter: Waiter::new(WaitStrategy::Backoff), ticks: 1, waits: 0 }
    }
}

impl Stall for Patience {
    fn ticks(&mut self) -> u64 {
        self.ticks
    }

    fn wait(&mut self) -> ControlFlow<()> {
        self.ticks += 1;
        self.waits += 1;
        self.waiter.idle();
        if self.waits < WAITS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Publishes `count` events in slices of 1 to `slice_max` and returns how many were accepted.
fn publish_all(publisher: &mut Publisher<Event>, count: u64, on_full: OnFull) -> u64 {
    let slice_max = 5;
    let mut offered = 0;
    let mut slice = Vec::new();
    while offered < count {
        slice.clear();
        let size = (offered % slice_max + 1).min(count - offered);
        slice.extend((offered..offered + size).map(|value| [value; 16]));
        match publisher.publish(&slice, on_full, &mut Patience::new()) {
            Ok(()) | Err(PublishError::Dropped { .. }) => {}
            Err(error) => panic!("failed to publish {offered}: {error}"),
        }
        offered += size;
    }
    publisher.next_sequence()
}

/// Polls to the end and returns how many events there were. Values must grow, and equal their
/// sequence when nothing was dropped.
fn poll_to_the_end(poller: &mut Poller<Event>, on_full: OnFull) -> u64 {
    let mut waiter = Waiter::new(WaitStrategy::Backoff);
    let mut next = 0;
    let mut value_min = 0;
    loop {
        let polled = poller.poll(BATCH, |event, sequence, _| {
            assert_eq!(sequence, next, "sequences have no hole");
            assert!(event.iter().all(|word| *word == event[0]), "torn event {event:?}");
            assert!(event[0] >= value_min, "{} came after {value_min}", event[0]);
            assert!(on_full == OnFull::Drop || event[0] == sequence, "{} lost", event[0]);
            next += 1;
            value_min = event[0] + 1;
        });
        match polled {
            Ok(_) => waiter.reset(),
            Err(PollError::Empty) => waiter.idle(),
            Err(PollError::Shutdown) => return next,
        }
    }
}

fn spawn<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    Builder::new().spawn_scoped(scope, work).expect("a thread starts")
}

fn slots(slots: usize) -> Capacity {
    Capacity::new(slots).unwrap()
}

/// Watches the gauges until `done` and checks what must hold at every moment.
fn watch(gauges: &Gauges, done: &AtomicBool) {
    let mut published = 0;
    let mut depth_max = 0;
    // Relaxed: only ends the loop; the thread is joined afterwards.
    while !done.load(Ordering::Relaxed) {
        assert!(gauges.published() >= published);
        published = gauges.published();
        assert!(gauges.depth_max() >= depth_max);
        depth_max = gauges.depth_max();
        let capacity = gauges.capacity().slots() as u64;
        assert!(gauges.depth() <= capacity);
        assert!(depth_max <= capacity);
        yield_now();
    }
}

#[track_caller]
fn check_run(capacity: Capacity, pollers: usize, count: u64, on_full: OnFull) {
    let (mut publisher, mut sides) = ring::<Event>(capacity, pollers);
    let gauges = publisher.gauges();
    let done = AtomicBool::new(false);
    scope(|scope| {
        let readers: Vec<_> = sides
            .iter_mut()
            .map(|side| spawn(scope, move || poll_to_the_end(side, on_full)))
            .collect();
        let watcher = spawn(scope, || watch(&gauges, &done));
        let published = publish_all(&mut publisher, count, on_full);
        assert_eq!(published + gauges.dropped(), count);
        let drained = publisher.close(&mut Patience::new());
        assert!(drained.is_clean(), "{drained:?}");
        for (poller, reader) in readers.into_iter().enumerate() {
            assert_eq!(reader.join().unwrap(), published);
            assert_eq!((gauges.read(poller), gauges.lag(poller)), (published, 0));
        }
        // Relaxed: see `watch`.
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
    });
}

#[test]
fn every_poller_sees_every_event_in_order() {
    check_run(slots(64), 3, 20_000, OnFull::Block);
}

#[test]
#[ignore = "long: run on demand"]
fn every_poller_sees_every_event_in_order_for_long() {
    check_run(slots(1_024), 3, 20_000_000, OnFull::Block);
}

#[test]
fn a_ring_shorter_than_the_slices_keeps_order() {
    check_run(slots(2), 2, 2_000, OnFull::Block);
}

#[test]
#[ignore = "long: run on demand"]
fn a_ring_shorter_than_the_slices_keeps_order_for_long() {
    check_run(slots(2), 2, 200_000, OnFull::Block);
}

#[test]
fn dropping_keeps_order_and_counts_what_it_drops() {
    check_run(slots(16), 2, 20_000, OnFull::Drop);
}

#[test]
#[ignore = "long: run on demand"]
fn dropping_keeps_order_and_counts_what_it_drops_for_long() {
    check_run(slots(16), 2, 20_000_000, OnFull::Drop);
}

#[test]
fn a_full_ring_blocks_the_publisher_until_the_poller_starts() {
    let (mut publisher, mut sides) = ring::<Event>(slots(8), 1);
    let gauges = publisher.gauges();
    scope(|scope| {
        let reader = spawn(scope, || {
            // The publisher cannot go on without this thread, so it is found waiting.
            while gauges.stalled_since() == 0 {
                yield_now();
            }
            assert_eq!((gauges.stalls(), gauges.published()), (1, 8));
            assert_eq!((gauges.depth(), gauges.depth_max()), (8, 8));
            poll_to_the_end(&mut sides[0], OnFull::Block)
        });
        for value in 0..100 {
            publisher.publish(&[[value; 16]], OnFull::Block, &mut Patience::new()).unwrap();
        }
        assert!(gauges.stall_ticks() > 0);
        assert!(publisher.close(&mut Patience::new()).is_clean());
        assert_eq!(reader.join().unwrap(), 100);
    });
    assert_eq!((gauges.depth(), gauges.depth_max(), gauges.stalled_since()), (0, 8, 0));
}

/// One of two pollers is dropped when it has read `leaves_at` events.
#[track_caller]
fn check_leaving(count: u64, leaves_at: u64) {
    let (mut publisher, mut sides) = ring::<Event>(slots(16), 2);
    let gauges = publisher.gauges();
    let mut leaver = sides.pop().unwrap();
    scope(|scope| {
        let stayer = spawn(scope, || poll_to_the_end(&mut sides[0], OnFull::Block));
        let left = spawn(scope, move || {
            while leaver.sequence() < leaves_at {
                if leaver.poll(NonZeroUsize::MIN, |_, _, _| {}).is_err() {
                    yield_now();
                }
            }
        });
        assert_eq!(publish_all(&mut publisher, count, OnFull::Block), count);
        assert!(publisher.close(&mut Patience::new()).is_clean());
        left.join().unwrap();
        assert_eq!(stayer.join().unwrap(), count);
    });
    assert_eq!((gauges.read(1), gauges.abandoned(1)), (leaves_at, count - leaves_at));
}

#[test]
fn a_poller_that_leaves_early_holds_up_no_one() {
    check_leaving(5_000, 0);
    check_leaving(5_000, 1_234);
}

#[test]
#[ignore = "long: run on demand"]
fn a_poller_that_leaves_early_holds_up_no_one_for_long() {
    for leaves_at in 0..500 {
        check_leaving(20_000, leaves_at * 37);
    }
}

/// A reader that panics at every `every`-th event and goes on.
#[track_caller]
fn check_panics(count: u64, every: u64) {
    let (mut publisher, mut sides) = ring::<Event>(slots(16), 1);
    scope(|scope| {
        let reader = spawn(scope, || {
            let mut next = 0;
            loop {
                let polled = catch_unwind(AssertUnwindSafe(|| {
                    sides[0].poll(BATCH, |event, sequence, _| {
                        assert_eq!((event[0], sequence), (next, next));
                        next += 1;
                        if next % every == 0 {
                            // Without the panic hook's message.
                            resume_unwind(Box::new("reader"));
                        }
                    })
                }));
                match polled {
                    Ok(Ok(_)) => {}
                    Ok(Err(PollError::Empty)) => yield_now(),
                    Ok(Err(PollError::Shutdown)) => return next,
                    Err(panic) if panic.is::<&str>() => {}
                    Err(panic) => resume_unwind(panic),
                }
            }
        });
        assert_eq!(publish_all(&mut publisher, count, OnFull::Block), count);
        assert!(publisher.close(&mut Patience::new()).is_clean());
        assert_eq!(reader.join().unwrap(), count);
    });
}

#[test]
fn a_panicking_reader_loses_nothing() {
    check_panics(5_000, 7);
}

#[test]
#[ignore = "long: run on demand"]
fn a_panicking_reader_loses_nothing_for_long() {
    check_panics(500_000, 7);
}

#[test]
fn a_close_that_gives_up_leaves_the_rest_to_the_poller() {
    let (mut publisher, mut sides) = ring::<Event>(slots(8), 1);
    let gauges: Arc<Gauges> = publisher.gauges();
    publisher.try_publish(&[[0; 16], [1; 16], [2; 16]]).unwrap();
    let mut impatient = Patience { waits: WAITS_MAX - 2, ..Patience::new() };
    let drained = publisher.close(&mut impatient);
    assert_eq!(drained.left, [3]);
    scope(|scope| {
        let reader = spawn(scope, || poll_to_the_end(&mut sides[0], OnFull::Block));
        assert_eq!(reader.join().unwrap(), 3);
    });
    assert_eq!((gauges.read(0), gauges.lag(0)), (3, 0));
}
