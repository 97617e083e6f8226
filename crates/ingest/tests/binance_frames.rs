//! Every documented message shape of Binance and what it becomes.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::{
    Bar, ConnectionId, Flags, Instruments, Level, MarketEvent, Origin, Payload, Side, TopOfBook,
    Trade,
};
use tickring_ingest::{
    Action, Binance, Command, DecodeError, EventBatch, Frame, Inbound, Market, Refusal, Stamp,
    Venue,
};

const BOOK_TICKER: usize = 0;
const TRADE: usize = 1;
const DEPTH_UPDATE: usize = 2;
const SNAPSHOT: usize = 3;
const PARTIAL_DEPTH: usize = 4;
const AGG_TRADE: usize = 5;
const KLINE: usize = 6;

const STAMP: Stamp = Stamp { connection: ConnectionId(3), arrival_ticks: 77 };

struct Decoded {
    instruments: Arc<Instruments>,
    batch: EventBatch,
    venue: Binance,
}

impl Decoded {
    fn new(market: Market, symbols: &[&str]) -> Self {
        let instruments = Arc::new(Instruments::new());
        let symbols: Vec<_> = symbols.iter().map(ToString::to_string).collect();
        let venue = Binance::new(market, &symbols, Arc::clone(&instruments));
        Self { instruments, batch: EventBatch::new(), venue }
    }

    /// The outcome of one frame; the events of the last frame only are kept.
    fn frame(&mut self, text: &str) -> Result<Inbound, DecodeError> {
        self.batch.clear();
        self.venue.decode(&Frame { stamp: STAMP, text: text.as_bytes() }, &mut self.batch)
    }

    fn only_event(&self) -> MarketEvent {
        let [event] = self.batch.events() else { panic!("{:?}", self.batch.events()) };
        *event
    }

    fn origin(&self, symbol: &str, venue_time_ns: u64, venue_sequence: u64) -> Origin {
        Origin {
            arrival_ticks: STAMP.arrival_ticks,
            connection: STAMP.connection,
            instrument: self.instruments.id(symbol).expect("registered by the frame"),
            venue_time_ns,
            venue_sequence,
        }
    }

    fn trade(&self, price: &str, quantity: &str, taker: Side, trade_id: u64) -> Payload {
        let Level { price, quantity } = self.level(price, quantity);
        Payload::Trade(Trade { price, quantity, taker: Some(taker), trade_id: Some(trade_id) })
    }

    fn top(&self, bid: [&str; 2], ask: [&str; 2]) -> Payload {
        let (bid, ask) = (self.level(bid[0], bid[1]), self.level(ask[0], ask[1]));
        Payload::TopOfBook(TopOfBook {
            bid_price: Some(bid.price),
            bid_quantity: Some(bid.quantity),
            ask_price: Some(ask.price),
            ask_quantity: Some(ask.quantity),
            last_price: None,
        })
    }

    fn level(&self, price: &str, quantity: &str) -> Level {
        let (_, instrument) = self.instruments.iter().next().expect("a registered instrument");
        Level {
            price: instrument.price(price.as_bytes()).expect("a price"),
            quantity: instrument.quantity(quantity.as_bytes()).expect("a quantity"),
        }
    }
}

#[test]
fn the_venue_names_itself_and_its_kinds_and_sends_nothing() {
    let mut spot = Decoded::new(Market::Spot, &[]).venue;
    assert_eq!(spot.name(), "binance-spot");
    assert_eq!(Decoded::new(Market::UsdM, &[]).venue.name(), "binance-usdm");
    let kinds =
        ["bookTicker", "trade", "depthUpdate", "snapshot", "partialDepth", "aggTrade", "kline"];
    assert_eq!(spot.message_kinds(), kinds);
    let mut batch = EventBatch::new();
    spot.open(&mut batch);
    assert_eq!(batch.take_commands().count(), 0);
}

#[test]
fn a_spot_trade_with_a_buyer_as_maker_is_a_taker_sell() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    let inbound = decoded.frame(include_str!("data/binance/spot_trade.json"));
    assert_eq!(inbound, Ok(Inbound::Data(TRADE)));
    let event = decoded.only_event();
    assert_eq!(event.origin(), decoded.origin("BTCUSDT", 1_723_161_255_343_000_000, 3_735_683_259));
    assert_eq!(event.payload(), decoded.trade("61837.63", "0.02", Side::Sell, 3_735_683_259));
    assert_eq!(event.flags, Flags::WHOLE);
}

#[test]
fn a_usdm_trade_with_a_seller_as_maker_is_a_taker_buy() {
    let mut decoded = Decoded::new(Market::UsdM, &[]);
    let inbound = decoded.frame(include_str!("data/binance/usdm_trade.json"));
    assert_eq!(inbound, Ok(Inbound::Data(TRADE)));
    let event = decoded.only_event();
    assert_eq!(event.origin(), decoded.origin("BTCUSDT", 1_723_161_256_322_000_000, 5_266_583_935));
    assert_eq!(event.payload(), decoded.trade("61800.30", "0.006", Side::Buy, 5_266_583_935));
}

#[test]
fn a_usdm_trade_outside_the_market_is_ignored() {
    let mut decoded = Decoded::new(Market::UsdM, &[]);
    for kind in ["INSURANCE_FUND", "ADL", "NA"] {
        let text = include_str!("data/binance/usdm_trade.json").replace("MARKET", kind);
        assert!(matches!(decoded.frame(&text), Ok(Inbound::Ignored(_))));
        assert!(decoded.batch.is_empty());
    }
}

#[test]
fn a_book_ticker_is_the_top_of_book_with_its_update_id() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    let inbound = decoded.frame(include_str!("data/binance/spot_book_ticker.json"));
    assert_eq!(inbound, Ok(Inbound::Data(BOOK_TICKER)));
    let event = decoded.only_event();
    assert_eq!(event.origin(), decoded.origin("BTCUSDT", 0, 50_093_239_212), "it tells no time");
    let top = decoded.top(["61837.63", "3.78826"], ["61837.64", "1.54698"]);
    assert_eq!(event.payload(), top);

    let mut decoded = Decoded::new(Market::UsdM, &[]);
    let inbound = decoded.frame(include_str!("data/binance/usdm_book_ticker.json"));
    assert_eq!(inbound, Ok(Inbound::Data(BOOK_TICKER)));
    let event = decoded.only_event();
    let origin = decoded.origin("BTCUSDT", 1_723_161_256_313_000_000, 5_123_107_839_020);
    assert_eq!(event.origin(), origin);
    assert_eq!(event.payload(), decoded.top(["61800.20", "2.507"], ["61800.30", "2.510"]));
}

#[test]
fn a_side_without_orders_is_absent_from_the_top_of_book() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    let text = include_str!("data/binance/spot_book_ticker.json")
        .replace(r#""61837.64000000","A":"1.54698000""#, r#""0.00000000","A":"0.00000000""#);
    assert_eq!(decoded.frame(&text), Ok(Inbound::Data(BOOK_TICKER)));
    let Payload::TopOfBook(top) = decoded.only_event().payload() else { panic!("not a top") };
    assert!(top.bid_price.is_some() && top.bid_quantity.is_some());
    assert_eq!((top.ask_price, top.ask_quantity), (None, None));
}

#[test]
fn a_diff_keeps_its_levels_removals_included() {
    let mut decoded = Decoded::new(Market::Spot, &["btcusdt"]);
    let seed = r#"{"lastUpdateId":50093239202,"bids":[],"asks":[]}"#;
    assert_eq!(decoded.frame(seed), Ok(Inbound::Data(SNAPSHOT)));
    let inbound = decoded.frame(include_str!("data/binance/spot_depth_update.json"));
    assert_eq!(inbound, Ok(Inbound::Data(DEPTH_UPDATE)));
    let event = decoded.only_event();
    let origin = decoded.origin("BTCUSDT", 1_723_161_255_308_000_000, 50_093_239_207);
    assert_eq!(event.origin(), origin);
    assert_eq!(event.flags, Flags::WHOLE);
    let Payload::Levels(levels) = event.payload() else { panic!("{event:?}") };
    assert_eq!(levels.bids(), [decoded.level("55653.87", "0")]);
    let asks = [
        decoded.level("61838.04", "0.32332"),
        decoded.level("61844.3", "0.40163"),
        decoded.level("61862.5", "0.05019"),
        decoded.level("61862.51", "0"),
    ];
    assert_eq!(levels.asks(), asks);
}

#[test]
fn partial_depth_belongs_to_the_symbol_in_its_streams_name() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    let inbound = decoded.frame(include_str!("data/binance/spot_partial_depth.json"));
    assert_eq!(inbound, Ok(Inbound::Data(PARTIAL_DEPTH)));
    let event = decoded.only_event();
    assert_eq!(event.origin(), decoded.origin("BNBBTC", 0, 160));
    assert_eq!(event.flags, Flags::WHOLE.with(Flags::SNAPSHOT));
    let Payload::Levels(levels) = event.payload() else { panic!("{event:?}") };
    assert_eq!(levels.bids(), [decoded.level("0.0024", "10")]);
    assert_eq!(levels.asks(), [decoded.level("0.0026", "100")]);
}

#[test]
fn partial_depth_of_futures_looks_like_a_diff_and_is_told_by_its_stream() {
    let text = |stream| {
        format!(
            r#"{{"stream":"{stream}","data":{{"e":"depthUpdate","E":2,"T":1,"s":"BTCUSDT","U":5,"u":9,"pu":4,"b":[["1.0","2"]],"a":[]}}}}"#
        )
    };
    let mut decoded = Decoded::new(Market::UsdM, &[]);
    assert_eq!(decoded.frame(&text("btcusdt@depth5@100ms")), Ok(Inbound::Data(PARTIAL_DEPTH)));
    let event = decoded.only_event();
    assert_eq!(event.origin(), decoded.origin("BTCUSDT", 2_000_000, 9));
    assert_eq!(event.flags, Flags::WHOLE.with(Flags::SNAPSHOT));
    assert_eq!(decoded.frame(&text("btcusdt@depth@0ms")), Ok(Inbound::Data(DEPTH_UPDATE)));
    assert!(decoded.batch.is_empty(), "held: no full snapshot yet");
}

#[test]
fn a_raw_message_decodes_as_its_combined_form() {
    let combined = include_str!("data/binance/spot_trade.json").trim();
    let raw = combined.split_once(r#""data":"#).unwrap().1.strip_suffix('}').unwrap();
    let mut decoded = Decoded::new(Market::Spot, &[]);
    decoded.frame(combined).unwrap();
    let expected = decoded.only_event();
    assert_eq!(decoded.frame(raw), Ok(Inbound::Data(TRADE)));
    assert_eq!(decoded.only_event(), expected);
}

#[test]
fn a_snapshot_without_a_symbol_needs_a_connection_with_one_instrument() {
    let snapshot = r#"{"lastUpdateId":7,"bids":[["1.0","2.0"]],"asks":[]}"#;
    let ticker = |symbol| format!(r#"{{"u":1,"s":"{symbol}","b":"1","B":"1","a":"2","A":"1"}}"#);
    #[track_caller]
    fn check(symbols: &[&str], before: &[String], snapshot: &str) -> Result<Inbound, DecodeError> {
        let mut decoded = Decoded::new(Market::Spot, symbols);
        for text in before {
            decoded.frame(text).unwrap();
        }
        decoded.frame(snapshot)
    }
    let data = Ok(Inbound::Data(SNAPSHOT));
    assert_eq!(check(&["A"], &[], snapshot), data);
    assert_eq!(check(&[], &[ticker("A")], snapshot), data);
    assert_eq!(check(&["A", "B"], &[ticker("B")], snapshot), data);
    let unknown = Err(DecodeError::UnknownSymbol);
    assert_eq!(check(&[], &[], snapshot), unknown);
    assert_eq!(check(&["A", "B"], &[], snapshot), unknown);
    assert_eq!(check(&[], &[ticker("A"), ticker("B")], snapshot), unknown);
    assert_eq!(check(&["A"], &[ticker("A"), ticker("B")], snapshot), unknown);
    // Nothing that anybody wants came over this connection.
    assert!(matches!(check(&["A"], &[ticker("B")], snapshot), Ok(Inbound::Ignored(_))));
}

#[test]
fn symbols_that_were_not_asked_for_are_ignored() {
    let mut decoded = Decoded::new(Market::Spot, &["ethusdt"]);
    for text in [
        include_str!("data/binance/spot_trade.json"),
        include_str!("data/binance/spot_book_ticker.json"),
        include_str!("data/binance/spot_depth_update.json"),
        include_str!("data/binance/spot_partial_depth.json"),
    ] {
        assert!(matches!(decoded.frame(text), Ok(Inbound::Ignored(_))));
        let asked = text.replace("BTCUSDT", "ETHUSDT").replace("bnbbtc", "ethusdt");
        assert!(matches!(decoded.frame(&asked), Ok(Inbound::Data(_))), "{asked}");
    }
    assert_eq!(decoded.instruments.iter().count(), 1);
}

#[test]
fn an_answer_to_a_command_is_an_ack_or_a_refusal() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    let ack = Ok(Inbound::Ack { complete: true });
    assert_eq!(decoded.frame(include_str!("data/binance/spot_ack.json")), ack);
    assert_eq!(decoded.frame(include_str!("data/binance/spot_list.json")), ack);
    let refusal = |message: &str| {
        let message = message.to_owned();
        Ok(Inbound::from(Refusal { code: 2, message, action: Action::Continue, complete: true }))
    };
    let refused = decoded.frame(include_str!("data/binance/spot_refusal.json"));
    assert_eq!(refused, refusal("Invalid request: ..."));
    let long = format!(r#"{{"error":{{"code":2,"msg":"a\n{}"}},"id":1}}"#, "b".repeat(300));
    assert_eq!(decoded.frame(&long), refusal(&format!("a{}", "b".repeat(199))));
    assert!(decoded.batch.is_empty());
}

#[test]
fn what_nothing_here_uses_is_ignored() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    for text in [
        r#"{"e":"markPriceUpdate","E":1,"s":"BTCUSDT","p":"1","r":"0.1"}"#,
        r#"{"stream":"btcusdt@ticker","data":{"e":"24hrTicker","E":1,"s":"BTCUSDT"}}"#,
        r#"{"stream":"!ticker@arr","data":[{"e":"24hrTicker"}]}"#,
        r#"[{"e":"24hrTicker"}]"#,
    ] {
        assert!(matches!(decoded.frame(text), Ok(Inbound::Ignored(_))), "{text}");
        assert!(decoded.batch.is_empty());
    }
}

#[test]
fn a_notice_of_a_shutdown_asks_for_the_next_connection() {
    for text in [
        include_str!("data/binance/spot_shutdown.json"),
        include_str!("data/binance/spot_shutdown_combined.json"),
    ] {
        let mut decoded = Decoded::new(Market::Spot, &[]);
        assert_eq!(decoded.frame(text), Ok(Inbound::Ignored("server_shutdown")));
        assert_eq!(decoded.batch.take_commands().collect::<Vec<_>>(), [Command::Renew]);
    }
}

#[test]
fn an_aggregate_trade_is_a_trade_until_single_trades_tell_the_same() {
    let aggregate = include_str!("data/binance/spot_agg_trade.json");
    let mut decoded = Decoded::new(Market::Spot, &[]);
    assert_eq!(decoded.frame(aggregate), Ok(Inbound::Data(AGG_TRADE)));
    let event = decoded.only_event();
    assert_eq!(event.payload(), decoded.trade("0.001", "100", Side::Sell, 105));
    assert_eq!(event.origin(), decoded.origin("BNBBTC", 1_672_515_782_136_000_000, 105));
    let single = include_str!("data/binance/spot_trade.json").replace("BTCUSDT", "BNBBTC");
    assert_eq!(decoded.frame(&single), Ok(Inbound::Data(TRADE)));
    assert_eq!(decoded.frame(aggregate), Ok(Inbound::Ignored("trades_told_singly")));
    let other = aggregate.replace("BNBBTC", "ETHBTC");
    assert_eq!(decoded.frame(&other), Ok(Inbound::Data(AGG_TRADE)), "each instrument for itself");
}

#[test]
fn a_kline_is_a_bar_as_far_as_it_has_come() {
    let text = include_str!("data/binance/spot_kline.json");
    let mut decoded = Decoded::new(Market::Spot, &[]);
    assert_eq!(decoded.frame(text), Ok(Inbound::Data(KLINE)));
    let event = decoded.only_event();
    assert_eq!(event.origin(), decoded.origin("BNBBTC", 1_672_515_782_136_000_000, 200));
    let level = |price| decoded.level(price, "1");
    let bar = Bar {
        start_ns: 1_672_515_780_000_000_000,
        interval_ns: 60_000_000_000,
        open: level("0.0010").price,
        high: level("0.0025").price,
        low: level("0.0010").price,
        close: level("0.0020").price,
        volume: level("0.0010").quantity,
        trades: 100,
    };
    assert_eq!(event.payload(), Payload::Bar(bar));
    // An interval without a trade, in microseconds, with bare numbers.
    let text = text
        .replace("1672515780000", "1672515780000000")
        .replace("1672515839999", "1672515839999999")
        .replace(r#""L":200"#, r#""L":-1"#)
        .replace(r#""o":"0.0010""#, r#""o":0.0010"#);
    assert_eq!(decoded.frame(&text), Ok(Inbound::Data(KLINE)));
    assert_eq!(decoded.only_event().payload(), Payload::Bar(bar));
    assert_eq!(decoded.only_event().venue_sequence, 0);
    for (field, error) in [
        ("o", DecodeError::MissingField { field: "o" }),
        ("t", DecodeError::MissingField { field: "t" }),
        ("n", DecodeError::MissingField { field: "n" }),
        ("k", DecodeError::MissingField { field: "k" }),
    ] {
        let text = text.replace(&format!("\"{field}\":"), "\"other\":");
        assert_eq!(decoded.frame(&text), Err(error));
        assert!(decoded.batch.is_empty());
    }
}

#[test]
fn times_in_microseconds_are_told_by_their_size() {
    #[track_caller]
    fn check(time: &str, expected: Result<u64, DecodeError>) {
        let mut decoded = Decoded::new(Market::Spot, &[]);
        let text =
            include_str!("data/binance/spot_trade.json").replace(r#""E":1723161255343"#, time);
        let time_ns = decoded.frame(&text).map(|_| decoded.only_event().venue_time_ns);
        assert_eq!(time_ns, expected);
    }
    check(r#""E":1723161255343"#, Ok(1_723_161_255_343_000_000));
    check(r#""E":1723161255343123"#, Ok(1_723_161_255_343_123_000));
    check(r#""E":100000000000000"#, Err(overflow()));
    check(r#""E":100000000000001"#, Ok(100_000_000_000_001_000));
    check(r#""E":18446744073709551615"#, Err(overflow()));
    check(r#""E":-1"#, Err(DecodeError::WrongType { field: "E" }));
    check(r#""E":null"#, Ok(1_723_161_255_342_000_000));
}

fn overflow() -> DecodeError {
    DecodeError::Number { field: "E", error: tickring_event::DecimalError::Overflow }
}

#[test]
fn bare_numbers_keep_their_digits() {
    let mut decoded = Decoded::new(Market::Spot, &[]);
    let quoted = include_str!("data/binance/spot_depth_update.json");
    let bare = quoted.replace(r#"["55653.87000000","0.00000000"]"#, "[55653.87000000,0]");
    let seed = r#"{"lastUpdateId":50093239202,"bids":[],"asks":[]}"#;
    let mut events = Vec::new();
    for text in [quoted, &bare] {
        let mut decoded = Decoded::new(Market::Spot, &["BTCUSDT"]);
        decoded.frame(seed).unwrap();
        decoded.frame(text).unwrap();
        events.push(decoded.only_event());
    }
    assert_eq!(events[0], events[1]);
    let trade = include_str!("data/binance/spot_trade.json")
        .replace(r#""61837.63000000""#, "1.000000000000000001");
    decoded.frame(&trade).unwrap();
    let Payload::Trade(trade) = decoded.only_event().payload() else { panic!("not a trade") };
    assert_eq!(trade.price.mantissa(), 1_000_000_000_000_000_001);
}

#[test]
fn a_frame_that_is_not_as_documented_leaves_no_event() {
    use DecodeError::{Malformed, MissingField, WrongType};
    #[track_caller]
    fn check(text: &str, expected: DecodeError) {
        let mut decoded = Decoded::new(Market::UsdM, &["BTCUSDT"]);
        assert_eq!(decoded.frame(text), Err(expected), "{text}");
        assert!(decoded.batch.is_empty());
    }
    check("", Malformed);
    check(r#"{"e":"trade""#, Malformed);
    check("7", MissingField { field: "e" });
    check("{}", MissingField { field: "e" });
    check(r#"{"e":7}"#, WrongType { field: "e" });
    check(r#"{"stream":7}"#, WrongType { field: "stream" });
    check(r#"{"stream":"a@trade"}"#, MissingField { field: "data" });
    check(r#"{"e":"trade"}"#, MissingField { field: "s" });
    check(r#"{"e":"trade","p":"1","q":"1"}"#, MissingField { field: "s" });
    check(r#"{"e":"trade","s":"BTCUSDT","t":1}"#, MissingField { field: "p" });
    check(r#"{"e":"bookTicker","u":1,"s":"BTCUSDT","b":"1","B":true}"#, WrongType { field: "B" });
    check(
        r#"{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"b":[],"a":[]}"#,
        MissingField { field: "pu" },
    );
    check(
        r#"{"e":"depthUpdate","s":"BTCUSDT","U":1,"u":2,"pu":0,"b":[["1"]],"a":[]}"#,
        WrongType { field: "b" },
    );
    check(r#"{"lastUpdateId":"x","bids":[],"asks":[]}"#, WrongType { field: "lastUpdateId" });
    check(r#"{"lastUpdateId":1,"bids":[]}"#, MissingField { field: "asks" });
    check(r#"{"code":"x"}"#, WrongType { field: "code" });
}

proptest! {
    #[test]
    fn no_bytes_panic(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut decoded = Decoded::new(Market::Spot, &[]);
        let frame = Frame { stamp: STAMP, text: &text };
        prop_assert!(decoded.venue.decode(&frame, &mut decoded.batch).is_err());
    }

    /// Bytes of real frames are changed, left out and doubled.
    #[test]
    fn no_mutated_frame_panics_or_leaves_events_of_an_error(
        which in 0..FRAMES.len(),
        edits in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6),
    ) {
        let mut decoded = Decoded::new(Market::UsdM, &[]);
        decoded.frame(SEED).unwrap();
        let mut text = FRAMES[which].trim().as_bytes().to_vec();
        for (index, byte, kind) in edits {
            let index = index.index(text.len());
            match kind {
                0 => text[index] = byte,
                1 => drop(text.remove(index)),
                _ => text.insert(index, text[index]),
            }
        }
        decoded.batch.clear();
        let frame = Frame { stamp: STAMP, text: &text };
        let read = decoded.venue.decode(&frame, &mut decoded.batch);
        let is_gap = |it: &MarketEvent| matches!(it.payload(), Payload::Gap(_));
        prop_assert!(read.is_ok() || decoded.batch.events().iter().all(is_gap));
    }
}

const SEED: &str = r#"{"snapshot":"BTCUSDT","body":{"lastUpdateId":1,"bids":[["1.00000000","1.00000000"]],"asks":[]}}"#;

const FRAMES: [&str; 12] = [
    SEED,
    include_str!("data/binance/spot_ack.json"),
    include_str!("data/binance/spot_agg_trade.json"),
    include_str!("data/binance/spot_book_ticker.json"),
    include_str!("data/binance/spot_depth_update.json"),
    include_str!("data/binance/spot_kline.json"),
    include_str!("data/binance/spot_list.json"),
    include_str!("data/binance/spot_partial_depth.json"),
    include_str!("data/binance/spot_refusal.json"),
    include_str!("data/binance/spot_shutdown_combined.json"),
    include_str!("data/binance/usdm_book_ticker.json"),
    include_str!("data/binance/usdm_trade.json"),
];
