//! The writer's side: compresses chunks, appends them, keeps the promise about the disk, and goes on
//! in a new segment when one is full or has failed.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;

use super::chunk::Chunk;
use super::entry::{Hole, ROLES};
use super::segment::{Effort, Segment};
use super::segments::{SegmentTally, Segments, SyncPolicy};
use super::tap::ChunkReceiver;

/// How long the writer rests when nothing waits.
const REST: Duration = Duration::from_millis(1);

/// Time between two syncs under [`SyncPolicy::Second`].
const SYNC_PERIOD_NS: u64 = 1_000_000_000;

/// Time between two tries to go on after an error.
const RETRY_PERIOD_NS: u64 = 1_000_000_000;

/// How a capture is written.
#[derive(Clone, Debug)]
pub struct WriterConfig {
    /// What the file says about its session; it must not hold a key.
    pub metadata: BTreeMap<String, String>,
    /// How soon what is written must survive a loss of power.
    pub sync: SyncPolicy,
    /// Whether chunks are compressed. The fewer cores, the more it is worth not to; a file is then
    /// some five times as large.
    pub is_compressed: bool,
    /// A segment that is as large is ended.
    pub segment_bytes_max: u64,
    /// A segment that is as old is ended.
    pub segment_ns_max: u64,
}

impl WriterConfig {
    /// One GiB and one hour a segment, a sync each second.
    #[must_use]
    pub const fn new(metadata: BTreeMap<String, String>) -> Self {
        Self {
            metadata,
            sync: SyncPolicy::Second,
            is_compressed: true,
            segment_bytes_max: 1 << 30,
            segment_ns_max: 3_600_000_000_000,
        }
    }
}

/// What the writer needs from outside while it runs.
pub struct WriterPorts<'a> {
    /// Any clock that does not step back, in ns.
    pub now_ns: &'a dyn Fn() -> u64,
    /// What each segment says about instruments when it ends: symbol and scales.
    pub instruments: &'a dyn Fn() -> BTreeMap<String, String>,
    /// Is given each error, and word that writing goes on.
    pub say: &'a mut dyn FnMut(WriterNotice<'_>),
}

impl std::fmt::Debug for WriterPorts<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("WriterPorts")
    }
}

/// What people should know about a capture while it is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WriterNotice<'a> {
    /// It cannot be written. What comes is counted and left out; a new segment is tried each second.
    Failed(&'a str),
    /// It is written again, in a new segment that starts with the hole.
    Resumed(Hole),
}

/// Writes one capture.
#[derive(Debug)]
pub struct CaptureWriter<S: Segments> {
    segments: S,
    config: WriterConfig,
    connections: u16,
    /// `None` after an error.
    segment: Option<Segment<S::Store>>,
    /// What could not be written since the error.
    hole: Hole,
    retry_ns: u64,
    synced_ns: u64,
    tally: CaptureTally,
}

/// What a writer did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct CaptureTally {
    /// Entries written: frames, commands, changes, holes.
    pub entries: u64,
    /// Frames among them.
    pub frames: u64,
    /// Places at which entries are missing.
    pub holes: u64,
    /// Entries that are missing: the writer could not keep up, or the disk failed.
    pub entries_missing: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes before compression.
    pub bytes_uncompressed: u64,
    /// Files.
    pub segments: u64,
    /// Chunks written, and how many of them were compressed less because the writer was behind.
    pub chunks: u64,
    /// See `chunks`.
    pub chunks_in_haste: u64,
    /// How often the thread that records found every chunk with the writer and had to wait.
    pub waits: u64,
    /// How often writing failed.
    pub failures: u64,
    /// The first failure, in words.
    pub first_failure: Option<String>,
}

impl<S: Segments> CaptureWriter<S> {
    /// Starts the first segment.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn new(
        segments: S,
        config: WriterConfig,
        receiver: &ChunkReceiver,
        now_ns: u64,
    ) -> io::Result<Self> {
        let mut writer = Self {
            segments,
            config,
            connections: receiver.connections,
            segment: None,
            hole: Hole::default(),
            retry_ns: 0,
            synced_ns: now_ns,
            tally: CaptureTally::default(),
        };
        writer.start_segment(now_ns)?;
        Ok(writer)
    }

    /// Writes what comes out of `receiver` until its tap is gone, then ends the file. A failure is
    /// said, counted, and tried again in a new segment; it never holds the tap up.
    pub fn run(mut self, mut receiver: ChunkReceiver, ports: &mut WriterPorts<'_>) -> CaptureTally {
        loop {
            // Asked first: what the tap handed over before it went is seen below.
            let is_over = receiver.full.is_abandoned();
            let waiting = receiver.full.slots();
            let Ok(mut chunk) = receiver.full.pop() else {
                if is_over {
                    break;
                }
                self.keep_up(false, ports);
                thread::park_timeout(REST);
                continue;
            };
            let effort = if self.config.is_compressed {
                Effort::of(waiting, receiver.full.buffer().capacity())
            } else {
                Effort::Last
            };
            self.take(&chunk, effort, ports);
            chunk.clear();
            // The tap may be gone; then nobody needs it.
            drop(receiver.empty.push(chunk));
        }
        // Relaxed: the tap is gone, which was seen through the queue.
        self.tally.waits = receiver.waits.load(Ordering::Relaxed);
        self.finish(ports)
    }

    /// Writes a chunk, or counts it as missing.
    fn take(&mut self, chunk: &Chunk, effort: Effort, ports: &mut WriterPorts<'_>) {
        self.tally.entries_missing += chunk.entries_missing;
        if self.segment.is_none() && (ports.now_ns)() >= self.retry_ns {
            self.resume(ports);
        }
        let Some(segment) = &mut self.segment else { return self.miss(chunk) };
        if let Err(error) = segment.write_chunk(chunk, effort) {
            self.fail(&error, ports);
            return self.miss(chunk);
        }
        self.tally.chunks += 1;
        let is_in_haste = self.config.is_compressed && effort != Effort::Usual;
        self.tally.chunks_in_haste += u64::from(is_in_haste);
        let is_urgent = chunk.is_urgent || self.config.sync == SyncPolicy::Chunk;
        self.keep_up(is_urgent, ports);
    }

    /// Syncs and rolls where it is time to.
    fn keep_up(&mut self, is_urgent: bool, ports: &mut WriterPorts<'_>) {
        let now_ns = (ports.now_ns)();
        let result = self.sync_when_due(now_ns, is_urgent).and_then(|()| {
            let WriterConfig { segment_bytes_max, segment_ns_max, .. } = self.config;
            let is_due = self.segment.as_ref().is_some_and(|it| {
                !it.is_empty()
                    && (it.bytes() >= segment_bytes_max || it.age_ns(now_ns) >= segment_ns_max)
            });
            if is_due { self.roll(now_ns, ports) } else { Ok(()) }
        });
        if let Err(error) = result {
            self.fail(&error, ports);
        }
    }

    fn sync_when_due(&mut self, now_ns: u64, is_urgent: bool) -> io::Result<()> {
        let Some(segment) = &mut self.segment else { return Ok(()) };
        let is_due = now_ns.saturating_sub(self.synced_ns) >= SYNC_PERIOD_NS;
        if self.config.sync == SyncPolicy::None || !(is_due || is_urgent) {
            return Ok(());
        }
        self.synced_ns = now_ns;
        segment.sync()
    }

    /// Ends the segment and starts the next one.
    fn roll(&mut self, now_ns: u64, ports: &WriterPorts<'_>) -> io::Result<()> {
        self.end_segment(ports)?;
        self.start_segment(now_ns)
    }

    /// Ends the segment, if there is one: summary, footer, everything on the disk.
    fn end_segment(&mut self, ports: &WriterPorts<'_>) -> io::Result<()> {
        let Some(mut segment) = self.segment.take() else { return Ok(()) };
        if let Err(error) = segment.finish(&(ports.instruments)()) {
            self.segment = Some(segment);
            return Err(error);
        }
        self.account(&segment);
        if self.config.sync != SyncPolicy::None {
            segment.sync()?;
        }
        self.segments.finished(&segment.tally())
    }

    fn start_segment(&mut self, now_ns: u64) -> io::Result<()> {
        let store = self.segments.create()?;
        let (metadata, number) = (&self.config.metadata, self.tally.segments);
        match Segment::start(store, metadata, self.connections, number, now_ns) {
            Ok(mut segment) => {
                if !self.config.is_compressed {
                    segment.leave_uncompressed();
                }
                self.tally.segments += 1;
                self.segment = Some(segment);
                Ok(())
            }
            Err(error) => {
                self.segments.discard();
                Err(error)
            }
        }
    }

    /// Tries to go on after an error, in a new segment that starts with the hole.
    fn resume(&mut self, ports: &mut WriterPorts<'_>) {
        let now_ns = (ports.now_ns)();
        self.retry_ns = now_ns + RETRY_PERIOD_NS;
        // The failure was told, and trying again fails in the same way most of the time.
        let Ok(()) = self.start_segment(now_ns) else { return };
        if self.write_hole().is_err() {
            self.segment = None;
            self.segments.discard();
            self.tally.segments -= 1;
            return;
        }
        (ports.say)(WriterNotice::Resumed(std::mem::take(&mut self.hole)));
    }

    /// Writes what is missing before what comes next.
    fn write_hole(&mut self) -> io::Result<()> {
        let Some(segment) = self.segment.as_mut().filter(|_| self.hole.entries > 0) else {
            return Ok(());
        };
        let mut chunk = Chunk::new(self.connections);
        chunk.push(ROLES * self.connections, self.hole.first_ns, &self.hole.to_bytes());
        segment.write_chunk(&chunk, Effort::Usual)
    }

    fn miss(&mut self, chunk: &Chunk) {
        let entries = chunk.entries();
        self.tally.entries_missing += entries;
        self.hole.add_all(chunk.first_ns, chunk.last_ns, entries, chunk.data_bytes());
    }

    /// Gives the segment up. It ends without a footer; everything up to its last chunk can be read.
    fn fail(&mut self, error: &io::Error, ports: &mut WriterPorts<'_>) {
        if let Some(segment) = self.segment.take() {
            self.account(&segment);
            if let Some(chunk) = segment.lost() {
                self.miss(chunk);
            }
        }
        self.tally.failures += 1;
        self.retry_ns = (ports.now_ns)() + RETRY_PERIOD_NS;
        let words = error.to_string();
        (ports.say)(WriterNotice::Failed(&words));
        self.tally.first_failure.get_or_insert(words);
    }

    /// Adds what a segment holds.
    fn account(&mut self, segment: &Segment<S::Store>) {
        let SegmentTally { entries, frames, bytes, .. } = segment.tally();
        self.tally.entries += entries;
        self.tally.frames += frames;
        self.tally.holes += segment.holes();
        self.tally.bytes += bytes;
        self.tally.bytes_uncompressed += segment.bytes_uncompressed();
    }

    fn finish(mut self, ports: &mut WriterPorts<'_>) -> CaptureTally {
        if self.segment.is_none() && self.hole.entries > 0 {
            self.resume(ports);
        }
        if let Err(error) = self.end_segment(ports) {
            self.fail(&error, ports);
        }
        self.tally
    }
}
