//! One WebSocket over a non-blocking TCP socket: opened, read, written, closed.
//!
//! The only place that names `tungstenite`, rustls and the system's socket calls. It knows nothing
//! of venues, keep-alives or reconnecting; `live` does.

mod endpoint;
mod kernel_wait;
mod open;
mod read_ahead;
mod stream;
mod tls;
mod transport;
mod wait;

use std::io;

use tickring_metrics::Clock;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{Message, WebSocket};

/// A text to send; its clones share memory.
pub(crate) use tungstenite::Utf8Bytes;

pub(crate) use endpoint::Endpoint;
pub(crate) use open::{Answer, OpenError, Opening, Plan};
pub(crate) use wait::for_time;

use kernel_wait::KernelWait;
use read_ahead::Filled;
use transport::Transport;

use crate::source::KernelTimeTally;

/// Waits in vain for the other side's close when we leave, each of [`CLOSE_WAIT_NS`].
const CLOSE_WAITS: u32 = 5;

/// Reads of what was under way until then: a busy feed comes in many.
const CLOSE_READS: u32 = 200;

/// See [`CLOSE_WAITS`].
const CLOSE_WAIT_NS: u64 = 10_000_000;

/// Limits of opening and reading.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect_ticks_max: u64,
    pub(crate) handshake_ticks_max: u64,
    pub(crate) message_bytes_max: usize,
    pub(crate) frame_bytes_max: usize,
}

/// What a poll found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Polled {
    /// A message: [`Socket::text`].
    Frame,
    /// A ping, which is answered, or a pong.
    Control,
    /// A part of a frame.
    Partial,
    /// Nothing.
    Empty,
}

/// How a connection ended. Texts may hold what the venue said: clean before showing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Ended {
    /// The code of the close frame, if there was one.
    pub(crate) code: Option<u16>,
    /// Why, in words.
    pub(crate) reason: String,
    /// Another connection would end in the same way.
    pub(crate) is_final: bool,
}

impl Ended {
    const fn because(code: Option<u16>, reason: String) -> Self {
        Self { code, reason, is_final: false }
    }
}

/// An open WebSocket. No `Debug`: what it holds is for nobody's eyes.
pub(crate) struct Socket {
    websocket: WebSocket<Transport>,
    /// The message handed out last. It shares memory with the buffer it was cut from and must go
    /// before the next read, or that buffer is allocated anew.
    held: Option<Message>,
    /// When the `recv` returned that brought what is being read.
    arrival_ticks: u64,
    /// How long that had waited in the kernel, where the kernel is asked.
    kernel_wait: KernelWait,
    /// Everything received was read: the next poll begins with a `recv`.
    drained: bool,
    /// Something waits to be sent.
    unsent: bool,
    /// What was received cannot be read on.
    is_broken: bool,
}

impl Socket {
    fn new(websocket: WebSocket<Transport>, now_ticks: u64) -> Self {
        // Frames may have come together with the handshake, so it is not drained.
        Self {
            websocket,
            held: None,
            arrival_ticks: now_ticks,
            kernel_wait: KernelWait::default(),
            drained: false,
            unsent: false,
            is_broken: false,
        }
    }

    /// Reads the next message, with at most one `recv`. Drops the one before.
    ///
    /// Costs about one bare `recv` when nothing came, and none while received frames are left.
    #[inline]
    pub(crate) fn poll(&mut self, clock: &Clock) -> Result<Polled, Ended> {
        self.held = None;
        if !self.drained {
            let polled = self.read()?;
            if polled != Polled::Partial {
                return Ok(polled);
            }
        }
        let tcp = self.websocket.get_mut().tcp();
        let filled = tcp.fill().map_err(|error| lost(&error))?;
        if filled == Filled::Empty {
            return Ok(Polled::Empty);
        }
        self.arrival_ticks = clock.ticks();
        if filled == Filled::Bytes {
            self.kernel_wait.note(tcp.inner(), self.arrival_ticks, clock);
        }
        self.drained = false;
        self.read()
    }

    /// The next message of what was received.
    fn read(&mut self) -> Result<Polled, Ended> {
        match self.websocket.read() {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => {
                self.held = Some(message);
                Ok(Polled::Frame)
            }
            Ok(Message::Close(frame)) => {
                self.flush()?;
                Err(closed(frame))
            }
            Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_)) => {
                // The answer to a ping is queued; nothing may follow that would send it.
                self.flush()?;
                Ok(Polled::Control)
            }
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.drained = true;
                Ok(Polled::Partial)
            }
            Err(error) => {
                self.is_broken = true;
                Err(broken(error))
            }
        }
    }

    /// The message of the last poll; empty when it found none.
    #[inline]
    pub(crate) fn text(&self) -> &[u8] {
        match &self.held {
            Some(Message::Text(text)) => text.as_bytes(),
            Some(Message::Binary(bytes)) => bytes,
            _ => &[],
        }
    }

    /// When the `recv` returned that completed the last message.
    #[inline]
    pub(crate) const fn arrival_ticks(&self) -> u64 {
        self.arrival_ticks
    }

    /// How long the last message had waited in the kernel, where that is known.
    #[inline]
    pub(crate) const fn kernel_wait_ticks(&self) -> Option<u64> {
        self.kernel_wait.wait_ticks()
    }

    /// How the kernel's times were taken so far.
    pub(crate) const fn kernel_time(&self) -> KernelTimeTally {
        self.kernel_wait.tally()
    }

    /// Why there are no times of the kernel's though they were asked for.
    pub(crate) fn no_kernel_time(&mut self) -> Option<String> {
        self.websocket.get_mut().tcp().inner().refusal().map(ToString::to_string)
    }

    /// Sends a message, or queues it when the socket takes no more: see [`Socket::flush`].
    pub(crate) fn send(&mut self, text: Utf8Bytes) -> Result<(), Ended> {
        let written = self.websocket.write(Message::Text(text));
        self.note_sent(written)?;
        self.flush()
    }

    /// Whether something waits to be sent.
    #[inline]
    pub(crate) const fn has_unsent(&self) -> bool {
        self.unsent
    }

    /// Tries to send what waits. A socket that takes no more is no error.
    pub(crate) fn flush(&mut self) -> Result<(), Ended> {
        let was_blocked = self.unsent;
        let flushed = self.websocket.flush();
        self.note_sent(flushed)?;
        if was_blocked && !self.unsent {
            // An answer that found the queue full waits beside it and joins it only before a flush:
            // the one that emptied the queue has left it there.
            let flushed = self.websocket.flush();
            self.note_sent(flushed)?;
        }
        Ok(())
    }

    fn note_sent(&mut self, sent: tungstenite::Result<()>) -> Result<(), Ended> {
        self.unsent = false;
        match sent {
            // Closed already: the next read tells it in its order.
            Ok(()) | Err(tungstenite::Error::ConnectionClosed) => Ok(()),
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                self.unsent = true;
                Ok(())
            }
            Err(error) => Err(broken(error)),
        }
    }

    /// Waits at most `wait_ns` for something to read, or for room to send what waits.
    pub(crate) fn wait(&mut self, wait_ns: u64) -> Result<(), Ended> {
        self.websocket.get_mut().tcp().wait(wait_ns).map_err(|error| lost(&error))
    }

    /// Says goodbye, and gives the other side a moment to do so: what is still unread when a socket
    /// is closed would reset the connection and take our close frame with it.
    pub(crate) fn close(&mut self) {
        self.held = None;
        let frame = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        if !self.websocket.can_write() || self.websocket.close(Some(frame)).is_err() {
            return;
        }
        // After a frame that was refused for its size the library must not be asked for another.
        if self.is_broken {
            return;
        }
        let (mut waits, mut reads) = (0, 0);
        while waits < CLOSE_WAITS && reads < CLOSE_READS {
            let tcp = self.websocket.get_mut().tcp();
            match tcp.wait(CLOSE_WAIT_NS).and_then(|()| tcp.fill()) {
                Ok(Filled::Bytes) => {
                    reads += 1;
                    // Frames that were under way are let go.
                    while self.websocket.read().is_ok() {}
                }
                Ok(Filled::Empty) => waits += 1,
                Ok(Filled::Ended) | Err(_) => return,
            }
            if !self.websocket.can_read() {
                return;
            }
        }
    }
}

fn closed(frame: Option<CloseFrame>) -> Ended {
    let Some(CloseFrame { code, reason }) = frame else {
        return Ended::because(None, "the venue closed without a code".to_owned());
    };
    let code = u16::from(code);
    let words = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    Ended::because(Some(code), format!("the venue closed with code {code}{words}"))
}

fn lost(error: &io::Error) -> Ended {
    Ended::because(None, format!("the connection was lost: {error}"))
}

fn broken(error: tungstenite::Error) -> Ended {
    use tungstenite::error::{CapacityError, ProtocolError};
    // The venue would send the same again.
    let is_final = matches!(error, tungstenite::Error::Capacity(_));
    let reason = match error {
        tungstenite::Error::Io(error) => return lost(&error),
        tungstenite::Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            format!(
                "a message of {size} bytes is above the limit of {max_size}: raise \
                 message_bytes_max, and frame_bytes_max where it comes as one frame (--message-mib)"
            )
        }
        // Its own text would hold the message.
        tungstenite::Error::WriteBufferFull(_) => "the venue takes nothing we send".to_owned(),
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            "the venue ended the connection without closing it".to_owned()
        }
        error => error.to_string(),
    };
    Ended { is_final, ..Ended::because(None, reason) }
}
