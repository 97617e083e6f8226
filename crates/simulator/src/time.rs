use std::thread;
use std::time::Duration;

/// Where the simulator takes its time from, and how it waits.
///
/// Any closure that gives the time is one, with the default way to wait.
pub trait Time {
    /// Nanoseconds since any fixed moment. Must never fall.
    fn now_ns(&self) -> u64;

    /// Waits, for at most about `wait_ns_max`, because there is nothing to do until then.
    ///
    /// By default the thread is parked, which costs no processor time and wakes some 50 us late on
    /// Linux: messages due closer together than that leave in small groups. Whoever has a core to
    /// spare and wants each message on time overrides this with a busy wait.
    fn idle(&self, wait_ns_max: u64) {
        thread::park_timeout(Duration::from_nanos(wait_ns_max));
    }
}

impl<F: Fn() -> u64> Time for F {
    fn now_ns(&self) -> u64 {
        self()
    }
}
