//! How long what a read brought had waited in the kernel.

use tickring_metrics::Clock;

use crate::socket::stream::Stream;
use crate::source::KernelTimeTally;

/// The wait of the last read, and how well it is known.
#[derive(Debug, Default)]
pub(crate) struct KernelWait {
    wait_ticks: Option<u64>,
    tally: KernelTimeTally,
}

impl KernelWait {
    /// Notes a read that brought bytes and returned at `arrival_ticks`.
    ///
    /// The kernel stamps with the system's clock, so that is read here, beside our ticks: no scale
    /// between the two clocks has to be known, and a step of the system's clock spoils only what
    /// waited across it.
    #[inline]
    pub(crate) fn note(&mut self, stream: &Stream, arrival_ticks: u64, clock: &Clock) {
        if !stream.is_stamped() {
            return;
        }
        self.tally.reads += 1;
        let Some(stamp_ns) = stream.stamp_ns() else {
            self.tally.reads_without += 1;
            self.wait_ticks = None;
            return;
        };
        let reading = clock.wall_reading();
        self.tally.error_ns_max = self.tally.error_ns_max.max(reading.error_ns);
        let since_read_ns = clock.elapsed_ns(arrival_ticks, reading.ticks);
        let read_ns = reading.wall_ns.saturating_sub(since_read_ns);
        let wait_ns = read_ns.checked_sub(stamp_ns).unwrap_or_else(|| {
            self.tally.clamped += 1;
            0
        });
        self.wait_ticks = Some(clock.ns_to_ticks(wait_ns));
    }

    /// The wait of the last read; `None` where it is not known.
    #[inline]
    pub(crate) const fn wait_ticks(&self) -> Option<u64> {
        self.wait_ticks
    }

    pub(crate) const fn tally(&self) -> KernelTimeTally {
        self.tally
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    use tickring_metrics::MOCK_WALL_NS_AT_START;

    use super::*;

    /// A stream, with the kernel's times or without, of which a byte was read.
    fn read_stream(is_stamped: bool) -> Stream {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut stream = if is_stamped { Stream::stamped(client) } else { Stream::plain(client) };
        let (mut server, _) = listener.accept().unwrap();
        // The kernel begins to stamp a moment after it was first asked to in a system.
        loop {
            server.write_all(b"a").unwrap();
            stream.read_exact(&mut [0]).unwrap();
            if !stream.is_stamped() || stream.stamp_ns().is_some() {
                return stream;
            }
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_time_before_the_read_is_a_wait() {
        let clock = Clock::new();
        let stream = read_stream(true);
        let arrival_ticks = clock.ticks();
        let mut wait = KernelWait::default();
        wait.note(&stream, arrival_ticks, &clock);
        let wait_ns = clock.elapsed_ns(0, wait.wait_ticks().unwrap());
        assert!(wait_ns < 60_000_000_000, "{wait_ns}");
        assert_eq!(wait.tally().clamped, 0);
        assert_eq!((wait.tally().reads, wait.tally().reads_without), (1, 0));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_time_after_the_read_is_no_wait_and_counted() {
        // This clock stands in 2023, long before the kernel's stamp.
        let (clock, _) = Clock::mock();
        let stream = read_stream(true);
        assert!(stream.stamp_ns().unwrap() > MOCK_WALL_NS_AT_START);
        let mut wait = KernelWait::default();
        wait.note(&stream, clock.ticks(), &clock);
        assert_eq!(wait.wait_ticks(), Some(0));
        assert_eq!(wait.tally().clamped, 1);
    }

    #[test]
    fn nobody_asked_means_nothing_known() {
        let (clock, _) = Clock::mock();
        let mut wait = KernelWait::default();
        wait.note(&read_stream(false), clock.ticks(), &clock);
        assert_eq!(wait.wait_ticks(), None);
        assert_eq!(wait.tally(), KernelTimeTally::default());
    }
}
