//! Waiting for a socket, and waiting for nothing, both with a limit.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// What a socket is waited for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Interest {
    /// Something to read.
    Read,
    /// Room to write, or the end of connecting.
    Write,
    /// Either.
    ReadWrite,
}

/// Waits at most `wait_ns`. Gives whether the socket has what it is waited for; a signal ends the
/// wait early, so that whoever set a stop flag is heard.
pub(crate) fn for_socket(
    socket: BorrowedFd<'_>,
    interest: Interest,
    wait_ns: u64,
) -> io::Result<bool> {
    let flags = match interest {
        Interest::Read => PollFlags::IN,
        Interest::Write => PollFlags::OUT,
        Interest::ReadWrite => PollFlags::IN | PollFlags::OUT,
    };
    wait(&mut [PollFd::from_borrowed_fd(socket, flags)], wait_ns)
}

/// Waits `wait_ns`, or less when a signal comes.
pub(crate) fn for_time(wait_ns: u64) {
    // No socket, so nothing can be wrong but the time, which `wait` made.
    drop(wait(&mut [], wait_ns));
}

fn wait(sockets: &mut [PollFd<'_>], wait_ns: u64) -> io::Result<bool> {
    const NS_PER_S: u64 = 1_000_000_000;
    let seconds = i64::try_from(wait_ns / NS_PER_S).unwrap_or(i64::MAX);
    let nanoseconds = i64::try_from(wait_ns % NS_PER_S).expect("below a billion");
    let timeout = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
    match poll(sockets, Some(&timeout)) {
        Ok(ready) => Ok(ready > 0),
        Err(Errno::INTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
