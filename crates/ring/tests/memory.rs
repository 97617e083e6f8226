//! Where the slots lie, and that they are there before the first event.

use std::num::NonZeroUsize;

use tickring_ring::{Capacity, ring};

/// As large as a market event and aligned as it is.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
struct Event([u64; 16]);

const LINE: usize = 64;

const SLOTS: usize = 16_384;

const _: () = assert!(size_of::<Event>() == 2 * LINE, "an event is two lines");

#[test]
fn no_event_straddles_more_lines_than_it_fills() {
    let (mut publisher, mut pollers) = ring::<Event>(Capacity::new(8).unwrap(), 1);
    publisher.try_publish(&[Event::default(); 8]).unwrap();
    let mut at = Vec::new();
    pollers[0]
        .poll(NonZeroUsize::MAX, |event, _, _| at.push(std::ptr::from_ref(event).addr()))
        .unwrap();
    assert!(at.iter().all(|address| address.is_multiple_of(LINE)), "{at:x?}");
    let first = at[0];
    assert!(at.into_iter().eq((0..8).map(|slot| first + slot * size_of::<Event>())));
}

#[test]
fn the_first_lap_meets_no_page_that_was_never_touched() {
    let Some(before) = page_faults() else { return };
    let (mut publisher, mut pollers) = ring::<Event>(Capacity::new(SLOTS).unwrap(), 1);
    let made = page_faults().unwrap();
    let limit = NonZeroUsize::new(64).unwrap();
    let mut sum = 0;
    for value in 0..SLOTS as u64 {
        publisher.try_publish(&[Event([value; 16])]).unwrap();
        pollers[0].poll(limit, |event, _, _| sum += event.0[15]).unwrap();
    }
    let lap = page_faults().unwrap() - made;
    assert_eq!(sum, (0..SLOTS as u64).sum());
    // Pages have 4 KiB or more; other memory may be touched meanwhile, but not as much.
    let pages = SLOTS * size_of::<Event>() / 4_096;
    assert!(lap < pages as u64 / 8, "{lap} faults in the first lap, {} before", made - before);
}

/// Pages that this thread touched for the first time, where the system tells.
fn page_faults() -> Option<u64> {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").ok()?;
    // The name, in parentheses, may hold spaces; the tenth field is the seventh after it.
    stat.rsplit_once(") ")?.1.split(' ').nth(7)?.parse().ok()
}
