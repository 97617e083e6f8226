//! The JSON that venues write, read straight from its bytes by whoever knows what stands there.
//!
//! A [`Scanner`] is a place in a frame's text. Each method reads what is next and moves behind it, or gives
//! `None`: the frame is then not what was expected and has to be read in general, from its start. Only
//! the plain part of the language is taken: printable ASCII without escapes, numbers without exponents,
//! no spaces.
//!
//! Members come in any order, and are fastest in the one in which they are asked for:
//!
//! ```text
//! object.enter()?;
//! while object.is_inside()? {
//!     let place = object.place();
//!     object.member(b"price", &mut price, Scanner::decimal)?;
//!     object.member(b"size", &mut size, Scanner::decimal)?;
//!     object.pass_over(place)?;
//! }
//! ```

use tickring_event::{Instrument, Level, POWERS_OF_TEN, ShortNumber, leading_eight};

use super::plain::{BLOCK, ends_in};

/// Objects and arrays within each other that are passed over.
const DEPTH_MAX: u32 = 16;

/// Digits of a bare whole number that fit 64 bits whatever they are, with either sign: the general
/// parser takes no larger ones.
const DIGITS_MAX: usize = 18;

/// A place in a frame's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'text> {
    text: &'text [u8],
    /// The next byte; everything before it was read.
    at: usize,
}

impl<'text> Scanner<'text> {
    pub(super) const fn new(text: &'text [u8]) -> Self {
        Self { text, at: 0 }
    }

    /// The bracket before an object's first member.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Option<()> {
        self.eat(b"{\"")?;
        self.at -= 1;
        Some(())
    }

    /// Whether a member follows; else the bracket behind the last one is read.
    #[inline(always)]
    pub(crate) fn is_inside(&mut self) -> Option<bool> {
        match self.peek()? {
            b'"' => Some(true),
            b'}' => {
                self.at += 1;
                Some(false)
            }
            _ => None,
        }
    }

    /// The next byte's place.
    #[inline(always)]
    pub(crate) const fn place(&self) -> usize {
        self.at
    }

    /// If the member called `name` is next, puts its value, which `read` reads, into `slot`. One that
    /// comes twice is not expected: the general parser knows which one counts.
    #[inline(always)]
    pub(crate) fn member<T, const N: usize>(
        &mut self,
        name: &[u8; N],
        slot: &mut Option<T>,
        read: impl FnOnce(&mut Self) -> Option<T>,
    ) -> Option<()> {
        if self.is_called(name) {
            if slot.is_some() {
                return None;
            }
            *slot = Some(read(self)?);
            self.separator()?;
        }
        Some(())
    }

    /// `None` if the member called `name` is next: with it the message would be another.
    #[inline(always)]
    pub(crate) fn lacks<const N: usize>(&mut self, name: &[u8; N]) -> Option<()> {
        (!self.is_called(name)).then_some(())
    }

    /// Passes over a member that nobody asked for since `place`.
    #[inline(always)]
    pub(crate) fn pass_over(&mut self, place: usize) -> Option<()> {
        if self.at == place { self.skip_member() } else { Some(()) }
    }

    /// Whether the next member is called `name`; if so, its value is next.
    #[inline(always)]
    pub(crate) fn is_called<const N: usize>(&mut self, name: &[u8; N]) -> bool {
        let Some(text) = self.text.get(self.at..self.at + N + 3) else { return false };
        let is_called = text[0] == b'"' && text[1..=N] == *name && text[N + 1..] == *b"\":";
        self.at += if is_called { N + 3 } else { 0 };
        is_called
    }

    /// What is between a member's value and the next member, or before the bracket behind the last one.
    #[inline(always)]
    pub(crate) fn separator(&mut self) -> Option<()> {
        if self.peek()? == b'}' {
            return Some(());
        }
        self.eat(b",\"")?;
        self.at -= 1;
        Some(())
    }

    /// An array: `read` reads each item.
    #[inline(always)]
    pub(crate) fn items(&mut self, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.eat(b"[")?;
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            read(self)?;
            let next = self.peek()?;
            self.at += 1;
            match next {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// A level: an array of two decimals, and whatever follows them in it.
    #[inline(always)]
    pub(crate) fn pair(&mut self) -> Option<(&'text [u8], &'text [u8])> {
        self.eat(b"[")?;
        self.rest_of_pair()
    }

    fn rest_of_pair(&mut self) -> Option<(&'text [u8], &'text [u8])> {
        let first = self.decimal()?;
        self.eat(b",")?;
        let second = self.decimal()?;
        while self.peek()? == b',' {
            self.at += 1;
            self.skip(DEPTH_MAX)?;
        }
        self.eat(b"]")?;
        Some((first, second))
    }

    /// As [`Scanner::pair`]: the level of an instrument.
    #[inline(always)]
    pub(crate) fn level(&mut self, instrument: &Instrument) -> Option<Level> {
        self.eat(b"[")?;
        self.rest_of_level(instrument)
    }

    /// As [`Scanner::level`], with a string before the decimals.
    #[inline(always)]
    pub(crate) fn tagged_level(&mut self, instrument: &Instrument) -> Option<(&'text [u8], Level)> {
        self.eat(b"[")?;
        let tag = self.string()?;
        self.eat(b",")?;
        Some((tag, self.rest_of_level(instrument)?))
    }

    #[inline(always)]
    fn rest_of_level(&mut self, instrument: &Instrument) -> Option<Level> {
        let start = *self;
        if let Some(level) = self.rest_of_short_level(instrument) {
            return Some(level);
        }
        *self = start;
        self.rest_of_any_level(instrument)
    }

    /// Two short numbers in quotes and nothing else: what nearly every level is.
    #[inline(always)]
    fn rest_of_short_level(&mut self, instrument: &Instrument) -> Option<Level> {
        self.eat(b"\"")?;
        let price = instrument.short_price(self.short()?)?;
        self.eat(b"\",\"")?;
        let quantity = instrument.short_quantity(self.short()?)?;
        self.eat(b"\"]")?;
        Some(Level { price, quantity })
    }

    #[inline(never)]
    fn rest_of_any_level(&mut self, instrument: &Instrument) -> Option<Level> {
        let (price, quantity) = self.rest_of_pair()?;
        let price = instrument.price(price).ok()?;
        Some(Level { price, quantity: instrument.quantity(quantity).ok()? })
    }

    #[inline(always)]
    fn short(&mut self) -> Option<ShortNumber> {
        let number = ShortNumber::leading(self.text.get(self.at..)?.first_chunk()?)?;
        self.at += number.size();
        Some(number)
    }

    /// A string: the bytes between its quotes.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Option<&'text [u8]> {
        self.eat(b"\"")?;
        let start = self.at;
        let ends = ends_in(&self.block());
        if ends == 0 {
            self.pass_blocks();
        } else {
            self.at += ends.trailing_zeros() as usize;
        }
        let text = self.text.get(start..self.at)?;
        self.eat(b"\"")?;
        Some(text)
    }

    /// To what ends a string that is longer than a block.
    #[inline(never)]
    fn pass_blocks(&mut self) {
        loop {
            let ends = ends_in(&self.block());
            if ends != 0 {
                self.at += ends.trailing_zeros() as usize;
                return;
            }
            self.at += BLOCK;
        }
    }

    /// A string.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Option<&'text str> {
        self.string().map(ascii)
    }

    /// The text of a price or quantity, in quotes or bare.
    #[inline(always)]
    pub(crate) fn decimal(&mut self) -> Option<&'text [u8]> {
        if self.peek()? == b'"' { self.string() } else { self.number() }
    }

    /// A whole number that is not negative, in quotes or bare.
    #[inline(always)]
    pub(crate) fn whole(&mut self) -> Option<u64> {
        match self.peek()? {
            b'"' => {
                self.at += 1;
                let value = self.digits()?;
                self.eat(b"\"")?;
                Some(value)
            }
            b'0' => {
                self.at += 1;
                Some(0)
            }
            _ => self.digits(),
        }
    }

    /// `true` or `false`.
    #[inline(always)]
    pub(crate) fn truth(&mut self) -> Option<bool> {
        let is_true = self.peek()? == b't';
        if is_true {
            self.eat(b"true")?;
        } else {
            self.eat(b"false")?;
        }
        Some(is_true)
    }

    /// Any value, passed over: the place before it, to read it later.
    #[inline(always)]
    pub(crate) fn kept(&mut self) -> Option<Self> {
        let kept = *self;
        self.skip(DEPTH_MAX)?;
        Some(kept)
    }

    /// Whether nothing follows.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.at == self.text.len()
    }

    #[inline(never)]
    fn skip_member(&mut self) -> Option<()> {
        self.string()?;
        self.eat(b":")?;
        if self.peek()? == b'"' {
            self.string()?;
        } else {
            self.skip(DEPTH_MAX)?;
        }
        self.separator()
    }

    /// Any value.
    fn skip(&mut self, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            b'"' => self.string().map(drop),
            b'{' if self.text.get(self.at + 1) == Some(&b'}') => self.eat(b"{}"),
            b'{' => {
                self.enter()?;
                while self.is_inside()? {
                    self.string()?;
                    self.eat(b":")?;
                    self.skip(depth)?;
                    self.separator()?;
                }
                Some(())
            }
            b'[' => self.items(|value| value.skip(depth)),
            b't' => self.eat(b"true"),
            b'f' => self.eat(b"false"),
            b'n' => self.eat(b"null"),
            _ => self.number().map(drop),
        }
    }

    /// A bare number: `[-]digits[.digits]`.
    #[inline(never)]
    fn number(&mut self) -> Option<&'text [u8]> {
        let start = self.at;
        self.at += usize::from(self.peek()? == b'-');
        let whole = self.at;
        self.pass_digits()?;
        if self.at > whole + 1 && self.text.get(whole) == Some(&b'0') {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.pass_digits()?;
        } else if self.at - whole > DIGITS_MAX {
            return None;
        }
        self.text.get(start..self.at)
    }

    /// At least one digit.
    #[inline]
    fn pass_digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|it| it.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    /// The number that one to sixteen digits make; a further one is left where it stands.
    #[inline(always)]
    fn digits(&mut self) -> Option<u64> {
        let block = self.block();
        let (first, len) = leading_eight(*block.first_chunk()?);
        self.at += len;
        if len < 8 {
            return (len > 0).then_some(first);
        }
        let (second, len) = leading_eight(*block.last_chunk()?);
        self.at += len;
        Some(first * POWERS_OF_TEN[len & 15].cast_unsigned() + second)
    }

    #[inline(always)]
    fn eat<const N: usize>(&mut self, bytes: &[u8; N]) -> Option<()> {
        (self.text.get(self.at..self.at + N)? == bytes).then(|| self.at += N)
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// The next bytes; zeros stand for those behind the end.
    #[inline(always)]
    fn block(&self) -> [u8; BLOCK] {
        match self.text.get(self.at..).and_then(|rest| rest.first_chunk()) {
            Some(block) => *block,
            None => last_block(self.text, self.at),
        }
    }
}

#[inline(never)]
fn last_block(text: &[u8], at: usize) -> [u8; BLOCK] {
    let Some(last) = text.last_chunk() else { return short_block(text, at) };
    let passed = (at + BLOCK).saturating_sub(text.len()).min(BLOCK - 1);
    let block = u128::from_le_bytes(*last) >> (8 * passed);
    block.to_le_bytes()
}

/// As of any text, of one that is shorter than a block.
#[cold]
fn short_block(text: &[u8], at: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let rest = text.get(at..).unwrap_or_default();
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// The text of bytes that were each found to be ASCII.
#[inline(always)]
#[expect(unsafe_code, reason = "to look at every byte again would cost a tenth of a frame's scan")]
fn ascii(bytes: &[u8]) -> &str {
    debug_assert!(bytes.is_ascii(), "the scanner looks at each byte before");
    // SAFETY: ASCII is UTF-8, and `Scanner::string` passes no other byte.
    unsafe { std::str::from_utf8_unchecked(bytes) }
}

#[cfg(test)]
mod tests;
