//! What becomes of a Kraken book whose messages are lost, wrong or unreadable.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tickring_event::{Flags, Gap, GapReason, InstrumentId, MarketEvent, Payload};
use tickring_ingest::{Channel, Command, DecodeError, Inbound};

use crate::oracle::crc32;
use crate::support::Replay;

const SYMBOL: &str = "BTC/USD";

/// A book message; a level is `price:quantity`, the checksum that of `digits`.
fn book(kind: &str, bids: &str, asks: &str, digits: &str) -> String {
    message(kind, bids, asks, &format!(r#","checksum":{}"#, crc32(digits.as_bytes())))
}

fn message(kind: &str, bids: &str, asks: &str, more: &str) -> String {
    format!(
        r#"{{"channel":"book","type":"{kind}","data":[{}]}}"#,
        element(SYMBOL, bids, asks, more)
    )
}

fn element(symbol: &str, bids: &str, asks: &str, more: &str) -> String {
    let side = |levels: &str| {
        let level = |it: &str| {
            let (price, quantity) = it.split_once(':').unwrap();
            format!(r#"{{"price":{price},"qty":{quantity}}}"#)
        };
        let levels = levels.split(' ').filter(|it| !it.is_empty());
        levels.map(level).collect::<Vec<_>>().join(",")
    };
    format!(
        r#"{{"symbol":"{symbol}","bids":[{}],"asks":[{}],"timestamp":"2026-08-16T23:37:05.723653Z"{more}}}"#,
        side(bids),
        side(asks)
    )
}

fn live(depth: Option<u32>) -> Replay {
    let mut replay = Replay::kraken(&[SYMBOL], &[Channel::Depth], depth);
    replay.open();
    replay.commands.clear();
    replay
}

/// The events of the last frame in words.
fn words(replay: &Replay) -> String {
    let word = |event: &MarketEvent| match event.payload() {
        Payload::Levels(_) => {
            let snapshot =
                if event.flags.contains(Flags::SNAPSHOT) { "snapshot" } else { "update" };
            let stale = if event.flags.contains(Flags::STALE) { "stale " } else { "" };
            format!("{stale}{snapshot}")
        }
        Payload::Gap(gap) => format!("gap {}", gap.reason.name()),
        other => panic!("{other:?}"),
    };
    replay.batch.events().iter().map(word).collect::<Vec<_>>().join(", ")
}

/// Prices and quantities of the book, best first: `bids / asks`.
fn standing(replay: &Replay) -> String {
    let (book, instrument) = (replay.book(SYMBOL), replay.instrument(SYMBOL));
    let side = |levels: Vec<tickring_event::Level>| {
        let text = |it: &tickring_event::Level| {
            format!("{}:{}", instrument.price_text(it.price), instrument.quantity_text(it.quantity))
        };
        levels.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    format!("{} / {}", side(book.bids(99).collect()), side(book.asks(99).collect()))
}

fn resync(id: u64) -> Command {
    let texts = vec![
        format!(
            r#"{{"method":"unsubscribe","params":{{"channel":"book","symbol":["BTC/USD"]}},"req_id":{id}}}"#
        ),
        format!(
            r#"{{"method":"subscribe","params":{{"channel":"book","symbol":["BTC/USD"],"snapshot":true}},"req_id":{}}}"#,
            id + 1
        ),
    ];
    Command::Resync { instrument: InstrumentId::new(0), texts }
}

#[test]
fn a_wrong_checksum_is_a_gap_before_its_stale_message_and_one_resync() {
    let mut replay = live(None);
    assert_eq!(
        replay.frame(&book("snapshot", "9.5:1.0", "9.6:2.0", "96209510")),
        Ok(Inbound::Data(0))
    );
    assert_eq!(words(&replay), "snapshot");
    assert_eq!(replay.frame(&book("update", "9.4:3.0", "", "962095109430")), Ok(Inbound::Data(1)));
    assert!(replay.book(SYMBOL).is_valid());

    let lost = book("update", "9.3:1.0", "", "96209510943093209310");
    assert_eq!(replay.frame(&lost), Ok(Inbound::Data(1)), "9.3:2.0 was lost");
    assert_eq!(words(&replay), "gap checksum, stale update");
    let expected = u64::from(crc32(b"96209510943093209310"));
    let received = u64::from(crc32(b"9620951094309310"));
    let reason = GapReason::Checksum;
    assert_eq!(replay.gaps, [Gap { reason, expected, received, missing: 0, breaks_book: true }]);
    assert!(!replay.book(SYMBOL).is_valid());
    assert_eq!(standing(&replay), "9.5:1.0 9.4:3.0 / 9.6:2.0", "the message changed no book");
    assert_eq!(replay.commands, [resync(2)]);
}

#[test]
fn a_break_is_told_and_asked_for_once_until_the_next_snapshot() {
    let mut replay = live(None);
    replay.frame(&book("snapshot", "9.5:1.0", "9.6:2.0", "96209510")).unwrap();
    let lost = book("update", "9.3:1.0", "", "962095109320");
    replay.frame(&lost).unwrap();
    replay.frame(&lost).unwrap();
    assert_eq!(words(&replay), "stale update");
    assert_eq!((replay.commands.len(), replay.gaps.len()), (1, 1), "asked once, told once");
    let checks = replay.venue.checks();
    assert_eq!((checks.len(), checks[0].1.checked, checks[0].1.failed), (1, 2, 1));

    replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    replay.frame(&lost).unwrap();
    assert_eq!(replay.commands, [resync(2), resync(4)], "a new break is asked for anew");
}

#[test]
fn nobody_sees_a_wrong_book_as_valid() {
    let mut replay = live(None);
    replay.frame(&book("snapshot", "9.5:1.0", "9.6:2.0", "96209510")).unwrap();
    // Nine levels: two events of the message, and the gap before both.
    let bids = (0..9).map(|it| format!("8.{it}:1.0")).collect::<Vec<_>>().join(" ");
    replay.frame(&book("update", &bids, "", "0")).unwrap();
    assert_eq!(words(&replay), "gap checksum, stale update, stale update");
    let mut seen = tickring_book::Book::new();
    for event in replay.batch.events() {
        seen.apply(event);
        assert!(!seen.is_valid());
    }
}

#[test]
fn a_snapshot_with_a_wrong_checksum_is_no_book() {
    let mut replay = live(None);
    replay.frame(&book("snapshot", "9.5:1.0", "", "nonsense")).unwrap();
    assert_eq!(words(&replay), "gap checksum, stale snapshot");
    assert!(!replay.book(SYMBOL).is_valid());
    assert_eq!(replay.commands, [resync(2)]);
    replay.frame(&book("snapshot", "9.5:1.0", "", "nonsense")).unwrap();
    assert_eq!(replay.commands, [resync(2), resync(4)], "the snapshot that was asked for came");
}

#[test]
fn an_update_without_a_snapshot_is_stale_and_asks_for_one() {
    let mut replay = live(None);
    for _ in 0..2 {
        assert_eq!(replay.frame(&book("update", "9.5:1.0", "", "9510")), Ok(Inbound::Data(1)));
        assert_eq!(words(&replay), "stale update");
        assert_eq!(replay.commands, [resync(2)]);
    }
    assert!(replay.gaps.is_empty());
}

#[test]
fn a_message_without_a_checksum_is_believed_and_remarked() {
    let mut replay = live(None);
    replay.frame(&message("snapshot", "9.5:1.0", "", "")).unwrap();
    replay.frame(&message("update", "9.4:1.0", "", "")).unwrap();
    assert_eq!(standing(&replay), "9.5:1.0 9.4:1.0 / ");
    assert_eq!(replay.remarks, ["no_checksum"; 2]);
    assert_eq!(replay.venue.checks(), []);
}

#[test]
fn levels_are_applied_in_sequence_even_if_one_price_comes_twice() {
    let mut replay = live(None);
    replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
    replay.frame(&book("update", "9.5:0.0 9.4:2.0 9.5:3.0 9.4:0.0", "", "9530")).unwrap();
    assert_eq!(standing(&replay), "9.5:3.0 / ");
    assert!(replay.gaps.is_empty());
}

#[test]
fn what_the_cut_pushes_out_ends_its_side_as_removals() {
    let mut replay = live(Some(10));
    let levels = |from: u32, count: u32| {
        (from..from + count).map(|it| format!("{it}:1")).collect::<Vec<_>>().join(" ")
    };
    let digits = |asks: std::ops::Range<u32>, bids: std::ops::Range<u32>| {
        let both = asks.chain(bids.rev());
        both.map(|it| format!("{it}1")).collect::<String>()
    };
    let text = book("snapshot", &levels(11, 10), &levels(31, 10), &digits(31..41, 11..21));
    replay.frame(&text).unwrap();
    let text = book("update", "22:1 21:1", "30:1", &digits(30..40, 13..23));
    replay.frame(&text).unwrap();
    assert!(replay.gaps.is_empty(), "{:?}", replay.gaps);
    let mut told = (Vec::new(), Vec::new());
    for event in replay.batch.events() {
        let Payload::Levels(levels) = event.payload() else { panic!("{event:?}") };
        let words = |it: &tickring_event::Level| {
            (it.price.mantissa() / 100_000_000, !it.quantity.is_zero())
        };
        told.0.extend(levels.bids().iter().map(words));
        told.1.extend(levels.asks().iter().map(words));
    }
    assert_eq!(told.0, [(22, true), (21, true), (11, false), (12, false)]);
    assert_eq!(told.1, [(30, true), (40, false)]);
    let book = replay.book(SYMBOL);
    assert_eq!(book.levels(), (10, 10));
    assert_eq!((book.applied(), book.is_valid()), (1, true));
}

#[test]
fn a_book_is_cut_to_what_is_configured_or_said_or_has_room_for_the_snapshot() {
    let levels = (11..=31).map(|it| format!("{it}:1")).collect::<Vec<_>>().join(" ");
    let more = (40..=99).map(|it| format!("{it}:1")).collect::<Vec<_>>().join(" ");
    let check = |mut replay: Replay, ack: &str, expected: usize| {
        replay.open();
        if !ack.is_empty() {
            replay.frame(ack).unwrap();
        }
        replay.frame(&message("snapshot", &levels, "", "")).unwrap();
        replay.frame(&message("update", &more, "", "")).unwrap();
        assert_eq!(replay.book(SYMBOL).levels().0, expected);
    };
    let ack = r#"{"method":"subscribe","result":{"channel":"book","depth":25,"snapshot":true,"symbol":"BTC/USD"},"success":true}"#;
    let hundred = ack.replace("25", "100");
    check(live(Some(10)), "", 10);
    check(live(Some(10)), ack, 10);
    check(live(None), ack, 25);
    check(Replay::kraken(&[], &[], None), &hundred, 81);
    check(Replay::kraken(&[], &[], None), "", 25);
}

#[test]
fn an_ack_that_comes_after_the_snapshot_still_says_the_depth() {
    let mut replay = live(None);
    let levels =
        |from: u32, to: u32| (from..=to).map(|it| format!("{it}:1")).collect::<Vec<_>>().join(" ");
    replay.frame(&message("snapshot", &levels(11, 22), "", "")).unwrap();
    let ack = r#"{"method":"subscribe","result":{"channel":"book","depth":100,"symbol":"BTC/USD"},"success":true}"#;
    replay.frame(ack).unwrap();
    replay.frame(&message("update", &levels(30, 99), "", "")).unwrap();
    assert_eq!(replay.book(SYMBOL).levels().0, 82);
}

#[test]
fn depth_that_cannot_be_read_breaks_its_book_once() {
    let wrong = [
        book("update", "9.4:\"x\"", "", "0"),
        book("update", "9.4:01.5", "", "0"),
        book("update", "9.4:1e-8", "", "0"),
        book("update", "9.4:0.0000000001", "", "0"),
        message("update", "9.4:1.0", "", r#","checksum":"?""#),
        message("update", "9.4:1.0", "", r#","checksum":4294967296"#),
        book("other", "9.4:1.0", "", "0"),
        book("update", "9.4:1.0", "", "0").replace("bids", "buys").replace("asks", "sells"),
        book("update", "9.4:1.0", "", "0").replace("[{\"price\"", "[7,{\"price\""),
    ];
    for text in &wrong {
        let mut replay = live(None);
        replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
        assert!(replay.frame(text).is_err(), "{text}");
        assert_eq!(words(&replay), "gap undecoded", "{text}");
        assert_eq!(replay.commands, [resync(2)], "{text}");
        assert!(!replay.book(SYMBOL).is_valid());
        replay.frame(text).unwrap_err();
        assert_eq!((words(&replay).as_str(), replay.commands.len()), ("", 1), "{text}");
    }
}

#[test]
fn what_is_no_depth_leaves_books_alone() {
    let mut replay = live(None);
    replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
    let trade =
        r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","price":"?","qty":1}]}"#;
    assert!(matches!(replay.frame(trade), Err(DecodeError::Number { .. })));
    replay.frame("{").unwrap_err();
    assert!(replay.batch.is_empty() && replay.book(SYMBOL).is_valid());
    assert!(replay.commands.is_empty());
}

#[test]
fn a_message_of_several_books_breaks_all_of_them_where_one_cannot_be_read() {
    let mut replay = Replay::kraken(&[], &[], None);
    let two = |first: &str, second: &str, kind: &str| {
        let first = element("BTC/USD", first, "", "");
        let second = element("ETH/USD", second, "", "");
        format!(r#"{{"channel":"book","type":"{kind}","data":[{first},{second}]}}"#)
    };
    replay.frame(&two("9.5:1.0", "9.5:1.0", "snapshot")).unwrap();
    assert!(replay.book("BTC/USD").is_valid() && replay.book("ETH/USD").is_valid());
    replay.frame(&two("9.4:1.0", "9.4:\"?\"", "update")).unwrap_err();
    assert_eq!(words(&replay), "gap undecoded, gap undecoded");
    assert!(!replay.book("BTC/USD").is_valid() && !replay.book("ETH/USD").is_valid());
    assert_eq!(replay.commands.len(), 2);
}

#[test]
fn a_lost_connection_breaks_the_books_that_lived_and_the_next_one_starts_over() {
    let mut replay = live(None);
    replay.disconnect();
    assert_eq!(words(&replay), "", "there was no book");
    replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
    replay.disconnect();
    assert_eq!(words(&replay), "gap disconnected");
    assert!(!replay.book(SYMBOL).is_valid());
    replay.open();
    replay.commands.clear();
    replay.frame(&book("update", "9.4:1.0", "", "9410")).unwrap();
    assert_eq!(words(&replay), "stale update", "the old book is not continued");
    replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
}

#[test]
fn data_may_come_before_its_ack_and_a_resyncs_acks_complete_nothing() {
    let mut replay = Replay::kraken(&[SYMBOL, "ETH/USD"], &[Channel::Depth], None);
    replay.open();
    replay.frame(&book("snapshot", "9.5:1.0", "", "9510")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    replay.frame(&book("update", "9.5:2.0", "", "0")).unwrap();
    assert_eq!(replay.commands[1..], [resync(2)]);
    let ack = |method: &str, id: u64, symbol: &str| {
        format!(
            r#"{{"method":"{method}","result":{{"channel":"book","symbol":"{symbol}"}},"success":true,"req_id":{id}}}"#
        )
    };
    let complete = |complete| Ok(Inbound::Ack { complete });
    assert_eq!(replay.frame(&ack("unsubscribe", 2, SYMBOL)), complete(false));
    assert_eq!(replay.frame(&ack("subscribe", 3, SYMBOL)), complete(false));
    assert_eq!(replay.frame(&ack("subscribe", 1, "ETH/USD")), complete(false));
    assert_eq!(replay.frame(&ack("subscribe", 1, SYMBOL)), complete(true));
    assert_eq!(replay.frame(&ack("subscribe", 3, SYMBOL)), complete(false));
    let refused = r#"{"error":"Already subscribed","method":"subscribe","symbol":"BTC/USD","success":false,"req_id":3}"#;
    let Ok(Inbound::Refused(refusal)) = replay.frame(refused) else { panic!("a refusal") };
    assert!(refusal.message.contains(SYMBOL) && !refusal.complete);
}

#[test]
fn a_book_of_v1_breaks_by_the_same_rule_without_anybody_to_ask() {
    let mut replay = Replay::kraken_v1();
    let snapshot = r#"[1,{"as":[["9.6","2.0","1"]],"bs":[["9.5","1.0","1"]]},"book-10","A/B"]"#;
    let update = |level: &str, digits: &str| {
        format!(r#"[1,{{"b":[{level}],"c":"{}"}},"book-10","A/B"]"#, crc32(digits.as_bytes()))
    };
    replay.frame(snapshot).unwrap();
    replay.frame(&update(r#"["9.4","3.0","2"]"#, "962095109430")).unwrap();
    assert!(replay.book("A/B").is_valid());
    replay.frame(&update(r#"["9.4","0.0","2"]"#, "962095109430")).unwrap();
    assert_eq!(words(&replay), "gap checksum, stale update");
    replay.frame(snapshot).unwrap();
    replay.frame(&update(r#"["9.4","x","2"]"#, "962095109430")).unwrap_err();
    assert_eq!(words(&replay), "gap undecoded");
    assert!(!replay.book("A/B").is_valid());
    replay.frame(&update(r#"["9.4","3.0","2"]"#, "962095109430")).unwrap();
    assert_eq!(words(&replay), "stale update");
    replay.frame(snapshot).unwrap();
    replay.disconnect();
    assert_eq!(words(&replay), "gap disconnected");
    assert!(replay.commands.is_empty());
    assert_eq!(replay.venue.checks()[0].1.checked, 2);
}

proptest! {
    /// A book that knows only events equals the venue's, which is cut after every message.
    #[test]
    fn a_book_of_events_is_the_cut_book_after_every_message(
        messages in proptest::collection::vec(
            proptest::collection::vec((any::<bool>(), 100..140_u32, 0..3_u32), 0..25),
            1..30,
        ),
    ) {
        let mut replay = live(Some(10));
        let mut model = [BTreeMap::new(), BTreeMap::new()];
        for (at, levels) in messages.iter().enumerate() {
            let mut texts = [String::new(), String::new()];
            for &(is_ask, price, quantity) in levels {
                let (side, price) = if is_ask { (1, price + 50) } else { (0, price) };
                texts[side].push_str(&format!("{price}:{quantity} "));
                model[side].remove(&price);
                if quantity > 0 {
                    model[side].insert(price, quantity);
                }
            }
            while model[0].len() > 10 {
                model[0].pop_first();
            }
            while model[1].len() > 10 {
                model[1].pop_last();
            }
            let digits = |side: &mut dyn Iterator<Item = (&u32, &u32)>| {
                side.map(|(price, quantity)| format!("{price}{quantity}")).collect::<String>()
            };
            let digits = digits(&mut model[1].iter()) + &digits(&mut model[0].iter().rev());
            let kind = if at == 0 { "snapshot" } else { "update" };
            replay.frame(&book(kind, &texts[0], &texts[1], &digits)).unwrap();
            let text = |(price, quantity): (&u32, &u32)| format!("{price}:{quantity}");
            let bids: Vec<_> = model[0].iter().rev().map(text).collect();
            let asks: Vec<_> = model[1].iter().map(text).collect();
            prop_assert_eq!(standing(&replay), format!("{} / {}", bids.join(" "), asks.join(" ")));
            prop_assert!(replay.book(SYMBOL).is_valid());
        }
    }
}
