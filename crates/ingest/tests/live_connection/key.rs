//! The API key reaches the venue and nobody else.

use tickring_event::{ConnectionId, ConnectionState};
use tickring_ingest::{Action, ApiKey, Inbound, LiveConfig, LiveSource, Notice, Refusal, Source};
use tickring_metrics::Clock;
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::support::{Driver, accept, answer_http, eager, listen, serve};

const KEY: &str = "s3cret/K=y+1";
const ENCODED: &str = "s3cret%2FK%3Dy%2B1";

/// Everything that was given away, as people and debuggers would see it.
fn check_silent(driver: &mut Driver, errors: &[String]) {
    driver.hear();
    let mut shown = format!("{:?} {errors:?} {:?}", driver.said, driver.source);
    driver.said.iter().for_each(|notice| shown.push_str(&notice.to_string()));
    for secret in [KEY, ENCODED, "s3cret", &ENCODED.to_lowercase()] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("[redacted]"), "{shown}");
}

/// Every way by which a venue could make us repeat the key.
fn echo_everywhere(config: LiveConfig, listener: std::net::TcpListener) -> String {
    let server = serve(move || {
        let echo = format!("key {KEY} {ENCODED} s3cret%2fK=y%2b1");
        let head = "HTTP/1.1 500 Oops\r\n\r\n";
        let request = answer_http(&listener, &format!("{head}{echo}"));
        let mut socket = accept(&listener);
        let reason = echo.as_str().into();
        socket.close(Some(CloseFrame { code: CloseCode::Policy, reason })).unwrap();
        while socket.read().is_ok() {}
        let socket = accept(&listener);
        let head = format!("HTTP/1.1 401 No\r\nLocation: ws://{KEY}\r\n\r\n");
        answer_http(&listener, &format!("{head}{echo}"));
        drop(socket);
        request
    });
    let mut driver = Driver::new(config);
    driver.reason();
    driver.reason();
    driver.until(ConnectionState::Connected);
    driver.ask(&format!("subscribe {KEY}"));
    let refused = |action| {
        let message = format!("bad key {KEY}");
        Inbound::from(Refusal { code: 1_001, message, action, complete: false })
    };
    let stop = driver.source.answer(ConnectionId(0), &refused(Action::Stop)).unwrap_err();
    let again = refused(Action::Reconnect { delay_ms_min: 0 });
    driver.source.answer(ConnectionId(0), &again).unwrap();
    let fatal = driver.error();
    let errors = [&stop, &fatal].map(|error| format!("{error} {error:?}"));
    check_silent(&mut driver, &errors);
    assert!(driver.said.iter().any(|it| matches!(it, Notice::Sent { .. })));
    server.join().unwrap()
}

#[test]
fn a_configured_key_is_in_the_request_and_in_no_text() {
    let (listener, url) = listen();
    let mut config = eager(format!("{url}?channel=depth"));
    config.key = Some(ApiKey::new(KEY));
    let request = echo_everywhere(config, listener);
    let expected = format!("GET /v1/realtime?channel=depth&api_key={ENCODED} HTTP/1.1");
    assert_eq!(request, expected);
}

#[test]
fn a_key_inside_the_url_is_in_the_request_and_in_no_text() {
    let (listener, url) = listen();
    let request = echo_everywhere(eager(format!("{url}?api_key={ENCODED}&a=1")), listener);
    assert_eq!(request, format!("GET /v1/realtime?api_key={ENCODED}&a=1 HTTP/1.1"));
}

#[test]
fn a_wrong_configuration_does_not_show_the_key() {
    for url in ["http://h/?api_key=s3cret/K=y+1", "ws://s3cret/K=y+1@h", "ws://s3cret@h", "s3cret"]
    {
        let mut config = LiveConfig::new(url, None);
        config.key = Some(ApiKey::new(KEY));
        config.silence_ms_max = 0;
        let shown = format!("{config:?}");
        let (sender, _) = tickring_ingest::notices();
        let error = LiveSource::new(config, Clock::mock().0, sender, 1).unwrap_err();
        let shown = format!("{shown} {error} {error:?}");
        assert!(!shown.contains(KEY) && !shown.contains(ENCODED), "{shown}");
    }
}
