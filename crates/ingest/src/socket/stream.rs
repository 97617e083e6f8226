//! A TCP stream that can say when the kernel received what was read last.
//!
//! Linux stamps each segment when the network stack takes it over from the driver
//! (`SO_TIMESTAMPNS`; for loopback, when it is sent). A read of a byte stream crosses segments: the
//! stamp is that of the last segment the read touched. What lay before it in the same read had
//! waited longer, so a wait made with it is never too long.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};

/// A TCP stream, with or without the kernel's receive times.
#[derive(Debug)]
pub(crate) struct Stream {
    tcp: TcpStream,
    stamps: Stamps,
}

/// The kernel's receive times of a stream.
#[derive(Debug)]
enum Stamps {
    /// Nobody asked for them.
    NotAsked,
    /// They cannot be had, and why.
    Refused(io::Error),
    /// That of the last read, in nanoseconds of the system's clock; some reads come without one.
    Asked(Option<u64>),
}

impl Stream {
    /// A stream that tells nothing of the kernel.
    pub(crate) const fn plain(tcp: TcpStream) -> Self {
        Self { tcp, stamps: Stamps::NotAsked }
    }

    /// Asks the kernel for its receive times. Where it has none, the stream works without.
    pub(crate) fn stamped(tcp: TcpStream) -> Self {
        let stamps = match system::ask_for_stamps(&tcp) {
            Ok(()) => Stamps::Asked(None),
            Err(error) => Stamps::Refused(error),
        };
        Self { tcp, stamps }
    }

    /// Whether the kernel gives its times.
    #[inline]
    pub(crate) const fn is_stamped(&self) -> bool {
        matches!(self.stamps, Stamps::Asked(_))
    }

    /// When the kernel received the end of the last read, in nanoseconds of the system's clock.
    #[inline]
    pub(crate) const fn stamp_ns(&self) -> Option<u64> {
        match self.stamps {
            Stamps::Asked(stamp_ns) => stamp_ns,
            Stamps::NotAsked | Stamps::Refused(_) => None,
        }
    }

    /// Why the kernel gives no times though it was asked.
    pub(crate) const fn refusal(&self) -> Option<&io::Error> {
        match &self.stamps {
            Stamps::Refused(error) => Some(error),
            Stamps::NotAsked | Stamps::Asked(_) => None,
        }
    }
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let Stamps::Asked(stamp_ns) = &mut self.stamps else { return self.tcp.read(target) };
        let (len, received_ns) = system::receive(&self.tcp, target)?;
        *stamp_ns = received_ns;
        Ok(len)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.tcp.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.tcp.flush()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.tcp.as_fd()
    }
}

/// The two system calls that no safe library offers for this.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
#[expect(unsafe_code, reason = "neither std nor rustix reads this option or its control message")]
mod system {
    use std::io;
    use std::mem::{MaybeUninit, size_of};
    use std::net::TcpStream;
    use std::os::fd::AsRawFd;

    /// Room for control messages, aligned as their headers are. One of 32 bytes is asked for.
    #[repr(C, align(8))]
    struct Control([u8; 64]);

    pub(super) fn ask_for_stamps(tcp: &TcpStream) -> io::Result<()> {
        let on: libc::c_int = 1;
        let size = libc::socklen_t::try_from(size_of::<libc::c_int>()).expect("four bytes");
        // SAFETY: the descriptor is open while `tcp` is borrowed, and `on` is of the size told.
        let result = unsafe {
            libc::setsockopt(
                tcp.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_TIMESTAMPNS,
                (&raw const on).cast(),
                size,
            )
        };
        if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// One `recvmsg`: how many bytes, and the kernel's time of their end.
    #[inline]
    pub(super) fn receive(tcp: &TcpStream, target: &mut [u8]) -> io::Result<(usize, Option<u64>)> {
        let mut control = Control([0; 64]);
        let mut part = libc::iovec { iov_base: target.as_mut_ptr().cast(), iov_len: target.len() };
        // SAFETY: zero is a valid value of every field, integers and pointers alike.
        let mut header: libc::msghdr = unsafe { MaybeUninit::zeroed().assume_init() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.0.as_mut_ptr().cast();
        header.msg_controllen = control.0.len();
        // SAFETY: the descriptor is open while `tcp` is borrowed; `header` points at one part and at
        // a control buffer, both as long as told and alive until the call returns.
        let received = unsafe { libc::recvmsg(tcp.as_raw_fd(), &raw mut header, 0) };
        let len = usize::try_from(received).map_err(|_| io::Error::last_os_error())?;
        Ok((len, stamp_ns(&header)))
    }

    /// The time in the first control message, which is the only one that is asked for.
    fn stamp_ns(header: &libc::msghdr) -> Option<u64> {
        // SAFETY: `header` was filled by `recvmsg` and its control buffer is alive.
        let first = unsafe { libc::CMSG_FIRSTHDR(header) };
        // SAFETY: null, or at the start of the control buffer, which is aligned and was zeroed.
        let message = unsafe { first.as_ref() }?;
        let is_stamp = message.cmsg_level == libc::SOL_SOCKET
            && message.cmsg_type == libc::SCM_TIMESTAMPNS
            && message.cmsg_len >= size_of::<libc::cmsghdr>() + size_of::<libc::timespec>();
        if !is_stamp {
            return None;
        }
        // SAFETY: `first` is not null; the data follows its header.
        let data = unsafe { libc::CMSG_DATA(first) };
        // SAFETY: the message is long enough for a `timespec`, whatever its alignment.
        let time: libc::timespec = unsafe { data.cast::<libc::timespec>().read_unaligned() };
        let seconds = u64::try_from(time.tv_sec).ok()?;
        seconds.checked_mul(1_000_000_000)?.checked_add(u64::try_from(time.tv_nsec).ok()?)
    }
}

/// Where the kernel's receive times are not known to us.
#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
mod system {
    use std::io::{self, Read};
    use std::net::TcpStream;

    pub(super) fn ask_for_stamps(_tcp: &TcpStream) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn receive(
        mut tcp: &TcpStream,
        target: &mut [u8],
    ) -> io::Result<(usize, Option<u64>)> {
        tcp.read(target).map(|len| (len, None))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn bytes_arrive_the_same_with_and_without_the_kernels_times() {
        for stamped in [false, true] {
            let (client, mut server) = pair();
            let mut stream = if stamped { Stream::stamped(client) } else { Stream::plain(client) };
            server.write_all(b"abc").unwrap();
            server.write_all(b"def").unwrap();
            let mut target = [0; 6];
            stream.read_exact(&mut target).unwrap();
            assert_eq!(&target, b"abcdef");
            drop(server);
            assert_eq!(stream.read(&mut target).unwrap(), 0, "the end is told");
        }
    }

    #[test]
    fn nothing_to_read_is_would_block_in_both_ways() {
        let (client, _server) = pair();
        client.set_nonblocking(true).unwrap();
        let mut stream = Stream::stamped(client);
        let error = stream.read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_stream_that_was_not_asked_for_has_no_times() {
        let (client, mut server) = pair();
        server.write_all(b"a").unwrap();
        let mut stream = Stream::plain(client);
        stream.read_exact(&mut [0]).unwrap();
        assert!(!stream.is_stamped() && stream.refusal().is_none());
        assert_eq!(stream.stamp_ns(), None);
    }
}
