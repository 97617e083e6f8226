use std::path::{Path, PathBuf};

use tickring_capture::{Entry, Merged, OpenOptions, Session, open_session};

use crate::{SimulatorError, Speed};

/// Recorded sessions as one, each entry with the time at which it is due.
#[derive(Debug)]
pub(crate) struct Recording {
    merged: Merged,
    speed: Speed,
    next: Next,
    first_ns: Option<u64>,
    /// When the entry at hand is due, from the start of the recording.
    due_ns: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    Unread,
    AtHand,
    End,
}

impl Recording {
    pub(crate) fn open(paths: &[PathBuf], speed: Speed) -> Result<Self, SimulatorError> {
        let sessions = paths.iter().map(|path| open(path)).collect::<Result<_, _>>()?;
        let merged = Merged::new(sessions)?;
        Ok(Self { merged, speed, next: Next::Unread, first_ns: None, due_ns: 0 })
    }

    pub(crate) fn connections(&self) -> usize {
        self.merged.connections()
    }

    /// The next entry and when it is due, `None` at the end. Stays the same until
    /// [`take`](Self::take).
    pub(crate) fn peek(&mut self) -> Result<Option<(u64, Entry<'_>)>, SimulatorError> {
        if self.next == Next::Unread {
            // The end comes first, so that it stands when reading fails.
            self.next = Next::End;
            if self.merged.advance()? {
                self.next = Next::AtHand;
                self.set_due();
            }
        }
        Ok((self.next == Next::AtHand).then(|| (self.due_ns, self.merged.entry())))
    }

    /// Goes on to the entry after the peeked one.
    pub(crate) fn take(&mut self) {
        if self.next == Next::AtHand {
            self.next = Next::Unread;
        }
    }

    pub(crate) fn is_paced(&self) -> bool {
        self.speed != Speed::Max
    }

    fn set_due(&mut self) {
        let entry = self.merged.entry();
        // What is missing has no time of its own that could be relied on.
        if matches!(entry, Entry::Hole(_)) {
            return;
        }
        let time_ns = entry.time_ns();
        let elapsed_ns = time_ns.saturating_sub(*self.first_ns.get_or_insert(time_ns));
        // A recording clock that steps back holds entries up instead of reordering them.
        self.due_ns = self.due_ns.max(self.speed.due_ns(elapsed_ns));
    }
}

/// How many frames there are in all.
pub(crate) fn frames(paths: &[PathBuf]) -> Result<u64, SimulatorError> {
    let mut frames = 0;
    for path in paths {
        let mut session = open(path)?;
        while session.advance()? {
            frames += u64::from(matches!(session.entry(), Entry::Received { .. }));
        }
    }
    Ok(frames)
}

/// Looks into every file for a frame, so that what cannot be served is known before anybody comes.
pub(crate) fn check(paths: &[PathBuf]) -> Result<(), SimulatorError> {
    let mut sessions = Vec::new();
    for path in paths {
        // What cannot be sought, such as a pipe, can be read only once.
        if path.exists() && !path.is_file() && !path.is_dir() {
            continue;
        }
        let mut session = open(path)?;
        loop {
            if !session.advance()? {
                return Err(SimulatorError::NoFrame { name: session.name().to_owned() });
            }
            if matches!(session.entry(), Entry::Received { .. }) {
                break;
            }
        }
        sessions.push(session);
    }
    // Fails when they have too many connections together.
    Merged::new(sessions)?;
    Ok(())
}

fn open(path: &Path) -> Result<Box<dyn Session>, SimulatorError> {
    Ok(open_session(path, OpenOptions::default())?.session)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[track_caller]
    fn check(speed: Speed, expected: &[u64]) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // The clock steps back once.
        for time_ns in [1_000, 1_500, 1_200, 3_000] {
            writeln!(file, "{time_ns} text").unwrap();
        }
        let mut recording = Recording::open(&[file.path().to_owned()], speed).unwrap();
        let mut due = Vec::new();
        while let Some((due_ns, _)) = recording.peek().unwrap() {
            assert_eq!(recording.peek().unwrap().map(|it| it.0), Some(due_ns));
            due.push(due_ns);
            recording.take();
        }
        assert_eq!(due, expected, "{speed}");
        assert!(recording.peek().unwrap().is_none(), "it stays at the end");
    }

    #[test]
    fn entries_are_due_as_they_were_recorded_and_never_out_of_order() {
        check(Speed::Times(1.0), &[0, 500, 500, 2_000]);
        check(Speed::Times(4.0), &[0, 125, 125, 500]);
        check(Speed::Times(0.5), &[0, 1_000, 1_000, 4_000]);
        check(Speed::Max, &[0, 0, 0, 0]);
    }
}
