//! A recorded Binance message: its kind, and the members that matter. Spot and USD-M.

use serde_json::{Map, Value};

/// What a line holds.
#[derive(Debug)]
pub(crate) enum Line {
    /// The best bid and ask changed.
    Top { symbol: String, bid: String, ask: String, time_ms: Option<u64> },
    /// An execution.
    Trade { symbol: String, trade: TradeLine },
    /// Levels of a book changed.
    Diff { symbol: String, diff: Diff },
    /// A whole book as the REST call returns it, without a symbol.
    Snapshot(Snapshot),
}

#[derive(Debug)]
pub(crate) struct TradeLine {
    pub(crate) id: u64,
    pub(crate) price: String,
    pub(crate) quantity: String,
    pub(crate) buyer_was_maker: bool,
    pub(crate) time_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Diff {
    /// First and last update inside.
    pub(crate) first: u64,
    pub(crate) last: u64,
    /// Last update of the diff before, which USD-M alone sends.
    pub(crate) previous: Option<u64>,
    pub(crate) bids: Vec<LevelText>,
    pub(crate) asks: Vec<LevelText>,
    pub(crate) time_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) last: u64,
    pub(crate) bids: Vec<LevelText>,
    pub(crate) asks: Vec<LevelText>,
}

/// Price and quantity as received. The price is a decimal number.
pub(crate) type LevelText = (String, String);

/// Reads a line; `None` for what is no message of these kinds.
pub(crate) fn parse(text: &[u8]) -> Option<Line> {
    let Value::Object(mut message) = serde_json::from_slice(text).ok()? else { return None };
    if let Some(Value::Object(data)) = message.remove("data") {
        return parse_event(data);
    }
    if message.contains_key("lastUpdateId") {
        let last = message.get("lastUpdateId")?.as_u64()?;
        let (bids, asks) = (levels(&mut message, "bids")?, levels(&mut message, "asks")?);
        return Some(Line::Snapshot(Snapshot { last, bids, asks }));
    }
    parse_event(message)
}

fn parse_event(mut data: Map<String, Value>) -> Option<Line> {
    let symbol = text(&mut data, "s")?;
    let time_ms = ["T", "E"].iter().find_map(|&name| data.get(name)?.as_u64());
    match data.get("e").and_then(Value::as_str) {
        // Spot sends the top of book without a name.
        None | Some("bookTicker") => {
            let (bid, ask) = (number(&mut data, "b")?, number(&mut data, "a")?);
            Some(Line::Top { symbol, bid, ask, time_ms })
        }
        Some("trade") => {
            let trade = TradeLine {
                id: data.get("t")?.as_u64()?,
                price: number(&mut data, "p")?,
                quantity: number(&mut data, "q")?,
                buyer_was_maker: data.get("m")?.as_bool()?,
                time_ms: time_ms?,
            };
            Some(Line::Trade { symbol, trade })
        }
        Some("depthUpdate") => {
            let diff = Diff {
                first: data.get("U")?.as_u64()?,
                last: data.get("u")?.as_u64()?,
                previous: data.get("pu").and_then(Value::as_u64),
                bids: levels(&mut data, "b")?,
                asks: levels(&mut data, "a")?,
                time_ms: time_ms?,
            };
            Some(Line::Diff { symbol, diff })
        }
        Some(_) => None,
    }
}

fn levels(data: &mut Map<String, Value>, name: &str) -> Option<Vec<LevelText>> {
    let Value::Array(levels) = data.remove(name)? else { return None };
    levels.into_iter().map(level).collect()
}

fn level(value: Value) -> Option<LevelText> {
    let Value::Array(pair) = value else { return None };
    let mut texts = pair.into_iter().map(|value| match value {
        Value::String(text) if is_number(&text) => Some(text),
        _ => None,
    });
    Some((texts.next()??, texts.next()??))
}

/// A string member that is a decimal number, so that it can be written without quotes as well.
fn number(data: &mut Map<String, Value>, name: &str) -> Option<String> {
    text(data, name).filter(|text| is_number(text))
}

fn text(data: &mut Map<String, Value>, name: &str) -> Option<String> {
    match data.remove(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Digits, with at most one point between them.
pub(crate) fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    [whole, fraction]
        .iter()
        .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_book_of_both_markets_is_known() {
        let spot = br#"{"stream":"btcusdt@bookTicker","data":{"u":50093239212,"s":"BTCUSDT","b":"61837.63000000","B":"3.78826000","a":"61837.64000000","A":"1.54698000"}}"#;
        let Some(Line::Top { symbol, bid, ask, time_ms }) = parse(spot) else { panic!("no top") };
        assert_eq!(
            (symbol.as_str(), bid.as_str(), ask.as_str()),
            ("BTCUSDT", "61837.63000000", "61837.64000000")
        );
        assert_eq!(time_ms, None);
        let futures = br#"{"stream":"btcusdt@bookTicker","data":{"e":"bookTicker","u":5,"s":"BTCUSDT","b":"61800.20","B":"2.507","a":"61800.30","A":"2.510","T":1723161256313,"E":1723161256314}}"#;
        let Some(Line::Top { time_ms, .. }) = parse(futures) else { panic!("no top") };
        assert_eq!(time_ms, Some(1_723_161_256_313));
    }

    #[test]
    fn a_trade_is_known_with_and_without_a_stream_name() {
        for (before, after) in [(r#"{"stream":"btcusdt@trade","data":"#, "}"), ("", "")] {
            let text = format!(
                r#"{before}{{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}}{after}"#
            );
            let Some(Line::Trade { trade, .. }) = parse(text.as_bytes()) else {
                panic!("no trade")
            };
            assert_eq!((trade.id, trade.time_ms), (3_735_683_259, 1_723_161_255_342));
            assert_eq!(
                (trade.price.as_str(), trade.quantity.as_str()),
                ("61837.63000000", "0.02000000")
            );
            assert!(trade.buyer_was_maker);
        }
    }

    #[test]
    fn diffs_and_snapshots_keep_their_numbers_as_text() {
        let diff = br#"{"stream":"x","data":{"e":"depthUpdate","E":9,"s":"X","U":3,"u":7,"pu":2,"b":[["1.50","0.000"]],"a":[]}}"#;
        let Some(Line::Diff { diff, .. }) = parse(diff) else { panic!("no diff") };
        assert_eq!((diff.first, diff.last, diff.previous, diff.time_ms), (3, 7, Some(2), 9));
        assert_eq!(diff.bids, [("1.50".to_owned(), "0.000".to_owned())]);
        let snapshot = br#"{"lastUpdateId":5,"bids":[],"asks":[["2","10"]]}"#;
        let Some(Line::Snapshot(snapshot)) = parse(snapshot) else { panic!("no snapshot") };
        assert_eq!((snapshot.last, snapshot.asks.len()), (5, 1));
    }

    #[track_caller]
    fn check_nothing(text: &str) {
        assert!(parse(text.as_bytes()).is_none(), "{text}");
    }

    #[test]
    fn anything_else_is_nothing() {
        check_nothing("");
        check_nothing("[]");
        check_nothing(r#"{"result":null,"id":1}"#);
        check_nothing(r#"{"e":"serverShutdown","E":1770123456789}"#);
        check_nothing(r#"{"e":"trade","E":1,"T":1,"s":"X","t":1,"p":"1e5","q":"1","m":true}"#);
        check_nothing(r#"{"stream":"x@depth20","data":{"lastUpdateId":160,"bids":[],"asks":[]}}"#);
    }
}
