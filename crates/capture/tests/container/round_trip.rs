use proptest::prelude::*;
use tickring_capture::{
    CaptureOptions, CaptureReader, Condition, ConnectionChange, Ending, OnDamage, verify,
};

use crate::support::{Kept, frames, instruments, read_all, record};

fn kept() -> impl Strategy<Value = Kept> {
    let bytes = prop::collection::vec(any::<u8>(), 0..400);
    prop_oneof![
        6 => (0_u8..2, any::<u64>(), bytes.clone()).prop_map(|(c, t, b)| Kept::Received(c, t, b)),
        1 => (0_u8..2, any::<u64>(), bytes).prop_map(|(c, t, b)| Kept::Sent(c, t, b)),
        1 => (0_u8..2, any::<u64>(), 0_u8..5, any::<u32>(), any::<i32>()).prop_map(
            |(c, t, state, attempt, code)| {
                Kept::Changed(c, t, ConnectionChange { state, attempt, code })
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_recorded_is_what_is_read(entries in prop::collection::vec(kept(), 0..200)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.mcap");
        let tally = record(&path, &entries);
        prop_assert_eq!(tally.entries, entries.len() as u64);
        let mut reader = CaptureReader::open(&path).unwrap();
        let (read, error) = read_all(&mut reader);
        prop_assert!(error.is_none());
        prop_assert_eq!(read, entries);
        prop_assert_eq!(reader.ending(), Some(Ending::Clean));
        prop_assert_eq!(verify(&path).unwrap().condition, Condition::Clean);
    }
}

#[test]
fn threads_that_read_ahead_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let entries = frames(40_000, 1_000);
    let tally = record(&path, &entries);
    assert!(tally.chunks > 10, "{tally:?}");
    for threads in [0, 1, 2, 3] {
        let options = CaptureOptions { threads, ..CaptureOptions::default() };
        let (mut reader, ahead) = CaptureReader::open_with(&path, options).unwrap();
        assert_eq!(ahead.len(), threads);
        std::thread::scope(|scope| {
            for work in ahead {
                scope.spawn(|| work.run());
            }
            let (read, error) = read_all(&mut reader);
            assert!(error.is_none(), "{error:?}");
            assert!(read == entries, "{threads} threads: {} entries", read.len());
            assert_eq!(reader.ending(), Some(Ending::Clean));
            // The threads end with their reader.
            drop(reader);
        });
    }
}

#[test]
fn a_reader_that_is_given_up_ends_its_threads() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    record(&path, &frames(60_000, 1_000));
    let options = CaptureOptions { threads: 2, ..CaptureOptions::default() };
    let (mut reader, ahead) = CaptureReader::open_with(&path, options).unwrap();
    std::thread::scope(|scope| {
        for work in ahead {
            scope.spawn(|| work.run());
        }
        assert!(reader.next().unwrap().is_some());
        drop(reader);
    });
}

#[test]
fn a_start_time_is_found_by_the_index() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let entries = frames(40_000, 1_000);
    record(&path, &entries);
    let from_ns = 1_700_000_000_000_000_000 + 30_000_500;
    let options = CaptureOptions { from_ns, ..CaptureOptions::default() };
    let (mut reader, _) = CaptureReader::open_with(&path, options).unwrap();
    let (read, _) = read_all(&mut reader);
    assert!(read.len() < 13_000, "{} entries: at most a chunk too many", read.len());
    assert!(read.len() >= 9_999, "{} entries: nothing too few", read.len());
    assert_eq!(read.last(), entries.last());
}

#[test]
fn a_frame_larger_than_any_chunk_is_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let huge: Vec<u8> = (0..6_000_000_u32).map(|it| (it * 7 % 251) as u8).collect();
    let mut entries = frames(10, 1_000);
    entries.insert(5, Kept::Received(1, 7, huge));
    record(&path, &entries);
    let (read, error) = read_all(&mut CaptureReader::open(&path).unwrap());
    assert!(error.is_none() && read == entries);
}

#[test]
fn it_says_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    record(&path, &frames(3, 1));
    let mut reader = CaptureReader::open(&path).unwrap();
    assert_eq!(reader.metadata()["venue"], "binance-usdm");
    assert_eq!(reader.metadata()["connections"], "2");
    assert_eq!(reader.metadata()["segment"], "0");
    read_all(&mut reader);
    assert_eq!(reader.instruments(), &instruments());
}

#[test]
fn a_stream_that_cannot_be_sought_is_read_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let entries = frames(5_000, 1_000);
    record(&path, &entries);
    let file = Box::new(std::fs::File::open(&path).unwrap());
    let mut reader = CaptureReader::from_stream("pipe".to_owned(), file).unwrap();
    let (read, error) = read_all(&mut reader);
    assert!(error.is_none() && read == entries);
    assert_eq!(reader.ending(), Some(Ending::Clean));
}

#[test]
fn what_is_no_capture_is_refused_by_name() {
    for bytes in [&b"1 {}\n"[..], b"\x89MCAP0\r\n\x05\x01\0\0\0\0\0\0\0\x07", &[0xff; 64]] {
        let error = crate::support::read_bytes(bytes, OnDamage::Stop).unwrap_err();
        assert!(error.to_string().starts_with("capture: damaged at byte"), "{error}");
    }
}
