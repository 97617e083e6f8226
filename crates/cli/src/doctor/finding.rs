//! A check, what it read, and what came of it.

use std::fmt::{self, Display, Formatter};

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::host::Host;
use crate::inspect::dump::printable;

/// One thing to look at.
#[derive(Debug)]
pub(crate) struct Check {
    /// Group and name: `cores.smt`. Never changes its meaning.
    pub(crate) id: &'static str,
    /// What is looked at, in a few words.
    pub(crate) title: &'static str,
    /// What is good.
    pub(crate) good: &'static str,
    /// Why it matters for this program.
    pub(crate) why: &'static str,
    /// Reads and judges.
    pub(crate) judge: fn(&Host) -> Judged,
}

/// What a check found, or why there is nothing to find.
pub(crate) type Judged = Result<Reading, Absent>;

/// How good it is. The order is from good to bad.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize)]
pub(crate) enum State {
    /// The machine does not offer it, or does not tell.
    #[serde(rename = "n/a")]
    Absent,
    #[serde(rename = "ok")]
    Ok,
    #[serde(rename = "warn")]
    Warn,
    #[serde(rename = "bad")]
    Bad,
}

/// What a check read, judged.
#[derive(Debug)]
pub(crate) struct Reading {
    state: State,
    read: String,
    from: String,
    mend: Vec<Step>,
}

/// The machine does not offer or does not tell what a check asks for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Absent {
    pub(crate) reason: String,
    pub(crate) from: String,
}

/// A step that mends what was found.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Step {
    /// Write a value into a file of the kernel's.
    Write { value: String, path: String },
    /// Run a command.
    Run(String),
    /// Add to the kernel's command line.
    Boot(String),
    /// What no command does, in words.
    Advice(String),
}

/// A check with what it found: a contract for scripts.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) state: State,
    /// What was read, or why there is nothing to read.
    pub(crate) read: String,
    /// Where it was read.
    pub(crate) from: String,
    pub(crate) good: &'static str,
    pub(crate) why: &'static str,
    /// What would mend it; empty where nothing is wrong.
    pub(crate) mend: Vec<Step>,
}

impl Check {
    /// Reads, judges, and puts it in words.
    pub(crate) fn run(&self, host: &Host) -> Finding {
        let Self { id, title, good, why, judge } = *self;
        let Reading { state, read, from, mend } = judge(host)
            .unwrap_or_else(|Absent { reason, from }| Reading::new(State::Absent, reason, from));
        let mend = if state > State::Ok { mend } else { Vec::new() };
        // Files of the kernel hold names that devices and users chose.
        let [read, from] = [read, from].map(|text| printable(text.as_bytes()));
        Finding { id, title, state, read, from, good, why, mend }
    }
}

impl State {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Absent => "n/a",
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }

    /// `Ok`, or this where something is wrong.
    pub(crate) const fn unless(self, is_good: bool) -> Self {
        if is_good { Self::Ok } else { self }
    }
}

impl Reading {
    pub(crate) fn new(state: State, read: impl Into<String>, from: impl Into<String>) -> Self {
        Self { state, read: read.into(), from: from.into(), mend: Vec::new() }
    }

    /// Adds a step, which is told only where something is wrong.
    pub(crate) fn mend(mut self, step: Step) -> Self {
        self.mend.push(step);
        self
    }

    /// Adds steps.
    pub(crate) fn mends(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.mend.extend(steps);
        self
    }
}

impl Absent {
    pub(crate) fn new(reason: impl Into<String>, from: impl Into<String>) -> Self {
        Self { reason: reason.into(), from: from.into() }
    }

    /// A file that holds something else than what the kernel writes there.
    pub(crate) fn strange(from: impl Into<String>) -> Self {
        Self::new("its contents make no sense", from)
    }
}

impl Step {
    pub(crate) fn write(value: impl Into<String>, path: impl Into<String>) -> Self {
        Self::Write { value: value.into(), path: path.into() }
    }

    /// A setting of `/proc/sys`, by its dotted name.
    pub(crate) fn sysctl(name: &str, value: impl Display) -> Self {
        Self::Run(format!("sysctl -w {name}={value}"))
    }

    const fn how(&self) -> &'static str {
        match self {
            Self::Write { .. } => "write",
            Self::Run(_) => "run",
            Self::Boot(_) => "boot",
            Self::Advice(_) => "advice",
        }
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { value, path } => write!(f, "echo {} > {}", quoted(value), quoted(path)),
            Self::Run(command) => f.write_str(command),
            Self::Boot(parameters) => write!(f, "kernel command line: {parameters}"),
            Self::Advice(words) => f.write_str(words),
        }
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = match self {
            Self::Boot(parameters) => parameters.clone(),
            _ => self.to_string(),
        };
        let mut step = serializer.serialize_struct("Step", 2)?;
        step.serialize_field("how", self.how())?;
        step.serialize_field("text", &text)?;
        step.end()
    }
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if !word.is_empty() && word.bytes().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
