//! What strategies say, and the bounded queue that carries it off their threads.

use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

use tickring_event::InstrumentId;

/// Name of the signal that is a decision: the position that is wished for, as a fraction of the size
/// that whoever acts on it uses. 1 is long, 0 flat, -1 short; values beyond are for the position rule
/// to refuse. It is said when it changes; before the first, a strategy is flat.
pub const TARGET: &str = "target";

/// One thing a strategy said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signal {
    /// Index of the strategy in the run.
    pub strategy: u16,
    /// Index of the worker, from 0.
    pub worker: u32,
    /// What it is about; [`InstrumentId::NONE`] for no single instrument.
    pub instrument: InstrumentId,
    /// Position in the stream of the event that led to it.
    pub sequence: u64,
    /// Venue time of that event, ns since the epoch; 0 where the venue gives none.
    pub venue_time_ns: u64,
    /// What was measured or decided.
    pub name: &'static str,
    /// Its value.
    pub value: f64,
}

/// A queue for `capacity` signals, from any number of workers to one sink.
///
/// # Panics
/// When `capacity` is 0: such a queue only ever hands over to a receiver that waits in it.
#[must_use]
pub fn signal_channel(capacity: usize) -> (SignalSender, SignalReceiver) {
    assert!(capacity > 0, "a signal queue needs room");
    let (sender, receiver) = sync_channel(capacity);
    (SignalSender(Some(sender)), SignalReceiver(receiver))
}

/// The workers' end of the queue; clone one for each.
#[derive(Clone, Debug)]
pub struct SignalSender(Option<SyncSender<Signal>>);

impl SignalSender {
    /// A sender for a run that wants no signals: it takes them all and keeps none.
    #[must_use]
    pub const fn discarding() -> Self {
        Self(None)
    }

    /// Puts a signal in the queue; `false` when it was dropped, because the queue is full or the
    /// sink has gone. Never waits. No system call either: the receiver never sleeps in the queue.
    #[must_use]
    pub fn try_send(&self, signal: Signal) -> bool {
        self.0.as_ref().is_none_or(|sender| sender.try_send(signal).is_ok())
    }
}

/// The sink's end of the queue.
#[derive(Debug)]
pub struct SignalReceiver(Receiver<Signal>);

impl SignalReceiver {
    /// The next signal; `Ok(None)` when there is none yet.
    ///
    /// # Errors
    /// [`SignalsEnded`] when every sender is gone and every signal was taken.
    pub fn try_receive(&self) -> Result<Option<Signal>, SignalsEnded> {
        match self.0.try_recv() {
            Ok(signal) => Ok(Some(signal)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(SignalsEnded),
        }
    }
}

/// No signal will come any more.
#[derive(Clone, Copy, Debug, Eq, thiserror::Error, PartialEq)]
#[error("every sender of signals is gone")]
pub struct SignalsEnded;

/// One worker's outlet for signals: who speaks, and how much was said.
#[derive(Debug)]
pub struct SignalPort {
    sender: SignalSender,
    strategy: u16,
    worker: u32,
    given: u64,
    dropped: u64,
}

impl SignalPort {
    /// An outlet for the worker with index `worker` of the strategy with index `strategy`.
    #[must_use]
    pub const fn new(sender: SignalSender, strategy: u16, worker: u32) -> Self {
        Self { sender, strategy, worker, given: 0, dropped: 0 }
    }

    /// Signals that the strategy gave, the dropped ones included.
    #[must_use]
    pub const fn given(&self) -> u64 {
        self.given
    }

    /// Signals that found no room in the queue.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) const fn strategy(&self) -> u16 {
        self.strategy
    }

    pub(crate) const fn worker(&self) -> u32 {
        self.worker
    }

    pub(crate) fn give(&mut self, signal: Signal) {
        self.given += 1;
        self.dropped += u64::from(!self.sender.try_send(signal));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(sequence: u64) -> Signal {
        Signal {
            strategy: 0,
            worker: 0,
            instrument: InstrumentId::NONE,
            sequence,
            venue_time_ns: 0,
            name: "x",
            value: 1.0,
        }
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let (sender, receiver) = signal_channel(2);
        let mut port = SignalPort::new(sender, 0, 0);
        (0..5).for_each(|sequence| port.give(signal(sequence)));
        assert_eq!((port.given(), port.dropped()), (5, 3));
        assert_eq!(receiver.try_receive(), Ok(Some(signal(0))));
        assert_eq!(receiver.try_receive(), Ok(Some(signal(1))));
        assert_eq!(receiver.try_receive(), Ok(None));
        drop(port);
        assert_eq!(receiver.try_receive(), Err(SignalsEnded));
    }

    #[test]
    fn a_sink_that_has_gone_drops_and_counts() {
        let (sender, receiver) = signal_channel(2);
        drop(receiver);
        let mut port = SignalPort::new(sender, 0, 0);
        port.give(signal(0));
        assert_eq!((port.given(), port.dropped()), (1, 1));
    }

    #[test]
    fn a_run_without_a_sink_drops_nothing() {
        let mut port = SignalPort::new(SignalSender::discarding(), 0, 0);
        (0..5).for_each(|sequence| port.give(signal(sequence)));
        assert_eq!((port.given(), port.dropped()), (5, 0));
    }
}
