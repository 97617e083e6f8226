use std::io::Cursor;

use dbn::encode::EncodeRecord;
use dbn::encode::dbn::Encoder;
use dbn::{
    MappingInterval, Metadata, MetadataBuilder, RecordHeader, SType, Schema, StatusMsg,
    SymbolMapping, rtype,
};

use super::super::lines::words;
use super::*;

const DAY: u64 = 1_715_299_200_000_000_000;

fn metadata() -> Metadata {
    let date = header::<TradeMsg>(rtype::MBP_0, 0).ts_event().unwrap().date();
    let interval = |symbol: &str| MappingInterval {
        start_date: date,
        end_date: date.next_day().unwrap(),
        symbol: symbol.to_owned(),
    };
    MetadataBuilder::new()
        .dataset("GLBX.MDP3".to_owned())
        .schema(Some(Schema::Trades))
        .start(DAY)
        .stype_in(Some(SType::RawSymbol))
        .stype_out(SType::InstrumentId)
        .mappings(vec![SymbolMapping {
            raw_symbol: "ESM4".to_owned(),
            intervals: vec![interval("5")],
        }])
        .build()
}

fn header<R: dbn::HasRType>(kind: u8, after_ns: u64) -> RecordHeader {
    RecordHeader::new::<R>(kind, 1, 5, DAY + after_ns)
}

fn pair(bid: i64, ask: i64) -> BidAskPair {
    BidAskPair { bid_px: bid, ask_px: ask, bid_sz: 3, ask_sz: 4, bid_ct: 1, ask_ct: 1 }
}

fn letter(byte: u8) -> c_char {
    byte.try_into().unwrap()
}

/// A file of one of each record.
fn file() -> Vec<u8> {
    let trade = TradeMsg {
        hd: header::<TradeMsg>(rtype::MBP_0, 0),
        price: 5_180_250_000_001,
        size: 7,
        action: letter(b'T'),
        side: letter(b'A'),
        ts_recv: DAY + 9,
        sequence: 11,
        ..TradeMsg::default()
    };
    let top = Mbp1Msg {
        hd: header::<Mbp1Msg>(rtype::MBP_1, 1),
        price: -500_000_000,
        size: 2,
        action: letter(b'T'),
        side: letter(b'N'),
        ts_recv: DAY + 10,
        sequence: 12,
        levels: [pair(UNDEF_PRICE, 1_000_000_000)],
        ..Mbp1Msg::default()
    };
    let mut levels = std::array::from_fn(|_| pair(UNDEF_PRICE, UNDEF_PRICE));
    levels[0] = pair(5, 6);
    levels[1] = pair(4, UNDEF_PRICE);
    let book = Mbp10Msg {
        hd: header::<Mbp10Msg>(rtype::MBP_10, 2),
        action: letter(b'A'),
        ts_recv: DAY + 11,
        sequence: 13,
        levels,
        ..Mbp10Msg::default()
    };
    let bar = OhlcvMsg {
        hd: RecordHeader::new::<OhlcvMsg>(rtype::OHLCV_1S, 1, 6, DAY),
        open: 1,
        high: 4,
        low: 0,
        close: 2,
        volume: 99,
    };
    let hd = header::<StatusMsg>(rtype::STATUS, 3);
    let status = StatusMsg { hd, ts_recv: DAY + 12, ..StatusMsg::default() };
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, &metadata()).unwrap();
    encoder.encode_record(&trade).unwrap();
    encoder.encode_record(&top).unwrap();
    encoder.encode_record(&book).unwrap();
    encoder.encode_record(&bar).unwrap();
    encoder.encode_record(&status).unwrap();
    file
}

fn session(file: Vec<u8>) -> Dbn {
    Dbn::new("dbn".into(), Box::new(Cursor::new(file)))
}

#[test]
fn every_record_is_a_frame() {
    assert_eq!(
        words(&mut session(file())),
        [
            format!("{} < ESM4,{DAY},11;trade,sell,5180.250000001,7,", DAY + 9),
            format!(
                "{} < ESM4,{},12;trade,unknown,-0.500000000,2,;top,,3,1.000000000,4",
                DAY + 10,
                DAY + 1
            ),
            format!(
                "{} < ESM4,{},13;book,b,0.000000005,3,b,0.000000004,3,a,0.000000006,4",
                DAY + 11,
                DAY + 2
            ),
            format!(
                "{} < 6,{DAY},0;bar,{DAY},1000000000,0.000000001,0.000000004,0.000000000,\
                 0.000000002,99",
                DAY + SECOND_NS
            ),
            format!("{} < ESM4,{},0;other", DAY + 3, DAY + 3),
        ]
    );
}

#[test]
fn a_file_that_is_cut_says_so_at_its_last_whole_record() {
    let mut whole = session(file());
    let all = words(&mut whole);
    assert_eq!(whole.ending(), Some(Ending::Clean));
    let status_bytes = size_of::<StatusMsg>();
    for bytes in 1..status_bytes {
        let size = file().len() - status_bytes + bytes;
        let mut cut = session(file()[..size].to_vec());
        assert_eq!(words(&mut cut), all[..4]);
        let offset = (file().len() - status_bytes) as u64;
        assert_eq!(cut.ending(), Some(Ending::Cut { offset, bytes: bytes as u64 }));
    }
}

#[test]
fn an_error_while_decompressing_is_no_end() {
    let zstd = zstd::encode_all(file().as_slice(), 1).unwrap();
    let cut = Cursor::new(zstd[..zstd.len() - 1].to_vec());
    let input = crate::input::open(Box::new(cut)).unwrap();
    let words = words(&mut Dbn::new("dbn".into(), input));
    assert!(words.last().unwrap().starts_with("dbn: after "), "{words:?}");
}

#[test]
fn what_is_no_metadata_ends_the_session() {
    let words = words(&mut session(b"DBN\xffnothing".to_vec()));
    assert_eq!(words.len(), 1);
    assert!(words[0].starts_with("dbn: after 0 entries: "), "{words:?}");
}
