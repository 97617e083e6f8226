//! A cursor's line and a slot's: the least that a ring with a cursor moves.

use std::sync::Arc;

use crossbeam_utils::CachePadded;

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
    slots: Box<[Shared<E>]>,
    /// How many events were published.
    cursor: CachePadded<AtomicU64>,
    /// How many events each reader has finished with.
    positions: Box<[CachePadded<AtomicU64>]>,
}

/// A ring of `slots` slots with `readers` readers.
///
/// # Panics
/// When `slots` is not a power of two, or without a reader.
#[must_use]
pub fn bare<E: Copy + Default>(slots: usize, readers: usize) -> (Publisher<E>, Vec<Reader<E>>) {
    assert!(slots.is_power_of_two(), "a mask finds the slot");
    assert!(readers > 0, "somebody has to gate the publisher");
    let ring = Arc::new(Ring {
        slots: (0..slots).map(|_| Shared::new(E::default())).collect(),
        cursor: CachePadded::new(AtomicU64::new(0)),
        positions: (0..readers).map(|_| CachePadded::new(AtomicU64::new(0))).collect(),
    });
    let reader = |index| Reader { ring: Arc::clone(&ring), index, next: 0 };
    let readers = (0..readers).map(reader).collect();
    (Publisher { ring, next: 0, clear: slots as u64 }, readers)
}

impl<E: Copy> Publisher<E> {
    /// Publishes `count` events at once, or none where they have no room. `fill` is given each one's
    /// place, counted from 0, and what its slot held last.
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
            // SAFETY: every reader has passed this slot's last event (`clear`), and none reads the
            // next one before the cursor says so.
            unsafe {
                ring.slots[slot(sequence, ring.slots.len())].write(|event| fill(index, event));
            }
        }
        self.next = end;
        // Release: pairs with the readers' Acquire; they see what was written before it.
        ring.cursor.store(end, Ordering::Release);
        true
    }
}

impl<E: Copy> Reader<E> {
    /// Hands the next events, at most `limit`, to `handle(sequence, event)`, and says how many there
    /// were.
    #[expect(unsafe_code, reason = "the slots are published: see below")]
    #[inline]
    pub fn poll(&mut self, limit: usize, mut handle: impl FnMut(u64, &E)) -> usize {
        let ring = &*self.ring;
        // Acquire: pairs with the publisher's Release.
        let published = ring.cursor.load(Ordering::Acquire);
        let end = published.min(self.next.saturating_add(limit as u64));
        let first = self.next;
        if end == first {
            return 0;
        }
        for sequence in first..end {
            let slot = &ring.slots[slot(sequence, ring.slots.len())];
            // SAFETY: it was published, and the publisher waits for this reader's position.
            unsafe { slot.read(|event| handle(sequence, event)) };
        }
        self.next = end;
        // Release: pairs with the publisher's Acquire.
        ring.positions[self.index].store(end, Ordering::Release);
        usize::try_from(end - first).unwrap_or(limit)
    }
}

/// Where a sequence lies among `slots`, a power of two.
#[expect(clippy::cast_possible_truncation, reason = "the mask keeps the low bits alone")]
pub(super) const fn slot(sequence: u64, slots: usize) -> usize {
    sequence as usize & (slots - 1)
}
