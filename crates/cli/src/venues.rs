//! Which venues there are: each name with its decoder and, where it can be connected to, what it
//! offers and what it asks of those who connect. A new venue is one line in each table here.

use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::{
    Binance, Market, Offer, Profile, RowFormat, Rows, Subscription, SubscriptionError, TardisCsv,
    Venue,
};

use crate::args::VenueName;
use crate::exit::Failure;

/// A venue with public channels, which needs no key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Public {
    pub(crate) offer: Offer,
    pub(crate) profile: Profile,
}

/// What is decoded of a venue.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// What was recorded, whatever was subscribed to: of these symbols, or of all.
    Recorded(Vec<String>),
    /// What is subscribed to, or was when it was recorded.
    Subscribed(Subscription),
}

impl VenueName {
    /// How it is connected to; `None` for what is recorded only, and for TickDB, which needs a key.
    pub(crate) const fn public(self) -> Option<Public> {
        let (offer, profile) = match self {
            Self::BinanceSpot => (Binance::OFFER_SPOT, Binance::PROFILE_SPOT),
            Self::BinanceUsdm => (Binance::OFFER_USDM, Binance::PROFILE_USDM),
            Self::Tickdb | Self::TardisCsv | Self::Lobster | Self::Databento => return None,
        };
        Some(Public { offer, profile })
    }

    /// A decoder of `wanted` for one connection.
    ///
    /// # Errors
    /// It cannot be subscribed to at this venue, or not in this way: TickDB has a configuration of
    /// its own.
    pub(crate) fn decoder(
        self,
        wanted: Wanted,
        instruments: Arc<Instruments>,
    ) -> Result<Box<dyn Venue>, Failure> {
        match self {
            Self::BinanceSpot => binance(Market::Spot, wanted, instruments),
            Self::BinanceUsdm => binance(Market::UsdM, wanted, instruments),
            Self::TardisCsv => Ok(Box::new(TardisCsv::new(&wanted.symbols(), instruments))),
            Self::Lobster => Ok(rows(RowFormat::Lobster, &wanted, instruments)),
            Self::Databento => Ok(rows(RowFormat::Databento, &wanted, instruments)),
            Self::Tickdb => Err(Failure::usage("TickDB is subscribed to in a way of its own")),
        }
    }
}

impl Wanted {
    fn symbols(&self) -> Vec<String> {
        match self {
            Self::Recorded(symbols) | Self::Subscribed(Subscription { symbols, .. }) => {
                symbols.clone()
            }
        }
    }
}

fn binance(
    market: Market,
    wanted: Wanted,
    instruments: Arc<Instruments>,
) -> Result<Box<dyn Venue>, Failure> {
    Ok(match wanted {
        Wanted::Recorded(symbols) => Box::new(Binance::new(market, &symbols, instruments)),
        Wanted::Subscribed(subscription) => {
            let venue = Binance::subscribing(market, subscription, instruments);
            Box::new(venue.map_err(|error| wrong(&error))?)
        }
    })
}

fn rows(format: RowFormat, wanted: &Wanted, instruments: Arc<Instruments>) -> Box<dyn Venue> {
    Box::new(Rows::new(format, &wanted.symbols(), instruments))
}

fn wrong(error: &SubscriptionError) -> Failure {
    Failure::usage(error.to_string())
}
