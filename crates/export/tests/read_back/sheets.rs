//! Sheets, read by Parquet's own library.

use std::fs::File;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tickring_export::{ExportError, OnExisting, Sheet, SheetColumn};

const COLUMNS: [(&str, SheetColumn); 4] = [
    ("symbol", SheetColumn::Text),
    ("time_ms", SheetColumn::Integer),
    ("open", SheetColumn::Decimal),
    ("is_active", SheetColumn::Truth),
];

#[test]
fn a_sheet_has_every_row_and_digit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bars.parquet");
    let mut sheet = Sheet::create(&path, OnExisting::Refuse, &COLUMNS).unwrap();
    // More rows than one batch holds.
    for row in 0..20_000_u64 {
        let (time_ms, open) = (row.to_string(), format!("{row}.000000000000000001"));
        let open = Some(open.as_str()).filter(|_| row != 7);
        sheet.push(&[Some("A"), Some(&time_ms), open, Some("true")]).unwrap();
    }
    assert!(!path.exists(), "it gets its name when it is whole");
    let (rows, bytes) = sheet.finish().unwrap();
    assert_eq!((rows, bytes), (20_000, path.metadata().unwrap().len()));

    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let batches: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    let columns = |name: &str| -> Vec<_> {
        batches.iter().map(|it| it.column_by_name(name).unwrap().clone()).collect()
    };
    let times: Vec<_> = columns("time_ms")
        .iter()
        .flat_map(|it| it.as_primitive::<Int64Type>().iter().collect::<Vec<_>>())
        .collect();
    assert_eq!(times, (0..20_000).map(Some).collect::<Vec<_>>());
    let opens: Vec<_> = columns("open")
        .iter()
        .flat_map(|it| it.as_primitive::<Decimal128Type>().iter().collect::<Vec<_>>())
        .collect();
    assert_eq!(opens[7], None);
    assert_eq!(opens[19_999], Some(19_999 * 10_i128.pow(18) + 1));
    assert_eq!(columns("symbol")[0].as_string::<i32>().value(0), "A");
    assert!(columns("is_active")[0].as_boolean().value(0));
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.parquet");
    let create = |on_existing| Sheet::create(&path, on_existing, &COLUMNS);
    create(OnExisting::Refuse).unwrap().finish().unwrap();
    assert!(matches!(create(OnExisting::Refuse), Err(ExportError::Exists { .. })));
    create(OnExisting::Replace).unwrap().finish().unwrap();
}
