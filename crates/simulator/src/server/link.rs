use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

use crate::bare::{FINAL_BINARY, FINAL_TEXT, push_header};

/// What a connection was given in vain.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Undelivered {
    /// Of those that were counted.
    pub(super) frames: u64,
    pub(super) bytes: usize,
}

/// A non-blocking socket with everything that waits to be written.
///
/// The WebSocket library reads through it and writes its pongs and closes into the same buffer as
/// data frames, which are put there directly: no frame is cut by another, and sending data costs
/// one copy and no allocation.
#[derive(Debug)]
pub(super) struct Link {
    stream: TcpStream,
    out: Vec<u8>,
    /// How much of `out` the socket has taken.
    ///
    /// Invariant: at most `out.len()`.
    sent: usize,
    /// How much the socket has taken since frames are counted.
    taken: u64,
    /// Where the counted frames end that it has not taken whole, in the measure of `taken`.
    ends: VecDeque<u64>,
    /// The handshake writes straight to the socket, since it drops the link when it refuses.
    buffered: bool,
}

impl Link {
    /// Takes over an accepted socket, and sends small messages at once.
    pub(super) fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            out: Vec::new(),
            sent: 0,
            taken: 0,
            ends: VecDeque::new(),
            buffered: false,
        })
    }

    /// From now on what is written waits for [`flush_out`](Self::flush_out).
    pub(super) fn buffer_writes(&mut self) {
        self.buffered = true;
    }

    /// Bytes that wait.
    pub(super) fn pending(&self) -> usize {
        self.out.len() - self.sent
    }

    /// Counts the frame that was added last.
    pub(super) fn count_frame(&mut self) {
        self.ends.push_back(self.taken + self.pending() as u64);
    }

    /// What waits: bytes, and the counted frames that the socket has not taken whole.
    pub(super) fn undelivered(&self) -> Undelivered {
        Undelivered { frames: self.ends.len() as u64, bytes: self.pending() }
    }

    /// Forgets what waits.
    pub(super) fn discard(&mut self) -> Undelivered {
        let undelivered = self.undelivered();
        self.out.truncate(self.sent);
        self.ends.clear();
        undelivered
    }

    /// Adds a text frame.
    pub(super) fn push_text(&mut self, text: &[u8]) {
        push_header(&mut self.out, FINAL_TEXT, text.len());
        self.out.extend_from_slice(text);
    }

    /// Adds a binary frame.
    pub(super) fn push_binary(&mut self, bytes: &[u8]) {
        push_header(&mut self.out, FINAL_BINARY, bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// Adds an empty protocol ping.
    pub(super) fn push_ping(&mut self) {
        push_header(&mut self.out, FINAL_PING, 0);
    }

    /// Gives the socket what it takes now; true if it took anything.
    ///
    /// # Errors
    /// When the connection is gone.
    pub(super) fn flush_out(&mut self) -> io::Result<bool> {
        let before = self.sent;
        let mut written = 0;
        while self.sent < self.out.len() {
            match self.stream.write(&self.out[self.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(size) => self.sent += size,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
            written = self.sent - before;
        }
        self.taken += written as u64;
        while self.ends.front().is_some_and(|&end| end <= self.taken) {
            self.ends.pop_front();
        }
        if self.sent == self.out.len() {
            self.out.clear();
            self.out.shrink_to(OUT_KEPT_MAX);
            self.sent = 0;
        } else if self.sent > COMPACT_SIZE.max(self.pending()) {
            self.out.drain(..self.sent);
            self.sent = 0;
        }
        Ok(written > 0)
    }

    /// Says that nothing more will be written.
    pub(super) fn shut(&self) {
        // The only error is that the connection is gone, which the next read says as well.
        drop(self.stream.shutdown(Shutdown::Write));
    }
}

impl Read for Link {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.read(buffer)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.buffered {
            self.out.extend_from_slice(bytes);
            return Ok(bytes.len());
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const FINAL_PING: u8 = 0x89;
/// Move what is left to the front of the buffer once this much before it has been sent, and more
/// than is left: each byte is moved once at most, also of a message of many megabytes.
const COMPACT_SIZE: usize = 128 * 1024;
/// An empty buffer's memory beyond this is given back: one huge message must not stay.
const OUT_KEPT_MAX: usize = 4 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn pair() -> (Link, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Link::new(listener.accept().unwrap().0).unwrap(), client)
    }

    #[track_caller]
    fn check_header(size: usize, expected: &[u8]) {
        let (mut link, _client) = pair();
        link.push_text(&vec![b'x'; size]);
        assert_eq!(&link.out[..expected.len()], expected);
        assert_eq!(link.pending(), expected.len() + size);
    }

    #[test]
    fn a_header_has_the_shortest_length_that_fits() {
        check_header(0, &[0x81, 0]);
        check_header(125, &[0x81, 125]);
        check_header(126, &[0x81, 126, 0, 126]);
        check_header(65_535, &[0x81, 126, 0xff, 0xff]);
        check_header(65_536, &[0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn what_a_full_socket_does_not_take_waits_and_arrives_whole() {
        let (mut link, mut client) = pair();
        let text: Vec<u8> = (0..60_000_u32).map(|index| b'a' + (index % 26) as u8).collect();
        let mut frames = 0;
        // Neither side's socket buffers grow past some megabytes.
        while link.pending() == 0 && frames < 2_000 {
            link.push_text(&text);
            link.flush_out().unwrap();
            frames += 1;
        }
        assert!(link.pending() > 0, "the socket took {frames} frames");
        let reader = std::thread::Builder::new().name("reader".to_owned()).spawn(move || {
            let mut received = vec![0; frames * (text.len() + 4)];
            client.read_exact(&mut received).map(|()| (received, text))
        });
        while link.pending() > 0 {
            link.flush_out().unwrap();
        }
        let (received, text) = reader.unwrap().join().unwrap().unwrap();
        for frame in received.chunks(text.len() + 4) {
            assert_eq!(frame[4..], text);
        }
    }
}
