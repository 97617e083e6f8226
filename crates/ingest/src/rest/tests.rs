//! The client over loopback, against answers that are written down; waits are injected.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;

use super::*;

/// A key that no text may show.
const SECRET: &str = "s3cr3t-k3y";

/// 2026-01-01.
const NOW_MS: u64 = 1_767_225_600_000;

const HOUR_MS: u64 = 3_600_000;

/// A server that gives these answers one after the other; what it was asked comes out of the other
/// end.
fn server(answers: Vec<String>) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = sync_channel(64);
    let serve = move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap() == 1 {
                head.push(byte[0]);
            }
            sender.send(String::from_utf8(head).unwrap()).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    };
    thread::Builder::new().name("venue".to_owned()).spawn(serve).unwrap();
    (url, receiver)
}

fn http(status: &str, headers: &str, body: &str) -> String {
    let size = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {size}\r\nConnection: close\r\n{headers}\r\n{body}"
    )
}

fn ok(body: &str) -> String {
    http("200 OK", "", body)
}

fn page(times_ms: impl IntoIterator<Item = u64>) -> String {
    let row = |time_ms| {
        format!(r#"{{"time":{time_ms},"open":"1","high":"2","low":"1","close":"2","volume":"3"}}"#)
    };
    let rows: Vec<_> = times_ms.into_iter().map(row).collect();
    ok(&format!(r#"{{"code":0,"message":"success","data":{{"klines":[{}]}}}}"#, rows.join(",")))
}

struct Heard {
    waits: Arc<Mutex<Vec<Duration>>>,
    notices: Arc<Mutex<Vec<RestNotice>>>,
}

impl Heard {
    fn waits_ms(&self) -> Vec<u128> {
        self.waits.lock().unwrap().iter().map(Duration::as_millis).collect()
    }

    fn text(&self) -> String {
        let notices = self.notices.lock().unwrap();
        notices.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

fn client_of(config: RestConfig) -> (RestClient, Heard) {
    let heard = Heard { waits: Arc::default(), notices: Arc::default() };
    let (waits, notices) = (Arc::clone(&heard.waits), Arc::clone(&heard.notices));
    let client = RestClient::new(config)
        .unwrap()
        .waiting(move |wait| {
            waits.lock().unwrap().push(wait);
            true
        })
        .telling(move |notice| notices.lock().unwrap().push(notice));
    (client, heard)
}

fn config(url: &str) -> RestConfig {
    RestConfig::new(url, ApiKey::new(SECRET), NOW_MS)
}

fn request(limit: Option<u64>, start_ms: Option<u64>) -> BarsRequest {
    let interval = Interval::parse("1h").unwrap();
    BarsRequest { symbol: "AAPL.US".to_owned(), interval, limit, start_ms, end_ms: None }
}

fn times(bars: &[RestBar]) -> Vec<u64> {
    bars.iter().map(|bar| bar.time_ms).collect()
}

#[test]
fn the_key_goes_into_a_header_and_the_request_into_the_path() {
    let (url, asked) = server(vec![page([HOUR_MS])]);
    let (mut client, _) = client_of(config(&url));
    assert_eq!(times(&client.bars(&request(Some(1), None)).unwrap()), [HOUR_MS]);
    let asked = asked.recv().unwrap();
    let line = "GET /v1/market/kline?symbol=AAPL.US&interval=1h&limit=1 HTTP/1.1\r\n";
    assert!(asked.starts_with(line), "{asked}");
    assert!(asked.to_ascii_lowercase().contains(&format!("x-api-key: {SECRET}\r\n")), "{asked}");
    assert!(!format!("{client:?}").contains(SECRET));
}

#[test]
fn a_bar_that_is_still_forming_is_not_handed_out() {
    let (url, _asked) = server(vec![
        page([NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS, NOW_MS - HOUR_MS + 1]),
        page([]),
    ]);
    let (mut client, _) = client_of(config(&url));
    let bars = client.bars(&request(Some(9), None)).unwrap();
    assert_eq!(times(&bars), [NOW_MS - 2 * HOUR_MS, NOW_MS - HOUR_MS]);
}

#[test]
fn a_429_is_waited_for_as_told_and_with_jitter() {
    let too_many = http("429 Too Many Requests", "Retry-After: 7\r\n", "");
    let coded = ok(r#"{"code":3001,"message":"slow down"}"#);
    let (url, _asked) = server(vec![too_many, coded, page([HOUR_MS])]);
    let (mut client, heard) = client_of(config(&url));
    assert_eq!(client.bars(&request(Some(1), None)).unwrap().len(), 1);
    let waits_ms = heard.waits_ms();
    assert!((7_000..=8_000).contains(&waits_ms[0]), "{waits_ms:?}");
    // Without a word on how long, the vendor's own minute.
    assert!((60_000..=62_000).contains(&waits_ms[1]), "{waits_ms:?}");
    assert_eq!(waits_ms.len(), 2);
    assert!(heard.text().contains("rate limited"), "{}", heard.text());
}

#[test]
fn waits_are_those_of_the_seed() {
    let waits_ms = |seed| {
        let faults = vec![http("500 Oops", "", ""); 3];
        let (url, _asked) = server([faults, vec![page([HOUR_MS])]].concat());
        let (mut client, heard) = client_of(RestConfig { seed, ..config(&url) });
        client.bars(&request(Some(1), None)).unwrap();
        heard.waits_ms()
    };
    assert_eq!(waits_ms(1), waits_ms(1));
    assert_ne!(waits_ms(1), waits_ms(2));
    let ceilings = [1_000, 2_000, 4_000];
    assert!(waits_ms(3).iter().zip(ceilings).all(|(wait, ceiling)| *wait <= ceiling));
}

#[test]
fn a_fault_is_asked_again_so_many_times_and_no_more() {
    let (url, asked) = server(vec![http("503 No", "", ""), ok("<html>"), ok("")]);
    let (mut client, heard) = client_of(RestConfig { attempts_max: 3, ..config(&url) });
    let error = client.bars(&request(Some(1), None)).unwrap_err();
    assert_eq!(error.kind(), RestErrorKind::Refused);
    let words = "no 1h bars of AAPL.US after 3 attempts: the answer cannot be read: ";
    assert!(error.to_string().starts_with(words), "{error}");
    assert_eq!((heard.waits_ms().len(), asked.iter().count()), (2, 3));
}

#[test]
fn a_wait_that_is_interrupted_ends_the_request() {
    let (url, _asked) = server(vec![http("503 No", "", "")]);
    let client = RestClient::new(config(&url)).unwrap();
    let error = client.waiting(|_| false).bars(&request(Some(1), None)).unwrap_err();
    assert_eq!(error.kind(), RestErrorKind::Interrupted);
}

#[test]
fn nothing_is_asked_once_it_is_over() {
    let (url, asked) = server(vec![page([HOUR_MS]), page([2 * HOUR_MS])]);
    let mut turns = 0;
    let mut client = RestClient::new(config(&url)).unwrap().until(move || {
        turns += 1;
        turns > 1
    });
    let error = client.bars(&request(None, Some(HOUR_MS))).unwrap_err();
    assert_eq!(error.kind(), RestErrorKind::Interrupted);
    assert_eq!(asked.try_iter().count(), 1);
}

#[track_caller]
fn check_refusal(answer: String, kind: RestErrorKind, words: &str) {
    let (url, asked) = server(vec![answer]);
    let (mut client, heard) = client_of(config(&url));
    let error = client.bars(&request(Some(1), None)).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    let texts = format!("{error} {error:?} {}", heard.text());
    assert!(texts.contains(words), "{texts}");
    assert!(!texts.contains(SECRET), "{texts}");
    assert_eq!((heard.waits_ms().len(), asked.iter().count()), (0, 1), "it is not asked again");
}

#[test]
fn what_cannot_get_better_is_not_asked_again() {
    let coded = |code: u32| ok(&format!(r#"{{"code":{code},"message":"said of {SECRET}"}}"#));
    let refused = RestErrorKind::Refused;
    for code in [1001, 1002] {
        check_refusal(coded(code), refused, "check TICKDB_API_KEY");
    }
    check_refusal(http("401 No", "", ""), refused, "check TICKDB_API_KEY");
    check_refusal(coded(1003), refused, "IP whitelist of TICKDB_API_KEY");
    check_refusal(coded(1004), refused, "plan of TICKDB_API_KEY");
    check_refusal(coded(3002), refused, "quota");
    check_refusal(coded(9999), refused, "not documented");
    check_refusal(http("404 No", "", ""), refused, "check the REST URL");
    check_refusal(coded(2002), RestErrorKind::Usage, "unknown symbol");
    check_refusal(coded(2001), RestErrorKind::Usage, "parameter");
    check_refusal(coded(2003), RestErrorKind::Usage, "time range");
    check_refusal(coded(2004), RestErrorKind::Usage, "page larger");
    check_refusal(http("302 No", "Location: /\r\n", ""), refused, "check the REST URL");
}

#[test]
fn a_closed_port_is_no_answer() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (mut client, _) = client_of(RestConfig { attempts_max: 2, ..config(&url) });
    let error = client.bars(&request(Some(1), None)).unwrap_err();
    assert_eq!(error.kind(), RestErrorKind::Refused);
    assert!(error.to_string().contains("after 2 attempts"), "{error}");
}

#[test]
fn an_answer_that_is_too_large_is_not_read() {
    let (url, _asked) = server(vec![ok(&" ".repeat(2_000))]);
    let (mut client, _) =
        client_of(RestConfig { attempts_max: 1, body_bytes_max: 1_000, ..config(&url) });
    let error = client.bars(&request(Some(1), None)).unwrap_err().to_string();
    assert!(error.contains("more than the 1000 bytes allowed"), "{error}");
}

#[test]
fn what_cannot_work_is_found_before_a_request() {
    let url = "http://127.0.0.1:1";
    let refuses = |config: RestConfig, words: &str| {
        let error = RestClient::new(config).unwrap_err();
        assert_eq!(error.kind(), RestErrorKind::Usage);
        assert!(error.to_string().contains(words), "{error}");
        assert!(!error.to_string().contains(SECRET), "{error}");
    };
    refuses(config("ftp://x"), "the REST URL must be");
    refuses(config(&format!("http://{SECRET}@x")), "the REST URL must be");
    refuses(RestConfig { key: ApiKey::new("a\nb"), ..config(url) }, "TICKDB_API_KEY");
    refuses(RestConfig { page_rows_max: 2, ..config(url) }, "3 to 1000 rows");
    refuses(RestConfig { attempts_max: 0, ..config(url) }, "once at least");
    let (mut client, _) = client_of(config(url));
    let mut asked = |change: fn(&mut BarsRequest)| {
        let mut request = request(None, Some(5));
        change(&mut request);
        client.bars(&request).unwrap_err().to_string()
    };
    assert!(asked(|it| it.symbol = "A B".to_owned()).starts_with("`A B` is no symbol"));
    assert!(asked(|it| it.end_ms = Some(4)).contains("after the end"));
    assert!(asked(|it| it.interval = Interval::parse("3m").unwrap()).contains("of 3m"));
}

#[test]
fn completed_pages_are_kept_and_not_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let cached = |url: &str| RestConfig { cache: Some(folder.path().to_owned()), ..config(url) };
    let old = || page([HOUR_MS, 2 * HOUR_MS]);
    let (url, asked) = server(vec![old(), page([]), page([])]);
    let fetch = || {
        let (mut client, heard) = client_of(cached(&url));
        let bars = client.bars(&request(None, Some(HOUR_MS))).unwrap();
        assert_eq!(times(&bars), [HOUR_MS, 2 * HOUR_MS]);
        heard.text()
    };
    assert!(fetch().contains("2 bars from the venue"));
    // The end is open, so it is asked again whether there is more.
    assert!(fetch().contains("2 bars from the cache"));
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    assert!(!std::fs::read_to_string(&file).unwrap().contains(SECRET));
    assert_eq!(asked.try_iter().count(), 3);
}

#[test]
fn a_page_that_may_still_grow_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (url, _asked) = server(vec![page([NOW_MS - HOUR_MS]), page([]), page([])]);
    let cache = Some(folder.path().to_owned());
    let (mut client, _) = client_of(RestConfig { cache, ..config(&url) });
    client.bars(&request(None, Some(HOUR_MS))).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_damaged_page_is_said_and_fetched_anew() {
    let folder = tempfile::tempdir().unwrap();
    let answers = vec![page([HOUR_MS]), page([]), page([HOUR_MS]), page([])];
    let (url, _asked) = server(answers);
    let cache = Some(folder.path().to_owned());
    let (mut client, heard) = client_of(RestConfig { cache, ..config(&url) });
    client.bars(&request(None, Some(HOUR_MS))).unwrap();
    let file = std::fs::read_dir(folder.path()).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("3600000", "3600001")).unwrap();
    assert_eq!(times(&client.bars(&request(None, Some(HOUR_MS))).unwrap()), [HOUR_MS]);
    assert!(heard.text().contains("its checksum does not fit: fetched anew"), "{}", heard.text());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text, "it is whole again");
}

#[test]
fn symbols_come_page_by_page_and_each_once() {
    let page = |names: &[&str]| {
        let row = |name: &&str| format!(r#"{{"symbol":"{name}"}}"#);
        let rows = names.iter().map(row).collect::<Vec<_>>().join(",");
        ok(&format!(r#"{{"code":0,"data":{{"products":[{rows}],"pagination":{{"total":5}}}}}}"#))
    };
    let (url, asked) = server(vec![page(&["A", "B", "C"]), page(&["C", "D"])]);
    let (mut client, _) = client_of(RestConfig { page_rows_max: 3, ..config(&url) });
    let symbols = client.symbols(Some("US")).unwrap();
    assert_eq!(symbols.iter().map(|it| it.symbol.as_str()).collect::<String>(), "ABCD");
    let lines: Vec<_> = asked.iter().take(2).collect();
    assert!(lines[1].contains("limit=3&offset=3&market=US "), "{}", lines[1]);
}

#[test]
fn trades_come_by_rising_time_whatever_their_order() {
    let row = |id, time_ms| {
        format!(r#"{{"id":"{id}","price":"1","quantity":"2","side":"buy","timestamp":{time_ms}}}"#)
    };
    let rows = [row("c", 2), row("b", 1), row("a", 1)].join(",");
    let (url, _asked) = server(vec![ok(&format!(r#"{{"code":0,"data":{{"trades":[{rows}]}}}}"#))]);
    let (mut client, _) = client_of(config(&url));
    let trades = client.trades("A", 100).unwrap();
    let ids: Vec<_> = trades.iter().map(|it| it.id.as_deref().unwrap()).collect();
    assert_eq!(ids, ["a", "b", "c"]);
}
