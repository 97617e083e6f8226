//! Stands for the venue of a recording of which no venue is known.

use tickring_ingest::{DecodeError, EventBatch, Frame, Inbound, Stamp, Venue};

/// Its name.
pub(crate) const UNDECODED: &str = "undecoded";

/// A venue that reads nothing in its frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Undecoded;

impl Venue for Undecoded {
    fn name(&self) -> &'static str {
        UNDECODED
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &[]
    }

    fn open(&mut self, _: &mut EventBatch) {}

    fn decode(&mut self, _: &Frame<'_>, _: &mut EventBatch) -> Result<Inbound, DecodeError> {
        Ok(Inbound::Ignored("undecoded"))
    }

    fn disconnected(&mut self, _: Stamp, _: &mut EventBatch) {}

    fn finish(&mut self, _: &mut EventBatch) {}
}
