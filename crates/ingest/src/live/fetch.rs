//! Snapshots over HTTP, for venues that do not push them: fetched on a thread of their own, so that
//! the ingest thread goes on reading meanwhile.
//!
//! The two ends are a [`FetchPort`] at the source and a [`Fetcher`], which the caller runs on a thread
//! that it made. An answer comes back as a frame: `{"snapshot":"BTCUSDT","body":<the venue's text>}`.
//! What cannot be had brings none, and the source asks again later.

use std::fmt;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body, http};

use crate::live::Roots;
use crate::live::backoff::Backoff;
use crate::notice::{Notice, NoticeSender};
use crate::source::SourceError;
use crate::venue::Fetch;

/// Time to be connected; as TickDB's own examples have it.
const CONNECT: Duration = Duration::from_millis(3_050);

/// Time until the answer begins, and again until it is complete.
const READ: Duration = Duration::from_secs(10);

/// Tries of one request.
const TRIES_MAX: u32 = 5;

/// Waits between tries that the venue does not set itself.
const RETRY: Backoff = Backoff { delay_ms_min: 500, delay_ms_max: 10_000 };

/// Longest `Retry-After` that is honoured.
const RETRY_AFTER_S_MAX: u64 = 3_600;

/// Wait after HTTP 429 or 418 (Binance's word for an address that went on regardless) without a
/// `Retry-After`.
const RATE_LIMITED_S: u64 = 60;

/// Requests that wait for the thread; a venue has one a book.
const REQUESTS_MAX: usize = 1_024;

/// The source's end.
#[derive(Debug)]
pub struct FetchPort {
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
    newest: Arc<AtomicU64>,
    answers: SyncSender<Answer>,
    notices: NoticeSender,
    random: fastrand::Rng,
    wait: Box<dyn FnMut(Duration) + Send>,
    told: Box<dyn FnMut() + Send>,
}

#[derive(Debug)]
struct Request {
    generation: u64,
    fetch: Fetch,
}

#[derive(Debug)]
struct Answer {
    generation: u64,
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
    /// For the random part of waits.
    pub seed: u64,
}

/// Makes both ends.
///
/// # Errors
/// [`SourceError::Configuration`]: the URL cannot be one.
pub fn fetching(
    config: &FetchConfig,
    notices: NoticeSender,
) -> Result<(FetchPort, Fetcher), SourceError> {
    let FetchConfig { base_url, roots, body_bytes_max, seed } = config;
    check_url(base_url)?;
    let agent = Agent::config_builder()
        .timeout_connect(Some(CONNECT))
        .timeout_recv_response(Some(READ))
        .timeout_recv_body(Some(READ))
        .max_redirects(0)
        .http_status_as_error(false)
        .tls_config(TlsConfig::builder().root_certs(root_certs(roots)).build())
        .build()
        .into();
    let (requests, requested) = sync_channel(REQUESTS_MAX);
    let (answers, answered) = sync_channel(REQUESTS_MAX);
    let newest = Arc::new(AtomicU64::new(0));
    let of_port = Arc::clone(&newest);
    let port =
        FetchPort { requests, answers: answered, generation: 0, newest: of_port, pending: 0 };
    let fetcher = Fetcher {
        agent,
        base_url: base_url.trim_end_matches('/').to_owned(),
        body_bytes_max: *body_bytes_max as u64,
        requests: requested,
        newest,
        answers,
        notices,
        random: fastrand::Rng::with_seed(*seed),
        wait: Box::new(sleep),
        told: Box::new(|| ()),
    };
    Ok((port, fetcher))
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
        let request = Request { generation: self.generation, fetch };
        let asked = self.requests.try_send(request).is_ok();
        self.pending += usize::from(asked);
        asked
    }

    /// The next answer as a frame. One load where nothing was asked for.
    pub(crate) fn answer(&mut self) -> Option<String> {
        while self.pending > 0 {
            match self.answers.try_recv() {
                Ok(Answer { generation, frame }) if generation == self.generation => {
                    self.pending -= 1;
                    if frame.is_some() {
                        return frame;
                    }
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
    /// Waits between tries as `wait` does, instead of sleeping.
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

    /// Fetches what is asked for, one after the other, until the source is gone.
    ///
    /// A venue that says when to come again is obeyed, and meanwhile nothing else is asked of it.
    pub fn run(mut self) {
        while let Ok(Request { generation, fetch }) = self.requests.recv() {
            // Relaxed: see `FetchPort::start_over`.
            if generation != self.newest.load(Ordering::Relaxed) {
                continue;
            }
            let frame = self.fetch(&fetch);
            if self.answers.send(Answer { generation, frame }).is_err() {
                return;
            }
            (self.told)();
        }
    }

    fn fetch(&mut self, fetch: &Fetch) -> Option<String> {
        let symbol = escaped(&fetch.symbol);
        let mut tries = 0;
        loop {
            tries += 1;
            let refusal = match self.fetch_once(&fetch.path) {
                Ok(body) => return Some(format!(r#"{{"snapshot":"{symbol}","body":{body}}}"#)),
                Err(refusal) => refusal,
            };
            let Refused { words, retry } = refusal;
            let reason = format!("no snapshot of {}: {words}", fetch.symbol);
            let delay_ms = match retry {
                Retry::After { delay_ms } if tries < TRIES_MAX => {
                    RETRY.delay_ms(tries, delay_ms, &mut self.random)
                }
                Retry::After { .. } | Retry::Never => {
                    self.notices.send(Notice::Unfetched { reason });
                    return None;
                }
            };
            self.notices.send(Notice::Unfetched { reason });
            self.notices.send(Notice::Waiting { delay_ms });
            (self.wait)(Duration::from_millis(delay_ms));
        }
    }

    fn fetch_once(&self, path: &str) -> Result<String, Refused> {
        let answer = self.agent.get(format!("{}{path}", self.base_url)).call();
        let answer = answer.map_err(|error| Refused::for_now(error.to_string()))?;
        let status = answer.status().as_u16();
        if status != 200 {
            return Err(refused(status, &answer));
        }
        let mut body = String::new();
        let mut reader = answer.into_body().into_reader().take(self.body_bytes_max + 1);
        reader.read_to_string(&mut body).map_err(|error| Refused::for_now(error.to_string()))?;
        if body.len() as u64 > self.body_bytes_max {
            let words =
                format!("the answer has more than the {} bytes allowed", self.body_bytes_max);
            return Err(Refused { words, retry: Retry::Never });
        }
        let body = body.trim();
        // It becomes a part of a frame: what is no object there would make the frame unreadable.
        if body.starts_with('{') && body.ends_with('}') {
            Ok(body.to_owned())
        } else {
            Err(Refused::for_now("the answer is no JSON object".to_owned()))
        }
    }
}

impl fmt::Debug for Fetcher {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Fetcher").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Why there is no snapshot.
struct Refused {
    words: String,
    retry: Retry,
}

enum Retry {
    /// Not sooner than this.
    After { delay_ms: u64 },
    /// Trying again cannot help.
    Never,
}

impl Refused {
    const fn for_now(words: String) -> Self {
        Self { words, retry: Retry::After { delay_ms: 0 } }
    }
}

fn refused(status: u16, answer: &http::Response<Body>) -> Refused {
    let retry_after = answer.headers().get("retry-after").and_then(|it| it.to_str().ok());
    let retry_after_s = retry_after.and_then(|it| it.trim().parse::<u64>().ok());
    let default_s = if matches!(status, 418 | 429) { RATE_LIMITED_S } else { 0 };
    let delay_ms = retry_after_s.unwrap_or(default_s).min(RETRY_AFTER_S_MAX) * 1_000;
    let retry = match status {
        408 | 418 | 429 | 500..=599 => Retry::After { delay_ms },
        _ => Retry::Never,
    };
    Refused { words: format!("the venue answered HTTP {status}"), retry }
}

fn check_url(url: &str) -> Result<(), SourceError> {
    let uri: http::Uri = url.parse().map_err(|error| {
        SourceError::Configuration(format!("the REST URL is not valid: {error}"))
    })?;
    let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
    let is_plain = uri.authority().is_some_and(|it| !it.as_str().contains('@'));
    if is_web && is_plain && uri.query().is_none() {
        return Ok(());
    }
    let words = "the REST URL must be http:// or https:// and a host, without user name or query";
    Err(SourceError::Configuration(words.to_owned()))
}

fn root_certs(roots: &Roots) -> RootCerts {
    let specific = |certificates: &[Vec<u8>]| {
        let own = certificates.iter().map(|it| Certificate::from_der(it).to_owned());
        RootCerts::new_with_certs(&own.collect::<Vec<_>>())
    };
    match roots {
        Roots::Bundled => RootCerts::WebPki,
        Roots::Given(certificates) => specific(certificates),
        Roots::System => {
            let loaded = rustls_native_certs::load_native_certs().certs;
            let certificates: Vec<_> = loaded.iter().map(|it| it.to_vec()).collect();
            if certificates.is_empty() { RootCerts::WebPki } else { specific(&certificates) }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this thread has nothing else to do")]
fn sleep(wait: Duration) {
    std::thread::sleep(wait);
}

/// A text as it may stand between quotes in JSON.
fn escaped(text: &str) -> String {
    text.chars().filter(|it| !it.is_control() && !matches!(it, '"' | '\\')).collect()
}
