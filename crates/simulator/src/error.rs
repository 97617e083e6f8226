use std::io;
use std::net::SocketAddr;

use thiserror::Error;
use tickring_capture::CaptureError;

/// Why the simulator could not start or had to end.
///
/// What a client does wrong is never one: it is answered or its connection ends.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The configuration cannot be served; the text says what to change.
    #[error("{0}")]
    Config(&'static str),
    /// A symbol cannot stand in a message.
    #[error("`{symbol}` is no symbol: expected 1 to 32 printable ASCII characters, no quotes")]
    Symbol {
        /// The symbol as it was given.
        symbol: String,
    },
    /// The address is not on this machine: keys travel in the clear, so no other is served.
    #[error("{address} is not a loopback address")]
    NotLoopback {
        /// The address.
        address: SocketAddr,
    },
    /// The address cannot be listened on, at the start or after a restart.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// A connection cannot be accepted, as when there are too many open files.
    #[error("cannot accept a connection: {0}")]
    Accept(#[source] io::Error),
    /// A recording has nothing to serve.
    #[error("{name}: no frame is recorded in it")]
    NoFrame {
        /// Name of the session.
        name: String,
    },
    /// A file of bars cannot be read, or is none.
    #[error("{name}: {words}")]
    Bars {
        /// The file.
        name: String,
        /// What is wrong, and where.
        words: String,
    },
    /// A recorded session cannot be read, or a generated one not be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}
