//! Flags of `tickring export`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use tickring_event::{DECIMALS_MAX, Scale};
use tickring_export::Table;

use super::{Format, LogLevel, VenueName};

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// Recorded sessions, as `replay` takes them; `-` reads standard input. Several are merged by
    /// arrival time.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Folder for a file of each table; `-` writes one table to standard output.
    #[arg(short, long, env = "TICKRING_OUTPUT", value_name = "DIR")]
    pub(crate) output: PathBuf,
    /// How tables are written.
    #[arg(long, env = "TICKRING_EXPORT_FORMAT", default_value = "parquet")]
    pub(crate) format: TableFormat,
    /// Tables to write; all of them without this.
    #[arg(long, env = "TICKRING_KIND", value_delimiter = ',', value_name = "TABLE")]
    pub(crate) kind: Vec<TableName>,
    /// Write the frames as they were recorded, in one table, instead of decoding them. It needs no
    /// venue.
    #[arg(long, env = "TICKRING_RAW", conflicts_with_all = ["kind", "symbols"])]
    pub(crate) raw: bool,
    /// The venue that was recorded; a capture says it itself.
    #[arg(long, env = "TICKRING_VENUE")]
    pub(crate) venue: Option<VenueName>,
    /// Instruments, in the venue's own spelling [default: SUBSCRIBED_SYMBOLS, or every one].
    #[arg(long, env = "TICKRING_SYMBOLS", value_delimiter = ',')]
    pub(crate) symbols: Vec<String>,
    /// Decimals of prices and quantities, at most 18. With 18 every number is exact; with fewer,
    /// products of two columns fit as well, and a number that needs more ends the export.
    #[arg(
        long,
        env = "TICKRING_DECIMALS",
        default_value = "18",
        value_name = "N",
        value_parser = scale
    )]
    pub(crate) decimals: Scale,
    /// Replace files that are there already.
    #[arg(long, env = "TICKRING_FORCE")]
    pub(crate) force: bool,
    /// How much is said on standard error.
    #[arg(
        long,
        env = "TICKRING_LOG",
        default_value = "info",
        value_name = "LEVEL",
        help_heading = "Output"
    )]
    pub(crate) log: LogLevel,
    /// Form of the report on standard output.
    #[arg(long, env = "TICKRING_REPORT", default_value = "text", help_heading = "Output")]
    pub(crate) report: Format,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum TableFormat {
    /// Apache Parquet.
    Parquet,
    /// The Arrow IPC stream.
    Arrow,
    /// Comma-separated, a line of names first.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// A table of events, by the name of its file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct TableName(pub(crate) Table);

impl ValueEnum for TableName {
    fn value_variants<'a>() -> &'a [Self] {
        const {
            &[
                Self(Table::EVENTS[0]),
                Self(Table::EVENTS[1]),
                Self(Table::EVENTS[2]),
                Self(Table::EVENTS[3]),
                Self(Table::EVENTS[4]),
                Self(Table::EVENTS[5]),
            ]
        }
    }

    fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
        Some(clap::builder::PossibleValue::new(self.0.name()))
    }
}

fn scale(text: &str) -> Result<Scale, String> {
    let decimals = text.parse().ok().and_then(Scale::new);
    decimals.ok_or_else(|| format!("not a whole number up to {DECIMALS_MAX}"))
}
