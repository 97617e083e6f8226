//! Bars from Parquet files, as a session: one batch of rows in memory, however long the file is.

mod text;

use std::fs::File;
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Schema};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use tickring_capture::{BAR_COLUMNS, BarFrame, BarRow, CaptureError, Entry, Interval, Session};

use self::text::{Numbers, Texts};

/// Bars of a Parquet file, of one symbol or of all, in the order of the file, which is that of time.
///
/// Columns are found by their names, as in a file of comma-separated text: `symbol` and `interval` are
/// texts, `time_ms` is a whole number, the others are decimals, floats, whole numbers or texts.
/// Floats are read as the shortest decimals that stand for them.
pub struct BarFile {
    name: String,
    symbol: Option<String>,
    rows: u64,
    reader: ParquetRecordBatchReader,
    batch: Option<Columns>,
    /// The next row of the batch.
    next: usize,
    /// Rows of the batches before.
    before: u64,
    interval: Option<(String, Interval)>,
    frame: BarFrame,
}

/// A batch with its columns told apart.
struct Columns {
    rows: usize,
    symbol: Texts,
    interval: Texts,
    time_ms: Numbers,
    numbers: [Numbers; 5],
}

impl BarFile {
    /// Opens a file and reads where its parts lie.
    ///
    /// # Errors
    /// It cannot be opened, is no Parquet file, or has not the columns of one of bars.
    pub fn open(path: &Path, symbol: Option<&str>) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let wrong = |what: String| malformed(&name, 0, what);
        let file = File::open(path)
            .map_err(|source| CaptureError::Open { path: path.to_owned(), source })?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file)
            .map_err(|error| wrong(error.to_string()))?;
        let wanted = positions(builder.schema()).map_err(wrong)?;
        let rows = builder.metadata().file_metadata().num_rows();
        let mask = ProjectionMask::roots(builder.parquet_schema(), wanted);
        let reader = builder.with_projection(mask).with_batch_size(BATCH_ROWS).build();
        let reader = reader.map_err(|error| wrong(error.to_string()))?;
        Ok(Self {
            name,
            symbol: symbol.map(str::to_owned),
            rows: u64::try_from(rows).unwrap_or_default(),
            reader,
            batch: None,
            next: 0,
            before: 0,
            interval: None,
            frame: BarFrame::default(),
        })
    }

    /// Bars of all symbols.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// Makes sure that there is a row; false at the end.
    fn has_row(&mut self) -> Result<bool, String> {
        loop {
            let rows = self.batch.as_ref().map_or(0, |it| it.rows);
            if self.next < rows {
                return Ok(true);
            }
            self.before += rows as u64;
            (self.batch, self.next) = (None, 0);
            match self.reader.next() {
                None => return Ok(false),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(batch)) => self.batch = Some(Columns::of(&batch)?),
            }
        }
    }

    /// Turns the row into a frame; false when it is of another symbol.
    fn take(&mut self) -> Result<bool, &'static str> {
        let Self { batch: Some(columns), next, symbol: wanted, interval, frame, .. } = self else {
            return Ok(false);
        };
        let row = *next;
        *next += 1;
        let symbol = columns.symbol.at(row).ok_or("`symbol` is null")?;
        if wanted.as_deref().is_some_and(|it| it != symbol) {
            return Ok(false);
        }
        let length = columns.interval.at(row).ok_or("`interval` is null")?;
        let interval = match interval {
            Some((text, interval)) if text == length => *interval,
            _ => {
                let parsed = Interval::parse(length.as_bytes());
                let parsed = parsed.ok_or("`interval` is not like 1m, 1h or 1d")?;
                *interval = Some((length.to_owned(), parsed));
                parsed
            }
        };
        let time_ms = columns.time_ms.whole(row).ok_or("`time_ms` is not a whole number")?;
        for column in &mut columns.numbers {
            if !column.write(row) {
                return Err("a price or the volume is null, or not a finite number");
            }
        }
        let [open, high, low, close, volume] = &columns.numbers;
        let numbers = [open, high, low, close, volume].map(Numbers::text);
        let before_ns = frame.end_ns();
        frame.write(&BarRow { symbol: symbol.as_bytes(), time_ms, interval, numbers })?;
        if frame.end_ns() < before_ns { Err(NOT_IN_ORDER) } else { Ok(true) }
    }

    fn fault(&self, what: String) -> CaptureError {
        malformed(&self.name, self.before + self.next as u64, what)
    }
}

impl Session for BarFile {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        while self.has_row().map_err(|what| self.fault(what))? {
            if self.take().map_err(|what| self.fault(what.to_owned()))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn entry(&self) -> Entry<'_> {
        let (arrival_ns, text) = (self.frame.end_ns(), self.frame.text());
        Entry::Received { connection: 0, arrival_ns, text }
    }

    fn name(&self) -> &str {
        &self.name
    }
}

impl std::fmt::Debug for BarFile {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("BarFile")
            .field("name", &self.name)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl Columns {
    fn of(batch: &RecordBatch) -> Result<Self, String> {
        let column = |name: &str| {
            let missing = || format!("the column `{name}` is missing");
            batch.column_by_name(name).ok_or_else(missing)
        };
        let texts = |name: &str| Texts::of(column(name)?).ok_or_else(|| unknown(name, batch));
        let numbers = |name: &str| Numbers::of(column(name)?).ok_or_else(|| unknown(name, batch));
        let [symbol, interval, time_ms, open, high, low, close, volume] = BAR_COLUMNS;
        Ok(Self {
            rows: batch.num_rows(),
            symbol: texts(symbol)?,
            interval: texts(interval)?,
            time_ms: numbers(time_ms)?,
            numbers: [
                numbers(open)?,
                numbers(high)?,
                numbers(low)?,
                numbers(close)?,
                numbers(volume)?,
            ],
        })
    }
}

/// Where the columns of a file of bars are.
fn positions(schema: &Schema) -> Result<Vec<usize>, String> {
    let position = |name: &str| {
        schema.index_of(name).map_err(|_| {
            let words = BAR_COLUMNS.join(", ");
            format!("the column `{name}` is missing: a file of bars has {words}")
        })
    };
    BAR_COLUMNS.into_iter().map(position).collect()
}

fn unknown(name: &str, batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let kind = schema.field_with_name(name).map_or(DataType::Null, |it| it.data_type().clone());
    format!("the column `{name}` is of the type {kind}, which is not read here")
}

fn malformed(name: &str, entries: u64, what: String) -> CaptureError {
    CaptureError::Malformed { name: name.to_owned(), entries, what }
}

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 8_192;

const NOT_IN_ORDER: &str = "a bar lies before the one above it: sort the bars by time, or name \
                            the symbols with --symbols, and each is read by itself";
