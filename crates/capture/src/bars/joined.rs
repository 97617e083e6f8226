use crate::{CaptureError, Entry, Merged, Session};

/// Several sessions of bars as one connection: in order of time, bars of one moment in the order of
/// the sessions.
///
/// What is given to strategies says over which connection it came. Bars come over none: joined, the
/// same bars are the same events, in however many files they lie.
#[derive(Debug)]
pub struct Joined {
    name: String,
    merged: Merged,
}

impl Joined {
    /// Joins sessions that have nothing but frames.
    ///
    /// # Errors
    /// As [`Merged::new`].
    pub fn new(name: String, sessions: Vec<Box<dyn Session>>) -> Result<Self, CaptureError> {
        Ok(Self { name, merged: Merged::new(sessions)? })
    }
}

impl Session for Joined {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        self.merged.advance()
    }

    fn entry(&self) -> Entry<'_> {
        match self.merged.entry() {
            Entry::Received { arrival_ns, text, .. } => {
                Entry::Received { connection: 0, arrival_ns, text }
            }
            other => other,
        }
    }

    fn name(&self) -> &str {
        &self.name
    }
}
