//! The flags of `bench`.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tickring_harness::{Schedule, ScheduleError, Threshold};
use tickring_ring::Wait;

use super::{TalkArgs, VenueName, duration};

#[derive(Clone, Debug, Args)]
pub(crate) struct BenchArgs {
    /// Recorded sessions to measure with, of any format that `replay` takes. Made-up TickDB messages
    /// without one.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The venue that was recorded; captures and some other formats say it themselves.
    #[arg(long, env = "TICKRING_VENUE", requires = "files")]
    pub(crate) venue: Option<VenueName>,
    /// What is measured.
    #[arg(
        long = "stage",
        env = "TICKRING_STAGE",
        value_delimiter = ',',
        default_value = "decode,ring,e2e"
    )]
    pub(crate) stages: Vec<StageName>,
    /// Frames of the input that are used, from its start.
    #[arg(
        long,
        env = "TICKRING_FRAMES",
        default_value_t = 20_000,
        value_name = "N",
        value_parser = clap::value_parser!(u32).range(100..=10_000_000)
    )]
    pub(crate) frames: u32,
    #[command(flatten)]
    pub(crate) load: LoadArgs,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) rounds: RoundsArgs,
    #[command(flatten)]
    pub(crate) compare: CompareArgs,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// What is sent how fast, and to whom.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Load")]
pub(crate) struct LoadArgs {
    /// Messages a second, as a ladder; each counts its latency from when it should have been sent.
    #[arg(
        long = "rate",
        env = "TICKRING_RATE",
        value_delimiter = ',',
        default_value = "10k,100k,1m",
        value_parser = rate
    )]
    pub(crate) rates: Vec<u64>,
    /// Messages that are due at once, as a ladder.
    #[arg(
        long = "burst",
        env = "TICKRING_BURST",
        value_delimiter = ',',
        default_value = "1,100,1000",
        value_parser = clap::value_parser!(u64).range(1..=1_000_000)
    )]
    pub(crate) bursts: Vec<u64>,
    /// From the start of one burst to the start of the next.
    #[arg(long, env = "TICKRING_PAUSE", default_value = "1ms", value_parser = duration)]
    pub(crate) pause: Duration,
    /// Consumers of the ring, as a ladder; each of them gets every event.
    #[arg(
        long,
        env = "TICKRING_CONSUMERS",
        value_delimiter = ',',
        default_value = "1",
        value_name = "N",
        value_parser = clap::value_parser!(u8).range(1..=64)
    )]
    pub(crate) consumers: Vec<u8>,
    /// How long the slow consumer works on each event, in ns.
    #[arg(long, env = "TICKRING_SLOW", default_value_t = 1_000, value_name = "NS",
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) slow: u64,
    /// Slots of the ring, rounded up to a power of two [default: MAX_QUEUE_DEPTH or 10000].
    #[arg(long, env = "TICKRING_RING", value_name = "SLOTS")]
    pub(crate) ring: Option<usize>,
    /// Events published together in the flat-out scenario.
    #[arg(long, env = "TICKRING_BATCH", default_value_t = 1, value_name = "EVENTS",
        value_parser = clap::value_parser!(u16).range(1..=1_024))]
    pub(crate) batch: u16,
    /// Frames that wait in the socket when the engine begins to read.
    #[arg(long, env = "TICKRING_WAITING", default_value_t = 20_000, value_name = "FRAMES")]
    pub(crate) waiting: u32,
}

/// Threads and cores.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Machine")]
pub(crate) struct MachineArgs {
    /// How threads wait: `auto` spins where every busy thread can have a core; `spin`, `spin-pause`,
    /// `yield`, `backoff`.
    #[arg(long, env = "TICKRING_WAIT", default_value = "auto")]
    pub(crate) wait: Wait,
    /// Cores to pin threads to: `auto`, `none`, or a list such as `2,3,4-5`, in the order sender,
    /// ingest, consumers.
    #[arg(long, env = "TICKRING_CORES", default_value = "auto")]
    pub(crate) cores: BenchCores,
    /// Spin with more threads than cores all the same. Every such figure is labelled: it is the
    /// scheduler's.
    #[arg(long, env = "TICKRING_OVERSUBSCRIBE")]
    pub(crate) oversubscribe: bool,
}

/// How long and how often.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Rounds")]
pub(crate) struct RoundsArgs {
    /// Turns: each measures every scenario once, in an order of its own.
    #[arg(long, env = "TICKRING_ROUNDS", default_value_t = 5, value_name = "N",
        value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub(crate) rounds: u16,
    /// How long a scheduled scenario runs in each turn.
    #[arg(long, env = "TICKRING_BLOCK", default_value = "100ms", value_parser = duration)]
    pub(crate) block: Duration,
    /// Seed of the order of scenarios and of the made-up market.
    #[arg(long, env = "TICKRING_SEED", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// Results of today and of another day.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Compare")]
pub(crate) struct CompareArgs {
    /// Write the result as JSON into this file, to compare with later.
    #[arg(long, env = "TICKRING_SAVE", value_name = "FILE")]
    pub(crate) save: Option<PathBuf>,
    /// Compare with a result that was saved.
    #[arg(long, env = "TICKRING_AGAINST", value_name = "FILE")]
    pub(crate) against: Option<PathBuf>,
    /// Exit with 1 where a scenario's mean, p50, p90, p99, p99.9 or max is worse than before by more
    /// than this and by more than the noise, such as `p99:+10%`.
    #[arg(
        long,
        env = "TICKRING_FAIL_ON",
        value_delimiter = ',',
        value_name = "LIMIT",
        requires = "against"
    )]
    pub(crate) fail_on: Vec<Threshold>,
    /// Write an HdrHistogram interval log (.hlog) of every scenario here, for `report`.
    #[arg(long, env = "TICKRING_EXPORT_HLOG", value_name = "FILE")]
    pub(crate) export_hlog: Option<PathBuf>,
    /// Try out the comparison itself: twenty times the same program against itself, twenty times with
    /// a quarter more work, on the decoder. Exit with 1 where it cannot tell.
    #[arg(long, env = "TICKRING_SELF_TEST", conflicts_with_all = ["save", "against", "export_hlog"])]
    pub(crate) self_test: bool,
    /// Work so many percent longer on each frame that is decoded: a slow-down for tests.
    #[arg(long, env = "TICKRING_INJECT_DELAY", default_value_t = 0, value_name = "PERCENT",
        hide = true, value_parser = clap::value_parser!(u32).range(0..=10_000))]
    pub(crate) inject_delay: u32,
}

/// A stage that is measured.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum StageName {
    /// Bytes of a frame to events.
    Decode,
    /// Publisher to consumers.
    Ring,
    /// A loopback socket to a strategy, through the whole engine.
    E2e,
}

/// Cores of the busy threads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum BenchCores {
    /// A physical core each where there are enough, no pinning otherwise.
    Auto,
    /// No pinning.
    None,
    /// These, in the order of the threads.
    List(Vec<usize>),
}

impl FromStr for BenchCores {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => return Ok(Self::Auto),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let wrong = || format!("`{text}` is not `auto`, `none`, or a list such as 2,3,4-5");
        let mut cores = Vec::new();
        for range in text.split(',') {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            let first: usize = first.parse().map_err(|_| wrong())?;
            let last: usize = last.parse().map_err(|_| wrong())?;
            if last < first || last - first > CORES_MAX {
                return Err(wrong());
            }
            cores.extend(first..=last);
        }
        let is_twice = cores.iter().enumerate().any(|(at, core)| cores[..at].contains(core));
        if is_twice { Err(format!("`{text}` names a core twice")) } else { Ok(Self::List(cores)) }
    }
}

fn rate(text: &str) -> Result<u64, ScheduleError> {
    Schedule::parse_rate(text)
}

/// Longest range of cores.
const CORES_MAX: usize = 4_096;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&BenchCores>) {
        assert_eq!(text.parse().ok().as_ref(), expected, "{text}");
    }

    #[test]
    fn cores_are_a_word_or_a_list() {
        check("auto", Some(&BenchCores::Auto));
        check("none", Some(&BenchCores::None));
        check("2,4-6", Some(&BenchCores::List(vec![2, 4, 5, 6])));
        for wrong in ["", "x", "2,", "3-2", "1,1", "0-99999", "sender=1"] {
            check(wrong, None);
        }
    }
}
