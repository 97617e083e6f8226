use std::num::NonZeroUsize;

use super::*;
use crate::{PollError, Poller, ring};

/// A clock that moves 10 ticks a wait, and something to do in each wait.
struct Script<F> {
    ticks: u64,
    waits: usize,
    step: F,
}

impl<F: FnMut(usize) -> ControlFlow<()>> Script<F> {
    fn new(step: F) -> Self {
        Self { ticks: 100, waits: 0, step }
    }
}

impl<F: FnMut(usize) -> ControlFlow<()>> Stall for Script<F> {
    fn ticks(&mut self) -> u64 {
        self.ticks
    }

    fn wait(&mut self) -> ControlFlow<()> {
        self.waits += 1;
        self.ticks += 10;
        (self.step)(self.waits)
    }
}

/// For publishes that must not wait.
struct NoStall;

impl Stall for NoStall {
    fn ticks(&mut self) -> u64 {
        0
    }

    fn wait(&mut self) -> ControlFlow<()> {
        panic!("waited");
    }
}

fn ring_of<const SLOTS: usize>(pollers: usize) -> (Publisher<u64>, Vec<Poller<u64>>) {
    ring(Capacity::new(SLOTS).unwrap(), pollers)
}

fn read(poller: &mut Poller<u64>, limit: usize) -> Vec<u64> {
    let mut events = Vec::new();
    match poller.poll(NonZeroUsize::new(limit).unwrap(), |event, _, _| events.push(*event)) {
        Ok(count) => assert_eq!(count, events.len()),
        Err(_) => assert!(events.is_empty()),
    }
    events
}

#[test]
fn a_slice_goes_in_whole_or_not_at_all() {
    let (mut publisher, mut pollers) = ring_of::<4>(1);
    assert_eq!(publisher.try_publish(&[0, 1, 2]), Ok(()));
    assert_eq!(publisher.try_publish(&[3, 4]), Err(Full { free: 1 }));
    assert_eq!(publisher.next_sequence(), 3);
    assert_eq!(publisher.try_publish(&[3]), Ok(()));
    assert_eq!(publisher.try_publish(&[4]), Err(Full { free: 0 }));
    assert_eq!(read(&mut pollers[0], 9), [0, 1, 2, 3]);
    assert_eq!(publisher.try_publish(&[4, 5, 6, 7]), Ok(()));
    assert_eq!(read(&mut pollers[0], 9), [4, 5, 6, 7]);
}

#[test]
fn an_empty_slice_changes_nothing_even_when_the_ring_is_full() {
    let (mut publisher, mut pollers) = ring_of::<2>(1);
    assert_eq!(publisher.try_publish(&[]), Ok(()));
    assert_eq!(read(&mut pollers[0], 1), []);
    publisher.try_publish(&[0, 1]).unwrap();
    for policy in [OnFull::Block, OnFull::Drop, OnFull::Fail] {
        assert_eq!(publisher.publish(&[], policy, &mut NoStall), Ok(()));
    }
    assert_eq!(publisher.next_sequence(), 2);
    assert_eq!(read(&mut pollers[0], 9), [0, 1]);
}

#[test]
fn block_waits_until_the_slowest_poller_has_made_room() {
    let (mut publisher, mut pollers) = ring_of::<4>(2);
    publisher.try_publish(&[0, 1, 2, 3]).unwrap();
    let mut seen = Vec::new();
    let mut stall = Script::new(|wait| {
        seen.extend(read(&mut pollers[wait % 2], 1));
        ControlFlow::Continue(())
    });
    // Both pollers must read two events each for the slice to fit.
    assert_eq!(publisher.publish(&[4, 5], OnFull::Block, &mut stall), Ok(()));
    assert_eq!(stall.waits, 4);
    assert_eq!(seen, [0, 0, 1, 1]);
    assert_eq!(publisher.next_sequence(), 6);
}

#[test]
fn block_publishes_a_slice_longer_than_the_ring_in_parts() {
    let (mut publisher, mut pollers) = ring_of::<4>(1);
    publisher.try_publish(&[0]).unwrap();
    let events: Vec<u64> = (1..20).collect();
    let mut seen = Vec::new();
    let mut stall = Script::new(|_| {
        seen.extend(read(&mut pollers[0], 3));
        ControlFlow::Continue(())
    });
    assert_eq!(publisher.publish(&events, OnFull::Block, &mut stall), Ok(()));
    seen.extend(read(&mut pollers[0], 9));
    assert!(seen.into_iter().eq(0..20));
}

#[test]
fn block_gives_up_when_the_wait_does() {
    let (mut publisher, mut pollers) = ring_of::<2>(1);
    let mut stall = Script::new(|_| ControlFlow::Break(()));
    let outcome = publisher.publish(&[0, 1, 2, 3, 4], OnFull::Block, &mut stall);
    assert_eq!(outcome, Err(PublishError::Interrupted { left: 3 }));
    assert_eq!(publisher.gauges().stalled_since(), 0);
    assert_eq!(read(&mut pollers[0], 9), [0, 1]);
    // The caller may go on with the rest.
    assert_eq!(publisher.publish(&[2, 3], OnFull::Block, &mut stall), Ok(()));
    assert_eq!(read(&mut pollers[0], 9), [2, 3]);
}

#[test]
fn drop_drops_the_newest_and_counts_them() {
    let (mut publisher, mut pollers) = ring_of::<4>(1);
    publisher.try_publish(&[0, 1, 2]).unwrap();
    let outcome = publisher.publish(&[3, 4], OnFull::Drop, &mut NoStall);
    assert_eq!(outcome, Err(PublishError::Dropped { count: 2 }));
    // Of a slice longer than the ring, the part that has room goes in.
    let outcome = publisher.publish(&[3, 4, 5, 6, 7], OnFull::Drop, &mut NoStall);
    assert_eq!(outcome, Err(PublishError::Dropped { count: 4 }));
    assert_eq!(read(&mut pollers[0], 9), [0, 1, 2, 3]);
    let gauges = publisher.gauges();
    assert_eq!((gauges.published(), gauges.dropped(), gauges.stalls()), (4, 6, 0));
}

#[test]
fn fail_gives_the_events_back() {
    let (mut publisher, mut pollers) = ring_of::<4>(1);
    publisher.try_publish(&[0, 1, 2]).unwrap();
    let outcome = publisher.publish(&[3, 4], OnFull::Fail, &mut NoStall);
    assert_eq!(outcome, Err(PublishError::Full { left: 2 }));
    assert_eq!((publisher.gauges().dropped(), publisher.gauges().stalls()), (0, 0));
    assert_eq!(read(&mut pollers[0], 9), [0, 1, 2]);
}

#[test]
fn a_stall_is_counted_and_grows_while_it_lasts() {
    let (mut publisher, mut pollers) = ring_of::<2>(1);
    let gauges = publisher.gauges();
    publisher.try_publish(&[0, 1]).unwrap();
    assert_eq!((gauges.stalls(), gauges.stall_ticks(), gauges.stalled_since()), (0, 0, 0));

    let mut seen = Vec::new();
    let mut stall = Script::new(|wait| {
        seen.push((gauges.stalls(), gauges.stall_ticks(), gauges.stalled_since()));
        if wait == 3 {
            assert_eq!(read(&mut pollers[0], 1), [0]);
        }
        ControlFlow::Continue(())
    });
    publisher.publish(&[2], OnFull::Block, &mut stall).unwrap();
    assert_eq!(seen, [(1, 0, 100), (1, 10, 100), (1, 20, 100)]);
    assert_eq!((gauges.stalls(), gauges.stall_ticks(), gauges.stalled_since()), (1, 30, 0));

    let mut stall = Script::new(|_| ControlFlow::Break(()));
    publisher.publish(&[3], OnFull::Block, &mut stall).unwrap_err();
    assert_eq!((gauges.stalls(), gauges.stall_ticks(), gauges.stalled_since()), (2, 40, 0));
}

#[test]
fn a_stall_that_begins_at_tick_zero_still_shows() {
    let (mut publisher, _pollers) = ring_of::<2>(1);
    let gauges = publisher.gauges();
    publisher.try_publish(&[0, 1]).unwrap();
    let mut since = 0;
    let mut stall = Script::new(|_| {
        since = gauges.stalled_since();
        ControlFlow::Break(())
    });
    stall.ticks = 0;
    publisher.publish(&[2], OnFull::Block, &mut stall).unwrap_err();
    assert_eq!(since, 1);
}

#[test]
fn the_high_water_mark_is_the_deepest_that_the_ring_was() {
    let (mut publisher, mut pollers) = ring_of::<8>(2);
    let gauges = publisher.gauges();
    publisher.try_publish(&[0, 1, 2]).unwrap();
    assert_eq!((gauges.depth(), gauges.depth_max()), (3, 3));
    assert_eq!(read(&mut pollers[0], 9).len(), 3);
    assert_eq!(read(&mut pollers[1], 2).len(), 2);
    publisher.try_publish(&[3, 4]).unwrap();
    assert_eq!((gauges.depth(), gauges.depth_max()), (3, 3));
    publisher.try_publish(&[5]).unwrap();
    assert_eq!((gauges.depth(), gauges.depth_max()), (4, 4));
    assert_eq!((gauges.lag(0), gauges.lag(1), gauges.read(0), gauges.read(1)), (3, 4, 3, 2));
    assert_eq!(read(&mut pollers[1], 9).len(), 4);
    assert_eq!((gauges.depth(), gauges.depth_max()), (3, 4));
}

#[test]
fn a_burst_smaller_than_the_publishers_step_shows_when_it_is_read() {
    const SLOTS: usize = 1_024;
    let (mut publisher, mut pollers) = ring_of::<SLOTS>(2);
    let gauges = publisher.gauges();
    let step = SLOTS / Gauges::DEPTH_PARTS;
    let events: Vec<u64> = (0..step as u64).collect();
    publisher.try_publish(&events).unwrap();
    assert_eq!(gauges.depth_max(), 0);
    assert_eq!(read(&mut pollers[1], 3).len(), 3);
    assert_eq!(gauges.depth_max(), step as u64);
    // One more, and the publisher looks for itself.
    publisher.try_publish(&[step as u64]).unwrap();
    assert_eq!((gauges.depth(), gauges.depth_max()), (step as u64 + 1, step as u64 + 1));
}

#[test]
fn a_ring_that_filled_up_shows_its_capacity_as_high_water_mark() {
    let (mut publisher, _pollers) = ring_of::<4>(1);
    let gauges = publisher.gauges();
    publisher.try_publish(&[0, 1, 2]).unwrap();
    assert_eq!(publisher.try_publish(&[3, 4]), Err(Full { free: 1 }));
    assert_eq!(gauges.depth_max(), 3);
    publisher.try_publish(&[3]).unwrap();
    assert_eq!((gauges.depth(), gauges.depth_max()), (4, 4));
    publisher.try_publish(&[4]).unwrap_err();
    assert_eq!((gauges.depth(), gauges.depth_max()), (4, 4));
}

#[test]
fn closing_waits_until_every_poller_has_read_everything() {
    let (mut publisher, mut pollers) = ring_of::<8>(2);
    publisher.try_publish(&[0, 1, 2]).unwrap();
    let mut stall = Script::new(|wait| {
        read(&mut pollers[wait % 2], 2);
        ControlFlow::Continue(())
    });
    let drained = publisher.close(&mut stall);
    assert_eq!(stall.waits, 4);
    assert_eq!(drained, Drained { left: vec![0, 0], abandoned: vec![0, 0] });
    assert!(drained.is_clean());
}

#[test]
fn closing_reports_what_was_left_at_the_deadline() {
    let (mut publisher, mut pollers) = ring_of::<8>(2);
    publisher.try_publish(&[0, 1, 2]).unwrap();
    assert_eq!(read(&mut pollers[1], 2), [0, 1]);
    let drained = publisher.close(&mut Script::new(|_| ControlFlow::Break(())));
    assert_eq!(drained, Drained { left: vec![3, 1], abandoned: vec![0, 0] });
    assert!(!drained.is_clean());
    // What was left can still be read, and then the end.
    assert_eq!(read(&mut pollers[1], 9), [2]);
    assert_eq!(pollers[1].poll(NonZeroUsize::MIN, |_, _, _| {}), Err(PollError::Shutdown));
}

#[test]
fn closing_an_unused_ring_does_not_wait() {
    let (publisher, mut pollers) = ring_of::<2>(1);
    assert!(publisher.close(&mut NoStall).is_clean());
    assert_eq!(pollers[0].poll(NonZeroUsize::MIN, |_, _, _| {}), Err(PollError::Shutdown));
}

#[test]
fn closing_does_not_wait_for_a_dropped_poller() {
    let (mut publisher, mut pollers) = ring_of::<8>(2);
    publisher.try_publish(&[0, 1, 2]).unwrap();
    assert_eq!(read(&mut pollers[1], 2), [0, 1]);
    drop(pollers.pop());
    assert_eq!(read(&mut pollers[0], 9), [0, 1, 2]);
    let drained = publisher.close(&mut NoStall);
    assert_eq!(drained, Drained { left: vec![0, 0], abandoned: vec![0, 1] });
    assert!(drained.is_clean());
}

#[test]
fn a_poller_dropped_while_closing_ends_the_wait() {
    let (mut publisher, mut pollers) = ring_of::<8>(1);
    publisher.try_publish(&[0, 1, 2]).unwrap();
    let drained = publisher.close(&mut Script::new(|_| {
        pollers.clear();
        ControlFlow::Continue(())
    }));
    assert_eq!(drained, Drained { left: vec![0], abandoned: vec![3] });
}

#[test]
fn a_dropped_publisher_ends_the_stream_after_what_it_published() {
    let (mut publisher, mut pollers) = ring_of::<4>(1);
    publisher.try_publish(&[0, 1]).unwrap();
    drop(publisher);
    assert_eq!(read(&mut pollers[0], 1), [0]);
    assert_eq!(read(&mut pollers[0], 1), [1]);
    assert_eq!(pollers[0].poll(NonZeroUsize::MIN, |_, _, _| {}), Err(PollError::Shutdown));
}

#[test]
fn a_dropped_poller_stays_out_of_the_depth() {
    let (mut publisher, mut pollers) = ring_of::<8>(2);
    let gauges = publisher.gauges();
    drop(pollers.pop());
    for event in 0..20 {
        publisher.try_publish(&[event]).unwrap();
        assert_eq!(read(&mut pollers[0], 1), [event]);
        assert_eq!((gauges.depth(), gauges.lag(1)), (0, 0));
    }
    assert_eq!((gauges.depth_max(), gauges.abandoned(1), gauges.read(1)), (1, 20, 0));
}

#[test]
fn a_ring_whose_pollers_are_all_gone_takes_everything_and_counts_it() {
    let (mut publisher, pollers) = ring_of::<2>(2);
    drop(pollers);
    let events: Vec<u64> = (0..100).collect();
    let mut stall = Script::new(|_| ControlFlow::Continue(()));
    publisher.publish(&events, OnFull::Block, &mut stall).unwrap();
    let drained = publisher.close(&mut NoStall);
    assert_eq!(drained, Drained { left: vec![0, 0], abandoned: vec![100, 100] });
}

#[test]
fn errors_read_as_fragments() {
    assert_eq!(Full { free: 3 }.to_string(), "ring is full: 3 slots are free");
    assert_eq!(PublishError::Dropped { count: 2 }.to_string(), "ring is full: 2 events dropped");
}
