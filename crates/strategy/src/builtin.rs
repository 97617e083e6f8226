//! The strategies that come with the engine.

mod audit;
mod bars;
mod books;
mod null;
mod pressure;
mod slow;
mod spread;
mod volatility;

use crate::strategy::Strategy;

pub use audit::Audit;
pub use bars::{Bars, BarsConfig};
pub use books::{Books, TopRule};
pub use null::Null;
pub use pressure::{Pressure, PressureConfig};
pub use slow::{SLOW_ROUNDS, Slow};
pub use spread::Spread;
pub use volatility::{HalfLife, PriceSource, Volatility, VolatilityConfig, WARM_UP_HALF_LIVES};

/// Every name that [`by_name`] knows, with a line on what the strategy does.
pub const NAMES: &[(&str, &str)] = &[
    ("spread", "best bid, best ask and their difference"),
    ("pressure", "volume of the five best bids over that of the five best asks"),
    ("volatility", "exponentially weighted realised volatility of mid or last price"),
    ("bars", "one-second bars from trades"),
    ("null", "nothing but counts by kind"),
    ("audit", "numbering of the messages: lost, duplicated, reordered"),
    ("slow", "needless work on every event, to see back-pressure"),
    ("books", "a level-2 book of each instrument"),
];

/// A new instance of a built-in strategy with its default settings; `None` for an unknown name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Strategy>> {
    Some(match name {
        "spread" => Box::new(Spread::new()),
        "pressure" => Box::new(Pressure::default()),
        "volatility" => Box::new(Volatility::default()),
        "bars" => Box::new(Bars::default()),
        "null" => Box::new(Null::new()),
        "audit" => Box::new(Audit::new()),
        "slow" => Box::new(Slow::new()),
        "books" => Box::new(Books::new()),
        _ => return None,
    })
}

#[cfg(test)]
mod bench;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_makes_the_strategy_of_that_name() {
        for (name, doc) in NAMES {
            assert_eq!(by_name(name).unwrap().name(), *name);
            assert!(!doc.is_empty());
        }
        assert!(by_name("spreads").is_none());
    }
}
