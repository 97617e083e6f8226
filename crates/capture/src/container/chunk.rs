//! A chunk while it is filled: already in the layout in which it is compressed and written.

use super::CHUNK_BYTES;
use super::encode::{self, opcode};
use super::entry::{ROLES, Role};

/// Bytes for the channel records and the entry that makes a chunk full.
const SLACK_BYTES: usize = 64 * 1024;

/// A chunk is handed over this long after its first message, full or not.
const AGE_NS_MAX: u64 = 100_000_000;

/// Bytes of a message besides its data.
const MESSAGE_BYTES: usize = encode::RECORD_HEAD_BYTES + encode::MESSAGE_HEAD_BYTES;

/// A chunk's memory beyond this is given back: one huge message must not stay in every chunk.
const BYTES_KEPT_MAX: usize = 4 * CHUNK_BYTES;

/// One chunk, recycled from writer to tap.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Channel records, then messages, then room. Its length changes only for a message larger than
    /// a chunk, so that a message is written without asking the allocator.
    buffer: Vec<u8>,
    filled: usize,
    /// Where it is full: [`CHUNK_BYTES`], or 0 once it is to be handed over.
    limit: usize,
    /// Messages by channel.
    pub(super) counts: Box<[u64]>,
    /// Earliest and latest time of a message.
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    /// It holds what must be on the disk soon: the end of a connection, or a gap.
    pub(super) is_urgent: bool,
    /// Entries that its holes stand for.
    pub(super) entries_missing: u64,
    head_bytes: usize,
    /// Length of the message pushed last.
    last_bytes: usize,
}

impl Chunk {
    pub(super) fn new(connections: u16) -> Self {
        let mut buffer = Vec::with_capacity(CHUNK_BYTES + SLACK_BYTES);
        channels(&mut buffer, connections);
        let head_bytes = buffer.len();
        // Written once, so that the system gives the memory now and not while frames come in.
        buffer.resize(CHUNK_BYTES + SLACK_BYTES, 1);
        Self {
            buffer,
            filled: head_bytes,
            limit: CHUNK_BYTES,
            counts: vec![0; usize::from(ROLES * connections + 1)].into(),
            first_ns: u64::MAX,
            last_ns: 0,
            is_urgent: false,
            entries_missing: 0,
            head_bytes,
            last_bytes: 0,
        }
    }

    /// Channel records and messages.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer[..self.filled]
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.filled == self.head_bytes
    }

    /// Whether a message of `data_bytes` at `time_ns` belongs into it: it is not longer than a chunk
    /// should be, nor older. An empty one takes any message.
    #[inline]
    pub(super) const fn takes(&self, data_bytes: usize, time_ns: u64) -> bool {
        // An empty one starts at the end of time, and is of no age.
        let age_ns = time_ns.saturating_sub(self.first_ns);
        (self.filled + MESSAGE_BYTES + data_bytes <= self.limit && age_ns < AGE_NS_MAX)
            || self.is_empty()
    }

    /// Whether it is to be handed over though no message comes.
    pub(super) const fn is_due(&self, now_ns: u64) -> bool {
        !self.is_empty() && (self.is_urgent || now_ns.saturating_sub(self.first_ns) >= AGE_NS_MAX)
    }

    /// Has it handed over with the next message, for the disk.
    pub(super) const fn make_urgent(&mut self) {
        (self.is_urgent, self.limit) = (true, 0);
    }

    #[inline]
    pub(super) fn push(&mut self, channel: u16, time_ns: u64, data: &[u8]) {
        let end = self.filled + MESSAGE_BYTES + data.len();
        if end > self.buffer.len() {
            self.grow(end);
        }
        let (head, rest) = self.buffer[self.filled..end].split_at_mut(MESSAGE_BYTES);
        head.copy_from_slice(&encode::message_head(channel, time_ns, data.len()));
        rest.copy_from_slice(data);
        self.filled = end;
        self.counts[usize::from(channel)] += 1;
        self.first_ns = self.first_ns.min(time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        self.last_bytes = data.len();
    }

    /// Adds all messages of another chunk of the same capture.
    pub(super) fn append(&mut self, other: &Self) {
        let messages = &other.buffer[other.head_bytes..other.filled];
        let end = self.filled + messages.len();
        if end > self.buffer.len() {
            self.grow(end);
        }
        self.buffer[self.filled..end].copy_from_slice(messages);
        self.filled = end;
        for (sum, count) in self.counts.iter_mut().zip(&other.counts) {
            *sum += count;
        }
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        self.last_bytes = other.last_bytes;
    }

    #[cold]
    fn grow(&mut self, size: usize) {
        self.buffer.resize(size, 0);
    }

    /// Messages of all channels.
    pub(super) fn entries(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Bytes of its messages, their heads included.
    pub(super) const fn data_bytes(&self) -> u64 {
        (self.filled - self.head_bytes) as u64
    }

    /// The data of the message pushed last; empty where there is none.
    pub(super) fn last_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[self.filled - self.last_bytes..self.filled]
    }

    /// Makes it empty again, channel records and all else kept.
    pub(super) fn clear(&mut self) {
        if self.buffer.len() > BYTES_KEPT_MAX {
            self.buffer.truncate(CHUNK_BYTES + SLACK_BYTES);
            self.buffer.shrink_to_fit();
        }
        (self.filled, self.limit) = (self.head_bytes, CHUNK_BYTES);
        self.counts.fill(0);
        (self.first_ns, self.last_ns) = (u64::MAX, 0);
        (self.is_urgent, self.entries_missing, self.last_bytes) = (false, 0, 0);
    }
}

/// The channel records of a capture with so many connections.
pub(super) fn channels(out: &mut Vec<u8>, connections: u16) {
    for connection in 0..connections {
        for (index, role) in (0..).zip(Role::ALL) {
            let topic = format!("/connection/{connection}/{}", role.word());
            let encoding = if role == Role::Changed { "tickring.change" } else { "json" };
            channel(out, ROLES * connection + index, &topic, encoding);
        }
    }
    channel(out, ROLES * connections, "/holes", "tickring.hole");
}

fn channel(out: &mut Vec<u8>, id: u16, topic: &str, encoding: &str) {
    encode::record(out, opcode::CHANNEL, |out| {
        encode::u16(out, id);
        // No schema.
        encode::u16(out, 0);
        encode::string(out, topic);
        encode::string(out, encoding);
        encode::u32(out, 0);
    });
}
