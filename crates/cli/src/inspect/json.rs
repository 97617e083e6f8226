//! What an inspection tells: a contract for scripts.
//!
//! Field names and nesting are the JSON. They change only together with [`SCHEMA_VERSION`]. Times are
//! in ns of the recorders' own clock, which mostly counts since the epoch; a frame's bytes are those
//! of its message.

use std::collections::BTreeMap;

use serde::Serialize;

/// Version of the names and meanings below.
pub(crate) const SCHEMA_VERSION: u32 = 1;

/// All that is told of recordings that were looked at together.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    /// [`SCHEMA_VERSION`].
    pub(crate) schema_version: u32,
    /// `inspect`.
    pub(crate) command: &'static str,
    /// The recordings, in the order given.
    pub(crate) sessions: Vec<SessionFacts>,
    /// Their connections, numbered through over all sessions.
    pub(crate) connections: Vec<ConnectionFacts>,
    /// Frames received.
    pub(crate) frames: u64,
    /// Bytes in those frames.
    pub(crate) bytes: u64,
    /// Commands sent, as far as recorded.
    pub(crate) commands: u64,
    /// Earliest arrival of a frame; 0 without frames.
    pub(crate) first_ns: u64,
    /// Latest arrival of a frame; 0 without frames.
    pub(crate) last_ns: u64,
    /// From the one to the other.
    pub(crate) span_ns: u64,
    /// Frames a second, over the whole span; 0 where there is no span.
    pub(crate) frames_per_s_mean: f64,
    /// Most frames in any 1 ms, 10 ms, 100 ms and 1 s, wherever that begins.
    pub(crate) busiest: Vec<BusiestFacts>,
    /// How long frames are.
    pub(crate) frame_bytes: FrameBytes,
    /// The longest stretches in which no connection received anything, the longest first.
    pub(crate) silences: Vec<SilenceFacts>,
    /// How often a session's clock stepped back from one entry to the next.
    pub(crate) steps_back: u64,
    /// Where recorders knew that entries are missing, or damage was found.
    pub(crate) holes: HoleFacts,
    /// Frames over time.
    pub(crate) rate: RateFacts,
    /// What decoding told; null where no venue is known.
    pub(crate) decoded: Option<DecodedFacts>,
    /// Why sessions could not be read to their end, a sentence each; what came before is counted.
    pub(crate) errors: Vec<String>,
}

/// One recording.
#[derive(Debug, Serialize)]
pub(crate) struct SessionFacts {
    /// Path as it was given; `standard input` for `-`.
    pub(crate) name: String,
    /// `mcap` or `lines`.
    pub(crate) format: &'static str,
    /// The venue it is decoded as; null where none is known.
    pub(crate) venue: Option<&'static str>,
    /// How it ended.
    pub(crate) ending: EndingFacts,
    /// How many connections it has.
    pub(crate) connections: u64,
    /// What it says about itself.
    pub(crate) metadata: BTreeMap<String, String>,
}

/// How a recording ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub(crate) enum EndingFacts {
    /// With its footer; every check passed.
    Clean,
    /// The file just stops.
    Cut {
        /// Where the last whole record ends.
        offset_bytes: u64,
        /// What stands behind it and is part of a record, or zeros.
        behind_bytes: u64,
    },
    /// It was read to its end, and the format does not say whether that is where the recorder
    /// stopped.
    Untold,
    /// It could not be read on; see [`Inspection::errors`].
    Unreadable,
}

/// One connection.
#[derive(Debug, Default, Serialize)]
pub(crate) struct ConnectionFacts {
    /// Index of its session, from 0.
    pub(crate) session: u64,
    /// Frames received.
    pub(crate) frames: u64,
    /// Bytes in those frames.
    pub(crate) bytes: u64,
    /// Commands sent.
    pub(crate) commands: u64,
    /// Time of its first entry; 0 without entries.
    pub(crate) first_ns: u64,
    /// Time of its last entry.
    pub(crate) last_ns: u64,
    /// Whether the recording says when it opens and closes. Otherwise it is open from the start.
    pub(crate) tells_states: bool,
    /// The state it was left in; null where that is not told.
    pub(crate) last_state: Option<&'static str>,
    /// How often it came into each state.
    pub(crate) states: BTreeMap<&'static str, u64>,
    /// How often it closed with each code: a WebSocket close code, an HTTP status, or 0 for none.
    pub(crate) closes_by_code: BTreeMap<i32, u64>,
    /// The highest attempt, counted from 1 over the whole session.
    pub(crate) attempts: u64,
}

/// The busiest stretch of one length.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct BusiestFacts {
    /// Length of the window.
    pub(crate) window_ns: u64,
    /// Most frames in any such window.
    pub(crate) frames: u64,
    /// When the first of them arrived.
    pub(crate) start_ns: u64,
}

/// Sizes of frames. A percentile is the least size that more than that share of frames do not
/// exceed.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(crate) struct FrameBytes {
    /// The median.
    pub(crate) p50: u64,
    /// The 90th percentile.
    pub(crate) p90: u64,
    /// The 99th percentile.
    pub(crate) p99: u64,
    /// The longest frame.
    pub(crate) max: u64,
}

/// A stretch without a frame.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct SilenceFacts {
    /// Arrival of the frame before it.
    pub(crate) start_ns: u64,
    /// Until the next frame.
    pub(crate) length_ns: u64,
}

/// Missing entries.
#[derive(Debug, Default, Serialize)]
pub(crate) struct HoleFacts {
    /// Places at which something is missing.
    pub(crate) count: u64,
    /// Entries known to be missing.
    pub(crate) entries_missing: u64,
    /// Bytes known to be missing.
    pub(crate) bytes_missing: u64,
    /// The first holes.
    pub(crate) first: Vec<HoleFact>,
}

/// One hole.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct HoleFact {
    /// Time of the first entry that is missing.
    pub(crate) first_ns: u64,
    /// Time of the last one.
    pub(crate) last_ns: u64,
    /// How many are missing; 0 where that is not known.
    pub(crate) entries: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// Frames over time.
#[derive(Debug, Serialize)]
pub(crate) struct RateFacts {
    /// Where the first stretch begins.
    pub(crate) start_ns: u64,
    /// Length of each stretch.
    pub(crate) stretch_ns: u64,
    /// Frames in each stretch, 100 stretches at most.
    pub(crate) frames: Vec<u64>,
}

/// What decoding told, of the sessions whose venue is known.
#[derive(Debug, Default, Serialize)]
pub(crate) struct DecodedFacts {
    /// Frames that were decoded, or tried to.
    pub(crate) frames: u64,
    /// Frames by the venue's word for them; also `pong`, `ack`, `refused`, `ignored`.
    pub(crate) messages: BTreeMap<&'static str, u64>,
    /// Frames that could not be decoded, by reason.
    pub(crate) decode_errors: BTreeMap<&'static str, u64>,
    /// The first error of each reason, in words.
    pub(crate) decode_error_examples: BTreeMap<&'static str, String>,
    /// Events by kind.
    pub(crate) events: BTreeMap<&'static str, u64>,
    /// Instruments, in the order in which they were seen.
    pub(crate) instruments: Vec<InstrumentFacts>,
    /// What is missing according to the venue's numbering, or to connections that were lost.
    pub(crate) gaps: GapFacts,
    /// Messages that came a second time.
    pub(crate) duplicated: u64,
    /// Messages that came after a later one.
    pub(crate) reordered: u64,
    /// Depth messages older than the book they would change.
    pub(crate) stale_depth: u64,
    /// The venue's clock against the recorder's; null where messages carry no time.
    pub(crate) venue_clock: Option<VenueClockFacts>,
}

/// One instrument.
#[derive(Debug, Default, Serialize)]
pub(crate) struct InstrumentFacts {
    /// The venue's own spelling.
    pub(crate) symbol: String,
    /// Events about it, gaps included.
    pub(crate) events: u64,
    /// The first price: of a trade, a bar's close, or a top of book's last price or bid. As the venue
    /// wrote prices by then; null where none came.
    pub(crate) first_price: Option<String>,
    /// The last such price.
    pub(crate) last_price: Option<String>,
    /// Decimals at which prices are kept.
    pub(crate) price_scale: u8,
    /// Decimals at which quantities are kept.
    pub(crate) quantity_scale: u8,
}

/// Gaps of all instruments.
#[derive(Debug, Default, Serialize)]
pub(crate) struct GapFacts {
    /// How many.
    pub(crate) count: u64,
    /// How many by reason.
    pub(crate) by_reason: BTreeMap<&'static str, u64>,
    /// Messages known to be missing.
    pub(crate) messages_missing: u64,
    /// The first gaps.
    pub(crate) first: Vec<GapFact>,
}

/// One gap.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct GapFact {
    /// When it was noticed.
    pub(crate) time_ns: u64,
    /// Number of the connection.
    pub(crate) connection: u8,
    /// The instrument; null for all of them.
    pub(crate) instrument: Option<String>,
    /// Why something is missing.
    pub(crate) reason: &'static str,
    /// The venue's number that should have come; 0 where the venue has none.
    pub(crate) expected: u64,
    /// The venue's number that came instead.
    pub(crate) received: u64,
    /// How many messages are missing; 0 where that is not known.
    pub(crate) missing: u64,
}

/// The venue's time of messages against their arrival.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct VenueClockFacts {
    /// Messages that carry the venue's time.
    pub(crate) messages: u64,
    /// The venue's time minus the arrival: the least. Negative is the way of a message that takes
    /// time under clocks that agree.
    pub(crate) venue_minus_arrival_ns_min: i64,
    /// The median.
    pub(crate) venue_minus_arrival_ns_p50: i64,
    /// The greatest.
    pub(crate) venue_minus_arrival_ns_max: i64,
    /// Whether most messages arrived before the venue sent them: the recorder's clock is behind the
    /// venue's by about the median, and one-way delays from these recordings mean nothing.
    pub(crate) recorder_is_behind: bool,
}
