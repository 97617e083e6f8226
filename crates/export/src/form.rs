//! The forms a table can be written in.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use crate::place::Sink;
use crate::text::TextWriter;

/// How a table is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    /// Apache Parquet, zstd, times and sequences as differences.
    Parquet,
    /// The Arrow IPC stream, readable while it is being written.
    Arrow,
    /// Comma-separated, a line of names first; what is absent is empty.
    Csv,
    /// One JSON object a line; prices and quantities are strings, so that none becomes a float.
    Ndjson,
}

impl Format {
    /// The format's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
        }
    }

    /// The ending of a file's name.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            // That of a stream; `.arrow` is Arrow's file with an index.
            Self::Arrow => "arrows",
            Self::Parquet | Self::Csv | Self::Ndjson => self.name(),
        }
    }
}

/// What goes wrong in a format's writer.
pub(crate) type FormError = Box<dyn std::error::Error + Send + Sync>;

/// A table being written.
pub(crate) enum Form {
    Parquet(Box<ArrowWriter<Sink>>),
    Arrow(Box<StreamWriter<Sink>>),
    Text(TextWriter),
}

impl Form {
    pub(crate) fn new(format: Format, schema: &Arc<Schema>, sink: Sink) -> Result<Self, FormError> {
        Ok(match format {
            Format::Parquet => {
                let properties = properties(schema);
                let writer = ArrowWriter::try_new(sink, Arc::clone(schema), Some(properties));
                Self::Parquet(Box::new(writer.map_err(of_parquet)?))
            }
            Format::Arrow => {
                Self::Arrow(Box::new(StreamWriter::try_new(sink, schema).map_err(of_arrow)?))
            }
            Format::Csv => Self::Text(TextWriter::csv(schema, sink)?),
            Format::Ndjson => Self::Text(TextWriter::ndjson(schema, sink)),
        })
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), FormError> {
        match self {
            Self::Parquet(writer) => writer.write(batch).map_err(of_parquet),
            Self::Arrow(writer) => writer.write(batch).map_err(of_arrow),
            Self::Text(writer) => writer.write(batch),
        }
    }

    /// Ends the table.
    pub(crate) fn close(self) -> Result<Sink, FormError> {
        match self {
            Self::Parquet(writer) => writer.into_inner().map_err(of_parquet),
            Self::Arrow(writer) => writer.into_inner().map_err(of_arrow),
            Self::Text(writer) => writer.into_inner(),
        }
    }
}

fn properties(schema: &Schema) -> WriterProperties {
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1).expect("zstd has a level 1")))
        .set_created_by(concat!("tickring ", env!("CARGO_PKG_VERSION")).to_owned())
        // What is said of each page stays in memory until the file ends, so nothing is.
        .set_statistics_enabled(EnabledStatistics::Chunk)
        .set_offset_index_disabled(true)
        .set_max_row_group_row_count(Some(GROUP_ROWS_MAX))
        .set_max_row_group_bytes(Some(GROUP_BYTES_MAX));
    for field in schema.fields() {
        let column = || ColumnPath::from(field.name().as_str());
        builder = match field.data_type() {
            // They grow, or nearly so: differences are small, and a dictionary would hold them all.
            DataType::UInt64 | DataType::Int64 | DataType::Timestamp(..) => builder
                .set_column_dictionary_enabled(column(), false)
                .set_column_encoding(column(), Encoding::DELTA_BINARY_PACKED),
            // Hardly two frames are equal, and the least of them tells nothing.
            DataType::Binary => builder
                .set_column_dictionary_enabled(column(), false)
                .set_column_statistics_enabled(column(), EnabledStatistics::None),
            // The least and the greatest of a row group each keep more than themselves in memory
            // until the file ends (parquet 60.1): 0.4 MB a row group of levels.
            DataType::Decimal128(..) => {
                builder.set_column_statistics_enabled(column(), EnabledStatistics::None)
            }
            // Symbols, words and prices repeat: a dictionary, until it grows too large.
            _ => builder,
        };
    }
    builder.build()
}

/// The cause alone: the writer's own word for it says nothing more.
fn of_parquet(error: ParquetError) -> FormError {
    match error {
        ParquetError::External(source) => source,
        error => Box::new(error),
    }
}

fn of_arrow(error: ArrowError) -> FormError {
    match error {
        ArrowError::IoError(_, source) => Box::new(source),
        error => Box::new(error),
    }
}

/// Rows of a row group: as many as DuckDB's own.
const GROUP_ROWS_MAX: usize = 122_880;
/// Encoded bytes of a row group, which are held in memory until it is whole.
const GROUP_BYTES_MAX: usize = 64 << 20;
