//! The ingest loop through its public names, over a scripted source and a toy venue.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tickring_event::{
    ConnectionState, Flags, Gap, GapReason, InstrumentId, Kind, Level, MarketEvent, Payload, Price,
    Quantity, Status, Trade,
};
use tickring_ingest::{
    Acknowledged, Action, Command, ConnectionTally, DecodeError, End, EventBatch, EventPublisher,
    Frame, Inbound, Incoming, Ingest, IngestReport, PublishConfig, Refusal, Remark, Source,
    SourceError, Stamp, Venue, notices,
};
use tickring_metrics::{Clock, Counter, MockClock, SharedCounters};
use tickring_ring::{Capacity, OnFull, Poller, WaitStrategy, ring};

/// One thing a scripted source gives.
#[derive(Clone)]
enum Step {
    Text(&'static str),
    /// A text that had waited in the kernel for [`KERNEL_WAIT_TICKS`].
    Waited(&'static str),
    State(ConnectionState),
    /// Runs when the loop comes here; then the source is idle.
    Do(Arc<dyn Fn() + Send + Sync>),
}

const KERNEL_WAIT_TICKS: u64 = 400;

struct Script {
    steps: VecDeque<Step>,
    clock: Clock,
    text: &'static str,
    sent: Arc<Mutex<Vec<String>>>,
    kept_alive: Arc<AtomicU32>,
    time: MockClock,
    reader: Arc<Reader>,
    stop: Arc<AtomicBool>,
    kernel_wait_ticks: Option<u64>,
}

impl Source for Script {
    fn next(&mut self) -> Result<Incoming<'_>, SourceError> {
        let stamp = Stamp { arrival_ticks: self.clock.ticks(), ..Stamp::default() };
        self.kernel_wait_ticks = None;
        match self.steps.pop_front() {
            Some(Step::Waited(text)) => {
                self.kernel_wait_ticks = Some(KERNEL_WAIT_TICKS);
                self.text = text;
                self.time.advance_ns(1_000);
                Ok(Incoming::Frame(Frame { stamp, text: self.text.as_bytes() }))
            }
            None => Ok(Incoming::Ended),
            Some(Step::Text(text)) => {
                self.text = text;
                self.time.advance_ns(1_000);
                Ok(Incoming::Frame(Frame { stamp, text: self.text.as_bytes() }))
            }
            Some(Step::State(state)) => {
                Ok(Incoming::Status(stamp, Status { state, attempt: 1, code: 0 }))
            }
            Some(Step::Do(action)) => {
                action();
                Ok(Incoming::Idle)
            }
        }
    }

    fn command(&mut self, _: tickring_event::ConnectionId, command: Command) {
        let Command::Send(text) = command else { panic!("{command:?}") };
        self.sent.lock().expect("no panic while locked").push(text);
    }

    fn answer(
        &mut self,
        _: tickring_event::ConnectionId,
        inbound: &Inbound,
    ) -> Result<(), SourceError> {
        match inbound {
            Inbound::Refused(refusal) if refusal.action == Action::Stop => {
                Err(SourceError::Refused(refusal.message.clone()))
            }
            _ => Ok(()),
        }
    }

    fn keep_alive(&mut self) {
        // Relaxed: a counter of the test; the thread is joined before it is read.
        self.kept_alive.fetch_add(1, Ordering::Relaxed);
        self.time.advance_ns(1_000_000);
        // Relaxed: one thread. Somebody reads, unless the test is about a run that is stopped.
        if !self.stop.load(Ordering::Relaxed) {
            self.reader.read_all();
        }
    }

    fn kernel_wait_ticks(&self, _: Stamp) -> Option<u64> {
        self.kernel_wait_ticks
    }

    fn tally(&self) -> ConnectionTally {
        ConnectionTally { attempts: 1, reconnects: 0 }
    }
}

/// `t` is a trade, `dN` a depth snapshot of N bids, `x` does not decode after half an event.
#[derive(Debug, Default)]
struct Toy {
    trades: u64,
}

const INSTRUMENT: InstrumentId = InstrumentId::new(3);

impl Venue for Toy {
    fn name(&self) -> &'static str {
        "toy"
    }

    fn message_kinds(&self) -> &'static [&'static str] {
        &["trade", "depth"]
    }

    fn open(&mut self, batch: &mut EventBatch) {
        batch.command(Command::Send("subscribe".to_owned()));
    }

    fn decode(
        &mut self,
        frame: &Frame<'_>,
        batch: &mut EventBatch,
    ) -> Result<Inbound, DecodeError> {
        let origin = frame.stamp.origin(INSTRUMENT);
        let text = std::str::from_utf8(frame.text).expect("scripts are text");
        match text.split_at(1) {
            ("t", _) => {
                self.trades += 1;
                let trade = Trade {
                    price: Price::from_mantissa(1),
                    quantity: Quantity::from_mantissa(1),
                    taker: None,
                    trade_id: Some(self.trades),
                };
                batch.push(MarketEvent::trade(&origin, trade));
                Ok(Inbound::Data(0))
            }
            ("d", count) => {
                let mut run = batch.depth(origin, Flags::SNAPSHOT);
                for at in 0..count.parse().expect("scripts count in digits") {
                    run.bid(Level {
                        price: Price::from_mantissa(at),
                        quantity: Quantity::from_mantissa(1),
                    });
                }
                run.finish();
                Ok(Inbound::Data(1))
            }
            ("a", _) => {
                batch.command(Command::Send("again".to_owned()));
                Ok(Inbound::Ack { complete: true })
            }
            ("r", _) => {
                batch.command(Command::Send("again".to_owned()));
                Ok(Inbound::from(Refusal {
                    code: 1001,
                    message: "no".to_owned(),
                    action: Action::Stop,
                    complete: true,
                }))
            }
            ("i", _) => Ok(Inbound::Ignored("unused")),
            _ => Err(DecodeError::Malformed),
        }
    }

    fn disconnected(&mut self, stamp: Stamp, batch: &mut EventBatch) {
        let gap = Gap {
            reason: GapReason::Disconnected,
            expected: 0,
            received: 0,
            missing: 0,
            breaks_book: true,
        };
        batch.push(MarketEvent::gap(&stamp.origin(INSTRUMENT), gap));
    }

    fn finish(&mut self, batch: &mut EventBatch) {
        batch.push(MarketEvent::status(
            &Stamp::default().origin(INSTRUMENT),
            Status { state: ConnectionState::Stale, attempt: 9, code: 0 },
        ));
    }

    fn acknowledged(&self) -> Vec<Acknowledged> {
        let came = |stream: &str, has_come| Acknowledged { stream: stream.to_owned(), has_come };
        let trade = came("toy@trade", self.trades > 0);
        // Of two connections for the same, one may have come late.
        vec![trade.clone(), came("toy@bar", self.trades > 0), came("toy@bar", false), trade]
    }
}

struct Run {
    report: IngestReport,
    sent: Vec<String>,
    kept_alive: u32,
    read: Arc<Mutex<Vec<MarketEvent>>>,
}

/// What a poller is to a script: a step can make it read.
struct Reader(Mutex<Poller<MarketEvent>>, Arc<Mutex<Vec<MarketEvent>>>);

impl Reader {
    fn read_all(&self) {
        let mut poller = self.0.lock().expect("no panic while locked");
        let mut events = self.1.lock().expect("no panic while locked");
        let limit = NonZeroUsize::new(1_024).expect("not zero");
        while poller.poll(limit, |event, _, _| events.push(*event)).is_ok() {}
    }
}

fn run(
    slots: usize,
    on_full: OnFull,
    script: impl FnOnce(&Arc<Reader>, &Arc<AtomicBool>) -> Vec<Step>,
) -> Run {
    let (clock, time) = Clock::mock();
    let (publisher, mut pollers) =
        ring::<MarketEvent>(Capacity::new(slots).expect("a power of two"), 1);
    let read = Arc::new(Mutex::new(Vec::new()));
    let reader = Arc::new(Reader(Mutex::new(pollers.remove(0)), Arc::clone(&read)));
    let stop = Arc::new(AtomicBool::new(false));
    let (sent, kept_alive) = (Arc::default(), Arc::new(AtomicU32::new(0)));
    let source = Script {
        steps: script(&reader, &stop).into(),
        clock: clock.clone(),
        text: "",
        sent: Arc::clone(&sent),
        kept_alive: Arc::clone(&kept_alive),
        time,
        reader: Arc::clone(&reader),
        stop: Arc::clone(&stop),
        kernel_wait_ticks: None,
    };
    let config = PublishConfig { on_full, wait: WaitStrategy::Yield };
    let (notices, _receiver) = notices();
    let ingest = Ingest {
        source,
        venues: vec![Box::new(Toy::default())],
        pairs: Vec::new(),
        publisher: EventPublisher::new(publisher, config, clock),
        stop,
        drain_ns_max: 20_000_000,
        shared: Arc::new(SharedCounters::new()),
        notices,
    };
    let report = ingest.run();
    reader.read_all();
    let sent = Clone::clone(&*sent.lock().expect("no panic while locked"));
    Run { report, sent, kept_alive: kept_alive.load(Ordering::Relaxed), read }
}

/// The steps, and then one that reads what they published.
fn then_read(mut steps: Vec<Step>, reader: &Arc<Reader>) -> Vec<Step> {
    let reader = Arc::clone(reader);
    steps.push(Step::Do(Arc::new(move || reader.read_all())));
    steps
}

fn kinds(run: &Run) -> Vec<Kind> {
    run.read.lock().expect("no panic while locked").iter().map(MarketEvent::kind).collect()
}

#[test]
fn events_are_stamped_and_numbered_in_the_order_of_their_frames() {
    let run = run(64, OnFull::Block, |reader, _| {
        then_read(vec![Step::Text("t"), Step::Text("d12"), Step::Text("t")], reader)
    });
    let events = run.read.lock().unwrap();
    assert!(events.iter().map(|it| it.sequence).eq(0..events.len() as u64));
    assert!(events[..5].iter().all(|it| it.enqueue_ticks - it.arrival_ticks == 1_000));
    assert_eq!(events[1].flags, Flags::SNAPSHOT.with(Flags::FIRST));
    assert_eq!(events[3].flags, Flags::SNAPSHOT.with(Flags::LAST));
    assert_eq!(run.report.messages, [("trade", 2), ("depth", 1)]);
    assert_eq!(run.report.counters.get(Counter::Frames), 3);
    assert_eq!(run.report.counters.get(Counter::Bytes), 5);
    assert_eq!(run.report.counters.get(Counter::EventsLevels), 3);
    assert_eq!(run.report.decode.count(), 4, "three frames and what the venue held back");
}

#[test]
fn what_waited_in_the_kernel_arrived_there_and_the_decoding_counts_from_the_read() {
    let run = run(64, OnFull::Block, |reader, _| {
        then_read(vec![Step::Text("t"), Step::Waited("d12"), Step::Text("t")], reader)
    });
    let events = run.read.lock().unwrap();
    let before_enqueue = events[..5].iter().map(|it| it.enqueue_ticks - it.arrival_ticks);
    let waited = 1_000 + KERNEL_WAIT_TICKS;
    assert_eq!(before_enqueue.collect::<Vec<_>>(), [1_000, waited, waited, waited, 1_000]);
    let (clock, _) = Clock::mock();
    let kernel = run.report.kernel.summary(&clock);
    assert_eq!((kernel.count, kernel.max), (1, KERNEL_WAIT_TICKS));
    assert_eq!(run.report.decode.summary(&clock).p50, 1_000);
}

#[test]
fn what_a_venue_held_back_is_published_last() {
    let run = run(64, OnFull::Block, |reader, _| then_read(vec![Step::Text("t")], reader));
    assert_eq!(kinds(&run), [Kind::Trade, Kind::Status]);
    assert!(matches!(run.report.end, End::Ended));
}

#[test]
fn what_was_subscribed_to_in_vain_is_a_remark() {
    let remarks = |text| run(64, OnFull::Block, |_, _| vec![Step::Text(text)]).report.remarks;
    let silent = Remark { reason: "silent_stream", count: 2, example: "toy@bar".to_owned() };
    assert_eq!(remarks("d1"), [silent]);
    assert_eq!(remarks("t"), []);
}

#[test]
fn connection_changes_are_events_in_stream_order_and_make_the_venue_subscribe() {
    let run = run(64, OnFull::Block, |reader, _| {
        let steps = vec![
            Step::State(ConnectionState::Connected),
            Step::Text("a"),
            Step::Text("t"),
            Step::State(ConnectionState::Disconnected),
        ];
        then_read(steps, reader)
    });
    let events = run.read.lock().unwrap();
    let states: Vec<_> = events
        .iter()
        .map(|event| match event.payload() {
            Payload::Status(status) => format!("{:?}", status.state),
            other => format!("{other:?}").chars().take(5).collect(),
        })
        .collect();
    assert_eq!(states, ["Connected", "Subscribed", "Trade", "Gap(G", "Disconnected", "Stale"]);
    assert_eq!(run.sent, ["subscribe", "again"]);
    assert_eq!(run.report.gaps.len(), 1);
    assert_eq!(run.report.counters.get(Counter::Acks), 1);
}

#[test]
fn a_frame_that_cannot_be_decoded_is_counted_by_reason_and_the_rest_goes_on() {
    let run = run(64, OnFull::Block, |reader, _| {
        then_read(vec![Step::Text("x"), Step::Text("i"), Step::Text("x"), Step::Text("t")], reader)
    });
    assert_eq!(kinds(&run), [Kind::Trade, Kind::Status]);
    let [failure] = run.report.decode_errors.as_slice() else { panic!("{:?}", run.report) };
    assert_eq!((failure.reason, failure.count), ("malformed", 2));
    assert_eq!(run.report.counters.get(Counter::DecodeErrors), 2);
    assert_eq!(run.report.counters.get(Counter::Ignored), 1);
}

#[test]
fn a_refusal_for_good_ends_the_run() {
    let run = run(64, OnFull::Block, |reader, _| {
        then_read(vec![Step::Text("r"), Step::Text("t")], reader)
    });
    assert!(matches!(run.report.end, End::Failed(SourceError::Refused(_))));
    assert_eq!(run.report.messages, [("trade", 0), ("depth", 0)]);
    assert_eq!(run.report.counters.get(Counter::Refusals), 1);
}

#[test]
fn a_full_ring_that_drops_says_so_with_a_gap_before_the_next_event() {
    let run = run(4, OnFull::Drop, |reader, _| {
        let mut steps = vec![Step::Text("t"); 7];
        steps = then_read(steps, reader);
        steps.push(Step::Text("t"));
        then_read(steps, reader)
    });
    let events = run.read.lock().unwrap();
    assert!(events.iter().map(|it| it.sequence).eq(0..events.len() as u64));
    let Payload::Gap(gap) = events[4].payload() else { panic!("{:?}", events[4]) };
    assert_eq!((gap.reason, gap.missing, gap.breaks_book), (GapReason::Dropped, 3, false));
    assert_eq!(events[4].instrument, INSTRUMENT);
    let Payload::Trade(trade) = events[5].payload() else { panic!("{:?}", events[5]) };
    assert_eq!(trade.trade_id, Some(8), "the gap stands exactly where the trades are missing");
    assert_eq!(run.report.counters.get(Counter::Dropped), 3);
    assert_eq!(run.report.counters.get(Counter::EventsPublished), events.len() as u64);
}

#[test]
fn dropped_depth_breaks_the_book() {
    let run = run(4, OnFull::Drop, |reader, _| {
        let steps = then_read(vec![Step::Text("t"), Step::Text("d30"), Step::Text("t")], reader);
        then_read(steps, reader)
    });
    let events = run.read.lock().unwrap();
    let gap = events.iter().find_map(|event| match event.payload() {
        Payload::Gap(gap) => Some(gap),
        _ => None,
    });
    assert!(gap.is_some_and(|gap| gap.breaks_book), "{events:?}");
    assert_eq!(run.report.stall.count(), 0, "what drops does not wait");
    assert_eq!(
        run.report.counters.get(Counter::EventsPublished)
            + run.report.counters.get(Counter::Dropped),
        1 + 6 + 1 + 1 + 1,
        "a trade, the depth's six events, a trade, the gap, what the venue held"
    );
}

#[test]
fn a_full_ring_that_fails_ends_the_run() {
    let run = run(4, OnFull::Fail, |_, _| vec![Step::Text("t"); 5]);
    assert!(matches!(run.report.end, End::RingFull), "{:?}", run.report.end);
}

#[test]
fn a_blocked_publisher_keeps_the_connection_alive_and_gives_up_at_the_drain_deadline() {
    let run = run(4, OnFull::Block, |_, stop| {
        let stop = Arc::clone(stop);
        let mut steps = vec![Step::Text("t"); 4];
        // Relaxed: one thread.
        steps.push(Step::Do(Arc::new(move || stop.store(true, Ordering::Relaxed))));
        steps
    });
    assert!(matches!(run.report.end, End::Stopped), "{:?}", run.report.end);
    assert_eq!(run.report.drained.left, [4]);
    assert!(run.kept_alive >= 20, "{} keep-alives in 20 ms", run.kept_alive);
    assert!(run.report.stall.count() >= 1, "the wait for a slot is in the histogram");
}
