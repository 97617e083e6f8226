//! Arrow IPC streams, read by their own library.

use std::io::Cursor;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int32Type};
use arrow_array::{RecordBatch, StringArray};
use arrow_ipc::reader::StreamReader;
use tickring_event::MarketEvent;
use tickring_export::{Format, Table};

use crate::support::{DEAR, Market, ONE, SMALL};

fn read(bytes: Vec<u8>) -> Vec<RecordBatch> {
    StreamReader::try_new(Cursor::new(bytes), None).unwrap().map(Result::unwrap).collect()
}

fn symbol(batch: &RecordBatch, row: usize) -> String {
    let symbols = batch.column_by_name("symbol").unwrap().as_dictionary::<Int32Type>();
    symbols
        .downcast_dict::<StringArray>()
        .unwrap()
        .into_iter()
        .nth(row)
        .unwrap()
        .unwrap()
        .to_owned()
}

#[test]
fn a_stream_is_exact() {
    let market = Market::new();
    let batches = read(market.export(Format::Arrow, Table::Trades, &market.trades()));
    let quantities =
        batches[0].column_by_name("quantity").unwrap().as_primitive::<Decimal128Type>();
    assert_eq!(quantities.value(0), 10_000_000_000 * ONE);
    assert_eq!((quantities.precision(), quantities.scale()), (38, 18));
    let prices = batches[0].column_by_name("price").unwrap().as_primitive::<Decimal128Type>();
    assert_eq!(prices.value(0), 100_000_000);
}

#[test]
fn a_stream_without_rows_still_has_its_columns() {
    let market = Market::new();
    let bytes = market.export(Format::Arrow, Table::Bars, &[]);
    let reader = StreamReader::try_new(Cursor::new(bytes), None).unwrap();
    assert_eq!(reader.schema().field(6).name(), "start_time");
    assert_eq!(reader.count(), 0);
}

#[test]
fn an_instrument_that_comes_late_has_its_symbol() {
    const BATCH: usize = 8_192;
    let market = Market::new();
    let early = market.trade(market.small, "0.0000000001", "1");
    let mut events: Vec<MarketEvent> = vec![early; BATCH];
    // Registered after the first batch left, had the stream been written as it came.
    let late = market.instruments.register("LATE", b"1.5", b"2").unwrap();
    events.push(market.trade(late, "1.5", "2"));
    events.push(market.trade(market.dear, "61837.63", "0.020"));
    let batches = read(market.export(Format::Arrow, Table::Trades, &events));
    let rows: Vec<usize> = batches.iter().map(RecordBatch::num_rows).collect();
    assert_eq!(rows, [BATCH, 2]);
    assert_eq!(symbol(&batches[0], BATCH - 1), SMALL);
    assert_eq!((symbol(&batches[1], 0), symbol(&batches[1], 1)), ("LATE".into(), DEAR.into()));
}
