//! Text in the buffer that it was read into, from which lines are lent without another copy.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memchr;

/// Bytes asked for at once. Large, so that a busy session costs few reads; small enough for a core's
/// second-level cache.
const READ_SIZE: usize = 256 * 1024;

/// Where reads begin in memory: kernels copy whole pages faster than parts of them.
const PAGE_SIZE: usize = 4096;

/// Room in front of that for the start of a line whose end is read next.
const ROOM_BEFORE: usize = 64 * 1024;

/// A buffer and what of it has not been lent yet.
pub(super) struct Block {
    /// Grows to the longest line, where that is longer than `ROOM_BEFORE`.
    buffer: Vec<u8>,
    /// What was read and not lent, in `buffer`.
    rest: Range<usize>,
}

impl Block {
    /// An empty one. Its memory is touched as it is used.
    pub(super) fn new() -> Self {
        Self { buffer: Vec::new(), rest: 0..0 }
    }

    /// Where in the block the next line lies, without its line feed; `None` at the end of `input`.
    ///
    /// The last line needs no line feed. One of `size_max` bytes or more is given as far as it was read.
    #[inline]
    pub(super) fn next_line(
        &mut self,
        input: &mut impl Read,
        size_max: usize,
    ) -> io::Result<Option<Range<usize>>> {
        match memchr(b'\n', self.text(&self.rest)) {
            Some(size) => Ok(Some(self.lend(size, 1))),
            None => self.read_line(input, size_max),
        }
    }

    /// A line that was lent, or a part of it.
    #[inline]
    pub(super) fn text(&self, place: &Range<usize>) -> &[u8] {
        &self.buffer[place.start..place.end]
    }

    /// As [`Block::next_line`], where the block holds no whole line.
    #[cold]
    fn read_line(
        &mut self,
        input: &mut impl Read,
        size_max: usize,
    ) -> io::Result<Option<Range<usize>>> {
        loop {
            let searched = self.rest.len();
            if searched >= size_max {
                return Ok(Some(self.lend(searched, 0)));
            }
            if self.read(input)? == 0 {
                return Ok((searched > 0).then(|| self.lend(searched, 0)));
            }
            let fresh = &self.buffer[self.rest.start + searched..self.rest.end];
            if let Some(more) = memchr(b'\n', fresh) {
                return Ok(Some(self.lend(searched + more, 1)));
            }
        }
    }

    /// Takes `size` bytes off the rest, and `feed` behind them.
    #[inline]
    fn lend(&mut self, size: usize, feed: usize) -> Range<usize> {
        let start = self.rest.start;
        self.rest.start = start + size + feed;
        start..start + size
    }

    /// Reads once, behind the rest. How many bytes came; 0 at the end.
    fn read(&mut self, input: &mut impl Read) -> io::Result<usize> {
        let end = self.make_room();
        loop {
            match input.read(&mut self.buffer[end..end + READ_SIZE]) {
                Ok(size) => {
                    self.rest.end += size;
                    return Ok(size);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves the rest so that it ends at a page's start, or where it is too long for that, at the
    /// buffer's; `READ_SIZE` bytes are free behind it. Where it ends.
    fn make_room(&mut self) -> usize {
        if self.buffer.is_empty() {
            self.buffer = vec![0; PAGE_SIZE + ROOM_BEFORE + READ_SIZE];
        }
        let size = self.rest.len();
        let page = self.buffer[ROOM_BEFORE..].as_ptr().align_offset(PAGE_SIZE).min(PAGE_SIZE);
        let start = (ROOM_BEFORE + page).saturating_sub(size);
        if self.rest.start != start {
            self.buffer.copy_within(self.rest.clone(), start);
        }
        self.rest = start..start + size;
        if self.buffer.len() < self.rest.end + READ_SIZE {
            self.buffer.resize(self.rest.end + READ_SIZE, 0);
        }
        self.rest.end
    }
}
