//! Continuity of the numbers that a feed may add to its messages, by instrument and channel.

use tickring_event::{Gap, GapReason, InstrumentId};

use super::config::Channel;

/// How far back numbers are remembered one by one, to tell a late message from a second one.
const WINDOW: u64 = u64::BITS as u64;

/// The numbering of every instrument seen.
#[derive(Debug, Default)]
pub(super) struct Sequences {
    /// By index of the instrument; one that another connection carries is unknown here.
    tracks: Vec<Option<[Track; Channel::COUNT]>>,
}

/// The numbering of one instrument on one channel.
#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// Highest number accepted; 0 before the first.
    last: u64,
    /// Bit `n` set: the number `last - n` came.
    seen: u64,
    /// No message came since the connection was opened again.
    reopened: bool,
}

/// Where a message stands in its numbering.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// The expected one, the first one, or one without a number.
    Next,
    /// Numbers are missing before it.
    Gap(Gap),
    /// It came before.
    Duplicate,
    /// A later one came before it.
    Late,
}

impl Sequences {
    /// Makes room for an instrument. Allocates when it is the highest so far.
    pub(super) fn admit(&mut self, instrument: InstrumentId) {
        let index = instrument.index();
        if self.tracks.len() <= index {
            self.tracks.resize(index + 1, None);
        }
        self.tracks[index].get_or_insert_default();
    }

    /// Every instrument seen on this connection.
    pub(super) fn instruments(&self) -> impl Iterator<Item = InstrumentId> {
        let known = (0_u32..).zip(&self.tracks).filter(|(_, track)| track.is_some());
        known.map(|(index, _)| InstrumentId::new(index))
    }

    /// A new connection: its numbering may start over.
    pub(super) fn reopen(&mut self) {
        self.tracks.iter_mut().flatten().flatten().for_each(|track| track.reopened = true);
    }

    /// Where `number` stands; changes nothing. 0 is no number.
    pub(super) fn standing(
        &self,
        instrument: InstrumentId,
        channel: Channel,
        number: u64,
    ) -> Standing {
        match self.tracks.get(instrument.index()) {
            Some(Some(tracks)) if number > 0 => tracks[channel.index()].standing(number),
            _ => Standing::Next,
        }
    }

    /// Notes that the message with `number` was handled.
    pub(super) fn accept(&mut self, instrument: InstrumentId, channel: Channel, number: u64) {
        if number > 0
            && let Some(Some(tracks)) = self.tracks.get_mut(instrument.index())
        {
            tracks[channel.index()].accept(number);
        }
    }
}

impl Track {
    fn standing(&self, number: u64) -> Standing {
        if self.last == 0 || (self.reopened && number <= self.last) {
            return Standing::Next;
        }
        if number > self.last {
            let missing = number - self.last - 1;
            return if missing == 0 { Standing::Next } else { self.gap(number, missing) };
        }
        match self.last - number {
            // Too far back to be late on one connection: the venue counts anew, and how much is
            // missing cannot be known.
            WINDOW.. => self.gap(number, 0),
            behind if self.seen & (1 << behind) == 0 => Standing::Late,
            _ => Standing::Duplicate,
        }
    }

    fn accept(&mut self, number: u64) {
        let starts_over = self.reopened && number <= self.last;
        self.reopened = false;
        if number > self.last {
            let ahead = number - self.last;
            self.seen = if ahead < WINDOW { (self.seen << ahead) | 1 } else { 1 };
            self.last = number;
        } else if starts_over || self.last - number >= WINDOW {
            *self = Self { last: number, seen: 1, reopened: false };
        } else {
            self.seen |= 1 << (self.last - number);
        }
    }

    /// A depth message is a whole picture, so the book is right again with the very next event.
    const fn gap(&self, received: u64, missing: u64) -> Standing {
        Standing::Gap(Gap {
            reason: GapReason::Sequence,
            expected: self.last.saturating_add(1),
            received,
            missing,
            breaks_book: false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(expected: u64, received: u64, missing: u64) -> Standing {
        let reason = GapReason::Sequence;
        Standing::Gap(Gap { reason, expected, received, missing, breaks_book: false })
    }

    /// Numbers in order of arrival with where each stands; 0 opens the connection again.
    #[track_caller]
    fn check(steps: &[(u64, Standing)]) {
        let (id, channel) = (InstrumentId::new(3), Channel::Trade);
        let mut sequences = Sequences::default();
        sequences.admit(id);
        for &(number, expected) in steps {
            if number == 0 {
                sequences.reopen();
                continue;
            }
            assert_eq!(sequences.standing(id, channel, number), expected, "{number} of {steps:?}");
            sequences.accept(id, channel, number);
        }
    }

    const NEXT: Standing = Standing::Next;
    const OPEN: (u64, Standing) = (0, NEXT);

    #[test]
    fn numbers_in_order_are_next_from_whatever_base() {
        check(&[(1, NEXT), (2, NEXT), (3, NEXT)]);
        check(&[(77, NEXT), (78, NEXT)]);
        check(&[(u64::MAX - 1, NEXT), (u64::MAX, NEXT), (1, gap(u64::MAX, 1, 0)), (2, NEXT)]);
    }

    #[test]
    fn a_skipped_number_is_a_gap() {
        check(&[(1, NEXT), (3, gap(2, 3, 1)), (4, NEXT), (9, gap(5, 9, 4))]);
        check(&[(1, NEXT), (u64::MAX, gap(2, u64::MAX, u64::MAX - 2))]);
    }

    #[test]
    fn a_second_one_is_told_from_a_late_one() {
        use Standing::{Duplicate, Late};
        check(&[(1, NEXT), (1, Duplicate), (2, NEXT), (1, Duplicate)]);
        check(&[(1, NEXT), (3, gap(2, 3, 1)), (2, Late), (2, Duplicate), (4, NEXT)]);
        check(&[(5, NEXT), (4, Late), (6, NEXT)]);
        check(&[(1, NEXT), (66, gap(2, 66, 64)), (3, Late), (67, NEXT), (4, Late)]);
    }

    #[test]
    fn a_number_from_before_the_window_starts_over() {
        check(&[(100, NEXT), (37, Standing::Late), (36, gap(101, 36, 0)), (37, NEXT)]);
    }

    #[test]
    fn a_new_connection_may_start_over_or_go_on() {
        check(&[(8, NEXT), OPEN, (1, NEXT), (2, NEXT), (4, gap(3, 4, 1))]);
        check(&[(8, NEXT), OPEN, (8, NEXT), (9, NEXT)]);
        check(&[(8, NEXT), OPEN, (9, NEXT), (8, Standing::Duplicate)]);
        check(&[(8, NEXT), OPEN, (12, gap(9, 12, 3)), (13, NEXT)]);
        check(&[OPEN, (5, NEXT), (6, NEXT)]);
    }

    #[test]
    fn instruments_channels_and_unnumbered_messages_do_not_mix() {
        let mut sequences = Sequences::default();
        let (first, second) = (InstrumentId::new(0), InstrumentId::new(2));
        sequences.admit(second);
        sequences.accept(second, Channel::Depth, 9);
        assert_eq!(sequences.standing(second, Channel::Depth, 9), Standing::Duplicate);
        assert_eq!(sequences.standing(second, Channel::Depth, 0), NEXT);
        assert_eq!(sequences.standing(second, Channel::Trade, 9), NEXT);
        assert_eq!(sequences.standing(first, Channel::Depth, 9), NEXT);
        assert_eq!(sequences.instruments().collect::<Vec<_>>(), [second]);
    }
}
