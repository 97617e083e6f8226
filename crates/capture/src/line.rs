//! One line of a session: a time, a space, a message.

mod block;
pub(crate) mod reader;
pub(crate) mod writer;

/// Longest message, in bytes: 64 MiB, the cap of a WebSocket message. A longer one is an error to
/// read and to write; the reader's buffer never grows much past it.
pub const FRAME_BYTES_MAX: usize = 64 * 1024 * 1024;

/// One frame as it was recorded. Borrows the reader's buffer until the next line is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct RecordedFrame<'a> {
    /// When the frame was received, in ns of the recorder's clock. That is mostly, but not always,
    /// the Unix epoch: compare times of one clock only.
    pub arrival_ns: u64,
    /// The line it stands on, from 1.
    pub line: u64,
    /// The message exactly as received: all bytes after the first space up to the line feed. A
    /// carriage return or a space at its end belongs to it; it may be empty and need not be UTF-8.
    pub text: &'a [u8],
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fault {
    Empty,
    NoSpace,
    Time,
}

/// Digits that fit 64 bits whatever they are: no time of these years has more.
const DIGITS_MAX: usize = 19;

/// Splits a line, without its line feed, into the time and the position of the message.
#[inline]
fn split(line: &[u8]) -> Result<(u64, usize), Fault> {
    let (mut arrival_ns, mut digits) = (0_u64, 0);
    while digits < 16
        && let Some(eight) = line[digits..].first_chunk().and_then(eight_digits)
    {
        arrival_ns = arrival_ns * 100_000_000 + eight;
        digits += 8;
    }
    for byte in &line[digits..] {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        arrival_ns = arrival_ns.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
    }
    match line.get(digits) {
        Some(b' ') if digits > 0 => {
            let is_short = digits <= DIGITS_MAX;
            let arrival_ns = if is_short { arrival_ns } else { checked(&line[..digits])? };
            Ok((arrival_ns, digits + 1))
        }
        Some(_) => Err(Fault::Time),
        None if line.is_empty() => Err(Fault::Empty),
        None => Err(Fault::NoSpace),
    }
}

/// The number that eight bytes make which are digits; each step joins neighbours of equal length.
#[inline]
fn eight_digits(text: &[u8; 8]) -> Option<u64> {
    let digits = u64::from_le_bytes(*text) ^ 0x3030_3030_3030_3030;
    // A value above nine shows in its upper half, at once or with six more.
    let above = (digits | (digits.wrapping_add(0x0606_0606_0606_0606))) & 0xf0f0_f0f0_f0f0_f0f0;
    if above != 0 {
        return None;
    }
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100).wrapping_add(pairs >> 16) & 0x0000_ffff_0000_ffff;
    Some(fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xffff_ffff)
}

/// The number that so many digits make that they may not fit.
fn checked(digits: &[u8]) -> Result<u64, Fault> {
    let value = digits.iter().try_fold(0_u64, |value, digit| {
        value.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    });
    value.ok_or(Fault::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &[u8], expected: Result<(u64, usize), Fault>) {
        assert_eq!(split(line), expected, "{}", line.escape_ascii());
    }

    #[test]
    fn the_message_starts_after_the_first_space() {
        check(b"12 {}", Ok((12, 3)));
        check(b"12  two", Ok((12, 3)));
        check(b"0 ", Ok((0, 2)));
        check(b"007 bond", Ok((7, 4)));
    }

    #[test]
    fn a_time_may_fill_64_bits_and_no_more() {
        check(b"18446744073709551615 x", Ok((u64::MAX, 21)));
        check(b"18446744073709551616 x", Err(Fault::Time));
        check(b"99999999999999999999 x", Err(Fault::Time));
        check(b"184467440737095516150 x", Err(Fault::Time));
    }

    #[test]
    fn a_time_is_digits_only() {
        check(b"+12 x", Err(Fault::Time));
        check(b"-12 x", Err(Fault::Time));
        check(b"1.5 x", Err(Fault::Time));
        check(b"12\t x", Err(Fault::Time));
        check(b" x", Err(Fault::Time));
        check(b"\r", Err(Fault::Time));
        check(b"{\"a\": 1}", Err(Fault::Time));
    }

    #[test]
    fn a_line_without_space_or_content_is_named_as_such() {
        check(b"", Err(Fault::Empty));
        check(b"12", Err(Fault::NoSpace));
    }
}
