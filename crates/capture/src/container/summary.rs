//! The index at the end of a whole capture: where each chunk lies and what time it covers.

use super::encode::{FOOTER_BYTES, MAGIC, RECORD_HEAD_BYTES, opcode, split_record};
use super::records::{Records, le_u64};

/// Largest summary that is believed: a hundred times that of a segment of usual size.
const SUMMARY_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// What stands at the end of a whole capture.
#[derive(Debug, Default)]
pub(super) struct Summary {
    /// Earliest time, latest time and offset of each chunk.
    chunks: Vec<(u64, u64, u64)>,
    /// Messages in all.
    pub(super) entries: u64,
}

/// Reads the summary; `None` where there is none that is whole. The next record stays the same.
pub(super) fn read(records: &mut Records) -> Option<Summary> {
    let tail_bytes = (RECORD_HEAD_BYTES + FOOTER_BYTES + MAGIC.len()) as u64;
    let size = records.size()?;
    let footer_offset = size.checked_sub(tail_bytes)?;
    let tail = records.peek(footer_offset, tail_bytes).ok()?;
    let head = (FOOTER_BYTES as u64).to_le_bytes();
    if tail[0] != opcode::FOOTER || tail[1..9] != head || !tail.ends_with(&MAGIC) {
        return None;
    }
    let start = le_u64(&tail[RECORD_HEAD_BYTES..]);
    let summary_bytes = footer_offset.checked_sub(start)?;
    if summary_bytes > SUMMARY_BYTES_MAX {
        return None;
    }
    let mut bytes = records.peek(start, summary_bytes).ok()?;
    let crc_at = RECORD_HEAD_BYTES + 16;
    let records_bytes = bytes.len();
    bytes.extend_from_slice(&tail[..crc_at]);
    if crc32fast::hash(&bytes).to_le_bytes() != tail[crc_at..crc_at + 4] {
        return None;
    }
    parse(&bytes[..records_bytes])
}

fn parse(mut rest: &[u8]) -> Option<Summary> {
    let mut summary = Summary::default();
    while !rest.is_empty() {
        let (kind, body, next) = split_record(rest)?;
        match kind {
            opcode::CHUNK_INDEX => {
                let word = |at| body.get(at..at + 8).map(le_u64);
                summary.chunks.push((word(0)?, word(8)?, word(16)?));
            }
            opcode::STATISTICS => summary.entries = le_u64(body.get(..8)?),
            _ => {}
        }
        rest = next;
    }
    Some(summary)
}

impl Summary {
    /// Where the first chunk lies that has something at `from_ns` or later. `None` when none has.
    pub(super) fn offset(&self, from_ns: u64) -> Option<u64> {
        // Times may step back from one chunk to the next: the first that reaches far enough counts.
        self.chunks.iter().find(|(_, last_ns, _)| *last_ns >= from_ns).map(|&(.., offset)| offset)
    }
}
