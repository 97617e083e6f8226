//! One request, made until it is answered or may not be made again.

use std::time::Duration;

use ureq::Agent;
use ureq::Body;
use ureq::http::{HeaderValue, Response};

use super::read::{self, Said};
use super::{RestConfig, RestError, RestNotice};
use crate::http::{agent, body_text, check_url, retry_after_s};
use crate::json::{Json, Value};
use crate::live::{Backoff, Redactor, demanded_s};
use crate::venue::DecodeError;
use crate::venue::tickdb::Meaning;

/// Code for a range that cannot be, and for a page that is too large.
const BAD_RANGE: i64 = 2003;
const PAGE_TOO_LARGE: i64 = 2004;

/// As HTTP says that requests come too fast.
const TOO_MANY_REQUESTS: u16 = 429;

pub(super) struct Caller {
    agent: Agent,
    base_url: String,
    key: HeaderValue,
    redactor: Redactor,
    backoff: Backoff,
    attempts_max: u32,
    body_bytes_max: u64,
    random: fastrand::Rng,
    json: Json,
    pub(super) wait: Box<dyn FnMut(Duration) -> bool + Send>,
    pub(super) is_over: Box<dyn FnMut() -> bool + Send>,
    pub(super) tell: Box<dyn FnMut(RestNotice) + Send>,
}

/// Why an attempt failed.
enum Failed {
    /// Asking again cannot help.
    ForGood(RestError),
    /// It may, after this time and what the backoff adds.
    ForNow { words: String, demanded_s: u64 },
}

impl Caller {
    pub(super) fn new(config: RestConfig) -> Result<Self, RestError> {
        let RestConfig {
            base_url, key, roots, backoff, attempts_max, seed, body_bytes_max, ..
        } = config;
        let mut redactor = Redactor::default();
        redactor.hide(&key);
        let wrong = |words: &str| RestError::Configuration(redactor.clean(words));
        check_url(&base_url).map_err(|words| wrong(&words))?;
        if attempts_max == 0 {
            return Err(wrong("a request is made once at least"));
        }
        let mut header = HeaderValue::from_str(key.expose()).map_err(|_| {
            wrong("the API key (TICKDB_API_KEY) has a character that no HTTP header holds")
        })?;
        header.set_sensitive(true);
        Ok(Self {
            agent: agent(&roots),
            base_url: base_url.trim_end_matches('/').to_owned(),
            key: header,
            redactor,
            backoff,
            attempts_max,
            body_bytes_max: body_bytes_max as u64,
            random: fastrand::Rng::with_seed(seed),
            json: Json::new(),
            wait: Box::new(sleep),
            is_over: Box::new(|| false),
            tell: Box::new(|_| ()),
        })
    }

    /// The base URL as people and files may see it.
    pub(super) fn base_url_shown(&self) -> String {
        self.redactor.redact(&self.base_url)
    }

    /// Asks for `path`, which people know as `what`, and reads the answer's data.
    pub(super) fn get<T>(
        &mut self,
        path: &str,
        what: &str,
        mut read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, RestError> {
        let mut attempts = 0;
        loop {
            if (self.is_over)() {
                return Err(RestError::Interrupted);
            }
            attempts += 1;
            let (words, demanded_s) = match self.attempt(path, what, &mut read) {
                Ok(data) => return Ok(data),
                Err(Failed::ForGood(error)) => return Err(error),
                Err(Failed::ForNow { words, demanded_s }) => (words, demanded_s),
            };
            let words = self.redactor.clean(&words);
            if attempts >= self.attempts_max {
                return Err(RestError::NoAnswer { what: what.to_owned(), attempts, words });
            }
            let delay_ms = self.backoff.delay_ms(attempts, demanded_s * 1_000, &mut self.random);
            (self.tell)(RestNotice::Retrying { reason: format!("{what}: {words}"), delay_ms });
            if !(self.wait)(Duration::from_millis(delay_ms)) {
                return Err(RestError::Interrupted);
            }
        }
    }

    fn attempt<T>(
        &mut self,
        path: &str,
        what: &str,
        read: &mut impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
    ) -> Result<T, Failed> {
        let for_now = |words| Failed::ForNow { words, demanded_s: 0 };
        let (status, told_s, body) = self.exchange(path).map_err(for_now)?;
        let said = if status == 200 {
            read::answer(&mut self.json, &body, read)
        } else {
            read::refusal(&mut self.json, &body, status)
        };
        match said {
            Said::Well(data) => Ok(data),
            Said::Unreadable(words) => Err(for_now(words)),
            Said::Refused { code, meaning, message } => {
                let message = self.redactor.clean(&message);
                Err(refused(what, &Refusal { code, meaning, message, status, told_s }))
            }
        }
    }

    /// One request and its answer: status, `Retry-After`, body. In words, why there is none.
    fn exchange(&self, path: &str) -> Result<(u16, Option<u64>, String), String> {
        let url = format!("{}{path}", self.base_url);
        let request = self.agent.get(url).header("X-API-Key", self.key.clone());
        let answer: Response<Body> = request.call().map_err(|error| error.to_string())?;
        let (status, told_s) = (answer.status().as_u16(), retry_after_s(&answer));
        Ok((status, told_s, body_text(answer, self.body_bytes_max)?))
    }
}

struct Refusal {
    code: i64,
    meaning: Meaning,
    message: String,
    status: u16,
    told_s: Option<u64>,
}

/// What a refusal leads to.
fn refused(what: &str, refusal: &Refusal) -> Failed {
    let Refusal { code, meaning, message, status, told_s } = refusal;
    let words = |advice: &str| format!("{message} (code {code}): {advice}");
    let what = what.to_owned();
    let not_there =
        |advice| Failed::ForGood(RestError::NotThere { what: what.clone(), words: words(advice) });
    let not_for_us =
        |advice| Failed::ForGood(RestError::Refused { what: what.clone(), words: words(advice) });
    match (meaning, *code) {
        (Meaning::RateLimited, _) => {
            let demanded_s = demanded_s(TOO_MANY_REQUESTS, *told_s);
            Failed::ForNow { words: words("rate limited"), demanded_s }
        }
        (Meaning::ServerFault, _) => {
            let demanded_s = demanded_s(*status, *told_s);
            Failed::ForNow { words: words("a fault at the venue"), demanded_s }
        }
        (Meaning::KeyRefused, _) => not_for_us("check TICKDB_API_KEY"),
        (Meaning::AddressRefused, _) => {
            not_for_us("add this address to the IP whitelist of TICKDB_API_KEY")
        }
        (Meaning::Forbidden, _) => {
            not_for_us("check the plan and the IP whitelist of TICKDB_API_KEY")
        }
        (Meaning::PlanLacks, _) => not_for_us("the plan of TICKDB_API_KEY lacks this"),
        (Meaning::QuotaUsed, _) => {
            not_for_us("the quota of TICKDB_API_KEY is used up; run again after its reset")
        }
        (Meaning::UnknownSymbol, _) => {
            not_there("unknown symbol; `tickring fetch symbols` lists them")
        }
        (Meaning::AmbiguousSymbol, _) => not_there("a symbol of several markets"),
        (Meaning::BadParameter, _) => not_there("a parameter that the venue does not take"),
        (_, BAD_RANGE) => not_there("a time range that the venue does not take"),
        (_, PAGE_TOO_LARGE) => not_there("a page larger than the venue gives"),
        _ => not_for_us("an answer that is not documented; check the REST URL"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the caller's thread waits, unless it says otherwise"
)]
fn sleep(wait: Duration) -> bool {
    std::thread::sleep(wait);
    true
}
