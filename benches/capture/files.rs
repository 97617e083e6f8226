//! Captures written for a comparison.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use tickring_capture::{
    CaptureTally, CaptureWriter, OnCaptureFull, SegmentFiles, SegmentTally, Segments, Store,
    WriterConfig, WriterPorts, capture_channel,
};

use super::frames::Frames;

/// Rest of the tap after each 512 frames: less than 200,000 frames a second.
const PAUSE: Duration = Duration::from_millis(2);

/// A disk that takes everything and keeps nothing.
pub(crate) struct Nowhere;

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(std::hint::black_box(bytes).len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store for Nowhere {
    fn cut(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Segments for Nowhere {
    type Store = Self;

    fn create(&mut self) -> io::Result<Self> {
        Ok(Self)
    }

    fn discard(&mut self) {}

    fn finished(&mut self, _: &SegmentTally) -> io::Result<()> {
        Ok(())
    }
}

/// Runs a writer to its end.
pub(crate) fn run<S: Segments>(
    writer: CaptureWriter<S>,
    receiver: tickring_capture::ChunkReceiver,
) -> CaptureTally {
    let mut ports = WriterPorts {
        now_ns: &|| 0,
        instruments: &BTreeMap::new,
        say: &mut |notice| panic!("{notice:?}"),
    };
    writer.run(receiver, &mut ports)
}

pub(crate) fn config(is_compressed: bool) -> WriterConfig {
    WriterConfig { is_compressed, ..WriterConfig::new(BTreeMap::new()) }
}

/// Records all frames into a file.
pub(crate) fn write(path: &Path, frames: &Frames, is_compressed: bool) -> CaptureTally {
    let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
    let files = SegmentFiles::create(path, false).unwrap();
    let writer = CaptureWriter::new(files, config(is_compressed), &receiver, 0).unwrap();
    std::thread::scope(|scope| {
        let written = scope.spawn(|| run(writer, receiver));
        for (index, (time_ns, text)) in frames.iter().enumerate() {
            tap.received(0, time_ns, text);
            // Not faster than it is written, or chunks are compressed less.
            if is_compressed && index % 512 == 0 {
                std::thread::park_timeout(PAUSE);
            }
        }
        drop(tap);
        written.join().unwrap()
    })
}
