//! The strategies that come with the engine.

mod audit;
mod bars;
mod books;
mod ma_cross;
mod null;
mod params;
mod pressure;
mod slow;
mod spread;
mod volatility;

use self::params::Given;
use crate::strategy::Strategy;

pub use audit::Audit;
pub use bars::{Bars, BarsConfig};
pub use books::{Books, TopRule};
pub use ma_cross::{MA_CROSS_BARS_MAX, MaCross, MaCrossConfig};
pub use null::Null;
pub use params::{Param, ParamError};
pub use pressure::{Pressure, PressureConfig};
pub use slow::{SLOW_ROUNDS, Slow};
pub use spread::Spread;
pub use volatility::{PriceSource, Volatility, VolatilityConfig, WARM_UP_HALF_LIVES};

/// Every name that [`by_name`] knows, with a line on what the strategy does.
pub const NAMES: &[(&str, &str)] = &[
    ("spread", "best bid, best ask and their difference"),
    ("pressure", "volume of the five best bids over that of the five best asks"),
    ("volatility", "exponentially weighted realised volatility of mid or last price"),
    ("bars", "one-second bars from trades"),
    ("ma-cross", "long while the fast moving average of closes is above the slow one"),
    ("null", "nothing but counts by kind"),
    ("audit", "numbering of the messages: lost, duplicated, reordered"),
    ("slow", "needless work on every event, to see back-pressure"),
    ("books", "a level-2 book of each instrument"),
];

/// A new instance of a built-in strategy with its default settings; `None` for an unknown name.
#[must_use]
pub fn by_name(name: &str) -> Option<Box<dyn Strategy>> {
    by_name_with(name, &[]).ok()
}

/// A new instance of a built-in strategy with these settings, each a name and a value as [`params`]
/// lists them; the others have their defaults.
///
/// # Errors
/// The strategy or a parameter is unknown, a value is none that the parameter takes, or values do not
/// fit together: the error names what it is and what would do.
pub fn by_name_with(name: &str, values: &[(&str, &str)]) -> Result<Box<dyn Strategy>, ParamError> {
    let Some(&(name, _)) = NAMES.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = NAMES.iter().map(|(known, _)| format!("`{known}`")).collect();
        return Err(ParamError::UnknownStrategy { name: name.to_owned(), known: known.join(", ") });
    };
    let given = Given::new(name, params(name).unwrap_or_default(), values)?;
    Ok(match name {
        "spread" => Box::new(Spread::new()),
        "pressure" => Box::new(Pressure::new(PressureConfig::from_params(&given)?)),
        "volatility" => Box::new(Volatility::new(VolatilityConfig::from_params(&given)?)),
        "bars" => Box::new(Bars::new(BarsConfig::from_params(&given)?)),
        "ma-cross" => Box::new(MaCross::new(MaCrossConfig::from_params(&given)?)),
        "audit" => Box::new(Audit::new()),
        "slow" => Box::new(Slow::new()),
        "books" => Box::new(Books::new()),
        _ => Box::new(Null::new()),
    })
}

/// What can be set of a built-in strategy, in the order for help; `None` for an unknown name.
#[must_use]
pub fn params(name: &str) -> Option<&'static [Param]> {
    Some(match name {
        "pressure" => PressureConfig::PARAMS,
        "volatility" => VolatilityConfig::PARAMS,
        "bars" => BarsConfig::PARAMS,
        "ma-cross" => MaCrossConfig::PARAMS,
        name => return NAMES.iter().any(|(known, _)| *known == name).then_some(&[]),
    })
}

#[cfg(test)]
mod bench;

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use super::*;
    use crate::toolkit::HalfLife;

    #[test]
    fn every_name_makes_the_strategy_of_that_name() {
        for (name, doc) in NAMES {
            assert_eq!(by_name(name).unwrap().name(), *name);
            assert!(!doc.is_empty());
        }
        assert!(by_name("spreads").is_none());
    }

    /// The settings of the strategy `name` that these values make, as they are debugged.
    fn config<C: Debug>(
        name: &'static str,
        values: &[(&str, &str)],
        make: impl Fn(&Given<'_>) -> Result<C, ParamError>,
    ) -> String {
        let given = Given::new(name, params(name).unwrap(), values).unwrap();
        format!("{:?}", make(&given).unwrap())
    }

    #[track_caller]
    fn check_defaults<C: Debug + Default>(
        name: &'static str,
        make: impl Fn(&Given<'_>) -> Result<C, ParamError>,
    ) {
        let listed: Vec<_> =
            params(name).unwrap().iter().map(|param| (param.name, param.default)).collect();
        let default = format!("{:?}", C::default());
        assert_eq!(config(name, &listed, &make), default);
        assert_eq!(config(name, &[], &make), default);
    }

    #[test]
    fn the_defaults_that_are_listed_are_the_defaults() {
        check_defaults("pressure", PressureConfig::from_params);
        check_defaults("volatility", VolatilityConfig::from_params);
        check_defaults("bars", BarsConfig::from_params);
        check_defaults("ma-cross", MaCrossConfig::from_params);
        let with_some = NAMES.iter().filter(|(name, _)| !params(name).unwrap().is_empty()).count();
        assert_eq!(with_some, 4, "each strategy with parameters is checked above");
    }

    #[test]
    fn what_is_given_is_what_is_set() {
        let values = [("fast", "3"), ("slow", "8"), ("short", "true")];
        let expected = MaCrossConfig { fast: 3, slow: 8, short: true };
        let made = config("ma-cross", &values, MaCrossConfig::from_params);
        assert_eq!(made, format!("{expected:?}"));

        let values = [("half_life", "2.5"), ("half_life_unit", "seconds"), ("source", "last")];
        let expected = VolatilityConfig {
            half_life: HalfLife::Seconds(2.5),
            source: PriceSource::Last,
            ..VolatilityConfig::default()
        };
        let made = config("volatility", &values, VolatilityConfig::from_params);
        assert_eq!(made, format!("{expected:?}"));
    }

    #[track_caller]
    fn check_refused(name: &str, values: &[(&str, &str)], message: &str) {
        let error = by_name_with(name, values).map(|_| "made").unwrap_err();
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn what_cannot_be_set_is_refused_with_what_could() {
        check_refused(
            "cross",
            &[],
            "there is no strategy named `cross`; built in are `spread`, `pressure`, `volatility`, \
             `bars`, `ma-cross`, `null`, `audit`, `slow`, `books`",
        );
        check_refused(
            "ma-cross",
            &[("fst", "3")],
            "strategy `ma-cross` has no parameter `fst`; it has `fast`, `slow`, `short`",
        );
        check_refused(
            "null",
            &[("fast", "3")],
            "strategy `null` has no parameter `fast`; it has none",
        );
        check_refused(
            "ma-cross",
            &[("fast", "3"), ("fast", "3")],
            "parameter `fast` of strategy `ma-cross` is given twice",
        );
        for value in ["", "x", "-1", "0", "3.5", "100001"] {
            let range = "a whole number from 1 to 100000";
            check_refused(
                "ma-cross",
                &[("fast", value)],
                &format!("parameter `fast` of strategy `ma-cross` is `{value}`; it takes {range}"),
            );
        }
        for value in ["0", "-2", "NaN", "inf", "many"] {
            let name = "half_life";
            let start = format!("parameter `{name}` of strategy `volatility` is `{value}`");
            check_refused(
                "volatility",
                &[(name, value)],
                &format!("{start}; it takes a number above 0"),
            );
        }
        check_refused(
            "volatility",
            &[("source", "best")],
            "parameter `source` of strategy `volatility` is `best`; it takes auto or mid or last",
        );
    }

    #[test]
    fn values_that_do_not_fit_together_are_refused() {
        check_refused(
            "ma-cross",
            &[("fast", "30")],
            "parameters of strategy `ma-cross` do not fit together: `fast` is 30 and must be below \
             `slow`, 30",
        );
        check_refused(
            "pressure",
            &[("sell_below", "3")],
            "parameters of strategy `pressure` do not fit together: `sell_below` is 3 and must not \
             be above `buy_above`, 2",
        );
    }
}
