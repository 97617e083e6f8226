//! A buffer between the operating system's socket and the protocol layers.
//!
//! `tungstenite` fills its own buffer with zeros before every read, and rustls asks for 4 KiB at a
//! time: here one `recv` takes all there is, straight into memory that is never cleared, and an
//! empty poll costs that one `recv` and nothing else.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use crate::socket::wait::{self, Interest};

/// Bytes one `recv` may take: more than the kernel's usual receive buffer holds.
pub(crate) const READ_AHEAD_BYTES: usize = 256 * 1024;

/// Where the buffer begins: at a whole cache line. The kernel copies with one string instruction, and
/// some processors take three times as long for it where the target lies less than 32 bytes into a
/// page; glibc puts large buffers at 16 (AMD EPYC with FSRM, a `recv` of 32 KiB: 14.6 us there, 4.6 us
/// from 32 on, 2026-11-27).
const ALIGNMENT: usize = 64;

/// Reads ahead from `inner`, which must not block.
///
/// Readers above see only what [`ReadAhead::fill`] fetched: `WouldBlock` once it is used up, and the
/// end of the stream once `fill` has met it.
#[derive(Debug)]
pub(crate) struct ReadAhead<T> {
    inner: T,
    buffer: Box<[u8]>,
    /// Where the aligned part of the buffer begins.
    base: usize,
    /// What is left of the last `recv`: `buffer[start..end]`.
    start: usize,
    end: usize,
    ended: bool,
    write_blocked: bool,
}

/// What a `recv` brought.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Filled {
    /// Bytes are there to be read.
    Bytes,
    /// The other side sends no more.
    Ended,
    /// Nothing now.
    Empty,
}

impl<T> ReadAhead<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self::with_capacity(inner, READ_AHEAD_BYTES)
    }

    fn with_capacity(inner: T, capacity: usize) -> Self {
        let buffer = vec![0; capacity + ALIGNMENT].into_boxed_slice();
        let base = buffer.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        Self { inner, buffer, base, start: 0, end: 0, ended: false, write_blocked: false }
    }
}

impl<T> ReadAhead<T> {
    /// What is read from.
    #[inline]
    pub(crate) const fn inner(&self) -> &T {
        &self.inner
    }
}

impl<T: Read> ReadAhead<T> {
    /// One `recv`, if everything of the last one was read.
    ///
    /// # Errors
    /// Those of the socket, save `WouldBlock` and `Interrupted`, which count as nothing now.
    #[inline]
    pub(crate) fn fill(&mut self) -> io::Result<Filled> {
        if self.start < self.end {
            return Ok(Filled::Bytes);
        }
        let limit = self.buffer.len() - ALIGNMENT + self.base;
        match self.inner.read(&mut self.buffer[self.base..limit]) {
            Ok(0) => {
                self.ended = true;
                Ok(Filled::Ended)
            }
            Ok(len) => {
                self.start = self.base;
                self.end = self.base + len;
                Ok(Filled::Bytes)
            }
            Err(error) if is_nothing_now(&error) => Ok(Filled::Empty),
            Err(error) => Err(error),
        }
    }
}

impl<T: AsFd> ReadAhead<T> {
    /// Waits at most `wait_ns` until the socket has something to read, or room for what could not
    /// be written.
    pub(crate) fn wait(&self, wait_ns: u64) -> io::Result<()> {
        let interest = if self.write_blocked { Interest::ReadWrite } else { Interest::Read };
        wait::for_socket(self.as_fd(), interest, wait_ns).map(drop)
    }
}

impl<T: AsFd> AsFd for ReadAhead<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inner.as_fd()
    }
}

impl<T> Read for ReadAhead<T> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let ready = &self.buffer[self.start..self.end];
        if ready.is_empty() && !self.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let len = ready.len().min(target.len());
        target[..len].copy_from_slice(&ready[..len]);
        self.start += len;
        Ok(len)
    }
}

impl<T: Write> Write for ReadAhead<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.write_blocked = written.as_ref().is_err_and(is_nothing_now);
        written
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

fn is_nothing_now(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    /// Gives what it is told to, read by read; then the end.
    struct Script {
        reads: VecDeque<Result<Vec<u8>, io::ErrorKind>>,
        calls: usize,
    }

    fn script(reads: &[Result<&[u8], io::ErrorKind>]) -> Script {
        let reads = reads.iter().map(|read| read.map(<[u8]>::to_vec)).collect();
        Script { reads, calls: 0 }
    }

    impl Read for Script {
        fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
            self.calls += 1;
            match self.reads.pop_front() {
                Some(Ok(mut bytes)) => {
                    let len = bytes.len().min(target.len());
                    target[..len].copy_from_slice(&bytes[..len]);
                    if len < bytes.len() {
                        self.reads.push_front(Ok(bytes.split_off(len)));
                    }
                    Ok(len)
                }
                Some(Err(kind)) => Err(kind.into()),
                None => Ok(0),
            }
        }
    }

    fn read(adapter: &mut ReadAhead<Script>, len: usize) -> Result<Vec<u8>, io::ErrorKind> {
        let mut target = vec![0xEE; len];
        let len = adapter.read(&mut target).map_err(|error| error.kind())?;
        target.truncate(len);
        Ok(target)
    }

    #[test]
    fn nothing_is_read_before_it_is_filled_and_then_until_it_is_used_up() {
        let mut adapter = ReadAhead::with_capacity(script(&[Ok(b"abcdef")]), 16);
        assert_eq!(read(&mut adapter, 4), Err(io::ErrorKind::WouldBlock));
        assert_eq!(adapter.inner.calls, 0, "a read above never reaches the socket");
        assert_eq!(adapter.fill().unwrap(), Filled::Bytes);
        assert_eq!(read(&mut adapter, 4), Ok(b"abcd".to_vec()));
        assert_eq!(adapter.fill().unwrap(), Filled::Bytes);
        assert_eq!(adapter.inner.calls, 1, "what is left comes before another recv");
        assert_eq!(read(&mut adapter, 4), Ok(b"ef".to_vec()));
        assert_eq!(read(&mut adapter, 4), Err(io::ErrorKind::WouldBlock));
    }

    #[test]
    fn every_recv_goes_to_the_start_of_a_cache_line() {
        for capacity in [1, 16, 100, READ_AHEAD_BYTES] {
            let adapter = ReadAhead::with_capacity(script(&[]), capacity);
            assert!(adapter.buffer[adapter.base..].as_ptr().addr().is_multiple_of(ALIGNMENT));
            assert!(adapter.base + capacity <= adapter.buffer.len());
        }
    }

    #[test]
    fn an_empty_poll_is_one_recv() {
        let nothing = Err(io::ErrorKind::WouldBlock);
        let interrupted = Err(io::ErrorKind::Interrupted);
        let mut adapter = ReadAhead::with_capacity(script(&[nothing, interrupted, Ok(b"a")]), 16);
        assert_eq!(adapter.fill().unwrap(), Filled::Empty);
        assert_eq!(adapter.fill().unwrap(), Filled::Empty);
        assert_eq!(adapter.inner.calls, 2);
        assert_eq!(adapter.fill().unwrap(), Filled::Bytes);
        assert_eq!(read(&mut adapter, 9), Ok(b"a".to_vec()));
    }

    #[test]
    fn the_end_is_seen_above_only_after_everything_before_it() {
        let mut adapter = ReadAhead::with_capacity(script(&[Ok(b"ab")]), 16);
        assert_eq!(adapter.fill().unwrap(), Filled::Bytes);
        assert_eq!(read(&mut adapter, 2), Ok(b"ab".to_vec()));
        assert_eq!(read(&mut adapter, 2), Err(io::ErrorKind::WouldBlock));
        assert_eq!(adapter.fill().unwrap(), Filled::Ended);
        assert_eq!(read(&mut adapter, 2), Ok(Vec::new()));
    }

    #[test]
    fn an_error_of_the_socket_is_handed_on() {
        let reset = Err(io::ErrorKind::ConnectionReset);
        let mut adapter = ReadAhead::with_capacity(script(&[reset]), 16);
        assert_eq!(adapter.fill().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    proptest! {
        #[test]
        fn every_byte_arrives_once_and_in_order(
            reads in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 1..40).prop_map(Some),
                    Just(None),
                ],
                0..30,
            ),
            lens in prop::collection::vec(1..20_usize, 1..8),
        ) {
            let expected: Vec<u8> = reads.iter().flatten().flatten().copied().collect();
            let reads = reads.into_iter().map(|it| it.ok_or(io::ErrorKind::WouldBlock)).collect();
            let mut adapter = ReadAhead::with_capacity(Script { reads, calls: 0 }, 16);
            let mut lens = lens.iter().cycle();
            let mut received = Vec::new();
            while adapter.fill().unwrap() != Filled::Ended {
                while let Ok(bytes) = read(&mut adapter, *lens.next().unwrap()) {
                    received.extend(bytes);
                }
            }
            prop_assert_eq!(received, expected);
        }
    }
}
