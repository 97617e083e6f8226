//! What is timed: this project's two parsers with all that its venues do (instrument, continuity,
//! checksums), and others' parsers into typed structs, of which the same events are made. Theirs keep
//! no continuity and read no times written as text.

use std::hint::black_box;
use std::sync::Arc;

use simd_json::{Buffers, INPUT_PADDING, Tape};
use tickring_event::Instruments;
use tickring_ingest::{EventBatch, Frame, Parsers, Stamp, Venue};
use tickring_metrics::Clock;

use super::corpus::Corpus;
use super::shapes::{self, Library};

/// Frames whose time is not counted.
const WARM_UP: usize = 200;

/// Frames that are timed at least, the same ones again where there are fewer.
const TIMED_MIN: usize = 1_000;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Contender {
    Ours(Parsers),
    Structs(Library),
    /// Parsed into the library's own tree; nothing is read from it.
    SerdeValue,
    SimdTape,
    /// The same onto one reused tape, from one reused copy.
    SimdTapeReused,
    SimdBorrowed,
}

impl Contender {
    /// The first is what the others are compared with.
    pub(crate) const ALL: [Self; 9] = [
        Self::Structs(Library::SerdeJson),
        Self::Ours(Parsers::ScanFirst),
        Self::Ours(Parsers::General),
        Self::Structs(Library::SonicRs),
        Self::Structs(Library::SimdJson),
        Self::SimdTape,
        Self::SimdTapeReused,
        Self::SimdBorrowed,
        Self::SerdeValue,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours(Parsers::ScanFirst) => "tickring",
            Self::Ours(Parsers::General) => "tickring by simd-json alone",
            Self::Structs(Library::SerdeJson) => "serde_json structs",
            Self::Structs(Library::SonicRs) => "sonic-rs structs",
            Self::Structs(Library::SimdJson) => "simd-json structs",
            Self::SerdeValue => "serde_json Value (parsed only)",
            Self::SimdTape => "simd-json to_tape (parsed only)",
            Self::SimdTapeReused => "simd-json fill_tape_padded (parsed only)",
            Self::SimdBorrowed => "simd-json borrowed Value (parsed only)",
        }
    }

    /// Nanoseconds a frame; `None` where it cannot read this kind exactly.
    pub(crate) fn time_ns(self, corpus: &Corpus, table: &Table, clock: &Clock) -> Option<f64> {
        match self {
            Self::Ours(parsers) => Some(ours(parsers, corpus, clock)),
            Self::Structs(library) if shapes::reads(library, corpus.shape) => {
                let mut batch = EventBatch::new();
                Some(each(corpus, clock, |text| {
                    batch.clear();
                    shapes::read(library, corpus.shape, text, table, &mut batch);
                    black_box(batch.events());
                }))
            }
            Self::Structs(_) => None,
            Self::SerdeValue => Some(each(corpus, clock, |text| {
                black_box(serde_json::from_slice::<serde_json::Value>(text).unwrap());
            })),
            Self::SimdTape => Some(each(corpus, clock, |text| {
                black_box(simd_json::to_tape(text).unwrap());
            })),
            Self::SimdTapeReused => {
                let mut parser = ReusedTape::new();
                Some(each(corpus, clock, |text| parser.parse(text)))
            }
            Self::SimdBorrowed => Some(each(corpus, clock, |text| {
                black_box(simd_json::to_borrowed_value(text).unwrap());
            })),
        }
    }
}

/// What the general parser of this project reuses, and nothing around it.
struct ReusedTape {
    scratch: Vec<u8>,
    buffers: Buffers,
    tape: Tape<'static>,
}

impl ReusedTape {
    fn new() -> Self {
        Self { scratch: Vec::new(), buffers: Buffers::default(), tape: Tape(Vec::new()) }
    }

    fn parse(&mut self, text: &[u8]) {
        self.scratch.clear();
        self.scratch.extend_from_slice(text);
        self.scratch.resize(text.len() + INPUT_PADDING, 0);
        let mut tape = std::mem::replace(&mut self.tape, Tape(Vec::new())).reset();
        let (scratch, buffers) = (&mut self.scratch, &mut self.buffers);
        simd_json::fill_tape_padded(scratch, text.len(), buffers, &mut tape).unwrap();
        black_box(&tape.0);
        self.tape = tape.reset();
    }
}

/// The instruments of a corpus by symbol.
pub(crate) struct Table(pub(crate) Arc<Instruments>);

impl Table {
    pub(crate) fn of(corpus: &Corpus) -> Self {
        let instruments = Arc::new(Instruments::with_capacity(64));
        drop(prepared(corpus, Arc::clone(&instruments), corpus.frames.len()));
        Self(instruments)
    }
}

/// A decoder that has seen what comes before, and so many of the frames.
fn prepared(corpus: &Corpus, instruments: Arc<Instruments>, frames: usize) -> Box<dyn Venue> {
    let mut venue = (corpus.make)(instruments);
    let mut batch = EventBatch::new();
    for text in corpus.before.iter().chain(&corpus.frames[..frames]) {
        decode(venue.as_mut(), text, &mut batch);
    }
    venue
}

fn decode(venue: &mut dyn Venue, text: &[u8], batch: &mut EventBatch) {
    batch.clear();
    venue.decode(&Frame { text, stamp: Stamp::default() }, batch).unwrap();
    batch.take_commands().for_each(drop);
    batch.take_remarks().for_each(drop);
}

fn ours(parsers: Parsers, corpus: &Corpus, clock: &Clock) -> f64 {
    let mut batch = EventBatch::new();
    per_frame(corpus, |warm_up| {
        let mut venue = prepared(corpus, Arc::new(Instruments::with_capacity(64)), warm_up);
        venue.json().unwrap().set_parsers(parsers);
        // As for the others: the copy lies in the cache, as a frame does that was just received.
        let frames = corpus.frames[warm_up..].to_vec();
        let start = clock.ticks();
        for text in &frames {
            decode(venue.as_mut(), text, &mut batch);
            black_box(batch.events());
        }
        clock.elapsed_ns(start, clock.ticks())
    })
}

/// The texts are copied before: some parsers write into them.
fn each(corpus: &Corpus, clock: &Clock, mut parse: impl FnMut(&mut [u8])) -> f64 {
    per_frame(corpus, |warm_up| {
        let mut frames = corpus.frames.clone();
        frames[..warm_up].iter_mut().for_each(|text| parse(text));
        let frames = &mut frames[warm_up..];
        let start = clock.ticks();
        for text in frames.iter_mut() {
            parse(text);
        }
        clock.elapsed_ns(start, clock.ticks())
    })
}

/// Nanoseconds a frame, of as many passes as it takes to time [`TIMED_MIN`] frames: a few frames read once
/// would show how long a cold cache takes. `pass` times all but so many.
fn per_frame(corpus: &Corpus, mut pass: impl FnMut(usize) -> u64) -> f64 {
    let warm_up = WARM_UP.min(corpus.frames.len() / 2);
    let timed = corpus.frames.len() - warm_up;
    let passes = TIMED_MIN.div_ceil(timed);
    let total_ns: u64 = (0..passes).map(|_| pass(warm_up)).sum();
    total_ns as f64 / (timed * passes) as f64
}
