use std::collections::HashMap;
use std::net::SocketAddr;
use std::thread;

use tickring_simulator::{Ending, Restarts, SimulatorConfig};

use crate::harness::{Client, End, generated, numbered, serve};

/// Waits for the server to listen again. No pause is needed: a refused connection costs nothing.
fn reconnect(address: SocketAddr) -> Client {
    while std::net::TcpStream::connect(address).is_err() {
        thread::yield_now();
    }
    Client::connect(address)
}

#[test]
fn a_restart_makes_numbers_jump_by_what_was_sent_while_away() {
    const FRAMES: u64 = 2_000;
    let restarts = Restarts { count: 3, down_ms: 20, every_frames: None };
    let config = SimulatorConfig {
        frames_max: Some(FRAMES),
        restarts,
        start_after_subscriptions: 6,
        ..generated("steady:2000")
    };
    let report = serve(config, |address| {
        let mut last: HashMap<_, u64> = HashMap::new();
        let (mut received, mut missing, mut complete) = (0, 0, false);
        for connection in 0..4 {
            let mut client = reconnect(address);
            client.subscribe_all();
            let texts = if connection < 3 {
                let (texts, end) = client.drain();
                assert_eq!(end, End::Frame(1001, "going away".to_owned()));
                texts
            } else {
                // The last message of all has a number that the sum of the last ones reveals.
                let mut texts = Vec::new();
                while !complete {
                    let message = client.data();
                    let (pair, number) = numbered(&message);
                    let mut sum = last.clone();
                    for text in &texts {
                        let (pair, number) = numbered(text);
                        sum.insert(pair, number);
                    }
                    sum.insert(pair, number);
                    complete = sum.values().sum::<u64>() == FRAMES;
                    texts.push(message);
                }
                texts
            };
            for text in texts.iter().filter(|text| text.get("code").is_none()) {
                let (pair, number) = numbered(text);
                let last = last.entry(pair).or_default();
                assert!(number > *last, "nothing comes twice or late");
                missing += number - *last - 1;
                received += 1;
                *last = number;
            }
        }
        assert_eq!(received + missing, FRAMES);
        assert!(missing >= 3 * 20, "2000 a second for at least 20 ms three times: {missing}");
    });
    let report = report.unwrap();
    assert_eq!((report.restarts, report.connections, report.frames_numbered), (3, 4, FRAMES));
    assert_eq!(report.frames_sent + report.frames_while_away, FRAMES);
    assert_eq!(report.bytes_undelivered, 0);
}

#[test]
fn a_restart_may_come_without_a_word() {
    let restarts = Restarts { count: 1, down_ms: 0, every_frames: Some(100) };
    let mut config = SimulatorConfig { restarts, ..generated("steady:5000") };
    config.faults.ending = Ending::Tcp;
    let report = serve(config, |address| {
        let mut client = Client::connect(address);
        client.subscribe_all();
        let (texts, end) = client.drain();
        assert_eq!(end, End::Tcp);
        assert!(texts.len() >= 100, "{}", texts.len());
        // The server goes once its clients have gone.
        drop(client);
        reconnect(address);
    });
    assert_eq!(report.unwrap().restarts, 1);
}

#[test]
fn a_second_run_starts_over_on_the_same_port() {
    use std::sync::atomic::AtomicBool;

    let mut simulator = tickring_simulator::Simulator::bind(generated("open")).unwrap();
    let (address, stopped) = (simulator.local_addr(), AtomicBool::new(true));
    for _ in 0..2 {
        simulator.run(&|| 0, &stopped).unwrap();
        assert_eq!(simulator.local_addr(), address);
    }
}
