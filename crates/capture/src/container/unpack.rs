//! From a chunk record to its bytes: decompressed and checked before the first is used.

use std::fmt;
use std::io;

use zstd::bulk::Decompressor;

use super::RECORD_BYTES_MAX;
use super::records::{le_u32, le_u64};

/// What stands before a chunk's data.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct ChunkHead {
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    pub(super) uncompressed_bytes: u64,
    pub(super) crc: u32,
    pub(super) is_compressed: bool,
    pub(super) compressed_bytes: u64,
    /// Bytes of the head itself.
    pub(super) head_bytes: usize,
}

/// Bytes of a chunk's head besides the name of its compression.
const HEAD_BYTES: usize = 8 + 8 + 8 + 4 + 4 + 8;

/// Reads the head of a chunk record's body.
pub(super) fn chunk_head(body: &[u8]) -> Result<ChunkHead, &'static str> {
    let too_short = "a chunk is shorter than its head";
    if body.len() < HEAD_BYTES {
        return Err(too_short);
    }
    let is_compressed = match &body[28..32] {
        [0, 0, 0, 0] => false,
        [4, 0, 0, 0] if body[32..].starts_with(b"zstd") => true,
        _ => return Err("a chunk is compressed in an unknown way"),
    };
    let head_bytes = HEAD_BYTES + if is_compressed { 4 } else { 0 };
    if body.len() < head_bytes {
        return Err(too_short);
    }
    Ok(ChunkHead {
        first_ns: le_u64(body),
        last_ns: le_u64(&body[8..]),
        uncompressed_bytes: le_u64(&body[16..]),
        crc: le_u32(&body[24..]),
        is_compressed,
        compressed_bytes: le_u64(&body[head_bytes - 8..]),
        head_bytes,
    })
}

/// A chunk's bytes and where they start in their buffer.
#[derive(Debug, Default)]
pub(super) struct Unpacked {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
    pub(super) last_ns: u64,
}

/// Unpacks chunk after chunk with one context.
pub(super) struct Unpacker(Decompressor<'static>);

impl fmt::Debug for Unpacker {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Unpacker")
    }
}

impl Unpacker {
    pub(super) fn new() -> io::Result<Self> {
        Decompressor::new().map(Self)
    }

    /// Unpacks the body of a chunk record into `out`. An uncompressed one is swapped, not copied.
    pub(super) fn unpack(
        &mut self,
        body: &mut Vec<u8>,
        out: &mut Unpacked,
    ) -> Result<(), &'static str> {
        let head = chunk_head(body)?;
        let data = &body[head.head_bytes..];
        if data.len() as u64 != head.compressed_bytes {
            return Err("a chunk's data are not as long as its record");
        }
        let size = usize::try_from(head.uncompressed_bytes).unwrap_or(usize::MAX);
        if size > RECORD_BYTES_MAX {
            return Err("a chunk claims to be larger than any is");
        }
        if head.is_compressed {
            out.bytes.clear();
            out.bytes.reserve(size);
            self.0
                .decompress_to_buffer(data, &mut out.bytes)
                .map_err(|_| "a chunk cannot be decompressed")?;
            out.start = 0;
        } else {
            std::mem::swap(body, &mut out.bytes);
            out.start = head.head_bytes;
        }
        out.last_ns = head.last_ns;
        let bytes = &out.bytes[out.start..];
        if bytes.len() != size {
            return Err("a chunk is not as large as it claims");
        }
        if crc32fast::hash(bytes) != head.crc {
            return Err("a chunk's checksum does not match");
        }
        Ok(())
    }
}
