//! The strategies that `--strategy` can name.

use std::fmt;

use tickring_strategy::{Strategy, builtin};

/// Strategies by name: the built-in ones and the program's own.
#[derive(Default)]
pub struct Strategies {
    own: Vec<Own>,
}

struct Own {
    name: String,
    make: Box<dyn Fn() -> Box<dyn Strategy>>,
}

impl Strategies {
    /// The strategies that come with the engine: [`builtin::NAMES`].
    #[must_use]
    pub fn builtin() -> Self {
        Self::default()
    }

    /// These and one more. `make` is called once for each worker, before any thread starts; each
    /// worker has its instance to itself.
    ///
    /// # Panics
    /// The name is taken, empty, or not made of letters, digits, `-` and `_` alone: it has to work
    /// in `--strategy A,B` and `--cores NAME/0=2`.
    #[must_use]
    pub fn with<S: Strategy + 'static>(
        mut self,
        name: &str,
        make: impl Fn() -> S + 'static,
    ) -> Self {
        let is_word = |it: char| it.is_ascii_alphanumeric() || it == '-' || it == '_';
        assert!(!name.is_empty() && name.chars().all(is_word), "`{name}` is no strategy's name");
        assert!(self.make(name).is_none(), "there are two strategies named `{name}`");
        let make = Box::new(move || Box::new(make()) as Box<dyn Strategy>);
        self.own.push(Own { name: name.to_owned(), make });
        self
    }

    /// A new instance of the strategy of that name, where there is one.
    pub(crate) fn make(&self, name: &str) -> Option<Box<dyn Strategy>> {
        let own = self.own.iter().find(|own| own.name == name);
        own.map(|own| (own.make)()).or_else(|| builtin::by_name(name))
    }

    /// Every name, the program's own first.
    pub(crate) fn names(&self) -> Vec<&str> {
        let own = self.own.iter().map(|own| own.name.as_str());
        own.chain(builtin::NAMES.iter().map(|(name, _)| *name)).collect()
    }
}

impl fmt::Debug for Strategies {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Strategies").field(&self.names()).finish()
    }
}

#[cfg(test)]
mod tests {
    use tickring_strategy::builtin::Null;

    use super::*;

    #[test]
    fn an_own_strategy_stands_beside_the_built_in_ones() {
        let strategies = Strategies::builtin().with("mine", Null::new);
        assert!(strategies.make("mine").is_some());
        assert!(strategies.make("spread").is_some());
        assert!(strategies.make("other").is_none());
        assert_eq!(strategies.names()[..2], ["mine", "spread"]);
    }

    #[test]
    #[should_panic(expected = "two strategies named `spread`")]
    fn a_taken_name_is_refused() {
        drop(Strategies::builtin().with("spread", Null::new));
    }

    #[test]
    #[should_panic(expected = "no strategy's name")]
    fn a_name_that_no_flag_can_spell_is_refused() {
        drop(Strategies::builtin().with("a,b", Null::new));
    }
}
