//! The capture container: [MCAP](https://mcap.dev/spec) files, written by our own chunk encoder.
//!
//! Layout of a file: magic, `Header`, one `Metadata` record named [`METADATA_NAME`], chunks of about
//! [`CHUNK_BYTES`], `DataEnd` with a CRC of all before it, then a summary (channels, chunk index,
//! statistics) and the footer. Each chunk starts with all channel records and carries a CRC of its
//! uncompressed bytes, so that it can be read by itself.
//!
//! Channels are numbered `3 * connection + role`, see [`Role`]; the last one is for holes. A
//! message's `log_time` and `publish_time` are when the frame arrived or the command was sent, in ns
//! since the epoch; its `data` are the bytes as they were on the wire.

mod ahead;
mod chunk;
mod chunks;
mod encode;
mod ending;
mod entry;
mod reader;
mod records;
mod segment;
mod segments;
mod summary;
mod tail;
mod tap;
mod unpack;
mod verify;
mod writer;

pub use ahead::Ahead;
pub(crate) use ahead::wait_for;
pub use chunks::{Damage, OnDamage};
pub use ending::Ending;
pub use entry::{CAPTURE_CONNECTIONS_MAX, ConnectionChange, Entry, Hole};
pub(crate) use reader::is_capture;
pub use reader::{CaptureOptions, CaptureReader};
pub use segments::{
    INDEX_NAME, SEGMENTS_MAX, SegmentFiles, SegmentTally, Segments, Store, SyncPolicy, segments,
};
pub use tap::{ChunkReceiver, OnCaptureFull, Tap, capture_channel};
pub use verify::{Condition, Verdict, is_finished, repair, verify};
pub use writer::{CaptureTally, CaptureWriter, WriterConfig, WriterNotice, WriterPorts};

/// Name of the metadata record that describes the session.
pub const METADATA_NAME: &str = "tickring.session";

/// Name of the metadata record with the instruments seen up to the segment's end.
pub const INSTRUMENTS_NAME: &str = "tickring.instruments";

/// Metadata's keys that the writer itself fills in: how many connections, which segment.
const CONNECTIONS: &str = "connections";
const SEGMENT: &str = "segment";

/// Size at which a chunk is closed: the smallest at which zstd gains little by more.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Longest record, and most bytes of a chunk, that are believed: one message of the longest kind and
/// all channel records.
const RECORD_BYTES_MAX: usize = crate::FRAME_BYTES_MAX + 1024 * 1024;
