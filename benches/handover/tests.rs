use std::thread;

use proptest::prelude::*;

use super::{bare, one_line};

/// With the sequence before it, two lines.
type Event = [u64; 15];

/// The two hand-overs as one, for tests that both must pass.
trait Publish: Send {
    fn try_publish(&mut self, events: &[Event]) -> bool;
}

trait Read: Send {
    fn poll(&mut self, limit: usize, handle: &mut dyn FnMut(u64, &Event)) -> usize;
}

macro_rules! hand_over {
    ($module:ident) => {
        impl Publish for $module::Publisher<Event> {
            fn try_publish(&mut self, events: &[Event]) -> bool {
                self.try_publish(events.len(), |index, event| *event = events[index])
            }
        }
        impl Read for $module::Reader<Event> {
            fn poll(&mut self, limit: usize, handle: &mut dyn FnMut(u64, &Event)) -> usize {
                self.poll(limit, handle)
            }
        }
    };
}

hand_over!(bare);
hand_over!(one_line);

type Sides = (Box<dyn Publish>, Vec<Box<dyn Read>>);

fn made(slots: usize, readers: usize) -> [Sides; 2] {
    let boxed = |reader| Box::new(reader) as Box<dyn Read>;
    let (bare, bare_readers) = bare::bare(slots, readers);
    let boxed_line = |reader| Box::new(reader) as Box<dyn Read>;
    let (line, line_readers) = one_line::one_line(slots, readers);
    [
        (Box::new(bare), bare_readers.into_iter().map(boxed).collect()),
        (Box::new(line), line_readers.into_iter().map(boxed_line).collect()),
    ]
}

#[test]
fn a_slot_of_the_one_line_ring_is_two_lines_with_the_sequence_on_the_first() {
    let (mut publisher, mut readers) = one_line::one_line::<Event>(4, 1);
    assert!(publisher.try_publish(4, |_, _| {}));
    let mut at = Vec::new();
    readers[0].poll(4, |_, event| at.push(std::ptr::from_ref(event).addr()));
    assert!(at.iter().all(|address| address % 64 == 8), "{at:x?}");
    assert!(at.windows(2).all(|pair| pair[1] - pair[0] == 128), "{at:x?}");
}

/// Every reader on a thread of its own sees every event, in order and whole.
#[track_caller]
fn check_threads(slots: usize, readers: usize, count: u64) {
    for (mut publisher, readers) in made(slots, readers) {
        thread::scope(|scope| {
            let mut started = Vec::new();
            for mut reader in readers {
                let work = move || {
                    let mut next = 0;
                    while next < count {
                        let read = reader.poll(7, &mut |sequence, event| {
                            assert_eq!(sequence, next, "sequences have no hole");
                            assert!(event.iter().all(|&word| word == next), "torn: {event:?}");
                            next += 1;
                        });
                        if read == 0 {
                            thread::yield_now();
                        }
                    }
                };
                started.push(
                    thread::Builder::new().spawn_scoped(scope, work).expect("a thread starts"),
                );
            }
            let mut next = 0;
            while next < count {
                let size = (next % 3 + 1).min(count - next).min(slots as u64);
                let events: Vec<Event> = (next..next + size).map(|value| [value; 15]).collect();
                if publisher.try_publish(&events) {
                    next += size;
                } else {
                    thread::yield_now();
                }
            }
            for reader in started {
                reader.join().expect("a reader sees all");
            }
        });
    }
}

#[test]
fn every_reader_sees_every_event_in_order_and_whole() {
    check_threads(2, 2, 2_000);
    check_threads(64, 3, 20_000);
}

#[test]
#[ignore = "long: run on demand"]
fn every_reader_sees_every_event_in_order_and_whole_for_long() {
    check_threads(2, 2, 2_000_000);
    check_threads(1_024, 3, 20_000_000);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_is_overrun_lost_or_doubled(
        slots_log2 in 1..5_u32,
        readers in 1..=3_usize,
        steps in prop::collection::vec((any::<bool>(), 0..3_usize, 1..20_usize), 1..80),
    ) {
        let slots = 1 << slots_log2;
        for (mut publisher, mut sides) in made(slots, readers) {
            let mut published = 0_u64;
            let mut seen = vec![0_u64; readers];
            for &(is_publish, reader, size) in &steps {
                if is_publish {
                    let events: Vec<Event> =
                        (published..).take(size).map(|value| [value; 15]).collect();
                    let slowest = *seen.iter().min().expect("a reader");
                    let has_room = published + size as u64 <= slowest + slots as u64;
                    prop_assert_eq!(publisher.try_publish(&events), has_room);
                    published += if has_room { size as u64 } else { 0 };
                } else {
                    let next = &mut seen[reader % readers];
                    let expected = (published - *next).min(size as u64);
                    let count = sides[reader % readers].poll(size, &mut |sequence, event| {
                        assert_eq!((sequence, *event), (*next, [*next; 15]));
                        *next += 1;
                    });
                    prop_assert_eq!(count as u64, expected);
                }
            }
        }
    }
}
