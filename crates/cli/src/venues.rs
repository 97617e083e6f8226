//! Which venues there are: each name with its decoder and, where it can be connected to, what it
//! offers and what it asks of those who connect. A new venue is one line in each table here.

use std::sync::Arc;

use tickring_event::Instruments;
use tickring_ingest::{
    Binance, Bitget, Bybit, BybitProduct, CoinbaseAdvanced, CoinbaseExchange, Kraken, KrakenV1,
    Market, Offer, Okx, Profile, RowFormat, Rows, Subscription, SubscriptionError, TardisCsv,
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
            Self::BitgetSpot => (Bitget::OFFER, Bitget::PROFILE),
            Self::BybitSpot => bybit(BybitProduct::Spot),
            Self::BybitLinear => bybit(BybitProduct::Linear),
            Self::BybitInverse => bybit(BybitProduct::Inverse),
            Self::CoinbaseAdvanced => (CoinbaseAdvanced::OFFER, CoinbaseAdvanced::PROFILE),
            Self::CoinbaseExchange => (CoinbaseExchange::OFFER, CoinbaseExchange::PROFILE),
            Self::Kraken => (Kraken::OFFER, Kraken::PROFILE),
            Self::Okx => (Okx::OFFER, Okx::PROFILE),
            Self::Tickdb
            | Self::KrakenV1
            | Self::TardisCsv
            | Self::Lobster
            | Self::Databento
            | Self::Bars => {
                return None;
            }
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
            Self::BitgetSpot => boxed(Bitget::new(self.asked(wanted), instruments)),
            Self::BybitSpot => {
                boxed(Bybit::new(BybitProduct::Spot, self.asked(wanted), instruments))
            }
            Self::BybitLinear => {
                boxed(Bybit::new(BybitProduct::Linear, self.asked(wanted), instruments))
            }
            Self::BybitInverse => {
                boxed(Bybit::new(BybitProduct::Inverse, self.asked(wanted), instruments))
            }
            Self::CoinbaseAdvanced => boxed(CoinbaseAdvanced::new(self.asked(wanted), instruments)),
            Self::CoinbaseExchange => boxed(CoinbaseExchange::new(self.asked(wanted), instruments)),
            Self::Kraken => boxed(Kraken::new(self.asked(wanted), instruments)),
            Self::KrakenV1 => Ok(Box::new(KrakenV1::new(&wanted.symbols(), instruments))),
            Self::Okx => boxed(Okx::new(self.asked(wanted), instruments)),
            Self::TardisCsv => Ok(Box::new(TardisCsv::new(&wanted.symbols(), instruments))),
            Self::Lobster => Ok(rows(RowFormat::Lobster, &wanted, instruments)),
            Self::Databento => Ok(rows(RowFormat::Databento, &wanted, instruments)),
            Self::Bars => Ok(rows(RowFormat::Bars, &wanted, instruments)),
            Self::Tickdb => Err(Failure::usage("TickDB is subscribed to in a way of its own")),
        }
    }
}

impl VenueName {
    /// The subscription that gives all of `wanted`.
    fn asked(self, wanted: Wanted) -> Subscription {
        match wanted {
            Wanted::Subscribed(subscription) => subscription,
            Wanted::Recorded(symbols) if symbols.is_empty() => Subscription::default(),
            Wanted::Recorded(symbols) => {
                let channels = self.public().map_or(&[][..], |public| public.offer.channels);
                Subscription { symbols, channels: channels.to_vec(), depth: None }
            }
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

fn boxed<V: Venue + 'static>(
    venue: Result<V, SubscriptionError>,
) -> Result<Box<dyn Venue>, Failure> {
    match venue {
        Ok(venue) => Ok(Box::new(venue)),
        Err(error) => Err(Failure::usage(error.to_string())),
    }
}

const fn bybit(product: BybitProduct) -> (Offer, Profile) {
    (Bybit::offer(product), Bybit::profile(product))
}

fn binance(
    market: Market,
    wanted: Wanted,
    instruments: Arc<Instruments>,
) -> Result<Box<dyn Venue>, Failure> {
    Ok(match wanted {
        Wanted::Recorded(symbols) => Box::new(Binance::new(market, &symbols, instruments)),
        Wanted::Subscribed(subscription) => {
            return boxed(Binance::subscribing(market, subscription, instruments));
        }
    })
}

fn rows(format: RowFormat, wanted: &Wanted, instruments: Arc<Instruments>) -> Box<dyn Venue> {
    Box::new(Rows::new(format, &wanted.symbols(), instruments))
}
