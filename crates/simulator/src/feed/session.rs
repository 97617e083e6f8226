use std::collections::HashMap;
use std::path::PathBuf;

use tickring_capture::{Entry, Merged, OpenOptions, open_session};

use super::book::{Book, Outcome};
use super::line::{self, LevelText, Line, Snapshot, TradeLine};
use super::{Due, SYMBOLS_MAX, is_symbol};
use crate::format::{Number, Trade, Writer};
use crate::{Channel, SimulatorConfig, SimulatorError, Speed};

/// Recorded Binance messages as TickDB messages.
///
/// The top of book becomes a ticker with the last trade's price, once there is one; a trade
/// becomes a trade; a change of the book becomes a depth message of the whole picture, once the
/// book is known.
#[derive(Debug)]
pub(crate) struct Session {
    merged: Merged,
    owners: Vec<Owner>,
    instruments: Instruments,
    speed: Speed,
    channels: [bool; 3],
    depth_levels: usize,
    first_arrival_ns: Option<u64>,
    due_ns: u64,
    next: Option<Due>,
    lines_without_message: u64,
    gaps: u64,
}

/// Whose snapshot a session's snapshot is, which does not say so itself.
#[derive(Debug)]
enum Owner {
    /// No line has named a symbol yet; the snapshot that waits for one.
    Unknown { waiting: Option<(Snapshot, u64)> },
    /// All lines so far are this symbol's.
    One(usize),
    /// There are several, so it cannot be told.
    Several,
}

#[derive(Debug, Default)]
struct Instruments {
    all: Vec<Instrument>,
    indexes: HashMap<String, usize>,
}

/// The state of one symbol.
#[derive(Debug, Default)]
struct Instrument {
    symbol: String,
    /// Of the latest line that had a time.
    time_ms: u64,
    bid: String,
    ask: String,
    trade: Option<TradeLine>,
    book: Book,
}

impl Session {
    pub(crate) fn open(
        config: &SimulatorConfig,
        paths: &[PathBuf],
        speed: Speed,
    ) -> Result<Self, SimulatorError> {
        let mut sessions = Vec::new();
        for path in paths {
            sessions.push(open_session(path, OpenOptions::default())?.session);
        }
        let merged = Merged::new(sessions)?;
        let owners = (0..merged.connections()).map(|_| Owner::Unknown { waiting: None }).collect();
        let mut channels = [false; 3];
        for &channel in &config.channels {
            channels[channel.index()] = true;
        }
        Ok(Self {
            merged,
            owners,
            instruments: Instruments::default(),
            speed,
            channels,
            depth_levels: config.faults.depth_levels.unwrap_or(DEPTH_LEVELS),
            first_arrival_ns: None,
            due_ns: 0,
            next: None,
            lines_without_message: 0,
            gaps: 0,
        })
    }

    /// Reads on to the next line that makes a message.
    pub(crate) fn peek(&mut self) -> Result<Option<Due>, SimulatorError> {
        while self.next.is_none() {
            let Some(entry) = self.merged.next()? else { break };
            let Entry::Received { connection, arrival_ns, text } = entry else { continue };
            let session = usize::from(connection);
            let line = line::parse(text);
            let line_due_ns = self.due_ns_of(arrival_ns);
            let message = line.and_then(|line| self.handle(session, line, arrival_ns));
            let Some((symbol, channel)) = message.filter(|(_, channel)| self.serves(*channel))
            else {
                self.lines_without_message += 1;
                continue;
            };
            // A recording clock that steps back holds messages up instead of reordering them.
            self.due_ns = self.due_ns.max(line_due_ns);
            self.next = Some(Due { due_ns: self.due_ns, symbol, channel });
        }
        Ok(self.next)
    }

    pub(crate) fn take(&mut self) {
        self.next = None;
    }

    const fn serves(&self, channel: Channel) -> bool {
        self.channels[channel.index()]
    }

    /// When a line is due, from the first one that was read.
    fn due_ns_of(&mut self, arrival_ns: u64) -> u64 {
        let elapsed_ns =
            arrival_ns.saturating_sub(*self.first_arrival_ns.get_or_insert(arrival_ns));
        self.speed.due_ns(elapsed_ns)
    }

    /// Takes a line into the state; the message it makes.
    fn handle(&mut self, session: usize, line: Line, arrival_ns: u64) -> Option<(usize, Channel)> {
        match line {
            Line::Top { symbol, bid, ask, time_ms } => {
                let index = self.instrument(session, &symbol)?;
                let instrument = &mut self.instruments.all[index];
                instrument.time_ms = time_ms.unwrap_or(instrument.time_ms);
                (instrument.bid, instrument.ask) = (bid, ask);
                instrument.trade.is_some().then_some((index, Channel::Ticker))
            }
            Line::Trade { symbol, trade } => {
                let index = self.instrument(session, &symbol)?;
                let instrument = &mut self.instruments.all[index];
                instrument.time_ms = trade.time_ms;
                instrument.trade = Some(trade);
                Some((index, Channel::Trade))
            }
            Line::Diff { symbol, diff } => {
                let index = self.instrument(session, &symbol)?;
                let instrument = &mut self.instruments.all[index];
                instrument.time_ms = diff.time_ms;
                let outcome = instrument.book.apply(diff);
                self.depth(index, outcome)
            }
            Line::Snapshot(snapshot) => match &mut self.owners[session] {
                Owner::Unknown { waiting } => {
                    *waiting = Some((snapshot, arrival_ns));
                    None
                }
                Owner::One(index) => {
                    let index = *index;
                    self.seed(index, snapshot, arrival_ns)
                }
                Owner::Several => None,
            },
        }
    }

    /// The instrument of a line, which is now known to be in this session.
    fn instrument(&mut self, session: usize, symbol: &str) -> Option<usize> {
        let index = self.instruments.find_or_add(symbol)?;
        match &mut self.owners[session] {
            Owner::One(owner) if *owner == index => {}
            Owner::Unknown { waiting } => {
                let waiting = waiting.take();
                self.owners[session] = Owner::One(index);
                if let Some((snapshot, arrival_ns)) = waiting {
                    // The line at hand makes the message, if it changes the book.
                    self.seed(index, snapshot, arrival_ns);
                }
            }
            owner => *owner = Owner::Several,
        }
        Some(index)
    }

    fn seed(
        &mut self,
        index: usize,
        snapshot: Snapshot,
        arrival_ns: u64,
    ) -> Option<(usize, Channel)> {
        let instrument = &mut self.instruments.all[index];
        if instrument.time_ms == 0 {
            // A snapshot has no time of its own.
            instrument.time_ms = arrival_ns / 1_000_000;
        }
        let outcome = instrument.book.seed(snapshot);
        self.depth(index, outcome)
    }

    fn depth(&mut self, index: usize, outcome: Outcome) -> Option<(usize, Channel)> {
        self.gaps += u64::from(outcome == Outcome::Gap);
        (outcome == Outcome::Changed).then_some((index, Channel::Depth))
    }

    pub(crate) fn write(&self, symbol: usize, channel: Channel, writer: &mut Writer<'_>) {
        let instrument = &self.instruments.all[symbol];
        match channel {
            Channel::Ticker => instrument.write_ticker(writer),
            Channel::Depth => instrument.write_depth(writer, self.depth_levels),
            Channel::Trade => instrument.write_trade(writer),
        }
    }

    pub(crate) fn has_state(&self, symbol: usize, channel: Channel) -> bool {
        let instrument = &self.instruments.all[symbol];
        match channel {
            Channel::Ticker => instrument.trade.is_some() && !instrument.bid.is_empty(),
            Channel::Depth => instrument.book.is_known(),
            Channel::Trade => false,
        }
    }

    pub(crate) fn is_paced(&self) -> bool {
        self.speed != Speed::Max
    }

    pub(crate) fn find_or_add(&mut self, symbol: &str) -> Option<usize> {
        self.instruments.find_or_add(symbol)
    }

    pub(crate) fn symbol(&self, index: usize) -> &str {
        &self.instruments.all[index].symbol
    }

    pub(crate) const fn losses(&self) -> (u64, u64) {
        (self.lines_without_message, self.gaps)
    }
}

impl Instruments {
    /// The index of a symbol; `None` for what cannot be one, and when there are too many.
    fn find_or_add(&mut self, symbol: &str) -> Option<usize> {
        if let Some(&index) = self.indexes.get(symbol) {
            return Some(index);
        }
        if !is_symbol(symbol) || self.all.len() == SYMBOLS_MAX {
            return None;
        }
        let index = self.all.len();
        self.all.push(Instrument { symbol: symbol.to_owned(), ..Instrument::default() });
        self.indexes.insert(symbol.to_owned(), index);
        Some(index)
    }
}

impl Instrument {
    fn write_ticker(&self, writer: &mut Writer<'_>) {
        if let Some(trade) = &self.trade {
            writer.field("last_price", Number::Text(&trade.price));
        }
        writer.field("bid_price", Number::Text(&self.bid));
        writer.field("ask_price", Number::Text(&self.ask));
        writer.timestamp(self.time_ms);
    }

    fn write_depth(&self, writer: &mut Writer<'_>, levels: usize) {
        let (bids, asks) = (self.book.bids(), self.book.asks());
        writer.side("bids", bids.take(levels).map(numbers));
        writer.side("asks", asks.take(levels).map(numbers));
        writer.timestamp(self.time_ms);
    }

    fn write_trade(&self, writer: &mut Writer<'_>) {
        writer.trades(self.trade.iter().map(|trade| Trade {
            id: trade.id,
            price: Number::Text(&trade.price),
            quantity: Number::Text(&trade.quantity),
            // The taker's side: a buyer who was maker was hit by a seller.
            side: if trade.buyer_was_maker { "sell" } else { "buy" },
            timestamp_ms: trade.time_ms,
        }));
    }
}

/// Levels a side unless the configuration says otherwise.
const DEPTH_LEVELS: usize = 20;

fn numbers((price, quantity): &LevelText) -> (Number<'_>, Number<'_>) {
    (Number::Text(price), Number::Text(quantity))
}
