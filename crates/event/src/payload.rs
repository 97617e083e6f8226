//! What an event says: one plain struct per kind, and how each fits the ten words of a slot.

use crate::price::{Price, Quantity};

/// Most price levels one event carries; a longer message becomes a run of events.
pub const LEVELS_MAX: usize = 5;

/// Words of a payload: two for each of [`LEVELS_MAX`] levels.
pub(crate) const WORDS: usize = 2 * LEVELS_MAX;

/// The payload as it lies in a slot.
pub(crate) type Words = [i64; WORDS];

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Payload {
    /// One execution.
    Trade(Trade),
    /// Best bid and ask, or the last price, as the venue pushed them.
    TopOfBook(TopOfBook),
    /// Up to five levels of a depth message.
    Levels(Levels),
    /// One interval's prices and volume.
    Bar(Bar),
    /// Something is missing before this event.
    Gap(Gap),
    /// A connection changed its state.
    Status(Status),
}

/// Who took liquidity in a trade.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// The taker bought: the trade met an ask.
    Buy,
    /// The taker sold: the trade met a bid.
    Sell,
}

/// One execution.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trade {
    /// Price of the execution.
    pub price: Price,
    /// How much was traded.
    pub quantity: Quantity,
    /// The taker's side; `None` where the venue calls it neutral or does not say.
    pub taker: Option<Side>,
    /// The venue's number of the trade, where it is a number.
    pub trade_id: Option<u64>,
}

/// Best bid and ask, or the last price, as the venue pushed them. Absent is `None`, never zero.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct TopOfBook {
    /// Highest bid.
    pub bid_price: Option<Price>,
    /// Quantity at the highest bid; some venues push prices alone.
    pub bid_quantity: Option<Quantity>,
    /// Lowest ask.
    pub ask_price: Option<Price>,
    /// Quantity at the lowest ask.
    pub ask_quantity: Option<Quantity>,
    /// Price of the last trade, where the venue pushes it with the top of book.
    pub last_price: Option<Price>,
}

/// One price and the quantity that stands there; quantity zero removes the level.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Level {
    /// The level's price.
    pub price: Price,
    /// What stands there now, not a change.
    pub quantity: Quantity,
}

/// Up to [`LEVELS_MAX`] levels: bids first, then asks, each in the venue's order.
///
/// Invariant: `bids + asks` is at most [`LEVELS_MAX`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Levels {
    levels: [Level; LEVELS_MAX],
    bids: u8,
    asks: u8,
}

/// One interval's prices and volume.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Bar {
    /// Start of the interval, ns since the epoch.
    pub start_ns: i64,
    /// Length of the interval in ns.
    pub interval_ns: i64,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Quantity traded.
    pub volume: Quantity,
    /// Number of trades; 0 where the venue does not say.
    pub trades: u64,
}

/// Something is missing before this event.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Gap {
    /// Why it is missing.
    pub reason: GapReason,
    /// The venue sequence that should have come; 0 where the venue has none.
    pub expected: u64,
    /// The venue sequence that came instead; 0 where the venue has none.
    pub received: u64,
    /// How many messages (events, where the ring dropped them) are missing; 0 when unknown.
    pub missing: u64,
    /// Whether the book of the instrument is invalid until its next snapshot.
    pub breaks_book: bool,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum GapReason {
    /// The venue's own numbering skipped.
    Sequence,
    /// The connection was lost; what the venue sent meanwhile never arrived.
    Disconnected,
    /// The ring was full and the policy is to drop.
    Dropped,
    /// A depth message could not be decoded, so the book misses it.
    Undecoded,
    /// A recording misses frames; of every instrument.
    Unrecorded,
    /// The venue's checksum of the book is not that of ours: something of it was lost on the way.
    /// `expected` is the venue's, `received` ours.
    Checksum,
}

impl GapReason {
    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Disconnected => "disconnected",
            Self::Dropped => "dropped",
            Self::Undecoded => "undecoded",
            Self::Unrecorded => "unrecorded",
            Self::Checksum => "checksum",
        }
    }
}

/// A connection changed its state.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// The state it is in now.
    pub state: ConnectionState,
    /// Which attempt this is, from 1, counted over the whole run.
    pub attempt: u32,
    /// The venue's or WebSocket's code that goes with it; 0 where there is none.
    pub code: i32,
}

/// Life of a connection, in order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ConnectionState {
    /// A socket is being opened.
    Connecting,
    /// The handshake is done; nothing is subscribed yet.
    Connected,
    /// Every subscription was acknowledged.
    Subscribed,
    /// Open, but silent for longer than the watchdog allows.
    Stale,
    /// Closed by either side.
    Disconnected,
    /// Of a connection that was opened to replace another: both have carried the same messages for
    /// long enough, so that it may take over.
    Settled,
}

impl ConnectionState {
    /// The word used in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Connected => "connected",
            Self::Subscribed => "subscribed",
            Self::Stale => "stale",
            Self::Disconnected => "disconnected",
            Self::Settled => "settled",
        }
    }
}

impl Levels {
    /// No level.
    pub const EMPTY: Self = Self {
        levels: [Level { price: Price::ZERO, quantity: Quantity::ZERO }; LEVELS_MAX],
        bids: 0,
        asks: 0,
    };

    /// Adds a bid; `false` when the event is full or already has asks.
    #[inline]
    #[must_use]
    pub const fn push_bid(&mut self, level: Level) -> bool {
        if self.asks > 0 || self.bids as usize == LEVELS_MAX {
            return false;
        }
        self.levels[self.bids as usize] = level;
        self.bids += 1;
        true
    }

    /// Adds an ask; `false` when the event is full.
    #[inline]
    #[must_use]
    pub const fn push_ask(&mut self, level: Level) -> bool {
        let at = (self.bids + self.asks) as usize;
        if at == LEVELS_MAX {
            return false;
        }
        self.levels[at] = level;
        self.asks += 1;
        true
    }

    /// The bids.
    #[must_use]
    pub fn bids(&self) -> &[Level] {
        &self.levels[..usize::from(self.bids)]
    }

    /// The asks.
    #[must_use]
    pub fn asks(&self) -> &[Level] {
        &self.levels[usize::from(self.bids)..usize::from(self.bids + self.asks)]
    }

    /// Whether both sides are empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bids + self.asks == 0
    }

    /// Bids in the low half of the byte, asks in the high half.
    pub(crate) const fn counts(&self) -> u8 {
        self.bids | (self.asks << 4)
    }

    pub(crate) fn to_words(self) -> Words {
        let mut words = Words::default();
        for (pair, level) in words.chunks_exact_mut(2).zip(self.levels) {
            pair[0] = level.price.mantissa();
            pair[1] = level.quantity.mantissa();
        }
        words
    }

    pub(crate) fn from_words(words: &Words, counts: u8) -> Self {
        let mut levels = [Level::default(); LEVELS_MAX];
        for (level, pair) in levels.iter_mut().zip(words.chunks_exact(2)) {
            level.price = Price::from_mantissa(pair[0]);
            level.quantity = Quantity::from_mantissa(pair[1]);
        }
        Self { levels, bids: counts & 0x0f, asks: counts >> 4 }
    }
}

impl Trade {
    pub(crate) const fn to_words(self) -> Words {
        let taker = match self.taker {
            None => 0,
            Some(Side::Buy) => 1,
            Some(Side::Sell) => 2,
        };
        let (known, id) = match self.trade_id {
            None => (0, 0),
            Some(id) => (1, id.cast_signed()),
        };
        [self.price.mantissa(), self.quantity.mantissa(), taker, known, id, 0, 0, 0, 0, 0]
    }

    pub(crate) const fn from_words(words: &Words) -> Self {
        Self {
            price: Price::from_mantissa(words[0]),
            quantity: Quantity::from_mantissa(words[1]),
            taker: match words[2] {
                1 => Some(Side::Buy),
                2 => Some(Side::Sell),
                _ => None,
            },
            trade_id: if words[3] == 1 { Some(words[4].cast_unsigned()) } else { None },
        }
    }
}

impl TopOfBook {
    /// The best levels, where there are such, and no last price.
    #[inline]
    #[must_use]
    pub fn of(bid: Option<Level>, ask: Option<Level>) -> Self {
        Self {
            bid_price: bid.map(|it| it.price),
            bid_quantity: bid.map(|it| it.quantity),
            ask_price: ask.map(|it| it.price),
            ask_quantity: ask.map(|it| it.quantity),
            last_price: None,
        }
    }

    #[inline(always)]
    pub(crate) fn to_words(self) -> Words {
        let Self { bid_price, bid_quantity, ask_price, ask_quantity, last_price } = self;
        let price = |price: Option<Price>| price.unwrap_or_default().mantissa();
        let quantity = |quantity: Option<Quantity>| quantity.unwrap_or_default().mantissa();
        // The last word says which fields are there.
        let there = i64::from(bid_price.is_some())
            | i64::from(bid_quantity.is_some()) << 1
            | i64::from(ask_price.is_some()) << 2
            | i64::from(ask_quantity.is_some()) << 3
            | i64::from(last_price.is_some()) << 4;
        let (bid, ask) = (price(bid_price), price(ask_price));
        let (bid_quantity, ask_quantity) = (quantity(bid_quantity), quantity(ask_quantity));
        [bid, bid_quantity, ask, ask_quantity, price(last_price), 0, 0, 0, 0, there]
    }

    pub(crate) fn from_words(words: &Words) -> Self {
        let field = |index: usize| (words[WORDS - 1] >> index & 1 == 1).then_some(words[index]);
        Self {
            bid_price: field(0).map(Price::from_mantissa),
            bid_quantity: field(1).map(Quantity::from_mantissa),
            ask_price: field(2).map(Price::from_mantissa),
            ask_quantity: field(3).map(Quantity::from_mantissa),
            last_price: field(4).map(Price::from_mantissa),
        }
    }
}

impl Bar {
    pub(crate) const fn to_words(self) -> Words {
        [
            self.start_ns,
            self.interval_ns,
            self.open.mantissa(),
            self.high.mantissa(),
            self.low.mantissa(),
            self.close.mantissa(),
            self.volume.mantissa(),
            self.trades.cast_signed(),
            0,
            0,
        ]
    }

    pub(crate) const fn from_words(words: &Words) -> Self {
        Self {
            start_ns: words[0],
            interval_ns: words[1],
            open: Price::from_mantissa(words[2]),
            high: Price::from_mantissa(words[3]),
            low: Price::from_mantissa(words[4]),
            close: Price::from_mantissa(words[5]),
            volume: Quantity::from_mantissa(words[6]),
            trades: words[7].cast_unsigned(),
        }
    }
}

impl Gap {
    pub(crate) const fn to_words(self) -> Words {
        let mut words = [0; WORDS];
        words[0] = self.reason as i64;
        words[1] = self.expected.cast_signed();
        words[2] = self.received.cast_signed();
        words[3] = self.missing.cast_signed();
        words[4] = self.breaks_book as i64;
        words
    }

    pub(crate) const fn from_words(words: &Words) -> Self {
        Self {
            reason: match words[0] {
                0 => GapReason::Sequence,
                1 => GapReason::Disconnected,
                2 => GapReason::Dropped,
                3 => GapReason::Undecoded,
                4 => GapReason::Unrecorded,
                _ => GapReason::Checksum,
            },
            expected: words[1].cast_unsigned(),
            received: words[2].cast_unsigned(),
            missing: words[3].cast_unsigned(),
            breaks_book: words[4] != 0,
        }
    }
}

impl Status {
    pub(crate) const fn to_words(self) -> Words {
        let mut words = [0; WORDS];
        words[0] = self.state as i64;
        words[1] = self.attempt as i64;
        words[2] = self.code as i64;
        words
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both words were widened from 32 bits by `to_words`"
    )]
    pub(crate) const fn from_words(words: &Words) -> Self {
        Self {
            state: match words[0] {
                0 => ConnectionState::Connecting,
                1 => ConnectionState::Connected,
                2 => ConnectionState::Subscribed,
                3 => ConnectionState::Stale,
                4 => ConnectionState::Disconnected,
                _ => ConnectionState::Settled,
            },
            attempt: words[1] as u32,
            code: words[2] as i32,
        }
    }
}
