//! The scenarios' latencies as an HdrHistogram interval log.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use tickring_metrics::{Clock, HlogError, IntervalDrain, IntervalRecorder, Stage};

use super::scenario::Scenario;
use crate::args::BenchArgs;
use crate::exit::{Exit, Failure};

/// The log, where one is asked for.
pub(crate) struct Log(Option<Open>);

struct Open {
    path: PathBuf,
    drain: IntervalDrain<BufWriter<File>>,
}

impl Log {
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn open(args: &BenchArgs, clock: &Clock) -> Result<Self, Failure> {
        let Some(path) = &args.compare.export_hlog else { return Ok(Self(None)) };
        let file = File::create(path).map_err(|error| {
            Failure::new(Exit::InputOutput, format!("--export-hlog {}: {error}", path.display()))
        })?;
        // A block is one entry, or a few where it takes longer than it should.
        let interval_ns = u64::try_from(args.rounds.block.as_nanos()).unwrap_or(u64::MAX);
        let drain = IntervalDrain::new(BufWriter::new(file), clock.clone(), interval_ns)
            .map_err(|error| failure(path, &error))?;
        Ok(Self(Some(Open { path: path.clone(), drain })))
    }

    /// A recorder whose entries have the tag `total.NAME`; `None` where no log is asked for.
    ///
    /// # Errors
    /// The name cannot be a tag.
    pub(crate) fn recorder(&mut self, name: &str) -> Result<Option<IntervalRecorder>, Failure> {
        let Some(Open { path, drain }) = &mut self.0 else { return Ok(None) };
        drain.recorder(Stage::Total, name).map(Some).map_err(|error| failure(path, &error))
    }

    /// Writes what the last block handed over.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn collect(&mut self) -> Result<(), Failure> {
        let Some(Open { path, drain }) = &mut self.0 else { return Ok(()) };
        drain.collect().map(|_| ()).map_err(|error| failure(path, &error))
    }

    /// Writes the rest; the scenarios' recorders go with them.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn finish(self, scenarios: Vec<Box<dyn Scenario>>) -> Result<(), Failure> {
        drop(scenarios);
        let Some(Open { path, drain }) = self.0 else { return Ok(()) };
        drain.finish().map(|_| ()).map_err(|error| failure(&path, &error))
    }
}

fn failure(path: &std::path::Path, error: &HlogError) -> Failure {
    Failure::new(Exit::InputOutput, format!("--export-hlog {}: {error}", path.display()))
}
