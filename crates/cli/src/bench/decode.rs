//! The decoder: bytes of a frame to events, through the venue as the engine calls it.

use std::hint::black_box;
use std::sync::Arc;
use std::thread;

use tickring_ingest::{EventBatch, Frame, Inbound, Stamp, Venue};
use tickring_metrics::{Clock, IntervalRecorder, LatencyRecorder};

use super::hlog::Log;
use super::input::{Decoders, Frames, Input};
use super::place::Place;
use super::scenario::{Bench, Block, Facts, Scenario, Since};
use crate::args::BenchArgs;
use crate::exit::{Exit, Failure};

/// Every frame timed, and all of them timed as one.
pub(crate) fn scenarios(
    args: &BenchArgs,
    bench: &Bench,
    input: &Input,
    log: &mut Log,
) -> Result<Vec<Box<dyn Scenario>>, Failure> {
    let place = Place::new(&args.machine, &bench.machine, 1)?;
    let mut all: Vec<Box<dyn Scenario>> = Vec::new();
    for (name, since) in [(FRAME, Since::Call), (FLAT_OUT, Since::Block)] {
        all.push(Box::new(Decode {
            facts: Facts {
                name: name.to_owned(),
                stage: "decode",
                item: "frame",
                since,
                place: place.clone(),
            },
            decoder: Decoder::new(input, args.compare.inject_delay)?,
            intervals: if since == Since::Call { log.recorder(name)? } else { None },
        }));
    }
    Ok(all)
}

struct Decode {
    facts: Facts,
    decoder: Decoder,
    intervals: Option<IntervalRecorder>,
}

impl Scenario for Decode {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let Self { facts, decoder, intervals } = self;
        let clock = &bench.clock;
        let work = || match facts.since {
            Since::Call => decoder.timed(clock, intervals.as_mut()),
            Since::Intended | Since::Block => decoder.whole(clock),
        };
        thread::scope(|scope| {
            let thread = facts.place.spawn(scope, (0, "decoder", bench.talk), work)?;
            thread.join().map_err(|_| Failure::new(Exit::Fault, "the decoder panicked"))
        })
    }
}

/// Frames, and venues that have seen them once.
pub(super) struct Decoder {
    frames: Arc<Frames>,
    pub(super) venues: Vec<Box<dyn Venue>>,
    pub(super) batch: EventBatch,
    /// By connection, then by the venue's kind.
    kinds: Vec<Vec<LatencyRecorder>>,
    others: LatencyRecorder,
    /// How many of the frames are decoded.
    count: usize,
    /// Work added to each frame, in percent of what it took.
    delay_percent: u32,
}

impl Decoder {
    /// # Errors
    /// A file cannot be opened any more.
    pub(super) fn new(input: &Input, delay_percent: u32) -> Result<Self, Failure> {
        let Decoders { venues, .. } = input.decoders()?;
        let mut decoder = Self {
            frames: Arc::clone(&input.frames),
            kinds: Vec::new(),
            venues,
            batch: EventBatch::new(),
            others: LatencyRecorder::new(),
            count: input.frames.len(),
            delay_percent,
        };
        // Once without a look: buffers grow, instruments are met, pages are touched.
        decoder.start_over();
        for frame in Arc::clone(&decoder.frames).iter() {
            black_box(decoder.decode(&frame));
            decoder.forget();
        }
        Ok(decoder)
    }

    /// Of the first `count` frames alone.
    pub(super) fn of_first(mut self, count: usize) -> Self {
        self.count = self.count.min(count);
        self
    }

    /// As after a handshake: books start over, instruments are known.
    pub(super) fn start_over(&mut self) {
        for venue in &mut self.venues {
            venue.disconnected(Stamp::default(), &mut self.batch);
            venue.open(&mut self.batch);
        }
        self.forget();
        let kinds = self.venues.iter().map(|venue| venue.message_kinds().len());
        self.kinds = kinds.map(|count| vec_of(count, LatencyRecorder::new)).collect();
        self.others = LatencyRecorder::new();
    }

    /// Decodes a frame; its events are in the batch.
    #[inline]
    pub(super) fn decode(&mut self, frame: &Frame<'_>) -> Option<usize> {
        let venue = &mut self.venues[usize::from(frame.stamp.connection.0)];
        match venue.decode(frame, &mut self.batch) {
            Ok(Inbound::Data(kind)) => Some(kind),
            Ok(_) | Err(_) => None,
        }
    }

    /// Forgets what the last frame gave.
    #[inline]
    pub(super) fn forget(&mut self) {
        self.batch.take_commands().for_each(drop);
        self.batch.take_remarks().for_each(drop);
        self.batch.clear();
    }

    /// Times every frame.
    pub(super) fn timed(
        &mut self,
        clock: &Clock,
        mut intervals: Option<&mut IntervalRecorder>,
    ) -> Block {
        self.start_over();
        let mut all = LatencyRecorder::new();
        let mut events = 0;
        let begun = clock.ticks();
        if let Some(intervals) = &mut intervals {
            intervals.roll(begun);
        }
        for frame in Arc::clone(&self.frames).iter().take(self.count) {
            let start = clock.ticks();
            let kind = self.decode(&frame);
            let spent = self.delayed(clock, start).saturating_sub(start);
            all.record_ticks(spent);
            let of_kind = kind
                .and_then(|kind| self.kinds[usize::from(frame.stamp.connection.0)].get_mut(kind));
            of_kind.unwrap_or(&mut self.others).record_ticks(spent);
            if let Some(intervals) = &mut intervals {
                intervals.record_ticks(spent);
            }
            events += self.batch.len() as u64;
            self.forget();
        }
        let ended = clock.ticks();
        if let Some(intervals) = &mut intervals {
            intervals.roll(ended);
        }
        let mut block = Block::of(&all, clock.elapsed_ns(begun, ended), clock);
        block.extras.push(("events_per_frame", super::scenario::ratio(events, block.items)));
        block.kinds = self.take_kinds();
        block
    }

    /// Times all frames as one.
    fn whole(&mut self, clock: &Clock) -> Block {
        self.start_over();
        let frames = Arc::clone(&self.frames);
        let begun = clock.ticks();
        for frame in frames.iter() {
            if self.delay_percent > 0 {
                let start = clock.ticks();
                black_box(self.decode(&frame));
                self.delayed(clock, start);
            } else {
                black_box(self.decode(&frame));
            }
            self.forget();
        }
        Block::whole(frames.len() as u64, clock.elapsed_ns(begun, clock.ticks()))
    }

    /// The time, after the work that is added to a frame that was begun at `start`: the thread is kept
    /// busy in proportion to what it has just done.
    #[inline]
    fn delayed(&self, clock: &Clock, start: u64) -> u64 {
        let mut now = clock.ticks();
        if self.delay_percent > 0 {
            let spent = now.saturating_sub(start);
            let until = now.saturating_add(spent * u64::from(self.delay_percent) / 100);
            while now < until {
                now = clock.ticks();
            }
        }
        now
    }

    fn take_kinds(&mut self) -> Vec<(String, LatencyRecorder)> {
        let mut kinds = Vec::new();
        for (venue, recorders) in self.venues.iter().zip(std::mem::take(&mut self.kinds)) {
            let names = venue.message_kinds().iter().map(|kind| (*kind).to_owned());
            kinds.extend(names.zip(recorders).filter(|(_, latency)| !latency.is_empty()));
        }
        if !self.others.is_empty() {
            kinds.push((OTHER.to_owned(), std::mem::take(&mut self.others)));
        }
        kinds
    }
}

fn vec_of<T>(count: usize, make: impl FnMut() -> T) -> Vec<T> {
    std::iter::repeat_with(make).take(count).collect()
}

const FRAME: &str = "decode.frame";
const FLAT_OUT: &str = "decode.flat-out";

/// Frames that are no market data, or cannot be decoded.
const OTHER: &str = "other";
