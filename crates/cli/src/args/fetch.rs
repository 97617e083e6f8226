//! Flags of `tickring fetch`.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use clap::{Args, ValueEnum};
use tickring_ingest::rest::Interval;

use super::{Format, LogLevel, RestArgs};

#[derive(Debug, Args)]
pub(crate) struct FetchArgs {
    /// What to fetch.
    #[arg(default_value = "bars", value_name = "WHAT")]
    pub(crate) what: FetchWhat,
    /// Instruments, in the venue's own spelling [default: SUBSCRIBED_SYMBOLS]; `symbols` needs none.
    #[arg(long, env = "TICKRING_SYMBOLS", value_delimiter = ',')]
    pub(crate) symbols: Vec<String>,
    /// Interval of bars: 1m, 5m, 15m, 30m, 1h, 2h, 4h, 1d, 1w, 1M.
    #[arg(long, env = "TICKRING_INTERVAL", default_value = "1h")]
    pub(crate) interval: Interval,
    /// Most rows of each symbol, over any number of pages: the first ones from --start, or without it
    /// the newest; levels of a side for depth. [default: everything from --start; without it the
    /// newest 100, and 10 levels]
    #[arg(
        long,
        env = "TICKRING_LIMIT",
        value_name = "ROWS",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(crate) limit: Option<u64>,
    /// First start of a bar: 2026-01-05T00:00:00Z, 2026-01-05, or ms since 1970.
    #[arg(long, env = "TICKRING_START", value_name = "TIME", value_parser = time_ms)]
    pub(crate) start: Option<u64>,
    /// Last start of a bar; written as for --start.
    #[arg(long, env = "TICKRING_END", value_name = "TIME", value_parser = time_ms)]
    pub(crate) end: Option<u64>,
    /// Market of `symbols`: GLOBAL, US, HK, CN [default: all of them].
    #[arg(long, env = "TICKRING_MARKET")]
    pub(crate) market: Option<String>,
    /// The file; `-` is standard output. While bars are fetched their pages are kept in FILE.pages, from
    /// which an interrupted fetch goes on.
    #[arg(short, long, env = "TICKRING_OUT", default_value = "-", value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// How the file is written [default: as its name ends, else csv].
    #[arg(long, env = "TICKRING_FETCH_FORMAT")]
    pub(crate) format: Option<FetchFormat>,
    /// Replace a file that is there already.
    #[arg(long, env = "TICKRING_FORCE")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) rest: RestArgs,
    /// How much is said on standard error.
    #[arg(
        long,
        env = "TICKRING_LOG",
        default_value = "info",
        value_name = "LEVEL",
        help_heading = "Output"
    )]
    pub(crate) log: LogLevel,
    /// Form of the report: on standard output, or on standard error where that has the rows.
    #[arg(long, env = "TICKRING_REPORT", default_value = "text", help_heading = "Output")]
    pub(crate) report: Format,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FetchWhat {
    /// Completed bars.
    Bars,
    /// The bars that are forming.
    Latest,
    /// The latest executions.
    Trades,
    /// The book.
    Depth,
    /// Every symbol that there is.
    Symbols,
    /// The intervals that there are bars of.
    Intervals,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum FetchFormat {
    /// Comma-separated, a line of names first.
    Csv,
    /// One JSON object a line; prices and quantities are strings.
    Ndjson,
    /// Apache Parquet; only in a build with `export`.
    Parquet,
}

pub(crate) fn time_ms(text: &str) -> Result<u64, String> {
    if let Ok(at_ms) = text.parse() {
        return Ok(at_ms);
    }
    let whole = if text.len() == 10 { format!("{text}T00:00:00Z") } else { text.to_owned() };
    let at = humantime::parse_rfc3339_weak(&whole).ok();
    let since = at.and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let at_ms = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    at_ms.ok_or_else(|| "write it as 2026-01-05T00:00:00Z, 2026-01-05, or ms since 1970".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_date_or_ms() {
        assert_eq!(time_ms("1767571200000"), Ok(1_767_571_200_000));
        assert_eq!(time_ms("2026-01-05"), Ok(1_767_571_200_000));
        assert_eq!(time_ms("2026-01-05T00:00:00.5Z"), Ok(1_767_571_200_500));
        for text in ["", "now", "-5", "1969-01-01", "2026-13-01"] {
            assert!(time_ms(text).is_err(), "{text}");
        }
    }
}
