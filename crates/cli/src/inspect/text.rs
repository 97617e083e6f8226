//! An inspection for people: aligned lines, no colours.

use std::fmt::{self, Display, Formatter, Write as _};

use tickring_capture::Hole;
use tickring_metrics::{Ns, counted, grouped};

use super::chart::whole;
use super::dump::{cut, hole_words, printable, rfc3339};
use super::json::{
    ConnectionFacts, DecodedFacts, EndingFacts, Inspection, SessionFacts, VenueClockFacts,
};

mod decoded;

/// Connections and instruments that are told one by one.
const ROWS_MAX: usize = 20;

/// The inspection as text, several lines, each ended by a newline and none much longer than `width`.
pub(crate) fn text(inspection: &Inspection, width: usize) -> String {
    let mut out = String::new();
    write(&mut out, inspection, width).expect("a string takes any text");
    out
}

fn write(out: &mut String, inspection: &Inspection, width: usize) -> fmt::Result {
    let Inspection { frames, bytes, span_ns, frames_per_s_mean, .. } = inspection;
    let (count, size, rate) = (counted(*frames, "frame"), Bytes(*bytes), whole(*frames_per_s_mean));
    writeln!(out, "inspect: {count}, {size} in {} ({rate} frames/s)", Ns(*span_ns))?;
    if *frames > 0 {
        let (first, last) = (rfc3339(inspection.first_ns), rfc3339(inspection.last_ns));
        writeln!(out, "from {first} to {last}")?;
    }
    writeln!(out)?;
    for session in &inspection.sessions {
        write_session(out, session, width)?;
    }
    write_connections(out, inspection)?;
    write_rates(out, inspection)?;
    write_loss(out, inspection)?;
    match &inspection.decoded {
        Some(decoded) => decoded::write(out, decoded, width)?,
        None => writeln!(
            out,
            "\nnot decoded: neither the file nor --venue names a venue, so message kinds, symbols,\n\
             gaps and the venue's clock are left out"
        )?,
    }
    Ok(())
}

fn write_session(out: &mut String, session: &SessionFacts, width: usize) -> fmt::Result {
    let SessionFacts { name, format, venue, ending, connections, metadata } = session;
    writeln!(out, "session {}", printable(name.as_bytes()))?;
    let of = venue.map_or_else(|| "of no known venue".to_owned(), |it| format!("of {it}"));
    let connections = counted(*connections, "connection");
    writeln!(out, "  {format} {of}, {connections}, {}", EndingWords(*ending))?;
    let names_width = metadata.keys().map(String::len).max().unwrap_or(0);
    for (name, value) in metadata {
        let line = format!("  {name:names_width$}  {value}");
        writeln!(out, "{}", cut(&printable(line.as_bytes()), width))?;
    }
    Ok(())
}

struct EndingWords(EndingFacts);

impl Display for EndingWords {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            EndingFacts::Clean => write!(f, "ended clean"),
            EndingFacts::Cut { offset_bytes, behind_bytes } => write!(
                f,
                "CUT at byte {}, {} behind it",
                grouped(offset_bytes),
                counted(behind_bytes, "byte")
            ),
            EndingFacts::Untold => write!(f, "read to its end"),
            EndingFacts::Unreadable => write!(f, "COULD NOT BE READ to its end"),
        }
    }
}

fn write_connections(out: &mut String, inspection: &Inspection) -> fmt::Result {
    let Inspection { connections, sessions, .. } = inspection;
    writeln!(out)?;
    for (index, connection) in connections.iter().take(ROWS_MAX).enumerate() {
        let ConnectionFacts { session, frames, bytes, commands, .. } = connection;
        write!(out, "connection {index}")?;
        if sessions.len() > 1 {
            let name = sessions.get(usize::try_from(*session).unwrap_or(usize::MAX));
            let name = name.map_or("", |it| it.name.rsplit('/').next().unwrap_or_default());
            write!(out, " of {}", printable(name.as_bytes()))?;
        }
        let (frames, size) = (counted(*frames, "frame"), Bytes(*bytes));
        writeln!(out, ": {frames}, {size}, {} sent", counted(*commands, "command"))?;
        if connection.last_ns > 0 {
            let (first, last) = (rfc3339(connection.first_ns), rfc3339(connection.last_ns));
            writeln!(out, "  from {first} to {last}")?;
        }
        writeln!(out, "  {}", states(connection)?)?;
    }
    if connections.len() > ROWS_MAX {
        writeln!(out, "and {} more connections", connections.len() - ROWS_MAX)?;
    }
    Ok(())
}

/// What a connection went through, in words.
fn states(connection: &ConnectionFacts) -> Result<String, fmt::Error> {
    if !connection.tells_states {
        return Ok("open from the start: the recording does not tell opens and closes".to_owned());
    }
    let Some(last) = connection.last_state else { return Ok("never opened".to_owned()) };
    let mut words = String::new();
    for state in ["connecting", "connected", "subscribed", "stale", "disconnected"] {
        if let Some(count) = connection.states.get(state) {
            write!(words, "{state} {}, ", counted(*count, "time"))?;
        }
    }
    for (code, count) in &connection.closes_by_code {
        match code {
            0 => write!(words, "closed without a code {}, ", counted(*count, "time"))?,
            _ => write!(words, "closed with {code} {}, ", counted(*count, "time"))?,
        }
    }
    write!(words, "last {last}, {}", counted(connection.attempts, "attempt"))?;
    Ok(words)
}

fn write_rates(out: &mut String, inspection: &Inspection) -> fmt::Result {
    let Inspection { busiest, frame_bytes, silences, frames, .. } = inspection;
    if *frames == 0 {
        return Ok(());
    }
    writeln!(out, "\n{:>8}  {:>10}  from", "busiest", "frames")?;
    for it in busiest {
        // Whole words: windows are round.
        let window = match it.window_ns {
            1_000_000_000 => "1 s".to_owned(),
            window_ns => format!("{} ms", window_ns / 1_000_000),
        };
        writeln!(out, "{window:>8}  {:>10}  {}", grouped(it.frames), rfc3339(it.start_ns))?;
    }
    if !silences.is_empty() {
        writeln!(out, "{:>8}  {:>10}  from", "silence", "")?;
    }
    for it in silences {
        writeln!(out, "{:>8}  {:>10}  {}", Ns(it.length_ns), "", rfc3339(it.start_ns))?;
    }
    let [p50, p90, p99, max] =
        [frame_bytes.p50, frame_bytes.p90, frame_bytes.p99, frame_bytes.max].map(grouped);
    writeln!(out, "\nframe bytes: p50 {p50}, p90 {p90}, p99 {p99}, max {max}")
}

fn write_loss(out: &mut String, inspection: &Inspection) -> fmt::Result {
    let Inspection { holes, steps_back, .. } = inspection;
    if holes.count == 0 {
        writeln!(out, "holes: none known")?;
    } else {
        let (entries, bytes) = (counted(holes.entries_missing, "entry"), holes.bytes_missing);
        let entries = entries.replace("entrys", "entries");
        writeln!(
            out,
            "holes: {}, {entries} and {} missing",
            grouped(holes.count),
            counted(bytes, "byte")
        )?;
    }
    for hole in &holes.first {
        let [first_ns, last_ns] = [hole.first_ns, hole.last_ns];
        let hole = Hole { first_ns, last_ns, entries: hole.entries, bytes: hole.bytes };
        writeln!(out, "  {} {}", rfc3339(first_ns), hole_words(hole))?;
    }
    if *steps_back > 0 {
        writeln!(out, "clock: stepped back {}", counted(*steps_back, "time"))?;
    }
    Ok(())
}

/// Bytes in whole numbers while they are few, else in MB.
struct Bytes(u64);

impl Display for Bytes {
    #[expect(clippy::cast_precision_loss, reason = "for reading")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..100_000 => f.pad(&counted(self.0, "byte")),
            _ => f.pad(&format!("{:.1} MB", self.0 as f64 / 1e6)),
        }
    }
}
