use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::*;
use crate::{Capacity, Publisher, ring};

fn ring_of(events: &[u64]) -> (Publisher<u64>, Poller<u64>) {
    let (mut publisher, mut pollers) = ring(Capacity::new(8).unwrap(), 1);
    publisher.try_publish(events).unwrap();
    (publisher, pollers.remove(0))
}

fn read(poller: &mut Poller<u64>, limit: usize) -> Result<Vec<(u64, u64, bool)>, PollError> {
    let mut events = Vec::new();
    let limit = NonZeroUsize::new(limit).unwrap();
    let count = poller.poll(limit, |event, sequence, end_of_batch| {
        events.push((*event, sequence, end_of_batch));
    })?;
    events.truncate(count);
    Ok(events)
}

/// Polls with a reader that panics at `event`.
fn read_with_panic_at(poller: &mut Poller<u64>, event: u64) -> Vec<u64> {
    let mut seen = Vec::new();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        poller.poll(NonZeroUsize::MAX, |read, _, _| {
            seen.push(*read);
            if *read == event {
                // Without the panic hook's message.
                resume_unwind(Box::new("reader"));
            }
        })
    }));
    assert_eq!(panicked.unwrap_err().downcast_ref(), Some(&"reader"));
    seen
}

#[test]
fn a_batch_ends_at_the_limit_or_at_the_last_event() {
    let (_publisher, mut poller) = ring_of(&[10, 11, 12, 13, 14]);
    assert_eq!(read(&mut poller, 2), Ok(vec![(10, 0, false), (11, 1, true)]));
    assert_eq!(poller.sequence(), 2);
    assert_eq!(read(&mut poller, 3), Ok(vec![(12, 2, false), (13, 3, false), (14, 4, true)]));
    assert_eq!(read(&mut poller, 1), Err(PollError::Empty));
}

#[test]
fn the_largest_limit_is_no_limit() {
    let (_publisher, mut poller) = ring_of(&[10, 11]);
    assert_eq!(read(&mut poller, usize::MAX).unwrap().len(), 2);
    assert_eq!(poller.sequence(), 2);
}

#[test]
fn lag_is_what_is_left_to_read() {
    let (mut publisher, mut poller) = ring_of(&[10, 11, 12]);
    assert_eq!(poller.lag(), 3);
    read(&mut poller, 2).unwrap();
    assert_eq!(poller.lag(), 1);
    publisher.try_publish(&[13]).unwrap();
    assert_eq!(poller.lag(), 2);
}

#[test]
fn slots_come_free_only_when_the_batch_ends() {
    let (mut publisher, mut poller) = ring_of(&[0, 1, 2, 3, 4, 5, 6, 7]);
    let limit = NonZeroUsize::new(3).unwrap();
    poller.poll(limit, |_, _, _| assert!(publisher.try_publish(&[8]).is_err())).unwrap();
    assert_eq!(publisher.try_publish(&[8, 9, 10]), Ok(()));
    assert!(publisher.try_publish(&[11]).is_err());
}

#[test]
fn a_panicking_reader_is_given_the_next_event_afterwards() {
    let (publisher, mut poller) = ring_of(&[10, 11, 12, 13]);
    assert_eq!(read_with_panic_at(&mut poller, 11), [10, 11]);
    assert_eq!((poller.sequence(), poller.lag(), publisher.gauges().read(0)), (2, 2, 2));
    assert_eq!(read(&mut poller, 9), Ok(vec![(12, 2, false), (13, 3, true)]));
}

#[test]
fn a_panic_at_either_end_of_a_batch_counts_right() {
    let (_publisher, mut poller) = ring_of(&[10, 11, 12]);
    assert_eq!(read_with_panic_at(&mut poller, 10), [10]);
    assert_eq!(read_with_panic_at(&mut poller, 12), [11, 12]);
    assert_eq!((poller.sequence(), poller.lag()), (3, 0));
    assert_eq!(read(&mut poller, 9), Err(PollError::Empty));
}

#[test]
fn a_panicking_reader_frees_exactly_what_it_read() {
    let (mut publisher, mut poller) = ring_of(&[0, 1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(read_with_panic_at(&mut poller, 1), [0, 1]);
    assert!(publisher.try_publish(&[8, 9, 10]).is_err());
    assert_eq!(publisher.try_publish(&[8, 9]), Ok(()));
    let rest: Vec<u64> = read(&mut poller, 9).unwrap().iter().map(|read| read.0).collect();
    assert_eq!(rest, [2, 3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn a_panic_after_the_publisher_ended_still_leaves_the_rest() {
    let (publisher, mut poller) = ring_of(&[10, 11]);
    drop(publisher);
    assert_eq!(read_with_panic_at(&mut poller, 10), [10]);
    assert_eq!(read(&mut poller, 9), Ok(vec![(11, 1, true)]));
    assert_eq!(read(&mut poller, 9), Err(PollError::Shutdown));
}
