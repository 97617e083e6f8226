//! Sessions recorded from live venues, as other people's tools wrote them.

use std::path::{Path, PathBuf};

use tickring_capture::{Entry, LineReader, Merged, Session};

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

const SESSIONS: [(&str, u64); 3] = [
    ("binance-spot/btcusdt_20240808.gz", 41_249),
    ("binance-spot/ethusdt_20240808.gz", 33_618),
    ("binance-usdm/btcusdt_20240808.gz", 93_954),
];

#[test]
fn every_line_of_a_recorded_session_is_a_frame() {
    let Some(folder) = recorded_data() else { return };
    for (session, lines) in SESSIONS {
        let mut reader = LineReader::open(&folder.join(session)).unwrap();
        while let Some(frame) = reader.next_frame().unwrap() {
            assert!(frame.text.starts_with(b"{") && frame.text.ends_with(b"}"), "{frame:?}");
        }
        assert_eq!((reader.frames_read(), reader.steps_back()), (lines, 0), "{session}");
    }
}

#[test]
fn recorded_sessions_merge_in_order_of_arrival() {
    let Some(folder) = recorded_data() else { return };
    let open = |(session, _)| -> Box<dyn Session> {
        Box::new(LineReader::open(&folder.join(session)).unwrap())
    };
    let mut merged = Merged::new(SESSIONS.into_iter().map(open).collect()).unwrap();
    let mut latest = (0, 0);
    let mut frames = 0;
    while let Some(Entry::Received { connection, arrival_ns, .. }) = merged.next().unwrap() {
        assert!((arrival_ns, connection) >= latest, "frame {frames}");
        latest = (arrival_ns, connection);
        frames += 1;
    }
    assert_eq!((frames, merged.steps_back()), (168_821, 0));
}
