//! The engine live against a simulator that serves each venue's recorded session as the venue would:
//! the same books and counts as a replay, also across cut connections.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Process, Ran, Venue, count, list, recorded_data, tickring};

/// A session of a venue, and how it is subscribed to.
pub(crate) struct Session {
    pub(crate) venue: &'static str,
    /// Among the recorded ones.
    pub(crate) file: &'static str,
    pub(crate) symbols: &'static str,
    pub(crate) channels: &'static str,
    pub(crate) depth: Option<&'static str>,
    /// So that it takes about three seconds.
    pub(crate) speed: &'static str,
    /// Kinds of events that a snapshot brings again after a reconnect.
    pub(crate) repeated: &'static [&'static str],
}

const SESSIONS: [Session; 8] = [
    Session {
        file: "binance-spot/btcusdt_20240808.gz",
        speed: "100",
        ..session("binance-spot", "BTCUSDT", "ticker,depth,trade")
    },
    Session {
        file: "binance-usdm/btcusdt_20240808.gz",
        speed: "100",
        ..session("binance-usdm", "BTCUSDT", "ticker,depth,trade")
    },
    Session {
        file: "bybit-v5/linear_20260809.gz",
        repeated: &["top_of_book"],
        ..session("bybit-linear", "BTCUSDT,ETHUSDT,BTCUSD,ETHUSD", "ticker,depth,trade,bar")
    },
    Session {
        file: "bybit-v5/spot_20260809.gz",
        repeated: &["top_of_book"],
        ..session("bybit-spot", "BTCUSDT,ETHUSDT", "ticker,depth,trade,bar")
    },
    Session {
        file: "coinbase-advanced/btcusd_ethusd_20260809.gz",
        repeated: &["top_of_book", "bar"],
        ..session("coinbase-advanced", "BTC-USD,ETH-USD", "ticker,depth,trade,bar")
    },
    Session {
        file: "coinbase-exchange/products10_20210417.gz",
        repeated: &["top_of_book"],
        ..session("coinbase-exchange", "BAND-BTC,BAND-GBP,SKL-USD", "ticker,depth,trade")
    },
    Session {
        file: "kraken-v2/minagbp_d25_20260816.gz",
        depth: Some("25"),
        // Ten seconds of silence in it must not pass for its end.
        speed: "60",
        ..session("kraken", "MINA/GBP", "depth")
    },
    Session {
        file: "okx-v5/books_20220513.gz",
        speed: "4",
        repeated: &["top_of_book"],
        ..session("okx", "BTC-USDT,BTC-USD-220527,UNI-USD-SWAP", "ticker,depth,trade")
    },
];

pub(crate) const fn session(
    venue: &'static str,
    symbols: &'static str,
    channels: &'static str,
) -> Session {
    Session { venue, file: "", symbols, channels, depth: None, speed: "14", repeated: &[] }
}

impl Session {
    fn path(&self) -> Option<String> {
        Some(recorded_data()?.join(self.file).to_str().unwrap().to_owned())
    }

    fn replay(&self, path: &str) -> Value {
        let mut command = tickring(&["replay", "--venue", self.venue, "--speed", "max", "--books"]);
        command.args(["--symbols", self.symbols, "--channels", self.channels]);
        Ran::of(command.args(["--format", "json", path])).exits(0).report()
    }

    /// The engine against a simulator that cuts every connection so many times: what both say.
    fn live(&self, path: &str, cuts: u64, simulate: &[&str], run: &[&str]) -> [Value; 2] {
        let cuts_text = cuts.to_string();
        let mut arguments = vec!["--session", path, "--venue", self.venue, "--speed", self.speed];
        arguments.extend(["--cuts", &cuts_text]);
        arguments.extend(simulate);
        let venue = Venue::serve(&arguments);
        let mut engine = Process::start(self.run(&venue.url).args(run));
        // A machine with other work may let a second pass between a cut and the next connection: that is
        // no end yet.
        for _ in 0..=cuts {
            engine.wait_for("every subscription was answered");
        }
        engine.wait_for_silence();
        engine.signal("INT");
        let report = engine.finish().exits(130).report();
        assert_eq!(report["drained"], true);
        [report, venue.report()]
    }

    fn run(&self, address: &str) -> Command {
        let url = format!("ws://{address}");
        let mut command = tickring(&["run", "--venue", self.venue, "--url", &url, "--books"]);
        command.args(["--symbols", self.symbols, "--channels", self.channels]);
        command.args(["--format", "json", "--interval", "200ms"]);
        if self.venue.starts_with("binance") || self.venue == "okx" {
            command.args(["--rest-url", &format!("http://{address}")]);
        }
        if let Some(depth) = self.depth {
            command.args(["--depth", depth]);
        }
        // Back at once: the recording waits for whoever comes back.
        command.env("RECONNECT_BASE_DELAY", "0.01").env("RECONNECT_MAX_DELAY", "0.02");
        command
    }

    fn check(&self, cuts: u64) {
        if let Some(path) = self.path() {
            self.check_file(&path, cuts);
        }
    }

    /// Checks a live run that was connected anew `cuts` times against the replay.
    #[track_caller]
    pub(crate) fn check_file(&self, path: &str, cuts: u64) {
        let replay = self.replay(path);
        let [live, sent] = self.live(path, cuts, &[], &[]);
        let venue = self.venue;
        assert_eq!(
            (&sent["venue"]["is_complete"], &sent["venue"]["cuts"]),
            (&true.into(), &cuts.into())
        );
        assert_eq!(sent["venue"]["frames_undelivered"], 0, "{venue}");
        assert_eq!(live["decode_errors"]["total"], 0, "{venue} {}", live["decode_errors"]);
        assert_eq!(live["connections"]["reconnects"], cuts, "{venue}");
        for kind in ["trade", "top_of_book", "bar"] {
            let (live, replay) = (count(&live["events"][kind]), count(&replay["events"][kind]));
            let is_same =
                live == replay || cuts > 0 && self.repeated.contains(&kind) && live > replay;
            assert!(is_same, "{venue}: {live} events of {kind}, {replay} replayed");
        }
        self.check_books(&live, &replay, cuts);
        self.check_gaps(&live, cuts);
    }

    fn check_books(&self, live: &Value, replay: &Value, cuts: u64) {
        let books = replay["books"].as_object().unwrap();
        assert_eq!(live["books"].as_object().unwrap().len(), books.len(), "{}", self.venue);
        for (symbol, replayed) in books {
            let book = &live["books"][symbol];
            for part in ["levels", "top5", "valid"] {
                // 1,000 levels a side are the most that USD-M gives: what lies deeper is forgotten.
                if cuts == 0 || part != "levels" || self.venue != "binance-usdm" {
                    assert_eq!(book[part], replayed[part], "{part} of {symbol} at {}", self.venue);
                }
            }
            // Numbers that count a connection's messages are the connection's own.
            if self.venue != "coinbase-advanced" {
                assert_eq!(book["last_sequence"], replayed["last_sequence"], "{symbol}");
            }
            assert_eq!(book["gaps"], cuts, "{symbol}");
            assert_eq!(count(&book["snapshots"]), count(&replayed["snapshots"]) + cuts, "{symbol}");
            // Where snapshots are fetched, how much of the stream is older depends on the moment.
            if !self.venue.starts_with("binance") {
                assert_eq!(book["applied"], replayed["applied"], "{symbol} at {}", self.venue);
            }
            if let Some(checksums) = replayed.get("checksums") {
                let checked = count(&checksums["checked"]) + cuts;
                assert_eq!(
                    book["checksums"],
                    json!({ "checked": checked, "failed": 0 }),
                    "{symbol}"
                );
            }
        }
    }

    /// Every book is told of every cut, and of nothing else.
    fn check_gaps(&self, live: &Value, cuts: u64) {
        let books = live["books"].as_object().unwrap().len() as u64;
        let gaps = list(&live["gaps"]);
        assert_eq!(gaps.len() as u64, cuts * books, "{}: {gaps:?}", self.venue);
        assert!(gaps.iter().all(|gap| gap["reason"] == "disconnected"), "{gaps:?}");
        assert_eq!(live["loss"]["missing"], 0, "{}", self.venue);
    }
}

#[test]
fn every_venue_live_gives_the_books_and_counts_of_its_replay() {
    SESSIONS.iter().for_each(|session| session.check(0));
}

#[test]
fn every_venue_live_gives_the_same_across_three_cut_connections_and_tells_of_them() {
    SESSIONS.iter().for_each(|session| session.check(3));
}

#[test]
fn a_connection_is_relieved_before_its_age_without_a_gap_and_its_recording_replays_the_same() {
    let session = &SESSIONS[1];
    let Some(path) = session.path() else { return };
    let replay = session.replay(&path);
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("relay.mcap");
    let capture = capture.to_str().unwrap();
    let slow = Session { speed: "40", ..*session };
    let run = ["--verify-top", "--record", capture];
    // Three ages go by, and none ends before the recording does.
    let [live, sent] = slow.live(&path, 0, &["--age", "2500ms"], &run);
    assert!(count(&sent["venue"]["notices"]) >= 2, "{}", sent["venue"]);
    assert!(count(&live["connections"]["reconnects"]) >= 2, "{}", live["connections"]);
    for kind in ["trade", "top_of_book", "levels"] {
        assert_eq!(live["events"][kind], replay["events"][kind], "{kind}");
    }
    let (book, replayed) = (&live["books"]["BTCUSDT"], &replay["books"]["BTCUSDT"]);
    for part in ["levels", "top5", "last_sequence", "snapshots"] {
        assert_eq!(book[part], replayed[part], "{part}");
    }
    let top = &book["top_check"];
    assert_eq!((&top["by"], &top["compared"]), (&"number".into(), &top["agreed"]));
    assert!(count(&top["compared"]) > 6_000, "{top}");
    let mut again = tickring(&["replay", "--speed", "max", "--format", "json", capture]);
    assert_eq!(Ran::of(&mut again).exits(0).report()["run_hash"], live["run_hash"]);
}

#[test]
fn a_book_above_the_cap_on_messages_ends_the_run_with_the_flag_to_raise() {
    let session = &SESSIONS[4];
    let Some(path) = session.path() else { return };
    let venue = Venue::serve(&["--session", &path, "--venue", session.venue, "--speed", "max"]);
    let ran = Ran::of(session.run(&venue.url).args(["--message-mib", "4"])).exits(3);
    // The whole book of BTC-USD is one message.
    assert!(ran.err.contains("a message of 5079"), "{}", ran.err);
    assert!(ran.err.contains("--message-mib"), "{}", ran.err);
}
