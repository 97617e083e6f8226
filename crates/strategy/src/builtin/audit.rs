use tickring_event::{Flags, Gap, GapReason, Kind, MarketEvent, Payload};

use crate::context::Context;
use crate::float;
use crate::strategy::{Strategy, StrategyError};
use crate::table::Table;

/// Checks from end to end that numbered messages arrive once, in order and whole.
///
/// Meant for feeds that number the messages of each instrument and kind one by one, as a numbered
/// simulation does. Looked at are first events of messages with a venue number.
///
/// Figures over all instruments:
/// - `checked`: messages looked at;
/// - `lost`: numbers that were skipped and never came;
/// - `reordered`: messages that came after a later one, and were not lost after all;
/// - `duplicated`: messages whose number had come before;
/// - `gap_missing`: messages that the feed itself reported as missing in its numbering; a jump that
///   such a gap explains is not counted as lost, and one backwards is a new start.
///
/// A message that comes late is taken for a reordered one as long as its instrument and kind have
/// any number missing: which number is not remembered.
#[derive(Debug, Default)]
pub struct Audit {
    tracks: Table<Tracks>,
    totals: Totals,
}

/// The numbering of one instrument.
#[derive(Debug, Default)]
struct Tracks {
    /// In the order of [`Kind::ALL`].
    kinds: [Track; Kind::ALL.len()],
    /// A gap whose other side has not come yet.
    gap: Option<Gap>,
}

/// The numbering of one kind of one instrument.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// The highest number seen; 0 before the first.
    last: u64,
    /// Numbers below it that did not come.
    lost: u64,
}

#[derive(Debug, Default)]
struct Totals {
    checked: u64,
    duplicated: u64,
    reordered: u64,
    gap_missing: u64,
}

impl Audit {
    /// Nothing checked yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lost(&self) -> u64 {
        self.tracks.iter().flat_map(|tracks| &tracks.kinds).map(|track| track.lost).sum()
    }
}

impl Tracks {
    fn check(&mut self, kind: Kind, sequence: u64, totals: &mut Totals) {
        let track = &mut self.kinds[kind as usize];
        totals.checked += 1;
        let gap = self.gap.take_if(|gap| gap.received == sequence);
        if track.last == 0 {
            track.last = sequence;
        } else if sequence > track.last {
            let skipped = sequence - track.last - 1;
            track.lost += skipped.saturating_sub(gap.map_or(0, |gap| gap.missing));
            track.last = sequence;
        } else if gap.is_some() {
            // The feed says that its numbering started over.
            track.last = sequence;
        } else if sequence < track.last && track.lost > 0 {
            track.lost -= 1;
            totals.reordered += 1;
        } else {
            totals.duplicated += 1;
        }
    }
}

impl Strategy for Audit {
    fn name(&self) -> &str {
        "audit"
    }

    fn on_event(
        &mut self,
        event: &MarketEvent,
        _context: &mut Context<'_>,
    ) -> Result<(), StrategyError> {
        if let Payload::Gap(gap) = event.payload() {
            if gap.reason == GapReason::Sequence
                && let Some(tracks) = self.tracks.entry(event.instrument)
            {
                self.totals.gap_missing += gap.missing;
                tracks.gap = Some(gap);
            }
        } else if event.venue_sequence != 0
            && event.flags.contains(Flags::FIRST)
            && let Some(tracks) = self.tracks.entry(event.instrument)
        {
            tracks.check(event.kind(), event.venue_sequence, &mut self.totals);
        }
        Ok(())
    }

    fn figures(&self, visit: &mut dyn FnMut(&'static str, f64)) {
        visit("checked", float::from_u64(self.totals.checked));
        visit("lost", float::from_u64(self.lost()));
        visit("duplicated", float::from_u64(self.totals.duplicated));
        visit("reordered", float::from_u64(self.totals.reordered));
        visit("gap_missing", float::from_u64(self.totals.gap_missing));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::bench::Bench;

    #[track_caller]
    fn check(sequences: &[u64], [lost, duplicated, reordered]: [f64; 3]) {
        let mut bench = Bench::new(Audit::new());
        sequences.iter().for_each(|&sequence| bench.numbered(0, sequence));
        bench.check_figures(&[
            ("lost", lost),
            ("duplicated", duplicated),
            ("reordered", reordered),
        ]);
    }

    #[test]
    fn numbers_in_a_row_from_anywhere_are_clean() {
        check(&[7, 8, 9, 10], [0.0, 0.0, 0.0]);
    }

    #[test]
    fn each_way_of_going_wrong_is_told_apart() {
        check(&[1, 2, 5], [2.0, 0.0, 0.0]);
        check(&[1, 2, 2, 3], [0.0, 1.0, 0.0]);
        check(&[1, 3, 2, 4], [0.0, 0.0, 1.0]);
        check(&[1, 2, 3, 2], [0.0, 1.0, 0.0]);
        check(&[1, 5, 3], [2.0, 0.0, 1.0]);
    }

    #[test]
    fn instruments_and_kinds_are_numbered_on_their_own() {
        let mut bench = Bench::new(Audit::new());
        bench.numbered(0, 1);
        bench.numbered(1, 8);
        bench.numbered(0, 2);
        bench.top(0, None, None);
        bench.numbered(1, 9);
        bench.check_figures(&[("checked", 5.0), ("lost", 0.0), ("duplicated", 0.0)]);
    }

    #[test]
    fn unnumbered_messages_and_later_events_of_one_are_left_out() {
        let mut bench = Bench::new(Audit::new());
        bench.numbered(0, 0);
        bench.numbered(0, 1);
        bench.depth(0, Flags::LAST, &[], &[]);
        bench.check_figures(&[("checked", 1.0)]);
    }

    #[test]
    fn a_jump_that_the_feed_reported_is_no_loss() {
        let gap = |reason, received| Gap {
            reason,
            expected: 3,
            received,
            missing: received - 3,
            breaks_book: false,
        };
        let mut bench = Bench::new(Audit::new());
        bench.numbered(0, 2);
        bench.gap(0, gap(GapReason::Sequence, 6));
        bench.numbered(0, 6);
        bench.check_figures(&[("lost", 0.0), ("gap_missing", 3.0)]);
        bench.numbered(0, 8);
        bench.check_figures(&[("lost", 1.0), ("gap_missing", 3.0)]);
        bench.gap(0, gap(GapReason::Dropped, 10));
        bench.numbered(0, 10);
        bench.check_figures(&[("lost", 2.0), ("gap_missing", 3.0)]);
    }

    #[test]
    fn a_numbering_that_starts_over_is_reported_by_the_feed() {
        let mut bench = Bench::new(Audit::new());
        bench.numbered(0, 900);
        let reason = GapReason::Sequence;
        bench.gap(0, Gap { reason, expected: 901, received: 1, missing: 0, breaks_book: false });
        bench.numbered(0, 1);
        bench.numbered(0, 2);
        bench.check_figures(&[("lost", 0.0), ("duplicated", 0.0), ("reordered", 0.0)]);
    }
}
