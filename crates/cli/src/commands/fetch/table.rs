//! Rows of texts as a file, which gets its name when it is whole, or on standard output.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::args::FetchFormat;
use crate::exit::{Exit, Failure};
use crate::output;

/// What a column holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Integer,
    Decimal,
    Truth,
}

/// A column's name and kind.
pub(super) type Column = (&'static str, Kind);

/// Where the rows go.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// `None` for standard output.
    pub(super) path: Option<PathBuf>,
    pub(super) format: FetchFormat,
    pub(super) is_replaced: bool,
}

/// A table being written.
pub(super) struct Table {
    columns: &'static [Column],
    writer: Writer,
    rows: u64,
}

enum Writer {
    Text {
        out: BufWriter<Box<dyn Write>>,
        is_csv: bool,
        part: Option<Part>,
        bytes: u64,
    },
    #[cfg(feature = "export")]
    Parquet(Box<tickring_export::Sheet>),
}

/// A file under a name of its own until it is whole. Dropped before that, it is removed.
struct Part {
    path: PathBuf,
    whole: PathBuf,
    is_whole: bool,
}

impl Table {
    /// Begins the table.
    pub(super) fn create(place: &Place, columns: &'static [Column]) -> Result<Self, Failure> {
        let Place { path, format, is_replaced } = place;
        if let Some(path) = path.as_ref().filter(|it| !is_replaced && it.exists()) {
            let words = format!("{}: is there already: --force replaces it", path.display());
            return Err(Failure::new(Exit::InputOutput, words));
        }
        let is_csv = match (format, path) {
            (FetchFormat::Csv, _) => true,
            (FetchFormat::Ndjson, _) => false,
            (FetchFormat::Parquet, path) => return parquet(path.as_deref(), columns),
        };
        let (out, part): (Box<dyn Write>, _) = match path {
            None => (Box::new(output::stdout()), None),
            Some(whole) => {
                let mut part = whole.clone().into_os_string();
                part.push(".part");
                let path = PathBuf::from(part);
                let file = File::create(&path).map_err(|error| failed(&path, &error))?;
                (Box::new(file), Some(Part { path, whole: whole.clone(), is_whole: false }))
            }
        };
        let writer = Writer::Text { out: BufWriter::new(out), is_csv, part, bytes: 0 };
        Ok(Self { columns, writer, rows: 0 })
    }

    /// The line of names: not before the first row, lest a fetch that fails leave it behind.
    fn begin(&mut self) -> Result<(), Failure> {
        if !matches!(self.writer, Writer::Text { is_csv: true, .. }) {
            return Ok(());
        }
        let names = self.columns.iter().map(|column| column.0).collect::<Vec<_>>().join(",");
        self.line(&format!("{names}\n"))
    }

    /// Adds a row: a cell for each column, `None` where it has none.
    pub(super) fn push(&mut self, cells: &[Option<&str>]) -> Result<(), Failure> {
        debug_assert_eq!(cells.len(), self.columns.len(), "a cell for each column");
        if self.rows == 0 {
            self.begin()?;
        }
        self.rows += 1;
        let line = match &mut self.writer {
            Writer::Text { is_csv: true, .. } => csv(cells),
            Writer::Text { .. } => ndjson(self.columns, cells),
            #[cfg(feature = "export")]
            Writer::Parquet(sheet) => {
                return sheet.push(cells).map_err(|error| export_failure(&error));
            }
        };
        self.line(&line)
    }

    /// Ends the table and gives its file its name; its rows and bytes.
    pub(super) fn finish(mut self) -> Result<(u64, u64), Failure> {
        if self.rows == 0 {
            self.begin()?;
        }
        match self.writer {
            Writer::Text { mut out, part, bytes, .. } => {
                let name =
                    part.as_ref().map_or_else(|| Path::new(STDOUT), |it| &it.whole).to_owned();
                out.flush().map_err(|error| failed(&name, &error))?;
                drop(out);
                if let Some(mut part) = part {
                    fs::rename(&part.path, &part.whole).map_err(|error| failed(&name, &error))?;
                    part.is_whole = true;
                }
                Ok((self.rows, bytes))
            }
            #[cfg(feature = "export")]
            Writer::Parquet(sheet) => sheet.finish().map_err(|error| export_failure(&error)),
        }
    }

    fn line(&mut self, line: &str) -> Result<(), Failure> {
        match &mut self.writer {
            Writer::Text { out, part, bytes, .. } => {
                *bytes += line.len() as u64;
                let name = part.as_ref().map_or_else(|| Path::new(STDOUT), |it| &it.whole);
                out.write_all(line.as_bytes()).map_err(|error| failed(name, &error))
            }
            #[cfg(feature = "export")]
            Writer::Parquet(_) => Ok(()),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_whole {
            // What cannot be removed stays with its `.part`, which says what it is.
            drop(fs::remove_file(&self.path));
        }
    }
}

#[cfg(feature = "export")]
fn parquet(path: Option<&Path>, columns: &'static [Column]) -> Result<Table, Failure> {
    use tickring_export::{OnExisting, Sheet, SheetColumn};

    let path = path.ok_or_else(|| Failure::usage("--format parquet: give --out FILE"))?;
    let kind = |kind| match kind {
        Kind::Text => SheetColumn::Text,
        Kind::Integer => SheetColumn::Integer,
        Kind::Decimal => SheetColumn::Decimal,
        Kind::Truth => SheetColumn::Truth,
    };
    let sheet_columns: Vec<_> = columns.iter().map(|&(name, it)| (name, kind(it))).collect();
    let sheet = Sheet::create(path, OnExisting::Replace, &sheet_columns)
        .map_err(|error| export_failure(&error))?;
    Ok(Table { columns, writer: Writer::Parquet(Box::new(sheet)), rows: 0 })
}

#[cfg(feature = "export")]
fn export_failure(error: &tickring_export::ExportError) -> Failure {
    Failure::new(Exit::InputOutput, error.to_string())
}

#[cfg(not(feature = "export"))]
fn parquet(_path: Option<&Path>, _columns: &'static [Column]) -> Result<Table, Failure> {
    let words = "--format parquet: this build has no `export`: build with `--features export`";
    Err(Failure::usage(words))
}

fn csv(cells: &[Option<&str>]) -> String {
    let mut line = String::new();
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            line.push(',');
        }
        let cell = cell.unwrap_or_default();
        if cell.contains([',', '"', '\n', '\r']) {
            line.push_str(&format!("\"{}\"", cell.replace('"', "\"\"")));
        } else {
            line.push_str(cell);
        }
    }
    line.push('\n');
    line
}

fn ndjson(columns: &[Column], cells: &[Option<&str>]) -> String {
    let mut line = String::new();
    for ((name, kind), cell) in columns.iter().zip(cells) {
        line.push_str(if line.is_empty() { "{\"" } else { ",\"" });
        line.push_str(name);
        line.push_str("\":");
        match (cell, kind) {
            (None, _) => line.push_str("null"),
            (Some(cell), Kind::Integer | Kind::Truth) => line.push_str(cell),
            (Some(cell), Kind::Text | Kind::Decimal) => {
                line.push_str(&serde_json::Value::from(*cell).to_string());
            }
        }
    }
    line.push_str("}\n");
    line
}

fn failed(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::InputOutput, format!("{}: {error}", path.display()))
}

/// What standard output is called in errors.
const STDOUT: &str = "standard output";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_quoted_where_it_must_be() {
        assert_eq!(csv(&[Some("A"), None, Some("x, \"y\"")]), "A,,\"x, \"\"y\"\"\"\n");
    }

    #[test]
    fn a_price_is_a_string_and_a_time_a_number() {
        let columns = [("a", Kind::Text), ("t", Kind::Integer), ("p", Kind::Decimal)];
        let line = ndjson(&columns, &[Some("x\"y"), Some("5"), Some("1.50")]);
        assert_eq!(line, "{\"a\":\"x\\\"y\",\"t\":5,\"p\":\"1.50\"}\n");
        assert_eq!(ndjson(&columns[..1], &[None]), "{\"a\":null}\n");
    }
}
