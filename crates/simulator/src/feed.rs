//! Where messages come from: both feeds of a market behind one set of calls, and recorded frames.

mod book;
pub(crate) mod generator;
pub(crate) mod line;
pub(crate) mod recording;
pub(crate) mod session;

use std::path::PathBuf;

use self::generator::Generator;
use self::session::Session;
use crate::format::Writer;
use crate::{Channel, Feed, SimulatorConfig, SimulatorError, Speed};

/// Symbols that one simulator knows at most.
const SYMBOLS_MAX: usize = 4_096;
/// Levels a side in a depth message at most.
pub(crate) const DEPTH_LEVELS_MAX: usize = 50;

/// A message that is due.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Due {
    /// From the start of sending.
    pub(crate) due_ns: u64,
    pub(crate) symbol: usize,
    pub(crate) channel: Channel,
}

/// Gives messages in the order they are due.
#[derive(Debug)]
pub(crate) enum Source {
    Generated(Generator),
    Session(Box<Session>),
}

impl Source {
    /// The feed of a configuration that was checked.
    pub(crate) fn new(config: &SimulatorConfig) -> Result<Self, SimulatorError> {
        Ok(match &config.feed {
            Feed::Generated { symbols, profile, seed } => {
                Self::Generated(Generator::new(config, symbols, *profile, *seed))
            }
            Feed::Session { paths, speed } => {
                Self::Session(Box::new(Session::open(config, paths, *speed)?))
            }
            Feed::Recorded { .. } | Feed::Venue { .. } => {
                return Err(SimulatorError::Config("recorded frames are no messages of a market"));
            }
        })
    }

    /// The next message, `None` at the end. Stays the same until [`take`](Self::take).
    pub(crate) fn peek(&mut self) -> Result<Option<Due>, SimulatorError> {
        match self {
            Self::Generated(generator) => Ok(generator.peek()),
            Self::Session(session) => session.peek(),
        }
    }

    /// Goes on to the message after the peeked one.
    pub(crate) fn take(&mut self) {
        match self {
            Self::Generated(generator) => generator.take(),
            Self::Session(session) => session.take(),
        }
    }

    /// Writes the peeked message; or, for a ticker or a depth of any symbol, its present state.
    pub(crate) fn write(
        &self,
        symbol: usize,
        channel: Channel,
        number: Option<u64>,
        mut writer: Writer<'_>,
    ) {
        writer.begin(channel, self.symbol(symbol), number);
        match self {
            Self::Generated(generator) => generator.write(symbol, channel, &mut writer),
            Self::Session(session) => session.write(symbol, channel, &mut writer),
        }
        writer.end();
    }

    /// Whether there is a present state of this channel to write.
    pub(crate) fn has_state(&self, symbol: usize, channel: Channel) -> bool {
        match self {
            Self::Generated(_) => channel != Channel::Trade,
            Self::Session(session) => session.has_state(symbol, channel),
        }
    }

    /// Whether messages have a time. Those of a session at full speed have none.
    pub(crate) fn is_paced(&self) -> bool {
        match self {
            Self::Generated(_) => true,
            Self::Session(session) => session.is_paced(),
        }
    }

    /// The index of a symbol, if there is one of this name.
    pub(crate) fn find(&mut self, symbol: &str) -> Option<usize> {
        match self {
            Self::Generated(generator) => generator.find(symbol),
            Self::Session(session) => session.find_or_add(symbol),
        }
    }

    pub(crate) fn symbol(&self, index: usize) -> &str {
        match self {
            Self::Generated(generator) => generator.symbol(index),
            Self::Session(session) => session.symbol(index),
        }
    }

    /// Lines without a message and books lost, of a session.
    pub(crate) fn losses(&self) -> (u64, u64) {
        match self {
            Self::Generated(_) => (0, 0),
            Self::Session(session) => session.losses(),
        }
    }
}

/// Whether `symbol` can stand in a message without escaping.
pub(crate) fn is_symbol(symbol: &str) -> bool {
    (1..=32).contains(&symbol.len())
        && symbol.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// What is wrong with a feed before it is opened.
pub(crate) fn check(config: &SimulatorConfig) -> Result<(), SimulatorError> {
    match &config.feed {
        Feed::Generated { symbols, profile, .. } => {
            if symbols.is_empty() || symbols.len() > SYMBOLS_MAX {
                return Err(SimulatorError::Config("expected 1 to 4096 symbols"));
            }
            if let Some(symbol) = symbols.iter().find(|symbol| !is_symbol(symbol)) {
                return Err(SimulatorError::Symbol { symbol: symbol.clone() });
            }
            if !profile.is_valid() {
                return Err(SimulatorError::Config("a profile's numbers start at 1"));
            }
        }
        Feed::Session { paths, speed } => {
            check_sessions(paths, *speed)?;
        }
        Feed::Recorded { paths, speed, .. } | Feed::Venue { paths, speed, .. } => {
            check_sessions(paths, *speed)?;
            if config.restarts.count > 0 {
                return Err(SimulatorError::Config(
                    "recorded frames have no restarts but those that were recorded",
                ));
            }
            recording::check(paths)?;
        }
    }
    let levels = config.faults.depth_levels;
    if levels.is_some_and(|levels| !(1..=DEPTH_LEVELS_MAX).contains(&levels)) {
        return Err(SimulatorError::Config("expected 1 to 50 depth levels"));
    }
    if config.channels.is_empty() {
        return Err(SimulatorError::Config("expected at least one channel"));
    }
    Ok(())
}

fn check_sessions(paths: &[PathBuf], speed: Speed) -> Result<(), SimulatorError> {
    if paths.is_empty() {
        return Err(SimulatorError::Config("expected at least one recorded session"));
    }
    if !speed.is_valid() {
        return Err(SimulatorError::Config("speed must be a number above 0"));
    }
    Ok(())
}
