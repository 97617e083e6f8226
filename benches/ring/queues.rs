//! Queues and channels, of which each event has one receiver; and tokio's broadcast channel, which
//! overwrites what a slow receiver has not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use crossbeam_queue::ArrayQueue;
use crossbeam_utils::CachePadded;
use tokio::sync::broadcast;

use super::peer::{Body, Event, Peer};

/// Takes one event after the other.
#[inline]
pub(crate) fn take_each(
    limit: usize,
    mut next: impl FnMut() -> Option<Event>,
    handle: &mut impl FnMut(u64, &Body),
) -> usize {
    let mut count = 0;
    while count < limit {
        let Some(event) = next() else { break };
        handle(event.sequence, &event.body);
        count += 1;
    }
    count
}

/// A peer with one receiver that sends and receives one event at a time.
macro_rules! queue {
    ($peer:ident, $name:literal, $sender:ty, $receiver:ty, $link:expr, $try_send:expr, $try_receive:expr) => {
        pub(crate) struct $peer;

        impl Peer for $peer {
            const NAME: &'static str = $name;
            const IS_BROADCAST: bool = false;
            type Sender = $sender;
            type Receiver = $receiver;

            fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
                assert!(receivers == 1, "each event has one receiver");
                let make: fn(usize) -> (Self::Sender, Self::Receiver) = $link;
                let (sender, receiver) = make(capacity);
                (sender, vec![receiver])
            }

            #[inline]
            fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
                let try_send = $try_send;
                events.iter().take_while(|event| try_send(&mut *sender, **event)).count()
            }

            #[inline]
            fn take(
                receiver: &mut Self::Receiver,
                limit: usize,
                handle: &mut impl FnMut(u64, &Body),
            ) -> usize {
                let try_receive = $try_receive;
                take_each(limit, || try_receive(&mut *receiver), handle)
            }
        }
    };
}

queue!(
    CrossbeamChannel,
    "crossbeam-channel",
    crossbeam_channel::Sender<Event>,
    crossbeam_channel::Receiver<Event>,
    crossbeam_channel::bounded,
    |sender: &mut crossbeam_channel::Sender<Event>, event| sender.try_send(event).is_ok(),
    |receiver: &mut crossbeam_channel::Receiver<Event>| receiver.try_recv().ok()
);

queue!(
    CrossbeamQueue,
    "crossbeam ArrayQueue",
    Arc<ArrayQueue<Event>>,
    Arc<ArrayQueue<Event>>,
    |capacity| {
        let queue = Arc::new(ArrayQueue::new(capacity));
        (Arc::clone(&queue), queue)
    },
    |queue: &mut Arc<ArrayQueue<Event>>, event| queue.push(event).is_ok(),
    |queue: &mut Arc<ArrayQueue<Event>>| queue.pop()
);

queue!(
    Kanal,
    "kanal",
    kanal::Sender<Event>,
    kanal::Receiver<Event>,
    kanal::bounded,
    |sender: &mut kanal::Sender<Event>, event| sender.try_send(event).is_ok_and(|sent| sent),
    |receiver: &mut kanal::Receiver<Event>| receiver.try_recv().ok().flatten()
);

queue!(
    Flume,
    "flume",
    flume::Sender<Event>,
    flume::Receiver<Event>,
    flume::bounded,
    |sender: &mut flume::Sender<Event>, event| sender.try_send(event).is_ok(),
    |receiver: &mut flume::Receiver<Event>| receiver.try_recv().ok()
);

queue!(
    StdMpsc,
    "std mpsc",
    mpsc::SyncSender<Event>,
    mpsc::Receiver<Event>,
    mpsc::sync_channel,
    |sender: &mut mpsc::SyncSender<Event>, event| sender.try_send(event).is_ok(),
    |receiver: &mut mpsc::Receiver<Event>| receiver.try_recv().ok()
);

/// `rtrb`, in chunks.
pub(crate) struct Rtrb;

impl Peer for Rtrb {
    const NAME: &'static str = "rtrb";
    const IS_BROADCAST: bool = false;
    type Sender = rtrb::Producer<Event>;
    type Receiver = rtrb::Consumer<Event>;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        assert!(receivers == 1, "each event has one receiver");
        let (producer, consumer) = rtrb::RingBuffer::new(capacity);
        (producer, vec![consumer])
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        match sender.write_chunk_uninit(events.len()) {
            Ok(chunk) => chunk.fill_from_iter(events.iter().copied()),
            Err(_) => 0,
        }
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        let count = receiver.slots().min(limit);
        if count == 0 {
            return 0;
        }
        let Ok(chunk) = receiver.read_chunk(count) else { return 0 };
        let (first, second) = chunk.as_slices();
        for event in first.iter().chain(second) {
            handle(event.sequence, &event.body);
        }
        chunk.commit_all();
        count
    }
}

/// tokio's broadcast channel without its runtime. It has no gating, so that the sender counts here what
/// each receiver has read, as rarely as a ring would: it looks when a lap is over.
pub(crate) struct TokioBroadcast;

pub(crate) struct BroadcastSender {
    sender: broadcast::Sender<Event>,
    positions: Arc<[CachePadded<AtomicU64>]>,
    capacity: u64,
    next: u64,
    clear: u64,
}

pub(crate) struct BroadcastReceiver {
    receiver: broadcast::Receiver<Event>,
    positions: Arc<[CachePadded<AtomicU64>]>,
    index: usize,
    next: u64,
}

impl Peer for TokioBroadcast {
    const NAME: &'static str = "tokio broadcast";
    const IS_BROADCAST: bool = true;
    type Sender = BroadcastSender;
    type Receiver = BroadcastReceiver;

    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>) {
        let (sender, first) = broadcast::channel(capacity);
        drop(first);
        let positions: Arc<[CachePadded<AtomicU64>]> =
            (0..receivers).map(|_| CachePadded::default()).collect();
        let receiver = |index| BroadcastReceiver {
            receiver: sender.subscribe(),
            positions: Arc::clone(&positions),
            index,
            next: 0,
        };
        let receivers = (0..receivers).map(receiver).collect();
        let capacity = capacity as u64;
        (BroadcastSender { sender, positions, capacity, next: 0, clear: capacity }, receivers)
    }

    #[inline]
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize {
        let end = sender.next + events.len() as u64;
        if end > sender.clear {
            // Relaxed: only bounds what is under way; the channel orders the events.
            let slowest = sender.positions.iter().map(|it| it.load(Ordering::Relaxed)).min();
            sender.clear = slowest.unwrap_or(0) + sender.capacity;
            if end > sender.clear {
                return 0;
            }
        }
        sender.next = end;
        events.iter().take_while(|event| sender.sender.send(**event).is_ok()).count()
    }

    #[inline]
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize {
        let count = take_each(limit, || receiver.receiver.try_recv().ok(), handle);
        if count > 0 {
            receiver.next += count as u64;
            // Relaxed: see `offer`.
            receiver.positions[receiver.index].store(receiver.next, Ordering::Relaxed);
        }
        count
    }
}
