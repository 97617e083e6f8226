//! Any bytes through the scanner and through the general parser alone, at every venue: outcome, events,
//! commands and remarks must be the same.
//!
//! `RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir tools/fuzz two_parsers -- -max_total_time=60`

#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use tickring_event::{Instruments, MarketEvent};
use tickring_ingest::tickdb::TickDb;
use tickring_ingest::{
    Binance, Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, Command, DecodeError,
    EventBatch, Frame, Inbound, Kraken, KrakenV1, Market, Okx, Parsers, Stamp, Subscription, Venue,
};

type Given = (Result<Inbound, DecodeError>, Vec<MarketEvent>, Vec<Command>, Vec<&'static str>);

fn venue(number: u8) -> Box<dyn Venue> {
    let instruments = Arc::new(Instruments::with_capacity(64));
    let all = Subscription::default();
    match number % 9 {
        0 => Box::new(Binance::new(Market::Spot, &[], instruments)),
        1 => Box::new(Binance::new(Market::UsdM, &[], instruments)),
        2 => Box::new(Bybit::new(BybitProduct::Linear, all, instruments).expect("takes all")),
        3 => Box::new(CoinbaseAdvanced::new(all, instruments).expect("takes all")),
        4 => Box::new(CoinbaseExchange::new(all, instruments).expect("takes all")),
        5 => Box::new(Kraken::new(all, instruments).expect("takes all")),
        6 => Box::new(KrakenV1::new(&[], instruments)),
        7 => Box::new(Okx::new(all, instruments).expect("takes all")),
        _ => Box::new(TickDb::recorded(instruments)),
    }
}

fn decode(number: u8, parsers: Parsers, texts: &[u8]) -> Vec<Given> {
    let mut venue = venue(number);
    venue.json().expect("these venues speak JSON").set_parsers(parsers);
    let mut batch = EventBatch::new();
    let mut given = Vec::new();
    for text in texts.split(|&byte| byte == b'\n') {
        let decoded = venue.decode(&Frame { text, stamp: Stamp::default() }, &mut batch);
        given.push((
            decoded,
            batch.events().to_vec(),
            batch.take_commands().collect(),
            batch.take_remarks().collect(),
        ));
        batch.clear();
    }
    given
}

// The first byte names the venue; each line of the rest is a frame.
fuzz_target!(|bytes: &[u8]| {
    let Some((number, texts)) = bytes.split_first() else { return };
    let scanned = decode(*number, Parsers::ScanFirst, texts);
    assert_eq!(scanned, decode(*number, Parsers::General, texts));
});
