//! Bars from Parquet files of any writer are the frames of the same bars as text.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use arrow_array::builder::{PrimitiveDictionaryBuilder, StringDictionaryBuilder};
use arrow_array::types::{Int32Type, Int64Type};
use arrow_array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray,
};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;
use tempfile::TempDir;
use tickring_capture::{BAR_COLUMNS, Entry, Session, open_bars};
use tickring_export::BarFile;

const TEXT: &str = "symbol,interval,time_ms,open,high,low,close,volume\n\
                    A,1m,0,100.50,101,100,100.75,7\n\
                    A,1m,60000,100.75,100.75,99.1,99.2,0\n\
                    B,1m,0,0.000012,0.00002,0.00001,0.000015,123456789\n";

/// A file with these columns, one row group for each row.
fn write(folder: &Path, columns: [ArrayRef; 8]) -> BarFile {
    let path = folder.join("bars.parquet");
    let batch = RecordBatch::try_from_iter(BAR_COLUMNS.into_iter().zip(columns)).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(1)).build();
    let file = File::create(&path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    BarFile::open(&path, None).unwrap()
}

/// Every frame, and the words that end the session.
fn frames(session: &mut dyn Session) -> Vec<String> {
    let mut frames = Vec::new();
    loop {
        match session.advance() {
            Ok(true) => {
                let Entry::Received { arrival_ns, text, .. } = session.entry() else { panic!() };
                frames.push(format!("{arrival_ns} {}", std::str::from_utf8(text).unwrap()));
            }
            Ok(false) => return frames,
            Err(error) => {
                frames.push(error.to_string());
                return frames;
            }
        }
    }
}

fn of_text(folder: &TempDir, symbol: &str) -> Vec<String> {
    let path = folder.path().join("bars.csv");
    fs::write(&path, TEXT).unwrap();
    frames(&mut *open_bars(&path, Some(symbol)).unwrap())
}

fn floats(values: [f64; 3]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

fn names() -> [ArrayRef; 3] {
    [
        Arc::new(StringArray::from(vec!["A", "A", "B"])),
        Arc::new(StringArray::from(vec!["1m"; 3])),
        Arc::new(Int64Array::from(vec![0, 60_000, 0])),
    ]
}

fn prices() -> [ArrayRef; 4] {
    [
        floats([100.5, 100.75, 0.000_012]),
        floats([101.0, 100.75, 0.000_02]),
        floats([100.0, 99.1, 0.000_01]),
        floats([100.75, 99.2, 0.000_015]),
    ]
}

/// Opens the file once more for one symbol.
fn of_symbol(folder: &TempDir, symbol: &str) -> Vec<String> {
    let path = folder.path().join("bars.parquet");
    frames(&mut BarFile::open(&path, Some(symbol)).unwrap())
}

#[test]
fn floats_are_the_numbers_that_they_stand_for() {
    let folder = tempfile::tempdir().unwrap();
    let ([symbol, interval, time_ms], [open, high, low, close]) = (names(), prices());
    let volume = Arc::new(Int64Array::from(vec![7, 0, 123_456_789]));
    let file = write(folder.path(), [symbol, interval, time_ms, open, high, low, close, volume]);
    assert_eq!(file.rows(), 3);
    for symbol in ["A", "B"] {
        assert_eq!(of_symbol(&folder, symbol), of_text(&folder, symbol));
    }
}

#[test]
fn decimals_dictionaries_times_and_texts_are_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut symbol = StringDictionaryBuilder::<Int32Type>::new();
    ["A", "A", "B"].iter().for_each(|it| symbol.append_value(it));
    let decimals = |values: [i128; 3]| -> ArrayRef {
        let values = Decimal128Array::from(values.to_vec());
        Arc::new(values.with_precision_and_scale(38, 18).unwrap())
    };
    let unit = 10_i128.pow(12);
    let columns: [ArrayRef; 8] = [
        Arc::new(symbol.finish()),
        names()[1].clone(),
        Arc::new(TimestampMillisecondArray::from(vec![0, 60_000, 0])),
        decimals([100_500_000 * unit, 100_750_000 * unit, 12 * unit]),
        decimals([101_000_000 * unit, 100_750_000 * unit, 20 * unit]),
        decimals([100_000_000 * unit, 99_100_000 * unit, 10 * unit]),
        Arc::new(StringArray::from(vec!["100.75", "99.20", "0.000015"])),
        decimals([7_000_000 * unit, 0, 123_456_789_000_000 * unit]),
    ];
    drop(write(folder.path(), columns));
    for symbol in ["A", "B"] {
        assert_eq!(of_symbol(&folder, symbol), of_text(&folder, symbol));
    }
}

#[test]
fn what_is_no_file_of_bars_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let ([symbol, interval, time_ms], [open, high, low, close]) = (names(), prices());
    let columns = [symbol, interval, time_ms, open, high, low, close];
    let with = |volume: ArrayRef| {
        let [symbol, interval, time_ms, open, high, low, close] = columns.clone();
        let mut file =
            write(folder.path(), [symbol, interval, time_ms, open, high, low, close, volume]);
        frames(&mut file).pop().unwrap()
    };
    let words = with(floats([1.0, 2.0, 3.0]));
    assert!(words.contains("after 3 entries: a bar lies before the one above it"), "{words}");
    let words = with(floats([1.0, f64::NAN, 3.0]));
    assert!(words.contains("after 2 entries: a price or the volume is null"), "{words}");
    let mut numbers = PrimitiveDictionaryBuilder::<Int32Type, Int64Type>::new();
    (0..3).for_each(|it| drop(numbers.append(it)));
    let words = with(Arc::new(numbers.finish()));
    assert!(words.contains("the column `volume` is of the type"), "{words}");
    let path = folder.path().join("text.parquet");
    fs::write(&path, TEXT).unwrap();
    assert!(BarFile::open(&path, None).is_err());
    let batch = RecordBatch::try_from_iter([("symbol", names()[0].clone())]).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let words = BarFile::open(&path, None).unwrap_err().to_string();
    assert!(words.contains("the column `interval` is missing"), "{words}");
}
