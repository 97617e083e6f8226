//! What a venue allows is kept to, whatever happens.

use tickring_event::{ConnectionId, ConnectionState, InstrumentId};
use tickring_ingest::{Command, KeepAlive, Limit, LiveConfig, Source};
use tickring_metrics::{Clock, MockClock};

use crate::support::{Driver, Saw, accept, eager, listen, serve};

const MS: u64 = 1_000_000;
const SECOND_MS: u64 = 1_000;

#[test]
fn a_server_that_accepts_and_drops_is_tried_no_more_often_than_allowed() {
    let (listener, url) = listen();
    serve(move || {
        loop {
            drop(accept(&listener));
        }
    });
    let limit = Limit { count: 8, window_ms: 10 * SECOND_MS };
    let (clock, time) = Clock::mock();
    let config = LiveConfig { attempts: Some(limit), ..eager(url) };
    let mut driver = Driver::with_clock(config, clock.clone());
    let start = clock.ticks();
    let mut attempted_ms = Vec::new();
    loop {
        let now_ms = clock.elapsed_ns(start, clock.ticks()) / MS;
        if now_ms > 60 * SECOND_MS {
            break;
        }
        let resting = match driver.turn().unwrap() {
            Saw::Status(status) if status.state == ConnectionState::Connecting => {
                attempted_ms.push(now_ms);
                false
            }
            Saw::Status(status) => status.state == ConnectionState::Disconnected,
            _ => attempted_ms.len() % 8 == 0,
        };
        // While a socket is being opened, time stands still: only waits take time here.
        if resting {
            time.advance_ns(250 * MS);
        }
    }
    for (index, start_ms) in attempted_ms.iter().enumerate() {
        let within = |it: &&u64| **it <= start_ms + limit.window_ms;
        let count = attempted_ms[index..].iter().take_while(within).count();
        assert!(count <= limit.count as usize, "{count} from {start_ms} ms on: {attempted_ms:?}");
    }
    assert!(attempted_ms.len() >= 6 * 8 - 2, "{attempted_ms:?}");
    assert_eq!(driver.source.tally().attempts, attempted_ms.len() as u64);
}

/// A connection to a server that hands over every text it gets.
fn connected(config: impl FnOnce(&mut LiveConfig)) -> (Driver, MockClock, impl FnMut() -> String) {
    let (listener, url) = listen();
    let (told, heard) = std::sync::mpsc::sync_channel(16);
    serve(move || {
        let mut socket = accept(&listener);
        while let Ok(message) = socket.read() {
            if message.is_text() && told.send(message.to_string()).is_err() {
                return;
            }
        }
    });
    let (clock, time) = Clock::mock();
    let mut live = eager(url);
    live.silence_ms_max = 100_000_000;
    config(&mut live);
    let mut driver = Driver::with_clock(live, clock);
    driver.until(ConnectionState::Connected);
    let patience = std::time::Duration::from_secs(20);
    (driver, time, move || heard.recv_timeout(patience).unwrap())
}

fn idle(driver: &mut Driver) {
    assert!(matches!(driver.turn().unwrap(), Saw::Idle));
}

#[test]
fn messages_above_the_limit_wait_for_their_turn_and_keep_alives_go_first() {
    let (mut driver, time, mut heard) = connected(|it| {
        it.messages = Some(Limit { count: 2, window_ms: SECOND_MS });
        it.keep_alive = Some(KeepAlive { text: "ping".to_owned(), interval_ms: 900 });
    });
    ["1", "2", "3", "4"].iter().for_each(|text| driver.ask(text));
    idle(&mut driver);
    assert_eq!([heard(), heard()], ["1", "2"]);
    // The keep-alive is due, but may not be sent yet.
    time.advance_ns(950 * MS);
    idle(&mut driver);
    time.advance_ns(51 * MS);
    idle(&mut driver);
    assert_eq!([heard(), heard()], ["ping", "3"]);
    time.advance_ns(1_001 * MS);
    idle(&mut driver);
    assert_eq!([heard(), heard()], ["ping", "4"]);
}

#[test]
fn a_command_that_had_to_wait_has_all_its_time_for_an_answer() {
    let (mut driver, time, mut heard) = connected(|it| {
        it.messages = Some(Limit { count: 1, window_ms: 9 * SECOND_MS });
        it.subscribe_ms_max = 10 * SECOND_MS;
    });
    ["1", "2", "3"].iter().for_each(|text| driver.ask(text));
    for text in ["1", "2", "3"] {
        idle(&mut driver);
        assert_eq!(heard(), text);
        time.advance_ns(9_001 * MS);
    }
    idle(&mut driver);
    assert!(
        !driver.said.iter().any(|it| matches!(it, tickring_ingest::Notice::Disconnected { .. }))
    );
    time.advance_ns(1_000 * MS);
    assert!(driver.reason().contains("nothing was answered"));
}

#[test]
fn books_are_started_over_no_more_often_than_allowed() {
    let (mut driver, time, mut heard) = connected(|it| {
        it.resyncs = Some(Limit { count: 1, window_ms: 5 * SECOND_MS });
    });
    for (index, book) in (0..).zip(["A", "B"]) {
        let texts = vec![format!("leave {book}"), format!("join {book}")];
        let instrument = InstrumentId::new(index);
        driver.source.command(ConnectionId(0), Command::Resync { instrument, texts });
    }
    driver.ask("other");
    idle(&mut driver);
    assert_eq!([heard(), heard(), heard()], ["leave A", "join A", "other"]);
    time.advance_ns(5_001 * MS);
    idle(&mut driver);
    assert_eq!([heard(), heard()], ["leave B", "join B"]);
    // A came; B is asked for again, since it did not.
    driver.source.snapshot_came(ConnectionId(0), InstrumentId::new(0));
    time.advance_ns(30_000 * MS);
    idle(&mut driver);
    assert_eq!([heard(), heard()], ["leave B", "join B"]);
    time.advance_ns(29_000 * MS);
    driver.ask("last");
    assert_eq!(heard(), "last");
}
