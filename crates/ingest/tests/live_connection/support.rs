//! A source that is driven by hand, and servers on threads of their own.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::TryRecvError;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use tickring_event::ConnectionId;
use tickring_event::{ConnectionState, Status};
use tickring_ingest::{
    Backoff, Command, Incoming, LiveConfig, LiveSource, Notice, NoticeReceiver, Source,
    SourceError, notices,
};
use tickring_metrics::Clock;
use tungstenite::WebSocket;

/// Far beyond what any test needs; a test that takes longer has failed.
const PATIENCE_NS: u64 = 30_000_000_000;

/// What a source gave, owned.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Saw {
    Frame(Vec<u8>),
    Status(Status),
    Idle,
}

/// A source with everything it said.
pub(crate) struct Driver {
    pub(crate) source: LiveSource,
    pub(crate) said: Vec<Notice>,
    receiver: NoticeReceiver,
    patience: Clock,
    since_ticks: u64,
}

impl Driver {
    pub(crate) fn new(config: LiveConfig) -> Self {
        Self::with_clock(config, Clock::new())
    }

    pub(crate) fn with_clock(config: LiveConfig, clock: Clock) -> Self {
        let (sender, receiver) = notices();
        let source = LiveSource::new(config, clock, sender, 7).unwrap();
        let patience = Clock::new();
        let since_ticks = patience.ticks();
        Self { source, said: Vec::new(), receiver, patience, since_ticks }
    }

    /// Sends a command.
    pub(crate) fn ask(&mut self, text: &str) {
        self.source.command(ConnectionId(0), Command::Send(text.to_owned()));
    }

    /// One turn.
    #[expect(clippy::panic_in_result_fn, reason = "a test that would hang fails instead")]
    pub(crate) fn turn(&mut self) -> Result<Saw, SourceError> {
        let waited_ns = self.patience.elapsed_ns(self.since_ticks, self.patience.ticks());
        assert!(waited_ns < PATIENCE_NS, "nothing more happens; said: {:?}", self.said);
        let saw = match self.source.next()? {
            Incoming::Frame(frame) => Saw::Frame(frame.text.to_vec()),
            Incoming::Status(_, status) => Saw::Status(status),
            Incoming::Idle | Incoming::Hole(..) | Incoming::Part(_) => Saw::Idle,
            Incoming::Ended => panic!("a live source never ends by itself"),
        };
        self.hear();
        Ok(saw)
    }

    /// Collects what was said.
    pub(crate) fn hear(&mut self) {
        loop {
            match self.receiver.try_recv() {
                Ok(notice) => self.said.push(notice),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return,
            }
        }
    }

    /// Turns until a status of this state.
    pub(crate) fn until(&mut self, state: ConnectionState) -> Status {
        loop {
            match self.turn().unwrap() {
                Saw::Status(status) if status.state == state => return status,
                _ => {}
            }
        }
    }

    /// Turns until a frame.
    pub(crate) fn frame(&mut self) -> Vec<u8> {
        loop {
            match self.turn().unwrap() {
                Saw::Frame(text) => return text,
                Saw::Status(Status { state: ConnectionState::Disconnected, .. }) => {
                    panic!("disconnected: {:?}", self.said)
                }
                _ => {}
            }
        }
    }

    /// Turns until the source gives up.
    pub(crate) fn error(&mut self) -> SourceError {
        loop {
            if let Err(error) = self.turn() {
                self.hear();
                return error;
            }
        }
    }

    /// Turns until a connection has ended; its reason.
    pub(crate) fn reason(&mut self) -> String {
        self.until(ConnectionState::Disconnected);
        let reasons = self.said.iter().rev().find_map(|notice| match notice {
            Notice::Disconnected { reason } => Some(reason.clone()),
            _ => None,
        });
        reasons.unwrap()
    }
}

/// A port, and the URL that leads to it.
pub(crate) fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/v1/realtime", listener.local_addr().unwrap());
    (listener, url)
}

/// A configuration that tries again at once.
pub(crate) fn eager(url: impl Into<String>) -> LiveConfig {
    let mut config = LiveConfig::new(url, None);
    config.backoff = Backoff { delay_ms_min: 1, delay_ms_max: 1 };
    config
}

/// Runs a server. A test that fails does not wait for it.
pub(crate) fn serve<T: Send + 'static>(
    server: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    Builder::new().name("server".to_owned()).spawn(server).unwrap()
}

/// The next TCP connection.
pub(crate) fn accept_tcp(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_nanos(PATIENCE_NS))).unwrap();
    stream
}

/// The next WebSocket.
pub(crate) fn accept(listener: &TcpListener) -> WebSocket<TcpStream> {
    tungstenite::accept(accept_tcp(listener)).unwrap()
}

/// Reads a request and answers it with `response`; the request's first line.
pub(crate) fn answer_http(listener: &TcpListener, response: &str) -> String {
    let mut stream = accept_tcp(listener);
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        request.push(byte[0]);
    }
    stream.write_all(response.as_bytes()).unwrap();
    let request = String::from_utf8(request).unwrap();
    request.lines().next().unwrap().to_owned()
}
