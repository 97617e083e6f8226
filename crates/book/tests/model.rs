//! The book against a simple model: the same random messages, snapshots, gaps and losses.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use tickring_book::Book;
use tickring_event::{
    Flags, Gap, GapReason, LEVELS_MAX, Level, Levels, MarketEvent, Origin, Price, Quantity,
};

type Changes = Vec<(i64, i64)>;

#[derive(Clone, Debug)]
enum Step {
    Snapshot(Changes, Changes),
    Delta(Changes, Changes),
    Stale(Changes, Changes),
    Gap { breaks_book: bool },
}

/// What a book should be, kept the plain way.
#[derive(Default)]
struct Model {
    bids: BTreeMap<i64, i64>,
    asks: BTreeMap<i64, i64>,
    valid: bool,
    applied: u64,
    snapshots: u64,
    stale: u64,
    gaps: u64,
}

impl Model {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Snapshot(bids, asks) => {
                self.bids.clear();
                self.asks.clear();
                self.change(bids, asks);
                self.valid = true;
                self.snapshots += 1;
            }
            Step::Delta(bids, asks) if self.valid => {
                self.change(bids, asks);
                self.applied += 1;
            }
            Step::Delta(..) | Step::Stale(..) => self.stale += 1,
            Step::Gap { breaks_book } => {
                self.gaps += u64::from(*breaks_book);
                self.valid &= !breaks_book;
            }
        }
    }

    fn change(&mut self, bids: &Changes, asks: &Changes) {
        for (side, changes) in [(&mut self.bids, bids), (&mut self.asks, asks)] {
            for &(price, quantity) in changes {
                if quantity == 0 {
                    side.remove(&price);
                } else {
                    side.insert(price, quantity);
                }
            }
        }
    }
}

fn level((price, quantity): (i64, i64)) -> Level {
    Level { price: Price::from_mantissa(price), quantity: Quantity::from_mantissa(quantity) }
}

/// The events of a step, as a decoder would cut them.
fn events(step: &Step, sequence: u64) -> Vec<MarketEvent> {
    let origin = Origin { venue_sequence: sequence, ..Origin::default() };
    let (bids, asks, flags) = match step {
        Step::Snapshot(bids, asks) => (bids, asks, Flags::SNAPSHOT),
        Step::Delta(bids, asks) => (bids, asks, Flags::NONE),
        Step::Stale(bids, asks) => (bids, asks, Flags::STALE),
        &Step::Gap { breaks_book } => {
            let reason = GapReason::Sequence;
            let gap = Gap { reason, expected: 1, received: 3, missing: 2, breaks_book };
            return vec![MarketEvent::gap(&origin, gap)];
        }
    };
    let mut runs = Vec::new();
    let mut levels = Levels::default();
    let mut put = |is_pushed: fn(&mut Levels, Level) -> bool, change| {
        if !is_pushed(&mut levels, level(change)) {
            runs.push(std::mem::take(&mut levels));
            assert!(is_pushed(&mut levels, level(change)));
        }
    };
    bids.iter().for_each(|&bid| put(Levels::push_bid, bid));
    asks.iter().for_each(|&ask| put(Levels::push_ask, ask));
    runs.push(levels);
    let last = runs.len() - 1;
    let place = |index| match (index == 0, index == last) {
        (true, true) => Flags::WHOLE,
        (true, false) => Flags::FIRST,
        (false, true) => Flags::LAST,
        (false, false) => Flags::NONE,
    };
    let event = |(index, levels)| MarketEvent::levels(&origin, levels, flags.with(place(index)));
    runs.iter().enumerate().map(event).collect()
}

fn changes() -> impl Strategy<Value = Changes> {
    vec((0..60_i64, 0..4_i64), 0..4 * LEVELS_MAX)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        1 => (changes(), changes()).prop_map(|(bids, asks)| Step::Snapshot(bids, asks)),
        6 => (changes(), changes()).prop_map(|(bids, asks)| Step::Delta(bids, asks)),
        1 => (changes(), changes()).prop_map(|(bids, asks)| Step::Stale(bids, asks)),
        1 => any::<bool>().prop_map(|breaks_book| Step::Gap { breaks_book }),
    ]
}

fn sides(book: &Book) -> (Changes, Changes) {
    let plain = |level: Level| (level.price.mantissa(), level.quantity.mantissa());
    (book.bids(usize::MAX).map(plain).collect(), book.asks(usize::MAX).map(plain).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn a_book_is_its_model_after_every_message(steps in vec(step(), 1..40)) {
        let (mut book, mut model) = (Book::new(), Model::default());
        for (sequence, step) in (1..).zip(&steps) {
            model.step(step);
            for event in events(step, sequence) {
                book.apply(&event);
            }
            prop_assert_eq!(book.is_valid(), model.valid);
            let bids: Changes = model.bids.iter().rev().map(|(&at, &it)| (at, it)).collect();
            let asks: Changes = model.asks.iter().map(|(&at, &it)| (at, it)).collect();
            prop_assert_eq!(book.levels(), (bids.len(), asks.len()));
            prop_assert_eq!(book.best_bid(), bids.first().map(|&it| level(it)));
            prop_assert_eq!(book.best_ask(), asks.first().map(|&it| level(it)));
            prop_assert_eq!(sides(&book), (bids, asks));
            let counts = (book.applied(), book.snapshots(), book.stale(), book.gaps());
            prop_assert_eq!(counts, (model.applied, model.snapshots, model.stale, model.gaps));
        }
        prop_assert_eq!(book.interrupted(), 0);
    }

    #[test]
    fn a_book_that_lost_any_event_is_right_again_after_a_snapshot(
        steps in vec(step(), 1..30), lost in vec(prop::bool::weighted(0.2), 400),
        end in (changes(), changes()),
    ) {
        let mut book = Book::new();
        let mut lost = lost.into_iter().cycle();
        let mut is_whole = true;
        let mut model = Model::default();
        for (sequence, step) in (1..).zip(&steps) {
            let events = events(step, sequence);
            let count = events.len();
            let kept: Vec<_> = events.into_iter().filter(|_| !lost.next().unwrap()).collect();
            is_whole &= kept.len() == count;
            model.step(step);
            for event in &kept {
                book.apply(event);
            }
            if is_whole {
                prop_assert_eq!(book.is_valid(), model.valid);
            }
        }
        let end = Step::Snapshot(end.0, end.1);
        model.step(&end);
        for event in events(&end, 1_000) {
            book.apply(&event);
        }
        prop_assert!(book.is_valid());
        let bids: Changes = model.bids.iter().rev().map(|(&at, &it)| (at, it)).collect();
        prop_assert_eq!(sides(&book).0, bids);
    }

    #[test]
    fn a_message_without_its_start_or_its_end_leaves_no_valid_book(
        seed in (changes(), changes()), bids in vec((0..60_i64, 0..4_i64), 6..30),
        cut in any::<prop::sample::Index>(), is_head_lost in any::<bool>(),
    ) {
        let mut book = Book::new();
        for event in events(&Step::Snapshot(seed.0, seed.1), 1) {
            book.apply(&event);
        }
        let run = events(&Step::Delta(bids, Changes::new()), 2);
        let cut = 1 + cut.index(run.len() - 1);
        for event in if is_head_lost { &run[cut..] } else { &run[..cut] } {
            book.apply(event);
        }
        for event in events(&Step::Delta(vec![(1, 1)], Changes::new()), 3) {
            book.apply(&event);
        }
        prop_assert!(!book.is_valid());
        prop_assert_eq!((book.interrupted(), book.applied(), book.stale()), (1, 0, 1));
    }
}
