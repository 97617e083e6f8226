//! Session files: recorded frames with their arrival times.
//!
//! A session holds what one connection received, in order of receipt, one frame a line:
//!
//! ```text
//! <receive time, integer ns> SP <message text exactly as received> LF
//! ```
//!
//! [`LineReader`] reads it plain, gzip or zstd (told by the first bytes, never by the name) from a
//! file or from any [`Read`](std::io::Read); [`Merged`] joins several by arrival time;
//! [`LineWriter`] writes it.
//!
//! [`open_session`] tells those and captures from the recordings of other tools and reads them all.
//!
//! What is left out: the text is bytes here, no venue is decoded; nothing is paced, whoever reads
//! decides when a frame is due; no thread is started to read or decompress ahead; frames are never
//! skipped, reordered within a file or repaired.
//!
//! ```
//! use std::io::Cursor;
//! use tickring_capture::{LineReader, LineWriter};
//!
//! let mut writer = LineWriter::new("session", Vec::new());
//! writer.write_frame(1_000, br#"{"cmd":"pong"}"#)?;
//! writer.write_frame(2_500, b"[1,2]")?;
//! let session = writer.finish()?;
//!
//! let mut reader = LineReader::from_reader("session".into(), Box::new(Cursor::new(session)))?;
//! while let Some(frame) = reader.next_frame()? {
//!     assert!(frame.arrival_ns >= 1_000);
//! }
//! assert_eq!(reader.frames_read(), 2);
//! # Ok::<(), tickring_capture::CaptureError>(())
//! ```

mod container;
mod error;
mod import;
mod input;
mod line;
mod merge;
mod open;
mod session;

pub use container::{
    Ahead, CAPTURE_CONNECTIONS_MAX, CHUNK_BYTES, CaptureOptions, CaptureReader, CaptureTally,
    CaptureWriter, ChunkReceiver, Condition, ConnectionChange, Damage, Ending, Entry, Hole,
    INDEX_NAME, INSTRUMENTS_NAME, METADATA_NAME, OnCaptureFull, OnDamage, SEGMENTS_MAX,
    SegmentFiles, SegmentTally, Segments, Store, SyncPolicy, Tap, Verdict, WriterConfig,
    WriterNotice, WriterPorts, capture_channel, is_capture, is_finished, repair, segments, verify,
};
pub use error::CaptureError;
pub use line::reader::LineReader;
pub use line::writer::LineWriter;
pub use line::{FRAME_BYTES_MAX, RecordedFrame};
pub use merge::Merged;
pub use open::{OpenOptions, Opened, open_session, open_stream};
pub use session::Session;
