//! The fields of market data: prices, levels, executions, times.

use tickring_event::{
    DecimalError, Flags, Instrument, Level, MarketEvent, NumberText, Origin, Price, Quantity, Side,
    TopOfBook, Trade,
};

use crate::batch::EventBatch;
use crate::json::{Items, Value};
use crate::venue::DecodeError;

/// The venue's times are milliseconds.
pub(super) const NS_PER_MS: u64 = 1_000_000;

/// The prices of a ticker, in the order in which the price scale is taken from them.
const TICKER_PRICES: [&str; 3] = ["last_price", "bid_price", "ask_price"];

/// The texts of [`TICKER_PRICES`]. Some markets have the last price alone, but one there must be.
pub(super) fn ticker_prices<'text>(
    data: Value<'_, 'text>,
) -> Result<[Option<&'text [u8]>; 3], DecodeError> {
    let mut texts = [None; 3];
    for (text, field) in texts.iter_mut().zip(TICKER_PRICES) {
        *text = data.get(field).map(|value| value.decimal(field)).transpose()?;
    }
    if texts == [None; 3] {
        return Err(DecodeError::MissingField { field: TICKER_PRICES[0] });
    }
    Ok(texts)
}

pub(super) fn push_ticker(
    instrument: &Instrument,
    origin: Origin,
    texts: &[Option<NumberText<'_>>; 3],
    is_late: bool,
    batch: &mut EventBatch,
) -> Result<(), DecodeError> {
    let top = read_top(instrument, texts)?;
    if !is_late {
        batch.push(MarketEvent::top_of_book(&origin, &top));
    }
    Ok(())
}

fn read_top(
    instrument: &Instrument,
    texts: &[Option<NumberText<'_>>; 3],
) -> Result<TopOfBook, DecodeError> {
    let mut prices = [None; 3];
    for ((price, text), field) in prices.iter_mut().zip(*texts).zip(TICKER_PRICES) {
        // An absent price may be written as zero ("0.00"), and as an empty text at a guess.
        let text = text.filter(|text| !text.text().is_empty());
        let read = text.map(|text| read_price(instrument, text, field)).transpose()?;
        *price = read.filter(|price| !price.is_zero());
    }
    let [last_price, bid_price, ask_price] = prices;
    Ok(TopOfBook { bid_price, bid_quantity: None, ask_price, ask_quantity: None, last_price })
}

/// Bids and asks. A side may be `null` or left out where it is empty, but not both left out.
pub(super) fn sides<'tape, 'text>(
    data: Value<'tape, 'text>,
) -> Result<[Option<Items<'tape, 'text>>; 2], DecodeError> {
    let items = |field| {
        let side = data.get(field).map(|it| it.items().ok_or(DecodeError::WrongType { field }));
        side.transpose()
    };
    let sides = [items("bids")?, items("asks")?];
    if sides.iter().all(Option::is_none) {
        let mut members = data.members().into_iter().flatten();
        if !members.any(|(name, _)| matches!(name, "bids" | "asks")) {
            return Err(DecodeError::MissingField { field: "bids" });
        }
    }
    Ok(sides)
}

/// Every depth message is a whole picture: nothing in the format could remove a level.
pub(super) const fn picture(is_late: bool) -> Flags {
    if is_late { Flags::SNAPSHOT.with(Flags::STALE) } else { Flags::SNAPSHOT }
}

pub(super) fn push_depth(
    instrument: &Instrument,
    origin: Origin,
    is_late: bool,
    data: Value<'_, '_>,
    batch: &mut EventBatch,
) -> Result<(), DecodeError> {
    let [bids, asks] = sides(data)?;
    let mut run = batch.depth(origin, picture(is_late));
    for level in bids.into_iter().flatten() {
        run.bid(read_level(instrument, level, "bids")?);
    }
    for level in asks.into_iter().flatten() {
        run.ask(read_level(instrument, level, "asks")?);
    }
    run.finish();
    Ok(())
}

fn read_level(
    instrument: &Instrument,
    level: Value<'_, '_>,
    field: &'static str,
) -> Result<Level, DecodeError> {
    let (price, quantity) = level_texts(level, field)?;
    Ok(Level {
        price: read_price(instrument, price.into(), field)?,
        quantity: read_quantity(instrument, quantity.into(), field)?,
    })
}

/// A level is `[price, quantity]`; an object is accepted too.
pub(super) fn level_texts<'text>(
    level: Value<'_, 'text>,
    field: &'static str,
) -> Result<(&'text [u8], &'text [u8]), DecodeError> {
    if let Some(texts) = level.two_texts() {
        return Ok(texts);
    }
    if level.is_object() {
        return Ok((level.need("price")?.decimal(field)?, need_quantity(level)?.decimal(field)?));
    }
    let mut pair = level.items().ok_or(DecodeError::WrongType { field })?;
    let mut next = || pair.next().ok_or(DecodeError::MissingField { field })?.decimal(field);
    Ok((next()?, next()?))
}

/// The executions of the array form; `None` for the flat form.
pub(super) fn trade_list<'tape, 'text>(
    data: Value<'tape, 'text>,
) -> Result<Option<Items<'tape, 'text>>, DecodeError> {
    let list = data.get("trades");
    list.map(|it| it.items().ok_or(DecodeError::WrongType { field: "trades" })).transpose()
}

pub(super) fn push_trades(
    instrument: &Instrument,
    origin: Origin,
    data: Value<'_, '_>,
    batch: &mut EventBatch,
) -> Result<(), DecodeError> {
    let Some(trades) = trade_list(data)? else {
        batch.push(MarketEvent::trade(&origin, read_trade(instrument, data)?));
        return Ok(());
    };
    let first = batch.len();
    for trade in trades {
        let venue_time_ns = time_ns(trade)?.unwrap_or(origin.venue_time_ns);
        let origin = Origin { venue_time_ns, ..origin };
        batch.push(MarketEvent::trade(&origin, read_trade(instrument, trade)?));
    }
    join(&mut batch.events_mut()[first..]);
    Ok(())
}

/// Makes trades of one message a run from first to last.
pub(super) fn join(trades: &mut [MarketEvent]) {
    trades.iter_mut().for_each(|trade| trade.flags = Flags::NONE);
    if let [first, ..] = trades {
        first.flags = first.flags.with(Flags::FIRST);
    }
    if let [.., last] = trades {
        last.flags = last.flags.with(Flags::LAST);
    }
}

fn read_trade(instrument: &Instrument, trade: Value<'_, '_>) -> Result<Trade, DecodeError> {
    let side = trade.get("side").and_then(Value::text);
    let (price, quantity) = trade_texts(trade)?;
    trade_of(instrument, (price.into(), quantity.into()), side.map(str::as_bytes))
}

pub(super) fn trade_of(
    instrument: &Instrument,
    (price, quantity): (NumberText<'_>, NumberText<'_>),
    side: Option<&[u8]>,
) -> Result<Trade, DecodeError> {
    let taker = match side {
        Some(b"buy") => Some(Side::Buy),
        Some(b"sell") => Some(Side::Sell),
        // "neutral", none, or a word of a later version: the side is not known.
        _ => None,
    };
    Ok(Trade {
        price: read_price(instrument, price, "price")?,
        quantity: read_quantity(instrument, quantity, "quantity")?,
        taker,
        // The venue's id is a text such as "1703123456789_0", not a number.
        trade_id: None,
    })
}

pub(super) fn trade_texts<'text>(
    trade: Value<'_, 'text>,
) -> Result<(&'text [u8], &'text [u8]), DecodeError> {
    Ok((trade.need("price")?.decimal("price")?, need_quantity(trade)?.decimal("quantity")?))
}

fn need_quantity<'tape, 'text>(
    value: Value<'tape, 'text>,
) -> Result<Value<'tape, 'text>, DecodeError> {
    value
        .get("quantity")
        .map_or_else(|| value.need("size"), Ok)
        .map_err(|_| DecodeError::MissingField { field: "quantity" })
}

fn read_price(
    instrument: &Instrument,
    text: NumberText<'_>,
    field: &'static str,
) -> Result<Price, DecodeError> {
    let read = unsigned(text).and_then(|text| instrument.price(text));
    read.map_err(|error| DecodeError::Number { field, error })
}

fn read_quantity(
    instrument: &Instrument,
    text: NumberText<'_>,
    field: &'static str,
) -> Result<Quantity, DecodeError> {
    let read = unsigned(text).and_then(|text| instrument.quantity(text));
    read.map_err(|error| DecodeError::Number { field, error })
}

/// No price or quantity of this venue is below zero.
const fn unsigned(text: NumberText<'_>) -> Result<NumberText<'_>, DecimalError> {
    if let [b'-', ..] = text.text() { Err(DecimalError::Malformed) } else { Ok(text) }
}

/// The time of a message or of one trade, if it has one.
pub(super) fn time_ns(value: Value<'_, '_>) -> Result<Option<u64>, DecodeError> {
    let Some(timestamp) = value.get("timestamp") else { return Ok(None) };
    let ns = timestamp.whole().and_then(|ms| ms.checked_mul(NS_PER_MS));
    ns.map(Some).ok_or(DecodeError::WrongType { field: "timestamp" })
}
