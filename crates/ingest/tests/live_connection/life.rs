//! Connecting, leaving, waiting, and connecting again.

use std::net::TcpListener;

use tickring_event::{ConnectionId, ConnectionState};
use tickring_ingest::{
    Action, ConnectionTally, Inbound, KeepAlive, Notice, Refusal, Source, SourceError,
};
use tickring_metrics::Clock;
use tungstenite::Message;

use crate::support::{Driver, Saw, accept, accept_tcp, answer_http, eager, listen, serve};

const FIRST: ConnectionId = ConnectionId(0);

/// Reads until the other side closes; whether it did so by a close frame.
fn is_closed_orderly(socket: &mut tungstenite::WebSocket<std::net::TcpStream>) -> bool {
    loop {
        match socket.read() {
            Ok(Message::Close(_)) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

#[test]
fn a_mute_connection_is_stale_then_closed_then_opened_again() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        let orderly = is_closed_orderly(&mut socket);
        (orderly, accept(&listener))
    });
    let mut config = eager(url);
    config.keep_alive = Some(KeepAlive { text: "ping!".to_owned(), interval_ms: 20 });
    config.silence_ms_max = 60;
    let mut driver = Driver::new(config);
    assert_eq!(driver.until(ConnectionState::Connecting).attempt, 1);
    driver.until(ConnectionState::Connected);
    driver.until(ConnectionState::Stale);
    assert!(driver.said.iter().any(|it| matches!(it, Notice::Stale { silence_ms: 60.. })));
    assert!(driver.reason().contains("nothing came for"));
    assert_eq!(driver.until(ConnectionState::Connecting).attempt, 2);
    driver.until(ConnectionState::Connected);
    assert_eq!(driver.source.tally(), ConnectionTally { attempts: 2, reconnects: 1 });
    assert!(server.join().unwrap().0, "the first connection was closed by a close frame");
}

#[test]
fn protocol_pongs_are_life() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        // Twenty keep-alives are two times the silence allowed.
        for _ in 0..20 {
            assert!(socket.read().unwrap().is_text());
            socket.send(Message::Pong(Vec::new().into())).unwrap();
        }
        socket.send(Message::text("done")).unwrap();
        socket
    });
    let mut config = eager(url);
    config.keep_alive = Some(KeepAlive { text: "ping!".to_owned(), interval_ms: 20 });
    config.silence_ms_max = 200;
    let mut driver = Driver::new(config);
    assert_eq!(driver.frame(), b"done");
    drop(server.join().unwrap());
}

#[test]
fn commands_that_nothing_follows_end_the_connection() {
    let (listener, url) = listen();
    let server = serve(move || (accept(&listener), accept(&listener)));
    let mut config = eager(url);
    config.subscribe_ms_max = 20;
    let mut driver = Driver::new(config);
    driver.until(ConnectionState::Connected);
    driver.ask("subscribe");
    assert!(driver.reason().contains("nothing was answered within"));
    driver.until(ConnectionState::Connected);
    drop(server.join().unwrap());
}

#[test]
fn data_without_an_ack_is_said_once_and_the_connection_stays() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        assert!(socket.read().unwrap().is_text());
        socket.send(Message::text("data")).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text("heard"));
        socket
    });
    let mut config = eager(url);
    config.subscribe_ms_max = 20;
    let mut driver = Driver::new(config);
    driver.until(ConnectionState::Connected);
    driver.ask("subscribe");
    assert_eq!(driver.frame(), b"data");
    driver.source.answer(FIRST, &Inbound::Data(0)).unwrap();
    let unanswered = |it: &&Notice| matches!(it, Notice::Unanswered { waited_ms: 20.. });
    while driver.said.iter().filter(unanswered).count() == 0 {
        assert_eq!(driver.turn().unwrap(), Saw::Idle);
    }
    for _ in 0..3 {
        assert_eq!(driver.turn().unwrap(), Saw::Idle);
    }
    assert_eq!(driver.said.iter().filter(unanswered).count(), 1);
    driver.ask("heard");
    drop(server.join().unwrap());
}

#[test]
fn the_last_ack_is_said_once() {
    let (listener, url) = listen();
    let server = serve(move || accept(&listener));
    let mut driver = Driver::new(eager(url));
    driver.until(ConnectionState::Connected);
    driver.ask("subscribe");
    for complete in [false, true, true] {
        driver.source.answer(FIRST, &Inbound::Ack { complete }).unwrap();
    }
    driver.hear();
    assert_eq!(driver.said.iter().filter(|it| **it == Notice::Subscribed).count(), 1);
    drop(server.join().unwrap());
}

#[test]
fn retry_after_is_honoured() {
    const RESPONSE: &str =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    let (listener, url) = listen();
    let server = serve(move || {
        answer_http(&listener, RESPONSE);
        accept(&listener)
    });
    let (clock, time) = Clock::mock();
    let mut driver = Driver::with_clock(eager(url), clock);
    assert_eq!(driver.until(ConnectionState::Disconnected).code, 429);
    let delay_ms = driver.said.iter().find_map(|it| match it {
        Notice::Waiting { delay_ms } => Some(*delay_ms),
        _ => None,
    });
    let delay_ms = delay_ms.unwrap();
    assert!((7_000..=7_001).contains(&delay_ms), "{delay_ms}");
    time.advance_ns(delay_ms * 1_000_000 - 1);
    assert_eq!(driver.turn().unwrap(), Saw::Idle);
    assert_eq!(driver.source.tally().attempts, 1);
    time.advance_ns(1);
    driver.until(ConnectionState::Connected);
    drop(server.join().unwrap());
}

#[track_caller]
fn check_delay(response: &'static str, delay_ms_min: u64) {
    let (listener, url) = listen();
    let server = serve(move || answer_http(&listener, response));
    let (clock, _) = Clock::mock();
    let mut driver = Driver::with_clock(eager(url), clock);
    driver.until(ConnectionState::Disconnected);
    let expected = |it: &Notice| match it {
        Notice::Waiting { delay_ms } => (delay_ms_min..=delay_ms_min + 1).contains(delay_ms),
        _ => false,
    };
    assert!(driver.said.iter().any(expected), "{:?}", driver.said);
    server.join().unwrap();
}

#[test]
fn an_answer_without_a_usable_retry_after_is_waited_for_by_its_status() {
    check_delay("HTTP/1.1 429 Too Many Requests\r\n\r\n", 60_000);
    check_delay("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\n", 3_000);
    check_delay("HTTP/1.1 503 Service Unavailable\r\nRetry-After: soon\r\n\r\n", 0);
    check_delay("HTTP/1.1 503 Service Unavailable\r\nRetry-After: 99999999\r\n\r\n", 3_600_000);
    check_delay("HTTP/1.1 404 Not Found\r\n\r\n", 0);
}

#[track_caller]
fn check_refused(response: &'static str, expected: &[&str]) {
    let (listener, url) = listen();
    let server = serve(move || answer_http(&listener, response));
    let error = Driver::new(eager(url)).error();
    assert!(matches!(error, SourceError::Refused(_)), "{error:?}");
    for part in expected {
        assert!(error.to_string().contains(part), "{error}");
    }
    server.join().unwrap();
}

#[test]
fn a_refused_key_stops_the_source() {
    let body = "HTTP/1.1 401 Unauthorized\r\n\r\n{\"code\":1001}";
    check_refused(body, &["HTTP 401", "{\"code\":1001}", "check the API key"]);
    check_refused("HTTP/1.1 403 Forbidden\r\n\r\n", &["HTTP 403", "check the API key"]);
}

#[test]
fn a_redirect_is_not_followed() {
    check_refused(
        "HTTP/1.1 301 Moved\r\nLocation: ws://elsewhere/v2?api_key=abc\r\n\r\n",
        &["redirects to ws://elsewhere/v2 (HTTP 301)", "not followed"],
    );
}

#[test]
fn attempts_end_where_the_configuration_says() {
    let (listener, url) = listen();
    drop(listener);
    let mut config = eager(url);
    config.attempts_max = Some(3);
    let mut driver = Driver::new(config);
    let error = driver.error().to_string();
    assert!(error.contains("gave up after 3 attempts") && error.contains("connect"), "{error}");
    assert_eq!(driver.source.tally(), ConnectionTally { attempts: 3, reconnects: 0 });
}

/// Fails once, opens once for `lasted_ms` with data, then fails until the source gives up after two
/// failures in a row. How many sockets that took.
#[track_caller]
fn check_health(lasted_ms: u64, attempts: u64) {
    let (listener, url) = listen();
    let (close, may_close) = std::sync::mpsc::sync_channel(1);
    serve(move || {
        drop(accept_tcp(&listener));
        let mut socket = accept(&listener);
        socket.send(Message::text("data")).unwrap();
        may_close.recv().unwrap();
        drop(socket);
        loop {
            drop(accept_tcp(&listener));
        }
    });
    let (clock, time) = Clock::mock();
    let mut config = eager(url);
    config.attempts_max = Some(2);
    let mut driver = Driver::with_clock(config, clock);
    driver.until(ConnectionState::Disconnected);
    time.advance_ns(1_000_000);
    assert_eq!(driver.frame(), b"data");
    driver.source.answer(FIRST, &Inbound::Data(0)).unwrap();
    time.advance_ns(lasted_ms * 1_000_000);
    close.send(()).unwrap();
    while let Ok(saw) = driver.turn() {
        if matches!(saw, Saw::Status(status) if status.state == ConnectionState::Disconnected) {
            time.advance_ns(1_000_000);
        }
    }
    assert_eq!(driver.source.tally().attempts, attempts);
}

#[test]
fn only_a_connection_that_carried_data_and_lasted_starts_the_count_over() {
    check_health(29_999, 2);
    check_health(30_000, 4);
}

#[test]
fn a_handshake_that_never_ends_is_given_up() {
    let (listener, url) = listen();
    let server = serve(move || accept_tcp(&listener));
    let mut config = eager(url);
    config.handshake_ms_max = 60;
    let mut driver = Driver::new(config);
    assert!(driver.reason().contains("the handshake took too long"));
    drop(server.join().unwrap());
}

#[test]
fn connections_that_serve_nothing_come_with_a_hint() {
    const TIMES: usize = 6;
    let (listener, url) = listen();
    let server = serve(move || {
        for _ in 0..TIMES {
            let mut socket = accept(&listener);
            socket.close(None).unwrap();
            while socket.read().is_ok() {}
        }
    });
    let mut driver = Driver::new(eager(url));
    for time in 1..=TIMES {
        let reason = driver.reason();
        assert_eq!(reason.contains("connections in a row"), time >= 5, "{time}: {reason}");
    }
    server.join().unwrap();
}

fn refusal(action: Action) -> Inbound {
    let message = "too many connections".to_owned();
    Inbound::from(Refusal { code: 3_003, message, action, complete: false })
}

#[test]
fn a_refusal_ends_the_connection_or_the_source_or_nothing() {
    let (listener, url) = listen();
    let server = serve(move || accept(&listener));
    let (clock, _) = Clock::mock();
    let mut driver = Driver::with_clock(eager(url), clock);
    driver.until(ConnectionState::Connected);
    driver.source.answer(FIRST, &refusal(Action::Continue)).unwrap();
    assert_eq!(driver.turn().unwrap(), Saw::Idle);
    let stop = driver.source.answer(FIRST, &refusal(Action::Stop)).unwrap_err().to_string();
    assert!(stop.contains("3003 (too many connections)") && stop.contains("check"), "{stop}");
    driver.source.answer(FIRST, &refusal(Action::Reconnect { delay_ms_min: 9_000 })).unwrap();
    assert_eq!(driver.until(ConnectionState::Disconnected).code, 3_003);
    let waits = |it: &Notice| matches!(it, Notice::Waiting { delay_ms: 9_000..=9_001 });
    assert!(driver.said.iter().any(waits), "{:?}", driver.said);
    drop(server.join().unwrap());
}

#[test]
fn a_dropped_source_says_goodbye_in_the_middle_of_a_feed() {
    let (listener, url) = listen();
    let server = serve(move || {
        let mut socket = accept(&listener);
        // In more pieces than there are waits for a close.
        for _ in 0..50 {
            for _ in 0..20 {
                socket.write(Message::text("x".repeat(500))).unwrap();
            }
            socket.flush().unwrap();
        }
        is_closed_orderly(&mut socket)
    });
    let mut driver = Driver::new(eager(url));
    driver.frame();
    drop(driver);
    assert!(server.join().unwrap());
}

#[test]
fn every_address_of_a_name_is_tried() {
    // `localhost` is often an IPv6 address first, and nobody listens there.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = serve(move || accept(&listener));
    let mut driver = Driver::new(eager(format!("ws://localhost:{port}/")));
    driver.until(ConnectionState::Connected);
    drop(server.join().unwrap());
}
