//! Reading, decoding, publishing and handling one after the other on one thread: what share each has
//! of a frame, and what it costs to record them.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use tickring_capture::Merged;
use tickring_event::{Digest, Instruments, MarketEvent};
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

/// Names of the scenarios whose difference is what recording costs.
pub(crate) const RECORDING: [&str; 2] = ["stages.recorded", "stages.unrecorded"];

/// The shares, and the same without any of the measuring and with all of it.
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
    let [recorded, unrecorded] = RECORDING;
    let kinds = [
        (facts("stages.share", "frame", Since::Call), Kind::Shares),
        (facts(recorded, "event", Since::Block), Kind::Recorded),
        (facts(unrecorded, "event", Since::Block), Kind::Unrecorded),
    ];
    let mut all: Vec<Box<dyn Scenario>> = Vec::new();
    for (facts, kind) in kinds {
        let line = Line::new(input)?;
        let frames = Arc::clone(&input.frames);
        all.push(Box::new(Stages { facts, kind, line, frames, read: Box::new(input.reader()) }));
    }
    Ok(all)
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Shares,
    Recorded,
    Unrecorded,
}

struct Stages {
    facts: Facts,
    kind: Kind,
    line: Line,
    frames: Arc<Frames>,
    read: Box<dyn Fn() -> Result<Merged, Failure>>,
}

impl Scenario for Stages {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let Self { facts, kind, line, frames, read } = self;
        let merged = if *kind == Kind::Shares { Some(read()?) } else { None };
        let clock = &bench.clock;
        let work = || match merged {
            Some(merged) => line.shares(frames, merged, clock),
            None if *kind == Kind::Recorded => Ok(line.pass::<true>(frames, clock)),
            None => Ok(line.pass::<false>(frames, clock)),
        };
        thread::scope(|scope| {
            let thread = facts.place.spawn(scope, (0, "stages", bench.talk), work)?;
            thread.join().map_err(|_| Failure::new(Exit::Fault, "the stages' thread panicked"))?
        })
    }
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

    /// All frames as one, with everything the engine records of them or with nothing.
    fn pass<const IS_RECORDED: bool>(&mut self, frames: &Frames, clock: &Clock) -> Block {
        self.decoder.start_over();
        let begun = clock.ticks();
        let mut events = 0;
        for frame in frames.iter() {
            let arrival = if IS_RECORDED { clock.ticks() } else { 0 };
            self.decoder.decode(&frame);
            let enqueue = if IS_RECORDED { clock.ticks() } else { 0 };
            if IS_RECORDED && !self.decoder.batch.is_empty() {
                self.decode.record_ticks(enqueue.saturating_sub(arrival));
            }
            self.publish(arrival, enqueue);
            events += self.handle::<IS_RECORDED>(clock);
            self.decoder.forget();
        }
        Block::whole(events, clock.elapsed_ns(begun, clock.ticks()))
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

const CAPACITY: Capacity = Capacity::new(1 << 14).expect("a power of two");

/// As the workers'.
const BATCH_EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
