//! A recorded Coinbase Exchange session: every count and every book as an independent rebuild found
//! them, and every lost or swapped match found where it first can be.

use std::sync::Arc;

use tickring_event::{Instruments, Kind};
use tickring_ingest::{CoinbaseExchange, EventBatch, Frame, Stamp, Venue};
use tickring_metrics::Counter;

use crate::recorded::{
    Damage, Replay, chosen, damaged, expected, holds, messages, number, recorded_data,
};
use crate::words::recording;

const SESSION: &str = "coinbase-exchange/products10_20210417.gz";

#[test]
fn ten_products_are_the_expected_books_and_tickers_agree_as_often() {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, SESSION);
    let mut replay = Replay::new(|them| CoinbaseExchange::new(recording(), them));
    for text in messages(&folder.join(SESSION)) {
        replay.frame(&text);
    }
    assert!(replay.gaps.is_empty(), "{:?}", replay.gaps);
    for (kind, count) in [
        ("l2update", 9_719),
        ("ticker", 107),
        ("match", 97),
        ("last_match", 10),
        ("snapshot", 10),
        ("ack true", 3),
    ] {
        assert_eq!(replay.outcomes[kind], count, "{kind}");
    }
    assert_eq!(replay.outcomes.values().sum::<u64>(), expected["stats"]["messages"]);
    let books = expected["books"].as_object().unwrap();
    assert_eq!(books.len(), 10);
    for (product, own) in books {
        let counts = &own["counts"];
        let count = |key: &str| counts[key].as_u64().unwrap_or(0);
        replay.assert_book(product, own);
        let book = replay.book(product);
        assert_eq!(book.snapshots(), count("snapshot"));
        assert_eq!(book.applied(), count("l2update"));
        assert_eq!(book.crossed(), 0);
        assert_eq!(replay.count(product, "top"), count("ticker"));
        assert_eq!(replay.count(product, "trade"), count("match") + count("last_match"));
        let (seen, equal) = replay.tops[product];
        assert_eq!(seen, count("ticker_seen_with_book"), "{product}");
        assert_eq!(equal, count("ticker_prices_equal_book"), "{product}");
    }
}

/// Where the venue says that a trade is not the next one: by a gap, or by counting it.
fn first_said(messages: &[&[u8]]) -> Option<usize> {
    let instruments = Arc::new(Instruments::with_capacity(16));
    let mut venue = CoinbaseExchange::new(recording(), instruments).unwrap();
    let mut batch = EventBatch::new();
    messages.iter().position(|text| {
        batch.clear();
        venue.decode(&Frame { stamp: Stamp::default(), text }, &mut batch).unwrap();
        let counted = |it| batch.counters().get(it) > 0;
        batch.events().iter().any(|it| it.kind() == Kind::Gap)
            || counted(Counter::Duplicated)
            || counted(Counter::Reordered)
    })
}

/// Where the rule alone shows it: ids go up by one.
fn first_shown(messages: &[&[u8]]) -> Option<usize> {
    let ids: Vec<_> = messages.iter().map(|it| number(it, "trade_id").unwrap()).collect();
    ids.windows(2).position(|it| it[1] != it[0] + 1).map(|it| it + 1)
}

#[test]
fn a_lost_or_swapped_match_is_found_at_the_next_one() {
    let Some(folder) = recorded_data() else { return };
    let all = messages(&folder.join(SESSION));
    let is_match = |it: &&[u8]| holds(it, "\"type\":\"match\"") || holds(it, "\"last_match\"");
    let trades: Vec<&[u8]> = all.iter().map(Vec::as_slice).filter(is_match).collect();
    assert_eq!(trades.len(), 107);
    let product = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.split_once("\"product_id\":\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let (mut found, mut hidden) = (0, 0);
    for at in chosen(trades.len(), 200) {
        let own_product = product(trades[at]);
        let own: Vec<usize> =
            (0..trades.len()).filter(|&it| product(trades[it]) == own_product).collect();
        let at = own.iter().position(|&it| it == at).unwrap();
        let own: Vec<&[u8]> = own.into_iter().map(|it| trades[it]).collect();
        for damage in [Damage::Deleted, Damage::SwappedWith(at + 1)] {
            let Some(messages) = damaged(&own, at, damage) else { continue };
            let shown = first_shown(&messages);
            assert_eq!(first_said(&messages), shown, "{own_product} {at} {damage:?}");
            *(if shown.is_some() { &mut found } else { &mut hidden }) += 1;
        }
    }
    assert!(found > 300, "{found} found, {hidden} cannot be");
}
