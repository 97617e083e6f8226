//! SIGINT and SIGTERM: the first asks the run to drain and stop, the second ends the process.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::exit::{Exit, Failure};

/// Exit code of a process that is told twice.
const EXIT_CODE_SECOND: i32 = 130;

/// Whether somebody asked the process to stop.
#[derive(Clone, Debug)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen.
    ///
    /// # Errors
    /// The kernel refuses to install a handler.
    pub(crate) fn listen() -> Result<Self, Failure> {
        Self::install()
            .map_err(|error| Failure::new(Exit::InputOutput, format!("signal handler: {error}")))
    }

    fn install() -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // In this order: the first signal finds the flag unset, so only the second one exits.
            flag::register_conditional_shutdown(signal, EXIT_CODE_SECOND, Arc::clone(&asked))?;
            flag::register(signal, Arc::clone(&asked))?;
        }
        Ok(Self(asked))
    }

    /// Whether a signal came.
    pub(crate) fn is_asked(&self) -> bool {
        // Relaxed: the flag carries no data.
        self.0.load(Ordering::Relaxed)
    }

    /// The flag itself, for a loop that only looks at a flag.
    pub(crate) fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}
