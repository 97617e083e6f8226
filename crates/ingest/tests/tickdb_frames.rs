//! Every documented message of TickDB, older and open shapes of them, and what each becomes.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panicking, as tests do")]

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use tickring_event::{
    ConnectionId, Flags, Instrument, Instruments, Level, MarketEvent, Payload, Price, Side,
};
use tickring_ingest::tickdb::{TickDb, TickDbConfig};
use tickring_ingest::{Action, EventBatch, Frame, Inbound, Parsers, Stamp, Venue};

const STAMP: Stamp = Stamp { connection: ConnectionId(3), arrival_ticks: 77 };

/// One venue object and what it knows.
struct Conversation {
    venue: TickDb,
    instruments: Arc<Instruments>,
    batch: EventBatch,
}

impl Conversation {
    fn new(symbols: &str, parsers: Parsers) -> Self {
        let symbols: Vec<_> = symbols.split_whitespace().collect();
        let config = TickDbConfig::parse(&symbols, &["ticker", "depth", "trade"]).unwrap();
        let instruments = Arc::new(Instruments::new());
        let mut venue = TickDb::new(&config, Arc::clone(&instruments)).unwrap();
        venue.open(&mut EventBatch::new());
        venue.json().unwrap().set_parsers(parsers);
        Self { venue, instruments, batch: EventBatch::new() }
    }

    /// What a frame becomes, in the words of the data files.
    fn hear(&mut self, text: &str) -> String {
        self.batch.clear();
        let frame = Frame { stamp: STAMP, text: text.as_bytes() };
        let mut words = match self.venue.decode(&frame, &mut self.batch) {
            Ok(inbound) => format!("= {}\n", self.inbound(&inbound)),
            Err(error) => format!("= error {error}\n"),
        };
        for event in self.batch.events() {
            writeln!(words, "> {}", self.event(event)).unwrap();
        }
        words
    }

    fn inbound(&self, inbound: &Inbound) -> String {
        match inbound {
            Inbound::Data(kind) => self.venue.message_kinds()[*kind].to_owned(),
            Inbound::Pong => "pong".to_owned(),
            Inbound::Ack { complete: true } => "ack complete".to_owned(),
            Inbound::Ack { complete: false } => "ack".to_owned(),
            Inbound::Ignored(_) => "ignored".to_owned(),
            Inbound::Refused(refusal) => {
                let action = match refusal.action {
                    Action::Continue => "continue",
                    Action::Reconnect { .. } => "reconnect",
                    Action::Stop => "stop",
                };
                format!("refused {} {action}: {}", refusal.code, refusal.message)
            }
        }
    }

    fn event(&self, event: &MarketEvent) -> String {
        assert_eq!((event.arrival_ticks, event.connection), (77, ConnectionId(3)));
        let instrument = self.instruments.instrument(event.instrument).unwrap();
        let mut words = match event.payload() {
            Payload::Trade(trade) => {
                assert_eq!(trade.trade_id, None);
                let taker = match trade.taker {
                    Some(Side::Buy) => "buy",
                    Some(Side::Sell) => "sell",
                    None => "-",
                };
                let level = Level { price: trade.price, quantity: trade.quantity };
                format!("trade {} {taker}", level_text(instrument, &level))
            }
            Payload::TopOfBook(top) => {
                assert_eq!((top.bid_quantity, top.ask_quantity), (None, None));
                let text = |price: Option<Price>| {
                    price.map_or_else(|| "-".to_owned(), |it| instrument.price_text(it).to_string())
                };
                let [bid, ask, last] = [top.bid_price, top.ask_price, top.last_price].map(text);
                format!("top bid {bid} ask {ask} last {last}")
            }
            Payload::Levels(levels) => {
                let side = |levels: &[Level]| -> String {
                    levels.iter().map(|it| format!(" {}", level_text(instrument, it))).collect()
                };
                format!("levels bids{} asks{}", side(levels.bids()), side(levels.asks()))
            }
            Payload::Gap(gap) => {
                let breaks = if gap.breaks_book { ", book broken" } else { "" };
                let (expected, received, missing) = (gap.expected, gap.received, gap.missing);
                format!("gap {} {expected} {received} {missing}{breaks}", gap.reason.name())
            }
            other => panic!("{other:?}"),
        };
        for (flag, name) in [(Flags::SNAPSHOT, " snapshot"), (Flags::STALE, " stale")] {
            words.push_str(if event.flags.contains(flag) { name } else { "" });
        }
        if !event.flags.contains(Flags::WHOLE) {
            words.push_str(match event.flags {
                it if it.contains(Flags::FIRST) => " first",
                it if it.contains(Flags::LAST) => " last",
                _ => " middle",
            });
        }
        format!("{} {} {words}", instrument.symbol(), event.venue_time_ns)
    }
}

fn level_text(instrument: &Instrument, level: &Level) -> String {
    let Level { price, quantity } = *level;
    format!("{}@{}", instrument.quantity_text(quantity), instrument.price_text(price))
}

/// Plays a file's conversation again and compares what becomes of each frame, however it is read.
#[track_caller]
fn check(name: &str) {
    check_by(name, Parsers::ScanFirst);
    check_by(name, Parsers::General);
}

#[track_caller]
fn check_by(name: &str, parsers: Parsers) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tickdb").join(name);
    let expected = std::fs::read_to_string(&path).unwrap();
    let mut conversation = None;
    let mut played = String::new();
    for line in expected.lines().filter(|line| !line.starts_with(['=', '>'])) {
        writeln!(played, "{line}").unwrap();
        if let Some(symbols) = line.strip_prefix("subscribe ") {
            conversation = Some(Conversation::new(symbols, parsers));
        } else if let Some(text) = line.strip_prefix("< ") {
            let conversation = conversation.as_mut().expect("a file begins with `subscribe`");
            played.push_str(&conversation.hear(text));
        }
    }
    assert!(played == expected, "{name} by {parsers:?} should read:\n{played}");
}

#[test]
fn documented_frames_become_these_events() {
    check("documented.txt");
}

#[test]
fn frames_of_older_versions_become_these_events() {
    check("older.txt");
}

#[test]
fn what_the_documentation_leaves_open_becomes_these_events() {
    check("variations.txt");
}

#[test]
fn frames_that_cannot_be_decoded_leave_nothing_but_a_broken_book() {
    check("refused.txt");
}
