//! Frames of other tools' recordings and what they become.

use std::sync::Arc;

use proptest::prelude::*;
use tickring_event::{
    ConnectionId, Flags, Gap, GapReason, Instruments, Level, MarketEvent, Payload, Side,
};
use tickring_ingest::{
    DecodeError, EventBatch, Frame, Inbound, RowFormat, Rows, Stamp, TardisCsv, Venue,
};

const STAMP: Stamp = Stamp { connection: ConnectionId(3), arrival_ticks: 77 };

struct Decoded<V> {
    instruments: Arc<Instruments>,
    batch: EventBatch,
    venue: V,
}

fn tardis(symbols: &[&str]) -> Decoded<TardisCsv> {
    let instruments = Arc::new(Instruments::with_capacity(16));
    let symbols: Vec<_> = symbols.iter().map(ToString::to_string).collect();
    let venue = TardisCsv::new(&symbols, Arc::clone(&instruments));
    Decoded { instruments, batch: EventBatch::new(), venue }
}

fn rows(symbols: &[&str]) -> Decoded<Rows> {
    let instruments = Arc::new(Instruments::with_capacity(16));
    let symbols: Vec<_> = symbols.iter().map(ToString::to_string).collect();
    let venue = Rows::new(RowFormat::Lobster, &symbols, Arc::clone(&instruments));
    Decoded { instruments, batch: EventBatch::new(), venue }
}

impl<V: Venue> Decoded<V> {
    /// The outcome of one frame; the events of the last frame only are kept.
    fn frame(&mut self, text: &[u8]) -> Result<Inbound, DecodeError> {
        self.batch.clear();
        self.venue.decode(&Frame { stamp: STAMP, text }, &mut self.batch)
    }

    /// The kind of a frame and its events in words.
    #[track_caller]
    fn words(&mut self, text: &str) -> (&'static str, Vec<String>) {
        let kind = match self.frame(text.as_bytes()).expect("a frame") {
            Inbound::Data(kind) => self.venue.message_kinds()[kind],
            other => panic!("{other:?}"),
        };
        (kind, self.batch.events().iter().map(|it| self.event(it)).collect())
    }

    fn event(&self, event: &MarketEvent) -> String {
        assert_eq!((event.connection, event.arrival_ticks), (STAMP.connection, 77));
        let instrument = self.instruments.instrument(event.instrument).expect("an instrument");
        let price = |it| instrument.price_text(it).to_string();
        let quantity = |it| instrument.quantity_text(it).to_string();
        let side = |levels: &[Level]| -> Vec<String> {
            let text = |it: &Level| (price(it.price), quantity(it.quantity));
            levels.iter().map(text).map(|(price, quantity)| format!("{price}x{quantity}")).collect()
        };
        let said = match event.payload() {
            Payload::Trade(it) => {
                let taker = match it.taker {
                    Some(Side::Buy) => "buy",
                    Some(Side::Sell) => "sell",
                    None => "unknown",
                };
                format!("{taker} {}x{} {:?}", price(it.price), quantity(it.quantity), it.trade_id)
            }
            Payload::TopOfBook(it) => format!(
                "top {:?}x{:?} {:?}x{:?}",
                it.bid_price.map(price),
                it.bid_quantity.map(quantity),
                it.ask_price.map(price),
                it.ask_quantity.map(quantity)
            ),
            Payload::Levels(it) => {
                let names = [(Flags::SNAPSHOT, " snapshot"), (Flags::STALE, " stale")];
                let flags: String = names
                    .into_iter()
                    .filter_map(|(flag, name)| event.flags.contains(flag).then_some(name))
                    .collect();
                format!(
                    "levels{flags} {} | {}",
                    side(it.bids()).join(" "),
                    side(it.asks()).join(" ")
                )
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
            other => panic!("{other:?}"),
        };
        let (time_ns, sequence) = (event.venue_time_ns, event.venue_sequence);
        format!("{} {time_ns} {sequence} {said}", instrument.symbol())
    }

    /// The only event is a gap that breaks a book.
    #[track_caller]
    fn assert_broken(&self, reason: GapReason) {
        let [event] = self.batch.events() else { panic!("{:?}", self.batch.events()) };
        let gap = Gap { reason, expected: 0, received: 0, missing: 0, breaks_book: true };
        assert_eq!(event.payload(), Payload::Gap(gap));
    }
}

#[track_caller]
fn check(decoded: &mut Decoded<impl Venue>, text: &str, kind: &str, expected: &[&str]) {
    let (found, events) = decoded.words(text);
    assert_eq!(found, kind, "{text}");
    assert_eq!(events, expected, "{text}");
}

#[test]
fn a_trade_of_tardis_has_a_taker_and_a_number_where_it_tells_them() {
    let mut it = tardis(&[]);
    check(&mut it, "x,A,5,6,12,buy,1.50,2", "trade", &["x:A 5000 0 buy 1.50x2 Some(12)"]);
    check(&mut it, "x,A,5,6,12,sell,1.5,0.25", "trade", &["x:A 5000 0 sell 1.50x0.25 Some(12)"]);
    check(&mut it, "x,A,5,6,a-b,unknown,1,1", "trade", &["x:A 5000 0 unknown 1.00x1 None"]);
    check(&mut it, "y,A,5,6,,buy,7,1", "trade", &["y:A 5000 0 buy 7x1 None"]);
}

#[test]
fn a_quote_of_tardis_may_have_one_side() {
    let mut it = tardis(&[]);
    let both = r#"x:A 5000 0 top Some("1")xSome("3") Some("2")xSome("4")"#;
    check(&mut it, "x,A,5,6,4,2,1,3", "quote", &[both]);
    check(&mut it, "x,A,5,6,,,1,3", "quote", &[r#"x:A 5000 0 top Some("1")xSome("3") NonexNone"#]);
    check(&mut it, "x,A,5,6,4,2,,", "quote", &[r#"x:A 5000 0 top NonexNone Some("2")xSome("4")"#]);
}

#[test]
fn a_snapshot_of_tardis_leaves_out_places_without_a_level() {
    let mut it = tardis(&[]);
    let row = "x,A,5,6,11,1,10,2,12,3,,,,,9,4";
    let expected = "x:A 5000 0 levels snapshot 10x2 9x4 | 11x1 12x3";
    check(&mut it, row, "book_snapshot", &[expected]);
    check(&mut it, "x,A,5,6,,,,,,,,", "book_snapshot", &["x:A 5000 0 levels snapshot  | "]);
    let cut = Err(DecodeError::MissingField { field: "bids[].amount" });
    assert_eq!(it.frame(b"x,A,5,6,11,1,10,2,12,3"), cut);
    assert!(it.batch.is_empty(), "whose book it would have been is not known yet");
    let wrong = it.frame(b"x,A,5,6,11,1,10,2,12,3,9,x");
    assert!(matches!(wrong, Err(DecodeError::Number { field: "amount", .. })), "{wrong:?}");
    it.assert_broken(GapReason::Undecoded);
}

#[test]
fn changes_of_tardis_follow_their_snapshot() {
    let mut it = tardis(&[]);
    let kind = "incremental_book_L2";
    check(&mut it, "x,A,5,6,false,bid,9,1", kind, &["x:A 5000 0 levels stale 9x1 | "]);
    let row = "x,A,5,6,true,ask,11,1;x,A,5,6,true,bid,10,2";
    check(&mut it, row, kind, &["x:A 5000 0 levels snapshot 10x2 | 11x1"]);
    check(&mut it, "x,A,5,7,true,ask,12,1", kind, &["x:A 5000 0 levels  | 12x1"]);
    check(&mut it, "x,A,6,8,false,ask,12,0", kind, &["x:A 6000 0 levels  | 12x0"]);
    check(&mut it, "x,A,6,9,true,bid,8,1", kind, &["x:A 6000 0 levels snapshot 8x1 | "]);

    let wrong = Err(DecodeError::WrongType { field: "side" });
    assert_eq!(it.frame(b"x,A,7,9,false,bid,8,1;x,A,7,9,false,both,8,1"), wrong);
    it.assert_broken(GapReason::Undecoded);
    check(&mut it, "x,A,7,9,false,bid,8,1", kind, &["x:A 7000 0 levels stale 8x1 | "]);
    assert_eq!(
        it.frame(b"x,A,7,9,false,bid,8,y").map_err(|it| it.reason()),
        Err("number_malformed")
    );
    assert!(it.batch.is_empty(), "a book that is broken does not break again");
}

#[test]
fn an_instrument_is_asked_for_by_its_symbol_or_with_its_exchange() {
    for symbols in [&["a"][..], &["X:a"], &["B", "x:A"]] {
        let mut it = tardis(symbols);
        assert_eq!(it.frame(b"x,A,5,6,1,buy,1,1"), Ok(Inbound::Data(0)), "{symbols:?}");
        assert!(matches!(it.frame(b"x,C,5,6,1,buy,1,1"), Ok(Inbound::Ignored(_))));
        assert_eq!(it.instruments.iter().count(), 1);
    }
    assert!(matches!(tardis(&["y:A"]).frame(b"x,A,5,6,1,buy,1,1"), Ok(Inbound::Ignored(_))));
}

#[test]
fn rows_become_every_kind_of_event() {
    let mut it = rows(&[]);
    let text = "A,9,4;trade,sell,1.5000,10,7;book,b,1.4000,3,a,1.6,4,a,1.7,5";
    let expected =
        ["A 9 4 sell 1.5000x10 Some(7)", "A 9 4 levels snapshot 1.4000x3 | 1.6000x4 1.7000x5"];
    check(&mut it, text, "trade", &expected);
    check(&mut it, "A,9,0;book", "book", &["A 9 0 levels snapshot  | "]);
    let top = r#"A 9 0 top Some("1.0000")xSome("2") NonexNone"#;
    check(&mut it, "A,9,0;top,1,2,,0", "top", &[top]);
    let text = "B,9,0;bar,5,60,1.000000001,4,1,2,77";
    let bar = "B 9 0 bar 5 60 1.000000001 4 1 2 77";
    check(&mut it, text, "bar", &[bar]);
    assert!(matches!(it.frame(b"A,9,0;other"), Ok(Inbound::Ignored(_))));
    assert!(matches!(rows(&["b"]).frame(b"A,9,0;book"), Ok(Inbound::Ignored(_))));
}

#[test]
fn a_row_that_is_none_leaves_nothing_but_a_broken_book() {
    let mut it = rows(&[]);
    assert_eq!(it.frame(b"A,1,0;book,b,1.5,1"), Ok(Inbound::Data(2)));
    let missing = |field| Err(DecodeError::MissingField { field });
    let wrong = |field| Err(DecodeError::WrongType { field });
    for (text, error) in [
        ("", missing("venue_time_ns")),
        ("A,1", missing("venue_sequence")),
        ("A,1,0", missing("event")),
        ("A,x,0;book", wrong("venue_time_ns")),
        ("A,1,0;", wrong("event")),
        ("A,1,0;trade,both,1,1,", wrong("taker")),
        ("A,1,0;trade,buy,1,1", missing("trade_id")),
        ("A,1,0;bar,99999999999999999999,1,1,1,1,1,1", wrong("start_ns")),
    ] {
        assert_eq!(it.frame(text.as_bytes()), error, "{text}");
        assert!(it.batch.is_empty(), "{text}");
    }
    assert_eq!(it.frame(b"A,1,0;trade,buy,1,1,;book,b,1,1,c,1,1"), wrong("side"));
    it.assert_broken(GapReason::Undecoded);
}

#[test]
fn a_connection_that_ends_breaks_every_book_once() {
    let mut it = rows(&[]);
    assert_eq!(it.frame(b"A,1,0;book,b,1.5,1"), Ok(Inbound::Data(2)));
    assert_eq!(it.frame(b"B,1,0;trade,buy,1,1,"), Ok(Inbound::Data(0)));
    it.batch.clear();
    it.venue.disconnected(STAMP, &mut it.batch);
    it.assert_broken(GapReason::Disconnected);
    it.venue.disconnected(STAMP, &mut it.batch);
    it.assert_broken(GapReason::Disconnected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_frame_panics_and_none_that_fails_leaves_events(
        texts in proptest::collection::vec(
            "[xA0-9.;,a-e-]{0,60}\
             |x,A,[0-9]{1,3},2,(true|false|7),(bid|ask|buy|1),[0-9.]{0,6},[0-9.]{0,6}",
            1..6,
        ),
    ) {
        let (mut csv, mut other) = (tardis(&[]), rows(&[]));
        for text in &texts {
            let gaps = |batch: &EventBatch| {
                batch.events().iter().all(|it| matches!(it.payload(), Payload::Gap(_)))
            };
            prop_assert!(csv.frame(text.as_bytes()).is_ok() || gaps(&csv.batch));
            prop_assert!(other.frame(text.as_bytes()).is_ok() || gaps(&other.batch));
        }
    }
}
