//! The final report, put together from what each thread left behind.

use std::collections::BTreeMap;

use tickring_event::{Digest, Instrument, InstrumentId, Instruments};
use tickring_ingest::{
    Checks, ConnectionTally, DecodeFailure, GapRecord, IngestReport, KernelTimeTally,
    RecordedTally, Remark,
};
use tickring_metrics::{
    BookReport, CaptureReport, Clock, ConnectionsReport, ControlReport, Counter, Counters,
    CutReport, DecodeErrorsReport, EventsReport, GAPS_REPORTED_MAX, GapReport, HostReport,
    KernelTimeReport, LossReport, RecordedReport, RemarkReport, Report, RingReport, SCHEMA_VERSION,
    StagesReport, StrategyReport, TimelineEntry,
};
use tickring_ring::Gauges;

use crate::workers::WorkerReports;

/// What the parts of a report come from.
pub(crate) struct Parts<'a> {
    pub(crate) command: &'static str,
    pub(crate) host: HostReport,
    pub(crate) start_ticks: u64,
    pub(crate) wall_ns: u64,
    pub(crate) timeline: Vec<TimelineEntry>,
    pub(crate) clock: &'a Clock,
    pub(crate) instruments: &'a Instruments,
    pub(crate) ingest: &'a IngestReport,
    pub(crate) gauges: &'a Gauges,
    pub(crate) workers: WorkerReports,
    pub(crate) bottleneck: String,
    pub(crate) capture: Option<CaptureReport>,
}

/// Puts a report together.
pub(crate) fn build(parts: Parts<'_>) -> Report {
    let Parts {
        command,
        host,
        start_ticks,
        wall_ns,
        timeline,
        clock,
        instruments,
        ingest,
        gauges,
        workers,
        bottleneck,
        capture,
    } = parts;
    let IngestReport { counters, messages, decode_errors, decode, stall, gaps, .. } = ingest;
    let named = |(kind, count): &(&str, u64)| ((*kind).to_owned(), *count);
    Report {
        schema_version: SCHEMA_VERSION,
        command: command.to_owned(),
        host,
        start_time_ns: clock.wall_ns(start_ticks),
        wall_ns,
        frames: counters.get(Counter::Frames),
        bytes: counters.get(Counter::Bytes),
        decode_errors: DecodeErrorsReport {
            total: counters.get(Counter::DecodeErrors),
            by_reason: decode_errors.iter().map(|it| (it.reason.to_owned(), it.count)).collect(),
            examples: decode_errors
                .iter()
                .map(|it| (it.reason.to_owned(), example(it, &ingest.remarks)))
                .collect(),
        },
        control: control(counters),
        remarks: remarks(ingest),
        messages: messages.iter().map(named).collect(),
        events: events(counters),
        loss: loss(counters),
        gaps: gaps.iter().take(GAPS_REPORTED_MAX).map(|gap| gap_entry(gap, instruments)).collect(),
        connections: connections(ingest),
        ring: ring(gauges, clock),
        timeline,
        stages: StagesReport {
            kernel: ingest.kernel_time.map(|_| ingest.kernel.summary(clock)),
            decode: decode.summary(clock),
            stall: stall.summary(clock),
        },
        run_hash: run_hash(&workers.strategies),
        drained: ingest.drained.is_clean() && workers.complete,
        strategies: workers.strategies,
        services: workers.services,
        recorded: ingest.recorded.as_ref().map(recorded),
        capture,
        books: workers.books.map(|books| with_checksums(books, &ingest.checks, instruments)),
        bottleneck,
    }
}

fn connections(ingest: &IngestReport) -> ConnectionsReport {
    let ConnectionTally { attempts, reconnects } = ingest.connections;
    let kernel_time = ingest.kernel_time.map(|tally| {
        let KernelTimeTally { reads, reads_without, clamped, error_ns_max } = tally;
        KernelTimeReport { reads, reads_without, clamped, error_ns_max }
    });
    ConnectionsReport { attempts, reconnects, kernel_time }
}

/// What is wrong with the first frame of a reason, and how it starts.
fn example(failure: &DecodeFailure, remarks: &[Remark]) -> String {
    let remark = remarks.iter().find(|it| it.reason == failure.reason);
    let start = remark.map_or("", |it| it.example.as_str());
    format!("{}: {start}", failure.first)
}

/// What was skipped or is not documented; frames that could not be decoded have a place of their own.
fn remarks(ingest: &IngestReport) -> BTreeMap<String, RemarkReport> {
    let is_error = |reason| ingest.decode_errors.iter().any(|it| it.reason == reason);
    let remarks = ingest.remarks.iter().filter(|it| !is_error(it.reason));
    remarks
        .map(|Remark { reason, count, example }| {
            let report = RemarkReport { count: *count, example: example.clone() };
            ((*reason).to_owned(), report)
        })
        .collect()
}

/// The books, with how their venues' checksums compared.
fn with_checksums(
    mut books: BTreeMap<String, BookReport>,
    checks: &[(InstrumentId, Checks)],
    instruments: &Instruments,
) -> BTreeMap<String, BookReport> {
    for (id, Checks { checked, failed }) in checks {
        let symbol = instruments.instrument(*id).map(Instrument::symbol);
        let Some(book) = symbol.and_then(|symbol| books.get_mut(symbol)) else { continue };
        let sum = book.checksums.get_or_insert_default();
        sum.checked += checked;
        sum.failed += failed;
    }
    books
}

/// What all strategies were given, as one figure.
fn run_hash(strategies: &[StrategyReport]) -> Option<String> {
    let mut digest = Digest::new();
    for StrategyReport { name, worker, received_hash, .. } in strategies {
        digest.add_text(&format!("{name}/{worker}={}", received_hash.as_ref()?));
    }
    Some(digest.to_string())
}

fn recorded(tally: &RecordedTally) -> RecordedReport {
    RecordedReport {
        speed: tally.speed,
        span_ns: tally.span_ns(),
        busiest_100ms_recorded: tally.peak_recorded,
        busiest_100ms_delivered: tally.speed.map(|_| tally.peak_delivered),
        steps_back: tally.steps_back,
        repeats: tally.repeats,
        pacing_error_ns: tally.speed.map(|_| tally.lateness_ns),
        holes: tally.holes,
        entries_missing: tally.entries_missing,
        cut: tally.cut.iter().map(cut).collect(),
        not_reproducible: NOT_REPRODUCIBLE.map(str::to_owned).to_vec(),
    }
}

/// Fields that tell of this machine and this run, not of the recording.
const NOT_REPRODUCIBLE: [&str; 11] = [
    "host",
    "start_time_ns",
    "wall_ns",
    "ring.depth_max",
    "ring.utilisation_max",
    "ring.stalls",
    "ring.stall_ns",
    "timeline",
    "stages",
    "strategies.latency_ns",
    "bottleneck",
];

fn cut((path, offset, bytes): &(String, u64, u64)) -> CutReport {
    CutReport { path: path.clone(), offset: *offset, bytes: *bytes }
}

fn events(counters: &Counters) -> EventsReport {
    EventsReport {
        published: counters.get(Counter::EventsPublished),
        trade: counters.get(Counter::EventsTrade),
        top_of_book: counters.get(Counter::EventsTopOfBook),
        levels: counters.get(Counter::EventsLevels),
        bar: counters.get(Counter::EventsBar),
        gap: counters.get(Counter::EventsGap),
        status: counters.get(Counter::EventsStatus),
    }
}

fn control(counters: &Counters) -> ControlReport {
    ControlReport {
        acks: counters.get(Counter::Acks),
        pongs: counters.get(Counter::Pongs),
        refusals: counters.get(Counter::Refusals),
        ignored: counters.get(Counter::Ignored),
        scan_declined: counters.get(Counter::ScanDeclined),
    }
}

fn loss(counters: &Counters) -> LossReport {
    LossReport {
        gaps: counters.get(Counter::Gaps),
        dropped: counters.get(Counter::Dropped),
        missing: counters.get(Counter::Missing),
        duplicated: counters.get(Counter::Duplicated),
        reordered: counters.get(Counter::Reordered),
    }
}

fn gap_entry(record: &GapRecord, instruments: &Instruments) -> GapReport {
    let GapRecord { connection, instrument, gap } = record;
    GapReport {
        connection: u64::from(connection.0),
        instrument: instruments.instrument(*instrument).map(|it| it.symbol().to_owned()),
        reason: gap.reason.name().to_owned(),
        expected: gap.expected,
        received: gap.received,
        missing: gap.missing,
    }
}

#[expect(clippy::cast_precision_loss, reason = "slots are far below 2^52")]
fn ring(gauges: &Gauges, clock: &Clock) -> RingReport {
    let capacity = gauges.capacity().slots() as u64;
    RingReport {
        capacity,
        depth_max: gauges.depth_max(),
        utilisation_max: gauges.depth_max() as f64 / capacity as f64,
        stalls: gauges.stalls(),
        stall_ns: clock.elapsed_ns(0, gauges.stall_ticks()),
    }
}
