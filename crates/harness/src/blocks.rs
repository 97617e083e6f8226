//! Blocks of several contenders in turns: each turn measures all of them, in an order of its own.

use fastrand::Rng;

use crate::stats::{median, spread};

/// What was measured: one value for each contender and turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Turns {
    /// By contender, then by turn.
    values: Vec<Vec<f64>>,
}

/// The order of `contenders` in a turn: the same seed and turn give the same order.
#[must_use]
pub fn order(contenders: usize, turn: usize, seed: u64) -> Vec<usize> {
    let mut all: Vec<usize> = (0..contenders).collect();
    // Turns must not repeat each other where seeds are small numbers.
    Rng::with_seed(seed ^ (turn as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)).shuffle(&mut all);
    all
}

/// Measures every contender once a turn, in shuffled order. `measure` is given turn and contender.
///
/// # Errors
/// The first error of `measure`.
pub fn run_blocks<E>(
    contenders: usize,
    turns: usize,
    seed: u64,
    mut measure: impl FnMut(usize, usize) -> Result<f64, E>,
) -> Result<Turns, E> {
    let mut values = vec![Vec::with_capacity(turns); contenders];
    for turn in 0..turns {
        for contender in order(contenders, turn, seed) {
            values[contender].push(measure(turn, contender)?);
        }
    }
    Ok(Turns { values })
}

impl Turns {
    /// Every value of a contender, by turn.
    ///
    /// # Panics
    /// When there is no such contender.
    #[must_use]
    pub fn of(&self, contender: usize) -> &[f64] {
        &self.values[contender]
    }

    /// The contender's median over the turns.
    ///
    /// # Panics
    /// When there is no such contender.
    #[must_use]
    pub fn median(&self, contender: usize) -> f64 {
        median(self.of(contender))
    }

    /// How far its middle half lies apart; see [`spread`](crate::spread).
    ///
    /// # Panics
    /// When there is no such contender.
    #[must_use]
    pub fn spread(&self, contender: usize) -> f64 {
        spread(self.of(contender))
    }

    /// The ratios of two contenders, each of one turn.
    ///
    /// # Panics
    /// When there is no such contender.
    #[must_use]
    pub fn ratios(&self, contender: usize, to: usize) -> Vec<f64> {
        self.of(contender).iter().zip(self.of(to)).map(|(one, other)| one / other).collect()
    }

    /// The median of those: what differs from turn to turn for both falls out.
    ///
    /// # Panics
    /// When there is no such contender.
    #[must_use]
    pub fn ratio(&self, contender: usize, to: usize) -> f64 {
        median(&self.ratios(contender, to))
    }

    /// The median of the differences of two contenders in one turn.
    ///
    /// # Panics
    /// When there is no such contender.
    #[must_use]
    pub fn difference(&self, contender: usize, from: usize) -> f64 {
        let pairs = self.of(contender).iter().zip(self.of(from));
        median(&pairs.map(|(one, other)| one - other).collect::<Vec<f64>>())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_contender_is_measured_once_a_turn() {
        let mut seen = Vec::new();
        run_blocks(3, 4, 1, |turn, contender| {
            seen.push((turn, contender));
            Ok::<f64, ()>(0.0)
        })
        .unwrap();
        assert!(seen.is_sorted_by_key(|(turn, _)| *turn));
        seen.sort_unstable();
        let all: Vec<_> = (0..4).flat_map(|turn| (0..3).map(move |it| (turn, it))).collect();
        assert_eq!(seen, all);
    }

    #[test]
    fn the_order_differs_from_turn_to_turn_and_not_from_run_to_run() {
        let orders: Vec<_> = (0..20).map(|turn| order(4, turn, 7)).collect();
        assert!(orders.iter().any(|it| it != &orders[0]));
        assert_eq!(orders, (0..20).map(|turn| order(4, turn, 7)).collect::<Vec<_>>());
        assert_ne!(orders, (0..20).map(|turn| order(4, turn, 8)).collect::<Vec<_>>());
    }

    #[test]
    fn an_error_ends_the_run() {
        let failed = run_blocks(2, 9, 1, |turn, _| if turn == 1 { Err(turn) } else { Ok(1.0) });
        assert_eq!(failed, Err(1));
    }

    proptest! {
        #[test]
        fn a_machine_that_changes_from_turn_to_turn_changes_no_ratio(
            slowness in proptest::collection::vec(0.2..5.0_f64, 1..20),
            costs in [1.0..500.0_f64, 1.0..500.0_f64],
            seed in any::<u64>(),
        ) {
            let measure =
                |turn: usize, contender: usize| Ok::<f64, ()>(slowness[turn] * costs[contender]);
            let turns = run_blocks(2, slowness.len(), seed, measure).unwrap();
            let expected = costs[1] / costs[0];
            prop_assert!((turns.ratio(1, 0) / expected - 1.0).abs() < 1e-9);
        }

        #[test]
        fn an_order_is_a_permutation(count in 0_usize..40, turn in 0_usize..99, seed in any::<u64>()) {
            let mut found = order(count, turn, seed);
            found.sort_unstable();
            prop_assert!(found.into_iter().eq(0..count));
        }
    }
}
