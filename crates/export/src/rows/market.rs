//! Trades, tops of book and bars.

use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Int64Type, UInt64Type};
use tickring_event::{Bar, Instruments, Side, TopOfBook, Trade};

use super::{Head, HeadRows, Rows};
use crate::ExportError;
use crate::column::{Column, Times, Values, Words, times};
use crate::number::{Decimals, Exact};

pub(crate) struct TradeRows {
    head: HeadRows,
    price: Values<Decimal128Type>,
    quantity: Values<Decimal128Type>,
    taker: Words,
    trade_id: Values<UInt64Type>,
}

impl TradeRows {
    pub(crate) fn new(instruments: Arc<Instruments>, decimals: Decimals) -> Self {
        Self {
            head: HeadRows::new(instruments),
            price: decimals.column("price"),
            quantity: decimals.column("quantity"),
            taker: Words::new("taker"),
            trade_id: Values::new("trade_id"),
        }
    }

    pub(crate) fn push(
        &mut self,
        head: &Head,
        exact: Exact<'_>,
        trade: &Trade,
    ) -> Result<(), ExportError> {
        let (price, quantity) = (exact.price(trade.price)?, exact.quantity(trade.quantity)?);
        self.head.push(head);
        self.price.push(price);
        self.quantity.push(quantity);
        self.taker.push(trade.taker.map(|side| match side {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }));
        self.trade_id.push_option(trade.trade_id);
        Ok(())
    }
}

impl Rows for TradeRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { head, price, quantity, taker, trade_id } = self;
        head.columns_with([price, quantity, taker, trade_id])
    }

    fn len(&self) -> usize {
        self.head.len()
    }
}

pub(crate) struct TopRows {
    head: HeadRows,
    bid_price: Values<Decimal128Type>,
    bid_quantity: Values<Decimal128Type>,
    ask_price: Values<Decimal128Type>,
    ask_quantity: Values<Decimal128Type>,
    last_price: Values<Decimal128Type>,
}

impl TopRows {
    pub(crate) fn new(instruments: Arc<Instruments>, decimals: Decimals) -> Self {
        Self {
            head: HeadRows::new(instruments),
            bid_price: decimals.column("bid_price"),
            bid_quantity: decimals.column("bid_quantity"),
            ask_price: decimals.column("ask_price"),
            ask_quantity: decimals.column("ask_quantity"),
            last_price: decimals.column("last_price"),
        }
    }

    pub(crate) fn push(
        &mut self,
        head: &Head,
        exact: Exact<'_>,
        top: &TopOfBook,
    ) -> Result<(), ExportError> {
        let price = |it: Option<_>| it.map(|price| exact.price(price)).transpose();
        let quantity = |it: Option<_>| it.map(|quantity| exact.quantity(quantity)).transpose();
        let (bid_price, bid_quantity) = (price(top.bid_price)?, quantity(top.bid_quantity)?);
        let (ask_price, ask_quantity) = (price(top.ask_price)?, quantity(top.ask_quantity)?);
        let last_price = price(top.last_price)?;
        self.head.push(head);
        self.bid_price.push_option(bid_price);
        self.bid_quantity.push_option(bid_quantity);
        self.ask_price.push_option(ask_price);
        self.ask_quantity.push_option(ask_quantity);
        self.last_price.push_option(last_price);
        Ok(())
    }
}

impl Rows for TopRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { head, bid_price, bid_quantity, ask_price, ask_quantity, last_price } = self;
        head.columns_with([bid_price, bid_quantity, ask_price, ask_quantity, last_price])
    }

    fn len(&self) -> usize {
        self.head.len()
    }
}

pub(crate) struct BarRows {
    head: HeadRows,
    start_time: Times,
    interval_ns: Values<Int64Type>,
    open: Values<Decimal128Type>,
    high: Values<Decimal128Type>,
    low: Values<Decimal128Type>,
    close: Values<Decimal128Type>,
    volume: Values<Decimal128Type>,
    trades: Values<UInt64Type>,
}

impl BarRows {
    pub(crate) fn new(instruments: Arc<Instruments>, decimals: Decimals) -> Self {
        Self {
            head: HeadRows::new(instruments),
            start_time: times("start_time"),
            interval_ns: Values::new("interval_ns"),
            open: decimals.column("open"),
            high: decimals.column("high"),
            low: decimals.column("low"),
            close: decimals.column("close"),
            volume: decimals.column("volume"),
            trades: Values::new("trades"),
        }
    }

    pub(crate) fn push(
        &mut self,
        head: &Head,
        exact: Exact<'_>,
        bar: &Bar,
    ) -> Result<(), ExportError> {
        let (open, high) = (exact.price(bar.open)?, exact.price(bar.high)?);
        let (low, close) = (exact.price(bar.low)?, exact.price(bar.close)?);
        let volume = exact.quantity(bar.volume)?;
        self.head.push(head);
        self.start_time.push(bar.start_ns);
        self.interval_ns.push(bar.interval_ns);
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
        self.volume.push(volume);
        self.trades.push(bar.trades);
        Ok(())
    }
}

impl Rows for BarRows {
    fn columns(&mut self) -> Vec<&mut dyn Column> {
        let Self { head, start_time, interval_ns, open, high, low, close, volume, trades } = self;
        head.columns_with([start_time, interval_ns, open, high, low, close, volume, trades])
    }

    fn len(&self) -> usize {
        self.head.len()
    }
}
