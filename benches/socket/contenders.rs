//! Whoever reads frames from a socket.

use std::hint::black_box;
use std::io::{ErrorKind, Read};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

use tickring_event::ConnectionState;
use tickring_ingest::{Incoming, LiveConfig, LiveSource, NoticeReceiver, Polling, Source, notices};
use tickring_metrics::Clock;
use tungstenite::{Message, WebSocket};

/// Bytes one `recv` of the bare loop may take: as many as ours.
const BUFFER_BYTES: usize = 256 * 1024;

/// Bytes of a cache line.
const LINE_BYTES: usize = 64;

/// Reads frames from one end of a loopback connection.
pub(crate) trait Contender {
    fn name(&self) -> &'static str;

    /// The other end.
    fn server(&mut self) -> &mut TcpStream;

    /// Reads so many messages; the sum of their lengths.
    fn read(&mut self, frames: usize) -> usize;

    /// Finds nothing.
    fn poll_empty(&mut self);
}

/// Where a buffer begins.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// At a cache line, as the engine's.
    Line,
    /// Where the allocator puts it: glibc 16 bytes past a page, which some processors copy slowly to.
    AsAllocated,
}

/// The floor: `recv` into a buffer that is never cleared, headers taken apart in place.
pub(crate) struct Bare {
    client: TcpStream,
    server: TcpStream,
    buffer: Vec<u8>,
    /// Where what is read goes.
    base: usize,
    place: Place,
    /// Whether it sees that a text is UTF-8, as the protocol (RFC 6455, section 8.1) asks of each client.
    checks_text: bool,
    start: usize,
    end: usize,
}

impl Bare {
    pub(crate) fn connect(place: Place, checks_text: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        client.set_nonblocking(true).unwrap();
        let (server, _) = listener.accept().unwrap();
        let buffer = vec![0; BUFFER_BYTES + LINE_BYTES];
        let line = buffer.as_ptr().align_offset(LINE_BYTES).min(LINE_BYTES);
        let base = match place {
            Place::Line => line,
            Place::AsAllocated => 0,
        };
        Self { client, server, buffer, base, place, checks_text, start: base, end: base }
    }

    /// The next message in the buffer, if it is whole.
    fn next(&mut self) -> Option<&[u8]> {
        let ready = &self.buffer[self.start..self.end];
        let (&[_, short], rest) = ready.split_first_chunk()?;
        let (header, len) = match short {
            126 => (4, usize::from(u16::from_be_bytes(*rest.first_chunk()?))),
            127 => (10, usize::try_from(u64::from_be_bytes(*rest.first_chunk()?)).ok()?),
            short => (2, usize::from(short)),
        };
        let message = ready.get(header..header + len)?;
        self.start += header + len;
        Some(message)
    }

    fn fill(&mut self) {
        self.buffer.copy_within(self.start..self.end, self.base);
        self.end -= self.start - self.base;
        self.start = self.base;
        match self.client.read(&mut self.buffer[self.end..]) {
            Ok(len) => self.end += len,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
}

impl Contender for Bare {
    fn name(&self) -> &'static str {
        match (self.place, self.checks_text) {
            (Place::Line, false) => "bare loop",
            (Place::Line, true) => "bare loop that checks texts",
            (Place::AsAllocated, _) => "bare loop, buffer as allocated",
        }
    }

    fn server(&mut self) -> &mut TcpStream {
        &mut self.server
    }

    fn read(&mut self, frames: usize) -> usize {
        let (mut left, mut bytes) = (frames, 0);
        let checks_text = self.checks_text;
        loop {
            while let Some(message) = self.next() {
                assert!(!checks_text || std::str::from_utf8(message).is_ok());
                bytes += black_box(message).len();
                left -= 1;
            }
            if left == 0 {
                return bytes;
            }
            self.fill();
        }
    }

    fn poll_empty(&mut self) {
        let read = self.client.read(&mut self.buffer[self.base..]);
        assert!(black_box(read).is_err());
    }
}

/// Takes one connection, on a thread of its own; gives what lies below the WebSocket.
fn accept(listener: TcpListener) -> JoinHandle<TcpStream> {
    let accept = move || tungstenite::accept(listener.accept().unwrap().0).unwrap().into_inner();
    thread::Builder::new().name("server".to_owned()).spawn(accept).unwrap()
}

/// Ours, as a run has it.
pub(crate) struct Live {
    source: LiveSource,
    server: TcpStream,
    /// Kept so that what is said goes somewhere.
    _notices: NoticeReceiver,
}

impl Live {
    pub(crate) fn connect(clock: Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("ws://{}/", listener.local_addr().unwrap());
        let server = accept(listener);
        let config = LiveConfig { polling: Polling::Busy, ..LiveConfig::new(url, None) };
        let (sender, receiver) = notices();
        let mut source = LiveSource::new(config, clock, sender, 7).unwrap();
        loop {
            match source.next().unwrap() {
                Incoming::Status(_, it) if it.state == ConnectionState::Connected => break,
                _ => {}
            }
        }
        let server = server.join().unwrap();
        Self { source, server, _notices: receiver }
    }
}

impl Contender for Live {
    fn name(&self) -> &'static str {
        "tickring"
    }

    fn server(&mut self) -> &mut TcpStream {
        &mut self.server
    }

    fn read(&mut self, frames: usize) -> usize {
        let (mut left, mut bytes) = (frames, 0);
        while left > 0 {
            if let Incoming::Frame(frame) = self.source.next().unwrap() {
                bytes += black_box(frame.text).len();
                left -= 1;
            }
        }
        bytes
    }

    fn poll_empty(&mut self) {
        assert!(matches!(self.source.next(), Ok(Incoming::Idle)));
    }
}

/// The library under ours, straight on the socket with its own defaults.
pub(crate) struct Tungstenite {
    client: WebSocket<TcpStream>,
    server: TcpStream,
}

impl Tungstenite {
    pub(crate) fn connect() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = accept(listener);
        let stream = TcpStream::connect(address).unwrap();
        let (client, _) = tungstenite::client(format!("ws://{address}/"), stream).unwrap();
        client.get_ref().set_nonblocking(true).unwrap();
        Self { client, server: server.join().unwrap() }
    }
}

impl Contender for Tungstenite {
    fn name(&self) -> &'static str {
        "tungstenite alone"
    }

    fn server(&mut self) -> &mut TcpStream {
        &mut self.server
    }

    fn read(&mut self, frames: usize) -> usize {
        let (mut left, mut bytes) = (frames, 0);
        while left > 0 {
            if let Ok(Message::Text(text)) = self.client.read() {
                bytes += black_box(text.as_str()).len();
                left -= 1;
            }
        }
        bytes
    }

    fn poll_empty(&mut self) {
        assert!(black_box(self.client.read()).is_err());
    }
}
