//! A venue of which only some kinds of events are wanted.

use tickring_event::{InstrumentId, Kind};

use crate::batch::EventBatch;
use crate::frame::{Frame, Stamp};
use crate::json::Json;
use crate::venue::{Acknowledged, Checks, DecodeError, Inbound, Venue};

/// Leaves out the market data of other kinds than those wanted. `Gap`s and `Status` stay: they tell
/// what the rest is worth.
pub struct Filtered {
    venue: Box<dyn Venue>,
    wanted: Vec<Kind>,
}

impl Filtered {
    /// Only `wanted` of what `venue` decodes.
    #[must_use]
    pub fn new(venue: Box<dyn Venue>, wanted: Vec<Kind>) -> Self {
        Self { venue, wanted }
    }

    fn leave_out(&self, batch: &mut EventBatch) {
        batch
            .retain(|kind| matches!(kind, Kind::Gap | Kind::Status) || self.wanted.contains(&kind));
    }
}

impl Venue for Filtered {
    fn name(&self) -> &'static str {
        self.venue.name()
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        self.venue.message_kinds()
    }

    fn open(&mut self, batch: &mut EventBatch) {
        self.venue.open(batch);
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let decoded = self.venue.decode(frame, batch);
        self.leave_out(batch);
        decoded
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        self.venue.disconnected(stamp, batch);
    }

    fn next_part(&mut self) {
        self.venue.next_part();
    }

    fn finish(&mut self, batch: &mut EventBatch) {
        self.venue.finish(batch);
        self.leave_out(batch);
    }

    fn acknowledged(&self) -> Vec<Acknowledged> {
        self.venue.acknowledged()
    }

    fn numbers_tops(&self) -> bool {
        self.venue.numbers_tops()
    }

    fn json(&mut self) -> Option<&mut Json> {
        self.venue.json()
    }

    fn checks(&self) -> Vec<(InstrumentId, Checks)> {
        self.venue.checks()
    }
}

impl std::fmt::Debug for Filtered {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Filtered").field("wanted", &self.wanted).finish_non_exhaustive()
    }
}
