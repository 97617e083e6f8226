//! The ring's slot: 128 bytes, two cache lines, copied and never borrowed.

use crate::instrument::InstrumentId;
use crate::payload::{Bar, Gap, Levels, Payload, Status, TopOfBook, Trade, WORDS, Words};

/// One fixed-size slot of the ring.
///
/// A 48-byte header and 80 bytes of payload. The payload lies as ten plain words and is read by
/// value with [`MarketEvent::payload`], so the slot is valid for every bit pattern of its words.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct MarketEvent {
    /// Position in the stream, from 0; written by the publisher.
    pub sequence: u64,
    /// Clock ticks when the read that completed the frame returned; when the kernel had received it,
    /// where the kernel is asked.
    pub arrival_ticks: u64,
    /// Clock ticks just before the first attempt to publish; written by the publisher.
    pub enqueue_ticks: u64,
    /// The venue's time of the event, ns since the epoch; 0 where the venue gives none.
    pub venue_time_ns: u64,
    /// The venue's number of the message; 0 where the venue gives none.
    pub venue_sequence: u64,
    /// What the event is about; [`InstrumentId::NONE`] when it concerns no single instrument.
    pub instrument: InstrumentId,
    /// The connection it came over.
    pub connection: ConnectionId,
    kind: Kind,
    /// Where this event stands in its message.
    pub flags: Flags,
    /// Bids and asks in a `Levels` payload.
    counts: u8,
    words: Words,
}

const _: () = assert!(size_of::<MarketEvent>() == 128, "a slot is two cache lines");
const _: () = assert!(align_of::<MarketEvent>() == 64, "slots must not share a line");

/// One of a run's connections; a reconnect keeps the number.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(transparent)]
pub struct ConnectionId(pub u8);

/// Which payload an event carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum Kind {
    /// [`Trade`]
    Trade,
    /// [`TopOfBook`]
    TopOfBook,
    /// [`Levels`]
    Levels,
    /// [`Bar`]
    Bar,
    /// [`Gap`]
    Gap,
    /// [`Status`]
    Status,
}

/// Where an event stands in the message it came from.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(transparent)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// First event of its message.
    pub const FIRST: Self = Self(1);
    /// Last event of its message.
    pub const LAST: Self = Self(1 << 1);
    /// The message replaces the whole book: it starts over at the first event.
    pub const SNAPSHOT: Self = Self(1 << 2);
    /// Depth that must not change a book: older than its snapshot, or no snapshot to apply to.
    pub const STALE: Self = Self(1 << 3);
    /// First and last: the message is this one event.
    pub const WHOLE: Self = Self(Self::FIRST.0 | Self::LAST.0);

    /// Both sets of flags.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Where an event comes from: the part of the header that its decoder knows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// See [`MarketEvent::arrival_ticks`].
    pub arrival_ticks: u64,
    /// See [`MarketEvent::venue_time_ns`].
    pub venue_time_ns: u64,
    /// See [`MarketEvent::venue_sequence`].
    pub venue_sequence: u64,
    /// See [`MarketEvent::instrument`].
    pub instrument: InstrumentId,
    /// See [`MarketEvent::connection`].
    pub connection: ConnectionId,
}

impl MarketEvent {
    /// A trade, a message of its own until [`MarketEvent::flags`] says otherwise.
    #[must_use]
    pub const fn trade(origin: &Origin, trade: Trade) -> Self {
        Self::new(origin, Kind::Trade, &trade.to_words())
    }

    /// A top of book.
    #[inline]
    #[must_use]
    pub fn top_of_book(origin: &Origin, top: &TopOfBook) -> Self {
        Self::new(origin, Kind::TopOfBook, &top.to_words())
    }

    /// Levels of a depth message; `flags` place them in its run.
    #[must_use]
    pub fn levels(origin: &Origin, levels: &Levels, flags: Flags) -> Self {
        let event = Self::new(origin, Kind::Levels, &levels.to_words());
        Self { flags, counts: levels.counts(), ..event }
    }

    /// A bar.
    #[must_use]
    pub const fn bar(origin: &Origin, bar: &Bar) -> Self {
        Self::new(origin, Kind::Bar, &bar.to_words())
    }

    /// A gap.
    #[must_use]
    pub const fn gap(origin: &Origin, gap: Gap) -> Self {
        Self::new(origin, Kind::Gap, &gap.to_words())
    }

    /// A change of connection state.
    #[must_use]
    pub const fn status(origin: &Origin, status: Status) -> Self {
        Self::new(origin, Kind::Status, &status.to_words())
    }

    /// Which payload this is.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// The payload, read by value.
    #[must_use]
    pub fn payload(&self) -> Payload {
        match self.kind {
            Kind::Trade => Payload::Trade(Trade::from_words(&self.words)),
            Kind::TopOfBook => Payload::TopOfBook(TopOfBook::from_words(&self.words)),
            Kind::Levels => Payload::Levels(Levels::from_words(&self.words, self.counts)),
            Kind::Bar => Payload::Bar(Bar::from_words(&self.words)),
            Kind::Gap => Payload::Gap(Gap::from_words(&self.words)),
            Kind::Status => Payload::Status(Status::from_words(&self.words)),
        }
    }

    /// The header's part that its decoder knew.
    #[must_use]
    pub const fn origin(&self) -> Origin {
        Origin {
            arrival_ticks: self.arrival_ticks,
            venue_time_ns: self.venue_time_ns,
            venue_sequence: self.venue_sequence,
            instrument: self.instrument,
            connection: self.connection,
        }
    }

    /// All but what differs from run to run, in little-endian order.
    pub(crate) fn write_content(&self, bytes: &mut [u8; 32 + 8 * WORDS]) {
        let Self { sequence, venue_time_ns, venue_sequence, instrument, connection, .. } = *self;
        let place = (instrument.index() as u64) << 32
            | u64::from(connection.0) << 24
            | (self.kind as u64) << 16
            | u64::from(self.flags.0) << 8
            | u64::from(self.counts);
        let words = self.words.iter().map(|word| word.to_le_bytes());
        let head = [sequence, venue_time_ns, venue_sequence, place].map(u64::to_le_bytes);
        for (slot, word) in bytes.chunks_exact_mut(8).zip(head.into_iter().chain(words)) {
            slot.copy_from_slice(&word);
        }
    }

    const fn new(origin: &Origin, kind: Kind, words: &Words) -> Self {
        Self {
            sequence: 0,
            arrival_ticks: origin.arrival_ticks,
            enqueue_ticks: 0,
            venue_time_ns: origin.venue_time_ns,
            venue_sequence: origin.venue_sequence,
            instrument: origin.instrument,
            connection: origin.connection,
            kind,
            flags: Flags::WHOLE,
            counts: 0,
            words: *words,
        }
    }
}

impl Kind {
    /// Every kind, in order of its number.
    pub const ALL: [Self; 6] =
        [Self::Trade, Self::TopOfBook, Self::Levels, Self::Bar, Self::Gap, Self::Status];

    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Trade => "trade",
            Self::TopOfBook => "top_of_book",
            Self::Levels => "levels",
            Self::Bar => "bar",
            Self::Gap => "gap",
            Self::Status => "status",
        }
    }
}

/// What an unused slot of a new ring holds; never published.
impl Default for MarketEvent {
    fn default() -> Self {
        Self::new(&Origin::default(), Kind::Status, &[0; WORDS])
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use proptest::prelude::*;

    use super::*;
    use crate::payload::{ConnectionState, GapReason, Level, Side};
    use crate::price::{Price, Quantity};

    #[test]
    fn the_header_is_48_bytes_and_the_payload_80() {
        assert_eq!(size_of::<MarketEvent>(), 128);
        assert_eq!(align_of::<MarketEvent>(), 64);
        assert_eq!(offset_of!(MarketEvent, sequence), 0);
        assert_eq!(offset_of!(MarketEvent, arrival_ticks), 8);
        assert_eq!(offset_of!(MarketEvent, enqueue_ticks), 16);
        assert_eq!(offset_of!(MarketEvent, venue_time_ns), 24);
        assert_eq!(offset_of!(MarketEvent, venue_sequence), 32);
        assert_eq!(offset_of!(MarketEvent, instrument), 40);
        assert_eq!(offset_of!(MarketEvent, connection), 44);
        assert_eq!(offset_of!(MarketEvent, kind), 45);
        assert_eq!(offset_of!(MarketEvent, flags), 46);
        assert_eq!(offset_of!(MarketEvent, counts), 47);
        assert_eq!(offset_of!(MarketEvent, words), 48);
        assert_eq!(size_of::<Words>(), 80);
    }

    #[test]
    fn flags_add_up() {
        let flags = Flags::FIRST.with(Flags::SNAPSHOT);
        assert!(flags.contains(Flags::FIRST));
        assert!(!flags.contains(Flags::WHOLE));
        assert!(Flags::WHOLE.contains(Flags::LAST));
    }

    #[test]
    fn levels_hold_five_and_bids_come_first() {
        let level = |at| Level {
            price: Price::from_mantissa(at),
            quantity: Quantity::from_mantissa(at * 10),
        };
        let mut levels = Levels::default();
        assert!(levels.push_bid(level(1)) && levels.push_ask(level(2)));
        assert!(!levels.push_bid(level(3)), "a bid after an ask would change the order");
        assert!(
            levels.push_ask(level(3)) && levels.push_ask(level(4)) && levels.push_ask(level(5))
        );
        assert!(!levels.push_ask(level(6)));
        let event = MarketEvent::levels(&Origin::default(), &levels, Flags::FIRST);
        let Payload::Levels(read) = event.payload() else { panic!("{event:?}") };
        assert_eq!(read.bids(), [level(1)]);
        assert_eq!(read.asks(), [level(2), level(3), level(4), level(5)]);
    }

    fn price() -> impl Strategy<Value = Price> {
        any::<i64>().prop_map(Price::from_mantissa)
    }

    fn quantity() -> impl Strategy<Value = Quantity> {
        any::<i64>().prop_map(Quantity::from_mantissa)
    }

    fn trade() -> impl Strategy<Value = Trade> {
        let taker = prop_oneof![Just(None), Just(Some(Side::Buy)), Just(Some(Side::Sell))];
        (price(), quantity(), taker, any::<Option<u64>>()).prop_map(
            |(price, quantity, taker, trade_id)| Trade { price, quantity, taker, trade_id },
        )
    }

    fn top() -> impl Strategy<Value = TopOfBook> {
        use proptest::option::of;
        (of(price()), of(quantity()), of(price()), of(quantity()), of(price())).prop_map(
            |(bid_price, bid_quantity, ask_price, ask_quantity, last_price)| TopOfBook {
                bid_price,
                bid_quantity,
                ask_price,
                ask_quantity,
                last_price,
            },
        )
    }

    fn gap() -> impl Strategy<Value = Gap> {
        let reason = proptest::sample::select(vec![
            GapReason::Sequence,
            GapReason::Disconnected,
            GapReason::Dropped,
            GapReason::Undecoded,
        ]);
        (reason, any::<[u64; 3]>(), any::<bool>()).prop_map(
            |(reason, [expected, received, missing], breaks_book)| Gap {
                reason,
                expected,
                received,
                missing,
                breaks_book,
            },
        )
    }

    proptest! {
        #[test]
        fn what_goes_into_a_slot_comes_out(
            trade in trade(), top in top(), gap in gap(), numbers in any::<[i64; 8]>(),
            attempt in any::<u32>(), code in any::<i32>(),
        ) {
            let origin = Origin { arrival_ticks: 5, venue_sequence: 9, ..Origin::default() };
            let bar = Bar::from_words(&[
                numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5],
                numbers[6], numbers[7], 0, 0,
            ]);
            let status = Status { state: ConnectionState::Stale, attempt, code };
            prop_assert_eq!(MarketEvent::trade(&origin, trade).payload(), Payload::Trade(trade));
            prop_assert_eq!(MarketEvent::top_of_book(&origin, &top).payload(), Payload::TopOfBook(top));
            prop_assert_eq!(MarketEvent::gap(&origin, gap).payload(), Payload::Gap(gap));
            prop_assert_eq!(MarketEvent::bar(&origin, &bar).payload(), Payload::Bar(bar));
            prop_assert_eq!(MarketEvent::status(&origin, status).payload(), Payload::Status(status));
            prop_assert_eq!(MarketEvent::gap(&origin, gap).origin(), origin);
        }
    }
}
