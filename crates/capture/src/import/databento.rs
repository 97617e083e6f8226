//! Databento's DBN: trades, mbp-1 (and tbbo), mbp-10, ohlcv. Other records are told and ignored.
//!
//! Prices are whole billionths and keep nine decimals. A frame arrives at `ts_recv`; a bar, which
//! has none, when its interval ends. The symbol is what the file's metadata maps the instrument to
//! on that day, or the instrument's number.

use std::ffi::c_char;
use std::fmt;
use std::io::{self, Cursor, Read};

use dbn::decode::DbnMetadata;
use dbn::decode::dbn::Decoder;
use dbn::{
    BidAskPair, Mbp1Msg, Mbp10Msg, OhlcvMsg, RType, Record, RecordRef, SymbolIndex, TradeMsg,
    TsSymbolMap, UNDEF_PRICE, VersionUpgradePolicy,
};

use super::lines::Told;
use super::rows::Rows;
use crate::input::Input;
use crate::{CaptureError, Ending, Entry, Session};

const SECOND_NS: u64 = 1_000_000_000;
const PRICE_UNIT: u64 = 1_000_000_000;

/// Bytes before the metadata: a word, the version, and how many bytes of metadata follow.
const PRELUDE_BYTES: usize = 8;

/// A session of it.
pub(super) struct Dbn {
    name: String,
    state: State,
    ending: Option<Ending>,
    records: u64,
    rows: Rows,
    told: Told,
}

enum State {
    /// Not even the metadata has been read.
    Start(Input),
    Records(Box<Records>),
    /// It has ended, well or not.
    Over,
}

struct Records {
    decoder: Decoder<Counted>,
    symbols: TsSymbolMap,
    /// Where the last record ended.
    offset: u64,
}

impl Dbn {
    pub(super) fn new(name: String, input: Input) -> Self {
        let (rows, told) = (Rows::default(), Told::NOTHING);
        Self { name, state: State::Start(input), ending: None, records: 0, rows, told }
    }

    fn read(&mut self) -> Result<bool, dbn::Error> {
        // Only a good record puts the state back.
        let mut records = match std::mem::replace(&mut self.state, State::Over) {
            State::Start(input) => Box::new(Records::start(input)?),
            State::Records(records) => records,
            State::Over => return Ok(false),
        };
        let Records { decoder, symbols, offset } = &mut *records;
        let Some(record) = decoder.decode_ref()? else {
            // The decoder takes a record that is cut for the end.
            let bytes = decoder.get_ref().bytes - *offset;
            let cut = Ending::Cut { offset: *offset, bytes };
            self.ending = Some(if bytes == 0 { Ending::Clean } else { cut });
            return Ok(false);
        };
        let time_ns = translate(&record, symbols, &mut self.rows)?;
        *offset += record.record_size() as u64;
        self.told = Told::Received { time_ns, text: 0..self.rows.text().len() };
        self.records += 1;
        self.state = State::Records(records);
        Ok(true)
    }
}

impl Records {
    fn start(mut input: Input) -> Result<Self, dbn::Error> {
        let mut prelude = [0; PRELUDE_BYTES];
        let read = input.read_exact(&mut prelude);
        read.map_err(|error| dbn::Error::io(error, "reading its start"))?;
        let [_, _, _, _, a, b, c, d] = prelude;
        let offset = PRELUDE_BYTES as u64 + u64::from(u32::from_le_bytes([a, b, c, d]));
        let input = Counted { input: Cursor::new(prelude).chain(input), bytes: 0 };
        // The records that are read here are alike in every version, and so keep their sizes.
        let decoder = Decoder::with_upgrade_policy(input, VersionUpgradePolicy::AsIs)?;
        let symbols = decoder.metadata().symbol_map()?;
        Ok(Self { decoder, symbols, offset })
    }
}

/// Counts what was read. An end in the middle of what is compressed is an error, which the decoder
/// would take for an end.
struct Counted {
    input: io::Chain<Cursor<[u8; PRELUDE_BYTES]>, Input>,
    bytes: u64,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let size = self.input.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => io::Error::other(error),
            _ => error,
        })?;
        self.bytes += size as u64;
        Ok(size)
    }
}

impl Session for Dbn {
    fn advance(&mut self) -> Result<bool, CaptureError> {
        self.read().map_err(|error| CaptureError::Malformed {
            name: self.name.clone(),
            entries: self.records,
            what: error.to_string(),
        })
    }

    fn ending(&self) -> Option<Ending> {
        self.ending
    }

    fn entry(&self) -> Entry<'_> {
        self.told.entry(self.rows.text())
    }

    fn name(&self) -> &str {
        &self.name
    }
}

/// Writes a record as a frame; when it arrived.
fn translate(
    record: &RecordRef<'_>,
    symbols: &TsSymbolMap,
    rows: &mut Rows,
) -> Result<u64, dbn::Error> {
    let number;
    let symbol = match symbols.get_for_rec(record) {
        Some(symbol) => symbol,
        None => {
            number = record.header().instrument_id.to_string();
            &number
        }
    };
    let time_ns = record.header().ts_event;
    let mut start = |sequence: u32| {
        if rows.start(symbol.as_bytes(), time_ns, u64::from(sequence)) {
            Ok(())
        } else {
            Err(dbn::Error::decode(format!("symbol `{symbol}` has a comma or semicolon")))
        }
    };
    if let Some(trade) = record.get::<TradeMsg>() {
        start(trade.sequence)?;
        write_trade(rows, trade.side, trade.price, trade.size);
        return Ok(trade.ts_recv);
    }
    if let Some(message) = record.get::<Mbp1Msg>() {
        start(message.sequence)?;
        if is_trade(message.action) {
            write_trade(rows, message.side, message.price, message.size);
        }
        write_top(rows, &message.levels[0]);
        return Ok(message.ts_recv);
    }
    if let Some(message) = record.get::<Mbp10Msg>() {
        start(message.sequence)?;
        if is_trade(message.action) {
            write_trade(rows, message.side, message.price, message.size);
        }
        write_book(rows, &message.levels);
        return Ok(message.ts_recv);
    }
    start(0)?;
    if let Some(bar) = record.get::<OhlcvMsg>()
        && let Some(interval_ns) = interval_ns(record.rtype()?)
    {
        write_bar(rows, bar, interval_ns);
        return Ok(time_ns.saturating_add(interval_ns));
    }
    rows.write(format_args!(";other"));
    Ok(time_ns)
}

const fn interval_ns(kind: RType) -> Option<u64> {
    Some(match kind {
        RType::Ohlcv1S => SECOND_NS,
        RType::Ohlcv1M => 60 * SECOND_NS,
        RType::Ohlcv1H => 60 * 60 * SECOND_NS,
        RType::Ohlcv1D | RType::OhlcvEod => 24 * 60 * 60 * SECOND_NS,
        _ => return None,
    })
}

fn is_trade(action: c_char) -> bool {
    u8::try_from(action) == Ok(b'T')
}

fn write_trade(rows: &mut Rows, side: c_char, price: i64, size: u32) {
    // The side is that of the aggressor.
    let taker = match u8::try_from(side) {
        Ok(b'B') => "buy",
        Ok(b'A') => "sell",
        _ => "unknown",
    };
    rows.write(format_args!(";trade,{taker},{},{size},", Fixed(price)));
}

fn write_top(rows: &mut Rows, level: &BidAskPair) {
    let BidAskPair { bid_px, ask_px, bid_sz, ask_sz, .. } = *level;
    rows.write(format_args!(";top,{},{bid_sz},{},{ask_sz}", Fixed(bid_px), Fixed(ask_px)));
}

fn write_book(rows: &mut Rows, levels: &[BidAskPair]) {
    rows.write(format_args!(";book"));
    for level in levels.iter().filter(|it| it.bid_px != UNDEF_PRICE) {
        rows.write(format_args!(",b,{},{}", Fixed(level.bid_px), level.bid_sz));
    }
    for level in levels.iter().filter(|it| it.ask_px != UNDEF_PRICE) {
        rows.write(format_args!(",a,{},{}", Fixed(level.ask_px), level.ask_sz));
    }
}

fn write_bar(rows: &mut Rows, bar: &OhlcvMsg, interval_ns: u64) {
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close].map(Fixed);
    let (start_ns, volume) = (bar.hd.ts_event, bar.volume);
    let bar = format_args!(";bar,{start_ns},{interval_ns},{open},{high},{low},{close},{volume}");
    rows.write(bar);
}

/// A price in billionths, with all nine decimals; nothing where there is none.
struct Fixed(i64);

impl fmt::Display for Fixed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == UNDEF_PRICE {
            return Ok(());
        }
        let sign = if self.0 < 0 { "-" } else { "" };
        let magnitude = self.0.unsigned_abs();
        write!(out, "{sign}{}.{:09}", magnitude / PRICE_UNIT, magnitude % PRICE_UNIT)
    }
}

#[cfg(test)]
mod tests;
