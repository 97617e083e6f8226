//! The reader's share, beside a walk over the same frames in memory and beside zstd alone.

use std::path::Path;

use tickring_capture::{CaptureOptions, CaptureReader, Entry, Session};
use tickring_metrics::{Clock, LatencyRecorder};

use super::files::write;
use super::frames::Frames;
use crate::{ROUNDS, print_ratio, say, timed};

/// Times the frames are recorded, so that threads have time to start.
const REPEATS: u64 = 6;

/// Times that are sought.
const SEEKS: u64 = 300;

pub(crate) fn compare(frames: &Frames, clock: &Clock) {
    let frames = &frames.repeated(REPEATS);
    let folder = tempfile::tempdir().unwrap();
    let [plain, packed] = ["plain.mcap", "packed.mcap"].map(|name| folder.path().join(name));
    write(&plain, frames, false);
    write(&packed, frames, true);
    let packed_chunks = chunks(&packed);
    let names = [
        "uncompressed with CRC, read in place, beside a walk in memory",
        "uncompressed with CRC, one thread ahead as in a replay, beside a walk in memory",
        "zstd 1 beside decompression alone",
        "zstd 1, one thread ahead, beside reading in place",
        "zstd 1, two threads ahead beside one",
    ];
    let mut ratios = names.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        let (walk, sum) = timed(clock, || walk(frames));
        let (uncompressed, read) = timed(clock, || read(&plain, 0));
        assert_eq!(sum, read, "the same frames");
        let (uncompressed_ahead, read) = timed(clock, || self::read(&plain, 1));
        assert_eq!(sum, read, "the same frames");
        let (bare, ()) = timed(clock, || decompress(&packed_chunks));
        let [zstd, one, two] = [0, 1, 2].map(|threads| {
            let (time, read) = timed(clock, || self::read(&packed, threads));
            assert_eq!(sum, read, "the same frames");
            time
        });
        let round =
            [walk / uncompressed, walk / uncompressed_ahead, bare / zstd, zstd / one, one / two];
        ratios.iter_mut().zip(round).for_each(|(all, ratio)| all.push(ratio));
    }
    say(&format!("reader, {} frames:", frames.len()));
    for (name, ratios) in names.iter().zip(&ratios) {
        print_ratio(name, ratios);
    }
    seek(&packed, frames, clock);
}

/// What is done with each frame: every byte is touched, as a decoder would.
fn touch(sum: u64, text: &[u8]) -> u64 {
    let words = text.chunks_exact(8);
    let rest = words.remainder().iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    words.map(word).fold(sum.wrapping_add(rest), u64::wrapping_add)
}

fn walk(frames: &Frames) -> u64 {
    frames.iter().fold(0, |sum, (_, text)| touch(sum, text))
}

fn read(path: &Path, threads: usize) -> u64 {
    let options = CaptureOptions { threads, ..CaptureOptions::default() };
    let (mut reader, ahead) = CaptureReader::open_with(path, options).unwrap();
    std::thread::scope(|scope| {
        for work in ahead {
            scope.spawn(|| work.run());
        }
        let mut sum = 0;
        while reader.advance().unwrap() {
            if let Entry::Received { text, .. } = reader.entry() {
                sum = touch(sum, text);
            }
        }
        drop(reader);
        sum
    })
}

/// The compressed chunks of a capture and their sizes unpacked.
fn chunks(path: &Path) -> Vec<(Vec<u8>, usize)> {
    let file = std::fs::read(path).unwrap();
    let mut rest = &file[8..];
    let mut chunks = Vec::new();
    while rest.len() > 9 {
        let length = usize::try_from(u64::from_le_bytes(rest[1..9].try_into().unwrap())).unwrap();
        if rest[0] == 6 {
            let body = &rest[9..9 + length];
            let size = u64::from_le_bytes(body[16..24].try_into().unwrap());
            if body[28] == 4 {
                chunks.push((body[44..].to_vec(), usize::try_from(size).unwrap()));
            }
        }
        rest = &rest[9 + length..];
    }
    chunks
}

fn decompress(chunks: &[(Vec<u8>, usize)]) {
    let mut decompressor = zstd::bulk::Decompressor::new().unwrap();
    let mut out = Vec::new();
    for (data, size) in chunks {
        out.clear();
        out.reserve(*size);
        decompressor.decompress_to_buffer(data, &mut out).unwrap();
        std::hint::black_box(&out);
    }
}

/// From opening the file to the first entry at a time.
fn seek(path: &Path, frames: &Frames, clock: &Clock) {
    let mut times = LatencyRecorder::new();
    let (first_ns, last_ns) = (frames.get(0).0, frames.get(frames.len() - 1).0);
    for turn in 0..SEEKS {
        let from_ns = first_ns + (last_ns - first_ns) / SEEKS * (turn * 7 % SEEKS);
        let start = clock.ticks();
        let options = CaptureOptions { from_ns, ..CaptureOptions::default() };
        let (mut reader, _) = CaptureReader::open_with(path, options).unwrap();
        while reader.advance().unwrap() && reader.entry().time_ns() < from_ns {}
        times.record_ticks(clock.ticks().saturating_sub(start));
    }
    let it = times.summary(clock);
    say(&format!(
        "seek, file opened anew each time: p50 {} ns, p99 {} ns, max {} ns",
        it.p50, it.p99, it.max
    ));
}
