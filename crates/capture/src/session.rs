//! One recorded session, whatever wrote it.

use crate::{CaptureError, Ending, Entry, LineReader};

/// Entries of a recorded session, in order. The entry that was read last is lent until the next is.
pub trait Session: Send {
    /// Reads the next entry; false at the end. Nothing comes after an end or an error.
    ///
    /// # Errors
    /// The file cannot be read on. What was handed out before is whole.
    fn advance(&mut self) -> Result<bool, CaptureError>;

    /// The entry that [`Session::advance`] has read.
    fn entry(&self) -> Entry<'_>;

    /// What the session is called in errors: the path as it was given, or a name.
    fn name(&self) -> &str;

    /// How many connections it has, at least 1; entries have numbers below it.
    fn connections(&self) -> usize {
        1
    }

    /// Whether its entries say when connections open and close. Otherwise each of them is open from
    /// the start.
    fn tells_connections(&self) -> bool {
        false
    }

    /// How it ended, where that is known.
    fn ending(&self) -> Option<Ending> {
        None
    }
}

impl Session for LineReader {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        self.advance()
    }

    fn entry(&self) -> Entry<'_> {
        let frame = self.frame();
        Entry::Received { connection: 0, arrival_ns: frame.arrival_ns, text: frame.text }
    }

    fn name(&self) -> &str {
        self.name()
    }
}
