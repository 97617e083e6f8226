//! What trades: the table of instruments of a run, each with its decimal scales.
//!
//! The ingest thread registers, every thread reads. Reading takes no lock: an entry is written once
//! and never moves.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use thiserror::Error;

use crate::decimal::{
    DECIMALS_MAX, Decimal, DecimalError, DecimalText, NumberText, POWERS_OF_TEN, ShortNumber,
};
use crate::payload::Level;
use crate::price::{Price, Quantity, Scale};

/// Most instruments of one run.
pub const INSTRUMENTS_MAX: usize = 16_384;

/// Decimals every instrument gets at least, so that a later, finer number still fits.
const SCALE_DECIMALS_MIN: u8 = 8;

/// Digits kept free above the first number seen, before the scale shrinks towards the text's own.
const HEADROOM_DIGITS: u32 = 3;

/// Position of an instrument in the table of its run.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct InstrumentId(u32);

impl InstrumentId {
    /// For events that concern no single instrument, such as a lost connection.
    pub const NONE: Self = Self(u32::MAX);

    /// The id at `index` of the table.
    #[must_use]
    pub const fn new(index: u32) -> Self {
        Self(index)
    }

    /// Position in the table, from 0. [`InstrumentId::NONE`] is past every table.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether this is [`InstrumentId::NONE`].
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == u32::MAX
    }
}

impl Default for InstrumentId {
    fn default() -> Self {
        Self::NONE
    }
}

/// Why an instrument could not be registered.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[non_exhaustive]
pub enum InstrumentError {
    /// The table is full.
    #[error("more than {INSTRUMENTS_MAX} instruments in one run")]
    TableFull,
    /// The first price or quantity seen cannot be held at any scale.
    #[error("first price or quantity of the instrument: {0}")]
    Number(#[from] DecimalError),
}

/// One instrument: its symbol and the scales its numbers are kept at.
#[derive(Debug)]
pub struct Instrument {
    symbol: Box<str>,
    price: Denomination,
    quantity: Denomination,
}

impl Instrument {
    /// The venue's own spelling.
    #[must_use]
    pub fn symbol(&self) -> &str {
        &self.symbol
    }

    /// Decimal scale of every price of this instrument.
    #[must_use]
    pub const fn price_scale(&self) -> Scale {
        self.price.scale
    }

    /// Decimal scale of every quantity of this instrument.
    #[must_use]
    pub const fn quantity_scale(&self) -> Scale {
        self.quantity.scale
    }

    /// Reads a price as the venue wrote it.
    ///
    /// # Errors
    /// The text is no number or does not fit this instrument's scale exactly.
    #[inline(always)]
    pub fn price<'text>(&self, text: impl Into<NumberText<'text>>) -> Result<Price, DecimalError> {
        self.price.read(text.into()).map(Price::from_mantissa)
    }

    /// Reads a quantity as the venue wrote it.
    ///
    /// # Errors
    /// The text is no number or does not fit this instrument's scale exactly.
    #[inline(always)]
    pub fn quantity<'text>(
        &self,
        text: impl Into<NumberText<'text>>,
    ) -> Result<Quantity, DecimalError> {
        self.quantity.read(text.into()).map(Quantity::from_mantissa)
    }

    /// Reads both numbers of a level, where both are short and fit this instrument's scales: then it is what
    /// [`Instrument::price`] and [`Instrument::quantity`] give.
    #[inline(always)]
    #[must_use]
    pub fn short_level(&self, price: ShortNumber, quantity: ShortNumber) -> Option<Level> {
        let price = Price::from_mantissa(self.price.of_short(price)?);
        Some(Level { price, quantity: Quantity::from_mantissa(self.quantity.of_short(quantity)?) })
    }

    /// A price in the venue's own writing: without zeros at the end, or, where the venue was seen to
    /// write such zeros, with as many decimals as the longest price seen so far.
    #[must_use]
    pub fn price_text(&self, price: Price) -> DecimalText {
        self.price.text(price.mantissa())
    }

    /// A quantity in the venue's own writing, as of [`Instrument::price_text`].
    #[must_use]
    pub fn quantity_text(&self, quantity: Quantity) -> DecimalText {
        self.quantity.text(quantity.mantissa())
    }
}

/// The scale of one kind of number, and how the venue writes it.
#[derive(Debug)]
struct Denomination {
    scale: Scale,
    /// Decimals of the longest text seen: how numbers are shown, never how they are kept.
    decimals_seen: AtomicU8,
    /// A fraction was seen that ends with a zero: the venue writes all of its decimals.
    is_padded: AtomicBool,
}

impl Denomination {
    /// A scale under which `first` fits with room to grow.
    fn infer(first: &[u8]) -> Result<Self, DecimalError> {
        let widest = Scale::new(DECIMALS_MAX).expect("the constant is the scale's own bound");
        let own = match Decimal::parse(first, widest) {
            Ok(decimal) => decimal.decimals,
            // Too large at 18 decimals: count the decimals of the text itself.
            Err(DecimalError::Overflow) => decimals_of(first),
            Err(error) => return Err(error),
        };
        let own = own.min(DECIMALS_MAX);
        let limit = i64::MAX / 10_i64.pow(HEADROOM_DIGITS);
        let mut decimals = own.max(SCALE_DECIMALS_MIN);
        loop {
            let scale = Scale::new(decimals).expect("both bounds are within the scale's own");
            match Decimal::parse(first, scale) {
                Ok(decimal) if decimal.mantissa.abs() <= limit || decimals == own => {
                    return Ok(Self {
                        scale,
                        decimals_seen: AtomicU8::new(own),
                        is_padded: AtomicBool::new(is_padded(first, decimal)),
                    });
                }
                Err(error) if decimals == own => return Err(error),
                Ok(_) | Err(_) => decimals -= 1,
            }
        }
    }

    #[inline(always)]
    fn read(&self, number: NumberText<'_>) -> Result<i64, DecimalError> {
        match number.short().and_then(|short| self.of_short(short)) {
            Some(mantissa) => Ok(mantissa),
            None => self.parse(number.text()),
        }
    }

    #[inline(never)]
    fn parse(&self, text: &[u8]) -> Result<i64, DecimalError> {
        let decimal = Decimal::parse(text, self.scale)?;
        self.note(decimal.decimals, || is_padded(text, decimal));
        Ok(decimal.mantissa)
    }

    #[inline(always)]
    fn of_short(&self, number: ShortNumber) -> Option<i64> {
        let (digits, decimals) = (number.digits(), number.decimals());
        let places = usize::from(self.scale.decimals().checked_sub(decimals)?);
        let mantissa = digits.cast_signed().checked_mul(*POWERS_OF_TEN.get(places)?)?;
        self.note(decimals, || decimals > 0 && digits > 0 && digits.is_multiple_of(10));
        Some(mantissa)
    }

    /// Remembers how a number was written.
    #[inline(always)]
    fn note(&self, decimals: u8, is_padded: impl FnOnce() -> bool) {
        // Relaxed: how numbers are shown to people; nothing is ordered by it, and only the ingest
        // thread writes, so the check and the store cannot race with another writer.
        if decimals > self.decimals_seen.load(Ordering::Relaxed) {
            self.decimals_seen.store(decimals.min(DECIMALS_MAX), Ordering::Relaxed);
        }
        // Relaxed: as above.
        if !self.is_padded.load(Ordering::Relaxed) && is_padded() {
            self.is_padded.store(true, Ordering::Relaxed);
        }
    }

    fn text(&self, mantissa: i64) -> DecimalText {
        // Relaxed: as in `parse`.
        let is_padded = self.is_padded.load(Ordering::Relaxed);
        // Relaxed: as in `parse`.
        let decimals_min = if is_padded { self.decimals_seen.load(Ordering::Relaxed) } else { 0 };
        DecimalText::new(mantissa, self.scale, decimals_min)
    }
}

/// Whether a text shows that its venue writes zeros at the end of fractions. A zero that removes a level
/// is written in any way and shows nothing.
fn is_padded(text: &[u8], decimal: Decimal) -> bool {
    decimal.decimals > 0 && decimal.mantissa != 0 && text.last() == Some(&b'0')
}

fn decimals_of(text: &[u8]) -> u8 {
    let fraction = text.iter().position(|&byte| byte == b'.').map_or(0, |at| text.len() - at - 1);
    u8::try_from(fraction).unwrap_or(u8::MAX)
}

/// The instruments of a run: append-only, read without a lock.
#[derive(Debug)]
pub struct Instruments {
    slots: Box<[OnceLock<Instrument>]>,
    /// Symbol to id. Locked to register and to look up by name, never per event.
    ids: Mutex<HashMap<Box<str>, InstrumentId>>,
}

impl Instruments {
    /// An empty table with room for [`INSTRUMENTS_MAX`] instruments.
    #[must_use]
    pub fn new() -> Self {
        Self::with_capacity(INSTRUMENTS_MAX)
    }

    /// An empty table with room for `capacity` instruments.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            slots: (0..capacity).map(|_| OnceLock::new()).collect(),
            ids: Mutex::new(HashMap::new()),
        }
    }

    /// The id of `symbol`; a new symbol gets scales under which both first numbers fit exactly,
    /// with at least eight decimals where there is room for them.
    ///
    /// Allocates and locks: once per symbol, not once per event.
    ///
    /// # Errors
    /// The table is full, or a number cannot be held at any scale.
    pub fn register(
        &self,
        symbol: &str,
        price: &[u8],
        quantity: &[u8],
    ) -> Result<InstrumentId, InstrumentError> {
        // A thread that panicked while it held the lock left the map whole: inserts are its only
        // use and come last.
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&id) = ids.get(symbol) {
            return Ok(id);
        }
        let slot = self.slots.get(ids.len()).ok_or(InstrumentError::TableFull)?;
        let index = u32::try_from(ids.len()).map_err(|_| InstrumentError::TableFull)?;
        let instrument = Instrument {
            symbol: symbol.into(),
            price: Denomination::infer(price)?,
            quantity: Denomination::infer(quantity)?,
        };
        slot.set(instrument).expect("ids grow under the lock, so this slot is empty");
        let id = InstrumentId(index);
        ids.insert(symbol.into(), id);
        Ok(id)
    }

    /// The instrument with this id. One atomic load.
    #[must_use]
    pub fn instrument(&self, id: InstrumentId) -> Option<&Instrument> {
        self.slots.get(id.index())?.get()
    }

    /// The id of a symbol that is already registered. Takes the lock.
    #[must_use]
    pub fn id(&self, symbol: &str) -> Option<InstrumentId> {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(symbol).copied()
    }

    /// Most instruments this table can hold.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Every registered instrument with its id, in order of registration.
    pub fn iter(&self) -> impl Iterator<Item = (InstrumentId, &Instrument)> {
        (0_u32..).map(InstrumentId).zip(self.slots.iter().map_while(OnceLock::get))
    }
}

impl Default for Instruments {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_scale(first: &str, expected: Result<u8, DecimalError>) {
        let inferred = Denomination::infer(first.as_bytes());
        assert_eq!(inferred.map(|unit| unit.scale.decimals()), expected, "{first}");
    }

    #[test]
    fn a_scale_has_room_for_finer_numbers_where_it_can() {
        check_scale("61837.63", Ok(8));
        check_scale("61837.63000000", Ok(8));
        check_scale("0.0000000012", Ok(10));
        check_scale("50000000000", Ok(5));
        check_scale("999999999999999999", Ok(0));
        check_scale("9.99999999999999999", Ok(17));
        check_scale("99999999999999999999", Err(DecimalError::Overflow));
        check_scale("12a", Err(DecimalError::Malformed));
    }

    #[test]
    fn a_symbol_is_registered_once() {
        let instruments = Instruments::new();
        let first = instruments.register("A", b"1.5", b"1").unwrap();
        let second = instruments.register("B", b"2", b"1").unwrap();
        assert_ne!(first, second);
        assert_eq!(instruments.register("A", b"1.123456789", b"1"), Ok(first));
        assert_eq!(instruments.id("B"), Some(second));
        assert_eq!(instruments.id("C"), None);
        let symbols: Vec<_> = instruments.iter().map(|(_, it)| it.symbol()).collect();
        assert_eq!(symbols, ["A", "B"]);
    }

    #[test]
    fn a_full_table_says_so() {
        let instruments = Instruments::with_capacity(1);
        instruments.register("A", b"1", b"1").unwrap();
        assert_eq!(instruments.register("B", b"1", b"1"), Err(InstrumentError::TableFull));
    }

    #[test]
    fn numbers_are_shown_as_the_venue_writes_them() {
        let instruments = Instruments::new();
        let id = instruments.register("BTCUSDT", b"61800.20", b"0.000").unwrap();
        let instrument = instruments.instrument(id).unwrap();
        let price = instrument.price(b"61659.7").unwrap();
        assert_eq!(instrument.price_text(price).to_string(), "61659.70");
        instrument.price(b"61659.123").unwrap();
        assert_eq!(instrument.price_text(price).to_string(), "61659.700");
    }

    #[test]
    fn a_venue_that_leaves_zeros_away_is_shown_without_them() {
        let instruments = Instruments::new();
        let id = instruments.register("BTCUSDT", b"65140.4", b"0").unwrap();
        let instrument = instruments.instrument(id).unwrap();
        let quantity = instrument.quantity(b"0.014").unwrap();
        instrument.quantity(b"0.00000000").unwrap();
        instrument.quantity(b"0.622237").unwrap();
        assert_eq!(instrument.quantity_text(quantity).to_string(), "0.014");
        let price = instrument.price(b"65140").unwrap();
        assert_eq!(instrument.price_text(price).to_string(), "65140");
        instrument.quantity(b"0.10").unwrap();
        assert_eq!(instrument.quantity_text(quantity).to_string(), "0.01400000");
    }

    #[test]
    fn no_instrument_is_past_every_table() {
        assert!(Instruments::new().instrument(InstrumentId::NONE).is_none());
    }
}
