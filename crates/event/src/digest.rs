//! One number for a stream of events: equal when the same was said in the same order.

use std::fmt;

use twox_hash::XxHash3_64;

use crate::event::MarketEvent;
use crate::payload::WORDS;

/// Bytes of an event that count.
const EVENT_BYTES: usize = 32 + 8 * WORDS;

/// A running hash of events and words, in the order they are added.
///
/// Of an event counts what a strategy may act on: sequence, the venue's time and number, instrument,
/// connection, flags, payload. Arrival and enqueue times do not: they differ from run to run. XXH3
/// (64 bits, each hash the seed of the next) over the fields in little-endian order, so the figure
/// is the same on every machine. It finds differences; it does not withstand forgery.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Digest(u64);

impl Digest {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(0)
    }

    /// Adds an event. Does not allocate; costs 6.6 ns (benches/recording.rs).
    #[inline]
    pub fn add(&mut self, event: &MarketEvent) {
        let mut bytes = [0; EVENT_BYTES];
        event.write_content(&mut bytes);
        self.0 = XxHash3_64::oneshot_with_seed(self.0, &bytes);
    }

    /// Adds a text.
    pub fn add_text(&mut self, text: &str) {
        self.0 = XxHash3_64::oneshot_with_seed(self.0, text.as_bytes());
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ConnectionId, Flags, InstrumentId, Kind, Level, Levels, Origin, Price, Quantity, Trade,
    };

    fn trade() -> MarketEvent {
        let origin = Origin {
            arrival_ticks: 1,
            venue_time_ns: 2,
            venue_sequence: 3,
            instrument: InstrumentId::new(4),
            connection: ConnectionId(5),
        };
        let (price, quantity) = (Price::from_mantissa(7), Quantity::from_mantissa(8));
        MarketEvent::trade(&origin, Trade { price, quantity, taker: None, trade_id: None })
    }

    fn of(events: &[MarketEvent]) -> Digest {
        let mut digest = Digest::new();
        events.iter().for_each(|event| digest.add(event));
        digest
    }

    #[test]
    fn each_field_that_a_strategy_may_act_on_counts() {
        let changes: [fn(&mut MarketEvent); 6] = [
            |it| it.sequence += 1,
            |it| it.venue_time_ns += 1,
            |it| it.venue_sequence += 1,
            |it| it.instrument = InstrumentId::NONE,
            |it| it.connection.0 += 1,
            |it| it.flags = Flags::FIRST,
        ];
        let mut seen = vec![of(&[trade()])];
        for change in changes {
            let mut event = trade();
            change(&mut event);
            seen.push(of(&[event]));
        }
        let trade_of = |price, trade_id| {
            let (price, quantity) = (Price::from_mantissa(price), Quantity::from_mantissa(8));
            let trade = Trade { price, quantity, taker: None, trade_id };
            MarketEvent::trade(&self::trade().origin(), trade)
        };
        seen.extend([of(&[trade_of(9, None)]), of(&[trade_of(7, Some(1))])]);
        for (at, digest) in seen.iter().enumerate() {
            assert!(!seen[..at].contains(digest), "change {at} is not seen");
        }
    }

    #[test]
    fn sides_of_a_depth_message_count() {
        let level = Level { price: Price::from_mantissa(1), quantity: Quantity::from_mantissa(1) };
        let (mut bid, mut ask) = (Levels::default(), Levels::default());
        assert!(bid.push_bid(level) && ask.push_ask(level));
        let event = |levels| MarketEvent::levels(&Origin::default(), levels, Flags::WHOLE);
        assert_eq!(event(&bid).kind(), Kind::Levels);
        assert_ne!(of(&[event(&bid)]), of(&[event(&ask)]));
    }

    #[test]
    fn times_of_this_machine_do_not_count() {
        let mut later = trade();
        later.arrival_ticks = 99;
        later.enqueue_ticks = 99;
        assert_eq!(of(&[later]), of(&[trade()]));
    }

    #[test]
    fn order_counts() {
        let mut other = trade();
        other.venue_sequence += 1;
        assert_ne!(of(&[trade(), other]), of(&[other, trade()]));
        assert_ne!(of(&[trade()]), of(&[trade(), trade()]));
    }

    #[test]
    fn the_figure_stays_the_same_from_version_to_version() {
        assert_eq!(Digest::new().to_string(), "0000000000000000");
        // As Python's xxhash has it: xxh3_64(pack("<14Q", 0, 2, 3, 4 << 32 | 5 << 24 | 3 << 8, 7, 8,
        // 0, 0, 0, 0, 0, 0, 0, 0)).
        assert_eq!(of(&[trade()]).to_string(), "35ddce8a97cd41ed");
    }
}
