//! Which worker of a strategy handles which instrument.

use tickring_event::InstrumentId;

/// One part of a strategy's instruments: what one of its workers handles.
///
/// Invariant: `index` is below `count`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shard {
    index: u32,
    count: u32,
}

impl Shard {
    /// All instruments: the shard of a strategy with one worker.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Part `index`, from 0, of `count`; `None` when there is no such part.
    #[must_use]
    pub const fn new(index: u32, count: u32) -> Option<Self> {
        if index < count { Some(Self { index, count }) } else { None }
    }

    /// Index of the worker, from 0.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// How many workers there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Whether this worker's strategy is given events of `instrument`. Events of no single
    /// instrument are given to all.
    #[must_use]
    pub const fn takes(self, instrument: InstrumentId) -> bool {
        self.count == 1 || instrument.is_none() || shard_of(instrument, self.count) == self.index
    }

    /// Whether this worker counts events of `instrument` that it is given: those of no single
    /// instrument are counted by the first worker alone, so that sums over workers are right.
    #[must_use]
    pub const fn counts(self, instrument: InstrumentId) -> bool {
        !instrument.is_none() || self.index == 0
    }
}

/// Index of the worker, of `workers`, that handles `instrument`. 0 when there are no workers.
///
/// Multiply-shift hashing (Dietzfelbinger et al., 1997): the id times 2^32 over the golden ratio,
/// modulo 2^32, scaled down to the number of workers. Stable: the same id and number give the same
/// worker in every run and version. Ids in a row, which is how instruments are numbered, land far
/// from each other (Fibonacci hashing; Knuth, vol. 3, 6.4).
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "ids have 32 bits, and the product shifted by 32 is below the number of workers"
)]
pub const fn shard_of(instrument: InstrumentId, workers: u32) -> u32 {
    let hash = (instrument.index() as u32).wrapping_mul(GOLDEN);
    ((hash as u64 * workers as u64) >> 32) as u32
}

/// 2^32 divided by the golden ratio, odd.
const GOLDEN: u32 = 0x9e37_79b9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_is_part_of_its_whole() {
        assert_eq!(Shard::new(0, 1), Some(Shard::WHOLE));
        assert!(Shard::new(1, 2).is_some());
        assert_eq!(Shard::new(2, 2), None);
        assert_eq!(Shard::new(0, 0), None);
    }

    #[test]
    fn the_same_instrument_always_has_the_same_worker() {
        let workers: Vec<_> = (0..8).map(|id| shard_of(InstrumentId::new(id), 4)).collect();
        assert_eq!(workers, [0, 2, 0, 3, 1, 0, 2, 1]);
    }

    #[test]
    fn each_instrument_has_one_worker_and_shares_are_even() {
        for count in 1..=16 {
            let mut sizes = [0_u32; 16];
            for id in 0..1_600 {
                let takers: Vec<_> = (0..count)
                    .filter(|&index| Shard::new(index, count).unwrap().takes(InstrumentId::new(id)))
                    .collect();
                assert_eq!(takers.len(), 1);
                sizes[takers[0] as usize] += 1;
            }
            let fair = 1_600 / count;
            let sizes = &sizes[..count as usize];
            assert!(sizes.iter().all(|size| size.abs_diff(fair) <= 5), "{sizes:?}");
        }
    }

    #[test]
    fn events_of_no_instrument_reach_all_and_count_once() {
        let shards = [0, 1, 2].map(|index| Shard::new(index, 3).unwrap());
        assert!(shards.iter().all(|shard| shard.takes(InstrumentId::NONE)));
        assert_eq!(shards.map(|shard| shard.counts(InstrumentId::NONE)), [true, false, false]);
    }
}
