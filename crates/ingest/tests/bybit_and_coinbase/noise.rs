//! No bytes make a venue panic, and frames that were damaged at random leave it in order.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::Instruments;
use tickring_ingest::{
    Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, EventBatch, Frame, Stamp, Venue,
};

use crate::words::recording;
use crate::{bybit_frames, coinbase_advanced_frames, coinbase_exchange_frames};

fn venues() -> [Box<dyn Venue>; 4] {
    let instruments = Arc::new(Instruments::with_capacity(64));
    let them = || Arc::clone(&instruments);
    [
        Box::new(Bybit::new(BybitProduct::Spot, recording(), them()).unwrap()),
        Box::new(Bybit::new(BybitProduct::Linear, recording(), them()).unwrap()),
        Box::new(CoinbaseAdvanced::new(recording(), them()).unwrap()),
        Box::new(CoinbaseExchange::new(recording(), them()).unwrap()),
    ]
}

/// Decodes each text with every venue; a refused one leaves nothing but gaps behind.
fn decode_all(texts: &[Vec<u8>]) {
    for mut venue in venues() {
        let mut batch = EventBatch::new();
        for text in texts {
            batch.clear();
            let frame = Frame { stamp: Stamp::default(), text };
            if venue.decode(&frame, &mut batch).is_err() {
                let is_gap =
                    |it: &tickring_event::MarketEvent| it.kind() == tickring_event::Kind::Gap;
                assert!(batch.events().iter().all(is_gap), "{:?}", batch.events());
            }
        }
        venue.disconnected(Stamp::default(), &mut batch);
        venue.finish(&mut batch);
    }
}

fn frames() -> Vec<&'static str> {
    let all = [
        bybit_frames::FRAMES.as_slice(),
        coinbase_advanced_frames::FRAMES.as_slice(),
        coinbase_exchange_frames::FRAMES.as_slice(),
    ];
    all.concat()
}

#[derive(Clone, Copy, Debug)]
enum Change {
    Byte(u8),
    Cut,
    Doubled,
    Nested,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        8 => prop_oneof![any::<u8>(), Just(b'0'), Just(b'-'), Just(b'"'), Just(b'['), Just(b'}')]
            .prop_map(Change::Byte),
        1 => Just(Change::Cut),
        1 => Just(Change::Doubled),
        1 => Just(Change::Nested),
    ]
}

fn changed(frame: &str, at: usize, change: Change) -> Vec<u8> {
    let mut text = frame.as_bytes().to_vec();
    let at = at % text.len();
    match change {
        Change::Byte(byte) => text[at] = byte,
        Change::Cut => text.truncate(at),
        Change::Doubled => {
            let tail = text[at..].to_vec();
            text.extend(tail);
        }
        Change::Nested => {
            text.splice(at..at, std::iter::repeat_n(b'[', 2_000));
        }
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_panic(texts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..4)) {
        decode_all(&texts);
    }

    #[test]
    fn no_damaged_frame_panics(
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<usize>(), change()), 1..30),
    ) {
        let frames = frames();
        let texts: Vec<_> = changes
            .iter()
            .flat_map(|(frame, at, change)| {
                let frame = frame.get(&frames);
                [frame.as_bytes().to_vec(), changed(frame, *at, *change)]
            })
            .collect();
        decode_all(&texts);
    }
}
