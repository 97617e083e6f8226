//! Every order in which the threads' steps may come, within loom's bounds: its cells report a slot that
//! is read while it is written.
//!
//! `LOOM_MAX_PREEMPTIONS=2 RUSTFLAGS="--cfg loom" cargo test --release -p tickring-benches --lib`

use loom::thread;

use super::{bare, one_line};

/// More events than slots, so that slots are written again.
const EVENTS: u64 = 3;

/// Attempts of each side while the other is at work. Bounded, as every further empty one only makes
/// the model larger; what is left over is read in the end.
const ATTEMPTS: u64 = 3;

macro_rules! model {
    ($name:ident, $make:path, $readers:expr) => {
        #[test]
        fn $name() {
            loom::model(|| {
                let (mut publisher, readers) = $make(2, $readers);
                let read = |reader: &mut _, next: &mut u64| {
                    Read::poll(reader, &mut |sequence, event| {
                        assert_eq!((sequence, event), (*next, *next + 100));
                        *next += 1;
                    });
                };
                let readers: Vec<_> = readers
                    .into_iter()
                    .map(|mut reader| {
                        thread::spawn(move || {
                            let mut next = 0;
                            for _ in 0..ATTEMPTS {
                                read(&mut reader, &mut next);
                            }
                            (reader, next)
                        })
                    })
                    .collect();
                let mut published = 0;
                for _ in 0..ATTEMPTS {
                    let event = published + 100;
                    published += u64::from(publisher.try_publish(1, |_, slot| *slot = event));
                }
                let ended = readers.into_iter().map(|it| it.join().unwrap());
                let mut readers: Vec<_> = ended.collect();
                readers.iter_mut().for_each(|(reader, next)| read(reader, next));
                while published < EVENTS {
                    assert!(publisher.try_publish(1, |_, slot| *slot = published + 100));
                    published += 1;
                }
                readers.iter_mut().for_each(|(reader, next)| read(reader, next));
                assert!(readers.iter().all(|(_, next)| *next == EVENTS));
            });
        }
    };
}

/// The readers of both as one.
trait Read {
    fn poll(&mut self, handle: &mut dyn FnMut(u64, u64));
}

impl Read for bare::Reader<u64> {
    fn poll(&mut self, handle: &mut dyn FnMut(u64, u64)) {
        self.poll(2, |sequence, event| handle(sequence, *event));
    }
}

impl Read for one_line::Reader<u64> {
    fn poll(&mut self, handle: &mut dyn FnMut(u64, u64)) {
        self.poll(2, |sequence, event| handle(sequence, *event));
    }
}

model!(a_cursor_hands_every_event_to_one_reader, bare::bare, 1);
model!(a_cursor_hands_every_event_to_two_readers, bare::bare, 2);
model!(a_sequence_in_the_slot_hands_every_event_to_one_reader, one_line::one_line, 1);
model!(a_sequence_in_the_slot_hands_every_event_to_two_readers, one_line::one_line, 2);
