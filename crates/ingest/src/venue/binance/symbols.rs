//! Which instruments a connection carries, and whose a message without a symbol is.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use tickring_event::{Instrument, InstrumentError, InstrumentId, Instruments};

use super::Market;
use super::sequence::Depth;
use crate::venue::DecodeError;
use crate::venue::subscription::Channel;

/// The instruments of one connection.
#[derive(Debug)]
pub(super) struct Symbols {
    market: Market,
    instruments: Arc<Instruments>,
    /// Upper case; empty when every symbol is wanted.
    wanted: Vec<Box<str>>,
    /// Symbol to position in `listed`.
    positions: HashMap<Box<str>, usize, RandomState>,
    /// The position of the last message's instrument: most often it is that of the next one.
    last: usize,
    listed: Vec<Listed>,
    /// A symbol came that is not wanted.
    others_seen: bool,
    /// How many instruments this recording has shown.
    of_part: usize,
}

/// One instrument of the connection.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) id: InstrumentId,
    symbol: Box<str>,
    pub(super) depth: Depth,
    /// Channels that brought something, a bit for each.
    came: u8,
    /// This recording has shown it.
    is_of_part: bool,
}

/// The first price and quantity of a message: a new instrument's scales come from them.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstNumbers<'a> {
    pub(super) price: &'a [u8],
    pub(super) quantity: &'a [u8],
    /// The field to name when one of them is no number.
    pub(super) field: &'static str,
}

/// Whose a message without a symbol is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Implied {
    /// The instrument at this position.
    Listed(usize),
    /// The only configured symbol, not seen yet.
    Wanted,
    /// The connection has shown only symbols that nobody wants.
    Other,
}

impl Symbols {
    pub(super) fn new(market: Market, wanted: &[String], instruments: Arc<Instruments>) -> Self {
        Self {
            market,
            instruments,
            wanted: wanted.iter().map(|symbol| symbol.to_ascii_uppercase().into()).collect(),
            positions: HashMap::default(),
            last: 0,
            listed: Vec::new(),
            others_seen: false,
            of_part: 0,
        }
    }

    /// The position of `symbol`; `None` when it is not wanted. At first sight `first` is asked for
    /// numbers to register it with, which allocates and locks.
    pub(super) fn position<'a>(
        &mut self,
        symbol: &str,
        first: impl FnOnce() -> Result<FirstNumbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        if let Some(position) = self.listed(symbol) {
            self.see(position);
            return Ok(Some(position));
        }
        if !self.wanted.is_empty() && !self.wanted.iter().any(|wanted| **wanted == *symbol) {
            self.others_seen = true;
            return Ok(None);
        }
        let FirstNumbers { price, quantity, field } = first()?;
        let id =
            self.instruments.register(symbol, price, quantity).map_err(|error| match error {
                InstrumentError::Number(error) => DecodeError::Number { field, error },
                _ => DecodeError::TooManyInstruments,
            })?;
        let position = self.listed.len();
        let depth = Depth::new(self.market);
        self.listed.push(Listed { id, symbol: symbol.into(), depth, came: 0, is_of_part: false });
        self.positions.insert(symbol.into(), position);
        self.see(position);
        Ok(Some(position))
    }

    /// The position of a symbol that was seen before.
    #[inline]
    pub(super) fn listed(&self, symbol: &str) -> Option<usize> {
        if self.listed.get(self.last).is_some_and(|it| *it.symbol == *symbol) {
            return Some(self.last);
        }
        self.positions.get(symbol).copied()
    }

    /// A message of this instrument came.
    pub(super) fn see(&mut self, position: usize) {
        self.last = position;
        let listed = &mut self.listed[position];
        self.of_part += usize::from(!listed.is_of_part);
        listed.is_of_part = true;
    }

    /// Another recording goes on here: what the one before was about implies nothing for it.
    pub(super) fn next_part(&mut self) {
        self.listed.iter_mut().for_each(|it| it.is_of_part = false);
        (self.of_part, self.others_seen) = (0, false);
    }

    /// Whose a message without a symbol is.
    ///
    /// # Errors
    /// [`DecodeError::UnknownSymbol`] when it could be more than one instrument's.
    pub(super) fn implied(&self) -> Result<Implied, DecodeError> {
        match (self.of_part, self.others_seen) {
            (1, false) => {
                let only = self.listed.iter().position(|it| it.is_of_part);
                only.map(Implied::Listed).ok_or(DecodeError::UnknownSymbol)
            }
            (0, false) if self.wanted.len() == 1 => Ok(Implied::Wanted),
            (0, true) => Ok(Implied::Other),
            _ => Err(DecodeError::UnknownSymbol),
        }
    }

    /// As [`Symbols::position`], for the only configured symbol.
    pub(super) fn wanted_position<'a>(
        &mut self,
        first: impl FnOnce() -> Result<FirstNumbers<'a>, DecodeError>,
    ) -> Result<Option<usize>, DecodeError> {
        let symbol = self.wanted.first().cloned().ok_or(DecodeError::UnknownSymbol)?;
        self.position(&symbol, first)
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

    /// A channel of this instrument brought something.
    pub(super) fn note(&mut self, position: usize, channel: Channel) {
        self.listed[position].came |= bit(channel);
    }

    /// Whether a channel of this instrument ever brought something.
    pub(super) fn has_come(&self, position: usize, channel: Channel) -> bool {
        self.listed[position].came & bit(channel) != 0
    }

    /// The same by symbol.
    pub(super) fn came(&self, symbol: &str, channel: Channel) -> bool {
        self.positions.get(symbol).is_some_and(|&position| self.has_come(position, channel))
    }

    pub(super) fn depth_mut(&mut self, position: usize) -> &mut Depth {
        &mut self.listed[position].depth
    }

    pub(super) fn listed_mut(&mut self) -> &mut [Listed] {
        &mut self.listed
    }
}

const fn bit(channel: Channel) -> u8 {
    match channel {
        Channel::Trade => 1,
        Channel::Ticker => 1 << 1,
        Channel::Depth => 1 << 2,
        Channel::Bar => 1 << 3,
    }
}
