//! The command line: flags, their environment names and their words of help.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use tickring_ingest::Pace;
use tickring_ring::{OnFull, Wait};
use tickring_simulator::Profile;

use crate::plan::CoreRequest;

/// From a market's WebSocket to your strategies through one lock-free ring.
#[derive(Debug, Parser)]
#[command(name = "tickring", version, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Everything on loopback: a simulated venue and the engine in one process. No key, no network.
    Demo(DemoArgs),
    /// Live: connect to a venue and run strategies on what it sends.
    Run(RunArgs),
    /// Run strategies on recorded sessions, through the same code as live.
    Replay(ReplayArgs),
    /// A TickDB-compatible venue on loopback for others to connect to.
    Simulate(SimulateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// When the simulated venue sends: `open` (a market's opening burst), `steady:RATE` or
    /// `burst:N@PERIOD`.
    #[arg(long, env = "TICKRING_PROFILE", default_value = "open")]
    pub(crate) profile: Profile,
    /// Seed of the simulated market; the same seed gives the same messages.
    #[arg(long, env = "TICKRING_SEED", default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The venue to connect to.
    #[arg(long, env = "TICKRING_VENUE", default_value = "tickdb")]
    pub(crate) venue: VenueName,
    /// What to subscribe to: `ticker`, `depth`, `trade`.
    #[arg(
        long,
        env = "TICKRING_CHANNELS",
        value_delimiter = ',',
        default_value = "ticker,depth,trade"
    )]
    pub(crate) channels: Vec<String>,
    /// Where the certificates come from that a venue's TLS is checked against.
    #[arg(long, env = "TICKRING_ROOTS", default_value = "system")]
    pub(crate) roots: RootsName,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Recorded sessions: plain, gzip or zstd; `-` reads standard input. Several are merged by
    /// arrival time.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The venue that was recorded; a capture says it itself.
    #[arg(long, env = "TICKRING_VENUE")]
    pub(crate) venue: Option<VenueName>,
    /// Pace: `1` as recorded, `10` ten times faster, `max` as fast as the strategies take it.
    #[arg(long, env = "TICKRING_SPEED", default_value = "1")]
    pub(crate) speed: Pace,
    /// Exit with 1 unless the run hash is this one: the strategies were given something else.
    #[arg(long, env = "TICKRING_VERIFY_HASH", value_name = "HASH", value_parser = run_hash)]
    pub(crate) verify_hash: Option<String>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Port of 127.0.0.1 to listen on; 0 takes a free one.
    #[arg(long, env = "TICKRING_PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Recorded Binance sessions to serve as TickDB messages instead of a made-up market.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
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
    /// Start sending when this many pairs of symbol and channel are subscribed.
    #[arg(long, env = "TICKRING_START_AFTER", default_value_t = 1, value_name = "PAIRS")]
    pub(crate) start_after: u32,
    /// How often the server goes away in the course of sending.
    #[arg(long, env = "TICKRING_RESTARTS", default_value_t = 0, value_name = "TIMES")]
    pub(crate) restarts: u32,
    /// How long it stays away each time.
    #[arg(long, env = "TICKRING_DOWN", default_value = "500ms", value_parser = duration)]
    pub(crate) down: Duration,
    /// The key that clients must give; any key without this.
    #[arg(long, env = "TICKRING_SIMULATOR_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// End after this long.
    #[arg(long, env = "TICKRING_DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// What every command that runs strategies takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// Instruments, in the venue's own spelling [default: SUBSCRIBED_SYMBOLS]. A replay takes
    /// every instrument without this; with it, one of Binance leaves out the others. A TickDB
    /// symbol that is ambiguous gets its kind of product: SYMBOL=stock, indices, crypto, forex or
    /// futures.
    #[arg(long, env = "TICKRING_SYMBOLS", value_delimiter = ',')]
    pub(crate) symbols: Vec<String>,
    /// A strategy to run; give it several times for several. `spread` and `pressure` without this.
    #[arg(
        long = "strategy",
        env = "TICKRING_STRATEGY",
        value_delimiter = ',',
        value_name = "NAME"
    )]
    pub(crate) strategies: Vec<String>,
    /// Workers of each strategy, instruments divided among them [default: WORKER_COUNT or 1].
    #[arg(long, env = "TICKRING_WORKERS", value_name = "N")]
    pub(crate) workers: Option<u32>,
    /// Slots of the ring, rounded up to a power of two [default: MAX_QUEUE_DEPTH or 10000].
    #[arg(long, env = "TICKRING_RING", value_name = "SLOTS")]
    pub(crate) ring: Option<usize>,
    /// How threads wait: `auto`, `spin`, `spin-pause`, `yield`, `backoff`.
    #[arg(long, env = "TICKRING_WAIT", default_value = "auto")]
    pub(crate) wait: Wait,
    /// What happens when the ring is full: `block` loses nothing, `drop` loses the newest and says
    /// so in-band, `fail` ends the run.
    #[arg(long, env = "TICKRING_ON_FULL", default_value = "block")]
    pub(crate) on_full: OnFull,
    /// What happens when a strategy panics or fails for good.
    #[arg(long, env = "TICKRING_ON_FAULT", default_value = "quarantine")]
    pub(crate) on_fault: FaultPolicy,
    /// Cores to pin threads to: `auto`, `none`, or e.g. `ingest=0,strategy=1-2`, `spread=1`,
    /// `pressure/0=2`, `books=3`, `simulator=4`.
    #[arg(long, env = "TICKRING_CORES", default_value = "auto")]
    pub(crate) cores: CoreRequest,
    /// Keep a book of every instrument and report it.
    #[arg(long, env = "TICKRING_BOOKS")]
    pub(crate) books: bool,
    /// Exit with 4 when anything was lost: gaps, drops, frames that could not be decoded.
    #[arg(long, env = "TICKRING_STRICT")]
    pub(crate) strict: bool,
    /// End after this long, e.g. `10s`.
    #[arg(long, env = "TICKRING_DURATION", value_parser = duration)]
    pub(crate) duration: Option<Duration>,
    /// How long the ring may drain when the run is asked to stop.
    #[arg(long, env = "TICKRING_DRAIN", default_value = "5s", value_parser = duration)]
    pub(crate) drain: Duration,
    /// Where signals go: `none`, `-` for standard output, or a file that gets JSON lines.
    #[arg(long, env = "TICKRING_SIGNALS", default_value = "none", value_name = "WHERE")]
    pub(crate) signals: String,
    /// Write an HdrHistogram interval log (.hlog) of every stage here.
    #[arg(long, env = "TICKRING_HLOG", value_name = "FILE")]
    pub(crate) hlog: Option<PathBuf>,
    /// Time between monitor lines on standard error; `0s` for none.
    #[arg(long, env = "TICKRING_INTERVAL", default_value = "1s", value_parser = duration)]
    pub(crate) interval: Duration,
}

/// How a command talks.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct TalkArgs {
    /// How much is said on standard error.
    #[arg(long, env = "TICKRING_LOG", default_value = "info", value_name = "LEVEL")]
    pub(crate) log: LogLevel,
    /// Form of the report on standard output.
    #[arg(long, env = "TICKRING_FORMAT", default_value = "text")]
    pub(crate) format: Format,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum VenueName {
    Tickdb,
    BinanceSpot,
    BinanceUsdm,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum RootsName {
    /// The operating system's, or the bundled ones where it has none.
    System,
    /// Mozilla's, compiled in.
    Bundled,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FaultPolicy {
    /// It gets no more events; the others go on.
    Quarantine,
    /// The run ends.
    Stop,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// One object, `schema_version` in it.
    Json,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; write it as `10s` or `500ms`"))
}

fn run_hash(text: &str) -> Result<String, String> {
    let is_hash = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_hash {
        Ok(text.to_ascii_lowercase())
    } else {
        Err("not sixteen hexadecimal digits".into())
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_flag_has_an_environment_name() {
        for command in Cli::command().get_subcommands() {
            for flag in command.get_arguments().filter(|it| it.get_long().is_some()) {
                let long = flag.get_long().unwrap();
                if matches!(long, "help" | "version") {
                    continue;
                }
                let name = flag.get_env().and_then(|it| it.to_str()).unwrap_or_default();
                assert!(name.starts_with("TICKRING_"), "--{long} has `{name}`");
            }
        }
    }
}
