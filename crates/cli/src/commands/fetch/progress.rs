//! How far a fetch is: counted always, said on a terminal.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tickring_ingest::rest::RestNotice;

use crate::args::LogLevel;
use crate::output::{Progress, Talk};

/// Cells of the bar.
const WIDTH: u64 = 24;

/// Hears what the client says, and keeps count.
pub(super) struct Watcher(Arc<Mutex<Seen>>);

/// What there was to hear.
struct Seen {
    talk: Talk,
    progress: Option<Progress>,
    symbol: String,
    wanted: Option<u64>,
    bars: u64,
    pages: u64,
    pages_cached: u64,
    retries: u64,
    files_damaged: u64,
}

/// Pages and what went on around them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Counts {
    pub(super) pages: u64,
    pub(super) pages_cached: u64,
    pub(super) retries: u64,
    pub(super) files_damaged: u64,
}

impl Watcher {
    pub(super) fn new(log: LogLevel) -> Self {
        Self(Arc::new(Mutex::new(Seen {
            talk: Talk::new(log),
            progress: Some(Progress::new(log)),
            symbol: String::new(),
            wanted: None,
            bars: 0,
            pages: 0,
            pages_cached: 0,
            retries: 0,
            files_damaged: 0,
        })))
    }

    /// What the client tells.
    pub(super) fn ear(&self) -> impl FnMut(RestNotice) + Send + 'static {
        let seen = Arc::clone(&self.0);
        move |notice| lock(&seen).hear(&notice)
    }

    /// The next symbol, and how many bars of it are wanted.
    pub(super) fn begin(&self, symbol: &str, wanted: Option<u64>) {
        let mut seen = lock(&self.0);
        symbol.clone_into(&mut seen.symbol);
        (seen.wanted, seen.bars) = (wanted, 0);
        seen.draw();
    }

    /// The line is gone.
    pub(super) fn end(&self) {
        lock(&self.0).progress = None;
    }

    pub(super) fn counts(&self) -> Counts {
        let Seen { pages, pages_cached, retries, files_damaged, .. } = *lock(&self.0);
        Counts { pages, pages_cached, retries, files_damaged }
    }
}

impl Seen {
    fn hear(&mut self, notice: &RestNotice) {
        match notice {
            RestNotice::Page { bars, is_cached, .. } => {
                self.pages += 1;
                self.pages_cached += u64::from(*is_cached);
                self.bars += *bars as u64;
                self.talk.say(LogLevel::Debug, notice.to_string());
            }
            RestNotice::Retrying { .. } => {
                self.retries += 1;
                self.talk.say(LogLevel::Warn, notice.to_string());
            }
            _ => {
                self.files_damaged += 1;
                self.talk.say(LogLevel::Warn, notice.to_string());
            }
        }
        self.draw();
    }

    fn draw(&self) {
        if let Some(progress) = &self.progress {
            progress.at(&line(&self.symbol, self.bars, self.wanted));
        }
    }
}

fn line(symbol: &str, bars: u64, wanted: Option<u64>) -> String {
    let Some(wanted) = wanted else { return format!("{symbol}: {bars} bars") };
    // A page holds a bar beyond what was asked for at each end.
    let bars = bars.min(wanted);
    let full = WIDTH * bars / wanted.max(1);
    let cell = |at| if at < full { '█' } else { '░' };
    let cells: String = (0..WIDTH).map(cell).collect();
    format!("{symbol}: {cells} {bars} of {wanted} bars")
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_how_much_is_done() {
        assert_eq!(line("A", 5, None), "A: 5 bars");
        assert_eq!(line("A", 25, Some(100)), "A: ██████░░░░░░░░░░░░░░░░░░ 25 of 100 bars");
        assert!(line("A", 101, Some(100)).ends_with(" 100 of 100 bars"));
    }
}
