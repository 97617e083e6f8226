//! Entries as they were recorded.

use arrow_array::types::{Int32Type, UInt8Type, UInt32Type, UInt64Type};
use tickring_capture::{Entry, Hole};

use super::Rows;
use crate::ExportError;
use crate::column::{Column, Texts, Times, Values, Words, times};
use crate::number::timestamp;

pub(crate) struct FrameRows {
    entry: Values<UInt64Type>,
    time: Times,
    connection: Values<UInt8Type>,
    kind: Words,
    text: Texts,
    /// Of a change of connection state.
    state: Values<UInt8Type>,
    attempt: Values<UInt32Type>,
    code: Values<Int32Type>,
    /// Of a hole.
    until_time: Times,
    missing: Values<UInt64Type>,
    missing_bytes: Values<UInt64Type>,
    /// Entries so far.
    entries: u64,
}

/// What only some kinds of entries have.
#[derive(Clone, Copy, Debug, Default)]
struct Rest<'a> {
    connection: Option<u8>,
    text: Option<&'a [u8]>,
    state: Option<u8>,
    attempt: Option<u32>,
    code: Option<i32>,
    until_time: Option<i64>,
    missing: Option<u64>,
    missing_bytes: Option<u64>,
}

impl FrameRows {
    pub(crate) fn new() -> Self {
        Self {
            entry: Values::new("entry"),
            time: times("time"),
            connection: Values::new("connection"),
            kind: Words::new("kind"),
            text: Texts::new("text"),
            state: Values::new("state"),
            attempt: Values::new("attempt"),
            code: Values::new("code"),
            until_time: times("until_time"),
            missing: Values::new("missing"),
            missing_bytes: Values::new("missing_bytes"),
            entries: 0,
        }
    }

    /// Adds an entry. Its kind tells the direction: `received`, `sent`; or it is `changed`, `hole`.
    pub(crate) fn push(&mut self, entry: &Entry<'_>) -> Result<(), ExportError> {
        let number = self.entries;
        let timestamp = |ns| timestamp(ns, || format!("entry {number}"));
        let none = Rest::default();
        let (kind, rest) = match *entry {
            Entry::Received { connection, text, .. } => {
                ("received", Rest { connection: Some(connection), text: Some(text), ..none })
            }
            Entry::Sent { connection, text, .. } => {
                ("sent", Rest { connection: Some(connection), text: Some(text), ..none })
            }
            Entry::Changed { connection, change, .. } => {
                let connection = Some(connection);
                let (state, attempt) = (Some(change.state), Some(change.attempt));
                let code = Some(change.code);
                ("changed", Rest { connection, state, attempt, code, ..none })
            }
            Entry::Hole(Hole { last_ns, entries, bytes, .. }) => {
                let until_time = timestamp(last_ns)?;
                let missing = (entries > 0).then_some(entries);
                let missing_bytes = Some(bytes);
                ("hole", Rest { until_time, missing, missing_bytes, ..none })
            }
        };
        let time = timestamp(entry.time_ns())?;
        self.push_row(time, kind, &rest);
        Ok(())
    }

    fn push_row(&mut self, time: Option<i64>, kind: &str, rest: &Rest<'_>) {
        self.entry.push(self.entries);
        self.entries += 1;
        self.time.push_option(time);
        self.connection.push_option(rest.connection);
        self.kind.push(Some(kind));
        self.text.push(rest.text);
        self.state.push_option(rest.state);
        self.attempt.push_option(rest.attempt);
        self.code.push_option(rest.code);
        self.until_time.push_option(rest.until_time);
        self.missing.push_option(rest.missing);
        self.missing_bytes.push_option(rest.missing_bytes);
    }
}

impl Rows for FrameRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { entry, time, connection, kind, text, state, .. } = self;
        let Self { attempt, code, until_time, missing, missing_bytes, .. } = self;
        vec![
            entry,
            time,
            connection,
            kind,
            text,
            state,
            attempt,
            code,
            until_time,
            missing,
            missing_bytes,
        ]
    }

    fn len(&self) -> usize {
        self.entry.len()
    }

    fn bytes(&self) -> usize {
        self.text.bytes()
    }
}
