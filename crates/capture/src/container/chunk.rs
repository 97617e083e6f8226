//! A chunk while it is filled: already in the layout in which it is compressed and written.

use super::CHUNK_BYTES;
use super::encode::{self, opcode};
use super::entry::{ROLES, Role};

/// Bytes for the channel records and the entry that makes a chunk full.
const SLACK_BYTES: usize = 64 * 1024;

/// A chunk's memory beyond this is given back: one huge message must not stay in every chunk.
const BYTES_KEPT_MAX: usize = 4 * CHUNK_BYTES;

/// One chunk, recycled from writer to tap.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Channel records, then messages.
    pub(super) bytes: Vec<u8>,
    /// Messages by channel.
    pub(super) counts: Box<[u64]>,
    /// Earliest and latest time of a message.
    pub(super) first_ns: u64,
    pub(super) last_ns: u64,
    /// It holds what must be on the disk soon: the end of a connection.
    pub(super) is_urgent: bool,
    /// Entries that its holes stand for.
    pub(super) entries_missing: u64,
    head_bytes: usize,
    /// Length of the message pushed last.
    last_bytes: usize,
}

impl Chunk {
    pub(super) fn new(connections: u16) -> Self {
        // Written once, so that the system gives the memory now and not while frames come in.
        let mut bytes = vec![0; CHUNK_BYTES + SLACK_BYTES];
        bytes.clear();
        channels(&mut bytes, connections);
        Self {
            head_bytes: bytes.len(),
            bytes,
            counts: vec![0; usize::from(ROLES * connections + 1)].into(),
            first_ns: u64::MAX,
            last_ns: 0,
            is_urgent: false,
            entries_missing: 0,
            last_bytes: 0,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.bytes.len() == self.head_bytes
    }

    /// Whether a message of `data_bytes` would make it longer than a chunk should be.
    pub(super) const fn is_full_for(&self, data_bytes: usize) -> bool {
        let message_bytes = encode::RECORD_HEAD_BYTES + encode::MESSAGE_HEAD_BYTES + data_bytes;
        !self.is_empty() && self.bytes.len() + message_bytes > CHUNK_BYTES
    }

    #[inline]
    pub(super) fn push(&mut self, channel: u16, time_ns: u64, data: &[u8]) {
        encode::message(&mut self.bytes, channel, time_ns, data);
        self.counts[usize::from(channel)] += 1;
        self.first_ns = self.first_ns.min(time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        self.last_bytes = data.len();
    }

    /// Messages of all channels.
    pub(super) fn entries(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Bytes of its messages, their heads included.
    pub(super) const fn data_bytes(&self) -> u64 {
        (self.bytes.len() - self.head_bytes) as u64
    }

    /// The data of the message pushed last; empty where there is none.
    pub(super) fn last_mut(&mut self) -> &mut [u8] {
        let start = self.bytes.len() - self.last_bytes;
        &mut self.bytes[start..]
    }

    /// Makes it empty again, channel records and all else kept.
    pub(super) fn clear(&mut self) {
        self.bytes.truncate(self.head_bytes);
        if self.bytes.capacity() > BYTES_KEPT_MAX {
            self.bytes.shrink_to(CHUNK_BYTES + SLACK_BYTES);
        }
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
