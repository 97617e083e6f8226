//! Disks that fail and writers that cannot keep up.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tickring_capture::{
    OnCaptureFull, OnDamage, SegmentTally, Segments, Store, WriterConfig, capture_channel,
};

use crate::support::{Kept, frames, metadata, read_bytes, record_with};

/// Segments in memory; the disk has room for so many bytes, and gets more when a file is made.
#[derive(Clone, Default)]
struct Disk(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    files: Vec<Vec<u8>>,
    room: usize,
    /// Room after each file that is made.
    more: Vec<usize>,
    finished: usize,
    /// Every state that a crash could leave, where somebody wants them.
    states: Option<Vec<Vec<u8>>>,
}

impl Inner {
    fn note_state(&mut self) {
        if let (Some(states), Some(file)) = (&mut self.states, self.files.last()) {
            states.push(file.clone());
        }
    }
}

struct Handle(Disk);

impl Write for Handle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut disk = self.0.0.lock().unwrap();
        let size = bytes.len().min(disk.room);
        if size == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        disk.room -= size;
        for part in bytes[..size].chunks(size / 3 + 1) {
            disk.files.last_mut().unwrap().extend_from_slice(part);
            disk.note_state();
        }
        Ok(size)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Store for Handle {
    fn cut(&mut self, offset: u64) -> io::Result<()> {
        let mut disk = self.0.0.lock().unwrap();
        let file = disk.files.last_mut().unwrap();
        let size = usize::try_from(offset).unwrap();
        let freed = file.len() - size;
        file.truncate(size);
        disk.room = disk.room.saturating_add(freed);
        disk.note_state();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Segments for Disk {
    type Store = Handle;

    fn create(&mut self) -> io::Result<Handle> {
        let mut disk = self.0.lock().unwrap();
        disk.files.push(Vec::new());
        if let Some(room) = disk.more.pop() {
            disk.room = room;
        }
        Ok(Handle(self.clone()))
    }

    fn discard(&mut self) {
        self.0.lock().unwrap().files.pop();
    }

    fn finished(&mut self, _: &SegmentTally) -> io::Result<()> {
        self.0.lock().unwrap().finished += 1;
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_once_and_writing_goes_on_in_a_new_segment_with_the_hole() {
    let disk = Disk::default();
    // The second file finds no room for its head; the third has all it needs.
    disk.0.lock().unwrap().more = vec![usize::MAX, 10, 150_000];
    let entries = frames(40_000, 100_000);
    let config = WriterConfig::new(metadata());
    let (tally, said) = record_with(disk.clone(), config, OnCaptureFull::Block, |mut tap| {
        entries.iter().for_each(|entry| entry.record(&mut tap));
    });
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("Failed("), "{said:?}");
    assert!(said[1].starts_with("Resumed(Hole"), "{said:?}");
    assert_eq!(tally.failures, 1);
    assert_eq!(tally.entries - tally.holes + tally.entries_missing, 40_000, "{tally:?}");
    let disk = disk.0.lock().unwrap();
    assert_eq!((disk.files.len(), disk.finished), (2, 1));
    let (first, ..) = read_bytes(&disk.files[0], OnDamage::Stop).unwrap();
    assert!(entries.starts_with(&first) && !first.is_empty());
    let (second, _, error) = read_bytes(&disk.files[1], OnDamage::Stop).unwrap();
    assert!(error.is_none(), "{error:?}");
    let Kept::Hole(hole) = &second[0] else { panic!("{:?}", second[0]) };
    assert_eq!(hole.entries, tally.entries_missing);
    assert_eq!(first.len() as u64 + hole.entries, 40_000 - (second.len() as u64 - 1));
    assert!(entries.ends_with(&second[1..]));
}

#[test]
fn a_quiet_stream_takes_whole_chunks_and_is_an_exact_prefix_at_any_moment() {
    let disk = Disk::default();
    disk.0.lock().unwrap().more = vec![usize::MAX];
    disk.0.lock().unwrap().states = Some(Vec::new());
    // 20 ms apart: five frames in each piece that is written, 500 pieces.
    let entries = frames(5_000, 20_000_000);
    let config = WriterConfig::new(metadata());
    let (tally, _) = record_with(disk.clone(), config, OnCaptureFull::Block, |mut tap| {
        entries.iter().for_each(|entry| entry.record(&mut tap));
    });
    assert!(tally.chunks > 900, "{tally:?}");
    let disk = disk.0.lock().unwrap();
    let mut most = 0;
    for state in disk.states.as_ref().unwrap() {
        let (read, reader, error) = read_bytes(state, OnDamage::Stop).unwrap();
        assert!(error.is_none(), "{error:?}");
        assert!(entries.starts_with(&read));
        // A whole chunk is 1,900 of these frames; only while it takes the place of its pieces is it
        // not there.
        assert!(read.len() + 2_700 >= most, "{} after {most}: {:?}", read.len(), reader.ending());
        most = most.max(read.len());
    }
    let (read, ..) = read_bytes(&disk.files[0], OnDamage::Stop).unwrap();
    assert!(read == entries);
    let chunks = mcap::Summary::read(&disk.files[0]).unwrap().unwrap().chunk_indexes.len();
    assert!(chunks <= 4, "{chunks} chunks");
}

#[test]
fn an_uncompressed_capture_holds_its_bytes_as_they_are() {
    let disk = Disk::default();
    disk.0.lock().unwrap().more = vec![usize::MAX];
    let entries = frames(3_000, 20_000_000);
    let config = WriterConfig { is_compressed: false, ..WriterConfig::new(metadata()) };
    let (tally, _) = record_with(disk.clone(), config, OnCaptureFull::Block, |mut tap| {
        entries.iter().for_each(|entry| entry.record(&mut tap));
    });
    assert_eq!(tally.chunks_in_haste, 0, "nobody is behind");
    let disk = disk.0.lock().unwrap();
    let (read, ..) = read_bytes(&disk.files[0], OnDamage::Stop).unwrap();
    assert!(read == entries);
    let summary = mcap::Summary::read(&disk.files[0]).unwrap().unwrap();
    assert!(summary.chunk_indexes.iter().all(|it| it.compression.is_empty()));
}

#[test]
fn a_disk_that_stays_full_stops_nothing_and_loses_what_it_says() {
    let disk = Disk::default();
    disk.0.lock().unwrap().more = vec![2_000];
    let entries = frames(40_000, 100_000);
    let config = WriterConfig::new(metadata());
    let (tally, said) = record_with(disk.clone(), config, OnCaptureFull::Block, |mut tap| {
        entries.iter().for_each(|entry| entry.record(&mut tap));
    });
    assert_eq!((said.len(), tally.failures), (1, 1), "{said:?}");
    assert_eq!(tally.entries + tally.entries_missing, 40_000);
    assert!(tally.first_failure.is_some());
    let disk = disk.0.lock().unwrap();
    assert_eq!(disk.files.len(), 1, "no file without a head is left");
    let (read, ..) = read_bytes(&disk.files[0], OnDamage::Stop).unwrap();
    assert_eq!(read.len() as u64, tally.entries);
}

#[test]
fn a_tap_that_may_not_wait_marks_what_it_left_out() {
    let (mut tap, receiver) = capture_channel(2, OnCaptureFull::Mark);
    let entries = frames(400_000, 1_000);
    // Nobody writes yet: the chunks run out.
    entries.iter().for_each(|entry| entry.record(&mut tap));
    let disk = Disk::default();
    disk.0.lock().unwrap().more = vec![usize::MAX];
    let config = WriterConfig::new(metadata());
    let writer = tickring_capture::CaptureWriter::new(disk.clone(), config, &receiver, 0).unwrap();
    let tally = std::thread::scope(|scope| {
        let written = scope.spawn(move || {
            let mut ports = tickring_capture::WriterPorts {
                now_ns: &|| 0,
                instruments: &std::collections::BTreeMap::new,
                say: &mut |notice| panic!("{notice:?}"),
            };
            writer.run(receiver, &mut ports)
        });
        drop(tap);
        written.join().unwrap()
    });
    assert!(tally.entries_missing > 0 && tally.holes == 1, "{tally:?}");
    assert_eq!(tally.entries - 1 + tally.entries_missing, 400_000);
    assert!(tally.chunks_in_haste > 0, "compressed less while behind");
    let disk = disk.0.lock().unwrap();
    let (read, _, error) = read_bytes(&disk.files[0], OnDamage::Stop).unwrap();
    assert!(error.is_none(), "{error:?}");
    let Some(Kept::Hole(hole)) = read.last() else { panic!("{:?}", read.last()) };
    assert_eq!(hole.entries, tally.entries_missing);
    assert!(entries.starts_with(&read[..read.len() - 1]), "the hole stands where entries miss");
}

#[test]
fn a_tap_that_is_dropped_by_a_panic_hands_over_what_it_holds() {
    let disk = Disk::default();
    disk.0.lock().unwrap().more = vec![usize::MAX];
    let entries = frames(7, 1_000);
    let config = WriterConfig::new(metadata());
    let (tally, _) = record_with(disk, config, OnCaptureFull::Block, |mut tap| {
        let work = std::panic::AssertUnwindSafe(|| {
            entries.iter().for_each(|entry| entry.record(&mut tap));
            let _tap = tap;
            panic!("on purpose");
        });
        std::panic::catch_unwind(work).unwrap_err();
    });
    assert_eq!(tally.entries, 7);
}
