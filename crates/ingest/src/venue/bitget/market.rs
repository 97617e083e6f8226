//! What is no book: trades, tickers and candles.

use tickring_event::{MarketEvent, TopOfBook, Trade};

use super::decode::{CANDLE, Decoder, Market, Message, TICKER, TRADE};
use crate::batch::EventBatch;
use crate::json::Value;
use crate::venue::candle::Candle;
use crate::venue::listing::{Numbers, number};
use crate::venue::{DecodeError, Inbound, OTHER_SYMBOL, taker};

impl Decoder {
    pub(super) fn trade(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let price = data.need("price")?.decimal("price")?;
        let numbers = Numbers { price, quantity: data.need("size")?.decimal("size")? };
        let Some(position) = self.position(message, || Ok(numbers))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let level = numbers.level(self.listing.instrument(position), "size")?;
        let trade_id = data.get("tradeId").and_then(Value::whole);
        if let Some(id) = trade_id {
            let newest = self.newest_trade.map_or(id, |(_, newest)| newest.max(id));
            self.newest_trade = Some((position, newest));
        }
        if message.is_past() && !self.markets[position].is_newer(trade_id) {
            return Ok(Inbound::Ignored("trade_snapshot"));
        }
        let taker = taker::of_trade(data, batch);
        let mut origin = self.origin(message, position, data, batch);
        origin.venue_sequence = trade_id.unwrap_or_default();
        let trade = Trade { price: level.price, quantity: level.quantity, taker, trade_id };
        batch.push(MarketEvent::trade(&origin, trade));
        Ok(Inbound::Data(TRADE))
    }

    /// A message of trades was read: notes how far they have come, and puts the oldest first.
    pub(super) fn finish_trades(&mut self, events: &mut [MarketEvent]) {
        if let Some((position, newest)) = self.newest_trade {
            let last = &mut self.markets[position].last_trade;
            *last = Some(last.map_or(newest, |last| last.max(newest)));
        }
        let age = |event: &MarketEvent| (event.venue_time_ns, event.venue_sequence);
        if let [first, .., last] = events
            && age(first) > age(last)
        {
            events.reverse();
        }
    }

    pub(super) fn ticker(
        &mut self,
        message: Message<'_>,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let text = |field| -> Result<Option<&[u8]>, DecodeError> {
            let text = data.get(field).map(|it| it.decimal(field)).transpose()?;
            // An instrument without orders or trades may have empty texts.
            Ok(text.filter(|it| !it.is_empty()))
        };
        let (bid, bid_size) = (text("bidPr")?, text("bidSz")?);
        let (ask, ask_size) = (text("askPr")?, text("askSz")?);
        let last = text("lastPr")?;
        let price = last.or(bid).or(ask).ok_or(DecodeError::MissingField { field: "lastPr" })?;
        let first = Numbers { price, quantity: bid_size.or(ask_size).unwrap_or(b"0") };
        let Some(position) = self.position(message, || Ok(first))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let instrument = self.listing.instrument(position);
        let price = |text: Option<&[u8]>, field| {
            text.map(|it| instrument.price(it).map_err(number(field))).transpose()
        };
        let quantity = |text: Option<&[u8]>, field| {
            text.map(|it| instrument.quantity(it).map_err(number(field))).transpose()
        };
        let top = TopOfBook {
            bid_price: price(bid, "bidPr")?,
            bid_quantity: quantity(bid_size, "bidSz")?,
            ask_price: price(ask, "askPr")?,
            ask_quantity: quantity(ask_size, "askSz")?,
            last_price: price(last, "lastPr")?,
        };
        let origin = self.origin(message, position, data, batch);
        batch.push(MarketEvent::top_of_book(&origin, &top));
        Ok(Inbound::Data(TICKER))
    }

    pub(super) fn candle(
        &mut self,
        message: Message<'_>,
        interval_ns: i64,
        data: Value<'_, '_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let candle = Candle::read(data)?;
        let Some(position) = self.position(message, || Ok(candle.first()))? else {
            return Ok(Inbound::Ignored(OTHER_SYMBOL));
        };
        let bar = candle.bar(self.listing.instrument(position), interval_ns)?;
        let origin = self.origin(message, position, data, batch);
        batch.push(MarketEvent::bar(&origin, &bar));
        Ok(Inbound::Data(CANDLE))
    }
}

impl Market {
    /// Whether a trade was made after every one that came before; not so while none has come.
    fn is_newer(&self, trade_id: Option<u64>) -> bool {
        trade_id.zip(self.last_trade).is_some_and(|(id, last)| id > last)
    }
}
