//! What becomes of an OKX book whose messages are lost, wrong, unreadable, or come without a snapshot.

use tickring_event::{Flags, Gap, GapReason, InstrumentId, MarketEvent, Payload};
use tickring_ingest::{Channel, Command, Fetch, HELD_EVENTS_MAX, Inbound};

use crate::oracle::crc32;
use crate::support::Replay;

const SYMBOL: &str = "BTC-USDT";

/// A step in words: `snapshot SEQ`, `update PREV SEQ`, `bad PREV SEQ`, `fetched SEQ`, `resubscribed
/// ID`, `disconnect` or `finish`.
fn step(replay: &mut Replay, step: &str) {
    let (word, numbers) = step.split_once(' ').unwrap_or((step, ""));
    let number = |at: usize| numbers.split(' ').nth(at).unwrap();
    let levels = |quantity: &str| format!(r#""bids":[["9.5","{quantity}","0","1"]],"asks":[]"#);
    let message = |action: &str, previous: &str, last: &str, quantity: &str| {
        format!(
            r#"{{"arg":{{"channel":"books","instId":"{SYMBOL}"}},"action":"{action}","data":[{{{},"ts":"1790394877200","checksum":0,"seqId":{last},"prevSeqId":{previous}}}]}}"#,
            levels(quantity)
        )
    };
    let text = match word {
        "snapshot" => message("snapshot", "-1", number(0), "1"),
        "update" => message("update", number(0), number(1), "1"),
        "bad" => message("update", number(0), number(1), "x"),
        "fetched" => format!(
            r#"{{"snapshot":"{SYMBOL}","body":{{"code":"0","msg":"","data":[{{{},"ts":"1790394877200","seqId":{}}}]}}}}"#,
            levels("1"),
            number(0)
        ),
        "resubscribed" => format!(
            r#"{{"id":"{}","event":"subscribe","arg":{{"channel":"books","instId":"{SYMBOL}"}}}}"#,
            number(0)
        ),
        "disconnect" => return replay.disconnect(),
        "finish" => return replay.finish(),
        other => panic!("{other}"),
    };
    let inbound = replay.frame(&text);
    assert_eq!(inbound.is_err(), word == "bad", "{step}: {inbound:?}");
}

/// An event in words: `snapshot LAST`, `update LAST`, `stale LAST`, `gap REASON EXPECTED RECEIVED`.
fn words(event: &MarketEvent) -> String {
    let last = event.venue_sequence;
    match event.payload() {
        Payload::Levels(_) if event.flags.contains(Flags::STALE) => format!("stale {last}"),
        Payload::Levels(_) if event.flags.contains(Flags::SNAPSHOT) => format!("snapshot {last}"),
        Payload::Levels(_) => format!("update {last}"),
        Payload::Gap(Gap { reason, expected, received, .. }) => {
            format!("gap {} {expected} {received}", reason.name())
        }
        other => panic!("{other:?}"),
    }
}

fn command(command: &Command) -> &'static str {
    match command {
        Command::Resync { .. } => "resync",
        Command::Fetch(_) => "fetch",
        Command::Send(_) | Command::Renew | Command::Leave => "other",
    }
}

fn live() -> Replay {
    let mut replay = Replay::okx(&[SYMBOL], &[Channel::Depth], None);
    replay.open();
    replay.commands.clear();
    replay
}

/// `steps`, the `events` and the `commands` are separated by commas.
#[track_caller]
fn check(steps: &str, events: &str, commands: &str) -> Replay {
    let mut replay = live();
    let mut found = Vec::new();
    for it in steps.split(", ") {
        step(&mut replay, it);
        found.extend(replay.batch.events().iter().map(words));
    }
    assert_eq!(found.join(", "), events, "{steps}");
    let asked: Vec<_> = replay.commands.iter().map(command).collect();
    assert_eq!(asked.join(", "), commands, "{steps}");
    replay
}

#[test]
fn an_update_continues_the_sequence_before_it_however_far_it_jumps() {
    check("snapshot 5, update 5 9, update 9 100", "snapshot 5, update 9, update 100", "");
}

#[test]
fn an_update_that_changes_nothing_or_falls_after_maintenance_is_linked() {
    check(
        "snapshot 5, update 5 9, update 9 9, update 9 3, update 3 4",
        "snapshot 5, update 9, update 9, update 3, update 4",
        "",
    );
}

#[test]
fn a_broken_link_is_a_gap_before_its_stale_message_and_one_resync() {
    let replay = check(
        "snapshot 5, update 5 9, update 10 12, update 12 13, snapshot 20, update 20 21, update 9 22",
        "snapshot 5, update 9, gap sequence 9 10, stale 12, stale 13, snapshot 20, update 21, \
         gap sequence 21 9, stale 22",
        "resync, resync",
    );
    let argument = r#"[{"channel":"books","instId":"BTC-USDT"}]"#;
    let texts = [("unsubscribe", 2), ("subscribe", 3)];
    let texts = texts.map(|(op, id)| format!(r#"{{"id":"{id}","op":"{op}","args":{argument}}}"#));
    assert_eq!(
        replay.commands[0],
        Command::Resync { instrument: InstrumentId::new(0), texts: texts.to_vec() }
    );
    let reason = GapReason::Sequence;
    let gap = Gap { reason, expected: 9, received: 10, missing: 0, breaks_book: true };
    assert_eq!(replay.gaps[0], gap);
}

#[test]
fn an_update_that_names_no_message_before_it_is_a_broken_link() {
    check("snapshot 5, update -1 9", "snapshot 5, gap sequence 5 0, stale 9", "resync");
}

#[test]
fn depth_that_cannot_be_read_breaks_its_book_once() {
    check(
        "snapshot 5, bad 5 6, bad 6 7, update 7 8, snapshot 9, update 9 10",
        "snapshot 5, gap undecoded 0 0, stale 8, snapshot 9, update 10",
        "resync",
    );
}

#[test]
fn an_update_without_a_snapshot_waits_for_the_book_over_http() {
    let replay = check("update 5 9, update 9 12", "", "fetch");
    let path = "/api/v5/market/books?instId=BTC-USDT&sz=400".to_owned();
    let symbol = SYMBOL.to_owned();
    let instrument = InstrumentId::new(0);
    assert_eq!(replay.commands, [Command::Fetch(Fetch { instrument, symbol, path })]);
    // It is in the middle of an update, at one's end, older than all of them, newer than all.
    check(
        "update 5 9, update 9 12, update 12 15, fetched 10, update 15 16",
        "snapshot 10, stale 9, update 12, update 15, update 16",
        "fetch",
    );
    check("update 5 9, update 9 12, fetched 9", "snapshot 9, stale 9, update 12", "fetch");
    check("update 5 9, fetched 5", "snapshot 5, update 9", "fetch");
    check(
        "update 5 9, fetched 20, update 9 15, update 15 21, update 21 22, update 21 23",
        "snapshot 20, stale 9, stale 15, update 21, update 22, gap sequence 22 21, stale 23",
        "fetch, resync",
    );
}

#[test]
fn a_fetched_book_that_is_too_old_is_asked_for_again() {
    check(
        "update 5 9, fetched 4, update 9 10, fetched 9",
        "snapshot 9, stale 9, update 10",
        "fetch, fetch",
    );
}

#[test]
fn updates_after_a_fetched_book_that_do_not_reach_it_break_it() {
    check(
        "update 5 9, fetched 9, update 12 13",
        "snapshot 9, stale 9, gap sequence 9 12, stale 13",
        "fetch, resync",
    );
    check(
        "update 5 9, update 11 13, fetched 7, update 13 14",
        "snapshot 7, update 9, gap sequence 9 11, stale 13, stale 14",
        "fetch, resync",
    );
}

#[test]
fn a_snapshot_that_comes_after_all_ends_the_waiting() {
    check(
        "update 5 9, snapshot 9, fetched 8, update 9 10",
        "snapshot 9, stale 9, update 10",
        "fetch",
    );
}

#[test]
fn a_resubscription_that_brings_no_snapshot_is_fetched() {
    check(
        "snapshot 5, update 6 7, update 7 8, resubscribed 3, update 9 10, fetched 9",
        "snapshot 5, gap sequence 5 6, stale 7, stale 8, snapshot 9, update 10",
        "resync, fetch",
    );
    check(
        "snapshot 5, update 6 7, snapshot 8, resubscribed 3, update 8 10",
        "snapshot 5, gap sequence 5 6, stale 7, snapshot 8, update 10",
        "resync",
    );
}

#[test]
fn what_was_held_leaves_unapplied_where_no_book_comes() {
    check("update 5 9, update 9 12, finish", "stale 9, stale 12", "fetch");
    check(
        "update 5 9, disconnect, update 9 12, fetched 9",
        "stale 9, snapshot 9, update 12",
        "fetch, fetch",
    );
    check("update 5 9, bad 9 10, update 10 11", "stale 9, stale 11", "fetch, resync");
    let mut replay = live();
    for at in 0..=HELD_EVENTS_MAX {
        assert!(replay.batch.is_empty());
        step(&mut replay, &format!("update {at} {}", at + 1));
    }
    assert_eq!(words(&replay.only_event()), "stale 1", "the oldest goes first");
}

#[test]
fn a_failed_fetch_is_waited_for_since_the_source_asks_again() {
    let mut replay = live();
    step(&mut replay, "update 5 9");
    let failed =
        format!(r#"{{"snapshot":"{SYMBOL}","body":{{"code":"51001","msg":"no","data":[]}}}}"#);
    let Ok(Inbound::Refused(refusal)) = replay.frame(&failed) else { panic!("a refusal") };
    assert_eq!((refusal.code, refusal.message.as_str()), (51_001, "no; the book of BTC-USDT"));
    step(&mut replay, "update 9 10");
    for body in ["null", "7", "{}", r#"{"data":[]}"#, r#"{"data":[{"bids":[],"asks":[]}]}"#] {
        replay.frame(&format!(r#"{{"snapshot":"{SYMBOL}","body":{body}}}"#)).unwrap_err();
        step(&mut replay, "update 10 10");
    }
    assert_eq!(replay.commands.len(), 1);
    step(&mut replay, "fetched 9");
    assert!(replay.book(SYMBOL).is_valid());
}

#[test]
fn a_lost_connection_breaks_the_book_and_the_next_one_starts_over() {
    check(
        "disconnect, snapshot 5, disconnect, snapshot 3, update 3 4",
        "snapshot 5, gap disconnected 0 0, snapshot 3, update 4",
        "",
    );
}

/// A book message of 2022, with a checksum of `text` in place of numbers.
fn summed(action: &str, bids: &str, text: &str) -> String {
    let checksum = crc32(text.as_bytes()).cast_signed();
    unnumbered(action, bids, &format!(r#","checksum":{checksum}"#))
}

fn unnumbered(action: &str, bids: &str, more: &str) -> String {
    format!(
        r#"{{"arg":{{"channel":"books","instId":"{SYMBOL}"}},"action":"{action}","data":[{{"asks":[],"bids":{bids},"ts":"1652459225464"{more}}}]}}"#
    )
}

#[test]
fn without_numbers_the_checksum_shows_what_is_missing() {
    let mut replay = live();
    replay.frame(&summed("snapshot", r#"[["9.50","1"]]"#, "9.50:1")).unwrap();
    replay.frame(&summed("update", r#"[["9.4","2.0"]]"#, "9.50:1:9.4:2.0")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    replay.frame(&summed("update", r#"[["9.50","0"]]"#, "9.40:2.0")).unwrap();
    let expected = u64::from(crc32(b"9.40:2.0"));
    let received = u64::from(crc32(b"9.4:2.0"));
    let reason = GapReason::Checksum;
    assert_eq!(replay.gaps, [Gap { reason, expected, received, missing: 0, breaks_book: true }]);
    let found: Vec<_> = replay.batch.events().iter().map(words).collect();
    assert_eq!(found, [format!("gap checksum {expected} {received}"), "stale 0".to_owned()]);
    assert!(!replay.book(SYMBOL).is_valid());
    replay.frame(&summed("update", r#"[["9.50","0"]]"#, "9.4:2.0")).unwrap();
    assert_eq!(words(&replay.only_event()), "stale 0");
    assert_eq!(replay.commands.iter().map(command).collect::<Vec<_>>(), ["resync"]);
    let checks = replay.venue.checks();
    assert_eq!((checks[0].1.checked, checks[0].1.failed), (3, 1));
}

#[test]
fn a_number_in_another_writing_makes_a_checked_book_unreadable_and_no_other() {
    let mut replay = live();
    replay.frame(&summed("snapshot", r#"[["9.5","1"]]"#, "9.5:1")).unwrap();
    replay.frame(&summed("update", r#"[["9.4","1e1"]]"#, "9.5:1:9.4:10")).unwrap_err();
    assert_eq!(words(&replay.only_event()), "gap undecoded 0 0");
    let mut replay = live();
    replay.frame(&unnumbered("snapshot", r#"[["9.5","1e1"]]"#, r#","checksum":0"#)).unwrap();
    replay.frame(&unnumbered("update", r#"[["9.4","1e1"]]"#, "")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    assert_eq!(replay.remarks, ["no_sequence"], "there is nothing to know it by");
    replay.frame(&summed("update", r#"[["9.4","2"]]"#, "nonsense")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    assert_eq!(replay.remarks, ["no_sequence", "unchecked"]);
    assert_eq!(replay.venue.checks(), []);
}

#[test]
fn an_unnumbered_update_without_a_snapshot_asks_for_one_over_the_connection() {
    let mut replay = live();
    for _ in 0..2 {
        replay.frame(&summed("update", r#"[["9.5","1"]]"#, "9.5:1")).unwrap();
        assert_eq!(words(&replay.only_event()), "stale 0");
    }
    assert_eq!(replay.commands.iter().map(command).collect::<Vec<_>>(), ["resync"]);
}

#[test]
fn numbers_and_checksums_are_both_looked_at_where_both_come() {
    let mut replay = live();
    let both = |action: &str, text: &str, previous: i64, last: u64| {
        let checksum = crc32(text.as_bytes()).cast_signed();
        let more = format!(r#","checksum":{checksum},"seqId":{last},"prevSeqId":{previous}"#);
        unnumbered(action, r#"[["9.5","1"]]"#, &more)
    };
    replay.frame(&both("snapshot", "9.5:1", -1, 5)).unwrap();
    replay.frame(&both("update", "9.5:1", 5, 6)).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    replay.frame(&both("update", "9.5:2", 6, 7)).unwrap();
    assert_eq!(replay.gaps[0].reason, GapReason::Checksum);
    replay.frame(&both("snapshot", "9.5:1", -1, 9)).unwrap();
    replay.frame(&both("update", "9.5:1", 8, 10)).unwrap();
    assert_eq!(replay.gaps[1].reason, GapReason::Sequence);
}

#[test]
fn a_frame_that_is_no_json_breaks_no_book() {
    let mut replay = live();
    step(&mut replay, "snapshot 5");
    replay.frame("{").unwrap_err();
    assert!(replay.book(SYMBOL).is_valid() && replay.batch.is_empty());
    assert!(replay.commands.is_empty());
}
