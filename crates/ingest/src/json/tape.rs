//! The JSON that venues write, straight from its bytes onto the tape: one pass, no copy.
//!
//! The scanner takes keys in any order and values of any shape, but only the plain part of the
//! language: printable ASCII without escapes and numbers without exponents. It declines everything
//! else, and what is not JSON at all; the general parser then reads the frame from its start. Of
//! every text that the scanner takes it writes the tape that the general parser would write: the
//! tests hold the two against each other.
//!
//! Where strings end is known from the places of the quotes ([`Quotes`]) before their bytes are looked
//! at, so that no token waits for the one before it to be measured.

use std::mem::MaybeUninit;

use simd_json::{Node, StaticNode};
use tickring_event::{leading_digits, leading_sixteen};

use super::Numbers;
use super::plain::ascii;
use super::quotes::Quotes;

/// Objects and arrays within each other; venues nest four deep.
const DEPTH_MAX: usize = 16;

/// Digits of a bare whole number that fit 64 bits whatever they are, with either sign.
const DIGITS_MAX: usize = 18;

/// Writes the tape of `text` into `nodes`, which is empty, or declines.
pub(super) fn scan<'text>(
    text: &'text [u8],
    numbers: Numbers,
    nodes: &mut Vec<Node<'text>>,
) -> Option<()> {
    debug_assert!(nodes.is_empty(), "a tape is of one text");
    // Every value and key takes two bytes, with the comma, colon or bracket that follows it.
    nodes.reserve(text.len() / 2 + 1);
    let cursor = Cursor { text, at: 0, quotes: Quotes::default(), numbers };
    let written = write(cursor, nodes.spare_capacity_mut())?;
    become_nodes(nodes, written);
    Some(())
}

#[expect(
    unsafe_code,
    reason = "to fill the tape before it is written would cost more than to write it"
)]
fn become_nodes(nodes: &mut Vec<Node<'_>>, written: usize) {
    // SAFETY: the vector was empty, and `write` wrote every node before the number that it gives: each
    // value and key as it was read, each object and array as it ended; and none is left open.
    unsafe { nodes.set_len(written) }
}

/// Room for nodes.
type Room<'text> = [MaybeUninit<Node<'text>>];

/// An object or array that is not at its end.
#[derive(Clone, Copy)]
struct Open {
    /// Its place on the tape: it is written at its end.
    at: usize,
    /// Values that were read into it.
    len: usize,
    /// The bracket that ends it.
    end: u8,
}

impl Open {
    const fn new(at: usize, bracket: u8) -> Self {
        Self { at, len: 0, end: if bracket == b'{' { b'}' } else { b']' } }
    }

    const fn is_object(self) -> bool {
        self.end == b'}'
    }

    /// Writes its node, after everything in it.
    fn close(self, nodes: &mut Room<'_>, written: usize) -> Option<()> {
        let (len, count) = (self.len, written - self.at - 1);
        let node = match self.is_object() {
            true => Node::Object { len, count },
            false => Node::Array { len, count },
        };
        nodes.get_mut(self.at)?.write(node);
        Some(())
    }
}

/// Writes the nodes of a whole text, and gives their number.
///
/// One function and no recursion: so what it goes by stays in the processor's registers.
fn write<'text>(mut cursor: Cursor<'text>, nodes: &mut Room<'text>) -> Option<usize> {
    let mut inside = match cursor.next_plain()? {
        bracket @ (b'{' | b'[') => Open::new(0, bracket),
        _ => return None,
    };
    let mut around = [inside; DEPTH_MAX];
    let mut depth = 0;
    let mut written = 1;
    // Once for each value, behind the bracket or comma before it.
    'values: loop {
        inside.len += if inside.is_object() {
            cursor.members(nodes, &mut written)
        } else {
            cursor.rows(nodes, &mut written)
        };
        let mut next = cursor.next_plain()?;
        let is_empty = written == inside.at + 1;
        if !(is_empty && next == inside.end) {
            if inside.is_object() {
                nodes.get_mut(written)?.write(cursor.key(next)?);
                written += 1;
                next = cursor.next_plain()?;
            }
            if matches!(next, b'{' | b'[') {
                *around.get_mut(depth)? = inside;
                depth += 1;
                inside = Open::new(written, next);
                written += 1;
                continue 'values;
            }
            nodes.get_mut(written)?.write(cursor.scalar(next)?);
            written += 1;
            inside.len += 1;
            next = cursor.next_plain()?;
        }
        while next != b',' {
            if next != inside.end {
                return None;
            }
            inside.close(nodes, written)?;
            if depth == 0 {
                return cursor.is_at_end().then_some(written);
            }
            depth -= 1;
            inside = around[depth];
            inside.len += 1;
            next = cursor.next_plain()?;
        }
    }
}

/// A place in the text.
#[derive(Clone, Copy)]
struct Cursor<'text> {
    text: &'text [u8],
    /// The next byte. All quotes before it were taken from `quotes`, and no other.
    at: usize,
    quotes: Quotes,
    numbers: Numbers,
}

impl<'text> Cursor<'text> {
    /// Members that are strings or plain numbers, each with its comma, as long as another follows; gives
    /// how many there were. What most messages are made of.
    #[inline(always)]
    fn members(&mut self, nodes: &mut Room<'text>, written: &mut usize) -> usize {
        let mut count = 0;
        while let Some((key, value, next)) = self.plain_member()
            && let Some([key_slot, value_slot]) = nodes.get_mut(*written..*written + 2)
        {
            key_slot.write(key);
            value_slot.write(value);
            *written += 2;
            *self = next;
            count += 1;
        }
        count
    }

    #[inline(always)]
    fn plain_member(mut self) -> Option<(Node<'text>, Node<'text>, Self)> {
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let key = Node::String(self.string()?);
        let value = match self.text.get(self.at..self.at + 2)? {
            b":\"" => Node::String(self.string()?),
            [b':', b'1'..=b'9'] => {
                let start = self.at + 1;
                let (value, len) = sixteen_digits(self.text, start);
                self.at = start + len;
                self.whole(start, value)
            }
            _ => return None,
        };
        let is_followed = self.text.get(self.at..self.at + 2) == Some(b",\"");
        self.at += 1;
        is_followed.then_some((key, value, self))
    }

    /// Items that are arrays of strings (`["price","quantity"]`), each with its comma, as long as another
    /// follows; gives how many there were. What depth messages are made of.
    #[inline(always)]
    fn rows(&mut self, nodes: &mut Room<'text>, written: &mut usize) -> usize {
        let mut count = 0;
        while let Some((len, next)) = nodes.get_mut(*written..).and_then(|room| self.row(room)) {
            *written += len;
            *self = next;
            count += 1;
        }
        count
    }

    /// The number of nodes that were written, and the place behind.
    #[inline(always)]
    fn row(mut self, room: &mut Room<'text>) -> Option<(usize, Self)> {
        if self.text.get(self.at..self.at + 2) != Some(b"[\"") {
            return None;
        }
        let mut len = 1;
        loop {
            room.get_mut(len)?.write(Node::String(self.string()?));
            len += 1;
            match self.text.get(self.at..self.at + 2)? {
                b",\"" => {}
                b"]," => break,
                _ => return None,
            }
        }
        if self.text.get(self.at + 2) != Some(&b'[') {
            return None;
        }
        self.at += 2;
        room.first_mut()?.write(Node::Array { len: len - 1, count: len - 1 });
        Some((len, self))
    }

    /// The key whose first quote was read, and its colon.
    #[inline(always)]
    fn key(&mut self, first: u8) -> Option<Node<'text>> {
        if first != b'"' {
            return None;
        }
        let key = self.string()?;
        (self.next_plain()? == b':').then_some(Node::String(key))
    }

    /// The string, number or word whose first byte was read.
    #[inline(always)]
    fn scalar(&mut self, first: u8) -> Option<Node<'text>> {
        match first {
            b'"' => Some(Node::String(self.string()?)),
            b'0'..=b'9' | b'-' => self.number(first),
            _ => self.word(),
        }
    }

    /// The string that begins with the next quote.
    #[inline(always)]
    fn string(&mut self) -> Option<&'text str> {
        let open = self.quotes.next(self.text)?;
        let close = self.quotes.next(self.text)?;
        debug_assert!(open.abs_diff(self.at) < 2, "no quote is passed over");
        self.at = close + 1;
        self.text.get(open + 1..close).map(ascii)
    }

    /// The number whose first byte was read.
    #[inline(always)]
    fn number(&mut self, first: u8) -> Option<Node<'text>> {
        let start = self.at - 1;
        let (value, len) = sixteen_digits(self.text, start);
        let is_plain = first != b'-' && (first != b'0' || len == 1);
        let is_end = matches!(self.text.get(start + len), Some(b',' | b'}' | b']'));
        if !(is_plain && is_end) {
            return self.any_number(first);
        }
        self.at = start + len;
        Some(self.whole(start, value))
    }

    /// The whole number from `start` to here, which was seen to be digits.
    #[inline(always)]
    fn whole(&self, start: usize, value: u64) -> Node<'text> {
        match self.numbers {
            Numbers::Typed => Node::Static(StaticNode::U64(value)),
            Numbers::Quoted => Node::String(ascii(&self.text[start..self.at])),
        }
    }

    /// The number whose first byte was read, whatever it looks like.
    #[inline(never)]
    fn any_number(&mut self, first: u8) -> Option<Node<'text>> {
        let start = self.at - 1;
        let rest = self.text.get(start..)?;
        let is_negative = first == b'-';
        let unsigned = &rest[usize::from(is_negative)..];
        let (value, whole) = leading_digits(unsigned);
        let point = unsigned.get(whole) == Some(&b'.');
        let decimals = if point { leading_digits(&unsigned[whole + 1..]).1 } else { 0 };
        let len = whole + usize::from(point) + decimals;
        // `-0` is a number whose sign is told in no other way.
        let is_idle_zero = unsigned.first() == Some(&b'0') && (whole > 1 || is_negative && !point);
        let goes_on = matches!(unsigned.get(len), Some(b'e' | b'E' | b'+' | b'-' | b'.'));
        if whole == 0 || (point && decimals == 0) || is_idle_zero || goes_on {
            return None;
        }
        let text = &rest[..len + usize::from(is_negative)];
        self.at = start + text.len();
        Some(match (self.numbers, point) {
            (Numbers::Quoted, _) => Node::String(ascii(text)),
            // Nobody asks for its value: decimals are read from their text.
            (Numbers::Typed, true) => Node::Static(StaticNode::F64(f64::NAN)),
            (Numbers::Typed, false) if whole > DIGITS_MAX => return None,
            (Numbers::Typed, false) if is_negative => {
                Node::Static(StaticNode::I64(-i64::try_from(value).ok()?))
            }
            (Numbers::Typed, false) => Node::Static(StaticNode::U64(value)),
        })
    }

    /// `true`, `false` or `null`, whose first letter was read.
    #[inline(never)]
    fn word(&mut self) -> Option<Node<'text>> {
        let (len, value) = match self.text.get(self.at - 1..)? {
            [b't', b'r', b'u', b'e', ..] => (4, StaticNode::Bool(true)),
            [b'f', b'a', b'l', b's', b'e', ..] => (5, StaticNode::Bool(false)),
            [b'n', b'u', b'l', b'l', ..] => (4, StaticNode::Null),
            _ => return None,
        };
        self.at += len - 1;
        Some(Node::Static(value))
    }

    /// The next byte that is no space.
    #[inline(always)]
    fn next_plain(&mut self) -> Option<u8> {
        let mut next = *self.text.get(self.at)?;
        if next == b' ' {
            self.at = behind_spaces(self.text, self.at);
            next = *self.text.get(self.at)?;
        }
        self.at += 1;
        Some(next)
    }

    /// Whether nothing but plain spaces follows.
    fn is_at_end(self) -> bool {
        behind_spaces(self.text, self.at) == self.text.len() && self.quotes.is_at_end(self.text)
    }
}

/// The number that the digits from `at` on make, at most sixteen of them, and how many they are.
#[inline(always)]
fn sixteen_digits(text: &[u8], at: usize) -> (u64, usize) {
    let words = u128::from(word_at(text, at)) | u128::from(word_at(text, at + 8)) << 64;
    leading_sixteen(words.to_le_bytes())
}

/// Eight bytes from `at` on, the first one lowest; zeros stand for those behind the end.
#[inline(always)]
fn word_at(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(|rest| rest.first_chunk()) {
        Some(word) => u64::from_le_bytes(*word),
        None => last_word(text, at),
    }
}

#[inline(never)]
fn last_word(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte))
}

#[inline(never)]
fn behind_spaces(text: &[u8], mut at: usize) -> usize {
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}
