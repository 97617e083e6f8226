//! Settings of built-in strategies as texts, for whoever has only texts: a command line.

use std::str::FromStr;

use thiserror::Error;

/// One setting of a built-in strategy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Param {
    /// What it is called.
    pub name: &'static str,
    /// What it is where nothing is given.
    pub default: &'static str,
    /// What it does, for help.
    pub doc: &'static str,
}

/// Why no strategy could be made of what was given.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum ParamError {
    /// No built-in strategy has this name.
    #[error("there is no strategy named `{name}`; built in are {known}")]
    UnknownStrategy {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// The strategy has no parameter of this name.
    #[error("strategy `{strategy}` has no parameter `{name}`; {known}")]
    UnknownParam {
        /// The strategy.
        strategy: &'static str,
        /// The name.
        name: String,
        /// Those that there are, in words.
        known: String,
    },
    /// One parameter was given twice.
    #[error("parameter `{name}` of strategy `{strategy}` is given twice")]
    Repeated {
        /// The strategy.
        strategy: &'static str,
        /// The parameter.
        name: String,
    },
    /// The value is none that the parameter can have.
    #[error("parameter `{name}` of strategy `{strategy}` is `{value}`; it takes {expected}")]
    InvalidValue {
        /// The strategy.
        strategy: &'static str,
        /// The parameter.
        name: &'static str,
        /// What was given.
        value: String,
        /// What is possible.
        expected: String,
    },
    /// Each value is possible, but not with the others.
    #[error("parameters of strategy `{strategy}` do not fit together: {why}")]
    Conflict {
        /// The strategy.
        strategy: &'static str,
        /// Which, and why.
        why: String,
    },
}

/// What was given for one strategy. Every name was found among its parameters, and once.
pub(super) struct Given<'a> {
    strategy: &'static str,
    values: &'a [(&'a str, &'a str)],
}

impl<'a> Given<'a> {
    pub(super) fn new(
        strategy: &'static str,
        params: &[Param],
        values: &'a [(&'a str, &'a str)],
    ) -> Result<Self, ParamError> {
        for (index, &(name, _)) in values.iter().enumerate() {
            if params.iter().all(|param| param.name != name) {
                let names: Vec<_> = params.iter().map(|it| format!("`{}`", it.name)).collect();
                let known = match names.as_slice() {
                    [] => "it has none".to_owned(),
                    names => format!("it has {}", names.join(", ")),
                };
                return Err(ParamError::UnknownParam { strategy, name: name.to_owned(), known });
            }
            if values[..index].iter().any(|&(before, _)| before == name) {
                return Err(ParamError::Repeated { strategy, name: name.to_owned() });
            }
        }
        Ok(Self { strategy, values })
    }

    /// How many of something: from 1 to `max`.
    pub(super) fn count(
        &self,
        name: &'static str,
        max: usize,
    ) -> Result<Option<usize>, ParamError> {
        let expected = format!("a whole number from 1 to {max}");
        self.parse(name, &expected, |count: &usize| (1..=max).contains(count))
    }

    /// A whole number of at least 1.
    pub(super) fn whole(&self, name: &'static str) -> Result<Option<u64>, ParamError> {
        self.parse(name, "a whole number from 1", |number: &u64| *number >= 1)
    }

    /// A number above zero.
    pub(super) fn positive(&self, name: &'static str) -> Result<Option<f64>, ParamError> {
        self.parse(name, "a number above 0", |number: &f64| number.is_finite() && *number > 0.0)
    }

    /// A number that is not below zero.
    pub(super) fn not_negative(&self, name: &'static str) -> Result<Option<f64>, ParamError> {
        self.parse(name, "a number from 0", |number: &f64| number.is_finite() && *number >= 0.0)
    }

    /// `true` or `false`.
    pub(super) fn switch(&self, name: &'static str) -> Result<Option<bool>, ParamError> {
        self.parse(name, "true or false", |_: &bool| true)
    }

    /// One of these words, and what it means.
    pub(super) fn word<T: Copy>(
        &self,
        name: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, ParamError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == value).map(|&(_, meant)| meant);
        found.map(Some).ok_or_else(|| {
            let known: Vec<_> = words.iter().map(|&(word, _)| word).collect();
            self.invalid(name, value, known.join(" or "))
        })
    }

    pub(super) const fn conflict(&self, why: String) -> ParamError {
        ParamError::Conflict { strategy: self.strategy, why }
    }

    fn parse<T: FromStr>(
        &self,
        name: &'static str,
        expected: &str,
        is_possible: impl Fn(&T) -> bool,
    ) -> Result<Option<T>, ParamError> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let parsed = value.parse().ok().filter(is_possible);
        parsed.map(Some).ok_or_else(|| self.invalid(name, value, expected.to_owned()))
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.values.iter().find(|(given, _)| *given == name).map(|&(_, value)| value)
    }

    fn invalid(&self, name: &'static str, value: &str, expected: String) -> ParamError {
        let value = value.to_owned();
        ParamError::InvalidValue { strategy: self.strategy, name, value, expected }
    }
}
