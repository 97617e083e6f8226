use std::path::Path;

use tickring_capture::LineReader;

use super::*;

#[test]
fn a_protocol_is_found_by_its_name() {
    for name in Protocol::names() {
        let protocol: Protocol = name.parse().unwrap();
        assert_eq!(protocol.to_string(), name);
    }
    let error = "nowhere".parse::<Protocol>().unwrap_err().to_string();
    assert!(error.starts_with("`nowhere` is no venue that can be played: "), "{error}");
    assert!(error.contains("binance-spot, binance-usdm"), "{error}");
}

/// The messages of a recorded session, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the recorded sessions are missing and `CI` is `true`: there they must be checked.
pub(crate) fn recorded(session: &str) -> Option<Vec<Vec<u8>>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(session);
    if !path.is_file() {
        let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
        assert!(!ci, "a recorded session is missing: {}", path.display());
        eprintln!("SKIPPED: a recorded session is missing: {}", path.display());
        return None;
    }
    let mut reader = LineReader::open(&path).unwrap();
    let mut messages = Vec::new();
    while let Some(frame) = reader.next_frame().unwrap() {
        messages.push(frame.text.to_vec());
    }
    Some(messages)
}
