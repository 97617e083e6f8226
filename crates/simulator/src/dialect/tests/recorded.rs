//! Recorded sessions, for the tests of dialects.

use std::path::Path;

use tickring_capture::LineReader;

/// The frames of a session; none, with a word on why, where the recordings are missing.
///
/// # Panics
/// When they are missing and `CI` is `true`: there they must be checked.
pub(super) fn frames(session: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "recorded sessions are missing: {}", folder.display());
        eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
        return Vec::new();
    }
    let mut reader = LineReader::open(&folder.join(session)).expect("a session of lines");
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().expect("a whole session") {
        frames.push(String::from_utf8(frame.text.to_vec()).expect("text"));
    }
    frames
}
