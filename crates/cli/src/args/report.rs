//! The flags of `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::TalkArgs;

#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// Interval logs (.hlog) of any HdrHistogram tool, and JSON: reports of runs, results of a
    /// bench. Files whose names differ only in their ending are one run; the first run is what the
    /// others are compared with.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Only what has a tag like this, `*` for any characters and `?` for one, such as `queue.*`;
    /// give it several times for several.
    #[arg(long = "tag", env = "TICKRING_TAG", value_delimiter = ',', value_name = "GLOB")]
    pub(crate) tags: Vec<String>,
    /// Unit of latencies in text and page; `auto` is the one that fits each.
    #[arg(long, env = "TICKRING_UNIT", default_value = "auto")]
    pub(crate) unit: UnitName,
    /// What the values of interval logs are; ours are nanoseconds.
    #[arg(long, env = "TICKRING_HLOG_UNIT", default_value = "ns")]
    pub(crate) hlog_unit: HlogUnit,
    /// Write a page with pictures here, complete in one file.
    #[arg(long, env = "TICKRING_HTML", value_name = "OUT")]
    pub(crate) html: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) talk: TalkArgs,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum UnitName {
    Auto,
    Ns,
    Us,
    Ms,
    S,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum HlogUnit {
    Ns,
    Us,
    Ms,
}

impl HlogUnit {
    /// How many nanoseconds one is.
    pub(crate) const fn ns(self) -> u64 {
        match self {
            Self::Ns => 1,
            Self::Us => 1_000,
            Self::Ms => 1_000_000,
        }
    }
}
