//! A table of one's own columns as a Parquet file, row by row from texts.

use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{BooleanBuilder, Decimal128Builder, Int64Builder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DECIMAL128_MAX_PRECISION, DataType, Field, Schema};
use tickring_event::DECIMALS_MAX;

use crate::export::{BATCH_ROWS, failed};
use crate::form::{Form, Format};
use crate::place::Sink;
use crate::{ExportError, OnExisting};

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SheetColumn {
    /// Any text.
    Text,
    /// A whole number of 64 bits.
    Integer,
    /// An exact number: 38 digits, 18 of them decimals.
    Decimal,
    /// `true` or `false`.
    Truth,
}

/// A Parquet file being written. Dropped before [`Sheet::finish`], it is removed.
pub struct Sheet {
    name: String,
    schema: Arc<Schema>,
    builders: Vec<Builder>,
    form: Form,
    pending: usize,
    rows: u64,
}

enum Builder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Decimal(Decimal128Builder),
    Truth(BooleanBuilder),
}

impl Sheet {
    /// Makes the file.
    ///
    /// # Errors
    /// It cannot be made, or is there already and may not be replaced.
    pub fn create(
        path: &Path,
        on_existing: OnExisting,
        columns: &[(&'static str, SheetColumn)],
    ) -> Result<Self, ExportError> {
        let name = path.display().to_string();
        let fields: Vec<_> = columns
            .iter()
            .map(|&(name, column)| Field::new(name, data_type(column), true))
            .collect();
        let schema = Arc::new(Schema::new(fields));
        let sink = Sink::file(path, on_existing)?;
        let form =
            Form::new(Format::Parquet, &schema, sink).map_err(|error| failed(&name, error))?;
        let builders = columns.iter().map(|&(_, column)| Builder::new(column)).collect();
        Ok(Self { name, schema, builders, form, pending: 0, rows: 0 })
    }

    /// Adds a row: a cell for each column, `None` where it has none.
    ///
    /// # Errors
    /// A cell is not of its column's kind, or the file cannot be written.
    pub fn push(&mut self, cells: &[Option<&str>]) -> Result<(), ExportError> {
        debug_assert_eq!(cells.len(), self.builders.len(), "a cell for each column");
        for (index, (builder, cell)) in self.builders.iter_mut().zip(cells).enumerate() {
            builder.push(*cell).ok_or_else(|| ExportError::Cell {
                row: self.rows + 1,
                column: self.schema.field(index).name().clone(),
                text: cell.unwrap_or_default().to_owned(),
            })?;
        }
        self.rows += 1;
        self.pending += 1;
        if self.pending == BATCH_ROWS { self.write() } else { Ok(()) }
    }

    /// Writes what is left, and gives the file its name; its rows and bytes.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> Result<(u64, u64), ExportError> {
        if self.pending > 0 {
            self.write()?;
        }
        let Self { name, form, rows, .. } = self;
        let sink = form.close().map_err(|error| failed(&name, error))?;
        let (bytes, part) = sink.close().map_err(|error| failed(&name, error.into()))?;
        if let Some(part) = part {
            part.keep()?;
        }
        Ok((rows, bytes))
    }

    fn write(&mut self) -> Result<(), ExportError> {
        let arrays = self.builders.iter_mut().map(Builder::take).collect();
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays)
            .expect("the schema is made of the same columns, which all grow by a row at a time");
        self.pending = 0;
        self.form.write(&batch).map_err(|error| failed(&self.name, error))
    }
}

impl std::fmt::Debug for Sheet {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Sheet").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Builder {
    fn new(column: SheetColumn) -> Self {
        match column {
            SheetColumn::Text => Self::Text(StringBuilder::new()),
            SheetColumn::Integer => Self::Integer(Int64Builder::new()),
            SheetColumn::Decimal => {
                Self::Decimal(Decimal128Builder::new().with_data_type(data_type(column)))
            }
            SheetColumn::Truth => Self::Truth(BooleanBuilder::new()),
        }
    }

    /// `None` where the cell is not of the column's kind.
    fn push(&mut self, cell: Option<&str>) -> Option<()> {
        match self {
            Self::Text(builder) => builder.append_option(cell),
            Self::Integer(builder) => {
                builder.append_option(cell.map(|it| it.parse().ok().ok_or(())).transpose().ok()?);
            }
            Self::Decimal(builder) => {
                builder.append_option(cell.map(|it| decimal(it).ok_or(())).transpose().ok()?);
            }
            Self::Truth(builder) => {
                builder.append_option(cell.map(|it| it.parse().ok().ok_or(())).transpose().ok()?);
            }
        }
        Some(())
    }

    fn take(&mut self) -> ArrayRef {
        match self {
            Self::Text(builder) => Arc::new(builder.finish()),
            Self::Integer(builder) => Arc::new(builder.finish()),
            Self::Decimal(builder) => Arc::new(builder.finish()),
            Self::Truth(builder) => Arc::new(builder.finish()),
        }
    }
}

const fn data_type(column: SheetColumn) -> DataType {
    match column {
        SheetColumn::Text => DataType::Utf8,
        SheetColumn::Integer => DataType::Int64,
        SheetColumn::Decimal => DataType::Decimal128(DECIMAL128_MAX_PRECISION, 18),
        SheetColumn::Truth => DataType::Boolean,
    }
}

/// `[-]digits[.digits]` with 18 decimals; `None` where that is not exact or has more than 38 digits.
fn decimal(text: &str) -> Option<i128> {
    let (sign, number) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let places = usize::from(DECIMALS_MAX).checked_sub(fraction.len())?;
    let digits = format!("{whole}{fraction}{}", "0".repeat(places));
    if whole.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
        return None;
    }
    let value: i128 = digits.parse().ok()?;
    (value < 10_i128.pow(u32::from(DECIMAL128_MAX_PRECISION))).then_some(sign * value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_exact_or_refused() {
        assert_eq!(decimal("1.5"), Some(1_500_000_000_000_000_000));
        assert_eq!(decimal("-0.000000000000000001"), Some(-1));
        assert_eq!(decimal("1.50000000000000000000000"), Some(1_500_000_000_000_000_000));
        assert_eq!(decimal("99999999999999999999"), Some(10_i128.pow(38) - 10_i128.pow(18)));
        for text in ["0.0000000000000000001", "100000000000000000000", "", ".5", "x", "1e5"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }

    #[test]
    fn a_cell_of_another_kind_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let columns = [("symbol", SheetColumn::Text), ("open", SheetColumn::Decimal)];
        let mut sheet = Sheet::create(&path, OnExisting::Refuse, &columns).unwrap();
        sheet.push(&[Some("A"), Some("1.5")]).unwrap();
        let error = sheet.push(&[Some("A"), Some("x")]).unwrap_err().to_string();
        assert_eq!(error, "row 2: `x` is no value of the column `open`");
        drop(sheet);
        assert_eq!(folder.path().read_dir().unwrap().count(), 0, "nothing is left behind");
    }
}
