//! Reading, decoding, publishing and handling one after the other on one thread: what share each has
//! of a frame, and what it costs to record them.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use tickring_capture::Merged;
use tickring_event::{Digest, Instruments, MarketEvent};
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

/// What recording costs an event by all rounds so far, among a scenario's further figures: two looks at
/// the clock and the values of all stages.
pub(crate) const RECORDING_NS: &str = "recording_ns_per_event";
/// What its arrival and enqueue time cost, which it carries whether or not anything is recorded.
pub(crate) const STAMPING_NS: &str = "stamping_ns_per_event";

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
            lines: [Line::new(input)?, Line::new(input)?, Line::new(input)?],
            frames: Arc::clone(&input.frames),
            parts: Vec::new(),
            rounds: 0,
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

/// The same frames through three lines that differ in what they measure.
struct Recording {
    facts: Facts,
    /// Of [`BARE`], [`STAMPED`] and [`RECORDED`].
    lines: [Line; 3],
    frames: Arc<Frames>,
    /// By their place in the input.
    parts: Vec<Part>,
    rounds: usize,
}

/// No look at the clock.
const BARE: usize = 0;
/// Arrival and enqueue time of each frame, which events carry.
const STAMPED: usize = 1;
/// All that the engine records: also two looks for each event, and the value of every stage.
const RECORDED: usize = 2;

impl Scenario for Recording {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn run(&mut self, bench: &Bench) -> Result<Block, Failure> {
        let place = self.facts.place.clone();
        let work = || self.measure(&bench.clock);
        thread::scope(|scope| {
            let thread = place.spawn(scope, (0, "stages", bench.talk), work)?;
            thread.join().map_err(|_| Failure::new(Exit::Fault, "the stages' thread panicked"))
        })
    }
}

/// The least that a few frames took through each line in any round: what a neighbour did meanwhile is
/// not in it.
#[derive(Clone, Copy, Debug)]
struct Part {
    events: u64,
    least_ns: [u64; 3],
}

impl Recording {
    /// A few frames at a time through all lines, in turns of who is the first: the others find the
    /// text in their cache.
    fn measure(&mut self, clock: &Clock) -> Block {
        let Self { lines, frames, parts, rounds, .. } = self;
        lines.iter_mut().for_each(|line| line.decoder.start_over());
        let all: Vec<Frame<'_>> = frames.iter().collect();
        let (mut events, mut elapsed_ns) = (0, 0);
        for (index, frames) in all.chunks(PART_FRAMES).enumerate() {
            let mut part = Part { events: 0, least_ns: [u64::MAX; 3] };
            for turn in 0..lines.len() {
                let which = (index + *rounds + turn) % lines.len();
                let line = &mut lines[which];
                (part.events, part.least_ns[which]) = match which {
                    BARE => line.pass::<BARE>(frames, clock),
                    STAMPED => line.pass::<STAMPED>(frames, clock),
                    _ => line.pass::<RECORDED>(frames, clock),
                };
            }
            events += part.events;
            elapsed_ns += part.least_ns[RECORDED];
            match parts.get_mut(index) {
                Some(known) => {
                    let pairs = known.least_ns.iter_mut().zip(part.least_ns);
                    pairs.for_each(|(least, ns)| *least = ns.min(*least));
                }
                None => parts.push(part),
            }
        }
        *rounds += 1;
        let all_events: u64 = parts.iter().map(|it| it.events).sum();
        let [bare, stamped, recorded] =
            [BARE, STAMPED, RECORDED].map(|it| parts.iter().map(|part| part.least_ns[it]).sum());
        let each = |ns| ratio(ns, all_events);
        let mut block = Block::whole(events, elapsed_ns);
        block.extras = vec![
            (RECORDING_NS, each(recorded) - each(stamped)),
            (STAMPING_NS, each(stamped) - each(bare)),
        ];
        block
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

    /// Frames as one, measured as `KIND` says: how many events they gave, and how long it took.
    fn pass<const KIND: usize>(&mut self, frames: &[Frame<'_>], clock: &Clock) -> (u64, u64) {
        let begun = clock.ticks();
        let mut events = 0;
        for frame in frames {
            let arrival = if KIND >= STAMPED { clock.ticks() } else { 0 };
            self.decoder.decode(frame);
            let enqueue = if KIND >= STAMPED { clock.ticks() } else { 0 };
            if KIND == RECORDED && !self.decoder.batch.is_empty() {
                self.decode.record_ticks(enqueue.saturating_sub(arrival));
            }
            self.publish(arrival, enqueue);
            events += self.handle::<KIND>(clock);
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
            self.handle::<RECORDED>(clock);
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
    fn handle<const KIND: usize>(&mut self, clock: &Clock) -> u64 {
        let Self { poller, instruments, strategy, port, digest, recorders, failed_events, .. } =
            self;
        let mut events = 0;
        let mut on_event = |event: &MarketEvent, sequence: u64, _: bool| {
            events += 1;
            let process = if KIND == RECORDED { clock.ticks() } else { 0 };
            let mut context = Context::new(instruments, port, sequence, event.venue_time_ns);
            *failed_events += u64::from(strategy.on_event(event, &mut context).is_err());
            let done = if KIND == RECORDED { clock.ticks() } else { 0 };
            digest.add(event);
            if KIND == RECORDED {
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

/// Frames that are timed as one. Each line finds its histograms out of the cache when its turn comes,
/// which must not count; and a part should be over before a neighbour's next turn.
const PART_FRAMES: usize = 1_000;

const CAPACITY: Capacity = Capacity::new(1 << 12).expect("a power of two");

/// As the workers'.
const BATCH_EVENTS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("not zero");
