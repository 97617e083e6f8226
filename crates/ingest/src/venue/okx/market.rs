//! What is no book: trades, tickers, tops of book and candles.

use tickring_event::{Instrument, Level, MarketEvent, Price, Quantity, TopOfBook, Trade};

use super::decode::{BBO, CANDLE, Decoder, Message, TICKER, TRADE};
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::candle::Candle;
use crate::venue::checked::{first_numbers, level_texts, sides};
use crate::venue::listing::{Numbers, number};
use crate::venue::{DecodeError, taker};

impl Decoder {
    pub(super) fn bbo(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Option<usize>, DecodeError> {
        let (bids, asks) = sides(data)?;
        let Some(position) = self.position(message, || first_numbers(bids, asks))? else {
            return Ok(None);
        };
        let instrument = self.listing.instrument(position);
        let best = |side: Option<Value<'_, '_>>, field| -> Result<Option<Level>, DecodeError> {
            let Some(level) = side.and_then(Value::items).and_then(|mut it| it.next()) else {
                return Ok(None);
            };
            let (price, quantity) = level_texts(level, field)?;
            Numbers { price, quantity }.level(instrument, field).map(Some)
        };
        let (bid, ask) = (best(bids, "bids")?, best(asks, "asks")?);
        let top = TopOfBook::of(bid, ask);
        let origin = self.origin(message, position, data, batch);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(Some(BBO))
    }

    pub(super) fn trade(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Option<usize>, DecodeError> {
        let price = data.need("px")?.decimal("px")?;
        let numbers = Numbers { price, quantity: data.need("sz")?.decimal("sz")? };
        let Some(position) = self.position(message, || Ok(numbers))? else { return Ok(None) };
        let level = numbers.level(self.listing.instrument(position), "sz")?;
        let taker = taker::of_trade(data, batch);
        let trade_id = data.get("tradeId").and_then(Value::whole);
        let mut origin = self.origin(message, position, data, batch);
        if origin.venue_sequence == 0 {
            origin.venue_sequence = trade_id.unwrap_or_default();
        }
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(&origin, trade));
        Ok(Some(TRADE))
    }

    pub(super) fn ticker(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Option<usize>, DecodeError> {
        let text = |field| -> Result<Option<&[u8]>, DecodeError> {
            let text = data.get(field).map(|it| it.decimal(field)).transpose()?;
            // An instrument without orders or trades has empty texts.
            Ok(text.filter(|it| !it.is_empty()))
        };
        let (bid, bid_size) = (text("bidPx")?, text("bidSz")?);
        let (ask, ask_size) = (text("askPx")?, text("askSz")?);
        let last = text("last")?;
        let price = last.or(bid).or(ask).ok_or(DecodeError::MissingField { field: "last" })?;
        let first = Numbers { price, quantity: bid_size.or(ask_size).unwrap_or(b"0") };
        let Some(position) = self.position(message, || Ok(first))? else { return Ok(None) };
        let instrument = self.listing.instrument(position);
        let top = TopOfBook {
            bid_price: read_price(instrument, bid, "bidPx")?,
            bid_quantity: read_quantity(instrument, bid_size, "bidSz")?,
            ask_price: read_price(instrument, ask, "askPx")?,
            ask_quantity: read_quantity(instrument, ask_size, "askSz")?,
            last_price: read_price(instrument, last, "last")?,
        };
        let origin = self.origin(message, position, data, batch);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(Some(TICKER))
    }

    pub(super) fn candle(
        &mut self,
        message: Message<'_>,
        interval_ns: i64,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Option<usize>, DecodeError> {
        let candle = Candle::read(data)?;
        let Some(position) = self.position(message, || Ok(candle.first()))? else {
            return Ok(None);
        };
        let bar = candle.bar(self.listing.instrument(position), interval_ns)?;
        let origin = message.stamp.origin(self.listing.id(position));
        batch.push(MarketEvent::bar(&origin, &bar));
        Ok(Some(CANDLE))
    }
}

fn read_price(
    instrument: &Instrument,
    text: Option<&[u8]>,
    field: &'static str,
) -> Result<Option<Price>, DecodeError> {
    text.map(|it| instrument.price(it).map_err(number(field))).transpose()
}

fn read_quantity(
    instrument: &Instrument,
    text: Option<&[u8]>,
    field: &'static str,
) -> Result<Option<Quantity>, DecodeError> {
    text.map(|it| instrument.quantity(it).map_err(number(field))).transpose()
}
