//! The sequence in the slot: a reader waits at the slot itself, and no cursor moves.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

use super::bare::slot;
use super::shared::{AtomicU64, Ordering, Shared};

/// The one writer.
#[derive(Debug)]
pub struct Publisher<E> {
    ring: Arc<Ring<E>>,
    next: u64,
    /// Sequences below this one have a free slot.
    clear: u64,
}

/// One reader, which sees every event.
#[derive(Debug)]
pub struct Reader<E> {
    ring: Arc<Ring<E>>,
    index: usize,
    next: u64,
}

#[derive(Debug)]
struct Ring<E> {
    slots: Box<[Slot<E>]>,
    /// How many events each reader has finished with.
    positions: Box<[CachePadded<AtomicU64>]>,
}

/// The sequence lies on the slot's first line, before the event.
#[derive(Debug)]
#[repr(C, align(64))]
struct Slot<E> {
    /// One more than the sequence of the event that the slot holds; 0 where it holds none.
    published: AtomicU64,
    event: Shared<E>,
}

/// A ring of `slots` slots with `readers` readers.
///
/// # Panics
/// When `slots` is not a power of two, or without a reader.
#[must_use]
pub fn one_line<E: Copy + Default>(slots: usize, readers: usize) -> (Publisher<E>, Vec<Reader<E>>) {
    assert!(slots.is_power_of_two(), "a mask finds the slot");
    assert!(readers > 0, "somebody has to gate the publisher");
    let empty = |_| Slot { published: AtomicU64::new(0), event: Shared::new(E::default()) };
    let ring = Arc::new(Ring {
        slots: (0..slots).map(empty).collect(),
        positions: (0..readers).map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
    });
    let reader = |index| Reader { ring: Arc::clone(&ring), index, next: 0 };
    let readers = (0..readers).map(reader).collect();
    (Publisher { ring, next: 0, clear: slots as u64 }, readers)
}

impl<E: Copy> Publisher<E> {
    /// Publishes `count` events, or none where they have no room; readers see them one by one. `fill`
    /// is given each one's place, counted from 0, and what its slot held last.
    #[expect(unsafe_code, reason = "the slots are free: see below")]
    #[inline]
    pub fn try_publish(&mut self, count: usize, mut fill: impl FnMut(usize, &mut E)) -> bool {
        let ring = &*self.ring;
        let end = self.next + count as u64;
        if end > self.clear {
            // Acquire: pairs with the readers' Release, so that what they read was read before it is
            // written again.
            let slowest = ring.positions.iter().map(|it| it.load(Ordering::Acquire)).min();
            self.clear = slowest.unwrap_or(0) + ring.slots.len() as u64;
            if end > self.clear {
                return false;
            }
        }
        for (sequence, index) in (self.next..).zip(0..count) {
            let slot = &ring.slots[slot(sequence, ring.slots.len())];
            // SAFETY: every reader has passed this slot's last event (`clear`), and none reads the
            // next one before the slot's sequence says so.
            unsafe { slot.event.write(|event| fill(index, event)) };
            // Release: pairs with the readers' Acquire; they see the event written before it.
            slot.published.store(sequence + 1, Ordering::Release);
        }
        self.next = end;
        true
    }
}

impl<E: Copy> Reader<E> {
    /// Hands the next events, at most `limit`, to `handle(sequence, event)`, and says how many there
    /// were.
    #[expect(unsafe_code, reason = "the slot is published: see below")]
    #[inline]
    pub fn poll(&mut self, limit: usize, mut handle: impl FnMut(u64, &E)) -> usize {
        let ring = &*self.ring;
        let mut count = 0;
        while count < limit {
            let sequence = self.next;
            let slot = &ring.slots[slot(sequence, ring.slots.len())];
            // Acquire: pairs with the publisher's Release.
            if slot.published.load(Ordering::Acquire) != sequence + 1 {
                break;
            }
            // SAFETY: it was published, and the publisher waits for this reader's position.
            unsafe { slot.event.read(|event| handle(sequence, event)) };
            self.next += 1;
            count += 1;
        }
        if count > 0 {
            // Release: pairs with the publisher's Acquire.
            ring.positions[self.index].store(self.next, Ordering::Release);
        }
        count
    }
}
