//! Events with numbers at the ends of what is exact.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tickring_event::{
    Bar, ConnectionId, ConnectionState, Flags, Gap, GapReason, InstrumentId, Instruments, Level,
    Levels, MarketEvent, Origin, Side, Status, TopOfBook, Trade,
};
use tickring_export::{Export, ExportConfig, ExportError, Format, OnExisting, Table, Target};

/// A coin of 1e-10, traded by 1e10, and a dear one with two and three decimals.
pub(crate) const SMALL: &str = "SHIBBTC";
pub(crate) const DEAR: &str = "BTCUSDT";

/// Ten to the power of 18: one, in a table's decimals.
pub(crate) const ONE: i128 = 1_000_000_000_000_000_000;

/// 2024-08-08T23:54:15.030314667Z
pub(crate) const ARRIVAL_NS: u64 = 1_723_161_255_030_314_667;

pub(crate) struct Market {
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) small: InstrumentId,
    pub(crate) dear: InstrumentId,
}

impl Market {
    pub(crate) fn new() -> Self {
        let instruments = Arc::new(Instruments::new());
        let small = instruments.register(SMALL, b"0.0000000001", b"10000000000").unwrap();
        let dear = instruments.register(DEAR, b"61837.63", b"0.020").unwrap();
        Self { instruments, small, dear }
    }

    pub(crate) fn origin(&self, instrument: InstrumentId) -> Origin {
        Origin {
            arrival_ticks: ARRIVAL_NS,
            venue_time_ns: ARRIVAL_NS + 1_000_000_000,
            venue_sequence: 77,
            instrument,
            connection: ConnectionId(3),
        }
    }

    pub(crate) fn level(&self, id: InstrumentId, price: &str, quantity: &str) -> Level {
        let instrument = self.instruments.instrument(id).unwrap();
        Level {
            price: instrument.price(price.as_bytes()).unwrap(),
            quantity: instrument.quantity(quantity.as_bytes()).unwrap(),
        }
    }

    pub(crate) fn trade(&self, id: InstrumentId, price: &str, quantity: &str) -> MarketEvent {
        let Level { price, quantity } = self.level(id, price, quantity);
        let trade = Trade { price, quantity, taker: Some(Side::Sell), trade_id: Some(u64::MAX) };
        MarketEvent::trade(&self.origin(id), trade)
    }

    /// The smallest price with the largest quantity, a dear trade, and one without a side.
    pub(crate) fn trades(&self) -> Vec<MarketEvent> {
        let Level { price, quantity } = self.level(self.dear, "0.01", "92233720368.54775807");
        let unknown = Trade { price, quantity, taker: None, trade_id: None };
        numbered(vec![
            self.trade(self.small, "0.0000000001", "10000000000"),
            self.trade(self.dear, "61837.63", "0.020"),
            MarketEvent::trade(&Origin { instrument: self.dear, ..Origin::default() }, unknown),
        ])
    }

    /// A message of seven levels in two events, one without levels, one old.
    pub(crate) fn depth(&self) -> Vec<MarketEvent> {
        let origin = self.origin(self.dear);
        let level = |price| self.level(self.dear, price, "1.5");
        let (mut first, mut second) = (Levels::EMPTY, Levels::EMPTY);
        for price in ["10", "9", "8"] {
            assert!(first.push_bid(level(price)));
        }
        for price in ["11", "12"] {
            assert!(first.push_ask(level(price)) && second.push_ask(level(price)));
        }
        let snapshot = Flags::SNAPSHOT;
        numbered(vec![
            MarketEvent::levels(&origin, &first, snapshot.with(Flags::FIRST)),
            MarketEvent::levels(&origin, &second, snapshot.with(Flags::LAST)),
            MarketEvent::levels(&origin, &Levels::EMPTY, Flags::WHOLE),
            MarketEvent::levels(&origin, &second, Flags::WHOLE.with(Flags::STALE)),
        ])
    }

    /// One event of each kind.
    pub(crate) fn each(&self) -> Vec<MarketEvent> {
        let origin = self.origin(self.dear);
        let Level { price, quantity } = self.level(self.dear, "61837.63", "0.020");
        let top = TopOfBook { bid_price: Some(price), ..TopOfBook::default() };
        let bar = Bar {
            start_ns: 1_723_161_240_000_000_000,
            interval_ns: 60_000_000_000,
            open: price,
            high: price,
            low: price,
            close: price,
            volume: quantity,
            trades: 5,
        };
        let reason = GapReason::Sequence;
        let gap = Gap { reason, expected: 7, received: 9, missing: 0, breaks_book: true };
        let status = Status { state: ConnectionState::Disconnected, attempt: 2, code: -1_006 };
        numbered(vec![
            self.trade(self.dear, "61837.63", "0.020"),
            MarketEvent::top_of_book(&origin, &top),
            self.depth()[0],
            MarketEvent::bar(&origin, &bar),
            MarketEvent::gap(&origin, gap),
            MarketEvent::status(&Origin { instrument: InstrumentId::NONE, ..origin }, status),
        ])
    }

    /// Exports `events` as one table to memory.
    pub(crate) fn export(&self, format: Format, table: Table, events: &[MarketEvent]) -> Vec<u8> {
        let memory = Memory::default();
        let target = Target::Stream(Box::new(memory.clone()));
        let config = ExportConfig::new(format, vec![table]);
        let mut export = Export::create(&config, target, Arc::clone(&self.instruments)).unwrap();
        events.iter().for_each(|event| export.add_event(event).unwrap());
        let written = export.finish().unwrap();
        let bytes = memory.bytes();
        assert_eq!(written[0].bytes, bytes.len() as u64);
        bytes
    }

    /// An export of `tables` to a folder.
    pub(crate) fn create(
        &self,
        path: &Path,
        on_existing: OnExisting,
        tables: &[Table],
    ) -> Result<Export, ExportError> {
        let config = ExportConfig::new(Format::Parquet, tables.to_vec());
        let target = Target::Folder { path: path.to_owned(), on_existing };
        Export::create(&config, target, Arc::clone(&self.instruments))
    }
}

fn numbered(mut events: Vec<MarketEvent>) -> Vec<MarketEvent> {
    events.iter_mut().zip(0..).for_each(|(event, sequence)| event.sequence = sequence);
    events
}

/// A stream to memory that can still be read.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
