//! Snapshots over HTTP, for venues that do not push them: fetched on a thread of their own, so that
//! the ingest thread goes on reading meanwhile.
//!
//! The ends are a [`FetchPort`] at each connection and one [`Fetcher`], which the caller runs on a
//! thread that it made: what the venue tells one connection holds for all. An answer comes back as a
//! frame: `{"snapshot":"BTCUSDT","body":<the venue's text>}`. What cannot be had brings none, and the
//! source asks again later.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use tickring_event::InstrumentId;
use ureq::{Agent, Body, http};

use crate::http::{agent, body_text, check_url, retry_after_s};
use crate::live::Roots;
use crate::live::backoff::demanded_s;
use crate::notice::{Notice, NoticeSender};
use crate::source::SourceError;
use crate::venue::Fetch;

/// Requests that wait for the thread; a venue has one a book.
const REQUESTS_MAX: usize = 1_024;

/// The source's end.
#[derive(Debug)]
pub struct FetchPort {
    number: usize,
    requests: SyncSender<Request>,
    answers: Receiver<Answer>,
    /// Of the connection that asks now: answers for those before it are dropped.
    generation: u64,
    /// The same for the other end, which passes over requests of connections that are gone.
    newest: Arc<AtomicU64>,
    pending: usize,
}

/// The end that fetches: [`Fetcher::run`] blocks, so it needs a thread of its own.
pub struct Fetcher {
    agent: Agent,
    base_url: String,
    body_bytes_max: u64,
    requests: Receiver<Request>,
    /// By port.
    lines: Vec<Line>,
    notices: NoticeSender,
    wait: Box<dyn FnMut(Duration) + Send>,
    told: Box<dyn FnMut() + Send>,
}

/// What the fetcher knows of a port.
#[derive(Debug)]
struct Line {
    newest: Arc<AtomicU64>,
    answers: SyncSender<Answer>,
}

#[derive(Debug)]
struct Request {
    port: usize,
    generation: u64,
    fetch: Fetch,
}

#[derive(Debug)]
struct Answer {
    generation: u64,
    instrument: InstrumentId,
    /// `None` where it cannot be had now: the source asks again.
    frame: Option<String>,
}

/// Where snapshots are fetched.
#[derive(Clone, Debug)]
pub struct FetchConfig {
    /// `http://` or `https://` and host; paths of requests are appended.
    pub base_url: String,
    /// Whom TLS trusts.
    pub roots: Roots,
    /// Largest answer.
    pub body_bytes_max: usize,
}

/// Makes a port for each connection, and what serves them all.
///
/// # Errors
/// [`SourceError::Configuration`]: the URL cannot be one.
pub fn fetching<const PORTS: usize>(
    config: &FetchConfig,
    notices: NoticeSender,
) -> Result<([FetchPort; PORTS], Fetcher), SourceError> {
    let FetchConfig { base_url, roots, body_bytes_max } = config;
    check_url(base_url).map_err(SourceError::Configuration)?;
    let agent = agent(roots);
    let (requests, requested) = sync_channel(REQUESTS_MAX);
    let mut lines = Vec::with_capacity(PORTS);
    let ports = std::array::from_fn(|number| {
        let (answers, answered) = sync_channel(REQUESTS_MAX);
        let newest = Arc::new(AtomicU64::new(0));
        lines.push(Line { newest: Arc::clone(&newest), answers });
        let requests = requests.clone();
        FetchPort { number, requests, answers: answered, generation: 0, newest, pending: 0 }
    });
    let fetcher = Fetcher {
        agent,
        base_url: base_url.trim_end_matches('/').to_owned(),
        body_bytes_max: *body_bytes_max as u64,
        requests: requested,
        lines,
        notices,
        wait: Box::new(sleep),
        told: Box::new(|| ()),
    };
    Ok((ports, fetcher))
}

impl FetchPort {
    /// A new connection: nothing asked for before it is waited for.
    pub(crate) fn start_over(&mut self) {
        self.generation += 1;
        self.pending = 0;
        // Relaxed: which requests are worth their while; nothing is ordered by it.
        self.newest.store(self.generation, Ordering::Relaxed);
    }

    /// Asks for a snapshot. False when nobody fetches any more, or too many requests wait.
    pub(crate) fn ask(&mut self, fetch: Fetch) -> bool {
        let request = Request { port: self.number, generation: self.generation, fetch };
        let asked = self.requests.try_send(request).is_ok();
        self.pending += usize::from(asked);
        asked
    }

    /// The next answer: whose it is, and a frame where it is a good one.
    pub(crate) fn answer(&mut self) -> Option<(InstrumentId, Option<String>)> {
        while self.pending > 0 {
            match self.answers.try_recv() {
                Ok(Answer { generation, instrument, frame }) if generation == self.generation => {
                    self.pending -= 1;
                    return Some((instrument, frame));
                }
                Ok(_) => {}
                Err(TryRecvError::Empty) => return None,
                Err(TryRecvError::Disconnected) => self.pending = 0,
            }
        }
        None
    }
}

impl Fetcher {
    /// Waits for what the venue demands as `wait` does, instead of sleeping.
    #[must_use]
    pub fn waiting(mut self, wait: impl FnMut(Duration) + Send + 'static) -> Self {
        self.wait = Box::new(wait);
        self
    }

    /// Calls `told` after each answer, for whoever waits for one.
    #[must_use]
    pub fn answering(mut self, told: impl FnMut() + Send + 'static) -> Self {
        self.told = Box::new(told);
        self
    }

    /// Fetches what is asked for, one after the other and each once, until every source is gone. What
    /// fails is the source's to ask again.
    ///
    /// A venue that says when to come again is obeyed, and meanwhile nothing else is asked of it.
    pub fn run(mut self) {
        while let Ok(Request { port, generation, fetch }) = self.requests.recv() {
            // Relaxed: see `FetchPort::start_over`.
            if generation != self.lines[port].newest.load(Ordering::Relaxed) {
                continue;
            }
            let frame = self.fetch(&fetch);
            let answer = Answer { generation, instrument: fetch.instrument, frame };
            // A connection that is gone does not concern the others.
            self.lines[port].answers.send(answer).ok();
            (self.told)();
        }
    }

    fn fetch(&mut self, fetch: &Fetch) -> Option<String> {
        let Refused { words, delay_s } = match self.fetch_once(&fetch.path) {
            Ok(body) => {
                let symbol = escaped(&fetch.symbol);
                return Some(format!(r#"{{"snapshot":"{symbol}","body":{body}}}"#));
            }
            Err(refused) => refused,
        };
        let reason = format!("no snapshot of {}: {words}", fetch.symbol);
        self.notices.send(Notice::Unfetched { reason });
        if delay_s > 0 {
            self.notices.send(Notice::Waiting { delay_ms: delay_s * 1_000 });
            (self.wait)(Duration::from_secs(delay_s));
        }
        None
    }

    fn fetch_once(&self, path: &str) -> Result<String, Refused> {
        let answer = self.agent.get(format!("{}{path}", self.base_url)).call();
        let answer = answer.map_err(|error| Refused::because(error.to_string()))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(refused(status, &answer));
        }
        let body = body_text(answer, self.body_bytes_max).map_err(Refused::because)?;
        let body = body.trim();
        // It becomes a part of a frame: what is no object there would make the frame unreadable.
        if body.starts_with('{') && body.ends_with('}') {
            Ok(body.to_owned())
        } else {
            Err(Refused::because("the answer is no JSON object".to_owned()))
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Fetcher").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Why there is no snapshot, and how long the venue wants to be left alone.
struct Refused {
    words: String,
    delay_s: u64,
}

impl Refused {
    const fn because(words: String) -> Self {
        Self { words, delay_s: 0 }
    }
}

fn refused(status: u16, answer: &http::Response<Body>) -> Refused {
    let retry_after_s = retry_after_s(answer);
    let delay_s = demanded_s(status, retry_after_s);
    Refused { words: format!("the venue answered HTTP {status}"), delay_s }
}

#[expect(clippy::disallowed_methods, reason = "this thread has nothing else to do")]
fn sleep(wait: Duration) {
    std::thread::sleep(wait);
}

/// A text as it may stand between quotes in JSON.
fn escaped(text: &str) -> String {
    text.chars().filter(|it| !it.is_control() && !matches!(it, '"' | '\\')).collect()
}
