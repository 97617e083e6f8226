//! What a run counts. One thread owns a [`Counters`]; others look at its [`SharedCounters`].

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($variant:ident, $label:literal, $doc:literal;)+) => {
        /// A thing that is counted. Each variant's text is also its [`Counter::doc`].
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        pub enum Counter {
            $(#[doc = concat!($doc, ".")] $variant,)+
        }

        impl Counter {
            /// Every counter, in the order in which reports print them.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The counter's key in logs and reports: snake case, unique.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }

            /// What is counted, in one line.
            #[must_use]
            pub const fn doc(self) -> &'static str {
                match self { $(Self::$variant => $doc,)+ }
            }
        }
    };
}

counters! {
    Frames, "frames", "frames read from the source, whole messages";
    Bytes, "bytes", "bytes of payload in those frames";
    DecodeErrors, "decode_errors", "frames that could not be decoded";
    EventsPublished, "events_published", "events put on the ring, one per slot";
    EventsTrade, "events_trade", "trade events put on the ring";
    EventsTopOfBook, "events_top_of_book", "top-of-book events put on the ring";
    EventsLevels, "events_levels", "level events put on the ring; one depth message may take several";
    EventsBar, "events_bar", "bar events put on the ring";
    EventsGap, "events_gap", "gap events put on the ring";
    EventsStatus, "events_status", "connection status events put on the ring";
    Gaps, "gaps", "breaks found in a venue's numbering or left by a lost connection";
    Dropped, "dropped", "events dropped because the ring was full";
    Missing, "missing", "messages known to be missing at the venue's side of a gap";
    Duplicated, "duplicated", "messages that came a second time";
    Reordered, "reordered", "messages that came after a later one";
    ConnectAttempts, "connect_attempts", "attempts to connect, the first included";
    Reconnects, "reconnects", "connections made after the first";
    StaleDepth, "stale_depth", "depth messages older than the book they would change";
    HeldDepth, "held_depth", "depth messages held back until a snapshot arrived";
    ScanDeclined, "scan_declined", "readings that the scanner left to the general parser";
    Ignored, "ignored", "messages that the decoder knows and skips";
    Acks, "acks", "acknowledged subscriptions";
    Pongs, "pongs", "answers to keep-alive messages";
    Refusals, "refusals", "requests that the venue refused";
    SignalsDropped, "signals_dropped", "signals dropped because the sink's queue was full";
}

/// How many counters there are.
const COUNT: usize = Counter::ALL.len();

/// One value per [`Counter`], owned by one thread.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Counters([u64; COUNT]);

impl Counters {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self([0; COUNT])
    }

    /// Adds `count`. One addition, no branch.
    #[inline]
    pub fn add(&mut self, counter: Counter, count: u64) {
        self.0[counter as usize] += count;
    }

    /// The value of `counter`.
    #[inline]
    #[must_use]
    pub const fn get(&self, counter: Counter) -> u64 {
        self.0[counter as usize]
    }

    /// Adds every value of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (sum, count) in self.0.iter_mut().zip(other.0) {
            *sum += count;
        }
    }

    /// Every counter with its value, zeros included, in the order of [`Counter::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (Counter, u64)> + '_ {
        Counter::ALL.iter().copied().zip(self.0)
    }
}

impl Default for Counters {
    fn default() -> Self {
        Self::new()
    }
}

/// A copy of one thread's [`Counters`] for a monitor to read.
///
/// The owner stores its values once a batch; any thread loads them. Aligned to 128 bytes (two lines:
/// processors fetch lines in pairs), so that it shares no line with its neighbours.
#[derive(Debug)]
#[repr(align(128))]
pub struct SharedCounters([AtomicU64; COUNT]);

impl SharedCounters {
    /// All zero.
    #[must_use]
    pub const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; COUNT])
    }

    /// Publishes the owner's values. Plain stores into lines that only this thread writes; one
    /// writer at a time.
    pub fn store_from(&self, counters: &Counters) {
        for (shared, count) in self.0.iter().zip(counters.0) {
            // Relaxed: figures for people. No memory is read on the strength of them, and a reader
            // that sees one batch's frames beside the next batch's events is only a moment off.
            shared.store(count, Ordering::Relaxed);
        }
    }

    /// The value of `counter` at some recent batch.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        // Relaxed: see `store_from`; each value is whole by itself.
        self.0[counter as usize].load(Ordering::Relaxed)
    }

    /// All values, each from some recent batch, not necessarily the same one.
    #[must_use]
    pub fn load(&self) -> Counters {
        // Relaxed: see `store_from`; each value is whole by itself.
        Counters(std::array::from_fn(|index| self.0[index].load(Ordering::Relaxed)))
    }
}

impl Default for SharedCounters {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn labels_are_unique_snake_case_and_documented() {
        let labels: BTreeSet<_> = Counter::ALL.iter().map(|counter| counter.label()).collect();
        assert_eq!(labels.len(), Counter::ALL.len());
        for counter in Counter::ALL {
            assert!(!counter.doc().is_empty());
            assert!(counter.label().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        }
    }

    #[test]
    fn each_counter_has_a_place_of_its_own() {
        let mut counters = Counters::new();
        for (count, counter) in (1..).zip(Counter::ALL) {
            counters.add(*counter, count);
        }
        for (count, (counter, value)) in (1..).zip(counters.iter()) {
            assert_eq!((value, counters.get(counter)), (count, count));
        }
        assert_eq!(counters.iter().count(), Counter::ALL.len());
    }

    #[test]
    fn merging_adds_counter_by_counter() {
        let mut first = Counters::new();
        let mut second = Counters::new();
        first.add(Counter::Frames, 2);
        second.add(Counter::Frames, 3);
        second.add(Counter::Gaps, 1);
        first.merge(&second);
        assert_eq!((first.get(Counter::Frames), first.get(Counter::Gaps)), (5, 1));
    }

    #[test]
    fn a_monitor_reads_what_the_owner_stored_last() {
        let shared = SharedCounters::new();
        let mut counters = Counters::new();
        counters.add(Counter::Dropped, 7);
        assert_eq!(shared.get(Counter::Dropped), 0);
        shared.store_from(&counters);
        assert_eq!(shared.get(Counter::Dropped), 7);
        assert_eq!(shared.load(), counters);
    }

    #[test]
    fn shared_counters_fill_whole_lines() {
        assert_eq!(align_of::<SharedCounters>(), 128);
        assert!(size_of::<SharedCounters>().is_multiple_of(128));
    }
}
