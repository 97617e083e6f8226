//! A venue fed by hand, and its events in words.

use std::sync::Arc;

use tickring_event::{
    ConnectionId, Flags, Instrument, Instruments, Level, MarketEvent, Payload, Side,
};
use tickring_ingest::{
    Action, Channel, Command, DecodeError, EventBatch, Frame, Inbound, Refusal, Stamp,
    Subscription, Venue,
};
use tickring_metrics::Counter;

pub(crate) const STAMP: Stamp = Stamp { connection: ConnectionId(3), arrival_ticks: 77 };

/// Everything in a recording.
pub(crate) fn recording() -> Subscription {
    Subscription::default()
}

pub(crate) fn subscription(symbols: &[&str], channels: &[Channel]) -> Subscription {
    let symbols = symbols.iter().map(ToString::to_string).collect();
    Subscription { symbols, channels: channels.to_vec(), depth: None }
}

/// A venue fed by hand.
pub(crate) struct Feed<V> {
    pub(crate) venue: V,
    pub(crate) instruments: Arc<Instruments>,
    pub(crate) batch: EventBatch,
}

impl<V: Venue> Feed<V> {
    pub(crate) fn new<E: std::fmt::Debug>(
        make: impl FnOnce(Arc<Instruments>) -> Result<V, E>,
    ) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(16));
        let venue = make(Arc::clone(&instruments)).unwrap();
        Self { venue, instruments, batch: EventBatch::new() }
    }

    /// The outcome of one frame; the events of the last frame only are kept.
    pub(crate) fn frame(&mut self, text: impl AsRef<[u8]>) -> Result<Inbound, DecodeError> {
        self.batch.clear();
        self.venue.decode(&Frame { stamp: STAMP, text: text.as_ref() }, &mut self.batch)
    }

    /// The kind of a frame and its events in words.
    #[track_caller]
    pub(crate) fn check(&mut self, text: impl AsRef<[u8]>, kind: &str, expected: &[&str]) {
        let inbound = self.frame(text);
        assert_eq!(self.inbound_words(&inbound), kind);
        assert_eq!(self.words(), expected);
    }

    /// Frames and the continuity of what they become: [`Feed::brief`] of all events in a row.
    #[track_caller]
    pub(crate) fn check_run(&mut self, frames: &[String], expected: &str) {
        let mut found = Vec::new();
        for text in frames {
            let outcome = self.frame(text);
            found.extend(self.batch.events().iter().map(|it| self.brief(it)));
            if outcome.is_err() {
                found.push("error".to_owned());
            }
        }
        assert_eq!(found.join(", "), expected);
    }

    pub(crate) fn inbound_words(&self, inbound: &Result<Inbound, DecodeError>) -> String {
        match inbound {
            Ok(Inbound::Data(kind)) => self.venue.message_kinds()[*kind].to_owned(),
            Ok(Inbound::Pong) => "pong".to_owned(),
            Ok(Inbound::Ack { complete }) => format!("ack {complete}"),
            Ok(Inbound::Ignored(reason)) => format!("ignored {reason}"),
            Ok(Inbound::Refused(refusal)) => {
                let Refusal { code, message, action, complete } = &**refusal;
                let action = match action {
                    Action::Continue => "continue".to_owned(),
                    Action::Reconnect { delay_ms_min } => format!("reconnect {delay_ms_min}"),
                    Action::Stop => "stop".to_owned(),
                };
                format!("refused {code} {action} {complete}: {message}")
            }
            Err(error) => error.to_string(),
        }
    }

    pub(crate) fn words(&self) -> Vec<String> {
        self.batch.events().iter().map(|it| self.event(it)).collect()
    }

    /// What was asked for since the last call; a resync's texts follow the word.
    pub(crate) fn commands(&mut self) -> Vec<String> {
        let words = self.batch.take_commands().flat_map(|command| match command {
            Command::Send(text) => vec![text],
            Command::Resync { texts, .. } => [vec!["resync".to_owned()], texts].concat(),
            other => panic!("{other:?}"),
        });
        words.collect()
    }

    pub(crate) fn remarks(&mut self) -> Vec<&'static str> {
        self.batch.take_remarks().collect()
    }

    pub(crate) fn count(&self, counter: Counter) -> u64 {
        self.batch.counters().get(counter)
    }

    pub(crate) fn disconnect(&mut self) -> Vec<String> {
        self.batch.clear();
        self.venue.disconnected(STAMP, &mut self.batch);
        self.batch.events().iter().map(|it| self.brief(it)).collect()
    }

    /// Opens the connection; what it asks for.
    pub(crate) fn open(&mut self) -> Vec<String> {
        self.batch.clear();
        self.venue.open(&mut self.batch);
        assert!(self.batch.is_empty());
        self.commands()
    }

    fn instrument(&self, event: &MarketEvent) -> Option<&Instrument> {
        self.instruments.instrument(event.instrument)
    }

    /// An event in full: symbol, time, number, content.
    fn event(&self, event: &MarketEvent) -> String {
        assert_eq!((event.connection, event.arrival_ticks), (STAMP.connection, 77));
        let (time_ns, sequence) = (event.venue_time_ns, event.venue_sequence);
        let Some(instrument) = self.instrument(event) else { return self.brief(event) };
        let price = |it| instrument.price_text(it).to_string();
        let quantity = |it| instrument.quantity_text(it).to_string();
        let side = |levels: &[Level]| {
            let text = |it: &Level| format!("{}x{}", price(it.price), quantity(it.quantity));
            levels.iter().map(text).collect::<Vec<_>>().join(" ")
        };
        let or_none = |it: Option<String>| it.unwrap_or_else(|| "-".to_owned());
        let said = match event.payload() {
            Payload::Trade(it) => {
                let taker = match it.taker {
                    Some(Side::Buy) => "buy",
                    Some(Side::Sell) => "sell",
                    None => "unknown",
                };
                let id = or_none(it.trade_id.map(|id| id.to_string()));
                format!("{taker} {}x{} #{id}", price(it.price), quantity(it.quantity))
            }
            Payload::TopOfBook(it) => format!(
                "top {}x{} {}x{} last {}",
                or_none(it.bid_price.map(price)),
                or_none(it.bid_quantity.map(quantity)),
                or_none(it.ask_price.map(price)),
                or_none(it.ask_quantity.map(quantity)),
                or_none(it.last_price.map(price)),
            ),
            Payload::Levels(it) => {
                let names = [
                    (Flags::SNAPSHOT, " snapshot"),
                    (Flags::STALE, " stale"),
                    (Flags::FIRST, " first"),
                    (Flags::LAST, " last"),
                ];
                let is_set = |&(flag, _): &(Flags, &str)| event.flags.contains(flag);
                let flags: String = names.iter().filter(|it| is_set(it)).map(|it| it.1).collect();
                format!("levels{flags}: {} | {}", side(it.bids()), side(it.asks()))
            }
            Payload::Bar(it) => format!(
                "bar {} {} {} {} {} {} {}",
                it.start_ns,
                it.interval_ns,
                price(it.open),
                price(it.high),
                price(it.low),
                price(it.close),
                quantity(it.volume)
            ),
            Payload::Gap(_) => return self.brief(event),
            other @ Payload::Status(_) => panic!("{other:?}"),
        };
        format!("{} {time_ns} {sequence} {said}", instrument.symbol())
    }

    /// An event's place in its book or numbering: `A snapshot 5`, `A delta 6`, `A stale 9`,
    /// `A trade 7`, `A gap sequence 6 9 3`; a gap that leaves the book alone is a `hole`. Further
    /// events of a depth message are left out by their callers: messages here are short.
    pub(crate) fn brief(&self, event: &MarketEvent) -> String {
        let symbol = self.instrument(event).map_or("-", Instrument::symbol);
        let number = event.venue_sequence;
        match event.payload() {
            Payload::Gap(gap) => {
                let word = if gap.breaks_book { "gap" } else { "hole" };
                let reason = gap.reason.name();
                format!(
                    "{symbol} {word} {reason} {} {} {}",
                    gap.expected, gap.received, gap.missing
                )
            }
            Payload::Levels(_) if event.flags.contains(Flags::STALE) => {
                format!("{symbol} stale {number}")
            }
            Payload::Levels(_) if event.flags.contains(Flags::SNAPSHOT) => {
                format!("{symbol} snapshot {number}")
            }
            Payload::Levels(_) => format!("{symbol} delta {number}"),
            Payload::Trade(trade) => format!("{symbol} trade {}", trade.trade_id.unwrap_or(0)),
            Payload::TopOfBook(_) => format!("{symbol} top {number}"),
            Payload::Bar(_) => format!("{symbol} bar {number}"),
            other @ Payload::Status(_) => panic!("{other:?}"),
        }
    }
}
