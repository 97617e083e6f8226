//! How far a long piece of work is: a line on a terminal, nothing anywhere else.

use std::fmt::Write;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressState, ProgressStyle};

use crate::args::LogLevel;

/// A line on standard error that is drawn anew, and gone when this is dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Of `total` things, where it is known how many they are.
    pub(crate) fn new(log: LogLevel, total: Option<u64>, unit: &str) -> Self {
        let target = if log >= LogLevel::Info {
            // Hidden unless it is a terminal.
            ProgressDrawTarget::stderr_with_hz(DRAWN_PER_S)
        } else {
            ProgressDrawTarget::hidden()
        };
        let style = match total {
            Some(_) => format!(
                "{{wide_bar}} {{percent:>3}} %  {{human_pos}} of {{human_len}} {unit}, \
                 {{rate}}, {{eta}} left"
            ),
            None => format!("{{spinner}} {{human_pos}} {unit}, {{rate}}, {{elapsed}}"),
        };
        let style = ProgressStyle::with_template(&style).expect("the template is well-formed");
        let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn Write| {
            out.write_str(&format!("{:.0} k/s", state.per_sec() / 1e3)).unwrap_or_default();
        });
        let bar = ProgressBar::with_draw_target(total, target).with_style(style);
        Self(bar.with_finish(ProgressFinish::AndClear))
    }

    /// So many are done.
    pub(crate) fn at(&self, count: u64) {
        self.0.set_position(count);
    }
}

/// Most lines drawn in a second.
const DRAWN_PER_S: u8 = 10;
