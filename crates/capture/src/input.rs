//! From a session's bytes on disk to its lines: what compressed them is told by their first bytes.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;
use rtrb::{Consumer, Producer, RingBuffer};

use crate::container::wait_for;

/// Uncompressed bytes asked for at once. Large, so that a busy session costs few reads; small
/// enough for a core's second-level cache.
const TEXT_BUFFER_SIZE: usize = 256 * 1024;
/// Compressed bytes asked for at once: about what yields one `TEXT_BUFFER_SIZE` of market data.
const FILE_BUFFER_SIZE: usize = 64 * 1024;
/// As many bytes as the longest magic number (zstd's) has.
const MAGIC_SIZE: usize = 4;

/// The text of a session, whatever its bytes are compressed with.
pub(crate) type Input = Box<dyn BufRead + Send>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// A recorded line starts with a digit, so no plain session can be taken for another kind.
    fn of(magic: &[u8]) -> Self {
        match magic {
            // RFC 1952, section 2.3.1.
            [0x1f, 0x8b, ..] => Self::Gzip,
            // RFC 8878, section 3.1: a frame, or a skippable frame as some tools put first.
            [0x28, 0xb5, 0x2f, 0xfd] | [0x50..=0x5f, 0x2a, 0x4d, 0x18] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// Whether what begins with these bytes is compressed.
pub(crate) fn is_compressed(magic: &[u8]) -> bool {
    Compression::of(magic) != Compression::None
}

/// Looks at the first bytes of `reader` and puts the decompressor they ask for in front.
///
/// Waits for up to `MAGIC_SIZE` bytes or the end. A gzip file may have several members and a zstd
/// file several frames; each is read to the last.
///
/// # Errors
/// What `reader` returns for its first bytes, or the decompressor when it cannot be set up.
pub(crate) fn open(mut reader: Box<dyn Read + Send>) -> io::Result<Input> {
    let mut magic = Vec::with_capacity(MAGIC_SIZE);
    reader.by_ref().take(MAGIC_SIZE as u64).read_to_end(&mut magic)?;
    let compression = Compression::of(&magic);
    let whole = Cursor::new(magic).chain(reader);
    let text: Box<dyn Read + Send> = match compression {
        Compression::None => Box::new(whole),
        Compression::Gzip => {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(FILE_BUFFER_SIZE, whole)))
        }
        Compression::Zstd => {
            Box::new(zstd::Decoder::with_buffer(BufReader::with_capacity(FILE_BUFFER_SIZE, whole))?)
        }
    };
    Ok(Box::new(BufReader::with_capacity(TEXT_BUFFER_SIZE, text)))
}

/// Most bytes that are looked at to tell what a text is.
const FIRST_BYTES_MAX: u64 = 4096;

/// The first line that is not empty, or the start of it, with the empty ones before it; and the
/// whole text, which still begins with them.
///
/// Waits for a line feed, [`FIRST_BYTES_MAX`] bytes or the end.
///
/// # Errors
/// The text cannot be read that far.
pub(crate) fn first_line(mut input: Input) -> io::Result<(Vec<u8>, Input)> {
    let mut first = Vec::new();
    while first.trim_ascii_start().is_empty() {
        let left = FIRST_BYTES_MAX.saturating_sub(first.len() as u64);
        if input.by_ref().take(left).read_until(b'\n', &mut first)? == 0 {
            break;
        }
    }
    let whole = Cursor::new(first.clone()).chain(input);
    Ok((first, Box::new(whole)))
}

/// Reads text ahead on a thread that the caller makes.
///
/// Gives the reader and the work for the thread. The reader waits until the thread runs.
pub(crate) fn ahead(input: Input) -> (Input, AheadBytes) {
    let (out, out_end) = RingBuffer::new(BLOCKS_AHEAD);
    let (mut empty, empty_end) = RingBuffer::new(BLOCKS_AHEAD);
    for _ in 0..BLOCKS_AHEAD {
        let block = Vec::with_capacity(BLOCK_SIZE);
        empty.push(block).expect("there is room for all blocks");
    }
    let reader =
        AheadReader { out: out_end, empty, block: Vec::new(), position: 0, is_over: false };
    (Box::new(reader), AheadBytes { input, out, empty: empty_end })
}

/// The thread's side of [`ahead`].
pub(crate) struct AheadBytes {
    input: Input,
    out: Producer<io::Result<Vec<u8>>>,
    empty: Consumer<Vec<u8>>,
}

struct AheadReader {
    out: Consumer<io::Result<Vec<u8>>>,
    empty: Producer<Vec<u8>>,
    block: Vec<u8>,
    position: usize,
    is_over: bool,
}

/// Blocks that are read ahead, and the size of each: together they fit a core's second-level cache.
const BLOCKS_AHEAD: usize = 4;
const BLOCK_SIZE: usize = 128 * 1024;

impl AheadBytes {
    /// Reads until the end, an error, or until nobody wants more.
    pub(crate) fn run(mut self) {
        loop {
            let Some(mut block) = wait_for(|| match self.empty.pop() {
                Ok(block) => Some(Some(block)),
                Err(_) => self.empty.is_abandoned().then_some(None),
            }) else {
                return;
            };
            block.clear();
            let read = fill(&mut self.input, &mut block);
            let is_over = !matches!(read, Ok(()) if !block.is_empty());
            if self.out.push(read.map(|()| block)).is_err() || is_over {
                return;
            }
        }
    }
}

/// Copies what comes next into `block`, which is empty, up to [`BLOCK_SIZE`]; nothing at the end.
fn fill(input: &mut Input, block: &mut Vec<u8>) -> io::Result<()> {
    while block.len() < BLOCK_SIZE {
        let ready = match input.fill_buf() {
            Ok(ready) => ready,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if ready.is_empty() {
            break;
        }
        let size = ready.len().min(BLOCK_SIZE - block.len());
        block.extend_from_slice(&ready[..size]);
        input.consume(size);
    }
    Ok(())
}

impl BufRead for AheadReader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.position == self.block.len() && !self.is_over {
            let given = wait_for(|| match self.out.pop() {
                Ok(given) => Some(Some(given)),
                Err(_) => (self.out.is_abandoned() && self.out.is_empty()).then_some(None),
            });
            let Some(given) = given else {
                return Err(io::Error::other("the thread that reads it ahead is gone"));
            };
            self.is_over = given.as_ref().map_or(true, Vec::is_empty);
            let before = std::mem::replace(&mut self.block, given?);
            self.position = 0;
            // The one that was in hand before the first is none.
            if before.capacity() > 0 {
                drop(self.empty.push(before));
            }
        }
        Ok(&self.block[self.position..])
    }

    fn consume(&mut self, size: usize) {
        self.position += size;
    }
}

impl Read for AheadReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let ready = self.fill_buf()?;
        let size = buffer.len().min(ready.len());
        buffer[..size].copy_from_slice(&ready[..size]);
        self.consume(size);
        Ok(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(magic: &[u8], expected: Compression) {
        assert_eq!(Compression::of(magic), expected, "{magic:x?}");
    }

    #[test]
    fn the_first_bytes_tell_the_compression() {
        check(b"\x1f\x8b\x08\x00", Compression::Gzip);
        check(b"\x28\xb5\x2f\xfd", Compression::Zstd);
        check(b"\x50\x2a\x4d\x18", Compression::Zstd);
        check(b"\x5f\x2a\x4d\x18", Compression::Zstd);
        check(b"1723", Compression::None);
    }

    #[test]
    fn the_first_line_is_read_and_is_still_there() {
        for (text, expected) in [
            ("1 a\n2 b\n", "1 a\n"),
            ("\n\n1 a\n2 b", "\n\n1 a\n"),
            ("1 a", "1 a"),
            ("\n", "\n"),
            ("", ""),
        ] {
            let input = open(Box::new(Cursor::new(text.to_owned()))).unwrap();
            let (first, mut whole) = first_line(input).unwrap();
            assert_eq!(first, expected.as_bytes());
            let mut read = String::new();
            whole.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
        let long = "x".repeat(10_000);
        let (first, _) = first_line(open(Box::new(Cursor::new(long))).unwrap()).unwrap();
        assert_eq!(first.len() as u64, FIRST_BYTES_MAX);
    }

    #[test]
    fn too_few_bytes_are_plain() {
        check(b"", Compression::None);
        check(b"\x1f", Compression::None);
        check(b"\x28\xb5\x2f", Compression::None);
    }
}
