//! The words every tickring crate speaks: fixed-size events, instruments and exact prices.
//!
//! Left out on purpose: clocks (times are plain numbers here), the ring, venues and books.
//!
//! ```
//! use tickring_event::{Instruments, MarketEvent, Origin, Payload, Side, Trade};
//!
//! let instruments = Instruments::new();
//! let id = instruments.register("BTCUSDT", b"61837.63", b"0.020")?;
//! let instrument = instruments.instrument(id).expect("registered on the line above");
//! let trade = Trade {
//!     price: instrument.price(b"61837.63")?,
//!     quantity: instrument.quantity(b"0.020")?,
//!     taker: Some(Side::Sell),
//!     trade_id: Some(7),
//! };
//! let event = MarketEvent::trade(&Origin { instrument: id, ..Origin::default() }, trade);
//! assert_eq!(event.payload(), Payload::Trade(trade));
//! assert_eq!(instrument.price_text(trade.price).to_string(), "61837.63");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod decimal;
mod digest;
mod event;
mod instrument;
mod payload;
mod price;

pub use decimal::{
    DECIMALS_MAX, Decimal, DecimalError, DecimalText, NumberText, POWERS_OF_TEN, ShortNumber,
    eight_bytes, leading_digits, leading_eight, leading_sixteen, plain_digits,
};
pub use digest::Digest;
pub use event::{ConnectionId, Flags, Kind, MarketEvent, Origin};
pub use instrument::{INSTRUMENTS_MAX, Instrument, InstrumentError, InstrumentId, Instruments};
pub use payload::{
    Bar, ConnectionState, Gap, GapReason, LEVELS_MAX, Level, Levels, Payload, Side, Status,
    TopOfBook, Trade,
};
pub use price::{Price, Quantity, Scale};
