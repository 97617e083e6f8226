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
    writeln!(out, "inspect: {count}, {size} in {} ({rate} frames/s)", Span(*span_ns))?;
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
    let of =
        venue.map_or_else(|| "of no known venue, not decoded".to_owned(), |it| format!("of {it}"));
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
        return writeln!(out);
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
        writeln!(out, "\n{:>8}  from", "silence")?;
    }
    for it in silences {
        writeln!(out, "{:>8}  {}", Ns(it.length_ns), rfc3339(it.start_ns))?;
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

/// How long a recording is: seconds to the millisecond, or less than one in the unit that fits.
struct Span(u64);

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (seconds, ms) = (self.0 / 1_000_000_000, self.0 / 1_000_000 % 1_000);
        match seconds {
            0 => write!(f, "{}", Ns(self.0)),
            _ => write!(f, "{}.{ms:03} s", grouped(seconds)),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_states(connection: &ConnectionFacts, expected: &str) {
        assert_eq!(states(connection).unwrap(), expected);
    }

    #[test]
    fn a_connection_says_what_it_went_through() {
        let mut connection = ConnectionFacts { tells_states: true, ..ConnectionFacts::default() };
        check_states(&connection, "never opened");
        connection.last_state = Some("disconnected");
        connection.states = [("connected", 2), ("disconnected", 2)].into();
        connection.closes_by_code = [(0, 1), (1006, 1)].into();
        connection.attempts = 3;
        check_states(
            &connection,
            "connected 2 times, disconnected 2 times, closed without a code 1 time, \
             closed with 1006 1 time, last disconnected, 3 attempts",
        );
        connection.tells_states = false;
        check_states(
            &connection,
            "open from the start: the recording does not tell opens and closes",
        );
    }

    #[track_caller]
    fn check_ending(ending: EndingFacts, expected: &str) {
        assert_eq!(EndingWords(ending).to_string(), expected);
    }

    #[test]
    fn how_a_session_ended_is_said_in_words() {
        check_ending(EndingFacts::Clean, "ended clean");
        check_ending(EndingFacts::Untold, "read to its end");
        check_ending(EndingFacts::Unreadable, "COULD NOT BE READ to its end");
        let cut = EndingFacts::Cut { offset_bytes: 12_345, behind_bytes: 1 };
        check_ending(cut, "CUT at byte 12,345, 1 byte behind it");
    }

    #[test]
    fn a_span_is_told_to_the_millisecond() {
        assert_eq!(Span(346_062_145_616).to_string(), "346.062 s");
        assert_eq!(Span(3_600_000_000_000).to_string(), "3,600.000 s");
        assert_eq!(Span(12_300_000).to_string(), "12.3 ms");
    }
}
