use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::AtomicBool;

use crate::feed::recording::Recording;
use crate::server::playback::{Clients, Floor, FloorPlan, Playback};
use crate::server::{self, Server};
use crate::{Feed, SimulatorConfig, SimulatorError, SimulatorReport, Time, feed};

/// A WebSocket server on loopback: TickDB-compatible, of recorded frames of any venue, or as a venue
/// speaks.
///
/// ```
/// use std::sync::atomic::AtomicBool;
/// use tickring_simulator::{Feed, Profile, Simulator, SimulatorConfig};
///
/// let symbols = vec!["AAPL.US".to_owned()];
/// let feed = Feed::Generated { symbols, profile: Profile::Open, seed: 1 };
/// let mut simulator = Simulator::bind(SimulatorConfig::new(feed))?;
/// println!("ws://{}/v1/realtime?api_key=any", simulator.local_addr());
///
/// // Elsewhere this is set when it is time to end; `run` is called on a thread of its own.
/// let stop = AtomicBool::new(true);
/// let report = simulator.run(&|| 0, &stop)?;
/// assert_eq!(report.frames_sent, 0);
/// # Ok::<(), tickring_simulator::SimulatorError>(())
/// ```
#[derive(Debug)]
pub struct Simulator {
    config: SimulatorConfig,
    address: SocketAddr,
    /// Taken by the run.
    listener: Option<TcpListener>,
}

impl Simulator {
    /// Listens from now on: whoever connects before [`run`](Self::run) is served once it is called.
    ///
    /// # Errors
    /// [`SimulatorError::NotLoopback`], [`SimulatorError::Listen`], and
    /// [`SimulatorError::Config`] or [`SimulatorError::Symbol`] for what cannot be served. Files of
    /// recorded frames are looked into: [`SimulatorError::Capture`], [`SimulatorError::NoFrame`].
    pub fn bind(config: SimulatorConfig) -> Result<Self, SimulatorError> {
        feed::check(&config)?;
        let address = config.listen;
        if !address.ip().is_loopback() {
            return Err(SimulatorError::NotLoopback { address });
        }
        let restarts = &config.restarts;
        let spread = [restarts.every_frames, config.frames_max, config.duration_ms];
        if restarts.count > 0 && spread.iter().all(Option::is_none) {
            return Err(SimulatorError::Config(
                "restarts need a distance in frames, a number of frames or a duration",
            ));
        }
        let listening = |listener: TcpListener| Ok((listener.local_addr()?, listener));
        let (address, listener) = server::listen(address)
            .and_then(listening)
            .map_err(|source: io::Error| SimulatorError::Listen { address, source })?;
        Ok(Self { config, address, listener: Some(listener) })
    }

    /// Where it listens, with the port that was found.
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves on the caller's thread until `stop` is set or the configured duration is over; then
    /// gives connections a moment to receive what was sent, and closes them.
    ///
    /// The end of a recorded session or of `frames_max` does not end the run. A second run listens
    /// again on the same port and starts the feed over.
    ///
    /// # Errors
    /// [`SimulatorError::Capture`] when a recorded session cannot be read,
    /// [`SimulatorError::Listen`] when the port is taken after a restart or before a second run,
    /// [`SimulatorError::Accept`] when the process can take no more connections.
    pub fn run(
        &mut self,
        time: &impl Time,
        stop: &AtomicBool,
    ) -> Result<SimulatorReport, SimulatorError> {
        let address = self.address;
        let listener = match self.listener.take() {
            Some(listener) => listener,
            None => server::listen(address)
                .map_err(|source| SimulatorError::Listen { address, source })?,
        };
        match &self.config.feed {
            Feed::Recorded { paths, speed, start_after_commands } => {
                let recording = Recording::open(paths, *speed)?;
                let clients = Clients::new(recording.connections(), *start_after_commands);
                let playing = (recording, clients);
                Playback::new(&self.config, time, listener, playing).run(stop)
            }
            Feed::Venue { paths, speed, .. } => {
                let floor = Floor::new(FloorPlan::of(&self.config)?);
                let playing = (Recording::open(paths, *speed)?, floor);
                Playback::new(&self.config, time, listener, playing).run(stop)
            }
            Feed::Generated { .. } | Feed::Session { .. } => {
                Server::new(&self.config, time, listener, address)?.run(stop)
            }
        }
    }
}
