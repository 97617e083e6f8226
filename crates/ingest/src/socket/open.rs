//! From a name to an open WebSocket, in turns that never wait long.
//!
//! No redirect is followed: the key would go wherever the answer says.

use std::io;
use std::mem;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::vec;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tickring_metrics::Clock;
use tungstenite::HandshakeError;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::MidHandshake;
use tungstenite::handshake::client::{ClientHandshake, Response};
use tungstenite::protocol::WebSocketConfig;

use crate::live::Roots;
use crate::socket::endpoint::{Endpoint, Security};
use crate::socket::read_ahead::ReadAhead;
use crate::socket::stream::Stream;
use crate::socket::tls::client_config;
use crate::socket::transport::{Tcp, Transport};
use crate::socket::wait::{self, Interest};
use crate::socket::{Limits, Socket};

/// `tungstenite` clears this much before each read of its own: small, since the bytes come from
/// memory. A longer frame makes it grow to that frame's length.
const INNER_READ_BYTES: usize = 4 * 1024;

/// The same over TLS, where the bytes come a record of 16 KiB at a time.
const INNER_READ_BYTES_TLS: usize = 16 * 1024;

/// Bytes that may wait to be sent: the subscriptions of many symbols. More means that the venue
/// reads nothing.
const WRITE_BYTES_MAX: usize = 1024 * 1024;

/// All that is needed to open a connection, again and again.
pub(crate) struct Plan {
    pub(crate) endpoint: Endpoint,
    /// How TLS is done, if it is.
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    limits: Limits,
    /// The kernel is asked when it received what is read.
    pub(crate) kernel_time: bool,
}

impl Plan {
    /// Sets up TLS where the endpoint wants it.
    ///
    /// # Errors
    /// TLS cannot be done with this endpoint or these roots, in words.
    pub(crate) fn new(endpoint: Endpoint, roots: &Roots, limits: Limits) -> Result<Self, String> {
        let tls = match endpoint.security {
            Security::Plain => None,
            Security::Tls => {
                let name = ServerName::try_from(endpoint.host.clone())
                    .map_err(|_| "the URL's host is no name that TLS can check".to_owned())?;
                Some((client_config(roots)?, name))
            }
        };
        Ok(Self { endpoint, tls, limits, kernel_time: false })
    }
}

/// Why a connection could not be opened. Texts may hold what the venue said: clean before showing.
#[derive(Debug)]
pub(crate) enum OpenError {
    /// No connection, no TLS, or no WebSocket; in words.
    Failed(String),
    /// The venue answered the upgrade with another status than 101.
    Answered(Answer),
}

/// What a venue answered instead of opening a WebSocket.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// `Retry-After`, where it is a number of seconds.
    pub(crate) retry_after_s: Option<u64>,
    /// Where it redirects to, without a query.
    pub(crate) location: Option<String>,
    /// What came of the body together with the headers.
    pub(crate) body: String,
}

/// A connection that is being opened. No `Debug`: the request in it holds the key.
pub(crate) struct Opening {
    plan: Arc<Plan>,
    step: Step,
    /// Addresses not tried yet.
    addresses: vec::IntoIter<SocketAddr>,
    /// End of the step for one address, then of the handshake.
    deadline_ticks: u64,
    /// Why the last address did not do.
    last_error: String,
}

enum Step {
    Resolve,
    NextAddress,
    Connect(TcpStream),
    Secure(Box<StreamOwned<ClientConnection, Tcp>>),
    Upgrade(Box<MidHandshake<ClientHandshake<Transport>>>),
    /// Done or failed.
    Over,
}

impl Opening {
    pub(crate) fn new(plan: Arc<Plan>) -> Self {
        Self {
            plan,
            step: Step::Resolve,
            addresses: Vec::new().into_iter(),
            deadline_ticks: 0,
            last_error: "the name has no address".to_owned(),
        }
    }

    /// One step, waiting at most `wait_ns`; the socket when it is open.
    ///
    /// Resolving the name is the exception: it blocks for as long as the system's resolver does.
    pub(crate) fn turn(
        &mut self,
        clock: &Clock,
        wait_ns: u64,
    ) -> Result<Option<Socket>, OpenError> {
        let now = clock.ticks();
        let left_ns = clock.elapsed_ns(now, self.deadline_ticks);
        let wait_ns = wait_ns.min(left_ns);
        self.step = match mem::replace(&mut self.step, Step::Over) {
            Step::Resolve => self.resolve()?,
            Step::NextAddress => self.next_address(now)?,
            Step::Connect(stream) => self.connect(stream, now, wait_ns)?,
            Step::Secure(_) | Step::Upgrade(_) if left_ns == 0 => {
                return Err(OpenError::Failed("the handshake took too long".to_owned()));
            }
            Step::Secure(tls) => self.secure(tls, wait_ns)?,
            Step::Upgrade(handshake) => match upgrade(*handshake, wait_ns)? {
                Upgraded::Open(websocket) => {
                    return Ok(Some(Socket::new(*websocket, clock.ticks())));
                }
                Upgraded::Pending(handshake) => Step::Upgrade(handshake),
            },
            Step::Over => return Err(OpenError::Failed("the attempt is over".to_owned())),
        };
        Ok(None)
    }

    fn resolve(&mut self) -> Result<Step, OpenError> {
        let Endpoint { host, port, .. } = &self.plan.endpoint;
        self.addresses = (host.as_str(), *port)
            .to_socket_addrs()
            .map_err(|error| OpenError::Failed(format!("the name cannot be resolved: {error}")))?;
        Ok(Step::NextAddress)
    }

    fn next_address(&mut self, now: u64) -> Result<Step, OpenError> {
        let Some(address) = self.addresses.next() else {
            return Err(OpenError::Failed(format!("cannot connect: {}", self.last_error)));
        };
        match begin_connect(address) {
            Ok(stream) => {
                self.deadline_ticks = now.saturating_add(self.plan.limits.connect_ticks_max);
                Ok(Step::Connect(stream))
            }
            Err(error) => Ok(self.leave_address(&error)),
        }
    }

    fn connect(&mut self, stream: TcpStream, now: u64, wait_ns: u64) -> Result<Step, OpenError> {
        match wait::for_socket(stream.as_fd(), Interest::Write, wait_ns) {
            Ok(false) if now < self.deadline_ticks => return Ok(Step::Connect(stream)),
            Ok(false) => return Ok(self.leave_address(&io::ErrorKind::TimedOut.into())),
            Ok(true) => {}
            Err(error) => return Ok(self.leave_address(&error)),
        }
        let connected = rustix::net::sockopt::socket_error(&stream).and_then(|error| error);
        if let Err(error) =
            connected.map_err(io::Error::from).and_then(|()| stream.set_nodelay(true))
        {
            return Ok(self.leave_address(&error));
        }
        self.deadline_ticks = now.saturating_add(self.plan.limits.handshake_ticks_max);
        let stream =
            if self.plan.kernel_time { Stream::stamped(stream) } else { Stream::plain(stream) };
        self.begin_handshake(ReadAhead::new(stream))
    }

    fn leave_address(&mut self, error: &io::Error) -> Step {
        self.last_error = error.to_string();
        Step::NextAddress
    }

    fn begin_handshake(&self, tcp: Tcp) -> Result<Step, OpenError> {
        let Some((config, name)) = &self.plan.tls else {
            return self.begin_upgrade(Transport::Plain(tcp));
        };
        let connection = ClientConnection::new(Arc::clone(config), name.clone())
            .map_err(|error| OpenError::Failed(format!("TLS: {error}")))?;
        Ok(Step::Secure(Box::new(StreamOwned::new(connection, tcp))))
    }

    fn secure(
        &self,
        mut tls: Box<StreamOwned<ClientConnection, Tcp>>,
        wait_ns: u64,
    ) -> Result<Step, OpenError> {
        match tls.conn.complete_io(&mut tls.sock) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                await_bytes(&mut tls.sock, wait_ns)?;
                Ok(Step::Secure(tls))
            }
            Err(error) => Err(OpenError::Failed(format!("TLS: {error}"))),
            Ok(_) if tls.conn.is_handshaking() => Ok(Step::Secure(tls)),
            Ok(_) => self.begin_upgrade(Transport::Tls(tls)),
        }
    }

    fn begin_upgrade(&self, transport: Transport) -> Result<Step, OpenError> {
        let Plan { endpoint, limits, .. } = &*self.plan;
        let read_bytes = match transport {
            Transport::Plain(_) => INNER_READ_BYTES,
            Transport::Tls(_) => INNER_READ_BYTES_TLS,
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(read_bytes)
            .write_buffer_size(0)
            .max_write_buffer_size(WRITE_BYTES_MAX)
            .max_message_size(Some(limits.message_bytes_max))
            .max_frame_size(Some(limits.frame_bytes_max));
        let handshake = endpoint
            .request()
            .into_client_request()
            .and_then(|request| ClientHandshake::start(transport, request, Some(config)))
            .map_err(|error| OpenError::Failed(format!("upgrade: {error}")))?;
        Ok(Step::Upgrade(Box::new(handshake)))
    }
}

enum Upgraded {
    Open(Box<tungstenite::WebSocket<Transport>>),
    Pending(Box<MidHandshake<ClientHandshake<Transport>>>),
}

fn upgrade(
    handshake: MidHandshake<ClientHandshake<Transport>>,
    wait_ns: u64,
) -> Result<Upgraded, OpenError> {
    match handshake.handshake() {
        Ok((websocket, _)) => Ok(Upgraded::Open(Box::new(websocket))),
        Err(HandshakeError::Interrupted(mut handshake)) => {
            await_bytes(handshake.get_mut().get_mut().tcp(), wait_ns)?;
            Ok(Upgraded::Pending(Box::new(handshake)))
        }
        Err(HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            Err(OpenError::Answered(answer(&response)))
        }
        Err(HandshakeError::Failure(error)) => Err(OpenError::Failed(format!("upgrade: {error}"))),
    }
}

/// Waits for the other side and takes what came; the end of the stream shows in the next read.
fn await_bytes(tcp: &mut Tcp, wait_ns: u64) -> Result<(), OpenError> {
    tcp.wait(wait_ns)
        .and_then(|()| tcp.fill())
        .map(drop)
        .map_err(|error| OpenError::Failed(format!("handshake: {error}")))
}

fn answer(response: &Response) -> Answer {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let body = response.body().as_deref().unwrap_or_default();
    Answer {
        status: response.status().as_u16(),
        retry_after_s: header("retry-after").and_then(|value| value.trim().parse().ok()),
        location: header("location")
            .map(|value| value.split(['?', '#']).next().unwrap_or_default().to_owned()),
        body: String::from_utf8_lossy(body).trim().to_owned(),
    }
}

/// A socket on its way to `address`; when it can be written to, it has arrived or failed.
fn begin_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    match rustix::net::connect(&stream, &address) {
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}
