//! Small chunks at the end of a file, which become one when they are enough.
//!
//! A quiet stream fills a chunk in seconds, but what it brings is written each 100 ms, so that a crash
//! costs no more. As chunks of their own those pieces take several times the room. So they are
//! appended one by one, and when they are a whole chunk together, the file goes back to where the
//! first of them starts and gets that chunk instead. Only a crash within that one moment costs more:
//! the chunk.

use super::CHUNK_BYTES;
use super::chunk::Chunk;

/// A chunk below this is written again together with its neighbours.
const SMALL_BYTES: usize = CHUNK_BYTES / 4;

/// Small chunks that were written last.
#[derive(Debug)]
pub(super) struct Tail {
    /// All of them together.
    pub(super) chunk: Chunk,
    /// How many they are.
    pub(super) parts: usize,
    pub(super) start: TailStart,
}

/// What a file was before its tail.
#[derive(Clone, Debug, Default)]
pub(super) struct TailStart {
    pub(super) offset: u64,
    pub(super) crc: crc32fast::Hasher,
    pub(super) chunks: usize,
}

impl Tail {
    pub(super) fn new(connections: u16) -> Self {
        Self { chunk: Chunk::new(connections), parts: 0, start: TailStart::default() }
    }

    /// Whether a chunk is so small that it should not stay alone.
    pub(super) const fn is_small(chunk: &Chunk) -> bool {
        chunk.data_bytes() < SMALL_BYTES as u64
    }

    /// Whether one more belongs to these.
    pub(super) const fn takes(&self, chunk: &Chunk) -> bool {
        Self::is_small(chunk) && self.chunk.data_bytes() + chunk.data_bytes() < CHUNK_BYTES as u64
    }

    /// Takes in a chunk that is about to be written after `start`.
    pub(super) fn add(&mut self, chunk: &Chunk, start: impl FnOnce() -> TailStart) {
        if self.parts == 0 {
            self.start = start();
        }
        self.parts += 1;
        self.chunk.append(chunk);
    }

    pub(super) fn clear(&mut self) {
        self.chunk.clear();
        self.parts = 0;
    }
}
