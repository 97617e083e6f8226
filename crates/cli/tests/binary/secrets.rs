//! The API key stays out of everything that is printed or written.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::thread;

use tempfile::TempDir;

use crate::support::{KEY, Process, Ran, Venue, count, live, tickring};

/// The key in a query.
const KEY_ENCODED: &str = "s3cr3t%2Fk%2By%3D%2541%26zz";

/// A part of the key that is the same in every encoding, and in no word of ours.
const KEY_PART: &str = "s3cr3t";

/// A run that says and writes all it can.
struct Talkative {
    folder: TempDir,
    command: Command,
}

impl Talkative {
    fn new(url: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = live(url, &["--log", "trace", "--books", "--drain", "60s"]);
        command.arg("--signals").arg(folder.path().join("signals"));
        command.arg("--hlog").arg(folder.path().join("hlog"));
        Self { folder, command }
    }

    fn runs(&mut self, code: i32) -> Ran {
        let ran = Ran::of(&mut self.command).exits(code);
        check(&ran, self.folder.path());
        ran
    }
}

/// Nothing that was printed or written holds the key, whole or in part.
#[track_caller]
fn check(ran: &Ran, folder: &Path) {
    let mut texts =
        vec![("stdout".to_owned(), ran.out.clone()), ("stderr".to_owned(), ran.err.clone())];
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        texts.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
    }
    assert!(!ran.err.is_empty(), "it talks");
    for (name, text) in texts {
        for secret in [KEY, KEY_ENCODED, KEY_PART, &KEY_ENCODED.to_lowercase()] {
            assert!(!text.contains(secret), "{name} shows the key:\n{text}");
        }
    }
}

#[test]
fn a_successful_run_shows_no_key() {
    let venue = Venue::start(&["--profile", "steady:5000", "--key", KEY]);
    let mut talkative = Talkative::new(&venue.url);
    talkative.command.args(["--duration", "2s"]);
    let report = talkative.runs(0).report();
    assert!(count(&report["events"]["trade"]) > 0, "the venue took the encoded key");
    for file in ["signals", "hlog"] {
        assert!(fs::metadata(talkative.folder.path().join(file)).unwrap().len() > 0, "{file}");
    }
    let said = venue.end();
    check(&said, tempfile::tempdir().unwrap().path());
}

#[test]
fn a_refused_key_ends_the_run_and_names_the_variable() {
    let venue = Venue::start(&["--key", "another"]);
    let ran = Talkative::new(&venue.url).runs(3);
    assert!(ran.err.contains("TICKDB_API_KEY"), "{}", ran.err);
    assert_eq!(venue.report()["connections_refused"], 1);
}

#[test]
fn a_closed_port_shows_no_key() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/v1/realtime", listener.local_addr().unwrap());
    drop(listener);
    let mut talkative = Talkative::new(&url);
    talkative.command.args(["--duration", "1s"]);
    let ran = talkative.runs(0);
    assert!(ran.err.contains("disconnected: cannot connect: "), "{}", ran.err);
    assert_eq!(ran.report()["frames"], 0);
}

#[test]
fn an_address_that_cannot_work_is_refused_without_the_key() {
    for url in [
        KEY,
        "htp:/x",
        &format!("wss://{KEY_ENCODED}@/"),
        &format!("ftp://h/?api_key={KEY_ENCODED}"),
    ] {
        let ran = Talkative::new(url).runs(2);
        assert!(ran.err.contains("URL"), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
}

#[test]
fn an_address_that_holds_the_key_already_shows_none() {
    let venue = Venue::start(&["--profile", "steady:5000", "--key", KEY]);
    let mut talkative = Talkative::new(&format!("{}?api_key={KEY_ENCODED}", venue.url));
    talkative.command.args(["--duration", "1s"]);
    talkative.runs(0);
    assert_eq!(venue.report()["connections_refused"], 0);
}

/// Runs against a venue that answers the handshake with what `answer` makes of the request.
fn runs_against(answer: impl Fn(&str) -> String + Send, code: i32) -> Ran {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/v1/realtime", listener.local_addr().unwrap());
    let serve = move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut bytes = [0; 1_024];
        while !request.ends_with(b"\r\n\r\n") {
            let size = stream.read(&mut bytes).unwrap();
            assert!(size > 0, "the request is whole");
            request.extend_from_slice(&bytes[..size]);
        }
        let request = String::from_utf8(request).unwrap();
        assert!(request.contains(KEY_ENCODED), "{request}");
        stream.write_all(answer(&request).as_bytes()).unwrap();
    };
    thread::scope(|scope| {
        let server = thread::Builder::new().spawn_scoped(scope, serve).unwrap();
        let mut talkative = Talkative::new(&url);
        talkative.command.args(["--duration", "1s"]);
        let ran = talkative.runs(code);
        server.join().unwrap();
        ran
    })
}

fn with_body(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_venue_that_repeats_the_request_cannot_make_it_public() {
    let ran = runs_against(|request| with_body("403 Forbidden", request), 3);
    assert!(ran.err.contains("HTTP 403"), "{}", ran.err);
    let ran = runs_against(|request| with_body("500 Trouble", request), 0);
    assert!(ran.err.contains("HTTP 500"), "{}", ran.err);
    runs_against(|request| format!("{KEY} is no HTTP {request}"), 0);
}

#[test]
fn a_redirect_is_not_followed_and_shows_no_key() {
    let answer = |request: &str| {
        let target = request.split(' ').nth(1).unwrap();
        format!(
            "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1{target}\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let ran = runs_against(answer, 3);
    assert!(ran.err.contains("redirects are not followed"), "{}", ran.err);
}

#[test]
fn help_shows_no_key_from_the_environment() {
    for command in ["demo", "run", "record", "replay", "verify", "simulate", "fetch"] {
        let mut help = tickring(&[command, "--help"]);
        help.env("TICKDB_API_KEY", KEY).env("TICKRING_SIMULATOR_KEY", KEY);
        let ran = Ran::of(&mut help).exits(0);
        assert!(!ran.out.contains(KEY_PART) && ran.out.contains("Usage"), "{}", ran.out);
    }
}

#[test]
fn an_interrupted_run_shows_no_key() {
    let venue = Venue::start(&["--profile", "steady:5000"]);
    let mut talkative = Talkative::new(&venue.url);
    let mut engine = Process::start(&mut talkative.command);
    engine.wait_for("every subscription was answered");
    engine.signal("INT");
    check(&engine.finish().exits(130), talkative.folder.path());
}
