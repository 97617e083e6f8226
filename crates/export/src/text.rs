//! CSV and JSON lines.

use std::io::Write;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_schema::Schema;

use crate::ExportError;
use crate::cell::{Cell, Cells};
use crate::form::FormError;
use crate::place::Sink;

/// A table being written as text.
pub(crate) enum TextWriter {
    Csv { writer: Box<csv::Writer<Sink>>, text: Vec<u8> },
    Ndjson { out: Sink, text: Vec<u8>, keys: Vec<Vec<u8>> },
}

impl TextWriter {
    /// Writes the line of names.
    pub(crate) fn csv(schema: &Arc<Schema>, sink: Sink) -> Result<Self, FormError> {
        let mut writer = csv::Writer::from_writer(sink);
        writer.write_record(schema.fields().iter().map(|field| field.name()))?;
        Ok(Self::Csv { writer: Box::new(writer), text: Vec::new() })
    }

    pub(crate) fn ndjson(schema: &Arc<Schema>, sink: Sink) -> Self {
        let key = |name: &String| format!("\"{name}\":").into_bytes();
        let keys = schema.fields().iter().map(|field| key(field.name())).collect();
        Self::Ndjson { out: sink, text: Vec::new(), keys }
    }

    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), FormError> {
        let columns: Vec<Cells<'_>> = batch.columns().iter().map(|it| Cells::of(it)).collect();
        for row in 0..batch.num_rows() {
            let cells = columns.iter().map(|it| it.cell(row));
            match self {
                Self::Csv { writer, text } => write_csv(writer, text, cells)?,
                Self::Ndjson { out, text, keys } => {
                    text.clear();
                    let entry = || batch.column(0).as_primitive::<UInt64Type>().value(row);
                    json_line(text, keys, cells)
                        .ok_or_else(|| ExportError::NotText { entry: entry() })?;
                    out.write_all(text)?;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn into_inner(self) -> Result<Sink, FormError> {
        match self {
            Self::Csv { writer, .. } => {
                Ok(writer.into_inner().map_err(|error| error.into_error())?)
            }
            Self::Ndjson { out, .. } => Ok(out),
        }
    }
}

fn write_csv<'a>(
    writer: &mut csv::Writer<Sink>,
    text: &mut Vec<u8>,
    cells: impl Iterator<Item = Cell<'a>>,
) -> Result<(), FormError> {
    for cell in cells {
        if let Cell::Text(text) = cell {
            writer.write_field(text)?;
        } else {
            text.clear();
            cell.write(text)?;
            writer.write_field(&*text)?;
        }
    }
    // No field more: the line ends.
    writer.write_record(None::<&[u8]>)?;
    Ok(())
}

/// Appends an object and a line feed; `None` where a text is not UTF-8.
fn json_line<'a>(
    line: &mut Vec<u8>,
    keys: &[Vec<u8>],
    cells: impl Iterator<Item = Cell<'a>>,
) -> Option<()> {
    const INFALLIBLE: &str = "memory can be written";
    let mut before = b'{';
    for (key, cell) in keys.iter().zip(cells) {
        line.push(before);
        before = b',';
        line.extend_from_slice(key);
        match cell {
            Cell::Absent => line.extend_from_slice(b"null"),
            Cell::Unsigned(_) | Cell::Signed(_) | Cell::Mark(_) => {
                cell.write(line).expect(INFALLIBLE);
            }
            Cell::Decimal { .. } | Cell::Time { .. } => {
                line.push(b'"');
                cell.write(line).expect(INFALLIBLE);
                line.push(b'"');
            }
            Cell::Text(text) => {
                let text = std::str::from_utf8(text).ok()?;
                serde_json::to_writer(&mut *line, text).expect(INFALLIBLE);
            }
        }
    }
    line.extend_from_slice(b"}\n");
    Some(())
}
