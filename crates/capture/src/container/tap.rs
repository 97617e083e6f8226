//! The ingest thread's side: each entry is copied once, straight into the chunk that will be
//! compressed.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rtrb::{Consumer, Producer, PushError, RingBuffer};

use super::chunk::Chunk;
use super::entry::{CAPTURE_CONNECTIONS_MAX, ConnectionChange, Hole, ROLES, Role};

/// Chunks in circulation: at 256 KiB each, some 16 MiB of frames may wait for the disk.
const CHUNKS: usize = 64;

/// Yields before a blocked tap starts to park.
const YIELDS: u32 = 100;

/// What happens when the writer cannot keep up.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnCaptureFull {
    /// The tap waits for the writer: nothing is missing in the capture, and frames come late.
    #[default]
    Block,
    /// The entry is left out; what is missing is counted and written into the capture in its place.
    Mark,
}

impl FromStr for OnCaptureFull {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "block" => Ok(Self::Block),
            "mark" => Ok(Self::Mark),
            _ => Err(format!("`{word}` is not one of block, mark")),
        }
    }
}

/// Records entries on the thread that sees them. When it is dropped, also by a panic, what it holds
/// is handed over.
#[derive(Debug)]
pub struct Tap {
    connections: u16,
    on_full: OnCaptureFull,
    current: Option<Chunk>,
    /// What becomes `current` next, so that recording an entry never waits.
    spare: Option<Chunk>,
    /// How often every chunk was with the writer.
    waits: Arc<AtomicU64>,
    full: Producer<Chunk>,
    empty: Consumer<Chunk>,
    /// What is missing since the last entry.
    hole: Hole,
}

/// The writer's side of a tap.
#[derive(Debug)]
pub struct ChunkReceiver {
    pub(super) connections: u16,
    pub(super) waits: Arc<AtomicU64>,
    pub(super) full: Consumer<Chunk>,
    pub(super) empty: Producer<Chunk>,
}

/// A tap for connections 0 to `connections - 1` and what a writer takes its chunks from. Allocates
/// all chunks, some 20 MiB.
///
/// # Panics
/// When `connections` is 0 or above [`CAPTURE_CONNECTIONS_MAX`].
#[must_use]
pub fn capture_channel(connections: usize, on_full: OnCaptureFull) -> (Tap, ChunkReceiver) {
    assert!((1..=CAPTURE_CONNECTIONS_MAX).contains(&connections), "{connections} connections");
    let connections = u16::try_from(connections).expect("checked on the line above");
    let (full, full_out) = RingBuffer::new(CHUNKS);
    let (mut empty, empty_out) = RingBuffer::new(CHUNKS);
    for _ in 0..CHUNKS {
        empty.push(Chunk::new(connections)).expect("there is room for all chunks");
    }
    let waits = Arc::new(AtomicU64::new(0));
    let tap = Tap {
        connections,
        on_full,
        current: None,
        spare: None,
        waits: Arc::clone(&waits),
        full,
        empty: empty_out,
        hole: Hole::default(),
    };
    (tap, ChunkReceiver { connections, waits, full: full_out, empty })
}

impl Tap {
    /// Whether the next entry can be recorded without a wait; always so under
    /// [`OnCaptureFull::Mark`]. Each no is counted.
    #[inline]
    pub fn is_ready(&mut self) -> bool {
        self.spare.is_some() || self.take_spare()
    }

    #[cold]
    fn take_spare(&mut self) -> bool {
        self.spare = self.empty.pop().ok();
        let is_ready = self.spare.is_some()
            || self.on_full == OnCaptureFull::Mark
            || self.empty.is_abandoned();
        if !is_ready {
            // Relaxed: a count for the report, read when this side is gone.
            self.waits.fetch_add(1, Ordering::Relaxed);
        }
        is_ready
    }

    /// Records a frame that arrived.
    ///
    /// Copies it; does not allocate unless the frame is larger than a chunk. Under
    /// [`OnCaptureFull::Block`] it waits while every chunk is with the writer.
    ///
    /// # Panics
    /// When the capture has no such connection; so do the other two.
    #[inline]
    pub fn received(&mut self, connection: u8, arrival_ns: u64, text: &[u8]) {
        self.push(Role::Received, connection, arrival_ns, text);
    }

    /// Records a command that was sent.
    pub fn sent(&mut self, connection: u8, time_ns: u64, text: &[u8]) {
        self.push(Role::Sent, connection, time_ns, text);
    }

    /// Records a connection's new state. An `is_urgent` one is handed over at once, for the disk.
    pub fn changed(
        &mut self,
        connection: u8,
        time_ns: u64,
        change: ConnectionChange,
        is_urgent: bool,
    ) {
        self.push(Role::Changed, connection, time_ns, &change.to_bytes());
        if is_urgent {
            self.make_urgent();
            self.hand_over();
        }
    }

    /// The bytes of the entry recorded last, while they are still here.
    pub fn last_mut(&mut self) -> Option<&mut [u8]> {
        self.current.as_mut().map(Chunk::last_mut)
    }

    /// Has what was recorded so far handed over with the next entry, for the disk.
    pub fn make_urgent(&mut self) {
        if let Some(chunk) = &mut self.current {
            chunk.make_urgent();
        }
    }

    /// Hands over a chunk that is old. Call it when nothing happens.
    pub fn idle(&mut self, now_ns: u64) {
        if self.current.as_ref().is_some_and(|chunk| chunk.is_due(now_ns)) {
            self.hand_over();
        }
    }

    #[inline]
    fn push(&mut self, role: Role, connection: u8, time_ns: u64, data: &[u8]) {
        assert!(u16::from(connection) < self.connections, "there is no connection {connection}");
        let channel = role.channel(connection);
        match &mut self.current {
            Some(chunk) if chunk.takes(data.len(), time_ns) => chunk.push(channel, time_ns, data),
            _ => self.push_into_next(channel, time_ns, data),
        }
    }

    /// Goes on in another chunk.
    #[cold]
    fn push_into_next(&mut self, channel: u16, time_ns: u64, data: &[u8]) {
        self.hand_over();
        self.take_chunk(self.on_full);
        match &mut self.current {
            Some(chunk) => chunk.push(channel, time_ns, data),
            None => self.hole.add(time_ns, data.len()),
        }
    }

    /// Gets an empty chunk; the hole before it, if there is one, becomes its first entry.
    fn take_chunk(&mut self, on_full: OnCaptureFull) {
        let mut turns = 0;
        self.current = loop {
            match self.spare.take().map_or_else(|| self.empty.pop(), Ok) {
                Ok(chunk) => break Some(chunk),
                Err(_) if on_full == OnCaptureFull::Mark || self.empty.is_abandoned() => {
                    break None;
                }
                Err(_) if turns < YIELDS => thread::yield_now(),
                Err(_) => thread::park_timeout(Duration::from_micros(50)),
            }
            turns += 1;
        };
        if let Some(chunk) = &mut self.current
            && self.hole.entries > 0
        {
            let hole = std::mem::take(&mut self.hole);
            chunk.entries_missing = hole.entries;
            chunk.push(ROLES * self.connections, hole.first_ns, &hole.to_bytes());
        }
    }

    fn hand_over(&mut self) {
        let Some(chunk) = self.current.take() else { return };
        if let Err(PushError::Full(chunk)) = self.full.push(chunk) {
            // The writer is gone and takes no more: there is room for every chunk otherwise.
            self.hole.entries += chunk.entries();
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.hand_over();
        if self.hole.entries > 0 {
            self.take_chunk(OnCaptureFull::Block);
            self.hand_over();
        }
    }
}
