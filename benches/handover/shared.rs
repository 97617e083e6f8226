//! Memory that one thread writes and others read, at times the ring keeps apart.

#[cfg(not(loom))]
use std::cell::UnsafeCell;
#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(loom)]
use loom::cell::UnsafeCell;
#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicU64, Ordering};

/// An event's place in a ring.
#[derive(Debug)]
#[repr(transparent)]
pub(super) struct Shared<E>(UnsafeCell<E>);

#[expect(
    unsafe_code,
    reason = "a slot is written and read by different threads; a copy would be measured too"
)]
// SAFETY: the cell is reached through `write` and `read` alone, whose callers keep a write apart from
// everything else; what they share then is `&E`, and what they send is `E`.
unsafe impl<E: Send + Sync> Sync for Shared<E> {}

impl<E: Copy> Shared<E> {
    pub(super) fn new(event: E) -> Self {
        Self(UnsafeCell::new(event))
    }

    /// # Safety
    /// Nobody reads or writes this place until `write` returns.
    #[expect(unsafe_code, reason = "the callers' sequences prove it; loom checks them")]
    #[inline]
    pub(super) unsafe fn write(&self, write: impl FnOnce(&mut E)) {
        #[cfg(loom)]
        // SAFETY: the caller's promise.
        self.0.with_mut(|place| write(unsafe { &mut *place }));
        #[cfg(not(loom))]
        // SAFETY: the caller's promise.
        write(unsafe { &mut *self.0.get() });
    }

    /// # Safety
    /// Nobody writes this place until `read` returns.
    #[expect(unsafe_code, reason = "the callers' sequences prove it; loom checks them")]
    #[inline]
    pub(super) unsafe fn read<R>(&self, read: impl FnOnce(&E) -> R) -> R {
        #[cfg(loom)]
        // SAFETY: the caller's promise.
        return self.0.with(|place| read(unsafe { &*place }));
        #[cfg(not(loom))]
        // SAFETY: the caller's promise.
        read(unsafe { &*self.0.get() })
    }
}
