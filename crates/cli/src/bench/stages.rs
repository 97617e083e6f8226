//! Reading, decoding, publishing and handling one after the other on one thread: what share each has
//! of a frame, and what it costs to record them.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use tickring_capture::Merged;
use tickring_event::{Digest, Instruments, MarketEvent};
use tickring_harness::median;
use tickring_ingest::Frame;
use tickring_metrics::{Clock, EventTimes, LatencyRecorder, StageRecorders};
use tickring_ring::{Capacity, OnFull, Poller, Publisher, Stall, ring};
use tickring_strategy::{Context, SignalPort, SignalSender, Strategy, builtin};

use super::decode::Decoder;
use super::input::{Frames, Input};
use super::place::Place;
use super::scenario::{Bench, Block, Facts, Scenario, Since, float, ratio};
use crate::args::BenchArgs;
use crate::exit::{Exit, Failure};
use crate::sessions::unreadable;

/// What recording costs an event, among a scenario's further figures.
pub(crate) const RECORDING_NS: &str = "recording_ns_per_event";

/// The shares, and what recording costs.
pub(crate) fn scenarios(
    args: &BenchArgs,
    bench: &Bench,
    input: &Input,
) -> Result<Vec<Box<dyn Scenario>>, Failure> {
    let place = Place::new(&args.machine, &bench.machine, 1)?;
    let facts = |name: &str, item, since| Facts {
        name: name.to_owned(),
        stage: "decode",
        item,
        since,
        place: place.clone(),
    };
    Ok(vec![
        Box::new(Shares {
            facts: facts("stages.share", "frame", Since::Call),
            line: Line::new(input)?,
            frames: Arc::clone(&input.frames),
            read: Box::new(input.reader()),
        }),
        Box::new(Recording {
            facts: facts("stages.recorded", "event", Since::Block),
            recorded: Line::new(input)?,
            unrecorded: Line::new(input)?,
            frames: Arc::clone(&input.frames),
        }),
    ])
}

/// What share of a frame each stage has.
struct Shares {
    facts: Facts,
    line: Line,
    frames: Arc<Frames>,
    read: Box<dyn Fn() -> Result<Merged, Failure>>,
}

impl Scenario for Shares {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let Self { facts, line, frames, read } = self;
        let merged = read()?;
        let work = || line.shares(frames, merged, &bench.clock);
        thread::scope(|scope| {
            let thread = facts.place.spawn(scope, (0, "stages", bench.talk), work)?;
            thread.join().map_err(|_| Failure::new(Exit::Fault, "the stages' thread panicked"))?
        })
    }
}

/// The same frames through two lines, one of which records all that the engine does and the other
/// nothing.
struct Recording {
    facts: Facts,
    recorded: Line,
    unrecorded: Line,
    frames: Arc<Frames>,
}

impl Scenario for Recording {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let Self { facts, recorded, unrecorded, frames } = self;
        let work = || recording(recorded, unrecorded, frames, &bench.clock);
        thread::scope(|scope| {
            let thread = facts.place.spawn(scope, (0, "stages", bench.talk), work)?;
            thread.join().map_err(|_| Failure::new(Exit::Fault, "the stages' thread panicked"))
        })
    }
}

/// A few frames at a time through both lines, so that what a neighbour does meanwhile meets both or
/// stands out; each is the first every other time, because the second finds the text in its cache.
fn recording(recorded: &mut Line, unrecorded: &mut Line, frames: &Frames, clock: &Clock) -> Block {
    recorded.decoder.start_over();
    unrecorded.decoder.start_over();
    let all: Vec<Frame<'_>> = frames.iter().collect();
    let (mut events, mut elapsed_ns) = (0, 0);
    let mut differences = [const { Vec::new() }; 2];
    for (index, part) in all.chunks(PART_FRAMES).enumerate() {
        let is_first = index % 2 == 0;
        let before = is_first.then(|| recorded.pass::<true>(part, clock));
        let (_, without_ns) = unrecorded.pass::<false>(part, clock);
        let (count, with_ns) = before.unwrap_or_else(|| recorded.pass::<true>(part, clock));
        events += count;
        elapsed_ns += with_ns;
        if count > 0 {
            differences[index % 2].push((float(with_ns) - float(without_ns)) / float(count));
        }
    }
    let cost_ns = median(&differences.map(|it| median(&it)));
    let mut block = Block::whole(events, elapsed_ns);
    block.extras.push((RECORDING_NS, cost_ns));
    block
}

/// The engine's parts on one thread.
struct Line {
    decoder: Decoder,
    publisher: Publisher<MarketEvent>,
    poller: Poller<MarketEvent>,
    instruments: Instruments,
    strategy: Box<dyn Strategy>,
    port: SignalPort,
    digest: Digest,
    decode: LatencyRecorder,
    recorders: StageRecorders,
    /// Frames that did not fit the ring, and events that the strategy did not take: none.
    lost_frames: u64,
    failed_events: u64,
}

impl Line {
    fn new(input: &Input) -> Result<Self, Failure> {
        let (publisher, mut pollers) = ring(CAPACITY, 1);
        Ok(Self {
            decoder: Decoder::new(input, 0)?,
            publisher,
            poller: pollers.remove(0),
            instruments: Instruments::new(),
            strategy: builtin::by_name(STRATEGY).expect("it is built in"),
            port: SignalPort::new(SignalSender::discarding(), 0, 0),
            digest: Digest::new(),
            decode: LatencyRecorder::new(),
            recorders: StageRecorders::new(),
            lost_frames: 0,
            failed_events: 0,
        })
    }

    /// Frames as one, with everything the engine records of them or with nothing: how many events they
    /// gave, and how long it took.
    fn pass<const IS_RECORDED: bool>(&mut self, frames: &[Frame<'_>], clock: &Clock) -> (u64, u64) {
        let begun = clock.ticks();
        let mut events = 0;
        for frame in frames {
            let arrival = if IS_RECORDED { clock.ticks() } else { 0 };
            self.decoder.decode(frame);
            let enqueue = if IS_RECORDED { clock.ticks() } else { 0 };
            if IS_RECORDED && !self.decoder.batch.is_empty() {
                self.decode.record_ticks(enqueue.saturating_sub(arrival));
            }
            self.publish(arrival, enqueue);
            events += self.handle::<IS_RECORDED>(clock);
            self.decoder.forget();
        }
        (events, clock.elapsed_ns(begun, clock.ticks()))
    }

    /// Each frame with the time between its stages.
    fn shares(
        &mut self,
        frames: &Frames,
        mut merged: Merged,
        clock: &Clock,
    ) -> Result<Block, Failure> {
        let read_start = clock.ticks();
        let mut read = 0;
        while read < frames.len() && merged.advance().map_err(|error| unreadable(&error))? {
            read += 1;
        }
        let read_ns = ratio(clock.elapsed_ns(read_start, clock.ticks()), read as u64);
        drop(merged);
        self.decoder.start_over();
        let mut ticks = [0_u64; 3];
        let mut all = LatencyRecorder::new();
        let begun = clock.ticks();
        for frame in frames.iter() {
            let start = clock.ticks();
            self.decoder.decode(&frame);
            let decoded = clock.ticks();
            self.publish(start, decoded);
            let published = clock.ticks();
            self.handle::<true>(clock);
            let handled = clock.ticks();
            for (sum, (from, to)) in
                ticks.iter_mut().zip([(start, decoded), (decoded, published), (published, handled)])
            {
                *sum += to.saturating_sub(from);
            }
            all.record_ticks(handled.saturating_sub(start));
            self.decoder.forget();
        }
        let mut block = Block::of(&all, clock.elapsed_ns(begun, clock.ticks()), clock);
        let [decode_ns, publish_ns, handle_ns] =
            ticks.map(|ticks| ratio(clock.elapsed_ns(0, ticks), block.items));
        block.extras = vec![
            ("read_ns", read_ns),
            ("decode_ns", decode_ns),
            ("publish_ns", publish_ns),
            ("handle_ns", handle_ns),
            ("lost_frames_count", float(self.lost_frames)),
            ("failed_events_count", float(self.failed_events)),
        ];
        Ok(block)
    }

    /// Stamps the frame's events and puts them on the ring.
    #[inline]
    fn publish(&mut self, arrival: u64, enqueue: u64) {
        let events = self.decoder.batch.events_mut();
        for (sequence, event) in (self.publisher.next_sequence()..).zip(events.iter_mut()) {
            event.sequence = sequence;
            event.arrival_ticks = arrival;
            event.enqueue_ticks = enqueue;
        }
        // The ring is empty; a frame of more events than it has slots is left out.
        let published = self.publisher.publish(events, OnFull::Drop, &mut NoStall);
        self.lost_frames += u64::from(published.is_err());
    }

    /// Gives the strategy what is on the ring, as its worker does.
    #[inline]
    fn handle<const IS_RECORDED: bool>(&mut self, clock: &Clock) -> u64 {
        let Self { poller, instruments, strategy, port, digest, recorders, failed_events, .. } =
            self;
        let mut events = 0;
        let mut on_event = |event: &MarketEvent, sequence: u64, _: bool| {
            events += 1;
            let process = if IS_RECORDED { clock.ticks() } else { 0 };
            let mut context = Context::new(instruments, port, sequence, event.venue_time_ns);
            *failed_events += u64::from(strategy.on_event(event, &mut context).is_err());
            let done = if IS_RECORDED { clock.ticks() } else { 0 };
            digest.add(event);
            if IS_RECORDED {
                let (arrival, enqueue) = (event.arrival_ticks, event.enqueue_ticks);
                recorders.record(EventTimes { arrival, enqueue, process, done });
            }
        };
        while poller.poll(BATCH_EVENTS_MAX, &mut on_event).is_ok() {}
        events
    }
}

/// Nobody waits: the ring is emptied after each frame.
struct NoStall;

impl Stall for NoStall {
    fn ticks(&mut self) -> u64 {
        0
    }

    fn wait(&mut self) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

/// Counts events and does nothing else: the engine's own share of handling.
const STRATEGY: &str = "null";

/// Frames that are timed as one: a tenth of a millisecond.
const PART_FRAMES: usize = 100;

const CAPACITY: Capacity = Capacity::new(1 << 14).expect("a power of two");

/// As the workers'.
const BATCH_EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
