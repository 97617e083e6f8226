//! How a command ends: one code for each answer a script needs.

use std::process::ExitCode;

use crate::settings::SettingError;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// All done.
    Done,
    /// A strategy failed for good and the policy is to stop, or a check that was asked for failed.
    Fault,
    /// The command line or the environment cannot work.
    Usage,
    /// The venue cannot be reached or refuses us.
    Refused,
    /// Data was lost under `--strict` or `--on-full fail`.
    Lost,
    /// A file or standard output cannot be read or written.
    InputOutput,
    /// Not everything was handled at the deadline.
    Undrained,
    /// Interrupted, and everything published was handled.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Fault => 1,
            Exit::Usage => 2,
            Exit::Refused => 3,
            Exit::Lost => 4,
            Exit::InputOutput => 5,
            Exit::Undrained => 124,
            Exit::Interrupted => 130,
        })
    }
}

/// A command that cannot start or go on, in words for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into() }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }
}

impl From<SettingError> for Failure {
    fn from(error: SettingError) -> Self {
        Self::usage(error.0)
    }
}
