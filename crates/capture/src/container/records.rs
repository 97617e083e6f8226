//! A capture's records, one after the other, and the search for the next good one.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use super::RECORD_BYTES_MAX;
use super::encode::{MAGIC, RECORD_HEAD_BYTES, opcode};
use super::unpack::chunk_head;

/// What a capture is read from.
pub(super) enum Input {
    /// Can be sought: how it ends is told exactly, and damage can be skipped.
    File(Box<dyn ReadSeek>, u64),
    /// Comes once, such as standard input.
    Stream(Box<dyn Read + Send>),
}

/// Can be read and sought.
pub(super) trait ReadSeek: Read + Seek + Send {}

impl<T: Read + Seek + Send> ReadSeek for T {}

impl Input {
    /// An open file or bytes in memory, from their start.
    pub(super) fn seekable(mut file: Box<dyn ReadSeek>) -> io::Result<Self> {
        let size = file.seek(SeekFrom::End(0))?;
        file.rewind()?;
        Ok(Self::File(file, size))
    }

    /// A path's file. What cannot be sought, such as a pipe, is read as it comes.
    pub(super) fn of(file: File) -> io::Result<Self> {
        if file.metadata()?.is_file() {
            Self::seekable(Box::new(file))
        } else {
            Ok(Self::Stream(Box::new(file)))
        }
    }

    fn reader(&mut self) -> &mut dyn Read {
        match self {
            Self::File(file, _) => file,
            Self::Stream(stream) => stream,
        }
    }

    const fn size(&self) -> Option<u64> {
        match self {
            Self::File(_, size) => Some(*size),
            Self::Stream(_) => None,
        }
    }
}

/// Reads records in order.
pub(super) struct Records {
    input: Input,
    /// Where the next record starts.
    offset: u64,
    /// Of all before `offset`, and of all before the last record, where somebody wants it.
    crc: Option<crc32fast::Hasher>,
    crc_before: Option<crc32fast::Hasher>,
    /// The last record without its head.
    body: Vec<u8>,
}

/// What comes next in a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Found {
    /// A record of this kind; [`Records::body`] holds it.
    Record(u8),
    /// Nothing: the file ends between two records.
    End,
    /// Part of a record, and then the file ends.
    Part,
}

/// Why there is no next record.
#[derive(Debug)]
pub(super) enum Fault {
    Io(io::Error),
    Damage(&'static str),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Records {
    /// Reads from `input`, which is at its start. `with_crc` for [`Records::crc`].
    pub(super) fn new(input: Input, with_crc: bool) -> Self {
        let crc = with_crc.then(crc32fast::Hasher::new);
        Self { input, offset: 0, crc, crc_before: None, body: Vec::new() }
    }

    pub(super) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(super) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body itself, in exchange for a buffer to read the next one into.
    pub(super) const fn swap_body(&mut self, other: &mut Vec<u8>) {
        std::mem::swap(&mut self.body, other);
    }

    /// Checksum of all before the last record; `None` where it was not asked for.
    pub(super) fn crc_before_last(&self) -> Option<u32> {
        self.crc_before.clone().map(crc32fast::Hasher::finalize)
    }

    /// Checksum up to the last `size` bytes of the last record, which is of kind `opcode`.
    pub(super) fn crc_but_last(&self, opcode: u8, size: usize) -> Option<u32> {
        let mut crc = self.crc_before.clone()?;
        crc.update(&[opcode]);
        crc.update(&(self.body.len() as u64).to_le_bytes());
        crc.update(&self.body[..self.body.len() - size]);
        Some(crc.finalize())
    }

    /// Takes the checksum from here on.
    pub(super) fn start_crc(&mut self) {
        self.crc = Some(crc32fast::Hasher::new());
    }

    /// Reads the magic at the start or at the end of a file.
    pub(super) fn magic(&mut self) -> Result<Found, Fault> {
        let mut magic = [0; MAGIC.len()];
        let size = fill(self.input.reader(), &mut magic)?;
        if magic[..size] != MAGIC[..size] {
            return Err(Fault::Damage("is not where MCAP's magic bytes should be"));
        }
        if size < magic.len() {
            return Ok(if size == 0 { Found::End } else { Found::Part });
        }
        self.pass(&magic);
        Ok(Found::Record(0))
    }

    /// Reads the next record.
    pub(super) fn next(&mut self) -> Result<Found, Fault> {
        let mut head = [0; RECORD_HEAD_BYTES];
        let size = fill(self.input.reader(), &mut head)?;
        if size < head.len() {
            return Ok(if size == 0 { Found::End } else { Found::Part });
        }
        let length = le_u64(&head[1..]);
        if head[0] == 0 {
            return Err(Fault::Damage("there is no record of kind 0"));
        }
        if self.input.size().is_some_and(|size| length > size - self.offset) {
            return Ok(Found::Part);
        }
        if length > RECORD_BYTES_MAX as u64 {
            return Err(Fault::Damage("a record claims to be longer than any is"));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // Only what it is longer than the last is cleared, and it is read in one call.
        self.body.resize(length, 0);
        if fill(self.input.reader(), &mut self.body)? < length {
            return Ok(Found::Part);
        }
        self.crc_before.clone_from(&self.crc);
        self.pass(&head);
        let body = std::mem::take(&mut self.body);
        self.pass(&body);
        self.body = body;
        Ok(Found::Record(head[0]))
    }

    fn pass(&mut self, bytes: &[u8]) {
        self.offset += bytes.len() as u64;
        if let Some(crc) = &mut self.crc {
            crc.update(bytes);
        }
    }

    /// Goes to a record. False where the input cannot be sought.
    pub(super) fn seek(&mut self, offset: u64) -> io::Result<bool> {
        let Input::File(file, _) = &mut self.input else { return Ok(false) };
        file.seek(SeekFrom::Start(offset))?;
        self.offset = offset;
        // Of part of a file there is no checksum.
        self.crc = None;
        Ok(true)
    }

    /// Bytes at `offset`, at most `size_max`; the next record stays the same.
    pub(super) fn peek(&mut self, offset: u64, size_max: u64) -> io::Result<Vec<u8>> {
        let Input::File(file, _) = &mut self.input else { return Ok(Vec::new()) };
        file.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        file.as_mut().take(size_max).read_to_end(&mut bytes)?;
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(bytes)
    }

    /// Size of the file, where it is known.
    pub(super) const fn size(&self) -> Option<u64> {
        self.input.size()
    }

    /// Where, after `offset`, the next record lies that looks whole: a chunk, or the end of the
    /// data. Its content is for the caller to check.
    pub(super) fn find_after(&mut self, offset: u64) -> io::Result<Option<u64>> {
        let Some(size) = self.input.size() else { return Ok(None) };
        let mut start = offset + 1;
        while start < size {
            let block = self.peek(start, SEARCH_BYTES)?;
            let is_last = start + block.len() as u64 == size;
            for at in 0..block.len() {
                let rest = &block[at..];
                let room = size - start - at as u64;
                if is_chunk(rest, room) || is_data_end(rest) {
                    return Ok(Some(start + at as u64));
                }
            }
            if is_last {
                break;
            }
            // The heads that lie across two blocks are seen in the second.
            start += block.len() as u64 - HEAD_BYTES_MAX;
        }
        Ok(None)
    }

    /// Whether the file's last byte is a zero, as after a loss of power; no whole capture's is.
    pub(super) fn ends_in_zeros(&mut self) -> io::Result<bool> {
        let Some(size) = self.input.size().filter(|&size| size > 0) else { return Ok(false) };
        Ok(self.peek(size - 1, 1)? == [0])
    }
}

/// Bytes searched at a time.
const SEARCH_BYTES: u64 = 1024 * 1024;

/// More than the bytes by which a chunk is known: its record's head and its own.
const HEAD_BYTES_MAX: u64 = 64;

fn is_chunk(bytes: &[u8], room: u64) -> bool {
    if bytes.first() != Some(&opcode::CHUNK) || bytes.len() < RECORD_HEAD_BYTES {
        return false;
    }
    let length = le_u64(&bytes[1..]);
    length <= room - RECORD_HEAD_BYTES as u64
        && chunk_head(&bytes[RECORD_HEAD_BYTES..]).is_ok_and(|head| {
            head.uncompressed_bytes <= RECORD_BYTES_MAX as u64
                && (head.head_bytes as u64).checked_add(head.compressed_bytes) == Some(length)
        })
}

/// The end of the data has its own length, and the summary's first record or the footer follows.
fn is_data_end(bytes: &[u8]) -> bool {
    const HEAD: [u8; RECORD_HEAD_BYTES] = [opcode::DATA_END, 4, 0, 0, 0, 0, 0, 0, 0];
    bytes.starts_with(&HEAD)
        && bytes
            .get(HEAD.len() + 4)
            .is_some_and(|it| [opcode::CHANNEL, opcode::FOOTER].contains(it))
}

/// Reads until `buffer` is full or the input ends; how much.
fn fill(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut size = 0;
    while size < buffer.len() {
        match reader.read(&mut buffer[size..]) {
            Ok(0) => break,
            Ok(more) => size += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(size)
}

pub(super) fn le_u64(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_le_bytes(word)
}

pub(super) fn le_u32(bytes: &[u8]) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&bytes[..4]);
    u32::from_le_bytes(word)
}
