//! Both interfaces of Coinbase.

use serde::Deserialize;
use tickring_event::{MarketEvent, Side, TopOfBook};
use tickring_ingest::EventBatch;

use super::{Events, Table, depth, find, level, price_of, top, trade};

#[derive(Deserialize)]
pub(crate) struct AdvancedBook<'a> {
    sequence_num: u64,
    #[serde(borrow)]
    events: Vec<AdvancedBookEvent<'a>>,
}

#[derive(Deserialize)]
struct AdvancedBookEvent<'a> {
    product_id: &'a str,
    #[serde(borrow)]
    updates: Vec<AdvancedUpdate<'a>>,
}

#[derive(Deserialize)]
struct AdvancedUpdate<'a> {
    side: &'a str,
    price_level: &'a str,
    new_quantity: &'a str,
}

impl Events for AdvancedBook<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        for event in &self.events {
            let (instrument, mut origin) = find(table, event.product_id);
            origin.venue_sequence = self.sequence_num;
            let side = |bids| {
                let of = event.updates.iter().filter(move |it| (it.side == "bid") == bids);
                of.map(|it| [it.price_level, it.new_quantity])
            };
            depth(instrument, origin, (side(true), side(false)), batch);
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct AdvancedTicker<'a> {
    sequence_num: u64,
    #[serde(borrow)]
    events: Vec<AdvancedTickers<'a>>,
}

#[derive(Deserialize)]
struct AdvancedTickers<'a> {
    #[serde(borrow)]
    tickers: Vec<AdvancedTop<'a>>,
}

#[derive(Deserialize)]
struct AdvancedTop<'a> {
    product_id: &'a str,
    price: &'a str,
    best_bid: &'a str,
    best_bid_quantity: &'a str,
    best_ask: &'a str,
    best_ask_quantity: &'a str,
}

impl Events for AdvancedTicker<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        for data in self.events.iter().flat_map(|it| &it.tickers) {
            let (instrument, mut origin) = find(table, data.product_id);
            origin.venue_sequence = self.sequence_num;
            let bid = level(instrument, data.best_bid, data.best_bid_quantity);
            let ask = level(instrument, data.best_ask, data.best_ask_quantity);
            let mut top = top(Some(bid), Some(ask));
            top.last_price = Some(price_of(instrument, data.price));
            batch.push(MarketEvent::top_of_book(&origin, &top));
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct AdvancedTrades<'a> {
    sequence_num: u64,
    #[serde(borrow)]
    events: Vec<AdvancedTradesEvent<'a>>,
}

#[derive(Deserialize)]
struct AdvancedTradesEvent<'a> {
    #[serde(borrow)]
    trades: Vec<AdvancedTrade<'a>>,
}

#[derive(Deserialize)]
struct AdvancedTrade<'a> {
    product_id: &'a str,
    trade_id: &'a str,
    price: &'a str,
    size: &'a str,
    side: &'a str,
}

impl Events for AdvancedTrades<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        for data in self.events.iter().flat_map(|it| &it.trades) {
            let (instrument, mut origin) = find(table, data.product_id);
            origin.venue_sequence = self.sequence_num;
            let taker = if data.side == "SELL" { Side::Buy } else { Side::Sell };
            let numbers = (data.price, data.size);
            let trade = trade(instrument, numbers, taker, data.trade_id.parse().ok());
            batch.push(MarketEvent::trade(&origin, trade));
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct ExchangeBook<'a> {
    product_id: &'a str,
    #[serde(borrow)]
    changes: Vec<[&'a str; 3]>,
}

impl Events for ExchangeBook<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let (instrument, origin) = find(table, self.product_id);
        let side = |bids| {
            let of = self.changes.iter().filter(move |it| (it[0] == "buy") == bids);
            of.map(|&[_, price, quantity]| [price, quantity])
        };
        depth(instrument, origin, (side(true), side(false)), batch);
    }
}

#[derive(Deserialize)]
pub(crate) struct ExchangeTicker<'a> {
    sequence: u64,
    product_id: &'a str,
    price: &'a str,
    best_bid: &'a str,
    best_ask: &'a str,
}

impl Events for ExchangeTicker<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let (instrument, mut origin) = find(table, self.product_id);
        origin.venue_sequence = self.sequence;
        let price = |text: &str| Some(price_of(instrument, text));
        let top = TopOfBook {
            bid_price: price(self.best_bid),
            ask_price: price(self.best_ask),
            last_price: price(self.price),
            ..top(None, None)
        };
        batch.push(MarketEvent::top_of_book(&origin, &top));
    }
}

#[derive(Deserialize)]
pub(crate) struct ExchangeMatch<'a> {
    sequence: u64,
    trade_id: u64,
    product_id: &'a str,
    price: &'a str,
    size: &'a str,
    side: &'a str,
}

impl Events for ExchangeMatch<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let (instrument, mut origin) = find(table, self.product_id);
        origin.venue_sequence = self.sequence;
        let taker = if self.side == "sell" { Side::Buy } else { Side::Sell };
        let numbers = (self.price, self.size);
        batch.push(MarketEvent::trade(
            &origin,
            trade(instrument, numbers, taker, Some(self.trade_id)),
        ));
    }
}
