use thiserror::Error;

/// A word that names none of the choices of a setting.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("`{word}` is not one of {choices}")]
pub struct UnknownWord {
    word: Box<str>,
    choices: &'static str,
}

impl UnknownWord {
    pub(crate) fn new(word: &str, choices: &'static str) -> Self {
        Self { word: word.into(), choices }
    }
}
