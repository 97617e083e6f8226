//! One file of a capture while it is written.

use std::collections::BTreeMap;
use std::io;

use zstd::bulk::Compressor;
use zstd::zstd_safe::compress_bound;

use super::chunk::{self, Chunk};
use super::encode::{self, FOOTER_BYTES, MAGIC, opcode};
use super::entry::ROLES;
use super::segments::{SegmentTally, Store};
use super::tail::{Tail, TailStart};
use super::{CONNECTIONS, INSTRUMENTS_NAME, METADATA_NAME, SEGMENT};

/// How much work goes into a chunk: the less, the more of them wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Effort {
    /// Level 1; level 3 makes files no smaller.
    Usual,
    /// Level -3, while half of the chunks wait.
    Behind,
    /// Not compressed, while three quarters wait.
    Last,
}

impl Effort {
    pub(super) const fn of(waiting: usize, capacity: usize) -> Self {
        if 4 * waiting > 3 * capacity {
            Self::Last
        } else if 2 * waiting > capacity {
            Self::Behind
        } else {
            Self::Usual
        }
    }

    const fn level(self) -> Option<i32> {
        match self {
            Self::Usual => Some(1),
            Self::Behind => Some(-3),
            Self::Last => None,
        }
    }
}

/// One file while it is written.
pub(super) struct Segment<S> {
    store: S,
    connections: u16,
    started_ns: u64,
    compressor: Compressor<'static>,
    /// A compressed chunk. Kept at its longest, so that it is not cleared each time.
    packed: Vec<u8>,
    /// Reused for records' heads and for what is not compressed.
    record: Vec<u8>,
    /// Of everything written so far.
    crc: crc32fast::Hasher,
    offset: u64,
    /// Where metadata lie, how long they are, and their name.
    metadata: Vec<(u64, u64, &'static str)>,
    index: Vec<ChunkPlace>,
    counts: Box<[u64]>,
    tail: Tail,
    /// With which small chunks become one.
    effort: Effort,
    lost: Option<Chunk>,
}

/// Where a chunk lies.
#[derive(Clone, Copy, Debug)]
struct ChunkPlace {
    first_ns: u64,
    last_ns: u64,
    offset: u64,
    bytes: u64,
    compression: &'static str,
    compressed_bytes: u64,
    uncompressed_bytes: u64,
}

impl<S> std::fmt::Debug for Segment<S> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Segment").field("offset", &self.offset).finish_non_exhaustive()
    }
}

impl<S: Store> Segment<S> {
    /// Writes magic, header and metadata.
    pub(super) fn start(
        store: S,
        metadata: &BTreeMap<String, String>,
        connections: u16,
        number: u64,
        now_ns: u64,
    ) -> io::Result<Self> {
        let mut segment = Self {
            store,
            connections,
            started_ns: now_ns,
            compressor: Compressor::new(1)?,
            packed: Vec::new(),
            record: Vec::new(),
            crc: crc32fast::Hasher::new(),
            offset: 0,
            metadata: Vec::new(),
            index: Vec::new(),
            counts: vec![0; usize::from(ROLES * connections + 1)].into(),
            tail: Tail::new(connections),
            effort: Effort::Usual,
            lost: None,
        };
        segment.record.extend_from_slice(&MAGIC);
        encode::record(&mut segment.record, opcode::HEADER, |out| {
            encode::string(out, "tickring");
            encode::string(out, concat!("tickring ", env!("CARGO_PKG_VERSION")));
        });
        segment.append_record()?;
        let mut metadata = metadata.clone();
        metadata.insert(CONNECTIONS.to_owned(), connections.to_string());
        metadata.insert(SEGMENT.to_owned(), number.to_string());
        segment.append_metadata(METADATA_NAME, &metadata)?;
        Ok(segment)
    }

    /// Compresses nothing from here on.
    pub(super) const fn leave_uncompressed(&mut self) {
        self.effort = Effort::Last;
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.offset
    }

    pub(super) const fn age_ns(&self, now_ns: u64) -> u64 {
        now_ns.saturating_sub(self.started_ns)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.store.flush()?;
        self.store.sync()
    }

    pub(super) fn tally(&self) -> SegmentTally {
        SegmentTally {
            first_ns: self.index.iter().map(|it| it.first_ns).min().unwrap_or(0),
            last_ns: self.index.iter().map(|it| it.last_ns).max().unwrap_or(0),
            entries: self.counts.iter().sum(),
            // The channel of holes is at a multiple of the roles too.
            frames: self.counts.iter().step_by(usize::from(ROLES)).sum::<u64>() - self.holes(),
            bytes: self.offset,
        }
    }

    pub(super) fn holes(&self) -> u64 {
        self.counts.last().copied().unwrap_or_default()
    }

    pub(super) fn bytes_uncompressed(&self) -> u64 {
        self.index.iter().map(|it| it.uncompressed_bytes).sum()
    }

    /// Writes a chunk. A small one is written again with those that follow it, as one.
    ///
    /// # Errors
    /// It cannot be written; [`Segment::lost`] says what is gone besides.
    pub(super) fn write_chunk(&mut self, chunk: &Chunk, effort: Effort) -> io::Result<()> {
        if !self.tail.takes(chunk) {
            self.settle()?;
        }
        if Tail::is_small(chunk) {
            let Self { tail, offset, crc, index, .. } = self;
            let start = || TailStart { offset: *offset, crc: crc.clone(), chunks: index.len() };
            tail.add(chunk, start);
        }
        self.append_chunk(chunk, effort)
    }

    /// Makes one chunk of the small ones at the end.
    fn settle(&mut self) -> io::Result<()> {
        if self.tail.parts < 2 {
            self.tail.clear();
            return Ok(());
        }
        let mut tail = std::mem::replace(&mut self.tail, Tail::new(self.connections));
        let TailStart { offset, crc, chunks } = tail.start.clone();
        for (sum, count) in self.counts.iter_mut().zip(&tail.chunk.counts) {
            *sum -= count;
        }
        self.index.truncate(chunks);
        (self.offset, self.crc) = (offset, crc);
        let settled =
            self.store.cut(offset).and_then(|()| self.append_chunk(&tail.chunk, self.effort));
        if settled.is_err() {
            self.lost = Some(tail.chunk);
            return settled;
        }
        tail.clear();
        self.tail = tail;
        Ok(())
    }

    /// What was written once, and went when it was to be written again.
    pub(super) const fn lost(&self) -> Option<&Chunk> {
        self.lost.as_ref()
    }

    fn append_chunk(&mut self, chunk: &Chunk, effort: Effort) -> io::Result<()> {
        let bytes = chunk.bytes();
        let (compression, size) = match effort.level() {
            None => ("", bytes.len()),
            Some(level) => {
                self.compressor.set_compression_level(level)?;
                let bound = compress_bound(bytes.len());
                if self.packed.len() < bound {
                    self.packed.resize(bound, 0);
                }
                ("zstd", self.compressor.compress_to_buffer(bytes, self.packed.as_mut_slice())?)
            }
        };
        let out = &mut self.record;
        out.push(opcode::CHUNK);
        let body = 8 + 8 + 8 + 4 + (4 + compression.len()) + 8 + size;
        encode::u64(out, body as u64);
        encode::u64(out, chunk.first_ns);
        encode::u64(out, chunk.last_ns);
        encode::u64(out, bytes.len() as u64);
        encode::u32(out, crc32fast::hash(bytes));
        encode::string(out, compression);
        encode::u64(out, size as u64);
        let place = ChunkPlace {
            first_ns: chunk.first_ns,
            last_ns: chunk.last_ns,
            offset: self.offset,
            bytes: (out.len() + size) as u64,
            compression,
            compressed_bytes: size as u64,
            uncompressed_bytes: bytes.len() as u64,
        };
        // In one piece where it was copied anyway: fewer calls, and never half of it in a crash.
        let data = if compression.is_empty() { bytes } else { &self.packed[..size] };
        out.extend_from_slice(data);
        self.append_record()?;
        self.index.push(place);
        for (sum, count) in self.counts.iter_mut().zip(&chunk.counts) {
            *sum += count;
        }
        Ok(())
    }

    /// Writes `self.record` and empties it.
    fn append_record(&mut self) -> io::Result<()> {
        let written = self.store.write_all(&self.record);
        if written.is_ok() {
            self.crc.update(&self.record);
            self.offset += self.record.len() as u64;
        }
        self.record.clear();
        written
    }

    fn append_metadata(
        &mut self,
        name: &'static str,
        map: &BTreeMap<String, String>,
    ) -> io::Result<()> {
        encode::metadata(&mut self.record, name, map);
        self.metadata.push((self.offset, self.record.len() as u64, name));
        self.append_record()
    }

    /// Ends the file: instruments, end of data, summary, footer.
    pub(super) fn finish(&mut self, instruments: &BTreeMap<String, String>) -> io::Result<()> {
        self.settle()?;
        if !instruments.is_empty() {
            self.append_metadata(INSTRUMENTS_NAME, instruments)?;
        }
        let crc = self.crc.clone().finalize();
        encode::record(&mut self.record, opcode::DATA_END, |out| encode::u32(out, crc));
        self.append_record()?;
        let summary_start = self.offset;
        chunk::channels(&mut self.record, self.connections);
        self.encode_index();
        self.encode_statistics();
        for &(offset, bytes, name) in &self.metadata {
            encode::record(&mut self.record, opcode::METADATA_INDEX, |out| {
                encode::u64(out, offset);
                encode::u64(out, bytes);
                encode::string(out, name);
            });
        }
        self.record.push(opcode::FOOTER);
        encode::u64(&mut self.record, FOOTER_BYTES as u64);
        encode::u64(&mut self.record, summary_start);
        // No offsets within the summary.
        encode::u64(&mut self.record, 0);
        let crc = crc32fast::hash(&self.record);
        encode::u32(&mut self.record, crc);
        self.record.extend_from_slice(&MAGIC);
        self.append_record()?;
        self.store.flush()
    }

    fn encode_index(&mut self) {
        for place in &self.index {
            encode::record(&mut self.record, opcode::CHUNK_INDEX, |out| {
                encode::u64(out, place.first_ns);
                encode::u64(out, place.last_ns);
                encode::u64(out, place.offset);
                encode::u64(out, place.bytes);
                // No index of messages.
                encode::u32(out, 0);
                encode::u64(out, 0);
                encode::string(out, place.compression);
                encode::u64(out, place.compressed_bytes);
                encode::u64(out, place.uncompressed_bytes);
            });
        }
    }

    fn encode_statistics(&mut self) {
        let SegmentTally { first_ns, last_ns, entries, .. } = self.tally();
        let (counts, chunks, metadata) = (&self.counts, self.index.len(), self.metadata.len());
        let few = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        encode::record(&mut self.record, opcode::STATISTICS, |out| {
            encode::u64(out, entries);
            encode::u16(out, 0);
            encode::u32(out, few(counts.len()));
            encode::u32(out, 0);
            encode::u32(out, few(metadata));
            encode::u32(out, few(chunks));
            encode::u64(out, first_ns);
            encode::u64(out, last_ns);
            encode::u32(out, few(10 * counts.len()));
            for (channel, count) in (0..).zip(counts) {
                encode::u16(out, channel);
                encode::u64(out, *count);
            }
        });
    }
}
