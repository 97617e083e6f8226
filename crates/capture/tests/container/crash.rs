//! Crashes, losses of power and flipped bits.

use std::fs;
use std::path::Path;

use tickring_capture::{
    CaptureReader, Condition, Ending, OnDamage, Session, Verdict, repair, verify,
};

use crate::support::{Kept, frames, read_all, read_bytes, record};

/// A file of a chunk for each ten frames, and its frames. They are long, so that a chunk of ten is not
/// written again with the next.
fn small(folder: &Path, chunks: u64) -> (Vec<u8>, Vec<Kept>) {
    let path = folder.join("small.mcap");
    let mut entries = frames(10 * chunks, 10_000_000);
    for entry in &mut entries {
        let Kept::Received(_, _, text) = entry else { unreachable!() };
        text.resize(7_000, b'x');
    }
    let tally = record(&path, &entries);
    assert!((chunks - 1..=chunks + 1).contains(&tally.chunks), "{tally:?}");
    (fs::read(&path).unwrap(), entries)
}

/// Most frames of a chunk of [`small`].
const CHUNK_FRAMES: usize = 11;

fn verdict_of(folder: &Path, bytes: &[u8]) -> Verdict {
    let path = folder.join("hurt.mcap");
    fs::write(&path, bytes).unwrap();
    verify(&path).unwrap()
}

#[test]
fn every_truncation_leaves_an_exact_prefix_and_is_said_to_be_unclean() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, entries) = small(folder.path(), 4);
    let mut most = 0;
    for size in 0..bytes.len() {
        let (read, reader, error) = read_bytes(&bytes[..size], OnDamage::Stop).unwrap();
        assert!(error.is_none(), "{size}: {error:?}");
        assert!(entries.starts_with(&read), "{size}");
        // Every whole chunk is there.
        assert!(read.len() >= most, "{size}: {} after {most}", read.len());
        most = read.len();
        let Some(Ending::Cut { offset, bytes: cut }) = reader.ending() else {
            panic!("{size}: {:?}", reader.ending());
        };
        assert_eq!(offset + cut, size as u64);
        let verdict = verdict_of(folder.path(), &bytes[..size]);
        assert_eq!((verdict.condition, verdict.entries), (Condition::Unclean, read.len() as u64));
        assert_eq!((verdict.offset, verdict.bytes_cut), (Some(offset), cut), "{size}");
    }
    assert_eq!(most, entries.len());
}

#[test]
fn a_tail_of_zeros_is_an_unclean_end_at_the_last_whole_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, entries) = small(folder.path(), 20);
    let mut random = fastrand(7);
    for _ in 0..100 {
        let from = random(bytes.len());
        let mut torn = bytes.clone();
        torn[from..].fill(0);
        // As many more zeros as a file system leaves.
        torn.resize(bytes.len() + random(5_000), 0);
        let (read, reader, error) = read_bytes(&torn, OnDamage::Stop).unwrap();
        assert!(error.is_none(), "{from}: {error:?}");
        assert!(entries.starts_with(&read), "{from}");
        let (whole, _, _) = read_bytes(&bytes[..from], OnDamage::Stop).unwrap();
        // A record may end in zeros by itself.
        assert!(read.len() >= whole.len() && read.len() <= whole.len() + CHUNK_FRAMES, "{from}");
        assert!(matches!(reader.ending(), Some(Ending::Cut { .. })), "{from}");
        let verdict = verdict_of(folder.path(), &torn);
        assert_eq!((verdict.condition, verdict.entries), (Condition::Unclean, read.len() as u64));
    }
}

#[test]
fn a_flipped_bit_never_gives_a_wrong_frame_and_costs_at_most_a_chunk() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, entries) = small(folder.path(), 60);
    let mut random = fastrand(11);
    let mut unseen = Vec::new();
    for turn in 0..1_000 {
        let bit = random(8 * bytes.len());
        let mut hurt = bytes.clone();
        hurt[bit / 8] ^= 1 << (bit % 8);
        if let Ok((read, ..)) = read_bytes(&hurt, OnDamage::Stop) {
            assert!(is_subsequence(&read, &entries), "turn {turn}, bit {bit}");
        }
        let (read, reader, error) = read_bytes(&hurt, OnDamage::Skip).unwrap();
        assert!(error.is_none(), "turn {turn}, bit {bit}: {error:?}");
        let frames: Vec<Kept> =
            read.into_iter().filter(|it| !matches!(it, Kept::Hole(_))).collect();
        assert!(is_subsequence(&frames, &entries), "turn {turn}, bit {bit}");
        assert!(
            frames.len() + CHUNK_FRAMES >= entries.len(),
            "turn {turn}, bit {bit}: {} of {} frames, {:?} of {} bytes",
            frames.len(),
            entries.len(),
            reader.damages(),
            bytes.len()
        );
        if frames.len() < entries.len() {
            assert_eq!(reader.damages().len(), 1, "turn {turn}, bit {bit}");
        }
        let verdict = verdict_of(folder.path(), &hurt);
        if verdict.condition == Condition::Clean {
            unseen.push(bit / 8);
        }
    }
    // The header is before what the checksums cover only by name; nothing of a frame is in there.
    assert_eq!(unseen, Vec::<usize>::new(), "flips that no checksum saw");
}

#[test]
fn a_damaged_place_is_a_hole_with_its_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, entries) = small(folder.path(), 6);
    let mut hurt = bytes;
    let middle = hurt.len() / 2;
    hurt[middle] ^= 0x10;
    let (read, ..) = read_bytes(&hurt, OnDamage::Skip).unwrap();
    let at = read.iter().position(|it| matches!(it, Kept::Hole(_))).unwrap();
    let Kept::Hole(hole) = &read[at] else { unreachable!() };
    let time = |kept: &Kept| if let Kept::Received(_, time_ns, _) = kept { *time_ns } else { 0 };
    assert_eq!(hole.first_ns, time(&read[at - 1]));
    assert_eq!(hole.last_ns, time(&read[at + 1]));
    assert!(hole.bytes > 0 && hole.entries == 0);
    assert_eq!(read.len() + CHUNK_FRAMES, entries.len() + 1 + 1, "one chunk of ten is gone");
}

#[test]
fn a_repaired_file_is_whole_and_holds_all_that_could_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (bytes, entries) = small(folder.path(), 6);
    let (cut, target) = (folder.path().join("cut.mcap"), folder.path().join("whole.mcap"));
    fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let tally = repair(&cut, &target, false).unwrap();
    assert_eq!(verify(&target).unwrap().condition, Condition::Clean);
    let mut reader = CaptureReader::open(&target).unwrap();
    assert_eq!(reader.metadata()["repaired"], "true");
    let (read, _) = read_all(&mut reader);
    assert_eq!(read.len() as u64, tally.entries);
    assert!(entries.starts_with(&read) && read.len() > 10);
    assert_eq!(reader.connections(), 2);
    let error = repair(&cut, &target, false).unwrap_err();
    assert!(error.to_string().contains("whole.mcap cannot be written"), "{error}");
    repair(&cut, &target, true).unwrap();
}

/// Numbers below a bound, the same in every run (xorshift).
fn fastrand(seed: usize) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |bound| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    }
}

/// Whether `part` is `whole` with some entries left out.
fn is_subsequence(part: &[Kept], whole: &[Kept]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|kept| rest.any(|it| it == kept))
}
