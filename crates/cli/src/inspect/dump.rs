//! Entries one a line: as text to read, or as the bytes that were received.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::{Duration, UNIX_EPOCH};

use tickring_capture::{CaptureError, Entry, Hole};
use tickring_event::Status;
use tickring_ingest::{Walk, Walked};

use super::connections::status;

/// What of each entry is written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// A line to read, cut to this many characters.
    Cut(usize),
    /// A line to read, whole.
    Whole,
    /// Messages received, byte for byte, each ended by a line feed. Nothing of other entries.
    Raw,
}

/// Why a dump ended early.
#[derive(Debug)]
pub(crate) enum DumpError {
    /// A session cannot be read on.
    Read(CaptureError),
    /// Nothing can be written any more.
    Write(io::Error),
}

/// Writes the first `count` entries.
///
/// # Errors
/// A session cannot be read on, or `out` not be written.
pub(crate) fn dump(
    walk: &mut Walk,
    form: Form,
    count: u64,
    out: &mut dyn Write,
) -> Result<(), DumpError> {
    let mut left = count;
    let mut line = String::new();
    while left > 0
        && let Some(walked) = walk.next().map_err(DumpError::Read)?
    {
        let Some(entry) = walked.entry else { continue };
        match (form, entry) {
            (Form::Raw, Entry::Received { text, .. }) => {
                out.write_all(text).map_err(DumpError::Write)?;
            }
            (Form::Raw, _) => continue,
            (Form::Cut(_) | Form::Whole, _) => {
                line.clear();
                write_entry(&mut line, &walked, entry, form);
                out.write_all(line.as_bytes()).map_err(DumpError::Write)?;
            }
        }
        out.write_all(b"\n").map_err(DumpError::Write)?;
        left -= 1;
    }
    Ok(())
}

/// Time, connection, direction, length and text of an entry.
fn write_entry(line: &mut String, walked: &Walked<'_>, entry: Entry<'_>, form: Form) {
    let time = rfc3339(entry.time_ns());
    let (head, text) = match entry {
        Entry::Received { connection, text, .. } => {
            (format!("{time} {connection:>3} < {:>8} ", text.len()), printable(text))
        }
        Entry::Sent { connection, text, .. } => {
            (format!("{time} {connection:>3} > {:>8} ", text.len()), printable(text))
        }
        Entry::Changed { connection, .. } => {
            let mut words = String::new();
            for Status { state, attempt, code } in walked.events.iter().filter_map(status) {
                let name = state.name();
                words = format!("{name}, attempt {attempt}, code {code}");
            }
            (format!("{time} {connection:>3} * {:>8} ", "-"), words)
        }
        Entry::Hole(hole) => (format!("{time} {:>3} * {:>8} ", "-", "-"), hole_words(hole)),
    };
    line.push_str(&head);
    match form {
        Form::Cut(width) => line.push_str(&cut(&text, width.saturating_sub(head.len()))),
        Form::Whole | Form::Raw => line.push_str(&text),
    }
}

/// What a hole says, in words.
pub(crate) fn hole_words(hole: Hole) -> String {
    let Hole { last_ns, entries, bytes, .. } = hole;
    let mut words = match entries {
        0 => "entries missing".to_owned(),
        1 => "1 entry missing".to_owned(),
        _ => format!("{entries} entries missing"),
    };
    if bytes > 0 {
        write!(words, ", {bytes} bytes").expect("a string takes any text");
    }
    write!(words, ", until {}", rfc3339(last_ns)).expect("a string takes any text");
    words
}

/// A time in RFC 3339 with nanoseconds, as of a clock that counts since the epoch.
pub(crate) fn rfc3339(time_ns: u64) -> String {
    humantime::format_rfc3339_nanos(UNIX_EPOCH + Duration::from_nanos(time_ns)).to_string()
}

/// Text that a terminal shows and does not obey: what is no text, or controls, is escaped.
pub(crate) fn printable(text: &[u8]) -> String {
    let mut shown = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() {
                shown.extend(letter.escape_default());
            } else {
                shown.push(letter);
            }
        }
        for byte in chunk.invalid() {
            write!(shown, "\\x{byte:02x}").expect("a string takes any text");
        }
    }
    shown
}

/// At most `width` characters of a text; dots stand for what is left out.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let kept = width.saturating_sub(DOTS.len());
    text.chars().take(kept).chain(DOTS.chars().take(width)).collect()
}

const DOTS: &str = "...";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_nanoseconds() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000000000Z");
        assert_eq!(rfc3339(1_723_161_253_937_085_768), "2024-08-08T23:54:13.937085768Z");
        assert_eq!(rfc3339(u64::MAX), "2554-07-21T23:34:33.709551615Z");
    }

    #[track_caller]
    fn check_printable(text: &[u8], expected: &str) {
        assert_eq!(printable(text), expected);
    }

    #[test]
    fn a_terminal_is_shown_text_and_nothing_that_it_obeys() {
        check_printable(br#"{"a":"b"}"#, r#"{"a":"b"}"#);
        check_printable("ü€".as_bytes(), "ü€");
        check_printable(b"\x1b[2J\r\t", r"\u{1b}[2J\r\t");
        check_printable(b"a\xffb\xc3", r"a\xffb\xc3");
    }

    #[test]
    fn a_text_is_cut_to_the_width_and_says_so() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "ab...");
        assert_eq!(cut("äöüßéè", 4), "ä...");
        assert_eq!(cut("abcdef", 2), "..");
        assert_eq!(cut("abcdef", 0), "");
    }

    #[test]
    fn a_hole_says_what_is_known_of_it() {
        let hole = Hole { first_ns: 0, last_ns: 1_000_000_000, entries: 3, bytes: 40 };
        let until = "until 1970-01-01T00:00:01.000000000Z";
        assert_eq!(hole_words(hole), format!("3 entries missing, 40 bytes, {until}"));
        let unknown = Hole { entries: 0, bytes: 0, ..hole };
        assert_eq!(hole_words(unknown), format!("entries missing, {until}"));
    }
}
