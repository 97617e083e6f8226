//! Reads the fields of messages.

use tickring_event::{
    Bar, DecimalError, Flags, Instrument, Origin, Price, Quantity, Side, TopOfBook,
};

use crate::batch::EventBatch;
use crate::json::{Items, Value};
use crate::venue::DecodeError;
use crate::venue::listing::{Numbers, number};

const NS_PER_MS: i64 = 1_000_000;

/// For an instrument whose first message has no number: its scales are then the usual ones.
pub(super) const NO_NUMBERS: Numbers<'static> = Numbers { price: b"0", quantity: b"0" };

/// What a message of a book or ticker is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    Snapshot,
    Delta,
}

pub(super) fn form(root: Value<'_, '_>) -> Result<Form, DecodeError> {
    match root.need_text("type")? {
        "snapshot" => Ok(Form::Snapshot),
        "delta" => Ok(Form::Delta),
        _ => Err(DecodeError::WrongType { field: "type" }),
    }
}

pub(super) fn items<'tape, 'text>(
    value: Value<'tape, 'text>,
    field: &'static str,
) -> Result<Items<'tape, 'text>, DecodeError> {
    value.items().ok_or(DecodeError::WrongType { field })
}

pub(super) fn numbers<'text>(
    value: Value<'_, 'text>,
    price: &'static str,
    quantity: &'static str,
) -> Result<Numbers<'text>, DecodeError> {
    let [price, quantity] =
        [value.need(price)?.decimal(price)?, value.need(quantity)?.decimal(quantity)?];
    Ok(Numbers { price, quantity })
}

/// `["price","size"]`.
fn pair<'text>(
    value: Value<'_, 'text>,
    field: &'static str,
) -> Result<Numbers<'text>, DecodeError> {
    let (price, quantity) = value.pair(field)?;
    Ok(Numbers { price, quantity })
}

pub(super) fn first_level<'text>(root: Value<'_, 'text>) -> Result<Numbers<'text>, DecodeError> {
    let data = root.need("data")?;
    for side in ["b", "a"] {
        if let Some(level) = data.get(side).and_then(Value::items).and_then(|mut it| it.next()) {
            return pair(level, side);
        }
    }
    Ok(NO_NUMBERS)
}

pub(super) fn first_of_ticker<'text>(
    root: Value<'_, 'text>,
) -> Result<Numbers<'text>, DecodeError> {
    let data = root.need("data")?;
    let first_of = |keys: &[&'static str]| {
        let mut texts = keys.iter().filter_map(|key| Some(data.get(key)?.decimal(key)));
        texts.find(|it| *it != Ok(b"")).unwrap_or(Ok(b"0"))
    };
    Ok(Numbers {
        price: first_of(&["lastPrice", "bid1Price", "ask1Price"])?,
        quantity: first_of(&["bid1Size", "ask1Size"])?,
    })
}

pub(super) fn push_depth(
    data: Value<'_, '_>,
    origin: Origin,
    form: Form,
    instrument: &Instrument,
    batch: &mut EventBatch,
) -> Result<(), DecodeError> {
    let flags = if form == Form::Snapshot { Flags::SNAPSHOT } else { Flags::NONE };
    let mut run = batch.depth(origin, flags);
    for level in items(data.need("b")?, "b")? {
        run.bid(pair(level, "b")?.level(instrument, "b")?);
    }
    for level in items(data.need("a")?, "a")? {
        run.ask(pair(level, "a")?.level(instrument, "a")?);
    }
    run.finish();
    Ok(())
}

pub(super) fn taker(trade: Value<'_, '_>, batch: &mut EventBatch) -> Option<Side> {
    match trade.get("S").and_then(Value::text) {
        Some("Buy") => Some(Side::Buy),
        Some("Sell") => Some(Side::Sell),
        _ => {
            batch.remark("unknown_side");
            None
        }
    }
}

/// `known` with the fields that a message tells.
pub(super) fn changed_top(
    known: &TopOfBook,
    data: Value<'_, '_>,
    instrument: &Instrument,
) -> Result<TopOfBook, DecodeError> {
    let price = |key, known| match told(data, key)? {
        None => Ok(known),
        Some(None) => Ok(None),
        Some(Some(text)) => instrument.price(text).map(Some).map_err(number(key)),
    };
    let size = |key, known| match told(data, key)? {
        None => Ok(known),
        Some(None) => Ok(None),
        Some(Some(text)) => instrument.quantity(text).map(Some).map_err(number(key)),
    };
    let bid = (price("bid1Price", known.bid_price)?, size("bid1Size", known.bid_quantity)?);
    let ask = (price("ask1Price", known.ask_price)?, size("ask1Size", known.ask_quantity)?);
    let (bid_price, bid_quantity) = without_zeros(bid);
    let (ask_price, ask_quantity) = without_zeros(ask);
    let last_price = price("lastPrice", known.last_price)?;
    Ok(TopOfBook { bid_price, bid_quantity, ask_price, ask_quantity, last_price })
}

/// The text of a field that is told; `Some(None)` where it is told to be empty.
fn told<'text>(
    data: Value<'_, 'text>,
    key: &'static str,
) -> Result<Option<Option<&'text [u8]>>, DecodeError> {
    let Some(value) = data.get(key) else { return Ok(None) };
    let text = value.decimal(key)?;
    Ok(Some((!text.is_empty()).then_some(text)))
}

/// A side without orders may be written as zeros.
fn without_zeros(side: (Option<Price>, Option<Quantity>)) -> (Option<Price>, Option<Quantity>) {
    match side {
        (Some(price), quantity) if price.is_zero() && quantity.is_none_or(Quantity::is_zero) => {
            (None, None)
        }
        side => side,
    }
}

pub(super) fn read_bar(bar: Value<'_, '_>, instrument: &Instrument) -> Result<Bar, DecodeError> {
    let price = |key| instrument.price(bar.need(key)?.decimal(key)?).map_err(number(key));
    let time = |key| {
        let ms = bar.need(key)?.integer().filter(|it| *it >= 0);
        ms.ok_or(DecodeError::WrongType { field: key })
    };
    let (start_ms, end_ms) = (time("start")?, time("end")?);
    // The last millisecond of the interval is its end.
    let ns = |ms: i64, field| {
        ms.checked_mul(NS_PER_MS).ok_or_else(|| number(field)(DecimalError::Overflow))
    };
    let length_ms = end_ms.saturating_sub(start_ms).saturating_add(1);
    let volume = bar.need("volume")?.decimal("volume")?;
    Ok(Bar {
        start_ns: ns(start_ms, "start")?,
        interval_ns: ns(length_ms, "end")?,
        open: price("open")?,
        high: price("high")?,
        low: price("low")?,
        close: price("close")?,
        volume: instrument.quantity(volume).map_err(number("volume"))?,
        trades: 0,
    })
}
