//! Typed structs of each kind of message, borrowing from its text, and the events made of them.

use serde::Deserialize;
use tickring_event::{Bar, Flags, Instrument, Level, MarketEvent, Origin, Side, TopOfBook, Trade};
use tickring_ingest::{DepthRun, EventBatch};

use super::contenders::Table;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Library {
    SerdeJson,
    SonicRs,
    SimdJson,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ShapeName {
    BinanceDiff,
    BinanceTop,
    BinanceTrade,
    BybitBook,
    BybitTrades,
    BybitTicker,
    BybitBars,
    AdvancedBook,
    AdvancedTicker,
    AdvancedTrades,
    ExchangeBook,
    ExchangeTicker,
    ExchangeMatch,
    KrakenBook,
    OkxBook,
}

/// Whether a library can read a shape exactly: bare numbers keep their digits in serde_json alone.
pub(crate) fn reads(library: Library, shape: ShapeName) -> bool {
    library == Library::SerdeJson || shape != ShapeName::KrakenBook
}

/// Parses `text` and makes its events.
pub(crate) fn read(
    library: Library,
    shape: ShapeName,
    text: &mut [u8],
    table: &Table,
    batch: &mut EventBatch,
) {
    macro_rules! dispatch {
        ($($name:ident),*) => {
            match shape {
                $(ShapeName::$name => parse::<$name<'_>>(library, text).events(table, batch),)*
                ShapeName::KrakenBook => {
                    serde_json::from_slice::<KrakenBook<'_>>(text).unwrap().events(table, batch);
                }
            }
        };
    }
    dispatch!(
        BinanceDiff,
        BinanceTop,
        BinanceTrade,
        BybitBook,
        BybitTrades,
        BybitTicker,
        BybitBars,
        AdvancedBook,
        AdvancedTicker,
        AdvancedTrades,
        ExchangeBook,
        ExchangeTicker,
        ExchangeMatch,
        OkxBook
    );
}

fn parse<'text, T: Deserialize<'text>>(library: Library, text: &'text mut [u8]) -> T {
    match library {
        Library::SerdeJson => serde_json::from_slice(text).unwrap(),
        Library::SonicRs => sonic_rs::from_slice(text).unwrap(),
        Library::SimdJson => simd_json::from_slice(text).unwrap(),
    }
}

trait Events {
    fn events(&self, table: &Table, batch: &mut EventBatch);
}

type Pair<'a> = [&'a str; 2];

fn find<'t>(table: &'t Table, symbol: &str) -> (&'t Instrument, Origin) {
    let id = table.0.id(symbol).unwrap();
    (table.0.instrument(id).unwrap(), Origin { instrument: id, ..Origin::default() })
}

fn level(instrument: &Instrument, price: &str, quantity: &str) -> Level {
    Level {
        price: instrument.price(price.as_bytes()).unwrap(),
        quantity: instrument.quantity(quantity.as_bytes()).unwrap(),
    }
}

fn trade(instrument: &Instrument, numbers: (&str, &str), taker: Side, id: Option<u64>) -> Trade {
    let Level { price, quantity } = level(instrument, numbers.0, numbers.1);
    Trade { price, quantity, taker: Some(taker), trade_id: id }
}

fn top(bid: Option<Level>, ask: Option<Level>) -> TopOfBook {
    TopOfBook {
        bid_price: bid.map(|it| it.price),
        bid_quantity: bid.map(|it| it.quantity),
        ask_price: ask.map(|it| it.price),
        ask_quantity: ask.map(|it| it.quantity),
        last_price: None,
    }
}

fn depth<'a>(
    instrument: &Instrument,
    origin: Origin,
    (bids, asks): (impl Iterator<Item = Pair<'a>>, impl Iterator<Item = Pair<'a>>),
    batch: &mut EventBatch,
) {
    let mut run: DepthRun<'_> = batch.depth(origin, Flags::NONE);
    bids.for_each(|[price, quantity]| run.bid(level(instrument, price, quantity)));
    asks.for_each(|[price, quantity]| run.ask(level(instrument, price, quantity)));
    run.finish();
}

#[derive(Deserialize)]
struct Streamed<T> {
    data: T,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct BinanceDiff<'a>(#[serde(borrow)] Streamed<BinanceDiffData<'a>>);

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "the venue's keys")]
struct BinanceDiffData<'a> {
    E: u64,
    s: &'a str,
    U: u64,
    u: u64,
    #[serde(default)]
    pu: u64,
    #[serde(borrow)]
    b: Vec<Pair<'a>>,
    #[serde(borrow)]
    a: Vec<Pair<'a>>,
}

impl Events for BinanceDiff<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let data = &self.0.data;
        std::hint::black_box((data.U, data.pu));
        let (instrument, mut origin) = find(table, data.s);
        (origin.venue_time_ns, origin.venue_sequence) = (data.E * 1_000_000, data.u);
        depth(instrument, origin, (data.b.iter().copied(), data.a.iter().copied()), batch);
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct BinanceTop<'a>(#[serde(borrow)] Streamed<BinanceTopData<'a>>);

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "the venue's keys")]
struct BinanceTopData<'a> {
    u: u64,
    s: &'a str,
    b: &'a str,
    B: &'a str,
    a: &'a str,
    A: &'a str,
    #[serde(default)]
    E: u64,
}

impl Events for BinanceTop<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let data = &self.0.data;
        let (instrument, mut origin) = find(table, data.s);
        (origin.venue_time_ns, origin.venue_sequence) = (data.E * 1_000_000, data.u);
        let top =
            top(Some(level(instrument, data.b, data.B)), Some(level(instrument, data.a, data.A)));
        batch.push(MarketEvent::top_of_book(&origin, &top));
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
struct BinanceTrade<'a>(#[serde(borrow)] Streamed<BinanceTradeData<'a>>);

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "the venue's keys")]
struct BinanceTradeData<'a> {
    E: u64,
    s: &'a str,
    t: u64,
    p: &'a str,
    q: &'a str,
    m: bool,
}

impl Events for BinanceTrade<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let data = &self.0.data;
        let (instrument, mut origin) = find(table, data.s);
        (origin.venue_time_ns, origin.venue_sequence) = (data.E * 1_000_000, data.t);
        let taker = if data.m { Side::Sell } else { Side::Buy };
        let trade = trade(instrument, (data.p, data.q), taker, Some(data.t));
        batch.push(MarketEvent::trade(&origin, trade));
    }
}

#[derive(Deserialize)]
struct BybitBook<'a> {
    ts: u64,
    #[serde(borrow)]
    data: BybitBookData<'a>,
}

#[derive(Deserialize)]
struct BybitBookData<'a> {
    s: &'a str,
    #[serde(borrow)]
    b: Vec<Pair<'a>>,
    #[serde(borrow)]
    a: Vec<Pair<'a>>,
    u: u64,
}

impl Events for BybitBook<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let data = &self.data;
        let (instrument, mut origin) = find(table, data.s);
        (origin.venue_time_ns, origin.venue_sequence) = (self.ts * 1_000_000, data.u);
        depth(instrument, origin, (data.b.iter().copied(), data.a.iter().copied()), batch);
    }
}

#[derive(Deserialize)]
struct BybitTrades<'a> {
    #[serde(borrow)]
    data: Vec<BybitTrade<'a>>,
}

#[derive(Deserialize)]
#[expect(non_snake_case, reason = "the venue's keys")]
struct BybitTrade<'a> {
    T: u64,
    s: &'a str,
    S: &'a str,
    v: &'a str,
    p: &'a str,
    seq: u64,
}

impl Events for BybitTrades<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        for data in &self.data {
            let (instrument, mut origin) = find(table, data.s);
            (origin.venue_time_ns, origin.venue_sequence) = (data.T * 1_000_000, data.seq);
            let taker = if data.S == "Sell" { Side::Sell } else { Side::Buy };
            let trade = trade(instrument, (data.p, data.v), taker, None);
            batch.push(MarketEvent::trade(&origin, trade));
        }
    }
}

#[derive(Deserialize)]
struct BybitTicker<'a> {
    ts: u64,
    cs: u64,
    #[serde(borrow)]
    data: BybitTickerData<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BybitTickerData<'a> {
    symbol: &'a str,
    bid1_price: Option<&'a str>,
    bid1_size: Option<&'a str>,
    ask1_price: Option<&'a str>,
    ask1_size: Option<&'a str>,
    last_price: Option<&'a str>,
}

impl Events for BybitTicker<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let data = &self.data;
        let (instrument, mut origin) = find(table, data.symbol);
        (origin.venue_time_ns, origin.venue_sequence) = (self.ts * 1_000_000, self.cs);
        let price = |text: Option<&str>| text.map(|it| instrument.price(it.as_bytes()).unwrap());
        let quantity =
            |text: Option<&str>| text.map(|it| instrument.quantity(it.as_bytes()).unwrap());
        let top = TopOfBook {
            bid_price: price(data.bid1_price),
            bid_quantity: quantity(data.bid1_size),
            ask_price: price(data.ask1_price),
            ask_quantity: quantity(data.ask1_size),
            last_price: price(data.last_price),
        };
        batch.push(MarketEvent::top_of_book(&origin, &top));
    }
}

#[derive(Deserialize)]
struct BybitBars<'a> {
    topic: &'a str,
    #[serde(borrow)]
    data: Vec<BybitBar<'a>>,
}

#[derive(Deserialize)]
struct BybitBar<'a> {
    start: i64,
    end: i64,
    open: &'a str,
    close: &'a str,
    high: &'a str,
    low: &'a str,
    volume: &'a str,
}

impl Events for BybitBars<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let (instrument, origin) = find(table, self.topic.rsplit('.').next().unwrap());
        let price = |text: &str| instrument.price(text.as_bytes()).unwrap();
        for data in &self.data {
            let bar = Bar {
                start_ns: data.start * 1_000_000,
                interval_ns: (data.end + 1 - data.start) * 1_000_000,
                open: price(data.open),
                high: price(data.high),
                low: price(data.low),
                close: price(data.close),
                volume: instrument.quantity(data.volume.as_bytes()).unwrap(),
                trades: 0,
            };
            batch.push(MarketEvent::bar(&origin, &bar));
        }
    }
}

#[derive(Deserialize)]
struct AdvancedBook<'a> {
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
struct AdvancedTicker<'a> {
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
            top.last_price = Some(instrument.price(data.price.as_bytes()).unwrap());
            batch.push(MarketEvent::top_of_book(&origin, &top));
        }
    }
}

#[derive(Deserialize)]
struct AdvancedTrades<'a> {
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
struct ExchangeBook<'a> {
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
struct ExchangeTicker<'a> {
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
        let price = |text: &str| Some(instrument.price(text.as_bytes()).unwrap());
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
struct ExchangeMatch<'a> {
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

#[derive(Deserialize)]
struct OkxBook<'a> {
    #[serde(borrow)]
    arg: OkxArgument<'a>,
    #[serde(borrow)]
    data: Vec<OkxBookData<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OkxArgument<'a> {
    inst_id: &'a str,
}

#[derive(Deserialize)]
struct OkxBookData<'a> {
    #[serde(borrow)]
    asks: Vec<[&'a str; 4]>,
    #[serde(borrow)]
    bids: Vec<[&'a str; 4]>,
    ts: &'a str,
    checksum: i64,
}

impl Events for OkxBook<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        let (instrument, mut origin) = find(table, self.arg.inst_id);
        for data in &self.data {
            std::hint::black_box(data.checksum);
            origin.venue_time_ns = data.ts.parse::<u64>().unwrap() * 1_000_000;
            let bids = data.bids.iter().map(|it| [it[0], it[1]]);
            let asks = data.asks.iter().map(|it| [it[0], it[1]]);
            depth(instrument, origin, (bids, asks), batch);
        }
    }
}

#[derive(Deserialize)]
struct KrakenBook<'a> {
    #[serde(borrow)]
    data: Vec<KrakenBookData<'a>>,
}

#[derive(Deserialize)]
struct KrakenBookData<'a> {
    symbol: &'a str,
    #[serde(borrow)]
    bids: Vec<KrakenLevel<'a>>,
    #[serde(borrow)]
    asks: Vec<KrakenLevel<'a>>,
    checksum: u32,
}

#[derive(Deserialize)]
struct KrakenLevel<'a> {
    #[serde(borrow)]
    price: &'a serde_json::value::RawValue,
    #[serde(borrow)]
    qty: &'a serde_json::value::RawValue,
}

impl Events for KrakenBook<'_> {
    fn events(&self, table: &Table, batch: &mut EventBatch) {
        for data in &self.data {
            std::hint::black_box(data.checksum);
            let (instrument, origin) = find(table, data.symbol);
            let bids = data.bids.iter().map(|it| [it.price.get(), it.qty.get()]);
            let asks = data.asks.iter().map(|it| [it.price.get(), it.qty.get()]);
            depth(instrument, origin, (bids, asks), batch);
        }
    }
}
