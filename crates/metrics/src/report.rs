//! The report of a run: a contract for scripts.
//!
//! Field names and nesting are the JSON. They change only together with [`SCHEMA_VERSION`].

mod text;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::latency::LatencySummary;
use crate::stage::StageLatencies;
use crate::timeline::TimelineEntry;
pub use text::{Ns, counted, grouped};

/// All that a run tells when it is over.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The subcommand: `run`, `demo`, `replay`, ….
    pub command: String,
    /// Where it ran.
    pub host: HostReport,
    /// When it began, in nanoseconds since 1970-01-01 UTC.
    pub start_time_ns: u64,
    /// From the first frame asked for to the end of the drain, in nanoseconds.
    pub wall_ns: u64,
    /// Frames read from the source.
    pub frames: u64,
    /// Bytes of payload in those frames.
    pub bytes: u64,
    /// Frames that could not be decoded.
    pub decode_errors: DecodeErrorsReport,
    /// What frames held that was skipped, or that their venue does not document, by reason.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub remarks: BTreeMap<String, RemarkReport>,
    /// Frames that are no market data. With `messages` and `decode_errors` they make up all frames.
    pub control: ControlReport,
    /// Decoded messages by the venue's own kind.
    pub messages: BTreeMap<String, u64>,
    /// Events on the ring by kind.
    pub events: EventsReport,
    /// What was lost or came in the wrong order.
    pub loss: LossReport,
    /// The first [`GAPS_REPORTED_MAX`] gaps; `loss.gaps` counts all.
    pub gaps: Vec<GapReport>,
    /// Connections made.
    pub connections: ConnectionsReport,
    /// How full the ring was and how long the publisher waited.
    pub ring: RingReport,
    /// What happened when, in spans that follow each other.
    pub timeline: Vec<TimelineEntry>,
    /// Latency of the stages on the ingest thread, in nanoseconds.
    pub stages: StagesReport,
    /// One entry per strategy and worker.
    pub strategies: Vec<StrategyReport>,
    /// One entry per other reader of the ring (recorder, republisher), in the same shape.
    pub services: Vec<StrategyReport>,
    /// What was read from recordings, when the frames came from there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RecordedReport>,
    /// The capture that was written, when one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capture: Option<CaptureReport>,
    /// Final books by symbol, when they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub books: Option<BTreeMap<String, BookReport>>,
    /// Of every strategy's name, worker and `received_hash`: equal for runs in which the same
    /// strategies were given the same. Null when one of them did not come back to tell.
    pub run_hash: Option<String>,
    /// `source`, `strategy NAME` or `balanced`; see [`crate::Bottleneck`].
    pub bottleneck: String,
    /// Whether every strategy reached the last event before the deadline.
    pub drained: bool,
}

/// The machine, as far as it bears on the figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct HostReport {
    /// Logical processors this process may use.
    pub cpus: u64,
    /// The processor's own name.
    pub model: String,
    /// Whether the hot threads were pinned to cores.
    pub pinned: bool,
    /// Whether the machine is a virtual one.
    pub virtualised: bool,
}

/// Frames that could not be decoded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DecodeErrorsReport {
    /// How many.
    pub total: u64,
    /// How many, by reason.
    pub by_reason: BTreeMap<String, u64>,
    /// The start of one such frame, by reason. Left out when there is none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub examples: BTreeMap<String, String>,
}

/// Frames that are no market data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ControlReport {
    /// Subscriptions that the venue acknowledged.
    pub acks: u64,
    /// Life signs.
    pub pongs: u64,
    /// Requests that the venue refused.
    pub refusals: u64,
    /// Well-formed and of no use here; `remarks` says why.
    pub ignored: u64,
    /// Readings that the scanner left to the general parser, market data included: slower, not wrong.
    pub scan_declined: u64,
}

/// Something that frames held, by reason.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RemarkReport {
    /// How often.
    pub count: u64,
    /// The start of the first such frame.
    pub example: String,
}

/// Events on the ring, one per slot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EventsReport {
    /// All of them: handled + conflated + skipped of every broadcast strategy.
    pub published: u64,
    /// Executions.
    pub trade: u64,
    /// Best bid and ask.
    pub top_of_book: u64,
    /// Runs of levels; one depth message may take several.
    pub levels: u64,
    /// Bars.
    pub bar: u64,
    /// Gaps.
    pub gap: u64,
    /// Connection states.
    pub status: u64,
}

/// What was lost, repeated or out of order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LossReport {
    /// Breaks in a venue's numbering or left by a lost connection.
    pub gaps: u64,
    /// Events dropped on a full ring.
    pub dropped: u64,
    /// Messages known to be missing at the venue's side of the gaps.
    pub missing: u64,
    /// Messages that came a second time.
    pub duplicated: u64,
    /// Messages that came after a later one.
    pub reordered: u64,
}

/// One gap.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct GapReport {
    /// Index of the connection.
    pub connection: u64,
    /// Symbol of the instrument; null when the gap concerns the whole connection.
    pub instrument: Option<String>,
    /// What showed it.
    pub reason: String,
    /// The venue's number that should have come; 0 where the venue has none.
    pub expected: u64,
    /// The venue's number that came instead; 0 where the venue has none.
    pub received: u64,
    /// How many messages are known to be missing; 0 when that cannot be known.
    pub missing: u64,
}

/// Connections made.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ConnectionsReport {
    /// Attempts, the first included.
    pub attempts: u64,
    /// Connections made after the first.
    pub reconnects: u64,
    /// How the kernel's receive times were taken, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel_time: Option<KernelTimeReport>,
}

/// How the kernel's receive times were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct KernelTimeReport {
    /// Reads that brought bytes.
    pub reads: u64,
    /// Those that came without a time of the kernel's: their frames count from the read.
    pub reads_without: u64,
    /// Those whose time lay after the read: their frames count as not having waited.
    pub clamped: u64,
    /// How far the kernel's clock and ours may have been misread against each other, at most.
    pub error_ns_max: u64,
}

/// How full the ring was and how long the publisher waited.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RingReport {
    /// Slots.
    pub capacity: u64,
    /// The most slots in use at once.
    pub depth_max: u64,
    /// The same as a share of the capacity, 0 to 1.
    pub utilisation_max: f64,
    /// How often the publisher waited for a free slot.
    pub stalls: u64,
    /// How long it waited in all, in nanoseconds.
    pub stall_ns: u64,
}

/// Latency of the stages on the ingest thread, in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StagesReport {
    /// From the kernel's receive time to the read, where the kernel was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kernel: Option<LatencySummary>,
    /// From the read to the first attempt to publish.
    pub decode: LatencySummary,
    /// The publisher's wait for a free slot, of those events that had to wait.
    pub stall: LatencySummary,
}

/// One worker of one strategy, or one service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StrategyReport {
    /// The strategy's name.
    pub name: String,
    /// Index of the worker; 0 when there is one.
    pub worker: u64,
    /// The core it was pinned to, or null.
    pub core: Option<u64>,
    /// How it waited for events.
    pub wait: String,
    /// Events it was given.
    pub handled: u64,
    /// Events replaced by a later one of the same instrument.
    pub conflated: u64,
    /// Events it was not given, such as those after its quarantine.
    pub skipped: u64,
    /// Errors it returned.
    pub errors: u64,
    /// Times an event was tried again.
    pub retries: u64,
    /// Of all events it was given, their order and content, as sixteen hexadecimal digits; null when
    /// it did not come back to tell.
    pub received_hash: Option<String>,
    /// Whether it was taken out of the run.
    pub quarantined: bool,
    /// Why it was, or null.
    pub culprit: Option<String>,
    /// Signals it gave.
    pub signals: u64,
    /// Signals dropped because the sink's queue was full.
    pub signals_dropped: u64,
    /// The strategy's own final figures by name. A figure that is not finite reads null.
    pub figures: BTreeMap<String, f64>,
    /// Its latency, in nanoseconds.
    pub latency_ns: StageLatencies,
}

/// Recordings and the pace at which they were replayed.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RecordedReport {
    /// Times as fast as recorded; null when flat out.
    pub speed: Option<f64>,
    /// From the earliest to the latest arrival in the recordings, in nanoseconds.
    pub span_ns: u64,
    /// Most frames in any 100 ms of the recording.
    pub busiest_100ms_recorded: u64,
    /// The same by when frames were really handed out, in time of the recording; null when flat
    /// out.
    pub busiest_100ms_delivered: Option<u64>,
    /// How often a recording's clock stepped back.
    pub steps_back: u64,
    /// How often the recordings were played to their end and again.
    pub repeats: u64,
    /// How late frames were handed out against the recording's pace, in nanoseconds; null when flat
    /// out. What a strategy sees of it is in `queue` and `total`.
    pub pacing_error_ns: Option<LatencySummary>,
    /// Places at which the recordings miss entries, each a gap in the stream.
    pub holes: u64,
    /// Entries known to be missing there.
    pub entries_missing: u64,
    /// Recordings that just stop, without their footer.
    pub cut: Vec<CutReport>,
    /// Parts of this report that a second replay need not repeat.
    pub not_reproducible: Vec<String>,
}

/// A recording that just stops.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CutReport {
    /// The recording.
    pub path: String,
    /// Where its last whole record ends, in bytes.
    pub offset: u64,
    /// Bytes behind that.
    pub bytes: u64,
}

/// A capture that was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CaptureReport {
    /// The file or folder, as it was asked for.
    pub path: String,
    /// Entries written: frames, commands, connection changes, holes.
    pub entries: u64,
    /// Frames among them.
    pub frames: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Bytes before compression.
    pub bytes_uncompressed: u64,
    /// Files.
    pub segments: u64,
    /// Chunks.
    pub chunks: u64,
    /// Chunks compressed less because the writer was behind.
    pub chunks_in_haste: u64,
    /// Places at which entries are missing.
    pub holes: u64,
    /// Entries missing there: the writer could not keep up, or the disk failed.
    pub entries_missing: u64,
    /// How often the ingest thread waited 50 microseconds for the writer, with every chunk full.
    pub waits: u64,
    /// How often writing failed.
    pub failures: u64,
    /// The first failure in words, or null.
    pub first_failure: Option<String>,
}

/// One book as it stood at the end.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BookReport {
    /// How many levels: bids, asks.
    pub levels: [u64; 2],
    /// The five best levels of each side.
    pub top5: TopLevels,
    /// The venue's number of the last message in it; 0 where the venue has none.
    pub last_sequence: u64,
    /// Whether a snapshot ever came; without one a book is never valid.
    pub seeded: bool,
    /// Snapshots read.
    pub snapshots: u64,
    /// Depth messages applied, snapshots not counted.
    pub applied: u64,
    /// Depth messages older than the book, ignored.
    pub stale: u64,
    /// Gaps in this instrument's numbering.
    pub gaps: u64,
    /// How the venue's checksums compared; left out where it sends none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checksums: Option<ChecksumsReport>,
    /// How its best bid and ask compared with those that the venue pushes, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_check: Option<TopCheckReport>,
    /// Whether it is continuous since its last snapshot.
    pub valid: bool,
}

/// A book's best bid and ask compared with those that the venue pushes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TopCheckReport {
    /// Comparisons.
    pub compared: u64,
    /// Those that found no difference.
    pub agreed: u64,
    /// What made them comparable: `number` (the venue numbers both alike; every difference is a fault)
    /// or `moment` (two streams that are not in step; prices alone).
    pub by: String,
    /// The first difference in words, or null.
    pub first_difference: Option<String>,
}

/// How often a venue's checksum was compared with that of a book.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ChecksumsReport {
    /// Comparisons.
    pub checked: u64,
    /// Those that found a difference; each broke the book.
    pub failed: u64,
}

/// The best levels of a book, best first, each `[price, quantity]` in exact decimals.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct TopLevels {
    /// Highest price first.
    pub bids: Vec<[String; 2]>,
    /// Lowest price first.
    pub asks: Vec<[String; 2]>,
}

/// Version of the report's shape. Raised when a field is renamed, removed or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// How many gaps a report lists.
pub const GAPS_REPORTED_MAX: usize = 100;

#[cfg(test)]
mod tests;
