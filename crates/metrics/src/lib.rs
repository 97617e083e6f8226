//! Measures a run: one clock, one latency recorder and one counter set per thread, one report.
//!
//! The hot threads take raw `ticks` from the [`Clock`] they were given and record differences into
//! recorders they own. Nothing is shared while they run, save [`SharedCounters`], which the owner
//! writes once a batch. Ticks become nanoseconds when somebody reads: in the [`Report`] or in the
//! interval log of [`IntervalDrain`].
//!
//! Left out on purpose: threads, printing, files, sampling loops and the choice of what to measure.
//! Those belong to the callers. This is the only crate that names `quanta` and `hdrhistogram`.
//!
//! ```
//! use tickring_metrics::{Clock, EventTimes, StageRecorders};
//!
//! let (clock, time) = Clock::mock();
//! let mut recorders = StageRecorders::new();
//! let arrival = clock.ticks();
//! time.advance_ns(300);
//! let enqueue = clock.ticks();
//! time.advance_ns(1_000);
//! let process = clock.ticks();
//! time.advance_ns(200);
//! let done = clock.ticks();
//!
//! recorders.record(EventTimes { arrival, enqueue, process, done });
//!
//! let latency_ns = recorders.summary(&clock);
//! assert_eq!(latency_ns.queue.p50, 1_000);
//! assert_eq!(latency_ns.handle.max, 200);
//! assert_eq!(latency_ns.total.max, 1_500);
//! ```

mod buckets;
mod clock;
mod latency;
mod stage;

mod counter;

mod hlog;

mod distribution;

mod timeline;

mod bottleneck;

mod report;

mod float;

pub use bottleneck::{
    Bottleneck, Load, LoadSamples, STALL_SHARE_MIN, UTILISATION_CRITICAL, UTILISATION_CRITICAL_END,
    UTILISATION_SOURCE_MAX, UTILISATION_WARN, UTILISATION_WARN_END, Utilisation, UtilisationState,
    bottleneck,
};
pub use clock::{Clock, MOCK_TICKS_AT_START, MOCK_WALL_NS_AT_START, MockClock, WallReading};
pub use counter::{Counter, Counters, SharedCounters};
pub use distribution::Distribution;
pub use hlog::{
    Bucket, HlogError, HlogReadError, HlogReader, INTERVALS_PER_RECORDER, IntervalDrain,
    IntervalRecorder, LINE_BYTES_MAX, LineError, LogInterval, PAYLOAD_BYTES_MAX, PayloadError,
    TAG_BYTES_MAX,
};
pub use latency::{
    LatencyRecorder, LatencySummary, RANGE_TICKS_MAX, RANGE_TICKS_MIN, SIGNIFICANT_DIGITS,
};
pub use report::{
    BookReport, CaptureReport, ChecksumsReport, ConnectionsReport, ControlReport, CutReport,
    DecodeErrorsReport, EventsReport, GAPS_REPORTED_MAX, GapReport, HostReport, KernelTimeReport,
    LossReport, RecordedReport, RemarkReport, Report, RingReport, SCHEMA_VERSION, StagesReport,
    StrategyReport, TopCheckReport, TopLevels,
};
pub use report::{Ns, counted, grouped};
pub use stage::{EventTimes, Stage, StageIntervals, StageLatencies, StageRecorders};
pub use timeline::{Look, TIMELINE_ENTRIES_MAX, TIMELINE_PERIOD_NS, Timeline, TimelineEntry};
