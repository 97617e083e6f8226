//! What is compared: ways to get an event from one thread to another, all asked the same.

use std::hint;

/// As large as the engine's event, and checked at both ends: a torn or lost one ends the bench.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub(crate) struct Event {
    pub(crate) sequence: u64,
    pub(crate) body: Body,
}

/// What an event says beside its sequence: a time, words that nobody changes, the sequence again.
pub(crate) type Body = [u64; 15];

const _: () = assert!(size_of::<Event>() == 128, "the engine's event has 128 bytes");

/// One way, with one sender and as many receivers as it serves.
pub(crate) trait Peer {
    /// How tables call it.
    const NAME: &'static str;
    /// Whether several receivers can see each event.
    const IS_BROADCAST: bool;
    type Sender: Send;
    type Receiver: Send;

    /// Both sides of a way that holds `capacity` events.
    fn link(capacity: usize, receivers: usize) -> (Self::Sender, Vec<Self::Receiver>);
    /// Sends as many of `events` as there is room for, from the first, and says how many. Never waits.
    fn offer(sender: &mut Self::Sender, events: &mut [Event]) -> usize;
    /// Hands on what is there, at most `limit`, and says how many. Never waits.
    fn take(
        receiver: &mut Self::Receiver,
        limit: usize,
        handle: &mut impl FnMut(u64, &Body),
    ) -> usize;
}

/// Sends all of `events`, spinning while there is no room.
#[inline]
pub(crate) fn send<P: Peer>(sender: &mut P::Sender, mut events: &mut [Event]) {
    loop {
        let sent = P::offer(sender, events);
        events = &mut events[sent..];
        if events.is_empty() {
            return;
        }
        hint::spin_loop();
    }
}

/// Makes events and checks them: both sides count alike.
#[derive(Debug, Default)]
pub(crate) struct Count {
    next: u64,
    sum: u64,
}

impl Count {
    /// Puts the next numbers on `events`.
    #[inline]
    pub(crate) fn number(&mut self, events: &mut [Event]) {
        for event in events {
            event.sequence = self.next;
            event.body[14] = self.next;
            self.next += 1;
        }
    }

    /// Looks at all of an event.
    #[inline]
    pub(crate) fn check(&mut self, sequence: u64, body: &Body) {
        assert!(sequence == self.next, "an event is lost or came twice");
        assert!(body[14] == sequence, "an event is torn");
        self.sum = body[1..14].iter().fold(self.sum, |sum, word| sum.wrapping_add(*word));
        self.next += 1;
    }

    /// How many events there were.
    pub(crate) const fn count(&self) -> u64 {
        self.next
    }

    /// Checks what does not change from event to event.
    pub(crate) fn finish(&self) {
        let of_one: u64 = PATTERN[1..14].iter().sum();
        assert!(
            self.sum == of_one.wrapping_mul(self.next),
            "what was received is not what was sent"
        );
    }
}

/// Events to send, without their numbers.
pub(crate) fn blank(count: usize) -> Vec<Event> {
    vec![Event { sequence: 0, body: PATTERN }; count]
}

const PATTERN: Body = [0, 2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 0];
