//! Frames as rows of text, for formats that hold no messages of a venue.
//!
//! The row that `tickring-ingest` reads (see its `Rows`): instrument, the venue's time in ns and its
//! number, then one part for each event, with semicolons between.

use std::io::Write;

/// A frame that is being written. Its text is used again for the next one.
#[derive(Debug, Default)]
pub(super) struct Rows {
    text: Vec<u8>,
}

impl Rows {
    /// Starts a frame. False when the symbol has a byte that separates values.
    #[must_use]
    pub(super) fn start(&mut self, symbol: &[u8], venue_time_ns: u64, venue_sequence: u64) -> bool {
        self.text.clear();
        self.text.extend_from_slice(symbol);
        self.write(format_args!(",{venue_time_ns},{venue_sequence}"));
        !symbol.iter().any(|byte| matches!(byte, b',' | b';'))
    }

    /// Adds text to the current part, or `;` and the start of the next one.
    pub(super) fn write(&mut self, text: std::fmt::Arguments<'_>) {
        self.text.write_fmt(text).expect("a vector takes all");
    }

    pub(super) fn text(&self) -> &[u8] {
        &self.text
    }
}
