//! Snapshots over HTTP.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tickring_event::{ConnectionId, ConnectionState, InstrumentId};
use tickring_ingest::{
    Command, Fetch, FetchConfig, LiveConfig, LiveSource, Notice, Roots, Source, SourceError,
    fetching, notices,
};
use tickring_metrics::Clock;

use crate::support::{Driver, Saw, accept, eager, listen, serve};

/// Answers one request after the other with these texts; what was asked for.
fn http(answers: Vec<String>) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&asked);
    serve(move || {
        for answer in answers {
            let mut stream = listener.accept().unwrap().0;
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            told.lock().unwrap().push(lines.next().unwrap().unwrap());
            while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    let len = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {len}\r\nConnection: close\r\n\r\n{body}"
    )
}

/// What became of a fetch: the frame, if there was one, what was said, the waits that the venue asked
/// for.
fn fetch(answers: Vec<String>, bytes_max: usize) -> (Option<String>, Vec<Notice>, Vec<Duration>) {
    let (listener, url) = listen();
    let server = serve(move || accept(&listener));
    let count = answers.len();
    let (base_url, asked) = http(answers);
    let (sender, _receiver) = notices();
    let (said, heard) = notices();
    let config = FetchConfig { base_url, roots: Roots::Bundled, body_bytes_max: bytes_max };
    let ([port], fetcher) = fetching(&config, said).unwrap();
    let waits = Arc::new(Mutex::new(Vec::new()));
    let waited = Arc::clone(&waits);
    let fetcher = fetcher.waiting(move |wait| waited.lock().unwrap().push(wait));
    let (done, is_done) = std::sync::mpsc::sync_channel(1);
    let fetcher = fetcher.answering(move || done.send(()).unwrap());
    serve(move || fetcher.run());
    let (clock, time) = Clock::mock();
    let config = LiveConfig { silence_ms_max: u64::MAX / 2_000_000, ..eager(url) };
    let mut driver = Driver::with_clock(config.clone(), clock.clone());
    driver.source = LiveSource::new(config, clock, sender, 7).unwrap().with_fetch(port);
    driver.until(ConnectionState::Connected);
    let request = Fetch {
        instrument: InstrumentId::new(0),
        symbol: "BTCUSDT".to_owned(),
        path: "/depth?limit=9".to_owned(),
    };
    driver.source.command(ConnectionId(0), Command::Fetch(request));
    let (mut frame, mut answered) = (None, 0);
    // What came is at hand once the fetcher says so; two turns more hand it out, or note the failure.
    while answered < count {
        let was_done = is_done.try_recv().is_ok();
        for _ in 0..2 {
            if let Saw::Frame(text) = driver.turn().unwrap() {
                frame = Some(String::from_utf8(text).unwrap());
            }
        }
        if was_done {
            answered += 1;
            assert_eq!(asked.lock().unwrap().len(), answered, "not again before its time");
            // The source asks again, each time after twice the wait.
            time.advance_ns(2_000_000_000 << answered);
        }
    }
    for line in asked.lock().unwrap().iter() {
        assert_eq!(line, "GET /depth?limit=9 HTTP/1.1");
    }
    drop(server.join().unwrap());
    let waits = waits.lock().unwrap().clone();
    (frame, heard.try_iter().collect(), waits)
}

const BODY: &str = r#"{"lastUpdateId":160,"bids":[["0.0024","10"]],"asks":[]}"#;

#[test]
fn a_snapshot_arrives_as_a_frame_with_the_venues_own_text() {
    let (frame, said, waits) = fetch(vec![answer("200 OK", "", BODY)], 1_000);
    assert_eq!(frame, Some(format!(r#"{{"snapshot":"BTCUSDT","body":{BODY}}}"#)));
    assert!(said.is_empty() && waits.is_empty(), "{said:?} {waits:?}");
}

#[test]
fn a_venue_that_says_when_to_come_again_is_obeyed() {
    let answers = vec![
        answer("429 Too Many Requests", "Retry-After: 7\r\n", "{}"),
        answer("418 I'm a teapot", "", "{}"),
        answer("503 Service Unavailable", "", ""),
        answer("200 OK", "", "no object"),
        answer("200 OK", "", BODY),
    ];
    let (frame, said, waits) = fetch(answers, 1_000);
    assert!(frame.unwrap().ends_with(&format!("{BODY}}}")));
    assert_eq!(waits, [7, 60].map(Duration::from_secs), "the others ask for nothing");
    assert!(said[0].to_string().contains("no snapshot of BTCUSDT: the venue answered HTTP 429"));
}

#[test]
fn what_cannot_be_had_is_told_with_the_reason() {
    for (answers, words) in [
        (vec![answer("404 Not Found", "", "{}")], "the venue answered HTTP 404"),
        (vec![answer("302 Found", "Location: http://elsewhere/\r\n", "")], "HTTP 302"),
        (vec![answer("200 OK", "", BODY)], "more than the 54 bytes allowed"),
        (vec![answer("500 Oops", "", ""); 5], "the venue answered HTTP 500"),
    ] {
        let (frame, said, waits) = fetch(answers, BODY.len() - 1);
        assert_eq!((frame, waits), (None, vec![]));
        assert!(said.iter().any(|it| it.to_string().contains(words)), "{said:?}");
    }
}

#[test]
fn an_address_that_cannot_work_is_named_before_the_first_socket() {
    for base_url in ["ws://host", "http://", "https://me:key@host", "http://host/?key=1", "host"] {
        let (sender, _receiver) = notices();
        let base_url = base_url.to_owned();
        let config = FetchConfig { base_url, roots: Roots::Bundled, body_bytes_max: 9 };
        let error = fetching::<1>(&config, sender).unwrap_err();
        assert!(
            matches!(&error, SourceError::Configuration(it) if it.contains("REST URL")),
            "{error}"
        );
        assert!(!error.to_string().contains("key"), "{error}");
    }
}
