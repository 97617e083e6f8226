//! The command line: flags, their environment names and their words of help.

mod backtest;
mod bench;
mod doctor;
#[cfg(feature = "export")]
mod export;
mod fetch;
mod report;
mod rest;
mod simulate;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, UNIX_EPOCH};

use clap::{Args, Parser, Subcommand, ValueEnum};
use tickring_capture::{OnCaptureFull, SyncPolicy};
use tickring_ingest::{Moment, Pace};
use tickring_ring::{OnFull, Wait};
use tickring_simulator::Profile;

pub(crate) use self::backtest::{BacktestArgs, BarInterval, FillName, RuleArgs};
pub(crate) use self::bench::{BenchArgs, BenchCores, CompareArgs, MachineArgs, StageName};
pub(crate) use self::doctor::DoctorArgs;
#[cfg(feature = "export")]
pub(crate) use self::export::{ExportArgs, TableFormat};
pub(crate) use self::fetch::{FetchArgs, FetchFormat, FetchWhat};
pub(crate) use self::report::{ReportArgs, UnitName};
pub(crate) use self::rest::RestArgs;
pub(crate) use self::simulate::{RestOptions, RestShapeName, SimulateArgs};
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
    /// Live without strategies of your own: record what a venue sends.
    Record(RecordArgs),
    /// Run strategies on recorded sessions, through the same code as live.
    Replay(ReplayArgs),
    /// Try strategies on bars of the past: what their signals would have come to, under a stated rule.
    Backtest(BacktestArgs),
    /// Check whether recordings are whole; exit with 1 when one is not, 2 when one cannot be read.
    Verify(VerifyArgs),
    /// A first look at recorded sessions: what is in them, how fast it came, what is missing.
    Inspect(InspectArgs),
    /// What runs and benches left behind, side by side: percentiles, ratios, a page with pictures.
    Report(ReportArgs),
    /// A venue on loopback for others to connect to: TickDB-compatible, or a recording of any venue.
    Simulate(SimulateArgs),
    /// From TickDB's REST interface into a file: bars of the past, trades, depth, symbols.
    Fetch(FetchArgs),
    /// Measure: decoding, the ring, and the way from a socket to a strategy, on this machine.
    Bench(BenchArgs),
    /// Whether this host suits a low-latency run: what is read, what is good, why, and what mends it.
    Doctor(DoctorArgs),
    /// Recorded sessions as tables for other tools: Parquet, Arrow, CSV, JSON lines.
    #[cfg(feature = "export")]
    Export(ExportArgs),
    /// Not in this build.
    #[cfg(not(feature = "export"))]
    #[command(hide = true)]
    Export {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        rest: Vec<std::ffi::OsString>,
    },
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
    /// Record every frame into this capture: FILE.mcap, or a folder that sessions are added to.
    #[arg(long, env = "TICKRING_RECORD", value_name = "FILE", help_heading = "Capture")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    /// Record every frame into this capture: FILE.mcap, or a folder that sessions are added to.
    #[arg(long, env = "TICKRING_RECORD", value_name = "FILE", help_heading = "Capture")]
    pub(crate) record: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RecordArgs {
    /// The capture: FILE.mcap, or a folder that sessions are added to.
    #[arg(short, long, env = "TICKRING_OUTPUT", value_name = "FILE")]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) live: LiveArgs,
    #[command(flatten)]
    pub(crate) capture: CaptureArgs,
}

/// What every command takes that connects to a venue.
#[derive(Clone, Debug, Args)]
pub(crate) struct LiveArgs {
    /// The venue to connect to.
    #[arg(long, env = "TICKRING_VENUE", default_value = "tickdb")]
    pub(crate) venue: VenueName,
    /// What to subscribe to: `ticker`, `depth`, `trade`, and `bar` where the venue pushes bars.
    #[arg(
        long,
        env = "TICKRING_CHANNELS",
        value_delimiter = ',',
        default_value = "ticker,depth,trade"
    )]
    pub(crate) channels: Vec<String>,
    /// Levels of a side to subscribe to, where the venue lets one choose [default: the venue's].
    #[arg(long, env = "TICKRING_DEPTH", value_name = "LEVELS")]
    pub(crate) depth: Option<u32>,
    /// Another address of the venue's socket, such as a proxy's or a simulator's [default: the
    /// venue's own; for TickDB, TICKDB_WS_URL].
    #[arg(long, env = "TICKRING_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) url: Option<String>,
    /// Another address of its REST interface, for venues whose snapshots come from there.
    #[arg(long, env = "TICKRING_REST_URL", value_name = "URL", hide_env_values = true)]
    pub(crate) rest_url: Option<String>,
    /// Largest message that is taken, in MiB; a larger one ends the connection. Whole books come as
    /// single messages of 5 MB at Coinbase.
    #[arg(
        long,
        env = "TICKRING_MESSAGE_MIB",
        default_value_t = 16,
        value_name = "MIB",
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    pub(crate) message_mib: u16,
    /// Where the certificates come from that a venue's TLS is checked against.
    #[arg(long, env = "TICKRING_ROOTS", default_value = "system")]
    pub(crate) roots: RootsName,
    /// Ask the kernel when it received what is read (Linux): latencies then start there, and the
    /// report tells how long frames waited in the socket.
    #[arg(long, env = "TICKRING_KERNEL_TIME")]
    pub(crate) kernel_time: bool,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// How a capture is written.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Capture")]
pub(crate) struct CaptureArgs {
    /// Overwrite a capture file that exists.
    #[arg(long, env = "TICKRING_FORCE")]
    pub(crate) force: bool,
    /// How soon what is written survives a loss of power: `none`, `1s` (each second, and at a gap,
    /// a disconnect, a roll, the end) or `chunk`.
    #[arg(long, env = "TICKRING_SYNC", default_value = "1s")]
    pub(crate) sync: SyncPolicy,
    /// When the disk cannot keep up: `block` waits for it, `mark` leaves frames out, counts them and
    /// writes the hole into the capture.
    #[arg(long, env = "TICKRING_ON_CAPTURE_FULL", default_value = "block")]
    pub(crate) on_capture_full: OnCaptureFull,
    /// Do not compress: the writer then takes almost no time, and files are some five times as large.
    #[arg(long, env = "TICKRING_UNCOMPRESSED")]
    pub(crate) uncompressed: bool,
    /// Start a new file at this size in MiB.
    #[arg(
        long,
        env = "TICKRING_SEGMENT_MIB",
        default_value_t = 1024,
        value_name = "MIB",
        value_parser = clap::value_parser!(u64).range(1..=1_048_576)
    )]
    pub(crate) segment_mib: u64,
    /// Start a new file at this age.
    #[arg(long, env = "TICKRING_SEGMENT_TIME", default_value = "1h", value_parser = duration)]
    pub(crate) segment_time: Duration,
    /// Core to pin the thread to that writes; it sleeps when it has nothing to do.
    #[arg(long, env = "TICKRING_CAPTURE_CORE", value_name = "CORE")]
    pub(crate) capture_core: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Recorded sessions, ours (captures, folders of them, lines) or another tool's: plain, gzip or
    /// zstd; `-` reads standard input. Several are merged by arrival time.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The venue that was recorded; captures and some other formats say it themselves.
    #[arg(long, env = "TICKRING_VENUE")]
    pub(crate) venue: Option<VenueName>,
    /// Pace: `1` as recorded, `10` ten times faster, `max` as fast as the strategies take it.
    #[arg(long, env = "TICKRING_SPEED", default_value = "1")]
    pub(crate) speed: Pace,
    /// Leave out what came before: a time (`2024-08-09T00:00:00Z`, or ns since 1970), or `+10s` after
    /// the first entry.
    #[arg(long, env = "TICKRING_FROM", value_name = "TIME")]
    pub(crate) from: Option<MomentArg>,
    /// Leave out what came after; written as for --from.
    #[arg(long, env = "TICKRING_TO", value_name = "TIME")]
    pub(crate) to: Option<MomentArg>,
    /// Give strategies only these: `trade`, `ticker`, `depth`, `bar`. Gaps and connection changes
    /// always come.
    #[arg(long, env = "TICKRING_CHANNELS", value_delimiter = ',')]
    pub(crate) channels: Vec<ChannelName>,
    /// Play everything again, until you stop it or so many times: `--loop=3`.
    #[arg(
        long = "loop",
        env = "TICKRING_LOOP",
        value_name = "TIMES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "forever",
        value_parser = times
    )]
    pub(crate) repeat: Option<Repeats>,
    /// At a damaged place of a capture: `stop` with an error, or `skip` to the next whole chunk, with
    /// a gap in the stream.
    #[arg(long, env = "TICKRING_ON_DAMAGE", default_value = "stop")]
    pub(crate) on_damage: DamagePolicy,
    /// Threads that read and decompress ahead of each file.
    #[arg(
        long,
        env = "TICKRING_READ_AHEAD",
        default_value_t = 1,
        value_name = "THREADS",
        value_parser = clap::value_parser!(u8).range(0..=8)
    )]
    pub(crate) read_ahead: u8,
    /// Exit with 1 unless the run hash is this one: the strategies were given something else.
    #[arg(long, env = "TICKRING_VERIFY_HASH", value_name = "HASH", value_parser = run_hash)]
    pub(crate) verify_hash: Option<String>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Captures, folders of them, or recorded lines.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Write a whole file next to each capture that is not: NAME.repaired.mcap.
    #[arg(long, env = "TICKRING_REPAIR")]
    pub(crate) repair: bool,
    /// Overwrite a repaired file that exists.
    #[arg(long, env = "TICKRING_FORCE")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// Recorded sessions: captures, folders of segments, or lines that are plain, gzip or zstd; `-`
    /// reads standard input. Several are looked at as one, merged by arrival time.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The venue that was recorded; a capture says it itself. Without either, nothing is decoded.
    #[arg(long, env = "TICKRING_VENUE")]
    pub(crate) venue: Option<VenueName>,
    /// Look at these instruments alone, in the venue's own spelling.
    #[arg(long, env = "TICKRING_SYMBOLS", value_delimiter = ',')]
    pub(crate) symbols: Vec<String>,
    /// Write the entries instead, one a line: time, connection, direction (`<` received, `>` sent,
    /// `*` neither), length, and the text cut to the terminal's width.
    #[arg(long, env = "TICKRING_DUMP")]
    pub(crate) dump: bool,
    /// The first N entries alone; goes with `--dump`, which it implies, or `--raw`.
    #[arg(short = 'n', long, env = "TICKRING_ENTRIES", value_name = "N")]
    pub(crate) entries: Option<u64>,
    /// `--dump` with texts in full.
    #[arg(long, env = "TICKRING_FULL", conflicts_with = "raw")]
    pub(crate) full: bool,
    /// Write the received messages instead, byte for byte, one a line: for pipes.
    #[arg(long, env = "TICKRING_RAW", conflicts_with = "dump")]
    pub(crate) raw: bool,
    /// Draw frames a second over time into this SVG file.
    #[arg(
        long,
        env = "TICKRING_SVG",
        value_name = "OUT",
        conflicts_with_all = ["dump", "entries", "full", "raw"]
    )]
    pub(crate) svg: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// What every command that runs strategies takes.
#[derive(Clone, Debug, Args)]
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
    /// Keep all memory of the process off the swap, for which the system's limit of locked memory
    /// (`ulimit -l`) must allow it.
    #[arg(long, env = "TICKRING_LOCK_MEMORY")]
    pub(crate) lock_memory: bool,
    /// Ask the kernel for huge pages, of which the ring needs fewer entries in the processor's
    /// table of pages.
    #[arg(long, env = "TICKRING_HUGE_PAGES")]
    pub(crate) huge_pages: bool,
    /// Keep a book of every instrument and report it.
    #[arg(long, env = "TICKRING_BOOKS")]
    pub(crate) books: bool,
    /// Compare each book with the top of book that its venue pushes, and report how often they agree;
    /// needs both `ticker` and `depth`, and implies --books. Where the venue numbers both alike
    /// (Binance), any difference ends the run with 1.
    #[arg(long, env = "TICKRING_VERIFY_TOP")]
    pub(crate) verify_top: bool,
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
    BitgetSpot,
    BybitSpot,
    BybitLinear,
    BybitInverse,
    CoinbaseAdvanced,
    CoinbaseExchange,
    Kraken,
    /// Kraken's first WebSocket interface; recorded only.
    KrakenV1,
    Okx,
    /// Tardis' downloadable CSV files; recorded only.
    TardisCsv,
    /// LOBSTER's order books; recorded only.
    Lobster,
    /// Databento's DBN; recorded only.
    Databento,
    /// Files of bars; recorded only.
    Bars,
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

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum DamagePolicy {
    /// The run ends with an error after what is whole.
    Stop,
    /// The run goes on at the next whole chunk.
    Skip,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum ChannelName {
    Trade,
    Ticker,
    Depth,
    Bar,
}

/// How often a replay is played again; `None` until somebody stops it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Repeats(pub(crate) Option<u64>);

/// A moment of a recording.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct MomentArg(pub(crate) Moment);

impl FromStr for MomentArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let ns = |since: Duration| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        if let Some(after) = text.strip_prefix('+') {
            return duration(after).map(|after| Self(Moment::After(ns(after))));
        }
        if let Ok(at_ns) = text.parse() {
            return Ok(Self(Moment::At(at_ns)));
        }
        let at = humantime::parse_rfc3339_weak(text).ok();
        let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        since.map(|since| Self(Moment::At(ns(since)))).ok_or_else(|| {
            "write it as 2024-08-09T00:00:00Z, as ns since 1970, or as +10s after the start".into()
        })
    }
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

fn times(text: &str) -> Result<Repeats, String> {
    match text {
        "forever" => Ok(Repeats(None)),
        _ => text.parse().map(|times| Repeats(Some(times))).map_err(|_| "not a number".to_owned()),
    }
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

    #[track_caller]
    fn check_moment(text: &str, expected: Option<Moment>) {
        assert_eq!(text.parse::<MomentArg>().ok().map(|it| it.0), expected, "{text}");
    }

    #[test]
    fn a_moment_is_a_time_or_an_offset() {
        check_moment("1723161255030314667", Some(Moment::At(1_723_161_255_030_314_667)));
        check_moment("2024-08-08T23:54:15Z", Some(Moment::At(1_723_161_255_000_000_000)));
        check_moment("2024-08-08 23:54:15.5", Some(Moment::At(1_723_161_255_500_000_000)));
        check_moment("+1m 30s", Some(Moment::After(90_000_000_000)));
        for wrong in ["", "now", "-5", "1969-01-01T00:00:00Z", "+", "+x"] {
            check_moment(wrong, None);
        }
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
