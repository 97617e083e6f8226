//! What Binance is asked for, and what its answers mean.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::{
    Action, Binance, Channel, Command, EventBatch, Frame, Inbound, Market, Refusal, Stamp,
    Subscription, SubscriptionError, Venue,
};

struct Live {
    venue: Binance,
    batch: EventBatch,
}

fn subscription(symbols: &[&str], channels: &[Channel]) -> Subscription {
    let symbols = symbols.iter().map(ToString::to_string).collect();
    Subscription { symbols, channels: channels.to_vec(), depth: None }
}

impl Live {
    fn new(symbols: &[&str], channels: &[Channel]) -> Self {
        let instruments = Arc::new(Instruments::new());
        let subscription = subscription(symbols, channels);
        let venue = Binance::subscribing(Market::Spot, subscription, instruments).unwrap();
        Self { venue, batch: EventBatch::new() }
    }

    /// The texts that are sent after a handshake.
    fn open(&mut self) -> Vec<String> {
        self.venue.open(&mut self.batch);
        let text = |command| match command {
            Command::Send(text) => text,
            other => panic!("{other:?}"),
        };
        self.batch.take_commands().map(text).collect()
    }

    fn frame(&mut self, text: &str) -> Inbound {
        let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
        self.venue.decode(&frame, &mut self.batch).unwrap()
    }

    /// Acknowledged streams that brought nothing.
    fn silent(&self) -> Vec<String> {
        let all = self.venue.acknowledged().into_iter();
        all.filter(|it| !it.has_come).map(|it| it.stream).collect()
    }

    /// Opens with as many commands as 200 streams each give.
    fn with_commands(commands: usize) -> Self {
        let symbols: Vec<_> = (0..200 * (commands - 1) + 1).map(|it| format!("S{it}")).collect();
        let symbols: Vec<_> = symbols.iter().map(String::as_str).collect();
        let mut live = Self::new(&symbols, &[Channel::Trade]);
        assert_eq!(live.open().len(), commands);
        live
    }
}

fn ack(id: u32) -> String {
    format!(r#"{{"result":null,"id":{id}}}"#)
}

fn trade(symbol: &str) -> String {
    format!(r#"{{"e":"trade","E":1,"s":"{symbol}","t":1,"p":"1","q":"1","T":1,"m":true}}"#)
}

#[test]
fn every_symbol_is_subscribed_on_every_channel_anew_after_each_handshake() {
    let mut live = Live::new(&["BTCUSDT", "ethusdt"], &Channel::ALL);
    let streams =
        |it: &str| format!(r#""{it}@trade","{it}@bookTicker","{it}@depth@100ms","{it}@kline_1m""#);
    let (btc, eth) = (streams("btcusdt"), streams("ethusdt"));
    let text = format!(r#"{{"method":"SUBSCRIBE","params":[{btc},{eth}],"id":1}}"#);
    assert_eq!(live.open(), [text.as_str()]);
    live.venue.disconnected(Stamp::default(), &mut live.batch);
    assert_eq!(live.open(), [text]);
}

#[test]
fn many_streams_go_into_few_commands() {
    let symbols: Vec<_> = (0..256).map(|it| format!("S{it}")).collect();
    let symbols: Vec<_> = symbols.iter().map(String::as_str).collect();
    let commands = Live::new(&symbols, &Channel::ALL).open();
    let counts: Vec<_> = commands.iter().map(|it| it.matches('@').count()).collect();
    // Names of depth have two.
    assert_eq!(counts, [250, 250, 250, 250, 250, 30]);
    assert!(commands[5].ends_with(r#""s255@kline_1m"],"id":6}"#), "{}", commands[5]);
}

#[test]
fn what_cannot_be_subscribed_is_known_before() {
    let check = |subscription| {
        let instruments = Arc::new(Instruments::new());
        Binance::subscribing(Market::UsdM, subscription, instruments).unwrap_err()
    };
    let many: Vec<_> = (0..257).map(|it| format!("S{it}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let error = check(subscription(&many, &Channel::ALL));
    assert_eq!(error, SubscriptionError::TooManySymbols { count: 257, limit: 256 });
    let error = check(subscription(&["btcusdt", "BTCUSDT"], &[Channel::Trade]));
    assert_eq!(error, SubscriptionError::DuplicateSymbol { symbol: "BTCUSDT".to_owned() });
    let error = check(subscription(&["BTC-USDT"], &[Channel::Trade])).to_string();
    assert_eq!(error, "`BTC-USDT` is no symbol of binance-usdm: write it like BTCUSDT");
    let depth = Some(20);
    let error = check(Subscription { depth, ..subscription(&["A"], &[Channel::Depth]) });
    assert!(matches!(error, SubscriptionError::Depth { .. }), "{error}");
}

#[test]
fn acks_are_told_by_their_id_and_complete_with_the_last() {
    let mut live = Live::with_commands(3);
    let data = Inbound::Data(1);
    assert_eq!(live.frame(&trade("S1")), data, "data may come first");
    assert_eq!(live.frame(&ack(2)), Inbound::Ack { complete: false });
    assert_eq!(live.frame(&ack(2)), Inbound::Ack { complete: false }, "a second one is nothing");
    assert_eq!(live.frame(&ack(9)), Inbound::Ack { complete: false });
    assert_eq!(live.frame(r#"{"result":["s1@trade"],"id":7}"#), Inbound::Ack { complete: false });
    assert_eq!(live.frame(r#"{"id":"1","result":null}"#), Inbound::Ack { complete: false });
    assert_eq!(live.frame(&ack(3)), Inbound::Ack { complete: true });
    live.venue.disconnected(Stamp::default(), &mut live.batch);
    live.open();
    assert_eq!(live.frame(&ack(3)), Inbound::Ack { complete: false }, "all is asked for anew");
}

#[track_caller]
fn refused(inbound: Inbound) -> Refusal {
    let Inbound::Refused(refusal) = inbound else { panic!("{inbound:?}") };
    *refusal
}

#[test]
fn a_refused_command_names_its_streams_and_the_rest_goes_on() {
    let mut live = Live::with_commands(2);
    let refusal = refused(live.frame(r#"{"error":{"code":2,"msg":"Invalid request"},"id":2}"#));
    let expected = Refusal {
        code: 2,
        message: "Invalid request: s200@trade".to_owned(),
        action: Action::Continue,
        complete: false,
    };
    assert_eq!(refusal, expected);
    assert_eq!(live.frame(&ack(1)), Inbound::Ack { complete: true });
}

#[test]
fn a_refusal_without_an_id_is_of_the_first_command_that_waits() {
    let mut live = Live::with_commands(2);
    let refusal = refused(live.frame(r#"{"code":"2","msg":"no"}"#));
    let message = "no: s0@trade, s1@trade, s2@trade and 197 more".to_owned();
    let action = Action::Continue;
    assert_eq!(refusal, Refusal { code: 2, message, action, complete: false });
    // Nothing is left then, and the same would be asked again.
    let refusal = refused(live.frame(r#"{"code":2,"msg":"no"}"#));
    let message = "no: s200@trade".to_owned();
    assert_eq!(refusal, Refusal { code: 2, message, action: Action::Stop, complete: false });
    let refusal = refused(live.frame(r#"{"code":2,"msg":"no","id":4}"#));
    assert_eq!(refusal.message, "no");
}

#[test]
fn a_recording_whose_subscriptions_are_not_known_sends_nothing_and_takes_every_ack() {
    let venue = Binance::new(Market::Spot, &["A".to_owned()], Arc::new(Instruments::new()));
    let mut live = Live { venue, batch: EventBatch::new() };
    assert!(live.open().is_empty());
    assert_eq!(live.frame(&ack(1)), Inbound::Ack { complete: true });
    let refusal = refused(live.frame(r#"{"code":2,"msg":"no","id":1}"#));
    assert_eq!((refusal.action, refusal.complete), (Action::Continue, true));
    assert!(live.silent().is_empty());
}

#[test]
fn streams_that_were_acknowledged_and_brought_nothing_are_told() {
    let channels = [Channel::Trade, Channel::Ticker, Channel::Depth, Channel::Bar];
    let mut live = Live::new(&["ABC", "NOSUCH"], &channels);
    live.open();
    assert!(live.silent().is_empty(), "nothing was acknowledged");
    live.frame(&ack(1));
    assert_eq!(live.silent().len(), 8);
    live.frame(&trade("ABC"));
    live.frame(r#"{"u":1,"s":"ABC","b":"1","B":"1","a":"2","A":"1"}"#);
    live.frame(r#"{"e":"depthUpdate","E":5,"s":"ABC","U":1,"u":2,"b":[],"a":[]}"#);
    let nowhere = ["nosuch@trade", "nosuch@bookTicker", "nosuch@depth@100ms", "nosuch@kline_1m"];
    assert_eq!(live.silent(), [&["abc@kline_1m"], &nowhere[..]].concat());
    assert_eq!(live.venue.acknowledged().len(), 8);
    live.venue.disconnected(Stamp::default(), &mut live.batch);
    assert_eq!(live.silent().len(), 5, "it is of the whole run");
}

#[test]
fn other_symbols_than_those_subscribed_are_ignored() {
    let mut live = Live::new(&["abc"], &[Channel::Trade]);
    assert_eq!(live.frame(&trade("ABCD")), Inbound::Ignored("other_symbol"));
    assert_eq!(live.frame(r#"{"snapshot":"X","body":{}}"#), Inbound::Ignored("other_symbol"));
}
