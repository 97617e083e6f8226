use std::collections::HashMap;

use serde_json::{Value, json};
use tickring_simulator::{
    Ack, AckData, AckPer, AckWhen, Channel, Disorder, Faults, FirstPush, Form, NumberForm,
    PartialSuccess, PongForm, RefusalForm, RefuseConnections, RefuseSubscription, Shape, Silence,
    Silenced, SimulatorConfig, SymbolForm, TradeForm,
};
use tungstenite::{Error, Message};

use crate::harness::{Client, End, SYMBOLS, generated, numbered, serve};

fn with(profile: &str, faults: Faults) -> SimulatorConfig {
    SimulatorConfig { faults, ..generated(profile) }
}

#[test]
fn a_connection_can_be_refused_by_status_message_or_close_code() {
    let refuse = |refusal, count| {
        let retry_after_s = Some(7);
        let refuse_connections = Some(RefuseConnections { code: 3003, count, retry_after_s });
        with("steady:1", Faults { refusal, refuse_connections, ..Faults::default() })
    };
    let report = serve(refuse(RefusalForm::Http, Some(1)), |address| {
        let path = "/v1/realtime?api_key=k";
        let Err(Error::Http(response)) = Client::try_connect(address, path) else {
            panic!("no HTTP answer");
        };
        assert_eq!(response.status().as_u16(), 429);
        assert_eq!(response.headers()["retry-after"], "7");
        Client::connect(address);
    });
    let report = report.unwrap();
    assert_eq!((report.connections, report.connections_refused), (1, 1));
    let text = json!({"cmd": "connect", "code": 3003, "message": "Too many connections"});
    serve(refuse(RefusalForm::Message, None), |address| {
        let (texts, end) = Client::connect(address).drain();
        assert_eq!(texts, [text]);
        assert_eq!(end, End::Frame(1001, "Too many connections".to_owned()));
    })
    .unwrap();
    serve(refuse(RefusalForm::CloseFrame, None), |address| {
        let (texts, end) = Client::connect(address).drain();
        assert_eq!(texts, [] as [Value; 0]);
        assert_eq!(end, End::Frame(4003, "Too many connections".to_owned()));
    })
    .unwrap();
}

#[test]
fn limits_are_kept() {
    let faults =
        Faults { connections_max: Some(1), subscriptions_max: Some(3), ..Faults::default() };
    serve(with("steady:1", faults), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Ticker, &SYMBOLS);
        client.expect_ack();
        client.subscribe(Channel::Depth, &SYMBOLS);
        assert_eq!(client.reply()["code"], 3004);
        client.subscribe(Channel::Depth, &SYMBOLS[..1]);
        client.expect_ack();
        client.subscribe(Channel::Ticker, &SYMBOLS);
        client.expect_ack();
        let second = Client::try_connect(address, "/v1/realtime?api_key=k");
        assert!(matches!(second, Err(Error::Http(_))));
    })
    .unwrap();
}

#[test]
fn a_channel_can_be_unavailable_and_a_symbol_ambiguous() {
    let unavailable =
        RefuseSubscription { channel: Some(Channel::Depth), symbol: None, code: 4003 };
    let faults = Faults {
        refuse_subscriptions: vec![unavailable],
        ambiguous_symbols: vec!["AAPL.US".to_owned()],
        ..Faults::default()
    };
    serve(with("steady:1", faults), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Depth, &["BTCUSDT"]);
        let suggestion = "Use HTTP API /v1/market/depth for current depth data";
        let data = json!({"channel": "depth", "symbols": ["BTCUSDT"], "suggestion": suggestion});
        let message = "Depth subscriptions temporarily unavailable";
        let reply = json!({"cmd": "subscribe", "code": 4003, "message": message, "data": data});
        client.expect_reply(&reply);
        client.subscribe(Channel::Ticker, &["AAPL.US"]);
        assert_eq!(client.reply()["message"], "AMBIGUOUS_SYMBOL");
        let data = r#"{"channel":"ticker","symbols":["AAPL.US"],"type":"stock"}"#;
        client.send(&format!(r#"{{"cmd":"subscribe","data":{data}}}"#));
        client.expect_ack();
    })
    .unwrap();
}

#[test]
fn good_symbols_of_a_bad_command_are_refused_or_kept() {
    for (partial, subscriptions) in
        [(PartialSuccess::RefuseAll, 0), (PartialSuccess::AcceptKnown, 1)]
    {
        let faults = Faults { partial, ..Faults::default() };
        let report = serve(with("steady:1", faults), |address| {
            let mut client = Client::connect(address);
            client.subscribe(Channel::Ticker, &["AAPL.US", "NONE.US"]);
            let reply = client.reply();
            assert_eq!(
                (&reply["code"], &reply["data"]["symbols"][0]),
                (&json!(2002), &json!("NONE.US"))
            );
        });
        assert_eq!(report.unwrap().subscriptions, subscriptions, "{partial:?}");
    }
}

#[test]
fn acknowledgements_may_come_one_a_symbol() {
    let ack = Ack { per: AckPer::Symbol, data: AckData::Subscription, ..Ack::default() };
    serve(with("steady:1", Faults { ack, ..Faults::default() }), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Trade, &["AAPL.US", "NONE.US", "BTCUSDT"]);
        for (code, symbol) in [(2002, "NONE.US"), (0, "AAPL.US"), (0, "BTCUSDT")] {
            let reply = client.reply();
            let data = json!({"channel": "trade", "symbols": [symbol]});
            assert_eq!((&reply["code"], &reply["data"]), (&json!(code), &data));
        }
    })
    .unwrap();
}

#[test]
fn an_acknowledgement_may_come_after_data_or_never() {
    let when = AckWhen::AfterData { frames: 5 };
    let ack = Ack { when, data: AckData::Absent, ..Ack::default() };
    serve(with("steady:1000", Faults { ack, ..Faults::default() }), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Ticker, &["AAPL.US"]);
        for number in 1..=5 {
            assert_eq!(numbered(&client.json()).1, number);
        }
        assert_eq!(client.json(), json!({"cmd": "subscribe", "code": 0, "message": "success"}));
        assert_eq!(numbered(&client.json()).1, 6);
    })
    .unwrap();
    let ack = Ack { when: AckWhen::Never, ..Ack::default() };
    serve(with("steady:1000", Faults { ack, ..Faults::default() }), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Ticker, &["AAPL.US"]);
        for number in 1..=20 {
            assert_eq!(numbered(&client.json()).1, number);
        }
    })
    .unwrap();
}

#[test]
fn a_pong_may_lack_its_code() {
    serve(with("steady:1", Faults { pong: PongForm::DataOnly, ..Faults::default() }), |address| {
        let mut client = Client::connect(address);
        client.send(r#"{"cmd":"ping"}"#);
        let pong = client.json();
        assert_eq!(pong["cmd"], "pong");
        assert!(pong["data"]["timestamp"].is_u64() && pong.get("code").is_none());
    })
    .unwrap();
}

fn silence(what: Silenced) -> Faults {
    Faults { silence: Some(Silence { what, after_frames: 3 }), ..Faults::default() }
}

#[test]
fn a_connection_can_go_quiet() {
    let report = serve(with("steady:1000", silence(Silenced::Data)), |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        for _ in 0..3 {
            client.data();
        }
        client.send(r#"{"cmd":"ping"}"#);
        while client.reply()["cmd"] != "pong" {}
    });
    let report = report.unwrap();
    assert_eq!(report.frames_sent, 3);
    assert_eq!(report.frames_numbered, 3 + report.frames_withheld + report.frames_while_away);
    let report = serve(with("steady:1000", silence(Silenced::Pongs)), |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        for _ in 0..3 {
            client.data();
        }
        client.send(r#"{"cmd":"ping"}"#);
        for _ in 0..50 {
            assert_ne!(client.json()["cmd"], "pong");
        }
    });
    assert_eq!(report.unwrap().pings, 1);
    serve(with("steady:1000", silence(Silenced::Everything)), |address| {
        let mut frozen = Client::connect(address);
        frozen.subscribe(Channel::Trade, &SYMBOLS);
        for _ in 0..3 {
            frozen.data();
        }
        frozen.send(r#"{"cmd":"ping"}"#);
        let mut other = Client::connect(address);
        other.subscribe(Channel::Trade, &SYMBOLS);
        for _ in 0..3 {
            other.data();
        }
    })
    .unwrap();
}

#[test]
fn a_subscription_may_push_at_once() {
    let faults = Faults { first_push: FirstPush::OnSubscribe, ..Faults::default() };
    serve(with("burst:1@1000s", faults), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Depth, &["AAPL.US"]);
        client.subscribe(Channel::Ticker, &["AAPL.US"]);
        let first = [client.data()["cmd"].clone(), client.data()["cmd"].clone()];
        assert!(first.contains(&json!("depth")) && first.contains(&json!("ticker")), "{first:?}");
    })
    .unwrap();
}

/// Lost, repeated and late numbers in the first `frames` data messages.
fn disorder(disorder: Disorder, frames: u64) -> (u64, u64, u64) {
    let mut counts = (0, 0, 0);
    let faults = Faults { disorder, ..Faults::default() };
    serve(with("steady:10000", faults), |address| {
        let mut client = Client::connect(address);
        client.subscribe(Channel::Ticker, &["AAPL.US"]);
        let mut numbers: Vec<u64> = Vec::new();
        let mut highest = 0;
        for _ in 0..frames {
            let number = numbered(&client.data()).1;
            if numbers.contains(&number) {
                counts.1 += 1;
            } else if number < highest {
                counts.2 += 1;
            }
            highest = highest.max(number);
            numbers.push(number);
        }
        numbers.sort_unstable();
        numbers.dedup();
        counts.0 = highest - numbers.len() as u64;
    })
    .unwrap();
    counts
}

#[test]
fn messages_can_be_lost_repeated_and_swapped() {
    let none = Disorder::default();
    assert_eq!(disorder(none, 99), (0, 0, 0));
    assert_eq!(disorder(Disorder { lose_every: Some(10), ..none }, 99), (10, 0, 0));
    assert_eq!(disorder(Disorder { repeat_every: Some(10), ..none }, 99), (0, 9, 0));
    assert_eq!(disorder(Disorder { swap_every: Some(10), ..none }, 99), (0, 0, 9));
}

#[test]
fn messages_can_take_older_forms() {
    let form = Form {
        numbers: NumberForm::Number,
        shape: Shape::Flat,
        trades: TradeForm::Flat,
        symbols: SymbolForm::WithoutSuffix,
    };
    let faults = Faults { form, depth_levels: Some(3), ..Faults::default() };
    serve(with("steady:1000", faults), |address| {
        let mut client = Client::connect(address);
        for channel in Channel::ALL {
            client.subscribe(channel, &["AAPL.US"]);
        }
        let mut seen: HashMap<String, u64> = HashMap::new();
        while seen.len() < 3 {
            let message = client.data();
            assert_eq!(message["symbol"], "AAPL");
            assert!(message["timestamp"].is_u64());
            let kind = message["type"].as_str().unwrap();
            match kind {
                "depth" => assert_eq!(message["bids"].as_array().unwrap().len(), 3),
                "trade" => assert!(message["price"].is_f64() && message["side"].is_string()),
                _ => assert!(message["last_price"].is_f64()),
            }
            *seen.entry(kind.to_owned()).or_default() += 1;
        }
    })
    .unwrap();
}

#[test]
fn a_connection_can_be_pinged_by_the_server() {
    let faults = Faults { ping_interval_ms: Some(5), ..Faults::default() };
    serve(with("steady:1", faults), |address| {
        let mut client = Client::connect(address);
        for _ in 0..3 {
            assert!(matches!(client.read(), Ok(Message::Ping(_))));
        }
    })
    .unwrap();
}

#[test]
fn a_connection_can_be_closed_for_its_age_or_its_silence() {
    let old = Faults { age_ms_max: Some(20), ..Faults::default() };
    let silent = Faults { silence_ms_max: Some(20), ..Faults::default() };
    for faults in [old, silent] {
        serve(with("steady:1", faults), |address| {
            let (_, end) = Client::connect(address).drain();
            assert_eq!(end, End::Frame(1001, "time is over".to_owned()));
        })
        .unwrap();
    }
}

#[test]
fn a_query_may_subscribe() {
    let faults = Faults { query_subscriptions: true, ..Faults::default() };
    let report = serve(with("steady:1000", faults), |address| {
        let path = "/v1/market/ws?api_key=k&symbol=AAPL.US&symbol=NONE&channel=depth";
        let mut client = Client::try_connect(address, path).unwrap();
        for number in 1..5 {
            let expected = (("AAPL.US".to_owned(), "depth".to_owned()), number);
            assert_eq!(numbered(&client.json()), expected);
        }
    });
    assert_eq!(report.unwrap().subscriptions, 1);
}
