//! HTTP on the port of the WebSocket: tells requests apart, and answers those that ask for no
//! upgrade. One GET a connection, no body, nothing kept alive.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::str;

use crate::dialect::{Dialect, Got, HttpAnswer};
use crate::{HttpFaults, VenueReport};

/// Sockets that did not ask for a WebSocket, or have not asked for anything yet.
#[derive(Debug)]
pub(crate) struct Desk {
    callers: Vec<Caller>,
    exchanges: Vec<Exchange>,
    /// How long an answer may have to be waited for.
    wait_ns_max: u64,
    /// Requests so far.
    requests: u32,
}

/// A socket whose first request has not come whole.
#[derive(Debug)]
struct Caller {
    stream: TcpStream,
    since_ns: u64,
}

/// A request on its way to its answer.
#[derive(Debug)]
struct Exchange {
    stream: TcpStream,
    state: State,
    deadline_ns: u64,
}

#[derive(Debug)]
enum State {
    /// Its answer is not known yet.
    Asks(Asked),
    /// Its answer leaves when it is due.
    Answered {
        text: Vec<u8>,
        sent: usize,
        due_ns: u64,
    },
    /// Its answer has left; the client's end is awaited, lest a reset overtake the answer.
    Left,
    Over,
}

/// A GET.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Asked {
    /// Path and query.
    pub(crate) path: String,
    /// The header `X-API-Key`.
    pub(crate) key: Option<String>,
}

/// What a socket turned out to want.
#[derive(Debug, Eq, PartialEq)]
enum Wish {
    /// It has not said all.
    Unknown,
    WebSocket,
    /// A head of this length: a GET, or something that is not answered.
    Request {
        size: usize,
        asked: Option<Asked>,
    },
    Over,
}

impl Desk {
    pub(crate) const fn new(wait_ms_max: u64) -> Self {
        let wait_ns_max = wait_ms_max.saturating_mul(1_000_000);
        Self { callers: Vec::new(), exchanges: Vec::new(), wait_ns_max, requests: 0 }
    }

    /// Takes a socket. One that cannot be set up has been closed by its client.
    pub(crate) fn arrive(&mut self, stream: TcpStream, now_ns: u64) {
        if self.count() < PRESENT_MAX && stream.set_nonblocking(true).is_ok() {
            self.callers.push(Caller { stream, since_ns: now_ns });
        }
    }

    /// Sorts the callers; gives those who want a WebSocket, with all that they said still to be read.
    pub(crate) fn sort(&mut self, now_ns: u64) -> Vec<TcpStream> {
        let mut upgrades = Vec::new();
        for caller in std::mem::take(&mut self.callers) {
            match wish(&caller.stream) {
                Wish::Unknown if now_ns.saturating_sub(caller.since_ns) < REQUEST_NS_MAX => {
                    self.callers.push(caller);
                }
                Wish::Unknown | Wish::Over => {}
                Wish::WebSocket => upgrades.push(caller.stream),
                Wish::Request { size, asked } => self.begin(caller.stream, size, asked, now_ns),
            }
        }
        upgrades
    }

    fn begin(&mut self, mut stream: TcpStream, size: usize, asked: Option<Asked>, now_ns: u64) {
        let mut head = vec![0; size];
        // All of it was there a moment ago.
        if stream.read_exact(&mut head).is_err() {
            return;
        }
        let state = match asked {
            Some(asked) => State::Asks(asked),
            None => State::Answered { text: response(405, "", None), sent: 0, due_ns: now_ns },
        };
        let deadline_ns = now_ns.saturating_add(self.wait_ns_max);
        self.exchanges.push(Exchange { stream, state, deadline_ns });
    }

    /// Whether a request waits for its answer.
    pub(super) fn is_asked(&self) -> bool {
        self.exchanges.iter().any(|it| matches!(it.state, State::Asks(_)))
    }

    /// Whether an answer that is due is on its way to its client.
    pub(super) fn is_answering(&self, now_ns: u64) -> bool {
        self.exchanges.iter().any(|it| match it.state {
            State::Answered { due_ns, .. } => now_ns >= due_ns,
            State::Left => true,
            State::Asks(_) | State::Over => false,
        })
    }

    /// Finds answers for those who ask; true if there were any.
    pub(super) fn answer(
        &mut self,
        dialect: &mut dyn Dialect,
        faults: &HttpFaults,
        now_ns: u64,
        report: &mut VenueReport,
    ) -> bool {
        let mut busy = false;
        for exchange in &mut self.exchanges {
            let State::Asks(Asked { path, .. }) = &exchange.state else { continue };
            let text = if let Some(text) = fault(faults, self.requests) {
                report.gets_refused += 1;
                text
            } else {
                match dialect.get(path) {
                    Got::Answer(HttpAnswer { status, body }) => {
                        let is_well = status == 200;
                        report.gets += u64::from(is_well);
                        report.gets_refused += u64::from(!is_well);
                        response(status, &body, None)
                    }
                    Got::Later if now_ns < exchange.deadline_ns => continue,
                    Got::Later => {
                        report.gets_refused += 1;
                        response(503, NOT_RECORDED, None)
                    }
                    Got::Nothing => {
                        report.gets_refused += 1;
                        response(404, "", None)
                    }
                }
            };
            busy = true;
            self.requests = self.requests.saturating_add(1);
            let due_ns = now_ns.saturating_add(faults.delay_ms.saturating_mul(1_000_000));
            exchange.state = State::Answered { text, sent: 0, due_ns };
        }
        busy
    }

    /// Answers those who ask with what `answer` gives: the whole text, and how long it takes. True if
    /// there were any.
    pub(crate) fn answer_with(
        &mut self,
        now_ns: u64,
        mut answer: impl FnMut(&Asked) -> (Vec<u8>, u64),
    ) -> bool {
        let mut busy = false;
        for exchange in &mut self.exchanges {
            let State::Asks(asked) = &exchange.state else { continue };
            let (text, delay_ns) = answer(asked);
            let due_ns = now_ns.saturating_add(delay_ns);
            exchange.state = State::Answered { text, sent: 0, due_ns };
            busy = true;
        }
        busy
    }

    /// Writes answers that are due; true if any socket took anything.
    pub(crate) fn flush(&mut self, now_ns: u64) -> bool {
        let mut busy = false;
        for exchange in &mut self.exchanges {
            busy |= exchange.go_on(now_ns);
        }
        self.exchanges.retain(|exchange| !matches!(exchange.state, State::Over));
        busy
    }

    pub(crate) fn clear(&mut self) {
        self.callers.clear();
        self.exchanges.clear();
    }

    pub(crate) fn count(&self) -> usize {
        self.callers.len() + self.exchanges.len()
    }
}

impl Exchange {
    fn go_on(&mut self, now_ns: u64) -> bool {
        match &mut self.state {
            State::Asks(_) | State::Over => false,
            State::Answered { due_ns, .. } if now_ns < *due_ns => false,
            State::Answered { text, sent, .. } => match self.stream.write(&text[*sent..]) {
                Ok(size) => {
                    *sent += size;
                    if *sent == text.len() {
                        // The only error is that the client has gone, which the next read says too.
                        drop(self.stream.shutdown(Shutdown::Write));
                        self.deadline_ns = now_ns.saturating_add(LEAVE_NS_MAX);
                        self.state = State::Left;
                    }
                    true
                }
                Err(error) => self.note_error(&error),
            },
            State::Left if now_ns >= self.deadline_ns => {
                self.state = State::Over;
                true
            }
            State::Left => match self.stream.read(&mut [0; 512]) {
                Ok(0) => {
                    self.state = State::Over;
                    true
                }
                Ok(_) => true,
                Err(error) => self.note_error(&error),
            },
        }
    }

    fn note_error(&mut self, error: &io::Error) -> bool {
        let is_over = error.kind() != io::ErrorKind::WouldBlock;
        if is_over {
            self.state = State::Over;
        }
        is_over
    }
}

/// The answer that a fault gives in place of a good one.
fn fault(faults: &HttpFaults, requests: u32) -> Option<Vec<u8>> {
    let unavailable_from = faults.too_many;
    let garbage_from = unavailable_from.saturating_add(faults.unavailable);
    if requests < unavailable_from {
        Some(response(429, TOO_MANY, faults.retry_after_s))
    } else if requests < garbage_from {
        Some(response(503, "", None))
    } else if requests < garbage_from.saturating_add(faults.garbage) {
        Some(response(200, "<html>no JSON</html>", None))
    } else {
        None
    }
}

fn wish(stream: &TcpStream) -> Wish {
    let mut head = [0; HEAD_SIZE_MAX];
    match stream.peek(&mut head) {
        Ok(0) => Wish::Over,
        Ok(size) => wish_of(&head[..size]),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Wish::Unknown,
        Err(_) => Wish::Over,
    }
}

/// What the beginning of a connection says.
fn wish_of(bytes: &[u8]) -> Wish {
    let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else {
        return if bytes.len() < HEAD_SIZE_MAX { Wish::Unknown } else { Wish::Over };
    };
    let size = end + 4;
    let Ok(head) = str::from_utf8(&bytes[..end]) else {
        return Wish::Request { size, asked: None };
    };
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let header = |wanted: &str| {
        let mut headers = lines.clone().filter_map(|line| line.split_once(':'));
        let found = headers.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| value.trim())
    };
    if header("upgrade").is_some_and(|it| it.eq_ignore_ascii_case("websocket")) {
        return Wish::WebSocket;
    }
    let key = header("x-api-key").map(str::to_owned);
    let path = (words.next() == Some("GET")).then(|| words.next()).flatten();
    let path = path.filter(|it| it.starts_with('/'));
    Wish::Request { size, asked: path.map(|path| Asked { path: path.to_owned(), key }) }
}

pub(crate) fn response(status: u16, body: &str, retry_after_s: Option<u32>) -> Vec<u8> {
    let reason = match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        _ => "Service Unavailable",
    };
    let retry_after = retry_after_s.map(|it| format!("Retry-After: {it}\r\n")).unwrap_or_default();
    let size = body.len();
    format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\
         Connection: close\r\n{retry_after}\r\n{body}"
    )
    .into_bytes()
}

/// Of one request's head.
const HEAD_SIZE_MAX: usize = 8 * 1024;
/// Sockets that are no WebSocket, or may not be one.
const PRESENT_MAX: usize = 64;
const REQUEST_NS_MAX: u64 = 5_000_000_000;
/// How long a client may take to read its answer.
const LEAVE_NS_MAX: u64 = 1_000_000_000;
const TOO_MANY: &str = r#"{"code":-1003,"msg":"Too many requests."}"#;
const NOT_RECORDED: &str = r#"{"code":-1001,"msg":"Not in this recording."}"#;

#[cfg(test)]
mod tests {
    use super::*;

    /// A request without an upgrade.
    #[track_caller]
    fn check(head: &str, path: Option<&str>) {
        let asked = path.map(|it| Asked { path: it.to_owned(), key: None });
        let (size, text) = (head.len(), format!("{head}and more"));
        assert_eq!(wish_of(text.as_bytes()), Wish::Request { size, asked }, "{head}");
    }

    #[test]
    fn a_request_is_told_from_an_upgrade_by_its_head() {
        check("GET /a?b=1 HTTP/1.1\r\nHost: a\r\n\r\n", Some("/a?b=1"));
        check("POST / HTTP/1.1\r\n\r\n", None);
        check("GET\r\n\r\n", None);
        check("GET http://a/ HTTP/1.1\r\n\r\n", None);
        check("GET / HTTP/1.1\r\nUpgrade: h2c\r\n\r\n", Some("/"));
        let upgrade = b"GET / HTTP/1.1\r\nuPgrade:  WebSocket\r\n\r\n";
        assert_eq!(wish_of(upgrade), Wish::WebSocket);
        assert_eq!(wish_of(&upgrade[..upgrade.len() - 1]), Wish::Unknown);
        assert_eq!(wish_of(&[b'x'; HEAD_SIZE_MAX]), Wish::Over);
        assert_eq!(wish_of(b"\xff\r\n\r\n"), Wish::Request { size: 5, asked: None });
    }

    #[test]
    fn a_key_comes_in_a_header() {
        let head = b"GET /a HTTP/1.1\r\nx-api-KEY: k:1 \r\n\r\n";
        let Wish::Request { asked: Some(asked), .. } = wish_of(head) else { panic!("no request") };
        assert_eq!(asked.key.as_deref(), Some("k:1"));
    }

    #[test]
    fn faults_come_one_after_the_other() {
        let faults = HttpFaults {
            too_many: 1,
            retry_after_s: Some(7),
            unavailable: 1,
            garbage: 1,
            delay_ms: 0,
        };
        let first_line = |requests| {
            let text = String::from_utf8(fault(&faults, requests)?).unwrap();
            Some(text.split("\r\n").next().unwrap().to_owned())
        };
        let lines: Vec<_> = (0..4).map(first_line).collect();
        let expected = ["HTTP/1.1 429 Too Many Requests", "HTTP/1.1 503 Service Unavailable"];
        assert_eq!(lines[..2], expected.map(|it| Some(it.to_owned())));
        assert_eq!(lines[2..], [Some("HTTP/1.1 200 OK".to_owned()), None]);
        let text = String::from_utf8(fault(&faults, 0).unwrap()).unwrap();
        assert!(text.contains("\r\nRetry-After: 7\r\n\r\n{"), "{text}");
    }
}
