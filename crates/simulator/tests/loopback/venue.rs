//! A venue's recording over real sockets: subscriptions, cuts, and HTTP on the same port.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tickring_capture::LineWriter;
use tickring_simulator::{
    Cuts, Ending, Feed, HttpFaults, Simulator, SimulatorConfig, Speed, VenueReport,
};
use tungstenite::Message;

use crate::harness::{Client, End, WaitingTime, serve, serve_on};
use crate::session::recorded;

fn venue(name: &str, paths: &[&Path]) -> SimulatorConfig {
    SimulatorConfig::new(Feed::Venue {
        protocol: name.parse().unwrap(),
        paths: paths.iter().copied().map(PathBuf::from).collect(),
        speed: Speed::Max,
        start_after: None,
        get_wait_ms_max: 5_000,
    })
}

fn starting_after(commands: u32, mut config: SimulatorConfig) -> SimulatorConfig {
    if let Feed::Venue { start_after, .. } = &mut config.feed {
        *start_after = Some(commands);
    }
    config
}

fn written<T: AsRef<[u8]>>(frames: &[T]) -> NamedTempFile {
    let mut writer = LineWriter::new("session", NamedTempFile::new().unwrap());
    for (index, frame) in (1..).zip(frames) {
        writer.write_frame(1_000 * index, frame.as_ref()).unwrap();
    }
    writer.finish().unwrap()
}

fn connect(address: SocketAddr) -> Client {
    Client::try_connect(address, "/stream").unwrap()
}

fn subscribe(client: &mut Client, streams: &[&str]) {
    let command = json!({ "method": "SUBSCRIBE", "params": streams, "id": 1 });
    client.send(&command.to_string());
    assert_eq!(client.json(), json!({ "result": null, "id": 1 }));
}

fn trade(symbol: &str, id: usize) -> String {
    trade_of(symbol, id, 0)
}

fn trade_of(symbol: &str, id: usize, size: usize) -> String {
    let pad = "x".repeat(size);
    format!(r#"{{"stream":"{symbol}@trade","data":{{"e":"trade","t":{id},"pad":"{pad}"}}}}"#)
}

fn id_of(message: &Value) -> usize {
    usize::try_from(message["data"]["t"].as_u64().unwrap()).unwrap()
}

/// Ids up to the end of the connection, however it came.
fn ids_to_the_end(client: &mut Client) -> Vec<usize> {
    let mut ids = Vec::new();
    while let Ok(message) = client.read() {
        match message {
            Message::Text(text) => ids.push(id_of(&serde_json::from_str(&text).unwrap())),
            Message::Close(_) => break,
            _ => {}
        }
    }
    ids
}

/// Status, head and body of a GET.
fn get(address: SocketAddr, path: &str) -> (u16, String, String) {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n"))
}

fn request(address: SocketAddr, text: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    assert!(head.contains(&format!("Content-Length: {}\r\nConnection: close", body.len())));
    (status, head.to_owned(), body.to_owned())
}

#[test]
fn each_client_gets_what_it_subscribed_to_and_nothing_else() {
    let frames = [trade("a", 1), trade("b", 2), trade("c", 3), trade("a", 4), "ack".to_owned()];
    let file = written(&frames);
    let config = starting_after(2, venue("binance-spot", &[file.path()]));
    let report = serve(config, |address| {
        let (mut first, mut second) = (connect(address), connect(address));
        subscribe(&mut first, &["a@trade", "b@trade"]);
        first.expect_silence();
        subscribe(&mut second, &["a@trade", "no@such"]);
        assert_eq!(
            [first.text(), first.text(), first.text()],
            [0, 1, 3].map(|it| frames[it].clone())
        );
        assert_eq!([second.text(), second.text()], [0, 3].map(|it| frames[it].clone()));
        first.expect_silence();
        second.expect_silence();
    });
    let report = report.unwrap();
    let expected = VenueReport {
        commands: 2,
        frames_played: 5,
        frames_unclaimed: 2,
        is_complete: true,
        ..VenueReport::default()
    };
    assert_eq!(report.venue, Some(expected));
    assert_eq!((report.frames_sent, report.connections, report.subscriptions), (5, 2, 4));
}

#[test]
fn without_a_number_the_recording_begins_when_all_seems_to_be_said() {
    let file = written(&[trade("a", 1), trade("b", 2)]);
    let time = WaitingTime::new(1);
    let report = serve_on(&time, venue("binance-spot", &[file.path()]), |address| {
        let mut client = connect(address);
        subscribe(&mut client, &["a@trade"]);
        subscribe(&mut client, &["b@trade"]);
        assert_eq!([id_of(&client.json()), id_of(&client.json())], [1, 2]);
        assert!(time_ns(&time) >= 100_000_000);
    });
    assert_eq!(report.unwrap().frames_sent, 2);
}

fn time_ns(time: &WaitingTime) -> u64 {
    tickring_simulator::Time::now_ns(time)
}

#[test]
fn who_unsubscribes_gets_no_more_and_the_recording_waits_for_somebody() {
    let file = written(&(0..100_000).map(|id| trade("a", id)).collect::<Vec<_>>());
    let config = starting_after(1, venue("binance-spot", &[file.path()]));
    let report = serve(config, |address| {
        let mut client = connect(address);
        subscribe(&mut client, &["a@trade"]);
        client.send(r#"{"method":"UNSUBSCRIBE","params":["a@trade"],"id":2}"#);
        let mut seen = 0;
        loop {
            let message = client.json();
            if message.get("result").is_some() {
                break;
            }
            assert_eq!(id_of(&message), seen);
            seen += 1;
        }
        client.expect_silence();
        client.send(r#"{"method":"SUBSCRIBE","params":["a@trade"],"id":3}"#);
        assert_eq!(client.json()["id"], 3);
        for id in seen..100_000 {
            assert_eq!(id_of(&client.json()), id);
        }
    });
    assert_eq!(report.unwrap().frames_sent, 100_000);
}

const FRAMES: usize = 20_000;

/// Plays trades to a client that comes back after each cut; what it got on each connection.
fn play_with_cuts(
    ending: Ending,
    count: u32,
) -> (Vec<Vec<usize>>, tickring_simulator::SimulatorReport) {
    let file = written(&(0..FRAMES).map(|id| trade_of("a", id, 500)).collect::<Vec<_>>());
    let mut config = starting_after(1, venue("binance-spot", &[file.path()]));
    config.faults.cuts = Cuts { count, ending };
    let mut parts = Vec::new();
    let report = serve(config, |address| {
        for _ in 0..count {
            let mut client = connect(address);
            subscribe(&mut client, &["a@trade"]);
            parts.push(ids_to_the_end(&mut client));
        }
        let mut client = connect(address);
        subscribe(&mut client, &["a@trade"]);
        let mut last = Vec::new();
        while last.last() != Some(&(FRAMES - 1)) {
            last.push(id_of(&client.json()));
        }
        parts.push(last);
    });
    (parts, report.unwrap())
}

#[test]
fn a_cut_of_the_socket_loses_what_was_in_flight_and_says_how_much() {
    let (parts, report) = play_with_cuts(Ending::Tcp, 3);
    let venue = report.venue.unwrap();
    assert_eq!((venue.cuts, report.connections), (3, 4));
    let received: usize = parts.iter().map(Vec::len).sum();
    assert_eq!(report.frames_sent, FRAMES as u64, "each frame was handed out once");
    assert_eq!(received as u64, report.frames_sent - venue.frames_undelivered);
    for (nth, part) in parts.iter().enumerate() {
        // Who comes back misses nothing but what was in flight.
        assert_eq!(part[0], FRAMES * nth / 4, "part {nth}");
        assert!(part.windows(2).all(|it| it[1] == it[0] + 1), "part {nth}");
    }
    assert!(venue.frames_undelivered == 0 || report.bytes_undelivered > 0);
}

#[test]
fn a_cut_with_a_close_frame_loses_nothing() {
    let (parts, report) = play_with_cuts(Ending::CloseFrame(1012), 2);
    let venue = report.venue.unwrap();
    assert_eq!((venue.cuts, venue.frames_undelivered, report.bytes_undelivered), (2, 0, 0));
    assert_eq!(parts.concat(), (0..FRAMES).collect::<Vec<_>>());
}

#[test]
fn a_slow_client_holds_up_the_others_and_nothing_is_skipped() {
    let frames: Vec<_> = (0..2_000).map(|id| trade_of("a", id, 10_000)).collect();
    let file = written(&frames);
    let config = starting_after(2, venue("binance-spot", &[file.path()]));
    let report = serve(config, |address| {
        let (mut slow, mut quick) = (connect(address), connect(address));
        subscribe(&mut slow, &["a@trade"]);
        subscribe(&mut quick, &["a@trade"]);
        let (begun, begins) = std::sync::mpsc::sync_channel(1);
        let taken = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let reader = || {
                for id in 0..2_000 {
                    assert_eq!(id_of(&quick.json()), id);
                    if id == 100 {
                        begun.send(()).unwrap();
                    }
                }
                // Relaxed: a number alone. Sockets hold less than all 20 MB.
                assert!(taken.load(Ordering::Relaxed) > 0);
            };
            std::thread::Builder::new().spawn_scoped(scope, reader).unwrap();
            begins.recv().unwrap();
            for id in 0..2_000 {
                assert_eq!(id_of(&slow.json()), id);
                taken.fetch_add(1, Ordering::Relaxed);
            }
        });
    });
    assert_eq!(report.unwrap().frames_sent, 4_000);
}

#[test]
fn a_connection_is_told_before_it_is_closed_for_its_age() {
    let file = written(&[trade("a", 1)]);
    let mut config = venue("binance-spot", &[file.path()]);
    config.faults.age_ms_max = Some(3_000);
    config.faults.notice_ms = Some(2_000);
    let time = WaitingTime::new(10);
    let report = serve_on(&time, config, |address| {
        let mut client = connect(address);
        subscribe(&mut client, &["a@trade"]);
        let (texts, end) = client.drain();
        assert_eq!(id_of(&texts[0]), 1);
        assert_eq!(texts[1]["data"]["e"], "serverShutdown");
        assert_eq!(end, End::Frame(1001, "time is over".to_owned()));
    });
    assert_eq!(report.unwrap().venue.unwrap().notices, 1);
}

#[test]
fn clients_are_pinged_every_20_seconds() {
    let file = written(&[trade("a", 1)]);
    let time = WaitingTime::new(200);
    let report = serve_on(&time, venue("binance-usdm", &[file.path()]), |address| {
        let mut client = connect(address);
        assert!(matches!(client.read().unwrap(), Message::Ping(_)));
        assert!(time_ns(&time) >= 20_000_000_000);
    });
    report.unwrap();
}

const DIFF: &str =
    r#"{"stream":"a@depth","data":{"e":"depthUpdate","s":"A","U":5,"u":6,"b":[],"a":[]}}"#;
const SNAPSHOT: &str = r#"{"lastUpdateId":5,"bids":[["1","2"]],"asks":[]}"#;
const DEPTH: &str = "/api/v3/depth?symbol=A&limit=5000";

#[test]
fn the_recording_waits_at_a_snapshot_until_somebody_asks_for_it() {
    let after = DIFF.replace(r#""U":5,"u":6"#, r#""U":7,"u":9"#);
    let file = written(&[DIFF, SNAPSHOT, &after]);
    let mut config = starting_after(1, venue("binance-spot", &[file.path()]));
    if let Feed::Venue { get_wait_ms_max, .. } = &mut config.feed {
        *get_wait_ms_max = 60_000_000;
    }
    let report = serve(config, |address| {
        let mut client = connect(address);
        subscribe(&mut client, &["a@depth"]);
        assert_eq!(client.text(), DIFF);
        client.expect_silence();
        let (status, _, body) = get(address, DEPTH);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, body), (200, serde_json::from_str(SNAPSHOT).unwrap()));
        assert_eq!(client.text(), after);
        let (_, _, body) = get(address, DEPTH);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["lastUpdateId"], 9, "the book as it is now");
    });
    let venue = report.unwrap().venue.unwrap();
    assert_eq!((venue.gets, venue.gets_missing), (2, 0));
}

#[test]
fn at_full_speed_frames_wait_while_an_answer_is_being_read_but_not_while_it_is_held_back() {
    for (delay_ms, waits) in [(0, true), (10_000_000, false)] {
        let mut frames = vec![DIFF.to_owned(), SNAPSHOT.to_owned()];
        frames.extend((0..10).map(|id| trade("a", id)));
        let file = written(&frames);
        let mut config = starting_after(1, venue("binance-spot", &[file.path()]));
        config.faults.http.delay_ms = delay_ms;
        let report = serve(config, |address| {
            let mut client = connect(address);
            subscribe(&mut client, &["a@depth", "a@trade"]);
            assert_eq!(client.text(), DIFF);
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET {DEPTH} HTTP/1.1\r\n\r\n").unwrap();
            if waits {
                let mut body = Vec::new();
                stream.read_to_end(&mut body).unwrap();
                client.expect_silence();
                drop(stream);
            }
            (0..10).for_each(|id| assert_eq!(id_of(&client.json()), id));
        });
        assert_eq!(report.unwrap().venue.unwrap().frames_played, 12);
    }
}

#[test]
fn a_snapshot_that_nobody_asks_for_is_passed_over_in_time() {
    let after = DIFF.replace(r#""U":5,"u":6"#, r#""U":7,"u":9"#);
    let file = written(&[DIFF, SNAPSHOT, &after]);
    let time = WaitingTime::new(10);
    let config = starting_after(1, venue("binance-spot", &[file.path()]));
    let report = serve_on(&time, config, |address| {
        let mut client = connect(address);
        subscribe(&mut client, &["a@depth"]);
        assert_eq!([client.text(), client.text()], [DIFF, &after]);
        assert!(time_ns(&time) >= 5_000_000_000);
    });
    let venue = report.unwrap().venue.unwrap();
    assert_eq!((venue.gets_missing, venue.is_complete), (1, true));
}

#[test]
fn http_is_answered_on_the_same_port_with_the_faults_asked_for() {
    let file = written(&[SNAPSHOT]);
    let mut config = venue("binance-spot", &[file.path()]);
    config.faults.http = HttpFaults {
        too_many: 1,
        retry_after_s: Some(3),
        unavailable: 1,
        garbage: 1,
        delay_ms: 40,
    };
    let time = WaitingTime::new(10);
    let report = serve_on(&time, config, |address| {
        let (status, head, _) = get(address, DEPTH);
        assert_eq!(status, 429);
        assert!(head.contains("Retry-After: 3"), "{head}");
        assert!(time_ns(&time) >= 40_000_000);
        assert_eq!(get(address, DEPTH).0, 503);
        let (status, _, body) = get(address, DEPTH);
        assert!(status == 200 && serde_json::from_str::<Value>(&body).is_err(), "{body}");
        assert_eq!(get(address, "/nowhere").0, 404);
        assert_eq!(get(address, "/api/v3/depth").0, 400);
        assert_eq!(request(address, "POST / HTTP/1.1\r\n\r\n").0, 405);
        assert_eq!(get(address, DEPTH).0, 503, "nothing of it was played in time");
    });
    let venue = report.unwrap().venue.unwrap();
    assert_eq!((venue.gets, venue.gets_refused), (0, 6));
}

/// A client's book, by nothing but the venue's own recipe.
#[derive(Default)]
struct Copy {
    sides: [BTreeMap<u64, (String, String)>; 2],
    last: u64,
    is_continued: bool,
    gaps: usize,
    applied: u64,
}

impl Copy {
    fn set(&mut self, levels: [&Value; 2]) {
        for (side, levels) in self.sides.iter_mut().zip(levels) {
            for level in levels.as_array().unwrap() {
                let (price, quantity) = (level[0].as_str().unwrap(), level[1].as_str().unwrap());
                let (whole, fraction) = price.split_once('.').unwrap();
                let key = format!("{whole}{fraction:0<8}").parse().unwrap();
                if quantity.bytes().all(|it| matches!(it, b'0' | b'.')) {
                    side.remove(&key);
                } else {
                    side.insert(key, (price.to_owned(), quantity.to_owned()));
                }
            }
        }
    }

    fn seed(&mut self, body: &Value) {
        *self = Self {
            last: body["lastUpdateId"].as_u64().unwrap(),
            gaps: self.gaps,
            ..Self::default()
        };
        self.set([&body["bids"], &body["asks"]]);
    }

    fn diff(&mut self, data: &Value) {
        let number = |name: &str| data[name].as_u64().unwrap();
        let (first, last) = (number("U"), number("u"));
        let previous = data["pu"].as_u64();
        let is_old = if previous.is_some() { last < self.last } else { last <= self.last };
        if is_old {
            return;
        }
        let continues = match (previous, self.is_continued) {
            (None, true) => first == self.last + 1,
            (None, false) => first <= self.last + 1,
            (Some(previous), true) => previous == self.last,
            (Some(_), false) => first <= self.last,
        };
        self.gaps += usize::from(!continues);
        (self.last, self.is_continued) = (last, true);
        self.applied += 1;
        self.set([&data["b"], &data["a"]]);
    }

    fn top(&self) -> Value {
        let pair = |(price, quantity): &(String, String)| json!([price, quantity]);
        let bids: Vec<_> = self.sides[0].values().rev().take(5).map(pair).collect();
        let asks: Vec<_> = self.sides[1].values().take(5).map(pair).collect();
        json!({ "bids": bids, "asks": asks })
    }
}

/// Follows a whole recorded session as a live client would, over as many cuts.
#[track_caller]
fn check_session(name: &str, file: &str, symbol: &str, cuts: u32) {
    let Some(path) = recorded(file) else { return };
    let expected = path.parent().unwrap().join("../expected");
    let expected = expected.join(file.replace('/', "__").replace(".gz", ".json"));
    let expected: Value =
        serde_json::from_str(&std::fs::read_to_string(expected).unwrap()).unwrap();
    let expected = &expected["books"][symbol];
    let mut config = starting_after(1, venue(name, &[&path]));
    config.faults.cuts = Cuts { count: cuts, ending: Ending::Tcp };
    let path = match name {
        "binance-spot" => format!("/api/v3/depth?symbol={symbol}&limit=5000"),
        _ => format!("/fapi/v1/depth?symbol={symbol}&limit=1000"),
    };
    let stream = format!("{}@depth@100ms", symbol.to_ascii_lowercase());
    let mut copy = Copy::default();
    let report = serve(config, |address| {
        for _ in 0..=cuts {
            let mut client = connect(address);
            subscribe(&mut client, &[&stream]);
            let first = client.json();
            assert_eq!(first["stream"], stream);
            let (status, _, body) = get(address, &path);
            assert_eq!(status, 200, "{body}");
            copy.seed(&serde_json::from_str(&body).unwrap());
            copy.diff(&first["data"]);
            while copy.last != expected["last_sequence"].as_u64().unwrap() {
                match client.read() {
                    Ok(Message::Text(text)) => {
                        copy.diff(&serde_json::from_str::<Value>(&text).unwrap()["data"]);
                    }
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
    });
    assert_eq!(copy.gaps, 0);
    assert_eq!(copy.top(), expected["top5"]);
    let counts = &expected["counts"];
    let levels = json!([copy.sides[0].len(), copy.sides[1].len()]);
    if cuts == 0 {
        assert_eq!(copy.applied, counts["applied"].as_u64().unwrap());
        assert_eq!(levels, expected["levels"]);
    }
    let report = report.unwrap();
    let venue = report.venue.unwrap();
    assert_eq!((venue.cuts, venue.gets, venue.gets_missing), (cuts, u64::from(cuts) + 1, 0));
    assert_eq!(report.frames_sent, counts["depth_events"].as_u64().unwrap());
}

#[test]
fn a_live_client_ends_with_the_book_of_the_recording() {
    check_session("binance-spot", "binance-spot/btcusdt_20240808.gz", "BTCUSDT", 0);
    check_session("binance-usdm", "binance-usdm/btcusdt_20240808.gz", "BTCUSDT", 0);
}

#[test]
fn a_live_client_ends_with_the_book_of_the_recording_although_it_was_cut() {
    check_session("binance-spot", "binance-spot/ethusdt_20240808.gz", "ETHUSDT", 3);
    check_session("binance-usdm", "binance-usdm/btcusdt_20240808.gz", "BTCUSDT", 2);
}

#[test]
fn a_venue_that_nobody_speaks_for_and_restarts_of_a_recording_are_refused() {
    let file = written(&[trade("a", 1)]);
    let mut config = venue("binance-spot", &[file.path()]);
    config.restarts.count = 1;
    assert!(Simulator::bind(config).unwrap_err().to_string().contains("no restarts"));
    let empty = written::<&str>(&[]);
    let error = Simulator::bind(venue("binance-spot", &[empty.path()])).unwrap_err();
    assert!(error.to_string().contains("no frame is recorded"), "{error}");
}
