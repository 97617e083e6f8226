//! Something for each instrument, found by id.

use tickring_event::{INSTRUMENTS_MAX, InstrumentId};

/// One `T` for each instrument. Grows, and so allocates, when a new id is seen.
#[derive(Debug)]
pub(crate) struct Table<T>(Vec<T>);

impl<T: Default> Table<T> {
    pub(crate) const fn new() -> Self {
        Self(Vec::new())
    }

    /// The entry of an instrument, made when it is new; `None` for an id past every instrument
    /// table, such as [`InstrumentId::NONE`].
    #[inline]
    pub(crate) fn entry(&mut self, instrument: InstrumentId) -> Option<&mut T> {
        let index = instrument.index();
        if index >= self.0.len() {
            self.grow(index)?;
        }
        self.0.get_mut(index)
    }

    /// Every entry with its instrument, those in between that were never asked for included.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (InstrumentId, &mut T)> {
        (0_u32..).map(InstrumentId::new).zip(&mut self.0)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter()
    }

    #[cold]
    fn grow(&mut self, index: usize) -> Option<()> {
        if index >= INSTRUMENTS_MAX {
            return None;
        }
        self.0.resize_with(index + 1, T::default);
        Some(())
    }
}

impl<T: Default> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_made_when_it_is_first_asked_for() {
        let mut table = Table::<u32>::new();
        *table.entry(InstrumentId::new(2)).unwrap() += 5;
        *table.entry(InstrumentId::new(0)).unwrap() += 1;
        assert_eq!(table.iter().copied().collect::<Vec<_>>(), [1, 0, 5]);
    }

    #[test]
    fn no_instrument_has_no_entry() {
        let mut table = Table::<u32>::new();
        assert!(table.entry(InstrumentId::NONE).is_none());
        assert!(table.entry(InstrumentId::new(16_384)).is_none());
        assert_eq!(table.iter().count(), 0);
    }
}
