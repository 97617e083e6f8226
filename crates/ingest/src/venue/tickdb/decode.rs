//! From a frame to events.

use std::sync::Arc;

use tickring_event::{
    Gap, GapReason, Instrument, InstrumentError, InstrumentId, Instruments, MarketEvent,
    NumberText, Origin,
};
use tickring_metrics::Counter;

use super::codes::Code;
use super::config::{Channel, ProductKind, SYMBOL_BYTES_MAX, TickDbConfig};
use super::fields::{
    level_texts, push_depth, push_ticker, push_trades, sides, ticker_prices, time_ns, trade_list,
    trade_texts,
};
use super::sequence::{Sequences, Standing};
use super::symbols::{Meant, Resolved, Symbols};
use crate::batch::EventBatch;
use crate::frame::Stamp;
use crate::json::Value;
use crate::venue::{DecodeError, Inbound};

/// Sample for the quantity scale of an instrument whose first message has no quantity.
const NO_QUANTITY: &[u8] = b"0";

/// What a frame is, by its envelope.
pub(super) enum Message<'tape, 'text> {
    /// An answer with a code; pushed data has none.
    Reply(Code<'text>),
    /// Market data: the object that holds it.
    Data(Channel, Value<'tape, 'text>),
    /// A life sign without a code.
    Pong,
    /// Anything else.
    Other,
}

impl<'tape, 'text> Message<'tape, 'text> {
    pub(super) fn read(root: Value<'tape, 'text>) -> Self {
        if let Some(code) = root.get("code") {
            return Self::Reply(read_code(code));
        }
        let channel = match root.get("cmd") {
            Some(cmd) => match cmd.text() {
                Some("pong") => return Self::Pong,
                word => word.and_then(Channel::of_word),
            },
            // Older clients of the venue find the channel here; inside `data` it is the product.
            None => root.get("type").and_then(Value::text).and_then(channel_of_type),
        };
        match channel {
            Some(channel) => {
                let data = root.get("data").filter(|data| data.is_object());
                Self::Data(channel, data.unwrap_or(root))
            }
            None => Self::Other,
        }
    }
}

fn read_code<'text>(code: Value<'_, 'text>) -> Code<'text> {
    match (code.integer(), code.text()) {
        (Some(number), _) => Code::Number(number),
        (None, Some(word)) => Code::Word(word),
        (None, None) => Code::Word("unreadable code"),
    }
}

fn channel_of_type(word: &str) -> Option<Channel> {
    if word == "trades" { Some(Channel::Trade) } else { Channel::of_word(word) }
}

/// Market data of one connection on its way into events.
#[derive(Debug)]
pub(super) struct Feed {
    pub(super) symbols: Symbols,
    pub(super) sequences: Sequences,
    instruments: Arc<Instruments>,
    /// Something was published since books last started over.
    published: bool,
}

/// Which message of which numbering it is.
#[derive(Clone, Copy)]
pub(super) struct About {
    pub(super) id: InstrumentId,
    pub(super) channel: Channel,
    /// 0 where it has none, as of the time.
    pub(super) number: u64,
    pub(super) venue_time_ns: u64,
}

/// What a message says of itself.
#[derive(Clone, Copy)]
struct Subject<'text> {
    channel: Channel,
    /// Empty when the message names none.
    symbol: &'text str,
    kind: Option<ProductKind>,
}

impl Feed {
    pub(super) fn new(config: &TickDbConfig, instruments: Arc<Instruments>) -> Self {
        Self {
            symbols: Symbols::new(config),
            sequences: Sequences::default(),
            instruments,
            published: false,
        }
    }

    /// Appends the events of a message, or nothing but the `Gap` of a book that it should have
    /// renewed.
    pub(super) fn decode(
        &mut self,
        channel: Channel,
        data: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let subject = Subject::read(channel, data)?;
        let len = batch.len();
        let decoded = self.decode_subject(&subject, data, stamp, batch);
        if let Err(error) = decoded {
            batch.truncate(len);
            // A bare number is no fault yet: the frame is read once more.
            if error != DecodeError::BareNumber {
                self.undecoded(&subject, stamp, batch);
            }
        }
        decoded
    }

    /// Books start over; nothing to say when nothing was published since the last time.
    pub(super) fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        if !std::mem::take(&mut self.published) {
            return;
        }
        for instrument in self.sequences.instruments() {
            batch.push(broken_book(stamp, instrument, GapReason::Disconnected));
        }
    }

    fn decode_subject(
        &mut self,
        subject: &Subject<'_>,
        data: Value<'_, '_>,
        stamp: Stamp,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let channel = subject.channel;
        let id = match self.symbols.known(subject.symbol, subject.kind)? {
            Some(id) => id,
            None => match sample(channel, data)? {
                Some(sample) => self.admit(subject, sample)?,
                // No price yet, so no scale: nothing that an event could say.
                None => return Ok(Inbound::Ignored("repeated")),
            },
        };
        let about = About {
            id,
            channel,
            number: data.get("seq").and_then(Value::whole).unwrap_or(0),
            venue_time_ns: time_ns(data)?.unwrap_or(0),
        };
        self.publish(about, stamp, batch, |instrument, origin, standing, batch| {
            let is_late = standing == Standing::Late;
            match channel {
                Channel::Ticker => {
                    let texts = ticker_prices(data)?.map(|text| text.map(NumberText::from));
                    push_ticker(instrument, origin, &texts, is_late, batch)
                }
                Channel::Depth => push_depth(instrument, origin, is_late, data, batch),
                Channel::Trade => push_trades(instrument, origin, data, batch),
            }
        })
    }

    /// Finds where a message stands in its numbering, and takes what `push` reads of it. When that fails
    /// nothing was taken, but events may be left in the batch.
    pub(super) fn publish<E>(
        &mut self,
        about: About,
        stamp: Stamp,
        batch: &mut EventBatch,
        push: impl FnOnce(&Instrument, Origin, Standing, &mut EventBatch) -> Result<(), E>,
    ) -> Result<Inbound, E> {
        let About { id, channel, number, venue_time_ns } = about;
        let instrument = self.instruments.instrument(id).expect("ids come from this very table");
        let origin = Origin { venue_time_ns, venue_sequence: number, ..stamp.origin(id) };
        let standing = self.sequences.standing(id, channel, number);
        if let Standing::Gap(gap) = standing {
            batch.push(MarketEvent::gap(&origin, gap));
        }
        if standing != Standing::Duplicate {
            push(instrument, origin, standing, batch)?;
        }
        self.sequences.accept(id, channel, number);
        self.published = true;
        count(standing, batch);
        Ok(Inbound::Data(channel.index()))
    }

    /// Registers the instrument of a spelling that was not seen before.
    fn admit(
        &mut self,
        subject: &Subject<'_>,
        sample: Sample<'_>,
    ) -> Result<InstrumentId, DecodeError> {
        let &Subject { symbol, kind, .. } = subject;
        let name = match self.symbols.resolve(symbol, kind) {
            Resolved::Subscribed(index) => self.symbols.symbol(index),
            Resolved::Unsubscribed => symbol,
            Resolved::Unnamed => return Err(DecodeError::UnknownSymbol),
            Resolved::Ambiguous => {
                self.symbols.remember(symbol, kind, Meant::Ambiguous);
                return Err(DecodeError::AmbiguousSymbol);
            }
        };
        let registered = self.instruments.register(name, sample.price, sample.quantity);
        let id = registered.map_err(|error| match error {
            InstrumentError::Number(error) => DecodeError::Number { field: sample.fields, error },
            _ => DecodeError::TooManyInstruments,
        })?;
        self.symbols.remember(symbol, kind, Meant::Instrument(id));
        self.sequences.admit(id);
        Ok(id)
    }

    /// A depth message that could not be read leaves an outdated book.
    fn undecoded(&self, subject: &Subject<'_>, stamp: Stamp, batch: &mut EventBatch) {
        if subject.channel == Channel::Depth
            && let Ok(Some(id)) = self.symbols.known(subject.symbol, subject.kind)
        {
            batch.push(broken_book(stamp, id, GapReason::Undecoded));
        }
    }
}

impl<'text> Subject<'text> {
    fn read(channel: Channel, data: Value<'_, 'text>) -> Result<Self, DecodeError> {
        let symbol = match data.get("symbol").map(Value::text) {
            None => "",
            Some(Some(text)) if text.len() <= SYMBOL_BYTES_MAX => text,
            Some(_) => return Err(DecodeError::WrongType { field: "symbol" }),
        };
        let kind = data.get("type").and_then(Value::text).and_then(ProductKind::of_word);
        Ok(Self { channel, symbol, kind })
    }
}

/// The numbers from which an instrument's scales are taken.
#[derive(Clone, Copy)]
struct Sample<'text> {
    price: &'text [u8],
    quantity: &'text [u8],
    /// Where they stand.
    fields: &'static str,
}

/// The first price and quantity of a message; `None` if it has no price.
fn sample<'text>(
    channel: Channel,
    data: Value<'_, 'text>,
) -> Result<Option<Sample<'text>>, DecodeError> {
    match channel {
        Channel::Ticker => {
            let is_price = |text: &&[u8]| text.iter().any(|byte| matches!(byte, b'1'..=b'9'));
            let price = ticker_prices(data)?.into_iter().flatten().find(is_price);
            let fields = "last_price, bid_price or ask_price";
            Ok(price.map(|price| Sample { price, quantity: NO_QUANTITY, fields }))
        }
        Channel::Depth => {
            let [bids, asks] = sides(data)?;
            let Some(level) = bids.into_iter().chain(asks).flatten().next() else {
                return Ok(None);
            };
            let (price, quantity) = level_texts(level, "bids or asks")?;
            Ok(Some(Sample { price, quantity, fields: "bids or asks" }))
        }
        Channel::Trade => {
            let first = match trade_list(data)? {
                None => Some(data),
                Some(mut trades) => trades.next(),
            };
            let Some(trade) = first else { return Ok(None) };
            let (price, quantity) = trade_texts(trade)?;
            Ok(Some(Sample { price, quantity, fields: "price or quantity" }))
        }
    }
}

/// Counts what a message's place in its numbering says.
fn count(standing: Standing, batch: &mut EventBatch) {
    match standing {
        Standing::Next => {}
        Standing::Gap(gap) => batch.count(Counter::Missing, gap.missing),
        Standing::Duplicate => batch.count(Counter::Duplicated, 1),
        Standing::Late => batch.count(Counter::Reordered, 1),
    }
}

fn broken_book(stamp: Stamp, instrument: InstrumentId, reason: GapReason) -> MarketEvent {
    let gap = Gap { reason, expected: 0, received: 0, missing: 0, breaks_book: true };
    MarketEvent::gap(&stamp.origin(instrument), gap)
}
