use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why nothing, or not all, was fetched. No text of it holds the key.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RestError {
    /// The client cannot be made.
    #[error("{0}")]
    Configuration(String),
    /// The request cannot be made.
    #[error("{0}")]
    Request(String),
    /// The venue does not know a symbol, an interval or another parameter.
    #[error("the venue refuses the request for {what}: {words}")]
    NotThere {
        /// What was asked for.
        what: String,
        /// The venue's words and what to do.
        words: String,
    },
    /// The venue does not serve us: key, address, plan, quota.
    #[error("the venue refuses {what}: {words}")]
    Refused {
        /// What was asked for.
        what: String,
        /// The venue's words and what to do.
        words: String,
    },
    /// The venue was asked as often as is allowed, and had no answer.
    #[error("no {what} after {attempts} attempts: {words}")]
    NoAnswer {
        /// What was asked for.
        what: String,
        /// How often it was asked.
        attempts: u32,
        /// What went wrong last.
        words: String,
    },
    /// More than is fetched at once.
    #[error("{what}: more than {limit} requests; ask for less at once")]
    TooMuch {
        /// What was asked for.
        what: String,
        /// How many are made.
        limit: u32,
    },
    /// The cache cannot be written.
    #[error("{}: {source}", path.display())]
    Cache {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// Whoever waits was told to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What an error asks of a program: one kind for each exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum RestErrorKind {
    /// What was asked for cannot be had: ask for something else.
    Usage,
    /// The venue cannot be reached, or does not serve us.
    Refused,
    /// A file cannot be read or written.
    InputOutput,
    /// It was stopped.
    Interrupted,
}

impl RestError {
    /// What it asks of a program.
    #[must_use]
    pub const fn kind(&self) -> RestErrorKind {
        match self {
            Self::Configuration(_) | Self::Request(_) | Self::NotThere { .. } => {
                RestErrorKind::Usage
            }
            Self::TooMuch { .. } => RestErrorKind::Usage,
            Self::Refused { .. } | Self::NoAnswer { .. } => RestErrorKind::Refused,
            Self::Cache { .. } => RestErrorKind::InputOutput,
            Self::Interrupted => RestErrorKind::Interrupted,
        }
    }
}
