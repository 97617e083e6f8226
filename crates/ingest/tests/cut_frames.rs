//! A frame that is no JSON tells nothing: no book of any venue breaks by it, whatever came before.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::Path;
use std::sync::Arc;

use tickring_capture::LineReader;
use tickring_event::Instruments;
use tickring_ingest::{
    Binance, Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, EventBatch, Frame, Kraken,
    KrakenV1, Market, Okx, Stamp, Subscription, Venue,
};

/// Frames of a session that are looked at.
const FRAMES_MAX: usize = 400;

/// Decodes a session with the start of each frame after it, which must add nothing.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
#[track_caller]
fn check(session: &str, mut venue: impl Venue) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(session);
    if !path.is_file() {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "a recorded session is missing: {}", path.display());
        eprintln!("SKIPPED: a recorded session is missing: {}", path.display());
        return;
    }
    let mut reader = LineReader::open(&path).unwrap();
    let mut batch = EventBatch::new();
    let stamp = Stamp::default();
    venue.open(&mut batch);
    let mut looked_at = 0;
    while let Some(frame) = reader.next_frame().unwrap() {
        batch.clear();
        venue.decode(&Frame { stamp, text: frame.text }, &mut batch).unwrap();
        batch.clear();
        batch.take_commands().for_each(drop);
        let text = &frame.text[..frame.text.len() / 2];
        venue.decode(&Frame { stamp, text }, &mut batch).unwrap_err();
        assert!(batch.is_empty(), "{session}, frame {looked_at}: {:?}", batch.events());
        assert_eq!(batch.take_commands().count(), 0, "{session}, frame {looked_at}");
        looked_at += 1;
        if looked_at == FRAMES_MAX {
            break;
        }
    }
    assert!(looked_at > 20, "{session}");
}

fn instruments() -> Arc<Instruments> {
    Arc::new(Instruments::with_capacity(64))
}

#[test]
fn a_cut_frame_breaks_no_book_of_binance() {
    for (market, folder) in [(Market::Spot, "binance-spot"), (Market::UsdM, "binance-usdm")] {
        let venue = Binance::new(market, &[], instruments());
        check(&format!("{folder}/btcusdt_20240808.gz"), venue);
    }
}

#[test]
fn a_cut_frame_breaks_no_book_of_bybit() {
    let new = |product| Bybit::new(product, Subscription::default(), instruments()).unwrap();
    check("bybit-v5/linear_20260809.gz", new(BybitProduct::Linear));
    check("bybit-v5/spot_20260809.gz", new(BybitProduct::Spot));
}

#[test]
fn a_cut_frame_breaks_no_book_of_coinbase() {
    let venue = CoinbaseAdvanced::new(Subscription::default(), instruments()).unwrap();
    check("coinbase-advanced/btcusd_ethusd_20260809.gz", venue);
    let venue = CoinbaseExchange::new(Subscription::default(), instruments()).unwrap();
    check("coinbase-exchange/products10_20210417.gz", venue);
}

#[test]
fn a_cut_frame_breaks_no_book_of_kraken() {
    let venue = Kraken::new(Subscription::default(), instruments()).unwrap();
    check("kraken-v2/minagbp_d25_20260816.gz", venue);
    check("kraken-v1/book1000_20210417.gz", KrakenV1::new(&[], instruments()));
}

#[test]
fn a_cut_frame_breaks_no_book_of_okx() {
    let venue = Okx::new(Subscription::default(), instruments()).unwrap();
    check("okx-v5/books_20220513.gz", venue);
}
