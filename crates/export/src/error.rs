use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why an export could not go on. Files that are not whole are removed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ExportError {
    /// No table was asked for.
    #[error("no table is asked for")]
    NoTable,
    /// A stream holds one table.
    #[error("a stream holds one table, and {tables} are asked for")]
    OneTable {
        /// How many were asked for.
        tables: usize,
    },
    /// A file is there already and may not be replaced.
    #[error("{}: is there already", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder cannot be made.
    #[error("{}: cannot be made: {source}", path.display())]
    Create {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A table cannot be written on.
    #[error("{name}: cannot be written: {source}")]
    Write {
        /// The file, or the table where it goes to a stream.
        name: String,
        /// What the operating system or the format's writer said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A number has more decimals than the export keeps.
    #[error("event {sequence}: {number} of {symbol} needs {needed} decimals, and {kept} are kept")]
    Decimals {
        /// The event.
        sequence: u64,
        /// The instrument.
        symbol: String,
        /// The number.
        number: String,
        /// Decimals that it needs.
        needed: u8,
        /// Decimals that the export keeps.
        kept: u8,
    },
    /// A time is past the year 2262, where 64 bits of ns end.
    #[error("{what}: {time_ns} ns is past the year 2262, where timestamps end")]
    Time {
        /// What has that time.
        what: String,
        /// The time.
        time_ns: u64,
    },
    /// An event has prices and is of no instrument that is known.
    #[error("event {sequence}: its instrument is not known")]
    Instrument {
        /// The event.
        sequence: u64,
    },
    /// A cell is not of its column's kind.
    #[error("row {row}: `{text}` is no value of the column `{column}`")]
    Cell {
        /// The row, from 1.
        row: u64,
        /// The column.
        column: String,
        /// The cell.
        text: String,
    },
    /// JSON holds text, and a frame is none.
    #[error("entry {entry}: is not UTF-8, which JSON lines must be; the other formats hold it")]
    NotText {
        /// The entry, from 0.
        entry: u64,
    },
}
