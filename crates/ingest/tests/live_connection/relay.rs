//! Two connections that relieve each other.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tickring_event::{ConnectionId, ConnectionState, Status};
use tickring_ingest::{
    Command, ConnectionTally, Inbound, Incoming, LiveConfig, RelaySource, Source, notices,
};
use tickring_metrics::{Clock, MockClock};
use tungstenite::Message;

use crate::support::{accept, eager, listen, serve};

const MS: u64 = 1_000_000;
const AGE_MS: u64 = 24_000;
const FIRST: ConnectionId = ConnectionId(3);
const SECOND: ConnectionId = ConnectionId(4);
const SUBSCRIBED: Inbound = Inbound::Ack { complete: true };

/// What a turn gave, with its connection.
#[derive(Debug, Eq, PartialEq)]
enum Saw {
    Frame(ConnectionId, String),
    State(ConnectionId, ConnectionState),
}

struct Bench {
    source: RelaySource,
    time: MockClock,
    closed: Receiver<u32>,
}

/// Numbers its connections, sends each its number, and tells when one is closed.
fn server(listener: &TcpListener, closed: &SyncSender<u32>) {
    for number in 1_u32.. {
        let mut socket = accept(listener);
        let closed = closed.clone();
        serve(move || {
            socket.send(Message::text(number.to_string())).unwrap();
            while socket.read().is_ok() {}
            closed.send(number).ok();
        });
    }
}

impl Bench {
    fn new(age_ms_max: Option<u64>) -> Self {
        let (listener, url) = listen();
        let (close, closed) = sync_channel(16);
        serve(move || server(&listener, &close));
        let (clock, time) = Clock::mock();
        let config = LiveConfig {
            connection: FIRST,
            age_ms_max,
            overlap_ms_min: 500,
            silence_ms_max: 100_000_000,
            ..eager(url)
        };
        let (sender, _receiver) = notices();
        let source = RelaySource::new(config, clock, sender, 7).unwrap();
        assert_eq!(source.connections(), [FIRST, SECOND]);
        Self { source, time, closed }
    }

    /// The next thing that is not idle, within so many turns.
    fn saw(&mut self, turns: u32) -> Option<Saw> {
        (0..turns).find_map(|_| match self.source.next().unwrap() {
            Incoming::Frame(frame) => {
                let text = String::from_utf8(frame.text.to_vec()).unwrap();
                Some(Saw::Frame(frame.stamp.connection, text))
            }
            Incoming::Status(stamp, Status { state, .. }) => {
                Some(Saw::State(stamp.connection, state))
            }
            _ => None,
        })
    }

    #[track_caller]
    fn expect(&mut self, expected: &[Saw]) {
        for saw in expected {
            assert_eq!(self.saw(20_000).as_ref(), Some(saw));
        }
    }

    #[track_caller]
    fn expect_open(&mut self, connection: ConnectionId, number: u32) {
        self.expect(&[
            Saw::State(connection, ConnectionState::Connecting),
            Saw::State(connection, ConnectionState::Connected),
            Saw::Frame(connection, number.to_string()),
        ]);
    }
}

#[test]
fn the_next_connection_is_open_and_settled_before_the_age_at_which_the_venue_cuts() {
    let mut bench = Bench::new(Some(AGE_MS));
    bench.expect_open(FIRST, 1);
    bench.time.advance_ns((AGE_MS / 24 * 23 - 1) * MS);
    assert_eq!(bench.saw(3), None);
    bench.time.advance_ns(MS);
    bench.expect_open(SECOND, 2);
    bench.time.advance_ns(2_000 * MS);
    assert_eq!(bench.saw(20), None, "not settled before everything is subscribed");
    bench.source.answer(SECOND, &SUBSCRIBED).unwrap();
    bench.time.advance_ns(499 * MS);
    assert_eq!(bench.saw(20), None);
    bench.time.advance_ns(MS);
    bench.expect(&[Saw::State(SECOND, ConnectionState::Settled)]);
    assert!(bench.closed.try_recv().is_err());

    bench.source.command(FIRST, Command::Leave);
    bench.expect(&[Saw::State(FIRST, ConnectionState::Disconnected)]);
    assert_eq!(bench.closed.recv().unwrap(), 1);
    assert_eq!(bench.saw(3), None, "the first is closed for good");
    assert_eq!(bench.source.tally(), ConnectionTally { attempts: 2, reconnects: 1 });

    bench.time.advance_ns(AGE_MS * MS);
    bench.expect_open(FIRST, 3);
}

#[test]
fn a_venue_that_announces_its_end_is_believed() {
    let mut bench = Bench::new(None);
    bench.expect_open(FIRST, 1);
    bench.source.command(FIRST, Command::Renew);
    bench.expect_open(SECOND, 2);
    // Said by the one that is only to take over, it means nothing yet.
    bench.source.command(SECOND, Command::Renew);
    assert_eq!(bench.saw(20), None);
}

#[test]
fn commands_go_to_the_connection_they_are_for() {
    let mut bench = Bench::new(None);
    bench.expect_open(FIRST, 1);
    bench.source.command(SECOND, Command::Send("nobody is there".to_owned()));
    bench.source.command(SECOND, Command::Leave);
    assert_eq!(bench.saw(3), None);
    bench.source.command(FIRST, Command::Renew);
    bench.expect_open(SECOND, 2);
    bench.source.command(SECOND, Command::Leave);
    assert_eq!(bench.saw(20), None, "only the one that leads can be relieved");
}
