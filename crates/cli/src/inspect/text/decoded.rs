//! The part of the text that needs decoding.

use std::fmt::{self, Display, Formatter, Write as _};

use tickring_metrics::{Ns, counted, grouped};

use super::{DecodedFacts, ROWS_MAX, VenueClockFacts, cut, printable, rfc3339};
use crate::inspect::json::{GapFact, InstrumentFacts};

/// Offsets above this are of clocks that do not count from the same moment.
const OFFSET_NS_BELIEVED: u64 = 24 * 3_600 * 1_000_000_000;

pub(super) fn write(out: &mut String, decoded: &DecodedFacts, width: usize) -> fmt::Result {
    write_gaps(out, decoded)?;
    write_messages(out, decoded)?;
    write_instruments(out, &decoded.instruments, width)?;
    match &decoded.venue_clock {
        Some(clock) => write_clock(out, *clock),
        None => writeln!(out, "\nvenue clock: no message carries the venue's time"),
    }
}

fn write_gaps(out: &mut String, decoded: &DecodedFacts) -> fmt::Result {
    let gaps = &decoded.gaps;
    if gaps.count == 0 {
        write!(out, "gaps: none")?;
    } else {
        let reasons = gaps.by_reason.iter().map(|(reason, count)| {
            let count = grouped(*count);
            format!("{count} {reason}")
        });
        write!(out, "gaps: {}", reasons.collect::<Vec<_>>().join(", "))?;
        if gaps.messages_missing > 0 {
            write!(out, "; {} missing at the venue", counted(gaps.messages_missing, "message"))?;
        }
    }
    let others = [
        (decoded.duplicated, "duplicated"),
        (decoded.reordered, "reordered"),
        (decoded.stale_depth, "older than their book"),
    ];
    for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
        write!(out, "; {} {what}", grouped(count))?;
    }
    writeln!(out)?;
    for gap in &gaps.first {
        write_gap(out, gap)?;
    }
    let shown = gaps.first.len() as u64;
    if gaps.count > shown {
        writeln!(out, "  and {} more", grouped(gaps.count - shown))?;
    }
    Ok(())
}

fn write_gap(out: &mut String, gap: &GapFact) -> fmt::Result {
    let GapFact { time_ns, connection, instrument, reason, expected, received, missing } = gap;
    let symbol = instrument.as_deref().unwrap_or("every instrument");
    let symbol = printable(symbol.as_bytes());
    write!(out, "  {} {symbol}, connection {connection}: {reason}", rfc3339(*time_ns))?;
    if *expected > 0 || *received > 0 {
        write!(out, ", expected {expected}, received {received}")?;
    }
    if *missing > 0 {
        write!(out, ", {} missing", grouped(*missing))?;
    }
    writeln!(out)
}

fn write_messages(out: &mut String, decoded: &DecodedFacts) -> fmt::Result {
    let DecodedFacts { messages, decode_errors, decode_error_examples, frames, .. } = decoded;
    let names = messages.keys().chain(decode_errors.keys());
    let width = names.map(|it| it.len()).max().unwrap_or(0).max("message kind".len());
    writeln!(out, "\n{:width$}  {:>12}   share", "message kind", "frames")?;
    let mut row = |name: &str, count: u64| {
        let share = Share { count, of: *frames };
        writeln!(out, "{name:width$}  {:>12}  {share:>6}", grouped(count))
    };
    for (kind, count) in messages {
        row(kind, *count)?;
    }
    for (reason, count) in decode_errors {
        row(reason, *count)?;
    }
    for (reason, example) in decode_error_examples {
        writeln!(out, "  not decoded, {reason}: {}", printable(example.as_bytes()))?;
    }
    Ok(())
}

fn write_instruments(
    out: &mut String,
    instruments: &[InstrumentFacts],
    width: usize,
) -> fmt::Result {
    let shown = &instruments[..instruments.len().min(ROWS_MAX)];
    if shown.is_empty() {
        return Ok(());
    }
    let names = shown.iter().map(|it| it.symbol.chars().count());
    let name_width = names.max().unwrap_or(0).clamp("symbol".len(), 24);
    writeln!(
        out,
        "\n{:name_width$}  {:>12}  {:>16}  {:>16}  scales",
        "symbol", "events", "first price", "last price"
    )?;
    for it in shown {
        let name = cut(&printable(it.symbol.as_bytes()), name_width);
        let price = |price: &Option<String>| price.clone().unwrap_or_else(|| "-".to_owned());
        let line = format!(
            "{name:name_width$}  {:>12}  {:>16}  {:>16}  {}, {}",
            grouped(it.events),
            price(&it.first_price),
            price(&it.last_price),
            it.price_scale,
            it.quantity_scale
        );
        writeln!(out, "{}", cut(&line, width.max(72)))?;
    }
    if instruments.len() > shown.len() {
        writeln!(out, "and {} more", grouped((instruments.len() - shown.len()) as u64))?;
    }
    Ok(())
}

/// What the venue's times say about the recorder's clock, and what may not be read from them.
fn write_clock(out: &mut String, clock: VenueClockFacts) -> fmt::Result {
    let VenueClockFacts {
        venue_minus_arrival_ns_min: min,
        venue_minus_arrival_ns_p50: p50,
        venue_minus_arrival_ns_max: max,
        recorder_is_behind,
        ..
    } = clock;
    let [min, median, max] = [min, p50, max].map(Offset);
    writeln!(out, "\nvenue's time minus arrival: min {min}, p50 {median}, max {max}")?;
    let size = Ns(p50.unsigned_abs());
    if p50.unsigned_abs() > OFFSET_NS_BELIEVED {
        return writeln!(
            out,
            "  the recorder's clock does not count from the same moment as the venue's:\n  \
             one-way delays from this recording mean nothing"
        );
    }
    if recorder_is_behind {
        return writeln!(
            out,
            "  frames arrived BEFORE the venue sent them: the recorder's clock is behind by about\n  \
             {size}, and one-way delays from this recording mean nothing"
        );
    }
    writeln!(
        out,
        "  half of the messages were under way for {size} or less, if both clocks are right"
    )
}

/// A time that may be negative.
struct Offset(i64);

impl Display for Offset {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        f.pad(&format!("{sign}{}", Ns(self.0.unsigned_abs())))
    }
}

/// A part of a whole, in percent.
struct Share {
    count: u64,
    of: u64,
}

impl Display for Share {
    #[expect(clippy::cast_precision_loss, reason = "for reading")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { count, of } = *self;
        let percent = if of == 0 { 0.0 } else { count as f64 * 100.0 / of as f64 };
        f.pad(&format!("{percent:.1} %"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_clock(p50: i64, expected: &str) {
        let mut text = String::new();
        let clock = VenueClockFacts {
            messages: 1,
            venue_minus_arrival_ns_min: p50 - 1_000_000,
            venue_minus_arrival_ns_p50: p50,
            venue_minus_arrival_ns_max: p50 + 1_000_000,
            recorder_is_behind: p50 > 0,
        };
        write_clock(&mut text, clock).unwrap();
        assert_eq!(text, expected);
    }

    #[test]
    fn frames_that_arrived_before_they_were_sent_are_a_clock_that_is_behind() {
        check_clock(
            1_270_000_000,
            "\nvenue's time minus arrival: min 1.27 s, p50 1.27 s, max 1.27 s\n  \
             frames arrived BEFORE the venue sent them: the recorder's clock is behind by about\n  \
             1.27 s, and one-way delays from this recording mean nothing\n",
        );
    }

    #[test]
    fn frames_that_arrived_after_they_were_sent_were_under_way() {
        check_clock(
            -12_300_000,
            "\nvenue's time minus arrival: min -13.3 ms, p50 -12.3 ms, max -11.3 ms\n  \
             half of the messages were under way for 12.3 ms or less, if both clocks are right\n",
        );
    }

    #[test]
    fn a_clock_of_another_origin_is_no_delay() {
        check_clock(
            1_700_000_000_000_000_000,
            "\nvenue's time minus arrival: min 1700000000 s, p50 1700000000 s, \
             max 1700000000 s\n  \
             the recorder's clock does not count from the same moment as the venue's:\n  \
             one-way delays from this recording mean nothing\n",
        );
    }
}
