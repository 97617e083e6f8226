//! When a snapshot is asked for, and what becomes of the answers.

use std::sync::Arc;

use tickring_event::{Flags, InstrumentId, Instruments, MarketEvent, Payload};
use tickring_ingest::{Binance, Command, EventBatch, Fetch, Frame, Market, Stamp, Venue};

struct Feed {
    venue: Binance,
    batch: EventBatch,
    /// What happened, in words.
    told: Vec<String>,
}

impl Feed {
    fn new(market: Market) -> Self {
        let venue = Binance::new(market, &[], Arc::new(Instruments::new()));
        Self { venue, batch: EventBatch::new(), told: Vec::new() }
    }

    /// One step, in words: `diff U u [pu]`, `bad U u [pu]`, `came LAST`, `bad-came LAST`, `ticker` or
    /// `disconnect`. What follows is told in words: events, and `ask`.
    fn step(&mut self, step: &str) {
        let (word, numbers) = step.split_once(' ').unwrap_or((step, ""));
        if word == "disconnect" {
            self.venue.disconnected(Stamp::default(), &mut self.batch);
        } else {
            let text = text(word, numbers);
            let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
            let decoded = self.venue.decode(&frame, &mut self.batch);
            assert_eq!(decoded.is_err(), word.starts_with("bad"), "{step}: {decoded:?}");
        }
        self.told.extend(self.batch.events().iter().map(words));
        self.told.extend(self.batch.take_remarks().map(str::to_owned));
        for command in self.batch.take_commands() {
            let Command::Fetch(fetch) = command else { panic!("{command:?}") };
            assert_eq!(fetch.symbol, "ABC");
            self.told.push("ask".to_owned());
        }
        self.batch.clear();
    }
}

fn text(word: &str, numbers: &str) -> String {
    let number = |index| numbers.split(' ').nth(index).unwrap_or("0");
    let quantity = if word.starts_with("bad") { "x" } else { "1.5" };
    let levels = format!(r#"[["2.5","{quantity}"]]"#);
    let [first, last, previous] = [0, 1, 2].map(number);
    match word {
        "came" | "bad-came" => format!(
            r#"{{"snapshot":"ABC","body":{{"lastUpdateId":{first},"bids":{levels},"asks":[]}}}}"#
        ),
        "ticker" => r#"{"u":1,"s":"ABC","b":"2.5","B":"1","a":"2.6","A":"1"}"#.to_owned(),
        _ => format!(
            r#"{{"e":"depthUpdate","E":5,"s":"ABC","U":{first},"u":{last},"pu":{previous},"b":{levels},"a":[]}}"#
        ),
    }
}

fn words(event: &MarketEvent) -> String {
    let last = event.venue_sequence;
    match event.payload() {
        Payload::Levels(_) => {
            let snapshot = if event.flags.contains(Flags::SNAPSHOT) { "snapshot" } else { "diff" };
            let stale = if event.flags.contains(Flags::STALE) { "stale " } else { "" };
            format!("{stale}{snapshot} {last}")
        }
        Payload::Gap(gap) => format!("gap {}", gap.reason.name()),
        Payload::TopOfBook(_) => "top".to_owned(),
        other => panic!("{other:?}"),
    }
}

/// `steps` and what is told are separated by commas.
#[track_caller]
fn check(market: Market, steps: &str, told: &str) {
    let mut feed = Feed::new(market);
    steps.split(", ").for_each(|step| feed.step(step));
    assert_eq!(feed.told.join(", "), told, "{market:?}: {steps}");
}

fn spot(steps: &str, told: &str) {
    check(Market::Spot, steps, told);
}

fn usdm(steps: &str, told: &str) {
    check(Market::UsdM, steps, told);
}

#[test]
fn the_first_diff_asks_once_and_the_answer_seeds_the_book() {
    spot("ticker", "top");
    spot("diff 1 2, diff 3 4, diff 5 6", "ask");
    spot("diff 1 2, diff 3 4, came 3, diff 5 6", "ask, snapshot 3, stale diff 2, diff 4, diff 6");
    usdm(
        "diff 1 2 0, diff 5 8 2, came 6, diff 11 12 8",
        "ask, snapshot 6, stale diff 2, diff 8, diff 12",
    );
}

#[test]
fn a_snapshot_that_ends_before_the_oldest_diff_is_stale_and_asked_for_again() {
    spot(
        "diff 10 12, came 8, diff 13 14, came 9, diff 15 15",
        "ask, stale snapshot 8, snapshot_too_old, ask, snapshot 9, diff 12, diff 14, diff 15",
    );
    usdm(
        "diff 10 12 7, came 6, came 7, diff 13 14 12",
        "ask, stale snapshot 6, snapshot_too_old, ask, snapshot 7, diff 12, diff 14",
    );
}

#[test]
fn a_break_asks_once_until_it_is_answered() {
    spot(
        "diff 1 2, came 2, diff 3 4, diff 7 8, diff 9 9, diff 12 12, came 9, came 12, diff 13 13",
        "ask, snapshot 2, stale diff 2, diff 4, gap sequence, ask, \
         snapshot 9, stale diff 8, stale diff 9, gap sequence, ask, \
         snapshot 12, stale diff 12, diff 13",
    );
    spot(
        "diff 1 2, came 2, bad 3 4, bad 5 6, diff 7 8, came 6",
        "ask, snapshot 2, stale diff 2, gap undecoded, ask, snapshot 6, diff 8",
    );
}

#[test]
fn a_diff_that_cannot_be_read_before_there_is_a_book_is_found_by_the_numbers() {
    spot(
        "diff 1 2, bad 3 4, diff 5 6, came 1, came 6",
        "ask, snapshot 1, diff 2, gap sequence, ask, snapshot 6, stale diff 6",
    );
    // Nothing tells that it was of this instrument before its numbers are known.
    spot("ticker, bad 3 4, diff 5 6, came 4", "top, ask, snapshot 4, diff 6");
}

#[test]
fn an_answer_that_cannot_be_read_is_waited_for_since_the_source_asks_again() {
    spot(
        "diff 1 2, bad-came 2, diff 3 4, came 2, diff 5 6",
        "ask, snapshot 2, stale diff 2, diff 4, diff 6",
    );
}

#[test]
fn an_answer_that_nothing_waits_for_changes_no_book_for_the_worse() {
    spot(
        "diff 1 2, came 2, diff 3 4, came 3, diff 5 6",
        "ask, snapshot 2, stale diff 2, diff 4, stale snapshot 3, diff 6",
    );
    spot("came 5, diff 5 6", "snapshot 5, diff 6");
}

#[test]
fn a_new_connection_asks_anew() {
    spot(
        "diff 1 2, disconnect, diff 8 9, came 9, disconnect, diff 20 20",
        "ask, stale diff 2, gap disconnected, ask, snapshot 9, stale diff 9, gap disconnected, ask",
    );
}

#[test]
fn a_snapshot_is_asked_for_at_its_markets_path() {
    #[track_caller]
    fn check(market: Market, symbol: &str, path: &str) {
        let mut venue = Binance::new(market, &[], Arc::new(Instruments::new()));
        let mut batch = EventBatch::new();
        let text = text("diff", "1 2").replace("ABC", symbol);
        let frame = Frame { stamp: Stamp::default(), text: text.as_bytes() };
        venue.decode(&frame, &mut batch).unwrap();
        let commands: Vec<_> = batch.take_commands().collect();
        let fetch = Fetch {
            instrument: InstrumentId::new(0),
            symbol: symbol.to_owned(),
            path: path.to_owned(),
        };
        assert_eq!(commands, [Command::Fetch(fetch)]);
    }
    check(Market::Spot, "BTCUSDT", "/api/v3/depth?symbol=BTCUSDT&limit=5000");
    check(Market::UsdM, "BTCUSDT_250328", "/fapi/v1/depth?symbol=BTCUSDT_250328&limit=1000");
    check(Market::Spot, "\u{5e01}&A", "/api/v3/depth?symbol=%E5%B8%81%26A&limit=5000");
}
