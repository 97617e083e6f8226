//! The flags of `backtest`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use tickring_backtest::Size;
use tickring_capture::Interval;
use tickring_ring::Wait;

use super::{MomentArg, RestArgs, TalkArgs, VenueName};
use crate::plan::CoreRequest;

#[derive(Debug, Args)]
pub(crate) struct BacktestArgs {
    /// Files of bars (CSV, Parquet), or recorded sessions, whose trades make the bars. Without a file,
    /// bars are fetched from TickDB (TICKDB_API_KEY, TICKDB_REST_URL).
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Instruments, in the venue's own spelling; bars of one moment come in this order. Of files,
    /// every instrument without this.
    #[arg(long, env = "TICKRING_SYMBOLS", value_delimiter = ',')]
    pub(crate) symbols: Vec<String>,
    /// Length of a bar, such as `1m`, `1h`, `1d`: which are fetched, or made from trades. Files of bars
    /// say it themselves.
    #[arg(long, env = "TICKRING_BAR_INTERVAL")]
    pub(crate) interval: Option<BarInterval>,
    /// Bars of each symbol that are fetched: the last ones, or the first ones after --start [default:
    /// 500, or all after --start].
    #[arg(long, env = "TICKRING_LIMIT", value_name = "BARS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) limit: Option<u64>,
    /// Leave out bars that begin before this time (`2024-08-09T00:00:00Z`, or ns since 1970).
    #[arg(long, env = "TICKRING_START", value_name = "TIME")]
    pub(crate) start: Option<MomentArg>,
    /// Leave out bars that end after this time.
    #[arg(long, env = "TICKRING_END", value_name = "TIME")]
    pub(crate) end: Option<MomentArg>,
    /// The venue of recorded sessions; captures and some other formats say it themselves.
    #[arg(long, env = "TICKRING_VENUE")]
    pub(crate) venue: Option<VenueName>,
    #[command(flatten)]
    pub(crate) rest: RestArgs,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
    /// Slots of the ring, rounded up to a power of two [default: MAX_QUEUE_DEPTH or 10000].
    #[arg(long, env = "TICKRING_RING", value_name = "SLOTS", help_heading = "Engine")]
    pub(crate) ring: Option<usize>,
    /// How threads wait: `auto`, `spin`, `spin-pause`, `yield`, `backoff`.
    #[arg(long, env = "TICKRING_WAIT", default_value = "auto", help_heading = "Engine")]
    pub(crate) wait: Wait,
    /// Cores to pin threads to, as for `run`.
    #[arg(long, env = "TICKRING_CORES", default_value = "auto", help_heading = "Engine")]
    pub(crate) cores: CoreRequest,
    /// Write a page with pictures here, complete in one file.
    #[arg(long, env = "TICKRING_HTML", value_name = "OUT", help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

/// What is tried, and what its signals become.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Strategy and rule")]
pub(crate) struct RuleArgs {
    /// A strategy to try; several are tried side by side, each with money of its own.
    #[arg(
        long = "strategy",
        env = "TICKRING_STRATEGY",
        value_delimiter = ',',
        value_name = "NAME",
        default_value = "ma-cross"
    )]
    pub(crate) strategies: Vec<String>,
    /// A parameter of the strategy, such as `fast=10`; of one among several, `ma-cross.fast=10`.
    #[arg(
        long = "param",
        env = "TICKRING_PARAM",
        value_delimiter = ',',
        value_name = "NAME=VALUE"
    )]
    pub(crate) params: Vec<String>,
    /// Money at the start.
    #[arg(long, env = "TICKRING_CASH", default_value = "10000", value_parser = above_zero)]
    pub(crate) cash: f64,
    /// A full position: a share of the equity (`50%`), units (`10`), or money (`1000cash`). Without
    /// this the whole equity, divided by the number of --symbols.
    #[arg(long, env = "TICKRING_SIZE")]
    pub(crate) size: Option<SizeArg>,
    /// Fees, in basis points of what changes hands.
    #[arg(long, env = "TICKRING_COST_BPS", default_value = "0", value_parser = below_whole)]
    pub(crate) cost_bps: f64,
    /// Fee of each fill, in money.
    #[arg(long, env = "TICKRING_COST_FILL", default_value = "0", value_parser = not_below_zero)]
    pub(crate) cost_fill: f64,
    /// How much worse than the bar's price a fill is, in basis points.
    #[arg(long, env = "TICKRING_SLIPPAGE_BPS", default_value = "0", value_parser = below_whole)]
    pub(crate) slippage_bps: f64,
    /// Where a signal is filled: at the next bar's open, or at the close that it came from.
    #[arg(long, env = "TICKRING_FILL", default_value = "next-open")]
    pub(crate) fill: FillName,
    /// Take a target below zero as a short position; without this it is flat. `ma-cross` gives such
    /// targets with `--param short=true`.
    #[arg(long, env = "TICKRING_ALLOW_SHORT")]
    pub(crate) allow_short: bool,
    /// Bars a year, by which figures are annualised [default: as many as there were].
    #[arg(long, env = "TICKRING_BARS_A_YEAR", value_name = "BARS", value_parser = above_zero)]
    pub(crate) bars_a_year: Option<f64>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FillName {
    /// What could have been traded.
    NextOpen,
    /// An upper bound: the strategy has seen that price already.
    Close,
}

/// A bar's length as it was written.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BarInterval {
    pub(crate) text: String,
    pub(crate) length: Interval,
}

impl FromStr for BarInterval {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let length = Interval::parse(text.as_bytes()).ok_or("write it as 1m, 15m, 1h, 1d or 1w")?;
        Ok(Self { text: text.to_owned(), length })
    }
}

/// A size as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct SizeArg(pub(crate) Size);

impl FromStr for SizeArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(percent) = text.strip_suffix('%') {
            let share = above_zero(percent)? / 100.0;
            let is_possible = share <= 1.0;
            return if is_possible {
                Ok(Self(Size::Equity(share)))
            } else {
                Err("positions are worth no more than the equity: at most 100%".to_owned())
            };
        }
        if let Some(money) = text.strip_suffix("cash") {
            return above_zero(money).map(|it| Self(Size::Notional(it)));
        }
        let units = above_zero(text);
        units
            .map(|it| Self(Size::Quantity(it)))
            .map_err(|_| "write it as 50%, as units like 10, or as 1000cash".to_owned())
    }
}

fn above_zero(text: &str) -> Result<f64, String> {
    not_below_zero(text).ok().filter(|it| *it > 0.0).ok_or_else(|| "not a number above 0".into())
}

fn not_below_zero(text: &str) -> Result<f64, String> {
    let number: Option<f64> = text.trim().parse().ok();
    number.filter(|it| (0.0..=1e15).contains(it)).ok_or_else(|| "not a number from 0".into())
}

fn below_whole(text: &str) -> Result<f64, String> {
    let number = not_below_zero(text).ok().filter(|it| *it < 10_000.0);
    number.ok_or_else(|| "not a number of basis points from 0 to below 10000".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_has_three_writings() {
        let size = |text: &str| text.parse::<SizeArg>().ok().map(|it| it.0);
        assert_eq!(size("50%"), Some(Size::Equity(0.5)));
        assert_eq!(size("10"), Some(Size::Quantity(10.0)));
        assert_eq!(size("1000cash"), Some(Size::Notional(1_000.0)));
        for wrong in ["", "0", "-1", "101%", "0%", "x", "cash", "nan", "inf"] {
            assert_eq!(size(wrong), None, "{wrong}");
        }
    }
}
