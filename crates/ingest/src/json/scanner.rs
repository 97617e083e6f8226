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
//!     object.member(b"price", &mut price)?;
//!     object.member(b"size", &mut size)?;
//!     object.pass_over(place)?;
//! }
//! ```

mod name;
mod short_pair;

use tickring_event::{Instrument, Level, NumberText, ShortNumber, leading_sixteen};

use self::name::begins_with_name;
use self::short_pair::ShortPair;
use super::plain::{BLOCK, ascii, ends_in};

/// Objects and arrays within each other that are passed over.
const DEPTH_MAX: u32 = 16;

/// Digits of a bare whole number that fit 64 bits whatever they are, with either sign: the general
/// parser takes no larger ones.
const DIGITS_MAX: usize = 18;

/// A place in a frame's text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanner<'text> {
    /// What was not read.
    rest: &'text [u8],
}

impl<'text> Scanner<'text> {
    pub(super) const fn new(text: &'text [u8]) -> Self {
        Self { rest: text }
    }

    /// The bracket before an object's first member.
    #[inline(always)]
    pub(crate) fn enter(&mut self) -> Option<()> {
        let rest = self.rest.strip_prefix(b"{")?;
        (rest.first()? == &b'"').then(|| self.rest = rest)
    }

    /// Whether a member follows; else the bracket behind the last one is read.
    #[inline(always)]
    pub(crate) fn is_inside(&mut self) -> Option<bool> {
        match self.peek()? {
            b'"' => Some(true),
            b'}' => {
                self.rest = &self.rest[1..];
                Some(false)
            }
            _ => None,
        }
    }

    /// The next byte's place, counted from the end.
    #[inline(always)]
    pub(crate) const fn place(&self) -> usize {
        self.rest.len()
    }

    /// If the member called `name` is next, puts its value into `slot`. One that comes twice is not
    /// expected: the general parser knows which one counts.
    #[inline(always)]
    pub(crate) fn member<T: Plain<'text>, const N: usize>(
        &mut self,
        name: &[u8; N],
        slot: &mut Option<T>,
    ) -> Option<()> {
        // As `member_by`, written out: a function that is handed over is not always inlined.
        if self.is_called(name) {
            if slot.is_some() {
                return None;
            }
            *slot = Some(T::scan(self)?);
            self.separator()?;
        }
        Some(())
    }

    /// As [`Scanner::member`], of a value that `read` reads.
    #[inline(always)]
    pub(crate) fn member_by<T, const N: usize>(
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

    /// Passes over the member called `name`, a string, if it is next: sooner than [`Scanner::pass_over`] would.
    #[inline(always)]
    pub(crate) fn skip<const N: usize>(&mut self, name: &[u8; N]) -> Option<()> {
        if self.is_called(name) {
            self.string()?;
            self.separator()?;
        }
        Some(())
    }

    /// Passes over a member that nobody asked for since `place`.
    #[inline(always)]
    pub(crate) fn pass_over(&mut self, place: usize) -> Option<()> {
        if self.place() == place {
            *self = self.behind_member()?;
        }
        Some(())
    }

    /// Whether the next member is called `name`; if so, its value is next.
    #[inline(always)]
    pub(crate) fn is_called<const N: usize>(&mut self, name: &[u8; N]) -> bool {
        let is_called = begins_with_name(self.rest, name);
        if is_called {
            self.rest = &self.rest[N + 3..];
        }
        is_called
    }

    /// What is between a member's value and the next member, or before the bracket behind the last one.
    #[inline(always)]
    pub(crate) fn separator(&mut self) -> Option<()> {
        match self.rest {
            [b',', rest @ ..] => {
                self.rest = rest;
                (rest.first()? == &b'"').then_some(())
            }
            [b'}', ..] => Some(()),
            _ => None,
        }
    }

    /// An array: `read` reads each item. It is called from two places, so that it stays a function of its own
    /// with the registers for itself.
    #[inline(always)]
    pub(crate) fn items(&mut self, mut read: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        // A copy that nobody else sees stays in registers.
        let mut items = *self;
        if items.enter_items()? {
            read(&mut items)?;
            while items.has_next()? {
                read(&mut items)?;
            }
        }
        *self = items;
        Some(())
    }

    /// As [`Scanner::items`]: levels of an instrument.
    #[inline(always)]
    pub(crate) fn levels(
        &mut self,
        instrument: &Instrument,
        mut take: impl FnMut(Level),
    ) -> Option<()> {
        // Written out: a function of this size that is handed over is not inlined.
        let mut items = *self;
        let mut is_inside = items.enter_items()?;
        while is_inside {
            take(items.level(instrument)?);
            is_inside = items.has_next()?;
        }
        *self = items;
        Some(())
    }

    /// The bracket before an array's first item: whether there is one.
    #[inline(always)]
    fn enter_items(&mut self) -> Option<bool> {
        self.eat(b"[")?;
        Some(self.eat(b"]").is_none())
    }

    /// What is behind an item: whether another one follows.
    #[inline(always)]
    fn has_next(&mut self) -> Option<bool> {
        let (next, rest) = self.rest.split_first()?;
        self.rest = rest;
        match next {
            b',' => Some(true),
            b']' => Some(false),
            _ => None,
        }
    }

    /// An array of one item, which `read` reads.
    #[inline(always)]
    pub(crate) fn only_item<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let mut items = *self;
        items.eat(b"[")?;
        let item = read(&mut items)?;
        items.eat(b"]")?;
        *self = items;
        Some(item)
    }

    /// A level: an array of two decimals, and whatever follows them in it.
    #[inline(always)]
    pub(crate) fn pair(&mut self) -> Option<(NumberText<'text>, NumberText<'text>)> {
        self.eat(b"[")?;
        self.rest_of_pair()
    }

    #[inline(always)]
    fn rest_of_pair(&mut self) -> Option<(NumberText<'text>, NumberText<'text>)> {
        let first = self.decimal()?;
        self.eat(b",")?;
        let second = self.decimal()?;
        while self.eat(b",").is_some() {
            self.skip_value()?;
        }
        self.eat(b"]")?;
        Some((first, second))
    }

    /// As [`Scanner::pair`]: the level of an instrument, of numbers without a sign.
    #[inline(always)]
    pub(crate) fn level(&mut self, instrument: &Instrument) -> Option<Level> {
        if let Some(short) = self.rest.first_chunk().and_then(ShortPair::leading)
            && let Some(level) = instrument.short_level(short.price, short.quantity)
        {
            self.rest = self.rest.get(short.size..)?;
            return Some(level);
        }
        let (level, behind) = self.any_level(instrument)?;
        *self = behind;
        Some(level)
    }

    /// As [`Scanner::level`], and what follows it.
    #[inline(never)]
    fn any_level(mut self, instrument: &Instrument) -> Option<(Level, Self)> {
        let (price, quantity) = self.pair()?;
        let has_sign = [price, quantity].iter().any(|it| it.text().starts_with(b"-"));
        if has_sign { None } else { Some((level(instrument, price, quantity)?, self)) }
    }

    /// As [`Scanner::level`], with a string before the decimals.
    #[inline(always)]
    pub(crate) fn tagged_level(&mut self, instrument: &Instrument) -> Option<(&'text [u8], Level)> {
        self.eat(b"[")?;
        let tag = self.string()?;
        self.eat(b",")?;
        let (price, quantity) = self.rest_of_pair()?;
        Some((tag, level(instrument, price, quantity)?))
    }

    /// A string: the bytes between its quotes.
    #[inline(always)]
    pub(crate) fn string(&mut self) -> Option<&'text [u8]> {
        self.eat(b"\"")?;
        let ends = ends_in(&self.block());
        let len = if ends == 0 { self.long_len() } else { ends.trailing_zeros() as usize };
        let (text, rest) = self.rest.split_at_checked(len)?;
        self.rest = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    /// How many bytes there are before what ends a string that is longer than a block.
    #[inline(never)]
    fn long_len(self) -> usize {
        let mut behind = self;
        loop {
            behind.rest = behind.rest.get(BLOCK..).unwrap_or_default();
            let ends = ends_in(&behind.block());
            if ends != 0 {
                return self.rest.len() - behind.rest.len() + ends.trailing_zeros() as usize;
            }
        }
    }

    /// A string.
    #[inline(always)]
    pub(crate) fn text(&mut self) -> Option<&'text str> {
        self.string().map(ascii)
    }

    /// A string of which `read` reads all: it tells how long it is.
    #[inline(always)]
    pub(crate) fn quoted<T>(
        &mut self,
        read: impl FnOnce(&'text [u8]) -> Option<(T, usize)>,
    ) -> Option<T> {
        let (value, len) = read(self.rest.strip_prefix(b"\"")?)?;
        self.rest = self.rest.get(1 + len..)?.strip_prefix(b"\"")?;
        Some(value)
    }

    /// A price or quantity, in quotes or bare.
    #[inline(always)]
    pub(crate) fn decimal(&mut self) -> Option<NumberText<'text>> {
        let Some(rest) = self.rest.strip_prefix(b"\"") else {
            let (number, behind) = self.bare_decimal()?;
            *self = behind;
            return Some(number);
        };
        if let Some(short) = rest.first_chunk().and_then(ShortNumber::leading)
            && let Some((text, [b'"', rest @ ..])) = rest.split_at_checked(short.size())
        {
            self.rest = rest;
            return Some(NumberText::of_short(text, short));
        }
        self.string().map(NumberText::from)
    }

    /// A decimal without quotes, and what follows it.
    #[inline(never)]
    fn bare_decimal(self) -> Option<(NumberText<'text>, Self)> {
        if let Some(short) = self.rest.first_chunk().and_then(ShortNumber::leading)
            && let Some((text, rest @ [b',' | b'}' | b']', ..])) =
                self.rest.split_at_checked(short.size())
            && (text[0] != b'0' || matches!(text, [_] | [_, b'.', ..]))
        {
            return Some((NumberText::of_short(text, short), Self { rest }));
        }
        self.number().map(|(number, behind)| (NumberText::from(number), behind))
    }

    /// A whole number that is not negative, in quotes or bare.
    #[inline(always)]
    pub(crate) fn whole(&mut self) -> Option<u64> {
        match self.rest {
            [b'"', rest @ ..] => {
                self.rest = rest;
                let value = self.digits()?;
                self.eat(b"\"")?;
                Some(value)
            }
            [b'0', rest @ ..] => {
                self.rest = rest;
                Some(0)
            }
            _ => self.digits(),
        }
    }

    /// A whole number: negative if bare, else as [`Scanner::whole`].
    #[inline(always)]
    pub(crate) fn integer(&mut self) -> Option<i64> {
        if self.eat(b"-").is_none() {
            return i64::try_from(self.whole()?).ok();
        }
        // Zeros in front are the general parser's business.
        (self.peek()? != b'0').then_some(())?;
        Some(-i64::try_from(self.digits()?).ok()?)
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
        *self = self.behind(DEPTH_MAX)?;
        Some(kept)
    }

    /// Whether nothing follows.
    pub(crate) const fn is_at_end(&self) -> bool {
        self.rest.is_empty()
    }

    /// What follows a member.
    #[inline(never)]
    fn behind_member(mut self) -> Option<Self> {
        self.string()?;
        self.eat(b":")?;
        self.skip_value()?;
        self.separator()?;
        Some(self)
    }

    /// Any value, fastest if it is a string, most of all one of a digit.
    #[inline(always)]
    fn skip_value(&mut self) -> Option<()> {
        match self.rest {
            [b'"', b'0'..=b'9', b'"', rest @ ..] => {
                self.rest = rest;
                Some(())
            }
            [b'"', ..] => self.string().map(drop),
            _ => {
                *self = self.behind(DEPTH_MAX)?;
                Some(())
            }
        }
    }

    /// What follows any value.
    #[inline(never)]
    fn behind(mut self, depth: u32) -> Option<Self> {
        let depth = depth.checked_sub(1)?;
        match self.peek()? {
            b'"' => self.string().map(drop)?,
            b'{' if self.rest.starts_with(b"{}") => self.eat(b"{}")?,
            b'{' => {
                self.enter()?;
                while self.is_inside()? {
                    self.string()?;
                    self.eat(b":")?;
                    self = self.behind(depth)?;
                    self.separator()?;
                }
            }
            b'[' => self.items(|value| {
                *value = value.behind(depth)?;
                Some(())
            })?,
            b't' => self.eat(b"true")?,
            b'f' => self.eat(b"false")?,
            b'n' => self.eat(b"null")?,
            _ => return self.number().map(|(_, behind)| behind),
        }
        Some(self)
    }

    /// A bare number, `[-]digits[.digits]`, and what follows it.
    #[inline(never)]
    fn number(self) -> Option<(&'text [u8], Self)> {
        let all = self.rest;
        let unsigned = all.strip_prefix(b"-").unwrap_or(all);
        let whole = digits_len(unsigned);
        let point = unsigned.get(whole) == Some(&b'.');
        let decimals = if point { digits_len(&unsigned[whole + 1..]) } else { 0 };
        let is_padded = whole > 1 && unsigned[0] == b'0';
        if whole == 0 || is_padded || (point && decimals == 0) || (!point && whole > DIGITS_MAX) {
            return None;
        }
        let len = all.len() - unsigned.len() + whole + usize::from(point) + decimals;
        let (number, rest) = all.split_at_checked(len)?;
        Some((number, Self { rest }))
    }

    /// The number that one to sixteen digits make; a further one is left where it stands.
    #[inline(always)]
    fn digits(&mut self) -> Option<u64> {
        let (number, len) = leading_sixteen(self.block());
        self.rest = self.rest.get(len..)?;
        (len > 0).then_some(number)
    }

    #[inline(always)]
    fn eat<const N: usize>(&mut self, bytes: &[u8; N]) -> Option<()> {
        let (first, rest) = self.rest.split_first_chunk::<N>()?;
        (first == bytes).then(|| self.rest = rest)
    }

    #[inline(always)]
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next bytes; zeros stand for those behind the end.
    #[inline(always)]
    fn block(&self) -> [u8; BLOCK] {
        match self.rest.first_chunk() {
            Some(block) => *block,
            None => last_block(self.rest),
        }
    }
}

/// What a plain value is read as.
pub(crate) trait Plain<'text>: Sized {
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self>;
}

impl<'text> Plain<'text> for NumberText<'text> {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self> {
        scanner.decimal()
    }
}

impl<'text> Plain<'text> for u64 {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self> {
        scanner.whole()
    }
}

impl<'text> Plain<'text> for i64 {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self> {
        scanner.integer()
    }
}

impl<'text> Plain<'text> for bool {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self> {
        scanner.truth()
    }
}

impl<'text> Plain<'text> for &'text str {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self> {
        scanner.text()
    }
}

impl<'text> Plain<'text> for &'text [u8] {
    #[inline(always)]
    fn scan(scanner: &mut Scanner<'text>) -> Option<Self> {
        scanner.string()
    }
}

/// What does not fit the instrument is for the general parser to refuse.
#[inline(always)]
pub(crate) fn level(
    instrument: &Instrument,
    price: NumberText<'_>,
    quantity: NumberText<'_>,
) -> Option<Level> {
    let price = instrument.price(price).ok()?;
    Some(Level { price, quantity: instrument.quantity(quantity).ok()? })
}

fn digits_len(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[inline(never)]
fn last_block(rest: &[u8]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block[..rest.len()].copy_from_slice(rest);
    block
}

#[cfg(test)]
mod tests;
