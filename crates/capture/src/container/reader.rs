//! Reads a capture from start to end; every chunk is checked before the first of its entries is
//! handed out.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use super::CONNECTIONS;
use super::ahead::{Ahead, AheadChunks};
use super::chunks::{Chunks, Damage, DirectChunks, OnDamage, Step, Told, records};
use super::encode::{MAGIC, MESSAGE_HEAD_BYTES, RECORD_HEAD_BYTES, opcode};
use super::ending::Ending;
use super::entry::{ConnectionChange, Entry, Hole, ROLES, Role};
use super::records::{Input, Records, le_u64};
use super::segments::segments;
use super::summary;
use super::unpack::Unpacked;
use crate::CaptureError;
use crate::session::Session;

/// Reads one capture file.
pub struct CaptureReader {
    name: String,
    told: Told,
    connections: u16,
    chunks: Box<dyn Chunks>,
    /// The chunk that is being handed out, and how much of it was.
    chunk: Unpacked,
    position: usize,
    /// The message that was read last.
    message: Message,
    entries: u64,
    /// Damage that was passed over and is told with the next chunk's time.
    hole: Option<Hole>,
    /// That damage, while it is the entry that was read last.
    hole_told: Option<Hole>,
    ending: Option<Ending>,
}

/// Where a message lies in its chunk, up to `position`.
#[derive(Clone, Copy, Debug)]
struct Message {
    /// Its connection and what it is; `None` for a hole.
    role: Option<(u8, Role)>,
    time_ns: u64,
    start: usize,
}

/// How a capture is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct CaptureOptions {
    /// What happens at a damaged place.
    pub on_damage: OnDamage,
    /// Chunks that end before this time are passed over unread, where the file has its index.
    pub from_ns: u64,
    /// How many threads of the caller's unpack ahead; they are at most one with `OnDamage::Skip`.
    pub threads: usize,
}

/// Whether a file starts as a capture does.
pub(crate) fn is_capture(first_bytes: &[u8]) -> bool {
    first_bytes.starts_with(&MAGIC)
}

impl CaptureReader {
    /// Opens a capture and reads what it says about its session. Segments that follow it are read
    /// on with it; see [`segments`]. Nothing is read ahead.
    ///
    /// # Errors
    /// The file cannot be read, or is no capture of ours.
    pub fn open(path: &Path) -> Result<Self, CaptureError> {
        Self::open_with(path, CaptureOptions::default()).map(|(reader, _)| reader)
    }

    /// The same with options. Each [`Ahead`] wants a thread of its own to run on; until then the
    /// reader waits for it.
    ///
    /// # Errors
    /// As [`CaptureReader::open`].
    pub fn open_with(
        path: &Path,
        options: CaptureOptions,
    ) -> Result<(Self, Vec<Ahead>), CaptureError> {
        let CaptureOptions { on_damage, from_ns, threads } = options;
        let mut files: VecDeque<PathBuf> = segments(path)?.into();
        let mut offset = None;
        while from_ns > 0 && files.len() > 1 {
            let summary = summary::read(&mut records(&files[0], false)?);
            if summary.is_none_or(|it| it.offset(from_ns).is_some()) {
                break;
            }
            files.pop_front();
        }
        let mut first = files.pop_front().expect("a capture has at least one file");
        let mut chunks = DirectChunks::open(&first, files.clone(), on_damage)?;
        while chunks.ending().is_some()
            && let Some(next) = files.pop_front()
        {
            // Stopped before it said anything; the next segment may have more to say.
            first = next;
            chunks = DirectChunks::open(&first, files.clone(), on_damage)?;
        }
        if from_ns > 0 {
            offset = summary::read(chunks.records()).and_then(|it| it.offset(from_ns));
        }
        let name = path.display().to_string();
        if chunks.ending().is_some() {
            return Ok((Self::new(name, Told::default(), 1, Box::new(chunks)), Vec::new()));
        }
        let told = chunks.told.clone();
        let connections = connections(&name, &told)?;
        let is_file = chunks.records().size().is_some();
        let threads =
            if on_damage == OnDamage::Skip || !is_file { threads.min(1) } else { threads };
        let mut sources = vec![chunks];
        while sources.len() < threads {
            sources.push(DirectChunks::open(&first, files.clone(), on_damage)?);
        }
        if let Some(offset) = offset {
            for chunks in &mut sources {
                chunks.seek(offset)?;
            }
        }
        let (chunks, ahead): (Box<dyn Chunks>, _) = if threads == 0 {
            (Box::new(sources.swap_remove(0)), Vec::new())
        } else {
            let (chunks, ahead) = AheadChunks::new(name.clone(), sources);
            (Box::new(chunks), ahead)
        };
        Ok((Self::new(name, told, connections, chunks), ahead))
    }

    /// Reads a capture that comes once, such as standard input; `name` is for errors.
    ///
    /// # Errors
    /// As [`CaptureReader::open`].
    pub fn from_stream(name: String, stream: Box<dyn Read + Send>) -> Result<Self, CaptureError> {
        Self::of(name, Input::Stream(stream), OnDamage::Stop)
    }

    /// Reads a capture in memory; `name` is for errors.
    ///
    /// # Errors
    /// As [`CaptureReader::open`].
    pub fn from_bytes(
        name: String,
        bytes: Vec<u8>,
        on_damage: OnDamage,
    ) -> Result<Self, CaptureError> {
        let input = Input::seekable(Box::new(Cursor::new(bytes)))
            .map_err(|source| CaptureError::Read { name: name.clone(), line: 0, source })?;
        Self::of(name, input, on_damage)
    }

    fn of(name: String, input: Input, on_damage: OnDamage) -> Result<Self, CaptureError> {
        let mut chunks = DirectChunks::new(name.clone(), Records::new(input, false), on_damage)?;
        let is_whole = chunks.read_head()?;
        let told = chunks.told.clone();
        let connections = if is_whole { connections(&name, &told)? } else { 1 };
        Ok(Self::new(name, told, connections, Box::new(chunks)))
    }

    pub(super) fn new(name: String, told: Told, connections: u16, chunks: Box<dyn Chunks>) -> Self {
        Self {
            name,
            told,
            connections,
            chunks,
            chunk: Unpacked::default(),
            position: 0,
            message: Message { role: None, time_ns: 0, start: 0 },
            entries: 0,
            hole: None,
            hole_told: Some(Hole::default()),
            ending: None,
        }
    }

    /// What the recorder said about the session. Empty where the file ends before it.
    #[must_use]
    pub const fn metadata(&self) -> &BTreeMap<String, String> {
        &self.told.session
    }

    /// What it says about instruments: symbol and scales. Known at the end of a whole file, and only
    /// where nothing is read ahead.
    #[must_use]
    pub fn instruments(&self) -> &BTreeMap<String, String> {
        self.chunks.instruments()
    }

    /// How it ended; `None` before the end, or when an error came first.
    #[must_use]
    pub const fn ending(&self) -> Option<Ending> {
        self.ending
    }

    /// Damaged places passed over so far, under [`OnDamage::Skip`].
    #[must_use]
    pub fn damages(&self) -> &[Damage] {
        self.chunks.damages()
    }

    /// The next entry, or `None` at the end; then [`CaptureReader::ending`] says how it ended.
    ///
    /// # Errors
    /// As [`Session::advance`].
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its item")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, CaptureError> {
        Ok(if self.advance()? { Some(self.entry()) } else { None })
    }

    /// Makes the next chunk ready; false at the end.
    fn next_chunk(&mut self) -> Result<bool, CaptureError> {
        self.position = usize::MAX;
        if self.ending.is_some() {
            return Ok(false);
        }
        loop {
            match self.chunks.next(&mut self.chunk)? {
                Step::Chunk => break,
                // Two damaged places with nothing between them are one hole.
                Step::Skipped(more) => match &mut self.hole {
                    Some(hole) => hole.bytes += more.bytes,
                    None => self.hole = Some(more),
                },
                Step::End(ending) => {
                    self.ending = Some(ending);
                    return Ok(false);
                }
            }
        }
        self.position = self.chunk.start;
        Ok(true)
    }

    /// Reads the next message of the chunk; false at its end.
    #[inline]
    fn next_message(&mut self) -> Result<bool, CaptureError> {
        loop {
            let Some(rest) = self.chunk.bytes.get(self.position..).filter(|it| !it.is_empty())
            else {
                return Ok(false);
            };
            let Some((head, body)) = rest.split_at_checked(RECORD_HEAD_BYTES) else {
                return Err(self.malformed("a record reaches past the end of its chunk"));
            };
            let length = usize::try_from(le_u64(&head[1..])).unwrap_or(usize::MAX);
            let Some(body) = body.get(..length) else {
                return Err(self.malformed("a record reaches past the end of its chunk"));
            };
            let start = self.position + RECORD_HEAD_BYTES;
            self.position = start + length;
            if head[0] != opcode::MESSAGE {
                continue;
            }
            let Some((head, data)) = body.split_at_checked(MESSAGE_HEAD_BYTES) else {
                return Err(self.malformed("a message is too short"));
            };
            let channel = u16::from_le_bytes([head[0], head[1]]);
            let role = Role::of(channel, self.connections);
            if !matches!(role, Some((_, Role::Received | Role::Sent))) {
                self.check(channel, role, data)?;
            }
            let (time_ns, start) = (le_u64(&head[6..]), start + MESSAGE_HEAD_BYTES);
            self.message = Message { role, time_ns, start };
            return Ok(true);
        }
    }

    /// A chunk whose checksum is right holds what no writer of ours writes.
    fn malformed(&self, what: &str) -> CaptureError {
        CaptureError::Malformed {
            name: self.name.clone(),
            entries: self.entries,
            what: what.to_owned(),
        }
    }

    /// Checks what `entry` will read of a message that is no text.
    #[cold]
    fn check(
        &self,
        channel: u16,
        role: Option<(u8, Role)>,
        data: &[u8],
    ) -> Result<(), CaptureError> {
        match role {
            None if channel != ROLES * self.connections => {
                Err(self.malformed("a message is of no known channel"))
            }
            None if Hole::from_bytes(data).is_none() => {
                Err(self.malformed("a hole is not as long as holes are"))
            }
            Some((_, Role::Changed)) if ConnectionChange::from_bytes(data).is_none() => {
                Err(self.malformed("a change is not as long as changes are"))
            }
            _ => Ok(()),
        }
    }

    /// Tells the damage that was passed over, before the message that was read, which is read again.
    #[cold]
    fn tell_hole(&mut self, last_ns: u64) {
        self.hole_told = self.hole.take().map(|hole| Hole { last_ns, ..hole });
        self.position = self.message.start - MESSAGE_HEAD_BYTES - RECORD_HEAD_BYTES;
    }
}

impl Session for CaptureReader {
    #[inline]
    fn advance(&mut self) -> Result<bool, CaptureError> {
        loop {
            if self.next_message()? {
                self.hole_told = None;
                if self.hole.is_some() {
                    self.tell_hole(self.message.time_ns);
                }
                break;
            }
            if self.next_chunk()? {
                continue;
            }
            // At the end there is no message after the damage.
            let Some(hole) = self.hole.take() else { return Ok(false) };
            self.hole_told = Some(Hole { last_ns: hole.first_ns, ..hole });
            break;
        }
        self.entries += 1;
        Ok(true)
    }

    #[inline]
    fn entry(&self) -> Entry<'_> {
        if let Some(hole) = self.hole_told {
            return Entry::Hole(hole);
        }
        let Message { role, time_ns, start } = self.message;
        let data = &self.chunk.bytes[start..self.position];
        match role {
            Some((connection, Role::Received)) => {
                Entry::Received { connection, arrival_ns: time_ns, text: data }
            }
            Some((connection, Role::Sent)) => Entry::Sent { connection, time_ns, text: data },
            Some((connection, Role::Changed)) => {
                let change = ConnectionChange::from_bytes(data).expect("checked by `advance`");
                Entry::Changed { connection, time_ns, change }
            }
            None => Entry::Hole(Hole::from_bytes(data).expect("checked by `advance`")),
        }
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn connections(&self) -> usize {
        usize::from(self.connections)
    }

    fn tells_connections(&self) -> bool {
        true
    }

    fn ending(&self) -> Option<Ending> {
        self.ending
    }
}

/// How many connections a capture says it has.
pub(super) fn connections(name: &str, told: &Told) -> Result<u16, CaptureError> {
    let connections = told.session.get(CONNECTIONS).and_then(|it| it.parse().ok());
    connections.filter(|it| (1..=256).contains(it)).ok_or_else(|| CaptureError::Malformed {
        name: name.to_owned(),
        entries: 0,
        what: "it does not say how many connections it has".to_owned(),
    })
}

impl std::fmt::Debug for CaptureReader {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, entries, connections, ending, .. } = self;
        let mut out = out.debug_struct("CaptureReader");
        out.field("name", name).field("entries", entries).field("connections", connections);
        out.field("ending", ending).finish_non_exhaustive()
    }
}
