use std::collections::HashMap;
use std::net::TcpStream;
use std::thread;

use serde_json::{Value, json};
use tickring_simulator::{
    Channel, KeyCheck, SimulatorConfig, SimulatorError, Time, record_session,
};
use tungstenite::Error;

use crate::harness::{Client, SYMBOLS, WaitingTime, generated, numbered, serve, serve_on};

/// Sending begins when all six pairs are subscribed.
fn from_the_start(profile: &str) -> SimulatorConfig {
    SimulatorConfig { start_after_subscriptions: 6, ..generated(profile) }
}

#[test]
fn each_pair_is_numbered_from_one_without_a_gap() {
    let report = serve(generated("steady:2000"), |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        let mut last: HashMap<_, u64> = HashMap::new();
        for _ in 0..600 {
            let (pair, number) = numbered(&client.data());
            let last = last.entry(pair).or_default();
            *last += 1;
            assert_eq!(number, *last);
        }
        assert_eq!(last.len(), 6);
    });
    let report = report.unwrap();
    assert_eq!((report.connections, report.subscriptions, report.refused), (1, 6, 0));
    assert_eq!(report.frames_numbered, report.frames_sent + report.frames_while_away);
    let last: u64 = report.last_numbers.iter().map(|last| last.number).sum();
    assert_eq!((report.last_numbers.len(), last), (6, report.frames_numbered));
}

#[test]
fn nothing_is_pushed_before_a_subscription_and_acknowledgements_come_first() {
    let report = serve(generated("steady:100000"), |address| {
        let mut client = Client::connect(address);
        client.send(r#"{"cmd":"ping"}"#);
        assert_eq!(client.json()["cmd"], "pong");
        client.subscribe(Channel::Ticker, &["AAPL.US"]);
        let ack = json!({"cmd": "subscribe", "code": 0, "message": "success", "data": {}});
        assert_eq!(client.json(), ack);
        for number in 1..100 {
            let message = client.json();
            let expected = (("AAPL.US".to_owned(), "ticker".to_owned()), number);
            assert_eq!(numbered(&message), expected);
        }
    });
    assert_eq!(report.unwrap().pings, 1);
}

#[test]
fn a_client_receives_what_record_session_writes() {
    let config = SimulatorConfig { frames_max: Some(500), ..from_the_start("steady:20000") };
    let mut session = Vec::new();
    assert_eq!(record_session(&config, &mut session).unwrap(), 500);
    let session = String::from_utf8(session).unwrap();
    let recorded: Vec<&str> = session.lines().map(|line| line.split_once(' ').unwrap().1).collect();
    let report = serve(config, |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        for _ in Channel::ALL {
            client.expect_ack();
        }
        for expected in recorded {
            assert_eq!(client.text(), expected);
        }
    });
    let report = report.unwrap();
    assert_eq!((report.frames_sent, report.frames_while_away), (500, 0));
    let bytes = session.lines().map(|line| line.split_once(' ').unwrap().1.len() as u64);
    assert_eq!(report.bytes_sent, bytes.sum::<u64>());
}

#[test]
fn after_the_last_message_pings_are_still_answered() {
    let config = SimulatorConfig { frames_max: Some(10), ..from_the_start("steady:100000") };
    let report = serve(config, |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        for _ in 0..10 {
            client.data();
        }
        for _ in 0..3 {
            client.send(r#"{"cmd":"ping"}"#);
            assert_eq!(client.json()["cmd"], "pong");
        }
    });
    assert_eq!(report.unwrap().frames_numbered, 10);
}

#[test]
fn what_is_wrong_is_answered_with_its_code() {
    let config = SimulatorConfig { channels: vec![Channel::Ticker], ..generated("steady:1") };
    let report = serve(config, |address| {
        let mut client = Client::connect(address);
        client.expect_code(r#"{"cmd":"login"}"#, "unknown", 4001);
        client.expect_code("{", "unknown", 4002);
        let subscribe = |data: &str| format!(r#"{{"cmd":"subscribe","data":{data}}}"#);
        let kline = subscribe(r#"{"channel":"kline","symbols":["AAPL.US"]}"#);
        client.expect_code(&kline, "subscribe", 2001);
        let depth = subscribe(r#"{"channel":"depth","symbols":["AAPL.US"]}"#);
        client.expect_code(&depth, "subscribe", 1004);
        client.subscribe(Channel::Ticker, &["AAPL.US", "\"X\"", "MSFT.US"]);
        let data = json!({"channel": "ticker", "symbols": ["\"X\"", "MSFT.US"]});
        let reply =
            json!({"cmd": "subscribe", "code": 2002, "message": "Symbol not found", "data": data});
        client.expect_reply(&reply);
    });
    let report = report.unwrap();
    assert_eq!((report.refused, report.subscriptions), (5, 0));
}

#[test]
fn an_unsubscribed_pair_is_no_longer_sent() {
    let report = serve(generated("steady:1000"), |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        for channel in ["ticker", "depth"] {
            let data = json!({"channel": channel, "symbols": SYMBOLS});
            client.send(&json!({"cmd": "unsubscribe", "data": data}).to_string());
        }
        while client.reply()["cmd"] != "unsubscribe" {}
        client.reply();
        for _ in 0..50 {
            assert_eq!(client.json()["cmd"], "trade");
        }
    });
    assert!(report.unwrap().frames_while_away > 0);
}

#[track_caller]
fn check_refused(config: SimulatorConfig, path: &str, status: u16, code: Option<u64>) {
    let report = serve(config, |address| {
        let Err(Error::Http(response)) = Client::try_connect(address, path) else {
            panic!("no HTTP answer");
        };
        assert_eq!(response.status().as_u16(), status);
        let body = response.body().clone().unwrap_or_default();
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(body["code"].as_u64(), code);
    });
    let report = report.unwrap();
    assert_eq!((report.connections, report.connections_refused), (0, 1));
}

#[test]
fn a_wrong_path_or_key_is_refused_at_the_handshake() {
    let exactly = || {
        let api_key = KeyCheck::Exactly("right".to_owned());
        SimulatorConfig { api_key, ..generated("steady:1") }
    };
    check_refused(exactly(), "/v1/realtime", 401, Some(1002));
    check_refused(exactly(), "/v1/realtime?api_key=wrong", 401, Some(1001));
    check_refused(exactly(), "/v1/other?api_key=right", 404, None);
    check_refused(generated("steady:1"), "/v1/realtime?api_key=", 401, Some(1002));
    let report = serve(exactly(), |address| {
        Client::try_connect(address, "/v1/realtime?api_key=right").unwrap();
    });
    assert_eq!(report.unwrap().connections, 1);
}

#[test]
fn a_client_that_does_not_shake_hands_holds_nobody_up() {
    let report = serve(generated("steady:1000"), |address| {
        let silent = TcpStream::connect(address).unwrap();
        let (mut first, mut second) = (Client::connect(address), Client::connect(address));
        first.subscribe(Channel::Trade, &["BTCUSDT"]);
        second.subscribe(Channel::Depth, &["AAPL.US"]);
        for _ in 0..20 {
            assert_eq!(first.data()["cmd"], "trade");
            assert_eq!(second.data()["cmd"], "depth");
        }
        drop(silent);
    });
    assert_eq!(report.unwrap().connections, 2);
}

#[test]
fn a_slow_client_gets_everything() {
    // Some 20 MB, more than the sockets take.
    const FRAMES: u64 = 80_000;
    let config = SimulatorConfig { frames_max: Some(FRAMES), ..from_the_start("burst:100000@1s") };
    let time = WaitingTime::new(1);
    let report = serve_on(&time, config, |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        // It reads nothing until the server has waited for it: this clock runs at no other time.
        let subscribed_ns = time.now_ns();
        while time.now_ns() < subscribed_ns + 100_000_000 {
            thread::yield_now();
        }
        let mut last: HashMap<_, u64> = HashMap::new();
        for _ in 0..FRAMES {
            let (pair, number) = numbered(&client.data());
            let last = last.entry(pair).or_default();
            *last += 1;
            assert_eq!(number, *last);
        }
    });
    let report = report.unwrap();
    assert_eq!((report.frames_sent, report.bytes_undelivered), (FRAMES, 0));
    // All were due at once, and this clock runs only while the server waits.
    assert!(report.behind_ns_max > 0);
}

#[test]
fn the_run_ends_after_its_duration() {
    let config = SimulatorConfig { duration_ms: Some(200), ..from_the_start("steady:1000") };
    let report = serve(config, |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        let (texts, _) = client.drain();
        assert!(texts.len() > 3, "{}", texts.len());
    });
    let report = report.unwrap();
    assert!((1..=200).contains(&report.frames_numbered), "{}", report.frames_numbered);
    assert_eq!(report.bytes_undelivered, 0);
}

#[track_caller]
fn check_config(change: impl FnOnce(&mut SimulatorConfig), expected: &str) {
    let mut config = generated("open");
    change(&mut config);
    let error = tickring_simulator::Simulator::bind(config).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn what_cannot_be_served_is_refused_before_listening() {
    check_config(
        |config| config.listen = "0.0.0.0:0".parse().unwrap(),
        "0.0.0.0:0 is not a loopback address",
    );
    check_config(|config| config.channels.clear(), "expected at least one channel");
    check_config(|config| config.faults.depth_levels = Some(51), "expected 1 to 50 depth levels");
    check_config(
        |config| config.restarts.count = 1,
        "restarts need a distance in frames, a number of frames or a duration",
    );
    let error = record_session(&generated("open"), std::io::sink()).unwrap_err();
    assert!(matches!(error, SimulatorError::Config(_)), "{error}");
}
