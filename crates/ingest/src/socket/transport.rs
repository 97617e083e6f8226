//! The bytes under the WebSocket: plain TCP or TLS, both over the same read-ahead buffer.

use std::fmt;
use std::io::{self, Read, Write};

use rustls::{ClientConnection, StreamOwned};

use crate::socket::read_ahead::ReadAhead;
use crate::socket::stream::Stream;

/// A TCP stream with its buffer.
pub(crate) type Tcp = ReadAhead<Stream>;

/// Plain TCP or TLS.
///
/// The buffer lies below TLS, so that an empty poll costs the same and a frame is stamped before it
/// is decrypted. rustls makes one short-lived allocation for each TLS record.
pub(crate) enum Transport {
    Plain(Tcp),
    Tls(Box<StreamOwned<ClientConnection, Tcp>>),
}

impl Transport {
    /// The buffer over the socket.
    #[inline]
    pub(crate) const fn tcp(&mut self) -> &mut Tcp {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &mut tls.sock,
        }
    }
}

impl Read for Transport {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(target),
            Self::Tls(tls) => tls.read(target),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(tcp) => tcp.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Tls(_) => "Tls",
        })
    }
}
