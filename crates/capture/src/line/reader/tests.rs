use std::io::{Cursor, Write};

use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::*;
use crate::LineWriter;

fn reader(bytes: impl Into<Vec<u8>>) -> LineReader {
    LineReader::from_reader("session".to_owned(), Box::new(Cursor::new(bytes.into()))).unwrap()
}

/// Every frame up to the end or the first error.
fn read(mut reader: LineReader) -> (Vec<(u64, Vec<u8>)>, Option<CaptureError>) {
    let mut frames = Vec::new();
    loop {
        match reader.next_frame() {
            Ok(Some(frame)) => {
                assert_eq!(frame.line, frames.len() as u64 + 1);
                frames.push((frame.arrival_ns, frame.text.to_vec()));
            }
            Ok(None) => return (frames, None),
            Err(error) => {
                assert!(matches!(reader.next_frame(), Ok(None)), "an error ends the session");
                return (frames, Some(error));
            }
        }
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

#[track_caller]
fn check(bytes: impl Into<Vec<u8>>, expected: &[(u64, &[u8])]) {
    let (frames, error) = read(reader(bytes));
    assert!(error.is_none(), "{error:?}");
    let frames: Vec<(u64, &[u8])> = frames.iter().map(|(ns, text)| (*ns, &**text)).collect();
    assert_eq!(frames, expected);
}

#[track_caller]
fn check_error(bytes: impl Into<Vec<u8>>, good: usize, message: &str) {
    let (frames, error) = read(reader(bytes));
    assert_eq!(frames.len(), good);
    assert_eq!(error.expect("must fail").to_string(), message);
}

#[test]
fn an_empty_session_has_no_frames() {
    check("", &[]);
    check(gzip(b""), &[]);
    check(zstd(b""), &[]);
}

#[test]
fn the_last_line_needs_no_line_feed() {
    check("1 a\n2 b", &[(1, b"a"), (2, b"b")]);
    check("1 ", &[(1, b"")]);
}

#[test]
fn nothing_is_stripped_from_a_message() {
    check(b"1  a \r\n2 \xff\0\n", &[(1, b" a \r"), (2, b"\xff\0")]);
}

#[test]
fn gzip_members_are_read_to_the_last() {
    let mut bytes = gzip(b"1 a\n2 b");
    bytes.extend(gzip(b"b\n3 c\n"));
    check(bytes, &[(1, b"a"), (2, b"bb"), (3, b"c")]);
}

#[test]
fn zstd_frames_are_read_to_the_last() {
    let mut bytes = zstd(b"1 a\n");
    bytes.extend(zstd(b"2 b\n"));
    check(bytes, &[(1, b"a"), (2, b"b")]);
}

#[test]
fn zstd_may_start_with_a_skippable_frame() {
    let mut bytes = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    bytes.extend(zstd(b"1 a\n"));
    check(bytes, &[(1, b"a")]);
}

#[test]
fn a_line_that_is_not_of_the_format_is_named() {
    check_error(
        "1 a\n\n2 b\n",
        1,
        "session: line 2: is empty, expected `<receive time in ns> <message>`",
    );
    check_error("1 a\n2\n", 1, "session: line 2: has no space after the receive time");
    let time = "session: line 1: receive time is not a whole number of ns below 2^64";
    check_error("1.5 a\n", 0, time);
    check_error("18446744073709551616 a\n", 0, time);
}

/// Lines that compress badly, so that a cut falls between them.
fn session(lines: u64) -> Vec<u8> {
    let mut writer = LineWriter::new("memory", Vec::new());
    for line in 1..=lines {
        let noise = line.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        writer.write_frame(line, format!("{noise:x}").as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

#[track_caller]
fn check_cut(compressed: &[u8], lines: u64) {
    let (frames, error) = read(reader(&compressed[..compressed.len() * 3 / 4]));
    let good = frames.len() as u64;
    assert!(good > 0 && good < lines, "{good} lines");
    for (frame, number) in frames.iter().zip(1..) {
        assert_eq!(frame.0, number);
    }
    let error = error.expect("a cut file must not end well");
    assert!(matches!(error, CaptureError::Read { line, .. } if line == good), "{error}");
    assert!(error.to_string().starts_with(&format!("session: cannot be read after line {good}: ")));
}

#[test]
fn a_cut_file_fails_after_its_last_whole_line() {
    let lines = 50_000;
    check_cut(&gzip(&session(lines)), lines);
    check_cut(&zstd(&session(lines)), lines);
}

#[test]
fn a_gzip_file_without_its_trailer_fails() {
    let mut bytes = gzip(b"1 a\n");
    bytes.truncate(bytes.len() - 1);
    let (frames, error) = read(reader(bytes));
    assert!(frames.len() <= 1);
    assert!(matches!(error, Some(CaptureError::Read { .. })), "{error:?}");
}

#[test]
fn bytes_after_a_gzip_file_are_not_ignored() {
    let mut bytes = gzip(b"1 a\n");
    bytes.extend(b"2 b\n");
    let (_, error) = read(reader(bytes));
    assert!(matches!(error, Some(CaptureError::Read { .. })), "{error:?}");
}

fn long_line(time: &str, text_size: usize) -> LineReader {
    let text = std::io::repeat(b'x').take(text_size as u64);
    let bytes = Cursor::new(format!("{time} ")).chain(text).chain(Cursor::new("\n2 b\n"));
    LineReader::from_reader("session".to_owned(), Box::new(bytes)).unwrap()
}

#[test]
fn a_message_may_be_as_long_as_the_limit() {
    let mut reader = long_line("18446744073709551615", FRAME_BYTES_MAX);
    assert_eq!(reader.next_frame().unwrap().unwrap().text.len(), FRAME_BYTES_MAX);
    assert_eq!(reader.next_frame().unwrap().unwrap().text, b"b");
}

#[track_caller]
fn check_too_long(time: &str, text_size: usize) {
    let mut reader = long_line(time, text_size);
    let error = reader.next_frame().unwrap_err();
    assert_eq!(error.to_string(), "session: line 1: message is longer than 67108864 bytes");
    assert!(reader.next_frame().unwrap().is_none());
}

#[test]
fn a_message_past_the_limit_is_an_error() {
    check_too_long("1", FRAME_BYTES_MAX + 1);
    check_too_long("18446744073709551615", FRAME_BYTES_MAX + 1);
    check_too_long("1", 3 * FRAME_BYTES_MAX);
}

#[test]
fn the_compression_is_told_by_content_and_not_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.gz");
    for bytes in [b"1 a\n".to_vec(), gzip(b"1 a\n"), zstd(b"1 a\n")] {
        std::fs::write(&path, bytes).unwrap();
        let mut reader = LineReader::open(&path).unwrap();
        assert_eq!(reader.name(), path.to_str().unwrap());
        let frame = RecordedFrame { arrival_ns: 1, line: 1, text: b"a" };
        assert_eq!(reader.next_frame().unwrap(), Some(frame));
        assert_eq!(reader.next_frame().unwrap(), None);
    }
}

#[test]
fn a_file_that_cannot_be_opened_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for path in [folder.path().join("absent"), folder.path().to_owned()] {
        let error = LineReader::open(&path).unwrap_err();
        assert!(matches!(error, CaptureError::Open { .. }), "{error}");
        let start = format!("{}: cannot be opened: ", path.display());
        assert!(error.to_string().starts_with(&start), "{error}");
    }
}

#[test]
fn steps_back_are_counted() {
    let mut reader = reader("5 a\n4 b\n4 c\n9 d\n0 e\n");
    while reader.next_frame().unwrap().is_some() {}
    assert_eq!((reader.frames_read(), reader.steps_back()), (5, 2));
}

#[test]
fn lines_are_lent_from_one_buffer_however_long_the_session_is() {
    let bytes = session(200_000);
    assert!(bytes.len() > 4_000_000);
    let mut reader = reader(bytes);
    let (mut lowest, mut highest) = (usize::MAX, 0);
    while let Some(frame) = reader.next_frame().unwrap() {
        let at = frame.text.as_ptr().addr();
        (lowest, highest) = (lowest.min(at), highest.max(at));
    }
    assert_eq!(reader.frames_read(), 200_000);
    assert!(highest - lowest < 400_000, "{} bytes", highest - lowest);
}

/// Gives at most so many bytes at once, in turn, and is interrupted before every read.
struct Pieces {
    bytes: Cursor<Vec<u8>>,
    sizes: std::iter::Cycle<std::vec::IntoIter<usize>>,
    is_interrupted: bool,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let size = self.sizes.next().unwrap().min(buffer.len());
        self.bytes.read(&mut buffer[..size])
    }
}

fn in_pieces(bytes: Vec<u8>, sizes: Vec<usize>) -> LineReader {
    let sizes = sizes.into_iter().cycle();
    let pieces = Pieces { bytes: Cursor::new(bytes), sizes, is_interrupted: false };
    LineReader::from_reader("session".to_owned(), Box::new(pieces)).unwrap()
}

fn frames() -> impl Strategy<Value = Vec<(u64, Vec<u8>)>> {
    let byte = any::<u8>().prop_map(|byte| if byte == b'\n' { b'\r' } else { byte });
    prop::collection::vec((any::<u64>(), prop::collection::vec(byte, 0..200)), 0..20)
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(frames in frames()) {
        let mut writer = LineWriter::new("memory", Vec::new());
        for (arrival_ns, text) in &frames {
            writer.write_frame(*arrival_ns, text).unwrap();
        }
        let bytes = writer.finish().unwrap();
        for bytes in [gzip(&bytes), zstd(&bytes), bytes] {
            let (read, error) = read(reader(bytes));
            prop_assert!(error.is_none());
            prop_assert_eq!(&read, &frames);
        }
    }

    #[test]
    fn lines_are_the_same_in_pieces_of_any_size(
        sizes in prop::collection::vec(0..700_000_usize, 1..12),
        pieces in prop::collection::vec(prop_oneof![1..9_usize, 60_000..300_000_usize], 1..6),
    ) {
        // A small piece at a time takes long only for long lines.
        let most = pieces.iter().max().map_or(0, |it| it * 400);
        let frames: Vec<(u64, Vec<u8>)> = sizes
            .iter()
            .zip(1_u64..)
            .map(|(size, number)| (number, vec![b'a' + (number % 26) as u8; *size % most]))
            .collect();
        let mut writer = LineWriter::new("memory", Vec::new());
        for (arrival_ns, text) in &frames {
            writer.write_frame(*arrival_ns, text).unwrap();
        }
        let mut bytes = writer.finish().unwrap();
        bytes.pop();
        let (read, error) = read(in_pieces(bytes, pieces));
        prop_assert!(error.is_none());
        prop_assert!(read == frames);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let (_, _) = read(reader(bytes.clone()));
        for magic in [&b"\x1f\x8b\x08\0"[..], b"\x28\xb5\x2f\xfd", b"1 "] {
            let (_, _) = read(reader([magic, &bytes].concat()));
        }
    }
}
