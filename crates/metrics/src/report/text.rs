//! The report for people: plain text, at most 80 columns where names are short, no colours.

use std::fmt::{self, Display, Formatter};

use super::{
    BookReport, ChecksumsReport, KernelTimeReport, LossReport, Report, StagesReport,
    StrategyReport, TopCheckReport,
};
use crate::float;
use crate::latency::LatencySummary;

impl Report {
    /// The report as text, several lines, each ended by a newline.
    #[must_use]
    pub fn to_text(&self) -> String {
        TextReport(self).to_string()
    }
}

struct TextReport<'a>(&'a Report);

impl Display for TextReport<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let report = self.0;
        write_header(f, report)?;
        write_loss(f, report)?;
        write_ring(f, report)?;
        write_ingest(f, report)?;
        write_recorded(f, report)?;
        write_strategies(f, "strategy", &report.strategies)?;
        write_strategies(f, "service", &report.services)?;
        writeln!(f)?;
        write_books(f, report)?;
        if let Some(hash) = &report.run_hash {
            writeln!(f, "run hash: {hash}")?;
        }
        writeln!(f, "bottleneck: {}; {}", report.bottleneck, advice(&report.bottleneck))
    }
}

fn write_header(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Report { command, frames, bytes, wall_ns, events, connections, .. } = report;
    let seconds = float::from_u64(*wall_ns) / NS_PER_S;
    let frames_per_s = u128::from(*frames) * NS_PER_S_EXACT / u128::from(*wall_ns).max(1);
    let mb_per_s = float::ratio(*bytes, *wall_ns) * NS_PER_S / BYTES_PER_MB;
    writeln!(
        f,
        "{command}: {} frames, {:.1} MB, {} events in {seconds:.3} s \
         ({} frames/s, {mb_per_s:.1} MB/s)",
        grouped(*frames),
        float::from_u64(*bytes) / BYTES_PER_MB,
        grouped(events.published),
        grouped(u64::try_from(frames_per_s).unwrap_or(u64::MAX)),
    )?;
    if connections.attempts > 0 {
        writeln!(
            f,
            "connections: {}, {}",
            counted(connections.attempts, "attempt"),
            counted(connections.reconnects, "reconnect"),
        )?;
    }
    if let Some(KernelTimeReport { reads, reads_without, clamped, error_ns_max }) =
        connections.kernel_time
    {
        writeln!(
            f,
            "kernel time: {}, {} without, {} clamped, error at most {}",
            counted(reads, "read"),
            grouped(reads_without),
            grouped(clamped),
            Ns(error_ns_max),
        )?;
    }
    if !report.drained {
        writeln!(f, "not drained: the run ended before every strategy reached the last event")?;
    }
    Ok(())
}

fn write_loss(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let LossReport { gaps, dropped, missing, duplicated, reordered } = report.loss;
    let undecoded = report.decode_errors.total;
    if gaps + dropped + missing + undecoded == 0 {
        write!(f, "loss: nothing lost")?;
    } else {
        let parts = [
            (gaps, counted(gaps, "gap")),
            (missing, format!("{} missing at the venue", counted(missing, "message"))),
            (dropped, format!("{} dropped on a full ring", counted(dropped, "event"))),
            (undecoded, format!("{} not decoded", counted(undecoded, "frame"))),
        ];
        let named = parts.into_iter().filter(|(count, _)| *count > 0).map(|(_, text)| text);
        write!(f, "loss: {}", named.collect::<Vec<_>>().join(", "))?;
    }
    for (count, what) in [(duplicated, "duplicated"), (reordered, "reordered")] {
        if count > 0 {
            write!(f, "; {} {what}", grouped(count))?;
        }
    }
    writeln!(f)?;
    for (reason, count) in &report.decode_errors.by_reason {
        writeln!(f, "  {}: {reason}", grouped(*count))?;
    }
    if !report.remarks.is_empty() {
        let named =
            report.remarks.iter().map(|(reason, it)| format!("{} {reason}", grouped(it.count)));
        writeln!(f, "skipped or not documented: {}", named.collect::<Vec<_>>().join(", "))?;
    }
    Ok(())
}

fn write_ring(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let ring = &report.ring;
    writeln!(
        f,
        "ring: {} slots, at most {} in use ({:.1} %), {} for {}",
        grouped(ring.capacity),
        grouped(ring.depth_max),
        ring.utilisation_max * 100.0,
        counted(ring.stalls, "stall"),
        Ns(ring.stall_ns),
    )
}

/// The stages that are timed before the strategies, one line each.
fn write_ingest(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let StagesReport { kernel, decode, stall } = &report.stages;
    let stages = [("kernel", kernel.as_ref()), ("decode", Some(decode)), ("stall", Some(stall))];
    for (name, latency) in stages {
        if let Some(latency) = latency.filter(|it| it.count > 0) {
            let LatencySummary { p50, p99, p99_9, max, .. } = *latency;
            let [p50, p99, p99_9, max] = [p50, p99, p99_9, max].map(Ns);
            writeln!(f, "{name}: p50 {p50}, p99 {p99}, p99.9 {p99_9}, max {max}")?;
        }
    }
    Ok(())
}

/// What was replayed and what was recorded.
fn write_recorded(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    if let Some(recorded) = &report.recorded {
        if let Some(LatencySummary { p50, p99, max, .. }) = recorded.pacing_error_ns {
            let [p50, p99, max] = [p50, p99, max].map(Ns);
            writeln!(f, "pacing error: p50 {p50}, p99 {p99}, max {max}")?;
        }
        if recorded.holes > 0 {
            let (holes, missing) = (recorded.holes, recorded.entries_missing);
            let known = counted(missing, "entry");
            writeln!(
                f,
                "recording: {} in it, {known} known to be missing",
                counted(holes, "hole")
            )?;
        }
        for cut in &recorded.cut {
            let (offset, bytes) = (grouped(cut.offset), grouped(cut.bytes));
            writeln!(
                f,
                "recording: {} was not ended: whole up to byte {offset}, {bytes} bytes cut",
                cut.path
            )?;
        }
    }
    let Some(capture) = &report.capture else { return Ok(()) };
    let mb = |bytes| float::from_u64(bytes) / BYTES_PER_MB;
    writeln!(
        f,
        "capture: {}: {} frames in {}, {:.1} MB ({:.1} MB uncompressed)",
        capture.path,
        grouped(capture.frames),
        counted(capture.segments, "file"),
        mb(capture.bytes),
        mb(capture.bytes_uncompressed),
    )?;
    if capture.entries_missing > 0 {
        let (missing, holes) = (counted(capture.entries_missing, "entry"), capture.holes);
        writeln!(f, "capture: {missing} missing in {}", counted(holes, "hole"))?;
    }
    if capture.waits > 0 {
        writeln!(
            f,
            "capture: the disk was behind; reading waited {}",
            counted(capture.waits, "time")
        )?;
    }
    if let Some(words) = &capture.first_failure {
        writeln!(
            f,
            "capture: writing failed {}; first: {words}",
            counted(capture.failures, "time")
        )?;
    }
    Ok(())
}

fn write_strategies(f: &mut Formatter<'_>, title: &str, rows: &[StrategyReport]) -> fmt::Result {
    if rows.is_empty() {
        return Ok(());
    }
    let width = rows.iter().map(|row| label(rows, row).len()).max().unwrap_or(0).max(NAME_WIDTH);
    writeln!(
        f,
        "\n{title:width$} {:>13}  stage  {:>8} {:>8} {:>8} {:>8}",
        "handled", "p50", "p99", "p99.9", "max"
    )?;
    for row in rows {
        let latency = &row.latency_ns;
        write!(f, "{:width$} {:>13}", label(rows, row), grouped(row.handled))?;
        write_latency(f, "queue", &latency.queue)?;
        write!(f, "{:1$}", "", width + 14)?;
        write_latency(f, "handle", &latency.handle)?;
        write!(f, "{:1$}", "", width + 14)?;
        write_latency(f, "total", &latency.total)?;
        write_troubles(f, row)?;
    }
    Ok(())
}

fn write_latency(f: &mut Formatter<'_>, stage: &str, latency: &LatencySummary) -> fmt::Result {
    let LatencySummary { p50, p99, p99_9, max, clamped, .. } = *latency;
    write!(f, "  {stage:6} {:>8} {:>8} {:>8} {:>8}", Ns(p50), Ns(p99), Ns(p99_9), Ns(max))?;
    if clamped > 0 {
        write!(f, "  ({} past the range)", grouped(clamped))?;
    }
    writeln!(f)
}

/// What did not go well with one strategy; nothing when all did.
fn write_troubles(f: &mut Formatter<'_>, row: &StrategyReport) -> fmt::Result {
    let counts = [
        (row.conflated, "conflated"),
        (row.skipped, "skipped"),
        (row.errors, "errors"),
        (row.retries, "retries"),
        (row.signals_dropped, "signals dropped"),
    ];
    let mut separator = "  ";
    for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
        write!(f, "{separator}{} {what}", grouped(count))?;
        separator = ", ";
    }
    if row.quarantined {
        write!(
            f,
            "{separator}quarantined: {}",
            row.culprit.as_deref().unwrap_or("no reason given")
        )?;
        separator = ", ";
    }
    if separator == ", " { writeln!(f) } else { Ok(()) }
}

/// The strategy's name, with the worker's index when there are several of that name.
fn label(rows: &[StrategyReport], row: &StrategyReport) -> String {
    if rows.iter().filter(|other| other.name == row.name).count() > 1 {
        format!("{}/{}", row.name, row.worker)
    } else {
        row.name.clone()
    }
}

fn write_books(f: &mut Formatter<'_>, report: &Report) -> fmt::Result {
    let Some(books) = &report.books else { return Ok(()) };
    let invalid = books.values().filter(|book| !book.valid).count();
    write!(f, "books: {}", books.len())?;
    if invalid > 0 {
        write!(f, ", {invalid} not valid")?;
    }
    writeln!(f)?;
    for (symbol, book) in books.iter().take(BOOKS_SHOWN_MAX) {
        write_book(f, symbol, book)?;
    }
    if books.len() > BOOKS_SHOWN_MAX {
        writeln!(f, "  and {} more", books.len() - BOOKS_SHOWN_MAX)?;
    }
    Ok(())
}

fn write_book(f: &mut Formatter<'_>, symbol: &str, book: &BookReport) -> fmt::Result {
    let best = |side: &[[String; 2]]| {
        side.first().map_or_else(|| "-".to_owned(), |[price, _]| price.clone())
    };
    write!(
        f,
        "  {symbol}: {} / {}, {} + {} levels, {} applied, {} stale, {}",
        best(&book.top5.bids),
        best(&book.top5.asks),
        grouped(book.levels[0]),
        grouped(book.levels[1]),
        grouped(book.applied),
        grouped(book.stale),
        counted(book.gaps, "gap"),
    )?;
    if let Some(ChecksumsReport { checked, failed }) = book.checksums {
        write!(f, ", {}, {} failed", counted(checked, "checksum"), grouped(failed))?;
    }
    if let Some(TopCheckReport { compared, agreed, by, .. }) = &book.top_check {
        let (compared, agreed) = (grouped(*compared), grouped(*agreed));
        write!(f, ", top agrees {agreed} of {compared} by {by}")?;
    }
    f.write_str(match (book.valid, book.seeded) {
        (true, _) => "\n",
        (false, true) => ", NOT VALID\n",
        (false, false) => ", NOT VALID: no snapshot came\n",
    })
}

/// What to do about a bottleneck.
fn advice(bottleneck: &str) -> &'static str {
    match bottleneck {
        "source" => "strategies wait for data, so nothing here needs to be faster",
        "balanced" => "source and strategies keep pace with each other",
        _ => {
            "it gates the ring: give it a core of its own or more --workers, let it conflate, \
             or do less per event"
        }
    }
}

/// Nanoseconds with three digits and a unit. Honours the width.
#[derive(Clone, Copy, Debug)]
pub struct Ns(pub u64);

impl Display for Ns {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ns = float::from_u64(self.0);
        let (value, unit) = match self.0 {
            0..1_000 => return f.pad(&format!("{} ns", self.0)),
            1_000..999_500 => (ns / 1e3, "us"),
            999_500..999_500_000 => (ns / 1e6, "ms"),
            _ => (ns / 1e9, "s"),
        };
        let decimals = match value {
            ..9.995 => 2,
            ..99.95 => 1,
            _ => 0,
        };
        f.pad(&format!("{value:.decimals$} {unit}"))
    }
}

/// `count` with a comma between each three digits.
#[must_use]
pub fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `count` and the noun in the number that fits.
#[must_use]
pub fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

const NAME_WIDTH: usize = 16;
const BOOKS_SHOWN_MAX: usize = 10;
const NS_PER_S: f64 = 1e9;
const NS_PER_S_EXACT: u128 = 1_000_000_000;
const BYTES_PER_MB: f64 = 1e6;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ns(ns: u64, expected: &str) {
        assert_eq!(Ns(ns).to_string(), expected);
    }

    #[test]
    fn durations_have_three_digits_and_the_unit_that_fits() {
        check_ns(0, "0 ns");
        check_ns(999, "999 ns");
        check_ns(1_000, "1.00 us");
        check_ns(9_994, "9.99 us");
        check_ns(9_996, "10.0 us");
        check_ns(99_960, "100 us");
        check_ns(999_499, "999 us");
        check_ns(999_500, "1.00 ms");
        check_ns(999_499_999, "999 ms");
        check_ns(999_500_000, "1.00 s");
        check_ns(3_600_000_000_000, "3600 s");
        assert_eq!(format!("{:>8}", Ns(1)), "    1 ns");
    }

    #[test]
    fn counts_are_grouped_by_three() {
        for (count, expected) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (93_954, "93,954"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(count), expected);
        }
    }

    #[test]
    fn one_is_singular() {
        assert_eq!(counted(1, "gap"), "1 gap");
        assert_eq!(counted(0, "gap"), "0 gaps");
        assert_eq!(counted(2_000, "gap"), "2,000 gaps");
    }
}
