//! Which venues there are: each name with its decoder and, where it can be connected to, what it
//! offers and what it asks of those who connect. A new venue is one line in each table here.

use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::{
    Binance, Market, Offer, Profile, RowFormat, Rows, Subscription, TardisCsv, Venue,
};

use crate::args::VenueName;
use crate::exit::Failure;

/// A venue with public channels, which needs no key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Public {
    pub(crate) offer: Offer,
    pub(crate) profile: Profile,
}

impl VenueName {
    /// How it is connected to; `None` for what is recorded only, and for TickDB, which needs a key.
    pub(crate) fn public(self) -> Option<Public> {
        None
    }

    /// A decoder of what `subscription` describes; of all that comes, where it names no symbols.
    ///
    /// # Errors
    /// The subscription cannot work at this venue. TickDB has a configuration of its own.
    pub(crate) fn decoder(
        self,
        subscription: Subscription,
        instruments: Arc<Instruments>,
    ) -> Result<Box<dyn Venue>, Failure> {
        let symbols = subscription.symbols.as_slice();
        Ok(match self {
            Self::BinanceSpot => Box::new(Binance::new(Market::Spot, symbols, instruments)),
            Self::BinanceUsdm => Box::new(Binance::new(Market::UsdM, symbols, instruments)),
            Self::TardisCsv => Box::new(TardisCsv::new(symbols, instruments)),
            Self::Lobster => Box::new(Rows::new(RowFormat::Lobster, symbols, instruments)),
            Self::Databento => Box::new(Rows::new(RowFormat::Databento, symbols, instruments)),
            Self::Tickdb => {
                return Err(Failure::usage("TickDB is subscribed to in a way of its own"));
            }
        })
    }
}
