//! Captures of several files.

use std::fs;

use tickring_capture::{
    CaptureReader, Ending, INDEX_NAME, OnCaptureFull, SegmentFiles, WriterConfig, is_finished,
    segments,
};

use crate::support::{Kept, frames, metadata, read_all, record_with};

fn rolled(path: &std::path::Path, entries: &[Kept]) -> u64 {
    let files = SegmentFiles::create(path, false).unwrap();
    let config = WriterConfig { segment_bytes_max: 4_000, ..WriterConfig::new(metadata()) };
    let (tally, _) = record_with(files, config, OnCaptureFull::Block, |mut tap| {
        entries.iter().for_each(|entry| entry.record(&mut tap));
    });
    assert_eq!((tally.entries, tally.failures), (entries.len() as u64, 0));
    tally.segments
}

#[test]
fn a_roll_loses_no_entry_and_the_files_are_read_as_one() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.mcap", "folder"] {
        let path = folder.path().join(name);
        let entries = frames(2_000, 1_000_000);
        let count = rolled(&path, &entries);
        assert!(count > 3, "{count} segments");
        let files = segments(&path).unwrap();
        assert_eq!(files.len() as u64, count);
        assert!(files.iter().all(|it| is_finished(it).unwrap()));
        let mut reader = CaptureReader::open(&path).unwrap();
        let (read, error) = read_all(&mut reader);
        assert!(error.is_none() && read == entries, "{name}");
        assert_eq!(reader.ending(), Some(Ending::Clean));
    }
    let index = fs::read_to_string(folder.path().join("folder").join(INDEX_NAME)).unwrap();
    let lines: Vec<&str> = index.lines().collect();
    assert_eq!(lines.len(), segments(&folder.path().join("folder")).unwrap().len());
    assert!(lines[1].starts_with(r#"{"file":"0001.mcap","first_ns":17"#), "{}", lines[1]);
}

#[test]
fn only_their_owner_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    rolled(&path, &frames(100, 1_000_000));
    for file in fs::read_dir(&path).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn a_file_is_never_overwritten_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    rolled(&path, &frames(2_000, 1_000_000));
    let error = SegmentFiles::create(&path, false).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    fs::remove_file(&path).unwrap();
    let error = SegmentFiles::create(&path, false).unwrap_err();
    assert!(error.to_string().contains("a.0001.mcap of an earlier session"), "{error}");
    drop(SegmentFiles::create(&path, true).unwrap());
    assert_eq!(segments(&path).unwrap(), [path]);
}

#[test]
fn a_folder_goes_on_after_the_sessions_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (one, two) = (frames(50, 1_000_000), frames(70, 1_000_000));
    rolled(&path, &one);
    let files = SegmentFiles::create(&path, false).unwrap();
    let mut told = metadata();
    told.insert("session".to_owned(), "s2".to_owned());
    record_with(files, WriterConfig::new(told), OnCaptureFull::Block, |mut tap| {
        two.iter().for_each(|entry| entry.record(&mut tap));
    });
    let (read, error) = read_all(&mut CaptureReader::open(&path).unwrap());
    assert!(error.is_none(), "{error:?}");
    let holes = read.iter().filter(|it| matches!(it, Kept::Hole(_))).count();
    assert_eq!((holes, read.len()), (1, 121), "what lies between two sessions is a hole");
    assert_eq!(read[..50], one[..]);
    assert_eq!(read[51..], two[..]);
}

#[test]
fn an_empty_folder_is_no_capture() {
    let folder = tempfile::tempdir().unwrap();
    let error = CaptureReader::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("holds no segment such as 0000.mcap"), "{error}");
}
