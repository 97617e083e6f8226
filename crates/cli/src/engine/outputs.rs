//! What a run writes besides its report: signals and the interval log.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tickring_event::Instruments;
use tickring_ingest::PublishIntervals;
use tickring_metrics::{Clock, HlogError, IntervalDrain, StageIntervals, StageRecorders};
use tickring_ring::WaitStrategy;
use tickring_strategy::{SignalFormat, SignalSender, SinkConfig, run_signal_sink, signal_channel};

use crate::exit::{Exit, Failure};
use crate::options::SignalTarget;

/// Signals that wait for the sink; more are dropped and counted.
const SIGNALS_CAPACITY: usize = 65_536;

/// Time covered by one entry of the interval log.
const HLOG_INTERVAL_NS: u64 = 1_000_000_000;

/// The thread that writes signals, where somebody wants them.
pub(super) struct Sink(Option<JoinHandle<io::Result<u64>>>);

impl Sink {
    /// Starts the thread. `strategies` are names by [`tickring_strategy::Signal::strategy`].
    ///
    /// # Errors
    /// The file cannot be made, or the thread.
    pub(super) fn start(
        target: &SignalTarget,
        strategies: Vec<String>,
        instruments: &Arc<Instruments>,
    ) -> Result<(SignalSender, Self), Failure> {
        let (mut writer, format): (Box<dyn Write + Send>, _) = match target {
            SignalTarget::None => return Ok((SignalSender::discarding(), Self(None))),
            SignalTarget::Stdout => (Box::new(BufWriter::new(io::stdout())), SignalFormat::Text),
            SignalTarget::File(path) => {
                (Box::new(BufWriter::new(create("--signals", path)?)), SignalFormat::JsonLines)
            }
        };
        let config = SinkConfig { format, wait: WaitStrategy::Backoff, strategies };
        let (sender, receiver) = signal_channel(SIGNALS_CAPACITY);
        let instruments = Arc::clone(instruments);
        let work = move || run_signal_sink(receiver, &mut writer, &config, &instruments);
        let handle = thread::Builder::new()
            .name("signals".to_owned())
            .spawn(work)
            .map_err(|error| Failure::new(Exit::InputOutput, error.to_string()))?;
        Ok((sender, Self(Some(handle))))
    }

    /// Waits until everything is written; the error in words, if there was one. A worker that never
    /// returned holds the queue open: then nobody waits.
    pub(super) fn finish(self, workers_complete: bool) -> Option<String> {
        let handle = self.0.filter(|_| workers_complete)?;
        match handle.join() {
            Ok(Ok(_)) => None,
            Ok(Err(error)) => Some(format!("--signals: {error}")),
            Err(_) => Some("--signals: the sink panicked".to_owned()),
        }
    }
}

/// The interval log, where somebody wants it.
pub(super) struct Hlog(Option<IntervalDrain<BufWriter<File>>>);

impl Hlog {
    /// Makes the file.
    ///
    /// # Errors
    /// It cannot be made.
    pub(super) fn open(path: Option<&Path>, clock: &Clock) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self(None)) };
        let writer = BufWriter::new(create("--hlog", path)?);
        let drain = IntervalDrain::new(writer, clock.clone(), HLOG_INTERVAL_NS);
        Ok(Self(Some(drain.map_err(|error| hlog_failure(&error))?)))
    }

    /// Recorders for a worker's stages.
    ///
    /// # Errors
    /// The name cannot stand in a log.
    pub(super) fn worker(&mut self, name: &str) -> Result<StageRecorders, Failure> {
        let Some(drain) = &mut self.0 else { return Ok(StageRecorders::new()) };
        StageIntervals::new(drain, name)
            .map(StageRecorders::with_intervals)
            .map_err(|error| hlog_failure(&error))
    }

    /// Recorders for the ingest thread's stages.
    ///
    /// # Errors
    /// Never for names that are ours; the log says so all the same.
    pub(super) fn ingest(&mut self) -> Result<Option<PublishIntervals>, Failure> {
        let Some(drain) = &mut self.0 else { return Ok(None) };
        PublishIntervals::new(drain).map(Some).map_err(|error| hlog_failure(&error))
    }

    /// Writes what is there. An error shows again, and is told, at the end.
    pub(super) fn collect(&mut self) {
        if let Some(drain) = &mut self.0 {
            drop(drain.collect());
        }
    }

    /// Writes the rest; the error in words, if there was one.
    pub(super) fn finish(self, workers_complete: bool) -> Option<String> {
        match self.0?.finish() {
            Ok(mut writer) => writer.flush().err().map(|error| format!("--hlog: {error}")),
            // A worker that never returned still records: that is told elsewhere.
            Err(HlogError::StillRecording { .. }) if !workers_complete => None,
            Err(error) => Some(format!("--hlog: {error}")),
        }
    }
}

fn create(flag: &str, path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| {
        Failure::new(Exit::InputOutput, format!("{flag} {}: {error}", path.display()))
    })
}

fn hlog_failure(error: &HlogError) -> Failure {
    Failure::new(Exit::InputOutput, format!("--hlog: {error}"))
}
