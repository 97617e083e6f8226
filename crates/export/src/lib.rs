//! Recorded sessions as tables for other tools: Parquet, Arrow IPC streams, CSV, JSON lines.
//!
//! [`Export`] takes events, or entries as they were recorded, and writes one table for each kind.
//! Prices and quantities stay exact decimals and times keep their ns. Memory is flat: rows leave in
//! batches, and Parquet's row groups have limits in rows and in bytes.
//!
//! What is left out: of what is written only bars are read back ([`BarFile`]), no session is opened, no
//! venue is decoded; no thread is started and nothing is printed.
//!
//! ```
//! use std::sync::Arc;
//! use tickring_event::{Instruments, MarketEvent, Origin, Trade};
//! use tickring_export::{Export, ExportConfig, Format, Table, Target};
//!
//! let instruments = Arc::new(Instruments::new());
//! let id = instruments.register("BTCUSDT", b"61837.63", b"0.020")?;
//! let instrument = instruments.instrument(id).expect("registered on the line above");
//! let trade = Trade {
//!     price: instrument.price(b"61837.63")?,
//!     quantity: instrument.quantity(b"0.020")?,
//!     taker: None,
//!     trade_id: Some(7),
//! };
//! let event = MarketEvent::trade(&Origin { instrument: id, ..Origin::default() }, trade);
//!
//! let target = Target::Stream(Box::new(std::io::sink()));
//! let config = ExportConfig::new(Format::Parquet, vec![Table::Trades]);
//! let mut export = Export::create(&config, target, instruments)?;
//! export.add_event(&event)?;
//! let written = export.finish()?;
//! assert_eq!((written[0].table, written[0].rows), (Table::Trades, 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bars;
mod cell;
mod column;
mod error;
mod export;
mod form;
mod number;
mod place;
mod rows;
mod sheet;
mod table;
mod text;

pub use bars::BarFile;
pub use error::ExportError;
pub use export::{Export, ExportConfig, Written};
pub use form::Format;
pub use place::{OnExisting, Target};
pub use sheet::{Sheet, SheetColumn};
pub use table::Table;
