//! Another implementation of the format reads the same.

use mcap::read::Options;
use tickring_capture::{OnDamage, repair};

use crate::support::{Kept, frames, read_bytes, record};

#[test]
fn another_reader_finds_the_same_messages_and_no_fault() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.mcap");
    let entries = frames(10_000, 1_000);
    record(&path, &entries);
    let target = folder.path().join("repaired.mcap");
    repair(&path, &target, false).unwrap();
    for file in [path, target] {
        let bytes = std::fs::read(file).unwrap();
        let stream = mcap::MessageStream::new_with_options(&bytes, Options::IgnoreEndMagic.into());
        let found: Vec<Kept> = stream
            .unwrap()
            .map(|message| {
                let message = message.unwrap();
                assert_eq!(message.log_time, message.publish_time);
                let (connection, role) = message.channel.topic[1..].split_once("/received").map_or(
                    (0, "other"),
                    |(connection, _)| {
                        (connection.trim_start_matches("connection/").parse().unwrap(), "received")
                    },
                );
                assert_eq!(role, "received", "{}", message.channel.topic);
                Kept::Received(connection, message.log_time, message.data.to_vec())
            })
            .collect();
        assert!(found == entries, "{} messages", found.len());
        let summary = mcap::Summary::read(&bytes).unwrap().unwrap();
        let statistics = summary.stats.unwrap();
        assert_eq!(statistics.message_count, 10_000);
        assert_eq!(statistics.chunk_count as usize, summary.chunk_indexes.len());
        assert_eq!(statistics.message_start_time, 1_700_000_000_000_000_000);
        assert_eq!(summary.channels.len(), 7);
        let (ours, ..) = read_bytes(&bytes, OnDamage::Stop).unwrap();
        assert!(ours == entries);
    }
}
