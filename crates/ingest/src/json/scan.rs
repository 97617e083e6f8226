//! The JSON that venues write, straight from its bytes onto the tape: one pass, no copy.
//!
//! The scanner takes keys in any order and values of any shape, but only the plain part of the
//! language: ASCII strings without escapes and numbers without exponents. It declines everything
//! else, and what is not JSON at all; the general parser then reads the frame from its start. Of
//! every text that the scanner takes it writes the tape that the general parser would write: the
//! tests hold the two against each other.

use simd_json::{Node, StaticNode};

use super::Numbers;

/// Objects and arrays within each other; venues nest four deep.
const DEPTH_MAX: usize = 16;

/// Bytes of a string that are looked at one by one. Where messages are alike, the processor guesses each
/// end and reads on while it checks; an end that is computed has to be waited for. That is worth more
/// than the eight bytes that are looked at together in longer strings.
const NEAR: usize = 16;

/// Digits of a bare whole number that fit 64 bits whatever they are, with either sign.
const DIGITS_MAX: usize = 18;

/// Writes the tape of `text`, or declines; what it wrote until then is of no use.
pub(super) fn scan<'text>(
    text: &'text [u8],
    numbers: Numbers,
    nodes: &mut Vec<Node<'text>>,
) -> Option<()> {
    let mut scanner = Scanner { text, at: 0, numbers, nodes };
    scanner.skip_space();
    match scanner.next()? {
        b'{' => scanner.object(DEPTH_MAX)?,
        b'[' => scanner.array(DEPTH_MAX)?,
        _ => return None,
    }
    scanner.skip_space();
    (scanner.at == text.len()).then_some(())
}

struct Scanner<'text, 'tape> {
    text: &'text [u8],
    /// The next byte.
    at: usize,
    numbers: Numbers,
    nodes: &'tape mut Vec<Node<'text>>,
}

impl<'text> Scanner<'text, '_> {
    /// An object whose brace was read.
    fn object(&mut self, depth: usize) -> Option<()> {
        let head = self.open(Node::Object { len: 0, count: 0 });
        let mut len = 0;
        let mut next = self.next_plain()?;
        if next != b'}' {
            loop {
                if next != b'"' {
                    return None;
                }
                let key = self.string()?;
                self.nodes.push(Node::String(key));
                if self.next_plain()? != b':' {
                    return None;
                }
                let first = self.next_plain()?;
                self.value(first, depth)?;
                len += 1;
                match self.next_plain()? {
                    b',' => next = self.next_plain()?,
                    b'}' => break,
                    _ => return None,
                }
            }
        }
        let count = self.nodes.len() - head - 1;
        self.nodes[head] = Node::Object { len, count };
        Some(())
    }

    /// An array whose bracket was read.
    fn array(&mut self, depth: usize) -> Option<()> {
        let head = self.open(Node::Array { len: 0, count: 0 });
        let mut len = 0;
        let mut next = self.next_plain()?;
        if next != b']' {
            loop {
                self.value(next, depth)?;
                len += 1;
                match self.next_plain()? {
                    b',' => next = self.next_plain()?,
                    b']' => break,
                    _ => return None,
                }
            }
        }
        let count = self.nodes.len() - head - 1;
        self.nodes[head] = Node::Array { len, count };
        Some(())
    }

    fn open(&mut self, node: Node<'text>) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// A value whose first byte was read.
    #[inline(always)]
    fn value(&mut self, first: u8, depth: usize) -> Option<()> {
        if first == b'"' {
            let text = self.string()?;
            self.nodes.push(Node::String(text));
            return Some(());
        }
        let node = match first {
            b'0'..=b'9' | b'-' => self.number(first)?,
            b'{' => return self.object(depth.checked_sub(1)?),
            b'[' => return self.array(depth.checked_sub(1)?),
            b't' => self.literal("rue", StaticNode::Bool(true))?,
            b'f' => self.literal("alse", StaticNode::Bool(false))?,
            b'n' => self.literal("ull", StaticNode::Null)?,
            _ => return None,
        };
        self.nodes.push(node);
        Some(())
    }

    /// The string whose first quote was read.
    #[inline(always)]
    fn string(&mut self) -> Option<&'text str> {
        let rest = self.text.get(self.at..)?;
        let near = rest.get(..NEAR).unwrap_or(rest);
        let len = match near.iter().position(|&byte| !IS_PLAIN[usize::from(byte)]) {
            Some(len) => len,
            None => far_end(rest)?,
        };
        if rest.get(len) != Some(&b'"') {
            return None;
        }
        self.at += len + 1;
        rest.get(..len).map(ascii)
    }

    /// The number whose first byte was read.
    #[inline]
    fn number(&mut self, first: u8) -> Option<Node<'text>> {
        let rest = self.text.get(self.at - 1..)?;
        let is_negative = first == b'-';
        let unsigned = &rest[usize::from(is_negative)..];
        let (value, whole) = digits(unsigned);
        let point = unsigned.get(whole) == Some(&b'.');
        let decimals = if point { digits(&unsigned[whole + 1..]).1 } else { 0 };
        let len = whole + usize::from(point) + decimals;
        // `-0` is a number whose sign is told in no other way.
        let is_idle_zero = unsigned.first() == Some(&b'0') && (whole > 1 || is_negative && !point);
        let goes_on = matches!(unsigned.get(len), Some(b'e' | b'E' | b'+' | b'-' | b'.'));
        if whole == 0 || (point && decimals == 0) || is_idle_zero || goes_on {
            return None;
        }
        let text = &rest[..len + usize::from(is_negative)];
        self.at += text.len() - 1;
        if self.numbers == Numbers::Quoted {
            return Some(Node::String(ascii(text)));
        }
        Some(Node::Static(match (point, is_negative) {
            (false, _) if whole > DIGITS_MAX => return None,
            (false, false) => StaticNode::U64(value),
            (false, true) => StaticNode::I64(-i64::try_from(value).ok()?),
            // Nobody asks for its value: decimals are read from their text.
            (true, _) => StaticNode::F64(f64::NAN),
        }))
    }

    /// A word whose first letter was read.
    fn literal(&mut self, rest: &str, value: StaticNode) -> Option<Node<'text>> {
        let end = self.at + rest.len();
        if self.text.get(self.at..end)? != rest.as_bytes() {
            return None;
        }
        self.at = end;
        Some(Node::Static(value))
    }

    /// The next byte that is no space.
    #[inline]
    fn next_plain(&mut self) -> Option<u8> {
        let next = self.next()?;
        if next > b' ' {
            return Some(next);
        }
        self.at -= 1;
        self.skip_space();
        self.next()
    }

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    #[cold]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

/// The number that the digits in front make, modulo two to the 64, and how many they are.
#[inline]
fn digits(text: &[u8]) -> (u64, usize) {
    let (mut value, mut len) = (0_u64, 0);
    for byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        len += 1;
    }
    (value, len)
}

/// Bytes that stand in a string for themselves.
const IS_PLAIN: [bool; 256] = {
    let mut is_plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x80 {
        is_plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    is_plain
};

/// Where a string ends of which the first bytes are plain.
fn far_end(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        let stops = stops(u64::from_le_bytes(*word));
        if stops != 0 {
            return Some(at + (stops.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    let rest = text.get(at..)?;
    Some(at + rest.iter().position(|&byte| !IS_PLAIN[usize::from(byte)])?)
}

/// The text of bytes that were each found to be ASCII.
#[inline]
#[expect(unsafe_code, reason = "to look at every byte again would cost a tenth of a frame's scan")]
fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii(), "the scanner looks at each byte before");
    // SAFETY: ASCII is UTF-8. `string` passes bytes of which `IS_PLAIN` and `stops` let none through
    // above 0x7f; `number` passes digits, signs and points.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

/// Marks in the top bit of each byte of `word` whether it ends a plain string: a quote, a backslash, a
/// control or a byte outside ASCII. The lowest mark is right; those above it may be false.
///
/// Source: "Determine if a word has a byte less than n" and "equal to n" in Sean Eron Anderson's Bit
/// Twiddling Hacks.
#[inline]
const fn stops(word: u64) -> u64 {
    const fn each(byte: u8) -> u64 {
        u64::from_le_bytes([byte; 8])
    }
    let quote = word ^ each(b'"');
    let backslash = word ^ each(b'\\');
    let zero_in_quote = quote.wrapping_sub(each(1)) & !quote;
    let zero_in_backslash = backslash.wrapping_sub(each(1)) & !backslash;
    let control = word.wrapping_sub(each(0x20)) & !word;
    (zero_in_quote | zero_in_backslash | control | word) & each(0x80)
}
