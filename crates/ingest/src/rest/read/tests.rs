use super::*;

fn said<T>(
    text: &str,
    read: impl FnMut(Value<'_, '_>) -> Result<T, DecodeError>,
) -> Result<T, String> {
    match answer(&mut Json::new(), text, read) {
        Said::Well(data) => Ok(data),
        Said::Refused { code, meaning, message } => Err(format!("{code} {meaning:?} {message}")),
        Said::Unreadable(words) => Err(words),
    }
}

const DOCUMENTED: &str = r#"{"code":0,"message":"success","data":{"symbol":"700.HK","interval":"1h","klines":[{"time":1773291600000,"open":"545.5","high":"546.5","low":"541.5","close":"543.5","volume":"1549300","quote_volume":"842560983.33"}]}}"#;
const ARTICLE: &str = r#"{"code":0,"data":[{"time":1773291600000,"open":545.5,"high":546.5,"low":541.5,"close":543.5,"volume":1549300,"quote_volume":842560983.33}]}"#;
const BARE: &str = r#"[{"time":1773291600000,"open":545.5,"high":"546.5","low":541.5,"close":543.5,"volume":1549300,"quote_volume":"842560983.33"}]"#;

#[test]
fn bars_are_read_in_every_shape_to_the_last_digit() {
    let documented = said(DOCUMENTED, bars).unwrap();
    assert_eq!(documented[0].time_ms, 1_773_291_600_000);
    assert_eq!(documented[0].open.as_str(), "545.5");
    assert_eq!(documented[0].quote_volume.as_ref().unwrap().as_str(), "842560983.33");
    assert_eq!(said(ARTICLE, bars).unwrap(), documented);
    assert_eq!(said(BARE, bars).unwrap(), documented);
    let many = ARTICLE.replace("545.5", "0.123456789012345678901");
    assert_eq!(said(&many, bars).unwrap()[0].open.as_str(), "0.123456789012345678901");
}

#[test]
fn futures_have_open_interest_and_no_quote_volume() {
    let text = r#"{"code":0,"data":{"klines":[{"time":1,"open":"1","high":"1","low":"1","close":"1","volume":"1","open_interest":"77"}]}}"#;
    let bars = said(text, bars).unwrap();
    assert_eq!(bars[0].quote_volume, None);
    assert_eq!(bars[0].open_interest.as_ref().unwrap().as_str(), "77");
}

#[test]
fn the_latest_bars_name_their_symbols() {
    let text = r#"{"code":0,"message":"success","data":[{"symbol":"AAPL.US","interval":"3m","klines":[{"time":1773259020000,"open":"260.86","high":"261.05","low":"260.7","close":"260.81","volume":"963419","quote_volume":"251311057.55"}]}]}"#;
    let latest = said(text, latest).unwrap();
    assert_eq!((latest[0].symbol.as_str(), latest[0].bar.time_ms), ("AAPL.US", 1_773_259_020_000));
}

#[test]
fn a_book_has_levels_as_pairs_or_objects() {
    let text = r#"{"code":0,"message":"success","data":{"symbol":"700.HK","timestamp":1768274016162,"bids":[["626","19700"],["625.5","40800"]],"asks":[{"price":626.5,"size":36100}]}}"#;
    let depth = said(text, |data| depth(data, "x")).unwrap();
    assert_eq!((depth.symbol.as_str(), depth.time_ms), ("700.HK", Some(1_768_274_016_162)));
    assert_eq!((depth.bids.len(), depth.asks[0].quantity.as_str()), (2, "36100"));
    let flat = said(r#"{"bids":[],"asks":null}"#, |data| super::depth(data, "x")).unwrap();
    assert_eq!(flat.symbol, "x");
    assert!(said(r#"{"code":0,"data":{}}"#, |data| super::depth(data, "x")).is_err());
}

#[test]
fn trades_and_symbols_and_intervals_are_read() {
    let text = r#"{"code":0,"message":"success","data":{"symbol":"BU2609","type":"futures","trades":[{"id":"1703123456789_0","price":"4315.00","quantity":"2","side":"sell","timestamp":1703123456789,"open_interest_change":0,"position_effect":"short_transfer"}]}}"#;
    let trades = said(text, trades).unwrap();
    assert_eq!(trades[0].id.as_deref(), Some("1703123456789_0"));
    assert_eq!((trades[0].price.as_str(), trades[0].side.as_deref()), ("4315.00", Some("sell")));
    let text = r#"{"code":0,"data":{"products":[{"symbol":"AAPL.US","type":"stock","is_active":true}],"pagination":{"total":9}}}"#;
    let (symbols, total) = said(text, symbols).unwrap();
    assert_eq!((symbols[0].kind.as_deref(), symbols[0].is_active), (Some("stock"), Some(true)));
    assert_eq!(total, Some(9));
    let text = r#"{"code":0,"data":{"count":2,"intervals":["1m","3m"]}}"#;
    assert_eq!(said(text, intervals).unwrap(), ["1m", "3m"]);
}

#[test]
fn a_code_other_than_0_is_a_refusal_whatever_its_form() {
    for code in ["1001", "\"1001\""] {
        let text = format!(r#"{{"code":{code},"message":"Invalid or expired token"}}"#);
        assert_eq!(said(&text, bars), Err("1001 KeyRefused Invalid or expired token".to_owned()));
    }
    let text = r#"{"code":"AMBIGUOUS_SYMBOL","message":"pass type"}"#;
    assert_eq!(said(text, bars), Err("-1 AmbiguousSymbol pass type".to_owned()));
}

#[test]
fn what_is_no_answer_is_said_to_be_none() {
    for text in ["", "<html>", "{}", "7", r#"{"code":0}"#, r#"{"code":0,"data":null}"#] {
        let words = said(text, bars).unwrap_err();
        assert!(words.starts_with("the answer cannot be read: "), "{text}: {words}");
    }
    let text = DOCUMENTED.replace("\"545.5\"", "\"many\"");
    assert!(said(&text, bars).unwrap_err().contains("open"));
}

#[test]
fn a_status_stands_in_for_a_code_that_the_body_lacks() {
    let refusal = |text, status| match refusal::<()>(&mut Json::new(), text, status) {
        Said::Refused { code, meaning, .. } => (code, meaning),
        other => panic!("{other:?}"),
    };
    assert_eq!(refusal("", 401), (401, Meaning::KeyRefused));
    assert_eq!(refusal("<html>", 429), (429, Meaning::RateLimited));
    assert_eq!(refusal(r#"{"code":3002,"message":"x"}"#, 429), (3_002, Meaning::QuotaUsed));
    assert_eq!(refusal(r#"{"code":0}"#, 503), (503, Meaning::ServerFault));
}
