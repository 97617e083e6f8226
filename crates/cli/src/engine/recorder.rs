//! The thread that writes a run's capture, where somebody wants one.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tickring_capture::{
    CaptureTally, CaptureWriter, ChunkReceiver, Hole, OnCaptureFull, SegmentFiles, SyncPolicy, Tap,
    WriterConfig, WriterNotice, WriterPorts, capture_channel,
};
use tickring_event::{Instrument, Instruments};
use tickring_metrics::{CaptureReport, Clock};

use crate::args::LogLevel;
use crate::exit::{Exit, Failure};
use crate::output::Talk;
use crate::workers::pin_here;

/// How long the disk gets for what is left when the run is over.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was asked for, checked.
#[derive(Clone, Debug)]
pub(crate) struct RecordRequest {
    pub(crate) path: PathBuf,
    pub(crate) force: bool,
    pub(crate) sync: SyncPolicy,
    pub(crate) is_compressed: bool,
    pub(crate) on_full: OnCaptureFull,
    pub(crate) segment_bytes_max: u64,
    pub(crate) segment_ns_max: u64,
    pub(crate) core: Option<usize>,
}

/// The thread that writes.
pub(super) struct Recorder {
    path: PathBuf,
    handle: JoinHandle<CaptureTally>,
}

/// What the thread works with.
struct Work {
    writer: CaptureWriter<SegmentFiles>,
    receiver: ChunkReceiver,
    instruments: Arc<Instruments>,
    clock: Clock,
    talk: Talk,
    path: PathBuf,
}

/// What is recorded.
pub(super) struct Recorded {
    /// What the capture says about its session; must not hold a key.
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) connections: usize,
}

impl Recorder {
    /// Makes the file and starts the thread. Frames go into the tap.
    ///
    /// # Errors
    /// The file exists or cannot be made; the thread cannot be made.
    pub(super) fn start(
        request: &RecordRequest,
        recorded: Recorded,
        instruments: &Arc<Instruments>,
        clock: &Clock,
        talk: Talk,
    ) -> Result<(Tap, Self), Failure> {
        let Recorded { metadata, connections } = recorded;
        let path = request.path.clone();
        let failed = |error: &std::io::Error| {
            let hint = match error.kind() {
                std::io::ErrorKind::AlreadyExists => {
                    "; --force overwrites it, and a folder takes one session after the other"
                }
                _ => "",
            };
            let words = format!("capture {}: {error}{hint}", path.display());
            Failure::new(Exit::InputOutput, words)
        };
        repair_last(request, talk)?;
        let files =
            SegmentFiles::create(&request.path, request.force).map_err(|error| failed(&error))?;
        let (tap, receiver) = capture_channel(connections, request.on_full);
        let config = WriterConfig {
            metadata,
            sync: request.sync,
            is_compressed: request.is_compressed,
            segment_bytes_max: request.segment_bytes_max,
            segment_ns_max: request.segment_ns_max,
        };
        let now_ns = clock.elapsed_ns(0, clock.ticks());
        let writer =
            CaptureWriter::new(files, config, &receiver, now_ns).map_err(|error| failed(&error))?;
        let (instruments, clock) = (Arc::clone(instruments), clock.clone());
        let work = Work { writer, receiver, instruments, clock, talk, path: path.clone() };
        let core = request.core;
        let handle = thread::Builder::new()
            .name("capture".to_owned())
            .spawn(move || {
                pin_here(core, "capture", talk);
                work.run()
            })
            .map_err(|error| failed(&error))?;
        talk.say(LogLevel::Info, format!("recording into {}", request.path.display()));
        Ok((tap, Self { path: request.path.clone(), handle }))
    }

    /// Waits until everything is on the disk. The tap must be gone.
    pub(super) fn finish(self, clock: &Clock) -> CaptureReport {
        let path = self.path.display().to_string();
        let since = clock.ticks();
        while !self.handle.is_finished() {
            if u128::from(clock.elapsed_ns(since, clock.ticks())) > PATIENCE.as_nanos() {
                return broken(path, "the disk took too long for what was left");
            }
            thread::park_timeout(Duration::from_millis(1));
        }
        match self.handle.join() {
            Ok(tally) => report(path, tally),
            Err(_) => broken(path, "the thread that writes it panicked"),
        }
    }
}

impl Work {
    fn run(self) -> CaptureTally {
        let Self { writer, receiver, instruments, clock, talk, path } = self;
        let path = path.display();
        let mut say = |notice: WriterNotice<'_>| match notice {
            WriterNotice::Failed(words) => talk.say(
                LogLevel::Error,
                format!(
                    "capture {path}: {words}; strategies go on, frames are not recorded until a \
                     new file can be written"
                ),
            ),
            WriterNotice::Resumed(Hole { entries, .. }) => talk.say(
                LogLevel::Warn,
                format!("capture {path}: recording again in a new file; {entries} entries miss"),
            ),
        };
        let mut ports = WriterPorts {
            now_ns: &|| clock.elapsed_ns(0, clock.ticks()),
            instruments: &|| scales(&instruments),
            say: &mut say,
        };
        writer.run(receiver, &mut ports)
    }
}

/// Symbol and decimal places of its prices and quantities.
fn scales(instruments: &Instruments) -> BTreeMap<String, String> {
    let scales = |it: &Instrument| {
        format!("{},{}", it.price_scale().decimals(), it.quantity_scale().decimals())
    };
    instruments.iter().map(|(_, it)| (it.symbol().to_owned(), scales(it))).collect()
}

/// Makes the last file of a folder whole, if whoever wrote it was killed.
fn repair_last(request: &RecordRequest, talk: Talk) -> Result<(), Failure> {
    if !request.path.is_dir() {
        return Ok(());
    }
    let Some(last) =
        tickring_capture::segments(&request.path).ok().and_then(|mut files| files.pop())
    else {
        return Ok(());
    };
    let failed =
        |error: tickring_capture::CaptureError| Failure::new(Exit::InputOutput, error.to_string());
    if tickring_capture::is_finished(&last).map_err(failed)? {
        return Ok(());
    }
    let verdict = tickring_capture::verify(&last).map_err(failed)?;
    tickring_capture::repair(&last, &last, true).map_err(failed)?;
    talk.say(
        LogLevel::Warn,
        format!(
            "capture {} was not ended; made whole: {} frames kept, {} bytes cut",
            last.display(),
            verdict.frames,
            verdict.bytes_cut
        ),
    );
    Ok(())
}

fn broken(path: String, words: &str) -> CaptureReport {
    CaptureReport {
        path,
        failures: 1,
        first_failure: Some(words.to_owned()),
        ..CaptureReport::default()
    }
}

fn report(path: String, tally: CaptureTally) -> CaptureReport {
    let CaptureTally {
        entries,
        frames,
        holes,
        entries_missing,
        bytes,
        bytes_uncompressed,
        segments,
        chunks,
        chunks_in_haste,
        waits,
        failures,
        first_failure,
    } = tally;
    CaptureReport {
        path,
        entries,
        frames,
        bytes,
        bytes_uncompressed,
        segments,
        chunks,
        chunks_in_haste,
        holes,
        entries_missing,
        waits,
        failures,
        first_failure,
    }
}
