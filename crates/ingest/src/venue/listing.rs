//! Which instruments a connection carries where every message names its own, and how far their
//! books have come.
//!
//! What is known of an instrument's book beside its id is `S`.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tickring_event::{
    DecimalError, Gap, GapReason, INSTRUMENTS_MAX, Instrument, InstrumentError, InstrumentId,
    Instruments, Level, MarketEvent, leading_digits,
};

use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::venue::DecodeError;

/// The instruments of one connection.
#[derive(Debug)]
pub(super) struct Listing<S = Depth> {
    instruments: Arc<Instruments>,
    /// Lower case; empty when every instrument is wanted.
    wanted: Vec<Box<str>>,
    /// What names an instrument in a message to its position in `listed`; `None` for one that
    /// nobody wants.
    positions: HashMap<Box<[u8]>, Option<usize>, RandomState>,
    listed: Vec<Listed<S>>,
    /// Whose book breaks when the message in hand cannot be read.
    reading: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Listed<S> {
    pub(super) id: InstrumentId,
    pub(super) state: S,
}

/// How far the book of an instrument has come.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Depth {
    /// There is none.
    #[default]
    Waiting,
    /// The last message was a snapshot, or a part of one.
    Snapshot,
    /// The last message changed it.
    Continued,
}

/// Names of instruments that are remembered, those that nobody wants among them.
const KEYS_MAX: usize = 2 * INSTRUMENTS_MAX;

/// How an instrument is called.
#[derive(Debug)]
pub(super) struct Spelling<'a> {
    /// Its symbol in the table of instruments, under which it may be wanted.
    pub(super) symbol: String,
    /// A shorter one, under which it may be wanted as well.
    pub(super) short: &'a str,
}

impl<S: Default> Listing<S> {
    /// Symbols of `wanted` are taken in either case; an empty list takes all.
    pub(super) fn new(wanted: &[String], instruments: Arc<Instruments>) -> Self {
        Self {
            instruments,
            wanted: wanted.iter().map(|symbol| symbol.to_ascii_lowercase().into()).collect(),
            positions: HashMap::default(),
            listed: Vec::new(),
            reading: None,
        }
    }

    /// The position of the instrument that `key` names; `None` when it is not wanted. At first sight
    /// it is registered with these numbers, which allocates and locks.
    pub(super) fn position(
        &mut self,
        key: &[u8],
        spell: fn(&str) -> Spelling<'_>,
        first: Numbers<'_>,
    ) -> Result<Option<usize>, DecodeError> {
        if let Some(&position) = self.positions.get(key) {
            return Ok(position);
        }
        self.meet(key, spell, first)
    }

    /// As [`Listing::position`]. The numbers are asked for at first sight.
    pub(super) fn position_by<'a>(
        &mut self,
        key: &[u8],
        spell: fn(&str) -> Spelling<'_>,
        first: impl FnOnce() -> Numbers<'a>,
    ) -> Result<Option<usize>, DecodeError> {
        match self.positions.get(key) {
            Some(&position) => Ok(position),
            None => self.meet(key, spell, first()),
        }
    }

    /// As [`Listing::position`], where messages spell the symbol itself. The numbers are asked for at
    /// first sight.
    pub(super) fn position_of<'a>(
        &mut self,
        symbol: &str,
        first: impl FnOnce() -> Result<Numbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        if let Some(&position) = self.positions.get(symbol.as_bytes()) {
            return Ok(position);
        }
        self.meet(symbol.as_bytes(), as_it_is, first()?)
    }

    /// The position of an instrument that was met before and is wanted.
    pub(super) fn known(&self, symbol: &str) -> Option<usize> {
        self.positions.get(symbol.as_bytes()).copied().flatten()
    }

    fn meet(
        &mut self,
        key: &[u8],
        spell: impl Fn(&str) -> Spelling<'_>,
        first: Numbers<'_>,
    ) -> Result<Option<usize>, DecodeError> {
        let text = std::str::from_utf8(key);
        let text = text.map_err(|_| DecodeError::WrongType { field: "symbol" })?;
        let Spelling { symbol, short } = spell(text);
        let is = |wanted: &str, symbol: &str| wanted.eq_ignore_ascii_case(symbol);
        let is_wanted =
            self.wanted.is_empty() || self.wanted.iter().any(|it| is(it, &symbol) || is(it, short));
        let position = if is_wanted { Some(self.register(&symbol, first)?) } else { None };
        // What nobody wants may be anything: so many are remembered and no more.
        if position.is_some() || self.positions.len() < KEYS_MAX {
            self.positions.insert(key.into(), position);
        }
        Ok(position)
    }

    fn register(&mut self, symbol: &str, first: Numbers<'_>) -> Result<usize, DecodeError> {
        let registered = self.instruments.register(symbol, first.price, first.quantity);
        let id = registered.map_err(|error| match error {
            InstrumentError::Number(error) => DecodeError::Number { field: "price", error },
            _ => DecodeError::TooManyInstruments,
        })?;
        self.listed.push(Listed { id, state: S::default() });
        Ok(self.listed.len() - 1)
    }

    /// The instrument at a position this table gave.
    pub(super) fn instrument(&self, position: usize) -> &Instrument {
        self.instruments
            .instrument(self.listed[position].id)
            .expect("listed instruments are registered, and none is ever removed")
    }

    pub(super) fn id(&self, position: usize) -> InstrumentId {
        self.listed[position].id
    }

    /// What is known of the instrument's book.
    pub(super) fn state_mut(&mut self, position: usize) -> &mut S {
        &mut self.listed[position].state
    }

    /// Every instrument, in order of position.
    pub(super) fn listed(&self) -> &[Listed<S>] {
        &self.listed
    }

    /// Every instrument, in order of position.
    pub(super) fn listed_mut(&mut self) -> &mut [Listed<S>] {
        &mut self.listed
    }

    /// Depth of this instrument is being read, until [`Listing::read`].
    pub(super) const fn reads(&mut self, position: usize) {
        self.reading = Some(position);
    }

    /// The message in hand was read.
    pub(super) const fn read(&mut self) {
        self.reading = None;
    }

    /// Whose depth could not be read, where the message in hand was not.
    pub(super) const fn take_unread(&mut self) -> Option<usize> {
        self.reading.take()
    }
}

impl Listing {
    pub(super) fn depth(&self, position: usize) -> Depth {
        self.listed[position].state
    }

    pub(super) fn set_depth(&mut self, position: usize, depth: Depth) {
        self.listed[position].state = depth;
    }

    /// The message in hand could not be read: a book that it was for is broken.
    pub(super) fn give_up(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        if let Some(position) = self.reading.take() {
            self.break_book(position, GapReason::Undecoded, stamp, batch);
        }
    }

    /// The connection ended: every book starts over.
    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        for position in 0..self.listed.len() {
            self.break_book(position, GapReason::Disconnected, stamp, batch);
        }
    }

    fn break_book(
        &mut self,
        position: usize,
        reason: GapReason,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) {
        let Listed { id, state: depth } = &mut self.listed[position];
        if *depth != Depth::Waiting {
            *depth = Depth::Waiting;
            let gap = Gap { reason, expected: 0, received: 0, missing: 0, breaks_book: true };
            batch.push(MarketEvent::gap(&stamp.origin(*id), gap));
        }
    }
}

fn as_it_is(symbol: &str) -> Spelling<'_> {
    Spelling { symbol: symbol.to_owned(), short: "" }
}

/// A price and a quantity as they are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    pub(super) price: &'a [u8],
    pub(super) quantity: &'a [u8],
}

impl Numbers<'_> {
    /// The same at the scales of `instrument`; `quantity` is the field's name on the wire.
    pub(super) fn level(
        self,
        instrument: &Instrument,
        quantity: &'static str,
    ) -> Result<Level, DecodeError> {
        Ok(Level {
            price: instrument.price(self.price).map_err(number("price"))?,
            quantity: instrument.quantity(self.quantity).map_err(number(quantity))?,
        })
    }
}

pub(super) const fn number(field: &'static str) -> impl Fn(DecimalError) -> DecodeError {
    move |error| DecodeError::Number { field, error }
}

/// A whole number: digits only.
pub(super) fn whole(text: &[u8], field: &'static str) -> Result<u64, DecodeError> {
    // Up to nineteen digits cannot wrap.
    let (value, len) = leading_digits(text);
    if len == text.len() && (1..=19).contains(&len) {
        return Ok(value);
    }
    let digits = std::str::from_utf8(text).ok().filter(|it| !it.starts_with('+'));
    digits.and_then(|it| it.parse().ok()).ok_or(DecodeError::WrongType { field })
}

/// The next of a row's values.
pub(super) fn need<'a>(
    values: &mut impl Iterator<Item = &'a [u8]>,
    field: &'static str,
) -> Result<&'a [u8], DecodeError> {
    values.next().ok_or(DecodeError::MissingField { field })
}
