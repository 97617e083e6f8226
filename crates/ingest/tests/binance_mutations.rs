//! Recorded Binance sessions with a diff left out or two in the wrong order: the decoder says so at the
//! first message at which the numbers show it, as an oracle finds it that knows only the venue's rule.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tickring_capture::LineReader;
use tickring_event::{Instruments, Payload};
use tickring_ingest::{Binance, EventBatch, Frame, Market, Stamp, Venue};

/// Diffs that are left out, and as many that are swapped, of each session.
const MUTATIONS: usize = 200;

/// Messages before a mutated one that are decoded as well.
const LEAD: usize = 3;

/// Messages after a mutated one that are looked at first.
const SOON: usize = 50;

/// Folder of the recorded sessions, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the folder is missing and `CI` is `true`: there it must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn recorded_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

/// One book message.
#[derive(Clone, Debug)]
struct Line {
    text: Vec<u8>,
    ids: Ids,
}

#[derive(Clone, Copy, Debug)]
enum Ids {
    Snapshot { last: u64 },
    Diff { first: u64, last: u64, previous: u64 },
}

fn book_lines(path: &Path) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut reader = LineReader::open(path).unwrap();
    while let Some(frame) = reader.next_frame().unwrap() {
        let text = frame.text.to_vec();
        let begins = |word: &[u8]| text.windows(word.len()).take(90).any(|it| it == word);
        if !begins(b"depthUpdate") && !begins(b"lastUpdateId") {
            continue;
        }
        let message: Value = serde_json::from_slice(&text).unwrap();
        let number = |value: &Value| value.as_u64().unwrap_or(0);
        let data = &message["data"];
        let ids = match message.get("lastUpdateId") {
            Some(last) => Ids::Snapshot { last: number(last) },
            None => {
                let (first, last) = (number(&data["U"]), number(&data["u"]));
                Ids::Diff { first, last, previous: number(&data["pu"]) }
            }
        };
        lines.push(Line { text, ids });
    }
    lines
}

/// A snapshot without levels, which stands for all that came before.
fn seed(last: u64) -> Line {
    let text = format!(r#"{{"lastUpdateId":{last},"bids":[],"asks":[]}}"#).into_bytes();
    Line { text, ids: Ids::Snapshot { last } }
}

/// The first message at which the venue's rule shows that something is wrong: until the snapshot diffs
/// are kept; from then on each one is old, or continues the one before, or something is missing.
fn rule(market: Market, lines: &[Line]) -> Option<usize> {
    let mut kept = Vec::new();
    let mut own: Option<(u64, bool)> = None;
    let is_missing = |(own, is_first): (u64, bool), (first, last, previous): (u64, u64, u64)| {
        let is_old = if is_first && market == Market::UsdM { last < own } else { last <= own };
        let continues = match (market, is_first) {
            (Market::Spot, true) => first <= own + 1,
            (Market::Spot, false) => first == own + 1,
            // Ids between two diffs belong to no diff of the stream.
            (Market::UsdM, true) => first <= own || previous <= own,
            (Market::UsdM, false) => previous == own,
        };
        if is_old { None } else { Some(!continues) }
    };
    for (index, line) in lines.iter().enumerate() {
        match line.ids {
            Ids::Snapshot { last } => {
                let mut state = (last, true);
                for &diff in &kept {
                    match is_missing(state, diff) {
                        None => {}
                        Some(false) => state = (diff.1, false),
                        Some(true) => return Some(index),
                    }
                }
                own = Some(state);
            }
            Ids::Diff { first, last, previous } => match own {
                None => kept.push((first, last, previous)),
                Some(state) => match is_missing(state, (first, last, previous)) {
                    None => {}
                    Some(false) => own = Some((last, false)),
                    Some(true) => return Some(index),
                },
            },
        }
    }
    None
}

/// The first message at which the decoder says that a book is broken.
fn decoded((market, symbol): (Market, &str), lines: &[Line]) -> Option<usize> {
    // A snapshot may come first, so that only the configuration names its symbol.
    let mut venue = Binance::new(market, &[symbol.to_owned()], Arc::new(Instruments::new()));
    let mut batch = EventBatch::new();
    lines.iter().position(|line| {
        batch.clear();
        let frame = Frame { stamp: Stamp::default(), text: &line.text };
        venue.decode(&frame, &mut batch).unwrap();
        let breaks = |payload| matches!(payload, Payload::Gap(gap) if gap.breaks_book);
        batch.events().iter().any(|event| breaks(event.payload()))
    })
}

#[derive(Clone, Copy, Debug)]
enum Mutation {
    LeftOut,
    Swapped,
}

/// The session from shortly before the message at `at` on, changed there: what was before stands in a
/// snapshot, unless the session's own is still to come or has just come.
fn mutated(lines: &[Line], at: usize, mutation: Mutation) -> Vec<Line> {
    let snapshot_at = lines.iter().position(|it| matches!(it.ids, Ids::Snapshot { .. })).unwrap();
    let from = at.saturating_sub(LEAD);
    let (mut changed, at) = match lines[from].ids {
        Ids::Diff { last, .. } if from > snapshot_at + LEAD => {
            let mut changed = vec![seed(last)];
            changed.extend_from_slice(&lines[from + 1..]);
            (changed, at - from)
        }
        _ => (lines.to_vec(), at),
    };
    match mutation {
        Mutation::LeftOut => drop(changed.remove(at)),
        Mutation::Swapped if at + 1 < changed.len() => changed.swap(at, at + 1),
        Mutation::Swapped => {}
    }
    changed
}

#[track_caller]
fn check(market: Market, symbol: &str, session: &str) {
    let Some(folder) = recorded_data() else { return };
    let lines = book_lines(&folder.join(session));
    assert_eq!(rule(market, &lines), None);
    assert_eq!(decoded((market, symbol), &lines), None);
    let seed = 20_240_808;
    let mut random = fastrand::Rng::with_seed(seed);
    let diffs: Vec<_> =
        (0..lines.len()).filter(|&it| matches!(lines[it].ids, Ids::Diff { .. })).collect();
    let mut positions: Vec<_> =
        (0..MUTATIONS).map(|_| diffs[random.usize(..diffs.len())]).collect();
    // The first ones, the last one, and those around the snapshot are cases of their own.
    positions.extend((0..12).map(|it| diffs[it]));
    positions.extend([diffs[diffs.len() - 2], diffs[diffs.len() - 1]]);
    let mut shown = 0;
    for at in positions {
        for mutation in [Mutation::LeftOut, Mutation::Swapped] {
            // Most show soon; the others are read to the end.
            let soon = lines.len().min(at + SOON);
            let mut changed = mutated(&lines[..soon], at, mutation);
            let mut expected = rule(market, &changed);
            if expected.is_none() {
                changed = mutated(&lines, at, mutation);
                expected = rule(market, &changed);
            }
            // Nothing after the first word of it matters here.
            let read = expected.map_or(changed.len(), |it| it + 1);
            let context = format!("seed {seed}, {session}, {mutation:?} {at}");
            assert_eq!(decoded((market, symbol), &changed[..read]), expected, "{context}");
            shown += usize::from(expected.is_some());
        }
    }
    assert!(shown >= 2 * MUTATIONS - 4, "{shown} were shown by the numbers");
}

#[test]
fn what_is_missing_or_misplaced_on_spot_is_found_at_the_first_message_that_shows_it() {
    check(Market::Spot, "BTCUSDT", "binance-spot/btcusdt_20240808.gz");
    check(Market::Spot, "ETHUSDT", "binance-spot/ethusdt_20240808.gz");
}

#[test]
fn what_is_missing_or_misplaced_on_usdm_is_found_at_the_first_message_that_shows_it() {
    check(Market::UsdM, "BTCUSDT", "binance-usdm/btcusdt_20240808.gz");
}
