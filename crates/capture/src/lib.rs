//! Recorded sessions: written while trading, read from every format, verified and repaired.
//!
//! A **capture** is an MCAP file of everything that passed between a venue and us: frames, commands,
//! connection changes, and holes where something is missing. A [`Tap`] on the thread that sees them
//! copies each once, a [`CaptureWriter`] on another thread compresses and keeps the promise about the
//! disk, a [`CaptureReader`] checks every chunk before it hands out its first entry, [`verify`] and
//! [`repair`] say and mend what a crash left. `docs/CAPTURE_FORMAT.md` has the format.
//!
//! [`open_session`] opens captures, lines (`<receive time, integer ns> SP <message> LF`, see
//! [`LineReader`]) and the recordings of other tools, told by their first bytes, never by their name;
//! each is a [`Session`] of [`Entry`]s, and [`Merged`] joins several by time.
//!
//! What is left out: the text is bytes here, no venue is decoded; nothing is paced, whoever reads
//! decides when an entry is due; no thread is made, what can run ahead is handed out as work
//! ([`Ahead`]).
//!
//! ```
//! use std::collections::BTreeMap;
//! use tickring_capture::{
//!     CaptureReader, CaptureWriter, Ending, Entry, OnCaptureFull, SegmentFiles, WriterConfig,
//!     WriterPorts, capture_channel,
//! };
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("session.mcap");
//!
//! let (mut tap, receiver) = capture_channel(1, OnCaptureFull::Block);
//! let config = WriterConfig::new(BTreeMap::from([("venue".into(), "tickdb".into())]));
//! let writer = CaptureWriter::new(SegmentFiles::create(&path, false)?, config, &receiver, 0)?;
//! tap.received(0, 1_000, br#"{"cmd":"pong"}"#);
//! drop(tap);
//! // On a thread of its own, otherwise.
//! let tally = writer.run(receiver, &mut WriterPorts {
//!     now_ns: &|| 0,
//!     instruments: &BTreeMap::new,
//!     say: &mut |_| (),
//! });
//! assert_eq!((tally.frames, tally.failures), (1, 0));
//!
//! let mut reader = CaptureReader::open(&path)?;
//! let text = br#"{"cmd":"pong"}"#;
//! let frame = Entry::Received { connection: 0, arrival_ns: 1_000, text };
//! assert_eq!(reader.next()?, Some(frame));
//! assert_eq!(reader.next()?, None);
//! assert_eq!(reader.ending(), Some(Ending::Clean));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bars;
mod container;
mod error;
mod import;
mod input;
mod line;
mod merge;
mod open;
mod session;

pub use bars::{BAR_COLUMNS, BARS, BarFrame, BarRow, Interval, Joined, MadeBars, open_bars};
pub use container::{
    Ahead, CAPTURE_CONNECTIONS_MAX, CHUNK_BYTES, CaptureOptions, CaptureReader, CaptureTally,
    CaptureWriter, ChunkReceiver, Condition, ConnectionChange, Damage, Ending, Entry, Hole,
    INDEX_NAME, INSTRUMENTS_NAME, METADATA_NAME, OnCaptureFull, OnDamage, SEGMENTS_MAX,
    SegmentFiles, SegmentTally, Segments, Store, SyncPolicy, Tap, Verdict, WriterConfig,
    WriterNotice, WriterPorts, capture_channel, is_finished, repair, segments, verify,
};
pub use error::CaptureError;
pub use import::iso_ns;
pub use line::reader::LineReader;
pub use line::writer::LineWriter;
pub use line::{FRAME_BYTES_MAX, RecordedFrame};
pub use merge::Merged;
pub use open::{OpenOptions, Opened, is_capture_path, open_session, open_stream};
pub use session::Session;
