//! The sender of an end-to-end run: frames that are ready, on a socket without anything in between.

use std::hint;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tickring_event::ConnectionId;
use tickring_harness::Schedule;
use tickring_metrics::Clock;
use tickring_simulator::{accept_bare, push_text_frame};

use super::Sending;
use crate::bench::input::Frames;
use crate::exit::{Exit, Failure};

/// Frames as they go over the wire.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    bytes: Vec<u8>,
    /// Where each ends, and the connection it came over when it was recorded.
    ends: Vec<(usize, ConnectionId)>,
}

impl Encoded {
    pub(super) fn new(frames: &Frames) -> Self {
        let mut encoded = Self::default();
        for frame in frames.iter() {
            push_text_frame(&mut encoded.bytes, frame.text);
            encoded.ends.push((encoded.bytes.len(), frame.stamp.connection));
        }
        encoded
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The connection of a frame.
    pub(super) fn connection(&self, index: u64) -> Option<ConnectionId> {
        let index = usize::try_from(index).ok()?;
        self.ends.get(index).map(|(_, connection)| *connection)
    }

    /// The first `count` frames.
    fn first(&self, count: u64) -> &[u8] {
        let last =
            usize::try_from(count).ok().and_then(|count| self.ends.get(count.checked_sub(1)?));
        last.map_or(&[], |(end, _)| &self.bytes[..*end])
    }
}

/// What sender and source know of each other.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// When it began; 0 before.
    start_ticks: AtomicU64,
    /// Bytes the socket has taken, and when it took the last.
    sent_bytes: AtomicU64,
    sent_ticks: AtomicU64,
    is_sent: AtomicBool,
    waiting_bytes: AtomicU64,
    is_over: AtomicBool,
    allocations: AtomicU64,
    messages: AtomicU64,
}

impl Shared {
    /// When the first message was due, or the engine began to read.
    pub(super) fn start_ticks(&self) -> Option<u64> {
        // Acquire pairs with `start`: what was told before is seen.
        Some(self.start_ticks.load(Ordering::Acquire)).filter(|ticks| *ticks != 0)
    }

    pub(super) fn start(&self, ticks: u64) {
        // Relaxed, for all but the start: figures that are read after a join, or flags without data.
        self.waiting_bytes.store(self.sent_bytes.load(Ordering::Relaxed), Ordering::Relaxed);
        // Release pairs with `start_ticks`.
        self.start_ticks.store(ticks, Ordering::Release);
    }

    /// All is in the socket, or the socket is full.
    pub(super) fn is_settled(&self, clock: &Clock) -> bool {
        let sent_ticks = self.sent_ticks.load(Ordering::Relaxed);
        let is_full = sent_ticks != 0 && clock.elapsed_ns(sent_ticks, clock.ticks()) > SETTLED_NS;
        self.is_sent.load(Ordering::Relaxed) || is_full
    }

    /// How much of it the socket held when the engine began to read.
    pub(super) fn waiting_bytes(&self) -> u64 {
        self.waiting_bytes.load(Ordering::Relaxed)
    }

    /// Lets the sender go.
    pub(super) fn end(&self) {
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    pub(super) fn note_allocations(&self, allocations: u64, messages: u64) {
        self.allocations.store(allocations, Ordering::Relaxed);
        self.messages.store(messages, Ordering::Relaxed);
    }

    /// Allocations of the ingest thread after its warm-up, and the messages of that time.
    pub(super) fn allocations(&self) -> (u64, u64) {
        (self.allocations.load(Ordering::Relaxed), self.messages.load(Ordering::Relaxed))
    }
}

/// A port that nobody knows of yet.
pub(super) struct Sender {
    listener: TcpListener,
    address: SocketAddr,
    encoded: Arc<Encoded>,
    shared: Arc<Shared>,
}

impl Sender {
    /// # Errors
    /// There is no port.
    pub(super) fn bind(encoded: Arc<Encoded>, shared: Arc<Shared>) -> Result<Self, Failure> {
        let bound = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        };
        let (listener, address) = bound().map_err(|error: io::Error| {
            Failure::new(Exit::InputOutput, format!("a port on loopback: {error}"))
        })?;
        Ok(Self { listener, address, encoded, shared })
    }

    pub(super) fn url(&self) -> String {
        format!("ws://{}/bench", self.address)
    }

    /// Waits for the engine, sends, and keeps the connection open until the run is over.
    ///
    /// # Errors
    /// The socket fails.
    pub(super) fn run(self, sending: Sending, frames: u64, clock: &Clock) -> io::Result<()> {
        let Some(stream) = self.accept()? else { return Ok(()) };
        let mut stream = accept_bare(stream)?;
        self.shared.sent_ticks.store(clock.ticks(), Ordering::Relaxed);
        match sending {
            Sending::Scheduled(schedule) => self.send_due(&mut stream, schedule, frames, clock)?,
            Sending::FlatOut => {
                self.shared.start(clock.ticks());
                self.send(&mut stream, self.encoded.first(frames), clock)?;
            }
            Sending::Waiting => self.send(&mut stream, self.encoded.first(frames), clock)?,
        }
        self.shared.is_sent.store(true, Ordering::Relaxed);
        self.linger(&mut stream)
    }

    /// The engine's connection; `None` where the run ended before there was one.
    fn accept(&self) -> io::Result<Option<TcpStream>> {
        while !self.shared.is_over() {
            match self.listener.accept() {
                Ok((stream, _)) => {
                    stream.set_nonblocking(false)?;
                    stream.set_nodelay(true)?;
                    stream.set_read_timeout(Some(TURN))?;
                    stream.set_write_timeout(Some(TURN))?;
                    return Ok(Some(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    thread::park_timeout(Duration::from_micros(200));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    /// Sends all, and notes how far it is. Ends with the run, too.
    fn send(&self, stream: &mut TcpStream, mut bytes: &[u8], clock: &Clock) -> io::Result<()> {
        while !bytes.is_empty() && !self.shared.is_over() {
            let part = &bytes[..bytes.len().min(PART_BYTES)];
            match stream.write(part) {
                Ok(size) => {
                    bytes = &bytes[size..];
                    self.shared.sent_bytes.fetch_add(size as u64, Ordering::Relaxed);
                    self.shared.sent_ticks.store(clock.ticks(), Ordering::Relaxed);
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn send_due(
        &self,
        stream: &mut TcpStream,
        schedule: Schedule,
        frames: u64,
        clock: &Clock,
    ) -> io::Result<()> {
        let start = clock.ticks().saturating_add(clock.ns_to_ticks(LEAD_NS));
        self.shared.start(start);
        let mut from = 0;
        let frames = usize::try_from(frames).unwrap_or(usize::MAX);
        for (&(end, _), due) in
            self.encoded.ends.iter().take(frames).zip(schedule.due(clock, start))
        {
            wait_until(due, clock);
            self.send(stream, &self.encoded.bytes[from..end], clock)?;
            from = end;
        }
        Ok(())
    }

    /// Until the engine closes, or the run is over.
    fn linger(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut heard = [0; 1_024];
        while !self.shared.is_over() {
            match stream.read(&mut heard) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                // The engine may close without reading what it was sent.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return Ok(()),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

fn is_passing(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// Sleeps while it is far, then gives its core away, then looks at nothing but the clock.
fn wait_until(due: u64, clock: &Clock) {
    loop {
        let now = clock.ticks();
        if now >= due {
            return;
        }
        match clock.elapsed_ns(now, due) {
            ..SPIN_NS => hint::spin_loop(),
            left_ns if left_ns > 2 * PARK_MARGIN_NS => {
                thread::park_timeout(Duration::from_nanos(left_ns - PARK_MARGIN_NS));
            }
            _ => thread::yield_now(),
        }
    }
}

/// A read or a write waits no longer, so that the end of the run is seen.
const TURN: Duration = Duration::from_millis(100);

/// Bytes of one write where all is sent at once.
const PART_BYTES: usize = 64 * 1024;

/// A socket that has taken nothing for so long is full.
const SETTLED_NS: u64 = 20_000_000;

/// From the connection to the first frame that is due.
const LEAD_NS: u64 = 1_000_000;

const SPIN_NS: u64 = 5_000;
const PARK_MARGIN_NS: u64 = 100_000;
