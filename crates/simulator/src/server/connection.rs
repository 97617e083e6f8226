use std::net::TcpStream;
use std::sync::{Arc, OnceLock};
use std::{io, mem};

use tungstenite::handshake::server::ServerHandshake;
use tungstenite::handshake::{HandshakeError, MidHandshake};
use tungstenite::protocol::WebSocketConfig;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::frame::{CloseFrame, Utf8Bytes};
use tungstenite::{Message, WebSocket};

use super::gate::{Admission, Gate};
use super::link::{Link, Undelivered};
use crate::{Ending, SimulatorConfig};

type Handshake = ServerHandshake<Link, Gate>;

/// One client, from the accepted socket to its end.
#[derive(Debug)]
pub(super) struct Connection {
    phase: Phase,
    admission: Arc<OnceLock<Admission>>,
    opened_ns: u64,
    /// When the client last sent anything, and when it was last sent a protocol ping.
    heard_ns: u64,
    pinged_ns: u64,
    /// By pair.
    subscribed: Vec<bool>,
    pub(super) subscriptions: u32,
    /// Data frames.
    pub(super) frames_sent: u64,
    /// Acknowledgements, each with the count of data frames that it waits for.
    held_acks: Vec<(u64, Vec<u8>)>,
}

#[derive(Debug)]
enum Phase {
    Handshake(MidHandshake<Handshake>),
    Open(WebSocket<Link>),
    /// Nothing new is sent; what waits is, then the write side is shut, then the client's end is
    /// awaited, so that nothing sent is lost to a reset.
    Closing {
        socket: WebSocket<Link>,
        deadline_ns: u64,
        shut: bool,
    },
    /// With what was never sent.
    Gone {
        undelivered: Undelivered,
    },
}

/// What driving a connection brought.
#[derive(Debug)]
pub(super) enum Heard {
    /// Nothing now.
    Nothing,
    /// The handshake is done, with this decision.
    Opened(Admission),
    /// The handshake ended in a refusal.
    Refused,
    /// A text message.
    Text(Utf8Bytes),
    /// Something that needs no answer from the server proper.
    Other,
}

impl Connection {
    pub(super) fn new(stream: TcpStream, gate: Gate, now_ns: u64) -> io::Result<Self> {
        let admission = Arc::clone(&gate.admission);
        let config = WebSocketConfig::default()
            // Commands are short, and the library zeroes its buffer for each read.
            .read_buffer_size(READ_BUFFER_SIZE)
            // The link does the buffering.
            .write_buffer_size(0)
            .max_message_size(Some(COMMAND_SIZE_MAX))
            .max_frame_size(Some(COMMAND_SIZE_MAX));
        let handshake = Handshake::start(Link::new(stream)?, gate, Some(config));
        Ok(Self {
            phase: Phase::Handshake(handshake),
            admission,
            opened_ns: now_ns,
            heard_ns: now_ns,
            pinged_ns: now_ns,
            subscribed: Vec::new(),
            subscriptions: 0,
            frames_sent: 0,
            held_acks: Vec::new(),
        })
    }

    /// Reads one message at most, or goes on with the handshake.
    pub(super) fn hear(&mut self, now_ns: u64) -> Heard {
        match mem::replace(&mut self.phase, GONE) {
            Phase::Handshake(handshake) => self.shake(handshake, now_ns),
            Phase::Open(socket) => self.read(socket, now_ns),
            Phase::Closing { socket, deadline_ns, shut } => {
                self.phase = close_on(socket, deadline_ns, shut, now_ns);
                Heard::Nothing
            }
            gone @ Phase::Gone { .. } => {
                self.phase = gone;
                Heard::Nothing
            }
        }
    }

    fn shake(&mut self, handshake: MidHandshake<Handshake>, now_ns: u64) -> Heard {
        match handshake.handshake() {
            Ok(mut socket) => {
                socket.get_mut().buffer_writes();
                self.phase = Phase::Open(socket);
                (self.opened_ns, self.heard_ns, self.pinged_ns) = (now_ns, now_ns, now_ns);
                let admission = self.admission.get();
                Heard::Opened(admission.expect("a finished handshake has decided").clone())
            }
            Err(HandshakeError::Interrupted(handshake)) => {
                if now_ns.saturating_sub(self.opened_ns) < HANDSHAKE_NS_MAX {
                    self.phase = Phase::Handshake(handshake);
                }
                Heard::Nothing
            }
            Err(HandshakeError::Failure(tungstenite::Error::Http(_))) => Heard::Refused,
            // Not a WebSocket client, or one that gave up.
            Err(HandshakeError::Failure(_)) => Heard::Other,
        }
    }

    fn read(&mut self, mut socket: WebSocket<Link>, now_ns: u64) -> Heard {
        // A client that sends and does not read is not read either, or its pongs would pile up.
        if socket.get_ref().pending() > READ_PENDING_MAX {
            self.phase = Phase::Open(socket);
            return Heard::Nothing;
        }
        let heard = match socket.read() {
            Ok(message) => {
                self.heard_ns = now_ns;
                match message {
                    Message::Text(text) => Heard::Text(text),
                    _ => Heard::Other,
                }
            }
            Err(tungstenite::Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                Heard::Nothing
            }
            Err(_) => {
                // Closed by the client, or in no state to go on; what waits may still leave.
                let deadline_ns = now_ns.saturating_add(LEAVE_NS_MAX);
                self.phase = Phase::Closing { socket, deadline_ns, shut: false };
                return Heard::Other;
            }
        };
        self.phase = Phase::Open(socket);
        heard
    }

    /// Writes what the socket takes; true if it took anything.
    pub(super) fn flush(&mut self) -> bool {
        let (Phase::Open(socket) | Phase::Closing { socket, .. }) = &mut self.phase else {
            return false;
        };
        match socket.get_mut().flush_out() {
            Ok(progress) => progress,
            Err(_) => {
                self.phase = Phase::Gone { undelivered: socket.get_ref().undelivered() };
                true
            }
        }
    }

    /// Sends what was pushed, ends as configured, and waits until `deadline_ns` for the client.
    pub(super) fn close(&mut self, ending: Ending, reason: &'static str, deadline_ns: u64) {
        match mem::replace(&mut self.phase, GONE) {
            Phase::Open(mut socket) => {
                if let Ending::CloseFrame(status) = ending {
                    let reason = Utf8Bytes::from_static(reason);
                    let frame = CloseFrame { code: CloseCode::from(status), reason };
                    // It goes to the link's buffer, which takes everything.
                    drop(socket.close(Some(frame)));
                }
                self.phase = Phase::Closing { socket, deadline_ns, shut: false };
            }
            Phase::Closing { socket, deadline_ns: earlier_ns, shut } => {
                let deadline_ns = deadline_ns.min(earlier_ns);
                self.phase = Phase::Closing { socket, deadline_ns, shut };
            }
            Phase::Handshake(_) => {}
            gone @ Phase::Gone { .. } => self.phase = gone,
        }
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self.phase, Phase::Open(_))
    }

    /// Ends an open connection without what waits and without a word, amid a frame if it has to be:
    /// what was never sent. Waits until `deadline_ns` for the client, so that what the socket took
    /// arrives.
    pub(super) fn cut(&mut self, deadline_ns: u64) -> Undelivered {
        match mem::replace(&mut self.phase, GONE) {
            Phase::Open(mut socket) => {
                let undelivered = socket.get_mut().discard();
                self.phase = Phase::Closing { socket, deadline_ns, shut: false };
                undelivered
            }
            other => {
                self.phase = other;
                Undelivered::default()
            }
        }
    }

    /// How long ago it was opened.
    pub(super) const fn age_ms(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.opened_ns) / 1_000_000
    }

    /// If the connection has ended: what was never sent.
    pub(super) const fn gone(&self) -> Option<Undelivered> {
        match self.phase {
            Phase::Gone { undelivered } => Some(undelivered),
            _ => None,
        }
    }

    /// Bytes that wait for an open connection.
    pub(super) fn pending(&self) -> usize {
        match &self.phase {
            Phase::Open(socket) => socket.get_ref().pending(),
            _ => 0,
        }
    }

    pub(super) fn subscribe(&mut self, pair: usize) {
        if self.subscribed.len() <= pair {
            self.subscribed.resize(pair + 1, false);
        }
        self.subscriptions += u32::from(!self.subscribed[pair]);
        self.subscribed[pair] = true;
    }

    pub(super) fn unsubscribe(&mut self, pair: usize) {
        if self.is_subscribed(pair) {
            self.subscribed[pair] = false;
            self.subscriptions -= 1;
        }
    }

    pub(super) fn is_subscribed(&self, pair: usize) -> bool {
        self.subscribed.get(pair).copied().unwrap_or(false)
    }

    /// Whether data of this pair goes here.
    pub(super) fn wants(&self, pair: usize) -> bool {
        self.is_open() && self.is_subscribed(pair)
    }

    /// Sends a reply, if the connection is still open.
    pub(super) fn push_reply(&mut self, text: &[u8]) {
        if let Phase::Open(socket) = &mut self.phase {
            socket.get_mut().push_text(text);
        }
    }

    /// Sends a data message to an open connection, and the acknowledgements that waited for it.
    pub(super) fn push_data(&mut self, text: &[u8]) {
        let Phase::Open(socket) = &mut self.phase else { return };
        let link = socket.get_mut();
        link.push_text(text);
        self.frames_sent += 1;
        let frames_sent = self.frames_sent;
        self.held_acks.retain(|(after_frames, ack)| {
            let waits = *after_frames > frames_sent;
            if !waits {
                link.push_text(ack);
            }
            waits
        });
    }

    /// Sends a recorded message to an open connection, byte for byte: as text where it is text, else
    /// as binary.
    pub(super) fn push_recorded(&mut self, bytes: &[u8]) {
        let Phase::Open(socket) = &mut self.phase else { return };
        if std::str::from_utf8(bytes).is_ok() {
            socket.get_mut().push_text(bytes);
        } else {
            socket.get_mut().push_binary(bytes);
        }
    }

    /// As [`push_recorded`](Self::push_recorded), counted until the socket has taken it.
    pub(super) fn push_counted(&mut self, bytes: &[u8]) {
        self.push_recorded(bytes);
        if let Phase::Open(socket) = &mut self.phase {
            socket.get_mut().count_frame();
        }
    }

    /// Sends an acknowledgement after so many more data frames.
    pub(super) fn hold_ack(&mut self, after_frames: u64, ack: Vec<u8>) {
        self.held_acks.push((self.frames_sent.saturating_add(after_frames), ack));
    }

    /// Ends an open connection that is too old or too quiet, and pings it.
    pub(super) fn keep_time(&mut self, config: &SimulatorConfig, now_ns: u64) {
        let faults = &config.faults;
        let is_over = |since_ns: u64, limit_ms: Option<u64>| {
            let elapsed_ms = now_ns.saturating_sub(since_ns) / 1_000_000;
            limit_ms.is_some_and(|limit_ms| elapsed_ms >= limit_ms)
        };
        if !self.is_open() {
            return;
        }
        if is_over(self.opened_ns, faults.age_ms_max)
            || is_over(self.heard_ns, faults.silence_ms_max)
        {
            let drain_ns = config.drain_ms_max.saturating_mul(1_000_000);
            self.close(faults.ending, "time is over", now_ns.saturating_add(drain_ns));
        } else if is_over(self.pinged_ns, faults.ping_interval_ms) {
            self.push_ping(now_ns);
        }
    }

    fn push_ping(&mut self, now_ns: u64) {
        self.pinged_ns = now_ns;
        if let Phase::Open(socket) = &mut self.phase {
            socket.get_mut().push_ping();
        }
    }
}

/// Goes on with a close: what waits, then the write side, then the client's side.
fn close_on(mut socket: WebSocket<Link>, deadline_ns: u64, shut: bool, now_ns: u64) -> Phase {
    let undelivered = socket.get_ref().undelivered();
    if now_ns >= deadline_ns {
        return Phase::Gone { undelivered };
    }
    if undelivered.bytes > 0 {
        return Phase::Closing { socket, deadline_ns, shut };
    }
    if !shut {
        socket.get_ref().shut();
    }
    // What the client still sends is read and dropped: closing over unread bytes resets the
    // connection, and a reset can overtake data. Past the library, which stops at the close frame.
    let mut bytes = [0; READ_BUFFER_SIZE];
    match io::Read::read(socket.get_mut(), &mut bytes) {
        Ok(0) => Phase::Gone { undelivered },
        Ok(_) => Phase::Closing { socket, deadline_ns, shut: true },
        Err(error) if is_temporary(&error) => Phase::Closing { socket, deadline_ns, shut: true },
        Err(_) => Phase::Gone { undelivered },
    }
}

fn is_temporary(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

/// A phase between two phases.
const GONE: Phase = Phase::Gone { undelivered: Undelivered { frames: 0, bytes: 0 } };
const READ_BUFFER_SIZE: usize = 4 * 1024;
/// A command with thousands of symbols fits.
const COMMAND_SIZE_MAX: usize = 256 * 1024;
/// Waiting bytes past which a client is not listened to.
const READ_PENDING_MAX: usize = 1024 * 1024;
const HANDSHAKE_NS_MAX: u64 = 5_000_000_000;
/// How long a client that closed or broke the protocol may take to read what waits.
const LEAVE_NS_MAX: u64 = 1_000_000_000;
