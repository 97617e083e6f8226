use std::fmt;
use std::io::{BufWriter, Write};

use super::FRAME_BYTES_MAX;
use crate::CaptureError;

/// Writes a session that [`LineReader`](crate::LineReader) reads back the same.
///
/// Lines are gathered in a buffer; [`finish`](Self::finish) writes the rest and is the only way to
/// learn that it arrived. After [`CaptureError::Write`] the session may end in part of a line.
pub struct LineWriter<W: Write> {
    name: String,
    output: BufWriter<W>,
    frames_written: u64,
}

impl<W: Write> LineWriter<W> {
    /// Writes lines to `output`; `name` stands for the file in errors.
    pub fn new(name: impl Into<String>, output: W) -> Self {
        Self { name: name.into(), output: BufWriter::new(output), frames_written: 0 }
    }

    /// Adds one frame. The times of a session should not fall, but nothing here insists. Does not
    /// allocate.
    ///
    /// # Errors
    /// [`CaptureError::LineFeed`] or [`CaptureError::TooLong`] for a message that would not read
    /// back the same, with nothing written; [`CaptureError::Write`] when the output fails.
    pub fn write_frame(&mut self, arrival_ns: u64, text: &[u8]) -> Result<(), CaptureError> {
        let line = self.frames_written + 1;
        if text.len() > FRAME_BYTES_MAX {
            return Err(CaptureError::TooLong { name: self.name.clone(), line });
        }
        if text.contains(&b'\n') {
            return Err(CaptureError::LineFeed { name: self.name.clone(), line });
        }
        write!(self.output, "{arrival_ns} ")
            .and_then(|()| self.output.write_all(text))
            .and_then(|()| self.output.write_all(b"\n"))
            .map_err(|source| CaptureError::Write { name: self.name.clone(), line, source })?;
        self.frames_written = line;
        Ok(())
    }

    /// How many frames were added so far.
    pub const fn frames_written(&self) -> u64 {
        self.frames_written
    }

    /// Writes what is still in the buffer, flushes the output and gives it back.
    ///
    /// # Errors
    /// [`CaptureError::Write`] when the output fails; the output is then lost.
    pub fn finish(self) -> Result<W, CaptureError> {
        let Self { name, mut output, frames_written: line } = self;
        let failed = |source| CaptureError::Write { name: name.clone(), line, source };
        output.flush().map_err(failed)?;
        output.into_inner().map_err(|error| failed(error.into_error()))
    }
}

impl<W: Write> fmt::Debug for LineWriter<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LineWriter")
            .field("name", &self.name)
            .field("frames_written", &self.frames_written)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_become_lines() {
        let mut writer = LineWriter::new("memory", Vec::new());
        writer.write_frame(7, b"{}").unwrap();
        writer.write_frame(u64::MAX, b"").unwrap();
        assert_eq!(writer.frames_written(), 2);
        assert_eq!(writer.finish().unwrap(), b"7 {}\n18446744073709551615 \n");
    }

    #[test]
    fn a_message_with_a_line_feed_is_refused_and_leaves_no_trace() {
        let mut writer = LineWriter::new("memory", Vec::new());
        writer.write_frame(1, b"a").unwrap();
        let error = writer.write_frame(2, b"b\nc").unwrap_err();
        assert_eq!(error.to_string(), "memory: line 2: message holds a line feed");
        writer.write_frame(3, b"d").unwrap();
        assert_eq!(writer.finish().unwrap(), b"1 a\n3 d\n");
    }

    #[test]
    fn a_message_past_the_limit_is_refused() {
        let mut writer = LineWriter::new("memory", std::io::sink());
        let text = vec![b'x'; FRAME_BYTES_MAX + 1];
        writer.write_frame(1, &text[1..]).unwrap();
        let error = writer.write_frame(2, &text).unwrap_err();
        assert!(matches!(error, CaptureError::TooLong { line: 2, .. }), "{error}");
    }

    #[test]
    fn an_output_that_is_full_is_reported_at_the_end_at_the_latest() {
        let mut room = [0; 4];
        let mut writer = LineWriter::new("memory", room.as_mut_slice());
        writer.write_frame(1, b"does not fit").unwrap();
        let error = writer.finish().unwrap_err();
        assert!(error.to_string().starts_with("memory: line 1: cannot be written: "), "{error}");
    }
}
