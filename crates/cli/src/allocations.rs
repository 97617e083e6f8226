//! How often a thread allocates: the hot path's promise, counted.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::hint::black_box;

thread_local! {
    /// Needs neither memory nor a destructor, so it may be touched inside of an allocator.
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// An allocator that counts, for each thread, how often it was asked for memory.
///
/// Make it the program's global allocator around its real one, and `tickring bench` can tell
/// allocations per message. One addition to a thread's own cell an allocation.
#[derive(Clone, Copy, Debug, Default)]
pub struct CountingAllocator<A>(pub A);

#[expect(unsafe_code, reason = "a global allocator has no safe form, and only one can count")]
// SAFETY: every call is handed on unchanged to an allocator that keeps the contract; counting touches
// a thread-local cell that needs neither memory nor a destructor.
unsafe impl<A: GlobalAlloc> GlobalAlloc for CountingAllocator<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc`.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `GlobalAlloc::dealloc`.
        unsafe { self.0.dealloc(memory, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::alloc_zeroed`.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller keeps the contract of `GlobalAlloc::realloc`.
        unsafe { self.0.realloc(memory, layout, size) }
    }
}

#[inline]
fn note() {
    COUNT.with(|count| count.set(count.get().wrapping_add(1)));
}

/// Allocations of the calling thread so far.
pub(crate) fn of_this_thread() -> u64 {
    COUNT.with(Cell::get)
}

/// Whether the program counts at all: its allocator is its own choice.
pub(crate) fn are_counted() -> bool {
    let before = of_this_thread();
    drop(black_box(Box::new(before)));
    of_this_thread() != before
}
