//! How the main thread learns at once that another one is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

/// Wakes a thread when it is dropped, by a panic too: how long that one rests is no part of a run.
pub(super) struct Bell {
    is_over: Arc<AtomicBool>,
    listener: Thread,
}

impl Bell {
    /// One that sets `is_over` and wakes the calling thread from a park.
    pub(super) fn to_here(is_over: Arc<AtomicBool>) -> Self {
        Self { is_over, listener: thread::current() }
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        // Relaxed: the flag carries no data; what the thread leaves behind comes by joining it.
        self.is_over.store(true, Ordering::Relaxed);
        self.listener.unpark();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(work: impl FnOnce() + Send) {
        let is_over = Arc::new(AtomicBool::new(false));
        let bell = Bell::to_here(Arc::clone(&is_over));
        thread::scope(|scope| {
            let other = scope.spawn(move || {
                let _bell = bell;
                work();
            });
            // Without a limit: nothing but the bell ends it.
            while !is_over.load(Ordering::Relaxed) {
                thread::park();
            }
            drop(other.join());
        });
    }

    #[test]
    fn a_thread_that_ends_wakes_who_waits() {
        check(|| {});
    }

    #[test]
    fn a_thread_that_panics_wakes_who_waits() {
        check(|| panic!("as a test asks"));
    }
}
