//! Answers as the vendor documents them, and as its article has them. Pure.

use crate::json::{Json, Value};
use crate::venue::DecodeError;
use crate::venue::tickdb::{Code, Meaning};

use super::{Exact, LatestBar, RestBar, RestDepth, RestLevel, RestSymbol, RestTrade};

/// What an answer says about the request.
#[derive(Debug)]
pub(super) enum Said<T> {
    Well(T),
    /// The venue's code, what it means and the venue's words.
    Refused {
        code: i64,
        meaning: Meaning,
        message: String,
    },
    /// No answer to what was asked; in words, why.
    Unreadable(String),
}

/// Reads an answer: its envelope, and with `read` its data. An answer without an envelope is all data.
pub(super) fn answer<T>(
    json: &mut Json,
    text: &str,
    mut read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
) -> Said<T> {
    let said = json.read_quoted(text.as_bytes(), |root| {
        if let Some(refused) = refused(root) {
            return Ok(refused);
        }
        let is_enveloped = root.get("code").is_some() || root.get("data").is_some();
        let data = if is_enveloped { root.need("data")? } else { root };
        read(data).map(Said::Well)
    });
    said.unwrap_or_else(|error| Said::Unreadable(format!("the answer cannot be read: {error}")))
}

/// What a code other than 0 says; `code` stands in for one that the body lacks.
pub(super) fn refusal<T>(json: &mut Json, text: &str, status: u16) -> Said<T> {
    let said = json.read_quoted(text.as_bytes(), |root| Ok(refused(root)));
    said.ok().flatten().unwrap_or_else(|| {
        let code = Code::Number(i64::from(status));
        let message = format!("HTTP {status}");
        Said::Refused { code: code.number(), meaning: Meaning::of(code, ""), message }
    })
}

fn refused<T>(root: Value<'_, '_>) -> Option<Said<T>> {
    let code = root.get("code")?;
    let code =
        code.integer().map_or_else(|| code.text().map(Code::Word), |it| Some(Code::Number(it)));
    let code = code.filter(|it| *it != Code::Number(0))?;
    let message = root.get("message").and_then(Value::text).unwrap_or("no message");
    let meaning = Meaning::of(code, message);
    Some(Said::Refused { code: code.number(), meaning, message: message.to_owned() })
}

/// Bars: `data` is an object with `klines`, or the list itself.
pub(super) fn bars(data: Value<'_, '_>) -> Result<Vec<RestBar>, DecodeError> {
    list(data, "klines")?.map(bar).collect()
}

/// The latest bars: a list of objects with `klines`, or one of them.
pub(super) fn latest(data: Value<'_, '_>) -> Result<Vec<LatestBar>, DecodeError> {
    let mut latest = Vec::new();
    let mut add = |of: Value<'_, '_>| {
        let symbol = of.need_text("symbol")?;
        for bar in bars(of)? {
            latest.push(LatestBar { symbol: symbol.to_owned(), bar });
        }
        Ok(())
    };
    match data.items() {
        Some(items) => items.into_iter().try_for_each(&mut add)?,
        None => add(data)?,
    }
    Ok(latest)
}

fn bar(bar: Value<'_, '_>) -> Result<RestBar, DecodeError> {
    Ok(RestBar {
        time_ms: bar.need_whole("time")?,
        open: exact(bar, "open")?,
        high: exact(bar, "high")?,
        low: exact(bar, "low")?,
        close: exact(bar, "close")?,
        volume: exact(bar, "volume")?,
        quote_volume: exact_if_any(bar, "quote_volume")?,
        open_interest: exact_if_any(bar, "open_interest")?,
    })
}

pub(super) fn depth(data: Value<'_, '_>, asked: &str) -> Result<RestDepth, DecodeError> {
    let side = |field| match data.get(field) {
        Some(levels) => levels
            .items()
            .ok_or(DecodeError::WrongType { field })?
            .map(|it| level(it, field))
            .collect(),
        None => Ok(Vec::new()),
    };
    if !data.is_object() || (data.get("bids").is_none() && data.get("asks").is_none()) {
        return Err(DecodeError::MissingField { field: "bids" });
    }
    Ok(RestDepth {
        symbol: data.get("symbol").and_then(Value::text).unwrap_or(asked).to_owned(),
        time_ms: data.get("timestamp").and_then(Value::whole),
        bids: side("bids")?,
        asks: side("asks")?,
    })
}

/// A level is `[price, quantity]`; an object is accepted too.
fn level(level: Value<'_, '_>, field: &'static str) -> Result<RestLevel, DecodeError> {
    if level.is_object() {
        return Ok(RestLevel { price: exact(level, "price")?, quantity: quantity(level)? });
    }
    let mut pair = level.items().ok_or(DecodeError::WrongType { field })?;
    let mut next = || number(pair.next().ok_or(DecodeError::MissingField { field })?, field);
    Ok(RestLevel { price: next()?, quantity: next()? })
}

pub(super) fn trades(data: Value<'_, '_>) -> Result<Vec<RestTrade>, DecodeError> {
    list(data, "trades")?.map(trade).collect()
}

fn trade(trade: Value<'_, '_>) -> Result<RestTrade, DecodeError> {
    let text = |name| trade.get(name).and_then(Value::text).map(str::to_owned);
    Ok(RestTrade {
        id: text("id"),
        price: exact(trade, "price")?,
        quantity: quantity(trade)?,
        side: text("side"),
        time_ms: trade.need_whole("timestamp")?,
    })
}

/// A page of symbols, and how many there are in all where the venue says so.
pub(super) fn symbols(data: Value<'_, '_>) -> Result<(Vec<RestSymbol>, Option<u64>), DecodeError> {
    let total = data.get("pagination").and_then(|it| it.get("total")).and_then(Value::whole);
    let symbols: Result<_, DecodeError> = list(data, "products")?.map(symbol).collect();
    Ok((symbols?, total))
}

fn symbol(product: Value<'_, '_>) -> Result<RestSymbol, DecodeError> {
    let text = |name: &str| product.get(name).and_then(Value::text).map(str::to_owned);
    if let Some(symbol) = product.text() {
        return Ok(RestSymbol { symbol: symbol.to_owned(), ..RestSymbol::default() });
    }
    Ok(RestSymbol {
        symbol: product.need_text("symbol")?.to_owned(),
        name: text("name"),
        market: text("market"),
        kind: text("type"),
        currency: text("currency"),
        is_active: product.get("is_active").and_then(Value::truth),
    })
}

pub(super) fn intervals(data: Value<'_, '_>) -> Result<Vec<String>, DecodeError> {
    let field = "intervals";
    let name = |it: Value<'_, '_>| {
        let name = it.text().or_else(|| it.get("interval")?.text());
        name.map(str::to_owned).ok_or(DecodeError::WrongType { field })
    };
    list(data, field)?.map(name).collect()
}

/// The list that `data` is, or that it holds under `field`.
fn list<'tape, 'text>(
    data: Value<'tape, 'text>,
    field: &'static str,
) -> Result<crate::json::Items<'tape, 'text>, DecodeError> {
    match data.items() {
        Some(items) => Ok(items),
        None => data.need(field)?.items().ok_or(DecodeError::WrongType { field }),
    }
}

fn quantity(value: Value<'_, '_>) -> Result<Exact, DecodeError> {
    let field = if value.get("quantity").is_some() { "quantity" } else { "size" };
    exact(value, field).map_err(|_| DecodeError::WrongType { field: "quantity" })
}

fn exact(value: Value<'_, '_>, field: &'static str) -> Result<Exact, DecodeError> {
    number(value.need(field)?, field)
}

fn exact_if_any(value: Value<'_, '_>, field: &'static str) -> Result<Option<Exact>, DecodeError> {
    let present = value.get(field).filter(|it| it.text() != Some(""));
    present.map(|it| number(it, field)).transpose()
}

fn number(value: Value<'_, '_>, field: &'static str) -> Result<Exact, DecodeError> {
    value.text().and_then(Exact::parse).ok_or(DecodeError::WrongType { field })
}

#[cfg(test)]
mod tests;
