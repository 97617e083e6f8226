//! How far an export is: a line on a terminal, nothing anywhere else.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use crate::args::LogLevel;

/// A line on standard error that is drawn anew, and gone when this is dropped. How much is to come is not
/// known: sessions are compressed, or come through a pipe.
pub(super) struct Progress(ProgressBar);

impl Progress {
    pub(super) fn new(log: LogLevel) -> Self {
        let target = if log >= LogLevel::Info {
            // Hidden unless it is a terminal.
            ProgressDrawTarget::stderr_with_hz(DRAWN_PER_S)
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = "{spinner} {human_pos} entries, {elapsed}";
        let style = ProgressStyle::with_template(style).expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        Self(bar.with_finish(ProgressFinish::AndClear))
    }

    /// So many entries are read.
    pub(super) fn at(&self, entries: u64) {
        if entries.is_multiple_of(ENTRIES_PER_LOOK) {
            self.0.set_position(entries);
        }
    }
}

/// Most lines drawn in a second.
const DRAWN_PER_S: u8 = 10;
/// Entries between looks at the time.
const ENTRIES_PER_LOOK: u64 = 256;
