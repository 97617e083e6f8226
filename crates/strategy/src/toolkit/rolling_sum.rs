use crate::float;

/// Exact sum and mean of the last `capacity` integers, such as mantissas of prices.
///
/// ```text
/// sum = x(n-capacity+1) + … + x(n)        mean = sum / len
/// ```
///
/// Units: those of the values; a mantissa's mean is in mantissas. [`RollingSum::push`] costs one
/// addition and one subtraction, whatever the capacity. Nothing drifts and nothing can overflow:
/// integers are added exactly, and 2^64 values of 64 bits fit 128 bits.
///
/// Two means of equal scale are compared without a division: `a.sum() * b.len()` with
/// `b.sum() * a.len()`.
#[derive(Clone, Debug)]
pub struct RollingSum {
    values: Box<[i64]>,
    /// Where the next value goes: on the oldest one once every slot is taken.
    next: usize,
    len: usize,
    sum: i128,
}

impl RollingSum {
    /// A window of `capacity` values, none of which was seen yet. Allocates; nothing else does.
    ///
    /// # Panics
    /// When `capacity` is 0.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        assert!(capacity > 0, "a window needs room");
        Self { values: vec![0; capacity].into_boxed_slice(), next: 0, len: 0, sum: 0 }
    }

    /// Takes a value in, and the oldest one out when the window is full.
    #[inline]
    pub fn push(&mut self, value: i64) {
        let slot = &mut self.values[self.next];
        // An empty slot holds 0.
        self.sum += i128::from(value) - i128::from(std::mem::replace(slot, value));
        self.next = if self.next + 1 == self.values.len() { 0 } else { self.next + 1 };
        self.len = self.values.len().min(self.len + 1);
    }

    /// Sum of the values in the window; 0 of none.
    #[must_use]
    pub const fn sum(&self) -> i128 {
        self.sum
    }

    /// Mean of the values in the window, the nearest float; `None` of none.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.len > 0).then(|| float::from_i128(self.sum) / float::from_usize(self.len))
    }

    /// How many values are in the window.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether no value was seen.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the window has all the values it can hold.
    #[must_use]
    pub const fn is_full(&self) -> bool {
        self.len == self.values.len()
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        self.values.fill(0);
        (self.next, self.len, self.sum) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_sum_is_that_of_the_last_values(
            values in proptest::collection::vec(any::<i64>(), 0..200),
            capacity in 1_usize..20,
        ) {
            let mut window = RollingSum::new(capacity);
            for (index, &value) in values.iter().enumerate() {
                window.push(value);
                let last = &values[(index + 1).saturating_sub(capacity)..=index];
                prop_assert_eq!(window.sum(), last.iter().copied().map(i128::from).sum::<i128>());
                prop_assert_eq!(window.len(), last.len());
                prop_assert_eq!(window.is_full(), last.len() == capacity);
            }
        }
    }

    #[test]
    fn ten_million_values_leave_no_trace() {
        let mut window = RollingSum::new(3);
        (0..10_000_000_i64)
            .for_each(|value| window.push(value.wrapping_mul(0x5851_f42d_4c95_7f2d)));
        [1, 2, 4].into_iter().for_each(|value| window.push(value));
        assert_eq!(window.sum(), 7);
        assert_eq!(window.mean(), Some(7.0 / 3.0));
    }

    #[test]
    fn the_ends_of_64_bits_do_not_overflow() {
        let mut window = RollingSum::new(2);
        (0..5).for_each(|_| window.push(i64::MIN));
        assert_eq!(window.sum(), 2 * i128::from(i64::MIN));
        (0..2).for_each(|_| window.push(i64::MAX));
        assert_eq!(window.sum(), 2 * i128::from(i64::MAX));
    }

    #[test]
    fn nothing_has_no_mean() {
        let mut window = RollingSum::new(2);
        assert!(window.is_empty() && window.mean().is_none());
        window.push(5);
        window.clear();
        assert!(window.is_empty() && window.sum() == 0 && !window.is_full());
        window.push(1);
        assert_eq!(window.mean(), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "a window needs room")]
    fn a_window_without_room_is_refused() {
        drop(RollingSum::new(0));
    }
}
