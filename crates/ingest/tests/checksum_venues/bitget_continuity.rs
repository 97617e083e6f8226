//! What becomes of a Bitget book whose messages are lost, out of order, wrong or unreadable.

use tickring_event::{Flags, Gap, GapReason, InstrumentId, MarketEvent, Payload};
use tickring_ingest::{Action, Channel, Command, Inbound};

use crate::oracle::crc32;
use crate::support::Replay;

const SYMBOL: &str = "BTCUSDT";

/// A message of `books`; `more` are members such as `,"seq":5`.
fn message(action: &str, bids: &str, more: &str) -> String {
    format!(
        r#"{{"action":"{action}","arg":{{"instType":"SPOT","channel":"books","instId":"{SYMBOL}"}},"data":[{{"asks":[],"bids":{bids}{more},"ts":"1695716059516"}}],"ts":1695716059516}}"#
    )
}

/// A message whose checksum is of `text`.
fn summed(action: &str, bids: &str, text: &str, number: u64) -> String {
    let checksum = crc32(text.as_bytes()).cast_signed();
    message(action, bids, &format!(r#","checksum":{checksum},"seq":{number}"#))
}

fn answer(event: &str) -> String {
    format!(
        r#"{{"event":"{event}","arg":{{"instType":"SPOT","channel":"books","instId":"{SYMBOL}"}}}}"#
    )
}

/// A step in words: `snapshot SEQ`, `update SEQ`, `empty SEQ`, `picture SEQ`, `bad SEQ`, `no-data`,
/// `disconnect`.
fn step(replay: &mut Replay, step: &str) {
    let (word, number) = step.split_once(' ').unwrap_or((step, "0"));
    let more = format!(r#","checksum":0,"seq":{number}"#);
    let text = match word {
        "snapshot" => message("snapshot", r#"[["9.5","1"]]"#, &more),
        "update" => message("update", r#"[["9.5","1"]]"#, &more),
        "empty" => message("update", "[]", &more),
        "bad" => message("update", r#"[["9.5","x"]]"#, &more),
        "picture" => {
            message("snapshot", r#"[["9.5","1"]]"#, &more).replace("\"books\"", "\"books5\"")
        }
        "no-data" => message("update", "[]", "").replace("\"data\"", "\"date\""),
        "disconnect" => return replay.disconnect(),
        other => panic!("{other}"),
    };
    let inbound = replay.frame(&text);
    assert_eq!(inbound.is_err(), ["bad", "no-data"].contains(&word), "{step}: {inbound:?}");
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

fn live() -> Replay {
    let mut replay = Replay::bitget(&[SYMBOL], &[Channel::Depth], None);
    replay.open();
    replay.commands.clear();
    replay
}

/// `steps` and `events` are separated by commas.
#[track_caller]
fn check(steps: &str, events: &str, resyncs: usize) -> Replay {
    let mut replay = live();
    let mut found = Vec::new();
    for it in steps.split(", ") {
        step(&mut replay, it);
        found.extend(replay.batch.events().iter().map(words));
    }
    assert_eq!(found.join(", "), events, "{steps}");
    assert_eq!(replay.commands.len(), resyncs, "{steps}: {:?}", replay.commands);
    replay
}

#[test]
fn a_number_that_grows_continues_the_book_however_far_it_jumps() {
    check("snapshot 5, update 6, update 100", "snapshot 5, update 6, update 100", 0);
}

#[test]
fn an_update_that_changes_nothing_may_repeat_the_number() {
    check("snapshot 5, empty 5, update 6, empty 6", "snapshot 5, update 5, update 6, update 6", 0);
}

#[test]
fn a_number_that_does_not_grow_is_a_gap_before_its_stale_message_and_one_resync() {
    let replay = check(
        "snapshot 5, update 9, update 9, update 10, update 4, snapshot 7, update 8, empty 6",
        "snapshot 5, update 9, gap sequence 10 9, stale 9, stale 10, stale 4, snapshot 7, update 8, \
         gap sequence 9 6, stale 6",
        2,
    );
    let argument = r#"[{"instType":"SPOT","channel":"books","instId":"BTCUSDT"}]"#;
    let texts =
        ["unsubscribe", "subscribe"].map(|op| format!(r#"{{"op":"{op}","args":{argument}}}"#));
    assert_eq!(
        replay.commands[0],
        Command::Resync { instrument: InstrumentId::new(0), texts: texts.to_vec() }
    );
    let reason = GapReason::Sequence;
    let gap = Gap { reason, expected: 10, received: 9, missing: 0, breaks_book: true };
    assert_eq!(replay.gaps[0], gap);
}

#[test]
fn a_snapshot_is_the_book_whatever_its_number() {
    check(
        "snapshot 5, update 6, snapshot 2, update 3",
        "snapshot 5, update 6, snapshot 2, update 3",
        0,
    );
}

#[test]
fn an_update_without_a_snapshot_is_stale_and_asks_for_one_once() {
    check("update 5, update 6, snapshot 7, update 8", "stale 5, stale 6, snapshot 7, update 8", 1);
}

#[test]
fn the_best_levels_stand_while_updates_of_the_whole_book_wait_for_its_snapshot() {
    let replay = check(
        "picture 5, update 6, picture 7, update 8, bad 9, picture 10, snapshot 11, update 12",
        "snapshot 5, stale 6, snapshot 7, stale 8, snapshot 10, snapshot 11, update 12",
        1,
    );
    assert!(replay.book(SYMBOL).is_valid());
}

#[test]
fn depth_that_cannot_be_read_breaks_its_book_once() {
    check(
        "snapshot 5, bad 6, bad 7, update 8, snapshot 9, update 10",
        "snapshot 5, gap undecoded 0 0, stale 8, snapshot 9, update 10",
        1,
    );
    check("snapshot 5, no-data, update 8", "snapshot 5, gap undecoded 0 0, stale 8", 1);
    check("bad 5, update 6", "stale 6", 1);
}

#[test]
fn a_frame_of_which_one_part_cannot_be_read_breaks_its_book_as_a_whole() {
    let mut replay = live();
    step(&mut replay, "snapshot 5");
    // The first part breaks the book by its number, the second cannot be read.
    let part = |number: u64, size: &str| {
        format!(r#"{{"asks":[],"bids":[["9.5","{size}"]],"seq":{number},"ts":"1"}}"#)
    };
    let two = message("update", "[]", "");
    let (head, _) = two.split_once("\"data\"").unwrap();
    replay.frame(&format!(r#"{head}"data":[{},{}]}}"#, part(4, "1"), part(6, "x"))).unwrap_err();
    assert_eq!(words(&replay.only_event()), "gap undecoded 0 0");
    assert!(!replay.book(SYMBOL).is_valid());
    assert_eq!(replay.commands.len(), 1);
}

#[test]
fn a_lost_connection_breaks_the_book_and_the_next_one_starts_over() {
    check(
        "disconnect, snapshot 5, disconnect, snapshot 3, update 4",
        "snapshot 5, gap disconnected 0 0, snapshot 3, update 4",
        0,
    );
    check(
        "snapshot 5, update 4, disconnect, update 6",
        "snapshot 5, gap sequence 6 4, stale 4, stale 6",
        2,
    );
}

#[test]
fn the_checksum_shows_what_is_missing() {
    let mut replay = live();
    replay.frame(&summed("snapshot", r#"[["9.50","1"]]"#, "9.50:1", 5)).unwrap();
    replay.frame(&summed("update", r#"[["9.4","2.0"]]"#, "9.50:1:9.4:2.0", 6)).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    replay.frame(&summed("update", r#"[["9.50","0"]]"#, "9.40:2.0", 8)).unwrap();
    let (expected, received) = (u64::from(crc32(b"9.40:2.0")), u64::from(crc32(b"9.4:2.0")));
    let reason = GapReason::Checksum;
    assert_eq!(replay.gaps, [Gap { reason, expected, received, missing: 0, breaks_book: true }]);
    let found: Vec<_> = replay.batch.events().iter().map(words).collect();
    assert_eq!(found, [format!("gap checksum {expected} {received}"), "stale 8".to_owned()]);
    assert!(!replay.book(SYMBOL).is_valid());
    replay.frame(&summed("update", r#"[["9.50","0"]]"#, "9.4:2.0", 9)).unwrap();
    assert_eq!(words(&replay.only_event()), "stale 9");
    assert_eq!(replay.commands.len(), 1, "asked for once");
    let checks = replay.venue.checks();
    assert_eq!((checks[0].1.checked, checks[0].1.failed), (3, 1));
    // The snapshot that was asked for may be wrong itself.
    replay.frame(&summed("snapshot", r#"[["9.50","1"]]"#, "9.5:1", 10)).unwrap();
    assert_eq!((replay.gaps.len(), replay.commands.len()), (2, 2));
}

#[test]
fn levels_beyond_the_25th_are_not_in_the_checksum() {
    let mut replay = live();
    let all: Vec<_> = (0..30).map(|at| (format!("{}.5", 99 - at), format!("{at}.10"))).collect();
    let levels = all.iter().map(|(price, size)| format!(r#"["{price}","{size}"]"#));
    let levels = levels.skip(1).collect::<Vec<_>>().join(",");
    let best: Vec<_> = all[1..26].iter().map(|(price, size)| format!("{price}:{size}")).collect();
    let best = best.join(":");
    replay.frame(&summed("snapshot", &format!("[{levels}]"), &best, 1)).unwrap();
    replay.frame(&summed("update", r#"[["70.5","0"]]"#, &best, 2)).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    assert_eq!(replay.book(SYMBOL).levels(), (28, 0));
}

#[test]
fn a_number_in_another_writing_makes_a_checked_book_unreadable_and_no_other() {
    let mut replay = live();
    replay.frame(&summed("snapshot", r#"[["9.5","1"]]"#, "9.5:1", 1)).unwrap();
    replay.frame(&summed("update", r#"[["9.4","1e1"]]"#, "9.5:1:9.4:10", 2)).unwrap_err();
    assert_eq!(words(&replay.only_event()), "gap undecoded 0 0");
    let mut replay = live();
    replay.frame(&message("snapshot", r#"[["9.5","1e1"]]"#, r#","checksum":0"#)).unwrap();
    replay.frame(&message("update", r#"[["9.4","1e1"]]"#, "")).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    assert_eq!(replay.remarks, ["no_sequence"], "there is nothing to know it by");
    replay.frame(&summed("update", r#"[["9.4","2"]]"#, "nonsense", 7)).unwrap();
    assert!(replay.book(SYMBOL).is_valid());
    assert_eq!(replay.remarks, ["no_sequence", "unchecked"]);
    assert_eq!(replay.venue.checks(), []);
}

#[test]
fn the_answers_to_a_resync_complete_nothing() {
    let ack = |complete| Ok(Inbound::Ack { complete });
    let mut replay = live();
    step(&mut replay, "update 5");
    assert_eq!(replay.commands.len(), 1);
    assert_eq!(replay.frame(&answer("subscribe")), ack(true), "the first subscription's");
    assert_eq!(replay.frame(&answer("unsubscribe")), ack(false));
    assert_eq!(replay.frame(&answer("subscribe")), ack(false));
    assert_eq!(replay.frame(&answer("unsubscribe")), ack(true), "nothing starts over any more");
    assert_eq!(replay.frame(&answer("subscribe")), ack(true));
}

#[test]
fn a_book_that_cannot_be_subscribed_to_anew_ends_the_connection() {
    let named = answer("error").replace("\"arg\"", r#""code":"30001","msg":"no","arg""#);
    let said =
        r#"{"event":"error","code":30001,"msg":"channel:books,instId:BTCUSDT doesn't exist"}"#;
    for (text, words) in
        [(named.as_str(), "no"), (said, "channel:books,instId:BTCUSDT doesn't exist")]
    {
        let mut replay = live();
        replay.frame(&answer("subscribe")).unwrap();
        step(&mut replay, "update 5");
        let Ok(Inbound::Refused(refusal)) = replay.frame(text) else { panic!("a refusal") };
        assert_eq!(refusal.message, format!("{words}; a book that was to start over: BTCUSDT"));
        assert_eq!(refusal.action, Action::Reconnect { delay_ms_min: 1_000 });
        assert!(!refusal.complete);
    }
}

#[test]
fn a_frame_that_is_no_json_breaks_no_book() {
    let mut replay = live();
    step(&mut replay, "snapshot 5");
    replay.frame("{").unwrap_err();
    assert!(replay.book(SYMBOL).is_valid() && replay.batch.is_empty());
    assert!(replay.commands.is_empty());
}
