//! Rows of each table, column by column.

mod depth;
mod frames;
mod market;
mod notices;

use std::sync::Arc;

use arrow_array::types::{UInt8Type, UInt64Type};
use tickring_event::{InstrumentId, Instruments, MarketEvent};

pub(crate) use self::depth::LevelRows;
pub(crate) use self::frames::FrameRows;
pub(crate) use self::market::{BarRows, TopRows, TradeRows};
pub(crate) use self::notices::{GapRows, StatusRows};
use crate::ExportError;
use crate::column::{Column, Symbols, Times, Values, times};
use crate::number::{Decimals, Exact, timestamp};

/// Rows of a table that have not been written yet.
pub(crate) trait Rows: Send {
    /// Every column, in order. The table's schema is made of them, so the two are always the same.
    fn columns(&mut self) -> Vec<&mut dyn Column>;

    /// How many rows there are.
    fn len(&self) -> usize;

    /// Bytes of what has no fixed size.
    fn bytes(&self) -> usize {
        0
    }
}

/// What the rows of an event need besides its payload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    sequence: u64,
    arrival_time: Option<i64>,
    venue_time: Option<i64>,
    venue_sequence: Option<u64>,
    connection: u8,
    instrument: InstrumentId,
}

impl Head {
    /// Checks what every row of `event` has.
    pub(crate) fn new(event: &MarketEvent, instruments: &Instruments) -> Result<Self, ExportError> {
        let MarketEvent { sequence, venue_sequence, instrument, .. } = *event;
        if !instrument.is_none() && instruments.instrument(instrument).is_none() {
            return Err(ExportError::Instrument { sequence });
        }
        let time = |ns, name| timestamp(ns, || format!("event {sequence}: its {name}"));
        Ok(Self {
            sequence,
            arrival_time: time(event.arrival_ticks, "arrival time")?,
            venue_time: time(event.venue_time_ns, "venue time")?,
            venue_sequence: (venue_sequence > 0).then_some(venue_sequence),
            connection: event.connection.0,
            instrument,
        })
    }

    /// For the numbers of the event.
    pub(crate) fn exact<'a>(
        &self,
        instruments: &'a Instruments,
        decimals: Decimals,
    ) -> Result<Exact<'a>, ExportError> {
        let Self { sequence, instrument, .. } = *self;
        let instrument =
            instruments.instrument(instrument).ok_or(ExportError::Instrument { sequence })?;
        Ok(Exact { sequence, instrument, decimals })
    }
}

/// The columns that rows of every event have.
pub(crate) struct HeadRows {
    sequence: Values<UInt64Type>,
    arrival_time: Times,
    venue_time: Times,
    venue_sequence: Values<UInt64Type>,
    connection: Values<UInt8Type>,
    symbol: Symbols,
}

impl HeadRows {
    fn new(instruments: Arc<Instruments>) -> Self {
        Self {
            sequence: Values::new("sequence"),
            arrival_time: times("arrival_time"),
            venue_time: times("venue_time"),
            venue_sequence: Values::new("venue_sequence"),
            connection: Values::new("connection"),
            symbol: Symbols::new(instruments),
        }
    }

    fn push(&mut self, head: &Head) {
        self.sequence.push(head.sequence);
        self.arrival_time.push_option(head.arrival_time);
        self.venue_time.push_option(head.venue_time);
        self.venue_sequence.push_option(head.venue_sequence);
        self.connection.push(head.connection);
        self.symbol.push(head.instrument);
    }

    fn len(&self) -> usize {
        self.sequence.len()
    }

    /// These columns, then `others`.
    fn columns_with<'a, const N: usize>(
        &'a mut self,
        others: [&'a mut dyn Column; N],
    ) -> Vec<&'a mut dyn Column> {
        let Self { sequence, arrival_time, venue_time, venue_sequence, connection, symbol } = self;
        let mut columns: Vec<&mut dyn Column> =
            vec![sequence, arrival_time, venue_time, venue_sequence, connection, symbol];
        columns.extend(others);
        columns
    }
}
