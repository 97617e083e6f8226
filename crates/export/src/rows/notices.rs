//! Gaps and changes of connection state.

use std::sync::Arc;

use arrow_array::types::{Int32Type, UInt32Type, UInt64Type};
use tickring_event::{ConnectionState, Gap, Instruments, Status};

use super::{Head, HeadRows, Rows};
use crate::column::{Column, Marks, Values, Words};

pub(crate) struct GapRows {
    head: HeadRows,
    reason: Words,
    expected: Values<UInt64Type>,
    received: Values<UInt64Type>,
    missing: Values<UInt64Type>,
    breaks_book: Marks,
}

impl GapRows {
    pub(crate) fn new(instruments: Arc<Instruments>) -> Self {
        Self {
            head: HeadRows::new(instruments),
            reason: Words::new("reason"),
            expected: Values::new("expected"),
            received: Values::new("received"),
            missing: Values::new("missing"),
            breaks_book: Marks::new("breaks_book"),
        }
    }

    pub(crate) fn push(&mut self, head: &Head, gap: &Gap) {
        let known = |number: u64| (number > 0).then_some(number);
        self.head.push(head);
        self.reason.push(Some(gap.reason.name()));
        self.expected.push_option(known(gap.expected));
        self.received.push_option(known(gap.received));
        self.missing.push_option(known(gap.missing));
        self.breaks_book.push(gap.breaks_book);
    }
}

impl Rows for GapRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { head, reason, expected, received, missing, breaks_book } = self;
        head.columns_with([reason, expected, received, missing, breaks_book])
    }

    fn len(&self) -> usize {
        self.head.len()
    }
}

pub(crate) struct StatusRows {
    head: HeadRows,
    state: Words,
    attempt: Values<UInt32Type>,
    code: Values<Int32Type>,
}

impl StatusRows {
    pub(crate) fn new(instruments: Arc<Instruments>) -> Self {
        Self {
            head: HeadRows::new(instruments),
            state: Words::new("state"),
            attempt: Values::new("attempt"),
            code: Values::new("code"),
        }
    }

    pub(crate) fn push(&mut self, head: &Head, status: &Status) {
        self.head.push(head);
        self.state.push(Some(match status.state {
            ConnectionState::Connecting => "connecting",
            ConnectionState::Connected => "connected",
            ConnectionState::Subscribed => "subscribed",
            ConnectionState::Stale => "stale",
            ConnectionState::Disconnected => "disconnected",
            ConnectionState::Settled => "settled",
        }));
        self.attempt.push(status.attempt);
        self.code.push(status.code);
    }
}

impl Rows for StatusRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { head, state, attempt, code } = self;
        head.columns_with([state, attempt, code])
    }

    fn len(&self) -> usize {
        self.head.len()
    }
}
