//! Recorded Kraken sessions: every count, book and checksum as an independent rebuild found them.

use tickring_ingest::Inbound;

use crate::support::{Replay, expected, frames, recorded_data};

pub(crate) const V2: &str = "kraken-v2/minagbp_d25_20260816.gz";
pub(crate) const V1: &str = "kraken-v1/book1000_20210417.gz";

#[test]
fn the_book_of_v2_is_the_expected_one_and_every_checksum_is_right() {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, V2);
    let mut replay = Replay::kraken(&[], &[], None);
    replay.open();
    let mut pongs = 0;
    for frame in frames(&folder.join(V2)) {
        match replay.frame(&frame) {
            Ok(Inbound::Pong) => pongs += 1,
            Ok(Inbound::Refused(_)) | Err(_) => panic!("{frame}"),
            Ok(_) => {}
        }
    }
    assert_eq!(replay.messages["book_snapshot"], expected["stats"]["kinds"]["book:snapshot"]["n"]);
    assert_eq!(replay.messages["book_update"], expected["stats"]["kinds"]["book:update"]["n"]);
    assert_eq!(pongs, expected["stats"]["kinds"]["channel=heartbeat"]["n"].as_i64().unwrap());
    assert!(replay.commands.is_empty() && replay.remarks.is_empty());
    replay.assert_books(&expected, "checksum_ok");
}

#[test]
fn the_books_of_v1_are_the_expected_ones_and_every_checksum_is_right() {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, V1);
    let mut replay = Replay::kraken_v1();
    for frame in frames(&folder.join(V1)) {
        replay.frame(&frame).unwrap_or_else(|error| panic!("{error}: {frame}"));
    }
    let books = replay.messages["book_snapshot"] + replay.messages["book_update"];
    assert_eq!(books, expected["stats"]["kinds"]["array:book-1000"]["n"]);
    assert!(replay.commands.is_empty() && replay.remarks.is_empty());
    replay.assert_books(&expected, "checksum_ok");
}

#[test]
fn trades_and_tickers_of_v1_are_all_decoded() {
    let Some(folder) = recorded_data() else { return };
    for (session, kind) in
        [("kraken-v1/trade_20210417.gz", "trade"), ("kraken-v1/ticker_20210417.gz", "ticker")]
    {
        let expected = expected(&folder, session);
        let mut replay = Replay::kraken_v1();
        for frame in frames(&folder.join(session)) {
            replay.frame(&frame).unwrap_or_else(|error| panic!("{error}: {frame}"));
        }
        assert_eq!(replay.messages[kind], expected["totals"][kind]);
        assert_eq!(replay.messages.len(), 1);
        assert!(replay.remarks.is_empty());
    }
}
