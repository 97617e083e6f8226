//! Flags of `tickring simulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use tickring_simulator::Profile;

use super::{TalkArgs, duration};

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Port of 127.0.0.1 to listen on; 0 takes a free one.
    #[arg(long, env = "TICKRING_PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Recorded Binance sessions to serve as TickDB messages instead of a made-up market.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Recorded sessions of any venue and format, a capture or lines, to play instead: every frame
    /// byte for byte, on any path. Several are merged by time, one client for each recorded
    /// connection. Recorded commands are waited for, so that recorded answers answer those of the
    /// client; recorded disconnects close, and wait for it to come back.
    #[arg(
        long = "session",
        env = "TICKRING_SESSION",
        value_name = "FILE",
        num_args = 1..,
        conflicts_with_all = ["files", "profile", "seed", "symbols", "restarts", "down"]
    )]
    pub(crate) sessions: Vec<PathBuf>,
    /// With --session: serve the recordings as this venue's server would. Clients subscribe, and get
    /// what they subscribed to, numbered for their connection; who comes late gets a present snapshot;
    /// while nobody is subscribed the recording stands still; REST snapshots are served on the same
    /// port.
    #[arg(long, env = "TICKRING_VENUE", requires = "sessions")]
    pub(crate) venue: Option<tickring_simulator::Protocol>,
    /// With --venue: cut every connection so many times in the course of the recording.
    #[arg(
        long,
        env = "TICKRING_CUTS",
        default_value_t = 0,
        value_name = "TIMES",
        requires = "venue"
    )]
    pub(crate) cuts: u32,
    /// With --venue: close each connection at this age, as venues do.
    #[arg(long, env = "TICKRING_AGE", value_parser = duration, requires = "venue")]
    pub(crate) age: Option<Duration>,
    /// Pace of recorded sessions: a factor or `max`.
    #[arg(long, env = "TICKRING_SPEED", default_value = "1")]
    pub(crate) speed: tickring_simulator::Speed,
    /// When messages are sent: `open`, `steady:RATE` or `burst:N@PERIOD`.
    #[arg(long, env = "TICKRING_PROFILE", default_value = "open")]
    pub(crate) profile: Profile,
    /// Seed of the simulated market.
    #[arg(long, env = "TICKRING_SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The instruments of the simulated market.
    #[arg(long, env = "TICKRING_SYMBOLS", value_delimiter = ',')]
    pub(crate) symbols: Vec<String>,
    /// Stop sending after this many messages; then stay connected and answer pings.
    #[arg(long, env = "TICKRING_COUNT", value_name = "MESSAGES")]
    pub(crate) count: Option<u64>,
    /// Start sending when this many pairs of symbol and channel are subscribed [default: 1]. With
    /// --session, a client's frames start when it has sent this many commands [default: those that
    /// were recorded; without any, as soon as it has sent none for 100 ms, or none for 1 s after it
    /// came].
    #[arg(long, env = "TICKRING_START_AFTER", value_name = "NUMBER")]
    pub(crate) start_after: Option<u32>,
    /// How often the server goes away in the course of sending.
    #[arg(long, env = "TICKRING_RESTARTS", default_value_t = 0, value_name = "TIMES")]
    pub(crate) restarts: u32,
    /// How long it stays away each time.
    #[arg(long, env = "TICKRING_DOWN", default_value = "500ms", value_parser = duration)]
    pub(crate) down: Duration,
    /// The key that clients must give; any key without this, and none with --session.
    #[arg(long, env = "TICKRING_SIMULATOR_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// End after this long.
    #[arg(long, env = "TICKRING_DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}
