//! An aggregate of the last values without ever taking one out of a sum.

/// What is known of some values that follow one another.
pub(super) trait Aggregate: Copy {
    /// Of no value.
    const EMPTY: Self;

    /// Of one value.
    fn of(value: f64) -> Self;

    /// Of both: `self` of the older values, `newer` of those that follow.
    fn merge(self, newer: Self) -> Self;
}

/// The aggregate of the last `capacity` values, in two parts: the values of the block that fills now,
/// aggregated as they come, and what is left of the block before, whose suffixes were aggregated when
/// it was full. Values only ever join an aggregate, so no error outlives its window, however long the
/// stream, and aggregates that cannot be undone (a minimum) need no structure of their own.
///
/// Van Herk, "A fast algorithm for local minimum and maximum filters on rectangular and octagonal
/// kernels", Pattern Recognition Letters 13 (1992); Gil and Werman, "Computing 2-D min, median, and
/// max filters", IEEE PAMI 15 (1993). Two merges a value on average; one in `capacity` values costs
/// `capacity` merges.
#[derive(Clone, Debug)]
pub(super) struct Blocks<A> {
    values: Box<[f64]>,
    /// At each index: of the values from there to the end of the block before.
    suffixes: Box<[A]>,
    /// Of the block that fills.
    newer: A,
    /// Where the next value goes.
    next: usize,
    len: usize,
}

impl<A: Aggregate> Blocks<A> {
    /// # Panics
    /// When `capacity` is 0.
    pub(super) fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a window needs room");
        Self {
            values: vec![0.0; capacity].into_boxed_slice(),
            suffixes: vec![A::EMPTY; capacity].into_boxed_slice(),
            newer: A::EMPTY,
            next: 0,
            len: 0,
        }
    }

    pub(super) fn push(&mut self, value: f64) {
        if self.next == self.values.len() {
            self.start_block();
        }
        self.values[self.next] = value;
        self.newer = self.newer.merge(A::of(value));
        self.next += 1;
        self.len = self.values.len().min(self.len + 1);
    }

    /// Of every value in the window.
    pub(super) fn aggregate(&self) -> A {
        let is_first_block = self.len < self.values.len();
        match self.suffixes.get(self.next) {
            Some(older) if !is_first_block => older.merge(self.newer),
            _ => self.newer,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) const fn capacity(&self) -> usize {
        self.values.len()
    }

    pub(super) const fn clear(&mut self) {
        (self.newer, self.next, self.len) = (A::EMPTY, 0, 0);
    }

    fn start_block(&mut self) {
        let mut suffix = A::EMPTY;
        for (slot, &value) in self.suffixes.iter_mut().zip(&*self.values).rev() {
            suffix = A::of(value).merge(suffix);
            *slot = suffix;
        }
        (self.newer, self.next) = (A::EMPTY, 0);
    }
}
