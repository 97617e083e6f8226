use super::csv::NOT_IN_ORDER;
use super::{BarFrame, BarRow};
use crate::{CaptureError, Entry, Session};

/// Bars that are in memory already, such as those that were fetched.
#[derive(Debug)]
pub struct MadeBars {
    name: String,
    frame: BarFrame,
    /// Every frame, one after the other.
    text: Vec<u8>,
    /// End of each frame in `text`, and of its bar in ns since the epoch.
    ends: Vec<(usize, u64)>,
    /// How many were handed out.
    read: usize,
}

impl MadeBars {
    /// No bar. The name stands for it in errors.
    #[must_use]
    pub fn new(name: String) -> Self {
        let frame = BarFrame::default();
        Self { name, frame, text: Vec::new(), ends: Vec::new(), read: 0 }
    }

    /// Adds the next bar.
    ///
    /// # Errors
    /// It is none, or lies before the one that was added last.
    pub fn push(&mut self, row: &BarRow<'_>) -> Result<(), CaptureError> {
        let before_ns = self.ends.last().map_or(0, |it| it.1);
        let written = self.frame.write(row).and_then(|()| {
            if self.frame.end_ns() < before_ns { Err(NOT_IN_ORDER) } else { Ok(()) }
        });
        written.map_err(|what| CaptureError::Malformed {
            name: self.name.clone(),
            entries: self.ends.len() as u64,
            what: what.to_owned(),
        })?;
        self.text.extend_from_slice(self.frame.text());
        self.ends.push((self.text.len(), self.frame.end_ns()));
        Ok(())
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.ends.len()
    }
}

impl Session for MadeBars {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        let is_there = self.read < self.ends.len();
        self.read += usize::from(is_there);
        Ok(is_there)
    }

    fn entry(&self) -> Entry<'_> {
        let at = self.read.saturating_sub(1);
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].0);
        let (end, arrival_ns) = self.ends[at];
        Entry::Received { connection: 0, arrival_ns, text: &self.text[start..end] }
    }

    fn name(&self) -> &str {
        &self.name
    }
}
