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

/// Digits of a bare whole number that fit 64 bits whatever they are, with either sign.
const DIGITS_MAX: usize = 18;

/// Writes the tape of `text`, or declines; what it wrote until then is of no use.
pub(super) fn scan<'text>(
    text: &'text str,
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
    text: &'text str,
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
    #[inline]
    fn value(&mut self, first: u8, depth: usize) -> Option<()> {
        let node = match first {
            b'"' => Node::String(self.string()?),
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
    #[inline]
    fn string(&mut self) -> Option<&'text str> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        let mut at = start;
        while let Some(word) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
            let stops = stops(u64::from_le_bytes(*word));
            if stops != 0 {
                at += (stops.trailing_zeros() / 8) as usize;
                return self.string_to(start, at);
            }
            at += 8;
        }
        let rest = bytes.get(at..)?;
        at += rest
            .iter()
            .position(|byte| !matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7f))?;
        self.string_to(start, at)
    }

    /// The string that must end at `end`.
    #[inline]
    fn string_to(&mut self, start: usize, end: usize) -> Option<&'text str> {
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    /// The number whose first byte was read.
    #[inline]
    fn number(&mut self, first: u8) -> Option<Node<'text>> {
        let start = self.at - 1;
        let negative = first == b'-';
        let (mut value, mut digits) = (0_u64, 0);
        if !negative {
            (value, digits) = (u64::from(first - b'0'), 1);
        }
        let leads_with_zero = self.peek_digit_if(negative, first)? == b'0';
        while let Some(digit) = self.digit() {
            value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        if leads_with_zero && (digits != 1 || negative && self.peek() != Some(b'.')) {
            return None;
        }
        let is_whole = self.peek() != Some(b'.');
        if !is_whole {
            self.at += 1;
            self.digit()?;
            while self.digit().is_some() {}
        }
        if matches!(self.peek(), Some(b'e' | b'E' | b'+' | b'-' | b'.')) {
            return None;
        }
        if self.numbers == Numbers::Quoted {
            return Some(Node::String(self.text.get(start..self.at)?));
        }
        Some(Node::Static(match (is_whole, negative) {
            (true, _) if digits > DIGITS_MAX => return None,
            (true, false) => StaticNode::U64(value),
            (true, true) => StaticNode::I64(-i64::try_from(value).ok()?),
            // Nobody asks for its value: decimals are read from their text.
            (false, _) => StaticNode::F64(f64::NAN),
        }))
    }

    /// The first digit of a number: the one that was read, or that after its sign.
    #[inline]
    fn peek_digit_if(&self, negative: bool, first: u8) -> Option<u8> {
        let digit = if negative { self.peek()? } else { first };
        digit.is_ascii_digit().then_some(digit)
    }

    /// The next digit's value, if one is next.
    #[inline]
    fn digit(&mut self) -> Option<u8> {
        let digit = self.peek()?.wrapping_sub(b'0');
        (digit <= 9).then(|| {
            self.at += 1;
            digit
        })
    }

    /// A word whose first letter was read.
    fn literal(&mut self, rest: &str, value: StaticNode) -> Option<Node<'text>> {
        let end = self.at + rest.len();
        if self.text.as_bytes().get(self.at..end)? != rest.as_bytes() {
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
        self.text.as_bytes().get(self.at).copied()
    }

    #[cold]
    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
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
