//! The only file that prints: results on standard output, talk on standard error.

use std::io::{self, IsTerminal, Write};

use terminal_size::Width;

use crate::args::LogLevel;
use crate::exit::{Exit, Failure};

/// Talk on standard error, as much as was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Talk {
    level: LogLevel,
}

impl Talk {
    pub(crate) const fn new(level: LogLevel) -> Self {
        Self { level }
    }

    /// Whether lines of this level are printed.
    pub(crate) fn says(self, level: LogLevel) -> bool {
        level <= self.level
    }

    /// Prints a line. A closed standard error is nobody's loss.
    pub(crate) fn say(self, level: LogLevel, text: impl AsRef<str>) {
        if self.says(level) {
            let word = match level {
                LogLevel::Error => "error: ",
                LogLevel::Warn => "warning: ",
                LogLevel::Info => "",
                LogLevel::Debug => "debug: ",
                LogLevel::Trace => "trace: ",
            };
            drop(writeln!(io::stderr().lock(), "{word}{}", text.as_ref()));
        }
    }
}

/// A line on standard error that is drawn anew, and gone when this is dropped. Nothing where that is no
/// terminal.
pub(crate) struct Progress {
    is_drawn: bool,
}

impl Progress {
    pub(crate) fn new(level: LogLevel) -> Self {
        Self { is_drawn: level >= LogLevel::Info && io::stderr().is_terminal() }
    }

    /// What is being done.
    pub(crate) fn at(&self, text: &str) {
        if self.is_drawn {
            drop(write!(io::stderr().lock(), "\r\x1b[K{text}"));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.at("");
    }
}

/// Standard output, for a result that is too long to be a text.
pub(crate) fn stdout() -> impl Write + Send {
    io::stdout()
}

/// Prints a result on standard output.
///
/// # Errors
/// Standard output cannot be written.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// As [`print()`], where the command fails when it cannot say its result.
///
/// # Errors
/// [`Exit::InputOutput`].
pub(crate) fn report(text: &str) -> Result<(), Failure> {
    print(text).map_err(|error| no_output(&error))
}

/// Why a command fails that cannot say its result.
pub(crate) fn no_output(error: &io::Error) -> Failure {
    Failure::new(Exit::InputOutput, format!("standard output: {error}"))
}

/// Writes a long result on standard output, block by block.
///
/// # Errors
/// Standard output cannot be written; `write`'s own errors.
pub(crate) fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(BLOCK_BYTES, io::stdout().lock());
    write(&mut out)?;
    out.flush()
}

/// Characters of a line on standard output: the terminal's.
pub(crate) fn width() -> usize {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(WIDTH, |(Width(width), _)| usize::from(width))
}

/// Whether standard output is a terminal that takes colours, and nobody asked for none
/// (<https://no-color.org>).
pub(crate) fn is_coloured() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|it| !it.is_empty());
    let is_dumb = std::env::var_os("TERM").is_none_or(|it| it == "dumb");
    io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb
}

/// Characters of a line where standard output is no terminal.
const WIDTH: usize = 80;

/// Bytes of a block of a long result.
const BLOCK_BYTES: usize = 64 * 1024;
