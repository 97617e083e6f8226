//! What Coinbase's two feeds have in common: what was asked for, how trades are numbered.

mod asked;
mod trade_ids;

pub(super) use asked::{Asked, AskedChannel, Refused};
pub(super) use trade_ids::{TradeIds, TradeStanding};

use tickring_event::{Instrument, Level, NumberText, Price, Quantity, Side, TopOfBook};

use crate::batch::EventBatch;
use crate::json::{Items, Value};
use crate::venue::DecodeError;
use crate::venue::listing::{Numbers, number};

/// For an instrument whose first message has no number: its scales are then the usual ones.
pub(super) const NO_NUMBERS: Numbers<'static> = Numbers { price: b"0", quantity: b"0" };

/// Longest words of a refusal that are kept.
const REFUSAL_CHARS_MAX: usize = 200;

/// Why a ticker that tells nothing becomes no event.
pub(super) const WITHOUT_PRICE: &str = "ticker_without_price";

/// The fields of a ticker.
#[derive(Clone, Copy, Debug)]
pub(super) struct TickerKeys {
    pub(super) bid_quantity: &'static str,
    pub(super) ask_quantity: &'static str,
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

/// The taker's side, from the maker's. Another word is remarked and tells no side.
pub(super) fn taker(maker: Option<&str>, batch: &mut EventBatch) -> Option<Side> {
    let taker = maker.and_then(|word| taker_of(word.as_bytes()));
    if taker.is_none() {
        batch.remark("unknown_side");
    }
    taker
}

pub(super) fn taker_of(maker: &[u8]) -> Option<Side> {
    if maker.eq_ignore_ascii_case(b"buy") {
        Some(Side::Sell)
    } else if maker.eq_ignore_ascii_case(b"sell") {
        Some(Side::Buy)
    } else {
        None
    }
}

/// What a ticker tells; a text may be empty where something is absent.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct TickerTexts<'text> {
    /// Price and quantity, as of `ask`.
    pub(super) bid: [Option<NumberText<'text>>; 2],
    pub(super) ask: [Option<NumberText<'text>>; 2],
    pub(super) price: Option<NumberText<'text>>,
}

impl<'text> TickerTexts<'text> {
    pub(super) fn read(ticker: Value<'_, 'text>, keys: TickerKeys) -> Result<Self, DecodeError> {
        let text = |key| Ok(told(ticker, key)?.map(NumberText::from));
        Ok(Self {
            bid: [text("best_bid")?, text(keys.bid_quantity)?],
            ask: [text("best_ask")?, text(keys.ask_quantity)?],
            price: text("price")?,
        })
    }

    /// A side without orders may be written as zeros.
    pub(super) fn top(
        &self,
        keys: TickerKeys,
        instrument: &Instrument,
    ) -> Result<TopOfBook, DecodeError> {
        let told = |text: Option<NumberText<'text>>| text.filter(|it| !it.text().is_empty());
        let price =
            |text, key| told(text).map(|it| instrument.price(it)).transpose().map_err(number(key));
        let quantity = |text, key| {
            told(text).map(|it| instrument.quantity(it)).transpose().map_err(number(key))
        };
        let bid = (price(self.bid[0], "best_bid")?, quantity(self.bid[1], keys.bid_quantity)?);
        let ask = (price(self.ask[0], "best_ask")?, quantity(self.ask[1], keys.ask_quantity)?);
        let (bid_price, bid_quantity) = without_zeros(bid);
        let (ask_price, ask_quantity) = without_zeros(ask);
        let last_price = price(self.price, "price")?;
        Ok(TopOfBook { bid_price, bid_quantity, ask_price, ask_quantity, last_price })
    }
}

/// The first price and quantity of a ticker.
pub(super) fn first_of_ticker<'text>(
    ticker: Value<'_, 'text>,
    keys: TickerKeys,
) -> Result<Numbers<'text>, DecodeError> {
    let first_of = |keys: &[&'static str]| {
        let mut texts = keys.iter().filter_map(|key| told(ticker, key).transpose());
        texts.next().unwrap_or(Ok(b"0"))
    };
    Ok(Numbers {
        price: first_of(&["price", "best_bid", "best_ask"])?,
        quantity: first_of(&[keys.bid_quantity, keys.ask_quantity, "last_size"])?,
    })
}

/// The text of a number that is told: neither absent nor empty.
fn told<'text>(
    ticker: Value<'_, 'text>,
    key: &'static str,
) -> Result<Option<&'text [u8]>, DecodeError> {
    let Some(value) = ticker.get(key) else { return Ok(None) };
    Ok(Some(value.decimal(key)?).filter(|it| !it.is_empty()))
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

/// The levels of a message whose sides may come mixed: bids go out at once, asks after them.
#[derive(Debug, Default)]
pub(super) struct Asks(Vec<Level>);

impl Asks {
    /// The asks of a new message.
    pub(super) fn start(&mut self) -> &mut Vec<Level> {
        self.0.clear();
        &mut self.0
    }
}

/// The venue's words, printable and not too long.
pub(super) fn printable(words: &str) -> String {
    words.chars().filter(|it| !it.is_control()).take(REFUSAL_CHARS_MAX).collect()
}
