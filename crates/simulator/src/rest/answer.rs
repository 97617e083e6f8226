//! What each request is answered with.

use std::collections::HashMap;
use std::fmt::Write;

use super::market::{Bar, INTERVALS, Market, Trade, interval};
use super::walk::cents;
use super::{ROWS_MAX, RestEndpoint, RestOrder, RestServerConfig, RestShape};
use crate::KeyCheck;
use crate::server::http::Asked;
use crate::server::reply::message;

/// An answer before it is put into its envelope.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) code: u16,
    /// JSON.
    pub(super) data: String,
    pub(super) bars: u64,
    /// Whether `data` is all.
    pub(super) is_bare: bool,
}

const INFALLIBLE: &str = "memory can be written";

/// Levels of a made-up book.
const LEVELS_MAX: u64 = 50;

/// Answers a request as the configuration says.
pub(super) fn answer(config: &RestServerConfig, market: &mut Market, asked: &Asked) -> Answer {
    match well(config, market, asked) {
        Ok((data, bars)) => {
            let is_bare = config.form.shape == RestShape::Bare;
            Answer { status: 200, code: 0, data, bars, is_bare }
        }
        Err(code) => {
            let status = match code {
                1001 | 1002 => 401,
                NO_PATH => 404,
                _ => 200,
            };
            Answer { status, code, data: "null".to_owned(), bars: 0, is_bare: false }
        }
    }
}

/// The venue's envelope.
pub(super) fn envelope(code: u16, data: &str) -> String {
    format!(r#"{{"code":{code},"message":"{}","data":{data}}}"#, message(code))
}

fn well(
    config: &RestServerConfig,
    market: &mut Market,
    asked: &Asked,
) -> Result<(String, u64), u16> {
    check_key(&config.api_key, asked.key.as_deref())?;
    let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
    let query = Query(query.split('&').filter_map(|it| it.split_once('=')).collect());
    match path {
        "/v1/market/kline" => klines(config, market, &query),
        "/v1/market/kline/latest" => latest(config, market, &query),
        "/v1/market/intervals/kline" => Ok((intervals(), 0)),
        "/v1/market/depth" => Ok((depth(market, &query)?, 0)),
        "/v1/market/trades" => Ok((trades(market, &query)?, 0)),
        "/v1/symbols/available" => Ok((symbols(market, &query)?, 0)),
        _ => Err(NO_PATH),
    }
}

fn check_key(check: &KeyCheck, key: Option<&str>) -> Result<(), u16> {
    match (check, key.filter(|it| !it.is_empty())) {
        (KeyCheck::Off, _) | (KeyCheck::Any, Some(_)) => Ok(()),
        (KeyCheck::Exactly(wanted), Some(key)) if wanted == key => Ok(()),
        (KeyCheck::Exactly(_), Some(_)) => Err(1001),
        (_, None) => Err(1002),
    }
}

/// A request's parameters by name.
struct Query<'a>(HashMap<&'a str, &'a str>);

impl Query<'_> {
    fn text(&self, name: &str) -> Result<String, u16> {
        self.0.get(name).map(|it| decoded(it)).filter(|it| !it.is_empty()).ok_or(2001)
    }

    fn number(&self, name: &str) -> Result<Option<u64>, u16> {
        self.0.get(name).map(|it| it.parse().map_err(|_| 2001)).transpose()
    }

    fn limit(&self, default: u64, limit_max: u64) -> Result<u64, u16> {
        match self.number("limit")?.unwrap_or(default) {
            0 => Err(2001),
            limit if limit > limit_max => Err(2004),
            limit => Ok(limit),
        }
    }
}

fn klines(
    config: &RestServerConfig,
    market: &mut Market,
    query: &Query<'_>,
) -> Result<(String, u64), u16> {
    let symbol = query.text("symbol")?;
    let (name, _, has_history) = interval(&query.text("interval")?).ok_or(2001_u16)?;
    let limit = query.limit(100, u64::from(ROWS_MAX))?.min(u64::from(config.page_rows_max));
    let (start_ms, end_ms) = (query.number("start_time")?, query.number("end_time")?);
    if !has_history {
        return Err(2001);
    }
    if start_ms.zip(end_ms).is_some_and(|(start_ms, end_ms)| start_ms > end_ms) {
        return Err(2003);
    }
    let (bars, _) = market.bars(&symbol, name).ok_or(2002_u16)?;
    let from = bars.partition_point(|bar| bar.time_ms < start_ms.unwrap_or(0));
    let to = bars.partition_point(|bar| bar.time_ms <= end_ms.unwrap_or(u64::MAX));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let range = &bars[from..to.max(from)];
    let is_first = start_ms.is_some() && config.form.endpoint == RestEndpoint::Start;
    let page = if is_first {
        &range[..limit.min(range.len())]
    } else {
        &range[range.len().saturating_sub(limit)..]
    };
    let rows = rows(config, page);
    let data = match config.form.shape {
        RestShape::Documented => object(&symbol, name, &rows),
        RestShape::Article | RestShape::Bare => rows,
    };
    Ok((data, page.len() as u64))
}

fn latest(
    config: &RestServerConfig,
    market: &mut Market,
    query: &Query<'_>,
) -> Result<(String, u64), u16> {
    let (name, _, _) = interval(&query.text("interval")?).ok_or(2001_u16)?;
    let mut objects = Vec::new();
    for symbol in query.text("symbols")?.split(',') {
        let (completed, forming) = market.bars(symbol, name).ok_or(2002_u16)?;
        let bar = forming.or_else(|| completed.last());
        objects.push(object(symbol, name, &rows(config, bar.map_or(&[], std::slice::from_ref))));
    }
    Ok((format!("[{}]", objects.join(",")), objects.len() as u64))
}

fn object(symbol: &str, interval: &str, rows: &str) -> String {
    format!(r#"{{"symbol":"{symbol}","interval":"{interval}","klines":{rows}}}"#)
}

fn rows(config: &RestServerConfig, bars: &[Bar]) -> String {
    let quote = if config.form.shape == RestShape::Documented { "\"" } else { "" };
    let row = |bar: &Bar| {
        let Bar { time_ms, open, high, low, close, volume, quote_volume } = bar;
        let number = |name: &str, value: &str| format!(r#","{name}":{quote}{value}{quote}"#);
        let mut row = format!(r#"{{"time":{time_ms}"#);
        let prices = [("open", open), ("high", high), ("low", low), ("close", close)];
        for (name, value) in prices.into_iter().chain([("volume", volume)]) {
            row.push_str(&number(name, value));
        }
        if let Some(value) = quote_volume {
            row.push_str(&number("quote_volume", value));
        }
        row.push('}');
        row
    };
    let mut rows: Vec<String> = bars.iter().map(row).collect();
    if config.form.order == RestOrder::Falling {
        rows.reverse();
    }
    format!("[{}]", rows.join(","))
}

fn intervals() -> String {
    let names = INTERVALS.map(|row| format!("\"{}\"", row.0)).join(",");
    format!(r#"{{"count":{},"description":"intervals","intervals":[{names}]}}"#, INTERVALS.len())
}

/// A book a cent wide at the last price.
fn depth(market: &mut Market, query: &Query<'_>) -> Result<String, u16> {
    let symbol = query.text("symbol")?;
    let levels = query.limit(10, LEVELS_MAX)?;
    let price = market.last_price(&symbol).ok_or(2002_u16)?;
    let (whole, fraction) = price.split_once('.').unwrap_or((&price, "00"));
    let whole: u64 = whole.parse().map_err(|_| 5000_u16)?;
    let fraction: u64 = format!("{fraction}00")[..2].parse().map_err(|_| 5000_u16)?;
    let middle = whole.saturating_mul(100).saturating_add(fraction);
    let level = |price: u64, index: u64| format!(r#"["{}","{}"]"#, cents(price), 100 * (index + 1));
    let side = |price: &dyn Fn(u64) -> u64| {
        (0..levels).map(|it| level(price(it), it)).collect::<Vec<_>>().join(",")
    };
    let bids = side(&|index| middle.saturating_sub(index));
    let asks = side(&|index| middle + 1 + index);
    let time_ms =
        market.bars(&symbol, "1m").and_then(|(bars, _)| bars.last()).map_or(0, |it| it.time_ms);
    Ok(format!(r#"{{"symbol":"{symbol}","timestamp":{time_ms},"bids":[{bids}],"asks":[{asks}]}}"#))
}

/// Recorded trades, or the closes of bars where there are none.
fn trades(market: &mut Market, query: &Query<'_>) -> Result<String, u16> {
    let symbol = query.text("symbol")?;
    let limit = usize::try_from(query.limit(100, u64::from(ROWS_MAX))?).unwrap_or(usize::MAX);
    let recorded = market.trades.get(&symbol).cloned();
    let all = match recorded {
        Some(trades) => trades,
        None => {
            let (bars, _) = market.bars(&symbol, "1m").ok_or(2002_u16)?;
            bars.iter().rev().take(limit).rev().map(made_up).collect()
        }
    };
    let mut rows = String::new();
    for trade in &all[all.len().saturating_sub(limit)..] {
        let Trade { id, price, quantity, side, time_ms } = trade;
        let comma = if rows.is_empty() { "" } else { "," };
        write!(
            rows,
            r#"{comma}{{"id":"{id}","price":"{price}","quantity":"{quantity}","side":"{side}","timestamp":{time_ms}}}"#
        )
        .expect(INFALLIBLE);
    }
    Ok(format!(r#"{{"symbol":"{symbol}","trades":[{rows}]}}"#))
}

fn made_up(bar: &Bar) -> Trade {
    Trade {
        id: format!("{}_0", bar.time_ms),
        price: bar.close.clone(),
        quantity: bar.volume.clone(),
        side: if bar.open <= bar.close { "buy" } else { "sell" },
        time_ms: bar.time_ms,
    }
}

fn symbols(market: &Market, query: &Query<'_>) -> Result<String, u16> {
    let limit = query.limit(100, u64::from(ROWS_MAX))?;
    let offset = query.number("offset")?.unwrap_or(0);
    let wanted = query.0.get("market").copied();
    let of = |symbol: &str| match symbol.rsplit_once('.') {
        Some((_, "US")) => ("US", "stock", "USD"),
        Some((_, "HK")) => ("HK", "stock", "HKD"),
        Some((_, "SH" | "SZ" | "BJ")) => ("CN", "stock", "CNY"),
        _ => ("GLOBAL", "crypto", "USDT"),
    };
    let all: Vec<&str> =
        market.symbols().filter(|it| wanted.is_none_or(|wanted| of(it).0 == wanted)).collect();
    let from = usize::try_from(offset).unwrap_or(usize::MAX).min(all.len());
    let page = &all
        [from..all.len().min(from.saturating_add(usize::try_from(limit).unwrap_or(usize::MAX)))];
    let row = |symbol: &&str| {
        let (market, kind, currency) = of(symbol);
        format!(
            r#"{{"symbol":"{symbol}","name":"{symbol}","market":"{market}","type":"{kind}","currency":"{currency}","is_active":true}}"#
        )
    };
    let rows = page.iter().map(row).collect::<Vec<_>>().join(",");
    Ok(format!(
        r#"{{"products":[{rows}],"summary":{{}},"pagination":{{"limit":{limit},"offset":{offset},"total":{},"count":{}}}}}"#,
        all.len(),
        page.len()
    ))
}

/// `%XX` as the byte that it stands for.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = (first == b'%').then(|| after.get(..2)).flatten();
        let digits = digits.and_then(|it| std::str::from_utf8(it).ok());
        let byte = digits.and_then(|it| u8::from_str_radix(it, 16).ok());
        bytes.push(byte.unwrap_or(first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Stands for a path that there is not; the venue documents no code for it.
const NO_PATH: u16 = 404;
