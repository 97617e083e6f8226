//! Reads the fields of messages.

use tickring_event::{
    Bar, DecimalError, Flags, Instrument, NumberText, Origin, Price, Quantity, Side, TopOfBook,
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
    let word = root.need_text("type")?;
    Form::of_word(word.as_bytes()).ok_or(DecodeError::WrongType { field: "type" })
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

impl Form {
    pub(super) fn of_word(word: &[u8]) -> Option<Self> {
        match word {
            b"snapshot" => Some(Self::Snapshot),
            b"delta" => Some(Self::Delta),
            _ => None,
        }
    }

    pub(super) const fn flags(self) -> Flags {
        match self {
            Self::Snapshot => Flags::SNAPSHOT,
            Self::Delta => Flags::NONE,
        }
    }
}

pub(super) fn push_depth(
    data: Value<'_, '_>,
    origin: Origin,
    form: Form,
    instrument: &Instrument,
    batch: &mut EventBatch,
) -> Result<(), DecodeError> {
    let mut run = batch.depth(origin, form.flags());
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
    let side = trade.get("S").and_then(Value::text).and_then(|word| side(word.as_bytes()));
    if side.is_none() {
        batch.remark("unknown_side");
    }
    side
}

pub(super) fn side(word: &[u8]) -> Option<Side> {
    match word {
        b"Buy" => Some(Side::Buy),
        b"Sell" => Some(Side::Sell),
        _ => None,
    }
}

/// What a ticker tells: texts that are empty where something is told to be absent, and `None` where
/// nothing is told.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'text> {
    pub(super) bid: [Option<NumberText<'text>>; 2],
    pub(super) ask: [Option<NumberText<'text>>; 2],
    pub(super) last_price: Option<NumberText<'text>>,
}

impl<'text> Told<'text> {
    pub(super) fn read(data: Value<'_, 'text>) -> Result<Self, DecodeError> {
        let text = |key| -> Result<Option<NumberText<'text>>, DecodeError> {
            Ok(data.get(key).map(|value| value.decimal(key)).transpose()?.map(NumberText::from))
        };
        Ok(Self {
            bid: [text("bid1Price")?, text("bid1Size")?],
            ask: [text("ask1Price")?, text("ask1Size")?],
            last_price: text("lastPrice")?,
        })
    }

    /// `known` with what is told.
    pub(super) fn changed(
        &self,
        known: &TopOfBook,
        instrument: &Instrument,
    ) -> Result<TopOfBook, DecodeError> {
        let price = |text: Option<NumberText<'_>>, key, known| match text {
            None => Ok(known),
            Some(text) if text.text().is_empty() => Ok(None),
            Some(text) => instrument.price(text).map(Some).map_err(number(key)),
        };
        let size = |text: Option<NumberText<'_>>, key, known| match text {
            None => Ok(known),
            Some(text) if text.text().is_empty() => Ok(None),
            Some(text) => instrument.quantity(text).map(Some).map_err(number(key)),
        };
        let bid = (
            price(self.bid[0], "bid1Price", known.bid_price)?,
            size(self.bid[1], "bid1Size", known.bid_quantity)?,
        );
        let ask = (
            price(self.ask[0], "ask1Price", known.ask_price)?,
            size(self.ask[1], "ask1Size", known.ask_quantity)?,
        );
        let (bid_price, bid_quantity) = without_zeros(bid);
        let (ask_price, ask_quantity) = without_zeros(ask);
        let last_price = price(self.last_price, "lastPrice", known.last_price)?;
        Ok(TopOfBook { bid_price, bid_quantity, ask_price, ask_quantity, last_price })
    }
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

/// A bar as it is written: its times in milliseconds, open, high, low, close and volume.
pub(super) struct BarTexts<'text> {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) prices: [NumberText<'text>; 4],
    pub(super) volume: NumberText<'text>,
}

/// Their names.
const BAR_PRICES: [&str; 4] = ["open", "high", "low", "close"];

impl<'text> BarTexts<'text> {
    pub(super) fn read(bar: Value<'_, 'text>) -> Result<Self, DecodeError> {
        let time = |key| {
            let ms = bar.need(key)?.integer().filter(|it| *it >= 0);
            ms.ok_or(DecodeError::WrongType { field: key })
        };
        let text = |key| bar.need(key)?.decimal(key).map(NumberText::from);
        let [open, high, low, close] = BAR_PRICES;
        Ok(Self {
            start_ms: time("start")?,
            end_ms: time("end")?,
            volume: text("volume")?,
            prices: [text(open)?, text(high)?, text(low)?, text(close)?],
        })
    }

    pub(super) fn bar(&self, instrument: &Instrument) -> Result<Bar, DecodeError> {
        // The last millisecond of the interval is its end.
        let ns = |ms: i64, field| {
            ms.checked_mul(NS_PER_MS).ok_or_else(|| number(field)(DecimalError::Overflow))
        };
        let length_ms = self.end_ms.saturating_sub(self.start_ms).saturating_add(1);
        let price = |at: usize| instrument.price(self.prices[at]).map_err(number(BAR_PRICES[at]));
        Ok(Bar {
            start_ns: ns(self.start_ms, "start")?,
            interval_ns: ns(length_ms, "end")?,
            open: price(0)?,
            high: price(1)?,
            low: price(2)?,
            close: price(3)?,
            volume: instrument.quantity(self.volume).map_err(number("volume"))?,
            trades: 0,
        })
    }
}
