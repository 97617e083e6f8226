//! The writer's share: frames to compressed chunks, beside the `mcap` crate's writer and beside zstd
//! alone on the same chunks.

use std::collections::BTreeMap;
use std::io::Cursor;

use mcap::records::MessageHeader;
use mcap::sans_io::linear_reader::{LinearReadEvent, LinearReader, LinearReaderOptions};
use mcap::write::{NoSeek, WriteOptions};
use tickring_capture::{CaptureWriter, OnCaptureFull, capture_channel};
use tickring_metrics::Clock;
use zstd::bulk::Compressor;

use super::files::{Nowhere, config, run, write};
use super::frames::Frames;
use crate::{ROUNDS, print_ratio, say, timed};

/// Bytes of frames that the tap's chunks take without a writer beside them, with room to spare.
const ROUND_BYTES: usize = 7 * 1024 * 1024;

pub(crate) fn compare(frames: &Frames, clock: &Clock) {
    let count = round_frames(frames);
    let chunks = chunks(frames, count);
    let (mut beside_crate, mut beside_zstd) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
        let writer = CaptureWriter::new(Nowhere, config(true), &receiver, 0).unwrap();
        let (recorded, ()) = timed(clock, || {
            // One time: a chunk is then handed over when it is full.
            frames.iter().take(count).for_each(|(_, text)| tap.received(0, 1, text));
            drop(tap);
        });
        let (written, tally) = timed(clock, || run(writer, receiver));
        assert_eq!((tally.frames, tally.chunks_in_haste), (count as u64, 0));
        let (theirs, ()) = timed(clock, || theirs(frames, count));
        let (bare, ()) = timed(clock, || bare(&chunks));
        beside_crate.push(theirs / (recorded + written));
        beside_zstd.push(bare / written);
    }
    say(&format!("writer, {count} frames, zstd level 1, written nowhere:"));
    print_ratio(
        "frames/s of tap and writer on one thread beside the mcap crate's writer",
        &beside_crate,
    );
    print_ratio("frames/s of the writer beside zstd alone on the same chunks", &beside_zstd);
    compare_size(frames);
}

fn round_frames(frames: &Frames) -> usize {
    let mut bytes = 0;
    frames
        .iter()
        .take_while(|(_, text)| {
            bytes += text.len() + 31;
            bytes < ROUND_BYTES
        })
        .count()
}

fn theirs(frames: &Frames, count: usize) {
    let options = WriteOptions::new()
        .compression(Some(mcap::Compression::Zstd))
        .compression_level(1)
        .compression_threads(0)
        .chunk_size(Some(256 * 1024))
        .emit_message_indexes(false)
        .disable_seeking(true);
    let mut writer = options.create(NoSeek::new(std::io::sink())).unwrap();
    let channel =
        writer.add_channel(0, "/connection/0/received", "json", &BTreeMap::new()).unwrap();
    for (time_ns, text) in frames.iter().take(count) {
        let header = MessageHeader {
            channel_id: channel,
            sequence: 0,
            log_time: time_ns,
            publish_time: time_ns,
        };
        writer.write_to_known_channel(&header, text).unwrap();
    }
    writer.finish().unwrap();
}

fn bare(chunks: &[Vec<u8>]) {
    let mut compressor = Compressor::new(1).unwrap();
    let mut packed = vec![0; 1024 * 1024];
    for chunk in chunks {
        let size = compressor.compress_to_buffer(chunk, packed.as_mut_slice()).unwrap();
        std::hint::black_box(&packed[..size]);
    }
}

/// The chunks of a capture of the first `count` frames, unpacked.
fn chunks(frames: &Frames, count: usize) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    write(&path, frames, false);
    let file = std::fs::read(path).unwrap();
    let options = LinearReaderOptions::default().with_emit_chunks(true);
    let mut reader = LinearReader::new_with_options(options);
    let (mut file, mut chunks, mut bytes) = (Cursor::new(file), Vec::new(), 0);
    let wanted = frames.iter().take(count).map(|(_, text)| text.len() + 31).sum::<usize>();
    while let Some(event) = reader.next_event() {
        match event.unwrap() {
            LinearReadEvent::ReadRequest(size) => {
                let read = std::io::Read::read(&mut file, reader.insert(size)).unwrap();
                reader.notify_read(read);
            }
            LinearReadEvent::Record { data, opcode } => {
                if let mcap::records::Record::Chunk { data, .. } =
                    mcap::parse_record(opcode, data).unwrap()
                    && bytes < wanted
                {
                    bytes += data.len();
                    chunks.push(data.into_owned());
                }
            }
        }
    }
    // The last one may be longer than what is compared.
    let over = bytes.saturating_sub(wanted);
    if let Some(last) = chunks.last_mut() {
        last.truncate(last.len().saturating_sub(over));
    }
    chunks
}

fn compare_size(frames: &Frames) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let tally = write(&path, frames, true);
    let lines = zstd::encode_all(frames.lines().as_slice(), 1).unwrap().len();
    say(&format!(
        "size: {} bytes ({} of {} chunks in haste), {:.2} of `zstd -1` of the same lines ({lines})",
        tally.bytes,
        tally.chunks_in_haste,
        tally.chunks,
        tally.bytes as f64 / lines as f64
    ));
}
