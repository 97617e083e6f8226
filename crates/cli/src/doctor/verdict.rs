//! All findings in a word.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::cpus::CpuSet;
use super::finding::{Finding, State};

/// How far figures of this host can be trusted, and why not further.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    pub(crate) word: Word,
    /// Cores that were judged, as a list.
    pub(crate) cores: String,
    pub(crate) ok: usize,
    pub(crate) warn: usize,
    pub(crate) bad: usize,
    pub(crate) absent: usize,
    /// What is not good, the bad first.
    pub(crate) worst: Vec<Concern>,
}

/// A finding that is not good, in short.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Concern {
    pub(crate) id: &'static str,
    pub(crate) state: State,
    pub(crate) read: String,
}

/// The verdict itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Word {
    /// Nothing is wrong.
    Ready,
    /// Works; tails are longer than they need be.
    Fair,
    /// Something spoils every tail.
    Poor,
    /// Nothing could be read.
    Unknown,
}

impl Verdict {
    pub(crate) fn of(cores: &CpuSet, findings: &[Finding]) -> Self {
        let count = |state| findings.iter().filter(|it| it.state == state).count();
        let (ok, warn, bad) = (count(State::Ok), count(State::Warn), count(State::Bad));
        let word = match (ok, warn, bad) {
            (0, 0, 0) => Word::Unknown,
            (_, 0, 0) => Word::Ready,
            (_, _, 0) => Word::Fair,
            _ => Word::Poor,
        };
        let of = |state| findings.iter().filter(move |it: &&Finding| it.state == state);
        let worst = of(State::Bad).chain(of(State::Warn)).map(|it| Concern {
            id: it.id,
            state: it.state,
            read: it.read.clone(),
        });
        let (cores, absent) = (cores.to_string(), count(State::Absent));
        Self { word, cores, ok, warn, bad, absent, worst: worst.collect() }
    }
}

impl Display for Word {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ready => "ready",
            Self::Fair => "fair",
            Self::Poor => "poor",
            Self::Unknown => "unknown",
        })
    }
}

impl Display for Verdict {
    /// One line: the word, the counts, and the worst three.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { word, ok, warn, bad, absent, .. } = self;
        write!(f, "{word} ({bad} bad, {warn} warn, {ok} ok, {absent} n/a)")?;
        let worst: Vec<&str> = self.worst.iter().take(WORST_MAX).map(|it| it.id).collect();
        if worst.is_empty() {
            return Ok(());
        }
        write!(f, "; worst: {}", worst.join(", "))
    }
}

/// Findings that are named in a line.
const WORST_MAX: usize = 3;
