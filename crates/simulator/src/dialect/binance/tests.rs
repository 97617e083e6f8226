use super::*;

fn client(path: &str) -> Subscriber {
    Subscriber { path: path.to_owned(), ..Subscriber::default() }
}

fn spot() -> Binance {
    Binance::new(Market::Spot)
}

#[track_caller]
fn check_answer(text: &str, expected: &str) {
    let answers = spot().answer(&mut client("/stream"), text);
    let [answer] = answers.as_slice() else { panic!("{answers:?}") };
    let (answer, expected): (Value, Value) =
        (serde_json::from_str(answer).unwrap(), serde_json::from_str(expected).unwrap());
    assert_eq!(answer, expected, "{text}");
}

#[test]
fn commands_are_acknowledged_with_their_id_also_for_streams_that_do_not_exist() {
    let subscribe = r#"{"method":"SUBSCRIBE","params":["btcusdt@trade","no@such"],"id":7}"#;
    check_answer(subscribe, r#"{"result":null,"id":7}"#);
    check_answer(
        r#"{"method":"UNSUBSCRIBE","params":["a@trade"],"id":"x"}"#,
        r#"{"result":null,"id":"x"}"#,
    );
    check_answer(r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#, r#"{"result":[],"id":3}"#);
}

#[test]
fn what_is_no_command_is_refused() {
    check_answer(
        r#"{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}"#,
        r#"{"code":2,"msg":"Invalid request: params must be an array","id":1}"#,
    );
    check_answer(
        r#"{"method":"SUBSCRIBE","params":[1]}"#,
        r#"{"code":2,"msg":"Invalid request: stream names must be strings"}"#,
    );
    check_answer(
        r#"{"id":1}"#,
        r#"{"code":2,"msg":"Invalid request: missing field `method`","id":1}"#,
    );
    check_answer("[]", r#"{"code":2,"msg":"Invalid request: expected an object"}"#);
    for (text, words) in
        [("ping", "Invalid JSON"), (r#"{"method":"X","id":1}"#, "unknown variant `X`")]
    {
        let answers = spot().answer(&mut client("/stream"), text);
        assert!(answers[0].contains(words), "{answers:?}");
    }
    let streams: Vec<_> = (0..=STREAMS_MAX).map(|it| format!("s{it}@trade")).collect();
    let command = json!({ "method": "SUBSCRIBE", "params": streams, "id": 1 }).to_string();
    let mut many = client("/stream");
    assert!(spot().answer(&mut many, &command)[0].contains("too many"));
    assert!(many.topics.is_empty());
}

#[test]
fn a_list_names_the_streams_as_they_were_subscribed() {
    let mut dialect = spot();
    let mut client = client("/stream?streams=btcusdt@trade/btcusdt@depth@100ms");
    assert!(dialect.greet(&mut client).is_empty());
    let subscribe = r#"{"method":"SUBSCRIBE","params":["ethusdt@kline_1m"],"id":1}"#;
    dialect.answer(&mut client, subscribe);
    let unsubscribe = r#"{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":2}"#;
    dialect.answer(&mut client, unsubscribe);
    let list = dialect.answer(&mut client, r#"{"method":"LIST_SUBSCRIPTIONS","id":3}"#);
    let list: Value = serde_json::from_str(&list[0]).unwrap();
    assert_eq!(list["result"], json!(["btcusdt@depth@100ms", "ethusdt@kline_1m"]));
    let topics: Vec<_> = client.topics.iter().map(String::as_str).collect();
    assert_eq!(topics, ["btcusdt@depth", "ethusdt@kline_1m"]);
}

const COMBINED: &str = r#"{"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","s":"BTCUSDT","U":5,"u":6,"pu":4,"b":[],"a":[["2","1"]]}}"#;
const RAW: &str = r#"{"e":"depthUpdate","s":"BTCUSDT","U":5,"u":6,"pu":4,"b":[],"a":[["2","1"]]}"#;

#[test]
fn a_frame_is_given_as_the_client_subscribed_to_it() {
    let mut dialect = spot();
    for text in [COMBINED, RAW] {
        assert_eq!(dialect.take(text.as_bytes()).as_deref(), Some("btcusdt@depth"));
        let mut named = client("/stream?streams=btcusdt@depth@100ms");
        dialect.greet(&mut named);
        let rendered = dialect.render(&mut named, text.as_bytes()).into_owned();
        let expected = COMBINED.replace("@0ms", "@100ms");
        assert_eq!(String::from_utf8(rendered).unwrap(), expected);
        let mut raw = client("/ws/btcusdt@depth");
        dialect.greet(&mut raw);
        assert!(raw.topics.contains("btcusdt@depth"));
        assert_eq!(dialect.render(&mut raw, text.as_bytes()), RAW.as_bytes());
    }
}

#[test]
fn every_frame_has_its_topic_or_none() {
    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(spot().take(text.as_bytes()).as_deref(), expected, "{text}");
    }
    check(r#"{"stream":"a@trade","data":{"e":"trade","s":"A"}}"#, Some("a@trade"));
    check(r#"{"stream":"a@depth20@100ms","data":{"lastUpdateId":1}}"#, Some("a@depth20"));
    check(r#"{"data":{"u":1,"s":"A"},"stream":"a@bookTicker"}"#, Some("a@bookTicker"));
    check(r#"{"u":1,"s":"A","b":"1"}"#, Some("a@bookTicker"));
    check(r#"{"e":"kline","s":"A","k":{"i":"1m"}}"#, Some("a@kline_1m"));
    check(r#"{"stream":"!serverShutdown","data":{}}"#, Some("!serverShutdown"));
    check(r#"{"result":null,"id":1}"#, None);
    check(r#"{"lastUpdateId":7,"bids":[],"asks":[]}"#, None);
    check("no JSON", None);
}

fn body(dialect: &mut Binance, path: &str) -> Option<Value> {
    match dialect.get(path) {
        Got::Answer(HttpAnswer { status: 200, body }) => serde_json::from_str(&body).ok(),
        _ => None,
    }
}

#[test]
fn a_snapshot_is_the_recorded_one_and_then_what_diffs_made_of_it() {
    let mut dialect = spot();
    let diff = |first: u64, last: u64, quantity: &str| {
        let data = json!({
            "e": "depthUpdate", "E": 9, "s": "BTCUSDT", "U": first, "u": last,
            "b": [["1.50", quantity]], "a": [],
        });
        json!({ "stream": "btcusdt@depth", "data": data }).to_string()
    };
    let path = "/api/v3/depth?symbol=BTCUSDT&limit=5000";
    dialect.take(diff(4, 6, "6").as_bytes());
    dialect.take(diff(7, 8, "8").as_bytes());
    let snapshot = br#"{"lastUpdateId":7,"bids":[["1.50","7"],["1.40","1"]],"asks":[["2.0","1"]]}"#;
    let mut anybody = client("/stream?streams=btcusdt@trade");
    dialect.greet(&mut anybody);
    assert!(!dialect.awaits_get(snapshot), "nobody will ask");
    let mut anybody = client("/stream?streams=btcusdt@depth");
    dialect.greet(&mut anybody);
    assert!(dialect.awaits_get(snapshot));
    assert!(!dialect.awaits_get(diff(9, 9, "1").as_bytes()), "it has had none yet");
    assert!(matches!(dialect.get(path), Got::Later));
    assert!(!dialect.awaits_get(snapshot), "it was asked for");
    dialect.take(snapshot);
    let expected: Value = serde_json::from_slice(snapshot).unwrap();
    assert_eq!(body(&mut dialect, path), Some(expected), "as it was recorded");
    let top = body(&mut dialect, "/api/v3/depth?symbol=BTCUSDT&limit=1");
    let expected = json!({ "lastUpdateId": 8, "bids": [["1.50", "8"]], "asks": [["2.0", "1"]] });
    assert_eq!(top, Some(expected), "with the diff that was held");
    dialect.take(diff(9, 12, "0.000").as_bytes());
    let expected = json!({ "lastUpdateId": 12, "bids": [["1.40", "1"]], "asks": [["2.0", "1"]] });
    assert_eq!(body(&mut dialect, path), Some(expected));
}

#[test]
fn whoever_subscribes_asks_after_its_first_diff() {
    let mut dialect = spot();
    let diff = |id: u64| {
        let data = json!({ "e": "depthUpdate", "s": "A", "U": id, "u": id, "b": [], "a": [] });
        json!({ "stream": "a@depth@100ms", "data": data }).to_string().into_bytes()
    };
    dialect.take(br#"{"snapshot":"A","body":{"lastUpdateId":1,"bids":[],"asks":[]}}"#);
    dialect.take(&diff(2));
    let late = |dialect: &mut Binance| dialect.greet(&mut client("/stream?streams=a@depth"));
    late(&mut dialect);
    assert!(!dialect.awaits_get(&diff(3)));
    dialect.take(&diff(3));
    assert!(dialect.awaits_get(&diff(4)));
    assert!(!dialect.awaits_get(br#"{"stream":"a@trade","data":{}}"#));
    assert!(body(&mut dialect, "/api/v3/depth?symbol=A").is_some());
    assert!(!dialect.awaits_get(&diff(4)), "it was asked for");
    late(&mut dialect);
    dialect.take(&diff(4));
    assert!(dialect.awaits_get(&diff(5)));
    dialect.take(&diff(5));
    assert!(!dialect.awaits_get(&diff(6)), "it is waited for once");
}

#[test]
fn a_snapshot_without_a_symbol_is_of_the_nearest_update_ids() {
    let mut dialect = spot();
    let mut anybody = client("/stream?streams=a@depth/b@depth");
    dialect.greet(&mut anybody);
    for (symbol, last) in [("A", 1_000), ("B", 9_000)] {
        let data = json!({ "e": "depthUpdate", "s": symbol, "U": 1, "u": last, "b": [], "a": [] });
        dialect.take(data.to_string().as_bytes());
    }
    let (near_b, path) = (br#"{"lastUpdateId":8500,"bids":[],"asks":[]}"#, "/api/v3/depth?symbol=");
    assert!(matches!(dialect.get(&format!("{path}A")), Got::Later));
    assert!(dialect.awaits_get(near_b));
    dialect.take(near_b);
    assert!(matches!(dialect.get(&format!("{path}A")), Got::Later));
    assert_eq!(body(&mut dialect, &format!("{path}B")).unwrap()["lastUpdateId"], 8_500);
    dialect.take(br#"{"snapshot":"A","body":{"lastUpdateId":1000,"bids":[],"asks":[]}}"#);
    assert_eq!(body(&mut dialect, &format!("{path}A")).unwrap()["lastUpdateId"], 1_000);
}

#[test]
fn a_path_is_known_by_its_market() {
    let status = |dialect: &mut Binance, path: &str| match dialect.get(path) {
        Got::Answer(answer) => answer.status,
        Got::Later => 0,
        Got::Nothing => 404,
    };
    let mut usdm = Binance::new(Market::UsdM);
    for (path, spot_status, usdm_status) in [
        ("/api/v3/depth?symbol=A", 0, 404),
        ("/fapi/v1/depth?symbol=A&limit=1000", 404, 0),
        ("/api/v3/depth", 400, 404),
        ("/api/v3/depth?symbol=A&limit=0", 400, 404),
        ("/", 404, 404),
    ] {
        assert_eq!(status(&mut spot(), path), spot_status, "{path}");
        assert_eq!(status(&mut usdm, path), usdm_status, "{path}");
    }
}

#[test]
fn who_is_about_to_be_closed_is_told_in_its_own_form() {
    let raw = spot().farewell(&mut client("/ws/a@trade"));
    assert_eq!(raw, [r#"{"E":0,"e":"serverShutdown"}"#]);
    let combined = spot().farewell(&mut client("/stream"));
    assert_eq!(combined, [r#"{"data":{"E":0,"e":"serverShutdown"},"stream":"!serverShutdown"}"#]);
}
