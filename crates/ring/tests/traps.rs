//! What the crate below lets through and this one must not.
//!
//! Two traps have no test here because code that falls into them does not compile. A slot
//! reference kept after its slot came free: publishing takes slices, and the `compile_fail`
//! example of `Poller` tries it with an event that was read. A poller of one ring joined to
//! another: rings are made whole, by `ring`, and pollers cannot be added to them.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use tickring_ring::{Capacity, Full, OnFull, PublishError, Publisher, Stall, ring};

const EIGHT: Capacity = Capacity::new(8).expect("a power of two");

/// Gives up after as many waits.
struct Patience(u32);

impl Stall for Patience {
    fn ticks(&mut self) -> u64 {
        0
    }

    fn wait(&mut self) -> ControlFlow<()> {
        match self.0.checked_sub(1) {
            Some(left) => {
                self.0 = left;
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        }
    }
}

#[test]
fn a_batch_longer_than_the_ring_returns() {
    let (mut publisher, mut pollers) = ring::<u64>(EIGHT, 1);
    let events: Vec<u64> = (0..9).collect();
    assert_eq!(publisher.try_publish(&events), Err(Full { free: 8 }));
    assert_eq!(publisher.next_sequence(), 0);

    // Blocking, it goes in parts, and waiting for the last part can be given up.
    let outcome = publisher.publish(&events, OnFull::Block, &mut Patience(3));
    assert_eq!(outcome, Err(PublishError::Interrupted { left: 1 }));
    let mut seen = Vec::new();
    pollers[0].poll(NonZeroUsize::MAX, |event, _, _| seen.push(*event)).unwrap();
    assert!(seen.into_iter().eq(0..8));
}

#[test]
fn a_batch_of_the_greatest_length_does_not_move_the_cursor_back() {
    // Only events without size can make a slice this long.
    let endless: &[()] = &[(); usize::MAX];
    let (mut publisher, mut pollers) = ring::<()>(EIGHT, 1);
    publisher.try_publish(&[(), ()]).unwrap();
    assert_eq!(publisher.try_publish(endless), Err(Full { free: 6 }));
    assert_eq!(publisher.next_sequence(), 2);

    let outcome = publisher.publish(endless, OnFull::Drop, &mut Patience(0));
    assert_eq!(outcome, Err(PublishError::Dropped { count: usize::MAX - 6 }));
    assert_eq!(publisher.next_sequence(), 8);
    assert_eq!(pollers[0].poll(NonZeroUsize::MAX, |(), _, _| {}), Ok(8));
    publisher.try_publish(&[()]).unwrap();
    assert_eq!(pollers[0].poll(NonZeroUsize::MAX, |(), _, _| {}), Ok(1));
}

#[test]
fn a_dropped_poller_gates_no_longer() {
    fn publish_laps(publisher: &mut Publisher<u64>) {
        for event in 0..100 {
            publisher.publish(&[event], OnFull::Block, &mut Patience(3)).unwrap();
        }
    }
    // Before the first event, between two laps, and while the ring is full.
    for published in [0, 3, 8] {
        let (mut publisher, pollers) = ring::<u64>(EIGHT, 1);
        for event in 0..published {
            publisher.try_publish(&[event]).unwrap();
        }
        drop(pollers);
        publish_laps(&mut publisher);
        let gauges = publisher.gauges();
        assert_eq!((gauges.read(0), gauges.abandoned(0)), (0, 100 + published));
        assert_eq!((gauges.stalls(), gauges.dropped()), (0, 0));
    }
}

#[test]
fn a_dropped_poller_does_not_refuse_a_try_either() {
    let (mut publisher, pollers) = ring::<u64>(EIGHT, 2);
    publisher.try_publish(&[0; 8]).unwrap();
    drop(pollers);
    assert_eq!(publisher.try_publish(&[1; 8]), Ok(()));
}

#[test]
fn a_panicking_reader_does_not_mark_the_rest_of_its_batch_as_read() {
    let (mut publisher, mut pollers) = ring::<u64>(EIGHT, 1);
    publisher.try_publish(&[0, 1, 2, 3, 4, 5, 6, 7]).unwrap();
    let mut seen = Vec::new();
    let mut panics = 0;
    while seen.len() < 8 {
        let polled = catch_unwind(AssertUnwindSafe(|| {
            pollers[0].poll(NonZeroUsize::MAX, |event, _, _| {
                seen.push(*event);
                if event % 3 == 1 {
                    // Without the panic hook's message.
                    resume_unwind(Box::new(*event));
                }
            })
        }));
        panics += u32::from(polled.is_err());
    }
    assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(panics, 3);
    assert_eq!(publisher.try_publish(&[8; 8]), Ok(()));
}

#[test]
fn a_pinned_thread_makes_and_uses_a_ring_without_panic() {
    let core = *core_affinity::get_core_ids()
        .expect("the cores of this process are known")
        .last()
        .expect("a core");
    // In a thread of its own, so that no other test is pinned with it.
    let pinned = thread::Builder::new().name("pinned".into()).spawn(move || {
        assert!(core_affinity::set_for_current(core), "the thread can be pinned to {core:?}");
        let (mut publisher, mut pollers) = ring::<u64>(EIGHT, 3);
        publisher.try_publish(&[7]).unwrap();
        for poller in &mut pollers {
            assert_eq!(poller.poll(NonZeroUsize::MIN, |event, _, _| assert_eq!(*event, 7)), Ok(1));
        }
        assert!(publisher.close(&mut Patience(0)).is_clean());
    });
    pinned.unwrap().join().unwrap();
}
