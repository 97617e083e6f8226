//! An export from its first row to whole files.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema};
use tickring_capture::Entry;
use tickring_event::{DECIMALS_MAX, Instruments, MarketEvent, Payload, Scale};

use crate::form::{Form, FormError, Format};
use crate::number::Decimals;
use crate::place::{Part, Sink, Target};
use crate::rows::{
    BarRows, FrameRows, GapRows, Head, LevelRows, Rows, StatusRows, TopRows, TradeRows,
};
use crate::{ExportError, Table};

/// What is exported, and how.
#[derive(Clone, Debug)]
pub struct ExportConfig {
    /// How tables are written.
    pub format: Format,
    /// The tables; events of others are passed over.
    pub tables: Vec<Table>,
    /// Decimals of every price and quantity. At 18 every number of every instrument fits; with
    /// fewer, a number that has more ends the export.
    pub decimals: Scale,
}

impl ExportConfig {
    /// These tables, exact whatever comes.
    #[must_use]
    pub fn new(format: Format, tables: Vec<Table>) -> Self {
        let decimals = Scale::new(DECIMALS_MAX).expect("the constant is the scale's own bound");
        Self { format, tables, decimals }
    }
}

/// Tables being written. Dropped before [`Export::finish`], its files are removed.
pub struct Export {
    instruments: Arc<Instruments>,
    decimals: Decimals,
    trades: Option<Open<TradeRows>>,
    top_of_book: Option<Open<TopRows>>,
    levels: Option<Open<LevelRows>>,
    bars: Option<Open<BarRows>>,
    gaps: Option<Open<GapRows>>,
    status: Option<Open<StatusRows>>,
    frames: Option<Open<FrameRows>>,
}

/// A table that is whole.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Written {
    /// Which.
    pub table: Table,
    /// Its file; `None` where it went to a stream.
    pub path: Option<PathBuf>,
    /// Its rows.
    pub rows: u64,
    /// Its bytes as written.
    pub bytes: u64,
}

impl Export {
    /// Makes the files of every table.
    ///
    /// # Errors
    /// A file cannot be made or is there already, or a stream was asked for more than one table.
    pub fn create(
        config: &ExportConfig,
        target: Target,
        instruments: Arc<Instruments>,
    ) -> Result<Self, ExportError> {
        let ExportConfig { format, tables, decimals } = config;
        let mut places = Places::new(target, *format, tables)?;
        let decimals = Decimals::new(*decimals);
        let table = || Arc::clone(&instruments);
        Ok(Self {
            trades: places.open(Table::Trades, || TradeRows::new(table(), decimals))?,
            top_of_book: places.open(Table::TopOfBook, || TopRows::new(table(), decimals))?,
            levels: places.open(Table::Levels, || LevelRows::new(table(), decimals))?,
            bars: places.open(Table::Bars, || BarRows::new(table(), decimals))?,
            gaps: places.open(Table::Gaps, || GapRows::new(table()))?,
            status: places.open(Table::Status, || StatusRows::new(table()))?,
            frames: places.open(Table::Frames, FrameRows::new)?,
            instruments,
            decimals,
        })
    }

    /// Adds the rows of an event. Its arrival ticks are taken as ns since the epoch, which they are
    /// where a recording is decoded without a ring.
    ///
    /// # Errors
    /// A number or time does not fit, or the table cannot be written.
    pub fn add_event(&mut self, event: &MarketEvent) -> Result<(), ExportError> {
        let (instruments, decimals) = (&*self.instruments, self.decimals);
        let head = Head::new(event, instruments)?;
        let exact = || head.exact(instruments, decimals);
        match event.payload() {
            Payload::Trade(trade) => {
                add(&mut self.trades, |rows| rows.push(&head, exact()?, &trade))
            }
            Payload::TopOfBook(top) => {
                add(&mut self.top_of_book, |rows| rows.push(&head, exact()?, &top))
            }
            Payload::Levels(levels) => {
                add(&mut self.levels, |rows| rows.push(&head, exact()?, &levels, event.flags))
            }
            Payload::Bar(bar) => add(&mut self.bars, |rows| rows.push(&head, exact()?, &bar)),
            Payload::Gap(gap) => add(&mut self.gaps, |rows| {
                rows.push(&head, &gap);
                Ok(())
            }),
            Payload::Status(status) => add(&mut self.status, |rows| {
                rows.push(&head, &status);
                Ok(())
            }),
        }
    }

    /// Adds the row of a recorded entry.
    ///
    /// # Errors
    /// As [`Export::add_event`].
    pub fn add_entry(&mut self, entry: &Entry<'_>) -> Result<(), ExportError> {
        add(&mut self.frames, |rows| rows.push(entry))
    }

    /// Writes what is left, and gives every file its name once all are whole.
    ///
    /// # Errors
    /// A table cannot be written.
    pub fn finish(self) -> Result<Vec<Written>, ExportError> {
        let Self { trades, top_of_book, levels, bars, gaps, status, frames, .. } = self;
        let closed = [
            close(trades)?,
            close(top_of_book)?,
            close(levels)?,
            close(bars)?,
            close(gaps)?,
            close(status)?,
            close(frames)?,
        ];
        let mut written = Vec::new();
        for (mut table, part) in closed.into_iter().flatten() {
            table.path = part.map(Part::keep).transpose()?;
            written.push(table);
        }
        Ok(written)
    }
}

impl std::fmt::Debug for Export {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Export").finish_non_exhaustive()
    }
}

/// Where the tables of an export go.
struct Places<'a> {
    target: Target,
    format: Format,
    tables: &'a [Table],
}

impl<'a> Places<'a> {
    fn new(target: Target, format: Format, tables: &'a [Table]) -> Result<Self, ExportError> {
        match &target {
            _ if tables.is_empty() => return Err(ExportError::NoTable),
            Target::Stream(_) if tables.len() > 1 => {
                return Err(ExportError::OneTable { tables: tables.len() });
            }
            Target::Stream(_) => {}
            Target::Folder { path, .. } => {
                let create = |source| ExportError::Create { path: path.clone(), source };
                fs::create_dir_all(path).map_err(create)?;
            }
        }
        Ok(Self { target, format, tables })
    }

    /// Opens `table` where it is asked for.
    fn open<R: Rows>(
        &mut self,
        table: Table,
        rows: impl FnOnce() -> R,
    ) -> Result<Option<Open<R>>, ExportError> {
        if !self.tables.contains(&table) {
            return Ok(None);
        }
        let (name, sink) = match &mut self.target {
            Target::Folder { path, on_existing } => {
                let path = path.join(format!("{}.{}", table.name(), self.format.extension()));
                (path.display().to_string(), Sink::file(&path, *on_existing)?)
            }
            Target::Stream(stream) => {
                // Its one table takes it.
                let stream = std::mem::replace(stream, Box::new(std::io::sink()));
                (table.name().to_owned(), Sink::stream(stream))
            }
        };
        Open::new(table, name, rows(), self.format, sink).map(Some)
    }
}

/// A table being written.
struct Open<R> {
    table: Table,
    /// What it is called in errors.
    name: String,
    rows: R,
    schema: Arc<Schema>,
    form: Form,
    written: u64,
}

impl<R: Rows> Open<R> {
    fn new(
        table: Table,
        name: String,
        mut rows: R,
        format: Format,
        sink: Sink,
    ) -> Result<Self, ExportError> {
        let fields: Vec<Field> = rows.columns().iter().map(|column| column.field()).collect();
        let schema = Arc::new(Schema::new(fields));
        let form = Form::new(format, &schema, sink).map_err(|error| failed(&name, error))?;
        Ok(Self { table, name, rows, schema, form, written: 0 })
    }

    /// Writes the rows that there are.
    fn write(&mut self) -> Result<(), ExportError> {
        let rows = self.rows.len() as u64;
        let arrays = self.rows.columns().into_iter().map(|column| column.take()).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .expect("the schema is made of the same columns, which all grow by a row at a time");
        self.form.write(&batch).map_err(|error| failed(&self.name, error))?;
        self.written += rows;
        Ok(())
    }
}

/// Adds rows to a table that is asked for, and writes them when there are enough.
fn add<R: Rows>(
    table: &mut Option<Open<R>>,
    push: impl FnOnce(&mut R) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let Some(open) = table else { return Ok(()) };
    push(&mut open.rows)?;
    if open.rows.len() >= BATCH_ROWS || open.rows.bytes() >= BATCH_BYTES {
        open.write()?;
    }
    Ok(())
}

/// Ends a table; its file is not yet under its name.
fn close<R: Rows>(table: Option<Open<R>>) -> Result<Option<(Written, Option<Part>)>, ExportError> {
    let Some(mut open) = table else { return Ok(None) };
    if open.rows.len() > 0 {
        open.write()?;
    }
    let Open { table, name, form, written: rows, .. } = open;
    let sink = form.close().map_err(|error| failed(&name, error))?;
    let (bytes, part) = sink.close().map_err(|error| failed(&name, error.into()))?;
    Ok(Some((Written { table, path: None, rows, bytes }, part)))
}

/// An error of ours came through the format's writer; another one is its own.
pub(crate) fn failed(name: &str, error: FormError) -> ExportError {
    match error.downcast::<ExportError>() {
        Ok(error) => *error,
        Err(source) => ExportError::Write { name: name.to_owned(), source },
    }
}

/// Rows after which a table is written on.
pub(crate) const BATCH_ROWS: usize = 8_192;
/// Bytes of frames after which it is, however few they are.
const BATCH_BYTES: usize = 8 << 20;
