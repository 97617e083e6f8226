//! What TickDB is asked for, and what each of its answers leaves subscribed.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::collections::HashMap;
use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::tickdb::{
    Channel, ConfigError, KEEP_ALIVE, ProductKind, SYMBOLS_PER_COMMAND, TickDb, TickDbConfig,
};
use tickring_ingest::{Action, Command, EventBatch, Frame, Inbound, Refusal, Stamp, Venue};

const WAIT_60_S: Action = Action::Reconnect { delay_ms_min: 60_000 };
const WAIT_90_S: Action = Action::Reconnect { delay_ms_min: 90_000 };
const WAIT_1_S: Action = Action::Reconnect { delay_ms_min: 1_000 };

const DATA: &str = r#"{"cmd":"ticker","data":{"symbol":"A.US","last_price":"1"}}"#;
const ACK: &str = r#"{"cmd":"subscribe","code":0,"message":"success","data":{}}"#;

/// A connection, in short words: `depth A.US,B.US stock` is the command that subscribes to these.
struct Connection(TickDb, EventBatch);

impl Connection {
    fn new(symbols: &[&str], channels: &[&str]) -> Self {
        let config = TickDbConfig::parse(symbols, channels).unwrap();
        Self(TickDb::new(&config, Arc::new(Instruments::new())).unwrap(), EventBatch::new())
    }

    fn open(&mut self) -> Vec<String> {
        self.0.open(&mut self.1);
        self.sent()
    }

    /// What follows an answer.
    fn sent(&mut self) -> Vec<String> {
        let texts = self.1.take_commands().map(|command| match command {
            Command::Send(text) => text,
            other => panic!("{other:?}"),
        });
        texts.map(|text| short(&text)).collect()
    }

    fn hear(&mut self, text: &str) -> Inbound {
        let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
        self.0.decode(&frame, &mut self.1).unwrap()
    }

    #[track_caller]
    fn refused(&mut self, text: &str) -> Refusal {
        match self.hear(text) {
            Inbound::Refused(refusal) => *refusal,
            other => panic!("{text} became {other:?}"),
        }
    }

    /// A refusal of a subscription, with what follows.
    #[track_caller]
    fn refuse(&mut self, code: &str, message: &str, data: &str) -> Action {
        let text = format!(
            r#"{{"cmd":"subscribe","code":{code},"message":"{message}","data":{{{data}}}}}"#
        );
        self.refused(&text).action
    }
}

/// The short words of a command, which must be exactly as the schema has it.
fn short(command: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(command).unwrap();
    assert_eq!(json["cmd"], "subscribe");
    let data = json["data"].as_object().unwrap();
    let names: Vec<_> = data.keys().map(String::as_str).collect();
    assert!(
        matches!(names[..], ["channel", "symbols"] | ["channel", "symbols", "type"]),
        "{command}"
    );
    let symbols: Vec<_> =
        data["symbols"].as_array().unwrap().iter().map(|it| it.as_str().unwrap()).collect();
    let kind = data.get("type").map_or(String::new(), |it| format!(" {}", it.as_str().unwrap()));
    format!("{} {}{kind}", data["channel"].as_str().unwrap(), symbols.join(","))
}

#[test]
fn each_channel_is_asked_for_with_a_command_of_its_own() {
    let config = TickDbConfig::parse(&["AAPL.US", "BTCUSDT"], &["ticker", "trades"]).unwrap();
    let mut venue = TickDb::new(&config, Arc::new(Instruments::new())).unwrap();
    let mut batch = EventBatch::new();
    venue.open(&mut batch);
    let texts = [
        r#"{"cmd":"subscribe","data":{"channel":"ticker","symbols":["AAPL.US","BTCUSDT"]}}"#,
        r#"{"cmd":"subscribe","data":{"channel":"trade","symbols":["AAPL.US","BTCUSDT"]}}"#,
    ];
    assert!(batch.take_commands().eq(texts.map(|text| Command::Send(text.to_owned()))));
    assert_eq!(venue.name(), "tickdb");
    assert_eq!(venue.message_kinds(), ["ticker", "depth", "trade"]);
    assert_eq!(KEEP_ALIVE, r#"{"cmd":"ping"}"#);
}

#[test]
fn symbols_of_one_kind_share_a_command() {
    let mut connection = Connection::new(&["A=crypto", "B", "C=stock", "D=crypto"], &["depth"]);
    assert_eq!(connection.open(), ["depth A,D crypto", "depth B", "depth C stock"]);
}

#[test]
fn long_lists_are_cut() {
    let symbols: Vec<_> = (0..=2 * SYMBOLS_PER_COMMAND).map(|it| format!("S{it}")).collect();
    let symbols: Vec<_> = symbols.iter().map(String::as_str).collect();
    let mut connection = Connection::new(&symbols, &["trade"]);
    let lengths: Vec<_> = connection.open().iter().map(|it| it.split(',').count()).collect();
    assert_eq!(lengths, [50, 50, 1]);
}

#[test]
fn what_cannot_work_is_found_before_a_connection() {
    let new = |config: &TickDbConfig| TickDb::new(config, Arc::new(Instruments::new())).err();
    let mut config = TickDbConfig::default();
    assert_eq!(new(&config), Some(ConfigError::NoSymbols));
    config.symbols = vec!["A".to_owned(), "0A".to_owned()];
    assert_eq!(new(&config), Some(ConfigError::DuplicateSymbol { symbol: "0A".to_owned() }));
    config.symbols.pop();
    assert_eq!(new(&config), Some(ConfigError::NoChannels));
    config.channels = vec![Channel::Depth];
    assert!(new(&config).is_none());
    config.kinds = HashMap::from([("B".to_owned(), ProductKind::Crypto)]);
    assert_eq!(new(&config), Some(ConfigError::KindWithoutSymbol { symbol: "B".to_owned() }));
}

/// The answers to `ticker A.US,B.US` and `depth A.US,B.US`, and how many make it complete.
#[track_caller]
fn check_acks(answers: &[&str], expected: &[Inbound]) {
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
    connection.open();
    let heard: Vec<_> = answers.iter().map(|answer| connection.hear(answer)).collect();
    assert_eq!(heard, expected, "{answers:?}");
    assert!(connection.sent().is_empty());
}

const ACKED: Inbound = Inbound::Ack { complete: false };
const COMPLETE: Inbound = Inbound::Ack { complete: true };
const SURPLUS: Inbound = Inbound::Ignored("surplus_ack");

#[test]
fn one_answer_a_command_is_enough() {
    check_acks(&[ACK, ACK], &[ACKED, COMPLETE]);
    let bare = r#"{"cmd":"subscribe","code":"0"}"#;
    check_acks(&[bare, bare], &[ACKED, COMPLETE]);
    let null = r#"{"cmd":"subscribe","code":0,"message":null,"data":null}"#;
    check_acks(&[null, null], &[ACKED, COMPLETE]);
}

#[test]
fn answers_may_come_in_any_order_when_they_name_their_channel() {
    let ticker = r#"{"cmd":"subscribe","code":0,"data":{"channel":"ticker"}}"#;
    let depth = r#"{"cmd":"subscribe","code":0,"data":{"channel":"depth"}}"#;
    check_acks(&[depth, ticker], &[ACKED, COMPLETE]);
    check_acks(&[depth, depth, ticker], &[ACKED, SURPLUS, COMPLETE]);
}

#[test]
fn answers_may_come_by_symbol() {
    let of = |channel: &str, symbol: &str| {
        let data = format!(r#"{{"channel":"{channel}","symbol":"{symbol}"}}"#);
        format!(r#"{{"cmd":"subscribe","code":0,"message":"success","data":{data}}}"#)
    };
    let answers =
        [of("depth", "B.US"), of("ticker", "A"), of("depth", "A.US"), of("ticker", "B.US")];
    let answers: Vec<_> = answers.iter().map(String::as_str).collect();
    check_acks(&answers, &[ACKED, ACKED, ACKED, COMPLETE]);
    let both = r#"{"cmd":"subscribe","code":0,"data":{"symbols":["A.US","B.US"]}}"#;
    check_acks(&[both, both], &[ACKED, COMPLETE]);
    check_acks(&[ACK, ACK, ACK, ACK], &[ACKED, COMPLETE, SURPLUS, SURPLUS]);
}

#[test]
fn data_may_come_before_the_answer_or_without_one() {
    check_acks(
        &[DATA, ACK, DATA, ACK, DATA],
        &[Inbound::Data(0), ACKED, Inbound::Data(0), COMPLETE, Inbound::Data(0)],
    );
    check_acks(&[DATA, DATA], &[Inbound::Data(0), Inbound::Data(0)]);
}

/// One refusal of the first command of two (ticker and depth of A.US and B.US).
#[track_caller]
fn check_code(code: &str, expected: Action, again: &[&str]) {
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
    connection.open();
    assert_eq!(connection.refuse(code, "words", ""), expected, "{code}");
    assert_eq!(connection.sent(), [""; 0], "{code}");
    assert_eq!(connection.open(), again, "{code} after a reconnect");
}

/// The same where it is the only command.
#[track_caller]
fn check_only(code: &str, expected: Action) {
    let mut connection = Connection::new(&["A.US", "B.US"], &["depth"]);
    connection.open();
    assert_eq!(connection.refuse(code, "words", ""), expected, "{code}");
}

const TICKER: &str = "ticker A.US,B.US";
const DEPTH: &str = "depth A.US,B.US";

#[test]
fn a_refused_key_or_address_and_a_used_quota_stop_the_run() {
    for code in ["1001", "1002", "1003", "3002", "401", "\"1001\""] {
        check_code(code, Action::Stop, &[TICKER, DEPTH]);
    }
    let mut connection = Connection::new(&["A"], &["depth"]);
    let body = r#"{"code":1001,"message":"Invalid or expired token"}"#;
    let refusal = connection.refused(body);
    assert_eq!((refusal.code, refusal.action), (1001, Action::Stop));
    assert_eq!(refusal.message, "Invalid or expired token; check TICKDB_API_KEY");
    let body = r#"{"code":1003,"message":"IP address not in whitelist"}"#;
    assert!(
        connection.refused(body).message.ends_with("add this address to the key's IP whitelist")
    );
    assert_eq!(connection.refused(r#"{"code":403}"#).action, Action::Stop);
}

#[test]
fn a_channel_outside_the_plan_is_dropped_for_good() {
    for code in ["1004", "403"] {
        check_code(code, Action::Continue, &[DEPTH]);
        check_only(code, Action::Stop);
    }
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth", "trade"]);
    connection.open();
    let named = r#""channel":"trade""#;
    assert_eq!(connection.refuse("1004", "Permission denied", named), Action::Continue);
    assert_eq!(connection.open(), [TICKER, DEPTH]);
    assert_eq!(connection.refused(r#"{"cmd":"ping","code":1004}"#).action, Action::Continue);
}

#[test]
fn a_bad_parameter_is_not_asked_for_again() {
    for code in ["2001", "400", "4002", "4001"] {
        check_code(code, Action::Continue, &[DEPTH]);
        check_only(code, Action::Stop);
    }
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker"]);
    connection.open();
    let unknown = r#"{"cmd":"unknown","code":4001,"message":"Unknown command"}"#;
    assert_eq!(connection.refused(unknown).action, Action::Continue);
    assert_eq!(connection.open(), [TICKER], "it may have been about the keep-alive");
}

#[test]
fn a_rate_limit_waits_unless_something_flows() {
    for code in ["3001", "429"] {
        check_code(code, WAIT_60_S, &[TICKER, DEPTH]);
        for flowing in [ACK, DATA] {
            let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
            connection.open();
            connection.hear(flowing);
            assert_eq!(connection.refuse(code, "slow down", ""), Action::Continue);
            assert_eq!(connection.open(), [TICKER, DEPTH]);
        }
    }
}

#[test]
fn too_many_connections_wait_long() {
    check_code("3003", WAIT_90_S, &[TICKER, DEPTH]);
}

#[test]
fn too_many_subscriptions_leave_what_is_subscribed() {
    check_code("3004", Action::Continue, &[TICKER, DEPTH]);
    check_only("3004", WAIT_60_S);
}

#[test]
fn an_unavailable_channel_comes_back_with_the_next_connection() {
    check_code("4003", Action::Continue, &[TICKER, DEPTH]);
    check_code("4004", Action::Continue, &[TICKER, DEPTH]);
    check_only("4003", WAIT_60_S);
    let mut connection = Connection::new(&["A.US"], &["trade", "depth"]);
    connection.open();
    assert_eq!(connection.refuse("4003", "not now", ""), Action::Continue);
    assert_eq!(connection.hear(ACK), COMPLETE, "the trades' own answer was still to come");
    assert_eq!(connection.refuse("4004", "not now", ""), WAIT_60_S, "nothing is left");
}

#[test]
fn a_fault_at_the_venue_connects_again() {
    for code in ["5000", "5001", "5002", "500", "503"] {
        check_code(code, WAIT_1_S, &[TICKER, DEPTH]);
    }
}

#[test]
fn an_unknown_code_is_reported_and_changes_nothing() {
    for code in ["2003", "2004", "9999", "-1", "\"OOPS\"", "true", "1.5"] {
        check_code(code, Action::Continue, &[TICKER, DEPTH]);
        check_only(code, Action::Continue);
    }
    let mut connection = Connection::new(&["A"], &["depth"]);
    connection.open();
    let refusal = connection.refused(r#"{"cmd":"subscribe","code":"OOPS","message":"odd\u0007"}"#);
    assert_eq!((refusal.code, refusal.complete), (-1, true));
    assert_eq!(refusal.message, "OOPS: odd; a code that is not documented");
    let long = format!(r#"{{"code":9999,"message":"{}"}}"#, "é".repeat(10_000));
    assert!(connection.refused(&long).message.chars().count() < 300);
}

#[test]
fn an_unknown_symbol_is_dropped_and_the_rest_asked_for_again() {
    let by_data = ("symbol not found", r#""symbol":"B.US""#);
    let by_market = ("symbol not found", r#""channel":"ticker","symbol":"B""#);
    let by_message = ("Symbol B.US: not found.", "");
    let by_both = ("no such symbol: 'B.US'", r#""symbols":["A.US","B.US","C.US"]"#);
    for (message, data) in [by_data, by_market, by_message, by_both] {
        let mut connection = Connection::new(&["A.US", "B.US", "C.US"], &["ticker"]);
        connection.open();
        assert_eq!(connection.refuse("2002", message, data), Action::Continue);
        assert_eq!(connection.sent(), ["ticker A.US,C.US"]);
        assert_eq!(connection.hear(ACK), COMPLETE);
        assert_eq!(connection.open(), ["ticker A.US,C.US"]);
    }
}

#[test]
fn a_partial_success_needs_nothing_more() {
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker"]);
    connection.open();
    assert_eq!(connection.hear(ACK), COMPLETE);
    let data = r#""symbol":"B.US""#;
    assert_eq!(connection.refuse("2002", "symbol not found", data), Action::Continue);
    assert_eq!(connection.sent(), [""; 0], "the rest was accepted");
    assert_eq!(connection.open(), ["ticker A.US"]);
}

#[test]
fn every_channel_that_named_an_unknown_symbol_is_asked_again() {
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
    connection.open();
    let data = r#""symbol":"B.US""#;
    assert_eq!(connection.refuse("2002", "symbol not found", data), Action::Continue);
    assert_eq!(connection.refuse("2002", "symbol not found", data), Action::Continue);
    assert_eq!(connection.sent(), ["ticker A.US", "depth A.US"]);
    assert_eq!(connection.refuse("2002", "symbol not found", data), Action::Continue);
    assert_eq!(connection.sent(), [""; 0], "what is dropped is not dropped again");
    let mut unnamed = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
    unnamed.open();
    unnamed.refuse("2002", "symbol B.US not found", "");
    unnamed.sent();
    unnamed.refuse("2002", "symbol not found", r#""channel":"depth""#);
    assert_eq!(unnamed.sent(), ["depth A.US"], "the one at fault is known already");
}

#[test]
fn an_unknown_symbol_without_a_name_is_found_by_halves() {
    let mut connection = Connection::new(&["A", "B", "C", "D"], &["ticker"]);
    connection.open();
    assert_eq!(connection.refuse("2002", "symbol not found", ""), Action::Continue);
    assert_eq!(connection.sent(), ["ticker A,B", "ticker C,D"]);
    assert_eq!(connection.hear(ACK), ACKED);
    let all = r#""symbols":["C","D"]"#;
    assert_eq!(connection.refuse("2002", "symbol not found", all), Action::Continue);
    assert_eq!(connection.sent(), ["ticker C", "ticker D"]);
    assert_eq!(connection.hear(ACK), ACKED);
    let frame = r#"{"cmd":"subscribe","code":2002,"message":"symbol not found"}"#;
    let refusal = connection.refused(frame);
    assert_eq!((refusal.action, refusal.complete), (Action::Continue, true));
    assert_eq!(refusal.message, "symbol not found; unknown symbol; D dropped");
    assert_eq!(connection.open(), ["ticker A,B,C"]);
}

#[test]
fn nothing_but_unknown_symbols_stops_the_run() {
    let mut connection = Connection::new(&["A", "B"], &["ticker", "depth"]);
    connection.open();
    assert_eq!(connection.refuse("2002", "A B: not found", ""), Action::Stop);
}

#[test]
fn an_ambiguous_symbol_is_asked_for_with_the_kind_its_market_says() {
    for (code, message) in
        [("\"AMBIGUOUS_SYMBOL\"", "B.US"), ("2001", "AMBIGUOUS_SYMBOL: B.US needs type")]
    {
        let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
        connection.open();
        assert_eq!(connection.refuse(code, message, ""), Action::Continue);
        assert_eq!(connection.sent(), ["ticker A.US", "ticker B.US stock"]);
        assert_eq!(connection.refuse(code, message, ""), Action::Continue);
        assert_eq!(connection.sent(), ["depth A.US", "depth B.US stock"]);
        assert_eq!(connection.refuse(code, message, ""), Action::Continue);
        assert_eq!(connection.sent(), [""; 0], "asked with its kind: no more to try");
        assert_eq!(connection.open(), ["ticker A.US", "depth A.US"]);
    }
}

#[test]
fn an_ambiguous_symbol_without_a_kind_is_dropped_with_advice() {
    let mut connection = Connection::new(&["A", "TON"], &["ticker"]);
    connection.open();
    let frame = r#"{"cmd":"subscribe","code":"AMBIGUOUS_SYMBOL","message":"which?","data":{"symbol":"TON"}}"#;
    let refusal = connection.refused(frame);
    assert_eq!((refusal.code, refusal.action), (-1, Action::Continue));
    assert_eq!(
        refusal.message,
        "AMBIGUOUS_SYMBOL: which?; symbol of several markets; TON dropped: say which kind it is, \
         as in TON=stock"
    );
    assert_eq!(connection.sent(), ["ticker A"]);
    assert_eq!(connection.open(), ["ticker A"]);
}

#[test]
fn an_ambiguous_symbol_of_a_known_kind_was_asked_for_with_it_and_is_dropped() {
    let mut connection = Connection::new(&["TON=crypto", "A"], &["ticker"]);
    assert_eq!(connection.open(), ["ticker TON crypto", "ticker A"]);
    assert_eq!(connection.refuse("\"AMBIGUOUS_SYMBOL\"", "", ""), Action::Continue);
    assert_eq!(connection.open(), ["ticker A"]);
}

#[test]
fn a_reconnect_asks_for_everything_that_is_still_wanted() {
    let mut connection = Connection::new(&["A.US", "B.US"], &["ticker", "depth"]);
    assert_eq!(connection.open(), [TICKER, DEPTH]);
    assert_eq!(connection.hear(ACK), ACKED);
    assert_eq!(connection.open(), [TICKER, DEPTH]);
    assert_eq!(connection.hear(ACK), ACKED, "answers to the last connection do not count");
    assert_eq!(connection.hear(ACK), COMPLETE);
}
