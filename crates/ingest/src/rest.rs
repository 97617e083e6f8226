//! TickDB over REST: bars of the past, the bars that are forming, depth, trades, symbols.
//!
//! Numbers stay the texts that the venue wrote. It starts no thread and waits on the caller's, as the
//! caller says; a client is for one thread.

mod call;
mod error;
mod exact;
mod interval;
mod pages;
mod read;
mod records;
mod store;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

pub use self::error::{RestError, RestErrorKind};
pub use self::exact::Exact;
pub use self::interval::{Interval, IntervalError};
pub use self::records::{
    BARS_DEFAULT, BarsRequest, LatestBar, RestBar, RestDepth, RestLevel, RestNotice, RestSymbol,
    RestTrade,
};

use self::call::Caller;
use self::pages::{Ask, Span};
use self::store::{Found, Key, Store};
use crate::live::{ApiKey, Backoff, Roots, percent_encode};

/// Where TickDB's REST interface is.
pub const TICKDB_REST_URL: &str = "https://api.tickdb.ai";

/// Rows of a page at most, as documented.
const PAGE_ROWS_MAX: u32 = 1_000;

/// Rows of a page at least: its boundaries are two.
const PAGE_ROWS_MIN: u32 = 3;

/// Requests for one run of bars.
const PAGES_MAX: u32 = 100_000;

/// Symbols that one request may name.
const SYMBOLS_PER_REQUEST: usize = 50;

/// Symbols that are listed at most.
const SYMBOLS_MAX: usize = 1_000_000;

/// How long after its end a bar is no longer expected to change.
const SETTLED_MS: u64 = 60_000;

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct RestConfig {
    /// `http://` or `https://` and host.
    pub base_url: String,
    /// Goes into a header, and into no text.
    pub key: ApiKey,
    /// Whom TLS trusts.
    pub roots: Roots,
    /// Waits between attempts.
    pub backoff: Backoff,
    /// How often a request is made at most.
    pub attempts_max: u32,
    /// Of the waits' random numbers.
    pub seed: u64,
    /// Largest answer.
    pub body_bytes_max: usize,
    /// Most rows of a page, 3 to 1,000.
    pub page_rows_max: u32,
    /// Folder where pages of completed bars are kept; `None` keeps none.
    pub cache: Option<PathBuf>,
    /// The present, in ms since 1970: a bar that ends later is still forming and not handed out.
    pub now_ms: u64,
}

impl RestConfig {
    /// Five attempts, from one second to one minute apart; pages as large as documented; no cache.
    #[must_use]
    pub fn new(base_url: impl Into<String>, key: ApiKey, now_ms: u64) -> Self {
        Self {
            base_url: base_url.into(),
            key,
            roots: Roots::default(),
            backoff: Backoff::default(),
            attempts_max: 5,
            seed: 0,
            body_bytes_max: 16 << 20,
            page_rows_max: PAGE_ROWS_MAX,
            cache: None,
            now_ms,
        }
    }
}

/// A client of the REST interface.
pub struct RestClient {
    caller: Caller,
    store: Option<Store>,
    page_rows_max: u32,
    now_ms: u64,
}

impl RestClient {
    /// A client; nothing is opened yet but the cache's folder.
    ///
    /// # Errors
    /// [`RestError::Configuration`] for a URL, key or limit that cannot work, [`RestError::Cache`]
    /// for a folder that cannot be made.
    pub fn new(config: RestConfig) -> Result<Self, RestError> {
        let page_rows_max = config.page_rows_max;
        if !(PAGE_ROWS_MIN..=PAGE_ROWS_MAX).contains(&page_rows_max) {
            let words = format!("a page has {PAGE_ROWS_MIN} to {PAGE_ROWS_MAX} rows");
            return Err(RestError::Configuration(words));
        }
        let store = config.cache.as_deref().map(Store::open).transpose()?;
        let now_ms = config.now_ms;
        Ok(Self { caller: Caller::new(config)?, store, page_rows_max, now_ms })
    }

    /// Waits as `wait` does, instead of sleeping; where it says `false`, the request is given up.
    #[must_use]
    pub fn waiting(mut self, wait: impl FnMut(Duration) -> bool + Send + 'static) -> Self {
        self.caller.wait = Box::new(wait);
        self
    }

    /// Makes no further request once `is_over` says so: what goes on is given up then.
    #[must_use]
    pub fn until(mut self, is_over: impl FnMut() -> bool + Send + 'static) -> Self {
        self.caller.is_over = Box::new(is_over);
        self
    }

    /// Hands what people should hear of to `tell`.
    #[must_use]
    pub fn telling(mut self, tell: impl FnMut(RestNotice) + Send + 'static) -> Self {
        self.caller.tell = Box::new(tell);
        self
    }

    /// Completed bars by rising time, each once, over as many pages as it takes.
    ///
    /// # Errors
    /// Any [`RestError`]; nothing that came before it is handed out.
    pub fn bars(&mut self, request: &BarsRequest) -> Result<Vec<RestBar>, RestError> {
        let BarsRequest { symbol, interval, limit, start_ms, end_ms } = request;
        check_symbol(symbol)?;
        if !interval.has_history() {
            let words = format!("the venue has no completed bars of {interval}: use 1m or 5m");
            return Err(RestError::Request(words));
        }
        if let (Some(start_ms), Some(end_ms)) = (start_ms, end_ms)
            && start_ms > end_ms
        {
            let words = format!("the start, {start_ms}, is after the end, {end_ms}");
            return Err(RestError::Request(words));
        }
        let span = Span {
            limit: *limit,
            start_ms: *start_ms,
            end_ms: *end_ms,
            step_ms: interval.length_ms_min(),
            page_rows_max: u64::from(self.page_rows_max),
        };
        let mut asked = 0;
        pages::join(&span, |ask| {
            asked += 1;
            if asked > PAGES_MAX {
                let what = format!("{interval} bars of {symbol}");
                return Err(RestError::TooMuch { what, limit: PAGES_MAX });
            }
            self.page(symbol, *interval, ask)
        })
    }

    /// A page from the cache or from the venue, without bars that are forming.
    fn page(
        &mut self,
        symbol: &str,
        interval: Interval,
        ask: &Ask,
    ) -> Result<Vec<RestBar>, RestError> {
        let path = bars_path(symbol, interval, ask);
        let request = format!("{}{path}", self.caller.base_url_shown());
        let key = Key { symbol, interval: interval.name(), request: &request };
        let found = self.store.as_ref().map_or(Found::Nothing, |store| store.find(key));
        let told = |bars: &[RestBar], is_cached| RestNotice::Page {
            symbol: symbol.to_owned(),
            bars: bars.len(),
            is_cached,
        };
        match found {
            Found::Bars(bars) => {
                (self.caller.tell)(told(&bars, true));
                return Ok(bars);
            }
            Found::Damaged(path, reason) => {
                (self.caller.tell)(RestNotice::CacheDamaged { path, reason });
            }
            Found::Nothing => {}
        }
        let what = format!("{interval} bars of {symbol}");
        let mut bars = self.caller.get(&path, &what, read::bars)?;
        let now_ms = self.now_ms;
        bars.retain(|bar| bar.time_ms.saturating_add(interval.length_ms_min()) <= now_ms);
        (self.caller.tell)(told(&bars, false));
        if let Some(store) = self.store.as_ref().filter(|_| self.is_settled(&bars, interval, ask)) {
            store.keep(key, &bars)?;
        }
        Ok(bars)
    }

    /// Whether a page is the same whenever it is asked for. Where what follows it is asked for as
    /// well, its own bars suffice; else no bar may be missing up to the end.
    fn is_settled(&self, bars: &[RestBar], interval: Interval, ask: &Ask) -> bool {
        let is_old = |time_ms: u64| {
            let settled_ms = interval.length_ms_max() + SETTLED_MS;
            time_ms.saturating_add(settled_ms) <= self.now_ms
        };
        let newest_ms = bars.iter().map(|bar| bar.time_ms).max();
        ask.end_ms.is_some_and(is_old) || (ask.is_followed && newest_ms.is_some_and(is_old))
    }

    /// The bars of `symbols` that are forming.
    ///
    /// # Errors
    /// Any [`RestError`] but those of the cache.
    pub fn latest(
        &mut self,
        symbols: &[String],
        interval: Interval,
    ) -> Result<Vec<LatestBar>, RestError> {
        symbols.iter().try_for_each(|symbol| check_symbol(symbol))?;
        let mut latest = Vec::new();
        for some in symbols.chunks(SYMBOLS_PER_REQUEST) {
            let list = some.iter().map(|it| percent_encode(it)).collect::<Vec<_>>().join(",");
            let path = format!("/v1/market/kline/latest?symbols={list}&interval={interval}");
            let what = format!("latest {interval} bars of {}", some.join(", "));
            latest.extend(self.caller.get(&path, &what, read::latest)?);
        }
        Ok(latest)
    }

    /// Names of the intervals that the venue has bars of.
    ///
    /// # Errors
    /// As [`RestClient::latest`].
    pub fn intervals(&mut self) -> Result<Vec<String>, RestError> {
        self.caller.get("/v1/market/intervals/kline", "intervals", read::intervals)
    }

    /// The book of a symbol, at most `levels` a side; the venue has at most 50.
    ///
    /// # Errors
    /// As [`RestClient::latest`].
    pub fn depth(&mut self, symbol: &str, levels: u32) -> Result<RestDepth, RestError> {
        check_symbol(symbol)?;
        let path = format!("/v1/market/depth?symbol={}&limit={levels}", percent_encode(symbol));
        let what = format!("depth of {symbol}");
        self.caller.get(&path, &what, |data| read::depth(data, symbol))
    }

    /// The latest executions of a symbol by rising time; the venue has at most 1,000.
    ///
    /// # Errors
    /// As [`RestClient::latest`].
    pub fn trades(&mut self, symbol: &str, limit: u32) -> Result<Vec<RestTrade>, RestError> {
        check_symbol(symbol)?;
        let path = format!("/v1/market/trades?symbol={}&limit={limit}", percent_encode(symbol));
        let what = format!("trades of {symbol}");
        let mut trades = self.caller.get(&path, &what, read::trades)?;
        if let ([first, ..], [.., last]) = (&trades[..], &trades[..])
            && first.time_ms > last.time_ms
        {
            // Whole, so that trades of one time stay in the order in which they happened.
            trades.reverse();
        }
        trades.sort_by_key(|trade| trade.time_ms);
        Ok(trades)
    }

    /// Every symbol of a market (`GLOBAL`, `US`, `HK`, `CN`), or of all of them.
    ///
    /// # Errors
    /// As [`RestClient::latest`].
    pub fn symbols(&mut self, market: Option<&str>) -> Result<Vec<RestSymbol>, RestError> {
        let mut all: Vec<RestSymbol> = Vec::new();
        let market = market.map(|it| format!("&market={}", percent_encode(it))).unwrap_or_default();
        let mut offset = 0;
        while offset < SYMBOLS_MAX {
            let limit = self.page_rows_max;
            let path = format!("/v1/symbols/available?limit={limit}&offset={offset}{market}");
            let (page, total) = self.caller.get(&path, "symbols", read::symbols)?;
            if page.is_empty() {
                break;
            }
            offset += page.len();
            all.extend(page);
            if total.is_some_and(|total| offset as u64 >= total) {
                break;
            }
        }
        // A symbol that was listed while pages were turned comes twice.
        let mut seen = std::collections::HashSet::new();
        all.retain(|it| seen.insert(it.symbol.clone()));
        Ok(all)
    }
}

impl fmt::Debug for RestClient {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let base_url = self.caller.base_url_shown();
        out.debug_struct("RestClient").field("base_url", &base_url).finish_non_exhaustive()
    }
}

fn bars_path(symbol: &str, interval: Interval, ask: &Ask) -> String {
    let Ask { start_ms, end_ms, rows_max, .. } = ask;
    let boundary =
        |name, at: &Option<u64>| at.map(|at| format!("&{name}={at}")).unwrap_or_default();
    format!(
        "/v1/market/kline?symbol={}&interval={interval}&limit={rows_max}{}{}",
        percent_encode(symbol),
        boundary("start_time", start_ms),
        boundary("end_time", end_ms)
    )
}

fn check_symbol(symbol: &str) -> Result<(), RestError> {
    let is_symbol = |it: &str| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b".-_/:^".contains(&byte);
        (1..=64).contains(&it.len()) && it.bytes().all(is_part)
    };
    if is_symbol(symbol) {
        return Ok(());
    }
    let words = format!("`{symbol}` is no symbol: 1 to 64 letters, digits or any of . - _ / : ^");
    Err(RestError::Request(words))
}

#[cfg(test)]
mod tests;
