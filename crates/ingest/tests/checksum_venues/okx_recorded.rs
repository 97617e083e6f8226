//! A recorded OKX session: every count, book and checksum as an independent rebuild found them.

use tickring_ingest::Inbound;

use crate::support::{Replay, expected, frames, recorded_data};

pub(crate) const OKX_BOOKS: &str = "okx-v5/books_20220513.gz";

#[test]
fn the_books_of_okx_are_the_expected_ones_and_every_checksum_is_right() {
    let Some(folder) = recorded_data() else { return };
    let expected = expected(&folder, OKX_BOOKS);
    let mut replay = Replay::okx(&[], &[], None);
    replay.open();
    let mut acks = 0;
    for frame in frames(&folder.join(OKX_BOOKS)) {
        match replay.frame(&frame) {
            Ok(Inbound::Data(_)) => {}
            Ok(Inbound::Ack { complete: true }) => acks += 1,
            other => panic!("{other:?}: {frame}"),
        }
    }
    replay.finish();
    for (kind, name) in [
        ("book_snapshot", "books:snapshot"),
        ("book_update", "books:update"),
        ("trade", "trades:data"),
        ("ticker", "tickers:data"),
    ] {
        assert_eq!(replay.messages[kind], expected["stats"]["kinds"][name]["n"], "{kind}");
    }
    let messages: u64 = replay.messages.values().sum();
    assert_eq!(messages + acks, expected["stats"]["messages"]);
    assert!(replay.commands.is_empty() && replay.remarks.is_empty());
    replay.assert_books(&expected, "checksum_ok");
}
