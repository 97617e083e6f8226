//! The scanner and the general parser, held against each other: on every recorded frame, and on frames
//! that were damaged at random.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tickring_capture::LineReader;
use tickring_event::{Instruments, MarketEvent};
use tickring_ingest::tickdb::TickDb;
use tickring_ingest::{
    Binance, Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, Command, DecodeError,
    EventBatch, Frame, Inbound, Kraken, KrakenV1, Market, Okx, Parsers, Stamp, Subscription, Tally,
    Venue,
};

/// Damaged frames of each recording in the test that always runs.
const MUTANTS: u64 = 3_000;

/// Damaged frames in all in the long test, unless `TICKRING_MUTANTS` says otherwise.
const MUTANTS_LONG: u64 = 10_000_000;

type Make = fn(Arc<Instruments>) -> Box<dyn Venue>;

/// Every recording, and what decodes it.
const RECORDINGS: [(&str, Make); 12] = [
    ("binance-spot/btcusdt_20240808.gz", binance_spot),
    ("binance-spot/ethusdt_20240808.gz", binance_spot),
    ("binance-usdm/btcusdt_20240808.gz", |it| Box::new(Binance::new(Market::UsdM, &[], it))),
    ("bybit-v5/linear_20260809.gz", |it| bybit(BybitProduct::Linear, it)),
    ("bybit-v5/spot_20260809.gz", |it| bybit(BybitProduct::Spot, it)),
    ("coinbase-advanced/btcusd_ethusd_20260809.gz", |it| {
        Box::new(
            CoinbaseAdvanced::new(Subscription::default(), it).expect("a recording is decodable"),
        )
    }),
    ("coinbase-exchange/products10_20210417.gz", |it| {
        Box::new(
            CoinbaseExchange::new(Subscription::default(), it).expect("a recording is decodable"),
        )
    }),
    ("kraken-v1/book1000_20210417.gz", kraken_v1),
    ("kraken-v1/ticker_20210417.gz", kraken_v1),
    ("kraken-v1/trade_20210417.gz", kraken_v1),
    ("kraken-v2/minagbp_d25_20260816.gz", kraken),
    ("okx-v5/books_20220513.gz", okx),
];

fn binance_spot(instruments: Arc<Instruments>) -> Box<dyn Venue> {
    Box::new(Binance::new(Market::Spot, &[], instruments))
}

fn bybit(product: BybitProduct, instruments: Arc<Instruments>) -> Box<dyn Venue> {
    Box::new(
        Bybit::new(product, Subscription::default(), instruments)
            .expect("a recording is decodable"),
    )
}

fn kraken(instruments: Arc<Instruments>) -> Box<dyn Venue> {
    let kraken = Kraken::new(Subscription::default(), instruments);
    Box::new(kraken.expect("a recording is decodable"))
}

fn okx(instruments: Arc<Instruments>) -> Box<dyn Venue> {
    let okx = Okx::new(Subscription::default(), instruments);
    Box::new(okx.expect("a recording is decodable"))
}

fn kraken_v1(instruments: Arc<Instruments>) -> Box<dyn Venue> {
    Box::new(KrakenV1::new(&[], instruments))
}

/// Folder of the recorded sessions, or `None` with a word on why the test does nothing.
///
/// # Panics
/// When the folder is missing and `CI` is `true`: there it must be checked.
#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn recorded_data() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if folder.is_dir() {
        return Some(folder);
    }
    let ci = std::env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(!ci, "recorded sessions are missing: {}", folder.display());
    eprintln!("SKIPPED: recorded sessions are missing: {}", folder.display());
    None
}

/// A decoder, and what the last frame gave.
struct Side {
    instruments: Arc<Instruments>,
    venue: Box<dyn Venue>,
    batch: EventBatch,
}

/// All that a frame gives.
type Given = (Result<Inbound, DecodeError>, Vec<MarketEvent>, Vec<Command>, Vec<&'static str>);

impl Side {
    fn new(make: Make, parsers: Parsers) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(64));
        let mut venue = make(Arc::clone(&instruments));
        venue.json().expect("a recording is decodable").set_parsers(parsers);
        Self { instruments, venue, batch: EventBatch::new() }
    }

    fn decode(&mut self, text: &[u8]) -> Given {
        let frame = Frame { text, stamp: Stamp::default() };
        let decoded = self.venue.decode(&frame, &mut self.batch);
        let given = (
            decoded,
            self.batch.events().to_vec(),
            self.batch.take_commands().collect(),
            self.batch.take_remarks().collect(),
        );
        self.batch.clear();
        given
    }

    fn tally(&mut self) -> Tally {
        self.venue.json().expect("a recording is decodable").tally()
    }
}

/// Both sides of one recording.
struct Pair {
    scanned: Side,
    general: Side,
}

impl Pair {
    fn new(make: Make) -> Self {
        Self {
            scanned: Side::new(make, Parsers::ScanFirst),
            general: Side::new(make, Parsers::General),
        }
    }

    /// Whether the frame is market data.
    #[track_caller]
    fn check(&mut self, text: &[u8]) -> bool {
        let (scanned, general) = (self.scanned.decode(text), self.general.decode(text));
        assert_eq!(scanned, general, "{}", String::from_utf8_lossy(text));
        matches!(scanned.0, Ok(Inbound::Data(_)))
    }
}

fn frames(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = LineReader::open(path).expect("a recording is decodable");
    let mut frames = Vec::new();
    while let Some(frame) = reader.next_frame().expect("a recording is decodable") {
        frames.push(frame.text.to_vec());
    }
    frames
}

/// Whether the venue's messages are read straight from their text, but for snapshots and the first of an
/// instrument.
fn is_direct(file: &str) -> bool {
    !file.starts_with("kraken-v1")
}

#[test]
fn every_recorded_frame_gives_the_same_either_way_and_the_scanner_takes_it() {
    let Some(folder) = recorded_data() else { return };
    for (file, make) in RECORDINGS {
        let mut pair = Pair::new(make);
        let (mut data, mut declined, mut direct) = (0_u64, 0, 0);
        for frame in frames(&folder.join(file)) {
            let before = pair.scanned.tally();
            if pair.check(&frame) {
                data += 1;
                declined += pair.scanned.tally().general - before.general;
                direct += pair.scanned.tally().direct - before.direct;
            }
        }
        assert!(declined * 1_000 <= data, "{file}: {declined} of {data} data frames declined");
        let indirect = data - direct;
        let of_instruments = pair.scanned.instruments.iter().count() as u64;
        let by_tape_max = data / 100 + 2 * of_instruments;
        assert!(
            !is_direct(file) || indirect <= by_tape_max,
            "{file}: {indirect} of {data} by tape"
        );
        assert_eq!(pair.general.tally().scanned, 0, "{file}: the other side does not scan");
    }
}

/// Bytes that matter to JSON, or to its numbers.
const SPICE: &[u8] = b"\"\\{}[]:,.-+eE0123456789 \t\n\r\x00\x1f\x7f\x80\xc3\xff/tfn_u";

/// Changes one to four bytes: replaced, doubled, left out, or a piece put elsewhere.
fn mutate(frame: &mut Vec<u8>, random: &mut fastrand::Rng) {
    for _ in 0..random.usize(1..=4) {
        let Some(last) = frame.len().checked_sub(1) else { return };
        let at = random.usize(0..=last);
        let spice = SPICE[random.usize(0..SPICE.len())];
        match random.u8(0..6) {
            0 => frame[at] = spice,
            1 => frame.insert(at, spice),
            2 => drop(frame.remove(at)),
            3 => frame[at] ^= 1 << random.u8(0..8),
            4 => frame.truncate(at),
            _ => {
                let piece = frame[at..(at + random.usize(1..24)).min(last)].to_vec();
                let to = random.usize(0..=last);
                frame.splice(to..to, piece);
            }
        }
    }
}

/// As many damaged frames of each recording, each decoded after the whole ones before it.
fn check_mutants(count: u64, seed: u64) {
    let Some(folder) = recorded_data() else { return };
    let mut random = fastrand::Rng::with_seed(seed);
    for (file, make) in RECORDINGS {
        check_mutants_of(&frames(&folder.join(file)), make, count, &mut random);
    }
}

fn check_mutants_of(frames: &[Vec<u8>], make: Make, count: u64, random: &mut fastrand::Rng) {
    let mut pair = Pair::new(make);
    for frame in frames.iter().take(50) {
        pair.check(frame);
    }
    for _ in 0..count {
        let mut frame = frames[random.usize(0..frames.len())].clone();
        // Whole books would take all the time.
        if frame.len() > 20_000 {
            continue;
        }
        mutate(&mut frame, random);
        pair.check(&frame);
    }
}

/// What TickDB documents: there is no recording of it.
#[test]
fn documented_and_damaged_frames_of_tickdb_give_the_same_either_way() {
    let documented = include_str!("data/tickdb/documented.txt");
    let frames: Vec<_> = documented
        .lines()
        .filter_map(|line| line.strip_prefix("< ").map(|text| text.as_bytes().to_vec()))
        .collect();
    let make: Make = |it| Box::new(TickDb::recorded(it));
    let mut pair = Pair::new(make);
    for frame in &frames {
        pair.check(frame);
    }
    let data = frames.iter().filter(|frame| pair.check(frame)).count();
    assert!(data > 10, "{data} frames of market data");
    let direct = pair.scanned.tally().direct;
    assert!(direct >= data as u64, "{direct} of {data} frames of market data were read directly");
    check_mutants_of(&frames, make, 20 * MUTANTS, &mut fastrand::Rng::with_seed(3));
}

/// Messages of OKX and Kraken that no recording has, or few. The first of each begins a book.
const DOCUMENTED: [(Make, &[&str]); 2] = [
    (
        okx,
        &[
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","checksum":-1143254246,"prevSeqId":-1,"seqId":100}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[["8476.99","7","0","12"],["8477","0","0","0"]],"bids":[],"ts":"1597026383185","checksum":-1,"prevSeqId":100,"seqId":101}]}"#,
            r#"{"arg":{"channel":"books","instId":"BTC-USDT"},"action":"update","data":[{"asks":[],"bids":[["8476.5","1.50","0","1"]],"ts":"1597026383285","prevSeqId":101,"seqId":101}]}"#,
            r#"{"arg":{"channel":"books5","instId":"BTC-USDT"},"data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"],["8475.55","101","0","1"]],"instId":"BTC-USDT","ts":"1597026383085","seqId":123456}]}"#,
            r#"{"arg":{"channel":"bbo-tbt","instId":"BTC-USDT"},"data":[{"asks":[["8476.98","415","0","13"]],"bids":[["8476.97","256","0","12"]],"ts":"1597026383085","seqId":123456}]}"#,
            r#"{"arg":{"channel":"trades","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"130639474","px":"42219.9","sz":"0.12060306","side":"buy","ts":"1630048897897","count":"3","seqId":1234}]}"#,
            r#"{"arg":{"channel":"trades-all","instId":"BTC-USDT"},"data":[{"instId":"BTC-USDT","tradeId":"7","px":"42219.9","sz":"2","side":"sell","ts":"1630048897897"},{"instId":"BTC-USDT","tradeId":"8","px":"42220","sz":"3","side":"sell","ts":"1630048897898"}]}"#,
            r#"{"arg":{"channel":"tickers","instId":"BTC-USDT"},"data":[{"instType":"SPOT","instId":"BTC-USDT","last":"9999.99","lastSz":"0.1","askPx":"9999.99","askSz":"11","bidPx":"8888.88","bidSz":"5","open24h":"9000","ts":"1597026383085"}]}"#,
        ],
    ),
    (
        kraken,
        &[
            r#"{"channel":"book","type":"snapshot","data":[{"symbol":"BTC/USD","bids":[{"price":105944.10,"qty":2.50000000},{"price":0.5666,"qty":4831.75496356}],"asks":[{"price":105944.20,"qty":0.00027625}],"checksum":2439117997,"timestamp":"2023-10-06T17:35:55.440295Z"}]}"#,
            r#"{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":105944.10,"qty":0.00000000},{"qty":1.5,"price":105944.00}],"asks":[],"checksum":1,"timestamp":"2023-10-06T17:35:55.540295Z"}]}"#,
            r#"{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":105944.20,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,"timestamp":"2023-10-06T17:35:55.440295Z"},{"symbol":"BTC/USD","side":"sell","price":105944.1,"qty":1,"ord_type":"market","trade_id":10218209,"timestamp":"2023-10-06T17:35:55.440296Z"}]}"#,
            r#"{"channel":"ticker","type":"update","data":[{"symbol":"BTC/USD","bid":105944.20,"bid_qty":2.5,"ask":105944.30,"ask_qty":3.2,"last":105899.40,"volume":163.28908096,"vwap":105904.39279,"low":104711.00,"high":106613.10,"change":-250.00,"change_pct":0.24,"timestamp":"2022-12-25T09:30:59.123456Z"}]}"#,
        ],
    ),
];

#[test]
fn documented_and_damaged_frames_of_okx_and_kraken_give_the_same_either_way() {
    for (make, frames) in DOCUMENTED {
        let mut pair = Pair::new(make);
        assert!(frames.iter().all(|frame| pair.check(frame.as_bytes())), "all are market data");
        let direct = pair.scanned.tally().direct;
        assert_eq!(direct, frames.len() as u64 - 1, "all but the first are read straight");
        let frames: Vec<_> = frames.iter().map(|frame| frame.as_bytes().to_vec()).collect();
        check_mutants_of(&frames, make, 20 * MUTANTS, &mut fastrand::Rng::with_seed(4));
    }
}

#[test]
fn damaged_frames_give_the_same_either_way() {
    check_mutants(MUTANTS, 1);
}

#[test]
#[ignore = "minutes; run with --release -- --ignored"]
fn ten_million_damaged_frames_give_the_same_either_way() {
    let count = std::env::var("TICKRING_MUTANTS").ok().and_then(|it| it.parse().ok());
    let seed = std::env::var("TICKRING_SEED").ok().and_then(|it| it.parse().ok());
    let each = count.unwrap_or(MUTANTS_LONG).div_ceil(RECORDINGS.len() as u64);
    check_mutants(each, seed.unwrap_or(2));
}

#[test]
fn a_topic_with_a_dot_too_many_is_of_the_same_instrument_either_way() {
    let mut pair = Pair::new(|it| bybit(BybitProduct::Linear, it));
    for symbol in ["BTCUSDT", "..BTCUSDT", ".BTCUSDT", "BTCUSDT", "x.BTCUSDT", "x..BTCUSDT"] {
        for (topic, data) in [
            ("tickers", r#"{"symbol":"BTCUSDT","lastPrice":"77.300"}"#),
            (
                "publicTrade",
                r#"[{"T":1,"s":"BTCUSDT","S":"Buy","v":"0.1","p":"77.3","i":"1","seq":5}]"#,
            ),
            ("orderbook.50", r#"{"s":"BTCUSDT","b":[["77.3","1"]],"a":[],"u":9,"seq":5}"#),
        ] {
            let text = format!(
                r#"{{"topic":"{topic}.{symbol}","type":"snapshot","ts":1,"data":{data},"cs":7}}"#
            );
            pair.check(text.as_bytes());
        }
    }
}

#[test]
fn members_that_make_another_message_of_it_count_wherever_they_stand() {
    let trade = r#""e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"61837.63","q":"0.02","T":1,"m":true"#;
    let ticker = r#""cmd":"ticker","data":{"symbol":"BTCUSDT","last_price":"70480.57"}"#;
    let top = r#""u":9,"s":"BTCUSDT","b":"61837.63","B":"1.5","a":"61837.64","A":"2""#;
    let cases: [(Make, [String; 5]); 3] = [
        (
            binance_spot,
            [
                format!("{{{top}}}"),
                format!(r#"{{{top},"e":"trade"}}"#),
                format!(r#"{{{top},"lastUpdateId":9}}"#),
                format!(r#"{{"stream":"btcusdt@bookTicker","data":{{{top},"e":"x"}}}}"#),
                format!(r#"{{"result":null,"id":1,{top}}}"#),
            ],
        ),
        (
            binance_spot,
            [
                format!("{{{trade}}}"),
                format!(r#"{{{trade},"stream":"btcusdt@trade"}}"#),
                format!(r#"{{"stream":"btcusdt@trade","data":{{{trade}}}}}"#),
                format!(r#"{{"stream":"btcusdt@trade","data":{{{trade},"X":"INSURANCE_FUND"}}}}"#),
                format!(
                    r#"{{"stream":"btcusdt@trade","data":{{{trade}}},"stream":"ethusdt@trade"}}"#
                ),
            ],
        ),
        (
            |it| Box::new(TickDb::recorded(it)),
            [
                format!("{{{ticker}}}"),
                format!(r#"{{{ticker},"code":1001}}"#),
                format!(r#"{{{ticker},"cmd":"pong"}}"#),
                format!(r#"{{{ticker},"type":"trades","data":{{"symbol":"X"}}}}"#),
                format!(r#"{{"type":"depth",{ticker}}}"#),
            ],
        ),
    ];
    for (make, frames) in cases {
        let mut pair = Pair::new(make);
        pair.check(frames[0].as_bytes());
        for frame in &frames {
            pair.check(frame.as_bytes());
        }
    }
}
