//! What came, as rows.

use std::path::Path;

use tickring_ingest::rest::{
    BarsRequest, Exact, RestBar, RestClient, RestDepth, RestLevel, RestSymbol, RestTrade,
};

use super::progress::{Counts, Watcher};
use super::table::{Column, Kind, Place, Table};
use crate::args::{FetchArgs, FetchFormat, FetchWhat};
use crate::exit::{Exit, Failure};
use crate::rest::failure;

/// Levels of a side, and trades, that come without `--limit`: the venue's own defaults.
const LEVELS_DEFAULT: u64 = 10;
const TRADES_DEFAULT: u64 = 100;

/// The most of each that the venue gives.
const LEVELS_MAX: u64 = 50;
const TRADES_MAX: u64 = 1_000;

const BARS: &[Column] = &[
    ("symbol", Kind::Text),
    ("interval", Kind::Text),
    ("time_ms", Kind::Integer),
    ("open", Kind::Decimal),
    ("high", Kind::Decimal),
    ("low", Kind::Decimal),
    ("close", Kind::Decimal),
    ("volume", Kind::Decimal),
    ("quote_volume", Kind::Decimal),
];

const TRADES: &[Column] = &[
    ("symbol", Kind::Text),
    ("time_ms", Kind::Integer),
    ("id", Kind::Text),
    ("side", Kind::Text),
    ("price", Kind::Decimal),
    ("quantity", Kind::Decimal),
];

const DEPTH: &[Column] = &[
    ("symbol", Kind::Text),
    ("time_ms", Kind::Integer),
    ("side", Kind::Text),
    ("level", Kind::Integer),
    ("price", Kind::Decimal),
    ("quantity", Kind::Decimal),
];

const SYMBOLS: &[Column] = &[
    ("symbol", Kind::Text),
    ("name", Kind::Text),
    ("market", Kind::Text),
    ("type", Kind::Text),
    ("currency", Kind::Text),
    ("is_active", Kind::Truth),
];

const INTERVALS: &[Column] = &[("interval", Kind::Text)];

/// Rows being written, and what is to be said of them.
pub(super) struct Fetched {
    what: FetchWhat,
    /// `None` once it is whole.
    table: Option<Table>,
    rows: u64,
    bytes: u64,
    symbols: Vec<OfSymbol>,
}

/// What came of a symbol.
struct OfSymbol {
    symbol: String,
    rows: u64,
    first_time_ms: Option<u64>,
    last_time_ms: Option<u64>,
}

/// Whether the place can take the rows.
///
/// # Errors
/// The file is there already, or this build cannot write it.
pub(super) fn check(place: &Place) -> Result<(), Failure> {
    let Place { path, format, is_replaced } = place;
    if *format == FetchFormat::Parquet && cfg!(not(feature = "export")) {
        let words = "--format parquet: this build has no `export`: build with `--features export`";
        return Err(Failure::usage(words));
    }
    match path {
        None if *format == FetchFormat::Parquet => {
            Err(Failure::usage("--format parquet: give --out FILE"))
        }
        Some(path) if !is_replaced && path.exists() => {
            let words = format!("{}: is there already: --force replaces it", path.display());
            Err(Failure::new(Exit::InputOutput, words))
        }
        _ => Ok(()),
    }
}

impl Fetched {
    pub(super) fn begin(place: &Place, what: FetchWhat) -> Result<Self, Failure> {
        let columns = match what {
            FetchWhat::Bars | FetchWhat::Latest => BARS,
            FetchWhat::Trades => TRADES,
            FetchWhat::Depth => DEPTH,
            FetchWhat::Symbols => SYMBOLS,
            FetchWhat::Intervals => INTERVALS,
        };
        let table = Some(Table::create(place, columns)?);
        Ok(Self { what, table, rows: 0, bytes: 0, symbols: Vec::new() })
    }

    /// What is no symbol's.
    pub(super) fn list(
        &mut self,
        args: &FetchArgs,
        client: &mut RestClient,
    ) -> Result<(), Failure> {
        if self.what == FetchWhat::Intervals {
            let names = client.intervals().map_err(|error| failure(&error))?;
            return names.iter().try_for_each(|name| self.push(&[Some(name)]));
        }
        let all = client.symbols(args.market.as_deref()).map_err(|error| failure(&error))?;
        for it in all {
            let RestSymbol { symbol, name, market, kind, currency, is_active } = &it;
            let is_active = is_active.map(|it| it.to_string());
            let [name, market, kind, currency] =
                [name, market, kind, currency].map(Option::as_deref);
            self.push(&[Some(symbol), name, market, kind, currency, is_active.as_deref()])?;
        }
        Ok(())
    }

    /// What there is of a symbol.
    pub(super) fn symbol(
        &mut self,
        args: &FetchArgs,
        client: &mut RestClient,
        symbol: &str,
        end_ms: Option<u64>,
    ) -> Result<(), Failure> {
        let failed = |error| failure(&error);
        let of = match self.what {
            FetchWhat::Bars => {
                let request = BarsRequest {
                    symbol: symbol.to_owned(),
                    interval: args.interval,
                    limit: args.limit,
                    start_ms: args.start,
                    end_ms,
                };
                let bars = client.bars(&request).map_err(failed)?;
                self.bars(symbol, args, &bars)?
            }
            FetchWhat::Latest => {
                let asked = [symbol.to_owned()];
                let latest = client.latest(&asked, args.interval).map_err(failed)?;
                let bars: Vec<_> = latest.into_iter().map(|it| it.bar).collect();
                self.bars(symbol, args, &bars)?
            }
            FetchWhat::Trades => {
                let limit = limit(args, TRADES_DEFAULT, TRADES_MAX)?;
                let trades = client.trades(symbol, limit).map_err(failed)?;
                self.trades(symbol, &trades)?
            }
            FetchWhat::Depth => {
                let levels = limit(args, LEVELS_DEFAULT, LEVELS_MAX)?;
                let depth = client.depth(symbol, levels).map_err(failed)?;
                self.depth(symbol, &depth)?
            }
            FetchWhat::Symbols | FetchWhat::Intervals => return Ok(()),
        };
        self.symbols.push(of);
        Ok(())
    }

    fn bars(
        &mut self,
        symbol: &str,
        args: &FetchArgs,
        bars: &[RestBar],
    ) -> Result<OfSymbol, Failure> {
        for bar in bars {
            let RestBar { time_ms, open, high, low, close, volume, quote_volume, .. } = bar;
            let time_ms = time_ms.to_string();
            let [open, high, low, close, volume] =
                [open, high, low, close, volume].map(|it| Some(it.as_str()));
            let quote_volume = quote_volume.as_ref().map(Exact::as_str);
            let head = [Some(symbol), Some(args.interval.name()), Some(&time_ms)];
            let [symbol, interval, time_ms] = head;
            self.push(&[symbol, interval, time_ms, open, high, low, close, volume, quote_volume])?;
        }
        Ok(OfSymbol::new(symbol, bars.iter().map(|it| it.time_ms)))
    }

    fn trades(&mut self, symbol: &str, trades: &[RestTrade]) -> Result<OfSymbol, Failure> {
        for trade in trades {
            let RestTrade { id, price, quantity, side, time_ms } = trade;
            let time_ms = time_ms.to_string();
            let [price, quantity] = [price, quantity].map(|it| Some(it.as_str()));
            let [id, side] = [id, side].map(Option::as_deref);
            self.push(&[Some(symbol), Some(&time_ms), id, side, price, quantity])?;
        }
        Ok(OfSymbol::new(symbol, trades.iter().map(|it| it.time_ms)))
    }

    fn depth(&mut self, symbol: &str, depth: &RestDepth) -> Result<OfSymbol, Failure> {
        let time_ms = depth.time_ms.map(|it| it.to_string());
        for (side, levels) in [("bid", &depth.bids), ("ask", &depth.asks)] {
            for (index, RestLevel { price, quantity }) in levels.iter().enumerate() {
                let level = index.to_string();
                let [price, quantity] = [price, quantity].map(|it| Some(it.as_str()));
                let (time_ms, level) = (time_ms.as_deref(), Some(level.as_str()));
                self.push(&[Some(symbol), time_ms, Some(side), level, price, quantity])?;
            }
        }
        let count = depth.bids.len() + depth.asks.len();
        let times = depth.time_ms.into_iter();
        Ok(OfSymbol { rows: count as u64, ..OfSymbol::new(symbol, times) })
    }

    fn push(&mut self, cells: &[Option<&str>]) -> Result<(), Failure> {
        self.table.as_mut().map_or(Ok(()), |table| table.push(cells))
    }

    /// The file gets its name.
    pub(super) fn finish(mut self) -> Result<Self, Failure> {
        if let Some(table) = self.table.take() {
            (self.rows, self.bytes) = table.finish()?;
        }
        Ok(self)
    }

    pub(super) fn to_text(&self, place: &Place, watcher: &Watcher) -> String {
        let mut text = String::new();
        for OfSymbol { symbol, rows, first_time_ms, last_time_ms } in &self.symbols {
            let times = match first_time_ms.zip(*last_time_ms) {
                Some((first, last)) => format!(", {} to {}", time(first), time(last)),
                None => String::new(),
            };
            text.push_str(&format!("{symbol}: {rows} rows{times}\n"));
        }
        let Counts { pages, pages_cached, retries, .. } = watcher.counts();
        let name = place.path.as_deref().unwrap_or_else(|| Path::new("standard output")).display();
        let (rows, bytes) = (self.rows, self.bytes);
        text.push_str(&format!("{name}: {rows} rows, {bytes} bytes"));
        if self.what == FetchWhat::Bars {
            text.push_str(&format!(", {pages} pages, {pages_cached} of them cached"));
        }
        if retries > 0 {
            text.push_str(&format!(", {retries} requests made again"));
        }
        text
    }

    pub(super) fn to_json(&self, place: &Place, watcher: &Watcher) -> String {
        let Counts { pages, pages_cached, retries, files_damaged } = watcher.counts();
        let symbols: Vec<_> = self.symbols.iter().map(OfSymbol::to_json).collect();
        serde_json::json!({
            "schema_version": 1,
            "command": "fetch",
            "out": place.path.as_ref().map(|it| it.display().to_string()),
            "rows": self.rows,
            "bytes": self.bytes,
            "pages": pages,
            "pages_cached": pages_cached,
            "retries": retries,
            "cache_files_damaged": files_damaged,
            "symbols": symbols,
        })
        .to_string()
    }
}

impl OfSymbol {
    fn new(symbol: &str, mut times_ms: impl DoubleEndedIterator<Item = u64> + Clone) -> Self {
        let rows = times_ms.clone().count() as u64;
        let first_time_ms = times_ms.next();
        let last_time_ms = times_ms.next_back().or(first_time_ms);
        Self { symbol: symbol.to_owned(), rows, first_time_ms, last_time_ms }
    }

    fn to_json(&self) -> serde_json::Value {
        let Self { symbol, rows, first_time_ms, last_time_ms } = self;
        serde_json::json!({
            "symbol": symbol,
            "rows": rows,
            "first_time_ms": first_time_ms,
            "last_time_ms": last_time_ms,
        })
    }
}

fn limit(args: &FetchArgs, default: u64, limit_max: u64) -> Result<u32, Failure> {
    let limit = args.limit.unwrap_or(default);
    let fits = u32::try_from(limit).ok().filter(|_| limit <= limit_max);
    fits.ok_or_else(|| Failure::usage(format!("--limit: the venue gives at most {limit_max}")))
}

/// A time as people read it.
pub(super) fn time(time_ms: u64) -> String {
    let at = std::time::UNIX_EPOCH.checked_add(std::time::Duration::from_millis(time_ms));
    at.map_or_else(|| time_ms.to_string(), |at| humantime::format_rfc3339_seconds(at).to_string())
}
