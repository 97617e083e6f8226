//! What each connection did.

use tickring_capture::Entry;
use tickring_event::{ConnectionState, MarketEvent, Payload, Status};
use tickring_ingest::Walked;

use super::json::ConnectionFacts;

impl ConnectionFacts {
    /// A connection of the session at this index.
    pub(crate) fn of(session: u64, tells_states: bool) -> Self {
        Self { session, tells_states, ..Self::default() }
    }

    /// Adds an entry of this connection.
    pub(crate) fn add(&mut self, entry: &Entry<'_>, walked: &Walked<'_>) {
        let time_ns = entry.time_ns();
        if self.last_ns == 0 || time_ns < self.first_ns {
            self.first_ns = time_ns;
        }
        self.last_ns = self.last_ns.max(time_ns);
        match entry {
            Entry::Received { text, .. } => {
                self.frames += 1;
                self.bytes += text.len() as u64;
            }
            Entry::Sent { .. } => self.commands += 1,
            Entry::Changed { .. } => {
                walked.events.iter().filter_map(status).for_each(|it| self.change(it));
            }
            Entry::Hole(_) => {}
        }
    }

    fn change(&mut self, status: Status) {
        let Status { state, attempt, code } = status;
        self.last_state = Some(state.name());
        *self.states.entry(state.name()).or_default() += 1;
        self.attempts = self.attempts.max(u64::from(attempt));
        if state == ConnectionState::Disconnected {
            *self.closes_by_code.entry(code).or_default() += 1;
        }
    }
}

/// The new state that an event tells.
pub(crate) fn status(event: &MarketEvent) -> Option<Status> {
    match event.payload() {
        Payload::Status(status) => Some(status),
        _ => None,
    }
}
