//! What a thread does until the next recorded frame is due.

use std::hint;
use std::thread;
use std::time::Duration;

/// A frame due within this time is waited for awake: more than the system's timer slack, so that
/// no frame is late for having been slept for.
pub const NEAR_NS_MAX: u64 = 100_000;

/// Longest single sleep, so that the loop around the source looks at its stop flag.
pub const PARK_NS_MAX: u64 = 1_000_000;

/// How a paced source waits; tests drive a mock clock with it.
pub trait FrameWait {
    /// Waits once, for less than `left_ns` if at all possible: then a frame is due.
    fn wait(&mut self, left_ns: u64);
}

/// Sleeps while the frame is far and stays awake when it is near.
///
/// Farther than [`NEAR_NS_MAX`] it parks the thread until then, at most [`PARK_NS_MAX`]. Nearer:
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ThreadWait {
    /// Spins. For a thread with a core of its own.
    Spin,
    /// Gives the core to other threads that want it.
    Yield,
}

impl FrameWait for ThreadWait {
    fn wait(&mut self, left_ns: u64) {
        if left_ns > NEAR_NS_MAX {
            let park_ns = (left_ns - NEAR_NS_MAX).min(PARK_NS_MAX);
            thread::park_timeout(Duration::from_nanos(park_ns));
            return;
        }
        match self {
            Self::Spin => hint::spin_loop(),
            Self::Yield => thread::yield_now(),
        }
    }
}
