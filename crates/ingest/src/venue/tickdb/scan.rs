//! Market data straight from its text.

use tickring_event::{Instrument, MarketEvent, NumberText, Origin};

use super::config::{Channel, ProductKind, SYMBOL_BYTES_MAX};
use super::decode::{About, Feed};
use super::fields::{NS_PER_MS, join, picture, push_ticker, trade_of};
use super::sequence::Standing;
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Scanner;
use crate::venue::Inbound;

/// What market data tells, by its channel.
#[derive(Default)]
struct Told<'text> {
    symbol: Option<&'text str>,
    kind: Option<&'text str>,
    number: Option<u64>,
    /// Of the prices that make a ticker: last, bid, ask.
    prices: [Option<NumberText<'text>>; 3],
    bids: Option<Scanner<'text>>,
    asks: Option<Scanner<'text>>,
    trades: Option<Scanner<'text>>,
    /// The time, and all else where the message is its only trade.
    trade: Dealt<'text>,
}

/// One execution.
#[derive(Default)]
struct Dealt<'text> {
    price: Option<NumberText<'text>>,
    quantity: Option<NumberText<'text>>,
    size: Option<NumberText<'text>>,
    side: Option<&'text [u8]>,
    time_ms: Option<u64>,
}

impl Feed {
    /// Turns market data into events, as [`Feed::decode`]; `None` leaves everything as it was, for that
    /// one to read the frame.
    pub(super) fn scan(
        &mut self,
        mut text: Scanner<'_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Option<Inbound> {
        let mut told = Told::default();
        let channel = told.read_frame(&mut text)?;
        let symbol = told.symbol.unwrap_or_default();
        let kind = told.kind.and_then(ProductKind::of_word);
        let id = self.symbols.known(symbol, kind).ok()??;
        let about = About {
            id,
            channel,
            number: told.number.unwrap_or(0),
            venue_time_ns: told.trade.time_ns(0)?,
        };
        let published = self.publish(about, stamp, batch, |instrument, origin, standing, batch| {
            let is_late = standing == Standing::Late;
            let pushed = match channel {
                Channel::Ticker => {
                    push_ticker(instrument, origin, &told.prices, is_late, batch).ok()
                }
                Channel::Depth => told.push_depth(instrument, origin, is_late, batch),
                Channel::Trade => told.push_trades(instrument, origin, batch),
            };
            pushed.ok_or(())
        });
        published.ok()
    }
}

impl<'text> Told<'text> {
    /// Reads a frame whose channel comes first, to its end.
    #[inline]
    fn read_frame(&mut self, text: &mut Scanner<'text>) -> Option<Channel> {
        text.enter()?;
        let (mut channel, mut data) = (None, None);
        text.member_by(b"cmd", &mut channel, |text| Channel::of_word(text.text()?))?;
        let channel = channel?;
        while text.is_inside()? {
            let place = text.place();
            text.member_by(b"data", &mut data, |data| self.read(channel, data))?;
            text.lacks(b"code")?;
            text.lacks(b"cmd")?;
            text.pass_over(place)?;
        }
        data?;
        (text.is_at_end() && self.suits(channel)).then_some(channel)
    }

    #[inline]
    fn read(&mut self, channel: Channel, data: &mut Scanner<'text>) -> Option<()> {
        let [last, bid, ask] = &mut self.prices;
        data.enter()?;
        while data.is_inside()? {
            let place = data.place();
            data.member(b"symbol", &mut self.symbol)?;
            data.member(b"type", &mut self.kind)?;
            data.member(b"seq", &mut self.number)?;
            match channel {
                Channel::Ticker => {
                    data.skip(b"high_24h")?;
                    data.skip(b"low_24h")?;
                    data.skip(b"volume_24h")?;
                    data.member(b"last_price", last)?;
                    data.member(b"ask_price", ask)?;
                    data.member(b"bid_price", bid)?;
                    data.member(b"timestamp", &mut self.trade.time_ms)?;
                }
                Channel::Depth => {
                    data.member_by(b"bids", &mut self.bids, Scanner::kept)?;
                    data.member_by(b"asks", &mut self.asks, Scanner::kept)?;
                    data.member(b"timestamp", &mut self.trade.time_ms)?;
                }
                Channel::Trade => {
                    data.member_by(b"trades", &mut self.trades, Scanner::kept)?;
                    self.trade.members(data)?;
                }
            }
            data.pass_over(place)?;
        }
        Some(())
    }

    /// Whether it has what its channel must have.
    fn suits(&self, channel: Channel) -> bool {
        self.symbol.unwrap_or_default().len() <= SYMBOL_BYTES_MAX
            && match channel {
                Channel::Ticker => self.prices.iter().any(Option::is_some),
                Channel::Depth => self.bids.is_some() || self.asks.is_some(),
                Channel::Trade => true,
            }
    }

    fn push_depth(
        &self,
        instrument: &Instrument,
        origin: Origin,
        is_late: bool,
        batch: &mut EventBatch,
    ) -> Option<()> {
        let mut run = batch.depth(origin, picture(is_late));
        if let Some(mut bids) = self.bids {
            bids.levels(instrument, |level| run.bid(level))?;
        }
        if let Some(mut asks) = self.asks {
            asks.levels(instrument, |level| run.ask(level))?;
        }
        run.finish();
        Some(())
    }

    fn push_trades(
        &self,
        instrument: &Instrument,
        origin: Origin,
        batch: &mut EventBatch,
    ) -> Option<()> {
        let Some(mut trades) = self.trades else {
            batch.push(self.trade.event(instrument, origin)?);
            return Some(());
        };
        let first = batch.len();
        trades.items(|trades| {
            let mut trade = Dealt::default();
            trades.enter()?;
            while trades.is_inside()? {
                let place = trades.place();
                trade.members(trades)?;
                trades.pass_over(place)?;
            }
            let venue_time_ns = trade.time_ns(origin.venue_time_ns)?;
            batch.push(trade.event(instrument, Origin { venue_time_ns, ..origin })?);
            Some(())
        })?;
        join(&mut batch.events_mut()[first..]);
        Some(())
    }
}

impl<'text> Dealt<'text> {
    #[inline(always)]
    fn members(&mut self, data: &mut Scanner<'text>) -> Option<()> {
        data.member(b"price", &mut self.price)?;
        data.member(b"quantity", &mut self.quantity)?;
        data.member(b"size", &mut self.size)?;
        data.member(b"side", &mut self.side)?;
        data.member(b"timestamp", &mut self.time_ms)
    }

    /// `otherwise` where it has no time of its own.
    fn time_ns(&self, otherwise: u64) -> Option<u64> {
        self.time_ms.map_or(Some(otherwise), |ms| ms.checked_mul(NS_PER_MS))
    }

    fn event(&self, instrument: &Instrument, origin: Origin) -> Option<MarketEvent> {
        let texts = (self.price?, self.quantity.or(self.size)?);
        let trade = trade_of(instrument, texts, self.side).ok()?;
        Some(MarketEvent::trade(&origin, trade))
    }
}
