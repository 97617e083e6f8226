//! Files get their name when they are whole; what does not fit is named.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use tickring_event::{InstrumentId, Scale};
use tickring_export::{Export, ExportConfig, ExportError, Format, OnExisting, Table, Target};

use crate::support::{Market, Memory};

fn names(folder: &Path) -> Vec<String> {
    let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

#[test]
fn files_have_another_name_until_all_are_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made/of/it");
    let export = Market::new().create(&path, OnExisting::Refuse, &Table::EVENTS).unwrap();
    assert!(names(&path).iter().all(|name| name.ends_with(".parquet.part")));
    export.finish().unwrap();
    let expected = Table::EVENTS.map(|table| format!("{}.parquet", table.name()));
    let mut expected = expected.to_vec();
    expected.sort();
    assert_eq!(names(&path), expected);
}

#[test]
fn an_export_that_is_given_up_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let market = Market::new();
    let mut export = market.create(folder.path(), OnExisting::Refuse, &Table::EVENTS).unwrap();
    market.each().iter().for_each(|event| export.add_event(event).unwrap());
    assert_eq!(names(folder.path()).len(), 6);
    drop(export);
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_file_that_is_there_is_replaced_only_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trades.parquet");
    fs::write(&file, "old").unwrap();
    let market = Market::new();
    let tables = [Table::Trades, Table::Bars];
    let error = market.create(folder.path(), OnExisting::Refuse, &tables).unwrap_err();
    assert!(matches!(&error, ExportError::Exists { path } if *path == file), "{error}");
    assert_eq!(names(folder.path()), ["trades.parquet"]);

    let export = market.create(folder.path(), OnExisting::Replace, &tables).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"old", "until the new one is whole");
    export.finish().unwrap();
    assert!(fs::read(&file).unwrap().starts_with(b"PAR1"));
}

#[test]
fn two_exports_do_not_share_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let market = Market::new();
    let first = market.create(folder.path(), OnExisting::Refuse, &[Table::Trades]).unwrap();
    let error = market.create(folder.path(), OnExisting::Refuse, &[Table::Trades]).unwrap_err();
    assert!(error.to_string().ends_with("trades.parquet.part: is there already"), "{error}");
    first.finish().unwrap();
    assert_eq!(names(folder.path()), ["trades.parquet"]);
}

#[test]
fn a_stream_holds_one_table() {
    let market = Market::new();
    let create = |tables: &[Table]| {
        let target = Target::Stream(Box::new(Memory::default()));
        let config = ExportConfig::new(Format::Arrow, tables.to_vec());
        Export::create(&config, target, Arc::clone(&market.instruments)).unwrap_err()
    };
    assert!(matches!(create(&[Table::Trades, Table::Bars]), ExportError::OneTable { tables: 2 }));
    assert!(matches!(create(&[]), ExportError::NoTable));
}

/// Exports a trade with fewer decimals.
fn with_decimals(decimals: u8, price: &str, quantity: &str) -> Result<String, ExportError> {
    let market = Market::new();
    let memory = Memory::default();
    let config = ExportConfig {
        decimals: Scale::new(decimals).unwrap(),
        ..ExportConfig::new(Format::Csv, vec![Table::Trades])
    };
    let target = Target::Stream(Box::new(memory.clone()));
    let mut export = Export::create(&config, target, Arc::clone(&market.instruments))?;
    export.add_event(&market.trade(market.small, price, quantity))?;
    export.finish()?;
    Ok(String::from_utf8(memory.bytes()).unwrap())
}

#[test]
fn a_number_that_needs_more_decimals_is_refused_and_named() {
    let error = with_decimals(8, "0.0000000001", "1").unwrap_err().to_string();
    let expected = "event 0: price 0.0000000001 of SHIBBTC needs 10 decimals, and 8 are kept";
    assert_eq!(error, expected);
    let error = with_decimals(0, "1", "0.5").unwrap_err().to_string();
    assert_eq!(error, "event 0: quantity 0.5 of SHIBBTC needs 1 decimals, and 0 are kept");
    assert!(with_decimals(8, "0.00000001", "2.5").unwrap().contains(",0.00000001,2.5,"));
}

#[test]
fn an_instrument_that_is_not_known_is_refused() {
    let market = Market::new();
    let folder = tempfile::tempdir().unwrap();
    let mut export = market.create(folder.path(), OnExisting::Refuse, &Table::EVENTS).unwrap();
    for instrument in [InstrumentId::new(99), InstrumentId::NONE] {
        let mut event = market.trades()[0];
        (event.sequence, event.instrument) = (4, instrument);
        let error = export.add_event(&event).unwrap_err();
        assert!(matches!(error, ExportError::Instrument { sequence: 4 }), "{error}");
    }
}

#[test]
fn a_time_that_no_timestamp_holds_is_refused() {
    let market = Market::new();
    let folder = tempfile::tempdir().unwrap();
    let mut export = market.create(folder.path(), OnExisting::Refuse, &Table::EVENTS).unwrap();
    let mut event = market.trades()[0];
    event.arrival_ticks = u64::MAX;
    let error = export.add_event(&event).unwrap_err().to_string();
    assert!(error.starts_with("event 0: its arrival time: 18446744073709551615 ns"), "{error}");
}

/// A stream that takes nothing.
struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_fails_is_named_with_the_systems_words() {
    let market = Market::new();
    for format in [Format::Parquet, Format::Arrow, Format::Csv, Format::Ndjson] {
        let config = ExportConfig::new(format, vec![Table::Trades]);
        let target = Target::Stream(Box::new(Full));
        let mut export = Export::create(&config, target, Arc::clone(&market.instruments)).unwrap();
        export.add_event(&market.trades()[0]).unwrap();
        let error = export.finish().unwrap_err().to_string();
        assert_eq!(error, "trades: cannot be written: no storage space", "{format:?}");
    }
}
