//! What messages about one moment tell, each read in general or straight from its text.

use tickring_event::NumberText;

use super::fields::{in_ns, venue_time_ns};
use super::symbols::FirstNumbers;
use crate::json::{Scanner, Value};
use crate::venue::DecodeError;

/// A bookTicker.
pub(super) struct BookTicker<'text> {
    pub(super) symbol: &'text str,
    pub(super) update_id: u64,
    /// Price and quantity, as of `ask`.
    pub(super) bid: (NumberText<'text>, NumberText<'text>),
    pub(super) ask: (NumberText<'text>, NumberText<'text>),
    pub(super) venue_time_ns: u64,
}

impl<'text> BookTicker<'text> {
    pub(super) fn read(data: Value<'_, 'text>) -> Result<Self, DecodeError> {
        let decimal = |field| data.need(field)?.decimal(field).map(NumberText::from);
        Ok(Self {
            update_id: data.need_whole("u")?,
            symbol: data.need_text("s")?,
            bid: (decimal("b")?, decimal("B")?),
            ask: (decimal("a")?, decimal("A")?),
            venue_time_ns: venue_time_ns(data)?,
        })
    }

    /// From what follows its kind.
    #[inline]
    pub(super) fn scan(text: &mut Scanner<'text>) -> Option<Self> {
        // A copy that nobody else sees stays in registers.
        let mut data = *text;
        let (mut symbol, mut update_id) = (None, None);
        let ([mut bid, mut ask], [mut bid_quantity, mut ask_quantity]) = ([None; 2], [None; 2]);
        let [mut event_time, mut time] = [None; 2];
        while data.is_inside()? {
            let place = data.place();
            data.member(b"u", &mut update_id)?;
            data.member(b"s", &mut symbol)?;
            data.member(b"b", &mut bid)?;
            data.member(b"B", &mut bid_quantity)?;
            data.member(b"a", &mut ask)?;
            data.member(b"A", &mut ask_quantity)?;
            data.member(b"T", &mut time)?;
            data.member(b"E", &mut event_time)?;
            data.lacks(b"stream")?;
            // On spot it is told by having neither.
            data.lacks(b"e")?;
            data.lacks(b"lastUpdateId")?;
            data.pass_over(place)?;
        }
        *text = data;
        Some(Self {
            symbol: symbol?,
            update_id: update_id?,
            bid: (bid?, bid_quantity?),
            ask: (ask?, ask_quantity?),
            venue_time_ns: in_ns(event_time.or(time).unwrap_or(0))?.0,
        })
    }

    pub(super) const fn first_numbers(&self) -> FirstNumbers<'text> {
        FirstNumbers { price: self.bid.0.text(), quantity: self.bid.1.text(), field: "b" }
    }
}

/// A trade, or an aggregate of trades.
pub(super) struct Dealt<'text> {
    pub(super) symbol: &'text str,
    pub(super) price: NumberText<'text>,
    pub(super) quantity: NumberText<'text>,
    pub(super) trade_id: u64,
    pub(super) buyer_is_maker: bool,
    /// It did not happen in the book.
    pub(super) is_outside_book: bool,
    pub(super) venue_time_ns: u64,
}

impl<'text> Dealt<'text> {
    /// Where its id is that of `id_key`.
    pub(super) fn read(data: Value<'_, 'text>, id_key: &'static str) -> Result<Self, DecodeError> {
        let decimal = |field| data.need(field)?.decimal(field).map(NumberText::from);
        let kind = data
            .get("X")
            .map(|kind| kind.text().ok_or(DecodeError::WrongType { field: "X" }))
            .transpose()?;
        Ok(Self {
            venue_time_ns: venue_time_ns(data)?,
            symbol: data.need_text("s")?,
            trade_id: data.need_whole(id_key)?,
            price: decimal("p")?,
            quantity: decimal("q")?,
            buyer_is_maker: data.need("m")?.truth().ok_or(DecodeError::WrongType { field: "m" })?,
            is_outside_book: kind.is_some_and(|kind| kind != "MARKET"),
        })
    }

    /// From what follows its kind.
    #[inline]
    pub(super) fn scan(text: &mut Scanner<'text>, id_key: &[u8; 1]) -> Option<Self> {
        // A copy that nobody else sees stays in registers.
        let mut data = *text;
        let (mut symbol, mut trade_id, mut buyer_is_maker) = (None, None, None);
        let ([mut price, mut quantity], mut kind) = ([None; 2], None::<&[u8]>);
        let [mut event_time, mut time] = [None; 2];
        while data.is_inside()? {
            let place = data.place();
            data.member(b"E", &mut event_time)?;
            data.member(b"T", &mut time)?;
            data.member(b"s", &mut symbol)?;
            data.member(id_key, &mut trade_id)?;
            data.member(b"p", &mut price)?;
            data.member(b"q", &mut quantity)?;
            data.member(b"X", &mut kind)?;
            data.member(b"m", &mut buyer_is_maker)?;
            data.lacks(b"stream")?;
            data.pass_over(place)?;
        }
        *text = data;
        Some(Self {
            symbol: symbol?,
            price: price?,
            quantity: quantity?,
            trade_id: trade_id?,
            buyer_is_maker: buyer_is_maker?,
            is_outside_book: kind.is_some_and(|kind| kind != b"MARKET"),
            venue_time_ns: in_ns(event_time.or(time).unwrap_or(0))?.0,
        })
    }

    pub(super) const fn first_numbers(&self) -> FirstNumbers<'text> {
        FirstNumbers { price: self.price.text(), quantity: self.quantity.text(), field: "p" }
    }
}
