//! Flags of `tickring simulate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tickring_simulator::{Profile, RestFault};

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
    #[command(flatten)]
    pub(crate) rest: RestOptions,
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

/// What the REST interface takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "REST")]
pub(crate) struct RestOptions {
    /// Serve TickDB's REST interface instead of its socket: bars of FILE, a CSV that `fetch` wrote, or
    /// of the trades of recorded Binance sessions; without a FILE, made-up bars of --symbols.
    #[arg(
        long,
        env = "TICKRING_REST",
        conflicts_with_all = ["sessions", "profile", "restarts", "down", "count", "start_after"]
    )]
    pub(crate) rest: bool,
    /// Made-up bars of each symbol and interval.
    #[arg(
        long,
        env = "TICKRING_BARS",
        default_value_t = 10_000,
        requires = "rest",
        value_parser = clap::value_parser!(u32).range(1..=1_000_000)
    )]
    pub(crate) bars: u32,
    /// Most rows of an answer.
    #[arg(
        long,
        env = "TICKRING_PAGE_LIMIT",
        default_value_t = 1_000,
        value_name = "ROWS",
        requires = "rest",
        value_parser = clap::value_parser!(u32).range(1..=1_000)
    )]
    pub(crate) page_limit: u32,
    /// Answer a request in another way, each once: `429:2@3` (the third with HTTP 429 and
    /// `Retry-After: 2`), `5000@1` (a code), `503@1` (an HTTP status), `garbage@2`, `slow:500@4` (ms).
    #[arg(
        long = "fault",
        env = "TICKRING_FAULT",
        value_delimiter = ',',
        value_name = "WHAT@REQUEST",
        requires = "rest"
    )]
    pub(crate) faults: Vec<RestFault>,
    /// What is around the rows of an answer, and how numbers are written.
    #[arg(long, env = "TICKRING_SHAPE", default_value = "documented", requires = "rest")]
    pub(crate) shape: RestShapeName,
    /// Bars come with the newest first.
    #[arg(long, env = "TICKRING_NEWEST_FIRST", requires = "rest")]
    pub(crate) newest_first: bool,
    /// Of a range that holds more than a page its last bars come, though it has a start.
    #[arg(long, env = "TICKRING_LAST_OF_RANGE", requires = "rest")]
    pub(crate) last_of_range: bool,
    /// Each answer takes so long.
    #[arg(long, env = "TICKRING_DELAY", default_value = "0s", value_parser = duration, requires = "rest")]
    pub(crate) delay: Duration,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum RestShapeName {
    /// An object with `klines`, numbers as strings.
    Documented,
    /// As in the vendor's article: a list in the envelope, bare numbers.
    Article,
    /// The list alone.
    Bare,
}
