//! The files of the script: read, compared with what was measured, and with what it writes today.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Greatest relative distance from what NumPy and pandas say.
const DISTANCE_MAX: f64 = 1e-9;

/// Greatest relative distance between two machines' NumPy.
const MACHINES_MAX: f64 = 1e-12;

/// Below this a number is zero: pandas leaves such behind where a sum should have none.
const ZERO: f64 = 1e-18;

/// A file of comma-separated values without quotes.
pub(crate) struct Table {
    columns: Vec<String>,
    cells: Vec<Vec<String>>,
}

/// One of its rows.
pub(crate) struct Row<'a> {
    table: &'a Table,
    index: usize,
}

impl Table {
    pub(crate) fn read(name: &str) -> Self {
        Self::read_from(&data(), name)
    }

    fn read_from(folder: &Path, name: &str) -> Self {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let cells = |line: &str| line.split(',').map(str::to_owned).collect();
        let mut lines = text.lines().map(cells);
        Self { columns: lines.next().unwrap(), cells: lines.collect() }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.cells.len()).map(|index| Row { table: self, index })
    }
}

impl Row<'_> {
    fn text(&self, column: &str) -> &str {
        let at = self.table.columns.iter().position(|name| name == column);
        &self.table.cells[self.index][at.unwrap_or_else(|| panic!("no column `{column}`"))]
    }

    pub(crate) fn whole(&self, column: &str) -> i64 {
        self.text(column).parse().unwrap()
    }

    pub(crate) fn number(&self, column: &str) -> Option<f64> {
        let text = self.text(column);
        (!text.is_empty()).then(|| text.parse().unwrap())
    }

    /// What was found is what the column says.
    #[track_caller]
    pub(crate) fn check(&self, column: &str, found: Option<f64>) {
        let expected = self.number(column);
        let are_near = match (found, expected) {
            (Some(found), Some(expected)) => is_near(found, expected, DISTANCE_MAX),
            (found, expected) => found.is_none() && expected.is_none(),
        };
        assert!(are_near, "row {}, {column}: {found:?} is not {expected:?}", self.index);
    }
}

fn is_near(found: f64, expected: f64, distance_max: f64) -> bool {
    (found - expected).abs() <= distance_max * expected.abs() + ZERO
}

/// Lets the script write its files again: they must be those that are kept, but for the last digits.
#[track_caller]
pub(crate) fn check_script() {
    let Some(python) = python() else { return };
    let folder = std::env::temp_dir().join(format!("tickring-fixture-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let script = root().join("tools/checks/toolkit_fixture.py");
    let status = Command::new(python).arg(script).arg(&folder).status().unwrap();
    assert!(status.success());
    for name in ["toolkit.csv", "toolkit_bars.csv"] {
        let (kept, made) = (Table::read(name), Table::read_from(&folder, name));
        assert_eq!((&kept.columns, kept.cells.len()), (&made.columns, made.cells.len()));
        let cells = |table: Table| table.cells.into_iter().flatten();
        for (kept, made) in cells(kept).zip(cells(made)) {
            let are_near = match (kept.parse(), made.parse()) {
                (Ok(kept), Ok(made)) => is_near(kept, made, MACHINES_MAX),
                _ => kept == made,
            };
            assert!(are_near, "{name}: {kept} is written as {made} today");
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// A Python with pandas, or `None` with a word on why the test does nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn python() -> Option<OsString> {
    let python = std::env::var_os("TICKRING_PYTHON").unwrap_or_else(|| "python3".into());
    let found = Command::new(&python).args(["-c", "import pandas"]).output();
    if found.is_ok_and(|it| it.status.success()) {
        return Some(python);
    }
    let words = format!("{} cannot import pandas; TICKRING_PYTHON names another", python.display());
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{words}");
    eprintln!("SKIPPED: {words}");
    None
}
