//! Parquet, read by its own library.

use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{
    Decimal128Type, Int32Type, Int64Type, TimestampNanosecondType, UInt32Type, UInt64Type,
};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::ParquetMetaData;
use tickring_event::MarketEvent;
use tickring_export::{OnExisting, Table};

use crate::support::{ARRIVAL_NS, DEAR, Market, ONE, SMALL};

/// Rows of a row group.
const GROUP_ROWS_MAX: i64 = 122_880;

struct Read {
    metadata: Arc<ParquetMetaData>,
    batches: Vec<RecordBatch>,
}

/// Exports `events` as a table and reads its file.
fn read(market: &Market, table: Table, events: &[MarketEvent]) -> Read {
    let folder = tempfile::tempdir().unwrap();
    let mut export = market.create(folder.path(), OnExisting::Refuse, &[table]).unwrap();
    events.iter().for_each(|event| export.add_event(event).unwrap());
    let written = export.finish().unwrap();
    let path = written[0].path.as_ref().unwrap();
    assert_eq!(path, &folder.path().join(format!("{}.parquet", table.name())));
    assert_eq!(written[0].bytes, path.metadata().unwrap().len());
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path).unwrap()).unwrap();
    let metadata = Arc::clone(builder.metadata());
    let batches: Vec<RecordBatch> =
        builder.with_batch_size(1 << 20).build().unwrap().map(Result::unwrap).collect();
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(written[0].rows, rows as u64);
    Read { metadata, batches }
}

fn decimals(batch: &RecordBatch, name: &str) -> Vec<Option<i128>> {
    batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().iter().collect()
}

fn counts(batch: &RecordBatch, name: &str) -> Vec<Option<u64>> {
    batch.column_by_name(name).unwrap().as_primitive::<UInt64Type>().iter().collect()
}

fn times(batch: &RecordBatch, name: &str) -> Vec<Option<i64>> {
    let column = batch.column_by_name(name).unwrap();
    column.as_primitive::<TimestampNanosecondType>().iter().collect()
}

fn words(batch: &RecordBatch, name: &str) -> Vec<Option<String>> {
    let column = batch.column_by_name(name).unwrap().as_string::<i32>();
    column.iter().map(|it| it.map(str::to_owned)).collect()
}

fn symbols(batch: &RecordBatch) -> Vec<Option<String>> {
    let column = batch.column_by_name("symbol").unwrap().as_dictionary::<Int32Type>();
    let symbols = column.downcast_dict::<arrow_array::StringArray>().unwrap();
    symbols.into_iter().map(|it| it.map(str::to_owned)).collect()
}

fn marks(batch: &RecordBatch, name: &str) -> Vec<bool> {
    batch.column_by_name(name).unwrap().as_boolean().iter().map(Option::unwrap).collect()
}

#[test]
fn the_smallest_price_and_the_largest_quantity_are_exact() {
    let market = Market::new();
    let Read { batches, .. } = read(&market, Table::Trades, &market.trades());
    let batch = &batches[0];
    let prices = [Some(100_000_000), Some(61_837_630_000 * ONE / 1_000_000), Some(ONE / 100)];
    assert_eq!(decimals(batch, "price"), prices);
    let largest = i128::from(i64::MAX) * 10_000_000_000;
    let quantities = [Some(10_000_000_000 * ONE), Some(ONE / 50), Some(largest)];
    assert_eq!(decimals(batch, "quantity"), quantities);
    let names = [SMALL, DEAR, DEAR].map(|it| Some(it.to_owned()));
    assert_eq!(symbols(batch), names);
    assert_eq!(words(batch, "taker"), [Some("sell".into()), Some("sell".into()), None]);
    assert_eq!(counts(batch, "trade_id"), [Some(u64::MAX), Some(u64::MAX), None]);
}

#[test]
fn what_a_venue_does_not_give_is_absent() {
    let market = Market::new();
    let Read { batches, .. } = read(&market, Table::Trades, &market.trades());
    let batch = &batches[0];
    assert_eq!(counts(batch, "sequence"), [Some(0), Some(1), Some(2)]);
    let arrival = i64::try_from(ARRIVAL_NS).ok();
    assert_eq!(times(batch, "arrival_time"), [arrival, arrival, None]);
    let venue = arrival.map(|it| it + 1_000_000_000);
    assert_eq!(times(batch, "venue_time"), [venue, venue, None]);
    assert_eq!(counts(batch, "venue_sequence"), [Some(77), Some(77), None]);
}

#[test]
fn a_depth_message_is_a_row_a_level_and_one_without_levels_a_row() {
    let market = Market::new();
    let Read { batches, .. } = read(&market, Table::Levels, &market.depth());
    let batch = &batches[0];
    let sides: Vec<_> = words(batch, "side").into_iter().map(Option::unwrap_or_default).collect();
    assert_eq!(sides.join(" "), "bid bid bid ask ask ask ask  ask ask");
    let level = batch.column_by_name("level").unwrap().as_primitive::<UInt32Type>();
    let indexes: Vec<_> = level.iter().collect();
    let expected = [0, 1, 2, 0, 1, 2, 3].map(Some).into_iter().chain([None, Some(0), Some(1)]);
    assert_eq!(indexes, expected.collect::<Vec<_>>());
    let set = |name| -> Vec<usize> {
        let marks = marks(batch, name);
        (0..marks.len()).filter(|&row| marks[row]).collect()
    };
    assert_eq!(set("is_first"), [0, 7, 8]);
    assert_eq!(set("is_last"), [6, 7, 9]);
    assert_eq!(set("is_snapshot"), (0..7).collect::<Vec<_>>());
    assert_eq!(set("is_stale"), [8, 9]);
    assert_eq!(decimals(batch, "price")[..2], [Some(10 * ONE), Some(9 * ONE)]);
    assert_eq!(decimals(batch, "price")[7], None);
    assert_eq!(counts(batch, "sequence")[4..8], [Some(0), Some(1), Some(1), Some(2)]);
}

#[test]
fn every_kind_has_its_table() {
    let market = Market::new();
    let events = market.each();
    let row = |table| read(&market, table, &events).batches.remove(0);
    let top = row(Table::TopOfBook);
    assert_eq!(decimals(&top, "bid_price"), [Some(61_837_630_000 * ONE / 1_000_000)]);
    assert_eq!(decimals(&top, "last_price"), [None]);
    let bar = row(Table::Bars);
    assert_eq!(times(&bar, "start_time"), [Some(1_723_161_240_000_000_000)]);
    let interval = bar.column_by_name("interval_ns").unwrap().as_primitive::<Int64Type>();
    assert_eq!((interval.value(0), counts(&bar, "trades")), (60_000_000_000, vec![Some(5)]));
    assert_eq!(decimals(&bar, "volume"), [Some(ONE / 50)]);
    let gap = row(Table::Gaps);
    assert_eq!(words(&gap, "reason"), [Some("sequence".into())]);
    assert_eq!((counts(&gap, "expected"), counts(&gap, "missing")), (vec![Some(7)], vec![None]));
    assert_eq!(marks(&gap, "breaks_book"), [true]);
    let status = row(Table::Status);
    assert_eq!(words(&status, "state"), [Some("disconnected".into())]);
    assert_eq!(symbols(&status), [None]);
    let code = status.column_by_name("code").unwrap().as_primitive::<Int32Type>();
    assert_eq!(code.value(0), -1_006);
}

#[test]
fn row_groups_are_bounded_and_hold_every_row() {
    let market = Market::new();
    let trade = market.trade(market.dear, "61837.63", "0.020");
    let mut events = vec![trade; 300_000];
    events.iter_mut().zip(0..).for_each(|(event, sequence)| event.sequence = sequence);
    let Read { metadata, batches } = read(&market, Table::Trades, &events);
    let groups: Vec<i64> = metadata.row_groups().iter().map(|it| it.num_rows()).collect();
    assert_eq!(groups, [GROUP_ROWS_MAX, GROUP_ROWS_MAX, 300_000 - 2 * GROUP_ROWS_MAX]);
    let quantity: i128 =
        batches.iter().flat_map(|it| decimals(it, "quantity")).map(Option::unwrap).sum();
    assert_eq!(quantity, 6_000 * ONE);
    let sequences = batches.iter().flat_map(|it| counts(it, "sequence"));
    assert!(sequences.eq((0..300_000).map(Some)));
}

#[test]
fn times_and_sequences_are_differences_and_symbols_a_dictionary() {
    let market = Market::new();
    let Read { metadata, .. } = read(&market, Table::Trades, &market.trades());
    for column in metadata.row_group(0).columns() {
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
        let name = column.column_path().string();
        let encodings: Vec<Encoding> = column.encodings().collect();
        let wanted = match name.as_str() {
            "sequence" | "arrival_time" | "venue_time" | "venue_sequence" | "trade_id" => {
                Encoding::DELTA_BINARY_PACKED
            }
            _ => Encoding::RLE_DICTIONARY,
        };
        assert!(encodings.contains(&wanted), "{name}: {encodings:?}");
    }
}

#[test]
fn nothing_is_kept_in_memory_for_each_page() {
    let market = Market::new();
    let Read { metadata, .. } = read(&market, Table::Trades, &market.trades());
    for column in metadata.row_group(0).columns() {
        let name = column.column_path().string();
        assert!(column.offset_index_offset().is_none(), "{name}");
        assert!(column.column_index_offset().is_none(), "{name}");
        let is_decimal = matches!(name.as_str(), "price" | "quantity");
        assert_eq!(column.statistics().is_none(), is_decimal, "{name}");
    }
}
