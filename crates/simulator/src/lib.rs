//! A loopback venue: a WebSocket server that speaks the documented TickDB protocol and serves
//! made-up bursts or recorded Binance sessions, that plays recordings of any venue byte for byte, or
//! that plays them as their venue would, for demonstrations and end-to-end tests.
//!
//! # A market
//! With [`Feed::Generated`] and [`Feed::Session`] it answers `subscribe`, `unsubscribe` and `ping`
//! on `/v1/realtime`, checks the key, refuses with the documented codes, and pushes `ticker`,
//! `depth` and `trade`. Where the protocol leaves something open, [`Faults`] has a switch for each
//! answer.
//!
//! # Numbers
//! Every data message of a market carries, in `data`, a member the protocol does not have:
//! `"seq": N`, counted from 1 for each symbol and channel. Clients may ignore it, as they may any
//! member they do not know. Counting starts with the first subscription to the pair and goes on while nobody is
//! connected, so a client that comes back sees by how much it missed the present:
//! loss, repetition and reordering can be counted.
//!
//! # Time
//! The load is open: each message has a due time that does not depend on how fast clients read.
//! When a client's socket is full, all wait for it (only so much is buffered), nothing is skipped,
//! and what has become late is sent as soon as possible. A profile's counts are of all its symbols
//! and channels together; who subscribes to some of them gets fewer. While the server is away for
//! a restart, what is due is numbered and counted, and not sent.
//!
//! # Recorded frames
//! With [`Feed::Recorded`] it plays sessions of any venue and format: the frames as they were
//! received, in order, at their pace or faster, on any path. A frame that is no UTF-8 goes out as a
//! binary message. Nothing is decoded, so nothing is answered but protocol pings; what the venue
//! answered is in the recording. Each recorded connection is served to one client: the first client
//! is the first connection's, and whoever comes back takes the place that is free. The recording,
//! all connections together, waits and its time stands still
//!
//! * until there is a client for the connection of the next entry, at first and after a recorded
//!   reconnect;
//! * where the recorded client sent a command, until the live one has sent as many, for at most
//!   five seconds each; then it goes on without and counts it. Keep-alives stand for no command on
//!   either side;
//! * where the recording does not know what its client did, as files of lines do not, for the
//!   client's commands before the first frame: a number that is configured, or else until it has
//!   sent none for 100 ms, or none for one second after it came. So a client that subscribes to all
//!   it wants before it waits for an answer gets every frame after its last command, in every run.
//!
//! A recorded disconnect closes the connection with the recorded close status, or 1001. When a
//! client leaves by itself, its frames wait for the next one; what had been handed to its socket is
//! not repeated.
//!
//! # A venue
//! With [`Feed::Venue`] it plays sessions of one venue and speaks as that venue does ([`Protocol`]):
//! it answers commands, and each client gets the recorded frames of what it subscribed to, with a
//! present snapshot where it comes late. All connections of the recording are one stream. It begins
//! after as many subscribe commands as are asked for, or when somebody has subscribed and nobody has
//! sent a command for 100 ms, and stands still while nobody is subscribed: who comes back has missed
//! nothing but what was on its way to a connection that ended, which the report counts. Snapshots that
//! the venue gives over HTTP are answered on the same port; the recording waits until a subscriber asks
//! for its snapshot, for as long as is configured. At full speed it also waits while such an answer is
//! being read.
//!
//! # REST
//! A [`RestServer`] answers TickDB's documented GET requests, on a port of its own: bars from a file, from
//! a recorded session or made up, with what a client must stand ([`RestFault`], [`RestForm`]).
//!
//! # What is left out
//! TLS, compression, other venues' REST interfaces beyond snapshots, other markets' particular members,
//! and any address that is not loopback. It reads no clock and starts no thread: time comes from the caller's [`Time`].
//!
//! ```
//! use tickring_simulator::{Feed, SimulatorConfig, record_session};
//!
//! let symbols = vec!["AAPL.US".to_owned(), "BTCUSDT".to_owned()];
//! let feed = Feed::Generated { symbols, profile: "open".parse()?, seed: 7 };
//! let config = SimulatorConfig { duration_ms: Some(2_300), ..SimulatorConfig::new(feed) };
//! let mut session = Vec::new();
//! assert_eq!(record_session(&config, &mut session)?, 847);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod simulator;

mod channel;
mod config;
mod dialect;
mod faults;
mod profile;
mod schedule;
mod time;

mod bare;
mod server;

mod feed;
mod format;
mod record;

mod rest;

mod error;
mod report;

pub use bare::{accept_bare, push_text_frame};
pub use channel::{Channel, ChannelError};
pub use config::{Feed, KeyCheck, Restarts, SimulatorConfig, Speed, SpeedError};
pub use dialect::{Protocol, ProtocolError};
pub use error::SimulatorError;
pub use faults::{
    Ack, AckData, AckPer, AckWhen, Cuts, Disorder, Ending, Faults, FirstPush, Form, HttpFaults,
    NumberForm, PartialSuccess, PongForm, RefusalForm, RefuseConnections, RefuseSubscription,
    Shape, Silence, Silenced, SymbolForm, TradeForm,
};
pub use profile::{Profile, ProfileError};
pub use record::record_session;
pub use report::{LastNumber, RecordedReport, SimulatorReport, VenueReport};
pub use rest::{
    RestEndpoint, RestFault, RestFaultError, RestFeed, RestForm, RestOrder, RestReport, RestServer,
    RestServerConfig, RestShape,
};
pub use schedule::Schedule;
pub use simulator::Simulator;
pub use time::Time;
