//! Recorded Bybit sessions: every count and every book as an independent rebuild found them, and
//! every lost or swapped message found where it first can be.

use tickring_event::{Flags, Payload};
use tickring_ingest::{Bybit, BybitProduct, EventBatch, Frame, Stamp, Venue};

use crate::recorded::{
    Damage, Replay, chosen, damaged, expected, holds, messages, number, recorded_data,
};
use crate::words::recording;

const LINEAR: &str = "bybit-v5/linear_20260809.gz";
const SPOT: &str = "bybit-v5/spot_20260809.gz";

fn bybit(product: BybitProduct) -> Bybit {
    let instruments = std::sync::Arc::new(tickring_event::Instruments::with_capacity(16));
    Bybit::new(product, recording(), instruments).unwrap()
}

#[track_caller]
fn check_session(product: BybitProduct, session: &str, symbols: &[&str]) {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, session);
    let mut replay = Replay::new(|them| Bybit::new(product, recording(), them));
    for text in messages(&folder.join(session)) {
        replay.frame(&text);
    }
    assert!(replay.gaps.is_empty(), "{:?}", replay.gaps);
    let totals = &expected["totals"];
    let whole = |it: &serde_json::Value| it.as_u64().unwrap();
    let depth = whole(&totals["snapshots"]) + whole(&totals["deltas"]);
    let acks = whole(&expected["stats"]["kinds"]["op=subscribe"]["n"]);
    for (kind, count) in [
        ("orderbook", depth),
        ("tickers", whole(&totals["tickers"])),
        ("kline", whole(&totals["kline"])),
        ("publicTrade", whole(&totals["publicTrade"])),
        ("ack true", acks),
    ] {
        assert_eq!(replay.outcomes[kind], count, "{kind}");
    }
    assert_eq!(replay.outcomes.values().sum::<u64>(), whole(&expected["stats"]["messages"]));
    for symbol in symbols {
        let own = &expected["books"][format!("{symbol}@200")];
        replay.assert_book(symbol, own);
        let book = replay.book(symbol);
        assert_eq!(book.last_sequence(), own["last_sequence"], "{symbol}");
        assert_eq!(book.snapshots(), own["counts"]["snapshots"]);
        assert_eq!(book.applied(), own["counts"]["deltas"]);
        assert_eq!(book.crossed(), 0);
        let counts = &expected["books"][symbol]["counts"];
        assert_eq!(replay.count(symbol, "top"), counts["tickers"]);
        assert!(replay.count(symbol, "trade") >= whole(&counts["publicTrade"]));
        // A message may hold the bar that was closed and the one that began.
        assert!(replay.count(symbol, "bar") >= whole(&counts["kline"]));
    }
}

#[test]
fn linear_contracts_are_the_expected_books() {
    check_session(BybitProduct::Linear, LINEAR, &["BTCUSDT", "DOGEUSDT", "ETHUSDT", "SOLUSDT"]);
}

#[test]
fn spot_is_the_expected_books() {
    check_session(BybitProduct::Spot, SPOT, &["BTCUSDT", "ETHUSDT"]);
}

/// Where the venue says that a book is not whole: a gap that breaks it, or a change without a book.
fn first_said(product: BybitProduct, messages: &[&[u8]]) -> Option<usize> {
    let mut venue = bybit(product);
    let mut batch = EventBatch::new();
    messages.iter().position(|text| {
        batch.clear();
        venue.decode(&Frame { stamp: Stamp::default(), text }, &mut batch).unwrap();
        batch.events().iter().any(|event| match event.payload() {
            Payload::Gap(gap) => gap.breaks_book,
            Payload::Levels(_) => event.flags.contains(Flags::STALE),
            _ => false,
        })
    })
}

/// Where the rule alone shows it: a delta must have the number after the one before.
fn first_shown(messages: &[&[u8]]) -> Option<usize> {
    let mut last: Option<u64> = None;
    messages.iter().position(|text| {
        let number = number(text, "u").unwrap();
        let is_shown =
            !holds(text, "\"type\":\"snapshot\"") && last.is_none_or(|last| number != last + 1);
        last = Some(number);
        is_shown
    })
}

#[track_caller]
fn check_damage(product: BybitProduct, session: &str) {
    let Some(folder) = recorded_data() else { return };
    let all = messages(&folder.join(session));
    let depth: Vec<&[u8]> =
        all.iter().map(Vec::as_slice).filter(|it| holds(it, "\"topic\":\"orderbook.")).collect();
    let topic = |text: &[u8]| {
        let text = String::from_utf8_lossy(text).into_owned();
        text.split_once("\"topic\":\"").unwrap().1.split('"').next().unwrap().to_owned()
    };
    let (mut found, mut hidden) = (0, 0);
    for at in chosen(depth.len(), 200) {
        // Books do not touch each other: those of one topic are enough.
        let own_topic = topic(depth[at]);
        let own: Vec<usize> =
            (0..depth.len()).filter(|&it| topic(depth[it]) == own_topic).collect();
        let at = own.iter().position(|&it| it == at).unwrap();
        let own: Vec<&[u8]> = own.into_iter().map(|it| depth[it]).collect();
        for damage in [Damage::Deleted, Damage::SwappedWith(at + 1)] {
            let Some(messages) = damaged(&own, at, damage) else { continue };
            let shown = first_shown(&messages);
            assert_eq!(first_said(product, &messages), shown, "{own_topic} {at} {damage:?}");
            *(if shown.is_some() { &mut found } else { &mut hidden }) += 1;
        }
    }
    assert!(found > 380, "{found} found, {hidden} cannot be");
}

#[test]
fn a_lost_or_swapped_linear_message_is_found_at_once() {
    check_damage(BybitProduct::Linear, LINEAR);
}

#[test]
fn a_lost_or_swapped_spot_message_is_found_at_once() {
    check_damage(BybitProduct::Spot, SPOT);
}
